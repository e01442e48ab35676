"""Captures apart from confirmations. What an older replica writes reads as it was meant: captured at once, in full."""

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
        ADD COLUMN uncaptured bigint NOT NULL DEFAULT 0 CHECK (uncaptured BETWEEN 0 AND amount)
    """,
)


def upgrade() -> None:
    for statement in STEPS:
        op.execute(statement)
