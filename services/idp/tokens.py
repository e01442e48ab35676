"""Signing keys, and the tokens that are signed with them: access tokens (RFC 9068) and ID tokens."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import OpenIDCode
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from services.chassis.app import new_id

from .client import Client
from .scope import SERVICE_AUDIENCE, USER_AUDIENCES, words
from .store import AccountRow, Named, SigningKeyRow, Store, new_secret

ALGORITHM = "RS256"
KEY_BITS = 2048
AUDIENCES = sorted({*USER_AUDIENCES, *SERVICE_AUDIENCE.values()})
ACCESS_SECONDS = 15 * 60
ID_TOKEN_SECONDS = 60 * 60
RING_LIFE = timedelta(seconds=60)
KEY_LIFE = timedelta(days=90)
# A key is published for longer than any verifier caches keys before anything is signed with it.
PUBLISHED_AHEAD = timedelta(hours=1)
LONGEST_TOKEN = timedelta(seconds=ID_TOKEN_SECONDS) + RING_LIFE


@dataclass(frozen=True, slots=True)
class Keys:
    """`signing` holds the one key to sign with, `published` all that tokens may still be signed with."""

    signing: KeySet = field(repr=False)
    published: KeySet = field(repr=False)


class KeyRing:
    """The keys as the table has them, read once a minute; makes the first key and, in time, the next."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._reading = asyncio.Lock()
        self._read_at: datetime | None = None
        self._parsed: dict[str, RSAKey] = {}
        self._keys = Keys(KeySet([]), KeySet([]))

    async def keys(self) -> Keys:
        """The keys of this moment."""
        async with self._reading:
            if self._read_at is None or self._clock() - self._read_at >= RING_LIFE:
                self._keys = self._chosen(await self._rows())
                self._read_at = self._clock()
        return self._keys

    async def _rows(self) -> list[SigningKeyRow]:
        rows = await self._store.signing_keys()
        newest = rows[-1] if rows else None
        if newest is not None and newest.not_before + KEY_LIFE > self._clock():
            return rows
        not_before = self._clock() + (PUBLISHED_AHEAD if newest else timedelta())
        key = await asyncio.to_thread(new_key, (newest.generation if newest else 0) + 1, not_before)
        await self._store.add_signing_key(key, retire_older_at=not_before + LONGEST_TOKEN)
        return await self._store.signing_keys()

    def _chosen(self, rows: list[SigningKeyRow]) -> Keys:
        now = self._clock()
        self._parsed = {row.kid: self._parsed.get(row.kid) or RSAKey.import_key(row.private_jwk) for row in rows}
        begun = [row for row in rows if row.not_before <= now] or rows[:1]
        return Keys(KeySet([self._parsed[begun[-1].kid]]), KeySet(list(self._parsed.values())))


def new_key(generation: int, not_before: datetime) -> SigningKeyRow:
    """A fresh RSA key of a generation."""
    kid = new_id()
    key = RSAKey.generate_key(KEY_BITS, {"kid": kid, "use": "sig", "alg": ALGORITHM})
    private = key.as_dict(private=True)
    return SigningKeyRow(generation=generation, kid=kid, private_jwk=private, not_before=not_before)


@dataclass(frozen=True, slots=True)
class Subject:
    """The user of a token, as Authlib's core takes them: an account in one family of tokens."""

    account: AccountRow
    family_id: UUID
    authenticated_at: datetime
    audiences: tuple[str, ...]

    def get_user_id(self) -> str:
        return str(self.account.account_id)


def claims_of(account: AccountRow, scope: str) -> dict[str, Any]:
    """What a client with this scope is told about the user."""
    asked = words(scope)
    claims: dict[str, Any] = {"sub": str(account.account_id)}
    if "profile" in asked:
        claims |= {"preferred_username": account.username, "name": account.name}
    if "email" in asked and account.email:
        claims |= {"email": account.email, "email_verified": False}
    return claims


class AccessTokens(JWTBearerTokenGenerator):
    """Access tokens of 15 minutes. A user's token id starts with its family's, by which the whole family ends."""

    def __init__(self, issuer: str, keys: Keys) -> None:
        super().__init__(
            issuer,
            alg=ALGORITHM,
            refresh_token_generator=lambda **_: new_secret(),
            expires_generator=ACCESS_SECONDS,
        )
        self._keys = keys

    def get_jwks(self) -> KeySet:
        return self._keys.signing

    def get_audiences(self, client: Client, user: Subject | None, scope: str) -> str | list[str]:
        return list(user.audiences) if user else SERVICE_AUDIENCE[scope]

    def get_jti(self, client: Client, grant_type: str, user: Subject | None, scope: str) -> str:
        unique = secrets.token_urlsafe(16)
        return f"{user.family_id}.{unique}" if user else unique

    def get_extra_claims(self, client: Client, grant_type: str, user: Subject | None, scope: str) -> dict[str, str]:
        return {"preferred_username": user.account.username} if user else {}


class IdTokens(OpenIDCode):
    """ID tokens beside the access tokens of whoever asked for `openid`, at redemption and at refresh."""

    def __init__(self, issuer: str, keys: Keys) -> None:
        super().__init__()
        self._issuer = issuer
        self._keys = keys

    def __call__(self, grant: Any) -> None:
        # Not the hooks of the authorization endpoint: prompts are ours to decide (authorization.py).
        grant.register_hook("after_create_token_response", self.process_token)

    def resolve_client_private_key(self, client: Client) -> KeySet:
        return self._keys.signing

    def get_client_claims(self, client: Client) -> dict[str, str]:
        return {"iss": self._issuer, "aud": client.client_id, "azp": client.client_id}

    def get_compatible_claims(self, request: Any) -> dict[str, Any]:
        claims: dict[str, Any] = super().get_compatible_claims(request)
        return {**claims, "auth_time": int(request.user.authenticated_at.timestamp())}

    def generate_user_info(self, user: Subject, scope: str) -> dict[str, Any]:
        return claims_of(user.account, scope)


def _read(token: str, *, kind: str, keys: Keys) -> dict[str, Any] | None:
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
        if header.get("typ") != kind or not header.get("kid") or "crit" in header:
            return None
        return jwt.decode(token, keys.published, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, TypeError, AttributeError):
        return None


def read_access_token(token: str, *, issuer: str, keys: Keys) -> dict[str, Any] | None:
    """The claims of an access token of ours that has not expired; None for anything else."""
    claims = _read(token, kind="at+jwt", keys=keys)
    try:
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "values": AUDIENCES},
            exp={"essential": True},
            sub={"essential": True},
            jti={"essential": True},
            client_id={"essential": True},
        ).validate(claims or {})
    except JoseError:
        return None
    return claims


def read_id_token(token: str, *, issuer: str, keys: Keys) -> dict[str, Any] | None:
    """The claims of an ID token of ours, expired or not; None for anything else."""
    claims = _read(token, kind="JWT", keys=keys)
    return claims if claims and claims.get("iss") == issuer else None


def named_by(token: str, claims: dict[str, Any] | None) -> Named:
    """The rows that a presented token names: an access token's by its claims, else those of a refresh token."""
    if claims is None:
        return Named(refresh_token=token)
    family, dot, _ = str(claims["jti"]).partition(".")
    return Named(jti=claims["jti"], family_id=UUID(family) if dot else None)
