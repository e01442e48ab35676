"""Money, merges and purchases on paper."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from services.cartdb.adoption import merge
from services.cartdb.cart import Limits, untouched
from services.cartdb.purchase import LockedCart, may_attach, may_settle, may_unpurchase, why_not
from services.contracts.carts import CartStatus, Line, MergeStrategy, Purchase, PurchaseState
from services.contracts.identity import first_cart_id, owner_id_of
from services.contracts.money import Money
from services.contracts.problems import IntentMismatch, PurchaseHasFailed, PurchaseIsSettled

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits(quantity=999, lines=3, open_carts=20, guest_idle_days=30, user_idle_days=90)


def line(sku: str, quantity: int) -> Line:
    return Line(sku=sku, product_id=1, variant_id=None, quantity=quantity, added_price=100, added_at=NOW)


def purchase(state: PurchaseState, *, intent_id: str | None = None) -> Purchase:
    return Purchase(
        owner_id="guest:1",
        checkout_id=uuid4(),
        cart_id=uuid4(),
        state=state,
        reason="card_declined" if state is PurchaseState.FAILED else None,
        fingerprint="f",
        snapshot=None,
        intent_id=intent_id,
        created_at=NOW,
        attached_at=None,
        decided_at=None,
    )


@pytest.mark.parametrize(
    ("strategy", "quantity"),
    [
        (MergeStrategy.SUM, 5),
        (MergeStrategy.MAX, 3),
        (MergeStrategy.KEEP_USER, 3),
        (MergeStrategy.KEEP_GUEST, 2),
    ],
)
def test_a_strategy_decides_about_what_both_carts_hold(strategy: MergeStrategy, quantity: int) -> None:
    merged = merge([line("apple", 3)], [line("apple", 2), line("pear", 1)], strategy, LIMITS)

    assert {held.sku: held.quantity for held in merged.lines} == {"apple": quantity, "pear": 1}


def test_limits_cap_and_the_receipt_says_so() -> None:
    merged = merge([line("apple", 900), line("fig", 1), line("kiwi", 1)], [line("apple", 200), line("pear", 1)],
                   MergeStrategy.SUM, LIMITS)  # fmt: skip

    assert {held.sku: held.quantity for held in merged.lines} == {"apple": 999, "fig": 1, "kiwi": 1}
    assert [(told.sku, told.quantity, told.left_out, told.why) for told in merged.receipt] == [
        ("apple", 999, 101, "capped_quantity_limit"),
        ("pear", 0, 1, "left_out_line_limit"),
        ("fig", 1, 0, "untouched"),
        ("kiwi", 1, 0, "untouched"),
    ]


@pytest.mark.parametrize(
    ("status", "version", "reason"),
    [
        (CartStatus.OPEN, 4, None),
        (CartStatus.OPEN, 3, "checkout_changed"),
        (CartStatus.IN_CHECKOUT, 4, "cart_in_checkout"),
        (CartStatus.PURCHASED, 4, "cart_already_purchased"),
        (CartStatus.MOVING, 4, "cart_is_being_adopted"),
        (CartStatus.MOVED, 4, "cart_is_being_adopted"),
        (CartStatus.DELETED, 4, "checkout_changed"),
    ],
)
def test_only_an_open_cart_at_the_quoted_version_can_be_marked(
    status: CartStatus, version: int, reason: str | None
) -> None:
    assert why_not(LockedCart(status, 4, {"apple": 1}), version=version) == reason


def test_a_purchase_goes_forward_once_and_agrees_after() -> None:
    pending, paid = purchase(PurchaseState.PENDING, intent_id="pi_1"), purchase(PurchaseState.PAID, intent_id="pi_1")

    assert may_settle(pending, intent_id="pi_1")
    assert not may_settle(paid, intent_id="pi_1")
    assert may_unpurchase(pending, intent_id="pi_1")
    assert not may_unpurchase(purchase(PurchaseState.FAILED), intent_id=None)


def test_a_wrong_transition_refuses() -> None:
    with pytest.raises(PurchaseIsSettled):
        may_unpurchase(purchase(PurchaseState.PAID, intent_id="pi_1"), intent_id="pi_1")
    with pytest.raises(PurchaseHasFailed):
        may_settle(purchase(PurchaseState.FAILED, intent_id="pi_1"), intent_id="pi_1")
    with pytest.raises(IntentMismatch):
        may_settle(purchase(PurchaseState.PENDING), intent_id="pi_1")
    with pytest.raises(IntentMismatch):
        may_unpurchase(purchase(PurchaseState.PENDING, intent_id="pi_1"), intent_id=None)
    with pytest.raises(IntentMismatch):
        may_attach(purchase(PurchaseState.PENDING, intent_id="pi_1"), intent_id="pi_2")


def test_an_owner_derives_from_issuer_and_subject_and_from_nothing_between() -> None:
    assert owner_id_of("https://a", "bc") != owner_id_of("https://ab", "c")
    assert owner_id_of("https://a", "b") == owner_id_of("https://a", "b")


def test_the_first_cart_is_known_before_it_exists() -> None:
    cart = untouched("guest:1", "INR")

    assert (cart.cart_id, cart.version, cart.items) == (first_cart_id("guest:1"), 0, [])
    assert cart.cart_id.version == 8


@pytest.mark.parametrize(
    ("amount", "currency", "major", "text"),
    [
        (39900, "INR", Decimal("399.00"), "₹399.00"),
        (1_234_567, "USD", Decimal("12345.67"), "$12,345.67"),
        (500, "JPY", Decimal(500), "¥500"),
        (1234, "KWD", Decimal("1.234"), "KWD 1.234"),
    ],
)
def test_money_is_shown_by_its_currencys_minor_unit(amount: int, currency: str, major: Decimal, text: str) -> None:
    money = Money(amount, currency)

    assert (money.major, str(money)) == (major, text)
