"""A cartdb, a catalog and a processor with memories, whose next answers can be lost, refused or cut off."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from services.cartdb import refund as refund_rules
from services.cartdb.purchase import (
    LockedCart,
    agree,
    check_snapshot,
    may_attach,
    may_settle,
    may_unpurchase,
    why_not,
)
from services.contracts.carts import (
    Cart,
    CartStatus,
    Frozen,
    Line,
    Purchase,
    PurchaseRequest,
    PurchaseState,
    Receipt,
    Snapshot,
    SnapshotLine,
    Unfinished,
    Void,
)
from services.contracts.catalog import Hold, HoldLine
from services.contracts.payments import IntentStatus, LastPaymentError, PaymentIntent, StripeRefund
from services.contracts.problems import (
    CheckoutRefused,
    GoodsNotSold,
    HoldIsCommitted,
    HoldIsReleased,
    HoldNotFound,
    NotSent,
    OrderNotFound,
    OutcomeUnknown,
    OutOfStock,
    PaymentDeclined,
    Problem,
    RefundRefused,
    Refused,
    RestockExceedsSale,
    RestockMismatch,
    Undecided,
)
from services.contracts.refunds import Refund, RefundRequest, RefundState, Restock, RestockLine, RestockRequest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER, CART, CHECKOUT = "guest:1", UUID(int=1), UUID(int=2)
Trouble = Literal["not_sent", "lost_request", "lost_answer"]


def request_for(*, checkout_id: UUID = CHECKOUT, quantity: int = 2) -> PurchaseRequest:
    """Two apples at forty rupees."""
    line = SnapshotLine(
        sku="apple",
        product_id=1,
        variant_id=None,
        title="Apple",
        variant=None,
        quantity=quantity,
        unit_price=4000,
        line_total=4000 * quantity,
    )
    snapshot = Snapshot(
        lines=[line], amount=4000 * quantity, currency="INR", shipping_address={"city": "Pune"}, billing_address=None
    )
    return PurchaseRequest(checkout_id=checkout_id, version=1, fingerprint="f", snapshot=snapshot)


@dataclass
class Wire:
    """What happens to the next call of a name; and every call, in order."""

    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def before(self, call: str) -> Undecided | None:
        """The trouble that keeps a request from arriving."""
        self.calls.append(call)
        match next(iter(self.troubles.get(call, [])), None):
            case "not_sent":
                self.troubles[call].pop(0)
                return NotSent("neighbour", "scripted")
            case "lost_request":
                self.troubles[call].pop(0)
                return OutcomeUnknown("neighbour", "scripted")
            case _:
                return None

    def after(self, call: str) -> Undecided | None:
        """The trouble that keeps an answer from arriving."""
        if next(iter(self.troubles.get(call, [])), None) == "lost_answer":
            self.troubles[call].pop(0)
            return OutcomeUnknown("neighbour", "scripted")
        return None


@dataclass
class FakeCart:
    """A cart as cartdb's rules see it."""

    version: int = 0
    status: CartStatus = CartStatus.OPEN
    quantities: dict[str, int] = field(default_factory=dict)

    def locked(self) -> LockedCart:
        return LockedCart(self.status, self.version, dict(self.quantities))

    def reopen(self) -> None:
        self.status = CartStatus.OPEN
        self.version += 1


@dataclass
class FakeCarts:
    """cartdb's purchases, by its own rules. A cart that nobody has filled here is as the first request says."""

    wire: Wire
    rows: dict[UUID, Purchase] = field(default_factory=dict)
    carts: dict[UUID, FakeCart] = field(default_factory=dict)
    current: dict[str, UUID] = field(default_factory=dict)
    refunds: dict[UUID, Refund] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: NOW

    async def find(self, owner: str) -> Cart:
        """The owner's current cart; one that is bought is followed by an empty one."""
        cart_id = self.current.setdefault(owner, UUID(int=len(self.carts) + 1000))
        cart = self.carts.setdefault(cart_id, FakeCart())
        lines = [
            Line(sku=sku, product_id=1, variant_id=None, quantity=quantity, added_price=4000, added_at=NOW)
            for sku, quantity in cart.quantities.items()
        ]
        return Cart(
            cart_id=cart_id,
            owner_id=owner,
            name=None,
            version=cart.version,
            status=cart.status,
            currency="INR",
            items=lines,
            expires_at=None,
            created_at=None,
            updated_at=None,
        )

    async def add(self, owner: str, sku: str, quantity: int) -> bool:
        """Put more into the owner's current cart, if it is open."""
        cart = self.carts[(await self.find(owner)).cart_id]
        if cart.status is not CartStatus.OPEN:
            return False
        cart.quantities[sku] = cart.quantities.get(sku, 0) + quantity
        cart.version += 1
        return True

    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> Purchase | Refused | Undecided:
        if trouble := self.wire.before("purchase"):
            return trouble
        if request.checkout_id not in self.rows:
            self._mark(owner, cart_id, request)
        return self.wire.after("purchase") or self._agreed(request.checkout_id, request.fingerprint)

    def _mark(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> None:
        asked = {line.sku: line.quantity for line in request.snapshot.lines}
        cart = self.carts.setdefault(cart_id, FakeCart(version=request.version, quantities=asked))
        reason = self.why_not(cart, request)
        self._insert(owner, cart_id, request.checkout_id, request.fingerprint, reason, request.snapshot)
        if reason is None:
            cart.status = CartStatus.IN_CHECKOUT

    def why_not(self, cart: FakeCart, request: PurchaseRequest) -> str | None:
        """The rules of a mark."""
        reason = why_not(cart.locked(), version=request.version)
        if reason is None:
            check_snapshot(request.snapshot, cart.locked())
        return reason

    async def void(self, owner: str, checkout_id: UUID, command: Void) -> Purchase | Refused | Undecided:
        if trouble := self.wire.before("void"):
            return trouble
        if checkout_id not in self.rows:
            self._insert(owner, command.cart_id, checkout_id, command.fingerprint, command.reason, None)
            cart = self.carts.get(command.cart_id)
            if cart and cart.status is CartStatus.OPEN:
                cart.reopen()
        return self.wire.after("void") or self._agreed(checkout_id, command.fingerprint)

    async def purchase_of(self, checkout_id: UUID) -> Purchase | Refused | Undecided:
        if trouble := self.wire.before("purchase_of"):
            return trouble
        return self.wire.after("purchase_of") or self.rows.get(checkout_id) or Refused(OrderNotFound())

    async def attach(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        return self._change(
            "attach",
            checkout_id,
            lambda row: may_attach(row, intent_id=intent_id),
            intent_id=intent_id,
            attached_at=self.clock(),
        )

    async def settle(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        return self._change(
            "settle",
            checkout_id,
            lambda row: may_settle(row, intent_id=intent_id),
            state=PurchaseState.PAID,
            decided_at=self.clock(),
        )

    async def unpurchase(
        self, owner: str, checkout_id: UUID, *, intent_id: str | None, reason: str
    ) -> Purchase | Refused | Undecided:
        return self._change(
            "unpurchase",
            checkout_id,
            lambda row: may_unpurchase(row, intent_id=intent_id),
            state=PurchaseState.FAILED,
            reason=reason,
            decided_at=self.clock(),
        )

    async def unfinished(
        self, older_than: float, *, checkout_id: UUID | None = None
    ) -> Unfinished | Refused | Undecided:
        if trouble := self.wire.before("unfinished"):
            return trouble
        before = self.clock() - timedelta(seconds=older_than)
        pending = [row for row in self.rows.values() if row.state is PurchaseState.PENDING and row.created_at <= before]
        refunds = [
            one for one in self.refunds.values() if one.state is RefundState.PENDING and one.created_at <= before
        ]
        asked = [row for row in pending if checkout_id in (None, row.checkout_id)]
        return self.wire.after("unfinished") or Unfinished(
            purchases=asked, adoptions=[], refunds=refunds if checkout_id is None else []
        )

    async def anybodys(self, checkout_id: UUID) -> Purchase | Refused | Undecided:
        if trouble := self.wire.before("anybodys"):
            return trouble
        row = self.rows.get(checkout_id)
        if row is None:
            return self.wire.after("anybodys") or Refused(OrderNotFound())
        return self.wire.after("anybodys") or row.model_copy(update={"refunds": self.refunds_of(checkout_id)})

    def refunds_of(self, checkout_id: UUID) -> list[Refund]:
        return [refund for refund in self.refunds.values() if refund.checkout_id == checkout_id]

    async def refund(self, owner: str, checkout_id: UUID, request: RefundRequest) -> Refund | Refused | Undecided:
        if trouble := self.wire.before("refund_row"):
            return trouble
        if request.refund_id not in self.refunds:
            self._set_aside(self.rows[checkout_id], request)
        try:
            known = refund_rules.agree(self.refunds[request.refund_id], fingerprint=request.fingerprint)
        except Problem as problem:
            return self.wire.after("refund_row") or Refused(problem)
        return self.wire.after("refund_row") or known

    def _set_aside(self, row: Purchase, request: RefundRequest) -> None:
        known = self.refunds_of(row.checkout_id)
        refusal = self.why_no_refund(row, known, request)
        self.refunds[request.refund_id] = Refund(
            owner_id=row.owner_id,
            refund_id=request.refund_id,
            checkout_id=row.checkout_id,
            state=RefundState.FAILED if refusal else RefundState.PENDING,
            amount=request.amount or refund_rules.left_of(row, known) or None,
            currency=request.currency,
            reason=request.reason,
            restock=[
                RestockLine(sku=sku, quantity=quantity)
                for sku, quantity in refund_rules.merged(request.restock).items()
            ],
            intent_id=row.intent_id,
            failure=refusal.slug if refusal else None,
            detail=refusal.members if refusal else {},
            actor=request.actor,
            fingerprint=request.fingerprint,
            created_at=self.clock(),
            decided_at=self.clock() if refusal else None,
        )

    def why_no_refund(self, row: Purchase, known: list[Refund], request: RefundRequest) -> Problem | None:
        """The rules of a refund."""
        return refund_rules.why_not(row, known, request)

    async def finish_refund(
        self, owner: str, refund_id: UUID, processor_refund_id: str
    ) -> Refund | Refused | Undecided:
        return self._decide_refund(
            "finish_refund",
            refund_id,
            lambda refund: refund_rules.may_finish(refund, processor_refund_id=processor_refund_id),
            state=RefundState.DONE,
            processor_refund_id=processor_refund_id,
        )

    async def fail_refund(
        self, owner: str, refund_id: UUID, *, failure: str, processor_refund_id: str | None
    ) -> Refund | Refused | Undecided:
        return self._decide_refund(
            "fail_refund",
            refund_id,
            refund_rules.may_fail,
            state=RefundState.FAILED,
            failure=failure,
            processor_refund_id=processor_refund_id,
        )

    def _decide_refund(
        self, call: str, refund_id: UUID, allowed: Callable[[Refund], bool], **columns: object
    ) -> Refund | Refused | Undecided:
        if trouble := self.wire.before(call):
            return trouble
        refund = self.refunds[refund_id]
        try:
            if allowed(refund):
                self.refunds[refund_id] = refund.model_copy(update={**columns, "decided_at": self.clock()})
        except Problem as problem:
            return self.wire.after(call) or Refused(problem)
        return self.wire.after(call) or self.refunds[refund_id]

    def _insert(  # noqa: PLR0917 - a row has its columns
        self,
        owner: str,
        cart_id: UUID,
        checkout_id: UUID,
        fingerprint: str,
        reason: str | None,
        snapshot: Snapshot | None,
    ) -> None:
        self.rows[checkout_id] = Purchase(
            owner_id=owner,
            checkout_id=checkout_id,
            cart_id=cart_id,
            state=PurchaseState.FAILED if reason else PurchaseState.PENDING,
            reason=reason,
            fingerprint=fingerprint,
            snapshot=snapshot,
            intent_id=None,
            created_at=self.clock(),
            attached_at=None,
            decided_at=self.clock() if reason else None,
        )

    def _agreed(self, checkout_id: UUID, fingerprint: str) -> Purchase | Refused:
        try:
            return agree(self.rows[checkout_id], fingerprint=fingerprint)
        except Problem as problem:
            return Refused(problem)

    def _change(
        self, call: str, checkout_id: UUID, allowed: Callable[[Purchase], bool], **columns: object
    ) -> Purchase | Refused | Undecided:
        if trouble := self.wire.before(call):
            return trouble
        row = self.rows[checkout_id]
        try:
            if allowed(row):
                self.rows[checkout_id] = row.model_copy(update=columns)
                self._follow(row, columns.get("state"))
        except Problem as problem:
            return self.wire.after(call) or Refused(problem)
        return self.wire.after(call) or self.rows[checkout_id]

    def _follow(self, row: Purchase, state: object) -> None:
        cart = self.carts[row.cart_id]
        if state is PurchaseState.FAILED:
            cart.reopen()
        if state is PurchaseState.PAID:
            cart.status = CartStatus.PURCHASED
            if self.current.get(row.owner_id) == row.cart_id:
                del self.current[row.owner_id]


def quantity_of(request: RestockRequest) -> int:
    return sum(line.quantity for line in request.lines)


@dataclass
class FakeStock:
    """catalog's holds: release is final, and leaves a tombstone."""

    wire: Wire
    available: int = 10
    holds: dict[UUID, str] = field(default_factory=dict)
    sold: int = 0
    restocks: dict[UUID, RestockRequest] = field(default_factory=dict)
    _quantities: dict[UUID, int] = field(default_factory=dict)

    async def hold(self, checkout_id: UUID, lines: Iterable[HoldLine]) -> Hold | Refused | Undecided:
        if trouble := self.wire.before("hold"):
            return trouble
        state = self.holds.get(checkout_id)
        wanted = sum(line.quantity for line in lines)
        if state in ("released", "refused"):
            answer: Hold | Refused = Refused(OutOfStock() if state == "refused" else HoldIsReleased())
        elif state is None and wanted > self.available:
            self.holds[checkout_id] = "refused"
            answer = Refused(OutOfStock(items=[{"sku": "apple", "wanted": wanted, "available": self.available}]))
        else:
            if state is None:
                self.available -= wanted
                self.holds[checkout_id], self._quantities[checkout_id] = "held", wanted
            answer = self._hold(checkout_id)
        return self.wire.after("hold") or answer

    async def commit(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        if trouble := self.wire.before("commit"):
            return trouble
        if self.holds.get(checkout_id) == "held":
            self.holds[checkout_id] = "committed"
            self.sold += self._quantities[checkout_id]
        match self.holds.get(checkout_id):
            case "committed":
                answer: Hold | Refused | Undecided = self._hold(checkout_id)
            case "released":
                answer = Refused(HoldIsReleased())
            case "refused":
                answer = OutcomeUnknown("catalog", "answered 409 unexpectedly")
            case _:
                answer = Refused(HoldNotFound())
        return self.wire.after("commit") or answer

    async def release(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        if trouble := self.wire.before("release"):
            return trouble
        if self.holds.get(checkout_id) == "committed":
            return self.wire.after("release") or Refused(HoldIsCommitted())
        if self.holds.get(checkout_id) == "held":
            self.available += self._quantities[checkout_id]
        self.holds[checkout_id] = "released"
        return self.wire.after("release") or self._hold(checkout_id)

    async def restock(self, refund_id: UUID, request: RestockRequest) -> Restock | Refused | Undecided:
        if trouble := self.wire.before("restock"):
            return trouble
        if refund_id not in self.restocks and (refusal := self._why_no_restock(request)):
            return self.wire.after("restock") or Refused(refusal)
        if refund_id not in self.restocks:
            self._put_back(refund_id, request)
        if self.restocks[refund_id] != request:
            return self.wire.after("restock") or Refused(RestockMismatch())
        told = [RestockLine(sku=line.sku, quantity=line.quantity) for line in request.lines]
        return self.wire.after("restock") or Restock(
            refund_id=str(refund_id), checkout_id=str(request.checkout_id), lines=told
        )

    def _put_back(self, refund_id: UUID, request: RestockRequest) -> None:
        self.restocks[refund_id] = request
        self.sold -= quantity_of(request)
        self.available += quantity_of(request)

    def _why_no_restock(self, request: RestockRequest) -> Problem | None:
        if self.holds.get(request.checkout_id) != "committed":
            return GoodsNotSold()
        same = [one for one in self.restocks.values() if one.checkout_id == request.checkout_id]
        left = self._quantities[request.checkout_id] - sum(map(quantity_of, same))
        return RestockExceedsSale() if quantity_of(request) > left else None

    def _hold(self, checkout_id: UUID) -> Hold:
        return Hold.model_validate({"checkout_id": str(checkout_id), "state": self.holds[checkout_id]})


@dataclass
class FakePayments:
    """A processor: one intent for a key, confirm charges, cancel is final, and a final state is told as it is."""

    wire: Wire
    declines: bool = False
    slow: bool = False
    refusing_creates: bool = False
    refusing_refunds: bool = False
    refund_status: str = "succeeded"
    broken_keys: int = 0
    intents: dict[str, PaymentIntent] = field(default_factory=dict)
    refunds: dict[str, tuple[str, StripeRefund]] = field(default_factory=dict)
    answers: dict[str, StripeRefund | Refused] = field(default_factory=dict)
    charges: int = 0

    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided:
        if trouble := self.wire.before("create"):
            return trouble
        if self.refusing_creates:
            return self.wire.after("create") or Refused(CheckoutRefused(reason="refused"))
        intent_id = f"pi_{checkout_id.hex}"
        self.intents.setdefault(
            intent_id,
            PaymentIntent(
                id=intent_id,
                status=IntentStatus.REQUIRES_PAYMENT_METHOD,
                amount=amount,
                currency=currency.lower(),
                metadata={"checkout_id": str(checkout_id)},
            ),
        )
        if self.intents[intent_id].amount != amount:
            return OutcomeUnknown("payments", "answered 400 idempotency_error")
        return self.wire.after("create") or self.intents[intent_id]

    async def confirm(
        self, intent_id: str, *, payment_method: str, checkout_id: UUID
    ) -> PaymentIntent | Refused | Undecided:
        if trouble := self.wire.before("confirm"):
            return trouble
        intent = self.intents[intent_id]
        declined = self.declines or "Declined" in payment_method
        if intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD and declined:
            refused = LastPaymentError(code="card_declined", decline_code="insufficient_funds")
            self.intents[intent_id] = intent.model_copy(update={"last_payment_error": refused})
            return self.wire.after("confirm") or Refused(PaymentDeclined(reason="insufficient_funds"))
        if intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD:
            self.charges += not self.slow
            self._become(intent_id, IntentStatus.PROCESSING if self.slow else IntentStatus.SUCCEEDED)
        return self.wire.after("confirm") or self.intents[intent_id]

    async def cancel(self, intent_id: str) -> PaymentIntent | Refused | Undecided:
        if trouble := self.wire.before("cancel"):
            return trouble
        match self.intents[intent_id].status:
            case IntentStatus.PROCESSING:
                return self.wire.after("cancel") or OutcomeUnknown("payments", "on its way")
            case IntentStatus.REQUIRES_PAYMENT_METHOD:
                self._become(intent_id, IntentStatus.CANCELED)
            case _:
                pass
        return self.wire.after("cancel") or self.intents[intent_id]

    async def find(self, intent_id: str) -> PaymentIntent | Refused | Undecided:
        if trouble := self.wire.before("find"):
            return trouble
        return self.wire.after("find") or self.intents[intent_id]

    async def refunds_of(self, intent_id: str) -> list[StripeRefund] | Refused | Undecided:
        if trouble := self.wire.before("refunds_of"):
            return trouble
        return self.wire.after("refunds_of") or self.given_back(intent_id)

    def given_back(self, intent_id: str) -> list[StripeRefund]:
        return [refund for intent, refund in self.refunds.values() if intent == intent_id]

    async def refund(
        self, intent_id: str, *, amount: int, reason: str | None, refund_id: UUID, checkout_id: UUID, attempt: int
    ) -> StripeRefund | Refused | Undecided:
        if trouble := self.wire.before("refund"):
            return trouble
        key = self.key_of(refund_id, attempt)
        if attempt <= self.broken_keys:
            return self.wire.after("refund") or OutcomeUnknown("payments", "answered 500", replayed=True)
        if key not in self.answers:
            self.answers[key] = self._give_back(intent_id, amount, refund_id)
        return self.wire.after("refund") or self.answers[key]

    def key_of(self, refund_id: UUID, attempt: int) -> str:
        """The idempotency key, whose first answer is its only one."""
        return f"{refund_id}:{attempt}"

    def _give_back(self, intent_id: str, amount: int, refund_id: UUID) -> StripeRefund | Refused:
        standing = [one for one in self.given_back(intent_id) if one.status in ("succeeded", "pending")]
        if self.refusing_refunds or amount > self.intents[intent_id].amount - sum(one.amount for one in standing):
            return Refused(RefundRefused(reason="amount_not_left"))
        refund = StripeRefund(
            id=f"re_{len(self.refunds)}",
            status=self.refund_status,
            amount=amount,
            metadata={"refund_id": str(refund_id)},
        )
        self.refunds[refund.id] = (intent_id, refund)
        return refund

    def decide(self, intent_id: str, *, paid: bool) -> None:
        """The slow bank's answer."""
        self.charges += paid
        self._become(intent_id, IntentStatus.SUCCEEDED if paid else IntentStatus.REQUIRES_PAYMENT_METHOD)

    def _become(self, intent_id: str, status: IntentStatus) -> None:
        self.intents[intent_id] = self.intents[intent_id].model_copy(update={"status": status})


class NoAdoptions:
    """cartdb's list of what is unfinished, where no adoption is."""

    def __init__(self, carts: FakeCarts) -> None:
        self.unfinished = carts.unfinished

    async def apply(self, owner: str, frozen: Frozen) -> Receipt | Refused | Undecided:
        raise AssertionError("no adoption is unfinished")

    async def close(self, frozen: Frozen) -> bool:
        raise AssertionError("no adoption is unfinished")
