"""Finishing what a crash, a lost answer or a slow bank left: in every controller, several may act at once on one row.

It never confirms, for it has no payment method: what was not charged yet is cancelled, what was charged goes forward.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Protocol

from services.contracts.carts import Frozen, Purchase, Receipt, Unfinished
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.problems import CheckoutRefused, PaymentDeclined, Refused, Undecided
from services.contracts.refunds import Refund

from .checkout import Checkout, Failed, Outcome, Paid, Payments, Processing
from .refunds import Refunds, Underway


class Carts(Protocol):
    """cartdb, under the checkout's authority."""

    async def unfinished(self, older_than: float) -> Unfinished | Refused | Undecided: ...
    async def apply(self, owner: str, frozen: Frozen) -> Receipt | Refused | Undecided: ...
    async def close(self, frozen: Frozen) -> bool: ...


Work = Callable[[], Awaitable[bool]]
Together = Callable[[Iterable[Work]], Awaitable[list[bool | Exception]]]

ROWS_AT_ONCE = 8


async def one_by_one(works: Iterable[Work]) -> list[bool | Exception]:
    """Row after row."""
    return [await _tried(work) for work in works]


async def a_few_at_once(works: Iterable[Work]) -> list[bool | Exception]:
    """A long list does not wait for its slowest row, and the neighbours are not run over."""
    turn = asyncio.Semaphore(ROWS_AT_ONCE)

    async def in_turn(work: Work) -> bool | Exception:
        async with turn:
            return await _tried(work)

    return await asyncio.gather(*map(in_turn, works))


async def _tried(work: Work) -> bool | Exception:
    try:
        return await work()
    except Exception as failure:  # noqa: BLE001 - one broken row must not keep the others from being finished
        return failure


class Reconcile:
    """One round at a time over everything unfinished."""

    def __init__(
        self,
        *,
        checkout: Checkout,
        refunds: Refunds,
        carts: Carts,
        payments: Payments,
        together: Together = one_by_one,
    ) -> None:
        self._checkout = checkout
        self._refunds = refunds
        self._carts = carts
        self._payments = payments
        self._together = together

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
        works = [
            *(partial(self._purchase, purchase) for purchase in purchases),
            *(partial(self._refund, refund) for refund in refunds),
            *(partial(self.move, frozen) for frozen in adoptions),
        ]
        endings = await self._together(works)
        if broken := [ending for ending in endings if isinstance(ending, Exception)]:
            raise ExceptionGroup("rows of a round broke", broken)
        return endings.count(False)

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
            case PaymentIntent() as intent:
                return await self._checkout.undo(purchase, _refusal_of(intent) or why, intent_id=intent_id)
            case _:
                return Processing(purchase)

    async def move(self, frozen: Frozen) -> bool:
        """Carry an adoption to its end; whether it is there."""
        match await self._carts.apply(frozen.target_owner, frozen):
            case Receipt():
                return await self._carts.close(frozen)
            case _:
                return False


def _refusal_of(intent: PaymentIntent) -> PaymentDeclined | None:
    """The card's refusal, where whoever asked for the charge did not hear it: a slow bank's, or a lost answer."""
    error = intent.last_payment_error
    return PaymentDeclined(reason=error.decline_code or error.code or "card_declined") if error else None
