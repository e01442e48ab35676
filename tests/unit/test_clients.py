"""How the controller asks its neighbours."""

import json
from uuid import UUID

import httpx
import pytest

from services.chassis.outbound import Neighbour
from services.contracts.payments import StripeRefund
from services.contracts.problems import OutcomeUnknown, RefundRefused, Refused
from services.controller.clients import ITEMS_AT_ONCE, Catalog
from services.controller.processor import Payments, read_refund


async def test_more_items_than_catalog_takes_at_once_are_asked_for_in_slices() -> None:
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(len(json.loads(request.content)["skus"]))
        return httpx.Response(200, json={"items": []})

    async with Neighbour("catalog", "http://catalog", transport=httpx.MockTransport(answer)) as neighbour:
        await Catalog(neighbour).items(skus=[f"sku-{n}" for n in range(2 * ITEMS_AT_ONCE + 1)])

    assert asked == [ITEMS_AT_ONCE, ITEMS_AT_ONCE, 1]


async def test_the_refunds_of_a_payment_are_read_to_the_last_page() -> None:
    everything = [{"id": f"re_{n}", "status": "succeeded", "amount": 1} for n in range(250)]
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("starting_after")
        asked.append(after)
        start = int(after.removeprefix("re_")) + 1 if after else 0
        page = everything[start : start + int(request.url.params["limit"])]
        return httpx.Response(200, json={"data": page, "has_more": start + len(page) < len(everything)})

    async with Neighbour("payments", "http://payments", transport=httpx.MockTransport(answer)) as neighbour:
        found = await Payments(neighbour, secret_key="sk").refunds_of("pi_1")

    assert isinstance(found, list)
    assert [refund.id for refund in found] == [refund["id"] for refund in everything]
    assert asked == [None, "re_99", "re_199"]


async def test_an_attempt_at_a_refund_goes_out_under_one_key_and_names_the_refund() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"id": "re_1", "status": "pending", "amount": 100})

    async with Neighbour("payments", "http://payments", transport=httpx.MockTransport(answer)) as neighbour:
        for attempt in (1, 1, 2):
            given = await Payments(neighbour, secret_key="sk").refund(
                "pi_1", amount=100, reason=None, refund_id=UUID(int=1), checkout_id=UUID(int=2), attempt=attempt
            )

    assert given == StripeRefund(id="re_1", status="pending", amount=100)
    key = f"{UUID(int=1)}:refund"
    assert [request.headers["idempotency-key"] for request in sent] == [key, key, f"{key}:2"]
    form = dict(httpx.QueryParams(sent[0].content.decode()))
    assert form == {
        "payment_intent": "pi_1",
        "amount": "100",
        "metadata[refund_id]": str(UUID(int=1)),
        "metadata[checkout_id]": str(UUID(int=2)),
    }


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": "charge_already_refunded"}, "charge_already_refunded"),
        ({"code": "charge_disputed"}, "charge_disputed"),
        ({"param": "amount", "message": "Refund amount is greater than what is left."}, "amount_not_left"),
    ],
)
def test_a_charge_with_too_little_left_is_a_no(error: dict[str, str], reason: str) -> None:
    answer = httpx.Response(400, json={"error": {"type": "invalid_request_error", **error}})

    refused = read_refund(answer)

    assert isinstance(refused, Refused)
    assert isinstance(refused.problem, RefundRefused)
    assert refused.problem.members["reason"] == reason


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"error": {"type": "invalid_request_error", "code": "resource_missing"}}),
        httpx.Response(400, json={"error": {"type": "idempotency_error"}}),
        httpx.Response(409, json={"error": {"type": "idempotency_error"}}),
        httpx.Response(429, json={"error": {"type": "invalid_request_error", "code": "lock_timeout"}}),
        httpx.Response(400, text="no such thing"),
        httpx.Response(200, text="no such thing"),
    ],
)
def test_any_other_answer_to_a_refund_tells_nothing(answer: httpx.Response) -> None:
    assert isinstance(read_refund(answer), OutcomeUnknown)
