"""Origin note e, "Concurrent Operations": threads lose nothing, the tables stay whole, of two rivals one wins."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

from .customer import Customer
from .shop_client import Shop, at_once


def test_eight_first_adds_of_a_new_shopper_at_once_make_one_cart_with_all_of_them(customer: Customer) -> None:
    apple = customer.browser.read("/products/apple")["product_id"]

    answers = at_once([partial(customer.try_to_add, apple, quantity=2)] * 8)

    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert customer.lines() == {"apple": 16}
    assert len(customer.browser.read("/carts")["carts"]) == 1


def test_adds_through_both_doors_at_once_all_count(customer: Customer) -> None:
    apple = customer.browser.read("/products/apple")["product_id"]
    by_api = partial(customer.try_to_add, apple)
    by_cookie = partial(customer.browser.http.post, "/cart/items", json={"sku": "apple"})

    answers = at_once([by_api, by_cookie] * 6)

    assert [answer.status_code for answer in answers] == [200] * 12
    assert customer.lines() == {"apple": 12}


def test_changes_of_every_kind_at_once_leave_a_cart_that_adds_up_and_can_be_paid_for(
    shop: Shop, customer: Customer
) -> None:
    skus = [shop.goods(price=1999), shop.goods(price=2501)]
    for sku in skus:
        customer.add(sku)

    answers = at_once(
        [
            partial(change, sku)
            for sku in skus
            for change in (partial(customer.set, quantity=5), customer.remove, partial(customer.set, quantity=2))
        ]
        + [partial(customer.browser.http.post, "/cart/items", json={"sku": sku}) for sku in skus]
    )

    assert [answer.status_code for answer in answers] == [200] * 8
    cart = customer.browser.cart()
    # A removal that came last has left no line.
    prices = dict(zip(skus, (1999, 2501), strict=True))
    assert {line["sku"]: line["unit_price"] for line in cart["items"]}.items() <= prices.items()
    assert cart["total_price"] == sum(line["unit_price"] * line["quantity"] for line in cart["items"])
    assert cart["total_items"] == sum(customer.lines().values())
    customer.browser.add(skus[0])
    assert customer.pay().status_code == 201


async def test_after_a_storm_the_tables_hold_what_the_answer_says(shop: Shop, customer: Customer) -> None:
    storm = [partial(customer.browser.add, sku) for sku in ("apple", "banana", "mango") for _ in range(4)]

    await asyncio.to_thread(at_once, storm)

    cart = customer.browser.cart()
    held: dict[str, Any] = {
        row["sku"]: row["quantity"]
        for row in await shop.rows(
            "cartdb",
            "SELECT sku, quantity FROM lines WHERE owner_id = $1 AND cart_id = $2",
            cart["owner"]["id"],
            UUID(cart["cart_id"]),
        )
    }
    assert held == customer.lines() == {"apple": 4, "banana": 4, "mango": 4}
    assert cart["version"] == len(storm)


def test_of_two_payments_at_once_one_wins_and_one_is_charged(shop: Shop, customer: Customer) -> None:
    total = customer.browser.add(shop.goods())["total_price"]

    answers = at_once([partial(customer.pay, key) for key in ("one", "other")])

    # Who comes after the winner has finished looks at a new, empty cart.
    assert sorted(answer.status_code for answer in answers) in ([201, 400], [201, 409])
    assert len(shop.charges(total)) == 1
    assert customer.lines() == {}


def test_of_two_changes_of_one_version_one_is_made_and_the_other_shows_the_cart_of_now(customer: Customer) -> None:
    version = customer.browser.add("apple")["version"]

    def set_to(quantity: int) -> Any:
        condition = {"If-Match": f'"{version}"'}
        return customer.browser.http.put("/cart/items/apple", json={"quantity": quantity}, headers=condition)

    made, refused = sorted(at_once([partial(set_to, 3), partial(set_to, 7)]), key=lambda told: told.status_code)

    assert (made.status_code, refused.status_code) == (200, 412)
    assert refused.json()["cart"]["version"] == version + 1
    assert customer.lines() == {"apple": made.json()["items"][0]["quantity"]}
