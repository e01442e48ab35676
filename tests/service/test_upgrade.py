"""Every kept schema, with its rows, can be brought up to today without losing one."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from services.chassis.migrate import migrate
from services.local.settings import SERVICES
from tests.conftest import MakeEmptyDatabase
from tests.upgrade.keep import HEADING

KEPT = sorted((Path(__file__).resolve().parents[1] / "upgrade").glob("schema-*.sql"))


def section(file: Path, service: str) -> str:
    """One database's part of a kept file."""
    parts = dict(part.split("\n", 1) for part in file.read_text().split(HEADING)[1:])
    return parts[service]


async def counts(url: str) -> dict[str, int]:
    """How many rows each table has."""
    connection = await asyncpg.connect(url)
    tables = await connection.fetch(
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    found = {row["name"]: await connection.fetchval(f'SELECT count(*) FROM public."{row["name"]}"') for row in tables}
    await connection.close()
    return found


def test_a_schema_is_kept() -> None:
    assert [file.name for file in KEPT] == ["schema-1.sql", "schema-4.sql", "schema-5.sql"]


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
@pytest.mark.parametrize("service", SERVICES)
async def test_a_kept_schema_migrates_to_today_with_every_row(
    make_empty_database: MakeEmptyDatabase, file: Path, service: str
) -> None:
    urls = await make_empty_database(service)
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(section(file, service))
    await owner.close()
    before = await counts(urls.owner)

    await asyncio.to_thread(migrate, service, urls.owner)

    after = await counts(urls.owner)
    assert sum(before.values()) > 1
    assert {table: after[table] for table in before} == before
    app = await asyncpg.connect(urls.app)
    for table in after:
        if table != "alembic_version":
            await app.fetch(f'SELECT * FROM public."{table}" LIMIT 1')
    await app.close()
