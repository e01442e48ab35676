"""The check as a whole: wait for what is under way, read the databases one after another, judge, add up."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import asyncpg

from . import queries, read
from .invariants import Invariant, Violation, of_checkout, of_stock, of_unclaimed
from .ledger import MONEY, Beside, Ledger
from .rows import Checkout

POLL_SECONDS = 0.2
SILENT_SECONDS = 1.0
MOST_OF_ONE_KIND = 100

Waiting = Callable[[Sequence[Violation]], None]


@dataclass(frozen=True, slots=True)
class Databases:
    """Where the role `verifier` finds each of them: URLs."""

    catalog: str
    cartdb: str
    payments: str
    controller: str

    @classmethod
    def at(cls, pattern: str) -> "Databases":
        """Four databases of one server, from `postgresql://verifier:…@host:5432/{database}`."""
        return cls(*(pattern.replace("{database}", name) for name in ("catalog", "cartdb", "payments", "controller")))


@dataclass(slots=True)
class Verdict:
    """What was found. Of each invariant at most a hundred violations are kept, and `found` says how many there were.

    `beside` is what went past the shop, by currency; where the check is `strict`, it is a violation too.
    """

    live: bool
    strict: bool = False
    violations: list[Violation] = field(default_factory=list)
    found: Counter[Invariant] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    ledger: Ledger = field(default_factory=Ledger)
    beside: dict[str, Beside] = field(default_factory=lambda: defaultdict(Beside))
    waited_seconds: float = 0.0
    took_seconds: float = 0.0

    @property
    def right(self) -> bool:
        """Whether everything agrees."""
        return not self.found

    def add(self, violation: Violation) -> None:
        """Enter a violation."""
        self.found[violation.invariant] += 1
        if self.found[violation.invariant] <= MOST_OF_ONE_KIND:
            self.violations.append(violation)


async def verify(
    databases: Databases,
    *,
    live: bool = False,
    strict: bool = False,
    wait_seconds: float = 30.0,
    waiting: Waiting = lambda _: None,
) -> Verdict:
    """Check everything.

    Args:
        live: do not wait; what is under way is counted and not judged.
        strict: nobody but the shop uses the processor: a charge that names no checkout is a violation.
        wait_seconds: how long what was begun before may take to end; what has not ended then is stuck.
        waiting: is told once what it waits for, if it waits for longer than a second.
    """
    verdict = Verdict(live, strict)
    started = time.monotonic()
    if not live:
        await _wait(databases.cartdb, wait_seconds, verdict, waiting)
        verdict.waited_seconds = time.monotonic() - started
    await _check(databases, verdict)
    verdict.took_seconds = time.monotonic() - started - verdict.waited_seconds
    return verdict


def verify_now(
    databases: Databases,
    *,
    live: bool = False,
    strict: bool = False,
    wait_seconds: float = 30.0,
    waiting: Waiting = lambda _: None,
) -> Verdict:
    """The same where no event loop runs."""
    return asyncio.run(verify(databases, live=live, strict=strict, wait_seconds=wait_seconds, waiting=waiting))


async def _wait(cartdb: str, seconds: float, verdict: Verdict, waiting: Waiting) -> None:
    """Until what had begun by now has ended; what has not is a violation."""
    told, deadline = False, time.monotonic() + seconds
    began = await read.clock_of(cartdb)
    while True:
        async with read.at_one_instant(cartdb) as connection:
            unfinished = await read.waited_for(connection, began)
        if not unfinished or time.monotonic() >= deadline:
            break
        if not told and deadline - time.monotonic() <= seconds - SILENT_SECONDS:
            waiting(unfinished)
            told = True
        await asyncio.sleep(POLL_SECONDS)
    for violation in unfinished:
        verdict.add(violation)


async def _check(databases: Databases, verdict: Verdict) -> None:
    # The order of these instants is what the rules rest on: see invariants.py.
    async with AsyncExitStack() as stack:
        controller, cartdb, payments, catalog, cartdb_after = [
            await stack.enter_async_context(read.at_one_instant(url))
            for url in (
                databases.controller,
                databases.cartdb,
                databases.payments,
                databases.catalog,
                databases.cartdb,
            )
        ]
        await _judge_checkouts(read.checkouts(cartdb, payments, catalog, cartdb_after), verdict)
        await _judge_stock(catalog, verdict)
        await _judge_unclaimed(payments, cartdb_after, verdict)
        for source in (read.offences(cartdb), read.sign_ins(controller, cartdb)):
            async for violation in source:
                verdict.add(violation)
        for name, query in queries.COUNTS.items():
            verdict.counts[name] = await read.count(cartdb, query)
        verdict.counts["sign-ins"] = await read.count(controller, "SELECT count(*) FROM verify.sign_ins")
    if not MONEY & verdict.found.keys():
        for violation in verdict.ledger.violations():
            verdict.add(violation)


async def _judge_checkouts(checkouts: AsyncIterator[Checkout], verdict: Verdict) -> None:
    async for checkout in checkouts:
        verdict.ledger.add(checkout)
        verdict.counts["purchases"] += len(checkout.before)
        verdict.counts.update(f"{purchase.state} purchases" for purchase in checkout.before)
        verdict.counts["intents"] += len(checkout.intents)
        verdict.counts["charges"] += sum(intent.charges for intent in checkout.intents)
        verdict.counts["refunds"] += sum(len(purchase.refunds) for purchase in checkout.before)
        verdict.counts["holds"] += len(checkout.holds)
        for violation in of_checkout(checkout):
            verdict.add(violation)


async def _judge_unclaimed(payments: asyncpg.Connection, cartdb: asyncpg.Connection, verdict: Verdict) -> None:
    async for intent, order in read.unclaimed(payments, cartdb):
        if verdict.strict or order:
            verdict.add(of_unclaimed(intent, order))
        if not order:
            verdict.beside[intent.currency].add(intent)


async def _judge_stock(catalog: asyncpg.Connection, verdict: Verdict) -> None:
    async for stock in read.stock(catalog):
        verdict.counts["SKUs"] += 1
        for violation in of_stock(stock):
            verdict.add(violation)
