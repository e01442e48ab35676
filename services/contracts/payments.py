"""The part of Stripe's wire format that a checkout speaks: names and values are Stripe's own."""

from enum import StrEnum
from typing import Any

from services.contracts.messages import Reply


class IntentStatus(StrEnum):
    """A PaymentIntent's life."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class LastPaymentError(Reply):
    """Why the last confirmation was refused."""

    code: str | None = None
    decline_code: str | None = None


class PaymentIntent(Reply):
    """A PaymentIntent, as far as a checkout reads it."""

    id: str
    status: IntentStatus
    amount: int
    currency: str
    amount_received: int = 0
    metadata: dict[str, str] = {}
    last_payment_error: LastPaymentError | None = None


class StripeError(Reply):
    """The `error` member of a refusal."""

    type: str
    code: str | None = None
    decline_code: str | None = None
    message: str = ""
    param: str | None = None
    payment_intent: PaymentIntent | None = None


class StripeFailure(Reply):
    """The body of a refusal."""

    error: StripeError


class Card(Reply):
    """What may be shown of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


class PaymentMethod(Reply):
    """A tokenised card."""

    id: str
    type: str
    card: Card | None = None
    billing_details: dict[str, Any] = {}


class StripeRefund(Reply):
    """A Refund, as far as its asker reads it. `status` is open: Stripe may add to it."""

    id: str
    status: str | None
    amount: int
    metadata: dict[str, str] = {}


class StripeRefundPage(Reply):
    """A page of refunds, the newest first."""

    data: list[StripeRefund]
    has_more: bool = False
