"""Shoppers of the running shop, each with a browser's cookies; goods of their own to buy; what payments knows of it."""

import html
import re
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import SystemRandom
from typing import Any, Self, TypeVar
from urllib.parse import urljoin

import asyncpg
import httpx

from services.local.token import access_token
from tests.stacks import RunningStack

T = TypeVar("T")

ADDRESS = {
    "name": "Asha Rao",
    "line1": "12 Lake Road",
    "city": "Pune",
    "postal_code": "411001",
    "country": "IN",
}
PASSWORD = "correct horse battery"
PATIENCE = httpx.Timeout(30)
PATIENCE_SECONDS = 45.0
POLL_SECONDS = 0.2
# Everything is plain http; making a context for each client would take most of the tests' time.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Every call in a thread of its own, all under way together; the answers in order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [answer.result() for answer in [pool.submit(call) for call in calls]]


def eventually(question: Callable[[], httpx.Response], wanted: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Ask until the answer is as wanted, within the deadline."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = question()
        if wanted(answer):
            return answer
        assert time.monotonic() < deadline, f"still {answer.status_code}: {answer.text[:300]}"
        time.sleep(POLL_SECONDS)


def answer_to(client: httpx.Client, method: str, url: str, **sent: Any) -> httpx.Response:
    """The answer; of a stream, which has no end, its head alone."""
    answer = client.send(client.build_request(method, url, **sent), stream=True)
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        answer.close()
        return httpx.Response(answer.status_code, headers=answer.headers, request=answer.request)
    answer.read()
    return answer


def problem_type(answer: httpx.Response) -> str:
    """The slug of a refusal, which must be a proper problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    return str(problem["type"]).removeprefix("/docs/problems#")


class Shopper:
    """Somebody with a browser, or with a bearer token."""

    def __init__(self, http: httpx.Client, *, username: str | None = None) -> None:
        self.http = http
        self.username = username

    @property
    def cookie(self) -> str:
        """The session's cookie."""
        return str(self.http.cookies["sid"])

    def cart(self, cart_id: str | None = None) -> dict[str, Any]:
        return self.read(f"/carts/{cart_id}" if cart_id else "/cart")

    def read(self, path: str) -> dict[str, Any]:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def add(self, sku: str, quantity: int = 1) -> dict[str, Any]:
        answer = self.http.post("/cart/items", json={"sku": sku, "quantity": quantity})
        assert answer.status_code == 200, answer.text
        cart: dict[str, Any] = answer.json()
        return cart

    def check_out(
        self, path: str = "/cart/checkout", *, key: str | None = None, if_match: str | None = None, **fields: Any
    ) -> httpx.Response:
        """Pay with a good card; a field that is None is left out."""
        form = {
            "payment_method": "pm_card_visa",
            "email": "asha@example.com",
            "shipping_address": ADDRESS,
            **fields,
        }
        told = {name: value for name, value in form.items() if value is not None}
        conditions = {"Idempotency-Key": key, "If-Match": if_match}
        return self.http.post(path, json=told, headers={k: v for k, v in conditions.items() if v is not None})

    def buy(self, sku: str, quantity: int = 1) -> dict[str, Any]:
        """An order, paid."""
        self.add(sku, quantity)
        answer = self.check_out()
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        return order

    def lines(self) -> dict[str, int]:
        """How many of what is in the current cart."""
        return {line["sku"]: line["quantity"] for line in self.cart()["items"]}


class Shop:
    """The running stack as a test uses it; what it made is taken away again at the end."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self._opened = ExitStack()
        self._editor: httpx.Client | None = None
        self._dice = SystemRandom()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    # --- shoppers

    def browser(self, base_url: str | None = None, **options: Any) -> httpx.Client:
        """A client with cookies of its own."""
        client = httpx.Client(base_url=base_url or self.stack.url, timeout=PATIENCE, verify=NO_TLS, **options)
        return self._opened.enter_context(client)

    def guest(self) -> Shopper:
        """Somebody new."""
        return Shopper(self.browser())

    def customer(self) -> Shopper:
        """Somebody with a new account, signed in."""
        shopper = self.guest()
        self.sign_up(shopper)
        return shopper

    def sign_up(self, shopper: Shopper) -> httpx.Response:
        """Make an account, which signs in; the answer to the callback."""
        return self._come_back(shopper, self.callback_of_sign_up(shopper))

    def callback_of_sign_up(self, shopper: Shopper) -> str:
        """Make an account; where the provider sends the browser next, which is not followed."""
        shopper.username = f"test-{uuid.uuid4().hex[:16]}"
        page = shopper.http.get(f"{self._authorize(shopper)}&prompt=create")
        return self._fill_in(shopper, page)

    def sign_in(
        self, shopper: Shopper, username: str | None, *, password: str = PASSWORD, **login: str
    ) -> httpx.Response:
        """Sign in, without a password of one's own to an account that `sign_up` made; the answer to the callback."""
        return self._come_back(shopper, self.way_back(shopper, username, password=password, **login))

    def way_back(self, shopper: Shopper, username: str | None, *, password: str = PASSWORD, **login: str) -> str:
        """The callback's address with a code in it: all of a sign-in but its last step."""
        shopper.username = username
        return self._fill_in(shopper, shopper.http.get(self._authorize(shopper, **login)), password)

    def _authorize(self, shopper: Shopper, **login: str) -> str:
        answer = shopper.http.get("/login", params=login)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def _fill_in(self, shopper: Shopper, page: httpx.Response, password: str = PASSWORD) -> str:
        back = self.post_form(shopper, page, password)
        assert back.status_code == 303, back.text
        return str(back.headers["location"])

    def post_form(self, shopper: Shopper, page: httpx.Response, password: str) -> httpx.Response:
        """The provider's answer to its form with the shopper's name and a password."""
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert action, page.text
        form = {"username": shopper.username, "password": password}
        return shopper.http.post(urljoin(str(page.url), html.unescape(action[1])), data=form)

    def _come_back(self, shopper: Shopper, callback: str) -> httpx.Response:
        answer = shopper.http.get(callback)
        assert answer.status_code == 303, answer.text
        return answer

    def token_of(self, username: str | None, scope: str = "openid profile") -> str:
        """A bearer token by code and PKCE, for an account that `sign_up` made."""
        assert username is not None
        return access_token(self.browser(self.stack.idp_url), user=username, password=PASSWORD, scope=scope)

    def operator(self) -> Shopper:
        """The demo account that may give money back."""
        provider = self.browser(self.stack.idp_url)
        return self.with_token(
            access_token(provider, user="olga", password="olga-demo-password", scope="openid profile operator")
        )

    def with_token(self, token: str) -> Shopper:
        """A program that holds a bearer token."""
        return Shopper(self.browser(headers={"Authorization": f"Bearer {token}"}))

    # --- goods

    def goods(self, *, stock: int = 100, price: int | None = None) -> str:
        """The SKU of a new product. Its price is its own, so that charges for it are told apart from others."""
        sku = f"test-{uuid.uuid4().hex[:20]}"
        product = {
            "title": "A thing that a test sells",
            "category": "Tests",
            "price": price or self._dice.randint(100_000, 9_000_000),
            "stock": stock,
        }
        answer = self._catalog.put(f"/products/{sku}", json=product)
        assert answer.status_code == 201, answer.text
        self._opened.callback(self._catalog.delete, f"/products/{sku}")
        return sku

    def reprice(self, sku: str, price: int) -> None:
        answer = self._catalog.patch(f"/products/{sku}", json={"price": price})
        assert answer.status_code == 200, answer.text

    def come_back(self, sku: str, *, price: int, stock: int = 100) -> None:
        """Sell again under a SKU what was withdrawn: another product."""
        product = {"title": "A thing that came back", "category": "Tests", "price": price, "stock": stock}
        answer = self._catalog.put(f"/products/{sku}", json=product)
        assert answer.status_code == 201, answer.text

    def sell_by_variant(self, sku: str) -> str:
        """The SKU of a variant, by which alone the product is sold from now on."""
        variant = f"{sku}-v"
        answer = self._catalog.put(f"/products/{sku}/variants/{variant}", json={"title": "Large", "stock": 5})
        assert answer.status_code == 201, answer.text
        return variant

    def restock(self, sku: str, stock: int) -> None:
        answer = self._catalog.put(f"/stock/{sku}", json={"stock": stock})
        assert answer.status_code == 200, answer.text

    def withdraw(self, sku: str) -> None:
        answer = self._catalog.delete(f"/products/{sku}")
        assert answer.status_code == 204, answer.text

    def stock_of(self, sku: str) -> int:
        return int(self._catalog.get(f"/products/{sku}").json()["stock"])

    @property
    def _catalog(self) -> httpx.Client:
        if self._editor is None:
            token = self.service_token("catalog-editor", self.stack.secrets["CATALOG_CLIENT_SECRET"], "catalog:write")
            headers = {"Authorization": f"Bearer {token}"}
            self._editor = self.browser(self.stack.addresses.inside("catalog"), headers=headers)
        return self._editor

    def service_token(self, client_id: str, secret: str, scope: str) -> str:
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = self.browser(self.stack.idp_url).post("/token", data=form, auth=(client_id, secret))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    # --- money

    def charges(self, amount: int) -> list[dict[str, Any]]:
        """The intents of an amount that were charged."""
        return [intent for intent in self._intents() if (intent["amount"], intent["status"]) == (amount, "succeeded")]

    def given_back(self, amount: int) -> list[dict[str, Any]]:
        """The processor's refunds of the one charge of an amount, the oldest first."""
        [charge] = self.charges(amount)
        answer = self._processor.get("/v1/refunds", params={"limit": 100, "payment_intent": charge["id"]})
        assert answer.status_code == 200, answer.text
        refunds: list[dict[str, Any]] = answer.json()["data"][::-1]
        return refunds

    @property
    def _processor(self) -> httpx.Client:
        credential = {"Authorization": f"Bearer {self.stack.secrets['PAYMENTS_SECRET_KEY']}"}
        return self.browser(self.stack.payments_url, headers=credential)

    def _intents(self) -> Iterator[dict[str, Any]]:
        answer = self._processor.get("/v1/payment_intents", params={"limit": 100})
        assert answer.status_code == 200, answer.text
        yield from answer.json()["data"]

    # --- what no interface tells

    async def fill(self, cart: dict[str, Any], lines: int) -> None:
        """Put lines of goods that are not sold into a cart, as its history tells too."""
        statement = """
            WITH filled AS (
                INSERT INTO lines (owner_id, cart_id, sku, product_id, quantity, added_price)
                SELECT $1, $2, 'line-' || number, number, 1, 1 FROM generate_series(1, $3::int) AS number RETURNING *
            )
            INSERT INTO history (owner_id, cart_id, version, status, action, sku, quantity, added_price, actor)
            SELECT owner_id, cart_id, $4, 'open', 'set', sku, quantity, added_price, 'guest' FROM filled
        """
        whose = cart["owner"]["id"], uuid.UUID(cart["cart_id"])
        await self.rows("cartdb", statement, *whose, lines, cart["version"])

    async def rows(self, service: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Look into a service's database, or put its clocks back, as the service itself may."""
        connection = await asyncpg.connect(self.stack.database_url(service))
        try:
            found: list[asyncpg.Record] = await connection.fetch(statement, *arguments)
            return found
        finally:
            await connection.close()
