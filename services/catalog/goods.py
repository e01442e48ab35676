"""Rules of the shelf: what a SKU looks like, what search words are, when a product is still as it was seen."""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Mapping

from services.contracts.catalog import Product, ProductPatch, ProductWrite, VariantWrite
from services.contracts.messages import Reply
from services.contracts.problems import ProductHasChanged, ValidationFailed

COLUMNS = ("sku", "variant_of", "title", "description", "category", "image", "price", "additional_price", "stock")
PRODUCT_COLUMNS = ("title", "description", "category", "image", "price", "stock")
VARIANT_COLUMNS = ("title", "additional_price", "stock")

_SKU_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST_ID = 2**31 - 1


def is_sku(text: str) -> bool:
    """Whether a text could be a SKU at all."""
    return _SKU_SHAPE.fullmatch(text) is not None


def is_id(number: int) -> bool:
    """Whether a number could be a product's or a variant's id."""
    return 1 <= number <= _LARGEST_ID


def folded(text: str) -> str:
    """A text without case and accents: 'Café' and 'CAFE' are one word, whatever the database's locale."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def search_text(sku: str, *, title: str, description: str, category: str) -> str:
    """What the words of a search are looked for in."""
    return folded(f"{title}\n{sku}\n{category}\n{description}")


def search_words(search: str) -> list[str]:
    """The words of a search; a product must contain each of them somewhere."""
    return list(dict.fromkeys(folded(search).split()))


def cursor_after(sku: str) -> str:
    """The cursor of the page that begins after a SKU."""
    return base64.urlsafe_b64encode(sku.encode()).decode().rstrip("=")


def sku_before(cursor: str) -> str:
    """The SKU that a cursor's page begins after.

    Raises:
        ValidationFailed: nobody was given this cursor.
    """
    try:
        sku = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        sku = ""
    if not is_sku(sku):
        raise ValidationFailed(
            "Wrong or missing: query.cursor.",
            errors=[{"field": "query.cursor", "message": "Pass on next_cursor as it was given.", "type": "cursor"}],
        )
    return sku


def etag_of(reply: Reply) -> str:
    """The entity tag of a reply: another content, another tag."""
    return etag_of_body(reply.model_dump_json().encode())


def etag_of_body(body: bytes) -> str:
    """The entity tag of an answer's bytes."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def names(header: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match header names the tag. Proxies may have made a tag weak."""
    tags = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in tags or etag in tags


def still_as_seen(product: Product | None, if_match: str | None) -> None:
    """Refuse an edit of a product that is not as the editor saw it.

    Raises:
        ProductHasChanged: it is another, or gone.
    """
    if if_match is not None and (product is None or not names(if_match, etag_of(product))):
        raise ProductHasChanged


def changes_of(patch: ProductPatch) -> dict[str, str | int | None]:
    """The fields that a patch changes.

    Raises:
        ValidationFailed: it empties a field that must have a value.
    """
    changes: dict[str, str | int | None] = patch.model_dump(exclude_unset=True)
    emptied = [name for name, value in changes.items() if value is None and name != "image"]
    if emptied:
        raise ValidationFailed(
            f"Wrong or missing: {', '.join(f'body.{name}' for name in emptied)}.",
            errors=[
                {"field": f"body.{name}", "message": "This must have a value.", "type": "null"} for name in emptied
            ],
        )
    return changes


def product_in(cells: Mapping[str, str]) -> ProductWrite:
    """The product that a row of a goods file describes; an empty cell stands for the field's default.

    Raises:
        ValueError: a cell is wrong (pydantic's, which names the columns).
    """
    return ProductWrite.model_validate_strings({name: cells[name] for name in PRODUCT_COLUMNS if cells[name]})


def variant_in(cells: Mapping[str, str]) -> VariantWrite:
    """The variant that a row of a goods file describes, if its `variant_of` names a product.

    Raises:
        ValueError: a cell is wrong (pydantic's, which names the columns).
    """
    return VariantWrite.model_validate_strings({name: cells[name] for name in VARIANT_COLUMNS if cells[name]})


def out_of_place(cells: Mapping[str, str]) -> list[str]:
    """The filled columns that say nothing about what the row describes."""
    used = {"sku", "variant_of", *(VARIANT_COLUMNS if cells["variant_of"] else PRODUCT_COLUMNS)}
    return [name for name in COLUMNS if cells[name] and name not in used]
