"""A cartdb, a catalog and a processor with memories, whose next answers can be lost, refused or cut off."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from services.cartdb.purchase import agree, may_attach, may_settle, may_unpurchase
from services.contracts.carts import Purchase, PurchaseRequest, PurchaseState, Snapshot, SnapshotLine, Unfinished
from services.contracts.catalog import Hold, HoldLine
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.problems import (
    HoldIsCommitted,
    HoldIsReleased,
    NotSent,
    OutcomeUnknown,
    OutOfStock,
    PaymentDeclined,
    Problem,
    Refused,
    Undecided,
)

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
class FakeCarts:
    """cartdb's purchases, by its own rules."""

    wire: Wire
    rows: dict[UUID, Purchase] = field(default_factory=dict)

    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> Purchase | Refused | Undecided:
        if trouble := self.wire.before("purchase"):
            return trouble
        known = self.rows.get(request.checkout_id)
        if known is None:
            self.rows[request.checkout_id] = Purchase(
                owner_id=owner,
                checkout_id=request.checkout_id,
                cart_id=cart_id,
                state=PurchaseState.PENDING,
                reason=None,
                fingerprint=request.fingerprint,
                snapshot=request.snapshot,
                intent_id=None,
                created_at=NOW,
                attached_at=None,
                decided_at=None,
            )
        try:
            answer: Purchase | Refused = agree(self.rows[request.checkout_id], fingerprint=request.fingerprint)
        except Problem as problem:
            answer = Refused(problem)
        return self.wire.after("purchase") or answer

    async def attach(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        return self._change(
            "attach", checkout_id, lambda row: may_attach(row, intent_id=intent_id), intent_id=intent_id
        )

    async def settle(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        return self._change(
            "settle", checkout_id, lambda row: may_settle(row, intent_id=intent_id), state=PurchaseState.PAID
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
        )

    async def unfinished(self, older_than: float) -> Unfinished | Refused | Undecided:
        pending = [row for row in self.rows.values() if row.state is PurchaseState.PENDING]
        return Unfinished(purchases=pending, adoptions=[])

    def _change(
        self, call: str, checkout_id: UUID, allowed: object, **columns: object
    ) -> Purchase | Refused | Undecided:
        if trouble := self.wire.before(call):
            return trouble
        row = self.rows[checkout_id]
        try:
            if callable(allowed) and allowed(row):
                self.rows[checkout_id] = row.model_copy(update=columns)
        except Problem as problem:
            return self.wire.after(call) or Refused(problem)
        return self.wire.after(call) or self.rows[checkout_id]


@dataclass
class FakeStock:
    """catalog's holds: release is final, and leaves a tombstone."""

    wire: Wire
    available: int = 10
    holds: dict[UUID, str] = field(default_factory=dict)
    sold: int = 0
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
        done = self.holds.get(checkout_id) == "committed"
        return self.wire.after("commit") or (self._hold(checkout_id) if done else Refused(HoldIsReleased()))

    async def release(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        if trouble := self.wire.before("release"):
            return trouble
        if self.holds.get(checkout_id) == "committed":
            return self.wire.after("release") or Refused(HoldIsCommitted())
        if self.holds.get(checkout_id) == "held":
            self.available += self._quantities[checkout_id]
        self.holds[checkout_id] = "released"
        return self.wire.after("release") or self._hold(checkout_id)

    def _hold(self, checkout_id: UUID) -> Hold:
        return Hold.model_validate({"checkout_id": str(checkout_id), "state": self.holds[checkout_id]})


@dataclass
class FakePayments:
    """A processor: one intent for a key, confirm charges, cancel is final, and a final state is told as it is."""

    wire: Wire
    declines: bool = False
    slow: bool = False
    intents: dict[str, PaymentIntent] = field(default_factory=dict)
    charges: int = 0

    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided:
        if trouble := self.wire.before("create"):
            return trouble
        intent_id = f"pi_{checkout_id.hex}"
        self.intents.setdefault(
            intent_id,
            PaymentIntent(
                id=intent_id, status=IntentStatus.REQUIRES_PAYMENT_METHOD, amount=amount, currency=currency.lower()
            ),
        )
        return self.wire.after("create") or self.intents[intent_id]

    async def confirm(
        self, intent_id: str, *, payment_method: str, checkout_id: UUID
    ) -> PaymentIntent | Refused | Undecided:
        if trouble := self.wire.before("confirm"):
            return trouble
        intent = self.intents[intent_id]
        declined = self.declines or "Declined" in payment_method
        if intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD and declined:
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

    def _become(self, intent_id: str, status: IntentStatus) -> None:
        self.intents[intent_id] = self.intents[intent_id].model_copy(update={"status": status})
