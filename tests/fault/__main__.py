"""python -m tests.fault --seeds 20000 --seed 0: the campaign, its counts and its verdict."""

import argparse
import os
import sys
import time

from tests.fault.campaign import PAID_AT_LEAST, Counts, counts_in_parallel, schedules_to_notice
from tests.fault.mutants import MUTANTS
from tests.fault.schedule import Schedule


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fault", description="Checkouts on bad days, by seeds.")
    parser.add_argument("--seeds", type=int, default=20_000, help="how many schedules")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--trace", action="store_true", help="tell every event of the first one, and stop")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def tell_counts(counts: Counts, seconds: float) -> None:
    print(f"{counts.schedules} schedules in {seconds:.0f} s, {counts.schedules / seconds:.0f} per second")
    print("checkouts: " + ", ".join(f"{count} {ending}" for ending, count in sorted(counts.endings.items())))
    print(f"of the marked ones, {counts.paid_share:.0%} ended paid")
    mishaps = sum(count for (_, _, fate), count in counts.met.items() if fate != "ok")
    print(f"calls: {counts.met.total()}, of them {mishaps} with a mishap; never met: {counts.unmet() or 'none'}")


def tell_mutants(first: int) -> bool:
    caught = {name: schedules_to_notice(mutant, first=first) for name, mutant in MUTANTS.items()}
    for name, seeds in caught.items():
        print(f"without its safeguard, {name}: " + (f"found by schedule {seeds}" if seeds else "NOT FOUND"))
    return None not in caught.values()


def tell_trace(seed: int) -> None:
    schedule = Schedule(seed).run()
    print(f"seed {seed}: {'; '.join(schedule.violations) or 'all rules held'}\n{schedule.story()}")


def main() -> int:
    asked = arguments()
    if asked.trace:
        tell_trace(asked.seed)
        return 0
    print(f"seeds {asked.seed} to {asked.seed + asked.seeds - 1}")
    started = time.monotonic()
    counts = counts_in_parallel(asked.seed, asked.seeds, processes=asked.processes)
    tell_counts(counts, time.monotonic() - started)
    for seed, violations in sorted(counts.broken.items())[:10]:
        print(f"seed {seed}: {'; '.join(violations)}")
    if counts.broken:
        tell_trace(min(counts.broken))
    failures = [
        *([f"{len(counts.broken)} schedules broke a rule"] if counts.broken else []),
        *(["too few checkouts ended paid"] if counts.paid_share < PAID_AT_LEAST else []),
        *(["some mishap was never met: run more schedules (SEEDS=)"] if counts.unmet() else []),
        *([] if tell_mutants(asked.seed) else ["a missing safeguard was not noticed"]),
    ]
    print("FAILED: " + ", ".join(failures) if failures else "PASSED: every rule held in every schedule")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
