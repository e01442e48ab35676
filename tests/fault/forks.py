"""Real coroutines as values: where one stands, and what it does next for each answer it might get.

A coroutine cannot be copied. But the steps of a checkout depend on nothing but the answers to their calls, so the same
answers given to a new one lead to the same place; and two that stand at the same place with the same live variables
are one.
"""

import dis
import inspect
from collections.abc import Callable, Coroutine, Generator, Mapping
from copy import deepcopy
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import CodeType, FrameType
from typing import Any

from pydantic import BaseModel

from services.contracts.problems import Problem, Refused

Work = Callable[["Door"], Coroutine[Any, Any, None]]
Deliver = Callable[[], Coroutine[Any, Any, Any]]


class Ask:
    """A call under way: what the neighbour would do, and its answer once there is one."""

    def __init__(self, call: str, neighbour: str, deliver: Deliver) -> None:
        self.call = call
        self.neighbour = neighbour
        self.deliver = deliver
        self.answer: Any = None

    def __await__(self) -> Generator["Ask", None, Any]:
        yield self
        return self.answer


class Door:
    """Stands for the line between a controller and its neighbours: every call waits here for the search."""

    def __init__(self, network: Any) -> None:
        self.network = network

    async def carry(self, neighbour: str, call: str, deliver: Deliver) -> Any:
        return await Ask(call, neighbour, deliver)


@dataclass(frozen=True, slots=True)
class Place:
    """A coroutine after some answers: the call at which it waits, or None at its end, and what tells it from others."""

    work: Work
    answers: tuple[Any, ...]
    ask: Ask | None
    signature: object


def place_of(work: Work, answers: tuple[Any, ...], network: Any) -> Place:
    """Where a new coroutine stands after these answers."""
    running = work(Door(network))
    try:
        ask: Ask = running.send(None)
        for answer in answers:
            ask.answer = deepcopy(answer) if isinstance(answer, Refused) else answer  # Its problem gains members.
            ask = running.send(None)
        return Place(work, answers, ask, (id(work), ask.call, tuple(_frames(running))))
    except StopIteration:
        return Place(work, answers, None, None)
    finally:
        running.close()


def _frames(running: Coroutine[Any, Any, Any]) -> Generator[object, None, None]:
    """The live variables of each function that waits, from the outermost to the one that made the call."""
    waiting: Any = running
    while inspect.iscoroutine(waiting) and waiting.cr_frame is not None:
        frame: FrameType = waiting.cr_frame
        waiting = waiting.cr_await
        if frame.f_code is Door.carry.__code__:
            return
        # The function that made the call hands its variables to the neighbour: all of them count.
        makes_the_call = inspect.iscoroutine(waiting) and waiting.cr_code is Door.carry.__code__
        names = frame.f_locals.keys() if makes_the_call else live_after(frame.f_code, frame.f_lasti)
        kept = {name: frame.f_locals[name] for name in names if name in frame.f_locals}
        yield frame.f_code.co_qualname, frame.f_lasti, value_of(kept)


@cache
def live_after(code: CodeType, offset: int) -> frozenset[str]:
    """The variables that may still be read after an instruction."""
    instructions = list(dis.get_instructions(code))
    start = offset
    for instruction in instructions:  # A loop leads back to before where it stands.
        if instruction.offset > offset and instruction.opname == "JUMP_BACKWARD":
            start = min(start, int(instruction.argval))
    names: set[str] = set()
    for instruction in instructions:
        if instruction.offset > start and instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_CLOSURE")):
            names |= set(instruction.argval) if isinstance(instruction.argval, tuple) else {str(instruction.argval)}
    return frozenset(names)


def value_of(thing: Any) -> object:
    """A value by what it says; objects that say nothing, such as clients and functions, are all alike."""
    if isinstance(thing, BaseModel):
        return thing.model_dump_json()
    if isinstance(thing, Problem):
        return thing.slug, str(thing.detail), value_of(thing.members)
    if isinstance(thing, Mapping):
        return tuple(sorted((str(name), value_of(one)) for name, one in thing.items() if name != "self"))
    if isinstance(thing, list | tuple | set | frozenset):
        return tuple(value_of(one) for one in thing)
    if is_dataclass(thing) and not isinstance(thing, type) and type(thing).__eq__ is not object.__eq__:
        return type(thing).__name__, *(value_of(getattr(thing, field.name)) for field in fields(thing))
    told = repr(thing)
    return type(thing).__name__ if " at 0x" in told else told
