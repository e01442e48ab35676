"""One case: a shopper with goods of their own, controllers that die, and what is true at the end."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from services.contracts.carts import AddLine
from services.contracts.identity import first_cart_id, guest_owner_id
from services.contracts.problems import (
    CartInCheckout,
    CheckoutCannotBeCancelled,
    IdempotencyKeyReused,
    OrderNotFound,
    Problem,
    Unavailable,
)
from services.controller.authority import Authority
from services.controller.orders import Bought
from services.controller.quote import Form, checkout_id_of
from tests.fault.crash_controller import Controller, Crashed, Fault, Life, Parts
from tests.fault.crash_world import PRICE, QUANTITY, World
from tests.integration.shop_client import ADDRESS


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whose cart it is."""

    owner_id: str
    authority: Authority
    earlier_guest: Authority | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What the databases hold about one checkout, its cart and its goods.

    Attributes:
        state: the purchase's, or "none" where there is no row.
        charged: the amounts of its successful charges.
        intents: the states of its payment intents.
        stock: available, held and sold of its goods.
        carts: the status and the lines of its cart, and of the one its owner has now.
    """

    state: str
    reason: str | None
    charged: tuple[int, ...]
    intents: tuple[str, ...]
    hold: str | None
    stock: tuple[int, int, int]
    cart: tuple[str, dict[str, int]]
    current: tuple[str, dict[str, int]]


CARTDB = """
    SELECT (SELECT json_build_object('state', state, 'reason', reason) FROM purchases
             WHERE owner_id = $1 AND checkout_id = $2) AS purchase,
           cart_document($1, $3) AS cart,
           cart_document($1, (SELECT current_cart_id FROM shoppers WHERE owner_id = $1)) AS current
"""
PAYMENTS = """
    SELECT i.status, c.amount FROM payment_intents i
      LEFT JOIN charges c ON c.payment_intent = i.id AND c.succeeded
     WHERE i.metadata ->> 'checkout_id' = $1 ORDER BY i.id
"""
CATALOG = """
    SELECT available, held, sold, (SELECT state FROM holds WHERE checkout_id = $2) AS hold FROM skus WHERE sku = $1
"""


@dataclass
class Trial:
    """What happened to one shopper."""

    world: World
    parts: Parts
    sku: str
    owner: str
    card: str
    faults: tuple[Fault, ...] = ()
    key: str = field(default_factory=lambda: uuid4().hex)
    expected_total: int = PRICE * QUANTITY
    told: list[str] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    events: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    owners: frozenset[str] = frozenset()
    sold_to_others: int = 0
    broken: list[str] = field(default_factory=list)
    recovered_in: float = 0.0
    kept: Any = None

    @classmethod
    async def begin(cls, world: World, parts: Parts, card: str, faults: tuple[Fault, ...] = ()) -> "Trial":
        owner = guest_owner_id(uuid4())
        return cls(world, parts, await world.new_sku(), owner, card, faults, owners=frozenset({owner}))

    @property
    def order_id(self) -> UUID:
        return checkout_id_of(self.owner, self.key)

    @property
    def cart_id(self) -> UUID:
        return first_cart_id(self.owner)

    @property
    def form(self) -> Form:
        return Form(self.card, "asha@example.com", ADDRESS, None, None, self.expected_total, "/checkout")

    # --- processes

    def controller(self, name: str) -> Controller:
        """A new process, which meets the fault that names it."""
        fault = next((fault for fault in self.faults if fault.life == name), None)
        life = Life(name, fault, self.events)
        self.lives.append(life)
        return Controller(self.world, life, owners=self.owners, parts=self.parts, alarms=self.broken)

    async def live(self, controller: Controller, work: Callable[[Controller], Awaitable[None]]) -> bool:
        """Let a process do its work; whether it lived to the end of it."""
        try:
            await work(controller)
        except Crashed:
            return False
        except Exception as failure:  # noqa: BLE001 - whatever a step raises belongs into its case's report
            self.broken.append(f"{controller.life.name} raised {failure!r}")
        return True

    def struck(self, fault: Fault) -> bool:
        return any(life.struck for life in self.lives if life.fault == fault)

    async def hang(self, died: Fault) -> None:
        """Before the case begins: a checkout whose process died on it."""
        self.faults = (*self.faults, died)
        assert not await self.live(self.controller(died.life), self.check_out)
        self.told.clear()

    async def deliver_what_is_on_the_wire(self) -> bool:
        """The dead process's last request arrives after all; whether there was one."""
        requests = [request for life in self.lives for request in life.on_the_wire]
        for life in self.lives:
            life.on_the_wire = []
        for request in requests:
            await request()
        return bool(requests)

    # --- what a shopper does

    def buyer(self, controller: Controller) -> Buyer:
        return Buyer(self.owner, controller.guest(self.owner))

    async def put_into_cart(self, who: Authority, quantity: int) -> None:
        line = AddLine(sku=self.sku, quantity=quantity, product_id=1, unit_price=PRICE)
        carts = self.controller("set-up").carts
        await carts.update(who, "POST", "/carts/current/items", command=line, key=uuid4().hex)

    async def check_out(self, controller: Controller) -> None:
        """Send the form; the same key in every repeat."""
        try:
            done = await controller.orders.check_out(self.buyer(controller), self.form, cart_id=None, key=self.key)
        except Problem as problem:
            self.told.append("unknown" if isinstance(problem, Unavailable) else "failed")
            if isinstance(problem, IdempotencyKeyReused):
                self.broken.append("the same request was told to be another one")
        else:
            self.told.append("paid" if isinstance(done, Bought) else "processing")

    async def cancel(self, controller: Controller) -> None:
        try:
            order = await controller.orders.cancel(self.buyer(controller), self.order_id)
        except CheckoutCannotBeCancelled:
            self.told.append("paid")
        except (CartInCheckout, OrderNotFound, Unavailable):
            self.told.append("unknown")
        else:
            self.told.append({"refused": "failed"}.get(order.status, order.status))

    async def reconcile(self, controller: Controller) -> None:
        started = time.perf_counter()
        await controller.reconcile.round(older_than=0)
        self.recovered_in += time.perf_counter() - started

    # --- what is true

    async def look(self) -> Truth:
        pools, order_id = self.world.pools, self.order_id
        bought, paid, goods = await asyncio.gather(
            pools["cartdb"].fetchrow(CARTDB, self.owner, order_id, self.cart_id),
            pools["payments"].fetch(PAYMENTS, str(order_id)),
            pools["catalog"].fetchrow(CATALOG, self.sku, order_id),
        )
        purchase: dict[str, Any] = json.loads(bought["purchase"] or '{"state": "none", "reason": null}')
        return Truth(
            state=purchase["state"],
            reason=purchase["reason"],
            charged=tuple(row["amount"] for row in paid if row["amount"] is not None),
            intents=tuple(row["status"] for row in paid),
            hold=goods["hold"],
            stock=(goods["available"], goods["held"], goods["sold"]),
            cart=_cart(bought["cart"]),
            current=_cart(bought["current"]),
        )


def _cart(document: str | None) -> tuple[str, dict[str, int]]:
    if document is None:
        return "none", {}
    cart = json.loads(document)
    return cart["status"], {line["sku"]: line["quantity"] for line in cart["items"]}
