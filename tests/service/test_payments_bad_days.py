"""A fault script at payments, over real sockets: every effect, what it leaves behind, and who may write it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from services.payments.app import create_app
from services.payments.sender import Pace
from services.payments.settings import Settings
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import PUBLISHABLE, SECRET, Payments, environment
from tests.serving import on_a_port, serving

pytestmark = pytest.mark.doors

FAULTS = "/_test/faults"
DROPPED = (httpx.ReadError, httpx.RemoteProtocolError)
CONFIRM = {"method": "POST", "path_regex": "/v1/payment_intents/[^/]+/confirm"}
Rule = dict[str, Any]


@dataclass
class Stand(Payments):
    """Payments with a script, what its webhooks brought, and its clock."""

    client: httpx.AsyncClient
    heard: list[str] = field(default_factory=list)
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def script(self, *rules: Rule) -> httpx.Response:
        answer = await self.client.put(FAULTS, json={"rules": rules}, headers=SECRET)
        assert answer.status_code == 200, answer.text
        return answer

    async def hits(self) -> list[int]:
        return [rule["hits"] for rule in (await self.client.get(FAULTS, headers=SECRET)).json()["rules"]]

    async def all_were_hit(self) -> bool:
        return 0 not in await self.hits()

    async def has_status(self, intent_id: str, status: str) -> bool:
        return await self.status(intent_id) == status

    async def sale(self, card: str = "pm_card_visa") -> str:
        return str((await self.intent(payment_method=card))["id"])

    async def confirm(self, intent_id: str, *, key: str | None = None) -> httpx.Response:
        return await self.post(f"payment_intents/{intent_id}/confirm", key=key)

    async def status(self, intent_id: str) -> str:
        return str((await self.get(f"payment_intents/{intent_id}")).json()["status"])

    async def hears(self, types: list[str], *, in_order: bool = True) -> None:
        """Wait for exactly these events in this order, or at least for these in any."""

        async def heard() -> bool:
            return self.heard == types if in_order else set(self.heard) >= set(types)

        await until(heard)

    async def events(self, intent_id: str) -> list[str]:
        """The types of what happened to the intent, oldest first."""
        listed = (await self.get("events", limit="100")).json()["data"]
        return [event["type"] for event in reversed(listed) if event["data"]["object"]["id"] == intent_id]


@pytest.fixture
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


@asynccontextmanager
async def standing(database_url: str, **more: str) -> AsyncIterator[Stand]:
    told = {**environment(database_url), "FAULT_SCRIPTS": "true", **more}
    settings = Settings.model_validate({name.lower(): value for name, value in told.items()})
    async with AsyncExitStack() as stack:
        stand = Stand(httpx.AsyncClient())

        def hear(request: httpx.Request) -> httpx.Response:
            event = json.loads(request.content)
            stand.heard.append(event["type"].removeprefix("payment_intent."))
            return httpx.Response(200)

        app = create_app(
            settings, clock=stand.now, webhook_transport=httpx.MockTransport(hear), pace=Pace(poll=0.05, lane=1)
        )
        address = await stack.enter_async_context(on_a_port(app))
        await stand.client.aclose()
        stand.client = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=5))
        yield stand


@pytest.fixture
async def stand(database: DatabaseUrls) -> AsyncIterator[Stand]:
    async with standing(database.app) as stand:
        yield stand


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that another task will bring about."""
    async with asyncio.timeout(30):
        while not await true():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0.01)


# --- who may, and when


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_without_the_setting_there_is_nothing_at_the_address(database: DatabaseUrls, method: str) -> None:
    settings = {name.lower(): value for name, value in environment(database.app).items()}

    async with serving(create_app(Settings.model_validate(settings))) as client:
        answer = await client.request(method, FAULTS, headers=SECRET)

    assert answer.status_code == 404


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (PUBLISHABLE, 403), (SECRET, 200)])
async def test_only_the_secret_key_reads_and_writes_the_script(
    stand: Stand, headers: dict[str, str], status: int
) -> None:
    answers = [
        await stand.client.get(FAULTS, headers=headers),
        await stand.client.put(FAULTS, json={"rules": []}, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [status, status]


@pytest.mark.parametrize(
    "wrong",
    [
        b"{",
        b'{"rules": [{"effect": {"name": "explode"}}]}',
        b'{"rules": [{"effect": {"name": "drop_after"}, "tmies": 1}]}',
        b'{"rules": [{"effect": {"name": "delay_before"}}]}',
        b'{"rules": [{"effect": {"name": "fail_before", "status": 200}}]}',
        b'{"rules": [{"match": {"path_regex": "("}, "effect": {"name": "busy"}}]}',
    ],
)
async def test_a_script_that_is_not_understood_is_refused_and_the_old_one_stays(stand: Stand, wrong: bytes) -> None:
    await stand.script({"effect": {"name": "busy"}})

    answer = await stand.client.put(FAULTS, content=wrong, headers={**SECRET, "Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert await stand.hits() == [0]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            '{"rules": [{"effect": {"name": "explode"}}]}',
            (
                "rules.0.effect: there is no effect 'explode' here. There are busy, decline, delay_after, "
                "delay_before, drop_after, drop_before, fail_after, fail_before, rate_limited, slow_bank, "
                "webhook_delayed, webhook_duplicated, webhook_lost, webhook_reordered."
            ),
        ),
        (
            '{"rules": [{"effect": {"name": "delay_before"}}]}',
            "rules.0.effect.delay_before.seconds: this is needed: a number above 0, at most 600.",
        ),
        (
            '{"rules": [{"effect": {"name": "slow_bank", "seconds": -1}}]}',
            "rules.0.effect.slow_bank.seconds: this must be a number above 0, at most 600.",
        ),
        (
            '{"rules": [{"effect": {"name": "fail_before", "status": 200}}]}',
            "rules.0.effect.fail_before.status: this must be a whole number from 400 to 599.",
        ),
        (
            '{"rules": [{"match": {"pth": "/v1"}, "effect": {"name": "busy"}}]}',
            "rules.0.match.pth: there is no such member. There are method, path, path_regex, key.",
        ),
        (
            '{"rules": [{"times": 0, "effect": {"name": "busy"}}]}',
            "rules.0.times: this must be a whole number from 1, or null for all.",
        ),
        ('{"rules": [{}]}', "rules.0.effect: this is needed."),
        ('{"rules": [{"effect": {}}]}', "rules.0.effect: an effect has a name, one of busy, decline, "),
        ('{"rulez": []}', "rulez: there is no such member. There are rules."),
        ("xx", "The body is not JSON: expected value at line 1 column 1."),
    ],
)
async def test_a_refusal_of_a_script_says_what_may_stand_there(stand: Stand, wrong: str, told: str) -> None:
    answer = await stand.client.put(FAULTS, content=wrong, headers=SECRET)

    assert answer.status_code == 400
    assert told in answer.json()["error"]["message"]


async def test_rules_are_met_in_order_for_so_many_times_and_counted(stand: Stand) -> None:
    await stand.script(
        {"match": {"key": "order-"}, "times": 2, "effect": {"name": "busy"}},
        {"match": {"method": "post", "path": "/v1/payment_intents"}, "times": None, "effect": {"name": "rate_limited"}},
    )

    intent = {"amount": "100", "currency": "inr"}
    statuses = [
        (await stand.post("payment_intents", key=key, **intent)).json()["error"]["code"]
        for key in ("order-1", "other", "order-1", "order-1")
    ]
    reading = await stand.get("payment_intents")

    assert statuses == ["lock_timeout", "rate_limit", "lock_timeout", "rate_limit"]
    assert reading.json()["data"] == []
    assert await stand.hits() == [2, 2]
    assert (await stand.client.delete(FAULTS, headers=SECRET)).status_code == 204
    assert await stand.hits() == []
    assert (await stand.post("payment_intents", **intent)).status_code == 200


async def test_a_rule_for_everything_spares_health_metrics_and_the_script(stand: Stand) -> None:
    await stand.script({"times": None, "effect": {"name": "drop_before"}})

    answers = [await stand.client.get(path, headers=SECRET) for path in ("/health/ready", "/metrics", FAULTS)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert await stand.hits() == [0]


# --- each effect


async def test_drop_before_does_nothing_and_closes_the_connection(stand: Stand) -> None:
    intent = await stand.sale()
    await stand.script({"match": CONFIRM, "effect": {"name": "drop_before"}})

    with pytest.raises(DROPPED):
        await stand.confirm(intent, key="k")

    assert await stand.status(intent) == "requires_confirmation"
    assert (await stand.confirm(intent, key="k")).headers.get("idempotent-replayed") is None


async def test_drop_after_has_done_the_work_and_its_key_remembers_it(stand: Stand) -> None:
    intent = await stand.sale()
    await stand.script({"match": CONFIRM, "effect": {"name": "drop_after"}})

    with pytest.raises(DROPPED):
        await stand.confirm(intent, key="k")
    now = await stand.status(intent)
    again = await stand.confirm(intent, key="k")

    assert now == "succeeded"
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert len(await stand.charges_of(intent)) == 1


@pytest.mark.parametrize(("name", "after"), [("fail_before", "requires_confirmation"), ("fail_after", "succeeded")])
@pytest.mark.parametrize(("status", "kind"), [(500, "api_error"), (503, "api_error"), (402, "invalid_request_error")])
async def test_a_failure_is_told_as_stripe_tells_it(
    stand: Stand, name: str, after: str, status: int, kind: str
) -> None:
    intent = await stand.sale()
    await stand.script({"match": CONFIRM, "effect": {"name": name, "status": status}})

    answer = await stand.confirm(intent)

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert answer.headers["request-id"].startswith("req_")
    assert await stand.status(intent) == after


async def test_busy_and_rate_limited_do_nothing_and_say_whether_to_ask_again(stand: Stand) -> None:
    intent = await stand.sale()
    await stand.script({"effect": {"name": "busy"}}, {"effect": {"name": "rate_limited", "retry_after": 7}})

    busy, limited = await stand.confirm(intent), await stand.confirm(intent)

    assert (busy.status_code, busy.json()["error"]["code"]) == (429, "lock_timeout")
    assert busy.headers["stripe-should-retry"] == "true"
    assert (limited.status_code, limited.json()["error"]["code"]) == (429, "rate_limit")
    assert limited.headers["retry-after"] == "7"
    assert await stand.status(intent) == "requires_confirmation"


@pytest.mark.parametrize(
    ("name", "meanwhile"), [("delay_before", "requires_confirmation"), ("delay_after", "succeeded")]
)
async def test_a_delay_is_before_the_work_or_after_it(stand: Stand, name: str, meanwhile: str) -> None:
    intent = await stand.sale()
    await stand.script({"match": CONFIRM, "effect": {"name": name, "seconds": 1.5}})
    started = time.monotonic()

    confirming = asyncio.create_task(stand.confirm(intent))
    await until(stand.all_were_hit)
    await until(partial(stand.has_status, intent, meanwhile))
    still_waiting = not confirming.done()
    answer = await confirming

    assert still_waiting
    assert time.monotonic() - started >= 1.5
    assert answer.json()["status"] == "succeeded"


@pytest.mark.parametrize(
    ("decline_code", "code"), [("insufficient_funds", "card_declined"), ("expired_card", "expired_card")]
)
async def test_the_next_confirmations_are_declined_and_the_one_after_is_not(
    stand: Stand, decline_code: str, code: str
) -> None:
    await stand.script({"times": 2, "effect": {"name": "decline", "decline_code": decline_code}})
    intent = await stand.sale()

    first = await stand.confirm(intent, key="k1")
    replayed = await stand.confirm(intent, key="k1")
    second = await stand.post(f"payment_intents/{intent}/confirm", payment_method="pm_card_visa")
    third = await stand.post(f"payment_intents/{intent}/confirm", payment_method="pm_card_visa")

    assert [answer.status_code for answer in (first, replayed, second, third)] == [402, 402, 402, 200]
    assert first.json()["error"]["code"] == code
    assert await stand.hits() == [2]


# --- a slow bank


async def test_a_slow_bank_leaves_the_intent_processing_which_nobody_can_cancel_or_confirm(stand: Stand) -> None:
    intent = await stand.sale()
    await stand.script({"effect": {"name": "slow_bank", "seconds": 300}})

    answer = await stand.confirm(intent)
    refusals = [await stand.post(f"payment_intents/{intent}/{step}") for step in ("cancel", "confirm", "capture")]

    assert (answer.status_code, answer.json()["status"]) == (200, "processing")
    assert answer.json()["processing"]["type"] == "card"
    for refusal in refusals:
        error = refusal.json()["error"]
        assert (refusal.status_code, error["code"]) == (400, "payment_intent_unexpected_state")
        assert error["payment_intent"]["status"] == "processing"
    assert await stand.charges_of(intent) == []


@pytest.mark.parametrize(
    ("decline", "status", "event"),
    [
        ({}, "succeeded", "payment_intent.succeeded"),
        ({"decline_code": "lost_card"}, "requires_payment_method", "payment_intent.payment_failed"),
    ],
)
async def test_a_slow_bank_decides_by_itself_and_tells_it(
    stand: Stand, decline: dict[str, str], status: str, event: str
) -> None:
    await stand.post("webhook_endpoints", url="http://shop.test/hooks", enabled_events__0="*")
    intent = await stand.sale()
    await stand.script({"effect": {"name": "slow_bank", "seconds": 0.2, **decline}})

    await stand.confirm(intent)
    await stand.hears(["created", "processing", event.removeprefix("payment_intent.")], in_order=False)

    assert await stand.status(intent) == status
    assert await stand.events(intent) == ["payment_intent.created", "payment_intent.processing", event]
    assert [charge["status"] for charge in await stand.charges_of(intent)] == [
        "succeeded" if status == "succeeded" else "failed"
    ]


@pytest.mark.parametrize("scripts", ["true", "false"])
async def test_what_a_slow_bank_decides_survives_a_restart_with_or_without_scripts(
    database: DatabaseUrls, scripts: str
) -> None:
    async with standing(database.app) as before:
        intent, other = await before.sale(), await before.sale()
        await before.script({"times": 2, "effect": {"name": "slow_bank", "seconds": 100}})
        await before.confirm(intent)
        await before.confirm(other)

    async with standing(database.app, FAULT_SCRIPTS=scripts) as after:
        in_between = await after.status(intent)
        after.ahead = timedelta(seconds=101)
        asked = await asyncio.gather(*(after.status(intent) for _ in range(5)))
        canceled = await after.post(f"payment_intents/{other}/cancel")
        charges = await after.charges_of(intent) + await after.charges_of(other)

    assert in_between == "processing"
    assert asked[-1] == "succeeded"
    assert canceled.json()["error"]["payment_intent"]["status"] == "succeeded"
    assert len(charges) == 2


async def test_a_list_knows_what_a_slow_bank_has_decided(database: DatabaseUrls) -> None:
    async with standing(database.app) as before:
        intent = await before.sale()
        await before.script({"effect": {"name": "slow_bank", "seconds": 100}})
        await before.confirm(intent)

    async with standing(database.app, FAULT_SCRIPTS="false") as after:
        after.ahead = timedelta(seconds=101)
        listed = (await after.get("payment_intents")).json()["data"]

    assert [row["status"] for row in listed] == ["succeeded"]


# --- webhooks


async def test_webhooks_are_lost_doubled_late_and_out_of_order(stand: Stand) -> None:
    await stand.post("webhook_endpoints", url="http://shop.test/hooks", enabled_events__0="*")

    await stand.script({"effect": {"name": "webhook_lost", "event": "payment_intent.created"}})
    intent = await stand.sale()
    await stand.confirm(intent)
    await stand.hears(["succeeded"])

    stand.heard.clear()
    await stand.script({"effect": {"name": "webhook_duplicated"}})
    await stand.sale()
    await stand.hears(["created", "created"])

    stand.heard.clear()
    await stand.script({"effect": {"name": "webhook_reordered", "seconds": 60}})
    intent = await stand.sale()
    await until(stand.all_were_hit)
    await stand.post(f"payment_intents/{intent}/cancel")
    await stand.hears(["canceled", "created"])

    stand.heard.clear()
    await stand.script({"effect": {"name": "webhook_delayed", "seconds": 0.3}})
    started = time.monotonic()
    await stand.sale()
    await stand.hears(["created"])
    assert time.monotonic() - started >= 0.3
