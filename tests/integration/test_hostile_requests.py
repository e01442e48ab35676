"""Too much, too deep, twice, packed or malformed: at every service's door, against the running stack."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from services.contracts.identity import Scope
from services.local.settings import SERVICES
from tests.integration.shop_client import ADDRESS, Shop, problem_type
from tests.stacks import RunningStack

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
KIBIBYTE = 1024
# The inner ones speak to the controller alone, of as much as shoppers and editors bring together.
LIMITS = dict.fromkeys(SERVICES, 64 * KIBIBYTE) | {"catalog": KIBIBYTE * KIBIBYTE, "cartdb": 8 * KIBIBYTE * KIBIBYTE}


@pytest.fixture(scope="module")
def house(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack) as shop:
        yield shop


@pytest.fixture(scope="module")
def doors(house: Shop) -> dict[str, tuple[httpx.Client, str, str]]:
    """Of each service: a client that may post, where to, and the media type that is taken there."""
    stack, secrets = house.stack, house.stack.secrets
    customer = house.customer()
    customer.add("apple", 2)

    def client(service: str, token: str) -> httpx.Client:
        return house.browser(stack.addresses.inside(service), headers={"Authorization": f"Bearer {token}"})

    token = house.token_of(customer.username)
    stocker = house.service_token("controller", secrets["OIDC_CLIENT_SECRET"], Scope.STOCK_CHECKOUT)
    return {
        "controller": (client("controller", token), "/cart/items", JSON),
        "catalog": (client("catalog", stocker), "/products/descriptions", JSON),
        "cartdb": (client("cartdb", token), "/carts", JSON),
        "idp": (house.browser(stack.addresses.inside("idp")), "/token", FORM),
        "payments": (client("payments", secrets["PAYMENTS_SECRET_KEY"]), "/v1/payment_intents", FORM),
    }


Door = tuple[httpx.Client, str, str]


def post(door: Door, body: bytes | Iterator[bytes], **headers: str) -> httpx.Response:
    client, path, media_type = door
    return client.post(path, content=body, headers={"Content-Type": media_type, **headers})


def in_pieces(size: int) -> Iterator[bytes]:
    piece = b"a" * 16 * KIBIBYTE
    yield from (piece for _ in range(size // len(piece) + 1))


WAYS: dict[str, Callable[[int], bytes | Iterator[bytes]]] = {
    "with its length": lambda limit: b"a" * (limit + 1),
    "in pieces": in_pieces,
}


@pytest.mark.parametrize("body_of", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_body_beyond_the_limit_is_413_at_every_service(
    doors: dict[str, Door], service: str, body_of: Callable[[int], bytes | Iterator[bytes]]
) -> None:
    answer = post(doors[service], body_of(LIMITS[service]))

    assert answer.status_code == 413, answer.text
    assert doors[service][0].get("/health/live").status_code == 200


@pytest.mark.parametrize("service", SERVICES)
def test_a_body_is_never_unpacked(doors: dict[str, Door], service: str) -> None:
    """Read as it is, it is no text of the kind that was asked for; nothing grows to what was packed into it."""
    packed = gzip.compress(b"a" * 50 * KIBIBYTE * KIBIBYTE)
    assert len(packed) < LIMITS[service]

    answer = post(doors[service], packed, **{"Content-Encoding": "gzip"})

    assert answer.status_code in (400, 415, 422), answer.text
    assert answer.elapsed.total_seconds() < 10


DEEP = {
    "lists": b"[" * 10_000 + b"]" * 10_000,
    "lists without end": b"[" * 20_000,
    "objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "a long number": b'{"name": ' + b"9" * 10_000 + b"}",
    "a tiny number": b'{"name": 1e-99999}',
    "no number": b'{"name": NaN}',
    "infinity": b'{"name": -Infinity}',
    "half a surrogate pair": b'{"name": "\\ud83d"}',
    "NUL": b'{"name": "\\u0000"}',
    "Latin-1": b'{"name": "\xe9"}',
    "two documents": b'{"name": "Weekly"}{"name": "Weekly"}',
    "a comment": b'{"name": "Weekly"} // mine',
}


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("service", ["controller", "catalog", "cartdb"])
def test_json_that_is_none_or_too_deep_is_refused(doors: dict[str, Door], service: str, body: bytes) -> None:
    answer = post(doors[service], body)

    assert answer.status_code in (400, 422), answer.text
    assert problem_type(answer) in ("bad_request", "validation_failed")


def test_of_a_name_that_an_object_has_twice_the_last_one_counts_at_every_service(
    doors: dict[str, Door], house: Shop
) -> None:
    """No two services read it differently, because the controller sends on what it has read, not what it was sent."""
    shopper = house.guest()
    body = b'{"sku": "apple", "quantity": 7, "quantity": 1, "sku": "banana"}'

    answer = shopper.http.post("/cart/items", content=body, headers={"Content-Type": JSON})

    assert answer.status_code == 200
    assert shopper.lines() == {"banana": 1}


PATHS = [
    "/%",
    "/%zz",
    "/%c0%af",
    "/%ff",
    "/%00",
    "/..%2f..%2fetc/passwd",
    "/%2e%2e/",
    "/a%0d%0aSet-Cookie:x",
    "//",
    "/;",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_path_that_is_none_is_404(doors: dict[str, Door], service: str, path: str) -> None:
    client = doors[service][0]
    request = client.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())

    answer = client.send(request)

    assert answer.status_code in (303, 400, 401, 404), answer.text
    assert answer.headers.get("location", "/shop/").startswith(("/shop/", "/docs"))
    assert "set-cookie" not in answer.headers or "x" not in answer.headers["set-cookie"].partition("=")[0]


AUTHORIZATION = {
    "response_type": "code",
    "client_id": "controller",
    "scope": "openid",
    "state": "s",
    "nonce": "n",
    "code_challenge": "a" * 43,
    "code_challenge_method": "S256",
}
TOKEN = {"grant_type": "client_credentials", "scope": Scope.CART_GUEST, "client_id": "controller"}
SIGN_IN = {"username": "alice", "password": "alice-demo-password"}


@pytest.mark.parametrize("name", [*AUTHORIZATION, "redirect_uri"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_authorization_parameter_sent_twice_is_refused_on_a_page(house: Shop, name: str, method: str) -> None:
    """Also when both are the same, and never by a redirect."""
    provider = house.browser(house.stack.idp_url, follow_redirects=method == "POST")
    asked = [*AUTHORIZATION.items(), ("redirect_uri", f"{house.stack.url}/callback")]
    twice = [*asked, (name, dict(asked)[name])]
    sent = urlencode(twice)

    answer = (
        provider.get("/authorize", params=sent)
        if method == "GET"
        else provider.post("/authorize", content=sent, headers={"Content-Type": FORM})
    )

    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("name", TOKEN)
@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect"])
def test_a_token_parameter_sent_twice_is_refused(house: Shop, path: str, name: str) -> None:
    fields = {**TOKEN, "token": "t"}
    twice = urlencode([*fields.items(), ("client_secret", "wrong"), (name, fields[name])])

    answer = house.browser(house.stack.idp_url).post(path, content=twice, headers={"Content-Type": FORM})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("name", SIGN_IN)
def test_a_sign_in_field_sent_twice_signs_nobody_in(house: Shop, name: str) -> None:
    provider = house.browser(house.stack.idp_url)
    query = {**AUTHORIZATION, "redirect_uri": f"{house.stack.url}/callback"}
    twice = urlencode([*SIGN_IN.items(), (name, SIGN_IN[name])])

    answer = provider.post("/sign-in", params=query, content=twice, headers={"Content-Type": FORM})

    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers


INTENT = {"amount": "100", "currency": "inr", "metadata[order]": "1"}


@pytest.mark.parametrize("name", INTENT)
def test_a_form_field_sent_twice_is_refused_by_payments(doors: dict[str, Door], name: str) -> None:
    twice = urlencode([*INTENT.items(), (name, INTENT[name])])

    answer = post(doors["payments"], twice.encode())

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "path", ["/v1/payment_intents?limit=1&limit=1", "/v1/refunds?charge=ch_1&charge=ch_2", "/v1/events?type=a&type=b"]
)
def test_a_query_parameter_sent_twice_is_refused_by_payments(doors: dict[str, Door], path: str) -> None:
    answer = doors["payments"][0].get(path)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_cart_takes_200_lines_and_999_of_each(house: Shop) -> None:
    customer = house.customer()
    cart = house.browser(
        house.stack.addresses.inside("cartdb"), headers={"Authorization": f"Bearer {house.token_of(customer.username)}"}
    )

    def add(sku: str, quantity: int = 1) -> httpx.Response:
        line = {"sku": sku, "product_id": 1, "quantity": quantity, "unit_price": 1}
        return cart.post("/carts/current/items", json=line)

    assert [add(f"line-{number}").status_code for number in range(200)] == [200] * 200
    beyond, full, over = add("line-200"), add("line-0", 998), add("line-0")

    assert (beyond.status_code, problem_type(beyond)) == (422, "line_limit_exceeded")
    assert full.status_code == 200
    assert (over.status_code, problem_type(over)) == (422, "quantity_limit_exceeded")


def thousand_of(line: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**line, "sku": f"line-{number}"} for number in range(1000)]


def test_a_thousand_lines_in_one_request_are_refused(house: Shop) -> None:
    """Wherever a request holds a list."""
    secrets = house.stack.secrets
    stocker = house.service_token("controller", secrets["OIDC_CLIENT_SECRET"], Scope.STOCK_CHECKOUT)
    catalog = house.browser(house.stack.addresses.inside("catalog"), headers={"Authorization": f"Bearer {stocker}"})
    some_id = "01890000-0000-7000-8000-000000000001"
    lines = thousand_of({"quantity": 1})
    operator = house.operator()

    answers = [
        catalog.post(f"/holds/{some_id}", json={"lines": lines}),
        catalog.put(f"/restocks/{some_id}", json={"checkout_id": some_id, "lines": lines}),
        catalog.post("/products/descriptions", json={"skus": [line["sku"] for line in lines]}),
        catalog.post("/items/query", json={"ids": [[1, None]] * 1000}),
        catalog.get("/products", params={"sku": [line["sku"] for line in lines]}),
        operator.http.post(f"/orders/{some_id}/refunds", json={"restock": lines}),
        house.guest().http.post(
            "/cart/checkout", json={"payment_method": "pm_card_visa", "shipping_address": ADDRESS, "items": lines}
        ),
    ]

    assert [answer.status_code for answer in answers] == [422] * 7


@pytest.mark.parametrize(
    "number", ["2147483648", "9223372036854775808", "1e3", "1.0", '"1"', "true", "-1", "null", "[]", "NaN", '"१"']
)
def test_a_number_that_no_column_holds_is_refused_by_the_inner_services(house: Shop, number: str) -> None:
    """Ids, prices and stock; the quantities are the shop's own and tested at its door."""
    secrets = house.stack.secrets
    editor = house.service_token("catalog-editor", secrets["CATALOG_CLIENT_SECRET"], Scope.CATALOG_WRITE)
    catalog = house.browser(house.stack.addresses.inside("catalog"), headers={"Authorization": f"Bearer {editor}"})
    guest = house.service_token("controller", secrets["OIDC_CLIENT_SECRET"], Scope.CART_GUEST)
    headers = {"Authorization": f"Bearer {guest}", "Cart-Owner": "guest:numbers"}
    cartdb = house.browser(house.stack.addresses.inside("cartdb"), headers=headers)
    line = '{{"sku": "apple", "product_id": {}, "quantity": 1, "unit_price": 1}}'

    frozen = (
        '{{"sku": "apple", "product_id": {}, "variant_id": null, "quantity": 1, "added_price": 1, "added_at": "{}"}}'
    )
    some_id = "01890000-0000-7000-8000-000000000001"
    merge = f'"merge_id": "{some_id}", "guest_cart_id": "{some_id}", "guest_owner": "guest:n", "strategy": "sum"'
    moved = f'{{{merge}, "lines": [{frozen.format(number, "2026-01-01T00:00:00Z")}]}}'

    answers = [
        cartdb.post("/adoptions/apply", content=moved, headers={"Content-Type": JSON}),
        catalog.put("/stock/apple", content=f'{{"stock": {number}}}', headers={"Content-Type": JSON}),
        cartdb.post("/carts/current/items", content=line.format(number), headers={"Content-Type": JSON}),
    ]

    assert [answer.status_code for answer in answers] == [422] * 3, [answer.text for answer in answers]


def test_a_price_beyond_four_bytes_is_kept_to_the_last_paisa(house: Shop) -> None:
    """A crore of rupees is more paise than a 32-bit integer holds."""
    dear = house.goods(price=999_999_999_999)

    assert house.guest().add(dear)["total_price"] == 999_999_999_999


def test_json_of_the_documents_own_making_is_read(doors: dict[str, Door]) -> None:
    """The refusals above are about the bodies, not about the doors."""
    answer = post(doors["catalog"], json.dumps({"skus": ["apple"]}).encode())

    assert answer.status_code == 200


HEADS = {"long": {"X": "1" * 33 * KIBIBYTE}, "many": {f"X-{number}": "1" for number in range(100)}}


@pytest.mark.parametrize("headers", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("service", SERVICES)
def test_a_head_beyond_the_limit_is_431_at_every_service(
    doors: dict[str, Door], service: str, headers: dict[str, str]
) -> None:
    """Slow ones are cut by the same class, which tests/service/test_connections.py tries with short deadlines."""
    answer = doors[service][0].get("/health/live", headers=headers)

    assert answer.status_code == 431
    assert doors[service][0].get("/health/live").status_code == 200
