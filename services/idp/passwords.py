"""Passwords: Argon2id at OWASP's minimum profile, on a few threads so that sign-ins cannot starve the rest."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MEMORY_KIB = 19 * 1024
PASSES = 2
THREADS = 2


class Passwords:
    """Hashes and verifies."""

    def __init__(self) -> None:
        self._hash = PasswordHash((Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1),))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._nobodys = self._hash.hash(secrets.token_urlsafe())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The password as it is stored."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hash.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one. Nobody's password costs the same time to refuse as a wrong one."""
        matches = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._hash.verify, password, stored or self._nobodys
        )
        return matches and stored is not None
