"""Ports of this machine: a free one, and who has a busy one."""

import os
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from .processes import StartError

LISTENING = "0A"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def require_free(ports: dict[str, int]) -> None:
    """Raise a line that names the first busy port, what wants it and what has it.

    Raises:
        StartError: a port is busy.
    """
    for name, port in ports.items():
        if not is_free(port):
            holder = holder_of(port)
            by = f" by {holder}" if holder else ""
            raise StartError(
                f"Port {port}, which {name} needs, is in use{by}: stop that, or choose others with PORT_OFFSET=100."
            )


def holder_of(port: int) -> str | None:
    """The program that listens on a port, as far as this user may know."""
    pid = _holder_from_proc(port) if Path("/proc/net/tcp").exists() else _holder_from_lsof(port)
    if pid is None:
        return None
    with suppress(OSError):
        return f"{Path(f'/proc/{pid}/comm').read_text().strip()} (process {pid})"
    return f"process {pid}"


def _holder_from_proc(port: int) -> int | None:
    wanted = set(_listening_sockets(port))
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(link.readlink()) in wanted:
                return int(link.parts[2])
    return None


def _listening_sockets(port: int) -> list[str]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                    found.append(f"socket:[{inode}]")
    return found


def _holder_from_lsof(port: int) -> int | None:
    if shutil.which("lsof") is None:
        return None
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return int(told.stdout.split()[0]) if told.stdout.split() else None
