"""Stripe's official Python client against the processor, over real HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import stripe
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.payments.delivery import signature
from tests.conftest import MakeDatabase
from tests.service.payments_stand import PUBLISHABLE_KEY, SECRET_KEY, payments_app
from tests.service.webhook_receiver import receiving, until
from tests.serving import on_a_port

# The client hands its encoded form to httpx in a way that httpx has deprecated.
pytestmark = [pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"), pytest.mark.doors]


@pytest.fixture(scope="module")
async def address(make_database: MakeDatabase) -> AsyncIterator[str]:
    async with on_a_port(payments_app((await make_database("payments")).app)) as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.HTTPXClient()
    yield client_with(SECRET_KEY, address, http)
    await closed(http)


def client_with(key: str, address: str, http: stripe.HTTPXClient, *, retries: int = 3) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": address}, http_client=http, max_network_retries=retries)


async def closed(http: stripe.HTTPXClient) -> None:
    await http.close_async()  # type: ignore[no-untyped-call]  # the client has not typed it


def sale(amount: int = 19900) -> stripe.params.PaymentIntentCreateParams:
    return {"amount": amount, "currency": "inr", "allowed_payment_method_types": ["card"], "metadata": {"order": "42"}}


async def test_a_checkout_create_confirm_read(client: stripe.StripeClient) -> None:
    opened = await client.v1.payment_intents.create_async(sale(), {"idempotency_key": "checkout-1"})

    paid = await client.v1.payment_intents.confirm_async(
        opened.id, {"payment_method": "pm_card_visa", "error_on_requires_action": True}
    )
    read = await client.v1.payment_intents.retrieve_async(opened.id)

    assert (opened.status, paid.status, read.status) == ("requires_payment_method", "succeeded", "succeeded")
    assert (read.amount, read.amount_received, read.currency) == (19900, 19900, "inr")
    assert read.metadata["order"] == "42"
    assert (read.payment_method_types, read.allowed_payment_method_types) == (["card"], ["card"])
    charge = await client.v1.charges.retrieve_async(str(read.latest_charge))
    assert (charge.paid, charge.amount, charge.payment_intent) == (True, 19900, opened.id)


async def test_a_browser_key_exchanges_a_card_and_may_nothing_else(address: str, client: stripe.StripeClient) -> None:
    http = stripe.HTTPXClient()
    browser = client_with(PUBLISHABLE_KEY, address, http)

    method = await browser.v1.payment_methods.create_async(
        {"type": "card", "card": {"number": "5555555555554444", "exp_month": 12, "exp_year": 2034, "cvc": "123"}}
    )
    with pytest.raises(stripe.PermissionError):
        await browser.v1.payment_intents.create_async(sale())
    await closed(http)

    paid = await client.v1.payment_intents.create_async({**sale(), "payment_method": method.id, "confirm": True})
    assert method.card is not None
    assert (method.card.brand, method.card.last4, paid.status) == ("mastercard", "4444", "succeeded")


async def test_a_wrong_key_is_an_authentication_error(address: str) -> None:
    http = stripe.HTTPXClient()

    with pytest.raises(stripe.AuthenticationError):
        await client_with("sk_test_other", address, http).v1.payment_intents.list_async()

    await closed(http)


async def test_a_decline_is_a_card_error_with_the_intent_in_it(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await client.v1.payment_intents.create_async(
            {**sale(), "payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds", "confirm": True}
        )

    error = declined.value.error
    assert error is not None
    assert (error.code, error.decline_code) == ("card_declined", "insufficient_funds")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    assert str(declined.value.request_id).startswith("req_")


async def test_a_key_replays_and_refuses_other_parameters(client: stripe.StripeClient) -> None:
    first = await client.v1.payment_intents.create_async(sale(), {"idempotency_key": "replay-1"})
    again = await client.v1.payment_intents.create_async(sale(), {"idempotency_key": "replay-1"})

    assert first.id == again.id
    with pytest.raises(stripe.IdempotencyError):
        await client.v1.payment_intents.create_async(sale(5), {"idempotency_key": "replay-1"})


async def test_clients_that_retry_all_get_the_one_winner(client: stripe.StripeClient) -> None:
    made = await asyncio.gather(
        *(client.v1.payment_intents.create_async(sale(), {"idempotency_key": "winner-1"}) for _ in range(5))
    )

    assert len({intent.id for intent in made}) == 1


async def test_of_equal_requests_at_once_without_retries_one_wins_and_no_other_makes_anything(address: str) -> None:
    http = stripe.HTTPXClient()
    client = client_with(SECRET_KEY, address, http, retries=0)
    paid: stripe.params.PaymentIntentCreateParams = {**sale(), "payment_method": "pm_card_visa", "confirm": True}

    answers = await asyncio.gather(
        *(client.v1.payment_intents.create_async(paid, {"idempotency_key": "one-of-5"}) for _ in range(5)),
        return_exceptions=True,
    )

    won = {answer.id for answer in answers if isinstance(answer, stripe.PaymentIntent)}
    lost = [answer for answer in answers if not isinstance(answer, stripe.PaymentIntent)]
    assert len(won) == 1
    assert {type(answer) for answer in lost} <= {stripe.IdempotencyError, stripe.APIError}
    assert {getattr(answer, "http_status", None) for answer in lost} <= {409}
    charges = await client.v1.charges.list_async({"payment_intent": won.pop()})
    assert len(charges.data) == 1
    await closed(http)


class Unreliable:
    """The processor behind a bad network: what each of the next POSTs meets, until there is nothing left."""

    def __init__(self, app: ASGIApp, *meets: str) -> None:
        self._app = app
        self._meets = list(meets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        met = self._meets.pop(0) if self._meets and scope.get("method") == "POST" else "nothing"
        match met:
            case "500":
                await Response(status_code=500)(scope, receive, send)
            case "lost answer":
                await self._app(scope, receive, _nowhere)
                while (await receive())["type"] != "http.disconnect":
                    pass
            case _:
                await self._app(scope, receive, send)


async def _nowhere(_: Message) -> None:
    """An answer that nobody gets."""


@pytest.mark.parametrize("meets", [("lost answer",), ("500", "500"), ("500", "lost answer")])
async def test_a_client_on_a_bad_network_makes_and_charges_one_intent(
    make_database: MakeDatabase, meets: tuple[str, ...]
) -> None:
    app = payments_app((await make_database("payments")).app)
    http = stripe.HTTPXClient(timeout=1)
    async with on_a_port(Unreliable(app, *meets)) as address:
        client = client_with(SECRET_KEY, address, http)

        paid = await client.v1.payment_intents.create_async(
            {**sale(), "payment_method": "pm_card_visa", "confirm": True}
        )

        intents = (await client.v1.payment_intents.list_async()).data
        charges = (await client.v1.charges.list_async()).data
        await closed(http)
    assert [(intent.id, intent.status) for intent in intents] == [(paid.id, "succeeded")]
    assert [charge.payment_intent for charge in charges] == [paid.id]


async def test_a_webhook_endpoint_is_made_told_read_changed_and_deleted(client: stripe.StripeClient) -> None:
    async with receiving() as receiver:
        made = await client.v1.webhook_endpoints.create_async(
            {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"], "metadata": {"shop": "1"}}
        )
        receiver.secret = str(made.secret)
        paid = await client.v1.payment_intents.create_async(
            {**sale(), "payment_method": "pm_card_visa", "confirm": True}
        )
        await until(lambda: receiver.heard)
        read = await client.v1.webhook_endpoints.retrieve_async(made.id)
        changed = await client.v1.webhook_endpoints.update_async(made.id, {"disabled": True})
        deleted = await client.v1.webhook_endpoints.delete_async(made.id)

    [event] = receiver.heard
    assert (event.type, event.data.object["id"], receiver.refused) == ("payment_intent.succeeded", paid.id, [])
    assert ("secret" in read, read.status, changed.status, deleted.deleted) == (False, "enabled", "disabled", True)
    assert read.metadata["shop"] == "1"


async def test_a_stale_signature_is_not_taken(client: stripe.StripeClient) -> None:
    body, secret = '{"object": "event", "id": "evt_1"}', "whsec_sample"
    now = int(time.time())

    assert client.construct_event(body, signature(secret, body, at=now - 290), secret).id == "evt_1"
    for at in (now - 310, 0):
        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(body, signature(secret, body, at=at), secret)


async def test_a_canceled_intent_cannot_be_confirmed(client: stripe.StripeClient) -> None:
    opened = await client.v1.payment_intents.create_async(sale())
    canceled = await client.v1.payment_intents.cancel_async(opened.id, {"cancellation_reason": "abandoned"})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.confirm_async(opened.id, {"payment_method": "pm_card_visa"})

    assert canceled.status == "canceled"
    assert refused.value.error is not None
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.error.payment_intent is not None
    assert refused.value.error.payment_intent.status == "canceled"


async def test_a_hold_is_captured_in_part_and_another_let_go(client: stripe.StripeClient) -> None:
    hold: stripe.params.PaymentIntentCreateParams = {
        **sale(),
        "capture_method": "manual",
        "payment_method": "pm_card_visa",
        "confirm": True,
    }
    held, unwanted = [await client.v1.payment_intents.create_async(hold) for _ in range(2)]

    captured = await client.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 15000})
    canceled = await client.v1.payment_intents.cancel_async(unwanted.id)
    with pytest.raises(stripe.InvalidRequestError) as twice:
        await client.v1.payment_intents.capture_async(held.id)
    with pytest.raises(stripe.InvalidRequestError) as late:
        await client.v1.payment_intents.capture_async(unwanted.id)
    with pytest.raises(stripe.InvalidRequestError) as above:
        await client.v1.refunds.create_async({"payment_intent": held.id, "amount": 15001})
    with pytest.raises(stripe.InvalidRequestError) as nothing_taken:
        await client.v1.refunds.create_async({"payment_intent": unwanted.id})

    assert (held.status, held.capture_method, held.amount_capturable) == ("requires_capture", "manual", 19900)
    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 15000, 0)
    assert (canceled.status, canceled.amount_received) == ("canceled", 0)
    assert (above.value.param, (await client.v1.refunds.list_async({"payment_intent": held.id})).data) == ("amount", [])
    for refused in (twice, late, nothing_taken):
        assert refused.value.code == "payment_intent_unexpected_state"


async def test_refunds_in_parts_show_on_the_charge_and_stop_at_what_was_captured(client: stripe.StripeClient) -> None:
    paid = await client.v1.payment_intents.create_async({**sale(), "payment_method": "pm_card_visa", "confirm": True})

    part = await client.v1.refunds.create_async(
        {"payment_intent": paid.id, "amount": 5000, "reason": "requested_by_customer", "metadata": {"order": "42"}},
        {"idempotency_key": "refund-part"},
    )
    again = await client.v1.refunds.create_async(
        {"payment_intent": paid.id, "amount": 5000, "reason": "requested_by_customer", "metadata": {"order": "42"}},
        {"idempotency_key": "refund-part"},
    )
    partly = await client.v1.charges.retrieve_async(str(paid.latest_charge))
    with pytest.raises(stripe.InvalidRequestError) as above:
        await client.v1.refunds.create_async({"payment_intent": paid.id, "amount": 14901})
    rest = await client.v1.refunds.create_async({"charge": str(paid.latest_charge)})
    fully = await client.v1.charges.retrieve_async(str(paid.latest_charge))
    with pytest.raises(stripe.InvalidRequestError) as twice:
        await client.v1.refunds.create_async({"payment_intent": paid.id})

    assert (part.status, part.amount, part.reason) == ("succeeded", 5000, "requested_by_customer")
    assert part.metadata is not None
    assert part.metadata["order"] == "42"
    assert (again.id, rest.amount) == (part.id, 14900)
    assert (partly.amount_refunded, partly.refunded) == (5000, False)
    assert (fully.amount_refunded, fully.refunded) == (19900, True)
    assert (above.value.param, twice.value.code) == ("amount", "charge_already_refunded")
    listed = await client.v1.refunds.list_async({"payment_intent": paid.id})
    assert [refund.id for refund in listed.data] == [rest.id, part.id]
    assert (await client.v1.refunds.retrieve_async(part.id)).payment_intent == paid.id


async def test_events_tell_what_happened_with_the_object_as_it_was(client: stripe.StripeClient) -> None:
    paid = await client.v1.payment_intents.create_async({**sale(), "payment_method": "pm_card_visa", "confirm": True})
    await client.v1.refunds.create_async({"payment_intent": paid.id, "amount": 5000}, {"idempotency_key": "told-1"})

    refunded, given_back, succeeded, created = (await client.v1.events.list_async({"limit": 4})).data
    read = await client.v1.events.retrieve_async(refunded.id)

    assert [event.type for event in (created, succeeded, given_back, refunded)] == [
        "payment_intent.created",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
    ]
    assert created.data.object["status"] == "requires_confirmation"
    assert (succeeded.data.object["id"], succeeded.data.object["amount_received"]) == (paid.id, 19900)
    assert (read.data.object["id"], read.data.object["amount_refunded"]) == (paid.latest_charge, 5000)
    assert read.request is not None
    assert read.request.idempotency_key == "told-1"


async def test_the_list_pages_by_itself(client: stripe.StripeClient) -> None:
    made = [(await client.v1.payment_intents.create_async(sale())).id for _ in range(5)]

    page = await client.v1.payment_intents.list_async({"limit": 2})
    listed = [intent.id async for intent in page.auto_paging_iter()]

    assert listed[:5] == made[::-1]
    assert len(set(listed)) == len(listed)


async def test_an_unknown_intent_is_an_invalid_request(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.retrieve_async("pi_unknown")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
