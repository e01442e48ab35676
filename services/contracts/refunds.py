"""Refunds as cartdb keeps them and catalog restocks them. Amounts are minor units of the order's currency."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.contracts.catalog import STORABLE, HoldLine, Sku
from services.contracts.messages import Command, Reply

RefundReason = Literal["duplicate", "fraudulent", "requested_by_customer"]
ProcessorRefundId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,120}$")]
RestockLines = Annotated[list[HoldLine], Field(max_length=500)]


class RefundState(StrEnum):
    """pending until it is known whether the money went back, then done or failed for ever."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class RefundRequest(Command):
    """Give back a part of a paid purchase; no amount is everything left. `actor` is the operator's owner id."""

    refund_id: UUID
    fingerprint: Annotated[str, Field(max_length=64, pattern=STORABLE)]
    amount: Annotated[int | None, Field(strict=True, ge=1, le=2**62)] = None
    currency: Annotated[str, Field(min_length=1, max_length=10, pattern=STORABLE)]
    reason: RefundReason | None = None
    restock: RestockLines = []
    actor: Annotated[str, Field(min_length=1, max_length=80, pattern=STORABLE)]


class RestockLine(Reply):
    """How many of one SKU go back on the shelf."""

    sku: Sku
    quantity: int


class Refund(Reply):
    """A refund in its present state. `amount` is null only where everything left was asked for and nothing was.

    `intent_id` is the payment that it gives back from; `failure` says why it failed, `detail` with which members.
    """

    owner_id: str
    refund_id: UUID
    checkout_id: UUID
    state: RefundState
    amount: int | None
    currency: str
    reason: RefundReason | None = None
    restock: list[RestockLine] = []
    intent_id: str | None = None
    processor_refund_id: str | None = None
    failure: str | None = None
    detail: dict[str, Any] = {}
    actor: str
    fingerprint: str
    created_at: datetime
    decided_at: datetime | None = None


class FinishRefund(Command):
    """The processor has the money on its way back: pending becomes done."""

    processor_refund_id: ProcessorRefundId


class FailRefund(Command):
    """The processor said no for good: pending becomes failed, and the amount may be given back by another refund."""

    failure: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
    processor_refund_id: ProcessorRefundId | None = None


class RestockRequest(Command):
    """Put sold goods of a checkout back on the shelf."""

    checkout_id: UUID
    lines: Annotated[list[HoldLine], Field(min_length=1, max_length=500)]


class Restock(Reply):
    """Goods that a refund put back, by SKU in order."""

    refund_id: str
    checkout_id: str
    lines: list[RestockLine]
