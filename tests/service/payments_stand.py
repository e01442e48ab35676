"""A payments service for its tests: in this process, or really served on a port of its own."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import httpx
from fastapi import FastAPI

from services.payments.app import create_app
from services.payments.settings import Settings

REPOSITORY = Path(__file__).parents[2]
SECRET_KEY = "sk_test_sample_secret"
PUBLISHABLE_KEY = "pk_test_sample_publishable"
SHOP = "http://shop.test:8000"
SECRET = {"Authorization": f"Bearer {SECRET_KEY}"}
PUBLISHABLE = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
NOON = datetime(2031, 5, 17, 12, tzinfo=UTC)

VISA = {"type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2034"}


def environment(database_url: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "PAYMENTS_SECRET_KEY": SECRET_KEY,
        "PAYMENTS_PUBLISHABLE_KEY": PUBLISHABLE_KEY,
        "FINGERPRINT_SECRET": "sample fingerprint secret",
        "PUBLIC_URL": SHOP,
    }


def payments_app(database_url: str, *, settings: dict[str, str] | None = None, **given: Any) -> FastAPI:
    usual = {name.lower(): value for name, value in environment(database_url).items()}
    return create_app(Settings.model_validate(usual | (settings or {})), clock=lambda: NOON, **given)


def visa(number: str = "4242424242424242", **changed: str) -> dict[str, str]:
    """A card's parameters; `exp_month="13"` changes one of them."""
    return {**VISA, "card[number]": number, "card[cvc]": "123"} | {f"card[{k}]": v for k, v in changed.items()}


class Payments:
    """One replica, spoken to with the secret key."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def post(self, path: str, *, key: str | None = None, **parameters: Any) -> httpx.Response:
        under = {"Idempotency-Key": key} if key else {}
        data = {name.replace("__", "[", 1) + "]" if "__" in name else name: v for name, v in parameters.items()}
        return await self.client.post(f"/v1/{path}", data=data, headers=SECRET | under)

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.client.get(f"/v1/{path}", params=query, headers=SECRET)

    async def intent(self, **parameters: Any) -> dict[str, Any]:
        """A new intent of 19900 paise."""
        sale: dict[str, Any] = {"amount": 19900, "currency": "inr"}
        answer = await self.post("payment_intents", **(sale | parameters))
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def charges_of(self, intent_id: str) -> list[dict[str, Any]]:
        """Every try to take the intent's money, newest first."""
        charges: list[dict[str, Any]] = (await self.get("charges", payment_intent=intent_id)).json()["data"]
        return charges

    async def count_intents(self) -> int:
        page = (await self.get("payment_intents", limit="100")).json()
        assert not page["has_more"]
        return len(page["data"])


@asynccontextmanager
async def replica_process(
    database_url: str, *, log: IO[bytes] | int = asyncio.subprocess.DEVNULL
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A replica as a process of its own, from when it is ready; and its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.chassis.serve", "payments", str(port)),
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **environment(database_url)},
        stdout=log,
        stderr=log,
    )
    try:
        await _ready(f"http://127.0.0.1:{port}")
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ready(address: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient() as client:
        while True:
            try:
                assert (await client.get(f"{address}/health/ready")).status_code == 200
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
