"""Sessions and their table, where two requests of one browser meet."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import asyncpg
import pytest
from cachetools import TLRUCache
from starlette.requests import Request

from services.chassis.auth import TokenVerifier
from services.chassis.database import Database
from services.chassis.migrate import migrate
from services.contracts.carts import Freeze, Frozen, Line, MergeStrategy
from services.contracts.identity import first_cart_id, owner_id_of
from services.contracts.problems import NotSent, OutcomeNotKnown, Unavailable
from services.controller.adoption import Adoption
from services.controller.authority import Authority
from services.controller.clients import Carts
from services.controller.doorkeeper import Doorkeeper
from services.controller.provider import Identity, ServiceToken, Tokens
from services.controller.session import (
    CACHED_SECONDS,
    MAX_AGE_SECONDS,
    SIGNED_IN_IDLE_SECONDS,
    SIGNED_IN_SECONDS,
    UNDECIDED_SECONDS,
    Merging,
    Session,
    Sessions,
)
from services.controller.settings import Settings
from services.controller.signer import Signer, hash_of
from tests.conftest import MakeDatabase, MakeEmptyDatabase
from tests.service.test_upgrade import KEPT, section

ISSUER = "http://idp.test"
TOKENS = Tokens("access", "refresh", None, 900)


@pytest.fixture
async def sessions(make_database: MakeDatabase) -> AsyncIterator[Sessions]:
    """A controller's sessions."""
    urls = await make_database("controller")
    async with Database(urls.app) as database:
        yield Sessions(database, Signer("sample secret"))


async def signed_in(sessions: Sessions, old: Session, subject: str = "alice") -> Session:
    return await sessions.sign_in(old, issuer=ISSUER, subject=subject, name=subject, tokens=TOKENS)


@dataclass
class SlowAdoption:
    """cartdb takes its time, and meanwhile somebody else does something to the session."""

    sessions: Sessions
    ended_by: str
    carried_out: list[Session] = field(default_factory=list)

    async def carry_out(self, session: Session) -> Session:
        self.carried_out.append(session)
        await self.sessions.end(self.carried_out[0], by=self.ended_by)
        return await self.sessions.merged(session, moved=True)


def doorkeeper_of(sessions: Sessions, adoption: Any = None) -> Doorkeeper:
    nobody: Any = None
    return Doorkeeper(
        sessions=sessions,
        identity=cast(Identity, nobody),
        verifier=cast(TokenVerifier, nobody),
        guest_token=cast(ServiceToken, nobody),
        adoption=adoption,
        settings=Settings.model_construct(public_url="http://shop.test"),
    )


@pytest.mark.parametrize("ended_by", ["logout", "login"])
async def test_who_signs_out_elsewhere_while_the_cart_moves_is_a_guest_and_no_inner_error(
    sessions: Sessions, ended_by: str
) -> None:
    session = await signed_in(sessions, sessions.fresh())
    doorkeeper = doorkeeper_of(sessions, SlowAdoption(sessions, ended_by))
    cookie = f"{doorkeeper.cookie_name}={session.id}".encode()
    scope = {"type": "http", "method": "GET", "path": "/orders", "headers": [(b"cookie", cookie)], "state": {}}

    shopper = await doorkeeper.recognise(Request(scope))

    assert shopper.guest
    assert shopper.session is not None
    assert shopper.session.id != session.id
    assert shopper.session.id in scope["state"]["set_cookies"][doorkeeper.cookie_name]  # type: ignore[index]


async def test_a_guest_belongs_to_the_first_user_for_good(sessions: Sessions) -> None:
    guest = await sessions.keep(sessions.fresh())

    first = await signed_in(sessions, guest)
    other = await signed_in(sessions, guest, "bob")
    again = await signed_in(sessions, guest)

    assert first.guest_owner == again.guest_owner == guest.guest_owner
    assert other.guest_owner not in (guest.guest_owner, again.guest_owner)
    owner = [await sessions.guests_of(owner_id_of(ISSUER, subject)) for subject in ("alice", "bob")]
    assert owner == [[guest.guest_owner], []]


async def test_an_id_that_has_ended_claims_no_guest(sessions: Sessions) -> None:
    guest = await sessions.keep(sessions.fresh())
    await sessions.end(guest, by="logout")

    late = await signed_in(sessions, guest)

    assert late.guest_owner != guest.guest_owner
    assert await sessions.guests_of(owner_id_of(ISSUER, "alice")) == []


async def test_a_sign_in_with_an_id_of_before_does_not_end_it_a_second_time(sessions: Sessions) -> None:
    guest = await sessions.keep(sessions.fresh())
    await signed_in(sessions, guest)
    ended = (await sessions.reread(guest)).row

    await signed_in(sessions, guest)

    now = (await sessions.reread(guest)).row
    assert ended is not None
    assert now is not None
    assert (now.ended_at, now.ended_by) == (ended.ended_at, "login")


@pytest.mark.parametrize("ended_by", ["logout", "login", "expiry"])
async def test_what_an_ended_session_left_behind_is_still_to_be_moved_until_it_has(
    sessions: Sessions, ended_by: str
) -> None:
    session = await signed_in(sessions, await sessions.keep(sessions.fresh()))
    await sessions.end(session, by=ended_by)

    [left] = await sessions.unmerged(older_than=0)
    await sessions.merged(left, moved=True)

    assert left.guest_owner == session.guest_owner
    assert await sessions.unmerged(older_than=0) == []


@dataclass
class CartsAwayAtFirst:
    """cartdb, which cannot be reached by the first call, and then has nothing to move."""

    asked: list[MergeStrategy] = field(default_factory=list)

    async def freeze(self, guest: Authority, command: Freeze) -> Frozen | NotSent:
        self.asked.append(command.strategy)
        if len(self.asked) == 1:
            return NotSent("cartdb", "nobody listens")
        owner = str(guest.owner)
        nothing: dict[str, Any] = command.model_dump() | {"guest_owner": owner, "lines": []}
        return Frozen(**nothing, guest_cart_id=first_cart_id(owner))


async def test_what_the_shopper_chose_at_the_sign_in_holds_for_whoever_moves_the_lines_later(
    sessions: Sessions,
) -> None:
    carts = CartsAwayAtFirst()
    adoption = Adoption(carts=cast(Carts, carts), sessions=sessions, guest_token=cast(ServiceToken, None))
    session = await sessions.sign_in(
        sessions.fresh(),
        issuer=ISSUER,
        subject="carol",
        name=None,
        tokens=TOKENS,
        merging=Merging(MergeStrategy.KEEP_USER),
    )
    await adoption.carry_out(session)

    await adoption.catch_up(older_than=0)

    assert carts.asked == [MergeStrategy.KEEP_USER] * 2
    assert await sessions.unmerged(older_than=0) == []


ASKED = Merging(MergeStrategy.MAX, ask=True)


async def asked(sessions: Sessions, old: Session) -> Session:
    return await sessions.sign_in(old, issuer=ISSUER, subject="dora", name=None, tokens=TOKENS, merging=ASKED)


async def left_over(sessions: Sessions) -> set[bytes]:
    return {left.row.id_hash for left in await sessions.unmerged(older_than=0) if left.row}


async def put_back(database_url: str, session: Session, seconds: int) -> None:
    connection = await asyncpg.connect(database_url)
    ago = "UPDATE sessions SET created_at = created_at - $2 * interval '1 second' WHERE id_hash = $1"
    await connection.execute(ago, hash_of(session.id), seconds)
    await connection.close()


async def test_an_open_decision_is_left_to_its_shopper_for_a_day_and_to_any_session_of_theirs(
    make_database: MakeDatabase,
) -> None:
    urls = await make_database("controller")
    async with Database(urls.app) as database:
        sessions = Sessions(database, Signer("sample secret"))
        first = await asked(sessions, await sessions.keep(sessions.fresh()))
        await put_back(urls.app, first, UNDECIDED_SECONDS - 60)
        assert await left_over(sessions) == set()

        # when: they sign in again in the same browser, the first session is over, and the decision goes on
        second = await asked(sessions, first)
        assert (second.guest_owner, second.undecided) == (first.guest_owner, True)
        assert await left_over(sessions) == set()

        # then: a day after the first one was asked it is over, whatever the second one says
        await put_back(urls.app, first, 61)
        assert await left_over(sessions) == {hash_of(first.id)}
        # and so it is once nobody can decide any more
        await sessions.end(second, by="logout")
        assert await left_over(sessions) == {hash_of(first.id), hash_of(second.id)}


async def test_whoever_decides_nothing_more_needs_no_session_that_asked(sessions: Sessions) -> None:
    first = await asked(sessions, await sessions.keep(sessions.fresh()))
    second = await asked(sessions, first)

    decided = await sessions.merged(second, moved=True)

    assert not decided.undecided
    assert await left_over(sessions) == {hash_of(first.id)}


@dataclass
class CartsAway:
    """cartdb, which cannot be reached."""

    frozen: list[MergeStrategy] = field(default_factory=list)

    async def movable(self, guest: Authority) -> list[Line]:
        raise Unavailable(f"Nobody knows what {guest.owner} has.")

    async def freeze(self, _: Authority, command: Freeze) -> NotSent:
        self.frozen.append(command.strategy)
        return NotSent("cartdb", "nobody listens")


async def test_a_sign_in_that_asks_is_not_kept_waiting_by_cartdb_and_asks_later(sessions: Sessions) -> None:
    carts = CartsAway()
    adoption = Adoption(carts=cast(Carts, carts), sessions=sessions, guest_token=cast(ServiceToken, None))
    session = await asked(sessions, await sessions.keep(sessions.fresh()))

    begun = await adoption.begin(session)

    assert (begun.undecided, await adoption.is_pending(begun), carts.frozen) == (True, False, [])
    with pytest.raises(OutcomeNotKnown):
        await adoption.decide(begun, MergeStrategy.KEEP_GUEST)
    assert (await sessions.reread(begun)).undecided
    assert carts.frozen == [MergeStrategy.KEEP_GUEST]


async def test_a_row_of_a_controller_that_does_not_ask_is_not_waited_for(make_database: MakeDatabase) -> None:
    urls = await make_database("controller")
    connection = await asyncpg.connect(urls.app)
    async with Database(urls.app) as database:
        sessions = Sessions(database, Signer("sample secret"))
        row = "INSERT INTO sessions (id_hash, guest_owner, issuer, subject) VALUES (sha256('1'), 'guest:1', 'i', 's')"
        await connection.execute(row)

        [left] = await sessions.unmerged(older_than=0)

        assert (left.guest_owner, left.undecided) == ("guest:1", False)
    await connection.close()


async def test_what_has_still_to_move_is_not_forgotten(make_database: MakeDatabase) -> None:
    urls = await make_database("controller")
    owner = await asyncpg.connect(urls.owner)
    async with Database(urls.app) as database:
        sessions = Sessions(database, Signer("sample secret"))
        moved, waiting = [await signed_in(sessions, await sessions.keep(sessions.fresh())) for _ in range(2)]
        await sessions.merged(moved, moved=True)
        for session in (moved, waiting):
            await sessions.end(session, by="logout")
        await owner.execute("UPDATE sessions SET ended_at = ended_at - interval '2 days'")

        await sessions.forget_old()

        assert [left.guest_owner for left in await sessions.unmerged(older_than=0)] == [waiting.guest_owner]
        assert await owner.fetchval("SELECT count(*) FROM sessions") == 1
    await owner.close()


async def test_who_renews_the_tokens_has_the_newest_ones_whatever_its_replica_remembers(
    make_database: MakeDatabase,
) -> None:
    urls = await make_database("controller")
    ended = replace(TOKENS, expires_in=0)
    async with Database(urls.app) as here, Database(urls.app) as there:
        one, other = (Sessions(database, Signer("sample secret")) for database in (here, there))
        begun = await one.sign_in(one.fresh(), issuer=ISSUER, subject="alice", name=None, tokens=ended)
        remembered = await other.resume(begun.id)
        assert remembered is not None

        # when: one replica has renewed them, and they have run out again while the other one still remembers the first
        leased = await one.lease_refresh(begun)
        assert leased is not None
        assert await other.lease_refresh(remembered) is None
        await one.renew(leased, replace(ended, refresh_token="the next"))
        again = await other.lease_refresh(remembered)

        assert again is not None
        assert again.row is not None
        assert other.tokens_of(again.row).refresh_token == "the next"


async def test_guests_who_bought_nothing_are_forgotten_and_the_others_are_not(make_database: MakeDatabase) -> None:
    urls = await make_database("controller")
    owner = await asyncpg.connect(urls.owner)
    async with Database(urls.app) as database:
        sessions = Sessions(database, Signer("sample secret"))
        buyer, looker, unread = [await signed_in(sessions, await sessions.keep(sessions.fresh())) for _ in range(3)]
        assert await sessions.unread_guests() == []
        await owner.execute("UPDATE adopted_guests SET adopted_at = adopted_at - interval '2 days'")
        assert len(await sessions.unread_guests()) == 3

        await sessions.read_guest(buyer.guest_owner, has_orders=True)
        await sessions.read_guest(looker.guest_owner, has_orders=False)
        await sessions.forget_old()

        assert set(await sessions.guests_of(owner_id_of(ISSUER, "alice"))) == {buyer.guest_owner, unread.guest_owner}
        assert await owner.fetchval("SELECT count(*) FROM adopted_guests") == 2
    await owner.close()


async def test_sign_ins_of_before_there_was_a_table_of_guests_are_taken_over(
    make_empty_database: MakeEmptyDatabase,
) -> None:
    urls = await make_empty_database("controller")
    schema = section(KEPT[0], "controller")
    owner = await asyncpg.connect(urls.owner)
    await owner.execute(schema)
    subject = "asha\N{DEVANAGARI LETTER A}"
    await owner.execute(
        """
        INSERT INTO public.sessions (id_hash, guest_owner, issuer, subject, created_at, merge_done)
        VALUES (sha256('1'), 'guest:1', $1, $2, now(), true), (sha256('2'), 'guest:1', $1, 'later', now() + '1s', true)
        """,
        ISSUER,
        subject,
    )
    await owner.close()

    await asyncio.to_thread(migrate, "controller", urls.owner)

    async with Database(urls.app) as database:
        sessions = Sessions(database, Signer("sample secret"))
        assert await sessions.guests_of(owner_id_of(ISSUER, subject)) == ["guest:1"]
        assert await sessions.guests_of(owner_id_of(ISSUER, "later")) == []


def test_ten_thousand_ids_are_ten_thousand_and_each_has_256_random_bits() -> None:
    signer = Signer("sample secret")

    parts = [signer.new_id().partition(".")[0] for _ in range(10_000)]

    assert len(set(parts)) == 10_000
    drawn = [int.from_bytes(base64.urlsafe_b64decode(f"{part}=")) for part in parts]
    assert {len(base64.urlsafe_b64decode(f"{part}=")) for part in parts} == {32}
    for bit in range(256):
        assert 4_600 < sum(number >> bit & 1 for number in drawn) < 5_400, bit


DAY = 24 * 3600


@pytest.mark.parametrize(
    ("who", "unused", "age", "found_as"),
    [
        ("guest", MAX_AGE_SECONDS - 60, MAX_AGE_SECONDS, "guest"),
        ("guest", MAX_AGE_SECONDS + 60, MAX_AGE_SECONDS + 60, None),
        ("guest", 0, 300 * DAY, "guest"),
        ("user", SIGNED_IN_IDLE_SECONDS - 60, SIGNED_IN_IDLE_SECONDS, "user"),
        ("user", SIGNED_IN_IDLE_SECONDS + 60, SIGNED_IN_IDLE_SECONDS + 60, None),
        ("user", 0, SIGNED_IN_SECONDS - 60, "user"),
        ("user", 0, SIGNED_IN_SECONDS + 60, None),
    ],
)
async def test_a_session_ends_when_it_is_idle_and_a_users_ends_anyhow(
    make_database: MakeDatabase, who: str, unused: int, age: int, found_as: str | None
) -> None:
    urls = await make_database("controller")
    async with Database(urls.app) as database:
        sessions = Sessions(database, Signer("sample secret"))
        session = await sessions.keep(sessions.fresh())
        if who == "user":
            session = await signed_in(sessions, session)
        moved = """UPDATE sessions SET seen_at = now() - $2 * interval '1 second',
            created_at = now() - $3 * interval '1 second' WHERE id_hash = $1"""
        connection = await asyncpg.connect(urls.app)
        await connection.execute(moved, hash_of(session.id), unused, age)
        await connection.close()

        another_replica = Sessions(database, Signer("sample secret"))
        found = await another_replica.resume(session.id)

    assert (found and ("user" if found.signed_in else "guest")) == found_as


async def test_a_users_session_that_is_over_is_forgotten_with_its_tokens_however_busy_it_was(
    make_database: MakeDatabase,
) -> None:
    urls = await make_database("controller")
    connection = await asyncpg.connect(urls.app)
    async with Database(urls.app) as database:
        sessions = Sessions(database, Signer("sample secret"))
        over, going_on = [await signed_in(sessions, await sessions.keep(sessions.fresh())) for _ in range(2)]
        for session in (over, going_on):
            await sessions.merged(session, moved=True)
        long_ago = "UPDATE sessions SET created_at = now() - $2 * interval '1 second' WHERE id_hash = $1"
        await connection.execute(long_ago, hash_of(over.id), SIGNED_IN_SECONDS + 2 * DAY)

        await sessions.forget_old()

    left = await connection.fetch("SELECT id_hash FROM sessions WHERE tokens IS NOT NULL")
    await connection.close()
    assert [row["id_hash"] for row in left] == [hash_of(going_on.id)]


async def test_another_replica_knows_of_a_sign_out_within_a_second(sessions: Sessions) -> None:
    session = await signed_in(sessions, sessions.fresh())
    other = Sessions(sessions._database, Signer("sample secret"))
    now = [0.0]
    other._cache = TLRUCache(10, other._cache.ttu, lambda: now[0])
    assert await other.resume(session.id) is not None

    await sessions.end(session, by="logout")

    now[0] = 1.0
    assert await other.resume(session.id) is None


async def test_what_is_remembered_may_run_out_at_any_moment_of_a_look(sessions: Sessions) -> None:
    session = await sessions.keep(sessions.fresh())
    # Every look at this clock takes so long that of two in a row the second is too late.
    clock = itertools.count(step=0.6 * CACHED_SECONDS).__next__
    sessions._cache = TLRUCache(10, lambda _, __, now: now + CACHED_SECONDS, clock)

    found = [await sessions.resume(session.id) for _ in range(5)]

    assert [one.id for one in found if one is not None] == [session.id] * 5
