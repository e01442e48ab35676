"""A process dies before and after every call of every way, and somebody else finishes.

The points are not listed by hand: each way is walked once and its calls are written down. At every one of them the
controller dies before it sends, with the request still on the wire, after the effect, or with the answer in its hand;
or the neighbour dies, with its transaction not committed or committed and not answered. Then the same controller
starts anew, or another one goes on, or the shopper sends the same request again, and may die on that too.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import TypeVar

from tests.fault.crash_controller import CONTROLLER_DIES, NEIGHBOUR_DIES, Call, Controller, Fault, Parts, When
from tests.fault.crash_trial import Trial
from tests.fault.crash_ways import RECOVERIES, WAYS, Recovery, Stopped, Way
from tests.fault.crash_world import World, own_databases, world_of
from tests.fault.report import Asked, Case, Report

T = TypeVar("T")

AT_ONCE, SECONDS_FOR_ONE = 16, 60.0
ONCE, TWICE, NEIGHBOUR = "the controller dies", "the controller dies, and who recovers dies too", "a neighbour dies"
RECOVERING = ("recovery", "second recovery")


@dataclass(frozen=True)
class Plan:
    """One case to run: what goes wrong, and who recovers, one after the other."""

    way: Way
    kind: str
    faults: tuple[Fault, ...] = ()
    recoveries: tuple[Recovery, ...] = ("another controller",)

    def __str__(self) -> str:
        return f"{'; '.join(map(str, self.faults)) or 'no fault'}; then {' and '.join(self.recoveries)}"


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
    if not isinstance(way, Stopped) and end in ("paid", "failed"):
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


async def run_all(world: World, plans: Iterable[Plan], parts: Parts = Parts(), *, stop_early: bool = False) -> list[Ending]:
    """Many cases, some at a time, in the order of the plans."""
    left, endings = iter(list(plans)), list[Ending]()

    async def work() -> None:
        for plan in left:
            async with asyncio.timeout(SECONDS_FOR_ONE):
                endings.append(await run_one(world, plan, parts))
            if stop_early and endings[-1].broken:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return endings


# --- which cases


async def recorded(world: World, ways: Iterable[Way]) -> list[tuple[Way, str, Call]]:
    """Every call of every way, and the life that makes it, when nothing goes wrong."""
    endings = await run_all(world, [Plan(way, ONCE) for way in ways])
    return [
        (ending.plan.way, life, call)
        for ending in endings
        for life, calls in ending.calls.items()
        if life in ("A", "B")
        for call in calls
    ]


def single_faults(points: list[tuple[Way, str, Call]]) -> list[Plan]:
    """The controller dies once: before and after each call with every recovery, in between with one."""
    who = cycle(RECOVERIES)
    every: tuple[When, ...] = ("before", "after")
    return [
        Plan(way, ONCE, (Fault(life, call, when),), (recovery,))
        for way, life, call in points
        for when in CONTROLLER_DIES
        if not (when == "in flight" and call.neighbour == "sessions")
        for recovery in (RECOVERIES if when in every else (next(who),))
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
    whens: tuple[When, ...] = ("before", "after")
    return [
        Plan(
            ending.plan.way,
            TWICE,
            (*ending.plan.faults, Fault(RECOVERING[0], call, when)),
            (ending.plan.recoveries[0], next(who)),
        )
        for ending in endings
        if ending.plan.kind == ONCE and all(fault.when in whens for fault in ending.plan.faults)
        for call in ending.calls.get(RECOVERING[0], [])
        for when in whens
        if not (when == "in flight" and call.neighbour == "sessions")
    ]


def drawn(plans: list[Plan], number: int, dice: Random) -> list[Plan]:
    """So many of them, of each way its share, in a fixed order."""
    if number >= len(plans):
        return plans
    return [plans[at] for at in sorted(dice.sample(range(len(plans)), number))]
