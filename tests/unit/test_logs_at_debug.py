"""What reaches the log, at whatever level an operator chooses."""

import json
import logging
from collections.abc import Iterator

import pytest

from services.chassis.logs import configure_logging, get_logger

LIBRARIES = (
    *("authlib.oauth2.rfc6749.endpoints", "sqlalchemy.engine.Engine", "asyncpg", "httpx", "httpcore.connection"),
    *("aiohttp.client", "asyncio", "uvicorn.error", "python_multipart.multipart", "alembic.runtime.migration"),
)
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    names = ("", "services", "sqlalchemy", "httpx", "httpcore", "uvicorn.access", "aiohttp.access")
    before = {name: (logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names}
    yield
    for name, (level, handlers) in before.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers = handlers


@pytest.mark.parametrize("library", LIBRARIES)
def test_no_library_debugs_into_the_log(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("idp", log_format="json", level="debug")

    logging.getLogger(library).debug("redeeming %s", TOKEN)

    assert TOKEN not in capsys.readouterr().out


@pytest.mark.parametrize("level", ["info", "debug"])
def test_sql_is_never_in_the_log(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("idp", log_format="json", level=level)

    logging.getLogger("sqlalchemy.engine.Engine").info("SELECT password_hash FROM accounts")

    assert capsys.readouterr().out == ""


def test_our_own_words_are_there_when_somebody_debugs(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("idp", log_format="json", level="debug")

    get_logger("services.idp.somewhere").debug("a step", number=1)

    assert json.loads(capsys.readouterr().out)["event"] == "a step"


@pytest.mark.parametrize("form", ["json", "human"])
def test_an_errors_local_variables_stay_out_of_the_log(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("idp", log_format=form, level="debug")

    def redeem(token: str) -> None:
        assert token
        raise RuntimeError("the database is gone")

    try:
        redeem(TOKEN)
    except RuntimeError:
        get_logger("services.idp.somewhere").exception("broken")

    told = capsys.readouterr().out
    assert "the database is gone" in told
    assert TOKEN not in told
