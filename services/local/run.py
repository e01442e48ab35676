"""`make run`: the whole shop in one terminal, until Ctrl-C.

Reads PORT_OFFSET, CONTROLLERS, CARTDBS, LOG_LEVEL, DATABASE_SERVER_URL (an existing PostgreSQL's superuser).
"""

import os
import signal
import sys
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from types import FrameType

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .processes import Process, StartError
from .settings import REPOSITORY
from .stack import Plan, Stack

COLOURS = {
    "controller": "cyan",
    "catalog": "green",
    "cartdb": "yellow",
    "idp": "magenta",
    "payments": "blue",
    "goods": "green",
}
WATCH_SECONDS = 0.2
RESTARTS = 3
RESTARTS_WITHIN_SECONDS = 30.0

console = Console(highlight=False, soft_wrap=True)


class Stopped(BaseException):
    """SIGINT or SIGTERM; like KeyboardInterrupt nothing but the end may catch it."""


def stop(_: int, __: FrameType | None) -> None:
    """Begin the end, once: a second Ctrl-C must not interrupt the stopping."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def say(name: str, line: str) -> None:
    """One line of a service, after its name."""
    console.print(Text(f"{name:>12} │ ", style=COLOURS.get(name.partition("-")[0], "white")), Text(line), sep="")


def tell(what: str) -> None:
    """What is being done."""
    console.print(Text(f"  starting: {what}", style="dim"))


def plan_from(environment: Mapping[str, str]) -> Plan:
    """The plan that the variables of `make run` describe.

    Raises:
        StartError: one of them is not a fitting number.
    """

    def number(name: str, default: int, *, least: int, most: int) -> int:
        text = environment.get(name) or str(default)
        if not text.isdecimal() or not least <= int(text) <= most:
            raise StartError(f"{name}={text} is not a whole number from {least} to {most}.")
        return int(text)

    offset = number("PORT_OFFSET", 0, least=0, most=50_000)
    return Plan(
        # Who somebody is depends on the provider's address, hence on the port: each offset has data of its own.
        folder=REPOSITORY / ".data" / (f"offset-{offset}" if offset else ""),
        env_file=REPOSITORY / ".env",
        port_offset=offset,
        log_level=environment.get("LOG_LEVEL") or "warning",
        replicas={
            "controller": number("CONTROLLERS", 1, least=1, most=16),
            "cartdb": number("CARTDBS", 1, least=1, most=16),
        },
        server_url=environment.get("DATABASE_SERVER_URL") or None,
    )


def summary(stack: Stack, seconds: float) -> Panel:
    """Where everything is."""
    table = Table.grid(padding=(0, 2))
    offset = f" PORT_OFFSET={stack.plan.port_offset}" if stack.plan.port_offset else ""
    for what, where in (
        ("shop", f"{stack.url}/shop/"),
        ("API docs", f"{stack.url}/docs"),
        ("identity", f"{stack.idp_url}/docs"),
        ("payments", f"{stack.payments_url}/docs"),
        ("", ""),
        ("shoppers", "alice, bob; operator olga (password: <name>-demo-password)"),
        ("a token", f"make token USER=alice{offset}"),
        ("stop", "Ctrl-C (the data stays; make reset deletes it)"),
    ):
        table.add_row(Text(what, style="dim"), Text(where, style="bold" if "://" in where else ""))
    return Panel(table, title=f"python-cart is up after {seconds:.1f} s", title_align="left", expand=False)


def watch(stack: Stack) -> None:
    """Start again what dies by itself, and say so, until that does not help.

    Raises:
        StartError: PostgreSQL ended, or a service dies again and again.
    """
    deaths: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RESTARTS))
    while True:
        if stack.postgres_stopped():
            raise StartError(f"PostgreSQL stopped by itself: see {stack.plan.folder}/postgres/postgres.log")
        for process in stack.stopped():
            _restart(stack, process, deaths[process.name])
        time.sleep(WATCH_SECONDS)


def _restart(stack: Stack, process: Process, deaths: deque[float]) -> None:
    words = f"{process.name} stopped ({process.last_words()})"
    now = time.monotonic()
    if len(deaths) == RESTARTS and now - deaths[0] < RESTARTS_WITHIN_SECONDS:
        raise StartError(f"{words}, again and again")
    deaths.append(now)
    console.print(Text(f"{words}: starting it again", style="bold red"))
    stack.revive(process)


def main() -> int:
    """Run until told to stop; the exit code says whether that was the reason."""
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    started = time.monotonic()
    try:
        with Stack(plan_from(os.environ), say=say, tell=tell) as stack:
            console.print(summary(stack, time.monotonic() - started))
            watch(stack)
    except Stopped:
        console.print("\nstopped, data kept")
        return 0
    except StartError as reason:
        console.print(Text(str(reason), style="bold red"))
        return 1
    raise AssertionError("unreachable")


if __name__ == "__main__":
    sys.exit(main())
