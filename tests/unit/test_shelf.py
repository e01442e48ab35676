"""What the controller remembers of the goods: for how long, and what it tells while catalog is away."""

from collections.abc import Iterable
from typing import Any, cast

import pytest

from services.contracts.catalog import Gone, Item, ItemList
from services.contracts.problems import Unavailable
from services.controller.shopping import SHOWN_SECONDS, STALE_SECONDS, Goods, Shelf


def item(sku: str = "apple", **fields: Any) -> Item:
    whole: dict[str, Any] = {
        "product_id": 1, "variant_id": None, "title": "Apple", "variant": None, "category": "Fruit", "image": None,
        "unit_price": 4000, "currency": "INR", "stock": 10, "variants_of": False,
    }  # fmt: skip
    return Item(sku=sku, **{**whole, **fields})


class Catalog:
    """catalog with a few goods, a clock, and an off switch."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.away = False
        self.asked = 0
        self.sold = {"apple": item()}
        self.gone: dict[str, Gone] = {}

    async def items(self, *, skus: Iterable[str] = (), ids: Iterable[tuple[int, int | None]] = ()) -> ItemList:
        self.asked += 1
        if self.away:
            raise Unavailable(service="catalog")
        wanted, pairs = set(skus), set(ids)
        found = [one for one in self.sold.values() if one.sku in wanted or (one.product_id, one.variant_id) in pairs]
        return ItemList(items=found, gone=[self.gone[sku] for sku in wanted & self.gone.keys()])


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def shelf(catalog: Catalog) -> Shelf:
    return Shelf(cast(Goods, catalog), clock=lambda: catalog.now)


async def test_a_price_is_shown_for_five_seconds_and_then_asked_for_again(catalog: Catalog, shelf: Shelf) -> None:
    await shelf.known(["apple"])
    catalog.sold["apple"] = item(unit_price=4500)

    catalog.now += SHOWN_SECONDS - 0.1
    remembered = (await shelf.items(["apple"]))["apple"].unit_price
    catalog.now += 0.1
    fresh = (await shelf.items(["apple"]))["apple"].unit_price

    assert (remembered, fresh, catalog.asked) == (4000, 4500, 2)


async def test_while_catalog_is_away_old_prices_are_shown_for_a_minute_and_none_after_it(
    catalog: Catalog, shelf: Shelf
) -> None:
    await shelf.known(["apple"])
    catalog.away = True

    catalog.now += STALE_SECONDS - 0.1
    assert (await shelf.items(["apple"]))["apple"].unit_price == 4000
    with pytest.raises(Unavailable):
        await shelf.known(["apple", "banana"])
    catalog.now += 0.1
    with pytest.raises(Unavailable):
        await shelf.known(["apple"])

    catalog.away = False
    assert (await shelf.known(["apple"])).keys() == {"apple"}


async def test_what_is_known_can_be_added_while_catalog_is_away(catalog: Catalog, shelf: Shelf) -> None:
    await shelf.item_of(1, None)
    catalog.away = True
    catalog.now += SHOWN_SECONDS

    by_sku, by_id = await shelf.item("apple"), await shelf.item_of(1, None)

    assert by_sku == by_id == item()
    for unknown in (shelf.item("banana"), shelf.item_of(2, None)):
        with pytest.raises(Unavailable):
            await unknown


async def test_what_comes_on_sale_can_be_added_at_once_though_it_was_missing_a_moment_ago(
    catalog: Catalog, shelf: Shelf
) -> None:
    assert await shelf.item("banana") is None
    catalog.sold["banana"] = item("banana", product_id=2)

    assert (await shelf.item("banana")) == item("banana", product_id=2)


async def test_what_is_not_sold_any_more_is_known_by_name_and_is_no_item(catalog: Catalog, shelf: Shelf) -> None:
    catalog.gone["pear"] = Gone(sku="pear", title="Pear", variant=None)

    known = await shelf.known(["pear", "apple", "never-was"])

    assert known == {"pear": catalog.gone["pear"], "apple": item()}
    assert (await shelf.items(["pear"]), await shelf.item("pear")) == ({}, None)


async def test_a_product_that_came_back_under_its_sku_is_not_the_one_that_its_old_id_named(
    catalog: Catalog, shelf: Shelf
) -> None:
    assert (await shelf.item_of(1, None)) == item()
    catalog.sold["apple"] = item(product_id=9)
    catalog.now += SHOWN_SECONDS

    assert await shelf.item_of(1, None) is None
    assert (await shelf.item_of(9, None)) == item(product_id=9)
