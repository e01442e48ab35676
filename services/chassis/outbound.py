"""Calls to neighbours. Every exchange ends in exactly one of four ways (contracts/problems.py draws them).

    2xx                                         a Reply
    a 4xx whose type the caller listed          Refused
    no connection, no free connection           NotSent
    a time-out, a cut, 5xx, any other 4xx       OutcomeUnknown

httpx is the interface; aiohttp carries the bytes, at a fifth of the CPU of httpx's own transport. The exceptions of
that transport must not be trusted by their httpx names: it reports a connection that was cut after sending as a
ConnectTimeout. What happened is read from the aiohttp exception behind it.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Protocol, Self, TypeVar

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from httpx_aiohttp import AiohttpTransport
from pydantic import BaseModel, ValidationError

from services.chassis.logs import get_logger, request_id, traceparent
from services.chassis.metrics import OUTBOUND_CALLS, OUTBOUND_DURATION
from services.contracts.problems import (
    NotSent,
    OutcomeNotKnown,
    OutcomeUnknown,
    Problem,
    Refused,
    Unavailable,
    Undecided,
    problem_of,
)

R = TypeVar("R", bound=BaseModel)
T = TypeVar("T")

logger = get_logger(__name__)

# Shorter than uvicorn's keep-alive (chassis/serve.py), so that no request meets a connection that is being closed.
KEEPALIVE_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.05


class Credential(Protocol):
    """Where the Authorization header of a call comes from."""

    async def authorization(self) -> str | Undecided:
        """The header's value, or why there is none."""
        ...

    def forget(self) -> None:
        """The value was refused with 401: get a fresh one next time, where that is possible."""
        ...


class Forwarded:
    """The caller's own bearer token, handed on."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def authorization(self) -> str:
        return f"Bearer {self.token}"

    def forget(self) -> None:
        """A forwarded token cannot be renewed here."""


class OnlySome(ThreadedResolver):
    """Finds the addresses of a name that are allowed, so that nobody's name leads into the network behind us."""

    def __init__(self, allowed: Callable[[str], bool], *, but: frozenset[str]) -> None:
        """Ask of each address, but for names that may lead anywhere."""
        super().__init__()
        self._allowed = allowed
        self._but = but

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As any resolver.

        Raises:
            OSError: there is no such name, or no address of it is allowed.
        """
        found = await super().resolve(host, port, family)
        allowed = [one for one in found if host in self._but or self._allowed(one["host"])]
        if not allowed:
            raise OSError(f"{host} leads to no address that is allowed")
        return allowed


def fast_transport(*, connections: int = 100, resolver: AbstractResolver | None = None) -> httpx.AsyncBaseTransport:
    """The aiohttp transport, without a cookie jar of its own."""

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEPALIVE_SECONDS, resolver=resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    return AiohttpTransport(client=session)


def never_sent(failure: Exception) -> bool:
    """Whether the request certainly did not leave this process."""
    cause = failure.__cause__ or failure
    if isinstance(cause, aiohttp.ClientError | TimeoutError):
        return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


class Neighbour:
    """One neighbour and the long-lived client for it."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        read_seconds: float = 5.0,
        attempts: int = 3,
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._attempts = attempts
        # A neighbour that was silent for so long is not asked again: somebody waits for the answer.
        self._patience_seconds = read_seconds
        self._client = httpx.AsyncClient(
            transport=transport or fast_transport(),
            timeout=httpx.Timeout(read_seconds, connect=1.0, pool=1.0),
            # One client serves many shoppers: what one answer sets must not go out with the next request.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            # A proxy or a password of the environment is nobody's setting.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def ping(self) -> None:
        """Raise unless the neighbour says that it is alive."""
        response = await self._client.get(f"{self.base_url}/health/live", timeout=2.0)
        response.raise_for_status()

    async def exchange(
        self,
        call: str,
        method: str,
        path: str,
        *,
        credential: Credential | None = None,
        headers: Mapping[str, str] | None = None,
        params: Sequence[tuple[str, str]] | None = None,
        content: bytes | None = None,
        repeatable: bool = True,
    ) -> httpx.Response | Undecided:
        """Send a request and bring its answer below 500, or say that there is none to rely on.

        Args:
            call: a name for logs and metrics.
            repeatable: whether the neighbour agrees on a repeated request; only then is an unknown outcome sent again.
        """
        started = time.perf_counter()
        outcome: httpx.Response | Undecided = NotSent(self.name, "no attempt was made")
        doubt: OutcomeUnknown | None = None
        for attempt in range(self._attempts):
            if attempt:
                if time.perf_counter() - started >= self._patience_seconds:
                    break
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
            outcome = await self._attempt(
                method, path, credential=credential, headers=headers or {}, params=params, content=content
            )
            if isinstance(outcome, httpx.Response):
                if outcome.status_code != httpx.codes.UNAUTHORIZED or credential is None or attempt:
                    break
                credential.forget()
            elif isinstance(outcome, OutcomeUnknown):
                doubt = outcome
                if not repeatable:
                    break
        if doubt is not None and isinstance(outcome, NotSent):
            outcome = doubt  # That the last try never left says nothing about the one before.
        self._record(call, outcome, started)
        return outcome

    async def call(
        self,
        call: str,
        method: str,
        path: str,
        reply: type[R],
        *,
        refusals: tuple[type[Problem], ...] = (),
        command: BaseModel | None = None,
        credential: Credential | None = None,
        headers: Mapping[str, str] | None = None,
        params: Sequence[tuple[str, str]] | None = None,
        repeatable: bool = True,
    ) -> R | Refused | Undecided:
        """Exchange JSON with a neighbour that answers problem+json.

        Args:
            refusals: the problems that this caller takes for a definite no; every other 4xx is unknown.
        """
        sent = {"Content-Type": "application/json"} if command is not None else {}
        outcome = await self.exchange(
            call,
            method,
            path,
            credential=credential,
            headers={**sent, **(headers or {})},
            params=params,
            content=command.model_dump_json().encode() if command is not None else None,
            repeatable=repeatable,
        )
        if not isinstance(outcome, httpx.Response):
            return outcome
        return self._read(outcome, reply, refusals)

    async def _attempt(
        self,
        method: str,
        path: str,
        *,
        credential: Credential | None,
        headers: Mapping[str, str],
        params: Sequence[tuple[str, str]] | None,
        content: bytes | None,
    ) -> httpx.Response | Undecided:
        sent = dict(headers)
        if known := request_id.get():
            sent["X-Request-ID"] = known
        if trace := traceparent.get():
            sent["traceparent"] = trace
        if credential is not None:
            authorization = await credential.authorization()
            if not isinstance(authorization, str):
                return NotSent(authorization.neighbour, f"no credential for {self.name}: {authorization.why}")
            sent["Authorization"] = authorization
        try:
            response = await self._client.request(
                method,
                self.base_url + path,
                headers=sent,
                params=httpx.QueryParams(tuple(params or ())),
                content=content,
            )
        except (httpx.RequestError, aiohttp.ClientError) as failure:
            why = f"{type(failure.__cause__ or failure).__name__}: {failure}"
            return NotSent(self.name, why) if never_sent(failure) else OutcomeUnknown(self.name, why)
        except Exception as failure:
            # Not every error of the bytes' way has one of those names, and by any of them the request may have arrived.
            logger.exception("a call broke in an unforeseen way", neighbour=self.name)
            return OutcomeUnknown(self.name, f"{type(failure).__name__}: {failure}")
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            replayed = response.headers.get("Idempotent-Replayed") == "true"
            return OutcomeUnknown(self.name, f"answered {response.status_code}", replayed=replayed)
        return response

    def _read(
        self, response: httpx.Response, reply: type[R], refusals: tuple[type[Problem], ...]
    ) -> R | Refused | OutcomeUnknown:
        if response.is_success:
            try:
                return reply.model_validate_json(response.content or b"{}")
            except ValidationError as failure:
                logger.error("neighbour answered another shape", neighbour=self.name, problems=failure.error_count())
                return OutcomeUnknown(self.name, "answered a shape that does not fit its contract")
        problem = _problem_in(response)
        if problem is not None and isinstance(problem, refusals):
            return Refused(problem)
        logger.warning(
            "unexpected refusal",
            neighbour=self.name,
            status=response.status_code,
            problem=problem.slug if problem else None,
        )
        return OutcomeUnknown(self.name, f"answered {response.status_code} unexpectedly")

    def _record(self, call: str, outcome: httpx.Response | Undecided, started: float) -> None:
        match outcome:
            case httpx.Response():
                ending = "answered"
            case NotSent(why=why):
                ending = "not_sent"
                logger.warning("call not sent", neighbour=self.name, call=call, why=why)
            case OutcomeUnknown(why=why):
                ending = "unknown"
                logger.warning("call's outcome unknown", neighbour=self.name, call=call, why=why)
        OUTBOUND_CALLS.labels(self.name, call, ending).inc()
        OUTBOUND_DURATION.labels(self.name, call).observe(time.perf_counter() - started)


def _problem_in(response: httpx.Response) -> Problem | None:
    try:
        document = response.json()
    except ValueError:
        return None
    return problem_of(document) if isinstance(document, dict) else None


def definite(outcome: T | Refused | Undecided) -> T:
    """The reply, for callers that have nothing better to do with the other three than to tell the client.

    Raises:
        Problem: what the neighbour refused with; Unavailable if it was never reached; OutcomeNotKnown otherwise.
    """
    match outcome:
        case Refused(problem):
            raise problem
        case NotSent(neighbour):
            raise Unavailable(f"The {neighbour} service cannot be reached; nothing was changed.", service=neighbour)
        case OutcomeUnknown(neighbour):
            raise OutcomeNotKnown(f"The {neighbour} service did not answer in time.", service=neighbour)
        case _:
            return outcome


class SingleFlight:
    """Lets simultaneous callers share one run of the same work."""

    def __init__(self) -> None:
        self._running: asyncio.Task[object] | None = None

    def begin(self, work: Callable[[], Awaitable[object]]) -> asyncio.Task[object]:
        """The run that is under way, or a new one."""
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(_awaited(work))
        return self._running

    async def run(self, work: Callable[[], Awaitable[object]]) -> None:
        """Wait for the run that is under way, or for a new one."""
        await asyncio.shield(self.begin(work))


async def _awaited(work: Callable[[], Awaitable[object]]) -> object:
    return await work()
