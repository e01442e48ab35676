"""python -m tests.fault: every stage, what it tried and its verdict, and a page of it all."""

import argparse
import json
import secrets
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from services.local.settings import REPOSITORY
from tests.fault.page import command, page_of
from tests.fault.report import Asked, Report
from tests.fault.schedules import tell
from tests.fault.stages import STAGES
from tests.fault.threads import THREADS

PAGES = REPOSITORY / "build"
# A push is judged by what it changed, so the short campaign draws the same every time; the whole one draws anew, so
# that every night tries what no night has tried. Both say what they drew.
SHORT_SEED = 0


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make faults",
        usage='make faults [SEED=n] [SEEDS=n] [ARGS="--short --stage NAME --trace"]',
        description="The checkout on bad days: about 9 minutes on two idle cores, 2 with --short.",
    )
    parser.add_argument("--stage", action="append", choices=list(STAGES), help="only this one; may be repeated")
    parser.add_argument("--short", action="store_true", help="the size that fits into every push")
    parser.add_argument("--seed", type=not_below(0), metavar="SEED", help="what was drawn before, again")
    parser.add_argument("--seeds", type=not_below(1), metavar="SEEDS", help="how many schedules")
    parser.add_argument("--page", type=Path, help="where the page goes; its figures as JSON beside it")
    parser.add_argument("--trace", action="store_true", help="tell every event of the schedule --seed, and stop")
    return parser.parse_args(given)


def not_below(least: int) -> Callable[[str], int]:
    """A number that is given on the command line."""

    def number(given: str) -> int:
        if not given.isascii() or not given.isdigit() or int(given) < least:
            raise argparse.ArgumentTypeError(f"{given} is not a whole number from {least} on")
        return int(given)

    return number


def page_for(asked: Asked) -> Path:
    """A part of the campaign does not overwrite the page of the whole."""
    return PAGES / f"{'-'.join(['faults', *asked.stages])}.html"


def seed_of(asked: argparse.Namespace) -> int:
    if asked.seed is not None:
        return int(asked.seed)
    return SHORT_SEED if asked.short or asked.trace else secrets.randbelow(1_000_000_000)


def run_stage(name: str, asked: Asked) -> list[Report]:
    """A stage that raises is broken, and the others are run all the same."""
    started = time.monotonic()
    try:
        told = STAGES[name](asked)
    except Exception as failure:  # noqa: BLE001 - whatever a stage raises is its verdict
        traceback.print_exc()
        told = Report(name, "The stage itself failed", asked.seed, broken=[f"the stage raised {failure!r}"])
    reports = [told] if isinstance(told, Report) else told
    for report in reports:
        report.broken += [f"{thread} is in no list of real failures" for thread in strangers_in(report)]
        report.seconds = report.seconds or time.monotonic() - started
    return reports


def strangers_in(report: Report) -> list[str]:
    return sorted({thread for case in report.cases for thread in case.threads} - set(THREADS))


def verdict_of(report: Report) -> str:
    return "BROKEN" if report.failures else "held"


def row(report: Report) -> str:
    figures = ", ".join(f"{name} {told(value)}" for name, value in list(report.counts.items())[:3])
    return f"{report.stage:13} {report.seed:>10}  {verdict_of(report):7} {report.seconds:6.1f} s  {figures}"


def told(value: float | str) -> str:
    return f"{value:,}" if isinstance(value, int | float) else value


def tell_end(reports: list[Report], asked: Asked, page: Path, seconds: float) -> None:
    print(f"\n{'stage':13} {'seed':>10}  verdict   time    what was tried")
    for report in reports:
        print(row(report))
    failures = [f"{report.stage}: {what}" for report in reports for what in report.failures]
    for failure in failures:
        print(f"- {failure}")
    print(
        f"\n{'FAILED: ' + str(len(failures)) + ' did not hold' if failures else 'PASSED: every rule held'}"
        f", in {seconds:.0f} s. The page: {page}"
    )
    print(f"The same again: {command(asked)}")


def write(reports: list[Report], asked: Asked, page: Path, names: list[str]) -> None:
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(page_of(reports, asked, names), encoding="utf-8")
    whole = {"seed": asked.seed, "short": asked.short, "passed": not any(report.failures for report in reports)}
    figures = {**whole, "stages": [asdict(report) for report in reports]}
    page.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    asked = Asked(
        seed=seed_of(options), short=options.short, seeds=options.seeds, stages=tuple(sorted(set(options.stage or ())))
    )
    if options.trace:
        print(tell(asked.seed))
        return 0
    started = time.monotonic()
    names = [name for name in STAGES if not asked.stages or name in asked.stages]
    page = options.page or page_for(asked)
    # Whoever ends the campaign ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(f"seed {asked.seed}; stages: {', '.join(names)}", flush=True)
    reports: list[Report] = []
    for name in names:
        print(f"{name} …", flush=True)
        told_now = run_stage(name, asked)
        print("\n".join(map(row, told_now)), flush=True)
        reports += told_now
    write(reports, asked, page, names)
    tell_end(reports, asked, page, time.monotonic() - started)
    return 1 if any(report.failures for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
