"""What a shopper may not say: prices, owners, states; steps out of order; doors that are for others."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.bodies import BODIES, CHECKOUT, SIGNED
from tests.integration.shop_client import ADDRESS, Shop, Shopper, answer_to, problem_type
from tests.operations import Operation, foreign_fields, operations, with_body
from tests.stacks import RunningStack


@pytest.fixture(scope="module")
def house(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack) as shop:
        yield shop


@pytest.fixture(scope="module")
def customer(house: Shop) -> Shopper:
    """A customer with an apple, by bearer token."""
    by_cookie = house.customer()
    by_cookie.add("apple")
    return house.with_token(house.token_of(by_cookie.username))


@pytest.fixture(scope="module")
def olga(house: Shop) -> Shopper:
    return house.operator()


def send(shopper: Shopper, operation: Operation, ids: dict[str, str], **sent: Any) -> httpx.Response:
    nowhere = dict.fromkeys(operation.ids, str(uuid.uuid4()))
    return answer_to(shopper.http, operation.method, operation.path.format(**{**nowhere, **ids}), **sent)


def test_every_body_that_the_shop_takes_is_tried() -> None:
    assert set(with_body("controller")) == set(BODIES) | SIGNED


@pytest.mark.parametrize("name", BODIES)
def test_the_shop_refuses_every_field_that_is_not_the_shoppers(customer: Shopper, olga: Shopper, name: str) -> None:
    operation, before = operations("controller")[name], customer.cart()
    sender = olga if name == "refund_order" else customer
    ids = {"cart_id": before["cart_id"], "sku": "apple", "item_id": "apple"}

    for field, value in foreign_fields(operation).items():
        answer = send(sender, operation, ids, json={**BODIES[name], field: value})
        assert answer.status_code == 422, (field, answer.text)
        told = [(error["field"], error["type"]) for error in answer.json()["errors"]]
        assert told == [(f"body.{field}", "extra_forbidden")], field

    assert customer.cart() == before
    assert customer.read("/orders")["orders"] == []


# --- prices


def test_a_price_in_the_address_or_in_a_header_counts_for_nothing(shop: Shop) -> None:
    guest = shop.guest()
    sku = shop.goods(price=7900)
    cheap = {"price": "1", "unit_price": "1", "total": "1", "amount": "1", "discount": "100", "currency": "USD"}
    headers = {"X-Price": "1", "X-Total": "1", "Cart-Owner": "guest:1", "X-User": "olga", "X-Forwarded-User": "olga"}

    cart = guest.http.post("/cart/items", json={"sku": sku}, params=cheap, headers=headers).json()
    order = guest.http.post("/cart/checkout", json=CHECKOUT, params=cheap, headers=headers).json()

    assert (cart["total_price"], order["total"], order["currency"]) == (7900, 7900, "INR")
    assert order["cart_id"] == cart["cart_id"]


def test_a_page_that_was_sent_with_other_prices_charges_what_the_catalog_says(shop: Shop) -> None:
    guest = shop.guest()
    sku = shop.goods(price=8_765_432)
    cart = guest.add(sku)
    form = {
        "key": str(uuid.uuid4()),
        "cart_id": cart["cart_id"],
        "cart_version": str(cart["version"]),
        "payment_method": "pm_card_visa",
        "email": "asha@example.com",
        **{f"ship_{name}": value for name, value in ADDRESS.items()},
    }

    lied = guest.http.post("/shop/checkout", data={**form, "expected_total": "1"})
    seen = {"key": str(uuid.uuid4()), "cart_version": str(guest.cart()["version"])}
    with_prices = {
        **form,
        **seen,
        "expected_total": "8765432",
        "total": "1",
        "unit_price": "1",
        "amount": "1",
        "price": "1",
    }
    paid = guest.http.post("/shop/checkout", data=with_prices)

    assert (lied.status_code, paid.status_code) == (409, 303), lied.text[:200] + paid.text[:200]
    assert [charge["amount_received"] for charge in shop.charges(8_765_432)] == [8_765_432]
    assert [order["total"] for order in guest.read("/orders?status=paid")["orders"]] == [8_765_432]


@pytest.mark.parametrize("lie", [-1, +1, -7900])
def test_a_total_that_is_not_the_carts_is_told_and_nothing_is_charged(shop: Shop, lie: int) -> None:
    guest = shop.guest()
    total = guest.add(shop.goods())["total_price"]

    answer = guest.check_out(expected_total=total + lie)

    assert (answer.status_code, problem_type(answer)) == (409, "checkout_changed")
    assert (answer.json()["expected_total"], answer.json()["total"]) == (total + lie, total)
    assert shop.charges(total) == []
    assert guest.cart()["status"] == "open"


# --- steps out of order


def test_a_cart_that_was_bought_or_deleted_takes_no_step_any_more(shop: Shop) -> None:
    guest = shop.guest()
    bought = guest.buy(shop.goods())["cart_id"]
    deleted = guest.http.post("/carts", json={}).json()["cart_id"]
    guest.http.delete(f"/carts/{deleted}")
    before = guest.cart(), guest.read("/orders")

    for cart_id, refusal in ((bought, (409, "cart_already_purchased")), (deleted, (404, "cart_not_found"))):
        for answer in (
            guest.check_out(f"/carts/{cart_id}/checkout"),
            guest.http.post(f"/carts/{cart_id}/items", json={"sku": "apple"}),
            guest.http.put(f"/carts/{cart_id}/items/apple", json={"quantity": 1}),
            guest.http.delete(f"/carts/{cart_id}/items"),
            guest.http.post(f"/carts/{cart_id}/activate"),
        ):
            assert (answer.status_code, problem_type(answer)) == refusal, answer.request.url

    assert (guest.cart(), guest.read("/orders")) == before


def test_a_declined_order_is_neither_refunded_nor_called_off_twice(shop: Shop, olga: Shopper) -> None:
    guest = shop.guest()
    guest.add(shop.goods())
    declined = guest.check_out(payment_method="pm_card_visa_chargeDeclined")
    [order] = guest.read("/orders?status=refused")["orders"]

    refund = olga.http.post(f"/orders/{order['order_id']}/refunds", json={})
    cancelled = guest.http.post(f"/orders/{order['order_id']}/cancel")

    assert declined.status_code == 402
    assert (refund.status_code, problem_type(refund)) == (409, "order_not_paid")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "refused")


# --- doors

WITH_TOKEN = {"get_cart", "add_to_cart", "set_cart_item", "remove_cart_item", "create_payment_from_cart"}
FOR_OPERATORS = {"refund_order"}
BY_COOKIE = {"cart_events"}
FOR_EVERYBODY = {
    *("export_account", "erase_account"),
    *("show_cart", "check_out", "add_item", "clear_cart", "set_item", "remove_item"),
    *("list_carts", "create_cart", "show_one_cart", "rename_cart", "delete_cart", "activate_cart", "check_out_one"),
    *("cart_history", "add_item_to", "clear_one_cart", "set_item_in", "remove_item_from"),
    *("browse", "product", "categories", "get_description"),
    *("show_session", "login", "callback", "logout", "list_orders", "show_order", "cancel_order"),
    *("show_merge", "preview_merge", "decide_merge", "undo_merge"),
}


def test_every_operation_of_the_shop_has_its_place() -> None:
    assert set(operations("controller")) == WITH_TOKEN | FOR_OPERATORS | FOR_EVERYBODY | BY_COOKIE | SIGNED


def test_each_door_of_the_shop_opens_to_whom_it_is_for(house: Shop, customer: Shopper, olga: Shopper) -> None:
    secret = house.stack.secrets["OIDC_CLIENT_SECRET"]
    service = house.with_token(house.service_token("controller", secret, "cart:checkout"))
    ids = {"sku": "apple", "item_id": "apple"}

    for name, operation in operations("controller").items():
        if name in {"login", "logout", "callback", "erase_account"} | SIGNED:
            continue  # They ask for no credential, and answer with redirects or 400; the last would erase the others.
        sent = {"json": BODIES[name]} if name in BODIES else {}
        guest, user, operator, stranger = (
            send(who, operation, ids, **sent).status_code for who in (house.guest(), customer, olga, service)
        )
        goods = name in {"browse", "product", "categories", "get_description"}
        assert (guest == 401) == (name in WITH_TOKEN | FOR_OPERATORS), name
        assert (user == 403) == (name in FOR_OPERATORS | BY_COOKIE), name  # The customer and Olga come with tokens.
        assert (operator in (401, 403)) == (name in BY_COOKIE), name
        assert (stranger == 401) != goods, name
