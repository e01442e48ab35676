"""Several carts of one shopper, from several devices; and the next shopper at the same browser."""

import html
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.shop_client import Shop, Shopper, at_once, problem_type
from tests.stacks import RunningStack

PAGE = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def house(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack) as shop:
        yield shop


@pytest.fixture(scope="module")
def devices(house: Shop) -> list[Shopper]:
    """One user's desk, phone and program."""
    desk, phone = house.customer(), house.guest()
    house.sign_in(phone, desk.username)
    return [desk, phone, house.with_token(house.token_of(desk.username))]


@pytest.fixture
def shopper(house: Shop) -> Shopper:
    return house.guest()


def create(shopper: Shopper, name: str | None = None, *, sku: str | None = None) -> dict[str, Any]:
    answer = shopper.http.post("/carts", json={"name": name})
    assert answer.status_code == 201, answer.text
    cart: dict[str, Any] = answer.json()
    return shopper.add(sku) if sku else cart


def page(shopper: Shopper, path: str = "/shop/cart") -> str:
    answer = shopper.http.get(path, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


def seen_by(shopper: Shopper) -> tuple[Any, ...]:
    return shopper.cart(), shopper.read("/carts")["carts"], shopper.read("/session")["carts"]


def test_what_one_device_does_to_the_carts_every_other_one_sees(devices: list[Shopper]) -> None:
    desk, phone, program = devices
    first = desk.add("apple", 2)["cart_id"]
    party = create(phone, "Party", sku="banana")["cart_id"]
    office = create(program, "Office", sku="mango")["cart_id"]

    steps = [
        phone.http.post(f"/carts/{first}/activate"),
        desk.http.patch(f"/carts/{first}", json={"name": "Weekly"}),
        program.http.delete(f"/carts/{party}"),
        phone.http.post(f"/carts/{office}/items", json={"sku": "apple"}),
    ]

    assert [step.status_code for step in steps] == [200, 200, 204, 200]
    assert seen_by(desk) == seen_by(phone) == seen_by(program)
    _, carts, again = seen_by(program)
    assert carts == again
    assert {(cart["name"], cart["total_items"], cart["current"]) for cart in carts} == {
        ("Weekly", 2, True),
        ("Office", 2, False),
    }


def test_devices_that_switch_at_once_agree_on_one_current_cart(devices: list[Shopper]) -> None:
    desk = devices[0]
    carts = [create(desk, f"cart {number}")["cart_id"] for number in range(4)]

    answers = at_once(
        [
            lambda device=device, cart=cart: device.http.post(f"/carts/{cart}/activate")  # type: ignore[misc]
            for device in devices
            for cart in carts
        ]
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({device.cart()["cart_id"] for device in devices}) == 1
    assert [cart["current"] for cart in desk.read("/carts")["carts"]].count(True) == 1
    for cart in carts:
        desk.http.delete(f"/carts/{cart}").raise_for_status()


def test_deleting_the_current_cart_leaves_a_new_empty_one_and_the_others(shopper: Shopper) -> None:
    other, current = create(shopper, "Other", sku="apple"), create(shopper, "Current", sku="banana")

    shopper.http.delete(f"/carts/{current['cart_id']}").raise_for_status()

    found = shopper.cart()
    assert found["cart_id"] not in (other["cart_id"], current["cart_id"])
    assert (found["items"], found["status"], found["current"]) == ([], "open", True)
    assert shopper.cart(other["cart_id"])["total_items"] == 1
    assert problem_type(shopper.http.get(f"/carts/{current['cart_id']}")) == "cart_not_found"


def test_a_bought_a_deleted_and_a_foreign_cart_are_never_the_current_one(house: Shop, shopper: Shopper) -> None:
    bought = shopper.buy(house.goods())["cart_id"]
    deleted = create(shopper)["cart_id"]
    shopper.http.delete(f"/carts/{deleted}").raise_for_status()
    foreign = house.guest().add("apple")["cart_id"]
    current = shopper.add("banana")

    refusals = {
        cart: shopper.http.post(f"/carts/{cart}/activate") for cart in (bought, deleted, foreign, str(uuid.uuid4()))
    }

    assert [(answer.status_code, problem_type(answer)) for answer in refusals.values()] == [
        (409, "cart_already_purchased"), (404, "cart_not_found"), (404, "cart_not_found"), (404, "cart_not_found"),
    ]  # fmt: skip
    assert [answer.json()["cart_id"] for answer in refusals.values()] == list(refusals)
    assert shopper.cart() == current


NAMES = [
    "n" * 80,
    "\N{BIRTHDAY CAKE}" * 80,
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} & 'co'",
    "O'Neil; DROP TABLE carts; --",
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.trac",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_kept_as_it_is_and_is_only_text_on_a_page(shopper: Shopper, name: str) -> None:
    named = create(shopper, name, sku="apple")
    shown = page(shopper), page(shopper, "/shop/checkout")
    create(shopper)
    beside = page(shopper)

    assert named["name"] == shopper.cart(named["cart_id"])["name"] == name
    for text in (*shown, beside):
        assert name in html.unescape(text)
        assert name in text or "<" in name or '"' in name or "'" in name
        assert not any(mark in text for mark in ("<script>alert", "<img src=x"))


# --- after a purchase


def by_cookie(shop: Shop, shopper: Shopper) -> None:
    shopper.check_out(email=None).raise_for_status()


def on_a_page(shop: Shop, shopper: Shopper) -> None:
    cart = shopper.cart()
    address = {"name": "Asha", "line1": "1 Lake Road", "city": "Pune", "postal_code": "411001", "country": "IN"}
    form = {f"ship_{name}": text for name, text in address.items()}
    seen = {"key": str(uuid.uuid4()), "cart_id": cart["cart_id"], "cart_version": cart["version"]}
    paid = {**form, **seen, "expected_total": cart["total_price"], "payment_method": "pm_card_visa"}
    answer = shopper.http.post("/shop/checkout", data=paid)
    assert answer.status_code == 303, answer.text


def by_bearer(shop: Shop, shopper: Shopper) -> None:
    program = shop.with_token(shop.token_of(shopper.username))
    body = {"payment_method": "pm_card_visa", "shipping_address": "1 Lake Road"}
    assert program.http.post("/api/payments/create-from-cart/", json=body).status_code == 201


@pytest.mark.parametrize("pay", [by_cookie, on_a_page, by_bearer])
def test_after_a_purchase_everyone_has_the_same_new_empty_cart(devices: list[Shopper], house: Shop, pay: Any) -> None:
    desk, _, program = devices
    bought = desk.add(house.goods())

    pay(house, desk)

    carts = [device.cart() for device in devices]
    assert carts[0] == carts[1] == carts[2]
    assert (carts[0]["items"], carts[0]["current"], carts[0]["status"]) == ([], True, "open")
    assert carts[0]["cart_id"] != bought["cart_id"]
    assert program.read("/api/cart/")["id"] == desk.read("/session")["cart_id"] == carts[0]["cart_id"]
    assert "Nothing in here yet." in page(desk)
    assert desk.cart(bought["cart_id"])["status"] == "purchased"


# --- the next one at this browser


def test_who_signs_in_after_somebody_else_signed_out_sees_nothing_of_theirs(house: Shop) -> None:
    browser = house.guest()
    sku = house.goods()
    house.sign_up(browser)
    order = browser.buy(sku)
    browser.add(sku, 3)
    cart = create(browser, "Surprise for Bob", sku="mango")
    alice, cookie = browser.read("/session")["owner"], browser.cookie
    pages = ["/shop/", "/shop/cart", "/shop/orders", f"/shop/orders/{order['order_id']}", "/shop/checkout"]
    kept = {path: browser.http.get(path, headers=PAGE).headers["cache-control"] for path in pages}

    browser.http.get(browser.http.post("/logout").headers["location"])
    between = everything_of(browser, pages)
    house.sign_up(browser)

    assert set(kept.values()) == {"no-store"}
    told = between + everything_of(browser, pages)
    secrets = [cart["cart_id"], order["order_id"], "Surprise for Bob", alice["id"], sku, str(alice["name"])]
    assert [secret for secret in secrets if secret in told] == []
    for path in (f"/carts/{cart['cart_id']}", f"/orders/{order['order_id']}"):
        assert browser.http.get(path).status_code == 404
    assert browser.cookie != cookie


def everything_of(browser: Shopper, pages: list[str]) -> str:
    """All that this browser can see without an id that somebody would have to know."""
    asked = ["/session", "/cart", "/carts", "/orders", *(path for path in pages if path.count("/") == 2)]
    answers: list[httpx.Response] = [browser.http.get(path, headers=PAGE) for path in asked]
    return "".join(answer.text for answer in answers)
