"""The front page, and the documents of all five services."""

import asyncio
import json
from pathlib import Path as FilePath

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse, RedirectResponse

from services.chassis.docs import KEPT, docs_page
from services.contracts.problems import (
    NotFound,
)

from .papers import STYLE, paper

DOCS = FilePath(__file__).resolve().parents[2] / "docs"
SERVICES = ("controller", "catalog", "cartdb", "idp", "payments")
DOCUMENTS = (*SERVICES, "problems")


front = APIRouter(include_in_schema=False)


@front.get("/")
async def index() -> Response:
    """Leads to the shop."""
    return RedirectResponse("/shop/", 303)


@front.get("/docs/problems")
async def problems() -> Response:
    """What every `type` of a refusal leads to."""
    return paper("Problems", await asyncio.to_thread((DOCS / "problems.md").read_text, "utf-8"))


@front.get("/docs/paper.css")
async def paper_style() -> Response:
    """How a paper looks."""
    return Response(STYLE, media_type="text/css", headers=KEPT)


# What explores the API is for development; production serves nothing of it.
explorer = APIRouter(include_in_schema=False)


@explorer.get("/docs/{service}")
async def docs_of(service: str, request: Request) -> Response:
    """The page of another service's API, from the document kept under review."""
    if service not in SERVICES:
        raise NotFound
    return docs_page(
        title=service,
        document=f"/docs/openapi/{service}.json",
        issuer=request.state.settings.oidc_issuer,
        links=DOCUMENTS,
        elsewhere=service != "controller",
    )


@explorer.get("/docs/openapi/{service}.json")
async def document_of(service: str, request: Request) -> Response:
    """That document, with the provider at which this shop signs in."""
    if service not in SERVICES:
        raise NotFound
    content = json.loads(await asyncio.to_thread((DOCS / "openapi" / f"{service}.json").read_text, "utf-8"))
    discovery = f"{request.state.settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
    for scheme in content.get("components", {}).get("securitySchemes", {}).values():
        if "openIdConnectUrl" in scheme:
            scheme["openIdConnectUrl"] = discovery
    return JSONResponse(content)
