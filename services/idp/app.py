"""The provider, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2 import OAuth2Error
from fastapi import FastAPI

from services.chassis.app import Ping, create_service
from services.chassis.auth import bearer_scheme
from services.chassis.database import Database
from services.chassis.faults import Faults, Script
from services.chassis.settings import Environment

from . import api, browser
from .account import DEMO_ACCOUNTS
from .client import registered, web_origins
from .cors import CrossOrigin
from .pages import Pages
from .passwords import Passwords
from .provider import Provider
from .settings import Settings
from .store import Store
from .tokens import KeyRing
from .upkeep import prepare, sweep
from .wrong_answers import Effects, WrongAnswers


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(settings: Settings | None = None, *, clock: Callable[[], datetime] = _now) -> FastAPI:
    """The service as uvicorn runs it."""
    settings = settings or Settings()
    demo_accounts = DEMO_ACCOUNTS if settings.demo_accounts else ()
    pages = Pages(shop=settings.public_url, demo_accounts=demo_accounts)
    pings: dict[str, Ping] = {}
    script = Script(Effects) if settings.fault_scripts else None
    clients = registered(
        issuer=settings.oidc_issuer,
        public_url=settings.public_url,
        controller_secret=settings.oidc_client_secret,
        catalog_secret=settings.catalog_client_secret,
        local_docs=settings.environment is not Environment.PRODUCTION,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as opened:
            database = await opened.enter_async_context(
                Database(settings.database_url, pool_size=settings.database_pool_size)
            )
            passwords = await opened.enter_async_context(Passwords())
            store = Store(database, clock=clock)
            ring = KeyRing(store, clock=clock)
            provider = Provider(settings.oidc_issuer, clients, store, ring, passwords, pages, clock)
            prepared = await opened.enter_async_context(_running(prepare(provider, demo_accounts)))
            await opened.enter_async_context(_running(sweep(provider)))
            pings["database"] = database.ping
            pings["keys and accounts"] = lambda: asyncio.shield(prepared)
            yield {"provider": provider}

    app = create_service(
        name="idp",
        title="python-cart identity provider",
        description=(
            "An OpenID Connect provider: authorization code with PKCE, refresh with rotation, client credentials. "
            "All clients are the shop's own, so nobody is asked for consent."
        ),
        settings=settings,
        lifespan=lifespan,
        routers=[api.router(bearer_scheme(settings.oidc_issuer)), browser.router],
        pings=pings,
        render=pages.render,
        issuer=settings.oidc_issuer,
        faults=Faults(script) if script else None,
        https=settings.secure,
    )
    app.add_exception_handler(OAuth2Error, browser.refuse)
    if script is not None:
        app.add_middleware(WrongAnswers, script=script, clients=clients)
    app.add_middleware(CrossOrigin, paths=api.CROSS_ORIGIN_PATHS, origins=web_origins(clients))
    return app


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
