"""Webhook endpoints, and what each of them has still to be told. What an older replica changes is told to nobody."""

from alembic import op

revision = "0003"
down_revision = "0002"

STEPS = (
    """
    CREATE TABLE webhook_endpoints (
        id text COLLATE "C" PRIMARY KEY,
        url text NOT NULL,
        secret text NOT NULL,
        enabled_events text[] NOT NULL CHECK (cardinality(enabled_events) > 0),
        enabled boolean NOT NULL DEFAULT true,
        description text,
        metadata jsonb NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE webhook_deliveries (
        event text COLLATE "C" NOT NULL REFERENCES events,
        endpoint text COLLATE "C" NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
        attempts integer NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        delivered_at timestamptz,
        given_up_at timestamptz,
        PRIMARY KEY (event, endpoint),
        CHECK (delivered_at IS NULL OR given_up_at IS NULL)
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, due_at)
        WHERE delivered_at IS NULL AND given_up_at IS NULL
    """,
)


def upgrade() -> None:
    for statement in STEPS:
        op.execute(statement)
