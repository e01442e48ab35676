"""What the processor tells about afterwards: one event for each change that a caller may want to hear of."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.contracts.payments import IntentStatus


class EventType(StrEnum):
    """Stripe's names."""

    CREATED = "payment_intent.created"
    SUCCEEDED = "payment_intent.succeeded"
    PAYMENT_FAILED = "payment_intent.payment_failed"
    CANCELED = "payment_intent.canceled"
    PROCESSING = "payment_intent.processing"
    REQUIRES_ACTION = "payment_intent.requires_action"
    AMOUNT_CAPTURABLE_UPDATED = "payment_intent.amount_capturable_updated"
    CHARGE_REFUNDED = "charge.refunded"
    REFUND_CREATED = "refund.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened, with the object as it was just after."""

    id: str
    type: EventType
    api_version: str
    object: dict[str, Any]
    idempotency_key: str | None
    created_at: datetime


AFTER_STEP = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: EventType.PAYMENT_FAILED,
    IntentStatus.REQUIRES_ACTION: EventType.REQUIRES_ACTION,
    IntentStatus.REQUIRES_CAPTURE: EventType.AMOUNT_CAPTURABLE_UPDATED,
    IntentStatus.PROCESSING: EventType.PROCESSING,
    IntentStatus.SUCCEEDED: EventType.SUCCEEDED,
    IntentStatus.CANCELED: EventType.CANCELED,
}
"""What a confirmation, a capture or a cancel is told as, by the status that it led to."""
