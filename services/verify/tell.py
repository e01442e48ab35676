"""What a check found, in words for a person or as JSON for a program."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import asyncpg

from .check import Databases, Verdict, verify_now
from .invariants import SENTENCES, Invariant, Violation
from .ledger import Beside, Ledger
from .rows import FAILED, PAID, PENDING, money

COULD_NOT = 2
LONGEST_WAIT_SECONDS = 86_400
COUNTED = (
    *("purchases", f"{PAID} purchases", f"{FAILED} purchases", f"{PENDING} purchases"),
    *("intents", "charges", "refunds", "holds", "SKUs", "carts", "shoppers", "merges", "sign-ins"),
)


def main(databases: Databases, arguments: Sequence[str], *, currency: str = "INR") -> int:
    """Check and print; the exit code. `currency` is the shop's, in which nothing is 0."""
    asked = _parser().parse_args(arguments)

    def waiting(unfinished: Sequence[Violation]) -> None:
        print(_what_is_waited_for(unfinished, asked.wait), file=sys.stderr, flush=True)

    try:
        verdict = verify_now(databases, live=asked.live, strict=asked.strict, wait_seconds=asked.wait, waiting=waiting)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        print(f"The databases cannot be read: {failure}")
        return COULD_NOT
    told = json.dumps(as_data(verdict, currency), indent=2) if asked.json else "\n".join(in_words(verdict, currency))
    print(told)
    return 0 if verdict.right else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("verify", description="Check the shop's books; change nothing.")
    parser.add_argument("--live", action="store_true", help="do not wait: what is under way is not judged")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--strict", action="store_true", help="charges that name no checkout are violations too")
    parser.add_argument("--wait", type=_seconds, default=30.0, metavar="SECONDS", help="how long to wait (default 30)")
    return parser


def _seconds(given: str) -> float:
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        raise argparse.ArgumentTypeError(f"{given} is not a number of seconds from 0 to {LONGEST_WAIT_SECONDS}")
    return seconds


def _what_is_waited_for(unfinished: Sequence[Violation], seconds: float) -> str:
    first, more = unfinished[0], len(unfinished) - 1
    others = f", and {more:,} more" if more else ""
    return f"waiting, at most {seconds:g} s, for what is under way: {first.where}, {first.what}{others}"


def in_words(verdict: Verdict, currency: str = "INR") -> Iterator[str]:
    """Line by line."""
    yield _what_was_read(verdict)
    for invariant in Invariant:
        if not (verdict.live and invariant is Invariant.STUCK):
            found = verdict.found[invariant]
            yield f"  {f'{found:,} WRONG' if found else 'ok':>8}  {SENTENCES[invariant]}"
    yield from _sums(verdict, currency)
    for violation in verdict.violations:
        yield f"{violation.invariant}: {violation.what} ({violation.where})"
    for invariant, found in verdict.found.items():
        kept = sum(violation.invariant is invariant for violation in verdict.violations)
        if found > kept:
            yield f"{invariant}: and {found - kept:,} more"
    yield _in_one_line(verdict)


def as_data(verdict: Verdict, currency: str = "INR") -> dict[str, object]:
    """The same for a program."""
    return {
        "right": verdict.right,
        "live": verdict.live,
        "strict": verdict.strict,
        "violations": [asdict(violation) for violation in verdict.violations],
        "found": {invariant.value: verdict.found[invariant] for invariant in Invariant},
        "counts": {name: verdict.counts[name] for name in COUNTED},
        "ledger": {one: _sides(verdict.ledger, one) for one in _currencies(verdict, currency)},
        "not_the_shops": {one: asdict(beside) for one, beside in sorted(verdict.beside.items())},
        "waited_seconds": round(verdict.waited_seconds, 3),
        "took_seconds": round(verdict.took_seconds, 3),
    }


def _sides(ledger: Ledger, currency: str) -> dict[str, int]:
    return dict(zip(("paid", "refunded", "charged", "given"), ledger.sums(currency), strict=True))


def _currencies(verdict: Verdict, currency: str) -> list[str]:
    return verdict.ledger.currencies() or [currency.lower()]


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _what_was_read(verdict: Verdict) -> str:
    counts = verdict.counts
    decided = f"{counts[f'{PAID} purchases']:,} paid, {counts[f'{FAILED} purchases']:,} failed"
    return (
        f"checked {_many(counts['purchases'], 'purchase')} ({decided}, {counts[f'{PENDING} purchases']:,} under way), "
        f"{_many(counts['intents'], 'payment intent')}, {_many(counts['refunds'], 'refund')}, "
        f"{_many(counts['holds'], 'hold')} of {_many(counts['SKUs'], 'SKU')}, "
        f"{_many(counts['carts'], 'cart')} of {_many(counts['shoppers'], 'shopper')}, "
        f"{_many(counts['merges'], 'merged cart')}"
    )


def _sums(verdict: Verdict, currency: str) -> Iterator[str]:
    yield from (verdict.ledger.in_words(one) for one in _currencies(verdict, currency))
    for one, beside in sorted(verdict.beside.items()):
        yield from _beside(beside, one)


def _beside(beside: Beside, currency: str) -> Iterator[str]:
    """`2 charges of ₹128.00 that name no checkout: not the shop's`."""
    for number, what, amount in (
        (beside.charges, "charge", beside.charged),
        (beside.holds, "card hold", beside.held),
    ):
        if number:
            names = "names" if number == 1 else "name"
            back = f", {money(beside.given, currency)} of it given back," if beside.given and what == "charge" else ""
            yield f"{_many(number, what)} of {money(amount, currency)}{back} that {names} no checkout: not the shop's"


def _in_one_line(verdict: Verdict) -> str:
    how = "on the running shop" if verdict.live else f"after waiting {verdict.waited_seconds:.1f} s"
    wrong = verdict.found.total()
    words = "everything is right" if verdict.right else f"{wrong:,} violation{'s' * (wrong > 1)}"
    return f"{words} ({how}; {verdict.took_seconds:.1f} s)"
