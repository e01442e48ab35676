"""Refunds over real PostgreSQL: what was captured is given back in parts, and never more of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import PUBLISHABLE, Payments, payments_app
from tests.serving import serving


@pytest.fixture(scope="module")
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("payments")


@pytest.fixture(scope="module")
async def payments(database: DatabaseUrls) -> AsyncIterator[Payments]:
    async with serving(payments_app(database.app)) as client:
        yield Payments(client)


@pytest.fixture(scope="module")
async def replica(database: DatabaseUrls) -> AsyncIterator[Payments]:
    async with serving(payments_app(database.app)) as client:
        yield Payments(client)


async def sold(payments: Payments) -> dict[str, Any]:
    """An intent whose 19900 paise were taken."""
    return await payments.intent(payment_method="pm_card_visa", confirm="true")


async def refunds_of(payments: Payments, intent_id: str) -> list[dict[str, Any]]:
    refunds: list[dict[str, Any]] = (await payments.get("refunds", payment_intent=intent_id)).json()["data"]
    return refunds


async def test_a_refund_gives_everything_back_and_shows_on_the_charge(payments: Payments) -> None:
    paid = await sold(payments)

    refund = (
        await payments.post("refunds", payment_intent=paid["id"], reason="duplicate", metadata__order="42")
    ).json()

    assert (refund["object"], refund["status"], refund["amount"]) == ("refund", "succeeded", 19900)
    assert (refund["currency"], refund["reason"], refund["metadata"]) == ("inr", "duplicate", {"order": "42"})
    assert (refund["payment_intent"], refund["charge"]) == (paid["id"], paid["latest_charge"])
    assert (await payments.get(f"refunds/{refund['id']}")).json() == refund
    [charge] = await payments.charges_of(paid["id"])
    assert (charge["amount_refunded"], charge["refunded"], charge["amount_captured"]) == (19900, True, 19900)
    assert (await payments.get(f"payment_intents/{paid['id']}")).json() == paid


async def test_refunds_in_parts_end_at_what_was_captured(payments: Payments) -> None:
    hold = await payments.intent(capture_method="manual", payment_method="pm_card_visa", confirm="true")
    await payments.post(f"payment_intents/{hold['id']}/capture", amount_to_capture=15000)

    first = await payments.post("refunds", payment_intent=hold["id"], amount=4000)
    above = await payments.post("refunds", payment_intent=hold["id"], amount=11001)
    [between] = await payments.charges_of(hold["id"])
    rest = await payments.post("refunds", charge=hold["latest_charge"])
    more = await payments.post("refunds", payment_intent=hold["id"], amount=1)

    assert (first.json()["amount"], rest.json()["amount"]) == (4000, 11000)
    assert (above.status_code, above.json()["error"]["param"]) == (400, "amount")
    assert (between["amount_refunded"], between["refunded"]) == (4000, False)
    assert (more.status_code, more.json()["error"]["code"]) == (400, "charge_already_refunded")
    assert await refunds_of(payments, hold["id"]) == [rest.json(), first.json()]
    [charge] = await payments.charges_of(hold["id"])
    assert (charge["amount_refunded"], charge["refunded"]) == (15000, True)


@pytest.mark.parametrize(
    ("opening", "step", "status"),
    [
        ({}, None, "requires_payment_method"),
        ({"payment_method": "pm_card_visa"}, None, "requires_confirmation"),
        ({"payment_method": "pm_card_visa", "capture_method": "manual"}, "confirm", "requires_capture"),
        ({"payment_method": "pm_card_visa"}, "cancel", "canceled"),
    ],
)
async def test_what_was_not_captured_cannot_be_refunded(
    payments: Payments, opening: dict[str, Any], step: str | None, status: str
) -> None:
    opened = await payments.intent(**opening)
    if step:
        await payments.post(f"payment_intents/{opened['id']}/{step}")

    refused = await payments.post("refunds", payment_intent=opened["id"])

    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "payment_intent_unexpected_state")
    assert error["payment_intent"]["status"] == status
    assert await refunds_of(payments, opened["id"]) == []


async def test_a_try_that_failed_cannot_be_refunded_although_another_paid(payments: Payments) -> None:
    opened = await payments.intent(payment_method="pm_card_visa_chargeDeclined")
    await payments.post(f"payment_intents/{opened['id']}/confirm")
    await payments.post(f"payment_intents/{opened['id']}/confirm", payment_method="pm_card_visa")
    _, failed = await payments.charges_of(opened["id"])

    refused = await payments.post("refunds", charge=failed["id"])

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "charge_not_refundable")
    assert await refunds_of(payments, opened["id"]) == []


async def test_a_refused_refund_is_kept_under_its_key_and_a_wrong_one_is_not(payments: Payments) -> None:
    paid = await sold(payments)
    wrong = await payments.post("refunds", key="refund-1", payment_intent=paid["id"], amount=0)

    above = await payments.post("refunds", key="refund-1", payment_intent=paid["id"], amount=19901)
    again = await payments.post("refunds", key="refund-1", payment_intent=paid["id"], amount=19901)
    reused = await payments.post("refunds", key="refund-1", payment_intent=paid["id"], amount=1)

    assert (wrong.status_code, above.status_code, again.content) == (400, 400, above.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert reused.json()["error"]["type"] == "idempotency_error"
    assert await refunds_of(payments, paid["id"]) == []


async def test_twenty_equal_refunds_at_once_give_back_once(payments: Payments, replica: Payments) -> None:
    paid = await sold(payments)

    answers = await asyncio.gather(
        *(
            (payments, replica)[turn % 2].post("refunds", key="crowd", payment_intent=paid["id"], amount=100)
            for turn in range(20)
        )
    )

    assert {answer.status_code for answer in answers} <= {200, 409}
    [refund] = await refunds_of(payments, paid["id"])
    assert {answer.json()["id"] for answer in answers if answer.status_code == 200} == {refund["id"]}
    [charge] = await payments.charges_of(paid["id"])
    assert charge["amount_refunded"] == 100


async def test_refunds_at_once_never_add_up_to_more_than_was_captured(payments: Payments, replica: Payments) -> None:
    paid = await sold(payments)
    named = ({"payment_intent": paid["id"]}, {"charge": paid["latest_charge"]})

    answers = await asyncio.gather(
        *((payments, replica)[turn % 2].post("refunds", amount=6000, **named[turn // 2 % 2]) for turn in range(12))
    )

    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [400] * 9
    [charge] = await payments.charges_of(paid["id"])
    assert charge["amount_refunded"] == sum(r["amount"] for r in await refunds_of(payments, paid["id"])) == 18000


async def test_the_database_itself_refuses_to_give_back_more_than_was_captured(
    payments: Payments, database: DatabaseUrls
) -> None:
    hold = await payments.intent(capture_method="manual", payment_method="pm_card_visa", confirm="true")
    await payments.post(f"payment_intents/{hold['id']}/capture", amount_to_capture=15000)
    connection = await asyncpg.connect(database.app)

    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("UPDATE charges SET amount_refunded = 15001 WHERE id = $1", hold["latest_charge"])

    await connection.close()


async def test_what_a_replica_of_before_refunds_charged_can_be_refunded_in_full(
    payments: Payments, database: DatabaseUrls
) -> None:
    opened = await payments.intent(payment_method="pm_card_visa")
    older = await asyncpg.connect(database.app)
    async with older.transaction():
        await older.execute(
            """INSERT INTO charges (id, payment_intent, payment_method, amount, currency, succeeded, created_at)
            SELECT 'ch_older', id, payment_method, amount, currency, true, created_at
            FROM payment_intents WHERE id = $1""",
            opened["id"],
        )
        await older.execute(
            """UPDATE payment_intents SET status = 'succeeded', amount_received = amount, latest_charge = 'ch_older'
            WHERE id = $1""",
            opened["id"],
        )
    await older.close()

    refund = await payments.post("refunds", payment_intent=opened["id"])

    assert (refund.status_code, refund.json()["amount"], refund.json()["charge"]) == (200, 19900, "ch_older")
    [charge] = await payments.charges_of(opened["id"])
    assert (charge["amount_captured"], charge["amount_refunded"], charge["refunded"]) == (19900, 19900, True)


@pytest.mark.parametrize(
    ("parameters", "code", "param"),
    [
        ({}, "parameter_missing", "payment_intent"),
        ({"payment_intent": "", "amount": "1"}, "parameter_invalid_empty", "payment_intent"),
        ({"payment_intent": "pi_no"}, "resource_missing", "payment_intent"),
        ({"charge": "ch_no"}, "resource_missing", "charge"),
        ({"payment_intent": "pi_no", "charge": "ch_no"}, None, "charge"),
        ({"payment_intent": "pi_no", "amount": "-1"}, "amount_too_small", "amount"),
        ({"payment_intent": "pi_no", "amount": "1.5"}, "parameter_invalid_integer", "amount"),
        ({"payment_intent": "pi_no", "amount": ""}, "parameter_invalid_empty", "amount"),
        ({"payment_intent": "pi_no", "reason": "abandoned"}, None, "reason"),
        ({"payment_intent": "pi_no", "currency": "inr"}, "parameter_unknown", "currency"),
    ],
)
async def test_a_wrong_parameter_is_named(
    payments: Payments, parameters: dict[str, str], code: str | None, param: str
) -> None:
    answer = await payments.post("refunds", **parameters)

    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error.get("code"), error["param"]) == (code, param)


async def test_a_publishable_key_refunds_nothing(payments: Payments) -> None:
    paid = await sold(payments)

    refused = await payments.client.post("/v1/refunds", data={"payment_intent": paid["id"]}, headers=PUBLISHABLE)

    assert refused.status_code == 403
    assert await refunds_of(payments, paid["id"]) == []


async def test_refunds_are_listed_by_intent_or_charge_and_in_pages(payments: Payments) -> None:
    paid, other = await sold(payments), await sold(payments)
    made = [(await payments.post("refunds", payment_intent=paid["id"], amount=1)).json()["id"] for _ in range(3)][::-1]
    await payments.post("refunds", payment_intent=other["id"])

    of_charge = (await payments.get("refunds", charge=paid["latest_charge"])).json()
    first = (await payments.get("refunds", payment_intent=paid["id"], limit="2")).json()
    second = (await payments.get("refunds", payment_intent=paid["id"], limit="2", starting_after=made[1])).json()

    assert (of_charge["object"], of_charge["url"]) == ("list", "/v1/refunds")
    assert [refund["id"] for refund in of_charge["data"]] == made
    assert [[refund["id"] for refund in page["data"]] for page in (first, second)] == [made[:2], made[2:]]
    assert [page["has_more"] for page in (first, second)] == [True, False]


async def test_an_unknown_refund_is_not_found(payments: Payments) -> None:
    answer = await payments.get("refunds/re_no")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "resource_missing")
