"""How Alembic connects, for every service alike. A lock keeps two replicas from migrating at once."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

MIGRATION_LOCK = 0x70636172  # any number, the same for every replica
# Shorter than the services' own (chassis/database.py): whoever queues behind a step that waits is not refused.
LOCK_TIMEOUT = "1s"


def _run(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True)
    if set(context.get_context().get_current_heads()) != set(context.get_head_revisions()):
        # A view keeps the columns that it reads from being changed. They are made anew after the last step.
        connection.execute(text("DROP SCHEMA IF EXISTS verify CASCADE"))
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


async def _connect() -> None:
    url = context.config.get_main_option("sqlalchemy.url")
    assert url is not None
    # A pool would keep the connection of a step that failed, and with it the lock.
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)


asyncio.run(_connect())
