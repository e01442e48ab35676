"""What a checkout would sell, and why it may not."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cartdb.purchase import LockedCart, check_snapshot
from services.contracts.carts import Cart, CartStatus, Line
from services.contracts.catalog import Gone, Item
from services.contracts.money import Money
from services.contracts.problems import (
    CheckoutChanged,
    CurrencyNotAccepted,
    OutOfStock,
    PaymentMethodNotAccepted,
    PreconditionFailed,
    Problem,
    Unprocessable,
    ValidationFailed,
)
from services.controller.quote import Form, check_form, checkout_id_of, emptiness, quote
from services.controller.shopping import dress

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FORM = Form(
    payment_method="pm_card_visa",
    email="a@b.in",
    shipping_address={"city": "Pune"},
    billing_address=None,
    currency=None,
    expected_total=None,
    path="/cart/checkout",
)


def form(**fields: Any) -> Form:
    return Form(**{**{name: getattr(FORM, name) for name in FORM.__slots__}, **fields})


def cart(quantity: int = 2) -> Cart:
    line = Line(sku="apple", product_id=1, variant_id=None, quantity=quantity, added_price=4000, added_at=NOW)
    return Cart(
        cart_id=UUID(int=1),
        owner_id="guest:1",
        name=None,
        version=3,
        status=CartStatus.OPEN,
        currency="INR",
        items=[line],
        expires_at=None,
        created_at=None,
        updated_at=None,
    )


def item(**fields: Any) -> Item:
    whole = {
        "sku": "apple",
        "product_id": 1,
        "variant_id": None,
        "title": "Apple",
        "variant": None,
        "category": "Fruit",
        "image": None,
        "unit_price": 4500,
        "currency": "INR",
        "stock": 10,
        "variants_of": False,
    }
    return Item.model_validate({**whole, **fields})


def test_a_quote_sells_at_the_price_of_now_and_bills_where_it_ships() -> None:
    snapshot = quote(cart(), [item()], FORM)

    assert (snapshot.amount, snapshot.lines[0].unit_price, snapshot.lines[0].line_total) == (9000, 4500, 9000)
    assert snapshot.billing_address == {"city": "Pune"}


@given(
    st.sampled_from(["INR", "JPY", "KWD", "EUR"]),
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 999)), min_size=1, max_size=40),
)
def test_the_lines_add_up_to_the_total_in_every_currency(currency: str, wares: list[tuple[int, int]]) -> None:
    basket = cart().model_copy(
        update={
            "currency": currency,
            "items": [
                cart(quantity).items[0].model_copy(update={"sku": f"sku-{place}"})
                for place, (_, quantity) in enumerate(wares)
            ],
        }
    )
    items = [
        item(sku=f"sku-{place}", unit_price=price, currency=currency, stock=999)
        for place, (price, _) in enumerate(wares)
    ]
    total = sum(price * quantity for price, quantity in wares)

    snapshot = quote(basket, items, form(expected_total=total))
    shown = dress(basket, {one.sku: one for one in items}, owner_name=None)

    assert snapshot.amount == shown.total_price == sum(line.line_total for line in snapshot.lines) == total
    check_snapshot(snapshot, LockedCart(basket.status, basket.version, {one.sku: one.quantity for one in basket.items}))
    in_major_units = sum((Money(line.line_total, currency).major for line in snapshot.lines), Decimal(0))
    assert (
        in_major_units == Money(total, currency).major == Decimal(total) / 10 ** {"JPY": 0, "KWD": 3}.get(currency, 2)
    )


@pytest.mark.parametrize(
    ("items", "wish", "problem"),
    [
        ([item()], form(expected_version=2), PreconditionFailed),
        ([item(stock=1)], FORM, OutOfStock),
        ([], FORM, OutOfStock),
        ([item(variants_of=True)], FORM, OutOfStock),
        ([item()], form(expected_total=8000), CheckoutChanged),
        ([item(unit_price=0)], FORM, Unprocessable),
    ],
)
def test_a_quote_is_refused(items: list[Item], wish: Form, problem: type[Problem]) -> None:
    with pytest.raises(problem):
        quote(cart(), items, wish)


def test_a_changed_total_is_told_with_the_old_and_the_new_one() -> None:
    with pytest.raises(CheckoutChanged) as refused:
        quote(cart(), [item()], form(expected_total=8000))

    assert refused.value.members == {"cart_id": str(UUID(int=1)), "expected_total": 8000, "total": 9000}


@pytest.mark.parametrize(
    ("wish", "guest", "problem"),
    [
        (form(currency="USD"), True, CurrencyNotAccepted),
        (form(shipping_address=None), True, ValidationFailed),
        (form(email=None), True, ValidationFailed),
        (form(payment_method="cash"), True, PaymentMethodNotAccepted),
    ],
)
def test_a_form_that_is_wrong_in_itself_is_refused(wish: Form, guest: bool, problem: type[Problem]) -> None:  # noqa: FBT001 - a table's column
    with pytest.raises(problem):
        check_form(wish, currency="INR", guest=guest, aliases={})


def test_an_alias_stands_for_its_token_and_a_user_needs_no_email() -> None:
    wish = form(payment_method="card", email=None)

    assert check_form(wish, currency="INR", guest=False, aliases={"card": "pm_card_visa"}) == "pm_card_visa"


def test_an_empty_cart_says_so_with_its_id() -> None:
    empty = emptiness(cart().model_copy(update={"items": []}))

    assert empty is not None
    assert empty.detail == f"Cart is empty. Please add items first. Cart ID: {UUID(int=1)}"
    assert emptiness(cart()) is None


def test_a_checkouts_id_is_its_owners_and_its_keys_alone() -> None:
    ids = {checkout_id_of(owner, key) for owner, key in (("ab", "c"), ("a", "bc"), ("ab", "d"), ("ab", "c"))}

    assert len(ids) == 3


CHANGED = "The price changed from ₹40.00 to ₹45.00."


@pytest.mark.parametrize(
    ("now", "title", "unit_price", "available", "notice"),
    [
        (item(unit_price=4000), "Apple", 4000, True, None),
        (item(), "Apple", 4500, True, CHANGED),
        (item(unit_price=3500), "Apple", 3500, True, "The price changed from ₹40.00 to ₹35.00."),
        (item(stock=1, unit_price=4000), "Apple", 4000, False, "Only 1 left."),
        (item(stock=1), "Apple", 4500, False, f"Only 1 left. {CHANGED}"),
        (item(stock=0, unit_price=4000), "Apple", 4000, False, "Sold out."),
        (None, "apple", 4000, False, "This item is not sold any more."),
        (Gone(sku="apple", title="Apple", variant=None), "Apple", 4000, False, "This item is not sold any more."),
        (item(variants_of=True), "Apple", 4000, False, "This item is sold by its variants now: choose one of them."),
        (item(currency="EUR"), "Apple", 4000, False, "This item is priced in EUR now: begin a new cart."),
    ],
)
def test_a_line_tells_what_the_shopper_should_know(
    now: Item | Gone | None,
    title: str,
    unit_price: int,
    available: bool,  # noqa: FBT001 - a table's column
    notice: str | None,
) -> None:
    shown = dress(cart(), {now.sku: now} if now else {}, owner_name=None)

    [line] = shown.items
    assert (line.title, line.unit_price, line.available, line.notice) == (title, unit_price, available, notice)
    assert shown.has_unavailable_items is not available
    assert shown.total_price == line.line_total == unit_price * 2


def test_all_that_cannot_be_bought_is_named_at_once_with_how_much_is_left() -> None:
    [line] = cart().items
    lines = [line.model_copy(update={"sku": sku}) for sku in ("short", "fine", "family", "gone")]
    basket = cart().model_copy(update={"items": lines})
    found = [item(sku="short", stock=1), item(sku="fine"), item(sku="family", stock=0, variants_of=True)]

    with pytest.raises(OutOfStock) as refused:
        quote(basket, found, FORM)

    left = [(line["sku"], line["wanted"], line["available"]) for line in refused.value.members["items"]]
    assert left == [("short", 2, 1), ("family", 2, 0), ("gone", 2, 0)]


def test_what_came_back_as_another_product_is_sold_under_its_new_id() -> None:
    [sold] = quote(cart(), [item(product_id=7)], FORM).lines

    assert (sold.sku, sold.product_id) == ("apple", 7)
