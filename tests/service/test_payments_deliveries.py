"""What senders may do with deliveries, over real PostgreSQL: each has its own rows, and an old hand moves nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from services.chassis.database import Database
from services.payments.delivery import Delivery
from services.payments.delivery_store import DeliveryStore
from tests.conftest import DatabaseUrls, MakeDatabase

AT_ONCE, LONG = timedelta(0), timedelta(hours=1)


@pytest.fixture(scope="module")
async def shared(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


@pytest.fixture
async def connection(shared: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """To a database with one endpoint, and three events that it has to be told of."""
    connection = await asyncpg.connect(shared.app)
    await connection.execute(
        """
        DELETE FROM webhook_deliveries;
        DELETE FROM webhook_endpoints;
        DELETE FROM events;
        INSERT INTO webhook_endpoints (id, url, secret, enabled_events, metadata, created_at)
        VALUES ('we_1', 'http://shop.example/', 'whsec_sample', '{*}', '{}', now());
        INSERT INTO events (id, type, api_version, object, created_at)
        SELECT 'evt_' || n, 'payment_intent.created', '1', '{}', now() FROM generate_series(1, 3) AS n;
        INSERT INTO webhook_deliveries (event, endpoint, due_at)
        SELECT id, 'we_1', now() - interval '1 minute' FROM events;
        """
    )
    yield connection
    await connection.close()


@pytest.fixture
async def store(shared: DatabaseUrls) -> AsyncIterator[DeliveryStore]:
    async with Database(shared.app) as database:
        yield DeliveryStore(database)


async def claim(store: DeliveryStore, *, room: int = 3, lease: timedelta = LONG) -> dict[str, Delivery]:
    return {one.event: one for one in await store.claim("we_1", room=room, lease=lease)}


async def test_a_failure_that_comes_after_a_newer_claim_puts_nothing_off_and_gives_nothing_up(
    connection: asyncpg.Connection, store: DeliveryStore
) -> None:
    expired = (await claim(store, lease=AT_ONCE))["evt_1"]
    newer = (await claim(store))["evt_1"]
    before = await connection.fetch("SELECT * FROM webhook_deliveries ORDER BY event")

    moved = [await store.put_off(expired, AT_ONCE), await store.give_up(expired)]

    assert moved == [False, False]
    assert await connection.fetch("SELECT * FROM webhook_deliveries ORDER BY event") == before
    assert [await store.put_off(newer, AT_ONCE), await store.give_up(newer)] == [True, True]


async def test_an_answer_counts_however_late_it_comes(connection: asyncpg.Connection, store: DeliveryStore) -> None:
    expired = (await claim(store, lease=AT_ONCE))["evt_1"]
    newer = (await claim(store))["evt_1"]

    assert [await store.delivered(expired), await store.delivered(newer)] == [True, False]
    assert [await store.put_off(newer, AT_ONCE), await store.give_up(newer)] == [False, False]


async def test_rows_that_one_sender_holds_keep_no_other_from_the_rest(
    connection: asyncpg.Connection, store: DeliveryStore
) -> None:
    async with connection.transaction():
        await connection.execute("SELECT FROM webhook_deliveries WHERE event IN ('evt_1', 'evt_2') FOR UPDATE")
        others = await claim(store)

    assert list(others) == ["evt_3"]
    assert sorted(await claim(store)) == ["evt_1", "evt_2"]


async def test_what_is_due_longest_tells_how_far_behind_the_senders_are(
    connection: asyncpg.Connection, store: DeliveryStore
) -> None:
    await connection.execute("UPDATE webhook_deliveries SET due_at = now() - interval '1 hour' WHERE event = 'evt_2'")
    behind = await store.waiting()

    await claim(store)
    in_hand = await store.waiting()
    await connection.execute("UPDATE webhook_deliveries SET due_at = now(), delivered_at = now()")
    done = await store.waiting()

    assert list(behind) == ["we_1"]
    assert timedelta(hours=1) <= behind["we_1"] < timedelta(hours=1, minutes=1)
    assert (in_hand, done) == ({}, {})


async def test_a_disabled_endpoint_is_behind_with_nothing(connection: asyncpg.Connection, store: DeliveryStore) -> None:
    await connection.execute("UPDATE webhook_endpoints SET enabled = false")

    assert await store.waiting() == {}
