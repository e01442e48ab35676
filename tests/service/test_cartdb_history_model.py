"""Whatever happens to carts, in whatever order: their history rebuilds each as it was at every moment and version."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cartdb.adoption_store import AdoptionStore
from services.cartdb.cart import Limits
from services.cartdb.expiry_store import ExpiryStore
from services.cartdb.history import Entry, rebuild
from services.cartdb.history_store import Asked, HistoryStore
from services.cartdb.purchase_store import PurchaseStore
from services.cartdb.rows import Opening
from services.cartdb.store import Edit, Store
from services.chassis.database import FastDatabase
from services.contracts.carts import (
    ApplyMerge,
    Cart,
    CreateCart,
    Freeze,
    Frozen,
    MergeStrategy,
    PurchaseRequest,
)
from services.contracts.identity import first_cart_id, owner_id_of
from services.contracts.problems import Problem
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.cartdb_client import new_guest, snapshot_of

LIMITS = Limits(quantity=20, lines=2, open_carts=3, guest_idle_days=30, user_idle_days=90)
ENDED = {"emptied", "deleted", "forgotten"}


class Step(NamedTuple):
    """Something that happens to one of the carts of one of the two owners."""

    what: str
    guest: bool
    cart: int
    sku: str
    number: int


CHANGES = (
    *("add", "add", "add", "set", "remove", "clear", "clear", "create", "rename", "rename", "activate", "delete"),
    *("purchase", "purchase", "settle", "unpurchase", "void", "expire"),
    *("freeze", "freeze", "apply", "apply", "close", "close"),
)
STEPS = st.builds(
    Step,
    st.sampled_from(CHANGES),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from(["apple", "banana", "cherry", "dates"]),
    st.integers(0, 12),
)

Seen = tuple[int, str, str | None, dict[str, int], dict[str, int]]
CARTS_NOW = """
    SELECT owner_id, cart_id, version, status, name,
        (SELECT COALESCE(jsonb_object_agg(sku, quantity), '{}') FROM lines l
            WHERE l.owner_id = c.owner_id AND l.cart_id = c.cart_id) AS lines,
        (SELECT COALESCE(jsonb_object_agg(sku, added_price), '{}') FROM lines l
            WHERE l.owner_id = c.owner_id AND l.cart_id = c.cart_id) AS prices
    FROM carts c WHERE owner_id = ANY($1::text[]) ORDER BY owner_id, created_at, cart_id
"""


@dataclass
class Database:
    """cartdb's stores over one database, its owner's connection, and the loop that both live in."""

    runner: asyncio.Runner
    pool: FastDatabase
    owner: asyncpg.Connection


@pytest.fixture(scope="module")
async def urls(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("cartdb")


@pytest.fixture(scope="module")
def database(urls: DatabaseUrls) -> Iterator[Database]:
    with asyncio.Runner() as runner:
        pool = FastDatabase(urls.app, pool_size=1)
        owner = runner.run(asyncpg.connect(urls.owner))
        runner.run(owner.set_type_codec("jsonb", encoder=str, decoder=json.loads, schema="pg_catalog"))
        yield Database(runner, pool, owner)
        runner.run(owner.close())
        runner.run(pool.__aexit__(None, None, None))


@dataclass
class Shop:
    """A user, the guest who signs in as them, and after each a new one; and what was seen of whose carts when."""

    database: Database
    user: str = field(default_factory=lambda: owner_id_of("http://provider.example", str(uuid4())))
    guests: list[str] = field(default_factory=lambda: [new_guest()])
    seen: dict[tuple[str, UUID], list[tuple[datetime, Seen]]] = field(default_factory=lambda: defaultdict(list))
    marked: dict[str, list[UUID]] = field(default_factory=lambda: defaultdict(list))
    frozen: Frozen | None = None

    def __post_init__(self) -> None:
        opening = Opening(LIMITS, "INR")
        self.carts = Store(self.database.pool, opening)
        self.purchases = PurchaseStore(self.database.pool, opening)
        self.adoptions = AdoptionStore(self.database.pool, opening)
        self.expiry = ExpiryStore(self.database.pool, LIMITS)
        self.histories = HistoryStore(self.database.pool)

    async def take(self, step: Step) -> None:
        """Let it happen, or be refused; then compare."""
        owner = self.guests[-1] if step.guest else self.user
        mine = [cart for whose, cart in self.seen if whose == owner] or [first_cart_id(owner)]
        with suppress(Problem):
            await getattr(self, f"_{step.what}", self._edit)(owner, mine[step.cart % len(mine)], step)
        await self.look()

    async def look(self) -> None:
        """Note every cart as it is now; its history, rebuilt, must say the same."""
        rows = await self.database.owner.fetch(CARTS_NOW, [self.user, *self.guests])
        moment = await self.database.owner.fetchval("SELECT clock_timestamp()")
        for row in rows:
            owner, cart, *now = row
            states = self.seen[owner, cart]
            if [then for _, then in states[-1:]] != [tuple(now)]:
                states.append((moment, tuple(now)))
            assert await self.rebuilt(owner, cart) == tuple(now)

    async def look_back(self) -> None:
        """Every cart at every moment and version that was noted, rebuilt now."""
        for (owner, cart), states in self.seen.items():
            for moment, then in states:
                assert await self.rebuilt(owner, cart, at=moment) == then
            for version, then in {then[0]: then for _, then in states}.items():
                assert await self.rebuilt(owner, cart, version=version) == then

    async def rebuilt(self, owner: str, cart: UUID, *, at: datetime | None = None, version: int | None = None) -> Seen:
        then = await self.histories.history(owner, cart, Asked(at, version, 0, 200))
        assert then.complete_since is not None
        assert then.next is None
        by_all = rebuild(Entry(**entry.model_dump(include=set(Entry.__slots__))) for entry in then.entries)
        assert (by_all.version, by_all.name, by_all.lines) == (then.version, then.name, then.lines)
        return then.version, then.status.value, then.name, then.lines, then.added_prices

    async def _edit(self, owner: str, cart: UUID, step: Step) -> None:
        edit = Edit(owner, None if step.cart == 3 else cart, step.what, step.sku, 1, None, step.number, 4000)
        await self.carts.edit(edit)

    async def _create(self, owner: str, cart: UUID, step: Step) -> None:
        wanted = CreateCart(name=f"cart {step.number}" if step.number > 3 else None, activate=step.number % 2 == 0)
        await self.carts.create(owner, wanted, key=None, fingerprint="")

    async def _rename(self, owner: str, cart: UUID, step: Step) -> None:
        name = f"cart {step.number}" if step.number > 3 else None
        await self.carts.rename(owner, cart, name, key=None, fingerprint="")

    async def _activate(self, owner: str, cart: UUID, step: Step) -> None:
        await self.carts.activate(owner, cart, key=None, fingerprint="")

    async def _delete(self, owner: str, cart: UUID, step: Step) -> None:
        await self.carts.delete(owner, cart, key=None, fingerprint="")

    async def _purchase(self, owner: str, cart: UUID, step: Step) -> None:
        found = Cart.model_validate_json(await self.carts.find(owner, cart))
        if found.items:
            snapshot: Any = snapshot_of(found.model_dump())
            wanted = PurchaseRequest(checkout_id=uuid4(), version=found.version, fingerprint="f", snapshot=snapshot)
            self.marked[owner].append((await self.purchases.purchase(owner, cart, wanted)).checkout_id)

    async def _settle(self, owner: str, cart: UUID, step: Step) -> None:
        for checkout in self.marked[owner]:
            with suppress(Problem):
                await self.purchases.attach(owner, checkout, intent_id="pi_1")
                await self.purchases.settle(owner, checkout, intent_id="pi_1")

    async def _unpurchase(self, owner: str, cart: UUID, step: Step) -> None:
        for checkout in self.marked[owner]:
            with suppress(Problem):
                await self.purchases.unpurchase(owner, checkout, intent_id=None, reason="declined")

    async def _void(self, owner: str, cart: UUID, step: Step) -> None:
        await self.purchases.void(owner, uuid4(), cart_id=cart, fingerprint="f", reason="never_came")

    async def _freeze(self, owner: str, cart: UUID, step: Step) -> None:
        strategy = list(MergeStrategy)[step.number % 4]
        wanted = Freeze(merge_id=uuid4(), target_owner=self.user, strategy=strategy)
        self.frozen = await self.adoptions.freeze(self.guests[-1], wanted)

    async def _apply(self, owner: str, cart: UUID, step: Step) -> None:
        if self.frozen:
            shared = self.frozen.model_dump(include=set(ApplyMerge.model_fields))
            await self.adoptions.apply(self.user, ApplyMerge(**shared))

    async def _close(self, owner: str, cart: UUID, step: Step) -> None:
        if self.frozen:
            await self.adoptions.close(self.frozen.guest_owner, self.frozen.merge_id)
            self.guests.append(new_guest())

    async def _expire(self, owner: str, cart: UUID, step: Step) -> None:
        await self.database.owner.execute(
            "UPDATE carts SET expires_at = now() - interval '1 day' WHERE owner_id = $1 AND cart_id = $2", owner, cart
        )
        outcome = await self.expiry.expire(owner, cart)
        if outcome in ENDED:
            for whose, which in list(self.seen):
                if whose == owner and (which == cart or outcome == "forgotten"):
                    del self.seen[whose, which]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(st.lists(STEPS, min_size=10, max_size=40))
def test_a_history_rebuilds_every_cart_to_every_moment_and_version(database: Database, steps: list[Step]) -> None:
    async def happen() -> None:
        shop = Shop(database)
        for step in steps:
            await shop.take(step)
        await shop.look_back()

    database.runner.run(happen())
