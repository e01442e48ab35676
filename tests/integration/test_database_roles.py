"""One role and one database for each service of the running stack, and one role that reads a few views."""

import asyncpg
import pytest

from services.local.settings import SERVICES
from tests.stacks import RunningStack

# What `make verify` reads, and nobody's address, card, session, token or password.
VERIFIED = {"catalog", "cartdb", "controller", "payments"}
FORBIDDEN = (
    "CREATE TABLE mine ()",
    "CREATE TEMPORARY TABLE mine ()",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE PUBLICATION everything FOR ALL TABLES",
    "ALTER TABLE alembic_version ADD COLUMN mine text",
    "DROP TABLE alembic_version",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('PG_VERSION')",
    "SET ROLE postgres",
)


def verifier_url(stack: RunningStack, service: str) -> str:
    address = stack.database_url(service).rpartition("@")[2]
    return f"postgresql://verifier:{stack.secrets['VERIFIER_PASSWORD']}@{address}"


async def refused(connection: asyncpg.Connection, statement: str) -> bool:
    try:
        await connection.execute(statement)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
        return True
    return False


@pytest.mark.parametrize("service", SERVICES)
async def test_a_services_role_is_no_superuser_and_changes_no_tables(stack: RunningStack, service: str) -> None:
    connection = await asyncpg.connect(stack.database_url(service))
    try:
        rights = await connection.fetchrow(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles "
            "WHERE rolname = current_user"
        )
        allowed = [statement for statement in FORBIDDEN if not await refused(connection, statement)]
    finally:
        await connection.close()

    assert rights is not None
    assert set(rights.values()) == {False}
    assert allowed == []


@pytest.mark.parametrize("service", SERVICES)
async def test_a_services_role_enters_no_neighbours_database(stack: RunningStack, service: str) -> None:
    entered = []
    for neighbour in {*SERVICES, "postgres", "template1"} - {service}:
        try:
            connection = await asyncpg.connect(stack.database_url(service), database=neighbour)
        except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidAuthorizationSpecificationError):
            continue
        # Anybody may enter these two, and finds nothing there.
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        await connection.close()
        entered += [neighbour] if tables or neighbour in SERVICES else []

    assert entered == []


@pytest.mark.parametrize("service", sorted(VERIFIED))
async def test_the_verifier_reads_its_views_and_no_table(stack: RunningStack, service: str) -> None:
    connection = await asyncpg.connect(verifier_url(stack, service))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        views = await connection.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'verify'")
        columns = await connection.fetch(
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'verify'"
        )
        readable = [row[0] for row in tables if not await refused(connection, f'SELECT * FROM "{row[0]}"')]
        writable = await connection.fetch(
            "SELECT table_schema, table_name FROM information_schema.role_table_grants "
            "WHERE grantee IN (current_user, 'PUBLIC') AND privilege_type <> 'SELECT' AND table_schema <> 'pg_catalog'"
        )
        # Its sessions only read unless they say otherwise; saying so must not help.
        await connection.execute("SET default_transaction_read_only = off")
        allowed = [statement for statement in FORBIDDEN if not await refused(connection, statement)]
    finally:
        await connection.close()

    assert len(tables) >= 2
    assert len(views) >= 1
    assert (readable, writable, allowed) == ([], [], [])
    told = ("email", "address", "name", "token", "secret", "password", "card", "hash", "fingerprint", "session")
    assert [row[0] for row in columns if any(word in row[0].partition(".")[2] for word in told)] == []


async def test_the_verifier_does_not_enter_the_providers_database(stack: RunningStack) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(verifier_url(stack, "idp"))
