"""What a check found, in words for a person or as JSON for a program."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import asyncpg

from .check import Databases, Verdict, verify_now
from .invariants import SENTENCES, Invariant
from .ledger import Ledger
from .rows import PAID, PENDING

COULD_NOT = 2


def main(databases: Databases, arguments: Sequence[str]) -> int:
    """Check and print; the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        verdict = verify_now(databases, live=asked.live, wait_seconds=asked.wait)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        print(f"The databases cannot be read: {failure}")
        return COULD_NOT
    print(json.dumps(as_data(verdict), indent=2) if asked.json else "\n".join(in_words(verdict)))
    return 0 if verdict.right else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("verify", description="Check the shop's books; change nothing.")
    parser.add_argument("--live", action="store_true", help="do not wait: what is under way is not judged")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--wait", type=float, default=30.0, metavar="SECONDS", help="how long to wait (default 30)")
    return parser


def in_words(verdict: Verdict) -> Iterator[str]:
    """Line by line."""
    yield _what_was_read(verdict)
    for invariant in Invariant:
        if not (verdict.live and invariant is Invariant.STUCK):
            found = verdict.found[invariant]
            yield f"  {f'{found:,} WRONG' if found else 'ok':>8}  {SENTENCES[invariant]}"
    yield from _sums(verdict)
    for violation in verdict.violations:
        yield f"{violation.invariant}: {violation.what} ({violation.where})"
    for invariant, found in verdict.found.items():
        kept = sum(violation.invariant is invariant for violation in verdict.violations)
        if found > kept:
            yield f"{invariant}: and {found - kept:,} more"
    yield _in_one_line(verdict)


def as_data(verdict: Verdict) -> dict[str, object]:
    """The same for a program."""
    return {
        "right": verdict.right,
        "live": verdict.live,
        "violations": [asdict(violation) for violation in verdict.violations],
        "found": {invariant.value: verdict.found[invariant] for invariant in Invariant},
        "counts": dict(verdict.counts),
        "ledger": {currency: _sides(verdict.ledger, currency) for currency in verdict.ledger.currencies()},
        "waited_seconds": round(verdict.waited_seconds, 3),
        "took_seconds": round(verdict.took_seconds, 3),
    }


def _sides(ledger: Ledger, currency: str) -> dict[str, int]:
    return dict(zip(("paid", "refunded", "charged", "given"), ledger.sums(currency), strict=True))


def _what_was_read(verdict: Verdict) -> str:
    counts = verdict.counts
    decided = f"{counts[f'{PAID} purchases']:,} paid, {counts['failed purchases']:,} failed"
    return (
        f"checked {counts['purchases']:,} purchases ({decided}, {counts[f'{PENDING} purchases']:,} under way), "
        f"{counts['intents']:,} payment intents, {counts['refunds']:,} refunds, "
        f"{counts['holds']:,} holds of {counts['SKUs']:,} SKUs, "
        f"{counts['carts']:,} carts of {counts['shoppers']:,} shoppers, {counts['merges']:,} merged carts"
    )


def _sums(verdict: Verdict) -> Iterator[str]:
    yield from (verdict.ledger.in_words(currency) for currency in verdict.ledger.currencies())


def _in_one_line(verdict: Verdict) -> str:
    how = "on the running shop" if verdict.live else f"after waiting {verdict.waited_seconds:.1f} s"
    wrong = verdict.found.total()
    words = "everything is right" if verdict.right else f"{wrong:,} violation{'s' * (wrong > 1)}"
    return f"{words} ({how}; {verdict.took_seconds:.1f} s)"
