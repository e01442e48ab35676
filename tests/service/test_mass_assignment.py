"""Nobody sets what is not theirs to set: every body of the OpenAPI documents is sent with fields too many."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.contracts.identity import Scope
from services.local.settings import SERVICES
from tests.conftest import MakeDatabase
from tests.operations import NOT_THEIRS, Ask, Operation, foreign_fields, operations, resolved, with_body
from tests.service.cartdb_client import CartDb
from tests.service.catalog_stand import Stand
from tests.service.good_requests import CARTDB, CATALOG, OF_USERS, PAYMENTS, somebody, somebodys_guest
from tests.service.idp import Pkce, action_of, redeem, redirected, request_for, running
from tests.service.payments_stand import SECRET, Payments

pytestmark = pytest.mark.doors


async def expect_refused(http: httpx.AsyncClient, operation: Operation, ask: Ask, headers: dict[str, str]) -> None:
    """Each foreign field is refused by its name; after all of them the body itself is still as good as ever."""
    for field, value in foreign_fields(operation).items():
        answer = await operation.send(http, Ask(ask.ids, {**(ask.json or {}), field: value}, ask.query), headers)
        assert answer.status_code == 422, (field, answer.text)
        told = [(error["field"], error["type"]) for error in answer.json()["errors"]]
        assert told == [(f"body.{field}", "extra_forbidden")], field
    answer = await operation.send(http, ask, headers)
    assert answer.is_success, answer.text


@pytest.mark.parametrize("name", with_body("cartdb"))
async def test_cartdb_refuses_every_field_that_is_not_the_callers(cartdb: CartDb, name: str) -> None:
    who = somebody(cartdb) if name in OF_USERS else somebodys_guest(cartdb)
    ask = await CARTDB[name](cartdb, who)
    operation = operations("cartdb")[name]
    mine = name in {"add", "update", "create", "rename", "freeze", "erase", "preview"}

    headers = dict(who.headers) if mine else cartdb.checkout(who.owner)
    watching = cartdb.issuer.service(Scope.CART_WATCH)
    await expect_refused(cartdb.http, operation, ask, watching if name == "versions" else headers)


@pytest.mark.parametrize("name", with_body("catalog"))
async def test_catalog_refuses_every_field_that_is_not_the_callers(catalog: Stand, name: str) -> None:
    headers = catalog.checkout if name in {"hold_stock", "restock"} else catalog.editor

    await expect_refused(catalog.client, operations("catalog")[name], await CATALOG[name](catalog), headers)


@pytest.mark.parametrize("name", with_body("payments"))
async def test_payments_calls_every_field_that_is_not_the_callers_unknown(payments: Payments, name: str) -> None:
    operation, ask = operations("payments")[name], await PAYMENTS[name](payments)

    for field in foreign_fields(operation):
        asked = Ask(ask.ids, {**(ask.json or {}), field: "1"})
        answer = await operation.send(payments.client, asked, SECRET)
        assert answer.status_code == 400, (field, answer.text)
        assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("parameter_unknown", field)
    assert (await operation.send(payments.client, ask, SECRET)).status_code == 200


async def test_nobody_signs_up_as_more_than_a_shopper(make_database: MakeDatabase) -> None:
    pkce = Pkce()
    wish = {"scope": "openid profile operator catalog:write", "prompt": "create"}
    async with running((await make_database("idp")).app) as idp, idp.browser() as browser:
        page = await browser.get("/authorize", params=request_for(pkce, **wish))
        form = {"username": "mallory", "password": "correct horse battery", "email_verified": "true", "sub": "1"}
        too_much = {**form, **{name: str(value) for name, value in NOT_THEIRS.items()}, "privileges": "operator"}

        back = await browser.post(action_of(page), data=too_much)
        tokens = (await redeem(browser, redirected(back)["code"], pkce)).json()

    assert tokens["scope"] == "openid profile"


# --- what the documents say of bodies

# These are told by one of our services to another, which passes them on as a neighbour's reply: what it does not know
# of them is dropped, so that a neighbour may grow first.
PASSED_ON = {"Snapshot", "SnapshotLine", "Line"}
# OAuth has a server ignore what it does not know (RFC 6749, 3.1 and 3.2). None of these fields sets anything.
IGNORING = {"idp"}


def objects_in(service: str, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schema, and all those within it, that name properties."""
    whole = resolved(service, schema)
    if "properties" in whole:
        yield whole
    parts = [*whole.get("properties", {}).values(), *whole.get("anyOf", []), whole.get("items", {})]
    for part in parts:
        if isinstance(part, dict) and part:
            yield from objects_in(service, part)


@pytest.mark.parametrize("service", [name for name in SERVICES if name not in IGNORING])
def test_every_body_that_a_service_takes_says_that_it_takes_no_other_field(service: str) -> None:
    loose = {
        (operation.name, schema.get("title"))
        for operation in operations(service).values()
        if operation.body is not None
        for schema in objects_in(service, operation.body)
        if schema.get("additionalProperties") is not False and schema.get("title") not in PASSED_ON
    }

    assert loose == set()
