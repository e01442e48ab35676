"""A certified relying party, npm openid-client, against the provider over real HTTP: its checks are in tests/node/."""

import asyncio
import os
import re
import socket

import httpx
import pytest

from services.chassis.settings import Environment
from services.idp.app import create_app
from services.idp.settings import Settings
from tests.conftest import MakeDatabase
from tests.nodejs import NODE, installed_clients
from tests.service.idp import CALLBACK, CONTROLLER, EDITOR, SHOP
from tests.serving import on_a_port

pytestmark = pytest.mark.doors

CHECKS = 20


async def is_ready(address: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(base_url=address) as client:
        while (await client.get("/health/ready")).status_code != 200:  # noqa: ASYNC110 - it is another service
            await asyncio.sleep(0.05)


async def test_a_certified_relying_party_works_unchanged(make_database: MakeDatabase) -> None:
    clients = await asyncio.to_thread(installed_clients)
    listening = socket.create_server(("127.0.0.1", 0))
    settings = Settings(
        environment=Environment.TEST,
        database_url=(await make_database("idp")).app,
        oidc_issuer=f"http://127.0.0.1:{listening.getsockname()[1]}",
        public_url=SHOP,
        oidc_client_secret=CONTROLLER[1],
        catalog_client_secret=EDITOR[1],
        demo_accounts=True,
    )
    async with on_a_port(create_app(settings), listening) as address:
        await is_ready(address)
        process = await asyncio.create_subprocess_exec(
            *(str(NODE), "--test", "--test-reporter=tap", "openid.test.mjs"),
            cwd=clients,
            env={
                "PATH": os.environ["PATH"],
                "OIDC_ISSUER": settings.oidc_issuer,
                "CONTROLLER_SECRET": CONTROLLER[1],
                "EDITOR_SECRET": EDITOR[1],
                "REDIRECT_URI": CALLBACK,
                "HOME_URI": f"{SHOP}/",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()

    report = output.decode()
    counts = {name: int(count) for name, count in re.findall(r"^# (pass|fail|skipped) (\d+)$", report, re.MULTILINE)}
    assert counts == {"pass": CHECKS, "fail": 0, "skipped": 0}, report
    assert process.returncode == 0, report
