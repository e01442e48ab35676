"""Requests as a shopper's program sends them, and the answers, or what came instead of one."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from yarl import URL

NO_ANSWER = 0
"""The status of an answer that never came."""
ASK_AGAIN = frozenset({"request_in_progress", "session_rotated", "unavailable", "outcome_not_known"})
TELLS_NOTHING = frozenset({401, 408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; a time-out, a reset and a cut have the status NO_ANSWER and a reason."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    location: str = ""
    why: str = ""

    @property
    def slug(self) -> str:
        """The type of a refusal."""
        return str(self.body.get("type", "")).removeprefix("/docs/problems#")

    @property
    def definite(self) -> bool:
        """Whether it says that the request was done, or refused for good."""
        return 0 < self.status < 500 and self.status not in TELLS_NOTHING and self.slug not in ASK_AGAIN

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.status or "no answer"), self.slug, self.why)))


@dataclass
class Tally:
    """Every request of everybody, by how it ended."""

    requests: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def count(self, answer: Answer, seconds: float) -> None:
        self.requests += 1
        self.slowest = max(self.slowest, seconds)
        if answer.status == NO_ANSWER:
            self.endings["timed out" if answer.why == "time-out" else "cut off"] += 1
        elif answer.status >= 500:
            self.endings[f"{answer.status} {answer.slug}".strip()] += 1


class Door:
    """Where shoppers come in: the shop's address, which a stage may move behind a line of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tally = Tally()
        self._connector = aiohttp.TCPConnector(limit=0)
        self._clients: list[Client] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.close()
        await self._connector.close()

    def client(self, *, token: str | None = None) -> "Client":
        """Somebody with cookies of their own, or with a bearer token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        jar = aiohttp.CookieJar(quote_cookie=False)
        session = aiohttp.ClientSession(
            connector=self._connector, connector_owner=False, cookie_jar=jar, headers=headers
        )
        self._clients.append(Client(self, session))
        return self._clients[-1]


class Client:
    """One browser or program."""

    def __init__(self, door: Door, session: aiohttp.ClientSession) -> None:
        self._door = door
        self._session = session

    async def close(self) -> None:
        await self._session.close()

    def forget(self, cookie: str) -> None:
        """Throw a cookie away, as somebody does who is told that it is of no use."""
        self._session.cookie_jar.clear(lambda morsel: morsel.key == cookie)

    async def ask(
        self,
        method: str,
        where: str,
        *,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        key: str | None = None,
        seconds: float = 10.0,
    ) -> Answer:
        """Send one request, to a path of the shop or to a whole address, and never raise."""
        url = where if where.startswith("http") else self._door.url + where
        began = time.monotonic()
        answer = await self._exchange(method, url, json=json, form=form, key=key, seconds=seconds)
        self._door.tally.count(answer, time.monotonic() - began)
        return answer

    async def _exchange(
        self,
        method: str,
        url: str,
        *,
        json: Mapping[str, Any] | None,
        form: Mapping[str, str] | None,
        key: str | None,
        seconds: float,
    ) -> Answer:
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(
                    method,
                    URL(url, encoded=True),
                    json=json,
                    data=form,
                    headers={"Idempotency-Key": key} if key else {},
                    allow_redirects=False,
                ) as response,
            ):
                text = await response.text()
                body = await response.json() if "json" in response.content_type and text else {}
                return Answer(response.status, body, text, response.headers.get("Location", ""))
        except TimeoutError:
            return Answer(NO_ANSWER, why="time-out")
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            return Answer(NO_ANSWER, why=f"{type(failure).__name__} {failure}"[:120])
