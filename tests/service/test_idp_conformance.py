"""The modules of OpenID's certification plans as our own tests; docs/openid.md says which module is which test."""

import base64
import json
from typing import Any

import httpx
import pytest
from authlib.oidc.core.util import create_half_hash
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from services.idp.api import metadata
from tests.service.idp import (
    CALLBACK,
    ISSUER,
    SHOP,
    Idp,
    Pkce,
    action_of,
    redeem,
    redirected,
    refresh,
    request_for,
    sign_in,
    tokens_of,
    userinfo,
)

pytestmark = pytest.mark.doors

ESSENTIAL_NAME = json.dumps({"userinfo": {"name": {"essential": True}}})


async def published(browser: httpx.AsyncClient) -> KeySet:
    return KeySet.import_key_set((await browser.get("/jwks")).json())


async def claims_in(browser: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """The claims, after the signature was checked."""
    return jwt.decode(token, await published(browser), algorithms=["RS256"]).claims


async def answered(browser: httpx.AsyncClient, **other: str | None) -> dict[str, Any]:
    """The ID token's claims of a request that somebody signed in gets an answer to without being asked."""
    pkce = Pkce()
    back = redirected(await browser.get("/authorize", params=request_for(pkce, **other)))
    return await claims_in(browser, (await redeem(browser, back["code"], pkce)).json()["id_token"])


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return "code" in redirected(await browser.get("/authorize", params=request_for(Pkce(), prompt="none")))


def unsigned(token: str) -> str:
    """The token with its signature taken away and `alg: none` said in its header."""
    header, payload, _ = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(header + "==")) | {"alg": "none"}
    return f"{base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip('=')}.{payload}."


async def test_an_id_token_is_signed_by_a_published_key_that_it_names(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)

    header = jws.extract_compact(tokens["id_token"].encode()).headers()
    claims = await claims_in(browser, tokens["id_token"])

    assert header["alg"] == "RS256"
    assert header["kid"] in [key.kid for key in (await published(browser)).keys]
    assert claims["at_hash"] == create_half_hash(tokens["access_token"], "RS256").decode()
    start, signature = tokens["id_token"].rsplit(".", 1)
    with pytest.raises(BadSignatureError):
        await claims_in(browser, f"{start}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}")


@pytest.mark.parametrize("way", ["get", "post-header", "post-body"])
async def test_userinfo_takes_the_token_by_every_way_of_rfc_6750_that_is_safe(
    browser: httpx.AsyncClient, way: str
) -> None:
    tokens = await tokens_of(browser)
    header, form = {"Authorization": f"Bearer {tokens['access_token']}"}, {"access_token": tokens["access_token"]}

    match way:
        case "get":
            answer = await browser.get("/userinfo", headers=header)
        case "post-header":
            answer = await browser.post("/userinfo", headers=header)
        case _:
            answer = await browser.post("/userinfo", data=form)

    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["sub"] == (await claims_in(browser, tokens["id_token"]))["sub"]


async def test_userinfo_takes_no_token_in_the_address_nor_two_at_once(browser: httpx.AsyncClient) -> None:
    token = (await tokens_of(browser))["access_token"]
    header = {"Authorization": f"Bearer {token}"}

    in_address = [
        await browser.request(method, "/userinfo", params={"access_token": token}) for method in ("GET", "POST")
    ]
    twice = await browser.post("/userinfo", headers=header, data={"access_token": token})
    repeated = await browser.post("/userinfo", data={"access_token": [token, token]})
    wrong = await browser.post("/userinfo", data={"access_token": "garbage"})

    assert [answer.status_code for answer in in_address] == [401, 401]
    assert [(answer.status_code, answer.json()["error"]) for answer in (twice, repeated)] == [
        (400, "invalid_request")
    ] * 2
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


async def test_a_request_without_a_nonce_gets_an_id_token_without_one(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser, nonce=None)

    assert "nonce" not in await claims_in(browser, tokens["id_token"])


@pytest.mark.parametrize(
    ("asked", "granted", "told"),
    [
        ("openid profile", "openid profile", {"preferred_username", "name"}),
        ("openid email", "openid email", {"email", "email_verified"}),
        ("email openid", "email openid", {"email", "email_verified"}),
        ("openid address", "openid", set()),
        ("openid phone", "openid", set()),
        (
            "openid address email phone profile",
            "openid email profile",
            {"preferred_username", "name", "email", "email_verified"},
        ),
    ],
    ids=["profile", "email", "other-order", "address", "phone", "all"],
)
async def test_a_scope_brings_its_claims_and_one_that_is_not_offered_does_no_harm(
    browser: httpx.AsyncClient, asked: str, granted: str, told: set[str]
) -> None:
    tokens = await tokens_of(browser, scope=asked)

    info = (await userinfo(browser, tokens["access_token"])).json()

    assert tokens["scope"] == granted
    assert info.keys() == {"sub", *told}


@pytest.mark.parametrize(
    "other",
    [
        {"display": "page"},
        {"display": "popup"},
        {"extra": "foobar"},
        {"login_hint": "alice"},
        {"ui_locales": "se"},
        {"claims_locales": "se"},
        {"acr_values": "urn:example:one urn:example:two"},
        {"claims": ESSENTIAL_NAME},
        {"claims": "{"},
    ],
    ids=lambda other: "-".join(f"{name}-{value}"[:20] for name, value in other.items()),
)
async def test_what_is_not_offered_is_ignored_and_the_sign_in_goes_through(
    browser: httpx.AsyncClient, other: dict[str, Any]
) -> None:
    tokens = await tokens_of(browser, "alice", **other)

    info = (await userinfo(browser, tokens["access_token"])).json()

    assert (info["preferred_username"], info["name"]) == ("alice", "Alice")
    assert "acr" not in await claims_in(browser, tokens["id_token"])


@pytest.mark.parametrize("other", [{"prompt": "login"}, {"max_age": "1"}, {"max_age": "0"}])
async def test_who_must_sign_in_again_is_asked_and_the_id_token_says_when(
    idp: Idp, browser: httpx.AsyncClient, other: dict[str, Any]
) -> None:
    first = await claims_in(browser, (await tokens_of(browser))["id_token"])

    idp.clock.advance(seconds=1)
    second = await claims_in(browser, (await tokens_of(browser, **other))["id_token"])

    assert second["sub"] == first["sub"]
    assert first["auth_time"] + 1 <= second["auth_time"] <= first["auth_time"] + 60


@pytest.mark.parametrize("other", [{"prompt": "none"}, {"max_age": "10000"}])
async def test_who_has_signed_in_is_answered_unasked_as_the_same_person_of_the_same_moment(
    idp: Idp, browser: httpx.AsyncClient, other: dict[str, Any]
) -> None:
    first = await claims_in(browser, (await tokens_of(browser))["id_token"])

    idp.clock.advance(seconds=2)
    second = await answered(browser, **other)

    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


async def test_with_the_hint_of_who_has_signed_in_the_answer_comes_unasked(
    idp: Idp, browser: httpx.AsyncClient
) -> None:
    hint = (await tokens_of(browser))["id_token"]
    first = await claims_in(browser, hint)

    idp.clock.advance(hours=2)
    second = await answered(browser, prompt="none", id_token_hint=hint)

    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


async def test_with_the_hint_of_somebody_else_nobody_but_they_is_answered_for(idp: Idp) -> None:
    async with idp.browser() as browser, idp.browser() as bobs:
        await tokens_of(browser, "alice")
        hint = (await tokens_of(bobs, "bob"))["id_token"]
        meant = (await claims_in(bobs, hint))["sub"]

        silent = await browser.get("/authorize", params=request_for(Pkce(), prompt="none", id_token_hint=hint))
        another = await sign_in(browser, "alice", pkce=Pkce(), id_token_hint=hint)
        pkce = Pkce()
        right = await sign_in(browser, "bob", pkce=pkce, id_token_hint=hint)
        tokens = (await redeem(browser, redirected(right)["code"], pkce)).json()

        refused = {"error": "login_required", "state": "st&te=1", "iss": ISSUER}
        assert (redirected(silent), redirected(another)) == (refused, refused)
        assert (await claims_in(browser, tokens["id_token"]))["sub"] == meant


async def test_a_new_account_is_not_whom_a_hint_means(browser: httpx.AsyncClient) -> None:
    hint = (await tokens_of(browser))["id_token"]
    page = await browser.get("/authorize", params=request_for(Pkce(), prompt="create", id_token_hint=hint))

    back = await browser.post(action_of(page), data={"username": "newcomer", "password": "long enough"})

    assert redirected(back)["error"] == "login_required"
    assert "code" not in redirected(back)


@pytest.mark.parametrize("hint", ["garbage", "e30.e30.e30", "access_token", "unsigned"])
async def test_a_hint_that_is_no_id_token_of_ours_is_told_to_the_client(browser: httpx.AsyncClient, hint: str) -> None:
    tokens = await tokens_of(browser)
    hints = {"access_token": tokens["access_token"], "unsigned": unsigned(tokens["id_token"])}

    answer = await browser.get("/authorize", params=request_for(Pkce(), id_token_hint=hints.get(hint, hint)))

    assert redirected(answer)["error"] == "invalid_request"
    assert redirected(answer).keys() == {"error", "error_description", "state", "iss"}


@pytest.mark.parametrize("seconds", [0, 31, 3600])
async def test_a_code_that_comes_again_however_late_ends_what_it_gave(
    idp: Idp, browser: httpx.AsyncClient, seconds: int
) -> None:
    pkce = Pkce()
    code = redirected(await sign_in(browser, pkce=pkce))["code"]
    tokens = (await redeem(browser, code, pkce)).json()
    renewed = (await refresh(browser, tokens["refresh_token"])).json()

    idp.clock.advance(seconds=seconds)
    again = await redeem(browser, code, pkce)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    for given in (tokens, renewed):
        assert (await userinfo(browser, given["access_token"])).status_code == 401
    assert (await refresh(browser, renewed["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("name", ["request", "request_uri"])
@pytest.mark.parametrize("outside", [CALLBACK, f"{CALLBACK}/other", None])
async def test_a_request_object_is_refused_and_its_redirect_uri_never_followed(
    browser: httpx.AsyncClient, name: str, outside: str | None
) -> None:
    inside = base64.urlsafe_b64encode(json.dumps(request_for(Pkce())).encode()).decode().rstrip("=")
    value = f"eyJhbGciOiJub25lIn0.{inside}." if name == "request" else "https://elsewhere.test/request.jwt"

    answer = await browser.get("/authorize", params=request_for(Pkce(), redirect_uri=outside, **{name: value}))

    if outside == CALLBACK:
        assert redirected(answer)["error"] == f"{name}_not_supported"
    else:
        assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_the_discovery_document_says_what_the_specifications_ask_for(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/.well-known/openid-configuration")
    document = answer.json()
    keys = (await browser.get("/jwks")).json()["keys"]

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert document["issuer"] == ISSUER
    assert document["response_types_supported"] == ["code"]
    assert document["subject_types_supported"] == ["public"]
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert {"authorization_code", "refresh_token"} <= set(document["grant_types_supported"])
    assert {"client_secret_basic", "client_secret_post"} <= set(document["token_endpoint_auth_methods_supported"])
    assert {"openid", "profile", "email", "offline_access"} <= set(document["scopes_supported"])
    assert {"sub", "iss", "auth_time", "name", "email"} <= set(document["claims_supported"])
    assert document["authorization_response_iss_parameter_supported"] is True
    unsupported = ("claims", "request", "request_uri")
    assert [document[f"{name}_parameter_supported"] for name in unsupported] == [False, False, False]
    assert len({key["kid"] for key in keys}) == len(keys) >= 1


def test_behind_https_every_published_address_is_https() -> None:
    document = metadata("https://idp.test")

    addresses = {name: value for name, value in document.items() if name.endswith("_endpoint") or name == "jwks_uri"}
    assert len(addresses) == 7
    assert [value for value in addresses.values() if not value.startswith("https://idp.test/")] == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("asked", "leads_to"),
    [
        ({"post_logout_redirect_uri": f"{SHOP}/", "state": "by&e"}, f"{SHOP}/?state=by%26e"),
        ({"post_logout_redirect_uri": f"{SHOP}/"}, f"{SHOP}/"),
        ({"post_logout_redirect_uri": f"{SHOP}/", "client_id": "controller"}, f"{SHOP}/"),
        ({"post_logout_redirect_uri": f"{SHOP}/", "client_id": "cli"}, None),
        ({"post_logout_redirect_uri": f"{SHOP}/?foo=bar"}, None),
        ({"post_logout_redirect_uri": "https://elsewhere.test/"}, None),
        ({}, None),
        ({"state": "bye"}, None),
    ],
)
async def test_the_users_id_token_signs_out_at_once_and_leads_only_to_a_registered_address(
    browser: httpx.AsyncClient, method: str, asked: dict[str, str], leads_to: str | None
) -> None:
    parameters = {"id_token_hint": (await tokens_of(browser))["id_token"], **asked}

    out = await browser.get("/end_session", params=parameters)
    if method == "POST":
        moved = await browser.post("/end_session", data=parameters, headers={"Origin": SHOP})
        out = await browser.get(moved.headers["location"])

    assert out.headers.get("location") == leads_to
    assert out.status_code == 303 if leads_to else "You are signed out" in out.text
    assert not await is_signed_in(browser)


@pytest.mark.parametrize("hint", [None, "garbage", "unsigned", "access_token"])
@pytest.mark.parametrize("asked", [{}, {"state": "bye"}, {"post_logout_redirect_uri": f"{SHOP}/", "state": "bye"}])
async def test_without_a_good_hint_the_user_is_asked_and_their_yes_leads_nowhere_else(
    browser: httpx.AsyncClient, hint: str | None, asked: dict[str, str]
) -> None:
    tokens = await tokens_of(browser)
    hints = {"unsigned": unsigned(tokens["id_token"]), "access_token": tokens["access_token"]}
    parameters = {**asked, **({"id_token_hint": hints.get(hint, hint)} if hint else {})}

    question = await browser.get("/end_session", params=parameters)
    still = await is_signed_in(browser)
    out = await browser.post(action_of(question), data={**parameters, "confirmed": "yes"})

    assert (question.status_code, "location" in question.headers, still) == (200, False, True)
    assert ("You are signed out" in out.text, "location" in out.headers) == (True, False)
    assert not await is_signed_in(browser)
