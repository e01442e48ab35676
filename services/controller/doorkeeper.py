"""Who a request speaks for: by bearer token or by session, with their tokens renewed and their cookie kept."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Protocol, cast
from uuid import UUID

from fastapi import Depends
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.auth import TokenVerifier, bearer_of
from services.chassis.logs import get_logger, owner
from services.chassis.outbound import Forwarded
from services.contracts.identity import Scope as Right
from services.contracts.identity import owner_id_of
from services.contracts.problems import (
    CrossSiteRequest,
    Forbidden,
    NotSent,
    OutcomeUnknown,
    Refused,
    SessionRotated,
    Unauthenticated,
    Unavailable,
    Undecided,
)

from .authority import Authority
from .idtokens import IdTokens, NotBelieved
from .provider import Identity, ServiceToken, Tokens
from .session import LEASE_SECONDS, MAX_AGE_SECONDS, Session, Sessions
from .session_rows import SessionRow
from .settings import Settings

logger = get_logger(__name__)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who a request speaks for, and the credentials that cartdb takes for them.

    `identity` is a user's issuer and subject; a guest has none.
    """

    owner_id: str
    name: str | None
    guest: bool
    authority: Authority
    session: Session | None = None
    merge_id: UUID | None = None
    earlier_guest: Authority | None = None
    identity: tuple[str, str] | None = None


class Adopting(Protocol):
    """What moves a guest's carts to the user who signed in."""

    async def carry_out(self, session: Session) -> Session: ...


class Doorkeeper:
    """Tells who a request speaks for, and sees to their tokens and their cookie."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        identity: Identity,
        verifier: TokenVerifier,
        guest_token: ServiceToken,
        adoption: Adopting,
        settings: Settings,
    ) -> None:
        self.sessions = sessions
        self._adoption = adoption
        self._identity = identity
        self._verifier = verifier
        self._guest_token = guest_token
        self._settings = settings
        self.cookie_name = "__Host-sid" if settings.https else "sid"

    async def recognise(self, request: Request) -> Shopper:
        """The shopper of a request: by bearer token, or by session.

        Raises:
            Unauthenticated: there is a bearer token, and it is not good.
            CrossSiteRequest: a foreign page asks for a change.
            SessionRotated: the session has a new id.
        """
        token = bearer_of(request)
        if token is not None:
            return await self.by_bearer(token)
        self.refuse_foreign_pages(request)
        session = await self.session_of(request)
        return await self._by_session(request, session)

    async def by_bearer(self, token: str) -> Shopper:
        """The user of an access token.

        Raises:
            Unauthenticated: it is not good.
            Forbidden: it is a service's own.
        """
        caller = await self._verifier.verify(token)
        if caller.service_scope is not None:
            raise Forbidden("A service's own token is no shopper's.")
        return Shopper(
            owner_id=caller.owner_id,
            name=caller.name,
            guest=False,
            authority=Authority(Forwarded(token), user=caller.owner_id),
            identity=(caller.issuer, caller.subject),
        )

    async def demand_operator(self, shopper: Shopper) -> None:
        """Refuse whom the provider has not given the operator's rights.

        Raises:
            Unauthenticated: a guest, or a token that is not good any more.
            Forbidden: somebody else.
            Unavailable: the provider's keys cannot be fetched.
        """
        credential = shopper.authority.credential
        if shopper.guest or not isinstance(credential, Forwarded):
            raise Unauthenticated
        (await self._verifier.verify(credential.token)).demand(Right.OPERATOR)

    async def is_operator(self, shopper: Shopper) -> bool:
        """Whether they have the operator's rights. Nobody is known to while the provider cannot be asked."""
        try:
            await self.demand_operator(shopper)
        except (Unauthenticated, Forbidden, Unavailable):
            return False
        return True

    def refuse_foreign_pages(self, request: Request) -> None:
        """Changes are taken from the shop's own pages and from programs, never from another site's pages."""
        if request.method in SAFE_METHODS:
            return
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            if site not in ("same-origin", "none"):
                raise CrossSiteRequest
            return
        origin = request.headers.get("origin")
        if origin is not None and origin != self._settings.public_url.rstrip("/"):
            raise CrossSiteRequest

    async def session_to_leave(self, request: Request) -> Session:
        """The session that a sign-in or a sign-out ends. The id of before another sign-in is good enough for that."""
        session = await self.sessions.resume(request.cookies.get(self.cookie_name), leaving=True)
        return session or self.sessions.fresh()

    async def session_of(self, request: Request) -> Session:
        """The request's session; a new one, with its cookie, if there is none that is good."""
        session = await self.sessions.resume(request.cookies.get(self.cookie_name))
        if session is None:
            session = self.sessions.fresh()
            self.give_cookie(request, session)
        elif session.renewed:  # The browser forgets a cookie whose age is never renewed.
            self.give_cookie(request, session)
        return session

    def give_cookie(self, request: Request, session: Session) -> None:
        """Have the answer set the session's cookie."""
        set_cookie(request, self.cookie_name, session.id, max_age=MAX_AGE_SECONDS, secure=self._settings.https)

    async def again(self, session_id: str) -> Shopper | None:
        """Whom an answer that goes on speaks to by now; None if the session is over or has another id.

        As the table has it: whoever signs in at another replica must not be told, after that, of the guest's cart.
        """
        try:
            session = await self.sessions.resume(session_id, afresh=True)
        except SessionRotated:
            return None
        return None if session is None else await self._speaker(session)

    async def _by_session(self, request: Request, session: Session) -> Shopper:
        if (shopper := await self._speaker(session)) is not None:
            return shopper
        session = self.sessions.fresh()
        self.give_cookie(request, session)
        return self._guest(session)

    async def _speaker(self, session: Session) -> Shopper | None:
        if session.signed_in:
            session = await self._with_live_tokens(session)
        if session.signed_in:
            session = await self._adoption.carry_out(session)
        # Either may take seconds, in which the shopper may have signed out elsewhere.
        if session.row is not None and session.row.ended_at is not None:
            return None
        row = session.row
        if not session.signed_in or row is None:
            return self._guest(session)
        assert row.issuer is not None
        assert row.subject is not None
        owner_id = owner_id_of(row.issuer, row.subject)
        owner.set(owner_id)
        return Shopper(
            owner_id=owner_id,
            name=row.name,
            guest=False,
            authority=Authority(Forwarded(self.sessions.tokens_of(row).access_token), user=owner_id),
            session=session,
            merge_id=row.merge_id if row.merge_done else None,
            earlier_guest=self.guest_authority(row.guest_owner),
            identity=(row.issuer, row.subject),
        )

    def _guest(self, session: Session) -> Shopper:
        return Shopper(
            owner_id=session.guest_owner,
            name=None,
            guest=True,
            authority=self.guest_authority(session.guest_owner),
            session=session,
        )

    def guest_authority(self, guest_owner: str) -> Authority:
        """The controller's own credential, speaking for a guest."""
        return Authority(self._guest_token, owner=guest_owner)

    async def _with_live_tokens(self, session: Session) -> Session:
        """The session with an access token that is good for a while; an ended one if that cannot be had."""
        row = session.row
        assert row is not None
        now = datetime.now(UTC)
        assert row.tokens_renew_at is not None
        if now < row.tokens_renew_at:
            return session
        if leased := await self.sessions.lease_refresh(session):
            return await self._refresh(leased)
        return await self._others_refresh(session)

    async def _others_refresh(self, session: Session) -> Session:
        """The session as another request has left it. While the old token is of no use, wait for the new one.

        Gives up when the other one's lease has run out.
        """
        for _ in range(LEASE_SECONDS * 10):
            fresh = await self.sessions.reread(session)
            row = fresh.row
            if row is None or not fresh.signed_in:
                return fresh
            if row.tokens_end_at is not None and row.tokens_end_at > datetime.now(UTC):
                return fresh
            await asyncio.sleep(0.1)
        raise Unavailable("The sign-in could not be renewed in time.", service="idp")

    async def _refresh(self, session: Session) -> Session:
        row = session.row
        assert row is not None
        assert row.tokens_end_at is not None
        tokens = self.sessions.tokens_of(row)
        still_good = row.tokens_end_at > datetime.now(UTC)
        match await self._refreshed(tokens, row):
            case Tokens() as fresh:
                return await self.sessions.renew(session, fresh)
            case NotBelieved():
                logger.warning("ended a session: its renewed tokens are not its user's")
                return await self._ended(session)
            case NotSent():  # The refresh token was not used up: it will do as soon as the provider is back.
                session = await self.sessions.unlease(session)
                if still_good:
                    return session
                raise Unavailable("The identity provider cannot be reached to renew the sign-in.", service="idp")
            case _ if still_good:
                # A refresh token whose answer was lost may be used up, and using it again would end its whole family.
                return await self.sessions.without_refresh(session, tokens)
            case _:
                return await self._ended(session)

    async def _refreshed(self, tokens: Tokens, row: SessionRow) -> Tokens | Undecided | Refused | NotBelieved:
        """Renewed tokens, if they are still for the user of the session."""
        answer = await self._identity.refresh(tokens)
        if isinstance(answer, Tokens):
            try:
                id_tokens = IdTokens(self._identity.provider, self._identity.client_id)
                await id_tokens.at_refresh(answer, subject=str(row.subject))
            except NotBelieved as why:
                return why
            except Unavailable as silent:
                return OutcomeUnknown("idp", silent.detail)
        return answer

    async def _ended(self, session: Session) -> Session:
        await self.sessions.end(session, by="expiry")
        return await self.sessions.reread(session)


def set_cookie(request: Request, name: str, value: str, *, max_age: int, secure: bool, path: str = "/") -> None:
    """Have the answer set a cookie, whatever the answer will be."""
    parts = [f"{name}={value}", f"Path={path}", f"Max-Age={max_age}", "HttpOnly", "SameSite=Lax"]
    if secure:
        parts.append("Secure")
    jar: dict[str, str] = request.scope["state"].setdefault("set_cookies", {})
    jar[name] = "; ".join(parts)


class SessionCookies:
    """Puts the cookies that a request was given onto its answer, be it a refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for cookie in scope.get("state", {}).get("set_cookies", {}).values():
                    headers.append("set-cookie", cookie)
            await send(message)

        await self._app(scope, receive, with_cookies if scope["type"] == "http" else send)


async def the_doorkeeper(request: Request) -> Doorkeeper:
    return cast(Doorkeeper, request.state.doorkeeper)


async def visitor(request: Request, doorkeeper: Annotated[Doorkeeper, Depends(the_doorkeeper)]) -> Shopper:
    """Whoever sent the request. From the first change on, the session has a row."""
    shopper = await doorkeeper.recognise(request)
    if shopper.session is not None and request.method not in SAFE_METHODS:
        kept = await doorkeeper.sessions.keep(shopper.session)
        if kept.row is not None and kept.row.ended_at is not None:  # At another replica, a moment ago.
            return await visitor(request, doorkeeper)
    return shopper


async def operator(
    shopper: Annotated[Shopper, Depends(visitor)], doorkeeper: Annotated[Doorkeeper, Depends(the_doorkeeper)]
) -> Shopper:
    """Somebody who may do what shoppers may not."""
    await doorkeeper.demand_operator(shopper)
    return shopper


async def bearer(request: Request, doorkeeper: Annotated[Doorkeeper, Depends(the_doorkeeper)]) -> Shopper:
    """The user of the request's access token."""
    token = bearer_of(request)
    if token is None:
        raise Unauthenticated
    return await doorkeeper.by_bearer(token)


Visitor = Annotated[Shopper, Depends(visitor)]
Operator = Annotated[Shopper, Depends(operator)]
BearerUser = Annotated[Shopper, Depends(bearer)]
