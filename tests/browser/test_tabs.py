"""cart-manager.js in tabs of one browser, before the running shop: they agree, share a stream, and survive bad days."""

import uuid

from tests.browser.tabs import Browser, Tab, lines, until
from tests.integration.shop_client import ADDRESS, PASSWORD, Shop

LOOK_AWAY = """() => {
  Object.defineProperty(document, "hidden", { get: () => true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
CARD = {"paymentMethod": "pm_card_visa", "email": "asha@example.com"}


def sign_up(tab: Tab, name: str) -> None:
    tab.open("/login?next=/shop/cart")
    tab.page.get_by_role("link", name="Create an account").click()
    tab.page.get_by_label("Username").fill(name)
    tab.page.get_by_label("Password").fill(PASSWORD)
    tab.page.get_by_role("button", name="Create account").click()
    tab.page.wait_for_url("**/shop/cart*")


def sign_in(tab: Tab, name: str, *, merge: str) -> None:
    tab.open(f"/login?next=/shop/cart&merge={merge}")
    tab.page.get_by_label("Username").fill(name)
    tab.page.get_by_label("Password").fill(PASSWORD)
    tab.page.get_by_role("button", name="Sign in", exact=True).click()
    tab.page.wait_for_url("**/shop/cart*")


def test_two_tabs_agree_within_a_second_after_interleaved_edits(browser: Browser) -> None:
    one, two = browser.tabs(2)

    one.ask("addItem", {"sku": "apple", "quantity": 2})
    two.ask("addItem", {"sku": "apple", "quantity": 3})
    two.ask("addItem", {"sku": "banana"})
    one.page.evaluate("() => void (window.later = manager.updateItem('apple', 7))")
    two.page.evaluate("() => void (window.later = manager.updateItem('banana', 4))")
    one.page.evaluate("() => window.later")
    two.page.evaluate("() => window.later")
    both = {"apple": 7, "banana": 4}

    assert until(lambda: one.shown() == two.shown() == both, within=1) < 1
    assert browser.device().lines() == both


def test_adds_of_two_tabs_at_once_all_count(browser: Browser) -> None:
    tabs = browser.tabs(2)

    for tab in tabs:
        tab.page.evaluate(
            "() => void (window.all = Promise.all(Array.from({length: 10}, () => manager.addItem({sku: 'apple'}))))"
        )
    for tab in tabs:
        tab.page.evaluate("() => window.all.then(() => null)")

    until(lambda: all(tab.shown() == {"apple": 20} for tab in tabs), within=1)
    assert browser.refusals == []


def test_the_header_of_every_page_shows_what_another_device_did_within_a_second(browser: Browser) -> None:
    one, two = browser.tab(), browser.tab()
    until(lambda: len(browser.streams) == 1)
    apple = browser.device().read("/products/apple")

    browser.device().add("apple", 3)

    amount = f"₹{3 * apple['price'] / 100:,.2f}"
    until(lambda: one.header() == two.header() == f"Cart: 3 items, {amount}", within=1)
    browser.device().http.delete("/cart/items/apple")
    until(lambda: one.header() == two.header() == "Cart: 0 items, ₹0.00", within=1)
    assert browser.refusals == []


def test_a_browser_has_one_stream_however_many_tabs_and_when_its_tab_closes_another_takes_over(
    browser: Browser,
) -> None:
    tabs = browser.tabs(4)
    until(lambda: len(browser.streams) == 1)
    assert len(browser.opened) == 1

    leader = browser.leader(tabs)
    leader.page.close()
    tabs.remove(leader)
    until(lambda: len(browser.streams) == 1)
    browser.device().add("apple")

    until(lambda: all(tab.shown() == {"apple": 1} for tab in tabs), within=2)
    assert len(browser.opened) == 2


def test_a_leader_that_does_not_answer_is_replaced_by_the_tab_that_is_looked_at(browser: Browser) -> None:
    tabs = browser.tabs(2)
    until(lambda: len(browser.streams) == 1)
    leader = browser.leader(tabs)
    other = next(tab for tab in tabs if tab is not leader)

    # As silent as if the system had put it to sleep.
    leader.page.evaluate("() => void (BroadcastChannel.prototype.postMessage = () => {})")
    other.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    until(lambda: len(browser.opened) > 1 and len(browser.streams) == 1)
    assert browser.leader(tabs) is other

    browser.device().add("apple")
    until(lambda: leader.shown() == other.shown() == {"apple": 1}, within=2)


def test_where_tabs_cannot_agree_on_one_stream_many_of_them_leave_the_browser_connections(browser: Browser) -> None:
    # As on http pages that are not localhost; and a browser without a screen takes every tab for one that is seen.
    browser.context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined })")
    tabs: list[Tab] = []
    for _ in range(7):
        for tab in tabs:
            tab.page.evaluate(LOOK_AWAY)
        tabs.append(browser.tab())

    assert tabs[-1].listen().ask("addItem", {"sku": "apple"})["total_items"] == 1
    until(lambda: {stream.frame.page for stream in browser.streams} == {tabs[-1].page})


def test_tabs_heal_when_the_controller_dies_and_comes_back(browser: Browser, shop: Shop) -> None:
    one, two = browser.tabs(2)
    one.ask("addItem", {"sku": "apple"})
    until(lambda: two.shown() == {"apple": 1})

    shop.stack.kill("controller")
    two.page.evaluate("() => void (window.later = manager.addItem({sku: 'banana'}))")
    until(lambda: "unreachable" in two.told())
    shop.stack.start("controller")
    two.page.evaluate("() => window.later.then(() => null)")

    until(lambda: one.shown() == two.shown() == {"apple": 1, "banana": 1})
    assert two.told().count("recovered") == 1
    until(lambda: len(browser.streams) == 1)
    browser.device().add("mango")
    until(lambda: one.shown() == two.shown() == {"apple": 1, "banana": 1, "mango": 1}, within=5)


def test_tabs_that_were_offline_end_on_the_cart_as_it_is(browser: Browser) -> None:
    one, two = browser.tabs(2)
    device = browser.device()

    browser.context.set_offline(offline=True)
    two.page.evaluate("() => void (window.later = manager.addItem({sku: 'banana'}))")
    until(lambda: "unreachable" in two.told())
    device.add("apple", 2)
    browser.context.set_offline(offline=False)
    two.page.evaluate("() => window.later.then(() => null)")

    until(lambda: one.shown() == two.shown() == {"apple": 2, "banana": 1})
    device.add("apple")
    until(lambda: one.shown() == two.shown() == {"apple": 3, "banana": 1}, within=5)


def test_a_sign_in_in_another_tab_brings_the_users_cart_to_all(browser: Browser) -> None:
    one, two = browser.tabs(2)
    guest = one.ask("addItem", {"sku": "apple", "quantity": 2})

    sign_up(two, f"test-{uuid.uuid4().hex[:16]}")
    two.listen()

    assert one.ask("addItem", {"sku": "apple"})["owner"]["id"] != guest["owner"]["id"]
    until(lambda: one.shown() == two.shown() == {"apple": 3})
    browser.device().add("banana")
    until(lambda: one.shown() == two.shown() == {"apple": 3, "banana": 1}, within=15)
    assert len(browser.streams) == 1


def test_what_one_tab_bought_leaves_a_new_empty_cart_in_all(browser: Browser, shop: Shop) -> None:
    one, two = browser.tabs(2)
    sku = shop.goods()
    two.ask("addItem", {"sku": sku})

    order = one.ask("checkout", ADDRESS, None, CARD)

    assert order["status"] == "paid"
    until(lambda: one.shown() == two.shown() == {}, within=1)
    assert two.ask("addItem", {"sku": "apple"})["cart_id"] != order["cart_id"]
    until(lambda: one.shown() == two.shown() == {"apple": 1}, within=1)


def test_a_set_of_a_line_that_another_tab_has_set_is_refused_with_the_cart_of_now(browser: Browser) -> None:
    one, deaf = browser.tab().listen(), browser.tab()
    one.ask("addItem", {"sku": "apple"})
    one.ask("addItem", {"sku": "banana"})
    # Without channel and stream it knows of nothing but what it asked for.
    deaf.listen(BroadcastChannel=None, EventSource=None, pollEvery=1_000_000)

    one.ask("updateItem", "apple", 5)
    refused = deaf.call("updateItem", "apple", 2)["refused"]
    one.ask("updateItem", "apple", 6)
    agreed = deaf.ask("updateItem", "banana", 3)

    assert (refused["kind"], refused["status"], lines(refused["cart"])) == (
        "precondition_failed",
        412,
        {"apple": 5, "banana": 1},
    )
    assert lines(agreed) == {"apple": 6, "banana": 3}
    until(lambda: one.shown() == {"apple": 6, "banana": 3}, within=1)


def test_a_page_that_is_left_and_come_back_to_shows_the_cart_of_now(browser: Browser) -> None:
    tab = browser.tab()
    tab.open("/shop/cart")
    tab.open("/shop/")
    browser.device().add("apple")

    tab.page.go_back()

    until(lambda: tab.header().startswith("Cart: 1 item,"))


def test_a_cart_page_says_when_another_tab_has_changed_the_cart_and_nothing_of_its_own_changes(
    browser: Browser,
) -> None:
    tab = browser.tab()
    tab.open("/shop/cart")
    elsewhere = tab.page.locator("#changed-elsewhere")
    until(lambda: len(browser.streams) == 1)
    assert elsewhere.is_hidden()

    browser.device().add("apple", 2)
    elsewhere.wait_for(state="visible")
    # when: they look at it as it is now, and change it here
    tab.page.get_by_role("link", name="Show it as it is now").click()
    tab.page.get_by_label("How many").fill("4")
    tab.page.get_by_role("button", name="Update").click()

    until(lambda: tab.header().startswith("Cart: 4 items,"))
    until(lambda: len(browser.streams) == 1)
    assert elsewhere.is_hidden()


def test_no_page_is_wider_than_a_phone_and_the_header_of_a_tablet_stays_in_line(browser: Browser) -> None:
    name = f"test-{uuid.uuid4().hex[:16]}"
    tab = browser.tab()
    browser.device().add("apple", 2)
    sign_up(tab, name)
    browser.context.clear_cookies()
    tab.open("/shop/products/apple")
    tab.page.get_by_role("button", name="Add to cart").click()
    sign_in(tab, name, merge="ask")
    tab.page.get_by_role("button", name="Keep the larger number").wait_for()

    tab.page.set_viewport_size({"width": 390, "height": 844})
    wide = tab.page.evaluate("() => document.documentElement.scrollWidth")
    tab.page.set_viewport_size({"width": 768, "height": 1024})
    tops = [tab.page.locator(f".top-row > {part}").bounding_box() for part in (".brand", ".who", ".cart-link")]

    assert wide == 390
    middles = {round(box["y"] + box["height"] / 2) for box in tops if box}
    assert max(middles) - min(middles) <= 2, middles


def test_nothing_is_asked_while_nothing_happens(browser: Browser) -> None:
    asked: list[str] = []
    one, two = browser.tabs(2)
    until(lambda: len(browser.streams) == 1)
    browser.context.on("request", lambda request: asked.append(request.url))

    # While a test sleeps otherwise, it hears of no request.
    one.page.wait_for_timeout(500)  # Whatever the opening of the pages still asks for is asked by then.
    asked.clear()
    one.page.wait_for_timeout(1500)

    assert asked == []
    assert one.told() == two.told() == ["cart"]
