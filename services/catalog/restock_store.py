"""Sold goods that come back with a refund."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import case, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database
from services.contracts.problems import GoodsNotSold, HoldNotFound

from .hold_store import move, stored_hold
from .rows import HoldLineRow, RestockLineRow, RestockRow, lock, quietly
from .stock import PUT_BACK, StoredHold, StoredRestock


class RestockStore:
    """What refunds put back; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def restock(self, refund_id: UUID, checkout_id: UUID, lines: Mapping[str, int]) -> tuple[StoredRestock, bool]:
        """Put sold goods back on the shelf; what this refund put back, and whether this call did it.

        Goods that are not sold any more go back too, as those of a released hold do: nobody can buy them unless their
        SKU names something again.

        Raises:
            GoodsNotSold: the checkout has sold nothing.
            RestockExceedsSale: it has not sold that much, or it is back already.
        """
        claim = insert(RestockRow).values(refund_id=refund_id, checkout_id=checkout_id).on_conflict_do_nothing()

        async def work(session: AsyncSession) -> tuple[StoredRestock, bool]:
            # The hold's row before the restock's: the foreign key takes a weaker lock, which two refunds would both
            # hold and then wait for each other.
            hold = await _sold(session, checkout_id)
            if (await session.exec(claim.returning(col(RestockRow.refund_id)))).first() is None:
                return await _stored_restock(session, refund_id), False
            hold.expect_restockable(lines, await _restocked(session, checkout_id))
            await _keep(session, refund_id, checkout_id, lines)
            await lock(session, lines)
            await move(session, lines, PUT_BACK)
            return StoredRestock(refund_id, checkout_id, lines), True

        return await self._database.transact(work)


async def _sold(session: AsyncSession, checkout_id: UUID) -> StoredHold:
    try:
        return await stored_hold(session, checkout_id, to_change=True)
    except HoldNotFound:
        raise GoodsNotSold(checkout_id=str(checkout_id)) from None


async def _restocked(session: AsyncSession, checkout_id: UUID) -> dict[str, int]:
    rows = await session.exec(select(HoldLineRow).where(col(HoldLineRow.checkout_id) == checkout_id))
    return {row.sku: row.restocked for row in rows}


async def _keep(session: AsyncSession, refund_id: UUID, checkout_id: UUID, lines: Mapping[str, int]) -> None:
    kept = [
        {"refund_id": refund_id, "checkout_id": checkout_id, "sku": sku, "quantity": quantity}
        for sku, quantity in lines.items()
    ]
    await session.exec(insert(RestockLineRow).values(kept))
    more = col(HoldLineRow.restocked) + case(dict(lines), value=col(HoldLineRow.sku))
    of_refund = update(HoldLineRow).where(
        col(HoldLineRow.checkout_id) == checkout_id, col(HoldLineRow.sku).in_(list(lines))
    )
    await session.exec(quietly(of_refund.values(restocked=more)))


async def _stored_restock(session: AsyncSession, refund_id: UUID) -> StoredRestock:
    row = (await session.exec(select(RestockRow).where(col(RestockRow.refund_id) == refund_id))).one()
    lines = await session.exec(
        select(RestockLineRow).where(col(RestockLineRow.refund_id) == refund_id).order_by(col(RestockLineRow.sku))
    )
    return StoredRestock(refund_id, row.checkout_id, {line.sku: line.quantity for line in lines})
