"""Shoppers who behave as people and their programs do, remember everything they were told, and check what they see.

Guests, members who sign in and out, and programs with bearer tokens. Each edits, reads, keeps several carts, pays with
good and bad cards, clicks twice, opens a second tab, loses patience, repeats, cancels. Drawn by the stage's seed.
"""

import asyncio
import html
import random
import re
import time
import uuid
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from services.controller.quote import checkout_id_of
from services.local.token import SignInError, access_token
from tests.fault.asking import Answer, Client
from tests.fault.histories import CartHistory, Diary, Edit
from tests.fault.town import PATIENCE_SECONDS, PLAIN, RARE, VOLATILE, Attempt, Town

ADDRESS = {"name": "Asha Rao", "line1": "12 Lake Road", "city": "Pune", "postal_code": "411001", "country": "IN"}
PASSWORD = "correct horse battery"
GOOD = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")
BAD = ("pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds", "pm_card_authenticationRequired")
WILD_EDITS = 3
"""How many unanswered edits of one line a shopper leaves alone before asking for certainty again."""
UNDECIDED = "undecided"


class GaveUpError(Exception):
    """A shopper asked for as long as anybody would."""


@dataclass
class Persona:
    """Who a shopper is at the moment: a client, an owner id, the carts and orders that go with them."""

    client: Client
    owner_id: str = ""
    carts: dict[str, CartHistory] = field(default_factory=dict)
    unbound: list[Edit] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    limbo: bool = False

    def cart(self, cart_id: str) -> CartHistory:
        if cart_id not in self.carts:
            self.carts[cart_id] = CartHistory(cart_id, unbound=self.unbound)
        return self.carts[cart_id]

    @property
    def open_carts(self) -> list[CartHistory]:
        return [cart for cart in self.carts.values() if not cart.bought]


def quantities(cart: Mapping[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in cart["items"]}


class Shopper:
    """One of them, for the whole run."""

    def __init__(self, number: int, kind: str, town: Town, seed: str) -> None:
        self.kind = kind
        self.town = town
        self.dice = random.Random(f"{seed}:{number}")
        self.diary = Diary(f"{kind} {number}")
        self.me = Persona(town.door.client())
        self.past: list[Persona] = []
        self.username: str | None = None
        self.account: Persona | None = None

    # --- a life

    async def live(self) -> None:
        """One journey after another until the run ends; what goes on then is finished."""
        while not self.town.ended.is_set():
            try:
                await self.journey()
            except GaveUpError as why:
                self.diary.breaks(f"no definite answer in {PATIENCE_SECONDS:.0f} s: {why}")
                await self.town.pause(1)
            self.town.counts["journeys"] += 1

    async def journey(self) -> None:
        if self.kind == "member":
            await self.come_and_go()
        elif self.kind == "guest" and self.dice.random() < 0.15:
            self.become_somebody_new()
        cart = await self.current_cart()
        await self.fill(cart)
        if self.dice.random() < 0.2:
            cart = await self.another_cart()
            await self.fill(cart)
        if self.dice.random() < 0.8:
            await self.pay(cart)
        if self.dice.random() < 0.3:
            await self.look_back()
        if self.dice.random() < 0.1:
            await self.pry()
        await self.think()

    def become_somebody_new(self) -> None:
        if self.me.owner_id:
            self.past.append(self.me)
        self.me = Persona(self.town.door.client())

    async def think(self) -> None:
        await self.town.pause(self.dice.uniform(0, 2 * self.town.think))

    def patience(self) -> float:
        """After how many seconds a request is given up and sent again: some people have little."""
        return self.dice.choice((2.0, 6.0, 15.0))

    def new_key(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128)))

    async def insist(self, method: str, path: str, *, json: Mapping[str, Any] | None = None) -> Answer:
        """Ask until the answer is definite, with one key if anything is to change."""
        key = self.new_key() if method != "GET" else None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = await self.me.client.ask(method, path, json=json, key=key, seconds=self.patience())
            if answer.definite:
                return answer
            self.diary.write(f"{method} {path} → {answer}")
            self._forget_if_rotated(answer)
            if time.monotonic() > deadline:
                raise GaveUpError(f"{method} {path}: {answer}")
            await asyncio.sleep(self.dice.uniform(0.1, 0.5))

    def _forget_if_rotated(self, answer: Answer) -> None:
        """The answer that brought the new cookie was lost: the old one is of no use any more."""
        if answer.slug == "session_rotated":
            self.me.client.forget("sid")
            self.diary.write("threw the cookie of before the sign-in away")
            self.town.counts["cookies lost with the answer to a sign-in"] += 1

    # --- carts

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

    async def all_of(self, *work: Awaitable[Any]) -> list[Any]:
        """Everything at once; nothing is left running when one of them gives up."""
        ended = await asyncio.gather(*work, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, BaseException):
                raise outcome
        return ended

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

    # --- paying

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

    # --- looking

    async def look_back(self) -> None:
        """An order of before must still be what was told."""
        await self.check_orders(self.dice.sample(self.me.attempts, min(2, len(self.me.attempts))))
        answer = await self.insist("GET", "/carts")
        for cart in answer.body.get("carts", []):
            if cart["owner"]["id"] != self.me.owner_id or not self.town.belongs(cart["cart_id"], self.me.owner_id):
                self.diary.breaks(f"{self.me.owner_id} was shown cart {cart['cart_id']} of {cart['owner']['id']}")

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

    async def pry(self) -> None:
        """Somebody else's cart and order are not there."""
        ids = (
            self.town.foreign_cart(self.me.owner_id, self.dice),
            self.town.foreign_order(self.me.owner_id, self.dice),
        )
        for path, one in zip(("carts", "orders"), ids, strict=True):
            if one is not None:
                answer = await self.insist("GET", f"/{path}/{one}")
                self.town.counts["foreign things asked for"] += 1
                if answer.status != 404:
                    self.diary.breaks(f"{self.me.owner_id} asked for somebody else's {path}/{one}: {answer}")

    async def look_at_everything(self) -> None:
        """At the end: every cart that was not bought, and every order, of everybody this shopper has been."""
        if self.account is not None and self.me is not self.account:
            self.past.append(self.me)
            await self.sign_in()
        for persona in (self.me, *self.past):
            self.me = persona
            for cart in persona.open_carts:
                await self.read(cart)
                self.town.counts["carts compared at the end"] += 1
            await self.check_orders(persona.attempts)

    # --- signing in and out

    async def come_and_go(self) -> None:
        """A member is signed in most of the time, after having shopped as a guest."""
        if self.me is self.account:
            if self.dice.random() < self.town.restless and not self.me.limbo:
                await self.sign_out()
            return
        if not self.me.limbo:
            await self.fill(await self.current_cart())
            if self.account is None:
                self.username = f"shopper-{self.new_key()}"
            await self.sign_in()

    async def sign_out(self) -> None:
        answer = await self.insist("POST", "/logout")
        self.diary.write(f"signed out → {answer}")
        self.town.counts["sign-outs"] += 1
        self.me = Persona(self.me.client)

    async def sign_in(self) -> None:
        """Through the provider's own pages; the guest's lines go with it."""
        guest = self.me
        if guest.limbo:
            for cart in guest.open_carts:
                await self.read(cart)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await self._signed_in(create=self.account is None):
            if time.monotonic() > deadline:
                raise GaveUpError(f"no sign-in of {self.username}")
            await asyncio.sleep(self.dice.uniform(0.2, 0.8))
        self.town.counts["sign-ins"] += 1
        self.me = self.account or Persona(guest.client)
        self.me.client = guest.client
        self.account = self.me
        await self.expect_lines_of(guest)
        await self.check_orders(guest.attempts)

    async def _signed_in(self, *, create: bool) -> bool:
        client = self.me.client
        begun = await client.ask("GET", "/login", seconds=10)
        if begun.status != 303:
            self.diary.write(f"login → {begun}")
            return False
        page = await client.ask("GET", begun.location + ("&prompt=create" if create else ""), seconds=10)
        back = page if page.status == 303 else await self._filled_in(begun.location, page)
        if back.status != 303 or "/callback" not in back.location:
            if create:  # The account may be there already, made by an answer that was lost.
                page = await client.ask("GET", begun.location, seconds=10)
                back = page if page.status == 303 else await self._filled_in(begun.location, page)
            if back.status != 303 or "/callback" not in back.location:
                self.diary.write(f"sign-in page → {back} {back.location}")
                return False
        there = urlsplit(back.location)
        answer = await client.ask("GET", f"{there.path}?{there.query}", seconds=20)
        self.diary.write(f"callback → {answer}")
        self._forget_if_rotated(answer)
        if answer.status != 303:
            return False
        session = await self.insist("GET", "/session")
        return bool(session.body["signed_in"])

    async def _filled_in(self, address: str, page: Answer) -> Answer:
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        if not action:
            return page
        form = {"username": self.username or "", "password": PASSWORD}
        return await self.me.client.ask("POST", urljoin(address, html.unescape(action[1])), form=form, seconds=15)

    async def expect_lines_of(self, guest: Persona) -> None:
        """Wait until what the guest had is in the user's current cart."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        answer = await self.insist("GET", "/cart")
        if not self.me.owner_id:
            self.me.owner_id = answer.body["owner"]["id"]
        cart = self.me.cart(answer.body["cart_id"])
        for one in guest.open_carts:
            cart.receive(one)
        while not cart.explains(quantities(answer.body)) and time.monotonic() < deadline:
            await asyncio.sleep(0.3)
            answer = await self.insist("GET", "/cart")
        self.diary.write(f"adopted carts {[one.cart_id for one in guest.carts.values()]}")
        self.saw(answer)
        self.town.counts["carts adopted"] += len(guest.carts)

    async def take_token(self) -> None:
        """A program signs in once and then holds a token."""
        self.username = f"program-{self.new_key()}"
        await self.sign_in()
        self.account = None

        def redeemed() -> str:
            with httpx.Client(base_url=self.town.places.idp, timeout=30) as client:
                return access_token(client, user=self.username or "", password=PASSWORD, scope="openid profile")

        try:
            token = await asyncio.to_thread(redeemed)
        except (SignInError, httpx.HTTPError) as failure:
            raise GaveUpError(f"no token: {failure}") from failure
        await self.me.client.close()
        self.me.client = self.town.door.client(token=token)
