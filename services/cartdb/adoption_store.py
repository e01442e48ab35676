"""Adoptions: three steps, each of one owner. The owner is in every statement but the fan-out, which reads."""

import json
from uuid import UUID

import asyncpg

from services.chassis.database import FastDatabase
from services.contracts.carts import ApplyMerge, Freeze, Frozen, Line, MergeStrategy, Receipt
from services.contracts.identity import first_cart_id
from services.contracts.problems import CartIsBeingAdopted, MergeNotFound

from . import adoption
from .rows import Opening, demand_open, lines_of, lock_cart, remember_lines

# Empty carts move too, so that an add which is on its way finds no open cart of a guest who is gone. A cart in checkout
# stays where it is, under a merge of its own: should it come back unpaid, it moves then.
FREEZE = """
    WITH frozen AS (UPDATE carts SET
        status = CASE
            WHEN status = 'in_checkout' THEN 'in_checkout'
            WHEN EXISTS (SELECT FROM lines l WHERE l.owner_id = $1 AND l.cart_id = carts.cart_id) THEN 'moving'
            ELSE 'moved' END,
        merge_id = CASE WHEN status = 'in_checkout' THEN md5($2::uuid::text || cart_id::text)::uuid ELSE $2::uuid END,
        target_owner = $3, strategy = $4, version = version + (status = 'open')::int, updated_at = clock_timestamp()
    WHERE owner_id = $1 AND status IN ('open', 'in_checkout') AND merge_id IS NULL
    RETURNING owner_id, cart_id, version, status, name, merge_id)
    INSERT INTO history (owner_id, cart_id, version, status, name, action, actor, detail)
    SELECT owner_id, cart_id, version, status, name, 'freeze', 'adoption', jsonb_build_object('merge_id', merge_id)
    FROM frozen
"""
CLOSE = """
    WITH closed AS (
        UPDATE carts SET status = 'moved', updated_at = clock_timestamp(), expires_at = cart_expiry($3)
        WHERE owner_id = $1 AND merge_id = $2 AND status = 'moving'
        RETURNING owner_id, cart_id, version, status, name, merge_id)
    INSERT INTO history (owner_id, cart_id, version, status, name, action, actor, detail)
    SELECT owner_id, cart_id, version, status, name, 'close', 'adoption', jsonb_build_object('merge_id', merge_id)
    FROM closed
"""


class AdoptionStore:
    """Named questions and changes; each is one transaction."""

    def __init__(self, database: FastDatabase, opening: Opening) -> None:
        self._database = database
        self._opening = opening

    async def freeze(self, guest_owner: str, command: Freeze) -> Frozen:
        """Step 1: the guest's open carts change no more and belong to this merge.

        Raises:
            CartIsBeingAdopted: another user's merge has them.
        """

        async def work(connection: asyncpg.Connection) -> Frozen:
            await self._opening.lock_shopper(connection, guest_owner)
            targets = await connection.fetch(
                "SELECT target_owner FROM carts WHERE owner_id = $1 ORDER BY cart_id FOR UPDATE", guest_owner
            )
            if any(row["target_owner"] not in (None, command.target_owner) for row in targets):
                raise CartIsBeingAdopted
            await connection.execute(
                FREEZE, guest_owner, command.merge_id, command.target_owner, command.strategy.value
            )
            return await self._frozen(connection, guest_owner, command)

        return await self._database.transact(work)

    async def apply(self, owner_id: str, command: ApplyMerge) -> Receipt:
        """Step 2: the frozen lines are in the user's current cart, once for the merge id.

        Raises:
            CartInCheckout: the user's current cart is being paid for; try again when it has its outcome.
        """

        async def work(connection: asyncpg.Connection) -> Receipt:
            cart_id = await self._opening.lock_shopper(connection, owner_id)
            if receipt := await _receipt_of(connection, owner_id, command.merge_id):
                return receipt
            cart = await lock_cart(connection, owner_id, cart_id)
            demand_open(cart, cart_id)
            merged = adoption.merge(
                await lines_of(connection, owner_id, cart_id), command.lines, command.strategy, self._opening.limits
            )
            await self._write_merged(connection, owner_id, cart_id, merged, command.merge_id)
            await connection.execute(
                """
                INSERT INTO receipts (owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, lines)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                owner_id,
                command.merge_id,
                command.guest_owner,
                command.guest_cart_id,
                cart_id,
                command.strategy.value,
                json.dumps([line.model_dump() for line in merged.receipt]),
            )
            receipt = await _receipt_of(connection, owner_id, command.merge_id)
            assert receipt is not None
            return receipt

        return await self._database.transact(work)

    async def close(self, guest_owner: str, merge_id: UUID) -> None:
        """Step 3: the guest's carts have moved. A repeated close agrees."""

        async def work(connection: asyncpg.Connection) -> None:
            await connection.execute(CLOSE, guest_owner, merge_id, self._opening.limits.idle_days(guest_owner))

        await self._database.transact(work)

    async def receipt(self, owner_id: str, merge_id: UUID) -> Receipt:
        """What an adoption did.

        Raises:
            MergeNotFound: the owner has no such merge.
        """

        async def work(connection: asyncpg.Connection) -> Receipt:
            if receipt := await _receipt_of(connection, owner_id, merge_id):
                return receipt
            raise MergeNotFound(merge_id=str(merge_id))

        return await self._database.transact(work)

    async def unfinished_adoptions(self, *, older_than_seconds: float, limit: int) -> list[Frozen]:
        """Guests' carts that a login froze and nobody closed; any of them, where they are too many."""

        async def work(connection: asyncpg.Connection) -> list[Frozen]:
            rows = await connection.fetch(
                """
                SELECT owner_id, merge_id, target_owner, strategy FROM carts
                WHERE status = 'moving' AND updated_at < now() - make_interval(secs => $1)
                GROUP BY owner_id, merge_id, target_owner, strategy ORDER BY random() LIMIT $2
                """,
                older_than_seconds,
                limit,
            )
            commands = [
                (
                    row["owner_id"],
                    Freeze(merge_id=row["merge_id"], target_owner=row["target_owner"], strategy=row["strategy"]),
                )
                for row in rows
            ]
            return [await self._frozen(connection, owner, command) for owner, command in commands]

        return await self._database.transact(work)

    async def _write_merged(
        self, connection: asyncpg.Connection, owner_id: str, cart_id: UUID, merged: adoption.Merged, merge_id: UUID
    ) -> None:
        await connection.executemany(
            """
            INSERT INTO lines (owner_id, cart_id, sku, product_id, variant_id, quantity, added_price, added_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (owner_id, cart_id, sku) DO UPDATE SET quantity = excluded.quantity
            """,
            [
                (
                    owner_id,
                    cart_id,
                    line.sku,
                    line.product_id,
                    line.variant_id,
                    line.quantity,
                    line.added_price,
                    line.added_at,
                )
                for line in merged.lines
            ],
        )
        await connection.execute(
            """
            UPDATE carts SET version = version + 1, updated_at = clock_timestamp(),
                expires_at = cart_expiry($3)
            WHERE owner_id = $1 AND cart_id = $2
            """,
            owner_id,
            cart_id,
            self._opening.limits.idle_days(owner_id),
        )
        skus = [line.sku for line in merged.receipt]
        detail = {"merge_id": str(merge_id)}
        await remember_lines(connection, owner_id, cart_id, "adopt", "adoption", skus=skus, detail=detail)

    async def _frozen(self, connection: asyncpg.Connection, guest_owner: str, command: Freeze) -> Frozen:
        rows = await connection.fetch(
            """
            SELECT l.sku, l.product_id, l.variant_id, sum(l.quantity)::int AS quantity,
                min(l.added_price) AS added_price, min(l.added_at) AS added_at
            FROM lines l JOIN carts c ON c.owner_id = l.owner_id AND c.cart_id = l.cart_id
            WHERE l.owner_id = $1 AND c.merge_id = $2 GROUP BY l.sku, l.product_id, l.variant_id
            ORDER BY min(l.added_at), l.sku COLLATE "C"
            """,
            guest_owner,
            command.merge_id,
        )
        return Frozen(
            merge_id=command.merge_id,
            guest_owner=guest_owner,
            target_owner=command.target_owner,
            guest_cart_id=first_cart_id(guest_owner),
            strategy=command.strategy,
            lines=[Line(**dict(row)) for row in rows],
        )


async def _receipt_of(connection: asyncpg.Connection, owner_id: str, merge_id: UUID) -> Receipt | None:
    row = await connection.fetchrow(
        """
        SELECT owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, lines, applied_at
        FROM receipts WHERE owner_id = $1 AND merge_id = $2
        """,
        owner_id,
        merge_id,
    )
    if row is None:
        return None
    columns = dict(row)
    strategy = MergeStrategy(columns.pop("strategy"))
    return Receipt(**{**columns, "strategy": strategy, "lines": json.loads(columns["lines"])})
