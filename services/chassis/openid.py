"""An OpenID provider as this process reaches it: discovery, keys, and its endpoints by a client's credentials."""

import base64
import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet, import_key

from services.chassis.bounded import Bounded
from services.chassis.logs import get_logger
from services.chassis.outbound import Neighbour, SingleFlight, fast_transport
from services.chassis.settings import ProviderSettings
from services.contracts.problems import NotSent, Unavailable, Undecided

logger = get_logger(__name__)

KEYS_COOL_DOWN_SECONDS = 60.0
# A key that the provider has withdrawn is trusted no longer than this.
KEYS_LIFE_SECONDS = 3600.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A client of the provider, as it proves who it is."""

    client_id: str
    secret: str = field(repr=False)

    def basic(self) -> str:
        """The Authorization header's value. Both parts are form-encoded first (RFC 6749, 2.3.1)."""
        pair = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def fields(self) -> dict[str, str]:
        """The same in the form itself, for providers that want it there."""
        return {"client_id": self.client_id, "client_secret": self.secret}


class OpenIdProvider:
    """A provider known by its issuer; reached at another address where the network demands one.

    Browsers and tokens say `issuer`. Discovery, keys and back-channel calls go to `internal_url`, whose origin replaces
    the issuer's. What discovery names at a third origin is called only if `origins` has it. Discovery is lazy: an
    unreachable provider leaves the service not ready; one that calls itself by another name ends the process, since
    every later token would be wrong.
    """

    def __init__(
        self,
        issuer: str,
        internal_url: str | None = None,
        *,
        origins: Iterable[str] = (),
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.issuer = issuer
        inside = origin_of(internal_url or issuer)
        self.neighbour = _neighbour(inside, transport)
        elsewhere = {origin: _neighbour(origin, transport) for origin in map(origin_of, origins)}
        self._neighbours = {**elsewhere, inside: self.neighbour, origin_of(issuer): self.neighbour}
        self._opened = AsyncExitStack()
        self._document: dict[str, Any] | None = None
        self._ending = False
        self._keys = KeySet([])
        self._keys_fetched_at = -KEYS_LIFE_SECONDS
        self._fetch_again_at = {True: 0.0, False: 0.0}
        self._fetch = SingleFlight()

    async def __aenter__(self) -> Self:
        for neighbour in set(self._neighbours.values()):
            await self._opened.enter_async_context(neighbour)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    async def exchange(
        self,
        call: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        repeatable: bool = True,
    ) -> httpx.Response | Undecided:
        """Call one of the provider's published addresses, if it is one that this process may call."""
        parts = urlsplit(url)
        neighbour = self._neighbours.get(origin_of(url))
        if neighbour is None:
            logger.error("the provider names an address that OIDC_ORIGINS does not allow", host=parts.netloc[:200])
            return NotSent("idp", "its discovery document names a foreign address")
        path = urlunsplit(("", "", parts.path, parts.query, ""))
        return await neighbour.exchange(call, method, path, headers=headers, content=content, repeatable=repeatable)

    async def post_form(
        self, call: str, endpoint: str, form: Mapping[str, str], client: ClientSecret, *, repeatable: bool
    ) -> httpx.Response | Undecided:
        """Send the client's own form to one of the endpoints that discovery names.

        Raises:
            Unavailable: discovery cannot be had, or names no such endpoint.
        """
        document = await self.document()
        if not isinstance(url := document.get(endpoint), str):
            raise something_else()
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" in methods or "client_secret_post" not in methods
        sent = dict(form) if basic else {**form, **client.fields()}
        headers = {**FORM, "Authorization": client.basic()} if basic else FORM
        return await self.exchange(
            call, "POST", url, headers=headers, content=urlencode(sent).encode(), repeatable=repeatable
        )

    async def document(self) -> dict[str, Any]:
        """The discovery document.

        Raises:
            Unavailable: the provider cannot be reached.
        """
        if self._document is None:
            document = await self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", "discovery")
            if document.get("issuer") != self.issuer:
                self._end(document.get("issuer"))
                raise Unavailable("The identity provider has another issuer.", service="idp")
            if not isinstance(document.get("jwks_uri"), str):
                raise something_else()
            self._document = document
        return self._document

    def _end(self, found: Any) -> None:
        """End the process, for which others who asked at the same moment may have found reason already."""
        if not self._ending:
            self._ending = True
            logger.critical("the provider has another issuer", expected=self.issuer, found=found)
            os.kill(os.getpid(), signal.SIGTERM)

    async def ping(self) -> None:
        """Raise unless discovery succeeded once."""
        await self.document()

    async def keys_for(self, kid: str | None, *, invented: bool = True) -> KeySet:
        """The provider's keys; fetched again when they are old, and for an unknown `kid`, or none.

        A fetch for a `kid` that was in vain is the last for a while; one that found a new key is followed by others.

        Args:
            invented: whether anybody may have made the `kid` up. What strangers look for in vain says nothing of one
                that the provider itself has told, or they could keep everybody from signing in after a change of keys.
        """
        now = time.monotonic()
        may_look = now >= self._fetch_again_at[invented]
        if (may_look and not self._knows(kid)) or now - self._keys_fetched_at >= KEYS_LIFE_SECONDS:
            await self._fetch.run(self._fetch_keys)
            if not self._knows(kid):
                self._fetch_again_at[invented] = time.monotonic() + KEYS_COOL_DOWN_SECONDS
        return self._keys

    def _knows(self, kid: str | None) -> bool:
        return any(key.kid == kid for key in self._keys.keys)

    async def _fetch_keys(self) -> None:
        document = await self.document()
        published = (await self._get(str(document.get("jwks_uri")), "keys")).get("keys")
        if not isinstance(published, list):
            raise something_else()
        keys = [key for key in map(_signing_key, published) if key is not None]
        if not keys:  # A provider without keys has lost them for a moment; those that are known are good for a while.
            raise something_else()
        self._keys = KeySet(keys)
        self._keys_fetched_at = time.monotonic()

    async def _get(self, url: str, call: str) -> dict[str, Any]:
        answer = await self.exchange(call, "GET", url)
        if not isinstance(answer, httpx.Response) or not answer.is_success:
            raise silent()
        return object_in(answer)


def _neighbour(origin: str, transport: httpx.AsyncBaseTransport | None) -> Neighbour:
    return Neighbour("idp", origin, transport=Bounded(transport or fast_transport()))


def origin_of(url: str) -> str:
    """Scheme, host and port of an address; the port is left out where it is the scheme's own."""
    parts = urlsplit(url.strip())
    own = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(own)}"


def _signing_key(published: Any) -> Key | None:
    """A key that may have signed a token; None for one of another kind or use (RFC 7517, 5)."""
    try:
        usable = published.get("kty") in ("RSA", "EC") and published.get("use", "sig") == "sig"
        return import_key(published) if usable else None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None


def object_in(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise something_else()
    return document


def silent() -> Unavailable:
    return Unavailable("The identity provider cannot be reached.", service="idp")


def something_else() -> Unavailable:
    return Unavailable("The identity provider answered something else.", service="idp")


def provider_of(settings: ProviderSettings, transport: httpx.AsyncBaseTransport | None = None) -> OpenIdProvider:
    """The provider that a service's settings name."""
    origins = settings.oidc_origins.split()
    return OpenIdProvider(settings.oidc_issuer, settings.oidc_internal_url, origins=origins, transport=transport)
