"""PostgreSQL for the tests: a server of the session's own, or the one that TEST_POSTGRES_URL (a superuser) names.

And the search that ends every run: no secret may be readable in what the tests leave behind.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
import structlog

from services.chassis.migrate import migrate
from services.local.postgres import EmbeddedPostgres, Server
from tests.leaks import Seen, listening
from tests.readable import tables_of

SEEN = Seen()

# They look at containers: deploy/test-compose starts some, and says by both names where they are.
collect_ignore = [] if {"BASE_URL", "COMPOSE_FILE"} <= os.environ.keys() else ["compose"]


@pytest.fixture(scope="session", autouse=True)
def known_secrets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """What the tests know of secrets. It is made first and ends last, when everything else has stopped."""
    with listening(SEEN):
        yield SEEN
    SEEN.look_into(tmp_path_factory.getbasetemp())
    SEEN.expect_none()


@pytest.fixture(scope="session", autouse=True)
def loggers_that_forget() -> Iterator[None]:
    """Apps follow each other in this process: a cached logger would keep the first one's level, name and format."""
    configure = structlog.configure

    def without_cache(**settings: Any) -> None:
        configure(**settings | {"cache_logger_on_first_use": False})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", without_cache)
        yield


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Look into what a test wrote: the services that it ran in this process log there."""
    for title, text in report.sections:
        SEEN.look(f"{title} of {report.nodeid}", text)


@dataclass(frozen=True)
class DatabaseUrls:
    """One migrated database: as the service uses it, and as its migrations do."""

    name: str
    app: str
    owner: str


MakeDatabase = Callable[[str], Awaitable[DatabaseUrls]]
MakeEmptyDatabase = Callable[[str], Awaitable[DatabaseUrls]]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield Server(given)
        return
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False)
    try:
        yield embedded.start()
    finally:
        embedded.stop()


@dataclass
class Databases:
    """Databases with names of this session only, so that sessions may share a server."""

    server: Server
    prefix: str = field(default_factory=lambda: f"t{secrets.token_hex(4)}")
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    made: list[str] = field(default_factory=list)
    templates: dict[str, str] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def make(self, service: str) -> DatabaseUrls:
        """A new database of a service, migrated, with nothing in it."""
        async with self._one_at_a_time:
            if service not in self.templates:
                self.templates[service] = await self._make_template(service)
            template = self.templates[service]
            name = f"{template}_{len(self.made)}"
            self.made.append(name)
            await self._run(
                f'CREATE DATABASE "{name}" OWNER "{template}_owner" TEMPLATE "{template}"',
                f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC',
                f'GRANT CONNECT ON DATABASE "{name}" TO "{template}_app"',
            )
        return self._urls(name, template)

    async def make_empty(self, service: str) -> DatabaseUrls:
        """A new database for a service, with its roles and without a table."""
        async with self._one_at_a_time:
            name = f"{self.prefix}_{service}_empty_{len(self.templates)}"
            self.templates[name] = name
            await self._create(name)
        return self._urls(name, name)

    async def _create(self, name: str) -> None:
        await asyncio.to_thread(
            self.server.create_database, name, owner_password=self.password, app_password=self.password
        )

    async def _make_template(self, service: str) -> str:
        name = f"{self.prefix}_{service}"
        await self._create(name)
        # In a thread, because Alembic's environment starts an event loop of its own.
        await asyncio.to_thread(migrate, service, self._urls(name, name).owner)
        return name

    def _urls(self, name: str, template: str) -> DatabaseUrls:
        app, owner = (
            self.server.url(database=name, user=f"{template}_{role}", password=self.password)
            for role in ("app", "owner")
        )
        return DatabaseUrls(name, app, owner)

    async def _run(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.server.superuser_url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def look_into_all(self, seen: Seen) -> None:
        """Search every table that the tests wrote."""
        for name in self.made:
            service = name.split("_")[1]
            async for table, text in tables_of(self._urls(name, self.templates[service]).owner, service):
                seen.look(table, text)

    async def drop_all(self) -> None:
        """Leave a shared server as it was."""
        templates = self.templates.values()
        databases = [f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in (*self.made, *templates)]
        roles = [f'DROP ROLE IF EXISTS "{name}_{role}"' for name in templates for role in ("app", "owner")]
        await self._run(*databases, *roles)


@pytest.fixture(scope="session")
async def databases(postgres: Server, known_secrets: Seen) -> AsyncIterator[Databases]:
    """Databases of this session, dropped at its end from a server that goes on."""
    made = Databases(postgres)
    try:
        yield made
        await made.look_into_all(known_secrets)
    finally:
        if os.environ.get("TEST_POSTGRES_URL"):
            await made.drop_all()


@pytest.fixture(scope="session")
def make_database(databases: Databases) -> MakeDatabase:
    """`urls = await make_database("catalog")`: a new migrated database."""
    return databases.make


@pytest.fixture(scope="session")
def make_empty_database(databases: Databases) -> MakeEmptyDatabase:
    """`urls = await make_empty_database("catalog")`: a new database without a table."""
    return databases.make_empty
