"""Carts at cartdb: found, changed, kept apart."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.contracts.identity import first_cart_id, guest_owner_id
from tests.conftest import DatabaseUrls
from tests.service.cartdb_client import CartDb, new_guest


def quantities(cart: dict[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in cart["items"]}


async def rows_of(cartdb_urls: DatabaseUrls, owner: str) -> int:
    connection = await asyncpg.connect(cartdb_urls.app)
    try:
        return int(
            await connection.fetchval(
                "SELECT (SELECT count(*) FROM shoppers WHERE owner_id = $1)"
                " + (SELECT count(*) FROM carts WHERE owner_id = $1)",
                owner,
            )
        )
    finally:
        await connection.close()


async def test_looking_at_a_cart_writes_nothing(cartdb: CartDb, cartdb_urls: DatabaseUrls) -> None:
    owner = new_guest()

    cart = await cartdb.cart(cartdb.guest(owner))

    assert cart["version"] == 0
    assert cart["items"] == []
    assert await rows_of(cartdb_urls, owner) == 0


async def test_the_cart_id_is_the_same_before_and_after_the_first_change(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())
    before = await cartdb.cart(guest)

    added = await cartdb.add(guest)

    assert added.json()["cart_id"] == before["cart_id"]
    assert (added.json()["version"], added.headers["etag"]) == (1, '"1"')


async def test_the_first_cart_can_be_changed_by_its_id_too(cartdb: CartDb) -> None:
    owner = new_guest()

    added = await cartdb.add(cartdb.guest(owner), cart=str(first_cart_id(owner)))

    assert quantities(added.json()) == {"apple": 1}
    assert (await cartdb.cart(cartdb.guest(owner)))["cart_id"] == str(first_cart_id(owner))


async def test_lines_are_added_set_removed_and_cleared(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())
    line = {"product_id": 1, "unit_price": 4000}

    await cartdb.add(guest, "apple", 2)
    await cartdb.add(guest, "banana", 3)
    await cartdb.add(guest, "apple", 1)
    seen = [quantities(await cartdb.cart(guest))]
    await cartdb.http.put("/carts/current/items/apple", json={**line, "quantity": 9}, headers=guest)
    await cartdb.http.put("/carts/current/items/banana", json={**line, "quantity": 0}, headers=guest)
    seen.append(quantities(await cartdb.cart(guest)))
    removed = await cartdb.http.delete("/carts/current/items/apple", headers=guest)
    seen.append(quantities(removed.json()))
    again = await cartdb.http.delete("/carts/current/items/apple", headers=guest)
    await cartdb.add(guest, "cherry")
    cleared = await cartdb.http.delete("/carts/current/items", headers=guest)

    assert seen == [{"apple": 3, "banana": 3}, {"apple": 9}, {}]
    assert again.json()["version"] == removed.json()["version"] == 6
    assert cleared.json()["items"] == []


async def test_history_tells_every_change_and_rebuilds_the_cart(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())
    await cartdb.add(guest, "apple", 2)
    await cartdb.add(guest, "banana")
    cart = (await cartdb.http.delete("/carts/current/items/apple", headers=guest)).json()

    history = (await cartdb.http.get(f"/carts/{cart['cart_id']}/history", headers=guest)).json()
    then = history["entries"][1]["at"]
    early = (await cartdb.http.get(f"/carts/{cart['cart_id']}/history", params={"at": then}, headers=guest)).json()

    assert [(entry["version"], entry["action"], entry["sku"]) for entry in history["entries"]] == [
        (0, "create", None),
        (1, "add", "apple"),
        (2, "add", "banana"),
        (3, "remove", "apple"),
    ]
    assert (history["lines"], early["lines"]) == ({"banana": 1}, {"apple": 2})


async def test_a_hundred_parallel_adds_all_count(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())

    answers = await asyncio.gather(*[cartdb.add(guest, ("apple", "banana")[n % 2]) for n in range(100)])

    assert {answer.status_code for answer in answers} == {200}
    assert quantities(await cartdb.cart(guest)) == {"apple": 50, "banana": 50}
    assert sorted(answer.json()["version"] for answer in answers) == list(range(1, 101))


async def test_each_parallel_add_answers_a_cart_that_holds_it(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())

    answers = await asyncio.gather(*[cartdb.add(guest, f"sku-{n}") for n in range(20)])

    for n, answer in enumerate(answers):
        assert f"sku-{n}" in quantities(answer.json())
        assert len(answer.json()["items"]) == answer.json()["version"]


async def test_the_same_key_changes_once_and_says_that_it_was_replayed(cartdb: CartDb) -> None:
    guest = {**cartdb.guest(new_guest()), "Idempotency-Key": "k1"}

    answers = await asyncio.gather(*[cartdb.add(guest, "apple", 2) for _ in range(20)])

    assert {answer.status_code for answer in answers} == {200}
    assert [quantities(answer.json()) for answer in answers] == [{"apple": 2}] * 20
    assert sum(answer.json()["replayed"] for answer in answers) == 19


async def test_the_same_key_with_another_body_is_refused_and_changes_nothing(cartdb: CartDb) -> None:
    guest = {**cartdb.guest(new_guest()), "Idempotency-Key": "k1"}
    await cartdb.add(guest, "apple", 2)

    other = await cartdb.add(guest, "apple", 3)

    assert (other.status_code, other.json()["type"]) == (422, "/docs/problems#idempotency_key_reused")
    assert quantities(await cartdb.cart(guest)) == {"apple": 2}


async def test_a_price_that_changed_between_two_tries_is_still_the_same_request(cartdb: CartDb) -> None:
    guest = {**cartdb.guest(new_guest()), "Idempotency-Key": "k1"}
    body = {"sku": "apple", "quantity": 1, "product_id": 1}
    await cartdb.http.post("/carts/current/items", json={**body, "unit_price": 100}, headers=guest)

    again = await cartdb.http.post("/carts/current/items", json={**body, "unit_price": 120}, headers=guest)

    assert (again.status_code, again.json()["replayed"]) == (200, True)


async def test_a_stored_refusal_is_replayed_even_when_it_would_fit_now(cartdb: CartDb) -> None:
    owner = new_guest()
    keyed = {**cartdb.guest(owner), "Idempotency-Key": "k1"}
    await cartdb.add(cartdb.guest(owner), "apple", 999)
    refused = await cartdb.add(keyed, "apple", 1)
    await cartdb.http.delete("/carts/current/items", headers=cartdb.guest(owner))

    replay = await cartdb.add(keyed, "apple", 1)

    assert refused.status_code == replay.status_code == 422
    assert replay.json()["type"] == "/docs/problems#quantity_limit_exceeded"
    assert (refused.json()["limit"], refused.json()["in_cart"]) == (999, 999)


async def test_a_stale_version_answers_the_current_cart_and_changes_nothing(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())
    await cartdb.add(guest, "apple")
    await cartdb.add(guest, "apple")

    stale = await cartdb.http.delete("/carts/current/items/apple", headers={**guest, "If-Match": '"1"'})
    garbled = await cartdb.http.delete("/carts/current/items/apple", headers={**guest, "If-Match": "x"})
    fresh = await cartdb.http.delete("/carts/current/items/apple", headers={**guest, "If-Match": '"2"'})

    assert stale.status_code == garbled.status_code == 412
    assert (stale.json()["cart"]["version"], quantities(stale.json()["cart"])) == (2, {"apple": 2})
    assert fresh.status_code == 200


async def test_a_failed_precondition_does_not_use_up_its_key(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())
    await cartdb.add(guest, "apple")
    keyed = {**guest, "Idempotency-Key": "k1", "If-Match": '"7"'}
    await cartdb.http.delete("/carts/current/items/apple", headers=keyed)
    for n in range(6):
        await cartdb.add(guest, f"s{n}")

    now_right = await cartdb.http.delete("/carts/current/items/apple", headers=keyed)

    assert (now_right.status_code, now_right.json()["replayed"]) == (200, False)


@pytest.mark.parametrize("quantity", [0, -1, 10**10, 1.5, "1e3", None, True, "NaN"])
async def test_an_impossible_quantity_is_refused(cartdb: CartDb, quantity: Any) -> None:
    guest = cartdb.guest(new_guest())

    answer = await cartdb.add(guest, "apple", quantity)

    assert answer.status_code == 422
    assert (await cartdb.cart(guest))["version"] == 0


async def test_a_thousand_of_one_item_and_a_line_too_many_are_refused(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())
    for n in range(200):
        assert (await cartdb.add(guest, f"sku-{n:03}")).status_code == 200

    too_many_lines = await cartdb.add(guest, "one-more")
    too_many = await cartdb.add(guest, "sku-000", 999)

    assert too_many_lines.json()["type"] == "/docs/problems#line_limit_exceeded"
    assert too_many.json()["type"] == "/docs/problems#quantity_limit_exceeded"
    assert (await cartdb.cart(guest))["version"] == 200


async def test_unknown_fields_and_owners_in_a_body_are_refused(cartdb: CartDb) -> None:
    guest = cartdb.guest(new_guest())
    line = {"sku": "apple", "product_id": 1, "unit_price": 1}

    for field in ("owner_id", "status", "version", "total", "is_admin"):
        answer = await cartdb.http.post("/carts/current/items", json={**line, field: 1}, headers=guest)
        assert answer.status_code == 422, field

    assert (await cartdb.cart(guest))["version"] == 0


async def test_another_owners_cart_is_the_same_as_none(cartdb: CartDb) -> None:
    theirs = (await cartdb.add(cartdb.guest(new_guest()))).json()["cart_id"]
    me = cartdb.guest(new_guest())
    line = {"product_id": 1, "unit_price": 4000, "quantity": 5}

    for cart in (theirs, str(uuid4())):
        answers = [
            await cartdb.http.get(f"/carts/{cart}", headers=me),
            await cartdb.http.get(f"/carts/{cart}/history", headers=me),
            await cartdb.add(me, cart=cart),
            await cartdb.http.put(f"/carts/{cart}/items/apple", json=line, headers=me),
            await cartdb.http.delete(f"/carts/{cart}/items/apple", headers=me),
            await cartdb.http.delete(f"/carts/{cart}/items", headers=me),
            await cartdb.http.patch(f"/carts/{cart}", json={"name": "mine"}, headers=me),
            await cartdb.http.post(f"/carts/{cart}/activate", headers=me),
            await cartdb.http.delete(f"/carts/{cart}", headers=me),
        ]
        assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {
            (404, "/docs/problems#cart_not_found")
        }


async def test_several_carts_are_created_named_switched_and_deleted(cartdb: CartDb) -> None:
    user = cartdb.issuer.user(f"several-{uuid4()}")
    first = (await cartdb.add(user, "apple")).json()["cart_id"]

    second = (await cartdb.http.post("/carts", json={"name": " Party "}, headers=user)).json()
    await cartdb.add(user, "banana")
    renamed = (await cartdb.http.patch(f"/carts/{first}", json={"name": "Weekly"}, headers=user)).json()
    listed = (await cartdb.http.get("/carts", headers=user)).json()["carts"]
    await cartdb.http.post(f"/carts/{first}/activate", headers=user)
    deleted = [(await cartdb.http.delete(f"/carts/{first}", headers=user)).status_code for _ in range(2)]
    current = await cartdb.cart(user)

    assert (second["name"], second["current"], renamed["name"]) == ("Party", True, "Weekly")
    assert {(cart["name"], tuple(quantities(cart))) for cart in listed} == {
        ("Party", ("banana",)),
        ("Weekly", ("apple",)),
    }
    assert deleted == [204, 204]
    assert current["cart_id"] not in (first, second["cart_id"])
    assert (await cartdb.http.get(f"/carts/{first}", headers=user)).status_code == 404


async def test_twenty_open_carts_are_the_limit_even_when_asked_for_at_once(cartdb: CartDb) -> None:
    user = cartdb.issuer.user(f"collector-{uuid4()}")
    await cartdb.add(user)

    answers = await asyncio.gather(*[cartdb.http.post("/carts", json={}, headers=user) for _ in range(25)])

    assert sorted(answer.status_code for answer in answers) == [201] * 19 + [422] * 6


async def test_a_repeated_create_with_its_key_is_one_cart(cartdb: CartDb) -> None:
    user = {**cartdb.issuer.user(f"doubter-{uuid4()}"), "Idempotency-Key": "new-cart"}

    answers = await asyncio.gather(*[cartdb.http.post("/carts", json={"name": "A"}, headers=user) for _ in range(10)])

    assert len({answer.json()["cart_id"] for answer in answers}) == 1


async def test_a_guest_token_never_serves_a_user_and_a_users_token_never_another(cartdb: CartDb) -> None:
    alice = cartdb.issuer.user("alice")
    cart = (await cartdb.add(alice)).json()

    as_guest = await cartdb.http.get("/carts/current", headers=cartdb.guest(cart["owner_id"]))
    as_bob = await cartdb.http.get(
        "/carts/current", headers={**cartdb.issuer.user("bob"), "Cart-Owner": cart["owner_id"]}
    )
    nameless = await cartdb.http.get("/carts/current", headers=cartdb.issuer.service("cart:guest"))
    checkout = await cartdb.http.get("/carts/current", headers=cartdb.checkout(guest_owner_id(UUID(int=1))))

    assert [answer.status_code for answer in (as_guest, as_bob, nameless, checkout)] == [403] * 4


async def test_a_bad_token_is_401(cartdb: CartDb) -> None:
    mint = cartdb.issuer.token
    bad = [
        mint(iss="http://other.test"),
        mint(audience="catalog"),
        mint(exp=1),
        mint(sub=None),
        mint(header={"typ": "JWT"}),
        mint(header={"kid": None}),
        mint()[:-4] + "AAAA",
        "x.y.z",
    ]

    for token in bad:
        answer = await cartdb.http.get("/carts/current", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer"), token[:40]
    assert (await cartdb.http.get("/carts/current")).status_code == 401


async def test_an_expired_token_is_told_as_expired_every_time(cartdb: CartDb) -> None:
    token = cartdb.issuer.token(exp=1)

    told = [
        (await cartdb.http.get("/carts/current", headers={"Authorization": f"Bearer {token}"})).json()["detail"]
        for _ in range(2)
    ]

    assert told == ["The access token is not good: it has expired."] * 2


async def test_adds_while_the_current_cart_is_deleted_twice_wait_for_nobody_who_waits_for_them(
    cartdb: CartDb, cartdb_urls: DatabaseUrls
) -> None:
    async def deadlocks() -> int:
        connection = await asyncpg.connect(cartdb_urls.app)
        try:
            return int(
                await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            )
        finally:
            await connection.close()

    before = await deadlocks()
    for _ in range(50):
        guest = cartdb.guest(new_guest())
        cart = (await cartdb.add(guest)).json()["cart_id"]

        pairs = [(cartdb.http.delete(f"/carts/{cart}", headers=guest), cartdb.add(guest)) for _ in range(3)]
        answers = await asyncio.gather(*[call for pair in pairs for call in pair])

        assert {answer.status_code for answer in answers} == {200, 204}
        assert (await cartdb.cart(guest))["status"] == "open"
    assert await deadlocks() == before
