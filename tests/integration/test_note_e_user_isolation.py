"""Origin note e, "User Isolation": a cart has one owner, and nobody else reads or changes it."""

import uuid
from typing import Any

import pytest

from .customer import Customer
from .shop_client import Shop

NOT_YOURS = "Cart not found or doesn't belong to you"


def test_two_users_have_different_carts_of_their_own(customer: Customer, another: Customer) -> None:
    customer.add("apple", 2)
    another.add("banana")

    mine, theirs = customer.cart(), another.cart()

    assert mine["id"] != theirs["id"]
    assert mine["owner"]["id"] != theirs["owner"]["id"]
    assert (customer.lines(), another.lines()) == ({"apple": 2}, {"banana": 1})


def test_a_cart_tells_whose_it_is(customer: Customer) -> None:
    cart = customer.cart()

    assert cart["owner"] == customer.browser.cart()["owner"]
    assert cart["owner"]["name"] == customer.browser.username


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "Mine"}),
        ("DELETE", "", None),
        ("POST", "/items", {"sku": "banana"}),
        ("PUT", "/items/apple", {"quantity": 9}),
        ("DELETE", "/items/apple", None),
        ("POST", "/activate", None),
    ],
)
def test_anothers_cart_is_told_in_the_words_of_the_note_and_stays_as_it_is(
    customer: Customer, another: Customer, method: str, path: str, body: dict[str, Any] | None
) -> None:
    customer.add("apple", 2)
    theirs, mine = customer.browser.cart(), another.browser.cart()

    for stranger in (another.api, another.browser):
        answer = stranger.http.request(method, f"/carts/{theirs['cart_id']}{path}", json=body)
        assert (answer.status_code, answer.json()["detail"]) == (404, NOT_YOURS)

    assert customer.browser.cart() == theirs
    assert another.browser.cart() == mine


def test_a_line_id_reaches_the_callers_own_cart_only(customer: Customer, another: Customer) -> None:
    customer.add("apple", 2)
    another.add("apple", 5)

    another.set("apple", 6)
    customer.remove("apple")

    assert (customer.lines(), another.lines()) == ({}, {"apple": 6})


@pytest.mark.parametrize("field", ["user_id", "owner_id", "cart_id", "user"])
def test_an_owner_in_the_body_is_refused(customer: Customer, another: Customer, field: str) -> None:
    theirs = customer.browser.cart()
    told = theirs["cart_id"] if field == "cart_id" else theirs["owner"]["id"]

    answer = another.try_to_add(1, **{field: told})

    assert answer.status_code == 422
    assert (customer.lines(), another.lines()) == ({}, {})


def test_everybody_has_one_current_cart_by_whichever_door(customer: Customer) -> None:
    customer.add("apple")
    customer.browser.http.post("/carts", json={"name": "Party"}).raise_for_status()

    carts = customer.api.read("/carts")["carts"]

    assert [cart["name"] for cart in carts if cart["current"]] == ["Party"]
    assert customer.cart()["id"] == customer.browser.cart()["cart_id"]
    assert customer.cart()["name"] == "Party"


async def test_one_current_cart_for_each_owner_is_a_rule_of_the_database(shop: Shop, customer: Customer) -> None:
    customer.add("apple")
    for name in ("One", "Two"):
        customer.browser.http.post("/carts", json={"name": name}).raise_for_status()
    cart = customer.browser.cart()

    pointers = await shop.rows(
        "cartdb", "SELECT current_cart_id FROM shoppers WHERE owner_id = $1", cart["owner"]["id"]
    )

    assert [pointer["current_cart_id"] for pointer in pointers] == [uuid.UUID(cart["cart_id"])]
