"""The bounded pool in which passwords are hashed."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

import pytest

from services.contracts.problems import Unavailable
from services.idp.passwords import MOST_WAITING, NICE, THREADS, Passwords


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    async with Passwords() as opened:
        yield opened


def hashing_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("argon2")]


async def test_fifty_at_once_are_hashed_by_a_few_threads_while_everything_else_goes_on(passwords: Passwords) -> None:
    others = len(hashing_threads())
    hashing = [asyncio.create_task(passwords.hash(f"password {number}")) for number in range(50)]
    ticks = 0
    while not all(task.done() for task in hashing):
        await asyncio.sleep(0.001)
        ticks += 1

    # On the loop itself it would have come to its turn once.
    assert ticks > 50
    assert len(hashing_threads()) - others <= THREADS
    assert len({task.result() for task in hashing}) == 50


async def test_a_password_is_good_for_its_own_hash_and_nobodys_is_good_for_none(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")

    assert await passwords.verify("correct horse", stored)
    assert not await passwords.verify("correct house", stored)
    assert not await passwords.verify("correct horse", None)


async def test_who_comes_when_too_many_wait_is_told_to_come_again(passwords: Passwords) -> None:
    waiting = [asyncio.create_task(passwords.verify("guessed", None)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)

    with pytest.raises(Unavailable) as refused:
        await passwords.verify("guessed", None)

    assert int(refused.value.headers["Retry-After"]) > 0
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert not await passwords.verify("guessed", None)


async def test_hashing_stands_back_for_whoever_answers_requests(passwords: Passwords) -> None:
    before = os.nice(0)

    of_the_hashing = await passwords._in_turn(lambda: os.nice(0))

    assert of_the_hashing - before == (NICE if sys.platform == "linux" else 0)
    assert os.nice(0) == before
