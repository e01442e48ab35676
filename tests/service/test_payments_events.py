"""Events over real PostgreSQL: one for each change, in the transaction of the change."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.payments.processor import Outcome, Verdict
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import PUBLISHABLE, Payments, payments_app
from tests.serving import serving

Event = dict[str, Any]


@pytest.fixture(scope="module")
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


@pytest.fixture(scope="module")
async def payments(database: DatabaseUrls) -> AsyncIterator[Payments]:
    async with serving(payments_app(database.app)) as client:
        yield Payments(client)


async def newest(payments: Payments) -> str | None:
    page = (await payments.get("events", limit="1")).json()["data"]
    return page[0]["id"] if page else None


async def told_since(payments: Payments, mark: str | None) -> list[Event]:
    """The events after the mark, oldest first."""
    since = {"ending_before": mark} if mark else {}
    page = (await payments.get("events", limit="100", **since)).json()
    assert not page["has_more"]
    events: list[Event] = page["data"][::-1]
    return events


def types_of(events: list[Event]) -> list[str]:
    return [event["type"].removeprefix("payment_intent.") for event in events]


@pytest.mark.parametrize(
    ("opening", "steps", "types"),
    [
        ({}, [], ["created"]),
        ({"payment_method": "pm_card_visa"}, ["confirm"], ["created", "succeeded"]),
        ({"payment_method": "pm_card_visa"}, ["cancel"], ["created", "canceled"]),
        ({"payment_method": "pm_card_visa_chargeDeclined"}, ["confirm"], ["created", "payment_failed"]),
        ({"payment_method": "pm_card_authenticationRequired"}, ["confirm"], ["created", "requires_action"]),
        (
            {"payment_method": "pm_card_visa", "capture_method": "manual"},
            ["confirm", "capture"],
            ["created", "amount_capturable_updated", "succeeded"],
        ),
        (
            {"payment_method": "pm_card_visa", "capture_method": "manual"},
            ["confirm", "cancel"],
            ["created", "amount_capturable_updated", "canceled"],
        ),
    ],
)
async def test_every_change_is_told_once_with_the_intent_as_it_then_was(
    payments: Payments, opening: dict[str, Any], steps: list[str], types: list[str]
) -> None:
    mark = await newest(payments)

    opened = await payments.intent(**opening)
    shown = [opened]
    for step in steps:
        await payments.post(f"payment_intents/{opened['id']}/{step}")
        shown.append((await payments.get(f"payment_intents/{opened['id']}")).json())

    events = await told_since(payments, mark)
    assert types_of(events) == types
    assert [event["data"]["object"] for event in events] == shown


async def test_create_and_confirm_in_one_call_are_two_events(payments: Payments) -> None:
    mark = await newest(payments)

    paid = await payments.intent(payment_method="pm_card_visa", confirm="true")

    created, succeeded = await told_since(payments, mark)
    assert (created["type"], created["data"]["object"]["status"]) == ("payment_intent.created", "requires_confirmation")
    assert (succeeded["type"], succeeded["data"]["object"]) == ("payment_intent.succeeded", paid)


async def test_each_refund_is_told_as_itself_and_with_the_charge_as_it_then_was(payments: Payments) -> None:
    paid = await payments.intent(payment_method="pm_card_visa", confirm="true")
    mark = await newest(payments)

    part = (await payments.post("refunds", payment_intent=paid["id"], amount=5000)).json()
    rest = (await payments.post("refunds", payment_intent=paid["id"])).json()

    events = await told_since(payments, mark)
    assert [event["type"] for event in events] == ["refund.created", "charge.refunded"] * 2
    assert [event["data"]["object"] for event in events[::2]] == [part, rest]
    charges = [event["data"]["object"] for event in events[1::2]]
    assert [(charge["amount_refunded"], charge["refunded"]) for charge in charges] == [(5000, False), (19900, True)]
    assert [charges[1]] == await payments.charges_of(paid["id"])


async def test_an_event_says_under_which_key_and_can_be_read_again(payments: Payments) -> None:
    mark = await newest(payments)
    await payments.post("payment_intents", key="told-under", amount=100, currency="inr")

    [event] = await told_since(payments, mark)

    assert event["request"] == {"id": None, "idempotency_key": "told-under"}
    assert (event["object"], event["livemode"], event["pending_webhooks"]) == ("event", False, 0)
    assert (await payments.get(f"events/{event['id']}")).json() == event


async def test_what_changes_nothing_tells_nothing(payments: Payments) -> None:
    paid = await payments.intent(payment_method="pm_card_visa")
    path = f"payment_intents/{paid['id']}"
    await payments.post(f"{path}/confirm", key="silent-1")
    await payments.post("refunds", key="silent-2", payment_intent=paid["id"])
    mark = await newest(payments)

    answers = [
        await payments.post(f"{path}/confirm", key="silent-1"),
        await payments.post("refunds", key="silent-2", payment_intent=paid["id"]),
        await payments.post(f"{path}/confirm"),
        await payments.post(f"{path}/capture"),
        await payments.post(f"{path}/cancel"),
        await payments.post("refunds", payment_intent=paid["id"]),
        await payments.post("payment_intents", amount=0, currency="inr"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 400, 400, 400, 400, 400]
    assert await told_since(payments, mark) == []


async def test_twenty_confirms_at_once_are_told_once(payments: Payments) -> None:
    opened = await payments.intent(payment_method="pm_card_visa")
    mark = await newest(payments)

    await asyncio.gather(*(payments.post(f"payment_intents/{opened['id']}/confirm") for _ in range(20)))

    assert types_of(await told_since(payments, mark)) == ["succeeded"]


async def test_a_change_that_is_rolled_back_takes_its_event_with_it(database: DatabaseUrls, payments: Payments) -> None:
    def breaks(_: Outcome) -> Verdict:
        raise RuntimeError("out of order")

    mark = await newest(payments)
    sale: dict[str, Any] = {"amount": 100, "currency": "inr", "payment_method": "pm_card_visa", "confirm": "true"}
    async with serving(payments_app(database.app, authorise=breaks)) as client:
        kept = await Payments(client).post("payment_intents", key="rolled-back", **sale)
        forgotten = await Payments(client).post("payment_intents", **sale)

    assert (kept.status_code, forgotten.status_code) == (500, 500)
    assert await told_since(payments, mark) == []


async def test_without_room_for_the_event_the_change_does_not_happen(make_database: MakeDatabase) -> None:
    urls = await make_database("payments")
    owner = await asyncpg.connect(urls.owner)
    async with serving(payments_app(urls.app)) as client:
        payments = Payments(client)
        opened = await payments.intent(payment_method="pm_card_visa")
        await owner.execute("ALTER TABLE events ADD CHECK (type <> 'payment_intent.succeeded')")

        broken = await payments.post(f"payment_intents/{opened['id']}/confirm")

        after = (await payments.get(f"payment_intents/{opened['id']}")).json()
        charges = await payments.charges_of(opened["id"])
    await owner.close()
    assert (broken.status_code, after, charges) == (500, opened, [])


async def test_events_are_listed_by_type_and_in_pages(make_database: MakeDatabase) -> None:
    async with serving(payments_app((await make_database("payments")).app)) as client:
        payments = Payments(client)
        made = [await payments.intent(payment_method="pm_card_visa", confirm="true") for _ in range(3)][::-1]

        first = (await payments.get("events", type="payment_intent.succeeded", limit="2")).json()
        last = first["data"][-1]["id"]
        second = (await payments.get("events", type="payment_intent.succeeded", limit="2", starting_after=last)).json()

    assert (first["object"], first["url"]) == ("list", "/v1/events")
    assert [event["data"]["object"] for event in first["data"] + second["data"]] == made
    assert [page["has_more"] for page in (first, second)] == [True, False]


@pytest.mark.parametrize(
    ("query", "param"), [({"type": "payment_intent.*"}, "type"), ({"limit": "0"}, "limit"), ({"object": "x"}, "object")]
)
async def test_a_page_that_cannot_be_is_refused(payments: Payments, query: dict[str, str], param: str) -> None:
    answer = await payments.get("events", **query)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_an_unknown_event_is_not_found(payments: Payments) -> None:
    answer = await payments.get("events/evt_no")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")


async def test_a_publishable_key_reads_no_events(payments: Payments) -> None:
    assert (await payments.client.get("/v1/events", headers=PUBLISHABLE)).status_code == 403
