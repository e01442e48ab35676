"""Filling carts: what a SKU is and costs comes from catalog, what is in a cart from cartdb, the shopper sees both."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.contracts.carts import (
    AddLine,
    Cart,
    CreateCart,
    History,
    Line,
    Receipt,
    RenameCart,
    SetLine,
)
from services.contracts.catalog import (
    Category,
    CategoryList,
    DescriptionList,
    DescriptionQuery,
    Gone,
    Item,
    ItemList,
    Product,
    ProductPage,
)
from services.contracts.money import Money
from services.contracts.problems import (
    MergeCannotBeUndone,
    PreconditionFailed,
    Problem,
    ProductNotFound,
    Unavailable,
    UnknownSku,
    ValidationFailed,
    VariantRequired,
)
from services.contracts.shop import AddItem, CartOwner, ShopCart, ShopLine

from .authority import Authority

SHOWN_SECONDS = 5.0
STALE_SECONDS = 60.0
REMEMBERED_ITEMS = 50_000


class Goods(Protocol):
    """catalog, as far as shopping needs it."""

    async def items(self, *, skus: Iterable[str] = (), ids: Iterable[tuple[int, int | None]] = ()) -> ItemList: ...
    async def products(self, params: list[tuple[str, str]]) -> ProductPage: ...
    async def product(self, sku: str) -> Product: ...
    async def categories(self) -> CategoryList: ...
    async def descriptions(self, query: DescriptionQuery) -> DescriptionList: ...


class Carts(Protocol):
    """cartdb, as far as shopping needs it."""

    async def find(self, who: Authority, cart_id: UUID | None) -> Cart: ...
    async def unpurchased(self, who: Authority) -> list[Cart]: ...
    async def update(
        self,
        who: Authority,
        method: str,
        path: str,
        *,
        command: AddLine | SetLine | CreateCart | RenameCart | None = None,
        key: str | None,
        expected: int | None = None,
    ) -> Cart: ...
    async def delete(self, who: Authority, cart_id: UUID, *, key: str | None) -> None: ...
    async def history(self, who: Authority, cart_id: UUID, asked: Mapping[str, str | int | None]) -> History: ...
    async def receipt(self, who: Authority, merge_id: UUID) -> Receipt: ...
    async def undo_merge(self, who: Authority, merge_id: UUID) -> Receipt: ...


class Customer(Protocol):
    """Whom a cart is for."""

    @property
    def owner_id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def authority(self) -> Authority: ...


@dataclass(frozen=True, slots=True)
class Changed:
    """A cart after a change, and whether the change had been made before under the same key."""

    cart: ShopCart
    replayed: bool


class Shelf:
    """Items as they were shown in the last few seconds. Quotes and holds never read it."""

    def __init__(self, goods: Goods, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._goods = goods
        self._clock = clock
        self._known: dict[str, tuple[Item | Gone | None, float]] = {}
        self._sku_of: dict[tuple[int, int | None], str] = {}

    async def known(self, skus: Iterable[str]) -> dict[str, Item | Gone]:
        """What the SKUs are, or were. An old price is shown rather than none while catalog is away."""
        now = self._clock()
        wanted = list(dict.fromkeys(skus))
        stale = [sku for sku in wanted if not self._shown_within(SHOWN_SECONDS, sku, now)]
        if stale:
            try:
                self._remember(stale, await self._goods.items(skus=stale), now)
            except Unavailable:
                if any(not self._shown_within(STALE_SECONDS, sku, now) for sku in stale):
                    raise
        found = {sku: self._known[sku][0] for sku in wanted if sku in self._known}
        return {sku: what for sku, what in found.items() if what is not None}

    async def items(self, skus: Iterable[str]) -> dict[str, Item]:
        """The items that exist among the SKUs."""
        return {sku: what for sku, what in (await self.known(skus)).items() if isinstance(what, Item)}

    async def item(self, sku: str) -> Item | None:
        """One item; a SKU that was missing a moment ago is looked for again before it is refused."""
        if (found := (await self.items([sku])).get(sku)) is not None:
            return found
        self._known.pop(sku, None)
        return (await self.items([sku])).get(sku)

    async def item_of(self, product_id: int, variant_id: int | None) -> Item | None:
        """The item of a product or variant. A SKU may have come back as another product."""
        ids = (product_id, variant_id)
        if sku := self._sku_of.get(ids):
            item = await self.item(sku)
            if item is not None and (item.product_id, item.variant_id) == ids:
                return item
        now = self._clock()
        found = await self._goods.items(ids=[ids])
        self._remember([], found, now)
        return found.items[0] if found.items else None

    def _shown_within(self, seconds: float, sku: str, now: float) -> bool:
        known = self._known.get(sku)
        return known is not None and now - known[1] < seconds

    def _remember(self, asked: list[str], found: ItemList, now: float) -> None:
        if len(self._known) + len(asked) > REMEMBERED_ITEMS:
            self._known.clear()
            self._sku_of.clear()
        self._known.update(dict.fromkeys(asked, (None, now)))
        self._known.update({gone.sku: (gone, now) for gone in found.gone})
        for item in found.items:
            self._known[item.sku] = (item, now)
            self._sku_of[item.product_id, item.variant_id] = item.sku


class Shopping:
    """What a shopper does before paying."""

    def __init__(self, *, goods: Goods, carts: Carts) -> None:
        self._goods = goods
        self._carts = carts
        self.shelf = Shelf(goods)

    # --- looking

    async def products(
        self,
        *,
        skus: Iterable[str] = (),
        search: str | None = None,
        category: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ProductPage:
        """A page of products."""
        wanted = {"search": search, "category": category, "cursor": cursor, "limit": str(limit)}
        params = [(name, value) for name, value in wanted.items() if value]
        return await self._goods.products([*(("sku", sku) for sku in skus), *params])

    async def product(self, sku: str) -> Product:
        """One product.

        Raises:
            ProductNotFound: there is none of that SKU.
        """
        return await self._goods.product(sku)

    async def categories(self) -> list[Category]:
        """The categories and how many products each has."""
        return (await self._goods.categories()).categories

    async def descriptions(self, query: DescriptionQuery) -> DescriptionList:
        """Descriptions of zero or more SKUs."""
        return await self._goods.descriptions(query)

    async def cart(self, shopper: Customer, cart_id: UUID | None = None) -> ShopCart:
        """A cart with the prices of now; the current one without an id."""
        return await self._dressed(shopper, await self._carts.find(shopper.authority, cart_id))

    async def carts(self, shopper: Customer) -> list[ShopCart]:
        """The shopper's carts that are not bought yet."""
        carts = await self._carts.unpurchased(shopper.authority)
        await self.shelf.known(line.sku for cart in carts for line in cart.items)
        return [await self._dressed(shopper, cart) for cart in carts]

    async def history(self, shopper: Customer, cart_id: UUID, asked: Mapping[str, str | int | None]) -> History:
        """Who changed a cart when."""
        return await self._carts.history(shopper.authority, cart_id, asked)

    async def receipt(self, shopper: Customer, merge_id: UUID) -> Receipt:
        """What became of the guest's cart at sign-in."""
        return await self._carts.receipt(shopper.authority, merge_id)

    async def undo_merge(self, shopper: Customer, merge_id: UUID) -> Receipt:
        """Both carts as they were before sign-in.

        Raises:
            MergeCannotBeUndone: the cart has changed since; with the cart as it is now.
        """
        try:
            return await self._carts.undo_merge(shopper.authority, merge_id)
        except MergeCannotBeUndone as refusal:
            await self._dress_refusal(shopper, refusal)
            raise

    # --- changing lines

    async def add(
        self,
        shopper: Customer,
        what: AddItem,
        *,
        cart_id: UUID | None = None,
        expected: int | None = None,
        key: str | None = None,
    ) -> Changed:
        """Put something into a cart.

        Raises:
            UnknownSku: catalog does not have it.
            VariantRequired: it is sold by its variants.
        """
        item = await self._item(what)
        command = AddLine(
            sku=item.sku,
            product_id=item.product_id,
            variant_id=item.variant_id,
            quantity=what.quantity,
            unit_price=item.unit_price,
        )
        path = f"/carts/{cart_id or 'current'}/items"
        return await self._changed(shopper, "POST", path, command=command, key=key, expected=expected)

    async def set(
        self,
        shopper: Customer,
        sku: str,
        quantity: int,
        *,
        cart_id: UUID | None = None,
        expected: int | None = None,
        key: str | None = None,
    ) -> Changed:
        """Have exactly so many of a SKU; 0 takes it out, even if catalog does not have it any more."""
        if quantity == 0:
            return await self.remove(shopper, sku, cart_id=cart_id, expected=expected, key=key)
        item = await self._item(AddItem(sku=sku))
        command = SetLine(
            product_id=item.product_id, variant_id=item.variant_id, quantity=quantity, unit_price=item.unit_price
        )
        path = f"/carts/{cart_id or 'current'}/items/{sku}"
        return await self._changed(shopper, "PUT", path, command=command, key=key, expected=expected)

    async def remove(
        self,
        shopper: Customer,
        sku: str,
        *,
        cart_id: UUID | None = None,
        expected: int | None = None,
        key: str | None = None,
    ) -> Changed:
        """Take a line out; one that is not there agrees."""
        path = f"/carts/{cart_id or 'current'}/items/{sku}"
        return await self._changed(shopper, "DELETE", path, key=key, expected=expected)

    async def clear(
        self, shopper: Customer, *, cart_id: UUID | None = None, expected: int | None = None, key: str | None = None
    ) -> Changed:
        """Empty a cart."""
        path = f"/carts/{cart_id or 'current'}/items"
        return await self._changed(shopper, "DELETE", path, key=key, expected=expected)

    # --- several carts

    async def create(self, shopper: Customer, name: str | None, *, key: str | None = None) -> ShopCart:
        """A new cart, which becomes the current one."""
        command = CreateCart(name=name)
        return (await self._changed(shopper, "POST", "/carts", command=command, key=key)).cart

    async def rename(self, shopper: Customer, cart_id: UUID, name: str | None, *, key: str | None = None) -> ShopCart:
        """Give a cart a name."""
        command = RenameCart(name=name)
        return (await self._changed(shopper, "PATCH", f"/carts/{cart_id}", command=command, key=key)).cart

    async def activate(self, shopper: Customer, cart_id: UUID, *, key: str | None = None) -> ShopCart:
        """Make a cart the current one."""
        return (await self._changed(shopper, "POST", f"/carts/{cart_id}/activate", key=key)).cart

    async def delete(self, shopper: Customer, cart_id: UUID, *, key: str | None = None) -> None:
        """Take a cart away."""
        await self._carts.delete(shopper.authority, cart_id, key=key)

    async def _item(self, what: AddItem) -> Item:
        if what.sku is None:
            if what.product_id is None:
                raise ValidationFailed("Name an item: sku, or product_id.", errors=[_missing("body.sku")])
            item = await self.shelf.item_of(what.product_id, what.variant_id)
        elif what.product_id is not None or what.variant_id is not None:
            raise ValidationFailed("Name an item once: sku, or product_id.", errors=[_missing("body.sku")])
        else:
            item = await self.shelf.item(what.sku)
        if item is None:
            raise UnknownSku(_unknown(what), sku=what.sku, product_id=what.product_id, variant_id=what.variant_id)
        if item.variants_of:
            raise VariantRequired(sku=item.sku, variants=await self._variants(item.sku))
        return item

    async def _variants(self, sku: str) -> list[dict[str, object]]:
        try:
            product = await self._goods.product(sku)
        except ProductNotFound:
            return []
        return [
            {"sku": variant.sku, "variant_id": variant.variant_id, "title": variant.title}
            for variant in product.variants
        ]

    async def _changed(
        self,
        shopper: Customer,
        method: str,
        path: str,
        *,
        command: AddLine | SetLine | CreateCart | RenameCart | None = None,
        key: str | None,
        expected: int | None = None,
    ) -> Changed:
        try:
            cart = await self._carts.update(
                shopper.authority, method, path, command=command, key=key, expected=expected
            )
        except PreconditionFailed as stale:
            await self._dress_refusal(shopper, stale)
            raise
        return Changed(await self._dressed(shopper, cart), cart.replayed)

    async def _dress_refusal(self, shopper: Customer, refusal: Problem) -> None:
        cart = Cart.model_validate(refusal.members["cart"])
        refusal.members["cart"] = (await self._dressed(shopper, cart)).model_dump(mode="json")

    async def _dressed(self, shopper: Customer, cart: Cart) -> ShopCart:
        goods = await self.shelf.known(line.sku for line in cart.items)
        return dress(cart, goods, owner_name=shopper.name)


def _unknown(what: AddItem) -> str:
    if what.sku is not None:
        return f"There is no item {what.sku} in the catalog."
    variant = f" with the variant {what.variant_id}" if what.variant_id is not None else ""
    return f"There is no product {what.product_id}{variant} in the catalog."


def _missing(field: str) -> dict[str, str]:
    return {"field": field, "message": "Name one item.", "type": "missing"}


def dress(cart: Cart, goods: Mapping[str, Item | Gone], *, owner_name: str | None) -> ShopCart:
    """A cart with the prices and the stock of now.

    Its total is the sum of its lines, of those too that cannot be bought as they stand: no checkout takes them.
    """
    lines = [_line(line, goods.get(line.sku), cart.currency) for line in cart.items]
    return ShopCart(
        cart_id=cart.cart_id,
        owner=CartOwner(id=cart.owner_id, name=owner_name),
        name=cart.name,
        version=cart.version,
        status=cart.status.value,
        currency=cart.currency,
        items=lines,
        items_count=len(lines),
        total_items=sum(line.quantity for line in lines),
        total_price=sum(line.line_total for line in lines),
        has_unavailable_items=any(not line.available for line in lines),
        current=cart.current,
        expires_at=cart.expires_at,
        created_at=cart.created_at,
        updated_at=cart.updated_at,
    )


def _line(line: Line, what: Item | Gone | None, currency: str) -> ShopLine:
    item = what if isinstance(what, Item) and not what.variants_of and what.currency == currency else None
    unit_price = item.unit_price if item else line.added_price
    return ShopLine(
        sku=line.sku,
        product_id=item.product_id if item else line.product_id,
        variant_id=item.variant_id if item else line.variant_id,
        title=what.title if what else line.sku,
        variant=what.variant if what else None,
        quantity=line.quantity,
        unit_price=unit_price,
        line_total=unit_price * line.quantity,
        available=item is not None and item.stock >= line.quantity,
        image=item.image if item else None,
        notice=_notice(line, item, currency) if item else _why_not(what),
    )


def _why_not(what: Item | Gone | None) -> str:
    match what:
        case Item(variants_of=True):
            return "This item is sold by its variants now: choose one of them."
        case Item(currency=other):
            return f"This item is priced in {other} now: begin a new cart."
        case _:
            return "This item is not sold any more."


def _notice(line: Line, item: Item, currency: str) -> str | None:
    told = []
    if item.stock < line.quantity:
        told.append(f"Only {item.stock} left." if item.stock else "Sold out.")
    if item.unit_price != line.added_price:
        old, new = Money(line.added_price, currency), Money(item.unit_price, currency)
        told.append(f"The price changed from {old} to {new}.")
    return " ".join(told) or None
