"""The addresses at which endpoints for webhooks are kept."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from . import commands, wire
from .api import SecretKey, api_version, asked_by, object_id, posted_by, refused, shown_scheme
from .endpoint_store import EndpointStore
from .envelope import sent
from .refusals import KeyInUse, KeyReused, NoSuchObject, SecretKeyNeeded


async def endpoints_of(request: Request) -> EndpointStore:
    """The store that the lifespan opened."""
    endpoints: EndpointStore = request.state.endpoints
    return endpoints


Endpoints = Annotated[EndpointStore, Depends(endpoints_of)]

webhook_router = APIRouter(
    prefix="/v1/webhook_endpoints",
    tags=["webhook endpoints"],
    dependencies=[Depends(shown_scheme), Depends(api_version)],
)


@webhook_router.post(
    "",
    summary="Have events told to an address",
    response_model=wire.NewWebhookEndpoint,
    responses=refused(SecretKeyNeeded, KeyReused, KeyInUse),
    openapi_extra=commands.form_body(
        commands.CreateWebhookEndpoint,
        example="url=https://shop.example/webhooks/payments&enabled_events[]=payment_intent.succeeded",
    ),
)
async def create_webhook_endpoint(request: Request, key: SecretKey, endpoints: Endpoints) -> Response:
    """`enabled_events[]` names them, `*` means all. The answer alone has the `secret`: keep it.

    Every event from now on is sent as a POST of its JSON with `Stripe-Signature: t=…,v1=…`, where v1 is the HMAC-SHA256
    under the secret of `t`, a point and the body. Any 2xx takes it; everything else, redirects too, is tried again in
    growing pauses from a second to eight hours, for three days. At least once, and in no order: read the object itself
    before acting.
    """
    posted = await posted_by(request, key, commands.CreateWebhookEndpoint)
    return sent(await endpoints.create(posted.attempt, posted.parameters))


@webhook_router.get(
    "",
    summary="List webhook endpoints, newest first",
    responses=refused(SecretKeyNeeded),
    openapi_extra=commands.query_of(commands.ListParameters),
)
async def list_webhook_endpoints(request: Request, _: SecretKey, endpoints: Endpoints) -> wire.WebhookEndpoints:
    """Without their secrets."""
    page = asked_by(request, commands.ListParameters)
    page.expect_consistent()
    return await endpoints.list(page)


@webhook_router.get(
    "/{endpoint_id}", summary="Show a webhook endpoint", responses=refused(SecretKeyNeeded, NoSuchObject)
)
async def get_webhook_endpoint(
    request: Request, endpoint_id: str, _: SecretKey, endpoints: Endpoints
) -> wire.WebhookEndpoint:
    """Without its secret."""
    asked_by(request, commands.NoParameters)
    return await endpoints.get(object_id(endpoint_id))


@webhook_router.post(
    "/{endpoint_id}",
    summary="Change a webhook endpoint",
    response_model=wire.WebhookEndpoint,
    responses=refused(SecretKeyNeeded, NoSuchObject, KeyReused, KeyInUse),
    openapi_extra=commands.form_body(commands.UpdateWebhookEndpoint, example="disabled=true"),
)
async def update_webhook_endpoint(request: Request, endpoint_id: str, key: SecretKey, endpoints: Endpoints) -> Response:
    """What is not given stays. A disabled endpoint is told nothing, and never of what happens meanwhile.

    What it had not taken before waits until it is enabled again, if that is within the three days.
    """
    posted = await posted_by(request, key, commands.UpdateWebhookEndpoint)
    return sent(await endpoints.update(posted.attempt, object_id(endpoint_id), posted.parameters))


@webhook_router.delete(
    "/{endpoint_id}", summary="Delete a webhook endpoint", responses=refused(SecretKeyNeeded, NoSuchObject)
)
async def delete_webhook_endpoint(
    request: Request, endpoint_id: str, _: SecretKey, endpoints: Endpoints
) -> wire.DeletedWebhookEndpoint:
    """It is told nothing more, not even of what has happened already."""
    asked_by(request, commands.NoParameters)
    return await endpoints.delete(object_id(endpoint_id))
