"""Carts, their lines and history, purchases, adoption receipts, idempotency keys.

owner_id is the first column of every key and index, so that the tables can be spread over servers by owner.
"""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE shoppers (
        owner_id text PRIMARY KEY CHECK (length(owner_id) BETWEEN 1 AND 80),
        current_cart_id uuid NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE carts (
        owner_id text NOT NULL REFERENCES shoppers,
        cart_id uuid NOT NULL,
        name text,
        status text NOT NULL DEFAULT 'open'
            CHECK (status IN ('open', 'in_checkout', 'purchased', 'moving', 'moved', 'deleted')),
        version integer NOT NULL DEFAULT 0,
        currency text NOT NULL,
        merge_id uuid,
        target_owner text,
        strategy text,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (owner_id, cart_id),
        CHECK (status NOT IN ('moving', 'moved') OR merge_id IS NOT NULL),
        CHECK ((merge_id IS NULL) = (target_owner IS NULL) AND (merge_id IS NULL) = (strategy IS NULL))
    ) WITH (fillfactor = 80)
    """,
    """
    ALTER TABLE shoppers ADD FOREIGN KEY (owner_id, current_cart_id) REFERENCES carts DEFERRABLE INITIALLY DEFERRED
    """,
    "CREATE INDEX carts_moving ON carts (owner_id, updated_at) WHERE status = 'moving'",
    """
    CREATE TABLE lines (
        owner_id text NOT NULL,
        cart_id uuid NOT NULL,
        sku text NOT NULL,
        product_id integer NOT NULL,
        variant_id integer,
        quantity integer NOT NULL CHECK (quantity > 0),
        added_price bigint NOT NULL CHECK (added_price >= 0),
        added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (owner_id, cart_id, sku),
        FOREIGN KEY (owner_id, cart_id) REFERENCES carts ON DELETE CASCADE
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE TABLE history (
        owner_id text NOT NULL,
        cart_id uuid NOT NULL,
        entry bigint GENERATED ALWAYS AS IDENTITY,
        version integer NOT NULL,
        action text NOT NULL,
        sku text,
        quantity integer,
        actor text NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (owner_id, cart_id, entry),
        FOREIGN KEY (owner_id, cart_id) REFERENCES carts ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE purchases (
        owner_id text NOT NULL,
        checkout_id uuid NOT NULL,
        cart_id uuid NOT NULL,
        state text NOT NULL CHECK (state IN ('pending', 'paid', 'failed')),
        reason text,
        fingerprint text NOT NULL,
        snapshot jsonb,
        amount bigint CHECK (amount > 0),
        currency text,
        intent_id text,
        created_at timestamptz NOT NULL DEFAULT now(),
        attached_at timestamptz,
        decided_at timestamptz,
        PRIMARY KEY (owner_id, checkout_id),
        CHECK ((state = 'pending') = (decided_at IS NULL)),
        CHECK ((state = 'failed') = (reason IS NOT NULL)),
        CHECK (state = 'failed' OR (snapshot IS NOT NULL AND amount IS NOT NULL AND currency IS NOT NULL)),
        CHECK (state <> 'paid' OR intent_id IS NOT NULL)
    )
    """,
    """
    CREATE UNIQUE INDEX purchases_one_live_per_cart ON purchases (owner_id, cart_id)
        WHERE state IN ('pending', 'paid')
    """,
    "CREATE INDEX purchases_pending ON purchases (owner_id, created_at) WHERE state = 'pending'",
    "CREATE INDEX purchases_newest ON purchases (owner_id, created_at DESC, checkout_id)",
    """
    CREATE TABLE receipts (
        owner_id text NOT NULL,
        merge_id uuid NOT NULL,
        guest_owner text NOT NULL,
        guest_cart_id uuid NOT NULL,
        cart_id uuid NOT NULL,
        strategy text NOT NULL,
        lines jsonb NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (owner_id, merge_id)
    )
    """,
    """
    CREATE TABLE idempotency_keys (
        owner_id text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        outcome text,
        detail jsonb,
        cart_id uuid,
        version integer,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (owner_id, key)
    )
    """,
)

CART_DOCUMENT = """
    CREATE FUNCTION cart_document(p_owner text, p_cart uuid, p_replayed boolean DEFAULT false)
    RETURNS json LANGUAGE sql STABLE AS $$
        SELECT json_build_object(
            'cart_id', c.cart_id, 'owner_id', c.owner_id, 'name', c.name, 'version', c.version, 'status', c.status,
            'currency', c.currency, 'expires_at', c.expires_at, 'created_at', c.created_at,
            'updated_at', c.updated_at, 'replayed', p_replayed,
            'current', c.cart_id = (SELECT s.current_cart_id FROM shoppers s WHERE s.owner_id = p_owner),
            'items', COALESCE((
                SELECT json_agg(json_build_object(
                    'sku', l.sku, 'product_id', l.product_id, 'variant_id', l.variant_id, 'quantity', l.quantity,
                    'added_price', l.added_price, 'added_at', l.added_at) ORDER BY l.added_at, l.sku COLLATE "C")
                FROM lines l WHERE l.owner_id = p_owner AND l.cart_id = p_cart), '[]'::json))
        FROM carts c WHERE c.owner_id = p_owner AND c.cart_id = p_cart
    $$
"""

# The one statement behind every edit of a cart (docs/decisions/0003). It locks the cart's row before it reads a line,
# so that simultaneous edits queue and each sees the one before it. Its outcome is 'ok' or the slug of a problem.
EDIT_CART = """
    CREATE FUNCTION edit_cart(
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
                -- A checkout that was settled while we waited for the row has moved the pointer on.
                EXIT WHEN FOUND AND (p_cart IS NOT NULL OR v_row.status NOT IN ('purchased', 'deleted'));
                IF p_cart IS NOT NULL AND p_cart <> p_first_cart THEN
                    outcome := 'cart_not_found';
                    EXIT;
                END IF;
            END IF;
            INSERT INTO shoppers AS s (owner_id, current_cart_id) VALUES (p_owner, p_first_cart)
                ON CONFLICT (owner_id) DO UPDATE SET owner_id = excluded.owner_id
                RETURNING s.current_cart_id INTO v_cart;
            INSERT INTO carts (owner_id, cart_id, currency, expires_at)
                VALUES (p_owner, p_first_cart, p_currency, now() + make_interval(days => p_idle_days))
                ON CONFLICT (owner_id, cart_id) DO NOTHING;
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
                    ON CONFLICT (owner_id, cart_id, sku) DO UPDATE SET quantity = excluded.quantity;
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
                    expires_at = now() + make_interval(days => p_idle_days)
                WHERE owner_id = p_owner AND cart_id = v_cart;
            INSERT INTO history (owner_id, cart_id, version, action, sku, quantity, actor)
                VALUES (p_owner, v_cart, v_row.version + 1, p_action, p_sku, v_after, p_actor);
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


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    op.execute(CART_DOCUMENT)
    op.execute(EDIT_CART)
