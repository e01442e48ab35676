"""Stock set aside by checkout.

Whoever changes stock locks the rows of `skus` in order of SKU, so no two checkouts wait for each other. The counters
move by conditional updates, and the table's own checks refuse what would fall below zero or vanish.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from uuid import UUID

from sqlalchemy import (
    func,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database
from services.contracts.catalog import (
    Shortage,
)
from services.contracts.problems import HoldNotFound

from .rows import HoldLineRow, HoldRow, ProductRow, SkuRow, VariantRow, lock, quietly, sku_in
from .stock import TAKE, HoldState, Movement, StoredHold, shortages


class HoldStore:
    """What becomes of a checkout's stock; each change is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self, checkout_id: UUID, lines: Mapping[str, int]) -> tuple[StoredHold, bool]:
        """Set stock aside, all lines or none; the hold as it stands, and whether this call decided it.

        A shortage is stored and returned, since it must be committed to be final.
        """
        insert_hold = insert(HoldRow).values(checkout_id=checkout_id, state=HoldState.HELD, shortages=[])
        claim = insert_hold.on_conflict_do_nothing().returning(col(HoldRow.checkout_id))

        async def work(session: AsyncSession) -> tuple[StoredHold, bool]:
            if (await session.exec(claim)).first() is None:
                return await stored_hold(session, checkout_id), False
            short = shortages(lines, await _sellable(session, lines))
            if short:
                await _decide(session, checkout_id, HoldState.REFUSED, short=short)
                return StoredHold(checkout_id, HoldState.REFUSED, {}, short), True
            kept = [{"checkout_id": checkout_id, "sku": sku, "quantity": count} for sku, count in lines.items()]
            await session.exec(insert(HoldLineRow).values(kept))
            await move(session, lines, TAKE)
            return StoredHold(checkout_id, HoldState.HELD, lines), True

        return await self._database.transact(work)

    async def commit(self, checkout_id: UUID) -> StoredHold:
        """The held stock is sold.

        Raises:
            HoldNotFound: nothing is known of this checkout.
            HoldIsReleased: its stock is back on the shelf.
            OutOfStock: its hold was refused.
        """

        async def work(session: AsyncSession) -> StoredHold:
            hold = await stored_hold(session, checkout_id, to_change=True)
            return await _become(session, hold, HoldState.COMMITTED, hold.to_commit())

        return await self._database.transact(work)

    async def release(self, checkout_id: UUID) -> StoredHold:
        """The held stock goes back on the shelf; without a hold, a tombstone refuses it should it still arrive.

        Raises:
            HoldIsCommitted: the stock is sold.
        """
        insert_hold = insert(HoldRow).values(checkout_id=checkout_id, state=HoldState.RELEASED, shortages=[])
        tombstone = insert_hold.on_conflict_do_nothing().returning(col(HoldRow.checkout_id))

        async def work(session: AsyncSession) -> StoredHold:
            if (await session.exec(tombstone)).first() is not None:
                return StoredHold(checkout_id, HoldState.RELEASED, {})
            hold = await stored_hold(session, checkout_id, to_change=True)
            return await _become(session, hold, HoldState.RELEASED, hold.to_release())

        return await self._database.transact(work)

    async def find_hold(self, checkout_id: UUID) -> StoredHold:
        """The hold as it stands.

        Raises:
            HoldNotFound: nothing is known of this checkout.
        """
        return await self._database.transact(lambda session: stored_hold(session, checkout_id))


async def _sellable(session: AsyncSession, skus: Iterable[str]) -> dict[str, int]:
    """What is on the shelf of the SKUs that can be sold, locked until the transaction ends."""
    of_family = (
        select(VariantRow)
        .join(ProductRow, col(ProductRow.product_id) == col(VariantRow.product_id))
        .where(col(ProductRow.sku) == col(SkuRow.sku))
    )
    statement = (
        select(col(SkuRow.sku), col(SkuRow.available))
        .where(sku_in(SkuRow, skus), col(SkuRow.kind).is_not(None), ~of_family.exists())
        .order_by(col(SkuRow.sku))
        .with_for_update(key_share=True, of=SkuRow)
    )
    return {sku: available for sku, available in await session.exec(statement)}  # noqa: C416 - rows are no pairs to mypy


_MOVE = text("""
    UPDATE skus
       SET available = available + :available * line.quantity,
           held = held + :held * line.quantity,
           sold = sold + :sold * line.quantity
      FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS line (sku, quantity)
     WHERE skus.sku = line.sku
       AND available + :available * line.quantity >= 0
       AND held + :held * line.quantity >= 0
""")


async def move(session: AsyncSession, lines: Mapping[str, int], movement: Movement) -> None:
    arrays = {"skus": list(lines), "quantities": list(lines.values())}
    moved = await (await session.connection()).execute(_MOVE, {**asdict(movement), **arrays})
    assert moved.rowcount == len(lines), "stock moved although its row was locked"


async def stored_hold(session: AsyncSession, checkout_id: UUID, *, to_change: bool = False) -> StoredHold:
    statement = select(HoldRow).where(col(HoldRow.checkout_id) == checkout_id)
    hold = (await session.exec(statement.with_for_update() if to_change else statement)).first()
    if hold is None:
        raise HoldNotFound(checkout_id=str(checkout_id))
    lines = await session.exec(
        select(HoldLineRow).where(col(HoldLineRow.checkout_id) == checkout_id).order_by(col(HoldLineRow.sku))
    )
    return StoredHold(
        checkout_id,
        HoldState(hold.state),
        {line.sku: line.quantity for line in lines},
        tuple(Shortage.model_validate(shortage) for shortage in hold.shortages),
    )


async def _become(session: AsyncSession, hold: StoredHold, state: HoldState, movement: Movement | None) -> StoredHold:
    if movement is None:
        return hold
    await lock(session, hold.lines)
    await move(session, hold.lines, movement)
    await _decide(session, hold.checkout_id, state)
    return replace(hold, state=state)


async def _decide(
    session: AsyncSession, checkout_id: UUID, state: HoldState, *, short: tuple[Shortage, ...] = ()
) -> None:
    decided = {"state": state, "decided_at": func.now(), "shortages": [line.model_dump() for line in short]}
    await session.exec(quietly(update(HoldRow).where(col(HoldRow.checkout_id) == checkout_id).values(decided)))
