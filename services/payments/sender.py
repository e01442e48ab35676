"""Tells endpoints what they have to be told: in every replica, as soon as it is due, each endpoint in its own lane."""

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import NoReturn

import httpx
from prometheus_client import Counter, Gauge

from services.chassis.database import FAILURES
from services.chassis.logs import get_logger
from services.contracts.problems import Problem

from .delivery import Delivery, pause_after, signature
from .delivery_store import DeliveryStore

logger = get_logger(__name__)

DELIVERIES = Counter(
    "payments_webhook_deliveries_total", "Tries to tell an endpoint of an event, by how they ended.", ("outcome",)
)
OVERDUE = Gauge(
    "payments_webhooks_overdue_seconds",
    "For how long the webhook that was due first has not been tried, at the last look.",
)
DATABASE_TROUBLE = (Problem, *FAILURES)
MOST_OF_AN_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds. The lease outlasts the patience, or one that is slow would be told twice at once.

    Attributes:
        poll: pause between two looks for what is due, unless woken.
        patience: how long an endpoint may take for its answer.
        lease: after which what nobody has marked is sent again.
        lane: how many tries one endpoint may have under way at a time.
    """

    poll: float = 1.0
    patience: float = 10.0
    lease: float = 20.0
    lane: int = 4


class Sender:
    """Sends what is due, and sees to it that a slow endpoint holds up nobody but itself."""

    def __init__(self, deliveries: DeliveryStore, client: httpx.AsyncClient, *, pace: Pace) -> None:
        self._deliveries = deliveries
        self._client = client
        self._pace = pace
        self._woken = asyncio.Event()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._asked_again: set[str] = set()

    def wake(self) -> None:
        """Something may be due now."""
        self._woken.set()

    async def run(self) -> NoReturn:
        """Send for ever."""
        try:
            while True:
                self._woken.clear()
                await self._open_lanes()
                await self._pause()
        finally:
            for lane in self._lanes.values():
                lane.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)

    async def _pause(self) -> None:
        # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the waking.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.poll):
                await self._woken.wait()

    async def _open_lanes(self) -> None:
        try:
            waiting = await self._deliveries.waiting()
        except DATABASE_TROUBLE as trouble:
            logger.warning("webhooks wait for the database", trouble=type(trouble).__name__)
            return
        except Exception:
            logger.exception("a look for due webhooks broke")
            return
        OVERDUE.set(max((overdue.total_seconds() for overdue in waiting.values()), default=0.0))
        for endpoint in waiting:
            if endpoint in self._lanes:
                self._asked_again.add(endpoint)
            else:
                lane = self._lanes[endpoint] = asyncio.create_task(self._drain(endpoint))
                lane.add_done_callback(partial(self._close_lane, endpoint))

    def _close_lane(self, endpoint: str, _: asyncio.Task[None]) -> None:
        del self._lanes[endpoint]
        # What was queued after the lane's last look has found it open. Not after every lane: one that found all rows in
        # another replica's hands would be opened again at once, and again.
        if endpoint in self._asked_again:
            self._asked_again.discard(endpoint)
            self.wake()

    async def _drain(self, endpoint: str) -> None:
        lease = timedelta(seconds=self._pace.lease)
        try:
            while due := await self._deliveries.claim(endpoint, room=self._pace.lane, lease=lease):
                await asyncio.gather(*map(self._deliver, due))
        except DATABASE_TROUBLE as trouble:
            logger.warning("webhooks wait for the database", trouble=type(trouble).__name__)
            await asyncio.sleep(self._pace.poll)
        except Exception:
            logger.exception("a lane of webhooks broke", endpoint=endpoint)
            await asyncio.sleep(self._pace.poll)

    async def _deliver(self, delivery: Delivery) -> None:
        trouble = await self._post(delivery)
        try:
            if trouble is None:
                await self._delivered(delivery)
            else:
                await self._failed(delivery, trouble)
        except DATABASE_TROUBLE as failure:  # Sent again when the lease has run out.
            logger.warning("a webhook could not be marked", event_id=delivery.event, trouble=type(failure).__name__)

    async def _post(self, delivery: Delivery) -> str | None:
        """Why the endpoint has not taken it, or None if it has."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(delivery.secret, delivery.body, at=int(time.time())),
            "User-Agent": "python-cart-payments",
        }
        try:
            async with asyncio.timeout(self._pace.patience):
                request = self._client.stream("POST", delivery.url, headers=headers, content=delivery.body.encode())
                async with request as answer:
                    await _read_a_little(answer)
        except Exception as failure:  # noqa: BLE001 - however it goes wrong, it is one failed try of one endpoint
            return type(failure.__cause__ or failure).__name__
        return None if answer.is_success else f"answered {answer.status_code}"

    async def _delivered(self, delivery: Delivery) -> None:
        if await self._deliveries.delivered(delivery):
            DELIVERIES.labels("delivered").inc()

    async def _failed(self, delivery: Delivery, why: str) -> None:
        told = {"event_id": delivery.event, "endpoint": delivery.endpoint, "attempts": delivery.attempts, "why": why}
        DELIVERIES.labels("failed").inc()
        chance = random.random()  # noqa: S311 - jitter, not a secret
        pause = pause_after(delivery.attempts, age=delivery.age, chance=chance)
        if pause is not None:
            await self._deliveries.put_off(delivery, pause)
            logger.warning("webhook failed", again_in_seconds=round(pause.total_seconds(), 1), **told)
        elif await self._deliveries.give_up(delivery):
            DELIVERIES.labels("given_up").inc()
            logger.error("webhook given up", **told)


async def _read_a_little(answer: httpx.Response) -> None:
    # To the end where that is near, so that the connection can be used again.
    read = 0
    async for chunk in answer.aiter_raw():
        read += len(chunk)
        if read > MOST_OF_AN_ANSWER:
            return
