"""Many schedules, and what they come to."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.fault.mutants import ScheduleMutant
from tests.fault.network import FATES
from tests.fault.schedule import Schedule

PAID_AT_LEAST = 0.25
MISHAPS = frozenset({*FATES, "crash", "stall"})
CALLS = {
    "shopper": (
        *("find", "items", "void", "purchase", "hold", "create", "attach", "confirm"),
        *("commit", "settle", "cancel", "release", "unpurchase"),
    ),
    "reconcile": (
        *("unfinished", "create", "attach", "find_intent", "commit", "settle", "cancel", "release", "unpurchase"),
        *("refunds_of", "refund", "restock", "finish_refund", "fail_refund"),
    ),
    "operator": ("anybodys", "refund_row", "refunds_of", "refund", "restock", "finish_refund", "fail_refund"),
    "cancel": ("purchase_of", "create", "attach", "cancel", "release", "unpurchase"),
}


@dataclass
class Counts:
    """What a number of schedules came to."""

    schedules: int = 0
    broken: dict[int, list[str]] = field(default_factory=dict)
    endings: Counter[str] = field(default_factory=Counter)
    met: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        self.schedules += other.schedules
        self.broken |= other.broken
        self.endings += other.endings
        self.met += other.met

    @property
    def paid_share(self) -> float:
        return self.endings["paid"] / max(1, self.endings["marked"])

    def unmet(self) -> list[tuple[str, str, str]]:
        """Mishaps that no actor's call of that name has had."""
        pairs = [(actor, call) for actor, calls in CALLS.items() for call in calls]
        return [(*pair, mishap) for pair in pairs for mishap in sorted(MISHAPS) if not self.met[*pair, mishap]]


def counts_of(seeds: Iterable[int]) -> Counts:
    counts = Counts()
    for seed in seeds:
        schedule = Schedule(seed).run()
        broken = {seed: schedule.violations} if schedule.violations else {}
        counts.add(Counts(1, broken, schedule.endings(), schedule.network.met))
    return counts


def counts_in_parallel(first: int, number: int, *, processes: int) -> Counts:
    counts = Counts()
    portions = [range(at, min(at + 100, first + number)) for at in range(first, first + number, 100)]
    with ProcessPoolExecutor(processes) as pool:
        for portion in pool.map(counts_of, portions):
            counts.add(portion)
    return counts


def schedules_to_notice(mutant: ScheduleMutant, *, first: int) -> int | None:
    """How many schedules it took until the rule broke that the missing safeguard keeps."""
    seeds = range(first, first + mutant.seeds)
    return next(
        (n for n, seed in enumerate(seeds, 1) if mutant.breaks in Schedule(seed, mutant.parts).run().violations), None
    )
