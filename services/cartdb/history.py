"""A cart as it stood: its history, replayed."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from services.contracts.carts import CartStatus

# What entries from before their status was written down say by their action.
STATUS_AFTER = {
    "purchase": CartStatus.IN_CHECKOUT,
    "settle": CartStatus.PURCHASED,
    "unpurchase": CartStatus.OPEN,
    "void": CartStatus.OPEN,
    "delete": CartStatus.DELETED,
}
EMPTYING = frozenset({"clear", "expire"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One change, with the cart as the change left it. `quantity` is the line's afterwards, 0 where it is gone."""

    version: int
    action: str
    sku: str | None
    quantity: int | None
    added_price: int | None
    status: str | None
    name: str | None
    at: datetime


@dataclass(slots=True)
class CartThen:
    """A cart at a moment; before its first entry it is an empty one at version 0."""

    version: int = 0
    status: CartStatus = CartStatus.OPEN
    name: str | None = None
    lines: dict[str, int] = field(default_factory=dict)
    added_prices: dict[str, int] = field(default_factory=dict)


def rebuild(entries: Iterable[Entry]) -> CartThen:
    """The cart after these entries, the oldest first. Of the entries of one SKU the last is enough."""
    cart = CartThen()
    for entry in entries:
        cart.version = entry.version
        if entry.status is None:
            cart.status = STATUS_AFTER.get(entry.action, cart.status)
        else:
            cart.status, cart.name = CartStatus(entry.status), entry.name
        _replay_lines(cart, entry)
    return cart


def _replay_lines(cart: CartThen, entry: Entry) -> None:
    if entry.action in EMPTYING:
        cart.lines.clear()
        cart.added_prices.clear()
    if entry.sku is None:
        return
    cart.lines.pop(entry.sku, None)
    cart.added_prices.pop(entry.sku, None)
    if entry.quantity:
        cart.lines[entry.sku] = entry.quantity
        if entry.added_price is not None:
            cart.added_prices[entry.sku] = entry.added_price
