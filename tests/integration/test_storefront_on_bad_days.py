"""What a person without scripts sees while a service is down, and after it has come back."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.stacks import RunningStack

from .plain_browser import PlainBrowser
from .test_storefront_without_javascript import GUEST, put_into_cart


@pytest.fixture
def browser(stack: RunningStack) -> Iterator[PlainBrowser]:
    with PlainBrowser(stack.url) as browser:
        yield browser


@contextmanager
def down(stack: RunningStack, name: str) -> Iterator[None]:
    stack.kill(name)
    try:
        yield
    finally:
        stack.start(name)


def test_without_cartdb_the_goods_are_shown_and_the_cart_page_waits_for_it(
    browser: PlainBrowser, stack: RunningStack
) -> None:
    put_into_cart(browser, "apple", 2)

    with down(stack, "cartdb"):
        browser.open("/shop/")
        assert browser.status == 200
        assert "Your cart does not answer at the moment." in browser.text
        browser.open("/shop/cart")
        assert browser.status == 503
        assert "Nothing is lost." in browser.text

    browser.leave_open()
    assert browser.status == 200
    assert browser.form("/shop/cart/items/apple").fields["quantity"] == "2"


def test_an_add_that_did_not_get_through_may_be_sent_again(browser: PlainBrowser, stack: RunningStack) -> None:
    browser.open("/shop/products/apple")
    form = browser.form("/shop/cart/items")
    with down(stack, "cartdb"):
        browser.send(form, quantity="3")
        assert browser.status == 503
        assert "However often it arrives, it counts once." in browser.text

    browser.send(form, quantity="3")
    browser.send(form, quantity="3")

    assert "you have 3 now" in browser.text


def test_without_catalog_the_goods_page_comes_back_by_itself(browser: PlainBrowser, stack: RunningStack) -> None:
    with down(stack, "catalog"):
        browser.open("/shop/")
        assert browser.status == 503
        assert "One moment, please" in browser.text

    browser.leave_open()

    assert browser.status == 200
    assert "Apple" in browser.text


def test_a_payment_with_an_unknown_outcome_is_waited_for_and_can_be_made_again(
    browser: PlainBrowser, stack: RunningStack
) -> None:
    put_into_cart(browser, "apple", 2)
    browser.open("/shop/checkout")
    with down(stack, "payments"):
        browser.send(browser.form("/shop/checkout"), **GUEST)
        assert browser.status == 200
        assert "Waiting for the bank" in browser.text

    browser.leave_open()
    assert "This was not paid" in browser.text
    browser.click("Go to the cart")
    browser.click("Go to checkout")
    browser.send(browser.form("/shop/checkout"), **GUEST)

    assert "Thank you. It is paid." in browser.text
