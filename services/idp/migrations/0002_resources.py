"""The resources that an authorization was asked for bound the audience of its tokens (RFC 8707)."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE authorization_codes ADD COLUMN resources text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE token_families ADD COLUMN resources text NOT NULL DEFAULT ''")
