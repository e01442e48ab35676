"""Passwords: Argon2id at OWASP's minimum profile, on a few threads so that sign-ins cannot starve the rest."""

import asyncio
import os
import secrets
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from services.contracts.problems import Unavailable

T = TypeVar("T")

MEMORY_KIB = 19 * 1024
PASSES = 2
THREADS = 2
# Two seconds' work of two threads: who comes later had better come again than wait.
MOST_WAITING = 200
NICE = 10


def _step_back() -> None:
    # A thread has a niceness of its own on Linux only; elsewhere this would slow the whole process.
    if sys.platform == "linux":
        os.nice(NICE)


class Passwords:
    """Hashes and verifies."""

    def __init__(self) -> None:
        self._hash = PasswordHash((Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1),))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2", initializer=_step_back)
        self._waiting = 0
        self._nobodys = self._hash.hash(secrets.token_urlsafe())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The password as it is stored.

        Raises:
            Unavailable: too many are waiting for theirs.
        """
        return await self._in_turn(lambda: self._hash.hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one. Nobody's password costs the same time to refuse as a wrong one.

        Raises:
            Unavailable: too many are waiting for theirs.
        """
        matches = await self._in_turn(lambda: self._hash.verify(password, stored or self._nobodys))
        return matches and stored is not None

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Very many people are signing in at this moment. Wait a few seconds, then try again.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
