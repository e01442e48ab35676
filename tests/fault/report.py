"""What the stages of `make faults` report, and the shape in which each is asked to run."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Asked:
    """How much of a stage is wanted.

    Attributes:
        seed: the first number of everything that is drawn.
        short: the size that fits into every push, instead of the whole.
        seeds: how many schedules, where that is not left to the stage.
        stages: those that alone are wanted, by name; empty is all of them.
    """

    seed: int = 0
    short: bool = False
    seeds: int | None = None
    stages: tuple[str, ...] = ()


@dataclass(slots=True)
class Case:
    """One kind of trouble that a stage made.

    Attributes:
        name: what was done, as a sentence a reader understands without the code.
        threads: the real failures it comes from, by their names in `threads.py` (FT-36 …).
        tried: how many times.
        broken: what should have held and did not, in words; empty is a pass.
        note: what else was seen, such as what shoppers felt of it.
    """

    name: str
    threads: tuple[str, ...] = ()
    tried: int = 0
    broken: list[str] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mutant:
    """The checkout without one of its safeguards, and what it took to notice.

    Attributes:
        missing: the safeguard that was taken away, in words.
        noticed_by: the rule that broke without it, or None: nobody noticed.
        after: how many of the stage's tries that took.
        unit: what one try is.
    """

    missing: str
    noticed_by: str | None
    after: int
    unit: str


@dataclass(slots=True)
class Report:
    """What a stage came to.

    Attributes:
        stage: its name on the command line.
        title: what it shows, in a line.
        counts: figures in the order in which they are told, units in their names.
        broken: what broke outside of any one case.
        mutants: what the stage made of the checkout without its safeguards.
    """

    stage: str
    title: str
    seed: int
    counts: dict[str, int | float | str] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    mutants: list[Mutant] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failures(self) -> list[str]:
        """Everything that did not hold."""
        return [
            *self.broken,
            *(f"{case.name}: {what}" for case in self.cases for what in case.broken),
            *(f"nobody noticed: {mutant.missing}" for mutant in self.mutants if mutant.noticed_by is None),
        ]

    @property
    def tried(self) -> int:
        """How many times trouble was made, over all cases."""
        return sum(case.tried for case in self.cases)


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which that part of all values is; 0.0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
