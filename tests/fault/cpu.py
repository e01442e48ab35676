"""Processor time that a stack's processes have used, from /proc."""

import os
from contextlib import suppress
from pathlib import Path

from services.local.processes import children_of
from services.local.stack import Stack

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def used(stack: Stack) -> dict[str, float]:
    """Seconds by service and for PostgreSQL with its sessions, ended ones too; empty where /proc cannot tell."""
    pids = {process.name: process.pid for process in stack._processes.values()}
    seconds: dict[str, float] = {}
    for name, pid in pids.items():
        service = "proxies" if name.endswith("-proxy") else name.partition("-")[0]
        seconds[service] = seconds.get(service, 0.0) + _of(pid)
    server = stack._postgres.pid if stack._postgres else None
    if server is not None:
        seconds["postgres"] = _of(server, ended=True) + sum(_of(child) for child in children_of(server))
    return seconds


def _of(pid: int | None, *, ended: bool = False) -> float:
    with suppress(OSError):
        # The second field is a name in brackets, which may hold spaces.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own, of_ended = fields[11:13], fields[13:15] if ended else []
        return sum(int(ticks) for ticks in (*own, *of_ended)) / TICKS_PER_SECOND
    return 0.0
