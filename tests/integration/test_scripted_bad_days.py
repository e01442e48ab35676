"""The whole shop while payments and the identity provider follow a fault script."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.local.stack import Stack
from tests.stacks import RunningStack, plan_in

from .shop_client import Shop, Shopper, eventually

CONFIRM = {"method": "POST", "path_regex": "/v1/payment_intents/[^/]+/confirm"}
CANCEL = {"method": "POST", "path_regex": "/v1/payment_intents/[^/]+/cancel"}
TOKEN = {"method": "POST", "path": "/token"}
Rule = dict[str, Any]


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of this file's own, whose payments and idp take scripts."""
    folder = tmp_path_factory.mktemp("scripted")
    on = {"FAULT_SCRIPTS": "true"}
    plan = plan_in(
        folder,
        settings={"payments": on, "idp": on},
    )
    with Stack(plan) as stack:
        yield stack


@pytest.fixture
def shop(scripted: RunningStack) -> Iterator[Shop]:
    with Shop(scripted) as shop:
        yield shop
    for service in ("payments", "idp"):
        script(scripted, service)


def script(stack: RunningStack, service: str, *rules: Rule) -> None:
    answer = httpx.put(f"{stack.addresses.inside(service)}/_test/faults", json={"rules": rules}, headers=key_of(stack))
    assert answer.status_code == 200, answer.text


def key_of(stack: RunningStack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.secrets['PAYMENTS_SECRET_KEY']}"}


def hits(stack: RunningStack, service: str) -> list[int]:
    answer = httpx.get(f"{stack.addresses.inside(service)}/_test/faults", headers=key_of(stack))
    return [rule["hits"] for rule in answer.json()["rules"]]


def outcome_of(shopper: Shopper, told: httpx.Response) -> dict[str, Any]:
    """The order as it ends."""
    order = f"/orders/{told.json()['order_id']}"
    decided = eventually(
        lambda: shopper.http.get(order),
        lambda answer: answer.is_success and answer.json()["status"] != "processing",
    )
    order_told: dict[str, Any] = decided.json()
    return order_told


@pytest.mark.parametrize(
    "effect",
    [
        {"name": "drop_after"},
        {"name": "drop_before"},
        {"name": "fail_after", "status": 500},
        {"name": "fail_before", "status": 503},
        {"name": "busy"},
        {"name": "rate_limited"},
        {"name": "delay_after", "seconds": 7},
    ],
)
def test_a_shopper_whose_payment_met_a_bad_moment_pays_exactly_once(
    scripted: RunningStack, shop: Shop, effect: Rule
) -> None:
    price = shop._dice.randint(100_000, 9_000_000)
    shopper, sku = shop.guest(), shop.goods(stock=3, price=price)
    shopper.add(sku)
    script(scripted, "payments", {"match": CONFIRM, "times": 1, "effect": effect})

    answer = shopper.check_out(key="once")
    order = outcome_of(shopper, answer)
    if order["status"] == "refused":
        order = outcome_of(shopper, shopper.check_out(key="twice"))

    assert order["status"] == "paid"
    assert hits(scripted, "payments") == [1]
    assert len(shop.charges(price)) == 1
    assert shop.stock_of(sku) == 2
    assert shopper.lines() == {}


def test_a_card_that_is_declined_by_script_leaves_the_cart_open(scripted: RunningStack, shop: Shop) -> None:
    price = shop._dice.randint(100_000, 9_000_000)
    shopper, sku = shop.guest(), shop.goods(stock=3, price=price)
    shopper.add(sku)
    script(scripted, "payments", {"effect": {"name": "decline", "decline_code": "stolen_card"}})

    declined = shopper.check_out(key="first")
    paid = shopper.check_out(key="second")

    assert (declined.status_code, declined.json()["reason"]) == (402, "stolen_card")
    assert paid.status_code == 201
    assert (len(shop.charges(price)), shop.stock_of(sku)) == (1, 2)


@pytest.mark.parametrize(("decline", "status"), [({}, "paid"), ({"decline_code": "lost_card"}, "refused")])
def test_a_slow_bank_is_waited_for_and_its_word_is_the_outcome(
    scripted: RunningStack, shop: Shop, decline: Rule, status: str
) -> None:
    price = shop._dice.randint(100_000, 9_000_000)
    shopper, sku = shop.guest(), shop.goods(stock=3, price=price)
    shopper.add(sku)
    script(scripted, "payments", {"effect": {"name": "slow_bank", "seconds": 6, **decline}})

    answer = shopper.check_out(key="once")
    order = outcome_of(shopper, answer)

    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    assert (order["status"], order["reason"]) == (status, decline.get("decline_code"))
    paid = status == "paid"
    assert (len(shop.charges(price)), shop.stock_of(sku)) == ((1, 2) if paid else (0, 3))
    assert shopper.lines() == ({} if paid else {sku: 1})


@pytest.mark.parametrize("name", ["webhook_lost", "webhook_duplicated", "webhook_reordered"])
def test_webhooks_that_go_astray_change_no_outcome(scripted: RunningStack, shop: Shop, name: str) -> None:
    price = shop._dice.randint(100_000, 9_000_000)
    shopper, sku = shop.guest(), shop.goods(stock=3, price=price)
    shopper.add(sku)
    script(
        scripted,
        "payments",
        {"match": CONFIRM, "effect": {"name": "drop_after"}, "times": 9},
        {"times": None, "effect": {"name": name}},
    )

    order = outcome_of(shopper, shopper.check_out(key="once"))

    assert (order["status"], len(shop.charges(price)), shop.stock_of(sku)) == ("paid", 1, 2)


@pytest.mark.parametrize("name", ["drop_before", "drop_after"])
def test_a_sign_in_that_the_provider_drops_fails_cleanly_keeps_the_guests_cart_and_works_the_next_time(
    scripted: RunningStack, shop: Shop, name: str
) -> None:
    shopper = shop.guest()
    shopper.add("apple", 2)
    callback = shop.callback_of_sign_up(shopper)
    script(scripted, "idp", {"match": TOKEN, "times": 1, "effect": {"name": name}})

    answer = shopper.http.get(callback)

    assert hits(scripted, "idp") == [1]
    assert answer.status_code == 503, answer.text
    assert shopper.lines() == {"apple": 2}
    again = shopper.http.get(shop._authorize(shopper))  # The provider knows the browser by now and asks nothing.
    shop._come_back(shopper, again.headers["location"])
    assert shopper.cart()["owner"]["name"] == shopper.username
    assert shopper.lines() == {"apple": 2}


def test_a_sign_in_is_only_late_when_the_provider_is(scripted: RunningStack, shop: Shop) -> None:
    shopper = shop.guest()
    shopper.add("apple", 2)
    callback = shop.callback_of_sign_up(shopper)
    script(scripted, "idp", {"match": TOKEN, "effect": {"name": "delay_before", "seconds": 1.5}})
    started = time.monotonic()

    answer = shopper.http.get(callback)

    assert (answer.status_code, time.monotonic() - started >= 1.5) == (303, True)
    assert shopper.lines() == {"apple": 2}


def test_tokens_are_verified_while_the_provider_gives_out_no_keys(scripted: RunningStack, shop: Shop) -> None:
    customer = shop.customer()
    customer.add("apple")
    script(scripted, "idp", {"times": None, "effect": {"name": "drop_before"}})

    customer.add("apple")

    assert customer.lines() == {"apple": 2}
