"""A history that tells every change, to which the service can only add, and the end of carts that nobody touches.

An older replica beside this schema goes on: its edits are told in full, since the function is this one, its other
changes as before.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    # The cart as the change left it. Null in entries from before this step.
    """
    ALTER TABLE history
        ADD COLUMN status text,
        ADD COLUMN name text,
        ADD COLUMN added_price bigint,
        ADD COLUMN detail jsonb
    """,
    # When lines and history were taken away and the row stayed, so that its id is never used again.
    "ALTER TABLE carts ADD COLUMN emptied_at timestamptz",
    # No index holds what every edit changes: an edit that changes no indexed column writes no index (docs/decisions/
    # 0003), and cart_expiry keeps to whole days for the same reason.
    "DROP INDEX carts_moving",
    "CREATE INDEX carts_moving ON carts (owner_id) WHERE status = 'moving'",
    """
    CREATE INDEX carts_expiring ON carts (expires_at, owner_id)
        WHERE status IN ('open', 'moved', 'deleted') AND emptied_at IS NULL
    """,
    """
    CREATE FUNCTION cart_expiry(p_idle_days integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$
        SELECT date_trunc('day', now(), 'UTC') + make_interval(days => p_idle_days + 1)
    $$
    """,
)

# What is written stays written, whatever the service's own role is made to say. Roles are named differently in tests.
APPEND_ONLY = """
    DO $$
    DECLARE
        v_right record;
    BEGIN
        FOR v_right IN
            SELECT DISTINCT c.oid::regclass AS relation, g.grantee::regrole AS role, c.relname = 'history' AS append_only
            FROM pg_class c CROSS JOIN aclexplode(c.relacl) g
            WHERE c.relnamespace = 'public'::regnamespace AND g.grantee NOT IN (0, c.relowner)
                AND c.relname IN ('history', 'carts', 'shoppers', 'purchases', 'refunds', 'receipts')
        LOOP
            EXECUTE format('REVOKE DELETE, TRUNCATE ON %s FROM %s', v_right.relation, v_right.role);
            IF v_right.append_only THEN
                EXECUTE format('REVOKE UPDATE ON %s FROM %s', v_right.relation, v_right.role);
            END IF;
        END LOOP;
    END
    $$
"""

EDIT_CART = """
    CREATE OR REPLACE FUNCTION edit_cart(
        p_owner text, p_cart uuid, p_first_cart uuid, p_action text, p_sku text, p_product integer, p_variant integer,
        p_quantity bigint, p_price bigint, p_expected integer, p_key text, p_fingerprint text, p_currency text,
        p_max_quantity integer, p_max_lines integer, p_idle_days integer, p_actor text,
        OUT outcome text, OUT detail jsonb, OUT version integer, OUT cart json
    ) LANGUAGE plpgsql AS $$
    #variable_conflict use_column
    DECLARE
        v_cart uuid := p_cart;
        v_row carts%ROWTYPE;
        v_key idempotency_keys%ROWTYPE;
        v_before bigint;
        v_after bigint;
        v_price bigint;
        v_changed boolean := true;
    BEGIN
        IF p_key IS NOT NULL THEN
            INSERT INTO idempotency_keys AS k (owner_id, key, fingerprint) VALUES (p_owner, p_key, p_fingerprint)
            ON CONFLICT (owner_id, key) DO UPDATE
                SET fingerprint = excluded.fingerprint, outcome = NULL, detail = NULL, cart_id = NULL, version = NULL,
                    created_at = now()
                WHERE k.created_at < now() - interval '24 hours';
            IF NOT FOUND THEN
                SELECT * INTO v_key FROM idempotency_keys WHERE owner_id = p_owner AND key = p_key;
                IF v_key.fingerprint <> p_fingerprint THEN
                    outcome := 'idempotency_key_reused';
                ELSE
                    outcome := v_key.outcome;
                    detail := v_key.detail;
                    cart := cart_document(p_owner, v_key.cart_id, true);
                    version := (cart ->> 'version')::integer;
                END IF;
                RETURN;
            END IF;
        END IF;

        LOOP
            IF p_cart IS NULL THEN
                SELECT current_cart_id INTO v_cart FROM shoppers WHERE owner_id = p_owner;
            END IF;
            IF v_cart IS NOT NULL THEN
                SELECT * INTO v_row FROM carts WHERE owner_id = p_owner AND cart_id = v_cart FOR UPDATE;
                EXIT WHEN FOUND AND (p_cart IS NOT NULL OR v_row.status NOT IN ('purchased', 'deleted'));
                -- Whoever ended the cart while we waited for its row has moved the pointer on in the same transaction.
                -- Look again without a lock on the shopper: they lock it before a cart, and we hold a cart's row.
                CONTINUE WHEN FOUND;
                IF p_cart IS NOT NULL AND p_cart <> p_first_cart THEN
                    outcome := 'cart_not_found';
                    EXIT;
                END IF;
            END IF;
            INSERT INTO shoppers AS s (owner_id, current_cart_id) VALUES (p_owner, p_first_cart)
                ON CONFLICT (owner_id) DO UPDATE SET owner_id = excluded.owner_id
                RETURNING s.current_cart_id INTO v_cart;
            INSERT INTO carts (owner_id, cart_id, currency, expires_at)
                VALUES (p_owner, p_first_cart, p_currency, cart_expiry(p_idle_days))
                ON CONFLICT (owner_id, cart_id) DO NOTHING;
            IF FOUND THEN
                INSERT INTO history (owner_id, cart_id, version, status, action, actor)
                    VALUES (p_owner, p_first_cart, 0, 'open', 'create', p_actor);
            END IF;
            IF p_cart IS NOT NULL THEN
                v_cart := p_cart;
            END IF;
        END LOOP;

        IF outcome IS NULL THEN
            outcome := CASE v_row.status
                WHEN 'open' THEN 'ok'
                WHEN 'in_checkout' THEN 'cart_in_checkout'
                WHEN 'purchased' THEN 'cart_already_purchased'
                WHEN 'deleted' THEN 'cart_not_found'
                ELSE 'cart_is_being_adopted' END;
            IF outcome = 'ok' AND p_expected IS NOT NULL AND p_expected <> v_row.version THEN
                outcome := 'precondition_failed';
            END IF;
        END IF;

        IF outcome = 'ok' AND p_action <> 'clear' THEN
            SELECT quantity INTO v_before FROM lines WHERE owner_id = p_owner AND cart_id = v_cart AND sku = p_sku;
            v_after := CASE p_action
                WHEN 'add' THEN COALESCE(v_before, 0) + p_quantity
                WHEN 'set' THEN p_quantity
                ELSE 0 END;
            IF v_after > p_max_quantity THEN
                outcome := 'quantity_limit_exceeded';
                detail := jsonb_build_object('sku', p_sku, 'limit', p_max_quantity, 'in_cart', COALESCE(v_before, 0));
            ELSIF v_before IS NULL AND v_after > 0 AND p_max_lines <= (
                SELECT count(*) FROM lines WHERE owner_id = p_owner AND cart_id = v_cart
            ) THEN
                outcome := 'line_limit_exceeded';
                detail := jsonb_build_object('sku', p_sku, 'limit', p_max_lines);
            ELSIF v_after > 0 THEN
                INSERT INTO lines (owner_id, cart_id, sku, product_id, variant_id, quantity, added_price)
                    VALUES (p_owner, v_cart, p_sku, p_product, p_variant, v_after, p_price)
                    ON CONFLICT (owner_id, cart_id, sku) DO UPDATE SET quantity = excluded.quantity
                    RETURNING added_price INTO v_price;
                v_changed := v_before IS DISTINCT FROM v_after;
            ELSE
                DELETE FROM lines WHERE owner_id = p_owner AND cart_id = v_cart AND sku = p_sku;
                v_changed := FOUND;
            END IF;
        ELSIF outcome = 'ok' THEN
            DELETE FROM lines WHERE owner_id = p_owner AND cart_id = v_cart;
            v_changed := FOUND;
        END IF;

        version := v_row.version;
        IF outcome = 'ok' AND v_changed THEN
            version := v_row.version + 1;
            UPDATE carts SET version = version + 1, updated_at = clock_timestamp(),
                    expires_at = cart_expiry(p_idle_days)
                WHERE owner_id = p_owner AND cart_id = v_cart;
            INSERT INTO history (owner_id, cart_id, version, status, name, action, sku, quantity, added_price, actor)
                VALUES (p_owner, v_cart, v_row.version + 1, 'open', v_row.name, p_action, p_sku, v_after, v_price,
                    p_actor);
        END IF;
        IF p_key IS NOT NULL THEN
            IF outcome IN ('cart_not_found', 'precondition_failed') THEN
                DELETE FROM idempotency_keys WHERE owner_id = p_owner AND key = p_key;
            ELSE
                UPDATE idempotency_keys
                    SET outcome = edit_cart.outcome, detail = edit_cart.detail, cart_id = v_cart,
                        version = edit_cart.version
                    WHERE owner_id = p_owner AND key = p_key;
            END IF;
        END IF;
        cart := cart_document(p_owner, v_cart);
    END
    $$
"""

# Whom to ask to delete carts and history: it runs as the tables' owner. It sees to it under the locks that the cart has
# expired by now and has to do with no money; what is locked is in use, and left for another time.
EXPIRE_CART = """
    CREATE FUNCTION expire_cart(
        p_owner text, p_cart uuid, p_first_cart uuid, p_idle_days integer, p_guest boolean
    ) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        v_current uuid;
        v_row carts%ROWTYPE;
        v_known boolean;
    BEGIN
        SELECT s.current_cart_id INTO v_current FROM shoppers s WHERE s.owner_id = p_owner FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN 'left';
        END IF;
        SELECT c.* INTO v_row FROM carts c WHERE c.owner_id = p_owner AND c.cart_id = p_cart FOR UPDATE SKIP LOCKED;
        IF NOT FOUND OR v_row.expires_at >= now() OR v_row.status NOT IN ('open', 'moved', 'deleted')
            OR v_row.emptied_at IS NOT NULL
            OR EXISTS (SELECT FROM purchases p
                WHERE p.owner_id = p_owner AND p.cart_id = p_cart AND p.state <> 'failed')
            OR EXISTS (SELECT FROM idempotency_keys k
                WHERE k.owner_id = p_owner AND k.cart_id = p_cart AND k.created_at >= now() - interval '24 hours')
        THEN
            RETURN 'left';
        END IF;

        IF v_current = p_cart AND v_row.status = 'open'
            AND NOT EXISTS (SELECT FROM lines l WHERE l.owner_id = p_owner AND l.cart_id = p_cart)
            AND NOT EXISTS (SELECT FROM history h
                WHERE h.owner_id = p_owner AND h.cart_id = p_cart AND h.action NOT IN ('create', 'activate', 'expire'))
        THEN
            IF p_guest AND NOT EXISTS (SELECT FROM purchases p WHERE p.owner_id = p_owner)
                AND NOT EXISTS (SELECT FROM receipts r WHERE r.owner_id = p_owner)
                AND NOT EXISTS (SELECT FROM carts c WHERE c.owner_id = p_owner AND c.cart_id <> p_cart
                    AND (c.merge_id IS NOT NULL OR c.emptied_at IS NULL))
                -- Who comes back begins at version 0 again: nobody may remember a later one by then.
                AND NOT EXISTS (SELECT FROM carts c WHERE c.owner_id = p_owner
                    AND c.version > 0 AND c.updated_at > now() - interval '1 year')
            THEN
                DELETE FROM carts c WHERE c.owner_id = p_owner;
                DELETE FROM shoppers s WHERE s.owner_id = p_owner;
                DELETE FROM idempotency_keys k WHERE k.owner_id = p_owner;
                RETURN 'forgotten';
            END IF;
            UPDATE carts c SET expires_at = cart_expiry(p_idle_days) WHERE c.owner_id = p_owner AND c.cart_id = p_cart;
            RETURN 'prolonged';
        END IF;

        v_known := EXISTS (SELECT FROM purchases p WHERE p.owner_id = p_owner AND p.cart_id = p_cart)
            OR EXISTS (SELECT FROM receipts r WHERE r.owner_id = p_owner AND r.cart_id = p_cart);
        IF v_current <> p_cart AND p_cart <> p_first_cart AND v_row.merge_id IS NULL AND NOT v_known THEN
            DELETE FROM carts c WHERE c.owner_id = p_owner AND c.cart_id = p_cart;
            RETURN 'deleted';
        END IF;

        DELETE FROM lines l WHERE l.owner_id = p_owner AND l.cart_id = p_cart;
        DELETE FROM history h WHERE h.owner_id = p_owner AND h.cart_id = p_cart;
        UPDATE carts c SET name = NULL, version = c.version + 1, updated_at = clock_timestamp(),
                expires_at = cart_expiry(p_idle_days),
                status = CASE WHEN c.status = 'open' AND v_current <> p_cart THEN 'deleted' ELSE c.status END,
                emptied_at = CASE WHEN c.status = 'open' AND v_current = p_cart THEN NULL ELSE clock_timestamp() END
            WHERE c.owner_id = p_owner AND c.cart_id = p_cart RETURNING c.* INTO v_row;
        INSERT INTO history (owner_id, cart_id, version, status, action, actor)
            VALUES (p_owner, p_cart, v_row.version, v_row.status, 'expire', 'expiry');
        RETURN 'emptied';
    END
    $$
"""

# Functions are everybody's unless told otherwise, and this one may more than its caller. The service's role keeps the
# right by the default privileges of the owner's.
ONLY_THE_SERVICE = """
    REVOKE EXECUTE ON FUNCTION expire_cart(text, uuid, uuid, integer, boolean) FROM PUBLIC
"""


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    op.execute(APPEND_ONLY)
    op.execute(EDIT_CART)
    op.execute(EXPIRE_CART)
    op.execute(ONLY_THE_SERVICE)
