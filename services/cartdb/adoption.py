"""What a user's cart holds after the guest's lines have moved into it, why, and when that can be undone."""

from dataclasses import dataclass
from uuid import UUID

from services.contracts.carts import CartStatus, Line, MergeStrategy, ReceiptLine
from services.contracts.identity import undone_cart_id

from .cart import Limits
from .purchase import LockedCart

NAME_OF_UNDONE = "From before signing in"

_STANDS_STILL = {
    CartStatus.IN_CHECKOUT: "cart_in_checkout",
    CartStatus.PURCHASED: "cart_already_purchased",
    CartStatus.DELETED: "cart_deleted",
}


@dataclass(frozen=True, slots=True)
class Merged:
    """The user's lines after the merge, and the receipt: the guest's lines, then those of the user alone."""

    lines: list[Line]
    receipt: list[ReceiptLine]


@dataclass(frozen=True, slots=True)
class _Outcome:
    quantity: int
    why: str


def merge(user: list[Line], guest: list[Line], strategy: MergeStrategy, limits: Limits) -> Merged:
    """Put the guest's lines into the user's. Limits cap; nothing is dropped without a line that says so.

    What the user had stays even where a limit has become smaller since.
    """
    merged = {line.sku: line for line in user}
    receipt: list[ReceiptLine] = []
    for line in guest:
        mine = merged.get(line.sku)
        had = mine.quantity if mine else 0
        wanted = _both(had, line.quantity, strategy) if mine else _Outcome(line.quantity, "moved")
        outcome = _capped(wanted, had, limits, full=mine is None and len(merged) >= limits.lines)
        if outcome.quantity:
            merged[line.sku] = (mine or line).model_copy(update={"quantity": outcome.quantity})
        receipt.append(
            ReceiptLine(
                sku=line.sku,
                guest_quantity=line.quantity,
                user_quantity=had,
                quantity=outcome.quantity,
                left_out=wanted.quantity - outcome.quantity,
                why=outcome.why,
            )
        )
    told = {line.sku for line in guest}
    return Merged(list(merged.values()), receipt + [_untouched(line) for line in user if line.sku not in told])


def _both(mine: int, theirs: int, strategy: MergeStrategy) -> _Outcome:
    match strategy:
        case MergeStrategy.SUM:
            return _Outcome(mine + theirs, "summed")
        case MergeStrategy.MAX:
            return _Outcome(max(mine, theirs), "kept_larger")
        case MergeStrategy.KEEP_USER:
            return _Outcome(mine, "kept_user")
        case MergeStrategy.KEEP_GUEST:
            return _Outcome(theirs, "kept_guest")


def _capped(wanted: _Outcome, had: int, limits: Limits, *, full: bool) -> _Outcome:
    if full:
        return _Outcome(0, "left_out_line_limit")
    most = max(limits.quantity, had)
    return _Outcome(most, "capped_quantity_limit") if wanted.quantity > most else wanted


def _untouched(line: Line) -> ReceiptLine:
    return ReceiptLine(
        sku=line.sku, guest_quantity=0, user_quantity=line.quantity, quantity=line.quantity, why="untouched"
    )


def why_no_undo(cart: LockedCart | None, version: int | None) -> str | None:
    """Why a merge that left the cart at this version cannot be undone; None if it can.

    Args:
        cart: the user's cart that the lines went to, as it is now; None if it was erased.
        version: None if what the carts held before was not written down.
    """
    if version is None or cart is None:
        return "lines_not_recorded"
    if cart.status in _STANDS_STILL:
        return _STANDS_STILL[cart.status]
    return None if cart.version == version else "cart_changed"


def undone_carts(merge_id: UUID, guest: list[Line], limits: Limits) -> dict[UUID, list[Line]]:
    """The guest's lines after an undo: in as many carts as the limit of lines asks for, by ids of the merge's own."""
    starts = range(0, len(guest), limits.lines)
    return {undone_cart_id(merge_id, number): guest[at : at + limits.lines] for number, at in enumerate(starts)}
