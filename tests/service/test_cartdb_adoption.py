"""A guest's cart moves to exactly one user, once."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.contracts.identity import owner_id_of
from tests.service.cartdb_client import CartDb, new_guest


def quantities(cart: dict[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in cart["items"]}


async def freeze(cartdb: CartDb, guest: str, user: str, merge_id: UUID) -> httpx.Response:
    body = {"merge_id": str(merge_id), "target_owner": owner_id_of(cartdb.issuer.issuer, user)}
    return await cartdb.http.post("/adoptions/freeze", json=body, headers=cartdb.guest(guest))


async def apply(cartdb: CartDb, user: str, frozen: dict[str, Any]) -> httpx.Response:
    body = {name: frozen[name] for name in ("merge_id", "guest_owner", "guest_cart_id", "strategy", "lines")}
    return await cartdb.http.post("/adoptions/apply", json=body, headers=cartdb.issuer.user(user))


async def finish_adoptions(cartdb: CartDb, guest: str) -> None:
    """What reconcile does, for one guest."""
    listed = await cartdb.http.get("/unfinished", params={"older_than": 0}, headers=cartdb.checkout(guest))
    for frozen in listed.json()["adoptions"]:
        if frozen["guest_owner"] == guest:
            body = {name: frozen[name] for name in ("merge_id", "guest_owner", "guest_cart_id", "strategy", "lines")}
            headers = cartdb.checkout(frozen["target_owner"])
            (await cartdb.http.post("/adoptions/apply", json=body, headers=headers)).raise_for_status()
            close = f"/adoptions/{frozen['merge_id']}/close"
            (await cartdb.http.post(close, headers=cartdb.checkout(guest))).raise_for_status()


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


async def test_a_cart_in_checkout_stays_and_moves_if_it_comes_back_unpaid(cartdb: CartDb) -> None:
    guest, user, checkout = new_guest(), f"u-{uuid4()}", uuid4()
    cart = (await cartdb.add(cartdb.guest(guest), "apple", 4)).json()
    await cartdb.mark(guest, cart, checkout)

    frozen = (await freeze(cartdb, guest, user, uuid4())).json()
    during = (await cartdb.cart(cartdb.guest(guest)))["status"]
    await cartdb.step(guest, checkout, "unpurchase", reason="abandoned")
    await finish_adoptions(cartdb, guest)

    assert (frozen["lines"], during) == ([], "in_checkout")
    assert quantities(await cartdb.cart(cartdb.issuer.user(user))) == {"apple": 4}


async def test_a_cart_that_comes_back_unpaid_after_the_others_moved_loses_nothing(cartdb: CartDb) -> None:
    guest, user, checkout, merge_id = new_guest(), f"u-{uuid4()}", uuid4(), uuid4()
    paying = (await cartdb.add(cartdb.guest(guest), "apple", 4)).json()
    await cartdb.http.post("/carts", json={}, headers=cartdb.guest(guest))
    await cartdb.add(cartdb.guest(guest), "pear", 1)
    await cartdb.mark(guest, paying, checkout)

    frozen = (await freeze(cartdb, guest, user, merge_id)).json()
    await apply(cartdb, user, frozen)
    await cartdb.http.post(f"/adoptions/{merge_id}/close", headers=cartdb.guest(guest))
    await cartdb.step(guest, checkout, "unpurchase", reason="abandoned")
    await finish_adoptions(cartdb, guest)

    assert quantities(await cartdb.cart(cartdb.issuer.user(user))) == {"apple": 4, "pear": 1}


async def test_a_cart_that_is_paid_after_the_sign_in_is_followed_by_one_that_takes_nothing(cartdb: CartDb) -> None:
    guest, checkout = new_guest(), uuid4()
    cart = (await cartdb.add(cartdb.guest(guest), "apple", 4)).json()
    await cartdb.mark(guest, cart, checkout)
    await freeze(cartdb, guest, "alice", uuid4())
    await cartdb.step(guest, checkout, "attach", intent_id="pi_1")

    settled = await cartdb.step(guest, checkout, "settle", intent_id="pi_1")
    late = await cartdb.add(cartdb.guest(guest), "apple")

    assert settled.json()["state"] == "paid"
    assert (late.status_code, late.json()["type"]) == (409, "/docs/problems#cart_is_being_adopted")


async def test_an_add_that_arrives_after_the_sign_in_is_refused_even_if_the_guest_had_nothing(cartdb: CartDb) -> None:
    guest = new_guest()
    frozen = (await freeze(cartdb, guest, "alice", uuid4())).json()

    late = await cartdb.add(cartdb.guest(guest), "apple")
    created = await cartdb.http.post("/carts", json={}, headers=cartdb.guest(guest))

    assert frozen["lines"] == []
    assert late.json()["type"] == created.json()["type"] == "/docs/problems#cart_is_being_adopted"


async def test_the_largest_carts_of_a_guest_move_whole(cartdb: CartDb) -> None:
    guest, user = new_guest(), f"u-{uuid4()}"
    long = "x" * 50
    for number in range(3):
        for some in range(0, 200, 25):
            skus = [f"{long}-{number}-{n}" for n in range(some, some + 25)]
            added = await asyncio.gather(*[cartdb.add(cartdb.guest(guest), sku) for sku in skus])
            assert {answer.status_code for answer in added} == {200}
        await cartdb.http.post("/carts", json={}, headers=cartdb.guest(guest))

    frozen = (await freeze(cartdb, guest, user, uuid4())).json()
    receipt = await apply(cartdb, user, frozen)

    assert len(frozen["lines"]) == 600
    assert receipt.status_code == 200
    assert [line["why"] for line in receipt.json()["lines"]] == ["moved"] * 200 + ["left_out_line_limit"] * 400


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
