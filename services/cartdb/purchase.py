"""A purchase's life on paper: pending until the money's fate is known, then paid or failed for ever.

    (none) ──purchase──▶ pending ──settle──▶ paid
       │                    └───unpurchase─▶ failed
       ├──purchase, refused ───────────────▶ failed
       └──void ────────────────────────────▶ failed

A wrong transition refuses; a repeated one agrees. Each function takes what the store has locked and says what to
write.
"""

from dataclasses import dataclass

from services.contracts.carts import CartStatus, Purchase, PurchaseState, Snapshot
from services.contracts.problems import (
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsBeingAdopted,
    CheckoutChanged,
    IdempotencyKeyReused,
    IntentMismatch,
    Problem,
    PurchaseHasFailed,
    PurchaseIsSettled,
    Unprocessable,
)


@dataclass(frozen=True, slots=True)
class LockedCart:
    """A cart whose row the caller holds, so that nothing about it changes meanwhile."""

    status: CartStatus
    version: int
    quantities: dict[str, int]


REFUSALS: dict[str, type[Problem]] = {
    "cart_in_checkout": CartInCheckout,
    "cart_already_purchased": CartAlreadyPurchased,
    "cart_is_being_adopted": CartIsBeingAdopted,
    "checkout_changed": CheckoutChanged,
}
"""Reasons of purchases that were refused at the mark, and the problems that they are told with."""


def why_not(cart: LockedCart, *, version: int) -> str | None:
    """Why the cart cannot be marked by a new checkout; None if it can."""
    match cart.status:
        case CartStatus.IN_CHECKOUT:
            return CartInCheckout.slug
        case CartStatus.PURCHASED:
            return CartAlreadyPurchased.slug
        case CartStatus.MOVING | CartStatus.MOVED:
            return CartIsBeingAdopted.slug
        case CartStatus.DELETED:
            return CheckoutChanged.slug
        case _:
            return None if cart.version == version else CheckoutChanged.slug


def check_snapshot(snapshot: Snapshot, cart: LockedCart) -> None:
    """A snapshot sells the cart's lines, and its amount is their sum.

    Raises:
        Unprocessable: it does not; the caller is at fault, and retrying will not help.
    """
    quantities = {line.sku: line.quantity for line in snapshot.lines}
    if quantities != cart.quantities or len(quantities) != len(snapshot.lines):
        raise Unprocessable("The snapshot does not hold the cart's lines.")
    if any(line.unit_price * line.quantity != line.line_total for line in snapshot.lines):
        raise Unprocessable("A line's total is not its unit price times its quantity.")
    if sum(line.line_total for line in snapshot.lines) != snapshot.amount:
        raise Unprocessable("The snapshot's amount is not the sum of its lines.")


def agree(purchase: Purchase, *, fingerprint: str) -> Purchase:
    """A repeated checkout gets the purchase's present state.

    Raises:
        IdempotencyKeyReused: it is another request under the same key.
    """
    if purchase.fingerprint != fingerprint:
        raise IdempotencyKeyReused(order_id=str(purchase.checkout_id))
    return purchase


def may_attach(purchase: Purchase, *, intent_id: str) -> bool:
    """Whether the intent is to be written now; False if it stands there already.

    Raises:
        IntentMismatch: another intent is attached.
        PurchaseHasFailed: the purchase is over.
    """
    if purchase.intent_id is not None:
        if purchase.intent_id != intent_id:
            raise IntentMismatch
        return False
    if purchase.state is PurchaseState.FAILED:
        raise PurchaseHasFailed(reason=purchase.reason)
    return True


def may_settle(purchase: Purchase, *, intent_id: str) -> bool:
    """Whether pending becomes paid now; False if it is paid already.

    Raises:
        PurchaseHasFailed: it failed; a charge for it would be an alarm.
        IntentMismatch: another intent is attached, or none.
    """
    if purchase.state is PurchaseState.FAILED:
        raise PurchaseHasFailed(reason=purchase.reason)
    if purchase.intent_id != intent_id:
        raise IntentMismatch
    return purchase.state is PurchaseState.PENDING


def may_unpurchase(purchase: Purchase, *, intent_id: str | None) -> bool:
    """Whether pending becomes failed now; False if it has failed already.

    `intent_id` is the intent that was cancelled for good; None where the checkout never got one.

    Raises:
        PurchaseIsSettled: it is paid.
        IntentMismatch: another intent is attached, which may still be charged.
    """
    if purchase.state is PurchaseState.PAID:
        raise PurchaseIsSettled
    if purchase.state is PurchaseState.FAILED:
        return False
    if purchase.intent_id != intent_id:
        raise IntentMismatch
    return True
