"""Paying, orders, and giving money back."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.chassis.app import refusals
from services.chassis.conditions import Version
from services.contracts.messages import Moment
from services.contracts.problems import (
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsEmpty,
    CartNotFound,
    CheckoutCannotBeCancelled,
    CheckoutChanged,
    CheckoutRefused,
    CrossSiteRequest,
    CurrencyNotAccepted,
    Forbidden,
    IdempotencyKeyReused,
    OrderNotFound,
    OrderNotPaid,
    OutcomeNotKnown,
    OutOfStock,
    PaymentDeclined,
    PaymentMethodNotAccepted,
    PreconditionFailed,
    RefundExceedsPayment,
    RefundRefused,
    RestockExceedsSale,
    Unauthenticated,
    Unavailable,
)
from services.contracts.shop import (
    CheckoutCommand,
    Order,
    OrderStatus,
    RefundCommand,
    RefundReply,
)
from services.contracts.shop import (
    Orders as OrderList,
)

from .api import COMMON, NO_STORE, Key, OrdersDep
from .checkout import REPLAYED
from .desk import Desk
from .doorkeeper import Doorkeeper, Operator, Visitor, the_doorkeeper
from .orders import Bought, Pending
from .quote import Form

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


async def the_desk(request: Request) -> Desk:
    return cast(Desk, request.state.desk)


DeskDep = Annotated[Desk, Depends(the_desk)]
DoorkeeperDep = Annotated[Doorkeeper, Depends(the_doorkeeper)]

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
