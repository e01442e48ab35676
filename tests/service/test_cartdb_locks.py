"""Locks are taken in one order, shopper before cart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest_asyncio

from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.cartdb_client import CartDb, new_guest, running_cartdb
from tests.service.test_cartdb_adoption import freeze


@pytest_asyncio.fixture(scope="module")
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("cartdb")


@pytest_asyncio.fixture(scope="module")
async def cartdb(database: DatabaseUrls) -> AsyncIterator[CartDb]:
    async with running_cartdb(database.app) as client:
        yield client


@asynccontextmanager
async def somebody_at_the_shopper(database: DatabaseUrls, owner_id: str) -> AsyncIterator[None]:
    """Another request holds the row."""
    connection = await asyncpg.connect(database.app)
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM shoppers WHERE owner_id = $1 FOR UPDATE", owner_id)
            yield
    finally:
        await connection.close()


async def test_whoever_locks_only_a_cart_never_waits_for_the_shoppers_row(
    cartdb: CartDb, database: DatabaseUrls
) -> None:
    guest, merge_id, first, second, never = new_guest(), uuid4(), uuid4(), uuid4(), uuid4()
    await cartdb.add(cartdb.guest(guest), "apple")
    checkout, failed = cartdb.checkout(guest), {"intent_id": None, "reason": "card_declined"}

    async with somebody_at_the_shopper(database, guest):
        added = await cartdb.add(cartdb.guest(guest), "pear")
        cart = added.json()
        answers = [
            added,
            await cartdb.mark(guest, cart, first),
            await cartdb.step(guest, first, "unpurchase", **failed),
            await cartdb.step(guest, never, "void", cart_id=cart["cart_id"], fingerprint="f", reason="never_came"),
            await cartdb.mark(guest, await cartdb.cart(cartdb.guest(guest)), second),
        ]
    await freeze(cartdb, guest, f"u-{uuid4()}", merge_id)
    async with somebody_at_the_shopper(database, guest):
        answers += [
            await cartdb.step(guest, second, "unpurchase", **failed),
            await cartdb.http.post(f"/adoptions/{merge_id}/close", headers=checkout),
        ]

    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 200, 200, 200, 200, 200, 204], [answer.text for answer in answers]
