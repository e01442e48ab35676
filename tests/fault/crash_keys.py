"""A replica dies while its transaction holds a key, and another one gets the same request.

The transaction is stopped in its middle by a row that somebody else holds; then PostgreSQL ends the connection, as it
does when the process behind it dies.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from services.contracts.identity import guest_owner_id
from tests.fault.crash_world import PRICE, QUANTITY, SECRET_KEY, STOCK, World
from tests.fault.report import Case

THREADS_OF_CLAIMS = ("FT-33", "FT-34")


@dataclass(frozen=True)
class Claim:
    """A request under a key, and what stops it half way.

    Attributes:
        stopped_by: a statement that locks the row for which the request will wait, and its arguments.
        effect: a statement that answers 1 once the request has had its effect, and 2 if it had it twice.
        refused_meanwhile: whether the same request is refused, rather than kept waiting, while the first one runs.
    """

    name: str
    neighbour: str
    path: str
    headers: dict[str, str]
    content: dict[str, Any]
    stopped_by: tuple[Any, ...]
    effect: tuple[Any, ...]
    refused_meanwhile: bool = False

    def to(self, app: httpx.AsyncBaseTransport) -> asyncio.Task[httpx.Response]:
        """Send it to a replica."""

        async def send() -> httpx.Response:
            form = self.neighbour == "payments"
            body: dict[str, Any] = {"data" if form else "json": self.content}
            async with httpx.AsyncClient(transport=app, base_url="http://service") as client:
                return await client.post(self.path, headers=self.headers, **body)

        return asyncio.create_task(send())


async def claims(world: World) -> list[Case]:
    """Each kind of key, claimed by a replica that dies; nothing else may be using the databases."""
    return [
        await _claimed(world, await make(world), meanwhile=meanwhile)
        for make in (_of_an_edit, _of_a_new_cart, _of_a_hold, _of_a_confirmation)
        for meanwhile in (False, True)
    ]


async def _claimed(world: World, claim: Claim, *, meanwhile: bool) -> Case:
    pool, first, second = world.pools[claim.neighbour], world.apps[claim.neighbour], world.replicas[claim.neighbour]
    when = "while it still holds it" if meanwhile else "after"
    case = Case(f"{claim.name}: its replica dies holding the key, another gets it {when}", THREADS_OF_CLAIMS, 1)
    async with _held_up(pool, *claim.stopped_by):
        dying = claim.to(first)
        pid = await _waiting(pool, 1)
        other = claim.to(second) if meanwhile else None
        if other and claim.refused_meanwhile:
            case.broken += _unless((await other).status_code, 409)
            other = None
        elif other:
            await _waiting(pool, 2)
        await pool.execute("SELECT pg_terminate_backend($1)", pid)
        case.broken += _unless((await dying).status_code, 503)
        other = other or claim.to(second)
    case.broken += _unless((await other).status_code, 200, 201)
    again = await claim.to(first)
    case.broken += _unless(again.status_code, 200, 201)
    effects = await pool.fetchval(*claim.effect)
    return (
        case
        if effects == 1
        else Case(case.name, THREADS_OF_CLAIMS, 1, [*case.broken, f"it had its effect {effects} times"])
    )


def _unless(status: int, *wanted: int) -> list[str]:
    return [] if status in wanted else [f"answered {status}"]


@asynccontextmanager
async def _held_up(pool: asyncpg.Pool, statement: str, *arguments: object) -> AsyncIterator[None]:
    async with pool.acquire() as connection, connection.transaction():
        await connection.fetch(statement, *arguments)
        yield


async def _waiting(pool: asyncpg.Pool, sessions: int) -> int:
    """The session that has waited for a lock the longest, once so many of this database wait."""
    waiting = """
        SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE NOT granted AND datname = current_database() ORDER BY xact_start
    """
    async with asyncio.timeout(1.5):
        rows: list[asyncpg.Record] = []
        while len(rows) < sessions:
            rows = await pool.fetch(waiting)
    pid: int = rows[0]["pid"]
    return pid


async def _of_an_edit(world: World) -> Claim:
    owner, sku = guest_owner_id(uuid4()), await world.new_sku()
    headers = {"Authorization": str(await world.tokens.guest.authorization()), "Cart-Owner": owner}
    line = {"sku": sku, "quantity": QUANTITY, "product_id": 1, "unit_price": PRICE}
    claim = Claim(
        "an edit of a cart",
        "cartdb",
        "/carts/current/items",
        {**headers, "Idempotency-Key": uuid4().hex},
        line,
        ("SELECT FROM carts WHERE owner_id = $1 FOR UPDATE", owner),
        ("SELECT sum(quantity) / $2 FROM lines WHERE owner_id = $1", owner, QUANTITY),
    )
    await _begin_cart(world, headers, line)
    return claim


async def _begin_cart(world: World, headers: dict[str, str], line: dict[str, Any]) -> None:
    """A cart that is there, and empty again."""
    async with httpx.AsyncClient(transport=world.apps["cartdb"], base_url="http://service", headers=headers) as client:
        (await client.post("/carts/current/items", json=line)).raise_for_status()
        (await client.delete("/carts/current/items")).raise_for_status()


async def _of_a_new_cart(world: World) -> Claim:
    edit = await _of_an_edit(world)
    owner = edit.headers["Cart-Owner"]
    return Claim(
        "a new cart",
        "cartdb",
        "/carts",
        edit.headers,
        {"name": "second"},
        ("SELECT FROM shoppers WHERE owner_id = $1 FOR UPDATE", owner),
        ("SELECT count(*) FROM carts WHERE owner_id = $1 AND name = 'second'", owner),
    )


async def _of_a_hold(world: World) -> Claim:
    checkout_id, sku = uuid4(), await world.new_sku()
    return Claim(
        "a hold of stock",
        "catalog",
        f"/holds/{checkout_id}",
        {"Authorization": str(await world.tokens.stock.authorization())},
        {"lines": [{"sku": sku, "quantity": 1}]},
        ("SELECT FROM skus WHERE sku = $1 FOR UPDATE", sku),
        ("SELECT held FROM skus WHERE sku = $1 AND supplied = $2", sku, STOCK),
    )


async def _of_a_confirmation(world: World) -> Claim:
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    async with httpx.AsyncClient(transport=world.apps["payments"], base_url="http://service") as client:
        sale = {"amount": str(PRICE), "currency": "inr"}
        intent = (await client.post("/v1/payment_intents", data=sale, headers=headers)).json()
    return Claim(
        "a charge",
        "payments",
        f"/v1/payment_intents/{intent['id']}/confirm",
        {**headers, "Idempotency-Key": uuid4().hex},
        {"payment_method": "pm_card_visa"},
        ("SELECT FROM payment_intents WHERE id = $1 FOR UPDATE", intent["id"]),
        ("SELECT count(*) FROM charges WHERE payment_intent = $1 AND succeeded", intent["id"]),
        refused_meanwhile=True,
    )
