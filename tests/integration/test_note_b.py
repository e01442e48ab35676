"""Origin note b's testing strategy: five flows, each with a test here or, by name, in another file.

Those others are in test_sessions.py. Guest user flow: a_guests_cart_is_added_to_the_users_at_sign_in. Session
persistence: the_first_answer_gives_a_session_and_later_ones_keep_it. Error handling: a_forged_cookie_… and
an_expired_cookie_gets_a_clean_cart_and_a_new_cookie.
"""

from .shop_client import Shop


def test_who_signs_in_and_adds_items_finds_them_after_every_refresh(shop: Shop) -> None:
    shopper = shop.customer()
    shopper.add("apple", 2)
    shopper.add("banana")

    looks = [shopper.cart() for _ in range(3)]

    assert looks[0]["owner"]["name"] == shopper.username
    assert looks == [looks[0]] * 3
    assert shopper.lines() == {"apple": 2, "banana": 1}


def test_the_cart_that_an_add_answers_is_the_one_that_every_read_gets(shop: Shop) -> None:
    for shopper in (shop.guest(), shop.customer()):
        added = shopper.add("apple")

        assert shopper.cart() == shopper.cart(added["cart_id"]) == added
        assert shopper.read("/session")["cart_id"] == added["cart_id"]
        assert [cart["cart_id"] for cart in shopper.read("/carts")["carts"]] == [added["cart_id"]]
