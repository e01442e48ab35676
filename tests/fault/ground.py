"""A running stack on which requests race: goods and shoppers for one round, a start for all at once, and who won."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from services.controller.quote import checkout_id_of
from services.local.stack import Plan, Stack
from tests.integration.shop_client import Shop, Shopper, at_once, problem_type
from tests.stacks import free_offset

# From a double click to about as long as a checkout takes, so that requests meet at every step of it.
SPREADS = (0.01, 0.04, 0.2)
DECISION_SECONDS = 20.0
POLL_SECONDS = 0.1
TWICE = {"controller": 2, "cartdb": 2}

Call = Callable[[], httpx.Response]


@contextmanager
def stack_of_two(kind: type[Stack] = Stack) -> Iterator[Stack]:
    """Two controllers, two cartdbs and one of everything else, gone afterwards; `kind` may lack a safeguard."""
    with TemporaryDirectory(prefix="races-") as name:
        folder = Path(name)
        plan = Plan(folder, folder / ".env", free_offset(), environment="test", replicas=TWICE, durable=False)
        with kind(plan) as stack:
            yield stack


class Ground:
    """What one round stands on."""

    def __init__(self, shop: Shop, stack: Stack, dice: Random) -> None:
        self.shop = shop
        self.stack = stack
        self.dice = dice
        self.ended = Counter[str]()

    def key(self) -> str:
        return f"race-{self.dice.getrandbits(64):016x}"

    def race(self, calls: Sequence[Call]) -> list[httpx.Response]:
        """Every call in a thread of its own, each a little late by what was drawn."""
        self.ended["requests that met"] += len(calls)
        spread = self.dice.choice(SPREADS)
        return at_once([self.later(call, spread) for call in calls])

    def later(self, call: Call, within: float) -> Call:
        """The call, some moments after it is asked for."""
        seconds = self.dice.uniform(0, within)

        def call_late() -> httpx.Response:
            time.sleep(seconds)
            return call()

        return call_late

    def tab(self, shopper: Shopper, address: str | None = None) -> Shopper:
        """Another window of the same browser; `address` leads it past the proxy to one controller."""
        return Shopper(self.shop.browser(address, headers={"Cookie": f"sid={shopper.cookie}"}))

    def decided(self, shopper: Shopper, order_id: str) -> dict[str, Any]:
        """An order, once it is no longer processing."""
        deadline = time.monotonic() + DECISION_SECONDS
        while True:
            order = shopper.read(f"/orders/{order_id}")
            if order["status"] != "processing":
                return order
            assert time.monotonic() < deadline, f"order {order_id} is processing for ever"
            time.sleep(POLL_SECONDS)

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something that comes about by itself."""
        deadline = time.monotonic() + DECISION_SECONDS
        while not true():
            assert time.monotonic() < deadline, what
            time.sleep(POLL_SECONDS)

    def one_charge(self, order: dict[str, Any]) -> None:
        """The order's total was taken, once, for this order."""
        paid_for = [charge["metadata"]["checkout_id"] for charge in self.shop.charges(order["total"])]
        assert paid_for == [order["order_id"]], f"order {order['order_id']} is charged by {paid_for}"

    def no_charge(self, amount: int) -> None:
        assert self.shop.charges(amount) == [], f"{amount} was charged"


def order_id_of(cart: dict[str, Any], key: str) -> str:
    """The id that an order under the key will have, known before it is asked for."""
    return str(checkout_id_of(cart["owner"]["id"], key))


def statuses(answers: Sequence[httpx.Response]) -> list[str]:
    """How requests ended, for a message."""
    return sorted(f"{one.status_code} {problem_type(one) if one.is_error else ''}".strip() for one in answers)


def only(answers: Sequence[httpx.Response], *allowed: str) -> None:
    """Every answer is one of these, by status or by status and problem."""
    strange = [told for told in statuses(answers) if not {told, told[:3]} & set(allowed)]
    assert not strange, f"answered {', '.join(strange)}"
