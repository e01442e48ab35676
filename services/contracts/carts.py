"""What cartdb takes and tells: carts, edits, purchases, adoptions. Amounts are minor units of the cart's currency."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from services.contracts.catalog import STORABLE, PositiveId, Sku
from services.contracts.messages import Command, Reply, StorableMoment, Whole
from services.contracts.refunds import Refund

Fingerprint = Annotated[str, Field(max_length=64, pattern=STORABLE)]
OwnerId = Annotated[str, Field(min_length=1, max_length=80, pattern=STORABLE)]
CartName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=STORABLE)]
IntentId = Annotated[str, Field(pattern=r"^pi_[A-Za-z0-9_]{1,120}$")]
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


class CartStatus(StrEnum):
    """A cart's life: open until it is bought, or moved to a signed-in shopper, or deleted."""

    OPEN = "open"
    IN_CHECKOUT = "in_checkout"
    PURCHASED = "purchased"
    MOVING = "moving"
    MOVED = "moved"
    DELETED = "deleted"


class Line(Reply):
    """One SKU in a cart. `added_price` is the unit price shown when it was first put in."""

    sku: Sku
    product_id: PositiveId
    variant_id: PositiveId | None
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
    added_price: Whole
    added_at: StorableMoment


class Cart(Reply):
    """A cart between sessions. Version 0 is a cart that nobody has put anything into: no row holds it yet."""

    cart_id: UUID
    owner_id: str
    name: str | None
    version: int
    status: CartStatus
    currency: str
    items: list[Line]
    expires_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    current: bool = True
    replayed: bool = False


class CartList(Reply):
    """An owner's carts, the newest change first."""

    carts: list[Cart]


WATCHED_AT_ONCE = 2_000


class VersionQuery(Command):
    """Whose current carts somebody watches."""

    owners: Annotated[list[OwnerId], Field(min_length=1, max_length=WATCHED_AT_ONCE)]


class CurrentVersion(Reply):
    """Which cart is an owner's current one, and its state. Whatever its owner may see of it changes one of the three.

    The status stands beside the version, since a checkout that begins or ends well keeps the version that it sells.
    """

    owner_id: str
    cart_id: UUID
    version: int
    status: CartStatus


class VersionList(Reply):
    """One for each owner, in the order asked; an owner without rows has the first cart at version 0."""

    versions: list[CurrentVersion]


class AddLine(Command):
    """Put so many more of a SKU into a cart. What the SKU is and costs was read from catalog by the controller."""

    sku: Sku
    product_id: PositiveId
    variant_id: PositiveId | None = None
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)] = 1
    unit_price: Whole


class SetLine(Command):
    """Have exactly so many of a SKU in a cart; 0 takes it out."""

    product_id: PositiveId
    variant_id: PositiveId | None = None
    quantity: Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
    unit_price: Whole


class CreateCart(Command):
    """A new, empty cart beside the others; it becomes the current one if asked."""

    name: CartName | None = None
    activate: bool = True


class RenameCart(Command):
    """A cart's name; null takes it away."""

    name: CartName | None


class Address(Command):
    """Where goods or bills go."""

    name: Annotated[str, Field(min_length=1, max_length=120, pattern=STORABLE)]
    line1: Annotated[str, Field(min_length=1, max_length=200, pattern=STORABLE)]
    line2: Annotated[str | None, Field(max_length=200, pattern=STORABLE)] = None
    city: Annotated[str, Field(min_length=1, max_length=120, pattern=STORABLE)]
    state: Annotated[str | None, Field(max_length=120, pattern=STORABLE)] = None
    postal_code: Annotated[str, Field(min_length=1, max_length=20, pattern=STORABLE)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
    phone: Annotated[str | None, Field(max_length=40, pattern=STORABLE)] = None


class SnapshotLine(Reply):
    """A line as it was sold."""

    sku: str
    product_id: int
    variant_id: int | None
    title: str
    variant: str | None
    quantity: int
    unit_price: int
    line_total: int


class Snapshot(Reply):
    """What a checkout sells, for how much, and where it goes; written once."""

    lines: Annotated[list[SnapshotLine], Field(min_length=1)]
    amount: Annotated[int, Field(ge=1)]
    currency: str
    shipping_address: Any
    billing_address: Any
    email: str | None = None


class PurchaseRequest(Command):
    """Mark a cart purchased by a checkout. `version` is the cart's version that the snapshot was made of."""

    checkout_id: UUID
    version: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
    fingerprint: Fingerprint
    snapshot: Snapshot


class PurchaseState(StrEnum):
    """pending until the money's fate is known, then paid or failed for ever."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"


class Purchase(Reply):
    """One checkout of one cart: the log of the saga and, once paid, the order with its refunds, the oldest first."""

    owner_id: str
    checkout_id: UUID
    cart_id: UUID
    state: PurchaseState
    reason: str | None
    fingerprint: str
    snapshot: Snapshot | None
    intent_id: str | None
    created_at: datetime
    attached_at: datetime | None
    decided_at: datetime | None
    refunds: list[Refund] = []


class PurchaseList(Reply):
    """Purchases, the newest first."""

    purchases: list[Purchase]


class Attach(Command):
    """The checkout's one payment intent, written once."""

    intent_id: IntentId


class Settle(Command):
    """The intent has succeeded: pending becomes paid."""

    intent_id: IntentId


class Unpurchase(Command):
    """Unmark: the checkout's intent is cancelled for good, so pending becomes failed and the cart opens again.

    `intent_id` names the intent that was cancelled; null where the checkout never got one.
    """

    intent_id: IntentId | None = None
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]


class Void(Command):
    """A tombstone for a checkout that never came, so that a late twin of it is refused."""

    cart_id: UUID
    fingerprint: Fingerprint
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]


class MergeStrategy(StrEnum):
    """What happens to a SKU that both carts hold."""

    SUM = "sum"
    MAX = "max"
    KEEP_USER = "keep_user"
    KEEP_GUEST = "keep_guest"


class Freeze(Command):
    """Step 1 of an adoption, at the guest's cart: nobody else may have it, and it changes no more."""

    merge_id: UUID
    target_owner: OwnerId
    strategy: MergeStrategy = MergeStrategy.SUM


class Frozen(Reply):
    """The guest's cart as it is about to move; `lines` is empty when there was nothing to move."""

    merge_id: UUID
    guest_owner: str
    target_owner: str
    guest_cart_id: UUID
    strategy: MergeStrategy
    lines: list[Line]


class ApplyMerge(Command):
    """Step 2, at the user's cart: put the frozen lines in, once for the merge id."""

    merge_id: UUID
    guest_owner: OwnerId
    guest_cart_id: UUID
    strategy: MergeStrategy
    lines: list[Line]


class ReceiptLine(Reply):
    """What became of one SKU, and why."""

    sku: str
    guest_quantity: int
    user_quantity: int
    quantity: int
    why: str


class Receipt(Reply):
    """What an adoption did, line by line."""

    merge_id: UUID
    owner_id: str
    guest_owner: str
    guest_cart_id: UUID
    cart_id: UUID
    strategy: MergeStrategy
    lines: list[ReceiptLine]
    applied_at: datetime


class Unfinished(Reply):
    """Work that some controller left: purchases and refunds without an outcome, adoptions without an end."""

    purchases: list[Purchase]
    adoptions: list[Frozen]
    refunds: list[Refund] = []


class HistoryEntry(Reply):
    """One change of a cart."""

    version: int
    action: str
    sku: str | None
    quantity: int | None
    at: datetime
    actor: str


class History(Reply):
    """Who changed what when, the oldest first; and the lines as they stood at the asked-for moment."""

    cart_id: UUID
    entries: list[HistoryEntry]
    lines: dict[str, int]
