"""What a cart remembers: everything, for its owner alone, page by page; and nobody can take it back."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from services.contracts.identity import first_cart_id
from tests.conftest import DatabaseUrls
from tests.service.cartdb_client import CartDb, new_guest
from tests.service.test_cartdb_adoption import apply, freeze

LINE = {"product_id": 1, "unit_price": 4000, "quantity": 5}
MANY = 5_000


@pytest.fixture
async def owner(cartdb_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The connection of the database's owner, who may do what the service may not."""
    connection = await asyncpg.connect(cartdb_urls.owner)
    yield connection
    await connection.close()


async def history(cartdb: CartDb, headers: dict[str, str], cart: object, **asked: Any) -> dict[str, Any]:
    answer = await cartdb.http.get(f"/carts/{cart}/history", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(found: dict[str, Any], *members: str) -> list[tuple[Any, ...]]:
    return [tuple(entry[member] for member in members) for entry in found["entries"]]


# --- complete


async def test_every_change_of_a_cart_is_told_with_who_made_it(cartdb: CartDb) -> None:
    subject = f"u-{uuid4()}"
    user, owner_id = cartdb.issuer.user(subject), cartdb.owner_of(subject)
    first = first_cart_id(owner_id)
    failing, paying = uuid4(), uuid4()

    await cartdb.add(user, "apple", 2)
    await cartdb.http.put("/carts/current/items/apple", json=LINE, headers=user)
    await cartdb.http.patch(f"/carts/{first}", json={"name": "Party"}, headers=user)
    second = (await cartdb.http.post("/carts", json={"name": "Other"}, headers=user)).json()["cart_id"]
    await cartdb.http.post(f"/carts/{first}/activate", headers=user)
    await cartdb.mark(owner_id, await cartdb.cart(user), failing)
    await cartdb.step(owner_id, failing, "unpurchase", reason="card_declined")
    await cartdb.step(owner_id, uuid4(), "void", cart_id=str(first), fingerprint="f", reason="never_came")
    await cartdb.mark(owner_id, await cartdb.cart(user), paying)
    await cartdb.step(owner_id, paying, "attach", intent_id="pi_1")
    await cartdb.step(owner_id, paying, "settle", intent_id="pi_1")
    await cartdb.http.delete(f"/carts/{second}", headers=user)
    follower = (await cartdb.cart(user))["cart_id"]

    assert told(await history(cartdb, user, first), "action", "actor", "version", "status", "name") == [
        ("create", "user", 0, "open", None),
        ("add", "user", 1, "open", None),
        ("set", "user", 2, "open", None),
        ("rename", "user", 3, "open", "Party"),
        ("activate", "user", 3, "open", "Party"),
        ("purchase", "checkout", 3, "in_checkout", "Party"),
        ("unpurchase", "checkout", 4, "open", "Party"),
        ("void", "checkout", 5, "open", "Party"),
        ("purchase", "checkout", 5, "in_checkout", "Party"),
        ("settle", "checkout", 5, "purchased", "Party"),
    ]
    details = [detail for (detail,) in told(await history(cartdb, user, first), "detail")]
    assert details[3:7] == [
        {"before": None, "after": "Party"},
        {"instead_of": second},
        {"checkout_id": str(failing)},
        {"checkout_id": str(failing), "reason": "card_declined"},
    ]
    assert told(await history(cartdb, user, second), "action", "name") == [
        ("create", "Other"),
        ("activate", "Other"),
        ("delete", "Other"),
    ]
    assert told(await history(cartdb, user, follower), "action", "actor") == [
        ("create", "checkout"),
        ("activate", "checkout"),
    ]


async def test_an_adoption_is_told_on_both_sides(cartdb: CartDb) -> None:
    guest, subject, merge_id = new_guest(), f"u-{uuid4()}", uuid4()
    user, mine = cartdb.issuer.user(subject), first_cart_id(cartdb.owner_of(subject))
    await cartdb.add(cartdb.guest(guest), "apple", 2)
    await cartdb.add(user, "apple", 3)

    await apply(cartdb, subject, (await freeze(cartdb, guest, subject, merge_id)).json())
    await cartdb.http.post(f"/adoptions/{merge_id}/close", headers=cartdb.guest(guest))

    merge = {"merge_id": str(merge_id)}
    left = await history(cartdb, cartdb.guest(guest), first_cart_id(guest))
    assert told(left, "action", "actor", "status", "detail")[2:] == [
        ("freeze", "adoption", "moving", merge),
        ("close", "adoption", "moved", merge),
    ]
    taken = await history(cartdb, user, mine)
    assert told(taken, "action", "actor", "sku", "quantity", "detail")[2:] == [("adopt", "adoption", "apple", 5, merge)]


async def test_the_cart_after_one_that_was_bought_while_its_guest_signed_in_tells_that_it_was_frozen(
    cartdb: CartDb,
) -> None:
    guest, checkout = new_guest(), uuid4()
    await cartdb.add(cartdb.guest(guest))
    await cartdb.mark(guest, await cartdb.cart(cartdb.guest(guest)), checkout)
    await freeze(cartdb, guest, f"u-{uuid4()}", uuid4())
    await cartdb.step(guest, checkout, "attach", intent_id="pi_1")
    await cartdb.step(guest, checkout, "settle", intent_id="pi_1")

    follower = (await cartdb.cart(cartdb.guest(guest)))["cart_id"]
    assert told(await history(cartdb, cartdb.guest(guest), follower), "action", "actor", "status") == [
        ("create", "checkout", "open"),
        ("freeze", "adoption", "moved"),
        ("activate", "checkout", "moved"),
    ]


# --- to any moment


async def test_the_lines_of_one_adoption_are_told_together_or_not_at_all(cartdb: CartDb) -> None:
    guest, subject = new_guest(), f"u-{uuid4()}"
    user, mine = cartdb.issuer.user(subject), first_cart_id(cartdb.owner_of(subject))
    for sku in ("apple", "banana", "cherry"):
        await cartdb.add(cartdb.guest(guest), sku)
    await apply(cartdb, subject, (await freeze(cartdb, guest, subject, uuid4())).json())

    adopted = [entry for entry in (await history(cartdb, user, mine))["entries"] if entry["action"] == "adopt"]
    (moment,) = {datetime.fromisoformat(entry["at"]) for entry in adopted}
    just_before = await history(cartdb, user, mine, at=(moment - timedelta(microseconds=1)).isoformat())
    then = await history(cartdb, user, mine, at=moment.isoformat())

    assert (just_before["lines"], then["lines"]) == ({}, {"apple": 1, "banana": 1, "cherry": 1})
    assert then["added_prices"] == dict.fromkeys(then["lines"], 4000)


async def test_a_cart_that_was_emptied_is_empty_whatever_was_told_after_it(cartdb: CartDb) -> None:
    guest = new_guest()
    cart, headers = first_cart_id(guest), cartdb.guest(guest)
    await cartdb.add(headers, "apple")
    await cartdb.http.delete("/carts/current/items", headers=headers)
    await cartdb.http.patch(f"/carts/{cart}", json={"name": "Party"}, headers=headers)

    found = await history(cartdb, headers, cart)

    assert (found["lines"], found["added_prices"], found["name"], found["version"]) == ({}, {}, "Party", 3)
    assert (await history(cartdb, headers, cart, version=1))["lines"] == {"apple": 1}


async def test_a_clock_that_was_set_back_tells_no_cart_that_never_was(
    cartdb: CartDb, owner: asyncpg.Connection
) -> None:
    guest = new_guest()
    cart = first_cart_id(guest)
    for sku in ("apple", "banana", "cherry"):
        await cartdb.add(cartdb.guest(guest), sku)
    await owner.execute("UPDATE history SET at = at - interval '1 h' WHERE cart_id = $1 AND sku = 'banana'", cart)

    entries = (await history(cartdb, cartdb.guest(guest), cart))["entries"]
    found = [await history(cartdb, cartdb.guest(guest), cart, at=entry["at"]) for entry in entries]

    assert [sorted(then["lines"]) for then in found] == [
        ["apple", "banana"],
        ["apple", "banana"],
        ["apple", "banana"],
        ["apple", "banana", "cherry"],
    ]
    assert sorted((await history(cartdb, cartdb.guest(guest), cart, version=1))["lines"]) == ["apple"]


async def test_entries_from_before_status_and_name_were_told_rebuild_lines_and_say_since_when_all_is_told(
    cartdb: CartDb, owner: asyncpg.Connection
) -> None:
    guest = new_guest()
    cart, headers = first_cart_id(guest), cartdb.guest(guest)
    await cartdb.add(headers, "apple", 2)
    await owner.execute("DELETE FROM history WHERE cart_id = $1 AND action = 'create'", cart)
    await owner.execute("UPDATE history SET status = NULL, added_price = NULL WHERE cart_id = $1", cart)
    old = await history(cartdb, headers, cart)
    for action in ("purchase", "unpurchase"):
        await owner.execute(
            "INSERT INTO history (owner_id, cart_id, version, action, actor) VALUES ($1, $2, 1, $3, 'checkout')",
            guest,
            cart,
            action,
        )
    in_checkout = await history(cartdb, headers, cart, at=(await history(cartdb, headers, cart))["entries"][1]["at"])
    await cartdb.add(headers, "apple", 1)
    new = await history(cartdb, headers, cart)

    assert (old["lines"], old["status"], old["complete_since"]) == ({"apple": 2}, "open", None)
    assert in_checkout["status"] == "in_checkout"
    assert (new["lines"], new["status"], new["complete_since"]) == ({"apple": 3}, "open", new["entries"][-1]["at"])


@pytest.mark.parametrize(
    ("actions", "status"), [(["purchase"], "in_checkout"), (["purchase", "unpurchase", "void"], "open")]
)
async def test_an_older_replicas_entries_take_no_name_from_a_cart(
    cartdb: CartDb, owner: asyncpg.Connection, actions: list[str], status: str
) -> None:
    guest = new_guest()
    cart, headers = first_cart_id(guest), cartdb.guest(guest)
    await cartdb.add(headers, "apple")
    await cartdb.http.patch(f"/carts/{cart}", json={"name": "Gifts"}, headers=headers)
    for action in actions:
        await owner.execute(
            "INSERT INTO history (owner_id, cart_id, version, action, actor) VALUES ($1, $2, 2, $3, 'checkout')",
            guest,
            cart,
            action,
        )

    told = await history(cartdb, headers, cart)

    assert (told["name"], told["status"], told["version"]) == ("Gifts", status, 2)


# --- in pages


async def test_a_history_of_thousands_comes_in_pages_and_each_tells_the_same_cart(
    cartdb: CartDb, owner: asyncpg.Connection
) -> None:
    guest = new_guest()
    cart, headers = first_cart_id(guest), cartdb.guest(guest)
    await cartdb.add(headers, "apple")
    await owner.execute(
        """
        INSERT INTO history (owner_id, cart_id, version, status, action, sku, quantity, actor)
        SELECT $1, $2, 1 + n, 'open', 'set', 'sku-' || n % 150, n, 'guest' FROM generate_series(1, $3::int) AS n
        """,
        guest,
        cart,
        MANY,
    )

    page = await history(cartdb, headers, cart)
    pages = [page]
    while page["next"] is not None:
        page = await history(cartdb, headers, cart, skip=page["next"], limit=1_000)
        pages.append(page)

    assert [len(page["entries"]) for page in pages] == [200, 1000, 1000, 1000, 1000, 802]
    versions = [entry["version"] for page in pages for entry in page["entries"]]
    assert versions == list(range(MANY + 2))
    assert len({str(sorted(page["lines"].items())) for page in pages}) == 1
    assert pages[0]["lines"] == {"apple": 1, **{f"sku-{n % 150}": n for n in range(MANY - 149, MANY + 1)}}


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"limit": 1001}, {"skip": -1}, {"skip": 10**9}, {"version": -1}, {"version": 2**31}]
)
async def test_a_page_that_cannot_be_is_refused(cartdb: CartDb, asked: dict[str, int]) -> None:
    guest = new_guest()

    answer = await cartdb.http.get(f"/carts/{first_cart_id(guest)}/history", params=asked, headers=cartdb.guest(guest))

    assert answer.status_code == 422


# --- for the owner alone, and for good


async def test_a_deleted_carts_history_is_its_owners_and_nobody_elses(cartdb: CartDb) -> None:
    guest = new_guest()
    cart = (await cartdb.add(cartdb.guest(guest))).json()["cart_id"]
    await cartdb.http.delete(f"/carts/{cart}", headers=cartdb.guest(guest))

    mine = await history(cartdb, cartdb.guest(guest), cart)
    theirs = [
        (await cartdb.http.get(f"/carts/{cart}/history", headers=headers)).status_code
        for headers in (cartdb.guest(new_guest()), cartdb.issuer.user(f"u-{uuid4()}"))
    ]

    assert (mine["status"], mine["lines"]) == ("deleted", {"apple": 1})
    assert theirs == [404, 404]


FORBIDDEN = [
    "UPDATE history SET quantity = 1",
    *(f"DELETE FROM {table}" for table in ("history", "carts", "shoppers", "purchases", "refunds", "receipts")),
    "TRUNCATE history",
    "ALTER TABLE history DISABLE TRIGGER ALL",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_services_own_role_cannot_take_back_what_is_written(
    cartdb: CartDb, cartdb_urls: DatabaseUrls, statement: str
) -> None:
    guest = new_guest()
    await cartdb.add(cartdb.guest(guest))
    before = await history(cartdb, cartdb.guest(guest), first_cart_id(guest))
    service = await asyncpg.connect(cartdb_urls.app)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await service.execute(statement)

    await service.close()
    assert await history(cartdb, cartdb.guest(guest), first_cart_id(guest)) == before


async def test_what_may_delete_a_cart_is_the_services_alone(
    owner: asyncpg.Connection, cartdb_urls: DatabaseUrls
) -> None:
    function = "expire_cart(text, uuid, uuid, integer, boolean)"
    role = urlsplit(cartdb_urls.app).username

    rights = await owner.fetchrow(
        "SELECT has_function_privilege('public', $1, 'EXECUTE'), has_function_privilege($2, $1, 'EXECUTE')",
        function,
        role,
    )

    assert rights is not None
    assert tuple(rights) == (False, True)
