"""Every order of deliveries over the real steps, for small shops: does a rule break, and by which shortest way.

A request once sent may arrive at any later time, and again, or never; whoever sent it hears the answer, or nothing, and
goes on, or stops. Any number of controllers works on the same checkout: where one has stood, another may stand. So a
state is what the neighbours hold and the places at which controllers have stood, of which none is ever forgotten; that
makes the states finitely many. From every state one reconcile without faults has to end clean.
"""

import functools
import operator
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from services.contracts.problems import NotSent, OutcomeUnknown
from tests.fault.forks import Place, Work, place_of, value_of
from tests.fault.schedule import Parts
from tests.fault.small_shop import Fact, Shop, World

State = tuple[int, int]
Move = tuple[str, int, int]
AS_IT_IS = Parts()


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        states: of what the neighbours hold.
        places: where a controller may stand.
        deliveries: each of one call in one state.
        complete: nothing is left to be seen.
        way: the changes that led to the violation.
        told: what shoppers have heard, over all orders.
    """

    states: int
    places: int
    deliveries: int
    told: set[str]
    seconds: float
    complete: bool = False
    violation: str | None = None
    way: list[str] = field(default_factory=list)


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

    def _start(self) -> State:
        return self.world.freeze(), functools.reduce(
            operator.or_, [self._reached(one, ()) for one in self.world.works()]
        )

    def prove(self, *, seconds: float = 60.0) -> Found:
        """Whether a rule can break at all, in any order of however many deliveries.

        All that any order has reached at one state of the neighbours is taken together. That is more than can happen,
        so nothing is missed; a rule that seems to break is a question for `find`.
        """
        started = time.monotonic()
        first, reached = self._start()
        joined, waiting = {first: reached}, {first: None}
        while waiting and time.monotonic() - started < seconds:
            image = next(iter(waiting))
            del waiting[image]
            joined[image], moves = self._explored(image, joined[image])
            if violation := self._judge(image, joined[image]):
                return self._found(started, violation=violation)
            for _, after, follows in moves:
                more = joined.get(after, 0) | joined[image] | follows
                if more != joined.get(after, 0):
                    joined[after] = more
                    waiting[after] = None
        return self._found(started, complete=not waiting)

    def find(self, *, seconds: float = 60.0) -> Found:
        """The shortest way to a broken rule, by breadth, each order by itself."""
        started = time.monotonic()
        first = self._start()
        came: dict[State, tuple[State, str] | None] = {first: None}
        widest: dict[int, list[int]] = {first[0]: [first[1]]}
        level = [first]
        while level and time.monotonic() - started < seconds:
            coming: list[State] = []
            for state in level:
                image, reached = state
                reached, moves = self._explored(image, reached)
                if violation := self._judge(image, reached):
                    return self._found(started, violation=violation, way=_way(came, state))
                for what, after, follows in moves:
                    place = after, reached | follows
                    if not any(place[1] | one == one for one in widest.setdefault(after, [])):
                        widest[after] = [one for one in widest[after] if one | place[1] != place[1]] + [place[1]]
                        came[place] = state, what
                        coming.append(place)
            level = coming
        return self._found(started, complete=not level)

    def _found(self, started: float, **ending: Any) -> Found:
        return Found(
            states=len(self.world.images),
            places=len(self._places),
            deliveries=len(self._delivered),
            told={what[1] for kind, what in self._facts.values() if kind == "told"},
            seconds=time.monotonic() - started,
            **ending,
        )


def _way(came: dict[State, Any], state: State) -> list[str]:
    way = []
    while (before := came[state]) is not None:
        state, what = before
        way.append(what)
    return way[::-1]
