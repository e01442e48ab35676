"""The routes of the storefront: pages by GET, changes by POST, which lead to a page again."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.contracts.catalog import Sku
from services.contracts.problems import (
    CartInCheckout,
    CheckoutCannotBeCancelled,
    LineLimitExceeded,
    NotFound,
    QuantityLimitExceeded,
    Unavailable,
    UnknownSku,
)
from services.contracts.shop import AddItem

from ..shopping import Shopping
from . import merging, paying, refunding
from .forms import Adding, Asking, Doing, Naming, Objections, Setting, whole_number
from .pictures import drawn
from .routing import CART, TEMPORARY, OnPublicHost, see, see_again
from .storefront import Here

PICTURE_SECONDS = 600

router = APIRouter(prefix="/shop", include_in_schema=False, route_class=OnPublicHost)
router.include_router(paying.router)
router.include_router(refunding.router)
router.include_router(merging.router)

Words = Annotated[str, Query(max_length=100)]


# --- looking


@router.get("")
async def shop() -> Response:
    return RedirectResponse("/shop/", TEMPORARY)


@router.get("/")
async def goods(store: Here, search: Words = "", category: Words = "", cursor: str = "") -> HTMLResponse:
    return await store.goods(search=search.strip(), category=category, cursor=cursor)


@router.get("/products/{sku}")
async def product(store: Here, sku: Sku) -> HTMLResponse:
    return await store.product(sku)


@router.get("/pictures/{sku}.svg")
async def picture(request: Request, sku: Sku) -> Response:
    shopping = cast(Shopping, request.state.shopping)
    try:
        item = (await shopping.shelf.items([sku])).get(sku)
    except Unavailable:
        item = None
    svg = drawn(sku, title=item.title if item else sku, category=item.category if item else "")
    kept = f"public, max-age={PICTURE_SECONDS}" if item else "no-store"
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": kept})


@router.get("/cart")
async def cart(store: Here) -> HTMLResponse:
    return await store.cart()


@router.get("/orders")
async def orders(store: Here, before: Annotated[AwareDatetime | None, Query()] = None, number: Words = "") -> Response:
    if not number.strip():
        return await store.orders(before=before)
    try:
        return see(f"/shop/orders/{UUID(number.strip())}")
    except ValueError:
        return await store.orders(sought=number, status=422)


@router.get("/orders/{order_id}")
async def order(store: Here, order_id: UUID) -> HTMLResponse:
    return await store.order(order_id)


@router.post("/orders/{order_id}/cancel")
async def call_off(store: Here, order_id: UUID, _form: Asking) -> Response:
    try:
        await store.bought.cancel(store.shopper, order_id)
    except CheckoutCannotBeCancelled:
        return see(f"/shop/orders/{order_id}", query={"call_off": "late"})
    except CartInCheckout:
        return see(f"/shop/orders/{order_id}", query={"call_off": "undecided"})
    return see(f"/shop/orders/{order_id}")


# --- filling the cart


@router.post("/cart/items")
async def add(store: Here, form: Adding) -> Response:
    try:
        command = AddItem(sku=form.sku, quantity=whole_number(form.quantity, least=1))
        await store.shopping.add(store.shopper, command, key=form.key)
    except (Objections, QuantityLimitExceeded, LineLimitExceeded) as refusal:
        return await store.product(form.sku, status=422, message=str(refusal), quantity=form.quantity)
    return see_again(form.back, anchor=form.anchor, added=form.sku)


@router.post("/cart/items/{sku}")
async def set_quantity(store: Here, sku: Sku, form: Setting) -> Response:
    try:
        quantity = whole_number(form.quantity)
        await store.shopping.set(store.shopper, sku, quantity, cart_id=form.cart_id, key=form.key)
    except (Objections, QuantityLimitExceeded, UnknownSku) as refusal:
        return await store.cart(status=422, message=str(refusal), wrong_sku=sku)
    return see(CART, anchor=f"line-{sku}") if quantity else see(CART, query={"removed": sku})


@router.post("/cart/items/{sku}/remove")
async def remove(store: Here, sku: Sku, form: Setting) -> Response:
    await store.shopping.remove(store.shopper, sku, cart_id=form.cart_id, key=form.key)
    return see(CART, query={"removed": sku, "quantity": form.quantity})


@router.post("/cart/clear")
async def clear(store: Here, form: Doing) -> Response:
    await store.shopping.clear(store.shopper, cart_id=form.cart_id, key=form.key)
    return see(CART)


# --- several carts


@router.post("/carts")
async def begin_another(store: Here, form: Naming) -> Response:
    await store.shopping.create(store.shopper, form.name, key=form.key)
    return see(CART)


@router.post("/carts/{cart_id}/name")
async def rename(store: Here, cart_id: UUID, form: Naming) -> Response:
    await store.shopping.rename(store.shopper, cart_id, form.name, key=form.key)
    return see(CART)


@router.post("/carts/{cart_id}/activate")
async def activate(store: Here, cart_id: UUID, form: Doing) -> Response:
    await store.shopping.activate(store.shopper, cart_id, key=form.key)
    return see(CART)


@router.post("/carts/{cart_id}/delete")
async def delete(store: Here, cart_id: UUID, form: Doing) -> Response:
    await store.shopping.delete(store.shopper, cart_id, key=form.key)
    return see(CART)


# This one comes last: it takes what no page above has taken.
@router.get("/{_path:path}")
async def nothing_here(_path: str) -> Response:
    raise NotFound
