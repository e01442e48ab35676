"""A token issuer for tests of the services that verify tokens: real keys, real signatures, any claim wrong at will."""

import time
import uuid
from typing import Any
from urllib.parse import parse_qs

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.defects import Mint, parts_of

PLACES = {"jwks_uri": "jwks", "token_endpoint": "token", "authorization_endpoint": "authorize"}


class TestIssuer:
    """Signs access tokens and serves its discovery document and keys through an httpx transport."""

    __test__ = False

    def __init__(self, issuer: str = "http://idp.test") -> None:
        self.issuer = issuer
        self.key = RSAKey.generate_key(2048, {"kid": "test-key", "use": "sig", "alg": "RS256"})
        self.asked: list[str] = []
        self.transport = httpx.MockTransport(self._answer)

    def app(self) -> ASGIApp:
        """The same, for who must be given an address."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            body = await Request(scope, receive).body()
            answer = self._answer(httpx.Request(scope["method"], f"{self.issuer}{scope['path']}", content=body))
            await Response(answer.content, answer.status_code, media_type="application/json")(scope, receive, send)

        return app

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        match request.url.path:
            case "/.well-known/openid-configuration":
                places = {name: f"{self.issuer}/{path}" for name, path in PLACES.items()}
                return httpx.Response(200, json={"issuer": self.issuer, **places})
            case "/jwks":
                return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
            case "/token":
                [scope] = parse_qs(request.content.decode())["scope"]
                audience = "catalog" if scope in ("stock:checkout", "catalog:write") else "cartdb"
                token = self.token(subject="controller", scope=scope, audience=audience)
                return httpx.Response(200, json={"access_token": token, "token_type": "Bearer", "expires_in": 900})
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

    def mint(self, **token: Any) -> Mint:
        """What goes into the tokens that `token` makes."""
        return Mint(*parts_of(self.token(**token)), self.key)

    def claims_of(self, authorization: str) -> dict[str, Any]:
        """What the token of an Authorization header says."""
        return parts_of(authorization.removeprefix("Bearer "))[1]
