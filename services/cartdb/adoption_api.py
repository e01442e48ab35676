"""Adoption: a guest's carts become the user's, in three steps of one owner each."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from services.chassis.app import refusals
from services.contracts.carts import (
    ApplyMerge,
    Freeze,
    Frozen,
    Receipt,
)
from services.contracts.identity import is_guest
from services.contracts.problems import (
    CartInCheckout,
    CartIsBeingAdopted,
    Forbidden,
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


@adoptions.post(
    "/adoptions/freeze",
    responses=refusals(Unauthenticated, Forbidden, CartIsBeingAdopted, Unavailable),
    summary="Step 1: freeze the guest's carts for a user",
)
async def freeze(command: Freeze, guest: Guest, store: Adoptions) -> Frozen:
    """Written once: a second user is refused."""
    return await store.freeze(guest, command)


@adoptions.post(
    "/adoptions/apply",
    responses=refusals(Unauthenticated, Forbidden, CartInCheckout, Unavailable),
    summary="Step 2: put the frozen lines into the user's cart",
)
async def apply(command: ApplyMerge, owner: ShopperOrCheckout, store: Adoptions) -> Receipt:
    """Once for the merge id; a repeat answers the same receipt."""
    if is_guest(owner):
        raise Forbidden("Only a user can adopt.")
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
    "/adoptions/{merge_id}",
    responses=refusals(Unauthenticated, Forbidden, MergeNotFound, Unavailable),
    summary="The receipt of an adoption",
)
async def receipt(merge_id: UUID, owner: Shopper, store: Adoptions) -> Receipt:
    """What became of each of the guest's lines, and why."""
    return await store.receipt(owner, merge_id)
