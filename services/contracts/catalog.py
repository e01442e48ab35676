"""Products, variants, prices and stock holds as catalog tells them. Amounts are minor units of the shop's currency."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictInt, StringConstraints

from services.contracts.messages import Command, Reply

Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
PositiveId = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Price = Annotated[int, Field(strict=True, ge=0, le=10**12)]
Stock = Annotated[int, Field(strict=True, ge=0, le=10**9)]

# PostgreSQL stores no NUL character.
STORABLE = r"^[^\x00]*$"


class Variant(Reply):
    """A variant of a product. It costs the product's price plus its additional price."""

    variant_id: int
    sku: str
    title: str
    additional_price: int
    stock: int


class Product(Reply):
    """A product. One with variants is sold by its variants only; its own stock is then 0."""

    product_id: int
    sku: str
    title: str
    description: str
    category: str
    image: str | None
    price: int
    currency: str
    stock: int
    variants: list[Variant]


class ProductPage(Reply):
    """Products in order of SKU; pass `next_cursor` on to get the next page. `missing` lists asked-for unknown SKUs."""

    products: list[Product]
    missing: list[str] = []
    next_cursor: str | None = None


class Category(Reply):
    """A category, and how many products are in it."""

    name: str
    products: int


class CategoryList(Reply):
    """Every category that has products, by name."""

    categories: list[Category]


class Item(Reply):
    """What can be put into a cart: a product sold as itself, or one variant."""

    sku: str
    product_id: int
    variant_id: int | None
    title: str
    variant: str | None
    category: str
    image: str | None
    unit_price: int
    currency: str
    stock: int
    variants_of: bool = Field(description="True when this SKU names a product that is sold by its variants only.")


class ItemQuery(Command):
    """Items by SKU, and by product and variant id; each list may be empty."""

    skus: Annotated[list[str], Field(max_length=500)] = []
    ids: Annotated[list[tuple[StrictInt, StrictInt | None]], Field(max_length=500)] = []


class Gone(Reply):
    """What a SKU was called that was sold once and is not any more."""

    sku: str
    title: str
    variant: str | None


class ItemList(Reply):
    """The items found, in no promised order; what is not in the list does not exist. `gone` tells what some were."""

    items: list[Item]
    gone: list[Gone] = []


class Description(Reply):
    """A SKU's description. `found` is false, and the texts empty, for a SKU that catalog does not know."""

    sku: str
    found: bool
    title: str = ""
    description: str = ""


class DescriptionQuery(Command):
    """Zero or more SKUs."""

    model_config = ConfigDict(json_schema_extra={"example": {"skus": ["apple", "banana"]}})

    skus: Annotated[list[str], Field(max_length=500)]


class DescriptionList(Reply):
    """One description for each SKU asked for, in the order asked."""

    descriptions: list[Description]


class HoldLine(Command):
    """How many of one SKU to set aside."""

    sku: Sku
    quantity: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class HoldRequest(Command):
    """Set stock aside for a checkout; all lines or none."""

    lines: Annotated[list[HoldLine], Field(min_length=1, max_length=500)]


class Shortage(Reply):
    """A line that could not be held; OutOfStock carries a list of these as `items`."""

    sku: str
    wanted: int
    available: int


class Hold(Reply):
    """The state of a checkout's stock: held until it is committed (sold) or released (back on the shelf)."""

    checkout_id: str
    state: Literal["held", "committed", "released"]


class ProductWrite(Command):
    """A product as an editor sends it: everything but the ids, which catalog gives."""

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=STORABLE)]
    description: Annotated[str, Field(max_length=4000, pattern=STORABLE)] = ""
    category: Annotated[str, Field(min_length=1, max_length=80, pattern=STORABLE)]
    image: Annotated[str | None, Field(max_length=500, pattern=STORABLE)] = None
    price: Price
    stock: Stock = 0


class ProductPatch(Command):
    """The fields of a product to change; absent fields stay as they are, and only `image` may be null."""

    title: Annotated[str | None, Field(min_length=1, max_length=200, pattern=STORABLE)] = None
    description: Annotated[str | None, Field(max_length=4000, pattern=STORABLE)] = None
    category: Annotated[str | None, Field(min_length=1, max_length=80, pattern=STORABLE)] = None
    image: Annotated[str | None, Field(max_length=500, pattern=STORABLE)] = None
    price: Price | None = None
    stock: Stock | None = None


class VariantWrite(Command):
    """A variant as an editor sends it."""

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=STORABLE)]
    additional_price: Price = 0
    stock: Stock = 0


class StockWrite(Command):
    """How many of a SKU are on the shelf, besides those that checkouts hold."""

    stock: Stock


class StockLevel(Reply):
    """Where a SKU's stock is: on the shelf, held by checkouts, sold."""

    sku: str
    stock: int
    held: int
    sold: int
