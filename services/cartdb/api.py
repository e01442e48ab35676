"""cartdb's routes for carts, and who may call. The owner comes from the credential and is part of every query."""

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
    HISTORY_PAGE_USUAL,
    AddLine,
    Cart,
    CartList,
    CartVersion,
    CreateCart,
    History,
    HistoryLimit,
    HistorySkip,
    IdempotencyKey,
    RenameCart,
    SetLine,
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
    LineLimitExceeded,
    PreconditionFailed,
    QuantityLimitExceeded,
    RequestInProgress,
    Unauthenticated,
    Unavailable,
)

from .history_store import Asked, HistoryStore
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


async def the_histories(request: Request) -> HistoryStore:
    return cast(HistoryStore, request.state.histories)


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


def storable(moment: datetime | None) -> datetime | None:
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
    cart_id: UUID,
    owner: Shopper,
    histories: Annotated[HistoryStore, Depends(the_histories)],
    at: Annotated[Moment | None, Query()] = None,
    version: Annotated[CartVersion | None, Query()] = None,
    skip: Annotated[HistorySkip, Query()] = 0,
    limit: Annotated[HistoryLimit, Query()] = HISTORY_PAGE_USUAL,
) -> History:
    """Every change up to `at` and `version`, in pages, and the cart as it stood then; of a deleted cart too."""
    return await histories.history(owner, cart_id, Asked(storable(at), version, skip, limit))


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
