"""What cartdb tells the event streams: one question for many owners, and another answer after every change."""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.cartdb.watch_store import CURRENT_VERSIONS
from services.contracts.carts import WATCHED_AT_ONCE
from services.contracts.identity import Scope, first_cart_id
from tests.conftest import MakeDatabase
from tests.service.cartdb_client import CartDb, new_guest
from tests.service.good_requests import Person, somebody, somebodys_guest

Told = dict[str, Any]


async def versions(db: CartDb, *owners: str) -> list[Told]:
    answer = await db.http.post("/versions", json={"owners": list(owners)}, headers=db.issuer.service(Scope.CART_WATCH))
    assert answer.status_code == 200, answer.text
    told: list[Told] = answer.json()["versions"]
    return told


async def ask(db: CartDb, who: Person, method: str, path: str, **body: Any) -> Told:
    answer = await db.http.request(method, path, json=body or None, headers=dict(who.headers))
    assert answer.is_success, answer.text
    told: Told = answer.json() if answer.content else {}
    return told


async def mark(db: CartDb, who: Person, cart: Told) -> None:
    answer = await db.mark(who.owner, cart, CHECKOUT)
    assert answer.json()["state"] == "pending", answer.text


async def step(db: CartDb, who: Person, name: str, **body: Any) -> None:
    answer = await db.step(who.owner, CHECKOUT, name, **body)
    assert answer.status_code == 200, answer.text


async def settle(db: CartDb, who: Person, cart: Told) -> None:
    await mark(db, who, cart)
    await step(db, who, "attach", intent_id="pi_1")
    before = await versions(db, who.owner)
    await step(db, who, "settle", intent_id="pi_1")
    assert await versions(db, who.owner) != before


async def unmark(db: CartDb, who: Person, cart: Told) -> None:
    await mark(db, who, cart)
    before = await versions(db, who.owner)
    await step(db, who, "unpurchase", intent_id=None, reason="card_declined")
    assert await versions(db, who.owner) != before


async def come_back(db: CartDb, who: Person, cart: Told) -> None:
    await ask(db, who, "POST", "/carts", name="Second")
    before = await versions(db, who.owner)
    await ask(db, who, "POST", f"/carts/{cart['cart_id']}/activate")
    assert await versions(db, who.owner) != before
    await ask(db, who, "DELETE", "/carts/current/items")


async def freeze(db: CartDb, who: Person, _: Told, merge_id: str = "") -> Told:
    target = somebody(db).owner
    body = {"merge_id": merge_id or str(uuid4()), "target_owner": target}
    return await ask(db, who, "POST", "/adoptions/freeze", **body)


async def close(db: CartDb, who: Person, cart: Told) -> None:
    frozen = await freeze(db, who, cart)
    before = await versions(db, who.owner)
    headers = db.checkout(who.owner)
    assert (await db.http.post(f"/adoptions/{frozen['merge_id']}/close", headers=headers)).is_success
    assert await versions(db, who.owner) != before


async def adopt(db: CartDb, who: Person, _: Told) -> str:
    guest = somebodys_guest(db)
    await db.add(dict(guest.headers), "mango")
    frozen = await ask(db, guest, "POST", "/adoptions/freeze", merge_id=str(uuid4()), target_owner=who.owner)
    body = {name: value for name, value in frozen.items() if name != "target_owner"}
    assert (await db.http.post("/adoptions/apply", json=body, headers=db.checkout(who.owner))).is_success
    return str(frozen["merge_id"])


async def undo(db: CartDb, who: Person, cart: Told) -> None:
    merge_id = await adopt(db, who, cart)
    before = await versions(db, who.owner)
    await ask(db, who, "POST", f"/adoptions/{merge_id}/undo")
    assert await versions(db, who.owner) != before


CHECKOUT = uuid4()
SET = {"product_id": 1, "unit_price": 4000, "quantity": 3}
Change = Callable[[CartDb, Person, Told], Awaitable[Any]]
CHANGES: dict[str, Change] = {
    "an add": lambda db, who, _: db.add(dict(who.headers), "apple"),
    "another add": lambda db, who, _: db.add(dict(who.headers), "mango"),
    "a set": lambda db, who, _: ask(db, who, "PUT", "/carts/current/items/apple", **SET),
    "a remove": lambda db, who, _: ask(db, who, "DELETE", "/carts/current/items/apple"),
    "a clear": lambda db, who, _: ask(db, who, "DELETE", "/carts/current/items"),
    "a name": lambda db, who, cart: ask(db, who, "PATCH", f"/carts/{cart['cart_id']}", name="Mine"),
    "a new cart": lambda db, who, _: ask(db, who, "POST", "/carts", name="Second"),
    "the old cart again": come_back,
    "a deletion": lambda db, who, cart: ask(db, who, "DELETE", f"/carts/{cart['cart_id']}"),
    "a checkout": mark,
    "a purchase": settle,
    "a checkout that failed": unmark,
}
OF_GUESTS: dict[str, Change] = {"a freeze": freeze, "the end of an adoption": close}
OF_USERS: dict[str, Change] = {"an adoption": adopt, "its undo": undo}
CASES = [
    *((name, change, owner) for name, change in CHANGES.items() for owner in (somebody, somebodys_guest)),
    *((name, change, somebodys_guest) for name, change in OF_GUESTS.items()),
    *((name, change, somebody) for name, change in OF_USERS.items()),
]


@pytest.mark.parametrize(
    ("change", "new"), [case[1:] for case in CASES], ids=[f"{name}, {new.__name__}" for name, _, new in CASES]
)
async def test_every_change_of_what_an_owner_sees_is_told(
    cartdb: CartDb, change: Change, new: Callable[[CartDb], Person]
) -> None:
    who = new(cartdb)
    await cartdb.add(dict(who.headers), "apple", 2)
    before, told = await cartdb.cart(dict(who.headers)), await versions(cartdb, who.owner)

    await change(cartdb, who, before)

    after, told_after = await cartdb.cart(dict(who.headers)), await versions(cartdb, who.owner)
    assert after != before
    assert told_after != told
    assert told_after == [{name: after[name] for name in ("owner_id", "cart_id", "version", "status")}]


async def test_owners_are_told_in_the_order_asked_and_one_without_rows_has_the_first_cart(cartdb: CartDb) -> None:
    known, stranger = somebodys_guest(cartdb), new_guest()
    cart = (await cartdb.add(dict(known.headers), "apple")).json()

    told = await versions(cartdb, stranger, known.owner, stranger)

    assert told == [
        {"owner_id": stranger, "cart_id": str(first_cart_id(stranger)), "version": 0, "status": "open"},
        {"owner_id": known.owner, "cart_id": cart["cart_id"], "version": 1, "status": "open"},
    ]
    assert (await cartdb.cart(cartdb.guest(stranger)))["version"] == 0


@pytest.mark.parametrize("owners", [[], ["guest:1"] * (WATCHED_AT_ONCE + 1), [""], ["x" * 81], ["\x00"]], ids=repr)
async def test_a_question_for_nobody_for_too_many_or_for_no_name_is_refused(cartdb: CartDb, owners: list[str]) -> None:
    answer = await cartdb.http.post(
        "/versions", json={"owners": owners}, headers=cartdb.issuer.service(Scope.CART_WATCH)
    )

    assert answer.status_code == 422


async def test_as_many_owners_as_may_be_are_found_by_key_and_no_table_is_read_through(
    make_database: MakeDatabase,
) -> None:
    urls = await make_database("cartdb")
    connection = await asyncpg.connect(urls.owner)
    try:
        async with connection.transaction():
            await connection.execute(
                """
                INSERT INTO shoppers (owner_id, current_cart_id)
                SELECT 'guest:' || n, md5(n::text)::uuid FROM generate_series(1, 30000) n
                """
            )
            await connection.execute(
                """
                INSERT INTO carts (owner_id, cart_id, currency, expires_at)
                SELECT owner_id, current_cart_id, 'INR', now() FROM shoppers
                """
            )
        await connection.execute("ANALYZE shoppers, carts")
        owners = [f"guest:{number}" for number in range(1, WATCHED_AT_ONCE + 1)]
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {CURRENT_VERSIONS}", owners))
        told = await connection.fetchval(CURRENT_VERSIONS, owners)
    finally:
        await connection.close()

    assert re.findall(r"Seq Scan on (\w+)", plan) == []
    assert sorted(set(re.findall(r"Index (?:Only )?Scan using \w+ on (\w+)", plan))) == ["carts", "shoppers"]
    assert told.count("open") == WATCHED_AT_ONCE
