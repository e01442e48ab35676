"""Somebody who hears webhooks on a port of its own, and checks each with Stripe's own library."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import stripe
from fastapi import FastAPI, Request, Response

from tests.serving import on_a_port

T = TypeVar("T")
Answer = Callable[[stripe.Event], Awaitable[int]]


async def eventually(probe: Callable[[], Awaitable[T]]) -> T:
    """What the probe finds once it finds anything, which another task will bring about."""
    async with asyncio.timeout(15):
        while True:
            if found := await probe():
                return found
            await asyncio.sleep(0.01)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that another task will bring about."""

    async def probe() -> object:
        return condition()

    await eventually(probe)


async def takes(_: stripe.Event) -> int:
    """The answer of an endpoint in good health."""
    return 200


async def breaks(_: stripe.Event) -> int:
    """The answer of one that does not work."""
    return 500


@dataclass
class Receiver:
    """What has come in. Set `secret` to what the endpoint's creation answered before the first event."""

    url: str = ""
    secret: str = ""
    answer: Answer = takes
    heard: list[stripe.Event] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The events' ids, repeats too."""
        return [event.id for event in self.heard]

    @property
    def types(self) -> list[str]:
        """The events' types, without `payment_intent.`."""
        return [event.type.removeprefix("payment_intent.") for event in self.heard]

    async def hear(self, body: bytes, signature: str) -> int:
        try:
            event = stripe.Webhook.construct_event(body, signature, self.secret)
        except (ValueError, stripe.SignatureVerificationError) as failure:
            self.refused.append(str(failure))
            return 400
        self.heard.append(event)
        return await self.answer(event)


@asynccontextmanager
async def receiving(path: str = "/hooks") -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()
    app = FastAPI()

    @app.post(path)
    async def hear(request: Request) -> Response:
        status = await receiver.hear(await request.body(), request.headers["stripe-signature"])
        return Response(status_code=status, headers={"Location": receiver.url} if status in (302, 307) else None)

    async with on_a_port(app) as address:
        receiver.url = address + path
        yield receiver
