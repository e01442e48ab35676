"""Stock by checkout: all or none, once, never below zero, whatever comes first."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.conftest import MakeDatabase
from tests.service.catalog_stand import HEADER, Counters, Stand, standing, until_waiting
from tests.tokens import TestIssuer

GOODS = (
    HEADER
    + "apple,,Apple,,Fruit,,100,,10\n"
    + "banana,,Banana,,Fruit,,50,,10\n"
    + "last,,Last One,,Fruit,,50,,1\n"
    + "shirt,,Shirt,,Clothing,,900,,\n"
    + "shirt-m,shirt,M,,,,,0,10\n"
)


@pytest.fixture(scope="session")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
async def shop(make_database: MakeDatabase, issuer: TestIssuer) -> AsyncIterator[Stand]:
    async with standing(await make_database("catalog"), issuer, GOODS) as stand:
        yield stand


@pytest.fixture(scope="module")
async def still_shop(make_database: MakeDatabase, issuer: TestIssuer) -> AsyncIterator[Stand]:
    """A shop whose stock no test moves."""
    async with standing(await make_database("catalog"), issuer, GOODS) as stand:
        yield stand


@pytest.fixture
def checkout_id() -> UUID:
    return uuid4()


def slug(answer: httpx.Response) -> str:
    kind: str = answer.json()["type"]
    return kind.removeprefix("/docs/problems#")


async def test_a_hold_takes_stock_off_the_shelf_and_a_commit_sells_it(shop: Stand, checkout_id: UUID) -> None:
    held = await shop.hold(checkout_id, ("apple", 3), ("shirt-m", 1))
    assert (held.status_code, held.json()) == (201, {"checkout_id": str(checkout_id), "state": "held"})
    assert await shop.counters("apple") == Counters(available=7, held=3, sold=0)

    sold = await shop.commit(checkout_id)

    assert (sold.status_code, sold.json()["state"]) == (200, "committed")
    assert await shop.counters("apple") == Counters(available=7, held=0, sold=3)
    assert await shop.counters("shirt-m") == Counters(available=9, held=0, sold=1)


async def test_a_release_puts_the_stock_back_once(shop: Stand, checkout_id: UUID) -> None:
    await shop.hold(checkout_id, ("apple", 3))

    answers = [await shop.release(checkout_id) for _ in range(3)]

    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, "released")] * 3
    assert await shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_a_repeated_hold_or_commit_agrees_and_does_nothing(shop: Stand, checkout_id: UUID) -> None:
    await shop.hold(checkout_id, ("apple", 3), ("banana", 1))

    again = await shop.hold(checkout_id, ("banana", 1), ("apple", 1), ("apple", 2))
    commits = [await shop.commit(checkout_id) for _ in range(2)]
    late = await shop.hold(checkout_id, ("apple", 3), ("banana", 1))

    assert (again.status_code, again.json()["state"]) == (200, "held")
    assert [answer.json()["state"] for answer in commits] == ["committed", "committed"]
    assert (late.status_code, late.json()["state"]) == (200, "committed")
    assert await shop.counters("apple") == Counters(available=7, held=0, sold=3)


async def test_a_hold_of_other_lines_for_the_same_checkout_is_refused(shop: Stand, checkout_id: UUID) -> None:
    await shop.hold(checkout_id, ("apple", 3))

    others = [await shop.hold(checkout_id, *lines) for lines in ([("apple", 2)], [("apple", 3), ("banana", 1)])]

    assert [(answer.status_code, slug(answer)) for answer in others] == [(409, "hold_mismatch")] * 2
    assert await shop.counters("apple") == Counters(available=7, held=3, sold=0)
    assert await shop.counters("banana") == Counters(available=10, held=0, sold=0)


async def test_a_hold_that_one_line_cannot_fill_takes_nothing(shop: Stand, checkout_id: UUID) -> None:
    answer = await shop.hold(checkout_id, ("apple", 3), ("last", 2), ("nothing", 1), ("shirt", 1))

    assert (answer.status_code, slug(answer)) == (409, "out_of_stock")
    assert answer.json()["items"] == [
        {"sku": "last", "wanted": 2, "available": 1},
        {"sku": "nothing", "wanted": 1, "available": 0},
        {"sku": "shirt", "wanted": 1, "available": 0},
    ]
    assert await shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_two_lines_of_one_item_are_one_claim_on_its_stock(shop: Stand, checkout_id: UUID) -> None:
    answer = await shop.hold(checkout_id, ("apple", 6), ("banana", 1), ("apple", 6))

    assert (answer.status_code, slug(answer)) == (409, "out_of_stock")
    assert answer.json()["items"] == [{"sku": "apple", "wanted": 12, "available": 10}]
    assert await shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_a_refusal_for_want_of_stock_is_final_for_its_checkout(shop: Stand, checkout_id: UUID) -> None:
    first = await shop.hold(checkout_id, ("last", 2))
    await shop.client.put("/stock/last", json={"stock": 5}, headers=shop.editor)

    again = await shop.hold(checkout_id, ("last", 2))
    released = await shop.release(checkout_id)
    afterwards = await shop.hold(checkout_id, ("last", 2))

    assert [answer.json() for answer in (again, afterwards)] == [first.json()] * 2
    assert (released.status_code, released.json()["state"]) == (200, "released")
    assert [slug(await shop.commit(checkout_id)), slug(await shop.state(checkout_id))] == ["out_of_stock"] * 2
    assert await shop.counters("last") == Counters(available=5, held=0, sold=0)
    assert (await shop.hold(uuid4(), ("last", 2))).status_code == 201


async def test_a_release_before_the_hold_leaves_a_tombstone(shop: Stand, checkout_id: UUID) -> None:
    assert (await shop.release(checkout_id)).json()["state"] == "released"

    late = await shop.hold(checkout_id, ("apple", 1))

    assert (late.status_code, slug(late)) == (409, "hold_is_released")
    assert (await shop.state(checkout_id)).json()["state"] == "released"
    assert await shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_what_has_happened_is_final(shop: Stand) -> None:
    sold, back = uuid4(), uuid4()
    for checkout in (sold, back):
        await shop.hold(checkout, ("apple", 2))
    await shop.commit(sold)
    await shop.release(back)

    answers = [await shop.release(sold), await shop.commit(back), await shop.hold(back, ("apple", 2))]

    assert [slug(answer) for answer in answers] == ["hold_is_committed", "hold_is_released", "hold_is_released"]
    assert await shop.counters("apple") == Counters(available=8, held=0, sold=2)


async def test_an_unknown_checkout_has_no_hold(still_shop: Stand, checkout_id: UUID) -> None:
    answers = [await still_shop.commit(checkout_id), await still_shop.state(checkout_id)]

    assert [(answer.status_code, slug(answer)) for answer in answers] == [(404, "hold_not_found")] * 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": [{"sku": "apple", "quantity": 0}]},
        {"lines": [{"sku": "apple", "quantity": -1}]},
        {"lines": [{"sku": "apple", "quantity": 1.5}]},
        {"lines": [{"sku": "apple", "quantity": 10**9}]},
        {"lines": [{"sku": "\x00", "quantity": 1}]},
        {"lines": [{"sku": "apple", "quantity": 1, "price": 1}]},
        {"lines": [{"sku": "apple", "quantity": 1}], "until": "tomorrow"},
    ],
)
async def test_a_hold_that_makes_no_sense_is_refused_and_not_stored(
    still_shop: Stand, checkout_id: UUID, body: dict[str, Any]
) -> None:
    answer = await still_shop.client.post(f"/holds/{checkout_id}", json=body, headers=still_shop.checkout)

    assert (answer.status_code, slug(answer)) == (422, "validation_failed")
    assert (await still_shop.state(checkout_id)).status_code == 404


async def test_a_checkout_id_must_be_a_uuid(still_shop: Stand) -> None:
    answer = await still_shop.client.post("/holds/auto:1/release", headers=still_shop.checkout)

    assert answer.status_code == 422


async def test_two_checkouts_race_for_the_last_unit_and_exactly_one_wins(shop: Stand) -> None:
    async with shop.connection() as holder, shop.connection() as watcher:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM skus WHERE sku = 'last' FOR UPDATE")
        racing = [asyncio.create_task(shop.hold(uuid4(), ("last", 1))) for _ in range(2)]
        await until_waiting(watcher, 2)

        await transaction.commit()
        answers = await asyncio.gather(*racing)

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert next(answer.json()["items"] for answer in answers if answer.status_code == 409) == [
        {"sku": "last", "wanted": 1, "available": 0}
    ]
    assert await shop.counters("last") == Counters(available=0, held=1, sold=0)


async def test_twenty_equal_holds_have_one_effect(shop: Stand, checkout_id: UUID) -> None:
    answers = await asyncio.gather(*(shop.hold(checkout_id, ("apple", 2), ("banana", 1)) for _ in range(20)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert await shop.counters("apple") == Counters(available=8, held=2, sold=0)
    assert await shop.counters("banana") == Counters(available=9, held=1, sold=0)


async def test_a_release_that_races_its_hold_ends_with_the_stock_back(shop: Stand) -> None:
    for checkout in (uuid4() for _ in range(25)):
        calls = [shop.hold(checkout, ("apple", 4)), shop.release(checkout)]
        random.shuffle(calls)
        answers = await asyncio.gather(*calls)

        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        assert (await shop.state(checkout)).json()["state"] == "released"
        assert await shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_a_release_waits_for_a_hold_that_is_under_way_and_takes_it_back(shop: Stand, checkout_id: UUID) -> None:
    async with shop.connection() as holder, shop.connection() as watcher:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM skus WHERE sku = 'apple' FOR UPDATE")
        hold = asyncio.create_task(shop.hold(checkout_id, ("apple", 4)))
        await until_waiting(watcher, 1)
        release = asyncio.create_task(shop.release(checkout_id))
        await until_waiting(watcher, 2)

        await transaction.commit()
        held, released = await asyncio.gather(hold, release)

    assert (held.status_code, released.status_code) == (201, 200)
    assert await shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_a_commit_and_a_release_race_and_exactly_one_wins(shop: Stand) -> None:
    for round_number in range(1, 11):
        checkout = uuid4()
        await shop.hold(checkout, ("apple", 1))
        await shop.client.put("/stock/apple", json={"stock": 9}, headers=shop.editor)
        before = await shop.counters("apple")

        commit, release = await asyncio.gather(shop.commit(checkout), shop.release(checkout))

        assert sorted((commit.status_code, release.status_code)) == [200, 409]
        won = commit.status_code == 200
        after = await shop.counters("apple")
        assert (after.held, after.sold - before.sold) == (0, int(won)), round_number
        assert after.available == before.available + (not won)


async def test_a_hold_locks_in_order_of_sku_whatever_the_order_of_its_lines(shop: Stand, checkout_id: UUID) -> None:
    async with shop.connection() as holder, shop.connection() as watcher:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM skus WHERE sku = 'apple' FOR UPDATE")
        hold = asyncio.create_task(shop.hold(checkout_id, ("banana", 1), ("apple", 1)))
        await until_waiting(watcher, 1)

        async with watcher.transaction():
            unlocked = await watcher.fetchval("SELECT sku FROM skus WHERE sku = 'banana' FOR UPDATE NOWAIT")
        await transaction.commit()

        assert unlocked == "banana"
        assert (await hold).status_code == 201


async def test_checkouts_with_opposite_orders_all_end(shop: Stand) -> None:
    lines = [("apple", 1), ("banana", 1)]
    checkouts = [uuid4() for _ in range(10)]

    holds = await asyncio.gather(*(shop.hold(one, *lines[:: (-1) ** turn]) for turn, one in enumerate(checkouts)))
    ends = await asyncio.gather(
        *(shop.commit(one) if turn % 2 else shop.release(one) for turn, one in enumerate(checkouts))
    )

    assert {answer.status_code for answer in holds} == {201}
    assert {answer.status_code for answer in ends} == {200}
    assert await shop.counters("apple") == await shop.counters("banana") == Counters(available=5, held=0, sold=5)


async def test_more_checkouts_than_stock_sell_exactly_the_stock(shop: Stand) -> None:
    answers = await asyncio.gather(*(shop.hold(uuid4(), ("apple", 1)) for _ in range(30)))

    assert Counter(answer.status_code for answer in answers) == {201: 10, 409: 20}
    assert await shop.counters("apple") == Counters(available=0, held=10, sold=0)


@pytest.mark.parametrize(
    "change",
    [
        "available = -1, supplied = -1",
        "held = -1, available = 11",
        "sold = -1, available = 11",
        "available = available - 1",
        "sold = sold + 1",
    ],
)
async def test_the_database_itself_refuses_stock_below_zero_or_lost(still_shop: Stand, change: str) -> None:
    async with still_shop.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(f"UPDATE skus SET {change} WHERE sku = 'apple'")

    assert await still_shop.counters("apple") == Counters(available=10, held=0, sold=0)


async def test_stock_that_is_set_leaves_what_is_held_and_sold(shop: Stand, checkout_id: UUID) -> None:
    await shop.hold(checkout_id, ("apple", 3))

    level = await shop.client.put("/stock/apple", json={"stock": 2}, headers=shop.editor)
    await shop.release(checkout_id)

    assert level.json() == {"sku": "apple", "stock": 2, "held": 3, "sold": 0}
    assert await shop.counters("apple") == Counters(available=5, held=0, sold=0)


async def test_what_is_held_of_a_deleted_product_can_still_be_sold_or_given_back(shop: Stand) -> None:
    sold, back, late = uuid4(), uuid4(), uuid4()
    for checkout in (sold, back):
        await shop.hold(checkout, ("apple", 2))
    await shop.client.delete("/products/apple", headers=shop.editor)

    answers = [await shop.commit(sold), await shop.release(back)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert await shop.counters("apple") == Counters(available=2, held=0, sold=2)
    refused = await shop.hold(late, ("apple", 1))
    assert refused.json()["items"] == [{"sku": "apple", "wanted": 1, "available": 0}]


async def test_holds_are_counted_by_how_they_were_answered(shop: Stand, checkout_id: UUID) -> None:
    async def counted(line: str) -> float:
        lines = (await shop.client.get("/metrics")).text.splitlines()
        return next((float(entry.rsplit(" ", 1)[1]) for entry in lines if entry.startswith(line)), 0.0)

    held, short = (f'catalog_holds_total{{call="hold",outcome="{outcome}"}}' for outcome in ("held", "out_of_stock"))
    before = (await counted(held), await counted(short))

    await shop.hold(checkout_id, ("apple", 1))
    await shop.hold(uuid4(), ("apple", 100))

    assert (await counted(held), await counted(short)) == (before[0] + 1, before[1] + 1)


async def test_the_api_document_names_each_refusal_of_a_hold(still_shop: Stand) -> None:
    document = (await still_shop.client.get("/openapi.json")).json()

    refusals = document["paths"]["/holds/{checkout_id}"]["post"]["responses"]["409"]
    told = set(refusals["content"]["application/problem+json"]["examples"])
    assert told == {"out_of_stock", "hold_is_released", "hold_mismatch", "request_in_progress"}
