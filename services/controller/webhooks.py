"""What the processor's webhooks are good for: a charge that is decided late is settled at once, not at the next round.
And a refund that the bank sends back, after it was done, is noticed by nothing else.

An event is a nudge and no news: whom it is about is looked up at cartdb, what became of the money at payments. Losing
every one about a charge changes nothing but time, since reconcile comes by anyway; and a repeat finds nothing pending.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from services.contracts.carts import Purchase, Unfinished
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.problems import (
    NotSent,
    OutcomeUnknown,
    Refused,
    Unavailable,
    Undecided,
    WebhookSignatureRefused,
)

from .checkout import Checkout, Paid, Payments, Processing
from .reconcile import Reconcile
from .refunds import Refunds

TOLERANCE_SECONDS = 300


class Carts(Protocol):
    """cartdb, under the checkout's authority."""

    async def unfinished(
        self, older_than: float, *, checkout_id: UUID | None = None
    ) -> Unfinished | Refused | Undecided: ...
    async def anybodys(self, checkout_id: UUID) -> Purchase | Refused | Undecided: ...


@dataclass(frozen=True, slots=True)
class Nudge:
    """That something happened to a checkout's intent, or that a refund of it has failed."""

    kind: str
    checkout_id: UUID
    refund_id: UUID | None = None


def check_signature(header: str, body: bytes, *, secret: str, now: float) -> None:
    """Take only what was signed with our secret, at most five minutes ago or ahead.

    Args:
        header: `t=…,v1=…`; several v1, while a secret is being changed, of which one has to fit.
        body: as it came, byte for byte.

    Raises:
        WebhookSignatureRefused: anything is missing, malformed, stale or wrong.
    """
    parts = [part.partition("=") for part in header.split(",")]
    moments = [value for name, _, value in parts if name.strip() == "t"]
    given = [value for name, _, value in parts if name.strip() == "v1"]
    if len(moments) != 1 or not _is_number(moments[0]):
        raise WebhookSignatureRefused
    if abs(now - int(moments[0])) > TOLERANCE_SECONDS:
        raise WebhookSignatureRefused("The signature is too old, or a clock is wrong.")
    wanted = hmac.new(secret.encode(), moments[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(value.encode(), wanted.encode()) for value in given):
        raise WebhookSignatureRefused


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def nudge_in(body: bytes) -> Nudge | None:
    """Which checkout an event is about; None if it is not about one of ours."""
    try:
        event = json.loads(body)
        kind, thing = str(event["type"]), event["data"]["object"]
        return Nudge(kind, UUID(thing["metadata"]["checkout_id"]), _failed_refund_in(kind, thing))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _failed_refund_in(kind: str, thing: dict[str, Any]) -> UUID | None:
    failed = kind == "refund.failed" or (kind == "refund.updated" and thing["status"] in {"failed", "canceled"})
    return UUID(thing["metadata"]["refund_id"]) if failed else None


class Webhooks:
    """Acts on nudges by the same functions as reconcile."""

    def __init__(
        self,
        *,
        checkout: Checkout,
        refunds: Refunds,
        reconcile: Reconcile,
        carts: Carts,
        payments: Payments,
        patience: float,
    ) -> None:
        """`patience`: for so many seconds after its mark a checkout is left to whoever began it, unless it is paid."""
        self._checkout = checkout
        self._refunds = refunds
        self._reconcile = reconcile
        self._carts = carts
        self._payments = payments
        self._patience = patience

    async def follow(self, nudge: Nudge) -> None:
        """Do what an event gives reason for. Repeats, strangers and what is over already are nothing.

        Raises:
            Unavailable: a neighbour did not answer; the sender has to try again.
        """
        match nudge.kind:
            case "payment_intent.succeeded":
                for purchase in await self._pending(nudge.checkout_id, older_than=0):
                    await self._go_forward(purchase)
            case "payment_intent.payment_failed" | "payment_intent.canceled":
                for purchase in await self._pending(nudge.checkout_id, older_than=self._patience):
                    await self._finish(purchase)
            case "refund.failed" | "refund.updated" if nudge.refund_id:
                await self._look_again(nudge.checkout_id, nudge.refund_id)
            case _:  # refund.created and the like too: reconcile finishes refunds.
                pass

    async def _look_again(self, checkout_id: UUID, refund_id: UUID) -> None:
        match await self._carts.anybodys(checkout_id):
            case Purchase(refunds=refunds):
                for refund in refunds:
                    if refund.refund_id == refund_id and not await self._refunds.look_again(refund):
                        raise Unavailable("The refund could not be looked at yet.")
            case Refused():  # No order of ours.
                pass
            case _:
                raise Unavailable(service="cartdb")

    async def _pending(self, checkout_id: UUID, *, older_than: float) -> list[Purchase]:
        match await self._carts.unfinished(older_than, checkout_id=checkout_id):
            case Unfinished(purchases=purchases):
                return purchases
            case _:
                raise Unavailable(service="cartdb")

    async def _go_forward(self, purchase: Purchase) -> None:
        if purchase.intent_id is None:  # Nothing can have been charged: the intent is written down first.
            return
        match await self._payments.find(purchase.intent_id):
            case PaymentIntent(status=IntentStatus.SUCCEEDED):
                _expect_done(await self._checkout.forward(purchase, purchase.intent_id))
            case PaymentIntent():
                pass  # Whoever began it, or reconcile, goes on from what is true.
            case Refused() | NotSent() | OutcomeUnknown():
                raise Unavailable(service="payments")

    async def _finish(self, purchase: Purchase) -> None:
        _expect_done(await self._reconcile.finish(purchase))


def _expect_done(outcome: object) -> None:
    match outcome:
        case Processing() | Paid(settled=False):
            raise Unavailable("The checkout could not be finished yet.")
        case _:
            pass
