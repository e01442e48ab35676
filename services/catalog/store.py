"""Goods and stock in PostgreSQL.

Whoever changes stock locks the rows of `skus` in order of SKU, so no two checkouts wait for each other. The counters
move by conditional updates, and the table's own checks refuse what would fall below zero or vanish.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    DateTime,
    Integer,
    Select,
    Text,
    Update,
    any_,
    case,
    false,
    func,
    literal,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, col, delete, or_, select, union, union_all
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database
from services.contracts.catalog import (
    Category,
    Description,
    Item,
    ItemQuery,
    Product,
    ProductPage,
    ProductPatch,
    ProductWrite,
    Shortage,
    StockLevel,
    Variant,
    VariantWrite,
)
from services.contracts.problems import HoldNotFound, ProductNotFound, SkuExists, VariantRequired

from .goods import changes_of, cursor_after, is_id, is_sku, search_text, search_words, sku_before, still_as_seen
from .stock import TAKE, HoldState, Movement, StoredHold, shortages

Kind = Literal["product", "variant"]


class Row(SQLModel, registry=registry()):
    """A row of catalog's own metadata."""


class SkuRow(Row, table=True):
    """A SKU that is or was sold, what it names now, and where its stock is."""

    __tablename__: ClassVar[str] = "skus"

    sku: str = Field(primary_key=True)
    kind: str | None
    supplied: int
    available: int
    held: int
    sold: int


class ProductRow(Row, table=True):
    """A product."""

    __tablename__: ClassVar[str] = "products"

    product_id: int | None = Field(default=None, primary_key=True)
    sku: str
    title: str
    description: str
    category: str
    image: str | None
    price: int
    search_text: str


class VariantRow(Row, table=True):
    """A variant of a product."""

    __tablename__: ClassVar[str] = "variants"

    variant_id: int | None = Field(default=None, primary_key=True)
    product_id: int
    sku: str
    title: str
    additional_price: int


class HoldRow(Row, table=True):
    """What became of a checkout's stock."""

    __tablename__: ClassVar[str] = "holds"

    checkout_id: UUID = Field(primary_key=True)
    state: str
    shortages: list[dict[str, Any]] = Field(sa_type=JSONB)
    decided_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class HoldLineRow(Row, table=True):
    """How many of one SKU a checkout holds or held."""

    __tablename__: ClassVar[str] = "hold_lines"

    checkout_id: UUID = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    quantity: int


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

    async def items(self, query: ItemQuery) -> list[Item]:
        """What can be put into a cart, in one statement."""
        skus = _well_formed(query.skus)
        pairs = {(product, variant) for product, variant in query.ids if is_id(product) and is_id(variant or 1)}
        products = [product for product, variant in pairs if variant is None]
        variants = [variant for _, variant in pairs if variant is not None]
        statement = union_all(
            _product_items().where(or_(_sku_in(ProductRow, skus), _id_in(ProductRow.product_id, products))),
            _variant_items().where(or_(_sku_in(VariantRow, skus), _id_in(VariantRow.variant_id, variants))),
        )

        async def work(session: AsyncSession) -> Sequence[Any]:
            return (await (await session.connection()).execute(statement)).mappings().all()

        rows = await self._database.transact(work)
        found = [Item.model_validate({**row, "currency": self._currency}) for row in rows]
        asked = set(skus)
        return [item for item in found if item.sku in asked or (item.product_id, item.variant_id) in pairs]

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
            own.where(_sku_in(ProductRow, known)), of_variant.where(_sku_in(VariantRow, known))
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
            await retire(session, [sku, *(variant.sku for variant in seen.variants)])

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
            await retire(session, [variant_sku])

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

    async def hold(self, checkout_id: UUID, lines: Mapping[str, int]) -> tuple[StoredHold, bool]:
        """Set stock aside, all lines or none; the hold as it stands, and whether this call decided it.

        A shortage is stored and returned, since it must be committed to be final.
        """
        insert_hold = insert(HoldRow).values(checkout_id=checkout_id, state=HoldState.HELD, shortages=[])
        claim = insert_hold.on_conflict_do_nothing().returning(col(HoldRow.checkout_id))

        async def work(session: AsyncSession) -> tuple[StoredHold, bool]:
            if (await session.exec(claim)).first() is None:
                return await _stored_hold(session, checkout_id), False
            short = shortages(lines, await _sellable(session, lines))
            if short:
                await _decide(session, checkout_id, HoldState.REFUSED, short=short)
                return StoredHold(checkout_id, HoldState.REFUSED, {}, short), True
            kept = [{"checkout_id": checkout_id, "sku": sku, "quantity": count} for sku, count in lines.items()]
            await session.exec(insert(HoldLineRow).values(kept))
            await _move(session, lines, TAKE)
            return StoredHold(checkout_id, HoldState.HELD, lines), True

        return await self._database.transact(work)

    async def commit(self, checkout_id: UUID) -> StoredHold:
        """The held stock is sold.

        Raises:
            HoldNotFound: nothing is known of this checkout.
            HoldIsReleased: its stock is back on the shelf.
            OutOfStock: its hold was refused.
        """

        async def work(session: AsyncSession) -> StoredHold:
            hold = await _stored_hold(session, checkout_id, to_change=True)
            return await _become(session, hold, HoldState.COMMITTED, hold.to_commit())

        return await self._database.transact(work)

    async def release(self, checkout_id: UUID) -> StoredHold:
        """The held stock goes back on the shelf; without a hold, a tombstone refuses it should it still arrive.

        Raises:
            HoldIsCommitted: the stock is sold.
        """
        insert_hold = insert(HoldRow).values(checkout_id=checkout_id, state=HoldState.RELEASED, shortages=[])
        tombstone = insert_hold.on_conflict_do_nothing().returning(col(HoldRow.checkout_id))

        async def work(session: AsyncSession) -> StoredHold:
            if (await session.exec(tombstone)).first() is not None:
                return StoredHold(checkout_id, HoldState.RELEASED, {})
            hold = await _stored_hold(session, checkout_id, to_change=True)
            return await _become(session, hold, HoldState.RELEASED, hold.to_release())

        return await self._database.transact(work)

    async def find_hold(self, checkout_id: UUID) -> StoredHold:
        """The hold as it stands.

        Raises:
            HoldNotFound: nothing is known of this checkout.
        """
        return await self._database.transact(lambda session: _stored_hold(session, checkout_id))

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


async def lock(session: AsyncSession, skus: Collection[str]) -> None:
    """Lock the stock of these SKUs, in the one order in which everybody does."""
    statement = select(col(SkuRow.sku)).where(_sku_in(SkuRow, skus)).order_by(col(SkuRow.sku))
    await session.exec(statement.with_for_update(key_share=True))


async def retire(session: AsyncSession, skus: Collection[str]) -> None:
    """Let SKUs name nothing: what is on the shelf is taken off; what is held or sold stays on record."""
    await lock(session, skus)
    gone = {"kind": None, "supplied": col(SkuRow.supplied) - col(SkuRow.available), "available": 0}
    await session.exec(_quietly(update(SkuRow).where(_sku_in(SkuRow, skus)).values(gone)))


def _quietly(statement: Update) -> Update:
    return statement.execution_options(synchronize_session=False)


def _sku_in(row: type[SkuRow | ProductRow | VariantRow], skus: Iterable[str]) -> ColumnElement[bool]:
    return col(row.sku) == any_(literal(list(skus), ARRAY(Text)))


def _id_in(column: int | None, ids: Iterable[int]) -> ColumnElement[bool]:
    return col(column) == any_(literal(list(ids), ARRAY(Integer)))


def _well_formed(skus: Iterable[str]) -> list[str]:
    return [sku for sku in dict.fromkeys(skus) if is_sku(sku)]


def _is_or_has(skus: Iterable[str]) -> ColumnElement[bool]:
    named = list(skus)
    own = select(col(ProductRow.product_id)).where(_sku_in(ProductRow, named))
    of_variant = select(col(VariantRow.product_id)).where(_sku_in(VariantRow, named))
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
    named = _sku_in(SkuRow, _well_formed(skus))
    known = set(await session.exec(select(col(SkuRow.sku)).where(named, col(SkuRow.kind).is_not(None))))
    return [sku for sku in dict.fromkeys(skus) if sku not in known]


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
    await session.exec(_quietly(update(SkuRow).where(col(SkuRow.sku) == sku).values(moved)))


async def _sellable(session: AsyncSession, skus: Iterable[str]) -> dict[str, int]:
    """What is on the shelf of the SKUs that can be sold, locked until the transaction ends."""
    of_family = (
        select(VariantRow)
        .join(ProductRow, col(ProductRow.product_id) == col(VariantRow.product_id))
        .where(col(ProductRow.sku) == col(SkuRow.sku))
    )
    statement = (
        select(col(SkuRow.sku), col(SkuRow.available))
        .where(_sku_in(SkuRow, skus), col(SkuRow.kind).is_not(None), ~of_family.exists())
        .order_by(col(SkuRow.sku))
        .with_for_update(key_share=True, of=SkuRow)
    )
    return {sku: available for sku, available in await session.exec(statement)}  # noqa: C416 - rows are no pairs to mypy


_MOVE = text("""
    UPDATE skus
       SET available = available + :available * line.quantity,
           held = held + :held * line.quantity,
           sold = sold + :sold * line.quantity
      FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS line (sku, quantity)
     WHERE skus.sku = line.sku
       AND available + :available * line.quantity >= 0
       AND held + :held * line.quantity >= 0
""")


async def _move(session: AsyncSession, lines: Mapping[str, int], movement: Movement) -> None:
    arrays = {"skus": list(lines), "quantities": list(lines.values())}
    moved = await (await session.connection()).execute(_MOVE, {**asdict(movement), **arrays})
    assert moved.rowcount == len(lines), "stock moved although its row was locked"


async def _stored_hold(session: AsyncSession, checkout_id: UUID, *, to_change: bool = False) -> StoredHold:
    statement = select(HoldRow).where(col(HoldRow.checkout_id) == checkout_id)
    hold = (await session.exec(statement.with_for_update() if to_change else statement)).first()
    if hold is None:
        raise HoldNotFound(checkout_id=str(checkout_id))
    lines = await session.exec(
        select(HoldLineRow).where(col(HoldLineRow.checkout_id) == checkout_id).order_by(col(HoldLineRow.sku))
    )
    return StoredHold(
        checkout_id,
        HoldState(hold.state),
        {line.sku: line.quantity for line in lines},
        tuple(Shortage.model_validate(shortage) for shortage in hold.shortages),
    )


async def _become(session: AsyncSession, hold: StoredHold, state: HoldState, movement: Movement | None) -> StoredHold:
    if movement is None:
        return hold
    await lock(session, hold.lines)
    await _move(session, hold.lines, movement)
    await _decide(session, hold.checkout_id, state)
    return replace(hold, state=state)


async def _decide(
    session: AsyncSession, checkout_id: UUID, state: HoldState, *, short: tuple[Shortage, ...] = ()
) -> None:
    decided = {"state": state, "decided_at": func.now(), "shortages": [line.model_dump() for line in short]}
    await session.exec(_quietly(update(HoldRow).where(col(HoldRow.checkout_id) == checkout_id).values(decided)))
