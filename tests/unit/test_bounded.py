"""Answers of a neighbour that is not ours, which may be of any length."""

import gzip
from collections.abc import AsyncIterator

import httpx

from services.chassis.bounded import ANSWER_LIMIT, Bounded
from services.chassis.outbound import Neighbour
from services.contracts.problems import OutcomeUnknown


async def answered(body: bytes, **headers: str) -> httpx.Response | object:
    """What a caller gets to see of an answer that comes in two pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body[:1000]
        yield body[1000:]

    way = Bounded(httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=pieces())))
    async with Neighbour("idp", "http://idp.test", transport=way, attempts=1) as neighbour:
        return await neighbour.exchange("keys", "GET", "/jwks")


async def test_an_answer_of_the_greatest_length_is_read() -> None:
    read = await answered(b"x" * ANSWER_LIMIT)

    assert isinstance(read, httpx.Response)
    assert len(read.content) == ANSWER_LIMIT


async def test_a_longer_answer_is_none() -> None:
    assert isinstance(await answered(b"x" * (ANSWER_LIMIT + 1)), OutcomeUnknown)


async def test_a_compressed_answer_which_could_unfold_to_any_length_is_none() -> None:
    assert isinstance(await answered(gzip.compress(b"{}"), **{"content-encoding": "gzip"}), OutcomeUnknown)


async def test_plain_answers_are_asked_for() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["accept-encoding"])
        return httpx.Response(200)

    async with Neighbour("idp", "http://idp.test", transport=Bounded(httpx.MockTransport(answer))) as neighbour:
        await neighbour.exchange("keys", "GET", "/jwks")

    assert asked == ["identity"]
