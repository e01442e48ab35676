"""What a shopper chose at the sign-in for SKUs in both carts, for whoever moves the lines later.

A controller of before this step writes none, and moves the lines of such a sign-in as it always did.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE sessions ADD COLUMN merge_strategy text NOT NULL DEFAULT 'sum'")
