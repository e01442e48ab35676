"""The crash points of the research paper (reliability, section 3.4) and what stands for each of them here.

The paper's controller keeps a table of checkouts with leases, and takes the money in two steps. Here cartdb's purchase
row is the log, there is no lease, and one confirm takes the money; so some of its rows are met by another call.
"""

from dataclasses import dataclass

from tests.fault.crash_ways import (
    Adopted,
    AdoptedByDecision,
    AdoptedWhilePaying,
    AuthenticationRequired,
    CalledOff,
    CalledOffTooLate,
    ChangedTotal,
    Declined,
    OutOfStock,
    Race,
    Refunded,
    Way,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One crash point.

    Attributes:
        here: what it is in this protocol.
        ways: the ways in which it is met, by name.
        elsewhere: the stage or test that meets it where this one does not, or why it cannot be.
    """

    number: int
    event: str
    here: str = ""
    ways: tuple[str, ...] = ()
    elsewhere: str = ""


PAYS, NO, LATE = Way.name, Declined.name, CalledOffTooLate.name

ROWS = (
    Row(1, "crash before the first row", "controller before cartdb.purchase", (PAYS, NO)),
    Row(2, "crash after it, before the lock", "one step here: controller after cartdb.purchase", (PAYS, NO)),
    Row(3, "the lock's answer lost", "cartdb after commit at cartdb.purchase", (PAYS, OutOfStock.name)),
    Row(4, "the lock arrives after the abort", "cartdb.purchase in flight; a tombstone", (PAYS, ChangedTotal.name)),
    Row(5, "create's answer lost", "payments after commit at payments.create", (PAYS, OutOfStock.name)),
    Row(6, "time-out after the charge", "payments after commit at payments.confirm, and stays away", (PAYS,)),
    Row(7, "confirm arrives after the abort", "payments.confirm in flight, reconcile first", (PAYS, NO)),
    Row(8, "crash between authorise and mark", elsewhere="the mark is always before the charge"),
    Row(9, "crash between mark and capture", "controller before payments.confirm: cancelled, or paid", (PAYS,)),
    Row(10, "capture's answer lost", "confirm captures: as row 6, and confirm is sent again", (PAYS,)),
    Row(11, "the hold of money runs out", elsewhere="nothing is authorised without being captured"),
    Row(12, "declined, and the unmark fails", "cartdb before commit at cartdb.unpurchase", (NO,)),
    Row(13, "crash while undoing", "controller at payments.cancel, catalog.release, cartdb.unpurchase", (NO, LATE)),
    Row(14, "double click, retry", "recovery by the same request", (PAYS, NO, AuthenticationRequired.name)),
    Row(15, "two checkouts of one cart", elsewhere="tests/integration/test_checkout.py and the seeded schedules"),
    Row(16, "edit during the checkout", elsewhere="tests/service/test_cartdb_purchases.py and the seeded schedules"),
    Row(17, "price changes before the payment", "the total is compared before the mark", (ChangedTotal.name,)),
    Row(18, "the goods are gone", "held after the mark, before the charge", (OutOfStock.name,)),
    Row(
        19, "a paused controller wakes up", "its last request arrives after the recovery: in flight", (PAYS, Race.name)
    ),
    Row(20, "the database restarts", "database lost, at every call", (PAYS, NO, Refunded.name)),
    Row(21, "a webhook early, late, twice", elsewhere="no step waits for one; sent and sent again by payments' tests"),
    Row(22, "payments away for long", "payments stays away; the shopper calls off", (PAYS, CalledOff.name)),
    Row(23, "the key is forgotten", elsewhere="payments keeps its keys for ever, and the intent is attached"),
    Row(
        24,
        "the merge at sign-in crashes",
        "freeze, apply, close",
        (Adopted.name, AdoptedWhilePaying.name, AdoptedByDecision.name),
    ),
)
