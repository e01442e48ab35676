"""Manual capture over real PostgreSQL: money is held, then taken once or let go."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.payments_stand import Payments, payments_app
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


async def held(payments: Payments) -> dict[str, Any]:
    """An intent whose 19900 paise are held."""
    return await payments.intent(capture_method="manual", payment_method="pm_card_visa", confirm="true")


async def test_an_approved_card_is_held_and_nothing_is_taken(payments: Payments) -> None:
    opened = await payments.intent(capture_method="manual")

    hold = (await payments.post(f"payment_intents/{opened['id']}/confirm", payment_method="pm_card_visa")).json()

    assert (opened["status"], opened["capture_method"]) == ("requires_payment_method", "manual")
    assert (hold["status"], hold["amount_capturable"], hold["amount_received"]) == ("requires_capture", 19900, 0)
    [charge] = await payments.charges_of(hold["id"])
    assert (charge["status"], charge["captured"], charge["amount_captured"]) == ("succeeded", False, 0)


@pytest.mark.parametrize(("asked", "taken"), [({}, 19900), ({"amount_to_capture": 15000}, 15000)])
async def test_a_capture_takes_all_or_the_part_that_is_asked(
    payments: Payments, asked: dict[str, Any], taken: int
) -> None:
    hold = await held(payments)

    captured = (await payments.post(f"payment_intents/{hold['id']}/capture", **asked)).json()

    assert (captured["status"], captured["amount_capturable"]) == ("succeeded", 0)
    assert (captured["amount"], captured["amount_received"]) == (19900, taken)
    assert (await payments.get(f"payment_intents/{hold['id']}")).json() == captured
    [charge] = await payments.charges_of(hold["id"])
    assert (charge["id"], charge["captured"], charge["amount_captured"]) == (hold["latest_charge"], True, taken)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("19901", "amount_too_large"),
        ("100000000", "amount_too_large"),
        ("0", "amount_too_small"),
        ("-1", "amount_too_small"),
        ("", "parameter_invalid_empty"),
        ("1.5", "parameter_invalid_integer"),
    ],
)
async def test_a_capture_that_cannot_be_leaves_the_hold_and_the_key_as_they_were(
    payments: Payments, amount: str, code: str
) -> None:
    hold = await held(payments)
    path = f"payment_intents/{hold['id']}/capture"

    refused = await payments.post(path, key=f"capture {amount}", amount_to_capture=amount)

    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, code, "amount_to_capture")
    assert (await payments.get(f"payment_intents/{hold['id']}")).json() == hold
    right = await payments.post(path, key=f"capture {amount}", amount_to_capture=19900)
    assert right.json()["amount_received"] == 19900


async def test_there_is_one_capture(payments: Payments) -> None:
    hold = await held(payments)
    path = f"payment_intents/{hold['id']}/capture"
    captured = (await payments.post(path, key="once-1", amount_to_capture=10000)).json()

    again = await payments.post(path, key="once-1", amount_to_capture=10000)
    more = await payments.post(path, key="once-2", amount_to_capture=9900)

    assert again.json() == captured
    assert (more.status_code, more.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")
    assert more.json()["error"]["payment_intent"] == captured


async def test_a_hold_that_is_canceled_takes_nothing_and_cannot_be_captured(payments: Payments) -> None:
    hold = await held(payments)

    canceled = (await payments.post(f"payment_intents/{hold['id']}/cancel", cancellation_reason="abandoned")).json()
    late = await payments.post(f"payment_intents/{hold['id']}/capture")

    assert (canceled["status"], canceled["amount_capturable"], canceled["amount_received"]) == ("canceled", 0, 0)
    assert (late.status_code, late.json()["error"]["payment_intent"]) == (400, canceled)
    [charge] = await payments.charges_of(hold["id"])
    assert (charge["captured"], charge["amount_captured"]) == (False, 0)


async def test_capture_and_cancel_at_once_have_one_winner(payments: Payments, replica: Payments) -> None:
    for _ in range(10):
        hold = await held(payments)
        address = f"payment_intents/{hold['id']}"

        answers = await asyncio.gather(
            payments.post(f"{address}/capture"),
            replica.post(f"{address}/cancel"),
            replica.post(f"{address}/capture", amount_to_capture=1),
            payments.post(f"{address}/cancel"),
        )

        final = (await payments.get(address)).json()
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
        [winner] = [answer.json() for answer in answers if answer.status_code == 200]
        assert winner == final
        [charge] = await payments.charges_of(hold["id"])
        assert charge["amount_captured"] == final["amount_received"]


async def test_the_database_itself_refuses_to_wait_for_an_automatic_capture(
    payments: Payments, database: DatabaseUrls
) -> None:
    opened = await payments.intent()
    connection = await asyncpg.connect(database.app)

    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("UPDATE payment_intents SET status = 'requires_capture' WHERE id = $1", opened["id"])

    await connection.close()
