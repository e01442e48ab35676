"""What cartdb takes and tells: carts, edits, purchases, adoptions. Amounts are minor units of the cart's currency."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from services.contracts.catalog import STORABLE, PositiveId, Sku
from services.contracts.messages import Command, Reply, StorableMoment, Whole
from services.contracts.refunds import Refund

Fingerprint = Annotated[str, Field(max_length=64, pattern=STORABLE)]
OwnerId = Annotated[str, Field(min_length=1, max_length=80, pattern=STORABLE)]
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
CartName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=ONE_LINE)]
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


# The most entries in one page of a history, the number without a wish, and the furthest that can be skipped.
HISTORY_PAGE, HISTORY_PAGE_USUAL, HISTORY_SKIP = 1_000, 200, 10_000_000
HistoryLimit = Annotated[int, Field(ge=1, le=HISTORY_PAGE)]
HistorySkip = Annotated[int, Field(ge=0, le=HISTORY_SKIP)]
CartVersion = Annotated[int, Field(ge=0, le=2**31 - 1)]


class RenameCart(Command):
    """A cart's name; null takes it away."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Birthday"}})

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
    """One checkout of one cart: the log of the saga and, once paid, the order with its refunds, the oldest first.

    `erased_at` says since when it does not tell any more who bought it.
    """

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
    erased_at: datetime | None = None
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
    """Step 1 of an adoption, at the guest's cart: nobody else may have it, and it changes no more.

    The strategy is written once: a repeat answers the first one.
    """

    merge_id: UUID
    target_owner: OwnerId
    strategy: MergeStrategy = MergeStrategy.SUM


class Frozen(Reply):
    """The guest's cart as it is about to move; `lines` is empty when there was nothing to move."""

    merge_id: UUID
    guest_owner: str
    target_owner: str
    guest_cart_id: UUID
    guest_cart_ids: list[UUID] = []
    strategy: MergeStrategy
    lines: list[Line]


class ApplyMerge(Command):
    """Step 2, at the user's cart: put the frozen lines in, once for the merge id."""

    merge_id: UUID
    guest_owner: OwnerId
    guest_cart_id: UUID
    guest_cart_ids: list[UUID] = []
    strategy: MergeStrategy
    lines: list[Line]


class Movable(Reply):
    """What a freeze would take of a guest now."""

    lines: list[Line]


class PreviewMerge(Command):
    """Ask what a merge of these lines of a guest would do, by one strategy or, if none is named, by each."""

    lines: list[Line]
    strategy: MergeStrategy | None = None


class ReceiptLine(Reply):
    """What became of one SKU: before in each cart, after, how many a limit left out, and why.

    A line that only the user had has `guest_quantity` 0 and is `untouched`.
    """

    sku: str
    guest_quantity: int
    user_quantity: int
    quantity: int
    left_out: int = 0
    why: str


class MergePreview(Reply):
    """The receipt's lines as a strategy would write them."""

    strategy: MergeStrategy
    lines: list[ReceiptLine]


class MergePreviews(Reply):
    """What a merge would do to the user's current cart as it is now."""

    cart_id: UUID
    version: int
    previews: list[MergePreview]


class Receipt(Reply):
    """What an adoption did, line by line; `version` is the user's cart's after it.

    Once undone, `undone_cart_ids` are the carts with the guest's lines: one, if they fit.
    """

    merge_id: UUID
    owner_id: str
    guest_owner: str
    guest_cart_id: UUID
    cart_id: UUID
    strategy: MergeStrategy
    lines: list[ReceiptLine]
    applied_at: datetime
    version: int | None = None
    undone_at: datetime | None = None
    undone_cart_ids: list[UUID] = []


class Unfinished(Reply):
    """Work that some controller left: purchases and refunds without an outcome, adoptions without an end."""

    purchases: list[Purchase]
    adoptions: list[Frozen]
    refunds: list[Refund] = []


class HistoryEntry(Reply):
    """One change of a cart, and the cart's version, status and name after it; `quantity` is the line's after it.

    The actor is `guest` or `user`; `checkout`, which reconcile carries on too; `adoption`; or `expiry`. A null status
    is that of an entry from before it was written down.
    """

    version: int
    action: str
    sku: str | None
    quantity: int | None
    added_price: int | None = None
    status: CartStatus | None = None
    name: str | None = None
    detail: dict[str, str | None] | None = None
    at: datetime
    actor: str


class History(Reply):
    """Who changed what when, the oldest first; and the cart as it stood after all entries that were asked for.

    `entries` is a page of them; `next` is what to `skip` for the following one, null on the last. Quantities and prices
    in the cart are by SKU. `complete_since` is the moment from which on every change is told; before it, the lines are.
    """

    cart_id: UUID
    entries: list[HistoryEntry]
    next: int | None
    complete_since: datetime | None
    version: int
    status: CartStatus
    name: str | None
    lines: dict[str, int]
    added_prices: dict[str, int]
