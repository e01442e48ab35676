"""Origin note e, "API Consistency": equal answers to equal questions, one truth at all doors, no stale copies."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from .customer import Customer
from .shop_client import Shop

READS = ["/cart", "/carts", "/session", "/api/cart/", "/orders"]


@pytest.mark.parametrize("path", READS)
def test_looking_ten_times_shows_the_same_and_changes_nothing(customer: Customer, path: str) -> None:
    customer.add("apple", 2)

    looks = [customer.api.http.get(path) for _ in range(10)]

    assert [look.status_code for look in looks] == [200] * 10
    assert len({look.text for look in looks}) == 1
    assert len({look.headers.get("etag") for look in looks}) == 1


def test_a_change_by_one_door_is_seen_by_all_others_at_once(customer: Customer) -> None:
    doors: list[Callable[[str], dict[str, Any]]] = [customer.add, customer.browser.add, customer.api.add]

    for count, change in enumerate(doors, start=1):
        change("apple")
        assert customer.lines() == customer.browser.lines() == customer.api.lines() == {"apple": count}
        assert customer.browser.read("/carts")["carts"] == [customer.api.cart()]
        assert customer.browser.read("/session")["carts"][0]["version"] == count


def test_the_answer_to_a_change_is_the_cart_that_the_next_look_shows(customer: Customer) -> None:
    changed = customer.add("apple", 3)
    told = {name: value for name, value in changed.items() if name != "message"}

    assert customer.cart() == told
    assert customer.set("apple", 4).json()["version"] == customer.cart()["version"] == changed["version"] + 1


def test_a_new_sign_in_elsewhere_sees_what_the_first_one_left(shop: Shop, customer: Customer) -> None:
    customer.add("apple", 2)
    phone = shop.guest()

    shop.sign_in(phone, customer.browser.username)

    assert phone.cart() == customer.browser.cart()
    assert phone.lines() == {"apple": 2}


@pytest.mark.parametrize("path", READS)
def test_no_answer_about_a_cart_may_be_kept_by_anybody(customer: Customer, path: str) -> None:
    for who in (customer.api, customer.browser):
        assert who.http.get(path).headers["cache-control"] == "no-store"


def test_a_change_repeated_under_its_key_is_one_change_and_says_so(customer: Customer) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    apple = customer.browser.read("/products/apple")["product_id"]
    steps: list[tuple[str, str, dict[str, int] | None]] = [
        ("POST", "/api/cart/add/", {"product_id": apple}),
        ("PUT", "/api/cart/items/apple/", {"quantity": 5}),
        ("DELETE", "/api/cart/items/apple/", None),
    ]

    for number, (method, path, body) in enumerate(steps):
        headers = {name: f"{value}:{number}" for name, value in key.items()}
        once, twice = (customer.api.http.request(method, path, json=body, headers=headers) for _ in range(2))
        assert once.json() == twice.json()
        assert ("idempotent-replayed" in once.headers, twice.headers["idempotent-replayed"]) == (False, "true")
