"""Origin note a: its client runs unchanged, its test passes as written there, and its pitfalls are as it says."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.shop_client import Shop
from tests.stacks import RunningStack

SCRIPT = Path(__file__).with_name("note_a") / "session_script.py"
THEIR_ADDRESS = 'BASE_URL = "http://localhost:8000"\n'


@dataclass(frozen=True)
class Response:
    """An answer as the note's test framework shows it: `json` is a value, not a call."""

    status_code: int
    json: Any


class Client:
    """A test client that keeps its cookies."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str) -> Response:
        return self._shown(self._http.get(path))

    def post(self, path: str, *, json: dict[str, Any]) -> Response:
        return self._shown(self._http.post(path, json=json))

    def forget_cookies(self) -> None:
        self._http.cookies.clear()

    @staticmethod
    def _shown(answer: httpx.Response) -> Response:
        return Response(answer.status_code, answer.json())


@pytest.fixture
def client(stack: RunningStack) -> Iterator[Client]:
    with httpx.Client(base_url=stack.url, timeout=30) as http:
        yield Client(http)


def test_cart_session_persists_items_and_id(client: Client) -> None:
    # Add "apple"
    r1 = client.post("/cart/items", json={"sku": "apple"})
    assert r1.status_code == 200
    cart_id_1 = r1.json["cart_id"]

    # Add "banana" using the same client (same session)
    r2 = client.post("/cart/items", json={"sku": "banana"})
    assert r2.status_code == 200
    cart_id_2 = r2.json["cart_id"]

    # The cart_id is stable across requests from the same session
    assert cart_id_1 == cart_id_2

    # The cart contains both items
    r3 = client.get("/cart")
    assert r3.status_code == 200
    items = {item["sku"] for item in r3.json["items"]}
    assert items == {"apple", "banana"}


def test_the_notes_script_runs_with_nothing_changed_but_the_address(stack: RunningStack) -> None:
    script = SCRIPT.read_text("utf-8")
    assert script.count(THEIR_ADDRESS) == 1

    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script.replace(THEIR_ADDRESS, f'BASE_URL = "{stack.url}"\n')],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("Cart after") == 2
    assert "Final cart:" in ran.stdout


def test_a_client_that_keeps_no_cookies_sees_a_new_cart_on_every_request(client: Client) -> None:
    seen = set()
    for _ in range(3):
        client.forget_cookies()
        answer = client.post("/cart/items", json={"sku": "apple"})
        seen.add(answer.json["cart_id"])
        assert answer.json["total_items"] == 1

    assert len(seen) == 3


def test_items_accumulate_and_the_session_is_not_rotated_between_requests(shop: Shop) -> None:
    shopper = shop.guest()
    looked_at = shopper.cart()["cart_id"]
    cookie = shopper.cookie

    for sku in ("apple", "banana", "apple"):
        shopper.add(sku)

    assert shopper.cookie == cookie
    assert shopper.cart()["cart_id"] == looked_at
    assert shopper.lines() == {"apple": 2, "banana": 1}


def test_clearing_the_cookies_starts_a_new_empty_cart(client: Client) -> None:
    first = client.post("/cart/items", json={"sku": "apple"}).json

    client.forget_cookies()
    after = client.get("/cart").json

    assert after["cart_id"] != first["cart_id"]
    assert after["items"] == []
