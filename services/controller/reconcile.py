"""Finishing what a crash, a lost answer or a slow bank left: in every controller, several may act at once on one row.

It never confirms, for it has no payment method: what was not charged yet is cancelled, what was charged goes forward.
"""

import itertools
from typing import Protocol

from services.contracts.carts import Frozen, Purchase, Receipt, Unfinished
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.problems import CheckoutRefused, Refused, Undecided
from services.contracts.refunds import Refund

from .checkout import Checkout, Failed, Outcome, Paid, Payments, Processing
from .refunds import Refunds, Underway


class Carts(Protocol):
    """cartdb, under the checkout's authority."""

    async def unfinished(self, older_than: float) -> Unfinished | Refused | Undecided: ...
    async def apply(self, owner: str, frozen: Frozen) -> Receipt | Refused | Undecided: ...
    async def close(self, frozen: Frozen) -> bool: ...


class Reconcile:
    """One round at a time over everything unfinished."""

    def __init__(self, *, checkout: Checkout, refunds: Refunds, carts: Carts, payments: Payments) -> None:
        self._checkout = checkout
        self._refunds = refunds
        self._carts = carts
        self._payments = payments

    async def round(self, *, older_than: float) -> int | None:
        """Finish what can be finished; how many rows are still open after, or None if nobody could tell.

        Raises:
            ExceptionGroup: rows broke; the others have been dealt with all the same.
        """
        match await self._carts.unfinished(older_than):
            case Unfinished(purchases=purchases, adoptions=adoptions, refunds=refunds):
                pass
            case _:
                return None
        broken: list[Exception] = []
        still_open = 0
        works = itertools.chain(map(self._purchase, purchases), map(self._refund, refunds), map(self.move, adoptions))
        for work in works:
            try:
                still_open += not await work
            except Exception as failure:  # noqa: BLE001 - one broken row must not keep the others from being finished
                broken.append(failure)
        if broken:
            raise ExceptionGroup("rows of a round broke", broken)
        return still_open

    async def _purchase(self, purchase: Purchase) -> bool:
        outcome = await self.finish(purchase)
        return isinstance(outcome, Failed) or (isinstance(outcome, Paid) and outcome.settled)

    async def _refund(self, refund: Refund) -> bool:
        return not isinstance(await self._refunds.resume(refund), Underway)

    async def finish(self, purchase: Purchase) -> Outcome:
        """Bring one pending purchase to its end, or leave it for the next round."""
        why = CheckoutRefused(reason="abandoned")
        intent_id = await self._checkout.intent_of(purchase)
        if isinstance(intent_id, Refused):
            return await self._checkout.undo(purchase, why)
        if not isinstance(intent_id, str):
            return Processing(purchase)
        match await self._payments.find(intent_id):
            case PaymentIntent(status=IntentStatus.SUCCEEDED):
                return await self._checkout.forward(purchase, intent_id)
            case PaymentIntent(status=IntentStatus.PROCESSING):
                return Processing(purchase)
            case PaymentIntent():
                return await self._checkout.undo(purchase, why, intent_id=intent_id)
            case _:
                return Processing(purchase)

    async def move(self, frozen: Frozen) -> bool:
        """Carry an adoption to its end; whether it is there."""
        match await self._carts.apply(frozen.target_owner, frozen):
            case Receipt():
                return await self._carts.close(frozen)
            case _:
                return False
