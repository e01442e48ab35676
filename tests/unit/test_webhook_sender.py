"""The sender's loop on paper: whatever breaks one look, the next one is taken."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import cast

import httpx
import pytest
from prometheus_client import REGISTRY

from services.payments.app import tell_for_ever
from services.payments.delivery import Delivery
from services.payments.delivery_store import DeliveryStore
from services.payments.endpoint_store import EndpointStore
from services.payments.sender import Pace, Sender
from services.payments.settings import Settings

BRISK = Pace(poll=0.01)


class _BreaksOnce:
    """Stores that break in a way that nobody foresaw, and then have nothing to tell."""

    def __init__(self) -> None:
        self.configured = 0
        self.looked = 0
        self.went_on = asyncio.Event()

    async def configure(self, url: str, secret: str) -> None:
        self.configured += 1
        if self.configured == 1:
            raise RuntimeError("not the database's kind of trouble")

    async def waiting(self) -> dict[str, timedelta]:
        self.looked += 1
        if self.looked == 1:
            raise RuntimeError("not the database's kind of trouble")
        self.went_on.set()
        return {}


class _InOtherHands:
    """Something is due, and another replica has its rows."""

    def __init__(self) -> None:
        self.looked = 0

    async def waiting(self) -> dict[str, timedelta]:
        self.looked += 1
        await asyncio.sleep(0)
        return {"we_1": timedelta(seconds=90)}

    async def claim(self, endpoint_id: str, *, room: int, lease: timedelta) -> list[Delivery]:
        return []


async def test_what_another_replica_has_in_hand_is_not_asked_for_without_a_pause() -> None:
    store = _InOtherHands()
    async with httpx.AsyncClient() as client:
        running = asyncio.create_task(Sender(cast(DeliveryStore, store), client, pace=Pace(poll=600)).run())
        for _ in range(100):
            await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    assert store.looked == 1
    assert REGISTRY.get_sample_value("payments_webhooks_overdue_seconds") == 90


class _NothingDue:
    async def waiting(self) -> dict[str, timedelta]:
        return {}


@pytest.mark.parametrize("moments", range(5))
async def test_a_sender_that_is_woken_while_it_is_stopped_stops(moments: int) -> None:
    async with httpx.AsyncClient() as client:
        sender = Sender(cast(DeliveryStore, _NothingDue()), client, pace=Pace(poll=600))
        running = asyncio.create_task(sender.run())
        for _ in range(5):
            await asyncio.sleep(0)

        sender.wake()
        for _ in range(moments):
            await asyncio.sleep(0)
        running.cancel()
        ended, _ = await asyncio.wait([running], timeout=1)

        assert ended == {running}


async def test_whatever_breaks_one_look_the_sender_takes_the_next() -> None:
    broken = _BreaksOnce()
    settings = Settings.model_construct(webhook_url="", payments_webhook_secret="")
    async with httpx.AsyncClient() as client:
        sender = Sender(cast(DeliveryStore, broken), client, pace=BRISK)
        telling = asyncio.create_task(tell_for_ever(sender, cast(EndpointStore, broken), settings, BRISK))
        try:
            async with asyncio.timeout(5):
                await broken.went_on.wait()
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling

    assert (broken.configured, broken.looked) == (2, 2)
    assert REGISTRY.get_sample_value("payments_webhooks_overdue_seconds") == 0
