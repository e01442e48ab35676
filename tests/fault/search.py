"""Every order of deliveries over the real steps, for small shops, by breadth: the shortest way first.

A request once sent may arrive at any later time, and again, or never; whoever sent it hears the answer, or nothing, and
goes on, or stops. Any number of controllers works on the same checkout: where one has stood, another may stand. So a
state is what the neighbours hold and the places at which controllers have stood, of which none is ever forgotten; that
makes the states finitely many. From every state one reconcile without faults has to end clean.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from services.contracts.problems import NotSent, OutcomeUnknown
from tests.fault.forks import Place, Work, place_of, value_of
from tests.fault.schedule import Parts
from tests.fault.small_shop import Fact, Shop, World

State = tuple[int, int]
Move = tuple[str, int, int]
AS_IT_IS = Parts()


@dataclass
class Found:
    """What a search came to."""

    states: int = 0
    worlds: int = 0
    places: int = 0
    changes: int = 0
    complete: bool = False
    violation: str | None = None
    way: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    seconds: float = 0.0


class Search:
    """One small shop, with the parts of a mutant or the real ones.

    A place, and a fact that somebody was told, is a bit; what has been reached is the set of them, a number.
    """

    def __init__(self, shop: Shop, parts: Parts = AS_IT_IS) -> None:
        self.world = World(shop, parts)
        self._bits: dict[object, int] = {}
        self._places: dict[int, Place] = {}
        self._facts: dict[int, Fact] = {}
        self._answers: list[Any] = []
        self._answer_numbers: dict[object, int] = {}
        self._known_answers: dict[int, int] = {}
        self._delivered: dict[tuple[int, int, tuple[float, ...]], tuple[int, int]] = {}
        self._continued: dict[tuple[int, int], int] = {}
        self._unanswered: dict[int, int] = {}
        self._judged: dict[State, str | None] = {}

    # --- places, facts, answers

    def _bit(self, key: object) -> int:
        return self._bits.setdefault(key, len(self._bits))

    def _fact(self, fact: Fact) -> int:
        bit = self._bit(fact)
        self._facts[bit] = fact
        return 1 << bit

    def _reached(self, work: Work, answers: tuple[Any, ...]) -> int:
        """The place after these answers, what was told on the way, and all that follows from hearing nothing."""
        self.world.forget()
        place = place_of(work, answers, self.world.network)
        reached = sum(map(self._fact, set(self.world.facts())))
        if place.ask is None:
            return reached
        bit = self._bit(place.signature)
        if bit not in self._places:
            self._places[bit] = place
            self._unanswered[bit] = 1 << bit
            for nothing in (NotSent(place.ask.neighbour, "search"), OutcomeUnknown(place.ask.neighbour, "search")):
                self._unanswered[bit] |= self._after(bit, self._answer(nothing))
        return reached | self._unanswered[bit]

    def _answer(self, answer: Any) -> int:
        known = self._known_answers.get(id(answer))
        if known is not None:
            return known
        key = type(answer).__name__, value_of(answer)
        if key not in self._answer_numbers:
            self._answer_numbers[key] = len(self._answers)
            self._answers.append(answer)
            self._known_answers[id(answer)] = self._answer_numbers[key]  # It is kept, so nothing else gets its id.
        return self._answer_numbers[key]

    def _after(self, bit: int, answer: int) -> int:
        known = self._continued.get((bit, answer))
        if known is None:
            place = self._places[bit]
            known = self._reached(place.work, (*place.answers, self._answers[answer]))
            self._continued[bit, answer] = known
        return known

    # --- moves

    def _deliver(self, image: int, bit: int, thrown: tuple[float, ...]) -> tuple[int, int]:
        known = self._delivered.get((image, bit, thrown))
        if known is None:
            ask = self._places[bit].ask
            assert ask is not None
            after, answer = self.world.deliver(image, ask, thrown)
            known = self._delivered[image, bit, thrown] = after, self._answer(answer)
        return known

    def _explored(self, image: int, reached: int) -> tuple[int, list[Move]]:
        """All that is reached without a change of what the neighbours hold; and each change that is possible.

        Whatever changes nothing may as well have happened: from where more is reached, all can be done that can be done
        from where less is.
        """
        moves: list[Move] = []
        todo, seen = reached, 0
        while todo:
            bit = (todo & -todo).bit_length() - 1
            seen |= 1 << bit
            for what, after, follows in self._from(image, bit):
                if after == image:
                    reached |= follows
                else:
                    moves.append((what, after, follows))
            todo = reached & ~seen
        return reached, [*moves, *((what, after, 0) for what, after in self.world.outside(image))]

    def _from(self, image: int, bit: int) -> Iterator[Move]:
        ask = self._places[bit].ask if bit in self._places else None
        if ask is not None:
            for thrown in self.world.draws(ask):
                after, answer = self._deliver(image, bit, thrown)
                yield ask.call, after, self._after(bit, answer)

    def _judge(self, image: int, reached: int) -> str | None:
        facts = [bit for bit in self._facts if reached >> bit & 1]
        key = image, sum(1 << bit for bit in facts)
        if key not in self._judged:
            self._judged[key] = self.world.look(image, [self._facts[bit] for bit in facts])
        return self._judged[key]

    # --- the search

    def run(self, *, states: int = 1_000_000, seconds: float = 60.0) -> Found:
        """By breadth, until all is seen, a rule breaks, or the limit is reached."""
        started, found = time.monotonic(), Found()
        first = self.world.freeze()
        places = 0
        for work in self.world.works():
            places |= self._reached(work, ())
        places, moves = self._explored(first, places)
        came: dict[State, tuple[State, str] | None] = {(first, places): None}
        widest: dict[int, list[int]] = {first: [places]}
        level = [((first, places), moves)]
        while level and found.violation is None:
            coming: list[tuple[State, list[Move]]] = []
            for state, moves in level:
                if len(came) >= states or time.monotonic() - started > seconds:
                    return self._told(found, came, started)
                for what, image, follows in moves:
                    seen = widest.setdefault(image, [])
                    if any(state[1] | follows | one == one for one in seen):
                        continue
                    places, next_moves = self._explored(image, state[1] | follows)
                    seen[:] = [one for one in seen if one | places != places] + [places]
                    after = (image, places)
                    came[after] = (state, what)
                    coming.append((after, next_moves))
                    found.violation = self._judge(image, places)
                    if found.violation is not None:
                        found.way = _way(came, after)
                        found.changes = len(found.way)
                        return self._told(found, came, started)
            level = coming
            found.changes += bool(level)
        found.complete = True
        return self._told(found, came, started)

    def _told(self, found: Found, came: dict[Any, Any], started: float) -> Found:
        return replace(
            found,
            states=len(came),
            worlds=len(self.world.images),
            places=len(self._places),
            told={what[1] for kind, what in self._facts.values() if kind == "told"},
            seconds=time.monotonic() - started,
        )


def _way(came: dict[tuple[int, int], Any], state: tuple[int, int]) -> list[str]:
    way = []
    while (before := came[state]) is not None:
        state, what = before
        way.append(what)
    return way[::-1]
