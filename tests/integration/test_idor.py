"""What is somebody else's is not there: every route with an id, every id of others, by everybody who might try.

The routes are the controller's own, pages included; one with an id that is not known here fails the first test.
"""

import json
import re
import statistics
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.every_route import doors
from tests.integration.shop_client import ADDRESS, Shop, Shopper
from tests.stacks import RunningStack

KEY = {"key": "a-key-of-the-thief"}
CHECKOUT = {"payment_method": "pm_card_visa", "email": "mallory@example.com", "shipping_address": ADDRESS}
PAGE_CHECKOUT = {
    **KEY,
    "cart_id": "{cart_id}",
    "cart_version": "1",
    "expected_total": "1",
    "payment_method": "pm_card_visa",
    **{f"ship_{name}": value for name, value in ADDRESS.items()},
    "email": "mallory@example.com",
}

# Every route that is told whose it is by an id, in its address or in its form, and what is sent there.
OWNED: dict[str, dict[str, Any]] = {
    "GET /carts/{cart_id}": {},
    "PATCH /carts/{cart_id}": {"json": {"name": "Mine now"}},
    "DELETE /carts/{cart_id}": {},
    "POST /carts/{cart_id}/activate": {},
    "POST /carts/{cart_id}/checkout": {"json": CHECKOUT},
    "GET /carts/{cart_id}/history": {},
    "DELETE /carts/{cart_id}/items": {},
    "POST /carts/{cart_id}/items": {"json": {"sku": "banana"}},
    "PUT /carts/{cart_id}/items/{sku}": {"json": {"quantity": 9}},
    "DELETE /carts/{cart_id}/items/{sku}": {},
    "GET /merges/{merge_id}": {},
    "POST /merges/{merge_id}/undo": {},
    "GET /orders/{order_id}": {},
    "POST /orders/{order_id}/cancel": {},
    "POST /orders/{order_id}/refunds": {"json": {}},
    "GET /shop/orders/{order_id}": {},
    "POST /shop/orders/{order_id}/cancel": {"data": KEY},
    "GET /shop/orders/{order_id}/refunds": {},
    "POST /shop/orders/{order_id}/refunds": {"data": {**KEY, "amount": "1"}},
    "POST /shop/merges/{merge_id}/undo": {"data": KEY},
    "POST /shop/carts/{cart_id}/name": {"data": {**KEY, "name": "Mine now"}},
    "POST /shop/carts/{cart_id}/activate": {"data": {**KEY, "cart_id": "{cart_id}"}},
    "POST /shop/carts/{cart_id}/delete": {"data": {**KEY, "cart_id": "{cart_id}"}},
    "POST /shop/cart/items/{sku}": {"data": {**KEY, "cart_id": "{cart_id}", "quantity": "9"}},
    "POST /shop/cart/items/{sku}/remove": {"data": {**KEY, "cart_id": "{cart_id}"}},
    "POST /shop/cart/clear": {"data": {**KEY, "cart_id": "{cart_id}"}},
    "POST /shop/checkout": {"data": PAGE_CHECKOUT},
}
# What is in these addresses is nobody's own: goods, lines of one's own cart, documents.
NOBODYS = {
    "GET /products/{sku}",
    "PUT /cart/items/{sku}",
    "DELETE /cart/items/{sku}",
    *(f"{method} /api/cart/items/{{item_id}}{end}" for method in ("PUT", "DELETE") for end in ("", "/")),
    "GET /docs/{service}",
    "GET /docs/assets/{docs_assets}",
    "GET /static/{static}",
    "GET /docs/openapi/{service}.json",
    "GET /shop/products/{sku}",
    "GET /shop/pictures/{sku}.svg",
    "GET /shop/{_path:path}",
}
# An operator gives money back, and reads the orders that it is for.
OPERATORS = {route for route in OWNED if route.endswith("/refunds")}
OPERATORS_TO_READ = {"GET /orders/{order_id}", "GET /shop/orders/{order_id}"}


def routes() -> set[str]:
    """Every route of the controller, whether its document shows it or not."""
    asked = (door for door in doors("controller") if door.method != "HEAD")
    return {f"{door.method} {door.template}" for door in asked if not door.template.startswith("/health")}


def test_every_route_with_an_id_is_tried_here_or_named_as_nobodys() -> None:
    with_id = {route for route in routes() if "{" in route}
    with_id_in_a_form = {route for route in OWNED if "{" not in route}

    assert with_id == (set(OWNED) | NOBODYS) - with_id_in_a_form
    assert with_id_in_a_form <= routes()


@dataclass
class Victim:
    """Somebody with ids that others might come by."""

    shopper: Shopper
    ids: dict[str, list[str]] = field(default_factory=lambda: {"cart_id": [], "order_id": [], "merge_id": []})

    def state(self) -> list[dict[str, Any]]:
        """All that is theirs, as they see it."""
        paths = [
            *("/cart", "/carts", "/orders"),
            *(f"/carts/{cart}{page}" for cart in self.ids["cart_id"] for page in ("", "/history")),
            *(f"/orders/{order}" for order in self.ids["order_id"]),
            *(f"/merges/{merge}" for merge in self.ids["merge_id"]),
        ]
        return [self.shopper.read(path) for path in paths]


def fill(shop: Shop, victim: Victim) -> Victim:
    """A bought cart with its order, one that waits, and a current one."""
    order = victim.shopper.buy(shop.goods())
    other = victim.shopper.http.post("/carts", json={"name": "Waiting"}).json()
    victim.shopper.http.post(f"/carts/{other['cart_id']}/items", json={"sku": "mango"})
    victim.shopper.http.post("/carts", json={})
    current = victim.shopper.add("apple", 2)
    victim.ids["cart_id"] += [order["cart_id"], other["cart_id"], current["cart_id"]]
    victim.ids["order_id"].append(order["order_id"])
    return victim


@pytest.fixture(scope="module")
def house(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack) as shop:
        yield shop


@pytest.fixture(scope="module")
def victims(house: Shop) -> dict[str, Victim]:
    """A customer who was a guest first, and a guest."""
    customer = house.guest()
    customer.add("banana")
    house.sign_up(customer)
    user = Victim(customer)
    user.ids["merge_id"].append(customer.read("/session")["merge_id"])
    return {"a user": fill(house, user), "a guest": fill(house, Victim(house.guest()))}


@pytest.fixture(scope="module")
def thieves(house: Shop) -> dict[str, Shopper]:
    """Everybody who might try: by cookie, by token, as a guest, and with more rights."""
    customer, guest = house.customer(), house.guest()
    for thief in (customer, guest):
        thief.add("banana")
    return {
        "another user": customer,
        "another user by token": house.with_token(house.token_of(customer.username)),
        "another guest": guest,
        "an operator": house.operator(),
    }


def knock(thief: Shopper, route: str, ids: Mapping[str, str]) -> httpx.Response:
    """Ask for what the ids name."""
    method, path = route.split(" ")
    told = {"sku": "apple", **ids}
    sent = json.loads(re.sub(r"\{(\w+)\}", lambda found: told.get(found[1], found[0]), json.dumps(OWNED[route])))
    return thief.http.request(method, path.format(**told), **sent)


def without_ids(answer: httpx.Response, ids: Mapping[str, str]) -> tuple[int, str]:
    """An answer as it is but for the ids that were asked for."""
    text = answer.text
    for given in ids.values():
        text = text.replace(given, "…")
    return answer.status_code, text


def kind_of(route: str) -> str:
    return next((kind for kind in ("order_id", "merge_id") if kind in route), "cart_id")


def is_free(thief: str, route: str) -> bool:
    return thief == "an operator" and route in OPERATORS | OPERATORS_TO_READ


@pytest.mark.parametrize("victim", ["a user", "a guest"])
@pytest.mark.parametrize("thief", ["another user", "another user by token", "another guest", "an operator"])
def test_every_id_of_somebody_else_answers_like_one_that_never_was_and_changes_nothing(
    victims: dict[str, Victim], thieves: dict[str, Shopper], thief: str, victim: str
) -> None:
    owner, before = victims[victim], victims[victim].state()
    own = thieves[thief].cart()

    for route in (route for route in OWNED if not is_free(thief, route)):
        kind = kind_of(route)
        nothing = {kind: str(uuid.uuid4())}
        unknown = without_ids(knock(thieves[thief], route, nothing), nothing)
        assert unknown[0] in ((401, 403) if route in OPERATORS else (404,)), (route, unknown)
        for theirs in owner.ids[kind]:
            stolen = without_ids(knock(thieves[thief], route, {kind: theirs}), {kind: theirs})
            assert stolen == unknown, route

    assert owner.state() == before
    assert thieves[thief].cart() == own


def test_the_owners_themselves_find_it_all(victims: dict[str, Victim]) -> None:
    reads = [route for route in OWNED if route.startswith("GET ") and route not in OPERATORS]

    for victim in victims.values():
        for route in reads:
            for theirs in victim.ids[kind_of(route)]:
                assert knock(victim.shopper, route, {kind_of(route): theirs}).status_code == 200, route


def test_whoever_signs_out_has_none_of_it_any_more(house: Shop) -> None:
    customer = house.customer()
    order = customer.buy(house.goods())
    customer.http.post("/logout")

    for route, ids in (
        ("GET /orders/{order_id}", {"order_id": order["order_id"]}),
        ("GET /carts/{cart_id}", {"cart_id": order["cart_id"]}),
    ):
        assert knock(customer, route, ids).status_code == 404


READS = ["GET /carts/{cart_id}", "GET /carts/{cart_id}/history", "GET /orders/{order_id}", "GET /merges/{merge_id}"]
ROUNDS = 25
TRIES = 6
ALIKE = 0.2


def medians(thief: Shopper, route: str, theirs: str) -> tuple[float, float]:
    """Milliseconds for an id of somebody else's and for one that never was, asked in turn."""
    kind, taken = kind_of(route), {True: list[float](), False: list[float]()}
    for _ in range(ROUNDS):
        for stolen, measured in taken.items():
            began = time.perf_counter()
            knock(thief, route, {kind: theirs if stolen else str(uuid.uuid4())})
            measured.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken[True]), statistics.median(taken[False])


@pytest.mark.parametrize("route", READS)
def test_the_time_that_an_answer_takes_does_not_tell_whether_there_is_something(
    victims: dict[str, Victim], thieves: dict[str, Shopper], route: str
) -> None:
    theirs = victims["a user"].ids[kind_of(route)][-1]

    # A machine has other things to do: a difference that is real shows every time.
    tries = (medians(thieves["another user"], route, theirs) for _ in range(TRIES))

    assert any(abs(stolen - unknown) / max(stolen, unknown) < ALIKE for stolen, unknown in tries)
