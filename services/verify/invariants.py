"""What must be true of a shop's rows, and what it is called when it is not.

Cartdb is read twice, before and after payments and catalog, so that a shop may go on selling meanwhile without a false
alarm. Every rule compares a row with one that must have been written earlier, read later:

    paid ⇒ charged, sold            cartdb before: settle is the last step, what it rests on is final and is there later
    failed ⇒ cancelled, not held    cartdb before: unmark is the last step of an undo, likewise
    charged, sold, held ⇒ marked    cartdb after: the mark is the first step, so whoever sees a later one sees the mark
    charged, sold ⇒ not failed      cartdb after: a purchase whose money was taken can never fail any more
    refund done ⇒ given, restocked  cartdb before: its row leaves pending last
    given, restocked ⇒ refund known cartdb after: its row is written first, and what was given can never fail any more

What the protocol leaves behind is, for a paid purchase, its one succeeded intent, and for a failed one its cancelled
intent or none. The one exception is told at `untold`.

A purchase that is pending before may be anything in the two others, and is not judged against them. What lies within
one database is read at one instant and agrees at every one.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .rows import DONE, FAILED, PAID, PENDING, Checkout, Intent, Purchase, Stock, Unclaimed, money

OPEN_INTENT = frozenset({"requires_payment_method", "requires_confirmation", "requires_action", "processing"})


class Invariant(StrEnum):
    """The names of what is checked."""

    STUCK = "stuck"
    PAID_IS_CHARGED = "paid_is_charged"
    CHARGE_IS_EXACT = "charge_is_exact"
    CHARGED_ONCE = "charged_once"
    CHARGED_IS_PURCHASED = "charged_is_purchased"
    INTENT_IS_KNOWN = "intent_is_known"
    INTENT_IS_CLOSED = "intent_is_closed"
    MONEY_IS_NOT_HELD = "money_is_not_held"
    REFUND_IS_GIVEN = "refund_is_given"
    REFUND_IS_EXACT = "refund_is_exact"
    REFUNDED_ONCE = "refunded_once"
    REFUND_IS_KNOWN = "refund_is_known"
    REFUNDS_ADD_UP = "refunds_add_up"
    LEDGER = "ledger"
    ONE_PURCHASE_PER_CART = "one_purchase_per_cart"
    ONE_PURCHASE_PER_CHECKOUT = "one_purchase_per_checkout"
    CART_AGREES = "cart_agrees"
    NO_FROZEN_CART = "no_frozen_cart"
    AMOUNT_IS_SUM = "amount_is_sum"
    BOUGHT_LINES_UNCHANGED = "bought_lines_unchanged"
    PAID_IS_SOLD = "paid_is_sold"
    SOLD_IS_EXACT = "sold_is_exact"
    SOLD_IS_PURCHASED = "sold_is_purchased"
    NO_DANGLING_HOLD = "no_dangling_hold"
    RESTOCK_IS_EXACT = "restock_is_exact"
    RESTOCK_IS_KNOWN = "restock_is_known"
    STOCK_NOT_NEGATIVE = "stock_not_negative"
    STOCK_ADDS_UP = "stock_adds_up"
    STOCK_SOLD = "stock_sold"
    STOCK_HELD = "stock_held"
    STOCK_BACK = "stock_back"
    CURRENT_CART = "current_cart"
    VERSION_COUNTS_EDITS = "version_counts_edits"
    HISTORY_MAKES_LINES = "history_makes_lines"
    MOVED_WITH_RECEIPT = "moved_with_receipt"
    RECEIPT_OF_A_CART = "receipt_of_a_cart"
    MERGED_ONCE = "merged_once"
    RECEIPT_HOLDS_ALL = "receipt_holds_all"
    GUEST_LEAVES_NOTHING = "guest_leaves_nothing"
    MERGE_IS_KNOWN = "merge_is_known"


SENTENCES = {
    Invariant.STUCK: "nothing that was begun before the check is still unfinished",
    Invariant.PAID_IS_CHARGED: "every paid purchase has a charge, of its own intent",
    Invariant.CHARGE_IS_EXACT: "what was charged is the purchase's total, in its currency",
    Invariant.CHARGED_ONCE: "no checkout was charged twice",
    Invariant.CHARGED_IS_PURCHASED: "every charge belongs to a purchase, and to none that failed",
    Invariant.INTENT_IS_KNOWN: "no intent was made for a checkout that cartdb does not know",
    Invariant.INTENT_IS_CLOSED: "a decided purchase leaves no intent that could still be charged",
    Invariant.MONEY_IS_NOT_HELD: "a decided purchase leaves no money held on a card",
    Invariant.REFUND_IS_GIVEN: "every refund that is done was given at the processor",
    Invariant.REFUND_IS_EXACT: "what was given back is what the refund says",
    Invariant.REFUNDED_ONCE: "no refund was given twice",
    Invariant.REFUND_IS_KNOWN: "no money was given back but by a refund, and by none that failed",
    Invariant.REFUNDS_ADD_UP: "the refunds of an order add up, on both sides, and to no more than it took",
    Invariant.LEDGER: "what was charged, less what was given back, adds up to what was paid, less the refunds",
    Invariant.ONE_PURCHASE_PER_CART: "no cart was bought twice",
    Invariant.ONE_PURCHASE_PER_CHECKOUT: "no two shoppers share a checkout",
    Invariant.CART_AGREES: "a cart is in checkout while its purchase is pending, and bought once it is paid",
    Invariant.NO_FROZEN_CART: "no cart is frozen or bought without a purchase that says so",
    Invariant.AMOUNT_IS_SUM: "a purchase's amount is the sum of its lines",
    Invariant.BOUGHT_LINES_UNCHANGED: "a bought cart holds the lines that were sold",
    Invariant.PAID_IS_SOLD: "the goods of every paid purchase are taken out of stock",
    Invariant.SOLD_IS_EXACT: "what was taken out of stock is what was sold, to the piece",
    Invariant.SOLD_IS_PURCHASED: "goods were sold to purchases only, and to none that failed",
    Invariant.NO_DANGLING_HOLD: "no goods are set aside for a checkout that failed or never was",
    Invariant.RESTOCK_IS_EXACT: "a refund put back the goods that it names",
    Invariant.RESTOCK_IS_KNOWN: "no goods were put back but by a refund, and by none that failed",
    Invariant.STOCK_NOT_NEGATIVE: "stock is never below zero",
    Invariant.STOCK_ADDS_UP: "what is on the shelf, set aside and sold adds up to what was supplied",
    Invariant.STOCK_SOLD: "what counts as sold is the sum of the sales, less what came back",
    Invariant.STOCK_HELD: "what counts as set aside is the sum of the open holds",
    Invariant.STOCK_BACK: "what counts as put back is the sum of what the refunds put back",
    Invariant.CURRENT_CART: "every shopper's current cart is there, is theirs, and can still be bought",
    Invariant.VERSION_COUNTS_EDITS: "no cart's version is behind its history",
    Invariant.HISTORY_MAKES_LINES: "every cart holds what its history adds up to",
    Invariant.MOVED_WITH_RECEIPT: "every guest's cart that has moved has a receipt at its new owner",
    Invariant.RECEIPT_OF_A_CART: "every such receipt is for a cart of that guest",
    Invariant.MERGED_ONCE: "no guest's cart was merged twice",
    Invariant.RECEIPT_HOLDS_ALL: "every line of a guest's cart is on its receipt",
    Invariant.GUEST_LEAVES_NOTHING: "whoever has signed in left no open cart behind as a guest",
    Invariant.MERGE_IS_KNOWN: "a session that says it moved a cart has one that moved",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """What does not agree: the invariant's name, what was found in words, and the ids by which to find it."""

    invariant: Invariant
    what: str
    where: str


def of_checkout(checkout: Checkout) -> Iterator[Violation]:
    """One checkout across the databases."""
    yield from _of_its_mark(checkout)
    yield from _of_what_went_back(checkout)
    if len(checkout.before) > 1:
        owners = ", ".join(purchase.owner_id for purchase in checkout.before)
        yield Violation(Invariant.ONE_PURCHASE_PER_CHECKOUT, f"it belongs to {owners}", checkout.where)
    for purchase in checkout.before:
        yield from of_purchase(purchase)
        if purchase.state == PAID:
            yield from _of_a_paid_one(checkout, purchase)
            yield from _of_done_refunds(checkout, purchase)
        if purchase.state in {PAID, FAILED}:
            yield from _of_open_intents(checkout, purchase)
        if purchase.state == FAILED and checkout.hold and checkout.hold.state == "held":
            yield Violation(
                Invariant.NO_DANGLING_HOLD, f"it failed, and {checkout.hold.items} are held", checkout.where
            )


def of_purchase(purchase: Purchase) -> Iterator[Violation]:
    """A purchase by itself, and its cart."""
    where = purchase.where
    if purchase.items is not None and not purchase.amount == purchase.total == purchase.multiplied:
        sums = f"{purchase.price} for lines of {purchase.total}, prices times quantities {purchase.multiplied}"
        yield Violation(Invariant.AMOUNT_IS_SUM, sums, where)
    standing = sum(refund.amount or 0 for refund in purchase.refunds if refund.state != FAILED)
    if purchase.refunded != standing or standing > (purchase.amount or 0):
        what = f"{purchase.price} was paid, {purchase.refunded} counts as refunded, its refunds come to {standing}"
        yield Violation(Invariant.REFUNDS_ADD_UP, what, where)
    if purchase.state == FAILED:
        return
    wanted = "in_checkout" if purchase.state == PENDING else "purchased"
    if purchase.cart_status != wanted:
        what = f"the purchase is {purchase.state}, its cart is {purchase.cart_status or 'not there'}"
        yield Violation(Invariant.CART_AGREES, what, where)
    if purchase.cart_items != purchase.items:
        what = f"sold: {purchase.items or 'nothing'}; in the cart: {purchase.cart_items or 'nothing'}"
        yield Violation(Invariant.BOUGHT_LINES_UNCHANGED, what, where)


def _of_its_mark(checkout: Checkout) -> Iterator[Violation]:
    where, hold = checkout.where, checkout.hold
    unpurchased = not checkout.states_after & {PENDING, PAID}
    known = "failed" if checkout.after else "unknown to cartdb"
    for intent in checkout.intents:
        if unpurchased and intent.charged:
            yield Violation(
                Invariant.CHARGED_IS_PURCHASED, f"{intent.price} was charged; the purchase is {known}", where
            )
        elif not checkout.after:
            yield Violation(Invariant.INTENT_IS_KNOWN, f"the intent is {intent.status}", where)
    if hold and hold.state == "committed" and unpurchased:
        yield Violation(Invariant.SOLD_IS_PURCHASED, f"{hold.items} are sold; the purchase is {known}", where)
    if hold and hold.state == "held" and not checkout.after:
        yield Violation(Invariant.NO_DANGLING_HOLD, f"{hold.items} are held; the purchase is {known}", where)


def _of_a_paid_one(checkout: Checkout, purchase: Purchase) -> Iterator[Violation]:
    where, hold, charged = checkout.where, checkout.hold, checkout.charged
    if len(charged) > 1 or any(intent.charges > 1 for intent in charged):
        sums = ", ".join(f"{intent.id} took {intent.price} in {intent.charges}" for intent in charged)
        yield Violation(Invariant.CHARGED_ONCE, f"{purchase.price} is due; {sums}", where)
    elif not any(intent.id == purchase.intent_id for intent in charged):
        others = ", ".join(intent.id for intent in charged) or "nothing"
        what = f"{purchase.price} is paid with {purchase.intent_id}; charged is {others}"
        yield Violation(Invariant.PAID_IS_CHARGED, what, where)
    elif (charged[0].received, charged[0].currency) != (purchase.amount, (purchase.currency or "").lower()):
        taken = money(charged[0].received, charged[0].currency)
        yield Violation(Invariant.CHARGE_IS_EXACT, f"{purchase.price} is due, {taken} was charged", where)
    if hold is None or hold.state != "committed":
        what = f"its goods are {hold.state if hold else 'unknown to catalog'}"
        yield Violation(Invariant.PAID_IS_SOLD, what, where)
    elif hold.items != purchase.items:
        what = f"bought: {purchase.items}; taken out of stock: {hold.items}"
        yield Violation(Invariant.SOLD_IS_EXACT, what, where)


def _of_done_refunds(checkout: Checkout, purchase: Purchase) -> Iterator[Violation]:
    given = {one.id: one for one in checkout.given}
    back = {restock.refund_id: restock.items for restock in (checkout.hold.restocks if checkout.hold else ())}
    for refund in purchase.refunds:
        if refund.state != DONE:
            continue
        where = f"refund {refund.refund_id}, {checkout.where}"
        due = money(refund.amount or 0, refund.currency)
        match = given.get(refund.given_as or "")
        if match is None:
            yield Violation(Invariant.REFUND_IS_GIVEN, f"{due} is done as {refund.given_as}, which is not there", where)
        elif (match.amount, match.currency) != (refund.amount, refund.currency.lower()):
            yield Violation(Invariant.REFUND_IS_EXACT, f"{due} is due, {match.price} was given", where)
        if back.get(refund.refund_id) != refund.items:
            what = f"to put back: {refund.items or 'nothing'}; put back: {back.get(refund.refund_id) or 'nothing'}"
            yield Violation(Invariant.RESTOCK_IS_EXACT, what, where)


def _of_what_went_back(checkout: Checkout) -> Iterator[Violation]:
    where = checkout.where
    standing = {refund.refund_id for refund in checkout.standing_after}
    given_as = {refund.given_as for refund in checkout.standing_after}
    for given in checkout.given:
        if given.id not in given_as and given.refund_id not in standing:
            what = f"{given.price} was given back by {given.id}, which no refund stands for"
            yield Violation(Invariant.REFUND_IS_KNOWN, what, where)
    for refund_id, times in Counter(given.refund_id for given in checkout.given if given.refund_id).items():
        if times > 1:
            yield Violation(Invariant.REFUNDED_ONCE, f"refund {refund_id} was given {times} times", where)
    for intent in checkout.intents:
        total = sum(given.amount for given in intent.refunds)
        if total != intent.refunded or total > intent.captured:
            what = f"{intent.id} took {intent.captured}, gave back {intent.refunded}, in refunds of {total}"
            yield Violation(Invariant.REFUNDS_ADD_UP, what, where)
    for restock in checkout.hold.restocks if checkout.hold else ():
        if restock.refund_id not in standing:
            what = f"{restock.items} were put back for refund {restock.refund_id}, which does not stand"
            yield Violation(Invariant.RESTOCK_IS_KNOWN, what, where)


def _of_open_intents(checkout: Checkout, purchase: Purchase) -> Iterator[Violation]:
    for intent in checkout.intents:
        if intent.status == "requires_capture":
            yield Violation(Invariant.MONEY_IS_NOT_HELD, f"{intent.id} waits for its capture", checkout.where)
        elif intent.status in OPEN_INTENT and not untold(intent, purchase):
            yield Violation(Invariant.INTENT_IS_CLOSED, f"{intent.id} is {intent.status}", checkout.where)


def untold(intent: Intent, purchase: Purchase) -> bool:
    """Whether the intent was made by a create whose answer broke. The checkout went on with another one under its next
    key; this one has no card, and nobody knows its id to give it one.
    """
    return intent.status == "requires_payment_method" and intent.id != purchase.intent_id and not intent.charges


def of_unclaimed(intent: Unclaimed, order: str | None) -> Violation:
    """Money under an intent that names no checkout, where that is wrong. `order` is the failed one that names it."""
    whose = f"no checkout, although {order} names it" if order else "no checkout"
    if intent.held:
        what = f"{money(intent.held, intent.currency)} is held for {whose}"
        return Violation(Invariant.MONEY_IS_NOT_HELD, what, intent.id)
    what = f"{money(intent.captured, intent.currency)} was charged for {whose}"
    return Violation(Invariant.CHARGED_IS_PURCHASED, what, intent.id)


def of_stock(stock: Stock) -> Iterator[Violation]:
    """One SKU's counters."""
    where = f"SKU {stock.sku}"
    if min(stock.available, stock.held, stock.sold) < 0:
        counters = f"{stock.available} on the shelf, {stock.held} held, {stock.sold} sold"
        yield Violation(Invariant.STOCK_NOT_NEGATIVE, counters, where)
    if stock.supplied != stock.available + stock.held + stock.sold:
        what = f"{stock.supplied} supplied; {stock.available} + {stock.held} + {stock.sold} are there"
        yield Violation(Invariant.STOCK_ADDS_UP, what, where)
    out = stock.sold_by_holds - stock.back_by_refunds
    if stock.sold != out:
        what = f"{stock.sold} count as sold; {stock.sold_by_holds} were, {stock.back_by_refunds} came back"
        yield Violation(Invariant.STOCK_SOLD, what, where)
    if stock.back_by_holds != stock.back_by_refunds:
        what = f"{stock.back_by_holds} count as put back, {stock.back_by_refunds} were"
        yield Violation(Invariant.STOCK_BACK, what, where)
    if stock.held != stock.held_by_holds:
        yield Violation(Invariant.STOCK_HELD, f"{stock.held} count as held, {stock.held_by_holds} are", where)
