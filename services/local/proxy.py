"""`python -m services.local.proxy PORT BACKEND…`: one port before several replicas, for a local stack only.

Every request goes to the next replica that takes a connection, not every connection: clients keep theirs for long.
Bodies and streams pass as they come. What cannot be repeated safely is answered 502 when its replica dies over it.
A replica that is frozen takes connections and says nothing: each is asked every second whether it answers, and one that
does not gets requests only when no other one does. A request that it has already got is not given to another one.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

import uvloop

from services.chassis.open_files import allow_many_connections

HEAD_LIMIT = 64 * 1024
PIECE = 64 * 1024
CONNECT_SECONDS = 1.0
LOOK_SECONDS = 1.0
LOOK = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
# Shorter than the services keep an idle connection (chassis/serve.py).
IDLE_SECONDS = 30.0
REPEATABLE = frozenset({b"GET", b"HEAD"})
HEAD_END = b"\r\n\r\n"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class CutError(Exception):
    """A connection ended where a message did not."""


@dataclass(frozen=True)
class Head:
    """The first part of a request or a response: its start line's words and the headers that frame what follows."""

    raw: bytes
    words: tuple[bytes, ...]
    headers: dict[bytes, bytes]

    @property
    def status(self) -> int:
        """A response's status."""
        return int(self.words[1])

    @property
    def keeps_connection(self) -> bool:
        """Whether another message may follow on the connection."""
        return b"close" not in self.headers.get(b"connection", b"").lower() and b"HTTP/1.0" not in self.words

    @property
    def chunked(self) -> bool:
        """Whether the body tells its own end."""
        return b"chunked" in self.headers.get(b"transfer-encoding", b"").lower()

    @property
    def goes_on(self) -> bool:
        """Whether the body may go on for ever."""
        return self.headers.get(b"content-type", b"").startswith(b"text/event-stream")

    @property
    def length(self) -> int | None:
        """The body's announced length."""
        said = self.headers.get(b"content-length")
        return int(said) if said is not None else None


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next message's head; None when the other side has closed between messages."""
    try:
        raw = await reader.readuntil(HEAD_END)
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise CutError from ended
        return None
    except (OSError, asyncio.LimitOverrunError) as failure:
        raise CutError from failure
    start, *lines = raw[: -len(HEAD_END)].split(b"\r\n")
    pairs = (line.partition(b":") for line in lines)
    return Head(raw, tuple(start.split(b" ", 2)), {name.strip().lower(): value.strip() for name, _, value in pairs})


async def body_of(reader: asyncio.StreamReader, head: Head, *, until_close: bool) -> AsyncIterator[bytes]:
    """The bytes that follow a head, as they arrive."""
    if head.chunked:
        async for piece in _chunks(reader):
            yield piece
    elif head.length is not None:
        async for piece in _exactly(reader, head.length):
            yield piece
    elif until_close:
        while piece := await reader.read(PIECE):
            yield piece


async def _exactly(reader: asyncio.StreamReader, length: int) -> AsyncIterator[bytes]:
    while length:
        piece = await reader.read(min(length, PIECE))
        if not piece:
            raise CutError
        length -= len(piece)
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    size = 1
    while size:
        line = await reader.readuntil(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        yield line
        async for piece in _exactly(reader, size):
            yield piece
        # After the last chunk trailers may stand before the empty line.
        while (end := await reader.readuntil(b"\r\n")) != b"\r\n":
            yield end
        yield end


@dataclass
class Backend:
    """One replica, whether it answers, and the idle connections to it."""

    port: int
    answers: bool = True
    idle: deque[tuple[float, Stream]] = field(default_factory=deque)

    async def connect(self) -> tuple[Stream, bool]:
        """A connection, and whether it has been used before."""
        while self.idle:
            since, (reader, writer) = self.idle.pop()
            if time.monotonic() - since < IDLE_SECONDS and not reader.at_eof() and not writer.is_closing():
                return (reader, writer), True
            writer.close()
        async with asyncio.timeout(CONNECT_SECONDS):
            return await asyncio.open_connection("127.0.0.1", self.port, limit=HEAD_LIMIT), False

    async def look(self) -> None:
        """Find out whether it answers anything at all."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=HEAD_LIMIT)
                with closing(writer):
                    writer.write(LOOK)
                    self.answers = await read_head(reader) is not None
        except (OSError, TimeoutError, CutError):
            self.answers = False

    def keep(self, stream: Stream) -> None:
        """Take back a connection whose exchange is complete."""
        self.idle.append((time.monotonic(), stream))

    async def close(self) -> None:
        """Let the idle connections go."""
        while self.idle:
            _, (_, writer) = self.idle.pop()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


class Proxy:
    """Hands requests to backends in turn."""

    def __init__(self, ports: list[int]) -> None:
        self._backends = [Backend(port) for port in ports]
        self._turn = itertools.cycle(range(len(ports)))
        self._serving: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Let go of every client and every backend."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for backend in self._backends:
            await backend.close()

    async def watch(self) -> NoReturn:
        """Look after the backends for ever."""
        while True:
            await asyncio.gather(*(backend.look() for backend in self._backends))
            await asyncio.sleep(LOOK_SECONDS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, request after request."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while (head := await read_head(reader)) is not None:
                if not await self._exchange(head, reader, writer):
                    break
        except (CutError, OSError, ValueError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # there is nobody to tell: the client has gone, or did not speak HTTP
        finally:
            self._serving.discard(task)
            writer.close()

    async def _exchange(self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        repeatable = head.words[0] in REPEATABLE and not head.chunked and not head.length
        # One turn for the whole request: were the next replica drawn anew after each failure, simultaneous requests
        # would take turns from one another and meet the same dead replica twice.
        turn = next(self._turn)
        in_turn = (*self._backends[turn:], *self._backends[:turn])
        for backend in sorted(in_turn, key=lambda backend: not backend.answers):
            try:
                stream, used = await backend.connect()
            except (OSError, TimeoutError):
                continue
            try:
                answer = await self._ask(head, reader, writer, stream)
            except BaseException:
                stream[1].close()
                raise
            if answer is not None:
                return await self._answer(head, answer, (reader, writer), backend, stream)
            stream[1].close()
            if not (repeatable and used):
                _refuse(writer, 502, "The service ended before it answered; whether it did its work is not known.")
                return False
        _refuse(writer, 503, "No replica of this service takes connections.")
        return False

    async def _ask(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: Stream
    ) -> Head | None:
        """Send the request and read the head of its answer; None when there is none.

        The body goes out while the answer is awaited: a service may refuse it early, or ask for it with a 100.
        """
        backend_reader, backend_writer = stream
        backend_writer.write(head.raw)
        sending = asyncio.create_task(_send(body_of(reader, head, until_close=False), backend_writer))
        try:
            while (answer := await read_head(backend_reader)) is not None and answer.status < 200:
                writer.write(answer.raw)
        except CutError:
            return None
        finally:
            unfinished = not sending.done()
            sending.cancel()
            with suppress(asyncio.CancelledError, CutError, OSError):
                await sending
        if answer is not None and unfinished:
            # The rest of the body would be read as the next request.
            return Head(answer.raw, answer.words, {**answer.headers, b"connection": b"close"})
        return answer

    async def _answer(self, head: Head, answer: Head, client: Stream, backend: Backend, stream: Stream) -> bool:
        writer = client[1]
        bodiless = head.words[0] == b"HEAD" or answer.status in {204, 304}
        delimited = bodiless or answer.chunked or answer.length is not None
        writer.write(answer.raw)
        whole = False
        try:
            if not bodiless:
                body = body_of(stream[0], answer, until_close=True)
                await (_send_while_heard(body, client) if answer.goes_on else _send(body, writer))
            await writer.drain()
            whole = True
        finally:
            if whole and delimited and answer.keeps_connection:
                backend.keep(stream)
            else:
                stream[1].close()
        return delimited and answer.keeps_connection and head.keeps_connection


async def _send(pieces: AsyncIterator[bytes], writer: asyncio.StreamWriter) -> None:
    async for piece in pieces:
        writer.write(piece)
        await writer.drain()


async def _send_while_heard(pieces: AsyncIterator[bytes], client: Stream) -> None:
    """Send what goes on until the client goes: it would be noticed at the next piece only, which may take long."""
    sending = asyncio.ensure_future(_send(pieces, client[1]))
    leaving = asyncio.ensure_future(client[0].read(1))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            raise CutError
        await sending
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


def _refuse(writer: asyncio.StreamWriter, status: int, detail: str) -> None:
    title = {502: "Bad Gateway", 503: "Service Unavailable"}[status]
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    head = (
        f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)


async def run(port: int, backends: list[int], *, ready: asyncio.Event | None = None) -> None:
    """Listen until cancelled."""
    proxy = Proxy(backends)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port, limit=HEAD_LIMIT)
    watching = asyncio.create_task(proxy.watch())
    if ready is not None:
        ready.set()
    try:
        async with server:
            await server.serve_forever()
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await proxy.close()


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m services.local.proxy PORT BACKEND...")
    allow_many_connections()
    with suppress(KeyboardInterrupt):
        uvloop.run(run(int(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
