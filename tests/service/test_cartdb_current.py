"""Of an owner's carts exactly one is current, and it is one that can be filled or is being paid for."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.conftest import DatabaseUrls
from tests.service.cartdb_client import CartDb, new_guest

ROUNDS = 12
CARTS = 6
LIVE = ("open", "in_checkout")


@pytest.fixture
async def connection(cartdb_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """As the service itself enters its database, or somebody who has its password."""
    connection = await asyncpg.connect(cartdb_urls.app)
    yield connection
    await connection.close()


class Owner:
    """A guest with some carts."""

    def __init__(self, cartdb: CartDb) -> None:
        self.cartdb, self.id = cartdb, new_guest()
        self.headers = cartdb.guest(self.id)

    async def create(self, name: str | None = None, *, sku: str | None = "apple") -> dict[str, Any]:
        answer = await self.cartdb.http.post("/carts", json={"name": name}, headers=self.headers)
        assert answer.status_code == 201, answer.text
        cart: dict[str, Any] = answer.json()
        if sku is not None:
            cart = (await self.cartdb.add(self.headers, sku, cart=cart["cart_id"])).json()
        return cart

    async def activate(self, cart: dict[str, Any]) -> httpx.Response:
        return await self.cartdb.http.post(f"/carts/{cart['cart_id']}/activate", headers=self.headers)

    async def delete(self, cart: dict[str, Any]) -> httpx.Response:
        return await self.cartdb.http.delete(f"/carts/{cart['cart_id']}", headers=self.headers)

    async def mark(self, cart: dict[str, Any]) -> str:
        checkout = uuid4()
        marked = await self.cartdb.mark(self.id, cart, checkout)
        assert marked.json()["state"] == "pending", marked.text
        intent = f"pi_{checkout.hex}"
        await self.cartdb.step(self.id, checkout, "attach", intent_id=intent)
        return str(checkout)

    async def settle(self, checkout: str) -> httpx.Response:
        return await self.cartdb.http.post(
            f"/purchases/{checkout}/settle",
            json={"intent_id": f"pi_{checkout.replace('-', '')}"},
            headers=self.cartdb.checkout(self.id),
        )

    async def unpurchase(self, checkout: str) -> httpx.Response:
        return await self.cartdb.http.post(
            f"/purchases/{checkout}/unpurchase",
            json={"intent_id": f"pi_{checkout.replace('-', '')}", "reason": "card_declined"},
            headers=self.cartdb.checkout(self.id),
        )

    async def current(self) -> dict[str, Any]:
        return await self.cartdb.cart(self.headers)

    async def listed(self) -> list[dict[str, Any]]:
        carts: list[dict[str, Any]] = (await self.cartdb.http.get("/carts", headers=self.headers)).json()["carts"]
        return carts


@pytest.fixture
def owner(cartdb: CartDb) -> Owner:
    return Owner(cartdb)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).removeprefix("/docs/problems#")


async def test_whatever_is_done_to_the_carts_at_once_the_pointer_leads_to_a_live_one(
    cartdb: CartDb, connection: asyncpg.Connection
) -> None:
    dice = random.Random(20)
    for _ in range(ROUNDS):
        owner = Owner(cartdb)
        carts = [await owner.create(f"cart {number}") for number in range(CARTS)]
        checkouts = [await owner.mark(cart) for cart in carts[-2:]]
        await owner.activate(carts[0])
        doings: list[Callable[[], Awaitable[httpx.Response]]] = [
            *(partial(owner.activate, cart) for cart in carts),
            *(partial(owner.delete, cart) for cart in carts[:3]),
            *(partial(owner.settle, checkout) for checkout in checkouts),
            *[partial(cartdb.add, owner.headers, "banana")] * 3,
            partial(cartdb.http.post, "/carts", json={}, headers=owner.headers),
        ]
        dice.shuffle(doings)

        answers = await asyncio.gather(*[doing() for doing in doings])

        assert {answer.status_code for answer in answers} <= {200, 201, 204, 404, 409}
        pointed_at = await connection.fetch(
            "SELECT c.status FROM shoppers s JOIN carts c ON (c.owner_id, c.cart_id) = (s.owner_id, s.current_cart_id)"
            " WHERE s.owner_id = $1",
            owner.id,
        )
        assert [row["status"] for row in pointed_at] in (["open"], ["in_checkout"])
        assert [cart["cart_id"] for cart in await owner.listed() if cart["current"]] == [
            (await owner.current())["cart_id"]
        ]


async def test_settling_and_deleting_every_cart_at_once_leaves_one_empty_open_one(owner: Owner) -> None:
    carts = [await owner.create() for _ in range(4)]
    checkouts = [await owner.mark(cart) for cart in carts[2:]]
    first = next(cart for cart in await owner.listed() if not cart["items"])

    await asyncio.gather(
        *[owner.delete(cart) for cart in (first, *carts[:2])], *[owner.settle(checkout) for checkout in checkouts]
    )

    [left] = await owner.listed()
    assert (left["status"], left["items"], left["current"]) == ("open", [], True)


async def bought(owner: Owner, cart: dict[str, Any]) -> None:
    await owner.settle(await owner.mark(cart))


async def being_paid(owner: Owner, cart: dict[str, Any]) -> None:
    await owner.mark(cart)


async def deleted(owner: Owner, cart: dict[str, Any]) -> None:
    await owner.delete(cart)


async def moving(owner: Owner, _: dict[str, Any]) -> None:
    body = {"merge_id": str(uuid4()), "target_owner": owner.cartdb.owner_of("alice")}
    (await owner.cartdb.http.post("/adoptions/freeze", json=body, headers=owner.headers)).raise_for_status()


async def somebody_elses(_: Owner, cart: dict[str, Any]) -> None:
    cart["cart_id"] = str(uuid4())


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        (bought, (409, "cart_already_purchased")),
        (being_paid, (409, "cart_in_checkout")),
        (deleted, (404, "cart_not_found")),
        (moving, (409, "cart_is_being_adopted")),
        (somebody_elses, (404, "cart_not_found")),
    ],
)
async def test_a_cart_that_takes_no_lines_does_not_become_the_current_one(
    owner: Owner, state: Callable[[Owner, dict[str, Any]], Awaitable[None]], refusal: tuple[int, str]
) -> None:
    cart, current = await owner.create("other"), await owner.create("current")
    await state(owner, cart)

    answer = await owner.activate(cart)

    assert problem(answer) == refusal
    assert (await owner.current())["cart_id"] == current["cart_id"]


@pytest.mark.parametrize("whose", ["the current cart", "another cart"])
@pytest.mark.parametrize("outcome", ["settle", "unpurchase"])
async def test_a_checkout_moves_the_pointer_only_from_the_cart_that_it_bought(
    owner: Owner, whose: str, outcome: str
) -> None:
    cart, other = await owner.create("paid"), await owner.create("other")
    await owner.activate(cart if whose == "the current cart" else other)
    before = (await owner.current())["cart_id"]
    checkout = await owner.mark(cart)

    await (owner.settle(checkout) if outcome == "settle" else owner.unpurchase(checkout))

    after = await owner.current()
    moved_on = (whose, outcome) == ("the current cart", "settle")
    assert (after["cart_id"] != before) is moved_on
    assert (after["items"] == []) is moved_on
    assert after["status"] == "open"


# What code with a mistake in it, or somebody with the service's password, might do: end the cart, or point at one.
END_CURRENT = "UPDATE carts SET status = $3 WHERE owner_id = $1 AND cart_id = $2"
POINT_AT_ENDED = "UPDATE shoppers SET current_cart_id = $2 WHERE owner_id = $1 AND $3::text <> ''"


@pytest.mark.parametrize("status", ["purchased", "deleted"])
@pytest.mark.parametrize("mistake", [END_CURRENT, POINT_AT_ENDED])
async def test_the_database_refuses_a_current_cart_that_is_over(
    owner: Owner, connection: asyncpg.Connection, mistake: str, status: str
) -> None:
    over, current = await owner.create(), await owner.create()
    await connection.execute(END_CURRENT, owner.id, over["cart_id"], status)
    named = current if mistake == END_CURRENT else over

    with pytest.raises(asyncpg.CheckViolationError, match="is over"):
        await connection.execute(mistake, owner.id, named["cart_id"], status)

    assert (await owner.current())["cart_id"] == current["cart_id"]
    assert (await owner.current())["status"] == "open"


async def test_of_two_halves_of_the_damage_done_at_once_one_is_refused(owner: Owner, cartdb_urls: DatabaseUrls) -> None:
    target, current = await owner.create(), await owner.create()
    one, other = [await asyncpg.connect(cartdb_urls.app) for _ in range(2)]
    try:
        first, second = one.transaction(), other.transaction()
        await first.start()
        await second.start()
        await one.execute("UPDATE shoppers SET current_cart_id = $2 WHERE owner_id = $1", owner.id, target["cart_id"])
        await other.execute(END_CURRENT, owner.id, target["cart_id"], "deleted")

        ends = await asyncio.gather(first.commit(), second.commit(), return_exceptions=True)
    finally:
        await one.close()
        await other.close()

    assert sorted(type(end).__name__ for end in ends) == ["CheckViolationError", "NoneType"]
    assert (await owner.current())["status"] in LIVE
    assert current["cart_id"] in {cart["cart_id"] for cart in await owner.listed()}


async def test_twenty_carts_stay_twenty_whatever_is_deleted_and_bought(owner: Owner) -> None:
    carts = [await owner.create(sku=None) for _ in range(19)]
    too_many = await owner.cartdb.http.post("/carts", json={}, headers=owner.headers)
    for cart in (carts[-1], carts[0]):
        (await owner.delete(cart)).raise_for_status()

    again = [await owner.cartdb.http.post("/carts", json={}, headers=owner.headers) for _ in range(2)]

    assert problem(too_many) == (422, "cart_limit_exceeded")
    assert too_many.json()["limit"] == 20
    assert [answer.status_code for answer in again] == [201, 422]
    assert len(await owner.listed()) == 20
