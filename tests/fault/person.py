"""Somebody who asks the shop for something, as long as anybody would, and writes down what they were told."""

import asyncio
import random
import time
import uuid
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fault.asking import Answer, Client
from tests.fault.histories import CartHistory, Diary, Edit
from tests.fault.town import PATIENCE_SECONDS, Attempt, Town


class GaveUpError(Exception):
    """Somebody asked for as long as anybody would."""


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


class Person:
    """Somebody with a client, dice and a diary."""

    def __init__(self, name: str, town: Town, dice: random.Random) -> None:
        self.town = town
        self.dice = dice
        self.diary = Diary(name)
        self.me = Persona(town.door.client())

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

    async def all_of(self, *work: Awaitable[Any]) -> list[Any]:
        """Everything at once; nothing is left running when one of them gives up."""
        ended = await asyncio.gather(*work, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, BaseException):
                raise outcome
        return ended
