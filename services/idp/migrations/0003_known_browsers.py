"""Browsers that have signed in before: a stranger's wrong passwords do not lock them out."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE known_browsers (
            browser_hash bytea NOT NULL,
            username text NOT NULL REFERENCES accounts (username) ON DELETE CASCADE,
            seen_at timestamptz NOT NULL,
            PRIMARY KEY (username, browser_hash)
        )
        """
    )
    op.execute("CREATE INDEX known_browsers_seen ON known_browsers (seen_at)")
