"""Stripe's official client for Node.js against the processor, over real HTTP: what it checks is in tests/node/."""

import asyncio
import os
import re

import pytest

from tests.conftest import MakeDatabase
from tests.nodejs import NODE, installed_clients
from tests.service.payments_stand import SECRET_KEY, payments_app
from tests.serving import on_a_port

pytestmark = pytest.mark.doors

CHECKS = 15


async def test_the_node_client_works_unchanged(make_database: MakeDatabase) -> None:
    clients = await asyncio.to_thread(installed_clients)
    async with on_a_port(payments_app((await make_database("payments")).app)) as address:
        process = await asyncio.create_subprocess_exec(
            *(str(NODE), "--test", "--test-reporter=tap", "stripe.test.mjs"),
            cwd=clients,
            env={"PATH": os.environ["PATH"], "PAYMENTS_URL": address, "PAYMENTS_SECRET_KEY": SECRET_KEY},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()

    report = output.decode()
    counts = {name: int(count) for name, count in re.findall(r"^# (pass|fail|skipped) (\d+)$", report, re.MULTILINE)}
    assert counts == {"pass": CHECKS, "fail": 0, "skipped": 0}, report
    assert process.returncode == 0, report
