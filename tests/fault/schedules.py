"""Stage `schedules`: crashes, lost and late messages over the real steps, by seeds, with the neighbours in memory."""

import os

from tests.fault.campaign import PAID_AT_LEAST, Counts, counts_in_parallel
from tests.fault.report import Asked, Case, Report
from tests.fault.schedule import Schedule

TITLE = "Crashes, lost, late and repeated messages and outages, drawn for each call of the real steps"
WHOLE, SHORT = 20_000, 1_500

TROUBLES = {
    "lost_request": ("a request is lost on its way", ("FT-40", "FT-41")),
    "lost_answer": ("the answer is lost after the work is done", ("FT-36", "FT-37")),
    "late": ("a request arrives up to 80 s after everybody gave it up", ("FT-42", "FT-44")),
    "duplicate": ("a request arrives twice", ("FT-30", "FT-31", "FT-32", "FT-33")),
    "not_sent": ("a neighbour takes no connection", ("FT-40", "FT-43")),
    "error_before": ("a neighbour answers 5xx and has done nothing", ("FT-43",)),
    "error_after": ("a neighbour answers 5xx and has done it", ("FT-36", "FT-43")),
    "crash": ("the controller dies at a call, with everything that it was doing", ("FT-36", "FT-47")),
    "stall": ("the controller stands still for 10 to 60 s at a call, then goes on", ("FT-44",)),
}
DRAWN = "two shoppers with two tabs each: repeats, rivals, edits, price changes, declines, slow banks, short stock"


def run(asked: Asked) -> Report:
    """The campaign, cut into what was met."""
    number = asked.seeds or (SHORT if asked.short else WHOLE)
    counts = counts_in_parallel(asked.seed, number, processes=os.cpu_count() or 1)
    return Report(
        stage="schedules",
        title=TITLE,
        seed=asked.seed,
        counts=_figures(counts),
        cases=_cases(counts, enough=not asked.short and asked.seeds is None),
        broken=_broken(counts),
    )


def _figures(counts: Counts) -> dict[str, int | float | str]:
    endings = counts.endings
    return {
        "schedules": counts.schedules,
        "checkouts marked": endings["marked"],
        "ended paid, % of the marked": round(100 * counts.paid_share, 1),
        "calls": counts.met.total(),
        "calls with a mishap": counts.met.total() - sum(n for (_, _, fate), n in counts.met.items() if fate == "ok"),
        "refused or failed": endings["refused"] + endings["failed"],
        "told processing": endings["told processing"],
        "told called off": endings["told called off"],
        "kinds of mishap that were never met": len(counts.unmet()),
    }


def _cases(counts: Counts, *, enough: bool) -> list[Case]:
    """In the whole campaign, if nobody said how few schedules are enough, each mishap has to have met each call."""
    met = [
        Case(
            name=name,
            threads=threads,
            tried=sum(n for (_, _, fate), n in counts.met.items() if fate == trouble),
            broken=[
                f"never met by {call} of {actor}" for actor, call, fate in counts.unmet() if enough and fate == trouble
            ],
        )
        for trouble, (name, threads) in TROUBLES.items()
    ]
    drawn = ("FT-27", "FT-28", "FT-29", "FT-35", "FT-38", "FT-45", "FT-48", "FT-66", "FT-67")
    return [Case(DRAWN, drawn, counts.schedules), *met]


def _broken(counts: Counts) -> list[str]:
    broken = [f"seed {seed}: {'; '.join(what)}" for seed, what in sorted(counts.broken.items())[:10]]
    if counts.broken:
        broken.append(f"{len(counts.broken)} schedules broke a rule; ARGS=--trace SEED=n tells every event of one")
    if counts.paid_share < PAID_AT_LEAST:
        broken.append(f"only {counts.paid_share:.0%} of the marked checkouts ended paid: the faults prove little")
    return broken


def tell(seed: int) -> str:
    """Every event of one schedule."""
    schedule = Schedule(seed).run()
    return f"seed {seed}: {'; '.join(schedule.violations) or 'all rules held'}\n{schedule.story()}"
