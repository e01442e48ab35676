"""The storefront as a person uses it whose browser runs no script: every journey by links and forms alone."""

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from services.contracts.problems import PROBLEM_MEDIA_TYPE
from tests.stacks import RunningStack

from .plain_browser import PlainBrowser

HOME_ADDRESS = {
    "ship_name": "Asha Rao",
    "ship_line1": "12 Lake Road",
    "ship_city": "Pune",
    "ship_postal_code": "411001",
    "ship_country": "IN",
}
DECLINED = "pm_card_visa_chargeDeclined"
GUEST = {**HOME_ADDRESS, "email": "asha@example.com"}


@pytest.fixture
def browser(stack: RunningStack) -> Iterator[PlainBrowser]:
    with PlainBrowser(stack.url) as browser:
        yield browser


def put_into_cart(browser: PlainBrowser, sku: str, quantity: int = 1) -> None:
    browser.open(f"/shop/products/{sku}")
    browser.send(browser.form("/shop/cart/items"), sku=sku, quantity=str(quantity))
    assert browser.status == 200, browser.text


def sign_up(browser: PlainBrowser) -> str:
    """Make an account on the provider's page, and come back signed in."""
    name = f"shopper{uuid.uuid4().hex[:12]}"
    browser.click("Sign in")
    browser.click("Create")
    browser.send(browser.page.forms[0], username=name, password="a long enough password")
    return name


def sign_in(browser: PlainBrowser, name: str) -> None:
    browser.click("Sign in")
    browser.send(browser.page.forms[0], username=name, password="a long enough password")


def checkout(browser: PlainBrowser, **typed: str) -> None:
    browser.open("/shop/cart")
    browser.click("Go to checkout")
    browser.send(browser.form("/shop/checkout"), **typed)


def test_a_guest_finds_goods_fills_a_cart_pays_and_sees_the_order(browser: PlainBrowser) -> None:
    browser.open("/")
    assert browser.address.path == "/shop/"
    browser.send(browser.form("/shop/"), search="apple")
    browser.send(browser.form("/shop/cart/items", sku="apple"))
    assert "1 in your cart" in browser.text
    assert browser.address.params["search"] == "apple"

    checkout(browser, **GUEST)

    assert browser.status == 200
    assert browser.address.path.startswith("/shop/orders/")
    assert "Thank you. It is paid." in browser.text
    assert "1 × Apple" in browser.text
    assert "₹39.00" in browser.text
    assert "12 Lake Road" in browser.text
    browser.click("Orders")
    assert "1 × Apple" in browser.text
    assert "Paid" in browser.text
    browser.open("/shop/cart")
    assert "Nothing in here yet." in browser.text


def test_a_declined_card_leaves_cart_and_fields_and_the_next_card_pays(browser: PlainBrowser) -> None:
    put_into_cart(browser, "banana", 3)
    checkout(browser, **GUEST, payment_method=DECLINED)
    assert browser.status == 402
    assert "Nothing was charged, and your cart is as it was." in browser.text
    assert "3 × Banana" in browser.text
    again = browser.form("/shop/checkout")
    assert again.fields["ship_line1"] == "12 Lake Road"
    assert again.fields["email"] == "asha@example.com"
    assert again.fields["payment_method"] == DECLINED

    browser.send(again, payment_method="pm_card_visa")

    assert browser.status == 200
    assert "Thank you. It is paid." in browser.text
    browser.click("Orders")
    assert browser.text.count("3 × Banana") == 2
    assert "The card was declined. Not paid" in browser.text


def test_after_a_card_of_ones_own_was_declined_a_card_is_chosen(browser: PlainBrowser) -> None:
    put_into_cart(browser, "banana", 1)

    checkout(browser, **GUEST, payment_method="pm_card_chargeDeclined")

    assert browser.status == 402
    assert browser.form("/shop/checkout").fields["payment_method"] == "pm_card_visa"


def test_the_same_checkout_sent_twice_is_one_order(browser: PlainBrowser) -> None:
    put_into_cart(browser, "lime", 2)
    browser.open("/shop/checkout")
    form = browser.form("/shop/checkout")
    browser.send(form, **GUEST)
    first = browser.address

    browser.send(form, **GUEST)

    assert browser.address == first
    browser.click("Orders")
    assert browser.text.count("2 × Lime") == 1


def test_an_add_form_sent_twice_counts_once(browser: PlainBrowser) -> None:
    browser.open("/shop/products/apple")
    form = browser.form("/shop/cart/items")

    browser.send(form, quantity="2")
    browser.send(form, quantity="2")

    assert "you have 2 now" in browser.text


def test_signing_in_brings_the_guest_cart_along_and_tells_line_by_line(
    browser: PlainBrowser, stack: RunningStack
) -> None:
    put_into_cart(browser, "apple", 2)
    name = sign_up(browser)
    assert browser.address.path == "/shop/cart"
    assert name in browser.text
    assert "2 × Apple : moved into your cart" in browser.text

    with PlainBrowser(stack.url) as phone:
        put_into_cart(phone, "apple", 1)
        put_into_cart(phone, "banana", 4)
        sign_in(phone, name)

        assert "1 × Apple : added to those in your cart, which makes 3" in phone.text
        assert "4 × Banana : moved into your cart" in phone.text
        assert "7 items" in phone.text


def test_a_signed_in_shopper_pays_without_an_email_and_signs_out_to_an_empty_cart(browser: PlainBrowser) -> None:
    put_into_cart(browser, "t-shirt-blue-m")
    name = sign_up(browser)
    checkout(browser, **HOME_ADDRESS)
    assert "1 × Cotton T-shirt, Indigo, M" in browser.text
    assert "Thank you. It is paid." in browser.text

    browser.send(browser.form("/logout"))

    browser.open("/shop/orders")
    assert name not in browser.text
    assert "No orders yet." in browser.text


def test_a_different_billing_address_is_on_the_receipt(browser: PlainBrowser) -> None:
    put_into_cart(browser, "apple")
    billing = {name.replace("ship_", "bill_"): text for name, text in HOME_ADDRESS.items()}
    checkout(browser, **{**GUEST, **billing, "bill_line1": "1 Ledger Street", "billing_differs": "yes"})

    assert browser.status == 200
    assert "12 Lake Road" in browser.text
    assert "1 Ledger Street" in browser.text


def test_missing_fields_are_named_and_nothing_is_paid(browser: PlainBrowser) -> None:
    put_into_cart(browser, "apple")
    checkout(browser, ship_name="Asha Rao", ship_country="India", email="nobody", billing_differs="yes")

    assert browser.status == 422
    assert "This does not look like an e-mail address." in browser.text
    assert "Delivery: street and number" in browser.text
    assert "Bill: city" in browser.text
    assert "Choose a country." in browser.text
    assert browser.form("/shop/checkout").fields["ship_name"] == "Asha Rao"
    browser.open("/shop/orders")
    assert "No orders yet." in browser.text


def test_a_total_that_has_changed_is_told_and_not_charged(browser: PlainBrowser) -> None:
    put_into_cart(browser, "apple")
    browser.open("/shop/checkout")
    stale = browser.form("/shop/checkout")

    browser.send(stale, **GUEST, expected_total="3800")

    assert browser.status == 409
    assert "The total was ₹38.00 and is now ₹39.00." in browser.text
    fresh = browser.form("/shop/checkout")
    assert fresh.fields["expected_total"] == "3900"
    assert fresh.fields["key"] != stale.fields["key"]
    browser.send(fresh)
    assert "Thank you. It is paid." in browser.text


def test_a_cart_changed_in_another_tab_is_shown_before_it_is_paid(browser: PlainBrowser) -> None:
    put_into_cart(browser, "apple")
    browser.open("/shop/checkout")
    stale = browser.form("/shop/checkout")
    put_into_cart(browser, "banana")

    browser.send(stale, **GUEST)

    assert browser.status in (409, 412)
    assert "Nothing was charged" in browser.text
    assert "1 × Banana" in browser.text


def test_quantities_change_lines_go_and_come_back_and_the_cart_empties(browser: PlainBrowser) -> None:
    put_into_cart(browser, "apple")
    put_into_cart(browser, "banana")
    browser.open("/shop/cart")
    browser.send(browser.form("/shop/cart/items/apple"), quantity="5")
    assert "₹195.00" in browser.text

    browser.send(browser.form("/shop/cart/items/apple/remove"))
    assert "Apple is out of the cart." in browser.text
    browser.send(browser.form("/shop/cart/items", sku="apple"))
    assert browser.form("/shop/cart/items/apple").fields["quantity"] == "5"

    browser.send(browser.form("/shop/cart/clear"))
    assert "Nothing in here yet." in browser.text


@pytest.mark.parametrize("typed", ["-1", "1.5", "many", "1000000000", "1000"])
def test_a_quantity_that_is_none_is_told_beside_the_line(browser: PlainBrowser, typed: str) -> None:
    put_into_cart(browser, "apple", 2)
    browser.open("/shop/cart")

    browser.send(browser.form("/shop/cart/items/apple"), quantity=typed)

    assert browser.status == 422
    assert browser.form("/shop/cart/items/apple").fields["quantity"] == "2"


def test_several_carts_are_named_switched_and_deleted(browser: PlainBrowser) -> None:
    put_into_cart(browser, "apple")
    browser.open("/shop/cart")
    first = browser.form("/shop/cart/items/apple").fields["cart_id"]
    browser.send(browser.form(f"/shop/carts/{first}/name"), name="Office")
    browser.send(browser.form("/shop/carts"), name="Birthday")
    assert "Nothing in here yet." in browser.text
    put_into_cart(browser, "banana")
    browser.open("/shop/cart")
    second = browser.form("/shop/cart/items/banana").fields["cart_id"]
    assert second != first

    browser.send(browser.form(f"/shop/carts/{first}/activate"))
    assert "₹39.00" in browser.text
    browser.send(browser.form(f"/shop/carts/{second}/delete"))

    assert "Birthday" not in browser.text
    assert "Office" in browser.text


ANSWERS = {
    "Add them up": 5,
    "Keep the larger number": 3,
    "Keep my account's number": 3,
    "Take the number from before": 2,
}


def test_who_is_asked_about_two_carts_puts_them_together_and_takes_them_apart_again(browser: PlainBrowser) -> None:
    put_into_cart(browser, "apple", 3)
    name = sign_up(browser)
    with PlainBrowser(str(browser.address.copy_with(path="/", query=None))) as phone:
        put_into_cart(phone, "apple", 2)
        phone.open("/login?merge=ask&next=/shop/cart")
        phone.send(phone.page.forms[0], username=name, password="a long enough password")
        question = "How many of what is in both?"
        assert question in phone.text
        assert "2 × " in phone.text
        said = {answer: f"{answer}: {number} × " for answer, number in ANSWERS.items()}
        assert [answer for answer, words in said.items() if words not in phone.text] == []

        # when: they answer by one of the buttons
        phone.send(phone.form("/shop/merges"), strategy="sum")

        assert question not in phone.text
        assert "2 × " in phone.text
        assert "which makes 5" in phone.text
        undo = next(form for form in phone.page.forms if form.action.endswith("/undo"))
        # and: the page knows the receipt by itself, where this session has merged nothing, or is not known to have yet
        browser.open(f"{phone.address.path}?{phone.address.query.decode()}")
        assert "which makes 5" in browser.text
        browser.open("/shop/cart?signed_in=1")
        assert "which makes 5" not in browser.text
        # and: they take it back, and have two carts
        phone.send(undo)
        assert "From before signing in" in phone.text
        assert "has a cart of its own, below" in phone.text
        assert "You signed in" not in phone.text
        # and: the form of before, sent once more by a page that stayed open, changes nothing
        shown = phone.text
        phone.send(undo)
        assert phone.text == shown


def test_goods_can_be_leafed_through_by_category_and_page(browser: PlainBrowser) -> None:
    browser.open("/shop/")
    browser.click("More goods")
    assert browser.status == 200
    assert "From the beginning" in browser.text

    browser.open("/shop/")
    browser.click("Books")

    assert "Pocket Atlas of Rivers" in browser.text
    assert "Banana" not in browser.text


def test_what_is_sold_out_cannot_be_added(browser: PlainBrowser) -> None:
    browser.open("/shop/products/brass-lamp")

    assert "Sold out" in browser.text
    assert all(form.action != "/shop/cart/items" for form in browser.page.forms)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/shop/products/no-such-thing", "No such goods"),
        (f"/shop/orders/{uuid.UUID(int=0)}", "No such order"),
        ("/shop/orders/what", "Nothing here"),
        ("/shop/nowhere", "Nothing here"),
        ("/shop/products/..%2Fcategories", "Nothing here"),
    ],
)
def test_a_wrong_address_is_told_on_a_page_of_the_shop(browser: PlainBrowser, path: str, told: str) -> None:
    browser.open(path)

    assert browser.status in (404, 422)
    assert told in browser.text
    assert browser.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in browser.headers["content-security-policy"]


def test_a_form_of_another_site_is_refused_and_changes_nothing(browser: PlainBrowser) -> None:
    put_into_cart(browser, "apple")
    browser.open("/shop/cart")
    form = browser.form("/shop/cart/clear")

    refused = browser.post(form, headers={"Sec-Fetch-Site": "cross-site"})

    assert refused.status_code == 403
    browser.open("/shop/cart")
    assert "₹39.00" in browser.text


def test_a_page_on_another_host_name_leads_to_the_public_one(stack: RunningStack) -> None:
    public = urlsplit(stack.url)
    elsewhere = urlunsplit(public._replace(netloc=f"127.0.0.1:{public.port}", path="/shop/cart", query="a=b"))

    answer = httpx.get(elsewhere)

    assert answer.status_code == 307
    assert answer.headers["location"] == f"{stack.url}/shop/cart?a=b"


def test_static_files_and_pictures_are_cached_and_no_page_is(browser: PlainBrowser) -> None:
    browser.open("/shop/")
    assert browser.headers["cache-control"] == "no-store"

    browser.open("/static/style.css")
    assert browser.headers["cache-control"] == "public, max-age=300"
    browser.open("/shop/pictures/apple.svg")
    assert browser.headers["content-type"] == "image/svg+xml"
    assert "set-cookie" not in browser.headers


def test_programs_still_read_a_problem_as_json(stack: RunningStack) -> None:
    answer = httpx.get(f"{stack.url}/shop/nowhere", headers={"Accept": "application/json"})

    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
