"""Stripe's official client for Node.js against the processor, over real HTTP: what it checks is in tests/node/."""

import pytest

from tests.conftest import MakeDatabase
from tests.nodejs import expect_checks
from tests.service.payments_stand import SECRET_KEY, payments_app
from tests.serving import on_a_port

pytestmark = pytest.mark.doors

CHECKS = 15


async def test_the_node_client_works_unchanged(make_database: MakeDatabase) -> None:
    async with on_a_port(payments_app((await make_database("payments")).app)) as address:
        await expect_checks("stripe.test.mjs", CHECKS, PAYMENTS_URL=address, PAYMENTS_SECRET_KEY=SECRET_KEY)
