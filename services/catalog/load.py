"""`python -m services.catalog.load FILE [--prune] [--set-stock] [--if-empty]`: goods from a CSV file, all or none.

Columns: sku, variant_of, title, description, category, image, price, additional_price, stock. A row whose `variant_of`
names a product is a variant of it. Prices are minor units. Rows replace what has their SKU; SKUs that the file does not
name stay, unless --prune. Stock is taken from the file when a SKU is new; later only with --set-stock, since by then
some of it is sold. Reads DATABASE_URL.
"""

import argparse
import asyncio
import csv
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar

from pydantic import ValidationError
from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.chassis.database import Database
from services.contracts.catalog import ProductWrite, VariantWrite
from services.contracts.problems import Problem

from .goods import COLUMNS, is_sku, out_of_place, product_in, search_text, variant_in
from .rows import Name, retire

T = TypeVar("T")
Shown = Callable[[str, int, int], None]

AT_ONCE = 2000
COMPLAINTS_SHOWN = 20
LOADING_LOCK = 0x676F6F64  # any number: two loads at once would lock goods in the order of either file


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a cell, and where it is."""

    line: int
    column: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class FileRefused(Exception):  # noqa: N818 - the name is a sentence
    """A goods file with something wrong in it."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__("\n".join(str(complaint) for complaint in complaints[:COMPLAINTS_SHOWN]))
        self.complaints = complaints


@dataclass(frozen=True, slots=True)
class ProductLine:
    """A product of the file."""

    line: int
    sku: str
    wish: ProductWrite


@dataclass(frozen=True, slots=True)
class VariantLine:
    """A variant of the file."""

    line: int
    sku: str
    of: str
    wish: VariantWrite


@dataclass(slots=True)
class GoodsFile:
    """What a goods file says, in its order."""

    products: list[ProductLine] = field(default_factory=list)
    variants: list[VariantLine] = field(default_factory=list)

    @property
    def lines(self) -> list[ProductLine | VariantLine]:
        """All of it in order of SKU, the order in which stock is locked."""
        return sorted([*self.products, *self.variants], key=lambda good: good.sku)


@dataclass(slots=True)
class Outcome:
    """What a load did."""

    products: int
    variants: int
    new: int = 0
    changed: int = 0
    removed: int = 0
    restocked: int = 0

    def __str__(self) -> str:
        unchanged = self.products + self.variants - self.new - self.changed
        told = (
            f"{self.products} products and {self.variants} variants: "
            f"{self.new} new, {self.changed} changed, {unchanged} unchanged, {self.removed} removed"
        )
        return f"{told}, {self.restocked} with other stock" if self.restocked else told


def read(lines: Iterable[str]) -> GoodsFile:
    """Read a goods file.

    Raises:
        FileRefused: something is wrong in it; everything wrong is named.
    """
    goods = GoodsFile()
    complaints: list[Complaint] = []
    first_line: dict[str, int] = {}
    for line, cells in _rows(lines):
        wrong = _wrong_by_itself(line, cells)
        if not wrong and cells["sku"] in first_line:
            wrong = [Complaint(line, "sku", f"{cells['sku']} is in line {first_line[cells['sku']]} already")]
        if not wrong:
            first_line[cells["sku"]] = line
            wrong = _take(goods, line, cells)
        complaints += wrong
    complaints += _families_with_stock(goods)
    if complaints:
        raise FileRefused(sorted(complaints, key=lambda complaint: complaint.line))
    return goods


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(lines, strict=True)
    line = 1
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, _by_column(line, header, cells)
            line = reader.line_num + 1
    except csv.Error as failure:
        raise FileRefused([Complaint(line, "(all)", f"not CSV: {failure}")]) from None


def _check_header(header: list[str]) -> None:
    wrong = [Complaint(1, name, "there is no such column") for name in header if name not in COLUMNS]
    wrong += [Complaint(1, name, "this column is missing") for name in COLUMNS if name not in header]
    if not wrong and len(header) > len(COLUMNS):
        wrong = [Complaint(1, "(all)", "a column is there twice")]
    if wrong:
        raise FileRefused(wrong)


def _by_column(line: int, header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) > len(header):
        raise FileRefused([Complaint(line, "(all)", f"it has {len(cells)} cells for {len(header)} columns")])
    padded = [*cells, *[""] * (len(header) - len(cells))]
    return {name: cell.strip() for name, cell in zip(header, padded, strict=True)}


def _wrong_by_itself(line: int, cells: dict[str, str]) -> list[Complaint]:
    wrong = [
        Complaint(line, column, f"{cells[column][:80]!r} is not a SKU")
        for column in ("sku", "variant_of")
        if not is_sku(cells[column]) and (column == "sku" or cells[column])
    ]
    what = "a variant" if cells["variant_of"] else "a product"
    return wrong + [Complaint(line, column, f"{what} has none: leave it empty") for column in out_of_place(cells)]


def _take(goods: GoodsFile, line: int, cells: dict[str, str]) -> list[Complaint]:
    try:
        if cells["variant_of"]:
            goods.variants.append(VariantLine(line, cells["sku"], cells["variant_of"], variant_in(cells)))
        else:
            goods.products.append(ProductLine(line, cells["sku"], product_in(cells)))
    except ValidationError as refusal:
        return [Complaint(line, str(error["loc"][0]), error["msg"]) for error in refusal.errors()]
    return []


def _families_with_stock(goods: GoodsFile) -> list[Complaint]:
    families = {variant.of for variant in goods.variants}
    return [
        Complaint(product.line, "stock", "it is sold by its variants: leave it empty")
        for product in goods.products
        if product.sku in families and product.wish.stock
    ]


class Load:
    """One load of a goods file, inside one transaction."""

    def __init__(self, session: AsyncSession, goods: GoodsFile, shown: Shown) -> None:
        self._session = session
        self._goods = goods
        self._shown = shown
        self._outcome = Outcome(len(goods.products), len(goods.variants))

    async def is_the_first(self) -> bool:
        """Whether the catalog has never held anything."""
        await self._execute("SELECT pg_advisory_xact_lock(:key)", key=LOADING_LOCK)
        return not await self._fetch("SELECT sku, 1 FROM skus LIMIT 1")

    async def run(self, *, prune: bool, set_stock: bool) -> Outcome:
        """Bring the catalog to what the file says.

        Raises:
            FileRefused: the file does not fit what the catalog holds.
        """
        await self._execute("SELECT pg_advisory_xact_lock(:key)", key=LOADING_LOCK)
        await self._in_parts("SKUs", self._goods.lines, self._claim)
        await self._in_parts("products", self._goods.products, self._write_products)
        await self._in_parts("variants", self._goods.variants, self._write_variants)
        if set_stock:
            sent = [good for good in self._goods.lines if "stock" in good.wish.model_fields_set]
            await self._in_parts("stock", sent, self._set_stock)
        await self._execute(_WITHDRAW_STOCK_OF_FAMILIES)
        if prune:
            await self._prune()
        return self._outcome

    async def _in_parts(self, what: str, goods: Sequence[T], work: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        for start in range(0, len(goods), AT_ONCE):
            await work(goods[start : start + AT_ONCE])
            self._shown(what, min(start + AT_ONCE, len(goods)), len(goods))

    async def _execute(self, statement: str, **values: object) -> int:
        result = await (await self._session.connection()).execute(text(statement), values)
        return max(result.rowcount, 0)

    async def _fetch(self, statement: str, **values: object) -> dict[str, str | int]:
        rows = await (await self._session.connection()).execute(text(statement), values)
        return {row[0]: row[1] for row in rows}

    async def _claim(self, goods: Sequence[ProductLine | VariantLine]) -> None:
        kinds = {good.sku: "product" if isinstance(good, ProductLine) else "variant" for good in goods}
        claimed = {"skus": list(kinds), "kinds": list(kinds.values()), "stocks": [good.wish.stock for good in goods]}
        await self._execute(_CLAIM, **claimed)
        await self._execute(_REVIVE, **claimed)
        known = await self._fetch(_KINDS, skus=list(kinds))
        _refuse(
            Complaint(good.line, "sku", f"{good.sku} names a {known.get(good.sku)} already")
            for good in goods
            if known.get(good.sku) != kinds[good.sku]
        )

    async def _write_products(self, goods: Sequence[ProductLine]) -> None:
        wishes = [good.wish for good in goods]
        columns = {
            "skus": [good.sku for good in goods],
            "titles": [wish.title for wish in wishes],
            "descriptions": [wish.description for wish in wishes],
            "categories": [wish.category for wish in wishes],
            "images": [wish.image for wish in wishes],
            "prices": [wish.price for wish in wishes],
            "search_texts": [
                search_text(good.sku, title=wish.title, description=wish.description, category=wish.category)
                for good, wish in zip(goods, wishes, strict=True)
            ],
        }
        self._outcome.changed += await self._execute(_CHANGE_PRODUCTS, **columns)
        self._outcome.new += await self._execute(_ADD_PRODUCTS, **columns)

    async def _write_variants(self, goods: Sequence[VariantLine]) -> None:
        product_ids = await self._fetch(_PRODUCT_IDS, skus=list({good.of for good in goods}))
        _refuse(
            Complaint(good.line, "variant_of", f"there is no product {good.of}")
            for good in goods
            if good.of not in product_ids
        )
        parents = await self._fetch(_PARENTS, skus=[good.sku for good in goods])
        _refuse(
            Complaint(good.line, "variant_of", f"{good.sku} is a variant of {parents[good.sku]} already")
            for good in goods
            if parents.get(good.sku, good.of) != good.of
        )
        columns = {
            "skus": [good.sku for good in goods],
            "product_ids": [product_ids[good.of] for good in goods],
            "titles": [good.wish.title for good in goods],
            "prices": [good.wish.additional_price for good in goods],
        }
        self._outcome.changed += await self._execute(_CHANGE_VARIANTS, **columns)
        self._outcome.new += await self._execute(_ADD_VARIANTS, **columns)

    async def _set_stock(self, goods: Sequence[ProductLine | VariantLine]) -> None:
        columns = {"skus": [good.sku for good in goods], "stocks": [good.wish.stock for good in goods]}
        await self._fetch(_LOCK_STOCK, skus=columns["skus"])
        self._outcome.restocked += await self._execute(_SET_STOCK, **columns)

    async def _prune(self) -> None:
        kept = [good.sku for good in self._goods.lines]
        connection = await self._session.connection()
        names: dict[str, Name] = {}
        for prune in (_PRUNE_VARIANTS, _PRUNE_PRODUCTS):
            names |= {
                sku: (title, variant) for sku, title, variant in await connection.execute(text(prune), {"skus": kept})
            }
        gone = sorted(names)
        for start in range(0, len(gone), AT_ONCE):
            await retire(self._session, {sku: names[sku] for sku in gone[start : start + AT_ONCE]})
        self._outcome.removed += len(gone)


def _refuse(complaints: Iterable[Complaint]) -> None:
    told = sorted(complaints, key=lambda complaint: complaint.line)
    if told:
        raise FileRefused(told)


_CLAIM = """
    INSERT INTO skus (sku, kind, supplied, available)
    SELECT good.sku, good.kind, good.stock, good.stock
      FROM unnest(CAST(:skus AS text[]), CAST(:kinds AS text[]), CAST(:stocks AS bigint[])) AS good (sku, kind, stock)
     ORDER BY good.sku COLLATE "C"
        ON CONFLICT (sku) DO NOTHING
"""
_REVIVE = """
    UPDATE skus
       SET kind = good.kind, supplied = supplied + good.stock - available, available = good.stock
      FROM unnest(CAST(:skus AS text[]), CAST(:kinds AS text[]), CAST(:stocks AS bigint[])) AS good (sku, kind, stock)
     WHERE skus.sku = good.sku AND skus.kind IS NULL
"""
# FOR KEY SHARE keeps SKUs from being retired under the load, and lets checkouts hold stock meanwhile.
_KINDS = "SELECT sku, kind FROM skus WHERE sku = ANY(CAST(:skus AS text[])) ORDER BY sku FOR KEY SHARE"
_CHANGE_PRODUCTS = """
    UPDATE products
       SET title = good.title, description = good.description, category = good.category, image = good.image,
           price = good.price, search_text = good.search_text
      FROM unnest(CAST(:skus AS text[]), CAST(:titles AS text[]), CAST(:descriptions AS text[]),
                  CAST(:categories AS text[]), CAST(:images AS text[]), CAST(:prices AS bigint[]),
                  CAST(:search_texts AS text[]))
           AS good (sku, title, description, category, image, price, search_text)
     WHERE products.sku = good.sku
       AND (products.title, products.description, products.category, products.image, products.price,
            products.search_text)
           IS DISTINCT FROM
           (good.title, good.description, good.category, good.image, good.price, good.search_text)
"""
_ADD_PRODUCTS = """
    INSERT INTO products (sku, title, description, category, image, price, search_text)
    SELECT good.sku, good.title, good.description, good.category, good.image, good.price, good.search_text
      FROM unnest(CAST(:skus AS text[]), CAST(:titles AS text[]), CAST(:descriptions AS text[]),
                  CAST(:categories AS text[]), CAST(:images AS text[]), CAST(:prices AS bigint[]),
                  CAST(:search_texts AS text[]))
           WITH ORDINALITY AS good (sku, title, description, category, image, price, search_text, position)
     WHERE NOT EXISTS (SELECT FROM products WHERE products.sku = good.sku)
     ORDER BY good.position
"""
_PRODUCT_IDS = "SELECT sku, product_id FROM products WHERE sku = ANY(CAST(:skus AS text[]))"
_PARENTS = """
    SELECT variants.sku, products.sku
      FROM variants JOIN products USING (product_id)
     WHERE variants.sku = ANY(CAST(:skus AS text[]))
"""
_CHANGE_VARIANTS = """
    UPDATE variants
       SET title = good.title, additional_price = good.price
      FROM unnest(CAST(:skus AS text[]), CAST(:product_ids AS integer[]), CAST(:titles AS text[]),
                  CAST(:prices AS bigint[]))
           AS good (sku, product_id, title, price)
     WHERE variants.sku = good.sku AND (variants.title, variants.additional_price) <> (good.title, good.price)
"""
_ADD_VARIANTS = """
    INSERT INTO variants (product_id, sku, title, additional_price)
    SELECT good.product_id, good.sku, good.title, good.price
      FROM unnest(CAST(:skus AS text[]), CAST(:product_ids AS integer[]), CAST(:titles AS text[]),
                  CAST(:prices AS bigint[]))
           WITH ORDINALITY AS good (sku, product_id, title, price, position)
     WHERE NOT EXISTS (SELECT FROM variants WHERE variants.sku = good.sku)
     ORDER BY good.position
"""
_LOCK_STOCK = "SELECT sku, kind FROM skus WHERE sku = ANY(CAST(:skus AS text[])) ORDER BY sku FOR NO KEY UPDATE"
_SET_STOCK = """
    UPDATE skus
       SET supplied = supplied + good.stock - available, available = good.stock
      FROM unnest(CAST(:skus AS text[]), CAST(:stocks AS bigint[])) AS good (sku, stock)
     WHERE skus.sku = good.sku AND available <> good.stock
"""
_WITHDRAW_STOCK_OF_FAMILIES = """
    UPDATE skus
       SET supplied = supplied - available, available = 0
      FROM products
     WHERE products.sku = skus.sku
       AND skus.available > 0
       AND EXISTS (SELECT FROM variants WHERE variants.product_id = products.product_id)
"""
_PRUNE_VARIANTS = """
    DELETE FROM variants USING products
     WHERE products.product_id = variants.product_id AND variants.sku <> ALL(CAST(:skus AS text[]))
    RETURNING variants.sku, products.title, variants.title
"""
# A product that the file does not name stays while the file names a variant of it.
_PRUNE_PRODUCTS = """
    DELETE FROM products
     WHERE sku <> ALL(CAST(:skus AS text[]))
       AND NOT EXISTS (SELECT FROM variants WHERE variants.product_id = products.product_id)
    RETURNING sku, title, NULL
"""


async def load(
    goods: GoodsFile,
    database_url: str,
    *,
    prune: bool = False,
    set_stock: bool = False,
    if_empty: bool = False,
    shown: Shown | None = None,
) -> Outcome | None:
    """Load a goods file that was read, in one transaction; None if there were goods and it was told to leave them.

    Raises:
        FileRefused: it does not fit what the catalog holds; nothing was changed.
    """

    async def work(session: AsyncSession) -> Outcome | None:
        loading = Load(session, goods, shown or _unseen)
        if if_empty and not await loading.is_the_first():
            return None
        return await loading.run(prune=prune, set_stock=set_stock)

    async with Database(database_url, pool_size=1) as database:
        return await database.transact(work)


def _unseen(_: str, __: int, ___: int) -> None:
    """Progress that nobody watches."""


def _on(terminal: TextIO) -> Shown:
    def show(what: str, done: int, whole: int) -> None:
        terminal.write(f"\r{what}: {done:,} of {whole:,}\x1b[K" + ("\r\x1b[K" if done == whole else ""))
        terminal.flush()

    return show if terminal.isatty() else _unseen


def main(arguments: Sequence[str] | None = None) -> int:
    """Load the file named on the command line; 0 when it is loaded, 1 when nothing was changed."""
    parser = argparse.ArgumentParser(prog="python -m services.catalog.load", description="Load goods from a CSV file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--prune", action="store_true", help="stop selling what the file does not name")
    parser.add_argument("--set-stock", action="store_true", help="set the stock of known SKUs too")
    parser.add_argument("--if-empty", action="store_true", help="leave a catalog alone that has goods already")
    asked = parser.parse_args(arguments)
    try:
        with asked.file.open(encoding="utf-8-sig", newline="") as lines:
            goods = read(lines)
        url = os.environ["DATABASE_URL"]
        outcome = asyncio.run(
            load(
                goods,
                url,
                prune=asked.prune,
                set_stock=asked.set_stock,
                if_empty=asked.if_empty,
                shown=_on(sys.stderr),
            )
        )
    except FileRefused as refused:
        return _sorry(f"{asked.file.name}: nothing was loaded.\n{refused}")
    except UnicodeDecodeError:
        return _sorry(f"{asked.file.name}: nothing was loaded, it is not UTF-8 text.")
    except OSError as failure:
        return _sorry(f"{asked.file}: {failure.strerror or failure}")
    except KeyError:
        return _sorry("DATABASE_URL is not set.")
    except Problem as problem:
        return _sorry(f"{asked.file.name}: nothing was loaded. {problem.detail}")
    sys.stdout.write(f"{asked.file.name}: {outcome or 'there are goods already, nothing was loaded'}\n")
    return 0


def _sorry(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
