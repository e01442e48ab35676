"""cartdb, put together."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Security

from services.chassis.app import Ping, create_service
from services.chassis.auth import bearer_scheme, verifier_of
from services.chassis.database import FastDatabase
from services.chassis.openid import provider_of

from .account_api import accounts
from .account_store import AccountStore
from .adoption_api import adoptions
from .adoption_store import AdoptionStore
from .api import router
from .cart import Limits
from .expiry_store import ExpiryStore
from .history_store import HistoryStore
from .purchase_api import purchases, refunds
from .purchase_store import PurchaseStore
from .refund_store import RefundStore
from .rows import Opening
from .settings import Settings
from .store import Store
from .upkeep import tidy_for_ever
from .watch_api import watch
from .watch_store import WatchStore

# Far above what the largest carts of one shopper come to: the shopper's own limit is the controller's.
BODY_LIMIT = 8 * 1024 * 1024


def create_app(settings: Settings | None = None, *, idp_transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """The application. `idp_transport` replaces the network to the provider."""
    settings = settings or Settings()
    limits = Limits(
        quantity=settings.max_quantity,
        lines=settings.max_lines,
        open_carts=settings.max_open_carts,
        guest_idle_days=settings.guest_idle_days,
        user_idle_days=settings.user_idle_days,
    )
    opening = Opening(limits, settings.shop_currency)
    pings: dict[str, Ping] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as opened:
            database = await opened.enter_async_context(
                FastDatabase(settings.database_url, pool_size=settings.database_pool_size)
            )
            provider = provider_of(settings, idp_transport)
            await opened.enter_async_context(provider)
            pings.update(database=database.ping, idp=provider.ping)
            upkeep = tidy_for_ever(
                ExpiryStore(database, limits), batch=settings.upkeep_batch, pause=settings.upkeep_every_seconds
            )
            await opened.enter_async_context(_running(upkeep))
            yield {
                "store": Store(database, opening),
                "histories": HistoryStore(database),
                "purchases": PurchaseStore(database, opening),
                "refunds": RefundStore(database),
                "adoptions": AdoptionStore(database, opening),
                "watching": WatchStore(database),
                "accounts": AccountStore(database, limits),
                "verifier": verifier_of(provider, settings),
            }

    return create_service(
        name="cartdb",
        title="cartdb",
        description="Carts between sessions, and the single truth of what is purchased. The controller calls it.",
        settings=settings,
        lifespan=lifespan,
        routers=[router, purchases, refunds, adoptions, watch, accounts],
        guard=Security(bearer_scheme(settings.oidc_issuer)),
        pings=pings,
        body_limit=BODY_LIMIT,
        issuer=settings.oidc_issuer,
        quiet=frozenset({"/versions"}),
    )


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
