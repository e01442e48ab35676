"""Live carts in the whole shop: what one device of a shopper does, the others see."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.integration.shop_client import Shop, Shopper
from tests.service.listening import Listening, listening


@asynccontextmanager
async def listening_as(shopper: Shopper) -> AsyncIterator[Listening]:
    """Another tab of the shopper's browser, which listens."""
    async with (
        httpx.AsyncClient(base_url=shopper.http.base_url, cookies={"sid": shopper.cookie}) as http,
        listening(http) as stream,
    ):
        yield stream


async def test_a_checkout_on_one_device_is_seen_on_the_other_up_to_the_new_empty_cart(shop: Shop) -> None:
    phone, laptop = shop.customer(), shop.guest()
    shop.sign_in(laptop, phone.username)
    async with listening_as(laptop) as stream:
        before = await stream.cart()

        order = phone.buy(shop.goods())

        seen = [await stream.cart(within=2)]
        while seen[-1]["cart_id"] == before["cart_id"]:
            seen.append(await stream.cart(within=2))
    on_the_way = [cart["status"] for cart in seen[:-1]]
    assert {cart["cart_id"] for cart in seen[:-1]} <= {order["cart_id"]}
    assert on_the_way == sorted(on_the_way, key=["open", "in_checkout"].index)
    assert (seen[-1]["items"], seen[-1]["status"], seen[-1]["current"]) == ([], "open", True)
    assert seen[-1] == laptop.cart()


async def test_a_guest_who_signs_in_is_told_to_come_back_and_then_sees_the_merged_cart(shop: Shop) -> None:
    customer, guest = shop.customer(), shop.guest()
    customer.add("banana")
    guest.add("apple", 2)
    async with listening_as(guest) as tab, listening_as(customer) as other_device:
        for stream in (tab, other_device):
            await stream.cart()

        shop.sign_in(guest, customer.username)

        names = [event.name for event in [await tab.event(), await tab.event()] if event is not None]
        merged = await other_device.cart()
    assert names[-1] == "session"
    assert {line["sku"]: line["quantity"] for line in merged["items"]} == {"apple": 2, "banana": 1}
    async with listening_as(guest) as stream:
        assert await stream.cart() == guest.cart()
