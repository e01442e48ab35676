"""Captures apart from confirmations, refunds, events. What an older replica writes reads as it was meant: captured at once, in full."""

from alembic import op

revision = "0002"
down_revision = "0001"

STEPS = (
    """
    ALTER TABLE payment_intents
        ADD COLUMN capture_method text NOT NULL DEFAULT 'automatic' CHECK (capture_method IN ('automatic', 'manual')),
        ADD CONSTRAINT only_a_manual_capture_is_waited_for
            CHECK (status <> 'requires_capture' OR capture_method = 'manual')
    """,
    """
    ALTER TABLE charges
        ADD COLUMN uncaptured bigint NOT NULL DEFAULT 0 CHECK (uncaptured BETWEEN 0 AND amount),
        ADD COLUMN amount_refunded bigint NOT NULL DEFAULT 0,
        ADD CONSTRAINT no_more_is_refunded_than_was_captured CHECK (
            amount_refunded BETWEEN 0 AND CASE WHEN succeeded THEN amount - uncaptured ELSE 0 END
        )
    """,
    """
    CREATE TABLE refunds (
        id text COLLATE "C" PRIMARY KEY,
        charge text COLLATE "C" NOT NULL REFERENCES charges,
        payment_intent text COLLATE "C" NOT NULL REFERENCES payment_intents,
        amount bigint NOT NULL CHECK (amount > 0),
        currency text NOT NULL,
        reason text CHECK (reason IN ('duplicate', 'fraudulent', 'requested_by_customer')),
        metadata jsonb NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX refunds_of_intent ON refunds (payment_intent, id)",
    "CREATE INDEX refunds_of_charge ON refunds (charge, id)",
    """
    CREATE TABLE events (
        id text COLLATE "C" PRIMARY KEY,
        type text NOT NULL,
        api_version text NOT NULL,
        object jsonb NOT NULL,
        idempotency_key text,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX events_of_type ON events (type, id)",
)


def upgrade() -> None:
    for statement in STEPS:
        op.execute(statement)
