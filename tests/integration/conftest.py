"""The stack for the journeys: BASE_URL names a running one, else the session starts its own and stops it."""

from collections.abc import Iterator

import pytest

from tests.integration.shop_client import Shop
from tests.stacks import RunningStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """`stack.url`, `stack.idp_url`, `stack.payments_url`; `stack.kill("cartdb")`, `stack.start("cartdb")`."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def shop(stack: RunningStack) -> Iterator[Shop]:
    """`shop.guest()`, `shop.customer()`, `shop.goods(stock=1)`, `shop.charges(amount)`."""
    with Shop(stack) as shop:
        yield shop
