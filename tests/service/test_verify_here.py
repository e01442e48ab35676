"""`make verify` finds the PostgreSQL of `make run`, whether it runs or not."""

from pathlib import Path

import pytest

from services.local.ports import is_free
from services.local.postgres import EmbeddedPostgres, Server
from services.local.processes import StartError
from services.local.settings import SERVICES, Addresses
from services.local.stack import Plan, drop_lock, take_lock
from services.local.verify import databases_of, reachable
from tests.stacks import free_offset


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A stack that has never run."""
    return Plan(tmp_path, tmp_path / ".env", port_offset=free_offset(), durable=False)


def postgres_of(plan: Plan) -> EmbeddedPostgres:
    port = Addresses(plan.port_offset).postgres_port
    return EmbeddedPostgres(plan.folder / "postgres", port=port, databases=sorted(SERVICES), durable=False)


def test_a_stack_that_never_ran_has_nothing_to_check(plan: Plan) -> None:
    with pytest.raises(StartError, match="nothing to check yet") as told, reachable(plan):
        pass

    assert f"PORT_OFFSET={plan.port_offset}: no database in {plan.folder}/." in str(told.value)
    assert "make verify PORT_OFFSET=n" in str(told.value)


def test_a_stopped_stacks_postgres_runs_for_the_check_and_not_longer(plan: Plan) -> None:
    with postgres_of(plan):
        pass

    with reachable(plan) as server:
        server.create_verifier("v")
        assert server.psql("--command", "SELECT rolname FROM pg_roles WHERE rolname = 'verifier'").strip() == "verifier"

    assert is_free(Addresses(plan.port_offset).postgres_port)
    drop_lock(take_lock(plan.folder))


def test_a_running_stacks_postgres_is_used_as_it_is_and_goes_on(plan: Plan) -> None:
    with postgres_of(plan) as postgres:
        lock = take_lock(plan.folder)
        pid = postgres.pid

        with reachable(plan) as server:
            assert server.psql("--command", "SELECT 1").strip() == "1"

        assert postgres.pid == pid
        drop_lock(lock)


def test_a_server_of_ones_own_is_taken_as_given(plan: Plan) -> None:
    given = Plan(plan.folder, plan.env_file, server_url="postgresql://postgres:p@db.example:5433/postgres")

    with reachable(given) as server:
        books = databases_of(server, {"VERIFIER_PASSWORD": "v/w"})

    assert isinstance(server, Server)
    assert books.payments == "postgresql://verifier:v%2Fw@db.example:5433/payments"
