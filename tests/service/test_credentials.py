"""The table of credentials of docs/architecture.md, row by row: what each may do succeeds, everything else is refused.

The operations come from the OpenAPI documents: a new one that nobody placed in the table fails here.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.operations import Ask, Headers, operations
from tests.service.cartdb_client import CartDb, new_guest
from tests.service.catalog_stand import Stand
from tests.service.good_requests import (
    CARTDB,
    CATALOG,
    OF_GUESTS,
    OF_USERS,
    PAYMENTS,
    Person,
    somebody,
    somebodys_guest,
)
from tests.service.payments_stand import PUBLISHABLE, PUBLISHABLE_KEY, SECRET, SECRET_KEY, Payments
from tests.tokens import TestIssuer

pytestmark = pytest.mark.doors

EVERYWHERE = ["controller", "cartdb", "catalog"]


@pytest.mark.parametrize(("service", "known"), [("cartdb", CARTDB), ("catalog", CATALOG), ("payments", PAYMENTS)])
def test_every_operation_of_a_service_is_tried(service: str, known: Mapping[str, Any]) -> None:
    assert set(operations(service)) == set(known)


# --- cartdb

OWN_CARTS = {
    *("find", "find_unpurchased", "history", "create", "rename", "activate", "delete"),
    *("add", "update", "remove", "clear", "list_purchases", "find_purchase"),
    *("account_page", "erase"),
}
OF_ANYBODY = {"unfinished", "find_anybodys"}
OF_CHECKOUT = {
    *("purchase", "attach", "settle", "unpurchase", "void", "refund", "finish_refund", "fail_refund"),
    *("list_purchases", "find_purchase", "apply", "close"),
    *OF_ANYBODY,
}


@dataclass(frozen=True)
class Row:
    """A credential, whose it is, and what it may do; all the rest is answered `refusal`."""

    of: Callable[[CartDb, Person], Headers]
    may: frozenset[str] = frozenset()
    user: bool = True
    guest: bool = True
    refusal: int = 403


def service(scope: str, audience: Any = "cartdb", owner: str | None = "theirs") -> Callable[[CartDb, Person], Headers]:
    """A service's token, speaking for the owner unless told otherwise."""

    def headers(db: CartDb, who: Person) -> Headers:
        token = db.issuer.token(subject="controller", scope=scope, audience=audience)
        named = who.owner if owner == "theirs" else owner
        return {"Authorization": f"Bearer {token}"} | ({"Cart-Owner": named} if named else {})

    return headers


def user_with(scope: str) -> Callable[[CartDb, Person], Headers]:
    """A user's own token once more, with other rights."""

    def headers(db: CartDb, who: Person) -> Headers:
        subject = db.issuer.claims_of(who.headers["Authorization"])["sub"]
        token = db.issuer.token(subject=subject, scope=scope, audience=EVERYWHERE)
        return {"Authorization": f"Bearer {token}"}

    return headers


def naming(owner: Callable[[CartDb, Person], str]) -> Callable[[CartDb, Person], Headers]:
    """A user's own token beside a Cart-Owner."""
    return lambda db, who: {**who.headers, "Cart-Owner": owner(db, who)}


def another_user(db: CartDb, who: Person) -> Headers:
    """Another's token, with this owner's name."""
    return {**somebody(db).headers, "Cart-Owner": who.owner}


def nobody(_: CartDb, __: Person) -> Headers:
    """No credential."""
    return {}


def nobody_but_a_name(_: CartDb, who: Person) -> Headers:
    """No credential, and the owner's name."""
    return {"Cart-Owner": who.owner}


USERS_OWN = frozenset(OWN_CARTS | OF_USERS)
CARTDB_ROWS = {
    "a user": Row(user_with("openid profile"), USERS_OWN, guest=False),
    "a user who names themselves": Row(naming(lambda _, who: who.owner), USERS_OWN, guest=False),
    "a user who names another": Row(naming(lambda db, _: somebody(db).owner), guest=False),
    "a user who names a guest": Row(naming(lambda _, __: new_guest()), guest=False),
    "another user who names this one": Row(another_user),
    "an operator": Row(user_with("openid operator"), USERS_OWN, guest=False),
    "an editor": Row(user_with("openid catalog:write"), USERS_OWN, guest=False),
    "a guest": Row(service("cart:guest"), frozenset(OWN_CARTS | OF_GUESTS), user=False),
    "the guests' token for a user": Row(service("cart:guest"), guest=False),
    "the guests' token for nobody": Row(service("cart:guest", owner=None)),
    "the guests' token for an empty guest": Row(service("cart:guest", owner="guest:")),
    "checkout": Row(service("cart:checkout"), frozenset(OF_CHECKOUT)),
    "checkout for nobody": Row(service("cart:checkout", owner=None), frozenset(OF_ANYBODY)),
    "event stream": Row(service("cart:watch"), frozenset({"versions"})),
    "event stream for nobody": Row(service("cart:watch", owner=None), frozenset({"versions"})),
    "stock": Row(service("stock:checkout", "catalog"), refusal=401),
    "stock, of a provider with one audience for all": Row(service("stock:checkout", EVERYWHERE)),
    "goods": Row(service("catalog:write", "catalog"), refusal=401),
    "two services' scopes": Row(service("cart:guest cart:checkout")),
    "all scopes": Row(service("openid cart:guest cart:checkout cart:watch stock:checkout operator")),
    "an operator who is checkout": Row(service("operator cart:checkout")),
    "a user who is checkout": Row(user_with("openid operator cart:checkout"), guest=False),
    "nobody": Row(nobody, refusal=401),
    "nobody who names the owner": Row(nobody_but_a_name, refusal=401),
}


Newcomer = Callable[[CartDb], Person]


def can_have(name: str, wanted: Newcomer) -> Newcomer:
    """Who can have what the operation is about: whoever is wanted, if they can."""
    return somebody if name in OF_USERS else somebodys_guest if name in OF_GUESTS else wanted


async def look(db: CartDb, who: Person) -> Any:
    """All that an owner has, as the services see it."""
    carts = await db.http.get("/carts", headers=dict(who.headers))
    query = {"state": ["pending", "paid", "failed"]}
    purchases = await db.http.get("/purchases", params=query, headers=db.checkout(who.owner))
    assert (carts.status_code, purchases.status_code) == (200, 200)
    return carts.json(), purchases.json()


@pytest.mark.parametrize("owner", [somebody, somebodys_guest])
@pytest.mark.parametrize("name", CARTDB)
async def test_each_credential_does_at_cartdb_what_its_row_says_and_nothing_else(
    cartdb: CartDb, name: str, owner: Newcomer
) -> None:
    operation = operations("cartdb")[name]
    new = can_have(name, owner)
    who = new(cartdb)
    rows = {what: row for what, row in CARTDB_ROWS.items() if (row.user if new is somebody else row.guest)}
    ask = await CARTDB[name](cartdb, who)
    before = await look(cartdb, who)

    for what, row in rows.items():
        if name not in row.may:
            answer = await operation.send(cartdb.http, ask, row.of(cartdb, who))
            assert answer.status_code == row.refusal, (what, answer.text)
    assert await look(cartdb, who) == before
    for what, row in rows.items():
        if name in row.may:
            somebody_new = new(cartdb)
            fresh = await CARTDB[name](cartdb, somebody_new)
            answer = await operation.send(cartdb.http, fresh, row.of(cartdb, somebody_new))
            assert answer.is_success, (what, answer.text)


def test_every_operation_of_cartdb_has_somebody_who_may_do_it() -> None:
    assert frozenset().union(*(row.may for row in CARTDB_ROWS.values())) == set(operations("cartdb"))
    assert all(operation.guarded for operation in operations("cartdb").values())


NOT_OWNED = {"sku", "part"}
# The first is of whatever owner, on purpose: an operator knows the order's id alone. The second has a test below.
EXEMPT = {"find_anybodys", "void"}
THEIRS = {
    name: found for name, found in operations("cartdb").items() if {*found.ids} - NOT_OWNED and name not in EXEMPT
}


def with_unknown_ids(ask: Ask) -> Ask:
    ids = {name: value if name in NOT_OWNED else str(uuid4()) for name, value in ask.ids.items()}
    return Ask(ids, ask.json, ask.query)


def without_ids(answer: httpx.Response, *asks: Ask) -> tuple[int, str]:
    text = answer.text
    for given in {value for ask in asks for name, value in ask.ids.items() if name not in NOT_OWNED}:
        text = text.replace(given, "…")
    return answer.status_code, text


@pytest.mark.parametrize("owner", [somebody, somebodys_guest])
@pytest.mark.parametrize("name", THEIRS)
async def test_what_is_somebody_elses_answers_at_cartdb_like_what_never_was(
    cartdb: CartDb, name: str, owner: Newcomer
) -> None:
    new = can_have(name, owner)
    victim, thief = new(cartdb), new(cartdb)
    ask = await CARTDB[name](cartdb, victim)
    unknown, before = with_unknown_ids(ask), await look(cartdb, victim)

    for headers in (thief.headers, cartdb.checkout(thief.owner)):
        stolen = await THEIRS[name].send(cartdb.http, ask, headers)
        missed = await THEIRS[name].send(cartdb.http, unknown, headers)

        assert without_ids(stolen, ask) == without_ids(missed, unknown)
        assert stolen.status_code in (403, 404) or (name, stolen.status_code) == ("close", 204), stolen.text
    assert await look(cartdb, victim) == before


async def test_a_checkout_that_is_called_off_under_another_owner_stays_what_it_is(cartdb: CartDb) -> None:
    victim, thief = somebody(cartdb), somebody(cartdb)
    marked = await CARTDB["find_purchase"](cartdb, victim)
    before = await look(cartdb, victim)

    stolen = await operations("cartdb")["void"].send(
        cartdb.http, Ask(marked.ids, (await CARTDB["void"](cartdb, thief)).json), cartdb.checkout(thief.owner)
    )

    assert (stolen.json()["owner_id"], stolen.json()["snapshot"]) == (thief.owner, None)
    assert await look(cartdb, victim) == before


# --- catalog

OPEN = {"list_products", "get_product", "list_categories", "query_items", "get_description"}
EDITING = {"put_product", "patch_product", "delete_product", "put_variant", "delete_variant", "put_stock"}
STOCK = {"hold_stock", "find_hold", "commit_hold", "release_hold", "restock"}

# Scope, audience → what it may do besides what everybody may, and how the rest is refused.
CATALOG_ROWS: dict[str, tuple[str | None, Any, set[str], int]] = {
    "nobody": (None, None, set(), 401),
    "a user": ("openid profile", ["controller", "cartdb"], set(), 401),
    "a user, of a provider with one audience for all": ("openid profile", EVERYWHERE, set(), 403),
    "an operator": ("openid operator", EVERYWHERE, set(), 403),
    "an editor": ("openid catalog:write", EVERYWHERE, EDITING, 403),
    "an editor for cartdb": ("openid catalog:write", "cartdb", set(), 401),
    "goods": ("catalog:write", "catalog", EDITING, 403),
    "stock": ("stock:checkout", "catalog", STOCK, 403),
    "guests": ("cart:guest", "cartdb", set(), 401),
    "guests, with catalog's audience": ("cart:guest", "catalog", set(), 403),
    "checkout": ("cart:checkout", "cartdb", set(), 401),
    "checkout, with catalog's audience": ("cart:checkout", "catalog", set(), 403),
    "event stream": ("cart:watch", "catalog", set(), 403),
    "two scopes": ("catalog:write stock:checkout", "catalog", set(), 403),
}


@pytest.mark.parametrize("name", CATALOG)
async def test_each_credential_does_at_catalog_what_its_row_says_and_nothing_else(catalog: Stand, name: str) -> None:
    operation, ask = operations("catalog")[name], await CATALOG[name](catalog)
    before = await shelf(catalog, ask)

    for what, (scope, audience, may, refusal) in CATALOG_ROWS.items():
        if name not in may | OPEN:
            headers = catalog.issuer.service(scope, audience=audience) if scope else {}
            answer = await operation.send(catalog.client, ask, headers)
            assert answer.status_code == refusal, (what, answer.text)
    assert await shelf(catalog, ask) == before
    for what, (scope, audience, may, _) in CATALOG_ROWS.items():
        if name in may | OPEN:
            headers = catalog.issuer.service(scope, audience=audience) if scope else {}
            answer = await operation.send(catalog.client, await CATALOG[name](catalog), headers)
            assert answer.is_success, (what, answer.text)


async def shelf(stand: Stand, ask: Ask) -> Any:
    """A product and a hold as they are, where the request is about one."""
    product = await stand.client.get(f"/products/{ask.ids.get('sku', 'none')}")
    hold = await stand.state(UUID(ask.ids["checkout_id"])) if "checkout_id" in ask.ids else None
    return product.json(), hold and hold.json()


def test_every_operation_of_catalog_is_open_to_all_or_in_a_row() -> None:
    assert set(operations("catalog")) == OPEN | EDITING | STOCK
    assert {name for name, found in operations("catalog").items() if not found.guarded} == OPEN


# --- payments


def basic(user: str, password: str = "") -> Headers:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(key: str) -> Headers:
    return {"Authorization": f"Bearer {key}"}


WITH_SECRET_KEY = {
    "Bearer": SECRET,
    "bearer in small letters": {"Authorization": f"bearer {SECRET_KEY}"},
    "Basic": basic(SECRET_KEY),
    "Basic with a password, which counts for nothing": basic(SECRET_KEY, "anything"),
}
WITHOUT_A_KEY: dict[str, Headers] = {
    "nothing": {},
    "an empty header": {"Authorization": ""},
    "a scheme alone": {"Authorization": "Bearer"},
    "a key alone": {"Authorization": SECRET_KEY},
    "another scheme": {"Authorization": f"Token {SECRET_KEY}"},
    "another account's secret key": bearer("sk_test_51Another"),
    "a live key": bearer(SECRET_KEY.replace("_test_", "_live_")),
    "a restricted key": bearer(SECRET_KEY.replace("sk_", "rk_")),
    "a letter more": bearer(SECRET_KEY + "x"),
    "a letter less": bearer(SECRET_KEY[:-1]),
    "capitals": bearer(SECRET_KEY.upper()),
    "two keys": bearer(f"{SECRET_KEY} {PUBLISHABLE_KEY}"),
    "two keys with a comma": bearer(f"{SECRET_KEY},{SECRET_KEY}"),
    "two headers, the good one first": [("Authorization", f"Bearer {SECRET_KEY}"), ("Authorization", "Bearer sk_x")],
    "two headers, the good one last": [("Authorization", "Bearer sk_x"), ("Authorization", f"Bearer {SECRET_KEY}")],
    "the key as a password": basic("", SECRET_KEY),
    "the key encoded twice": basic(base64.b64encode(SECRET_KEY.encode()).decode()),
    "no base64": {"Authorization": f"Basic {SECRET_KEY}"},
    "the shop's bearer token": bearer(TestIssuer().token()),
    "in another header": {"Api-Key": SECRET_KEY, "X-Api-Key": SECRET_KEY, "Stripe-Account": SECRET_KEY},
    "in a cookie": {"Cookie": f"key={SECRET_KEY}"},
}
OF_EITHER_KEY = {"create_payment_method"}


@pytest.mark.parametrize("name", PAYMENTS)
async def test_a_secret_key_opens_every_operation_of_payments_and_a_wrong_one_none(
    payments: Payments, name: str
) -> None:
    operation, ask = operations("payments")[name], await PAYMENTS[name](payments)

    for what, headers in WITHOUT_A_KEY.items():
        answer = await operation.send(payments.client, ask, headers)
        assert answer.status_code == 401, (what, answer.text)
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert answer.headers["www-authenticate"] == 'Basic realm="payments"'
        assert SECRET_KEY not in answer.text
    # Nothing of that used the request up.
    assert (await operation.send(payments.client, ask, SECRET)).status_code == 200


@pytest.mark.parametrize("form", WITH_SECRET_KEY)
async def test_a_secret_key_is_taken_as_bearer_and_as_user_name(payments: Payments, form: str) -> None:
    for name, operation in operations("payments").items():
        ask = await PAYMENTS[name](payments)
        answer = await operation.send(payments.client, ask, WITH_SECRET_KEY[form])
        assert answer.status_code == 200, (name, answer.text)


@pytest.mark.parametrize("headers", [PUBLISHABLE, basic(PUBLISHABLE_KEY)])
async def test_a_publishable_key_exchanges_cards_and_nothing_else(payments: Payments, headers: Headers) -> None:
    for name, operation in operations("payments").items():
        ask = await PAYMENTS[name](payments)
        answer = await operation.send(payments.client, ask, headers)

        if name in OF_EITHER_KEY:
            assert answer.status_code == 200, answer.text
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "secret_key_required"), name
            assert (await operation.send(payments.client, ask, SECRET)).status_code == 200, name


@pytest.mark.parametrize("parameter", ["key", "api_key", "access_token"])
async def test_a_key_in_an_address_or_a_body_is_none(payments: Payments, parameter: str) -> None:
    for name, operation in operations("payments").items():
        ask = Ask(dict.fromkeys(operation.ids, "pi_1"))
        in_address = Ask(ask.ids, ask.json, {parameter: SECRET_KEY})
        in_body = Ask(ask.ids, {parameter: SECRET_KEY})

        for asked in (in_address, in_body):
            answer = await operation.send(payments.client, asked, {})
            assert (answer.status_code, SECRET_KEY in answer.text) == (401, False), name


def test_every_operation_of_payments_says_that_it_needs_a_key() -> None:
    assert all(operation.guarded for operation in operations("payments").values())
