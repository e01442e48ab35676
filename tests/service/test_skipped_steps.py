"""Steps out of order: each asks for what only an earlier step allows, is refused by name, and changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.operations import Ask, operations
from tests.service.cartdb_client import CartDb
from tests.service.catalog_stand import Stand
from tests.service.good_requests import CARTDB, CATALOG, PAYMENTS, somebody, somebodys_guest
from tests.service.payments_stand import SECRET, Payments

Body = Mapping[str, Any]


def elsewhere(ask: Ask) -> Ask:
    """The same of something that never was."""
    return replace(ask, ids={name: str(uuid4()) for name in ask.ids})


def intent(ask: Ask) -> Body:
    """The body that names the attached intent."""
    return {"intent_id": (ask.json or {})["intent_id"]}


OTHER = {"intent_id": "pi_another"}
REASON = {"reason": "card_declined"}
DONE, FAILED = {"processor_refund_id": "re_1"}, {"failure": "expired_card"}

# What is prepared as for an operation → the operations done before → the one that comes too early or too late, with
# its body → how it is refused.
AT_CARTDB: dict[str, tuple[str, list[str], str, Body | Callable[[Ask], Body], int, str]] = {
    "settle before a payment": ("attach", [], "settle", OTHER, 409, "intent_mismatch"),
    "settle by another payment": ("settle", [], "settle", OTHER, 409, "intent_mismatch"),
    "settle what has failed": ("unpurchase", ["unpurchase"], "settle", intent, 409, "purchase_has_failed"),
    "attach to what was called off": ("void", ["void"], "attach", OTHER, 409, "purchase_has_failed"),
    "settle what was called off": ("void", ["void"], "settle", OTHER, 409, "purchase_has_failed"),
    "attach a second payment": ("settle", [], "attach", OTHER, 409, "intent_mismatch"),
    "attach to what is paid": ("settle", ["settle"], "attach", OTHER, 409, "intent_mismatch"),
    "unmark what is paid": (
        "settle",
        ["settle"],
        "unpurchase",
        lambda ask: {**intent(ask), **REASON},
        409,
        "purchase_is_settled",
    ),
    "unmark without the payment": ("settle", [], "unpurchase", REASON, 409, "intent_mismatch"),
    "finish a refund that failed": ("fail_refund", ["fail_refund"], "finish_refund", DONE, 409, "refund_has_failed"),
    "fail a refund that is done": ("finish_refund", ["finish_refund"], "fail_refund", FAILED, 409, "refund_is_done"),
}
NEVER_WAS = {
    "attach": "order_not_found",
    "settle": "order_not_found",
    "unpurchase": "order_not_found",
    "refund": "order_not_found",
    "finish_refund": "refund_not_found",
    "fail_refund": "refund_not_found",
    "purchase": "cart_not_found",
}


async def everything(db: CartDb, owner: str) -> Any:
    """All carts and purchases of an owner."""
    query = {"state": ["pending", "paid", "failed"]}
    return (await db.http.get("/purchases", params=query, headers=db.checkout(owner))).json()


@pytest.mark.parametrize("step", AT_CARTDB)
async def test_cartdb_refuses_a_step_out_of_order(cartdb: CartDb, step: str) -> None:
    prepared, before, name, body, status, slug = AT_CARTDB[step]
    who = somebody(cartdb)
    ask = await CARTDB[prepared](cartdb, who)
    headers = cartdb.checkout(who.owner)
    for earlier in before:
        assert (await operations("cartdb")[earlier].send(cartdb.http, ask, headers)).is_success
    as_it_was = await everything(cartdb, who.owner)

    sent = dict(body(ask) if callable(body) else body)
    answer = await operations("cartdb")[name].send(cartdb.http, replace(ask, json=sent), headers)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/docs/problems#{slug}"), answer.text
    assert await everything(cartdb, who.owner) == as_it_was


@pytest.mark.parametrize("name", NEVER_WAS)
async def test_cartdb_refuses_a_step_on_what_never_began(cartdb: CartDb, name: str) -> None:
    who = somebody(cartdb)
    ask = elsewhere(await CARTDB[name](cartdb, who))
    as_it_was = await everything(cartdb, who.owner)

    answer = await operations("cartdb")[name].send(cartdb.http, ask, cartdb.checkout(who.owner))

    assert (answer.status_code, answer.json()["type"]) == (404, f"/docs/problems#{NEVER_WAS[name]}")
    assert await everything(cartdb, who.owner) == as_it_was


# What happens to the cart after it was looked at → by how much the checkout's version is ahead of that look → why not.
NOT_TO_BE_BOUGHT = [
    ("clear", 0, "checkout_changed"),
    ("add", 0, "checkout_changed"),
    ("delete", 0, "checkout_changed"),
    ("delete", 1, "checkout_changed"),
    ("purchase", 0, "cart_in_checkout"),
    ("freeze", 0, "cart_is_being_adopted"),
]


@pytest.mark.parametrize(("first", "ahead", "reason"), NOT_TO_BE_BOUGHT)
async def test_a_cart_in_no_state_to_be_bought_is_not_marked(
    cartdb: CartDb, first: str, ahead: int, reason: str
) -> None:
    who = somebodys_guest(cartdb)
    marking = await CARTDB["purchase"](cartdb, who)
    body = dict(marking.json or {})
    earlier = {
        "add": {"sku": "pear", "product_id": 2, "unit_price": 1},
        "purchase": {**body, "checkout_id": str(uuid4())},
        "freeze": {"merge_id": str(uuid4()), "target_owner": somebody(cartdb).owner},
    }
    ids = {**marking.ids, "cart": marking.ids["cart_id"]}
    checkout = cartdb.checkout(who.owner)
    headers = checkout if first == "purchase" else who.headers
    done = await operations("cartdb")[first].send(cartdb.http, Ask(ids, earlier.get(first)), headers)
    assert done.is_success, done.text

    late = replace(marking, json={**body, "version": body["version"] + ahead})
    answer = await operations("cartdb")["purchase"].send(cartdb.http, late, checkout)

    assert (answer.json()["state"], answer.json()["reason"]) == ("failed", reason), answer.text


AT_CATALOG: dict[str, tuple[str, list[str], str, int, str]] = {
    "sell what was never held": ("hold_stock", [], "commit_hold", 404, "hold_not_found"),
    "sell what was given back": ("commit_hold", ["release_hold"], "commit_hold", 409, "hold_is_released"),
    "give back what was sold": ("commit_hold", ["commit_hold"], "release_hold", 409, "hold_is_committed"),
    "hold what was given back": ("hold_stock", ["release_hold"], "hold_stock", 409, "hold_is_released"),
}


@pytest.mark.parametrize("step", AT_CATALOG)
async def test_catalog_refuses_a_step_out_of_order(catalog: Stand, step: str) -> None:
    prepared, before, name, status, slug = AT_CATALOG[step]
    ask = await CATALOG[prepared](catalog)
    for earlier in before:
        assert (await operations("catalog")[earlier].send(catalog.client, ask, catalog.checkout)).is_success
    as_it_was = (await catalog.state(UUID(ask.ids["checkout_id"]))).json()

    answer = await operations("catalog")[name].send(catalog.client, ask, catalog.checkout)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/docs/problems#{slug}"), answer.text
    assert (await catalog.state(UUID(ask.ids["checkout_id"]))).json() == as_it_was


async def test_goods_that_were_held_and_not_sold_are_not_put_back(catalog: Stand) -> None:
    held = await CATALOG["hold_stock"](catalog)
    await operations("catalog")["hold_stock"].send(catalog.client, held, catalog.checkout)
    body = {"checkout_id": held.ids["checkout_id"], **(held.json or {})}

    answer = await operations("catalog")["restock"].send(
        catalog.client, Ask({"refund_id": str(uuid4())}, body), catalog.checkout
    )

    assert (answer.status_code, answer.json()["type"]) == (409, "/docs/problems#goods_not_sold")


STATE = "payment_intent_unexpected_state"
AT_PAYMENTS: dict[str, tuple[str, list[str], str, Body]] = {
    "capture what was never authorised": ("cancel_payment_intent", [], "capture_payment_intent", {}),
    "capture what is captured": (
        "capture_payment_intent",
        ["capture_payment_intent"],
        "capture_payment_intent",
        {},
    ),
    "capture what was cancelled": ("capture_payment_intent", ["cancel_payment_intent"], "capture_payment_intent", {}),
    "confirm what was cancelled": (
        "cancel_payment_intent",
        ["cancel_payment_intent"],
        "confirm_payment_intent",
        {"payment_method": "pm_card_visa"},
    ),
    "confirm what is paid": ("confirm_payment_intent", ["confirm_payment_intent"], "confirm_payment_intent", {}),
    "cancel what is paid": ("confirm_payment_intent", ["confirm_payment_intent"], "cancel_payment_intent", {}),
    "cancel what is captured": ("capture_payment_intent", ["capture_payment_intent"], "cancel_payment_intent", {}),
}


@pytest.mark.parametrize("step", AT_PAYMENTS)
async def test_payments_refuses_a_step_out_of_order(payments: Payments, step: str) -> None:
    prepared, before, name, body = AT_PAYMENTS[step]
    ask = await PAYMENTS[prepared](payments)
    for earlier in before:
        assert (await operations("payments")[earlier].send(payments.client, ask, SECRET)).status_code == 200
    as_it_was = (await payments.get(f"payment_intents/{ask.ids['intent_id']}")).json()

    answer = await operations("payments")[name].send(payments.client, replace(ask, json=dict(body)), SECRET)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, STATE), answer.text
    assert (await payments.get(f"payment_intents/{ask.ids['intent_id']}")).json() == as_it_was


@pytest.mark.parametrize(
    ("prepared", "before"),
    [
        ("cancel_payment_intent", []),
        ("cancel_payment_intent", ["cancel_payment_intent"]),
        ("capture_payment_intent", []),
        ("capture_payment_intent", ["cancel_payment_intent"]),
    ],
)
async def test_payments_gives_nothing_back_of_what_was_not_taken(
    payments: Payments, prepared: str, before: list[str]
) -> None:
    ask = await PAYMENTS[prepared](payments)
    for earlier in before:
        await operations("payments")[earlier].send(payments.client, ask, SECRET)

    answer = await payments.post("refunds", payment_intent=ask.ids["intent_id"])

    assert answer.status_code == 400, answer.text
    listed = await payments.get("refunds", payment_intent=ask.ids["intent_id"])
    assert listed.json()["data"] == []
