"""cartdb and catalog, as the controller speaks to them. No decision is taken here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from services.chassis.logs import get_logger
from services.chassis.outbound import Credential, Neighbour, definite
from services.contracts.account import AccountPage, AccountPart, EraseOwner
from services.contracts.carts import (
    AddLine,
    ApplyMerge,
    Attach,
    Cart,
    CartList,
    CreateCart,
    CurrentVersion,
    Freeze,
    Frozen,
    History,
    Line,
    MergePreviews,
    Movable,
    PreviewMerge,
    Purchase,
    PurchaseList,
    PurchaseRequest,
    PurchaseState,
    Receipt,
    RenameCart,
    SetLine,
    Settle,
    Unfinished,
    Unpurchase,
    VersionList,
    VersionQuery,
    Void,
)
from services.contracts.catalog import (
    CategoryList,
    DescriptionList,
    DescriptionQuery,
    Hold,
    HoldLine,
    HoldRequest,
    ItemList,
    ItemQuery,
    Product,
    ProductPage,
)
from services.contracts.messages import Reply
from services.contracts.problems import (
    AccountHasUnfinishedOrders,
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsBeingAdopted,
    CartLimitExceeded,
    CartNotFound,
    GoodsNotSold,
    HoldIsCommitted,
    HoldIsReleased,
    HoldMismatch,
    HoldNotFound,
    IdempotencyKeyReused,
    IntentMismatch,
    LineLimitExceeded,
    MergeCannotBeUndone,
    MergeNotFound,
    OrderNotFound,
    OutOfStock,
    PreconditionFailed,
    Problem,
    ProductNotFound,
    PurchaseHasFailed,
    PurchaseIsSettled,
    QuantityLimitExceeded,
    RefundHasFailed,
    RefundIsDone,
    RefundMismatch,
    Refused,
    RequestInProgress,
    RestockExceedsSale,
    RestockMismatch,
    Unauthenticated,
    Undecided,
    ValidationFailed,
)
from services.contracts.refunds import FailRefund, FinishRefund, Refund, RefundRequest, Restock, RestockRequest

from .authority import Authority

logger = get_logger(__name__)


ITEMS_AT_ONCE = 500
UNFINISHED_AT_ONCE = 500

EDIT_REFUSALS: tuple[type[Problem], ...] = (
    Unauthenticated,
    CartNotFound,
    CartInCheckout,
    CartAlreadyPurchased,
    CartIsBeingAdopted,
    CartLimitExceeded,
    PreconditionFailed,
    QuantityLimitExceeded,
    LineLimitExceeded,
    IdempotencyKeyReused,
    RequestInProgress,
)


R = TypeVar("R", bound=BaseModel)


class Nothing(Reply):
    """An answer without content."""


class Carts:
    """cartdb, under a shopper's authority or the checkout's."""

    def __init__(
        self, neighbour: Neighbour, checkout_token: Credential, *, changed: Callable[[str], None] = lambda _: None
    ) -> None:
        """Call `changed` with the owner after whatever has, or may have, changed something of theirs."""
        self._cartdb = neighbour
        self._checkout = checkout_token
        self._changed = changed

    def _for(self, owner: str) -> Authority:
        return Authority(self._checkout, owner)

    async def _ask(
        self,
        who: Authority,
        call: str,
        method: str,
        path: str,
        reply: type[R],
        *refusals: type[Problem],
        command: BaseModel | None = None,
        params: Sequence[tuple[str, str]] = (),
        key: str | None = None,
        expected: int | None = None,
        repeatable: bool = True,
    ) -> R | Refused | Undecided:
        answer = await self._cartdb.call(
            call,
            method,
            path,
            reply,
            refusals=refusals,
            command=command,
            credential=who.credential,
            headers=who.headers(key=key, expected=expected),
            params=params,
            repeatable=repeatable,
        )
        if method != "GET" and who.speaks_for is not None:
            self._changed(who.speaks_for)
        return answer

    # --- a shopper's carts

    async def find(self, who: Authority, cart_id: UUID | None) -> Cart:
        """A cart; the current one without an id."""
        path = f"/carts/{cart_id or 'current'}"
        return definite(await self._ask(who, "find", "GET", path, Cart, CartNotFound, Unauthenticated))

    async def unpurchased(self, who: Authority) -> list[Cart]:
        """The carts that are not bought yet."""
        return definite(await self._ask(who, "find_unpurchased", "GET", "/carts", CartList, Unauthenticated)).carts

    async def update(
        self,
        who: Authority,
        method: str,
        path: str,
        *,
        command: AddLine | SetLine | CreateCart | RenameCart | None = None,
        key: str | None,
        expected: int | None = None,
    ) -> Cart:
        """Change a cart. Without a key an unknown outcome is not sent again where the repeat would not agree.

        An add would count twice; a conditional change would meet its own new version.
        """
        repeatable = key is not None or (method != "POST" and expected is None)
        return definite(
            await self._ask(
                who,
                "update",
                method,
                path,
                Cart,
                *EDIT_REFUSALS,
                command=command,
                key=key,
                expected=expected,
                repeatable=repeatable,
            )
        )

    async def delete(self, who: Authority, cart_id: UUID, *, key: str | None) -> None:
        """Take a cart away."""
        path = f"/carts/{cart_id}"
        definite(await self._ask(who, "delete", "DELETE", path, Nothing, *EDIT_REFUSALS, key=key))

    async def history(self, who: Authority, cart_id: UUID, asked: Mapping[str, str | int | None]) -> History:
        """Who changed what when; asked for by cartdb's own parameters."""
        path = f"/carts/{cart_id}/history"
        params = [(name, str(value)) for name, value in asked.items() if value is not None]
        refusals = (CartNotFound, Unauthenticated)
        return definite(await self._ask(who, "history", "GET", path, History, *refusals, params=params))

    async def purchases(
        self, who: Authority, *, limit: int, before: datetime | None, states: Iterable[PurchaseState] = ()
    ) -> list[Purchase]:
        """A shopper's purchases, the newest first; those that have not failed, unless states are named."""
        params = [("limit", str(limit)), *([("before", before.isoformat())] if before else [])]
        params += [("state", state.value) for state in states]
        reply = await self._ask(
            who, "list_purchases", "GET", "/purchases", PurchaseList, Unauthenticated, params=params
        )
        return definite(reply).purchases

    async def purchase_of(self, who: Authority, checkout_id: UUID) -> Purchase | Refused | Undecided:
        """One of a shopper's purchases."""
        path = f"/purchases/{checkout_id}"
        return await self._ask(who, "find_purchase", "GET", path, Purchase, OrderNotFound, Unauthenticated)

    async def receipt(self, who: Authority, merge_id: UUID) -> Receipt:
        """What an adoption did."""
        path = f"/adoptions/{merge_id}"
        return definite(await self._ask(who, "receipt", "GET", path, Receipt, MergeNotFound, Unauthenticated))

    async def movable(self, guest: Authority) -> list[Line]:
        """What an adoption would take of a guest."""
        return definite(await self._ask(guest, "movable", "GET", "/adoptions/movable", Movable)).lines

    async def preview_merge(self, who: Authority, command: PreviewMerge) -> MergePreviews:
        """What an adoption of these lines would do."""
        path = "/adoptions/preview"
        return definite(await self._ask(who, "preview", "POST", path, MergePreviews, Unauthenticated, command=command))

    async def undo_merge(self, who: Authority, merge_id: UUID) -> Receipt:
        """Take an adoption back."""
        path, refusals = f"/adoptions/{merge_id}/undo", (MergeNotFound, MergeCannotBeUndone, CartLimitExceeded)
        return definite(await self._ask(who, "undo", "POST", path, Receipt, *refusals, Unauthenticated))

    # --- all that is held on an owner

    async def account_page(self, who: Authority, part: AccountPart, *, after: str | None) -> AccountPage:
        """A page of what cartdb holds of one kind."""
        path, params = f"/account/{part.value}", [("limit", "500"), *([("after", after)] if after else [])]
        return definite(await self._ask(who, "account_page", "GET", path, AccountPage, Unauthenticated, params=params))

    async def erase_owner(self, who: Authority, command: EraseOwner) -> None:
        """Forget the owner, or ask whether that may be."""
        refusals = (Unauthenticated, AccountHasUnfinishedOrders, CartIsBeingAdopted, RequestInProgress)
        definite(await self._ask(who, "erase_owner", "POST", "/account/erase", Nothing, *refusals, command=command))

    # --- the checkout's steps

    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> Purchase | Refused | Undecided:
        """Mark a cart purchased."""
        path = f"/carts/{cart_id}/purchase"
        return await self._step(owner, "purchase", path, request, CartNotFound, IdempotencyKeyReused)

    async def attach(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        """Write the intent down."""
        path = f"/purchases/{checkout_id}/attach"
        return await self._step(owner, "attach", path, Attach(intent_id=intent_id), IntentMismatch, PurchaseHasFailed)

    async def settle(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        """Pending becomes paid."""
        path = f"/purchases/{checkout_id}/settle"
        return await self._step(owner, "settle", path, Settle(intent_id=intent_id), IntentMismatch, PurchaseHasFailed)

    async def unpurchase(
        self, owner: str, checkout_id: UUID, *, intent_id: str | None, reason: str
    ) -> Purchase | Refused | Undecided:
        """Unmark."""
        path = f"/purchases/{checkout_id}/unpurchase"
        command = Unpurchase(intent_id=intent_id, reason=reason)
        return await self._step(owner, "unpurchase", path, command, PurchaseIsSettled, IntentMismatch)

    async def void(self, owner: str, checkout_id: UUID, command: Void) -> Purchase | Refused | Undecided:
        """A tombstone for a checkout that never came."""
        return await self._step(owner, "void", f"/purchases/{checkout_id}/void", command, IdempotencyKeyReused)

    async def unfinished(
        self, older_than: float, *, checkout_id: UUID | None = None
    ) -> Unfinished | Refused | Undecided:
        """What some controller left, of one checkout or of all."""
        of_one = [("checkout_id", str(checkout_id))] if checkout_id else []
        params = [("older_than", str(older_than)), ("limit", str(UNFINISHED_AT_ONCE)), *of_one]
        return await self._ask(Authority(self._checkout), "unfinished", "GET", "/unfinished", Unfinished, params=params)

    async def _step(
        self, owner: str, call: str, path: str, command: BaseModel, *refusals: type[Problem]
    ) -> Purchase | Refused | Undecided:
        return await self._ask(self._for(owner), call, "POST", path, Purchase, *refusals, command=command)

    # --- refunds

    async def anybodys(self, checkout_id: UUID) -> Purchase | Refused | Undecided:
        """A purchase of whatever owner, for an operator."""
        path = f"/anybodys/purchases/{checkout_id}"
        return await self._ask(Authority(self._checkout), "find_anybodys", "GET", path, Purchase, OrderNotFound)

    async def refund(self, owner: str, checkout_id: UUID, request: RefundRequest) -> Refund | Refused | Undecided:
        """Set money aside for going back."""
        path, refusals = f"/purchases/{checkout_id}/refunds", (OrderNotFound, IdempotencyKeyReused)
        return await self._ask(self._for(owner), "refund", "POST", path, Refund, *refusals, command=request)

    async def finish_refund(
        self, owner: str, refund_id: UUID, processor_refund_id: str
    ) -> Refund | Refused | Undecided:
        """Pending becomes done."""
        path, refusals = f"/refunds/{refund_id}/finish", (RefundHasFailed, RefundMismatch)
        command = FinishRefund(processor_refund_id=processor_refund_id)
        return await self._ask(self._for(owner), "finish_refund", "POST", path, Refund, *refusals, command=command)

    async def fail_refund(
        self, owner: str, refund_id: UUID, *, failure: str, processor_refund_id: str | None
    ) -> Refund | Refused | Undecided:
        """Pending becomes failed."""
        path, command = (
            f"/refunds/{refund_id}/fail",
            FailRefund(failure=failure, processor_refund_id=processor_refund_id),
        )
        return await self._ask(self._for(owner), "fail_refund", "POST", path, Refund, RefundIsDone, command=command)

    # --- adoption: the last two steps under the checkout's authority, so that reconcile can carry it on

    async def freeze(self, guest: Authority, command: Freeze) -> Frozen | Refused | Undecided:
        """Step 1, at the guest's carts."""
        path = "/adoptions/freeze"
        return await self._ask(guest, "freeze", "POST", path, Frozen, CartIsBeingAdopted, command=command)

    async def apply(self, owner: str, frozen: Frozen) -> Receipt | Refused | Undecided:
        """Step 2, at the user's cart."""
        command = ApplyMerge.model_validate(frozen.model_dump(include=set(ApplyMerge.model_fields)))
        path = "/adoptions/apply"
        return await self._ask(self._for(owner), "apply", "POST", path, Receipt, CartInCheckout, command=command)

    async def close(self, frozen: Frozen) -> bool:
        """Step 3, at the guest's carts; whether it is done."""
        path = f"/adoptions/{frozen.merge_id}/close"
        return isinstance(await self._ask(self._for(frozen.guest_owner), "close", "POST", path, Nothing), Nothing)


class Watch:
    """cartdb, for the event streams."""

    def __init__(self, neighbour: Neighbour, token: Credential) -> None:
        self._cartdb = neighbour
        self._token = token

    async def versions(self, owners: Sequence[str]) -> list[CurrentVersion]:
        """How the current carts of these owners stand."""
        query = VersionQuery(owners=list(owners))
        reply = await self._cartdb.call(
            "versions", "POST", "/versions", VersionList, command=query, credential=self._token
        )
        return definite(reply).versions


class Stock:
    """catalog's stock, held and given back by checkout id."""

    def __init__(self, neighbour: Neighbour, token: Credential) -> None:
        self._catalog = neighbour
        self._token = token

    async def hold(self, checkout_id: UUID, lines: Iterable[HoldLine]) -> Hold | Refused | Undecided:
        """Set goods aside, all or none."""
        command = HoldRequest(lines=list(lines))
        return await self._step(checkout_id, "hold", "", command, OutOfStock, HoldIsReleased, HoldMismatch)

    async def commit(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        """The goods are sold."""
        return await self._step(checkout_id, "commit", "/commit", None, HoldIsReleased, HoldNotFound)

    async def release(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        """The goods go back on the shelf, and stay there whatever arrives late."""
        return await self._step(checkout_id, "release", "/release", None, HoldIsCommitted)

    async def restock(self, refund_id: UUID, request: RestockRequest) -> Restock | Refused | Undecided:
        """Sold goods go back on the shelf, once for the refund."""
        return await self._catalog.call(
            "restock",
            "PUT",
            f"/restocks/{refund_id}",
            Restock,
            refusals=(GoodsNotSold, RestockMismatch, RestockExceedsSale),
            command=request,
            credential=self._token,
        )

    async def _step(
        self, checkout_id: UUID, call: str, suffix: str, command: HoldRequest | None, *refusals: type[Problem]
    ) -> Hold | Refused | Undecided:
        return await self._catalog.call(
            call,
            "POST",
            f"/holds/{checkout_id}{suffix}",
            Hold,
            refusals=refusals,
            command=command,
            credential=self._token,
        )


class Catalog:
    """catalog's goods, as they are now."""

    def __init__(self, neighbour: Neighbour) -> None:
        self._catalog = neighbour

    async def items(self, *, skus: Iterable[str] = (), ids: Iterable[tuple[int, int | None]] = ()) -> ItemList:
        """The sellable items by SKU and by product and variant, and what was sold once."""
        wanted = list(skus)
        queries = [ItemQuery(skus=wanted[at : at + ITEMS_AT_ONCE]) for at in range(0, len(wanted), ITEMS_AT_ONCE)]
        if by_id := list(ids):
            queries.append(ItemQuery(ids=by_id))
        lists = [await self._items(query) for query in queries]
        return ItemList(
            items=[item for found in lists for item in found.items],
            gone=[gone for found in lists for gone in found.gone],
        )

    async def _items(self, query: ItemQuery) -> ItemList:
        return definite(await self._catalog.call("items", "POST", "/items/query", ItemList, command=query))

    async def products(self, params: list[tuple[str, str]]) -> ProductPage:
        """A page of products."""
        return definite(
            await self._catalog.call(
                "products", "GET", "/products", ProductPage, refusals=(ValidationFailed,), params=params
            )
        )

    async def product(self, sku: str) -> Product:
        """One product.

        Raises:
            ProductNotFound: there is none of that SKU.
        """
        return definite(
            await self._catalog.call("product", "GET", f"/products/{sku}", Product, refusals=(ProductNotFound,))
        )

    async def categories(self) -> CategoryList:
        """The categories and how many products each has."""
        return definite(await self._catalog.call("categories", "GET", "/categories", CategoryList))

    async def descriptions(self, query: DescriptionQuery) -> DescriptionList:
        """Descriptions of zero or more SKUs."""
        return definite(
            await self._catalog.call("descriptions", "POST", "/products/descriptions", DescriptionList, command=query)
        )
