"""`python -m services.local.token --user alice`: sign in as the public client `cli` and print an access token.

A real sign-in by code and PKCE against the running provider (OIDC_ISSUER): its page is opened, its form is filled in
and sent, and the code is read from the redirect, so that nothing has to listen for it.
"""

import argparse
import base64
import hashlib
import os
import secrets
import sys
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

CLIENT = "cli"
REDIRECT_URI = "http://127.0.0.1/callback"
DEFAULT_ISSUER = "http://localhost:8003"
EVERYTHING = "openid profile operator catalog:write"


class SignInError(Exception):
    """There is no token; the message says why, in one line."""


class _Form(HTMLParser):
    """Where the page's form is sent, and what it holds already."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form":
            self.action = told.get("action")
        elif tag == "input" and told.get("name"):
            self.fields[str(told["name"])] = told.get("value") or ""


def access_token(client: httpx.Client, *, user: str, password: str, scope: str, **asked: str) -> str:
    """Sign the user in and redeem the code.

    Args:
        asked: what else the provider is asked, such as `prompt="create"` for its page for a new account.

    Raises:
        SignInError: the provider says no.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    page = client.get(
        "/authorize",
        params={
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": REDIRECT_URI,
            "scope": scope,
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("="),
            "code_challenge_method": "S256",
            **asked,
        },
    )
    code = _code(_signed_in(client, page, user=user, password=password), state, issuer=str(client.base_url))
    form = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": REDIRECT_URI}
    reply = client.post("/token", data={**form, "code": code, "code_verifier": verifier})
    if not reply.is_success:
        raise SignInError(f"the code was refused with {reply.status_code}")
    return str(reply.json()["access_token"])


def _signed_in(client: httpx.Client, page: httpx.Response, *, user: str, password: str) -> httpx.Response:
    if page.is_redirect:
        return page
    form = _Form(page.text)
    if not page.is_success or form.action is None:
        raise SignInError(f"the provider shows no sign-in form but answers {page.status_code}")
    return client.post(
        urljoin(str(page.url), form.action), data={**form.fields, "username": user, "password": password}
    )


def _code(answer: httpx.Response, state: str, *, issuer: str) -> str:
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise SignInError(f"too many wrong passwords: wait {answer.headers.get('retry-after', '300')} seconds")
    if not answer.is_redirect:
        raise SignInError(
            f"the sign-in was refused with {answer.status_code}: is there such a user, and is the password right?"
        )
    told = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    if told.get("state") != state or told.get("iss", "").rstrip("/") != issuer.rstrip("/"):
        raise SignInError("the answer belongs to another request or another provider")
    if "code" not in told:
        raise SignInError(f"the provider refused: {told.get('error_description', told.get('error', 'no code'))}")
    return told["code"]


def main(arguments: list[str] | None = None) -> int:
    """Print the token, or one line about why there is none."""
    parser = argparse.ArgumentParser(prog="python -m services.local.token", description="Print an access token.")
    parser.add_argument("--user", required=True, help="alice, bob, olga, or an account of your own")
    parser.add_argument("--password", help="needed for accounts other than the demo ones")
    parser.add_argument("--scope", default=EVERYTHING, help="what is asked for; nobody is granted what they may not do")
    told = parser.parse_args(arguments)
    issuer = os.environ.get("OIDC_ISSUER", DEFAULT_ISSUER).rstrip("/")
    password = told.password or f"{told.user}-demo-password"
    try:
        with httpx.Client(base_url=issuer, timeout=10) as client:
            print(access_token(client, user=told.user, password=password, scope=told.scope))
    except (httpx.HTTPError, httpx.InvalidURL) as failure:
        print(f"no token: {issuer} does not answer: {failure}", file=sys.stderr)
    except SignInError as failure:
        print(f"no token: {failure}", file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
