"""What may be believed of an ID token (OpenID Connect Core, 3.1.3.7, 3.1.3.8 and 12.2)."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from services.chassis.auth import ALGORITHMS, LEEWAY_SECONDS
from services.chassis.openid import OpenIdProvider

from .provider import Tokens

LONGEST_SUBJECT = 255
LONGEST_NAME = 100


class NotBelieved(Exception):  # noqa: N818 - it is no error of ours
    """An ID token that does not say who signed in here."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who signed in, by a checked ID token."""

    issuer: str
    subject: str
    name: str | None


class IdTokens:
    """Checks the ID tokens that one client gets."""

    def __init__(self, provider: OpenIdProvider, client_id: str) -> None:
        self._provider = provider
        self._client_id = client_id

    async def at_sign_in(self, tokens: Tokens, *, nonce: str) -> Claims:
        """Who signed in.

        Raises:
            NotBelieved: there is no ID token, or it is not good.
            Unavailable: the provider's keys cannot be fetched.
        """
        claims = await self._claims(tokens, nonce={"essential": True, "value": nonce})
        return Claims(claims["iss"], claims["sub"], name_in(claims))

    async def at_refresh(self, tokens: Tokens, *, subject: str) -> None:
        """Make sure that renewed tokens are still the same user's. Providers may leave the ID token out.

        Raises:
            NotBelieved: there is an ID token, and it is not good or another's.
            Unavailable: the provider's keys cannot be fetched.
        """
        if tokens.id_token is not None and (await self._claims(tokens))["sub"] != subject:
            raise NotBelieved

    async def _claims(self, tokens: Tokens, **more: Any) -> dict[str, Any]:
        token = tokens.id_token or ""
        try:
            # Without `kid` the one key of a provider will do; of several, joserfc takes none.
            kid = jws.extract_compact(token.encode("ascii")).headers().get("kid")
            keys = await self._provider.keys_for(kid, invented=False)
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": self._provider.issuer},
                aud={"essential": True, "value": self._client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                **more,
            ).validate(claims)
        except (JoseError, ValueError, TypeError, KeyError):
            raise NotBelieved from None
        if not (self._is_for_us(claims) and _is_subject(claims["sub"]) and _goes_with(tokens.access_token, claims)):
            raise NotBelieved
        return claims

    def _is_for_us(self, claims: dict[str, Any]) -> bool:
        audience = claims["aud"]
        alone = not isinstance(audience, list) or len(audience) == 1
        return claims.get("azp", self._client_id if alone else None) == self._client_id


def _is_subject(subject: Any) -> bool:
    # What OpenID allows: it is kept in a table and becomes part of an owner id.
    return (
        isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT and subject.isascii() and subject.isprintable()
    )


def _goes_with(access_token: str, claims: dict[str, Any]) -> bool:
    if "at_hash" not in claims:
        return True
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    expected = base64.urlsafe_b64encode(half).rstrip(b"=")
    return secrets.compare_digest(expected, str(claims["at_hash"]).encode())


def name_in(claims: dict[str, Any]) -> str | None:
    """What to call the user: one line of printable text."""
    for name in (claims.get("preferred_username"), claims.get("name")):
        if isinstance(name, str) and (shown := "".join(filter(str.isprintable, name)).strip()[:LONGEST_NAME]):
            return shown
    return None
