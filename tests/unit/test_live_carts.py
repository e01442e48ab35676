"""Event streams on paper: what a listener is told, when, and what it costs when it is slow or cartdb is away."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from starlette.types import Message

from services.contracts.carts import WATCHED_AT_ONCE, CartStatus, CurrentVersion
from services.contracts.problems import TooManyStreams, Unavailable
from services.contracts.shop import CartOwner, ShopCart
from services.controller import live_api
from services.controller.live import LOOKS_AT_ONCE, STREAMS_OF_A_SESSION, Ending, Hub
from services.controller.live_api import EventStream, watch_for_ever

CART, OTHER = UUID(int=1), UUID(int=2)
OWNER, SESSION = "guest:1", "session-1"
SILENCE = b":\n\n"


@dataclass
class Shop:
    """An owner's cart as it is now, and the hub of the process that serves it."""

    cart_id: UUID = CART
    version: int = 1
    status: str = "open"
    away: bool = False
    unreadable: bool = False
    over: bool = False
    looks: int = 0
    asked: list[list[str]] = field(default_factory=list)
    most: int = 10_000

    def __post_init__(self) -> None:
        self.hub = Hub(versions=self.versions, most=self.most)

    async def versions(self, owners: Sequence[str]) -> list[CurrentVersion]:
        self.asked.append(list(owners))
        if self.away:
            raise Unavailable
        status = CartStatus(self.status)
        return [
            CurrentVersion(owner_id=owner, cart_id=self.cart_id, version=self.version, status=status)
            for owner in owners
        ]

    async def look(self) -> ShopCart | None:
        self.looks += 1
        if self.away or self.unreadable:
            raise Unavailable
        if self.over:
            return None
        return ShopCart(
            cart_id=self.cart_id,
            owner=CartOwner(id=OWNER, name=None),
            name=None,
            version=self.version,
            status=self.status,
            currency="INR",
            items=[],
            items_count=0,
            total_items=0,
            total_price=0,
            has_unavailable_items=False,
            current=True,
            expires_at=None,
            created_at=None,
            updated_at=None,
        )

    @asynccontextmanager
    async def client(self, *, seen: str | None = None, heartbeat: float = 60.0) -> AsyncIterator["Client"]:
        """Somebody who listens for as long as the block runs."""
        stream = EventStream(
            hub=self.hub, owner=OWNER, session_id=SESSION, look=self.look, seen=seen, heartbeat=heartbeat
        )
        client = Client()
        running = asyncio.create_task(stream({"type": "http"}, client.receive, client.send))
        client.running = running
        try:
            yield client
        finally:
            client.left.set()
            with suppress(TooManyStreams):
                await client.end()


class Client:
    """What a server hands over piece by piece, to a client that may stop reading."""

    running: "asyncio.Task[None]"

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.left = asyncio.Event()
        self.ended = False

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.body":
            self.ended = not message["more_body"]
            if message["body"]:
                self.pieces.put_nowait(message["body"])

    async def piece(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.pieces.get()

    async def end(self) -> None:
        """Wait until the stream has ended."""
        async with asyncio.timeout(5):
            await self.running

    async def event(self) -> str:
        """The id of the next event about the cart."""
        while not (piece := await self.piece()).startswith(b"event: cart"):
            assert piece.startswith((b":", b"retry: ")), piece
        return piece.decode().partition("\nid: ")[2].strip()


async def test_a_stream_begins_with_a_pause_for_coming_back_and_the_cart_as_it_is() -> None:
    async with Shop(version=7).client() as client:
        assert re.fullmatch(rb"retry: [12][0-9]{3}\n\n|retry: 3000\n\n", await client.piece())
        assert await client.event() == f"{CART}:7"


@pytest.mark.parametrize(
    ("seen", "status", "told"),
    [
        (f"{CART}:7", "open", False),
        (f"{CART}:6", "open", True),
        (f"{OTHER}:7", "open", True),
        # The checkout that began since has not changed the version.
        (f"{CART}:7", "in_checkout", True),
        (None, "open", True),
    ],
)
async def test_who_comes_back_is_told_nothing_only_if_they_know_the_cart_as_it_is(
    seen: str | None, status: str, *, told: bool
) -> None:
    shop = Shop(version=7, status=status)

    async with shop.client(seen=seen) as client:
        assert re.fullmatch(rb"retry: [12][0-9]{3}\n\n|retry: 3000\n\n", await client.piece())
        assert (await client.piece()).startswith(b"event: cart") is told
        shop.version = 8
        await shop.hub.poll()

        assert await client.event() == f"{CART}:8"


@pytest.mark.parametrize("change", [{"version": 2}, {"cart_id": OTHER}, {"status": "in_checkout"}], ids=str)
@pytest.mark.parametrize("ours", [True, False], ids=["by this process", "by another"])
async def test_every_change_is_told_whoever_made_it(change: dict[str, object], *, ours: bool) -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.event()

        vars(shop).update(change)
        shop.hub.changed(OWNER) if ours else await shop.hub.poll()

        assert await client.event() == f"{shop.cart_id}:{shop.version}"


async def test_a_look_that_finds_nothing_new_is_no_event() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.event()

        await shop.hub.poll()
        shop.hub.changed("guest:2")
        shop.hub.changed(OWNER)
        assert await client.piece() == SILENCE

        assert shop.looks == 2


async def test_changes_in_quick_succession_are_told_as_one_and_the_last_one_always() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.event()

        for shop.version in range(2, 1002):
            shop.hub.changed(OWNER)

        assert await client.event() == f"{CART}:1001"
        assert shop.looks == 2


async def test_a_client_that_does_not_read_makes_nothing_pile_up() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.event()
        client.reads.clear()

        for shop.version in range(2, 502):
            shop.hub.changed(OWNER)
            await asyncio.sleep(0)
        looked = shop.looks
        client.reads.set()
        told = await client.event()

        assert looked <= 2
        while told != f"{CART}:501":
            told = await client.event()
        assert shop.looks <= 3


async def test_a_silent_line_is_kept_open() -> None:
    async with Shop().client(heartbeat=0.01) as client:
        await client.event()

        assert [await client.piece() for _ in range(3)] == [SILENCE] * 3


async def test_a_fifth_stream_of_a_browser_ends_the_first() -> None:
    shop = Shop()
    async with shop.client() as first:
        await first.event()
        others = [shop.client() for _ in range(STREAMS_OF_A_SESSION)]
        for other in others:
            await (await other.__aenter__()).event()

        assert b"event: replaced" in await first.piece()
        await first.end()
        assert first.ended
        assert len(shop.hub) == STREAMS_OF_A_SESSION
        for other in others:
            await other.__aexit__(None, None, None)
    assert len(shop.hub) == 0


async def test_a_process_has_so_many_streams_and_refuses_the_next_before_it_begins() -> None:
    shop = Shop(most=1)
    async with shop.client() as first:
        await first.event()

        async with shop.client() as second:
            with pytest.raises(TooManyStreams):
                await second.end()
            assert second.pieces.empty()
    async with shop.client() as third:
        assert await third.event()


@pytest.mark.parametrize("known_by", ["the hub", "the look"])
async def test_the_end_of_a_session_is_told_and_ends_its_streams(known_by: str) -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.event()

        shop.over = True
        shop.hub.over([SESSION, "another"]) if known_by == "the hub" else shop.hub.changed(OWNER)

        assert b"event: session" in await client.piece()
        await client.end()
        assert client.ended


async def test_a_process_that_ends_ends_its_streams_at_once_and_takes_no_more() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.event()

        shop.hub.close()
        async with asyncio.timeout(1):
            await client.running

        assert client.ended
        assert client.pieces.empty()
        with pytest.raises(TooManyStreams), shop.hub.open(OWNER, SESSION):
            pytest.fail("it took one more")


async def test_a_client_that_goes_leaves_nothing_behind() -> None:
    shop = Shop()
    async with shop.client() as client:
        await client.event()

    assert len(shop.hub) == 0
    assert shop.hub.sessions() == []
    await shop.hub.poll()
    assert shop.asked == []


async def test_while_cartdb_is_away_streams_stay_and_afterwards_end_on_the_state_of_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_api, "TROUBLE_SECONDS", 0.01)
    monkeypatch.setattr(live_api, "POLL_SECONDS", 0.01)
    shop = Shop()
    polling = asyncio.create_task(watch_for_ever(shop.hub))
    async with shop.client() as client:
        await client.event()

        shop.away = True
        shop.hub.changed(OWNER)
        assert await client.piece() == b": the cart cannot be read at the moment: unavailable\n\n"
        shop.away, shop.version = False, 5

        assert await client.event() == f"{CART}:5"
    polling.cancel()
    await asyncio.wait([polling])


async def test_a_cart_that_cannot_be_read_for_long_is_asked_for_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"TROUBLE_SECONDS": 0.02, "POLL_SECONDS": 0.001, "GAP_SECONDS": 0.0}.items():
        monkeypatch.setattr(live_api, name, seconds)
    shop = Shop(unreadable=True)
    polling = asyncio.create_task(watch_for_ever(shop.hub))
    async with shop.client() as client:
        await client.piece()

        started = time.monotonic()
        for _ in range(5):
            await client.piece()

        assert time.monotonic() - started > 0.02 * (1 + 2 + 4 + 8 + 16)
        shop.unreadable = False
        assert await client.event() == f"{CART}:1"
    polling.cancel()
    await asyncio.wait([polling])


async def test_however_many_wake_at_once_they_read_their_carts_in_turns() -> None:
    shop, reading, most = Shop(), 0, 0

    class Door:
        async def again(self, session_id: str) -> SimpleNamespace:
            return SimpleNamespace(owner_id=session_id)

    class Shopping:
        async def cart(self, _: object) -> ShopCart | None:
            nonlocal reading, most
            reading += 1
            most = max(most, reading)
            await asyncio.sleep(0.001)
            reading -= 1
            return await shop.look()

    async def stream_of(owner: str) -> EventStream:
        request: Any = SimpleNamespace(state=SimpleNamespace(live=shop.hub, doorkeeper=Door()))
        shopper: Any = SimpleNamespace(session=SimpleNamespace(id=owner), owner_id=owner)
        shopping: Any = Shopping()
        answer = await live_api.cart_events(request, shopper, shopping)
        assert isinstance(answer, EventStream)
        return answer

    clients = [Client() for _ in range(3 * LOOKS_AT_ONCE)]
    for number, client in enumerate(clients):
        stream = await stream_of(f"guest:{number}")
        client.running = asyncio.create_task(stream({"type": "http"}, client.receive, client.send))
    for client in clients:
        assert await client.event()
        client.left.set()

    assert most == LOOKS_AT_ONCE
    await asyncio.gather(*(client.running for client in clients))


async def test_a_poll_that_breaks_does_not_end_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_api, "POLL_SECONDS", 0.01)
    polls: asyncio.Queue[int] = asyncio.Queue()

    async def versions(owners: Sequence[str]) -> list[CurrentVersion]:
        polls.put_nowait(len(owners))
        raise ZeroDivisionError

    hub = Hub(versions=versions, most=1)
    polling = asyncio.create_task(watch_for_ever(hub))
    with hub.open(OWNER, SESSION):
        async with asyncio.timeout(5):
            assert [await polls.get() for _ in range(2)] == [1, 1]
    polling.cancel()
    await asyncio.wait([polling])


async def test_all_owners_are_asked_for_together_in_as_few_questions_as_fit() -> None:
    shop = Shop()
    with_owners = [shop.hub.open(f"guest:{number % 3_000}", f"s{number}") for number in range(4_000)]
    for opened in with_owners:
        opened.__enter__()

    await shop.hub.poll()

    assert [len(owners) for owners in shop.asked] == [WATCHED_AT_ONCE, 1_000]
    for opened in with_owners:
        opened.__exit__(None, None, None)


async def test_nobody_is_asked_for_while_nobody_listens() -> None:
    hub = Shop().hub

    for _ in range(2):
        listened = asyncio.create_task(hub.listened())
        await asyncio.sleep(0)
        assert not listened.done()
        with hub.open(OWNER, SESSION):
            async with asyncio.timeout(5):
                await listened


async def test_the_first_reason_for_an_end_stands() -> None:
    with Shop().hub.open(OWNER, SESSION) as stream:
        stream.end(Ending.GONE)
        stream.end(Ending.SESSION)

        assert stream.ending is Ending.GONE
