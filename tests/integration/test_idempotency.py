"""One key, one effect: whatever a shopper can ask for, asked for many times at once, and again after a crash."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from services.local.settings import SERVICES
from tests.integration.shop_client import ADDRESS, Shop, Shopper, at_once, problem_type
from tests.integration.test_bad_days import eventually

SIMULTANEOUS = 20
FORM = {"payment_method": "pm_card_visa", "email": "asha@example.com", "shipping_address": ADDRESS}
CHANGES: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "add": ("POST", "/cart/items", {"sku": "apple", "quantity": 2}),
    "set": ("PUT", "/cart/items/apple", {"quantity": 7}),
    "remove": ("DELETE", "/cart/items/apple", None),
    "clear": ("DELETE", "/cart/items", None),
    "create a cart": ("POST", "/carts", {"name": "Party"}),
    "rename": ("PATCH", "/carts/{cart}", {"name": "Weekly"}),
    "activate": ("POST", "/carts/{other}/activate", None),
    "delete": ("DELETE", "/carts/{other}", None),
    "add to a cart": ("POST", "/carts/{cart}/items", {"sku": "banana"}),
    "set in a cart": ("PUT", "/carts/{cart}/items/apple", {"quantity": 5}),
    "remove from a cart": ("DELETE", "/carts/{cart}/items/apple", None),
    "clear a cart": ("DELETE", "/carts/{cart}/items", None),
    "check out": ("POST", "/carts/{cart}/checkout", FORM),
}


@dataclass
class Asking:
    """A shopper with three apples in one cart and an empty cart beside it, and one change under one key."""

    shopper: Shopper
    change: str
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    carts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.carts["cart"] = self.shopper.add("apple", 3)["cart_id"]
        self.carts["other"] = (
            self.shopper.http.post("/carts", json={"name": "Other"}).raise_for_status().json()["cart_id"]
        )
        self.shopper.http.post(f"/carts/{self.carts['cart']}/activate").raise_for_status()

    def __call__(self) -> httpx.Response:
        method, path, body = CHANGES[self.change]
        headers = {"Idempotency-Key": self.key}
        return self.shopper.http.request(method, path.format(**self.carts), json=body, headers=headers)

    def state(self) -> Any:
        carts = self.shopper.read("/carts")["carts"]
        orders = self.shopper.read("/orders")["orders"]
        return (
            sorted((cart["name"] or "", cart["version"], cart["total_items"]) for cart in carts),
            [(order["status"], order["total"]) for order in orders],
        )


def told(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json() if answer.content else None


@pytest.mark.parametrize("change", CHANGES)
def test_many_equal_changes_at_once_are_one_and_their_answers_agree(shop: Shop, change: str) -> None:
    asking, once = Asking(shop.guest(), change), Asking(shop.guest(), change)

    answers = at_once([asking] * SIMULTANEOUS)
    finally_told = eventually(asking, lambda answer: answer.status_code != 202)
    once().raise_for_status()

    # A checkout that another request is still at is told as processing, under the same id.
    settled = [answer for answer in answers if answer.status_code != 202]
    assert all(told(answer) == told(finally_told) for answer in settled), {answer.text for answer in answers}
    assert {answer.json()["order_id"] for answer in answers if answer.status_code == 202} <= {
        finally_told.json().get("order_id") if finally_told.content else None
    }
    assert asking.state() == once.state()


def test_every_change_is_still_remembered_after_everything_was_killed_and_started(shop: Shop) -> None:
    asked = [Asking(shop.guest(), change) for change in CHANGES]
    first = [told(asking()) for asking in asked]
    before = [asking.state() for asking in asked]

    for name in ("postgres", *SERVICES):
        shop.stack.kill(name)
    for name in ("postgres", "idp", *(service for service in SERVICES if service != "idp")):
        shop.stack.start(name)

    again = [told(eventually(asking, lambda answer: answer.status_code < 500)) for asking in asked]
    assert again == first
    assert [asking.state() for asking in asked] == before


def test_a_key_is_good_for_one_change_of_a_cart_only(shop: Shop) -> None:
    shopper = shop.guest()
    asked = [Asking(shopper, change, key="the-same") for change in CHANGES if change != "check out"]

    first, *others = [ask() for ask in asked]

    assert first.status_code == 200
    assert {(answer.status_code, problem_type(answer)) for answer in others} == {(422, "idempotency_key_reused")}
