"""Marking and unmarking: one live purchase for a cart, and a refusal that stays."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.service.cartdb_client import CartDb, new_guest


async def filled(cartdb: CartDb) -> tuple[str, dict[str, Any]]:
    """A new guest and their cart of two apples."""
    owner = new_guest()
    return owner, (await cartdb.add(cartdb.guest(owner), "apple", 2)).json()


async def test_marked_charged_and_settled_a_cart_is_followed_by_an_empty_one(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()

    marked = await cartdb.mark(owner, cart, checkout)
    attached = await cartdb.step(owner, checkout, "attach", intent_id="pi_1")
    settled = await cartdb.step(owner, checkout, "settle", intent_id="pi_1")
    again = await cartdb.step(owner, checkout, "settle", intent_id="pi_1")

    assert [answer.json()["state"] for answer in (marked, attached, settled, again)] == [
        "pending",
        "pending",
        "paid",
        "paid",
    ]
    assert settled.json() == again.json()
    assert settled.json()["snapshot"]["amount"] == 8000
    current = await cartdb.cart(cartdb.guest(owner))
    assert (current["items"], current["version"]) == ([], 0)
    assert current["cart_id"] != cart["cart_id"]
    assert (await cartdb.cart(cartdb.guest(owner), cart["cart_id"]))["status"] == "purchased"


async def test_a_marked_cart_refuses_edits_and_an_unmarked_one_takes_them_again(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)

    during = await cartdb.add(cartdb.guest(owner), "banana")
    unmarked = await cartdb.step(owner, checkout, "unpurchase", reason="card_declined")
    after = await cartdb.add(cartdb.guest(owner), "banana")

    assert (during.status_code, during.json()["type"]) == (409, "/docs/problems#cart_in_checkout")
    assert (unmarked.json()["state"], unmarked.json()["reason"]) == ("failed", "card_declined")
    assert after.status_code == 200
    assert {line["sku"] for line in after.json()["items"]} == {"apple", "banana"}


async def test_a_cart_that_carries_money_cannot_be_deleted(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    guest, checkout, retry = cartdb.guest(owner), uuid4(), uuid4()

    async def delete() -> int:
        return (await cartdb.http.delete(f"/carts/{cart['cart_id']}", headers=guest)).status_code

    await cartdb.mark(owner, cart, checkout)
    marked = await delete()
    await cartdb.step(owner, checkout, "unpurchase", reason="card_declined")
    await cartdb.mark(owner, await cartdb.cart(guest), retry)
    await cartdb.step(owner, retry, "attach", intent_id="pi_2")
    await cartdb.step(owner, retry, "settle", intent_id="pi_2")
    paid = await delete()

    assert (marked, paid) == (409, 409)
    kept = await cartdb.cart(guest, cart["cart_id"])
    assert (kept["status"], [line["quantity"] for line in kept["items"]]) == ("purchased", [2])


async def test_unmarking_raises_the_version_and_marking_does_not(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()

    await cartdb.mark(owner, cart, checkout)
    marked = await cartdb.cart(cartdb.guest(owner))
    await cartdb.step(owner, checkout, "unpurchase", reason="card_declined")
    unmarked = await cartdb.cart(cartdb.guest(owner))

    assert (cart["version"], marked["version"], unmarked["version"]) == (1, 1, 2)


async def test_a_failed_purchase_refuses_for_ever(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)
    await cartdb.step(owner, checkout, "unpurchase", reason="card_declined")
    now = await cartdb.cart(cartdb.guest(owner))

    revived = await cartdb.mark(owner, cart, checkout)
    settled = await cartdb.step(owner, checkout, "settle", intent_id="pi_1")
    agreed = await cartdb.step(owner, checkout, "unpurchase", reason="other")

    assert (revived.json()["state"], revived.json()["reason"]) == ("failed", "card_declined")
    assert settled.json()["type"] == "/docs/problems#purchase_has_failed"
    assert agreed.json()["reason"] == "card_declined"
    assert await cartdb.cart(cartdb.guest(owner)) == now


async def test_a_paid_purchase_cannot_be_unmarked(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)
    await cartdb.step(owner, checkout, "attach", intent_id="pi_1")
    await cartdb.step(owner, checkout, "settle", intent_id="pi_1")

    answer = await cartdb.step(owner, checkout, "unpurchase", reason="card_declined")

    assert (answer.status_code, answer.json()["type"]) == (409, "/docs/problems#purchase_is_settled")
    assert (await cartdb.cart(cartdb.guest(owner), cart["cart_id"]))["status"] == "purchased"


async def test_a_second_checkout_of_a_marked_cart_is_refused_and_its_refusal_stays(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    first, second = uuid4(), uuid4()
    await cartdb.mark(owner, cart, first)

    refused = await cartdb.mark(owner, cart, second)
    await cartdb.step(owner, first, "unpurchase", reason="card_declined")
    late = await cartdb.mark(owner, await cartdb.cart(cartdb.guest(owner)), second)

    assert (refused.json()["state"], refused.json()["reason"]) == ("failed", "cart_in_checkout")
    assert late.json() == refused.json()


async def test_failed_purchases_are_listed_where_they_are_asked_for_and_refusals_at_the_mark_never(
    cartdb: CartDb,
) -> None:
    owner, cart = await filled(cartdb)
    first, rival, void = uuid4(), uuid4(), uuid4()
    await cartdb.mark(owner, cart, first)
    await cartdb.mark(owner, cart, rival)
    await cartdb.step(owner, first, "unpurchase", reason="card_declined")
    await cartdb.step(owner, void, "void", cart_id=cart["cart_id"], fingerprint="f", reason="out_of_stock")

    listings = [
        await cartdb.http.get("/purchases", params=params, headers=cartdb.guest(owner))
        for params in ({}, {"state": ["failed"]}, {"state": ["pending", "paid", "failed"]}, {"state": ["paid"]})
    ]

    told = [[one["checkout_id"] for one in listing.json()["purchases"]] for listing in listings]
    assert told == [[], [str(first)], [str(first)], []]


async def test_a_cart_that_changed_since_the_quote_is_refused_for_good(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    await cartdb.add(cartdb.guest(owner), "banana")
    checkout = uuid4()

    refused = await cartdb.mark(owner, cart, checkout)

    assert (refused.json()["state"], refused.json()["reason"]) == ("failed", "checkout_changed")
    assert (await cartdb.cart(cartdb.guest(owner)))["status"] == "open"


async def test_twenty_equal_marks_are_one_and_two_rivals_leave_one_winner(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    one, other = uuid4(), uuid4()

    answers = await asyncio.gather(*[cartdb.mark(owner, cart, (one, other)[n % 2]) for n in range(20)])

    states = {(answer.json()["checkout_id"], answer.json()["state"]) for answer in answers}
    assert {state for _, state in states} == {"pending", "failed"}
    assert len(states) == 2


async def test_a_void_is_a_tombstone_that_a_late_mark_runs_into(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()

    voided = await cartdb.step(
        owner, checkout, "void", cart_id=cart["cart_id"], fingerprint="f", reason="checkout_changed"
    )
    late = await cartdb.mark(owner, cart, checkout)

    assert voided.json()["state"] == late.json()["state"] == "failed"
    assert (await cartdb.cart(cartdb.guest(owner)))["status"] == "open"


async def test_a_void_of_a_purchase_that_is_there_answers_its_state_and_changes_nothing(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)

    answer = await cartdb.step(owner, checkout, "void", cart_id=cart["cart_id"], fingerprint="f", reason="cancelled")

    assert answer.json()["state"] == "pending"
    assert (await cartdb.cart(cartdb.guest(owner)))["status"] == "in_checkout"


async def test_voids_racing_marks_leave_one_answer_for_all(cartdb: CartDb) -> None:
    for _ in range(10):
        owner, cart = await filled(cartdb)
        checkout = uuid4()
        void = {"cart_id": cart["cart_id"], "fingerprint": "f", "reason": "cancelled"}

        answers = await asyncio.gather(
            *[cartdb.mark(owner, cart, checkout) for _ in range(3)],
            *[cartdb.step(owner, checkout, "void", **void) for _ in range(3)],
        )

        states = {answer.json()["state"] for answer in answers}
        assert len(states) == 1
        status = (await cartdb.cart(cartdb.guest(owner)))["status"]
        assert (states, status) in (({"pending"}, "in_checkout"), ({"failed"}, "open"))


async def test_the_intent_is_written_once(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)
    await cartdb.step(owner, checkout, "attach", intent_id="pi_1")

    again = await cartdb.step(owner, checkout, "attach", intent_id="pi_1")
    other = await cartdb.step(owner, checkout, "attach", intent_id="pi_2")
    settled = await cartdb.step(owner, checkout, "settle", intent_id="pi_2")

    assert again.status_code == 200
    assert other.json()["type"] == settled.json()["type"] == "/docs/problems#intent_mismatch"


async def test_another_body_under_the_same_checkout_is_refused(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout, fingerprint="one")

    other = await cartdb.mark(owner, cart, checkout, fingerprint="two")

    assert (other.status_code, other.json()["type"]) == (422, "/docs/problems#idempotency_key_reused")


async def test_a_snapshot_that_does_not_add_up_is_refused(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    wrong = {**cart, "items": [{**cart["items"][0], "quantity": 1}]}

    answer = await cartdb.mark(owner, wrong, uuid4())

    assert answer.status_code == 422
    assert (await cartdb.cart(cartdb.guest(owner)))["status"] == "open"


async def test_no_shoppers_credential_marks_settles_or_unmarks(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)
    paths = [f"/purchases/{checkout}/{step}" for step in ("attach", "settle", "unpurchase", "void")]

    for headers in (cartdb.guest(owner), cartdb.issuer.user("alice")):
        for path in (*paths, f"/carts/{cart['cart_id']}/purchase"):
            answer = await cartdb.http.post(path, json={}, headers=headers)
            assert answer.status_code == 403, path
    assert (await cartdb.http.get("/unfinished", headers=cartdb.guest(owner))).status_code == 403


async def test_unfinished_purchases_of_all_owners_are_listed_until_decided(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)
    headers = cartdb.checkout(owner)

    open_ = (await cartdb.http.get("/unfinished", params={"older_than": 0}, headers=headers)).json()
    young = (await cartdb.http.get("/unfinished", params={"older_than": 60}, headers=headers)).json()
    await cartdb.step(owner, checkout, "unpurchase", reason="card_declined")
    decided = (await cartdb.http.get("/unfinished", params={"older_than": 0}, headers=headers)).json()

    assert str(checkout) in {purchase["checkout_id"] for purchase in open_["purchases"]}
    assert young["purchases"] == []
    assert str(checkout) not in {purchase["checkout_id"] for purchase in decided["purchases"]}


async def test_orders_are_read_by_their_owner_alone(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)

    mine = await cartdb.http.get("/purchases", headers=cartdb.guest(owner))
    theirs = await cartdb.http.get(f"/purchases/{checkout}", headers=cartdb.guest(new_guest()))

    assert [purchase["checkout_id"] for purchase in mine.json()["purchases"]] == [str(checkout)]
    assert (theirs.status_code, theirs.json()["type"]) == (404, "/docs/problems#order_not_found")


async def test_a_purchase_is_unmarked_only_with_the_intent_that_was_cancelled(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    checkout = uuid4()
    await cartdb.mark(owner, cart, checkout)
    await cartdb.step(owner, checkout, "attach", intent_id="pi_1")

    nameless = await cartdb.step(owner, checkout, "unpurchase", reason="cancelled")
    other = await cartdb.step(owner, checkout, "unpurchase", intent_id="pi_2", reason="cancelled")
    right = await cartdb.step(owner, checkout, "unpurchase", intent_id="pi_1", reason="cancelled")

    assert nameless.json()["type"] == other.json()["type"] == "/docs/problems#intent_mismatch"
    assert right.json()["state"] == "failed"


async def test_refused_checkouts_do_not_hide_older_orders_and_pages_lead_to_all(cartdb: CartDb) -> None:
    owner = new_guest()
    paid = []
    for number in range(3):
        cart = (await cartdb.add(cartdb.guest(owner), "apple")).json()
        checkout = uuid4()
        await cartdb.mark(owner, cart, checkout)
        await cartdb.step(owner, checkout, "attach", intent_id=f"pi_{number}")
        await cartdb.step(owner, checkout, "settle", intent_id=f"pi_{number}")
        paid.append(str(checkout))
    for _ in range(4):
        cart = (await cartdb.add(cartdb.guest(owner), "apple")).json()
        checkout = uuid4()
        await cartdb.mark(owner, cart, checkout)
        await cartdb.step(owner, checkout, "unpurchase", reason="card_declined")

    first = (await cartdb.http.get("/purchases", params={"limit": 2}, headers=cartdb.guest(owner))).json()
    before = first["purchases"][-1]["created_at"]
    second = await cartdb.http.get("/purchases", params={"limit": 2, "before": before}, headers=cartdb.guest(owner))

    told = [purchase["checkout_id"] for purchase in (*first["purchases"], *second.json()["purchases"])]
    assert told == paid[::-1]


async def test_a_moment_that_no_database_can_hold_is_no_error(cartdb: CartDb) -> None:
    owner, cart = await filled(cartdb)
    moments = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00")

    answers = [
        await cartdb.http.get(f"/carts/{cart['cart_id']}/history", params={"at": at}, headers=cartdb.guest(owner))
        for at in moments
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert [len(answer.json()["entries"]) for answer in answers[:2]] == [0, 2]
