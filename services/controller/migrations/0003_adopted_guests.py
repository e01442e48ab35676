"""Whose a guest's orders are after a sign-in, for longer than the session of that sign-in lives.

Sign-ins of before this step are taken over: the first user of a guest is the guest's user. Ended sessions' carts are
moved as well, so that the index of what has not moved yet names them.
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE adopted_guests (
            guest_owner text PRIMARY KEY,
            owner_id text NOT NULL,
            has_orders boolean,
            adopted_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX adopted_guests_owner ON adopted_guests (owner_id)")
    op.execute("CREATE INDEX adopted_guests_unread ON adopted_guests (adopted_at) WHERE has_orders IS NULL")
    op.execute(
        """
        INSERT INTO adopted_guests (guest_owner, owner_id, adopted_at)
        SELECT DISTINCT ON (guest_owner) guest_owner,
            'user:' || left(encode(sha256(convert_to(
                char_length(issuer) || ':' || issuer || subject, 'UTF8')), 'hex'), 32),
            created_at
        FROM sessions WHERE issuer IS NOT NULL ORDER BY guest_owner, created_at
        """
    )
    op.execute("DROP INDEX sessions_unmerged")
    op.execute("CREATE INDEX sessions_unmoved ON sessions (created_at) WHERE NOT merge_done AND issuer IS NOT NULL")
