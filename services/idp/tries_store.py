"""The tables of failed sign-ins, and of the browsers that have signed in before; shared by all replicas."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import case, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database, Timestamptz

from .tries import WINDOW, Attempt, Blocked, Counted, Counter, blocked_by, counters_of

BROWSER_SECONDS = 180 * 24 * 3600
# Of one account, those seen last: a program without cookies is a new browser at every sign-in.
MOST_BROWSERS = 20


class Row(SQLModel, registry=registry()):
    """The base of these rows; they validate nothing."""


class FailureRow(Row, table=True):
    """Failures of a username (its hash) from an address since the window began."""

    __tablename__ = "sign_in_failures"

    username: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    failures: int
    window_started_at: datetime = Field(sa_type=Timestamptz)


class KnownBrowserRow(Row, table=True):
    """A browser in which the account's owner has signed in."""

    __tablename__ = "known_browsers"

    browser_hash: bytes = Field(primary_key=True)
    username: str = Field(primary_key=True)
    seen_at: datetime = Field(sa_type=Timestamptz)


def _hash_of(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


class Tries:
    """Every method is one transaction."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def blocked(self, attempt: Attempt) -> Blocked | None:
        """Whether the attempt must wait, whatever the password is."""

        async def work(session: AsyncSession) -> Blocked | None:
            return await blocked(session, attempt, self._clock())

        return await self._database.transact(work)

    async def failed(self, attempt: Attempt) -> Blocked | None:
        """Count a failed sign-in; Blocked if simultaneous ones have used up the tries meanwhile."""
        now = self._clock()

        async def work(session: AsyncSession) -> Blocked | None:
            counters = await _counters(session, attempt)
            return blocked_by(counters, await _count(session, counters, now), now, including_this=True)

        return await self._database.transact(work)

    async def sweep(self) -> None:
        """Forget failures of windows that have passed, and browsers that were not seen for half a year."""
        now = self._clock()
        unseen = now - timedelta(seconds=BROWSER_SECONDS)

        async def work(session: AsyncSession) -> None:
            await session.exec(delete(FailureRow).where(col(FailureRow.window_started_at) < now - WINDOW))
            await session.exec(delete(KnownBrowserRow).where(col(KnownBrowserRow.seen_at) < unseen))

        await self._database.transact(work)


async def blocked(session: AsyncSession, attempt: Attempt, now: datetime) -> Blocked | None:
    """Whether the attempt must wait, in a transaction that is under way."""
    counters = await _counters(session, attempt)
    named = [(counter.username, counter.address) for counter in counters]
    found = await session.exec(
        select(FailureRow).where(tuple_(col(FailureRow.username), col(FailureRow.address)).in_(named))
    )
    counted = [Counted(row.username, row.address, row.failures, row.window_started_at) for row in found]
    return blocked_by(counters, counted, now)


async def admit(session: AsyncSession, attempt: Attempt, now: datetime) -> str:
    """Forget the failures of the account at its owner's own place, and answer the cookie that knows the browser."""
    own = (await _counters(session, attempt))[0]
    await session.exec(
        delete(FailureRow).where(col(FailureRow.username) == own.username, col(FailureRow.address) == own.address)
    )
    # A cookie that this account did not get here may be one that somebody else has put there, and knows.
    browser = attempt.browser if await _known(session, attempt) else None
    browser = browser or secrets.token_urlsafe(32)
    row = KnownBrowserRow(browser_hash=_hash_of(browser), username=attempt.username, seen_at=now)
    statement = insert(KnownBrowserRow).values(row.model_dump())
    await session.exec(
        statement.on_conflict_do_update(index_elements=["browser_hash", "username"], set_={"seen_at": now})
    )
    await _forget_most(session, attempt.username)
    return browser


async def _forget_most(session: AsyncSession, username: str) -> None:
    of_account = col(KnownBrowserRow.username) == username
    newest = select(KnownBrowserRow.browser_hash).where(of_account).order_by(col(KnownBrowserRow.seen_at).desc())
    older = col(KnownBrowserRow.browser_hash).not_in(newest.limit(MOST_BROWSERS))
    await session.exec(delete(KnownBrowserRow).where(of_account, older))


async def _known(session: AsyncSession, attempt: Attempt) -> str | None:
    """The name of the browser among the counters, if it has signed in to the account."""
    browser_hash = _hash_of(attempt.browser or "")
    return browser_hash.hex() if await session.get(KnownBrowserRow, (browser_hash, attempt.username)) else None


async def _counters(session: AsyncSession, attempt: Attempt) -> tuple[Counter, ...]:
    known_browser = await _known(session, attempt)
    # Some type their password where the username belongs: it is counted, and not kept.
    counted = replace(attempt, username=_hash_of(attempt.username).hex())
    return counters_of(counted, known_browser=known_browser)


async def _count(session: AsyncSession, counters: Sequence[Counter], now: datetime) -> list[Counted]:
    over = col(FailureRow.window_started_at) <= now - WINDOW
    statement = insert(FailureRow).values(
        [
            {"username": counter.username, "address": counter.address, "failures": 1, "window_started_at": now}
            for counter in counters
        ]
    )
    counted = await session.exec(
        statement.on_conflict_do_update(
            index_elements=["username", "address"],
            set_={
                "failures": case((over, 1), else_=col(FailureRow.failures) + 1),
                "window_started_at": case((over, now), else_=col(FailureRow.window_started_at)),
            },
        ).returning(
            col(FailureRow.username),
            col(FailureRow.address),
            col(FailureRow.failures),
            col(FailureRow.window_started_at),
        )
    )
    return [Counted(*row) for row in counted]
