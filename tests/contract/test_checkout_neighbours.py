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
from services.contracts.payments import IntentStatus, PaymentIntent, StripeRefund
from services.contracts.problems import (
    GoodsNotSold,
    HoldIsCommitted,
    HoldIsReleased,
    HoldNotFound,
    IdempotencyKeyReused,
    IntentMismatch,
    OrderNotFound,
    OutOfStock,
    PaymentDeclined,
    PurchaseHasFailed,
    PurchaseIsSettled,
    RefundHasFailed,
    RefundIsDone,
    RefundMismatch,
    RefundRefused,
    Refused,
    RestockExceedsSale,
    RestockMismatch,
    Undecided,
)
from services.contracts.refunds import Refund, RefundRequest, RefundState, Restock, RestockRequest
from services.controller import checkout, clients, desk, processor, refunds, webhooks
from tests.checkout_fakes import CART, OWNER, FakeCarts, FakePayments, FakeStock, Wire, request_for
from tests.conftest import MakeDatabase
from tests.service.cartdb_client import new_guest, running_cartdb
from tests.service.catalog_stand import HEADER, standing
from tests.service.payments_stand import SECRET_KEY, payments_app
from tests.serving import serving
from tests.tokens import TestIssuer

APPLES = HEADER + "apple,,Apple,Round.,Fruit,apple.svg,4000,,10\n"


class Carts(checkout.Carts, refunds.Carts, desk.Carts, webhooks.Carts, Protocol):
    """The steps of a checkout and of a refund, the checkout's tombstone, and what a webhook asks for."""

    async def void(self, owner: str, checkout_id: UUID, command: Void) -> Purchase | Refused | Undecided: ...


class Stock(checkout.Stock, refunds.Stock, Protocol):
    """Holds, and what comes back."""


class Payments(checkout.Payments, refunds.Payments, Protocol):
    """Charges, and what goes back."""


@dataclass
class World:
    """The three neighbours, and an open cart of two apples at version 1."""

    carts: Carts
    stock: Stock
    payments: Payments
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

    async def sold(self) -> str:
        """A paid purchase of two apples for 8000 paise; its intent."""
        intent_id = await self.attached()
        await self.stock.hold(self.checkout_id, [HoldLine(sku="apple", quantity=2)])
        await self.confirm(intent_id)
        await self.stock.commit(self.checkout_id)
        await self.carts.settle(self.owner, self.checkout_id, intent_id)
        return intent_id

    async def set_aside(self, refund_id: UUID, amount: int | None, *, fingerprint: str = "f") -> Refund | object:
        request = RefundRequest(
            refund_id=refund_id, fingerprint=fingerprint, amount=amount, currency="INR", actor="user:olga"
        )
        return await self.carts.refund(self.owner, self.checkout_id, request)

    async def give_back(self, intent_id: str, refund_id: UUID, amount: int) -> StripeRefund | object:
        return await self.payments.refund(
            intent_id, amount=amount, reason="duplicate", refund_id=refund_id, checkout_id=self.checkout_id, attempt=1
        )

    async def put_back(self, refund_id: UUID, quantity: int) -> Restock | object:
        lines = [HoldLine(sku="apple", quantity=quantity)]
        return await self.stock.restock(refund_id, RestockRequest(checkout_id=self.checkout_id, lines=lines))


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


def refusal_of(answer: object) -> type:
    assert isinstance(answer, Refused), answer
    return type(answer.problem)


async def test_a_refund_is_set_aside_once_and_another_request_under_its_id_is_refused(world: World) -> None:
    await world.sold()
    refund_id = uuid4()

    answers = [await world.set_aside(refund_id, 3000) for _ in range(2)]
    other = await world.set_aside(refund_id, 3000, fingerprint="other")

    assert answers[0] == answers[1]
    assert isinstance(answers[0], Refund)
    assert (answers[0].state, answers[0].amount) == (RefundState.PENDING, 3000)
    assert refusal_of(other) is IdempotencyKeyReused


async def test_a_refund_of_more_than_is_left_fails_for_good(world: World) -> None:
    await world.sold()
    first, second = uuid4(), uuid4()
    await world.set_aside(first, 3000)

    refused = await world.set_aside(second, 5001)
    await world.carts.fail_refund(world.owner, first, failure="failed", processor_refund_id=None)
    again = await world.set_aside(second, 5001)
    rest = await world.set_aside(uuid4(), None)

    assert isinstance(refused, Refund)
    assert (refused.state, refused.failure) == (RefundState.FAILED, "refund_exceeds_payment")
    assert refused.detail == {"left": 5000, "paid": 8000}
    assert again == refused
    assert isinstance(rest, Refund)
    assert (rest.state, rest.amount) == (RefundState.PENDING, 8000)


async def test_a_refund_of_an_unpaid_purchase_fails_for_good(world: World) -> None:
    await world.attached()

    refused = await world.set_aside(uuid4(), None)

    assert isinstance(refused, Refund)
    assert (refused.state, refused.failure, refused.amount) == (RefundState.FAILED, "order_not_paid", None)


async def test_a_finished_refund_agrees_on_repeats_and_is_seen_on_the_purchase(world: World) -> None:
    await world.sold()
    refund_id = uuid4()
    await world.set_aside(refund_id, 3000)

    done = [await world.carts.finish_refund(world.owner, refund_id, "re_1") for _ in range(2)]
    failed = await world.carts.fail_refund(world.owner, refund_id, failure="failed", processor_refund_id=None)
    other = await world.carts.finish_refund(world.owner, refund_id, "re_2")
    purchase = await world.carts.anybodys(world.checkout_id)

    assert [one.state for one in done if isinstance(one, Refund)] == [RefundState.DONE] * 2
    assert (refusal_of(failed), refusal_of(other)) == (RefundIsDone, RefundMismatch)
    assert isinstance(purchase, Purchase)
    assert (purchase.state, purchase.refunds) == (PurchaseState.PAID, [done[0]])


async def test_a_failed_refund_cannot_be_finished(world: World) -> None:
    await world.sold()
    refund_id = uuid4()
    await world.set_aside(refund_id, 3000)

    failed = [
        await world.carts.fail_refund(world.owner, refund_id, failure=why, processor_refund_id=None)
        for why in ("failed", "canceled")
    ]
    finished = await world.carts.finish_refund(world.owner, refund_id, "re_1")

    assert [one.failure for one in failed if isinstance(one, Refund)] == ["failed"] * 2
    assert refusal_of(finished) is RefundHasFailed


async def test_a_purchase_that_nobody_made_is_anybodys(world: World) -> None:
    assert refusal_of(await world.carts.anybodys(uuid4())) is OrderNotFound


async def test_money_goes_back_once_for_a_refund_and_is_listed_under_it(world: World) -> None:
    intent_id = await world.sold()
    refund_id = uuid4()

    before = await world.payments.refunds_of(intent_id)
    answers = [await world.give_back(intent_id, refund_id, 3000) for _ in range(2)]
    listed = await world.payments.refunds_of(intent_id)

    assert before == []
    assert answers[0] == answers[1]
    assert isinstance(listed, list)
    [given] = listed
    assert (given.status, given.amount, given.metadata["refund_id"]) == ("succeeded", 3000, str(refund_id))


async def test_the_processor_gives_no_more_back_than_it_took_and_says_no_again(world: World) -> None:
    intent_id = await world.sold()
    await world.give_back(intent_id, uuid4(), 5000)
    refund_id = uuid4()

    answers = [await world.give_back(intent_id, refund_id, 3001) for _ in range(2)]
    rest = await world.give_back(intent_id, uuid4(), 3000)
    nothing = await world.give_back(intent_id, uuid4(), 1)

    assert [refusal_of(answer) for answer in (*answers, nothing)] == [RefundRefused] * 3
    assert isinstance(rest, StripeRefund)


async def test_goods_come_back_once_for_a_refund_and_never_more_than_were_sold(world: World) -> None:
    await world.sold()
    refund_id = uuid4()

    back = [await world.put_back(refund_id, 1) for _ in range(2)]
    other = await world.put_back(refund_id, 2)
    more = await world.put_back(uuid4(), 2)
    rest = await world.put_back(uuid4(), 1)

    assert back[0] == back[1]
    assert isinstance(back[0], Restock)
    assert (refusal_of(other), refusal_of(more)) == (RestockMismatch, RestockExceedsSale)
    assert isinstance(rest, Restock)
    assert isinstance(await world.stock.hold(uuid4(), [HoldLine(sku="apple", quantity=10)]), Hold)


async def test_goods_that_were_not_sold_do_not_come_back(world: World) -> None:
    await world.stock.hold(world.checkout_id, [HoldLine(sku="apple", quantity=2)])

    assert refusal_of(await world.put_back(uuid4(), 1)) is GoodsNotSold


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
