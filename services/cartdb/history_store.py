"""What a cart remembers. The service can add to it and neither change nor delete it: the database refuses."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.chassis.database import FastDatabase
from services.contracts.carts import History, HistoryEntry
from services.contracts.identity import first_cart_id
from services.contracts.problems import CartNotFound

from .history import Entry, rebuild

# Entries are in the order of their changes, which a clock that was set back is not. So what a moment tells is every
# entry up to the last one that is not after it. Entries of one change have one moment.
LAST_TOLD = """
    SELECT max(entry) FROM history
    WHERE owner_id = $1 AND cart_id = $2 AND ($3::timestamptz IS NULL OR at <= $3)
        AND ($4::integer IS NULL OR version <= $4)
"""
PAGE = """
    SELECT version, action, sku, quantity, added_price, status, name, detail, at, actor FROM history
    WHERE owner_id = $1 AND cart_id = $2 AND entry <= $3 ORDER BY entry OFFSET $4 LIMIT $5
"""
# The last entry of each SKU, the last that emptied the cart, and the last of all others: no more than these count. An
# older replica's entries tell no name, so that they do not stand for those that do.
DECISIVE = """
    SELECT version, action, sku, quantity, added_price, status, name, at FROM (
        SELECT DISTINCT ON (sku, action IN ('clear', 'expire'), status IS NULL) * FROM history
        WHERE owner_id = $1 AND cart_id = $2 AND entry <= $3
        ORDER BY sku, action IN ('clear', 'expire'), status IS NULL, entry DESC
    ) AS decisive ORDER BY entry
"""
COMPLETE_SINCE = """
    SELECT at FROM history WHERE owner_id = $1 AND cart_id = $2 AND status IS NOT NULL ORDER BY entry LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Up to which moment and version, and which page of it: `limit` entries after the first `skip`."""

    at: datetime | None
    version: int | None
    skip: int
    limit: int


class HistoryStore:
    """One question."""

    def __init__(self, database: FastDatabase) -> None:
        self._database = database

    async def history(self, owner_id: str, cart_id: UUID, asked: Asked) -> History:
        """Who changed what when, a page of it, and the cart as it stood after all that was asked for.

        Raises:
            CartNotFound: it never was, or is somebody else's.
        """

        async def work(connection: asyncpg.Connection) -> History:
            await _expect_cart(connection, owner_id, cart_id)
            last = await connection.fetchval(LAST_TOLD, owner_id, cart_id, asked.at, asked.version) or 0
            page = await connection.fetch(PAGE, owner_id, cart_id, last, asked.skip, asked.limit + 1)
            cart = rebuild(Entry(**dict(row)) for row in await connection.fetch(DECISIVE, owner_id, cart_id, last))
            return History(
                cart_id=cart_id,
                entries=[_entry(row) for row in page[: asked.limit]],
                next=asked.skip + asked.limit if len(page) > asked.limit else None,
                complete_since=await connection.fetchval(COMPLETE_SINCE, owner_id, cart_id),
                version=cart.version,
                status=cart.status,
                name=cart.name,
                lines=cart.lines,
                added_prices=cart.added_prices,
            )

        return await self._database.transact(work)


async def _expect_cart(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> None:
    known = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM carts WHERE owner_id = $1 AND cart_id = $2)", owner_id, cart_id
    )
    if not known and cart_id != first_cart_id(owner_id):
        raise CartNotFound(cart_id=str(cart_id))


def _entry(row: asyncpg.Record) -> HistoryEntry:
    columns = dict(row)
    detail = columns.pop("detail")
    return HistoryEntry(**columns, detail=json.loads(detail) if detail else None)
