"""A client of event streams, as tests need one: event by event, with what stands between them."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

PATIENCE_SECONDS = 5.0


@dataclass(frozen=True)
class Event:
    """One event as it came."""

    name: str
    id: str | None
    data: Any


class Listening:
    """An open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def block(self, *, within: float = PATIENCE_SECONDS) -> list[str]:
        """The lines up to the next empty one; none when the stream has ended."""
        block: list[str] = []
        async with asyncio.timeout(within):
            async for line in self._lines:
                if not line:
                    break
                block.append(line)
        return block

    async def event(self, *, within: float = PATIENCE_SECONDS) -> Event | None:
        """The next event, whatever comments come before it; None when the stream has ended well."""
        async with asyncio.timeout(within):
            while block := await self.block(within=within):
                fields = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
                if "event" in fields:
                    return Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
        return None

    async def cart(self, *, within: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The next event's cart."""
        event = await self.event(within=within)
        assert event is not None
        assert event.name == "cart", event
        cart: dict[str, Any] = event.data
        assert event.id == f"{cart['cart_id']}:{cart['version']}"
        return cart

    async def apples(self, *, within: float = PATIENCE_SECONDS) -> int:
        """How many things are in the next event's cart."""
        total: int = (await self.cart(within=within))["total_items"]
        return total


@asynccontextmanager
async def listening(
    http: httpx.AsyncClient, url: str = "/cart/events", headers: Mapping[str, str] | None = None
) -> AsyncIterator[Listening]:
    """A stream for as long as the block runs."""
    async with http.stream("GET", url, headers=dict(headers or {})) as response:
        assert response.status_code == 200, await response.aread()
        yield Listening(response)
