"""The controller, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Security
from prometheus_client import Counter, Gauge
from starlette.responses import Response

from services.chassis.app import Ping, create_service, render_json
from services.chassis.auth import bearer_scheme, verifier_of
from services.chassis.connection import ENDLESS
from services.chassis.database import Database
from services.chassis.logs import get_logger
from services.chassis.openid import ClientSecret, provider_of
from services.chassis.outbound import Neighbour
from services.contracts.carts import Purchase
from services.contracts.identity import Scope
from services.contracts.problems import Problem
from services.contracts.refunds import Refund

from . import account_api, api, bearer_api, docs_api, live_api, merge_api, order_api, session_api, web, webhook_api
from .account import Accounts
from .adoption import Adoption
from .checkout import Checkout
from .clients import Carts, Catalog, Stock, Watch
from .desk import Desk
from .docs_api import DOCUMENTS
from .doorkeeper import Doorkeeper, SessionCookies
from .live import Hub
from .orders import Orders
from .processor import Payments
from .provider import Identity, ServiceToken
from .reconcile import Reconcile, a_few_at_once
from .refunds import Refunds
from .session import Sessions
from .settings import Settings
from .shopping import Shopping
from .signer import Signer
from .signin import SignIn
from .webhooks import Webhooks

logger = get_logger(__name__)

UPKEEP_SECONDS = 3600.0
# Routes are looked through in order: the hot ones come first.
ROUTERS = (
    api.cart,
    session_api.session,
    api.goods,
    api.carts,
    order_api.checkout,
    live_api.live,
    merge_api.merges,
    account_api.account,
    docs_api.front,
)

ALARMS = Counter("checkout_alarms_total", "Money and goods that disagree: somebody must look.")
UNSETTLED = Gauge("checkout_unsettled", "Unfinished purchases, refunds and adoptions that the last round left open.")


def sound_alarm(what: str, concerned: Purchase | Refund, problem: Problem) -> None:
    """Somebody must look."""
    ALARMS.inc()
    ids = {"order_id": str(concerned.checkout_id)}
    if isinstance(concerned, Refund):
        ids["refund_id"] = str(concerned.refund_id)
    logger.error("checkout alarm", what=what, problem=problem.slug, **ids)


def render(request: Request, problem: Problem) -> Response:
    """A refusal in the form that its caller reads: a page, the second names' JSON, or problem+json."""
    path = request.url.path
    if path.startswith(bearer_api.PREFIX):
        return bearer_api.render_problem(problem)
    if "text/html" in request.headers.get("accept", "") and not path.startswith(("/docs", "/openapi")):
        return web.render_problem_page(request, problem)
    return render_json(request, problem)


def _document(whole: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    document = whole()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if operation.get("security") and not path.startswith(bearer_api.PREFIX):
                operation["security"] = [*operation["security"][:1], {}]  # Without a credential one is a guest.
    return document


async def reconcile_for_ever(reconcile: Reconcile, settings: Settings) -> None:
    """A round every few seconds; one that fails does not end the next."""
    while True:
        try:
            still_open = await reconcile.round(older_than=settings.reconcile_after_seconds)
            if still_open is not None:
                UNSETTLED.set(still_open)
        except Exception:
            logger.exception("a round of reconcile failed")
        await asyncio.sleep(settings.reconcile_every_seconds)


async def adopt_for_ever(adoption: Adoption, settings: Settings) -> None:
    """What a sign-in could not move, and nobody comes back for, is moved all the same."""
    while True:
        try:
            await adoption.catch_up(older_than=settings.reconcile_after_seconds)
        except Exception:
            logger.exception("a round of adoptions failed")
        await asyncio.sleep(settings.reconcile_every_seconds)


async def clean_up_for_ever(sessions: Sessions) -> None:
    """Forget sessions that no cookie can bring back."""
    while True:
        try:
            await sessions.forget_old()
        except Exception:
            logger.exception("old sessions could not be deleted")
        await asyncio.sleep(UPKEEP_SECONDS)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application."""
    settings = settings or Settings()
    pings: dict[str, Ping] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as opened:
            database = await opened.enter_async_context(
                Database(settings.database_url, pool_size=settings.database_pool_size)
            )
            provider = provider_of(settings)
            catalog = Neighbour("catalog", settings.catalog_url)
            cartdb = Neighbour("cartdb", settings.cartdb_url)
            payments = Neighbour("payments", settings.payments_url, read_seconds=10.0)
            for neighbour in (provider, catalog, cartdb, payments):
                await opened.enter_async_context(neighbour)
            pings.update(database=database.ping, idp=provider.ping)
            identity = Identity(
                provider,
                ClientSecret(settings.oidc_client_id, settings.oidc_client_secret),
                resource={settings.oidc_resource_parameter: settings.oidc_resource} if settings.oidc_resource else {},
            )
            guest_token, checkout_token, stock_token, watch_token = (
                ServiceToken(identity, scope)
                for scope in (Scope.CART_GUEST, Scope.CART_CHECKOUT, Scope.STOCK_CHECKOUT, Scope.CART_WATCH)
            )
            hub = Hub(versions=Watch(cartdb, watch_token).versions, most=settings.live_streams)
            sessions = Sessions(database, Signer(settings.session_secret), over=hub.over)
            carts, goods = Carts(cartdb, checkout_token, changed=hub.changed), Catalog(catalog)
            processor = Payments(payments, secret_key=settings.payments_secret_key)
            adoption = Adoption(carts=carts, sessions=sessions, guest_token=guest_token)
            doorkeeper = Doorkeeper(
                sessions=sessions,
                identity=identity,
                verifier=verifier_of(provider, settings),
                guest_token=guest_token,
                adoption=adoption,
                settings=settings,
            )
            stock = Stock(catalog, stock_token)
            checkout = Checkout(carts=carts, stock=stock, payments=processor, alarm=sound_alarm)
            refunds = Refunds(carts=carts, stock=stock, payments=processor, alarm=sound_alarm)
            reconcile = Reconcile(
                checkout=checkout, refunds=refunds, carts=carts, payments=processor, together=a_few_at_once
            )
            upkeep = [
                asyncio.create_task(reconcile_for_ever(reconcile, settings)),
                asyncio.create_task(adopt_for_ever(adoption, settings)),
                asyncio.create_task(clean_up_for_ever(sessions)),
                asyncio.create_task(live_api.watch_for_ever(hub)),
                asyncio.create_task(live_api.check_for_ever(hub, sessions.ended_among)),
            ]
            yield {
                "settings": settings,
                "live": hub,
                ENDLESS: hub,
                "doorkeeper": doorkeeper,
                "shopping": Shopping(goods=goods, carts=carts),
                "orders": Orders(
                    carts=carts,
                    goods=goods,
                    checkout=checkout,
                    guests=adoption,
                    currency=settings.shop_currency,
                    aliases=settings.payment_aliases,
                ),
                "accounts": Accounts(
                    carts=carts, sessions=sessions, identity=identity, guest=doorkeeper.guest_authority
                ),
                "desk": Desk(carts=carts, refunds=refunds),
                "webhooks": Webhooks(
                    checkout=checkout,
                    refunds=refunds,
                    reconcile=reconcile,
                    carts=carts,
                    payments=processor,
                    patience=settings.reconcile_after_seconds,
                ),
                "adoption": adoption,
                "sign_in": SignIn(
                    identity=identity, sessions=sessions, doorkeeper=doorkeeper, adoption=adoption, settings=settings
                ),
            }
            for task in upkeep:
                task.cancel()
            await asyncio.gather(*upkeep, return_exceptions=True)

    app = create_service(
        name="controller",
        title="python-cart",
        description="The shopper's door: carts, checkout, orders. Amounts are integers in minor units (paise).",
        settings=settings,
        lifespan=lifespan,
        routers=[*ROUTERS, *([] if settings.in_production else [docs_api.explorer]), bearer_api.router, web.router],
        guard=Security(bearer_scheme(settings.oidc_issuer)),
        pings=pings,
        render=render,
        issuer=settings.oidc_issuer,
        docs_links=DOCUMENTS,
        https=settings.https,
    )
    if not settings.https:
        logger.warning("PUBLIC_URL is http: session cookies are not Secure")
    app.openapi = partial(_document, app.openapi)  # type: ignore[method-assign]  # as FastAPI documents it
    app.include_router(
        webhook_api.router
    )  # Outside the guard: no bearer token opens it, and the docs must not ask for one.
    app.state.settings = settings
    app.mount("/static", web.static_app, name="static")
    app.add_middleware(SessionCookies)
    return app
