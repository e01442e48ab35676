"""The routes that pay: the checkout page, and what becomes of it when the answer is no."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from services.contracts.money import Money
from services.contracts.problems import (
    CartIsEmpty,
    CheckoutChanged,
    CheckoutRefused,
    IdempotencyKeyReused,
    OutOfStock,
    PaymentDeclined,
    PaymentMethodNotAccepted,
    PreconditionFailed,
    Problem,
    RequestInProgress,
    Unavailable,
)

from ..settings import Settings
from . import wording
from .forms import CheckoutDraft, CheckoutForm, Objections, Paying
from .routing import CART, OnPublicHost, see
from .storefront import Here, Storefront, named

router = APIRouter(route_class=OnPublicHost)


@router.get("/checkout")
async def checkout(store: Here) -> Response:
    try:
        return await store.checkout()
    except CartIsEmpty:
        return see(CART)


@router.post("/checkout")
async def pay(store: Here, form: Paying) -> Response:
    try:
        wish = form.wish(guest=store.shopper.guest)
        bought = await store.bought.check_out(store.shopper, wish, cart_id=form.cart_id, key=form.key)
    except Objections as objections:
        draft = CheckoutDraft(form.typed(), objections.by_field)
        return await store.checkout(cart_id=form.cart_id, draft=draft, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except CartIsEmpty:
        return see(CART)
    except (Unavailable, RequestInProgress) as problem:
        return await _not_known(store, form, problem)
    except Problem as problem:
        return await _refused(store, form, problem)
    return see(f"/shop/orders/{bought.order.order_id}")


async def _not_known(store: Storefront, form: CheckoutForm, problem: Problem) -> HTMLResponse:
    """The same key again: if the first try did get through, this one only finds out."""
    message = "We could not find out whether that went through. Press Pay again: you will not be charged twice."
    draft = CheckoutDraft(form.typed(), message=message, key=form.key, seen=form)
    return await store.checkout(cart_id=form.cart_id, draft=draft, status=int(problem.status))


async def _refused(store: Storefront, form: CheckoutForm, problem: Problem) -> HTMLResponse:
    """A refusal is final for its key: the next try gets a new one."""
    objections, message = await _said(store, problem)
    draft = CheckoutDraft(form.typed(), objections, message)
    return await store.checkout(cart_id=form.cart_id, draft=draft, status=int(problem.status))


async def _said(store: Storefront, problem: Problem) -> tuple[Mapping[str, str], str | None]:
    match problem:
        case PaymentDeclined():
            said = wording.not_paid(problem.members.get("reason"))
            return {}, f"{said} Nothing was charged, and your cart is as it was. Try another card."
        case PaymentMethodNotAccepted():
            return {"payment_method": "The payment service does not know this card. Choose another."}, None
        case CheckoutChanged():
            return {}, _changed(store, problem)
        case OutOfStock():
            return {}, await _short(store, problem)
        case PreconditionFailed():
            return {}, "The cart has changed since you opened this page. Nothing was charged: look at it and pay again."
        case CheckoutRefused() | IdempotencyKeyReused():
            return {}, "This page was sent once before, and that try has ended. Look it over and pay again."
        case _:
            raise problem


def _changed(store: Storefront, problem: CheckoutChanged) -> str:
    before, now = problem.members.get("expected_total"), problem.members.get("total")
    if not (isinstance(before, int) and isinstance(now, int)):
        return "The total has changed since you saw it. Nothing was charged: look at it and pay again."
    currency = cast(Settings, store.request.state.settings).shop_currency
    said = f"The total was {Money(before, currency)} and is now {Money(now, currency)}."
    return f"{said} Nothing was charged: look at it and pay again."


async def _short(store: Storefront, problem: OutOfStock) -> str:
    short = {str(item["sku"]): int(item["available"]) for item in problem.members.get("items", [])}
    goods = await store.shopping.shelf.known(short)
    told = [
        f"{named(goods[sku]) if sku in goods else sku}: {f'only {left} left' if left else 'not to be had any more'}"
        for sku, left in short.items()
    ]
    return f"Somebody was faster. {'; '.join(told)}. Nothing was charged; change the cart and pay again."
