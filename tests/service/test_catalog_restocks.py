"""Sold goods that come back: once for a refund, and never more than were sold."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.conftest import MakeDatabase
from tests.service.catalog_stand import HEADER, Counters, Stand, standing
from tests.tokens import TestIssuer

GOODS = HEADER + "apple,,Apple,,Fruit,,100,,10\n" + "banana,,Banana,,Fruit,,50,,10\n"


@pytest.fixture
async def shop(make_database: MakeDatabase) -> AsyncIterator[Stand]:
    async with standing(await make_database("catalog"), TestIssuer(), GOODS) as stand:
        yield stand


@pytest.fixture
async def sold(shop: Stand) -> UUID:
    """A checkout that bought four apples and a banana."""
    checkout_id = uuid4()
    await shop.hold(checkout_id, ("apple", 4), ("banana", 1))
    await shop.commit(checkout_id)
    return checkout_id


async def put_back(
    shop: Stand, refund_id: UUID, checkout_id: UUID, *lines: tuple[str, int], headers: dict[str, str] | None = None
) -> httpx.Response:
    body = {
        "checkout_id": str(checkout_id),
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
    }
    return await shop.client.put(f"/restocks/{refund_id}", json=body, headers=headers or shop.checkout)


def slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).removeprefix("/docs/problems#")


async def test_goods_go_back_once_however_often_it_is_asked(shop: Stand, sold: UUID) -> None:
    refund_id = uuid4()

    answers = [await put_back(shop, refund_id, sold, ("banana", 1), ("apple", 1), ("apple", 2)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert [answer.json() for answer in answers] == [
        {
            "refund_id": str(refund_id),
            "checkout_id": str(sold),
            "lines": [{"sku": "apple", "quantity": 3}, {"sku": "banana", "quantity": 1}],
        }
    ] * 3
    assert await shop.counters("apple") == Counters(available=9, held=0, sold=1)
    assert await shop.counters("banana") == Counters(available=10, held=0, sold=0)


async def test_another_request_under_the_same_refund_is_refused(shop: Stand, sold: UUID) -> None:
    refund_id = uuid4()
    await put_back(shop, refund_id, sold, ("apple", 1))

    other = await put_back(shop, refund_id, sold, ("apple", 2))

    assert (other.status_code, slug(other)) == (409, "restock_mismatch")
    assert await shop.counters("apple") == Counters(available=7, held=0, sold=3)


async def test_refunds_together_put_back_no_more_than_was_sold(shop: Stand, sold: UUID) -> None:
    await put_back(shop, uuid4(), sold, ("apple", 3))

    refused = await put_back(shop, uuid4(), sold, ("banana", 1), ("apple", 2), ("tea", 1))

    assert (refused.status_code, slug(refused)) == (422, "restock_exceeds_sale")
    assert refused.json()["items"] == [
        {"sku": "apple", "asked": 2, "left": 1},
        {"sku": "tea", "asked": 1, "left": 0},
    ]
    assert await shop.counters("banana") == Counters(available=9, held=0, sold=1)


async def test_ten_refunds_at_once_put_back_what_was_sold_and_one_refund_counts_once(shop: Stand, sold: UUID) -> None:
    one = uuid4()

    answers = await asyncio.gather(
        *(put_back(shop, one, sold, ("apple", 1), ("banana", 1)) for _ in range(5)),
        *(put_back(shop, uuid4(), sold, ("banana", 1), ("apple", 1)) for _ in range(10)),
    )

    assert {answer.status_code for answer in answers} <= {200, 201, 422}
    assert await shop.counters("banana") == Counters(available=10, held=0, sold=0)
    done = {answer.json()["refund_id"] for answer in answers if answer.status_code != 422}
    assert len(done) == 1
    assert await shop.counters("apple") == Counters(available=7, held=0, sold=3)


@pytest.mark.parametrize("before", ["nothing", "held", "released"])
async def test_nothing_goes_back_that_was_not_sold(shop: Stand, before: str) -> None:
    checkout_id = uuid4()
    if before != "nothing":
        await shop.hold(checkout_id, ("apple", 4))
    if before == "released":
        await shop.release(checkout_id)
    counters = await shop.counters("apple")

    refused = await put_back(shop, uuid4(), checkout_id, ("apple", 1))

    assert (refused.status_code, slug(refused)) == (409, "goods_not_sold")
    assert await shop.counters("apple") == counters


async def test_goods_that_are_not_sold_any_more_are_kept_until_their_sku_is_sold_again(shop: Stand, sold: UUID) -> None:
    await shop.client.delete("/products/apple", headers=shop.editor)

    back = await put_back(shop, uuid4(), sold, ("apple", 2))
    hidden = await shop.client.get("/products/apple")
    short = await shop.hold(uuid4(), ("apple", 1))

    assert back.status_code == 201
    assert hidden.status_code == 404
    assert (short.status_code, slug(short)) == (409, "out_of_stock")
    assert await shop.counters("apple") == Counters(available=2, held=0, sold=2)


async def test_the_database_itself_refuses_more_than_was_sold(shop: Stand, sold: UUID) -> None:
    async with shop.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("UPDATE hold_lines SET restocked = quantity + 1 WHERE checkout_id = $1", sold)


async def test_only_the_checkouts_credential_puts_goods_back(shop: Stand, sold: UUID) -> None:
    nobody = await put_back(shop, uuid4(), sold, ("apple", 1), headers={"X-Nothing": "1"})
    editor = await put_back(shop, uuid4(), sold, ("apple", 1), headers=shop.editor)

    assert (nobody.status_code, editor.status_code) == (401, 403)
    assert await shop.counters("apple") == Counters(available=6, held=0, sold=4)
