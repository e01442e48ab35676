"""Sessions, by the hash of their id. The business lives elsewhere."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE sessions (
            id_hash bytea PRIMARY KEY CHECK (octet_length(id_hash) = 32),
            guest_owner text NOT NULL,
            issuer text,
            subject text,
            name text,
            tokens bytea,
            tokens_renew_at timestamptz,
            tokens_end_at timestamptz,
            refresh_leased_until timestamptz,
            merge_id uuid,
            merge_done boolean NOT NULL DEFAULT false,
            created_at timestamptz NOT NULL DEFAULT now(),
            seen_at timestamptz NOT NULL DEFAULT now(),
            ended_at timestamptz,
            ended_by text,
            CHECK ((issuer IS NULL) = (subject IS NULL)),
            CHECK ((ended_at IS NULL) = (ended_by IS NULL))
        )
        """
    )
    op.execute("CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL")
    op.execute("CREATE INDEX sessions_seen ON sessions (seen_at)")
