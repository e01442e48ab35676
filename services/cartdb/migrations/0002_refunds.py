"""Refunds of purchases, and how much of a purchase they have taken."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE purchases
        ADD COLUMN refunded bigint NOT NULL DEFAULT 0,
        ADD CONSTRAINT purchases_refunded_within_paid
            CHECK (refunded = 0 OR (state = 'paid' AND refunded BETWEEN 0 AND amount))
    """,
    # An operator knows an order's id and not its owner: the one index that does not begin with the owner. It is only
    # read.
    "CREATE INDEX purchases_by_checkout ON purchases (checkout_id)",
    """
    CREATE TABLE refunds (
        owner_id text NOT NULL,
        refund_id uuid NOT NULL,
        checkout_id uuid NOT NULL,
        state text NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
        amount bigint CHECK (amount > 0),
        currency text NOT NULL,
        reason text,
        restock jsonb NOT NULL DEFAULT '[]',
        intent_id text,
        processor_refund_id text,
        failure text,
        detail jsonb NOT NULL DEFAULT '{}',
        actor text NOT NULL,
        fingerprint text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        decided_at timestamptz,
        PRIMARY KEY (owner_id, refund_id),
        FOREIGN KEY (owner_id, checkout_id) REFERENCES purchases,
        CHECK ((state = 'pending') = (decided_at IS NULL)),
        CHECK ((state = 'failed') = (failure IS NOT NULL)),
        CHECK (state = 'failed' OR (amount IS NOT NULL AND intent_id IS NOT NULL)),
        CHECK (state <> 'done' OR processor_refund_id IS NOT NULL)
    )
    """,
    "CREATE INDEX refunds_of_purchase ON refunds (owner_id, checkout_id, created_at)",
    "CREATE INDEX refunds_pending ON refunds (owner_id, created_at) WHERE state = 'pending'",
    """
    CREATE UNIQUE INDEX refunds_one_per_processor_refund ON refunds (owner_id, processor_refund_id)
        WHERE processor_refund_id IS NOT NULL
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
