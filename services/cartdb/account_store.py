"""All that is held on one owner, a page at a time, and its erasure."""

import json
import re
from typing import Any

import asyncpg

from services.chassis.app import new_id
from services.chassis.database import FastDatabase
from services.contracts.account import AccountPage, AccountPart, EraseOwner
from services.contracts.identity import first_cart_id
from services.contracts.problems import PROBLEMS, Unprocessable

from .cart import Limits
from .purchase_store import PURCHASE_COLUMNS, purchase_of_row

# Each in the order of its key, from behind a key: the next page begins where the last one ended, whatever was added
# meanwhile. `record` is what is told; hashes are not.
PAGES = {
    AccountPart.SHOPPER: """
        SELECT current_cart_id::text AS key, to_jsonb(shoppers) AS record
        FROM shoppers WHERE owner_id = $1 AND $2::text IS NULL LIMIT $3
    """,
    AccountPart.CARTS: """
        SELECT cart_id::text AS key, cart_document($1, cart_id)::jsonb - 'replayed' AS record
        FROM carts WHERE owner_id = $1 AND ($2::text IS NULL OR cart_id > $2::text::uuid) ORDER BY cart_id LIMIT $3
    """,
    AccountPart.HISTORY: """
        SELECT cart_id || '/' || entry AS key, to_jsonb(history) - 'owner_id' AS record FROM history
        WHERE owner_id = $1 AND ($2::text IS NULL
            OR (cart_id, entry) > (split_part($2, '/', 1)::uuid, split_part($2, '/', 2)::bigint))
        ORDER BY cart_id, entry LIMIT $3
    """,
    AccountPart.RECEIPTS: """
        SELECT merge_id::text AS key, to_jsonb(receipts) - 'owner_id' AS record
        FROM receipts WHERE owner_id = $1 AND ($2::text IS NULL OR merge_id > $2::text::uuid) ORDER BY merge_id LIMIT $3
    """,
    AccountPart.KEYS: """
        SELECT key, to_jsonb(idempotency_keys) - 'owner_id' - 'fingerprint' AS record FROM idempotency_keys
        WHERE owner_id = $1 AND ($2::text IS NULL OR key COLLATE "C" > $2) ORDER BY key COLLATE "C" LIMIT $3
    """,
}
PURCHASES = f"""
    SELECT {PURCHASE_COLUMNS} FROM purchases
    WHERE owner_id = $1 AND ($2::text IS NULL OR checkout_id > $2::text::uuid) ORDER BY checkout_id LIMIT $3
"""  # noqa: S608 - a constant
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
AFTER = {AccountPart.HISTORY: rf"{UUID}/[0-9]{{1,18}}", AccountPart.KEYS: r"[\x21-\x7e]+"}
ERASE = "SELECT outcome, orders FROM erase_owner($1, $2, $3, $4, $5, $6)"


class AccountStore:
    """Named questions and changes; each is one statement."""

    def __init__(self, database: FastDatabase, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    async def page(self, owner_id: str, part: AccountPart, *, after: str | None, limit: int) -> AccountPage:
        """What is held of one kind.

        Raises:
            Unprocessable: `after` was not answered as such.
        """
        if after is not None and not re.fullmatch(AFTER.get(part, UUID), after):
            raise Unprocessable("`after` must be a page's `next_after`.")

        async def work(connection: asyncpg.Connection) -> list[asyncpg.Record]:
            query = PURCHASES if part is AccountPart.PURCHASES else PAGES[part]
            rows: list[asyncpg.Record] = await connection.fetch(query, owner_id, after, limit)
            return rows

        told = [_told(row) for row in await self._database.transact(work)]
        return AccountPage(
            records=[record for _, record in told], next_after=told[-1][0] if len(told) == limit else None
        )

    async def erase(self, owner_id: str, command: EraseOwner) -> None:
        """Forget the owner, all at once. A repeat agrees.

        Raises:
            AccountHasUnfinishedOrders: an order or a refund has no outcome yet.
            CartIsBeingAdopted: the carts belong to a user, or are on their way to one.
        """
        row = await self._database.one_statement(
            ERASE,
            owner_id,
            command.adopted_by,
            command.only_ask,
            first_cart_id(owner_id),
            new_id(),
            self._limits.idle_days(owner_id),
        )
        assert row is not None
        if row["outcome"] != "ok":
            members: dict[str, Any] = {"order_ids": [str(order) for order in row["orders"]]} if row["orders"] else {}
            raise PROBLEMS[row["outcome"]](headers={"Retry-After": "2"}, **members)


def _told(row: asyncpg.Record) -> tuple[str, dict[str, Any]]:
    if "record" in row:
        return row["key"], json.loads(row["record"])
    purchase = purchase_of_row(row)
    return str(purchase.checkout_id), purchase.model_dump(mode="json")
