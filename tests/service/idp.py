"""A provider served in this process, and a browser without scripts that follows its pages and forms."""

import base64
import hashlib
import html
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI

from services.chassis.settings import Environment
from services.idp.app import create_app
from services.idp.settings import Settings
from tests.serving import with_state

ISSUER = "http://idp.test"
SHOP = "http://shop.test"
CALLBACK = f"{SHOP}/callback"
LOOPBACK = "http://127.0.0.1:49152/callback"
CONTROLLER = ("controller", "controller-test-secret")
EDITOR = ("catalog-editor", "editor-test-secret")


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **by: float) -> None:
        self.ahead += timedelta(**by)

    def reset(self) -> None:
        self.ahead = timedelta()


@dataclass
class Pkce:
    """A verifier and its challenge."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


@dataclass
class Idp:
    """The running provider."""

    app: FastAPI
    state: dict[str, Any]
    clock: Clock

    def browser(self, address: str = "203.0.113.7") -> httpx.AsyncClient:
        """A browser at an address, without cookies yet."""
        transport = httpx.ASGITransport(
            with_state(self.app, self.state), raise_app_exceptions=False, client=(address, 50000)
        )
        return httpx.AsyncClient(transport=transport, base_url=ISSUER)


@asynccontextmanager
async def running(database_url: str, **settings: Any) -> AsyncIterator[Idp]:
    """A provider on a database, ready."""
    clock = Clock()
    told: dict[str, Any] = {
        "environment": Environment.TEST,
        "database_url": database_url,
        "oidc_issuer": ISSUER,
        "public_url": SHOP,
        "oidc_client_secret": CONTROLLER[1],
        "catalog_client_secret": EDITOR[1],
        "demo_accounts": True,
    }
    app = create_app(Settings(**(told | settings)), clock=clock)
    async with app.router.lifespan_context(app) as state:
        idp = Idp(app, dict(state or {}), clock)
        async with idp.browser() as browser:
            # One question waits two seconds at most, and a machine may be busy.
            answers = [await browser.get("/health/ready")]
            while answers[-1].status_code != 200 and len(answers) < 10:
                answers.append(await browser.get("/health/ready"))
            assert answers[-1].status_code == 200, answers[-1].text
        yield idp


def request_for(pkce: Pkce, **other: str | None) -> dict[str, str]:
    """The parameters of a good authorization request of the controller; None takes one away."""
    parameters: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "controller",
        "redirect_uri": CALLBACK,
        "scope": "openid profile",
        "state": "st&te=1",
        "nonce": "n0nce",
        "code_challenge": pkce.challenge,
        "code_challenge_method": "S256",
        **other,
    }
    return {name: value for name, value in parameters.items() if value is not None}


def action_of(page: httpx.Response) -> str:
    """Where the page's form is sent."""
    found = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def link_to(page: httpx.Response, path: str) -> str:
    """The page's link to a path."""
    found = re.search(rf'<a href="({re.escape(path)}[^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def redirected(answer: httpx.Response) -> dict[str, str]:
    """The parameters with which the browser is sent to the client."""
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def sign_in(
    browser: httpx.AsyncClient, username: str = "alice", *, password: str | None = None, pkce: Pkce, **other: str | None
) -> httpx.Response:
    """Open the sign-in page by an authorization request, and send its form."""
    page = await browser.get("/authorize", params=request_for(pkce, **other))
    assert page.status_code == 200, page.text
    form = {"username": username, "password": password or f"{username}-demo-password"}
    return await browser.post(action_of(page), data=form)


async def redeem(
    browser: httpx.AsyncClient,
    code: str,
    pkce: Pkce,
    /,
    *,
    auth: tuple[str, str] | None = CONTROLLER,
    **other: str | None,
) -> httpx.Response:
    """Send a code to the token endpoint; keyword arguments add or replace fields, None takes one away."""
    fields: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": pkce.verifier,
        **other,
    }
    sent = {name: value for name, value in fields.items() if value is not None}
    return await browser.post("/token", data=sent, auth=auth or httpx.USE_CLIENT_DEFAULT)


async def tokens_of(browser: httpx.AsyncClient, username: str = "alice", **other: str | None) -> dict[str, Any]:
    """Sign in and redeem the code."""
    pkce = Pkce()
    code = redirected(await sign_in(browser, username, pkce=pkce, **other))["code"]
    answer = await redeem(browser, code, pkce)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


async def refresh(browser: httpx.AsyncClient, token: str, **other: str) -> httpx.Response:
    """Send a refresh token of the controller to the token endpoint."""
    form = {"grant_type": "refresh_token", "refresh_token": token, **other}
    return await browser.post("/token", data=form, auth=CONTROLLER)


async def service_token(
    browser: httpx.AsyncClient, scope: str, *, auth: tuple[str, str] = CONTROLLER, **other: str
) -> httpx.Response:
    """Ask for a client's own token."""
    return await browser.post("/token", data={"grant_type": "client_credentials", "scope": scope, **other}, auth=auth)


async def userinfo(browser: httpx.AsyncClient, access_token: str) -> httpx.Response:
    """Ask who the token's user is."""
    return await browser.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})
