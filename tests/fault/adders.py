"""Somebody whose every add can be told from all others: a lost, a doubled and an invented one are each seen at the end.

Into one cart the n-th add of a SKU puts 4**n, so that the line's digits to the base of 4 tell how often each was
counted; and since nothing but adds happens to the cart, its history and its version tell the same.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fault.asking import Client
from tests.fault.carts import quantities
from tests.fault.person import GaveUpError, Person
from tests.fault.town import PATIENCE_SECONDS, PLAIN, Town

BASE = 4
ADDS_OF_ONE = 5
"""1 + 4 + 16 + 64 + 256 are far less than a line holds, and so are twice as many."""
TABS = 3
TRIES = (1, 2, 3, 30)
"""How often somebody sends one add before leaving it alone, acknowledged or not."""


@dataclass(frozen=True, order=True)
class Add:
    """One add, like no other of its cart."""

    sku: str
    number: int

    @property
    def quantity(self) -> int:
        return int(BASE**self.number)


@dataclass
class Basket:
    """A cart that is only ever added to, and what was told of each add."""

    client: Client
    cart_id: str
    sent: set[Add] = field(default_factory=set)
    acknowledged: set[Add] = field(default_factory=set)

    def wrongs(self, cart: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> list[str]:
        """What the cart and its history hold that they cannot, in words."""
        held = counted(quantities(cart))
        told = Counter(told_by(history))
        return [
            *(f"{add} was acknowledged and is lost" for add in sorted(self.acknowledged - held.keys())),
            *(f"{add} is counted {times} times" for add, times in sorted(held.items()) if times > 1),
            *(f"{add} was never sent" for add in sorted(held.keys() - self.sent)),
            *(f"{add} is in the history {told[add]} times, in the cart {held[add]} times"
              for add in sorted(held | told) if told[add] != held[add]),
            *([f"version {cart['version']} after {held.total()} adds"] if cart["version"] != held.total() else []),
        ]  # fmt: skip


def counted(lines: Mapping[str, int]) -> Counter[Add]:
    """How often each add is in the lines."""
    found = Counter[Add]()
    for sku, quantity in lines.items():
        number, left = 0, quantity
        while left:
            left, times = divmod(left, BASE)
            found += Counter({Add(sku, number): times})
            number += 1
    return found


def told_by(history: Iterable[Mapping[str, Any]]) -> Iterable[Add]:
    """The adds that a history tells of, by what each made of its line."""
    before = Counter[str]()
    for entry in history:
        if entry["action"] == "add":
            more = entry["quantity"] - before[entry["sku"]]
            before[entry["sku"]] = entry["quantity"]
            yield Add(entry["sku"], (more.bit_length() - 1) // 2 if more in POWERS else -1)


POWERS = frozenset(BASE**number for number in range(ADDS_OF_ONE))


class Adder(Person):
    """One of them, for as long as the trouble lasts."""

    def __init__(self, number: int, town: Town, seed: str) -> None:
        super().__init__(f"adder {number}", town, random.Random(f"{seed}:{number}"))
        self.baskets: list[Basket] = []

    async def live(self) -> None:
        """One basket after another until the run ends."""
        while not self.town.ended.is_set():
            try:
                await self.fill_one()
            except GaveUpError as why:
                self.diary.breaks(f"no definite answer in {PATIENCE_SECONDS:.0f} s: {why}")
            await self.think()

    async def fill_one(self) -> None:
        """Somebody new, whose tabs add at the same time."""
        self.me.client = self.town.door.client()
        cart = await self.insist("GET", "/cart")
        basket = Basket(self.me.client, str(cart.body["cart_id"]))
        self.baskets.append(basket)
        adds = [Add(self.town.sku(name), number) for name in PLAIN for number in range(ADDS_OF_ONE)]
        self.dice.shuffle(adds)
        await self.all_of(*(self._add_all(basket, adds[tab::TABS]) for tab in range(TABS)))

    async def _add_all(self, basket: Basket, adds: Sequence[Add]) -> None:
        for add in adds:
            if not self.town.ended.is_set():
                await self._add(basket, add)

    async def _add(self, basket: Basket, add: Add) -> None:
        path = self.dice.choice(("/cart/items", f"/carts/{basket.cart_id}/items"))
        key, line = self.new_key(), {"sku": add.sku, "quantity": add.quantity}
        basket.sent.add(add)
        for _ in range(self.dice.choice(TRIES)):
            answer = await basket.client.ask("POST", path, json=line, key=key, seconds=self.patience())
            self.diary.write(f"cart {basket.cart_id} {add} → {answer}")
            if answer.good:
                basket.acknowledged.add(add)
                self.town.counts["unique adds acknowledged"] += 1
                if add not in counted(quantities(answer.body)):
                    self.diary.breaks(f"cart {basket.cart_id} was answered without {add}, which it acknowledges")
                return
            if answer.definite:
                self.diary.breaks(f"cart {basket.cart_id} {add} was refused: {answer}")
                return
            await asyncio.sleep(self.dice.uniform(0.05, 0.4))
        self.town.counts["unique adds unknown"] += 1

    async def look_at_everything(self) -> None:
        """At the end: every basket, and its history."""
        for basket in self.baskets:
            self.me.client = basket.client
            cart = await self.insist("GET", f"/carts/{basket.cart_id}")
            history = await self.insist("GET", f"/carts/{basket.cart_id}/history")
            if not (cart.good and history.good):
                self.diary.breaks(f"cart {basket.cart_id} is gone: {cart}, {history}")
                continue
            self.town.counts["unique adds compared at the end"] += len(basket.sent)
            for wrong in basket.wrongs(cart.body, history.body["entries"]):
                self.diary.breaks("\n    ".join([f"cart {basket.cart_id}: {wrong}", *self.diary.about(basket.cart_id)]))
