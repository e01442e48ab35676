"""The addresses of the processor. Stripe's own clients speak to them unchanged."""

import base64
import hmac
import re
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPBearer
from starlette.responses import Response

from . import commands, wire
from .envelope import preflight, sent
from .form import Form, read_form
from .idempotency import Attempt, KeyKind, checked_key, fingerprint_of
from .refusals import (
    CardRefused,
    InvalidApiKey,
    InvalidRequest,
    KeyInUse,
    KeyReused,
    NoSuchObject,
    ObjectBusy,
    RefundRefused,
    SecretKeyNeeded,
    StripeRefusal,
    UnexpectedState,
)
from .store import Store

P = TypeVar("P", bound=commands.Parameters)

_FORM = "application/x-www-form-urlencoded"
_VERSION_SHAPE = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z]{1,32})?")
_ID_SHAPE = re.compile(r"[A-Za-z0-9_]{1,255}")


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """The two keys of the one account there is, and the secret that requests are told apart with."""

    secret: str
    publishable: str
    fingerprint_secret: str

    def kind_of(self, given: str) -> KeyKind | None:
        """Which of them was given. Both are always compared, in a time that tells nothing of the text."""
        secret = hmac.compare_digest(given.encode(), self.secret.encode())
        publishable = hmac.compare_digest(given.encode(), self.publishable.encode())
        return KeyKind.SECRET if secret else KeyKind.PUBLISHABLE if publishable else None


@dataclass(frozen=True, slots=True)
class Posted(Generic[P]):
    """A request that changes something: its checked parameters, and the key it was sent under."""

    parameters: P
    attempt: Attempt | None


async def any_key(request: Request) -> KeyKind:
    """The kind of the request's API key."""
    keys: ApiKeys = request.state.keys
    headers = request.headers.getlist("authorization")
    kind = keys.kind_of(_key_in(headers[0])) if len(headers) == 1 else None
    if kind is None:
        raise InvalidApiKey(headers={"WWW-Authenticate": 'Basic realm="payments"'})
    return kind


async def secret_key(request: Request) -> KeyKind:
    """The secret key, nothing less."""
    kind = await any_key(request)
    if kind is not KeyKind.SECRET:
        raise SecretKeyNeeded
    return kind


def _key_in(header: str) -> str:
    scheme, _, credential = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return credential.strip()
        case "basic":
            return _user_in(credential.strip())
        case _:
            return ""


def _user_in(credential: str) -> str:
    try:
        user, _, _password = base64.b64decode(credential, validate=True).decode().partition(":")
    except ValueError:
        return ""
    return user


async def api_version(request: Request) -> str:
    """The date of the API version that the request was written for."""
    given = request.headers.get("stripe-version", wire.API_VERSION)
    if not _VERSION_SHAPE.fullmatch(given):
        raise InvalidRequest("Stripe-Version is not a version of this API, such as " + wire.API_VERSION + ".")
    return given.partition(".")[0]


async def store_of(request: Request) -> Store:
    """The store that the lifespan opened."""
    store: Store = request.state.store
    return store


AnyKey = Annotated[KeyKind, Depends(any_key)]
Version = Annotated[str, Depends(api_version)]
SecretKey = Annotated[KeyKind, Depends(secret_key)]
StoreOf = Annotated[Store, Depends(store_of)]


async def posted_by(request: Request, kind: KeyKind, model: type[P]) -> Posted[P]:
    """What a request that changes something was sent with."""
    if request.url.query:
        raise InvalidRequest("Send parameters in the body, not in the address, which is kept in logs.")
    form = await _form_in(request)
    parameters = commands.read_parameters(model, form)
    return Posted(parameters, _attempt(request, kind, form))


async def _form_in(request: Request) -> Form:
    body = await request.body()
    if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise InvalidRequest(f"Send parameters as {_FORM}.")
    return read_form(body)


def _attempt(request: Request, kind: KeyKind, form: Form) -> Attempt | None:
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    keys: ApiKeys = request.state.keys
    fingerprint = fingerprint_of(keys.fingerprint_secret, request.url.path, form.values)
    return Attempt(kind, checked_key(given), fingerprint)


def asked_by(request: Request, model: type[P]) -> P:
    """The checked parameters of a query."""
    return commands.read_parameters(model, read_form(request.scope["query_string"]))


def object_id(given: str) -> str:
    """An id that can be looked for."""
    if not _ID_SHAPE.fullmatch(given):
        raise NoSuchObject
    return given


def refused(*refusals: type[StripeRefusal]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an endpoint that may refuse in these ways."""
    declared: dict[int | str, dict[str, Any]] = {}
    always: tuple[type[StripeRefusal], ...] = (InvalidRequest, InvalidApiKey)
    for refusal in always + refusals:
        entry = declared.setdefault(
            int(refusal.status),
            {"model": wire.Failure, "description": "", "content": {"application/json": {"examples": {}}}},
        )
        entry["description"] = " ".join(filter(None, (entry["description"], refusal.title)))
        entry["content"]["application/json"]["examples"][refusal.__name__] = {"value": refusal().document()}
    return declared


# Declared for the docs page alone, which then offers to send a key; any_key reads the header, HTTP Basic too.
shown_scheme = HTTPBearer(auto_error=False, description="sk_… for everything, pk_… to create payment methods only.")

router = APIRouter(prefix="/v1", dependencies=[Depends(shown_scheme), Depends(api_version)])


@router.options("/payment_methods", include_in_schema=False)
async def ask_to_create_payment_method() -> Response:
    return preflight()


@router.post(
    "/payment_methods",
    summary="Exchange a card for a token",
    tags=["payment methods"],
    response_model=wire.PaymentMethod,
    responses=refused(CardRefused, KeyReused, KeyInUse),
    openapi_extra=commands.form_body(
        commands.CreatePaymentMethod,
        example="type=card&card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2034&card[cvc]=123",
    ),
)
async def create_payment_method(request: Request, key: AnyKey, store: StoreOf) -> Response:
    """The one call that sees a card, and the one that a publishable key may make. Test cards only."""
    posted = await posted_by(request, key, commands.CreatePaymentMethod)
    return sent(await store.create_method(posted.attempt, posted.parameters))


@router.get(
    "/payment_methods/{method_id}",
    summary="Show a payment method",
    tags=["payment methods"],
    responses=refused(SecretKeyNeeded, NoSuchObject),
)
async def get_payment_method(request: Request, method_id: str, _: SecretKey, store: StoreOf) -> wire.PaymentMethod:
    """Brand, last four digits and expiry are all that is kept of a card."""
    asked_by(request, commands.NoParameters)
    return await store.get_method(object_id(method_id))


@router.post(
    "/payment_intents",
    summary="Create a payment intent",
    tags=["payment intents"],
    response_model=wire.PaymentIntent,
    responses=refused(CardRefused, SecretKeyNeeded, KeyReused, KeyInUse),
    openapi_extra=commands.form_body(
        commands.CreatePaymentIntent,
        example="amount=19900&currency=inr&allowed_payment_method_types[]=card&metadata[order]=42",
    ),
)
async def create_payment_intent(request: Request, key: SecretKey, version: Version, store: StoreOf) -> Response:
    """Amounts are in the currency's smallest unit. With `confirm=true` the card is charged at once.

    `metadata[checkout_id]` is the shop's own: an intent without it is none of the shop's, and `make verify` says so.
    With `capture_method=manual` an approved card's money is only held, until capture or cancel.
    """
    posted = await posted_by(request, key, commands.CreatePaymentIntent)
    posted.parameters.expect_consistent(version)
    return sent(await store.create_intent(posted.attempt, posted.parameters))


@router.get(
    "/payment_intents",
    summary="List payment intents, newest first",
    tags=["payment intents"],
    responses=refused(SecretKeyNeeded),
    openapi_extra=commands.query_of(commands.ListParameters),
)
async def list_payment_intents(request: Request, _: SecretKey, store: StoreOf) -> wire.PaymentIntents:
    """A page; `has_more` says whether `starting_after` its last id brings another."""
    page = asked_by(request, commands.ListParameters)
    page.expect_consistent()
    return await store.list_intents(page)


@router.get(
    "/payment_intents/{intent_id}",
    summary="Show a payment intent",
    tags=["payment intents"],
    responses=refused(SecretKeyNeeded, NoSuchObject),
)
async def get_payment_intent(request: Request, intent_id: str, _: SecretKey, store: StoreOf) -> wire.PaymentIntent:
    """In its present state, with the last refusal of a card if there was one."""
    asked_by(request, commands.NoParameters)
    return await store.get_intent(object_id(intent_id))


@router.post(
    "/payment_intents/{intent_id}/confirm",
    summary="Charge the card",
    tags=["payment intents"],
    response_model=wire.PaymentIntent,
    responses=refused(UnexpectedState, CardRefused, SecretKeyNeeded, NoSuchObject, KeyReused, KeyInUse, ObjectBusy),
    openapi_extra=commands.form_body(
        commands.ConfirmPaymentIntent, example="payment_method=pm_card_visa&error_on_requires_action=true"
    ),
)
async def confirm_payment_intent(request: Request, intent_id: str, key: SecretKey, store: StoreOf) -> Response:
    """An intent is charged once. Confirming a succeeded or canceled one is refused, with the intent in the refusal."""
    posted = await posted_by(request, key, commands.ConfirmPaymentIntent)
    return sent(await store.confirm_intent(posted.attempt, object_id(intent_id), posted.parameters))


@router.post(
    "/payment_intents/{intent_id}/capture",
    summary="Take what is held",
    tags=["payment intents"],
    response_model=wire.PaymentIntent,
    responses=refused(UnexpectedState, SecretKeyNeeded, NoSuchObject, KeyReused, KeyInUse, ObjectBusy),
    openapi_extra=commands.form_body(commands.CapturePaymentIntent, example="amount_to_capture=19900"),
)
async def capture_payment_intent(request: Request, intent_id: str, key: SecretKey, store: StoreOf) -> Response:
    """Once, for an intent with `capture_method=manual` whose card was approved. What is not captured is let go."""
    posted = await posted_by(request, key, commands.CapturePaymentIntent)
    return sent(await store.capture_intent(posted.attempt, object_id(intent_id), posted.parameters))


@router.post(
    "/payment_intents/{intent_id}/cancel",
    summary="See to it that the intent is never charged",
    tags=["payment intents"],
    response_model=wire.PaymentIntent,
    responses=refused(UnexpectedState, SecretKeyNeeded, NoSuchObject, KeyReused, KeyInUse, ObjectBusy),
    openapi_extra=commands.form_body(commands.CancelPaymentIntent, example="cancellation_reason=abandoned"),
)
async def cancel_payment_intent(request: Request, intent_id: str, key: SecretKey, store: StoreOf) -> Response:
    """Final; what was held is let go. A succeeded or canceled intent refuses, with itself in the refusal."""
    posted = await posted_by(request, key, commands.CancelPaymentIntent)
    return sent(await store.cancel_intent(posted.attempt, object_id(intent_id), posted.parameters))


@router.get(
    "/charges",
    summary="List charges, newest first",
    tags=["charges"],
    responses=refused(SecretKeyNeeded),
    openapi_extra=commands.query_of(commands.ListCharges),
)
async def list_charges(request: Request, _: SecretKey, store: StoreOf) -> wire.Charges:
    """Tries that failed are among them; `payment_intent` narrows the list to one intent's."""
    page = asked_by(request, commands.ListCharges)
    page.expect_consistent()
    return await store.list_charges(page)


@router.get(
    "/charges/{charge_id}",
    summary="Show a charge",
    tags=["charges"],
    responses=refused(SecretKeyNeeded, NoSuchObject),
)
async def get_charge(request: Request, charge_id: str, _: SecretKey, store: StoreOf) -> wire.Charge:
    """One try to take the money, and how it went."""
    asked_by(request, commands.NoParameters)
    return await store.get_charge(object_id(charge_id))


@router.post(
    "/refunds",
    summary="Give money back",
    tags=["refunds"],
    response_model=wire.Refund,
    responses=refused(RefundRefused, UnexpectedState, SecretKeyNeeded, KeyReused, KeyInUse, ObjectBusy),
    openapi_extra=commands.form_body(
        commands.CreateRefund, example="payment_intent=pi_42&amount=9900&reason=requested_by_customer"
    ),
)
async def create_refund(request: Request, key: SecretKey, store: StoreOf) -> Response:
    """Of a payment intent or a charge, never more than was captured.

    Leaving out `amount` gives back everything that is left.
    """
    posted = await posted_by(request, key, commands.CreateRefund)
    posted.parameters.expect_consistent()
    return sent(await store.create_refund(posted.attempt, posted.parameters))


@router.get(
    "/refunds",
    summary="List refunds, newest first",
    tags=["refunds"],
    responses=refused(SecretKeyNeeded),
    openapi_extra=commands.query_of(commands.ListRefunds),
)
async def list_refunds(request: Request, _: SecretKey, store: StoreOf) -> wire.Refunds:
    """`payment_intent` or `charge` narrows the list to those of one."""
    page = asked_by(request, commands.ListRefunds)
    page.expect_consistent()
    return await store.list_refunds(page)


@router.get(
    "/refunds/{refund_id}",
    summary="Show a refund",
    tags=["refunds"],
    responses=refused(SecretKeyNeeded, NoSuchObject),
)
async def get_refund(request: Request, refund_id: str, _: SecretKey, store: StoreOf) -> wire.Refund:
    """A refund is done when it is answered, and final."""
    asked_by(request, commands.NoParameters)
    return await store.get_refund(object_id(refund_id))


@router.get(
    "/events",
    summary="List events, newest first",
    tags=["events"],
    responses=refused(SecretKeyNeeded),
    openapi_extra=commands.query_of(commands.ListEvents),
)
async def list_events(request: Request, _: SecretKey, store: StoreOf) -> wire.Events:
    """`type` or `types[]` narrow the list, `delivery_success=false` to what some endpoint has not taken.

    An event is there if and only if its change is. Changes at the same time may show in another order than they were
    made, and one that took long below others: read the object itself before acting. `pending_webhooks` is how many
    endpoints have not taken it yet.
    """
    page = asked_by(request, commands.ListEvents)
    page.expect_consistent()
    return await store.list_events(page)


@router.get(
    "/events/{event_id}",
    summary="Show an event",
    tags=["events"],
    responses=refused(SecretKeyNeeded, NoSuchObject),
)
async def get_event(request: Request, event_id: str, _: SecretKey, store: StoreOf) -> wire.Event:
    """With the object as it was just after the change."""
    asked_by(request, commands.NoParameters)
    return await store.get_event(object_id(event_id))
