"""Live carts: every tab and device of an owner sees a change at once, whoever made it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from services.controller import live_api
from tests.conftest import MakeDatabase
from tests.service.idp import SHOP
from tests.service.listening import Listening, listening
from tests.service.sign_in_stand import Browser, Shop, standing

EVENTS = f"{SHOP}/cart/events"


@pytest.fixture(scope="module")
async def shop(make_database: MakeDatabase) -> AsyncIterator[Shop]:
    """`shop.controller()`, `shop.browser(address)`."""
    async with standing(make_database) as shop:
        yield shop


@pytest.fixture(scope="module")
async def door(shop: Shop) -> AsyncIterator[str]:
    """A controller."""
    async with shop.controller() as address:
        yield address


@asynccontextmanager
async def tab(browser: Browser, **headers: str) -> AsyncIterator[Listening]:
    """One more tab of the browser that listens."""
    async with listening(browser.http, EVENTS, headers) as stream:
        yield stream


@pytest.fixture
async def guest(shop: Shop, door: str) -> AsyncIterator[Browser]:
    """A browser that has looked at its cart and put nothing in."""
    async with shop.browser(door) as browser:
        await browser.http.get(f"{SHOP}/cart")
        yield browser


async def test_a_stream_begins_with_the_cart_as_it_is(guest: Browser) -> None:
    await guest.add_apples()

    async with tab(guest) as stream:
        first = await stream.block()
        cart = await stream.cart()

    assert first == ["retry: 1000"]
    assert cart == (await guest.http.get(f"{SHOP}/cart")).json()
    assert stream.response.headers["content-type"].startswith("text/event-stream")
    assert stream.response.headers["cache-control"] == "no-store"
    assert stream.response.headers["x-accel-buffering"] == "no"
    assert "content-length" not in stream.response.headers
