"""cartdb's statements. The owner is in every one; only the fan-outs at the end, which read, go without.

Locks are taken in one order: shopper, cart, purchase.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.chassis.app import new_id
from services.chassis.database import FastDatabase
from services.contracts.carts import (
    ApplyMerge,
    Cart,
    CartStatus,
    CreateCart,
    Freeze,
    Frozen,
    History,
    HistoryEntry,
    Line,
    MergeStrategy,
    Purchase,
    PurchaseRequest,
    PurchaseState,
    Receipt,
    Snapshot,
)
from services.contracts.identity import first_cart_id, is_guest
from services.contracts.problems import (
    PROBLEMS,
    CartIsBeingAdopted,
    CartLimitExceeded,
    CartNotFound,
    IdempotencyKeyReused,
    MergeNotFound,
    OrderNotFound,
    PreconditionFailed,
    Problem,
)

from . import adoption
from . import purchase as rules
from .cart import Limits, untouched

EDIT = """
    SELECT outcome, detail, version, cart FROM edit_cart(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
"""
READ_CURRENT = """
    SELECT cart_document($1, (SELECT current_cart_id FROM shoppers WHERE owner_id = $1)) AS cart
"""
READ_CART = "SELECT cart_document($1, $2) AS cart"
PURCHASE_COLUMNS = """
    owner_id, checkout_id, cart_id, state, reason, fingerprint, snapshot, intent_id, created_at, attached_at, decided_at
"""
READ_PURCHASE = f"SELECT {PURCHASE_COLUMNS} FROM purchases WHERE owner_id = $1 AND checkout_id = $2"  # noqa: S608 - a constant


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

    def __init__(self, database: FastDatabase, *, limits: Limits, currency: str) -> None:
        self._database = database
        self._limits = limits
        self._currency = currency

    # --- carts

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
            self._currency,
            self._limits.quantity,
            self._limits.lines,
            self._limits.idle_days(edit.owner_id),
            _actor(edit.owner_id),
        )
        assert row is not None
        if row["outcome"] != "ok":
            raise _refusal(row)
        return Edited(row["cart"], row["version"])

    async def current(self, owner_id: str) -> str:
        """The owner's current cart as JSON text; reading writes nothing."""
        row = await self._database.one_statement(READ_CURRENT, owner_id)
        if row is None or row["cart"] is None:
            return untouched(owner_id, self._currency).model_dump_json()
        return str(row["cart"])

    async def find(self, owner_id: str, cart_id: UUID) -> str:
        """One of the owner's carts as JSON text.

        Raises:
            CartNotFound: it does not exist, is deleted, or is somebody else's.
        """
        row = await self._database.one_statement(READ_CART, owner_id, cart_id)
        if row is None or row["cart"] is None:
            if cart_id == first_cart_id(owner_id):
                return untouched(owner_id, self._currency).model_dump_json()
            raise CartNotFound(cart_id=str(cart_id))
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
            await self._lock_shopper(connection, owner_id)
            open_carts = await connection.fetchval(
                "SELECT count(*) FROM carts WHERE owner_id = $1 AND status IN ('open', 'in_checkout')", owner_id
            )
            if open_carts >= self._limits.open_carts:
                raise CartLimitExceeded(limit=self._limits.open_carts)
            cart_id = await self._insert_cart(connection, owner_id, name=command.name)
            if command.activate:
                await _point_at(connection, owner_id, cart_id)
            return cart_id

        return await self._keyed(owner_id, key, fingerprint, change)

    async def rename(
        self, owner_id: str, cart_id: UUID, name: str | None, *, key: str | None, fingerprint: str
    ) -> Cart:
        """Give a cart a name, or take it away."""

        async def change(connection: asyncpg.Connection) -> UUID:
            await self._lock_open_cart(connection, owner_id, cart_id)
            await connection.execute(
                """
                UPDATE carts SET name = $3, version = version + 1, updated_at = clock_timestamp()
                WHERE owner_id = $1 AND cart_id = $2 AND name IS DISTINCT FROM $3
                """,
                owner_id,
                cart_id,
                name,
            )
            return cart_id

        return await self._keyed(owner_id, key, fingerprint, change)

    async def activate(self, owner_id: str, cart_id: UUID, *, key: str | None, fingerprint: str) -> Cart:
        """Make a cart the current one."""

        async def change(connection: asyncpg.Connection) -> UUID:
            await self._lock_open_cart(connection, owner_id, cart_id)
            await _point_at(connection, owner_id, cart_id)
            return cart_id

        return await self._keyed(owner_id, key, fingerprint, change)

    async def delete(self, owner_id: str, cart_id: UUID, *, key: str | None, fingerprint: str) -> None:
        """Take a cart away; if it was the current one, a new, empty one follows. A deleted cart agrees."""

        async def change(connection: asyncpg.Connection) -> UUID:
            current = await self._lock_shopper(connection, owner_id)
            cart = await _lock_cart(connection, owner_id, cart_id)
            if cart.status is CartStatus.DELETED:
                return cart_id
            _demand_open(cart, cart_id)
            await connection.execute(
                """
                UPDATE carts SET status = 'deleted', version = version + 1, updated_at = clock_timestamp()
                WHERE owner_id = $1 AND cart_id = $2
                """,
                owner_id,
                cart_id,
            )
            await _remember(connection, owner_id, cart_id, "delete", _actor(owner_id))
            if current == cart_id:
                await _point_at(connection, owner_id, await self._insert_cart(connection, owner_id))
            return cart_id

        await self._keyed(owner_id, key, fingerprint, change)

    async def history(self, owner_id: str, cart_id: UUID, *, at: datetime | None) -> History:
        """Who changed what when, up to a moment, and the lines as they stood then.

        Raises:
            CartNotFound: it does not exist or is somebody else's.
        """
        await self.find(owner_id, cart_id)

        async def work(connection: asyncpg.Connection) -> list[asyncpg.Record]:
            rows: list[asyncpg.Record] = await connection.fetch(
                """
                SELECT version, action, sku, quantity, at, actor FROM history
                WHERE owner_id = $1 AND cart_id = $2 AND ($3::timestamptz IS NULL OR at <= $3) ORDER BY entry
                """,
                owner_id,
                cart_id,
                at,
            )
            return rows

        entries = [HistoryEntry(**dict(row)) for row in await self._database.transact(work)]
        return History(cart_id=cart_id, entries=entries, lines=_lines_after(entries))

    # --- purchases

    async def purchase(self, owner_id: str, cart_id: UUID, request: PurchaseRequest) -> Purchase:
        """Mark: the cart is purchased by this checkout, or the refusal is written down for ever.

        The caller reads the answer's state: pending is a yes.

        Raises:
            CartNotFound: there is no such cart of the owner's.
            IdempotencyKeyReused: the checkout id was used for another request.
        """

        async def work(connection: asyncpg.Connection) -> Purchase:
            cart = await _lock_cart(connection, owner_id, cart_id)
            if known := await _purchase_of(connection, owner_id, request.checkout_id):
                return rules.agree(known, fingerprint=request.fingerprint)
            reason = rules.why_not(cart, version=request.version)
            if reason is None:
                rules.check_snapshot(request.snapshot, cart)
            written = await _insert_purchase(connection, owner_id, cart_id, request, reason)
            if not written:  # The same checkout was voided or marked on another cart.
                return await _known_purchase(connection, owner_id, request.checkout_id, request.fingerprint)
            if reason is None:
                await _set_status(connection, owner_id, cart_id, CartStatus.IN_CHECKOUT)
                await _remember(connection, owner_id, cart_id, "purchase", "checkout")
            return await _known_purchase(connection, owner_id, request.checkout_id, request.fingerprint)

        return await self._database.transact(work)

    async def find_purchase(self, owner_id: str, checkout_id: UUID) -> Purchase:
        """A purchase in its present state.

        Raises:
            OrderNotFound: the owner has no such purchase.
        """

        async def work(connection: asyncpg.Connection) -> Purchase:
            return await _purchase_or_not_found(connection, owner_id, checkout_id)

        return await self._database.transact(work)

    async def purchases(self, owner_id: str, *, limit: int) -> list[Purchase]:
        """The owner's purchases that held a snapshot, the newest first."""

        async def work(connection: asyncpg.Connection) -> list[Purchase]:
            rows = await connection.fetch(
                f"""
                SELECT {PURCHASE_COLUMNS} FROM purchases WHERE owner_id = $1 AND snapshot IS NOT NULL
                ORDER BY created_at DESC, checkout_id LIMIT $2
                """,  # noqa: S608 - a constant
                owner_id,
                limit,
            )
            return [_purchase(row) for row in rows]

        return await self._database.transact(work)

    async def attach(self, owner_id: str, checkout_id: UUID, *, intent_id: str) -> Purchase:
        """Write down the checkout's one payment intent."""

        async def work(connection: asyncpg.Connection) -> Purchase:
            known = await _purchase_or_not_found(connection, owner_id, checkout_id, lock=True)
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
            return await _purchase_or_not_found(connection, owner_id, checkout_id)

        return await self._database.transact(work)

    async def settle(self, owner_id: str, checkout_id: UUID, *, intent_id: str) -> Purchase:
        """The intent succeeded: pending becomes paid, and a new, empty cart follows the bought one."""

        async def work(connection: asyncpg.Connection) -> Purchase:
            cart_id = (await _purchase_or_not_found(connection, owner_id, checkout_id)).cart_id
            current = await self._lock_shopper(connection, owner_id)
            await _lock_cart(connection, owner_id, cart_id)
            known = await _purchase_or_not_found(connection, owner_id, checkout_id, lock=True)
            if not rules.may_settle(known, intent_id=intent_id):
                return known
            await _decide(connection, known, PurchaseState.PAID, reason=None)
            await _set_status(connection, owner_id, cart_id, CartStatus.PURCHASED)
            await _remember(connection, owner_id, cart_id, "settle", "checkout")
            if current == cart_id:
                await _point_at(connection, owner_id, await self._insert_cart(connection, owner_id))
            return await _purchase_or_not_found(connection, owner_id, checkout_id)

        return await self._database.transact(work)

    async def unpurchase(self, owner_id: str, checkout_id: UUID, *, reason: str) -> Purchase:
        """Unmark: pending becomes failed and, in the same transaction, its own cart opens again at a new version."""

        async def work(connection: asyncpg.Connection) -> Purchase:
            cart_id = (await _purchase_or_not_found(connection, owner_id, checkout_id)).cart_id
            await _lock_cart(connection, owner_id, cart_id)
            known = await _purchase_or_not_found(connection, owner_id, checkout_id, lock=True)
            if not rules.may_unpurchase(known):
                return known
            await _decide(connection, known, PurchaseState.FAILED, reason=reason)
            await _reopen(connection, owner_id, cart_id)
            await _remember(connection, owner_id, cart_id, "unpurchase", "checkout")
            return await _purchase_or_not_found(connection, owner_id, checkout_id)

        return await self._database.transact(work)

    async def void(self, owner_id: str, checkout_id: UUID, *, cart_id: UUID, fingerprint: str, reason: str) -> Purchase:
        """A tombstone for a checkout that never came. A purchase that is there already wins, and is answered.

        The cart's version is raised with it: a late twin finds another version, and a new try without a key is a new
        checkout.
        """

        async def work(connection: asyncpg.Connection) -> Purchase:
            cart = await _find_and_lock(connection, owner_id, cart_id)
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
                await _reopen(connection, owner_id, cart_id)
                await _remember(connection, owner_id, cart_id, "void", "checkout")
            return await _known_purchase(connection, owner_id, checkout_id, fingerprint)

        return await self._database.transact(work)

    # --- adoption

    async def freeze(self, guest_owner: str, command: Freeze) -> Frozen:
        """Step 1: the guest's open carts change no more and belong to this merge.

        Raises:
            CartIsBeingAdopted: another user's merge has them.
        """

        async def work(connection: asyncpg.Connection) -> Frozen:
            rows = await connection.fetch(
                "SELECT target_owner FROM carts WHERE owner_id = $1 ORDER BY cart_id FOR UPDATE",
                guest_owner,
            )
            if any(row["target_owner"] not in (None, command.target_owner) for row in rows):
                raise CartIsBeingAdopted
            await connection.execute(
                """
                UPDATE carts SET status = 'moving', merge_id = $2, target_owner = $3, strategy = $4,
                    version = version + 1, updated_at = clock_timestamp()
                WHERE owner_id = $1 AND status = 'open'
                    AND EXISTS (SELECT FROM lines l WHERE l.owner_id = $1 AND l.cart_id = carts.cart_id)
                """,
                guest_owner,
                command.merge_id,
                command.target_owner,
                command.strategy.value,
            )
            return await self._frozen(connection, guest_owner, command)

        return await self._database.transact(work)

    async def apply(self, owner_id: str, command: ApplyMerge) -> Receipt:
        """Step 2: the frozen lines are in the user's current cart, once for the merge id.

        Raises:
            CartInCheckout: the user's current cart is being paid for; try again when it has its outcome.
        """

        async def work(connection: asyncpg.Connection) -> Receipt:
            cart_id = await self._lock_shopper(connection, owner_id)
            if receipt := await _receipt_of(connection, owner_id, command.merge_id):
                return receipt
            cart = await _lock_cart(connection, owner_id, cart_id)
            _demand_open(cart, cart_id)
            merged = adoption.merge(
                await _lines(connection, owner_id, cart_id), command.lines, command.strategy, self._limits
            )
            await self._write_merged(connection, owner_id, cart_id, merged)
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
            await connection.execute(
                """
                UPDATE carts SET status = 'moved', updated_at = clock_timestamp()
                WHERE owner_id = $1 AND merge_id = $2 AND status = 'moving'
                """,
                guest_owner,
                merge_id,
            )

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

    # --- fan-outs: they read over all owners, and nothing else may

    async def unfinished_purchases(self, *, older_than_seconds: float, limit: int) -> list[Purchase]:
        """Pending purchases that no controller is likely to be working on."""

        async def work(connection: asyncpg.Connection) -> list[Purchase]:
            rows = await connection.fetch(
                f"""
                SELECT {PURCHASE_COLUMNS} FROM purchases
                WHERE state = 'pending' AND created_at < now() - make_interval(secs => $1) ORDER BY created_at LIMIT $2
                """,  # noqa: S608 - a constant
                older_than_seconds,
                limit,
            )
            return [_purchase(row) for row in rows]

        return await self._database.transact(work)

    async def unfinished_adoptions(self, *, older_than_seconds: float, limit: int) -> list[Frozen]:
        """Guests' carts that a login froze and nobody closed."""

        async def work(connection: asyncpg.Connection) -> list[Frozen]:
            rows = await connection.fetch(
                """
                SELECT DISTINCT owner_id, merge_id, target_owner, strategy FROM carts
                WHERE status = 'moving' AND updated_at < now() - make_interval(secs => $1) LIMIT $2
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

    # --- shared by the changes above

    async def _keyed(
        self,
        owner_id: str,
        key: str | None,
        fingerprint: str,
        change: Callable[[asyncpg.Connection], Awaitable[UUID]],
    ) -> Cart:
        """Run a change of carts once for its key, and answer the cart as it now is."""

        async def work(connection: asyncpg.Connection) -> Cart:
            cart_id = await _replayed(connection, owner_id, key, fingerprint) if key else None
            replayed = cart_id is not None
            if cart_id is None:
                cart_id = await change(connection)
                if key:
                    await connection.execute(
                        """
                        UPDATE idempotency_keys SET outcome = 'ok', cart_id = $3
                        WHERE owner_id = $1 AND key = $2
                        """,
                        owner_id,
                        key,
                        cart_id,
                    )
            document = await connection.fetchval("SELECT cart_document($1, $2, $3)", owner_id, cart_id, replayed)
            return Cart.model_validate_json(document)

        return await self._database.transact(work)

    async def _lock_shopper(self, connection: asyncpg.Connection, owner_id: str) -> UUID:
        """Make sure that the owner has rows, lock the shopper's, and answer the current cart's id."""
        current: UUID = await connection.fetchval(
            """
            INSERT INTO shoppers AS s (owner_id, current_cart_id) VALUES ($1, $2)
            ON CONFLICT (owner_id) DO UPDATE SET owner_id = excluded.owner_id RETURNING s.current_cart_id
            """,
            owner_id,
            first_cart_id(owner_id),
        )
        await self._insert_cart(connection, owner_id, cart_id=first_cart_id(owner_id))
        return current

    async def _insert_cart(
        self, connection: asyncpg.Connection, owner_id: str, *, cart_id: UUID | None = None, name: str | None = None
    ) -> UUID:
        cart_id = cart_id or UUID(new_id())
        await connection.execute(
            """
            INSERT INTO carts (owner_id, cart_id, name, currency, expires_at)
            VALUES ($1, $2, $3, $4, now() + make_interval(days => $5)) ON CONFLICT (owner_id, cart_id) DO NOTHING
            """,
            owner_id,
            cart_id,
            name,
            self._currency,
            self._limits.idle_days(owner_id),
        )
        return cart_id

    async def _lock_open_cart(self, connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> None:
        await self._lock_shopper(connection, owner_id)
        _demand_open(await _lock_cart(connection, owner_id, cart_id), cart_id)

    async def _write_merged(
        self, connection: asyncpg.Connection, owner_id: str, cart_id: UUID, merged: adoption.Merged
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
                expires_at = now() + make_interval(days => $3)
            WHERE owner_id = $1 AND cart_id = $2
            """,
            owner_id,
            cart_id,
            self._limits.idle_days(owner_id),
        )
        for line in merged.receipt:
            await _remember(connection, owner_id, cart_id, "adopt", "adoption", sku=line.sku, quantity=line.quantity)

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


def _actor(owner_id: str) -> str:
    return "guest" if is_guest(owner_id) else "user"


def _refusal(row: asyncpg.Record) -> Problem:
    members: dict[str, Any] = json.loads(row["detail"]) if row["detail"] else {}
    if row["cart"] is not None:
        cart = json.loads(row["cart"])
        members["cart_id"] = cart["cart_id"]
        if row["outcome"] == PreconditionFailed.slug:
            members["cart"] = cart
    return PROBLEMS[row["outcome"]](**members)


def _lines_after(entries: list[HistoryEntry]) -> dict[str, int]:
    lines: dict[str, int] = {}
    for entry in entries:
        if entry.action == "clear":
            lines.clear()
        elif entry.sku is not None:
            lines[entry.sku] = entry.quantity or 0
    return {sku: quantity for sku, quantity in lines.items() if quantity}


async def _replayed(connection: asyncpg.Connection, owner_id: str, key: str, fingerprint: str) -> UUID | None:
    """The cart that a request with this key changed earlier; None if this is the first, whose row is now written."""
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
    if first:
        return None
    # A second statement: the one above cannot see the row that it waited for.
    row = await connection.fetchrow(
        "SELECT fingerprint, cart_id FROM idempotency_keys WHERE owner_id = $1 AND key = $2", owner_id, key
    )
    if row["fingerprint"] != fingerprint:
        raise IdempotencyKeyReused
    cart_id: UUID = row["cart_id"]
    return cart_id


def _demand_open(cart: rules.LockedCart, cart_id: UUID) -> None:
    if cart.status is CartStatus.DELETED:
        raise CartNotFound(cart_id=str(cart_id))
    if reason := rules.why_not(cart, version=cart.version):
        raise rules.REFUSALS[reason](cart_id=str(cart_id))


async def _lock_cart(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> rules.LockedCart:
    cart = await _find_and_lock(connection, owner_id, cart_id)
    if cart is None:
        raise CartNotFound(cart_id=str(cart_id))
    return cart


async def _find_and_lock(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> rules.LockedCart | None:
    row = await connection.fetchrow(
        "SELECT status, version FROM carts WHERE owner_id = $1 AND cart_id = $2 FOR UPDATE", owner_id, cart_id
    )
    if row is None:
        return None
    lines = await connection.fetch(
        "SELECT sku, quantity FROM lines WHERE owner_id = $1 AND cart_id = $2", owner_id, cart_id
    )
    return rules.LockedCart(
        CartStatus(row["status"]), row["version"], {line["sku"]: line["quantity"] for line in lines}
    )


async def _lines(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> list[Line]:
    rows = await connection.fetch(
        """
        SELECT sku, product_id, variant_id, quantity, added_price, added_at FROM lines
        WHERE owner_id = $1 AND cart_id = $2 ORDER BY added_at, sku COLLATE "C"
        """,
        owner_id,
        cart_id,
    )
    return [Line(**dict(row)) for row in rows]


async def _point_at(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> None:
    await connection.execute("UPDATE shoppers SET current_cart_id = $2 WHERE owner_id = $1", owner_id, cart_id)


async def _set_status(connection: asyncpg.Connection, owner_id: str, cart_id: UUID, status: CartStatus) -> None:
    await connection.execute(
        "UPDATE carts SET status = $3, updated_at = clock_timestamp() WHERE owner_id = $1 AND cart_id = $2",
        owner_id,
        cart_id,
        status.value,
    )


async def _reopen(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> None:
    # The new version makes a new try without an Idempotency-Key a new checkout.
    await connection.execute(
        """
        UPDATE carts SET status = 'open', version = version + 1, updated_at = clock_timestamp()
        WHERE owner_id = $1 AND cart_id = $2
        """,
        owner_id,
        cart_id,
    )


async def _remember(
    connection: asyncpg.Connection,
    owner_id: str,
    cart_id: UUID,
    action: str,
    actor: str,
    *,
    sku: str | None = None,
    quantity: int | None = None,
) -> None:
    await connection.execute(
        """
        INSERT INTO history (owner_id, cart_id, version, action, sku, quantity, actor)
        SELECT $1, $2, version, $3, $4, $5, $6 FROM carts WHERE owner_id = $1 AND cart_id = $2
        """,
        owner_id,
        cart_id,
        action,
        sku,
        quantity,
        actor,
    )


async def _insert_purchase(
    connection: asyncpg.Connection, owner_id: str, cart_id: UUID, request: PurchaseRequest, reason: str | None
) -> bool:
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
        request.snapshot.model_dump_json(),
        request.snapshot.amount,
        request.snapshot.currency,
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


def _purchase(row: asyncpg.Record) -> Purchase:
    columns = dict(row)
    snapshot = columns.pop("snapshot")
    return Purchase(**columns, snapshot=Snapshot.model_validate_json(snapshot) if snapshot else None)


async def _purchase_of(connection: asyncpg.Connection, owner_id: str, checkout_id: UUID) -> Purchase | None:
    row = await connection.fetchrow(READ_PURCHASE, owner_id, checkout_id)
    return _purchase(row) if row else None


async def _purchase_or_not_found(
    connection: asyncpg.Connection, owner_id: str, checkout_id: UUID, *, lock: bool = False
) -> Purchase:
    row = await connection.fetchrow(READ_PURCHASE + (" FOR UPDATE" if lock else ""), owner_id, checkout_id)
    if row is None:
        raise OrderNotFound(order_id=str(checkout_id))
    return _purchase(row)


async def _known_purchase(
    connection: asyncpg.Connection, owner_id: str, checkout_id: UUID, fingerprint: str
) -> Purchase:
    return rules.agree(await _purchase_or_not_found(connection, owner_id, checkout_id), fingerprint=fingerprint)


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
