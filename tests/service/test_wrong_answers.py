"""A provider that answers wrongly, as OpenID's plans for relying parties have it, and what becomes of a sign-in."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.contracts.identity import owner_id_of
from services.idp.alterations import ALTERATIONS, SOMEBODY
from services.local.settings import REPOSITORY
from tests.conftest import MakeDatabase
from tests.service.idp import CONTROLLER, ISSUER, SHOP
from tests.service.sign_in_stand import FAULTS, PAGE, SESSION_SECRET, Browser, Log, Shop, standing

pytestmark = pytest.mark.doors

FAILED, INTERRUPTED = 400, 503
ABOUT_KEYS = ("jwks_", "id_token_kid_", "id_token_unknown_kid", "id_token_new_key")

REFUSED = {
    "id_token_alg_none": FAILED,
    "id_token_wrong_signature": FAILED,
    "id_token_hs256_client_secret": FAILED,
    "id_token_hs256_public_key": FAILED,
    "id_token_kid_absent_of_several": FAILED,
    "id_token_unknown_kid": FAILED,
    "id_token_wrong_iss": FAILED,
    "id_token_wrong_aud": FAILED,
    "id_token_several_aud_without_azp": FAILED,
    "id_token_several_aud_wrong_azp": FAILED,
    "id_token_wrong_azp": FAILED,
    "id_token_wrong_nonce": FAILED,
    "id_token_missing_nonce": FAILED,
    "id_token_missing_sub": FAILED,
    "id_token_empty_sub": FAILED,
    "id_token_unstorable_sub": FAILED,
    "id_token_missing_iat": FAILED,
    "id_token_missing_exp": FAILED,
    "id_token_expired": FAILED,
    "id_token_not_yet": FAILED,
    "id_token_wrong_at_hash": FAILED,
    "id_token_is_access_token": FAILED,
    "id_token_garbage": FAILED,
    "id_token_absent": FAILED,
    "token_type_not_bearer": INTERRUPTED,
    "token_expires_never": INTERRUPTED,
    "token_redirect": FAILED,
    "token_failure": INTERRUPTED,
    "token_html": INTERRUPTED,
    "token_huge": INTERRUPTED,
    "token_not_an_object": INTERRUPTED,
    "userinfo_another_sub": FAILED,
    "userinfo_missing_sub": FAILED,
    "jwks_empty": INTERRUPTED,
    "jwks_garbage": INTERRUPTED,
    "jwks_html": INTERRUPTED,
    "jwks_huge": INTERRUPTED,
    "callback_wrong_iss": FAILED,
    "callback_missing_iss": FAILED,
    "callback_wrong_state": FAILED,
    "callback_missing_state": FAILED,
    "callback_missing_code": FAILED,
    "callback_wrong_code": FAILED,
    "callback_repeated_code": FAILED,
    "callback_error": FAILED,
    "callback_error_wrong_state": FAILED,
}
"""What the controller answers to the callback."""

TAKEN = {
    "id_token_kid_absent": "alice",
    "id_token_new_key": "alice",
    "id_token_without_profile": "alice",
    "id_token_unstorable_name": "Alice" + "x" * 95,
    "userinfo_html": None,
}
"""What the controller calls who signed in."""

NOT_SEEN_AT_SIGN_IN = {
    "id_token_wrong_sub": "at a sign-in it is just another user; at a refresh it is not",
    "token_expires_at_once": "renewed before the first use",
    "discovery_another_issuer": "before any sign-in: test_start_up.py's kind of end",
    "discovery_missing_issuer": "likewise",
    "discovery_without_endpoints": "nobody can be sent anywhere",
}
"""Answers that tests of their own are about."""


@pytest.fixture(scope="module")
async def shop(make_database: MakeDatabase) -> AsyncIterator[Shop]:
    async with standing(make_database) as shop:
        yield shop


@pytest.fixture(scope="module")
async def lasting(shop: Shop) -> AsyncIterator[str]:
    """The controller of all tests that leave its memory of the provider's keys as it was."""
    async with shop.controller() as address:
        yield address


@pytest.fixture
async def controller(shop: Shop, lasting: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The controller for a test; what is about keys needs one that remembers none."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    async with AsyncExitStack() as opened:
        await shop.script()
        about_keys = str(parameters.get("answer")).startswith(ABOUT_KEYS)
        yield await opened.enter_async_context(shop.controller()) if about_keys else lasting
        await shop.script()


@pytest.fixture
async def guest(shop: Shop, controller: str) -> AsyncIterator[Browser]:
    """A guest with two apples in the cart, whom the provider asks for no password."""
    async with shop.browser(controller) as browser:
        await browser.add_apples()
        yield browser


def wrong(answer: str, **scope: Any) -> dict[str, Any]:
    return {"effect": {"name": "wrong_answer", "answer": answer, **scope}}


def rules_of(answer: str) -> list[dict[str, Any]]:
    """The rules that make a sign-in meet the answer: userinfo is asked only for what the ID token leaves out."""
    before = [wrong("id_token_without_profile")] if answer.startswith("userinfo_") else []
    # Keys are asked for up to three times.
    return [*before, {**wrong(answer), "times": None if answer.startswith("jwks_") else 1}]


@pytest.mark.parametrize(("answer", "status"), REFUSED.items(), ids=REFUSED)
async def test_a_wrong_answer_signs_nobody_in_and_the_next_sign_in_works(
    shop: Shop, guest: Browser, answer: str, status: int
) -> None:
    before, given = await shop.kept(), len(shop.provider.given)
    await shop.script(*rules_of(answer))

    with Log() as log:
        callback = await guest.back_from_provider()
        page = await guest.http.get(callback, headers=PAGE)

    assert (page.status_code, all(await shop.hits())) == (status, True), page.text
    assert "Sign in again" in page.text
    assert 'href="/login?' in page.text
    assert (await guest.session())["signed_in"] is False
    assert await guest.apples() == 2
    assert await shop.kept() == before
    written = "\n".join([page.text, str(page.headers), *log.lines])
    code = parse_qs(urlsplit(callback).query).get("code", ["a callback without one"])[0]
    secrets = [*shop.provider.given[given:], code, CONTROLLER[1], SESSION_SECRET]
    assert [secret for secret in secrets if secret in written] == []

    await shop.script()
    assert (await guest.sign_in()).status_code == 303
    assert (await guest.session())["signed_in"] is True
    assert await guest.apples() == 2


@pytest.mark.parametrize(("answer", "name"), TAKEN.items(), ids=TAKEN)
async def test_an_unusual_answer_that_is_right_signs_in(
    shop: Shop, guest: Browser, answer: str, name: str | None
) -> None:
    await shop.script(*rules_of(answer))

    back = await guest.sign_in()

    assert (back.status_code, set(await shop.hits())) == (303, {1})
    session = await guest.session()
    assert (session["signed_in"], session["owner"]["name"]) == (True, name)
    assert await guest.apples() == 2


def test_every_wrong_answer_is_tried_and_told_in_the_paper() -> None:
    paper = (REPOSITORY / "docs" / "bad-days.md").read_text()

    assert {*REFUSED, *TAKEN, *NOT_SEEN_AT_SIGN_IN} == set(ALTERATIONS)
    assert [answer for answer in ALTERATIONS if f"| `{answer}` |" not in paper] == []


async def test_keys_that_change_between_sign_ins_are_found_at_once_and_unknown_ones_are_looked_for_once(
    shop: Shop,
) -> None:
    async with shop.controller() as controller, shop.browser(controller) as visitor:
        await shop.script({**wrong("id_token_new_key"), "times": 2})
        rotated = [(await visitor.sign_in()).status_code for _ in range(3)]
        fetched = shop.asked("/jwks")
        await shop.script({**wrong("id_token_unknown_kid"), "times": 20})
        unknown = [(await visitor.sign_in()).status_code for _ in range(20)]

        assert rotated == [303, 303, 303]
        assert unknown == [FAILED] * 20
        assert shop.asked("/jwks") - fetched == 1
        assert (await visitor.sign_in()).status_code == 303


# --- renewed tokens


@pytest.mark.parametrize(
    "answer",
    [
        "id_token_wrong_iss",
        "id_token_wrong_sub",
        "id_token_wrong_aud",
        "id_token_wrong_signature",
        "id_token_wrong_azp",
        "id_token_missing_iat",
        "id_token_wrong_at_hash",
        "token_type_not_bearer",
    ],
)
async def test_renewed_tokens_that_are_not_the_users_end_the_session(shop: Shop, guest: Browser, answer: str) -> None:
    before = await shop.kept()
    await shop.script(wrong("token_expires_at_once", grant="authorization_code"), wrong(answer, grant="refresh_token"))
    back = await guest.sign_in()

    session = await guest.session()

    assert (back.status_code, await shop.hits()) == (303, [1, 1])
    assert session["signed_in"] is False
    assert await shop.kept() == before


@pytest.mark.parametrize("answer", [None, "id_token_absent", "id_token_missing_nonce", "id_token_new_key"])
async def test_renewed_tokens_of_the_same_user_are_kept(shop: Shop, guest: Browser, answer: str | None) -> None:
    renewed = [wrong(answer, grant="refresh_token")] if answer else []
    await shop.script(wrong("token_expires_at_once", grant="authorization_code"), *renewed)
    await guest.sign_in()

    sessions = [await guest.session() for _ in range(2)]

    assert [session["signed_in"] for session in sessions] == [True, True]
    assert set(await shop.hits()) == {1}


# --- whom a rule is for


@pytest.mark.parametrize("scope", [{"client": "cli"}, {"username": "bob"}, {"grant": "refresh_token"}])
async def test_a_rule_leaves_alone_whom_it_is_not_for(shop: Shop, guest: Browser, scope: dict[str, str]) -> None:
    await shop.script(wrong("id_token_alg_none", **scope))

    assert (await guest.sign_in()).status_code == 303
    assert await shop.hits() == [0]


@pytest.mark.parametrize("answer", ["id_token_alg_none", "userinfo_another_sub", "callback_missing_iss"])
async def test_a_rule_meets_whom_it_is_for(shop: Shop, guest: Browser, answer: str) -> None:
    client = {} if answer.startswith("userinfo") else {"client": "controller"}
    user = {} if answer.startswith("callback") else {"username": "alice"}
    *before, rule = rules_of(answer)
    rule["effect"] |= {**client, **user}
    await shop.script(*before, rule)

    assert (await guest.sign_in()).status_code == FAILED


async def test_a_wrong_answer_that_is_misspelt_is_refused(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.idp) as client:
        answer = await client.put(FAULTS, json={"rules": [wrong("id_token_alg_nine")]})

    assert answer.status_code == 422
    assert "docs/bad-days.md" in answer.json()["detail"]


# --- metadata


@pytest.mark.parametrize("answer", ["discovery_another_issuer", "discovery_missing_issuer"])
async def test_a_controller_whose_provider_has_another_issuer_ends_and_says_so_once(shop: Shop, answer: str) -> None:
    await shop.script({**wrong(answer), "times": None})
    settings = {name.upper(): str(value) for name, value in shop.controller_settings(environment="test").items()}

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.chassis.serve", "controller", "0"),
        env=settings,
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        written, errors = (stream.decode() for stream in await process.communicate())
    await shop.script()

    said = [line for line in written.splitlines() if '"level": "critical"' in line]
    assert process.returncode != 0
    assert len(said) == 1, written
    assert "the provider has another issuer" in said[0]
    assert ISSUER in said[0]
    assert [secret for secret in (CONTROLLER[1], SESSION_SECRET) if secret in written + errors] == []


async def test_metadata_without_endpoints_is_not_kept(shop: Shop) -> None:
    await shop.script({**wrong("discovery_without_endpoints"), "times": None})
    async with shop.controller() as controller, shop.browser(controller) as visitor:
        sent = await visitor.http.get(f"{SHOP}/login", headers=PAGE)
        await shop.script()

        assert sent.status_code == INTERRUPTED
        assert (await visitor.sign_in()).status_code == 303


# --- callbacks that were made for somebody else


async def test_a_callback_of_another_browser_signs_nobody_in(shop: Shop, controller: str, guest: Browser) -> None:
    """The login of whoever made the callback must not become the victim's."""
    async with shop.browser(controller) as attacker:
        theirs = await attacker.back_from_provider()
        own = await guest.back_from_provider()
        mixed = own.replace(code_of(own), code_of(theirs))

        answers = [await guest.http.get(callback, headers=PAGE) for callback in (theirs, own, mixed)]

    # The first answer ended the attempt that the browser remembered, so its own callback is refused too.
    assert [answer.status_code for answer in answers] == [FAILED] * 3
    assert (await guest.session())["signed_in"] is False
    assert await guest.apples() == 2


async def test_a_code_of_another_browser_is_no_good_under_the_own_state(
    shop: Shop, controller: str, guest: Browser
) -> None:
    async with shop.browser(controller) as attacker:
        theirs = await attacker.back_from_provider()
    own = await guest.back_from_provider()

    answer = await guest.http.get(own.replace(code_of(own), code_of(theirs)), headers=PAGE)

    assert answer.status_code == FAILED
    assert (await guest.session())["signed_in"] is False


async def test_a_replayed_callback_signs_nobody_in_even_with_the_cookie_of_the_attempt(
    shop: Shop, controller: str, guest: Browser
) -> None:
    callback = await guest.back_from_provider()
    async with shop.browser(controller) as thief:
        thief.http.cookies.set("signin", guest.http.cookies["signin"], domain="shop.test", path="/")
        first = await guest.http.get(callback)
        again = [await browser.http.get(callback) for browser in (guest, thief)]

        assert (first.status_code, [answer.status_code for answer in again]) == (303, [FAILED, FAILED])
        assert (await thief.session())["signed_in"] is False


# --- who is who


async def test_two_accounts_with_one_e_mail_address_are_two_owners(shop: Shop, controller: str) -> None:
    owners = set()
    async with AsyncExitStack() as opened:
        for name in ("twin-one", "twin-two"):
            browser = await opened.enter_async_context(shop.browser(controller))
            browser.http.cookies.clear()
            await browser.http.get(await browser.signed_up(name, email="twins@example.com"))
            session = await browser.session()
            assert session["owner"]["name"] == name
            owners.add(session["owner"]["id"])

    kept = {(issuer, subject) for issuer, subject, name in await shop.kept() if str(name).startswith("twin-")}
    assert len(owners) == 2
    assert owners == {owner_id_of(issuer, subject) for issuer, subject in kept}


def test_one_subject_at_two_providers_is_two_owners() -> None:
    assert owner_id_of(ISSUER, SOMEBODY) != owner_id_of("https://other.example", SOMEBODY)


def code_of(callback: str) -> str:
    return parse_qs(urlsplit(callback).query)["code"][0]
