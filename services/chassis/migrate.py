"""`python -m services.chassis.migrate NAME`: bring a service's database up to date, as its owner role; then end.

One shot, before the service starts. Reads DATABASE_OWNER_URL. The steps are services/<name>/migrations/*.py. What the
role `verifier` may see, where the server has that role, is services/<name>/migrations/verifier.sql.
"""

import asyncio
import hashlib
import os
import sys
import time
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

SERVICES = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 30.0
PAUSE_SECONDS = 0.5
# lock_not_available, deadlock_detected
IN_USE = ("55P03", "40P01")

# True where the role's rights are there and the views are of this file's making; null where there is no such role.
SEEN_ALREADY = """
    SELECT has_database_privilege(role.oid, current_database(), 'CONNECT') AND COALESCE(
        (SELECT has_schema_privilege(role.oid, oid, 'USAGE') AND obj_description(oid, 'pg_namespace') = $1
         FROM pg_namespace WHERE nspname = 'verify'), false)
    FROM pg_roles AS role WHERE rolname = 'verifier'
"""
FROM_SCRATCH = "DROP SCHEMA IF EXISTS verify CASCADE; CREATE SCHEMA verify;"
REVEAL = """
    GRANT USAGE ON SCHEMA verify TO verifier;
    GRANT SELECT ON ALL TABLES IN SCHEMA verify TO verifier;
    DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO verifier', current_database()); END $$;
"""


class TableInUseError(Exception):
    """Somebody uses what a step must have for itself. The steps before it stay; migrating again goes on from there."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"tables are in use by somebody else, for {seconds:.0f} s by now; look for what runs long in"
            " pg_stat_activity (pg_dump, make verify), and migrate again"
        )


def migrate(service: str, url: str) -> None:
    """Run the steps that the database has not seen yet, then show the verifier what it may see.

    Raises:
        TableInUseError: see there.
    """
    migrate_by(SERVICES / service / "migrations", url)


def migrate_by(folder: Path, url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """The same, by the steps in a folder. What is in use is tried again for a while, with room for others between."""
    views = folder / "verifier.sql"
    give_up = time.monotonic() + patience_seconds
    while True:
        try:
            command.upgrade(_configuration(folder, url), "head")
            if views.exists():
                asyncio.run(_reveal(url, views.read_text(encoding="utf-8")))
        except (DBAPIError, asyncpg.PostgresError) as failure:
            if getattr(getattr(failure, "orig", failure), "sqlstate", None) not in IN_USE:
                raise
            if time.monotonic() >= give_up:
                raise TableInUseError(patience_seconds) from failure
        else:
            return
        time.sleep(PAUSE_SECONDS)


def _configuration(folder: Path, url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SERVICES / "chassis" / "migrations"))
    config.set_main_option("version_locations", str(folder))
    config.set_main_option("path_separator", "newline")
    config.set_main_option(
        "sqlalchemy.url", url.replace("postgresql://", "postgresql+asyncpg://", 1).replace("%", "%%")
    )
    return config


async def _reveal(url: str, views: str) -> None:
    connection = await asyncpg.connect(url, server_settings={"lock_timeout": "1s"})
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('verify'))")
            digest = hashlib.sha256(views.encode()).hexdigest()
            # Made anew only when it has changed: it would wait for whoever is reading.
            if await connection.fetchval(SEEN_ALREADY, digest) is False:
                await connection.execute(f"{FROM_SCRATCH} {views} {REVEAL} COMMENT ON SCHEMA verify IS '{digest}'")
    finally:
        await connection.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m services.chassis.migrate NAME")
    try:
        migrate(sys.argv[1], os.environ["DATABASE_OWNER_URL"])
    except TableInUseError as blocked:
        sys.exit(f"{sys.argv[1]}: {blocked}")
