"""A whole stack with several controllers and cart services behind proxies, none of which knows a shopper by itself."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from services.controller.session import SIGNED_IN_CACHED_SECONDS
from services.controller.signer import hash_of
from services.local.stack import Plan, Stack
from tests.integration.shop_client import Shop, Shopper, at_once
from tests.stacks import free_offset

pytestmark = pytest.mark.doors

PATIENCE_SECONDS = 30.0
CONTROLLERS = 3
VISITORS = 5


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("replicas")
    plan = Plan(
        folder,
        folder / ".env",
        port_offset=free_offset(),
        environment="test",
        replicas={"controller": CONTROLLERS, "cartdb": 2},
        durable=False,
    )
    with Stack(plan) as stack:
        yield stack


@pytest.fixture
def shop(replicated: Stack) -> Iterator[Shop]:
    with Shop(replicated) as shop:
        yield shop


def carts_read_at(address: str) -> float:
    wanted = 'http_requests_total{method="GET",route="/cart",status="200"} '
    lines = httpx.get(f"{address}/metrics").text.splitlines()
    return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


def test_requests_on_one_connection_are_shared_among_the_replicas(replicated: Stack) -> None:
    addresses = [replicated.address_of(f"controller-{number}") for number in range(1, CONTROLLERS + 1)]
    deadline, asked = time.monotonic() + PATIENCE_SECONDS, 0

    # A replica that is slow to say that it is well gets none for a while.
    with httpx.Client(base_url=replicated.url) as client:
        while min(shares := [carts_read_at(address) for address in addresses]) < 2 and time.monotonic() < deadline:
            client.get("/cart").raise_for_status()
            asked += 1

    assert min(shares) >= 2
    assert sum(shares) == asked


def test_a_cart_is_the_same_whichever_replica_answers(replicated: Stack) -> None:
    with httpx.Client(base_url=replicated.url) as client:
        for _ in range(4):
            client.post("/cart/items", json={"sku": "apple"}).raise_for_status()

        seen = [client.get("/cart").json()["total_items"] for _ in range(4)]

    assert seen == [4, 4, 4, 4]


def address(shop: Shop, number: int) -> str:
    return cast(Stack, shop.stack).address_of(f"controller-{number}")


def at(shop: Shop, number: int, path: str, cookies: str, **more: Any) -> httpx.Response:
    """One request at one controller, past the proxy, by a browser with these cookies."""
    method = "POST" if more else "GET"
    return shop.browser().request(method, f"{address(shop, number)}{path}", headers={"Cookie": cookies}, **more)


def everywhere(shop: Shop, path: str, cookies: str) -> list[httpx.Response]:
    return [at(shop, number, path, cookies) for number in range(1, CONTROLLERS + 1)]


async def test_first_adds_at_all_controllers_at_once_make_one_session_and_one_cart(shop: Shop) -> None:
    for _ in range(VISITORS):
        visitor = shop.guest()
        cart_id, cookie = visitor.cart()["cart_id"], f"sid={visitor.cookie}"
        body = {"sku": "apple"}

        answers = at_once(
            [partial(at, shop, number % CONTROLLERS + 1, "/cart/items", cookie, json=body) for number in range(9)]
        )

        assert {answer.status_code for answer in answers} == {200}
        assert [answer.json()["cart_id"] for answer in answers] == [cart_id] * 9
        assert not any("set-cookie" in answer.headers for answer in answers)
        owner = visitor.cart()["owner"]["id"]
        rows = [
            await shop.rows("controller", "SELECT 1 FROM sessions WHERE id_hash = $1", hash_of(visitor.cookie)),
            await shop.rows("cartdb", "SELECT 1 FROM shoppers WHERE owner_id = $1", owner),
            await shop.rows("cartdb", "SELECT 1 FROM carts WHERE owner_id = $1", owner),
        ]
        assert [len(found) for found in rows] == [1, 1, 1]
        assert [cart.json()["total_items"] for cart in everywhere(shop, "/cart", cookie)] == [9] * CONTROLLERS


def signed_in_across(shop: Shop) -> str:
    """The cookie of somebody whose sign-in began at the first controller and came back to the second."""
    shopper = Shopper(shop.browser(address(shop, 1)))
    shopper.add("apple", 2)
    callback = shop.callback_of_sign_up(shopper)
    cookies = f"sid={shopper.cookie}; signin={shopper.http.cookies['signin']}"

    answer = at(shop, 2, callback.removeprefix(shop.stack.url), cookies)

    assert answer.status_code == 303, answer.text
    return f"sid={answer.cookies['sid']}"


def test_a_sign_in_that_comes_back_to_another_controller_is_known_to_all(shop: Shop) -> None:
    cookie = signed_in_across(shop)

    sessions = [answer.json() for answer in everywhere(shop, "/session", cookie)]

    assert [session["signed_in"] for session in sessions] == [True] * CONTROLLERS
    assert len({session["cart_id"] for session in sessions}) == 1
    assert [[cart["total_items"] for cart in session["carts"]] for session in sessions] == [[2]] * CONTROLLERS


def test_a_sign_out_at_one_controller_is_known_to_all_within_a_second(shop: Shop) -> None:
    cookie = signed_in_across(shop)
    assert all(answer.json()["signed_in"] for answer in everywhere(shop, "/session", cookie))

    assert at(shop, 1, "/logout", cookie, data={}).status_code == 303

    ended = time.monotonic()
    asked, known = ended, True
    while known:
        assert asked - ended < SIGNED_IN_CACHED_SECONDS + 0.3
        asked = time.monotonic()
        known = any(answer.json()["signed_in"] for answer in everywhere(shop, "/session", cookie))
    assert not any(answer.json()["items"] for answer in everywhere(shop, "/cart", cookie))


def test_shopping_goes_on_while_a_replica_is_dead(replicated: Stack) -> None:
    with httpx.Client(base_url=replicated.url) as client:
        client.post("/cart/items", json={"sku": "banana"}).raise_for_status()
        replicated.kill("cartdb-1")
        replicated.kill("controller-2")

        answers = [client.post("/cart/items", json={"sku": "banana"}).status_code for _ in range(4)]

        replicated.start("cartdb-1")
        replicated.start("controller-2")
        assert answers == [200] * 4
        assert client.get("/cart").json()["total_items"] == 5
