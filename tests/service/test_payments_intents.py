"""Payment intents over real PostgreSQL: what charges, what refuses, and who wins."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.contracts import payments as contract
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import PUBLISHABLE, Payments, payments_app, visa
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


def error_of(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    return error


async def test_an_intent_is_created_confirmed_and_charged_once(payments: Payments) -> None:
    opened = await payments.intent(metadata__checkout_id="c-1", description="Three apples", receipt_email="a@b.test")

    paid = (await payments.post(f"payment_intents/{opened['id']}/confirm", payment_method="pm_card_visa")).json()

    assert (opened["status"], opened["amount_received"]) == ("requires_payment_method", 0)
    assert opened["metadata"] == {"checkout_id": "c-1"}
    assert (paid["status"], paid["amount_received"], paid["currency"]) == ("succeeded", 19900, "inr")
    assert (paid["description"], paid["receipt_email"]) == ("Three apples", "a@b.test")
    [charge] = await payments.charges_of(opened["id"])
    assert (charge["id"], charge["amount"], charge["status"]) == (paid["latest_charge"], 19900, "succeeded")
    assert (await payments.get(f"payment_intents/{opened['id']}")).json() == paid
    assert (await payments.get(f"charges/{charge['id']}")).json() == charge


async def test_an_intent_can_be_created_and_charged_in_one_call(payments: Payments) -> None:
    paid = await payments.intent(
        payment_method="pm_card_mastercard",
        confirm="true",
        error_on_requires_action="true",
        automatic_payment_methods__enabled="true",
    )

    assert paid["status"] == "succeeded"
    assert paid["automatic_payment_methods"] == {"allow_redirects": "always", "enabled": True}
    method = (await payments.get(f"payment_methods/{paid['payment_method']}")).json()
    assert (method["card"]["brand"], method["card"]["last4"]) == ("mastercard", "4444")


async def test_what_is_answered_reads_as_the_contract_says(payments: Payments) -> None:
    declined = await payments.post(
        "payment_intents", amount=100, currency="inr", payment_method="pm_card_visa_chargeDeclined", confirm="true"
    )
    method = await payments.client.post("/v1/payment_methods", data=visa(), headers=PUBLISHABLE)

    failure = contract.StripeFailure.model_validate(declined.json())
    assert failure.error.payment_intent is not None
    assert failure.error.payment_intent.status is contract.IntentStatus.REQUIRES_PAYMENT_METHOD
    assert contract.PaymentMethod.model_validate(method.json()).card == contract.Card(
        brand="visa", last4="4242", exp_month=12, exp_year=2034
    )


@pytest.mark.parametrize(
    ("number", "token", "code", "decline_code"),
    [
        ("4000000000000002", "pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        (
            "4000000000009995",
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
async def test_a_declining_card_is_told_with_its_code_and_charges_nothing(
    payments: Payments, number: str, token: str, code: str, decline_code: str | None
) -> None:
    made = await payments.client.post("/v1/payment_methods", data=visa(number), headers=PUBLISHABLE)

    for method in (made.json()["id"], token):
        opened = await payments.intent()
        error = error_of(await payments.post(f"payment_intents/{opened['id']}/confirm", payment_method=method), 402)

        assert (error["type"], error["code"], error.get("decline_code")) == ("card_error", code, decline_code)
        after = error["payment_intent"]
        assert (after["status"], after["payment_method"], after["amount_received"]) == (
            "requires_payment_method",
            None,
            0,
        )
        assert after["last_payment_error"]["code"] == code
        assert after["last_payment_error"]["payment_method"]["card"]["last4"] == number[-4:]
        [charge] = await payments.charges_of(opened["id"])
        assert (charge["status"], charge["failure_code"], charge["id"]) == ("failed", code, error["charge"])
        assert (await payments.get(f"payment_intents/{opened['id']}")).json() == after


async def test_another_card_pays_after_a_decline(payments: Payments) -> None:
    opened = await payments.intent(payment_method="pm_card_visa_chargeDeclined")
    await payments.post(f"payment_intents/{opened['id']}/confirm")

    paid = (await payments.post(f"payment_intents/{opened['id']}/confirm", payment_method="pm_card_visa")).json()

    assert (opened["status"], paid["status"]) == ("requires_confirmation", "succeeded")
    assert paid["last_payment_error"] is None
    assert [charge["status"] for charge in await payments.charges_of(opened["id"])] == ["succeeded", "failed"]


@pytest.mark.parametrize("token", ["pm_card_threeDSecure2Required", "pm_card_authenticationRequired"])
async def test_a_card_that_wants_authentication_fails_or_waits_as_asked(payments: Payments, token: str) -> None:
    strict, patient = await payments.intent(), await payments.intent()

    refused = await payments.post(
        f"payment_intents/{strict['id']}/confirm", payment_method=token, error_on_requires_action="true"
    )
    waiting = await payments.post(f"payment_intents/{patient['id']}/confirm", payment_method=token)

    error = error_of(refused, 402)
    assert (error["type"], error["code"]) == ("card_error", "authentication_required")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert (waiting.json()["status"], waiting.json()["next_action"]["type"]) == ("requires_action", "use_stripe_sdk")
    assert await payments.charges_of(strict["id"]) == await payments.charges_of(patient["id"]) == []


@pytest.mark.parametrize("decided", ["succeeded", "canceled"])
@pytest.mark.parametrize("step", ["confirm", "capture", "cancel"])
async def test_a_decided_intent_refuses_every_step_and_shows_itself(
    payments: Payments, decided: str, step: str
) -> None:
    opened = await payments.intent(payment_method="pm_card_visa")
    first = {"succeeded": "confirm", "canceled": "cancel"}[decided]
    before = (await payments.post(f"payment_intents/{opened['id']}/{first}")).json()

    error = error_of(await payments.post(f"payment_intents/{opened['id']}/{step}"), 400)

    assert (error["type"], error["code"]) == ("invalid_request_error", "payment_intent_unexpected_state")
    assert (before["status"], error["payment_intent"]) == (decided, before)
    assert (await payments.get(f"payment_intents/{opened['id']}")).json() == before


async def test_a_confirmation_without_a_payment_method_is_refused_with_the_intent(payments: Payments) -> None:
    opened = await payments.intent()

    error = error_of(await payments.post(f"payment_intents/{opened['id']}/confirm"), 400)

    assert error["code"] == "payment_intent_unexpected_state"
    assert error["payment_intent"] == opened


async def test_a_canceled_intent_says_when_and_why(payments: Payments) -> None:
    opened = await payments.intent()

    canceled = await payments.post(f"payment_intents/{opened['id']}/cancel", cancellation_reason="abandoned")

    assert (canceled.json()["status"], canceled.json()["cancellation_reason"]) == ("canceled", "abandoned")
    assert canceled.json()["canceled_at"] == canceled.json()["created"]
    assert await payments.charges_of(opened["id"]) == []


async def test_every_use_of_a_ready_made_token_is_a_fresh_card(payments: Payments) -> None:
    first = await payments.intent(payment_method="pm_card_visa")
    second = await payments.intent(payment_method="pm_card_visa")

    shown = (await payments.get("payment_methods/pm_card_visa")).json()

    assert first["payment_method"].startswith("pm_")
    assert len({first["payment_method"], second["payment_method"], "pm_card_visa"}) == 3
    assert (shown["id"], shown["card"]["last4"]) == ("pm_card_visa", "4242")


async def test_confirm_and_cancel_at_once_have_one_winner(payments: Payments, replica: Payments) -> None:
    for _ in range(10):
        opened = await payments.intent(payment_method="pm_card_visa")
        address = f"payment_intents/{opened['id']}"

        answers = await asyncio.gather(
            payments.post(f"{address}/confirm"),
            replica.post(f"{address}/cancel"),
            replica.post(f"{address}/confirm"),
            payments.post(f"{address}/cancel"),
        )

        final = (await payments.get(address)).json()
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
        [winner] = [answer.json() for answer in answers if answer.status_code == 200]
        assert winner == final
        assert {error_of(a, 400)["payment_intent"]["status"] for a in answers if a.status_code == 400} == {
            final["status"]
        }
        assert len(await payments.charges_of(opened["id"])) == (final["status"] == "succeeded")


async def test_the_database_itself_refuses_a_second_successful_charge(
    payments: Payments, database: DatabaseUrls
) -> None:
    paid = await payments.intent(payment_method="pm_card_visa", confirm="true")
    connection = await asyncpg.connect(database.app)

    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(
            """INSERT INTO charges (id, payment_intent, payment_method, amount, currency, succeeded, created_at)
            SELECT 'ch_second', payment_intent, payment_method, amount, currency, succeeded, created_at
            FROM charges WHERE id = $1""",
            paid["latest_charge"],
        )

    await connection.close()


async def test_a_busy_intent_asks_to_come_again_and_keeps_no_answer(payments: Payments, database: DatabaseUrls) -> None:
    opened = await payments.intent(payment_method="pm_card_visa")
    connection = await asyncpg.connect(database.app)
    async with connection.transaction():
        await connection.execute("SELECT 1 FROM payment_intents WHERE id = $1 FOR UPDATE", opened["id"])

        busy = await payments.post(f"payment_intents/{opened['id']}/confirm", key="busy-1")

    await connection.close()
    assert error_of(busy, 429)["code"] == "lock_timeout"
    assert busy.headers["stripe-should-retry"] == "true"
    again = await payments.post(f"payment_intents/{opened['id']}/confirm", key="busy-1")
    assert again.json()["status"] == "succeeded"
    assert "idempotent-replayed" not in again.headers


async def test_pages_run_through_every_intent_once_newest_first(make_database: MakeDatabase) -> None:
    async with serving(payments_app((await make_database("payments")).app)) as client:
        payments = Payments(client)
        made = [(await payments.intent())["id"] for _ in range(7)][::-1]

        first = (await payments.get("payment_intents", limit="3")).json()
        second = (await payments.get("payment_intents", limit="3", starting_after=made[2])).json()
        last = (await payments.get("payment_intents", limit="3", starting_after=made[5])).json()
        back = (await payments.get("payment_intents", limit="3", ending_before=made[4])).json()
        top = (await payments.get("payment_intents", limit="3", ending_before=made[2])).json()

    ids = [[intent["id"] for intent in page["data"]] for page in (first, second, last, back, top)]
    assert ids == [made[:3], made[3:6], made[6:], made[1:4], made[:2]]
    assert [page["has_more"] for page in (first, second, last, back, top)] == [True, True, False, True, False]
    assert (first["object"], first["url"]) == ("list", "/v1/payment_intents")


@pytest.mark.parametrize(
    ("parameters", "code", "param"),
    [
        ({"currency": "inr"}, "parameter_missing", "amount"),
        ({"amount": "1"}, "parameter_missing", "currency"),
        ({"amount": "", "currency": "inr"}, "parameter_invalid_empty", "amount"),
        ({"amount": "1.5", "currency": "inr"}, "parameter_invalid_integer", "amount"),
        ({"amount": "1e3", "currency": "inr"}, "parameter_invalid_integer", "amount"),
        ({"amount": "0", "currency": "inr"}, "amount_too_small", "amount"),
        ({"amount": "-1", "currency": "inr"}, "amount_too_small", "amount"),
        ({"amount": "100000000", "currency": "inr"}, "amount_too_large", "amount"),
        ({"amount": "9" * 40, "currency": "inr"}, "parameter_invalid_integer", "amount"),
        ({"amount": "1", "currency": "INR"}, None, "currency"),
        ({"amount": "1", "currency": "zzz"}, None, "currency"),
        ({"amount": "1", "currency": "inr", "price": "1"}, "parameter_unknown", "price"),
        ({"amount": "1", "currency": "inr", "card[number]": "1"}, "parameter_unknown", "card"),
        ({"amount": "1", "currency": "inr", "capture_method": "late"}, None, "capture_method"),
        ({"amount": "1", "currency": "inr", "confirm": "yes"}, None, "confirm"),
        ({"amount": "1", "currency": "inr", "confirm": "true"}, "parameter_missing", "payment_method"),
        ({"amount": "1", "currency": "inr", "payment_method": "pm_no"}, "resource_missing", "payment_method"),
        ({"amount": "1", "currency": "inr", "error_on_requires_action": "true"}, None, "error_on_requires_action"),
        ({"amount": "1", "currency": "inr", "payment_method_types[]": "cash"}, None, "payment_method_types[0]"),
        ({"amount": "1", "currency": "inr", "payment_method_types": "card"}, None, "payment_method_types"),
        ({"amount": "1", "currency": "inr", "metadata": "a"}, None, "metadata"),
        ({"amount": "1", "currency": "inr", "metadata[" + "k" * 41 + "]": "a"}, None, "metadata"),
        ({"amount": "1", "currency": "inr", "metadata[a][b]": "a"}, None, "metadata[a]"),
        ({"amount[a]": "1", "currency": "inr"}, None, "amount"),
        ({"amount": "1", "currency[]": "inr"}, None, "currency"),
    ],
)
async def test_a_wrong_parameter_is_named_and_opens_nothing(
    payments: Payments, parameters: dict[str, str], code: str | None, param: str
) -> None:
    before = await payments.count_intents()

    error = error_of(await payments.post("payment_intents", key=f"wrong {parameters}"[:255], **parameters), 400)

    assert (error["type"], error.get("code"), error["param"]) == ("invalid_request_error", code, param)
    assert await payments.count_intents() == before


async def test_the_refusal_of_a_capture_method_says_what_is_supported(payments: Payments) -> None:
    error = error_of(await payments.post("payment_intents", amount=1, currency="inr", capture_method="late"), 400)

    assert error["message"] == "Wrong parameter: capture_method must be automatic or manual; nothing else is supported."


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"starting_after": "pi_unknown"}, "starting_after"),
        ({"ending_before": "pi_unknown"}, "ending_before"),
        ({"starting_after": "pi_1", "ending_before": "pi_2"}, "ending_before"),
        ({"customer": "cus_1"}, "customer"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(payments: Payments, query: dict[str, str], param: str) -> None:
    error = error_of(await payments.get("payment_intents", **query), 400)

    assert error["param"] == param


@pytest.mark.parametrize(
    "path", ["payment_intents/pi_no", "payment_methods/pm_no", "charges/ch_no", "payment_intents/a%00b", "charges/%20"]
)
async def test_an_unknown_object_is_not_found(payments: Payments, path: str) -> None:
    error = error_of(await payments.get(path), 404)

    assert (error["type"], error["code"]) == ("invalid_request_error", "resource_missing")


@pytest.mark.parametrize("step", ["confirm", "capture", "cancel"])
async def test_a_step_on_an_unknown_intent_is_not_found(payments: Payments, step: str) -> None:
    error = error_of(await payments.post(f"payment_intents/pi_no/{step}", key=f"no-{step}"), 404)

    assert error["code"] == "resource_missing"
