"""What became of the guest's cart at sign-in: decided, told, and taken back."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.chassis.app import refusals
from services.contracts.carts import MergeStrategy, Receipt
from services.contracts.problems import (
    CartIsBeingAdopted,
    CartLimitExceeded,
    CrossSiteRequest,
    MergeCannotBeUndone,
    MergeIsDecided,
    MergeNotFound,
    OutcomeNotKnown,
    SessionRotated,
    Unauthenticated,
    Unavailable,
)
from services.contracts.shop import DecideMerge, MergeUnderway, OpenMerge

from .adoption import Adoption
from .api import NO_STORE, ShoppingDep
from .doorkeeper import Visitor

COMMON = (Unauthenticated, CrossSiteRequest, SessionRotated, MergeNotFound, Unavailable)


async def the_adoption(request: Request) -> Adoption:
    return cast(Adoption, request.state.adoption)


AdoptionDep = Annotated[Adoption, Depends(the_adoption)]

merges = APIRouter(tags=["merges"])


@merges.get("/merges/preview", responses=refusals(*COMMON, MergeIsDecided), summary="What a merge of my carts would do")
async def preview_merge(
    response: Response,
    shopper: Visitor,
    adoption: AdoptionDep,
    strategy: Annotated[MergeStrategy | None, Query(description="One strategy; without it all four.")] = None,
) -> OpenMerge:
    """After a sign-in with `merge=ask`, line by line. Nothing is written."""
    response.headers.update(NO_STORE)
    return await adoption.preview(shopper.authority, shopper.session, strategy)


@merges.post(
    "/merges",
    status_code=201,
    response_model=Receipt,
    responses={
        **refusals(*COMMON, MergeIsDecided, CartIsBeingAdopted, OutcomeNotKnown),
        200: {"model": Receipt, "description": "Decided in the same way before"},
        202: {"model": MergeUnderway, "description": "Decided; the lines move after the checkout that is under way"},
    },
    summary="Decide how the guest's cart joins mine",
)
async def decide_merge(command: DecideMerge, shopper: Visitor, adoption: AdoptionDep) -> Response:
    """The first decision holds; the same one again answers the same receipt."""
    decided = await adoption.decide(shopper.session, command.strategy)
    merge_id = decided.frozen.merge_id
    answer = decided.receipt or MergeUnderway(merge_id=merge_id, strategy=decided.frozen.strategy)
    status = 202 if decided.receipt is None else 201 if decided.first else 200
    headers = {**NO_STORE, "Location": f"/merges/{merge_id}"}
    return Response(answer.model_dump_json(), status, headers=headers, media_type="application/json")


@merges.get("/merges/{merge_id}", responses=refusals(*COMMON), summary="What a sign-in merged")
async def show_merge(merge_id: UUID, shopper: Visitor, shopping: ShoppingDep) -> Receipt:
    """Every line of both carts: before in each, after, and why."""
    return await shopping.receipt(shopper, merge_id)


@merges.post(
    "/merges/{merge_id}/undo",
    responses=refusals(*COMMON, MergeCannotBeUndone, CartLimitExceeded, OutcomeNotKnown),
    summary="Take a merge back",
)
async def undo_merge(merge_id: UUID, shopper: Visitor, shopping: ShoppingDep) -> Receipt:
    """While my cart has not changed since: it is as it was, and the guest's lines are in a cart beside it."""
    return await shopping.undo_merge(shopper, merge_id)
