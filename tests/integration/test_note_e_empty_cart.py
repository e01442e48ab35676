"""Origin note e, "Empty Cart Scenarios": it is seen to be empty, at every door alike, and buys nothing."""

import pytest

from .customer import FORM, PAY, Customer
from .shop_client import Shop


def test_the_cart_of_a_new_shopper_is_there_and_empty(customer: Customer) -> None:
    cart = customer.cart()

    assert (cart["items"], cart["items_count"], cart["total_items"]) == ([], 0, 0)
    assert (cart["total_price"], cart["has_unavailable_items"], cart["status"]) == (0, False, "open")


def test_a_cart_that_was_emptied_is_as_empty_as_a_new_one(customer: Customer) -> None:
    fresh = customer.cart()
    customer.add("apple", 2)

    emptied = customer.remove("apple")

    assert emptied.status_code == 200
    for name in ("id", "items", "items_count", "total_items", "total_price", "has_unavailable_items"):
        assert customer.cart()[name] == emptied.json()[name] == fresh[name]


def test_every_door_tells_of_the_same_empty_cart(customer: Customer) -> None:
    by_note, by_token, by_cookie = customer.cart(), customer.api.cart(), customer.browser.cart()

    assert by_token == by_cookie
    assert by_note["id"] == by_note["cart_id"] == by_cookie["cart_id"]
    assert by_note["items"] == by_cookie["items"] == []
    assert customer.browser.read("/session")["cart_id"] == by_cookie["cart_id"]


def test_the_first_item_goes_into_the_cart_that_was_shown_empty(customer: Customer) -> None:
    shown = customer.cart()

    filled = customer.add("apple")

    assert filled["id"] == shown["id"]


@pytest.mark.parametrize("emptied", [False, True], ids=["never filled", "emptied"])
def test_an_empty_cart_cannot_be_paid_for_and_the_answer_names_it(
    shop: Shop, customer: Customer, *, emptied: bool
) -> None:
    sku = shop.goods()
    if emptied:
        customer.add(sku)
        customer.remove(sku)
    before = customer.browser.cart()

    answers = [customer.pay(), customer.browser.check_out(), customer.api.http.post(PAY, json=FORM)]

    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert (answer.json()["cart_id"], answer.json()["user_id"]) == (before["cart_id"], before["owner"]["id"])
        assert answer.json()["detail"] == f"Cart is empty. Please add items first. Cart ID: {before['cart_id']}"
    assert customer.browser.cart() == before
    assert [order for order in customer.browser.read("/orders")["orders"] if order["status"] == "paid"] == []
