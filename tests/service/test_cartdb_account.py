"""What cartdb tells an owner about themselves, and what is left of them once they are forgotten."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio

from services.chassis.migrate import SERVICES
from services.contracts.account import AccountPart
from services.contracts.identity import first_cart_id
from services.verify import queries, read
from services.verify.invariants import Violation, of_purchase
from services.verify.rows import Purchase, Refund
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.cartdb_client import CartDb, new_guest, running_cartdb, snapshot_of
from tests.service.test_cartdb_adoption import apply, freeze

NAME = "Zaphod Marker"
EMAIL = "zaphod.marker@example.com"
ADDRESS = {"name": NAME, "line1": "7 Marker Lane", "city": "Pune", "postal_code": "411001", "country": "IN"}
MARKERS = (NAME, EMAIL, "Marker Lane", "Marker's cart", "marker-key")
ROUNDS = 8


@pytest_asyncio.fixture(scope="module")
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    """With the views that the verifier reads."""
    urls = await make_database("cartdb")
    connection = await asyncpg.connect(urls.owner)
    views = (SERVICES / "cartdb" / "migrations" / "verifier.sql").read_text()
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS verify; {views}")
    await connection.close()
    return urls


@pytest_asyncio.fixture(scope="module")
async def cartdb(database: DatabaseUrls) -> AsyncIterator[CartDb]:
    async with running_cartdb(database.app) as client:
        yield client


class Life:
    """An owner, by the credential that reaches them, and what they did in the shop."""

    def __init__(self, cartdb: CartDb, *, user: str | None = None) -> None:
        self.cartdb = cartdb
        self.owner = cartdb.owner_of(user) if user else new_guest()
        self.headers = cartdb.issuer.user(user) if user else cartdb.guest(self.owner)
        self.orders: list[UUID] = []

    async def add(self, sku: str = "apple", quantity: int = 2, **headers: str) -> httpx.Response:
        body = {"sku": sku, "quantity": quantity, "product_id": 1, "unit_price": 4000}
        return await self.cartdb.http.post("/carts/current/items", json=body, headers={**self.headers, **headers})

    async def mark(self, cart: dict[str, Any] | None = None) -> httpx.Response:
        cart = cart or await self.cartdb.cart(self.headers)
        self.orders.append(uuid4())
        snapshot = {**snapshot_of(cart), "shipping_address": ADDRESS, "billing_address": ADDRESS, "email": EMAIL}
        body = {
            "checkout_id": str(self.orders[-1]),
            "version": cart["version"],
            "fingerprint": "f",
            "snapshot": snapshot,
        }
        path = f"/carts/{cart['cart_id']}/purchase"
        return await self.cartdb.http.post(path, json=body, headers=self.cartdb.checkout(self.owner))

    async def buy(self) -> None:
        await self.add()
        assert (await self.mark()).json()["state"] == "pending"
        await self.step("attach", intent_id=f"pi_{self.orders[-1].hex}")
        await self.step("settle", intent_id=f"pi_{self.orders[-1].hex}")

    async def step(self, step: str, **body: Any) -> httpx.Response:
        answer = await self.cartdb.step(self.owner, self.orders[-1], step, **body)
        assert answer.status_code == 200, answer.text
        return answer

    async def refund(self, amount: int) -> dict[str, Any]:
        """Begun."""
        body = {"refund_id": str(uuid4()), "fingerprint": "f", "currency": "INR", "actor": "user:olga"}
        answer = await self.step("refunds", **body, amount=amount)
        told: dict[str, Any] = answer.json()
        return told

    async def refund_of_first(self, amount: int) -> dict[str, Any]:
        """Begun, of what they bought first."""
        later, self.orders = self.orders, self.orders[:1]
        try:
            return await self.refund(amount)
        finally:
            self.orders = later

    async def finish(self, refund: dict[str, Any]) -> httpx.Response:
        path, body = f"/refunds/{refund['refund_id']}/finish", {"processor_refund_id": f"re_{uuid4().hex}"}
        return await self.cartdb.http.post(path, json=body, headers=self.cartdb.checkout(self.owner))

    async def live(self) -> None:
        """A bought cart with a refund, a declined checkout, a named cart that waits, a used key."""
        await self.buy()
        await self.finish(await self.refund(100))
        await self.add("pear", 1)
        await self.mark()
        await self.step("unpurchase", intent_id=None, reason="card_declined")
        await self.cartdb.http.post("/carts", json={"name": "Marker's cart"}, headers=self.headers)
        await self.add("plum", 3, **{"Idempotency-Key": "marker-key"})

    async def held(self, part: str, **query: Any) -> list[dict[str, Any]]:
        """All of a kind, page by page."""
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            answer = await self.cartdb.http.get(f"/account/{part}", params={**query, **after}, headers=self.headers)
            assert answer.status_code == 200, answer.text
            found += answer.json()["records"]
            if answer.json()["next_after"] is None:
                return found
            assert answer.json()["next_after"] != after.get("after"), "the same page again"
            after = {"after": answer.json()["next_after"]}

    async def everything(self) -> dict[str, Any]:
        return {part.value: await self.held(part) for part in AccountPart}

    async def erase(self, **body: Any) -> httpx.Response:
        return await self.cartdb.http.post("/account/erase", json=body, headers=self.headers)


async def violations(database: DatabaseUrls) -> list[Violation]:
    """What the verifier finds wrong within cartdb."""
    async with read.at_one_instant(database.owner) as connection:
        found = [violation async for violation in read.offences(connection)]
        async for purchase in read.rows(connection, Purchase, queries.PURCHASES, refunds=Refund):
            found += of_purchase(purchase)
    return found


async def expect_no_marker(database: DatabaseUrls, *owners: str) -> None:
    """Nothing that tells a person is in any row of these owners, in any table."""
    connection = await asyncpg.connect(database.owner)
    try:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.columns"
            " WHERE column_name = 'owner_id' AND table_schema = 'public'"
        )
        for (table,) in tables:
            rows = await connection.fetch(
                f'SELECT to_jsonb(t)::text FROM "{table}" t WHERE owner_id = ANY($1::text[])', list(owners)
            )
            text = "".join(row[0] for row in rows)
            assert [marker for marker in MARKERS if marker in text] == [], table
    finally:
        await connection.close()
    assert len(tables) >= 8


async def adopted(cartdb: CartDb, guest: Life, user: str) -> UUID:
    """The guest's carts, moved to the user."""
    merge_id = uuid4()
    frozen = (await freeze(cartdb, guest.owner, user, merge_id)).json()
    while (applied := await apply(cartdb, user, frozen)).status_code == 409:  # In checkout, for a moment.
        pass
    assert applied.status_code == 200, applied.text
    await cartdb.http.post(f"/adoptions/{merge_id}/close", headers=guest.headers)
    return merge_id


@pytest.fixture(params=["user", "guest"])
def life(request: pytest.FixtureRequest, cartdb: CartDb) -> Life:
    return Life(cartdb, user=f"u-{uuid4()}" if request.param == "user" else None)


# --- told


async def test_an_owner_is_told_everything_in_pages_of_any_size_and_no_hash(life: Life) -> None:
    await life.live()

    whole = await life.everything()
    by_one = {part.value: await life.held(part, limit=1) for part in AccountPart}

    assert by_one == whole
    assert [row["owner_id"] for row in whole["shopper"]] == [life.owner]
    assert sorted(cart["status"] for cart in whole["carts"]) == ["open", "open", "purchased"]
    assert {cart["name"] for cart in whole["carts"]} == {None, "Marker's cart"}
    assert [cart["items"] != [] for cart in whole["carts"]] == [True, True, True]
    assert not any("replayed" in cart for cart in whole["carts"]), "it is about a request, not about a cart"
    assert {entry["action"] for entry in whole["history"]} >= {"add", "purchase", "settle", "unpurchase"}
    assert {(order["state"], order["snapshot"]["email"]) for order in whole["purchases"]} == {
        ("paid", EMAIL),
        ("failed", EMAIL),
    }
    assert [row["key"] for row in whole["keys"]] == ["marker-key"]
    assert "fingerprint" not in whole["keys"][0]


async def test_ten_thousand_changes_are_told_in_bounded_pages(life: Life, database: DatabaseUrls) -> None:
    await life.add()
    cart_id = (await life.cartdb.cart(life.headers))["cart_id"]
    connection = await asyncpg.connect(database.owner)
    await connection.execute(
        "INSERT INTO history (owner_id, cart_id, version, action, sku, quantity, actor) "
        "SELECT $1, $2, 1, 'set', 'apple', 2, 'user' FROM generate_series(1, 10000)",
        life.owner,
        UUID(cart_id),
    )
    await connection.close()

    page = await life.cartdb.http.get("/account/history", params={"limit": 500}, headers=life.headers)
    entries = [entry["entry"] for entry in await life.held("history", limit=500)]

    assert len(page.json()["records"]) == 500
    assert len(entries) == len(set(entries)) > 10_000


@pytest.mark.parametrize("part", [part.value for part in AccountPart])
async def test_a_page_that_was_never_told_of_is_refused(life: Life, part: str) -> None:
    for after in ("x y", "' OR 1=1", f"{uuid4()}/99999999999999999999"):
        answer = await life.cartdb.http.get(f"/account/{part}", params={"after": after}, headers=life.headers)
        assert (answer.status_code, part) in ((422, part), (200, "keys")), answer.text


# --- forgotten


async def test_nothing_that_tells_a_person_is_left_and_the_books_are(life: Life, database: DatabaseUrls) -> None:
    await life.live()
    before = await life.everything()

    answer = await life.erase()

    assert answer.status_code == 204, answer.text
    await expect_no_marker(database, life.owner)
    after = await life.everything()
    assert after["keys"] == after["receipts"] == []
    kept = ("checkout_id", "cart_id", "state", "reason", "intent_id", "created_at", "decided_at", "refunds")
    assert [[order[name] for name in kept] for order in after["purchases"]] == [
        [order[name] for name in kept] for order in before["purchases"]
    ]
    for order, known in zip(after["purchases"], before["purchases"], strict=True):
        gone = {"shipping_address": None, "billing_address": None, "email": None}
        assert order["snapshot"] == {**known["snapshot"], **gone}
        assert (order["fingerprint"], order["erased_at"] is None) == ("erased", False)
    bought = {cart["cart_id"] for cart in after["carts"] if cart["status"] == "purchased"}
    assert bought == {order["cart_id"] for order in before["purchases"] if order["state"] == "paid"}
    current = after["shopper"][0]["current_cart_id"]
    assert {entry["cart_id"] for entry in after["history"] if entry["action"] not in ("create", "erase")} == bought
    for cart in after["carts"]:
        told = [entry for entry in after["history"] if entry["cart_id"] == cart["cart_id"]][-1]
        assert (told["version"], told["status"]) == (cart["version"], cart["status"])
    assert [cart["items"] for cart in after["carts"] if cart["cart_id"] == current] == [[]]
    assert await violations(database) == []


async def test_a_repeat_agrees_and_changes_nothing(life: Life, database: DatabaseUrls) -> None:
    await life.live()
    await life.erase()
    once = await life.everything()

    again = [await life.erase() for _ in range(3)]

    assert {answer.status_code for answer in again} == {204}
    twice = await life.everything()
    assert {part: rows for part, rows in twice.items() if part != "shopper"} == {
        part: rows for part, rows in once.items() if part != "shopper"
    }
    assert await violations(database) == []


async def test_whoever_was_forgotten_has_one_clean_cart_with_an_id_of_its_own(life: Life) -> None:
    await life.live()
    old = (await life.cartdb.cart(life.headers))["cart_id"]
    await life.erase()

    cart = await life.cartdb.cart(life.headers)
    listed = (await life.cartdb.http.get("/carts", headers=life.headers)).json()["carts"]
    await life.cartdb.http.post("/carts", json={"name": "New", "activate": False}, headers=life.headers)
    later = (await life.cartdb.http.get("/carts", headers=life.headers)).json()["carts"]

    assert (cart["items"], cart["version"], cart["name"]) == ([], 0, None)
    assert cart["cart_id"] not in (old, str(first_cart_id(life.owner)))
    assert [one["cart_id"] for one in listed] == [cart["cart_id"]]
    assert len(later) == 2
    late = await life.cartdb.add(life.headers, cart=str(first_cart_id(life.owner)))
    assert late.status_code in (404, 409), late.text
    assert (await life.add()).json()["items"] != []


async def test_an_owner_whom_nobody_has_seen_is_forgotten_without_a_row(life: Life) -> None:
    assert (await life.erase()).status_code == 204

    assert await life.everything() == {part.value: [] for part in AccountPart}


async def test_an_order_or_a_refund_without_an_outcome_refuses_and_nothing_is_gone(life: Life) -> None:
    await life.live()
    refund = await life.refund_of_first(200)
    before = await life.everything()

    for body in ({}, {"only_ask": True}):
        refused = await life.erase(**body)
        assert (refused.status_code, refused.json()["type"]) == (409, "/docs/problems#account_has_unfinished_orders")
        assert refused.json()["order_ids"] == [str(life.orders[0])]
    assert await life.everything() == before
    await life.finish(refund)
    await life.add("fig")
    await life.mark()
    assert (await life.erase()).json()["order_ids"] == [str(life.orders[-1])]
    await life.step("unpurchase", intent_id=None, reason="abandoned")
    assert (await life.erase()).status_code == 204


async def test_asking_changes_nothing(life: Life) -> None:
    await life.live()
    before = await life.everything()

    assert (await life.erase(only_ask=True)).status_code == 204

    assert await life.everything() == before


async def test_an_erased_order_is_refunded_as_any_other(life: Life, database: DatabaseUrls) -> None:
    await life.live()
    await life.erase()

    refund = await life.refund_of_first(300)
    done = await life.finish(refund)

    assert (refund["state"], done.json()["state"]) == ("pending", "done")
    assert await violations(database) == []


async def test_late_steps_of_an_erased_order_agree_and_change_nothing(life: Life) -> None:
    await life.buy()
    await life.erase()
    before = await life.everything()
    intent = {"intent_id": f"pi_{life.orders[0].hex}"}

    settled = await life.cartdb.step(life.owner, life.orders[0], "settle", **intent)
    attached = await life.cartdb.step(life.owner, life.orders[0], "attach", **intent)
    unmarked = await life.cartdb.step(life.owner, life.orders[0], "unpurchase", **intent, reason="abandoned")

    assert [answer.status_code for answer in (settled, attached, unmarked)] == [200, 200, 409]
    assert settled.json()["state"] == attached.json()["state"] == "paid"
    assert await life.everything() == before


async def test_a_late_twin_of_the_checkout_is_refused_and_brings_no_address_back(
    life: Life, database: DatabaseUrls
) -> None:
    await life.add()
    cart = await life.cartdb.cart(life.headers)
    snapshot = {**snapshot_of(cart), "shipping_address": ADDRESS, "email": EMAIL}
    request = {"checkout_id": str(uuid4()), "version": cart["version"], "fingerprint": "f", "snapshot": snapshot}
    await life.erase()

    path, headers = f"/carts/{cart['cart_id']}/purchase", life.cartdb.checkout(life.owner)
    late = await life.cartdb.http.post(path, json=request, headers=headers)

    assert late.status_code == 404 or late.json()["state"] == "failed", late.text
    await expect_no_marker(database, life.owner)


async def test_a_guest_is_forgotten_with_the_user_whose_guest_it_was_and_by_nobody_else(
    cartdb: CartDb, database: DatabaseUrls
) -> None:
    user, guest = f"u-{uuid4()}", Life(cartdb)
    life = Life(cartdb, user=user)
    await guest.buy()
    await guest.add("fig")
    merge_id = await adopted(cartdb, guest, user)

    stranger = await guest.erase(adopted_by=cartdb.owner_of("somebody-else"))
    alone = await guest.erase()
    whole = await guest.erase(adopted_by=life.owner)
    between = await violations(database)
    assert (await life.erase()).status_code == 204

    assert [answer.status_code for answer in (stranger, alone, whole)] == [409, 409, 204]
    assert alone.json()["type"] == "/docs/problems#cart_is_being_adopted"
    assert between == await violations(database) == []
    await expect_no_marker(database, life.owner, guest.owner)
    receipt = (await cartdb.http.get(f"/adoptions/{merge_id}", headers=life.headers)).json()
    assert receipt["lines"] == []
    assert "fig" not in str(await life.held("receipts"))
    undone = await cartdb.http.post(f"/adoptions/{merge_id}/undo", headers=life.headers)
    assert undone.status_code in (404, 409), undone.text
    assert (await cartdb.cart(life.headers))["items"] == []


async def test_a_late_twin_of_an_adoption_brings_no_line_back(cartdb: CartDb, database: DatabaseUrls) -> None:
    user, guest = f"u-{uuid4()}", Life(cartdb)
    life = Life(cartdb, user=user)
    await guest.add("fig")
    frozen = (await freeze(cartdb, guest.owner, user, uuid4())).json()
    on_its_way = await guest.erase(adopted_by=life.owner)
    await apply(cartdb, user, frozen)
    await cartdb.http.post(f"/adoptions/{frozen['merge_id']}/close", headers=guest.headers)
    await guest.erase(adopted_by=life.owner)
    await life.erase()

    late = await apply(cartdb, user, frozen)

    assert (on_its_way.status_code, late.status_code) == (409, 200)
    assert (await cartdb.cart(life.headers))["items"] == []
    assert await violations(database) == []


async def test_expiry_takes_the_rest_of_a_guest_who_bought_nothing(cartdb: CartDb, database: DatabaseUrls) -> None:
    life = Life(cartdb)
    await life.add()
    await life.erase()
    connection = await asyncpg.connect(database.owner)
    try:
        current = await connection.fetchval("SELECT current_cart_id FROM shoppers WHERE owner_id = $1", life.owner)
        await connection.execute(
            "UPDATE carts SET expires_at = now() - interval '1 s', updated_at = now() - interval '2 years'"
            " WHERE owner_id = $1",
            life.owner,
        )

        outcome = await connection.fetchval(
            "SELECT expire_cart($1, $2, $3, 30, true)", life.owner, current, first_cart_id(life.owner)
        )
    finally:
        await connection.close()

    assert outcome == "forgotten"
    assert await life.everything() == {part.value: [] for part in AccountPart}


async def test_the_verifier_cannot_erase_nor_can_the_app_delete_beside_it(database: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database.owner)
    try:
        rights = await connection.fetch(
            "SELECT grantee FROM information_schema.role_routine_grants WHERE routine_name = 'erase_owner'"
        )
    finally:
        await connection.close()

    assert {row["grantee"].rpartition("_")[2] for row in rights} == {"app", "owner"}


# --- races


async def test_an_erasure_among_adds_checkouts_and_sign_ins_is_before_or_after_each_of_them(
    cartdb: CartDb, database: DatabaseUrls
) -> None:
    dice = random.Random(5)
    outcomes = set()
    for _ in range(ROUNDS):
        user, guest = f"u-{uuid4()}", Life(cartdb)
        life = Life(cartdb, user=user)
        await guest.add("fig", 1)
        await life.add("apple", 1)

        async def check_out(life: Life = life) -> httpx.Response | None:
            cart = await cartdb.cart(life.headers)
            if not cart["items"]:
                return None
            answer = await life.mark(cart)
            if answer.status_code == 200 and answer.json()["state"] == "pending":
                await life.step("unpurchase", intent_id=None, reason="card_declined")
            return answer

        works: list[Any] = [life.erase(), check_out(), *(life.add("pear", 1) for _ in range(4))]
        works.append(adopted(cartdb, guest, user))
        dice.shuffle(works)
        answers = await asyncio.gather(*works)

        told = [answer for answer in answers if isinstance(answer, httpx.Response)]
        assert {answer.status_code for answer in told} <= {200, 204, 404, 409}, [answer.text for answer in told]
        outcomes |= {answer.status_code for answer in told if answer.request.url.path == "/account/erase"}
        for _ in range(2):  # Nothing is in the way any more; and once more, now that everything is after.
            await guest.erase(adopted_by=life.owner)
            assert (await life.erase()).status_code == 204
        assert (await cartdb.cart(life.headers))["items"] == []

        await expect_no_marker(database, life.owner, guest.owner)

    assert 204 in outcomes
    assert await violations(database) == []
