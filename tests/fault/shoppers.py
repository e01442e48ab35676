"""Shoppers who behave as people and their programs do, remember everything they were told, and check what they see.

Guests, members who sign in and out, and programs with bearer tokens. Each edits, reads, keeps several carts, pays with
good and bad cards, clicks twice, opens a second tab, loses patience, repeats, cancels. Drawn by the stage's seed.
"""

import asyncio
import html
import random
import re
import time
from urllib.parse import urljoin, urlsplit

import httpx

from services.local.token import SignInError, access_token
from tests.fault.asking import Answer
from tests.fault.buying import Buyer
from tests.fault.carts import quantities
from tests.fault.person import GaveUpError, Persona
from tests.fault.town import PATIENCE_SECONDS, Town
from tests.integration.shop_client import PASSWORD


class Shopper(Buyer):
    """One of them, for the whole run."""

    def __init__(self, number: int, kind: str, town: Town, seed: str) -> None:
        super().__init__(f"{kind} {number}", town, random.Random(f"{seed}:{number}"))
        self.kind = kind
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

    # --- looking

    async def look_back(self) -> None:
        """An order of before must still be what was told."""
        await self.check_orders(self.dice.sample(self.me.attempts, min(2, len(self.me.attempts))))
        answer = await self.insist("GET", "/carts")
        for cart in answer.body.get("carts", []):
            if cart["owner"]["id"] != self.me.owner_id or not self.town.belongs(cart["cart_id"], self.me.owner_id):
                self.diary.breaks(f"{self.me.owner_id} was shown cart {cart['cart_id']} of {cart['owner']['id']}")

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
        # A checkout that is settled meanwhile makes another cart the current one.
        while not self._has_come(guest, answer) and time.monotonic() < deadline:
            await asyncio.sleep(0.3)
            answer = await self.insist("GET", "/cart")
        cart = self.me.cart(answer.body["cart_id"])
        for one in guest.open_carts:
            cart.receive(one)
        self.diary.write(f"adopted carts {[one.cart_id for one in guest.carts.values()]}")
        self.saw(answer)
        self.town.counts["carts adopted"] += len(guest.carts)

    def _has_come(self, guest: Persona, answer: Answer) -> bool:
        cart = self.me.cart(answer.body["cart_id"])
        return cart.explains_with(guest.open_carts, quantities(answer.body))

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
