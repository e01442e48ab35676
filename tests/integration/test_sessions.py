"""Sessions, sign-in, sign-out and the guest's cart, as a browser and a thief would try them."""

import asyncio
import base64
import hmac
import secrets
import time
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.controller.session import GUEST_IS_QUIET_SECONDS, MAX_AGE_SECONDS, ROTATED_SECONDS, ROWLESS_SECONDS
from services.controller.signer import Signer, hash_of
from tests.integration.browser_world import FOREIGN, replay
from tests.integration.shop_client import Shop, Shopper, at_once, eventually, problem_type
from tests.stacks import RunningStack

PARALLEL = 8
VISITORS = 20


def with_cookie(shop: Shop, cookie: str) -> Shopper:
    """A browser that sends this cookie and no other, until it is given one."""
    browser = shop.browser()
    browser.cookies.set("sid", cookie, domain="localhost.local", path="/")
    return Shopper(browser)


def signed(shop: Shop, *, age: float) -> str:
    """A session id that the shop itself could have given out so long ago."""
    signer = Signer(shop.stack.secrets["SESSION_SECRET"])
    body = f"{secrets.token_urlsafe(32)}.{int(time.time() - age)}"
    return f"{body}.{signer._signature(body)}"


def cookie_of(answer: httpx.Response) -> str | None:
    """The session that the answer gives out."""
    return answer.cookies.get("sid")


# --- cookies


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(shop: Shop) -> None:
    answer = shop.browser().get(f"{shop.stack.url}/cart")

    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith("sid=")
    assert set(attributes) == {"Path=/", f"Max-Age={MAX_AGE_SECONDS}", "HttpOnly", "SameSite=Lax"}


@pytest.mark.parametrize("path", ["/cart", "/session", "/shop/", "/shop/cart"])
def test_the_first_answer_gives_a_session_and_later_ones_keep_it(shop: Shop, path: str) -> None:
    guest = shop.guest()

    first = guest.http.get(path)
    second = guest.http.get(path)

    assert cookie_of(first)
    assert "set-cookie" not in second.headers


def altered(cookie: str) -> dict[str, str]:
    body, _, signature = cookie.rpartition(".")
    random, _, issued = body.partition(".")
    guessed = hmac.digest(b"sample", body.encode(), "sha256")
    return {
        "nothing": "",
        "a word": "apple",
        "dots": "...",
        "no signature": f"{body}.",
        "only the random part": random,
        "another signature": f"{body}.{'A' * len(signature)}",
        "a signature by a guessed secret": f"{body}.{base64.urlsafe_b64encode(guessed).decode().rstrip('=')}",
        "made younger": f"{random}.{int(issued) + 3600}.{signature}",
        "another random part": f"{secrets.token_urlsafe(32)}.{issued}.{signature}",
        "cut": cookie[:-1],
        "longer": cookie + "A",
        "beyond Latin": "%E2%98%83.1.%E2%98%83",
        "endless": "a" * 4000,
        "another scheme": base64.urlsafe_b64encode(b'{"cart_id": 1}').decode(),
    }


def test_a_forged_cookie_gets_a_clean_cart_and_a_new_cookie(shop: Shop) -> None:
    guest = shop.guest()
    guest.add("apple")
    mine = guest.cart()

    for what, cookie in altered(guest.cookie).items():
        for path in ("/cart", "/session", "/carts"):
            answer = replay(shop, cookie, path)
            assert answer.status_code == 200, what
            assert cookie_of(answer) not in (None, cookie, guest.cookie), what
        found = replay(shop, cookie).json()
        assert (found["items"], found["version"]) == ([], 0), what
        assert found["cart_id"] != mine["cart_id"], what
        assert found["owner"]["id"] != mine["owner"]["id"], what
        page = replay(shop, cookie, "/shop/cart")
        assert page.status_code == 200, what

    assert guest.cart() == mine


def test_a_change_with_a_forged_cookie_goes_into_a_clean_cart(shop: Shop) -> None:
    guest = shop.guest()
    guest.add("apple")
    forger = with_cookie(shop, guest.cookie[:-1])

    forger.add("banana")

    assert forger.cookie != guest.cookie
    assert forger.lines() == {"banana": 1}
    assert guest.lines() == {"apple": 1}


def test_an_id_that_somebody_chose_is_never_adopted(shop: Shop) -> None:
    chosen = with_cookie(shop, "chosen-by-an-attacker")

    chosen.add("apple")

    assert chosen.cookie != "chosen-by-an-attacker"
    assert replay(shop, "chosen-by-an-attacker").json()["items"] == []


def test_an_expired_cookie_gets_a_clean_cart_and_a_new_cookie(shop: Shop) -> None:
    young, old = signed(shop, age=ROWLESS_SECONDS - 60), signed(shop, age=ROWLESS_SECONDS + 1)

    kept, expired = replay(shop, young), replay(shop, old)

    assert (kept.status_code, cookie_of(kept)) == (200, None)
    assert expired.status_code == 200
    assert cookie_of(expired) not in (None, old)


async def test_a_session_unused_for_too_long_ends_although_it_has_a_row(shop: Shop) -> None:
    cookie, unused = signed(shop, age=60), MAX_AGE_SECONDS + 1
    await shop.rows(
        "controller",
        "INSERT INTO sessions (id_hash, guest_owner, seen_at) VALUES ($1, $2, now() - $3 * interval '1 second')",
        hash_of(cookie),
        f"guest:{uuid.uuid4()}",
        unused,
    )

    answer = replay(shop, cookie)

    assert answer.status_code == 200
    assert cookie_of(answer) not in (None, cookie)


async def test_a_visitor_who_only_looks_writes_nothing(shop: Shop) -> None:
    visitor = shop.guest()
    cart = visitor.cart()

    for path in ("/session", "/cart", "/carts", "/orders", "/products", "/shop/", "/shop/cart", "/shop/orders"):
        assert visitor.http.get(path).status_code == 200
    assert visitor.http.get(f"/carts/{cart['cart_id']}").json() == cart

    assert (cart["version"], cart["created_at"]) == (0, None)
    assert visitor.read("/carts")["carts"] == []
    owner = cart["owner"]["id"]
    assert await shop.rows("controller", "SELECT 1 FROM sessions WHERE id_hash = $1", hash_of(visitor.cookie)) == []
    assert await shop.rows("cartdb", "SELECT 1 FROM shoppers WHERE owner_id = $1", owner) == []
    assert await shop.rows("cartdb", "SELECT 1 FROM carts WHERE owner_id = $1", owner) == []


async def test_the_first_change_keeps_the_cart_that_was_looked_at(shop: Shop) -> None:
    visitor = shop.guest()
    looked_at = visitor.cart()

    changed = visitor.add("apple")

    assert (changed["cart_id"], changed["owner"]) == (looked_at["cart_id"], looked_at["owner"])
    assert len(await shop.rows("controller", "SELECT 1 FROM sessions WHERE id_hash = $1", hash_of(visitor.cookie))) == 1


async def test_a_change_on_a_page_keeps_the_session_as_one_by_json_does(shop: Shop) -> None:
    visitor = shop.guest()
    visitor.cart()

    answer = visitor.http.post("/shop/cart/items", data={"sku": "apple", "quantity": "1", "key": str(uuid.uuid4())})

    assert answer.status_code == 303
    assert visitor.lines() == {"apple": 1}
    assert len(await shop.rows("controller", "SELECT 1 FROM sessions WHERE id_hash = $1", hash_of(visitor.cookie))) == 1


async def test_a_session_in_use_is_remembered_by_the_browser_for_another_month(shop: Shop) -> None:
    cookie = signed(shop, age=20 * 24 * 3600)
    await shop.rows(
        "controller",
        "INSERT INTO sessions (id_hash, guest_owner, seen_at) VALUES ($1, $2, now() - interval '2 hours')",
        hash_of(cookie),
        f"guest:{uuid.uuid4()}",
    )

    first, second = replay(shop, cookie), replay(shop, cookie)

    assert cookie_of(first) == cookie
    assert f"Max-Age={MAX_AGE_SECONDS}" in first.headers["set-cookie"]
    assert cookie_of(second) is None


async def test_the_table_of_sessions_holds_no_cookie(shop: Shop) -> None:
    customer = shop.customer()

    rows = await shop.rows("controller", "SELECT s::text FROM sessions s WHERE id_hash = $1", hash_of(customer.cookie))

    assert len(rows) == 1
    assert customer.cookie not in rows[0][0]
    assert customer.cookie.partition(".")[0] not in rows[0][0]


def test_parallel_first_adds_of_one_visitor_make_one_cart_with_exact_sums(shop: Shop) -> None:
    for _ in range(VISITORS):
        visitor = shop.guest()
        cart_id = visitor.cart()["cart_id"]

        carts = at_once([partial(visitor.add, "apple" if each % 2 else "banana") for each in range(PARALLEL)])

        assert {cart["cart_id"] for cart in carts} == {cart_id}
        assert visitor.lines() == {"apple": PARALLEL // 2, "banana": PARALLEL // 2}
        assert [cart["cart_id"] for cart in visitor.read("/carts")["carts"]] == [cart_id]


# --- sign-in and sign-out


def test_signing_in_changes_the_session_id_and_the_old_one_is_told_so(shop: Shop) -> None:
    guest = shop.guest()
    guest.add("apple")
    old = guest.cookie

    shop.sign_up(guest)

    assert guest.cookie != old
    for path in ("/cart", "/session", "/orders"):
        answer = replay(shop, old, path)
        assert (answer.status_code, problem_type(answer)) == (409, "session_rotated")
        assert "set-cookie" not in answer.headers
    late = shop.browser().post(f"{shop.stack.url}/cart/items", json={"sku": "apple"}, headers={"Cookie": f"sid={old}"})
    assert (late.status_code, problem_type(late)) == (409, "session_rotated")
    assert guest.lines() == {"apple": 1}


def test_a_guests_lines_arrive_though_nobody_comes_back_to_a_sign_in(shop: Shop, stack: RunningStack) -> None:
    guest = shop.guest()
    shop.sign_up(guest)
    guest.add("apple", 5)
    guest.http.post("/logout")
    username, again = guest.username, shop.guest()
    again.add("apple", 2)

    # when: cartdb is away while they sign in, so that nothing moves, and the answer is lost
    stack.kill("cartdb")
    try:
        shop.sign_in(again, username, merge="keep_guest")
    finally:
        stack.start("cartdb")

    # then: in another browser of theirs the lines turn up by themselves, as they had chosen
    other = shop.guest()
    shop.sign_in(other, username)
    deadline = time.monotonic() + 45
    while other.lines() != {"apple": 2}:
        assert time.monotonic() < deadline, other.lines()
        time.sleep(0.3)


def sign_in_again(shopper: Shopper) -> None:
    """As the user whom the provider still knows in this browser."""
    back = shopper.http.get(shopper.http.get("/login").headers["location"]).headers["location"]
    answer = shopper.http.get(back)
    assert answer.status_code == 303, answer.text


def lost_sign_in(shop: Shop, guest: Shopper) -> None:
    """A sign-in that succeeds and whose answer is lost on the way back: the browser keeps the old cookie."""
    old = guest.cookie
    callback = shop.callback_of_sign_up(guest)
    cookies = httpx.Cookies(guest.http.cookies)
    assert guest.http.get(callback).status_code == 303
    guest.http.cookies = cookies
    assert guest.cookie == old
    answer = guest.http.get("/cart")
    assert (answer.status_code, problem_type(answer)) == (409, "session_rotated")


async def later(shop: Shop, cookie: str, seconds: int) -> None:
    """So much time passes after the session ended."""
    ago = "UPDATE sessions SET ended_at = ended_at - $2 * interval '1 second' WHERE id_hash = $1"
    await shop.rows("controller", ago, hash_of(cookie), seconds)


@pytest.mark.parametrize("when", ["at once", "after a minute", "with the cookie of after a minute", "without a cookie"])
async def test_a_lost_answer_to_a_sign_in_loses_neither_orders_nor_lines(shop: Shop, when: str) -> None:
    guest, sku = shop.guest(), shop.goods()
    order = guest.buy(sku)
    guest.add("apple", 2)
    old = guest.cookie
    lost_sign_in(shop, guest)

    # when: they sign in again, before or after the shop has stopped telling them that they did already
    if when != "at once":
        await later(shop, old, ROTATED_SECONDS + 1)
    if when == "with the cookie of after a minute":
        eventually(lambda: guest.http.get("/session"), lambda answer: answer.status_code == 200)
        assert guest.cookie != old
    if when == "without a cookie":
        guest.http.cookies.delete("sid")
    sign_in_again(guest)

    # then
    assert guest.read(f"/orders/{order['order_id']}") == order
    assert guest.read("/orders")["orders"] == [order]
    eventually(lambda: guest.http.get("/cart"), lambda answer: answer.json()["total_items"] > 0)
    assert guest.lines() == {"apple": 2}


async def test_the_id_of_before_a_lost_sign_in_opens_nothing_by_itself(shop: Shop) -> None:
    guest = shop.guest()
    order = guest.buy(shop.goods())
    old = guest.cookie
    lost_sign_in(shop, guest)

    for path in ("/session", "/orders", f"/orders/{order['order_id']}", "/cart"):
        answer = replay(shop, old, path)
        assert (answer.status_code, problem_type(answer)) == (409, "session_rotated")
    await later(shop, old, ROTATED_SECONDS + 1)
    session = eventually(lambda: replay(shop, old, "/session"), lambda answer: answer.status_code == 200)
    assert session.json()["signed_in"] is False
    assert replay(shop, old, f"/orders/{order['order_id']}").status_code == 404


@pytest.mark.parametrize("seconds", [0, ROTATED_SECONDS + 1])
async def test_another_user_with_the_id_of_before_a_lost_sign_in_gets_nothing_of_the_guest(
    shop: Shop, seconds: int
) -> None:
    guest = shop.guest()
    order = guest.buy(shop.goods())
    guest.add("apple", 2)
    old = guest.cookie
    lost_sign_in(shop, guest)
    first = guest.username
    await later(shop, old, seconds)

    thief = with_cookie(shop, old)
    shop.sign_up(thief)

    assert thief.read("/session")["signed_in"] is True
    assert thief.http.get(f"/orders/{order['order_id']}").status_code == 404
    assert thief.read("/orders")["orders"] == []
    assert thief.lines() == {}
    owner = shop.guest()
    shop.sign_in(owner, first)
    assert owner.read("/orders")["orders"] == [order]


def test_of_two_users_who_sign_in_at_once_through_one_session_one_has_the_guests_orders(shop: Shop) -> None:
    names = [shop.customer().username for _ in range(2)]
    for _ in range(5):
        guest = shop.guest()
        guest.buy("apple")
        tabs = [with_cookie(shop, guest.cookie) for _ in names]
        callbacks = [shop.way_back(tab, name) for tab, name in zip(tabs, names, strict=True)]

        at_once([partial(tab.http.get, callback) for tab, callback in zip(tabs, callbacks, strict=True)])

        orders = [{order["order_id"] for order in tab.read("/orders")["orders"]} for tab in tabs]
        assert all(tab.read("/session")["signed_in"] for tab in tabs)
        assert not orders[0] & orders[1]


def test_a_guests_orders_are_readable_from_every_device_after_the_sign_in(shop: Shop) -> None:
    desk, phone = shop.guest(), shop.guest()
    first, second = desk.buy(shop.goods()), phone.buy(shop.goods())
    shop.sign_up(desk)
    shop.sign_in(phone, desk.username)
    program = shop.with_token(shop.token_of(desk.username))

    for anywhere in (desk, phone, program):
        assert anywhere.read("/orders")["orders"] == [second, first]
        assert anywhere.read(f"/orders/{first['order_id']}") == first
        assert anywhere.read(f"/orders/{second['order_id']}") == second


async def test_which_guests_bought_something_is_found_out_in_a_while(shop: Shop) -> None:
    buyer, looker = shop.guest(), shop.guest()
    order = buyer.buy(shop.goods())
    looker.add("apple")
    guests = [shopper.cart()["owner"]["id"] for shopper in (buyer, looker)]
    for shopper in (buyer, looker):
        shop.sign_up(shopper)
    old = "UPDATE adopted_guests SET adopted_at = adopted_at - $2 * interval '1 second' WHERE guest_owner = ANY($1)"
    await shop.rows("controller", old, guests, GUEST_IS_QUIET_SECONDS + 1)

    found: dict[str, bool | None] = {}
    deadline = time.monotonic() + 45
    while found != {guests[0]: True, guests[1]: False}:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.3)
        rows = "SELECT guest_owner, has_orders FROM adopted_guests WHERE guest_owner = ANY($1)"
        found = {row["guest_owner"]: row["has_orders"] for row in await shop.rows("controller", rows, guests)}

    assert buyer.read("/orders")["orders"] == [order]
    assert looker.read("/orders")["orders"] == []


def test_lines_arrive_though_their_owner_signed_out_right_after_a_sign_in_that_moved_nothing(
    shop: Shop, stack: RunningStack
) -> None:
    customer, guest = shop.customer(), shop.guest()
    guest.add("apple", 2)

    # when: cartdb is away while they sign in and out again
    stack.kill("cartdb")
    try:
        shop.sign_in(guest, customer.username)
        assert guest.http.post("/logout").status_code == 303
    finally:
        stack.start("cartdb")

    # then
    deadline = time.monotonic() + 45
    while customer.lines() != {"apple": 2}:
        assert time.monotonic() < deadline, customer.lines()
        time.sleep(0.3)


async def test_a_minute_after_the_sign_in_the_old_id_gets_a_clean_cart(shop: Shop) -> None:
    guest = shop.guest()
    guest.add("apple")
    old = guest.cookie
    shop.sign_up(guest)
    await shop.rows(
        "controller",
        "UPDATE sessions SET ended_at = ended_at - $2 * interval '1 second' WHERE id_hash = $1",
        hash_of(old),
        ROTATED_SECONDS + 1,
    )

    answer = replay(shop, old)

    assert answer.status_code == 200
    assert answer.json()["items"] == []
    assert cookie_of(answer) not in (None, old, guest.cookie)


def test_after_signing_out_a_replayed_cookie_is_a_guest(shop: Shop) -> None:
    customer = shop.customer()
    customer.add("apple")
    cookie, mine = customer.cookie, customer.cart()

    answer = customer.http.post("/logout")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{shop.stack.idp_url}/end_session?")
    assert customer.cookie != cookie
    for thief in (replay(shop, cookie), customer.http.get("/cart")):
        assert thief.status_code == 200
        assert thief.json()["owner"]["id"] != mine["owner"]["id"]
        assert thief.json()["items"] == []
    assert replay(shop, cookie, "/session").json()["signed_in"] is False
    assert replay(shop, cookie, f"/carts/{mine['cart_id']}").status_code == 404


def test_signing_out_at_the_shop_signs_out_at_the_provider_without_another_question(shop: Shop) -> None:
    customer = shop.customer()

    there = customer.http.post("/logout").headers["location"]
    back = customer.http.get(there)

    assert (back.status_code, back.headers["location"]) == (303, f"{shop.stack.url}/shop/")
    assert "token" not in there
    next_time = customer.http.get("/login", follow_redirects=True)
    assert next_time.url.path == "/authorize"
    assert "current-password" in next_time.text


def test_a_guest_who_signs_out_starts_with_a_clean_cart(shop: Shop) -> None:
    guest = shop.guest()
    guest.add("apple")
    cookie = guest.cookie

    guest.http.post("/logout")

    assert guest.lines() == {}
    assert replay(shop, cookie).json()["items"] == []


def test_unpurchased_carts_are_found_from_another_device(shop: Shop) -> None:
    desk, phone = shop.customer(), shop.guest()
    desk.add("apple", 2)
    desk.http.post("/carts", json={"name": "Party"}).raise_for_status()
    desk.add("banana", 3)

    shop.sign_in(phone, desk.username)

    def carts(shopper: Shopper) -> dict[str, Any]:
        return {cart["cart_id"]: cart for cart in shopper.read("/session")["carts"]}

    assert carts(phone) == carts(desk)
    assert {cart["name"]: cart["total_items"] for cart in carts(phone).values()} == {None: 2, "Party": 3}
    assert phone.cart() == desk.cart()
    phone.add("banana")
    assert desk.lines() == {"banana": 4}


def test_a_guests_cart_is_added_to_the_users_at_sign_in(shop: Shop) -> None:
    desk, phone = shop.customer(), shop.guest()
    desk.add("apple", 3)
    desk.add("mango")
    phone.add("apple", 2)
    phone.add("banana", 4)

    shop.sign_in(phone, desk.username)

    summed = {"apple": 5, "mango": 1, "banana": 4}
    assert phone.lines() == desk.lines() == summed
    assert phone.cart()["cart_id"] == desk.cart()["cart_id"]
    receipt = phone.read(f"/merges/{phone.read('/session')['merge_id']}")
    assert {
        line["sku"]: (line["guest_quantity"], line["user_quantity"], line["quantity"]) for line in receipt["lines"]
    } == {
        "apple": (2, 3, 5),
        "banana": (4, 0, 4),
        "mango": (0, 1, 1),
    }


def test_signing_in_again_adds_nothing_twice(shop: Shop) -> None:
    guest = shop.guest()
    guest.add("apple", 2)
    shop.sign_up(guest)

    for _ in range(2):
        sign_in_again(guest)

    assert guest.lines() == {"apple": 2}


def test_a_guests_order_is_readable_after_the_sign_in(shop: Shop) -> None:
    guest = shop.guest()
    order = guest.buy(shop.goods())
    assert guest.read(f"/orders/{order['order_id']}") == order

    shop.sign_up(guest)

    assert guest.read(f"/orders/{order['order_id']}") == order
    assert guest.read("/orders")["orders"] == [order]
    assert shop.guest().http.get(f"/orders/{order['order_id']}").status_code == 404


def test_who_signs_in_over_anothers_session_sees_none_of_their_guest_orders(shop: Shop) -> None:
    browser = shop.guest()
    order = browser.buy("apple")
    shop.sign_up(browser)
    assert browser.http.get(f"/orders/{order['order_id']}").status_code == 200

    shop.sign_up(browser)

    assert browser.http.get(f"/orders/{order['order_id']}").status_code == 404
    assert browser.read("/orders")["orders"] == []


def test_a_callback_counts_once_and_only_in_the_browser_that_began(shop: Shop) -> None:
    customer, victim = shop.customer(), shop.guest()
    begun = customer.http.get("/login").headers["location"]
    callback = customer.http.get(begun).headers["location"]

    elsewhere = victim.http.get(callback)
    first = customer.http.get(callback)
    again = customer.http.get(callback)

    assert (elsewhere.status_code, problem_type(elsewhere)) == (400, "sign_in_failed")
    assert first.status_code == 303
    assert (again.status_code, problem_type(again)) == (400, "sign_in_failed")
    assert victim.read("/session")["signed_in"] is False
    assert customer.read("/session")["signed_in"] is True


@pytest.mark.parametrize("wrong", [{"state": "other"}, {"iss": "https://elsewhere.example"}, {"code": "other"}])
def test_a_callback_with_a_wrong_part_signs_nobody_in(shop: Shop, wrong: dict[str, str]) -> None:
    customer = shop.customer()
    visitor = shop.guest()
    visitor.http.cookies.set("idp_sid", customer.http.cookies["idp_sid"], domain="localhost.local", path="/")
    callback = visitor.http.get(visitor.http.get("/login").headers["location"]).headers["location"]
    good = {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}

    answer = visitor.http.get("/callback", params={**good, **wrong})

    assert (answer.status_code, problem_type(answer)) == (400, "sign_in_failed")
    assert visitor.read("/session")["signed_in"] is False


# --- where a sign-in leads


@pytest.fixture(scope="module")
def regular(stack: RunningStack) -> Iterator[Shopper]:
    """A customer for tests that only sign in again."""
    with Shop(stack) as shop:
        yield shop.customer()


@pytest.mark.parametrize(
    "target", ["/shop/", "/shop/cart", "/shop/products/apple?from=cart", "/shop/orders/1#top", "/"]
)
def test_a_sign_in_leads_to_the_page_that_it_was_asked_from(regular: Shopper, target: str) -> None:
    assert where_a_sign_in_leads(regular, target) == target


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example/", "/shop/\r\nSet-Cookie: sid=chosen", ""]
)
def test_a_sign_in_never_leads_to_another_site(regular: Shopper, target: str) -> None:
    assert where_a_sign_in_leads(regular, target) == "/shop/"


def where_a_sign_in_leads(customer: Shopper, target: str) -> str:
    begun = customer.http.get("/login", params={"next": target})
    callback = customer.http.get(begun.headers["location"])
    back = customer.http.get(callback.headers["location"])
    assert back.status_code == 303, back.text
    return str(back.headers["location"])


# --- other sites


@pytest.mark.parametrize("headers", FOREIGN)
def test_looking_is_free_for_everybody(shop: Shop, headers: dict[str, str]) -> None:
    assert shop.guest().http.get("/cart", headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_shops_own_pages_and_plain_programs_may_change_things(shop: Shop, site: str) -> None:
    guest = shop.guest()

    own = guest.http.post("/cart/items", json={"sku": "apple"}, headers={"Sec-Fetch-Site": site})
    origin = guest.http.post("/cart/items", json={"sku": "apple"}, headers={"Origin": shop.stack.url})
    program = guest.http.post("/cart/items", json={"sku": "apple"})

    assert [own.status_code, origin.status_code, program.status_code] == [200, 200, 200]
    assert guest.lines() == {"apple": 3}


def test_a_page_on_another_host_name_leads_to_the_public_one(shop: Shop) -> None:
    other = shop.stack.addresses.inside("controller")

    page = shop.browser().get(f"{other}/shop/cart?from=here", headers={"Accept": "text/html"})
    program = shop.browser().get(f"{other}/cart")

    assert page.is_redirect
    assert page.headers["location"] == f"{shop.stack.url}/shop/cart?from=here"
    assert "set-cookie" not in page.headers
    assert program.status_code == 200


def test_two_browsers_never_share_anything(shop: Shop) -> None:
    one, other = shop.guest(), shop.guest()

    one.add("apple")

    assert other.lines() == {}
    assert one.cart()["owner"]["id"] != other.cart()["owner"]["id"]
    assert one.cookie != other.cookie
