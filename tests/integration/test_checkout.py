"""Checkouts of guests and users on the running stack: charged once or not at all, and the shopper knows which."""

import uuid
from functools import partial
from typing import Any

import httpx
import pytest

from services.controller.quote import checkout_id_of
from tests.integration.shop_client import ADDRESS, Shop, Shopper, at_once, eventually, problem_type

SIMULTANEOUS = 20

DECLINING = {
    "pm_card_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedLostCard": "lost_card",
    "pm_card_visa_chargeDeclinedStolenCard": "stolen_card",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
    "pm_card_chargeDeclinedIncorrectCvc": "incorrect_cvc",
    "pm_card_chargeDeclinedProcessingError": "processing_error",
    "pm_card_authenticationRequired": "authentication_required",
    "pm_card_threeDSecure2Required": "authentication_required",
}


@pytest.fixture(params=["guest", "customer"])
def shopper(shop: Shop, request: pytest.FixtureRequest) -> Shopper:
    """Somebody, signed in or not."""
    return shop.guest() if request.param == "guest" else shop.customer()


def new_key() -> str:
    return str(uuid.uuid4())


def expect_one_charge(shop: Shop, order: dict[str, Any]) -> None:
    charges = shop.charges(order["total"])
    assert [charge["metadata"] for charge in charges] == [{"checkout_id": order["order_id"]}]
    assert [charge["amount_received"] for charge in charges] == [order["total"]]
    assert charges[0]["currency"] == order["currency"].lower()


def expect_paid(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    assert order["status"] == "paid"
    assert answer.headers["location"] == f"/orders/{order['order_id']}"
    return order


# --- paying


def test_a_checkout_pays_and_answers_the_order(shop: Shop, shopper: Shopper) -> None:
    sku = shop.goods(stock=10)
    cart = shopper.add(sku, 3)

    order = expect_paid(shopper.check_out(expected_total=cart["total_price"]))

    line = order["items"][0]
    assert (line["sku"], line["quantity"], line["line_total"]) == (sku, 3, cart["total_price"])
    assert (order["cart_id"], order["total"], order["currency"]) == (cart["cart_id"], cart["total_price"], "INR")
    assert (
        order["shipping_address"]
        == order["billing_address"]
        == {**dict.fromkeys(("line2", "state", "phone")), **ADDRESS}
    )
    assert [event["event"] for event in order["timeline"]] == ["cart_marked", "payment_started", "paid"]
    assert shopper.read(f"/orders/{order['order_id']}") == order
    assert shopper.read("/orders")["orders"] == [order]
    expect_one_charge(shop, order)
    assert shop.stock_of(sku) == 7


def test_after_a_purchase_a_new_empty_cart_is_the_current_one(shop: Shop, shopper: Shopper) -> None:
    sku = shop.goods()
    order = shopper.buy(sku)

    cart = shopper.cart()

    assert cart["cart_id"] != order["cart_id"]
    assert (cart["items"], cart["status"], cart["current"]) == ([], "open", True)
    sold = shopper.cart(order["cart_id"])
    assert (sold["status"], sold["current"], [line["sku"] for line in sold["items"]]) == ("purchased", False, [sku])
    late = shopper.http.post(f"/carts/{order['cart_id']}/items", json={"sku": "apple"})
    assert (late.status_code, problem_type(late)) == (409, "cart_already_purchased")
    assert shopper.lines() == {}
    assert shopper.add("apple")["cart_id"] == cart["cart_id"]


def test_a_cart_that_is_not_the_current_one_can_be_paid_for(shop: Shop, shopper: Shopper) -> None:
    sku = shop.goods()
    party = shopper.add(sku)
    shopper.http.post("/carts", json={"name": "Everyday"}).raise_for_status()
    everyday = shopper.add("apple")

    order = expect_paid(shopper.check_out(f"/carts/{party['cart_id']}/checkout"))

    assert order["cart_id"] == party["cart_id"]
    assert shopper.cart() == everyday
    expect_one_charge(shop, order)


def test_an_order_keeps_its_prices_when_the_catalog_changes_them(shop: Shop, shopper: Shopper) -> None:
    sku = shop.goods()
    order = shopper.buy(sku)

    shop.reprice(sku, 5)

    assert shopper.read(f"/orders/{order['order_id']}") == order


def test_a_foreign_order_is_not_there(shop: Shop, shopper: Shopper) -> None:
    order = shopper.buy(shop.goods())

    for stranger in (shop.guest(), shop.customer()):
        for answer in (
            stranger.http.get(f"/orders/{order['order_id']}"),
            stranger.http.post(f"/orders/{order['order_id']}/cancel"),
            stranger.http.get(f"/orders/{uuid.uuid4()}"),
        ):
            assert (answer.status_code, problem_type(answer)) == (404, "order_not_found")
        assert stranger.read("/orders")["orders"] == []
    assert shopper.read(f"/orders/{order['order_id']}") == order


def test_a_paid_order_cannot_be_called_off(shop: Shop, shopper: Shopper) -> None:
    order = shopper.buy(shop.goods())

    answer = shopper.http.post(f"/orders/{order['order_id']}/cancel")

    assert (answer.status_code, problem_type(answer)) == (409, "checkout_cannot_be_cancelled")
    assert shopper.read(f"/orders/{order['order_id']}") == order


# --- once


def test_a_repeat_with_the_same_key_answers_the_same_order(shop: Shop, shopper: Shopper) -> None:
    shopper.add(shop.goods())
    key = new_key()
    order = expect_paid(shopper.check_out("/cart/checkout", key=key))
    shopper.add("apple")

    again = shopper.check_out(f"/carts/{order['cart_id']}/checkout", key=key)
    once_more = shopper.check_out("/cart/checkout", key=key)

    assert (again.status_code, problem_type(again)) == (422, "idempotency_key_reused")
    assert expect_paid(once_more) == order
    expect_one_charge(shop, order)
    assert shopper.lines() == {"apple": 1}


def test_a_repeat_with_the_same_key_answers_the_same_order_while_the_new_cart_is_empty(
    shop: Shop, shopper: Shopper
) -> None:
    shopper.add(shop.goods())
    key = new_key()

    first = shopper.check_out(key=key)
    order = expect_paid(first)

    assert "idempotent-replayed" not in first.headers
    again = shopper.check_out(key=key)
    assert expect_paid(again) == order
    assert again.headers["idempotent-replayed"] == "true"
    expect_one_charge(shop, order)


def test_a_key_is_good_for_one_form_only(shop: Shop, shopper: Shopper) -> None:
    shopper.add(shop.goods())
    key = new_key()
    order = expect_paid(shopper.check_out(key=key))
    sku = shop.goods()
    total = shopper.add(sku)["total_price"]

    other = shopper.check_out(key=key, payment_method="pm_card_mastercard")

    assert (other.status_code, problem_type(other)) == (422, "idempotency_key_reused")
    assert shopper.lines() == {sku: 1}
    assert shop.charges(total) == []
    expect_one_charge(shop, order)


def test_one_shoppers_key_is_nothing_to_another(shop: Shop) -> None:
    one, other, key = shop.guest(), shop.guest(), new_key()
    one.add(shop.goods())
    other.add(shop.goods())

    orders = [expect_paid(shopper.check_out(key=key)) for shopper in (one, other)]

    assert orders[0]["order_id"] != orders[1]["order_id"]
    for order in orders:
        expect_one_charge(shop, order)


def test_many_equal_checkouts_at_once_charge_once(shop: Shop, shopper: Shopper) -> None:
    sku = shop.goods(stock=50)
    cart = shopper.add(sku, 2)
    path, key = f"/carts/{cart['cart_id']}/checkout", new_key()

    answers = at_once([partial(shopper.check_out, path, key=key)] * SIMULTANEOUS)

    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    order = expect_paid(shopper.check_out(path, key=key))
    expect_one_charge(shop, order)
    assert shop.stock_of(sku) == 48
    assert len(shopper.read("/orders")["orders"]) == 1


def test_a_double_click_without_a_key_charges_once(shop: Shop, shopper: Shopper) -> None:
    cart = shopper.add(shop.goods())

    answers = at_once([partial(shopper.check_out, f"/carts/{cart['cart_id']}/checkout")] * 2)

    assert {answer.status_code for answer in answers} <= {201, 202, 409}
    order = expect_paid(shopper.check_out(f"/carts/{cart['cart_id']}/checkout"))
    assert {answer.json()["order_id"] for answer in answers if answer.status_code != 409} == {order["order_id"]}
    expect_one_charge(shop, order)
    assert shopper.lines() == {}


def test_a_double_click_on_the_current_cart_charges_once(shop: Shop, shopper: Shopper) -> None:
    total = shopper.add(shop.goods())["total_price"]

    answers = at_once([shopper.check_out] * 2)

    # The second click may find the cart already paid for, and the new one empty.
    assert {answer.status_code for answer in answers} <= {201, 202, 400, 409}
    assert any(answer.status_code == 201 for answer in answers)
    order = shopper.read("/orders")["orders"][0]
    assert order["total"] == total
    expect_one_charge(shop, order)


def test_two_keys_at_once_on_one_cart_pay_once_and_the_other_is_told(shop: Shop, shopper: Shopper) -> None:
    cart = shopper.add(shop.goods())
    path = f"/carts/{cart['cart_id']}/checkout"

    answers = at_once([partial(shopper.check_out, path, key=new_key()) for _ in range(2)])

    paid, refused = sorted(answers, key=lambda answer: answer.status_code)
    order = expect_paid(paid)
    assert refused.status_code == 409
    assert problem_type(refused) in ("cart_in_checkout", "cart_already_purchased")
    expect_one_charge(shop, order)


# --- refused by the card


@pytest.mark.parametrize(("payment_method", "reason"), DECLINING.items())
def test_a_declined_card_is_told_and_the_next_try_succeeds(shop: Shop, payment_method: str, reason: str) -> None:
    guest = shop.guest()
    sku = shop.goods(stock=5)
    cart = guest.add(sku, 2)

    answer = guest.check_out(payment_method=payment_method)

    assert (answer.status_code, problem_type(answer)) == (402, "payment_declined")
    assert answer.json()["reason"] == reason
    after = guest.cart()
    assert (after["cart_id"], after["status"], after["items"]) == (cart["cart_id"], "open", cart["items"])
    assert after["version"] > cart["version"]
    assert shop.charges(cart["total_price"]) == []
    assert shop.stock_of(sku) == 5
    listed = guest.read("/orders")["orders"]
    assert [(order["status"], order["reason"], order["total"]) for order in listed] == [
        ("refused", reason, cart["total_price"])
    ]
    order = expect_paid(guest.check_out())
    assert guest.read("/orders?status=paid")["orders"] == [order]
    assert guest.read("/orders?status=refused")["orders"] == listed
    assert guest.read("/orders?status=processing")["orders"] == []
    assert guest.read("/orders")["orders"] == [order, *listed]
    expect_one_charge(shop, order)
    assert shop.stock_of(sku) == 3


def test_a_declined_checkout_stays_declined_under_its_key_and_a_new_key_pays(shop: Shop, shopper: Shopper) -> None:
    sku = shop.goods()
    shopper.add(sku)
    key = new_key()
    declined = partial(shopper.check_out, key=key, payment_method="pm_card_chargeDeclinedInsufficientFunds")

    answers = [declined(), declined()]

    assert [(answer.status_code, answer.json()["reason"]) for answer in answers] == [(402, "insufficient_funds")] * 2
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true"]
    assert shopper.lines() == {sku: 1}
    with_another_card = shopper.check_out(key=key)
    assert (with_another_card.status_code, problem_type(with_another_card)) == (422, "idempotency_key_reused")
    order = expect_paid(shopper.check_out(key=new_key()))
    expect_one_charge(shop, order)


def test_a_payment_method_that_nobody_knows_is_refused_and_the_cart_opens_again(shop: Shop, shopper: Shopper) -> None:
    sku = shop.goods(stock=3)
    cart = shopper.add(sku)

    answer = shopper.check_out(payment_method="pm_1NobodyKnowsThisOne")

    assert (answer.status_code, problem_type(answer)) == (422, "payment_method_not_accepted")
    assert shopper.cart()["status"] == "open"
    assert (shopper.lines(), shop.stock_of(sku), shop.charges(cart["total_price"])) == ({sku: 1}, 3, [])
    expect_paid(shopper.check_out())


def test_a_card_exchanged_at_payments_pays(shop: Shop, shopper: Shopper) -> None:
    exchanged = shop.browser().post(
        f"{shop.stack.payments_url}/v1/payment_methods",
        data={
            "type": "card",
            "card[number]": "5555555555554444",
            "card[exp_month]": "12",
            "card[exp_year]": "2044",
            "card[cvc]": "123",
        },
        headers={"Authorization": f"Bearer {shop.stack.secrets['PAYMENTS_PUBLISHABLE_KEY']}"},
    )
    shopper.add(shop.goods())

    order = expect_paid(shopper.check_out(payment_method=exchanged.json()["id"]))

    expect_one_charge(shop, order)


# --- refused before the card is asked


def test_a_price_that_changed_is_told_where_the_cart_is_read(shop: Shop) -> None:
    guest = shop.guest()
    sku = shop.goods(price=400_00)
    added = guest.add(sku, 2)
    shop.reprice(sku, 455_00)

    cart = eventually(lambda: guest.http.get("/cart"), lambda told: told.json()["total_price"] == 910_00).json()

    assert added["items"][0]["notice"] is None
    assert cart["items"][0]["notice"] == "The price changed from ₹400.00 to ₹455.00."
    order = expect_paid(guest.check_out(expected_total=910_00))
    assert order["total"] == 910_00


@pytest.mark.parametrize("key", [None, "given"])
def test_a_total_that_is_not_what_was_shown_is_told_and_the_right_one_pays(shop: Shop, key: str | None) -> None:
    guest = shop.guest()
    sku = shop.goods()
    cart = guest.add(sku, 2)
    shown, real = cart["total_price"], 2 * 4321
    shop.reprice(sku, 4321)

    answer = guest.check_out(expected_total=shown, key=key and new_key())

    assert (answer.status_code, problem_type(answer)) == (409, "checkout_changed")
    assert (answer.json()["expected_total"], answer.json()["total"]) == (shown, real)
    assert shop.charges(shown) == []
    assert guest.lines() == {sku: 2}
    order = expect_paid(guest.check_out(expected_total=real, key=key and new_key()))
    assert (order["total"], order["items"][0]["unit_price"]) == (real, 4321)


def test_a_refused_total_stays_refused_under_its_key(shop: Shop) -> None:
    guest = shop.guest()
    sku = shop.goods()
    shown = guest.add(sku)["total_price"]
    key = new_key()
    shop.reprice(sku, 4321)
    refused = guest.check_out(expected_total=shown, key=key)
    shop.reprice(sku, shown)

    late_twin = guest.check_out(expected_total=shown, key=key)

    assert (refused.status_code, problem_type(refused)) == (409, "checkout_changed")
    assert (late_twin.status_code, problem_type(late_twin)) == (409, "checkout_changed")
    assert shop.charges(shown) == []
    assert guest.lines() == {sku: 1}


def test_a_stale_if_match_is_refused_and_the_fresh_one_pays(shop: Shop, shopper: Shopper) -> None:
    sku = shop.goods()
    first = shopper.add(sku)
    second = shopper.add(sku)
    path = f"/carts/{first['cart_id']}/checkout"

    stale = [
        shopper.check_out(path, if_match=f'"{first["version"]}"'),
        shopper.check_out(path, if_match=f'"{first["version"]}"', key=new_key()),
        shopper.check_out(path, if_match="whatever"),
    ]

    for answer in stale:
        assert (answer.status_code, problem_type(answer)) == (412, "precondition_failed")
    assert shopper.lines() == {sku: 2}
    assert shop.charges(first["total_price"]) == shop.charges(second["total_price"]) == []
    order = expect_paid(shopper.check_out(path, if_match=f'"{shopper.cart()["version"]}"'))
    assert order["total"] == second["total_price"]


def test_items_out_of_stock_are_named_before_any_charge(shop: Shop, shopper: Shopper) -> None:
    gone, scarce, plenty = shop.goods(stock=1), shop.goods(stock=2), shop.goods(stock=9)
    for sku, quantity in ((gone, 1), (scarce, 3), (plenty, 1)):
        shopper.add(sku, quantity)
    total = shopper.cart()["total_price"]
    before = shopper.lines()
    shop.restock(gone, 0)

    answer = shopper.check_out()

    assert (answer.status_code, problem_type(answer)) == (409, "out_of_stock")
    assert sorted((item["sku"], item["wanted"], item["available"]) for item in answer.json()["items"]) == sorted(
        [(gone, 1, 0), (scarce, 3, 2)]
    )
    assert (shopper.lines(), shopper.cart()["status"]) == (before, "open")
    assert shop.charges(total) == []
    assert [shop.stock_of(sku) for sku in (gone, scarce, plenty)] == [0, 2, 9]
    shop.restock(gone, 1)
    shop.restock(scarce, 3)
    expect_one_charge(shop, expect_paid(shopper.check_out()))


def test_an_item_that_is_not_sold_any_more_stops_the_checkout_by_name(shop: Shop) -> None:
    guest = shop.guest()
    sku = shop.goods()
    guest.add(sku)
    guest.add("apple")
    shop.withdraw(sku)

    answer = guest.check_out()

    assert (answer.status_code, problem_type(answer)) == (409, "out_of_stock")
    assert [item["sku"] for item in answer.json()["items"]] == [sku]
    guest.http.delete(f"/cart/items/{sku}").raise_for_status()
    expect_paid(guest.check_out())


@pytest.mark.parametrize("last", [1, 3])
def test_of_two_shoppers_for_the_last_unit_one_wins(shop: Shop, last: int) -> None:
    sku = shop.goods(stock=last)
    shoppers = [shop.guest(), shop.guest()]
    totals = {shopper.add(sku, last)["total_price"] for shopper in shoppers}

    answers = at_once([shopper.check_out for shopper in shoppers])

    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    order = expect_paid(won)
    assert (lost.status_code, problem_type(lost)) == (409, "out_of_stock")
    assert totals == {order["total"]}
    expect_one_charge(shop, order)
    assert shop.stock_of(sku) == 0
    loser = shoppers[answers.index(lost)]
    assert (loser.cart()["status"], loser.lines()) == ("open", {sku: last})


def test_the_id_of_an_order_follows_from_shopper_and_key(shop: Shop) -> None:
    guest = shop.guest()
    cart = guest.add(shop.goods())
    key = new_key()

    order = expect_paid(guest.check_out(key=key))

    assert order["order_id"] == str(checkout_id_of(cart["owner"]["id"], key))


def test_a_user_pays_by_bearer_token_what_was_put_in_by_cookie(shop: Shop) -> None:
    customer = shop.customer()
    customer.add(shop.goods())
    program = shop.with_token(shop.token_of(customer.username))

    order = expect_paid(program.check_out(email=None))

    assert order["email"] is None
    assert customer.read(f"/orders/{order['order_id']}") == order
    expect_one_charge(shop, order)


def test_another_form_under_a_used_key_is_refused_whatever_its_if_match(shop: Shop) -> None:
    guest = shop.guest()
    cart = guest.add("apple")
    key = str(uuid.uuid4())
    path = f"/carts/{cart['cart_id']}/checkout"
    assert guest.check_out(path, key=key).status_code == 201

    other = guest.check_out(path, key=key, if_match='"0"', email="somebody@example.com")

    assert (other.status_code, problem_type(other)) == (422, "idempotency_key_reused")
