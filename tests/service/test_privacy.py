"""docs/privacy.md names everything that is held about a shopper: the databases are asked, not the memory."""

import re

import asyncpg

from services.local.settings import REPOSITORY, SERVICES
from tests.conftest import MakeDatabase

PAPER = REPOSITORY / "docs" / "privacy.md"
# Of these the paper names every column: what is in them is about shoppers.
COLUMN_BY_COLUMN = {"cartdb", "controller"}


async def columns_of(url: str) -> dict[str, set[str]]:
    """The columns of every table of a database."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        )
    finally:
        await connection.close()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def told_in_the_paper() -> dict[str, set[str]]:
    """By table, the columns that its row names; every row has its six cells."""
    rows = [row for row in PAPER.read_text(encoding="utf-8").splitlines() if re.match(r"\| `\w+\.\w+` \|", row)]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert {len(row) for row in cells} == {6}
    assert all(all(row) for row in cells)
    return {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in cells}


async def test_every_table_and_every_column_about_a_shopper_is_told_in_the_paper(make_database: MakeDatabase) -> None:
    told = told_in_the_paper()
    held = {
        f"{service}.{table}": columns if service in COLUMN_BY_COLUMN else set()
        for service in SERVICES
        for table, columns in (await columns_of((await make_database(service)).owner)).items()
    }

    assert told.keys() == held.keys()
    assert {table: columns - told[table] for table, columns in held.items() if columns - told[table]} == {}
