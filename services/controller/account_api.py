"""A shopper's own data as a whole: told in one document, or erased."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import StreamingResponse

from services.chassis.app import refusals
from services.chassis.logs import get_logger
from services.contracts.account import AccountExport, Erased
from services.contracts.problems import (
    AccountHasUnfinishedOrders,
    CartIsBeingAdopted,
    CrossSiteRequest,
    OutcomeNotKnown,
    RequestInProgress,
    SessionRotated,
    Unauthenticated,
    Unavailable,
)

from .account import Accounts
from .api import COMMON, NO_STORE
from .doorkeeper import Doorkeeper, Visitor, the_doorkeeper
from .session import told_of

logger = get_logger(__name__)

ERASE = refusals(
    Unauthenticated,
    CrossSiteRequest,
    SessionRotated,
    AccountHasUnfinishedOrders,
    CartIsBeingAdopted,
    RequestInProgress,
    Unavailable,
    OutcomeNotKnown,
)


async def the_accounts(request: Request) -> Accounts:
    return cast(Accounts, request.state.accounts)


AccountsDep = Annotated[Accounts, Depends(the_accounts)]
DoorkeeperDep = Annotated[Doorkeeper, Depends(the_doorkeeper)]

account = APIRouter(tags=["account"])


@account.get(
    "/account/export", response_model=AccountExport, responses=COMMON, summary="Everything the shop holds on me"
)
async def export_account(shopper: Visitor, accounts: AccountsDep) -> Response:
    """One JSON document to keep: carts with lines and history, orders, sessions; a user's with the guests they were.

    It is sent while it is read. One that breaks off before its last bracket is not whole: ask again.
    """
    row = shopper.session.row if shopper.session else None
    pieces = accounts.export(shopper, [told_of(row)] if row else [])
    first = await anext(pieces)
    name = f"my-shop-data-{datetime.now(UTC):%Y-%m-%d}.json"
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_whole(first, pieces), headers=headers, media_type="application/json")


async def _whole(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece


@account.delete("/account", responses=ERASE, summary="Erase everything that tells who I am")
async def erase_account(
    request: Request, response: Response, shopper: Visitor, accounts: AccountsDep, door: DoorkeeperDep
) -> Erased:
    """Carts, addresses, names and sessions go; orders stay for the books without the person. A repeat agrees.

    A user is signed out everywhere. The account at the identity provider is the provider's, and stays.
    """
    if shopper.identity is None:
        await accounts.erase_guest(shopper, shopper.session)
    elif unheard := await accounts.erase_user(shopper, shopper.identity):
        logger.warning("the provider did not hear of some sign-outs", sessions=unheard)
    logger.info("account erased", owner=shopper.owner_id)
    if shopper.session is not None:
        door.give_cookie(request, door.sessions.fresh())
    response.headers.update(NO_STORE)
    return Erased(identity_provider=shopper.identity[0] if shopper.identity else None)
