"""cartdb and catalog, as the controller speaks to them. No decision is taken here."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.chassis.logs import get_logger
from services.chassis.outbound import Credential, Neighbour, definite
from services.contracts.carts import (
    AddLine,
    ApplyMerge,
    Attach,
    Cart,
    CartList,
    CreateCart,
    Freeze,
    Frozen,
    History,
    Purchase,
    PurchaseList,
    PurchaseRequest,
    Receipt,
    RenameCart,
    SetLine,
    Settle,
    Unfinished,
    Unpurchase,
    Void,
)
from services.contracts.catalog import (
    CategoryList,
    DescriptionList,
    DescriptionQuery,
    Hold,
    HoldLine,
    HoldRequest,
    Item,
    ItemList,
    ItemQuery,
    Product,
    ProductPage,
)
from services.contracts.messages import Reply
from services.contracts.problems import (
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsBeingAdopted,
    CartLimitExceeded,
    CartNotFound,
    HoldIsCommitted,
    HoldIsReleased,
    HoldMismatch,
    HoldNotFound,
    IdempotencyKeyReused,
    IntentMismatch,
    LineLimitExceeded,
    MergeNotFound,
    OrderNotFound,
    OutOfStock,
    PreconditionFailed,
    Problem,
    ProductNotFound,
    PurchaseHasFailed,
    PurchaseIsSettled,
    QuantityLimitExceeded,
    Refused,
    RequestInProgress,
    Unauthenticated,
    Undecided,
    ValidationFailed,
)

from .authority import Authority

logger = get_logger(__name__)


ITEMS_AT_ONCE = 500

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


class Nothing(Reply):
    """An answer without content."""


class Carts:
    """cartdb, under a shopper's authority or the checkout's."""

    def __init__(self, neighbour: Neighbour, checkout_token: Credential) -> None:
        self._cartdb = neighbour
        self._checkout = checkout_token

    def _for(self, owner: str) -> Authority:
        return Authority(self._checkout, owner)

    # --- a shopper's carts

    async def find(self, who: Authority, cart_id: UUID | None) -> Cart:
        """A cart; the current one without an id."""
        return definite(
            await self._cartdb.call(
                "find",
                "GET",
                f"/carts/{cart_id or 'current'}",
                Cart,
                refusals=(CartNotFound, Unauthenticated),
                credential=who.credential,
                headers=who.headers(),
            )
        )

    async def unpurchased(self, who: Authority) -> list[Cart]:
        """The carts that are not bought yet."""
        reply = await self._cartdb.call(
            "find_unpurchased",
            "GET",
            "/carts",
            CartList,
            refusals=(Unauthenticated,),
            credential=who.credential,
            headers=who.headers(),
        )
        return definite(reply).carts

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
        return definite(
            await self._cartdb.call(
                "update",
                method,
                path,
                Cart,
                refusals=EDIT_REFUSALS,
                command=command,
                credential=who.credential,
                headers=who.headers(key=key, expected=expected),
                repeatable=key is not None or (method != "POST" and expected is None),
            )
        )

    async def delete(self, who: Authority, cart_id: UUID, *, key: str | None) -> None:
        """Take a cart away."""
        definite(
            await self._cartdb.call(
                "delete",
                "DELETE",
                f"/carts/{cart_id}",
                Nothing,
                refusals=EDIT_REFUSALS,
                credential=who.credential,
                headers=who.headers(key=key),
            )
        )

    async def history(self, who: Authority, cart_id: UUID, *, at: str | None) -> History:
        """Who changed what when."""
        return definite(
            await self._cartdb.call(
                "history",
                "GET",
                f"/carts/{cart_id}/history",
                History,
                refusals=(CartNotFound, Unauthenticated),
                credential=who.credential,
                headers=who.headers(),
                params=[("at", at)] if at else None,
            )
        )

    async def purchases(self, who: Authority, *, limit: int, before: datetime | None) -> list[Purchase]:
        """A shopper's purchases that have not failed, the newest first."""
        reply = await self._cartdb.call(
            "list_purchases",
            "GET",
            "/purchases",
            PurchaseList,
            refusals=(Unauthenticated,),
            credential=who.credential,
            headers=who.headers(),
            params=[("limit", str(limit)), *([("before", before.isoformat())] if before else [])],
        )
        return definite(reply).purchases

    async def purchase_of(self, who: Authority, checkout_id: UUID) -> Purchase | Refused | Undecided:
        """One of a shopper's purchases."""
        return await self._cartdb.call(
            "find_purchase",
            "GET",
            f"/purchases/{checkout_id}",
            Purchase,
            refusals=(OrderNotFound, Unauthenticated),
            credential=who.credential,
            headers=who.headers(),
        )

    async def receipt(self, who: Authority, merge_id: UUID) -> Receipt:
        """What an adoption did."""
        return definite(
            await self._cartdb.call(
                "receipt",
                "GET",
                f"/adoptions/{merge_id}",
                Receipt,
                refusals=(MergeNotFound, Unauthenticated),
                credential=who.credential,
                headers=who.headers(),
            )
        )

    # --- the checkout's steps

    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> Purchase | Refused | Undecided:
        """Mark a cart purchased."""
        return await self._step(
            owner, "purchase", f"/carts/{cart_id}/purchase", request, CartNotFound, IdempotencyKeyReused
        )

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

    async def unfinished(self, older_than: float) -> Unfinished | Refused | Undecided:
        """What some controller left."""
        return await self._cartdb.call(
            "unfinished",
            "GET",
            "/unfinished",
            Unfinished,
            credential=self._checkout,
            params=[("older_than", str(older_than))],
        )

    async def _step(
        self,
        owner: str,
        call: str,
        path: str,
        command: PurchaseRequest | Attach | Settle | Unpurchase | Void,
        *refusals: type[Problem],
    ) -> Purchase | Refused | Undecided:
        who = self._for(owner)
        return await self._cartdb.call(
            call,
            "POST",
            path,
            Purchase,
            refusals=refusals,
            command=command,
            credential=who.credential,
            headers=who.headers(),
        )

    # --- adoption, by the checkout's authority so that reconcile can carry it on

    async def freeze(self, guest: Authority, command: Freeze) -> Frozen | Refused | Undecided:
        """Step 1, at the guest's carts."""
        return await self._cartdb.call(
            "freeze",
            "POST",
            "/adoptions/freeze",
            Frozen,
            refusals=(CartIsBeingAdopted,),
            command=command,
            credential=guest.credential,
            headers=guest.headers(),
        )

    async def apply(self, owner: str, frozen: Frozen) -> Receipt | Refused | Undecided:
        """Step 2, at the user's cart."""
        who = self._for(owner)
        command = ApplyMerge(
            merge_id=frozen.merge_id,
            guest_owner=frozen.guest_owner,
            guest_cart_id=frozen.guest_cart_id,
            strategy=frozen.strategy,
            lines=frozen.lines,
        )
        return await self._cartdb.call(
            "apply",
            "POST",
            "/adoptions/apply",
            Receipt,
            refusals=(CartInCheckout,),
            command=command,
            credential=who.credential,
            headers=who.headers(),
        )

    async def close(self, frozen: Frozen) -> bool:
        """Step 3, at the guest's carts; whether it is done."""
        who = self._for(frozen.guest_owner)
        path = f"/adoptions/{frozen.merge_id}/close"
        answer = await self._cartdb.call(
            "close", "POST", path, Nothing, credential=who.credential, headers=who.headers()
        )
        return isinstance(answer, Nothing)


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

    async def items(self, *, skus: Iterable[str] = (), ids: Iterable[tuple[int, int | None]] = ()) -> list[Item]:
        """The sellable items by SKU and by product and variant."""
        wanted = list(skus)
        queries = [ItemQuery(skus=wanted[at : at + ITEMS_AT_ONCE]) for at in range(0, len(wanted), ITEMS_AT_ONCE)]
        if by_id := list(ids):
            queries.append(ItemQuery(ids=by_id))
        return [item for query in queries for item in await self._items(query)]

    async def _items(self, query: ItemQuery) -> list[Item]:
        return definite(await self._catalog.call("items", "POST", "/items/query", ItemList, command=query)).items

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
