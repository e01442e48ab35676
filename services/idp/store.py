"""The provider's tables. Codes, refresh tokens and session cookies are kept as hashes only."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import DateTime, case
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.app import new_id
from services.chassis.database import Database

from .authorization import Asked
from .scope import for_user

T = TypeVar("T")

CODE_SECONDS = 60
SESSION_SECONDS = 12 * 3600
FAILURES_ALLOWED = 10
FAILURE_WINDOW = timedelta(minutes=5)
KEPT_AFTER_ITS_END = timedelta(days=1)


def hashed(secret: str) -> bytes:
    """A random secret as it is stored. It has 256 bits, so nothing slower than SHA-256 is asked."""
    return hashlib.sha256(secret.encode()).digest()


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def moment(**options: Any) -> Any:
    """A column of type timestamptz."""
    return Field(sa_type=DateTime(timezone=True), **options)


class Row(SQLModel, registry=registry()):
    """The base of this service's rows; they validate nothing."""


class AccountRow(Row, table=True):
    __tablename__ = "accounts"

    account_id: UUID = Field(primary_key=True)
    username: str
    name: str
    email: str | None = None
    password_hash: str = Field(repr=False)
    privileges: str = ""
    created_at: datetime = moment()


class SessionRow(Row, table=True):
    __tablename__ = "sessions"

    session_hash: bytes = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.account_id")
    authenticated_at: datetime = moment()
    expires_at: datetime = moment()


class FamilyRow(Row, table=True):
    """All tokens that descend from one redeemed code: they are revoked together."""

    __tablename__ = "token_families"

    family_id: UUID = Field(primary_key=True)
    client_id: str
    account_id: UUID = Field(foreign_key="accounts.account_id")
    scope: str
    resources: str = ""
    authenticated_at: datetime = moment()
    created_at: datetime = moment()
    ends_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None)
    revoked_because: str | None = None

    def revoke(self, now: datetime, *, because: str) -> None:
        """End every token of the family; the first reason stays."""
        if self.revoked_at is None:
            self.revoked_at, self.revoked_because = now, because

    def lives_at(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.ends_at


class CodeRow(Row, table=True):
    __tablename__ = "authorization_codes"

    code_hash: bytes = Field(primary_key=True)
    client_id: str
    account_id: UUID = Field(foreign_key="accounts.account_id")
    redirect_uri: str
    scope: str
    nonce: str | None = None
    code_challenge: str
    resources: str = ""
    authenticated_at: datetime = moment()
    expires_at: datetime = moment()
    redeemed_at: datetime | None = moment(default=None)
    family_id: UUID | None = Field(default=None, foreign_key="token_families.family_id")


class RefreshTokenRow(Row, table=True):
    __tablename__ = "refresh_tokens"

    token_hash: bytes = Field(primary_key=True)
    family_id: UUID = Field(foreign_key="token_families.family_id")
    issued_at: datetime = moment()
    used_at: datetime | None = moment(default=None)


class RevokedAccessTokenRow(Row, table=True):
    __tablename__ = "revoked_access_tokens"

    jti: str = Field(primary_key=True)
    expires_at: datetime = moment()


class SigningKeyRow(Row, table=True):
    __tablename__ = "signing_keys"

    generation: int = Field(primary_key=True)
    kid: str
    private_jwk: dict[str, Any] = Field(sa_type=JSONB, repr=False)
    not_before: datetime = moment()
    retire_at: datetime | None = moment(default=None)


class FailureRow(Row, table=True):
    __tablename__ = "sign_in_failures"

    username: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    failures: int
    window_started_at: datetime = moment()


@dataclass(slots=True)
class Papers:
    """The rows that one request names, locked; the protocol's core reads and changes them, and adds new ones."""

    now: datetime
    account: AccountRow | None = None
    code: CodeRow | None = None
    refresh: RefreshTokenRow | None = None
    family: FamilyRow | None = None
    access_token_revoked: bool = False
    revoke_access_token: RevokedAccessTokenRow | None = None
    added: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names: secrets by hash, an access token by its id and family."""

    code: str | None = None
    refresh_token: str | None = None
    jti: str | None = None
    family_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is signed in at the provider in a browser, and since when."""

    account: AccountRow
    authenticated_at: datetime

    @property
    def subject(self) -> str:
        """The `sub` of their tokens."""
        return str(self.account.account_id)


@dataclass(frozen=True, slots=True)
class Entered:
    """A fresh sign-in: the cookie's value and the code for the client."""

    cookie: str = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Blocked:
    """Too many failures: ask again after so many seconds."""

    seconds: int


class Store:
    """Every method is one transaction."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def add_account(
        self, *, username: str, name: str, email: str | None, password_hash: str, privileges: str = ""
    ) -> AccountRow | None:
        """A new account; None if the username is taken."""
        account = AccountRow(
            account_id=UUID(new_id()),
            username=username,
            name=name,
            email=email,
            password_hash=password_hash,
            privileges=privileges,
            created_at=self._clock(),
        )

        async def work(session: AsyncSession) -> AccountRow | None:
            statement = insert(AccountRow).values(account.model_dump()).on_conflict_do_nothing()
            added = await session.exec(statement.returning(col(AccountRow.account_id)))
            return account if added.scalar_one_or_none() else None

        return await self._database.transact(work)

    async def account_named(self, username: str) -> AccountRow | None:
        async def work(session: AsyncSession) -> AccountRow | None:
            return (await session.exec(select(AccountRow).where(AccountRow.username == username))).one_or_none()

        return await self._database.transact(work)

    async def signed_in(self, cookie: str | None) -> SignedIn | None:
        """Who the browser's session belongs to."""
        if not cookie:
            return None
        return await self._database.transact(lambda session: self._signed_in(session, cookie))

    async def _signed_in(self, session: AsyncSession, cookie: str) -> SignedIn | None:
        found = await session.exec(
            select(SessionRow, AccountRow)
            .where(col(SessionRow.account_id) == col(AccountRow.account_id))
            .where(SessionRow.session_hash == hashed(cookie), col(SessionRow.expires_at) > self._clock())
        )
        row = found.one_or_none()
        return SignedIn(row[1], row[0].authenticated_at) if row else None

    async def sign_out(self, cookie: str | None) -> None:
        """End the browser's session; ending it again agrees."""
        if cookie:
            await self._database.transact(lambda session: self._end(session, cookie))

    async def _end(self, session: AsyncSession, cookie: str | None) -> None:
        if cookie:
            await session.exec(delete(SessionRow).where(col(SessionRow.session_hash) == hashed(cookie)))

    async def blocked(self, username: str, address: str) -> Blocked | None:
        """Whether this account has failed too often from this address."""
        return await self._database.transact(lambda session: self._blocked(session, username, address))

    async def _blocked(self, session: AsyncSession, username: str, address: str) -> Blocked | None:
        found = await session.exec(
            select(FailureRow).where(FailureRow.username == username, FailureRow.address == address).with_for_update()
        )
        row = found.one_or_none()
        if row is None or row.failures < FAILURES_ALLOWED:
            return None
        return self._wait(row.window_started_at)

    def _wait(self, window_started_at: datetime) -> Blocked | None:
        left = (window_started_at + FAILURE_WINDOW - self._clock()).total_seconds()
        return Blocked(max(1, round(left))) if left > 0 else None

    async def record_failure(self, username: str, address: str) -> Blocked | None:
        """Count a failed sign-in; Blocked if simultaneous ones have used up the tries meanwhile."""
        now = self._clock()
        over = col(FailureRow.window_started_at) <= now - FAILURE_WINDOW

        async def work(session: AsyncSession) -> Blocked | None:
            statement = insert(FailureRow).values(username=username, address=address, failures=1, window_started_at=now)
            counted = await session.exec(
                statement.on_conflict_do_update(
                    index_elements=["username", "address"],
                    set_={
                        "failures": case((over, 1), else_=col(FailureRow.failures) + 1),
                        "window_started_at": case((over, now), else_=col(FailureRow.window_started_at)),
                    },
                ).returning(col(FailureRow.failures), col(FailureRow.window_started_at))
            )
            failures, started = counted.one()
            return self._wait(started) if failures > FAILURES_ALLOWED else None

        return await self._database.transact(work)

    async def enter(
        self, account: AccountRow, asked: Asked, *, replacing: str | None, address: str | None = None
    ) -> Entered | Blocked:
        """Open a session for somebody who has just proved who they are, and issue the code that they came for.

        Args:
            replacing: the browser's earlier session cookie, which ends.
            address: where a password was tried from; its failures are forgotten unless there are too many by now.
        """

        async def work(session: AsyncSession) -> Entered | Blocked:
            if address is not None:
                if blocked := await self._blocked(session, account.username, address):
                    return blocked
                await session.exec(
                    delete(FailureRow).where(
                        col(FailureRow.username) == account.username, col(FailureRow.address) == address
                    )
                )
            await self._end(session, replacing)
            return Entered(self._open_session(session, account), self._issue(session, account, asked, self._clock()))

        return await self._database.transact(work)

    def _open_session(self, session: AsyncSession, account: AccountRow) -> str:
        cookie, now = new_secret(), self._clock()
        session.add(
            SessionRow(
                session_hash=hashed(cookie),
                account_id=account.account_id,
                authenticated_at=now,
                expires_at=now + timedelta(seconds=SESSION_SECONDS),
            )
        )
        return cookie

    async def issue_code(self, signed_in: SignedIn, asked: Asked) -> str:
        """A code for somebody whose session is recent enough."""

        async def work(session: AsyncSession) -> str:
            return self._issue(session, signed_in.account, asked, signed_in.authenticated_at)

        return await self._database.transact(work)

    def _issue(self, session: AsyncSession, account: AccountRow, asked: Asked, authenticated_at: datetime) -> str:
        code = new_secret()
        session.add(
            CodeRow(
                code_hash=hashed(code),
                client_id=asked.client_id,
                account_id=account.account_id,
                redirect_uri=asked.redirect_uri,
                scope=for_user(asked.scope, account.privileges.split()),
                nonce=asked.nonce,
                code_challenge=asked.code_challenge,
                resources=asked.resources,
                authenticated_at=authenticated_at,
                expires_at=self._clock() + timedelta(seconds=CODE_SECONDS),
            )
        )
        return code

    async def with_papers(self, named: Named, decide: Callable[[Papers], T]) -> T:
        """Lock the rows that are named, let the protocol's core decide on them, and write what it decided.

        A refusal that must leave a trace is a value that `decide` returns: it is committed like any other.
        """

        async def work(session: AsyncSession) -> T:
            papers = await self._papers(session, named)
            decision = decide(papers)
            session.add_all(papers.added)
            if papers.revoke_access_token:
                revoked = papers.revoke_access_token.model_dump()
                await session.exec(insert(RevokedAccessTokenRow).values(revoked).on_conflict_do_nothing())
            return decision

        return await self._database.transact(work)

    async def _papers(self, session: AsyncSession, named: Named) -> Papers:
        papers = Papers(self._clock())
        if named.code:
            papers.code = await session.get(CodeRow, hashed(named.code), with_for_update=True)
        if named.refresh_token:
            papers.refresh = await session.get(RefreshTokenRow, hashed(named.refresh_token), with_for_update=True)
        # An access token names its family only to be read by it, so that simultaneous readers do not queue.
        changes = papers.refresh or papers.code
        family_id = changes.family_id if changes else named.family_id
        if family_id:
            papers.family = await session.get(FamilyRow, family_id, with_for_update=changes is not None)
        if owned := papers.family or papers.code:
            papers.account = await session.get(AccountRow, owned.account_id)
        if named.jti:
            papers.access_token_revoked = await session.get(RevokedAccessTokenRow, named.jti) is not None
        return papers

    async def signing_keys(self) -> list[SigningKeyRow]:
        """All keys that are not retired, the oldest first."""

        async def work(session: AsyncSession) -> list[SigningKeyRow]:
            retire_at = col(SigningKeyRow.retire_at)
            living = select(SigningKeyRow).where((retire_at == None) | (retire_at > self._clock()))  # noqa: E711 - SQL
            return list((await session.exec(living.order_by(col(SigningKeyRow.generation)))).all())

        return await self._database.transact(work)

    async def add_signing_key(self, key: SigningKeyRow, *, retire_older_at: datetime) -> None:
        """Add a key of a generation, unless another replica has added one; its elders learn when they retire."""

        async def work(session: AsyncSession) -> None:
            statement = insert(SigningKeyRow).values(key.model_dump()).on_conflict_do_nothing()
            if (await session.exec(statement.returning(col(SigningKeyRow.generation)))).scalar_one_or_none() is None:
                return
            older = select(SigningKeyRow).where(
                SigningKeyRow.generation < key.generation,
                col(SigningKeyRow.retire_at) == None,  # noqa: E711 - SQL
            )
            for row in await session.exec(older):
                row.retire_at = retire_older_at

        await self._database.transact(work)

    async def sweep(self) -> None:
        """Delete what has ended long enough ago that nothing can ask for it."""
        past = self._clock() - KEPT_AFTER_ITS_END

        async def work(session: AsyncSession) -> None:
            await session.exec(delete(SessionRow).where(col(SessionRow.expires_at) < past))
            await session.exec(
                delete(CodeRow).where(col(CodeRow.expires_at) < past, col(CodeRow.redeemed_at) == None)  # noqa: E711 - SQL
            )
            await session.exec(delete(FamilyRow).where(col(FamilyRow.ends_at) < past))
            await session.exec(delete(RevokedAccessTokenRow).where(col(RevokedAccessTokenRow.expires_at) < past))
            await session.exec(delete(SigningKeyRow).where(col(SigningKeyRow.retire_at) < past))
            await session.exec(delete(FailureRow).where(col(FailureRow.window_started_at) < past))

        await self._database.transact(work)
