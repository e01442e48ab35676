"""What keeps one service out of another's data, and an answer from being given before its commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import pytest
from fastapi import APIRouter, FastAPI
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

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
