"""Bad input at the shop's door: each a clear refusal, nothing changed, never a 5xx."""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.customer import Customer
from tests.integration.shop_client import ADDRESS, Shop, Shopper, problem_type
from tests.stacks import RunningStack

JSON = {"Content-Type": "application/json"}
PAYMENT = {"payment_method": "pm_card_visa", "email": "asha@example.com", "shipping_address": ADDRESS}
API_PAYMENT = "/api/payments/create-from-cart/"


@pytest.fixture
def shopper(shop: Shop) -> Shopper:
    """A guest with two apples, who has looked at the cart."""
    guest = shop.guest()
    guest.add("apple", 2)
    return guest


def with_token_and_apples(shop: Shop) -> Shopper:
    customer = shop.customer()
    customer.add("apple", 2)
    return shop.with_token(shop.token_of(customer.username))


@pytest.fixture
def program(shop: Shop) -> Shopper:
    """A customer with two apples, by bearer token."""
    return with_token_and_apples(shop)


@pytest.fixture(scope="module")
def refused_program(stack: RunningStack) -> Iterator[Shopper]:
    """The same for tests that leave the cart as it is."""
    with Shop(stack) as shop:
        yield with_token_and_apples(shop)


def expect_refusal(shopper: Shopper, answer: httpx.Response, *, before: dict[str, Any], status: int, slug: str) -> None:
    assert (answer.status_code, problem_type(answer)) == (status, slug), answer.text
    assert shopper.cart() == before


QUANTITIES = [
    pytest.param("0", id="zero"),
    pytest.param("-1", id="negative"),
    pytest.param("1.5", id="a fraction"),
    pytest.param("1.0", id="a whole number written as a fraction"),
    pytest.param("1e0", id="a number with an exponent"),
    pytest.param('"2"', id="a text"),
    pytest.param("true", id="a boolean"),
    pytest.param("null", id="null"),
    pytest.param("[1]", id="a list"),
    pytest.param("NaN", id="not a number"),
    pytest.param("1e400", id="infinity"),
    pytest.param("1000000001", id="more than anything"),
]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_quantity_that_is_no_number_of_things_is_refused(shopper: Shopper, quantity: str) -> None:
    before = shopper.cart()
    cart = f"/carts/{before['cart_id']}"

    added = [
        shopper.http.post(path, content=f'{{"sku": "banana", "quantity": {quantity}}}', headers=JSON)
        for path in ("/cart/items", f"{cart}/items")
    ]
    # 0 is how PUT takes a line out.
    put = [
        shopper.http.put(path, content=f'{{"quantity": {quantity}}}', headers=JSON)
        for path in ("/cart/items/apple", f"{cart}/items/apple")
        if quantity != "0"
    ]

    for answer in added + put:
        expect_refusal(shopper, answer, before=before, status=422, slug="validation_failed")
        assert answer.json()["errors"][0]["field"] == "body.quantity"


@pytest.mark.parametrize("quantity", [998, 10**9])
def test_more_of_one_item_than_a_cart_holds_is_refused(shopper: Shopper, quantity: int) -> None:
    before = shopper.cart()

    answer = shopper.http.post("/cart/items", json={"sku": "apple", "quantity": quantity})

    expect_refusal(shopper, answer, before=before, status=422, slug="quantity_limit_exceeded")
    assert answer.json()["limit"] == 999


ITEMS = [
    pytest.param({"sku": "no-such-thing"}, "unknown_sku", id="unknown SKU"),
    pytest.param({"sku": "APPLE"}, "unknown_sku", id="SKU in capitals"),
    pytest.param({"product_id": 2_000_000_000}, "unknown_sku", id="unknown product"),
    pytest.param({"product_id": 1, "variant_id": 2_000_000_000}, "unknown_sku", id="unknown variant"),
    pytest.param({"sku": "t-shirt"}, "variant_required", id="product sold by variants"),
    pytest.param({}, "validation_failed", id="nothing named"),
    pytest.param({"variant_id": 1}, "validation_failed", id="variant without product"),
    pytest.param({"sku": "apple", "product_id": 1}, "validation_failed", id="named twice"),
    pytest.param({"sku": ""}, "validation_failed", id="empty SKU"),
    pytest.param({"sku": "a\x00b"}, "validation_failed", id="NUL in SKU"),
    pytest.param({"sku": "../stock"}, "validation_failed", id="SKU that climbs"),
    pytest.param({"sku": "a" * 65}, "validation_failed", id="SKU too long"),
    pytest.param({"sku": 7}, "validation_failed", id="SKU a number"),
    pytest.param({"product_id": 0}, "validation_failed", id="product 0"),
    pytest.param({"product_id": -1}, "validation_failed", id="product -1"),
    pytest.param({"product_id": 2**31}, "validation_failed", id="product beyond all"),
    pytest.param({"product_id": "1.0"}, "validation_failed", id="product a fraction"),
    pytest.param({"product_id": "٣"}, "validation_failed", id="product in other digits"),
    pytest.param({"product_id": True}, "validation_failed", id="product a boolean"),
    pytest.param({"sku": "banana", "price": 1}, "validation_failed", id="price"),
    pytest.param({"sku": "banana", "unit_price": 1}, "validation_failed", id="unit price"),
    pytest.param({"sku": "banana", "total_price": 0}, "validation_failed", id="total price"),
    pytest.param({"sku": "banana", "qty": 2}, "validation_failed", id="unknown field"),
    pytest.param({"sku": "banana", "owner_id": "guest:1"}, "validation_failed", id="owner"),
]


@pytest.mark.parametrize(("item", "slug"), ITEMS)
def test_an_item_that_cannot_be_added_is_refused(shopper: Shopper, item: dict[str, Any], slug: str) -> None:
    before = shopper.cart()

    answer = shopper.http.post("/cart/items", json=item)

    expect_refusal(shopper, answer, before=before, status=422, slug=slug)


def test_an_unknown_sku_is_refused_by_name_and_a_missing_variant_by_the_list_of_them(shopper: Shopper) -> None:
    unknown = shopper.http.put("/cart/items/no-such-thing", json={"quantity": 1})
    unspecific = shopper.http.post("/cart/items", json={"sku": "t-shirt"})

    assert (problem_type(unknown), unknown.json()["sku"]) == ("unknown_sku", "no-such-thing")
    variants = {variant["sku"] for variant in shopper.read("/products/t-shirt")["variants"]}
    assert {variant["sku"] for variant in unspecific.json()["variants"]} == variants


def test_prices_that_a_client_sends_are_refused_at_every_door(shopper: Shopper) -> None:
    before = shopper.cart()

    for answer in (
        shopper.http.put("/cart/items/apple", json={"quantity": 1, "unit_price": 1}),
        shopper.http.post("/carts", json={"name": "Cheap", "total_price": 1}),
        shopper.http.patch(f"/carts/{before['cart_id']}", json={"name": "Cheap", "discount": 100}),
        shopper.http.post("/cart/checkout", json={**PAYMENT, "total": 1}),
        shopper.http.post("/cart/checkout", json={**PAYMENT, "amount": 1}),
        shopper.http.post("/cart/checkout", json={**PAYMENT, "items": []}),
    ):
        expect_refusal(shopper, answer, before=before, status=422, slug="validation_failed")


BODIES = [
    pytest.param(b'{"sku": "banana"', JSON, 422, "validation_failed", id="cut off"),
    pytest.param(b"sku=banana", JSON, 422, "validation_failed", id="a form called JSON"),
    pytest.param(b"\xff\xfe\x00", JSON, 400, "bad_request", id="no text"),
    pytest.param(b"", JSON, 422, "validation_failed", id="nothing"),
    pytest.param(b"null", JSON, 422, "validation_failed", id="null"),
    pytest.param(b'["banana"]', JSON, 422, "validation_failed", id="a list"),
    pytest.param(b'"banana"', JSON, 422, "validation_failed", id="a text"),
    pytest.param(b"[" * 20_000, JSON, 400, "bad_request", id="nested without end"),
    pytest.param(b'{"sku": "banana", "quantity": ' + b"9" * 5000 + b"}", JSON, 400, "bad_request", id="endless number"),
    pytest.param(b'{"sku": "banana"}' + b" " * 65_536, JSON, 413, "body_too_large", id="too large"),
    pytest.param(b'{"sku": "banana"}', {"Content-Type": "text/plain"}, 415, "unsupported_media_type", id="plain text"),
    pytest.param(b'{"sku": "banana"}', {}, 415, "unsupported_media_type", id="no kind at all"),
    pytest.param(
        b"sku=banana",
        {"Content-Type": "application/x-www-form-urlencoded"},
        415,
        "unsupported_media_type",
        id="a form",
    ),
]


@pytest.mark.parametrize(("body", "headers", "status", "slug"), BODIES)
def test_a_body_that_is_not_the_json_asked_for_is_refused(
    shopper: Shopper, body: bytes, headers: dict[str, str], status: int, slug: str
) -> None:
    before = shopper.cart()

    answer = shopper.http.post("/cart/items", content=body, headers=headers)

    expect_refusal(shopper, answer, before=before, status=status, slug=slug)


def test_a_body_too_large_that_does_not_tell_its_length_is_refused(shopper: Shopper) -> None:
    before = shopper.cart()

    def pieces() -> Iterator[bytes]:
        yield b'{"sku": "banana"}'
        yield from (b" " * 1024 for _ in range(65))

    answer = shopper.http.post("/cart/items", content=pieces(), headers=JSON)

    expect_refusal(shopper, answer, before=before, status=413, slug="body_too_large")


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "schlüssel".encode(), "tab\tkey"])
def test_a_malformed_idempotency_key_is_refused(shopper: Shopper, key: str | bytes) -> None:
    before = shopper.cart()
    headers = {"Idempotency-Key": key.encode() if isinstance(key, str) else key}
    change: dict[str, Any] = {"json": {"sku": "banana"}}

    for method, path, body in (
        ("POST", "/cart/items", change),
        ("PUT", "/cart/items/apple", {"json": {"quantity": 5}}),
        ("DELETE", "/cart/items/apple", {}),
        ("DELETE", "/cart/items", {}),
        ("POST", "/carts", {"json": {}}),
        ("POST", f"/carts/{before['cart_id']}/activate", {}),
        ("POST", "/cart/checkout", {"json": PAYMENT}),
    ):
        raw = [(name.encode(), value) for name, value in headers.items()]
        answer = shopper.http.request(method, path, headers=raw, **body)
        expect_refusal(shopper, answer, before=before, status=422, slug="validation_failed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/cart"),
        ("DELETE", "/cart"),
        ("GET", "/cart/items"),
        ("PATCH", "/cart/items/apple"),
        ("GET", "/cart/checkout"),
        ("PUT", "/carts"),
        ("DELETE", "/orders"),
        ("POST", "/products"),
        ("GET", "/logout"),
        ("POST", "/login"),
        ("TRACE", "/cart"),
    ],
)
def test_a_wrong_method_is_refused_with_the_right_ones(shopper: Shopper, method: str, path: str) -> None:
    before = shopper.cart()

    answer = shopper.http.request(method, path)

    expect_refusal(shopper, answer, before=before, status=405, slug="method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/carts", "GET, POST"),
        ("/cart/items", "DELETE, POST"),
        ("/carts/01890000-0000-7000-8000-000000000001", "DELETE, GET, PATCH"),
        ("/cart/items/apple", "DELETE, PUT"),
        ("/cart", "GET"),
    ],
)
def test_every_method_that_an_address_takes_is_named(shop: Shop, path: str, allowed: str) -> None:
    """Also when each has a route of its own."""
    answer = shop.guest().http.request("TRACE", path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/nothing", "/cart/", "/carts//items", "/cart/items/apple/more", "/products/a/b"])
def test_an_address_where_nothing_is_answers_404(shopper: Shopper, path: str) -> None:
    answer = shopper.http.get(path)

    assert (answer.status_code, problem_type(answer)) == (404, "not_found")


def answers_of_every_cart_route(shopper: Shopper, cart_id: str) -> dict[str, httpx.Response]:
    cart = f"/carts/{cart_id}"
    routes: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", cart, {}),
        ("PATCH", cart, {"json": {"name": "Mine now"}}),
        ("POST", f"{cart}/activate", {}),
        ("GET", f"{cart}/history", {}),
        ("POST", f"{cart}/items", {"json": {"sku": "banana"}}),
        ("PUT", f"{cart}/items/apple", {"json": {"quantity": 9}}),
        ("PUT", f"{cart}/items/apple", {"json": {"quantity": 0}}),
        ("DELETE", f"{cart}/items/apple", {}),
        ("DELETE", f"{cart}/items", {}),
        ("POST", f"{cart}/checkout", {"json": PAYMENT}),
        ("DELETE", cart, {}),
    ]
    return {
        f"{method} {path.replace(cart_id, '…')} {body}": shopper.http.request(method, path, **body)
        for method, path, body in routes
    }


def told_without_ids(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "cart_id"}


@pytest.mark.parametrize("kind", ["guest", "customer"])
def test_a_foreign_cart_and_one_that_never_was_answer_alike_on_every_route(
    shop: Shop, shopper: Shopper, kind: str
) -> None:
    stranger = shop.guest() if kind == "guest" else shop.customer()
    stranger.add("mango")
    theirs, mine = shopper.cart(), stranger.cart()

    foreign = answers_of_every_cart_route(stranger, theirs["cart_id"])
    unknown = answers_of_every_cart_route(stranger, str(uuid.uuid4()))

    for route, answer in foreign.items():
        assert (answer.status_code, problem_type(answer)) == (404, "cart_not_found"), route
        assert told_without_ids(answer) == told_without_ids(unknown[route]), route
        assert answer.json()["detail"] == "Cart not found or doesn't belong to you"
    assert shopper.cart() == theirs
    assert stranger.cart() == mine


def test_a_cart_id_that_is_none_is_refused(shopper: Shopper) -> None:
    for cart_id in ("nonsense", "1", "00000000-0000-0000-0000-00000000000g"):
        answer = shopper.http.get(f"/carts/{cart_id}")
        assert (answer.status_code, problem_type(answer)) == (422, "validation_failed")


QUERIES = [
    "/products?limit=0",
    "/products?limit=201",
    "/products?limit=ten",
    "/products?cursor=made-up",
    "/products?cursor=%00",
    "/products?search=%00",
    "/products?category=%00",
    "/products?sku=%00",
    "/products?sku=apple&sku=..%2Fapple",
    f"/products?search={'a' * 201}",
    "/products/%00",
    "/login?merge=everything",
    "/orders?before=0.5",
    "/orders?before=1700000000",
    "/orders?before=2026-01-01T00:00:00",
    *(f"/carts/01890000-0000-7000-8000-000000000001/history?{asked}" for asked in ("at=0", "version=-1", "limit=0")),
]


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_that_makes_no_sense_is_refused(shopper: Shopper, path: str) -> None:
    answer = shopper.http.get(path)

    assert (answer.status_code, problem_type(answer)) == (422, "validation_failed"), answer.text


def test_a_query_parameter_sent_twice_never_breaks_and_a_callbacks_is_refused(shop: Shop) -> None:
    shopper = shop.guest()
    flow = shopper.http.get("/login", params={"next": "/shop/"})
    state = parse_qs(urlsplit(flow.headers["location"]).query)["state"][0]

    listed = shopper.http.get("/products?limit=1&limit=2")
    twice = shopper.http.get(f"/callback?state={state}&state={state}&code=c&iss={shop.stack.idp_url}")
    authorize = shop.browser().get(flow.headers["location"] + "&client_id=controller")

    assert listed.status_code == 200
    assert (twice.status_code, problem_type(twice)) == (400, "sign_in_failed")
    assert authorize.status_code == 400
    assert shopper.read("/session")["signed_in"] is False


def test_names_that_are_no_line_of_text_are_refused(shopper: Shopper) -> None:
    before = shopper.cart()
    cart = f"/carts/{before['cart_id']}"

    unprintable = ('"\\u0000"', '"\\ud83d"', '"a\\nb"', '"a\\tb"', '"\\u001b[31m"', '"a\\u0085b"')
    for name in (*unprintable, '""', '"   "', f'"{"n" * 81}"', "7"):
        body = f'{{"name": {name}}}'
        for answer in (
            shopper.http.post("/carts", content=body, headers=JSON),
            shopper.http.patch(cart, content=body, headers=JSON),
        ):
            expect_refusal(shopper, answer, before=before, status=422, slug="validation_failed")


def test_an_empty_cart_is_told_before_anything_else_is_looked_at(shop: Shop) -> None:
    guest = shop.guest()
    cart = guest.cart()

    for form in (
        {"payment_method": "pm_card_visa"},
        {**PAYMENT, "currency": "USD"},
        {"payment_method": "cash"},
        {**PAYMENT, "expected_total": 5},
        PAYMENT,
    ):
        for path in ("/cart/checkout", f"/carts/{cart['cart_id']}/checkout"):
            answer = guest.http.post(path, json=form)
            expect_refusal(guest, answer, before=cart, status=400, slug="cart_is_empty")
            assert answer.json()["cart_id"] == cart["cart_id"]
            assert answer.json()["user_id"] == cart["owner"]["id"]


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in PAYMENT.items() if name not in names}


FORMS = [
    pytest.param(without("shipping_address"), "validation_failed", "body.shipping_address", id="no address"),
    pytest.param(
        {**PAYMENT, "shipping_address": None}, "validation_failed", "body.shipping_address", id="null address"
    ),
    pytest.param({**PAYMENT, "shipping_address": "Pune"}, "validation_failed", "body.shipping_address", id="text"),
    pytest.param(
        {**PAYMENT, "shipping_address": {**ADDRESS, "city": ""}},
        "validation_failed",
        "body.shipping_address.city",
        id="no city",
    ),
    pytest.param(
        {**PAYMENT, "shipping_address": {**ADDRESS, "country": "India"}},
        "validation_failed",
        "body.shipping_address.country",
        id="country by name",
    ),
    pytest.param(
        {**PAYMENT, "shipping_address": {**ADDRESS, "planet": "Earth"}},
        "validation_failed",
        "body.shipping_address.planet",
        id="unknown part of address",
    ),
    pytest.param(
        {**PAYMENT, "billing_address": {**ADDRESS, "name": "\x00"}},
        "validation_failed",
        "body.billing_address.name",
        id="NUL in address",
    ),
    pytest.param(without("payment_method"), "validation_failed", "body.payment_method", id="no payment method"),
    pytest.param(without("email"), "validation_failed", "body.email", id="guest without e-mail"),
    pytest.param({**PAYMENT, "email": "asha"}, "validation_failed", "body.email", id="no e-mail address"),
    pytest.param({**PAYMENT, "email": "a\x00@b.c"}, "validation_failed", "body.email", id="NUL in e-mail"),
    pytest.param({**PAYMENT, "expected_total": -1}, "validation_failed", "body.expected_total", id="negative total"),
    pytest.param({**PAYMENT, "expected_total": "7800"}, "validation_failed", "body.expected_total", id="total a text"),
    pytest.param({**PAYMENT, "currency": "USD"}, "currency_not_accepted", None, id="dollars"),
    pytest.param({**PAYMENT, "currency": "inr"}, "currency_not_accepted", None, id="currency in small letters"),
    pytest.param({**PAYMENT, "payment_method": "cash"}, "payment_method_not_accepted", None, id="cash"),
    pytest.param({**PAYMENT, "payment_method": "pm_"}, "payment_method_not_accepted", None, id="half a token"),
    pytest.param({**PAYMENT, "payment_method": "pm_\x00"}, "payment_method_not_accepted", None, id="NUL in token"),
    pytest.param(
        {**PAYMENT, "payment_method": "pm_card_nobodys"}, "payment_method_not_accepted", None, id="unknown pm_"
    ),
    pytest.param(
        {**PAYMENT, "payment_method": "4242424242424242"}, "payment_method_not_accepted", None, id="card number"
    ),
]


@pytest.mark.parametrize(("form", "slug", "field"), FORMS)
def test_a_checkout_form_that_is_not_right_is_refused_and_charges_nothing(
    shop: Shop, shopper: Shopper, form: dict[str, Any], slug: str, field: str | None
) -> None:
    sku = shop.goods()
    total = shopper.add(sku)["total_price"]
    before = shopper.cart()

    answer = shopper.http.post("/cart/checkout", json=form)

    assert (answer.status_code, problem_type(answer)) == (422, slug), answer.text
    assert field in {error["field"] for error in answer.json().get("errors", [{"field": None}])}
    assert {**shopper.cart(), "version": 0, "updated_at": None} == {**before, "version": 0, "updated_at": None}
    assert "4242424242424242" not in answer.text
    assert shop.charges(total) == []
    assert shopper.check_out(expected_total=total).status_code == 201


def test_the_accepted_currency_is_named(shopper: Shopper) -> None:
    answer = shopper.http.post("/cart/checkout", json={**PAYMENT, "currency": "EUR"})

    assert answer.json()["accepted"] == ["INR"]


def test_a_total_that_no_processor_takes_is_refused_and_the_cart_opens_again(shop: Shop) -> None:
    guest = shop.guest()
    guest.add(shop.goods(price=9_000_000, stock=999), 999)

    answer = guest.check_out()

    assert (answer.status_code, problem_type(answer)) == (422, "unprocessable")
    assert guest.cart()["status"] == "open"


# --- credentials


def test_a_bad_token_beside_a_good_cookie_is_401_too(shopper: Shopper) -> None:
    answer = shopper.http.get("/cart", headers={"Authorization": "Bearer not.a.token"})

    assert (answer.status_code, problem_type(answer)) == (401, "unauthenticated")


# --- the same at every door


def add_at_every_door(customer: Customer, item: dict[str, int]) -> list[httpx.Response]:
    """By the cart's name, as the current one, and under `/api/`."""
    paths = ("/cart/items", f"/carts/{customer.browser.cart()['cart_id']}/items")
    return [
        *(who.http.post(path, json=item) for who in (customer.browser, customer.api) for path in paths),
        customer.api.http.post("/api/cart/add/", json=item),
    ]


async def fill_up(shop: Shop, customer: Customer) -> None:
    """999 apples and 199 lines of goods that are not sold: as much as a cart takes."""
    await shop.fill(customer.browser.add("apple", 999), 199)


TOO_MUCH = [
    pytest.param("apple", None, "quantity_limit_exceeded", {"sku": "apple", "limit": 999}, id="999 and one more"),
    pytest.param("banana", None, "line_limit_exceeded", {"limit": 200}, id="a line after 200"),
    pytest.param("t-shirt", 2_000_000_000, "unknown_sku", {"variant_id": 2_000_000_000}, id="unknown variant"),
    pytest.param("t-shirt", None, "variant_required", {"sku": "t-shirt"}, id="no variant"),
]


@pytest.mark.parametrize(("sku", "variant", "slug", "told"), TOO_MUCH)
async def test_what_a_cart_does_not_take_is_told_alike_at_every_door_and_changes_nothing(
    shop: Shop, customer: Customer, *, sku: str, variant: int | None, slug: str, told: dict[str, Any]
) -> None:
    await fill_up(shop, customer)
    before = customer.browser.cart()
    item = {"product_id": customer.browser.read(f"/products/{sku}")["product_id"], "quantity": 1}

    answers = add_at_every_door(customer, item if variant is None else {**item, "variant_id": variant})

    for answer in answers:
        refusal = answer.json()
        assert (answer.status_code, refusal["type"]) == (422, f"/docs/problems#{slug}"), answer.text
        assert told.items() <= refusal.items()
        assert refusal["detail"]
    assert customer.browser.cart() == before


async def test_more_than_a_cart_holds_is_not_set_at_any_door_either(shop: Shop, customer: Customer) -> None:
    await fill_up(shop, customer)
    before = customer.browser.cart()
    doors = ("/cart/items/apple", f"/carts/{before['cart_id']}/items/apple", "/api/cart/items/apple/")

    answers = [customer.api.http.put(path, json={"quantity": 1000}) for path in doors]

    assert [answer.status_code for answer in answers] == [422] * 3
    assert {answer.json()["limit"] for answer in answers} == {999}
    assert customer.browser.cart() == before


SOME_CART = "01890000-0000-7000-8000-000000000001"


@pytest.mark.parametrize(
    "event_id",
    ["nonsense", "7", ":7", SOME_CART, f"{SOME_CART}:", f"{SOME_CART}:-1", f"{SOME_CART}:{'9' * 20}", "' --"],
)
def test_an_event_id_that_the_shop_never_gave_is_refused_and_opens_no_stream(shopper: Shopper, event_id: str) -> None:
    before = shopper.cart()

    answer = shopper.http.get("/cart/events", headers={"Last-Event-ID": event_id})

    expect_refusal(shopper, answer, before=before, status=422, slug="validation_failed")
    assert answer.json()["errors"][0]["field"] == "header.Last-Event-ID"


def test_nobody_else_takes_a_merge_apart_and_all_carts_stay_as_they_are(shop: Shop, another: Customer) -> None:
    guest, desk = shop.guest(), shop.customer()
    guest.add("apple", 2)
    desk.add("mango")
    shop.sign_in(guest, desk.username)
    merge = f"/merges/{guest.read('/session')['merge_id']}"
    before, receipt = desk.cart(), desk.read(merge)
    another.browser.add("banana")
    theirs = another.browser.cart()

    for stranger in (another.browser, another.api, shop.guest()):
        foreign = stranger.http.post(f"{merge}/undo")
        unknown = stranger.http.post(f"/merges/{uuid.uuid4()}/undo")
        assert (foreign.status_code, problem_type(foreign)) == (404, "merge_not_found")
        assert {**foreign.json(), "merge_id": ""} == {**unknown.json(), "merge_id": ""}

    assert (desk.cart(), desk.read(merge)) == (before, receipt)
    assert another.browser.cart() == theirs


# --- the second set of names


API_BODIES = [
    pytest.param("POST", "/api/cart/add/", {"json": {"product_id": 1, "quantity": 0}}, 422, id="quantity 0"),
    pytest.param("POST", "/api/cart/add/", {"json": {"product_id": 1, "quantity": -1}}, 422, id="quantity -1"),
    pytest.param("POST", "/api/cart/add/", {"json": {"product_id": 1, "quantity": 10**9}}, 422, id="quantity 10^9"),
    pytest.param("POST", "/api/cart/add/", {"json": {"product_id": 1, "quantity": 1.5}}, 422, id="quantity 1.5"),
    pytest.param("POST", "/api/cart/add/", {"json": {"product_id": 1, "quantity": "2"}}, 422, id="quantity a text"),
    pytest.param("POST", "/api/cart/add/", {"json": {"product_id": 1, "quantity": True}}, 422, id="quantity true"),
    pytest.param("POST", "/api/cart/add/", {"json": {"product_id": 1, "price": 1}}, 422, id="price"),
    pytest.param("POST", "/api/cart/add/", {"json": {"sku": "apple"}}, 422, id="by SKU"),
    pytest.param("POST", "/api/cart/add/", {"json": {"product_id": 2_000_000_000}}, 422, id="unknown product"),
    pytest.param("POST", "/api/cart/add/", {"content": b"{", "headers": JSON}, 422, id="malformed JSON"),
    pytest.param("POST", "/api/cart/add/", {"content": b"{}"}, 415, id="no JSON"),
    pytest.param("POST", "/api/cart/add/", {"content": b"x" * 65_537}, 413, id="too large"),
    pytest.param(
        "POST", "/api/cart/add/", {"json": {"product_id": 1}, "headers": {"Idempotency-Key": "a b"}}, 422, id="key"
    ),
    pytest.param("PUT", "/api/cart/items/apple/", {"json": {"quantity": -1}}, 422, id="set -1"),
    pytest.param("PUT", "/api/cart/items/nothing/", {"json": {"quantity": 1}}, 422, id="set unknown"),
    pytest.param("PUT", "/api/cart/", {}, 405, id="wrong method"),
    pytest.param("GET", "/api/nothing/", {}, 404, id="nothing there"),
    pytest.param("POST", API_PAYMENT, {"json": {"payment_method": "razorpay"}}, 422, id="no address"),
    pytest.param("POST", API_PAYMENT, {"json": {"payment_method": "cash", "shipping_address": "x"}}, 422, id="cash"),
    pytest.param("POST", API_PAYMENT, {"json": {**without("email"), "currency": "USD"}}, 422, id="another currency"),
    pytest.param("POST", API_PAYMENT, {"json": {**without("email"), "shipping_address": ""}}, 422, id="empty address"),
    pytest.param("POST", API_PAYMENT, {"json": {**without("email"), "shipping_address": {}}}, 422, id="bare address"),
    pytest.param("POST", API_PAYMENT, {"json": {**without("email"), "shipping_address": ["x"]}}, 422, id="a list"),
    pytest.param(
        "POST", API_PAYMENT, {"json": {**without("email"), "shipping_address": "x" * 2048}}, 422, id="2 kB and more"
    ),
    pytest.param(
        "POST", API_PAYMENT, {"json": {**without("email"), "shipping_address": {"a": "\x00"}}}, 422, id="NUL in address"
    ),
    pytest.param(
        "POST",
        API_PAYMENT,
        {"content": b'{"payment_method":"card","shipping_address":{"a":"\\ud83d"}}', "headers": JSON},
        422,
        id="half a character",
    ),
    pytest.param(
        "POST",
        API_PAYMENT,
        {"content": b'{"payment_method":"card","shipping_address":{"a":NaN}}', "headers": JSON},
        422,
        id="not a number in address",
    ),
    pytest.param(
        "POST",
        API_PAYMENT,
        {
            "content": b'{"payment_method":"card","shipping_address":' + b'{"a":' * 300 + b"1" + b"}" * 301,
            "headers": JSON,
        },
        422,
        id="address nested without end",
    ),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), API_BODIES)
def test_refusals_under_api_are_told_in_message_and_error(
    refused_program: Shopper, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    before = refused_program.lines()

    answer = refused_program.http.request(method, path, **body)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    refusal = answer.json()
    assert refusal["message"] == refusal["error"] == refusal["detail"] != ""
    assert refused_program.lines() == before == {"apple": 2}


def test_paths_under_api_work_with_and_without_the_last_slash(program: Shopper) -> None:
    apple = program.read("/products/apple")["product_id"]

    for end in ("", "/"):
        answers = [
            program.http.get(f"/api/cart{end}"),
            program.http.post(f"/api/cart/add{end}", json={"product_id": apple}),
            program.http.put(f"/api/cart/items/apple{end}", json={"quantity": 4}),
            program.http.delete(f"/api/cart/items/apple{end}"),
            program.http.post(f"/api/payments/create-from-cart{end}", json={"payment_method": "card"}),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 400]


def test_a_checkout_with_one_key_is_one_checkout_with_and_without_the_last_slash(shop: Shop, program: Shopper) -> None:
    sku = shop.goods()
    total = program.add(sku)["total_price"]
    form = {"payment_method": "card", "shipping_address": "12 Lake Road"}
    key = {"Idempotency-Key": str(uuid.uuid4())}

    first = program.http.post("/api/payments/create-from-cart/", json=form, headers=key)
    second = program.http.post("/api/payments/create-from-cart", json=form, headers=key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len(shop.charges(total)) == 1


# --- the provider


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def ask_for_code(shop: Shop, shopper: Shopper, **other: str | None) -> httpx.Response:
    asked: dict[str, str | None] = {
        "response_type": "code",
        "client_id": "cli",
        "redirect_uri": "http://127.0.0.1/callback",
        "scope": "openid",
        "state": "s",
        "code_challenge_method": "S256",
        **other,
    }
    parameters = {name: value for name, value in asked.items() if value is not None}
    return shopper.http.get(f"{shop.stack.idp_url}/authorize", params=parameters)


def redeem(shop: Shop, code: str, **other: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": "cli",
        "redirect_uri": "http://127.0.0.1/callback",
        "code": code,
        **other,
    }
    return shop.browser().post(f"{shop.stack.idp_url}/token", data=form)


def code_in(answer: httpx.Response) -> str:
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def test_a_code_is_given_for_its_own_verifier_only(shop: Shop) -> None:
    customer = shop.customer()
    verifier = secrets.token_urlsafe(48)

    def code() -> str:
        return code_in(ask_for_code(shop, customer, code_challenge=challenge_of(verifier)))

    wrong = redeem(shop, code(), code_verifier=secrets.token_urlsafe(48))
    missing = redeem(shop, code())
    the_challenge_itself = redeem(shop, code(), code_verifier=challenge_of(verifier))
    right = redeem(shop, code(), code_verifier=verifier)

    assert [wrong.status_code, missing.status_code, the_challenge_itself.status_code] == [400, 400, 400]
    assert wrong.json()["error"] == the_challenge_itself.json()["error"] == "invalid_grant"
    assert missing.json()["error"] in ("invalid_grant", "invalid_request")
    assert right.status_code == 200


@pytest.mark.parametrize("without_pkce", [{}, {"code_challenge": "a" * 43, "code_challenge_method": "plain"}])
def test_the_provider_gives_no_code_without_pkce(shop: Shop, without_pkce: dict[str, str | None]) -> None:
    customer = shop.customer()

    answer = ask_for_code(shop, customer, **without_pkce)

    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told["error"] == ["invalid_request"]
    assert "code" not in told
