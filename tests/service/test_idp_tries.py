"""Guessing passwords: how many tries there are, from where, over all replicas, and what a failed one gives away."""

import asyncio
import statistics
import time
from collections import Counter

import asyncpg
import httpx
import pytest

from services.idp.tries_store import MOST_BROWSERS
from tests.conftest import DatabaseUrls
from tests.service.idp import Idp, Pkce, action_of, link_to, redirected, request_for, running, sign_in

ELSEWHERE = "198.51.100.200"
TRIES = 4


@pytest.fixture
def idp(one_for_all: Idp) -> Idp:
    """A provider at which nobody has failed lately."""
    one_for_all.clock.advance(minutes=6)
    return one_for_all


async def guess(idp: Idp, username: str, *, address: str, times: int = 1, password: str = "guessed") -> list[int]:
    """The statuses of tries one after another, by a browser that keeps no cookies."""
    statuses = []
    for _ in range(times):
        async with idp.browser(address) as browser:
            statuses.append((await sign_in(browser, username, password=password, pkce=Pkce())).status_code)
    return statuses


async def works(idp: Idp, username: str, *, address: str = ELSEWHERE) -> bool:
    """Whether the right password signs in."""
    return await guess(idp, username, address=address, password=f"{username}-demo-password") == [303]


async def test_after_ten_failures_even_the_right_password_waits_but_others_do_not(idp: Idp) -> None:
    begun = time.monotonic()
    assert await guess(idp, "bob", address="198.51.100.1", times=10) == [400] * 10

    async with idp.browser("198.51.100.1") as browser:
        blocked = await sign_in(browser, "bob", pkce=Pkce())
    spent = time.monotonic() - begun

    assert blocked.status_code == 429
    assert 299 - spent <= int(blocked.headers["retry-after"]) <= 300
    assert "Too many wrong passwords. Try again in " in blocked.text
    assert await works(idp, "olga", address="198.51.100.1")
    assert await works(idp, "bob", address="198.51.100.2")
    idp.clock.advance(minutes=5, seconds=1)
    assert await works(idp, "bob", address="198.51.100.1")


async def test_only_failures_count_and_a_success_forgets_them(idp: Idp) -> None:
    for _ in range(3):
        assert await guess(idp, "bob", address="198.51.100.3", times=9) == [400] * 9
        assert await works(idp, "bob", address="198.51.100.3")


async def test_replicas_count_together(idp: Idp, idp_urls: DatabaseUrls) -> None:
    async with running(idp_urls.app) as other:
        other.clock.ahead = idp.clock.ahead
        assert await guess(idp, "bob", address="198.51.100.4", times=5) == [400] * 5
        assert await guess(other, "bob", address="198.51.100.4", times=5) == [400] * 5

        assert not await works(idp, "bob", address="198.51.100.4")
        assert not await works(other, "bob", address="198.51.100.4")


async def test_thirty_passwords_at_once_are_ten_tries(idp: Idp) -> None:
    wrong = [guess(idp, "bob", address="198.51.100.5") for _ in range(30)]

    answers = [status for statuses in await asyncio.gather(*wrong) for status in statuses]

    assert Counter(answers) == {400: 10, 429: 20}
    assert not await works(idp, "bob", address="198.51.100.5")


@pytest.mark.parametrize("unblocked", ["olga", "nobody-at-all"])
async def test_many_addresses_do_not_get_beyond_a_hundred_tries_of_one_account(idp: Idp, unblocked: str) -> None:
    target = "bob" if unblocked == "olga" else "stranger"
    tries = [guess(idp, target, address=f"203.0.113.{number}", times=8) for number in range(14)]

    answers = [status for statuses in await asyncio.gather(*tries) for status in statuses]

    assert Counter(answers) == {400: 100, 429: 12}
    assert await guess(idp, target, address=ELSEWHERE) == [429]
    assert await guess(idp, unblocked, address=ELSEWHERE) == [400]


async def test_one_address_does_not_get_beyond_a_hundred_tries_of_any_accounts(idp: Idp) -> None:
    tries = [guess(idp, f"shopper-{number}", address="198.51.100.6") for number in range(110)]

    answers = [status for statuses in await asyncio.gather(*tries) for status in statuses]

    assert Counter(answers) == {400: 100, 429: 10}
    assert not await works(idp, "alice", address="198.51.100.6")
    assert await works(idp, "alice", address="198.51.100.7")


async def test_strangers_cannot_lock_a_shopper_out_of_the_browser_they_know(idp: Idp) -> None:
    async with idp.browser("198.51.100.8") as own:
        redirected(await sign_in(own, "bob", pkce=Pkce()))
        tries = [guess(idp, "bob", address=f"203.0.113.{number}", times=8) for number in range(13)]
        await asyncio.gather(*tries, guess(idp, "bob", address="198.51.100.8", times=8))
        assert not await works(idp, "bob")

        for _ in range(3):
            redirected(await sign_in(own, "bob", pkce=Pkce(), prompt="login"))

        # What knows the browser of one account says nothing of another, and is no leave to guess.
        own_tries = [await sign_in(own, "bob", password="guessed", pkce=Pkce(), prompt="login") for _ in range(11)]
        assert [answer.status_code for answer in own_tries] == [400] * 10 + [429]


async def test_the_cookie_of_one_account_is_no_leave_to_guess_at_another(idp: Idp) -> None:
    async with idp.browser("198.51.100.9") as attacker:
        redirected(await sign_in(attacker, "bob", pkce=Pkce()))
        assert await guess(idp, "alice", address="198.51.100.9", times=10) == [400] * 10

        answer = await sign_in(attacker, "alice", password="guessed", pkce=Pkce(), prompt="login")

    assert answer.status_code == 429


async def test_a_cookie_that_somebody_put_there_is_replaced_at_the_sign_in(idp: Idp) -> None:
    async with idp.browser("198.51.100.10") as victim:
        victim.cookies.set("idp_browser", "planted", domain="idp.test")
        await sign_in(victim, "bob", pkce=Pkce())

        assert victim.cookies["idp_browser"] != "planted"


async def test_of_an_account_the_browsers_seen_last_are_known(idp: Idp, idp_urls: DatabaseUrls) -> None:
    for _ in range(MOST_BROWSERS + 3):
        idp.clock.advance(seconds=1)
        assert await works(idp, "olga")
    async with idp.browser("198.51.100.60") as newest:
        assert (await sign_in(newest, "olga", pkce=Pkce())).status_code == 303
        await guess(idp, "olga", address="198.51.100.60", times=10)

        assert (await sign_in(newest, "olga", pkce=Pkce(), prompt="login")).status_code == 303

    connection = await asyncpg.connect(idp_urls.app)
    known = await connection.fetchval("SELECT count(*) FROM known_browsers WHERE username = 'olga'")
    await connection.close()
    assert known == MOST_BROWSERS


async def test_a_whole_ipv6_network_counts_as_one_address(idp: Idp) -> None:
    for number in range(10):
        assert await guess(idp, "bob", address=f"2001:db8:1:1::{number:x}") == [400]

    assert not await works(idp, "bob", address="2001:db8:1:1:ffff::1")
    assert await works(idp, "bob", address="2001:db8:1:2::1")


async def test_what_was_typed_for_a_username_is_counted_and_not_kept(idp: Idp, idp_urls: DatabaseUrls) -> None:
    assert await guess(idp, "my-secret-password", address="198.51.100.14") == [400]

    connection = await asyncpg.connect(idp_urls.app)
    kept = await connection.fetch("SELECT username FROM sign_in_failures WHERE address = '198.51.100.14'")
    await connection.close()
    assert len(kept) == 2
    assert "my-secret-password" not in str(kept)


async def test_a_new_account_does_not_inherit_the_failures_of_its_name(idp: Idp) -> None:
    assert await guess(idp, "newcomer", address="198.51.100.11", times=10) == [400] * 10

    async with idp.browser("198.51.100.11") as browser:
        page = await browser.get("/authorize", params=request_for(Pkce()))
        form = await browser.get(link_to(page, "/sign-up"))
        back = await browser.post(action_of(form), data={"username": "newcomer", "password": "correct horse"})

    assert redirected(back).keys() == {"code", "state", "iss"}


async def test_an_unknown_name_costs_the_same_time_and_says_the_same(idp: Idp) -> None:
    told: dict[str, set[tuple[str, ...]]] = {"alice": set(), "stray": set()}

    # A machine has other things to do: a difference that is real shows every time.
    async with idp.browser("198.51.100.12") as browser:
        measured = [await medians(idp, browser, told)]
        while not alike(*measured[-1]) and len(measured) < TRIES:
            measured.append(await medians(idp, browser, told))

    assert alike(*measured[-1]), measured
    assert told["alice"] == told["stray"]
    assert len(told["alice"]) == 1


async def medians(idp: Idp, browser: httpx.AsyncClient, told: dict[str, set[tuple[str, ...]]]) -> list[float]:
    """Seconds of a wrong password for each name, of a hundred asked in turn."""
    spent: dict[str, list[float]] = {username: [] for username in told}
    action = action_of(await browser.get("/authorize", params=request_for(Pkce())))
    for number in range(100):
        if number % 9 == 0:
            idp.clock.advance(minutes=6)
        for username, seconds in spent.items():
            begun = time.perf_counter()
            answer = await browser.post(action, data={"username": username, "password": "guessed"})
            seconds.append(time.perf_counter() - begun)
            told[username].add(everything_of(answer, username))
    return [statistics.median(seconds) for seconds in spent.values()]


def alike(known: float, unknown: float) -> bool:
    return abs(known - unknown) < 0.15 * max(known, unknown)


def everything_of(answer: httpx.Response, username: str) -> tuple[str, ...]:
    """Status, headers and body, without what differs in any two answers."""
    headers = [f"{name}: {value}" for name, value in answer.headers.items() if name != "x-request-id"]
    return (str(answer.status_code), *headers, answer.text.replace(f'value="{username}"', "", 1))


async def test_what_was_counted_is_forgotten_in_the_end(idp: Idp, idp_urls: DatabaseUrls) -> None:
    async def left() -> list[int]:
        connection = await asyncpg.connect(idp_urls.app)
        tables = ("sign_in_failures", "known_browsers")
        counted = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
        await connection.close()
        return counted

    assert await works(idp, "bob")
    assert await guess(idp, "bob", address="198.51.100.13") == [400]
    await idp.state["provider"].tries.sweep()
    kept = await left()
    idp.clock.advance(minutes=6)
    await idp.state["provider"].tries.sweep()
    browsers = await left()
    idp.clock.advance(days=181)
    await idp.state["provider"].tries.sweep()

    assert (kept[0], kept[1] > 0) == (3, True)
    assert browsers == [0, kept[1]]
    assert await left() == [0, 0]
