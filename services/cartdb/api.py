"""cartdb's routes. The owner comes from the verified credential and is part of every query."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from services.chassis.app import refusals
from services.chassis.auth import Caller, TokenVerifier, bearer_of
from services.chassis.conditions import Version
from services.contracts.carts import (
    AddLine,
    ApplyMerge,
    Attach,
    Cart,
    CartList,
    CreateCart,
    Freeze,
    Frozen,
    History,
    IdempotencyKey,
    Purchase,
    PurchaseList,
    PurchaseRequest,
    PurchaseState,
    Receipt,
    RenameCart,
    SetLine,
    Settle,
    Unfinished,
    Unpurchase,
    Void,
)
from services.contracts.catalog import Sku
from services.contracts.identity import CART_OWNER_HEADER, GUEST_PREFIX, Scope, is_guest
from services.contracts.messages import Moment
from services.contracts.problems import (
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsBeingAdopted,
    CartLimitExceeded,
    CartNotFound,
    Forbidden,
    IdempotencyKeyReused,
    IntentMismatch,
    LineLimitExceeded,
    MergeNotFound,
    OrderNotFound,
    PreconditionFailed,
    PurchaseHasFailed,
    PurchaseIsSettled,
    QuantityLimitExceeded,
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

from .adoption_store import AdoptionStore
from .purchase_store import PurchaseStore
from .refund_store import RefundStore
from .store import Edit, Store

EDIT_REFUSALS = refusals(
    Unauthenticated,
    Forbidden,
    CartNotFound,
    CartInCheckout,
    CartAlreadyPurchased,
    CartIsBeingAdopted,
    RequestInProgress,
    PreconditionFailed,
    QuantityLimitExceeded,
    LineLimitExceeded,
    IdempotencyKeyReused,
    Unavailable,
)
CART_REFUSALS = refusals(
    Unauthenticated, Forbidden, CartNotFound, CartInCheckout, CartAlreadyPurchased, CartIsBeingAdopted, Unavailable
)
OWNER_REFUSALS = refusals(Unauthenticated, Forbidden, Unavailable)


async def verified(request: Request) -> Caller:
    """The caller, by the bearer token."""
    token = bearer_of(request)
    if token is None:
        raise Unauthenticated
    return await cast(TokenVerifier, request.state.verifier).verify(token)


async def the_store(request: Request) -> Store:
    return cast(Store, request.state.store)


async def the_purchases(request: Request) -> PurchaseStore:
    return cast(PurchaseStore, request.state.purchases)


async def the_refunds(request: Request) -> RefundStore:
    return cast(RefundStore, request.state.refunds)


async def the_adoptions(request: Request) -> AdoptionStore:
    return cast(AdoptionStore, request.state.adoptions)


OwnerHeader = Annotated[str | None, Header(alias=CART_OWNER_HEADER, max_length=80)]


def _named_owner(header: str | None) -> str:
    if not header:
        raise Forbidden(f"A service token needs {CART_OWNER_HEADER}.")
    return header


async def shopper(caller: Annotated[Caller, Depends(verified)], cart_owner: OwnerHeader = None) -> str:
    """A signed-in user by their own token, or a guest by the controller's; never a user by the controller's."""
    scope = caller.service_scope
    if scope == Scope.CART_GUEST:
        owner = _named_owner(cart_owner)
        if not is_guest(owner) or len(owner) <= len(GUEST_PREFIX):
            raise Forbidden("This service token serves guests only.")
        return owner
    if scope is not None:
        raise Forbidden("This service token may not act for a shopper.")
    if cart_owner not in (None, caller.owner_id):
        raise Forbidden(f"{CART_OWNER_HEADER} names somebody else.")
    return caller.owner_id


async def checkout(caller: Annotated[Caller, Depends(verified)], cart_owner: OwnerHeader = None) -> str:
    """Any owner, by the controller's checkout token."""
    caller.demand(Scope.CART_CHECKOUT)
    return _named_owner(cart_owner)


async def shopper_or_checkout(caller: Annotated[Caller, Depends(verified)], cart_owner: OwnerHeader = None) -> str:
    """Whoever may read purchases and carry adoptions on."""
    if caller.service_scope == Scope.CART_CHECKOUT:
        return _named_owner(cart_owner)
    return await shopper(caller, cart_owner)


async def guest(owner: Annotated[str, Depends(shopper)]) -> str:
    """A guest, by the controller's token for guests."""
    if not is_guest(owner):
        raise Forbidden(GUESTS_ONLY)
    return owner


StoreDep = Annotated[Store, Depends(the_store)]
Purchases = Annotated[PurchaseStore, Depends(the_purchases)]
Refunds = Annotated[RefundStore, Depends(the_refunds)]
Adoptions = Annotated[AdoptionStore, Depends(the_adoptions)]
Shopper = Annotated[str, Depends(shopper)]
Guest = Annotated[str, Depends(guest)]
Checkout = Annotated[str, Depends(checkout)]
ShopperOrCheckout = Annotated[str, Depends(shopper_or_checkout)]
Key = Annotated[IdempotencyKey | None, Header(alias="Idempotency-Key")]
SkuPath = Annotated[Sku, Path()]
GUESTS_ONLY = "Only a guest's carts can be adopted."
CURRENT = "current"
FIRST_MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
LAST_MOMENT = datetime(9000, 1, 1, tzinfo=UTC)
CartRef = Literal["current"] | UUID

router = APIRouter(tags=["carts"])


def fingerprint(request: Request, *fields: object) -> str:
    """What makes two requests with one key the same: address, If-Match, and the shopper's own fields."""
    parts = (request.method, request.url.path, request.headers.get("if-match", ""), *map(str, fields))
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _named(cart: CartRef) -> UUID:
    assert isinstance(cart, UUID)
    return cart


def _storable(moment: datetime | None) -> datetime | None:
    """A moment within what the database can hold, in either direction."""
    if moment is None:
        return None
    return min(max(moment, FIRST_MOMENT), LAST_MOMENT)


@dataclass(frozen=True, slots=True)
class Changing:
    """Whose cart a request changes, on which conditions."""

    request: Request
    owner: str
    cart_id: UUID | None
    expected: int | None
    key: str | None

    async def to(self, store: Store, action: str, sku: str | None, *, quantity: int = 0, **line: Any) -> Response:
        """Make the change and answer the cart."""
        same = fingerprint(self.request, sku, quantity) if self.key else None
        edited = await store.edit(
            Edit(
                owner_id=self.owner,
                cart_id=self.cart_id,
                action=action,
                sku=sku,
                quantity=quantity,
                expected_version=self.expected,
                key=self.key,
                fingerprint=same,
                **line,
            )
        )
        return Response(edited.json, media_type="application/json", headers={"ETag": f'"{edited.version}"'})


async def changing(
    request: Request, cart_id: CartRef, owner: Shopper, expected: Version = None, key: Key = None
) -> Changing:
    """The conditions of a change, from path and headers."""
    return Changing(request, owner, None if cart_id == CURRENT else _named(cart_id), expected, key)


Change = Annotated[Changing, Depends(changing)]


# --- the hot ones, first because routes are looked through in order


@router.get("/carts/{cart_id}", response_model=Cart, responses=CART_REFUSALS, summary="One of the owner's carts")
async def find(cart_id: CartRef, owner: Shopper, store: StoreDep) -> Response:
    """In any state but deleted. Reading writes nothing: an owner without rows has an empty cart at version 0."""
    found = await store.current(owner) if cart_id == CURRENT else await store.find(owner, _named(cart_id))
    return Response(found, media_type="application/json")


@router.post("/carts/{cart_id}/items", response_model=Cart, responses=EDIT_REFUSALS, summary="Add to a cart")
async def add(line: AddLine, change: Change, store: StoreDep) -> Response:
    """Adds are commutative: simultaneous ones all count."""
    return await change.to(
        store,
        "add",
        line.sku,
        quantity=line.quantity,
        unit_price=line.unit_price,
        product_id=line.product_id,
        variant_id=line.variant_id,
    )


@router.put("/carts/{cart_id}/items/{sku}", response_model=Cart, responses=EDIT_REFUSALS, summary="Set a line")
async def update(sku: SkuPath, line: SetLine, change: Change, store: StoreDep) -> Response:
    """0 takes the line out."""
    return await change.to(
        store,
        "set",
        sku,
        quantity=line.quantity,
        unit_price=line.unit_price,
        product_id=line.product_id,
        variant_id=line.variant_id,
    )


@router.delete("/carts/{cart_id}/items/{sku}", response_model=Cart, responses=EDIT_REFUSALS, summary="Take a line out")
async def remove(sku: SkuPath, change: Change, store: StoreDep) -> Response:
    """A line that is not there agrees."""
    return await change.to(store, "remove", sku)


@router.delete("/carts/{cart_id}/items", response_model=Cart, responses=EDIT_REFUSALS, summary="Empty a cart")
async def clear(change: Change, store: StoreDep) -> Response:
    """Every line goes."""
    return await change.to(store, "clear", None)


# --- find


@router.get("/carts", responses=OWNER_REFUSALS, summary="The owner's unpurchased carts")
async def find_unpurchased(owner: Shopper, store: StoreDep) -> CartList:
    """Open ones and those in checkout, the newest change first."""
    return CartList(carts=await store.unpurchased(owner))


@router.get("/carts/{cart_id}/history", responses=CART_REFUSALS, summary="Who changed what when")
async def history(
    cart_id: UUID, owner: Shopper, store: StoreDep, at: Annotated[Moment | None, Query()] = None
) -> History:
    """Every change up to `at`, and the lines as they stood then."""
    return await store.history(owner, cart_id, at=_storable(at))


# --- create, update


@router.post(
    "/carts",
    status_code=201,
    responses=refusals(
        Unauthenticated, Forbidden, CartIsBeingAdopted, CartLimitExceeded, IdempotencyKeyReused, Unavailable
    ),
    summary="Create a cart",
)
async def create(command: CreateCart, request: Request, owner: Shopper, store: StoreDep, key: Key = None) -> Cart:
    """A new, empty cart beside the others."""
    same = fingerprint(request, command.name, command.activate)
    return await store.create(owner, command, key=key, fingerprint=same)


@router.patch("/carts/{cart_id}", responses=CART_REFUSALS, summary="Name a cart")
async def rename(
    cart_id: UUID, command: RenameCart, request: Request, owner: Shopper, store: StoreDep, key: Key = None
) -> Cart:
    """Null takes the name away."""
    return await store.rename(owner, cart_id, command.name, key=key, fingerprint=fingerprint(request, command.name))


@router.post("/carts/{cart_id}/activate", responses=CART_REFUSALS, summary="Make a cart the current one")
async def activate(cart_id: UUID, request: Request, owner: Shopper, store: StoreDep, key: Key = None) -> Cart:
    """Exactly one cart of an owner is current."""
    return await store.activate(owner, cart_id, key=key, fingerprint=fingerprint(request))


@router.delete("/carts/{cart_id}", status_code=204, responses=CART_REFUSALS, summary="Delete a cart")
async def delete(cart_id: UUID, request: Request, owner: Shopper, store: StoreDep, key: Key = None) -> None:
    """If it was the current one, a new, empty one follows."""
    await store.delete(owner, cart_id, key=key, fingerprint=fingerprint(request))


# --- purchase, unpurchase and what lies between

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
    found = await store.purchases(owner, limit=limit, before=_storable(before), states=states)
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


# --- adoption

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
