"""A checkout read at four instants of its way raises no alarm, whatever the instants; in another order it would."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import pytest

from services.verify.invariants import Violation, of_checkout
from services.verify.ledger import Ledger
from services.verify.rows import Checkout, Decision, Given, Hold, Intent, Purchase, Refund, Restock


@dataclass(frozen=True)
class Shop:
    """What the three databases hold of one checkout, at one moment."""

    purchase: Purchase | None = None
    intent: Intent | None = None
    hold: Hold | None = None

    def marked(self) -> "Shop":
        return replace(self, purchase=PENDING)

    def decided(self, state: str, cart_status: str) -> "Shop":
        assert self.purchase is not None
        return replace(self, purchase=replace(self.purchase, state=state, cart_status=cart_status))

    def held(self, state: str) -> "Shop":
        return replace(self, hold=Hold("c", state, "pen x 1", ()))

    def created(self) -> "Shop":
        return replace(self, intent=Intent("c", "pi", "requires_payment_method", 0, "inr", 0, 0, 0, ()))

    def attached(self) -> "Shop":
        assert self.purchase is not None
        return replace(self, purchase=replace(self.purchase, intent_id="pi"))

    def charged(self) -> "Shop":
        return replace(self, intent=Intent("c", "pi", "succeeded", 300, "inr", 1, 300, 0, ()))

    def cancelled(self) -> "Shop":
        return replace(self, intent=Intent("c", "pi", "canceled", 0, "inr", 0, 0, 0, ()))

    def refunding(self, state: str, given_as: str | None) -> "Shop":
        assert self.purchase is not None
        refund = Refund("r", state, 100, "INR", given_as, "pen x 1")
        return replace(self, purchase=replace(self.purchase, refunds=(refund,), refunded=100))

    def given(self) -> "Shop":
        assert self.intent is not None
        return replace(self, intent=replace(self.intent, refunded=100, refunds=(Given("re", "r", 100, "inr"),)))

    def restocked(self) -> "Shop":
        assert self.hold is not None
        return replace(self, hold=replace(self.hold, restocks=(Restock("r", "pen x 1"),)))


PENDING = Purchase(
    "c", "user:a", "cart", "pending", 300, "INR", None, "pen x 1", 300, 300, "in_checkout", "pen x 1", 0, ()
)


def bought_and_refunded() -> list[Shop]:
    """Moment by moment."""
    marked = Shop().marked()
    held = marked.held("held")
    attached = held.created().attached()
    sold = attached.charged().held("committed")
    paid = sold.decided("paid", "purchased")
    refunding = paid.refunding("pending", None)
    back = refunding.given().restocked()
    steps = [held.created(), attached, attached.charged(), sold, paid, refunding, refunding.given(), back]
    return [Shop(), marked, held, *steps, back.refunding("done", "re")]


def undone() -> list[Shop]:
    """The same for a declined card."""
    attached = Shop().marked().held("held").created().attached()
    released = attached.cancelled().held("released")
    return [Shop(), Shop().marked(), attached, attached.cancelled(), released, released.decided("failed", "open")]


def read(before: Shop, payments: Shop, catalog: Shop, after: Shop) -> Checkout:
    """What is seen by who reads each of them then."""
    decision = (Decision("c", after.purchase.state, after.purchase.refunds),) if after.purchase else ()
    return Checkout(
        "c",
        (before.purchase,) if before.purchase else (),
        (payments.intent,) if payments.intent else (),
        (catalog.hold,) if catalog.hold else (),
        decision,
    )


def alarms(checkout: Checkout) -> Iterator[Violation]:
    ledger = Ledger()
    ledger.add(checkout)
    yield from of_checkout(checkout)
    yield from ledger.violations()


@pytest.mark.parametrize("way", [bought_and_refunded(), undone()], ids=["bought and refunded", "undone"])
def test_no_four_instants_of_a_checkout_raise_an_alarm(way: list[Shop]) -> None:
    seen = [read(*instants) for instants in combinations_with_replacement(way, 4)]

    assert len(seen) > 100
    assert [violation for checkout in seen for violation in alarms(checkout)] == []


@pytest.mark.parametrize("way", [bought_and_refunded(), undone()], ids=["bought and refunded", "undone"])
def test_read_in_the_opposite_order_they_would(way: list[Shop]) -> None:
    seen = [read(*reversed(instants)) for instants in combinations_with_replacement(way, 4)]

    assert any(list(alarms(checkout)) for checkout in seen)
