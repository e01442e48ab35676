"""Purchases: the log of every checkout. The owner is in every statement but the fan-outs, which read."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.chassis.database import FastDatabase
from services.contracts.carts import CartStatus, Purchase, PurchaseRequest, PurchaseState, Snapshot
from services.contracts.problems import OrderNotFound

from . import purchase as rules
from .rows import Opening, find_and_lock_cart, lock_cart, point_at, remember, set_status

PURCHASE_COLUMNS = """
    owner_id, checkout_id, cart_id, state, reason, fingerprint, snapshot, intent_id, created_at, attached_at,
    decided_at, erased_at, CASE WHEN state = 'paid' THEN (
        SELECT json_agg(refunds ORDER BY refunds.created_at, refund_id) FROM refunds
        WHERE refunds.owner_id = purchases.owner_id AND refunds.checkout_id = purchases.checkout_id
    ) END AS refunds
"""
READ_PURCHASE = f"SELECT {PURCHASE_COLUMNS} FROM purchases WHERE owner_id = $1 AND checkout_id = $2"  # noqa: S608 - a constant


# The cart that follows a bought one; it takes no lines if its owner has become somebody else meanwhile.
FOLLOW = """
    UPDATE carts SET status = 'moved', merge_id = bought.merge_id, target_owner = bought.target_owner,
        strategy = bought.strategy
    FROM carts AS bought
    WHERE carts.owner_id = $1 AND carts.cart_id = $2
        AND bought.owner_id = $1 AND bought.cart_id = $3 AND bought.merge_id IS NOT NULL
"""


class PurchaseStore:
    """Named questions and changes; each is one transaction."""

    def __init__(self, database: FastDatabase, opening: Opening) -> None:
        self._database = database
        self._opening = opening

    async def purchase(self, owner_id: str, cart_id: UUID, request: PurchaseRequest) -> Purchase:
        """Mark: the cart is purchased by this checkout, or the refusal is written down for ever.

        The caller reads the answer's state: pending is a yes.

        Raises:
            CartNotFound: there is no such cart of the owner's.
            IdempotencyKeyReused: the checkout id was used for another request.
        """

        async def work(connection: asyncpg.Connection) -> Purchase:
            cart = await lock_cart(connection, owner_id, cart_id)
            if known := await _purchase_of(connection, owner_id, request.checkout_id):
                return rules.agree(known, fingerprint=request.fingerprint)
            reason = rules.why_not(cart, version=request.version)
            if reason is None:
                rules.check_snapshot(request.snapshot, cart)
            written = await _insert_purchase(connection, owner_id, cart_id, request, reason)
            if not written:  # The same checkout was voided or marked on another cart.
                return await _known_purchase(connection, owner_id, request.checkout_id, request.fingerprint)
            if reason is None:
                await set_status(connection, owner_id, cart_id, CartStatus.IN_CHECKOUT)
                await remember(connection, owner_id, cart_id, "purchase", "checkout", detail=_of(request.checkout_id))
            return await _known_purchase(connection, owner_id, request.checkout_id, request.fingerprint)

        return await self._database.transact(work)

    async def find_purchase(self, owner_id: str, checkout_id: UUID) -> Purchase:
        """A purchase in its present state.

        Raises:
            OrderNotFound: the owner has no such purchase.
        """

        async def work(connection: asyncpg.Connection) -> Purchase:
            return await purchase_or_not_found(connection, owner_id, checkout_id)

        return await self._database.transact(work)

    async def find_anybodys(self, checkout_id: UUID) -> Purchase:
        """A purchase of whatever owner, for an operator, who knows the order's id alone.

        Raises:
            OrderNotFound: there is none, or more than one, which no honest checkout makes.
        """

        async def work(connection: asyncpg.Connection) -> Purchase:
            rows = await connection.fetch(
                f"SELECT {PURCHASE_COLUMNS} FROM purchases WHERE checkout_id = $1 LIMIT 2",  # noqa: S608 - a constant
                checkout_id,
            )
            if len(rows) != 1:
                raise OrderNotFound(order_id=str(checkout_id))
            return purchase_of_row(rows[0])

        return await self._database.transact(work)

    async def purchases(
        self,
        owner_id: str,
        *,
        limit: int,
        before: datetime | None,
        states: Sequence[PurchaseState] = (PurchaseState.PENDING, PurchaseState.PAID),
    ) -> list[Purchase]:
        """The owner's purchases in these states, the newest first. One that was never pending was no order."""

        async def work(connection: asyncpg.Connection) -> list[Purchase]:
            rows = await connection.fetch(
                f"""
                SELECT {PURCHASE_COLUMNS} FROM purchases WHERE owner_id = $1 AND state = ANY($4::text[])
                    AND (state <> 'failed' OR snapshot IS NOT NULL AND reason <> ALL($5::text[]))
                    AND ($3::timestamptz IS NULL OR created_at < $3)
                ORDER BY created_at DESC, checkout_id LIMIT $2
                """,  # noqa: S608 - a constant
                owner_id,
                limit,
                before,
                [state.value for state in states],
                list(rules.REFUSALS),
            )
            return [purchase_of_row(row) for row in rows]

        return await self._database.transact(work)

    async def attach(self, owner_id: str, checkout_id: UUID, *, intent_id: str) -> Purchase:
        """Write down the checkout's one payment intent."""

        async def work(connection: asyncpg.Connection) -> Purchase:
            known = await purchase_or_not_found(connection, owner_id, checkout_id, lock=True)
            if not rules.may_attach(known, intent_id=intent_id):
                return known
            await connection.execute(
                """
                UPDATE purchases SET intent_id = $3, attached_at = clock_timestamp()
                WHERE owner_id = $1 AND checkout_id = $2 AND intent_id IS NULL
                """,
                owner_id,
                checkout_id,
                intent_id,
            )
            return await purchase_or_not_found(connection, owner_id, checkout_id)

        return await self._database.transact(work)

    async def settle(self, owner_id: str, checkout_id: UUID, *, intent_id: str) -> Purchase:
        """The intent succeeded: pending becomes paid, and a new, empty cart follows the bought one."""

        async def work(connection: asyncpg.Connection) -> Purchase:
            cart_id = (await purchase_or_not_found(connection, owner_id, checkout_id)).cart_id
            current = await self._opening.lock_shopper(connection, owner_id)
            await lock_cart(connection, owner_id, cart_id)
            known = await purchase_or_not_found(connection, owner_id, checkout_id, lock=True)
            if not rules.may_settle(known, intent_id=intent_id):
                return known
            await _decide(connection, known, PurchaseState.PAID, reason=None)
            await set_status(connection, owner_id, cart_id, CartStatus.PURCHASED)
            await remember(connection, owner_id, cart_id, "settle", "checkout", detail=_of(checkout_id))
            if current == cart_id:
                following = await self._opening.insert_cart(connection, owner_id, actor="checkout")
                if await connection.execute(FOLLOW, owner_id, following, cart_id) == "UPDATE 1":
                    await remember(connection, owner_id, following, "freeze", "adoption")
                await point_at(connection, owner_id, following, instead_of=cart_id, actor="checkout")
            return await purchase_or_not_found(connection, owner_id, checkout_id)

        return await self._database.transact(work)

    async def unpurchase(self, owner_id: str, checkout_id: UUID, *, intent_id: str | None, reason: str) -> Purchase:
        """Unmark: pending becomes failed and, in the same transaction, its own cart opens again at a new version."""

        async def work(connection: asyncpg.Connection) -> Purchase:
            cart_id = (await purchase_or_not_found(connection, owner_id, checkout_id)).cart_id
            await lock_cart(connection, owner_id, cart_id)
            known = await purchase_or_not_found(connection, owner_id, checkout_id, lock=True)
            if not rules.may_unpurchase(known, intent_id=intent_id):
                return known
            await _decide(connection, known, PurchaseState.FAILED, reason=reason)
            await self._opening.reopen(connection, owner_id, cart_id)
            await remember(
                connection, owner_id, cart_id, "unpurchase", "checkout", detail=_of(checkout_id, reason=reason)
            )
            return await purchase_or_not_found(connection, owner_id, checkout_id)

        return await self._database.transact(work)

    async def void(self, owner_id: str, checkout_id: UUID, *, cart_id: UUID, fingerprint: str, reason: str) -> Purchase:
        """A tombstone for a checkout that never came. A purchase that is there already wins, and is answered.

        The cart's version is raised with it: a late twin finds another version, and a new try without a key is a new
        checkout.
        """

        async def work(connection: asyncpg.Connection) -> Purchase:
            cart = await find_and_lock_cart(connection, owner_id, cart_id)
            status = await connection.execute(
                """
                INSERT INTO purchases (owner_id, checkout_id, cart_id, state, reason, fingerprint, decided_at)
                VALUES ($1, $2, $3, 'failed', $4, $5, now()) ON CONFLICT (owner_id, checkout_id) DO NOTHING
                """,
                owner_id,
                checkout_id,
                cart_id,
                reason,
                fingerprint,
            )
            if status == "INSERT 0 1" and cart is not None and cart.status is CartStatus.OPEN:
                await self._opening.reopen(connection, owner_id, cart_id)
                await remember(
                    connection, owner_id, cart_id, "void", "checkout", detail=_of(checkout_id, reason=reason)
                )
            return await _known_purchase(connection, owner_id, checkout_id, fingerprint)

        return await self._database.transact(work)

    async def unfinished_purchases(self, *, older_than_seconds: float, limit: int) -> list[Purchase]:
        """Pending purchases that no controller is likely to be working on; any of them, where they are too many."""

        async def work(connection: asyncpg.Connection) -> list[Purchase]:
            rows = await connection.fetch(
                f"""
                SELECT {PURCHASE_COLUMNS} FROM purchases
                WHERE state = 'pending' AND created_at < now() - make_interval(secs => $1) ORDER BY random() LIMIT $2
                """,  # noqa: S608 - a constant
                older_than_seconds,
                limit,
            )
            return [purchase_of_row(row) for row in rows]

        return await self._database.transact(work)

    async def pending_purchases_of(self, checkout_id: UUID, *, older_than_seconds: float) -> list[Purchase]:
        """The purchase of a checkout while it is pending, whoever owns it. Few are: their index is looked through."""

        async def work(connection: asyncpg.Connection) -> list[Purchase]:
            rows = await connection.fetch(
                f"""
                SELECT {PURCHASE_COLUMNS} FROM purchases
                WHERE state = 'pending' AND checkout_id = $1 AND created_at < now() - make_interval(secs => $2)
                """,  # noqa: S608 - a constant
                checkout_id,
                older_than_seconds,
            )
            return [purchase_of_row(row) for row in rows]

        return await self._database.transact(work)


def _of(checkout_id: UUID, **more: str) -> dict[str, str]:
    return {"checkout_id": str(checkout_id), **more}


async def _insert_purchase(
    connection: asyncpg.Connection, owner_id: str, cart_id: UUID, request: PurchaseRequest, reason: str | None
) -> bool:
    snapshot = request.snapshot
    if reason is not None:  # Nothing will be sent to anybody; a late request must not bring back who was erased.
        snapshot = snapshot.model_copy(update={"shipping_address": None, "billing_address": None, "email": None})
    status = await connection.execute(
        """
        INSERT INTO purchases
            (owner_id, checkout_id, cart_id, state, reason, fingerprint, snapshot, amount, currency, decided_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $5::text IS NULL THEN NULL ELSE now() END)
        ON CONFLICT (owner_id, checkout_id) DO NOTHING
        """,
        owner_id,
        request.checkout_id,
        cart_id,
        (PurchaseState.FAILED if reason else PurchaseState.PENDING).value,
        reason,
        request.fingerprint,
        snapshot.model_dump_json(),
        snapshot.amount,
        snapshot.currency,
    )
    return bool(status == "INSERT 0 1")


async def _decide(connection: asyncpg.Connection, known: Purchase, state: PurchaseState, *, reason: str | None) -> None:
    status = await connection.execute(
        """
        UPDATE purchases SET state = $3, reason = $4, decided_at = clock_timestamp()
        WHERE owner_id = $1 AND checkout_id = $2 AND state = 'pending'
        """,
        known.owner_id,
        known.checkout_id,
        state.value,
        reason,
    )
    assert status == "UPDATE 1", f"purchase {known.checkout_id} left pending while its row was locked"


def purchase_of_row(row: asyncpg.Record) -> Purchase:
    columns = dict(row)
    snapshot, refunds = columns.pop("snapshot"), columns.pop("refunds")
    return Purchase(
        **columns,
        snapshot=Snapshot.model_validate_json(snapshot) if snapshot else None,
        refunds=json.loads(refunds) if refunds else [],
    )


async def _purchase_of(connection: asyncpg.Connection, owner_id: str, checkout_id: UUID) -> Purchase | None:
    row = await connection.fetchrow(READ_PURCHASE, owner_id, checkout_id)
    return purchase_of_row(row) if row else None


async def purchase_or_not_found(
    connection: asyncpg.Connection, owner_id: str, checkout_id: UUID, *, lock: bool = False
) -> Purchase:
    row = await connection.fetchrow(READ_PURCHASE + (" FOR UPDATE" if lock else ""), owner_id, checkout_id)
    if row is None:
        raise OrderNotFound(order_id=str(checkout_id))
    return purchase_of_row(row)


async def _known_purchase(
    connection: asyncpg.Connection, owner_id: str, checkout_id: UUID, fingerprint: str
) -> Purchase:
    return rules.agree(await purchase_or_not_found(connection, owner_id, checkout_id), fingerprint=fingerprint)
