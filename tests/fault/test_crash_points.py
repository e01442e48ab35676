"""A process dies before and after the calls of a checkout, on real services over PostgreSQL: the short selection."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.local.postgres import Server
from tests.conftest import Databases
from tests.fault.crash_mutants import MUTANTS
from tests.fault.crash_points import SHORT, Walked, cases_until_noticed, walk
from tests.fault.crash_table import ROWS
from tests.fault.crash_ways import WAYS
from tests.fault.crash_world import World, databases_on, world_of

# The others take the stage's time.
QUICKLY_NOTICED = ("undo without cancel", "reconcile without cancel", "settle before commit", "nobody reconciles")


@pytest_asyncio.fixture(scope="module")
async def databases_with_books(postgres: Server) -> AsyncIterator[Databases]:
    async with databases_on(postgres) as databases:
        yield databases


@pytest_asyncio.fixture(scope="module")
async def walked(databases_with_books: Databases) -> Walked:
    return await walk(databases_with_books, SHORT)


@pytest_asyncio.fixture(scope="module")
async def world(databases_with_books: Databases) -> AsyncIterator[World]:
    async with world_of(databases_with_books) as made:
        yield made


def test_whoever_dies_on_a_checkout_somebody_else_finishes_it(walked: Walked) -> None:
    assert [
        f"{ending.plan.way.name}: {ending.plan}: {ending.broken}" for ending in walked.endings if ending.broken
    ] == []


def test_after_all_the_deaths_the_books_agree(walked: Walked) -> None:
    assert walked.broken == []


def test_a_key_whose_holder_died_is_good_for_the_same_request_at_another_replica(walked: Walked) -> None:
    assert [(case.name, case.broken) for case in walked.cases if case.broken] == []


def test_every_way_is_walked_and_ends_in_every_manner(walked: Walked) -> None:
    died = [ending for ending in walked.endings if ending.plan.faults]
    assert {ending.plan.way.name for ending in died} == {way.name for way in WAYS}
    assert {ending.end for ending in died} >= {"paid", "failed", "none", "moved"}


def test_every_crash_point_of_the_research_has_its_cases_or_its_reason() -> None:
    assert [row.number for row in ROWS] == list(range(1, 25))
    assert {way for row in ROWS for way in row.ways} <= {way.name for way in WAYS}
    assert all(row.ways or row.elsewhere for row in ROWS)


@pytest.mark.parametrize("name", QUICKLY_NOTICED)
async def test_a_controller_without_a_safeguard_is_noticed(world: World, name: str) -> None:
    assert await cases_until_noticed(world, MUTANTS[name], seed=0) is not None
