"""The calls between a controller and its neighbours, each with a fate drawn from the seed."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from services.contracts.carts import Cart, Frozen, Purchase, PurchaseRequest, PurchaseState, Receipt, Unfinished, Void
from services.contracts.catalog import (
    CategoryList,
    DescriptionList,
    DescriptionQuery,
    Hold,
    HoldLine,
    Item,
    ItemList,
    Product,
    ProductPage,
)
from services.contracts.payments import IntentStatus, PaymentIntent, StripeRefund
from services.contracts.problems import NotSent, OutcomeUnknown, Problem, Refused, Unavailable, Undecided
from services.contracts.refunds import Refund, RefundRequest, Restock, RestockRequest
from services.controller.authority import Authority
from tests.checkout_fakes import FakeCarts, FakePayments, FakeStock
from tests.fault.clock import Clock, Task, Wait, at_once

T = TypeVar("T")

FATES = ("not_sent", "lost_request", "lost_answer", "late", "duplicate", "error_before", "error_after")
ARRIVES, ANSWERED = {"ok", "lost_answer", "late", "duplicate", "error_after"}, {"ok", "duplicate"}
SILENT = {"lost_request", "lost_answer", "late"}
IN_AN_OUTAGE = ("not_sent", "not_sent", "lost_request", "lost_answer", "late", "error_before")
TIMEOUT, ATTEMPTS, FIRST_PAUSE, LATEST = 5.0, 3, 0.05, 80.0


@dataclass
class Network:
    """Draws the fates, keeps the trace and tells after every effect."""

    clock: Clock
    dice: Random
    level: float
    outages: dict[str, tuple[float, float]]
    look: Callable[[], None]
    healed: bool = False
    last_late: float = 0.0
    met: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    trace: list[tuple[object, ...]] = field(default_factory=list)

    def note(self, *what: object) -> None:
        self.trace.append((self.clock.now, *what))

    def fate(self, neighbour: str) -> str:
        if self.healed:
            return "ok"
        begin, end = self.outages.get(neighbour, (0.0, 0.0))
        if begin <= self.clock.now < end:
            return self.dice.choice(IN_AN_OUTAGE)
        drawn = self.dice.random() / self.level
        return FATES[int(drawn / 0.035)] if drawn < 0.035 * len(FATES) else "ok"

    def later(self, least: float) -> float:
        seconds = self.dice.uniform(least, LATEST)
        self.last_late = max(self.last_late, self.clock.now + seconds)
        return seconds

    def soon(self) -> float:
        return self.dice.uniform(0.001, 0.05)


class Line:
    """A controller's connections while it works for one actor."""

    def __init__(self, network: Network, controller: str, actor: str) -> None:
        self.network = network
        self.controller = controller
        self.actor = actor
        self.task: Task | None = None

    async def carry(
        self, neighbour: str, call: str, deliver: Callable[[], Coroutine[Any, Any, T | Undecided]]
    ) -> T | Undecided:
        """As the chassis does it: what fails at once is sent again, what was silent is not."""
        clock, started = self.network.clock, self.network.clock.now
        outcome: T | Undecided = NotSent(neighbour, "no attempt was made")
        doubt: OutcomeUnknown | None = None
        for attempt in range(ATTEMPTS):
            if attempt and clock.now - started >= TIMEOUT:
                break
            if attempt:
                await clock.sleep(FIRST_PAUSE * 2**attempt)
            outcome = await self._attempt(neighbour, call, deliver)
            if not isinstance(outcome, NotSent | OutcomeUnknown):
                return outcome
            doubt = outcome if isinstance(outcome, OutcomeUnknown) else doubt
        return doubt or outcome

    def _attempt(
        self, neighbour: str, call: str, deliver: Callable[[], Coroutine[Any, Any, T | Undecided]]
    ) -> Wait[T | Undecided]:
        network, wait = self.network, Wait[T | Undecided]()
        if self.task is not None:
            self.task.doing = call
        fate = network.fate(neighbour)
        network.met[self.actor, call, fate] += 1
        if fate != "ok":
            network.note(self.controller, self.actor, call, fate)

        def effect() -> T | Undecided:
            answer = at_once(deliver())
            network.note(self.controller, self.actor, call, "→", told(answer))
            network.look()
            return answer

        def arrive() -> None:
            answer = effect()
            if fate in ANSWERED:
                network.clock.after(network.soon(), lambda: wait.answer(answer))

        if fate in ARRIVES:
            network.clock.after(network.later(TIMEOUT) if fate == "late" else network.soon(), arrive)
        if fate == "duplicate":
            network.clock.after(network.later(0.06), effect)
        if fate not in ANSWERED:
            nothing = NotSent(neighbour, fate) if fate == "not_sent" else OutcomeUnknown(neighbour, fate)
            network.clock.after(TIMEOUT if fate in SILENT else 0.06, lambda: wait.answer(nothing))
        return wait


def told(answer: object) -> str:
    """An answer in a word or two, for the trace."""
    match answer:
        case Purchase(state=state, reason=why) | Refund(state=state, failure=why):
            return f"{state.value} {why or ''}"
        case Hold(state=held):
            return held
        case PaymentIntent(status=status):
            return status.value
        case Refused(problem):
            return f"refused: {problem.slug} {problem.members.get('reason', '')}"
        case _:
            return type(answer).__name__


def definite(answer: T | Undecided) -> T:
    if isinstance(answer, NotSent | OutcomeUnknown):
        raise Unavailable(service=answer.neighbour)
    return answer


@dataclass
class Carts:
    """cartdb over the line."""

    line: Line
    store: FakeCarts

    async def find(self, who: Authority, cart_id: UUID | None) -> Cart:
        return definite(await self.line.carry("cartdb", "find", lambda: self.store.find(str(who.owner))))

    async def purchases(
        self, who: Authority, *, limit: int, before: datetime | None, states: Iterable[PurchaseState] = ()
    ) -> list[Purchase]:
        raise AssertionError("nobody lists orders here")

    async def purchase_of(self, who: Authority, checkout_id: UUID) -> Purchase | Refused | Undecided:
        return await self.line.carry("cartdb", "purchase_of", lambda: self.store.purchase_of(checkout_id))

    async def void(self, owner: str, checkout_id: UUID, command: Void) -> Purchase | Refused | Undecided:
        return await self.line.carry("cartdb", "void", lambda: self.store.void(owner, checkout_id, command))

    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> Purchase | Refused | Undecided:
        async def marked() -> Purchase | Refused | Undecided:
            try:
                return await self.store.purchase(owner, cart_id, request)
            except Problem as problem:  # The caller's own fault, which the client lists among no refusals.
                return OutcomeUnknown("cartdb", problem.slug)

        return await self.line.carry("cartdb", "purchase", marked)

    async def attach(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        return await self.line.carry("cartdb", "attach", lambda: self.store.attach(owner, checkout_id, intent_id))

    async def settle(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        return await self.line.carry("cartdb", "settle", lambda: self.store.settle(owner, checkout_id, intent_id))

    async def unpurchase(
        self, owner: str, checkout_id: UUID, *, intent_id: str | None, reason: str
    ) -> Purchase | Refused | Undecided:
        return await self.line.carry(
            "cartdb",
            "unpurchase",
            lambda: self.store.unpurchase(owner, checkout_id, intent_id=intent_id, reason=reason),
        )

    async def unfinished(self, older_than: float) -> Unfinished | Refused | Undecided:
        return await self.line.carry("cartdb", "unfinished", lambda: self.store.unfinished(older_than))

    async def anybodys(self, checkout_id: UUID) -> Purchase | Refused | Undecided:
        return await self.line.carry("cartdb", "anybodys", lambda: self.store.anybodys(checkout_id))

    async def refund(self, owner: str, checkout_id: UUID, request: RefundRequest) -> Refund | Refused | Undecided:
        return await self.line.carry("cartdb", "refund_row", lambda: self.store.refund(owner, checkout_id, request))

    async def finish_refund(
        self, owner: str, refund_id: UUID, processor_refund_id: str
    ) -> Refund | Refused | Undecided:
        return await self.line.carry(
            "cartdb", "finish_refund", lambda: self.store.finish_refund(owner, refund_id, processor_refund_id)
        )

    async def fail_refund(
        self, owner: str, refund_id: UUID, *, failure: str, processor_refund_id: str | None
    ) -> Refund | Refused | Undecided:
        return await self.line.carry(
            "cartdb",
            "fail_refund",
            lambda: self.store.fail_refund(owner, refund_id, failure=failure, processor_refund_id=processor_refund_id),
        )

    async def apply(self, owner: str, frozen: Frozen) -> Receipt | Refused | Undecided:
        raise AssertionError("no adoption is unfinished")

    async def close(self, frozen: Frozen) -> bool:
        raise AssertionError("no adoption is unfinished")


@dataclass
class Catalog:
    """catalog over the line: one kind of goods, whose price changes."""

    line: Line
    store: FakeStock
    price: Callable[[], int]

    async def hold(self, checkout_id: UUID, lines: Iterable[HoldLine]) -> Hold | Refused | Undecided:
        kept = list(lines)
        return await self.line.carry("catalog", "hold", lambda: self.store.hold(checkout_id, kept))

    async def commit(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        return await self.line.carry("catalog", "commit", lambda: self.store.commit(checkout_id))

    async def release(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        return await self.line.carry("catalog", "release", lambda: self.store.release(checkout_id))

    async def restock(self, refund_id: UUID, request: RestockRequest) -> Restock | Refused | Undecided:
        return await self.line.carry("catalog", "restock", lambda: self.store.restock(refund_id, request))

    async def items(self, *, skus: Iterable[str] = (), ids: Iterable[tuple[int, int | None]] = ()) -> ItemList:
        kept = list(skus)

        async def read() -> ItemList:
            return ItemList(items=[self._item(sku) for sku in kept])

        return definite(await self.line.carry("catalog", "items", read))

    def _item(self, sku: str) -> Item:
        return Item(
            sku=sku,
            product_id=1,
            variant_id=None,
            title="Apple",
            variant=None,
            category="Fruit",
            image=None,
            unit_price=self.price(),
            currency="INR",
            stock=self.store.available,
            variants_of=False,
        )

    async def products(self, params: list[tuple[str, str]]) -> ProductPage:
        return _unasked()

    async def product(self, sku: str) -> Product:
        return _unasked()

    async def categories(self) -> CategoryList:
        return _unasked()

    async def descriptions(self, query: DescriptionQuery) -> DescriptionList:
        return _unasked()


def _unasked() -> NoReturn:
    raise AssertionError("a checkout does not browse")


@dataclass
class Payments:
    """The processor over the line. Its bank may be slow, and a card may work at one try and not at the next."""

    line: Line
    store: FakePayments
    slow_bank: bool

    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided:
        return await self.line.carry(
            "payments",
            "create",
            lambda: self.store.create(amount=amount, currency=currency, checkout_id=checkout_id),
        )

    async def confirm(
        self, intent_id: str, *, payment_method: str, checkout_id: UUID
    ) -> PaymentIntent | Refused | Undecided:
        dice, clock = self.line.network.dice, self.line.network.clock

        async def charge() -> PaymentIntent | Refused | Undecided:
            before = self.store.intents[intent_id].status
            self.store.declines = payment_method == "pm_flaky" and dice.random() < 0.5
            self.store.slow = self.slow_bank and dice.random() < 0.5
            answer = await self.store.confirm(intent_id, payment_method=payment_method, checkout_id=checkout_id)
            now = self.store.intents[intent_id].status
            if now is IntentStatus.PROCESSING and now is not before:
                clock.after(dice.uniform(0.2, 15), lambda: self._decide(intent_id, paid=dice.random() < 0.7))
            return answer

        return await self.line.carry("payments", "confirm", charge)

    def _decide(self, intent_id: str, *, paid: bool) -> None:
        self.store.decide(intent_id, paid=paid)
        self.line.network.note("bank", intent_id, "paid" if paid else "declined")
        self.line.network.look()

    async def cancel(self, intent_id: str) -> PaymentIntent | Refused | Undecided:
        return await self.line.carry("payments", "cancel", lambda: self.store.cancel(intent_id))

    async def find(self, intent_id: str) -> PaymentIntent | Refused | Undecided:
        return await self.line.carry("payments", "find_intent", lambda: self.store.find(intent_id))

    async def refunds_of(self, intent_id: str) -> list[StripeRefund] | Refused | Undecided:
        return await self.line.carry("payments", "refunds_of", lambda: self.store.refunds_of(intent_id))

    async def refund(
        self, intent_id: str, *, amount: int, reason: str | None, refund_id: UUID, checkout_id: UUID, attempt: int
    ) -> StripeRefund | Refused | Undecided:
        dice = self.line.network.dice

        async def give_back() -> StripeRefund | Refused | Undecided:
            self.store.refusing_refunds = dice.random() < 0.3
            return await self.store.refund(
                intent_id,
                amount=amount,
                reason=reason,
                refund_id=refund_id,
                checkout_id=checkout_id,
                attempt=attempt,
            )

        return await self.line.carry("payments", "refund", give_back)
