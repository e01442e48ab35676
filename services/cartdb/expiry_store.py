"""Carts that nobody touched, and idempotency keys that nobody can use any more: found, then ended owner by owner.

Finding is a fan-out, which only reads. Ending is a transaction of one owner that looks again, under the locks.
"""

from uuid import UUID

import asyncpg

from services.chassis.database import FastDatabase
from services.contracts.identity import first_cart_id, is_guest

from .cart import Limits

# As expire_cart decides (migration 0003), so that what it would leave does not fill every batch.
EXPIRED = """
    SELECT owner_id, cart_id FROM carts AS c
    WHERE status IN ('open', 'moved', 'deleted') AND emptied_at IS NULL AND expires_at < now() AND NOT EXISTS (
        SELECT FROM purchases p WHERE p.owner_id = c.owner_id AND p.cart_id = c.cart_id
            AND p.state IN ('pending', 'paid'))
    ORDER BY expires_at LIMIT $1
"""
# Looked through without an index: one would make every edit with a key dearer.
OWNERS_OF_OLD_KEYS = """
    SELECT DISTINCT owner_id FROM (
        SELECT owner_id FROM idempotency_keys WHERE created_at < now() - interval '24 hours' LIMIT $1
    ) AS old
"""
FORGET_KEYS = """
    WITH forgotten AS (
        DELETE FROM idempotency_keys WHERE owner_id = $1 AND created_at < now() - interval '24 hours' RETURNING key
    ) SELECT count(*) FROM forgotten
"""


class ExpiryStore:
    """Named questions and changes; each is one statement."""

    def __init__(self, database: FastDatabase, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    async def expired_carts(self, *, limit: int) -> list[tuple[str, UUID]]:
        """Owner and id of carts whose time is over, those that waited longest first."""

        async def work(connection: asyncpg.Connection) -> list[tuple[str, UUID]]:
            return [(row["owner_id"], row["cart_id"]) for row in await connection.fetch(EXPIRED, limit)]

        return await self._database.transact(work)

    async def expire(self, owner_id: str, cart_id: UUID) -> str:
        """End a cart if it has still expired.

        Returns:
            `emptied`, where its id stays taken; `deleted`; `forgotten`, its guest with it; `prolonged`, for there was
            nothing in it; `left`, because somebody uses it, or it must stay.
        """
        row = await self._database.one_statement(
            "SELECT expire_cart($1, $2, $3, $4, $5) AS outcome",
            owner_id,
            cart_id,
            first_cart_id(owner_id),
            self._limits.idle_days(owner_id),
            is_guest(owner_id),
        )
        assert row is not None
        return str(row["outcome"])

    async def owners_of_old_keys(self, *, limit: int) -> list[str]:
        """Owners of some of the keys that have served their 24 hours."""

        async def work(connection: asyncpg.Connection) -> list[str]:
            return [row["owner_id"] for row in await connection.fetch(OWNERS_OF_OLD_KEYS, limit)]

        return await self._database.transact(work)

    async def forget_keys(self, owner_id: str) -> int:
        """Delete the owner's keys that have served their 24 hours, and answer how many they were."""
        row = await self._database.one_statement(FORGET_KEYS, owner_id)
        assert row is not None
        return int(row["count"])
