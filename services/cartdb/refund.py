"""A refund's life on paper: pending until it is known whether the money went back, then done or failed for ever.

    (none) ──refund──▶ pending ──finish──▶ done
       │                  └──────fail────▶ failed
       └──refund, refused ───────────────▶ failed

A refusal is written down as the failure of its own id, for a late twin of the request may find more left than the
first one did: another refund may have failed meanwhile.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from services.contracts.carts import Purchase, PurchaseState, Snapshot
from services.contracts.catalog import HoldLine
from services.contracts.problems import (
    CurrencyNotAccepted,
    IdempotencyKeyReused,
    OrderNotPaid,
    Problem,
    RefundExceedsPayment,
    RefundHasFailed,
    RefundIsDone,
    RefundMismatch,
    RestockExceedsSale,
)
from services.contracts.refunds import Refund, RefundRequest, RefundState


def left_of(purchase: Purchase, refunds: Sequence[Refund]) -> int:
    """How much of a purchase has not gone back and is not on its way."""
    if purchase.state is not PurchaseState.PAID:
        return 0
    return _snapshot_of(purchase).amount - sum(refund.amount or 0 for refund in _standing(refunds))


def why_not(purchase: Purchase, refunds: Sequence[Refund], request: RefundRequest) -> Problem | None:
    """Why the purchase cannot be refunded so; None if it can. `refunds` are all of the purchase's."""
    if purchase.state is not PurchaseState.PAID:
        return OrderNotPaid()
    sold = _snapshot_of(purchase)
    if request.currency != sold.currency:
        return CurrencyNotAccepted(f"The order was paid in {sold.currency}.", accepted=[sold.currency])
    left = left_of(purchase, refunds)
    if left < (request.amount or 1):
        return RefundExceedsPayment(left=left, paid=sold.amount)
    if short := _not_there(sold, refunds, request):
        return RestockExceedsSale(items=short)
    return None


def agree(refund: Refund, *, fingerprint: str) -> Refund:
    """A repeated request gets the refund's present state.

    Raises:
        IdempotencyKeyReused: it is another request under the same key.
    """
    if refund.fingerprint != fingerprint:
        raise IdempotencyKeyReused(order_id=str(refund.checkout_id))
    return refund


def may_finish(refund: Refund, *, processor_refund_id: str) -> bool:
    """Whether pending becomes done now; False if it is done already.

    Raises:
        RefundHasFailed: it failed; money that went back all the same is an alarm.
        RefundMismatch: it is done by another refund of the processor.
    """
    if refund.state is RefundState.FAILED:
        raise RefundHasFailed(refund_id=str(refund.refund_id))
    if refund.state is RefundState.PENDING:
        return True
    if refund.processor_refund_id != processor_refund_id:
        raise RefundMismatch(refund_id=str(refund.refund_id))
    return False


def may_fail(refund: Refund) -> bool:
    """Whether pending becomes failed now; False if it has failed already.

    Raises:
        RefundIsDone: the money went back.
    """
    if refund.state is RefundState.DONE:
        raise RefundIsDone(refund_id=str(refund.refund_id))
    return refund.state is RefundState.PENDING


def merged(lines: Iterable[HoldLine]) -> dict[str, int]:
    """How many of each SKU the lines name together."""
    quantities = Counter[str]()
    for line in lines:
        quantities[line.sku] += line.quantity
    return dict(sorted(quantities.items()))


def _standing(refunds: Sequence[Refund]) -> list[Refund]:
    return [refund for refund in refunds if refund.state is not RefundState.FAILED]


def _not_there(sold: Snapshot, refunds: Sequence[Refund], request: RefundRequest) -> list[dict[str, object]]:
    left = Counter({line.sku: line.quantity for line in sold.lines})
    for refund in _standing(refunds):
        left.subtract({line.sku: line.quantity for line in refund.restock})
    asked = merged(request.restock)
    return [
        {"sku": sku, "asked": quantity, "left": left[sku]} for sku, quantity in asked.items() if quantity > left[sku]
    ]


def _snapshot_of(purchase: Purchase) -> Snapshot:
    assert purchase.snapshot is not None, f"purchase {purchase.checkout_id} is {purchase.state} without a snapshot"
    return purchase.snapshot
