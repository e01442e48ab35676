"""Calling a checkout off while it is processing: whatever is told, it stays so."""

import time
import uuid
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx

from services.controller.quote import checkout_id_of
from tests.integration.shop_client import Shop, Shopper, at_once, problem_type
from tests.stacks import RunningStack

PATIENCE_SECONDS = 30.0
HTML = {"Accept": "text/html"}


def until(ask: Callable[[], httpx.Response], wanted: Callable[[httpx.Response], bool]) -> httpx.Response:
    """The first answer that is as wanted, within the deadline."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not wanted(answer := ask()):
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    return answer


async def test_a_checkout_without_an_answer_is_called_off_once_the_processor_is_back(
    stack: RunningStack, shop: Shop
) -> None:
    guest = shop.guest()
    sku = shop.goods(stock=5)
    total = guest.add(sku, 2)["total_price"]

    stack.kill("payments")
    try:
        checkout = guest.check_out(key="called-off")
        order_id = checkout.json()["order_id"]
        # Reconcile would call it off as abandoned: an order of tomorrow is not old enough for it.
        await shop.rows(
            "cartdb",
            "UPDATE purchases SET created_at = now() + interval '1 day' WHERE checkout_id = $1",
            UUID(order_id),
        )
        while_down = guest.http.post(f"/orders/{order_id}/cancel")
        still = guest.read(f"/orders/{order_id}")
    finally:
        stack.start("payments")
    called_off = guest.http.post(f"/orders/{order_id}/cancel")
    again = guest.http.post(f"/orders/{order_id}/cancel")
    late = guest.check_out(key="called-off")

    assert (checkout.status_code, still["status"]) == (202, "processing")
    assert (while_down.status_code, problem_type(while_down)) == (409, "cart_in_checkout")
    assert while_down.headers["retry-after"] == "2"
    assert "cancel" not in while_down.text.replace("/cancel", "")
    assert called_off.status_code == 200, called_off.text
    assert (called_off.json()["status"], called_off.json()["reason"]) == ("refused", "cancelled")
    assert again.json() == called_off.json()
    assert (late.status_code, problem_type(late)) == (409, "checkout_refused")
    assert guest.lines() == {sku: 2}
    assert (shop.charges(total), shop.stock_of(sku)) == ([], 5)
    assert guest.check_out(key="another").status_code == 201


async def test_a_shopper_calls_it_off_from_the_orders_page(stack: RunningStack, shop: Shop) -> None:
    guest = shop.guest()
    sku = shop.goods(stock=5)
    guest.add(sku, 2)
    stack.kill("payments")
    try:
        order_id = guest.check_out(key="from-the-page").json()["order_id"]
        await shop.rows(
            "cartdb",
            "UPDATE purchases SET created_at = now() + interval '1 day' WHERE checkout_id = $1",
            UUID(order_id),
        )
        page, action = f"/shop/orders/{order_id}", f"/shop/orders/{order_id}/cancel"
        waiting = guest.http.get(page, headers=HTML)
        cart = guest.http.get("/shop/cart", headers=HTML)
        too_early = guest.http.post(action, data={"key": "one"}, headers=HTML)
        told = guest.http.get(too_early.headers["location"], headers=HTML)
    finally:
        stack.start("payments")
    called_off = guest.http.post(action, data={"key": "two"}, headers=HTML)
    again = guest.http.post(action, data={"key": "two"}, headers=HTML)
    foreign = guest.http.post(action, data={"key": "three"}, headers={**HTML, "Origin": "https://elsewhere.example"})
    shown = guest.http.get(page, headers=HTML)

    assert f'action="{action}"' in waiting.text
    assert f'href="{page}"' in cart.text
    assert (too_early.status_code, too_early.headers["location"]) == (303, f"{page}?call_off=undecided")
    assert "It cannot be called off at this moment" in told.text
    assert [(answer.status_code, answer.headers["location"]) for answer in (called_off, again)] == [(303, page)] * 2
    assert foreign.status_code == 403
    assert "It was called off before it was paid." in shown.text
    assert action not in shown.text
    assert guest.lines() == {sku: 2}


def test_a_cancel_and_a_charge_under_way_have_one_outcome_and_both_are_told_it(shop: Shop) -> None:
    outcomes = {_race(shop) for _ in range(12)}

    assert outcomes <= {"paid", "refused"}


def _race(shop: Shop) -> str:
    guest = shop.guest()
    sku = shop.goods(stock=5)
    total = guest.add(sku)["total_price"]
    key = str(uuid.uuid4())
    order_id = checkout_id_of(guest.cart()["owner"]["id"], key)
    address = f"/orders/{order_id}"
    rival = Shopper(shop.browser(cookies={"sid": guest.cookie}))

    paid, cancelled = at_once([lambda: guest.check_out(key=key), lambda: _cancel(rival, address)])

    order = until(lambda: guest.http.get(address), lambda answer: answer.json()["status"] != "processing").json()
    _told(order, paid, cancelled)
    charged = len(shop.charges(total))
    assert charged == (order["status"] == "paid")
    assert shop.stock_of(sku) == 5 - charged
    return str(order["status"])


def _cancel(rival: Shopper, address: str) -> httpx.Response:
    """As soon as there is something to call off, until it is known what became of it."""
    return until(
        lambda: rival.http.post(f"{address}/cancel"),
        lambda answer: answer.status_code == 200 or problem_type(answer) == "checkout_cannot_be_cancelled",
    )


def _told(order: dict[str, Any], paid: httpx.Response, cancelled: httpx.Response) -> None:
    if order["status"] == "paid":
        assert paid.status_code in (201, 202), paid.text
        assert cancelled.status_code == 409
    else:
        assert order["reason"] == "cancelled"
        assert paid.status_code in (202, 409), paid.text
        assert cancelled.json()["status"] == "refused"
