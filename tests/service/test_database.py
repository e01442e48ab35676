"""What keeps one service out of another's data, and an answer from being given before its commit."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest
from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import IntegrityError
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis import database as chassis_database
from services.chassis.app import create_service
from services.chassis.database import Database, FastDatabase
from services.chassis.settings import ServiceSettings
from services.contracts.problems import Unavailable
from tests.conftest import MakeDatabase
from tests.serving import serving


async def test_an_app_role_reads_and_writes_but_makes_no_tables(make_database: MakeDatabase) -> None:
    urls = await make_database("catalog")
    owner = await asyncpg.connect(urls.owner)
    app = await asyncpg.connect(urls.app)
    await owner.execute("CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY, name text)")

    await app.execute("INSERT INTO things (name) VALUES ('apple')")
    names = await app.fetch("UPDATE things SET name = 'banana' RETURNING name")
    for forbidden in ("CREATE TABLE mine ()", "CREATE TEMPORARY TABLE mine ()", "DROP TABLE things", "TRUNCATE things"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(forbidden)

    assert [row["name"] for row in names] == ["banana"]
    assert await owner.fetchval("SELECT count(*) FROM things") == 1
    await app.close()
    await owner.close()


@pytest.mark.parametrize("role", ["app", "owner"])
async def test_a_role_cannot_enter_a_neighbours_database(make_database: MakeDatabase, role: str) -> None:
    catalog = await make_database("catalog")
    cartdb = await make_database("cartdb")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(getattr(cartdb, role), database=catalog.name)


async def test_a_wrong_password_is_refused(make_database: MakeDatabase) -> None:
    urls = await make_database("catalog")

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(urls.app, password="guessed")


async def test_two_databases_of_one_service_share_nothing(make_database: MakeDatabase) -> None:
    first = await asyncpg.connect((await make_database("catalog")).owner)
    second = await asyncpg.connect((await make_database("catalog")).owner)

    await first.execute("CREATE TABLE only_here ()")

    assert await second.fetchval("SELECT to_regclass('only_here')") is None
    await first.close()
    await second.close()


async def test_a_session_that_the_server_has_ended_is_no_inner_error(make_database: MakeDatabase) -> None:
    urls = await make_database("catalog")
    server = await asyncpg.connect(urls.app)

    async with FastDatabase(urls.app, pool_size=1) as database:
        for turns in range(40):
            # given: the server says farewell to the pool's connection, of which more or less has been seen yet
            session = await database.one_statement("SELECT pg_backend_pid() AS pid")
            assert session is not None
            await server.execute("SELECT pg_terminate_backend($1)", session["pid"])
            for _ in range(turns % 20):
                await asyncio.sleep(0)

            # when, then: it is either noticed, or told as what it is
            with suppress(Unavailable):
                row = await database.one_statement("SELECT $1::integer AS told", turns)
                assert row is not None
                assert row["told"] == turns
    await server.close()


STARTING_UP = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"
REFUSES_TLS = b"N"


@asynccontextmanager
async def dying_server(*answers: bytes) -> AsyncIterator[str]:
    """Takes connections, gives so many answers and hangs up."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(1000)
            writer.write(answer)
        await reader.read(1000)
        writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"postgresql://app:sample@127.0.0.1:{server.sockets[0].getsockname()[1]}/catalog"


def fatal(message: bytes) -> bytes:
    return b"E" + (len(message) + 4).to_bytes(4, "big") + message


@pytest.mark.parametrize("kind", [Database, FastDatabase])
@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([], id="before it has said a word"),
        pytest.param([REFUSES_TLS], id="after the first word"),
        pytest.param([REFUSES_TLS, b"R\0\0\0"], id="in the middle of a word"),
        pytest.param([REFUSES_TLS, fatal(STARTING_UP)], id="because it starts up"),
    ],
)
async def test_a_connection_that_breaks_while_it_is_made_is_no_inner_error(
    kind: type[Database | FastDatabase], answers: list[bytes]
) -> None:
    async def nothing(_: object) -> None:
        raise AssertionError("there is no connection")

    async def look(session: AsyncSession) -> None:
        await (await session.connection()).execute(text("SELECT 1"))

    async with dying_server(*answers) as url, kind(url) as database:
        with pytest.raises(Unavailable):
            await database.transact(look if isinstance(database, Database) else nothing)


BREAKS = {
    "ended by an operator": ("SELECT pg_terminate_backend(pg_backend_pid())", 0.0),
    "too slow": ("SELECT set_config('statement_timeout', '20', true), pg_sleep(0)", 0.0),
    "idle for too long": ("SELECT set_config('idle_in_transaction_session_timeout', '20', true)", 0.5),
}


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("kind", [Database, FastDatabase])
async def test_a_transaction_that_the_server_ends_is_no_inner_error(
    make_database: MakeDatabase, kind: type[Database | FastDatabase], how: str
) -> None:
    urls = await make_database("catalog")
    statement, pause = BREAKS[how]

    async def with_session(session: AsyncSession) -> None:
        connection = await session.connection()
        await connection.execute(text(statement))
        await asyncio.sleep(pause)
        await connection.execute(text("SELECT pg_sleep(0.5)"))

    async def with_connection(connection: asyncpg.Connection) -> None:
        await connection.execute(statement)
        await asyncio.sleep(pause)
        await connection.execute("SELECT pg_sleep(0.5)")

    async with kind(urls.app) as database:
        with pytest.raises(Unavailable):
            await database.transact(with_session if isinstance(database, Database) else with_connection)


@pytest.mark.parametrize("kind", [Database, FastDatabase])
async def test_when_every_connection_is_taken_it_is_no_inner_error(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, kind: type[Database | FastDatabase]
) -> None:
    monkeypatch.setattr(chassis_database, "WAIT_FOR_CONNECTION_SECONDS", 0.1)
    urls = await make_database("catalog")
    taken, done = asyncio.Event(), asyncio.Event()

    async def hold(_: object) -> None:
        taken.set()
        await done.wait()

    async def hold_session(session: AsyncSession) -> None:
        await session.connection()
        await hold(session)

    async with kind(urls.app, pool_size=1) as database:
        work = hold_session if isinstance(database, Database) else hold
        holding = asyncio.create_task(database.transact(work))
        await taken.wait()

        with pytest.raises(Unavailable):
            await database.transact(work)

        done.set()
        await holding


@pytest.mark.parametrize("kind", [Database, FastDatabase])
async def test_a_request_that_is_cancelled_leaves_the_next_one_its_connection(
    make_database: MakeDatabase, kind: type[Database | FastDatabase]
) -> None:
    urls = await make_database("catalog")

    async def sleep_session(session: AsyncSession) -> None:
        await (await session.connection()).execute(text("SELECT pg_sleep(5)"))

    async def sleep_connection(connection: asyncpg.Connection) -> None:
        await connection.execute("SELECT pg_sleep(5)")

    async def one_session(session: AsyncSession) -> Any:
        return (await (await session.connection()).execute(text("SELECT 1"))).scalar_one()

    async def one_connection(connection: asyncpg.Connection) -> Any:
        return await connection.fetchval("SELECT 1")

    async with kind(urls.app, pool_size=1) as database:
        fast = isinstance(database, FastDatabase)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await database.transact(sleep_connection if fast else sleep_session)
            with suppress(Unavailable):
                assert await database.transact(one_connection if fast else one_session) == 1


@pytest.mark.parametrize("kind", [Database, FastDatabase])
@pytest.mark.parametrize("refused", ["kept twice", "of a wrong kind"])
async def test_an_error_does_not_quote_the_row_that_was_refused(
    make_database: MakeDatabase, kind: type[Database | FastDatabase], refused: str
) -> None:
    urls = await make_database("catalog")
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("CREATE TABLE doors (word text UNIQUE, open boolean CHECK (open))")
    await owner.execute("INSERT INTO doors VALUES ('open sesame', true)")
    await owner.close()
    statement = f"INSERT INTO doors VALUES ('open sesame', {str(refused == 'kept twice').lower()})"

    async def with_session(session: AsyncSession) -> None:
        await (await session.connection()).execute(text(statement))

    async def with_connection(connection: asyncpg.Connection) -> None:
        await connection.execute(statement)

    async with kind(urls.app) as database:
        with pytest.raises((IntegrityError, asyncpg.IntegrityConstraintViolationError)) as failure:
            await database.transact(with_session if isinstance(database, Database) else with_connection)

    told = "".join(traceback.format_exception(failure.value)).replace(statement, "")
    assert "violates" in told
    assert "sesame" not in told


async def test_a_commit_that_fails_answers_500_and_leaves_nothing(make_database: MakeDatabase) -> None:
    urls = await make_database("catalog")
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("CREATE TABLE badges (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    database = Database(urls.app)
    router = APIRouter()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with database:
            yield {}

    @router.post("/badges")
    async def add_the_same_twice() -> dict[str, str]:
        async def work(session: AsyncSession) -> None:
            for _ in range(2):
                await (await session.connection()).execute(text("INSERT INTO badges VALUES ('one')"))

        await database.transact(work)
        return {"said": "done"}

    app = create_service(
        name="badges",
        title="Badges",
        description="Two of one kind",
        settings=ServiceSettings(database_url=urls.app),
        lifespan=lifespan,
        routers=[router],
        pings={},
    )
    async with serving(app) as client:
        answer = await client.post("/badges")

    assert answer.status_code == 500
    assert answer.json()["type"].endswith("internal_error")
    assert await owner.fetchval("SELECT count(*) FROM badges") == 0
    await owner.close()
