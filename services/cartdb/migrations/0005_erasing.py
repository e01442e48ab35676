"""Forgetting a shopper: one function, run with the owner role's rights, since history takes no deletion from the app.

What was bought stays without the person: the purchase and its refunds, the bought cart with its lines and history.
What an adoption moved stays as its ids, without a line, so that a late twin of it finds that it has been. The first
cart's id can be made again from the owner's, so its row stays as a deleted one.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

ERASE = """
    CREATE FUNCTION erase_owner(
        p_owner text, p_adopted_by text, p_only_ask boolean, p_first_cart uuid, p_next_cart uuid, p_idle_days integer,
        OUT outcome text, OUT orders uuid[]
    ) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        v_current carts%ROWTYPE;
    BEGIN
        PERFORM FROM shoppers WHERE owner_id = p_owner FOR UPDATE;
        PERFORM FROM carts WHERE owner_id = p_owner ORDER BY cart_id FOR UPDATE;
        PERFORM FROM purchases WHERE owner_id = p_owner ORDER BY checkout_id FOR UPDATE;
        SELECT array_agg(checkout_id ORDER BY checkout_id) INTO orders FROM (
            SELECT checkout_id FROM purchases WHERE owner_id = p_owner AND state = 'pending'
            UNION SELECT checkout_id FROM refunds WHERE owner_id = p_owner AND state = 'pending'
        ) AS unfinished;
        outcome := CASE
            WHEN orders IS NOT NULL THEN 'account_has_unfinished_orders'
            WHEN EXISTS (
                SELECT FROM carts WHERE owner_id = p_owner AND merge_id IS NOT NULL
                    AND (status = 'moving' OR target_owner IS DISTINCT FROM p_adopted_by)
            ) THEN 'cart_is_being_adopted'
            ELSE 'ok' END;
        IF outcome <> 'ok' OR p_only_ask THEN
            RETURN;
        END IF;

        SELECT c.* INTO v_current FROM shoppers s
            JOIN carts c ON c.owner_id = s.owner_id AND c.cart_id = s.current_cart_id
            WHERE s.owner_id = p_owner;
        IF v_current.status <> 'moved'
            AND NOT (v_current.status = 'open' AND v_current.version = 0 AND v_current.name IS NULL)
        THEN
            INSERT INTO carts (owner_id, cart_id, currency, expires_at)
                VALUES (p_owner, p_next_cart, v_current.currency, cart_expiry(p_idle_days));
            INSERT INTO history (owner_id, cart_id, version, status, action, actor)
                VALUES (p_owner, p_next_cart, 0, 'open', 'create', 'erasure');
            UPDATE shoppers SET current_cart_id = p_next_cart WHERE owner_id = p_owner;
            v_current.cart_id := p_next_cart;
            v_current.status := 'open';
        END IF;

        -- What is left then: bought carts, moved ones, an untouched current one, and empty ones whose ids may come up.
        DELETE FROM carts c WHERE owner_id = p_owner AND status IN ('open', 'deleted')
            AND cart_id NOT IN (p_first_cart, v_current.cart_id)
            AND NOT EXISTS (SELECT FROM purchases p WHERE p.owner_id = p_owner AND p.cart_id = c.cart_id);
        DELETE FROM lines l USING carts c
            WHERE l.owner_id = p_owner AND c.owner_id = p_owner AND c.cart_id = l.cart_id AND c.status <> 'purchased';
        DELETE FROM history h USING carts c
            WHERE h.owner_id = p_owner AND c.owner_id = p_owner AND c.cart_id = h.cart_id AND c.status <> 'purchased'
                AND c.emptied_at IS NULL AND NOT (c.status = 'open' AND c.cart_id = v_current.cart_id);
        UPDATE history SET name = NULL, detail = detail - 'before' - 'after' WHERE owner_id = p_owner;
        UPDATE carts SET name = NULL WHERE owner_id = p_owner;
        WITH emptied AS (
            UPDATE carts SET version = version + 1, updated_at = clock_timestamp(), emptied_at = clock_timestamp(),
                    status = CASE status WHEN 'open' THEN 'deleted' ELSE status END
                WHERE owner_id = p_owner AND status <> 'purchased' AND emptied_at IS NULL
                    AND NOT (status = 'open' AND cart_id = v_current.cart_id)
                RETURNING owner_id, cart_id, version, status)
            INSERT INTO history (owner_id, cart_id, version, status, action, actor)
            SELECT owner_id, cart_id, version, status, 'erase', 'erasure' FROM emptied;
        DELETE FROM idempotency_keys WHERE owner_id = p_owner;
        -- Written anew, so that what a later column tells of lines is gone as well.
        WITH gone AS (DELETE FROM receipts WHERE owner_id = p_owner RETURNING *)
            INSERT INTO receipts
                (owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, lines, applied_at)
            SELECT owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, '[]', applied_at FROM gone;
        -- The fingerprint is a hash of a form with addresses: whoever guesses one could prove it.
        UPDATE purchases SET erased_at = now(), fingerprint = 'erased', snapshot = snapshot
                || '{"shipping_address": null, "billing_address": null, "email": null}'
            WHERE owner_id = p_owner AND erased_at IS NULL;
        UPDATE shoppers SET erased_at = now() WHERE owner_id = p_owner;
    END
    $$
"""

STATEMENTS = (
    "ALTER TABLE shoppers ADD COLUMN erased_at timestamptz",
    "ALTER TABLE purchases ADD COLUMN erased_at timestamptz",
    ERASE,
    # The role that verifies may enter this database too. The app has its right by the database's defaults.
    "REVOKE EXECUTE ON FUNCTION erase_owner FROM PUBLIC",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
