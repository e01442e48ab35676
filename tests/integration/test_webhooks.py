"""The processor's webhooks on the running stack: the shop hears of its orders, and a charge is finished only once."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.payments.delivery import signature
from tests.integration.shop_client import Shop, at_once, problem_type

PATIENCE_SECONDS = 30


def events_of(shop: Shop, order: dict[str, Any]) -> list[dict[str, Any]]:
    """What the processor has to tell of an order."""
    credential = {"Authorization": f"Bearer {shop.stack.secrets['PAYMENTS_SECRET_KEY']}"}
    with httpx.Client(base_url=shop.stack.payments_url, headers=credential) as payments:
        events = payments.get("/v1/events", params={"limit": 100}).json()["data"]
    return [
        event for event in events if event["data"]["object"].get("metadata", {}).get("checkout_id") == order["order_id"]
    ]


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes to hold, within our patience."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def all_taken(shop: Shop, order: dict[str, Any]) -> bool:
    """Whether the shop has answered well to all that happened to an order's payment."""
    events = events_of(shop, order)
    types = {event["type"] for event in events}
    return types == {"payment_intent.created", "payment_intent.succeeded"} and not any(
        event["pending_webhooks"] for event in events
    )


def test_the_shop_hears_of_its_orders_from_the_processor(shop: Shop) -> None:
    order = shop.guest().buy(shop.goods())

    assert eventually(partial(all_taken, shop, order))


def test_webhooks_and_shoppers_finish_the_same_orders_at_once(shop: Shop) -> None:
    sku = shop.goods(stock=10)
    shoppers = [shop.guest() for _ in range(10)]

    orders = at_once([partial(shopper.buy, sku) for shopper in shoppers])

    assert [eventually(partial(all_taken, shop, order)) for order in orders] == [True] * 10
    for shopper, order in zip(shoppers, orders, strict=True):
        assert shopper.read(f"/orders/{order['order_id']}") == order
    assert len(shop.charges(orders[0]["total"])) == 10
    assert shop.stock_of(sku) == 0


@pytest.mark.parametrize(
    ("secret", "age"), [("whsec_other", 0), (None, 400), (None, -400)], ids=["forged", "stale", "from the future"]
)
def test_an_event_that_the_processor_did_not_sign_just_now_is_refused(shop: Shop, secret: str | None, age: int) -> None:
    order = shop.guest().buy(shop.goods())
    body = json.dumps(events_of(shop, order)[0])
    header = signature(secret or shop.stack.secrets["PAYMENTS_WEBHOOK_SECRET"], body, at=int(time.time()) - age)

    anybody = shop.browser()
    signed = anybody.post("/webhooks/payments", content=body, headers={"Stripe-Signature": header})
    unsigned = anybody.post("/webhooks/payments", content=body)

    for answer in (signed, unsigned):
        assert (answer.status_code, problem_type(answer)) == (400, "webhook_signature_refused")


def test_a_repeated_or_foreign_event_of_the_processor_is_taken_and_changes_nothing(shop: Shop) -> None:
    shopper, processor = shop.guest(), shop.browser()
    order = shopper.buy(shop.goods())
    own = events_of(shop, order)
    foreign = {**own[0], "data": {"object": {"metadata": {"checkout_id": str(uuid4())}}}}

    for event in (*own, *own[::-1], foreign):
        body = json.dumps(event)
        header = signature(shop.stack.secrets["PAYMENTS_WEBHOOK_SECRET"], body, at=int(time.time()))
        answer = processor.post("/webhooks/payments", content=body, headers={"Stripe-Signature": header})
        assert answer.status_code == 204

    assert shopper.read(f"/orders/{order['order_id']}") == order
    assert len(shop.charges(order["total"])) == 1
