"""Pages of rows, newest first. Ids sort by the time of their making."""

from typing import Any, TypeVar

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from .commands import ListParameters
from .refusals import InvalidRequest
from .rows import ChargeRow, EventRow, IntentRow, RefundRow, WebhookEndpointRow

R = TypeVar("R", IntentRow, ChargeRow, RefundRow, EventRow, WebhookEndpointRow)


async def page_of(
    session: AsyncSession, table: type[R], page: ListParameters, *conditions: Any
) -> tuple[list[R], bool]:
    """A page, and whether there is more beyond it."""
    query = select(table).where(*conditions).limit(page.limit + 1)
    if page.ending_before:
        await _expect(session, table, page.ending_before, "ending_before")
        query = query.where(col(table.id) > page.ending_before).order_by(col(table.id))
        rows = list(await session.exec(query))
        return rows[: page.limit][::-1], len(rows) > page.limit
    if page.starting_after:
        await _expect(session, table, page.starting_after, "starting_after")
        query = query.where(col(table.id) < page.starting_after)
    rows = list(await session.exec(query.order_by(col(table.id).desc())))
    return rows[: page.limit], len(rows) > page.limit


async def _expect(session: AsyncSession, table: type[R], row_id: str, param: str) -> None:
    if await session.get(table, row_id) is None:
        raise InvalidRequest("There is no such object to page from.", code="resource_missing", param=param)
