"""What every endpoint has still to be told: queued with the event, claimed by one sender at a time, marked once.

Due times and ages are the database's, since the clocks of replicas disagree.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlmodel import col, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database

from . import wire
from .delivery import EVERYTHING, Delivery
from .event import Event
from .rows import EventRow, WebhookDeliveryRow, WebhookEndpointRow

_QUEUE = text("""
    INSERT INTO webhook_deliveries (event, endpoint)
    SELECT :event, id FROM webhook_endpoints WHERE enabled AND enabled_events && ARRAY[:everything, :type]
    FOR KEY SHARE
""")  # Locked, for an endpoint that is deleted at this moment would break the payment that this event tells of.

_WAITING = text("""
    SELECT id, now() - due.since AS overdue FROM webhook_endpoints AS endpoints CROSS JOIN LATERAL (
        SELECT min(due_at) AS since FROM webhook_deliveries
        WHERE endpoint = endpoints.id AND delivered_at IS NULL AND given_up_at IS NULL
    ) AS due WHERE enabled AND due.since <= now()
""")

_CLAIM = text("""
    WITH due AS MATERIALIZED (
        SELECT event, endpoint FROM webhook_deliveries
        WHERE endpoint = :endpoint AND delivered_at IS NULL AND given_up_at IS NULL AND due_at <= now()
        ORDER BY due_at LIMIT :room FOR UPDATE SKIP LOCKED
    )
    UPDATE webhook_deliveries AS claimed
    SET attempts = claimed.attempts + 1, due_at = clock_timestamp() + :lease
    FROM due WHERE claimed.event = due.event AND claimed.endpoint = due.endpoint
    RETURNING claimed.event, claimed.attempts, clock_timestamp() - claimed.created_at AS age
""")

_DELIVERED = text("""
    UPDATE webhook_deliveries SET delivered_at = now()
    WHERE event = :event AND endpoint = :endpoint AND delivered_at IS NULL AND given_up_at IS NULL
""")

_LATER = text("""
    UPDATE webhook_deliveries SET due_at = clock_timestamp() + :pause
    WHERE event = :event AND endpoint = :endpoint AND attempts = :attempts
        AND delivered_at IS NULL AND given_up_at IS NULL
""")

_GIVEN_UP = text("""
    UPDATE webhook_deliveries SET given_up_at = now()
    WHERE event = :event AND endpoint = :endpoint AND attempts = :attempts
        AND delivered_at IS NULL AND given_up_at IS NULL
""")

_UNDELIVERED = text("""
    SELECT event, count(*) FROM webhook_deliveries WHERE event = ANY(:events) AND delivered_at IS NULL GROUP BY event
""")

_FORGET = text("""
    WITH found AS MATERIALIZED (
        SELECT event, endpoint FROM webhook_deliveries WHERE endpoint = :endpoint LIMIT :most FOR UPDATE SKIP LOCKED
    )
    DELETE FROM webhook_deliveries AS forgotten USING found
    WHERE forgotten.event = found.event AND forgotten.endpoint = found.endpoint
""")


async def queue(session: AsyncSession, event: Event) -> int:
    """Note in the transaction of the event who is to be told of it; how many they are."""
    asked = {"event": event.id, "type": event.type.value, "everything": EVERYTHING}
    return (await (await session.connection()).execute(_QUEUE, asked)).rowcount


async def undelivered(session: AsyncSession, events: Iterable[str]) -> dict[str, int]:
    """How many endpoints have not answered well yet, for each event that has such."""
    found = await (await session.connection()).execute(_UNDELIVERED, {"events": list(events)})
    return {event: count for event, count in found}  # noqa: C416 - rows are no pairs to mypy


async def forget_deliveries(session: AsyncSession, endpoint_id: str, *, most: int) -> int:
    """Take away so many of an endpoint's deliveries at most, but for those in somebody's hands; how many it were."""
    return (await (await session.connection()).execute(_FORGET, {"endpoint": endpoint_id, "most": most})).rowcount


def told_well(event_id: Any, *, told: bool) -> Any:
    """The condition that every endpoint of an event has taken it, or that some one has not."""
    waiting = select(WebhookDeliveryRow.event).where(
        WebhookDeliveryRow.event == event_id, col(WebhookDeliveryRow.delivered_at).is_(None)
    )
    return ~waiting.exists() if told else waiting.exists()


class DeliveryStore:
    """Each method is one transaction; what is sent is sent between two of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self) -> dict[str, timedelta]:
        """The endpoints for which something is due, and for how long it has been."""

        async def work(session: AsyncSession) -> dict[str, timedelta]:
            return {str(row.id): row.overdue for row in await (await session.connection()).execute(_WAITING)}

        return await self._database.transact(work)

    async def claim(self, endpoint_id: str, *, room: int, lease: timedelta) -> list[Delivery]:
        """Up to so many due deliveries of an endpoint, which no other sender gets before the lease has run out."""

        async def work(session: AsyncSession) -> list[Delivery]:
            endpoint = await session.get(WebhookEndpointRow, endpoint_id)
            if endpoint is None or not endpoint.enabled:
                return []
            asked = {"endpoint": endpoint_id, "room": room, "lease": lease}
            claimed = (await (await session.connection()).execute(_CLAIM, asked)).all()
            events = await _bodies(session, [row.event for row in claimed])
            return [
                Delivery(
                    event=row.event,
                    endpoint=endpoint_id,
                    url=endpoint.url,
                    secret=endpoint.secret,
                    body=events[row.event],
                    attempts=row.attempts,
                    age=row.age,
                )
                for row in claimed
            ]

        return await self._database.transact(work)

    async def delivered(self, delivery: Delivery) -> bool:
        """Mark it; whether it was not marked before."""
        return await self._marked(_DELIVERED, delivery)

    async def put_off(self, delivery: Delivery, pause: timedelta) -> bool:
        """Have it tried again later, unless somebody has taken it over meanwhile."""
        return await self._marked(_LATER, delivery, pause=pause, attempts=delivery.attempts)

    async def give_up(self, delivery: Delivery) -> bool:
        """Never try it again, unless somebody has taken it over meanwhile."""
        return await self._marked(_GIVEN_UP, delivery, attempts=delivery.attempts)

    async def _marked(self, statement: Any, delivery: Delivery, **values: Any) -> bool:
        named = {"event": delivery.event, "endpoint": delivery.endpoint, **values}

        async def work(session: AsyncSession) -> bool:
            return (await (await session.connection()).execute(statement, named)).rowcount == 1

        return await self._database.transact(work)


async def _bodies(session: AsyncSession, events: list[str]) -> dict[str, str]:
    rows = await session.exec(select(EventRow).where(col(EventRow.id).in_(events)))
    pending = await undelivered(session, events)
    return {row.id: wire.encoded(wire.shown_event(row.event(), pending=pending[row.id])) for row in rows}
