"""One connection of a client: how long and how large a request's head and body may be before it is cut."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

# Where an application's lifespan says which of its answers go on for ever.
ENDLESS = "endless_answers"
# For this long the end of a process waits for a client that does not read.
FAREWELL_SECONDS = 1.0
# A process that stood still finds its deadlines past before it has read what came meanwhile.
SECOND_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take. A request that is being worked on is not watched: the service has its own deadlines.

    Attributes:
        connections: at once; the next one is answered 503. Endless answers have a limit of their own.
        idle_seconds: without a request, or without reading on what is answered.
        head_bytes: request line and headers together; and anything else that is no body.
    """

    connections: int = 800
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 75.0
    head_bytes: int = 32 * 1024
    headers: int = 100


class EndlessAnswers(Protocol):
    """Answers that end when they are told to: the end of the process waits for them, and they are many."""

    def __len__(self) -> int: ...
    def close(self) -> None: ...


class TooLargeError(Exception):
    """The head is too large; the parser tells the protocol that reading stopped."""


class LimitedProtocol(HttpToolsProtocol):
    """HTTP for clients that may be slow, endless or hostile: each is refused with 408 or 431 and let go."""

    limits = Limits()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: float | None = None
        self._looked_at: float | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._refusal = HTTPStatus.BAD_REQUEST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Await the first request."""
        super().connection_made(transport)
        self._allow(self.limits.head_seconds)
        self._watch = self.loop.call_later(self.limits.head_seconds, self._look)

    def shutdown(self) -> None:
        """The process ends: so do answers that would go on, and whoever does not read is not waited for."""
        if (endless := self._endless) is not None:
            endless.close()
        if self._unread is not None and self.flow.write_paused:
            self._unread.cancel()
            self._unread = self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)
        super().shutdown()

    @property
    def _endless(self) -> EndlessAnswers | None:
        return self.app_state.get(ENDLESS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        for timer in filter(None, (self._watch, self._unread)):
            timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered. If it does not read at all, closing would wait for it."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.limits.idle_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads."""
        if self._unread is not None:
            self._unread.cancel()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head has no end, or what stands between and after the parts of a body."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > self.limits.head_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._allow(self.limits.head_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. What comes after the body is none: no proxy has checked it, and it would stand beside its own."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there; the body may follow."""
        if len(self.headers) > self.limits.headers or (
            self._head_bytes > self.limits.head_bytes and self._size_of_head() > self.limits.head_bytes
        ):
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise TooLargeError
        self._in_head, self._head_bytes = False, 0
        self._allow(self.limits.body_seconds)
        # Streams have a limit of their own, and do not shut the door for requests that are over in a moment.
        self.limit_concurrency = self.limits.connections + len(self._endless or ())
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body, whose length the service limits."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole, and the service's turn."""
        self._in_head, self._head_bytes, self._deadline = True, 0, None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Await the next request. The server closes what is idle; a byte now and then is not what keeps it open."""
        if self._deadline is None:
            self._allow(self.limits.idle_seconds + self.limits.head_seconds)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the server's own words
        """What the server does about a request that it cannot read."""
        self._refuse(self._refusal)

    def _nobody_is_answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            return True
        return not (self._in_head or self.pipeline or cycle.response_started)

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _allow(self, seconds: float) -> None:
        self._deadline = self.loop.time() + seconds

    def _look(self) -> None:
        wait = self.limits.head_seconds
        if self._deadline is not None and self._deadline <= self.loop.time():
            if self._looked_at == self._deadline:
                self._end()  # Closing waits for a client that does not read; the next look does not.
            else:
                self._looked_at, wait = self._deadline, SECOND_LOOK_SECONDS
        elif self._deadline is not None:
            wait = self._deadline - self.loop.time()
        self._watch = self.loop.call_later(wait, self._look)

    def _end(self) -> None:
        if self._in_head and not self._head_bytes:
            self.transport.abort()  # Nothing was asked.
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        if self.transport.is_closing():
            self.transport.abort()
            return
        if self._nobody_is_answered():
            told = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(told.encode("ascii"))
        self.transport.close()
