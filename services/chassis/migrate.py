"""`python -m services.chassis.migrate NAME`: bring a service's database up to date, as its owner role; then end.

One shot, before the service starts. Reads DATABASE_OWNER_URL. The steps are services/<name>/migrations/*.py. What the
role `verifier` may see, where the server has that role, is services/<name>/migrations/verifier.sql.
"""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config

SERVICES = Path(__file__).resolve().parent.parent

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


def migration_config(service: str, url: str) -> Config:
    """Alembic's configuration for one service's folder of steps."""
    config = Config()
    config.set_main_option("script_location", str(SERVICES / "chassis" / "migrations"))
    config.set_main_option("version_locations", str(SERVICES / service / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option(
        "sqlalchemy.url", url.replace("postgresql://", "postgresql+asyncpg://", 1).replace("%", "%%")
    )
    return config


def migrate(service: str, url: str, revision: str = "head") -> None:
    """Run the steps that the database has not seen yet, then show the verifier what it may see."""
    command.upgrade(migration_config(service, url), revision)
    views = SERVICES / service / "migrations" / "verifier.sql"
    if revision == "head" and views.exists():
        asyncio.run(_reveal(url, views.read_text(encoding="utf-8")))


async def _reveal(url: str, views: str) -> None:
    connection = await asyncpg.connect(url)
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
    migrate(sys.argv[1], os.environ["DATABASE_OWNER_URL"])
