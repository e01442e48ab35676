"""All that is held on one owner, for the owner; and the owner forgotten."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request

from services.chassis.app import refusals
from services.contracts.account import AccountPage, AccountPart, EraseOwner
from services.contracts.catalog import STORABLE
from services.contracts.problems import (
    AccountHasUnfinishedOrders,
    CartIsBeingAdopted,
    Forbidden,
    RequestInProgress,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)

from .account_store import AccountStore
from .api import Shopper


async def the_accounts(request: Request) -> AccountStore:
    return cast(AccountStore, request.state.accounts)


Accounts = Annotated[AccountStore, Depends(the_accounts)]

accounts = APIRouter(tags=["account"])


@accounts.get(
    "/account/{part}",
    responses=refusals(Unauthenticated, Forbidden, Unprocessable, Unavailable),
    summary="What is held on the owner, by kind",
)
async def account_page(
    part: AccountPart,
    owner: Shopper,
    store: Accounts,
    after: Annotated[str | None, Query(max_length=300, pattern=STORABLE)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AccountPage:
    """A page at a time, so that ten thousand rows take no more memory than a hundred. Hashes are left out."""
    return await store.page(owner, part, after=after, limit=limit)


@accounts.post(
    "/account/erase",
    status_code=204,
    responses=refusals(
        Unauthenticated, Forbidden, AccountHasUnfinishedOrders, CartIsBeingAdopted, RequestInProgress, Unavailable
    ),
    summary="Forget the owner",
)
async def erase(command: EraseOwner, owner: Shopper, store: Accounts) -> None:
    """In one transaction; a repeat agrees. What was bought stays for the books, without the person."""
    await store.erase(owner, command)
