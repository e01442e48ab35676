"""Where the processor tells what happened. Its signature is the only credential: no session, no bearer, no cookie."""

import time
from typing import cast

from fastapi import APIRouter, Request

from services.chassis.app import refusals
from services.contracts.problems import NotFound, Unavailable, WebhookSignatureRefused

from .settings import Settings
from .webhooks import Webhooks, check_signature, nudge_in

router = APIRouter(tags=["webhooks"])


@router.post(
    "/webhooks/payments",
    status_code=204,
    responses=refusals(WebhookSignatureRefused, NotFound, Unavailable),
    summary="The processor's webhook",
    openapi_extra={
        "parameters": [{"name": "Stripe-Signature", "in": "header", "required": True, "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "security": [],
    },
)
async def hear_payments(request: Request) -> None:
    """An event, signed with `PAYMENTS_WEBHOOK_SECRET`; without that setting there is nothing here.

    204 for whatever needs no second sending, foreign events and repeats too.
    """
    settings = cast(Settings, request.state.settings)
    if not settings.payments_webhook_secret:
        raise NotFound
    body = await request.body()
    signature = request.headers.get("stripe-signature", "")
    check_signature(signature, body, secret=settings.payments_webhook_secret, now=time.time())
    if nudge := nudge_in(body):
        await cast(Webhooks, request.state.webhooks).follow(nudge)
