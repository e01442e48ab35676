"""What this service answers: the objects of Stripe's wire, made from its own."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from services.contracts.payments import IntentStatus

from . import delivery, event, payment
from .event import EventType
from .payment import CaptureMethod

API_VERSION = "2026-07-29.dahlia"


class Checks(BaseModel):
    address_line1_check: None = None
    address_postal_code_check: None = None
    cvc_check: None = None


class Card(BaseModel):
    """What may be shown of a card."""

    brand: str
    checks: Checks = Checks()
    country: str
    exp_month: int
    exp_year: int
    fingerprint: str
    funding: str
    last4: str
    three_d_secure_usage: dict[str, bool] = {"supported": True}
    wallet: None = None


class PaymentMethod(BaseModel):
    id: str
    object: Literal["payment_method"] = "payment_method"
    allow_redisplay: Literal["unspecified"] = "unspecified"
    billing_details: dict[str, Any]
    card: Card
    created: int
    customer: None = None
    livemode: Literal[False] = False
    metadata: dict[str, str]
    type: Literal["card"] = "card"


class LastPaymentError(BaseModel):
    type: Literal["card_error"] = "card_error"
    code: str
    decline_code: str | None
    message: str
    charge: str | None
    payment_method: PaymentMethod


class NextAction(BaseModel):
    type: Literal["use_stripe_sdk"] = "use_stripe_sdk"
    use_stripe_sdk: dict[str, str] = {}


class AutomaticMethodsReply(BaseModel):
    allow_redirects: str
    enabled: Literal[True] = True


class PaymentIntent(BaseModel):
    """Amounts are whole numbers of the currency's smallest unit, times are seconds since 1970."""

    id: str
    object: Literal["payment_intent"] = "payment_intent"
    allowed_payment_method_types: list[str] | None
    amount: int
    amount_capturable: int
    amount_details: dict[str, Any] = {"tip": {}}
    amount_received: int
    application: None = None
    application_fee_amount: None = None
    automatic_payment_methods: AutomaticMethodsReply | None
    canceled_at: int | None
    cancellation_reason: str | None
    capture_method: CaptureMethod
    client_secret: None = None
    confirmation_method: Literal["automatic"] = "automatic"
    created: int
    currency: str
    customer: None = None
    description: str | None
    last_payment_error: LastPaymentError | None
    latest_charge: str | None
    livemode: Literal[False] = False
    metadata: dict[str, str]
    next_action: NextAction | None
    on_behalf_of: None = None
    payment_method: str | None
    payment_method_configuration_details: None = None
    payment_method_options: dict[str, Any] = {}
    payment_method_types: list[str]
    processing: dict[str, Any] | None = None
    receipt_email: str | None
    review: None = None
    setup_future_usage: None = None
    shipping: None = None
    source: None = None
    statement_descriptor: None = None
    statement_descriptor_suffix: None = None
    status: IntentStatus
    transfer_data: None = None
    transfer_group: None = None


class Charge(BaseModel):
    id: str
    object: Literal["charge"] = "charge"
    amount: int
    amount_captured: int
    amount_refunded: int
    captured: bool
    created: int
    currency: str
    customer: None = None
    failure_code: str | None
    failure_message: str | None
    livemode: Literal[False] = False
    outcome: dict[str, str | None]
    paid: bool
    payment_intent: str
    payment_method: str
    payment_method_details: dict[str, Any]
    refunded: bool
    status: Literal["succeeded", "failed"]


class Refund(BaseModel):
    id: str
    object: Literal["refund"] = "refund"
    amount: int
    balance_transaction: None = None
    charge: str
    created: int
    currency: str
    destination_details: dict[str, Any] = {"card": {"type": "refund"}, "type": "card"}
    metadata: dict[str, str]
    payment_intent: str
    reason: str | None
    receipt_number: None = None
    source_transfer_reversal: None = None
    status: Literal["succeeded"] = "succeeded"
    transfer_reversal: None = None


class EventData(BaseModel):
    object: dict[str, Any]


class EventRequest(BaseModel):
    id: None = None
    idempotency_key: str | None


class Event(BaseModel):
    """`data.object` is what changed, as it was just after; `pending_webhooks` have not answered well yet."""

    id: str
    object: Literal["event"] = "event"
    api_version: str
    created: int
    data: EventData
    livemode: Literal[False] = False
    pending_webhooks: int
    request: EventRequest
    type: EventType


class WebhookEndpoint(BaseModel):
    """The secret that its deliveries are signed with is shown when it is created, and never again."""

    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    api_version: None = None
    application: None = None
    created: int
    description: str | None
    enabled_events: list[str]
    livemode: Literal[False] = False
    metadata: dict[str, str]
    status: Literal["enabled", "disabled"]
    url: str


class NewWebhookEndpoint(WebhookEndpoint):
    """Keep the secret: no other answer has it."""

    secret: str


class DeletedWebhookEndpoint(BaseModel):
    id: str
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    deleted: Literal[True] = True


class PaymentIntents(BaseModel):
    object: Literal["list"] = "list"
    data: list[PaymentIntent]
    has_more: bool
    url: Literal["/v1/payment_intents"] = "/v1/payment_intents"


class Charges(BaseModel):
    object: Literal["list"] = "list"
    data: list[Charge]
    has_more: bool
    url: Literal["/v1/charges"] = "/v1/charges"


class Refunds(BaseModel):
    object: Literal["list"] = "list"
    data: list[Refund]
    has_more: bool
    url: Literal["/v1/refunds"] = "/v1/refunds"


class Events(BaseModel):
    object: Literal["list"] = "list"
    data: list[Event]
    has_more: bool
    url: Literal["/v1/events"] = "/v1/events"


class WebhookEndpoints(BaseModel):
    object: Literal["list"] = "list"
    data: list[WebhookEndpoint]
    has_more: bool
    url: Literal["/v1/webhook_endpoints"] = "/v1/webhook_endpoints"


class Error(BaseModel):
    """`type` is card_error, invalid_request_error, idempotency_error or api_error."""

    type: str
    message: str
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    charge: str | None = None
    payment_intent: PaymentIntent | None = None
    payment_method: PaymentMethod | None = None


class Failure(BaseModel):
    error: Error


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def shown_method(method: payment.PaymentMethod) -> PaymentMethod:
    card = method.card
    return PaymentMethod(
        id=method.id,
        billing_details=method.billing_details,
        card=Card(
            brand=card.brand,
            country=card.country,
            exp_month=card.exp_month,
            exp_year=card.exp_year,
            fingerprint=card.fingerprint,
            funding=card.funding,
            last4=card.last4,
        ),
        created=_seconds(method.created_at),
        metadata=method.metadata,
    )


def shown_error(error: payment.PaymentError, method: payment.PaymentMethod) -> LastPaymentError:
    return LastPaymentError(
        code=error.code,
        decline_code=error.decline_code,
        message=error.message,
        charge=error.charge,
        payment_method=shown_method(method),
    )


def shown_intent(intent: payment.Intent, refused_method: payment.PaymentMethod | None) -> PaymentIntent:
    """The intent, with the payment method that its last error is about."""
    error = intent.last_error
    redirects = intent.automatic_payment_methods
    allowed = intent.allowed_payment_method_types
    return PaymentIntent(
        id=intent.id,
        allowed_payment_method_types=list(allowed) if allowed is not None else None,
        amount=intent.amount,
        amount_capturable=intent.amount_capturable,
        amount_received=intent.amount_received,
        automatic_payment_methods=AutomaticMethodsReply(allow_redirects=redirects) if redirects else None,
        canceled_at=_seconds(intent.canceled_at) if intent.canceled_at else None,
        cancellation_reason=intent.cancellation_reason,
        capture_method=intent.capture_method,
        created=_seconds(intent.created_at),
        currency=intent.currency,
        description=intent.description,
        last_payment_error=shown_error(error, refused_method) if error and refused_method else None,
        latest_charge=intent.latest_charge,
        metadata=intent.metadata,
        next_action=NextAction() if intent.status is IntentStatus.REQUIRES_ACTION else None,
        payment_method=intent.payment_method,
        payment_method_types=list(intent.payment_method_types),
        processing={"type": "card", "card": {}} if intent.status is IntentStatus.PROCESSING else None,
        receipt_email=intent.receipt_email,
        status=intent.status,
    )


def shown_charge(charge: payment.Charge, method: payment.PaymentMethod) -> Charge:
    card = method.card
    return Charge(
        id=charge.id,
        amount=charge.amount,
        amount_captured=charge.amount_captured,
        amount_refunded=charge.amount_refunded,
        captured=charge.amount_captured > 0,
        created=_seconds(charge.created_at),
        currency=charge.currency,
        failure_code=charge.failure_code,
        failure_message=charge.failure_message,
        outcome={
            "network_status": "approved_by_network" if charge.succeeded else "declined_by_network",
            "reason": charge.decline_code or charge.failure_code,
            "type": "authorized" if charge.succeeded else "issuer_declined",
        },
        paid=charge.succeeded,
        payment_intent=charge.payment_intent,
        payment_method=charge.payment_method,
        payment_method_details={
            "type": "card",
            "card": {"brand": card.brand, "last4": card.last4, "exp_month": card.exp_month, "exp_year": card.exp_year},
        },
        refunded=charge.refunded,
        status="succeeded" if charge.succeeded else "failed",
    )


def shown_refund(refund: payment.Refund) -> Refund:
    return Refund(
        id=refund.id,
        amount=refund.amount,
        charge=refund.charge,
        created=_seconds(refund.created_at),
        currency=refund.currency,
        metadata=refund.metadata,
        payment_intent=refund.payment_intent,
        reason=refund.reason,
    )


def shown_event(told: event.Event, *, pending: int) -> Event:
    return Event(
        id=told.id,
        api_version=told.api_version,
        created=_seconds(told.created_at),
        data=EventData(object=told.object),
        pending_webhooks=pending,
        request=EventRequest(idempotency_key=told.idempotency_key),
        type=told.type,
    )


def shown_endpoint(endpoint: delivery.Endpoint) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=endpoint.id,
        created=_seconds(endpoint.created_at),
        description=endpoint.description,
        enabled_events=list(endpoint.enabled_events),
        metadata=endpoint.metadata,
        status="enabled" if endpoint.enabled else "disabled",
        url=endpoint.url,
    )


def shown_new_endpoint(endpoint: delivery.Endpoint) -> NewWebhookEndpoint:
    return NewWebhookEndpoint(**shown_endpoint(endpoint).model_dump(), secret=endpoint.secret)


def encoded(shown: BaseModel) -> str:
    """The body of an answer."""
    return shown.model_dump_json()
