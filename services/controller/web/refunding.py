"""The route by which an operator gives money back, from the order's page."""

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

from ..session import Operator
from .forms import Objections, RefundDraft, Refunding
from .routing import OnPublicHost, see
from .storefront import Here, Storefront

router = APIRouter(route_class=OnPublicHost)


@router.post("/orders/{order_id}/refunds")
async def give_back(store: Here, order_id: UUID, form: Refunding, operator: Operator) -> Response:
    order = await store.desk.one(order_id)
    try:
        command = form.command(order.currency)
        await store.desk.refund(operator.owner_id, order_id, command, key=form.key)
    except Objections as objections:
        return await store.order(order_id, draft=RefundDraft.of(form, str(objections)), status=422)
    except Unavailable as problem:  # The same key again: if the first try got through, this one only finds out.
        message = "We could not find out whether that went through. Press Refund again: it counts once."
        return await store.order(order_id, draft=RefundDraft.of(form, message, key=form.key), status=problem.status)
    except (RefundExceedsPayment, OrderNotPaid, RefundRefused, IdempotencyKeyReused) as problem:
        return await _refused(store, order_id, form, problem, order.currency)
    return see(f"/shop/orders/{order_id}", anchor="refunds")


async def _refused(store: Storefront, order_id: UUID, form: Refunding, problem: Problem, currency: str) -> Response:
    """A refusal is final for its key: the next try gets a new one."""
    left = problem.members.get("left")
    said = f"Only {Money(left, currency)} is left to give back." if isinstance(left, int) else problem.detail
    return await store.order(order_id, draft=RefundDraft.of(form, said), status=problem.status)
