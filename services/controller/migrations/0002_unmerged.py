"""Sign-ins whose guest's carts have not moved yet are found without reading every session."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        CREATE INDEX sessions_unmerged ON sessions (created_at)
        WHERE NOT merge_done AND issuer IS NOT NULL AND ended_at IS NULL
        """
    )
