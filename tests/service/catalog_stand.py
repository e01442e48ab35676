"""A catalog of its own for a test, its database laid open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx

from services.catalog.app import create_app
from services.catalog.load import load, read
from services.catalog.settings import Settings
from tests.conftest import DatabaseUrls
from tests.serving import serving
from tests.tokens import TestIssuer

DEMO_GOODS = Path(__file__).parents[2] / "services" / "catalog" / "goods.csv"
HEADER = "sku,variant_of,title,description,category,image,price,additional_price,stock\n"


@dataclass(frozen=True, slots=True)
class Counters:
    """Where the stock of a SKU is."""

    available: int
    held: int
    sold: int


@dataclass(frozen=True, slots=True)
class Stand:
    """A running catalog, its database, and the tokens of a checkout and of an editor."""

    client: httpx.AsyncClient
    urls: DatabaseUrls
    checkout: dict[str, str]
    editor: dict[str, str]
    issuer: TestIssuer

    async def load(self, text: str, *, prune: bool = False, set_stock: bool = False) -> str:
        """Load a goods file; its summary."""
        goods = read(text.splitlines(keepends=True))
        return str(await load(goods, self.urls.app, prune=prune, set_stock=set_stock))

    async def hold(self, checkout_id: UUID, *lines: tuple[str, int]) -> httpx.Response:
        body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines]}
        return await self.client.post(f"/holds/{checkout_id}", json=body, headers=self.checkout)

    async def commit(self, checkout_id: UUID) -> httpx.Response:
        return await self.client.post(f"/holds/{checkout_id}/commit", headers=self.checkout)

    async def release(self, checkout_id: UUID) -> httpx.Response:
        return await self.client.post(f"/holds/{checkout_id}/release", headers=self.checkout)

    async def state(self, checkout_id: UUID) -> httpx.Response:
        return await self.client.get(f"/holds/{checkout_id}", headers=self.checkout)

    async def counters(self, sku: str) -> Counters:
        """The counters of a SKU, read beside the service."""
        async with self.connection() as connection:
            row = await connection.fetchrow("SELECT available, held, sold FROM skus WHERE sku = $1", sku)
        assert row is not None
        return Counters(**dict(row))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection with the rights of the service."""
        connection = await asyncpg.connect(self.urls.app)
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def standing(urls: DatabaseUrls, issuer: TestIssuer, goods: str = "") -> AsyncIterator[Stand]:
    """A catalog with these goods."""
    settings = Settings(
        database_url=urls.app, oidc_issuer=issuer.issuer, oidc_privileged_subjects="*", database_pool_size=10
    )
    async with serving(create_app(settings, provider_transport=issuer.transport)) as client:
        checkout = issuer.service("stock:checkout", audience="catalog")
        editor = issuer.service("catalog:write", audience="catalog")
        stand = Stand(client, urls, checkout, editor, issuer)
        if goods:
            await stand.load(goods)
        yield stand


async def until_waiting(connection: asyncpg.Connection, sessions: int) -> None:
    """Return once so many sessions of this database wait for a lock."""
    waiting = """
        SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE NOT granted AND datname = current_database()
    """
    async with asyncio.timeout(1.5):
        while await connection.fetchval(waiting) < sessions:
            pass
