"""How any service is put together: one ASGI edge, problem answers, health, metrics, offline docs."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import uuid_utils.compat as uuids
from fastapi import APIRouter, FastAPI, Request, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from services.chassis.docs import docs_routes, document_of
from services.chassis.faults import Faults, FaultScripts
from services.chassis.headers import DefaultHeaders
from services.chassis.logs import configure_logging, get_logger, owner, request_id, traceparent
from services.chassis.metrics import HTTP_DURATION, HTTP_REQUESTS, metrics_endpoint
from services.chassis.settings import ServiceSettings
from services.contracts.problems import (
    PROBLEM_MEDIA_TYPE,
    BadRequest,
    BodyTooLarge,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NotFound,
    Problem,
    SignInFailed,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
    ValidationFailed,
)

logger = get_logger(__name__)

Ping = Callable[[], Awaitable[None]]
Renderer = Callable[[Request, Problem], Response]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Any]]]

BODY_LIMIT = 64 * 1024
STREAM_MEDIA_TYPE = "text/event-stream"
PING_SECONDS = 2.0
_ID_SHAPE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACE_SHAPE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def new_id() -> str:
    """A UUIDv7 as text: sorts by the time of its making."""
    return str(uuids.uuid7())


class ProblemReply(BaseModel):
    """A refusal (RFC 9457). Members beyond these help the caller and are named in docs/problems.md."""

    type: str
    title: str
    status: int
    detail: str


def refusals(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an endpoint that may refuse in these ways."""
    declared: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        entry = declared.setdefault(
            int(problem.status),
            {"model": ProblemReply, "description": "", "content": {PROBLEM_MEDIA_TYPE: {"examples": {}}}},
        )
        entry["description"] = " ".join(filter(None, (entry["description"], problem.title)))
        entry["content"][PROBLEM_MEDIA_TYPE]["examples"][problem.slug] = {"value": problem().document()}
    return declared


def render_json(_: Request, problem: Problem) -> Response:
    """A problem as application/problem+json."""
    return JSONResponse(problem.document(), problem.status, headers=problem.headers, media_type=PROBLEM_MEDIA_TYPE)


class Service(FastAPI):
    """An application whose every answer has the default headers, those of its outermost middleware included."""

    def __init__(self, *, https: bool, proxies: list[str], **options: Any) -> None:
        super().__init__(**options)
        self._https = https
        self._proxies = proxies

    def build_middleware_stack(self) -> ASGIApp:
        """Around everything: who the client is and what it is told."""
        stack: Any = DefaultHeaders(super().build_middleware_stack(), https=self._https)
        if self._proxies:
            stack = ProxyHeadersMiddleware(stack, self._proxies)
        return cast(ASGIApp, stack)


class Edge:
    """What happens to every request before and after the routes: ids, limits, measures, last resort."""

    def __init__(self, app: ASGIApp, *, render: Renderer, body_limit: int, quiet: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._quiet = quiet
        self._render = render
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, receive, self._body_limit)
        try:
            if exchange.declared_length() > self._body_limit:
                raise BodyTooLarge(limit=self._body_limit)  # noqa: TRY301 - one place renders every problem
            await self._app(scope, exchange.receive, exchange.send)
        except Problem as problem:
            await self._answer(exchange, problem)
        except ClientDisconnect:
            exchange.status = HTTPStatus.BAD_REQUEST  # Nobody reads an answer, and nothing of ours has broken.
        except Exception:
            logger.exception("unhandled error", method=scope["method"], route=exchange.route)
            await self._answer(exchange, InternalError(request_id=exchange.id))
        finally:
            exchange.finish(quiet=self._quiet)

    async def _answer(self, exchange: "_Exchange", problem: Problem) -> None:
        if exchange.status:
            return  # The answer has begun; the server cuts the connection, and the client sees that it is broken.
        answer = self._rendered(Request(exchange.scope), problem)
        await answer(exchange.scope, exchange.receive, exchange.send)

    def _rendered(self, request: Request, problem: Problem) -> Response:
        try:
            return self._render(request, problem)
        except Exception:
            logger.exception("a problem could not be rendered", problem=problem.slug)
            return render_json(request, problem)


class _Exchange:
    """One request and its answer, as the edge sees them."""

    def __init__(self, scope: Scope, send: Send, receive: Receive, body_limit: int) -> None:
        self.scope = scope
        self.headers = Headers(scope=scope)
        self.status = 0
        self._send = send
        self._receive = receive
        self._body_left = body_limit
        self._started = time.perf_counter()
        self._took: float | None = None
        wanted = self.headers.get("x-request-id", "")
        self.id = wanted if _ID_SHAPE.fullmatch(wanted) else uuids.uuid7().hex
        request_id.set(self.id)
        owner.set("")
        trace = self.headers.get("traceparent", "")
        traceparent.set(trace if _TRACE_SHAPE.fullmatch(trace) else "")

    @property
    def route(self) -> str:
        path = getattr(self.scope.get("route"), "path", None)
        if isinstance(path, str):
            return path
        return self.scope["path"] if self.scope["path"] in _FIXED else "(none)"

    def declared_length(self) -> int:
        try:
            return int(self.headers.get("content-length", "0"))
        except ValueError:
            return 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._body_left -= len(message.get("body", b""))
            if self._body_left < 0:
                raise BodyTooLarge
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.id
            if headers.get("content-type", "").startswith(STREAM_MEDIA_TYPE):
                # How long a stream stays open says nothing about how quick its answer was.
                self._took = time.perf_counter() - self._started
        await self._send(message)

    def finish(self, *, quiet: frozenset[str]) -> None:
        whole = time.perf_counter() - self._started
        seconds = whole if self._took is None else self._took
        method = self.scope["method"] if self.scope["method"] in _METHODS else "OTHER"
        HTTP_REQUESTS.labels(method, self.route, str(self.status)).inc()
        HTTP_DURATION.labels(method, self.route).observe(seconds)
        hushed = self.route in _QUIET or (self.route in quiet and self.status < HTTPStatus.BAD_REQUEST)
        if not hushed:
            lasted = {} if self._took is None else {"open_s": round(whole, 1)}
            logger.info(
                "request", method=method, route=self.route, status=self.status, ms=round(seconds * 1000, 1), **lasted
            )


# pydantic's own words for these speak of its classes and of regular expressions.
PLAIN_WORDS = {
    "extra_forbidden": "There is no such field.",
    "missing": "This field is needed.",
    "model_attributes_type": "This must be a JSON object.",
    "model_type": "This must be a JSON object.",
    "dict_type": "This must be a JSON object.",
    "string_pattern_mismatch": "This does not have the form that is wanted here.",
    "uuid_parsing": "This is not a UUID.",
}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_FIXED = frozenset({"/metrics", "/docs", "/openapi.json"})
_QUIET = frozenset({"/health/live", "/health/ready", "/metrics"})


def create_service(
    *,
    name: str,
    title: str,
    description: str,
    settings: ServiceSettings,
    lifespan: Lifespan,
    routers: list[APIRouter],
    guard: params.Depends | None = None,
    pings: dict[str, Ping],
    render: Renderer = render_json,
    body_limit: int = BODY_LIMIT,
    issuer: str | None = None,
    docs_links: tuple[str, ...] = (),
    faults: Faults | None = None,
    https: bool = False,
    quiet: frozenset[str] = frozenset(),
) -> FastAPI:
    """A FastAPI application with everything that all services share.

    Args:
        guard: what every one of the routers demands.
        pings: by name, what must answer for the service to be ready; filled by the lifespan as it opens things.
        render: how a problem becomes an answer, for the service that answers browsers too.
        issuer: the provider at which the docs page signs in.
        docs_links: further pages under /docs/ that the docs page leads to.
        faults: the script of a service that may be told to misbehave.
        https: whether browsers reach it by https.
        quiet: routes that are asked all the time, so that only what goes wrong there is logged.
    """
    configure_logging(name, log_format=settings.log_format, level=settings.log_level)
    app = Service(
        https=https,
        proxies=settings.proxies,
        title=title,
        openapi_url=None if settings.in_production else "/openapi.json",
        description=description,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        responses={422: refusals(ValidationFailed)[422]},
    )
    bodies = refusals(BadRequest, BodyTooLarge, UnsupportedMediaType)
    app.openapi = partial(document_of, app, bodies=bodies)  # type: ignore[method-assign]  # as FastAPI documents it
    if not settings.in_production:
        docs_routes(app, issuer=issuer, links=docs_links)
        app.add_route("/metrics", metrics_endpoint, include_in_schema=False)
    for router in routers:
        app.include_router(router, dependencies=[guard] if guard else [])
    app.include_router(_health(name, pings))
    _render_problems(app, render)
    if faults is not None:
        app.include_router(faults.router())
        app.add_middleware(FaultScripts, faults=faults)
    app.add_middleware(Edge, render=render, body_limit=body_limit, quiet=quiet)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _health(service: str, pings: dict[str, Ping]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health/live", summary="Is the process alive?")
    async def live() -> dict[str, str]:
        """Asks nothing of anybody: 200 as long as the process can answer at all."""
        return {"status": "alive", "service": service}

    @router.get("/health/ready", summary="Does everything that it opened answer?", responses=refusals(Unavailable))
    async def ready() -> dict[str, str]:
        """200 if the database and the neighbours it cannot do without answer; 503 names the first that does not."""
        for what, ping in pings.items():
            try:
                # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the answer.
                async with asyncio.timeout(PING_SECONDS):
                    await ping()
            except Exception as failure:
                raise Unavailable(f"{service} is not ready: {what} does not answer.", service=what) from failure
        return {"status": "ready", "service": service}

    return router


def _render_problems(app: FastAPI, render: Renderer) -> None:
    async def on_problem(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        _note_denial(problem)
        return render(request, problem)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            return render(request, MethodNotAllowed(headers={"Allow": _methods_at(request)}))
        return render(request, _from_http(error))

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if _unread_body(request, error):
            return render(request, UnsupportedMediaType())
        return render(request, validation_problem(error.errors()))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)


def _note_denial(problem: Problem) -> None:
    if isinstance(problem, Unauthenticated | Forbidden | SignInFailed):
        logger.warning("access denied", problem=problem.slug, why=problem.detail)
    elif problem.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        # Payments' words repeat a part of the key, as Stripe's do.
        logger.warning("access denied", status=int(problem.status))


def _unread_body(request: Request, error: RequestValidationError) -> bool:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    announced = media == "application/json" or media.endswith("+json")
    return not announced and any(told["loc"] == ("body",) and told["type"] != "missing" for told in error.errors())


def _methods_at(request: Request) -> str:
    """Every method that some route takes here: Starlette names those of the first route that it came upon."""
    return ", ".join(
        method
        for method in sorted(_METHODS)
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    )


def _from_http(error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):
        return error.__cause__  # FastAPI wraps what reading the body raises.
    headers = dict(error.headers or {})
    match error.status_code:
        case 404:
            return NotFound(headers=headers)
        case 400:
            return BadRequest("The body could not be read.", headers=headers)
        case _:
            return Unprocessable(headers=headers)


def _where_it_breaks(error: Any) -> str:
    # FastAPI says the character, pydantic the line and column, in words of its own.
    place = error["loc"][-1] if error["loc"] else None
    if isinstance(place, int):
        return f"it breaks off or goes wrong at character {place}"
    return str(error.get("ctx", {}).get("error", "it breaks off or goes wrong"))


def validation_problem(errors: Any) -> ValidationFailed:
    """The problem of a pydantic error list. The offending input is left out: it may hold a secret."""
    told = [
        {
            "field": ".".join(str(part) for part in error["loc"]),
            "message": PLAIN_WORDS.get(error["type"], error["msg"]),
            "type": error["type"],
        }
        for error in errors
    ]
    if broken := next((error for error in errors if error["type"] == "json_invalid"), None):
        return ValidationFailed(f"The body is not JSON: {_where_it_breaks(broken)}.", errors=told)
    unknown, wrong = (
        ", ".join(dict.fromkeys(entry["field"] for entry in told if (entry["type"] == "extra_forbidden") is extra))
        for extra in (True, False)
    )
    sentences = [f"Wrong or missing: {wrong}." if wrong else "", f"Not known here: {unknown}." if unknown else ""]
    return ValidationFailed(" ".join(filter(None, sentences)), errors=told)
