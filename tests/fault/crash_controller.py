"""A controller's real parts, in a process that ends for good at a chosen point of a chosen call."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast
from uuid import UUID

import httpx

from services.chassis.database import Database
from services.chassis.outbound import Credential, Neighbour
from services.contracts.carts import Purchase, Unfinished
from services.contracts.problems import Problem, Refused, Undecided
from services.contracts.refunds import Refund
from services.controller import clients
from services.controller.adoption import Adoption
from services.controller.authority import Authority
from services.controller.checkout import Checkout
from services.controller.desk import Desk
from services.controller.orders import Orders
from services.controller.processor import Payments
from services.controller.provider import ServiceToken
from services.controller.reconcile import Reconcile
from services.controller.refunds import Refunds
from services.controller.session import Session, Sessions
from services.controller.signer import Signer
from tests.fault.crash_world import NEIGHBOURS, SECRET_KEY, UNDONE, Undone, World
from tests.fault.schedule import Strangers

When = Literal["before", "in flight", "after", "answered", "before commit", "after commit", "database lost"]
CONTROLLER_DIES: tuple[When, ...] = ("before", "in flight", "after", "answered")
NEIGHBOUR_DIES: tuple[When, ...] = ("before commit", "after commit", "database lost")


class Crashed(BaseException):
    """The process is gone. Whatever still runs in it after this is a flaw of the harness, and is told as one."""


@dataclass(frozen=True, slots=True)
class Call:
    """The n-th call of a name in one life of a controller."""

    name: str
    nth: int = 1

    @property
    def neighbour(self) -> str:
        return self.name.partition(".")[0]

    def __str__(self) -> str:
        return self.name if self.nth == 1 else f"{self.name} no. {self.nth}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, in which life, at which call.

    Attributes:
        when: of the controller: it dies before it sends, with the request on the wire, after the effect and before it
            reads the answer, or once it has read it. Of the neighbour: it dies with the transaction not committed, or
            committed and not answered; or it lives and its database connection ends instead of committing.
        stays: whether a dead neighbour stays down until the recovery, or is back for the next try.
    """

    life: str
    call: Call
    when: When
    stays: bool = True

    def __str__(self) -> str:
        gone = "" if self.when in CONTROLLER_DIES else ", and stays away" if self.stays else ", and is back at once"
        who = "" if self.when in CONTROLLER_DIES else f"{self.call.neighbour} "
        return f"{self.life}: {who}{self.when} {self.call}{gone}"


@dataclass
class Life:
    """One process of a controller, from its start to its end."""

    name: str
    fault: Fault | None = None
    events: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    on_the_wire: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    struck: bool = False
    dead: bool = False
    strays: list[str] = field(default_factory=list)
    _seen: Counter[str] = field(default_factory=Counter)

    def begin(self, name: str) -> Call:
        if self.dead:
            self.strays.append(f"{self.name} called {name} after its death")
            raise Crashed
        self._seen[name] += 1
        call = Call(name, self._seen[name])
        self.calls.append(call)
        self._die_if(call, "before")
        return call

    async def end(self, call: Call) -> None:
        """The answer has been read; whatever the world does at this moment happens now."""
        self._die_if(call, "answered")
        if event := self.events.pop(call.name, None):
            await event()

    def strike(self, call: Call, *whens: When) -> When | None:
        """Whether the fault is here, which it is once."""
        fault = self.fault
        if self.struck or fault is None or fault.call != call or fault.when not in whens:
            return None
        self.struck = True
        return fault.when

    def _die_if(self, call: Call, when: When) -> None:
        if self.strike(call, when):
            self.die()

    def die(self) -> None:
        self.dead = True
        raise Crashed


class Wire(httpx.AsyncBaseTransport):
    """What a controller's requests to one neighbour meet."""

    def __init__(self, name: str, there: httpx.AsyncBaseTransport, life: Life) -> None:
        self._name = name
        self._there = there
        self._life = life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        life, call = self._life, self._life.calls[-1]
        if life.dead:
            life.strays.append(f"{life.name} sent {call} after its death")
        if self._name in life.down:
            raise httpx.ConnectError("nobody listens")
        match life.strike(call, "in flight", "after", *NEIGHBOUR_DIES):
            case None:
                return await self._there.handle_async_request(request)
            case "in flight":
                life.on_the_wire.append(lambda: self._there.handle_async_request(request))
                life.die()
            case "after":
                await self._there.handle_async_request(request)
                life.die()
            case when:
                return await self._neighbour_dies(request, when)
        raise AssertionError("a dead process goes on")

    async def _neighbour_dies(self, request: httpx.Request, when: When) -> httpx.Response:
        assert self._life.fault is not None
        undone = Undone()
        reset = UNDONE.set(None if when == "after commit" else undone)
        try:
            answer = await self._there.handle_async_request(request)
        finally:
            UNDONE.reset(reset)
        if not undone.happened and when != "after commit":
            self._life.strays.append(f"{self._life.calls[-1]} has no transaction that could be lost")
        if self._life.fault.stays:
            self._life.down.add(self._name)
        if when == "database lost":
            return answer
        raise httpx.ReadError("the connection was cut")


class Line(Neighbour):
    """A neighbour, each call to which is a point at which the process may end."""

    def __init__(self, name: str, there: httpx.AsyncBaseTransport, life: Life) -> None:
        super().__init__(name, "http://service", transport=Wire(name, there, life))
        self._life = life

    async def exchange(
        self,
        call: str,
        method: str,
        path: str,
        *,
        credential: Credential | None = None,
        headers: Mapping[str, str] | None = None,
        params: Sequence[tuple[str, str]] | None = None,
        content: bytes | None = None,
        repeatable: bool = True,
    ) -> httpx.Response | Undecided:
        begun = self._life.begin(f"{self.name}.{call}")
        outcome = await super().exchange(
            call,
            method,
            path,
            credential=credential,
            headers=headers,
            params=params,
            content=content,
            repeatable=repeatable,
        )
        await self._life.end(begun)
        return outcome


class OwnRows(clients.Carts):
    """cartdb, whose list of unfinished work shows a case its own: the cases run side by side."""

    owners: frozenset[str] = frozenset()

    async def unfinished(
        self, older_than: float, *, checkout_id: UUID | None = None
    ) -> Unfinished | Refused | Undecided:
        match await super().unfinished(older_than, checkout_id=checkout_id):
            case Unfinished(purchases=purchases, adoptions=adoptions, refunds=refunds):
                return Unfinished(
                    purchases=[row for row in purchases if row.owner_id in self.owners],
                    adoptions=[row for row in adoptions if row.guest_owner in self.owners],
                    refunds=[row for row in refunds if row.owner_id in self.owners],
                )
            case other:
                return other


class MortalSessions(Sessions):
    """The table of sessions, the last step of an adoption in which is a point as well."""

    def __init__(self, database: Database, life: Life) -> None:
        super().__init__(database, Signer("a sample secret of sessions"))
        self._life = life

    async def merged(self, session: Session, *, moved: bool) -> Session:
        begun = self._life.begin("sessions.merged")
        done = await super().merged(session, moved=moved)
        if self._life.strike(begun, "after"):
            self._life.die()
        await self._life.end(begun)
        return done


@dataclass(frozen=True)
class Parts:
    """What a controller is built of. A mutant exchanges one."""

    checkout: type[Checkout] = Checkout
    reconcile: type[Reconcile] = Reconcile
    orders: type[Orders] = Orders
    payments: type[Payments] = Payments
    refunds: type[Refunds] = Refunds


class Controller:
    """The parts of one process, as app.py puts them together."""

    def __init__(self, world: World, life: Life, *, owners: frozenset[str], parts: Parts, alarms: list[str]) -> None:
        self.life = life
        self._world = world
        self._alarms = alarms
        cartdb, catalog, payments = (Line(name, world.apps[name], life) for name in NEIGHBOURS)
        tokens = world.tokens
        self.carts = OwnRows(cartdb, tokens.checkout)
        self.carts.owners = owners
        self.stock = clients.Stock(catalog, tokens.stock)
        self.payments = parts.payments(payments, secret_key=SECRET_KEY)
        checkout = parts.checkout(carts=self.carts, stock=self.stock, payments=self.payments, alarm=self._alarm)
        self.orders = parts.orders(
            carts=self.carts,
            goods=clients.Catalog(catalog),
            checkout=checkout,
            guests=Strangers(),
            currency="INR",
            aliases={},
        )
        refunds = parts.refunds(carts=self.carts, stock=self.stock, payments=self.payments, alarm=self._alarm)
        self.desk = Desk(carts=self.carts, refunds=refunds)
        self.reconcile = parts.reconcile(checkout=checkout, refunds=refunds, carts=self.carts, payments=self.payments)

    def adoption(self, sessions: Sessions) -> Adoption:
        # It asks the token for nothing but its header.
        guest_token = cast(ServiceToken, self._world.tokens.guest)
        return Adoption(carts=self.carts, sessions=sessions, guest_token=guest_token)

    def guest(self, owner: str) -> Authority:
        return Authority(self._world.tokens.guest, owner)

    def _alarm(self, what: str, concerned: Purchase | Refund, problem: Problem) -> None:
        self._alarms.append(f"alarm: {what} ({concerned.checkout_id}: {problem.slug})")
