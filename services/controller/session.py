"""Sessions: a signed random id in a cookie, a row from the first change on, and who speaks through it.

An id is signed, so that nobody can choose one; its row is found by its hash, so that the table holds no live cookie.
The guest's owner id derives from the id, so that a visitor who only looks needs no row. Ended rows stay as tombstones
for as long as a rowless id would be good, so that an ended id never comes back as a guest.

A guest belongs to the first user who signs in through its session, for good: that user reads the guest's orders from
every device, and whoever still holds the old id gets at them only by signing in as that user.
"""

import hashlib
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cachetools import TLRUCache
from sqlalchemy import ColumnElement, LargeBinary, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, delete, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database
from services.contracts.carts import MergeStrategy
from services.contracts.identity import owner_id_of
from services.contracts.problems import (
    SessionRotated,
)

from .provider import Tokens
from .session_rows import AdoptedGuest, SessionRow
from .signer import Signer, hash_of

MAX_AGE_SECONDS = 30 * 24 * 3600
SIGNED_IN_IDLE_SECONDS = 14 * 24 * 3600
SIGNED_IN_SECONDS = 30 * 24 * 3600
ROWLESS_SECONDS = 24 * 3600
ROTATED_SECONDS = 60
SEEN_EVERY = timedelta(hours=1)
CACHED_SECONDS = 5.0
# For this long another replica may still know somebody who has signed out.
SIGNED_IN_CACHED_SECONDS = 1.0
LEASE_SECONDS = 10
SLACK_SECONDS = 5.0
UNDECIDED_SECONDS = 24 * 3600
UNMERGED_AT_ONCE = 500
# By then nothing more is bought as the guest: no request that began under the old id is still under way.
GUEST_IS_QUIET_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Merging:
    """How the guest's carts are to join the user's, and whether the shopper is asked before."""

    strategy: MergeStrategy = MergeStrategy.SUM
    ask: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A browser's session. `row` is None until something is changed through it."""

    id: str = field(repr=False)
    guest_owner: str
    row: SessionRow | None = None
    renewed: bool = False

    @property
    def signed_in(self) -> bool:
        """Whether somebody signed in through it, and it has not ended."""
        return self.row is not None and self.row.tokens is not None and self.row.ended_at is None

    @property
    def decide_before(self) -> datetime | None:
        """Until when its shopper may decide how the guest's carts join theirs; None if they were not asked."""
        if self.row is None or self.row.merge_done or not self.row.merge_ask:
            return None
        return self.row.created_at + timedelta(seconds=UNDECIDED_SECONDS)

    @property
    def undecided(self) -> bool:
        """Whether they may still."""
        until = self.decide_before
        return self.signed_in and until is not None and datetime.now(UTC) < until


def _seconds_to_remember(_: bytes, row: SessionRow | None, now: float) -> float:
    return now + (SIGNED_IN_CACHED_SECONDS if row is not None and row.tokens is not None else CACHED_SECONDS)


def _is_over(row: SessionRow, now: datetime) -> bool:
    """Whether nobody has used it for too long, or somebody signed in through it too long ago."""
    if row.issuer is None:
        return now - row.seen_at > timedelta(seconds=MAX_AGE_SECONDS)
    idle, age = now - row.seen_at, now - row.created_at
    return idle > timedelta(seconds=SIGNED_IN_IDLE_SECONDS) or age > timedelta(seconds=SIGNED_IN_SECONDS)


def _rotated(cookie: str, row: SessionRow, *, leaving: bool) -> Session | None:
    """What an ended session is still good for."""
    if row.ended_by != "login" or row.ended_at is None:
        return None
    if leaving:
        return Session(cookie, row.guest_owner, row)
    if datetime.now(UTC) - row.ended_at < timedelta(seconds=ROTATED_SECONDS):
        raise SessionRotated
    return None


class _AnotherGuestError(Exception):
    """A sign-in was committed between two looks."""


def told_of(row: SessionRow) -> dict[str, Any]:
    """What a shopper may be told of a session."""
    told = {"created_at": row.created_at, "last_seen_at": row.seen_at, "ended_at": row.ended_at}
    moments = {name: moment.isoformat() if moment else None for name, moment in told.items()}
    return {**moments, "ended_by": row.ended_by, "name": row.name}


class Sessions:
    """The table of sessions, and a memory of it for a few seconds."""

    def __init__(
        self, database: Database, signer: Signer, *, over: Callable[[Collection[str]], None] = lambda _: None
    ) -> None:
        """Call `over` with the ids of sessions that this process has ended."""
        self._database = database
        self._over = over
        self.signer = signer
        self._cache: TLRUCache[bytes, SessionRow | None] = TLRUCache(50_000, _seconds_to_remember)

    def fresh(self) -> Session:
        """A session that nobody has seen."""
        session_id = self.signer.new_id()
        return Session(session_id, self.signer.guest_owner(session_id))

    async def resume(self, cookie: str | None, *, leaving: bool = False, afresh: bool = False) -> Session | None:
        """The session behind a cookie; None if it is not good any more, or never was.

        Args:
            leaving: whether an id of before a sign-in is wanted too, ended as it is, since it is only to be left for
                another: the answer with the new one may have been lost.
            afresh: whether what is remembered of it is not good enough.

        Raises:
            SessionRotated: it was signed in a moment ago and has a new id, which this request did not know yet.
        """
        issued = self.signer.issued_at(cookie) if cookie else None
        if cookie is None or issued is None:
            return None
        now = datetime.now(UTC)
        if afresh:
            self._cache.pop(hash_of(cookie), None)
        row = await self._row(hash_of(cookie))
        if row is None:
            return self._rowless(cookie, issued)
        if row.ended_at is not None:
            return _rotated(cookie, row, leaving=leaving)
        if _is_over(row, now):
            return None
        if now - row.seen_at > SEEN_EVERY:
            seen = await self._saw(Session(cookie, row.guest_owner, row))
            return replace(seen, renewed=True) if seen.row is not None else self._rowless(cookie, issued)
        return Session(cookie, row.guest_owner, row)

    def _rowless(self, cookie: str, issued: float) -> Session | None:
        alive = time.time() - issued < ROWLESS_SECONDS
        return Session(cookie, self.signer.guest_owner(cookie)) if alive else None

    async def reread(self, session: Session) -> Session:
        """The session as the database has it now."""
        self._cache.pop(hash_of(session.id), None)
        return self._as_it_is(session, await self._row(hash_of(session.id)))

    async def keep(self, session: Session) -> Session:
        """Make sure that the session has a row: something is about to be changed through it.

        What is remembered here may be old: the row may tell that the session has ended elsewhere.
        """
        if session.row is not None:
            return session

        async def work(database: AsyncSession) -> SessionRow:
            await database.exec(
                insert(SessionRow)
                .values(id_hash=hash_of(session.id), guest_owner=session.guest_owner)
                .on_conflict_do_nothing()
            )
            return (await database.exec(select(SessionRow).where(SessionRow.id_hash == hash_of(session.id)))).one()

        row = await self._database.transact(work)
        self._cache[row.id_hash] = row
        return replace(session, row=row)

    async def sign_in(
        self,
        old: Session,
        *,
        issuer: str,
        subject: str,
        name: str | None,
        tokens: Tokens,
        merging: Merging | None = None,
    ) -> Session:
        """End the session and start a new one, with a new id, for the user.

        The new one goes on with the guest of the old one, if that guest is this user's.

        Args:
            merging: how their carts become one.
        """
        merging = merging or Merging()
        session_id = self.signer.new_id()
        owner = owner_id_of(issuer, subject)
        another = old.row is not None and old.signed_in and (old.row.issuer, old.row.subject) != (issuer, subject)
        values = {
            "id_hash": hash_of(session_id),
            "issuer": issuer,
            "subject": subject,
            "name": name,
            "merge_strategy": merging.strategy.value,
            "merge_ask": merging.ask,
            **self._token_columns(tokens),
        }

        async def work(database: AsyncSession) -> SessionRow:
            alive = await self._end(database, old, by="login")
            mine = not another and await self._adopts(database, owner, old.guest_owner, alive=alive)
            guest = old.guest_owner if mine else self.fresh().guest_owner  # Not its own: that one is never adopted.
            merge_id = merge_id_of(guest, owner)
            await database.exec(insert(SessionRow).values(**values, guest_owner=guest, merge_id=merge_id))
            return (await database.exec(select(SessionRow).where(SessionRow.id_hash == values["id_hash"]))).one()

        row = await self._database.transact(work)
        self._cache.pop(hash_of(old.id), None)
        self._over([old.id])
        return Session(session_id, row.guest_owner, row)

    async def _adopts(self, database: AsyncSession, owner: str, guest: str, *, alive: bool) -> bool:
        """Whether the guest is the user's. The first to sign in has it; an id that has ended claims nothing."""
        if alive:
            claim = insert(AdoptedGuest).values(guest_owner=guest, owner_id=owner)
            await database.exec(claim.on_conflict_do_nothing())
        mine = select(AdoptedGuest).where(AdoptedGuest.guest_owner == guest, AdoptedGuest.owner_id == owner)
        return (await database.exec(mine)).first() is not None

    async def guests_of(self, owner: str) -> list[str]:
        """The guests that a user was before signing in, but for those who bought nothing."""

        async def work(database: AsyncSession) -> list[str]:
            guests = select(AdoptedGuest.guest_owner).where(
                AdoptedGuest.owner_id == owner, col(AdoptedGuest.has_orders).is_not(False)
            )
            return list((await database.exec(guests.order_by(col(AdoptedGuest.adopted_at).desc()))).all())

        return await self._database.transact(work)

    async def unread_guests(self) -> list[str]:
        """Guests who cannot buy any more and whose orders nobody has looked for: any, as many as one round can do."""
        before = datetime.now(UTC) - timedelta(seconds=GUEST_IS_QUIET_SECONDS)

        async def work(database: AsyncSession) -> list[str]:
            guests = select(AdoptedGuest.guest_owner).where(
                col(AdoptedGuest.has_orders).is_(None), AdoptedGuest.adopted_at < before
            )
            some = guests.order_by(func.random()).limit(UNMERGED_AT_ONCE)
            return list((await database.exec(some)).all())

        return await self._database.transact(work)

    async def read_guest(self, guest: str, *, has_orders: bool) -> None:
        """Whether the guest bought anything is known for good."""

        async def work(database: AsyncSession) -> None:
            await database.exec(
                update(AdoptedGuest).where(col(AdoptedGuest.guest_owner) == guest).values(has_orders=has_orders)
            )

        await self._database.transact(work)

    async def of_user(self, issuer: str, subject: str) -> list[dict[str, Any]]:
        """What the table tells of a user's sessions, the newest first, without a secret."""

        async def work(database: AsyncSession) -> list[SessionRow]:
            theirs = select(SessionRow).where(SessionRow.issuer == issuer, SessionRow.subject == subject)
            return list((await database.exec(theirs.order_by(col(SessionRow.created_at).desc()))).all())

        return [told_of(row) for row in await self._database.transact(work)]

    async def every_guest_of(self, issuer: str, subject: str) -> set[str]:
        """The guests that a user was, whether they bought anything or not."""

        async def work(database: AsyncSession) -> set[str]:
            owner = owner_id_of(issuer, subject)
            adopted = select(AdoptedGuest.guest_owner).where(AdoptedGuest.owner_id == owner)
            theirs = select(SessionRow.guest_owner).where(SessionRow.issuer == issuer, SessionRow.subject == subject)
            return {*(await database.exec(adopted)).all(), *(await database.exec(theirs)).all()}

        return await self._database.transact(work)

    async def erase_user(self, issuer: str, subject: str, *, guests: set[str]) -> list[Tokens] | None:
        """End a user's sessions, and leave of them the tombstones that keep ids from coming back.

        The tokens that were in them; or None, with nothing changed, if a sign-in has brought another guest meanwhile.
        """
        theirs = (col(SessionRow.issuer) == issuer, col(SessionRow.subject) == subject)
        nobodys = dict.fromkeys(
            ("issuer", "subject", "name", "tokens", "tokens_renew_at", "tokens_end_at", "merge_id"), None
        )
        ended = {
            "ended_at": func.coalesce(SessionRow.ended_at, datetime.now(UTC)),
            "ended_by": func.coalesce(SessionRow.ended_by, "erasure"),
        }

        async def work(database: AsyncSession) -> tuple[list[bytes], list[bytes]]:
            owner = owner_id_of(issuer, subject)
            links = delete(AdoptedGuest).where(col(AdoptedGuest.owner_id) == owner)
            known = {row[0] for row in await database.exec(links.returning(col(AdoptedGuest.guest_owner)))}
            sealed = select(SessionRow.tokens).where(*theirs, col(SessionRow.tokens).is_not(None)).with_for_update()
            tokens = [row for row in (await database.exec(sealed)).all() if row is not None]
            change = update(SessionRow).where(*theirs).values(**nobodys, **ended, merge_done=False, merge_ask=False)
            rows = list(await database.exec(change.returning(col(SessionRow.id_hash), col(SessionRow.guest_owner))))
            if not known | {row[1] for row in rows} <= guests:
                raise _AnotherGuestError
            return tokens, [row[0] for row in rows]

        try:
            sealed, hashes = await self._database.transact(work)
        except _AnotherGuestError:
            return None
        for id_hash in hashes:
            self._cache.pop(id_hash, None)
        return [Tokens(**self.signer.unseal(one)) for one in sealed]

    async def end(self, session: Session, *, by: str) -> None:
        """End it for good; the tombstone keeps its id from coming back as a guest."""

        async def work(database: AsyncSession) -> None:
            await self._end(database, session, by=by)

        await self._database.transact(work)
        self._cache.pop(hash_of(session.id), None)
        self._over([session.id])

    async def ended_among(self, session_ids: Collection[str]) -> set[str]:
        """Those that have ended, by one question."""
        ids = {hash_of(session_id): session_id for session_id in session_ids}

        async def work(database: AsyncSession) -> list[bytes]:
            ended = col(SessionRow.ended_at).is_not(None)
            known = col(SessionRow.id_hash) == any_(literal(list(ids), ARRAY(LargeBinary)))
            return list((await database.exec(select(SessionRow.id_hash).where(known, ended))).all())

        return {ids[id_hash] for id_hash in await self._database.transact(work)}

    async def merged(self, session: Session, *, moved: bool) -> Session:
        """The adoption of this sign-in is under way for good; or there was nothing to move."""
        assert session.row is not None
        merge_id = session.row.merge_id if moved else None
        return await self._set(session, ended_too=True, merge_done=True, merge_id=merge_id)

    async def unmerged(self, *, older_than: float) -> list[Session]:
        """Sign-ins of some seconds ago whose guest's carts have not moved: any, as many as one round can do.

        Drawn anew each time, so that those which cannot be decided do not keep the others from their turn.
        Those whose session has ended are among them: who signs out at once wants to find the lines the next time.
        Those whose shopper may still decide are not, in this session or in another one of theirs.
        """
        now = datetime.now(UTC)

        async def work(database: AsyncSession) -> list[SessionRow]:
            waiting = (
                ~col(SessionRow.merge_done),
                col(SessionRow.issuer).is_not(None),
                col(SessionRow.created_at) < now - timedelta(seconds=older_than),
                or_(~col(SessionRow.merge_ask), ~_is_open_to_its_user(now - timedelta(seconds=UNDECIDED_SECONDS))),
            )
            rows = await database.exec(
                select(SessionRow).where(*waiting).order_by(func.random()).limit(UNMERGED_AT_ONCE)
            )
            return list(rows.all())

        return [Session("", row.guest_owner, row) for row in await self._database.transact(work)]

    async def lease_refresh(self, session: Session) -> Session | None:
        """The session as it is now, if this request is the one that renews its tokens.

        A remembered row may hold a refresh token that another replica has used up since.
        """
        now = datetime.now(UTC)

        async def work(database: AsyncSession) -> SessionRow | None:
            statement = (
                update(SessionRow)
                .where(
                    col(SessionRow.id_hash) == hash_of(session.id),
                    col(SessionRow.ended_at).is_(None),
                    col(SessionRow.tokens_renew_at) <= now,
                    or_(
                        col(SessionRow.refresh_leased_until).is_(None),
                        col(SessionRow.refresh_leased_until) < now,
                    ),
                )
                .values(refresh_leased_until=now + timedelta(seconds=LEASE_SECONDS))
                .returning(SessionRow)
            )
            found = (await database.exec(statement)).first()
            return found[0] if found is not None else None

        row = await self._database.transact(work)
        return None if row is None else replace(session, row=row)

    async def renew(self, session: Session, tokens: Tokens) -> Session:
        """Keep the tokens that a refresh brought."""
        return await self._set(session, refresh_leased_until=None, **self._token_columns(tokens))

    async def unlease(self, session: Session) -> Session:
        """Let the next request try the refresh."""
        return await self._set(session, refresh_leased_until=None)

    async def without_refresh(self, session: Session, tokens: Tokens) -> Session:
        """Keep the access token for what is left of its life, and ask for a new sign-in then."""
        assert session.row is not None
        sealed = self.signer.seal(replace(tokens, refresh_token=None).to_dict())
        return await self._set(
            session, tokens=sealed, tokens_renew_at=session.row.tokens_end_at, refresh_leased_until=None
        )

    def tokens_of(self, row: SessionRow) -> Tokens:
        """The tokens of a signed-in session."""
        assert row.tokens is not None
        return Tokens(**self.signer.unseal(row.tokens))

    async def forget_old(self) -> None:
        """Delete tombstones and sessions that no cookie can bring back, and guests whom nobody needs to remember.

        What has still to move stays. A guest who bought nothing is remembered for as long as the old id is.
        """
        now = datetime.now(UTC)
        forgotten = now - timedelta(seconds=ROWLESS_SECONDS + ROTATED_SECONDS)

        async def work(database: AsyncSession) -> None:
            await database.exec(
                delete(SessionRow).where(
                    or_(
                        col(SessionRow.ended_at) < forgotten,
                        col(SessionRow.seen_at) < now - timedelta(seconds=MAX_AGE_SECONDS + ROWLESS_SECONDS),
                        and_(
                            col(SessionRow.issuer).is_not(None),
                            col(SessionRow.created_at) < now - timedelta(seconds=SIGNED_IN_SECONDS + ROWLESS_SECONDS),
                        ),
                    ),
                    or_(col(SessionRow.merge_done), col(SessionRow.issuer).is_(None)),
                )
            )
            await database.exec(
                delete(AdoptedGuest).where(
                    col(AdoptedGuest.has_orders).is_(False), col(AdoptedGuest.adopted_at) < forgotten
                )
            )

        await self._database.transact(work)

    def _token_columns(self, tokens: Tokens) -> dict[str, Any]:
        now = datetime.now(UTC)
        # Counted from when the provider made it, in whole seconds, which is a little before it arrived here.
        life = timedelta(seconds=tokens.expires_in - min(SLACK_SECONDS, tokens.expires_in / 10))
        return {
            "tokens": self.signer.seal(tokens.to_dict()),
            "tokens_renew_at": now + life * 2 / 3,
            "tokens_end_at": now + life,
        }

    async def _row(self, id_hash: bytes) -> SessionRow | None:
        with suppress(KeyError):  # Not asked for before it is read: it may run out in between.
            return self._cache[id_hash]

        async def work(database: AsyncSession) -> SessionRow | None:
            return (await database.exec(select(SessionRow).where(SessionRow.id_hash == id_hash))).first()

        row = await self._database.transact(work)
        self._cache[id_hash] = row
        return row

    async def _saw(self, session: Session) -> Session:
        return await self._set(session, seen_at=datetime.now(UTC))

    async def _set(self, session: Session, *, ended_too: bool = False, **values: Any) -> Session:
        assert session.row is not None
        id_hash = session.row.id_hash

        async def work(database: AsyncSession) -> SessionRow | None:
            changed = update(SessionRow).where(col(SessionRow.id_hash) == id_hash).values(**values)
            await database.exec(changed if ended_too else changed.where(col(SessionRow.ended_at).is_(None)))
            return (await database.exec(select(SessionRow).where(SessionRow.id_hash == id_hash))).first()

        row = await self._database.transact(work)
        self._cache[id_hash] = row
        return self._as_it_is(session, row)

    def _as_it_is(self, session: Session, row: SessionRow | None) -> Session:
        """With the row that it has now. Without one it speaks for the guest of its id, whoever it spoke for before."""
        if row is None and session.id:
            return Session(session.id, self.signer.guest_owner(session.id))
        return replace(session, row=row)

    async def _end(self, database: AsyncSession, session: Session, *, by: str) -> bool:
        """End it once; whether it had not ended before."""
        ended = {"ended_at": datetime.now(UTC), "ended_by": by, "tokens": None}
        row = insert(SessionRow).values(id_hash=hash_of(session.id), guest_owner=session.guest_owner, **ended)
        once = row.on_conflict_do_update(
            index_elements=["id_hash"], set_=ended, where=col(SessionRow.ended_at).is_(None)
        ).returning(col(SessionRow.id_hash))
        return (await database.exec(once)).first() is not None


def _is_open_to_its_user(asked_after: datetime) -> ColumnElement[bool]:
    """Whether a row's decision can still be made in a session of the same guest and user."""
    other = aliased(SessionRow)
    alive = select(col(other.id_hash)).where(
        col(other.guest_owner) == col(SessionRow.guest_owner),
        col(other.issuer) == col(SessionRow.issuer),
        col(other.subject) == col(SessionRow.subject),
        col(other.merge_ask),
        ~col(other.merge_done),
        col(other.ended_at).is_(None),
        col(other.created_at) > asked_after,
    )
    return and_(col(SessionRow.created_at) > asked_after, alive.exists())


def merge_id_of(guest_owner: str, target_owner: str) -> UUID:
    """The id of the adoption of one guest by one user: the same in every repeat of the sign-in."""
    digest = hashlib.sha256(f"merge:{guest_owner}:{target_owner}".encode()).digest()
    return UUID(bytes=digest[:16], version=4)
