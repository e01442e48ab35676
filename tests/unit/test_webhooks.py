"""The processor's webhooks on paper: which signatures are taken, and what an event may and may not bring about."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY

from services.chassis.logs import configure_logging
from services.contracts.carts import Purchase, PurchaseState
from services.contracts.payments import PaymentIntent
from services.contracts.problems import PaymentDeclined, Problem, Refused, Unavailable, Undecided
from services.contracts.problems import WebhookSignatureRefused as SignatureRefused
from services.contracts.refunds import Refund, RefundRequest, RefundState
from services.controller.app import sound_alarm
from services.controller.checkout import Checkout, Failed, Outcome, Paid, Processing
from services.controller.reconcile import Reconcile
from services.controller.refunds import Refunds
from services.controller.webhooks import Nudge, Webhooks, check_signature, nudge_in
from tests.checkout_fakes import (
    CART,
    CHECKOUT,
    NOW,
    OWNER,
    FakeCarts,
    FakePayments,
    FakeStock,
    NoAdoptions,
    Trouble,
    Wire,
    request_for,
)

SECRET = "whsec_sample"
BODY = b'{"id": "evt_1"}'
ARABIC_1000 = "\u0661\u0660\u0660\u0660"
INTENT = f"pi_{CHECKOUT.hex}"
REFUND = UUID(int=7)
SUCCEEDED, FAILED, CANCELED = (f"payment_intent.{what}" for what in ("succeeded", "payment_failed", "canceled"))
TROUBLES: tuple[Trouble, ...] = ("not_sent", "lost_request", "lost_answer")


def v1(at: object, body: bytes = BODY, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


# The signature


@pytest.mark.parametrize(
    "header",
    [
        f"t=1000,v1={v1(1000)}",
        f"v1={v1(1000)},t=1000",
        f"t=1000, v1={v1(1000)}",
        f"t=1000,v1={v1(1000, secret='whsec_old')},v1={v1(1000)}",
        f"t=1000,v0=ignored,v1={v1(1000)}",
        f"t=700,v1={v1(700)}",
        f"t=1300,v1={v1(1300)}",
    ],
)
def test_a_signature_with_our_secret_is_taken_within_five_minutes(header: str) -> None:
    check_signature(header, BODY, secret=SECRET, now=1000)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1000",
        f"v1={v1(1000)}",
        "t=1000,v1=",
        f"t=1000,v1={v1(1000)[:-1]}",
        f"t=1000,v1={v1(1000).upper()}",
        f"t=1000,v1={v1(1000, b'other')}",
        f"t=1000,v1={v1(1000, secret='whsec_other')}",
        f"t=1000,v0={v1(1000)}",
        f"t=1001,v1={v1(1000)}",
        f"t=1000,t=1000,v1={v1(1000)}",
        f"t=699,v1={v1(699)}",
        f"t=1301,v1={v1(1301)}",
        f"t=-1000,v1={v1(-1000)}",
        f"t=1000.0,v1={v1('1000.0')}",
        f"t={ARABIC_1000},v1={v1(ARABIC_1000)}",
        f"t=1{'0' * 5000},v1={v1(1000)}",
        "t=1000,v1=\u00fc",
    ],
)
def test_a_missing_wrong_or_stale_signature_is_refused(header: str) -> None:
    with pytest.raises(SignatureRefused):
        check_signature(header, BODY, secret=SECRET, now=1000)


def test_a_tampered_body_is_refused() -> None:
    with pytest.raises(SignatureRefused):
        check_signature(f"t=1000,v1={v1(1000)}", BODY + b" ", secret=SECRET, now=1000)


# The event


def event(kind: str = SUCCEEDED, **metadata: object) -> dict[str, Any]:
    return {"type": kind, "data": {"object": {"id": INTENT, "metadata": metadata}}}


def test_an_event_names_its_checkout_and_nothing_else_of_it_is_read() -> None:
    told = event(checkout_id=str(CHECKOUT), owner="somebody") | {"id": "evt_1", "owner_id": "somebody"}

    assert nudge_in(json.dumps(told).encode()) == Nudge(SUCCEEDED, CHECKOUT)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"type": "payment_intent.succeeded"}',
        b'{"type": "payment_intent.succeeded", "data": null}',
        b'{"type": "payment_intent.succeeded", "data": {"object": "pi_1"}}',
        json.dumps(event()).encode(),
        json.dumps(event(checkout_id="42")).encode(),
        json.dumps(event(checkout_id=42)).encode(),
        json.dumps(event(checkout_id=None)).encode(),
        json.dumps(event("refund.failed", checkout_id=str(CHECKOUT))).encode(),
        json.dumps(event("refund.failed", checkout_id=str(CHECKOUT), refund_id="42")).encode(),
        json.dumps(event("refund.updated", checkout_id=str(CHECKOUT))).encode(),
        b"[" * 100_000,
    ],
)
def test_an_event_about_nothing_of_ours_is_no_nudge(body: bytes) -> None:
    assert nudge_in(body) is None


# What it brings about


@dataclass
class World:
    """A checkout whose processor also sends webhooks."""

    wire: Wire = field(default_factory=Wire)
    alarms: list[str] = field(default_factory=list)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.carts = FakeCarts(self.wire, clock=lambda: self.now)
        self.stock = FakeStock(self.wire)
        self.payments = FakePayments(self.wire)
        self.wire_up()

    def wire_up(self) -> None:
        """Have the steps speak to the neighbours that stand here now."""
        self.checkout = Checkout(carts=self.carts, stock=self.stock, payments=self.payments, alarm=self._alarm)
        refunds = Refunds(carts=self.carts, stock=self.stock, payments=self.payments, alarm=self._alarm)
        reconcile = Reconcile(
            checkout=self.checkout, refunds=refunds, carts=NoAdoptions(self.carts), payments=self.payments
        )
        self.refunds = refunds
        self.webhooks = Webhooks(
            checkout=self.checkout,
            refunds=refunds,
            reconcile=reconcile,
            carts=self.carts,
            payments=self.payments,
            patience=15,
        )

    def _alarm(self, what: str, concerned: Purchase | Refund, problem: Problem) -> None:
        self.alarms.append(what)

    def trouble(self, call: str, *troubles: Trouble) -> None:
        self.wire.troubles[call] = list(troubles)

    async def run(self) -> Outcome:
        """Check out two apples with a card."""
        return await self.checkout.run(OWNER, CART, request_for(), "pm_card_visa")

    async def give_back(self) -> Refund:
        """The row of a refund of 3000 paise of the paid order."""
        request = RefundRequest(refund_id=REFUND, amount=3000, currency="INR", fingerprint="f", actor="user:olga")
        await self.refunds.run(OWNER, CHECKOUT, request)
        return self.carts.refunds[REFUND]

    def bank_says(self, status: str) -> None:
        """Of the one refund that the processor has."""
        [(intent_id, given)] = self.payments.refunds.values()
        self.payments.refunds[given.id] = (intent_id, given.model_copy(update={"status": status}))

    async def hear_of_refund(self, kind: str, status: str, refund_id: UUID = REFUND) -> list[str]:
        """Follow an event about a refund; the calls that it led to."""
        told = event(kind, checkout_id=str(CHECKOUT), refund_id=str(refund_id))
        told["data"]["object"]["status"] = status
        nudge = nudge_in(json.dumps(told).encode())
        assert nudge is not None
        before = len(self.wire.calls)
        await self.webhooks.follow(nudge)
        return self.wire.calls[before:]

    async def hear(self, kind: str, checkout_id: UUID = CHECKOUT) -> list[str]:
        """Follow an event; the calls that it led to."""
        before = len(self.wire.calls)
        await self.webhooks.follow(Nudge(kind, checkout_id))
        return self.wire.calls[before:]

    @property
    def state(self) -> PurchaseState:
        return self.carts.rows[CHECKOUT].state

    def agree(self) -> None:
        """Money, goods and the purchase say the same."""
        charged = self.payments.charges
        assert charged <= 1
        assert (self.state is PurchaseState.PAID) == (charged == 1)
        assert (self.stock.sold, self.stock.available) == (2 * charged, 10 - 2 * charged)
        assert self.alarms == []


async def test_a_charge_that_the_bank_decides_late_is_settled_by_its_event() -> None:
    world = World()
    world.payments.slow = True
    assert isinstance(await world.run(), Processing)

    world.payments.decide(INTENT, paid=True)
    calls = await world.hear(SUCCEEDED)

    assert calls == ["unfinished", "find", "commit", "settle"]
    world.agree()
    assert world.state is PurchaseState.PAID


async def test_a_charge_whose_answer_was_lost_is_settled_by_its_event() -> None:
    world = World()
    world.trouble("confirm", "lost_answer")
    await world.run()

    await world.hear(SUCCEEDED)

    world.agree()
    assert world.state is PurchaseState.PAID


@pytest.mark.parametrize("repeats", [1, 3])
async def test_duplicates_find_nothing_left_to_do(repeats: int) -> None:
    world = World()
    world.trouble("confirm", "lost_answer")
    await world.run()
    await world.hear(SUCCEEDED)

    calls = [await world.hear(SUCCEEDED) for _ in range(repeats)]

    assert calls == [["unfinished"]] * repeats
    world.agree()


@pytest.mark.parametrize(
    "kinds",
    [
        (SUCCEEDED, "payment_intent.created"),
        (FAILED, SUCCEEDED),
        (SUCCEEDED, FAILED),
        (CANCELED, SUCCEEDED, SUCCEEDED, FAILED),
        ("refund.created", "charge.refunded", SUCCEEDED),
    ],
)
async def test_events_in_any_order_come_to_what_is_true(kinds: tuple[str, ...]) -> None:
    world = World()
    world.trouble("confirm", "lost_answer")
    await world.run()

    for kind in kinds:
        await world.hear(kind)

    world.agree()
    assert world.state is PurchaseState.PAID


async def test_an_event_that_is_faster_than_the_answer_and_the_answer_agree() -> None:
    world = World()

    class Telling(FakePayments):
        async def confirm(
            self, intent_id: str, *, payment_method: str, checkout_id: UUID
        ) -> PaymentIntent | Refused | Undecided:
            answer = await super().confirm(intent_id, payment_method=payment_method, checkout_id=checkout_id)
            await world.webhooks.follow(Nudge(SUCCEEDED, checkout_id))
            return answer

    world.payments = Telling(world.wire)
    world.wire_up()

    outcome = await world.run()

    assert isinstance(outcome, Paid)
    assert outcome.settled
    assert world.wire.calls.count("settle") == 2
    world.agree()


@pytest.mark.parametrize("kind", [FAILED, CANCELED])
async def test_a_no_is_left_to_the_request_that_is_still_at_it(kind: str) -> None:
    world = World()
    world.payments.declines = True

    class Telling(FakePayments):
        async def confirm(
            self, intent_id: str, *, payment_method: str, checkout_id: UUID
        ) -> PaymentIntent | Refused | Undecided:
            answer = await super().confirm(intent_id, payment_method=payment_method, checkout_id=checkout_id)
            assert await world.hear(kind) == ["unfinished"]
            return answer

    world.payments = Telling(world.wire, declines=True)
    world.wire_up()

    outcome = await world.run()

    assert isinstance(outcome, Failed)
    assert isinstance(outcome.problem, PaymentDeclined)
    assert world.carts.rows[CHECKOUT].reason == "insufficient_funds"
    world.agree()


@pytest.mark.parametrize("kind", [FAILED, CANCELED])
async def test_a_no_of_a_checkout_that_nobody_is_at_any_more_is_finished(kind: str) -> None:
    world = World()
    world.trouble("confirm", "lost_request")
    await world.run()

    young = await world.hear(kind)
    world.now += timedelta(seconds=16)
    await world.hear(kind)

    assert young == ["unfinished"]
    assert world.state is PurchaseState.FAILED
    world.agree()


async def test_an_event_that_lies_moves_nothing() -> None:
    world = World()
    world.trouble("confirm", "lost_request")
    await world.run()

    calls = await world.hear(SUCCEEDED)

    assert calls == ["unfinished", "find"]
    assert (world.state, world.payments.charges, world.stock.sold) == (PurchaseState.PENDING, 0, 0)


async def test_success_before_the_intent_is_written_down_is_not_believed() -> None:
    world = World()
    world.trouble("attach", "lost_request")
    await world.run()

    assert await world.hear(SUCCEEDED) == ["unfinished"]
    assert world.state is PurchaseState.PENDING


@pytest.mark.parametrize("kind", [SUCCEEDED, FAILED, CANCELED])
async def test_a_checkout_that_cartdb_does_not_know_is_nothing(kind: str) -> None:
    world = World()

    assert await world.hear(kind, uuid4()) == ["unfinished"]


@pytest.mark.parametrize("kind", ["payment_intent.created", "charge.refunded", "refund.created", "customer.created"])
async def test_other_events_call_nobody(kind: str) -> None:
    world = World()

    assert await world.hear(kind) == []


@pytest.mark.parametrize("call", ["unfinished", "find", "commit", "settle"])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_where_a_neighbour_does_not_answer_the_sender_is_asked_to_come_again(call: str, trouble: Trouble) -> None:
    world = World()
    world.trouble("confirm", "lost_answer")
    await world.run()
    world.trouble(call, trouble)

    with pytest.raises(Unavailable):
        await world.hear(SUCCEEDED)

    await world.hear(SUCCEEDED)
    world.agree()
    assert world.state is PurchaseState.PAID


@pytest.mark.parametrize("call", ["unfinished", "find", "cancel", "release", "unpurchase"])
async def test_an_undo_that_stops_is_asked_for_again_too(call: str) -> None:
    world = World()
    world.trouble("confirm", "lost_request")
    await world.run()
    world.now += timedelta(seconds=16)
    world.trouble(call, "lost_answer")

    with pytest.raises(Unavailable):
        await world.hear(FAILED)

    await world.hear(FAILED)
    assert world.state is PurchaseState.FAILED
    world.agree()


# A refund that the bank sends back


GONE = [("refund.failed", "failed"), ("refund.updated", "failed"), ("refund.updated", "canceled")]


@pytest.mark.parametrize(("kind", "status"), GONE)
async def test_money_that_comes_back_after_its_refund_was_done_sounds_the_alarm(kind: str, status: str) -> None:
    world = World()
    await world.run()
    row = await world.give_back()
    world.bank_says(status)

    calls = await world.hear_of_refund(kind, status)

    assert row.state is world.carts.refunds[REFUND].state is RefundState.DONE
    assert calls == ["anybodys", "refunds_of"]
    assert world.alarms == ["given back, and the money has come back"]


@pytest.mark.parametrize(("kind", "status"), GONE)
async def test_a_refund_that_failed_before_its_row_was_finished_is_finished_as_failed(kind: str, status: str) -> None:
    world = World()
    await world.run()
    world.trouble("finish_refund", "lost_request")
    before = await world.give_back()
    world.bank_says(status)

    await world.hear_of_refund(kind, status)
    again = await world.hear_of_refund(kind, status)

    assert before.state is RefundState.PENDING
    assert (world.carts.refunds[REFUND].state, world.carts.refunds[REFUND].failure) == (RefundState.FAILED, status)
    assert again == ["anybodys"]
    assert world.alarms == []


async def test_the_alarm_counts_and_names_the_order_and_the_refund_by_their_ids(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(World, "_alarm", staticmethod(sound_alarm))
    configure_logging("controller", log_format="json", level="info")
    world = World()
    await world.run()
    await world.give_back()
    world.bank_says("failed")
    before = REGISTRY.get_sample_value("checkout_alarms_total") or 0

    await world.hear_of_refund("refund.failed", "failed")

    told = json.loads(capsys.readouterr().out)
    assert REGISTRY.get_sample_value("checkout_alarms_total") == before + 1
    assert (told["order_id"], told["refund_id"]) == (str(CHECKOUT), str(REFUND))
    assert OWNER not in json.dumps(told)


async def test_an_event_that_lies_about_a_refund_alarms_nobody() -> None:
    world = World()
    await world.run()
    await world.give_back()

    assert await world.hear_of_refund("refund.failed", "failed") == ["anybodys", "refunds_of"]
    assert await world.hear_of_refund("refund.failed", "failed", uuid4()) == ["anybodys"]
    assert await world.hear_of_refund("refund.updated", "succeeded") == []
    assert world.carts.refunds[REFUND].state is RefundState.DONE
    assert world.alarms == []


async def test_a_failed_refund_of_no_order_of_ours_is_nothing() -> None:
    world = World()

    assert await world.hear_of_refund("refund.failed", "failed") == ["anybodys"]


@pytest.mark.parametrize("call", ["anybodys", "refunds_of"])
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("finished", [True, False])
async def test_the_alarm_is_asked_for_again_where_a_neighbour_does_not_answer(
    call: str, trouble: Trouble, *, finished: bool
) -> None:
    world = World()
    await world.run()
    if not finished:
        world.trouble("finish_refund", "lost_request")
    await world.give_back()
    world.bank_says("failed")
    world.trouble(call, trouble)

    with pytest.raises(Unavailable):
        await world.hear_of_refund("refund.failed", "failed")
    silent = list(world.alarms)
    await world.hear_of_refund("refund.failed", "failed")

    assert silent == []
    assert len(world.alarms) == finished
    assert world.carts.refunds[REFUND].state is (RefundState.DONE if finished else RefundState.FAILED)
