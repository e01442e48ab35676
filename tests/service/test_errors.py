"""What a service says when it breaks: that it has broken, and under which request id the log tells why."""

import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.types import Message

from services.chassis import app as app_module
from services.chassis.logs import configure_logging, get_logger, request_id
from services.local.openapi import FOLDER
from services.local.settings import REPOSITORY, SERVICES
from tests.every_route import application

pytestmark = pytest.mark.doors

MARKER = "marker-that-came-in"
# What would tell a stranger how the service is made.
TOLD_BY_A_BREAK = (
    *("Traceback", 'File "', ".py", "line ", "site-packages", str(REPOSITORY), "asyncpg", "sqlalchemy", "pydantic"),
    *("SELECT", "INSERT", "relation", "Exception", "AttributeError", "object has no attribute", MARKER),
)
NAME_OF_A_BREAK = re.compile(r"\w+Error\b")
SECRET = f"SELECT cvc FROM cards WHERE number = {MARKER!r} in {REPOSITORY}/services/x.py"
BREAKS = {
    "a bug": RuntimeError(SECRET),
    "a key that is not there": KeyError(SECRET),
    "the database's refusal": asyncpg.UndefinedTableError(f'relation "cards" does not exist: {SECRET}'),
    "the database is gone": ConnectionRefusedError(SECRET),
    "an endless recursion": RecursionError(SECRET),
    "text that is none": UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
}
ACCEPTS = ("application/json", "text/html,*/*;q=0.8", "*/*")


@cache
def made(service: str) -> FastAPI:
    """The service's own application, which never opened anything: whatever needs its database or a neighbour breaks."""
    app = application(service, log_format="json")
    for number, broken in enumerate(BREAKS.values()):
        app.add_api_route(f"/v1/breaks/{number}", partial(_raise, broken), methods=["GET"])
    app.add_api_route("/v1/reads", _read, methods=["POST"])
    return app


async def _raise(broken: Exception) -> None:
    raise broken


async def _read(request: Request) -> None:
    await request.body()


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the services write; the logging of the other tests comes back afterwards."""
    root, known, written = logging.getLogger(), request_id.get(), io.StringIO()
    handlers, level = root.handlers, root.level
    # A logger keeps to the level that it was first used with, in whichever test that was.
    monkeypatch.setattr(app_module, "logger", get_logger("test"))
    yield written
    root.handlers = handlers
    root.setLevel(level)
    request_id.set(known)


@asynccontextmanager
async def asking(service: str, log: io.StringIO) -> AsyncIterator[httpx.AsyncClient]:
    app = made(service)
    configure_logging(service, log_format="json", level="warning")
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(log)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


def expect_silence(answer: httpx.Response) -> None:
    # A redirect takes a request's parameters on to where it leads.
    told = answer.text + str([value for name, value in answer.headers.items() if name != "location"])
    assert [word for word in TOLD_BY_A_BREAK if word in told] + NAME_OF_A_BREAK.findall(told) == []


def expect_trace(answer: httpx.Response, log: io.StringIO) -> None:
    """The log has, under the answer's request id, what the answer does not tell."""
    events = [json.loads(line) for line in log.getvalue().splitlines()]
    traces = [event for event in events if event["request_id"] == answer.headers["x-request-id"]]
    assert traces, events
    assert traces[0]["exception"][0]["frames"]


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize("broken", range(len(BREAKS)), ids=list(BREAKS))
@pytest.mark.parametrize("service", SERVICES)
async def test_a_break_is_told_by_its_request_id_alone(
    service: str, broken: int, accept: str, log: io.StringIO
) -> None:
    """On the pages of a service as in its JSON; the trace is in the log."""
    async with asking(service, log) as client:
        answer = await client.get(f"/v1/breaks/{broken}", params={"q": MARKER}, headers={"Accept": accept})

    assert answer.status_code == 500
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    expect_silence(answer)
    expect_trace(answer, log)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_client_that_leaves_in_the_middle_of_its_form_is_no_break(service: str, log: io.StringIO) -> None:
    def cut_short() -> float | None:
        counted = {"method": "POST", "route": "/v1/reads", "status": "400"}
        return REGISTRY.get_sample_value("http_requests_total", counted)

    sent: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"a=", "more_body": True}, {"type": "http.disconnect"}]
    )
    headers = [(b"content-length", b"9"), (b"content-type", b"application/x-www-form-urlencoded")]

    async def receive() -> Message:
        return next(sent)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    async with asking(service, log):
        before = cut_short() or 0
        left = {"type": "http", "method": "POST", "path": "/v1/reads", "query_string": b"", "headers": headers}
        await made(service)({**left, "state": {}}, receive, send)

    assert (log.getvalue(), cut_short()) == ("", before + 1)


def operations(service: str) -> list[tuple[str, str]]:
    paths = json.loads((FOLDER / f"{service}.json").read_text(encoding="utf-8"))["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


ASKED: dict[str, Any] = {
    "nothing": {},
    "a form": {"data": {"q": MARKER}},
    "JSON": {"json": {"q": MARKER, "quantity": MARKER, "name": [MARKER]}},
    "broken JSON": {"content": f'{{"{MARKER}": "{MARKER}', "headers": {"Content-Type": "application/json"}},
    "JSON that is no text": {"content": MARKER.encode("utf-16"), "headers": {"Content-Type": "application/json"}},
}


@pytest.mark.parametrize("body", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("service", SERVICES)
async def test_no_operation_tells_how_it_is_made_or_what_it_was_sent(
    service: str, body: dict[str, Any], log: io.StringIO
) -> None:
    """Every operation of the OpenAPI document, in a service whose every resource is missing."""
    broken = 0
    async with asking(service, log) as client:
        for method, path in operations(service):
            at = path.replace("{", "").replace("}", "")
            headers = {**body.get("headers", {}), "Authorization": f"Bearer {MARKER}", "Accept": "application/json"}
            answer = await client.request(method, f"{at}?q={MARKER}", **{**body, "headers": headers})

            assert answer.headers["x-request-id"], path
            expect_silence(answer)
            if answer.status_code == 500:
                broken += 1
                expect_trace(answer, log)

    assert broken > 0
