"""Stage `search`: the small shops that are searched through, and the missing safeguards that have to be found."""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
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
TWO_OF_ALL = replace(ONE, name=ONE.name.replace("one checkout", "two checkouts of one cart"), keys=("a", "b"))
THREE = Shop("three checkouts of one cart", keys=("a", "b", "c"))
THREADS_OF_SHOPS = {
    ONE: ("FT-29", "FT-30", "FT-31", "FT-32", "FT-36", "FT-37", "FT-38", "FT-40", "FT-42", "FT-44", "FT-67"),
    TWO_DECLINED: ("FT-24", "FT-27", "FT-35", "FT-45"),
    TWO_OF_ALL: ("FT-27", "FT-39", "FT-45", "FT-46", "FT-48", "FT-51", "FT-52", "FT-53", "FT-66", "FT-67"),
    THREE: ("FT-27", "FT-28", "FT-45"),
}
SHORT = (ONE, TWO_DECLINED)
WHOLE = (TWO_OF_ALL, THREE, ONE, TWO_DECLINED)
SECONDS = 200.0


@dataclass(frozen=True)
class Lack:
    """A safeguard that is missing, and the shop in which its absence is found."""

    parts: Parts
    shop: Shop


UNIT = "deliveries that change something"
TWICE_KEPT = "a refused hold skips the cancel"
# Who charges the price of the moment asks for it outside of any message, which a search by messages cannot follow.
BLIND = "the live price charged"
NEED_A_RIVAL = {"refusals of a mark not written down", "a marked cart marked again", "a late unmark reopens the cart"}
LACKS = {
    **{
        name: Lack(mutant.parts, TWO if name in NEED_A_RIVAL else ONE)
        for name, mutant in MUTANTS.items()
        if name != BLIND and "refund" not in mutant.breaks and "restock" not in name and "refund" not in name
    },
    f"{TWICE_KEPT}, and a refused hold is not final": Lack(
        Parts(checkout=RefusedHoldSkipsCancel, stock=ForgetsShortStock), ONE
    ),
}
RARE = ("an unknown cancel taken as canceled", f"{TWICE_KEPT}, and a refused hold is not final")


def search(shop: Shop) -> Found:
    """A shop with everything in place; a rule that seems to break is followed to the shortest way there."""
    proven = Search(shop).prove(seconds=SECONDS)
    if proven.violation is None:
        return proven
    found = Search(shop).find(seconds=SECONDS)
    return found if found.violation is not None else proven


def search_without(name: str) -> Found:
    """A shop without one safeguard."""
    return Search(LACKS[name].shop, LACKS[name].parts).find(seconds=SECONDS)


def search_twice_kept() -> Found:
    """Without a safeguard that another one stands in for: catalog keeps a refused hold refused for ever."""
    return Search(ONE, Parts(checkout=RefusedHoldSkipsCancel)).prove(seconds=SECONDS)


def run(asked: Asked) -> Report:
    """Every shop and every lack, on all cores. Nothing is drawn: the seed changes nothing."""
    shops, lacks = (SHORT, RARE) if asked.short else (WHOLE, tuple(LACKS))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        searched = [pool.submit(search, shop) for shop in shops]
        twice_kept = pool.submit(search_twice_kept)
        missed = list(pool.map(search_without, lacks))
        found = [one.result() for one in searched]
        safe = twice_kept.result()
    stands_in = f"one checkout, {TWICE_KEPT}: catalog's own refusal stands in for it"
    return Report(
        "search",
        TITLE,
        asked.seed,
        counts=_figures([*found, safe]),
        cases=[
            *(
                Case(shop.name, THREADS_OF_SHOPS[shop], one.states, _broken(one))
                for shop, one in zip(shops, found, strict=True)
            ),
            Case(stands_in, (), safe.states, _broken(safe)),
        ],
        mutants=[Mutant(name, one.violation, len(one.way), UNIT) for name, one in zip(lacks, missed, strict=True)],
    )


def _broken(found: Found) -> list[str]:
    if found.violation is not None:
        return [f"{found.violation}, after {' → '.join(found.way) or 'some mixture of orders'}"]
    return [] if found.complete else [f"not searched to its end: {found.states} states in {found.seconds:.0f} s"]


def _figures(founds: list[Found]) -> dict[str, int | float | str]:
    return {
        "states of the neighbours": sum(found.states for found in founds),
        "deliveries tried": sum(found.deliveries for found in founds),
        "places where a controller may stand": sum(found.places for found in founds),
        "shops searched to their end": f"{sum(found.complete for found in founds)} of {len(founds)}",
        "what shoppers heard": ", ".join(sorted(set().union(*(found.told for found in founds)))),
    }
