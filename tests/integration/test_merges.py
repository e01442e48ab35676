"""A guest's cart and a user's become one, and two again, in the running shop."""

from typing import Any

from tests.integration.shop_client import Shop, Shopper, problem_type
from tests.integration.test_sessions import sign_in_again


def quantities(cart: dict[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in cart["items"]}


def asked(shop: Shop) -> tuple[Shopper, Shopper]:
    """A user at a desk; the same user on a phone, who filled a cart there before and is asked about it."""
    desk, phone = shop.customer(), shop.guest()
    desk.add("apple", 3)
    phone.add("apple", 2)
    phone.add("banana", 4)
    shop.sign_in(phone, desk.username, merge="ask")
    return desk, phone


def decided(phone: Shopper, strategy: str) -> dict[str, Any]:
    answer = phone.http.post("/merges", json={"strategy": strategy})
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


def test_a_wrong_password_on_the_way_loses_nothing_and_the_old_carts_address_leads_on(shop: Shop) -> None:
    desk, phone = shop.customer(), shop.guest()
    desk.add("apple", 3)
    old = phone.add("apple", 2)["cart_id"]
    begun = phone.http.get("/login", params={"next": "/shop/cart"})
    phone.username = desk.username
    refused = shop.post_form(phone, phone.http.get(begun.headers["location"]), "not the password")

    shop.sign_in(phone, desk.username)

    assert refused.status_code == 400
    assert phone.lines() == desk.lines() == {"apple": 5}
    gone = phone.http.get(f"/carts/{old}")
    assert (gone.status_code, problem_type(gone)) == (404, "cart_not_found")
    assert quantities(desk.cart(gone.json()["moved_to"])) == {"apple": 5}
    late = desk.http.post(f"/carts/{old}/items", json={"sku": "apple"})
    assert (late.status_code, late.json()["moved_to"]) == (404, gone.json()["moved_to"])
    assert "moved_to" not in shop.customer().http.get(f"/carts/{old}").json()


def test_who_is_asked_may_pay_for_their_own_cart_first_and_takes_the_guests_into_the_next(shop: Shop) -> None:
    desk, phone = asked(shop)

    order = phone.check_out()
    shown = phone.read("/merges/preview?strategy=sum")
    receipt = decided(phone, "sum")

    assert order.status_code == 201, order.text
    assert quantities(order.json()) == {"apple": 3}
    assert receipt["lines"] == shown["previews"][0]["lines"]
    assert receipt["cart_id"] == desk.cart()["cart_id"] != order.json()["cart_id"]
    assert desk.lines() == {"apple": 2, "banana": 4}


def test_an_undo_takes_the_carts_apart_for_every_device_and_can_be_repeated(shop: Shop) -> None:
    desk, phone = asked(shop)
    before = desk.cart()
    receipt = decided(phone, "sum")
    assert desk.lines() == {"apple": 5, "banana": 4}

    undone, again = [phone.http.post(f"/merges/{receipt['merge_id']}/undo") for _ in range(2)]

    assert (undone.status_code, undone.text) == (200, again.text)
    [beside] = undone.json()["undone_cart_ids"]
    assert (desk.cart()["cart_id"], desk.cart()["items"]) == (before["cart_id"], before["items"])
    carts = {cart["cart_id"]: cart for cart in desk.read("/carts")["carts"]}
    assert set(carts) == {before["cart_id"], beside}
    assert (carts[beside]["name"], carts[beside]["current"]) == ("From before signing in", False)
    assert quantities(carts[beside]) == {"apple": 2, "banana": 4}
    assert phone.read(f"/merges/{receipt['merge_id']}") == undone.json()
    # and: another sign-in does not put them together again
    sign_in_again(phone)
    assert desk.lines() == {"apple": 3}


def test_a_cart_that_has_changed_is_not_taken_apart_and_the_answer_shows_it(shop: Shop) -> None:
    desk, phone = asked(shop)
    receipt = decided(phone, "max")
    changed = desk.add("mango")

    refused = phone.http.post(f"/merges/{receipt['merge_id']}/undo")

    assert (refused.status_code, problem_type(refused)) == (409, "merge_cannot_be_undone")
    assert (refused.json()["reason"], refused.json()["cart"]) == ("cart_changed", changed)
    assert desk.cart() == changed


def test_a_program_with_a_token_undoes_its_users_merge_and_decides_none(shop: Shop) -> None:
    desk, phone = asked(shop)
    program = shop.with_token(shop.token_of(desk.username))

    undecided = program.http.post("/merges", json={"strategy": "sum"})
    receipt = decided(phone, "sum")
    undone = program.http.post(f"/merges/{receipt['merge_id']}/undo")

    assert (undecided.status_code, problem_type(undecided)) == (404, "merge_not_found")
    assert undone.status_code == 200, undone.text
    assert desk.lines() == {"apple": 3}
