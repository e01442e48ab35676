"""What the databases say at the end, held against what shoppers were told: orders, charges, carts.

What operators were told of refunds is held against them in refund_reckoning.py.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from services.local.stack import Stack
from tests.fault.town import Attempt

PURCHASES = "SELECT owner_id, checkout_id::text, cart_id::text, state, reason, amount FROM purchases"
CHARGES = """
    SELECT i.id, i.amount_received, i.metadata ->> 'checkout_id' AS checkout_id, count(c.id) AS charges
    FROM payment_intents i JOIN charges c ON c.payment_intent = i.id AND c.succeeded
    GROUP BY i.id, i.amount_received, i.metadata
"""
UNFINISHED = """
    SELECT (SELECT count(*) FROM purchases WHERE state = 'pending' AND created_at <= $1)
        + (SELECT count(*) FROM refunds WHERE state = 'pending' AND created_at <= $1)
        + (SELECT count(*) FROM carts WHERE status = 'moving' AND updated_at <= $1)
"""
REFUNDS = "SELECT refund_id::text, checkout_id::text, state, amount FROM refunds"
GIVEN = """
    SELECT r.id, r.amount, r.metadata ->> 'refund_id' AS refund_id, i.metadata ->> 'checkout_id' AS checkout_id
    FROM refunds r JOIN payment_intents i ON i.id = r.payment_intent
"""
STUCK = "SELECT cart_id::text, owner_id, status FROM carts WHERE status IN ('in_checkout', 'moving')"
DOWN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError)


@dataclass(frozen=True)
class Row:
    """A purchase as cartdb has it."""

    owner_id: str
    checkout_id: str
    cart_id: str
    state: str
    reason: str | None
    amount: int | None


@dataclass(frozen=True)
class Charge:
    """Money that was taken: the intent, how much, for which checkout, in how many charges."""

    intent_id: str
    amount: int
    checkout_id: str | None
    charges: int


@dataclass(frozen=True)
class RefundRow:
    """A refund as cartdb has it."""

    refund_id: str
    checkout_id: str
    state: str
    amount: int | None


@dataclass(frozen=True)
class Given:
    """Money that went back: by which refund of the processor, how much, and of which refund and checkout that tells."""

    id: str
    amount: int
    refund_id: str | None
    checkout_id: str | None


class Databases:
    """Questions to a stack's databases, for as long as their server answers."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    async def rows(self, service: str, statement: str, *arguments: object) -> list[Any]:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=self._stack.addresses.postgres_port,
            user=f"{service}_app",
            password=self._stack.secrets[f"{service.upper()}_APP_PASSWORD"],
            database=service,
            timeout=5,
            command_timeout=10,
        )
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            with suppress(*DOWN):
                await connection.close(timeout=2)

    async def unfinished(self, since: datetime) -> int | None:
        """Purchases, refunds and adoptions begun before that moment without an end; None while nobody can tell."""
        try:
            return int((await self.rows("cartdb", UNFINISHED, since))[0][0])
        except DOWN:
            return None

    async def purchases(self) -> list[Row]:
        return [Row(**dict(row)) for row in await self.rows("cartdb", PURCHASES)]

    async def charges(self) -> list[Charge]:
        rows = await self.rows("payments", CHARGES)
        return [Charge(row["id"], row["amount_received"], row["checkout_id"], row["charges"]) for row in rows]

    async def refunds(self) -> list[RefundRow]:
        return [RefundRow(**dict(row)) for row in await self.rows("cartdb", REFUNDS)]

    async def given(self) -> list[Given]:
        return [Given(**dict(row)) for row in await self.rows("payments", GIVEN)]

    async def stuck(self) -> list[str]:
        rows = await self.rows("cartdb", STUCK)
        return [f"cart {row['cart_id']} of {row['owner_id']} is still {row['status']}" for row in rows]


def reckon(attempts: Iterable[Attempt], purchases: Iterable[Row], charges: Iterable[Charge]) -> list[str]:
    """Everything that is not as it was told, or not as it must be."""
    rows = {row.checkout_id: row for row in purchases}
    taken: dict[str | None, list[Charge]] = defaultdict(list)
    for charge in charges:
        taken[charge.checkout_id].append(charge)
    return [*_wrong_attempts(attempts, rows, taken), *_wrong_rows(rows, taken), *_wrong_charges(rows, taken)]


def _wrong_attempts(
    attempts: Iterable[Attempt], rows: dict[str, Row], taken: dict[str | None, list[Charge]]
) -> Iterable[str]:
    for attempt in attempts:
        row = rows.get(attempt.order_id)
        state = row.state if row else "unknown to cartdb"
        if attempt.outcome == "paid" and state != "paid":
            yield _told(attempt, f"was told paid and is {state}")
        if attempt.outcome == "refused" and state == "paid":
            yield _told(attempt, "was told refused and is paid")
        if attempt.outcome == "refused" and taken[attempt.order_id]:
            yield _told(attempt, "was told refused and is charged")
        if state == "paid" and row is not None and (row.amount, row.owner_id) != (attempt.shown, attempt.owner_id):
            yield _told(attempt, f"was shown as {attempt.shown} and is paid with {row.amount} by {row.owner_id}")


def _told(attempt: Attempt, what: str) -> str:
    history = attempt.diary.about(attempt.order_id, attempt.cart_id, most=40)
    return "\n    ".join([f"order {attempt.order_id} of {attempt.diary.name} {what}", *history])


def _wrong_rows(rows: dict[str, Row], taken: dict[str | None, list[Charge]]) -> Iterable[str]:
    bought: dict[str, int] = defaultdict(int)
    for row in rows.values():
        amounts = [charge.amount for charge in taken[row.checkout_id]]
        if row.state == "pending":
            yield f"order {row.checkout_id} is still pending"
        elif row.state == "paid":
            bought[row.cart_id] += 1
            if amounts != [row.amount]:
                yield f"order {row.checkout_id} is paid with {row.amount}, charged was {amounts or 'nothing'}"
    yield from (f"cart {cart_id} was bought {times} times" for cart_id, times in bought.items() if times > 1)


def _wrong_charges(rows: dict[str, Row], taken: dict[str | None, list[Charge]]) -> Iterable[str]:
    for checkout_id, charges in taken.items():
        row = rows.get(checkout_id or "")
        for charge in charges:
            if row is None or row.state != "paid":
                yield f"{charge.intent_id} was charged {charge.amount} for order {checkout_id}, which is not paid"
            if charge.charges != 1:
                yield f"{charge.intent_id} was charged {charge.charges} times"


async def settled(databases: Databases, since: datetime, *, seconds: float) -> bool:
    """Wait until nothing that began before a moment is unfinished; False when that takes too long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while await databases.unfinished(since) != 0:
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.2)
    return True
