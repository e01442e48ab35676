"""Wires catalog together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI, Security

from services.chassis.app import Ping, create_service
from services.chassis.auth import bearer_scheme, verifier_of
from services.chassis.database import Database
from services.chassis.openid import provider_of

from . import api
from .hold_store import HoldStore
from .restock_store import RestockStore
from .settings import Settings
from .store import Store

DESCRIPTION = """Products, variants, prices and stock of the shop. Reading needs no credential; editing needs a token
with the scope `catalog:write`, the stock of checkouts one with `stock:checkout`. Prices are minor units."""


def create_app(
    settings: Settings | None = None, *, provider_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """The catalog service, with the settings of its environment unless others are given."""
    settings = settings or Settings()
    pings: dict[str, Ping] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        provider = provider_of(settings, provider_transport)
        async with provider, Database(settings.database_url, pool_size=settings.database_pool_size) as base:
            # Goods can be read while the provider is down, so readiness does not ask for it.
            pings["database"] = base.ping
            yield {
                "store": Store(base, currency=settings.shop_currency),
                "holds": HoldStore(base),
                "restocks": RestockStore(base),
                "verifier": verifier_of(provider, settings),
            }

    guarded = APIRouter(dependencies=[Security(bearer_scheme(settings.oidc_issuer))])
    guarded.include_router(api.editing)
    guarded.include_router(api.stock_of_checkouts)
    return create_service(
        name="catalog",
        title="Catalog",
        description=DESCRIPTION,
        settings=settings,
        lifespan=lifespan,
        routers=[api.reading, guarded],
        pings=pings,
        body_limit=1024 * 1024,
        issuer=settings.oidc_issuer,
    )
