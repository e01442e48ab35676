"""A shopper who comes back after their cart's time gets a clean, empty one, and no error."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from services.contracts.identity import first_cart_id
from tests.integration.shop_client import Shop, Shopper
from tests.stacks import RunningStack
from tests.verifying import assert_books_agree


def run_out(stack: RunningStack, owner_id: str) -> list[str]:
    """Let the time of the owner's carts be over, and have cartdb do what it does then every hour."""

    async def work() -> list[str]:
        connection = await asyncpg.connect(stack.database_url("cartdb"))
        try:
            await connection.execute(
                "UPDATE carts SET expires_at = now() - interval '1 s', updated_at = now() - interval '2 years'"
                " WHERE owner_id = $1",
                owner_id,
            )
            await connection.execute("DELETE FROM idempotency_keys WHERE owner_id = $1", owner_id)
            ended = await connection.fetch(
                "SELECT expire_cart(owner_id, cart_id, $2, 30, starts_with(owner_id, 'guest:')) AS outcome"
                " FROM carts WHERE owner_id = $1 ORDER BY created_at",
                owner_id,
                first_cart_id(owner_id),
            )
        finally:
            await connection.close()
        return [row["outcome"] for row in ended]

    return asyncio.run(work())


@pytest.mark.parametrize("somebody", [Shop.guest, Shop.customer], ids=["guest", "user"])
def test_whoever_comes_back_to_an_expired_cart_goes_on_with_an_empty_one(
    shop: Shop, somebody: Callable[[Shop], Shopper]
) -> None:
    shopper = somebody(shop)
    shopper.add("apple")
    before = shopper.cart()
    owner_id = before["owner"]["id"]

    outcomes = run_out(shop.stack, owner_id)
    found = shopper.http.get("/cart")
    page = shopper.http.get("/shop/cart")
    stale = shopper.http.put("/cart/items/apple", json={"quantity": 5}, headers={"If-Match": f'"{before["version"]}"'})
    told = shopper.read(f"/carts/{before['cart_id']}/history")
    shopper.add("banana")

    assert outcomes == ["emptied"]
    assert (found.status_code, page.status_code, stale.status_code) == (200, 200, 412)
    assert (found.json()["items"], found.json()["cart_id"]) == ([], before["cart_id"])
    assert [entry["action"] for entry in told["entries"]] == ["expire"]
    assert [line["sku"] for line in shopper.cart()["items"]] == ["banana"]


def test_a_guest_who_was_forgotten_begins_anew_with_the_same_cookie(shop: Shop) -> None:
    guest = shop.guest()
    guest.add("apple")
    cookie, owner_id = guest.cookie, guest.cart()["owner"]["id"]

    outcomes = run_out(shop.stack, owner_id) + run_out(shop.stack, owner_id)
    found = guest.cart()
    guest.add("banana")

    assert outcomes == ["emptied", "forgotten"]
    assert (found["items"], guest.cookie) == ([], cookie)
    assert [line["sku"] for line in guest.cart()["items"]] == ["banana"]
    assert_books_agree(shop.stack, live=True)
