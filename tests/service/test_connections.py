"""Slow, endless and ambiguous requests, byte by byte on a socket: refused or cut in time, and others are served."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from services.chassis.connection import LimitedProtocol, Limits
from tests.serving import on_a_port

pytestmark = pytest.mark.doors

PATIENCE_SECONDS = 20.0
GET = b"GET / HTTP/1.1\r\nHost: shop\r\n"
POST = b"POST / HTTP/1.1\r\nHost: shop\r\n"


class Short(LimitedProtocol):
    limits = Limits(connections=8, head_seconds=0.3, body_seconds=0.3, idle_seconds=0.3, head_bytes=4096, headers=20)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells how much body it has read."""
    if scope["type"] == "http":
        body = await Request(scope, receive).body()
        await JSONResponse({"read": len(body)})(scope, receive, send)


@pytest.fixture(scope="module")
async def address() -> AsyncIterator[str]:
    async with on_a_port(echo, http=Short) as address:
        yield address


class Wire:
    """A connection on which anything can be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer; 0 if the connection ended without one."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return 0, b""
            lines = head.lower().split(b"\r\n")
            lengths = [int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")]
            return int(head.split()[1]), await self.reader.readexactly(sum(lengths))

    async def rest(self) -> bytes:
        """Whatever comes until the connection is closed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def drip(self, data: bytes) -> None:
        """Send the same again and again until the other side has had enough."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while not self.reader.at_eof() and not self.reader._buffer:  # type: ignore[attr-defined]
                    await self.send(data)
                    await asyncio.sleep(0.02)
            except (ConnectionResetError, BrokenPipeError):
                return


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Wire]:
    at = urlsplit(address)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


async def expect_service(address: str) -> None:
    async with connected(address) as wire:
        await wire.send(GET + b"\r\n")
        assert (await wire.answer())[0] == 200


SLOW = {
    "nothing at all": (b"", b""),
    "half a request line": (b"GE", b""),
    "a head without an end": (GET, b""),
    "a head that drips": (GET, b"X: 1\r\n"),
    "a header that drips": (GET + b"X: ", b"1"),
    "empty lines for ever": (b"", b"\r\n"),
    "a body that does not come": (POST + b"Content-Length: 10\r\n\r\n", b""),
    "a body that drips": (POST + b"Content-Length: 100000\r\n\r\n", b"1"),
    "chunks that drip": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n1\r\n"),
    "a chunk without an end": (POST + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n", b"1"),
}


@pytest.mark.parametrize(("first", "then"), SLOW.values(), ids=SLOW)
async def test_a_request_that_takes_its_time_is_cut(address: str, first: bytes, then: bytes) -> None:
    async with connected(address) as wire:
        await wire.send(first)
        if then:
            await wire.drip(then)

        assert (await wire.answer())[0] in (408, 431, 0)
        assert await wire.rest() == b""
    await expect_service(address)


async def test_an_idle_connection_is_closed_and_dripping_does_not_keep_it_open(address: str) -> None:
    async with connected(address) as wire:
        await wire.send(GET + b"\r\n")
        assert (await wire.answer())[0] == 200

        await wire.drip(b"\r\n")

        assert (await wire.answer())[0] in (0, 408)


async def test_a_client_that_does_not_read_does_not_hold_up_the_end_of_the_server() -> None:
    full, lost = asyncio.Event(), asyncio.Event()

    class Watched(LimitedProtocol):
        def pause_writing(self) -> None:
            super().pause_writing()
            full.set()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    async def endless(scope: Scope, _: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while not lost.is_set():
                await send({"type": "http.response.body", "body": b"1" * 60_000, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with on_a_port(endless, http=Watched) as address:
            at = urlsplit(address)
            deaf = socket.create_connection((at.hostname, at.port))
            deaf.sendall(GET + b"\r\n")
            await full.wait()
            started = time.monotonic()

        assert time.monotonic() - started < 3
        deaf.close()


async def test_a_client_that_does_not_read_keeps_no_connection() -> None:
    lost = asyncio.Event()

    class Watched(Short):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    async def long(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await Response(b"1" * 60_000)(scope, receive, send)

    async with on_a_port(long, http=Watched) as address:
        at = urlsplit(address)
        with socket.create_connection((at.hostname, at.port)) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not lost.is_set():
                    # One by one: a request that waits for its turn would have its own time.
                    with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                        deaf.send(GET + b"\r\n")
                    await asyncio.sleep(0.01)


class Patient(LimitedProtocol):
    limits = Limits(head_seconds=2, body_seconds=2)


async def test_a_client_that_is_slow_within_the_limits_is_served_for_longer_than_they_are() -> None:
    async with on_a_port(echo, http=Patient) as address, connected(address) as wire:
        started = time.monotonic()
        while time.monotonic() < started + 2.5:
            for part in (POST, b"Content-Length: 4\r\n\r\n", b"12", b"34"):
                await wire.send(part)
                await asyncio.sleep(0.1)
            assert await wire.answer() == (200, b'{"read":4}')


LARGE = {
    "one header": GET + b"X: " + b"1" * 5000 + b"\r\n\r\n",
    "one header without an end": GET + b"X: " + b"1" * 5000,
    "one name without an end": GET + b"X" * 5000,
    "the address": b"GET /" + b"1" * 5000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n",
    "the address without an end": b"GET /" + b"1" * 5000,
    "the query": b"GET /?" + b"1" * 5000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n",
    "many headers": GET + b"".join(b"X%d: 1\r\n" % number for number in range(30)) + b"\r\n",
    "many cookies": GET + b"Cookie: a=b\r\n" * 30 + b"\r\n",
}


@pytest.mark.parametrize("head", LARGE.values(), ids=LARGE)
async def test_a_head_that_is_too_large_is_refused(address: str, head: bytes) -> None:
    async with connected(address) as wire:
        await wire.send(head)

        assert (await wire.answer())[0] == 431
        assert await wire.rest() == b""
    await expect_service(address)


async def test_a_head_just_below_the_limits_is_served(address: str) -> None:
    async with connected(address) as wire:
        await wire.send(GET + b"X: " + b"1" * 3900 + b"\r\n" + b"Y: 1\r\n" * 17 + b"\r\n")

        assert (await wire.answer())[0] == 200


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NO_BODY = {
    "trailers": (b"0\r\n", b"X: " + b"1" * 500 + b"\r\n"),
    "a trailer": (b"0\r\nX: ", b"1" * 500),
    "the name of a trailer": (b"0\r\n", b"X" * 500),
    "an extension of a chunk": (b"1;x=", b"1" * 500),
}


@pytest.mark.parametrize(("begun", "more"), NO_BODY.values(), ids=NO_BODY)
async def test_what_is_neither_head_nor_body_has_an_end_too(begun: bytes, more: bytes) -> None:
    class Unhurried(LimitedProtocol):
        limits = Limits(body_seconds=PATIENCE_SECONDS * 2, head_bytes=4096)

    async with on_a_port(echo, http=Unhurried) as address:
        async with connected(address) as wire:
            await wire.send(CHUNKED + b"1\r\n1\r\n" + begun)
            await wire.drip(more)

            assert (await wire.answer())[0] in (431, 0)
        await expect_service(address)


async def test_a_field_after_the_body_is_no_header() -> None:
    async def headers(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await Request(scope, receive).body()
            await JSONResponse({name.decode(): value.decode() for name, value in scope["headers"]})(
                scope, receive, send
            )

    async with on_a_port(headers, http=LimitedProtocol) as address, connected(address) as wire:
        await wire.send(POST + b"X-Forwarded-For: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n")
        await wire.send(b"0\r\nX-Forwarded-For: 192.0.2.99\r\nCookie: sid=another\r\n\r\n")

        status, told = await wire.answer()

    assert status == 200
    assert json.loads(told) == {"host": "shop", "x-forwarded-for": "192.0.2.1", "transfer-encoding": "chunked"}


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n"
AMBIGUOUS = {
    "both lengths": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "both lengths, turned": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 38\r\n\r\n" + SMUGGLED,
    "a list of lengths": POST + b"Content-Length: 0, 38\r\n\r\n" + SMUGGLED,
    "a signed length": POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length in hex": POST + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "an endless length": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + SMUGGLED,
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a space before the colon": POST + b"Content-Length : 0\r\n\r\n" + SMUGGLED,
    "a folded header": POST + b"X: 1\r\n Content-Length: 5\r\n\r\n" + SMUGGLED,
    "bare line feeds": b"POST / HTTP/1.1\nHost: shop\nContent-Length: 0\n\n" + SMUGGLED,
    "a bare carriage return": GET + b"X: 1\rY: 2\r\n\r\n" + SMUGGLED,
    "NUL in a header": GET + b"X: \x00\r\n\r\n" + SMUGGLED,
    "NUL in a name": GET + b"X\x00: 1\r\n\r\n" + SMUGGLED,
    "a wrong chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + SMUGGLED,
    "a chunk longer than told": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n123\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk of a negative size": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + SMUGGLED,
    "no protocol": b"GARBAGE\r\n\r\n" + SMUGGLED,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SMUGGLED,
}


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_a_request_that_two_servers_could_read_differently_is_refused_whole(
    address: str, request_: bytes
) -> None:
    async with connected(address) as wire:
        await wire.send(request_)

        told = await wire.rest()

    assert told.count(b"HTTP/1.1 ") <= 1, told
    assert told.startswith(b"HTTP/1.1 4") or told == b"", told
    await expect_service(address)


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "TLS/1.3"])
async def test_an_upgrade_is_not_taken_and_what_follows_is_http_as_before(address: str, protocol: str) -> None:
    upgrade = f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABk\r\n\r\n".encode()
    async with connected(address) as wire:
        await wire.send(GET + upgrade)
        first, _ = await wire.answer()
        await wire.send(GET + b"\r\n")
        then, _ = await wire.answer()

    assert (first, then) == (200, 200)


class Few(LimitedProtocol):
    limits = Limits(connections=8)


async def test_beyond_the_most_connections_one_is_told_so_and_later_served() -> None:
    async with on_a_port(echo, http=Few) as address:
        async with connected(address) as last, AsyncExitStack() as waiting:
            for _ in range(10):
                await waiting.enter_async_context(connected(address))
            await last.send(GET + b"\r\n")

            assert (await last.answer())[0] == 503
        await until_served(address)


async def until_served(address: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        status = 503
        while status != 200:
            async with connected(address) as wire:
                await wire.send(GET + b"\r\n")
                status, _ = await wire.answer()


async def test_a_refused_head_never_takes_the_answer_of_the_request_before_it() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked.set()
            await may_answer.wait()
            await JSONResponse({"path": scope["path"]})(scope, receive, send)

    async with on_a_port(slow, http=Short) as address, connected(address) as wire:
        await wire.send(b"GET /first HTTP/1.1\r\nHost: shop\r\n\r\nGARBAGE\r\n\r\n")
        await asked.wait()
        may_answer.set()

        status, body = await wire.answer()

    assert status == 0 or (status == 200 and json.loads(body) == {"path": "/first"})
