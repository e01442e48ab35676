"""Stage c: services and PostgreSQL are killed, frozen and restarted while shoppers shop."""

import asyncio
import math
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from random import Random

from services.local.processes import StartError, children_of
from services.local.stack import Stack
from tests.fault import telling
from tests.fault.live import RECONCILE, Live, progress
from tests.fault.report import Asked, Case, Report

TARGETS = ("controller-1", "controller-2", "cartdb-1", "cartdb-2", "catalog", "payments", "idp", "postgres")
KILLED, FROZEN, RESTARTED = "is killed and started again", "is frozen and goes on later", "is restarted"
FREEZE_SECONDS = (3.5, 5.0)
"""Longer than others wait before they take its checkouts over."""
THREADS_OF_SERVICES = {
    "controller": ("FT-36", "FT-40", "FT-44", "FT-71", "FT-72"),
    "cartdb": ("FT-01", "FT-24", "FT-34", "FT-72"),
    "catalog": ("FT-39", "FT-52", "FT-72"),
    "payments": ("FT-29", "FT-36", "FT-37", "FT-72"),
    "idp": ("FT-14", "FT-18"),
    "postgres": ("FT-36", "FT-47", "FT-72"),
}
SHORT = (
    ("controller-1", KILLED),
    ("payments", KILLED),
    ("controller-2", FROZEN),
    ("postgres", KILLED),
    ("cartdb-1", RESTARTED),
)

ADDS = ("FT-01", "FT-08")
MOST_TOLD = 25
TO_NOTICE = "s until it was first noticed that something is broken"

Deed = tuple[str, str]


async def trouble(live: Live) -> Report:
    """Do it all, one deed after the other, while the crowd goes on; the judgement comes later."""
    asked = live.asked
    report = Report("processes", "Processes killed, frozen and restarted under load", asked.seed)
    began = time.monotonic()
    await measure(live, report)
    await live.open_desk()
    await live.open_baskets()
    since = telling.now(live)
    cases = {
        deed: Case(f"{deed[0]} {deed[1]} under load", THREADS_OF_SERVICES[deed[0].partition("-")[0]])
        for deed in deeds(asked)
    }
    for deed, case in cases.items():
        await live.calm(seconds=0.5 if asked.short else 5.0)
        await do(live, deed, case)
    await live.calm(seconds=live.RECOVERY_SECONDS)
    report.cases = list(cases.values())
    for how in (KILLED, FROZEN, RESTARTED):
        report.counts[f"times that something {how}"] = sum(
            case.tried for (_, done), case in cases.items() if done == how
        )
    telling.tell(report, live, since)
    report.counts |= {f"{name} of the controllers": value for name, value in RECONCILE.items()}
    report.seconds = time.monotonic() - began
    return report


async def measure(live: Live, report: Report) -> None:
    """What the stack does undisturbed, before anything happens to it."""
    for shoppers, seconds in [(live.shoppers, 2.0)] if live.asked.short else [(4, 6.0), (live.shoppers, 8.0)]:
        floor = await live.floor(shoppers, seconds)
        report.counts[f"without faults, {shoppers} shoppers"] = floor.told()
        progress(f"without faults, {shoppers} shoppers: {floor.told()}")


def deeds(asked: Asked) -> list[Deed]:
    """Everything that is done to anything, in an order of the seed's."""
    dice = Random(f"deeds:{asked.seed}")
    all_of_them = (
        list(SHORT) if asked.short else [(name, how) for name in TARGETS for how in (KILLED, FROZEN, RESTARTED)]
    )
    dice.shuffle(all_of_them)
    return all_of_them


async def do(live: Live, deed: Deed, case: Case) -> None:
    """One deed, from its begin until its target is there again."""
    target, how = deed
    seen = telling.now(live)
    began = time.monotonic()
    async with live.fault(f"{target} {how}"):
        try:
            await _do(live, target, how)
        except StartError as failure:
            case.broken.append(str(failure))
    case.tried += 1
    felt: Counter[str] = live.door.tally.endings - seen.endings
    told = ", ".join(f"{count} {what}" for what, count in felt.items()) or "nothing"
    case.note = f"shoppers felt {told}"
    progress(f"{target} {how}, {time.monotonic() - began:.1f} s; shoppers felt {told}")


async def _do(live: Live, target: str, how: str) -> None:
    if how == RESTARTED:
        await live.keep(live.stack.restart, target)
    elif how == FROZEN:
        await live.keep(live.stack.pause, target)
        await asyncio.sleep(live.dice.uniform(*FREEZE_SECONDS))
        await live.keep(live.stack.resume, target)
    else:
        await live.keep(kill, live.stack, target)
        await asyncio.sleep(live.dice.uniform(0, 0.7))
        await live.keep(live.stack.start, target)


def kill(stack: Stack, target: str) -> None:
    """SIGKILL, for PostgreSQL to all of its processes at once."""
    if target == "postgres" and stack._postgres is not None and (pid := stack._postgres.pid) is not None:
        os.kill(pid, signal.SIGSTOP)  # So that it starts no more.
        for one in (*children_of(pid), pid):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
    stack.kill(target)


def conclude(report: Report, live: Live) -> None:
    """The judgement of the whole run, in the report of the stage that it ends with."""
    take_broken(report, live)
    if live.seconds_to_notice is not None:
        report.counts[TO_NOTICE] = round(live.seconds_to_notice, 1)
    report.counts["times that verify --live looked"] = live.looks
    report.counts["alarms"] = len(live.lines_with(live.ALARM))
    report.counts["carts and orders compared at the end"] = live.town.counts["carts compared at the end"] + len(
        live.town.attempts
    )
    report.counts["refunds compared at the end"] = len(live.town.givings)
    compared = live.town.counts["unique adds compared at the end"]
    report.cases.append(Case("many tabs add at once, and every add is told from all others", ADDS, compared))
    report.counts |= {f"verified: {name}": count for name, count in sorted(live.verdict.counts.items())}


def take_broken(report: Report, live: Live, *, before: float = math.inf) -> None:
    """What was noticed to be broken before a moment goes into this report, and no other."""
    mine = [what for at, what in live.broken if at < before]
    live.broken = [(at, what) for at, what in live.broken if at >= before]
    report.broken += mine[:MOST_TOLD]
    if len(mine) > MOST_TOLD:
        report.broken.append(f"and {len(mine) - MOST_TOLD} more")
