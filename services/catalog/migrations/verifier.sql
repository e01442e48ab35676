-- What `make verify` may read of this database: views in a schema of their own, made anew when this file changes.
CREATE VIEW verify.skus AS SELECT sku, supplied, available, held, sold FROM skus;
CREATE VIEW verify.holds AS SELECT checkout_id, state, created_at FROM holds;
CREATE VIEW verify.hold_lines AS SELECT checkout_id, sku, quantity, restocked FROM hold_lines;
CREATE VIEW verify.restocks AS SELECT refund_id, checkout_id FROM restocks;
CREATE VIEW verify.restock_lines AS SELECT refund_id, checkout_id, sku, quantity FROM restock_lines;
