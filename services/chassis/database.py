"""A service's own PostgreSQL database: sessions for SQLModel, raw asyncpg for statements that must be one round trip.

A unit of work is one transaction that ends before the reply leaves. No network call belongs inside it. A refusal that
must leave a trace is returned from the unit of work and rendered after it; an exception rolls back.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import asyncpg
from sqlalchemy import DateTime
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.contracts.problems import RequestInProgress, Unavailable

T = TypeVar("T")

# serialization_failure, deadlock_detected: the transaction did nothing and may be tried again.
RETRYABLE = frozenset({"40001", "40P01"})
LOCK_NOT_AVAILABLE = "55P03"
TRIES = 5
WAIT_FOR_CONNECTION_SECONDS = 3.0

SERVER_SETTINGS = {
    "lock_timeout": "2000",
    "statement_timeout": "10000",
    "idle_in_transaction_session_timeout": "15000",
    "jit": "off",
}

CONNECTION_LOST = (
    OSError,
    NoFreeConnection,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What asyncpg says where the server's farewell came before the request and the connection's end after it.
    asyncpg.InternalClientError,
)

FAILURES = (DBAPIError, asyncpg.PostgresError, *CONNECTION_LOST)


def _unavailable() -> Unavailable:
    return Unavailable("The database does not answer at the moment.", service="database")


async def _retrying(attempt: Callable[[], Awaitable[T]], state_of: Callable[[Exception], str | None]) -> T:
    for tries_left in reversed(range(TRIES)):
        try:
            return await attempt()
        except FAILURES as failure:
            state = state_of(failure)
            if state == LOCK_NOT_AVAILABLE:
                raise RequestInProgress from failure
            if state not in RETRYABLE:
                _forget_row(failure)
                if _lost_connection(failure):
                    raise _unavailable() from failure
                raise
            if not tries_left:
                raise _unavailable() from failure
        await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")


def _forget_row(failure: Exception) -> None:
    # PostgreSQL quotes the row that it refuses, with whatever is in it; the words of an error end in a log.
    error: BaseException | None = failure
    while error is not None:
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
        error.args = tuple(it.partition("\nDETAIL:")[0] if isinstance(it, str) else it for it in error.args)
        error = error.__cause__ or error.__context__


def _lost_connection(failure: Exception) -> bool:
    state = _state(failure) or ""
    if state.startswith(CONNECTION_EXCEPTION) or state in GIVEN_UP:
        return True
    if isinstance(failure, DBAPIError):
        cause = getattr(failure.orig, "__cause__", None)
        broke = isinstance(cause, CONNECTION_LOST) and not isinstance(cause, ValueError)
        return failure.connection_invalidated or isinstance(failure.orig, OSError) or broke
    return isinstance(failure, CONNECTION_LOST)


# The class of a connection that broke. SQLAlchemy calls one that broke while it was made an error like any other.
CONNECTION_EXCEPTION = "08"
# admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout, too_many_connections; and the time limits of
# SERVER_SETTINGS: query_canceled, idle_in_transaction_session_timeout.
GIVEN_UP = frozenset({"57P01", "57P02", "57P03", "57P05", "53300", "57014", "25P03"})


def _state(failure: Exception) -> str | None:
    origin = failure.orig if isinstance(failure, DBAPIError) else failure
    for error in (origin, getattr(origin, "__cause__", None)):
        state = getattr(error, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None


class Timestamptz(DateTime):
    """`sa_type` of a moment: SQLModel's own choice for datetime has no time zone, and asyncpg refuses the mixture."""

    def __init__(self) -> None:
        super().__init__(timezone=True)


class Database:
    """SQLModel sessions over one engine."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=WAIT_FOR_CONNECTION_SECONDS,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"server_settings": SERVER_SETTINGS, "timeout": 5},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.engine.dispose()

    async def ping(self) -> None:
        """Raise unless the database answers."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run the work in one transaction, again if the database asks for it, and return its value once committed.

        Raises:
            Unavailable: the database does not answer.
            RequestInProgress: a lock was held for too long.
        """

        async def attempt() -> T:
            async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
                return await work(session)

        return await _retrying(attempt, _state)


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """The pool would reset a returned connection by a round trip; work here leaves nothing behind in its session."""


class FastDatabase:
    """asyncpg itself, for the service whose statements are one round trip and hot."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self._url = url
        self._pool_size = pool_size
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            await self._pool.close()

    async def ping(self) -> None:
        """Raise unless the database answers."""
        await (await self._open()).execute("SELECT 1")

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=1,
                    max_size=self._pool_size,
                    timeout=5,
                    server_settings=SERVER_SETTINGS,
                    reset=_leave_as_it_is,
                )
        return self._pool

    async def transact(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """As Database.transact, with an asyncpg connection."""

        async def attempt() -> T:
            pool = self._pool or await self._open()
            async with pool.acquire(timeout=WAIT_FOR_CONNECTION_SECONDS) as connection, connection.transaction():
                return await work(connection)

        return await _retrying(attempt, _state)

    async def one_statement(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        """Run one statement, which is its own transaction, and return its first row."""

        async def attempt() -> asyncpg.Record | None:
            pool = self._pool or await self._open()
            async with pool.acquire(timeout=WAIT_FOR_CONNECTION_SECONDS) as connection:
                return await connection.fetchrow(statement, *arguments)

        return await _retrying(attempt, _state)
