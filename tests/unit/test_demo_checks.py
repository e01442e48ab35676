"""The demonstration's checks see what differs."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from demo import Book, differences, facts_of_adoption, facts_of_cart, facts_of_listing, facts_of_payments
from services.contracts.carts import MergeStrategy, Receipt, ReceiptLine, SnapshotLine
from services.contracts.payments import IntentStatus, PaymentIntent
from services.contracts.shop import CartOwner, Order, ShopCart, ShopLine

CART, OTHER_CART, ORDER = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PRICE = 3900


def cart_of(lines: dict[str, int], *, status: str = "open", cart_id: UUID = CART) -> ShopCart:
    items = [
        ShopLine(
            sku=sku, product_id=1, variant_id=None, title=sku, variant=None, quantity=quantity,
            unit_price=PRICE, line_total=PRICE * quantity, available=True,
        )
        for sku, quantity in lines.items()
    ]  # fmt: skip
    count = sum(lines.values())
    return ShopCart(
        cart_id=cart_id, owner=CartOwner(id="owner", name=None), name=None, version=1, status=status, currency="INR",
        items=items, items_count=len(items), total_items=count, total_price=PRICE * count, has_unavailable_items=False,
        current=True, expires_at=None, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def order_of(lines: dict[str, int], **changed: Any) -> Order:
    items = [
        SnapshotLine(
            sku=sku, product_id=1, variant_id=None, title=sku, variant=None, quantity=quantity,
            unit_price=PRICE, line_total=PRICE * quantity,
        )
        for sku, quantity in lines.items()
    ]  # fmt: skip
    order = Order(
        order_id=ORDER, cart_id=CART, status="paid", reason=None, total=PRICE * sum(lines.values()), currency="INR",
        items=items, email=None, shipping_address=None, billing_address=None, created_at=NOW, timeline=[],
    )  # fmt: skip
    return order.model_copy(update=changed)


def bought(lines: dict[str, int]) -> Book:
    return Book(CART, [lines], {"purchased"}, order=order_of(lines))


def intent_of(amount: int, *, status: IntentStatus = IntentStatus.SUCCEEDED, currency: str = "inr") -> PaymentIntent:
    received = amount if status is IntentStatus.SUCCEEDED else 0
    metadata = {"checkout_id": str(ORDER)}
    return PaymentIntent(
        id="pi_1", status=status, amount=amount, amount_received=received, currency=currency, metadata=metadata
    )


def test_a_cart_that_holds_what_was_answered_agrees() -> None:
    book = Book(CART, [{}])

    book.set("apple", lambda quantity: quantity + 2, answered=True)
    book.set("pav", lambda quantity: quantity + 1, answered=True)
    book.set("apple", lambda _: 3, answered=True)
    book.set("pav", lambda _: 0, answered=True)

    assert differences(facts_of_cart(book, cart_of({"apple": 3}), [])) == []


def test_a_cart_with_another_quantity_differs_and_both_are_named() -> None:
    book = Book(CART, [{"apple": 3}])

    found = differences(facts_of_cart(book, cart_of({"apple": 2}), []))

    assert found == [f"the content of cart {CART} is {{'apple': 2}}, and must be {{'apple': 3}}"]


@pytest.mark.parametrize("lines", [{"apple": 1}, {"apple": 3}])
def test_a_change_that_nobody_answered_may_have_happened_or_not(lines: dict[str, int]) -> None:
    book = Book(CART, [{"apple": 1}])

    book.set("apple", lambda quantity: quantity + 2, answered=False)

    assert differences(facts_of_cart(book, cart_of(lines), [])) == []


def test_a_change_that_nobody_answered_did_not_happen_by_halves() -> None:
    book = Book(CART, [{"apple": 1}])

    book.set("apple", lambda quantity: quantity + 2, answered=False)

    assert differences(facts_of_cart(book, cart_of({"apple": 2}), [])) != []


@pytest.mark.parametrize(
    ("cart", "what"),
    [
        (None, f"cart {CART} is deleted, and must be open"),
        (cart_of({"apple": 1}, status="in_checkout"), f"cart {CART} is in_checkout, and must be open"),
        (cart_of({"apple": 1}, status="purchased"), f"cart {CART} is purchased, and must be open"),
    ],
)
def test_a_cart_that_is_not_open_any_more_differs(cart: ShopCart | None, what: str) -> None:
    book = Book(CART, [{"apple": 1}])

    assert what in differences(facts_of_cart(book, cart, []))


@pytest.mark.parametrize("paid", [True, False])
def test_a_checkout_that_nobody_answered_may_have_happened_or_not(paid: bool) -> None:  # noqa: FBT001 - a parameter
    book = Book(CART, [{"apple": 1}])
    book.end("purchased", answered=False)

    cart = cart_of({"apple": 1}, status="purchased" if paid else "open")

    assert differences(facts_of_cart(book, cart, [order_of({"apple": 1})] if paid else [])) == []


def test_a_purchased_cart_with_its_order_agrees() -> None:
    cart = cart_of({"apple": 2}, status="purchased")

    assert differences(facts_of_cart(bought({"apple": 2}), cart, [order_of({"apple": 2})])) == []


@pytest.mark.parametrize(
    ("orders", "what"),
    [
        ([], f"the number of paid orders of cart {CART} is 0, and must be 1"),
        ([order_of({"apple": 2})] * 2, f"the number of paid orders of cart {CART} is 2, and must be 1"),
        (
            [order_of({"apple": 2}, status="processing")],
            f"the number of paid orders of cart {CART} is 0, and must be 1",
        ),
        ([order_of({"apple": 2}, total=1)], f"the total of order {ORDER} is 1, and must be {2 * PRICE}"),
        ([order_of({"apple": 1})], f"total of order {ORDER} is {PRICE}, and must be {2 * PRICE}"),
        (
            [order_of({"apple": 1, "pav": 1})],
            f"the content of order {ORDER} is {{'apple': 1, 'pav': 1}}, and must be {{'apple': 2}}",
        ),
        ([order_of({"apple": 2}, order_id=CART)], f"order_id of order {CART} is {CART}, and must be {ORDER}"),
    ],
)
def test_an_order_that_is_not_as_it_was_told_differs(orders: list[Order], what: str) -> None:
    cart = cart_of({"apple": 2}, status="purchased")

    assert what in differences(facts_of_cart(bought({"apple": 2}), cart, orders))


def test_a_paid_order_of_an_open_cart_differs() -> None:
    found = differences(facts_of_cart(Book(CART, [{"apple": 1}]), cart_of({"apple": 1}), [order_of({"apple": 1})]))

    assert found == [f"the number of paid orders of cart {CART} is 1, and must be 0"]


def test_every_open_cart_is_listed_once_and_empty_new_ones_do_not_matter() -> None:
    carts = {CART: cart_of({"apple": 1}), OTHER_CART: None}
    listed = [cart_of({"apple": 1}), cart_of({}, cart_id=UUID(int=9))]

    assert differences(facts_of_listing(carts, listed)) == []


@pytest.mark.parametrize(
    ("listed", "cart_id"),
    [
        ([], CART),
        ([cart_of({"apple": 1})] * 2, CART),
        ([cart_of({"apple": 1}), cart_of({}, cart_id=OTHER_CART)], OTHER_CART),
        ([cart_of({"apple": 1}), cart_of({"pav": 1}, cart_id=UUID(int=9))], UUID(int=9)),
    ],
)
def test_a_cart_that_is_missing_doubled_or_unknown_in_the_list_differs(listed: list[ShopCart], cart_id: UUID) -> None:
    carts = {CART: cart_of({"apple": 1}), OTHER_CART: None}

    found = differences(facts_of_listing(carts, listed))

    assert [str(cart_id) in line for line in found] == [True]


def test_one_exact_charge_for_each_paid_order_agrees() -> None:
    declined = intent_of(PRICE, status=IntentStatus.CANCELED)

    assert differences(facts_of_payments([order_of({"apple": 1})], [], [declined, intent_of(PRICE)])) == []


@pytest.mark.parametrize(
    "intents",
    [
        [],
        [intent_of(PRICE, status=IntentStatus.CANCELED)],
        [intent_of(PRICE), intent_of(PRICE)],
        [intent_of(PRICE - 1)],
        [intent_of(PRICE, currency="usd")],
        [intent_of(PRICE).model_copy(update={"amount_received": 1})],
    ],
)
def test_a_paid_order_without_exactly_one_exact_charge_differs(intents: list[PaymentIntent]) -> None:
    found = differences(facts_of_payments([order_of({"apple": 1})], [], intents))

    assert [str(ORDER) in line for line in found] == [True]


def test_a_charge_for_a_refused_checkout_differs() -> None:
    found = differences(facts_of_payments([], [ORDER], [intent_of(PRICE)]))

    assert [f"the charges of refused checkout {ORDER}" in line for line in found] == [True]


@pytest.mark.parametrize(
    ("moved", "there", "agrees"),
    [((2, 1, 3), 3, True), ((2, 1, 3), 2, False), ((2, 1, 2), 2, False), ((1, 1, 2), 2, False)],
)
def test_a_guests_lines_are_added_to_the_users(moved: tuple[int, int, int], there: int, agrees: bool) -> None:  # noqa: FBT001 - a parameter
    guest_quantity, user_quantity, quantity = moved
    line = ReceiptLine(
        sku="apple", guest_quantity=guest_quantity, user_quantity=user_quantity, quantity=quantity, why="summed"
    )
    receipt = Receipt(
        merge_id=UUID(int=5), owner_id="owner", guest_owner="guest", guest_cart_id=OTHER_CART, cart_id=CART,
        strategy=MergeStrategy.SUM, lines=[line], applied_at=NOW,
    )  # fmt: skip

    found = differences(facts_of_adoption(Book(OTHER_CART, [{"apple": 2}]), receipt, cart_of({"apple": there})))

    assert (found == []) is agrees
