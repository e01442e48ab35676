"""Catalog's endpoints: goods for everybody, edits for editors, stock for checkouts."""

from collections.abc import Awaitable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from prometheus_client import Counter

from services.chassis.app import refusals
from services.chassis.auth import Caller, TokenVerifier, bearer_of
from services.contracts.catalog import (
    STORABLE,
    CategoryList,
    DescriptionList,
    DescriptionQuery,
    Hold,
    HoldRequest,
    ItemList,
    ItemQuery,
    Product,
    ProductPage,
    ProductPatch,
    ProductWrite,
    Sku,
    StockLevel,
    StockWrite,
    VariantWrite,
)
from services.contracts.identity import Scope
from services.contracts.messages import Reply
from services.contracts.problems import (
    Forbidden,
    GoodsNotSold,
    HoldIsCommitted,
    HoldIsReleased,
    HoldMismatch,
    HoldNotFound,
    OutOfStock,
    Problem,
    ProductHasChanged,
    ProductNotFound,
    RequestInProgress,
    RestockExceedsSale,
    RestockMismatch,
    SkuExists,
    Unauthenticated,
    Unavailable,
    VariantRequired,
)
from services.contracts.refunds import Restock, RestockRequest

from .goods import etag_of_body, names
from .hold_store import HoldStore
from .restock_store import RestockStore
from .stock import wanted
from .store import Listing, Store

HOLDS = Counter(
    "catalog_holds_total", "Calls about a checkout's stock, by how they were answered.", ("call", "outcome")
)

SKUS_AT_ONCE = 200
PAGE = 50

reading = APIRouter(tags=["goods"])
editing = APIRouter(tags=["editing"])
stock_of_checkouts = APIRouter(tags=["stock of checkouts"])


async def _store(request: Request) -> Store:
    store: Store = request.state.store
    return store


async def _holds(request: Request) -> HoldStore:
    holds: HoldStore = request.state.holds
    return holds


async def _restocks(request: Request) -> RestockStore:
    restocks: RestockStore = request.state.restocks
    return restocks


async def _caller(request: Request) -> Caller:
    verifier: TokenVerifier = request.state.verifier
    token = bearer_of(request)
    if token is None:
        raise Unauthenticated
    return await verifier.verify(token)


async def _editor(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    caller.demand(Scope.CATALOG_WRITE)
    return caller


async def _checkout(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    caller.demand(Scope.STOCK_CHECKOUT)
    return caller


Goods = Annotated[Store, Depends(_store)]
Holds = Annotated[HoldStore, Depends(_holds)]
Restocks = Annotated[RestockStore, Depends(_restocks)]
Editor = Annotated[Caller, Depends(_editor)]
Checkout = Annotated[Caller, Depends(_checkout)]
IfMatch = Annotated[str | None, Header(description="Refuse unless the product still has this ETag.")]
IfNoneMatch = Annotated[str | None, Header(description="Answer 304 if the ETag is still this.")]
Word = Query(max_length=200, pattern=STORABLE)

_GUARDED: tuple[type[Problem], ...] = (Unauthenticated, Forbidden, Unavailable)
_EDITED: tuple[type[Problem], ...] = (*_GUARDED, RequestInProgress)
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "It is as the caller has it."}}


def _tagged(reply: Reply, *, status: int = 200, if_none_match: str | None = None) -> Response:
    body = reply.model_dump_json().encode()
    headers = {"ETag": etag_of_body(body), "Cache-Control": "no-cache"}
    if if_none_match is not None and names(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers=headers, media_type="application/json")


@reading.get(
    "/products", summary="Browse, search, or ask for some", response_model=ProductPage, responses=_NOT_MODIFIED
)
async def list_products(
    goods: Goods,
    sku: Annotated[
        list[str] | None, Query(max_length=SKUS_AT_ONCE, description="Only these; a variant's SKU finds its product.")
    ] = None,
    search: Annotated[str, Word] = "",
    category: Annotated[str | None, Word] = None,
    limit: Annotated[int | None, Query(ge=1, le=200, description=f"{PAGE} unless told.")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Products in order of SKU. A search finds products whose title, SKU, category and description together contain
    each of its words, whatever their case and accents. With `sku`, unknown ones are listed in `missing`.
    """
    asked = sku or []
    listing = Listing(skus=asked, search=search, category=category, limit=limit or max(PAGE, len(asked)), cursor=cursor)
    return _tagged(await goods.page(listing), if_none_match=if_none_match)


@reading.get(
    "/products/{sku}",
    summary="One product",
    response_model=Product,
    responses={**refusals(ProductNotFound), **_NOT_MODIFIED},
)
async def get_product(goods: Goods, sku: str, if_none_match: IfNoneMatch = None) -> Response:
    """A product by its own SKU or by one of its variants'."""
    return _tagged(await goods.product(sku), if_none_match=if_none_match)


@reading.get("/categories", summary="The categories and how much is in them")
async def list_categories(goods: Goods) -> CategoryList:
    """By name, with the number of products in each; a category without products is not in the list."""
    return CategoryList(categories=await goods.categories())


@reading.post("/items/query", summary="What can be put into a cart, by SKU or id")
async def query_items(goods: Goods, query: ItemQuery) -> ItemList:
    """Prices and stock as they are now. What is not among the items is not sold, and `gone` tells what some of those
    SKUs were; an item with `variants_of` cannot be put into a cart itself. An id pair with a null variant names the
    product itself.
    """
    return await goods.items(query)


@reading.post("/products/descriptions", summary="Descriptions of zero or more SKUs")
async def get_description(goods: Goods, query: DescriptionQuery) -> DescriptionList:
    """One description for each SKU, in the order asked; unknown ones have `found` false."""
    return DescriptionList(descriptions=await goods.descriptions(query.skus))


@editing.put(
    "/products/{sku}",
    summary="Create or replace a product",
    response_model=Product,
    responses={
        201: {"model": Product, "description": "It is new."},
        **refusals(*_EDITED, SkuExists, ProductHasChanged, VariantRequired),
    },
)
async def put_product(
    goods: Goods, _: Editor, sku: Annotated[Sku, Path()], wish: ProductWrite, if_match: IfMatch = None
) -> Response:
    """Its variants stay. Its stock stays too unless `stock` is sent."""
    product, created = await goods.put_product(sku, wish, if_match=if_match)
    return _tagged(product, status=201 if created else 200)


@editing.patch(
    "/products/{sku}",
    summary="Change some fields of a product",
    response_model=Product,
    responses=refusals(*_EDITED, ProductNotFound, ProductHasChanged, VariantRequired),
)
async def patch_product(
    goods: Goods, _: Editor, sku: Annotated[Sku, Path()], patch: ProductPatch, if_match: IfMatch = None
) -> Response:
    """What the body does not name stays as it is."""
    return _tagged(await goods.patch_product(sku, patch, if_match=if_match))


@editing.delete(
    "/products/{sku}",
    summary="Sell a product and its variants no more",
    status_code=204,
    responses=refusals(*_EDITED, ProductNotFound, ProductHasChanged),
)
async def delete_product(goods: Goods, _: Editor, sku: Annotated[Sku, Path()], if_match: IfMatch = None) -> None:
    """What checkouts hold of it can still be committed or released."""
    await goods.delete_product(sku, if_match=if_match)


@editing.put(
    "/products/{sku}/variants/{variant_sku}",
    summary="Create or replace a variant",
    response_model=Product,
    responses={
        201: {"model": Product, "description": "It is new."},
        **refusals(*_EDITED, ProductNotFound, SkuExists, ProductHasChanged),
    },
)
async def put_variant(
    goods: Goods,
    _: Editor,
    sku: Annotated[Sku, Path()],
    variant_sku: Annotated[Sku, Path()],
    wish: VariantWrite,
    if_match: IfMatch = None,
) -> Response:
    """Answers the whole product. From its first variant on it is sold by its variants only, and its own stock is 0."""
    product, created = await goods.put_variant(sku, variant_sku, wish, if_match=if_match)
    return _tagged(product, status=201 if created else 200)


@editing.delete(
    "/products/{sku}/variants/{variant_sku}",
    summary="Sell a variant no more",
    status_code=204,
    responses=refusals(*_EDITED, ProductNotFound, ProductHasChanged),
)
async def delete_variant(
    goods: Goods,
    _: Editor,
    sku: Annotated[Sku, Path()],
    variant_sku: Annotated[Sku, Path()],
    if_match: IfMatch = None,
) -> None:
    """What checkouts hold of it can still be committed or released."""
    await goods.delete_variant(sku, variant_sku, if_match=if_match)


@editing.put(
    "/stock/{sku}",
    summary="Have so many of a SKU on the shelf",
    responses=refusals(*_EDITED, ProductNotFound, VariantRequired),
)
async def put_stock(goods: Goods, _: Editor, sku: Annotated[Sku, Path()], wish: StockWrite) -> StockLevel:
    """What checkouts hold is not counted in it."""
    return await goods.put_stock(sku, wish.stock)


async def _counted(call: str, outcome: Awaitable[Hold]) -> Hold:
    try:
        hold = await outcome
    except Problem as problem:
        HOLDS.labels(call, problem.slug).inc()
        raise
    HOLDS.labels(call, hold.state).inc()
    return hold


@stock_of_checkouts.post(
    "/holds/{checkout_id}",
    summary="Set stock aside for a checkout, all lines or none",
    status_code=201,
    responses={
        200: {"model": Hold, "description": "These lines are held, or sold, already."},
        **refusals(*_GUARDED, OutOfStock, HoldIsReleased, HoldMismatch, RequestInProgress),
    },
)
async def hold_stock(holds: Holds, _: Checkout, checkout_id: UUID, request: HoldRequest, response: Response) -> Hold:
    """A refusal is final for the checkout, even when there is stock again later: a repeated call answers the same.
    `items` of `out_of_stock` lists each short line with what was wanted and what there was.
    """
    lines = wanted(request.lines)

    async def held() -> Hold:
        hold, fresh = await holds.hold(checkout_id, lines)
        response.status_code = 201 if fresh else 200
        return hold.asked_with(lines)

    return await _counted("hold", held())


@stock_of_checkouts.post(
    "/holds/{checkout_id}/commit",
    summary="The held stock is sold",
    responses=refusals(*_GUARDED, HoldNotFound, HoldIsReleased, OutOfStock, RequestInProgress),
)
async def commit_hold(holds: Holds, _: Checkout, checkout_id: UUID) -> Hold:
    """Final. A repeat agrees; a released hold refuses."""

    async def committed() -> Hold:
        return (await holds.commit(checkout_id)).told()

    return await _counted("commit", committed())


@stock_of_checkouts.post(
    "/holds/{checkout_id}/release",
    summary="The held stock goes back on the shelf",
    responses=refusals(*_GUARDED, HoldIsCommitted, RequestInProgress),
)
async def release_hold(holds: Holds, _: Checkout, checkout_id: UUID) -> Hold:
    """Final, also when nothing was held: a hold that arrives later is refused."""

    async def released() -> Hold:
        await holds.release(checkout_id)
        return Hold(checkout_id=str(checkout_id), state="released")

    return await _counted("release", released())


@stock_of_checkouts.get(
    "/holds/{checkout_id}",
    summary="What became of a checkout's stock",
    responses=refusals(*_GUARDED, HoldNotFound, OutOfStock),
)
async def find_hold(holds: Holds, _: Checkout, checkout_id: UUID) -> Hold:
    """Held, committed or released; a hold that was refused for want of stock answers that refusal again."""
    return (await holds.find_hold(checkout_id)).told()


@stock_of_checkouts.put(
    "/restocks/{refund_id}",
    summary="Sold goods go back on the shelf, once for a refund",
    status_code=201,
    responses={
        200: {"model": Restock, "description": "This refund has put these goods back already."},
        **refusals(*_GUARDED, GoodsNotSold, RestockMismatch, RestockExceedsSale, RequestInProgress),
    },
)
async def restock(
    restocks: Restocks, _: Checkout, refund_id: UUID, request: RestockRequest, response: Response
) -> Restock:
    """Only what the checkout sold, and all its refunds together no more than that. A repeat agrees."""
    lines = wanted(request.lines)
    stored, fresh = await restocks.restock(refund_id, request.checkout_id, lines)
    response.status_code = 201 if fresh else 200
    return stored.asked_with(request.checkout_id, lines)
