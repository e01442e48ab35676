"""The embedded server: what it keeps, whom it lets in, what it recovers from."""

import os
import signal
import socket
from pathlib import Path

import pytest

from services.local.postgres import EmbeddedPostgres, Server
from services.local.processes import StartError, alive

pytestmark = pytest.mark.doors


def rows(server: Server, statement: str, *, database: str = "postgres", user: str = "", password: str = "") -> str:
    there = Server(server.url(database=database, user=user, password=password)) if user else server
    return there.psql("--command", statement).strip()


@pytest.fixture
def embedded(tmp_path: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(tmp_path, databases=("catalog", "cartdb"), durable=False)


def test_data_and_passwords_outlive_a_restart(embedded: EmbeddedPostgres) -> None:
    with embedded:
        embedded.server.create_database("catalog", owner_password="o'wner", app_password="app")
        rows(embedded.server, "CREATE TABLE kept ()", database="catalog", user="catalog_owner", password="o'wner")

    with EmbeddedPostgres(embedded.folder, databases=("catalog",), durable=False) as again:
        found = rows(again.server, "SELECT 'kept'::regclass", database="catalog", user="catalog_app", password="app")

    assert found == "kept"


def test_making_a_database_again_changes_its_passwords_only(embedded: EmbeddedPostgres) -> None:
    with embedded:
        embedded.server.create_database("catalog", owner_password="one", app_password="one")
        rows(embedded.server, "CREATE TABLE kept ()", database="catalog", user="catalog_owner", password="one")

        embedded.server.create_database("catalog", owner_password="two", app_password="two")

        found = rows(embedded.server, "SELECT 'kept'::regclass", database="catalog", user="catalog_app", password="two")
        assert found == "kept"
        with pytest.raises(StartError, match="password authentication failed"):
            rows(embedded.server, "SELECT 1", database="catalog", user="catalog_app", password="one")


@pytest.mark.parametrize("database", ["cartdb", "postgres", "template1"])
def test_a_role_is_let_into_its_own_database_only(embedded: EmbeddedPostgres, database: str) -> None:
    with embedded:
        for name in ("catalog", "cartdb"):
            embedded.server.create_database(name, owner_password="same", app_password="same")

        with pytest.raises(StartError, match=r"no pg_hba\.conf entry"):
            rows(embedded.server, "SELECT 1", database=database, user="catalog_owner", password="same")


def test_every_commit_is_written_down_unless_it_is_for_tests(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path) as embedded:
        settings = rows(embedded.server, "SELECT current_setting('fsync'), current_setting('synchronous_commit')")

    assert settings == "on|on"


def test_the_files_that_hold_secrets_are_the_owners_alone(embedded: EmbeddedPostgres) -> None:
    with embedded:
        modes = [(embedded.folder / name).stat().st_mode & 0o077 for name in ("data", "superuser")]

    assert modes == [0, 0]


def test_a_crashed_server_starts_again_with_what_was_committed(embedded: EmbeddedPostgres) -> None:
    with embedded:
        rows(embedded.server, "CREATE TABLE kept AS SELECT 1 AS one")
        embedded.crash()

        embedded.start()

        assert rows(embedded.server, "SELECT one FROM kept") == "1"


def test_a_server_left_by_a_killed_starter_is_stopped_and_replaced(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    left = embedded.pid
    assert left is not None
    with EmbeddedPostgres(embedded.folder, durable=False) as successor:
        assert embedded.pid is None
        assert successor.pid != left
        assert rows(successor.server, "SELECT 1") == "1"


def test_a_stale_pid_file_that_names_a_stranger_does_not_hurt_it(embedded: EmbeddedPostgres) -> None:
    with embedded:
        pass
    stranger = os.getpid()
    (embedded.folder / "data" / "postmaster.pid").write_text(f"{stranger}\n")

    with embedded:
        assert rows(embedded.server, "SELECT 1") == "1"

    assert alive(stranger)


def test_a_busy_port_is_said_in_one_line(embedded: EmbeddedPostgres) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", embedded.port))
        busy.listen()

        with pytest.raises(StartError) as refused:
            embedded.start()

    assert "could not create any TCP/IP sockets" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_interrupted_first_start_is_begun_anew(embedded: EmbeddedPostgres) -> None:
    half = embedded.folder / "data.unfinished"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with embedded:
        assert rows(embedded.server, "SELECT 1") == "1"


def test_stopping_closes_open_connections_instead_of_waiting(embedded: EmbeddedPostgres) -> None:
    embedded.start()
    pid = embedded.pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)

    embedded.stop()

    assert not alive(pid)
