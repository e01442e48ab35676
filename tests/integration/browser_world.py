"""A shop with one of everything in it, and what each route of each service answers there."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.contracts.identity import Scope
from services.local.settings import SERVICES
from tests.every_route import Door, all_doors
from tests.integration.shop_client import Shop, Shopper, answer_to

STRANGER = "https://stranger.example"
STRANGERS_HOST = {
    "Host": "stranger.example",
    "X-Forwarded-Host": "stranger.example",
    "Forwarded": "host=stranger.example",
}
PAGE = {"Accept": "text/html"}
WITH_PAGES = {"controller", "idp"}


FOREIGN = [
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="another port of this host"),
    pytest.param({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, id="a hidden frame"),
    pytest.param({"Origin": "https://elsewhere.example"}, id="another origin"),
    pytest.param({"Origin": "null"}, id="no origin"),
    pytest.param({"Origin": "http://localhost:1"}, id="another port"),
]
"""How a browser marks a request that another site's page has made."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was asked, and the answer."""

    door: Door
    how: str
    answer: httpx.Response

    def __str__(self) -> str:
        return f"{self.door} ({self.how}): {self.answer.status_code}"

    @property
    def media(self) -> str:
        return str(self.answer.headers.get("content-type", "")).partition(";")[0]


class World:
    """A customer who was a guest, bought something, got money back and shops on; and everybody's credentials."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.customer = shop.guest()
        self.customer.add("apple", 2)
        shop.sign_up(self.customer)
        self.order = self.customer.buy(shop.goods())
        self.cart = self.customer.add("banana")
        self._operator = shop.operator()
        self.refund = self._give_back()
        self.authorization = self._authorization()
        self.tokens = self._tokens()
        self.names = {**self._shop_names(), **self._processor_names()}

    def _give_back(self) -> str:
        answer = self._operator.http.post(f"/orders/{self.order['order_id']}/refunds", json={"amount": 100})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["refund"]["refund_id"])

    def _authorization(self) -> dict[str, str]:
        location = self.customer.http.get("/login").headers["location"]
        return {name: str(value) for name, value in httpx.URL(location).params.items()}

    def _tokens(self) -> dict[str, str]:
        service = {
            str(scope): self.shop.service_token("controller", self.shop.stack.secrets["OIDC_CLIENT_SECRET"], scope)
            for scope in (Scope.CART_GUEST, Scope.CART_CHECKOUT, Scope.STOCK_CHECKOUT)
        }
        return {**service, "user": self.shop.token_of(self.customer.username)}

    def _shop_names(self) -> dict[str, str]:
        cart, order = self.cart["cart_id"], self.order["order_id"]
        merge = self.customer.read("/session")["merge_id"]
        shared = {
            "docs_assets": "swagger-ui.css",
            "sku": "apple",
            "cart_id": cart,
            "cart": cart,
            "merge_id": merge,
            "part": "carts",
        }
        at_neighbours = {"checkout_id": order, "refund_id": self.refund, "variant_sku": "apple-small"}
        of_controller = {"order_id": order, "item_id": "apple", "service": "cartdb", "_path": "nowhere/at/all"}
        named = {**shared, **at_neighbours, **of_controller, "static": "style.css"}
        return {f"{service}.{name}": str(value) for service in SERVICES for name, value in named.items()}

    def _processor_names(self) -> dict[str, str]:
        payments = self._client("payments")
        payments.headers.update(self._bearer(self.shop.stack.secrets["PAYMENTS_SECRET_KEY"]))

        def newest(kind: str) -> str:
            return str(payments.get(f"/v1/{kind}", params={"limit": 1}).json()["data"][0]["id"])

        [charge] = self.shop.charges(self.order["total"])
        kinds = ("charge", "refund", "event", "webhook_endpoint")
        ids = {f"{kind.removeprefix('webhook_')}_id": newest(f"{kind}s") for kind in kinds}
        ids |= {"intent_id": charge["id"], "method_id": charge["payment_method"]}
        return {f"payments.{name}": value for name, value in ids.items()}

    def _client(self, service: str) -> httpx.Client:
        return self.shop.browser(self.address(service))

    def address(self, service: str) -> str:
        """Where a service answers: its public address, if it has one."""
        addresses = self.shop.stack.addresses
        public = service in {"controller", "idp", "payments"}
        return addresses.public(service) if public else addresses.inside(service)

    @staticmethod
    def _bearer(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def credentials(self, door: Door) -> list[dict[str, str]]:
        """Everything that opens a door."""
        secrets = self.shop.stack.secrets
        match door.service:
            case "controller" if door.template.startswith("/api/"):
                return [self._bearer(self.tokens["user"])]
            case "controller":
                return [{"Cookie": f"sid={self.customer.cookie}"}, dict(self._operator.http.headers)]
            case "catalog":
                return [self._bearer(self.tokens[Scope.STOCK_CHECKOUT])]
            case "cartdb":
                owner, guest = {"Cart-Owner": self.cart["owner"]["id"]}, {"Cart-Owner": f"guest:{uuid.uuid4()}"}
                return [
                    self._bearer(self.tokens["user"]),
                    self._bearer(self.tokens[Scope.CART_CHECKOUT]) | owner,
                    self._bearer(self.tokens[Scope.CART_GUEST]) | guest,
                ]
            case "idp":
                return [self._bearer(self.tokens["user"])]
            case _:
                return [self._bearer(secrets["PAYMENTS_SECRET_KEY"])]

    def query(self, door: Door) -> dict[str, str]:
        """What a door's address needs."""
        asks = door.service == "idp" and door.template in {"/authorize", "/sign-in", "/sign-up"}
        return self.authorization if asks else {}

    # --- asking

    def ask(self, door: Door, headers: dict[str, str], **more: Any) -> httpx.Response:
        """One request by somebody who brings these headers and no cookie of before."""
        client = self._clients[door.service]
        client.cookies.clear()
        path, query = door.path(self.names), self.query(door)
        return answer_to(client, door.method, path, params=query, headers=headers, **more)

    @property
    def _clients(self) -> dict[str, httpx.Client]:
        if not hasattr(self, "_opened"):
            self._opened = {service: self._client(service) for service in SERVICES}
        return self._opened

    def looks(self) -> Iterator[Told]:
        """Every GET with every credential that may open it."""
        for door in all_doors():
            if door.method == "GET":
                for headers in self.credentials(door):
                    yield Told(door, "with a credential", self.ask(door, headers | {"Origin": STRANGER}))

    def tries(self) -> Iterator[Told]:
        """Every route as a stranger's page asks for it, and every page under a stranger's name."""
        for door in all_doors():
            yield Told(door, "by nobody", self.ask(door, {"Origin": STRANGER}))
            if door.method == "GET" and door.service in WITH_PAGES:
                yield Told(door, "as a page", self.ask(door, PAGE))
                yield Told(door, "under another name", self.ask(door, STRANGERS_HOST | PAGE))

    def preflights(self, origin: str) -> Iterator[Told]:
        """What a page of an origin hears before it asks."""
        for door in all_doors():
            asked = {"Origin": origin, "Access-Control-Request-Method": door.method}
            asked |= {"Access-Control-Request-Headers": "authorization, content-type"}
            yield Told(door, "preflight", self.ask(Door(door.service, "OPTIONS", door.template), asked))

    def mistakes(self) -> Iterator[Told]:
        """What goes wrong anywhere: no such page, method, body."""
        wrong = [
            ("GET", "/nowhere", {}, b""),
            ("GET", "/shop/nowhere", PAGE, b""),
            ("GET", "/authorize", PAGE, b""),
            ("GET", "/v1/nowhere", {}, b""),
            ("DELETE", "/health/live", {}, b""),
            ("DELETE", "/docs", {}, b""),
            ("POST", "/cart/items", {"Content-Type": "application/json"}, b"{"),
            ("POST", "/carts", {}, b" " * 70_000),
            ("POST", "/token", {}, b" " * 70_000),
            ("POST", "/v1/payment_intents", {}, b" " * 70_000),
            ("GET", "/docs/assets/nothing.js", {}, b""),
            ("GET", "/docs/assets/..%2f..%2fapp.py", {}, b""),
            ("GET", "/static/nothing.js", PAGE, b""),
        ]
        for service in SERVICES:
            for method, path, headers, body in wrong:
                door = Door(service, method, path)
                yield Told(door, "mistaken", self.ask(door, headers, content=body))


def guest_with_a_row(shop: Shop) -> Shopper:
    """Somebody who has put something into the cart."""
    guest = shop.guest()
    guest.add("apple")
    return guest


def replay(shop: Shop, cookie: str, path: str = "/cart") -> httpx.Response:
    """One request with a cookie of old."""
    return shop.browser().get(f"{shop.stack.url}{path}", headers={"Cookie": f"sid={cookie}"})
