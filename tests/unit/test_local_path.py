"""Where a sign-in may lead: a path of the shop, written so that nobody on the way reads it as another site."""

import pytest

from services.controller.signin import HOME, LONGEST_TARGET, local_path

ELSEWHERE = [
    None,
    "",
    "evil.example",
    "shop/cart",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "%2f%2fevil.example",
    "/%2fevil.example",
    "/%2F%2Fevil.example",
    "%2f/evil.example",
    "/%252fevil.example",
    "/%5cevil.example",
    "/%5C%5Cevil.example",
    "/%255cevil.example",
    "/shop/%5c..",
    "/shop/\r\nSet-Cookie: sid=chosen",
    "/shop/%0d%0aSet-Cookie: sid=chosen",
    "/shop/%0d%0aSet-Cookie:sid=chosen",
    "/shop/%250d%250aSet-Cookie:sid=chosen",
    "/\t/evil.example",
    "/%09/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/shop/ cart",
    "/shop/\0",
    "/shop/%00",
    "/shop/\x7f",
    "/\u2215evil.example",
    "/\uff0fevil.example",
    "/shop/\u202e",
    "/%e2%80%ae",
    "/shop/" + "x" * LONGEST_TARGET,
]

OUR_OWN = [
    "/",
    "/shop/",
    "/shop/cart",
    "/shop/orders/1#top",
    "/shop/?q=two%20words",
    "/shop/?q=%E2%82%B9%2F%2F5",
    "/shop/products/apple?from=/shop/cart",
    "/shop/products/green%20apple",
    "/shop/" + "x" * (LONGEST_TARGET - len("/shop/")),
]


@pytest.mark.parametrize("target", ELSEWHERE, ids=lambda target: ascii(target)[:40])
def test_what_could_lead_elsewhere_leads_to_the_front_page(target: str | None) -> None:
    assert local_path(target) == HOME


@pytest.mark.parametrize("target", OUR_OWN, ids=lambda target: target[:40])
def test_a_path_of_the_shop_is_kept_as_it_is(target: str) -> None:
    assert local_path(target) == target
