"""The second set of names, /api/…, for clients that hold a bearer token and were written for another cart's API.

Amounts are JSON numbers in major units, written from exact decimals. Every refusal is JSON with `message` and `error`.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from services.chassis.app import ProblemReply
from services.chassis.conditions import Version
from services.contracts.messages import Command
from services.contracts.money import Money
from services.contracts.problems import PreconditionFailed, Problem
from services.contracts.shop import AddItem, Order, ProductId, Quantity, SetItem, ShopCart, ShopLine

from .api import Key, OrdersDep, ShoppingDep, SkuPath
from .checkout import REPLAYED
from .doorkeeper import BearerUser
from .orders import Bought
from .quote import Form
from .shopping import Changed

ADDRESS_BYTES = 2048
ADDRESS_LEVELS = 16
# PostgreSQL has room for neither NUL nor half of a surrogate pair, in texts and in JSON alike.
UNKEPT = re.compile("[\x00\ud800-\udfff]")
PREFIX = "/api/"


class Refusal(ProblemReply):
    """A problem in one more set of words."""

    message: str
    error: str


router = APIRouter(
    tags=["second names"],
    responses={
        status: {"model": Refusal, "description": "Refused; `type` says why."}
        for status in (400, 401, 402, 403, 404, 409, 412, 413, 415, 422, 503)
    },
)


def _texts(value: object, levels: int) -> Iterator[str]:
    if levels == 0:
        raise ValueError("is nested too deeply")
    match value:
        case str():
            yield value
        case list():
            for member in value:
                yield from _texts(member, levels - 1)
        case dict():
            for name, member in value.items():
                yield name
                yield from _texts(member, levels - 1)


def _kept(address: Any) -> Any:
    if not isinstance(address, str | dict | None):
        raise ValueError("must be a text or an object")  # noqa: TRY004 - pydantic reads ValueError
    if any(UNKEPT.search(text) for text in _texts(address, ADDRESS_LEVELS)):
        raise ValueError("holds a character that cannot be stored")
    if len(json.dumps(address, allow_nan=False).encode()) > ADDRESS_BYTES:
        raise ValueError(f"is longer than {ADDRESS_BYTES} bytes")
    return address


ADDRESS_SHAPE = {"anyOf": [{"type": "object"}, {"type": "string"}, {"type": "null"}]}
AnyAddress = Annotated[Any, AfterValidator(_kept), WithJsonSchema(ADDRESS_SHAPE)]


class AddByProduct(Command):
    """What to add."""

    model_config = ConfigDict(json_schema_extra={"example": {"product_id": 1, "quantity": 1}})

    product_id: ProductId
    variant_id: ProductId | None = None
    quantity: Quantity = 1


class PayForCart(Command):
    """Pay for the current cart. An address is kept as it is given."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "payment_method": "razorpay",
                "shipping_address": "1 Mill Lane",
                "billing_address": "1 Mill Lane",
                "currency": "INR",
            }
        }
    )

    payment_method: Annotated[str, Field(min_length=1, max_length=128)]
    shipping_address: AnyAddress = None
    billing_address: AnyAddress = None
    currency: Annotated[str | None, Field(min_length=1, max_length=10)] = None


def to_json(content: dict[str, Any]) -> bytes:
    """JSON in which an exact Decimal stays exact: 399.00 is written as 399.00 and never passes through a float."""
    marked: dict[str, str] = {}

    def mark(value: object) -> object:
        if isinstance(value, Decimal):
            name = f"\x00{len(marked)}\x00"
            marked[json.dumps(name)] = str(value)
            return name
        if isinstance(value, UUID):
            return str(value)
        raise TypeError(type(value).__name__)

    text = json.dumps(content, default=mark, ensure_ascii=False)
    for placeholder, number in marked.items():
        text = text.replace(placeholder, number, 1)
    return text.encode()


def answer(content: dict[str, Any], status: int = 200) -> Response:
    """JSON that nobody keeps."""
    return Response(to_json(content), status, media_type="application/json", headers={"Cache-Control": "no-store"})


def render_problem(problem: Problem) -> Response:
    """A refusal as these clients read it."""
    content = {**problem.document(), "message": problem.detail, "error": problem.detail}
    if isinstance(problem, PreconditionFailed) and "cart" in content:
        content["cart"] = _cart(ShopCart.model_validate(content["cart"]))
    response = answer(content, int(problem.status))
    response.headers.update(problem.headers)
    return response


def cart_answer(cart: ShopCart, *, replayed: bool = False, **more: str) -> Response:
    """A cart with its version as ETag."""
    response = answer({**_cart(cart), **more})
    response.headers.update({"ETag": f'"{cart.version}"', **(REPLAYED if replayed else {})})
    return response


def changed_answer(changed: Changed, **more: str) -> Response:
    return cart_answer(changed.cart, replayed=changed.replayed, **more)


def _cart(cart: ShopCart) -> dict[str, Any]:
    whole = cart.model_dump(mode="json", exclude={"items"})
    return {
        **whole,
        "id": str(cart.cart_id),
        "items": [_line(line, cart.currency) for line in cart.items],
        "total_price": Money(cart.total_price, cart.currency).major,
    }


def _line(line: ShopLine, currency: str) -> dict[str, Any]:
    total = Money(line.line_total, currency).major
    return {
        **line.model_dump(mode="json"),
        "id": line.sku,
        "product": line.product_id,
        "variant": line.variant_id,
        "unit_price": Money(line.unit_price, currency).major,
        "line_total": total,
        "total_price": total,
    }


def _payment(order: Order) -> dict[str, Any]:
    return {
        "payment_id": str(order.order_id),
        "order_id": str(order.order_id),
        "cart_id": str(order.cart_id),
        "status": order.status,
        "amount": Money(order.total, order.currency).major,
        "currency": order.currency,
    }


@router.get("/api/cart", include_in_schema=False)
@router.get("/api/cart/", summary="The current cart")
async def get_cart(user: BearerUser, shopping: ShoppingDep) -> Response:
    """With totals in major units."""
    return cart_answer(await shopping.cart(user))


@router.post("/api/cart/add", include_in_schema=False)
@router.post("/api/cart/add/", summary="Add to the cart")
async def add_to_cart(
    item: AddByProduct, user: BearerUser, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """By product and variant."""
    what = AddItem(product_id=item.product_id, variant_id=item.variant_id, quantity=item.quantity)
    changed = await shopping.add(user, what, expected=expected, key=key)
    return changed_answer(changed, message="Item added successfully")


@router.put("/api/cart/items/{item_id}", include_in_schema=False)
@router.put("/api/cart/items/{item_id}/", summary="Set how many")
async def set_cart_item(
    item_id: SkuPath, item: SetItem, user: BearerUser, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """`item_id` is a line's `id`; 0 takes it out."""
    return changed_answer(await shopping.set(user, item_id, item.quantity, expected=expected, key=key))


@router.delete("/api/cart/items/{item_id}", include_in_schema=False)
@router.delete("/api/cart/items/{item_id}/", summary="Take a line out")
async def remove_cart_item(
    item_id: SkuPath, user: BearerUser, shopping: ShoppingDep, expected: Version = None, key: Key = None
) -> Response:
    """A line that is not there agrees."""
    return changed_answer(await shopping.remove(user, item_id, expected=expected, key=key))


@router.post("/api/payments/create-from-cart", include_in_schema=False)
@router.post(
    "/api/payments/create-from-cart/",
    status_code=201,
    responses={202: {"description": "Not known yet."}},
    summary="Pay for the cart",
)
async def create_payment_from_cart(
    command: PayForCart,
    request: Request,
    user: BearerUser,
    orders: OrdersDep,
    expected: Version = None,
    key: Key = None,
) -> Response:
    """201 paid, 202 not known yet, 402 declined."""
    path = request.url.path.rstrip("/")
    form = Form(**command.model_dump(), email=None, expected_total=None, path=path, expected_version=expected)
    outcome = await orders.check_out(user, form, cart_id=None, key=key)
    if not isinstance(outcome, Bought):
        return answer(_payment(outcome.order), 202)
    response = answer(_payment(outcome.order), 201)
    response.headers.update(REPLAYED if outcome.replayed else {})
    return response
