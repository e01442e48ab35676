"""Goods from a CSV file: all of them or none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from services.catalog.load import FileRefused, main
from tests.conftest import MakeDatabase
from tests.service.catalog_stand import DEMO_GOODS, HEADER, Counters, Stand, standing, until_waiting
from tests.tokens import TestIssuer

GOODS = (
    HEADER
    + 'apple,,Apple,"Red, and\nround.",Fruit,apple.svg,100,,10\n'
    + "shirt,,Shirt,,Clothing,,900,,\n"
    + "shirt-m,shirt,M,,,,,50,4\n"
)


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
async def shop(make_database: MakeDatabase, issuer: TestIssuer) -> AsyncIterator[Stand]:
    async with standing(await make_database("catalog"), issuer) as stand:
        yield stand


@pytest.fixture(scope="module")
async def full(make_database: MakeDatabase, issuer: TestIssuer) -> AsyncIterator[Stand]:
    """A shop that no load of these tests changes."""
    async with standing(await make_database("catalog"), issuer, GOODS) as stand:
        yield stand


async def everything(shop: Stand) -> object:
    return (await shop.client.get("/products", params={"limit": 200})).json()["products"]


async def test_a_file_becomes_products_and_variants(shop: Stand) -> None:
    summary = await shop.load(GOODS)

    assert summary == "2 products and 1 variants: 3 new, 0 changed, 0 unchanged, 0 removed"
    apple = (await shop.client.get("/products/apple")).json()
    assert (apple["description"], apple["price"], apple["stock"]) == ("Red, and\nround.", 100, 10)
    items = (await shop.client.post("/items/query", json={"skus": ["shirt-m"]})).json()["items"]
    assert (items[0]["unit_price"], items[0]["stock"]) == (950, 4)


async def test_the_same_file_again_changes_nothing(shop: Stand) -> None:
    goods = DEMO_GOODS.read_text(encoding="utf-8")
    await shop.load(goods)
    before = await everything(shop)

    summary = await shop.load(goods)

    assert ": 0 new, 0 changed, " in summary
    assert summary.endswith(" 0 removed")
    assert await everything(shop) == before


def test_a_catalog_that_has_goods_is_left_alone_where_that_is_asked_for(
    full: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", full.urls.app)
    file = tmp_path / "goods.csv"
    file.write_text(GOODS.replace("100,,10", "999,,10"), encoding="utf-8")

    code = main(["--if-empty", str(file)])

    assert (code, capsys.readouterr().out) == (0, "goods.csv: there are goods already, nothing was loaded\n")
    file.write_text(GOODS, encoding="utf-8")
    assert main([str(file)]) == 0
    assert "0 changed" in capsys.readouterr().out


async def test_ids_have_no_gaps_after_many_loads(shop: Stand) -> None:
    for _ in range(3):
        await shop.load(GOODS)

    await shop.load(GOODS + "pear,,Pear,,Fruit,,1,,1\n")

    assert (await shop.client.get("/products/pear")).json()["product_id"] == 3


async def test_what_has_been_sold_is_not_put_back_by_a_later_load(shop: Stand) -> None:
    await shop.load(GOODS)
    checkout = uuid4()
    await shop.hold(checkout, ("apple", 6))
    await shop.commit(checkout)

    summary = await shop.load(GOODS.replace("100,,10", "120,,10"))

    assert summary == "2 products and 1 variants: 0 new, 1 changed, 2 unchanged, 0 removed"
    assert await shop.counters("apple") == Counters(available=4, held=0, sold=6)
    assert (await shop.client.get("/products/apple")).json()["price"] == 120


async def test_stock_is_set_when_that_is_asked_for(shop: Stand) -> None:
    await shop.load(GOODS)
    await shop.hold(uuid4(), ("apple", 6))

    summary = await shop.load(GOODS, set_stock=True)

    assert summary.endswith("1 with other stock")
    assert await shop.counters("apple") == Counters(available=10, held=6, sold=0)


async def test_absent_goods_stay_unless_pruned(shop: Stand) -> None:
    await shop.load(GOODS)
    fewer = HEADER + "pear,,Pear,,Fruit,,1,,1\n"

    await shop.load(fewer)
    kept = (await shop.client.get("/products/apple")).status_code
    summary = await shop.load(fewer, prune=True)

    assert kept == 200
    assert summary == "1 products and 0 variants: 0 new, 0 changed, 1 unchanged, 3 removed"
    assert [product["sku"] for product in (await shop.client.get("/products")).json()["products"]] == ["pear"]
    assert await shop.counters("apple") == Counters(available=0, held=0, sold=0)


async def test_a_product_stays_while_the_file_names_a_variant_of_it(shop: Stand) -> None:
    await shop.load(GOODS)

    await shop.load(HEADER + "shirt-m,shirt,M,,,,,50,4\n", prune=True)

    shirt = (await shop.client.get("/products/shirt")).json()
    assert [variant["sku"] for variant in shirt["variants"]] == ["shirt-m"]
    assert (await shop.client.get("/products/apple")).status_code == 404


async def test_pruned_goods_come_back_with_the_stock_of_the_file(shop: Stand) -> None:
    await shop.load(GOODS)
    await shop.load(HEADER, prune=True)

    await shop.load(GOODS)

    assert await shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_pruned_goods_are_remembered_by_name(shop: Stand) -> None:
    await shop.load(GOODS)
    [shirt] = (await shop.client.get("/products", params={"sku": "shirt"})).json()["products"]
    await shop.load(HEADER, prune=True)

    told = (await shop.client.post("/items/query", json={"skus": ["shirt", shirt["variants"][0]["sku"]]})).json()

    assert told["items"] == []
    assert [(gone["title"], gone["variant"]) for gone in sorted(told["gone"], key=lambda gone: gone["sku"])] == [
        (shirt["title"], None),
        (shirt["title"], shirt["variants"][0]["title"]),
    ]


async def test_a_variant_may_be_added_to_a_product_that_the_catalog_has(shop: Stand) -> None:
    await shop.load(GOODS)

    await shop.load(HEADER + "apple-red,apple,Red,,,,,5,7\n")

    apple = (await shop.client.get("/products/apple")).json()
    assert (apple["stock"], apple["variants"][0]["stock"]) == (0, 7)
    assert await shop.counters("apple") == Counters(available=0, held=0, sold=0)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("pear,,Pear,,Fruit,,ten,,1\n", "line 2, column price: "),
        ("pear,,Pear,,Fruit,,-1,,1\n", "line 2, column price: "),
        ("pear,,Pear,,Fruit,,1.5,,1\n", "line 2, column price: "),
        ("pear,,Pear,,Fruit,,,,1\n", "line 2, column price: "),
        ("pear,,,,Fruit,,1,,1\n", "line 2, column title: "),
        ("pear,,Pear,,,,1,,1\n", "line 2, column category: "),
        ("pear,,Pear,,Fruit,,1,,-5\n", "line 2, column stock: "),
        ("pear,,Pear,\x00,Fruit,,1,,1\n", "line 2, column description: "),
        ('pear,,Pear,"two\nlines",Fruit,,1,,1\nplum,,Plum,,Fruit,,x,,\n', "line 4, column price: "),
        ("a pear,,Pear,,Fruit,,1,,1\n", "line 2, column sku: 'a pear' is not a SKU"),
        (",,Pear,,Fruit,,1,,1\n", "line 2, column sku: '' is not a SKU"),
        ("pear,,Pear,,Fruit,,1,5,1\n", "line 2, column additional_price: a product has none: leave it empty"),
        ("shirt-l,shirt,L,,Clothing,,,5,1\n", "line 2, column category: a variant has none: leave it empty"),
        ("pear,,Pear,,Fruit,,1,,\npear,,Pear,,Fruit,,1,,\n", "line 3, column sku: pear is in line 2 already"),
        ("pear,,Pear,,Fruit,,1,,3\npear-s,pear,S,,,,,,\n", "line 2, column stock: it is sold by its variants"),
        ("pear-s,pear,S,,,,,,\n", "line 2, column variant_of: there is no product pear"),
        ("shirt-m,,Shirt,,Clothing,,1,,\n", "line 2, column sku: shirt-m names a variant already"),
        ("apple,shirt,Apple,,,,,,\n", "line 2, column sku: apple names a product already"),
        ("shirt-m,apple,M,,,,,,\n", "line 2, column variant_of: shirt-m is a variant of shirt already"),
        ("pear,,Pear,,Fruit,,1,,1,1\n", "line 2, column (all): it has 10 cells for 9 columns"),
        ('pear,,"Pear,,Fruit,,1,,1\n', "line 2, column (all): not CSV"),
    ],
)
async def test_a_bad_row_is_named_and_nothing_is_loaded(full: Stand, rows: str, complaint: str) -> None:
    before = await everything(full)
    good = "aaa,,Fine,,Fruit,,1,,1\n"

    with pytest.raises(FileRefused) as refused:
        await full.load(HEADER + rows + good)

    assert complaint in str(refused.value)
    assert await everything(full) == before
    assert (await full.client.get("/products/aaa")).status_code == 404


async def test_every_bad_row_is_named_at_once(full: Stand) -> None:
    rows = "pear,,Pear,,Fruit,,ten,,1\nplum,,,,Fruit,,1,,many\n"

    with pytest.raises(FileRefused) as refused:
        await full.load(HEADER + rows)

    told = [(complaint.line, complaint.column) for complaint in refused.value.complaints]
    assert told == [(2, "price"), (3, "title"), (3, "stock")]


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        (HEADER.replace("price,", "cost,", 1), "column cost: there is no such column"),
        (HEADER.replace(",stock", ""), "column stock: this column is missing"),
        (HEADER.strip() + ",stock\n", "a column is there twice"),
        ("", "column sku: this column is missing"),
    ],
)
async def test_a_wrong_header_is_named(full: Stand, header: str, complaint: str) -> None:
    with pytest.raises(FileRefused) as refused:
        await full.load(header)

    assert complaint in str(refused.value)
    assert "line 1" in str(refused.value)


async def test_checkouts_go_on_while_a_load_is_under_way(shop: Stand) -> None:
    await shop.load(GOODS)
    async with shop.connection() as holder, shop.connection() as watcher:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM products WHERE sku = 'shirt' FOR UPDATE")
        load = asyncio.create_task(shop.load(GOODS.replace("900,,", "950,,")))
        await until_waiting(watcher, 1)

        held = await shop.hold(uuid4(), ("apple", 1), ("shirt-m", 1))
        await transaction.commit()

    assert held.status_code == 201
    assert await load == "2 products and 1 variants: 0 new, 1 changed, 2 unchanged, 0 removed"


async def test_two_loads_at_once_follow_each_other(shop: Stand) -> None:
    summaries = await asyncio.gather(shop.load(GOODS), shop.load(GOODS, prune=True))

    assert sorted(summaries) == [
        "2 products and 1 variants: 0 new, 0 changed, 3 unchanged, 0 removed",
        "2 products and 1 variants: 3 new, 0 changed, 0 unchanged, 0 removed",
    ]
    assert await shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_the_command_loads_a_file_and_says_so_in_one_line(
    shop: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "goods.csv"
    file.write_text("\ufeff" + GOODS, encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL", shop.urls.app)

    status = await asyncio.to_thread(main, [str(file)])

    assert status == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[-1] == (
        "goods.csv: 2 products and 1 variants: 3 new, 0 changed, 0 unchanged, 0 removed"
    )
    assert told.err == ""


async def test_the_command_fails_in_words(
    shop: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", shop.urls.app)
    bad, latin = tmp_path / "bad.csv", tmp_path / "latin.csv"
    bad.write_text(HEADER + "pear,,Pear,,Fruit,,ten,,1\n", encoding="utf-8")
    latin.write_bytes(HEADER.encode() + b"pear,,P\xe9ar,,Fruit,,1,,1\n")

    statuses = [await asyncio.to_thread(main, [str(file)]) for file in (bad, latin, tmp_path / "none.csv")]

    assert statuses == [1, 1, 1]
    told = capsys.readouterr().err
    assert "bad.csv: nothing was loaded.\nline 2, column price: " in told
    assert "latin.csv: nothing was loaded, it is not UTF-8 text." in told
    assert "none.csv: No such file or directory" in told


async def test_a_large_file_is_loaded_within_the_time_of_a_coffee(shop: Stand) -> None:
    rows = (f"good-{number},,Good {number},Words about it.,Bulk,,{number},,5\n" for number in range(12_000))

    summary = await shop.load(HEADER + "".join(rows))

    assert summary == "12000 products and 0 variants: 12000 new, 0 changed, 0 unchanged, 0 removed"
    assert (await shop.client.get("/products/good-11999")).json()["product_id"] == 12_000
