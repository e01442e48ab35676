"""What payments forgets, and what it must not, over real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import cast

import asyncpg
import pytest

from services.chassis.database import Database
from services.payments.app import tidy_for_ever
from services.payments.upkeep_store import Upkeep
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import Payments, payments_app, visa
from tests.service.webhook_receiver import eventually
from tests.serving import serving


@pytest.fixture(scope="module")
async def shared(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


@pytest.fixture
async def connection(shared: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """To a database without events, endpoints and keys."""
    connection = await asyncpg.connect(shared.app)
    for table in ("webhook_deliveries", "webhook_endpoints", "events", "idempotency_keys"):
        await connection.execute(f"DELETE FROM {table}")
    yield connection
    await connection.close()


@pytest.fixture
async def payments(shared: DatabaseUrls, connection: asyncpg.Connection) -> AsyncIterator[Payments]:
    async with serving(payments_app(shared.app)) as client:
        yield Payments(client)


async def happened(connection: asyncpg.Connection, name: str, count: int, *, days_ago: float) -> None:
    """So many events, of which two endpoints have still to be told."""
    await connection.execute(
        """
        INSERT INTO webhook_endpoints (id, url, secret, enabled_events, metadata, created_at)
        SELECT 'we_' || n, 'http://shop.example/', 'whsec_sample', '{*}', '{}', now() FROM generate_series(1, 2) AS n
        ON CONFLICT DO NOTHING
        """
    )
    await connection.execute(
        """
        WITH made AS (
            INSERT INTO events (id, type, api_version, object, created_at)
            SELECT $1 || n, 'payment_intent.created', '1', '{}', now() - $3 * interval '1 day'
            FROM generate_series(1, $2::int) AS n
            RETURNING id
        )
        INSERT INTO webhook_deliveries (event, endpoint)
        SELECT made.id, endpoints.id FROM made, webhook_endpoints AS endpoints
        """,
        name,
        count,
        days_ago,
    )


async def kept_keys(connection: asyncpg.Connection) -> list[str]:
    return [row["key"] for row in await connection.fetch("SELECT key FROM idempotency_keys ORDER BY key")]


async def test_events_and_their_deliveries_are_forgotten_after_thirty_days_by_all_replicas_at_once(
    shared: DatabaseUrls, connection: asyncpg.Connection
) -> None:
    await happened(connection, "old", 95, days_ago=30.01)
    await happened(connection, "young", 5, days_ago=29.99)

    async with Database(shared.app) as database:
        gone = await asyncio.gather(*(Upkeep(database, rows_at_once=10).forget_events() for _ in range(4)))
        gone.append(await Upkeep(database, rows_at_once=10).forget_events())

    assert sum(gone) == 95
    left = await connection.fetch("SELECT id FROM events ORDER BY id")
    assert [row["id"] for row in left] == [f"young{n}" for n in range(1, 6)]
    assert await connection.fetchval("SELECT count(*) FROM webhook_deliveries") == 10


async def test_an_event_in_somebodys_hands_keeps_no_other_from_being_forgotten(
    shared: DatabaseUrls, connection: asyncpg.Connection
) -> None:
    await happened(connection, "old", 3, days_ago=31)

    async with Database(shared.app) as database, connection.transaction():
        await connection.execute("SELECT FROM events WHERE id = 'old1' FOR UPDATE")
        gone = await Upkeep(database).forget_events()

    assert gone == 2


async def test_keys_are_forgotten_after_a_day_but_for_those_of_open_intents(
    shared: DatabaseUrls, connection: asyncpg.Connection, payments: Payments
) -> None:
    sale = {"amount": "19900", "currency": "inr"}
    ids = {
        name: (await payments.post("payment_intents", key=f"{name}-create", **sale)).json()["id"]
        for name in ("open", "paid", "canceled", "declined", "held")
    }
    for name, card in (("paid", "visa"), ("declined", "visa_chargeDeclined")):
        path = f"payment_intents/{ids[name]}/confirm"
        await payments.post(path, key=f"{name}-confirm", payment_method=f"pm_card_{card}")
    await payments.post(f"payment_intents/{ids['paid']}/confirm", key="paid-again", payment_method="pm_card_visa")
    await payments.post(f"payment_intents/{ids['canceled']}/cancel", key="canceled-cancel")
    held = await payments.post(
        "payment_intents",
        key="held-confirm",
        capture_method="manual",
        payment_method="pm_card_visa",
        confirm="true",
        **sale,
    )
    await payments.post("refunds", key="refund", payment_intent=ids["paid"], amount="100")
    await payments.post("refunds", key="refund-refused", payment_intent=ids["paid"], amount="99999999")
    await payments.post("payment_methods", key="method", **visa())
    await connection.execute(
        "INSERT INTO idempotency_keys VALUES ('secret', 'broken', 'f', 500, '{\"error\": {}}', now())"
    )
    everything = await kept_keys(connection)

    async with Database(shared.app) as database:
        await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '23 hours'")
        young = await Upkeep(database).forget_keys()
        await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
        gone = await Upkeep(database, rows_at_once=2).forget_keys()
        again = await Upkeep(database).forget_keys()

    assert held.json()["status"] == "requires_capture"
    assert (young, len(everything)) == (0, 14)
    assert await kept_keys(connection) == [
        "broken",
        "declined-confirm",
        "declined-create",
        "held-confirm",
        "held-create",
        "open-create",
        "refund-refused",
    ]
    assert (gone, again) == (7, 0)


async def test_the_key_of_an_open_intent_makes_no_second_one_however_old_it_is(
    shared: DatabaseUrls, connection: asyncpg.Connection, payments: Payments
) -> None:
    first = await payments.post("payment_intents", key="once", amount="100", currency="inr")
    await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '400 days'")

    async with Database(shared.app) as database:
        await Upkeep(database).forget_keys()
    again = await payments.post("payment_intents", key="once", amount="100", currency="inr")

    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_what_is_old_is_found_without_reading_everything(connection: asyncpg.Connection) -> None:
    await connection.execute("SET enable_seqscan = off")

    plans = [
        await connection.fetch(f"EXPLAIN SELECT FROM {table} WHERE created_at < now() ORDER BY created_at LIMIT 500")
        for table in ("events", "idempotency_keys")
    ]

    assert ["_by_age" in "\n".join(row[0] for row in plan) for plan in plans] == [True, True]


async def test_the_service_itself_forgets(shared: DatabaseUrls, connection: asyncpg.Connection) -> None:
    await happened(connection, "old", 3, days_ago=31)

    async def forgotten() -> bool:
        return bool(await connection.fetchval("SELECT count(*) = 0 FROM events"))

    async with serving(payments_app(shared.app)):
        await eventually(forgotten)


class _Breaks:
    """Chores of which the first one breaks in a way that nobody foresaw."""

    def __init__(self) -> None:
        self.rounds = 0
        self.went_on = asyncio.Event()

    async def forget_events(self) -> int:
        raise RuntimeError("not the database's kind of trouble")

    async def forget_keys(self) -> int:
        self.rounds += 1
        if self.rounds == 2:
            self.went_on.set()
        return 0


async def test_a_chore_that_breaks_ends_neither_the_other_nor_the_next_round() -> None:
    broken = _Breaks()
    tidying = asyncio.create_task(tidy_for_ever(cast(Upkeep, broken), pause=0.01))
    try:
        async with asyncio.timeout(5):
            await broken.went_on.wait()
    finally:
        tidying.cancel()
        with suppress(asyncio.CancelledError):
            await tidying
