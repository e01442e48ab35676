"""One seeded schedule: two controllers, two owners with two tabs each, and whatever goes wrong meanwhile."""

from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from services.cartdb.purchase import REFUSALS
from services.contracts.carts import CartStatus, Purchase, PurchaseState
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.problems import (
    CartInCheckout,
    CartIsEmpty,
    CheckoutCannotBeCancelled,
    IdempotencyKeyReused,
    OrderNotFound,
    Problem,
    Unavailable,
)
from services.contracts.refunds import Refund, RefundState
from services.contracts.shop import RefundCommand
from services.controller.authority import Authority
from services.controller.checkout import Checkout
from services.controller.desk import Desk
from services.controller.orders import Bought, Orders
from services.controller.quote import Form, checkout_id_of
from services.controller.reconcile import Reconcile
from services.controller.refunds import Refunds
from tests.checkout_fakes import NOW, FakeCarts, FakePayments, FakeStock, Wire
from tests.fault.clock import Clock, Task, at_once
from tests.fault.network import Carts, Catalog, Line, Network, Payments

FAULTS_END, RECOVERY = 120.0, 60.0
CONTROLLERS = ("A", "B")
STATUS = {PurchaseState.PENDING: CartStatus.IN_CHECKOUT, PurchaseState.PAID: CartStatus.PURCHASED}


@dataclass(frozen=True)
class Parts:
    """What a schedule is built of. A mutant exchanges one."""

    checkout: type[Checkout] = Checkout
    reconcile: type[Reconcile] = Reconcile
    refunds: type[Refunds] = Refunds
    orders: type[Orders] = Orders
    carts: type[FakeCarts] = FakeCarts
    stock: type[FakeStock] = FakeStock
    payments: type[FakePayments] = FakePayments
    line_to_payments: type[Payments] = Payments


TOLD_OF = {RefundState.DONE: "done", RefundState.FAILED: "refused", RefundState.PENDING: "processing"}


class Bearer:
    """A credential that nobody looks at."""

    async def authorization(self) -> str:
        return "Bearer"

    def forget(self) -> None:
        """There is nothing to forget."""


class Strangers:
    """Nobody here was ever a guest before."""

    async def guests_of(self, _: str) -> list[Authority]:
        return []


@dataclass(frozen=True)
class Shopper:
    """Whose cart it is."""

    owner_id: str
    earlier_guest: Authority | None = None

    @property
    def authority(self) -> Authority:
        return Authority(Bearer(), self.owner_id)


@dataclass
class Controller:
    """A process that may die with everything that it is doing."""

    name: str
    up: bool = True
    tasks: list[Task] = field(default_factory=list)


class Schedule:
    """Runs once; then `violations` says what broke."""

    def __init__(self, seed: int, parts: Parts = Parts()) -> None:
        self.seed = seed
        self.parts = parts
        self.dice = Random(seed)
        self.clock = Clock()
        self.violations: list[str] = []
        self.told: defaultdict[UUID, set[str]] = defaultdict(set)
        self.told_of_refunds: defaultdict[UUID, set[str]] = defaultdict(set)
        self.refused: set[tuple[UUID, str]] = set()
        self.shown: dict[str, int] = {}
        self.price = 4000
        self.start = self.dice.choice([3, 6, 40])
        wire = Wire()
        self.carts = parts.carts(wire, clock=lambda: NOW + timedelta(seconds=self.clock.now))
        self.stock = parts.stock(wire, available=self.start)
        self.payments = parts.payments(wire)
        self.network = Network(
            self.clock, self.dice, self.dice.choice([0.4, 1.0, 1.0, 1.5]), self._outages(), self._look
        )
        self.slow_bank = self.dice.random() < 0.3
        self.old_enough = self.dice.choice([0.0, 15.0, 15.0, 15.0])
        self.controllers = [Controller(name) for name in CONTROLLERS]

    def _outages(self) -> dict[str, tuple[float, float]]:
        outages = {}
        for neighbour, share in (("payments", 0.4), ("catalog", 0.15), ("cartdb", 0.15)):
            begin, length = self.dice.uniform(0, 40), self.dice.uniform(20, 90)
            if self.dice.random() < share:
                outages[neighbour] = (begin, begin + length)
        return outages

    # --- processes

    def _spawn(self, controller: Controller, actor: str, work: Callable[[Line], Coroutine[Any, Any, None]]) -> None:
        line = Line(self.network, controller.name, actor)
        task = Task(work(line), lambda task: self._held_up(controller, actor, task))
        line.task = task
        controller.tasks = [*(one for one in controller.tasks if not one.ended), task]
        task.go_on()

    def _held_up(self, controller: Controller, actor: str, task: Task) -> bool:
        if self.network.healed:
            return False
        drawn = self.dice.random() / self.network.level
        if drawn < 0.008:
            self.network.met[actor, task.doing, "crash"] += 1
            self._crash(controller)
        elif drawn < 0.016:
            self.network.met[actor, task.doing, "stall"] += 1
            self.network.note(controller.name, actor, task.doing, "stalls")
            seconds = self.dice.uniform(10, 60)
            self.network.last_late = max(self.network.last_late, self.clock.now + seconds)
            self.clock.after(seconds, task.go_on)
        return drawn < 0.016

    def _crash(self, controller: Controller) -> None:
        self.network.note(controller.name, "crashes")
        controller.up = False
        for task in controller.tasks:
            task.kill()
        controller.tasks = []
        self.clock.after(self.dice.uniform(1, 15), lambda: self._boot(controller))

    def _boot(self, controller: Controller) -> None:
        controller.up = True
        self._spawn(controller, "reconcile", self._reconcile)

    def _some_controller(self) -> Controller | None:
        up = [controller for controller in self.controllers if controller.up]
        return self.dice.choice(up) if up else None

    # --- what a controller does

    def _checkout(self, line: Line) -> Checkout:
        return self.parts.checkout(
            carts=Carts(line, self.carts), stock=self._catalog(line), payments=self._pay(line), alarm=self._alarm
        )

    def _catalog(self, line: Line) -> Catalog:
        return Catalog(line, self.stock, lambda: self.price)

    def _pay(self, line: Line) -> Payments:
        return self.parts.line_to_payments(line, self.payments, self.slow_bank)

    def _orders(self, line: Line) -> Orders:
        return self.parts.orders(
            carts=Carts(line, self.carts),
            goods=self._catalog(line),
            checkout=self._checkout(line),
            guests=Strangers(),
            currency="INR",
            aliases={},
        )

    def _refunds(self, line: Line) -> Refunds:
        return self.parts.refunds(
            carts=Carts(line, self.carts), stock=self._catalog(line), payments=self._pay(line), alarm=self._alarm
        )

    def _alarm(self, what: str, concerned: Purchase | Refund, problem: Problem) -> None:
        self._bad(f"alarm: {what}")

    async def _reconcile(self, line: Line) -> None:
        reconcile = self.parts.reconcile(
            checkout=self._checkout(line),
            refunds=self._refunds(line),
            carts=Carts(line, self.carts),
            payments=self._pay(line),
        )
        while True:
            await self.clock.sleep(self.dice.uniform(2, 6))
            await reconcile.round(older_than=self.old_enough)

    async def _check_out(self, line: Line, shopper: Shopper, form: Form, key: str | None) -> None:
        order_id = checkout_id_of(shopper.owner_id, key) if key else None
        try:
            done = await self._orders(line).check_out(shopper, form, cart_id=None, key=key)
        except Problem as problem:
            named = problem.members.get("order_id")
            order_id, meaning = order_id or (UUID(named) if named else None), _meaning(problem)
            self._tell(order_id, meaning)
            if order_id and meaning == "failed":
                self.refused.add((order_id, form.fingerprint))
            return
        self._tell(done.order.order_id, "paid" if isinstance(done, Bought) else "processing")

    async def _cancel(self, line: Line, shopper: Shopper, order_id: UUID) -> None:
        try:
            order = await self._orders(line).cancel(shopper, order_id)
        except CheckoutCannotBeCancelled:
            self._tell(order_id, "paid")
        except (CartInCheckout, OrderNotFound, Unavailable):
            self._tell(order_id, "unknown")
        else:
            self._tell(order_id, "called off" if order.status == "refused" else order.status)

    def _tell(self, order_id: UUID | None, what: str) -> None:
        self.network.note("told", order_id, what)
        if order_id is not None:
            self.told[order_id].add(what)

    # --- what shoppers do

    async def _tab(self, shopper: Shopper, tab: str) -> None:
        for visit in range(self.dice.randint(2, 4)):
            await self.clock.sleep(self.dice.uniform(0, 14))
            cart = at_once(self.carts.find(shopper.owner_id))
            if not cart.items or self.dice.random() < 0.25:
                at_once(self.carts.add(shopper.owner_id, "apple", self.dice.choice([1, 1, 2])))
            if self.dice.random() < 0.8:
                await self._pay_for_it(shopper, self.dice.choice([f"{tab}{visit}", f"{tab}{visit}", f"both{visit}"]))

    async def _pay_for_it(self, shopper: Shopper, name: str) -> None:
        dice = self.dice
        cart = at_once(self.carts.find(shopper.owner_id))
        shown = self.price * sum(line.quantity for line in cart.items)
        form = Form(
            payment_method=dice.choice(["pm_card_visa"] * 5 + ["pm_card_visa_chargeDeclined"] + ["pm_flaky"] * 2),
            email="shopper@example.com",
            shipping_address={"city": "Pune"},
            billing_address=None,
            currency=None,
            expected_total=shown if dice.random() < 0.6 else None,
            path="/checkout",
            expected_version=cart.version + dice.choice([0, 0, 0, 1]) if dice.random() < 0.2 else None,
        )
        key = name if dice.random() < 0.8 else None
        order_id = checkout_id_of(shopper.owner_id, key) if key else None
        if form.expected_total is not None:
            self.shown[form.fingerprint] = shown
        for _ in range(dice.choice([1, 1, 2, 3, 4])):
            if controller := self._some_controller():
                self._spawn(controller, "shopper", lambda line: self._check_out(line, shopper, form, key))
            await self.clock.sleep(dice.choice([0.05, 0.3, 3.0, dice.uniform(0, 25)]))
            if order_id and self.told[order_id] & {"paid", "failed"} and dice.random() < 0.5:
                return
            if order_id and dice.random() < 0.15:
                self._call_off(shopper, order_id)

    def _call_off(self, shopper: Shopper, order_id: UUID) -> None:
        if controller := self._some_controller():
            self._spawn(controller, "cancel", lambda line: self._cancel(line, shopper, order_id))

    # --- what the operator does

    async def _operator(self) -> None:
        for round_ in range(self.dice.randint(1, 3)):
            await self.clock.sleep(self.dice.uniform(8, 40))
            paid = [row for row in self.carts.rows.values() if row.state is PurchaseState.PAID]
            if paid:
                await self._give_back(self.dice.choice(paid), f"r{round_}")

    async def _give_back(self, order: Purchase, name: str) -> None:
        dice = self.dice
        assert order.snapshot is not None
        for part in range(dice.choice([1, 1, 2])):
            amount = dice.choice([None, order.snapshot.amount, order.snapshot.amount // 2, 1000])
            goods = [{"sku": "apple", "quantity": 1}] if dice.random() < 0.6 else []
            command = RefundCommand.model_validate({"amount": amount, "restock": goods})
            key = f"{name}-{part}" if dice.random() < 0.7 else None
            for _ in range(dice.choice([1, 2, 3])):
                if controller := self._some_controller():
                    self._spawn(controller, "operator", partial(self._refund, order.checkout_id, command, key))
                await self.clock.sleep(dice.choice([0.01, 0.3, dice.uniform(0, 15)]))

    async def _refund(self, order_id: UUID, command: RefundCommand, key: str | None, line: Line) -> None:
        desk = Desk(carts=Carts(line, self.carts), refunds=self._refunds(line))
        try:
            told = await desk.refund("user:olga", order_id, command, key=key)
        except Unavailable:
            return
        except Problem as problem:
            if named := problem.members.get("refund_id"):
                self.told_of_refunds[UUID(named)].add("refused")
            return
        self.told_of_refunds[told.reply.refund.refund_id].add("done" if told.done else "processing")

    async def _change_prices(self) -> None:
        for _ in range(3):
            await self.clock.sleep(self.dice.uniform(1, 25))
            self.price += self.dice.choice([-100, 150])

    # --- the run

    def run(self) -> "Schedule":
        try:
            self._run()
        except Exception as failure:  # noqa: BLE001 - whatever a step raises belongs into its schedule's report
            self._bad(f"raised {failure!r}")
        for controller in self.controllers:
            for task in controller.tasks:
                task.kill()
        return self

    def _run(self) -> None:
        for controller in self.controllers:
            self._boot(controller)
        for owner in ("guest:x", "guest:y"):
            for tab in "12":
                Task(self._tab(Shopper(owner), tab), lambda _: False).go_on()
        Task(self._change_prices(), lambda _: False).go_on()
        Task(self._operator(), lambda _: False).go_on()
        self.clock.run_until(FAULTS_END)
        self.network.healed = True
        left = self._pending()
        self.network.note("faults end", len(left), "pending")
        self.clock.run_until(FAULTS_END + RECOVERY)
        if left & self._pending():
            self._bad("not recovered in time")
        self.clock.run_until(max(FAULTS_END, self.network.last_late) + RECOVERY)
        self._look_at_the_end()

    def _pending(self) -> set[UUID]:
        purchases = {key for key, row in self.carts.rows.items() if row.state is PurchaseState.PENDING}
        return purchases | {key for key, row in self.carts.refunds.items() if row.state is RefundState.PENDING}

    # --- what must hold

    def _bad(self, what: str) -> None:
        if what not in self.violations:
            self.violations.append(what)
            self.network.note("VIOLATION", what)

    def _charged(self) -> list[tuple[UUID, PaymentIntent]]:
        intents = self.payments.intents.values()
        return [(UUID(one.metadata["checkout_id"]), one) for one in intents if one.status is IntentStatus.SUCCEEDED]

    def _look(self) -> None:
        """At every instant."""
        bought = Counter[UUID]()
        for checkout_id, intent in self._charged():
            row = self.carts.rows.get(checkout_id)
            if row is None or row.state is PurchaseState.FAILED or row.snapshot is None:
                self._bad("charged, and the cart is not purchased")
                continue
            bought[row.cart_id] += 1
            if intent.amount != row.snapshot.amount:
                self._bad("charged another amount than the snapshot's")
        if bought and max(bought.values()) > 1:
            self._bad("a cart was charged twice")
        if self.stock.available < 0:
            self._bad("stock below zero")
        self._look_at_carts()
        if self.carts.refunds:
            self._look_at_refunds()

    def _look_at_refunds(self) -> None:
        seen = set[str]()
        for _, given in self.payments.refunds.values():
            name = given.metadata["refund_id"]
            row = self.carts.refunds.get(UUID(name))
            if row is None or row.state is RefundState.FAILED or row.amount != given.amount:
                self._bad("given back, and no refund stands for it")
            if name in seen:
                self._bad("a refund was given back twice")
            seen.add(name)
        taken = Counter[UUID]()
        for row in self.carts.refunds.values():
            if row.state is not RefundState.FAILED:
                taken[row.checkout_id] += row.amount or 0
        if any(amount > self._paid(order_id) for order_id, amount in taken.items()):
            self._bad("refunds of more than was paid")

    def _paid(self, order_id: UUID) -> int:
        row = self.carts.rows[order_id]
        return row.snapshot.amount if row.snapshot and row.state is PurchaseState.PAID else 0

    def _look_at_carts(self) -> None:
        live = [row for row in self.carts.rows.values() if row.state is not PurchaseState.FAILED]
        if len({row.cart_id for row in live}) != len(live):
            self._bad("a cart has two purchases")
        for row in live:
            cart = self.carts.carts[row.cart_id]
            assert row.snapshot is not None
            if cart.status is not STATUS[row.state]:
                self._bad("a purchased cart is open")
            if cart.quantities != {line.sku: line.quantity for line in row.snapshot.lines}:
                self._bad("a purchased cart differs from its snapshot")
            if self.shown.get(row.fingerprint, row.snapshot.amount) != row.snapshot.amount:
                self._bad("another total than was shown")

    def _look_at_the_end(self) -> None:
        charged = Counter(checkout_id for checkout_id, _ in self._charged())
        for checkout_id in {**self.carts.rows, **charged}:
            self._look_at_an_end(checkout_id, charged[checkout_id])
        busy = sum(cart.status is CartStatus.IN_CHECKOUT for cart in self.carts.carts.values())
        if self._pending() or busy:
            self._bad("pending for ever")
        if "held" in self.stock.holds.values():
            self._bad("stock held for ever")
        sold = sum(
            line.quantity
            for row in self.carts.rows.values()
            if row.state is PurchaseState.PAID and row.snapshot
            for line in row.snapshot.lines
        )
        done = [row for row in self.carts.refunds.values() if row.state is RefundState.DONE]
        sold -= sum(line.quantity for row in done for line in row.restock)
        if self.stock.sold != sold or sold + self.stock.available != self.start:
            self._bad("stock sold and left is not what there was")
        if sum(given.amount for _, given in self.payments.refunds.values()) != sum(row.amount or 0 for row in done):
            self._bad("given back and refunded disagree")
        for refund_id, told in self.told_of_refunds.items():
            row = self.carts.refunds.get(refund_id)
            if told - {"processing", TOLD_OF[row.state] if row else "refused"}:
                self._bad("told another end of a refund")

    def _look_at_an_end(self, checkout_id: UUID, charges: int) -> None:
        row = self.carts.rows.get(checkout_id)
        paid = row is not None and row.state is PurchaseState.PAID
        if charges != int(paid):
            self._bad("paid and charged disagree")
        if paid != (self.stock.holds.get(checkout_id) == "committed"):
            self._bad("paid and sold disagree")
        if "paid" in self.told[checkout_id] and not paid:
            self._bad("told paid, and it is not")
        failed = "called off" in self.told[checkout_id] or (row and (checkout_id, row.fingerprint) in self.refused)
        if paid and failed:
            self._bad("told failed, and it is paid")
        if self.told[checkout_id] & {"paid", "processing"} and row is None:
            self._bad("told of an order that is not there")

    def endings(self) -> Counter[str]:
        """How the checkouts ended."""
        ends = Counter[str]()
        for row in self.carts.rows.values():
            refused = row.snapshot is None or row.reason in REFUSALS
            ends["refused" if refused else row.state.value] += 1
            ends["marked"] += not refused
        ends.update("told " + what for told in self.told.values() for what in told)
        ends.update("refund " + row.state.value for row in self.carts.refunds.values())
        return ends

    def story(self) -> str:
        """Every event, in order."""
        return "\n".join(f"{what[0]:8.2f}  " + " ".join(map(str, what[1:])) for what in self.network.trace)


def _meaning(problem: Problem) -> str:
    if isinstance(problem, Unavailable):
        return "unknown"
    return "nothing" if isinstance(problem, IdempotencyKeyReused | CartIsEmpty) else "failed"
