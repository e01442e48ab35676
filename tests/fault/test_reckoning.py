"""What was told and what is there: each way in which they can differ is named."""

import pytest

from tests.fault.histories import Diary
from tests.fault.reckoning import Charge, Row, reckon
from tests.fault.town import Attempt


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
