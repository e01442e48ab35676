"""Signing in with any OpenID provider: code and PKCE, and the checks that stand between a callback and a session."""

import base64
import hashlib
import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from cryptography.fernet import InvalidToken
from starlette.requests import Request

from services.chassis.logs import get_logger
from services.contracts.carts import MergeStrategy
from services.contracts.identity import owner_id_of
from services.contracts.problems import Problem, Refused, SignInFailed, SignInInterrupted, Unavailable
from services.contracts.shop import MergeChoice

from .adoption import Adoption
from .doorkeeper import Doorkeeper, set_cookie
from .idtokens import Claims, IdTokens, NotBelieved, name_in
from .provider import Identity, Tokens
from .session import Merging, Session, Sessions
from .settings import Settings

logger = get_logger(__name__)

FLOW_SECONDS = 600
HOME = "/shop/"
LONGEST_TARGET = 2000


def local_path(target: str | None) -> str:
    """Where to go after the sign-in: a path of our own, or the front page."""
    if target is None or len(target) > LONGEST_TARGET or not target.isascii() or " " in target:
        return HOME
    path = target.partition("?")[0].partition("#")[0]
    # What somebody on the way decodes must not lead elsewhere either.
    forms = (target, unquote(path), unquote(unquote(path)))
    return target if all(map(_stays_here, forms)) else HOME


def _stays_here(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()


class SignIn:
    """The relying party."""

    def __init__(
        self,
        *,
        identity: Identity,
        sessions: Sessions,
        doorkeeper: Doorkeeper,
        adoption: Adoption,
        settings: Settings,
    ) -> None:
        self._identity = identity
        self._id_tokens = IdTokens(identity.provider, identity.client_id)
        self._sessions = sessions
        self._doorkeeper = doorkeeper
        self._adoption = adoption
        self._settings = settings
        self._redirect_uri = f"{settings.public_url.rstrip('/')}/callback"
        self._flow_cookie = "__Host-signin" if settings.https else "signin"

    async def begin(self, request: Request, *, target: str | None, choice: MergeChoice | None) -> str:
        """Remember the attempt in a sealed cookie, and answer the provider's address to go to."""
        document = await self._identity.provider.document()
        if not isinstance(endpoint := document.get("authorization_endpoint"), str):
            raise Unavailable("The identity provider does not say where to sign in.", service="idp")
        flow = {
            "state": secrets.token_urlsafe(32),
            "nonce": secrets.token_urlsafe(32),
            "verifier": secrets.token_urlsafe(64),
            "next": local_path(target),
            "choice": choice or "",
            # A controller of before the choice knows these four words only, and the callback may come to it.
            "strategy": self._merging(choice or self._settings.merge_strategy).strategy.value,
        }
        sealed = self._sessions.signer.seal(flow).decode()
        set_cookie(request, self._flow_cookie, sealed, max_age=FLOW_SECONDS, secure=self._settings.https)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(flow["verifier"].encode()).digest()).decode().rstrip("=")
        query = {
            **dict(parse_qsl(self._settings.oidc_authorize_parameters)),
            **self._identity.resource,
            "response_type": "code",
            "client_id": self._identity.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._settings.oidc_scope,
            "state": flow["state"],
            "nonce": flow["nonce"],
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return _with_query(endpoint, query)

    async def finish(self, request: Request) -> str:
        """Turn the callback into a session of the user's, and answer where to go.

        Raises:
            SignInFailed: the callback is not the answer to this browser's attempt, or the provider said no.
            SignInInterrupted: something did not answer. The same callback again would not help: codes are good once.
        """
        flow = self._flow(request)
        set_cookie(request, self._flow_cookie, "", max_age=0, secure=self._settings.https)
        try:
            return await self._finish(request, flow)
        except Unavailable as silent:
            raise SignInInterrupted(silent.detail, **{**silent.members, "login_url": "/login"}) from silent

    async def _finish(self, request: Request, flow: dict[str, Any]) -> str:
        code = await self._code(request, flow)
        tokens = await self._redeem(code, flow)
        claims = await self._claims(tokens, flow)
        old = await self._doorkeeper.session_to_leave(request)
        new = await self._sessions.sign_in(
            old,
            issuer=claims.issuer,
            subject=claims.subject,
            name=claims.name,
            tokens=tokens,
            merging=self._merging_of(flow, old, claims),
        )
        self._doorkeeper.give_cookie(request, new)
        logger.info("signed in", owner=owner_id_of(claims.issuer, claims.subject))
        await self._adoption.begin(new)
        return str(flow["next"])

    def _merging_of(self, flow: dict[str, Any], old: Session, claims: Claims) -> Merging:
        """As named at this sign-in, or at the user's one before whose carts have not moved yet, or as the shop says."""
        if choice := flow.get("choice", flow["strategy"]):
            return self._merging(MergeChoice(choice))
        row = old.row
        if row and not row.merge_done and (row.issuer, row.subject) == (claims.issuer, claims.subject):
            return Merging(MergeStrategy(row.merge_strategy), row.merge_ask)
        return self._merging(self._settings.merge_strategy)

    def _merging(self, choice: MergeChoice) -> Merging:
        if choice is not MergeChoice.ASK:
            return Merging(MergeStrategy(choice))
        default = self._settings.merge_strategy
        return Merging(MergeStrategy.SUM if default is MergeChoice.ASK else MergeStrategy(default), ask=True)

    async def end(self, request: Request) -> str:
        """End the session here, and answer the provider's address that ends it there."""
        session = await self._doorkeeper.session_to_leave(request)
        if session.row is not None and session.row.issuer and session.row.subject:
            logger.info("signed out", owner=owner_id_of(session.row.issuer, session.row.subject))
        if session.signed_in and session.row is not None and session.row.tokens is not None:
            refresh_token = self._sessions.tokens_of(session.row).refresh_token
            await self._sessions.end(session, by="logout")
            await self._revoke(refresh_token)
        else:
            await self._sessions.end(session, by="logout")
        self._doorkeeper.give_cookie(request, self._sessions.fresh())
        home = f"{self._settings.public_url.rstrip('/')}{HOME}"
        try:
            document = await self._identity.provider.document()
        except Problem:
            return home
        endpoint = document.get("end_session_endpoint")
        # Without id_token_hint: a token in an address would reach the browser.
        query = {"client_id": self._identity.client_id, "post_logout_redirect_uri": home}
        return _with_query(str(endpoint), query) if endpoint else home

    async def _revoke(self, refresh_token: str | None) -> None:
        if refresh_token is None:
            return
        try:
            await self._identity.revoke(refresh_token)
        except Unavailable:
            logger.warning("the provider did not hear of a sign-out")

    def _flow(self, request: Request) -> dict[str, Any]:
        try:
            return self._sessions.signer.unseal(
                request.cookies.get(self._flow_cookie, ""), max_age_seconds=FLOW_SECONDS
            )
        except (InvalidToken, ValueError):
            raise SignInFailed("This browser has no sign-in under way.", login_url="/login") from None

    async def _code(self, request: Request, flow: dict[str, Any]) -> str:
        answer = request.query_params
        if any(len(answer.getlist(name)) > 1 for name in ("state", "code", "iss", "error")):
            raise SignInFailed("The answer names a parameter twice.", login_url="/login")
        if not secrets.compare_digest(answer.get("state", "").encode(), str(flow["state"]).encode()):
            raise SignInFailed("The answer belongs to another sign-in.", login_url="/login")
        await self._check_issuer(answer.get("iss"))
        if error := answer.get("error"):
            logger.info("the provider refused a sign-in", error=error[:64])
            raise SignInFailed("The identity provider did not sign you in.", login_url="/login")
        if not (code := answer.get("code")):
            raise SignInFailed("The answer has no code.", login_url="/login")
        return code

    async def _check_issuer(self, issuer: str | None) -> None:
        document = await self._identity.provider.document()
        promised = bool(document.get("authorization_response_iss_parameter_supported"))
        if (promised or issuer is not None) and issuer != self._identity.provider.issuer:
            raise SignInFailed("The answer comes from another provider.", login_url="/login")

    async def _redeem(self, code: str, flow: dict[str, Any]) -> Tokens:
        match await self._identity.redeem(code=code, verifier=flow["verifier"], redirect_uri=self._redirect_uri):
            case Tokens() as tokens:
                return tokens
            case Refused():
                raise SignInFailed("The identity provider did not take the code.", login_url="/login")
            case _:
                raise Unavailable("The identity provider gives no answer that can be used.", service="idp")

    async def _claims(self, tokens: Tokens, flow: dict[str, Any]) -> Claims:
        try:
            claims = await self._id_tokens.at_sign_in(tokens, nonce=str(flow["nonce"]))
            return claims if claims.name else replace(claims, name=await self._name(tokens, claims.subject))
        except NotBelieved:
            logger.warning("refused an ID token or what belongs to it")
            raise SignInFailed("The identity provider's answer is not good.", login_url="/login") from None

    async def _name(self, tokens: Tokens, subject: str) -> str | None:
        """Many providers tell names at userinfo only. Nobody needs one to sign in."""
        about = await self._identity.userinfo(tokens)
        if about is None:
            return None
        if about.get("sub") != subject:
            raise NotBelieved
        return name_in(about)


def _with_query(endpoint: str, query: dict[str, str]) -> str:
    """The endpoint with more parameters; some providers' endpoints have one of their own."""
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"
