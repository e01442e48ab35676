"""What was acknowledged is there after every restart, in the same cart of the same session, signed in or not."""

import os
from collections.abc import Iterator

import pytest

from services.local.stack import Plan, Stack, wait_until_ready
from tests.integration.shop_client import Shop
from tests.stacks import RunningStack, free_offset

SERVICES = ("idp", "catalog", "cartdb", "controller")  # Each is ready only when the first one is.


@pytest.fixture(scope="module")
def durable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that writes to the disk what it acknowledges, as the one of the other tests does not."""
    if os.environ.get("BASE_URL"):
        yield request.getfixturevalue("stack")
        return
    folder = tmp_path_factory.mktemp("durable")
    plan = Plan(folder, folder / ".env", port_offset=free_offset(), environment="test", services=SERVICES)
    with Stack(plan) as own:
        yield own


@pytest.fixture
def shop(durable: RunningStack) -> Iterator[Shop]:
    with Shop(durable) as shop:
        yield shop


async def test_the_database_acknowledges_what_is_on_the_disk(shop: Shop) -> None:
    settings = ("fsync", "synchronous_commit", "full_page_writes")

    assert [(await shop.rows("cartdb", f"SHOW {name}"))[0][0] for name in settings] == ["on"] * len(settings)


@pytest.mark.parametrize(
    ("how", "victims"),
    [
        pytest.param("kill", ["postgres", "controller"], id="PostgreSQL and the controller are killed"),
        pytest.param("kill", ["postgres", *SERVICES], id="everything is killed"),
        pytest.param("restart", ["postgres", *SERVICES], id="everything is restarted"),
    ],
)
def test_an_acknowledged_line_is_there_after_a_restart(
    shop: Shop, durable: RunningStack, how: str, victims: list[str]
) -> None:
    shoppers = [shop.guest(), shop.customer()]
    carts = [shopper.cart()["cart_id"] for shopper in shoppers]
    cookies = [shopper.cookie for shopper in shoppers]
    for shopper in shoppers:
        shopper.add("banana", 2)

    acknowledged = [shopper.add("apple")["version"] for shopper in shoppers]
    for victim in victims:
        (durable.kill if how == "kill" else durable.restart)(victim)
    if how == "kill":
        for victim in victims:
            durable.start(victim)
    wait_until_ready(durable.addresses, SERVICES)

    found = [shopper.cart() for shopper in shoppers]
    assert [(cart["cart_id"], cart["version"]) for cart in found] == list(zip(carts, acknowledged, strict=True))
    assert [shopper.lines() for shopper in shoppers] == [{"banana": 2, "apple": 1}] * 2
    assert [shopper.cookie for shopper in shoppers] == cookies
    assert [shopper.read("/session")["signed_in"] for shopper in shoppers] == [False, True]
    assert [shopper.add("apple")["cart_id"] for shopper in shoppers] == carts
