"""The token endpoint and what comes after: every refusal that the specifications ask for, and the races."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from services.chassis.auth import TokenVerifier
from services.chassis.openid import OpenIdProvider
from services.idp.api import metadata
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.idp import (
    CALLBACK,
    CONTROLLER,
    EDITOR,
    ISSUER,
    SHOP,
    Idp,
    Pkce,
    redeem,
    redirected,
    refresh,
    running,
    service_token,
    sign_in,
    tokens_of,
    userinfo,
)
from tests.serving import with_state


async def introspect(browser: httpx.AsyncClient, token: str, auth: tuple[str, str] = CONTROLLER) -> dict[str, Any]:
    answer = await browser.post("/introspect", data={"token": token}, auth=auth)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def code_of(browser: httpx.AsyncClient, pkce: Pkce, **other: Any) -> str:
    return redirected(await sign_in(browser, pkce=pkce, **other))["code"]


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": f"{CALLBACK}/"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"resource": "https://elsewhere.test"}, "invalid_target"),
    ],
)
async def test_a_wrong_redemption_is_refused_and_the_code_still_good_for_its_owner(
    browser: httpx.AsyncClient, other: dict[str, Any], error: str
) -> None:
    pkce = Pkce()
    code = await code_of(browser, pkce)

    refused = await redeem(browser, code, pkce, **other)

    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert (await redeem(browser, code, pkce)).status_code == 200


async def test_the_challenge_itself_is_no_verifier(browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    code = await code_of(browser, pkce)

    refused = await redeem(browser, code, pkce, code_verifier=pkce.challenge)

    assert refused.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "auth",
    [
        ("controller", "wrong"),
        ("controller", ""),
        ("nobody", "controller-test-secret"),
        ("catalog-editor", "controller-test-secret"),
        None,
    ],
)
async def test_a_client_that_cannot_prove_itself_gets_nothing(
    browser: httpx.AsyncClient, auth: tuple[str, str] | None
) -> None:
    pkce = Pkce()
    code = await code_of(browser, pkce)

    refused = await redeem(browser, code, pkce, auth=auth, client_id=None if auth else "controller")

    assert refused.status_code == 401
    assert refused.json()["error"] == "invalid_client"
    assert refused.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic /////w==", "Bearer x", "Basic Og=="])
async def test_a_broken_authorization_header_is_a_401(browser: httpx.AsyncClient, header: str) -> None:
    answer = await browser.post("/token", data={"grant_type": "refresh_token"}, headers={"Authorization": header})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "other",
    [
        {"client_id": "cli"},
        {"client_secret": "wrong"},
        dict(zip(("client_id", "client_secret"), CONTROLLER, strict=True)),
    ],
)
async def test_a_client_proves_itself_in_one_way_only(browser: httpx.AsyncClient, other: dict[str, str]) -> None:
    tokens = await tokens_of(browser)

    for path, form in (
        ("/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}),
        ("/introspect", {"token": tokens["access_token"]}),
        ("/revoke", {"token": tokens["access_token"]}),
    ):
        answer = await browser.post(path, data={**form, **other}, auth=CONTROLLER)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await refresh(browser, tokens["refresh_token"], client_id="controller")).status_code == 200


async def test_a_client_may_send_its_secret_in_the_form(browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    code = await code_of(browser, pkce)
    client_id, secret = CONTROLLER

    answer = await redeem(browser, code, pkce, auth=None, client_id=client_id, client_secret=secret)

    assert answer.status_code == 200


async def test_another_client_cannot_redeem_a_code_and_does_not_spoil_it(browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    code = await code_of(browser, pkce)

    refused = await redeem(browser, code, pkce, auth=None, client_id="cli")

    assert refused.json()["error"] == "invalid_grant"
    assert (await redeem(browser, code, pkce)).status_code == 200


async def test_a_code_is_good_for_a_minute(idp: Idp, browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    code = await code_of(browser, pkce)

    idp.clock.advance(seconds=61)

    assert (await redeem(browser, code, pkce)).json()["error"] == "invalid_grant"


async def test_a_second_use_of_a_code_is_refused_and_ends_the_tokens_of_the_first(browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    code = await code_of(browser, pkce)
    tokens = (await redeem(browser, code, pkce)).json()
    assert (await introspect(browser, tokens["access_token"]))["active"] is True

    second = await redeem(browser, code, pkce)

    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert (await userinfo(browser, tokens["access_token"])).status_code == 401
    assert await introspect(browser, tokens["access_token"]) == {"active": False}
    assert await introspect(browser, tokens["refresh_token"]) == {"active": False}
    assert (await refresh(browser, tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_of_twenty_simultaneous_redemptions_one_succeeds(idp: Idp, idp_urls: DatabaseUrls) -> None:
    pkce = Pkce()
    async with idp.browser() as browser, running(idp_urls.app) as replica, replica.browser() as other:
        code = await code_of(browser, pkce)

        answers = await asyncio.gather(*(redeem((browser, other)[n % 2], code, pkce) for n in range(20)))

        assert sorted(answer.status_code for answer in answers) == [200, *[400] * 19]
        tokens = next(answer.json() for answer in answers if answer.status_code == 200)
        assert (await refresh(browser, tokens["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials&grant_type=client_credentials", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials&scope=%ff", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials&scope=\xff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(100)), "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
        (b"grant_type=refresh_token&refresh_token=%00", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_is_no_form_is_refused(browser: httpx.AsyncClient, body: bytes, kind: str) -> None:
    for path in ("/token", "/revoke", "/introspect"):
        answer = await browser.post(path, content=body, headers={"Content-Type": kind}, auth=CONTROLLER)

        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_refresh_brings_new_tokens_for_the_same_sign_in(browser: httpx.AsyncClient) -> None:
    first = await tokens_of(browser)

    second = (await refresh(browser, first["refresh_token"])).json()

    keys = KeySet.import_key_set((await browser.get("/jwks")).json())
    then, now = (jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims for tokens in (first, second))
    assert (now["sub"], now["auth_time"], now["aud"]) == (then["sub"], then["auth_time"], then["aud"])
    assert "nonce" not in now
    assert second["refresh_token"] != first["refresh_token"]
    assert (await userinfo(browser, second["access_token"])).json()["sub"] == then["sub"]


async def test_a_second_use_of_a_refresh_token_ends_the_whole_family(browser: httpx.AsyncClient) -> None:
    first = await tokens_of(browser)
    second = (await refresh(browser, first["refresh_token"])).json()

    reused = await refresh(browser, first["refresh_token"])

    assert reused.json()["error"] == "invalid_grant"
    assert (await refresh(browser, second["refresh_token"])).json()["error"] == "invalid_grant"
    for tokens in (first, second):
        assert (await userinfo(browser, tokens["access_token"])).status_code == 401


async def test_a_family_ends_for_good_after_thirty_days(idp: Idp, browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)
    idp.clock.advance(days=29)
    tokens = (await refresh(browser, tokens["refresh_token"])).json()

    idp.clock.advance(days=1, seconds=1)

    assert (await refresh(browser, tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_may_narrow_the_scope_but_not_widen_it(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser, scope="openid profile")

    wider = await refresh(browser, tokens["refresh_token"], scope="openid profile email")
    narrower = await refresh(browser, tokens["refresh_token"], scope="openid")
    restored = await refresh(browser, narrower.json()["refresh_token"])

    assert wider.json()["error"] == "invalid_scope"
    assert narrower.json()["scope"] == "openid"
    assert restored.json()["scope"] == "openid profile"


async def test_another_client_cannot_use_a_refresh_token_and_does_not_end_it(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "cli"}

    refused = await browser.post("/token", data=form)

    assert refused.json()["error"] == "invalid_grant"
    assert (await refresh(browser, tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    ("scope", "audience", "auth"),
    [
        ("cart:guest", "cartdb", CONTROLLER),
        ("cart:checkout", "cartdb", CONTROLLER),
        ("cart:watch", "cartdb", CONTROLLER),
        ("stock:checkout", "catalog", CONTROLLER),
        ("catalog:write", "catalog", EDITOR),
    ],
)
async def test_a_service_token_carries_one_scope_for_one_audience(
    idp: Idp, browser: httpx.AsyncClient, scope: str, audience: str, auth: tuple[str, str]
) -> None:
    reply = (await service_token(browser, scope, auth=auth, resource=audience)).json()

    provider = OpenIdProvider(ISSUER, transport=httpx.ASGITransport(with_state(idp.app, idp.state)))
    caller = await TokenVerifier(provider, audience=audience).verify(reply["access_token"])
    assert (caller.subject, caller.client_id, caller.scopes) == (auth[0], auth[0], frozenset({scope}))
    assert reply.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert reply["expires_in"] == 900


@pytest.mark.parametrize(
    ("scope", "auth"),
    [
        ("cart:guest cart:checkout", CONTROLLER),
        ("catalog:write", CONTROLLER),
        ("operator", CONTROLLER),
        ("openid", CONTROLLER),
        ("", CONTROLLER),
        ("cart:guest ", EDITOR),
        ("cart:guest", EDITOR),
        ("stock:checkout", EDITOR),
    ],
)
async def test_a_service_is_refused_what_is_not_exactly_one_scope_of_its_own(
    browser: httpx.AsyncClient, scope: str, auth: tuple[str, str]
) -> None:
    answer = await service_token(browser, scope, auth=auth)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_a_service_token_is_for_its_audience_alone(browser: httpx.AsyncClient) -> None:
    answer = await service_token(browser, "cart:guest", resource="catalog")

    assert answer.json()["error"] == "invalid_target"


async def test_a_public_client_has_no_tokens_of_its_own(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/token", data={"grant_type": "client_credentials", "client_id": "cli"})

    assert answer.json()["error"] == "invalid_client"


async def test_userinfo_answers_get_and_post_and_only_to_users_tokens(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser, scope="openid")
    plain = await tokens_of(browser, scope="profile", prompt="login")
    service = (await service_token(browser, "cart:guest")).json()

    by_get = await userinfo(browser, tokens["access_token"])
    by_post = await browser.post("/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})

    assert by_get.json() == by_post.json()
    assert by_get.json().keys() == {"sub"}
    assert "id_token" not in plain
    for token in (plain["access_token"], service["access_token"]):
        assert (await userinfo(browser, token)).status_code == 403


@pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "e30.e30.e30", "id_token", "refresh_token", "\u00ff"])
async def test_userinfo_refuses_what_is_not_an_access_token(browser: httpx.AsyncClient, token: str) -> None:
    tokens = await tokens_of(browser)

    header = f"Bearer {tokens.get(token, token)}".encode("latin-1")
    answer = await browser.get("/userinfo", headers={b"Authorization": header})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await browser.get("/userinfo")).status_code == 401


async def test_introspection_tells_what_a_token_is_worth(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)

    access = await introspect(browser, tokens["access_token"])
    renewal = await introspect(browser, tokens["refresh_token"])

    assert access["active"] is True
    assert (access["username"], access["client_id"], access["scope"]) == ("alice", "controller", "openid profile")
    assert (access["token_type"], access["aud"], access["iss"]) == ("Bearer", ["controller", "cartdb"], ISSUER)
    assert (renewal["active"], renewal["token_type"], renewal["sub"]) == (True, "refresh_token", access["sub"])
    assert await introspect(browser, "garbage") == {"active": False}


async def test_introspection_is_for_those_whom_a_token_concerns(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)

    assert await introspect(browser, tokens["access_token"], EDITOR) == {"active": False}
    assert await introspect(browser, tokens["refresh_token"], EDITOR) == {"active": False}
    public = await browser.post("/introspect", data={"token": tokens["access_token"], "client_id": "cli"})
    assert public.json()["error"] == "invalid_client"


async def test_a_revoked_access_token_is_dead_and_its_family_lives(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)

    for _ in range(2):
        answer = await browser.post("/revoke", data={"token": tokens["access_token"]}, auth=CONTROLLER)
        assert answer.status_code == 200

    assert (await userinfo(browser, tokens["access_token"])).status_code == 401
    assert await introspect(browser, tokens["access_token"]) == {"active": False}
    assert (await refresh(browser, tokens["refresh_token"])).status_code == 200


async def test_a_revoked_refresh_token_takes_its_family_along(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)

    revoked = await browser.post(
        "/revoke", data={"token": tokens["refresh_token"], "token_type_hint": "refresh_token"}, auth=CONTROLLER
    )

    assert revoked.status_code == 200
    assert (await refresh(browser, tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await userinfo(browser, tokens["access_token"])).status_code == 401


async def test_revoking_an_unknown_token_agrees_and_a_foreign_one_is_left_alone(browser: httpx.AsyncClient) -> None:
    tokens = await tokens_of(browser)

    unknown = await browser.post("/revoke", data={"token": "garbage"}, auth=CONTROLLER)
    foreign = await browser.post("/revoke", data={"token": tokens["refresh_token"]}, auth=EDITOR)

    assert unknown.status_code == 200
    assert foreign.status_code == 400
    assert (await introspect(browser, tokens["refresh_token"]))["active"] is True


async def test_discovery_names_only_endpoints_that_answer(browser: httpx.AsyncClient) -> None:
    document = (await browser.get("/.well-known/openid-configuration")).json()

    assert document == metadata(ISSUER)
    for name, address in document.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            assert address.startswith(f"{ISSUER}/")
            assert (await browser.post(address)).status_code != 404


async def test_the_published_keys_hold_nothing_private(browser: httpx.AsyncClient) -> None:
    keys = (await browser.get("/jwks")).json()["keys"]

    assert [key.keys() for key in keys] == [{"kty", "n", "e", "kid", "use", "alg"}] * len(keys)
    assert len(keys) >= 1


async def test_two_replicas_that_start_first_at_once_agree_on_one_key(make_database: MakeDatabase) -> None:
    database = (await make_database("idp")).app

    async with running(database) as one, running(database) as two, one.browser() as first, two.browser() as second:
        published = [(await browser.get("/jwks")).json() for browser in (first, second)]
        token = (await service_token(first, "cart:guest")).json()["access_token"]
        seen = await introspect(second, token)

    assert published[0] == published[1]
    assert len(published[0]["keys"]) == 1
    assert seen["active"] is True


async def test_first_starts_race_for_the_key_and_the_database_decides(make_database: MakeDatabase) -> None:
    database = (await make_database("idp")).app

    async def started() -> list[str]:
        async with running(database) as idp, idp.browser() as browser:
            return [key["kid"] for key in (await browser.get("/jwks")).json()["keys"]]

    kids = await asyncio.gather(*(started() for _ in range(4)))

    assert len(kids[0]) == 1
    assert kids == [kids[0]] * 4


async def test_the_next_key_is_published_before_it_signs_and_the_last_one_stays_until_its_tokens_have_ended(
    make_database: MakeDatabase,
) -> None:
    idp_urls = await make_database("idp")
    async with running(idp_urls.app) as idp, idp.browser() as browser:

        async def published() -> list[str]:
            return [key["kid"] for key in (await browser.get("/jwks")).json()["keys"]]

        async def signing() -> str:
            keys = KeySet.import_key_set((await browser.get("/jwks")).json())
            token = (await service_token(browser, "cart:guest")).json()["access_token"]
            return str(jwt.decode(token, keys, algorithms=["RS256"]).header["kid"])

        first = await published()
        idp.clock.advance(days=90)
        announced, still = await published(), await signing()
        idp.clock.advance(hours=1, seconds=61)
        then = await signing()
        both = await published()
        idp.clock.advance(hours=1, seconds=61)
        last = await published()
        idp.clock.advance(days=1)
        await idp.state["provider"].store.sweep()
        connection = await asyncpg.connect(idp_urls.app)
        kept = [row["kid"] for row in await connection.fetch("SELECT kid FROM signing_keys")]
        await connection.close()

    assert len(announced) == 2
    assert announced[0] == first[0] == still
    assert (both, then) == (announced, announced[1])
    assert last == kept == announced[1:]


async def test_pages_of_public_clients_may_ask_for_tokens_and_nobody_may_read_the_sign_in_page(
    browser: httpx.AsyncClient,
) -> None:
    docs, preflight = {"Origin": SHOP}, {"Access-Control-Request-Method": "POST"}

    for path in ("/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"):
        allowed = await browser.options(path, headers={**docs, **preflight})
        refused = await browser.options(path, headers={"Origin": "http://evil.test", **preflight})
        assert allowed.headers["access-control-allow-origin"] == SHOP
        assert "access-control-allow-credentials" not in allowed.headers
        assert "access-control-allow-origin" not in refused.headers
    for path in ("/authorize", "/sign-in", "/introspect", "/revoke", "/end_session"):
        answer = await browser.get(path, headers=docs)
        assert "access-control-allow-origin" not in answer.headers


async def test_what_has_ended_is_swept_away(make_database: MakeDatabase) -> None:
    idp_urls = await make_database("idp")
    async with running(idp_urls.app) as idp, idp.browser() as browser:
        await tokens_of(browser)
        await code_of(browser, Pkce(), prompt="login")
        connection = await asyncpg.connect(idp_urls.app)

        async def rows() -> list[int]:
            tables = ("sessions", "authorization_codes", "token_families", "refresh_tokens")
            return [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]

        before = await rows()
        await idp.state["provider"].store.sweep()
        kept = await rows()
        idp.clock.advance(days=32)
        await idp.state["provider"].store.sweep()
        after = await rows()
        await connection.close()

    assert before == kept == [1, 2, 1, 1]
    assert after == [0, 0, 0, 0]
