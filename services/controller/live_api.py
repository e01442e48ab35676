"""The shopper's door for whoever wants to be told: the current cart as a stream of Server-Sent Events."""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Annotated, Any, cast

from fastapi import APIRouter, Header, Request, Response
from fastapi.sse import format_sse_event
from prometheus_client import Counter, Gauge, Histogram
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from starlette.types import Receive, Scope, Send

from services.chassis.app import refusals
from services.chassis.logs import get_logger
from services.contracts.problems import (
    Forbidden,
    Problem,
    SessionRotated,
    TooManyStreams,
    Unauthenticated,
    Unavailable,
)
from services.contracts.shop import ShopCart

from .api import NO_STORE, ShoppingDep
from .doorkeeper import Visitor, the_doorkeeper
from .live import Ending, Hub, Stream

logger = get_logger(__name__)

POLL_SECONDS = 0.5
# While cartdb is away.
SLOW_POLL_SECONDS = 2.0
CHECK_SECONDS = 10.0
HEARTBEAT_SECONDS = 15.0
# Changes that follow one another faster are told together.
GAP_SECONDS = 0.05
# How long a stream whose cart cannot be read waits before it looks again: at first, and at most.
TROUBLE_SECONDS = 1.0
LONGEST_TROUBLE_SECONDS = 8.0
# A stream that has lasted so long ends, and its client's next one is recognised anew.
LIFE_SECONDS = 3600.0
# Each stream draws its own: those of a controller that dies would all come back to another in the same instant, and
# be refused together.
RETRY_MS = (1000, 3000)

STREAMS = Gauge("live_streams", "Open event streams.")
EVENTS = Counter("live_events_total", "Events sent to event streams, by name.", ("event",))
POLLS = Histogram(
    "live_poll_duration_seconds",
    "Time of asking cartdb how all carts stand that somebody listens for.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

EVENT_ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,10}"
EXAMPLE = """\
retry: 1340

event: cart
id: 0192f0c1-7a3b-8c4d-9e5f-60718293a4b5:7
data: {"cart_id":"0192f0c1-7a3b-8c4d-9e5f-60718293a4b5","version":7,"items":[…],"total_price":8000,…}

:

event: session
data: {"reason":"The session has ended: connect again."}

"""
BEARERS_POLL = "Event streams are for browsers' sessions: with a bearer token, read GET /cart and compare the version."
WORDS = {
    Ending.SESSION: "The session has ended: connect again, with the cookie of now.",
    Ending.REPLACED: "This browser has opened too many streams: share one among its tabs.",
}


async def watch_for_ever(hub: Hub) -> None:
    """Ask how carts stand, for as long as anybody listens."""
    pause = POLL_SECONDS
    while True:
        await hub.listened()
        started = time.perf_counter()
        try:
            await hub.poll()
            pause = POLL_SECONDS
        except Problem:  # What it was has been logged where it was met.
            pause = min(pause * 2, SLOW_POLL_SECONDS)
        except Exception:
            logger.exception("the carts that somebody listens for could not be looked at")
            pause = min(pause * 2, SLOW_POLL_SECONDS)
        taken = time.perf_counter() - started
        POLLS.observe(taken)
        await asyncio.sleep(max(pause - taken, 0))


async def check_for_ever(hub: Hub, ended_among: Callable[[Collection[str]], Awaitable[set[str]]]) -> None:
    """Ask which sessions have been ended by others, for as long as anybody listens."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        await hub.listened()
        try:
            hub.over(await ended_among(hub.sessions()))
        except Exception:
            logger.exception("the sessions that listen could not be looked at")


class EventStream(Response):
    """An answer that goes on. FastAPI's own needs three tasks and two queues for each, and its heartbeat is fixed."""

    media_type = "text/event-stream"

    def __init__(
        self,
        *,
        hub: Hub,
        owner: str,
        session_id: str,
        look: Callable[[], Awaitable[ShopCart | None]],
        seen: str | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        """Tell the owner's cart.

        Args:
            look: reads the cart; None when the session is over.
            seen: the id of the last event that the client knows.
        """
        super().__init__(headers={**NO_STORE, "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._whose = (owner, session_id)
        self._look = look
        self._seen = seen
        self._failures = 0
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Answer, until the client goes or the stream ends."""
        with self._hub.open(*self._whose) as stream, STREAMS.track_inprogress():
            gone = asyncio.create_task(_leave(receive, stream))
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async for piece in self._pieces(stream):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)

    async def _pieces(self, stream: Stream) -> AsyncIterator[bytes]:
        yield format_sse_event(retry=random.randint(*RETRY_MS))  # noqa: S311 - no secret
        stream.wake()
        ends_at = time.monotonic() + LIFE_SECONDS * random.uniform(0.75, 1)  # noqa: S311 - no secret
        while stream.ending is None and time.monotonic() < ends_at:
            if not await stream.news(within=self._heartbeat):
                yield b":\n\n"
            elif stream.ending is None:
                yield await self._next(stream)
                await asyncio.sleep(GAP_SECONDS)
        if stream.ending in WORDS:
            yield _event(stream.ending, f'{{"reason":"{WORDS[stream.ending]}"}}')

    async def _next(self, stream: Stream) -> bytes:
        stream.looking = True
        try:
            cart = await self._look()
        except Problem as problem:
            # The next poll that succeeds finds that the stream was told something else, and wakes it.
            stream.told = None
            await stream.news(within=min(TROUBLE_SECONDS * 2**self._failures, LONGEST_TROUBLE_SECONDS))
            self._failures += 1
            return format_sse_event(comment=f"the cart cannot be read at the moment: {problem.slug}")
        finally:
            stream.looking = False
        self._failures = 0
        if cart is None:
            stream.end(Ending.SESSION)
            return b""
        return self._told(stream, cart)

    def _told(self, stream: Stream, cart: ShopCart) -> bytes:
        state, event_id = (cart.cart_id, cart.version, cart.status), f"{cart.cart_id}:{cart.version}"
        # The id of a cart in checkout is the one that it had before: only that of an open cart says all.
        known = state == stream.told or (event_id == self._seen and cart.status == "open")
        stream.told, self._seen = state, None
        return b":\n\n" if known else _event("cart", cart.model_dump_json(), event_id)


def _event(name: str, data: str, event_id: str | None = None) -> bytes:
    EVENTS.labels(name).inc()
    return format_sse_event(event=name, data_str=data, id=event_id)


async def _leave(receive: Receive, stream: Stream) -> None:
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:  # Reading on may also fail: a GET with a body too large.
        stream.end(Ending.GONE)


def _event_id(sent: str) -> str:
    if re.fullmatch(EVENT_ID, sent) is None:
        raise PydanticCustomError("event_id", "The shop gave no such id: leave it out to begin with the cart as it is.")
    return sent


EventId = Annotated[
    str, AfterValidator(_event_id), Field(json_schema_extra={"pattern": f"^{EVENT_ID}$", "maxLength": 60})
]
LastEventId = Annotated[
    EventId | None,
    Header(
        alias="Last-Event-ID",
        description="The id of the last event that the client has seen; a browser's `EventSource` sends it by itself.",
    ),
]
ANSWERS: Mapping[int | str, dict[str, Any]] = {
    200: {
        "description": "A stream of events that goes on until either side ends it.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
    },
    **refusals(Unauthenticated, Forbidden, SessionRotated, TooManyStreams, Unavailable),
}

live = APIRouter(tags=["cart"])


@live.get(
    "/cart/events",
    status_code=200,
    response_class=EventStream,
    responses=dict(ANSWERS),
    summary="The current cart, live",
)
async def cart_events(
    request: Request, shopper: Visitor, shopping: ShoppingDep, last_event_id: LastEventId = None
) -> Response:
    """A stream of Server-Sent Events for the session of the cookie, as a browser's `EventSource` reads it.

    - `cart`: the current cart, whole, as GET /cart answers it. Sent at once, and after every change that its owner sees
      there, whoever made it: another tab, another device, a checkout. Its id is `<cart_id>:<version>`. Changes in quick
      succession may be told as one; the last event always shows the cart as it is.
    - `session`: the session has ended or has a new id. The stream ends; connect again, with the cookie of now.
    - `replaced`: this browser has opened more than four streams, and the oldest, this one, ends. Do not connect again:
      share one stream among the tabs.

    With `Last-Event-ID` the first event is left out if the client knows the cart as it is; any other id starts with the
    cart as it is. Comments keep a silent line open. Whenever a stream just ends, connect again after its `retry`.
    Changes of prices and stock are no events: they show in the next one, and in GET /cart.

    "Try it out" waits for an end that does not come. Watch in a terminal instead: `curl -N -b jar …/cart/events`.
    """
    session, doorkeeper = shopper.session, await the_doorkeeper(request)
    if session is None:
        raise Forbidden(BEARERS_POLL)
    hub = cast(Hub, request.state.live)

    async def look() -> ShopCart | None:
        now = await doorkeeper.again(session.id)
        if now is None or now.owner_id != shopper.owner_id:
            return None
        async with hub.turn:
            return await shopping.cart(now)

    return EventStream(
        hub=hub,
        owner=shopper.owner_id,
        session_id=session.id,
        look=look,
        seen=last_event_id,
    )
