"""The payments service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import FastAPI

from services.chassis.app import Ping, create_service
from services.chassis.database import Database

from .api import ApiKeys, router
from .envelope import Envelope, render
from .processor import Vault, authorise
from .settings import Settings
from .store import Authorise, Clock, Store

DESCRIPTION = """\
A stateful card processor that speaks the part of Stripe's wire format a checkout needs, for documented test cards only.

Bodies are form-encoded, with groups in brackets:

    curl http://localhost:8004/v1/payment_intents -u "$PAYMENTS_SECRET_KEY:" -H "Idempotency-Key: order-42" \\
         -d amount=19900 -d currency=inr -d "payment_method_types[]=card" -d "metadata[order]=42"

Every POST takes an `Idempotency-Key`: the first outcome under a key is its only one. Unknown parameters are refused.
Wherever a payment method is named, a ready-made token such as `pm_card_visa` or `pm_card_visa_chargeDeclined` will do.
"""


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings | None = None, *, authorise: Authorise = authorise, clock: Clock = utc_now
) -> FastAPI:
    """The service. Who authorises, and what time it is, may be given by tests."""
    chosen = settings or Settings()
    pings: dict[str, Ping] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with Database(chosen.database_url, pool_size=chosen.database_pool_size) as database:
            pings["database"] = database.ping
            vault = Vault(chosen.fingerprint_secret)
            yield {
                "store": Store(database, vault, authorise=authorise, clock=clock),
                "keys": ApiKeys(chosen.payments_secret_key, chosen.payments_publishable_key, chosen.fingerprint_secret),
            }

    app = create_service(
        name="payments",
        title="payments",
        description=DESCRIPTION,
        settings=chosen,
        lifespan=lifespan,
        routers=[router],
        pings=pings,
        render=render,
    )
    app.openapi = partial(_document, app)  # type: ignore[method-assign]  # FastAPI's documented way to change its page
    app.add_middleware(Envelope, shop_origin=chosen.shop_origin)
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    document = FastAPI.openapi(app)
    for path, operations in document["paths"].items():
        if path.startswith("/v1/"):
            for operation in operations.values():
                operation["responses"].pop("422", None)  # Stripe's answer to a wrong parameter is 400.
    return document
