"""Bearer tokens of any OpenID provider: discovery, keys, and the checks that a JWT library leaves out."""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from cachetools import LRUCache
from fastapi.security import OpenIdConnect
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet
from starlette.requests import Request

from services.chassis.logs import get_logger
from services.chassis.outbound import Neighbour, SingleFlight
from services.contracts.identity import SERVICE_RIGHTS, Scope, owner_id_of
from services.contracts.problems import Forbidden, Unauthenticated, Unavailable

logger = get_logger(__name__)

ALGORITHMS = ["RS256", "ES256"]
KEYS_COOL_DOWN_SECONDS = 60.0
# A key that the provider has withdrawn is trusted no longer than this.
KEYS_LIFE_SECONDS = 3600.0
LEEWAY_SECONDS = 5
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


class OpenIdProvider:
    """A provider known by its issuer; reached at another address where the network demands one.

    Browsers and tokens say `issuer`. Discovery, keys and back-channel calls go to `internal_url`, whose origin replaces
    the issuer's. Discovery is lazy: an unreachable provider leaves the service not ready; one that calls itself by
    another name ends the process, since every later token would be wrong.
    """

    def __init__(
        self, issuer: str, internal_url: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.issuer = issuer
        reached_at = urlsplit(internal_url or issuer)
        self.neighbour = Neighbour("idp", f"{reached_at.scheme}://{reached_at.netloc}", transport=transport)
        self._document: dict[str, Any] | None = None
        self._keys = KeySet([])
        self._keys_fetched_at = -KEYS_COOL_DOWN_SECONDS
        self._fetch = SingleFlight()

    def internal(self, url: str) -> str:
        """The path under which this process reaches one of the provider's published addresses."""
        parts = urlsplit(url)
        return urlunsplit(("", "", parts.path, parts.query, ""))

    async def document(self) -> dict[str, Any]:
        """The discovery document.

        Raises:
            Unavailable: the provider cannot be reached.
        """
        if self._document is None:
            issuer_path = urlsplit(self.issuer).path.rstrip("/")
            document = await self._get(f"{issuer_path}/.well-known/openid-configuration", "discovery")
            if document.get("issuer") != self.issuer:
                logger.critical("the provider has another issuer", expected=self.issuer, found=document.get("issuer"))
                os.kill(os.getpid(), signal.SIGTERM)
                raise Unavailable("The identity provider has another issuer.", service="idp")
            self._document = document
        return self._document

    async def ping(self) -> None:
        """Raise unless discovery succeeded once."""
        await self.document()

    async def keys_for(self, kid: str) -> KeySet:
        """The provider's keys; fetched again when they are old, and for an unknown `kid` once in a cool-down."""
        age = time.monotonic() - self._keys_fetched_at
        unknown = all(key.kid != kid for key in self._keys.keys)
        if (unknown and age >= KEYS_COOL_DOWN_SECONDS) or age >= KEYS_LIFE_SECONDS:
            await self._fetch.run(self._fetch_keys)
        return self._keys

    async def _fetch_keys(self) -> None:
        document = await self.document()
        keys = await self._get(self.internal(str(document.get("jwks_uri"))), "keys")
        try:
            self._keys = KeySet.import_key_set({"keys": keys.get("keys", [])})
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise _something_else() from None
        self._keys_fetched_at = time.monotonic()

    async def _get(self, path: str, call: str) -> dict[str, Any]:
        answer = await self.neighbour.exchange(call, "GET", path)
        if not isinstance(answer, httpx.Response) or not answer.is_success:
            raise Unavailable("The identity provider cannot be reached.", service="idp")
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise _something_else()
        return document


def _something_else() -> Unavailable:
    return Unavailable("The identity provider answered something else.", service="idp")


class TokenVerifier:
    """Turns an access token into a Caller, or refuses it."""

    def __init__(self, provider: OpenIdProvider, *, audience: str, token_types: Iterable[str] = ("at+jwt",)) -> None:
        self._provider = provider
        self._audience = audience
        self._types = frozenset(kind.strip().lower() for kind in token_types)
        self._verified: LRUCache[str, Caller] = LRUCache(20_000)

    async def verify(self, token: str) -> Caller:
        """Check signature, type, key id, issuer, audience and times.

        Raises:
            Unauthenticated: any of them is wrong.
            Unavailable: the keys cannot be fetched.
        """
        caller = self._verified.get(token)
        if caller is None:
            caller = await self._verify(token)
            self._verified[token] = caller
        if caller.expires_at + LEEWAY_SECONDS <= time.time():
            self._verified.pop(token, None)
            raise _refused("it has expired")
        return caller

    async def _verify(self, token: str) -> Caller:
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
        except (JoseError, ValueError, UnicodeError):
            raise _refused("it is not a signed token") from None
        self._check_header(header)
        keys = await self._provider.keys_for(header["kid"])
        try:
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self._provider.issuer},
                aud={"essential": True, "value": self._audience},
                exp={"essential": True},
                sub={"essential": True},
            ).validate(claims)
            return _caller_of(claims, token)
        except ExpiredTokenError:
            raise _refused("it has expired") from None
        except (JoseError, ValueError, TypeError, KeyError):
            raise _refused("its signature or a claim is wrong") from None

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
        scopes=frozenset(str(claims.get("scope", "")).split()),
        name=name if isinstance(name, str) else None,
        expires_at=float(claims["exp"]),
        token=token,
    )


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        f"The access token is not good: {why}.", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}
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
