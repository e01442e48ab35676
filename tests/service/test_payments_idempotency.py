"""Idempotency keys, as Stripe's v1 documents them, over two replicas and a crash."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from services.payments.processor import Approved, Outcome, Verdict
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import PUBLISHABLE, SECRET, Payments, payments_app, replica_process, visa
from tests.serving import serving


@pytest.fixture(scope="module")
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


@pytest.fixture(scope="module")
async def connection(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.app)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def payments(database: DatabaseUrls) -> AsyncIterator[Payments]:
    async with serving(payments_app(database.app)) as client:
        yield Payments(client)


@pytest.fixture(scope="module")
async def replica(database: DatabaseUrls) -> AsyncIterator[Payments]:
    async with serving(payments_app(database.app)) as client:
        yield Payments(client)


async def kept(connection: asyncpg.Connection, key: str) -> list[int]:
    """The statuses kept under a key."""
    rows = await connection.fetch("SELECT status FROM idempotency_keys WHERE key = $1", key)
    return [row["status"] for row in rows]


async def test_the_first_answer_comes_again_word_for_word(payments: Payments, replica: Payments) -> None:
    first = await payments.post("payment_intents", key="create-1", amount=100, currency="inr")
    before = await payments.count_intents()

    again = await replica.post("payment_intents", key="create-1", amount=100, currency="inr")

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] == "create-1"
    assert await payments.count_intents() == before


async def test_a_decline_is_kept_and_asks_the_card_once(payments: Payments) -> None:
    opened = await payments.intent(payment_method="pm_card_visa_chargeDeclined")

    first = await payments.post(f"payment_intents/{opened['id']}/confirm", key="declined-1")
    again = await payments.post(f"payment_intents/{opened['id']}/confirm", key="declined-1")

    assert (first.status_code, again.status_code, again.content) == (402, 402, first.content)
    assert len(await payments.charges_of(opened["id"])) == 1


async def test_a_refusal_by_state_is_kept(payments: Payments) -> None:
    opened = await payments.intent()

    first = await payments.post(f"payment_intents/{opened['id']}/confirm", key="state-1")
    canceled = await payments.post(f"payment_intents/{opened['id']}/cancel")
    again = await payments.post(f"payment_intents/{opened['id']}/confirm", key="state-1")

    assert (first.status_code, canceled.status_code, again.content) == (400, 200, first.content)


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("payment_intents", {"amount": 101}),
        ("payment_intents", {"metadata__a": "b"}),
        ("payment_intents/{id}/cancel", None),
    ],
)
async def test_a_key_used_for_another_request_is_refused(
    payments: Payments, path: str, changed: dict[str, Any] | None
) -> None:
    key = f"reused {path} {changed}"
    opened = (await payments.post("payment_intents", key=key, amount=100, currency="inr")).json()
    parameters = {} if changed is None else {"amount": 100, "currency": "inr"} | changed
    before = await payments.count_intents()

    refused = await payments.post(path.format(id=opened["id"]), key=key, **parameters)

    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "idempotency_error")
    assert await payments.count_intents() == before
    assert (await payments.get(f"payment_intents/{opened['id']}")).json() == opened


async def test_a_request_refused_by_validation_leaves_its_key_free(
    payments: Payments, connection: asyncpg.Connection
) -> None:
    for wrong in ({"amount": 0}, {"amount": 100, "payment_method": "pm_no"}):
        refused = await payments.post("payment_intents", key="free-1", currency="inr", **wrong)
        assert refused.status_code == 400
    assert await kept(connection, "free-1") == []

    right = await payments.post("payment_intents", key="free-1", amount=100, currency="inr")

    assert right.status_code == 200
    assert await kept(connection, "free-1") == [200]


async def test_a_card_refused_by_its_looks_leaves_its_key_free(
    payments: Payments, connection: asyncpg.Connection
) -> None:
    refused = await payments.client.post(
        "/v1/payment_methods", data=visa("4242424242424241"), headers=PUBLISHABLE | {"Idempotency-Key": "card-1"}
    )

    assert refused.status_code == 402
    assert await kept(connection, "card-1") == []


async def test_a_key_of_the_publishable_key_means_nothing_to_the_secret_one(payments: Payments) -> None:
    under = {"Idempotency-Key": "shared-1"}

    public = await payments.client.post("/v1/payment_methods", data=visa(), headers=PUBLISHABLE | under)
    secret = await payments.client.post("/v1/payment_methods", data=visa(), headers=SECRET | under)
    again = await payments.client.post("/v1/payment_methods", data=visa(cvc="999"), headers=PUBLISHABLE | under)

    assert public.json()["id"] != secret.json()["id"]
    assert again.content == public.content


async def test_while_the_first_request_runs_the_second_is_told_so(
    payments: Payments, connection: asyncpg.Connection
) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('secret:running-1', 0))")

        busy = await payments.post("payment_intents", key="running-1", amount=100, currency="inr")

    assert (busy.status_code, busy.headers["stripe-should-retry"]) == (409, "true")
    assert busy.json()["error"]["code"] == "idempotency_key_in_use"
    assert await kept(connection, "running-1") == []
    after = await payments.post("payment_intents", key="running-1", amount=100, currency="inr")
    assert (after.status_code, "idempotent-replayed" in after.headers) == (200, False)


@pytest.mark.parametrize("key", ["k" * 256, " ", ""])
async def test_a_key_that_is_too_long_or_empty_is_refused(payments: Payments, key: str) -> None:
    before = await payments.count_intents()

    answer = await payments.client.post(
        "/v1/payment_intents",
        data={"amount": "100", "currency": "inr"},
        headers=SECRET | {"Idempotency-Key": key},
    )

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert await payments.count_intents() == before


async def test_twenty_equal_creates_at_once_open_one_intent(payments: Payments, replica: Payments) -> None:
    before = await payments.count_intents()

    answers = await asyncio.gather(
        *(
            (payments, replica)[turn % 2].post("payment_intents", key="crowd-1", amount=100, currency="inr")
            for turn in range(20)
        )
    )

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1
    assert await payments.count_intents() == before + 1


async def test_twenty_equal_confirms_at_once_charge_once(payments: Payments, replica: Payments) -> None:
    opened = await payments.intent(payment_method="pm_card_visa")
    path = f"payment_intents/{opened['id']}/confirm"

    answers = await asyncio.gather(*((payments, replica)[turn % 2].post(path, key="crowd-2") for turn in range(20)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    [charge] = await payments.charges_of(opened["id"])
    assert charge["status"] == "succeeded"


async def test_twenty_confirms_under_keys_of_their_own_charge_once(payments: Payments, replica: Payments) -> None:
    opened = await payments.intent(payment_method="pm_card_visa")
    path = f"payment_intents/{opened['id']}/confirm"

    answers = await asyncio.gather(
        *((payments, replica)[turn % 2].post(path, key=f"alone-{turn}") for turn in range(20))
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert len(await payments.charges_of(opened["id"])) == 1


async def test_a_broken_processor_is_kept_as_it_was_and_leaves_no_half_work(
    database: DatabaseUrls, payments: Payments
) -> None:
    asked: list[Outcome] = []

    def breaks(outcome: Outcome) -> Verdict:
        asked.append(outcome)
        raise RuntimeError("out of order")

    before = await payments.count_intents()
    async with serving(payments_app(database.app, authorise=breaks)) as client:
        broken = Payments(client)
        sale = {"amount": 100, "currency": "inr", "payment_method": "pm_card_visa", "confirm": "true"}
        first = await broken.post("payment_intents", key="broken-1", **sale)
        again = await broken.post("payment_intents", key="broken-1", **sale)

    healthy = await payments.post("payment_intents", key="broken-1", **sale)
    assert (first.status_code, first.json()["error"]["type"]) == (500, "api_error")
    assert first.content == again.content == healthy.content
    assert "out of order" not in first.text
    assert (len(asked), await payments.count_intents()) == (1, before)


async def test_without_a_key_a_broken_processor_leaves_nothing_at_all(
    database: DatabaseUrls, payments: Payments
) -> None:
    def breaks(_: Outcome) -> Verdict:
        raise RuntimeError("out of order")

    before = await payments.count_intents()
    async with serving(payments_app(database.app, authorise=breaks)) as client:
        answer = await Payments(client).post(
            "payment_intents", amount=100, currency="inr", payment_method="pm_card_visa", confirm="true"
        )

    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")
    assert await payments.count_intents() == before


async def test_a_lost_database_connection_keeps_no_answer_and_the_retry_charges_once(
    database: DatabaseUrls, payments: Payments, connection: asyncpg.Connection
) -> None:
    opened = await payments.intent(payment_method="pm_card_visa")
    path = f"payment_intents/{opened['id']}/confirm"
    async with connection.transaction():
        await connection.execute("SELECT 1 FROM payment_intents WHERE id = $1 FOR UPDATE", opened["id"])
        confirming = asyncio.create_task(payments.post(path, key="lost-1"))
        backend = await _waiting_backend(connection)
        owner = await asyncpg.connect(database.app)
        await owner.execute("SELECT pg_terminate_backend($1)", backend)
        await owner.close()
        lost = await confirming

    again = await payments.post(path, key="lost-1")

    assert (lost.status_code, lost.json()["error"]["type"]) == (503, "api_error")
    assert lost.headers["stripe-should-retry"] == "true"
    assert (again.status_code, "idempotent-replayed" in again.headers) == (200, False)
    assert len(await payments.charges_of(opened["id"])) == 1


async def test_a_replica_killed_in_the_middle_leaves_a_key_that_another_replica_can_use(
    database: DatabaseUrls, payments: Payments, connection: asyncpg.Connection
) -> None:
    opened = await payments.intent(payment_method="pm_card_visa")
    path = f"payment_intents/{opened['id']}/confirm"
    async with (
        replica_process(database.app) as (victim, address),
        connection.transaction(),
        httpx.AsyncClient(base_url=address) as client,
    ):
        await connection.execute("SELECT 1 FROM payment_intents WHERE id = $1 FOR UPDATE", opened["id"])
        confirming = asyncio.create_task(Payments(client).post(path, key="killed-1"))
        await _waiting_backend(connection)

        victim.kill()
        with pytest.raises(httpx.TransportError):
            await confirming
        await victim.wait()

    # The dead replica's transaction may live on for a moment, until PostgreSQL notices.
    async with asyncio.timeout(10):
        while (again := await payments.post(path, key="killed-1")).status_code == 409:
            pass
    replayed = await payments.post(path, key="killed-1")
    assert again.json()["status"] == "succeeded"
    assert replayed.content == again.content
    assert len(await payments.charges_of(opened["id"])) == 1


async def test_an_answer_lost_after_the_commit_is_found_under_its_key(database: DatabaseUrls) -> None:
    async with serving(payments_app(database.app)) as client:
        first = await Payments(client).post(
            "payment_intents", key="after-1", amount=7, currency="inr", payment_method="pm_card_visa", confirm="true"
        )

    async with serving(payments_app(database.app, authorise=lambda _: Approved())) as client:
        again = await Payments(client).post(
            "payment_intents", key="after-1", amount=7, currency="inr", payment_method="pm_card_visa", confirm="true"
        )
        assert len(await Payments(client).charges_of(first.json()["id"])) == 1

    assert again.content == first.content


async def _waiting_backend(connection: asyncpg.Connection) -> int:
    """The PostgreSQL process that waits for a lock in this database."""
    async with asyncio.timeout(10):
        while True:
            pid: int | None = await connection.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if pid is not None:
                return pid
            await asyncio.sleep(0.01)
