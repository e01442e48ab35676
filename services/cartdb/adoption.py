"""What a signed-in shopper's cart holds after the guest's lines have moved into it, and why."""

from dataclasses import dataclass, replace

from services.contracts.carts import Line, MergeStrategy, ReceiptLine

from .cart import Limits


@dataclass(frozen=True, slots=True)
class Merged:
    """The user's lines after the merge, and the receipt for every line of the guest."""

    lines: list[Line]
    receipt: list[ReceiptLine]


@dataclass(frozen=True, slots=True)
class _Outcome:
    quantity: int
    why: str


def merge(user: list[Line], guest: list[Line], strategy: MergeStrategy, limits: Limits) -> Merged:
    """Put the guest's lines into the user's. Limits cap; nothing is dropped without a line that says so."""
    merged = {line.sku: line for line in user}
    receipt: list[ReceiptLine] = []
    for line in guest:
        mine = merged.get(line.sku)
        outcome = _both(mine.quantity, line.quantity, strategy) if mine else _Outcome(line.quantity, "moved")
        if mine is None and len(merged) >= limits.lines:
            outcome = _Outcome(0, "left_out_line_limit")
        elif outcome.quantity > limits.quantity:
            outcome = replace(outcome, quantity=limits.quantity, why="capped_quantity_limit")
        if outcome.quantity:
            merged[line.sku] = (mine or line).model_copy(update={"quantity": outcome.quantity})
        receipt.append(
            ReceiptLine(
                sku=line.sku,
                guest_quantity=line.quantity,
                user_quantity=mine.quantity if mine else 0,
                quantity=outcome.quantity,
                why=outcome.why,
            )
        )
    return Merged(list(merged.values()), receipt)


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
