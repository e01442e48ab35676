"""`python -m services.chassis.migrate NAME`: bring a service's database up to date, as its owner role; then end.

One shot, before the service starts. Reads DATABASE_OWNER_URL. The steps are services/<name>/migrations/*.py.
"""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

SERVICES = Path(__file__).resolve().parent.parent


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
    """Run the steps that the database has not seen yet."""
    command.upgrade(migration_config(service, url), revision)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m services.chassis.migrate NAME")
    migrate(sys.argv[1], os.environ["DATABASE_OWNER_URL"])
