"""Somebody who pays for carts in the ways people do, and compares what became of each checkout with what was told."""

import asyncio
import time

from services.controller.quote import checkout_id_of
from tests.fault.asking import Answer
from tests.fault.carts import CartKeeper, quantities
from tests.fault.histories import CartHistory, Edit
from tests.fault.person import GaveUpError
from tests.fault.town import PATIENCE_SECONDS, RARE, Attempt
from tests.integration.shop_client import ADDRESS

GOOD = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")
BAD = ("pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds", "pm_card_authenticationRequired")
UNDECIDED = "undecided"


class Buyer(CartKeeper):
    """What a shopper does to pay."""

    async def pay(self, cart: CartHistory) -> None:
        """Read what it comes to, and buy it in one of the ways people do."""
        shown = await self.shown(cart)
        if shown is None:
            return
        card = self.dice.choice(BAD if self.dice.random() < 0.25 else GOOD)
        key = self.new_key()
        way = self.dice.choices(("once", "twice", "two tabs", "editing", "without a key"), (10, 3, 2, 3, 1))[0]
        self.town.counts[f"checkouts: {way}"] += 1
        match way:
            case "once":
                outcomes = [await self.check_out(cart, card, shown, key, gives_up=self.dice.random() < 0.1)]
            case "twice":
                outcomes = await self.all_of(*(self.check_out(cart, card, shown, key) for _ in range(2)))
            case "two tabs":
                outcomes = await self.all_of(*(self.check_out(cart, card, shown, self.new_key()) for _ in range(2)))
            case "editing":
                edit = self.edit(cart, self.some(adds=True), tries=2)
                outcomes = (await self.all_of(self.check_out(cart, card, shown, key), edit))[:1]
            case _:
                outcomes = await self.all_of(*(self.check_out(cart, card, shown, None) for _ in range(2)))
        if outcomes.count("paid") > 1 and way == "two tabs":
            self.diary.breaks(f"cart {cart.cart_id} was bought twice")
        if UNDECIDED in outcomes:
            self.me.limbo = True
            await self.another_cart()
        elif "paid" not in outcomes and self.dice.random() < 0.6:
            await self.try_again(cart)

    async def try_again(self, cart: CartHistory) -> None:
        """After a refusal: take out what is sold out, and pay with a good card."""
        rare = self.town.sku(RARE)
        if cart.line(rare).values != {0}:
            await self.edit(cart, Edit(rare, 0, adds=False))
        shown = await self.shown(cart)
        if shown is not None:
            await self.check_out(cart, self.dice.choice(GOOD), shown, self.new_key())

    async def shown(self, cart: CartHistory) -> int | None:
        """What the cart comes to, None if there is nothing to buy."""
        answer = await self.read(cart)
        if answer.good and answer.body["items"] and answer.body["status"] == "open":
            return int(answer.body["total_price"])
        return None

    async def check_out(
        self, cart: CartHistory, card: str, shown: int, key: str | None, *, gives_up: bool = False
    ) -> str:
        """Send a checkout until somebody knows how it ended; "paid", "refused" or UNDECIDED."""
        attempt = self._attempt(cart, shown, str(checkout_id_of(self.me.owner_id, key))) if key else None
        form = {"payment_method": card, "email": "a@example.com", "shipping_address": ADDRESS, "expected_total": shown}
        began, seconds = time.monotonic(), self.patience()
        name = attempt.order_id if attempt else "without a key"
        self.diary.write(f"cart {cart.cart_id} checkout {name} by {card} for {shown}")
        tried = 0
        while time.monotonic() < began + PATIENCE_SECONDS:
            tried += 1
            path = f"/carts/{cart.cart_id}/checkout"
            answer = await self.me.client.ask("POST", path, json=form, key=key, seconds=seconds)
            self.diary.write(f"cart {cart.cart_id} checkout {name} → {answer}")
            if answer.definite and answer.status != 404:
                return await self._heard(cart, attempt, shown, answer, began)
            if gives_up and attempt is not None:
                return await self.call_off(cart, attempt, began)
            self.town.counts["checkouts repeated"] += 1
            seconds = 15.0
            await asyncio.sleep(self.dice.uniform(0.1, 0.6))
        raise GaveUpError(f"cart {cart.cart_id} checkout {name}")

    def _attempt(self, cart: CartHistory, shown: int, order_id: str) -> Attempt:
        attempt = self.town.attempt(
            order_id, owner_id=self.me.owner_id, cart_id=cart.cart_id, shown=shown, diary=self.diary
        )
        if attempt not in self.me.attempts:
            self.me.attempts.append(attempt)
        return attempt

    async def _heard(self, cart: CartHistory, attempt: Attempt | None, shown: int, answer: Answer, began: float) -> str:
        order_id = answer.body.get("order_id")
        if attempt is None:
            if order_id is None:
                return "refused"
            attempt = self._attempt(cart, shown, order_id)
        if answer.good and order_id != attempt.order_id:
            self.diary.breaks(f"the answer to checkout {attempt.order_id} is of order {order_id}")
        if answer.status == 202:
            attempt.tell("processing")
            self.town.counts["told processing"] += 1
            return await self.wait_for(cart, attempt, began)
        return self._ended(cart, attempt, answer, began)

    def _ended(self, cart: CartHistory, attempt: Attempt, answer: Answer, began: float) -> str:
        self.town.waited(began)
        if answer.good and answer.body["status"] == "paid":
            attempt.tell("paid")
            self.town.counts["told paid"] += 1
            self._compare(cart, attempt, answer)
            return "paid"
        attempt.tell("refused")
        reason = answer.body.get("reason") if answer.good else answer.slug
        self.town.counts[f"told refused: {reason}"] += 1
        if answer.slug == "idempotency_key_reused":
            self.diary.breaks(f"checkout {attempt.order_id} was taken for another one")
        return "refused"

    def _compare(self, cart: CartHistory, attempt: Attempt, answer: Answer) -> None:
        order = answer.body
        if order["total"] != attempt.shown or order["cart_id"] != cart.cart_id:
            wrong = f"order {attempt.order_id} is {order['total']} for {order['cart_id']}, shown was {attempt.shown}"
            self._broken([wrong], cart, attempt.order_id)
        self._broken(cart.was_bought(quantities(order)), cart, attempt.order_id)

    async def wait_for(self, cart: CartHistory, attempt: Attempt, began: float) -> str:
        """It is processing: ask the order's address, or call it off."""
        if self.dice.random() < 0.2:
            await self.cancel(attempt)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = await self.insist("GET", f"/orders/{attempt.order_id}")
            if not answer.good:
                self.diary.breaks(f"order {attempt.order_id} was told processing, and is {answer}")
                return UNDECIDED
            if answer.body["status"] != "processing":
                self.diary.write(f"order {attempt.order_id} is {answer.body['status']}")
                return self._ended(cart, attempt, answer, began)
            await asyncio.sleep(self.dice.uniform(0.2, 0.6))
        raise GaveUpError(f"order {attempt.order_id} is still processing")

    async def call_off(self, cart: CartHistory, attempt: Attempt, began: float) -> str:
        """No patience left: cancel what may or may not be there, and look."""
        self.town.counts["checkouts called off"] += 1
        await self.cancel(attempt)
        answer = await self.insist("GET", f"/orders/{attempt.order_id}")
        self.diary.write(f"order {attempt.order_id} → {answer} {answer.body.get('status', '')}")
        if answer.good and answer.body["status"] != "processing":
            return self._ended(cart, attempt, answer, began)
        return UNDECIDED  # Not seen yet, which is no promise, or nobody can tell.

    async def cancel(self, attempt: Attempt) -> None:
        self.town.counts["cancels"] += 1
        answer = await self.me.client.ask("POST", f"/orders/{attempt.order_id}/cancel", seconds=15)
        self.diary.write(f"order {attempt.order_id} cancel → {answer} {answer.body.get('status', '')}")
        if answer.good and answer.body["status"] != "refused":
            self.diary.breaks(f"order {attempt.order_id} was cancelled and is {answer.body['status']}")
        elif answer.good:
            attempt.tell("refused")

    async def check_orders(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            answer = await self.insist("GET", f"/orders/{attempt.order_id}")
            self.town.counts["orders read again"] += 1
            is_now = answer.body.get("status") if answer.good else answer.slug
            if (attempt.outcome, is_now) == ("paid", "processing"):  # Paid is told before cartdb knows.
                self.town.counts["paid orders that read as processing for a while"] += 1
                continue
            agreed = {"paid": ("paid",), "refused": ("refused", "order_not_found")}.get(attempt.outcome or "")
            if agreed and is_now not in agreed:
                wrong = f"order {attempt.order_id} was told {attempt.outcome} and is {is_now}"
                self.diary.breaks("\n    ".join([wrong, *self.diary.about(attempt.order_id)]))
