"""Idempotency keys at cartdb: one effect for a key, whatever is asked for, by how many and at which replica."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.conftest import DatabaseUrls
from tests.service.cartdb_client import CartDb, running_cartdb

LINE = {"product_id": 1, "unit_price": 4000}
CHANGES: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "add": ("POST", "/carts/{cart}/items", {"sku": "apple", "quantity": 2, **LINE}),
    "add to the current cart": ("POST", "/carts/current/items", {"sku": "apple", "quantity": 2, **LINE}),
    "set": ("PUT", "/carts/{cart}/items/apple", {"quantity": 7, **LINE}),
    "remove": ("DELETE", "/carts/{cart}/items/apple", None),
    "clear": ("DELETE", "/carts/{cart}/items", None),
    "create": ("POST", "/carts", {"name": "Party"}),
    "rename": ("PATCH", "/carts/{cart}", {"name": "Weekly"}),
    "activate": ("POST", "/carts/{other}/activate", None),
    "delete": ("DELETE", "/carts/{cart}", None),
}


@pytest.fixture(scope="module")
async def replica(cartdb_urls: DatabaseUrls) -> AsyncIterator[CartDb]:
    async with running_cartdb(cartdb_urls.app) as client:
        yield client


class Shopper:
    """A user with an apple in one cart and another cart beside it, the first of them current."""

    def __init__(self, cartdb: CartDb) -> None:
        self.owner = f"keys-{uuid4()}"
        self.headers = cartdb.issuer.user(self.owner)
        self.carts: dict[str, str] = {}

    async def fill(self, cartdb: CartDb) -> "Shopper":
        self.carts["cart"] = (await cartdb.add(self.headers)).json()["cart_id"]
        other = await cartdb.http.post("/carts", json={"activate": False}, headers=self.headers)
        self.carts["other"] = other.json()["cart_id"]
        return self

    async def ask(self, at: CartDb, change: str, key: str) -> httpx.Response:
        method, path, body = CHANGES[change]
        headers = {**at.issuer.user(self.owner), "Idempotency-Key": key}
        return await at.http.request(method, path.format(**self.carts), json=body, headers=headers)


async def state_of(cartdb_urls: DatabaseUrls, owner: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(cartdb_urls.app)
    try:
        rows = await connection.fetch(
            """
            SELECT cart_id, name, status, version, cart_id = current_cart_id,
                (SELECT count(*) FROM history WHERE history.cart_id = carts.cart_id),
                (SELECT sum(quantity) FROM lines WHERE lines.cart_id = carts.cart_id)
            FROM carts JOIN shoppers USING (owner_id) WHERE owner_id LIKE '%' || $1 ORDER BY cart_id
            """,
            owner,
        )
        return [tuple(row) for row in rows]
    finally:
        await connection.close()


def body_of(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "replayed"} if answer.content else {}


@pytest.mark.parametrize("change", CHANGES)
async def test_twenty_equal_requests_at_two_replicas_have_one_effect_and_agree(
    cartdb: CartDb, replica: CartDb, cartdb_urls: DatabaseUrls, change: str
) -> None:
    shopper = await Shopper(cartdb).fill(cartdb)
    at = [cartdb, replica] * 10

    answers = await asyncio.gather(*[shopper.ask(one, change, "again") for one in at])
    after_all = await state_of(cartdb_urls, shopper.owner)
    alone = await Shopper(cartdb).fill(cartdb)
    await alone.ask(cartdb, change, "again")

    assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
    assert all(body_of(answer) == body_of(answers[0]) for answer in answers)
    assert [row[1:] for row in after_all] == [row[1:] for row in await state_of(cartdb_urls, alone.owner)]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_key_is_remembered_by_a_cartdb_that_has_just_started(
    cartdb: CartDb, cartdb_urls: DatabaseUrls, change: str
) -> None:
    shopper = await Shopper(cartdb).fill(cartdb)
    first = await shopper.ask(cartdb, change, "before")
    before = await state_of(cartdb_urls, shopper.owner)

    async with running_cartdb(cartdb_urls.app) as restarted:
        again = await shopper.ask(restarted, change, "before")

    assert again.status_code == first.status_code
    assert body_of(again) == body_of(first)
    assert await state_of(cartdb_urls, shopper.owner) == before


@pytest.mark.parametrize(
    "change", [change for change in CHANGES if change not in ("create", "add to the current cart")]
)
async def test_a_refusal_stays_under_its_key_although_the_request_would_fit_later(cartdb: CartDb, change: str) -> None:
    shopper = await Shopper(cartdb).fill(cartdb)
    owner = (await cartdb.cart(shopper.headers))["owner_id"]
    cart = await cartdb.cart(shopper.headers, shopper.carts["cart"])
    checkout_id = uuid4()
    if change == "activate":
        shopper.carts["other"] = shopper.carts["cart"]
    assert (await cartdb.mark(owner, cart, checkout_id)).json()["state"] == "pending"

    refused = await shopper.ask(cartdb, change, "while-paying")
    await cartdb.step(owner, checkout_id, "unpurchase", reason="card_declined")
    replayed = await shopper.ask(cartdb, change, "while-paying")
    fresh = await shopper.ask(cartdb, change, "after")

    assert (refused.status_code, refused.json()["type"]) == (409, "/docs/problems#cart_in_checkout")
    assert (replayed.status_code, replayed.json()["type"]) == (409, "/docs/problems#cart_in_checkout")
    assert fresh.is_success, fresh.text


async def test_a_cart_too_many_stays_refused_under_its_key(cartdb: CartDb) -> None:
    shopper = await Shopper(cartdb).fill(cartdb)
    for _ in range(18):
        await cartdb.http.post("/carts", json={}, headers=shopper.headers)

    refused = await shopper.ask(cartdb, "create", "too-many")
    await cartdb.http.delete(f"/carts/{shopper.carts['other']}", headers=shopper.headers)
    replayed = await shopper.ask(cartdb, "create", "too-many")
    fresh = await shopper.ask(cartdb, "create", "fits")

    assert (refused.status_code, refused.json()["limit"]) == (422, 20)
    assert (replayed.status_code, replayed.json()) == (422, refused.json())
    assert fresh.status_code == 201


async def test_a_cart_that_is_not_there_does_not_use_up_the_key(cartdb: CartDb) -> None:
    shopper = await Shopper(cartdb).fill(cartdb)
    real = shopper.carts["cart"]

    shopper.carts["cart"] = str(uuid4())
    missing = await shopper.ask(cartdb, "rename", "typed-wrong")
    shopper.carts["cart"] = real
    found = await shopper.ask(cartdb, "rename", "typed-wrong")

    assert missing.status_code == 404
    assert (found.status_code, found.json()["name"]) == (200, "Weekly")


@pytest.mark.parametrize("change", CHANGES)
async def test_a_key_of_one_change_is_refused_for_another(cartdb: CartDb, change: str) -> None:
    shopper = await Shopper(cartdb).fill(cartdb)
    other = "rename" if change != "rename" else "clear"
    await shopper.ask(cartdb, other, "one")

    answer = await shopper.ask(cartdb, change, "one")

    assert (answer.status_code, answer.json()["type"]) == (422, "/docs/problems#idempotency_key_reused")
