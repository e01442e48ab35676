"""The proxy before several replicas: turns per request, streams as they come, dead replicas stepped over."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from services.local.ports import free_port
from services.local.proxy import run


class Listening(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


class Replica:
    """A server that says its name, echoes bodies and streams on demand."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.next_event = asyncio.Event()
        self.left = asyncio.Event()
        routes = [
            Route("/name", self._tell_name, methods=["GET", "POST"]),
            Route("/echo", self._echo, methods=["POST"]),
            Route("/empty", self._empty),
            Route("/refuse", self._refuse, methods=["POST"]),
            Route("/events", self._events),
        ]
        config = uvicorn.Config(Starlette(routes=routes), port=self.port, log_config=None, lifespan="off")
        self.server = Listening(config)

    async def _tell_name(self, _: Request) -> Response:
        return PlainTextResponse(self.name)

    async def _echo(self, request: Request) -> Response:
        return Response(await request.body())

    async def _empty(self, _: Request) -> Response:
        return Response(status_code=304)

    async def _refuse(self, _: Request) -> Response:
        return PlainTextResponse("too much", 413)

    async def _events(self, _: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            yield b"data: first\n\n"
            try:
                await self.next_event.wait()
            except asyncio.CancelledError:
                self.left.set()
                raise
            yield b"data: second\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """The replica, while it listens."""
        # Not serve(): that one would take the test runner's signals.
        listening = asyncio.create_task(self.server._serve())
        await self.server.listens.wait()
        try:
            yield
        finally:
            self.server.should_exit = True
            await listening


@asynccontextmanager
async def proxied(*backends: int) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a proxy before these ports."""
    port, ready = free_port(), asyncio.Event()
    proxy = asyncio.create_task(run(port, list(backends), ready=ready))
    await ready.wait()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    proxy.cancel()
    with pytest.raises(asyncio.CancelledError):
        await proxy


@asynccontextmanager
async def two_replicas() -> AsyncIterator[tuple[httpx.AsyncClient, Replica, Replica]]:
    """A client, and the replicas one and two behind its proxy."""
    one, two = Replica("one"), Replica("two")
    async with AsyncExitStack() as opened:
        await opened.enter_async_context(one.up())
        await opened.enter_async_context(two.up())
        client = await opened.enter_async_context(proxied(one.port, two.port))
        yield client, one, two


async def test_requests_on_one_connection_go_to_the_replicas_in_turn() -> None:
    async with two_replicas() as (client, *_):
        names = [(await client.get("/name")).text for _ in range(4)]

    assert names == ["one", "two", "one", "two"]


async def test_a_dead_replica_is_stepped_over() -> None:
    one = Replica("one")
    async with one.up(), proxied(free_port(), one.port) as client:
        answers = [(await client.post("/name", json={})).text for _ in range(4)]

    assert answers == ["one"] * 4


async def test_simultaneous_requests_all_step_over_a_dead_replica() -> None:
    one = Replica("one")
    async with one.up(), proxied(free_port(), one.port) as client:
        answers = await asyncio.gather(*(client.post("/name", json={}) for _ in range(20)))

    assert [answer.text for answer in answers] == ["one"] * 20


async def test_with_no_replica_left_the_answer_is_503() -> None:
    async with proxied(free_port(), free_port()) as client:
        answer = await client.get("/name")

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_replica_that_has_gone_is_not_asked_over_an_old_connection() -> None:
    one, two = Replica("one"), Replica("two")
    async with two.up(), AsyncExitStack() as first:
        await first.enter_async_context(one.up())
        async with proxied(one.port, two.port) as client:
            before = [(await client.post("/name")).text for _ in range(2)]
            await first.aclose()
            after = [(await client.post("/name")).text for _ in range(4)]

    assert before == ["one", "two"]
    assert after == ["two"] * 4


@pytest.mark.parametrize("size", [0, 1, 100_000, 1_000_000])
async def test_bodies_pass_whole_in_both_directions(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)

    async def pieces() -> AsyncIterator[bytes]:
        yield body[:10]
        yield body[10:size]

    async with two_replicas() as (client, *_):
        announced = await client.post("/echo", content=body[:size])
        chunked = await client.post("/echo", content=pieces())

    assert announced.content == body[:size]
    assert chunked.content == body[:10] + body[10:size]


async def test_an_answer_without_body_leaves_the_connection_usable() -> None:
    async with two_replicas() as (client, *_):
        empty = await client.get("/empty")
        head = await client.head("/name")
        name = await client.get("/name")

    assert (empty.status_code, head.status_code, head.content, name.text) == (304, 200, b"", "one")


async def test_an_early_refusal_of_a_long_body_reaches_the_client() -> None:
    async with two_replicas() as (client, *_):
        answer = await client.post("/refuse", content=b"x" * 100_000)
        after = await client.get("/name")

    assert (answer.status_code, answer.text) == (413, "too much")
    assert after.text == "two"


async def test_a_client_that_goes_ends_its_stream_at_the_replica_at_once() -> None:
    async with two_replicas() as (client, one, _):
        async with client.stream("GET", "/events") as answer:
            assert await anext(answer.aiter_bytes()) == b"data: first\n\n"

        async with asyncio.timeout(5):
            await one.left.wait()
        assert (await client.get("/name")).text == "two"


async def test_a_connection_is_good_for_more_after_its_stream_has_ended() -> None:
    one = Replica("one")
    one.next_event.set()
    async with one.up(), proxied(one.port) as client:
        whole, again = [await client.get(path) for path in ("/events", "/name")]
        ways = {answer.extensions["network_stream"].get_extra_info("client_addr") for answer in (whole, again)}

    assert whole.content == b"data: first\n\ndata: second\n\n"
    assert again.text == "one"
    assert len(ways) == 1


async def test_events_arrive_while_the_stream_is_open() -> None:
    async with two_replicas() as (client, one, _), client.stream("GET", "/events") as answer:
        events = answer.aiter_raw()

        first = await anext(events)
        one.next_event.set()
        rest = b"".join([piece async for piece in events])

    assert first == b"data: first\n\n"
    assert rest == b"data: second\n\n"


async def test_a_replica_that_dies_over_a_change_answers_502_and_is_not_asked_twice() -> None:
    asked = 0

    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            asked += 1
        else:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    dying = await asyncio.start_server(dies, "127.0.0.1", 0)
    two = Replica("two")
    async with dying, two.up(), proxied(dying.sockets[0].getsockname()[1], two.port) as client:
        answer = await client.post("/name")

    assert answer.status_code == 502
    assert asked == 1


async def test_a_frozen_replica_gets_no_more_requests_and_its_unanswered_one_goes_to_nobody_else() -> None:
    got: list[bytes] = []

    async def freezes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            got.append(line)
        writer.close()

    frozen = await asyncio.start_server(freezes, "127.0.0.1", 0)
    two = Replica("two")
    async with frozen, two.up(), proxied(frozen.sockets[0].getsockname()[1], two.port) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/echo", content=b"once", timeout=0.3)
        names = ""
        async with asyncio.timeout(10):
            while not names.endswith("two" * 6):
                with suppress(httpx.ReadTimeout):
                    names += (await client.get("/name", timeout=0.3)).text

    assert [line for line in got if line.startswith(b"POST")] == [b"POST /echo HTTP/1.1\r\n"]
    assert set(names) == set("two")
