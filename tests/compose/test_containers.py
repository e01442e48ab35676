"""What a container may do, when somebody has got into it."""

import re

import httpx
import pytest

from services.local.settings import PORTS, REPOSITORY, SERVICES, read_env
from tests.compose.docker import containers, docker, images, inside, told
from tests.leaks import by_shape

RUNNING = (*SERVICES, "postgres")
PUBLISHED = {"controller", "idp", "payments"}
SECRETS = {
    name: value
    for name, value in read_env(REPOSITORY / ".env").items()
    if name not in {"PAYMENTS_PUBLISHABLE_KEY", "SHOP_CURRENCY"}
}
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


def test_every_container_has_few_rights_and_its_limits() -> None:
    assert set(RUNNING) < set(containers())

    for name, container in containers().items():
        host = container["HostConfig"]
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert host["ReadonlyRootfs"], name
        assert 0 < host["Memory"] <= 1024**3, name
        assert 0 < host["PidsLimit"] <= 400, name
        assert host["NanoCpus"] > 0, name
        assert host["PidMode"] != "host", name
        assert host["NetworkMode"] != "host", name
        assert [mount for mount in container["Mounts"] if mount["Type"] == "bind" and mount["RW"]] == [], name


@pytest.mark.parametrize("service", RUNNING)
def test_a_running_container_says_that_it_is_healthy(service: str) -> None:
    assert containers()[service]["State"]["Health"]["Status"] == "healthy"


@pytest.mark.parametrize("service", RUNNING)
def test_nobody_in_a_container_is_root(service: str) -> None:
    known = inside(service, "id", "-u")
    held = inside(service, "cat", "/proc/1/status").stdout

    assert known.stdout.strip() not in {"", "0"}
    assert re.findall(r"^Cap(?:Prm|Eff|Bnd|Amb):\s*(\w+)$", held, flags=re.MULTILINE) == ["0" * 16] * 4
    assert re.findall(r"^NoNewPrivs:\s*(\d)$", held, flags=re.MULTILINE) == ["1"]


@pytest.mark.parametrize("folder", ["/", "/app", "/usr/local/bin", "/etc"])
@pytest.mark.parametrize("service", SERVICES)
def test_nothing_can_be_written_but_what_is_thrown_away(service: str, folder: str) -> None:
    refused = inside(service, "sh", "-c", f"echo x > {folder.rstrip('/')}/written")

    assert refused.returncode != 0
    assert "Read-only file system" in refused.stderr
    assert inside(service, "sh", "-c", "echo x > /tmp/written && rm /tmp/written").returncode == 0


def test_postgres_writes_its_data_and_nothing_else() -> None:
    refused = inside("postgres", "sh", "-c", "echo x > /written")

    assert "Read-only file system" in refused.stderr
    assert inside("postgres", "test", "-w", "/var/lib/postgresql/data").returncode == 0


# --- who reaches whom


def test_the_plain_stack_publishes_three_ports_on_this_machine() -> None:
    plain = told("compose", "--file", "docker-compose.yml", "config")

    assert set(re.findall(r'published: "(\d+)"', plain)) == {str(PORTS[name]) for name in PUBLISHED}
    assert set(re.findall(r"host_ip: (\S+)", plain)) == {"127.0.0.1"}


@pytest.mark.parametrize("service", RUNNING)
def test_what_is_published_is_published_on_this_machine_only(service: str) -> None:
    bindings = [one for port in containers()[service]["NetworkSettings"]["Ports"].values() for one in port or ()]

    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}


@pytest.mark.parametrize("service", RUNNING)
def test_from_outside_only_what_is_published_can_be_reached(service: str) -> None:
    # given: somebody beside the stack, on the network that the published ports are on
    network = f"{containers()['controller']['Config']['Labels']['com.docker.compose.project']}_outside"
    port = PORTS.get(service, 5432)

    # when
    tried = docker(
        "run", "--rm", "--network", network, "python-cart/catalog", "python", "-c", CONNECT, service, str(port)
    )

    # then
    assert (tried.returncode == 0) == (service in PUBLISHED), tried.stderr
    assert tried.returncode == 0 or "Name or service not known" in tried.stderr or "resolution" in tried.stderr


def test_from_inside_no_way_leads_out() -> None:
    within = ("compose", "run", "--rm", "--no-deps", "--no-TTY", "--entrypoint", "python", "verify", "-c", CONNECT)

    out = docker(*within, "192.0.2.1", "80")

    assert docker(*within, "postgres", "5432").returncode == 0
    assert "Network is unreachable" in out.stderr


# --- secrets


def test_no_image_holds_a_secret() -> None:
    assert len(images()) == len(SERVICES) + 1
    for name, text in images().items():
        assert [secret for secret, value in SECRETS.items() if value in text] == [], name
        assert [kind for kind, _ in by_shape(re.sub(r"sha256:\w+|[0-9a-f]{64}", "", text))] == [], name


def test_no_command_line_holds_a_secret() -> None:
    commands = told("compose", "top")

    assert "services.chassis.serve" in commands
    assert [name for name, value in SECRETS.items() if value in commands] == []


def test_the_secrets_are_readable_by_their_owner_alone() -> None:
    assert (REPOSITORY / ".env").stat().st_mode & 0o777 == 0o600
    assert len(SECRETS) >= 17
    assert min(map(len, SECRETS.values())) >= 48


def test_a_service_holds_no_secret_that_is_not_its_own() -> None:
    held = {
        service: {
            name for name, value in SECRETS.items() if any(value in it for it in containers()[service]["Config"]["Env"])
        }
        for service in SERVICES
    }

    assert held == {
        "catalog": {"CATALOG_APP_PASSWORD"},
        "cartdb": {"CARTDB_APP_PASSWORD"},
        "idp": {"IDP_APP_PASSWORD", "OIDC_CLIENT_SECRET", "CATALOG_CLIENT_SECRET"},
        "payments": {
            *("PAYMENTS_APP_PASSWORD", "PAYMENTS_SECRET_KEY", "PAYMENTS_WEBHOOK_SECRET", "FINGERPRINT_SECRET"),
        },
        "controller": {
            *("CONTROLLER_APP_PASSWORD", "SESSION_SECRET", "OIDC_CLIENT_SECRET"),
            *("PAYMENTS_SECRET_KEY", "PAYMENTS_WEBHOOK_SECRET"),
        },
    }


def test_health_is_told_to_anybody() -> None:
    answers = {name: httpx.get(f"http://127.0.0.1:{PORTS[name]}/health/ready").status_code for name in PUBLISHED}

    assert set(answers.values()) == {200}
