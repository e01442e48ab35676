"""Failures of other shops (tests/fault/threads_of_carts.py) that no other file tries here as they happened there."""

from urllib.parse import quote

import httpx
import pytest

from .customer import Customer
from .shop_client import Shop

NASTY = ["'", "\"'--", "' OR 1=1--", "'; DROP TABLE carts; --", "\\'; --", "$1", "%27", "apple' || '"]


@pytest.mark.parametrize("there", [{}, {"mango": 1}], ids=["an empty cart", "a cart with lines"])
@pytest.mark.parametrize("asked", [{}, {"next": "/shop/checkout"}], ids=["anywhere", "at the checkout"])
def test_a_guests_lines_outlive_the_sign_in_and_a_sign_out_after_it(
    shop: Shop, customer: Customer, there: dict[str, int], asked: dict[str, str]
) -> None:
    for sku, quantity in there.items():
        customer.add(sku, quantity)
    guest = shop.guest()
    guest.add("apple", 2)

    shop.sign_in(guest, customer.browser.username, **asked)
    joined = guest.lines()
    guest.http.post("/logout")

    assert joined == customer.lines() == {"apple": 2, **there}


@pytest.mark.parametrize("sent", ["sid=", "sid=; sid=", 'sid=""', "sid=1", "sid=null", "sid=a; sid=a", "sid"])
def test_two_visitors_who_send_the_same_worthless_cookie_share_nothing(shop: Shop, sent: str) -> None:
    def add_apple() -> httpx.Response:
        visitor = shop.browser()
        return visitor.post("/cart/items", json={"sku": "apple"}, headers={"Cookie": sent})

    one, other = add_apple().json(), add_apple().json()

    assert one["cart_id"] != other["cart_id"]
    assert one["owner"] != other["owner"]
    assert (one["total_items"], other["total_items"]) == (1, 1)


def test_who_comes_back_by_a_link_of_another_site_has_the_same_cart(shop: Shop) -> None:
    """A browser sends a Lax cookie with such a request, and would keep a Strict one back."""
    guest = shop.guest()
    guest.add("apple")
    cookie = next(cookie for cookie in guest.http.cookies.jar if cookie.name == "sid")
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Referer": "https://bank.example/"}

    page = guest.http.get("/shop/cart", headers=foreign)

    assert cookie.get_nonstandard_attr("SameSite") == "Lax"
    assert (page.status_code, "set-cookie" in page.headers) == (200, False)
    assert guest.lines() == {"apple": 1}


@pytest.mark.parametrize("nasty", NASTY)
def test_a_quote_in_an_id_or_a_sku_is_refused_like_any_other_wrong_one(shop: Shop, nasty: str) -> None:
    guest = shop.guest()
    guest.add("apple")
    before, written = guest.cart(), quote(nasty, safe="")
    requests: list[tuple[str, str, dict[str, object] | None]] = [
        ("POST", "/cart/items", {"sku": nasty}),
        ("PUT", f"/cart/items/{written}", {"quantity": 1}),
        ("DELETE", f"/cart/items/{written}", None),
        ("GET", f"/carts/{written}", None),
        ("GET", f"/carts/{written}/history", None),
        ("GET", f"/orders/{written}", None),
        ("GET", f"/merges/{written}", None),
        ("GET", f"/products/{written}", None),
    ]

    answers = [guest.http.request(method, path, json=body) for method, path, body in requests]

    assert {answer.status_code for answer in answers} <= {404, 422}
    assert guest.cart() == before
