"""Purchases and refunds: cartdb's half of the checkout protocol, and what some controller left unfinished."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from services.chassis.app import refusals
from services.chassis.auth import Caller
from services.contracts.carts import (
    Attach,
    Purchase,
    PurchaseList,
    PurchaseRequest,
    PurchaseState,
    Settle,
    Unfinished,
    Unpurchase,
    Void,
)
from services.contracts.identity import Scope
from services.contracts.messages import Moment
from services.contracts.problems import (
    CartNotFound,
    Forbidden,
    IdempotencyKeyReused,
    IntentMismatch,
    OrderNotFound,
    PurchaseHasFailed,
    PurchaseIsSettled,
    RefundHasFailed,
    RefundIsDone,
    RefundMismatch,
    RefundNotFound,
    RequestInProgress,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)
from services.contracts.refunds import FailRefund, FinishRefund, Refund, RefundRequest

from .adoption_api import the_adoptions
from .adoption_store import AdoptionStore
from .api import OWNER_REFUSALS, Checkout, ShopperOrCheckout, storable, verified
from .purchase_store import PurchaseStore
from .refund_store import RefundStore


async def the_purchases(request: Request) -> PurchaseStore:
    return cast(PurchaseStore, request.state.purchases)


async def the_refunds(request: Request) -> RefundStore:
    return cast(RefundStore, request.state.refunds)


Purchases = Annotated[PurchaseStore, Depends(the_purchases)]
Refunds = Annotated[RefundStore, Depends(the_refunds)]
Adoptions = Annotated[AdoptionStore, Depends(the_adoptions)]

purchases = APIRouter(tags=["purchases"])


@purchases.post(
    "/carts/{cart_id}/purchase",
    responses=refusals(
        Unauthenticated, Forbidden, CartNotFound, Unprocessable, IdempotencyKeyReused, RequestInProgress, Unavailable
    ),
    summary="Mark a cart purchased by a checkout",
)
async def purchase(cart_id: UUID, request: PurchaseRequest, owner: Checkout, store: Purchases) -> Purchase:
    """The answer's state tells: pending is a yes; failed, with its reason, is a no that stays. A repeat agrees."""
    return await store.purchase(owner, cart_id, request)


@purchases.get("/purchases", responses=OWNER_REFUSALS, summary="The owner's purchases")
async def list_purchases(
    owner: ShopperOrCheckout,
    store: Purchases,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    before: Annotated[Moment | None, Query()] = None,
    state: Annotated[list[PurchaseState] | None, Query(max_length=3)] = None,
) -> PurchaseList:
    """The newest first; `before` a moment, for the next page. Pending and paid ones, unless `state` names others.

    Of the failed ones only those that were pending once: a refusal at the mark was never an order.
    """
    states = state or [PurchaseState.PENDING, PurchaseState.PAID]
    found = await store.purchases(owner, limit=limit, before=storable(before), states=states)
    return PurchaseList(purchases=found)


@purchases.get(
    "/purchases/{checkout_id}",
    responses=refusals(Unauthenticated, Forbidden, OrderNotFound, Unavailable),
    summary="One purchase in its present state",
)
async def find_purchase(checkout_id: UUID, owner: ShopperOrCheckout, store: Purchases) -> Purchase:
    """Pending, paid, or failed with its reason."""
    return await store.find_purchase(owner, checkout_id)


@purchases.post(
    "/purchases/{checkout_id}/attach",
    responses=refusals(Unauthenticated, Forbidden, OrderNotFound, IntentMismatch, PurchaseHasFailed, Unavailable),
    summary="Attach the payment intent",
)
async def attach(checkout_id: UUID, command: Attach, owner: Checkout, store: Purchases) -> Purchase:
    """Written once, before anything is charged."""
    return await store.attach(owner, checkout_id, intent_id=command.intent_id)


@purchases.post(
    "/purchases/{checkout_id}/settle",
    responses=refusals(Unauthenticated, Forbidden, OrderNotFound, IntentMismatch, PurchaseHasFailed, Unavailable),
    summary="The intent has succeeded",
)
async def settle(checkout_id: UUID, command: Settle, owner: Checkout, store: Purchases) -> Purchase:
    """Pending becomes paid; a new, empty cart follows."""
    return await store.settle(owner, checkout_id, intent_id=command.intent_id)


@purchases.post(
    "/purchases/{checkout_id}/unpurchase",
    responses=refusals(Unauthenticated, Forbidden, OrderNotFound, IntentMismatch, PurchaseIsSettled, Unavailable),
    summary="Unmark: the intent is cancelled for good",
)
async def unpurchase(checkout_id: UUID, command: Unpurchase, owner: Checkout, store: Purchases) -> Purchase:
    """Pending becomes failed, and the cart opens again in the same transaction."""
    return await store.unpurchase(owner, checkout_id, intent_id=command.intent_id, reason=command.reason)


@purchases.post(
    "/purchases/{checkout_id}/void",
    responses=refusals(Unauthenticated, Forbidden, IdempotencyKeyReused, Unavailable),
    summary="A tombstone for a checkout that never came",
)
async def void(checkout_id: UUID, command: Void, owner: Checkout, store: Purchases) -> Purchase:
    """A purchase that is there already wins and is answered in its present state."""
    return await store.void(
        owner, checkout_id, cart_id=command.cart_id, fingerprint=command.fingerprint, reason=command.reason
    )


@purchases.get(
    "/unfinished", responses=refusals(Unauthenticated, Forbidden, Unavailable), summary="What some controller left"
)
async def unfinished(
    caller: Annotated[Caller, Depends(verified)],
    store: Purchases,
    moves: Adoptions,
    given_back: Refunds,
    older_than: Annotated[float, Query(ge=0, le=86_400)] = 15,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    checkout_id: Annotated[UUID | None, Query()] = None,
) -> Unfinished:
    """Pending purchases and refunds, and unclosed adoptions, of all owners. Reads only.

    At most `limit` of each kind, drawn anew each time: what stays undecided for long hides nothing from whoever asks
    again.
    `checkout_id` narrows it to the purchase of one checkout, whose owner the caller need not know.
    """
    caller.demand(Scope.CART_CHECKOUT)
    if checkout_id is not None:
        pending = await store.pending_purchases_of(checkout_id, older_than_seconds=older_than)
        return Unfinished(purchases=pending, adoptions=[])
    return Unfinished(
        purchases=await store.unfinished_purchases(older_than_seconds=older_than, limit=limit),
        adoptions=await moves.unfinished_adoptions(older_than_seconds=older_than, limit=limit),
        refunds=await given_back.unfinished_refunds(older_than_seconds=older_than, limit=limit),
    )


@purchases.get(
    "/anybodys/purchases/{checkout_id}",
    responses=refusals(Unauthenticated, Forbidden, OrderNotFound, Unavailable),
    summary="One purchase of whatever owner",
)
async def find_anybodys(checkout_id: UUID, caller: Annotated[Caller, Depends(verified)], store: Purchases) -> Purchase:
    """For an operator, who knows the order's id alone. Reads only: every write names the owner."""
    caller.demand(Scope.CART_CHECKOUT)
    return await store.find_anybodys(checkout_id)


# --- refunds

refunds = APIRouter(tags=["refunds"])


@refunds.post(
    "/purchases/{checkout_id}/refunds",
    responses=refusals(Unauthenticated, Forbidden, OrderNotFound, IdempotencyKeyReused, Unavailable),
    summary="Give back a part of a paid purchase",
)
async def refund(checkout_id: UUID, request: RefundRequest, owner: Checkout, store: Refunds) -> Refund:
    """The answer's state tells: pending is a yes; failed, with its reason, is a no that stays. A repeat agrees."""
    return await store.refund(owner, checkout_id, request)


@refunds.post(
    "/refunds/{refund_id}/finish",
    responses=refusals(Unauthenticated, Forbidden, RefundNotFound, RefundHasFailed, RefundMismatch, Unavailable),
    summary="The money goes back",
)
async def finish_refund(refund_id: UUID, command: FinishRefund, owner: Checkout, store: Refunds) -> Refund:
    """Pending becomes done."""
    return await store.finish(owner, refund_id, processor_refund_id=command.processor_refund_id)


@refunds.post(
    "/refunds/{refund_id}/fail",
    responses=refusals(Unauthenticated, Forbidden, RefundNotFound, RefundIsDone, Unavailable),
    summary="The processor said no for good",
)
async def fail_refund(refund_id: UUID, command: FailRefund, owner: Checkout, store: Refunds) -> Refund:
    """Pending becomes failed, and its amount may be given back by another refund."""
    return await store.fail(owner, refund_id, failure=command.failure, processor_refund_id=command.processor_refund_id)
