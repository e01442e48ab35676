"""One page of what the campaign tried and what became of it: a file that needs nothing but itself."""

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.local.settings import REPOSITORY
from tests.fault.report import Asked, Mutant, Report
from tests.fault.thread import Thread
from tests.fault.threads import THREADS

# Figures that stand at the top, whichever stage counted them, by what their names begin with.
OUTSTANDING = ("s of recovery after a fault, p", "told paid", "edits acknowledged")


@dataclass(frozen=True, slots=True)
class Proof:
    """A real failure, and what stood for it in this campaign."""

    name: str
    thread: Thread
    cases: list[tuple[str, str, bool]]

    @property
    def broken(self) -> bool:
        """Whether it happened to us."""
        return any(broken for _, _, broken in self.cases)


def page_of(reports: list[Report], asked: Asked, stages: Sequence[str] = ()) -> str:
    """The HTML of a campaign that ran these stages."""
    pages = Environment(
        loader=FileSystemLoader(REPOSITORY / "tests" / "fault"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["number"] = number
    return pages.get_template("page.html").render(
        asked=asked,
        reports=reports,
        failures=[(report.stage, what) for report in reports for what in report.failures],
        figures=figures(reports),
        mutants=by_mutant(reports),
        proofs=proofs(reports),
        threads=THREADS,
        command=command(asked),
        alone=[command(replace(asked, stages=(name,))) for name in stages],
        commit=commit(),
        now=datetime.now(UTC),
        seconds=sum(report.seconds for report in reports),
    )


def number(value: float | str) -> str:
    """With thousands apart; what is no number stays as it is."""
    return value if isinstance(value, str) else f"{value:,}"


def command(asked: Asked) -> str:
    """What repeats the campaign."""
    sizes = [f" SEEDS={asked.seeds}"] if asked.seeds else []
    options = [*(["--short"] if asked.short else []), *(f"--stage {name}" for name in asked.stages)]
    return f"make faults SEED={asked.seed}{''.join(sizes)}" + (f' ARGS="{" ".join(options)}"' if options else "")


def figures(reports: Iterable[Report]) -> list[tuple[str, float | str]]:
    """What is worth a glance."""
    kept = list(reports)
    mutants = by_mutant(kept)
    outstanding = [
        (f"{name} ({report.stage})", value)
        for report in kept
        for name, value in report.counts.items()
        if name.startswith(OUTSTANDING) and report.stage != "schedules"
    ]
    missing = [("safeguards taken away and noticed", f"{sum(map(noticed, mutants.values()))} of {len(mutants)}")]
    return [
        ("troubles made", sum(report.tried for report in kept)),
        ("rules broken", sum(len(report.failures) for report in kept)),
        *(missing if mutants else []),
        *outstanding,
    ]


def by_mutant(reports: Iterable[Report]) -> dict[str, list[tuple[str, Mutant]]]:
    """For each safeguard that was taken away: the stages that tried, and what they made of it."""
    table: dict[str, list[tuple[str, Mutant]]] = {}
    for report in reports:
        for mutant in report.mutants:
            table.setdefault(mutant.missing, []).append((report.stage, mutant))
    return table


def noticed(tries: list[tuple[str, Mutant]]) -> bool:
    """Whether every stage that tried has seen it."""
    return all(mutant.noticed_by is not None for _, mutant in tries)


def proofs(reports: Iterable[Report]) -> list[Proof]:
    """Every real failure on the list, with the cases that stood for it this time."""
    kept = list(reports)
    return [
        Proof(
            name,
            thread,
            [
                (report.stage, case.name, bool(case.broken))
                for report in kept
                for case in report.cases
                if name in case.threads
            ],
        )
        for name, thread in THREADS.items()
    ]


def commit() -> str | None:
    """The state of the repository that was tried, if it is one."""
    asked = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(asked, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None
