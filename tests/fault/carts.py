"""Somebody with carts: edits, reads, keeps several of them, and checks that they hold what they can only hold."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from tests.fault.asking import Answer
from tests.fault.histories import CartHistory, Edit
from tests.fault.person import GaveUpError, Person
from tests.fault.town import PATIENCE_SECONDS, PLAIN, RARE, VOLATILE

WILD_EDITS = 3
"""How many unanswered edits of one line a shopper leaves alone before asking for certainty again."""


def quantities(cart: Mapping[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in cart["items"]}


class CartKeeper(Person):
    """What a shopper does with carts."""

    async def current_cart(self) -> CartHistory:
        answer = await self.insist("GET", "/cart")
        return self.saw(answer)

    async def read(self, cart: CartHistory) -> Answer:
        answer = await self.insist("GET", f"/carts/{cart.cart_id}")
        if answer.good:
            self.saw(answer)
        else:
            self.diary.breaks(f"cart {cart.cart_id} of {self.me.owner_id} is gone: {answer}")
        return answer

    def saw(self, answer: Answer) -> CartHistory:
        """Take in a cart as it was read while nothing else was on its way."""
        if not answer.good:
            raise GaveUpError(f"no cart: {answer}")
        cart_id, owner = str(answer.body["cart_id"]), str(answer.body["owner"]["id"])
        if not self.me.owner_id:
            self.me.owner_id = owner
            self.diary.write(f"is {owner}")
        cart = self.me.cart(cart_id)
        if owner != self.me.owner_id or not self.town.belongs(cart_id, owner):
            self.diary.breaks(f"{self.me.owner_id} was shown cart {cart_id} of {owner}")
            return cart
        cart.total = answer.body["total_price"]
        found = quantities(answer.body)
        self.diary.write(f"read cart {cart_id} {answer.body['status']} {found}")
        self._broken(cart.read(found), cart)
        if answer.body["status"] == "purchased":
            cart.close()
        return cart

    def _broken(self, wrongs: list[str], cart: CartHistory, *ids: str) -> None:
        for wrong in wrongs:
            self.diary.breaks("\n    ".join([wrong, *self.diary.about(cart.cart_id, *ids)]))

    async def another_cart(self) -> CartHistory:
        """A second cart beside the first, or back to one of the others."""
        others = self.me.open_carts
        if len(others) > 3:
            cart = self.dice.choice(others)
            answer = await self.insist("POST", f"/carts/{cart.cart_id}/activate")
            self.town.counts["carts activated"] += answer.good
            return cart
        answer = await self.insist("POST", "/carts", json={"name": "another"})
        self.town.counts["carts created"] += answer.good
        return self.saw(answer)

    async def fill(self, cart: CartHistory) -> None:
        """Some edits, and a look at what came of them."""
        if cart.bought:
            return
        for _ in range(self.dice.randint(1, 4)):
            match self.dice.randrange(6):
                case 0:
                    many = [self.edit(cart, self.some(adds=True)) for _ in range(3)]
                    await self.all_of(*many)
                case 1:
                    await self.edit(cart, self.some(adds=False), tries=1)
                case 2:
                    await self.edit(cart, self.some(adds=True), tries=1)
                case 3:
                    await self.edit(cart, self.some(adds=False))
                case 4:
                    await self.edit(cart, self.some(adds=True), path="/cart")
                case _:
                    await self.edit(cart, self.some(adds=True))
            await self.think()
        await self.read(cart)

    def some(self, *, adds: bool) -> Edit:
        name = self.dice.choice((*PLAIN, *PLAIN, *PLAIN, *PLAIN, VOLATILE, RARE))
        return Edit(self.town.sku(name), self.dice.randint(1 if adds else 0, 2 if name == RARE else 3), adds)

    async def edit(self, cart: CartHistory, edit: Edit, *, tries: int | None = None, path: str | None = None) -> str:
        """Send an edit until it is answered, or only so many times; "ok", "no" or "unknown"."""
        line = cart.line(edit.sku)
        if line.open >= WILD_EDITS:
            tries = None
        where = self._place_of(cart, path)
        line.begin(edit)
        self.diary.write(f"cart {cart.cart_id} {edit} sent to {where}")
        key, deadline = self.new_key(), time.monotonic() + PATIENCE_SECONDS
        tried = 0
        while tried != tries and time.monotonic() < deadline:
            tried += 1
            answer = await self._send(where, edit, key)
            if answer.definite and not (answer.status in (404, 412) and tried > 1):
                return self._answered(cart, edit, answer)
            self.diary.write(f"cart {cart.cart_id} {edit} → {answer}")
            await asyncio.sleep(self.dice.uniform(0.05, 0.4))
        self.town.counts["edits unknown"] += 1
        if where.startswith("/cart/"):
            self.me.unbound.append(edit)
        if tries is None:
            raise GaveUpError(f"cart {cart.cart_id} {edit}")
        return "unknown"

    def _place_of(self, cart: CartHistory, path: str | None) -> str:
        # "The current cart" may be another one by the time a lost request arrives; only the first journeys' is sure.
        only_one = len(self.me.carts) == 1 and not self.me.limbo
        return "/cart/items" if path and only_one else f"/carts/{cart.cart_id}/items"

    async def _send(self, where: str, edit: Edit, key: str) -> Answer:
        ask, seconds = self.me.client.ask, self.patience()
        if edit.adds:
            line = {"sku": edit.sku, "quantity": edit.quantity}
            return await ask("POST", where, json=line, key=key, seconds=seconds)
        if edit.quantity:
            return await ask("PUT", f"{where}/{edit.sku}", json={"quantity": edit.quantity}, key=key, seconds=seconds)
        return await ask("DELETE", f"{where}/{edit.sku}", key=key, seconds=seconds)

    def _answered(self, cart: CartHistory, edit: Edit, answer: Answer) -> str:
        self.diary.write(f"cart {cart.cart_id} {edit} → {answer}")
        line = cart.line(edit.sku)
        if answer.good:
            self.town.counts["edits acknowledged"] += 1
            if answer.body["cart_id"] != cart.cart_id:
                self.diary.breaks(f"{edit} for cart {cart.cart_id} went into {answer.body['cart_id']}")
            fits, verdict = line.happened(edit), "ok"
        else:
            self.town.counts[f"edits refused: {answer.slug}"] += 1
            fits, verdict = line.did_not(edit), "no"
        if not fits:
            wrong = f"cart {cart.cart_id} {edit} was answered {answer}, which contradicts what was read"
            self._broken([wrong], cart)
        return verdict
