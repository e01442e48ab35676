"""A preview that writes nothing, an undo that loses nothing, and the way from an old cart's id to the new one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from services.contracts.carts import MergeStrategy
from tests.conftest import MakeDatabase
from tests.service.cartdb_client import CartDb, new_guest, running_cartdb
from tests.service.test_cartdb_adoption import apply, freeze, quantities

NAME = "From before signing in"


@dataclass
class Merge:
    """A guest whose carts have become the user's, and the receipt of it."""

    cartdb: CartDb
    guest: str
    user: str
    before: dict[str, Any]
    receipt: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return self.cartdb.issuer.user(self.user)

    async def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        return await self.cartdb.http.request(method, path, headers=self.headers, **body)

    async def undo(self) -> httpx.Response:
        return await self.ask("POST", f"/adoptions/{self.receipt['merge_id']}/undo")

    async def cart(self, cart: str = "current") -> dict[str, Any]:
        return await self.cartdb.cart(self.headers, cart)

    async def carts(self) -> dict[str, dict[str, Any]]:
        return {cart["cart_id"]: cart for cart in (await self.ask("GET", "/carts")).json()["carts"]}


async def merged(
    cartdb: CartDb, guests: dict[str, int] | None = None, users: dict[str, int] | None = None, **freezing: Any
) -> Merge:
    """A guest with two kinds of fruit has signed in as a user who has one of them already."""
    guest, user = new_guest(), f"u-{uuid4()}"
    for sku, quantity in (guests or {"apple": 2, "pear": 1}).items():
        await cartdb.add(cartdb.guest(guest), sku, quantity)
    for sku, quantity in ({"apple": 3, "fig": 1} if users is None else users).items():
        await cartdb.add(cartdb.issuer.user(user), sku, quantity)
    before = await cartdb.cart(cartdb.issuer.user(user))
    merge = {"merge_id": str(uuid4()), "target_owner": cartdb.owner_of(user), **freezing}
    frozen = (await cartdb.http.post("/adoptions/freeze", json=merge, headers=cartdb.guest(guest))).json()
    frozen.pop("target_owner")
    applied = await cartdb.http.post("/adoptions/apply", json=frozen, headers=cartdb.issuer.user(user))
    assert applied.status_code == 200, applied.text
    await cartdb.http.post(f"/adoptions/{merge['merge_id']}/close", headers=cartdb.guest(guest))
    return Merge(cartdb, guest, user, before, applied.json())


async def test_an_undo_gives_the_user_the_lines_of_before_and_the_guests_lines_a_cart_beside_them(
    cartdb: CartDb,
) -> None:
    merge = await merged(cartdb)
    assert quantities(await merge.cart()) == {"apple": 5, "pear": 1, "fig": 1}

    undone = await merge.undo()

    assert undone.status_code == 200, undone.text
    [beside] = undone.json()["undone_cart_ids"]
    assert undone.json()["undone_at"]
    carts = await merge.carts()
    assert set(carts) == {merge.before["cart_id"], beside}
    assert (await merge.cart())["items"] == merge.before["items"]
    assert [cart["current"] for cart in carts.values()] == [cart_id != beside for cart_id in carts]
    assert carts[beside]["name"] == NAME
    guests = (await cartdb.cart(cartdb.guest(merge.guest)))["items"]
    assert (await merge.cart(beside))["items"] == guests


async def test_a_repeated_undo_agrees_and_so_do_twenty_at_once(cartdb: CartDb) -> None:
    merge = await merged(cartdb)

    answers = await asyncio.gather(*[merge.undo() for _ in range(20)])
    carts = await merge.carts()
    late = await merge.undo()

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in (*answers, late)}) == 1
    assert await merge.carts() == carts
    assert len(carts) == 2


async def _add(merge: Merge) -> None:
    await merge.cartdb.add(merge.headers, "kiwi")


async def _rename(merge: Merge) -> None:
    await merge.ask("PATCH", f"/carts/{merge.receipt['cart_id']}", json={"name": "Mine"})


async def _delete(merge: Merge) -> None:
    await merge.ask("DELETE", f"/carts/{merge.receipt['cart_id']}")


async def _begin_checkout(merge: Merge) -> None:
    await merge.cartdb.mark(merge.cartdb.owner_of(merge.user), await merge.cart(), uuid4())


async def _begin_checkout_in_vain(merge: Merge) -> None:
    owner, checkout = merge.cartdb.owner_of(merge.user), uuid4()
    await merge.cartdb.mark(owner, await merge.cart(), checkout)
    await merge.cartdb.step(owner, checkout, "unpurchase", reason="abandoned")


async def _buy(merge: Merge) -> None:
    owner, checkout = merge.cartdb.owner_of(merge.user), uuid4()
    await merge.cartdb.mark(owner, await merge.cart(), checkout)
    await merge.cartdb.step(owner, checkout, "attach", intent_id="pi_1")
    await merge.cartdb.step(owner, checkout, "settle", intent_id="pi_1")


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (_add, "cart_changed"),
        (_rename, "cart_changed"),
        (_begin_checkout_in_vain, "cart_changed"),
        (_begin_checkout, "cart_in_checkout"),
        (_buy, "cart_already_purchased"),
        (_delete, "cart_deleted"),
    ],
)
async def test_a_cart_that_has_changed_since_is_not_taken_apart(
    cartdb: CartDb, meanwhile: Callable[[Merge], Awaitable[None]], reason: str
) -> None:
    merge = await merged(cartdb)
    await meanwhile(merge)
    before = await merge.carts()

    refused = await merge.undo()

    told = refused.json()
    assert (refused.status_code, told["type"]) == (409, "/docs/problems#merge_cannot_be_undone")
    assert (told["reason"], told["merge_id"]) == (reason, merge.receipt["merge_id"])
    gone = reason == "cart_deleted"
    assert told["cart"] == await merge.cart("current" if gone else merge.receipt["cart_id"])
    assert await merge.carts() == before
    assert (await merge.ask("GET", f"/adoptions/{merge.receipt['merge_id']}")).json()["undone_at"] is None


async def test_nobody_but_its_user_undoes_a_merge(cartdb: CartDb) -> None:
    merge = await merged(cartdb)
    path = f"/adoptions/{merge.receipt['merge_id']}/undo"

    for stranger in (cartdb.issuer.user("mallory"), cartdb.guest(merge.guest), cartdb.guest(new_guest())):
        answer = await cartdb.http.post(path, headers=stranger)
        assert (answer.status_code, answer.json()["type"]) == (404, "/docs/problems#merge_not_found")

    assert quantities(await merge.cart()) == {"apple": 5, "pear": 1, "fig": 1}


async def test_at_the_limit_of_carts_an_undo_is_refused_and_works_once_there_is_room(
    make_database: MakeDatabase,
) -> None:
    urls = await make_database("cartdb")
    async with running_cartdb(urls.app, max_open_carts=2) as cartdb:
        merge = await merged(cartdb)
        other = (await merge.ask("POST", "/carts", json={"activate": False})).json()["cart_id"]
        before = await merge.carts()

        refused = await merge.undo()

        told = refused.json()
        assert (refused.status_code, told["type"], told["limit"]) == (422, "/docs/problems#cart_limit_exceeded", 2)
        assert await merge.carts() == before
        await merge.ask("DELETE", f"/carts/{other}")
        assert (await merge.undo()).status_code == 200


async def test_more_lines_than_one_cart_holds_come_back_in_several(make_database: MakeDatabase) -> None:
    urls = await make_database("cartdb")
    async with running_cartdb(urls.app, max_lines=2, max_quantity=5) as cartdb:
        guest = new_guest()
        for number in range(3):
            await cartdb.http.post("/carts", json={}, headers=cartdb.guest(guest))
            await cartdb.add(cartdb.guest(guest), "apple", 4)
            await cartdb.add(cartdb.guest(guest), f"pear-{number}")
        user = f"u-{uuid4()}"
        await cartdb.add(cartdb.issuer.user(user), "fig")
        body = {"merge_id": str(uuid4()), "target_owner": cartdb.owner_of(user)}
        frozen = (await cartdb.http.post("/adoptions/freeze", json=body, headers=cartdb.guest(guest))).json()
        frozen.pop("target_owner")
        receipt = (await cartdb.http.post("/adoptions/apply", json=frozen, headers=cartdb.issuer.user(user))).json()
        merge = Merge(cartdb, guest, user, {}, receipt)
        assert quantities(await merge.cart()) == {"fig": 1, "apple": 5}
        assert {line["sku"]: (line["left_out"], line["why"]) for line in receipt["lines"]} == {
            "apple": (7, "capped_quantity_limit"),
            **{f"pear-{number}": (1, "left_out_line_limit") for number in range(3)},
            "fig": (0, "untouched"),
        }

        beside = (await merge.undo()).json()["undone_cart_ids"]

        assert quantities(await merge.cart()) == {"fig": 1}
        held = [quantities(await merge.cart(cart_id)) for cart_id in beside]
        assert held == [{"apple": 12, "pear-0": 1}, {"pear-1": 1, "pear-2": 1}]


async def test_the_history_of_both_carts_makes_their_lines_after_the_merge_and_after_the_undo(
    cartdb: CartDb,
) -> None:
    merge = await merged(cartdb)
    path = "/carts/{}/history"
    after_merge = (await merge.ask("GET", path.format(merge.receipt["cart_id"]))).json()["lines"]
    merged_lines = quantities(await merge.cart())

    [beside] = (await merge.undo()).json()["undone_cart_ids"]

    assert after_merge == merged_lines
    at_merge = {"version": merge.receipt["version"]}
    then = await merge.ask("GET", path.format(merge.receipt["cart_id"]), params=at_merge)
    assert then.json()["lines"] == merged_lines
    for cart_id in (merge.receipt["cart_id"], beside):
        history = (await merge.ask("GET", path.format(cart_id))).json()
        cart = await merge.cart(cart_id)
        assert history["lines"] == quantities(cart)
        last = history["entries"][-1]
        assert (last["action"], last["actor"], last["version"]) == ("undo_adopt", "user", cart["version"])


async def test_a_merge_of_before_undoing_was_possible_says_so(make_database: MakeDatabase) -> None:
    urls = await make_database("cartdb")
    connection = await asyncpg.connect(urls.app)
    async with running_cartdb(urls.app) as cartdb:
        merge = await merged(cartdb)
        old = "UPDATE receipts SET version = NULL, user_lines = NULL, guest_lines = NULL, guest_cart_ids = '{}'"
        await connection.execute(old)

        refused = await merge.undo()

        assert (refused.status_code, refused.json()["reason"]) == (409, "lines_not_recorded")
        told = (await merge.ask("GET", f"/adoptions/{merge.receipt['merge_id']}")).json()
        assert told["lines"] == merge.receipt["lines"]
    await connection.close()


async def test_a_merge_into_a_cart_that_was_forgotten_cannot_be_undone(cartdb: CartDb) -> None:
    guest, user, merge_id = new_guest(), f"u-{uuid4()}", uuid4()
    await cartdb.http.post("/carts", json={"name": "Not the first"}, headers=cartdb.issuer.user(user))
    await cartdb.add(cartdb.guest(guest), "apple")
    frozen = (await freeze(cartdb, guest, user, merge_id)).json()
    receipt = (await apply(cartdb, user, frozen)).json()
    await cartdb.http.post(f"/adoptions/{merge_id}/close", headers=cartdb.guest(guest))
    merge = Merge(cartdb, guest, user, {}, receipt)
    erased = await cartdb.http.post("/account/erase", json={}, headers=merge.headers)

    refused = await merge.undo()

    assert erased.status_code == 204, erased.text
    assert (refused.status_code, refused.json().get("reason")) == (409, "lines_not_recorded")


async def test_every_cart_of_the_guest_points_on_to_where_its_lines_went(cartdb: CartDb) -> None:
    guest, user = new_guest(), f"u-{uuid4()}"
    olds = [(await cartdb.add(cartdb.guest(guest), "apple")).json()["cart_id"]]
    olds.append((await cartdb.http.post("/carts", json={}, headers=cartdb.guest(guest))).json()["cart_id"])
    await cartdb.add(cartdb.guest(guest), "pear")
    body = {"merge_id": str(uuid4()), "target_owner": cartdb.owner_of(user)}
    frozen = (await cartdb.http.post("/adoptions/freeze", json=body, headers=cartdb.guest(guest))).json()
    frozen.pop("target_owner")
    headers = cartdb.issuer.user(user)
    receipt = (await cartdb.http.post("/adoptions/apply", json=frozen, headers=headers)).json()
    merge = Merge(cartdb, guest, user, {}, receipt)

    for old in olds:
        for answer in (await merge.ask("GET", f"/carts/{old}"), await cartdb.add(headers, "fig", cart=old)):
            told = answer.json()
            assert (answer.status_code, told["type"]) == (404, "/docs/problems#cart_not_found")
            assert (told["moved_to"], told["merge_id"]) == (receipt["cart_id"], receipt["merge_id"])
        stranger = await cartdb.http.get(f"/carts/{old}", headers=cartdb.issuer.user("mallory"))
        assert (stranger.status_code, "moved_to" in stranger.json()) == (404, False)

    # when: it is undone, they point to the cart that has the guest's lines now
    [beside] = (await merge.undo()).json()["undone_cart_ids"]
    assert [(await merge.ask("GET", f"/carts/{old}")).json()["moved_to"] for old in olds] == [beside] * 2


async def test_the_first_freeze_says_by_which_strategy_whoever_comes_later(cartdb: CartDb) -> None:
    guest, target, merge_id = new_guest(), cartdb.owner_of(f"u-{uuid4()}"), str(uuid4())
    await cartdb.add(cartdb.guest(guest), "apple", 2)

    bodies = [{"merge_id": merge_id, "target_owner": target, "strategy": each} for each in MergeStrategy]
    answers = [await cartdb.http.post("/adoptions/freeze", json=body, headers=cartdb.guest(guest)) for body in bodies]

    assert [answer.json()["strategy"] for answer in answers] == [MergeStrategy.SUM] * 4


@pytest.mark.parametrize("strategy", MergeStrategy)
async def test_a_preview_is_the_receipt_that_follows_and_writes_nothing(
    cartdb: CartDb, strategy: MergeStrategy
) -> None:
    guest, user = new_guest(), f"u-{uuid4()}"
    headers, guests = cartdb.issuer.user(user), cartdb.guest(guest)
    await cartdb.add(guests, "apple", 2)
    await cartdb.add(guests, "pear", 1)
    for sku, quantity in {"apple": 3, "fig": 1}.items():
        await cartdb.add(headers, sku, quantity)
    before = [await cartdb.cart(each) for each in (headers, guests)]

    movable = (await cartdb.http.get("/adoptions/movable", headers=guests)).json()
    one = {**movable, "strategy": strategy}
    shown = (await cartdb.http.post("/adoptions/preview", json=one, headers=headers)).json()
    every = (await cartdb.http.post("/adoptions/preview", json=movable, headers=headers)).json()

    assert [await cartdb.cart(each) for each in (headers, guests)] == before
    assert (shown["cart_id"], shown["version"]) == (before[0]["cart_id"], before[0]["version"])
    assert [each["strategy"] for each in every["previews"]] == list(MergeStrategy)
    assert shown["previews"] == [each for each in every["previews"] if each["strategy"] == strategy]
    body = {"merge_id": str(uuid4()), "target_owner": cartdb.owner_of(user), "strategy": strategy}
    frozen = (await cartdb.http.post("/adoptions/freeze", json=body, headers=guests)).json()
    frozen.pop("target_owner")
    receipt = (await cartdb.http.post("/adoptions/apply", json=frozen, headers=headers)).json()
    assert receipt["lines"] == shown["previews"][0]["lines"]


async def test_a_preview_for_somebody_without_rows_leaves_them_without(make_database: MakeDatabase) -> None:
    urls = await make_database("cartdb")
    connection = await asyncpg.connect(urls.app)
    async with running_cartdb(urls.app) as cartdb:
        await cartdb.add(cartdb.guest(guest := new_guest()), "apple")
        movable = (await cartdb.http.get("/adoptions/movable", headers=cartdb.guest(guest))).json()
        nobody = (await cartdb.http.get("/adoptions/movable", headers=cartdb.guest(new_guest()))).json()

        answer = await cartdb.http.post("/adoptions/preview", json=movable, headers=cartdb.issuer.user("newcomer"))

        assert answer.json()["version"] == 0
        assert nobody == {"lines": []}
        assert await connection.fetchval("SELECT array_agg(owner_id) FROM shoppers") == [guest]
    await connection.close()
