"""What was told and what is there: each way in which they can differ is named."""

import pytest

from tests.fault.histories import Diary
from tests.fault.reckoning import Charge, Given, RefundRow, Row, reckon
from tests.fault.refund_reckoning import reckon_refunds
from tests.fault.town import Attempt, Giving


def attempt(*told: str, shown: int = 500) -> Attempt:
    one = Attempt("order", "owner", "cart", shown, Diary("guest 1"))
    one.told.update(told)
    return one


def row(state: str, *, order: str = "order", cart: str = "cart") -> Row:
    return Row("owner", order, cart, state, None, 500)


CHARGED = Charge("pi_1", 500, "order", 1)


def test_a_paid_order_that_was_told_and_charged_once_is_right() -> None:
    assert reckon([attempt("processing", "paid")], [row("paid")], [CHARGED]) == []


def test_a_refused_order_without_a_charge_is_right() -> None:
    assert reckon([attempt("refused")], [row("failed")], []) == []
    assert reckon([attempt("refused")], [], []) == []


@pytest.mark.parametrize(
    ("told", "rows", "charges", "wrong"),
    [
        ("paid", [row("failed")], [], "was told paid and is failed"),
        ("refused", [row("paid")], [CHARGED], "was told refused and is paid"),
        ("refused", [row("failed")], [CHARGED], "was told refused and is charged"),
        ("paid", [row("paid")], [], "is paid with 500, charged was nothing"),
        ("paid", [row("paid")], [CHARGED, Charge("pi_2", 500, "order", 1)], "charged was [500, 500]"),
        ("paid", [row("paid")], [Charge("pi_1", 400, "order", 1)], "charged was [400]"),
        ("paid", [row("paid")], [Charge("pi_1", 500, "order", 2)], "pi_1 was charged 2 times"),
        ("processing", [row("pending")], [], "is still pending"),
        ("processing", [], [CHARGED], "for order order, which is not paid"),
        ("paid", [row("paid"), row("paid", order="other")], [CHARGED], "cart cart was bought 2 times"),
    ],
)
def test_what_differs_is_named(told: str, rows: list[Row], charges: list[Charge], wrong: str) -> None:
    assert any(wrong in what for what in reckon([attempt(told)], rows, charges))


def test_an_order_paid_with_another_total_than_was_shown_is_named() -> None:
    (wrong,) = reckon([attempt("paid", shown=499)], [row("paid")], [CHARGED])

    assert "was shown as 499 and is paid with 500" in wrong


def giving(*told: str) -> Giving:
    one = Giving("order", 200, Diary("operator 1"), {"refund"})
    one.told.update(told)
    return one


def refund(state: str) -> RefundRow:
    return RefundRow("refund", "order", state, 200)


BACK = Given("re_1", 200, "refund", "order")


def test_a_refund_that_was_told_done_and_went_back_once_is_right() -> None:
    assert reckon_refunds([giving("processing", "done")], [refund("done")], [BACK], [row("paid")]) == []


def test_a_refund_that_was_refused_and_did_not_go_back_is_right() -> None:
    assert reckon_refunds([giving("refused")], [refund("failed")], [], [row("paid")]) == []
    assert reckon_refunds([giving("refused")], [], [], [row("paid")]) == []


@pytest.mark.parametrize(
    ("told", "refunds", "given", "wrong"),
    [
        ("done", [refund("done")], [], "was told done and nothing went back"),
        ("done", [refund("failed")], [BACK], "was told done and is failed"),
        ("done", [], [BACK], "was told done and is unknown to cartdb"),
        ("refused", [refund("failed")], [BACK], "was told refused and went back"),
        ("done", [refund("done")], [BACK, Given("re_2", 200, "other", "order")], "went back 2 times"),
        ("processing", [refund("pending")], [], "refund refund of order order is still pending"),
        ("processing", [refund("done")], [], "refund refund of 200 is done, and nothing went back"),
        ("processing", [refund("failed")], [BACK], "refund refund of 200 is failed, and [200] went back"),
        ("processing", [refund("done")], [Given("re_1", 199, "refund", "order")], "is done, and [199] went back"),
        ("processing", [], [BACK], "re_1 gave 200 of order order back, for which there is no refund"),
        (
            "done",
            [refund("done"), RefundRow("more", "order", "done", 301)],
            [BACK, Given("re_2", 301, "more", "order")],
            "order order was paid with 500, and 501 went back",
        ),
    ],
)
def test_a_refund_that_differs_is_named(told: str, refunds: list[RefundRow], given: list[Given], wrong: str) -> None:
    assert any(wrong in what for what in reckon_refunds([giving(told)], refunds, given, [row("paid")]))


def test_a_refund_that_was_told_in_two_ways_or_under_two_ids_breaks_at_once() -> None:
    one = giving("done")

    one.tell("refused")
    one.named("another")

    (_, two_ends), (_, two_ids) = one.diary.broken
    assert "told done and refused" in two_ends
    assert "['another', 'refund']" in two_ids
