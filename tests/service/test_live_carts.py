"""Live carts: every tab and device of an owner sees a change at once, whoever made it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from typing import Any

import asyncpg
import httpx
import pytest
from prometheus_client import REGISTRY

from services.controller import live_api
from tests.conftest import MakeDatabase
from tests.service.idp import SHOP
from tests.service.listening import Listening, listening
from tests.service.sign_in_stand import Browser, Shop, standing

pytestmark = pytest.mark.doors

EVENTS = f"{SHOP}/cart/events"


@pytest.fixture(scope="module")
async def shop(make_database: MakeDatabase) -> AsyncIterator[Shop]:
    """`shop.controller()`, `shop.browser(address)`."""
    async with standing(make_database) as shop:
        yield shop


@pytest.fixture(scope="module")
async def unpolled(shop: Shop) -> AsyncIterator[str]:
    """A controller that has asked once how carts stand and will not ask again: it tells only what it did itself."""
    async with shop.controller() as address, shop.browser(address) as browser:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(live_api, "POLL_SECONDS", 600.0)
            before = polls()
            async with tab(browser), asyncio.timeout(5):
                while polls() == before:  # noqa: ASYNC110 - it is another service
                    await asyncio.sleep(0.02)
        yield address


@pytest.fixture(scope="module")
async def door(shop: Shop, unpolled: str) -> AsyncIterator[str]:
    """A controller, which polls; begun after the other one, whose pause it would take over."""
    async with shop.controller() as address:
        yield address


def polls() -> float:
    return REGISTRY.get_sample_value("live_poll_duration_seconds_count") or 0.0


@asynccontextmanager
async def tab(browser: Browser, **headers: str) -> AsyncIterator[Listening]:
    """One more tab of the browser that listens."""
    async with listening(browser.http, EVENTS, headers) as stream:
        yield stream


@pytest.fixture
async def guest(shop: Shop, door: str) -> AsyncIterator[Browser]:
    """A browser that has looked at its cart and put nothing in."""
    async with shop.browser(door) as browser:
        await browser.http.get(f"{SHOP}/cart")
        yield browser


@pytest.fixture
async def local(shop: Shop, unpolled: str) -> AsyncIterator[Browser]:
    """A guest at the controller that does not poll."""
    async with shop.browser(unpolled) as browser:
        await browser.http.get(f"{SHOP}/cart")
        yield browser


async def test_a_stream_begins_with_the_cart_as_it_is(guest: Browser) -> None:
    await guest.add_apples()

    async with tab(guest) as stream:
        first = await stream.block()
        cart = await stream.cart()

    assert first[0].startswith("retry: ")
    assert cart == (await guest.http.get(f"{SHOP}/cart")).json()
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    assert stream.response.headers["cache-control"] == "no-store"
    assert stream.response.headers["x-accel-buffering"] == "no"
    assert "content-length" not in stream.response.headers


async def test_a_change_in_one_tab_is_seen_in_the_others_without_waiting_for_a_poll(local: Browser) -> None:
    async with tab(local) as one, tab(local) as other:
        assert [await one.apples(), await other.apples()] == [0, 0]

        await local.add_apples()

        assert [await one.apples(), await other.apples()] == [2, 2]


CHANGES: dict[str, Any] = {
    "a line": lambda http, _: http.post(f"{SHOP}/cart/items", json={"sku": "apple"}),
    "a quantity": lambda http, _: http.put(f"{SHOP}/cart/items/apple", json={"quantity": 9}),
    "no line": lambda http, _: http.delete(f"{SHOP}/cart/items/apple"),
    "no lines": lambda http, _: http.delete(f"{SHOP}/cart/items"),
    "a name": lambda http, cart: http.patch(f"{SHOP}/carts/{cart}", json={"name": "Mine"}),
    "another cart": lambda http, _: http.post(f"{SHOP}/carts", json={"name": "Second"}),
    "a deletion": lambda http, cart: http.delete(f"{SHOP}/carts/{cart}"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_change_of_the_cart_is_an_event_with_the_whole_cart(local: Browser, change: str) -> None:
    await local.add_apples()
    async with tab(local) as stream:
        cart_id = (await stream.cart())["cart_id"]

        answer = await CHANGES[change](local.http, cart_id)
        assert answer.is_success, answer.text

        assert await stream.cart() == (await local.http.get(f"{SHOP}/cart")).json()


async def test_a_cart_that_is_made_current_again_is_an_event(local: Browser) -> None:
    await local.add_apples()
    first = (await local.http.get(f"{SHOP}/cart")).json()["cart_id"]
    await local.http.post(f"{SHOP}/carts", json={"name": "Second"})
    async with tab(local) as stream:
        assert (await stream.cart())["name"] == "Second"

        await local.http.post(f"{SHOP}/carts/{first}/activate")

        assert (await stream.cart())["cart_id"] == first


async def test_a_change_at_one_controller_is_seen_at_another_in_under_a_second(shop: Shop, door: str) -> None:
    async with shop.controller() as other_door, shop.browser(door) as phone, shop.browser(other_door) as laptop:
        for browser in (phone, laptop):
            await browser.sign_in()
        assert (await phone.session())["owner"] == (await laptop.session())["owner"]
        async with tab(laptop) as stream:
            before, took = await stream.apples(), []

            for number in (1, 2, 3):
                started = time.monotonic()
                await phone.add_apples()
                assert await stream.apples() == before + 2 * number
                took.append(time.monotonic() - started)

            # Of three, since a machine with other things to do may be late once.
            assert median(took) < 1


async def test_whoever_comes_and_goes_ends_on_the_cart_as_it_is(shop: Shop, door: str) -> None:
    chance = random.Random(20)
    known: dict[str, Any] = {}

    async def follow(browser: Browser) -> None:
        seen: dict[str, str] = {}
        while True:
            async with tab(browser, **seen) as stream:
                for _ in range(chance.randint(1, 3)):
                    event = await stream.event(within=60)
                    assert event is not None
                    seen = {"Last-Event-ID": str(event.id)}
                    known["cart"] = event.data

    async with shop.controller() as other_door, shop.browser(door) as here, shop.browser(other_door) as there:
        await here.add_apples()
        there.http.cookies = here.http.cookies
        following = asyncio.create_task(follow(there))
        for _ in range(40):
            await chance.choice((here, there)).http.put(
                f"{SHOP}/cart/items/apple", json={"quantity": chance.randint(0, 9)}
            )
            await asyncio.sleep(chance.choice((0, 0, 0.02)))
        now = (await here.http.get(f"{SHOP}/cart")).json()

        async with asyncio.timeout(5):
            while known["cart"] != now:  # noqa: ASYNC110 - it is another task's
                await asyncio.sleep(0.02)
        assert not following.done()
        following.cancel()
        await asyncio.wait([following])


async def rows_of(shop: Shop, database_url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(database_url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


async def test_a_guest_who_only_looks_may_listen_and_writes_no_row(shop: Shop, door: str) -> None:
    count = "SELECT count(*) FROM sessions"
    before = await rows_of(shop, shop.controller_urls.app, count)

    async with shop.browser(door) as newcomer, tab(newcomer) as stream:
        cart = await stream.cart()
        assert "sid=" in stream.response.headers["set-cookie"]
        newcomer.http.cookies.update(stream.response.cookies)
        assert (await newcomer.http.get(f"{SHOP}/cart")).json()["cart_id"] == cart["cart_id"]

    assert cart["version"] == 0
    assert await rows_of(shop, shop.controller_urls.app, count) == before


async def test_who_comes_back_hears_of_the_next_change_alone(guest: Browser) -> None:
    await guest.add_apples()
    async with tab(guest) as stream:
        event = await stream.event()
    assert event is not None
    assert event.id is not None

    async with tab(guest, **{"Last-Event-ID": event.id}) as stream:
        assert (await stream.block())[0].startswith("retry: ")
        assert await stream.block() == [":"]
        await guest.add_apples()

        assert await stream.apples() == 4


@pytest.mark.parametrize("of", ["an older version", "a foreign cart"])
async def test_any_other_id_begins_with_the_cart_as_it_is(guest: Browser, of: str) -> None:
    await guest.add_apples()
    cart = (await guest.http.get(f"{SHOP}/cart")).json()
    seen = f"{cart['cart_id']}:{cart['version'] - 1}" if of == "an older version" else f"{FOREIGN}:{cart['version']}"

    async with tab(guest, **{"Last-Event-ID": seen}) as stream:
        assert await stream.cart() == cart


FOREIGN = "0192f0c1-7a3b-8c4d-9e5f-60718293a4b5"
MALFORMED = ["", "7", "cart:7", FOREIGN, f"{FOREIGN}:", f"{FOREIGN}:-1", f"{FOREIGN}:7 8", "x" * 5000, "' OR 1=1--"]
MALFORMED += [f"{FOREIGN}:{'9' * 11}", f"{FOREIGN}:\u0667", "g" * 36 + ":7"]


@pytest.mark.parametrize("seen", MALFORMED, ids=ascii)
async def test_an_id_that_none_of_our_events_had_is_a_clear_problem(guest: Browser, seen: str) -> None:
    headers = [("Last-Event-ID", seen.encode())]

    answer = await guest.http.get(EVENTS, headers=headers)  # type: ignore[arg-type]

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    [error] = answer.json()["errors"]
    assert error["field"] == "header.Last-Event-ID"
    assert "leave it out" in error["message"]


@pytest.mark.parametrize("seen", ["7\x01", "\x7f", "\x1b[31m"], ids=ascii)
async def test_control_characters_in_an_id_are_no_http(guest: Browser, seen: str) -> None:
    headers = [("Last-Event-ID", seen.encode())]

    assert (await guest.http.get(EVENTS, headers=headers)).status_code == 400  # type: ignore[arg-type]
    assert (await guest.http.get(f"{SHOP}/cart")).status_code == 200


async def test_with_a_bearer_token_one_polls(shop: Shop, door: str, guest: Browser) -> None:
    known = len(shop.provider.given)
    async with shop.browser(door) as alice:
        await alice.sign_in()
    statuses = {}

    for bearer in (*shop.provider.given[known:], "nonsense"):
        answer = await guest.http.get(EVENTS, headers={"Authorization": f"Bearer {bearer}"})
        statuses[answer.status_code] = answer.json()["detail"]

    assert set(statuses) == {401, 403}
    assert "read GET /cart" in statuses[403]


async def test_signing_out_ends_the_streams_of_the_browser_and_no_others(shop: Shop, door: str) -> None:
    async with shop.browser(door) as phone, shop.browser(door) as laptop:
        for browser in (phone, laptop):
            await browser.sign_in()
        async with tab(phone) as ended, tab(laptop) as stays:
            for stream in (ended, stays):
                await stream.cart()

            await phone.http.post(f"{SHOP}/logout")
            event = await ended.event()

            assert event is not None
            assert (event.name, "connect again" in event.data["reason"]) == ("session", True)
            assert await ended.event() is None
            await laptop.add_apples()
            assert await stays.apples() >= 2


async def test_signing_in_ends_the_guests_stream_and_the_next_one_has_the_merged_cart(shop: Shop, door: str) -> None:
    async with shop.browser(door) as browser:
        await browser.http.get(f"{SHOP}/cart")
        await browser.add_apples()
        old = {"Cookie": f"sid={browser.http.cookies['sid']}"}
        async with tab(browser) as stream:
            await stream.cart()

            await browser.sign_in()
            names = [event.name for event in [await stream.event(), await stream.event()] if event is not None]

        assert names[-1] == "session"
        async with tab(browser) as stream:
            assert (await stream.cart())["owner"]["name"] == "alice"
        late = await shop_get(door, old)
        assert (late.status_code, late.json()["type"]) == (409, "/docs/problems#session_rotated")


async def shop_get(door: str, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=door) as nobody:
        return await nobody.get("/cart/events", headers=headers)


async def test_a_session_that_another_controller_ended_is_found_by_one_question_for_all(
    shop: Shop, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_api, "CHECK_SECONDS", 0.1)
    async with AsyncExitStack() as opened:
        other_door = await opened.enter_async_context(shop.controller())
        here, there = [await opened.enter_async_context(shop.browser(address)) for address in (door, other_door)]
        await here.sign_in()
        there.http.cookies = here.http.cookies
        stream = await opened.enter_async_context(tab(there))
        await stream.cart()

        await here.http.post(f"{SHOP}/logout")
        event = await stream.event()

        assert event is not None
        assert event.name == "session"


async def test_a_sign_in_at_another_controller_ends_the_guests_stream_as_soon_as_the_lines_move(
    shop: Shop, door: str
) -> None:
    async with AsyncExitStack() as opened:
        other_door = await opened.enter_async_context(shop.controller())
        here, there = [await opened.enter_async_context(shop.browser(address)) for address in (other_door, door)]
        await here.add_apples()
        there.http.cookies = here.http.cookies
        stream = await opened.enter_async_context(tab(here))
        assert await stream.apples() == 2

        await there.sign_in()
        event = await stream.event(within=5)

        assert event is not None
        assert event.name == "session"


async def test_a_controller_refuses_more_streams_than_it_may_have_and_is_well(shop: Shop) -> None:
    async with shop.controller(live_streams=1) as address, shop.browser(address) as browser:
        await browser.http.get(f"{SHOP}/cart")
        async with tab(browser) as stream:
            await stream.cart()

            answer = await browser.http.get(EVENTS)

            assert (answer.status_code, answer.json()["type"]) == (503, "/docs/problems#too_many_streams")
            assert int(answer.headers["retry-after"]) > 0
            assert (await browser.http.get(f"{SHOP}/health/ready")).status_code == 200
        async with asyncio.timeout(5):
            # The controller may not have noticed yet that there is room.
            while await _status(browser) == 503:  # noqa: ASYNC110 - it is another service
                await asyncio.sleep(0.02)


async def _status(browser: Browser) -> int:
    async with browser.http.stream("GET", EVENTS) as answer:
        return answer.status_code


async def test_a_stream_counts_as_quick_as_its_first_byte(guest: Browser, door: str) -> None:
    before = await _durations(door)
    async with tab(guest) as stream:
        await stream.cart()
        await asyncio.sleep(0.6)

    async with asyncio.timeout(5):
        while (after := await _durations(door))[0] == before[0]:  # noqa: ASYNC110 - it is another service
            await asyncio.sleep(0.05)
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]


async def _durations(door: str) -> list[float]:
    """How many streams have ended, and how many of them count as answered within half a second."""
    async with httpx.AsyncClient(base_url=door) as operator:
        lines = (await operator.get("/metrics")).text.splitlines()
    labels = 'method="GET",route="/cart/events"'
    wanted = (f"_count{{{labels}}} ", f'_bucket{{le="0.5",{labels}}} ')
    return [
        sum(float(line.split()[-1]) for line in lines if line.startswith(f"http_request_duration_seconds{name}"))
        for name in wanted
    ]
