"""Starting a stack here: ports, secrets, wishes and how their failures are said."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.local.ports import free_port, holder_of, require_free
from services.local.processes import Process, StartError, children_of, pause, resume
from services.local.run import plan_from
from services.local.settings import (
    REPOSITORY,
    SERVICES,
    Addresses,
    placeholder_secrets,
    read_env,
    secrets_in,
    settings_of,
)
from services.local.stack import Plan, Stack


def test_a_busy_port_is_said_with_who_wants_and_who_has_it() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]

        with pytest.raises(StartError) as refused:
            require_free({"idp": free_port(), "payments": port})

        assert str(port) in str(refused.value)
        assert "payments" in str(refused.value)
        assert f"process {os.getpid()}" in str(refused.value)


def test_a_free_port_has_no_holder() -> None:
    assert holder_of(free_port()) is None


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    file = tmp_path / ".env"

    first = secrets_in(file)
    second = secrets_in(file)

    assert first == second
    assert len(set(first.values())) == len(first)
    assert all(len(secret) >= 48 and "sample" not in secret for secret in first.values())
    assert file.stat().st_mode & 0o077 == 0


def test_what_is_missing_is_added_and_what_was_set_stays(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SESSION_SECRET=my own\nSHOP_CURRENCY=JPY\n")

    secrets = secrets_in(file)

    assert (secrets["SESSION_SECRET"], secrets["SHOP_CURRENCY"]) == ("my own", "JPY")
    assert set(placeholder_secrets()) <= set(secrets)


def test_secrets_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be written") as refused:
        secrets_in(tmp_path / "no such folder" / ".env")

    assert "\n" not in str(refused.value)


def test_compose_asks_for_every_secret_that_is_made(tmp_path: Path) -> None:
    asked = (REPOSITORY / "docker-compose.yml").read_text()

    assert [
        name for name in secrets_in(tmp_path / ".env") if f"${{{name}:?run deploy/make-env first}}" not in asked
    ] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_address_follows_the_port_offset(service: str) -> None:
    settings = settings_of(
        service,
        addresses=Addresses(700),
        secrets=placeholder_secrets(),
        database_url="",
        environment="test",
        log_level="info",
    )

    ports = [urlsplit(value).port for value in settings.values() if value.startswith("http://")]
    assert ports
    assert set(ports) <= set(range(8700, 8705))


def chosen(service: str, env_file: Path, lines: str) -> dict[str, str]:
    """A service's settings about the provider, by the lines of .env."""
    env_file.write_text(lines)
    settings = settings_of(
        service,
        addresses=Addresses(),
        secrets={**placeholder_secrets(), **read_env(env_file)},
        database_url="",
        environment="test",
        log_level="info",
    )
    return {name: value for name, value in settings.items() if name.startswith("OIDC_")}


def test_lines_of_the_env_file_choose_another_provider_which_privileges_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("OIDC_")]:
        monkeypatch.delenv(name)
    file = tmp_path / ".env"
    lines = "# ours\nOIDC_ISSUER='https://login.example.com/realm'\nOIDC_AUDIENCE=shop\nOIDC_CLIENT_SECRET=theirs\n"

    ours, theirs = (chosen("cartdb", file, given) for given in ("", lines))
    named = chosen("cartdb", file, f"{lines}OIDC_PRIVILEGED_SUBJECTS=shop\n")

    assert ours == {"OIDC_ISSUER": "http://localhost:8003", "OIDC_PRIVILEGED_SUBJECTS": "*"}
    issuer = {"OIDC_ISSUER": "https://login.example.com/realm"}
    assert theirs == {**issuer, "OIDC_AUDIENCE": "shop", "OIDC_PRIVILEGED_SUBJECTS": ""}
    assert named["OIDC_PRIVILEGED_SUBJECTS"] == "shop"
    assert chosen("controller", file, lines)["OIDC_CLIENT_SECRET"] == "theirs"


def test_the_plan_reads_its_wishes() -> None:
    plan = plan_from({"PORT_OFFSET": "100", "CONTROLLERS": "2", "CARTDBS": "", "LOG_LEVEL": "debug"})

    assert (plan.port_offset, plan.replicas, plan.log_level) == (100, {"controller": 2, "cartdb": 1}, "debug")


@pytest.mark.parametrize("wish", [{"PORT_OFFSET": "x"}, {"CONTROLLERS": "0"}, {"CARTDBS": "-1"}, {"CARTDBS": "1.5"}])
def test_a_wish_that_is_no_number_is_named(wish: dict[str, str]) -> None:
    (name,) = wish

    with pytest.raises(StartError, match=name):
        plan_from(wish)


def test_make_says_what_can_be_done_here() -> None:
    told = subprocess.run(["make", "-C", str(REPOSITORY)], capture_output=True, text=True, check=True).stdout

    assert all(f"make {target} " in told for target in ("run", "test", "check", "demo", "token", "up", "reset"))


def test_what_the_plan_sets_wins_over_the_shell_and_reaches_that_service_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENTS_URL", "http://127.0.0.1:1")
    line = {"PAYMENTS_URL": "http://127.0.0.1:9999", "RECONCILE_AFTER_SECONDS": "7"}
    plan = Plan(tmp_path, tmp_path / ".env", settings={"controller": line}, server_url="postgresql://u:p@host/postgres")
    stack = Stack(plan)

    assert line.items() <= stack.settings("controller").items()
    assert stack.settings("cartdb").keys() & line.keys() == set()


@contextmanager
def echoing(tmp_path: Path) -> Iterator[tuple[Process, int]]:
    """A program that answers at a port."""
    port = free_port()
    process = Process(
        "files",
        ("http.server", str(port), "--bind", "127.0.0.1"),
        settings={},
        log=tmp_path / "log",
        say=lambda *_: None,
    )
    process.start()
    try:
        wait_until(lambda: answers(port))
        yield process, port
    finally:
        process.signal(signal.SIGKILL)
        process.wait(5)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=0.3):
            return True
    except OSError:
        return False


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_paused_process_is_silent_until_it_is_resumed(tmp_path: Path) -> None:
    with echoing(tmp_path) as (process, port):
        process.pause()
        silent = not answers(port)
        process.resume()

        assert silent
        wait_until(lambda: answers(port))
        assert process.expected_to_run


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_paused_process_ends_when_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    with echoing(tmp_path) as (process, _):
        process.pause()

        process.signal(how)
        started = time.monotonic()
        process.wait(8)

        assert process.exit_code == -how
        assert time.monotonic() - started < 4


def test_a_pause_reaches_the_children_too() -> None:
    parent = subprocess.Popen(("sh", "-c", "sleep 60 & sleep 60 & wait"))
    try:
        wait_until(lambda: len(children_of(parent.pid)) == 2)
        family = {parent.pid, *children_of(parent.pid)}

        pause(parent.pid)
        wait_until(lambda: {state_of(pid) for pid in family} == {"T"})
        resume(parent.pid)
        wait_until(lambda: {state_of(pid) for pid in family} == {"S"})
    finally:
        for pid in (*children_of(parent.pid), parent.pid):
            os.kill(pid, signal.SIGKILL)
        parent.wait()


def state_of(pid: int) -> str:
    if (status := Path(f"/proc/{pid}/stat")).exists():
        return status.read_text().rpartition(")")[2].split()[0]
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    return told.strip()[0]
