"""Work that is done once for its idempotency key: the key's row and the effect are one transaction."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.exc import DBAPIError
from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database
from services.chassis.logs import get_logger

from .idempotency import Answer, Attempt
from .refusals import KeyInUse, ServerError, StripeRefusal
from .rows import IdempotencyKeyRow

logger = get_logger(__name__)

Clock = Callable[[], datetime]
Work = Callable[[AsyncSession], Awaitable[Answer]]
Wake = Callable[[], None]

TELLS = "tells"
"""In the info of a session: somebody is to be told of what the transaction does, once it is committed."""


class Once:
    """Runs a unit of work in one transaction, under the key of its request if there is one."""

    def __init__(self, database: Database, *, clock: Clock, wake: Wake) -> None:
        """`wake` is called after a commit that tells somebody something."""
        self._database = database
        self._clock = clock
        self._wake = wake

    async def __call__(self, attempt: Attempt | None, work: Work) -> Answer:
        """The answer of the work, or the one that the key has kept."""

        async def unit(session: AsyncSession) -> tuple[Answer, bool]:
            answer = await (work(session) if attempt is None else self._under(attempt, session, work))
            return answer, bool(session.info.get(TELLS))

        answer, tells = await self._database.transact(unit)
        if tells:
            self._wake()
        return answer

    async def _under(self, attempt: Attempt, session: AsyncSession, work: Work) -> Answer:
        await _claim(session, attempt)
        kept = await session.get(IdempotencyKeyRow, (attempt.kind, attempt.key))
        if kept is not None:
            return attempt.replay(kept.fingerprint, Answer(kept.status, kept.body))
        answer = await _executed(session, work)
        session.add(self._row(attempt, answer))
        await session.flush()
        return answer

    def _row(self, attempt: Attempt, answer: Answer) -> IdempotencyKeyRow:
        return IdempotencyKeyRow(
            kind=attempt.kind,
            key=attempt.key,
            fingerprint=attempt.fingerprint,
            status=answer.status,
            body=answer.body,
            created_at=self._clock(),
        )


async def _claim(session: AsyncSession, attempt: Attempt) -> None:
    # Held until the transaction ends however it ends, a crash included, so that no key is ever left behind in use.
    lock = func.hashtextextended(f"{attempt.kind}:{attempt.key}", 0)
    if not (await session.exec(select(func.pg_try_advisory_xact_lock(lock)))).one():
        raise KeyInUse


async def _executed(session: AsyncSession, work: Work) -> Answer:
    try:
        async with session.begin_nested():
            return await work(session)
    except (StripeRefusal, DBAPIError):
        raise  # Refused before anything was done, or the database's own trouble: the transaction leaves nothing.
    except Exception:
        logger.exception("a request under an idempotency key broke; its key keeps the failure")
        return Answer.refusing(ServerError())
