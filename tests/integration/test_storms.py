"""Simultaneous edits of the running shop: nothing is lost or doubled, nobody is told 5xx, every cart goes on living."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import asyncpg
import httpx
import pytest

from services.local.token import access_token
from tests.integration.shop_client import PASSWORD, Shop, Shopper, at_once, eventually, problem_type
from tests.stacks import RunningStack

ADDS = 100
SESSIONS = 16
NEWCOMERS = 40
FIRST_ADDS = 8
QUICK_ROUNDS = 200
BUYING_ROUNDS = 40
RIVALS = 16
SOAK_SECONDS = 4.0
API = "/api/cart/"
JSON = dict[str, Any]


def adds_of(shoppers: Sequence[Shopper], skus: Sequence[str], number: int) -> list[httpx.Response]:
    """So many adds at once, dealt out to shoppers and goods in turn."""
    return at_once(
        [
            partial(shoppers[n % len(shoppers)].http.post, "/cart/items", json={"sku": skus[n % len(skus)]})
            for n in range(number)
        ]
    )


def statuses(answers: Sequence[httpx.Response]) -> set[int]:
    return {answer.status_code for answer in answers}


def refused(answers: Sequence[httpx.Response]) -> list[str]:
    """What was not answered 200, in its own words."""
    return [f"{answer.status_code} {answer.text[:300]}" for answer in answers if answer.status_code != 200]


def lines_of(cart: JSON) -> dict[str, int]:
    """The quantities by SKU, which has one line."""
    lines = {line["sku"]: line["quantity"] for line in cart["items"]}
    assert len(lines) == len(cart["items"]), cart["items"]
    return lines


def adds_told(shopper: Shopper, cart_id: str) -> Counter[str]:
    """How often each SKU was added, by the cart's own history."""
    entries = shopper.read(f"/carts/{cart_id}/history")["entries"]
    return Counter(entry["sku"] for entry in entries if entry["action"] == "add")


def expect_alive(shopper: Shopper, sku: str) -> None:
    """The cart can be read, changed, emptied and paid for as any other."""
    cart = shopper.cart()
    put = shopper.http.put(f"/cart/items/{sku}", json={"quantity": 2}, headers={"If-Match": f'"{cart["version"]}"'})
    assert (put.status_code, lines_of(put.json())) == (200, {**lines_of(cart), sku: 2})
    assert shopper.check_out(f"/carts/{cart['cart_id']}/checkout").status_code == 201
    assert shopper.lines() == {}
    assert lines_of(shopper.add(sku)) == {sku: 1}


@pytest.fixture
def goods(shop: Shop) -> list[str]:
    """Things that are never sold out."""
    return [shop.goods(stock=1_000_000, price=1000 + n) for n in range(5)]


@pytest.fixture(scope="module")
def devices(stack: RunningStack) -> Iterator[list[Shopper]]:
    """One user, signed in on many devices."""
    with Shop(stack) as shop:
        first = shop.customer()
        others = [shop.guest() for _ in range(SESSIONS - 1)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda other: shop.sign_in(other, first.username), others))
        yield [first, *others]


# --- adds


@pytest.mark.parametrize("sessions", [1, 2, SESSIONS])
def test_a_hundred_parallel_adds_over_the_sessions_of_one_user_all_count(
    devices: list[Shopper], goods: list[str], sessions: int
) -> None:
    used = devices[:sessions]
    cart_id = used[0].http.post("/carts", json={}).json()["cart_id"]

    answers = adds_of(used, goods, ADDS)

    assert refused(answers) == []
    assert {answer.json()["cart_id"] for answer in answers} == {cart_id}
    assert sorted(answer.json()["version"] for answer in answers) == list(range(1, ADDS + 1))
    assert [device.lines() for device in used] == [dict.fromkeys(goods, ADDS // len(goods))] * sessions
    assert adds_told(used[0], cart_id) == dict.fromkeys(goods, ADDS // len(goods))
    expect_alive(used[-1], goods[0])


def test_a_hundred_parallel_adds_of_a_guest_all_count(shop: Shop, goods: list[str]) -> None:
    guest = shop.guest()
    cart_id = guest.cart()["cart_id"]

    answers = adds_of([guest], goods, ADDS)

    assert refused(answers) == []
    assert guest.lines() == dict.fromkeys(goods, ADDS // len(goods))
    assert adds_told(guest, cart_id) == dict.fromkeys(goods, ADDS // len(goods))
    expect_alive(guest, goods[0])


def add_by_cookie(shopper: Shopper, sku: str, product_id: int) -> httpx.Response:
    return shopper.http.post("/cart/items", json={"sku": sku})


def add_by_token(shopper: Shopper, sku: str, product_id: int) -> httpx.Response:
    return shopper.http.post("/api/cart/add/", json={"product_id": product_id, "variant_id": None, "quantity": 1})


def visitors(shop: Shop) -> list[Shopper]:
    """Guests who have looked once, so that each has a cookie, and nothing else."""
    shoppers = [shop.guest() for _ in range(NEWCOMERS)]
    for shopper in shoppers:
        shopper.http.get("/cart").raise_for_status()
    return shoppers


def newcomers(shop: Shop) -> list[Shopper]:
    """Users with a bearer token, of whom the shop has never heard."""

    def signed_up(_: int) -> Shopper:
        asked = {"user": f"test-{uuid.uuid4().hex[:16]}", "password": PASSWORD, "scope": "openid profile"}
        return shop.with_token(access_token(shop.browser(shop.stack.idp_url), prompt="create", **asked))

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(signed_up, range(NEWCOMERS)))


@pytest.mark.parametrize(("make", "add"), [(visitors, add_by_cookie), (newcomers, add_by_token)])
async def test_parallel_first_adds_of_many_new_shoppers_make_one_whole_cart_each(
    shop: Shop,
    goods: list[str],
    make: Callable[[Shop], list[Shopper]],
    add: Callable[[Shopper, str, int], httpx.Response],
) -> None:
    shoppers, sku = make(shop), goods[0]
    product_id = shoppers[0].read(f"/products/{sku}")["product_id"]

    answers = at_once([partial(add, shopper, sku, product_id) for shopper in shoppers for _ in range(FIRST_ADDS)])

    assert refused(answers) == []
    carts = [shopper.cart() for shopper in shoppers]
    assert [lines_of(cart) for cart in carts] == [{sku: FIRST_ADDS}] * NEWCOMERS
    rows = await shop.rows(
        "cartdb",
        "SELECT owner_id, count(*) AS carts FROM carts WHERE owner_id = ANY($1) GROUP BY owner_id",
        [cart["owner"]["id"] for cart in carts],
    )
    assert [row["carts"] for row in rows] == [1] * NEWCOMERS
    for shopper in shoppers:
        edited = shopper.http.put(f"/cart/items/{sku}", json={"quantity": 1})
        assert (edited.status_code, lines_of(edited.json())) == (200, {sku: 1})
    paid = [
        shopper.check_out(email="asha@example.com" if add is add_by_cookie else None).status_code
        for shopper in shoppers[:3]
    ]
    assert paid == [201] * 3


def test_of_two_quick_adds_neither_is_ever_lost(shop: Shop, goods: list[str]) -> None:
    guest = shop.guest()
    guest.cart()
    one, other = (partial(guest.http.post, "/cart/items", json={"sku": sku}) for sku in goods[:2])

    for _ in range(QUICK_ROUNDS):
        answers = at_once([one, other])

        assert refused(answers) == []
        later = max((answer.json() for answer in answers), key=lambda cart: int(cart["version"]))
        assert lines_of(later) == dict.fromkeys(goods[:2], 1)
        guest.http.delete("/cart/items").raise_for_status()


# --- limits


def refusals_of(answers: Sequence[httpx.Response]) -> Counter[str]:
    return Counter("added" if answer.is_success else problem_type(answer) for answer in answers)


def test_parallel_adds_fill_a_line_to_its_limit_and_not_beyond(shop: Shop, goods: list[str]) -> None:
    guest = shop.guest()
    guest.add(goods[0], 990)

    answers = adds_of([guest], goods[:1], 20)

    assert refusals_of(answers) == {"added": 9, "quantity_limit_exceeded": 11}
    assert guest.lines() == {goods[0]: 999}


async def test_parallel_adds_fill_a_cart_to_its_limit_of_lines_and_not_beyond(shop: Shop, goods: list[str]) -> None:
    guest = shop.guest()
    await shop.fill(guest.add(goods[0]), 197)

    answers = adds_of([guest], goods, 2 * len(goods))

    # One line was there, two fit beside it, each of them is added to twice.
    assert refusals_of(answers) == {"added": 6, "line_limit_exceeded": 4}
    assert guest.cart()["items_count"] == 200


# --- sets and removes


def test_parallel_sets_leave_one_line_at_its_price_and_one_of_the_quantities(shop: Shop, goods: list[str]) -> None:
    guest, sku = shop.guest(), goods[0]
    before = guest.add(sku)["items"][0]
    quantities = range(1, 2 * RIVALS + 1)

    answers = at_once([partial(guest.http.put, f"/cart/items/{sku}", json={"quantity": n}) for n in quantities])

    assert refused(answers) == []
    assert [lines_of(answer.json()) for answer in answers] == [{sku: n} for n in quantities]
    seen = [answer.json()["items"][0] for answer in answers] + guest.cart()["items"]
    assert {line["unit_price"] for line in seen} == {before["unit_price"]}
    assert all(line["line_total"] == line["quantity"] * before["unit_price"] for line in seen)
    assert guest.cart()["items"][0]["quantity"] in quantities


@dataclass(frozen=True)
class Door:
    """Where a line is changed, and where the cart is read that the answer must be like."""

    line: str
    current: str


DOORS = [
    Door("/cart/items/{sku}", "/cart"),
    Door("/carts/{cart}/items/{sku}", "/cart"),
    Door(f"{API}items/{{sku}}/", API),
]


@pytest.mark.parametrize("door", DOORS, ids=["current cart", "one cart", "second names"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_of_parallel_changes_with_one_version_one_wins_and_the_others_are_shown_the_cart(
    shop: Shop, devices: list[Shopper], goods: list[str], method: str, door: Door
) -> None:
    user = devices[0]
    user.http.post("/carts", json={}).raise_for_status()
    user.add(goods[0], RIVALS)
    seen = user.add(goods[1])
    program = shop.with_token(shop.token_of(user.username)) if door.current == API else user

    def change(number: int) -> httpx.Response:
        sku, body = (goods[0], {"quantity": number + 1}) if method == "PUT" else (goods[number % 2], None)
        path, headers = door.line.format(cart=seen["cart_id"], sku=sku), {"If-Match": f'"{seen["version"]}"'}
        return program.http.request(method, path, json=body, headers=headers)

    answers = at_once([partial(change, number) for number in range(RIVALS - 1)])

    [winner] = [answer for answer in answers if answer.status_code == 200]
    stale = [answer for answer in answers if answer is not winner]
    assert {(answer.status_code, answer.json()["type"]) for answer in stale} == {
        (412, "/docs/problems#precondition_failed")
    }
    now = program.read(door.current)
    assert (now["version"], winner.headers["etag"]) == (seen["version"] + 1, f'"{now["version"]}"')
    assert winner.json() == now
    assert all((answer.json()["cart_id"], answer.json()["cart"]) == (now["cart_id"], now) for answer in stale)


def test_a_stale_version_is_refused_and_shown_the_cart_at_every_door_that_takes_one(
    shop: Shop, devices: list[Shopper], goods: list[str]
) -> None:
    user, program = devices[0], shop.with_token(shop.token_of(devices[0].username))
    user.http.post("/carts", json={}).raise_for_status()
    cart = user.add(goods[0])
    before = user.add(goods[0])
    own, stale = f"/carts/{cart['cart_id']}", {"If-Match": f'"{cart["version"]}"'}
    product_id = before["items"][0]["product_id"]
    changes: list[tuple[Shopper, str, str, JSON | None]] = [
        (user, "POST", "/cart/items", {"sku": goods[0]}),
        (user, "PUT", f"/cart/items/{goods[0]}", {"quantity": 7}),
        (user, "PUT", f"/cart/items/{goods[0]}", {"quantity": 0}),
        (user, "DELETE", f"/cart/items/{goods[0]}", None),
        (user, "DELETE", "/cart/items", None),
        (user, "POST", f"{own}/items", {"sku": goods[0]}),
        (user, "PUT", f"{own}/items/{goods[0]}", {"quantity": 7}),
        (user, "DELETE", f"{own}/items/{goods[0]}", None),
        (user, "DELETE", f"{own}/items", None),
        (program, "POST", f"{API}add/", {"product_id": product_id}),
        (program, "PUT", f"{API}items/{goods[0]}/", {"quantity": 7}),
        (program, "DELETE", f"{API}items/{goods[0]}/", None),
    ]

    for who, method, path, body in changes:
        answer = who.http.request(method, path, json=body, headers={**stale, "Idempotency-Key": str(uuid.uuid4())})

        assert answer.status_code == 412, (method, path, answer.text)
        assert answer.json()["cart"] == who.read(API if path.startswith(API) else "/cart"), (method, path)
    paying = program.http.post(
        "/api/payments/create-from-cart/", json={"payment_method": "card", "shipping_address": "12 Lake Road"},
        headers=stale,
    )  # fmt: skip
    assert paying.status_code == 412
    assert user.cart() == before


# --- while something else is under way


async def test_an_edit_that_is_slow_erases_nothing_that_was_done_meanwhile(
    stack: RunningStack, shop: Shop, goods: list[str]
) -> None:
    guest, key = shop.guest(), str(uuid.uuid4())
    owner = guest.add(goods[0])["owner"]["id"]
    slow = partial(guest.http.post, "/cart/items", json={"sku": goods[1]}, headers={"Idempotency-Key": key})
    holding = await asyncpg.connect(stack.database_url("cartdb"))
    try:
        held = holding.transaction()
        await held.start()
        # The slow one stands before this row until the transaction has ended.
        insert = "INSERT INTO idempotency_keys (owner_id, key, fingerprint) VALUES ($1, $2, '')"
        await holding.execute(insert, owner, key)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(slow)
            eventually(
                lambda: guest.http.put(f"/cart/items/{goods[0]}", json={"quantity": 3}), lambda told: told.is_success
            )
            fast = guest.add(goods[2])
            assert not answer.done()
            await held.rollback()
            late = answer.result()
    finally:
        await holding.close()

    assert lines_of(fast) == {goods[0]: 3, goods[2]: 1}
    assert (late.status_code, lines_of(late.json())) == (200, {goods[0]: 3, goods[1]: 1, goods[2]: 1})
    assert guest.lines() == lines_of(late.json())


@pytest.mark.parametrize(("card", "status"), [("pm_card_chargeDeclined", 402), ("pm_card_visa", 201)])
def test_an_edit_during_a_checkout_is_refused_with_the_reason_and_succeeds_afterwards(
    stack: RunningStack, shop: Shop, goods: list[str], card: str, status: int
) -> None:
    user = shop.customer()
    program = shop.with_token(shop.token_of(user.username))
    cart = user.add(goods[0])
    own, product_id = f"/carts/{cart['cart_id']}", cart["items"][0]["product_id"]
    edits: list[tuple[Shopper, str, str, JSON | None]] = [
        (user, "POST", "/cart/items", {"sku": goods[1]}),
        (user, "POST", f"{own}/items", {"sku": goods[1]}),
        (user, "PUT", f"/cart/items/{goods[0]}", {"quantity": 5}),
        (user, "DELETE", f"{own}/items/{goods[0]}", None),
        (user, "DELETE", "/cart/items", None),
        (program, "POST", f"{API}add/", {"product_id": product_id}),
    ]

    with ThreadPoolExecutor(1) as pool:
        stack.pause("payments")
        try:
            paying = pool.submit(partial(user.check_out, payment_method=card))
            eventually(lambda: user.http.get(own), lambda told: told.json()["status"] == "in_checkout")
            refused = [who.http.request(method, path, json=body) for who, method, path, body in edits]
        finally:
            stack.resume("payments")
        outcome = paying.result()
    added = user.add(goods[1])

    assert [answer.status_code for answer in refused] == [409] * len(edits)
    assert {answer.json()["type"] for answer in refused} == {"/docs/problems#cart_in_checkout"}
    assert {answer.json()["cart_id"] for answer in refused} == {cart["cart_id"]}
    assert outcome.status_code == status, outcome.text
    if status == 402:
        assert (added["cart_id"], lines_of(added)) == (cart["cart_id"], {goods[0]: 1, goods[1]: 1})
    else:
        assert (added["cart_id"] != cart["cart_id"], lines_of(added)) == (True, {goods[1]: 1})
        assert lines_of(user.cart(cart["cart_id"])) == {goods[0]: 1}


def test_what_is_added_while_carts_are_bought_one_after_the_other_is_in_one_of_them(
    shop: Shop, goods: list[str]
) -> None:
    user, added, bought = shop.customer(), Counter[str](), list[httpx.Response]()

    for _ in range(BUYING_ROUNDS):
        calls: list[Callable[[], httpx.Response]] = [
            *(partial(user.http.post, "/cart/items", json={"sku": sku}) for sku in goods[:3]),
            user.check_out,
        ]
        *told, buying = at_once(calls)
        assert refusals_of(told).keys() <= {"added", "cart_in_checkout"}
        added.update(sku for sku, answer in zip(goods, told, strict=False) if answer.is_success)
        bought.append(buying)

    assert statuses(bought) <= {201, 202, 400, 409}
    orders = eventually(
        lambda: user.http.get("/orders"),
        lambda answer: all(order["status"] != "processing" for order in answer.json()["orders"]),
    ).json()["orders"]
    paid = [order for order in orders if order["status"] == "paid"]
    assert 0 < len(paid) < BUYING_ROUNDS
    found = Counter(user.lines())
    for order in paid:
        found.update({line["sku"]: line["quantity"] for line in order["items"]})
    assert found == added


# --- everything at once


class Crowd:
    """Tabs of one user that do anything to any of their carts until the time is over."""

    def __init__(self, goods: Sequence[str], *, until: float) -> None:
        self._goods = goods
        self._until = until
        self._counting = Lock()
        self.told: Counter[str] = Counter()

    def run(self, tab: Shopper, seed: int) -> None:
        """One tab's life."""
        dice = random.Random(seed)
        while time.monotonic() < self._until:
            carts = [cart["cart_id"] for cart in tab.read("/carts")["carts"]]
            for _ in range(8):
                method, path, body = self._deed(dice, carts)
                answer = tab.http.request(method, path, json=body)
                ended = problem_type(answer) if answer.is_error else str(answer.status_code)
                with self._counting:
                    self.told[ended] += 1

    def _deed(self, dice: random.Random, carts: Sequence[str]) -> tuple[str, str, JSON | None]:
        cart, sku, quantity = f"/carts/{dice.choice(carts)}", dice.choice(self._goods), dice.randint(0, 3)
        deeds: list[tuple[str, str, JSON | None]] = [
            ("GET", "/cart", None),
            ("GET", "/session", None),
            ("GET", cart, None),
            ("GET", f"{cart}/history", None),
            ("POST", "/cart/items", {"sku": sku}),
            ("POST", f"{cart}/items", {"sku": sku}),
            ("PUT", f"/cart/items/{sku}", {"quantity": quantity}),
            ("PUT", f"{cart}/items/{sku}", {"quantity": quantity}),
            ("DELETE", f"{cart}/items/{sku}", None),
            ("DELETE", f"{cart}/items", None),
            ("PATCH", cart, {"name": dice.choice(("Weekly", "Party", None))}),
            ("POST", f"{cart}/activate", None),
            ("POST", "/carts", {"name": "Another"}),
            ("DELETE", cart, None),
            ("DELETE", cart, None),
        ]
        return dice.choice(deeds)


async def deadlocks_of(shop: Shop) -> int:
    [row] = await shop.rows("cartdb", "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(row["deadlocks"])


async def test_anything_done_to_carts_at_once_by_many_tabs_is_answered_and_deadlocks_nothing(
    shop: Shop, devices: list[Shopper], goods: list[str]
) -> None:
    before = await deadlocks_of(shop)
    crowd = Crowd(goods, until=time.monotonic() + SOAK_SECONDS)

    at_once([partial(crowd.run, devices[n % len(devices)], seed) for n, seed in enumerate(range(2 * SESSIONS))])

    refused = {ended for ended in crowd.told if not ended.isdigit()}
    assert refused <= {"cart_not_found", "cart_limit_exceeded"}, crowd.told
    assert crowd.told["200"] > 100
    assert {"200", "201", "204"} <= crowd.told.keys()
    assert await deadlocks_of(shop) == before
    owner = devices[0].cart()["owner"]["id"]
    current = await shop.rows(
        "cartdb",
        "SELECT status FROM carts JOIN shoppers USING (owner_id) WHERE owner_id = $1 AND cart_id = current_cart_id",
        owner,
    )
    assert [row["status"] for row in current] == ["open"]
    devices[0].http.delete("/cart/items").raise_for_status()
    devices[0].add(goods[0])
    expect_alive(devices[1], goods[0])
