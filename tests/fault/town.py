"""What all shoppers of a run share: goods, checkouts and what was told of them, whose carts are whose."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.fault.asking import Client, Door
from tests.fault.histories import Diary

PLAIN = ("rice", "lentils", "tea", "salt", "honey")
VOLATILE = "saffron"
RARE = "truffle"
REPRICE_SECONDS = 4.0
PATIENCE_SECONDS = 90.0
"""How long a shopper goes on asking before that counts as broken; the shop promises far less."""


@dataclass
class Attempt:
    """One checkout, by its order id, and everything that anybody was told of its outcome."""

    order_id: str
    owner_id: str
    cart_id: str
    shown: int
    diary: Diary
    told: set[str] = field(default_factory=set)

    def tell(self, what: str) -> None:
        """Somebody was told paid, refused or processing."""
        self.told.add(what)
        if {"paid", "refused"} <= self.told:
            self.diary.breaks(f"order {self.order_id} was told paid and refused")

    @property
    def outcome(self) -> str | None:
        """What was told for good."""
        return next((what for what in ("paid", "refused") if what in self.told), None)


@dataclass
class Giving:
    """One refund that an operator wants, and everything that anybody was told of it.

    `amount` is in minor units, and no other refund of the order is wanted of the same, so that they are told apart
    without their ids.
    """

    order_id: str
    amount: int
    diary: Diary
    refund_ids: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    def tell(self, what: str) -> None:
        """The operator was told done, refused or processing."""
        self.told.add(what)
        if {"done", "refused"} <= self.told:
            self.diary.breaks(f"the refund of {self.amount} of order {self.order_id} was told done and refused")

    def named(self, refund_id: str) -> None:
        """An answer told its id."""
        self.refund_ids.add(refund_id)
        if len(self.refund_ids) > 1:
            self.diary.breaks(f"the refund of {self.amount} of order {self.order_id} is {sorted(self.refund_ids)}")

    @property
    def outcome(self) -> str | None:
        """What was told for good."""
        return next((what for what in ("done", "refused") if what in self.told), None)


@dataclass(frozen=True)
class Places:
    """Where a town's services are, and what opens them."""

    idp: str
    catalog: str
    editor_secret: str


class Town:
    """The world of one run."""

    def __init__(self, door: Door, places: Places, dice: random.Random, *, think: float = 0.15) -> None:
        self.door = door
        self.places = places
        self.dice = dice
        self.think = think
        self.attempts: dict[str, Attempt] = {}
        self.givings: dict[tuple[str, int], Giving] = {}
        self.owners: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.waits: list[float] = []
        self.restless = 0.15
        """How likely a member signs out after a journey."""
        self.names = f"{dice.getrandbits(40):x}"
        self.ended = asyncio.Event()
        self._merchant: Client | None = None

    def sku(self, name: str) -> str:
        return f"{name}-{self.names}"

    async def open(self) -> None:
        """Put the goods on the shelves."""
        form = {"grant_type": "client_credentials", "scope": "catalog:write"}
        form |= {"client_id": "catalog-editor", "client_secret": self.places.editor_secret}
        nobody = self.door.client()
        answer = await nobody.ask("POST", f"{self.places.idp}/token", form=form)
        await nobody.close()
        assert answer.good, f"no token for the catalog: {answer} {answer.text}"
        self._merchant = self.door.client(token=answer.body["access_token"])
        for name in (*PLAIN, VOLATILE, RARE):
            stock = 60 if name == RARE else 1_000_000
            await self._stock_up(name, price=self.dice.randint(100, 90_000), stock=stock)

    async def _stock_up(self, name: str, *, price: int, stock: int) -> None:
        assert self._merchant is not None
        goods = {"title": f"Somebody's {name}", "category": "Faults", "price": price, "stock": stock}
        answer = await self._merchant.ask("PUT", f"{self.places.catalog}/products/{self.sku(name)}", json=goods)
        assert answer.good, f"no {name} in the catalog: {answer} {answer.text}"

    async def keep_changing_prices(self) -> None:
        """The merchant changes a price now and then; whether it is heard is nobody's concern."""
        assert self._merchant is not None
        while not self.ended.is_set():
            price = {"price": self.dice.randint(100, 90_000)}
            where = f"{self.places.catalog}/products/{self.sku(VOLATILE)}"
            answer = await self._merchant.ask("PATCH", where, json=price, seconds=3)
            self.counts["prices changed"] += answer.good
            await self.pause(REPRICE_SECONDS)

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the run."""
        try:
            async with asyncio.timeout(seconds):
                await self.ended.wait()
        except TimeoutError:
            pass

    def attempt(self, order_id: str, *, owner_id: str, cart_id: str, shown: int, diary: Diary) -> Attempt:
        """The checkout of that id, known from its first request on."""
        if order_id not in self.attempts:
            self.attempts[order_id] = Attempt(order_id, owner_id, cart_id, shown, diary)
        return self.attempts[order_id]

    def giving(self, order_id: str, amount: int, *, diary: Diary) -> Giving | None:
        """A refund that nobody has wanted yet; None if somebody has."""
        if (order_id, amount) in self.givings:
            return None
        return self.givings.setdefault((order_id, amount), Giving(order_id, amount, diary))

    def paid_orders(self) -> list[Attempt]:
        """Those that somebody was told to be paid."""
        return [attempt for attempt in self.attempts.values() if attempt.outcome == "paid"]

    def belongs(self, cart_id: str, owner_id: str) -> bool:
        """Whether a cart is nobody else's."""
        return self.owners.setdefault(cart_id, owner_id) == owner_id

    def foreign_cart(self, owner_id: str, dice: random.Random) -> str | None:
        """A cart of somebody else."""
        return self._other(list(self.owners.items()), owner_id, dice)

    def foreign_order(self, owner_id: str, dice: random.Random) -> str | None:
        """An order of somebody else."""
        orders = [(order_id, attempt.owner_id) for order_id, attempt in self.attempts.items()]
        return self._other(orders, owner_id, dice)

    @staticmethod
    def _other(owned: Sequence[tuple[str, str]], owner_id: str, dice: random.Random) -> str | None:
        for _ in range(5):
            if owned and (pick := dice.choice(owned))[1] != owner_id:
                return pick[0]
        return None

    def waited(self, since: float) -> None:
        """A shopper knows the outcome of a checkout that began then."""
        self.waits.append(time.monotonic() - since)
