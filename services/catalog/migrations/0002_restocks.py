"""Sold goods that refunds put back on the shelf."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE hold_lines
            ADD COLUMN restocked bigint NOT NULL DEFAULT 0,
            ADD CONSTRAINT hold_lines_restocked_within_sold CHECK (restocked BETWEEN 0 AND quantity)
        """
    )
    op.execute(
        """
        CREATE TABLE restocks (
            refund_id uuid PRIMARY KEY,
            checkout_id uuid NOT NULL REFERENCES holds,
            created_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (refund_id, checkout_id)
        )
        """
    )
    op.execute("CREATE INDEX restocks_of_checkout ON restocks (checkout_id)")
    op.execute(
        """
        CREATE TABLE restock_lines (
            refund_id uuid NOT NULL,
            checkout_id uuid NOT NULL,
            sku text COLLATE "C" NOT NULL,
            quantity bigint NOT NULL CHECK (quantity > 0),
            PRIMARY KEY (refund_id, sku),
            FOREIGN KEY (refund_id, checkout_id) REFERENCES restocks (refund_id, checkout_id),
            FOREIGN KEY (checkout_id, sku) REFERENCES hold_lines
        )
        """
    )
