"""What nobody can ask for any more is deleted: in every replica, which may all do it at once, a batch at a time.

Ages are the database's, since the clocks of replicas disagree.
"""

from datetime import timedelta
from typing import Any

from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database

EVENTS_KEPT_FOR = timedelta(days=30)
KEYS_KEPT_FOR = timedelta(hours=24)
ROWS_AT_ONCE = 500

# An event's deliveries have no other event, so that none is ever left without one.
_EVENTS = text("""
    WITH old AS MATERIALIZED (
        SELECT id FROM events WHERE created_at < now() - CAST(:kept_for AS interval)
        ORDER BY created_at LIMIT :most FOR UPDATE SKIP LOCKED
    ), told AS (
        DELETE FROM webhook_deliveries USING old WHERE event = old.id
    )
    DELETE FROM events USING old WHERE events.id = old.id
""")

# Only what certainly moves no money any more. A key that is forgotten makes a late twin of its request a new one: a
# twin of a create or a confirm could then charge as long as the intent is open. What names no intent, a broken server
# included, cannot be told.
_KEYS = text("""
    WITH old AS MATERIALIZED (
        SELECT kind, key FROM idempotency_keys AS keys
        WHERE created_at < now() - CAST(:kept_for AS interval) AND (
            (status = 200 AND body::json ->> 'object' IN ('payment_method', 'refund', 'webhook_endpoint'))
            OR EXISTS (
                SELECT FROM payment_intents AS intents
                WHERE intents.status IN ('succeeded', 'canceled')
                    AND intents.id = COALESCE(body::json #>> '{error,payment_intent,id}', body::json ->> 'id')
            )
        )
        ORDER BY created_at LIMIT :most FOR UPDATE OF keys SKIP LOCKED
    )
    DELETE FROM idempotency_keys AS forgotten USING old WHERE forgotten.kind = old.kind AND forgotten.key = old.key
""")


class Upkeep:
    """Each batch is one transaction."""

    def __init__(self, database: Database, *, rows_at_once: int = ROWS_AT_ONCE) -> None:
        self._database = database
        self._rows_at_once = rows_at_once

    async def forget_events(self) -> int:
        """Delete the events of more than 30 days ago and what was to be told of them; how many they were."""
        return await self._in_batches(_EVENTS, EVENTS_KEPT_FOR)

    async def forget_keys(self) -> int:
        """Delete the idempotency keys of more than a day ago that cannot matter any more; how many they were."""
        return await self._in_batches(_KEYS, KEYS_KEPT_FOR)

    async def _in_batches(self, statement: Any, kept_for: timedelta) -> int:
        asked = {"kept_for": kept_for, "most": self._rows_at_once}

        async def work(session: AsyncSession) -> int:
            return (await (await session.connection()).execute(statement, asked)).rowcount

        gone = batch = await self._database.transact(work)
        while batch == self._rows_at_once:
            batch = await self._database.transact(work)
            gone += batch
        return gone
