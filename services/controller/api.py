"""The shopper's door, in JSON: goods and carts. Other doors: {session,merge,order,docs,bearer}_api, web/."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from services.chassis.app import refusals
from services.chassis.conditions import Version
from services.contracts.carts import (
    HISTORY_PAGE_USUAL,
    CartVersion,
    History,
    HistoryLimit,
    HistorySkip,
    IdempotencyKey,
    RenameCart,
)
from services.contracts.catalog import CategoryList, DescriptionList, DescriptionQuery, Product, ProductPage, Sku
from services.contracts.messages import Moment
from services.contracts.problems import (
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsBeingAdopted,
    CartLimitExceeded,
    CartNotFound,
    CrossSiteRequest,
    IdempotencyKeyReused,
    LineLimitExceeded,
    OutcomeNotKnown,
    PreconditionFailed,
    ProductNotFound,
    QuantityLimitExceeded,
    RequestInProgress,
    SessionRotated,
    Unauthenticated,
    Unavailable,
    UnknownSku,
    VariantRequired,
)
from services.contracts.shop import (
    AddItem,
    NewCart,
    SetItem,
    ShopCart,
    ShopCarts,
)

from .checkout import REPLAYED
from .doorkeeper import Visitor
from .orders import Orders
from .shopping import Changed, Shopping

COMMON = refusals(Unauthenticated, CrossSiteRequest, SessionRotated, Unavailable)
EDITS = refusals(
    Unauthenticated,
    CrossSiteRequest,
    SessionRotated,
    CartNotFound,
    CartInCheckout,
    CartAlreadyPurchased,
    CartIsBeingAdopted,
    RequestInProgress,
    PreconditionFailed,
    UnknownSku,
    VariantRequired,
    QuantityLimitExceeded,
    LineLimitExceeded,
    IdempotencyKeyReused,
    Unavailable,
    OutcomeNotKnown,
)
CARTS = refusals(
    Unauthenticated, CrossSiteRequest, SessionRotated, CartNotFound, CartInCheckout, CartAlreadyPurchased,
    CartIsBeingAdopted, CartLimitExceeded, IdempotencyKeyReused, Unavailable,
)  # fmt: skip


async def the_shopping(request: Request) -> Shopping:
    return cast(Shopping, request.state.shopping)


async def the_orders(request: Request) -> Orders:
    return cast(Orders, request.state.orders)


ShoppingDep = Annotated[Shopping, Depends(the_shopping)]
OrdersDep = Annotated[Orders, Depends(the_orders)]
Key = Annotated[IdempotencyKey | None, Header(alias="Idempotency-Key")]
SkuPath = Annotated[Sku, Path()]

NO_STORE = {"Cache-Control": "no-store"}


def cart_answer(cart: ShopCart, *, replayed: bool = False, status: int = 200) -> Response:
    """A cart with its version as ETag."""
    headers = {**NO_STORE, "ETag": f'"{cart.version}"'}
    if replayed:
        headers.update(REPLAYED)
    return Response(cart.model_dump_json(), status, headers=headers, media_type="application/json")


def changed_answer(changed: Changed) -> Response:
    return cart_answer(changed.cart, replayed=changed.replayed)


# --- the current cart

cart = APIRouter(tags=["cart"])


@cart.get("/cart", response_model=ShopCart, responses=COMMON, summary="The current cart")
async def show_cart(shopper: Visitor, shopping: ShoppingDep) -> Response:
    """There always is one."""
    return cart_answer(await shopping.cart(shopper))


@cart.post("/cart/items", response_model=ShopCart, responses=EDITS, summary="Add to the cart")
async def add_item(
    item: AddItem, shopper: Visitor, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """By `sku`, or by `product_id` and `variant_id`. Simultaneous adds all count."""
    return changed_answer(await shopping.add(shopper, item, expected=expected, key=key))


@cart.put("/cart/items/{sku}", response_model=ShopCart, responses=EDITS, summary="Set how many")
async def set_item(
    sku: SkuPath, item: SetItem, shopper: Visitor, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """0 takes the line out."""
    return changed_answer(await shopping.set(shopper, sku, item.quantity, expected=expected, key=key))


@cart.delete("/cart/items/{sku}", response_model=ShopCart, responses=EDITS, summary="Take a line out")
async def remove_item(
    sku: SkuPath, shopper: Visitor, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """A line that is not there agrees."""
    return changed_answer(await shopping.remove(shopper, sku, expected=expected, key=key))


@cart.delete("/cart/items", response_model=ShopCart, responses=EDITS, summary="Empty the cart")
async def clear_cart(shopper: Visitor, shopping: ShoppingDep, expected: Version = None, key: Key = None) -> Response:
    """Every line goes."""
    return changed_answer(await shopping.clear(shopper, expected=expected, key=key))


# --- several carts

carts = APIRouter(tags=["carts"])


@carts.get("/carts", responses=COMMON, summary="My carts that are not bought yet")
async def list_carts(response: Response, shopper: Visitor, shopping: ShoppingDep) -> ShopCarts:
    """From every device, the newest change first."""
    response.headers.update(NO_STORE)
    return ShopCarts(carts=await shopping.carts(shopper))


@carts.post("/carts", response_model=ShopCart, status_code=201, responses=CARTS, summary="Create a cart")
async def create_cart(command: NewCart, shopper: Visitor, shopping: ShoppingDep, key: Key = None) -> Response:
    """It becomes the current one."""
    return cart_answer(await shopping.create(shopper, command.name, key=key), status=201)


@carts.get("/carts/{cart_id}", response_model=ShopCart, responses=CARTS, summary="One of my carts")
async def show_one_cart(cart_id: UUID, shopper: Visitor, shopping: ShoppingDep) -> Response:
    """Bought ones too."""
    return cart_answer(await shopping.cart(shopper, cart_id))


@carts.patch("/carts/{cart_id}", response_model=ShopCart, responses=CARTS, summary="Name a cart")
async def rename_cart(
    cart_id: UUID, command: RenameCart, shopper: Visitor, shopping: ShoppingDep, key: Key = None
) -> Response:
    """Null takes the name away."""
    return cart_answer(await shopping.rename(shopper, cart_id, command.name, key=key))


@carts.delete("/carts/{cart_id}", status_code=204, responses=CARTS, summary="Delete a cart")
async def delete_cart(cart_id: UUID, shopper: Visitor, shopping: ShoppingDep, key: Key = None) -> None:
    """If it was the current one, a new, empty one follows."""
    await shopping.delete(shopper, cart_id, key=key)


@carts.post("/carts/{cart_id}/activate", response_model=ShopCart, responses=CARTS, summary="Make a cart current")
async def activate_cart(cart_id: UUID, shopper: Visitor, shopping: ShoppingDep, key: Key = None) -> Response:
    """Exactly one cart is current."""
    return cart_answer(await shopping.activate(shopper, cart_id, key=key))


@carts.post("/carts/{cart_id}/items", response_model=ShopCart, responses=EDITS, summary="Add to a cart of mine")
async def add_item_to(
    cart_id: UUID, item: AddItem, shopper: Visitor, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """As POST /cart/items."""
    return changed_answer(await shopping.add(shopper, item, cart_id=cart_id, expected=expected, key=key))


@carts.put("/carts/{cart_id}/items/{sku}", response_model=ShopCart, responses=EDITS, summary="Set how many")
async def set_item_in(
    cart_id: UUID,
    sku: SkuPath,
    item: SetItem,
    shopper: Visitor,
    shopping: ShoppingDep,
    expected: Version = None,
    key: Key = None,
) -> Response:
    """As PUT /cart/items/{sku}."""
    changed = await shopping.set(shopper, sku, item.quantity, cart_id=cart_id, expected=expected, key=key)
    return changed_answer(changed)


@carts.delete("/carts/{cart_id}/items/{sku}", response_model=ShopCart, responses=EDITS, summary="Take a line out")
async def remove_item_from(
    cart_id: UUID, sku: SkuPath, shopper: Visitor, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """As DELETE /cart/items/{sku}."""
    return changed_answer(await shopping.remove(shopper, sku, cart_id=cart_id, expected=expected, key=key))


@carts.delete("/carts/{cart_id}/items", response_model=ShopCart, responses=EDITS, summary="Empty a cart of mine")
async def clear_one_cart(
    cart_id: UUID, shopper: Visitor, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """Every line goes."""
    return changed_answer(await shopping.clear(shopper, cart_id=cart_id, expected=expected, key=key))


@carts.get("/carts/{cart_id}/history", responses=CARTS, summary="Who changed what when")
async def cart_history(
    cart_id: UUID,
    shopper: Visitor,
    shopping: ShoppingDep,
    at: Annotated[Moment | None, Query(description="Changes up to this moment, with its time zone.")] = None,
    version: Annotated[CartVersion | None, Query(description="Changes up to this version of the cart.")] = None,
    skip: Annotated[HistorySkip, Query(description="The `next` of the page before.")] = 0,
    limit: Annotated[HistoryLimit, Query(description="How many changes make a page.")] = HISTORY_PAGE_USUAL,
) -> History:
    """Every change up to `at` and `version`, in pages, and the cart as it stood then; of a deleted cart too."""
    asked = {"at": at.isoformat() if at else None, "version": version, "skip": skip, "limit": limit}
    return await shopping.history(shopper, cart_id, asked)


# --- goods

goods = APIRouter(tags=["goods"])


@goods.get("/products", responses=refusals(Unavailable), summary="Browse and search")
async def browse(
    shopping: ShoppingDep,
    sku: Annotated[list[Sku] | None, Query()] = None,
    search: Annotated[str | None, Query(max_length=200)] = None,
    category: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> ProductPage:
    """In order of SKU; `next_cursor` leads to the next page."""
    return await shopping.products(skus=sku or (), search=search, category=category, limit=limit, cursor=cursor)


@goods.get("/products/{sku}", responses=refusals(ProductNotFound, Unavailable), summary="One product")
async def product(sku: SkuPath, shopping: ShoppingDep) -> Product:
    """With its variants."""
    return await shopping.product(sku)


@goods.get("/categories", responses=refusals(Unavailable), summary="The categories")
async def categories(shopping: ShoppingDep) -> CategoryList:
    """And how many products each has."""
    return CategoryList(categories=await shopping.categories())


@goods.post("/products/descriptions", responses=refusals(Unavailable), summary="Descriptions of zero or more SKUs")
async def get_description(query: DescriptionQuery, shopping: ShoppingDep) -> DescriptionList:
    """In the order asked; a SKU that does not exist is listed as not found."""
    return await shopping.descriptions(query)
