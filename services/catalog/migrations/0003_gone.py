"""What a SKU was called when it was last sold, so that a cart can tell what it held."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE skus ADD COLUMN last_title text, ADD COLUMN last_variant text")
