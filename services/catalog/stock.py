"""What a checkout's hold may become, and where the stock goes when it does.

    (nothing) ──hold──▶ held ──commit──▶ committed
        │  │             └────release──▶ released
        │  └─────hold, short of stock──▶ refused
        └──────────────release─────────▶ released      a tombstone: a hold that arrives later is refused

Whatever has happened is final: a repeated step agrees, a contrary one is refused. Holds never expire.

What was committed may come back line by line, with the refunds of the order: each refund once, and all of them together
no more than was sold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.contracts.catalog import Hold, HoldLine, Shortage
from services.contracts.problems import (
    GoodsNotSold,
    HoldIsCommitted,
    HoldIsReleased,
    HoldMismatch,
    OutOfStock,
    RestockExceedsSale,
    RestockMismatch,
)
from services.contracts.refunds import Restock, RestockLine


class HoldState(StrEnum):
    """What became of a checkout's stock."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Movement:
    """What one unit of a line does to the counters of its SKU. The sum is 0: stock moves, it does not vanish."""

    available: int = 0
    held: int = 0
    sold: int = 0


TAKE = Movement(available=-1, held=1)
SELL = Movement(held=-1, sold=1)
GIVE_BACK = Movement(available=1, held=-1)
PUT_BACK = Movement(available=1, sold=-1)


@dataclass(frozen=True, slots=True)
class StoredHold:
    """A checkout's hold as it stands."""

    checkout_id: UUID
    state: HoldState
    lines: Mapping[str, int]
    shortages: tuple[Shortage, ...] = ()

    def asked_with(self, lines: Mapping[str, int]) -> Hold:
        """The answer to a hold of these lines, for the first time or again.

        Raises:
            OutOfStock: it was short of stock when it was first asked for, which is final, whatever there is now.
            HoldIsReleased: it has been released, perhaps before it was asked for.
            HoldMismatch: it holds other lines.
        """
        if self.state is HoldState.RELEASED:
            raise HoldIsReleased(checkout_id=str(self.checkout_id))
        hold = self.told()
        if dict(self.lines) != dict(lines):
            raise HoldMismatch(checkout_id=str(self.checkout_id))
        return hold

    def to_commit(self) -> Movement | None:
        """How its stock moves when it is committed; None when that has been done.

        Raises:
            HoldIsReleased: the stock is back on the shelf.
            OutOfStock: nothing was held.
        """
        match self.state:
            case HoldState.HELD:
                return SELL
            case HoldState.COMMITTED:
                return None
            case HoldState.RELEASED:
                raise HoldIsReleased(checkout_id=str(self.checkout_id))
            case HoldState.REFUSED:
                raise self._out_of_stock()

    def to_release(self) -> Movement | None:
        """How its stock moves when it is released; None when there is nothing to give back (any more).

        Raises:
            HoldIsCommitted: the stock is sold.
        """
        if self.state is HoldState.COMMITTED:
            raise HoldIsCommitted(checkout_id=str(self.checkout_id))
        return GIVE_BACK if self.state is HoldState.HELD else None

    def expect_restockable(self, lines: Mapping[str, int], restocked: Mapping[str, int]) -> None:
        """Refuse to put back what this checkout did not sell. `restocked` is what earlier refunds put back.

        Raises:
            GoodsNotSold: nothing of it was sold.
            RestockExceedsSale: some lines were not sold, or too few of them are still out.
        """
        if self.state is not HoldState.COMMITTED:
            raise GoodsNotSold(checkout_id=str(self.checkout_id))
        left = {sku: quantity - restocked.get(sku, 0) for sku, quantity in self.lines.items()}
        short = [
            {"sku": sku, "asked": quantity, "left": left.get(sku, 0)}
            for sku, quantity in lines.items()
            if quantity > left.get(sku, 0)
        ]
        if short:
            raise RestockExceedsSale(items=short, checkout_id=str(self.checkout_id))

    def told(self) -> Hold:
        """The hold as others see it.

        Raises:
            OutOfStock: it was refused, so there is none.
        """
        if self.state is HoldState.REFUSED:
            raise self._out_of_stock()
        return Hold(checkout_id=str(self.checkout_id), state=self.state.value)

    def _out_of_stock(self) -> OutOfStock:
        return OutOfStock(
            checkout_id=str(self.checkout_id), items=[shortage.model_dump() for shortage in self.shortages]
        )


@dataclass(frozen=True, slots=True)
class StoredRestock:
    """What a refund has put back."""

    refund_id: UUID
    checkout_id: UUID
    lines: Mapping[str, int]

    def asked_with(self, checkout_id: UUID, lines: Mapping[str, int]) -> Restock:
        """The answer to a restock of these lines, for the first time or again.

        Raises:
            RestockMismatch: it has put other goods back.
        """
        if self.checkout_id != checkout_id or dict(self.lines) != dict(lines):
            raise RestockMismatch(refund_id=str(self.refund_id))
        told = [RestockLine(sku=sku, quantity=quantity) for sku, quantity in self.lines.items()]
        return Restock(refund_id=str(self.refund_id), checkout_id=str(self.checkout_id), lines=told)


def wanted(lines: Iterable[HoldLine]) -> dict[str, int]:
    """How many of each SKU the lines ask for, by SKU in order, so that all checkouts lock in the same order."""
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.sku] = quantities.get(line.sku, 0) + line.quantity
    return dict(sorted(quantities.items()))


def shortages(lines: Mapping[str, int], available: Mapping[str, int]) -> tuple[Shortage, ...]:
    """The lines that the shelf cannot fill. What it does not know, it has none of."""
    return tuple(
        Shortage(sku=sku, wanted=quantity, available=available.get(sku, 0))
        for sku, quantity in lines.items()
        if available.get(sku, 0) < quantity
    )
