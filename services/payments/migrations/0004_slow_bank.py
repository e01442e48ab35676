"""When a bank that takes its time will have decided, and what. Only a fault script makes one; older replicas refuse to move such an intent."""

from alembic import op

revision = "0004"
down_revision = "0003"

STEPS = (
    """
    ALTER TABLE payment_intents
        ADD COLUMN pending_until timestamptz,
        ADD COLUMN pending_decline jsonb,
        ADD CONSTRAINT only_what_is_processing_is_pending CHECK (
            (status = 'processing') = (pending_until IS NOT NULL)
            AND (pending_decline IS NULL OR pending_until IS NOT NULL)
        )
    """,
    """
    CREATE INDEX payment_intents_pending ON payment_intents (pending_until) WHERE status = 'processing'
    """,
)


def upgrade() -> None:
    for statement in STEPS:
        op.execute(statement)
