"""What the log tells of sign-ins, refusals and stolen tokens: who, in which request, and never a secret."""

import json
import time
from typing import Any

import httpx
import pytest

from services.cartdb.app import create_app
from services.cartdb.settings import Settings
from services.contracts.identity import owner_id_of
from tests.conftest import MakeDatabase
from tests.service.idp import (
    CONTROLLER,
    ISSUER,
    Idp,
    Pkce,
    action_of,
    link_to,
    redeem,
    redirected,
    refresh,
    request_for,
    running,
    sign_in,
    userinfo,
)
from tests.service.test_token_matrix import services, shop
from tests.serving import on_a_port, serving
from tests.tokens import TestIssuer

pytestmark = pytest.mark.doors

PASSWORD = "alice-demo-password"
TYPED_INTO_THE_WRONG_FIELD = "my-secret-password"


class Log:
    """Everything that was logged so far, by request id."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.text = ""

    def told(self, request_id: str) -> list[dict[str, Any]]:
        """What one request has told, apart from that it came."""
        self.text += self._capsys.readouterr().out
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if line.get("request_id") == request_id and line["event"] != "request"]


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Log:
    return Log(capsys)


def as_request(browser: httpx.AsyncClient, name: str) -> httpx.AsyncClient:
    browser.headers["X-Request-ID"] = name
    return browser


async def test_sign_ins_and_what_follows_are_told_with_request_and_account(
    make_database: MakeDatabase, log: Log
) -> None:
    urls = await make_database("idp")
    async with running(urls.app) as idp, idp.browser() as browser:
        secrets = await live_through_much(idp, browser)

    def one(request_id: str, event: str) -> dict[str, Any]:
        (line,) = [line for line in log.told(request_id) if line["event"] == event]
        return line

    entered = one("right", "signed in")
    alice = entered["account"]
    assert entered["owner"] == owner_id_of(ISSUER, alice)
    assert (entered["client"], entered["address"], entered["level"]) == ("controller", "203.0.113.7", "info")
    assert (one("wrong", "sign-in failed")["account"], one("wrong", "sign-in failed")["level"]) == (alice, "warning")
    assert one("unknown", "sign-in failed")["account"] is None
    assert one("blocked", "sign-in blocked")["account"] == alice
    assert one("out", "signed out")["account"] == alice
    assert one("new", "account made")["account"] == one("new", "signed in")["account"] != alice
    reuse = one("code-again", "tokens revoked")
    assert (reuse["because"], reuse["account"], reuse["level"]) == ("code_reuse", alice, "warning")
    given_back = one("revoke", "tokens revoked")
    assert (given_back["because"], given_back["level"]) == ("revoked", "info")
    assert one("code-again", "token request refused")["error"] == "invalid_grant"
    assert one("refresh-again", "tokens revoked").items() >= {"because": "refresh_token_reuse"}.items()
    assert one("no-client", "token request refused")["error"] == "invalid_client"
    assert one("no-token", "access denied")["problem"] == "unauthenticated"
    assert one("foreign-page", "access denied")["problem"] == "cross_site_request"
    assert one("nobodys-address", "authorization refused")["error"] == "invalid_request"
    assert [secret for secret in secrets if secret in log.text] == []


async def live_through_much(idp: Idp, browser: httpx.AsyncClient) -> list[str]:
    """One request for each name; the secrets that were sent or given."""
    pkce = Pkce()
    code = redirected(await sign_in(as_request(browser, "right"), pkce=pkce))["code"]
    tokens = (await redeem(as_request(browser, "code"), code, pkce)).json()
    await redeem(as_request(browser, "code-again"), code, pkce)
    second = Pkce()
    again = redirected(await browser.get("/authorize", params=request_for(second)))["code"]
    family = (await redeem(browser, again, second)).json()
    await refresh(browser, family["refresh_token"])
    await refresh(as_request(browser, "refresh-again"), family["refresh_token"])
    await redeem(as_request(browser, "no-client"), code, pkce, auth=(CONTROLLER[0], "guessed-secret"))
    await userinfo(as_request(browser, "no-token"), "a.forged.token")
    elsewhere = request_for(pkce, redirect_uri="http://evil.test/")
    await browser.get("/authorize", params=elsewhere, headers={"X-Request-ID": "nobodys-address"})
    out = await browser.get("/end_session")
    await as_request(browser, "out").post(action_of(out), data={"confirmed": "yes"})
    async with idp.browser() as stranger:
        for _ in range(10):
            await sign_in(as_request(stranger, "many"), "alice", password="guessed-password", pkce=Pkce())
        await sign_in(as_request(stranger, "blocked"), "alice", pkce=Pkce())
        await sign_in(as_request(stranger, "unknown"), TYPED_INTO_THE_WRONG_FIELD, password="x" * 9, pkce=Pkce())
        form = {"username": "alice", "password": PASSWORD}
        headers = {"Sec-Fetch-Site": "cross-site"}
        await as_request(stranger, "foreign-page").post(
            "/sign-in", params=request_for(Pkce()), data=form, headers=headers
        )
    async with idp.browser("203.0.113.9") as leaver:
        third = Pkce()
        given = (await redeem(leaver, redirected(await sign_in(leaver, pkce=third))["code"], third)).json()
        await as_request(leaver, "revoke").post("/revoke", data={"token": given["refresh_token"]}, auth=CONTROLLER)
    async with idp.browser("203.0.113.8") as other:
        await sign_in(as_request(other, "wrong"), "alice", password="guessed-password", pkce=Pkce())
        page = await other.get("/authorize", params=request_for(Pkce()))
        signing_up = await other.get(link_to(page, "/sign-up"))
        await as_request(other, "new").post(
            action_of(signing_up), data={"username": "newcomer", "password": "correct horse"}
        )
    cookies = [*browser.cookies.values(), *other.cookies.values()]
    typed = [PASSWORD, TYPED_INTO_THE_WRONG_FIELD, "guessed-password", "correct horse", "guessed-secret"]
    given = [code, again, *(str(tokens[name]) for name in ("access_token", "refresh_token", "id_token"))]
    return [*cookies, *typed, *given, "a.forged.token", CONTROLLER[1], pkce.verifier]


async def test_a_service_tells_whom_it_denied_what_and_why(make_database: MakeDatabase, log: Log) -> None:
    urls = await make_database("cartdb")
    issuer = TestIssuer()
    app = create_app(Settings(database_url=urls.app, oidc_issuer=issuer.issuer), idp_transport=issuer.transport)
    expired, alices = issuer.token(exp=int(time.time()) - 60), issuer.token()

    async with serving(app) as http:
        for name, token in {"expired": expired, "forbidden": alices}.items():
            headers = {"Authorization": f"Bearer {token}", "X-Request-ID": name}
            await http.post("/purchases/018f0000-0000-7000-8000-000000000000/settle", json={}, headers=headers)

    (refused,) = log.told("expired")
    (denied,) = log.told("forbidden")
    assert (refused["problem"], refused["why"], refused["level"]) == (
        "unauthenticated",
        "The access token is not good: it has expired.",
        "warning",
    )
    assert "owner" not in refused
    assert (denied["problem"], denied["owner"]) == ("forbidden", owner_id_of(issuer.issuer, "alice"))
    assert expired not in log.text
    assert alices not in log.text


async def test_an_erasure_tells_who_was_erased_by_the_owner_id_alone(make_database: MakeDatabase, log: Log) -> None:
    issuer = TestIssuer()
    databases = [(await make_database(name)).app for name in ("cartdb", "catalog", "controller")]
    cartdb, _ = services(issuer, *databases[:2])
    headers = issuer.user("Zaphod", audience=["controller", "cartdb"])

    async with on_a_port(cartdb) as cartdb_url, on_a_port(issuer.app()) as provider:
        whole = shop(
            issuer, databases[2], log_level="info", cartdb=cartdb_url, catalog="http://no.test", provider=provider
        )
        async with serving(whole, base_url="http://localhost:8000") as http:
            carts = {**headers, "X-Request-ID": "naming"}
            named = await http.post("/carts", json={"name": "Zaphod's cart"}, headers=carts)
            erased = await http.delete("/account", headers={**headers, "X-Request-ID": "erasing"})

    (line,) = [line for line in log.told("erasing") if line["event"] == "account erased"]
    assert (named.status_code, erased.status_code) == (201, 200)
    assert (line["owner"], line["level"], line["service"]) == (
        owner_id_of(issuer.issuer, "Zaphod"),
        "info",
        "controller",
    )
    assert "Zaphod" not in log.text
