"""The audience of a user's access token, narrowed by `resource` (RFC 8707)."""

from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.service.idp import Pkce, redeem, redirected, refresh, request_for, sign_in

EVERYTHING = "openid catalog:write"


async def audience_of(browser: httpx.AsyncClient, answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    keys = KeySet.import_key_set((await browser.get("/jwks")).json())
    audience: list[str] = jwt.decode(answer.json()["access_token"], keys, algorithms=["RS256"]).claims["aud"]
    return audience


async def code_for(browser: httpx.AsyncClient, pkce: Pkce, *resources: str, username: str, scope: str) -> str:
    """Sign in with as many resources as wanted."""
    asked = {**request_for(pkce, scope=scope), "resource": list(resources)}
    await sign_in(browser, username, pkce=pkce)
    return redirected(await browser.get("/authorize", params=asked))["code"]


async def redeem_for(browser: httpx.AsyncClient, code: str, pkce: Pkce, *resources: str) -> httpx.Response:
    form: dict[str, Any] = {"resource": list(resources)} if resources else {}
    return await redeem(browser, code, pkce, **form)


@pytest.mark.parametrize(
    ("username", "scope", "authorized", "asked", "audience"),
    [
        ("alice", "openid", [], [], ["controller", "cartdb"]),
        ("alice", "openid", ["cartdb"], [], ["cartdb"]),
        ("alice", "openid", [], ["cartdb"], ["cartdb"]),
        ("alice", "openid", ["cartdb", "controller"], ["controller"], ["controller"]),
        ("alice", "openid", ["cartdb"], ["cartdb"], ["cartdb"]),
        ("olga", EVERYTHING, [], [], ["controller", "cartdb", "catalog"]),
        ("olga", EVERYTHING, ["catalog"], [], ["catalog"]),
        ("olga", EVERYTHING, [], ["catalog", "controller"], ["controller", "catalog"]),
    ],
)
async def test_a_token_is_good_for_the_resources_that_were_asked_for_and_no_others(
    browser: httpx.AsyncClient,
    *,
    username: str,
    scope: str,
    authorized: list[str],
    asked: list[str],
    audience: list[str],
) -> None:
    pkce = Pkce()
    code = await code_for(browser, pkce, *authorized, username=username, scope=scope)

    answer = await redeem_for(browser, code, pkce, *asked)

    assert await audience_of(browser, answer) == audience


@pytest.mark.parametrize(
    ("username", "scope", "authorized", "asked"),
    [
        ("alice", "openid", ["cartdb"], "controller"),
        ("alice", "openid", [], "catalog"),
        ("alice", "openid", [], "payments"),
        ("alice", "openid", [], "cartdb controller"),
        ("alice", EVERYTHING, ["catalog"], "catalog"),
        ("olga", EVERYTHING, ["catalog"], "cartdb"),
    ],
)
async def test_a_resource_beyond_what_was_granted_is_an_invalid_target_and_the_code_stays_good(
    browser: httpx.AsyncClient, username: str, scope: str, authorized: list[str], asked: str
) -> None:
    pkce = Pkce()
    code = await code_for(browser, pkce, *authorized, username=username, scope=scope)

    refused = [await redeem_for(browser, code, pkce, asked) for _ in range(2)]

    assert [(answer.status_code, answer.json()["error"]) for answer in refused] == [(400, "invalid_target")] * 2


@pytest.mark.parametrize("resource", ["payments", "catalog", "https://elsewhere.test", "CARTDB", "cartdb controller"])
async def test_an_authorization_for_a_resource_that_the_scope_is_not_good_for_is_refused(
    browser: httpx.AsyncClient, resource: str
) -> None:
    answer = await browser.get("/authorize", params=request_for(Pkce(), resource=resource))

    assert redirected(answer)["error"] == "invalid_target"


async def test_a_refresh_narrows_one_token_and_never_widens_the_authorization(browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    code = await code_for(browser, pkce, "catalog", "cartdb", username="olga", scope=EVERYTHING)
    first = (await redeem_for(browser, code, pkce, "cartdb")).json()

    narrowed = await refresh(browser, first["refresh_token"], resource="catalog")
    beyond = await refresh(browser, narrowed.json()["refresh_token"], resource="controller")
    without_scope = await refresh(browser, narrowed.json()["refresh_token"], resource="catalog", scope="openid")
    all_again = await refresh(browser, narrowed.json()["refresh_token"])

    assert await audience_of(browser, narrowed) == ["catalog"]
    assert [answer.json()["error"] for answer in (beyond, without_scope)] == ["invalid_target"] * 2
    assert await audience_of(browser, all_again) == ["cartdb", "catalog"]
