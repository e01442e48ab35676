"""The OpenID provider's back channel: tokens for shoppers who sign in, tokens of the controller's own."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

import httpx
from pydantic import Field, ValidationError

from services.chassis.logs import get_logger
from services.chassis.openid import ClientSecret, OpenIdProvider
from services.chassis.outbound import SingleFlight
from services.contracts.messages import Reply
from services.contracts.problems import (
    NotSent,
    OutcomeUnknown,
    Problem,
    Refused,
    Unauthenticated,
    Undecided,
)

logger = get_logger(__name__)


LONGEST_LIFE_SECONDS = 10 * 365 * 86400.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in brought."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False, default=None)
    id_token: str | None = field(repr=False, default=None)
    expires_in: float = 900.0

    def to_dict(self) -> dict[str, Any]:
        """What a session keeps: the ID token has done its work once it was checked."""
        return {**asdict(self), "id_token": None}


class TokenReply(Reply):
    """The token endpoint's answer."""

    access_token: str
    token_type: Annotated[str, Field(pattern="(?i)^bearer$")]
    expires_in: Annotated[float, Field(ge=0, le=LONGEST_LIFE_SECONDS)] = 900.0
    refresh_token: str | None = None
    id_token: str | None = None


class Identity:
    """The OpenID provider, as the controller's back channel uses it."""

    def __init__(
        self, provider: OpenIdProvider, client: ClientSecret, *, resource: Mapping[str, str] | None = None
    ) -> None:
        """Know the provider.

        Args:
            resource: the parameter that tells what access tokens are for, where the provider wants it (RFC 8707).
        """
        self.provider = provider
        self.client_id = client.client_id
        self.resource = dict(resource or {})
        self._client = client

    async def redeem(self, *, code: str, verifier: str, redirect_uri: str) -> Tokens | Undecided | Refused:
        """Turn a code into tokens. Sent once: a code that was redeemed twice revokes what it gave."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        return await self._tokens("redeem", form)

    async def refresh(self, tokens: Tokens) -> Tokens | Undecided | Refused:
        """Renew an access token. Sent once: a refresh token that comes twice ends its whole family."""
        if tokens.refresh_token is None:
            return Refused(Unauthenticated("There is no refresh token."))
        answer = await self._tokens("refresh", {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token})
        if isinstance(answer, Tokens) and answer.refresh_token is None:
            return replace(answer, refresh_token=tokens.refresh_token)
        return answer

    async def userinfo(self, tokens: Tokens) -> dict[str, Any] | None:
        """What the provider tells of the user beyond the ID token; None where it tells nothing."""
        document = await self.provider.document()
        if not isinstance(endpoint := document.get("userinfo_endpoint"), str):
            return None
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        answer = await self.provider.exchange("userinfo", "GET", endpoint, headers=headers)
        try:
            about = answer.json() if isinstance(answer, httpx.Response) and answer.is_success else None
        except ValueError:
            about = None
        return about if isinstance(about, dict) else None

    async def service_token(self, scope: str) -> Tokens | Undecided | Refused:
        """A token of the controller's own."""
        return await self._tokens("service_token", {"grant_type": "client_credentials", "scope": scope}, repeat=True)

    async def revoke(self, refresh_token: str) -> None:
        """Tell the provider that a sign-in is over. Whether it hears us changes nothing for the session."""
        if "revocation_endpoint" in await self.provider.document():
            form = {"token": refresh_token, "token_type_hint": "refresh_token"}
            await self.provider.post_form("revoke", "revocation_endpoint", form, self._client, repeatable=True)

    async def _tokens(self, call: str, form: dict[str, str], *, repeat: bool = False) -> Tokens | Undecided | Refused:
        asked = {**form, **self.resource}
        try:
            answer = await self.provider.post_form(call, "token_endpoint", asked, self._client, repeatable=repeat)
        except Problem as problem:
            return NotSent("idp", problem.detail)
        if not isinstance(answer, httpx.Response):
            return answer
        if not answer.is_success:
            logger.warning("the provider refused", call=call, status=answer.status_code, error=_oauth_error(answer))
            return Refused(Unauthenticated("The identity provider refused."))
        try:
            reply = TokenReply.model_validate_json(answer.content)
        except ValidationError:
            return OutcomeUnknown("idp", "answered another shape")
        return Tokens(reply.access_token, reply.refresh_token, reply.id_token, reply.expires_in)


def _oauth_error(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("error"))
    except (ValueError, AttributeError):
        return "unreadable"


class ServiceToken:
    """A credential of the controller's own with one scope, renewed at half of its life."""

    def __init__(self, identity: Identity, scope: str) -> None:
        self._identity = identity
        self._scope = scope
        self._value: str | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._why = NotSent("idp", "no token yet")
        self._renewal = SingleFlight()

    async def authorization(self) -> str | Undecided:
        """The Authorization header's value."""
        now = time.monotonic()
        if self._value is None or now >= self._ends_at:
            await self._renewal.run(self._renew)
        elif now >= self._renew_at:
            self._renewal.begin(self._renew)
        if self._value is None or time.monotonic() >= self._ends_at:
            return self._why
        return self._value

    def forget(self) -> None:
        """The neighbour refused it: get another."""
        self._value = None

    async def _renew(self) -> None:
        match await self._identity.service_token(self._scope):
            case Tokens(access_token=token, expires_in=life):
                now = time.monotonic()
                self._value = f"Bearer {token}"
                self._renew_at, self._ends_at = now + life / 2, now + life
            case NotSent() | OutcomeUnknown() as why:
                self._why = NotSent("idp", why.why)
            case Refused(problem):
                self._why = NotSent("idp", f"refused a service token: {problem.detail}")
