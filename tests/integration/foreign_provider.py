"""npm oidc-provider in the place of our own: started for a test, asked how often it was asked, and signed in at."""

import base64
import hashlib
import json
import os
import secrets
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from services.local.ports import free_port
from services.local.stack import Plan
from tests.integration.plain_browser import Reader
from tests.nodejs import NODE, installed_clients

RESOURCE = "https://shop.example/api"
AUDIENCE = "urn:example:shop"
# What only some may do is in it: this provider grants to whoever asks, as many do.
SCOPE = "cart:guest cart:checkout cart:watch stock:checkout catalog:write operator"
OPERATOR = "olga"
SERVICES = ("controller", "catalog", "cartdb", "payments")
# Signs that a form and an Authorization header must encode, or another secret arrives.
SHOP = ("shop", "a secret: 100% + /?&=~ of the shop")
READER = ("reader", "a secret of who may only ask about tokens")
EDITOR = ("editor", "a secret of the editor's own")
APP = ("app", "a secret of somebody else's app")
APP_CALLBACK = "https://app.example/callback"


@dataclass(frozen=True)
class ForeignProvider:
    """The running provider."""

    port: int

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port}"

    def counts(self) -> dict[str, int]:
        """How often each grant, or each other endpoint, was asked for; refusals apart."""
        counted: dict[str, int] = httpx.get(f"{self.issuer}/-/counts").json()
        return counted

    def set_life(self, seconds: float) -> None:
        """How long access tokens last from now on."""
        httpx.get(f"{self.issuer}/-/life", params={"seconds": seconds})

    def lose_next_refresh(self) -> None:
        """Do the next refresh, and let nobody hear of it."""
        httpx.get(f"{self.issuer}/-/lose-refresh")

    def token(self, client: tuple[str, str], **form: str) -> dict[str, Any]:
        """The token endpoint's answer to a client."""
        sent = {"resource": RESOURCE, "client_id": client[0], "client_secret": client[1], **form}
        answer = httpx.post(f"{self.issuer}/token", data=sent)
        return {"status": answer.status_code, **answer.json()}

    def revoke(self, token: str) -> None:
        """End a token before its time."""
        sent = {"token": token, "client_id": APP[0], "client_secret": APP[1]}
        assert httpx.post(f"{self.issuer}/token/revocation", data=sent).status_code == 200

    def access_token(self, browser: httpx.Client, user: str, scope: str) -> str:
        """A user's token for somebody else's app, by code and PKCE."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": APP[0],
            "redirect_uri": APP_CALLBACK,
            "scope": f"openid {scope}".strip(),
            "resource": RESOURCE,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        start = str(httpx.URL(f"{self.issuer}/auth", params=asked))
        back = walk(browser, start, user=user, until=APP_CALLBACK)
        [code] = parse_qs(urlsplit(back).query)["code"]
        redeemed = {"grant_type": "authorization_code", "code": code, "redirect_uri": APP_CALLBACK}
        return str(self.token(APP, **redeemed, code_verifier=verifier)["access_token"])


def walk(browser: httpx.Client, address: str, *, user: str = "nobody", until: str) -> str:
    """Follow redirects, and send each page's one form, until the provider leads back to an address."""
    answer = browser.get(address)
    for _ in range(20):
        if answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if target.startswith(until):
                return target
            answer = browser.get(target)
            continue
        page = Reader()
        page.feed(answer.text)
        [form] = page.forms
        typed = {"login": user, "password": "any"} if form.fields.get("prompt") == "login" else {"logout": "yes"}
        answer = browser.post(urljoin(str(answer.url), form.action), data={**form.fields, **typed})
    raise AssertionError(f"the provider leads nowhere: {answer.status_code} {answer.text}")


def plan_with(provider: ForeignProvider, plan: Plan) -> dict[str, dict[str, str]]:
    """The settings by which a shop's services take this provider for their own."""
    shop = f"http://localhost:{8000 + plan.port_offset}"
    taker = {
        "OIDC_ISSUER": provider.issuer,
        "OIDC_AUDIENCE": AUDIENCE,
        "OIDC_INTROSPECTION_CLIENT_ID": READER[0],
        "OIDC_INTROSPECTION_CLIENT_SECRET": READER[1],
        "OIDC_PRIVILEGED_SUBJECTS": f"{SHOP[0]} {EDITOR[0]} {OPERATOR}",
    }
    controller = {
        **taker,
        "OIDC_CLIENT_ID": SHOP[0],
        "OIDC_CLIENT_SECRET": SHOP[1],
        "OIDC_RESOURCE": RESOURCE,
        "OIDC_AUTHORIZE_PARAMETERS": "prompt=consent",
        "PUBLIC_URL": shop,
    }
    return {"controller": controller, "catalog": taker, "cartdb": taker}


def _client(client: tuple[str, str], *, redirect_uris: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """A client's registration; what it does not name, it may not do."""
    usual: dict[str, Any] = {"grant_types": [], "response_types": []}
    return {"client_id": client[0], "client_secret": client[1], "redirect_uris": [*redirect_uris], **usual, **more}


def _clients(shop: str) -> list[dict[str, Any]]:
    by_code: dict[str, Any] = {"grant_types": ["authorization_code"], "response_types": ["code"]}
    return [
        _client(
            SHOP,
            redirect_uris=[f"{shop}/callback"],
            post_logout_redirect_uris=[f"{shop}/shop/"],
            grant_types=["authorization_code", "refresh_token", "client_credentials"],
            response_types=["code"],
        ),
        _client(READER),
        _client(EDITOR, grant_types=["client_credentials"]),
        _client(APP, redirect_uris=[APP_CALLBACK], token_endpoint_auth_method="client_secret_post", **by_code),
    ]


@contextmanager
def foreign_provider(token_format: str, shop: str) -> Iterator[ForeignProvider]:
    """The provider, for a shop at an address; `token_format` is jwt or opaque."""
    provider = ForeignProvider(free_port())
    wanted = {
        "port": provider.port,
        "format": token_format,
        "resource": RESOURCE,
        "audience": AUDIENCE,
        "scope": SCOPE,
        "clients": _clients(shop),
    }
    process = subprocess.Popen(
        [str(NODE), "provider.mjs"],
        cwd=installed_clients(),
        env={"PATH": os.environ["PATH"], "PROVIDER": json.dumps(wanted)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        _await_ready(process)
        yield provider
    finally:
        process.terminate()
        process.wait()


def _await_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    heard = ""
    for line in process.stdout:
        heard += line
        if line.startswith("ready"):
            break
    assert "ready" in heard, heard
    threading.Thread(target=_read_on, args=(process.stdout,), daemon=True).start()


def _read_on(told: IO[str]) -> None:
    """Keep a pipe from filling up."""
    with told:
        told.read()
