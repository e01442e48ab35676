"""Rows of shoppers and carts that edits, purchases and adoptions lock and change alike.

Locks are taken in one order: shopper, cart, purchase.
"""

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
        self, connection: asyncpg.Connection, owner_id: str, *, cart_id: UUID | None = None, name: str | None = None
    ) -> UUID:
        """A new, empty cart; one that is there already agrees."""
        cart_id = cart_id or UUID(new_id())
        await connection.execute(
            """
            INSERT INTO carts (owner_id, cart_id, name, currency, expires_at)
            VALUES ($1, $2, $3, $4, now() + make_interval(days => $5)) ON CONFLICT (owner_id, cart_id) DO NOTHING
            """,
            owner_id,
            cart_id,
            name,
            self.currency,
            self.limits.idle_days(owner_id),
        )
        return cart_id


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


async def point_at(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> None:
    await connection.execute("UPDATE shoppers SET current_cart_id = $2 WHERE owner_id = $1", owner_id, cart_id)


async def touch(connection: asyncpg.Connection, owner_id: str, cart_id: UUID, *, idle_days: int) -> int:
    """The cart's next version, which its lines were changed for."""
    version: int = await connection.fetchval(
        """
        UPDATE carts SET version = version + 1, updated_at = clock_timestamp(),
            expires_at = now() + make_interval(days => $3)
        WHERE owner_id = $1 AND cart_id = $2 RETURNING version
        """,
        owner_id,
        cart_id,
        idle_days,
    )
    return version


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


async def reopen(connection: asyncpg.Connection, owner_id: str, cart_id: UUID) -> None:
    # The new version makes a new try without an Idempotency-Key a new checkout.
    await connection.execute(
        """
        UPDATE carts SET status = CASE WHEN merge_id IS NULL THEN 'open' ELSE 'moving' END,
            version = version + 1, updated_at = clock_timestamp()
        WHERE owner_id = $1 AND cart_id = $2
        """,
        owner_id,
        cart_id,
    )


async def remember(
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
