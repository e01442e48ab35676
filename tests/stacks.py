"""The running stack that tests talk to: one of their own, docker compose's, or one that somebody else started."""

import os
import random
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from services.local.ports import is_free
from services.local.settings import PORTS, POSTGRES_PORT, REPOSITORY, Addresses, read_env
from services.local.stack import Plan, Stack, wait_until_ready

# Below the ports that systems hand out by themselves.
OFFSETS = range(1000, 20000, 10)


class RunningStack(Protocol):
    """What the tests know of it; services are named as in services/."""

    @property
    def url(self) -> str:
        """The shop."""
        ...

    @property
    def idp_url(self) -> str:
        """The identity provider."""
        ...

    @property
    def payments_url(self) -> str:
        """The payment processor."""
        ...

    @property
    def secrets(self) -> Mapping[str, str]:
        """What its services were told in secret, by the names of .env."""
        ...

    @property
    def addresses(self) -> Addresses:
        """Where each service answers, the inner ones too."""
        ...

    def database_url(self, service: str) -> str:
        """A service's database, as the service enters it."""
        ...

    def kill(self, name: str) -> None:
        """End a service, or `postgres`, without a chance to say goodbye."""
        ...

    def start(self, name: str) -> None:
        """Start it again and wait until it is ready."""
        ...

    def restart(self, name: str) -> None:
        """Ask it to end, and start it again."""
        ...

    def pause(self, name: str) -> None:
        """Keep it from going on: connections stay, and nobody answers."""
        ...

    def resume(self, name: str) -> None:
        """Let it go on where it was."""
        ...


class ForeignStack:
    """A stack that is there already, at ports that keep their distances."""

    def __init__(self, url: str, env_file: Path) -> None:
        port = urlsplit(url).port
        assert port is not None, f"BASE_URL={url} names no port"
        self.addresses = Addresses(port - PORTS["controller"])
        self.secrets = read_env(env_file) if env_file.exists() else {}

    @property
    def url(self) -> str:
        return self.addresses.public("controller")

    @property
    def idp_url(self) -> str:
        return self.addresses.public("idp")

    @property
    def payments_url(self) -> str:
        return self.addresses.public("payments")

    def database_url(self, service: str) -> str:
        port = 5432 if isinstance(self, ComposeStack) else self.addresses.postgres_port
        password = self.secrets[f"{service.upper()}_APP_PASSWORD"]
        return f"postgresql://{service}_app:{password}@127.0.0.1:{port}/{service}"

    def kill(self, name: str) -> None:
        pytest.skip(f"{name} of a stack that somebody else started is not ours to kill")

    def start(self, name: str) -> None:
        pytest.skip(f"{name} of a stack that somebody else started is not ours to start")

    def restart(self, name: str) -> None:
        pytest.skip(f"{name} of a stack that somebody else started is not ours to restart")

    def pause(self, name: str) -> None:
        pytest.skip(f"{name} of a stack that somebody else started is not ours to pause")

    def resume(self, name: str) -> None:
        pytest.skip(f"{name} of a stack that somebody else started is not ours to resume")


class ComposeStack(ForeignStack):
    """docker compose's; COMPOSE_FILE and COMPOSE_PROJECT_NAME say which."""

    def kill(self, name: str) -> None:
        self._compose("kill", name)

    def start(self, name: str) -> None:
        self._compose("start", name)
        self._await(name)

    def restart(self, name: str) -> None:
        self._compose("restart", name)
        self._await(name)

    def pause(self, name: str) -> None:
        self._compose("pause", name)

    def resume(self, name: str) -> None:
        self._compose("unpause", name)

    def _await(self, name: str) -> None:
        if name in PORTS:
            wait_until_ready(self.addresses, [name])

    def _compose(self, *arguments: str) -> None:
        subprocess.run(["docker", "compose", *arguments], cwd=REPOSITORY, check=True, capture_output=True)


def free_offset() -> int:
    """An offset at which a whole stack finds its ports free."""
    while True:
        offset = random.choice(OFFSETS)
        if all(is_free(port + offset) for port in (*PORTS.values(), POSTGRES_PORT)):
            return offset


def plan_in(folder: Path, **other: Any) -> Plan:
    """A stack of a test's own, that ends with it."""
    return Plan(folder, folder / ".env", port_offset=free_offset(), environment="test", durable=False, **other)


@contextmanager
def running_stack(folder: Path) -> Iterator[RunningStack]:
    """The stack at BASE_URL, else a new one in the folder, stopped at the end."""
    if url := os.environ.get("BASE_URL"):
        kind = ComposeStack if os.environ.get("COMPOSE_FILE") else ForeignStack
        stack = kind(url, REPOSITORY / ".env")
        wait_until_ready(stack.addresses, ["controller"])
        yield stack
        return
    with Stack(plan_in(folder, log_level="debug")) as own:
        yield own
