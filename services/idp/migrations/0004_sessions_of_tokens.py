"""Codes and families know the sign-in that they come from: a client that signs its user out ends it."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE authorization_codes ADD COLUMN session_hash bytea")
    op.execute("ALTER TABLE token_families ADD COLUMN session_hash bytea")
