"""How the provider's answers are made wrong: a table of names, and what is done to a finished answer for each."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.datastructures import MutableHeaders

from services.chassis.app import new_id

from .client import Client
from .tokens import ALGORITHM, KEY_BITS

DISCOVERY, JWKS, TOKEN, USERINFO = "/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"
BACK_TO_CLIENT = ("/authorize", "/sign-in", "/sign-up")
PATHS = frozenset({DISCOVERY, JWKS, TOKEN, USERINFO, *BACK_TO_CLIENT})
ELSEWHERE = "https://elsewhere.example"
SOMEBODY = "somebody-else"
HUGE = 32 * 1024 * 1024
PAGE = b"<!doctype html><title>Maintenance</title><p>Back soon."


@dataclass
class Signing:
    """The keys that wrong answers are signed with; those of `published` are in the key set until the next script."""

    clients: Mapping[str, Client]
    ring: KeySet = field(default_factory=lambda: KeySet([]))
    published: list[RSAKey] = field(default_factory=list)
    script: int = 0

    def right(self, header: dict[str, Any]) -> RSAKey:
        """The key that the token was signed with."""
        return next(key for key in self.ring.keys if isinstance(key, RSAKey) and key.kid == header["kid"])

    def publish(self) -> RSAKey:
        """A new key, for everybody to find from now on."""
        self.published.append(another_key())
        return self.published[-1]


@dataclass
class Finished:
    """An answer as it would go out, and the request that it answers."""

    path: str
    request: Mapping[str, str]
    status: int
    headers: MutableHeaders
    body: bytes
    signing: Signing

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def id_token(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Its header and claims."""
        return opened(self.json["id_token"])

    def tell(self, document: Mapping[str, Any]) -> None:
        """Answer this JSON; a member that is None is left out."""
        self.body = json.dumps({name: value for name, value in document.items() if value is not None}).encode()

    def about(self) -> dict[str, Any]:
        """What it says of its user."""
        if self.path == TOKEN:
            return self.id_token[1]
        return self.json if self.path == USERINFO else {"preferred_username": self.request.get("username")}

    def client_id(self) -> str | None:
        if self.path == TOKEN:
            return str(opened(self.json["access_token"])[1]["client_id"])
        return self.request.get("client_id")


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token of our own."""
    parts = jws.extract_compact(token.encode())
    return dict(parts.headers()), json.loads(parts.payload)


def another_key() -> RSAKey:
    return RSAKey.generate_key(KEY_BITS, {"kid": new_id(), "use": "sig", "alg": ALGORITHM})


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is done to answers of one kind."""

    fits: Callable[[Finished], bool]
    make: Callable[[Finished], None]


Value = Callable[[dict[str, Any]], Any] | str | int | float | None
Sign = Callable[[Signing, dict[str, Any], dict[str, Any]], str]


def _changed(document: Mapping[str, Any], changes: Mapping[str, Value]) -> dict[str, Any]:
    """The document with other members; a change is a value, None for none, or a function of the document."""
    values = {name: value(dict(document)) if callable(value) else value for name, value in changes.items()}
    return {name: value for name, value in {**document, **values}.items() if value is not None}


def _gives_tokens(answer: Finished) -> bool:
    # Not to a service's own token: a script for sign-ins leaves the shop's back channel alone.
    return answer.path == TOKEN and answer.status == 200 and "id_token" in answer.json


def is_good(path: str) -> Callable[[Finished], bool]:
    return lambda answer: answer.path == path and answer.status == 200


def _leads_back(answer: Finished) -> bool:
    query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
    return answer.path in BACK_TO_CLIENT and answer.status == 303 and {"code", "iss"} <= query.keys()


def _id_token(sign: Sign) -> Alteration:
    def make(answer: Finished) -> None:
        answer.tell({**answer.json, "id_token": sign(answer.signing, *answer.id_token)})

    return Alteration(_gives_tokens, make)


def _claims(**changes: Value) -> Alteration:
    """Properly signed, with other claims."""
    return _id_token(
        lambda signing, header, claims: jwt.encode(header, _changed(claims, changes), signing.right(header))
    )


def _members(fits: Callable[[Finished], bool], **changes: Value) -> Alteration:
    return Alteration(fits, lambda answer: answer.tell(_changed(answer.json, changes)))


def _instead(
    fits: Callable[[Finished], bool],
    body: bytes,
    *,
    times: int = 1,
    status: int = 200,
    media: str = "text/html",
    location: str = "",
) -> Alteration:
    def make(answer: Finished) -> None:
        answer.status, answer.body = status, body * times
        answer.headers["content-type"] = media
        if location:
            answer.headers["location"] = location

    return Alteration(fits, make)


def _callback(**changes: str | None) -> Alteration:
    def make(answer: Finished) -> None:
        parts = urlsplit(answer.headers["location"])
        query = _changed(dict(parse_qsl(parts.query)), changes)
        answer.headers["location"] = parts._replace(query=urlencode(query)).geturl()

    return Alteration(_leads_back, make)


def _repeated(answer: Finished) -> None:
    answer.headers["location"] += "&code=another"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _by_hand(header: dict[str, Any], claims: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
    """A token that no library would make."""
    content = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return f"{content}.{_base64(signature(content.encode()))}"


def _hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    return _by_hand({**header, "alg": "HS256"}, claims, lambda content: hmac.digest(secret, content, "sha256"))


def _hs256_client_secret(signing: Signing, header: dict[str, Any], claims: dict[str, Any]) -> str:
    return _hs256(header, claims, (signing.clients[claims["aud"]].secret or "").encode())


def _with_published_key(signing: Signing, header: dict[str, Any], claims: dict[str, Any]) -> str:
    key = signing.publish()
    return jwt.encode({**header, "kid": key.kid}, claims, key)


def _without_kid(signing: Signing, header: dict[str, Any], claims: dict[str, Any], *, several: bool = False) -> str:
    key = signing.right(header)
    if several:
        signing.publish()
    return jwt.encode({name: value for name, value in header.items() if name != "kid"}, claims, key)


def _several(claims: dict[str, Any]) -> list[str]:
    return [claims["aud"], "another-client"]


def _later(seconds: int) -> Callable[[dict[str, Any]], int]:
    return lambda _: int(time.time()) + seconds


_ID_TOKENS: dict[str, Sign] = {
    "id_token_alg_none": lambda _, header, claims: _by_hand({**header, "alg": "none"}, claims, lambda _: b""),
    "id_token_wrong_signature": lambda _, header, claims: jwt.encode(header, claims, another_key()),
    "id_token_hs256_client_secret": _hs256_client_secret,
    "id_token_hs256_public_key": lambda signing, header, claims: _hs256(
        header, claims, signing.right(header).as_pem(private=False)
    ),
    "id_token_kid_absent": _without_kid,
    "id_token_kid_absent_of_several": lambda *made: _without_kid(*made, several=True),
    "id_token_unknown_kid": lambda _, header, claims: jwt.encode({**header, "kid": new_id()}, claims, another_key()),
    "id_token_new_key": _with_published_key,
}

_CLAIMS: dict[str, dict[str, Value]] = {
    "id_token_wrong_iss": {"iss": ELSEWHERE},
    "id_token_wrong_aud": {"aud": "another-client"},
    "id_token_several_aud_without_azp": {"aud": _several, "azp": None},
    "id_token_several_aud_wrong_azp": {"aud": _several, "azp": "another-client"},
    "id_token_wrong_azp": {"azp": "another-client"},
    "id_token_wrong_nonce": {"nonce": "of-another-sign-in"},
    "id_token_missing_nonce": {"nonce": None},
    "id_token_wrong_sub": {"sub": SOMEBODY},
    "id_token_missing_sub": {"sub": None},
    "id_token_empty_sub": {"sub": ""},
    "id_token_unstorable_sub": {"sub": "some\0body"},
    "id_token_missing_iat": {"iat": None},
    "id_token_missing_exp": {"exp": None},
    "id_token_expired": {"iat": _later(-7200), "exp": _later(-3600)},
    "id_token_not_yet": {"iat": _later(3600), "exp": _later(7200)},
    "id_token_wrong_at_hash": {"at_hash": _base64(bytes(16))},
    "id_token_without_profile": {"preferred_username": None, "name": None},
    "id_token_unstorable_name": {"preferred_username": "Al\0ice\u202e" + "x" * 5000},
}

_TOKENS: dict[str, dict[str, Value]] = {
    "id_token_is_access_token": {"id_token": lambda document: document["access_token"]},
    "id_token_garbage": {"id_token": "n\u00f6t.a.token"},
    "id_token_absent": {"id_token": None},
    "token_type_not_bearer": {"token_type": "mac"},
    "token_expires_at_once": {"expires_in": 0},
    "token_expires_never": {"expires_in": 1e300},
}

_CALLBACKS: dict[str, dict[str, str | None]] = {
    "callback_wrong_iss": {"iss": ELSEWHERE},
    "callback_missing_iss": {"iss": None},
    "callback_wrong_state": {"state": "of-another-sign-in"},
    "callback_missing_state": {"state": None},
    "callback_missing_code": {"code": None},
    "callback_wrong_code": {"code": "never-given"},
    "callback_error": {"code": None, "error": "access_denied"},
    "callback_error_wrong_state": {"code": None, "error": "access_denied", "state": "of-another-sign-in"},
}

_ENDPOINTS = dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"))

ALTERATIONS: dict[str, Alteration] = {
    **{wrong: _id_token(sign) for wrong, sign in _ID_TOKENS.items()},
    **{wrong: _claims(**changes) for wrong, changes in _CLAIMS.items()},
    **{wrong: _members(_gives_tokens, **changes) for wrong, changes in _TOKENS.items()},
    **{wrong: _callback(**changes) for wrong, changes in _CALLBACKS.items()},
    "callback_repeated_code": Alteration(_leads_back, _repeated),
    "token_redirect": _instead(_gives_tokens, b"", status=307, location=f"{ELSEWHERE}/token"),
    "token_failure": _instead(_gives_tokens, PAGE, status=500),
    "token_html": _instead(_gives_tokens, PAGE),
    "token_huge": _instead(_gives_tokens, b" ", times=HUGE, media="application/json"),
    "token_not_an_object": _instead(_gives_tokens, b"[]", media="application/json"),
    "userinfo_another_sub": _members(is_good(USERINFO), sub=SOMEBODY),
    "userinfo_missing_sub": _members(is_good(USERINFO), sub=None),
    "userinfo_html": _instead(is_good(USERINFO), PAGE),
    "jwks_empty": _instead(is_good(JWKS), b'{"keys": []}', media="application/json"),
    "jwks_garbage": _instead(is_good(JWKS), b'{"keys": [{"kty": "RSA", "n": 7}, 7]}', media="application/json"),
    "jwks_html": _instead(is_good(JWKS), PAGE),
    "jwks_huge": _instead(is_good(JWKS), b" ", times=HUGE, media="application/json"),
    "discovery_another_issuer": _members(is_good(DISCOVERY), issuer=ELSEWHERE),
    "discovery_missing_issuer": _members(is_good(DISCOVERY), issuer=None),
    "discovery_without_endpoints": _members(is_good(DISCOVERY), **_ENDPOINTS),
}
