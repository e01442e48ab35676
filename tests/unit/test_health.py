"""Readiness on paper: what its question does when it is called off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.chassis.app import create_service
from services.chassis.settings import ServiceSettings


def pinging(*pings: Any) -> FastAPI:
    """A service that is ready when all of these answer."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        yield {}

    return create_service(
        name="sample",
        title="sample",
        description="",
        settings=ServiceSettings.model_construct(log_format="json", log_level="error"),
        lifespan=lifespan,
        routers=[],
        pings={f"neighbour {place}": ping for place, ping in enumerate(pings)},
    )


@pytest.mark.parametrize("moments", range(5))
async def test_a_question_that_is_called_off_while_a_ping_answers_is_called_off(moments: int) -> None:
    asked, answers, never = (asyncio.Event() for _ in range(3))

    async def answering() -> None:
        asked.set()
        await answers.wait()

    async def silent() -> None:
        await never.wait()

    transport = httpx.ASGITransport(pinging(answering, silent))
    async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
        asking = asyncio.create_task(client.get("/health/ready"))
        await asked.wait()

        answers.set()
        for _ in range(moments):
            await asyncio.sleep(0)
        asking.cancel()
        ended, _ = await asyncio.wait([asking], timeout=1)

    assert ended == {asking}
    assert asking.cancelled()
