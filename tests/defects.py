"""Everything that can be wrong with an access token, one property at a time; every door is shown the same table."""

import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

Signer = Callable[[bytes], bytes]

ATTACKERS_KEY = RSAKey.generate_key(2048, {"kid": "attackers", "use": "sig"})
ATTACKER = "https://attacker.example"
FLIPS = 200
YEAR = 365 * 86_400


def encoded(part: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A token's header and claims, unverified."""
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


def by(key: RSAKey, algorithm: str = "RS256") -> Signer:
    """Signs with a key of one's own."""
    return lambda text: JWSRegistry.algorithms[algorithm].sign(text, key)


def by_secret(secret: bytes) -> Signer:
    """Signs as HS256."""
    return lambda text: hmac.digest(secret, text, hashlib.sha256)


def compact(header: dict[str, Any], claims: dict[str, Any], sign: Signer) -> str:
    """A token of whatever it is told: no library would write most of these."""
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{encoded(sign(text.encode()))}"


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True)
class Mint:
    """What a door's good tokens are made of, and the provider's own key."""

    header: dict[str, Any]
    claims: dict[str, Any]
    key: RSAKey

    def token(self, *, header: dict[str, Any] | None = None, sign: Signer | None = None, **claims: Any) -> str:
        """A token; what is given replaces a header member or a claim, None takes one away."""
        protected = without_none({**self.header, **(header or {})})
        return compact(protected, without_none({**self.claims, **claims}), sign or by(self.key))

    def forged(self, *, sign: Signer | None = None, **header: Any) -> str:
        """A good token's claims under another header, signed by somebody else."""
        return self.token(header=header, sign=sign or by(ATTACKERS_KEY))

    def flipped(self) -> list[str]:
        """A good token with one bit turned, at seeded places in header, claims and signature."""
        good, dice = self.token().encode(), random.Random(26)
        turned: list[str] = []
        while len(turned) < FLIPS:
            # Some bits of the last letter stand for nothing.
            place, bit = dice.randrange(len(good) - 1), 1 << dice.randrange(7)
            text = bytes([*good[:place], good[place] ^ bit, *good[place + 1 :]]).decode()
            if text.isprintable() and " " not in text:  # No other text travels in a header.
                turned.append(text)
        return turned


def _pem(mint: Mint) -> bytes:
    return mint.key.as_pem(private=False)


def _jwk(mint: Mint) -> dict[str, Any]:
    return dict(mint.key.as_dict(private=False))


def _x5c() -> list[str]:
    return [base64.b64encode(ATTACKERS_KEY.as_der(private=False)).decode()]


def _now() -> int:
    return int(time.time())


# Name → how the token is made.
DEFECTS: dict[str, Callable[[Mint], str]] = {
    # who signed
    "alg none": lambda m: m.token(header={"alg": "none"}, sign=lambda _: b""),
    "alg none in other letters": lambda m: m.token(header={"alg": "nOnE"}, sign=lambda _: b""),
    "alg none under a good signature": lambda m: m.token(header={"alg": "none"}),
    "no alg": lambda m: m.token(header={"alg": None}),
    "signed with the public key's PEM as a secret": lambda m: m.forged(alg="HS256", sign=by_secret(_pem(m))),
    "signed with the public JWK as a secret": lambda m: m.forged(
        alg="HS256", sign=by_secret(json.dumps(_jwk(m)).encode())
    ),
    "signed with the JWK's modulus as a secret": lambda m: m.forged(
        alg="HS256", sign=by_secret(str(_jwk(m)["n"]).encode())
    ),
    "signed with an empty secret": lambda m: m.forged(alg="HS256", sign=by_secret(b"")),
    "the right key by an algorithm that is not accepted": lambda m: m.token(
        header={"alg": "RS512"}, sign=by(m.key, "RS512")
    ),
    "another key under the right kid": lambda m: m.forged(),
    "another key under an unknown kid": lambda m: m.forged(kid="unknown"),
    "unknown kid": lambda m: m.token(header={"kid": "unknown"}),
    "no kid": lambda m: m.token(header={"kid": None}),
    "an empty kid": lambda m: m.token(header={"kid": ""}),
    "a kid that is a number": lambda m: m.token(header={"kid": 7}),
    "a kid that is a path": lambda m: m.forged(kid="../../dev/null", alg="HS256", sign=by_secret(b"")),
    # where the key is said to be
    "jku": lambda m: m.forged(jku=f"{ATTACKER}/jwks"),
    "jku and an unknown kid": lambda m: m.forged(jku=f"{ATTACKER}/jwks", kid="attackers"),
    "jwk": lambda m: m.forged(jwk=ATTACKERS_KEY.as_dict(private=False)),
    "jwk and no kid": lambda m: m.forged(jwk=ATTACKERS_KEY.as_dict(private=False), kid=None),
    "x5u": lambda m: m.forged(x5u=f"{ATTACKER}/certificate.pem"),
    "x5c": lambda m: m.forged(x5c=_x5c()),
    "crit of what nobody knows": lambda m: m.token(header={"crit": ["tenant"], "tenant": "a"}),
    "crit of a member that is not there": lambda m: m.token(header={"crit": ["exp"]}),
    "crit of a standard member": lambda m: m.token(header={"crit": ["kid"]}),
    "an empty crit": lambda m: m.token(header={"crit": []}),
    # what it is
    "an ID token": lambda m: m.token(header={"typ": "JWT"}, aud=m.claims["client_id"], nonce="n"),
    "an ID token with the audience of an access token": lambda m: m.token(header={"typ": "JWT"}),
    "a logout token": lambda m: m.token(header={"typ": "logout+jwt"}),
    "no typ": lambda m: m.token(header={"typ": None}),
    "a typ that is a list": lambda m: m.token(header={"typ": ["at+jwt"]}),
    # who issued it
    "no iss": lambda m: m.token(iss=None),
    "another iss": lambda m: m.token(iss=ATTACKER),
    "an iss that begins alike": lambda m: m.token(iss=f"{m.claims['iss']}.attacker.example"),
    "an iss cut short": lambda m: m.token(iss=m.claims["iss"][:-1]),
    "an iss with a slash more": lambda m: m.token(iss=f"{m.claims['iss']}/"),
    "an iss in capitals": lambda m: m.token(iss=m.claims["iss"].upper()),
    "a list of iss": lambda m: m.token(iss=[m.claims["iss"]]),
    # whom it is for
    "no aud": lambda m: m.token(aud=None),
    "another aud": lambda m: m.token(aud="ledger"),
    "a list of aud without ours": lambda m: m.token(aud=["ledger", "mail"]),
    "an empty list of aud": lambda m: m.token(aud=[]),
    "an aud that begins alike": lambda m: m.token(aud=f"{_one(m.claims['aud'])}2"),
    "an aud that is an object": lambda m: m.token(aud={_one(m.claims["aud"]): True}),
    # when
    "expired": lambda m: m.token(iat=_now() - 1000, exp=_now() - 100),
    "no exp": lambda m: m.token(exp=None),
    "an exp that is a text": lambda m: m.token(exp=str(_now() + YEAR)),
    "not good yet": lambda m: m.token(nbf=_now() + 600),
    "issued in the future": lambda m: m.token(iat=_now() + YEAR, exp=_now() + YEAR + 900),
    # who it speaks for
    "no sub": lambda m: m.token(sub=None),
    "an empty sub": lambda m: m.token(sub=""),
    "a sub that is a number": lambda m: m.token(sub=7),
    "a sub that is a list": lambda m: m.token(sub=[m.claims["sub"]]),
    # its shape
    "cut": lambda m: m.token()[:-10],
    "cut by one letter": lambda m: m.token()[:-1],
    "no signature": lambda m: m.token().rpartition(".")[0],
    "an empty signature": lambda m: m.token().rpartition(".")[0] + ".",
    "another token's signature": lambda m: m.token().rpartition(".")[0] + "." + m.token(nbf=1).rpartition(".")[2],
    "padded": lambda m: m.token() + "==",
    "four parts": lambda m: m.token() + ".e30",
    "five parts, as an encrypted one has": lambda m: m.token() + ".e30.e30",
    "a header alone": lambda m: m.token().partition(".")[0],
    "claims that are no object": lambda m: _resigned(m, b"[1]"),
    "claims that are no JSON": lambda m: _resigned(m, b"{"),
    "a header that is no object": lambda m: f"{encoded(b'[1]')}.{m.token().partition('.')[2]}",
    "a header that is no JSON": lambda m: f"e30x.{m.token().partition('.')[2]}",
    "no token": lambda _: "apple",
    "a refresh token": lambda _: "Zk9PZm9vQmFyYmF6UXV4Zm9vYmFyYmF6cXV4Zm9vYmFy",
    "very long": lambda _: "a" * 10_000,
    "very many points": lambda _: "a." * 4_000,
}


def _one(audience: str | list[str]) -> str:
    return audience if isinstance(audience, str) else audience[0]


def _resigned(mint: Mint, claims: bytes) -> str:
    text = f"{encoded(json.dumps(mint.header).encode())}.{encoded(claims)}"
    return f"{text}.{encoded(by(mint.key)(text.encode()))}"


# Name → the Authorization headers, given a good token.
MISPLACED: dict[str, Callable[[str], list[str]]] = {
    "no token after the scheme": lambda _: ["Bearer"],
    "no scheme": lambda good: [good],
    "another scheme": lambda good: [f"Token {good}"],
    "Basic with the token as a password": lambda good: [
        "Basic " + base64.b64encode(f"bearer:{good}".encode()).decode()
    ],
    "DPoP": lambda good: [f"DPoP {good}"],
    "two tokens in one header": lambda good: [f"Bearer {good} {good}"],
    "two tokens with a comma": lambda good: [f"Bearer {good}, Bearer {good}"],
    "two headers, the good one first": lambda good: [f"Bearer {good}", "Bearer apple"],
    "two headers, the good one last": lambda good: ["Bearer apple", f"Bearer {good}"],
    "the same header twice": lambda good: [f"Bearer {good}", f"Bearer {good}"],
}
