"""What the controller tells shoppers: carts with prices, orders, sessions. Amounts are minor units."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from services.contracts.carts import Address, CartName, MergePreview, MergeStrategy, SnapshotLine
from services.contracts.catalog import Product, Sku
from services.contracts.messages import Command, Reply
from services.contracts.refunds import RefundReason, RefundState, RestockLine, RestockLines


def _from_digits(value: object) -> object:
    """Ids are taken as numbers or as strings of digits; booleans and fractions are neither."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        return int(value)
    return value


ProductId = Annotated[int, BeforeValidator(_from_digits), Field(strict=True, ge=1, le=2**31 - 1)]
OrderStatus = Literal["processing", "paid", "refused"]
Quantity = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]

CHECKOUT: JsonDict = {
    "payment_method": "pm_card_visa",
    "email": "ada@example.com",
    "shipping_address": {
        "name": "Ada", "line1": "1 Mill Lane", "city": "Pune", "postal_code": "411001", "country": "IN",
    },
}  # fmt: skip


class CartOwner(Reply):
    """Whose cart it is; a guest has no name."""

    id: str
    name: str | None


class ShopLine(Reply):
    """A line with the price of now. `notice` says what the shopper should know before buying."""

    sku: str
    product_id: int
    variant_id: int | None
    title: str
    variant: str | None
    quantity: int
    unit_price: int
    line_total: int
    available: bool
    image: str | None = None
    notice: str | None = None


class ShopCart(Reply):
    """A cart as its shopper sees it. `items_count` counts lines, `total_items` adds up their quantities."""

    cart_id: UUID
    owner: CartOwner
    name: str | None
    version: int
    status: str
    currency: str
    items: list[ShopLine]
    items_count: int
    total_items: int
    total_price: int
    has_unavailable_items: bool
    current: bool
    expires_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None


class ShopCarts(Reply):
    """Carts that are not bought yet, the newest change first."""

    carts: list[ShopCart]


class AddItem(Command):
    """What to add, by SKU or by product and variant."""

    model_config = ConfigDict(json_schema_extra={"example": {"sku": "apple", "quantity": 1}})

    sku: Sku | None = None
    product_id: ProductId | None = None
    variant_id: ProductId | None = None
    quantity: Quantity = 1


class SetItem(Command):
    """How many there should be; 0 takes the line out."""

    quantity: Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]


class NewCart(Command):
    """A new cart beside the others; it becomes the current one."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Birthday"}})

    name: CartName | None = None


class CheckoutCommand(Command):
    """Pay for a cart. `payment_method` is a token from payments, never a card number."""

    model_config = ConfigDict(json_schema_extra={"example": CHECKOUT})

    payment_method: Annotated[str, Field(min_length=1, max_length=128)]
    email: Annotated[str | None, Field(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")] = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    currency: Annotated[str | None, Field(min_length=1, max_length=10)] = None
    expected_total: Annotated[int | None, Field(strict=True, ge=0)] = None


class TimelineEvent(Reply):
    """One thing that the checkout or a refund did; `amount` is the refund's, in minor units."""

    event: str
    at: datetime
    amount: int | None = None


class OrderRefund(Reply):
    """Money that goes back: pending until the processor has it on its way, then done or failed for ever."""

    refund_id: UUID
    status: RefundState
    amount: int
    currency: str
    reason: RefundReason | None
    restock: list[RestockLine]
    failure: str | None
    created_at: datetime
    decided_at: datetime | None


class Order(Reply):
    """A checkout and, once paid, its receipt: frozen at purchase. `refunded_total` adds up the refunds that are done.

    `owner_id` is told to operators only. `erased_at` says since when it does not tell any more who bought it.
    """

    order_id: UUID
    cart_id: UUID
    status: OrderStatus
    reason: str | None
    total: int
    currency: str
    items: list[SnapshotLine]
    email: str | None
    shipping_address: Any
    billing_address: Any
    created_at: datetime
    timeline: list[TimelineEvent]
    refunds: list[OrderRefund] = []
    refunded_total: int = 0
    erased_at: datetime | None = None
    owner_id: str | None = None


class RefundCommand(Command):
    """Give money back: `amount` in minor units, everything left if absent. `restock` puts goods back on the shelf."""

    model_config = ConfigDict(json_schema_extra={"example": {"amount": 2600}})

    amount: Annotated[int | None, Field(strict=True, ge=1, le=10**15)] = None
    reason: RefundReason | None = None
    restock: RestockLines = []


class RefundReply(Reply):
    """A refund and its order."""

    refund: OrderRefund
    order: Order


class Orders(Reply):
    """Orders, the newest first. Pass `next_before` on as `before` to get the next page."""

    orders: list[Order]
    next_before: datetime | None = None


class MergeChoice(StrEnum):
    """What becomes of a SKU that the guest's and the user's cart both hold, or that the shopper decides later."""

    SUM = "sum"
    MAX = "max"
    KEEP_USER = "keep_user"
    KEEP_GUEST = "keep_guest"
    ASK = "ask"


class DecideMerge(Command):
    """How the guest's cart joins mine."""

    model_config = ConfigDict(json_schema_extra={"example": {"strategy": "sum"}})

    strategy: MergeStrategy


class OpenMerge(Reply):
    """A decision that is open: the receipt's lines by each strategy that was asked for.

    Without an answer until `decide_before`, or once the session ends, `default_strategy` is taken.
    """

    merge_id: UUID
    cart_id: UUID
    version: int
    default_strategy: MergeStrategy
    decide_before: datetime
    previews: list[MergePreview]


class MergeUnderway(Reply):
    """Decided; the lines move as soon as the cart is not being paid for any more. `GET /merges/{merge_id}` tells."""

    merge_id: UUID
    strategy: MergeStrategy


class SessionView(Reply):
    """Who I am, what I have in my carts, and what there is to buy.

    `merge_pending`: the guest that I was has lines, and I have not decided yet how they join mine.
    """

    signed_in: bool
    owner: CartOwner
    cart_id: UUID
    login_url: str
    carts: list[ShopCart]
    products: list[Product]
    merge_id: UUID | None = None
    merge_pending: bool = False
