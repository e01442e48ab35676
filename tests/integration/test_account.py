"""All that the shop holds on somebody, told and erased, on the running stack; and the books afterwards."""

import asyncio
import json
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg
import httpx
import pytest

from services.contracts.account import AccountExport
from services.local.settings import SERVICES
from tests.integration.shop_client import ADDRESS, PASSWORD, Shop, Shopper, at_once, eventually, problem_type
from tests.stacks import RunningStack
from tests.verifying import assert_books_agree

ROUNDS = 2


class Person:
    """A name that is nowhere else, and what somebody does under it."""

    def __init__(self, shop: Shop, shopper: Shopper) -> None:
        self.shop = shop
        self.shopper = shopper
        self.mark = f"mark{uuid.uuid4().hex[:12]}"
        self.orders: list[dict[str, Any]] = []

    def buy(self) -> dict[str, Any]:
        self.shopper.add(self.shop.goods(), 2)
        address = {**ADDRESS, "name": self.mark, "line1": f"{self.mark} Lane"}
        answer = self.shopper.check_out(
            email=f"{self.mark}@example.com", shipping_address=address, billing_address=address
        )
        assert answer.status_code == 201, answer.text
        self.orders.append(answer.json())
        return self.orders[-1]

    def live(self) -> None:
        """An order with a refund, a refused checkout, a named cart with a line."""
        order = self.buy()
        refund = self.shop.operator().http.post(f"/orders/{order['order_id']}/refunds", json={"amount": 100})
        assert refund.status_code == 201, refund.text
        self.shopper.add("apple")
        declined = self.shopper.check_out(
            payment_method="pm_card_chargeDeclined", email=f"{self.mark}@example.com", key=f"{self.mark}-key"
        )
        assert declined.status_code == 402, declined.text
        self.shopper.http.post("/carts", json={"name": f"{self.mark}'s cart"}).raise_for_status()
        self.shopper.add("banana", 3)

    def export(self) -> dict[str, Any]:
        answer = self.shopper.http.get("/account/export")
        assert answer.status_code == 200, answer.text
        AccountExport.model_validate_json(answer.text)
        told: dict[str, Any] = answer.json()
        return told

    def erase(self) -> httpx.Response:
        return self.shopper.http.delete("/account")


def as_guest(shop: Shop) -> Person:
    return Person(shop, shop.guest())


def as_user(shop: Shop) -> Person:
    """Somebody who bought as a guest before signing in."""
    person = Person(shop, shop.guest())
    person.buy()
    person.shopper.add("mango")
    shop.sign_up(person.shopper)
    return person


def by_token(shop: Shop) -> Person:
    """Somebody with a session, and with a program that holds a token."""
    username = shop.customer().username
    person = Person(shop, shop.with_token(shop.token_of(username)))
    person.shopper.username = username
    return person


Kind = Callable[[Shop], Person]
KINDS = [as_guest, as_user, by_token]


async def rows_with(stack: RunningStack, mark: str) -> dict[str, list[str]]:
    """Every row of the five databases in which the mark is, by table."""
    found: dict[str, list[str]] = {}
    for service in SERVICES:
        connection = await asyncpg.connect(stack.database_url(service))
        try:
            for (table,) in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
                rows = await connection.fetch(
                    f'SELECT to_jsonb(t)::text FROM "{table}" t WHERE to_jsonb(t)::text LIKE $1', f"%{mark}%"
                )
                found |= {f"{service}.{table}": [row[0] for row in rows]} if rows else {}
        finally:
            await connection.close()
    return found


def where_is(stack: RunningStack, mark: str) -> dict[str, list[str]]:
    return asyncio.run(rows_with(stack, mark))


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_tells_all_of_it_and_opens_nothing(shop: Shop, kind: Kind) -> None:
    person = kind(shop)
    person.live()

    answer = person.shopper.http.get("/account/export")
    told = person.export()

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].startswith('attachment; filename="my-shop-data-')
    owner = person.shopper.cart()["owner"]
    assert told["owner"] == {"id": owner["id"], "name": owner["name"], "guest": kind is as_guest}
    orders = {order["order_id"]: order for held in told["held"] for order in held["orders"] if "order_id" in order}
    assert orders.keys() >= {order["order_id"] for order in person.orders}
    for order in person.orders:
        shown = person.shopper.read(f"/orders/{order['order_id']}")
        assert {name: orders[order["order_id"]][name] for name in shown if name != "owner_id"} == {
            name: value for name, value in shown.items() if name != "owner_id"
        }
    names = {cart["name"] for held in told["held"] for cart in held["carts"]}
    assert f"{person.mark}'s cart" in names
    skus = {line["sku"] for held in told["held"] for cart in held["carts"] for line in cart["items"]}
    assert skus >= {"apple", "banana", *(line["sku"] for order in person.orders for line in order["items"])}
    assert all(held["history"] for held in told["held"] if held["carts"])
    assert len(told["sessions"]) == 1
    assert told["sessions"][0]["ended_at"] is None
    if kind is as_user:
        assert [len(held["merges"]) for held in told["held"]] == [1, 0]
    for secret in ("sid", "tokens", "id_hash", "fingerprint", "eyJ"):
        assert f'"{secret}' not in answer.text
    if kind is not by_token:
        assert person.shopper.cookie not in answer.text


async def test_ten_thousand_changes_are_told_while_they_are_read_and_erased_at_once(shop: Shop) -> None:
    person = as_guest(shop)
    cart = person.shopper.add("apple", 2)
    await shop.rows(
        "cartdb",
        "INSERT INTO history (owner_id, cart_id, version, status, action, sku, quantity, added_price, actor) "
        "SELECT $1, $2, 1, 'open', 'set', 'apple', 2, 1, 'guest' FROM generate_series(1, 10000)",
        cart["owner"]["id"],
        uuid.UUID(cart["cart_id"]),
    )

    with person.shopper.http.stream("GET", "/account/export") as answer:
        pieces = list(answer.iter_raw())
    erased = person.erase()

    assert "content-length" not in answer.headers
    assert max(map(len, pieces)) < 500_000 < sum(map(len, pieces))
    assert len(json.loads(b"".join(pieces))["held"][0]["history"]) > 10_000
    assert erased.status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_erases_themselves_is_in_no_row_and_the_books_are_as_they_were(
    shop: Shop, stack: RunningStack, kind: Kind
) -> None:
    person = kind(shop)
    person.live()
    other = shop.guest()
    before, olga = assert_books_agree(stack), shop.operator()
    if person.shopper.username:
        shop.sign_in(other, person.shopper.username)

    answer = person.erase()

    assert answer.status_code == 200, answer.text
    issuer = None if kind is as_guest else shop.stack.idp_url
    assert (answer.json()["erased"], answer.json()["identity_provider"]) == (True, issuer)
    assert where_is(stack, person.mark) == {}
    after = assert_books_agree(stack)
    assert after.ledger == before.ledger
    for order in person.orders:
        seen = olga.read(f"/orders/{order['order_id']}")
        assert (seen["total"], seen["items"], seen["status"]) == (order["total"], order["items"], "paid")
        assert (seen["email"], seen["shipping_address"], seen["billing_address"]) == (None, None, None)
        assert seen["erased_at"] is not None
        again = olga.http.post(f"/orders/{order['order_id']}/refunds", json={"amount": 50})
        assert again.status_code == 201, again.text
    assert other.read("/session")["signed_in"] is False
    assert person.erase().status_code == 200
    assert_books_agree(stack)


def test_whoever_signs_in_again_has_an_empty_cart_and_the_orders_without_a_person(shop: Shop) -> None:
    person = as_user(shop)
    person.live()
    own = person.orders[1]["order_id"]
    person.erase()
    gone = person.shopper.read("/session")

    shop.sign_in(person.shopper, person.shopper.username)

    assert (gone["signed_in"], gone["carts"]) == (False, [])
    cart = person.shopper.cart()
    assert (cart["items"], cart["version"]) == ([], 0)
    assert [one["cart_id"] for one in person.shopper.read("/carts")["carts"]] == [cart["cart_id"]]
    orders = person.shopper.read("/orders")["orders"]
    assert {order["order_id"] for order in orders if order["status"] == "paid"} == {own}
    assert [order["erased_at"] is not None for order in orders] == [True] * len(orders)
    assert person.mark not in json.dumps([orders, person.export()])
    assert "e-mail were erased on" in person.shopper.http.get(f"/shop/orders/{own}").text
    assert person.shopper.add("apple")["total_items"] == 1
    person.buy()
    assert len(person.shopper.read("/orders?status=paid")["orders"]) == 2


def test_a_guest_whom_the_sessions_have_forgotten_is_erased_by_the_receipt(shop: Shop, stack: RunningStack) -> None:
    person = Person(shop, shop.guest())
    person.shopper.add("mango")
    guest = person.shopper.cart()["owner"]["id"]
    shop.sign_up(person.shopper)

    async def forget() -> None:  # As a day after the session's end.
        connection = await asyncpg.connect(stack.database_url("controller"))
        await connection.execute("DELETE FROM adopted_guests WHERE guest_owner = $1", guest)
        await connection.execute("DELETE FROM sessions WHERE guest_owner = $1", guest)
        await connection.close()

    asyncio.run(forget())
    again = Person(shop, shop.guest())
    shop.sign_in(again.shopper, person.shopper.username)
    held = {part["owner_id"] for part in again.export()["held"]}

    assert again.erase().status_code == 200

    assert guest in held
    assert_books_agree(stack)


def test_an_ended_id_of_somebody_erased_comes_back_as_nobody(shop: Shop) -> None:
    for kind in (as_guest, as_user):
        person = kind(shop)
        person.live()
        cookie, owner = person.shopper.cookie, person.shopper.cart()["owner"]["id"]
        person.erase()

        thief = Shopper(shop.browser(headers={"Cookie": f"sid={cookie}"}))

        assert thief.cart()["owner"]["id"] != owner
        assert thief.read("/orders")["orders"] == []
        assert person.shopper.cookie != cookie


def test_while_an_order_has_no_outcome_nothing_is_erased(shop: Shop, stack: RunningStack) -> None:
    people = [kind(shop) for kind in KINDS]
    for person in people:
        person.shopper.add(shop.goods())
    stack.kill("payments")
    try:
        pending = [person.shopper.check_out(email=f"{person.mark}@example.com") for person in people]
        before = [person.shopper.read("/orders") for person in people]
        refused = [person.erase() for person in people]
        after = [person.shopper.read("/orders") for person in people]
    finally:
        stack.start("payments")

    assert [answer.status_code for answer in pending] == [202] * len(people)
    assert {(answer.status_code, problem_type(answer)) for answer in refused} == {
        (409, "account_has_unfinished_orders")
    }
    assert [answer.json()["order_ids"] for answer in refused] == [[answer.json()["order_id"]] for answer in pending]
    assert after == before
    for person in people:
        eventually(person.erase, lambda answer: answer.status_code == 200)
        assert where_is(stack, person.mark) == {}


def test_another_sites_page_erases_nobody(shop: Shop) -> None:
    person = as_guest(shop)
    person.shopper.add("apple")

    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.test"}):
        answer = person.shopper.http.delete("/account", headers=headers)
        assert (answer.status_code, problem_type(answer)) == (403, "cross_site_request")

    assert person.shopper.lines() == {"apple": 1}


def test_an_erasure_among_adds_checkouts_and_sign_ins_leaves_no_half(shop: Shop, stack: RunningStack) -> None:
    for _ in range(ROUNDS):
        person = as_user(shop)
        person.shopper.add("apple")
        elsewhere = shop.guest()
        elsewhere.add("mango")
        callback = shop.way_back(elsewhere, person.shopper.username, password=PASSWORD)
        cookie = person.shopper.cookie
        tabs = [Shopper(shop.browser(headers={"Cookie": f"sid={cookie}"})) for _ in range(4)]
        mail = f"{person.mark}@example.com"

        answers = at_once(
            [
                partial(tabs[0].http.delete, "/account"),
                partial(tabs[1].http.post, "/cart/items", json={"sku": "banana"}),
                partial(tabs[2].http.post, "/cart/items", json={"sku": "banana"}),
                partial(tabs[3].check_out, email=mail, shipping_address={**ADDRESS, "name": person.mark}),
                partial(elsewhere.http.get, callback),
            ]
        )

        assert all(answer.status_code < 500 for answer in answers), [answer.text[:300] for answer in answers]
        if not elsewhere.read("/session")["signed_in"]:
            shop.sign_in(elsewhere, person.shopper.username)
        eventually(partial(elsewhere.http.delete, "/account"), lambda answer: answer.status_code == 200)
        assert where_is(stack, person.mark) == {}
    assert_books_agree(stack)
