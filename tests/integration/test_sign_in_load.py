"""Fifty people sign in at once, and whoever is shopping meanwhile notices little of it."""

from tests.bench.login import crowd, memory_of, p, reads
from tests.integration.shop_client import Shop
from tests.stacks import RunningStack

SECONDS = 4.0
# Far more than on an idle machine: the machines of tests are busy. `make bench-login` tells the true figures.
SLOWER_AT_MOST = 5
ANYHOW_MS = 250
# About 150 MiB, of which the hashing threads have 38.
MEMORY_MIB = 300


def test_fifty_sign_ins_at_once_leave_the_cart_quick_and_the_provider_small(shop: Shop, stack: RunningStack) -> None:
    shopper = shop.guest()
    shopper.add(shop.goods())
    quiet = reads(shopper, seconds=SECONDS)
    sign_ins: list[tuple[float, float]] = []

    with crowd(stack.url, 50, sign_ins):
        loud = reads(shopper, seconds=SECONDS)

    assert len(sign_ins) >= 50
    assert p(99, loud) < max(SLOWER_AT_MOST * p(99, quiet), ANYHOW_MS)
    assert memory_of(stack.idp_url) < MEMORY_MIB
