"""The shopper's door, in JSON. Pages live under /shop/ (web/); the second set of names in bearer_api.py."""

import asyncio
import json
from pathlib import Path as FilePath
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from starlette.responses import JSONResponse, RedirectResponse

from services.chassis.app import refusals
from services.chassis.conditions import Version
from services.chassis.docs import KEPT, docs_page
from services.contracts.carts import History, IdempotencyKey, MergeStrategy, Receipt, RenameCart
from services.contracts.catalog import CategoryList, DescriptionList, DescriptionQuery, Product, ProductPage, Sku
from services.contracts.messages import Moment
from services.contracts.problems import (
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsBeingAdopted,
    CartIsEmpty,
    CartLimitExceeded,
    CartNotFound,
    CheckoutCannotBeCancelled,
    CheckoutChanged,
    CheckoutRefused,
    CrossSiteRequest,
    CurrencyNotAccepted,
    Forbidden,
    IdempotencyKeyReused,
    LineLimitExceeded,
    MergeNotFound,
    NotFound,
    OrderNotFound,
    OrderNotPaid,
    OutcomeNotKnown,
    OutOfStock,
    PaymentDeclined,
    PaymentMethodNotAccepted,
    PreconditionFailed,
    ProductNotFound,
    QuantityLimitExceeded,
    RefundExceedsPayment,
    RefundRefused,
    RequestInProgress,
    RestockExceedsSale,
    SessionRotated,
    SignInFailed,
    SignInInterrupted,
    Unauthenticated,
    Unavailable,
    UnknownSku,
    VariantRequired,
)
from services.contracts.shop import (
    AddItem,
    CartOwner,
    CheckoutCommand,
    NewCart,
    Order,
    OrderStatus,
    RefundCommand,
    RefundReply,
    SessionView,
    SetItem,
    ShopCart,
    ShopCarts,
)
from services.contracts.shop import (
    Orders as OrderList,
)

from .checkout import REPLAYED
from .desk import Desk
from .doorkeeper import Doorkeeper, Operator, Visitor, the_doorkeeper
from .orders import Bought, Orders, Pending
from .papers import STYLE, paper
from .quote import Form
from .shopping import Changed, Shopping
from .signin import SignIn

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
CHECKOUT = refusals(
    CartIsEmpty,
    Unauthenticated,
    PaymentDeclined,
    CrossSiteRequest,
    CartNotFound,
    CartInCheckout,
    CartAlreadyPurchased,
    CheckoutChanged,
    CheckoutRefused,
    OutOfStock,
    PreconditionFailed,
    CurrencyNotAccepted,
    PaymentMethodNotAccepted,
    IdempotencyKeyReused,
    Unavailable,
    OutcomeNotKnown,
)

REFUND = refusals(
    Unauthenticated,
    Forbidden,
    CrossSiteRequest,
    OrderNotFound,
    OrderNotPaid,
    RefundRefused,
    RefundExceedsPayment,
    RestockExceedsSale,
    IdempotencyKeyReused,
    Unavailable,
    OutcomeNotKnown,
)

DOCS = FilePath(__file__).resolve().parents[2] / "docs"
SERVICES = ("controller", "catalog", "cartdb", "idp", "payments")
DOCUMENTS = (*SERVICES, "problems")


async def the_shopping(request: Request) -> Shopping:
    return cast(Shopping, request.state.shopping)


async def the_orders(request: Request) -> Orders:
    return cast(Orders, request.state.orders)


async def the_desk(request: Request) -> Desk:
    return cast(Desk, request.state.desk)


async def the_sign_in(request: Request) -> SignIn:
    return cast(SignIn, request.state.sign_in)


ShoppingDep = Annotated[Shopping, Depends(the_shopping)]
OrdersDep = Annotated[Orders, Depends(the_orders)]
DeskDep = Annotated[Desk, Depends(the_desk)]
DoorkeeperDep = Annotated[Doorkeeper, Depends(the_doorkeeper)]
SignInDep = Annotated[SignIn, Depends(the_sign_in)]
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


# --- session

session = APIRouter(tags=["session"])


@session.get("/session", responses=COMMON, summary="Who I am, what I have, what there is to buy")
async def show_session(request: Request, response: Response, shopper: Visitor, shopping: ShoppingDep) -> SessionView:
    """The first thing a client asks. Reading writes nothing; the cookie it sets keeps the cart's id stable."""
    response.headers.update(NO_STORE)
    cart, carts, page = await asyncio.gather(
        shopping.cart(shopper), shopping.carts(shopper), shopping.products(limit=50)
    )
    return SessionView(
        signed_in=not shopper.guest,
        owner=CartOwner(id=shopper.owner_id, name=shopper.name),
        cart_id=cart.cart_id,
        login_url=f"{request.state.settings.public_url.rstrip('/')}/login",
        carts=carts,
        products=page.products,
        merge_id=shopper.merge_id,
    )


@session.get(
    "/login",
    response_class=RedirectResponse,
    status_code=303,
    responses=refusals(Unavailable),
    summary="Sign in at the identity provider",
)
async def login(
    request: Request,
    sign_in: SignInDep,
    target: Annotated[
        str | None, Query(alias="next", description="A path of this shop; anything else leads to /shop/.")
    ] = None,
    merge: Annotated[
        MergeStrategy, Query(description="What becomes of a SKU that the guest's and the user's cart both hold.")
    ] = MergeStrategy.SUM,
) -> Response:
    """A redirect; the provider sends the browser back to /callback."""
    return RedirectResponse(await sign_in.begin(request, target=target, strategy=merge), 303, headers=NO_STORE)


@session.get(
    "/callback",
    response_class=RedirectResponse,
    status_code=303,
    responses=refusals(SignInFailed, SignInInterrupted),
    summary="Back from there",
)
async def callback(request: Request, sign_in: SignInDep) -> Response:
    """For the provider's redirect alone: state, issuer, nonce and PKCE bind it to the browser that began."""
    return RedirectResponse(await sign_in.finish(request), 303, headers=NO_STORE)


@session.post(
    "/logout",
    response_class=RedirectResponse,
    status_code=303,
    responses=refusals(CrossSiteRequest, Unavailable),
    summary="Sign out",
)
async def logout(request: Request, sign_in: SignInDep) -> Response:
    """The session ends here; the redirect ends it at the provider too."""
    request.state.doorkeeper.refuse_foreign_pages(request)
    return RedirectResponse(await sign_in.end(request), 303, headers=NO_STORE)


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
    cart_id: UUID, shopper: Visitor, shopping: ShoppingDep, at: Annotated[Moment | None, Query()] = None
) -> History:
    """Every change up to `at`, and the lines as they stood then."""
    return await shopping.history(shopper, cart_id, at=at.isoformat() if at else None)


@carts.get("/merges/{merge_id}", responses=refusals(MergeNotFound, Unavailable), summary="What a sign-in merged")
async def show_merge(merge_id: UUID, shopper: Visitor, shopping: ShoppingDep) -> Receipt:
    """Line by line: before in each cart, after, and why."""
    return await shopping.receipt(shopper, merge_id)


# --- checkout and orders

checkout = APIRouter(tags=["checkout"])


def form_of(command: CheckoutCommand, request: Request, expected: int | None) -> Form:
    """A JSON checkout as the shopper's form."""
    fields = command.model_dump(mode="json")
    return Form(**fields, path=request.url.path, expected_version=expected)


def checkout_answer(outcome: Bought | Pending) -> Response:
    """201 with the order, or 202 with the address that tells its outcome later."""
    location = f"/orders/{outcome.order.order_id}"
    status = 201 if isinstance(outcome, Bought) else 202
    headers = {**NO_STORE, "Location": location}
    if status == 202:
        headers["Retry-After"] = "2"
    if isinstance(outcome, Bought) and outcome.replayed:
        headers.update(REPLAYED)
    return Response(outcome.order.model_dump_json(), status, headers=headers, media_type="application/json")


@checkout.post(
    "/cart/checkout",
    response_model=Order,
    status_code=201,
    responses={202: {"model": Order, "description": "The outcome is not known yet: ask Location."}, **CHECKOUT},
    summary="Pay for the current cart",
)
async def check_out(
    command: CheckoutCommand,
    request: Request,
    shopper: Visitor,
    orders: OrdersDep,
    expected: Version = None,
    key: Key = None,
) -> Response:
    """With a key, a repeat answers the same order. Without one, a double click is still one checkout.

    `Idempotent-Replayed: true` says that the outcome was there before this request came.
    """
    form = form_of(command, request, expected)
    return checkout_answer(await orders.check_out(shopper, form, cart_id=None, key=key))


@checkout.post(
    "/carts/{cart_id}/checkout",
    response_model=Order,
    status_code=201,
    responses={202: {"model": Order, "description": "The outcome is not known yet: ask Location."}, **CHECKOUT},
    summary="Pay for a cart of mine",
)
async def check_out_one(
    cart_id: UUID,
    command: CheckoutCommand,
    request: Request,
    shopper: Visitor,
    orders: OrdersDep,
    expected: Version = None,
    key: Key = None,
) -> Response:
    """As POST /cart/checkout."""
    form = form_of(command, request, expected)
    return checkout_answer(await orders.check_out(shopper, form, cart_id=cart_id, key=key))


@checkout.get("/orders", responses=COMMON, summary="My orders")
async def list_orders(
    response: Response,
    shopper: Visitor,
    orders: OrdersDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    before: Annotated[Moment | None, Query()] = None,
    status: Annotated[OrderStatus | None, Query(description="Only these; what was bought is `paid`.")] = None,
) -> OrderList:
    """The newest first; a user's with those of every guest who signed in as that user.

    Checkouts that began and came to nothing are among them, with the status `refused` and a `reason`;
    `?status=paid` lists what was bought.
    """
    response.headers.update(NO_STORE)
    return await orders.page(shopper, limit=limit, before=before, status=status)


@checkout.get("/orders/{order_id}", responses=refusals(OrderNotFound, Unavailable), summary="One order")
async def show_order(
    order_id: UUID, response: Response, shopper: Visitor, orders: OrdersDep, desk: DeskDep, door: DoorkeeperDep
) -> Order:
    """Its lines and prices are frozen at purchase; its status tells the outcome. An operator may read anybody's."""
    response.headers.update(NO_STORE)
    if await door.is_operator(shopper):
        return await desk.one(order_id)
    return await orders.one(shopper, order_id)


@checkout.post(
    "/orders/{order_id}/cancel",
    responses=refusals(OrderNotFound, CheckoutCannotBeCancelled, CartInCheckout, Unavailable),
    summary="Call a checkout off while it is processing",
)
async def cancel_order(order_id: UUID, shopper: Visitor, orders: OrdersDep) -> Order:
    """Definite before it is told: the payment is cancelled for good, or the order is paid.

    409 `cart_in_checkout` says that it cannot be decided now, as while the bank has the charge. A repeat agrees, with
    or without an `Idempotency-Key`, which is not needed here.
    """
    return await orders.cancel(shopper, order_id)


@checkout.post(
    "/orders/{order_id}/refunds",
    response_model=RefundReply,
    status_code=201,
    responses={202: {"model": RefundReply, "description": "It is not known yet: ask Location."}, **REFUND},
    summary="Give an order's money back (operators)",
)
async def refund_order(
    order_id: UUID, command: RefundCommand, operator: Operator, desk: DeskDep, key: Key = None
) -> Response:
    """`amount` in minor units; without it, everything that is left goes back. `restock` puts goods back on the shelf.

    With a key, a repeat answers the same refund. Without one, an equal request is the same refund.
    `Idempotent-Replayed: true` says that the refund was known before this request came.
    """
    told = await desk.refund(operator.owner_id, order_id, command, key=key)
    waiting = {} if told.done else {"Retry-After": "2"}
    headers = {**NO_STORE, "Location": f"/orders/{order_id}", **waiting, **(REPLAYED if told.replayed else {})}
    body = told.reply.model_dump_json()
    return Response(body, 201 if told.done else 202, headers=headers, media_type="application/json")


# --- the front page and the other services' documents

front = APIRouter(include_in_schema=False)


@front.get("/")
async def index() -> Response:
    """Leads to the shop."""
    return RedirectResponse("/shop/", 303)


@front.get("/docs/problems")
async def problems() -> Response:
    """What every `type` of a refusal leads to."""
    return paper("Problems", await asyncio.to_thread((DOCS / "problems.md").read_text, "utf-8"))


@front.get("/docs/paper.css")
async def paper_style() -> Response:
    """How a paper looks."""
    return Response(STYLE, media_type="text/css", headers=KEPT)


# What explores the API is for development; production serves nothing of it.
explorer = APIRouter(include_in_schema=False)


@explorer.get("/docs/{service}")
async def docs_of(service: str, request: Request) -> Response:
    """The page of another service's API, from the document kept under review."""
    if service not in SERVICES:
        raise NotFound
    return docs_page(
        title=service,
        document=f"/docs/openapi/{service}.json",
        issuer=request.state.settings.oidc_issuer,
        links=DOCUMENTS,
        elsewhere=service != "controller",
    )


@explorer.get("/docs/openapi/{service}.json")
async def document_of(service: str, request: Request) -> Response:
    """That document, with the provider at which this shop signs in."""
    if service not in SERVICES:
        raise NotFound
    content = json.loads(await asyncio.to_thread((DOCS / "openapi" / f"{service}.json").read_text, "utf-8"))
    discovery = f"{request.state.settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
    for scheme in content.get("components", {}).get("securitySchemes", {}).values():
        if "openIdConnectUrl" in scheme:
            scheme["openIdConnectUrl"] = discovery
    return JSONResponse(content)


# Routes are looked through in order: the hot ones come first.
routers = [cart, session, goods, carts, checkout, front]
