"""Refunds of orders on the running stack: by operators, once, never above the charge, and told as they are."""

import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.integration.plain_browser import PlainBrowser
from tests.integration.shop_client import Shop, Shopper, at_once, problem_type
from tests.stacks import RunningStack

PATIENCE_SECONDS = 45.0


@pytest.fixture
def olga(shop: Shop) -> Shopper:
    """The operator."""
    return shop.operator()


@pytest.fixture
def sale(shop: Shop) -> dict[str, Any]:
    """A guest's paid order of three pieces, and who bought it."""
    guest = shop.guest()
    sku = shop.goods(stock=10)
    return {"guest": guest, "sku": sku, "order": guest.buy(sku, 3)}


def ask(olga: Shopper, order: dict[str, Any], *, key: str | None = None, **fields: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return olga.http.post(f"/orders/{order['order_id']}/refunds", json=fields, headers=headers)


def until_decided(reader: Shopper, order: dict[str, Any]) -> list[dict[str, Any]]:
    """The order's refunds, once none of them is pending."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = reader.http.get(f"/orders/{order['order_id']}")
        refunds: list[dict[str, Any]] = answer.json().get("refunds", [])
        if answer.is_success and all(refund["status"] != "pending" for refund in refunds):
            return refunds
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)


def test_a_part_goes_back_then_the_rest_and_the_shopper_sees_both(
    shop: Shop, olga: Shopper, sale: dict[str, Any]
) -> None:
    order = sale["order"]

    part = ask(olga, order, amount=1500, reason="duplicate")
    rest = ask(olga, order)

    assert [answer.status_code for answer in (part, rest)] == [201, 201], part.text + rest.text
    assert part.headers["location"] == f"/orders/{order['order_id']}"
    assert [answer.json()["refund"]["amount"] for answer in (part, rest)] == [1500, order["total"] - 1500]
    seen = sale["guest"].read(f"/orders/{order['order_id']}")
    assert seen["refunds"] == [part.json()["refund"], rest.json()["refund"]]
    assert (seen["status"], seen["total"], seen["refunded_total"]) == ("paid", order["total"], order["total"])
    assert [event["event"] for event in seen["timeline"]][3:] == ["refund_started", "refunded"] * 2
    assert seen["owner_id"] is None
    processor = shop.given_back(order["total"])
    assert [(one["amount"], one["reason"]) for one in processor] == [(1500, "duplicate"), (order["total"] - 1500, None)]
    assert processor[0]["metadata"] == {
        "refund_id": part.json()["refund"]["refund_id"],
        "checkout_id": order["order_id"],
    }


def test_goods_go_back_on_the_shelf_only_where_it_is_asked_and_only_what_was_sold(
    shop: Shop, olga: Shopper, sale: dict[str, Any]
) -> None:
    order, sku = sale["order"], sale["sku"]

    ask(olga, order, amount=100)
    without = shop.stock_of(sku)
    with_goods = ask(olga, order, amount=200, restock=[{"sku": sku, "quantity": 2}])
    too_many = ask(olga, order, amount=300, restock=[{"sku": sku, "quantity": 2}])

    assert (without, with_goods.status_code, shop.stock_of(sku)) == (7, 201, 9)
    assert (too_many.status_code, problem_type(too_many)) == (422, "restock_exceeds_sale")
    assert too_many.json()["items"] == [{"sku": sku, "asked": 2, "left": 1}]
    assert sum(one["amount"] for one in shop.given_back(order["total"])) == 300


def test_only_operators_give_money_back_and_read_what_is_not_theirs(
    shop: Shop, olga: Shopper, sale: dict[str, Any]
) -> None:
    order, guest = sale["order"], sale["guest"]
    customer = shop.customer()

    refused = [ask(who, order, amount=100) for who in (guest, shop.guest(), customer)]
    of_nobodys = ask(customer, {"order_id": str(uuid.UUID(int=0))})
    read = olga.read(f"/orders/{order['order_id']}")
    stranger = customer.http.get(f"/orders/{order['order_id']}")

    assert [(answer.status_code, problem_type(answer)) for answer in refused] == [
        (401, "unauthenticated"),
        (401, "unauthenticated"),
        (403, "forbidden"),
    ]
    assert (of_nobodys.status_code, problem_type(of_nobodys)) == (403, "forbidden")
    assert read == {**guest.read(f"/orders/{order['order_id']}"), "owner_id": guest.cart()["owner"]["id"]}
    assert (stranger.status_code, problem_type(stranger)) == (404, "order_not_found")
    assert shop.given_back(order["total"]) == []


def test_twenty_equal_requests_at_once_give_back_once_and_agree(
    shop: Shop, olga: Shopper, sale: dict[str, Any]
) -> None:
    order, key = sale["order"], str(uuid.uuid4())

    answers = at_once([partial(ask, olga, order, key=key, amount=1000)] * 20)
    refunds = until_decided(olga, order)

    assert {answer.status_code for answer in answers} <= {201, 202}
    assert {answer.json()["refund"]["refund_id"] for answer in answers} == {refunds[0]["refund_id"]}
    assert [(refund["status"], refund["amount"]) for refund in refunds] == [("done", 1000)]
    assert [one["amount"] for one in shop.given_back(order["total"])] == [1000]


def test_a_double_click_without_a_key_gives_back_once(shop: Shop, olga: Shopper, sale: dict[str, Any]) -> None:
    order = sale["order"]

    both = at_once([partial(ask, olga, order, amount=1000)] * 2)
    late = ask(olga, order, amount=1000)

    assert len({answer.json()["refund"]["refund_id"] for answer in (*both, late)}) == 1
    until_decided(olga, order)
    assert [one["amount"] for one in shop.given_back(order["total"])] == [1000]


def test_ten_different_refunds_at_once_never_come_to_more_than_was_charged(
    shop: Shop, olga: Shopper, sale: dict[str, Any]
) -> None:
    order = sale["order"]
    amounts = [order["total"] * n // 20 for n in range(1, 11)]

    answers = at_once([partial(ask, olga, order, amount=amount) for amount in amounts])
    refunds = until_decided(olga, order)

    refused = [answer for answer in answers if answer.status_code not in (201, 202)]
    assert refused
    assert {problem_type(answer) for answer in refused} == {"refund_exceeds_payment"}
    assert all(answer.json()["left"] < order["total"] for answer in refused)
    given_back = sum(one["amount"] for one in shop.given_back(order["total"]))
    assert given_back == sum(refund["amount"] for refund in refunds if refund["status"] == "done") <= order["total"]
    assert given_back == olga.read(f"/orders/{order['order_id']}")["refunded_total"]


def test_more_than_is_left_is_refused_for_good_and_says_what_is_left(
    shop: Shop, olga: Shopper, sale: dict[str, Any]
) -> None:
    order = sale["order"]
    ask(olga, order, amount=1000)

    answers = [ask(olga, order, key="too-much", amount=order["total"] - 999) for _ in range(2)]

    assert [(answer.status_code, problem_type(answer)) for answer in answers] == [(422, "refund_exceeds_payment")] * 2
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["left"], answers[0].json()["paid"]) == (order["total"] - 1000, order["total"])
    assert [refund["amount"] for refund in olga.read(f"/orders/{order['order_id']}")["refunds"]] == [1000]


def test_a_key_is_good_for_one_refund_only(shop: Shop, olga: Shopper, sale: dict[str, Any]) -> None:
    order = sale["order"]
    ask(olga, order, key="once", amount=1000)

    other = ask(olga, order, key="once", amount=1001)

    assert (other.status_code, problem_type(other)) == (422, "idempotency_key_reused")
    assert [one["amount"] for one in shop.given_back(order["total"])] == [1000]


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": "100"},
        {"amount": 1.5},
        {"amount": 10**16},
        {"reason": "because"},
        {"restock": [{"sku": "apple", "quantity": 0}]},
        {"restock": [{"sku": "apple"}]},
        {"currency": "INR"},
    ],
)
def test_a_request_that_makes_no_sense_moves_nothing(
    shop: Shop, olga: Shopper, sale: dict[str, Any], fields: dict[str, Any]
) -> None:
    answer = ask(olga, sale["order"], **fields)

    assert (answer.status_code, problem_type(answer)) == (422, "validation_failed")
    assert shop.given_back(sale["order"]["total"]) == []


def test_an_order_that_is_not_there_and_one_that_was_not_paid_are_told_apart(shop: Shop, olga: Shopper) -> None:
    guest = shop.guest()
    guest.add(shop.goods())
    declined = guest.check_out(payment_method="pm_card_chargeDeclined").json()

    none = ask(olga, {"order_id": str(uuid.uuid4())})
    unpaid = ask(olga, declined)

    assert (none.status_code, problem_type(none)) == (404, "order_not_found")
    assert (unpaid.status_code, problem_type(unpaid)) == (409, "order_not_paid")


def test_money_that_went_back_beside_the_shop_is_refused_plainly_and_shows_as_failed(
    shop: Shop, olga: Shopper, sale: dict[str, Any]
) -> None:
    order = sale["order"]
    [charge] = shop.charges(order["total"])
    shop._processor.post("/v1/refunds", data={"payment_intent": charge["id"]}).raise_for_status()

    answer = ask(olga, order, amount=1000)

    assert (answer.status_code, problem_type(answer)) == (409, "refund_refused")
    assert answer.json()["reason"] == "charge_already_refunded"
    seen = sale["guest"].read(f"/orders/{order['order_id']}")
    assert [(one["status"], one["failure"]) for one in seen["refunds"]] == [("failed", "charge_already_refunded")]
    assert seen["refunded_total"] == 0


@pytest.mark.parametrize("name", ["payments", "catalog"])
def test_a_refund_that_meets_a_service_that_is_down_is_processing_and_ends_done_once(
    stack: RunningStack, shop: Shop, olga: Shopper, sale: dict[str, Any], name: str
) -> None:
    order, sku = sale["order"], sale["sku"]

    stack.kill(name)
    try:
        answer = ask(olga, order, key="down", amount=1000, restock=[{"sku": sku, "quantity": 1}])
    finally:
        stack.start(name)

    assert (answer.status_code, answer.json()["refund"]["status"]) == (202, "pending")
    assert answer.headers["location"] == f"/orders/{order['order_id']}"
    assert [refund["status"] for refund in until_decided(sale["guest"], order)] == ["done"]
    assert [one["amount"] for one in shop.given_back(order["total"])] == [1000]
    assert shop.stock_of(sku) == 8


def test_a_controller_that_dies_while_refunds_are_under_way_leaves_each_with_one_true_outcome(
    stack: RunningStack, shop: Shop, olga: Shopper, sale: dict[str, Any]
) -> None:
    order = sale["order"]

    def give_back(number: int) -> httpx.Response | None:
        try:
            return ask(olga, order, key=f"dying-{number}", amount=1000 + number)
        except httpx.TransportError:
            return None

    calls: list[Callable[[], httpx.Response | None]] = [partial(give_back, number) for number in range(8)]
    calls.append(partial(stack.kill, "controller"))
    at_once(calls)
    stack.start("controller")

    refunds = until_decided(olga, order)
    given_back = sorted(one["amount"] for one in shop.given_back(order["total"]))
    assert given_back == sorted(refund["amount"] for refund in refunds if refund["status"] == "done")


# --- the order's page


@pytest.fixture
def browser(stack: RunningStack) -> Iterator[PlainBrowser]:
    with PlainBrowser(stack.url) as browser:
        browser.open("/shop/")
        browser.click("Sign in")
        browser.send(browser.page.forms[0], username="olga", password="olga-demo-password")
        yield browser


def test_an_operator_gives_money_back_from_the_orders_page(
    shop: Shop, browser: PlainBrowser, sale: dict[str, Any]
) -> None:
    order = sale["order"]
    page, action = f"/shop/orders/{order['order_id']}", f"/shop/orders/{order['order_id']}/refunds"
    browser.open(page)
    form = browser.form(action)

    browser.send(form, amount="12.50", reason="duplicate")
    after = browser.text
    browser.send(form, amount="12.50", reason="duplicate")

    assert browser.address.path == page
    assert "Given back ₹12.50" in after
    assert browser.text == after
    assert [(one["amount"], one["reason"]) for one in shop.given_back(order["total"])] == [(1250, "duplicate")]
    browser.send(browser.form(action))
    assert [form for form in browser.page.forms if form.action == action] == []
    assert sum(one["amount"] for one in shop.given_back(order["total"])) == order["total"]


@pytest.mark.parametrize("amount", ["nothing", "-5", "1.234", "0", "1e3"])
def test_an_amount_that_is_none_is_said_beside_the_form(
    shop: Shop, browser: PlainBrowser, sale: dict[str, Any], amount: str
) -> None:
    browser.open(f"/shop/orders/{sale['order']['order_id']}")
    action = f"/shop/orders/{sale['order']['order_id']}/refunds"

    browser.send(browser.form(action), amount=amount)

    assert browser.status == 422
    assert browser.form(action).fields["amount"] == amount
    assert shop.given_back(sale["order"]["total"]) == []


def test_too_much_is_said_beside_the_form_with_what_is_left(
    shop: Shop, browser: PlainBrowser, sale: dict[str, Any]
) -> None:
    browser.open(f"/shop/orders/{sale['order']['order_id']}")
    action = f"/shop/orders/{sale['order']['order_id']}/refunds"
    before = browser.form(action)

    browser.send(before, amount="99999999")

    assert browser.status == 422
    assert "is left to give back" in browser.text
    assert browser.form(action).fields["key"] != before.fields["key"]
    assert shop.given_back(sale["order"]["total"]) == []


def test_a_shopper_sees_the_refunds_and_no_form(shop: Shop, olga: Shopper, sale: dict[str, Any]) -> None:
    order = sale["order"]
    ask(olga, order, amount=1250)

    page = sale["guest"].http.get(f"/shop/orders/{order['order_id']}", headers={"Accept": "text/html"})
    listed = sale["guest"].http.get("/shop/orders", headers={"Accept": "text/html"})
    forged = sale["guest"].http.post(f"/shop/orders/{order['order_id']}/refunds", data={"key": "k", "amount": "1"})

    assert page.status_code == 200
    assert "₹12.50" in page.text
    assert "₹12.50 given back" in listed.text
    assert "Given back" in page.text
    assert f"/shop/orders/{order['order_id']}/refunds" not in page.text
    assert "Whose order" not in page.text
    assert forged.status_code == 401
    assert [one["amount"] for one in shop.given_back(order["total"])] == [1250]
