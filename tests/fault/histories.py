"""What a shopper may expect of a cart after everything that was answered, and what was not.

Every edit begins open: once it is sent it may have happened, may happen later, or never. An answer closes it.
What a cart may hold is the set of all values that some order of the open edits leads to; a cart that holds another one
has lost an acknowledged edit, or made one up.
"""

import time
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count

Value = int
State = tuple[Value, frozenset[int]]
"""How many there are, and which edits are still open."""

_numbers = count(1)

BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one line: so many more, or exactly so many."""

    sku: str
    quantity: int
    adds: bool
    number: int = field(default_factory=lambda: next(_numbers))

    def after(self, value: Value) -> Value:
        return value + self.quantity if self.adds else self.quantity

    def __str__(self) -> str:
        return f"#{self.number} {self.sku} {'+' if self.adds else '='}{self.quantity}"


class Line:
    """Everything that may be true of one SKU in one cart."""

    def __init__(self, values: Iterable[Value] = (0,)) -> None:
        self._states: set[State] = {(value, frozenset()) for value in values}
        self._open: dict[int, Edit] = {}
        self._closed = False

    def begin(self, edit: Edit) -> None:
        """The edit is on its way."""
        self._open[edit.number] = edit
        self._states = {(value, still_open | {edit.number}) for value, still_open in self._states}

    def happened(self, edit: Edit) -> bool:
        """The edit was acknowledged; False if that contradicts what was seen."""
        return self._resolve(edit, {state for state in self._reachable() if edit.number not in state[1]})

    def did_not(self, edit: Edit) -> bool:
        """The edit was refused for good; False if that contradicts what was seen."""
        kept = {(value, rest - {edit.number}) for value, rest in self._states if edit.number in rest}
        return self._resolve(edit, kept)

    def seen(self, value: Value) -> bool:
        """A reading; False if no order of edits explains it."""
        kept = {state for state in self._reachable() if state[0] == value}
        # A contradiction is told once: from here on the reading is believed.
        self._states = kept or {(value, frozenset(self._open))}
        return bool(kept)

    def close(self) -> None:
        """The cart is bought, and has been read since: what is open now happened before, or not at all."""
        self._closed = True

    def plus(self, other: "Line") -> None:
        """What another line held has been added to this one."""
        self._states = {(here + there, rest) for here, rest in self._reachable() for there in other.values}

    @property
    def values(self) -> set[Value]:
        """What it may hold now."""
        return {value for value, _ in self._reachable()}

    @property
    def open(self) -> int:
        """How many edits nobody knows the fate of."""
        return len(self._open)

    def _resolve(self, edit: Edit, kept: set[State]) -> bool:
        del self._open[edit.number]
        self._states = kept or {(value, rest - {edit.number}) for value, rest in self._reachable()}
        return bool(kept)

    def _reachable(self) -> set[State]:
        if self._closed:
            return self._states
        found: set[State] = set()
        frontier = list(self._states)
        while frontier:
            state = frontier.pop()
            if state not in found:
                found.add(state)
                value, still_open = state
                frontier += [(self._open[number].after(value), still_open - {number}) for number in still_open]
        return found


class CartHistory:
    """One cart of one shopper."""

    def __init__(self, cart_id: str, *, unbound: Iterable[Edit] = ()) -> None:
        """Begin with an empty cart.

        Args:
            unbound: edits of "the current cart" that were never answered, and may yet find this one.
        """
        self.cart_id = cart_id
        self.lines: dict[str, Line] = {}
        self.total = 0
        self.bought = False
        for edit in unbound:
            self.line(edit.sku).begin(edit)

    def line(self, sku: str) -> Line:
        if sku not in self.lines:
            self.lines[sku] = Line()
            if self.bought:
                self.lines[sku].close()
        return self.lines[sku]

    def read(self, quantities: Mapping[str, int]) -> list[str]:
        """What is wrong with a reading of the whole cart."""
        return [
            f"cart {self.cart_id} holds {quantities.get(sku, 0)} {sku}, which can only be {expected}"
            for sku in sorted({*self.lines, *quantities})
            for expected in [sorted(self.line(sku).values)]
            if not self.line(sku).seen(quantities.get(sku, 0))
        ]

    def was_bought(self, quantities: Mapping[str, int]) -> list[str]:
        """What is wrong with the order made of the cart; from here on it does not change."""
        wrong = [] if self.bought else self.read(quantities)
        self.close()
        return wrong

    def close(self) -> None:
        self.bought = True
        for line in self.lines.values():
            line.close()

    def receive(self, other: "CartHistory") -> None:
        """The lines of a guest's cart have been added to this one."""
        for sku, line in other.lines.items():
            self.line(sku).plus(line)
        other.close()

    def explains(self, quantities: Mapping[str, int]) -> bool:
        """Whether a reading may be of this cart, without taking it for one."""
        return all(quantities.get(sku, 0) in self.line(sku).values for sku in {*self.lines, *quantities})

    def explains_with(self, others: Iterable["CartHistory"], quantities: Mapping[str, int]) -> bool:
        """Whether a reading may be of this cart once it has received the lines of others, without taking it for one."""
        merged = deepcopy(self)
        for other in deepcopy(list(others)):
            merged.receive(other)
        return merged.explains(quantities)

    @property
    def open(self) -> int:
        """How many edits nobody knows the fate of."""
        return sum(line.open for line in self.lines.values())


@dataclass
class Diary:
    """What one shopper did and was told, in order, for whoever has to find out why."""

    name: str
    entries: list[tuple[float, str]] = field(default_factory=list)
    broken: list[tuple[float, str]] = field(default_factory=list)

    def write(self, what: str) -> None:
        self.entries.append((time.time(), what))

    def breaks(self, what: str) -> None:
        """Something that must hold did not."""
        self.write(f"{BROKEN}: {what}")
        self.broken.append((time.time(), what))

    def about(self, *names: str, most: int = 25) -> list[str]:
        """The last entries that name any of the ids, with their times of day."""
        found = [(at, what) for at, what in self.entries if not names or any(name in what for name in names)]
        return [f"{_clock(at)} {what}" for at, what in found[-most:]]


def _clock(at: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03}"
