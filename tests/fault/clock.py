"""Virtual time: coroutines that wait for nothing but this clock, so that the same seed is the same run."""

import heapq
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Wait(Generic[T]):
    """Something that will be known later; the first answer counts."""

    def __init__(self) -> None:
        self._answers: list[T] = []
        self.wake: Callable[[], None] | None = None

    def answer(self, value: T) -> None:
        if self._answers:
            return
        self._answers.append(value)
        if self.wake is not None:
            self.wake()

    def __await__(self) -> Generator["Wait[Any]", None, T]:
        if not self._answers:
            yield self
        return self._answers[0]


class Clock:
    """What happens when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def after(self, seconds: float, happen: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + seconds, self._count, happen))

    def sleep(self, seconds: float) -> Wait[None]:
        wait = Wait[None]()
        self.after(seconds, lambda: wait.answer(None))
        return wait

    def run_until(self, end: float) -> None:
        while self._queue and self._queue[0][0] <= end:
            self.now, _, happen = heapq.heappop(self._queue)
            happen()
        self.now = end


class Task:
    """A coroutine under way. `held_up` may keep it from going on after a wait."""

    def __init__(self, work: Coroutine[Any, Any, None], held_up: Callable[["Task"], bool]) -> None:
        self._work = work
        self._held_up = held_up
        self.ended = False
        self.doing = "start"

    def wake(self) -> None:
        if not self.ended and not self._held_up(self):
            self.go_on()

    def go_on(self) -> None:
        if self.ended:
            return
        try:
            wait = self._work.send(None)
        except StopIteration:
            self.ended = True
        else:
            wait.wake = self.wake

    def kill(self) -> None:
        self.ended = True
        self._work.close()


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a neighbour's rule waited")
