"""A small shop to be searched through: the real steps over neighbours in memory, whose holdings can be put back."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import Any

from services.contracts.payments import IntentStatus
from services.controller.quote import Form, checkout_id_of
from tests.checkout_fakes import FakeCart
from tests.fault.clock import at_once
from tests.fault.forks import Ask, Door, Work, value_of
from tests.fault.network import Carts
from tests.fault.schedule import Parts, Schedule, Shopper

Fact = tuple[str, Any]
OWNER, PRICE, RAISED, ROUNDS = "guest:x", 4000, 4150, 3


@dataclass(frozen=True)
class Shop:
    """A small world: what may happen in it besides lost, late and repeated messages, crashes and pauses.

    Attributes:
        keys: checkouts of one cart, each sent as often as anybody likes.
        stock: of the one thing that is sold; the cart holds one.
        outsider: somebody else takes one, and brings it back, at any time.
        declines: the card may be declined, at each try anew.
        slow: the bank may take its time, and then say either.
        reprices: the price rises once.
        edits: the shopper adds one more, once, while the cart is open.
        cancels: the shopper calls a checkout off, as often as they like.
    """

    name: str
    keys: tuple[str, ...] = ("a",)
    stock: int = 1
    outsider: bool = False
    declines: bool = False
    slow: bool = False
    reprices: bool = False
    edits: bool = False
    cancels: bool = False


class Silent:
    """A network that carries nothing, and dice that were thrown before."""

    def __init__(self) -> None:
        self.thrown: list[float] = []
        self.dice = self
        self.clock = self
        self.now = 0.0
        self.healed = True

    def random(self) -> float:
        return self.thrown.pop(0)

    def uniform(self, least: float, _: float) -> float:
        return least

    def after(self, _: float, __: object) -> None:
        """The bank decides when the search lets it."""

    def note(self, *_: object) -> None:
        """The way to a state is kept by the search."""


# What `confirm` draws: whether a flaky card is declined, then whether the bank is slow.
APPROVED, DECLINED, SLOWLY = (0.9, 0.9), (0.1, 0.9), (0.9, 0.1)


@dataclass(frozen=True, slots=True)
class Image:
    """What the neighbours hold, to be put back."""

    carts: dict[str, Any]
    stock: dict[str, Any]
    payments: dict[str, Any]
    price: int
    taken: int
    edited: bool


class World:
    """A shop in one state at a time; states have numbers."""

    def __init__(self, shop: Shop, parts: Parts) -> None:
        self.shop = shop
        self.network = Silent()
        self.schedule = Schedule(0, parts)
        self.schedule.network = self.network  # type: ignore[assignment] # all that steps and rules see of one
        self.schedule.slow_bank = shop.slow
        self.schedule.price = PRICE
        self.schedule.stock.available = shop.stock
        self.images: list[Image] = []
        self._numbers: dict[object, int] = {}
        self._present: int | None = None
        self._taken, self._edited = 0, False
        at_once(self.schedule.carts.add(OWNER, "apple", 1))

    # --- who does what

    def works(self) -> Iterator[Work]:
        world, shopper = self.schedule, Shopper(OWNER)
        form = Form(
            payment_method="pm_flaky" if self.shop.declines else "pm_card_visa",
            email="shopper@example.com",
            shipping_address={"city": "Pune"},
            billing_address=None,
            currency=None,
            expected_total=PRICE,
            path="/checkout",
        )
        world.shown[form.fingerprint] = PRICE
        for key in self.shop.keys:
            yield lambda door, key=key: world._check_out(door, shopper, form, key)  # type: ignore[misc]
            if self.shop.cancels:
                order_id = checkout_id_of(OWNER, key)
                yield lambda door, order_id=order_id: world._cancel(door, shopper, order_id)  # type: ignore[misc]
        yield self.reconcile

    async def reconcile(self, door: Door) -> None:
        world, line = self.schedule, door
        reconcile = world.parts.reconcile(
            checkout=world._checkout(line),  # type: ignore[arg-type] # a door is all that the clients need of a line
            carts=Carts(line, world.carts),  # type: ignore[arg-type]
            payments=world._pay(line),  # type: ignore[arg-type]
            refunds=world._refunds(line),  # type: ignore[arg-type]
        )
        await reconcile.round(older_than=0.0)

    # --- what the neighbours hold

    def freeze(self) -> int:
        """The number of what they hold now."""
        if self._present is not None and self._is_at(self.images[self._present]):
            return self._present
        world = self.schedule
        image = Image(
            _copied(world.carts), _copied(world.stock), _copied(world.payments), world.price, self._taken, self._edited
        )
        key = value_of([image.carts, image.stock, image.payments, image.price, image.taken, image.edited])
        if key not in self._numbers:
            self._numbers[key] = len(self.images)
            self.images.append(image)
        self._present = self._numbers[key]
        return self._present

    def _is_at(self, image: Image) -> bool:
        if (self.schedule.price, self._taken, self._edited) != (image.price, image.taken, image.edited):
            return False
        return all(getattr(store, name) == value for store, kept in self._stores(image) for name, value in kept.items())

    def _stores(self, image: Image) -> tuple[tuple[Any, dict[str, Any]], ...]:
        world = self.schedule
        return (world.payments, image.payments), (world.stock, image.stock), (world.carts, image.carts)

    def restore(self, number: int) -> None:
        """Put back what they held."""
        if self._present == number:
            return
        image = self.images[number]
        for store, kept in self._stores(image):
            for name, value in kept.items():
                setattr(store, name, _copy(value))
        self.schedule.price, self._taken, self._edited = image.price, image.taken, image.edited
        self._present = number

    def deliver(self, number: int, ask: Ask, thrown: tuple[float, ...]) -> tuple[int, Any]:
        """What the neighbours hold after a call arrived, and its answer."""
        self.restore(number)
        self.network.thrown = list(thrown)
        answer = at_once(ask.deliver())
        return self.freeze(), answer

    def draws(self, ask: Ask) -> list[tuple[float, ...]]:
        """The dice that a call may meet: a card declined or not, a bank slow or not."""
        if ask.call != "confirm":
            return [()]
        draws = [APPROVED, *([DECLINED] if self.shop.declines else []), *([SLOWLY] if self.shop.slow else [])]
        return [draw if self.shop.declines else draw[1:] for draw in draws]

    def outside(self, image: int) -> Iterator[tuple[str, int]]:
        """What happens without a message between the services."""
        shop, world = self.shop, self.schedule
        now = self.images[image]
        if shop.reprices and now.price == PRICE:
            self.restore(image)
            world.price = RAISED
            yield "the price rises", self.freeze()
        if shop.outsider and (now.taken or now.stock["available"]):
            self.restore(image)
            world.stock.available += 1 if self._taken else -1
            self._taken = 1 - self._taken
            yield f"somebody else {'brings back' if now.taken else 'takes'} one", self.freeze()
        if shop.edits and not now.edited:
            self.restore(image)
            self._edited = at_once(world.carts.add(OWNER, "apple", 1))
            if self._edited:
                yield "the shopper adds one", self.freeze()
        for intent in [one for one in now.payments["intents"].values() if one.status is IntentStatus.PROCESSING]:
            for paid in (True, False):
                self.restore(image)
                world.payments.decide(intent.id, paid=paid)
                yield f"the bank {'pays' if paid else 'declines'}", self.freeze()

    # --- what must hold

    def forget(self) -> None:
        """Nobody has been told anything."""
        self.schedule.told.clear()
        self.schedule.refused.clear()
        self.schedule.violations.clear()

    def facts(self) -> Iterator[Fact]:
        """What has been told since."""
        yield from (("told", (order_id, what)) for order_id, told in self.schedule.told.items() for what in told)
        yield from (("refused", one) for one in self.schedule.refused)
        yield from (("alarm", what) for what in self.schedule.violations)

    def look(self, number: int, facts: list[Fact]) -> str | None:
        """The rule that is broken, now or after a recovery without faults, if what was told is this."""
        for paid in (True, False):
            self.restore(number)
            self._present = None
            self._recall(facts)
            self.schedule._look()
            if not self.schedule.violations:
                self._recover(paid=paid)
                self._recall(facts)
                self.schedule._look()
                self.schedule._look_at_the_end()
            if self.schedule.violations:
                return self.schedule.violations[0]
        return None

    def _recall(self, facts: list[tuple[str, Any]]) -> None:
        world = self.schedule
        self.forget()
        world.start = self.shop.stock - self._taken
        for kind, what in facts:
            if kind == "told":
                world.told[what[0]].add(what[1])
            elif kind == "refused":
                world.refused.add(what)
            else:
                world._bad(what)

    def _recover(self, *, paid: bool) -> None:
        """The faults stop, the bank decides, and reconcile runs: a few rounds, each to its end."""
        for intent in list(self.schedule.payments.intents.values()):
            if intent.status is IntentStatus.PROCESSING:
                self.schedule.payments.decide(intent.id, paid=paid)
        for _ in range(ROUNDS):
            if not self.schedule._pending():
                return
            running = self.reconcile(Door(self.network))
            try:
                ask: Ask = running.send(None)
                while True:
                    ask.answer = at_once(ask.deliver())
                    ask = running.send(None)
            except StopIteration:
                pass


def _copied(store: Any) -> dict[str, Any]:
    names = [one.name for one in fields(store) if one.name not in ("wire", "clock", "declines", "slow")]
    return {name: _copy(getattr(store, name)) for name in names}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    if isinstance(value, FakeCart):
        return replace(value, quantities=dict(value.quantities))
    return copy(value) if isinstance(value, list | set) else value
