"""Origin note e: its CartManager runs unchanged in Node, and the server keeps what the note says of its API."""

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.shop_client import Shop, Shopper
from tests.nodejs import NODE

JOURNEY = Path(__file__).with_name("note_e") / "journey.mjs"
SHIPPING = {"name": "Asha Rao", "street": "12 Lake Road", "city": "Pune", "pin": "411001"}
ORDINARY = "mango"
WITH_VARIANTS = "t-shirt"


class Program:
    """The note's client with a token in its hand, and the shopper whose token that is."""

    def __init__(self, shop: Shop, *, token: str | None = None) -> None:
        self._shop = shop
        self.browser = shop.customer()
        self._token = token or shop.token_of(self.browser.username)
        self.api = shop.with_token(self._token)

    def run(self, step: str, **asked: Any) -> dict[str, Any]:
        """One step of the journey: its `value` or `error`, the `calls` it made, the `cart` it remembers."""
        ran = subprocess.run(
            [NODE, str(JOURNEY), self._shop.stack.url, step],
            input=json.dumps({"token": self._token, **asked}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        told: dict[str, Any] = json.loads(ran.stdout, parse_float=Decimal)
        return told


@pytest.fixture
def program(shop: Shop) -> Program:
    return Program(shop)


def product(shopper: Shopper, sku: str) -> dict[str, Any]:
    return shopper.read(f"/products/{sku}")


def exactly(answer: httpx.Response) -> Any:
    """The JSON with every decimal as it was written."""
    return json.loads(answer.text, parse_float=Decimal)


def test_the_cart_of_a_new_shopper_is_empty_and_costs_nothing(program: Program) -> None:
    told = program.run("get")

    assert told["calls"] == ["GET /api/cart/"]
    assert told["value"]["items"] == []
    assert told["value"]["items_count"] == 0
    assert told["value"]["total_items"] == 0
    assert told["value"]["total_price"] == 0
    assert told["value"]["has_unavailable_items"] is False
    assert told["value"]["id"] == program.browser.cart()["cart_id"]


def test_an_item_without_variant_is_added(program: Program) -> None:
    mango = product(program.browser, ORDINARY)

    told = program.run("add", item=[mango["product_id"], None, 2])

    assert told["calls"] == ["POST /api/cart/add/", "GET /api/cart/"]
    assert told["value"]["message"] == "Item added successfully"
    cart = told["cart"]
    line = cart["items"][0]
    assert (cart["items_count"], cart["total_items"]) == (1, 2)
    assert (line["product"], line["variant"], line["quantity"]) == (mango["product_id"], None, 2)
    assert line["total_price"] == cart["total_price"] == Decimal(2 * mango["price"]) / 100


def test_the_quantity_is_one_unless_told_and_the_variant_may_be_absent(program: Program) -> None:
    mango = product(program.browser, ORDINARY)

    told = program.run("add", item=[mango["product_id"]])

    assert told["value"]["message"] == "Item added successfully"
    assert program.browser.lines() == {ORDINARY: 1}


def test_an_item_with_a_variant_costs_its_additional_price_too(program: Program) -> None:
    shirt = product(program.browser, WITH_VARIANTS)
    indigo = next(variant for variant in shirt["variants"] if variant["additional_price"] > 0)

    told = program.run("add", item=[shirt["product_id"], indigo["variant_id"], 3])

    line = told["cart"]["items"][0]
    each = Decimal(shirt["price"] + indigo["additional_price"]) / 100
    assert (line["product"], line["variant"]) == (shirt["product_id"], indigo["variant_id"])
    assert (line["unit_price"], line["total_price"]) == (each, 3 * each)
    assert told["cart"]["total_price"] == 3 * each


def test_ids_may_be_sent_as_digits(program: Program) -> None:
    shirt = product(program.browser, WITH_VARIANTS)
    variant = shirt["variants"][0]

    told = program.run("add", item=[str(shirt["product_id"]), str(variant["variant_id"]), 1])

    assert told["value"]["message"] == "Item added successfully"
    assert program.browser.lines() == {variant["sku"]: 1}


def test_a_refused_item_is_told_in_words_and_changes_nothing(program: Program) -> None:
    shirt = product(program.browser, WITH_VARIANTS)

    unknown = program.run("add", item=[2_000_000_000, None, 1])
    unspecific = program.run("add", item=[shirt["product_id"], None, 1])
    none = program.run("add", item=[shirt["product_id"], shirt["variants"][0]["variant_id"], 0])

    assert unknown["error"] == "There is no product 2000000000 in the catalog."
    assert unspecific["error"] == "This product is sold by its variants: name one."
    assert none["error"] == "Wrong or missing: body.quantity."
    assert program.browser.lines() == {}


def test_the_client_remembers_the_cart_for_thirty_seconds(program: Program) -> None:
    told = program.run("cache")

    assert told["value"] == {"same": True, "other": True, "callsForTwo": 1, "callsForThree": 2, "callsForFour": 3}


def test_a_checkout_pays_and_tells_the_amount_in_rupees(program: Program, shop: Shop) -> None:
    sku = shop.goods(price=39900)
    cart = program.browser.add(sku)

    told = program.run("checkout", addresses=[SHIPPING, SHIPPING])

    assert told["calls"] == ["GET /api/cart/", "POST /api/payments/create-from-cart/"]
    payment = told["value"]
    assert set(payment) == {"payment_id", "order_id", "cart_id", "status", "amount", "currency"}
    assert (payment["status"], payment["currency"], payment["cart_id"]) == ("paid", "INR", cart["cart_id"])
    assert payment["amount"] == 399
    order = program.browser.read(f"/orders/{payment['order_id']}")
    assert (order["total"], order["shipping_address"], order["billing_address"]) == (39900, SHIPPING, SHIPPING)
    assert program.browser.cart()["cart_id"] != cart["cart_id"]
    assert program.browser.lines() == {}


def test_amounts_are_written_as_exact_decimals(program: Program, shop: Shop) -> None:
    sku = shop.goods(price=39900)
    program.browser.add(sku)

    cart = program.api.http.get("/api/cart/")
    paid = program.api.http.post(
        "/api/payments/create-from-cart/",
        json={"payment_method": "card", "shipping_address": "12 Lake Road", "currency": "INR"},
    )

    for name in ("unit_price", "line_total", "total_price"):
        assert re.search(rf'"{name}": ?399\.00[,}}]', cart.text), cart.text
    assert re.search(r'"amount": ?399\.00[,}]', paid.text), paid.text
    assert (cart.status_code, paid.status_code) == (200, 201)


def test_the_client_refuses_to_check_out_an_empty_cart(program: Program) -> None:
    told = program.run("checkout", addresses=[SHIPPING, SHIPPING])

    assert told["error"] == "Cart is empty. Please add items before checkout."
    assert told["calls"] == ["GET /api/cart/"]


def test_the_server_refuses_to_check_out_an_empty_cart_before_anything_else(program: Program) -> None:
    cart = program.browser.cart()

    answer = program.api.http.post("/api/payments/create-from-cart/", json={"payment_method": "razorpay"})

    assert answer.status_code == 400
    refusal = answer.json()
    assert refusal["error"] == f"Cart is empty. Please add items first. Cart ID: {cart['cart_id']}"
    assert refusal["message"] == refusal["error"]
    assert (refusal["cart_id"], refusal["user_id"]) == (cart["cart_id"], cart["owner"]["id"])


def test_a_token_that_is_not_good_gets_no_cart(shop: Shop) -> None:
    program = Program(shop, token="not.a.token")

    assert program.run("get")["error"] == "Failed to fetch cart"
    refused = program.run("add", item=[1, None, 1])["error"]

    answer = program.api.http.get("/api/cart/")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert answer.json()["message"] == answer.json()["error"] == refused
    assert program.browser.lines() == {}


def test_a_declined_payment_tells_why_and_leaves_the_cart(program: Program, shop: Shop) -> None:
    sku = shop.goods()
    cart = program.browser.add(sku)

    answer = program.api.http.post(
        "/api/payments/create-from-cart/",
        json={"payment_method": "pm_card_chargeDeclinedInsufficientFunds", "shipping_address": "12 Lake Road"},
    )

    assert answer.status_code == 402
    assert answer.json()["reason"] == "insufficient_funds"
    assert answer.json()["error"] == answer.json()["message"] == answer.json()["detail"]
    assert program.browser.lines() == {sku: 1}
    assert program.browser.cart()["cart_id"] == cart["cart_id"]
    assert shop.charges(cart["total_price"]) == []


def test_lines_are_set_and_removed_by_their_id(program: Program, shop: Shop) -> None:
    sku = shop.goods(price=1999)
    program.browser.add(sku)
    line_id = exactly(program.api.http.get("/api/cart/"))["items"][0]["id"]

    raised = program.api.http.put(f"/api/cart/items/{line_id}/", json={"quantity": 3})
    removed = program.api.http.delete(f"/api/cart/items/{line_id}/")

    assert exactly(raised)["total_price"] == Decimal("59.97")
    assert (removed.status_code, removed.json()["items"]) == (200, [])
