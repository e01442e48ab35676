"""The routes by which a shopper decides what becomes of two carts, and takes it back."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from .forms import Agreeing, Choosing
from .layout import APART_MARK, SIGNED_IN_MARK
from .routing import CART, OnPublicHost, see
from .storefront import Here

router = APIRouter(route_class=OnPublicHost)


@router.post("/merges")
async def decide(store: Here, form: Choosing) -> Response:
    decided = await store.adoption.decide(store.shopper.session, form.strategy)
    # Another controller may know the session as it was for a second: the page is told whose receipt to show.
    return see(CART, query={SIGNED_IN_MARK: str(decided.frozen.merge_id)})


@router.post("/merges/{merge_id}/undo")
async def undo(store: Here, merge_id: UUID, _form: Agreeing) -> Response:
    await store.shopping.undo_merge(store.shopper, merge_id)
    return see(CART, query={APART_MARK: "1"})
