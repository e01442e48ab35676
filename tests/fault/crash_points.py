"""A process dies before and after every call of every way, and somebody else finishes.

The points are not listed by hand: each way is walked once and its calls are written down. At every one of them the
controller dies before it sends, with the request still on the wire, after the effect, or with the answer in its hand;
or the neighbour dies, with its transaction not committed or committed and not answered. Then the same controller
starts anew, or another one goes on, or the shopper sends the same request again, and may die on that too.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import cycle
from multiprocessing import get_context
from random import Random

from services.local.postgres import Server
from tests.conftest import Databases
from tests.fault.crash_controller import CONTROLLER_DIES, NEIGHBOUR_DIES, Call, Controller, Fault, Parts, When
from tests.fault.crash_keys import claims
from tests.fault.crash_mutants import MUTANTS, CrashMutant
from tests.fault.crash_trial import Trial
from tests.fault.crash_ways import RECOVERIES, WAYS, Race, Recovery, Stopped, Way
from tests.fault.crash_world import World, databases_on, own_server, world_of
from tests.fault.report import Asked, Case, Mutant, Report, percentile

REAL = Parts()
AT_ONCE, SECONDS_FOR_ONE = 8, 60.0
ONCE, TWICE, NEIGHBOUR = "the controller dies", "the controller dies, and who recovers dies too", "a neighbour dies"
UNDISTURBED = "nothing goes wrong"
ENDS: tuple[When, ...] = ("before", "after")
RECOVERING = ("recovery", "second recovery")


@dataclass(frozen=True)
class Plan:
    """One case to run: what goes wrong, and who recovers, one after the other."""

    way: Way
    kind: str
    faults: tuple[Fault, ...] = ()
    recoveries: tuple[Recovery, ...] = ("another controller",)

    def __str__(self) -> str:
        steps = (self.way.detail, *map(str, self.faults), f"then {' and '.join(self.recoveries)}")
        return "; ".join(filter(None, steps))


@dataclass
class Ending:
    """What a case came to."""

    plan: Plan
    end: str
    calls: dict[str, list[Call]]
    broken: list[str]
    milliseconds: float


# --- one case


async def run_one(world: World, plan: Plan, parts: Parts) -> Ending:
    """Walk the way into its fault, recover, and look."""
    way = plan.way
    trial = await Trial.begin(world, parts, way.card, plan.faults)
    await way.prepare(trial)
    bystander = trial.controller(RECOVERING[0]) if plan.recoveries[0] == "another controller" else None
    await trial.live(trial.controller("A"), lambda controller: way.act(trial, controller))
    end = ""
    for name, recovery in zip(RECOVERING, plan.recoveries, strict=False):
        end = way.end_after(await way.look(trial), recovery)
        controller = bystander if bystander and name == RECOVERING[0] else trial.controller(name)
        await trial.live(controller, recovering(trial, way, recovery))
    if await trial.deliver_what_is_on_the_wire():
        end = way.end_after(await way.look(trial), "another controller")
        await trial.live(trial.controller("last"), recovering(trial, way, "another controller"))
    if not isinstance(way, Stopped) and end in ("paid", "failed") and "the same request" not in plan.recoveries:
        await way.again(trial, trial.controller("shopper"))
    trial.broken += way.flaws(trial, await way.look(trial), end)
    trial.broken += [stray for life in trial.lives for stray in life.strays]
    trial.broken += [f"{fault} never happened" for fault in plan.faults if not trial.struck(fault)]
    calls = {life.name: life.calls for life in trial.lives}
    return Ending(plan, end, calls, trial.broken, trial.recovered_in * 1000)


def recovering(trial: Trial, way: Way, recovery: Recovery) -> Callable[[Controller], Awaitable[None]]:
    """One round of reconcile, or the shopper's request again; a second round where the way needs it."""

    async def recover(controller: Controller) -> None:
        repeated = recovery == "the same request"
        if repeated:
            await way.again(trial, controller)
        for _ in range(way.rounds_after_a_repeat if repeated else way.rounds):
            await trial.reconcile(controller)

    return recover


async def run_all(
    world: World, plans: Iterable[Plan], parts: Parts = REAL, *, stop_early: bool = False
) -> list[Ending]:
    """Many cases, some at a time, in the order of the plans."""
    left, endings, enough = iter(list(plans)), list[Ending](), asyncio.Event()

    async def work() -> None:
        for plan in left:
            async with asyncio.timeout(SECONDS_FOR_ONE):
                endings.append(await run_one(world, plan, parts))
            if stop_early and endings[-1].broken:
                enough.set()
            if enough.is_set():
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return endings


# --- which cases


async def undisturbed(world: World, ways: Iterable[Way], parts: Parts = REAL) -> list[Ending]:
    """Every way walked to its end, when nothing goes wrong."""
    return await run_all(world, [Plan(way, UNDISTURBED) for way in ways], parts)


def points_of(endings: Iterable[Ending]) -> list[tuple[Way, str, Call]]:
    """Every call of the ways that were walked, and the life that made it."""
    return [
        (ending.plan.way, life, call)
        for ending in endings
        for life, calls in ending.calls.items()
        if life in ("A", "B")
        for call in calls
    ]


def single_faults(points: list[tuple[Way, str, Call]]) -> list[Plan]:
    """The controller dies once: before and after each call with every recovery, in between with one.

    Of a race only the ends, and each once: there is one race for every moment in which the cancel can come.
    """
    who = cycle(RECOVERIES)
    return [
        Plan(way, ONCE, (Fault(life, call, when),), (recovery,))
        for way, life, call in points
        for when in (ENDS if isinstance(way, Race) else CONTROLLER_DIES)
        if not (when == "in flight" and call.neighbour == "sessions")
        for recovery in (RECOVERIES if when in ENDS and not isinstance(way, Race) else (next(who),))
    ]


def neighbour_faults(points: list[tuple[Way, str, Call]]) -> list[Plan]:
    """The neighbour dies at each call, for good or for a moment."""
    who = cycle(RECOVERIES)
    return [
        Plan(way, NEIGHBOUR, (Fault(life, call, when, stays=stays),), (next(who),))
        for way, life, call in points
        if call.neighbour != "sessions"
        for when in NEIGHBOUR_DIES
        for stays in (True, False)
    ]


def double_faults(endings: Iterable[Ending]) -> list[Plan]:
    """Who recovers dies as well, before or after each call that the recovery made, and a third one finishes."""
    who = cycle(RECOVERIES)
    return [
        Plan(
            ending.plan.way,
            TWICE,
            (*ending.plan.faults, Fault(RECOVERING[0], call, when)),
            (ending.plan.recoveries[0], next(who)),
        )
        for ending in endings
        if ending.plan.kind == ONCE and all(fault.when in ENDS for fault in ending.plan.faults)
        for call in ending.calls.get(RECOVERING[0], [])
        for when in ENDS
    ]


def drawn(plans: list[Plan], number: int, dice: Random) -> list[Plan]:
    """So many of them, of each way as many as of any other while it has some left."""
    shuffled = dice.sample(plans, len(plans))
    turn = Counter[str]()
    turns: list[tuple[int, int]] = []
    for at, plan in enumerate(shuffled):
        turn[plan.way.name] += 1
        turns.append((turn[plan.way.name], at))
    return [shuffled[at] for _, at in sorted(turns)[:number]]


# --- the stage


@dataclass(frozen=True)
class Share:
    """What one process is to do."""

    ways: tuple[Way, ...]
    seed: int
    single: int
    neighbour: int
    double: int
    parts: Parts = REAL


@dataclass
class Walked:
    """What came of it."""

    endings: list[Ending]
    cases: list[Case]
    points: int
    broken: list[str]


async def walk(databases: Databases, share: Share) -> Walked:
    """Every kind of fault over some of the ways, then the books of all of them together."""
    dice = Random(share.seed)
    async with world_of(databases) as world:
        walked = await undisturbed(world, share.ways, share.parts)
        points = points_of(walked)
        once = await run_all(world, drawn(single_faults(points), share.single, dice), share.parts)
        more = [
            *drawn(neighbour_faults(points), share.neighbour, dice),
            *drawn(double_faults(once), share.double, dice),
        ]
        endings = walked + once + await run_all(world, more, share.parts)
        broken = await world.books()  # Before the claims, which hold and charge without a checkout.
        return Walked(endings, await claims(world), len(points), broken)


async def cases_until_noticed(world: World, mutant: CrashMutant, *, seed: int) -> int | None:
    """After how many cases a missing safeguard is noticed; None if it never is."""
    points = points_of(await undisturbed(world, mutant.ways, mutant.parts))
    plans = single_faults(points) + neighbour_faults(points)
    endings = await run_all(world, Random(seed).sample(plans, len(plans)), mutant.parts, stop_early=True)
    return next((number for number, ending in enumerate(endings, 1) if ending.broken), None)


WHOLE = Share(WAYS, 0, single=2000, neighbour=150, double=150)
SHORT = Share(WAYS, 0, single=60, neighbour=20, double=24)
"""What `make test` walks. A push is followed by the stage as well, which then need not be as long again."""
PUSH = Share(WAYS, 0, single=30, neighbour=12, double=12)


def run(asked: Asked) -> Report:
    """The stage: all of it, or what fits into every push."""
    started = time.monotonic()
    report = Report("crash-points", "a process dies before and after every call, and another one finishes", asked.seed)
    with own_server() as server:
        if asked.short:
            walked = [in_process(server.superuser_url, replace(PUSH, seed=asked.seed))]
        else:
            walked = in_two_processes(server.superuser_url, replace(WHOLE, seed=asked.seed))
            noticed = asyncio.run(mutants_noticed(server, asked.seed))
            report.mutants = [
                Mutant(name, "where it ended, or the books" if number else None, number or 0, "cases")
                for name, number in noticed.items()
            ]
            report.counts["mutants noticed"] = sum(number is not None for number in noticed.values())
    tell(report, walked)
    report.seconds = time.monotonic() - started
    return report


def in_process(url: str, share: Share) -> Walked:
    """A share of the work in this process."""

    async def work() -> Walked:
        async with databases_on(Server(url)) as databases:
            return await walk(databases, share)

    return asyncio.run(work())


def in_two_processes(url: str, whole: Share) -> list[Walked]:
    """The ways shared out by turns, since one process keeps one core busy."""
    halves = [
        replace(whole, ways=whole.ways[half::2], neighbour=whole.neighbour // 2, double=whole.double // 2)
        for half in range(2)
    ]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return list(pool.map(in_process, [url] * 2, halves))


async def mutants_noticed(server: Server, seed: int) -> dict[str, int | None]:
    """Each missing safeguard, and after how many cases it showed."""
    async with databases_on(server) as databases, world_of(databases) as world:
        return {name: await cases_until_noticed(world, mutant, seed=seed) for name, mutant in MUTANTS.items()}


def tell(report: Report, walked: Iterable[Walked]) -> None:
    """Add up what the processes found."""
    by_name: dict[str, Case] = {case.name: case for case in report.cases}
    endings = [ending for one in walked for ending in one.endings]
    for ending in endings:
        way, name = ending.plan.way, f"{ending.plan.way.name}: {ending.plan.kind}"
        case = by_name.setdefault(name, Case(name, way.threads if ending.plan.faults else ()))
        case.tried += 1
        case.broken += [f"{ending.plan}: {what}" for what in ending.broken]
    for claim in (claim for one in walked for claim in one.cases):
        case = by_name.setdefault(claim.name, Case(claim.name, claim.threads))
        case.tried += claim.tried
        case.broken += claim.broken
    report.cases = sorted(by_name.values(), key=lambda case: case.name)
    report.broken += [what for one in walked for what in one.broken]
    took = [ending.milliseconds for ending in endings if ending.plan.faults and ending.milliseconds]
    report.counts |= {
        "calls at which somebody died": sum(one.points for one in walked),
        "cases": len(endings),
        **Counter(f"cases: {ending.plan.kind}" for ending in endings),
        "rounds of reconcile after a crash": "1, or 2 where a sign-in meets a checkout that hangs",
        "round of reconcile p50 ms": round(percentile(took, 0.5), 1),
        "round of reconcile p99 ms": round(percentile(took, 0.99), 1),
    }
