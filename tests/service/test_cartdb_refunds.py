"""Refunds at cartdb: never more than was paid, once for their id, and a refusal that stays."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.contracts.identity import Scope
from tests.conftest import DatabaseUrls
from tests.service.cartdb_client import CartDb, new_guest


class Sale:
    """A guest's purchase of four apples and a banana for 20000 paise, and the operator's side of it."""

    def __init__(self, cartdb: CartDb, owner: str) -> None:
        self.cartdb = cartdb
        self.owner = owner
        self.order = uuid4()

    async def begin(self, refund_id: UUID | None = None, *, fingerprint: str = "f", **fields: Any) -> httpx.Response:
        body = {
            "refund_id": str(refund_id or uuid4()),
            "fingerprint": fingerprint,
            "currency": "INR",
            "actor": "user:olga",
            **fields,
        }
        headers = self.cartdb.checkout(self.owner)
        return await self.cartdb.http.post(f"/purchases/{self.order}/refunds", json=body, headers=headers)

    async def decide(self, refund_id: str, step: str, **body: Any) -> httpx.Response:
        headers = self.cartdb.checkout(self.owner)
        return await self.cartdb.http.post(f"/refunds/{refund_id}/{step}", json=body, headers=headers)

    async def begun(self, **fields: Any) -> dict[str, Any]:
        answer = await self.begin(**fields)
        assert answer.status_code == 200, answer.text
        refund: dict[str, Any] = answer.json()
        return refund

    async def purchase(self) -> dict[str, Any]:
        headers = self.cartdb.checkout(self.owner)
        purchase: dict[str, Any] = (await self.cartdb.http.get(f"/purchases/{self.order}", headers=headers)).json()
        return purchase


async def marked(cartdb: CartDb) -> Sale:
    sale = Sale(cartdb, new_guest())
    await cartdb.add(cartdb.guest(sale.owner), "banana")
    cart = (await cartdb.add(cartdb.guest(sale.owner), "apple", 4)).json()
    await cartdb.mark(sale.owner, cart, sale.order)
    await cartdb.step(sale.owner, sale.order, "attach", intent_id=f"pi_{sale.order.hex}")
    return sale


@pytest.fixture
async def sale(cartdb: CartDb) -> Sale:
    sale = await marked(cartdb)
    await cartdb.step(sale.owner, sale.order, "settle", intent_id=f"pi_{sale.order.hex}")
    return sale


def outcome(refund: dict[str, Any]) -> tuple[str, int | None, str | None]:
    return refund["state"], refund["amount"], refund["failure"]


async def test_a_refund_is_pending_then_done_and_stays_on_the_purchase(sale: Sale) -> None:
    asked = await sale.begun(amount=5000, reason="duplicate", restock=[{"sku": "apple", "quantity": 1}])

    done = [(await sale.decide(asked["refund_id"], "finish", processor_refund_id="re_1")).json() for _ in range(2)]

    assert outcome(asked) == ("pending", 5000, None)
    assert (asked["intent_id"], asked["restock"]) == (f"pi_{sale.order.hex}", [{"sku": "apple", "quantity": 1}])
    assert done[0] == done[1]
    assert outcome(done[0]) == ("done", 5000, None)
    purchase = await sale.purchase()
    assert purchase["state"] == "paid"
    assert purchase["refunds"] == [done[0]]


async def test_without_an_amount_everything_left_goes_back(sale: Sale) -> None:
    await sale.begun(amount=4999)

    rest = await sale.begun()
    more = await sale.begun()

    assert outcome(rest) == ("pending", 15001, None)
    assert outcome(more) == ("failed", None, "refund_exceeds_payment")
    assert more["detail"] == {"left": 0, "paid": 20000}


async def test_a_failed_refund_leaves_its_amount_to_others_and_never_comes_back(sale: Sale) -> None:
    first = await sale.begun()

    failed = [(await sale.decide(first["refund_id"], "fail", failure="expired_card")).json() for _ in range(2)]
    late = await sale.decide(first["refund_id"], "finish", processor_refund_id="re_1")
    second = await sale.begun(amount=20000)
    revived = await sale.begin(UUID(first["refund_id"]))

    assert outcome(failed[0]) == ("failed", 20000, "expired_card")
    assert failed[0] == failed[1] == revived.json()
    assert (late.status_code, late.json()["type"]) == (409, "/docs/problems#refund_has_failed")
    assert outcome(second) == ("pending", 20000, None)


async def test_a_done_refund_neither_fails_nor_takes_another_refund_of_the_processor(sale: Sale) -> None:
    refund = await sale.begun(amount=1)
    await sale.decide(refund["refund_id"], "finish", processor_refund_id="re_1")

    failed = await sale.decide(refund["refund_id"], "fail", failure="expired_card")
    other = await sale.decide(refund["refund_id"], "finish", processor_refund_id="re_2")

    assert failed.json()["type"] == "/docs/problems#refund_is_done"
    assert other.json()["type"] == "/docs/problems#refund_mismatch"
    assert [refund["processor_refund_id"] for refund in (await sale.purchase())["refunds"]] == ["re_1"]


async def test_a_refusal_stays_although_there_is_more_left_later(sale: Sale) -> None:
    first, refund_id = await sale.begun(amount=15000), uuid4()
    refused = (await sale.begin(refund_id, amount=5001)).json()
    await sale.decide(first["refund_id"], "fail", failure="expired_card")

    twin = (await sale.begin(refund_id, amount=5001)).json()

    assert outcome(refused) == ("failed", 5001, "refund_exceeds_payment")
    assert refused["detail"] == {"left": 5000, "paid": 20000}
    assert twin == refused


async def test_an_order_that_is_not_paid_refuses_for_good(cartdb: CartDb) -> None:
    sale, refund_id = await marked(cartdb), uuid4()
    refused = (await sale.begin(refund_id)).json()
    await cartdb.step(sale.owner, sale.order, "settle", intent_id=f"pi_{sale.order.hex}")

    twin = (await sale.begin(refund_id)).json()

    assert outcome(refused) == ("failed", None, "order_not_paid")
    assert twin == refused


async def test_an_id_is_good_for_one_request_of_one_order(sale: Sale, cartdb: CartDb) -> None:
    refund_id = uuid4()
    await sale.begin(refund_id, amount=100)

    other = await sale.begin(refund_id, amount=100, fingerprint="g")

    assert (other.status_code, other.json()["type"]) == (422, "/docs/problems#idempotency_key_reused")
    assert len((await sale.purchase())["refunds"]) == 1


async def test_goods_go_back_that_were_sold_and_are_still_out(sale: Sale) -> None:
    apples = [{"sku": "apple", "quantity": 2}, {"sku": "apple", "quantity": 1}]
    first = await sale.begun(amount=100, restock=apples)

    refused = await sale.begun(amount=100, restock=[*apples, {"sku": "tea", "quantity": 1}])
    await sale.decide(first["refund_id"], "fail", failure="expired_card")
    again = await sale.begun(amount=100, restock=apples)

    assert first["restock"] == [{"sku": "apple", "quantity": 3}]
    assert outcome(refused) == ("failed", 100, "restock_exceeds_sale")
    assert refused["detail"]["items"] == [
        {"sku": "apple", "asked": 3, "left": 1},
        {"sku": "tea", "asked": 1, "left": 0},
    ]
    assert again["state"] == "pending"


async def test_another_currency_is_refused(sale: Sale) -> None:
    assert outcome(await sale.begun(amount=100, currency="USD")) == ("failed", 100, "currency_not_accepted")


async def test_twenty_equal_requests_are_one_refund(sale: Sale) -> None:
    refund_id = uuid4()

    answers = await asyncio.gather(*(sale.begin(refund_id, amount=20000) for _ in range(20)))

    assert {answer.text for answer in answers} == {answers[0].text}
    assert outcome(answers[0].json()) == ("pending", 20000, None)


async def test_different_requests_at_once_never_add_up_to_more_than_was_paid(sale: Sale) -> None:
    amounts = [1000 * n for n in range(1, 11)]

    refunds = await asyncio.gather(*(sale.begun(amount=amount) for amount in amounts))

    pending = [refund["amount"] for refund in refunds if refund["state"] == "pending"]
    refused = [refund for refund in refunds if refund["state"] == "failed"]
    assert sum(pending) <= 20000
    assert refused
    assert all(refund["amount"] > refund["detail"]["left"] for refund in refused)


async def test_the_database_itself_refuses_more_than_was_paid(sale: Sale, cartdb_urls: DatabaseUrls) -> None:
    await sale.begun(amount=20000)
    connection = await asyncpg.connect(cartdb_urls.app)

    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "UPDATE purchases SET refunded = refunded + 1 WHERE owner_id = $1 AND checkout_id = $2",
            sale.owner,
            sale.order,
        )

    await connection.close()


async def test_another_owners_refund_is_the_same_as_none(sale: Sale, cartdb: CartDb) -> None:
    refund = await sale.begun(amount=100)
    stranger = Sale(cartdb, new_guest())
    stranger.order = sale.order

    begun = await stranger.begin()
    decided = [
        await stranger.decide(refund["refund_id"], "finish", processor_refund_id="re_9"),
        await stranger.decide(refund["refund_id"], "fail", failure="expired_card"),
    ]

    assert begun.json()["type"] == "/docs/problems#order_not_found"
    assert [answer.json()["type"] for answer in decided] == ["/docs/problems#refund_not_found"] * 2
    assert (await sale.purchase())["refunds"] == [refund]


async def test_only_the_checkouts_credential_refunds_and_reads_anybodys_purchase(sale: Sale, cartdb: CartDb) -> None:
    refund = await sale.begun(amount=100)
    address = f"/anybodys/purchases/{sale.order}"

    found = await cartdb.http.get(address, headers=cartdb.issuer.service(Scope.CART_CHECKOUT))
    none = await cartdb.http.get(f"/anybodys/purchases/{uuid4()}", headers=cartdb.issuer.service(Scope.CART_CHECKOUT))
    guest = cartdb.guest(sale.owner)
    refused = [
        await cartdb.http.get(address, headers=guest),
        await cartdb.http.post(f"/refunds/{refund['refund_id']}/fail", json={"failure": "x"}, headers=guest),
        await cartdb.http.post(
            f"/refunds/{refund['refund_id']}/finish", json={"processor_refund_id": "re_1"}, headers=guest
        ),
        await cartdb.http.post(
            f"/purchases/{sale.order}/refunds",
            json={"refund_id": str(uuid4()), "fingerprint": "f", "currency": "INR", "actor": "a"},
            headers=guest,
        ),
    ]

    assert found.json() == await sale.purchase()
    assert none.status_code == 404
    assert [answer.status_code for answer in refused] == [403] * 4


async def test_unfinished_work_lists_pending_refunds_until_they_are_decided(sale: Sale, cartdb: CartDb) -> None:
    refund = await sale.begun(amount=100)
    headers = cartdb.issuer.service(Scope.CART_CHECKOUT)

    async def listed() -> set[str]:
        answer = await cartdb.http.get("/unfinished", params={"older_than": 0, "limit": 500}, headers=headers)
        return {one["refund_id"] for one in answer.json()["refunds"]}

    before = await listed()
    await sale.decide(refund["refund_id"], "finish", processor_refund_id="re_1")
    after = await listed()

    assert refund["refund_id"] in before
    assert refund["refund_id"] not in after
