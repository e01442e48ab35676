"""The truth about goods: what a cart tells of prices, stock and what is gone, and what checkout makes of it.

Prices and stock shown may be five seconds old: everything is changed first, so that all tests wait these at once.
"""

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.shop_client import Shop, Shopper, eventually, problem_type
from tests.stacks import RunningStack

GONE = "This item is not sold any more."
TITLE = "A thing that a test sells"
PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def house(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack) as shop:
        yield shop


@dataclass
class Baskets:
    """Carts whose goods have changed since they were filled."""

    mixed: Shopper
    gone: str
    scarce: str
    dear: str
    fine: str
    customer: Shopper
    back: Shopper
    returned: str
    old_id: int
    family: Shopper
    parent: str
    variant: str
    both: Shopper
    repriced_and_scarce: str


@pytest.fixture(scope="module")
def baskets(house: Shop) -> Baskets:
    gone, dear, returned, parent = (house.goods(price=price) for price in (100_00, 200_00, 100_00, 100_00))
    scarce, fine, both = house.goods(stock=5), house.goods(), house.goods(price=100_00, stock=5)
    shoppers = [house.guest(), house.customer(), house.guest(), house.guest(), house.guest()]
    filled = [{gone: 2, scarce: 3, dear: 1, fine: 1}, {gone: 1}, {returned: 1}, {parent: 1}, {both: 3}]
    for shopper, lines in zip(shoppers, filled, strict=True):
        for sku, quantity in lines.items():
            shopper.add(sku, quantity)
    old_id = shoppers[2].cart()["items"][0]["product_id"]
    house.withdraw(gone)
    house.restock(scarce, 1)
    house.reprice(dear, 250_00)
    house.withdraw(returned)
    house.come_back(returned, price=120_00)
    variant = house.sell_by_variant(parent)
    house.reprice(both, 90_00)
    house.restock(both, 2)
    mixed, customer, back, family, other = shoppers
    return Baskets(
        mixed, gone, scarce, dear, fine, customer, back, returned, old_id, family, parent, variant, other, both
    )


def line_of(cart: dict[str, Any], sku: str) -> dict[str, Any]:
    [line] = [line for line in cart["items"] if line["sku"] == sku]
    found: dict[str, Any] = line
    return found


def once_told(shopper: Shopper, sku: str, notice: str | None) -> dict[str, Any]:
    """The cart as soon as it tells this of the SKU; prices shown may be five seconds old."""
    answer = eventually(
        lambda: shopper.http.get("/cart"), lambda told: bool(line_of(told.json(), sku)["notice"] == notice)
    )
    cart: dict[str, Any] = answer.json()
    return cart


def short(answer: Any) -> list[tuple[str, int, int]]:
    assert (answer.status_code, problem_type(answer)) == (409, "out_of_stock")
    return sorted((item["sku"], item["wanted"], item["available"]) for item in answer.json()["items"])


def test_a_withdrawn_product_is_still_called_by_its_name_and_stops_the_checkout_until_it_is_taken_out(
    baskets: Baskets,
) -> None:
    shopper, gone, scarce, dear, fine = baskets.mixed, baskets.gone, baskets.scarce, baskets.dear, baskets.fine

    once_told(shopper, scarce, "Only 1 left.")
    once_told(shopper, dear, "The price changed from ₹200.00 to ₹250.00.")
    cart = once_told(shopper, gone, GONE)
    refused = shopper.check_out(expected_total=cart["total_price"])

    lost = line_of(cart, gone)
    assert (lost["title"], lost["available"], lost["quantity"], lost["unit_price"]) == (TITLE, False, 2, 100_00)
    assert [line_of(cart, sku)["available"] for sku in (scarce, dear, fine)] == [False, True, True]
    assert line_of(cart, fine)["notice"] is None
    assert cart["has_unavailable_items"] is True
    assert cart["total_price"] == sum(line["line_total"] for line in cart["items"])
    assert short(refused) == sorted([(gone, 2, 0), (scarce, 3, 1)])
    assert shopper.cart()["status"] == "open"

    shopper.http.delete(f"/cart/items/{gone}").raise_for_status()
    shopper.http.put(f"/cart/items/{scarce}", json={"quantity": 1}).raise_for_status()
    left = shopper.cart()
    assert (left["has_unavailable_items"], left["total_price"]) == (
        False,
        cart["total_price"] - lost["line_total"] - 2 * line_of(cart, scarce)["unit_price"],
    )
    assert shopper.check_out(expected_total=left["total_price"]).status_code == 201


def test_the_pages_and_the_second_names_tell_of_a_withdrawn_product_too(house: Shop, baskets: Baskets) -> None:
    customer = baskets.customer
    cart = once_told(customer, baskets.gone, GONE)

    page = html.unescape(customer.http.get("/shop/cart", headers=PAGE).text)
    checkout = html.unescape(customer.http.get("/shop/checkout", headers=PAGE).text)
    told = house.with_token(house.token_of(customer.username)).read("/api/cart/")

    for text in (page, checkout):
        assert TITLE in text
        assert GONE in text
    assert "/shop/checkout" not in page
    assert (told["has_unavailable_items"], told["items"][0]["notice"], told["items"][0]["title"]) == (True, GONE, TITLE)
    assert round(told["total_price"] * 100) == cart["total_price"]


def test_a_product_that_comes_back_can_be_bought_again_at_its_new_price(baskets: Baskets) -> None:
    shopper, sku, old_id = baskets.back, baskets.returned, baskets.old_id

    cart = once_told(shopper, sku, "The price changed from ₹100.00 to ₹120.00.")
    order = shopper.check_out(expected_total=120_00)

    line = line_of(cart, sku)
    assert (line["title"], line["available"], cart["has_unavailable_items"]) == ("A thing that came back", True, False)
    assert line["product_id"] != old_id
    assert order.status_code == 201
    assert [(sold["product_id"], sold["unit_price"]) for sold in order.json()["items"]] == [
        (line["product_id"], 120_00)
    ]
    by_old_id = shopper.http.post("/cart/items", json={"product_id": old_id})
    assert (by_old_id.status_code, problem_type(by_old_id)) == (422, "unknown_sku")


def test_a_product_that_is_sold_by_variants_now_says_so_and_a_variant_takes_its_place(
    baskets: Baskets,
) -> None:
    shopper, sku, variant = baskets.family, baskets.parent, baskets.variant

    cart = once_told(shopper, sku, "This item is sold by its variants now: choose one of them.")
    refused = shopper.check_out()
    more = shopper.http.post("/cart/items", json={"sku": sku})

    assert (line_of(cart, sku)["title"], line_of(cart, sku)["available"]) == (TITLE, False)
    assert short(refused) == [(sku, 1, 0)]
    assert (more.status_code, problem_type(more)) == (422, "variant_required")
    assert [one["sku"] for one in more.json()["variants"]] == [variant]
    shopper.http.delete(f"/cart/items/{sku}").raise_for_status()
    shopper.add(variant)
    assert shopper.check_out().status_code == 201


def test_a_line_whose_price_changed_and_stock_fell_short_tells_both(baskets: Baskets) -> None:
    told = "Only 2 left. The price changed from ₹100.00 to ₹90.00."

    cart = once_told(baskets.both, baskets.repriced_and_scarce, told)

    assert (cart["total_price"], cart["has_unavailable_items"]) == (270_00, True)


def test_without_catalog_a_cart_is_read_and_filled_with_what_was_shown_a_moment_ago(
    house: Shop, stack: RunningStack
) -> None:
    shopper, known, unseen = house.guest(), house.goods(), house.goods()
    before = shopper.add(known)

    stack.kill("catalog")
    try:
        read = shopper.http.get("/cart")
        added = shopper.http.post("/cart/items", json={"sku": known})
        refused = shopper.http.post("/cart/items", json={"sku": unseen})
        taken_out = shopper.http.delete(f"/cart/items/{known}")
        unpaid = shopper.check_out()
    finally:
        stack.start("catalog")

    assert (read.status_code, read.json()) == (200, before)
    assert (added.status_code, added.json()["total_items"]) == (200, 2)
    assert (refused.status_code, problem_type(refused)) == (503, "unavailable")
    assert (taken_out.status_code, taken_out.json()["items"]) == (200, [])
    assert (unpaid.status_code, problem_type(unpaid)) == (400, "cart_is_empty")
