"""Indexes by which what is old, and what an endpoint leaves behind, is found without reading everything."""

from alembic import op

revision = "0005"
down_revision = "0004"

STEPS = (
    "CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint)",
    "CREATE INDEX events_by_age ON events (created_at)",
    "CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)",
)


def upgrade() -> None:
    for statement in STEPS:
        op.execute(statement)
