"""What undoing an adoption needs: both carts' lines as they were, and the version that the merge left.

A receipt without a version is from before this step, or of an older replica beside it: its merge cannot be undone.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE receipts
            ADD COLUMN version integer,
            ADD COLUMN user_lines jsonb,
            ADD COLUMN guest_lines jsonb,
            ADD COLUMN guest_cart_ids uuid[] NOT NULL DEFAULT '{}',
            ADD COLUMN undone_at timestamptz,
            ADD COLUMN undone_cart_ids uuid[] NOT NULL DEFAULT '{}',
            ADD CONSTRAINT receipts_can_be_undone_with_lines CHECK (
                (version IS NULL) = (user_lines IS NULL) AND (version IS NULL) = (guest_lines IS NULL)),
            ADD CONSTRAINT receipts_undone_with_carts CHECK (undone_at IS NOT NULL OR undone_cart_ids = '{}'),
            ADD CONSTRAINT receipts_undone_by_version CHECK (undone_at IS NULL OR version IS NOT NULL)
        """
    )
