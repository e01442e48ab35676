"""Goods in PostgreSQL: found, edited, and how many there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Text,
    any_,
    case,
    false,
    func,
    literal,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, or_, select, union, union_all
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database
from services.contracts.catalog import (
    Category,
    Description,
    Gone,
    Item,
    ItemList,
    ItemQuery,
    Product,
    ProductPage,
    ProductPatch,
    ProductWrite,
    StockLevel,
    Variant,
    VariantWrite,
)
from services.contracts.problems import ProductNotFound, SkuExists, VariantRequired

from .goods import changes_of, cursor_after, is_id, is_sku, search_text, search_words, sku_before, still_as_seen
from .rows import Kind, Name, ProductRow, SkuRow, VariantRow, lock, quietly, retire, sku_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which products a page is asked for."""

    skus: Sequence[str] = ()
    search: str = ""
    category: str | None = None
    limit: int = 50
    cursor: str | None = None


class Store:
    """The goods and the stock of one shop, priced in one currency."""

    def __init__(self, database: Database, *, currency: str) -> None:
        self._database = database
        self._currency = currency

    async def page(self, listing: Listing) -> ProductPage:
        """Products in order of SKU.

        Raises:
            ValidationFailed: the cursor was not given out by this catalog.
        """
        conditions = _conditions(listing)

        async def work(session: AsyncSession) -> ProductPage:
            found = await self._products(session, *conditions, limit=listing.limit + 1)
            products = found[: listing.limit]
            missing = await _missing(session, listing.skus)
            more = cursor_after(products[-1].sku) if len(found) > len(products) else None
            return ProductPage(products=products, missing=missing, next_cursor=more)

        return await self._database.transact(work)

    async def product(self, sku: str) -> Product:
        """The product of a SKU, its own or a variant's.

        Raises:
            ProductNotFound: the SKU names nothing.
        """

        async def work(session: AsyncSession) -> list[Product]:
            return await self._products(session, _is_or_has(_well_formed([sku])))

        found = await self._database.transact(work)
        if not found:
            raise ProductNotFound(sku=sku)
        return found[0]

    async def categories(self) -> list[Category]:
        """Every category with its number of products."""
        statement = (
            select(col(ProductRow.category), func.count())
            .group_by(col(ProductRow.category))
            .order_by(col(ProductRow.category).collate("C"))
        )

        async def work(session: AsyncSession) -> list[Category]:
            rows = await session.exec(statement)
            return [Category(name=name, products=products) for name, products in rows]

        return await self._database.transact(work)

    async def items(self, query: ItemQuery) -> ItemList:
        """What can be put into a cart, in one statement; another tells what there was of SKUs that are not sold."""
        skus = _well_formed(query.skus)
        pairs = {(product, variant) for product, variant in query.ids if is_id(product) and is_id(variant or 1)}
        products = [product for product, variant in pairs if variant is None]
        variants = [variant for _, variant in pairs if variant is not None]
        statement = union_all(
            _product_items().where(or_(sku_in(ProductRow, skus), _id_in(ProductRow.product_id, products))),
            _variant_items().where(or_(sku_in(VariantRow, skus), _id_in(VariantRow.variant_id, variants))),
        )

        async def work(session: AsyncSession) -> ItemList:
            rows = (await (await session.connection()).execute(statement)).mappings().all()
            found = [Item.model_validate({**row, "currency": self._currency}) for row in rows]
            missing = set(skus) - {item.sku for item in found}
            items = [item for item in found if item.sku in asked or (item.product_id, item.variant_id) in pairs]
            return ItemList(items=items, gone=await _gone(session, missing) if missing else [])

        asked = set(skus)
        return await self._database.transact(work)

    async def descriptions(self, skus: list[str]) -> list[Description]:
        """One description for each SKU asked for, in the order asked."""
        known = _well_formed(skus)
        own = select(
            col(ProductRow.sku),
            col(ProductRow.title),
            literal(None, Text).label("variant"),
            col(ProductRow.description),
        )
        of_variant = select(
            col(VariantRow.sku), col(ProductRow.title), col(VariantRow.title), col(ProductRow.description)
        ).join(ProductRow, col(ProductRow.product_id) == col(VariantRow.product_id))
        statement: CompoundSelect[Any] = union_all(
            own.where(sku_in(ProductRow, known)), of_variant.where(sku_in(VariantRow, known))
        )

        async def work(session: AsyncSession) -> Sequence[Any]:
            found: Sequence[Any] = (await (await session.connection()).execute(statement)).all()
            return found

        rows = await self._database.transact(work) if known else []
        found = {
            sku: Description(sku=sku, found=True, title=f"{title} ({variant})" if variant else title, description=body)
            for sku, title, variant, body in rows
        }
        return [found.get(sku, Description(sku=sku, found=False)) for sku in skus]

    async def put_product(self, sku: str, wish: ProductWrite, *, if_match: str | None) -> tuple[Product, bool]:
        """Create or replace a product; whether it was created. The stock of an old one stays unless it is sent.

        Raises:
            SkuExists: the SKU is a variant's.
            ProductHasChanged: `if_match` names another version.
            VariantRequired: stock for a product that is sold by its variants.
        """

        async def work(session: AsyncSession) -> tuple[Product, bool]:
            await _claim(session, sku, "product")
            seen = await self._found(session, sku)
            still_as_seen(seen, if_match)
            fields = wish.model_dump(exclude={"stock"})
            await _write_product(session, sku, fields)
            if "stock" in wish.model_fields_set:
                await _set_own_stock(session, sku, wish.stock, seen)
            return await self._written(session, sku), seen is None

        return await self._database.transact(work)

    async def patch_product(self, sku: str, patch: ProductPatch, *, if_match: str | None) -> Product:
        """Change some fields of a product.

        Raises:
            ProductNotFound: there is none of this SKU.
            ProductHasChanged: `if_match` names another version.
            ValidationFailed: a field is emptied that must have a value.
            VariantRequired: stock for a product that is sold by its variants.
        """
        changes = changes_of(patch)
        stock = changes.pop("stock", None)

        async def work(session: AsyncSession) -> Product:
            seen = await self._to_edit(session, sku, if_match=if_match)
            await _write_product(session, sku, changes)
            if isinstance(stock, int):
                await _set_own_stock(session, sku, stock, seen)
            return await self._written(session, sku)

        return await self._database.transact(work)

    async def delete_product(self, sku: str, *, if_match: str | None) -> None:
        """Sell a product and its variants no more. What checkouts hold of them stays theirs.

        Raises:
            ProductNotFound: there is none of this SKU.
            ProductHasChanged: `if_match` names another version.
        """

        async def work(session: AsyncSession) -> None:
            unlocked = await self._found(session, sku)
            await lock(session, [sku, *(variant.sku for variant in (unlocked.variants if unlocked else []))])
            seen = await self._to_edit(session, sku, if_match=if_match)
            await session.exec(delete(ProductRow).where(col(ProductRow.product_id) == seen.product_id))
            await retire(session, _names(seen))

        await self._database.transact(work)

    async def put_variant(
        self, sku: str, variant_sku: str, wish: VariantWrite, *, if_match: str | None
    ) -> tuple[Product, bool]:
        """Create or replace a variant of a product, which is sold by its variants only from then on.

        Raises:
            ProductNotFound: there is no product of this SKU.
            SkuExists: the variant's SKU names a product, or a variant of another.
            ProductHasChanged: `if_match` names another version of the product.
        """

        async def work(session: AsyncSession) -> tuple[Product, bool]:
            await lock(session, [sku, variant_sku])
            seen = await self._to_edit(session, sku, if_match=if_match)
            await _claim(session, variant_sku, "variant")
            created = await _write_variant(session, seen.product_id, variant_sku, wish)
            await _set_stock(session, sku, 0)
            if created or "stock" in wish.model_fields_set:
                await _set_stock(session, variant_sku, wish.stock)
            return await self._written(session, sku), created

        return await self._database.transact(work)

    async def delete_variant(self, sku: str, variant_sku: str, *, if_match: str | None) -> None:
        """Sell a variant no more.

        Raises:
            ProductNotFound: there is no such product, or it has no such variant.
            ProductHasChanged: `if_match` names another version of the product.
        """

        async def work(session: AsyncSession) -> None:
            await lock(session, [sku, variant_sku])
            seen = await self._to_edit(session, sku, if_match=if_match)
            if variant_sku not in {variant.sku for variant in seen.variants}:
                raise ProductNotFound(sku=variant_sku)
            await session.exec(delete(VariantRow).where(col(VariantRow.sku) == variant_sku))
            await retire(session, {variant_sku: _names(seen)[variant_sku]})

        await self._database.transact(work)

    async def put_stock(self, sku: str, stock: int) -> StockLevel:
        """Have so many of a SKU on the shelf.

        Raises:
            ProductNotFound: the SKU names nothing.
            VariantRequired: it names a product that is sold by its variants.
        """

        async def work(session: AsyncSession) -> StockLevel:
            await lock(session, [sku])
            products = await self._products(session, _is_or_has([sku]))
            if not products:
                raise ProductNotFound(sku=sku)
            if products[0].sku == sku:
                await _set_own_stock(session, sku, stock, products[0])
            else:
                await _set_stock(session, sku, stock)
            level = await session.exec(
                select(SkuRow).where(col(SkuRow.sku) == sku).execution_options(populate_existing=True)
            )
            row = level.one()
            return StockLevel(sku=sku, stock=row.available, held=row.held, sold=row.sold)

        return await self._database.transact(work)

    async def _products(
        self, session: AsyncSession, *conditions: ColumnElement[bool], limit: int | None = None
    ) -> list[Product]:
        statement = (
            select(ProductRow, SkuRow.available)
            .join(SkuRow, col(SkuRow.sku) == col(ProductRow.sku))
            .where(*conditions)
            # The column's collation is "C": the order of bytes, which cursors and locks rely on.
            .order_by(col(ProductRow.sku))
            .limit(limit)
        )
        rows = (await session.exec(statement.execution_options(populate_existing=True))).all()
        variants = await _variants(session, [row.product_id for row, _ in rows if row.product_id is not None])
        return [self._product(row, available, variants.get(row.product_id, [])) for row, available in rows]

    def _product(self, row: ProductRow, available: int, variants: list[Variant]) -> Product:
        assert row.product_id is not None
        return Product(
            **row.model_dump(exclude={"search_text"}),
            currency=self._currency,
            stock=0 if variants else available,
            variants=variants,
        )

    async def _found(self, session: AsyncSession, sku: str) -> Product | None:
        products = await self._products(session, col(ProductRow.sku) == sku)
        return products[0] if products else None

    async def _to_edit(self, session: AsyncSession, sku: str, *, if_match: str | None) -> Product:
        await lock(session, [sku])
        product = await self._found(session, sku)
        still_as_seen(product, if_match)
        if product is None:
            raise ProductNotFound(sku=sku)
        return product

    async def _written(self, session: AsyncSession, sku: str) -> Product:
        product = await self._found(session, sku)
        assert product is not None
        return product


def _id_in(column: int | None, ids: Iterable[int]) -> ColumnElement[bool]:
    return col(column) == any_(literal(list(ids), ARRAY(Integer)))


def _well_formed(skus: Iterable[str]) -> list[str]:
    return [sku for sku in dict.fromkeys(skus) if is_sku(sku)]


def _is_or_has(skus: Iterable[str]) -> ColumnElement[bool]:
    named = list(skus)
    own = select(col(ProductRow.product_id)).where(sku_in(ProductRow, named))
    of_variant = select(col(VariantRow.product_id)).where(sku_in(VariantRow, named))
    return col(ProductRow.product_id).in_(union(own, of_variant))


def _conditions(listing: Listing) -> list[ColumnElement[bool]]:
    # strpos takes the words as they are: they may hold LIKE's wildcards.
    conditions = [func.strpos(col(ProductRow.search_text), word) > 0 for word in search_words(listing.search)]
    if listing.skus:
        conditions.append(_is_or_has(_well_formed(listing.skus)))
    if listing.category is not None:
        conditions.append(col(ProductRow.category) == listing.category)
    if listing.cursor is not None:
        conditions.append(col(ProductRow.sku) > sku_before(listing.cursor))
    return conditions


async def _missing(session: AsyncSession, skus: Sequence[str]) -> list[str]:
    if not skus:
        return []
    named = sku_in(SkuRow, _well_formed(skus))
    known = set(await session.exec(select(col(SkuRow.sku)).where(named, col(SkuRow.kind).is_not(None))))
    return [sku for sku in dict.fromkeys(skus) if sku not in known]


async def _gone(session: AsyncSession, skus: Iterable[str]) -> list[Gone]:
    was_sold = (sku_in(SkuRow, skus), col(SkuRow.kind).is_(None), col(SkuRow.last_title).is_not(None))
    rows = await session.exec(select(SkuRow).where(*was_sold))
    return [Gone(sku=row.sku, title=row.last_title, variant=row.last_variant) for row in rows]


def _names(product: Product) -> dict[str, Name]:
    of_variants: dict[str, Name] = {variant.sku: (product.title, variant.title) for variant in product.variants}
    return {product.sku: (product.title, None), **of_variants}


async def _variants(session: AsyncSession, product_ids: list[int]) -> dict[int | None, list[Variant]]:
    statement = (
        select(VariantRow, SkuRow.available)
        .join(SkuRow, col(SkuRow.sku) == col(VariantRow.sku))
        .where(_id_in(VariantRow.product_id, product_ids))
        .order_by(col(VariantRow.variant_id))
        .execution_options(populate_existing=True)
    )
    variants: dict[int | None, list[Variant]] = {}
    for row, available in await session.exec(statement):
        variants.setdefault(row.product_id, []).append(Variant(**row.model_dump(), stock=available))
    return variants


def _product_items() -> Select[*tuple[Any, ...]]:
    is_family = select(VariantRow).where(col(VariantRow.product_id) == col(ProductRow.product_id)).exists()
    return Select(
        col(ProductRow.sku).label("sku"),
        col(ProductRow.product_id).label("product_id"),
        literal(None, Integer).label("variant_id"),
        col(ProductRow.title).label("title"),
        literal(None, Text).label("variant"),
        col(ProductRow.category).label("category"),
        col(ProductRow.image).label("image"),
        col(ProductRow.price).label("unit_price"),
        case((is_family, 0), else_=col(SkuRow.available)).label("stock"),
        is_family.label("variants_of"),
    ).join(SkuRow, col(SkuRow.sku) == col(ProductRow.sku))


def _variant_items() -> Select[*tuple[Any, ...]]:
    return (
        Select(
            col(VariantRow.sku).label("sku"),
            col(ProductRow.product_id).label("product_id"),
            col(VariantRow.variant_id).label("variant_id"),
            col(ProductRow.title).label("title"),
            col(VariantRow.title).label("variant"),
            col(ProductRow.category).label("category"),
            col(ProductRow.image).label("image"),
            (col(ProductRow.price) + col(VariantRow.additional_price)).label("unit_price"),
            col(SkuRow.available).label("stock"),
            false().label("variants_of"),
        )
        .join(ProductRow, col(ProductRow.product_id) == col(VariantRow.product_id))
        .join(SkuRow, col(SkuRow.sku) == col(VariantRow.sku))
    )


async def _claim(session: AsyncSession, sku: str, kind: Kind) -> None:
    """Make a SKU name such a thing, and lock it; it may have named nothing, or a thing of the same kind."""
    fresh = insert(SkuRow).values(sku=sku, kind=kind, supplied=0, available=0, held=0, sold=0)
    claim = fresh.on_conflict_do_update(
        index_elements=[col(SkuRow.sku)], set_={"kind": func.coalesce(col(SkuRow.kind), kind)}
    )
    claimed = (await session.exec(claim.returning(col(SkuRow.kind)))).one()
    if claimed[0] != kind:
        raise SkuExists(sku=sku)


async def _write_product(session: AsyncSession, sku: str, fields: Mapping[str, Any]) -> None:
    row = (await session.exec(select(ProductRow).where(col(ProductRow.sku) == sku))).first()
    written = {**(row.model_dump() if row else {"sku": sku}), **fields}
    written["search_text"] = search_text(
        sku, title=written["title"], description=written["description"], category=written["category"]
    )
    session.add(row.sqlmodel_update(written) if row else ProductRow(**written))
    await session.flush()


async def _write_variant(session: AsyncSession, product_id: int, sku: str, wish: VariantWrite) -> bool:
    row = (await session.exec(select(VariantRow).where(col(VariantRow.sku) == sku))).first()
    if row is not None and row.product_id != product_id:
        raise SkuExists(sku=sku)
    written = {"product_id": product_id, "sku": sku, **wish.model_dump(exclude={"stock"})}
    session.add(row.sqlmodel_update(written) if row else VariantRow(**written))
    await session.flush()
    return row is None


async def _set_own_stock(session: AsyncSession, sku: str, stock: int, product: Product | None) -> None:
    if product is not None and product.variants and stock:
        raise VariantRequired(sku=sku, variants=[variant.sku for variant in product.variants])
    await _set_stock(session, sku, stock)


async def _set_stock(session: AsyncSession, sku: str, stock: int) -> None:
    moved = {"supplied": col(SkuRow.supplied) + stock - col(SkuRow.available), "available": stock}
    await session.exec(quietly(update(SkuRow).where(col(SkuRow.sku) == sku).values(moved)))
