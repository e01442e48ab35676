"""A guest's cart moves to exactly one user, once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest_asyncio

from services.contracts.identity import owner_id_of
from tests.conftest import MakeDatabase
from tests.service.cartdb_client import CartDb, new_guest, running_cartdb


@pytest_asyncio.fixture(scope="module")
async def cartdb(make_database: MakeDatabase) -> AsyncIterator[CartDb]:
    async with running_cartdb((await make_database("cartdb")).app) as client:
        yield client


def quantities(cart: dict[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in cart["items"]}


async def freeze(cartdb: CartDb, guest: str, user: str, merge_id: UUID) -> httpx.Response:
    body = {"merge_id": str(merge_id), "target_owner": owner_id_of(cartdb.issuer.issuer, user)}
    return await cartdb.http.post("/adoptions/freeze", json=body, headers=cartdb.guest(guest))


async def apply(cartdb: CartDb, user: str, frozen: dict[str, Any]) -> httpx.Response:
    body = {name: frozen[name] for name in ("merge_id", "guest_owner", "guest_cart_id", "strategy", "lines")}
    return await cartdb.http.post("/adoptions/apply", json=body, headers=cartdb.issuer.user(user))


async def test_the_lines_of_both_carts_are_summed_and_a_receipt_tells_it(cartdb: CartDb) -> None:
    guest, user, merge_id = new_guest(), f"u-{uuid4()}", uuid4()
    await cartdb.add(cartdb.guest(guest), "apple", 2)
    await cartdb.add(cartdb.guest(guest), "pear", 1)
    await cartdb.add(cartdb.issuer.user(user), "apple", 3)

    frozen = (await freeze(cartdb, guest, user, merge_id)).json()
    receipt = (await apply(cartdb, user, frozen)).json()
    closed = await cartdb.http.post(f"/adoptions/{merge_id}/close", headers=cartdb.guest(guest))

    assert closed.status_code == 204
    assert quantities(await cartdb.cart(cartdb.issuer.user(user))) == {"apple": 5, "pear": 1}
    assert [
        (line["sku"], line["guest_quantity"], line["user_quantity"], line["quantity"]) for line in receipt["lines"]
    ] == [
        ("apple", 2, 3, 5),
        ("pear", 1, 0, 1),
    ]


async def test_every_step_repeated_twenty_times_at_once_moves_the_lines_once(cartdb: CartDb) -> None:
    guest, user, merge_id = new_guest(), f"u-{uuid4()}", uuid4()
    await cartdb.add(cartdb.guest(guest), "apple", 2)

    frozen = await asyncio.gather(*[freeze(cartdb, guest, user, merge_id) for _ in range(20)])
    receipts = await asyncio.gather(*[apply(cartdb, user, frozen[n].json()) for n in range(20)])
    close = f"/adoptions/{merge_id}/close"
    closed = await asyncio.gather(*[cartdb.http.post(close, headers=cartdb.guest(guest)) for _ in range(20)])

    assert {answer.status_code for answer in (*frozen, *receipts)} == {200}
    assert {answer.status_code for answer in closed} == {204}
    assert len({str(receipt.json()) for receipt in receipts}) == 1
    assert quantities(await cartdb.cart(cartdb.issuer.user(user))) == {"apple": 2}


async def test_a_second_user_is_refused(cartdb: CartDb) -> None:
    guest = new_guest()
    await cartdb.add(cartdb.guest(guest), "apple", 2)
    await freeze(cartdb, guest, "first-user", uuid4())

    second = await freeze(cartdb, guest, "second-user", uuid4())

    assert (second.status_code, second.json()["type"]) == (409, "/docs/problems#cart_is_being_adopted")


async def test_a_frozen_cart_takes_no_more_lines(cartdb: CartDb) -> None:
    guest = new_guest()
    await cartdb.add(cartdb.guest(guest), "apple")
    await freeze(cartdb, guest, "alice", uuid4())

    answer = await cartdb.add(cartdb.guest(guest), "apple")

    assert (answer.status_code, answer.json()["type"]) == (409, "/docs/problems#cart_is_being_adopted")


async def test_a_cart_in_checkout_is_not_adopted(cartdb: CartDb) -> None:
    guest = new_guest()
    cart = (await cartdb.add(cartdb.guest(guest), "apple")).json()
    await cartdb.mark(guest, cart, uuid4())

    frozen = (await freeze(cartdb, guest, "alice", uuid4())).json()

    assert frozen["lines"] == []
    assert (await cartdb.cart(cartdb.guest(guest)))["status"] == "in_checkout"


async def test_an_adoption_that_nobody_finished_is_listed_and_can_be_finished_by_the_controller(cartdb: CartDb) -> None:
    guest, user, merge_id = new_guest(), f"u-{uuid4()}", uuid4()
    owner = owner_id_of(cartdb.issuer.issuer, user)
    await cartdb.add(cartdb.guest(guest), "apple", 4)
    await freeze(cartdb, guest, user, merge_id)

    listed = (await cartdb.http.get("/unfinished", params={"older_than": 0}, headers=cartdb.checkout(owner))).json()
    mine = next(adoption for adoption in listed["adoptions"] if adoption["merge_id"] == str(merge_id))
    body = {name: mine[name] for name in ("merge_id", "guest_owner", "guest_cart_id", "strategy", "lines")}
    applied = await cartdb.http.post("/adoptions/apply", json=body, headers=cartdb.checkout(owner))
    await cartdb.http.post(f"/adoptions/{merge_id}/close", headers=cartdb.checkout(guest))
    after = (await cartdb.http.get("/unfinished", params={"older_than": 0}, headers=cartdb.checkout(owner))).json()

    assert applied.status_code == 200
    assert quantities(await cartdb.cart(cartdb.issuer.user(user))) == {"apple": 4}
    assert str(merge_id) not in {adoption["merge_id"] for adoption in after["adoptions"]}
