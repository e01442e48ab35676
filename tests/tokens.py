"""A token issuer for tests of the services that verify tokens: real keys, real signatures, any claim wrong at will."""

import time
import uuid
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey


class TestIssuer:
    """Signs access tokens and serves its discovery document and keys through an httpx transport."""

    __test__ = False

    def __init__(self, issuer: str = "http://idp.test") -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, {"kid": "test-key", "use": "sig", "alg": "RS256"})
        self.requests = 0
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json={"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"})
            case "/jwks":
                return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
            case _:
                return httpx.Response(404, json={})

    def token(
        self,
        *,
        subject: str = "alice",
        audience: str | list[str] = "cartdb",
        scope: str = "openid",
        header: dict[str, Any] | None = None,
        key: RSAKey | None = None,
        **claims: Any,
    ) -> str:
        """A signed access token; keyword arguments add or replace claims, None takes one away."""
        now = int(time.time())
        body: dict[str, Any] = {
            "iss": self.issuer,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + 900,
            "jti": str(uuid.uuid4()),
            "client_id": "controller",
            "scope": scope,
            **claims,
        }
        protected = {"alg": "RS256", "typ": "at+jwt", "kid": "test-key", **(header or {})}
        wanted = {name: value for name, value in body.items() if value is not None}
        return jwt.encode({k: v for k, v in protected.items() if v is not None}, wanted, key or self.key)

    def service(self, scope: str, *, audience: str = "cartdb") -> dict[str, str]:
        """The headers of a service token with one scope."""
        return {"Authorization": f"Bearer {self.token(subject='controller', scope=scope, audience=audience)}"}

    def user(self, name: str, **claims: Any) -> dict[str, str]:
        """The headers of a signed-in user."""
        token = self.token(subject=name, scope="openid profile", preferred_username=name, **claims)
        return {"Authorization": f"Bearer {token}"}
