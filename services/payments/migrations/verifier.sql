-- What `make verify` may read of this database: views in a schema of their own, made anew when this file changes.
-- Nothing of cards, and of metadata only the ids that the shop wrote there.
CREATE VIEW verify.intents AS
SELECT id, metadata ->> 'checkout_id' AS checkout_id, amount, amount_received, currency, status, created_at
FROM payment_intents;
CREATE VIEW verify.charges AS
SELECT id, payment_intent, amount - uncaptured AS captured, amount_refunded, currency FROM charges WHERE succeeded;
CREATE VIEW verify.refunds AS
SELECT id, charge, payment_intent, amount, currency, metadata ->> 'refund_id' AS refund_id FROM refunds;
