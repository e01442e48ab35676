"""What docker tells of the stack that COMPOSE_PROJECT_NAME and COMPOSE_FILE name."""

import json
import subprocess
from functools import cache
from typing import Any

from services.local.settings import REPOSITORY


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it, whatever comes of it."""
    return subprocess.run(
        ["docker", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60
    )


def told(*arguments: str) -> str:
    """What it says, when all is well."""
    done = docker(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def inside(service: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a running container, as whoever the service runs as."""
    return docker("compose", "exec", "--no-TTY", service, *command)


@cache
def containers() -> dict[str, dict[str, Any]]:
    """Every container of the stack that has run, by service."""
    ids = told("compose", "ps", "--all", "--quiet").split()
    found: list[dict[str, Any]] = json.loads(told("inspect", *ids))
    return {it["Config"]["Labels"]["com.docker.compose.service"]: it for it in found}


@cache
def images() -> dict[str, str]:
    """The images of these containers: what each says of itself, and every step of its making."""
    names = {it["Config"]["Image"] for it in containers().values()}
    history = ("history", "--no-trunc", "--format", "{{.CreatedBy}} {{.Comment}}")
    return {name: told("image", "inspect", name) + told(*history, name) for name in sorted(names)}
