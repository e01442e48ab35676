"""A shopper with an account as origin note e has them: a program with a bearer token, and the same person's browser."""

import json
from decimal import Decimal
from typing import Any

import httpx

from .shop_client import Shop, problem_type

PAY = "/api/payments/create-from-cart/"
FORM = {"payment_method": "razorpay", "shipping_address": "12 Lake Road, Pune", "currency": "INR"}


def exactly(answer: httpx.Response) -> Any:
    """The JSON with every decimal as it was written."""
    return json.loads(answer.text, parse_float=Decimal)


class Customer:
    """`api` is the program, `browser` the person; `cart`, `add`, `set`, `remove`, `pay` go through `/api/…`."""

    def __init__(self, shop: Shop) -> None:
        self.browser = shop.customer()
        self.api = shop.with_token(shop.token_of(self.browser.username))

    def cart(self) -> dict[str, Any]:
        answer = self.api.http.get("/api/cart/")
        assert answer.status_code == 200, answer.text
        cart: dict[str, Any] = exactly(answer)
        return cart

    def lines(self) -> dict[str, int]:
        """How many of what the program sees."""
        return {line["id"]: line["quantity"] for line in self.cart()["items"]}

    def try_to_add(self, product: int, variant: int | None = None, quantity: int = 1, **other: Any) -> httpx.Response:
        item = {"product_id": product, "variant_id": variant, "quantity": quantity, **other}
        return self.api.http.post("/api/cart/add/", json=item)

    def add(self, sku: str, quantity: int = 1) -> dict[str, Any]:
        """A product that needs no variant, by its number as note e's client does."""
        answer = self.try_to_add(self.browser.read(f"/products/{sku}")["product_id"], quantity=quantity)
        assert answer.status_code == 200, answer.text
        cart: dict[str, Any] = exactly(answer)
        return cart

    def set(self, line: str, quantity: int) -> httpx.Response:
        return self.api.http.put(f"/api/cart/items/{line}/", json={"quantity": quantity})

    def remove(self, line: str) -> httpx.Response:
        return self.api.http.delete(f"/api/cart/items/{line}/")

    def pay(self, key: str | None = None, **fields: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self.api.http.post(PAY, json={**FORM, **fields}, headers=headers)

    def refused(self, method: str, path: str, **body: Any) -> tuple[int, str]:
        """Status and problem of a refusal, at a door that answers problems."""
        answer = self.api.http.request(method, path, **body)
        return answer.status_code, problem_type(answer)
