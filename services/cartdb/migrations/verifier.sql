-- What `make verify` may read of this database: views in a schema of their own, made anew when this file changes.
-- A purchase's snapshot holds addresses and an e-mail: only what was sold, and for how much, is let through.
CREATE VIEW verify.purchases AS
SELECT p.owner_id, p.checkout_id, p.cart_id, p.state, p.amount, p.currency, p.intent_id, p.refunded,
    sold.items, sold.total, sold.multiplied
FROM purchases p CROSS JOIN LATERAL (
    SELECT string_agg(l.sku || ' x ' || l.quantity, ', ' ORDER BY l.sku COLLATE "C") AS items,
        sum(l.line_total)::bigint AS total, sum(l.unit_price * l.quantity)::bigint AS multiplied
    FROM jsonb_to_recordset(p.snapshot -> 'lines')
        AS l (sku text, quantity bigint, unit_price bigint, line_total bigint)
) AS sold;
CREATE VIEW verify.refunds AS
SELECT r.owner_id, r.refund_id, r.checkout_id, r.state, r.amount, r.currency, r.processor_refund_id, r.created_at, (
    SELECT string_agg(l.sku || ' x ' || l.quantity, ', ' ORDER BY l.sku COLLATE "C")
    FROM jsonb_to_recordset(r.restock) AS l (sku text, quantity bigint)) AS items
FROM refunds r;
CREATE VIEW verify.decisions AS SELECT owner_id, checkout_id, cart_id, state, created_at FROM purchases;
CREATE VIEW verify.shoppers AS SELECT owner_id, current_cart_id FROM shoppers;
CREATE VIEW verify.carts AS SELECT owner_id, cart_id, status, version, merge_id, target_owner, updated_at, emptied_at
FROM carts;
CREATE VIEW verify.lines AS SELECT owner_id, cart_id, sku, quantity FROM lines;
CREATE VIEW verify.history AS SELECT owner_id, cart_id, entry, version, action, sku, quantity FROM history;
CREATE VIEW verify.receipts AS SELECT owner_id, merge_id, guest_owner FROM receipts;
CREATE VIEW verify.receipt_lines AS
SELECT r.owner_id, r.merge_id, r.guest_owner, l.sku, l.guest_quantity
FROM receipts r CROSS JOIN LATERAL jsonb_to_recordset(r.lines) AS l (sku text, guest_quantity bigint)
WHERE l.guest_quantity > 0;
