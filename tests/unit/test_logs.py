"""Nobody outside writes the log: one event is one line, whatever a client sends."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response

from services.chassis import app as app_module
from services.chassis.app import create_service
from services.chassis.logs import configure_logging, get_logger, request_id
from services.chassis.settings import Environment, ServiceSettings
from services.contracts.problems import Unavailable
from tests.serving import serving

FORGED = '{"event": "signed in", "level": "info", "account": "olga"}'
HOSTILE = {
    "line feed": f"apple\n{FORGED}",
    "carriage return": f"apple\r{FORGED}",
    "both": f"apple\r\n{FORGED}\r\n",
    "line separator": f"apple\u2028{FORGED}\u2029{FORGED}\x85{FORGED}",
    "vertical tab and form feed": f"apple\x0b{FORGED}\x0c{FORGED}",
    "the end of the JSON": f'apple"}}\n{FORGED}',
    "a terminal's commands": "\x1b[2J\x1b[31mapple\x1b]0;owned\x07\x9b2J",
    "backspaces": "apple\b\b\b\b\bpaid",
    "NUL": "apple\x00paid",
    "half a surrogate pair": "apple\ud83d",
    "another direction": "apple\u202edekcah",
}


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root, known = logging.getLogger(), request_id.get()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    request_id.set(known)


class Log(io.StringIO):
    """What is written instead of to standard output."""

    def listen(self) -> None:
        [handler] = logging.getLogger().handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(self)

    def events(self) -> list[dict[str, Any]]:
        """Each line, an object; nothing else ends a line that some editor takes for its end."""
        text = self.getvalue()
        assert text.splitlines() == text.split("\n")[:-1], text
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_an_event_about_what_a_client_sent_is_one_line_of_json(log: Log, text: str) -> None:
    configure_logging("shop", log_format="json", level="info")
    log.listen()

    get_logger("test").info("not found", sku=text, told={text: [text]})
    logging.getLogger("library").warning("no such sku: %s", text)
    get_logger("test").error("unhandled error", username=text, exc_info=LookupError(text))

    events = log.events()
    assert [event["event"].partition(":")[0] for event in events] == ["not found", "no such sku", "unhandled error"]
    assert events[0]["sku"] == text
    assert events[2]["exception"][0]["exc_value"] == text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_in_a_terminal_too_an_event_is_one_line_without_commands(log: Log, text: str) -> None:
    configure_logging("shop", log_format="human", level="info")
    log.listen()

    get_logger("test").info("not found", sku=text)
    logging.getLogger("library").warning("no such sku: %s", text)

    told = log.getvalue()
    assert len(told.splitlines()) == told.count("\n") == 2, told
    assert "".join(told.split("\n")).isprintable(), told


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {}


@pytest.fixture
async def client(log: Log, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Of a service that finds goods, and breaks over some."""
    # A logger keeps to the level that it was first used with, in whichever test that was.
    monkeypatch.setattr(app_module, "logger", get_logger("test"))
    router = APIRouter()

    @router.get("/goods/{sku:path}")
    async def find(sku: str, request: Request) -> dict[str, str]:
        if "broken" in sku:
            raise LookupError(sku)
        return {"agent": request.headers["user-agent"]}

    @router.get("/pulse")
    async def pulse(*, ill: bool = False) -> None:
        if ill:
            raise Unavailable

    @router.get("/stream")
    async def stream() -> Response:
        return Response("data: 1\n\n", media_type="text/event-stream")

    settings = ServiceSettings(
        database_url="postgresql://nobody@localhost/nothing",
        environment=Environment.TEST,
        log_format="json",
        log_level="info",
    )
    app = create_service(
        name="shop",
        title="shop",
        description="",
        settings=settings,
        lifespan=nothing,
        routers=[router],
        pings={},
        quiet=frozenset({"/pulse"}),
    )
    log.listen()
    async with serving(app) as client:
        yield client


@pytest.mark.parametrize("path", ["/goods/{}", "/goods/broken/{}", "/nowhere/{}"])
async def test_a_request_is_one_line_that_says_nothing_in_the_clients_words(
    client: httpx.AsyncClient, log: Log, path: str
) -> None:
    """Path, query, user agent and cookie are no part of it."""
    raw = FORGED.encode() + b"%0d%0a%1b[2J%0a" + FORGED.encode()
    for agent in (FORGED, "curl\x1b[2J", '"}{"'):
        answer = await client.get(
            path.format(raw.decode().replace('"', "%22").replace(" ", "%20")),
            params={"q": f"x\n{FORGED}"},
            headers={"User-Agent": agent, "Cookie": f"sid={FORGED}", "traceparent": FORGED},
        )
        assert answer.status_code in (200, 404, 500)

    events = log.events()
    assert {event["event"] for event in events} <= {"request", "unhandled error"}
    told = [event for event in events if event["event"] == "request"]
    assert len(told) == 3
    assert "olga" not in json.dumps(told)


async def test_of_what_is_asked_all_the_time_only_what_goes_wrong_is_a_line(
    client: httpx.AsyncClient, log: Log
) -> None:
    for path in ("/pulse", "/pulse?ill=1", "/pulse", "/goods/apple"):
        await client.get(path)

    told = [(event["route"], event["status"]) for event in log.events()]
    assert told == [("/pulse", 503), ("/goods/{sku:path}", 200)]


async def test_a_stream_is_one_line_that_says_how_long_it_was_open(client: httpx.AsyncClient, log: Log) -> None:
    await client.get("/stream")

    [told] = log.events()
    assert (told["event"], told["route"]) == ("request", "/stream")
    assert told["open_s"] >= 0


FOREIGN_IDS = {
    "a line feed in it": b"abc\tdef",
    "too long": b"a" * 65,
    "JSON": FORGED.encode(),
    "a terminal's command": b"\x1b[2J",
    "not ASCII": "ключ".encode(),
    "empty": b"",
    "spaces": b"a b",
    "a path": b"../../etc/passwd",
}


@pytest.mark.parametrize("given", FOREIGN_IDS.values(), ids=FOREIGN_IDS)
async def test_a_request_id_of_no_good_shape_is_replaced(client: httpx.AsyncClient, log: Log, given: bytes) -> None:
    answer = await client.get("/goods/apple", headers=[(b"X-Request-ID", given), (b"User-Agent", b"t")])

    made = answer.headers["x-request-id"]
    assert made.isalnum()
    assert len(made) == 32
    assert [event["request_id"] for event in log.events()] == [made]


async def test_a_request_id_of_good_shape_goes_through(client: httpx.AsyncClient, log: Log) -> None:
    answer = await client.get("/goods/apple", headers={"X-Request-ID": "a.B-c_9"})

    assert answer.headers["x-request-id"] == "a.B-c_9"
    assert [event["request_id"] for event in log.events()] == ["a.B-c_9"]


def test_an_app_logs_at_its_own_level_and_name_whichever_app_came_before_it(log: Log) -> None:
    logger = get_logger("tests.apps-in-one-process")
    for service, level in (("first", "error"), ("second", "info")):
        configure_logging(service, log_format="json", level=level)
        log.listen()
        logger.info("ready")

    assert [event["service"] for event in log.events()] == ["second"]
