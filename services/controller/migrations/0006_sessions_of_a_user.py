"""A user's sessions are found without reading every session: to tell the user of them, and to end them all."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("CREATE INDEX sessions_user ON sessions (issuer, subject) WHERE issuer IS NOT NULL")
