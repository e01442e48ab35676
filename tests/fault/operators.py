"""Operators who give parts of paid orders back, with keys and without, press twice, repeat, and remember all answers.

A refund that was told done stays done, one that was refused never goes back. Drawn by the stage's seed.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

import httpx

from services.local.token import SignInError, access_token
from tests.fault.asking import Answer
from tests.fault.person import GaveUpError, Person
from tests.fault.town import PATIENCE_SECONDS, Giving, Town

NAME = "olga"
REST_SECONDS = (0.2, 0.8)
"""Between two orders, so that most of what the stack does is still checkouts."""
REFUSALS = ("refund_exceeds_payment", "restock_exceeds_sale")
"""The only ones that an operator may hear of a refund of a paid order."""
REASONS = ("duplicate", "fraudulent", "requested_by_customer", None)


class Operator(Person):
    """One of them, for as long as the trouble lasts."""

    def __init__(self, number: int, town: Town, seed: str) -> None:
        super().__init__(f"operator {number}", town, random.Random(f"{seed}:{number}"))
        self.givings: list[Giving] = []

    async def take_token(self) -> None:
        """Sign in once, as the demo operator, and hold a token from then on."""

        def redeemed() -> str:
            with httpx.Client(base_url=self.town.places.idp, timeout=30) as client:
                scope = "openid profile operator"
                return access_token(client, user=NAME, password=f"{NAME}-demo-password", scope=scope)

        try:
            token = await asyncio.to_thread(redeemed)
        except (SignInError, httpx.HTTPError) as failure:
            raise GaveUpError(f"no token: {failure}") from failure
        await self.me.client.close()
        self.me.client = self.town.door.client(token=token)

    async def live(self) -> None:
        """One order after another until the run ends."""
        while not self.town.ended.is_set():
            try:
                await self.serve()
            except GaveUpError as why:
                self.diary.breaks(f"no definite answer in {PATIENCE_SECONDS:.0f} s: {why}")
                await self.town.pause(1)
            await self.town.pause(self.dice.uniform(*REST_SECONDS))

    async def serve(self) -> None:
        """Give one or more parts of a paid order back, some at once; together they may be more than was paid."""
        paid = self.town.paid_orders()
        if not paid:
            await self.town.pause(0.5)
            return
        # The latest ones are still being worked on by whoever finishes them.
        attempt = self.dice.choice(paid[-20:])
        order = await self.insist("GET", f"/orders/{attempt.order_id}")
        if not order.good:
            self.diary.breaks(f"order {attempt.order_id} was told paid, and is {order}")
        elif order.body["status"] == "paid":  # Paid is told before cartdb knows.
            parts = [self.part(order.body) for _ in range(self.dice.randint(1, 3))]
            await self.all_of(*(self.refund(giving, form) for giving, form in filter(None, parts)))
            if self.givings and self.dice.random() < 0.3:
                await self.check(self.dice.choice(self.givings))

    def part(self, order: Mapping[str, Any]) -> tuple[Giving, dict[str, Any]] | None:
        """Some of an order's money, and sometimes of its goods; None if nothing is left to be told apart."""
        total = int(order["total"])
        giving = self.town.giving(
            order["order_id"], self.dice.randint(max(1, total // 10), total * 2 // 3), diary=self.diary
        )
        if giving is None:
            return None
        self.givings.append(giving)
        form: dict[str, Any] = {"amount": giving.amount}
        if reason := self.dice.choice(REASONS):
            form["reason"] = reason
        if self.dice.random() < 0.3:
            form["restock"] = [{"sku": self.dice.choice(order["items"])["sku"], "quantity": 1}]
            self.town.counts["refunds that restock"] += 1
        return giving, form

    async def refund(self, giving: Giving, form: Mapping[str, Any]) -> None:
        """With a key or without, and sometimes pressed twice."""
        key = self.new_key() if self.dice.random() < 0.6 else None
        times = 2 if self.dice.random() < 0.25 else 1
        self.town.counts["refunds with a key" if key else "refunds without a key"] += 1
        self.town.counts["refunds pressed twice"] += times == 2
        await self.all_of(*(self.press(giving, form, key) for _ in range(times)))
        if giving.outcome is not None:
            self.town.counts[f"refunds told {giving.outcome}"] += 1

    async def press(self, giving: Giving, form: Mapping[str, Any], key: str | None) -> None:
        """Send it until the answer is definite."""
        name = f"order {giving.order_id} refund {giving.amount}"
        self.diary.write(f"{name} {'under ' + key if key else 'without a key'}: {dict(form)}")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            path = f"/orders/{giving.order_id}/refunds"
            answer = await self.me.client.ask("POST", path, json=form, key=key, seconds=self.patience())
            self.diary.write(f"{name} → {answer}")
            if answer.definite:
                return await self._heard(giving, answer)
            self.town.counts["refunds repeated"] += 1
            await asyncio.sleep(self.dice.uniform(0.1, 0.6))
        raise GaveUpError(name)

    async def _heard(self, giving: Giving, answer: Answer) -> None:
        if not answer.good:
            giving.tell("refused")
            self.town.counts[f"refunds refused: {answer.slug}"] += 1
            if answer.slug not in REFUSALS:
                self.diary.breaks(f"the refund of {giving.amount} of order {giving.order_id} was answered {answer}")
            return
        told = answer.body["refund"]
        giving.named(told["refund_id"])
        if told["amount"] != giving.amount:
            wrong = f"a refund of {giving.amount} of order {giving.order_id} was answered as one of {told['amount']}"
            self.diary.breaks(wrong)
        if answer.status == 202:
            giving.tell("processing")
            self.town.counts["refunds told processing"] += 1
            await self.wait_for(giving)
        else:
            giving.tell("done")

    async def wait_for(self, giving: Giving) -> None:
        """It is processing: ask the order's address."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            state = await self.state_of(giving)
            if state != "pending":
                self.diary.write(f"order {giving.order_id} refund {giving.amount} is {state}")
                giving.tell("done" if state == "done" else "refused")
                return
            await asyncio.sleep(self.dice.uniform(0.2, 0.6))
        raise GaveUpError(f"the refund of {giving.amount} of order {giving.order_id} is still processing")

    async def state_of(self, giving: Giving) -> str | None:
        """What the order says of the refund; None if it does not show one."""
        answer = await self.insist("GET", f"/orders/{giving.order_id}")
        shown = answer.body.get("refunds", [])
        return next((str(one["status"]) for one in shown if one["amount"] == giving.amount), None)

    async def check(self, giving: Giving) -> None:
        """A refund of before must still be what was told."""
        told, state = giving.outcome, await self.state_of(giving)
        self.town.counts["refunds read again"] += 1
        agreed = {"done": ("done",), "refused": ("failed", None)}.get(told or "")
        if agreed and state not in agreed:
            wrong = f"the refund of {giving.amount} of order {giving.order_id} was told {told} and is {state}"
            self.diary.breaks("\n    ".join([wrong, *self.diary.about(giving.order_id)]))

    async def look_at_everything(self) -> None:
        """At the end: every refund that was ever wanted."""
        for giving in self.givings:
            await self.check(giving)
