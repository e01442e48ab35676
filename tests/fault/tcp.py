"""A faulty line between two services: a TCP port that forwards HTTP/1.1 and gives every exchange a fate.

    async with FaultyLine(target_port, always(Kind.LOST)) as line:   # in this event loop
        http://127.0.0.1:{line.port} …
    with FaultyLine(target_port) as line:                            # in a thread of its own, for sync tests
        line.policy = Drawn(7, {Kind.PASSED: 9, Kind.LOST: 1}, before=(0.0, 0.05))
        line.down(), line.up()                                       # connections are refused meanwhile
        line.counts[Kind.LOST]

Only `down` makes a caller's connection fail: a target that takes none is told to the caller by a reset, which leaves it
in doubt although nothing was forwarded (counted as `unreachable`).
"""

import asyncio
import itertools
import socket
import struct
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Self

from services.local.proxy import HEAD_LIMIT, CutError, Head, Stream, body_of, read_head
from tests.fault.fates import FORWARDED, Exchange, Fate, Kind, Policy, passing

HOST = "127.0.0.1"
HOLD_SECONDS = 60.0
TRICKLE_PIECES = 20
BODILESS = frozenset({204, 304})
UNREACHABLE, BROKEN = "unreachable", "broken"
LINGER_NOT = struct.pack("ii", 1, 0)


class Gone(Exception):  # noqa: N818 - an ending, not an error
    """The caller's connection is to be reset now."""


class FaultyLine:
    """A port before another one. `policy` may be replaced at any time, from any thread."""

    def __init__(self, target_port: int, policy: Policy = passing, *, hold_seconds: float = HOLD_SECONDS) -> None:
        """Know the target; nothing listens before the line is entered, and the target need not run by then.

        Args:
            hold_seconds: how long a held caller is held at most.
        """
        self.policy = policy
        self.port = 0
        self.counts: Counter[str] = Counter()
        self._target_port = target_port
        self._hold_seconds = hold_seconds
        self._under_way = 0
        self._connections = itertools.count()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._bound: socket.socket | None = None
        self._listens = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def under_way(self) -> int:
        """How many exchanges are not over, late and second deliveries included."""
        return self._under_way

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._bound = _bound_to(0)
        self.port = self._bound.getsockname()[1]
        self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_listening()
        if tasks := self._end_all():
            await asyncio.wait(tasks)
        await asyncio.sleep(0)  # Connections close in the loop's next round.
        if self._bound is not None:
            self._bound.close()

    def __enter__(self) -> Self:
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, daemon=True, name="faulty line")
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.__aenter__(), loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._thread is not None
        asyncio.run_coroutine_threadsafe(self.__aexit__(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def down(self) -> None:
        """Cut every connection and refuse new ones; what was not forwarded yet never will be."""
        self._in_loop(self._go_down)

    def up(self) -> None:
        """Take connections again."""
        self._in_loop(self._listen)

    def _in_loop(self, work: Callable[[], None]) -> None:
        assert self._loop is not None, "the line is not open"
        if _running_loop() is self._loop:
            work()
            return

        async def there() -> None:
            work()

        asyncio.run_coroutine_threadsafe(there(), self._loop).result()

    def _go_down(self) -> None:
        self._stop_listening()
        self._end_all()

    def _listen(self) -> None:
        if not self._listens:
            assert self._bound is not None
            self._bound.listen(512)
            asyncio.get_running_loop().add_reader(self._bound, self._accept, self._bound)
            self._listens = True

    def _stop_listening(self) -> None:
        if self._listens:
            assert self._bound is not None
            asyncio.get_running_loop().remove_reader(self._bound)
            self._bound.close()
            # Bound without listening: connections are refused, and nobody else gets the port.
            self._bound = _bound_to(self.port)
            self._listens = False

    def _end_all(self) -> set[asyncio.Task[None]]:
        for writer in list(self._writers):
            _reset(writer)
        for task in self._tasks:
            task.cancel()
        return set(self._tasks)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accept(self, listening: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionError):
            connection, _ = listening.accept()
            connection.setblocking(False)
            self._keep(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        caller = reader, writer = await asyncio.open_connection(sock=connection, limit=HEAD_LIMIT)
        self._writers.add(writer)
        target = _Target(self._target_port)
        try:
            number = next(self._connections)
            for turn in itertools.count():
                if (head := await read_head(reader)) is None:
                    break
                request = head.raw + b"".join([piece async for piece in body_of(reader, head, until_close=False)])
                if not await self._counted(self._exchange(_seen(number, turn, head), request, caller, target)):
                    break
        except (Gone, CutError, OSError, ValueError, IndexError, EOFError):
            _reset(writer)
        finally:
            self._writers.discard(writer)
            target.close()
            writer.close()

    async def _counted(self, work: Coroutine[Any, Any, bool]) -> bool:
        self._under_way += 1
        try:
            return await work
        finally:
            self._under_way -= 1

    async def _exchange(self, exchange: Exchange, request: bytes, caller: Stream, target: "_Target") -> bool:
        fate = self.policy(exchange)
        self.counts[fate.kind] += 1
        await asyncio.sleep(fate.before)
        if fate.kind is Kind.SWALLOWED:
            await self._hold(caller)
        if fate.kind not in FORWARDED:
            raise Gone
        if fate.kind is Kind.DUPLICATED:
            self._keep(self._deliver_again(request, exchange.method, fate.seconds))
        with self._telling_failures(target):
            await target.send(request)
            if fate.kind is Kind.ABANDONED:
                _reset(caller[1])
            head = await target.head()
        return await self._answer(fate, exchange.method, head, caller, target)

    @contextmanager
    def _telling_failures(self, target: "_Target") -> Iterator[None]:
        try:
            yield
        except (CutError, OSError, EOFError) as failure:
            self.counts[BROKEN if target.sent else UNREACHABLE] += 1
            raise Gone from failure

    async def _deliver_again(self, request: bytes, method: str, seconds: float) -> None:
        async def deliver() -> bool:
            await asyncio.sleep(seconds)
            target = _Target(self._target_port)
            with suppress(Gone), closing(target), self._telling_failures(target):
                await target.send(request)
                await target.rest(await target.head(), method)
            return False

        await self._counted(deliver())

    async def _answer(self, fate: Fate, method: str, head: Head, caller: Stream, target: "_Target") -> bool:
        if fate.kind in {Kind.PASSED, Kind.DUPLICATED}:
            await asyncio.sleep(fate.after)
            await _pass_on(head.raw, target.pieces(head, method), caller[1])
            return _may_go_on(head, method)
        whole = head.raw + await target.rest(head, method)
        await asyncio.sleep(fate.after)
        match fate.kind:
            case Kind.TRICKLED:
                await _pass_on(b"", _slowly(whole, fate.seconds), caller[1])
                return _may_go_on(head, method)
            case Kind.CUT:
                caller[1].write(whole[: (len(head.raw) + len(whole)) // 2 - 1])
                await caller[1].drain()
            case Kind.HELD:
                await self._hold(caller)
        raise Gone

    async def _hold(self, caller: Stream) -> None:
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(self._hold_seconds):
                await caller[0].read(1)


class _Target:
    """The connection onward that belongs to one caller's connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stream: Stream | None = None
        self.sent = False

    async def send(self, request: bytes) -> None:
        """Forward a request."""
        self.sent = False
        if self._stream is not None and (self._stream[0].at_eof() or self._stream[1].is_closing()):
            self.close()
        _, writer = await self._connected()
        self.sent = True
        writer.write(request)
        await writer.drain()

    async def head(self) -> Head:
        """The head of the answer to it."""
        reader, _ = await self._connected()
        while (head := await read_head(reader)) is not None and head.status < 200:
            pass
        if head is None:
            raise CutError
        return head

    async def pieces(self, head: Head, method: str) -> AsyncIterator[bytes]:
        """What follows the head, as it comes."""
        reader, _ = await self._connected()
        if method != "HEAD" and head.status not in BODILESS:
            async for piece in body_of(reader, head, until_close=True):
                yield piece
        if not _may_go_on(head, method):
            self.close()

    async def rest(self, head: Head, method: str) -> bytes:
        """All that follows the head."""
        return b"".join([piece async for piece in self.pieces(head, method)])

    def close(self) -> None:
        """Let the connection go."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None

    async def _connected(self) -> Stream:
        if self._stream is None:
            self._stream = await asyncio.open_connection(HOST, self._port, limit=HEAD_LIMIT)
        return self._stream


def _bound_to(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    bound.bind((HOST, port))
    return bound


def _seen(connection: int, number: int, head: Head) -> Exchange:
    method, path = (word.decode("latin-1") for word in head.words[:2])
    key = head.headers.get(b"idempotency-key")
    return Exchange(connection, number, method, path, key.decode("latin-1") if key is not None else None)


def _may_go_on(head: Head, method: str) -> bool:
    tells_its_end = method == "HEAD" or head.status in BODILESS or head.chunked or head.length is not None
    return tells_its_end and head.keeps_connection


async def _pass_on(first: bytes, pieces: AsyncIterator[bytes], writer: asyncio.StreamWriter) -> None:
    writer.write(first)
    async for piece in pieces:
        writer.write(piece)
        await writer.drain()


async def _slowly(whole: bytes, seconds: float) -> AsyncIterator[bytes]:
    size = max(1, len(whole) // TRICKLE_PIECES)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
        await asyncio.sleep(seconds / TRICKLE_PIECES)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _reset(writer: asyncio.StreamWriter) -> None:
    if not writer.is_closing():
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        writer.transport.abort()
