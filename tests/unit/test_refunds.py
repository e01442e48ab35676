"""Refunds on paper: every step, every way it can end, and what reconcile makes of the rest."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from services.contracts.carts import Purchase
from services.contracts.payments import StripeRefund
from services.contracts.problems import (
    OutcomeNotKnown,
    Problem,
    RefundExceedsPayment,
    RefundRefused,
    RestockExceedsSale,
    Unavailable,
    Undecided,
)
from services.contracts.refunds import Refund, RefundState
from services.contracts.shop import RefundCommand
from services.controller.checkout import Checkout, Paid
from services.controller.desk import Desk, Told
from services.controller.reconcile import Reconcile
from services.controller.refunds import KEYS_OF_A_REFUND, Refunds
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

AFTER_THE_ROW = ("refunds_of", "refund", "restock", "finish_refund")
TROUBLES: tuple[Trouble, ...] = ("not_sent", "lost_request", "lost_answer")
ALL_STEPS = ["anybodys", "refund_row", "refunds_of", "refund", "restock", "finish_refund"]


class Killed(Exception):  # noqa: N818 - what happens to a process
    """The controller is gone."""


@dataclass
class MortalWire(Wire):
    """A controller that dies before its nth call."""

    lives_for: int | None = None

    def before(self, call: str) -> Undecided | None:
        if self.lives_for is not None and len(self.calls) >= self.lives_for:
            raise Killed(call)
        return super().before(call)


@dataclass
class World:
    """A paid order of two apples for 8000 paise, and an operator."""

    wire: MortalWire = field(default_factory=MortalWire)
    alarms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.carts = FakeCarts(self.wire)
        self.stock = FakeStock(self.wire)
        self.payments = FakePayments(self.wire)

    def _alarm(self, what: str, concerned: Purchase | Refund, problem: Problem) -> None:
        self.alarms.append(what)

    def controller(self) -> tuple[Checkout, Refunds]:
        """A controller that remembers nothing."""
        return (
            Checkout(carts=self.carts, stock=self.stock, payments=self.payments, alarm=self._alarm),
            Refunds(carts=self.carts, stock=self.stock, payments=self.payments, alarm=self._alarm),
        )

    async def give_back(self, amount: int | None = 3000, *, key: str | None = "k", **fields: Any) -> Told:
        """Ask at some controller."""
        desk = Desk(carts=self.carts, refunds=self.controller()[1])
        command = RefundCommand(amount=amount, restock=fields.get("restock", [{"sku": "apple", "quantity": 1}]))
        return await desk.refund("user:olga", CHECKOUT, command, key=key)

    async def reconcile(self) -> int | None:
        """One round of another controller."""
        checkout, refunds = self.controller()
        reconcile = Reconcile(checkout=checkout, refunds=refunds, carts=NoAdoptions(self.carts), payments=self.payments)
        return await reconcile.round(older_than=0)

    @property
    def rows(self) -> list[Refund]:
        return list(self.carts.refunds.values())

    @property
    def states(self) -> list[RefundState]:
        return [row.state for row in self.rows]

    @property
    def given_back(self) -> int:
        """What the processor has on its way back."""
        standing = [one for _, one in self.payments.refunds.values() if one.status in ("succeeded", "pending")]
        return sum(one.amount for one in standing)

    def agree(self) -> None:
        """Whatever happened, money, goods and the rows say the same."""
        done = [row for row in self.rows if row.state is RefundState.DONE]
        assert self.given_back == sum(row.amount or 0 for row in done) <= 8000
        back = sum(line.quantity for row in done for line in row.restock)
        assert (self.stock.sold, self.stock.available) == (2 - back, 8 + back)
        assert self.alarms == []


@pytest.fixture
async def world() -> World:
    world = World()
    checkout, _ = world.controller()
    assert isinstance(await checkout.run(OWNER, CART, request_for(), "pm_card_visa"), Paid)
    world.wire.calls.clear()
    return world


async def test_a_refund_goes_back_in_six_steps_and_shows_on_the_order(world: World) -> None:
    told = await world.give_back()

    assert told.done
    assert world.wire.calls == ALL_STEPS
    order = told.reply.order
    assert (order.status, order.refunded_total, order.refunds) == ("paid", 3000, [told.reply.refund])
    assert [event.event for event in order.timeline][-2:] == ["refund_started", "refunded"]
    assert order.owner_id == OWNER
    world.agree()


async def test_without_an_amount_what_is_left_goes_back(world: World) -> None:
    await world.give_back(3000, restock=[])

    told = await world.give_back(None, key="rest", restock=[])

    assert (told.reply.refund.amount, told.reply.order.refunded_total) == (5000, 8000)
    world.agree()


async def test_more_than_is_left_is_refused_before_the_processor_is_asked(world: World) -> None:
    await world.give_back(3000)
    calls = len(world.wire.calls)

    with pytest.raises(RefundExceedsPayment) as refusal:
        await world.give_back(5001, key="more")

    assert (refusal.value.members["left"], refusal.value.members["paid"]) == (5000, 8000)
    assert world.wire.calls[calls:] == ["anybodys", "refund_row"]
    world.agree()


async def test_more_goods_than_were_sold_are_refused_before_the_processor_is_asked(world: World) -> None:
    with pytest.raises(RestockExceedsSale):
        await world.give_back(restock=[{"sku": "apple", "quantity": 3}])

    assert world.payments.refunds == {}
    world.agree()


async def test_a_refusal_is_final_for_its_key_and_told_the_same_again(world: World) -> None:
    told = []
    world.payments.refusing_refunds = True
    for _ in range(2):
        with pytest.raises(RefundRefused) as refusal:
            await world.give_back()
        told.append(refusal.value.document())
        world.payments.refusing_refunds = False

    assert told[0] == told[1]
    assert told[0]["reason"] == "amount_not_left"
    assert world.states == [RefundState.FAILED]
    assert (await world.give_back(8000, key="other")).done
    world.agree()


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_nothing_has_begun_for_sure_while_the_row_has_no_answer_and_the_same_key_goes_on(
    world: World, trouble: Trouble
) -> None:
    world.wire.troubles["refund_row"] = [trouble]

    with pytest.raises(Unavailable if trouble == "not_sent" else OutcomeNotKnown):
        await world.give_back()

    assert (await world.give_back()).done
    assert world.states == [RefundState.DONE]
    world.agree()


@pytest.mark.parametrize("step", AFTER_THE_ROW)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_step_without_an_answer_is_processing_and_reconcile_finishes_it(
    world: World, step: str, trouble: Trouble
) -> None:
    world.wire.troubles[step] = [trouble]

    told = await world.give_back()
    still_open = await world.reconcile()

    assert not told.done
    assert still_open == 0
    assert world.states == [RefundState.DONE]
    assert world.given_back == 3000
    world.agree()


@pytest.mark.parametrize("step", AFTER_THE_ROW)
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_the_same_key_again_finishes_what_a_step_without_an_answer_left(
    world: World, step: str, trouble: Trouble
) -> None:
    world.wire.troubles[step] = [trouble]
    await world.give_back()

    told = await world.give_back()

    assert told.done
    assert world.given_back == 3000
    world.agree()


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_refusal_that_cannot_be_written_down_is_processing_until_it_is(world: World, trouble: Trouble) -> None:
    world.payments.refusing_refunds = True
    world.wire.troubles["fail_refund"] = [trouble]

    told = await world.give_back()
    await world.reconcile()

    assert not told.done
    assert world.states == [RefundState.FAILED]
    world.agree()


@pytest.mark.parametrize("calls", range(len(ALL_STEPS)))
async def test_a_controller_that_dies_between_two_steps_leaves_what_another_one_finishes(
    world: World, calls: int
) -> None:
    world.wire.lives_for = calls
    with pytest.raises(Killed):
        await world.give_back()

    world.wire.lives_for = None
    await world.reconcile()

    begun = calls > ALL_STEPS.index("refund_row")
    assert world.states == [RefundState.DONE] * begun
    world.agree()


async def test_a_forgotten_key_does_not_give_back_twice(world: World) -> None:
    world.wire.troubles["refund"] = ["lost_answer"]
    await world.give_back()
    world.payments.answers.clear()

    await world.reconcile()

    assert world.states == [RefundState.DONE]
    assert world.given_back == 3000
    world.agree()


async def test_a_key_over_which_the_processor_broke_gives_way_to_the_next_after_another_look(world: World) -> None:
    world.payments.broken_keys = 2

    told = await world.give_back()

    assert told.done
    assert world.wire.calls[2:-2] == ["refunds_of", "refund"] * 3
    assert world.given_back == 3000
    world.agree()


async def test_a_processor_that_breaks_over_every_key_leaves_the_refund_open(world: World) -> None:
    world.payments.broken_keys = 99

    told = await world.give_back()

    assert not told.done
    assert world.wire.calls.count("refund") == KEYS_OF_A_REFUND
    assert world.states == [RefundState.PENDING]


async def test_a_first_request_that_arrives_after_the_second_is_the_second(world: World) -> None:
    world.wire.troubles["refund"] = ["lost_request"]
    await world.give_back()
    await world.reconcile()

    [refund] = world.rows
    late = await world.payments.refund(
        "pi_" + CHECKOUT.hex, amount=3000, reason=None, refund_id=refund.refund_id, checkout_id=CHECKOUT, attempt=1
    )

    assert isinstance(late, StripeRefund)
    assert late.id == refund.processor_refund_id
    world.agree()


async def test_a_no_is_not_believed_when_it_counts_this_very_refund(world: World) -> None:
    class Forgetful(FakePayments):
        """Lists a refund only from the second look on."""

        looks = 0

        def given_back(self, intent_id: str) -> list[StripeRefund]:
            self.looks += 1
            return [] if self.looks == 1 else super().given_back(intent_id)

    world.wire.troubles["refund"] = ["lost_answer"]
    await world.give_back(8000)
    before = world.payments
    world.payments = Forgetful(world.wire, intents=before.intents, refunds=before.refunds)

    await world.reconcile()

    assert world.states == [RefundState.DONE]
    world.agree()


@pytest.mark.parametrize(
    ("status", "done"), [("succeeded", True), ("pending", True), ("requires_action", False), ("something_new", False)]
)
async def test_what_the_processor_has_taken_on_is_done_and_an_unknown_status_decides_nothing(
    world: World, status: str, *, done: bool
) -> None:
    world.payments.refund_status = status

    told = await world.give_back(restock=[])

    assert told.done is done
    assert world.states == [RefundState.DONE if done else RefundState.PENDING]


@pytest.mark.parametrize("status", ["failed", "canceled"])
async def test_what_the_processor_has_taken_back_has_failed(world: World, status: str) -> None:
    world.payments.refund_status = status

    with pytest.raises(RefundRefused) as refusal:
        await world.give_back()

    assert refusal.value.members["reason"] == status
    assert [(row.state, row.processor_refund_id) for row in world.rows] == [(RefundState.FAILED, "re_0")]
    world.agree()


async def test_goods_that_cannot_be_put_back_sound_the_alarm_and_the_money_is_told_as_it_is(world: World) -> None:
    world.stock.holds[CHECKOUT] = "released"

    told = await world.give_back()

    assert told.done
    assert world.states == [RefundState.DONE]
    assert world.alarms == ["given back, and its goods cannot be restocked"]
    assert await world.reconcile() == 0


async def test_a_row_that_failed_under_money_that_went_back_sounds_the_alarm(world: World) -> None:
    world.wire.troubles["finish_refund"] = ["lost_request"]
    await world.give_back(restock=[])
    [row] = world.rows
    await world.carts.fail_refund(OWNER, row.refund_id, failure="failed", processor_refund_id=None)

    outcome = await world.controller()[1].resume(row)

    assert type(outcome).__name__ == "Underway"
    assert world.alarms == ["given back, and cannot be finished"]


async def test_a_row_that_is_done_although_the_processor_refused_sounds_the_alarm(world: World) -> None:
    world.wire.troubles["refund"] = ["lost_request"]
    await world.give_back(restock=[])
    [row] = world.rows
    await world.carts.finish_refund(OWNER, row.refund_id, "re_by_hand")
    world.payments.refusing_refunds = True

    outcome = await world.controller()[1].resume(row)

    assert type(outcome).__name__ == "Underway"
    assert world.states == [RefundState.DONE]
    assert world.alarms == ["refused by the processor, and finished"]


async def test_a_double_click_without_a_key_is_one_refund_however_late_the_second_comes(world: World) -> None:
    first, second = await world.give_back(key=None), await world.give_back(key=None)

    assert first.reply.refund == second.reply.refund
    assert world.given_back == 3000
    world.agree()


async def test_without_a_key_a_try_after_a_failure_is_a_new_refund(world: World) -> None:
    world.payments.refusing_refunds = True
    with pytest.raises(RefundRefused):
        await world.give_back(key=None)
    world.payments.refusing_refunds = False

    told = await world.give_back(key=None)

    assert told.done
    assert world.states == [RefundState.FAILED, RefundState.DONE]
    world.agree()


async def test_a_repeat_without_a_key_is_the_same_refund_although_another_one_was_refused_meanwhile(
    world: World,
) -> None:
    first = await world.give_back(1000, key=None)
    with pytest.raises(RefundExceedsPayment):
        await world.give_back(8001, key=None)

    again = await world.give_back(1000, key=None)

    assert again.reply.refund == first.reply.refund
    assert world.given_back == 1000
    world.agree()


async def test_the_same_key_of_another_operator_is_another_refund(world: World) -> None:
    desk = Desk(carts=world.carts, refunds=world.controller()[1])

    for operator in ("user:olga", "user:otto"):
        await desk.refund(operator, CHECKOUT, RefundCommand(amount=1000), key="k")

    assert world.states == [RefundState.DONE] * 2
    assert len({row.refund_id for row in world.rows}) == 2


async def test_refunds_refused_at_once_do_not_show_on_the_order_and_failed_ones_do(world: World) -> None:
    with pytest.raises(RefundExceedsPayment):
        await world.give_back(8001)
    world.payments.refusing_refunds = True
    with pytest.raises(RefundRefused):
        await world.give_back(1, key="refused")

    order = await Desk(carts=world.carts, refunds=world.controller()[1]).one(CHECKOUT)

    assert [(one.amount, one.status.value, one.failure) for one in order.refunds] == [(1, "failed", "amount_not_left")]
    assert [event.event for event in order.timeline][-2:] == ["refund_started", "refund_failed"]
    assert order.refunded_total == 0


async def test_reconcile_leaves_refunds_open_whose_processor_stays_silent(world: World) -> None:
    world.wire.troubles["refunds_of"] = ["not_sent", "lost_request"]
    await world.give_back()

    assert await world.reconcile() == 1
    assert await world.reconcile() == 0
    world.agree()
