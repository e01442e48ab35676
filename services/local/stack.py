"""A whole stack on this machine: PostgreSQL, five databases, the services' processes; up, watched, down."""

import fcntl
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from services.chassis.migrate import migrate

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
    """

    folder: Path
    env_file: Path
    port_offset: int = 0
    environment: str = "development"
    log_level: str = "warning"
    replicas: Mapping[str, int] = field(default_factory=dict)
    server_url: str | None = None
    durable: bool = True


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
        self.server: Server | None = None
        self._say = say
        self._tell = tell
        self._postgres: EmbeddedPostgres | None = None
        self._processes: dict[str, Process] = {}
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
        self._take_lock()
        self._stop_leftovers()
        require_free({service: self.addresses.port(service) for service in SERVICES})
        self._secrets = secrets_in(self.plan.env_file)
        self.server = self._open_server()
        self._prepare_databases()
        self._load_goods()
        self._start_services()

    def down(self) -> None:
        """Stop everything, the services first and PostgreSQL last."""
        for process in self._processes.values():
            process.signal(signal.SIGTERM)
        for process in self._processes.values():
            process.wait(STOP_SECONDS)
        self._processes.clear()
        if self._postgres is not None:
            self._postgres.stop()
            self._postgres = None
        if self._lock is not None:
            self._notes.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def kill(self, name: str) -> None:
        """End a service, or one replica of it (`cartdb-2`), without a chance to say goodbye."""
        for process in self._named(name):
            process.signal(signal.SIGKILL)
            process.wait(STOP_SECONDS)

    def start(self, name: str) -> None:
        """Start what `kill` ended, and wait until it is ready."""
        for process in self._named(name):
            process.start()
        self._note_processes()
        self.wait_until_ready([name.partition("-")[0]])

    def wait_until_ready(self, services: Iterable[str] = SERVICES, *, seconds: float = READY_SECONDS) -> None:
        """Wait until services say that they can do their work.

        Raises:
            StartError: one stopped, or is not ready in time.
        """
        deadline = time.monotonic() + seconds
        for service in services:
            while not is_ready(self.addresses.inside(service)):
                for process in self.stopped():
                    raise StartError(f"{process.name} stopped ({process.last_words()})")
                if time.monotonic() > deadline:
                    raise StartError(f"{service} is not ready after {seconds:.0f} s: see {self._logs / service}.log")
                time.sleep(POLL_SECONDS)

    def stopped(self) -> list[Process]:
        """The processes that have ended although nobody asked them to."""
        return [
            process for process in self._processes.values() if process.expected_to_run and process.exit_code is not None
        ]

    def postgres_stopped(self) -> bool:
        """Whether the embedded server ended by itself."""
        return self._postgres is not None and self._postgres.pid is None

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

    def _take_lock(self) -> None:
        path = self.plan.folder / "lock"
        lock = path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise StartError(
                f"A stack already runs from {self.plan.folder} (process {holder}): stop it first."
            ) from taken
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _stop_leftovers(self) -> None:
        if not self._notes.exists():
            return
        noted: dict[str, int] = json.loads(self._notes.read_text() or "{}")
        for command, pid in noted.items():
            stop_leftover(pid, recognised_by=command, how=signal.SIGKILL, seconds=STOP_SECONDS)

    def _note_processes(self) -> None:
        self._notes.write_text(json.dumps({process.command: process.pid for process in self._processes.values()}))

    def _open_server(self) -> Server:
        if self.plan.server_url:
            return Server(self.plan.server_url)
        self._tell("PostgreSQL")
        self._postgres = EmbeddedPostgres(
            self.plan.folder / "postgres", databases=sorted(SERVICES), durable=self.plan.durable
        )
        return self._postgres.start()

    def _prepare_databases(self) -> None:
        self._tell("databases")
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            list(pool.map(self._create_database, SERVICES))
        # In a thread, because Alembic's environment starts an event loop; one by one, because it is one per process.
        with ThreadPoolExecutor(1) as pool:
            for service in SERVICES:
                pool.submit(migrate, service, self._database_url(service, "owner")).result()

    def _create_database(self, service: str) -> None:
        assert self.server is not None
        owner_password, app_password = (
            self._secrets[f"{service.upper()}_{role}_PASSWORD"] for role in ("OWNER", "APP")
        )
        self.server.create_database(service, owner_password=owner_password, app_password=app_password)

    def _database_url(self, service: str, role: str) -> str:
        assert self.server is not None
        password = self._secrets[f"{service.upper()}_{role.upper()}_PASSWORD"]
        return self.server.url(database=service, user=f"{service}_{role}", password=password)

    def settings(self, service: str) -> dict[str, str]:
        """The environment variables that a service of this stack runs with."""
        return settings_of(
            service,
            addresses=self.addresses,
            secrets=self._secrets,
            database_url=self._database_url(service, "app"),
            environment=self.plan.environment,
            log_level=self.plan.log_level,
        )

    def _load_goods(self) -> None:
        loaded = self.plan.folder / "goods-loaded"
        if loaded.exists():
            return
        self._tell("demo goods")
        loader = self._process("goods", ("services.catalog.load", str(GOODS)), "catalog")
        loader.start()
        loader.wait(READY_SECONDS)
        if loader.exit_code != 0:
            raise StartError(f"The demo goods cannot be loaded ({loader.last_words()})")
        loaded.touch()

    def _process(self, name: str, arguments: tuple[str, ...], service: str) -> Process:
        self._logs.mkdir(exist_ok=True)
        log = self._logs / f"{name}.log"
        log.write_bytes(b"")
        return Process(name, arguments, settings=self.settings(service), log=log, say=self._say)

    def _start_services(self) -> None:
        self._tell("services")
        for service in SERVICES:
            for name, arguments in self._commands(service).items():
                self._processes[name] = self._process(name, arguments, service)
        for process in self._processes.values():
            process.start()
        self._note_processes()
        self.wait_until_ready()

    def _commands(self, service: str) -> dict[str, tuple[str, ...]]:
        port = self.addresses.port(service)
        count = self.plan.replicas.get(service, 1)
        if count == 1:
            return {service: ("services.chassis.serve", service, str(port))}
        backends = [free_port() for _ in range(count)]
        replicas = {
            f"{service}-{number}": ("services.chassis.serve", service, str(backend))
            for number, backend in enumerate(backends, 1)
        }
        return {**replicas, f"{service}-proxy": ("services.local.proxy", str(port), *map(str, backends))}


def is_ready(url: str) -> bool:
    """Whether a service answers that it can do its work."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:  # noqa: S310 - always http
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
