"""Signing in with a full cart, through the provider's redirect: by the shop's rule, by the shopper's, at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from services.contracts.carts import MergeStrategy
from services.controller.session import UNDECIDED_SECONDS
from services.controller.signer import Signer, hash_of
from tests.conftest import MakeDatabase
from tests.service.cartdb_client import snapshot_of
from tests.service.idp import CONTROLLER, ISSUER, SHOP, action_of
from tests.service.sign_in_stand import SESSION_SECRET, Browser, Shop, standing

PATIENCE_SECONDS = 20.0
AT_ONCE = 10
ASK = {"merge": "ask"}


@pytest.fixture(scope="module")
async def shop(make_database: MakeDatabase) -> AsyncIterator[Shop]:
    async with standing(make_database) as shop:
        shop.cookies = httpx.Cookies()
        yield shop


@pytest.fixture(scope="module")
async def controller(shop: Shop) -> AsyncIterator[str]:
    """A controller that catches up at once."""
    async with shop.controller(reconcile_after_seconds=0.0, reconcile_every_seconds=0.2) as address:
        yield address


class Visitor(Browser):
    """A browser at the shop, whose user has an account."""

    name = ""

    async def call(self, method: str, path: str, **body: Any) -> httpx.Response:
        return await self.http.request(method, SHOP + path, **body)

    async def read(self, path: str) -> dict[str, Any]:
        answer = await self.call("GET", path)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def add(self, quantity: int) -> None:
        answer = await self.call("POST", "/cart/items", json={"sku": "apple", "quantity": quantity})
        assert answer.status_code == 200, answer.text

    async def sign_up(self, **login: str) -> None:
        self.name = f"u{uuid4().hex[:20]}"
        begun = await self.http.get(f"{SHOP}/login", params=login)
        page = await self.http.get(begun.headers["location"] + "&prompt=create")
        await self.return_by(await self.fill_in(page, self.name))

    async def way_back(self, name: str, password: str | None = None, **login: str) -> httpx.Response:
        """The provider's answer to name and password, of which it asks no more once it knows the browser."""
        begun = await self.http.get(f"{SHOP}/login", params=login)
        assert begun.status_code == 303, begun.text
        page = await self.http.get(begun.headers["location"])
        return page if page.status_code == 303 else await self.fill_in(page, name, password)

    async def fill_in(self, page: httpx.Response, name: str, password: str | None = None) -> httpx.Response:
        form = {"username": name, "password": password or f"{name}-long-password", "email": f"{name}@shop.example"}
        return await self.http.post(ISSUER + action_of(page), data=form)

    async def sign_in_as(self, name: str, **login: str) -> None:
        self.name = name
        await self.return_by(await self.way_back(name, **login))

    async def return_by(self, redirect: httpx.Response) -> None:
        assert redirect.status_code == 303, redirect.text
        back = await self.http.get(redirect.headers["location"])
        assert back.status_code == 303, back.text

    async def decide(self, strategy: str) -> httpx.Response:
        return await self.call("POST", "/merges", json={"strategy": strategy})

    async def has_apples_in_a_while(self, wanted: int) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while (found := await self.apples()) != wanted:
            assert asyncio.get_running_loop().time() < deadline, found
            await asyncio.sleep(0.1)


class Visitors:
    """As many browsers as a test wants."""

    def __init__(self, shop: Shop, controller: str, opened: AsyncExitStack) -> None:
        self._shop, self._controller, self._opened = shop, controller, opened

    async def one(self, *, cookie: str | None = None) -> Visitor:
        browser = await self._opened.enter_async_context(self._shop.browser(self._controller))
        if cookie:
            browser.http.cookies.set("sid", cookie, domain=httpx.URL(SHOP).host, path="/")
        return Visitor(browser.http)

    async def user_with(self, apples: int) -> Visitor:
        user = await self.one()
        await user.sign_up()
        if apples:
            await user.add(apples)
        return user

    async def guest_with(self, apples: int) -> Visitor:
        guest = await self.one()
        await guest.add(apples)
        return guest

    async def asked(self, *, users: int = 3, guests: int = 2) -> tuple[Visitor, Visitor]:
        """A user, and the same user in another browser, who filled a cart there before and is asked about it."""
        user, guest = await self.user_with(users), await self.guest_with(guests)
        await guest.sign_in_as(user.name, **ASK)
        return user, guest


@asynccontextmanager
async def visiting(shop: Shop, controller: str) -> AsyncIterator[Visitors]:
    async with AsyncExitStack() as opened:
        yield Visitors(shop, controller, opened)


@pytest.fixture
async def visitors(shop: Shop, controller: str) -> AsyncIterator[Visitors]:
    async with visiting(shop, controller) as visitors:
        yield visitors


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/docs/problems#")


# --- the shop's rule, and one sign-in's


@pytest.mark.parametrize(
    ("setting", "apples"), [("sum", 5), ("max", 3), ("keep_user", 3), ("keep_guest", 2), ("ask", 3)]
)
async def test_a_sign_in_follows_the_shops_rule_unless_it_names_another(shop: Shop, setting: str, apples: int) -> None:
    async with shop.controller(merge_strategy=setting) as address, visiting(shop, address) as visitors:
        user, guest, other = await visitors.user_with(3), await visitors.guest_with(2), await visitors.guest_with(9)

        await guest.sign_in_as(user.name)

        assert await guest.apples() == apples
        assert (await guest.session())["merge_pending"] is (setting == "ask")
        await other.sign_in_as(user.name, merge="keep_guest")
        assert await other.apples() == 9


async def test_a_controller_of_before_can_read_how_a_sign_in_began(visitors: Visitors) -> None:
    browser = await visitors.one()

    for choice in ({}, ASK, {"merge": "max"}):
        await browser.call("GET", "/login", params=choice)
        flow = Signer(SESSION_SECRET).unseal(browser.http.cookies["signin"])
        assert MergeStrategy(flow["strategy"])

    assert problem(await browser.call("GET", "/login", params={"merge": "all"})) == (422, "validation_failed")


# --- asked first


async def test_who_is_asked_finds_both_carts_as_they_were_and_sees_what_each_answer_would_do(
    visitors: Visitors,
) -> None:
    user, guest = await visitors.asked()

    session, shown = await guest.session(), await guest.read("/merges/preview")
    one = await guest.read("/merges/preview?strategy=max")

    assert (session["merge_pending"], session["merge_id"]) == (True, None)
    assert (await guest.apples(), await user.apples()) == (3, 3)
    assert (await user.session())["merge_pending"] is False
    told = {each["strategy"]: [line["quantity"] for line in each["lines"]] for each in shown["previews"]}
    assert told == {"sum": [5], "max": [3], "keep_user": [3], "keep_guest": [2]}
    assert one == {**shown, "previews": [each for each in shown["previews"] if each["strategy"] == "max"]}
    assert (shown["default_strategy"], shown["cart_id"]) == ("sum", session["cart_id"])
    assert await guest.session() == session


@pytest.mark.parametrize(("strategy", "apples"), [("sum", 5), ("max", 3), ("keep_user", 3), ("keep_guest", 2)])
async def test_a_decision_does_what_its_preview_showed_and_holds(
    visitors: Visitors, strategy: str, apples: int
) -> None:
    user, guest = await visitors.asked()
    shown = await guest.read(f"/merges/preview?strategy={strategy}")

    first, again = await guest.decide(strategy), await guest.decide(strategy)
    other = await guest.decide("max" if strategy != "max" else "sum")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == await guest.read(first.headers["location"])
    assert first.json()["lines"] == shown["previews"][0]["lines"]
    assert await user.apples() == await guest.apples() == apples
    assert problem(other) == (409, "merge_is_decided")
    assert (other.json()["merge_id"], other.json()["strategy"]) == (shown["merge_id"], strategy)
    session = await guest.session()
    assert (session["merge_pending"], session["merge_id"]) == (False, shown["merge_id"])
    assert problem(await guest.call("GET", "/merges/preview")) == (409, "merge_is_decided")


async def test_of_many_decisions_at_once_one_holds_and_the_others_are_told_which(visitors: Visitors) -> None:
    user, guest = await visitors.asked()

    answers = await asyncio.gather(*[guest.decide(strategy) for strategy in [*MergeStrategy] * 3])

    [receipt] = {answer.text for answer in answers if answer.is_success}
    taken = httpx.Response(200, text=receipt).json()
    refused = [answer for answer in answers if not answer.is_success]
    assert len(refused) == 9
    assert {(*problem(each), each.json()["strategy"]) for each in refused} == {
        (409, "merge_is_decided", taken["strategy"])
    }
    assert await user.apples() == taken["lines"][0]["quantity"]


async def test_where_nothing_is_to_be_decided_the_answer_says_so(visitors: Visitors) -> None:
    nobody, user, empty = await visitors.guest_with(1), await visitors.user_with(1), await visitors.one()
    await empty.sign_in_as(user.name, **ASK)

    assert (await empty.session())["merge_pending"] is False
    for visitor in (nobody, user, empty):
        assert problem(await visitor.call("GET", "/merges/preview")) == (404, "merge_not_found")
        assert problem(await visitor.decide("sum")) == (404, "merge_not_found")
    assert problem(await user.decide("ask")) == (422, "validation_failed")
    assert await nobody.apples() == await user.apples() == 1


async def test_the_guest_of_an_open_decision_is_nobody_elses_and_takes_no_more(visitors: Visitors) -> None:
    guest = await visitors.guest_with(2)
    old = guest.http.cookies["sid"]
    late, thief = await visitors.one(cookie=old), await visitors.one(cookie=old)
    await guest.sign_up(**ASK)

    refused = await late.call("POST", "/cart/items", json={"sku": "apple"})
    await thief.sign_up(**ASK)

    assert problem(refused) == (409, "session_rotated")
    assert (await thief.session())["merge_pending"] is False
    assert problem(await thief.decide("sum")) == (404, "merge_not_found")
    assert (await guest.decide("sum")).status_code == 201
    assert (await guest.apples(), await thief.apples()) == (2, 0)


async def test_who_signs_out_undecided_leaves_nothing_behind_for_the_next_user_and_finds_it_all_again(
    visitors: Visitors,
) -> None:
    user, guest = await visitors.asked()

    await guest.call("POST", "/logout")

    next_user = await visitors.one()
    next_user.http.cookies.update(guest.http.cookies)
    assert await next_user.apples() == 0
    await user.has_apples_in_a_while(5)


async def put_back(shop: Shop, visitor: Visitor, seconds: int) -> None:
    """So much time passes after the sign-in."""
    connection = await asyncpg.connect(shop.controller_urls.app)
    ago = "UPDATE sessions SET created_at = created_at - $2 * interval '1 second' WHERE id_hash = $1"
    await connection.execute(ago, hash_of(visitor.http.cookies["sid"]), seconds)
    await connection.close()


async def test_a_decision_that_nobody_makes_for_a_day_is_made_by_the_shops_rule(shop: Shop, visitors: Visitors) -> None:
    user, guest = await visitors.asked()

    await put_back(shop, guest, UNDECIDED_SECONDS)

    await user.has_apples_in_a_while(5)
    late = await guest.decide("max")
    assert problem(late) == (409, "merge_is_decided")
    assert late.json()["strategy"] == "sum"


async def test_signing_in_again_leaves_the_question_open_unless_it_answers_it(visitors: Visitors) -> None:
    user, guest = await visitors.asked()

    await guest.sign_in_as(user.name)
    await guest.sign_in_as(user.name, **ASK)

    assert (await guest.session())["merge_pending"] is True
    assert await user.apples() == 3
    await guest.sign_in_as(user.name, merge="keep_guest")
    assert (await guest.session())["merge_pending"] is False
    assert await user.apples() == 2


async def as_checkout(shop: Shop, owner: str, path: str, **command: Any) -> None:
    """What a checkout does at cartdb."""
    async with httpx.AsyncClient() as client:
        grant = {"grant_type": "client_credentials", "scope": "cart:checkout"}
        token = (await client.post(f"{shop.idp}/token", data=grant, auth=CONTROLLER)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Cart-Owner": owner}
        answer = await client.post(shop.cartdb + path, json=command, headers=headers)
        assert answer.status_code == 200, answer.text


async def test_a_decision_made_while_the_users_cart_is_being_paid_for_waits_for_the_outcome(
    shop: Shop, visitors: Visitors
) -> None:
    user, guest = await visitors.asked()
    cart = await user.read("/cart")
    owner, checkout = cart["owner"]["id"], str(uuid4())
    items = [{**line, "added_price": line["unit_price"]} for line in cart["items"]]
    marking = {"checkout_id": checkout, "version": cart["version"], "fingerprint": "f"}
    await as_checkout(
        shop, owner, f"/carts/{cart['cart_id']}/purchase", **marking, snapshot=snapshot_of({"items": items})
    )

    shown = await guest.read("/merges/preview?strategy=max")
    decided, again = await guest.decide("keep_guest"), await guest.decide("keep_guest")
    other = await guest.decide("sum")

    assert shown["previews"][0]["lines"][0]["quantity"] == 3
    assert (decided.status_code, again.status_code) == (202, 202)
    assert decided.json() == {"merge_id": shown["merge_id"], "strategy": "keep_guest"}
    assert problem(other) == (409, "merge_is_decided")
    assert await user.apples() == 3
    await as_checkout(shop, owner, f"/purchases/{checkout}/unpurchase", reason="abandoned")
    await user.has_apples_in_a_while(2)
    assert (await guest.read(decided.headers["location"]))["strategy"] == "keep_guest"


# --- at once, again, and after a failure


@pytest.mark.parametrize("login", [{}, ASK], ids=["the shop's rule", "ask"])
async def test_ten_sign_ins_at_once_with_one_guests_cart_move_it_once(
    visitors: Visitors, login: dict[str, str]
) -> None:
    user, guest = await visitors.user_with(3), await visitors.guest_with(2)
    tabs = [await visitors.one(cookie=guest.http.cookies["sid"]) for _ in range(AT_ONCE)]
    redirects = await asyncio.gather(*[tab.way_back(user.name, **login) for tab in tabs])

    await asyncio.gather(*[tab.return_by(redirect) for tab, redirect in zip(tabs, redirects, strict=True)])

    if login:
        assert [await tab.apples() for tab in tabs] == [3] * AT_ONCE
        answers = await asyncio.gather(*[tab.decide("sum") for tab in tabs])
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert len({answer.text for answer in answers}) == 1
    assert [await tab.apples() for tab in tabs] == [5] * AT_ONCE


async def test_ten_browsers_of_one_user_who_sign_in_at_once_bring_all_they_hold(visitors: Visitors) -> None:
    user = await visitors.user_with(3)
    browsers = [await visitors.guest_with(2) for _ in range(AT_ONCE)]

    await asyncio.gather(*[browser.sign_in_as(user.name) for browser in browsers])

    assert await user.apples() == 3 + 2 * AT_ONCE


async def test_of_two_users_who_sign_in_at_once_through_one_guest_one_has_its_lines(visitors: Visitors) -> None:
    guest = await visitors.guest_with(2)
    names = [(await visitors.user_with(0)).name for _ in range(2)]
    tabs = [await visitors.one(cookie=guest.http.cookies["sid"]) for _ in names]
    redirects = [await tab.way_back(name) for tab, name in zip(tabs, names, strict=True)]

    await asyncio.gather(*[tab.return_by(redirect) for tab, redirect in zip(tabs, redirects, strict=True)])

    assert sorted([await tab.apples() for tab in tabs]) == [0, 2]


async def test_a_failed_sign_in_and_a_repeated_callback_lose_nothing_of_the_guests(visitors: Visitors) -> None:
    user, guest = await visitors.user_with(3), await visitors.guest_with(2)

    # when: the password is wrong at first
    wrong = await guest.way_back(user.name, "wrong-password")
    still_there = await guest.apples()
    redirect = await guest.way_back(user.name)
    await guest.return_by(redirect)
    again = await guest.http.get(redirect.headers["location"])

    assert (wrong.status_code, still_there) == (400, 2)
    assert problem(again) == (400, "sign_in_failed")
    assert await guest.apples() == 5


async def test_the_next_user_of_a_browser_sees_nothing_of_the_one_before(visitors: Visitors) -> None:
    browser = await visitors.guest_with(2)
    await browser.sign_up()
    await browser.call("POST", "/logout")
    for cookie in list(browser.http.cookies.jar):
        if cookie.domain != httpx.URL(SHOP).host:
            browser.http.cookies.delete(cookie.name, cookie.domain, cookie.path)

    await browser.sign_up(**ASK)

    session = await browser.session()
    assert (session["merge_pending"], session["merge_id"]) == (False, None)
    assert await browser.apples() == 0
