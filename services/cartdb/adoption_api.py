"""Adoption: a guest's carts become the user's, in three steps of one owner each."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from services.chassis.app import refusals
from services.contracts.carts import (
    ApplyMerge,
    Freeze,
    Frozen,
    MergePreviews,
    Movable,
    PreviewMerge,
    Receipt,
)
from services.contracts.identity import is_guest
from services.contracts.problems import (
    CartInCheckout,
    CartIsBeingAdopted,
    CartLimitExceeded,
    Forbidden,
    MergeCannotBeUndone,
    MergeNotFound,
    Unauthenticated,
    Unavailable,
)

from .adoption_store import AdoptionStore
from .api import GUESTS_ONLY, Guest, Shopper, ShopperOrCheckout


async def the_adoptions(request: Request) -> AdoptionStore:
    return cast(AdoptionStore, request.state.adoptions)


Adoptions = Annotated[AdoptionStore, Depends(the_adoptions)]

adoptions = APIRouter(tags=["adoption"])


def _demand_user(owner: str) -> None:
    if is_guest(owner):
        raise Forbidden("Only a user can adopt.")


@adoptions.post(
    "/adoptions/freeze",
    responses=refusals(Unauthenticated, Forbidden, CartIsBeingAdopted, Unavailable),
    summary="Step 1: freeze the guest's carts for a user",
)
async def freeze(command: Freeze, guest: Guest, store: Adoptions) -> Frozen:
    """Written once, with its strategy: a second user is refused."""
    return await store.freeze(guest, command)


@adoptions.post(
    "/adoptions/apply",
    responses=refusals(Unauthenticated, Forbidden, CartInCheckout, Unavailable),
    summary="Step 2: put the frozen lines into the user's cart",
)
async def apply(command: ApplyMerge, owner: ShopperOrCheckout, store: Adoptions) -> Receipt:
    """Once for the merge id; a repeat answers the same receipt."""
    _demand_user(owner)
    return await store.apply(owner, command)


@adoptions.post(
    "/adoptions/{merge_id}/close",
    status_code=204,
    responses=refusals(Unauthenticated, Forbidden, Unavailable),
    summary="Step 3: the guest's carts have moved",
)
async def close(merge_id: UUID, owner: ShopperOrCheckout, store: Adoptions) -> None:
    """A repeat agrees."""
    if not is_guest(owner):
        raise Forbidden(GUESTS_ONLY)
    await store.close(owner, merge_id)


@adoptions.get(
    "/adoptions/movable",
    responses=refusals(Unauthenticated, Forbidden, Unavailable),
    summary="What a freeze would take",
)
async def movable(guest: Guest, store: Adoptions) -> Movable:
    """The lines of the guest's open carts that belong to no merge yet, each SKU once. Reading writes nothing."""
    return Movable(lines=await store.movable(guest))


@adoptions.post(
    "/adoptions/preview",
    responses=refusals(Unauthenticated, Forbidden, Unavailable),
    summary="What a merge would do",
)
async def preview(command: PreviewMerge, owner: Shopper, store: Adoptions) -> MergePreviews:
    """The receipt's lines by one strategy or by each, as step 2 would write them now. Writes nothing."""
    _demand_user(owner)
    return await store.preview(owner, command)


@adoptions.post(
    "/adoptions/{merge_id}/undo",
    responses=refusals(Unauthenticated, Forbidden, MergeNotFound, MergeCannotBeUndone, CartLimitExceeded, Unavailable),
    summary="Take an adoption back",
)
async def undo(merge_id: UUID, owner: Shopper, store: Adoptions) -> Receipt:
    """The user's cart as it was, the guest's lines in a cart beside it. A repeat agrees."""
    return await store.undo(owner, merge_id)


@adoptions.get(
    "/adoptions/{merge_id}",
    responses=refusals(Unauthenticated, Forbidden, MergeNotFound, Unavailable),
    summary="The receipt of an adoption",
)
async def receipt(merge_id: UUID, owner: Shopper, store: Adoptions) -> Receipt:
    """What became of each line of both carts, and why."""
    return await store.receipt(owner, merge_id)
