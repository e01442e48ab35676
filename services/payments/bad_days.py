"""What a fault script can do to this service beyond HTTP: a card says no, a bank takes its time, webhooks go astray.

    {"name": "decline", "decline_code": "insufficient_funds"}    a confirmation is declined
    {"name": "slow_bank", "seconds": 5}                          it answers `processing`; the verdict comes later
    {"name": "slow_bank", "seconds": 5, "decline_code": "…"}     and is a no
    {"name": "webhook_lost"}                                     taken for delivered, and never sent
    {"name": "webhook_duplicated"}                               sent twice
    {"name": "webhook_delayed", "seconds": 5}                    taken for delivered, and sent so much later, once
    {"name": "webhook_reordered", "seconds": 5}                  likewise after the next one, if that comes sooner

A webhook's rule may say for which `event` it is, by how the type begins; `match` is about requests and not looked at.
"""

import asyncio
import json
from datetime import timedelta
from typing import Annotated, Literal

import httpx
from pydantic import Field

from services.chassis.faults import Effect, HttpEffect, Script, Seconds
from services.chassis.logs import get_logger

from .processor import AuthenticationRequired, Outcome, Pending, Verdict, decline_of
from .store import Authorise

logger = get_logger(__name__)

DeclineCode = Annotated[str, Field(pattern="^[a-z_]{1,64}$", description="a code such as insufficient_funds")]


class Decline(Effect):
    name: Literal["decline"]
    decline_code: DeclineCode = "generic_decline"


class SlowBank(Effect):
    name: Literal["slow_bank"]
    seconds: Seconds
    decline_code: DeclineCode | None = None


class OfDelivery(Effect):
    event: str = ""


class WebhookLost(OfDelivery):
    name: Literal["webhook_lost"]


class WebhookDuplicated(OfDelivery):
    name: Literal["webhook_duplicated"]


class WebhookLate(OfDelivery):
    name: Literal["webhook_delayed", "webhook_reordered"]
    seconds: Seconds = 5.0


Effects = HttpEffect | Decline | SlowBank | WebhookLost | WebhookDuplicated | WebhookLate


def scripted(authorise: Authorise, script: Script) -> Authorise:
    """The bank, as far as the script leaves it alone."""

    def ask(outcome: Outcome) -> Verdict:
        match script.take(Decline, SlowBank):
            case Decline(decline_code=code):
                return decline_of(code)
            case SlowBank(seconds=seconds, decline_code=code):
                verdict = authorise(outcome) if code is None else decline_of(code)
                if isinstance(verdict, AuthenticationRequired | Pending):
                    return verdict
                return Pending(timedelta(seconds=seconds), verdict)
            case _:
                return authorise(outcome)

    return ask


class Astray(httpx.AsyncBaseTransport):
    """The way of the webhooks, as far as the script leaves them alone."""

    def __init__(self, way: httpx.AsyncBaseTransport, script: Script) -> None:
        self._way = way
        self._script = script
        self._late: set[asyncio.Task[None]] = set()
        self._next_has_gone = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        kind = str(json.loads(await request.aread())["type"])
        effect = self._script.take(
            WebhookLost, WebhookDuplicated, WebhookLate, wanted=lambda effect: kind.startswith(effect.event)
        )
        match effect:
            case WebhookLost():
                return httpx.Response(200)
            case WebhookLate(seconds=seconds):
                self._send_late(request, seconds, overtaken=effect.name == "webhook_reordered")
                return httpx.Response(200)
            case WebhookDuplicated():
                await self._send_and_forget(request)
        try:
            return await self._way.handle_async_request(request)
        finally:
            self._next_has_gone.set()

    async def aclose(self) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._way.aclose()

    def _send_late(self, request: httpx.Request, seconds: float, *, overtaken: bool) -> None:
        self._next_has_gone.clear()

        async def send() -> None:
            try:
                async with asyncio.timeout(seconds):
                    await (self._next_has_gone.wait() if overtaken else asyncio.Future())
            except TimeoutError:
                pass
            await self._send_and_forget(request)

        task = asyncio.create_task(send())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _send_and_forget(self, request: httpx.Request) -> None:
        try:
            answer = await self._way.handle_async_request(request)
            await answer.aread()
            await answer.aclose()
        except Exception as failure:  # noqa: BLE001 - however it goes wrong, a second or late delivery is lost
            logger.warning("a webhook that was sent by a fault script is lost", why=type(failure).__name__)
