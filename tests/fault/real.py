"""Stages c and d on one stack, which is started and judged once: `python -m tests.fault.real --short --seed 1`."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from services.local.stack import Stack
from tests.fault import lines, processes
from tests.fault.live import Live
from tests.fault.mutant_controller import MUTANTS, stack_of
from tests.fault.processes import TO_NOTICE
from tests.fault.report import Asked, Mutant, Report

UNMARKS = "unmark-on-time-out"
SAFEGUARDS = {UNMARKS: "unmark on a time-out"}


def run(asked: Asked) -> list[Report]:
    """Both stages; and, where there is time, whether they would have noticed a safeguard that is missing."""
    reports = run_both(asked)
    if not asked.short:
        reports[0].mutants = [tried(UNMARKS, asked)]
    return reports


def tried(name: str, asked: Asked) -> Mutant:
    """The short stages on controllers without a safeguard."""
    told = run_both(Asked(seed=asked.seed, short=True), kind=stack_of(name))
    failures = [what for report in told for what in report.failures]
    seconds = max((report.counts.get(TO_NOTICE, 0) for report in told), key=float)
    return Mutant(SAFEGUARDS[name], failures[0] if failures else None, round(float(seconds)), "seconds under load")


def run_both(asked: Asked, *, kind: type[Stack] = Stack, folder: Path | None = None) -> list[Report]:
    """What was noticed while the first stage ran is told by its report; the judgement at the end is in the second's.

    Args:
        kind: another way to start the services, such as with a safeguard missing.
        folder: where data and logs stay afterwards.
    """
    return asyncio.run(_both(asked, kind, folder))


async def _both(asked: Asked, kind: type[Stack], folder: Path | None) -> list[Report]:
    began = time.monotonic()
    async with Live(asked, kind=kind, folder=folder) as live:
        first = await processes.trouble(live)
        first.seconds = time.monotonic() - began
        second_began = time.time()
        async with lines.laid(live) as on:
            second = await lines.trouble(live, on)
            await live.finish()
        processes.take_broken(first, live, before=second_began)
        processes.conclude(second, live)
        second.seconds = time.monotonic() - began - first.seconds
    return [first, second]


def tell(report: Report) -> None:
    print(f"{report.stage}: {report.title}; seed {report.seed}, {report.seconds:.0f} s")
    for name, value in report.counts.items():
        print(f"  {name}: {value}")
    for case in report.cases:
        print(f"  [{'BROKEN' if case.broken else 'ok'}] {case.name} × {case.tried} ({', '.join(case.threads)})")
    for failure in report.failures:
        print(f"BROKEN {failure}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fault.real", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="run controllers without a safeguard")
    parser.add_argument("--folder", type=Path, help="keep data and logs there")
    told = parser.parse_args()
    kind = stack_of(told.mutant) if told.mutant else Stack
    reports = run_both(Asked(seed=told.seed, short=told.short), kind=kind, folder=told.folder)
    for report in reports:
        tell(report)
    return 1 if any(report.failures for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
