"""The faulty line does what it says, seen from both of its ends, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import httpx
import pytest
from aiohttp import web

from services.chassis.outbound import Neighbour
from services.contracts.problems import NotSent, OutcomeUnknown
from services.local.ports import free_port
from tests.fault.fates import ANSWERED, FORWARDED, Drawn, Exchange, Fate, Kind, always, in_turn, only, passing
from tests.fault.tcp import BROKEN, UNREACHABLE, FaultyLine

ORDER = b'{"order": 42}'
PATIENCE = 0.4
LONG = 20_000


@dataclass
class Target:
    """A server that counts what reaches it."""

    port: int = 0
    received: list[tuple[str, str, bytes]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.received.append((request.method, request.path, await request.read()))
        self.connections.add(request.transport)
        await self.may_answer.wait()
        if request.path == "/chunked":
            return await self._in_chunks(request)
        return web.Response(body=b"x" * LONG if request.path == "/long" else b"done %d" % len(self.received))

    async def _in_chunks(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b"one ", b"two ", b"three"):
            await response.write(piece)
        return response


@asynccontextmanager
async def target() -> AsyncIterator[Target]:
    server = Target()
    server.may_answer.set()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


@dataclass
class Parties:
    """A caller, the line and the target behind it."""

    line: FaultyLine
    target: Target
    http: httpx.AsyncClient

    async def order(self, path: str = "/orders") -> str:
        return (await self.http.post(path, content=ORDER)).text


@pytest.fixture
async def parties() -> AsyncIterator[Parties]:
    async with AsyncExitStack() as stack:
        behind = await stack.enter_async_context(target())
        line = await stack.enter_async_context(FaultyLine(behind.port))
        address = f"http://127.0.0.1:{line.port}"
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=PATIENCE))
        yield Parties(line, behind, http)


async def ask_afresh(line: FaultyLine) -> str:
    """On a new connection: a kept one is found dead only by the next request on it."""
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        return (await http.get(f"http://127.0.0.1:{line.port}/")).text


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0.01)


async def test_without_faults_a_kept_connection_carries_one_exchange_after_the_other(parties: Parties) -> None:
    answers = [await parties.order() for _ in range(3)]
    long = await parties.http.get("/long")
    chunked = await parties.http.get("/chunked")
    head = await parties.http.head("/long")

    assert answers == ["done 1", "done 2", "done 3"]
    assert (len(long.content), chunked.text, head.headers["content-length"]) == (LONG, "one two three", str(LONG))
    assert parties.target.received[0] == ("POST", "/orders", ORDER)
    assert parties.line.counts == {Kind.PASSED: 6}
    assert len(parties.target.connections) == 1


async def test_every_exchange_of_a_kept_connection_has_its_own_fate(parties: Parties) -> None:
    seen: list[Exchange] = []
    fates = in_turn(Kind.PASSED, Kind.DUPLICATED, Kind.LOST)

    def policy(exchange: Exchange) -> Fate:
        seen.append(exchange)
        return fates(exchange)

    parties.line.policy = policy
    await parties.order()
    await parties.http.post("/orders", content=ORDER, headers={"Idempotency-Key": "k1"})
    with pytest.raises(httpx.TransportError):
        await parties.order()
    await parties.order()

    assert [(one.connection, one.number, one.key) for one in seen] == [
        (0, 0, None),
        (0, 1, "k1"),
        (0, 2, None),
        (1, 0, None),
    ]
    assert parties.line.counts == {Kind.PASSED: 2, Kind.DUPLICATED: 1, Kind.LOST: 1}


@pytest.mark.parametrize("wait", [Fate(before=0.15), Fate(after=0.15), Fate(Kind.TRICKLED, seconds=0.15)])
async def test_a_late_answer_comes_late_and_whole(parties: Parties, wait: Fate) -> None:
    parties.line.policy = lambda _: wait
    started = time.monotonic()

    answer = await parties.http.get("/long")

    assert time.monotonic() - started >= 0.15
    assert len(answer.content) == LONG


@pytest.mark.parametrize("kind", sorted(FORWARDED - ANSWERED))
async def test_a_request_whose_answer_is_lost_reached_the_target_exactly_once(parties: Parties, kind: Kind) -> None:
    parties.line.policy = always(kind)

    with pytest.raises(httpx.TransportError):
        await parties.order()

    await until(lambda: parties.line.under_way == 0)
    assert parties.target.received == [("POST", "/orders", ORDER)]
    assert parties.line.counts == {kind: 1}


@pytest.mark.parametrize("kind", sorted(frozenset(Kind) - FORWARDED))
async def test_what_is_not_forwarded_never_reaches_the_target(parties: Parties, kind: Kind) -> None:
    parties.line.policy = always(kind)

    with pytest.raises(httpx.TransportError):
        await parties.order()

    await until(lambda: parties.line.under_way == 0)
    assert (parties.target.received, parties.line.counts) == ([], {kind: 1})


async def test_an_abandoned_request_is_worked_on_after_its_caller_was_cut_off(parties: Parties) -> None:
    parties.line.policy = always(Kind.ABANDONED)
    parties.target.may_answer.clear()

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await parties.order()
    still_at_work = parties.line.under_way
    parties.target.may_answer.set()

    await until(lambda: parties.line.under_way == 0)
    assert (still_at_work, len(parties.target.received)) == (1, 1)


async def test_a_cut_answer_breaks_off_within_its_body(parties: Parties) -> None:
    parties.line.policy = always(Kind.CUT)
    lengths: list[int] = []

    async def read() -> None:
        async with parties.http.stream("GET", "/long") as answer:
            lengths.append(int(answer.headers["content-length"]))
            await answer.aread()

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await read()

    assert lengths == [LONG]


async def test_a_duplicate_is_the_same_request_again_and_its_answer_is_thrown_away(parties: Parties) -> None:
    parties.line.policy = in_turn(Fate(Kind.DUPLICATED, seconds=0.1))

    first = await parties.order("/a")
    meanwhile = await parties.order("/b")
    await until(lambda: parties.line.under_way == 0)
    last = await parties.order("/c")

    assert (first, meanwhile, last) == ("done 1", "done 2", "done 4")
    assert [path for _, path, _ in parties.target.received] == ["/a", "/b", "/a", "/c"]
    assert parties.target.received[0] == parties.target.received[2]


async def test_a_request_that_its_caller_gave_up_arrives_late(parties: Parties) -> None:
    parties.line.policy = always(Kind.PASSED, before=PATIENCE * 1.5)

    with pytest.raises(httpx.ReadTimeout):
        await parties.order()
    by_then = len(parties.target.received)

    await until(lambda: parties.line.under_way == 0)
    assert (by_then, len(parties.target.received)) == (0, 1)


async def test_a_line_that_is_down_refuses_and_comes_back_at_the_same_port(parties: Parties) -> None:
    await parties.order()

    for _ in range(3):
        parties.line.down()
        with pytest.raises(httpx.ConnectError):
            await ask_afresh(parties.line)
        parties.line.up()
        parties.line.up()

    assert await ask_afresh(parties.line) == "done 2"


async def test_going_down_cuts_what_is_under_way_and_forgets_what_was_not_forwarded(parties: Parties) -> None:
    parties.line.policy = always(Kind.PASSED, before=0.3)
    asking = asyncio.create_task(parties.order())
    await until(lambda: parties.line.under_way == 1)

    parties.line.down()

    with pytest.raises(httpx.TransportError):
        await asking
    assert (parties.line.under_way, parties.target.received) == (0, [])


async def test_a_target_that_is_not_there_is_a_reset_and_counted() -> None:
    async with FaultyLine(free_port()) as line, httpx.AsyncClient() as http:
        with pytest.raises(httpx.TransportError):
            await http.post(f"http://127.0.0.1:{line.port}/")

        assert line.counts == {Kind.PASSED: 1, UNREACHABLE: 1}


async def test_a_target_that_dies_over_a_request_is_a_reset_and_counted() -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(die, "127.0.0.1", 0)
    async with server, FaultyLine(server.sockets[0].getsockname()[1]) as line, httpx.AsyncClient() as http:
        with pytest.raises(httpx.TransportError):
            await http.get(f"http://127.0.0.1:{line.port}/")

        assert line.counts == {Kind.PASSED: 1, BROKEN: 1}


@pytest.mark.parametrize("kind", sorted(frozenset(Kind) - ANSWERED))
async def test_the_chassis_knows_that_it_does_not_know(parties: Parties, kind: Kind) -> None:
    parties.line.policy = always(kind)

    async with Neighbour("target", f"http://127.0.0.1:{parties.line.port}", read_seconds=PATIENCE, attempts=1) as calls:
        outcome = await calls.exchange("order", "POST", "/orders", content=ORDER)

    await until(lambda: parties.line.under_way == 0)
    assert isinstance(outcome, OutcomeUnknown)
    assert len(parties.target.received) == (1 if kind in FORWARDED else 0)


async def test_the_chassis_says_not_sent_only_when_nothing_was_forwarded(parties: Parties) -> None:
    parties.line.policy = Drawn(3, dict.fromkeys(Kind, 1.0), before=(0.0, 0.02), seconds=(0.0, 0.02))
    outcomes = []

    async with Neighbour("target", f"http://127.0.0.1:{parties.line.port}", read_seconds=0.1, attempts=1) as calls:
        for turn in range(60):
            if turn % 5 == 4:
                parties.line.down()
            outcomes.append(await calls.exchange("order", "POST", f"/{turn}", content=ORDER))
            await until(lambda: parties.line.under_way == 0)
            parties.line.up()

    not_sent = [turn for turn, outcome in enumerate(outcomes) if isinstance(outcome, NotSent)]
    reached = {int(path[1:]) for _, path, _ in parties.target.received}
    assert not_sent
    assert set(not_sent) <= set(range(4, 60, 5))
    assert reached.isdisjoint(not_sent)
    assert {outcome for outcome in parties.line.counts if outcome in set(Kind)} == set(Kind)


async def test_aiohttp_sees_an_answer_that_is_lost_on_a_fresh_connection(parties: Parties) -> None:
    parties.line.policy = always(Kind.LOST)

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"http://127.0.0.1:{parties.line.port}/orders", data=ORDER)

    assert len(parties.target.received) == 1


async def test_a_thread_of_its_own_serves_sync_callers(parties: Parties) -> None:
    def talk() -> list[str]:
        with FaultyLine(parties.target.port) as line, httpx.Client(base_url=f"http://127.0.0.1:{line.port}") as http:
            told = [http.post("/orders").text]
            line.down()
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"http://127.0.0.1:{line.port}/")
            line.up()
            line.policy = in_turn(Kind.LOST)
            with pytest.raises(httpx.TransportError):
                http.post("/orders")
            return [*told, http.post("/orders").text]

    assert await asyncio.to_thread(talk) == ["done 1", "done 3"]


def test_the_same_seed_draws_the_same_fates_and_another_one_others() -> None:
    exchanges = [Exchange(number // 4, number % 4, "POST", "/") for number in range(40)]

    def fates(seed: int, *, per_connection: bool = False) -> list[Fate]:
        drawn = Drawn(seed, dict.fromkeys(Kind, 1.0), after=(0.0, 1.0), per_connection=per_connection)
        return [drawn(exchange) for exchange in exchanges]

    assert fates(7) == fates(7) != fates(8)
    of_connections = fates(7, per_connection=True)
    assert all(len(set(of_connections[start : start + 4])) == 1 for start in range(0, 40, 4))
    assert len(set(of_connections)) == 10


def test_a_policy_may_be_for_some_calls_only() -> None:
    policy = only(always(Kind.LOST), methods=["POST"], path="/confirm")

    kinds = [
        policy(Exchange(0, 0, method, path)).kind
        for method, path in [("POST", "/v1/pi_1/confirm"), ("GET", "/v1/pi_1/confirm"), ("POST", "/v1/pi_1")]
    ]

    assert kinds == [Kind.LOST, Kind.PASSED, Kind.PASSED]
    assert passing(Exchange(0, 0, "POST", "/")) == Fate()
