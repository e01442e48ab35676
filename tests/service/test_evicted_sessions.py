"""Sessions whose rows are gone, or that have ended elsewhere while this replica still remembers something else."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest
from starlette.requests import Request

from services.chassis.database import Database
from services.contracts.identity import owner_id_of
from services.contracts.problems import SessionRotated
from services.controller.doorkeeper import visitor
from services.controller.session import ROWLESS_SECONDS, Session, Sessions
from services.controller.signer import Signer, hash_of
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.test_controller_sessions import ISSUER, TOKENS, doorkeeper_of, signed_in

SECRET = "sample secret"


@pytest.fixture(scope="module")
async def urls(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("controller")


@pytest.fixture
async def database(urls: DatabaseUrls) -> AsyncIterator[Database]:
    async with Database(urls.app) as database:
        yield database


@pytest.fixture
async def sessions(database: Database) -> Sessions:
    return Sessions(database, Signer(SECRET))


@pytest.fixture
async def elsewhere(database: Database) -> Sessions:
    """Another replica's."""
    return Sessions(database, Signer(SECRET))


@pytest.fixture
async def evict(urls: DatabaseUrls) -> AsyncIterator[Callable[[Session], Awaitable[None]]]:
    """Delete the row behind everybody's back."""
    connection = await asyncpg.connect(urls.app)

    async def delete(session: Session) -> None:
        assert await connection.execute("DELETE FROM sessions WHERE id_hash = $1", hash_of(session.id)) == "DELETE 1"

    yield delete
    await connection.close()


Evict = Callable[[Session], Awaitable[None]]


def aged(signer: Signer, seconds: float) -> str:
    """An id that was given out so long ago."""
    body = f"{signer.new_id().partition('.')[0]}.{int(time.time() - seconds)}"
    return f"{body}.{signer._signature(body)}"


async def test_a_guest_whose_row_was_deleted_goes_on_with_the_same_cart_and_a_new_row(
    sessions: Sessions, evict: Evict
) -> None:
    guest = await sessions.keep(sessions.fresh())
    await evict(guest)

    remembered = await sessions.resume(guest.id)
    sessions._cache.clear()
    forgotten = await sessions.resume(guest.id)

    assert remembered is not None
    assert forgotten is not None
    assert forgotten.row is None
    assert remembered.guest_owner == forgotten.guest_owner == guest.guest_owner
    again = await sessions.keep(forgotten)
    assert again.row is not None
    assert again.row.guest_owner == guest.guest_owner


@pytest.mark.parametrize("remembered", [True, False])
async def test_an_old_id_whose_row_was_deleted_is_good_for_nothing_any_more(
    sessions: Sessions,
    evict: Evict,
    urls: DatabaseUrls,
    remembered: bool,  # noqa: FBT001 - a table's column
) -> None:
    cookie = aged(sessions.signer, ROWLESS_SECONDS + 60)
    guest = await sessions.keep(Session(cookie, sessions.signer.guest_owner(cookie)))
    assert await sessions.resume(cookie) is not None
    if remembered:  # It is so long since it was seen that the row is about to be written to.
        connection = await asyncpg.connect(urls.app)
        long_ago = "UPDATE sessions SET seen_at = now() - interval '2 hours' WHERE id_hash = $1"
        await connection.execute(long_ago, hash_of(cookie))
        await connection.close()
        guest = await sessions.reread(guest)
    await evict(guest)
    if not remembered:
        sessions._cache.clear()

    assert await sessions.resume(cookie) is None


STEPS: dict[str, Callable[[Sessions, Session], Awaitable[Session | None]]] = {
    "reread": lambda sessions, session: sessions.reread(session),
    "renew": lambda sessions, session: sessions.renew(session, TOKENS),
    "unlease": lambda sessions, session: sessions.unlease(session),
    "keep the old token": lambda sessions, session: sessions.without_refresh(session, TOKENS),
    "adopt": lambda sessions, session: sessions.merged(session, moved=True),
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_user_whose_row_is_deleted_in_the_middle_of_a_request_is_a_new_guest(
    sessions: Sessions, evict: Evict, step: str
) -> None:
    user = await signed_in(sessions, await sessions.keep(sessions.fresh()), subject=step)
    await evict(user)

    after = await STEPS[step](sessions, user)

    assert after is not None
    assert (after.row, after.signed_in) == (None, False)
    assert after.guest_owner == sessions.signer.guest_owner(user.id)
    assert after.guest_owner != user.guest_owner
    assert await sessions.guests_of(owner_id_of(ISSUER, step)) == [user.guest_owner]


async def test_who_signs_in_over_anothers_session_and_loses_the_row_is_a_guest_whom_nobody_adopted(
    sessions: Sessions, evict: Evict
) -> None:
    alice = await signed_in(sessions, await sessions.keep(sessions.fresh()))
    bob = await signed_in(sessions, alice, "bob")
    await evict(bob)
    sessions._cache.clear()

    guest = await sessions.resume(bob.id)

    assert guest is not None
    assert guest.guest_owner not in (bob.guest_owner, alice.guest_owner)


async def test_who_ended_and_whose_row_is_deleted_before_its_time_is_no_user_again(
    sessions: Sessions, evict: Evict
) -> None:
    user = await signed_in(sessions, await sessions.keep(sessions.fresh()))
    await sessions.end(user, by="logout")
    await evict(user)

    found = await sessions.resume(user.id)

    assert found is not None
    assert (found.signed_in, found.guest_owner == user.guest_owner) == (False, False)


def change_by(cookie: str) -> Request:
    headers = [(b"cookie", f"sid={cookie}".encode())]
    return Request({"type": "http", "method": "POST", "path": "/cart/items", "headers": headers, "state": {}})


@pytest.mark.parametrize("ended_by", ["logout", "login"])
async def test_a_change_under_an_id_that_ended_elsewhere_a_moment_ago_goes_into_no_cart_of_its_guest(
    sessions: Sessions, elsewhere: Sessions, ended_by: str
) -> None:
    visiting = sessions.fresh()
    assert await elsewhere.resume(visiting.id) is not None
    kept = await sessions.keep(visiting)
    await (signed_in(sessions, kept) if ended_by == "login" else sessions.end(kept, by="logout"))

    # when: the other replica still remembers that there was no row
    request = change_by(visiting.id)
    if ended_by == "login":
        with pytest.raises(SessionRotated):
            await visitor(request, doorkeeper_of(elsewhere))
        return
    shopper = await visitor(request, doorkeeper_of(elsewhere))

    assert shopper.guest
    assert shopper.session is not None
    assert shopper.owner_id != visiting.guest_owner
    assert shopper.session.id in request.scope["state"]["set_cookies"]["sid"]
    assert (await elsewhere.reread(shopper.session)).row is not None


async def test_a_session_is_kept_once_however_many_replicas_keep_it(sessions: Sessions, elsewhere: Sessions) -> None:
    visiting = sessions.fresh()

    one, other = await sessions.keep(visiting), await elsewhere.keep(visiting)

    assert one.row is not None
    assert other.row is not None
    assert (one.row.created_at, one.guest_owner) == (other.row.created_at, other.guest_owner)
    assert replace(one, row=None) == replace(other, row=None) == visiting
