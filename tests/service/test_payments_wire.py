"""What wraps the processor's answers: keys, headers, error shapes, the browser's permission, the docs page."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import MakeDatabase
from tests.service.payments_stand import (
    PUBLISHABLE,
    PUBLISHABLE_KEY,
    SECRET,
    SECRET_KEY,
    SHOP,
    Payments,
    payments_app,
    visa,
)
from tests.serving import serving

SALE = {"amount": "100", "currency": "inr"}


@pytest.fixture(scope="module")
async def client(make_database: MakeDatabase) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(payments_app((await make_database("payments")).app)) as client:
        yield client


def basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


# Keys


@pytest.mark.parametrize("headers", [SECRET, basic(SECRET_KEY), {"Authorization": f"bearer {SECRET_KEY}"}])
async def test_the_secret_key_opens_intents(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/v1/payment_intents", data=SALE, headers=headers)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer sk_test_other"},
        {"Authorization": f"Bearer {SECRET_KEY}x"},
        {"Authorization": "Bearer schlüssel".encode()},
        {"Authorization": f"Digest {SECRET_KEY}"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:").decode()},
        basic("sk_test_other"),
        basic(f":{SECRET_KEY}"),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/payment_intents"), ("GET", "/v1/payment_intents"), ("POST", "/v1/payment_methods")],
)
async def test_a_missing_or_wrong_key_is_refused_alike(
    client: httpx.AsyncClient, headers: dict[str, str], method: str, path: str
) -> None:
    answer = await client.request(method, path, headers=headers)

    assert answer.status_code == 401
    error = answer.json()["error"]
    assert (error["type"], "sk_" in answer.text) == ("invalid_request_error", False)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/payment_intents"),
        ("GET", "/v1/payment_intents"),
        ("GET", "/v1/payment_intents/pi_1"),
        ("POST", "/v1/payment_intents/pi_1/confirm"),
        ("POST", "/v1/payment_intents/pi_1/cancel"),
        ("GET", "/v1/payment_methods/pm_card_visa"),
        ("GET", "/v1/charges"),
        ("GET", "/v1/charges/ch_1"),
    ],
)
async def test_a_publishable_key_may_create_payment_methods_only(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await client.request(method, path, headers=PUBLISHABLE)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "secret_key_required")


@pytest.mark.parametrize("headers", [SECRET, PUBLISHABLE, basic(PUBLISHABLE_KEY)])
async def test_either_key_exchanges_a_card_for_a_token(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    details = {"billing_details[name]": "Asha", "billing_details[address][city]": "Pune", "metadata[a]": "b"}
    answer = await client.post("/v1/payment_methods", data=visa() | details, headers=headers)

    made = answer.json()
    assert (answer.status_code, made["object"], made["type"]) == (200, "payment_method", "card")
    assert (made["card"]["brand"], made["card"]["last4"], made["card"]["exp_month"]) == ("visa", "4242", 12)
    assert (made["billing_details"]["name"], made["billing_details"]["address"]["city"]) == ("Asha", "Pune")
    assert made["metadata"] == {"a": "b"}
    assert (await client.get(f"/v1/payment_methods/{made['id']}", headers=SECRET)).json() == made


@pytest.mark.parametrize(
    ("changed", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "card[number]"),
        ({"number": "hello"}, "invalid_number", "card[number]"),
        ({"exp_month": "13"}, "invalid_expiry_month", "card[exp_month]"),
        ({"exp_year": "2030"}, "invalid_expiry_year", "card[exp_year]"),
        ({"cvc": "12"}, "invalid_cvc", "card[cvc]"),
    ],
)
async def test_a_mistyped_card_is_told_by_the_field(
    client: httpx.AsyncClient, changed: dict[str, str], code: str, param: str
) -> None:
    number = changed.pop("number", "4242424242424242")
    answer = await client.post("/v1/payment_methods", data=visa(number, **changed), headers=PUBLISHABLE)

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"], error["param"]) == (402, "card_error", code, param)


@pytest.mark.parametrize("missing", ["type", "card[number]", "card[exp_month]", "card[exp_year]"])
async def test_a_missing_part_of_a_card_is_named(client: httpx.AsyncClient, missing: str) -> None:
    data = {name: value for name, value in visa().items() if name != missing}

    error = (await client.post("/v1/payment_methods", data=data, headers=PUBLISHABLE)).json()["error"]

    assert (error["code"], error["param"]) == ("parameter_missing", missing)


# Headers


async def test_answers_carry_stripes_headers(client: httpx.AsyncClient) -> None:
    asked = SECRET | {"Stripe-Version": "2024-06-20", "Idempotency-Key": "headers-1", "X-Request-ID": "abc"}

    good = await client.post("/v1/payment_intents", data=SALE, headers=asked)
    bad = await client.post("/v1/payment_intents", data={}, headers=asked)

    for answer in (good, bad):
        assert (answer.headers["request-id"], answer.headers["x-request-id"]) == ("req_abc", "abc")
        assert answer.headers["stripe-version"] == "2024-06-20"
        assert answer.headers["idempotency-key"] == "headers-1"
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
    assert ("stripe-should-retry" in good.headers, bad.headers["stripe-should-retry"]) == (False, "false")


@pytest.mark.parametrize(
    ("version", "parameter", "code"),
    [
        ("2024-06-20", "payment_method_types[]", None),
        ("2024-06-20", "allowed_payment_method_types[]", "parameter_unknown"),
        ("2026-07-29.dahlia", "payment_method_types[]", None),
        ("2026-07-29.dahlia", "allowed_payment_method_types[]", None),
        ("2026-10-28.endive", "payment_method_types[]", "payment_method_types_no_longer_supported"),
        ("2026-10-28.endive", "allowed_payment_method_types[]", None),
    ],
)
async def test_payment_method_types_are_taken_as_the_version_has_them(
    client: httpx.AsyncClient, version: str, parameter: str, code: str | None
) -> None:
    asked = SECRET | {"Stripe-Version": version}

    answer = await client.post("/v1/payment_intents", data=SALE | {parameter: "card"}, headers=asked)

    assert answer.status_code == (400 if code else 200)
    assert answer.json().get("error", {}).get("code") == code


@pytest.mark.parametrize(
    "choices",
    [
        {"payment_method_types[]": "card", "allowed_payment_method_types[]": "card"},
        {"payment_method_types[]": "card", "automatic_payment_methods[enabled]": "true"},
        {"allowed_payment_method_types[0]": "card", "automatic_payment_methods[enabled]": "true"},
    ],
)
async def test_there_is_one_way_to_choose_payment_method_types(
    client: httpx.AsyncClient, choices: dict[str, str]
) -> None:
    answer = await client.post("/v1/payment_intents", data=SALE | choices, headers=SECRET)

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_a_version_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/payment_intents", headers=SECRET | {"Stripe-Version": "latest"})

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


# Error shapes


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/customers", 404),
        ("GET", "/v1", 404),
        ("GET", "/elsewhere", 404),
        ("DELETE", "/v1/payment_intents", 405),
        ("GET", "/v1/payment_methods", 405),
    ],
)
async def test_a_wrong_address_is_told_in_stripes_shape(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path, headers=SECRET)

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, "invalid_request_error")


async def test_a_huge_body_is_refused_in_stripes_shape(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/payment_intents", data={"description": "a" * 100_000}, headers=SECRET)

    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "invalid_request_error")
    assert answer.headers["request-id"].startswith("req_")


@pytest.mark.parametrize(
    "request_parts",
    [
        {"json": SALE},
        {"content": b"amount=1&currency=inr"},
        {"content": b"\xff\xfe", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"params": SALE},
        {"data": SALE, "params": {"expand[]": "charges"}},
    ],
)
async def test_parameters_belong_into_a_form_body(client: httpx.AsyncClient, request_parts: dict[str, object]) -> None:
    headers = SECRET | request_parts.pop("headers", {})  # type: ignore[operator]  # a dict where it is there
    answer = await client.post("/v1/payment_intents", headers=headers, **request_parts)  # type: ignore[arg-type]

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_an_unreachable_database_is_told_in_both_shapes() -> None:
    async with serving(payments_app("postgresql://nobody:sample@127.0.0.1:9/none")) as client:
        opened = await Payments(client).post("payment_intents", key="away-1", amount=100, currency="inr")
        ready = await client.get("/health/ready")
        alive = await client.get("/health/live")

    assert (opened.status_code, opened.json()["error"]["type"]) == (503, "api_error")
    assert opened.headers["stripe-should-retry"] == "true"
    assert (ready.status_code, ready.headers["content-type"]) == (503, "application/problem+json")
    assert alive.status_code == 200


# The browser's permission


async def test_the_shops_pages_may_exchange_a_card(client: httpx.AsyncClient) -> None:
    asked = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }

    before = await client.options("/v1/payment_methods", headers=asked)
    made = await client.post("/v1/payment_methods", data=visa(), headers=PUBLISHABLE | {"Origin": SHOP})
    refused = await client.post("/v1/payment_methods", data=visa("1"), headers=PUBLISHABLE | {"Origin": SHOP})

    assert (before.status_code, before.headers["access-control-allow-methods"]) == (204, "POST")
    assert {"authorization", "content-type", "idempotency-key"} <= set(
        before.headers["access-control-allow-headers"].lower().split(", ")
    )
    assert (made.status_code, refused.status_code) == (200, 402)
    for answer in (before, made, refused):
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "origin"),
    [
        ("OPTIONS", "/v1/payment_methods", "http://evil.test"),
        ("POST", "/v1/payment_methods", "http://evil.test"),
        ("POST", "/v1/payment_methods", "null"),
        ("OPTIONS", "/v1/payment_intents", SHOP),
        ("POST", "/v1/payment_intents", SHOP),
        ("GET", "/v1/payment_methods/pm_card_visa", SHOP),
        ("GET", "/health/live", SHOP),
    ],
)
async def test_no_other_page_and_no_other_address_is_open_to_browsers(
    client: httpx.AsyncClient, method: str, path: str, origin: str
) -> None:
    answer = await client.request(method, path, headers=SECRET | {"Origin": origin})

    assert not [name for name in answer.headers if name == "access-control-allow-origin"]


# The docs page


async def test_the_docs_describe_forms_in_brackets(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    page = await client.get("/docs")

    form = document["paths"]["/v1/payment_methods"]["post"]["requestBody"]["content"][
        "application/x-www-form-urlencoded"
    ]
    assert page.status_code == 200
    assert form["encoding"]["card"] == {"style": "deepObject", "explode": True}
    assert form["schema"]["properties"]["card"]["required"] == ["number", "exp_month", "exp_year"]
    assert "card[number]=" in form["example"]
    assert "$defs" not in str(document)
    assert "42" * 8 not in str(document["components"])
    intents = document["paths"]["/v1/payment_intents"]
    assert {parameter["name"] for parameter in intents["get"]["parameters"]} == {
        *("limit", "starting_after", "ending_before")
    }
    assert "422" not in intents["post"]["responses"]
    assert all(
        operation.get("summary") and (operation.get("tags") or path.startswith("/health"))
        for path, operations in document["paths"].items()
        for operation in operations.values()
    )
