"""A call to a neighbour ends in exactly one of four ways, told from what happened on a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

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
