"""What may happen to an exchange on a line, and policies that decide it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """How an exchange ends. The first four reach the target and are answered, the next four reach it and are not."""

    PASSED = "passed"
    TRICKLED = "trickled"  # the answer comes whole, in many small pieces over Fate.seconds
    DUPLICATED = "duplicated"  # the request reaches the target a second time, Fate.seconds after the first
    LOST = "lost"  # the target has answered; the caller's connection is reset instead
    HELD = "held"  # the target has answered; the caller waits until it gives up
    CUT = "cut"  # the caller's connection is reset in the middle of the answer
    ABANDONED = "abandoned"  # the caller's connection is reset while the target is still at work
    UNSENT = "unsent"  # the caller's connection is reset and nothing is forwarded
    SWALLOWED = "swallowed"  # nothing is forwarded and the caller waits until it gives up


FORWARDED = frozenset(Kind) - {Kind.UNSENT, Kind.SWALLOWED}
ANSWERED = frozenset({Kind.PASSED, Kind.TRICKLED, Kind.DUPLICATED})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, as a policy sees it. Connections and the exchanges on each are counted from 0."""

    connection: int
    number: int
    method: str
    path: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """How it ends, and when.

    Attributes:
        before: seconds between the request's arrival and its forwarding. A caller that gives up meanwhile does not stop
            it: the request then reaches its target late.
        after: seconds between the target's answer and its passing on.
        seconds: how long a trickle takes, or how long a duplicate stays behind the first.
    """

    kind: Kind = Kind.PASSED
    before: float = 0.0
    after: float = 0.0
    seconds: float = 0.0


Policy = Callable[[Exchange], Fate]
Span = tuple[float, float]

NO_TIME: Span = (0.0, 0.0)


def passing(_: Exchange) -> Fate:
    """A line without faults."""
    return Fate()


def always(kind: Kind, *, before: float = 0.0, after: float = 0.0, seconds: float = 0.0) -> Policy:
    """The same fate for every exchange."""
    fate = Fate(kind, before, after, seconds)
    return lambda _: fate


def in_turn(*fates: Fate | Kind, then: Policy = passing) -> Policy:
    """One fate after the other, whichever exchange comes first, then another policy."""
    left = iter([Fate(fate) if isinstance(fate, Kind) else fate for fate in fates])
    return lambda exchange: next(left, None) or then(exchange)


def only(
    policy: Policy, *, methods: Iterable[str] = (), path: str = "", wanted: Callable[[Exchange], bool] = lambda _: True
) -> Policy:
    """A policy for the exchanges of some methods (none named = all) whose path holds a text; the others pass."""
    chosen = frozenset(methods)

    def decide(exchange: Exchange) -> Fate:
        fits = (not chosen or exchange.method in chosen) and path in exchange.path and wanted(exchange)
        return policy(exchange) if fits else Fate()

    return decide


class Drawn:
    """Fates drawn by weight. The same seed draws the same fates in the order in which the exchanges arrive."""

    def __init__(
        self,
        seed: int | str,
        weights: Mapping[Kind, float],
        *,
        before: Span = NO_TIME,
        after: Span = NO_TIME,
        seconds: Span = NO_TIME,
        per_connection: bool = False,
    ) -> None:
        """Know the weights and the spans from which times are drawn evenly.

        Args:
            per_connection: every exchange of a connection has the fate of its first.
        """
        self._dice = Random(seed)
        self._kinds, self._weights = tuple(weights), tuple(weights.values())
        self._spans = (before, after, seconds)
        self._per_connection = per_connection
        self._of_connection: dict[int, Fate] = {}

    def __call__(self, exchange: Exchange) -> Fate:
        if not self._per_connection:
            return self._draw()
        if exchange.connection not in self._of_connection:
            self._of_connection[exchange.connection] = self._draw()
        return self._of_connection[exchange.connection]

    def _draw(self) -> Fate:
        # Always as many draws, so that a change of one span does not shift every later fate.
        (kind,) = self._dice.choices(self._kinds, self._weights)
        before, after, seconds = (self._dice.uniform(*span) for span in self._spans)
        return Fate(kind, before, after, seconds)
