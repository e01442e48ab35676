"""Stage d: answers lost, held, cut, late, slow and doubled on every arrow between shoppers, controller and services."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from tests.fault import telling
from tests.fault.fates import Exchange, Fate, Kind, passing
from tests.fault.live import Live, progress
from tests.fault.report import Case, Report
from tests.fault.tcp import FaultyLine

SHOPPERS = "shopper → controller"
ARROWS = {
    "controller → cartdb": "CARTDB_URL",
    "controller → catalog": "CATALOG_URL",
    "controller → payments": "PAYMENTS_URL",
    "controller → idp": "OIDC_INTERNAL_URL",
}
"""The controller's arrows, and the setting that leads each one through a line."""
THREADS_OF_FATES = {
    "lost": ("FT-36", "FT-37"),
    "held": ("FT-37", "FT-44"),
    "cut": ("FT-37",),
    "abandoned": ("FT-08", "FT-33"),
    "unsent": ("FT-34",),
    "swallowed": ("FT-34", "FT-40"),
    "duplicated": ("FT-27", "FT-30", "FT-31", "FT-33"),
    "trickled": ("FT-44",),
    "late": ("FT-08", "FT-44"),
    "slow": ("FT-27", "FT-44"),
}
SENTENCES = {
    "lost": "the answer is lost and the connection reset",
    "held": "the answer never comes",
    "cut": "the answer is cut in the middle",
    "abandoned": "the connection is reset while the request is worked on",
    "unsent": "the connection is reset before anything is sent on",
    "swallowed": "the request disappears",
    "duplicated": "the request arrives twice",
    "trickled": "the answer comes in small pieces",
    "late": "the request arrives after its sender gave up",
    "slow": "the answer is slow",
}
GOOD_ONES = {
    "controller → cartdb": 60,
    "controller → catalog": 30,
    "controller → payments": 30,
    "controller → idp": 4,
    SHOPPERS: 40,
}
"""How many exchanges go well for each round of all fates; the arrows differ in how much they carry."""
HOLD_SECONDS = 12.0
"""How long an answer is kept back: longer than the controller waits for any neighbour."""
SHORT_HOLD_SECONDS = 6.0


def fate_of(name: str, dice: Random) -> Fate:
    """A fate by its name; "late" is later than the controller waits for cartdb and catalog."""
    match name:
        case "late":
            return Fate(before=dice.uniform(5.5, 7.5))
        case "slow":
            return Fate(after=dice.uniform(0.3, 2.5))
        case "duplicated":
            return Fate(Kind.DUPLICATED, seconds=dice.choice((0.0, dice.uniform(0.0, 0.5), dice.uniform(2.0, 6.0))))
        case "trickled":
            return Fate(Kind.TRICKLED, seconds=dice.uniform(0.2, 1.5))
        case _:
            return Fate(Kind(name), before=dice.choice((0.0, dice.uniform(0.0, 0.3))))


class Deck:
    """Deals every fate once in a while, in an order of the seed's, so that none is left out by chance."""

    def __init__(self, arrow: str, seed: int, counts: Counter[tuple[str, str]]) -> None:
        self._arrow = arrow
        self._dice = Random(f"deck:{seed}:{arrow}")
        self._counts = counts
        self._left: list[str] = []

    def __call__(self, exchange: Exchange) -> Fate:
        if not self._left:
            self._left = [*SENTENCES, *["passed"] * GOOD_ONES[self._arrow]]
            self._dice.shuffle(self._left)
        name = self._left.pop()
        self._counts[self._arrow, name] += 1
        return passing(exchange) if name == "passed" else fate_of(name, self._dice)


class Lines:
    """A line on every arrow, and who is on it."""

    def __init__(self, live: Live, lines: Mapping[str, FaultyLine]) -> None:
        self._live = live
        self._lines = lines
        self.counts: Counter[tuple[str, str]] = Counter()
        self._decks = {arrow: Deck(arrow, live.asked.seed, self.counts) for arrow in lines}

    async def trouble(self, *arrows: str, seconds: float) -> None:
        """Bad luck on some arrows for a while."""
        async with self._live.fault(f"bad luck on {arrows[0] if len(arrows) == 1 else 'all arrows'}"):
            for arrow in arrows:
                self._lines[arrow].policy = self._decks[arrow]
            await asyncio.sleep(seconds)
            for arrow in arrows:
                self._lines[arrow].policy = passing

    async def quiet(self, *, seconds: float) -> None:
        """Wait until nothing late is under way any more."""
        deadline = time.monotonic() + seconds
        while any(line.under_way for line in self._lines.values()) and time.monotonic() < deadline:  # noqa: ASYNC110 - lines have no event for it
            await asyncio.sleep(0.1)

    @property
    def broken(self) -> Counter[str]:
        """How many exchanges went wrong by themselves, by arrow."""
        return Counter(
            {arrow: line.counts["broken"] + line.counts["unreachable"] for arrow, line in self._lines.items()}
        )


@asynccontextmanager
async def laid(live: Live) -> AsyncIterator[Lines]:
    """Lines on all arrows: the controllers are restarted onto theirs, one after the other."""
    async with AsyncExitStack() as opened:
        lines: dict[str, FaultyLine] = {}

        async def lay(arrow: str, port: int) -> str:
            line = FaultyLine(port, hold_seconds=SHORT_HOLD_SECONDS if live.asked.short else HOLD_SECONDS)
            lines[arrow] = await opened.enter_async_context(line)
            return f"http://localhost:{line.port}"

        port: Callable[[str], int] = live.stack.addresses.port
        urls = {setting: await lay(arrow, port(arrow.rpartition(" ")[2])) for arrow, setting in ARROWS.items()}
        for name in ("controller-1", "controller-2"):
            (process,) = live.stack._named(name)
            process._settings = {**process._settings, **urls}
            await live.keep(live.stack.restart, name)
        direct, live.door.url = live.door.url, await lay(SHOPPERS, port("controller"))
        yield Lines(live, lines)
        live.door.url = direct


async def trouble(live: Live, lines: Lines) -> Report:
    """Bad luck on one arrow after the other, then on all at once, while the crowd goes on."""
    asked = live.asked
    report = Report("lines", "Answers lost, held, cut, late and doubled on every arrow", asked.seed)
    began = time.monotonic()
    since = telling.now(live)
    live.town.restless = 0.5
    arrows = [*ARROWS, SHOPPERS]
    if not asked.short:
        for arrow in arrows:
            progress(f"bad luck on {arrow}")
            await lines.trouble(arrow, seconds=6.0)
            await live.calm(seconds=3.0)
    progress("bad luck everywhere")
    await lines.trouble(*arrows, seconds=7.0 if asked.short else 12.0)
    await lines.quiet(seconds=HOLD_SECONDS)
    await live.calm(seconds=live.RECOVERY_SECONDS)
    report.cases = [
        Case(f"{arrow}: {sentence}", THREADS_OF_FATES[name], lines.counts[arrow, name])
        for arrow in arrows
        for name, sentence in SENTENCES.items()
    ]
    if not asked.short:
        for case in report.cases:
            case.broken += [] if case.tried else ["never happened: the arrow carried too little"]
    report.counts |= {f"exchanges with bad luck, {a}": sum(lines.counts[a, f] for f in SENTENCES) for a in arrows}
    report.counts |= {f"exchanges that passed, {arrow}": lines.counts[arrow, "passed"] for arrow in arrows}
    telling.tell(report, live, since)
    report.seconds = time.monotonic() - began
    return report
