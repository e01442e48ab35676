"""Steps beside whoever reads: the verifier's views are no obstacle, and shoppers do not wait behind a step."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from services.chassis.database import SERVER_SETTINGS
from services.chassis.migrate import SERVICES, TableInUseError, migrate, migrate_by
from tests.conftest import Databases, DatabaseUrls, MakeDatabase

from .verify_stand import PASSWORD

STEPS = SERVICES / "cartdb" / "migrations"
CHANGES = "ALTER TABLE purchases ALTER COLUMN amount TYPE numeric"
BREAKS = "ALTER TABLE purchases ADD COLUMN amount bigint"


def with_a_step(folder: Path, statement: str) -> Path:
    """cartdb's steps, and one more."""
    steps = folder / "migrations"
    shutil.copytree(STEPS, steps, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    last = max(step.stem for step in STEPS.glob("0*.py"))[:4]
    (steps / "9999_scratch.py").write_text(
        f"from alembic import op\n\nrevision = '9999'\ndown_revision = '{last}'\n\n\n"
        f"def upgrade() -> None:\n    op.execute({statement!r})\n"
    )
    return steps


@pytest.fixture
async def seen(databases: Databases, make_database: MakeDatabase) -> DatabaseUrls:
    """A database of cartdb whose views the verifier sees."""
    await asyncio.to_thread(databases.server.create_verifier, PASSWORD)
    urls = await make_database("cartdb")
    await asyncio.to_thread(migrate, "cartdb", urls.owner)
    return urls


async def type_in_view(databases: Databases, urls: DatabaseUrls) -> str:
    """What the verifier finds in a view for the amount of a purchase."""
    verifier = await asyncpg.connect(databases.server.url(database=urls.name, user="verifier", password=PASSWORD))
    try:
        await verifier.fetch("SELECT amount FROM verify.purchases")
        return str(
            await verifier.fetchval(
                "SELECT format_type(atttypid, NULL) FROM pg_attribute"
                " WHERE attrelid = 'verify.purchases'::regclass AND attname = 'amount'"
            )
        )
    finally:
        await verifier.close()


@asynccontextmanager
async def reading(urls: DatabaseUrls) -> AsyncIterator[None]:
    """Somebody in the middle of a long look at the purchases, as pg_dump is."""
    reader = await asyncpg.connect(urls.owner)
    async with reader.transaction():
        await reader.fetch("SELECT count(*) FROM purchases")
        yield
    await reader.close()


async def somebody_waits(urls: DatabaseUrls) -> None:
    """Until a step is queued behind the reader."""
    watcher = await asyncpg.connect(urls.owner)
    deadline = time.monotonic() + 20
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'purchases'::regclass"
    while not await watcher.fetchval(waiting):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await watcher.close()


async def test_a_step_changes_a_column_that_a_view_reads(
    databases: Databases, seen: DatabaseUrls, tmp_path: Path
) -> None:
    assert await type_in_view(databases, seen) == "bigint"

    await asyncio.to_thread(migrate_by, with_a_step(tmp_path, CHANGES), seen.owner)

    assert await type_in_view(databases, seen) == "numeric"


async def test_views_that_a_failed_migration_took_away_are_back_after_the_next(
    databases: Databases, seen: DatabaseUrls, tmp_path: Path
) -> None:
    with pytest.raises(Exception, match="already exists"):
        await asyncio.to_thread(migrate_by, with_a_step(tmp_path, BREAKS), seen.owner)

    await asyncio.to_thread(migrate_by, with_a_step(tmp_path, CHANGES), seen.owner)

    assert await type_in_view(databases, seen) == "numeric"


async def test_nobody_waits_long_behind_a_step_that_waits_for_a_long_reader(seen: DatabaseUrls, tmp_path: Path) -> None:
    steps = with_a_step(tmp_path, CHANGES)
    shopper = await asyncpg.connect(seen.app, server_settings=SERVER_SETTINGS)  # Its patience is a service's.
    async with reading(seen):
        migrating = asyncio.create_task(asyncio.to_thread(migrate_by, steps, seen.owner))
        await somebody_waits(seen)

        answered = await shopper.fetchval("SELECT count(*) FROM purchases")

        assert not migrating.done()
    await asyncio.wait_for(migrating, 20)
    await shopper.close()

    assert answered == 0


async def test_a_step_that_never_gets_its_turn_ends_in_one_line_and_goes_through_later(
    seen: DatabaseUrls, tmp_path: Path
) -> None:
    steps = with_a_step(tmp_path, CHANGES)
    async with reading(seen):
        with pytest.raises(TableInUseError, match=r"^tables are in use by somebody else, .* migrate again$"):
            await asyncio.to_thread(migrate_by, steps, seen.owner, patience_seconds=0)

    await asyncio.to_thread(migrate_by, steps, seen.owner, patience_seconds=0)


def test_no_step_claims_that_it_can_be_taken_back() -> None:
    steps = sorted(SERVICES.glob("*/migrations/0*.py"))

    assert len(steps) > len(list(SERVICES.glob("*/migrations")))
    assert [step.name for step in steps if "def downgrade" in step.read_text()] == []
