"""Webhooks over real PostgreSQL and real sockets: who is told, how it is signed, and what a bad day does to it."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import stripe

from services.payments.sender import Pace
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import PUBLISHABLE, SECRET, Payments, payments_app, replica_process
from tests.service.webhook_receiver import Receiver, breaks, eventually, receiving, takes, until
from tests.serving import serving

BRISK = Pace(poll=0.05, patience=0.4, lease=1.0, lane=2)
Row = dict[str, Any]


@pytest.fixture(scope="module")
async def shared(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


@pytest.fixture
async def database(shared: DatabaseUrls) -> DatabaseUrls:
    """With nothing in it."""
    for table in ("webhook_deliveries", "webhook_endpoints", "events", "idempotency_keys"):
        await rows(shared, f"DELETE FROM {table}")
    return shared


@pytest.fixture
async def payments(database: DatabaseUrls) -> AsyncIterator[Payments]:
    async with serving(payments_app(database.app, pace=BRISK)) as client:
        yield Payments(client)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def register(payments: Payments, receiver: Receiver, *types: str, **parameters: Any) -> Row:
    """An endpoint at the receiver, for everything or for these types."""
    names = {f"enabled_events[{place}]": name for place, name in enumerate(types or ["*"])}
    answer = await payments.post("webhook_endpoints", url=receiver.url, **names, **parameters)
    assert answer.status_code == 200, answer.text
    endpoint: Row = answer.json()
    receiver.secret = endpoint["secret"]
    return endpoint


async def events_of(payments: Payments) -> list[Row]:
    """Every event, oldest first."""
    page = (await payments.get("events", limit="100")).json()
    assert not page["has_more"]
    events: list[Row] = page["data"][::-1]
    return events


async def endpoints_of(payments: Payments) -> list[Row]:
    """Every endpoint, newest first."""
    endpoints: list[Row] = (await payments.get("webhook_endpoints")).json()["data"]
    return endpoints


async def rows(database: DatabaseUrls, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database.app)
    try:
        found: list[asyncpg.Record] = await connection.fetch(statement)
        return found
    finally:
        await connection.close()


@asynccontextmanager
async def held(
    database: DatabaseUrls, statement: str
) -> AsyncIterator[tuple[asyncpg.Connection, Callable[[], Awaitable[int]]]]:
    """A connection that has done this and not committed it; and how many wait for it."""
    holder, watcher = await asyncpg.connect(database.app), await asyncpg.connect(database.app)

    async def waiters() -> int:
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))"
        found: int = await watcher.fetchval(blocked, holder.get_server_pid())
        return found

    try:
        await holder.execute("BEGIN")
        await holder.execute(statement)
        yield holder, waiters
    finally:
        await holder.close()
        await watcher.close()


async def settled(payments: Payments) -> None:
    """Until nothing is left to tell."""

    async def nothing_left() -> bool:
        return not [event for event in await events_of(payments) if event["pending_webhooks"]]

    await eventually(nothing_left)


async def deliveries(payments: Payments, outcome: str) -> float:
    """The metric of an outcome; all replicas in this process share it."""
    name = f'payments_webhook_deliveries_total{{outcome="{outcome}"}} '
    lines = (await payments.client.get("/metrics")).text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


# Endpoints


async def test_the_secret_is_told_once_and_the_endpoint_can_be_read_changed_and_deleted(payments: Payments) -> None:
    made = await payments.post(
        "webhook_endpoints",
        url="https://shop.example/hooks?a=b",
        **{"enabled_events[0]": "payment_intent.succeeded", "enabled_events[1]": "charge.refunded"},
        description="orders",
        metadata__shop="1",
        metadata__till="2",
    )
    created = made.json()
    secret = created.pop("secret")

    path = f"webhook_endpoints/{created['id']}"
    read = (await payments.get(path)).json()
    changed = await payments.post(
        path, disabled="true", metadata__till="", metadata__desk="3", **{"enabled_events[]": "*"}
    )
    moved = (await payments.post(path, url="http://other.example/", disabled="false", description="")).json()
    bare = (await payments.post(path, metadata="")).json()
    gone = await payments.client.delete(f"/v1/{path}", headers=SECRET)

    assert (made.status_code, secret.startswith("whsec_"), len(secret) > 40) == (200, True, True)
    assert (created["object"], created["status"], created["livemode"]) == ("webhook_endpoint", "enabled", False)
    assert created["enabled_events"] == ["payment_intent.succeeded", "charge.refunded"]
    assert (created["description"], created["metadata"]) == ("orders", {"shop": "1", "till": "2"})
    assert read == created
    assert changed.json() == created | {
        "status": "disabled",
        "enabled_events": ["*"],
        "metadata": {"shop": "1", "desk": "3"},
    }
    assert moved == changed.json() | {"url": "http://other.example/", "status": "enabled", "description": None}
    assert bare == moved | {"metadata": {}}
    assert gone.json() == {"id": created["id"], "object": "webhook_endpoint", "deleted": True}
    assert (await payments.get(path)).status_code == 404
    assert (await payments.client.delete(f"/v1/{path}", headers=SECRET)).status_code == 404


async def test_endpoints_are_listed_newest_first_without_their_secrets(payments: Payments) -> None:
    made = [
        (await payments.post("webhook_endpoints", url=f"http://{n}.example/", **{"enabled_events[]": "*"})).json()
        for n in range(3)
    ][::-1]

    first = (await payments.get("webhook_endpoints", limit="2")).json()
    second = (await payments.get("webhook_endpoints", starting_after=first["data"][-1]["id"])).json()

    assert (first["url"], first["has_more"], second["has_more"]) == ("/v1/webhook_endpoints", True, False)
    listed = first["data"] + second["data"]
    assert listed == [{name: value for name, value in one.items() if name != "secret"} for one in made]


async def test_a_key_makes_one_endpoint_and_replays_its_secret(payments: Payments) -> None:
    asked = {"url": "http://shop.example/", "enabled_events[]": "*"}

    answers = [await payments.post("webhook_endpoints", key="hook-1", **asked) for _ in range(2)]
    other = await payments.post("webhook_endpoints", key="hook-1", **asked | {"url": "http://other.example/"})

    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")
    assert len((await payments.get("webhook_endpoints")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"url": None}, "url"),
        ({"url": ""}, "url"),
        ({"url": "shop.example/hooks"}, "url"),
        ({"url": "ftp://shop.example/"}, "url"),
        ({"url": "http:///hooks"}, "url"),
        ({"url": "http://user:word@shop.example/"}, "url"),
        ({"url": "http://shop.example/#part"}, "url"),
        ({"url": "http://shop.example/a b"}, "url"),
        ({"url": "http://[::1/"}, "url"),
        ({"url": "http://shop.example/" + "a" * 2048}, "url"),
        ({"enabled_events[]": None}, "enabled_events"),
        ({"enabled_events[]": "payment_intent.*"}, "enabled_events[0]"),
        ({"enabled_events[]": "customer.created"}, "enabled_events[0]"),
        ({"enabled_events[]": None, "enabled_events": ""}, "enabled_events"),
        ({"api_version": "2026-07-29.dahlia"}, "api_version"),
        ({"connect": "true"}, "connect"),
        ({"secret": "whsec_mine"}, "secret"),
        ({"disabled": "true"}, "disabled"),
    ],
)
async def test_a_wrong_or_unknown_parameter_is_named_and_makes_nothing(
    payments: Payments, changed: dict[str, str | None], param: str
) -> None:
    asked = {"url": "http://shop.example/", "enabled_events[]": "*"} | changed

    answer = await payments.post(
        "webhook_endpoints", **{name: value for name, value in asked.items() if value is not None}
    )

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert (await payments.get("webhook_endpoints")).json()["data"] == []


async def test_there_is_room_for_sixteen_endpoints_however_they_come(payments: Payments) -> None:
    asked = {"url": "http://shop.example/", "enabled_events[]": "*"}

    async def post() -> httpx.Response:
        answer = await payments.post("webhook_endpoints", **asked)
        return await post() if answer.status_code == 429 else answer  # Too many wait for their turn.

    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(post() for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] * 16 + [400] * 4


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/webhook_endpoints"),
        ("GET", "/v1/webhook_endpoints"),
        ("GET", "/v1/webhook_endpoints/we_1"),
        ("POST", "/v1/webhook_endpoints/we_1"),
        ("DELETE", "/v1/webhook_endpoints/we_1"),
    ],
)
async def test_a_publishable_key_may_do_nothing_with_endpoints(payments: Payments, method: str, path: str) -> None:
    assert (await payments.client.request(method, path, headers=PUBLISHABLE)).status_code == 403
    assert (await payments.client.request(method, path)).status_code == 401


# Deliveries


async def test_every_event_is_told_signed_and_then_no_longer_pending(payments: Payments, receiver: Receiver) -> None:
    before = await payments.intent()
    await register(payments, receiver)

    paid = await payments.intent(payment_method="pm_card_visa", confirm="true")
    await payments.post("refunds", payment_intent=paid["id"], amount=5000)
    await settled(payments)

    assert sorted(receiver.types) == ["charge.refunded", "created", "refund.created", "succeeded"]
    told = {event.id: event for event in receiver.heard}
    for event in (await events_of(payments))[1:]:
        assert told[event["id"]].to_dict() == event | {"pending_webhooks": 1}
    assert before["id"] not in [event.data.object["id"] for event in receiver.heard]
    assert receiver.refused == []


async def test_an_endpoint_hears_only_of_the_types_it_asked_for(payments: Payments) -> None:
    async with receiving() as all_of_them, receiving() as money:
        await register(payments, all_of_them)
        await register(payments, money, "payment_intent.succeeded", "charge.refunded")

        await payments.intent(payment_method="pm_card_visa", confirm="true")
        counted = [event["pending_webhooks"] for event in await events_of(payments)]
        await settled(payments)

    assert (sorted(all_of_them.types), money.types) == (["created", "succeeded"], ["succeeded"])
    assert (counted[0] <= 1, counted[1] <= 2) == (True, True)


async def test_an_endpoint_that_is_down_is_told_when_it_is_up(
    database: DatabaseUrls, payments: Payments, receiver: Receiver
) -> None:
    endpoint = await register(payments, receiver)
    path = f"webhook_endpoints/{endpoint['id']}"
    await payments.post(path, url=f"http://127.0.0.1:{closed_port()}/hooks")
    await payments.intent()
    await eventually(lambda: rows(database, "SELECT FROM webhook_deliveries WHERE attempts > 0"))
    [event] = await events_of(payments)

    await payments.post(path, url=receiver.url)
    await settled(payments)

    assert event["pending_webhooks"] == 1
    assert receiver.ids == [event["id"]]


@pytest.mark.parametrize("status", [500, 404, 302, 307])
async def test_anything_but_a_2xx_is_tried_again_and_no_redirect_is_followed(
    database: DatabaseUrls, payments: Payments, receiver: Receiver, status: int
) -> None:
    async def at_the_second_try(_: stripe.Event) -> int:
        return status if len(receiver.heard) == 1 else 204

    receiver.answer = at_the_second_try
    await register(payments, receiver)

    await payments.intent()
    await settled(payments)

    [delivery] = await rows(database, "SELECT attempts FROM webhook_deliveries")
    assert delivery["attempts"] == 2
    assert receiver.types == ["created", "created"]
    assert len(set(receiver.ids)) == 1


async def test_an_endpoint_that_is_too_slow_is_tried_again(payments: Payments, receiver: Receiver) -> None:
    async def slow_at_first(_: stripe.Event) -> int:
        await asyncio.sleep(2 * BRISK.patience if len(receiver.heard) == 1 else 0)
        return 200

    receiver.answer = slow_at_first
    await register(payments, receiver)

    await payments.intent()
    await settled(payments)

    assert receiver.types == ["created", "created"]


async def test_a_slow_endpoint_holds_up_no_other(database: DatabaseUrls) -> None:
    released = asyncio.Event()

    async def slow(_: stripe.Event) -> int:
        await released.wait()
        return 200

    patient = Pace(poll=0.05, patience=60, lease=90, lane=2)
    async with (
        receiving() as sluggish,
        receiving() as brisk,
        serving(payments_app(database.app, pace=patient)) as client,
    ):
        payments = Payments(client)
        sluggish.answer = slow
        await register(payments, sluggish)
        await payments.intent()
        await until(lambda: sluggish.heard)
        await register(payments, brisk)

        for _ in range(6):
            await payments.intent()
        try:
            await until(lambda: len(brisk.heard) == 6)
            under_way = len(sluggish.heard)
        finally:
            released.set()
        await settled(payments)

    assert under_way <= patient.lane
    assert (len(sluggish.heard), len(brisk.heard)) == (7, 6)


async def test_a_commit_wakes_its_own_replica(database: DatabaseUrls, receiver: Receiver) -> None:
    async with serving(payments_app(database.app, pace=Pace(poll=600))) as client:
        payments = Payments(client)
        await register(payments, receiver)

        for key in (None, "woken"):
            await payments.post("payment_intents", key=key, amount=100, currency="inr")
        await until(lambda: len(receiver.heard) == 2)


@pytest.mark.parametrize("change", ["deleted", "disabled"])
async def test_an_endpoint_that_is_taken_away_hears_nothing_more(
    payments: Payments, receiver: Receiver, change: str
) -> None:
    receiver.answer = breaks
    endpoint = await register(payments, receiver)
    await payments.intent()
    await until(lambda: receiver.heard)

    path = f"webhook_endpoints/{endpoint['id']}"
    if change == "deleted":
        await payments.client.delete(f"/v1/{path}", headers=SECRET)
    else:
        await payments.post(path, disabled="true")
    async with receiving() as witness:
        await register(payments, witness)
        tried = len(receiver.heard)
        await payments.intent()
        await until(lambda: witness.heard)

    assert witness.types == ["created"]
    assert len(receiver.heard) <= tried + 1
    assert len(set(receiver.ids)) == 1


async def test_an_endpoint_enabled_again_is_told_what_it_had_not_taken_and_not_what_happened_meanwhile(
    payments: Payments, receiver: Receiver
) -> None:
    receiver.answer = breaks
    endpoint = await register(payments, receiver)
    before = await payments.intent()
    await until(lambda: receiver.heard)
    await payments.post(f"webhook_endpoints/{endpoint['id']}", disabled="true")
    await payments.intent()

    receiver.answer = takes
    await payments.post(f"webhook_endpoints/{endpoint['id']}", disabled="false")
    await settled(payments)

    assert {event.data.object["id"] for event in receiver.heard} == {before["id"]}


async def test_what_is_rolled_back_is_told_to_nobody(payments: Payments, receiver: Receiver) -> None:
    await register(payments, receiver)

    refused = await payments.post("payment_intents", amount="0", currency="inr")
    paid = await payments.intent(payment_method="pm_card_visa", confirm="true")
    again = await payments.post(f"payment_intents/{paid['id']}/confirm")
    await settled(payments)

    assert (refused.status_code, again.status_code) == (400, 400)
    assert sorted(receiver.types) == ["created", "succeeded"]


async def test_a_payment_goes_through_while_its_endpoint_is_being_deleted(
    database: DatabaseUrls, payments: Payments, receiver: Receiver
) -> None:
    endpoint = await register(payments, receiver)
    await payments.intent()
    await settled(payments)

    async with held(database, "SELECT FROM webhook_deliveries FOR UPDATE") as (holder, waiters):
        path = f"/v1/webhook_endpoints/{endpoint['id']}"
        deleting = asyncio.create_task(payments.client.delete(path, headers=SECRET))
        await eventually(waiters)
        answer = await payments.post("payment_intents", amount="100", currency="inr")
        was_waiting = not deleting.done()
        await holder.execute("COMMIT")
        gone = await deleting

    assert (answer.status_code, was_waiting, gone.status_code) == (200, True, 200)
    assert await rows(database, "SELECT FROM webhook_deliveries") == []
    assert await endpoints_of(payments) == []


async def test_an_endpoint_that_is_gone_at_the_last_moment_is_not_told_and_breaks_no_payment(
    database: DatabaseUrls, payments: Payments, receiver: Receiver
) -> None:
    await register(payments, receiver)

    async with held(database, "DELETE FROM webhook_endpoints") as (holder, waiters):
        paying = asyncio.create_task(payments.post("payment_intents", amount="100", currency="inr"))
        await eventually(waiters)
        await holder.execute("COMMIT")
        answer = await paying

    assert answer.status_code == 200
    assert await rows(database, "SELECT FROM webhook_deliveries") == []


async def test_deleting_an_endpoint_takes_all_its_deliveries_and_no_others(
    database: DatabaseUrls, payments: Payments, receiver: Receiver
) -> None:
    endpoint, other = await register(payments, receiver), await register(payments, receiver)
    for one in (endpoint, other):
        await payments.post(f"webhook_endpoints/{one['id']}", disabled="true")
    await rows(
        database,
        f"""
        WITH made AS (
            INSERT INTO events (id, type, api_version, object, created_at)
            SELECT 'evt_' || n, 'payment_intent.created', '1', '{{}}', now() FROM generate_series(1, 2500) AS n
            RETURNING id
        )
        INSERT INTO webhook_deliveries (event, endpoint)
        SELECT made.id, endpoints.id FROM made, webhook_endpoints AS endpoints
        WHERE endpoints.id = '{endpoint["id"]}' OR made.id < 'evt_2'
        """,
    )
    kept = await rows(database, f"SELECT event FROM webhook_deliveries WHERE endpoint = '{other['id']}'")

    gone = await payments.client.delete(f"/v1/webhook_endpoints/{endpoint['id']}", headers=SECRET)

    assert gone.status_code == 200
    assert len(kept) > 1000
    assert await rows(database, "SELECT event FROM webhook_deliveries") == kept


async def test_an_endpoints_deliveries_are_found_without_reading_all_of_them(shared: DatabaseUrls) -> None:
    connection = await asyncpg.connect(shared.app)
    try:
        await connection.execute("SET enable_seqscan = off")
        plan = await connection.fetch("EXPLAIN DELETE FROM webhook_deliveries WHERE endpoint = 'we_1'")
    finally:
        await connection.close()

    assert "webhook_deliveries_of_endpoint" in "\n".join(row[0] for row in plan)


async def test_what_has_not_been_taken_can_be_listed(payments: Payments, receiver: Receiver) -> None:
    await register(payments, receiver, "payment_intent.succeeded")
    receiver.answer = breaks
    await payments.intent(payment_method="pm_card_visa", confirm="true")
    created, succeeded = [event["id"] for event in await events_of(payments)]

    async def listed(**query: str) -> list[str]:
        return [event["id"] for event in (await payments.get("events", **query)).json()["data"]]

    waiting = [await listed(delivery_success=flag) for flag in ("false", "true")]
    receiver.answer = takes
    await settled(payments)

    assert waiting == [[succeeded], [created]]
    assert [await listed(delivery_success=flag) for flag in ("false", "true")] == [[], [succeeded, created]]
    types = {"types[0]": "payment_intent.created", "types[1]": "payment_intent.canceled"}
    assert (await listed(**types), await listed(type="payment_intent.succeeded", **types)) == ([created], [])


# Bad days of the processor itself


async def test_two_replicas_in_good_health_share_the_work(database: DatabaseUrls, receiver: Receiver) -> None:
    async with AsyncExitStack() as opened:
        replicas = [
            Payments(await opened.enter_async_context(serving(payments_app(database.app, pace=Pace(poll=0.01)))))
            for _ in range(2)
        ]
        await register(replicas[0], receiver)

        await asyncio.gather(*(replicas[n % 2].intent() for n in range(30)))
        await settled(replicas[0])
        [metrics, _] = [(await one.client.get("/metrics")).text for one in replicas]

    marked = await rows(database, "SELECT attempts FROM webhook_deliveries WHERE delivered_at IS NOT NULL")
    assert [row["attempts"] for row in marked] == [1] * 30
    assert len(set(receiver.ids)) == len(receiver.ids) == 30
    assert 'payments_webhook_deliveries_total{outcome="delivered"}' in metrics


async def test_a_delivery_that_two_senders_finish_is_marked_once(database: DatabaseUrls, receiver: Receiver) -> None:
    both = asyncio.Event()

    async def when_both_have_asked(_: stripe.Event) -> int:
        if len(receiver.heard) > 1:
            both.set()
        await both.wait()
        return 200

    receiver.answer = when_both_have_asked
    impatient = Pace(poll=0.05, patience=20, lease=0.3)
    async with AsyncExitStack() as opened:
        replicas = [
            Payments(await opened.enter_async_context(serving(payments_app(database.app, pace=impatient))))
            for _ in range(2)
        ]
        before = await deliveries(replicas[0], "delivered")
        await register(replicas[0], receiver)
        await replicas[0].intent()
        await settled(replicas[0])
        after = await deliveries(replicas[0], "delivered")

    assert len(receiver.ids) >= 2
    assert len(set(receiver.ids)) == 1
    assert after - before == 1


async def test_a_replica_killed_between_sending_and_marking_leaves_it_to_be_sent_again(
    database: DatabaseUrls, receiver: Receiver, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("wb") as log:
        async with (
            replica_process(database.app, log=log) as (process, address),
            httpx.AsyncClient(base_url=address) as client,
        ):
            payments = Payments(client)

            async def kills(_: stripe.Event) -> int:
                process.send_signal(signal.SIGKILL)
                await process.wait()
                return 200

            receiver.answer = kills
            await register(payments, receiver)
            await payments.intent()
            await until(lambda: process.returncode is not None)
    [before] = await rows(database, "SELECT attempts, delivered_at FROM webhook_deliveries")

    receiver.answer = takes
    async with serving(payments_app(database.app, pace=BRISK)) as other:
        await rows(database, "UPDATE webhook_deliveries SET due_at = now()")
        await settled(Payments(other))

    assert (before["attempts"], before["delivered_at"]) == (1, None)
    assert receiver.types == ["created", "created"]
    assert len(set(receiver.ids)) == 1


async def test_what_nobody_takes_for_three_days_is_given_up_and_counted(
    database: DatabaseUrls, payments: Payments, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answer = breaks
    endpoint = await register(payments, receiver)
    await payments.intent()
    await until(lambda: receiver.heard)

    await rows(
        database, "UPDATE webhook_deliveries SET created_at = now() - interval '3 days', due_at = now(), attempts = 12"
    )
    await eventually(lambda: rows(database, "SELECT FROM webhook_deliveries WHERE given_up_at IS NOT NULL"))

    [event] = await events_of(payments)
    assert event["pending_webhooks"] == 1
    await eventually(lambda: deliveries(payments, "given_up"))
    assert "webhook given up" in caplog.text
    assert endpoint["secret"] not in caplog.text
    assert receiver.url not in caplog.text


async def test_no_answer_and_no_log_but_the_creations_holds_a_secret(
    payments: Payments, receiver: Receiver, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = await register(payments, receiver)
    await payments.intent()
    await settled(payments)

    path = f"webhook_endpoints/{endpoint['id']}"
    answers = [
        await payments.get(path),
        await payments.get("webhook_endpoints"),
        await payments.post(path, description="x"),
        await payments.get("events"),
        await payments.client.delete(f"/v1/{path}", headers=SECRET),
    ]

    for text in (caplog.text, capsys.readouterr().out, *(answer.text for answer in answers)):
        assert endpoint["secret"] not in text


# The endpoint of the settings


async def test_the_endpoint_of_the_settings_is_there_once_however_many_replicas_start(
    database: DatabaseUrls, receiver: Receiver
) -> None:
    receiver.secret = "whsec_of_the_settings"
    named = {"webhook_url": receiver.url, "payments_webhook_secret": receiver.secret}
    async with AsyncExitStack() as opened:
        replicas = [
            Payments(await opened.enter_async_context(serving(payments_app(database.app, pace=BRISK, settings=named))))
            for _ in range(4)
        ]
        listed = await eventually(lambda: endpoints_of(replicas[0]))
        await replicas[1].intent()
        await settled(replicas[2])

    assert [(one["id"], one["url"], one["enabled_events"]) for one in listed] == [
        ("we_configured", receiver.url, ["*"])
    ]
    assert receiver.types == ["created"]


async def test_the_endpoint_of_the_settings_follows_them(database: DatabaseUrls) -> None:
    for url in ("http://one.example/", "http://two.example/", ""):
        settings = {"webhook_url": url, "payments_webhook_secret": "whsec_sample" if url else ""}
        wanted = [("we_configured", url)] if url else []
        async with serving(payments_app(database.app, pace=BRISK, settings=settings)) as client:

            async def follows(payments: Payments, wanted: list[tuple[str, str]]) -> bool:
                return [(one["id"], one["url"]) for one in await endpoints_of(payments)] == wanted

            await eventually(partial(follows, Payments(client), wanted))
