"""The rows of goods and stock, and the one order in which stock is locked."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Text,
    Update,
    any_,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

Kind = Literal["product", "variant"]
Name = tuple[str, str | None]
"""A product's title and its variant's."""

_RETIRE = """
    UPDATE skus
       SET kind = NULL, supplied = supplied - available, available = 0,
           last_title = gone.title, last_variant = gone.variant
      FROM unnest(CAST(:skus AS text[]), CAST(:titles AS text[]), CAST(:variants AS text[]))
           AS gone (sku, title, variant)
     WHERE skus.sku = gone.sku
"""


class Row(SQLModel, registry=registry()):
    """A row of catalog's own metadata."""


class SkuRow(Row, table=True):
    """A SKU that is or was sold, what it names now or was called at last, and where its stock is."""

    __tablename__: ClassVar[str] = "skus"

    sku: str = Field(primary_key=True)
    kind: str | None
    supplied: int = Field(sa_type=BigInteger)
    available: int = Field(sa_type=BigInteger)
    held: int = Field(sa_type=BigInteger)
    sold: int = Field(sa_type=BigInteger)
    last_title: str | None = None
    last_variant: str | None = None


class ProductRow(Row, table=True):
    """A product."""

    __tablename__: ClassVar[str] = "products"

    product_id: int | None = Field(default=None, primary_key=True)
    sku: str
    title: str
    description: str
    category: str
    image: str | None
    price: int = Field(sa_type=BigInteger)
    search_text: str


class VariantRow(Row, table=True):
    """A variant of a product."""

    __tablename__: ClassVar[str] = "variants"

    variant_id: int | None = Field(default=None, primary_key=True)
    product_id: int
    sku: str
    title: str
    additional_price: int = Field(sa_type=BigInteger)


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
    restocked: int = 0


class RestockRow(Row, table=True):
    """A refund that put goods back."""

    __tablename__: ClassVar[str] = "restocks"

    refund_id: UUID = Field(primary_key=True)
    checkout_id: UUID


class RestockLineRow(Row, table=True):
    """How many of one SKU a refund put back."""

    __tablename__: ClassVar[str] = "restock_lines"

    refund_id: UUID = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    checkout_id: UUID
    quantity: int


async def lock(session: AsyncSession, skus: Collection[str]) -> None:
    """Lock the stock of these SKUs, in the one order in which everybody does."""
    statement = select(col(SkuRow.sku)).where(sku_in(SkuRow, skus)).order_by(col(SkuRow.sku))
    await session.exec(statement.with_for_update(key_share=True))


async def retire(session: AsyncSession, names: Mapping[str, Name]) -> None:
    """Let SKUs name nothing: what is on the shelf is taken off; what is held or sold, and what it was, stay on record.

    Args:
        names: by SKU, what it was called.
    """
    await lock(session, names)
    titles, variants = [name[0] for name in names.values()], [name[1] for name in names.values()]
    columns = {"skus": list(names), "titles": titles, "variants": variants}
    await (await session.connection()).execute(text(_RETIRE), columns)


def quietly(statement: Update) -> Update:
    return statement.execution_options(synchronize_session=False)


def sku_in(row: type[SkuRow | ProductRow | VariantRow], skus: Iterable[str]) -> ColumnElement[bool]:
    return col(row.sku) == any_(literal(list(skus), ARRAY(Text)))
