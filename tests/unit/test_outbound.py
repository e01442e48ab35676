"""A call to a neighbour ends in exactly one of four ways, told from what happened on a real socket."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import httpx
import pytest
from aiohttp.http_exceptions import ContentLengthError, HttpProcessingError, TransferEncodingError

from services.chassis.openid import OpenIdProvider
from services.chassis.outbound import Neighbour, definite
from services.contracts.messages import Reply
from services.contracts.problems import (
    CartNotFound,
    NotSent,
    OutcomeNotKnown,
    OutcomeUnknown,
    Refused,
    Unavailable,
    Undecided,
)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Pong(Reply):
    """What the neighbour answers when all is well."""

    pong: int


class Token:
    """A credential that gets better once it was refused."""

    def __init__(self) -> None:
        self.forgotten = 0

    async def authorization(self) -> str | Undecided:
        return f"Bearer {self.forgotten}"

    def forget(self) -> None:
        self.forgotten += 1


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
    )
    return head + await reader.readexactly(length)


def answering(status: str, body: bytes, *, seen: list[bytes] | None = None) -> Handler:
    """A neighbour that always answers the same."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        if seen is not None:
            seen.append(request)
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    return handle


@asynccontextmanager
async def neighbour(handler: Handler, *, attempts: int = 1) -> AsyncIterator[Neighbour]:
    """A neighbour on a real socket."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        Neighbour("neighbour", f"http://127.0.0.1:{port}", read_seconds=0.3, attempts=attempts) as client,
    ):
        yield client


async def test_a_two_hundred_is_a_reply() -> None:
    async with neighbour(answering("200 OK", b'{"pong": 1, "unknown": 2}')) as client:
        assert await client.call("ping", "POST", "/", Pong) == Pong(pong=1)


async def test_nobody_listening_is_not_sent() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with Neighbour("neighbour", f"http://127.0.0.1:{port}", attempts=1) as client:
        outcome = await client.call("ping", "POST", "/", Pong)

    assert isinstance(outcome, NotSent)
    with pytest.raises(Unavailable):
        definite(outcome)


async def test_an_unknown_name_is_not_sent() -> None:
    async with Neighbour("neighbour", "http://no-such-name.invalid", attempts=1) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), NotSent)


async def test_a_connection_that_is_cut_after_sending_is_unknown() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.transport.abort()

    async with neighbour(cut) as client:
        outcome = await client.call("ping", "POST", "/", Pong)

    assert isinstance(outcome, OutcomeUnknown)
    with pytest.raises(OutcomeNotKnown):
        definite(outcome)


async def test_a_connection_that_is_closed_politely_after_sending_is_unknown() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.close()

    async with neighbour(close) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), OutcomeUnknown)


async def test_an_answer_that_breaks_off_is_unknown() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()

    async with neighbour(half) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), OutcomeUnknown)


async def test_a_silent_neighbour_is_unknown() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with neighbour(silent) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), OutcomeUnknown)


async def test_a_silent_neighbour_is_not_asked_again() -> None:
    asked = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    async with neighbour(silent, attempts=3) as client:
        await client.call("ping", "GET", "/", Pong)

    assert asked == 1


@pytest.mark.parametrize("status", ["500 Oops", "502 Bad Gateway", "503 Later"])
async def test_a_five_hundred_is_unknown(status: str) -> None:
    async with neighbour(answering(status, b"{}")) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), OutcomeUnknown)


async def test_a_listed_problem_is_refused_and_every_other_one_unknown() -> None:
    body = b'{"type": "/docs/problems#cart_not_found", "title": "t", "status": 404, "detail": "d", "cart_id": "c"}'
    async with neighbour(answering("404 Not Found", body)) as client:
        listed = await client.call("ping", "POST", "/", Pong, refusals=(CartNotFound,))
        unlisted = await client.call("ping", "POST", "/", Pong)

    assert isinstance(listed, Refused)
    assert isinstance(listed.problem, CartNotFound)
    assert listed.problem.members == {"cart_id": "c"}
    assert isinstance(unlisted, OutcomeUnknown)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"not json", b'{"pong": "x"}'])
async def test_an_answer_of_another_shape_is_unknown(body: bytes) -> None:
    async with neighbour(answering("200 OK", body)) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), OutcomeUnknown)


async def test_an_unknown_outcome_is_sent_again_only_where_the_neighbour_agrees_on_repeats() -> None:
    seen: list[bytes] = []
    async with neighbour(answering("503 Later", b"{}", seen=seen), attempts=3) as client:
        await client.call("ping", "POST", "/", Pong, repeatable=False)
        once = len(seen)
        await client.call("ping", "POST", "/", Pong)

    assert (once, len(seen) - once) == (1, 3)


async def test_a_refused_credential_is_renewed_once() -> None:
    seen: list[bytes] = []
    token = Token()
    async with neighbour(answering("401 No", b"{}", seen=seen), attempts=3) as client:
        outcome = await client.call("ping", "POST", "/", Pong, credential=token)

    assert isinstance(outcome, OutcomeUnknown)
    assert token.forgotten == 1
    assert [b"Bearer 0" in seen[0], b"Bearer 1" in seen[1], len(seen)] == [True, True, 2]


async def test_cookies_of_one_answer_are_not_sent_with_the_next_request() -> None:
    seen: list[bytes] = []

    async def baking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        writer.write(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=secret; Path=/\r\nConnection: close\r\n"
            b'Content-Length: 11\r\n\r\n{"pong": 1}'
        )
        await writer.drain()
        writer.close()

    async with neighbour(baking) as client:
        for _ in range(2):
            await client.call("ping", "GET", "/", Pong)

    assert not any(b"secret" in request for request in seen)


async def test_a_try_that_never_left_does_not_undo_the_doubt_of_the_one_before() -> None:
    server: asyncio.Server

    async def cut_and_go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        server.close()
        writer.transport.abort()

    server = await asyncio.start_server(cut_and_go, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Neighbour("neighbour", f"http://127.0.0.1:{port}", attempts=3) as client:
        outcome = await client.call("ping", "POST", "/", Pong)

    assert isinstance(outcome, OutcomeUnknown)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz",
        b"HTTP/1.1 2OO YES\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
async def test_an_answer_that_is_no_http_is_unknown(answer: bytes) -> None:
    async def garble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with neighbour(garble) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), OutcomeUnknown)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HEAD + b"Content-Length: 40\r\n\r\n" + b'{"said": "po', id="shorter than it says"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nc\r\n" + b'{"said": "po', id="cut in a chunk"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + b'{"sai\r\n', id="cut between chunks"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n" + b'{"sai', id="chunks of no length"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\n" + b'{"said": 1}\r\n', id="chunks too long"),
        pytest.param(HEAD + b"Content-Length: 12\r\n\r\n" + b'{"said": "po', id="cut JSON"),
        pytest.param(HEAD + b"Content-Length: 13\r\n\r\n" + b'{"said": "\xff"}', id="no UTF-8"),
        pytest.param(HEAD + b"Content-Length: 0\r\n\r\n", id="nothing"),
        pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n" + b"[" * 100000, id="depths"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n" + b"\xff\xfe{}", id="refusal, no UTF-8"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\nContent-Length: 50\r\n\r\n" + b'{"type":', id="refusal, cut"),
        pytest.param(HEAD + b"\xff\xfe: x\r\n\r\n", id="a header of no ASCII"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxx", id="upgrade"),
        pytest.param(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n", id="led astray"),
    ],
)
@pytest.mark.parametrize("reset", [False, True])
async def test_an_answer_that_is_broken_is_unknown(answer: bytes, *, reset: bool) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        writer.transport.abort() if reset else writer.close()

    async with neighbour(break_off) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), OutcomeUnknown)


class Breaking(httpx.AsyncBaseTransport):
    """A way to a neighbour that breaks, before the answer or in the middle of it."""

    def __init__(self, failure: Exception, *, in_the_body: bool) -> None:
        self._failure = failure
        self._in_the_body = in_the_body

    async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
        if self._in_the_body:
            return httpx.Response(200, stream=BreakingBody(self._failure))
        raise self._failure


class BreakingBody(httpx.AsyncByteStream):
    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"said":'
        raise self._failure

    async def aclose(self) -> None:
        raise self._failure


@pytest.mark.parametrize("in_the_body", [False, True])
@pytest.mark.parametrize(
    "failure",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientPayloadError(),
        aiohttp.ClientOSError(104, "reset"),
        aiohttp.EofStream(),
        HttpProcessingError(code=400, message="no HTTP"),
        ContentLengthError("too short"),
        TransferEncodingError("no chunk"),
        ConnectionResetError("reset"),
        BrokenPipeError("gone"),
        TimeoutError(),
        ssl.SSLError("bad record"),
        RuntimeError("Session is closed"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "no"),
        AssertionError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_no_failure_of_the_way_there_is_an_inner_error(failure: Exception, *, in_the_body: bool) -> None:
    way = Breaking(failure, in_the_body=in_the_body)
    async with Neighbour("neighbour", "http://neighbour.test", transport=way, attempts=1) as client:
        assert isinstance(await client.call("ping", "POST", "/", Pong), OutcomeUnknown)


async def test_after_its_end_a_client_says_that_the_outcome_is_unknown() -> None:
    async with neighbour(answering("200 OK", b'{"pong": 1}')) as client:
        assert isinstance(await client.call("ping", "GET", "/", Pong), Pong)
    assert isinstance(await client.call("ping", "GET", "/", Pong), OutcomeUnknown)


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        ('{"issuer": "http://idp.test", "jwks_uri": "/jwks"', "{}"),
        ("\xff", "{}"),
        ("[]", "{}"),
        ('{"issuer": "http://idp.test", "jwks_uri": "/jwks"}', '{"keys": [{"kty"'),
        ('{"issuer": "http://idp.test", "jwks_uri": "/jwks"}', '{"keys": 5}'),
        ('{"issuer": "http://idp.test", "jwks_uri": "/jwks"}', '{"keys": [{"kty": "RSA"}]}'),
        ('{"issuer": "http://idp.test", "jwks_uri": "/jwks"}', '{"keys": ["key"]}'),
        ('{"issuer": "http://idp.test", "jwks_uri": "/jwks"}', '{"keys": [{"kty": "what"}]}'),
    ],
)
async def test_a_provider_that_answers_something_else_is_unavailable(document: str, keys: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = keys if request.url.path == "/jwks" else document
        return httpx.Response(200, content=body.encode("latin-1"))

    provider = OpenIdProvider("http://idp.test", transport=httpx.MockTransport(answer))
    async with provider.neighbour:
        with pytest.raises(Unavailable):
            await provider.keys_for("key")
