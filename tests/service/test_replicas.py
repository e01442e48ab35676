"""A whole stack with several controllers and cart services behind proxies."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.local.stack import Plan, Stack
from tests.stacks import free_offset

pytestmark = pytest.mark.doors

PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("replicas")
    plan = Plan(
        folder,
        folder / ".env",
        port_offset=free_offset(),
        environment="test",
        replicas={"controller": 2, "cartdb": 2},
        durable=False,
    )
    with Stack(plan) as stack:
        yield stack


def carts_read_at(address: str) -> float:
    wanted = 'http_requests_total{method="GET",route="/cart",status="200"} '
    lines = httpx.get(f"{address}/metrics").text.splitlines()
    return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))


def test_requests_on_one_connection_are_shared_among_the_replicas(replicated: Stack) -> None:
    addresses = [replicated.address_of(f"controller-{number}") for number in (1, 2)]
    deadline, asked = time.monotonic() + PATIENCE_SECONDS, 0

    # A replica that is slow to say that it is well gets none for a while.
    with httpx.Client(base_url=replicated.url) as client:
        while min(shares := [carts_read_at(address) for address in addresses]) < 2 and time.monotonic() < deadline:
            client.get("/cart").raise_for_status()
            asked += 1

    assert min(shares) >= 2
    assert sum(shares) == asked


def test_a_cart_is_the_same_whichever_replica_answers(replicated: Stack) -> None:
    with httpx.Client(base_url=replicated.url) as client:
        for _ in range(4):
            client.post("/cart/items", json={"sku": "apple"}).raise_for_status()

        seen = [client.get("/cart").json()["total_items"] for _ in range(4)]

    assert seen == [4, 4, 4, 4]


def test_shopping_goes_on_while_a_replica_is_dead(replicated: Stack) -> None:
    with httpx.Client(base_url=replicated.url) as client:
        client.post("/cart/items", json={"sku": "banana"}).raise_for_status()
        replicated.kill("cartdb-1")
        replicated.kill("controller-2")

        answers = [client.post("/cart/items", json={"sku": "banana"}).status_code for _ in range(4)]

        replicated.start("cartdb-1")
        replicated.start("controller-2")
        assert answers == [200] * 4
        assert client.get("/cart").json()["total_items"] == 5
