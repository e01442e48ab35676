"""Live carts with controllers that are processes of their own: many streams, an end by signal, a sudden death."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client import REGISTRY

from services.controller.live import STREAMS_OF_A_SESSION
from services.local.ports import free_port
from services.local.proxy import run as run_proxy
from services.local.settings import REPOSITORY
from tests.conftest import MakeDatabase
from tests.service.listening import Listening, listening
from tests.service.sign_in_stand import Shop, standing
from tests.serving import until_ready

pytestmark = pytest.mark.doors

AT_ONCE = 50


@pytest.fixture(scope="module")
async def shop(make_database: MakeDatabase) -> AsyncIterator[Shop]:
    """`shop.controller_settings()`."""
    async with standing(make_database) as shop:
        yield shop


@asynccontextmanager
async def controller(shop: Shop) -> AsyncIterator[tuple[Process, str]]:
    """A controller in a process of its own, and its address."""
    port = free_port()
    told = {name.upper(): str(value) for name, value in shop.controller_settings(log_level="warning").items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.chassis.serve", "controller", str(port)),
        env={**os.environ, **told},
        cwd=REPOSITORY,
        stdout=DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(30):
            await _answers(address)
        await until_ready(address)
        yield process, address
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(address: str) -> None:
    async with httpx.AsyncClient(base_url=address) as client:
        while True:
            try:
                await client.get("/health/live")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


class Wire:
    """A stream on a socket, which costs a test less than a client of HTTP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def first_event(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n") + await self.reader.readuntil(b'"updated_at":')

    async def rest(self) -> bytes:
        """What comes until the other side closes."""
        return await self.reader.read()


async def opened(address: str, gate: asyncio.Semaphore) -> Wire:
    """A stream of somebody new that has told the first event."""
    at = urlsplit(address)
    async with gate:
        wire = Wire(*await asyncio.open_connection(at.hostname, at.port))
        wire.writer.write(b"GET /cart/events HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert (await wire.first_event()).startswith(b"HTTP/1.1 200 OK\r\n")
    return wire


def polls() -> float:
    """How often cartdb, in this process, was asked how carts stand."""
    labels = {"method": "POST", "route": "/versions", "status": "200"}
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0.0


@asynccontextmanager
async def streams(address: str, number: int) -> AsyncIterator[list[Wire]]:
    """So many streams of as many newcomers."""
    gate = asyncio.Semaphore(AT_ONCE)
    wires = await asyncio.gather(*(opened(address, gate) for _ in range(number)))
    try:
        yield wires
    finally:
        for wire in wires:
            wire.writer.close()


async def test_a_thousand_streams_cost_two_questions_a_second_together(shop: Shop) -> None:
    async with controller(shop) as (_, address), streams(address, 1000):
        before, started = polls(), time.monotonic()
        await asyncio.sleep(2.5)
        asked, seconds = polls() - before, time.monotonic() - started

        async with httpx.AsyncClient(base_url=address) as shopper:
            await shopper.get("/cart")
            async with listening(shopper) as stream:
                assert await stream.apples() == 0
                assert (await shopper.post("/cart/items", json={"sku": "apple"})).status_code == 200
                assert await stream.apples() == 1
            assert (await shopper.get("/health/ready")).status_code == 200

    assert 1 <= asked <= 2 * seconds + 1


async def test_a_process_that_is_told_to_end_ends_its_streams_well_and_waits_for_nobody(shop: Shop) -> None:
    async with controller(shop) as (process, address), streams(address, 50) as wires:
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        ends = await asyncio.gather(*(wire.rest() for wire in wires))
        await process.wait()
        took = time.monotonic() - started

    assert {end[-5:] for end in ends} == {b"0\r\n\r\n"}
    assert took < 2
    assert process.returncode in (0, -signal.SIGTERM)


async def fate_of(stream: Listening) -> str | int:
    """`cut` when the stream breaks off, else how many things are in the next event's cart."""
    try:
        return await stream.apples()
    except httpx.RemoteProtocolError:
        return "cut"


async def streams_at(address: str) -> int:
    """How many streams a controller has open."""
    async with httpx.AsyncClient(base_url=address) as operator:
        lines = (await operator.get("/metrics")).text.splitlines()
    [told] = [line for line in lines if line.startswith("live_streams ")]
    return int(float(told.split()[1]))


async def test_the_clients_of_a_controller_that_dies_go_on_at_another(shop: Shop) -> None:
    async with AsyncExitStack() as opened_here:
        first, first_address = await opened_here.enter_async_context(controller(shop))
        second_address = await opened_here.enter_async_context(shop.controller())
        shopper = await opened_here.enter_async_context(before(first_address, second_address))
        await shopper.post("/cart/items", json={"sku": "apple"})
        streams: list[Listening] = []
        while not 0 < (at_first := await streams_at(first_address)) < len(streams):
            assert len(streams) < STREAMS_OF_A_SESSION
            await asyncio.sleep(len(streams) // 2)  # The proxy passes over whoever was late to answer it just now.
            streams.append(await opened_here.enter_async_context(listening(shopper)))
        seen = [await stream.event() for stream in streams]
        fates = [asyncio.create_task(fate_of(stream)) for stream in streams]

        first.kill()
        await asyncio.wait(fates, return_when=asyncio.FIRST_COMPLETED)
        assert seen[0] is not None
        async with listening(shopper, headers={"Last-Event-ID": str(seen[0].id)}) as again:
            assert (await again.block())[0].startswith("retry: ")
            assert await again.block() == [":"]
            assert (await shopper.post("/cart/items", json={"sku": "apple"})).status_code == 200

            assert await again.apples() == 2

        assert Counter(await asyncio.gather(*fates)) == {"cut": at_first, 2: len(streams) - at_first}


@asynccontextmanager
async def before(*addresses: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the proxy before these controllers."""
    front, listens = free_port(), asyncio.Event()
    proxy = asyncio.create_task(run_proxy(front, [int(urlsplit(it).port or 0) for it in addresses], ready=listens))
    await listens.wait()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{front}") as client:
        yield client
    proxy.cancel()
    await asyncio.wait([proxy])
