"""An app served to a client in this process, with its lifespan run as a server runs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send


def with_state(app: ASGIApp, state: dict[str, Any]) -> ASGIApp:
    """The app, given in every request the state that its lifespan made."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(state)
        await app(scope, receive, send)

    return served


@asynccontextmanager
async def serving(app: FastAPI, *, base_url: str = "http://service") -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app, while the app is up."""
    async with app.router.lifespan_context(app) as state:
        transport = httpx.ASGITransport(with_state(app, dict(state or {})), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as client:
            yield client
