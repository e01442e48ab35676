"""The endpoints that events are told to."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.app import new_id
from services.chassis.database import Database

from . import commands, wire
from .delivery import EVERYTHING, Endpoint, expect_room, merged, new_secret
from .delivery_store import forget_deliveries
from .idempotency import Answer, Attempt
from .idempotency_store import Clock, Once
from .page_store import page_of
from .refusals import NoSuchObject
from .rows import WebhookEndpointRow
from .target import anywhere

CONFIGURED = "we_configured"
"""The endpoint that the settings name. There is one, so that a changed setting moves it."""

DELIVERIES_AT_ONCE = 1000


class EndpointStore:
    """Each method is one transaction, but for deletion, which is as many as it needs."""

    def __init__(
        self, database: Database, once: Once, *, clock: Clock, expect_target: Callable[[str], None] = anywhere
    ) -> None:
        """Keep endpoints; `expect_target` refuses an address that a caller may not name."""
        self._database = database
        self._once = once
        self._clock = clock
        self._expect_target = expect_target

    async def create(self, attempt: Attempt | None, command: commands.CreateWebhookEndpoint) -> Answer:
        """Tell this address of what happens from now on. The answer alone has the secret."""
        self._expect_target(command.url)

        async def work(session: AsyncSession) -> Answer:
            await session.exec(select(func.pg_advisory_xact_lock(func.hashtext("webhook_endpoints"))))
            expect_room((await session.exec(select(func.count()).select_from(WebhookEndpointRow))).one())
            endpoint = Endpoint(
                id=f"we_{new_id().replace('-', '')}",
                url=command.url,
                secret=new_secret(),
                enabled_events=tuple(command.enabled_events),
                description=command.description,
                metadata=merged({}, command.metadata),
                created_at=self._clock(),
            )
            session.add(WebhookEndpointRow.of(endpoint))
            return Answer(200, wire.encoded(wire.shown_new_endpoint(endpoint)))

        return await self._once(attempt, work)

    async def update(
        self, attempt: Attempt | None, endpoint_id: str, command: commands.UpdateWebhookEndpoint
    ) -> Answer:
        """Change what is given. What a disabled endpoint has not been told yet waits until it is enabled again."""
        if command.url is not None:
            self._expect_target(command.url)

        async def work(session: AsyncSession) -> Answer:
            row = await _found(session, endpoint_id, lock=True)
            changed = _changed(row.endpoint(), command)
            row.take(changed)
            return Answer(200, wire.encoded(wire.shown_endpoint(changed)))

        return await self._once(attempt, work)

    async def get(self, endpoint_id: str) -> wire.WebhookEndpoint:
        """One of them."""

        async def work(session: AsyncSession) -> wire.WebhookEndpoint:
            return wire.shown_endpoint((await _found(session, endpoint_id)).endpoint())

        return await self._database.transact(work)

    async def list(self, page: commands.ListParameters) -> wire.WebhookEndpoints:
        """A page of them."""

        async def work(session: AsyncSession) -> wire.WebhookEndpoints:
            rows, has_more = await page_of(session, WebhookEndpointRow, page)
            return wire.WebhookEndpoints(data=[wire.shown_endpoint(row.endpoint()) for row in rows], has_more=has_more)

        return await self._database.transact(work)

    async def delete(self, endpoint_id: str) -> wire.DeletedWebhookEndpoint:
        """Tell it nothing more. Where it breaks off, the endpoint is left disabled, and may be deleted again."""

        async def disable(session: AsyncSession) -> None:
            (await _found(session, endpoint_id, lock=True)).enabled = False

        await self._database.transact(disable)
        await self._remove(endpoint_id)
        return wire.DeletedWebhookEndpoint(id=endpoint_id)

    async def configure(self, url: str, secret: str) -> None:
        """Have the endpoint that the settings name, and none without them; replicas may all do it at once."""
        if not url:
            with suppress(NoSuchObject):
                await self.delete(CONFIGURED)
            return

        async def work(session: AsyncSession) -> None:
            row = insert(WebhookEndpointRow).values(
                id=CONFIGURED,
                url=url,
                secret=secret,
                enabled_events=[EVERYTHING],
                enabled=True,
                metadata={},
                created_at=self._clock(),
            )
            stale = or_(col(WebhookEndpointRow.url) != url, col(WebhookEndpointRow.secret) != secret)
            set_ = {"url": row.excluded.url, "secret": row.excluded.secret}
            await session.exec(row.on_conflict_do_update(index_elements=["id"], set_=set_, where=stale))

        await self._database.transact(work)

    async def _remove(self, endpoint_id: str) -> None:
        # Only once it is disabled, and its deliveries first: a payment waits for the lock of an endpoint that it tells.
        async def forget_some(session: AsyncSession) -> int:
            return await forget_deliveries(session, endpoint_id, most=DELIVERIES_AT_ONCE)

        async def forget_it(session: AsyncSession) -> None:
            await session.exec(delete(WebhookEndpointRow).where(col(WebhookEndpointRow.id) == endpoint_id))

        while await self._database.transact(forget_some) == DELIVERIES_AT_ONCE:
            pass
        await self._database.transact(forget_it)


async def _found(session: AsyncSession, endpoint_id: str, *, lock: bool = False) -> WebhookEndpointRow:
    row = await session.get(WebhookEndpointRow, endpoint_id, with_for_update=lock)
    if row is None:
        raise NoSuchObject("There is no such webhook endpoint.")
    return row


def _changed(endpoint: Endpoint, command: commands.UpdateWebhookEndpoint) -> Endpoint:
    given = command.model_dump(include=command.model_fields_set - {"disabled", "metadata", "enabled_events"})
    if command.enabled_events is not None:
        given["enabled_events"] = tuple(command.enabled_events)
    if command.disabled is not None:
        given["enabled"] = not command.disabled
    if command.metadata is not None:
        given["metadata"] = merged(endpoint.metadata, command.metadata)
    return replace(endpoint, **given)
