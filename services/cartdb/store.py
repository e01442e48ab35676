"""Carts: found, changed, kept apart. The owner is in every statement."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from services.chassis.database import FastDatabase
from services.contracts.carts import Cart, CartStatus, CreateCart
from services.contracts.identity import first_cart_id
from services.contracts.problems import (
    PROBLEMS,
    CartIsBeingAdopted,
    CartLimitExceeded,
    CartNotFound,
    IdempotencyKeyReused,
    PreconditionFailed,
    Problem,
)

from .cart import untouched
from .rows import Opening, actor_of, count_open, demand_open, lock_cart, point_at, remember

EDIT = """
    SELECT outcome, detail, version, cart FROM edit_cart(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
READ_CURRENT = """
    SELECT cart_document($1, (SELECT current_cart_id FROM shoppers WHERE owner_id = $1)) AS cart
"""
IS_ADOPTED = "SELECT EXISTS (SELECT FROM carts WHERE owner_id = $1 AND merge_id IS NOT NULL)"
READ_CART = "SELECT cart_document($1, $2) AS cart"
READ_MOVED = """
    SELECT COALESCE(undone_cart_ids[1], cart_id) AS moved_to, merge_id FROM receipts
    WHERE owner_id = $1 AND (guest_cart_id = $2 OR $2 = ANY(guest_cart_ids)) ORDER BY applied_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a cart's lines; `cart_id` None means the current cart."""

    owner_id: str
    cart_id: UUID | None
    action: str
    sku: str | None = None
    product_id: int | None = None
    variant_id: int | None = None
    quantity: int = 0
    unit_price: int = 0
    expected_version: int | None = None
    key: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """The cart after a change, as JSON text, and its version."""

    json: str
    version: int


class Store:
    """Named questions and changes; each is one transaction."""

    def __init__(self, database: FastDatabase, opening: Opening) -> None:
        self._database = database
        self._opening = opening

    async def edit(self, edit: Edit) -> Edited:
        """Change a cart's lines: one statement, one round trip.

        Raises:
            Problem: whatever forbids the change; a failed precondition carries the current cart.
        """
        row = await self._database.one_statement(
            EDIT,
            edit.owner_id,
            edit.cart_id,
            first_cart_id(edit.owner_id),
            edit.action,
            edit.sku,
            edit.product_id,
            edit.variant_id,
            edit.quantity,
            edit.unit_price,
            edit.expected_version,
            edit.key,
            edit.fingerprint,
            self._opening.currency,
            self._opening.limits.quantity,
            self._opening.limits.lines,
            self._opening.limits.idle_days(edit.owner_id),
            actor_of(edit.owner_id),
        )
        assert row is not None
        if row["outcome"] == CartNotFound.slug and edit.cart_id is not None:
            raise await self._no_such_cart(edit.owner_id, edit.cart_id)
        if row["outcome"] != "ok":
            raise _refusal(row)
        return Edited(row["cart"], row["version"])

    async def current(self, owner_id: str) -> str:
        """The owner's current cart as JSON text; reading writes nothing."""
        row = await self._database.one_statement(READ_CURRENT, owner_id)
        if row is None or row["cart"] is None:
            return untouched(owner_id, self._opening.currency).model_dump_json()
        return str(row["cart"])

    async def find(self, owner_id: str, cart_id: UUID) -> str:
        """One of the owner's carts as JSON text.

        Raises:
            CartNotFound: it does not exist, is deleted, or is somebody else's.
        """
        row = await self._database.one_statement(READ_CART, owner_id, cart_id)
        if row is None or row["cart"] is None:
            if cart_id == first_cart_id(owner_id):
                return untouched(owner_id, self._opening.currency).model_dump_json()
            raise await self._no_such_cart(owner_id, cart_id)
        if Cart.model_validate_json(row["cart"]).status is CartStatus.DELETED:
            raise CartNotFound(cart_id=str(cart_id))
        return str(row["cart"])

    async def unpurchased(self, owner_id: str) -> list[Cart]:
        """The owner's carts that are neither bought, moved nor deleted, the newest change first."""

        async def work(connection: asyncpg.Connection) -> list[Cart]:
            rows = await connection.fetch(
                """
                SELECT cart_document($1, cart_id) AS cart FROM carts
                WHERE owner_id = $1 AND status IN ('open', 'in_checkout') ORDER BY updated_at DESC, cart_id
                """,
                owner_id,
            )
            return [Cart.model_validate_json(row["cart"]) for row in rows]

        return await self._database.transact(work)

    async def create(self, owner_id: str, command: CreateCart, *, key: str | None, fingerprint: str) -> Cart:
        """A new, empty cart.

        Raises:
            CartLimitExceeded: the owner has as many open carts as allowed.
        """

        async def change(connection: asyncpg.Connection) -> UUID:
            current = await self._opening.lock_shopper(connection, owner_id)
            open_carts = await count_open(connection, owner_id)
            if await connection.fetchval(IS_ADOPTED, owner_id):
                raise CartIsBeingAdopted
            if open_carts >= self._opening.limits.open_carts:
                raise CartLimitExceeded(limit=self._opening.limits.open_carts)
            cart_id = await self._opening.insert_cart(connection, owner_id, name=command.name)
            if command.activate:
                await point_at(connection, owner_id, cart_id, instead_of=current, actor=actor_of(owner_id))
            return cart_id

        return await self._keyed(owner_id, key, fingerprint, change)

    async def rename(
        self, owner_id: str, cart_id: UUID, name: str | None, *, key: str | None, fingerprint: str
    ) -> Cart:
        """Give a cart a name, or take it away."""

        async def change(connection: asyncpg.Connection) -> UUID:
            await self._lock_open_cart(connection, owner_id, cart_id)
            before = await connection.fetchval(
                "SELECT name FROM carts WHERE owner_id = $1 AND cart_id = $2", owner_id, cart_id
            )
            if name != before:
                await connection.execute(
                    """
                    UPDATE carts SET name = $3, version = version + 1, updated_at = clock_timestamp()
                    WHERE owner_id = $1 AND cart_id = $2
                    """,
                    owner_id,
                    cart_id,
                    name,
                )
                detail = {"before": before, "after": name}
                await remember(connection, owner_id, cart_id, "rename", actor_of(owner_id), detail=detail)
            await self._opening.prolong(connection, owner_id, cart_id)
            return cart_id

        return await self._keyed(owner_id, key, fingerprint, change)

    async def activate(self, owner_id: str, cart_id: UUID, *, key: str | None, fingerprint: str) -> Cart:
        """Make a cart the current one."""

        async def change(connection: asyncpg.Connection) -> UUID:
            current = await self._lock_open_cart(connection, owner_id, cart_id)
            await point_at(connection, owner_id, cart_id, instead_of=current, actor=actor_of(owner_id))
            await self._opening.prolong(connection, owner_id, cart_id)
            return cart_id

        return await self._keyed(owner_id, key, fingerprint, change)

    async def delete(self, owner_id: str, cart_id: UUID, *, key: str | None, fingerprint: str) -> None:
        """Take a cart away; if it was the current one, a new, empty one follows. A deleted cart agrees."""

        async def change(connection: asyncpg.Connection) -> UUID:
            current = await self._opening.lock_shopper(connection, owner_id)
            cart = await lock_cart(connection, owner_id, cart_id)
            if cart.status is CartStatus.DELETED:
                return cart_id
            demand_open(cart, cart_id)
            await connection.execute(
                """
                UPDATE carts SET status = 'deleted', version = version + 1, updated_at = clock_timestamp()
                WHERE owner_id = $1 AND cart_id = $2
                """,
                owner_id,
                cart_id,
            )
            await self._opening.prolong(connection, owner_id, cart_id)
            await remember(connection, owner_id, cart_id, "delete", actor_of(owner_id))
            if current == cart_id:
                following = await self._opening.insert_cart(connection, owner_id)
                await point_at(connection, owner_id, following, instead_of=cart_id, actor=actor_of(owner_id))
            return cart_id

        await self._keyed(owner_id, key, fingerprint, change)

    async def _no_such_cart(self, owner_id: str, cart_id: UUID) -> CartNotFound:
        """A cart of the guest that the owner was says where its lines went."""
        moved = await self._database.one_statement(READ_MOVED, owner_id, cart_id)
        if moved is None:
            return CartNotFound(cart_id=str(cart_id))
        return CartNotFound(cart_id=str(cart_id), moved_to=str(moved["moved_to"]), merge_id=str(moved["merge_id"]))

    async def _keyed(
        self,
        owner_id: str,
        key: str | None,
        fingerprint: str,
        change: Callable[[asyncpg.Connection], Awaitable[UUID]],
    ) -> Cart:
        """Run a change of carts once for its key, and answer the cart as it now is."""

        async def work(connection: asyncpg.Connection) -> Cart | Problem:
            if key is None:
                return await _document(connection, owner_id, await change(connection))
            if not await _claimed(connection, owner_id, key, fingerprint):
                return await _replay(connection, owner_id, key, fingerprint)
            try:
                async with connection.transaction():
                    cart_id = await change(connection)
            except CartNotFound:
                raise
            except Problem as refusal:
                await _keep(connection, owner_id, key, refusal.slug, detail=refusal.members)
                return refusal
            await _keep(connection, owner_id, key, "ok", cart_id=cart_id)
            return await _document(connection, owner_id, cart_id)

        outcome = await self._database.transact(work)
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    async def _lock_open_cart(self, connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> UUID:
        """Lock it and its shopper, and answer which cart is the current one."""
        current = await self._opening.lock_shopper(connection, owner_id)
        demand_open(await lock_cart(connection, owner_id, cart_id), cart_id)
        return current


def _refusal(row: asyncpg.Record) -> Problem:
    members: dict[str, Any] = json.loads(row["detail"]) if row["detail"] else {}
    if row["cart"] is not None:
        cart = json.loads(row["cart"])
        members["cart_id"] = cart["cart_id"]
        if row["outcome"] == PreconditionFailed.slug:
            members["cart"] = cart
    return PROBLEMS[row["outcome"]](**members)


async def _document(connection: asyncpg.Connection, owner_id: str, cart_id: UUID, *, replayed: bool = False) -> Cart:
    document = await connection.fetchval("SELECT cart_document($1, $2, $3)", owner_id, cart_id, replayed)
    return Cart.model_validate_json(document)


async def _claimed(connection: asyncpg.Connection, owner_id: str, key: str, fingerprint: str) -> bool:
    """Whether the key is this request's from now on; if not, an earlier request's outcome is kept under it."""
    first = await connection.fetchval(
        """
        INSERT INTO idempotency_keys AS k (owner_id, key, fingerprint) VALUES ($1, $2, $3)
        ON CONFLICT (owner_id, key) DO UPDATE
            SET fingerprint = excluded.fingerprint, outcome = NULL, detail = NULL, cart_id = NULL, created_at = now()
            WHERE k.created_at < now() - interval '24 hours'
        RETURNING true
        """,
        owner_id,
        key,
        fingerprint,
    )
    return first is True


async def _keep(
    connection: asyncpg.Connection,
    owner_id: str,
    key: str,
    outcome: str,
    *,
    detail: dict[str, Any] | None = None,
    cart_id: UUID | None = None,
) -> None:
    await connection.execute(
        "UPDATE idempotency_keys SET outcome = $3, detail = $4, cart_id = $5 WHERE owner_id = $1 AND key = $2",
        owner_id,
        key,
        outcome,
        json.dumps(detail) if detail is not None else None,
        cart_id,
    )


async def _replay(connection: asyncpg.Connection, owner_id: str, key: str, fingerprint: str) -> Cart | Problem:
    # A statement of its own: the one that claims cannot see the row that it waited for.
    row = await connection.fetchrow(
        "SELECT fingerprint, outcome, detail, cart_id FROM idempotency_keys WHERE owner_id = $1 AND key = $2",
        owner_id,
        key,
    )
    if row["fingerprint"] != fingerprint:
        return IdempotencyKeyReused()
    if row["outcome"] != "ok":
        return PROBLEMS[row["outcome"]](**json.loads(row["detail"] or "{}"))
    return await _document(connection, owner_id, row["cart_id"], replayed=True)
