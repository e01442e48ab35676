"""What must be true of a shop's rows, and what it is called when it is not.

Cartdb is read twice, before and after payments and catalog, so that a shop may go on selling meanwhile without a false
alarm. Every rule compares a row with one that must have been written earlier, read later:

    paid ⇒ charged, sold            cartdb before: settle is the last step, what it rests on is final and is there later
    failed ⇒ cancelled, not held    cartdb before: unmark is the last step of an undo, likewise
    charged, sold, held ⇒ marked    cartdb after: the mark is the first step, so whoever sees a later one sees the mark
    charged, sold ⇒ not failed      cartdb after: a purchase whose money was taken can never fail any more

A purchase that is pending before may be anything in the two others, and is not judged against them. What lies within
one database is read at one instant and agrees at every one.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from services.contracts.money import Money

PENDING, PAID, FAILED = "pending", "paid", "failed"
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
    STOCK_NOT_NEGATIVE = "stock_not_negative"
    STOCK_ADDS_UP = "stock_adds_up"
    STOCK_SOLD = "stock_sold"
    STOCK_HELD = "stock_held"
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
    Invariant.LEDGER: "what was charged adds up to what was paid",
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
    Invariant.STOCK_NOT_NEGATIVE: "stock is never below zero",
    Invariant.STOCK_ADDS_UP: "what is on the shelf, set aside and sold adds up to what was supplied",
    Invariant.STOCK_SOLD: "what counts as sold is the sum of the sales",
    Invariant.STOCK_HELD: "what counts as set aside is the sum of the open holds",
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


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase and its cart. `items` and `cart_items` are `sku x quantity` by SKU; `total` adds up the lines'
    totals, `multiplied` their prices times quantities.
    """

    checkout_id: str
    owner_id: str
    cart_id: str
    state: str
    amount: int | None
    currency: str | None
    intent_id: str | None
    items: str | None
    total: int | None
    multiplied: int | None
    cart_status: str | None
    cart_items: str | None

    @property
    def where(self) -> str:
        return f"order {self.checkout_id} of {self.owner_id}, cart {self.cart_id}"

    @property
    def price(self) -> str:
        return money(self.amount or 0, self.currency or "")


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment intent; `charges` were made of it, and took `captured` together."""

    checkout_id: str
    id: str
    status: str
    received: int
    currency: str
    charges: int
    captured: int

    @property
    def charged(self) -> bool:
        return self.status == "succeeded" or self.captured > 0

    @property
    def price(self) -> str:
        return money(max(self.received, self.captured), self.currency)


@dataclass(frozen=True, slots=True)
class Hold:
    """A checkout's goods at catalog."""

    checkout_id: str
    state: str
    items: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """A purchase's state alone."""

    checkout_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Checkout:
    """All that three databases know under one checkout's id; `after` is cartdb's word once more, read last."""

    checkout_id: str
    before: tuple[Purchase, ...]
    intents: tuple[Intent, ...]
    holds: tuple[Hold, ...]
    after: tuple[Decision, ...]

    @property
    def where(self) -> str:
        known = self.before[0].where if self.before else f"checkout {self.checkout_id}"
        intents = ", ".join(intent.id for intent in self.intents)
        return f"{known}, {intents}" if intents else known

    @property
    def hold(self) -> Hold | None:
        return self.holds[0] if self.holds else None

    @property
    def states_after(self) -> set[str]:
        return {decision.state for decision in self.after}

    @property
    def charged(self) -> list[Intent]:
        return [intent for intent in self.intents if intent.charged]


@dataclass(frozen=True, slots=True)
class Stock:
    """The counters of a SKU, and what its holds add up to."""

    sku: str
    supplied: int
    available: int
    held: int
    sold: int
    held_by_holds: int
    sold_by_holds: int


def money(amount: int, currency: str) -> str:
    """An amount of minor units, readable."""
    return str(Money(amount, currency.upper()))


def of_checkout(checkout: Checkout) -> Iterator[Violation]:
    """One checkout across the databases."""
    yield from _of_its_mark(checkout)
    if len(checkout.before) > 1:
        owners = ", ".join(purchase.owner_id for purchase in checkout.before)
        yield Violation(Invariant.ONE_PURCHASE_PER_CHECKOUT, f"it belongs to {owners}", checkout.where)
    for purchase in checkout.before:
        yield from of_purchase(purchase)
        if purchase.state == PAID:
            yield from _of_a_paid_one(checkout, purchase)
        if purchase.state in {PAID, FAILED}:
            yield from _of_open_intents(checkout)
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


def _of_open_intents(checkout: Checkout) -> Iterator[Violation]:
    for intent in checkout.intents:
        if intent.status in OPEN_INTENT:
            yield Violation(Invariant.INTENT_IS_CLOSED, f"{intent.id} is {intent.status}", checkout.where)
        elif intent.status == "requires_capture":
            yield Violation(Invariant.MONEY_IS_NOT_HELD, f"{intent.id} waits for its capture", checkout.where)


def of_stock(stock: Stock) -> Iterator[Violation]:
    """One SKU's counters."""
    where = f"SKU {stock.sku}"
    if min(stock.available, stock.held, stock.sold) < 0:
        counters = f"{stock.available} on the shelf, {stock.held} held, {stock.sold} sold"
        yield Violation(Invariant.STOCK_NOT_NEGATIVE, counters, where)
    if stock.supplied != stock.available + stock.held + stock.sold:
        what = f"{stock.supplied} supplied; {stock.available} + {stock.held} + {stock.sold} are there"
        yield Violation(Invariant.STOCK_ADDS_UP, what, where)
    if stock.sold != stock.sold_by_holds:
        yield Violation(Invariant.STOCK_SOLD, f"{stock.sold} count as sold, {stock.sold_by_holds} were", where)
    if stock.held != stock.held_by_holds:
        yield Violation(Invariant.STOCK_HELD, f"{stock.held} count as held, {stock.held_by_holds} are", where)


MONEY = frozenset(
    {
        Invariant.PAID_IS_CHARGED,
        Invariant.CHARGE_IS_EXACT,
        Invariant.CHARGED_ONCE,
        Invariant.CHARGED_IS_PURCHASED,
    }
)
"""Each of them makes the sums differ: what they have named, the ledger does not name again."""


@dataclass(slots=True)
class Ledger:
    """Sums over the paid purchases, by currency, in minor units: paid as cartdb has it, charged as the charges have."""

    paid: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    charged: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, checkout: Checkout) -> None:
        """Enter one checkout."""
        for purchase in checkout.before:
            if purchase.state == PAID:
                self.paid[(purchase.currency or "").lower()] += purchase.amount or 0
        if any(purchase.state == PAID for purchase in checkout.before):
            for intent in checkout.intents:
                self.charged[intent.currency] += intent.captured

    def violations(self) -> Iterator[Violation]:
        """Where the two differ."""
        for currency in sorted(self.paid.keys() | self.charged.keys()):
            paid, charged = self.paid.get(currency, 0), self.charged.get(currency, 0)
            if paid != charged:
                what = f"{money(paid, currency)} is paid, {money(charged, currency)} was charged"
                yield Violation(Invariant.LEDGER, what, f"all paid purchases in {currency.upper()}")
