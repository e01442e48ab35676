"""A whole stack on this machine: PostgreSQL, five databases, the services' processes; up, watched, down."""

import fcntl
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.migrate import TableInUseError, migrate

from .ports import free_port, require_free
from .postgres import EmbeddedPostgres, Server
from .processes import Process, Say, StartError, stop_leftover
from .settings import REPOSITORY, SERVICES, Addresses, Secrets, secrets_in, settings_of

READY_SECONDS = 45.0
STOP_SECONDS = 8.0
POLL_SECONDS = 0.05
GOODS = REPOSITORY / "services" / "catalog" / "goods.csv"


def _keep_quiet(_: str, __: str) -> None:
    """For stacks that only write their log files."""


@dataclass(frozen=True)
class Plan:
    """What is wanted.

    Attributes:
        folder: data, logs and notes of this stack.
        env_file: its secrets, made if missing.
        port_offset: added to every port, so that stacks can stand side by side.
        replicas: services that run several times behind a proxy.
        server_url: an existing PostgreSQL's superuser, instead of the embedded one.
        durable: False only where the data may be lost with the power, as in tests.
        settings: by service, environment variables that win over everything else.
        services: what runs; others stand in for the rest.
    """

    folder: Path
    env_file: Path
    port_offset: int = 0
    environment: str = "development"
    log_level: str = "warning"
    replicas: Mapping[str, int] = field(default_factory=dict)
    server_url: str | None = None
    durable: bool = True
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    services: Sequence[str] = SERVICES


class Stack:
    """Goes up and down as one; each service can be killed and started alone meanwhile."""

    def __init__(self, plan: Plan, *, say: Say = _keep_quiet, tell: Callable[[str], None] = lambda _: None) -> None:
        """Know the plan; nothing happens before `up`.

        Args:
            say: hears every line of every service.
            tell: hears what is being done.
        """
        self.plan = plan
        self.addresses = Addresses(plan.port_offset)
        self._say = say
        self._up = False
        self._tell = tell
        self._postgres = None if plan.server_url else self._embedded()
        self._processes: dict[str, Process] = {}
        self._replica_ports: dict[str, int] = {}
        self._secrets: Secrets = {}
        self._lock: IO[str] | None = None

    @property
    def url(self) -> str:
        """The shop's public address."""
        return self.addresses.public("controller")

    @property
    def idp_url(self) -> str:
        """The provider's public address, its issuer."""
        return self.addresses.public("idp")

    @property
    def payments_url(self) -> str:
        """The processor's public address."""
        return self.addresses.public("payments")

    @property
    def server(self) -> Server:
        """The PostgreSQL server, as its superuser reaches it."""
        if self._postgres is not None:
            return self._postgres.server
        assert self.plan.server_url is not None
        return Server(self.plan.server_url)

    @property
    def secrets(self) -> Mapping[str, str]:
        """What the services were told in secret."""
        return self._secrets

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        """Start everything and wait until all of it is ready.

        Raises:
            StartError: what is in the way.
        """
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        self._lock = take_lock(self.plan.folder)
        self._stop_leftovers()
        require_free(self._wanted_ports())
        self._secrets = secrets_in(self.plan.env_file)
        if self._postgres is not None:
            self._tell("PostgreSQL")
            self._postgres.start()
        self._prepare_databases()
        self._load_demo_goods()
        self._start_services()

    def down(self) -> None:
        """Stop everything, the services first and PostgreSQL last."""
        self._up = False
        if self._postgres is not None:
            self._postgres.resume()
        self._end(list(self._processes.values()))
        self._processes.clear()
        if self._postgres is not None:
            self._postgres.stop()
        if self._lock is not None:
            self._notes.unlink(missing_ok=True)
            drop_lock(self._lock)
            self._lock = None

    def kill(self, name: str) -> None:
        """End a service, one replica of it (`cartdb-2`) or `postgres`, without a chance to say goodbye."""
        if name == "postgres":
            assert self._postgres is not None
            self._postgres.crash()
            return
        for process in self._named(name):
            process.signal(signal.SIGKILL)
            process.wait(STOP_SECONDS)

    def start(self, name: str) -> None:
        """Start what `kill` ended, and wait until it is ready.

        On Linux the kernel ends what was started together with the thread that started it: call this from a thread
        that lives as long as the stack.
        """
        if name == "postgres":
            assert self._postgres is not None
            self._postgres.start()
            return
        for process in self._named(name):
            if process.exit_code is not None:
                self.revive(process)
        self._wait_until_ready([name])

    def restart(self, name: str) -> None:
        """Ask a service, one replica of it or `postgres` to end, and start it again; see `start` for the thread."""
        if name == "postgres":
            assert self._postgres is not None
            self._postgres.stop()
        else:
            self._end(self._named(name))
        self.start(name)

    def pause(self, name: str) -> None:
        """Keep a service, one replica of it or `postgres` from going on; its connections stay, and nobody answers."""
        for process in self._pausable(name):
            process.pause()

    def resume(self, name: str) -> None:
        """Let what `pause` stopped go on where it was."""
        for process in self._pausable(name):
            process.resume()

    def address_of(self, name: str) -> str:
        """Where a service answers, or one replica of it past the proxy."""
        port = self._replica_ports.get(name)
        return f"http://127.0.0.1:{port}" if port is not None else self.addresses.inside(name.partition("-")[0])

    def replicas(self, service: str) -> list[str]:
        """The address of each process of a service, past the proxy that may stand before them."""
        command = ["services.chassis.serve", service]
        commands = [process.command.split() for process in self._processes.values()]
        return [f"http://127.0.0.1:{words[2]}" for words in commands if words[:2] == command]

    def stopped(self) -> list[Process]:
        """The processes that have ended although nobody asked them to."""
        return [
            process for process in self._processes.values() if process.expected_to_run and process.exit_code is not None
        ]

    def postgres_stopped(self) -> bool:
        """Whether the embedded server ended by itself."""
        return self._postgres is not None and self._postgres.pid is None

    def revive(self, process: Process) -> None:
        """Start a process again that ended by itself."""
        process.start()
        self._note_processes()

    def database_url(self, service: str, role: str = "app") -> str:
        """A service's database, as one of its roles enters it."""
        password = self._secrets[f"{service.upper()}_{role.upper()}_PASSWORD"]
        return self.server.url(database=service, user=f"{service}_{role}", password=password)

    def settings(self, service: str) -> dict[str, str]:
        """The environment variables that a service of this stack runs with."""
        self._secrets = self._secrets or secrets_in(self.plan.env_file)
        settings = settings_of(
            service,
            addresses=self.addresses,
            secrets=self._secrets,
            database_url=self.database_url(service, "app"),
            environment=self.plan.environment,
            log_level=self.plan.log_level,
        )
        return {**settings, **self.plan.settings.get(service, {})}

    @property
    def _logs(self) -> Path:
        return self.plan.folder / "logs"

    @property
    def _notes(self) -> Path:
        return self.plan.folder / "processes.json"

    def _named(self, name: str) -> list[Process]:
        found = [p for p in self._processes.values() if name in {p.name, p.name.partition("-")[0]}]
        if not found:
            raise KeyError(name)
        return found

    def _pausable(self, name: str) -> Sequence[Process | EmbeddedPostgres]:
        if name != "postgres":
            return self._named(name)
        assert self._postgres is not None
        return [self._postgres]

    def _end(self, processes: Iterable[Process]) -> None:
        ending = list(processes)
        for process in ending:
            process.signal(signal.SIGTERM)
        for process in ending:
            process.wait(STOP_SECONDS)

    def _stop_leftovers(self) -> None:
        noted: dict[str, int] = json.loads(self._notes.read_text()) if self._notes.exists() else {}
        for command, pid in noted.items():
            stop_leftover(pid, recognised_by=command, how=signal.SIGKILL, seconds=STOP_SECONDS)
        if self._postgres is not None:
            self._postgres.stop_leftover()

    def _note_processes(self) -> None:
        self._notes.write_text(json.dumps({process.command: process.pid for process in self._processes.values()}))

    def _embedded(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(
            self.plan.folder / "postgres",
            port=self.addresses.postgres_port,
            databases=sorted(self.plan.services),
            durable=self.plan.durable,
        )

    def _wanted_ports(self) -> dict[str, int]:
        services = {service: self.addresses.port(service) for service in self.plan.services}
        return services if self._postgres is None else {**services, "PostgreSQL": self.addresses.postgres_port}

    def _prepare_databases(self) -> None:
        self._tell("databases")
        # Before the migrations, which show it what it may see.
        self.server.create_verifier(self._secrets["VERIFIER_PASSWORD"])
        with ThreadPoolExecutor(len(self.plan.services)) as pool:
            list(pool.map(self._create_database, self.plan.services))
        # In a thread, because Alembic's environment starts an event loop; one by one, because it is one per process.
        with ThreadPoolExecutor(1) as pool:
            for service in self.plan.services:
                pool.submit(self._migrate, service).result()

    def _migrate(self, service: str) -> None:
        try:
            migrate(service, self.database_url(service, "owner"))
        except (CommandError, SQLAlchemyError, TableInUseError) as failure:
            what = " ".join(str(failure).split())
            raise StartError(f"The database {service} cannot be brought up to date: {what}") from failure

    def _create_database(self, service: str) -> None:
        owner_password, app_password = (
            self._secrets[f"{service.upper()}_{role}_PASSWORD"] for role in ("OWNER", "APP")
        )
        self.server.create_database(service, owner_password=owner_password, app_password=app_password)

    def _load_demo_goods(self) -> None:
        self._tell("demo goods")
        loader = self._process("goods", ("services.catalog.load", "--if-empty", str(GOODS)), "catalog")
        loader.start()
        loader.wait(READY_SECONDS)
        if loader.exit_code != 0:
            raise StartError(f"The demo goods cannot be loaded ({loader.last_words()})")

    def _process(self, name: str, arguments: tuple[str, ...], service: str) -> Process:
        self._logs.mkdir(exist_ok=True)
        log = self._logs / f"{name}.log"
        log.write_bytes(b"")
        return Process(name, arguments, settings=self.settings(service), log=log, say=self._heard)

    def _heard(self, name: str, line: str) -> None:
        # While the services look for each other they complain about nothing; what matters is in their logs too.
        if self._up:
            self._say(name, line)

    def _start_services(self) -> None:
        self._tell("services")
        for service in self.plan.services:
            for name, arguments in self._commands(service).items():
                self._processes[name] = self._process(name, arguments, service)
        for process in self._processes.values():
            process.start()
        self._note_processes()
        self._wait_until_ready(self.plan.services)
        self._up = True

    def _wait_until_ready(self, names: Iterable[str]) -> None:
        # Each replica by itself too: through the proxy any one of them would do.
        replicas = (replica for name in names for replica in self._replica_ports if replica.startswith(f"{name}-"))
        for name in (*names, *replicas):
            wait_until_answering(name, self.address_of(name), stopped=self.stopped)

    def _commands(self, service: str) -> dict[str, tuple[str, ...]]:
        port = self.addresses.port(service)
        count = self.plan.replicas.get(service, 1)
        if count == 1:
            return {service: ("services.chassis.serve", service, str(port))}
        backends = [free_port() for _ in range(count)]
        ports = {f"{service}-{number}": backend for number, backend in enumerate(backends, 1)}
        self._replica_ports |= ports
        replicas = {name: ("services.chassis.serve", service, str(port)) for name, port in ports.items()}
        return {**replicas, f"{service}-proxy": ("services.local.proxy", str(port), *map(str, backends))}


class AlreadyRunsError(StartError):
    """Somebody else has the folder."""


def take_lock(folder: Path) -> IO[str]:
    """Have a stack's folder for oneself, until `drop_lock` or the end of the process.

    Raises:
        AlreadyRunsError: another process has it.
    """
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as taken:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise AlreadyRunsError(f"A stack already runs from {folder} (process {holder}): stop it first.") from taken
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def drop_lock(lock: IO[str]) -> None:
    """Let others have the folder."""
    lock.truncate(0)
    lock.close()


def wait_until_ready(
    addresses: Addresses,
    services: Iterable[str],
    *,
    stopped: Callable[[], list[Process]] = list,
    seconds: float = READY_SECONDS,
) -> None:
    """Wait until services say that they can do their work.

    Raises:
        StartError: one stopped, or is not ready in time.
    """
    deadline = time.monotonic() + seconds
    for service in services:
        left = deadline - time.monotonic()
        wait_until_answering(service, addresses.inside(service), stopped=stopped, seconds=left)


def wait_until_answering(
    name: str, url: str, *, stopped: Callable[[], list[Process]] = list, seconds: float = READY_SECONDS
) -> None:
    """Wait until the service, or the one replica, at an address says that it can do its work.

    Raises:
        StartError: one stopped, or it is not ready in time.
    """
    deadline = time.monotonic() + seconds
    while (obstacle := obstacle_of(url)) is not None:
        for process in stopped():
            raise StartError(f"{process.name} stopped ({process.last_words()}; more in {process.log})")
        if time.monotonic() > deadline:
            raise StartError(f"{name} is not ready after {seconds:.0f} s: {obstacle}")
        time.sleep(POLL_SECONDS)


def obstacle_of(url: str) -> str | None:
    """What keeps a service from being ready, None when it is."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5):  # noqa: S310 - always http
            return None
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read().decode(errors="replace")
    except OSError as failure:
        return str(failure)
