"""A fault script at the identity provider, over real sockets."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.chassis.outbound import Neighbour
from services.chassis.settings import Environment
from services.contracts.problems import OutcomeUnknown
from services.idp.app import create_app
from services.idp.settings import Settings
from services.local.settings import REPOSITORY
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.production import SETTINGS
from tests.service.idp import CONTROLLER, EDITOR, ISSUER, SHOP
from tests.serving import on_a_port, until_ready

pytestmark = pytest.mark.doors

FAULTS = "/_test/faults"
TOKEN = {"method": "POST", "path": "/token"}
GUEST = {"grant_type": "client_credentials", "scope": "cart:guest"}


@pytest.fixture(scope="module")
async def database(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("idp")


@asynccontextmanager
async def provider(database_url: str, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    told = Settings(
        environment=Environment.TEST,
        database_url=database_url,
        oidc_issuer=ISSUER,
        public_url=SHOP,
        oidc_client_secret=CONTROLLER[1],
        catalog_client_secret=EDITOR[1],
        **settings,
    )
    async with on_a_port(create_app(told)) as address, httpx.AsyncClient(base_url=address, timeout=5) as client:
        await until_ready(address)
        yield client


@pytest.fixture
async def idp(database: DatabaseUrls) -> AsyncIterator[httpx.AsyncClient]:
    async with provider(database.app, fault_scripts=True) as client:
        yield client


async def script(idp: httpx.AsyncClient, *rules: dict[str, Any]) -> None:
    answer = await idp.put(FAULTS, json={"rules": rules})
    assert answer.status_code == 200, answer.text


async def token(idp: httpx.AsyncClient) -> httpx.Response:
    return await idp.post("/token", data=GUEST, auth=CONTROLLER)


async def test_without_the_setting_there_is_nothing_at_the_address(database: DatabaseUrls) -> None:
    async with provider(database.app) as client:
        answers = [await client.request(method, FAULTS) for method in ("GET", "PUT", "DELETE")]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize("name", ["drop_before", "drop_after"])
async def test_a_dropped_token_request_is_an_unknown_outcome_and_the_next_one_works(
    idp: httpx.AsyncClient, name: str
) -> None:
    await script(idp, {"match": TOKEN, "effect": {"name": name}})

    async with Neighbour("idp", str(idp.base_url), attempts=1) as neighbour:
        outcome = await neighbour.exchange("token", "POST", "/token", content=b"grant_type=client_credentials")

    assert isinstance(outcome, OutcomeUnknown)
    assert (await token(idp)).status_code == 200


@pytest.mark.parametrize("name", ["delay_before", "delay_after"])
async def test_a_delayed_token_is_a_good_one(idp: httpx.AsyncClient, name: str) -> None:
    await script(idp, {"match": TOKEN, "effect": {"name": name, "seconds": 0.3}})
    started = time.monotonic()

    answer = await token(idp)

    assert (answer.status_code, time.monotonic() - started >= 0.3) == (200, True)


@pytest.mark.parametrize("name", ["fail_before", "fail_after"])
async def test_a_failure_is_a_problem_to_programs_and_a_page_to_browsers(idp: httpx.AsyncClient, name: str) -> None:
    await script(idp, {"times": None, "effect": {"name": name, "status": 503}})

    program, browser = await token(idp), await idp.get("/authorize")

    assert (program.status_code, program.headers["content-type"]) == (503, "application/problem+json")
    assert program.json()["status"] == 503
    assert (browser.status_code, browser.headers["content-type"]) == (503, "text/html; charset=utf-8")


async def test_busy_and_rate_limited_are_problems_that_say_when_to_ask_again(idp: httpx.AsyncClient) -> None:
    await script(idp, {"effect": {"name": "busy"}}, {"effect": {"name": "rate_limited", "retry_after": 3}})

    busy, limited, after = await token(idp), await token(idp), await token(idp)

    assert (busy.status_code, limited.status_code, after.status_code) == (409, 429, 200)
    assert (busy.headers["retry-after"], limited.headers["retry-after"]) == ("1", "3")


async def test_what_concerns_payments_only_is_not_known_here(idp: httpx.AsyncClient) -> None:
    answer = await idp.put(FAULTS, json={"rules": [{"effect": {"name": "decline"}}]})

    assert answer.status_code == 422


async def test_a_script_that_is_not_json_is_told_where_it_breaks(idp: httpx.AsyncClient) -> None:
    answer = await idp.put(FAULTS, content="xx")

    assert answer.status_code == 422
    assert answer.json()["detail"] == "The body is not JSON: expected value at line 1 column 1."


@pytest.mark.parametrize("service", ["idp", "payments"])
def test_a_production_start_refuses_fault_scripts_in_one_line_that_holds_no_secret(service: str) -> None:
    settings = {name.upper(): value for name, value in SETTINGS[service].items()} | {"FAULT_SCRIPTS": "true"}

    ended = subprocess.run(
        (sys.executable, "-m", "services.chassis.serve", service, "1"),
        env=settings,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    told = ended.stderr.strip()
    assert (ended.returncode, told.count("\n")) == (1, 0)
    assert told.startswith(f"{service} cannot start: FAULT_SCRIPTS")
    assert [name for name, value in settings.items() if len(value) > 20 and value in told] == []
