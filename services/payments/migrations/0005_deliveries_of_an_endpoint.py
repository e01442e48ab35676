"""An index for taking away an endpoint's deliveries, which would read all deliveries of all endpoints without it."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint)")
