"""The real cartdb, catalog and payments over real PostgreSQL, for cases that run side by side and cannot meet."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
from fastapi import FastAPI
from pydantic import BaseModel

from services.cartdb.app import create_app as create_cartdb
from services.cartdb.settings import Settings as CartdbSettings
from services.catalog.app import create_app as create_catalog
from services.catalog.load import load, read
from services.catalog.settings import Settings as CatalogSettings
from services.chassis.database import Database, FastDatabase
from services.chassis.outbound import Forwarded
from services.contracts.identity import Scope
from services.local.postgres import EmbeddedPostgres, Server
from services.payments.app import create_app as create_payments
from services.payments.settings import Settings as PaymentsSettings
from services.verify.check import Databases as VerifiedDatabases
from services.verify.check import verify
from tests.conftest import Databases, DatabaseUrls
from tests.serving import with_state
from tests.tokens import TestIssuer

T = TypeVar("T")

NEIGHBOURS = ("cartdb", "catalog", "payments")
SECRET_KEY = "sk_test_sample_secret"
PRICE, STOCK, QUANTITY = 4000, 3, 2
GOODS_AT_ONCE = 400
GOODS_HEADER = "sku,variant_of,title,description,category,image,price,additional_price,stock\n"


class Undone:
    """A transaction that a neighbour does not live to commit."""

    def __init__(self) -> None:
        self.happened = False

    async def strike(self, connection: asyncpg.Connection, killer: asyncpg.Pool) -> None:
        """End the server's side of the connection, so that PostgreSQL itself takes the transaction back."""
        if self.happened:
            return
        pid = connection.get_server_pid()
        await killer.execute("SELECT pg_terminate_backend($1, 5000)", pid)  # Waits until it is gone.
        self.happened = True


# Set while a request that shall not be committed is under way: in its own task alone.
UNDONE: ContextVar[Undone | None] = ContextVar("undone", default=None)


class Mortal:
    """A service's database, whose connection can be ended between the last statement and the COMMIT."""

    def __init__(self, database: Any, killer: asyncpg.Pool) -> None:
        self._database = database
        self._killer = killer

    async def transact(self, work: Callable[[Any], Awaitable[T]]) -> T:
        async def until_commit(session: Any) -> T:
            value = await work(session)
            if undone := UNDONE.get():
                await undone.strike(await _driver(session), self._killer)
            return value

        done: T = await self._database.transact(until_commit)
        return done

    async def one_statement(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        """The statement commits by itself, so it is given a transaction in which it can be stopped before."""
        if UNDONE.get() is None:
            return await self._database.one_statement(statement, *arguments)
        return await self.transact(lambda connection: connection.fetchrow(statement, *arguments))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def _driver(session: Any) -> asyncpg.Connection:
    """The asyncpg connection below a session of either kind."""
    if isinstance(session, asyncpg.Connection | asyncpg.pool.PoolConnectionProxy):
        return session
    raw = await (await session.connection()).get_raw_connection()
    return raw.driver_connection


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the controller shows to its neighbours."""

    guest: Forwarded
    checkout: Forwarded
    stock: Forwarded


@dataclass
class World:
    """The three neighbours, and their databases laid open."""

    urls: dict[str, DatabaseUrls]
    issuer: TestIssuer
    tokens: Tokens
    apps: dict[str, httpx.AsyncBaseTransport]
    replicas: dict[str, httpx.AsyncBaseTransport]
    pools: dict[str, asyncpg.Pool]
    sessions: Database
    numbers: int = 0
    goods: list[str] = field(default_factory=list)
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def new_sku(self) -> str:
        """Goods that no other case knows."""
        async with self._loading:
            if not self.goods:
                await self._load(GOODS_AT_ONCE)
            return self.goods.pop()

    async def books(self) -> list[str]:
        """What does not agree between the databases, by `make verify`'s own rules; nothing may be under way."""
        found = await verify(
            VerifiedDatabases(**{name: urls.owner for name, urls in self.urls.items()}), strict=True, wait_seconds=0
        )
        return [f"{one.invariant}: {one.what} ({one.where})" for one in found.violations]

    async def _load(self, number: int) -> None:
        first = self.numbers
        self.numbers += number
        skus = [f"goods-{n}" for n in range(first, self.numbers)]
        rows = [f"{sku},,Goods {sku},Plain.,Things,things.svg,{PRICE},,{STOCK}\n" for sku in skus]
        await load(read([GOODS_HEADER, *rows]), self.urls["catalog"].app, prune=False, set_stock=False)
        self.goods = skus[::-1]


def _apps(urls: dict[str, DatabaseUrls], issuer: TestIssuer) -> tuple[FastAPI, FastAPI, FastAPI]:
    common: dict[str, Any] = {"environment": "test", "log_level": "critical", "database_pool_size": 12}
    provider: dict[str, Any] = {"oidc_issuer": issuer.issuer, "oidc_privileged_subjects": "*"}
    cartdb = CartdbSettings(database_url=urls["cartdb"].app, **provider, **common)
    catalog = CatalogSettings(database_url=urls["catalog"].app, **provider, **common)
    payments = PaymentsSettings(
        database_url=urls["payments"].app,
        payments_secret_key=SECRET_KEY,
        payments_publishable_key="pk_test_sample_publishable",
        fingerprint_secret="sample fingerprint secret",
        public_url="http://shop.test:8000",
        **common,
    )
    return (
        create_cartdb(cartdb, idp_transport=issuer.transport),
        create_catalog(catalog, provider_transport=issuer.transport),
        create_payments(payments),
    )


def make_mortal(store: object, killer: asyncpg.Pool) -> None:
    """Put a Mortal in the place of each database that a store holds, or that a part of it does."""
    for name, part in list(vars(store).items()) if hasattr(store, "__dict__") else ():
        if isinstance(part, Database | FastDatabase):
            setattr(store, name, Mortal(part, killer))
        elif type(part).__module__.startswith("services.") and not isinstance(part, BaseModel):
            make_mortal(part, killer)


@asynccontextmanager
async def serving_mortals(app: FastAPI, killer: asyncpg.Pool) -> AsyncIterator[httpx.AsyncBaseTransport]:
    """The way to an app that runs in this process, each of whose stores can be killed before a commit."""
    async with app.router.lifespan_context(app) as state:
        for store in dict(state or {}).values():
            make_mortal(store, killer)
        yield httpx.ASGITransport(with_state(app, dict(state or {})), raise_app_exceptions=False)


@asynccontextmanager
async def world_of(databases: Databases) -> AsyncIterator[World]:
    """New databases, and the services over them."""
    urls = {name: await databases.make(name) for name in (*NEIGHBOURS, "controller")}
    issuer = TestIssuer()

    def token(scope: Scope, audience: str) -> Forwarded:
        return Forwarded(issuer.token(subject="controller", scope=scope, audience=audience, exp=2**31))

    tokens = Tokens(
        token(Scope.CART_GUEST, "cartdb"), token(Scope.CART_CHECKOUT, "cartdb"), token(Scope.STOCK_CHECKOUT, "catalog")
    )
    async with AsyncExitStack() as opened:
        pools = {
            name: await opened.enter_async_context(asyncpg.create_pool(urls[name].app, min_size=1, max_size=6))
            for name in NEIGHBOURS
        }
        apps, replicas = [
            {
                name: await opened.enter_async_context(serving_mortals(app, pools[name]))
                for name, app in zip(NEIGHBOURS, _apps(urls, issuer), strict=True)
            }
            for _ in range(2)
        ]
        sessions = await opened.enter_async_context(Database(urls["controller"].app))
        yield World(urls, issuer, tokens, apps, replicas, pools, sessions)


@asynccontextmanager
async def databases_on(server: Server) -> AsyncIterator[Databases]:
    """Databases whose books can be checked, and which are dropped at the end."""
    connection = await asyncpg.connect(server.superuser_url)
    try:
        await connection.execute(A_VERIFIER)  # Migrations show their views only where there is somebody to see them.
    finally:
        await connection.close()
    databases = Databases(server)
    try:
        yield databases
    finally:
        await databases.drop_all()


A_VERIFIER = """
    DO $$ BEGIN
        CREATE ROLE verifier LOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$
"""


@contextmanager
def own_server() -> Iterator[Server]:
    """A server for a run outside pytest."""
    folder = Path(tempfile.mkdtemp(prefix="crash-points-"))
    embedded = EmbeddedPostgres(folder, durable=False)
    try:
        yield embedded.start()
    finally:
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)
