"""Sign-ins whose shopper decides afterwards what becomes of the two carts.

A controller of before this step does not ask: it moves the lines of such a sign-in by the strategy beside it.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE sessions ADD COLUMN merge_ask boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX sessions_undecided ON sessions (guest_owner) WHERE merge_ask AND NOT merge_done")
