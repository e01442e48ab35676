"""Checkout: mark, hold, charge, commit, settle; or undo. The purchase row at cartdb is the log, and there is no other.

    step      call                            a definite no                          unknown
    mark      cartdb.purchase                 stored as failed, told                 503, same key again
    hold      catalog.hold                    undo                                   processing
    create    payments.create, cartdb.attach  undo                                   processing
    charge    payments.confirm                undo, told 402                         processing
    commit    catalog.commit                  alarm                                  reconcile
    settle    cartdb.settle                   alarm                                  reconcile

    undo      cancel until definite → release → unpurchase. A cancel that answers "succeeded" goes forward instead.

A time-out is never a no. Every step agrees on repetition, so two controllers may run one checkout at once.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from services.contracts.carts import Purchase, PurchaseRequest, PurchaseState, Snapshot
from services.contracts.catalog import Hold, HoldLine
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.problems import (
    PROBLEMS,
    CheckoutRefused,
    NotSent,
    OutcomeNotKnown,
    OutcomeUnknown,
    PaymentDeclined,
    Problem,
    PurchaseIsSettled,
    Refused,
    Unavailable,
    Undecided,
)

REPLAYED = {"Idempotent-Replayed": "true"}
_REASON = re.compile(r"[a-z][a-z0-9_]{0,79}")


class Carts(Protocol):
    """cartdb, under the checkout's authority."""

    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> Purchase | Refused | Undecided: ...
    async def attach(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided: ...
    async def settle(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided: ...
    async def unpurchase(
        self, owner: str, checkout_id: UUID, *, intent_id: str | None, reason: str
    ) -> Purchase | Refused | Undecided: ...


class Stock(Protocol):
    """catalog's holds."""

    async def hold(self, checkout_id: UUID, lines: Iterable[HoldLine]) -> Hold | Refused | Undecided: ...
    async def commit(self, checkout_id: UUID) -> Hold | Refused | Undecided: ...
    async def release(self, checkout_id: UUID) -> Hold | Refused | Undecided: ...


class Payments(Protocol):
    """The processor."""

    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided: ...
    async def confirm(
        self, intent_id: str, *, payment_method: str, checkout_id: UUID
    ) -> PaymentIntent | Refused | Undecided: ...
    async def cancel(self, intent_id: str) -> PaymentIntent | Refused | Undecided: ...
    async def find(self, intent_id: str) -> PaymentIntent | Refused | Undecided: ...


class Alarm(Protocol):
    """Somebody must look: money and goods disagree."""

    def __call__(self, what: str, purchase: Purchase, problem: Problem, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Paid:
    """The money was taken; `replayed` if it had been before this request came."""

    purchase: Purchase
    replayed: bool = False

    @property
    def settled(self) -> bool:
        """Whether cartdb knows it too; if not, reconcile goes on."""
        return self.purchase.state is PurchaseState.PAID


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing was taken and nothing ever will be; the cart is open."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Processing:
    """Nobody knows yet; reconcile will find out."""

    purchase: Purchase


Outcome = Paid | Failed | Processing


class Checkout:
    """The steps, their undo, and who may go forward."""

    def __init__(self, *, carts: Carts, stock: Stock, payments: Payments, alarm: Alarm) -> None:
        self._carts = carts
        self._stock = stock
        self._payments = payments
        self._alarm = alarm

    async def run(self, owner: str, cart_id: UUID, request: PurchaseRequest, payment_method: str) -> Outcome:
        """Take a marked-to-be cart all the way.

        Raises:
            Problem: the mark was refused, or its outcome is not known.
        """
        match await self._carts.purchase(owner, cart_id, request):
            case Refused(problem):
                raise problem
            case NotSent(neighbour):
                raise Unavailable(f"The {neighbour} service cannot be reached; nothing was changed.", service=neighbour)
            case OutcomeUnknown(neighbour):
                raise OutcomeNotKnown(service=neighbour)
            case Purchase(state=PurchaseState.PENDING) as purchase:
                return await self.resume(purchase, payment_method)
            case purchase:
                return decided(purchase)

    async def resume(self, purchase: Purchase, payment_method: str) -> Outcome:
        """Take a marked cart the rest of the way; whoever began it may still be at it."""
        lines = [HoldLine(sku=line.sku, quantity=line.quantity) for line in snapshot_of(purchase).lines]
        match await self._stock.hold(purchase.checkout_id, lines):
            case Refused(problem):
                return await self.undo(purchase, problem)
            case Hold():
                return await self._create(purchase, payment_method)
            case _:
                return Processing(purchase)

    async def _create(self, purchase: Purchase, payment_method: str) -> Outcome:
        match await self.intent_of(purchase):
            case Refused(problem):
                return await self.undo(purchase, problem)
            case str() as intent_id:
                return await self._charge(purchase, intent_id, payment_method)
            case _:
                return Processing(purchase)

    async def _charge(self, purchase: Purchase, intent_id: str, payment_method: str) -> Outcome:
        charge = await self._payments.confirm(
            intent_id, payment_method=payment_method, checkout_id=purchase.checkout_id
        )
        match charge:
            case PaymentIntent(status=IntentStatus.SUCCEEDED):
                return await self.forward(purchase, intent_id)
            case Refused(problem):
                return await self.undo(purchase, problem, intent_id=intent_id)
            case PaymentIntent(status=IntentStatus.CANCELED):
                return await self.undo(purchase, CheckoutRefused(reason="cancelled"), intent_id=intent_id)
            case _:
                return Processing(purchase)

    async def forward(self, purchase: Purchase, intent_id: str) -> Outcome:
        """The intent succeeded: sell the goods, then settle, which takes the row out of pending last."""
        match await self._stock.commit(purchase.checkout_id):
            case Refused(problem):
                self._alarm("charged, and its goods are not held", purchase, problem)
            case Hold():
                match await self._carts.settle(purchase.owner_id, purchase.checkout_id, intent_id):
                    case Purchase() as settled:
                        return Paid(settled)
                    case Refused(problem):
                        self._alarm("charged, and cannot be settled", purchase, problem)
                    case _:
                        pass
            case _:
                pass
        return Paid(purchase)

    async def undo(self, purchase: Purchase, why: Problem, *, intent_id: str | None = None) -> Outcome:
        """Cancel until it is definite, give the goods back, unmark. Reconcile goes on where this stops."""
        intent = intent_id or await self.intent_of(purchase)
        if isinstance(intent, Refused):  # There is no intent and the same request will never make one.
            return await self._unmark(purchase, why, None)
        if not isinstance(intent, str):
            return Processing(purchase)
        match await self._payments.cancel(intent):
            case PaymentIntent(status=IntentStatus.SUCCEEDED):
                return await self.forward(purchase, intent)
            case PaymentIntent(status=IntentStatus.CANCELED):
                return await self._unmark(purchase, why, intent)
            case _:
                return Processing(purchase)

    async def _unmark(self, purchase: Purchase, why: Problem, intent_id: str | None) -> Outcome:
        match await self._stock.release(purchase.checkout_id):
            case Refused(problem):
                self._alarm("cancelled, and its goods are sold", purchase, problem)
                return Processing(purchase)
            case Hold():
                pass
            case _:
                return Processing(purchase)
        unmarked = await self._carts.unpurchase(
            purchase.owner_id, purchase.checkout_id, intent_id=intent_id, reason=reason_of(why)
        )
        match unmarked:
            case Purchase(state=PurchaseState.FAILED, reason=reason) as failed:
                if reason != reason_of(why):  # Somebody else was faster: a repetition will be told their reason too.
                    return Failed(problem_of_reason(failed))
                why.members.update(order_id=str(purchase.checkout_id), cart_id=str(purchase.cart_id))
                return Failed(why)
            case Refused(PurchaseIsSettled() as problem):
                self._alarm("cancelled, and settled", purchase, problem)
                return Processing(purchase)
            case _:
                return Processing(purchase)

    async def intent_of(self, purchase: Purchase) -> str | Refused | Undecided:
        """The id of the checkout's one intent, created where it is missing, and written down before it is used."""
        if purchase.intent_id is not None:
            return purchase.intent_id
        snapshot = snapshot_of(purchase)
        created = await self._payments.create(
            amount=snapshot.amount, currency=snapshot.currency, checkout_id=purchase.checkout_id
        )
        if not isinstance(created, PaymentIntent):
            return created
        match await self._carts.attach(purchase.owner_id, purchase.checkout_id, created.id):
            case Purchase(intent_id=str() as intent_id):
                return intent_id
            case Refused(problem):
                return OutcomeUnknown("cartdb", problem.slug)
            case Purchase():
                return OutcomeUnknown("cartdb", "attached nothing")
            case undecided:
                return undecided


def decided(purchase: Purchase) -> Outcome:
    """A purchase's present state as an outcome."""
    match purchase.state:
        case PurchaseState.PAID:
            return Paid(purchase, replayed=True)
        case PurchaseState.PENDING:
            return Processing(purchase)
        case PurchaseState.FAILED:
            problem = problem_of_reason(purchase)
            if purchase.intent_id is not None:  # It got past the mark once, so that this request is not the first.
                problem.headers.update(REPLAYED)
            return Failed(problem)


def snapshot_of(purchase: Purchase) -> Snapshot:
    """A purchase that was ever pending has one."""
    assert purchase.snapshot is not None, f"purchase {purchase.checkout_id} is {purchase.state} without a snapshot"
    return purchase.snapshot


def reason_of(why: Problem) -> str:
    """What is written down about a refusal."""
    reason = why.members.get("reason")
    return reason if isinstance(reason, str) and _REASON.fullmatch(reason) else why.slug


def problem_of_reason(purchase: Purchase) -> Problem:
    """What was written down about a refusal, as it is told to whoever repeats the request."""
    members: dict[str, Any] = {"order_id": str(purchase.checkout_id), "cart_id": str(purchase.cart_id)}
    reason = purchase.reason or "refused"
    known = PROBLEMS.get(reason)
    if known is not None:
        return known(**members)
    if reason in ("abandoned", "cancelled"):
        return CheckoutRefused(f"The checkout was {reason}; nothing was charged.", reason=reason, **members)
    return PaymentDeclined(reason=reason, **members)
