"""Refunds of purchases. The owner is in every statement but the fan-out, which reads.

Whoever begins or decides a refund locks the purchase first, so that no two of them count the same money as left.
"""

import json
from typing import Any
from uuid import UUID

import asyncpg

from services.chassis.database import FastDatabase
from services.contracts.carts import Purchase
from services.contracts.problems import IdempotencyKeyReused, Problem, RefundNotFound
from services.contracts.refunds import Refund, RefundRequest, RefundState

from . import refund as rules
from .purchase_store import purchase_or_not_found

REFUND_COLUMNS = """
    owner_id, refund_id, checkout_id, state, amount, currency, reason, restock, intent_id, processor_refund_id, failure,
    detail, actor, fingerprint, created_at, decided_at
"""
READ_REFUND = f"SELECT {REFUND_COLUMNS} FROM refunds WHERE owner_id = $1 AND refund_id = $2"  # noqa: S608 - a constant


class RefundStore:
    """Named questions and changes; each is one transaction."""

    def __init__(self, database: FastDatabase) -> None:
        self._database = database

    async def refund(self, owner_id: str, checkout_id: UUID, request: RefundRequest) -> Refund:
        """Set a part of a paid purchase aside for going back, or write the refusal down for ever.

        The caller reads the answer's state: pending is a yes.

        Raises:
            OrderNotFound: the owner has no such purchase.
            IdempotencyKeyReused: the refund id was used for another request.
        """

        async def work(connection: asyncpg.Connection) -> Refund:
            purchase = await purchase_or_not_found(connection, owner_id, checkout_id, lock=True)
            known = await connection.fetchrow(READ_REFUND, owner_id, request.refund_id)
            if known is None:
                refunds = await _refunds_of(connection, owner_id, checkout_id)
                refusal = rules.why_not(purchase, refunds, request)
                amount = request.amount or rules.left_of(purchase, refunds) or None
                written = await _insert(connection, purchase, request, amount=amount, refusal=refusal)
                if written and refusal is None:
                    await _take(connection, owner_id, checkout_id, amount or 0)
                known = await connection.fetchrow(READ_REFUND, owner_id, request.refund_id)
            refund = rules.agree(_refund(known), fingerprint=request.fingerprint)
            if refund.checkout_id != checkout_id:
                raise IdempotencyKeyReused(order_id=str(refund.checkout_id))
            return refund

        return await self._database.transact(work)

    async def finish(self, owner_id: str, refund_id: UUID, *, processor_refund_id: str) -> Refund:
        """The money goes back: pending becomes done."""

        async def work(connection: asyncpg.Connection) -> Refund:
            known = await _locked(connection, owner_id, refund_id)
            if rules.may_finish(known, processor_refund_id=processor_refund_id):
                await _decide(connection, known, RefundState.DONE, processor_refund_id, failure=None)
            return _refund(await connection.fetchrow(READ_REFUND, owner_id, refund_id))

        return await self._database.transact(work)

    async def fail(
        self, owner_id: str, refund_id: UUID, *, failure: str, processor_refund_id: str | None = None
    ) -> Refund:
        """The processor said no: pending becomes failed and, in the same transaction, its amount is left again."""

        async def work(connection: asyncpg.Connection) -> Refund:
            known = await _locked(connection, owner_id, refund_id)
            if rules.may_fail(known):
                await _decide(connection, known, RefundState.FAILED, processor_refund_id, failure=failure)
                await _take(connection, owner_id, known.checkout_id, -(known.amount or 0))
            return _refund(await connection.fetchrow(READ_REFUND, owner_id, refund_id))

        return await self._database.transact(work)

    async def unfinished_refunds(self, *, older_than_seconds: float, limit: int) -> list[Refund]:
        """Pending refunds that no controller is likely to be working on; any of them, where they are too many."""

        async def work(connection: asyncpg.Connection) -> list[Refund]:
            rows = await connection.fetch(
                f"""
                SELECT {REFUND_COLUMNS} FROM refunds
                WHERE state = 'pending' AND created_at < now() - make_interval(secs => $1) ORDER BY random() LIMIT $2
                """,  # noqa: S608 - a constant
                older_than_seconds,
                limit,
            )
            return [_refund(row) for row in rows]

        return await self._database.transact(work)


async def _locked(connection: asyncpg.Connection, owner_id: str, refund_id: UUID) -> Refund:
    checkout_id = await connection.fetchval(
        "SELECT checkout_id FROM refunds WHERE owner_id = $1 AND refund_id = $2", owner_id, refund_id
    )
    if checkout_id is None:
        raise RefundNotFound(refund_id=str(refund_id))
    await purchase_or_not_found(connection, owner_id, checkout_id, lock=True)
    return _refund(await connection.fetchrow(READ_REFUND + " FOR UPDATE", owner_id, refund_id))


async def _refunds_of(connection: asyncpg.Connection, owner_id: str, checkout_id: UUID) -> list[Refund]:
    rows = await connection.fetch(
        f"SELECT {REFUND_COLUMNS} FROM refunds WHERE owner_id = $1 AND checkout_id = $2",  # noqa: S608 - a constant
        owner_id,
        checkout_id,
    )
    return [_refund(row) for row in rows]


async def _insert(
    connection: asyncpg.Connection,
    purchase: Purchase,
    request: RefundRequest,
    *,
    amount: int | None,
    refusal: Problem | None,
) -> bool:
    restock = [{"sku": sku, "quantity": quantity} for sku, quantity in rules.merged(request.restock).items()]
    status = await connection.execute(
        """
        INSERT INTO refunds (owner_id, refund_id, checkout_id, state, amount, currency, reason, restock, intent_id,
            failure, detail, actor, fingerprint, decided_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
            CASE WHEN $10::text IS NULL THEN NULL ELSE now() END)
        ON CONFLICT (owner_id, refund_id) DO NOTHING
        """,
        purchase.owner_id,
        request.refund_id,
        purchase.checkout_id,
        (RefundState.FAILED if refusal else RefundState.PENDING).value,
        amount,
        request.currency,
        request.reason,
        json.dumps(restock),
        purchase.intent_id,
        refusal.slug if refusal else None,
        json.dumps(refusal.members if refusal else {}),
        request.actor,
        request.fingerprint,
    )
    return bool(status == "INSERT 0 1")


async def _take(connection: asyncpg.Connection, owner_id: str, checkout_id: UUID, amount: int) -> None:
    # The table's own check refuses what would come to more than was paid.
    await connection.execute(
        "UPDATE purchases SET refunded = refunded + $3 WHERE owner_id = $1 AND checkout_id = $2",
        owner_id,
        checkout_id,
        amount,
    )


async def _decide(
    connection: asyncpg.Connection,
    known: Refund,
    state: RefundState,
    processor_refund_id: str | None,
    *,
    failure: str | None,
) -> None:
    status = await connection.execute(
        """
        UPDATE refunds SET state = $3, processor_refund_id = $4, failure = $5, decided_at = clock_timestamp()
        WHERE owner_id = $1 AND refund_id = $2 AND state = 'pending'
        """,
        known.owner_id,
        known.refund_id,
        state.value,
        processor_refund_id,
        failure,
    )
    assert status == "UPDATE 1", f"refund {known.refund_id} left pending while its purchase was locked"


def _refund(row: asyncpg.Record) -> Refund:
    columns: dict[str, Any] = dict(row)
    columns.update(restock=json.loads(columns["restock"]), detail=json.loads(columns["detail"]))
    return Refund(**columns)
