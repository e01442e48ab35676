"""Carts that nobody touches end, and nothing of money with them. Time is moved in the rows."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.cartdb.cart import Limits
from services.cartdb.expiry_store import ExpiryStore
from services.cartdb.upkeep import CARTS_EXPIRED, KEYS_DELETED, end_carts, forget_keys
from services.chassis.database import FastDatabase
from services.contracts.identity import first_cart_id
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.cartdb_client import CartDb, new_guest, running_cartdb
from tests.service.test_cartdb_adoption import apply, freeze
from tests.service.webhook_receiver import eventually

LIMITS = Limits(quantity=999, lines=200, open_carts=20, guest_idle_days=30, user_idle_days=90)
OWNED = ("shoppers", "carts", "lines", "history", "purchases", "receipts", "idempotency_keys")
MONEY = ("purchases", "refunds", "receipts")


@pytest.fixture
async def expiry(cartdb_urls: DatabaseUrls) -> AsyncIterator[ExpiryStore]:
    async with FastDatabase(cartdb_urls.app) as pool:
        yield ExpiryStore(pool, LIMITS)


@pytest.fixture
async def owner(cartdb_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """The connection of the database's owner, who may do what the service may not."""
    connection = await asyncpg.connect(cartdb_urls.owner)
    await connection.execute("UPDATE carts SET expires_at = cart_expiry(1)")
    yield connection
    await connection.close()


@dataclass
class Somebody:
    """A shopper, with the credentials to ask for them."""

    cartdb: CartDb
    owner_id: str
    headers: dict[str, str]

    @property
    def first(self) -> UUID:
        return first_cart_id(self.owner_id)

    async def add(self, sku: str = "apple", cart: object = "current", **headers: str) -> dict[str, Any]:
        answer = await self.cartdb.add({**self.headers, **headers}, sku, cart=str(cart))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def another(self, *, activate: bool) -> UUID:
        """A second cart with something in it."""
        body = {"activate": activate, "name": "Second"}
        made = (await self.cartdb.http.post("/carts", json=body, headers=self.headers)).json()
        return UUID((await self.add(cart=made["cart_id"]))["cart_id"])

    async def look(self, cart: object = "current", page: str = "") -> dict[str, Any]:
        answer = await self.cartdb.http.get(f"/carts/{cart}{page}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def status_of(self, cart: UUID) -> int:
        return (await self.cartdb.http.get(f"/carts/{cart}", headers=self.headers)).status_code

    async def check_out(self, outcome: str | None = None, **told: Any) -> UUID:
        """Mark the current cart, and let the checkout end as told."""
        cart, checkout = await self.look(), uuid4()
        marked = await self.cartdb.mark(self.owner_id, cart, checkout)
        assert marked.json()["state"] == "pending", marked.text
        if outcome == "settle":
            await self.cartdb.step(self.owner_id, checkout, "attach", intent_id="pi_1")
        if outcome:
            assert (await self.cartdb.step(self.owner_id, checkout, outcome, **told)).status_code == 200
        return UUID(cart["cart_id"])


def guest(cartdb: CartDb) -> Somebody:
    owner_id = new_guest()
    return Somebody(cartdb, owner_id, cartdb.guest(owner_id))


def user(cartdb: CartDb) -> Somebody:
    subject = f"u-{uuid4()}"
    return Somebody(cartdb, cartdb.owner_of(subject), cartdb.issuer.user(subject))


async def run_out(owner: asyncpg.Connection, who: Somebody, *, changed: str = "2 years") -> None:
    """Let the time of all their carts be over, their last change be so long ago, and their keys be of yesterday."""
    await owner.execute(
        "UPDATE carts SET expires_at = now() - interval '1 second', updated_at = now() - $2::text::interval"
        " WHERE owner_id = $1",
        who.owner_id,
        changed,
    )
    await owner.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE owner_id = $1", who.owner_id
    )


async def rows(owner: asyncpg.Connection, who: Somebody, *tables: str) -> dict[str, int]:
    """How many rows of theirs there are, in tables that have any."""
    counts = {
        table: await owner.fetchval(f"SELECT count(*) FROM {table} WHERE owner_id = $1", who.owner_id)
        for table in tables
    }
    return {table: count for table, count in counts.items() if count}


# --- what becomes of which cart


@pytest.mark.parametrize("who", [guest, user])
async def test_whoever_comes_back_finds_the_same_cart_empty_and_goes_on(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection, who: Any
) -> None:
    shopper: Somebody = who(cartdb)
    await shopper.add("apple")
    full = await shopper.add("banana")
    await run_out(owner, shopper)

    outcome = await expiry.expire(shopper.owner_id, shopper.first)
    found = await shopper.look()
    told = await shopper.look(shopper.first, "/history")
    again = await shopper.add("cherry")

    assert outcome == "emptied"
    assert (found["cart_id"], found["items"], found["status"]) == (full["cart_id"], [], "open")
    assert found["version"] > full["version"]
    assert found["expires_at"] > full["created_at"]
    assert [(entry["action"], entry["actor"]) for entry in told["entries"]] == [("expire", "expiry")]
    assert again["version"] == found["version"] + 1


async def test_a_cart_beside_the_current_one_is_gone_with_its_lines_and_history(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shopper = user(cartdb)
    await shopper.add()
    second = await shopper.another(activate=False)
    before = await rows(owner, shopper, *OWNED)
    await run_out(owner, shopper)

    assert await expiry.expire(shopper.owner_id, second) == "deleted"
    after = await rows(owner, shopper, *OWNED)
    assert (before["carts"], before["lines"], after["carts"], after["lines"]) == (2, 2, 1, 1)
    assert await shopper.status_of(second) == 404


async def test_a_first_cart_that_is_not_the_current_one_never_comes_back_under_its_id(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shopper = user(cartdb)
    await shopper.add()
    await shopper.another(activate=True)
    await run_out(owner, shopper)

    assert await expiry.expire(shopper.owner_id, shopper.first) == "emptied"
    late = await cartdb.add({**shopper.headers, "If-Match": '"1"'}, cart=str(shopper.first))
    assert (late.status_code, await shopper.status_of(shopper.first)) == (404, 404)
    assert await expiry.expire(shopper.owner_id, shopper.first) == "left"


async def test_a_guest_who_stays_away_is_forgotten_in_the_end(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shopper = guest(cartdb)
    await shopper.add(**{"Idempotency-Key": "k"})
    await shopper.another(activate=False)
    outcomes = []

    for _ in range(2):
        await run_out(owner, shopper)
        found = await expiry.expired_carts(limit=100)
        outcomes.append(sorted([await expiry.expire(*cart) for cart in found]))

    assert outcomes == [["deleted", "emptied"], ["forgotten"]]
    assert await rows(owner, shopper, *OWNED) == {}
    assert (await shopper.look())["version"] == 0
    assert (await shopper.add())["version"] == 1


@pytest.mark.parametrize("erased", [False, True])
async def test_the_versions_of_a_guest_who_comes_back_within_a_year_never_begin_anew(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection, *, erased: bool
) -> None:
    shopper = guest(cartdb)
    await shopper.add()
    if erased:
        await cartdb.http.post("/account/erase", json={}, headers=shopper.headers)
    version = "SELECT version FROM carts WHERE cart_id = $1"
    before = await owner.fetchval(version, shopper.first)
    for _ in range(3):
        await run_out(owner, shopper, changed="11 months")
        for cart in await expiry.expired_carts(limit=100):
            await expiry.expire(*cart)

    answer = await cartdb.add(shopper.headers, cart=str(shopper.first))

    after = await owner.fetchval(version, shopper.first)
    assert (answer.status_code, after) == ((404, before) if erased else (200, before + 2))


async def test_a_users_empty_cart_only_waits_longer(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shopper = user(cartdb)
    await shopper.add()
    outcomes = []

    for _ in range(3):
        await run_out(owner, shopper)
        outcomes.append(await expiry.expire(shopper.owner_id, shopper.first))

    assert outcomes == ["emptied", "prolonged", "prolonged"]
    assert (await shopper.look())["version"] == 2


async def test_a_cart_that_has_moved_loses_its_lines_and_still_goes_to_nobody_else(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shopper, subject = guest(cartdb), f"u-{uuid4()}"
    await shopper.add()
    frozen = (await freeze(cartdb, shopper.owner_id, subject, uuid4())).json()
    await run_out(owner, shopper)
    while_moving = await expiry.expire(shopper.owner_id, shopper.first)
    await apply(cartdb, subject, frozen)
    await cartdb.http.post(f"/adoptions/{frozen['merge_id']}/close", headers=shopper.headers)
    just_moved = await expiry.expire(shopper.owner_id, shopper.first)

    await run_out(owner, shopper)
    later = await expiry.expire(shopper.owner_id, shopper.first)

    assert (while_moving, just_moved, later) == ("left", "left", "emptied")
    assert await rows(owner, shopper, "lines") == {}
    assert (await freeze(cartdb, shopper.owner_id, f"u-{uuid4()}", uuid4())).status_code == 409


async def test_of_a_cart_that_a_receipt_names_the_id_stays(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    subject, visitor = f"u-{uuid4()}", guest(cartdb)
    shopper = Somebody(cartdb, cartdb.owner_of(subject), cartdb.issuer.user(subject))
    await visitor.add()
    second = await shopper.another(activate=True)
    await apply(cartdb, subject, (await freeze(cartdb, visitor.owner_id, subject, uuid4())).json())
    await cartdb.http.post(f"/carts/{shopper.first}/activate", headers=shopper.headers)
    await run_out(owner, shopper)

    assert await expiry.expire(shopper.owner_id, second) == "emptied"
    assert await rows(owner, shopper, "lines", "receipts") == {"receipts": 1}
    assert await shopper.status_of(second) == 404


async def test_a_deleted_cart_is_kept_for_its_time_and_then_gone(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shopper = user(cartdb)
    await shopper.add()
    second = await shopper.another(activate=False)
    await run_out(owner, shopper)
    await cartdb.http.delete(f"/carts/{second}", headers=shopper.headers)

    at_once = await expiry.expire(shopper.owner_id, second)
    await run_out(owner, shopper)

    assert (at_once, await expiry.expire(shopper.owner_id, second)) == ("left", "deleted")


# --- money


@pytest.mark.parametrize(("outcome", "told"), [(None, {}), ("settle", {"intent_id": "pi_1"})], ids=["pending", "paid"])
async def test_a_cart_with_a_purchase_that_has_not_failed_stays(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection, outcome: str | None, told: dict[str, str]
) -> None:
    shopper = guest(cartdb)
    await shopper.add()
    cart = await shopper.check_out(outcome, **told)
    before = await rows(owner, shopper, "purchases", "lines", "history")
    await run_out(owner, shopper)

    by_its_status = await expiry.expire(shopper.owner_id, cart)
    await owner.execute("UPDATE carts SET status = 'open' WHERE owner_id = $1", shopper.owner_id)
    by_its_purchase = await expiry.expire(shopper.owner_id, cart)
    listed = await expiry.expired_carts(limit=100)

    assert (by_its_status, by_its_purchase) == ("left", "left")
    assert (shopper.owner_id, cart) not in listed
    assert await rows(owner, shopper, "purchases", "lines", "history") == before


async def test_of_a_cart_whose_payments_failed_the_purchases_stay(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shopper = guest(cartdb)
    second = await shopper.another(activate=True)
    await shopper.check_out("unpurchase", reason="card_declined")
    await cartdb.http.post(f"/carts/{shopper.first}/activate", headers=shopper.headers)
    await run_out(owner, shopper)

    outcomes = [await expiry.expire(shopper.owner_id, cart) for cart in (second, shopper.first)]
    await run_out(owner, shopper)
    outcomes.append(await expiry.expire(shopper.owner_id, shopper.first))

    assert outcomes == ["emptied", "prolonged", "prolonged"]
    assert await rows(owner, shopper, "lines", *MONEY) == {"purchases": 1}
    assert await shopper.status_of(second) == 404


async def test_a_cart_that_a_key_still_answers_with_stays_for_the_keys_day(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shopper = user(cartdb)
    await shopper.add()
    second = await shopper.another(activate=False)
    await shopper.add(cart=second, **{"Idempotency-Key": "k"})
    await owner.execute("UPDATE carts SET expires_at = now() - interval '1 s' WHERE cart_id = $1", second)

    assert await expiry.expire(shopper.owner_id, second) == "left"
    assert (await shopper.add(cart=second, **{"Idempotency-Key": "k"}))["replayed"] is True


# --- in the act


async def test_an_edit_under_way_wins_and_nobody_waits(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection, cartdb_urls: DatabaseUrls
) -> None:
    shopper = guest(cartdb)
    await shopper.add("apple")
    await run_out(owner, shopper)
    editor = await asyncpg.connect(cartdb_urls.app)
    edit = editor.transaction()
    await edit.start()
    await editor.execute(
        "SELECT edit_cart($1, NULL, $2, 'add', 'banana', 1, NULL, 1, 1, NULL, NULL, NULL, 'INR', 9, 9, 30, 'guest')",
        shopper.owner_id,
        shopper.first,
    )

    meanwhile = await expiry.expire(shopper.owner_id, shopper.first)
    await edit.commit()
    afterwards = await expiry.expire(shopper.owner_id, shopper.first)
    await editor.close()

    assert (meanwhile, afterwards) == ("left", "left")
    assert [line["sku"] for line in (await shopper.look())["items"]] == ["apple", "banana"]


async def test_edits_that_race_with_expiry_are_never_lost(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shoppers = [guest(cartdb) for _ in range(24)]
    for shopper in shoppers:
        await shopper.add("apple")
        await run_out(owner, shopper)

    await asyncio.gather(
        *(end_carts(expiry, batch=5) for _ in range(2)), *(shopper.add("banana") for shopper in shoppers)
    )

    found = [{line["sku"] for line in (await shopper.look())["items"]} for shopper in shoppers]
    assert all("banana" in skus for skus in found)


async def test_a_connection_that_dies_in_the_act_leaves_the_cart_whole(
    cartdb: CartDb, owner: asyncpg.Connection, cartdb_urls: DatabaseUrls
) -> None:
    shopper = guest(cartdb)
    before = await shopper.add()
    told = await shopper.look(shopper.first, "/history")
    await run_out(owner, shopper)
    dying = await asyncpg.connect(cartdb_urls.app)
    await dying.execute("BEGIN")
    outcome = await dying.fetchval("SELECT expire_cart($1, $2, $2, 30, true)", shopper.owner_id, shopper.first)

    pid = await dying.fetchval("SELECT pg_backend_pid()")

    dying.terminate()
    await eventually(lambda: owner.fetchval("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pid))
    after = await shopper.look()

    assert outcome == "emptied"
    assert (after["items"], after["version"]) == (before["items"], before["version"])
    assert await shopper.look(shopper.first, "/history") == told


# --- the job


def ended() -> float:
    return sum(float(CARTS_EXPIRED.labels(outcome)._value.get()) for outcome in ("emptied", "deleted", "forgotten"))


async def test_two_replicas_at_once_end_each_cart_once(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    shoppers = [guest(cartdb) for _ in range(30)]
    for shopper in shoppers:
        await shopper.add()
        await run_out(owner, shopper)
    before = ended()

    await asyncio.gather(*(end_carts(expiry, batch=7) for _ in range(3)))
    await end_carts(expiry, batch=7)

    assert ended() - before == 30
    assert {(await shopper.look())["version"] for shopper in shoppers} == {2}
    assert await expiry.expired_carts(limit=100) == []


class _OneBreaks(ExpiryStore):
    """The database refuses one cart."""

    broken = ""

    async def expire(self, owner_id: str, cart_id: UUID) -> str:
        if owner_id == self.broken:
            raise asyncpg.CheckViolationError
        return await super().expire(owner_id, cart_id)


async def test_a_cart_that_cannot_be_ended_keeps_no_other_from_its_end(
    cartdb: CartDb, cartdb_urls: DatabaseUrls, owner: asyncpg.Connection
) -> None:
    shoppers = [guest(cartdb) for _ in range(4)]
    for shopper in shoppers:
        await shopper.add()
        await run_out(owner, shopper)

    async with FastDatabase(cartdb_urls.app) as pool:
        expiry = _OneBreaks(pool, LIMITS)
        expiry.broken = shoppers[0].owner_id
        await end_carts(expiry, batch=2)

        assert await expiry.expired_carts(limit=100) == [(shoppers[0].owner_id, shoppers[0].first)]


async def test_keys_are_deleted_after_their_24_hours_and_not_before(
    cartdb: CartDb, expiry: ExpiryStore, owner: asyncpg.Connection
) -> None:
    old, young = [guest(cartdb) for _ in range(5)], guest(cartdb)
    for shopper in (*old, young):
        for key in ("a", "b"):
            await shopper.add(**{"Idempotency-Key": key})
    for shopper in old:
        await owner.execute(
            "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' WHERE owner_id = $1",
            shopper.owner_id,
        )
    before = KEYS_DELETED._value.get()

    await asyncio.gather(*(forget_keys(expiry, batch=2) for _ in range(2)))

    assert KEYS_DELETED._value.get() - before == 10
    assert [await rows(owner, shopper, "idempotency_keys") for shopper in (*old, young)] == [
        *({} for _ in old),
        {"idempotency_keys": 2},
    ]


async def test_the_service_does_it_by_itself_and_counts(
    make_database: MakeDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    urls = await make_database("cartdb")
    async with running_cartdb(urls.app, upkeep_every_seconds=0.05, upkeep_batch=2) as cartdb:
        owner = await asyncpg.connect(urls.owner)
        shoppers = [guest(cartdb) for _ in range(5)]
        for shopper in shoppers:
            await shopper.add(**{"Idempotency-Key": "k"})
            await run_out(owner, shopper)

        async def all_done() -> bool:
            left = await owner.fetchval("SELECT (SELECT count(*) FROM lines) + (SELECT count(*) FROM idempotency_keys)")
            return bool(left == 0)

        await eventually(all_done)
        await owner.close()
        metrics = (await cartdb.http.get("/metrics")).text

    for name in ("cartdb_carts_expired_total{", "cartdb_idempotency_keys_deleted_total ", "cartdb_upkeep_last_run_"):
        assert f"\n{name}" in metrics
