"""Where the processor tells what happened. Its signature is the only credential: no session, no bearer, no cookie."""

import time
from typing import Any, cast

from fastapi import APIRouter, Request

from services.chassis.app import refusals
from services.contracts.problems import NotFound, Unavailable, WebhookSignatureRefused

from .settings import Settings
from .webhooks import Webhooks, check_signature, nudge_in

router = APIRouter(tags=["webhooks"])

SIGNATURE = {
    "name": "Stripe-Signature",
    "in": "header",
    "required": True,
    "description": "`t=<seconds since 1970>,v1=<hex>`. v1 is the HMAC-SHA256 of t, a point and the body, as it came, "
    "under the endpoint's secret. Of several v1 one has to fit; t is five minutes off at most.",
    "schema": {"type": "string", "pattern": "^t=[0-9]{1,12}(,v[01]=[0-9a-f]{64})+$"},
    "example": "t=1793500000,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
}
EVENT: dict[str, Any] = {
    "id": "evt_019ab6f0c1d87a2b9c3d4e5f60718293",
    "object": "event",
    "api_version": "2026-07-29.dahlia",
    "created": 1793500000,
    "type": "payment_intent.succeeded",
    "livemode": False,
    "pending_webhooks": 1,
    "request": {"id": None, "idempotency_key": "0d1f9a3e-6f0b-5d53-9d5e-3c1f4f5a6b7c:confirm"},
    "data": {
        "object": {
            "id": "pi_019ab6f0b2c47d1e8f90a1b2c3d4e5f6",
            "object": "payment_intent",
            "amount": 12600,
            "amount_received": 12600,
            "currency": "inr",
            "status": "succeeded",
            "metadata": {"checkout_id": "0d1f9a3e-6f0b-5d53-9d5e-3c1f4f5a6b7c"},
        }
    },
}


@router.post(
    "/webhooks/payments",
    status_code=204,
    responses=refusals(WebhookSignatureRefused, NotFound, Unavailable),
    summary="The processor's webhook",
    openapi_extra={
        "parameters": [SIGNATURE],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}, "example": EVENT}},
        },
        "security": [],
    },
)
async def hear_payments(request: Request) -> None:
    """An event, signed with `PAYMENTS_WEBHOOK_SECRET`; without that setting there is nothing here.

    `payment_intent.succeeded` settles the pending order that `data.object.metadata.checkout_id` names, as soon as the
    processor itself says that the intent has succeeded; `payment_intent.payment_failed` and `payment_intent.canceled`
    end one that nobody is at work on any more. Nothing else in the body counts.

    204 for whatever needs no second sending: other events, strangers' and repeats too. It asks for no bearer token and
    no cookie, and cannot be tried from this page, which cannot sign.
    """
    settings = cast(Settings, request.state.settings)
    if not settings.payments_webhook_secret:
        raise NotFound
    body = await request.body()
    signature = request.headers.get("stripe-signature", "")
    check_signature(signature, body, secret=settings.payments_webhook_secret, now=time.time())
    if nudge := nudge_in(body):
        await cast(Webhooks, request.state.webhooks).follow(nudge)
