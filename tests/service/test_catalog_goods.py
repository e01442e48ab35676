"""What catalog tells about goods, and who may change them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.catalog.app import create_app
from services.catalog.settings import Settings
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.catalog_stand import DEMO_GOODS, HEADER, standing
from tests.serving import serving
from tests.tokens import TestIssuer

APPLE = {"title": "Apple", "category": "Fruit", "price": 3900}


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
async def urls(make_database: MakeDatabase) -> DatabaseUrls:
    return await make_database("catalog")


@pytest.fixture
async def catalog(urls: DatabaseUrls, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with standing(urls, issuer) as stand:
        yield stand.client


@pytest.fixture
async def shop(urls: DatabaseUrls, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """The catalog with the demo goods."""
    async with standing(urls, issuer, DEMO_GOODS.read_text(encoding="utf-8")) as stand:
        yield stand.client


@pytest.fixture(scope="module")
async def window(make_database: MakeDatabase, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """A catalog with the demo goods that several tests look at and none changes."""
    async with standing(await make_database("catalog"), issuer, DEMO_GOODS.read_text(encoding="utf-8")) as stand:
        yield stand.client


@pytest.fixture
def editor(issuer: TestIssuer) -> dict[str, str]:
    return issuer.service("catalog:write", audience="catalog")


def skus_of(page: httpx.Response) -> list[str]:
    return [product["sku"] for product in page.json()["products"]]


async def test_a_fresh_load_of_the_demo_goods_gives_the_promised_ids(window: httpx.AsyncClient) -> None:
    answer = await window.post("/items/query", json={"ids": [[1, None], [2, None], [3, None]]})

    items = {item["product_id"]: item for item in answer.json()["items"]}
    assert (items[1]["sku"], items[2]["sku"]) == ("apple", "banana")
    assert all(items[number]["stock"] > 0 and not items[number]["variants_of"] for number in (1, 2))
    assert items[3]["variants_of"] is True


async def test_exactly_one_of_the_demo_goods_is_out_of_stock(window: httpx.AsyncClient) -> None:
    products = (await window.get("/products", params={"limit": 200})).json()["products"]

    assert len(products) >= 48
    assert len({product["category"] for product in products}) >= 6
    empty = [good["sku"] for product in products for good in product["variants"] or [product] if good["stock"] == 0]
    assert empty == ["brass-lamp"]


async def test_pages_follow_each_other_in_order_of_bytes_without_gap_or_overlap(
    catalog: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    for sku in ("b", "B", "a-1", "a.1", "a", "A", "_x".replace("_", "0")):
        await catalog.put(f"/products/{sku}", json={**APPLE, "title": sku}, headers=editor)

    seen: list[str] = []
    cursor: str | None = None
    while len(seen) < 20:
        page = await catalog.get("/products", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += skus_of(page)
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break

    assert seen == ["0x", "A", "B", "a", "a-1", "a.1", "b"]


@pytest.mark.parametrize("cursor", ["x", "%%%", "Li4v", "AAAA", "é"])
async def test_a_made_up_cursor_is_refused(window: httpx.AsyncClient, cursor: str) -> None:
    answer = await window.get("/products", params={"cursor": cursor})

    assert answer.status_code == 422
    assert answer.json()["type"] == "/docs/problems#validation_failed"


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many", "1.5"])
async def test_a_limit_out_of_bounds_is_refused(window: httpx.AsyncClient, limit: str) -> None:
    assert (await window.get("/products", params={"limit": limit})).status_code == 422


@pytest.fixture(scope="module")
async def searched(make_database: MakeDatabase, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    goods = (
        HEADER
        + "cafe,,Café Noir,Dark roast.,Drinks,,1,,\n"
        + "percent,,100% Wool_Mix,Warm.,Home,,1,,\n"
        + "plain,,Blanket,Warm too.,Home,,1,,\n"
    )
    async with standing(await make_database("catalog"), issuer, goods) as stand:
        yield stand.client


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["cafe", "percent", "plain"]),
        ("cafe", ["cafe"]),
        ("CAFÉ  noir", ["cafe"]),
        ("caf", ["cafe"]),
        ("noir wool", []),
        ("drinks", ["cafe"]),
        ("%", ["percent"]),
        ("_", ["percent"]),
        ("\\", []),
        ("pla", ["plain"]),
        ("warm home", ["percent", "plain"]),
    ],
)
async def test_a_search_finds_what_holds_all_its_words(
    searched: httpx.AsyncClient, search: str, found: list[str]
) -> None:
    page = await searched.get("/products", params={"search": search})

    assert skus_of(page) == found


async def test_a_patched_title_is_found_and_the_old_one_is_not(shop: httpx.AsyncClient, editor: dict[str, str]) -> None:
    assert skus_of(await shop.get("/products", params={"search": "alphonso"})) == ["mango"]

    await shop.patch("/products/mango", json={"title": "Zephyrfruit"}, headers=editor)

    assert skus_of(await shop.get("/products", params={"search": "zephyrfruit"})) == ["mango"]
    assert skus_of(await shop.get("/products", params={"search": "alphonso"})) == []


async def test_a_category_narrows_the_page_and_is_counted(window: httpx.AsyncClient) -> None:
    page = await window.get("/products", params={"category": "Fruit"})
    categories = (await window.get("/categories")).json()["categories"]

    assert {product["category"] for product in page.json()["products"]} == {"Fruit"}
    assert {"name": "Fruit", "products": len(skus_of(page))} in categories
    assert [category["name"] for category in categories] == sorted(category["name"] for category in categories)


async def test_named_skus_are_found_through_variants_and_unknown_ones_are_listed(window: httpx.AsyncClient) -> None:
    asked = ["t-shirt-blue-m", "banana", "nothing", "t-shirt", "not a sku", "nothing"]

    page = await window.get("/products", params={"sku": asked})

    assert skus_of(page) == ["banana", "t-shirt"]
    assert page.json()["missing"] == ["nothing", "not a sku"]


async def test_more_named_skus_than_a_page_come_at_once(window: httpx.AsyncClient) -> None:
    everything = skus_of(await window.get("/products", params={"limit": 200}))

    page = await window.get("/products", params={"sku": everything})

    assert skus_of(page) == everything
    assert page.json()["next_cursor"] is None


async def test_a_page_that_the_caller_has_is_not_sent_again_until_it_changes(
    shop: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    for address in ("/products?category=Fruit", "/products/apple"):
        first = await shop.get(address)
        known = {"If-None-Match": first.headers["ETag"]}

        again = await shop.get(address, headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["Cache-Control"] == "no-cache"

        stock = first.json()["stock"] if "stock" in first.json() else first.json()["products"][0]["stock"]
        await shop.put("/stock/apple", json={"stock": stock - 1}, headers=editor)
        assert (await shop.get(address, headers=known)).status_code == 200


async def test_an_etag_made_weak_by_a_proxy_still_matches(window: httpx.AsyncClient) -> None:
    etag = (await window.get("/products/apple")).headers["ETag"]

    answer = await window.get("/products/apple", headers={"If-None-Match": f'"other", W/{etag}'})

    assert answer.status_code == 304


@pytest.mark.parametrize("sku", ["nothing", "%00", "a%20b", "%F0%9F%8D%8E", "x" * 65])
async def test_an_unknown_product_is_not_found(window: httpx.AsyncClient, sku: str) -> None:
    answer = await window.get(f"/products/{sku}")

    assert answer.status_code == 404
    assert answer.json()["type"] == "/docs/problems#product_not_found"


async def test_a_variant_costs_its_product_and_its_additional_price(window: httpx.AsyncClient) -> None:
    product = (await window.get("/products/t-shirt-blue-xl")).json()
    variant = next(variant for variant in product["variants"] if variant["sku"] == "t-shirt-blue-xl")

    asked = {"skus": ["t-shirt-blue-xl"], "ids": [[product["product_id"], variant["variant_id"]]]}
    items = (await window.post("/items/query", json=asked)).json()["items"]

    assert items == [
        {
            "sku": "t-shirt-blue-xl",
            "product_id": 3,
            "variant_id": variant["variant_id"],
            "title": "Cotton T-shirt",
            "variant": "Indigo, XL",
            "category": "Clothing",
            "image": "t-shirt.svg",
            "unit_price": 49900 + 9000,
            "currency": "INR",
            "stock": 12,
            "variants_of": False,
        }
    ]


async def test_a_variant_of_another_product_is_not_an_item(window: httpx.AsyncClient) -> None:
    shirt = (await window.get("/products/t-shirt")).json()
    variant_id = shirt["variants"][0]["variant_id"]

    asked = {"ids": [[1, variant_id], [shirt["product_id"], 10**6], [10**15, None], [0, None], [-1, -1]]}
    items = (await window.post("/items/query", json=asked)).json()["items"]

    assert items == []


async def test_descriptions_keep_order_and_duplicates_and_tell_unknown_ones(window: httpx.AsyncClient) -> None:
    skus = ["banana", "nothing", "t-shirt-blue-m", "banana", "\x00"]

    told = (await window.post("/products/descriptions", json={"skus": skus})).json()["descriptions"]

    assert [one["sku"] for one in told] == skus
    assert [one["found"] for one in told] == [True, False, True, True, False]
    assert told[2]["title"] == "Cotton T-shirt (Indigo, M)"
    assert told[0]["description"].startswith("Small yellow bananas")
    assert told[1] == {"sku": "nothing", "found": False, "title": "", "description": ""}


async def test_no_skus_have_no_descriptions(window: httpx.AsyncClient) -> None:
    answer = await window.post("/products/descriptions", json={"skus": []})

    assert (answer.status_code, answer.json()) == (200, {"descriptions": []})


async def test_the_descriptions_endpoint_keeps_the_name_of_the_notes(window: httpx.AsyncClient) -> None:
    document = (await window.get("/openapi.json")).json()

    assert document["paths"]["/products/descriptions"]["post"]["operationId"] == "get_description"


EDITS: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", "/products/apple", APPLE),
    ("PATCH", "/products/apple", {"price": 1}),
    ("DELETE", "/products/apple", {}),
    ("PUT", "/products/t-shirt/variants/t-shirt-new", {"title": "New"}),
    ("DELETE", "/products/t-shirt/variants/t-shirt-blue-m", {}),
    ("PUT", "/stock/apple", {"stock": 0}),
    ("POST", "/holds/00000000-0000-4000-8000-000000000001", {"lines": [{"sku": "apple", "quantity": 1}]}),
    ("POST", "/holds/00000000-0000-4000-8000-000000000001/commit", {}),
    ("POST", "/holds/00000000-0000-4000-8000-000000000001/release", {}),
    ("GET", "/holds/00000000-0000-4000-8000-000000000001", {}),
]


@pytest.mark.parametrize(("method", "address", "body"), EDITS)
async def test_a_change_without_the_right_token_is_refused_and_changes_nothing(
    window: httpx.AsyncClient, issuer: TestIssuer, method: str, address: str, body: dict[str, Any]
) -> None:
    before = (await window.get("/products", params={"limit": 200})).json()
    other = "catalog:write" if address.startswith("/holds") else "stock:checkout"
    right = "stock:checkout" if address.startswith("/holds") else "catalog:write"
    expected = {
        "no token": ({}, 401),
        "no bearer": ({"Authorization": "Basic YTpi"}, 401),
        "forged": ({"Authorization": "Bearer a.b.c"}, 401),
        "another audience": (issuer.service(right, audience="cartdb"), 401),
        "another scope": (issuer.service(other, audience="catalog"), 403),
        "a shopper": (issuer.user("alice", audience="catalog"), 403),
    }

    for why, (headers, status) in expected.items():
        answer = await window.request(method, address, json=body or None, headers=headers)
        assert (why, answer.status_code) == (why, status)

    assert (await window.get("/products", params={"limit": 200})).json() == before


async def test_goods_are_read_and_edits_wait_while_the_provider_is_down(urls: DatabaseUrls, issuer: TestIssuer) -> None:
    down = httpx.MockTransport(lambda _: httpx.Response(500))
    settings = Settings(database_url=urls.app, oidc_issuer=issuer.issuer)
    editor = issuer.service("catalog:write", audience="catalog")

    async with serving(create_app(settings, provider_transport=down)) as catalog:
        assert (await catalog.get("/health/ready")).status_code == 200
        assert (await catalog.get("/products")).status_code == 200
        refused = await catalog.put("/products/apple", json=APPLE, headers=editor)

    assert (refused.status_code, refused.json()["service"]) == (503, "idp")
    assert "Retry-After" in refused.headers


async def test_a_product_is_created_and_replaced_with_its_id_and_stock_kept(
    catalog: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    created = await catalog.put("/products/apple", json={**APPLE, "stock": 5, "image": "a.svg"}, headers=editor)
    replaced = await catalog.put("/products/apple", json={**APPLE, "price": 4100}, headers=editor)

    assert (created.status_code, replaced.status_code) == (201, 200)
    assert replaced.json() == {**created.json(), "price": 4100, "image": None}
    assert replaced.json()["stock"] == 5
    assert replaced.headers["ETag"] == (await catalog.get("/products/apple")).headers["ETag"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "A\x00"},
        {"price": -1},
        {"price": 1.5},
        {"price": 10**13},
        {"stock": -1},
        {"stock": 10**10},
        {"colour": "red"},
        {"product_id": 7},
        {"category": None},
    ],
)
async def test_a_wrong_product_is_refused_and_not_made(
    window: httpx.AsyncClient, editor: dict[str, str], wrong: dict[str, Any]
) -> None:
    answer = await window.put("/products/pear", json={**APPLE, **wrong}, headers=editor)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == f"body.{next(iter(wrong))}"
    assert (await window.get("/products/pear")).status_code == 404


@pytest.mark.parametrize("sku", ["-a", "a%20b", "%00", "x" * 65, "é"])
async def test_a_product_cannot_have_a_name_that_is_no_sku(
    window: httpx.AsyncClient, editor: dict[str, str], sku: str
) -> None:
    assert (await window.put(f"/products/{sku}", json=APPLE, headers=editor)).status_code == 422


async def test_a_patch_changes_what_it_names_and_nothing_else(shop: httpx.AsyncClient, editor: dict[str, str]) -> None:
    before = (await shop.get("/products/apple")).json()

    answer = await shop.patch("/products/apple", json={"price": 4200, "stock": 7, "image": None}, headers=editor)

    assert answer.json() == {**before, "price": 4200, "stock": 7, "image": None}


@pytest.mark.parametrize("patch", [{"title": None}, {"price": None}, {"stock": None}, {"sku": "pear"}])
async def test_a_patch_that_empties_a_field_or_names_an_unknown_one_is_refused(
    window: httpx.AsyncClient, editor: dict[str, str], patch: dict[str, Any]
) -> None:
    before = (await window.get("/products/apple")).json()

    answer = await window.patch("/products/apple", json=patch, headers=editor)

    assert answer.status_code == 422
    assert (await window.get("/products/apple")).json() == before


async def test_an_edit_of_a_product_that_has_changed_since_is_refused(
    shop: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    seen = {"If-Match": (await shop.get("/products/apple")).headers["ETag"], **editor}
    assert (await shop.patch("/products/apple", json={"price": 1}, headers=seen)).status_code == 200

    late = [
        await shop.patch("/products/apple", json={"price": 2}, headers=seen),
        await shop.put("/products/apple", json=APPLE, headers=seen),
        await shop.delete("/products/apple", headers=seen),
    ]

    assert [answer.json()["type"] for answer in late] == ["/docs/problems#product_has_changed"] * 3
    assert (await shop.get("/products/apple")).json()["price"] == 1


async def test_a_sku_names_one_thing_only(shop: httpx.AsyncClient, editor: dict[str, str]) -> None:
    taken = [
        await shop.put("/products/t-shirt-blue-m", json=APPLE, headers=editor),
        await shop.put("/products/t-shirt/variants/apple", json={"title": "Apple"}, headers=editor),
        await shop.put("/products/t-shirt/variants/t-shirt", json={"title": "Itself"}, headers=editor),
        await shop.put("/products/kurta/variants/t-shirt-blue-m", json={"title": "Theirs"}, headers=editor),
    ]

    assert [answer.json()["type"] for answer in taken] == ["/docs/problems#sku_exists"] * 4
    assert (await shop.get("/products/t-shirt-blue-m")).json()["sku"] == "t-shirt"


async def test_the_first_variant_takes_a_product_off_the_shelf(shop: httpx.AsyncClient, editor: dict[str, str]) -> None:
    red = {"title": "Red", "additional_price": 500, "stock": 9}

    created = await shop.put("/products/apple/variants/apple-red", json=red, headers=editor)
    again = await shop.put("/products/apple/variants/apple-red", json={"title": "Ruby"}, headers=editor)

    assert (created.status_code, again.status_code) == (201, 200)
    assert created.json()["stock"] == 0
    variant = again.json()["variants"][0]
    assert (variant["title"], variant["additional_price"], variant["stock"]) == ("Ruby", 0, 9)
    refused = await shop.put("/stock/apple", json={"stock": 3}, headers=editor)
    assert refused.json()["type"] == "/docs/problems#variant_required"
    assert refused.json()["variants"] == ["apple-red"]


async def test_a_deleted_product_is_gone_with_its_variants_and_may_come_back(
    shop: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    assert (await shop.delete("/products/t-shirt", headers=editor)).status_code == 204

    gone = await shop.post("/items/query", json={"skus": ["t-shirt", "t-shirt-blue-m"]})
    assert gone.json()["items"] == []
    assert (await shop.delete("/products/t-shirt", headers=editor)).status_code == 404
    back = await shop.put("/products/t-shirt-blue-m", json=APPLE, headers=editor)
    assert (back.status_code, back.json()["stock"]) == (201, 0)


async def test_what_is_not_sold_any_more_is_told_by_the_name_that_it_had_at_last(
    shop: httpx.AsyncClient, editor: dict[str, str]
) -> None:
    await shop.patch("/products/t-shirt", json={"title": "Shirt"}, headers=editor)
    (await shop.delete("/products/t-shirt", headers=editor)).raise_for_status()
    (await shop.delete("/products/notebook/variants/notebook-a5", headers=editor)).raise_for_status()

    asked = ["t-shirt", "t-shirt-blue-m", "notebook-a5", "apple", "never-was"]
    told = (await shop.post("/items/query", json={"skus": asked})).json()
    (await shop.put("/products/t-shirt", json=APPLE, headers=editor)).raise_for_status()
    back = (await shop.post("/items/query", json={"skus": ["t-shirt"]})).json()

    assert [item["sku"] for item in told["items"]] == ["apple"]
    gone = {one["sku"]: (one["title"], one["variant"]) for one in told["gone"]}
    assert gone == {
        "t-shirt": ("Shirt", None),
        "t-shirt-blue-m": ("Shirt", "Indigo, M"),
        "notebook-a5": ("Dotted Notebook", "A5, 160 pages"),
    }
    assert ([item["title"] for item in back["items"]], back["gone"]) == (["Apple"], [])


async def test_a_deleted_variant_leaves_the_others(shop: httpx.AsyncClient, editor: dict[str, str]) -> None:
    address = "/products/notebook/variants/notebook-a5"

    assert (await shop.delete(address, headers=editor)).status_code == 204
    assert (await shop.delete(address, headers=editor)).status_code == 404

    left = (await shop.get("/products/notebook")).json()["variants"]
    assert [variant["sku"] for variant in left] == ["notebook-a6", "notebook-a4"]
    assert (await shop.delete("/products/apple/variants/notebook-a6", headers=editor)).status_code == 404


async def test_edits_of_what_is_not_there_are_not_found(catalog: httpx.AsyncClient, editor: dict[str, str]) -> None:
    answers = [
        await catalog.patch("/products/nothing", json={"price": 1}, headers=editor),
        await catalog.put("/products/nothing/variants/nothing-red", json={"title": "Red"}, headers=editor),
        await catalog.put("/stock/nothing", json={"stock": 1}, headers=editor),
    ]

    assert [answer.json()["type"] for answer in answers] == ["/docs/problems#product_not_found"] * 3


async def test_unknown_fields_of_a_question_are_refused(window: httpx.AsyncClient) -> None:
    answers = [
        await window.post("/items/query", json={"sku": ["apple"]}),
        await window.post("/products/descriptions", json={"skus": [], "language": "hi"}),
        await window.post("/products/descriptions", json={}),
        await window.get("/products", params={"search": "\x00"}),
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
