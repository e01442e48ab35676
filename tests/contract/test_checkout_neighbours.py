"""What the checkout believes of its neighbours, asked of fakes and services alike, so that a fake cannot lie."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from services.chassis.outbound import Forwarded, Neighbour
from services.contracts.carts import Purchase, PurchaseRequest, PurchaseState, Unfinished, Void
from services.contracts.catalog import Hold, HoldLine
from services.contracts.identity import Scope
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.problems import (
    HoldIsCommitted,
    HoldIsReleased,
    HoldNotFound,
    IdempotencyKeyReused,
    IntentMismatch,
    OutOfStock,
    PaymentDeclined,
    PurchaseHasFailed,
    PurchaseIsSettled,
    Refused,
    Undecided,
)
from services.controller import checkout, clients, processor, webhooks
from tests.checkout_fakes import CART, OWNER, FakeCarts, FakePayments, FakeStock, Wire, request_for
from tests.conftest import MakeDatabase
from tests.service.cartdb_client import new_guest, running_cartdb
from tests.service.catalog_stand import HEADER, standing
from tests.service.payments_stand import SECRET_KEY, payments_app
from tests.serving import serving
from tests.tokens import TestIssuer

APPLES = HEADER + "apple,,Apple,Round.,Fruit,apple.svg,4000,,10\n"


class Carts(checkout.Carts, webhooks.Carts, Protocol):
    """The steps of a checkout, its tombstone, and what a webhook asks for."""

    async def void(self, owner: str, checkout_id: UUID, command: Void) -> Purchase | Refused | Undecided: ...


@dataclass
class World:
    """The three neighbours, and an open cart of two apples at version 1."""

    carts: Carts
    stock: checkout.Stock
    payments: checkout.Payments
    owner: str
    cart_id: UUID
    declining: str
    checkout_id: UUID

    def request(self) -> PurchaseRequest:
        return request_for(checkout_id=self.checkout_id)

    async def mark(self) -> Purchase | object:
        return await self.carts.purchase(self.owner, self.cart_id, self.request())

    async def intent(self) -> PaymentIntent:
        intent = await self.payments.create(amount=8000, currency="INR", checkout_id=self.checkout_id)
        assert isinstance(intent, PaymentIntent)
        return intent

    async def attached(self) -> str:
        """A marked cart with its intent."""
        await self.mark()
        intent = await self.intent()
        await self.carts.attach(self.owner, self.checkout_id, intent.id)
        return intent.id

    async def confirm(self, intent_id: str, payment_method: str = "pm_card_visa") -> PaymentIntent | object:
        return await self.payments.confirm(intent_id, payment_method=payment_method, checkout_id=self.checkout_id)


def fakes() -> World:
    wire = Wire()
    return World(
        FakeCarts(wire), FakeStock(wire), FakePayments(wire), OWNER, CART, "pm_card_visa_chargeDeclined", uuid4()
    )


@asynccontextmanager
async def services(make_database: MakeDatabase) -> AsyncIterator[World]:
    issuer = TestIssuer()
    async with AsyncExitStack() as opened:
        cartdb = await opened.enter_async_context(running_cartdb((await make_database("cartdb")).app))
        catalog = await opened.enter_async_context(standing(await make_database("catalog"), issuer, APPLES))
        money = await opened.enter_async_context(serving(payments_app((await make_database("payments")).app)))
        owner = new_guest()
        cart = (await cartdb.add(cartdb.guest(owner), "apple", 2)).json()
        checkout_token = Forwarded(cartdb.issuer.token(subject="controller", scope=Scope.CART_CHECKOUT))
        stock_token = Forwarded(catalog.checkout["Authorization"].removeprefix("Bearer "))
        cartdb_, catalog_, payments_ = [
            await opened.enter_async_context(Neighbour(name, "http://service", transport=client._transport))
            for name, client in (("cartdb", cartdb.http), ("catalog", catalog.client), ("payments", money))
        ]
        yield World(
            clients.Carts(cartdb_, checkout_token),
            clients.Stock(catalog_, stock_token),
            processor.Payments(payments_, secret_key=SECRET_KEY),
            owner,
            UUID(cart["cart_id"]),
            "pm_card_visa_chargeDeclined",
            uuid4(),
        )


@pytest_asyncio.fixture(params=["fakes", "services"])
async def world(request: pytest.FixtureRequest, make_database: MakeDatabase) -> AsyncIterator[World]:
    if request.param == "fakes":
        yield fakes()
    else:
        async with services(make_database) as real:
            yield real


async def test_a_repeated_mark_agrees_and_another_request_under_its_id_is_refused(world: World) -> None:
    first = await world.mark()
    again = await world.mark()
    other = await world.carts.purchase(
        world.owner, world.cart_id, world.request().model_copy(update={"fingerprint": "other"})
    )

    assert isinstance(first, Purchase)
    assert first == again
    assert isinstance(other, Refused)
    assert isinstance(other.problem, IdempotencyKeyReused)


async def test_a_rival_checkout_of_a_marked_cart_is_refused_for_good(world: World) -> None:
    intent_id = await world.attached()

    rival = request_for(checkout_id=uuid4())
    refused = await world.carts.purchase(world.owner, world.cart_id, rival)
    await world.carts.unpurchase(world.owner, world.checkout_id, intent_id=intent_id, reason="declined")
    again = await world.carts.purchase(world.owner, world.cart_id, rival)

    states = [(one.state, one.reason) for one in (refused, again) if isinstance(one, Purchase)]
    assert states == [(PurchaseState.FAILED, "cart_in_checkout")] * 2


async def test_a_cart_that_was_opened_again_is_at_another_version(world: World) -> None:
    intent_id = await world.attached()
    await world.carts.unpurchase(world.owner, world.checkout_id, intent_id=intent_id, reason="declined")

    stale, fresh = request_for(checkout_id=uuid4()), request_for(checkout_id=uuid4())
    answers = [
        await world.carts.purchase(world.owner, world.cart_id, request)
        for request in (stale, fresh.model_copy(update={"version": stale.version + 1}))
    ]

    states = [(one.state, one.reason) for one in answers if isinstance(one, Purchase)]
    assert states == [(PurchaseState.FAILED, "checkout_changed"), (PurchaseState.PENDING, None)]


async def test_a_tombstone_refuses_the_late_mark_and_gives_way_to_an_early_one(world: World) -> None:
    late = world.request()
    tombstone = Void(cart_id=world.cart_id, fingerprint=late.fingerprint, reason="out_of_stock")
    early = request_for(checkout_id=uuid4()).model_copy(update={"version": late.version + 1})

    voided = await world.carts.void(world.owner, late.checkout_id, tombstone)
    marked = [await world.carts.purchase(world.owner, world.cart_id, request) for request in (late, early)]
    kept = await world.carts.void(world.owner, early.checkout_id, tombstone)

    states = [one.state for one in (voided, *marked, kept) if isinstance(one, Purchase)]
    assert states == [PurchaseState.FAILED, PurchaseState.FAILED, PurchaseState.PENDING, PurchaseState.PENDING]


async def test_an_intent_is_attached_once(world: World) -> None:
    intent_id = await world.attached()

    again = await world.carts.attach(world.owner, world.checkout_id, intent_id)
    other = await world.carts.attach(world.owner, world.checkout_id, "pi_other")

    assert isinstance(again, Purchase)
    assert again.intent_id == intent_id
    assert isinstance(other, Refused)
    assert isinstance(other.problem, IntentMismatch)


async def test_a_settled_purchase_agrees_on_repeats_and_cannot_be_unmarked(world: World) -> None:
    intent_id = await world.attached()

    settled = [await world.carts.settle(world.owner, world.checkout_id, intent_id) for _ in range(2)]
    unmarked = await world.carts.unpurchase(world.owner, world.checkout_id, intent_id=intent_id, reason="cancelled")

    assert [one.state for one in settled if isinstance(one, Purchase)] == [PurchaseState.PAID] * 2
    assert isinstance(unmarked, Refused)
    assert isinstance(unmarked.problem, PurchaseIsSettled)


async def test_an_unmarked_purchase_keeps_its_first_reason_and_cannot_be_settled_or_marked_again(world: World) -> None:
    intent_id = await world.attached()

    unmarked = [
        await world.carts.unpurchase(world.owner, world.checkout_id, intent_id=intent_id, reason=reason)
        for reason in ("declined", "cancelled")
    ]
    settled = await world.carts.settle(world.owner, world.checkout_id, intent_id)
    marked = await world.mark()

    assert [(one.state, one.reason) for one in unmarked if isinstance(one, Purchase)] == [
        (PurchaseState.FAILED, "declined")
    ] * 2
    assert isinstance(settled, Refused)
    assert isinstance(settled.problem, PurchaseHasFailed)
    assert isinstance(marked, Purchase)
    assert marked.state is PurchaseState.FAILED


async def test_held_stock_is_committed_once_and_cannot_be_released_then(world: World) -> None:
    lines = [HoldLine(sku="apple", quantity=2)]
    held = [await world.stock.hold(world.checkout_id, lines) for _ in range(2)]

    committed = [await world.stock.commit(world.checkout_id) for _ in range(2)]
    released = await world.stock.release(world.checkout_id)

    assert [one.state for one in held if isinstance(one, Hold)] == ["held"] * 2
    assert [one.state for one in committed if isinstance(one, Hold)] == ["committed"] * 2
    assert isinstance(released, Refused)
    assert isinstance(released.problem, HoldIsCommitted)


async def test_what_was_never_held_cannot_be_committed(world: World) -> None:
    answer = await world.stock.commit(world.checkout_id)

    assert isinstance(answer, Refused)
    assert isinstance(answer.problem, HoldNotFound)


async def test_a_release_is_final_even_before_the_hold(world: World) -> None:
    released = [await world.stock.release(world.checkout_id) for _ in range(2)]

    late = await world.stock.hold(world.checkout_id, [HoldLine(sku="apple", quantity=2)])

    assert [one.state for one in released if isinstance(one, Hold)] == ["released"] * 2
    assert isinstance(late, Refused)
    assert isinstance(late.problem, HoldIsReleased)


async def test_short_stock_is_refused_for_good(world: World) -> None:
    refused = [await world.stock.hold(world.checkout_id, [HoldLine(sku="apple", quantity=n)]) for n in (11, 1)]

    assert [isinstance(one, Refused) and isinstance(one.problem, OutOfStock) for one in refused] == [True, True]
    assert isinstance(await world.stock.hold(uuid4(), [HoldLine(sku="apple", quantity=10)]), Hold)


async def test_a_refused_hold_can_be_released_again_and_again(world: World) -> None:
    await world.stock.hold(world.checkout_id, [HoldLine(sku="apple", quantity=11)])

    released = [await world.stock.release(world.checkout_id) for _ in range(2)]

    assert [one.state for one in released if isinstance(one, Hold)] == ["released"] * 2


async def test_a_checkout_has_one_intent(world: World) -> None:
    assert await world.intent() == await world.intent()


async def test_a_confirmed_intent_has_succeeded_and_tells_so_to_whoever_confirms_or_cancels(world: World) -> None:
    intent = await world.intent()

    answers = [await world.confirm(intent.id), await world.confirm(intent.id), await world.payments.cancel(intent.id)]
    found = await world.payments.find(intent.id)

    states = [one.status for one in (*answers, found) if isinstance(one, PaymentIntent)]
    assert states == [IntentStatus.SUCCEEDED] * 4


async def test_a_declined_intent_can_be_cancelled_for_good(world: World) -> None:
    intent = await world.intent()

    declined = await world.confirm(intent.id, world.declining)
    cancelled = [await world.payments.cancel(intent.id) for _ in range(2)]
    found = await world.payments.find(intent.id)

    assert isinstance(declined, Refused)
    assert isinstance(declined.problem, PaymentDeclined)
    states = [one.status for one in (*cancelled, found) if isinstance(one, PaymentIntent)]
    assert states == [IntentStatus.CANCELED] * 3


async def test_a_confirm_that_comes_after_the_cancel_charges_nothing(world: World) -> None:
    intent = await world.intent()
    await world.payments.cancel(intent.id)

    late = await world.confirm(intent.id)

    assert isinstance(late, PaymentIntent)
    assert late.status is IntentStatus.CANCELED


async def test_what_is_pending_is_found_by_its_checkout_alone(world: World) -> None:
    intent_id = await world.attached()

    found = [await world.carts.unfinished(0, checkout_id=one) for one in (world.checkout_id, uuid4())]
    young = await world.carts.unfinished(60, checkout_id=world.checkout_id)
    await world.carts.settle(world.owner, world.checkout_id, intent_id)
    settled = await world.carts.unfinished(0, checkout_id=world.checkout_id)

    listed = [
        [(row.owner_id, row.checkout_id, row.intent_id) for row in one.purchases]
        for one in (*found, young, settled)
        if isinstance(one, Unfinished)
    ]
    assert listed == [[(world.owner, world.checkout_id, intent_id)], [], [], []]
