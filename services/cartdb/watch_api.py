"""cartdb's route for the controller's event streams."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request

from services.chassis.auth import Caller
from services.contracts.carts import VersionList, VersionQuery
from services.contracts.identity import Scope

from .api import OWNER_REFUSALS, verified
from .watch_store import WatchStore


async def watching(request: Request, caller: Annotated[Caller, Depends(verified)]) -> WatchStore:
    """For the token of the event streams alone."""
    caller.demand(Scope.CART_WATCH)
    return cast(WatchStore, request.state.watching)


watch = APIRouter(tags=["watch"])


@watch.post("/versions", responses=OWNER_REFUSALS, summary="How the current carts of many owners stand")
async def versions(query: VersionQuery, store: Annotated[WatchStore, Depends(watching)]) -> VersionList:
    """One question for all of them. It changes nothing; POST, since so many names fit into no address."""
    return VersionList(versions=await store.versions(query.owners))
