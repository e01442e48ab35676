"""The command-line token tool against a provider that listens."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn

from services.chassis.auth import TokenVerifier
from services.chassis.openid import OpenIdProvider
from services.idp.app import create_app
from services.idp.settings import Settings
from tests.conftest import MakeDatabase

pytestmark = pytest.mark.doors

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
async def issuer(make_database: MakeDatabase) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = Settings(
        database_url=(await make_database("idp")).app,
        oidc_issuer=issuer,
        public_url="http://shop.test",
        oidc_client_secret="controller-test-secret",
        catalog_client_secret="editor-test-secret",
        demo_accounts=True,
    )
    server = uvicorn.Server(uvicorn.Config(create_app(settings), lifespan="on", log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    provider = OpenIdProvider(issuer)
    await provider.ping()
    async with provider.neighbour as neighbour:
        while not getattr(await neighbour.exchange("ready", "GET", "/health/ready"), "is_success", False):
            pass
    yield issuer
    server.should_exit = True
    await serving


async def run_tool(issuer: str, *arguments: str) -> tuple[int | None, str, str]:
    """The exit code, standard output and standard error of the tool."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.local.token",
        *arguments,
        cwd=ROOT,
        env={**os.environ, "OIDC_ISSUER": issuer},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("user", "scopes"),
    [
        ("olga", {"openid", "profile", "operator", "catalog:write"}),
        ("alice", {"openid", "profile"}),
    ],
)
async def test_it_prints_a_token_for_all_that_the_user_may_do_and_nothing_else(
    issuer: str, user: str, scopes: set[str]
) -> None:
    code, out, err = await run_tool(issuer, "--user", user)

    assert (code, err) == (0, "")
    provider = OpenIdProvider(issuer)
    async with provider.neighbour:
        caller = await TokenVerifier(provider, audience="cartdb").verify(out.strip())
    assert (caller.name, caller.client_id) == (user, "cli")
    assert caller.scopes == frozenset(scopes)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--user", "alice", "--password", "wrong-password"), "is there such a user, and is the password right?"),
        (("--user", "nobody"), "is there such a user, and is the password right?"),
        (("--user", "alice", "--scope", "cart:guest"), "A service's scope is not given to users."),
    ],
)
async def test_it_says_in_one_line_why_there_is_no_token(issuer: str, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = await run_tool(issuer, *arguments)

    assert (code, out) == (1, "")
    assert err.startswith("no token: ")
    assert told in err
    assert err.count("\n") == 1


async def test_it_names_the_provider_that_does_not_answer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"

        code, out, err = await run_tool(address, "--user", "alice")

    assert (code, out) == (1, "")
    assert err.startswith(f"no token: {address} does not answer")
    assert err.count("\n") == 1
