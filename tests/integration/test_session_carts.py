"""One session, one cart: from the first look on, through bad cookies, lost rows and other sites."""

import itertools
import uuid
from collections.abc import Callable
from functools import partial

import httpx
import pytest

from services.controller.signer import hash_of
from tests.integration.shop_client import Shop, at_once, eventually

LOOKS = {
    "page": ("/shop/cart", {"Accept": "text/html"}),
    "session": ("/session", {}),
    "cart": ("/cart", {}),
}
VISITORS = 8
PARALLEL = 8


def cart_id_in(answer: httpx.Response) -> str | None:
    return str(answer.json()["cart_id"]) if "json" in answer.headers["content-type"] else None


@pytest.mark.parametrize("order", list(itertools.permutations(LOOKS)), ids=" ".join)
def test_the_cart_has_one_id_from_the_first_look_to_the_first_change_in_any_order(
    shop: Shop, order: tuple[str, ...]
) -> None:
    visitor = shop.guest()

    answers = [visitor.http.get(path, headers=headers) for path, headers in (LOOKS[look] for look in order)]

    assert [answer.status_code for answer in answers] == [200] * len(order)
    assert ["set-cookie" in answer.headers for answer in answers] == [True, False, False]
    told = {cart_id for cart_id in map(cart_id_in, answers) if cart_id}
    assert told == {visitor.add("apple")["cart_id"]} == {visitor.read("/session")["cart_id"]}


async def test_first_changes_at_once_make_one_session_one_shopper_and_one_cart(shop: Shop) -> None:
    for _ in range(VISITORS):
        visitor = shop.guest()
        owner = visitor.cart()["owner"]["id"]
        form = {"sku": "banana", "quantity": "1", "key": str(uuid.uuid4())}
        new_cart = partial(visitor.http.post, "/carts", json={"name": "Second"})

        changes: list[Callable[[], object]] = [partial(visitor.add, "apple")] * PARALLEL
        changes += [partial(visitor.http.post, "/shop/cart/items", data=form), new_cart]

        at_once(changes)

        counted = {
            "sessions": await shop.rows(
                "controller", "SELECT FROM sessions WHERE id_hash = $1", hash_of(visitor.cookie)
            ),
            "shoppers": await shop.rows("cartdb", "SELECT FROM shoppers WHERE owner_id = $1", owner),
            "carts": await shop.rows("cartdb", "SELECT FROM carts WHERE owner_id = $1", owner),
        }
        assert {table: len(rows) for table, rows in counted.items()} == {"sessions": 1, "shoppers": 1, "carts": 2}
        lines = [(line["sku"], line["quantity"]) for cart in visitor.read("/carts")["carts"] for line in cart["items"]]
        assert sum(quantity for sku, quantity in lines if sku == "apple") == PARALLEL
        assert sum(quantity for sku, quantity in lines if sku == "banana") == 1


def cookies_of(mine: str, forged: str) -> dict[str, str]:
    return {
        "none at all": "",
        "an empty one": "sid=",
        "an empty one twice": "sid=; sid=",
        "a forged one": f"sid={forged}",
        "a forged one twice": f"sid={forged}; sid={forged}",
        "mine before a forged one": f"sid={mine}; sid={forged}",
        "mine in quotes with more behind it": f'sid="{mine}"x',
        "no name": f"={mine}",
        "no equals sign": "sid",
        "another case": f"SID={mine}",
        "thousands of them": "; ".join(f"sid={number}" for number in range(2000)),
        "an enormous one": f"sid={'a' * 12_000}",
        "bytes that are no text": "sid=\xff\xfe\x80",
    }


def test_bad_cookies_get_a_clean_cart_of_their_own_and_a_new_cookie(shop: Shop) -> None:
    mine = shop.guest()
    kept = mine.add("apple")
    forged = mine.cookie[:-2] + "zz"
    carts, owners = set(), set()

    for what, header in cookies_of(mine.cookie, forged).items():
        for path in ("/cart", "/session", "/shop/cart"):
            client = shop.browser()
            headers = httpx.Headers([(b"Cookie", header.encode("latin-1"))] if header else [])
            answer = client.get(path, headers=headers)
            assert answer.status_code == 200, (what, path)
            assert answer.cookies.get("sid") not in (None, mine.cookie, forged), (what, path)
        added = shop.browser().post("/cart/items", json={"sku": "banana"}, headers=headers)
        assert (added.status_code, added.json()["total_items"]) == (200, 1), what
        carts.add(added.json()["cart_id"])
        owners.add(added.json()["owner"]["id"])

    assert len(carts) == len(owners) == len(cookies_of("", ""))
    assert kept["cart_id"] not in carts
    assert mine.cart() == kept


def test_a_good_cookie_after_a_bad_one_of_the_same_name_still_counts(shop: Shop) -> None:
    mine = shop.guest()
    kept = mine.add("apple")

    answer = shop.browser().get("/cart", headers={"Cookie": f"sid=nonsense; sid={mine.cookie}"})

    assert answer.json() == kept
    assert "set-cookie" not in answer.headers


async def test_a_guest_whose_session_is_deleted_between_two_changes_goes_on_in_the_same_cart(shop: Shop) -> None:
    guest = shop.guest()
    first = guest.add("apple")
    delete = "DELETE FROM sessions WHERE id_hash = $1 RETURNING 1"

    assert len(await shop.rows("controller", delete, hash_of(guest.cookie))) == 1
    second = guest.add("apple")

    assert (second["cart_id"], second["total_items"]) == (first["cart_id"], 2)
    assert guest.read("/session")["cart_id"] == first["cart_id"]


async def test_a_user_whose_session_is_deleted_is_a_guest_with_a_clean_cart_and_finds_the_old_one_by_signing_in(
    shop: Shop,
) -> None:
    user = shop.customer()
    mine = user.add("apple", 3)
    delete = "DELETE FROM sessions WHERE id_hash = $1 RETURNING 1"

    assert len(await shop.rows("controller", delete, hash_of(user.cookie))) == 1
    # The controller remembers a user for a second.
    clean = eventually(lambda: user.http.get("/cart"), lambda told: told.json()["owner"]["name"] is None).json()

    assert clean["items"] == []
    assert clean["owner"]["id"] not in (mine["owner"]["id"], None)
    assert user.http.get(f"/carts/{mine['cart_id']}").status_code == 404
    user.add("banana")
    callback = user.http.get(user.http.get("/login").headers["location"]).headers["location"]
    assert user.http.get(callback).status_code == 303
    assert (user.cart()["cart_id"], user.lines()) == (mine["cart_id"], {"apple": 3, "banana": 1})


FROM_ELSEWHERE = {
    "a link": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    "a bank's redirect": {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Referer": "https://bank.example/3ds",
    },
}


@pytest.mark.parametrize("way", FROM_ELSEWHERE)
@pytest.mark.parametrize("who", ["a guest", "a user"])
def test_whoever_comes_back_from_another_site_has_the_same_session_and_cart(shop: Shop, way: str, who: str) -> None:
    shopper = shop.guest() if who == "a guest" else shop.customer()
    cart = shopper.add("apple")

    page = shopper.http.get("/shop/cart", headers={"Accept": "text/html", **FROM_ELSEWHERE[way]})
    read = shopper.http.get("/cart", headers=FROM_ELSEWHERE[way])

    assert (page.status_code, read.json()) == (200, cart)
    assert not any("set-cookie" in answer.headers for answer in (page, read))
