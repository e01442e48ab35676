"""Live carts: who listens, what each listener was told last, and one question for all of them twice a second."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from uuid import UUID

from services.contracts.carts import WATCHED_AT_ONCE, CurrentVersion
from services.contracts.problems import TooManyStreams

# A browser keeps six connections to a shop: with six streams, nothing else would ever be answered.
STREAMS_OF_A_SESSION = 4
# When a thousand wake at once, requests wait behind so many reads of carts, and find connections left.
LOOKS_AT_ONCE = 64

State = tuple[UUID, int, str]


class Ending(StrEnum):
    """Why a stream ends before its client does. The first two are told, as an event of that name."""

    SESSION = "session"
    REPLACED = "replaced"
    CLOSING = "closing"
    GONE = "gone"


class Stream:
    """One listener. However much happens while it is slow, one thing waits for it: to look at the cart as it is."""

    def __init__(self, owner: str, session_id: str) -> None:
        self.owner = owner
        self.session_id = session_id
        self.told: State | None = None
        self.looking = False
        self.ending: Ending | None = None
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something may have changed."""
        self._news.set()

    def end(self, why: Ending) -> None:
        """Let it end; the first reason stands."""
        self.ending = self.ending or why
        self._news.set()

    async def news(self, *, within: float) -> bool:
        """Whether there is something to look at, or an end, within so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True


class Hub:
    """The streams that are open in this process, by owner and by session."""

    def __init__(
        self,
        *,
        versions: Callable[[Sequence[str]], Awaitable[list[CurrentVersion]]],
        most: int,
    ) -> None:
        """Ask `versions` how carts stand; keep at most so many streams."""
        self._versions = versions
        self._most = most
        self._open = 0
        self._closed = False
        self._by_owner: dict[str, list[Stream]] = {}
        self._by_session: dict[str, list[Stream]] = {}
        self._listened = asyncio.Event()
        self.turn = asyncio.Semaphore(LOOKS_AT_ONCE)  # To read a cart for a stream.

    def __len__(self) -> int:
        """How many streams are open."""
        return self._open

    @contextmanager
    def open(self, owner: str, session_id: str) -> Iterator[Stream]:
        """A stream for as long as the block runs. A browser's oldest makes room for its newest.

        Raises:
            TooManyStreams: this process has as many as it may.
        """
        if self._closed or self._open >= self._most:
            raise TooManyStreams
        stream = Stream(owner, session_id)
        of_session = self._by_session.setdefault(session_id, [])
        if len(of_session) >= STREAMS_OF_A_SESSION:
            of_session.pop(0).end(Ending.REPLACED)
        for streams in (of_session, self._by_owner.setdefault(owner, [])):
            streams.append(stream)
        self._open += 1
        self._listened.set()
        try:
            yield stream
        finally:
            self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        self._open -= 1
        for index, name in ((self._by_owner, stream.owner), (self._by_session, stream.session_id)):
            streams = index.get(name, [])
            if stream in streams:
                streams.remove(stream)
            if not streams:
                index.pop(name, None)
        if not self._open:
            self._listened.clear()

    def changed(self, owner: str) -> None:
        """This process has changed, or may have changed, something of the owner's."""
        for stream in self._by_owner.get(owner, ()):
            stream.wake()

    async def listened(self) -> None:
        """Wait until anybody listens."""
        await self._listened.wait()

    async def poll(self) -> None:
        """Wake whoever was told something else than what cartdb has now.

        Raises:
            Unavailable: cartdb does not answer.
        """
        owners = list(self._by_owner)
        for start in range(0, len(owners), WATCHED_AT_ONCE):
            for current in await self._versions(owners[start : start + WATCHED_AT_ONCE]):
                self._compare(current)

    def _compare(self, current: CurrentVersion) -> None:
        state = (current.cart_id, current.version, current.status.value)
        for stream in self._by_owner.get(current.owner_id, ()):
            # Who is looking just now will be compared again in a moment.
            if stream.told != state and not stream.looking:
                stream.wake()

    def sessions(self) -> list[str]:
        """Whose streams are open."""
        return list(self._by_session)

    def over(self, sessions: Collection[str]) -> None:
        """These sessions have ended: so do their streams."""
        for session_id in sessions:
            for stream in self._by_session.get(session_id, ()):
                stream.end(Ending.SESSION)

    def close(self) -> None:
        """The process ends: let all streams end, and take no more."""
        self._closed = True
        for streams in self._by_owner.values():
            for stream in streams:
                stream.end(Ending.CLOSING)
