"""The routes by which an operator gives money back: the amount is shown first, and given back once it is confirmed."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.contracts.money import Money
from services.contracts.problems import (
    IdempotencyKeyReused,
    OrderNotPaid,
    Problem,
    RefundExceedsPayment,
    RefundRefused,
    Unavailable,
)
from services.contracts.shop import Order, RefundCommand

from ..doorkeeper import Operator
from .forms import AboutToRefund, Objections, RefundDraft, Refunding, RefundWish
from .routing import OnPublicHost, see
from .storefront import Here, Storefront, left_of

router = APIRouter(route_class=OnPublicHost)


@router.get("/orders/{order_id}/refunds")
async def show_first(store: Here, order_id: UUID, wish: AboutToRefund, _operator: Operator) -> Response:
    order = await store.desk.one(order_id)
    try:
        amount = _amount(wish, order)
    except Objections as objections:
        return await store.order(order_id, draft=RefundDraft.of(wish, str(objections)), status=422)
    return await store.refund(order, amount, RefundDraft.of(wish))


@router.post("/orders/{order_id}/refunds")
async def give_back(store: Here, order_id: UUID, form: Refunding, operator: Operator) -> Response:
    order = await store.desk.one(order_id)
    try:
        command = _shown(form, order)
        told = await store.desk.refund(operator.owner_id, order_id, command, key=form.key)
    except Objections as objections:
        return await store.order(order_id, draft=RefundDraft.of(form, str(objections)), status=422)
    except Unavailable as problem:  # The same key again: if the first try got through, this one only finds out.
        message = "We could not find out whether that went through. Send it again: it counts once."
        draft = RefundDraft.of(form, message, key=form.key)
        return await store.refund(order, command.amount or 0, draft, status=problem.status)
    except (RefundExceedsPayment, OrderNotPaid, RefundRefused, IdempotencyKeyReused) as problem:
        return await _refused(store, order_id, form, problem, order.currency)
    return see(f"/shop/orders/{order_id}", query={"refund": str(told.reply.refund.refund_id)})


def _shown(form: RefundWish, order: Order) -> RefundCommand:
    """The refund whose amount was on the page.

    Raises:
        Objections: a field is wrong, or no amount is named, so that nobody can have seen it.
    """
    command = form.command(order.currency)
    if command.amount is None:
        raise Objections({"amount": "Look at the refund before you give it back."})
    return command


def _amount(wish: RefundWish, order: Order) -> int:
    """What is about to be given back, in minor units.

    Raises:
        Objections: it is no amount, or more than is left.
    """
    left = left_of(order)
    amount = wish.command(order.currency).amount or left
    if not 0 < amount <= left:
        raise Objections({"amount": f"Only {Money(left, order.currency)} is left to give back."})
    return amount


async def _refused(store: Storefront, order_id: UUID, form: RefundWish, problem: Problem, currency: str) -> Response:
    """A refusal is final for its key: the next try gets a new one."""
    left = problem.members.get("left")
    said = f"Only {Money(left, currency)} is left to give back." if isinstance(left, int) else problem.detail
    return await store.order(order_id, draft=RefundDraft.of(form, said), status=problem.status)
