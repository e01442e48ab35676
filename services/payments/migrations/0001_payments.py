"""Payment methods, intents, charges, idempotency keys. Nothing here has room for a card number or a security code."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE payment_methods (
        id text COLLATE "C" PRIMARY KEY,
        brand text NOT NULL,
        last4 text NOT NULL CHECK (last4 ~ '^[0-9]{4}$'),
        exp_month integer NOT NULL CHECK (exp_month BETWEEN 1 AND 12),
        exp_year integer NOT NULL,
        funding text NOT NULL,
        country text NOT NULL,
        outcome text NOT NULL,
        fingerprint text NOT NULL,
        billing_details jsonb NOT NULL,
        metadata jsonb NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE payment_intents (
        id text COLLATE "C" PRIMARY KEY,
        amount bigint NOT NULL CHECK (amount > 0),
        amount_received bigint NOT NULL DEFAULT 0 CHECK (amount_received BETWEEN 0 AND amount),
        currency text NOT NULL CHECK (currency ~ '^[a-z]{3}$'),
        status text NOT NULL CHECK (status IN (
            'requires_payment_method', 'requires_confirmation', 'requires_action',
            'processing', 'requires_capture', 'succeeded', 'canceled'
        )),
        payment_method text COLLATE "C" REFERENCES payment_methods,
        payment_method_types jsonb NOT NULL,
        allowed_payment_method_types jsonb,
        automatic_payment_methods text,
        latest_charge text COLLATE "C",
        last_error jsonb,
        description text,
        receipt_email text,
        metadata jsonb NOT NULL,
        cancellation_reason text,
        canceled_at timestamptz,
        created_at timestamptz NOT NULL,
        CHECK ((status = 'canceled') = (canceled_at IS NOT NULL)),
        CHECK (status = 'succeeded' OR amount_received = 0)
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE TABLE charges (
        id text COLLATE "C" PRIMARY KEY,
        payment_intent text COLLATE "C" NOT NULL REFERENCES payment_intents,
        payment_method text COLLATE "C" NOT NULL REFERENCES payment_methods,
        amount bigint NOT NULL CHECK (amount > 0),
        currency text NOT NULL,
        succeeded boolean NOT NULL,
        failure_code text,
        failure_message text,
        decline_code text,
        created_at timestamptz NOT NULL,
        CHECK (succeeded = (failure_code IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX charges_one_success ON charges (payment_intent) WHERE succeeded",
    "CREATE INDEX charges_of_intent ON charges (payment_intent, id)",
    """
    CREATE TABLE idempotency_keys (
        kind text NOT NULL CHECK (kind IN ('secret', 'publishable')),
        key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
        fingerprint text NOT NULL,
        status integer NOT NULL,
        body text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (kind, key)
    )
    """,
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
