"""python -m tests.fuzz: all five OpenAPI documents, taken at their word, against the running services."""

import argparse
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from services.local.settings import REPOSITORY, SERVICES
from services.local.stack import Plan, Stack
from tests.fuzz.callers import callers
from tests.fuzz.trying import Outcome, Size, try_out
from tests.integration.shop_client import Shop
from tests.stacks import free_offset

DOCUMENTS = REPOSITORY / "docs" / "openapi"
# A push is judged by what it changed, so the short run draws the same every time.
SHORT_SEED = 0
SHORT = Size(examples=4, phases=("examples", "coverage", "fuzzing"))
LONG_SECONDS = 540
LONG_EXAMPLES = 50


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description="About 10 minutes on two cores, 2 with --short.")
    parser.add_argument("--short", action="store_true", help="the size that fits into every push")
    parser.add_argument("--seconds", type=int, default=LONG_SECONDS, help="shared by all runs")
    parser.add_argument("--examples", type=int, help="of each operation, instead of a time")
    parser.add_argument("--service", action="append", choices=SERVICES, help="only this one; may be repeated")
    parser.add_argument("--caller", help="only callers whose name holds this")
    parser.add_argument("--seed", type=int, help="what was drawn before, again")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    asked = arguments(given)
    seed = asked.seed if asked.seed is not None else SHORT_SEED if asked.short else secrets.randbelow(1_000_000_000)
    # Whoever ends the run ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        return fuzz(asked, seed, Path(folder))


def fuzz(asked: argparse.Namespace, seed: int, folder: Path) -> int:
    started = time.monotonic()
    plan = Plan(folder / "stack", folder / ".env", port_offset=free_offset(), environment="test", durable=False)
    with Stack(plan) as stack, Shop(stack) as shop:
        chosen = [
            caller
            for caller in callers(shop)
            if caller.service in (asked.service or SERVICES)
            and (caller.main or not asked.short)
            and (asked.caller or "") in caller.name
        ]
        size = size_of(asked, runs=len(chosen))
        outcomes = []
        for number, caller in enumerate(chosen):
            outcome = try_out(
                caller,
                document=DOCUMENTS / f"{caller.service}.json",
                url=stack.addresses.inside(caller.service),
                size=size,
                seed=seed,
                folder=folder / str(number),
            )
            tell(outcome)
            outcomes.append(outcome)
        crashes = crashes_in(folder / "stack" / "logs")
    return tell_end(outcomes, crashes, time.monotonic() - started)


def size_of(asked: argparse.Namespace, *, runs: int) -> Size:
    if asked.short:
        return SHORT
    return Size(asked.examples) if asked.examples else Size(LONG_EXAMPLES, seconds=max(1, asked.seconds // runs))


def crashes_in(logs: Path) -> list[str]:
    """What the services wrote about errors that nobody had foreseen."""
    return [
        f"{log.stem}: {part[:4000]}"
        for log in sorted(logs.glob("*.log"))
        for part in log.read_text(encoding="utf-8").split("\n20")
        if "unhandled error" in part or "Traceback" in part
    ]


def row(outcome: Outcome) -> str:
    who = f"{outcome.caller.service:10} as {outcome.caller.name:16}"
    verdict = "held" if not outcome.failures else f"{outcome.failures} FAILURES"
    return f"{who} {outcome.operations:3} operations {outcome.requests:6} requests {outcome.seconds:6.1f} s  {verdict}"


def tell(outcome: Outcome) -> None:
    print(row(outcome), flush=True)
    if outcome.failures:
        print(outcome.text, flush=True)


def tell_end(outcomes: list[Outcome], crashes: list[str], seconds: float) -> int:
    for crash in crashes:
        print(f"\n== crash in {crash}")
    requests = sum(outcome.requests for outcome in outcomes)
    failures = sum(outcome.failures for outcome in outcomes) + len(crashes)
    verdict = f"FAILED: {failures} failures" if failures else "PASSED"
    print(f"\n{verdict}; {requests:,} requests in {seconds:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
