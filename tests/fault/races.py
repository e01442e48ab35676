"""Stage `races`: requests that should not meet, meeting, on a running stack with two controllers and two cartdbs."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import httpx

from services.local.stack import Stack
from services.verify.check import verify_now
from tests.fault.ground import Call, Ground, only, order_id_of, stack_of_two, statuses
from tests.fault.mutant_controller import stack_of
from tests.fault.report import Asked, Case, Mutant, Report
from tests.integration.shop_client import Shop, Shopper
from tests.verifying import books_of

TITLE = "Requests that should not meet, meeting: a running stack, two controllers, two cartdbs"
WHOLE_SECONDS, SHORT_SECONDS = 50.0, 4.0
EDITS_WITHIN = 0.4
MUTANT_SECONDS = 12.0
FRESH_ID = "fresh-id-per-try"
SAFEGUARDS = {FRESH_ID: "a fresh checkout id per try"}


def equal_checkouts_at_once(ground: Ground) -> None:
    """Twenty requests under one key."""
    _pay_once(ground, lambda cart, tab, key: [partial(tab.check_out, cart, key=key)] * 20, "201", "202")


def double_clicks_without_a_key(ground: Ground) -> None:
    """Five requests without a key; those that come after the winner's end find the cart sold."""
    clicked = ("201", "202", "409 cart_in_checkout", "409 cart_already_purchased")
    _pay_once(ground, lambda cart, tab, _: [partial(tab.check_out, cart)] * 5, *clicked)


def two_tabs_with_keys_of_their_own(ground: Ground) -> None:
    """Two requests under two keys, each three times."""
    allowed = ("201", "202", "409 cart_in_checkout", "409 cart_already_purchased")
    _pay_once(
        ground,
        lambda cart, tab, key: [partial(tab.check_out, cart, key=f"{key}-{tab_number}") for tab_number in (1, 2)] * 3,
        *allowed,
    )


def one_request_at_both_controllers(ground: Ground) -> None:
    """The same request, sent past the proxy to each controller itself."""
    guest, sku = ground.shop.guest(), ground.shop.goods(stock=9)
    cart, key = guest.add(sku, 2), ground.key()
    tabs = [ground.tab(guest, address) for address in ground.stack.replicas("controller")]
    assert len(tabs) == 2

    answers = ground.race([partial(tab.check_out, f"/carts/{cart['cart_id']}/checkout", key=key) for tab in tabs] * 3)

    only(answers, "201", "202")
    order = ground.decided(guest, order_id_of(cart, key))
    assert {answer.json()["order_id"] for answer in answers} == {order["order_id"]}
    assert order["status"] == "paid"
    ground.one_charge(order)
    _sold(ground, sku, 7)


def _pay_once(ground: Ground, calls: Callable[[str, Shopper, str], Sequence[Call]], *allowed: str) -> None:
    shop, sku = ground.shop, ground.shop.goods(stock=9)
    shopper = shop.customer() if ground.dice.random() < 0.2 else shop.guest()
    cart = shopper.add(sku, 2)

    answers = ground.race(calls(f"/carts/{cart['cart_id']}/checkout", shopper, ground.key()))

    only(answers, *allowed)
    ids = {answer.json()["order_id"] for answer in answers if answer.is_success}
    assert len(ids) == 1, f"{len(ids)} orders: {statuses(answers)}"
    order = ground.decided(shopper, ids.pop())
    assert (order["status"], order["total"]) == ("paid", cart["total_price"]), f"ended {order['status']}"
    ground.one_charge(order)
    assert [one["order_id"] for one in shopper.read("/orders")["orders"]] == [order["order_id"]], "another order"
    assert shopper.lines() == {}, "what was bought is in the new cart"
    _sold(ground, sku, 7)


def _sold(ground: Ground, sku: str, left: int) -> None:
    ground.until(lambda: ground.shop.stock_of(sku) == left, f"{ground.shop.stock_of(sku)} in stock and not {left}")


def edits_while_paying(ground: Ground) -> None:
    """Adds, sets and removals beside a checkout: each is in the order, or refused, or in a cart that is open."""
    guest, edits = ground.shop.guest(), _edits(ground)
    for edit in edits:
        if edit.before:
            guest.add(edit.sku)
    cart, tab = guest.add(ground.shop.goods()), ground.tab(guest)
    pay = partial(guest.check_out, f"/carts/{cart['cart_id']}/checkout", key=ground.key())

    changes = [partial(tab.http.request, *edit.request, json=edit.body) for edit in edits]

    paid, *answers = ground.race([pay, *(ground.later(change, EDITS_WITHIN) for change in changes)])

    only([paid], "201", "202", "409")
    only(answers, "200", "404", "409 cart_in_checkout", "409 cart_already_purchased")
    if not paid.is_success:
        paid = guest.check_out(f"/carts/{cart['cart_id']}/checkout", key=ground.key())
    assert paid.is_success, f"ended {statuses([paid])}"
    order = ground.decided(guest, paid.json()["order_id"])
    ground.one_charge(order)
    assert sum(line["line_total"] for line in order["items"]) == order["total"]
    bought, open_now = {line["sku"]: line["quantity"] for line in order["items"]}, guest.lines()
    for edit, answer in zip(edits, answers, strict=True):
        made_in_order = answer.is_success and answer.json()["cart_id"] == order["cart_id"]
        where = "in the order" if made_in_order else "in the next cart" if answer.is_success else "refused"
        ground.ended[f"edits while paying: {where}"] += 1
        wished = edit.after if made_in_order else edit.before
        assert bought.get(edit.sku, 0) == wished, f"an edit answered {answer.status_code} is not what was bought"
        if answer.is_success and not made_in_order:
            assert open_now.get(edit.sku, 0) == edit.after, "an edit of the next cart is lost"


@dataclass(frozen=True)
class Edit:
    """A change of one line, and how much of it is in the cart before and after."""

    sku: str
    request: tuple[str, str]
    body: dict[str, object] | None
    before: int
    after: int


def _edits(ground: Ground) -> list[Edit]:
    dice = ground.dice
    # Cheap, so that the total stays within what a processor takes.
    skus, wanted = [ground.shop.goods(price=dice.randint(100, 9999)) for _ in range(9)], dice.randint(2, 9)
    return [
        *(Edit(sku, ("POST", "/cart/items"), {"sku": sku}, 0, 1) for sku in skus[:3]),
        *(Edit(sku, ("PUT", f"/cart/items/{sku}"), {"quantity": wanted}, 1, wanted) for sku in skus[3:6]),
        *(Edit(sku, ("DELETE", f"/cart/items/{sku}"), None, 1, 0) for sku in skus[6:]),
    ]


def a_price_changes_while_paying(ground: Ground) -> None:
    """The shopper pays what was shown, or hears the new total and pays nothing."""
    shop, guest, sku = ground.shop, ground.shop.guest(), ground.shop.goods()
    cart = guest.add(sku, 3)
    shown = cart["total_price"]
    price = shown // 3 + ground.dice.choice([-100, 250])
    pay = partial(guest.check_out, f"/carts/{cart['cart_id']}/checkout", key=ground.key(), expected_total=shown)

    def reprice() -> httpx.Response:
        shop.reprice(sku, price)
        return guest.http.get("/session")

    paid, _ = ground.race([pay, reprice])

    only([paid], "201", "202", "409 checkout_changed")
    ground.ended[f"price changes while paying: {'too late' if paid.is_success else 'told'}"] += 1
    ground.no_charge(3 * price)
    if paid.is_success:
        order = ground.decided(guest, paid.json()["order_id"])
        assert (order["status"], order["total"]) == ("paid", shown)
        ground.one_charge(order)
    else:
        assert (paid.json()["expected_total"], paid.json()["total"]) == (shown, 3 * price)
        ground.no_charge(shown)
        assert guest.lines() == {sku: 3}, "a refused checkout changed the cart"


def a_cancel_against_the_payment(ground: Ground) -> None:
    """One of them wins, and both shoppers' windows tell the same."""
    guest, sku = ground.shop.guest(), ground.shop.goods(stock=9)
    cart, key = guest.add(sku, 2), ground.key()
    order_id, tab = order_id_of(cart, key), ground.tab(guest)
    pay = partial(guest.check_out, f"/carts/{cart['cart_id']}/checkout", key=key)
    cancel = partial(tab.http.post, f"/orders/{order_id}/cancel")

    paid, *cancels = ground.race([pay, cancel, cancel, cancel])

    only([paid], "201", "202", "409 checkout_refused")
    only(cancels, "200", "404", "409 checkout_cannot_be_cancelled", "409 cart_in_checkout")
    order = ground.decided(guest, order_id)
    won = order["status"] == "paid"
    ground.ended[f"cancels against a payment: {'too late' if won else 'in time'}"] += 1
    told_paid = paid.status_code == 201 or "409 checkout_cannot_be_cancelled" in statuses(cancels)
    called_off = paid.status_code == 409 or any(one.is_success for one in cancels)
    assert not (told_paid and not won), "told paid, and it is not"
    assert not (called_off and won), "told called off, and it is paid"
    if won:
        ground.one_charge(order)
    else:
        ground.no_charge(cart["total_price"])
        assert guest.lines() == {sku: 2}, "a cart that was called off is not as it was"
    _sold(ground, sku, 7 if won else 9)


def a_sign_in_against_the_payment(ground: Ground) -> None:
    """The guest's goods are bought or in the user's cart: never both, never neither."""
    shop, sku = ground.shop, ground.shop.goods(stock=9)
    account, guest = shop.customer(), shop.guest()
    cart, key = guest.add(sku, 2), ground.key()
    tab, callback = ground.tab(guest), shop.way_back(guest, account.username)
    pay = partial(tab.check_out, f"/carts/{cart['cart_id']}/checkout", key=key)

    paid, signed_in = ground.race([pay, partial(guest.http.get, callback)])

    only([paid], "201", "202", "404", "409")
    only([signed_in], "303")
    order_id = order_id_of(cart, key)
    answer = guest.http.get(f"/orders/{order_id}")
    order = ground.decided(guest, order_id) if answer.is_success else None
    bought = order is not None and order["status"] == "paid"
    ground.ended[f"sign-ins against a payment: {'the goods were bought' if bought else 'the goods went along'}"] += 1
    if order is not None and bought:
        ground.one_charge(order)
        assert guest.lines() == {}, "what was bought is in the user's cart too"
    else:
        assert paid.status_code != 201, "told paid, and there is no order"
        ground.no_charge(cart["total_price"])
        ground.until(lambda: guest.lines() == {sku: 2}, f"neither bought nor in the user's cart: {guest.lines()}")
    _sold(ground, sku, 7 if bought else 9)


def refunds_at_once(ground: Ground) -> None:
    """One refund five times under one key, beside others of other amounts: never more than was paid."""
    shop, sku = ground.shop, ground.shop.goods(stock=9)
    order, olga = shop.guest().buy(sku, 2), shop.operator()
    path, total = f"/orders/{order['order_id']}/refunds", order["total"]

    def refund(amount: int, key: str) -> Call:
        return lambda: olga.http.post(path, json={"amount": amount}, headers={"Idempotency-Key": key})

    same = [refund(total * 2 // 5, ground.key())] * 5
    others = [refund(total * 2 // 5 + number, ground.key()) for number in range(1, 5)]

    answers = ground.race([*same, *others])

    only(answers, "201", "202", "422 refund_exceeds_payment")
    assert len({answer.status_code == 422 for answer in answers[:5]}) == 1, "one key, two answers"
    ids = {answer.json()["refund"]["refund_id"] for answer in answers if answer.is_success}
    assert len(ids) == 2, f"{len(ids)} refunds of two fifths each"

    def decided() -> bool:
        told = olga.read(f"/orders/{order['order_id']}")["refunds"]
        return all(one["status"] != "pending" for one in told)

    ground.until(decided, "a refund is pending for ever")
    told = {one["refund_id"]: one["amount"] for one in olga.read(f"/orders/{order['order_id']}")["refunds"]}
    given = {one["metadata"]["refund_id"]: one["amount"] for one in shop.given_back(total)}
    assert told == given == {name: told[name] for name in ids}, "the shop and the processor tell different refunds"
    assert sum(given.values()) <= total


def many_buyers_of_a_few_units(ground: Ground, buyers: int = 50, units: int = 5) -> None:
    """Fifty for five."""
    shop, sku = ground.shop, ground.shop.goods(stock=units)
    guests = [shop.guest() for _ in range(buyers)]
    for guest in guests:
        total = guest.add(sku)["total_price"]

    answers = ground.race([partial(guest.check_out, key=ground.key()) for guest in guests])

    _sell_out(ground, guests, answers, units)
    assert len(shop.charges(total)) == units, "another number of charges than units"
    _sold(ground, sku, 0)


def many_goods_in_opposite_orders(ground: Ground) -> None:
    """Half of the shoppers want the same goods in the order in which the other half does not."""
    skus = [ground.shop.goods(stock=4) for _ in range(6)]
    guests = [ground.shop.guest() for _ in range(8)]
    for number, guest in enumerate(guests):
        for sku in skus if number % 2 else reversed(skus):
            guest.add(sku)

    answers = ground.race([partial(guest.check_out, key=ground.key()) for guest in guests])

    _sell_out(ground, guests, answers, 4)
    for sku in skus:
        _sold(ground, sku, 0)


def _sell_out(ground: Ground, guests: list[Shopper], answers: list[httpx.Response], units: int) -> None:
    only(answers, "201", "202", "409 out_of_stock")
    ends = [
        ground.decided(guest, answer.json()["order_id"])["status"]
        for guest, answer in zip(guests, answers, strict=True)
        if answer.is_success
    ]
    assert ends.count("paid") == units, f"{ends.count('paid')} orders for {units} units"


@dataclass(frozen=True)
class Race:
    """A kind of round, and the real failures it stands for. Every so many turns it is due."""

    round: Callable[[Ground], None]
    name: str
    threads: tuple[str, ...]
    every: int = 1


RACES = (
    Race(equal_checkouts_at_once, "one checkout sent 20 times at once under one key", ("FT-27", "FT-31", "FT-33")),
    Race(double_clicks_without_a_key, "one checkout clicked 5 times without a key", ("FT-28",)),
    Race(two_tabs_with_keys_of_their_own, "two tabs pay for one cart under two keys", ("FT-27", "FT-45")),
    Race(one_request_at_both_controllers, "one request at both controllers at once", ("FT-29", "FT-30", "FT-36")),
    Race(edits_while_paying, "lines added, set and removed while it is paid", ("FT-01", "FT-46", "FT-66")),
    Race(a_price_changes_while_paying, "the price changes while it is paid", ("FT-66", "FT-67")),
    Race(a_cancel_against_the_payment, "the shopper cancels and pays at once", ("FT-24", "FT-40", "FT-44")),
    Race(a_sign_in_against_the_payment, "the guest signs in and pays at once", ("FT-21", "FT-22")),
    Race(refunds_at_once, "operators refund one order 9 times at once", ("FT-43", "FT-56")),
    Race(many_buyers_of_a_few_units, "50 buyers for 5 units", ("FT-39", "FT-48", "FT-50", "FT-51", "FT-53"), 4),
    Race(many_goods_in_opposite_orders, "8 buyers of 6 goods in opposite orders, 4 of each", ("FT-50", "FT-52"), 4),
)


def run(asked: Asked) -> Report:
    """Rounds of each race; and, where there is time, whether they would have noticed a safeguard that is missing."""
    report = run_all(asked)
    if not asked.short:
        report.mutants = [tried(FRESH_ID, asked)]
    return report


def tried(name: str, asked: Asked) -> Mutant:
    """The races on controllers without a safeguard, until one of them notices."""
    report = _empty(asked)
    with stack_of_two(stack_of(name)) as stack:
        _rounds(report, stack, asked, until=time.monotonic() + MUTANT_SECONDS, stop_early=True)
    noticed_by = next((case.name for case in report.cases if case.broken), None)
    return Mutant(SAFEGUARDS[name], noticed_by, report.tried, "rounds")


def _empty(asked: Asked) -> Report:
    return Report("races", TITLE, asked.seed, cases=[Case(race.name, race.threads) for race in RACES])


def run_all(asked: Asked) -> Report:
    """Rounds of each race in turn, until the time is up."""
    report = _empty(asked)
    started = time.monotonic()
    with stack_of_two() as stack:
        ready = time.monotonic()
        ended = _rounds(report, stack, asked, until=ready + (SHORT_SECONDS if asked.short else WHOLE_SECONDS))
        racing = time.monotonic() - ready
        books = verify_now(books_of(stack), strict=True)
    report.broken = [f"the books: {one.invariant}: {one.what} ({one.where})" for one in books.violations]
    report.counts = {
        "rounds": report.tried,
        "requests that met": ended.pop("requests that met"),
        **dict(sorted(ended.items())),
        "rounds per second": round(report.tried / racing, 1),
        "purchases in the books": books.counts["purchases"],
        "charges in the books": books.counts["charges"],
        "start of the stack, s": round(ready - started, 1),
    }
    return report


def _rounds(report: Report, stack: Stack, asked: Asked, *, until: float, stop_early: bool = False) -> Counter[str]:
    ended, number = Counter[str](), 0
    while number == 0 or time.monotonic() < until:
        for race, case in zip(RACES, report.cases, strict=True):
            if number % race.every or (number and time.monotonic() >= until):
                continue
            with Shop(stack) as shop:
                ground = Ground(shop, stack, Random(f"{asked.seed} {race.name} {number}"))
                case.tried += 1
                try:
                    race.round(ground)
                except (AssertionError, httpx.HTTPError, KeyError) as broken:
                    case.broken.append(f"round {number}: {str(broken) or repr(broken)}")
                ended += ground.ended
            if stop_early and case.broken:
                return ended
        number += 1
        print(f"races: {report.tried} rounds", file=sys.stderr)
    return ended
