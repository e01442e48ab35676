"""Operating system processes of a local stack: started so that none outlives its starter, watched, stopped."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

PAUSE_SECONDS = 0.02
LAST_LINES = 12

Say = Callable[[str, str], None]


class StartError(Exception):
    """Something local cannot be started or set up; the message says what and why in one line."""


@cache
def works(command: tuple[str, ...]) -> bool:
    """Whether a command exists here and ends well."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def dies_with_parent(signal_name: str) -> tuple[str, ...]:
    """What to put before a command on Linux, so that the kernel signals it when the thread that started it ends.

    The thread, not the process: such a command must be started by the main thread.
    """
    prefix = ("setpriv", "--pdeathsig", signal_name)
    return prefix if sys.platform == "linux" and works((*prefix, "true")) else ()


def alive(pid: int) -> bool:
    """Whether a process of this number runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def children_of(pid: int) -> set[int]:
    """The processes that a process started and that still run."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        listed = _children_by_ps(pid)
    return {int(child) for child in listed.split()}


def _children_by_ps(pid: int) -> str:
    if shutil.which("ps") is None:
        return ""
    told = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=False).stdout
    pairs = (line.split() for line in told.splitlines())
    return " ".join(child for parent, child in pairs if parent == str(pid))


def pause(pid: int) -> None:
    """Stop a process and its children in their tracks; `resume` lets them go on."""
    os.kill(pid, signal.SIGSTOP)  # First, so that it makes no more children.
    stopped: set[int] = set()
    while fresh := children_of(pid) - stopped:
        _signal_all(fresh, signal.SIGSTOP)
        stopped |= fresh


def resume(pid: int) -> None:
    """Let a paused process and its children go on; nothing happens to those that run."""
    _signal_all([*children_of(pid), pid], signal.SIGCONT)


def _signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def command_of(pid: int) -> str:
    """The command line of a process, empty when it cannot be told."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if shutil.which("ps") is None:
            return ""
    return subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout


def stop_leftover(pid: int, *, recognised_by: str, how: signal.Signals, seconds: float) -> None:
    """Stop a process that an earlier, killed starter left behind, unless the number belongs to another program by now.

    Raises:
        StartError: it does not stop.
    """
    deadline = time.monotonic() + seconds
    asked = False
    # A dead process that nobody has buried yet is alive to the kernel but has no command.
    while alive(pid) and recognised_by in command_of(pid):
        if not asked:
            os.kill(pid, how)
            asked = True
        if time.monotonic() > deadline:
            raise StartError(f"Process {pid}, left by an earlier start, does not stop: {command_of(pid)}")
        time.sleep(PAUSE_SECONDS)


def _inherited() -> dict[str, str]:
    # The superuser's URL is for the starter alone.
    return {name: value for name, value in os.environ.items() if name != "DATABASE_SERVER_URL"}


class Process:
    """A Python program of this repository, its output passed on line by line and kept in a file."""

    def __init__(
        self, name: str, arguments: tuple[str, ...], *, settings: Mapping[str, str], log: Path, say: Say
    ) -> None:
        self.name = name
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self.expected_to_run = False
        self._arguments = arguments
        self._settings = settings
        self.log = log
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    @property
    def command(self) -> str:
        """What a list of processes shows of it."""
        return " ".join(self._arguments)

    @property
    def pid(self) -> int | None:
        """Its number, once started."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it runs."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start it, without waiting until it is ready."""
        self.expected_to_run = True
        self._process = subprocess.Popen(
            (*dies_with_parent("TERM"), sys.executable, "-m", *self._arguments),
            env={**_inherited(), **self._settings, "PYTHONUNBUFFERED": "1"},
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the whole group of the terminal; the starter stops its processes in its own order.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"output of {self.name}")
        self._reader.start()

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with self._process.stdout as output, self.log.open("ab") as log:
            for line in output:
                log.write(line)
                log.flush()
                text = line.decode(errors="replace").rstrip()
                self.last_lines.append(text)
                self._say(self.name, text)

    def signal(self, number: signal.Signals) -> None:
        """Ask it to end, or end it, paused or not."""
        self.expected_to_run = False
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            resume(self._process.pid)

    def pause(self) -> None:
        """Keep it from going on, as a long collection of garbage or a frozen machine would."""
        if self.pid is not None and self.exit_code is None:
            pause(self.pid)

    def resume(self) -> None:
        """Let it go on."""
        if self.pid is not None and self.exit_code is None:
            resume(self.pid)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended and its last line is passed on; end it hard when it takes too long."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._reader is not None:
            self._reader.join()

    def last_words(self) -> str:
        """How and with which lines it ended, in one line."""
        if self._reader is not None:
            self._reader.join(1.0)
        killed = self.exit_code is not None and self.exit_code < 0
        lines = "" if killed else " | ".join(line.strip()[:200] for line in list(self.last_lines)[-3:] if line.strip())
        code = self.exit_code
        ended = f"killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        return f"{ended}: {lines}" if lines else ended
