"""From the authorization request through the provider's pages to tokens."""

import html
import re

import asyncpg
import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from services.chassis.auth import TokenVerifier
from services.chassis.openid import OpenIdProvider
from services.contracts.problems import Unauthenticated
from tests.conftest import DatabaseUrls
from tests.service.idp import (
    CALLBACK,
    CONTROLLER,
    ISSUER,
    LOOPBACK,
    SHOP,
    Idp,
    Pkce,
    action_of,
    link_to,
    redeem,
    redirected,
    request_for,
    running,
    sign_in,
    tokens_of,
    userinfo,
)
from tests.serving import with_state


async def test_a_sign_in_leads_back_with_code_state_and_issuer_and_the_code_to_tokens(
    browser: httpx.AsyncClient,
) -> None:
    pkce = Pkce()

    back = await sign_in(browser, "alice", pkce=pkce)

    assert back.headers["location"].startswith(f"{CALLBACK}?code=")
    answer = redirected(back)
    assert (answer["state"], answer["iss"]) == ("st&te=1", ISSUER)
    reply = await redeem(browser, answer["code"], pkce)
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json().keys() == {"access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"}
    assert (reply.json()["expires_in"], reply.json()["scope"]) == (900, "openid profile")


async def test_the_id_token_says_who_signed_in_when_and_for_whom(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser, "alice", scope="openid profile email")

    keys = KeySet.import_key_set((await browser.get("/jwks")).json())
    token = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    claims = token.claims
    info = (await userinfo(browser, tokens["access_token"])).json()

    assert token.header["alg"] == "RS256"
    assert claims["iss"] == ISSUER
    assert (claims["aud"], claims["azp"], claims["nonce"]) == ("controller", "controller", "n0nce")
    assert claims["auth_time"] <= claims["iat"] < claims["exp"]
    assert (claims["preferred_username"], claims["name"], claims["email"]) == ("alice", "Alice", "alice@example.com")
    assert info == {
        "sub": claims["sub"],
        "preferred_username": "alice",
        "name": "Alice",
        "email": "alice@example.com",
        "email_verified": False,
    }


async def test_the_services_own_verifier_takes_the_access_token_for_its_audiences_only(
    idp: Idp, browser: httpx.AsyncClient
) -> None:
    tokens = await tokens_of(browser)
    transport = httpx.ASGITransport(with_state(idp.app, idp.state))
    provider = OpenIdProvider(ISSUER, transport=transport)

    for audience in ("controller", "cartdb"):
        caller = await TokenVerifier(provider, audience=audience).verify(tokens["access_token"])
        assert (caller.client_id, caller.name, caller.scopes) == (
            "controller",
            "alice",
            frozenset({"openid", "profile"}),
        )
    with pytest.raises(Unauthenticated):
        await TokenVerifier(provider, audience="catalog").verify(tokens["access_token"])
    with pytest.raises(Unauthenticated):
        await TokenVerifier(provider, audience="controller").verify(tokens["id_token"])


async def test_an_access_token_has_the_claims_of_rfc_9068_and_no_more(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)

    token = jws.extract_compact(tokens["access_token"].encode())
    claims = jwt.decode(
        tokens["access_token"], KeySet.import_key_set((await browser.get("/jwks")).json()), algorithms=["RS256"]
    ).claims

    assert token.headers()["typ"] == "at+jwt"
    assert claims.keys() == {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "preferred_username"}
    assert claims["aud"] == ["controller", "cartdb"]
    assert claims["exp"] - claims["iat"] == 900


async def test_a_second_client_gets_its_code_without_another_sign_in(browser: httpx.AsyncClient) -> None:
    await tokens_of(browser, "alice")
    pkce = Pkce()

    back = await browser.get("/authorize", params=request_for(pkce, client_id="cli", redirect_uri=LOOPBACK))
    tokens = await redeem(browser, redirected(back)["code"], pkce, auth=None, client_id="cli", redirect_uri=LOOPBACK)

    assert tokens.status_code == 200
    assert "refresh_token" not in tokens.json()


async def test_a_public_client_that_asks_for_offline_access_gets_a_refresh_token(browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    public = {"client_id": "cli", "redirect_uri": LOOPBACK}

    code = redirected(await sign_in(browser, pkce=pkce, **public, scope="openid offline_access"))["code"]
    tokens = (await redeem(browser, code, pkce, auth=None, **public)).json()
    again = await browser.post(
        "/token", data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "cli"}
    )

    assert again.status_code == 200
    assert again.json()["refresh_token"] != tokens["refresh_token"]


async def test_the_cookies_are_for_this_provider_alone_and_unknown_to_scripts(browser: httpx.AsyncClient) -> None:
    session, known = (await sign_in(browser, pkce=Pkce())).headers.get_list("set-cookie")

    assert re.fullmatch(r"idp_sid=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=lax", session)
    assert re.fullmatch(r"idp_browser=[\w-]{43}; HttpOnly; Max-Age=15552000; Path=/; SameSite=lax", known)


async def test_behind_https_the_cookies_are_bound_to_the_host(idp_urls: DatabaseUrls) -> None:
    async with running(idp_urls.app, oidc_issuer="https://idp.test") as idp, idp.browser() as browser:
        cookies = (await sign_in(browser, pkce=Pkce())).headers.get_list("set-cookie")

    assert [cookie.partition("=")[0] for cookie in cookies] == ["__Host-idp_sid", "__Host-idp_browser"]
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert "domain" not in cookie.lower()


async def test_a_sign_in_gives_the_browser_a_new_session_and_ends_the_old_one(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "alice", pkce=Pkce())
    old = browser.cookies["idp_sid"]

    await sign_in(browser, "bob", pkce=Pkce(), prompt="login")

    assert browser.cookies["idp_sid"] != old
    browser.cookies.set("idp_sid", old, domain="idp.test")
    refused = await browser.get("/authorize", params=request_for(Pkce(), prompt="none"))
    assert redirected(refused)["error"] == "login_required"


async def test_a_new_shopper_signs_up_and_returns_to_where_they_came_from(browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    page = await browser.get("/authorize", params=request_for(pkce, scope="openid profile email"))
    form = await browser.get(link_to(page, "/sign-up"))

    account = {"username": " New.Shopper ", "password": "correct horse battery", "email": "new@example.com"}
    back = await browser.post(action_of(form), data=account)
    tokens = (await redeem(browser, redirected(back)["code"], pkce)).json()

    info = (await userinfo(browser, tokens["access_token"])).json()
    assert (info["preferred_username"], info["email"]) == ("new.shopper", "new@example.com")
    async with httpx.AsyncClient(transport=browser._transport, base_url=ISSUER) as elsewhere:
        assert redirected(
            await sign_in(elsewhere, "new.shopper", password="correct horse battery", pkce=Pkce())
        ).keys() == {"code", "state", "iss"}


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        ({"username": "al", "password": "long enough"}, 400, "3 to 64 letters"),
        ({"username": "al ice", "password": "long enough"}, 400, "3 to 64 letters"),
        ({"username": "fresh-one", "password": "short"}, 400, "At least 8 characters"),
        ({"username": "fresh-one", "password": "x" * 201}, 400, "At most 200 characters"),
        ({"username": "fresh-one", "password": "long enough", "email": "nowhere"}, 400, "does not look like an e-mail"),
        ({"username": "ALICE", "password": "long enough"}, 409, "This username is taken"),
        ({"username": ""}, 400, "3 to 64 letters"),
    ],
)
async def test_a_bad_sign_up_says_what_is_wrong_and_makes_no_account(
    browser: httpx.AsyncClient, idp_urls: DatabaseUrls, typed: dict[str, str], status: int, told: str
) -> None:
    connection = await asyncpg.connect(idp_urls.app)
    before = await connection.fetchval("SELECT count(*) FROM accounts")
    form = await browser.get("/sign-up", params=request_for(Pkce()))

    answer = await browser.post(action_of(form), data=typed)

    assert answer.status_code == status
    assert told in answer.text
    assert "set-cookie" not in answer.headers
    assert "long enough" not in answer.text
    assert await connection.fetchval("SELECT count(*) FROM accounts") == before
    await connection.close()


async def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(browser: httpx.AsyncClient) -> None:
    known = await sign_in(browser, "alice", password="wrong-password", pkce=Pkce("v" * 43))
    unknown = await sign_in(browser, "nobody", password="wrong-password", pkce=Pkce("v" * 43))

    assert (known.status_code, unknown.status_code) == (400, 400)
    assert "The username or the password is wrong." in known.text
    assert known.text.replace('value="alice"', 'value="nobody"', 1) == unknown.text
    assert "wrong-password" not in known.text
    assert "set-cookie" not in known.headers


@pytest.mark.parametrize("username", ["", "x" * 30_000, "ünïcode", "a\tb", "' OR 1=1 --", "\U0001f6d2"])
async def test_a_name_that_nobody_can_have_is_wrong_like_any_other(browser: httpx.AsyncClient, username: str) -> None:
    page = await browser.get("/authorize", params=request_for(Pkce()))

    answer = await browser.post(action_of(page), data={"username": username, "password": "alice-demo-password"})

    assert answer.status_code == 400
    assert "The username or the password is wrong." in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": SHOP},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
async def test_a_form_of_another_sites_page_signs_nobody_in(
    browser: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    form = {"username": "alice", "password": "alice-demo-password"}

    answer = await browser.post(path, params=request_for(Pkce()), data=form, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin", "Origin": ISSUER}, {"Origin": ISSUER}])
async def test_a_form_of_the_providers_own_page_is_taken(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    form = {"username": "alice", "password": "alice-demo-password"}

    answer = await browser.post("/sign-in", params=request_for(Pkce()), data=form, headers=headers)

    assert redirected(answer)["iss"] == ISSUER


async def test_the_pages_allow_no_script_and_forms_only_to_where_they_lead(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/authorize", params=request_for(Pkce()))

    assert set(page.headers["content-security-policy"].split("; ")) == {
        *(f"{what} 'none'" for what in ("default-src", "object-src", "base-uri", "frame-ancestors")),
        *("style-src 'self'", "img-src 'self'", f"form-action 'self' {SHOP}"),
    }
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert "access-control-allow-origin" not in page.headers
    for path in ("/style.css", "/mark.svg"):
        assert path in page.text
        assert (await browser.get(path)).status_code == 200


async def test_a_window_that_a_docs_page_opened_to_sign_in_finds_its_way_back(browser: httpx.AsyncClient) -> None:
    docs = await browser.get("/docs")
    page = await browser.get("/authorize", params=request_for(Pkce()))
    back = await sign_in(browser, pkce=Pkce())

    policies = [answer.headers["cross-origin-opener-policy"] for answer in (docs, page, back)]
    assert policies == ["same-origin-allow-popups", "unsafe-none", "unsafe-none"]


async def test_what_a_stranger_puts_into_the_request_stays_text(browser: httpx.AsyncClient) -> None:
    nasty = '"><script>alert(1)</script>'

    page = await browser.get("/authorize", params=request_for(Pkce(), state=nasty, login_hint=nasty))

    assert page.status_code == 200
    assert "<script" not in page.text
    assert html.escape(nasty, quote=False)[2:20] in page.text


async def test_a_hint_fills_in_the_username(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/authorize", params=request_for(Pkce(), login_hint="bob"))

    assert 'name="username" value="bob"' in page.text


async def test_without_a_session_prompt_none_is_refused_and_with_one_answered(browser: httpx.AsyncClient) -> None:
    refused = await browser.get("/authorize", params=request_for(Pkce(), prompt="none"))
    await sign_in(browser, pkce=Pkce())
    answered = await browser.get("/authorize", params=request_for(Pkce(), prompt="none"))

    assert redirected(refused) == {"error": "login_required", "state": "st&te=1", "iss": ISSUER}
    assert redirected(answered).keys() == {"code", "state", "iss"}


async def test_prompt_login_and_an_old_session_ask_again(idp: Idp, browser: httpx.AsyncClient) -> None:
    await sign_in(browser, pkce=Pkce())

    asked = await browser.get("/authorize", params=request_for(Pkce(), prompt="login"))
    recent = await browser.get("/authorize", params=request_for(Pkce(), max_age="60"))
    idp.clock.advance(seconds=61)
    old = await browser.get("/authorize", params=request_for(Pkce(), max_age="60"))
    old_and_silent = await browser.get("/authorize", params=request_for(Pkce(), max_age="60", prompt="none"))
    idp.clock.advance(hours=12)
    ended = await browser.get("/authorize", params=request_for(Pkce()))

    assert [answer.status_code for answer in (asked, recent, old, ended)] == [200, 303, 200, 200]
    assert redirected(old_and_silent)["error"] == "login_required"


async def test_prompt_create_opens_the_sign_up_page(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/authorize", params=request_for(Pkce(), prompt="create"))

    assert action_of(page).startswith("/sign-up?")


async def test_an_authorization_request_may_come_by_post(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, pkce=Pkce())

    moved = await browser.post("/authorize", data=request_for(Pkce()), headers={"Origin": SHOP})
    answered = await browser.get(moved.headers["location"])

    assert moved.status_code == 303
    assert redirected(answered)["state"] == "st&te=1"


async def test_the_operator_gets_privileges_that_are_asked_for_and_shoppers_do_not(idp: Idp) -> None:
    asked = "openid profile operator catalog:write"
    async with idp.browser() as first, idp.browser() as second:
        olgas = await tokens_of(first, "olga", scope=asked)
        alices = await tokens_of(second, "alice", scope=asked)
        keys = KeySet.import_key_set((await first.get("/jwks")).json())

    assert (olgas["scope"], alices["scope"]) == (asked, "openid profile")
    audiences = [
        jwt.decode(tokens["access_token"], keys, algorithms=["RS256"]).claims["aud"] for tokens in (olgas, alices)
    ]
    assert audiences == [["controller", "cartdb", "catalog"], ["controller", "cartdb"]]


async def test_signing_out_with_the_id_token_ends_the_session_and_leads_to_the_shop(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)

    out = await browser.get(
        "/end_session",
        params={
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": f"{SHOP}/shop/",
            "state": "bye",
        },
    )

    assert out.headers["location"] == f"{SHOP}/shop/?state=bye"
    assert "idp_sid" not in browser.cookies
    assert (await browser.get("/authorize", params=request_for(Pkce()))).status_code == 200


async def test_signing_out_without_an_id_token_asks_first(browser: httpx.AsyncClient) -> None:
    await tokens_of(browser)
    asked = {"client_id": "controller", "post_logout_redirect_uri": f"{SHOP}/"}

    question = await browser.get("/end_session", params=asked)
    still = await browser.get("/authorize", params=request_for(Pkce()))
    out = await browser.post(action_of(question), data={**asked, "confirmed": "yes"})

    assert question.status_code == 200
    assert "Sign out here too?" in question.text
    # Browsers hold the redirect that follows a form to the page's form-action.
    assert "form-action 'self' http://shop.test" in question.headers["content-security-policy"]
    assert still.status_code == 303
    assert out.headers["location"] == f"{SHOP}/"
    assert (await browser.get("/authorize", params=request_for(Pkce()))).status_code == 200


async def test_a_client_that_gives_its_refresh_token_back_has_signed_its_user_out_here_too(
    idp: Idp, browser: httpx.AsyncClient
) -> None:
    tokens = await tokens_of(browser)
    async with idp.browser() as other:
        await tokens_of(other)

        revoked = await browser.post("/revoke", data={"token": tokens["refresh_token"]}, auth=CONTROLLER)
        asked = {"client_id": "controller", "post_logout_redirect_uri": f"{SHOP}/shop/"}
        out = await browser.get("/end_session", params=asked)

        assert (revoked.status_code, out.status_code, out.headers["location"]) == (200, 303, f"{SHOP}/shop/")
        assert (await browser.get("/authorize", params=request_for(Pkce()))).status_code == 200
        assert (await other.get("/authorize", params=request_for(Pkce()))).status_code == 303


async def test_a_public_clients_revocation_ends_no_sign_in(browser: httpx.AsyncClient) -> None:
    public = {"client_id": "cli", "redirect_uri": LOOPBACK}
    pkce = Pkce()
    code = redirected(await sign_in(browser, pkce=pkce, **public, scope="openid offline_access"))["code"]
    tokens = (await redeem(browser, code, pkce, auth=None, **public)).json()

    revoked = await browser.post("/revoke", data={"token": tokens["refresh_token"], "client_id": "cli"})

    assert revoked.status_code == 200
    assert (await browser.get("/authorize", params=request_for(Pkce()))).status_code == 303


@pytest.mark.parametrize(
    "uri", [f"{SHOP}/shop", f"{SHOP}/shop/x", "https://evil.test/", f"{SHOP}/shop/?a=b", "//evil.test", "javascript:x"]
)
async def test_signing_out_never_leads_to_an_unregistered_address(browser: httpx.AsyncClient, uri: str) -> None:
    tokens = await tokens_of(browser)

    out = await browser.get(
        "/end_session", params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": uri}
    )

    assert out.status_code == 200
    assert "You are signed out" in out.text
    assert "until you sign out there" in out.text
    assert "location" not in out.headers


@pytest.mark.parametrize("hint", ["garbage", "a.b.c", "access_token", "another user's"])
async def test_a_hint_that_is_not_the_signed_in_users_id_token_signs_nobody_out(idp: Idp, hint: str) -> None:
    async with idp.browser() as browser, idp.browser() as other:
        tokens = await tokens_of(browser)
        hints = {"access_token": tokens["access_token"], "another user's": (await tokens_of(other, "bob"))["id_token"]}

        question = await browser.get("/end_session", params={"id_token_hint": hints.get(hint, hint)})

        assert "Sign out?" in question.text
        assert (await browser.get("/authorize", params=request_for(Pkce()))).status_code == 303


async def test_another_sites_page_cannot_say_yes_to_signing_out(browser: httpx.AsyncClient) -> None:
    await tokens_of(browser)

    answer = await browser.post("/end_session", data={"confirmed": "yes"}, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert (await browser.get("/authorize", params=request_for(Pkce()))).status_code == 303


async def test_nothing_that_signs_somebody_in_is_stored_in_clear(
    browser: httpx.AsyncClient, idp_urls: DatabaseUrls
) -> None:
    pkce = Pkce()
    code = redirected(await sign_in(browser, pkce=pkce))["code"]
    tokens = (await redeem(browser, code, pkce)).json()
    secrets = [
        code,
        tokens["refresh_token"],
        tokens["access_token"],
        tokens["id_token"],
        browser.cookies["idp_sid"],
        browser.cookies["idp_browser"],
        "alice-demo-password",
        pkce.verifier,
        CONTROLLER[1],
    ]

    connection = await asyncpg.connect(idp_urls.app)
    tables = await connection.fetch("SELECT relname FROM pg_stat_user_tables WHERE relname <> 'alembic_version'")
    stored = "".join(
        [
            str(row["whole"])
            for table in tables
            for row in await connection.fetch(f'SELECT t::text AS whole FROM "{table["relname"]}" t')
        ]
    )
    await connection.close()

    assert len(tables) == 9
    assert "alice" in stored
    assert [secret for secret in secrets if secret in stored or secret.encode().hex() in stored] == []
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored
