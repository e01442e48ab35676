"""Stage `search`: the small shops that are searched through, and the missing safeguards that have to be found."""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from services.contracts.carts import Purchase
from services.contracts.catalog import Hold, HoldLine
from services.contracts.problems import Refused, Undecided
from services.controller.checkout import Checkout, Outcome, Processing, snapshot_of
from tests.checkout_fakes import FakeStock
from tests.fault.mutants import MUTANTS
from tests.fault.report import Asked, Case, Mutant, Report
from tests.fault.schedule import Parts
from tests.fault.search import Found, Search
from tests.fault.small_shop import Shop

TITLE = "Every order of deliveries, to the last one, over the real steps in small shops"


class RefusedHoldSkipsCancel(Checkout):
    """Short stock is told at once: no intent could have been charged yet, could it?"""

    async def resume(self, purchase: Purchase, payment_method: str) -> Outcome:
        lines = [HoldLine(sku=line.sku, quantity=line.quantity) for line in snapshot_of(purchase).lines]
        match await self._stock.hold(purchase.checkout_id, lines):
            case Refused(problem):
                return await self._unmark(purchase, problem, purchase.intent_id)
            case Hold():
                return await self._create(purchase, payment_method)
            case _:
                return Processing(purchase)


@dataclass
class ForgetsShortStock(FakeStock):
    """A hold that is refused today may be granted tomorrow."""

    async def hold(self, checkout_id: UUID, lines: Iterable[HoldLine]) -> Hold | Refused | Undecided:
        answer = await super().hold(checkout_id, lines)
        if self.holds.get(checkout_id) == "refused":
            del self.holds[checkout_id]
        return answer


ONE = Shop(
    "one checkout; declines, a slow bank, a price rise, an edit, cancels, somebody else after the last unit",
    outsider=True,
    declines=True,
    slow=True,
    reprices=True,
    edits=True,
    cancels=True,
)
TWO = Shop("two checkouts of one cart", keys=("a", "b"))
TWO_DECLINED = Shop("two checkouts of one cart; declines, cancels", keys=("a", "b"), declines=True, cancels=True)
TWO_SHORT = Shop(
    "two checkouts of one cart; declines, somebody else after the last unit",
    keys=("a", "b"),
    declines=True,
    outsider=True,
)
TWO_CHANGED = Shop(
    "two checkouts of one cart; declines, a price rise, an edit",
    keys=("a", "b"),
    declines=True,
    reprices=True,
    edits=True,
)
TWO_OF_ALL = Shop(
    "two checkouts of one cart; everything, as far as the time goes",
    keys=("a", "b"),
    outsider=True,
    declines=True,
    slow=True,
    reprices=True,
    edits=True,
    cancels=True,
)
THREADS = {
    ONE: ("FT-29", "FT-30", "FT-31", "FT-32", "FT-36", "FT-37", "FT-38", "FT-40", "FT-42", "FT-44", "FT-67"),
    TWO: ("FT-27", "FT-28", "FT-45"),
    TWO_DECLINED: ("FT-24", "FT-27", "FT-35", "FT-45"),
    TWO_SHORT: ("FT-39", "FT-48", "FT-51", "FT-52", "FT-53"),
    TWO_CHANGED: ("FT-46", "FT-66", "FT-67"),
    TWO_OF_ALL: ("FT-27", "FT-45", "FT-66"),
}
SHORT = (ONE, TWO, TWO_DECLINED)
WHOLE = (ONE, TWO, TWO_DECLINED, TWO_SHORT, TWO_CHANGED)
SECONDS, SECONDS_OF_ALL = 90.0, 75.0


@dataclass(frozen=True)
class Lack:
    """A safeguard that is missing, and the shop in which its absence is found."""

    parts: Parts
    shop: Shop


UNIT = "deliveries that change something"
TWICE_KEPT = "a refused hold skips the cancel"
# Who charges the price of the moment asks for it outside of any message, which a search by messages cannot follow.
BLIND = {"the live price charged"}
NEED_A_RIVAL = {"refusals of a mark not written down", "a marked cart marked again", "a late unmark reopens the cart"}
LACKS = {
    **{
        name: Lack(mutant.parts, TWO if name in NEED_A_RIVAL else ONE)
        for name, mutant in MUTANTS.items()
        if name not in BLIND
    },
    f"{TWICE_KEPT}, and a refused hold is not final": Lack(
        Parts(checkout=RefusedHoldSkipsCancel, stock=ForgetsShortStock), ONE
    ),
}
RARE = ("an unknown cancel taken as canceled", f"{TWICE_KEPT}, and a refused hold is not final")


def search(shop: Shop, seconds: float) -> Found:
    """A shop with everything in place."""
    return Search(shop).run(seconds=seconds)


def search_without(name: str) -> Found:
    """A shop without one safeguard."""
    return Search(LACKS[name].shop, LACKS[name].parts).run(seconds=SECONDS)


def search_twice_kept() -> Found:
    """Without a safeguard that another one stands in for: catalog keeps a refused hold refused for ever."""
    return Search(ONE, Parts(checkout=RefusedHoldSkipsCancel)).run(seconds=SECONDS)


def run(asked: Asked) -> Report:
    """Every shop and every lack, on all cores."""
    shops, lacks = (SHORT, RARE) if asked.short else (WHOLE, tuple(LACKS))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        everything = None if asked.short else pool.submit(search, TWO_OF_ALL, SECONDS_OF_ALL)
        wholes = {shop: pool.submit(search, shop, SECONDS) for shop in shops}
        twice_kept = pool.submit(search_twice_kept)
        missed = dict(zip(lacks, pool.map(search_without, lacks), strict=True))
        found = {shop: future.result() for shop, future in wholes.items()}
        far = everything.result() if everything is not None else None
        safe = twice_kept.result()
    report = Report("search", TITLE, asked.seed)
    report.cases = [_case(shop, one, whole=True) for shop, one in found.items()]
    if far is not None:
        report.cases.append(_case(TWO_OF_ALL, far, whole=False))
    report.cases.append(
        Case(
            f"one checkout, {TWICE_KEPT}: catalog's own refusal stands in for it",
            (),
            safe.states,
            _broken(safe, whole=True),
        )
    )
    report.mutants = [Mutant(name, one.violation, one.changes, UNIT) for name, one in missed.items()]
    report.counts = _figures([*found.values(), *([far] if far is not None else [])], far)
    return report


def _case(shop: Shop, found: Found, *, whole: bool) -> Case:
    return Case(shop.name, THREADS[shop], found.states, _broken(found, whole=whole))


def _broken(found: Found, *, whole: bool) -> list[str]:
    if found.violation is not None:
        return [f"{found.violation}, after {' → '.join(found.way)}"]
    if whole and not found.complete:
        return [f"not searched to its end: {found.states} states, {found.changes} changes deep, {found.seconds:.0f} s"]
    return []


def _figures(founds: list[Found], far: Found | None) -> dict[str, int | float | str]:
    figures: dict[str, int | float | str] = {
        "states": sum(found.states for found in founds),
        "shops searched to the end": f"{sum(found.complete for found in founds)} of {len(founds)}",
        "the longest way to a new state, changes": max(found.changes for found in founds if found.complete),
        "places at which a controller stood": sum(found.places for found in founds),
        "told": ", ".join(sorted(set().union(*(found.told for found in founds)))),
    }
    if far is not None and not far.complete:
        figures["two checkouts with everything: all ways of changes up to"] = far.changes
    return figures
