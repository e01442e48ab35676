"""The checkout without one of its safeguards. Each must be found out."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from services.cartdb.purchase import check_snapshot, why_not
from services.contracts.carts import CartStatus, Purchase, PurchaseRequest, PurchaseState
from services.contracts.catalog import Hold, HoldLine
from services.contracts.payments import IntentStatus, PaymentIntent, StripeRefund
from services.contracts.problems import (
    CheckoutRefused,
    NotSent,
    OrderNotFound,
    OutcomeUnknown,
    Problem,
    Refused,
    Undecided,
)
from services.contracts.refunds import Refund, RefundRequest, RefundState, Restock, RestockRequest
from services.controller.checkout import Checkout, Failed, Outcome, Paid, Processing, snapshot_of
from services.controller.orders import Orders, Wish
from services.controller.reconcile import Reconcile
from services.controller.refunds import RefundOutcome, Refunds, Underway
from tests.checkout_fakes import FakeCart, FakeCarts, FakePayments, FakeStock
from tests.fault.network import Catalog, Payments
from tests.fault.schedule import Parts

CartsAnswer = Purchase | Refused | Undecided


class UnmarksOnTimeout(Checkout):
    async def _charge(self, purchase: Purchase, intent_id: str, payment_method: str) -> Outcome:
        outcome = await super()._charge(purchase, intent_id, payment_method)
        if isinstance(outcome, Processing):
            return await self._unmark(purchase, CheckoutRefused(reason="cancelled"), intent_id)
        return outcome


class UndoesWithoutCancel(Checkout):
    async def undo(self, purchase: Purchase, why: Problem, *, intent_id: str | None = None) -> Outcome:
        intent = intent_id or await self.intent_of(purchase)
        return await self._unmark(purchase, why, intent if isinstance(intent, str) else None)


class ReconcilesWithoutCancel(Reconcile):
    async def finish(self, purchase: Purchase) -> Outcome:
        intent_id = await self._checkout.intent_of(purchase)
        if not isinstance(intent_id, str):
            return Processing(purchase)
        match await self._payments.find(intent_id):
            case PaymentIntent(status=IntentStatus.SUCCEEDED):
                return await self._checkout.forward(purchase, intent_id)
            case PaymentIntent(status=IntentStatus.REQUIRES_PAYMENT_METHOD | IntentStatus.CANCELED):
                return await self._checkout._unmark(purchase, CheckoutRefused(reason="abandoned"), intent_id)
            case _:
                return Processing(purchase)


class ConfirmsBeforeHold(Checkout):
    async def resume(self, purchase: Purchase, payment_method: str) -> Outcome:
        intent_id = await self.intent_of(purchase)
        if isinstance(intent_id, str):
            await self._payments.confirm(intent_id, payment_method=payment_method, checkout_id=purchase.checkout_id)
        return await super().resume(purchase, payment_method)


class TellsFailedEarly(Checkout):
    async def undo(self, purchase: Purchase, why: Problem, *, intent_id: str | None = None) -> Outcome:
        outcome = await super().undo(purchase, why, intent_id=intent_id)
        return Failed(why) if isinstance(outcome, Processing) else outcome


class UnmarksBeforeRelease(Checkout):
    async def _unmark(self, purchase: Purchase, why: Problem, intent_id: str | None) -> Outcome:
        await self._carts.unpurchase(
            purchase.owner_id, purchase.checkout_id, intent_id=intent_id, reason="unmarked_first"
        )
        return await super()._unmark(purchase, why, intent_id)


class SettlesBeforeCommit(Checkout):
    async def forward(self, purchase: Purchase, intent_id: str) -> Outcome:
        settled = await self._carts.settle(purchase.owner_id, purchase.checkout_id, intent_id)
        if isinstance(settled, Purchase):
            await self._stock.commit(purchase.checkout_id)
            return Paid(settled)
        return Paid(purchase)


class TakesUnknownCancelForCanceled(Payments):
    async def cancel(self, intent_id: str) -> PaymentIntent | Refused | Undecided:
        answer = await super().cancel(intent_id)
        if isinstance(answer, NotSent | OutcomeUnknown):
            return PaymentIntent(id=intent_id, status=IntentStatus.CANCELED, amount=1, currency="inr")
        return answer


@dataclass
class FreshKeyPerTry(FakePayments):
    """A processor that sees another key in every create."""

    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided:
        intent_id = f"pi_{checkout_id.hex}{len(self.intents)}"
        self.intents[intent_id] = PaymentIntent(
            id=intent_id,
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            amount=amount,
            currency=currency,
            metadata={"checkout_id": str(checkout_id)},
        )
        return self.intents[intent_id]


@dataclass
class NothingAttached(FakeCarts):
    """A cartdb that does not write the intent down, and so cannot compare it."""

    async def attach(self, owner: str, checkout_id: UUID, intent_id: str) -> CartsAnswer:
        return self.rows[checkout_id].model_copy(update={"intent_id": intent_id})

    async def settle(self, owner: str, checkout_id: UUID, intent_id: str) -> CartsAnswer:
        self._pretend(checkout_id, intent_id)
        return await super().settle(owner, checkout_id, intent_id)

    async def unpurchase(self, owner: str, checkout_id: UUID, *, intent_id: str | None, reason: str) -> CartsAnswer:
        self._pretend(checkout_id, intent_id)
        return await super().unpurchase(owner, checkout_id, intent_id=intent_id, reason=reason)

    def _pretend(self, checkout_id: UUID, intent_id: str | None) -> None:
        row = self.rows[checkout_id]
        if row.state is PurchaseState.PENDING:
            self.rows[checkout_id] = row.model_copy(update={"intent_id": intent_id})


@dataclass
class RevivesFailedRows(FakeCarts):
    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> CartsAnswer:
        known = self.rows.get(request.checkout_id)
        if known and known.state is PurchaseState.FAILED and self.carts[cart_id].status is CartStatus.OPEN:
            self.carts[cart_id].version = request.version
            del self.rows[request.checkout_id]
        return await super().purchase(owner, cart_id, request)


@dataclass
class ForgetsRefusals(FakeCarts):
    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> CartsAnswer:
        known = request.checkout_id in self.rows
        answer = await super().purchase(owner, cart_id, request)
        if not known and isinstance(answer, Purchase) and answer.state is PurchaseState.FAILED:
            del self.rows[request.checkout_id]
        return answer


@dataclass
class MarksWhateverTheVersion(FakeCarts):
    def why_not(self, cart: FakeCart, request: PurchaseRequest) -> str | None:
        return why_not(cart.locked(), version=cart.version)


@dataclass
class MarksBusyCarts(FakeCarts):
    def why_not(self, cart: FakeCart, request: PurchaseRequest) -> str | None:
        if cart.status is CartStatus.IN_CHECKOUT:
            check_snapshot(request.snapshot, cart.locked())
            return None
        return super().why_not(cart, request)


@dataclass
class EditsWhilePaying(FakeCarts):
    async def add(self, owner: str, sku: str, quantity: int) -> bool:
        cart = self.carts[(await self.find(owner)).cart_id]
        cart.quantities[sku] = cart.quantities.get(sku, 0) + quantity
        return True


@dataclass
class LateUnmarkReopens(FakeCarts):
    """A repeated unmark opens the cart again, whoever has marked it meanwhile."""

    async def unpurchase(self, owner: str, checkout_id: UUID, *, intent_id: str | None, reason: str) -> CartsAnswer:
        row = self.rows[checkout_id]
        if row.state is PurchaseState.FAILED and row.cart_id in self.carts:
            self.carts[row.cart_id].reopen()
        return await super().unpurchase(owner, checkout_id, intent_id=intent_id, reason=reason)


@dataclass
class ReleasesWithoutTombstone(FakeStock):
    async def release(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        answer = await super().release(checkout_id)
        if self.holds.get(checkout_id) == "released":
            del self.holds[checkout_id]
        return answer


@dataclass
class HoldsTwice(FakeStock):
    async def hold(self, checkout_id: UUID, lines: Iterable[HoldLine]) -> Hold | Refused | Undecided:
        if self.holds.get(checkout_id) == "held":
            self.available -= self._quantities[checkout_id]
            return self._hold(checkout_id)
        return await super().hold(checkout_id, lines)


class ChargesTheLivePrice(Checkout):
    """The amount is the snapshot's, as a catalog would tell it a moment later."""

    async def intent_of(self, purchase: Purchase) -> str | Refused | Undecided:
        if purchase.intent_id is not None:
            return purchase.intent_id
        snapshot = snapshot_of(purchase)
        assert isinstance(self._stock, Catalog)
        amount = sum(line.quantity for line in snapshot.lines) * self._stock.price()
        created = await self._payments.create(
            amount=amount, currency=snapshot.currency, checkout_id=purchase.checkout_id
        )
        if not isinstance(created, PaymentIntent):
            return created
        attached = await self._carts.attach(purchase.owner_id, purchase.checkout_id, created.id)
        return created.id if isinstance(attached, Purchase) else OutcomeUnknown("cartdb", "attach")


class FailsARefundOnTimeout(Refunds):
    async def _give(self, refund: Refund, *, attempt: int = 1) -> RefundOutcome:
        outcome = await super()._give(refund, attempt=attempt)
        if isinstance(outcome, Underway):
            return await self._fail(refund, "timed_out", None)
        return outcome


class FinishesBeforeRestock(Refunds):
    async def _restock(self, refund: Refund, given: StripeRefund) -> RefundOutcome:
        await self._carts.finish_refund(refund.owner_id, refund.refund_id, given.id)
        return await super()._restock(refund, given)


@dataclass
class FreshRefundKeyPerTry(FakePayments):
    def key_of(self, refund_id: UUID, attempt: int) -> str:
        return f"{refund_id}:{len(self.answers)}"


@dataclass
class RefundsWithoutASum(FakeCarts):
    """A cartdb that looks at each refund alone."""

    def why_no_refund(self, row: Purchase, known: list[Refund], request: RefundRequest) -> Problem | None:
        return super().why_no_refund(row, [], request)


@dataclass
class ForgetsRefusedRefunds(FakeCarts):
    async def refund(self, owner: str, checkout_id: UUID, request: RefundRequest) -> Refund | Refused | Undecided:
        known = request.refund_id in self.refunds
        answer = await super().refund(owner, checkout_id, request)
        if not known and isinstance(answer, Refund) and answer.state is RefundState.FAILED:
            del self.refunds[request.refund_id]
        return answer


@dataclass
class RestocksTwice(FakeStock):
    async def restock(self, refund_id: UUID, request: RestockRequest) -> Restock | Refused | Undecided:
        if refund_id in self.restocks:
            self._put_back(refund_id, request)
        return await super().restock(refund_id, request)


class RefusesWithoutTombstone(Orders):
    async def _tombstone(self, wish: Wish, problem: Problem) -> CartsAnswer:
        return Refused(OrderNotFound())


@dataclass(frozen=True)
class ScheduleMutant:
    """A safeguard that is missing, the rule that breaks without it, and how many seeds must suffice to notice."""

    parts: Parts
    breaks: str
    seeds: int = 1000


CHARGED_OPEN = "charged, and the cart is not purchased"
HELD = "stock held for ever"
TWO = "a cart has two purchases"
DIFFERS = "a purchased cart differs from its snapshot"
UNBACKED = "given back, and no refund stands for it"
SOLD_AND_LEFT = "stock sold and left is not what there was"

MUTANTS: dict[str, ScheduleMutant] = {
    "unmark on a time-out": ScheduleMutant(Parts(checkout=UnmarksOnTimeout), CHARGED_OPEN),
    "a fresh intent key per try, none attached": ScheduleMutant(
        Parts(payments=FreshKeyPerTry, carts=NothingAttached), "a cart was charged twice"
    ),
    "undo without cancel": ScheduleMutant(Parts(checkout=UndoesWithoutCancel), CHARGED_OPEN),
    "reconcile without cancel": ScheduleMutant(Parts(reconcile=ReconcilesWithoutCancel), CHARGED_OPEN),
    "an unknown cancel taken as canceled": ScheduleMutant(
        Parts(line_to_payments=TakesUnknownCancelForCanceled), CHARGED_OPEN
    ),
    "confirm before hold": ScheduleMutant(
        Parts(checkout=ConfirmsBeforeHold), "alarm: charged, and its goods are not held"
    ),
    "failed told before it is sure": ScheduleMutant(
        Parts(checkout=TellsFailedEarly), "told failed, and it is paid", 6000
    ),
    "unmark before release": ScheduleMutant(Parts(checkout=UnmarksBeforeRelease), HELD),
    "settle before commit": ScheduleMutant(Parts(checkout=SettlesBeforeCommit), HELD),
    "the live price charged": ScheduleMutant(
        Parts(checkout=ChargesTheLivePrice), "charged another amount than the snapshot's"
    ),
    "a failed purchase revived": ScheduleMutant(Parts(carts=RevivesFailedRows), "told failed, and it is paid"),
    "refusals of a mark not written down": ScheduleMutant(
        Parts(carts=ForgetsRefusals), "told failed, and it is paid", 4000
    ),
    "refusals of a quote without a tombstone": ScheduleMutant(
        Parts(orders=RefusesWithoutTombstone), "told failed, and it is paid"
    ),
    "no version compared": ScheduleMutant(Parts(carts=MarksWhateverTheVersion), DIFFERS, 2000),
    "a marked cart marked again": ScheduleMutant(Parts(carts=MarksBusyCarts), TWO),
    "a purchased cart edited": ScheduleMutant(Parts(carts=EditsWhilePaying), DIFFERS),
    "a late unmark reopens the cart": ScheduleMutant(Parts(carts=LateUnmarkReopens), "a purchased cart is open"),
    "release without a tombstone": ScheduleMutant(Parts(stock=ReleasesWithoutTombstone), HELD),
    "a repeated hold holds again": ScheduleMutant(Parts(stock=HoldsTwice), SOLD_AND_LEFT),
    "a refund failed on a time-out": ScheduleMutant(Parts(refunds=FailsARefundOnTimeout), UNBACKED),
    "a fresh refund key per try": ScheduleMutant(Parts(payments=FreshRefundKeyPerTry), "a refund was given back twice"),
    "no sum of refunds": ScheduleMutant(Parts(carts=RefundsWithoutASum), "refunds of more than was paid"),
    "refused refunds not written down": ScheduleMutant(
        Parts(carts=ForgetsRefusedRefunds), "told another end of a refund"
    ),
    "a refund finished before its restock": ScheduleMutant(Parts(refunds=FinishesBeforeRestock), SOLD_AND_LEFT),
    "a repeated restock restocks again": ScheduleMutant(Parts(stock=RestocksTwice), SOLD_AND_LEFT),
}
