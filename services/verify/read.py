"""Reading: streams of rows, each database at one instant."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import asyncpg

from . import queries
from .invariants import Invariant, Violation
from .rows import Checkout, Decision, Given, Hold, Intent, Purchase, Refund, Restock, Stock, Unclaimed

BATCH = 2000
SETTINGS = {"application_name": "verify", "jit": "off", "work_mem": "32MB"}


class OfACheckout(Protocol):
    """A row that says which checkout it is about."""

    @property
    def checkout_id(self) -> str: ...


R = TypeVar("R")
Row = TypeVar("Row", bound=OfACheckout)


@asynccontextmanager
async def at_one_instant(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to which the database stands still, from now on."""
    connection = await asyncpg.connect(url, timeout=10, server_settings=SETTINGS)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.fetchval("SELECT pg_current_snapshot()::text")
            yield connection
    finally:
        await connection.close()


async def clock_of(url: str) -> datetime:
    """What time it is there."""
    async with at_one_instant(url) as connection:
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        return now


async def rows(
    connection: asyncpg.Connection, kind: Callable[..., R], query: str, **parts: Callable[..., object]
) -> AsyncIterator[R]:
    """The answers to a query one by one, fetched in batches. `parts` are the columns that hold JSON, and of what."""
    async for row in connection.cursor(query, prefetch=BATCH):
        columns = dict(row)
        for name, part in parts.items():
            columns[name] = tuple(part(**one) for one in json.loads(columns[name])) if columns[name] else ()
        yield kind(**columns)


class Sorted(Generic[Row]):
    """Rows that come in the order of their checkouts."""

    def __init__(self, source: AsyncIterator[Row]) -> None:
        self._source = source
        self.head: Row | None = None

    async def advance(self) -> None:
        """Look at the next row."""
        self.head = await anext(self._source, None)

    async def take(self, checkout_id: str) -> tuple[Row, ...]:
        """The rows of this checkout, which must be the next one."""
        taken: list[Row] = []
        while self.head is not None and self.head.checkout_id == checkout_id:
            taken.append(self.head)
            await self.advance()
        return tuple(taken)


async def checkouts(
    cartdb: asyncpg.Connection,
    payments: asyncpg.Connection,
    catalog: asyncpg.Connection,
    cartdb_after: asyncpg.Connection,
) -> AsyncIterator[Checkout]:
    """Every checkout that anybody knows, put together from streams that are read side by side."""
    before = Sorted(rows(cartdb, Purchase, queries.PURCHASES, refunds=Refund))
    intents = Sorted(rows(payments, Intent, queries.INTENTS, refunds=Given))
    holds = Sorted(rows(catalog, Hold, queries.HOLDS, restocks=Restock))
    after = Sorted(rows(cartdb_after, Decision, queries.DECISIONS, refunds=Refund))
    streams: tuple[Sorted[Purchase] | Sorted[Intent] | Sorted[Hold] | Sorted[Decision], ...]
    streams = (before, intents, holds, after)
    for stream in streams:
        await stream.advance()
    while heads := [stream.head.checkout_id for stream in streams if stream.head is not None]:
        key = min(heads)
        yield Checkout(
            key, await before.take(key), await intents.take(key), await holds.take(key), await after.take(key)
        )


async def stock(catalog: asyncpg.Connection) -> AsyncIterator[Stock]:
    """Every SKU's counters."""
    async for row in rows(catalog, Stock, queries.STOCK):
        yield row


async def offences(cartdb: asyncpg.Connection) -> AsyncIterator[Violation]:
    """What does not agree within cartdb."""
    for offence in queries.OFFENCES:
        async for row in records(cartdb, offence.query):
            yield Violation(offence.invariant, row["what"], row["place"])


async def records(connection: asyncpg.Connection, query: str) -> AsyncIterator[asyncpg.Record]:
    """The same without a shape."""
    async for row in connection.cursor(query, prefetch=BATCH):
        yield row


async def waited_for(cartdb: asyncpg.Connection, began: datetime) -> list[Violation]:
    """What was unfinished at that time and still is."""
    found = await cartdb.fetch(queries.WAITED_FOR, began)
    return [
        Violation(Invariant.STUCK, f"unfinished since {row['since']:%Y-%m-%d %H:%M:%S}", row["what"]) for row in found
    ]


async def unclaimed(
    payments: asyncpg.Connection, cartdb: asyncpg.Connection
) -> AsyncIterator[tuple[Unclaimed, str | None]]:
    """Intents with money that name no checkout, each with the failed order that names it, if one does."""
    cursor = await payments.cursor(queries.UNCLAIMED)
    while batch := [Unclaimed(**row) for row in await cursor.fetch(BATCH)]:
        named = await cartdb.fetch(queries.FAILED_WITH, [intent.id for intent in batch])
        orders = {row["intent_id"]: row["place"] for row in named}
        for intent in batch:
            yield intent, orders.get(intent.id)


async def sign_ins(controller: asyncpg.Connection, cartdb: asyncpg.Connection) -> AsyncIterator[Violation]:
    """Guests who have signed in, and the carts that they had; cartdb is read later than the sessions."""
    cursor = await controller.cursor(queries.SIGN_INS)
    while batch := await cursor.fetch(BATCH):
        guests = [row["guest_owner"] for row in batch]
        for row in await cartdb.fetch(queries.LEFT_BEHIND, guests):
            where = f"cart {row['cart_id']} of {row['owner_id']}"
            yield Violation(Invariant.GUEST_LEAVES_NOTHING, f"the cart is {row['status']}", where)
        merges = [row["merge_id"] for row in batch]
        for row in await cartdb.fetch(queries.UNKNOWN_MERGES, guests, merges):
            yield Violation(
                Invariant.MERGE_IS_KNOWN, f"merge {row['merge_id']} has no cart", f"guest {row['owner_id']}"
            )


async def count(connection: asyncpg.Connection, query: str) -> int:
    """A single number."""
    number: int = await connection.fetchval(query)
    return number
