"""The stack for the journeys: BASE_URL names a running one, else the session starts its own and stops it."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.customer import Customer
from tests.integration.shop_client import Shop
from tests.leaks import Seen
from tests.readable import look_into
from tests.stacks import RunningStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, known_secrets: Seen) -> Iterator[RunningStack]:
    """`stack.url`, `stack.idp_url`, `stack.payments_url`; `stack.kill("cartdb")`, `stack.start("cartdb")`."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
        # In a thread, because this one's event loop is the tests'.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, look_into(running, known_secrets)).result()


@pytest.fixture
def shop(stack: RunningStack) -> Iterator[Shop]:
    """`shop.guest()`, `shop.customer()`, `shop.goods(stock=1)`, `shop.charges(amount)`."""
    with Shop(stack) as shop:
        yield shop


@pytest.fixture
def customer(shop: Shop) -> Customer:
    """Somebody with a new account: `customer.api`, `customer.browser`."""
    return Customer(shop)


@pytest.fixture
def another(shop: Shop) -> Customer:
    """Somebody else with a new account."""
    return Customer(shop)
