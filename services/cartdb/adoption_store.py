"""Adoptions: three steps, each of one owner. The owner is in every statement but the fan-out, which reads."""

import json
from collections.abc import Sequence
from uuid import UUID

import asyncpg
from pydantic import BaseModel, TypeAdapter

from services.chassis.database import FastDatabase
from services.contracts.carts import (
    ApplyMerge,
    Cart,
    CartStatus,
    Freeze,
    Frozen,
    Line,
    MergePreview,
    MergePreviews,
    MergeStrategy,
    PreviewMerge,
    Receipt,
)
from services.contracts.identity import first_cart_id
from services.contracts.problems import (
    CartIsBeingAdopted,
    CartLimitExceeded,
    MergeCannotBeUndone,
    MergeNotFound,
)

from . import adoption
from .cart import untouched
from .rows import (
    Opening,
    actor_of,
    count_open,
    demand_open,
    find_and_lock_cart,
    lines_of,
    lock_cart,
    remember_lines,
    write_lines,
)
from .store import READ_CURRENT

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

# Of one SKU in several carts: all of it, as it was first put in.
LINES_OF = """
    SELECT l.sku, (array_agg(l.product_id ORDER BY l.added_at DESC))[1] AS product_id,
        (array_agg(l.variant_id ORDER BY l.added_at DESC))[1] AS variant_id, sum(l.quantity)::int AS quantity,
        min(l.added_price) AS added_price, min(l.added_at) AS added_at
    FROM lines l JOIN carts c ON c.owner_id = l.owner_id AND c.cart_id = l.cart_id
    WHERE l.owner_id = $1 AND ($2::uuid IS NULL AND c.status = 'open' AND c.merge_id IS NULL OR c.merge_id = $2)
    GROUP BY l.sku ORDER BY min(l.added_at), l.sku COLLATE "C"
"""


class AdoptionStore:
    """Named questions and changes; each is one transaction."""

    def __init__(self, database: FastDatabase, opening: Opening) -> None:
        self._database = database
        self._opening = opening

    async def freeze(self, guest_owner: str, command: Freeze) -> Frozen:
        """Step 1: the guest's open carts change no more and belong to this merge, with the first freeze's strategy.

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
            mine = await lines_of(connection, owner_id, cart_id)
            merged = adoption.merge(mine, command.lines, command.strategy, self._opening.limits)
            await write_lines(connection, owner_id, cart_id, merged.lines)
            version = await self._opening.touch(connection, owner_id, cart_id)
            skus = [line.sku for line in merged.receipt if line.guest_quantity]
            detail = {"merge_id": str(command.merge_id)}
            await remember_lines(connection, owner_id, cart_id, "adopt", "adoption", skus=skus, detail=detail)
            await connection.execute(
                """
                INSERT INTO receipts (owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, lines,
                    guest_cart_ids, version, user_lines, guest_lines)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
                """,
                owner_id,
                command.merge_id,
                command.guest_owner,
                command.guest_cart_id,
                cart_id,
                command.strategy.value,
                _json(merged.receipt),
                command.guest_cart_ids,
                version,
                _json(mine),
                _json(command.lines),
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

    async def movable(self, guest_owner: str) -> list[Line]:
        """What a freeze would take now."""

        async def work(connection: asyncpg.Connection) -> list[Line]:
            return await _lines_of_guest(connection, guest_owner, None)

        return await self._database.transact(work)

    async def preview(self, owner_id: str, command: PreviewMerge) -> MergePreviews:
        """What a merge would do to the user's current cart. Nothing is written, not even rows of the user's."""
        row = await self._database.one_statement(READ_CURRENT, owner_id)
        if row is None or row["cart"] is None:
            cart = untouched(owner_id, self._opening.currency)
        else:
            cart = Cart.model_validate_json(row["cart"])
        strategies = [command.strategy] if command.strategy else list(MergeStrategy)
        limits = self._opening.limits
        return MergePreviews(
            cart_id=cart.cart_id,
            version=cart.version,
            previews=[
                MergePreview(strategy=each, lines=adoption.merge(cart.items, command.lines, each, limits).receipt)
                for each in strategies
            ],
        )

    async def undo(self, owner_id: str, merge_id: UUID) -> Receipt:
        """Both carts as they were, the guest's beside the user's. A repeat agrees.

        Raises:
            MergeNotFound: the owner has no such merge.
            MergeCannotBeUndone: the cart has changed since.
            CartLimitExceeded: the owner has no room for another cart.
        """

        async def work(connection: asyncpg.Connection) -> Receipt:
            if await _receipt_of(connection, owner_id, merge_id) is None:
                raise MergeNotFound(merge_id=str(merge_id))
            current = await self._opening.lock_shopper(connection, owner_id)
            receipt = await _receipt_of(connection, owner_id, merge_id)
            assert receipt is not None
            if receipt.undone_at is None:
                await self._demand_unchanged(connection, receipt, current)
                await self._give_back(connection, receipt)
            return await _receipt_of(connection, owner_id, merge_id) or receipt

        return await self._database.transact(work)

    async def _demand_unchanged(self, connection: asyncpg.Connection, receipt: Receipt, current: UUID) -> None:
        cart = await find_and_lock_cart(connection, receipt.owner_id, receipt.cart_id)
        if (reason := adoption.why_no_undo(cart, receipt.version)) is None:
            return
        shown = current if cart is None or cart.status is CartStatus.DELETED else receipt.cart_id
        document = await connection.fetchval("SELECT cart_document($1, $2)", receipt.owner_id, shown)
        raise MergeCannotBeUndone(
            reason=reason, merge_id=str(receipt.merge_id), cart_id=str(shown), cart=json.loads(document)
        )

    async def _give_back(self, connection: asyncpg.Connection, receipt: Receipt) -> None:
        owner_id, limits = receipt.owner_id, self._opening.limits
        mine, theirs = await _lines_before(connection, receipt)
        carts = adoption.undone_carts(receipt.merge_id, theirs, limits)
        if await count_open(connection, owner_id) + len(carts) > limits.open_carts:
            raise CartLimitExceeded(limit=limits.open_carts)
        await self._replace_lines(connection, receipt, receipt.cart_id, mine, changed=theirs)
        for cart_id, lines in carts.items():
            await self._opening.insert_cart(connection, owner_id, cart_id=cart_id, name=adoption.NAME_OF_UNDONE)
            await self._replace_lines(connection, receipt, cart_id, lines, changed=lines)
        await connection.execute(
            "UPDATE receipts SET undone_at = now(), undone_cart_ids = $3 WHERE owner_id = $1 AND merge_id = $2",
            owner_id,
            receipt.merge_id,
            list(carts),
        )

    async def _replace_lines(
        self, connection: asyncpg.Connection, receipt: Receipt, cart_id: UUID, lines: list[Line], *, changed: list[Line]
    ) -> None:
        owner_id, actor = receipt.owner_id, actor_of(receipt.owner_id)
        await connection.execute("DELETE FROM lines WHERE owner_id = $1 AND cart_id = $2", owner_id, cart_id)
        await write_lines(connection, owner_id, cart_id, lines)
        await self._opening.touch(connection, owner_id, cart_id)
        skus, detail = [line.sku for line in changed], {"merge_id": str(receipt.merge_id)}
        await remember_lines(connection, owner_id, cart_id, "undo_adopt", actor, skus=skus, detail=detail)

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

    async def _frozen(self, connection: asyncpg.Connection, guest_owner: str, command: Freeze) -> Frozen:
        carts = await connection.fetch(
            "SELECT cart_id, strategy FROM carts WHERE owner_id = $1 AND merge_id = $2 ORDER BY cart_id",
            guest_owner,
            command.merge_id,
        )
        return Frozen(
            merge_id=command.merge_id,
            guest_owner=guest_owner,
            target_owner=command.target_owner,
            guest_cart_id=first_cart_id(guest_owner),
            guest_cart_ids=[cart["cart_id"] for cart in carts],
            strategy=MergeStrategy(carts[0]["strategy"]) if carts else command.strategy,
            lines=await _lines_of_guest(connection, guest_owner, command.merge_id),
        )


def _json(parts: Sequence[BaseModel]) -> str:
    return json.dumps([part.model_dump(mode="json") for part in parts])


async def _lines_of_guest(connection: asyncpg.Connection, guest_owner: str, merge_id: UUID | None) -> list[Line]:
    return [Line(**dict(row)) for row in await connection.fetch(LINES_OF, guest_owner, merge_id)]


async def _lines_before(connection: asyncpg.Connection, receipt: Receipt) -> tuple[list[Line], list[Line]]:
    row = await connection.fetchrow(
        "SELECT user_lines, guest_lines FROM receipts WHERE owner_id = $1 AND merge_id = $2",
        receipt.owner_id,
        receipt.merge_id,
    )
    mine, theirs = (TypeAdapter(list[Line]).validate_json(row[side]) for side in ("user_lines", "guest_lines"))
    return mine, theirs


async def _receipt_of(connection: asyncpg.Connection, owner_id: str, merge_id: UUID) -> Receipt | None:
    row = await connection.fetchrow(
        """
        SELECT owner_id, merge_id, guest_owner, guest_cart_id, cart_id, strategy, lines, applied_at, version, undone_at,
            undone_cart_ids
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
