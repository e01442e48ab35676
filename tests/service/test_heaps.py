"""A heap of work that nobody can decide keeps no other work from its end."""

from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.chassis.database import Database
from services.chassis.outbound import Forwarded, Neighbour
from services.contracts.carts import Freeze, Frozen, Purchase
from services.contracts.identity import Scope, first_cart_id
from services.contracts.payments import PaymentIntent
from services.contracts.problems import OutcomeUnknown, Refused, Undecided
from services.controller import clients, session
from services.controller.adoption import Adoption
from services.controller.authority import Authority
from services.controller.checkout import Checkout
from services.controller.provider import ServiceToken
from services.controller.reconcile import Reconcile, a_few_at_once
from services.controller.refunds import Refunds
from services.controller.session import Sessions
from services.controller.signer import Signer
from tests.checkout_fakes import FakePayments, FakeStock, Wire
from tests.conftest import MakeDatabase
from tests.service.cartdb_client import CartDb, new_guest, running_cartdb

HEAP = 150
ROUNDS = 2
BROKEN = "guest:broken"

A_HEAP_OF_PURCHASES = """
    INSERT INTO purchases (owner_id, checkout_id, cart_id, state, fingerprint, snapshot, amount, currency, intent_id,
        created_at, attached_at)
    SELECT 'guest:heap-' || n, gen_random_uuid(), gen_random_uuid(), 'pending', fingerprint, snapshot, amount, currency,
        'pi_nobody_knows', created_at - interval '1 day', created_at
    FROM purchases, generate_series(1, $1) AS n
"""
A_HEAP_OF_SIGN_INS = """
    INSERT INTO sessions (id_hash, guest_owner, issuer, subject, created_at)
    SELECT sha256(n::text::bytea), CASE n % 2 WHEN 0 THEN $2 ELSE 'guest:undecided' END, 'i', 's' || n,
        now() - interval '1 day'
    FROM generate_series(1, $1) AS n
"""


class _SomeUnknown(FakePayments):
    """A processor that cannot tell about the heap's intent."""

    async def find(self, intent_id: str) -> PaymentIntent | Refused | Undecided:
        if intent_id == "pi_nobody_knows":
            return OutcomeUnknown("payments", "answered 500")
        return await super().find(intent_id)


class _OneMoves:
    """cartdb, which breaks for a part of the heap, does not answer for the rest, and has nothing to move for others."""

    async def freeze(self, guest: Authority, command: Freeze) -> Frozen | Undecided:
        if guest.owner == BROKEN:
            raise RuntimeError("a row that breaks whatever reads it")
        if guest.owner == "guest:undecided":
            return OutcomeUnknown("cartdb", "timed out")
        nothing: dict[str, Any] = command.model_dump() | {"guest_owner": guest.owner, "lines": []}
        return Frozen(**nothing, guest_cart_id=first_cart_id(str(guest.owner)))


def raise_alarm(what: str, *_: object) -> None:
    raise AssertionError(what)


async def pending(cartdb: CartDb, owner: str) -> UUID:
    """A purchase that some controller left right after its mark."""
    cart = (await cartdb.add(cartdb.guest(owner))).json()
    checkout_id = uuid4()
    (await cartdb.mark(owner, cart, checkout_id)).raise_for_status()
    return checkout_id


async def test_old_purchases_that_nobody_can_decide_do_not_keep_a_new_one_from_its_end(
    make_database: MakeDatabase,
) -> None:
    urls, wire, owner = await make_database("cartdb"), Wire(), new_guest()
    async with running_cartdb(urls.app) as cartdb:
        checkout_id = await pending(cartdb, owner)
        rows = await asyncpg.connect(urls.owner)
        await rows.execute(A_HEAP_OF_PURCHASES, HEAP)
        await rows.close()
        token = Forwarded(cartdb.issuer.token(subject="controller", scope=Scope.CART_CHECKOUT))
        async with Neighbour("cartdb", "http://service", transport=cartdb.http._transport) as neighbour:
            carts, stock, payments = clients.Carts(neighbour, token), FakeStock(wire), _SomeUnknown(wire)
            checkout = Checkout(carts=carts, stock=stock, payments=payments, alarm=raise_alarm)
            refunds = Refunds(carts=carts, stock=stock, payments=payments, alarm=raise_alarm)
            reconcile = Reconcile(
                checkout=checkout, refunds=refunds, carts=carts, payments=payments, together=a_few_at_once
            )

            still_open = [await reconcile.round(older_than=0) for _ in range(ROUNDS)]

            found = await carts.purchase_of(Authority(token, owner=owner), checkout_id)
    assert isinstance(found, Purchase)
    assert (found.state, still_open[-1]) == ("failed", HEAP)


async def test_where_not_all_are_listed_each_has_its_turn(make_database: MakeDatabase) -> None:
    async with running_cartdb((await make_database("cartdb")).app) as cartdb:
        waiting = {str(await pending(cartdb, new_guest())) for _ in range(5)}
        params, seen = {"older_than": 0, "limit": 2}, set[str]()

        for _ in range(200):
            listed = (await cartdb.http.get("/unfinished", params=params, headers=cartdb.checkout("guest:x"))).json()
            assert len(listed["purchases"]) == 2
            seen |= {row["checkout_id"] for row in listed["purchases"]}
            if seen == waiting:
                break

    assert seen == waiting


async def test_old_sign_ins_that_nobody_can_decide_do_not_keep_a_new_one_from_its_end(
    make_database: MakeDatabase,
) -> None:
    urls = await make_database("controller")
    rows = await asyncpg.connect(urls.owner)
    await rows.execute(A_HEAP_OF_SIGN_INS, HEAP, BROKEN)
    await rows.execute(
        "INSERT INTO sessions (id_hash, guest_owner, issuer, subject) VALUES (sha256('new'), 'guest:new', 'i', 'new')"
    )
    async with Database(urls.app) as database:
        moving = Adoption(
            carts=cast(clients.Carts, _OneMoves()),
            sessions=Sessions(database, Signer("sample secret")),
            guest_token=cast(ServiceToken, None),
        )

        for _ in range(ROUNDS):
            with pytest.raises(ExceptionGroup) as broken:
                await moving.catch_up(older_than=0)

    done = await rows.fetch("SELECT guest_owner FROM sessions WHERE merge_done")
    await rows.close()
    assert [row["guest_owner"] for row in done] == ["guest:new"]
    assert len(broken.value.exceptions) == HEAP // 2


async def test_where_not_all_sign_ins_fit_into_a_round_each_has_its_turn(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "UNMERGED_AT_ONCE", 2)
    urls = await make_database("controller")
    rows = await asyncpg.connect(urls.owner)
    await rows.execute(A_HEAP_OF_SIGN_INS, 5, BROKEN)
    await rows.close()
    seen = set[bytes]()
    async with Database(urls.app) as database:
        sessions = Sessions(database, Signer("sample secret"))

        for _ in range(200):
            seen |= {left.row.id_hash for left in await sessions.unmerged(older_than=0) if left.row}
            if len(seen) == 5:
                break

    assert len(seen) == 5
