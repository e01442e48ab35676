"""Stage `mutants`: the checkout without one of its safeguards, each found out by the rule that the safeguard keeps."""

from concurrent.futures import ProcessPoolExecutor

from tests.fault.campaign import schedules_to_notice
from tests.fault.mutants import MUTANTS
from tests.fault.report import Asked, Case, Mutant, Report

TITLE = "One safeguard taken away at a time: the schedules must notice each"
# It is the schedules that are on trial here: the same ones every time, for the rarest is noticed by one in 400.
FIRST = 0
QUICK = 1000
"""So many schedules must do for a mutant of the short campaign."""


def run(asked: Asked) -> Report:
    """Each mutant, until it is noticed; those that take long only where there is time, and in `make test`."""
    names = [name for name, mutant in MUTANTS.items() if not (asked.short and mutant.seeds > QUICK)]
    with ProcessPoolExecutor() as pool:
        taken = dict(zip(names, pool.map(_noticed_after, names), strict=True))
    mutants = [
        Mutant(name, MUTANTS[name].breaks if after else None, after or MUTANTS[name].seeds, "schedules")
        for name, after in taken.items()
    ]
    noticed = [mutant for mutant in mutants if mutant.noticed_by is not None]
    return Report(
        stage="mutants",
        title=TITLE,
        seed=FIRST,
        counts={
            "safeguards taken away": len(mutants),
            "noticed": len(noticed),
            "schedules for the rarest": max((mutant.after for mutant in noticed), default=0),
        },
        cases=[Case("a safeguard is missing", tried=len(mutants))],
        mutants=mutants,
    )


def _noticed_after(name: str) -> int | None:
    return schedules_to_notice(MUTANTS[name], first=FIRST)
