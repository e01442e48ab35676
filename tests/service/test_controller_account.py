"""An erasure at the controller: interrupted after each of its steps, and overtaken by a sign-in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from services.chassis.database import Database
from services.chassis.outbound import Forwarded
from services.contracts.account import AccountPage, AccountPart, EraseOwner
from services.contracts.identity import owner_id_of
from services.contracts.problems import OutcomeNotKnown, Unavailable
from services.controller.account import Accounts
from services.controller.authority import Authority
from services.controller.session import Session, Sessions
from services.controller.signer import Signer
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.test_controller_sessions import ISSUER, signed_in

SUBJECT = "alice"
IDENTITY = (ISSUER, SUBJECT)
OWNER = owner_id_of(*IDENTITY)


async def nothing() -> None:
    pass


@dataclass
class Cartdb:
    """Remembers whom it was told to forget; answers nothing at one of its calls; is told when the user is forgotten."""

    silent_at: int | None = None
    calls: int = 0
    erased: list[tuple[str | None, str | None]] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[object]] = nothing
    merged: list[str] = field(default_factory=list)

    async def account_page(self, who: Authority, part: AccountPart, *, after: str | None) -> AccountPage:
        self._answer()
        if part is AccountPart.RECEIPTS and who.owner is None and self.merged:
            at = int(after or 0)
            later = str(at + 1) if at + 1 < len(self.merged) else None
            return AccountPage(records=[{"guest_owner": self.merged[at]}], next_after=later)
        return AccountPage(records=[{"of": who.owner, "after": after}] if part is AccountPart.CARTS else [])

    async def erase_owner(self, who: Authority, command: EraseOwner) -> None:
        self._answer()
        if not command.only_ask:
            self.erased.append((who.owner, command.adopted_by))
        if not command.only_ask and who.owner is None:
            await self.meanwhile()

    def _answer(self) -> None:
        self.calls += 1
        if self.calls - 1 == self.silent_at:
            raise OutcomeNotKnown(service="cartdb")


@dataclass
class Provider:
    """Hears which tokens are over, or does not answer."""

    silent: bool = False
    revoked: list[str] = field(default_factory=list)

    async def revoke(self, refresh_token: str) -> None:
        if self.silent:
            raise Unavailable(service="idp")
        self.revoked.append(refresh_token)


@dataclass(frozen=True)
class Alice:
    """The user, by a token."""

    owner_id: str = OWNER
    name: str | None = SUBJECT
    identity: tuple[str, str] | None = IDENTITY

    @property
    def authority(self) -> Authority:
        return Authority(Forwarded("token"))


@dataclass
class House:
    """The controller's table, cartdb and the provider."""

    urls: DatabaseUrls
    sessions: Sessions
    cartdb: Cartdb = field(default_factory=Cartdb)
    provider: Provider = field(default_factory=Provider)

    @property
    def accounts(self) -> Accounts:
        credential = Forwarded("guests")
        return Accounts(
            carts=self.cartdb,
            sessions=self.sessions,
            identity=self.provider,
            guest=lambda owner: Authority(credential, owner),
        )

    async def guest(self) -> Session:
        return await self.sessions.keep(self.sessions.fresh())

    async def rows(self, table: str) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(self.urls.app)
        try:
            return [dict(row) for row in await connection.fetch(f'SELECT * FROM "{table}"')]
        finally:
            await connection.close()

    async def expect_forgotten(self, *sessions: Session) -> None:
        """No row says who it was, and no id is good any more."""
        rows = await self.rows("sessions")
        assert {(row["issuer"], row["subject"], row["name"], row["tokens"], row["merge_id"]) for row in rows} == {
            (None,) * 5
        }
        assert await self.rows("adopted_guests") == []
        for session in sessions:
            assert await self.sessions.resume(session.id) is None


@pytest.fixture
async def house(make_database: MakeDatabase) -> AsyncIterator[House]:
    urls = await make_database("controller")
    async with Database(urls.app) as database:
        yield House(urls, Sessions(database, Signer("sample secret")))


async def test_an_erasure_interrupted_after_any_step_is_finished_by_a_repeat(house: House) -> None:
    interrupted = 0
    while True:
        guests = [await house.guest() for _ in range(2)]
        sessions = [await signed_in(house.sessions, guest) for guest in guests]
        house.cartdb = Cartdb(silent_at=interrupted)

        try:
            await house.accounts.erase_user(Alice(), IDENTITY)
        except OutcomeNotKnown:
            assert [await house.sessions.resume(session.id) is not None for session in sessions] == [True, True]
            await house.accounts.erase_user(Alice(), IDENTITY)
        else:
            break

        everybody = {(guest.guest_owner, OWNER) for guest in guests} | {(None, None)}
        assert set(house.cartdb.erased) == everybody
        await house.expect_forgotten(*sessions)
        interrupted += 1

    assert interrupted == 7  # The user's receipts; two guests and the user, asked and then told.


async def test_nobody_is_forgotten_before_everybody_was_asked(house: House) -> None:
    await signed_in(house.sessions, await house.guest())
    house.cartdb = Cartdb(silent_at=2)

    with pytest.raises(OutcomeNotKnown):
        await house.accounts.erase_user(Alice(), IDENTITY)

    assert house.cartdb.erased == []


async def test_a_sign_in_on_the_way_is_forgotten_with_its_guest_and_a_later_one_begins_anew(house: House) -> None:
    first, other = await house.guest(), await house.guest()
    sessions = [await signed_in(house.sessions, first)]

    async def sign_in_elsewhere() -> None:
        house.cartdb.meanwhile = nothing
        sessions.append(await signed_in(house.sessions, other))

    house.cartdb.meanwhile = sign_in_elsewhere
    await house.accounts.erase_user(Alice(), IDENTITY)
    later = await signed_in(house.sessions, await house.guest())

    told = [owner for owner, _ in house.cartdb.erased]
    assert told[:2] == [first.guest_owner, None]
    assert set(told[2:]) == {first.guest_owner, other.guest_owner, None}
    assert told[-1] is None
    assert [await house.sessions.resume(session.id) for session in sessions] == [None, None]
    assert await house.sessions.resume(later.id) is not None
    assert await house.sessions.every_guest_of(*IDENTITY) == {later.guest_owner}


async def test_guests_of_whom_only_receipts_tell_are_told_and_forgotten_too(house: House) -> None:
    session = await signed_in(house.sessions, await house.guest())
    house.cartdb.merged = ["guest:of-last-week", "guest:of-last-month"]

    export = "".join([piece async for piece in house.accounts.export(Alice(), [])])
    await house.accounts.erase_user(Alice(), IDENTITY)

    guests = {session.guest_owner, *house.cartdb.merged}
    assert all(f'"of": "{guest}"' in export for guest in guests)
    assert set(house.cartdb.erased) == {(guest, OWNER) for guest in guests} | {(None, None)}
    assert house.cartdb.erased[-1] == (None, None)


async def test_another_user_stays_who_they_are(house: House) -> None:
    await signed_in(house.sessions, await house.guest())
    bob = await signed_in(house.sessions, await house.guest(), "bob")

    await house.accounts.erase_user(Alice(), IDENTITY)

    still = await house.sessions.resume(bob.id)
    assert still is not None
    assert still.signed_in
    assert await house.sessions.every_guest_of(ISSUER, "bob") == {bob.guest_owner}


@pytest.mark.parametrize("unheard", [0, 2])
async def test_the_provider_is_told_that_the_sign_ins_are_over(house: House, unheard: int) -> None:
    for _ in range(2):
        await signed_in(house.sessions, await house.guest())
    ended = await signed_in(house.sessions, await house.guest())
    await house.sessions.end(ended, by="logout")
    house.provider.silent = unheard > 0

    assert await house.accounts.erase_user(Alice(), IDENTITY) == unheard

    assert len(house.provider.revoked) == 2 - unheard
    await house.expect_forgotten(ended)


async def test_who_cannot_be_asked_is_told_before_the_first_piece_of_an_export(house: House) -> None:
    house.cartdb = Cartdb(silent_at=0)

    with pytest.raises(OutcomeNotKnown):
        await anext(house.accounts.export(Alice(), []))


async def test_an_export_is_told_in_pieces_of_a_page(house: House) -> None:
    first = await signed_in(house.sessions, await house.guest())

    pieces = [piece async for piece in house.accounts.export(Alice(), [])]

    assert len(pieces) > 20
    assert f'"of": "{first.guest_owner}"' in "".join(pieces)
