"""Bearer tokens of any OpenID provider: the checks that a JWT library leaves out, and tokens that it cannot read."""

import asyncio
import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from cachetools import LRUCache, TLRUCache
from fastapi.security import OpenIdConnect
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request

from services.chassis.logs import get_logger
from services.chassis.openid import ClientSecret, OpenIdProvider, object_in, silent
from services.chassis.settings import EVERYBODY, ProviderSettings
from services.contracts.identity import SERVICE_RIGHTS, Scope, owner_id_of
from services.contracts.problems import Forbidden, Unauthenticated

logger = get_logger(__name__)

ALGORITHMS = ["RS256", "ES256"]
LEEWAY_SECONDS = 5
# How long a token that the provider has revoked may go on, where only the provider can read it.
INTROSPECTED_SECONDS = 30.0
ALL_RIGHTS = frozenset(scope.value for scope in Scope)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, by a verified token."""

    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str]
    name: str | None
    expires_at: float
    token: str = field(repr=False)

    @property
    def owner_id(self) -> str:
        """The owner id of the user that the token speaks for."""
        return owner_id_of(self.issuer, self.subject)

    @property
    def service_scope(self) -> str | None:
        """The scope of a service's own token, the only one it may carry; None for a user's token.

        Raises:
            Forbidden: it carries another right beside it, so that whoever holds it may do more than any service.
        """
        rights = self.scopes & ALL_RIGHTS
        if not rights & SERVICE_RIGHTS:
            return None
        if len(rights) > 1:
            raise Forbidden("A service token carries one scope.")
        return next(iter(rights))

    def demand(self, scope: str) -> None:
        """Refuse unless the token carries the scope, and no service's scope beside it.

        Raises:
            Forbidden: it does not.
        """
        if scope not in self.scopes or self.service_scope not in (None, scope):
            raise Forbidden(f"This needs the scope {scope}.", scope=scope)


class Introspection:
    """What the provider says of a token that only it can read (RFC 7662)."""

    def __init__(self, provider: OpenIdProvider, client: ClientSecret) -> None:
        self._provider = provider
        self._client = client
        self._under_way: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def claims_of(self, token: str) -> dict[str, Any]:
        """The claims of an active token. Simultaneous callers share one question.

        Raises:
            Unauthenticated: it is not active.
            Unavailable: the provider does not say.
        """
        if (question := self._under_way.get(token)) is None:
            question = self._under_way[token] = asyncio.ensure_future(self._ask(token))
            question.add_done_callback(lambda _: self._under_way.pop(token, None))
        return await asyncio.shield(question)

    async def _ask(self, token: str) -> dict[str, Any]:
        form = {"token": token, "token_type_hint": "access_token"}
        answer = await self._provider.post_form(
            "introspect", "introspection_endpoint", form, self._client, repeatable=True
        )
        if not isinstance(answer, httpx.Response) or not answer.is_success:
            raise silent()
        claims = object_in(answer)
        if claims.get("active") is not True:
            raise _refused("it is not active")
        return claims


class TokenVerifier:
    """Turns an access token into a Caller, or refuses it.

    Args:
        audience: what `aud` must hold.
        token_types: the accepted `typ` headers of signed tokens.
        introspection: asks the provider about tokens that are not signed ones; without it they are refused.
        privileged: the subjects whose tokens' privileged scopes count. Others are taken to have none of them.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        provider: OpenIdProvider,
        *,
        audience: str,
        token_types: Iterable[str] = ("at+jwt",),
        introspection: Introspection | None = None,
        privileged: Container[str] = (EVERYBODY,),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._audience = audience
        self._types = frozenset(kind.strip().lower() for kind in token_types)
        self._introspection = introspection
        self._privileged = privileged
        self._clock = clock
        self._verified: LRUCache[str, Caller] = LRUCache(20_000)
        self._introspected: TLRUCache[str, Caller] = TLRUCache(20_000, _believed_until, clock)

    async def verify(self, token: str) -> Caller:
        """Check signature, type, key id, issuer, audience and times; or have the provider say who an opaque one is for.

        Raises:
            Unauthenticated: any of them is wrong.
            Unavailable: the keys, or the provider's word, cannot be had.
        """
        caller = self._verified.get(token)
        if caller is None:
            caller = self._introspected.get(token)
        if caller is None:
            caller = await self._verify(token)
        if caller.expires_at + LEEWAY_SECONDS <= self._clock():
            self._verified.pop(token, None)
            raise _refused("it has expired")
        return caller

    async def _verify(self, token: str) -> Caller:
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
        except (JoseError, ValueError, UnicodeError):
            caller = self._introspected[token] = await self._introspect(token)
            return caller
        self._check_header(header)
        keys = await self._provider.keys_for(header["kid"])
        caller = self._verified[token] = self._read(token, keys)
        return caller

    def _read(self, token: str, keys: KeySet) -> Caller:
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self._provider.issuer},
                aud={"essential": True, "value": self._audience},
                exp={"essential": True},
                sub={"essential": True},
            ).validate(claims)
            return self._caller_of(claims, token)
        except ExpiredTokenError:
            raise _refused("it has expired") from None
        except (JoseError, ValueError, TypeError, KeyError):
            raise _refused("its signature or a claim is wrong") from None

    async def _introspect(self, token: str) -> Caller:
        if self._introspection is None:
            raise _refused("it is not a signed token")
        told = await self._introspection.claims_of(token)
        try:
            # Providers call refresh tokens active too; those have no audience.
            jwt.JWTClaimsRegistry(
                iss={"value": self._provider.issuer}, aud={"essential": True, "value": self._audience}
            ).validate(told)
            if str(told.get("token_type") or "bearer").lower() != "bearer":
                raise _refused("it is of another type")
            defaults = {"exp": self._clock() + INTROSPECTED_SECONDS, "sub": told.get("client_id")}
            return self._caller_of({**defaults, **told, "iss": self._provider.issuer}, token)
        except (JoseError, ValueError, TypeError, KeyError):
            raise _refused("a claim is wrong") from None

    def _caller_of(self, claims: dict[str, Any], token: str) -> Caller:
        caller = _caller_of(claims, token)
        claimed = caller.scopes & ALL_RIGHTS
        if not claimed or EVERYBODY in self._privileged or caller.subject in self._privileged:
            return caller
        logger.info("privileges not granted here", subject=caller.subject[:64], scopes=sorted(claimed))
        return replace(caller, scopes=caller.scopes - ALL_RIGHTS)

    def _check_header(self, header: dict[str, Any]) -> None:
        kind = header.get("typ")
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in self._types:
            raise _refused("it is not an access token")
        if not isinstance(header.get("kid"), str):
            raise _refused("it names no key")
        if header.get("alg") not in ALGORITHMS:
            raise _refused("its algorithm is not accepted")
        if "crit" in header:
            raise _refused("it demands what is not understood")


def _caller_of(claims: dict[str, Any], token: str) -> Caller:
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise ValueError("sub")
    name = claims.get("preferred_username") or claims.get("name")
    return Caller(
        issuer=claims["iss"],
        subject=claims["sub"],
        client_id=str(claims.get("client_id") or claims.get("azp") or ""),
        scopes=_words(claims.get("scope", claims.get("scp"))),
        name=name if isinstance(name, str) else None,
        expires_at=float(claims["exp"]),
        token=token,
    )


def _words(scope: Any) -> frozenset[str]:
    """Scopes as a text or as a list, under either of two names; anything else is none."""
    words = scope.split() if isinstance(scope, str) else scope
    return frozenset(word for word in words if isinstance(word, str)) if isinstance(words, list) else frozenset()


def _believed_until(_: str, caller: Caller, now: float) -> float:
    return min(now + INTROSPECTED_SECONDS, caller.expires_at)


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        f"The access token is not good: {why}.", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
    )


def verifier_of(provider: OpenIdProvider, settings: ProviderSettings) -> TokenVerifier:
    """What a service's settings make of tokens."""
    client = ClientSecret(settings.oidc_introspection_client_id, settings.oidc_introspection_client_secret)
    return TokenVerifier(
        provider,
        audience=settings.oidc_audience,
        token_types=settings.oidc_token_types.split(","),
        introspection=Introspection(provider, client) if client.client_id else None,
        privileged=frozenset(settings.oidc_privileged_subjects.split()),
    )


def bearer_scheme(issuer: str) -> OpenIdConnect:
    """How OpenAPI documents say that a bearer token of this provider is wanted; the checking is TokenVerifier's."""
    return OpenIdConnect(
        openIdConnectUrl=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        scheme_name="openid",
        auto_error=False,
    )


def bearer_of(request: Request) -> str | None:
    """The bearer token of a request; None when it has no Authorization header.

    Raises:
        Unauthenticated: the header is there, and is not one bearer token.
    """
    headers = request.headers.getlist("authorization")
    if not headers:
        return None
    kind, _, token = headers[0].partition(" ")
    if len(headers) > 1 or kind.lower() != "bearer" or not token.strip():
        raise Unauthenticated("The Authorization header must be: Bearer <access token>.")
    return token.strip()
