"""The checkout on paper: every step, every way it can end, and what reconcile makes of the rest."""

import asyncio
import warnings
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from services.contracts.carts import Purchase, PurchaseState
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.problems import (
    CheckoutRefused,
    OutcomeNotKnown,
    OutOfStock,
    PaymentDeclined,
    Problem,
    Refused,
    Unavailable,
    Undecided,
)
from services.contracts.refunds import Refund
from services.controller.checkout import Checkout, Failed, Outcome, Paid, Processing
from services.controller.reconcile import ROWS_AT_ONCE, Reconcile, Together, a_few_at_once, one_by_one
from services.controller.refunds import Refunds
from tests.checkout_fakes import (
    CART,
    CHECKOUT,
    OWNER,
    FakeCarts,
    FakePayments,
    FakeStock,
    NoAdoptions,
    Trouble,
    Wire,
    request_for,
)

STEPS = ("hold", "create", "attach", "confirm")
UNDO = ("cancel", "release", "unpurchase")
TROUBLES: tuple[Trouble, ...] = ("not_sent", "lost_request", "lost_answer")


@dataclass
class World:
    """A checkout with everything around it."""

    wire: Wire = field(default_factory=Wire)
    alarms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.carts = FakeCarts(self.wire)
        self.stock = FakeStock(self.wire)
        self.payments = FakePayments(self.wire)
        self.checkout = Checkout(carts=self.carts, stock=self.stock, payments=self.payments, alarm=self._alarm)

    def _alarm(self, what: str, concerned: Purchase | Refund, problem: Problem) -> None:
        self.alarms.append(what)

    def reconciler(self, together: Together = one_by_one) -> Reconcile:
        """Somebody who finishes what was left."""
        refunds = Refunds(carts=self.carts, stock=self.stock, payments=self.payments, alarm=self._alarm)
        return Reconcile(
            checkout=self.checkout,
            refunds=refunds,
            carts=NoAdoptions(self.carts),
            payments=self.payments,
            together=together,
        )

    def trouble(self, call: str, *troubles: Trouble) -> None:
        """Script what happens to the next calls of a name."""
        self.wire.troubles[call] = list(troubles)

    async def run(self) -> Outcome:
        """Check out two apples with a card."""
        return await self.checkout.run(OWNER, CART, request_for(), "pm_card_visa")

    async def reconcile(self) -> None:
        """One round."""
        await self.reconciler().round(older_than=0)

    @property
    def state(self) -> PurchaseState:
        """What cartdb has written down."""
        return self.carts.rows[CHECKOUT].state

    def agree(self) -> None:
        """Whatever happened, money, goods and the purchase say the same."""
        charged = self.payments.charges
        assert charged <= 1
        assert (self.state is PurchaseState.PAID) == (charged == 1)
        assert self.stock.available + self.stock.sold == 10
        assert self.stock.sold == 2 * charged
        assert self.alarms == []


async def test_a_good_card_pays_in_seven_steps() -> None:
    world = World()

    outcome = await world.run()

    assert isinstance(outcome, Paid)
    assert world.wire.calls == ["purchase", "hold", "create", "attach", "confirm", "commit", "settle"]
    world.agree()


async def test_a_declined_card_is_undone_in_order_before_it_is_told() -> None:
    world = World()
    world.payments.declines = True

    outcome = await world.run()

    assert isinstance(outcome, Failed)
    assert isinstance(outcome.problem, PaymentDeclined)
    assert world.wire.calls[-3:] == ["cancel", "release", "unpurchase"]
    assert world.carts.rows[CHECKOUT].reason == "insufficient_funds"
    world.agree()


async def test_short_stock_is_told_after_the_intent_can_never_be_charged() -> None:
    world = World()
    world.stock.available = 1

    outcome = await world.run()

    assert isinstance(outcome, Failed)
    assert isinstance(outcome.problem, OutOfStock)
    assert world.wire.calls == ["purchase", "hold", "create", "attach", "cancel", "release", "unpurchase"]
    assert world.payments.intents[f"pi_{CHECKOUT.hex}"].status is IntentStatus.CANCELED
    assert (world.stock.available, world.payments.charges) == (1, 0)


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_an_unmarked_cart_is_told_as_it_is_and_the_same_request_goes_on(trouble: Trouble) -> None:
    world = World()
    world.trouble("purchase", trouble)

    with pytest.raises(Unavailable if trouble == "not_sent" else OutcomeNotKnown):
        await world.run()

    assert isinstance(await world.run(), Paid)
    world.agree()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_an_unknown_step_is_processing_and_never_undone_on_a_guess(step: str, trouble: Trouble) -> None:
    world = World()
    world.trouble(step, trouble)

    outcome = await world.run()

    assert isinstance(outcome, Processing)
    assert not set(UNDO) & set(world.wire.calls)
    assert world.state is PurchaseState.PENDING


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_reconcile_finishes_what_an_unknown_step_left(step: str, trouble: Trouble) -> None:
    world = World()
    world.trouble(step, trouble)
    await world.run()

    await world.reconcile()

    assert world.state is (
        PurchaseState.PAID if (step, trouble) == ("confirm", "lost_answer") else PurchaseState.FAILED
    )
    world.agree()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_the_same_request_again_pays_after_an_unknown_step(step: str, trouble: Trouble) -> None:
    world = World()
    world.trouble(step, trouble)
    await world.run()

    outcome = await world.run()

    assert isinstance(outcome, Paid)
    world.agree()


@pytest.mark.parametrize("step", ["commit", "settle"])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_charge_is_told_as_paid_and_finished_later(step: str, trouble: Trouble) -> None:
    world = World()
    world.trouble(step, trouble)

    outcome = await world.run()
    await world.reconcile()

    assert isinstance(outcome, Paid)
    assert world.state is PurchaseState.PAID
    world.agree()


@pytest.mark.parametrize("step", UNDO)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_an_undo_that_stops_is_finished_by_reconcile(step: str, trouble: Trouble) -> None:
    world = World()
    world.payments.declines = True
    world.trouble(step, trouble)

    outcome = await world.run()
    await world.reconcile()

    assert isinstance(outcome, Processing)
    assert world.state is PurchaseState.FAILED
    world.agree()


async def test_a_cancel_that_finds_the_money_taken_goes_forward() -> None:
    world = World()
    world.trouble("confirm", "lost_answer")
    processing = await world.run()
    assert isinstance(processing, Processing)

    outcome = await world.checkout.undo(processing.purchase, PaymentDeclined(reason="cancelled"))

    assert isinstance(outcome, Paid)
    world.agree()


async def test_a_slow_bank_is_left_alone_until_it_has_answered() -> None:
    world = World()
    world.payments.slow = True

    outcome = await world.run()
    await world.reconcile()

    assert isinstance(outcome, Processing)
    assert world.state is PurchaseState.PENDING
    assert not set(UNDO) & set(world.wire.calls)


async def test_a_decline_whose_answer_was_lost_is_told_with_the_cards_reason() -> None:
    world = World()
    world.payments.declines = True
    world.trouble("confirm", "lost_answer")

    outcome = await world.run()
    await world.reconcile()
    told = await world.run()

    assert isinstance(outcome, Processing)
    assert isinstance(told, Failed)
    assert isinstance(told.problem, PaymentDeclined)
    assert told.problem.members["reason"] == "insufficient_funds"


async def test_a_repeat_of_a_decided_checkout_answers_its_state_and_calls_nobody_else() -> None:
    world = World()
    world.payments.declines = True
    await world.run()
    calls = len(world.wire.calls)

    again = await world.run()

    assert isinstance(again, Failed)
    assert isinstance(again.problem, PaymentDeclined)
    assert again.problem.members["reason"] == "insufficient_funds"
    assert world.wire.calls[calls:] == ["purchase"]


async def test_an_intent_that_the_processor_refuses_to_make_is_undone_without_a_cancel() -> None:
    world = World()
    world.payments.refusing_creates = True

    outcome = await world.run()

    assert isinstance(outcome, Failed)
    assert isinstance(outcome.problem, CheckoutRefused)
    assert world.wire.calls == ["purchase", "hold", "create", "create", "release", "unpurchase"]
    assert (world.state, world.payments.intents) == (PurchaseState.FAILED, {})
    world.agree()


async def test_who_comes_second_to_undo_tells_the_reason_that_was_written_down() -> None:
    world = World()
    world.payments.declines = True
    await world.run()
    failed = world.carts.rows[CHECKOUT]

    late = await world.checkout.undo(failed, CheckoutRefused(reason="cancelled"), intent_id=failed.intent_id)

    assert isinstance(late, Failed)
    assert isinstance(late.problem, PaymentDeclined)
    assert late.problem.members["reason"] == "insufficient_funds"


async def test_a_purchase_that_failed_under_a_charge_raises_an_alarm_and_is_told_as_paid() -> None:
    world = World()
    world.trouble("confirm", "lost_answer")
    processing = await world.run()
    assert isinstance(processing, Processing)
    intent_id = f"pi_{CHECKOUT.hex}"
    await world.carts.unpurchase(OWNER, CHECKOUT, intent_id=intent_id, reason="by hand")

    outcome = await world.checkout.forward(processing.purchase, intent_id)

    assert isinstance(outcome, Paid)
    assert not outcome.settled
    assert world.state is PurchaseState.FAILED
    assert world.alarms == ["charged, and cannot be settled"]


async def test_goods_that_were_released_under_a_charge_raise_an_alarm() -> None:
    world = World()
    world.trouble("confirm", "lost_answer")
    processing = await world.run()
    assert isinstance(processing, Processing)
    await world.stock.release(CHECKOUT)

    await world.reconcile()

    assert world.alarms == ["charged, and its goods are not held"]


@pytest.mark.parametrize("together", [one_by_one, a_few_at_once])
async def test_one_broken_row_does_not_keep_reconcile_from_the_others(together: Together) -> None:
    world = World()
    world.payments.slow = False
    world.trouble("confirm", "lost_answer")
    await world.run()
    sound = world.carts.rows[CHECKOUT]
    broken = sound.model_copy(update={"checkout_id": UUID(int=9), "snapshot": None, "intent_id": None})
    world.carts.rows = {broken.checkout_id: broken, **world.carts.rows}

    with pytest.raises(ExceptionGroup):
        await world.reconciler(together).round(older_than=0)

    assert world.state is PurchaseState.PAID


async def test_a_long_list_is_finished_a_few_rows_at_a_time() -> None:
    under_way, most = 0, 0

    async def row() -> bool:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return True

    endings = await a_few_at_once([row] * 50)

    assert endings == [True] * 50
    assert most == ROWS_AT_ONCE


class _Pausing(FakePayments):
    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided:
        await asyncio.sleep(0)
        return await super().create(amount=amount, currency=currency, checkout_id=checkout_id)


async def test_a_round_that_is_cut_short_has_not_begun_the_rows_after() -> None:
    world = World()
    world.payments = _Pausing(world.wire)
    world.checkout = Checkout(carts=world.carts, stock=world.stock, payments=world.payments, alarm=world._alarm)
    reconcile = world.reconciler()
    for number in (1, 2):
        await world.carts.purchase(OWNER, UUID(int=number), request_for(checkout_id=UUID(int=number)))

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        cut_short = reconcile.round(older_than=0)
        cut_short.send(None)
        cut_short.close()

    assert [str(warning.message) for warning in warned] == []
    assert world.payments.intents == {}


async def test_reconcile_counts_what_is_still_open() -> None:
    world = World()
    world.trouble("confirm", "lost_answer")
    await world.run()
    reconcile = world.reconciler()
    world.trouble("settle", "not_sent")

    rounds = [await reconcile.round(older_than=0) for _ in range(3)]

    assert rounds == [1, 0, 0]
