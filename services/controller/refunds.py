"""Refunds: set aside, look, give back, restock, finish; or fail. The refund's row at cartdb is the log.

    step      call                           a definite no                           unknown
    begin     cartdb.refund                  stored as failed, told                  503, same key again
    look      payments.refunds_of            (it is an answer: not given back yet)   processing
    give      payments.refund                look again; fail, told 409              processing
    restock   catalog.restock                alarm, and on to finish                 processing
    finish    cartdb.finish_refund           alarm                                   processing

The processor is asked only after a look at what it has given back already, and always under the refund's own key.
While it remembers the key, the key keeps a second request from counting; once it has forgotten, the look does: whatever
was done under a forgotten key has long been listed. So the look comes first, never after.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.contracts.catalog import HoldLine
from services.contracts.payments import StripeRefund
from services.contracts.problems import (
    PROBLEMS,
    NotSent,
    OutcomeNotKnown,
    OutcomeUnknown,
    Problem,
    RefundRefused,
    Refused,
    Unavailable,
    Undecided,
)
from services.contracts.refunds import Refund, RefundRequest, RefundState, Restock, RestockRequest


class Carts(Protocol):
    """cartdb, under the checkout's authority."""

    async def refund(self, owner: str, checkout_id: UUID, request: RefundRequest) -> Refund | Refused | Undecided: ...
    async def finish_refund(
        self, owner: str, refund_id: UUID, processor_refund_id: str
    ) -> Refund | Refused | Undecided: ...
    async def fail_refund(
        self, owner: str, refund_id: UUID, *, failure: str, processor_refund_id: str | None
    ) -> Refund | Refused | Undecided: ...


class Stock(Protocol):
    """catalog, where sold goods come back to."""

    async def restock(self, refund_id: UUID, request: RestockRequest) -> Restock | Refused | Undecided: ...


class Payments(Protocol):
    """The processor."""

    async def refunds_of(self, intent_id: str) -> Sequence[StripeRefund] | Refused | Undecided: ...
    async def refund(
        self, intent_id: str, *, amount: int, reason: str | None, refund_id: UUID, checkout_id: UUID, attempt: int
    ) -> StripeRefund | Refused | Undecided: ...


class Alarm(Protocol):
    """Somebody must look: money and goods disagree."""

    def __call__(self, what: str, refund: Refund, problem: Problem, /) -> None: ...


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The money goes back, and cartdb knows it."""

    refund: Refund


@dataclass(frozen=True, slots=True)
class NotGivenBack:
    """Nothing went back by this refund, and nothing ever will."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Underway:
    """Nobody knows yet, or not everybody does; reconcile goes on."""

    refund: Refund


RefundOutcome = GivenBack | NotGivenBack | Underway

KEYS_OF_A_REFUND = 5


class Refunds:
    """The steps of a refund."""

    def __init__(self, *, carts: Carts, stock: Stock, payments: Payments, alarm: Alarm) -> None:
        self._carts = carts
        self._stock = stock
        self._payments = payments
        self._alarm = alarm

    async def run(self, owner: str, checkout_id: UUID, request: RefundRequest) -> RefundOutcome:
        """Take a refund all the way.

        Raises:
            Problem: it was another request under the same id, or nobody knows whether it has begun.
        """
        match await self._carts.refund(owner, checkout_id, request):
            case Refund(state=RefundState.PENDING) as refund:
                return await self.resume(refund)
            case Refund() as refund:
                return _decided(refund)
            case Refused(problem):
                raise problem
            case NotSent(neighbour):
                raise Unavailable(f"The {neighbour} service cannot be reached; nothing was changed.", service=neighbour)
            case OutcomeUnknown(neighbour):
                raise OutcomeNotKnown(service=neighbour)

    async def resume(self, refund: Refund) -> RefundOutcome:
        """Take a refund that has begun the rest of the way; whoever began it may still be at it."""
        match await self._look(refund):
            case StripeRefund() as given:
                return await self._follow(refund, given)
            case None:
                return await self._give(refund)
            case _:
                return Underway(refund)

    async def look_again(self, refund: Refund) -> bool:
        """Hold a refund against what the processor says by now; False where that is not known yet.

        One that is done stays done although the money has come back: somebody has to be told.
        """
        match refund.state:
            case RefundState.PENDING:
                return not isinstance(await self.resume(refund), Underway)
            case RefundState.DONE:
                return await self._look_after(refund)
            case RefundState.FAILED:
                return True

    async def _look_after(self, refund: Refund) -> bool:
        match await self._look(refund):
            case StripeRefund(status="failed" | "canceled" as status):
                self._alarm("given back, and the money has come back", refund, RefundRefused(reason=status))
                return True
            case StripeRefund() | None:
                return True
            case _:
                return False

    async def _look(self, refund: Refund) -> StripeRefund | Refused | Undecided | None:
        listed = await self._payments.refunds_of(intent_of(refund))
        if isinstance(listed, Refused | NotSent | OutcomeUnknown):
            return listed
        return next((one for one in listed if one.metadata.get("refund_id") == str(refund.refund_id)), None)

    async def _give(self, refund: Refund, *, attempt: int = 1) -> RefundOutcome:
        answer = await self._payments.refund(
            intent_of(refund),
            amount=amount_of(refund),
            reason=refund.reason,
            refund_id=refund.refund_id,
            checkout_id=refund.checkout_id,
            attempt=attempt,
        )
        match answer:
            case StripeRefund() as given:
                return await self._follow(refund, given)
            case Refused(problem):
                return await self._believe(refund, problem)
            case OutcomeUnknown(replayed=True) if attempt < KEYS_OF_A_REFUND:
                return await self._give_anew(refund, attempt=attempt + 1)
            case _:
                return Underway(refund)

    async def _give_anew(self, refund: Refund, *, attempt: int) -> RefundOutcome:
        """The processor broke over the key and says so for as long as it remembers it. What came of it is listed."""
        match await self._look(refund):
            case StripeRefund() as given:
                return await self._follow(refund, given)
            case None:
                return await self._give(refund, attempt=attempt)
            case _:
                return Underway(refund)

    async def _believe(self, refund: Refund, problem: Problem) -> RefundOutcome:
        """A no because too little is left may count this very refund, given back under a key that is forgotten."""
        match await self._look(refund):
            case StripeRefund() as given:
                return await self._follow(refund, given)
            case None:
                return await self._fail(refund, str(problem.members.get("reason", problem.slug)), None)
            case _:
                return Underway(refund)

    async def _follow(self, refund: Refund, given: StripeRefund) -> RefundOutcome:
        # Pending is the bank's business: the processor has taken it on and counts it as given back.
        match given.status:
            case "succeeded" | "pending":
                return await self._restock(refund, given)
            case "failed" | "canceled":
                return await self._fail(refund, given.status, given.id)
            case _:
                return Underway(refund)

    async def _restock(self, refund: Refund, given: StripeRefund) -> RefundOutcome:
        if refund.restock:
            lines = [HoldLine(sku=line.sku, quantity=line.quantity) for line in refund.restock]
            request = RestockRequest(checkout_id=refund.checkout_id, lines=lines)
            match await self._stock.restock(refund.refund_id, request):
                case Refused(problem):  # The money has gone back, and that is what the row must tell.
                    self._alarm("given back, and its goods cannot be restocked", refund, problem)
                case Restock():
                    pass
                case _:
                    return Underway(refund)
        return await self._finish(refund, given)

    async def _finish(self, refund: Refund, given: StripeRefund) -> RefundOutcome:
        match await self._carts.finish_refund(refund.owner_id, refund.refund_id, given.id):
            case Refund() as finished:
                return _decided(finished)
            case Refused(problem):
                self._alarm("given back, and cannot be finished", refund, problem)
                return Underway(refund)
            case _:
                return Underway(refund)

    async def _fail(self, refund: Refund, failure: str, processor_refund_id: str | None) -> RefundOutcome:
        failed = await self._carts.fail_refund(
            refund.owner_id, refund.refund_id, failure=failure, processor_refund_id=processor_refund_id
        )
        match failed:
            case Refund():
                return _decided(failed)
            case Refused(problem):
                self._alarm("refused by the processor, and finished", refund, problem)
                return Underway(refund)
            case _:
                return Underway(refund)


def refund_id_of(checkout_id: UUID, key: str) -> UUID:
    """The id of a refund, the same in every repeat of its request."""
    digest = bytearray(hashlib.sha256(f"refund:{checkout_id}:{key}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


def fingerprint_of(*, amount: int | None, reason: str | None, restock: Sequence[HoldLine]) -> str:
    """What makes two refunds with one key the same request."""
    lines = sorted((line.sku, line.quantity) for line in restock)
    return hashlib.sha256(json.dumps([amount, reason, lines]).encode()).hexdigest()


def intent_of(refund: Refund) -> str:
    """A refund that was ever pending has one."""
    assert refund.intent_id is not None, f"refund {refund.refund_id} is {refund.state} without an intent"
    return refund.intent_id


def amount_of(refund: Refund) -> int:
    """A refund that was ever pending has one."""
    assert refund.amount is not None, f"refund {refund.refund_id} is {refund.state} without an amount"
    return refund.amount


def _decided(refund: Refund) -> RefundOutcome:
    match refund.state:
        case RefundState.DONE:
            return GivenBack(refund)
        case RefundState.PENDING:
            return Underway(refund)
        case RefundState.FAILED:
            return NotGivenBack(_problem_of(refund))


def _problem_of(refund: Refund) -> Problem:
    known = PROBLEMS.get(refund.failure or "")
    members = {**refund.detail, "order_id": str(refund.checkout_id), "refund_id": str(refund.refund_id)}
    return known(**members) if known else RefundRefused(reason=refund.failure, **members)
