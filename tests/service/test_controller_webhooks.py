"""The processor's webhooks at the shop, over real services and sockets. No reconcile runs here: what is settled is so
because of an event.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.chassis.app import create_service
from services.chassis.outbound import Forwarded, Neighbour
from services.contracts.carts import Purchase, PurchaseState
from services.contracts.identity import Scope
from services.contracts.payments import PaymentIntent
from services.contracts.problems import Problem, Refused, Undecided
from services.controller import clients, processor
from services.controller.checkout import Checkout, Paid, Processing
from services.controller.reconcile import Reconcile
from services.controller.refunds import Refunds
from services.controller.settings import Settings
from services.controller.webhook_api import router
from services.controller.webhooks import Webhooks
from services.payments.delivery import signature
from services.payments.sender import Pace
from tests.checkout_fakes import CHECKOUT, FakeCarts, FakePayments, FakeStock, Wire, request_for
from tests.conftest import MakeDatabase
from tests.service.cartdb_client import CartDb, new_guest, running_cartdb
from tests.service.catalog_stand import HEADER, standing
from tests.service.payments_stand import SECRET_KEY, Payments, payments_app
from tests.service.webhook_receiver import eventually
from tests.serving import on_a_port, serving
from tests.tokens import TestIssuer

pytestmark = pytest.mark.doors

APPLES = HEADER + "apple,,Apple,Round.,Fruit,apple.svg,4000,,100\n"
SECRET = "whsec_sample_of_the_tests"
BRISK = Pace(poll=0.05, patience=5.0, lease=10.0, lane=8)
ELSEWHERE = "http://elsewhere.example"


def settings(secret: str = SECRET) -> Settings:
    return Settings(
        database_url="postgresql://nobody:sample@127.0.0.1:9/none",
        session_secret="sample session secret",
        catalog_url=ELSEWHERE,
        cartdb_url=ELSEWHERE,
        oidc_issuer=ELSEWHERE,
        oidc_client_secret="sample",
        payments_url=ELSEWHERE,
        payments_secret_key=SECRET_KEY,
        payments_publishable_key="pk_test_sample",
        payments_webhook_secret=secret,
        log_level="error",
    )


def shop_app(webhooks: Webhooks, chosen: Settings) -> FastAPI:
    """The controller's edge, with nothing behind it but the webhook."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {"settings": chosen, "webhooks": webhooks}

    return create_service(
        name="controller",
        title="controller",
        description="",
        settings=chosen,
        lifespan=lifespan,
        routers=[router],
        pings={},
    )


class SlowBank(processor.Payments):
    """A processor whose every confirmation is held up, longer than anybody waits, until `decided`."""

    def __init__(self, neighbour: Neighbour, hasty: Neighbour, database_url: str) -> None:
        super().__init__(neighbour, secret_key=SECRET_KEY)
        self._hasty = processor.Payments(hasty, secret_key=SECRET_KEY)
        self.decided = asyncio.Event()
        self._database_url = database_url
        self._holding: list[asyncio.Task[None]] = []

    async def confirm(
        self, intent_id: str, *, payment_method: str, checkout_id: UUID
    ) -> PaymentIntent | Refused | Undecided:
        held = asyncio.Event()
        self._holding.append(asyncio.create_task(self._hold(intent_id, held)))
        await held.wait()
        return await self._hasty.confirm(intent_id, payment_method=payment_method, checkout_id=checkout_id)

    async def _hold(self, intent_id: str, held: asyncio.Event) -> None:
        connection = await asyncpg.connect(self._database_url)
        async with connection.transaction():
            await connection.execute("SELECT FROM payment_intents WHERE id = $1 FOR UPDATE", intent_id)
            held.set()
            await self.decided.wait()
        await connection.close()


@dataclass
class World:
    """Real neighbours, a checkout over them, and the processor's endpoint at the shop."""

    cartdb: CartDb
    money: Payments
    payments: SlowBank
    prompt: processor.Payments
    carts: clients.Carts
    stock: clients.Stock
    shop: httpx.AsyncClient
    shop_url: str
    alarms: list[str]

    def checkout(self, payments: processor.Payments) -> Checkout:
        return Checkout(carts=self.carts, stock=self.stock, payments=payments, alarm=self.alarm)

    def alarm(self, what: str, purchase: Purchase, problem: Problem) -> None:
        self.alarms.append(what)

    async def filled(self) -> tuple[str, UUID]:
        """A new guest and their cart of two apples."""
        owner = new_guest()
        cart = (await self.cartdb.add(self.cartdb.guest(owner), "apple", 2)).json()
        return owner, UUID(cart["cart_id"])

    async def late(self) -> tuple[str, UUID]:
        """A checkout whose shopper has been told "processing", and whose money is taken by now."""
        owner, cart_id = await self.filled()
        request = request_for(checkout_id=uuid4())
        outcome = await self.checkout(self.payments).run(owner, cart_id, request, "pm_card_visa")
        assert isinstance(outcome, Processing)
        return owner, request.checkout_id

    async def state(self, owner: str, checkout_id: UUID) -> PurchaseState:
        answer = await self.cartdb.http.get(f"/purchases/{checkout_id}", headers=self.cartdb.checkout(owner))
        return PurchaseState(answer.json()["state"])

    async def succeeded(self, checkout_id: UUID) -> dict[str, Any]:
        """The event of the checkout's charge."""

        async def find() -> dict[str, Any] | None:
            page = (await self.money.get("events", type="payment_intent.succeeded", limit="100")).json()["data"]
            wanted = str(checkout_id)
            return next((one for one in page if one["data"]["object"]["metadata"].get("checkout_id") == wanted), None)

        found = await eventually(find)
        assert found is not None
        return found

    async def send(self, event: Any, header: str | None = None, **headers: str) -> httpx.Response:
        """An event, well signed unless a header is given."""
        body = event if isinstance(event, str) else json.dumps(event)
        signed = signature(SECRET, body, at=int(time.time())) if header is None else header
        named = {"Stripe-Signature": signed} if signed else {}
        return await self.shop.post("/webhooks/payments", content=body, headers={**named, **headers})


@asynccontextmanager
async def world_of(make_database: MakeDatabase, *, wired: bool) -> AsyncIterator[World]:
    issuer = TestIssuer()
    alarms: list[str] = []
    ledger = await make_database("payments")
    async with AsyncExitStack() as opened:
        cartdb = await opened.enter_async_context(running_cartdb((await make_database("cartdb")).app))
        catalog = await opened.enter_async_context(standing(await make_database("catalog"), issuer, APPLES))
        money_url = await opened.enter_async_context(on_a_port(payments_app(ledger.app, pace=BRISK)))
        near = await opened.enter_async_context(neighbour("cartdb", cartdb.http))
        far = await opened.enter_async_context(neighbour("catalog", catalog.client))
        # Once, so that the bank's word comes before the confirmation gives up waiting for the intent's row.
        hasty = await opened.enter_async_context(Neighbour("payments", money_url, read_seconds=0.3, attempts=1))
        patient = await opened.enter_async_context(Neighbour("payments", money_url))
        prompt = processor.Payments(patient, secret_key=SECRET_KEY)
        carts = clients.Carts(near, Forwarded(cartdb.issuer.token(subject="controller", scope=Scope.CART_CHECKOUT)))
        stock = clients.Stock(far, Forwarded(catalog.checkout["Authorization"].removeprefix("Bearer ")))
        checkout = Checkout(carts=carts, stock=stock, payments=prompt, alarm=lambda what, _, __: alarms.append(what))
        refunds = Refunds(carts=carts, stock=stock, payments=prompt, alarm=lambda what, _, __: alarms.append(what))
        webhooks = Webhooks(
            checkout=checkout,
            refunds=refunds,
            reconcile=Reconcile(checkout=checkout, refunds=refunds, carts=carts, payments=prompt),
            carts=carts,
            payments=prompt,
            patience=15,
        )
        shop_url = await opened.enter_async_context(on_a_port(shop_app(webhooks, settings())))
        shop = await opened.enter_async_context(httpx.AsyncClient(base_url=shop_url))
        money = Payments(await opened.enter_async_context(httpx.AsyncClient(base_url=money_url)))
        if wired:
            await rewire(ledger.app, f"{shop_url}/webhooks/payments")
        bank = SlowBank(patient, hasty, ledger.app)
        yield World(cartdb, money, bank, prompt, carts, stock, shop, shop_url, alarms)
        bank.decided.set()
        await asyncio.gather(*bank._holding)
    assert alarms == []


def neighbour(name: str, client: httpx.AsyncClient) -> Neighbour:
    """One in this process."""
    return Neighbour(name, "http://service", transport=client._transport)


async def rewire(database_url: str, url: str) -> None:
    """Have the processor tell the shop, under the secret that the shop knows."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        """
        INSERT INTO webhook_endpoints (id, url, secret, enabled_events, metadata, created_at)
        VALUES ('we_shop', $1, $2, '{*}', '{}', now())
        """,
        url,
        SECRET,
    )
    await connection.close()


@pytest.fixture
async def wired(make_database: MakeDatabase) -> AsyncIterator[World]:
    async with world_of(make_database, wired=True) as world:
        yield world


@pytest.fixture
async def unwired(make_database: MakeDatabase) -> AsyncIterator[World]:
    """A shop that no event reaches but those that the test sends."""
    async with world_of(make_database, wired=False) as world:
        yield world


async def test_a_charge_that_is_decided_late_is_settled_by_its_webhook_alone(wired: World) -> None:
    owner, checkout_id = await wired.late()
    before = await wired.state(owner, checkout_id)

    wired.payments.decided.set()
    started = time.perf_counter()

    async def paid() -> bool:
        return await wired.state(owner, checkout_id) is PurchaseState.PAID

    await eventually(paid)
    print(f"settled {time.perf_counter() - started:.3f} s after the bank's decision")
    assert before is PurchaseState.PENDING


async def test_webhook_and_client_finish_the_same_checkouts_at_once(wired: World) -> None:
    shoppers = [await wired.filled() for _ in range(12)]
    requests = [request_for(checkout_id=uuid4()) for _ in shoppers]
    checkout = wired.checkout(wired.prompt)

    outcomes = await asyncio.gather(
        *(
            checkout.run(owner, cart_id, request, "pm_card_visa")
            for (owner, cart_id), request in zip(shoppers, requests, strict=True)
        )
    )

    async def all_told() -> bool:
        events = (await wired.money.get("events", limit="100")).json()["data"]
        return len(events) == 24 and not any(event["pending_webhooks"] for event in events)

    await eventually(all_told)
    assert [isinstance(outcome, Paid) and outcome.settled for outcome in outcomes] == [True] * 12
    charged = (await wired.money.get("charges", limit="100")).json()["data"]
    assert len({charge["payment_intent"] for charge in charged}) == len(charged) == 12


async def test_what_is_not_signed_as_it_must_be_moves_nothing(unwired: World) -> None:
    owner, checkout_id = await unwired.late()
    unwired.payments.decided.set()
    event = await unwired.succeeded(checkout_id)
    body, now = json.dumps(event), int(time.time())
    good = signature(SECRET, body, at=now)

    answers = [
        await unwired.send(body, ""),
        await unwired.send(body, "t=1,v1=00"),
        await unwired.send(body, signature("whsec_other", body, at=now)),
        await unwired.send(body, signature(SECRET, body, at=now - 301)),
        await unwired.send(body, signature(SECRET, body, at=now + 320)),
        await unwired.send(body + " ", good),
        await unwired.send(body.replace("19900", "19901") + "\n", good),
        await unwired.send(body, good.replace("v1=", "v0=")),
    ]

    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
        assert answer.json()["type"] == "/docs/problems#webhook_signature_refused"
        assert SECRET not in answer.text
    assert await unwired.state(owner, checkout_id) is PurchaseState.PENDING


def failed_refund(checkout_id: UUID) -> dict[str, Any]:
    metadata = {"checkout_id": str(checkout_id), "refund_id": str(uuid4())}
    return {"type": "refund.failed", "data": {"object": {"status": "failed", "metadata": metadata}}}


async def test_a_good_event_is_followed_whatever_cookies_or_origin_it_comes_with(unwired: World) -> None:
    owner, checkout_id = await unwired.late()
    unwired.payments.decided.set()
    event = await unwired.succeeded(checkout_id)

    others = [
        await unwired.send(event | {"type": "payment_intent.canceled"}),
        await unwired.send(event | {"type": "refund.created"}),
        await unwired.send(event | {"data": {"object": {"metadata": {"checkout_id": str(uuid4())}}}}),
        await unwired.send(event | {"data": {"object": {"metadata": {}}}}),
        await unwired.send(failed_refund(checkout_id)),
        await unwired.send(failed_refund(uuid4())),
        await unwired.send("no JSON at all"),
    ]
    before = await unwired.state(owner, checkout_id)
    first = await unwired.send(event, Origin="https://elsewhere.example", Cookie="sid=nobody")
    again = [await unwired.send(event) for _ in range(2)]

    assert [answer.status_code for answer in others] == [204] * 7
    assert before is PurchaseState.PENDING
    assert [answer.status_code for answer in (first, *again)] == [204] * 3
    assert "set-cookie" not in first.headers
    assert await unwired.state(owner, checkout_id) is PurchaseState.PAID


async def test_an_event_of_an_intent_that_was_not_charged_settles_nothing(unwired: World) -> None:
    owner, checkout_id = await unwired.late()
    lie = {"type": "payment_intent.succeeded", "data": {"object": {"metadata": {"checkout_id": str(checkout_id)}}}}

    answer = await unwired.send(lie)

    assert answer.status_code == 204
    assert await unwired.state(owner, checkout_id) is PurchaseState.PENDING


@dataclass
class Paper:
    """A shop over neighbours in memory."""

    wire: Wire = field(default_factory=Wire)

    def app(self, chosen: Settings) -> FastAPI:
        carts, stock, payments = FakeCarts(self.wire), FakeStock(self.wire), FakePayments(self.wire)
        checkout = Checkout(carts=carts, stock=stock, payments=payments, alarm=lambda *_: None)
        refunds = Refunds(carts=carts, stock=stock, payments=payments, alarm=lambda *_: None)
        reconcile = Reconcile(
            checkout=checkout,
            refunds=refunds,
            carts=carts,  # type: ignore[arg-type]  # no adoptions
            payments=payments,
        )
        webhooks = Webhooks(
            checkout=checkout, refunds=refunds, reconcile=reconcile, carts=carts, payments=payments, patience=15
        )
        return shop_app(webhooks, chosen)


def signed(body: str) -> dict[str, Any]:
    return {"content": body, "headers": {"Stripe-Signature": signature(SECRET, body, at=int(time.time()))}}


EVENT = json.dumps(
    {"type": "payment_intent.succeeded", "data": {"object": {"metadata": {"checkout_id": str(CHECKOUT)}}}}
)


async def test_where_cartdb_does_not_answer_the_sender_is_told_to_come_again() -> None:
    paper = Paper()
    paper.wire.troubles["unfinished"] = ["lost_answer"]
    async with serving(paper.app(settings())) as shop:
        first = await shop.post("/webhooks/payments", **signed(EVENT))
        second = await shop.post("/webhooks/payments", **signed(EVENT))

    assert (first.status_code, first.json()["type"]) == (503, "/docs/problems#unavailable")
    assert second.status_code == 204


async def test_without_a_secret_there_is_no_webhook() -> None:
    async with serving(Paper().app(settings(secret=""))) as shop:
        answer = await shop.post("/webhooks/payments", **signed(EVENT))

    assert (answer.status_code, answer.json()["type"]) == (404, "/docs/problems#not_found")


async def test_a_webhook_is_no_larger_than_any_other_body() -> None:
    async with serving(Paper().app(settings())) as shop:
        answer = await shop.post("/webhooks/payments", **signed(" " * 70_000))

    assert answer.status_code == 413
