"""The shop's client module, cart-manager.js, in Node.js against the running shop: its checks are in tests/node/."""

from tests.integration.shop_client import Shop
from tests.nodejs import expect_checks

CHECKS = 10


async def test_the_client_module_counts_each_change_once_on_a_bad_line(shop: Shop) -> None:
    customer = shop.customer()

    await expect_checks(
        "cart-manager-live.test.mjs",
        CHECKS,
        SHOP_URL=shop.stack.url,
        SHOP_TOKEN=shop.token_of(customer.username),
        SHOP_SKU=shop.goods(),
    )
