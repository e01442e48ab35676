"""What is read of the shop: plain rows, put together by checkout. Amounts are minor units."""

from dataclasses import dataclass

from services.contracts.money import Money

PENDING, PAID, FAILED, DONE = "pending", "paid", "failed", "done"


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as cartdb has it: `given_as` at the processor, putting back `items`."""

    refund_id: str
    state: str
    amount: int | None = None
    currency: str = ""
    given_as: str | None = None
    items: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """A refund as the processor has it."""

    id: str
    refund_id: str | None
    amount: int
    currency: str

    @property
    def price(self) -> str:
        return money(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Restock:
    """Goods that a refund put back."""

    refund_id: str
    items: str | None


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
    refunded: int
    refunds: tuple[Refund, ...]

    @property
    def where(self) -> str:
        return f"order {self.checkout_id} of {self.owner_id}, cart {self.cart_id}"

    @property
    def price(self) -> str:
        return money(self.amount or 0, self.currency or "")


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment intent; `charges` were made of it, which took `captured` and gave `refunded` back."""

    checkout_id: str
    id: str
    status: str
    received: int
    currency: str
    charges: int
    captured: int
    refunded: int
    refunds: tuple[Given, ...]

    @property
    def charged(self) -> bool:
        return self.status == "succeeded" or self.captured > 0

    @property
    def price(self) -> str:
        return money(max(self.received, self.captured), self.currency)


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """A payment intent that took or holds money and names no checkout; its charges as at `Intent`."""

    id: str
    status: str
    amount: int
    currency: str
    charges: int
    captured: int
    refunded: int

    @property
    def held(self) -> int:
        return self.amount if self.status == "requires_capture" else 0


@dataclass(frozen=True, slots=True)
class Hold:
    """A checkout's goods at catalog."""

    checkout_id: str
    state: str
    items: str | None
    restocks: tuple[Restock, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """A purchase's state and those of its refunds, nothing more."""

    checkout_id: str
    state: str
    refunds: tuple[Refund, ...]


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

    @property
    def given(self) -> list[Given]:
        return [given for intent in self.intents for given in intent.refunds]

    @property
    def standing_after(self) -> list[Refund]:
        return [refund for decision in self.after for refund in decision.refunds if refund.state != FAILED]


@dataclass(frozen=True, slots=True)
class Stock:
    """The counters of a SKU, and what its holds and restocks add up to."""

    sku: str
    supplied: int
    available: int
    held: int
    sold: int
    held_by_holds: int
    sold_by_holds: int
    back_by_holds: int
    back_by_refunds: int


def money(amount: int, currency: str) -> str:
    """An amount of minor units, readable."""
    return str(Money(amount, currency.upper()))
