"""An app served to a client in this process, with its lifespan run as a server runs it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from services.chassis.connection import LimitedProtocol
from services.chassis.serve import CuttableProtocol


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


class _Announced(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def on_a_port(
    app: ASGIApp, listening: socket.socket | None = None, *, http: type[LimitedProtocol] = CuttableProtocol
) -> AsyncIterator[str]:
    """The address of the app, served on a free port as chassis/serve.py does where fault scripts are on."""
    listening = listening or socket.create_server(("127.0.0.1", 0))
    server = _Announced(
        uvicorn.Config(
            app, http=http, ws="none", limit_concurrency=http.limits.connections, log_config=None, access_log=False
        )
    )
    # Not serve(): that one would take the test runner's signals.
    running = asyncio.create_task(server._serve(sockets=[listening]))
    await server.up.wait()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def until_ready(address: str) -> None:
    """Wait for a service that needs others."""
    async with asyncio.timeout(30), httpx.AsyncClient(base_url=address) as client:
        while (await client.get("/health/ready")).status_code != 200:  # noqa: ASYNC110 - it is another service
            await asyncio.sleep(0.05)
