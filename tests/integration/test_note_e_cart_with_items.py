"""Origin note e, "Cart With Items": items come and go, quantities are set, prices add up to the paisa."""

from decimal import Decimal

import pytest

from .customer import Customer, exactly
from .shop_client import Shop


def test_items_are_added_and_removed(shop: Shop, customer: Customer) -> None:
    first, second = shop.goods(), shop.goods()

    customer.add(first, 2)
    both = customer.add(second)
    one = customer.remove(first)

    assert (both["items_count"], both["total_items"]) == (2, 3)
    assert (one.json()["items_count"], one.json()["total_items"]) == (1, 1)
    assert customer.lines() == {second: 1}


def test_the_same_item_twice_is_one_line(shop: Shop, customer: Customer) -> None:
    sku = shop.goods()

    customer.add(sku)
    cart = customer.add(sku, 2)

    assert [(line["id"], line["quantity"]) for line in cart["items"]] == [(sku, 3)]


def test_two_variants_of_one_product_are_two_lines(customer: Customer) -> None:
    shirt = customer.browser.read("/products/t-shirt")
    one, other = shirt["variants"][:2]

    for variant in (one, other, one):
        assert customer.try_to_add(shirt["product_id"], variant["variant_id"]).status_code == 200

    lines = {line["variant"]: (line["product"], line["quantity"]) for line in customer.cart()["items"]}
    assert lines == {
        one["variant_id"]: (shirt["product_id"], 2),
        other["variant_id"]: (shirt["product_id"], 1),
    }


@pytest.mark.parametrize(("quantity", "left"), [(5, {"apple": 5}), (1, {"apple": 1}), (0, {})])
def test_a_quantity_is_set_and_none_takes_the_line_out(customer: Customer, quantity: int, left: dict[str, int]) -> None:
    customer.add("apple", 2)

    answer = customer.set("apple", quantity)

    assert answer.status_code == 200
    assert customer.lines() == customer.browser.lines() == left


def test_removing_what_is_not_there_agrees_and_changes_nothing(customer: Customer) -> None:
    cart = customer.add("apple", 2)

    answer = customer.remove("banana")

    assert answer.status_code == 200
    assert (answer.json()["version"], customer.lines()) == (cart["version"], {"apple": 2})


def test_a_line_costs_its_price_times_its_quantity_and_the_cart_the_sum(shop: Shop, customer: Customer) -> None:
    cheap, dear = shop.goods(price=1999), shop.goods(price=1_234_567)

    customer.add(cheap, 3)
    cart = customer.add(dear, 7)

    lines = {line["id"]: (line["unit_price"], line["total_price"]) for line in cart["items"]}
    assert lines == {
        cheap: (Decimal("19.99"), Decimal("59.97")),
        dear: (Decimal("12345.67"), Decimal("86419.69")),
    }
    assert cart["total_price"] == Decimal("86479.66")
    assert customer.browser.cart()["total_price"] == 8647966


def test_a_variant_costs_the_product_and_its_additional_price(customer: Customer) -> None:
    shirt = customer.browser.read("/products/t-shirt")
    dearest = max(shirt["variants"], key=lambda variant: variant["additional_price"])
    assert dearest["additional_price"] > 0

    answer = customer.try_to_add(shirt["product_id"], dearest["variant_id"], 3)

    each = Decimal(shirt["price"] + dearest["additional_price"]) / 100
    assert (exactly(answer)["items"][0]["unit_price"], exactly(answer)["total_price"]) == (each, 3 * each)
