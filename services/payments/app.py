"""The payments service, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx
from fastapi import Depends, FastAPI

from services.chassis.app import Ping, create_service
from services.chassis.database import Database
from services.chassis.docs import document_of
from services.chassis.faults import Faults, Script
from services.chassis.logs import get_logger
from services.chassis.outbound import OnlySome, fast_transport

from .api import ApiKeys, router, secret_key
from .bad_days import Astray, Effects, scripted
from .delivery_store import DeliveryStore
from .endpoint_store import EndpointStore
from .envelope import Envelope, render
from .idempotency_store import Clock, Once
from .processor import Vault, authorise
from .refusals import failure
from .sender import DATABASE_TROUBLE, Pace, Sender
from .settings import Settings
from .store import Authorise, Store
from .target import anywhere, expect_public, is_public
from .upkeep_store import Upkeep
from .webhook_api import webhook_router

logger = get_logger(__name__)

DECIDE_SECONDS = 0.25
UPKEEP_SECONDS = 3600.0

DESCRIPTION = """\
A stateful card processor that speaks the part of Stripe's wire format a checkout needs, for documented test cards only.

Bodies are form-encoded, with groups in brackets:

    . ./.env
    curl http://localhost:8004/v1/payment_intents -u "$PAYMENTS_SECRET_KEY:" -H "Idempotency-Key: order-42" \\
         -d amount=19900 -d currency=inr -d "allowed_payment_method_types[]=card" -d "metadata[order]=42"

`.env`, at the root of the repository, has the keys of this machine's stack: the secret one (`PAYMENTS_SECRET_KEY`) may
do everything, the publishable one (`PAYMENTS_PUBLISHABLE_KEY`) creates payment methods only. With `PORT_OFFSET=n` the
port is 8004 + n. API versions from 2026-09-30 on do not take `payment_method_types`; the one that goes without saying,
2026-07-29, takes either.

Every POST takes an `Idempotency-Key`: the first outcome under a key is its only one. Unknown parameters are refused.
Wherever a payment method is named, a ready-made token such as `pm_card_visa` or `pm_card_visa_chargeDeclined` will do.
"""


def utc_now() -> datetime:
    return datetime.now(UTC)


async def tell_for_ever(sender: Sender, endpoints: EndpointStore, settings: Settings, pace: Pace) -> NoReturn:
    """Have the endpoint of the settings as soon as the database answers, then tell all of them what happens."""
    configured = False
    while not configured:
        try:
            await endpoints.configure(settings.webhook_url, settings.payments_webhook_secret)
            configured = True
        except DATABASE_TROUBLE as trouble:
            logger.warning("webhooks wait for the database", trouble=type(trouble).__name__)
            await asyncio.sleep(pace.poll)
        except Exception:
            logger.exception("the endpoint of the settings could not be had")
            await asyncio.sleep(pace.poll)
    await sender.run()


async def end(task: asyncio.Task[Any]) -> None:
    """Stop a task, and wait until it has stopped."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def decide_for_ever(store: Store, sender: Sender) -> NoReturn:
    """Let slow banks decide in time, so that their webhooks go out although nobody asks for the intent."""
    while True:
        try:
            if await store.decide_due():
                sender.wake()
        except DATABASE_TROUBLE as trouble:
            logger.warning("slow banks wait for the database", trouble=type(trouble).__name__)
        except Exception:
            logger.exception("a slow bank's decision broke")
        await asyncio.sleep(DECIDE_SECONDS)


async def tidy_for_ever(upkeep: Upkeep, *, pause: float = UPKEEP_SECONDS) -> NoReturn:
    """Delete what is too old, or the tables would grow for ever; a chore that breaks does not end the other."""
    while True:
        for chore in (upkeep.forget_events, upkeep.forget_keys):
            try:
                await chore()
            except DATABASE_TROUBLE as trouble:
                logger.warning("upkeep waits for the database", trouble=type(trouble).__name__)
            except Exception:
                logger.exception("upkeep broke")
        await asyncio.sleep(pause)


def webhook_resolver(settings: Settings) -> OnlySome | None:
    """In production a name leads to a public address or nowhere, but for the one that the operator has set."""
    configured = urlsplit(settings.webhook_url).hostname
    return OnlySome(is_public, but=frozenset({configured or ""})) if settings.in_production else None


def create_app(
    settings: Settings | None = None,
    *,
    authorise: Authorise = authorise,
    clock: Clock = utc_now,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
    pace: Pace = Pace(),  # noqa: B008 - it cannot change
) -> FastAPI:
    """The service. Who authorises, what time it is, and how webhooks travel, may be given by tests."""
    chosen = settings or Settings()
    pings: dict[str, Ping] = {}
    script = Script(Effects) if chosen.fault_scripts else None
    bank = scripted(authorise, script) if script else authorise

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as opened:
            database = await opened.enter_async_context(
                Database(chosen.database_url, pool_size=chosen.database_pool_size)
            )
            pings["database"] = database.ping
            way = webhook_transport or fast_transport(resolver=webhook_resolver(chosen))
            way = Astray(way, script) if script else way
            webhooks = httpx.AsyncClient(transport=way, follow_redirects=False, trust_env=False)
            await opened.enter_async_context(webhooks)
            sender = Sender(DeliveryStore(database), webhooks, pace=pace)
            once = Once(database, clock=clock, wake=sender.wake)
            expect_target = expect_public if chosen.in_production else anywhere
            endpoints = EndpointStore(database, once, clock=clock, expect_target=expect_target)
            vault = Vault(chosen.fingerprint_secret)
            store = Store(database, vault, once, authorise=bank, clock=clock)
            work = [
                tell_for_ever(sender, endpoints, chosen, pace),
                tidy_for_ever(Upkeep(database)),
                *([decide_for_ever(store, sender)] if script else []),
            ]
            for one in work:
                opened.push_async_callback(end, asyncio.create_task(one))
            yield {
                "store": store,
                "endpoints": endpoints,
                "keys": ApiKeys(chosen.payments_secret_key, chosen.payments_publishable_key, chosen.fingerprint_secret),
            }

    app = create_service(
        name="payments",
        title="payments",
        description=DESCRIPTION,
        settings=chosen,
        lifespan=lifespan,
        routers=[router, webhook_router],
        pings=pings,
        render=render,
        faults=Faults(script, refusal=failure, guard=Depends(secret_key)) if script else None,
        https=chosen.shop_origin.startswith("https:"),  # A page that came by https calls nothing else.
    )
    app.openapi = partial(_document, app)  # type: ignore[method-assign]  # FastAPI's documented way to change its page
    app.add_middleware(Envelope, shop_origin=chosen.shop_origin)
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    document = document_of(app)
    for path, operations in document["paths"].items():
        if path.startswith("/v1/"):
            for operation in operations.values():
                operation["responses"].pop("422", None)  # Stripe's answer to a wrong parameter is 400.
    return document
