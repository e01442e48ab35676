"""A real stack with a crowd of shoppers in it, for stages that make trouble: started, watched, judged at the end."""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import ParamSpec, Self, TypeVar

from services.local.settings import SERVICES
from services.local.stack import Plan, Stack
from services.verify import check
from tests.fault.adders import Adder
from tests.fault.asking import Door
from tests.fault.cpu import used
from tests.fault.histories import Diary
from tests.fault.operators import Operator
from tests.fault.reckoning import DOWN, Databases, reckon, settled
from tests.fault.refund_reckoning import reckon_refunds
from tests.fault.report import Asked
from tests.fault.shoppers import Shopper
from tests.fault.town import Places, Town
from tests.stacks import free_offset

P = ParamSpec("P")
T = TypeVar("T")

# So short that a stage fits into its minutes; a frozen process still wakes after others took its checkouts over.
RECONCILE = {"RECONCILE_AFTER_SECONDS": "2", "RECONCILE_EVERY_SECONDS": "0.5"}
LOOK_SECONDS = 5.0
UNHANDLED = "unhandled error"
OPERATORS = 2
ADDERS = 2
KINDS = ("guest", "member", "guest", "program", "member", "guest")


def progress(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


@dataclass
class Recovery:
    """How long it took after one fault until nothing that it hit was unfinished; None if it never was."""

    name: str
    seconds: float | None = None


@dataclass
class Floor:
    """What the stack does when nothing goes wrong."""

    shoppers: int
    seconds: float
    paid: int
    cpu_ms: Mapping[str, float] = field(default_factory=dict)

    def told(self) -> str:
        parts = ", ".join(f"{name} {ms:.0f}" for name, ms in self.cpu_ms.items())
        rate = self.paid / self.seconds
        return f"{rate:.1f} paid journeys/s; CPU ms per paid checkout {sum(self.cpu_ms.values()):.0f} ({parts})"


class Live:
    """One stack, one town, one crowd."""

    RECOVERY_SECONDS = 30.0
    """How long after the last fault everything must be finished."""
    ALARM = "checkout alarm"

    def __init__(
        self, asked: Asked, *, shoppers: int = 20, kind: type[Stack] = Stack, folder: Path | None = None
    ) -> None:
        """Know what is wanted; nothing starts before it is entered.

        Args:
            folder: where data and logs stay afterwards; a passing one, unless given.
            kind: another way to start the services, such as with a safeguard missing.
        """
        self.asked = asked
        self.dice = Random(f"live:{asked.seed}")
        self.recoveries: list[Recovery] = []
        self.broken: list[tuple[float, str]] = []
        """What must hold and does not, with the moment in which it was noticed."""
        self._faults: list[tuple[float, float]] = []
        self._under_way: list[float] = []
        self._known: set[tuple[str, str]] = set()
        self.began = time.time()
        self._kind = kind
        self._folder = folder
        self.looks = 0
        self.seconds_to_notice: float | None = None
        """How long the run had gone on when something first did not hold."""
        self.shoppers = shoppers
        self._opened = AsyncExitStack()
        # The kernel ends what was started together with the thread that started it: one thread does it all.
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="stack")
        self._crowd: list[tuple[Shopper, asyncio.Task[None]]] = []
        self._desk: list[tuple[Operator | Adder, asyncio.Task[None]]] = []
        self._timing: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._opened.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def _open(self) -> None:
        self._opened.callback(self._keeper.shutdown)
        folder = self._folder or Path(self._opened.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        plan = Plan(
            folder,
            folder / ".env",
            port_offset=free_offset(),
            environment="test",
            replicas={"controller": 2, "cartdb": 2},
            settings={"controller": RECONCILE},
        )
        self.stack = self._kind(plan)
        self._opened.push_async_callback(self.keep, self.stack.down)
        began = time.monotonic()
        await self.keep(self.stack.up)
        progress(f"stack up after {time.monotonic() - began:.1f} s")
        self.databases = Databases(self.stack)
        self.door = await self._opened.enter_async_context(Door(self.stack.url))
        secret = self.stack.secrets["CATALOG_CLIENT_SECRET"]
        places = Places(self.stack.idp_url, self.stack.addresses.inside("catalog"), secret)
        self.town = Town(self.door, places, Random(f"town:{self.asked.seed}"))
        await self.town.open()
        server, password = self.stack.server, self.stack.secrets["VERIFIER_PASSWORD"]
        self._verifiable = check.Databases.at(server.url(database="{database}", user="verifier", password=password))
        self._looking = asyncio.create_task(self._keep_looking())
        self._opened.push_async_callback(self._send_home)

    async def keep(self, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Do something to the stack, in the thread that keeps it."""
        return await asyncio.get_running_loop().run_in_executor(self._keeper, lambda: work(*arguments, **options))

    # --- the crowd

    async def _send_home(self) -> None:
        """Whoever is still about when the run ends early."""
        tasks = [self._looking, *self._timing, *(task for _, task in self._everybody)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def invite(self, number: int | None = None) -> None:
        """Shoppers come in, up to so many; programs sign in for their tokens first."""
        wanted = number or self.shoppers
        new = [
            Shopper(at, KINDS[at % len(KINDS)], self.town, f"shopper:{self.asked.seed}")
            for at in range(len(self._crowd), wanted)
        ]
        await asyncio.gather(*(shopper.take_token() for shopper in new if shopper.kind == "program"))
        self._crowd += [(shopper, asyncio.create_task(shopper.live())) for shopper in new]

    async def open_desk(self) -> None:
        """Operators come in, who give money back while the trouble lasts."""
        new = [Operator(number, self.town, f"operator:{self.asked.seed}") for number in range(OPERATORS)]
        await asyncio.gather(*(operator.take_token() for operator in new))
        self._desk += [(operator, asyncio.create_task(operator.live())) for operator in new]

    async def open_baskets(self) -> None:
        """People come in whose every add is told apart."""
        new = [Adder(number, self.town, f"adder:{self.asked.seed}") for number in range(ADDERS)]
        self._desk += [(adder, asyncio.create_task(adder.live())) for adder in new]

    @property
    def _everybody(self) -> list[tuple[Shopper | Operator | Adder, asyncio.Task[None]]]:
        return [*self._crowd, *self._desk]

    async def floor(self, shoppers: int, seconds: float) -> Floor:
        """How fast and how dear checkouts are with so many shoppers and no faults."""
        await self.invite(shoppers)
        await asyncio.sleep(1)
        paid, cpu, began = self.town.counts["told paid"], used(self.stack), time.monotonic()
        await asyncio.sleep(seconds)
        spent = {name: total - cpu.get(name, 0.0) for name, total in used(self.stack).items()}
        done = self.town.counts["told paid"] - paid
        per_checkout = {name: 1000 * total / max(1, done) for name, total in spent.items()}
        return Floor(shoppers, time.monotonic() - began, done, per_checkout)

    async def _keep_looking(self) -> None:
        """`make verify ARGS=--live` again and again, whenever the databases answer."""
        while not self.town.ended.is_set():
            await self.town.pause(LOOK_SECONDS)
            try:
                verdict = await check.verify(self._verifiable, live=True, strict=True)
            except DOWN:
                continue
            self.looks += 1
            self._take(verdict)

    def _take(self, verdict: check.Verdict) -> None:
        mode = "live" if verdict.live else "at the end"
        told = {(v.invariant, v.where): f"{v.invariant.value}: {v.what} ({v.where})" for v in verdict.violations}
        self._breaks(f"verify {mode}: {what}" for known, what in told.items() if known not in self._known)
        self._known |= told.keys()

    def _breaks(self, whats: Iterable[str]) -> None:
        self.broken += [(time.time(), what) for what in whats]

    # --- faults

    @asynccontextmanager
    async def fault(self, name: str) -> AsyncIterator[None]:
        """Something is done to the stack; from its end on the recovery is timed."""
        began = time.monotonic()
        self._under_way.append(began)
        try:
            yield
        finally:
            self._under_way.remove(began)
            self._faults.append((began, time.monotonic()))
        recovery = Recovery(name)
        self.recoveries.append(recovery)
        self._timing.append(asyncio.create_task(self._recover(recovery)))

    async def _recover(self, recovery: Recovery) -> None:
        since, began = datetime.now(UTC), time.monotonic()
        if await settled(self.databases, since, seconds=6 * self.RECOVERY_SECONDS):
            recovery.seconds = self._undisturbed_since(began)
            progress(f"recovered after {recovery.seconds:.1f} s: {recovery.name}")

    def _undisturbed_since(self, began: float) -> float:
        """Seconds since then in which no other fault was under way."""
        now = time.monotonic()
        spans = [*self._faults, *((begin, now) for begin in self._under_way)]
        disturbed = sum(max(0.0, end - max(begin, began)) for begin, end in spans)
        return max(0.0, now - began - disturbed)

    async def calm(self, *, seconds: float) -> None:
        """Wait until all faults so far are recovered from, or for so long."""
        if self._timing:
            await asyncio.wait(self._timing, timeout=seconds)

    # --- the end

    async def finish(self) -> None:
        """No more journeys; wait until nothing is pending; judge."""
        ended = datetime.now(UTC)
        self.town.ended.set()
        began = time.monotonic()
        await self._looking
        results = await asyncio.gather(*(task for _, task in self._everybody), return_exceptions=True)
        for (person, _), result in zip(self._everybody, results, strict=True):
            if isinstance(result, BaseException):
                self._breaks([f"{person.diary.name} fell over: {result!r}\n    {_last(person.diary)}"])
        if not await settled(self.databases, ended, seconds=max(1.0, self.RECOVERY_SECONDS - time.monotonic() + began)):
            self._breaks([f"unfinished {self.RECOVERY_SECONDS:.0f} s after the last fault"])
        await settled(self.databases, datetime.now(UTC), seconds=self.RECOVERY_SECONDS)
        await self.calm(seconds=self.RECOVERY_SECONDS)
        progress(f"nothing is pending {time.monotonic() - began:.1f} s after the end of the run")
        await self._look_at_everything()
        await self._judge()
        progress(f"judged {time.monotonic() - began:.1f} s after the end of the run")

    async def _look_at_everything(self) -> None:
        people = [person for person, _ in self._everybody]
        ended = await asyncio.gather(*(person.look_at_everything() for person in people), return_exceptions=True)
        for person, result in zip(people, ended, strict=True):
            if isinstance(result, BaseException):
                self._breaks([f"{person.diary.name} could not look: {result!r}\n    {_last(person.diary)}"])

    async def _judge(self) -> None:
        for person, _ in self._everybody:
            self.broken += [(at, f"{person.diary.name}: {what}") for at, what in person.diary.broken]
        purchases, charges = await self.databases.purchases(), await self.databases.charges()
        self._breaks(reckon(self.town.attempts.values(), purchases, charges))
        refunds, given = await self.databases.refunds(), await self.databases.given()
        self._breaks(reckon_refunds(self.town.givings.values(), refunds, given, purchases))
        self._breaks(await self.databases.stuck())
        self.verdict = await check.verify(self._verifiable, strict=True)
        self._take(self.verdict)
        self._breaks(f"an alarm: {line}" for line in self.lines_with(self.ALARM))
        self._breaks(f"an unhandled error: {told}" for name in SERVICES for told in self._unhandled(name))
        slow = [r for r in self.recoveries if r.seconds is None or r.seconds > self.RECOVERY_SECONDS]
        self._breaks(f"{r.name}: recovery took {r.seconds or 'for ever'}" for r in slow)
        if self.broken:
            self.seconds_to_notice = min(at for at, _ in self.broken) - self.began

    def _unhandled(self, service: str) -> Iterable[str]:
        """Each unhandled error in a service's logs, with the end of its traceback."""
        lines = self.lines_with("", service)
        dated = [at for at, line in enumerate(lines) if line[:2] == "20" and "[" in line]
        for at, following in zip(dated, [*dated, len(lines)][1:], strict=True):
            if UNHANDLED in lines[at]:
                yield "\n    ".join([lines[at], *lines[max(at + 1, following - 12) : following]])

    def lines_with(self, text: str, service: str = "controller") -> list[str]:
        """Lines of a service's logs."""
        logs = sorted((self.stack.plan.folder / "logs").glob(f"{service}*.log"))
        return [line for log in logs for line in log.read_text(errors="replace").splitlines() if text in line]


def _last(diary: Diary) -> str:
    return "\n    ".join(diary.about(most=15))
