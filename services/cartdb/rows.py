"""Rows of shoppers and carts that edits, purchases and adoptions lock and change alike.

Locks are taken in one order: shopper, cart, purchase.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.chassis.app import new_id
from services.contracts.carts import CartStatus, Line
from services.contracts.identity import first_cart_id, is_guest
from services.contracts.problems import CartNotFound

from . import purchase as rules
from .cart import Limits


@dataclass(frozen=True, slots=True)
class Opening:
    """How an owner's rows come to be."""

    limits: Limits
    currency: str

    async def lock_shopper(self, connection: asyncpg.Connection, owner_id: str) -> UUID:
        """Make sure that the owner has rows, lock the shopper's, and answer the current cart's id."""
        current: UUID = await connection.fetchval(
            """
            INSERT INTO shoppers AS s (owner_id, current_cart_id) VALUES ($1, $2)
            ON CONFLICT (owner_id) DO UPDATE SET owner_id = excluded.owner_id RETURNING s.current_cart_id
            """,
            owner_id,
            first_cart_id(owner_id),
        )
        await self.insert_cart(connection, owner_id, cart_id=first_cart_id(owner_id))
        return current

    async def insert_cart(
        self,
        connection: asyncpg.Connection,
        owner_id: str,
        *,
        cart_id: UUID | None = None,
        name: str | None = None,
        actor: str | None = None,
    ) -> UUID:
        """A new, empty cart; one that is there already agrees."""
        cart_id = cart_id or UUID(new_id())
        await connection.execute(
            """
            WITH made AS (
                INSERT INTO carts (owner_id, cart_id, name, currency, expires_at)
                VALUES ($1, $2, $3, $4, cart_expiry($5)) ON CONFLICT (owner_id, cart_id) DO NOTHING
                RETURNING owner_id, cart_id, version, status, name
            )
            INSERT INTO history (owner_id, cart_id, version, status, name, action, actor)
            SELECT owner_id, cart_id, version, status, name, 'create', $6 FROM made
            """,
            owner_id,
            cart_id,
            name,
            self.currency,
            self.limits.idle_days(owner_id),
            actor or actor_of(owner_id),
        )
        return cart_id

    async def touch(self, connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> int:
        """The cart's next version, for which its lines were changed."""
        version: int = await connection.fetchval(
            """
            UPDATE carts SET version = version + 1, updated_at = clock_timestamp(), expires_at = cart_expiry($3)
            WHERE owner_id = $1 AND cart_id = $2 RETURNING version
            """,
            owner_id,
            cart_id,
            self.limits.idle_days(owner_id),
        )
        return version

    async def reopen(self, connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> None:
        """The cart is as before its checkout, and waits its full time again."""
        # The new version makes a new try without an Idempotency-Key a new checkout. One statement: PostgreSQL looks at
        # the shopper's row when a transaction changes a cart's row twice, and who locks only the cart must not wait
        # for it.
        await connection.execute(
            """
            UPDATE carts SET status = CASE WHEN merge_id IS NULL THEN 'open' ELSE 'moving' END,
                version = version + 1, updated_at = clock_timestamp(), expires_at = cart_expiry($3)
            WHERE owner_id = $1 AND cart_id = $2
            """,
            owner_id,
            cart_id,
            self.limits.idle_days(owner_id),
        )

    async def prolong(self, connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> None:
        """A cart that somebody has just touched waits its full time again."""
        await connection.execute(
            "UPDATE carts SET expires_at = cart_expiry($3) WHERE owner_id = $1 AND cart_id = $2",
            owner_id,
            cart_id,
            self.limits.idle_days(owner_id),
        )


def actor_of(owner_id: str) -> str:
    return "guest" if is_guest(owner_id) else "user"


def demand_open(cart: rules.LockedCart, cart_id: UUID) -> None:
    if cart.status is CartStatus.DELETED:
        raise CartNotFound(cart_id=str(cart_id))
    if reason := rules.why_not(cart, version=cart.version):
        raise rules.REFUSALS[reason](cart_id=str(cart_id))


async def lock_cart(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> rules.LockedCart:
    cart = await find_and_lock_cart(connection, owner_id, cart_id)
    if cart is None:
        raise CartNotFound(cart_id=str(cart_id))
    return cart


async def find_and_lock_cart(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> rules.LockedCart | None:
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


async def lines_of(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> list[Line]:
    rows = await connection.fetch(
        """
        SELECT sku, product_id, variant_id, quantity, added_price, added_at FROM lines
        WHERE owner_id = $1 AND cart_id = $2 ORDER BY added_at, sku COLLATE "C"
        """,
        owner_id,
        cart_id,
    )
    return [Line(**dict(row)) for row in rows]


async def write_lines(connection: asyncpg.Connection, owner_id: str, cart_id: UUID, lines: list[Line]) -> None:
    """Have these lines in a cart; of one that is there only the quantity changes."""
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
            for line in lines
        ],
    )


async def point_at(
    connection: asyncpg.Connection, owner_id: str, cart_id: UUID, *, instead_of: UUID, actor: str
) -> None:
    """Make a cart the current one; the one that was it is in its history."""
    if cart_id == instead_of:
        return
    await connection.execute("UPDATE shoppers SET current_cart_id = $2 WHERE owner_id = $1", owner_id, cart_id)
    await remember(connection, owner_id, cart_id, "activate", actor, detail={"instead_of": str(instead_of)})


async def count_open(connection: asyncpg.Connection, owner_id: str) -> int:
    open_carts: int = await connection.fetchval(
        "SELECT count(*) FROM carts WHERE owner_id = $1 AND status IN ('open', 'in_checkout')", owner_id
    )
    return open_carts


async def set_status(connection: asyncpg.Connection, owner_id: str, cart_id: UUID, status: CartStatus) -> None:
    await connection.execute(
        "UPDATE carts SET status = $3, updated_at = clock_timestamp() WHERE owner_id = $1 AND cart_id = $2",
        owner_id,
        cart_id,
        status.value,
    )


async def remember(
    connection: asyncpg.Connection,
    owner_id: str,
    cart_id: UUID,
    action: str,
    actor: str,
    *,
    detail: Mapping[str, str | None] | None = None,
) -> None:
    """Tell a change of the cart as a whole, after it was made and while its row is locked."""
    await connection.execute(
        """
        INSERT INTO history (owner_id, cart_id, version, status, name, action, actor, detail)
        SELECT owner_id, cart_id, version, status, name, $3, $4, $5 FROM carts WHERE owner_id = $1 AND cart_id = $2
        """,
        owner_id,
        cart_id,
        action,
        actor,
        json.dumps(detail) if detail else None,
    )


async def remember_lines(
    connection: asyncpg.Connection,
    owner_id: str,
    cart_id: UUID,
    action: str,
    actor: str,
    *,
    skus: Sequence[str],
    detail: Mapping[str, str | None] | None = None,
) -> None:
    """Tell a change of several lines after it was made: each as it stands now, 0 where it is gone, at one moment.

    A change of no line leaves one entry too.
    """
    await connection.execute(
        """
        INSERT INTO history
            (owner_id, cart_id, version, status, name, action, actor, sku, quantity, added_price, detail, at)
        SELECT c.owner_id, c.cart_id, c.version, c.status, c.name, $3, $4, changed.sku,
            CASE WHEN changed.sku IS NOT NULL THEN COALESCE(l.quantity, 0) END, l.added_price, $6,
            (SELECT clock_timestamp())
        FROM carts c LEFT JOIN unnest($5::text[]) WITH ORDINALITY AS changed (sku, place) ON true
        LEFT JOIN lines l ON l.owner_id = c.owner_id AND l.cart_id = c.cart_id AND l.sku = changed.sku
        WHERE c.owner_id = $1 AND c.cart_id = $2 ORDER BY changed.place
        """,
        owner_id,
        cart_id,
        action,
        actor,
        skus,
        json.dumps(detail) if detail else None,
    )
