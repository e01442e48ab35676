"""Every door that takes a bearer token is shown the same table of bad ones: cartdb, catalog, controller, idp."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from services.cartdb.app import create_app as create_cartdb
from services.cartdb.settings import Settings as CartdbSettings
from services.catalog.app import create_app as create_catalog
from services.catalog.settings import Settings as CatalogSettings
from services.controller.app import create_app as create_controller
from services.controller.settings import Settings as ControllerSettings
from tests.conftest import MakeDatabase
from tests.defects import DEFECTS, MISPLACED, Mint, parts_of
from tests.service.idp import CONTROLLER, Idp, running, service_token, tokens_of
from tests.serving import on_a_port, serving
from tests.tokens import TestIssuer

pytestmark = pytest.mark.doors

# What a refusal may say of a token. Everything else of it is the same for all.
REASONS = {
    "it has expired",
    "it is not a signed token",
    "it is not an access token",
    "it names no key",
    "its algorithm is not accepted",
    "it demands what is not understood",
    "its signature or a claim is wrong",
}
LINE = {"sku": "apple", "product_id": 1, "unit_price": 4000}
PRODUCT = {"title": "A pear", "category": "Fruit", "price": 100}
PAYMENT = {"payment_method": "pm_card_visa"}
HOLD = {"lines": [{"sku": "apple", "quantity": 1}]}
SILENT: dict[str, Any] = {"log_level": "critical"}


@dataclass(frozen=True)
class Call:
    """A request that needs a credential."""

    method: str
    path: str
    json: Any = None


@dataclass(frozen=True)
class Door:
    """A service, the calls that are tried at it, and what its good tokens are made of.

    `guests` may come without a credential; `forms` may hold the token, by POST to where one looks (RFC 6750, 2.2).
    """

    http: httpx.AsyncClient
    mint: Mint
    calls: Sequence[Call]
    look: Call
    guests: bool = False
    forms: bool = False

    async def knock(self, call: Call, *authorization: str, query: str = "") -> httpx.Response:
        """Make a call under these Authorization headers."""
        headers = [("Authorization", text) for text in authorization]
        return await self.http.request(call.method, call.path + query, json=call.json, headers=headers)

    async def state(self) -> Any:
        """What there is to be changed, as the owner of a good token sees it."""
        answer = await self.knock(self.look, f"Bearer {self.mint.token()}")
        assert answer.status_code == 200, answer.text
        return answer.json()


@dataclass(frozen=True)
class House:
    """All doors, and the providers behind them."""

    issuer: TestIssuer
    idp: Idp
    doors: dict[str, Door]


CARTDB = [
    Call("GET", "/carts/current"),
    Call("POST", "/carts/current/items", LINE),
    Call("DELETE", "/carts/current/items"),
]
EDITOR = [
    Call("PUT", "/products/pear", PRODUCT),
    Call("PUT", "/stock/pear", {"stock": 9}),
    Call("DELETE", "/products/pear"),
]
APPLE = Call("GET", "/products/apple")
CHECKOUT = [Call("POST", f"/holds/{uuid4()}", HOLD), Call("POST", f"/holds/{uuid4()}/release")]
SHOP = [
    Call("GET", "/cart"),
    Call("GET", "/session"),
    Call("POST", "/cart/items", {"sku": "apple"}),
    Call("DELETE", "/cart/items"),
    Call("POST", "/cart/checkout", PAYMENT),
    Call("GET", "/orders"),
    Call("GET", f"/orders/{uuid4()}"),
    Call("POST", f"/orders/{uuid4()}/refunds", {}),
]
SECOND_NAMES = [
    Call("GET", "/api/cart/"),
    Call("POST", "/api/cart/add/", {"product_id": 1}),
    Call("POST", "/api/payments/create-from-cart/", PAYMENT),
]
USERINFO = [Call("GET", "/userinfo"), Call("POST", "/userinfo")]
DOORS = ["cartdb", "catalog, editing", "catalog, stock", "controller", "controller, second names", "idp"]


def services(issuer: TestIssuer, cartdb_database: str, catalog_database: str) -> tuple[FastAPI, FastAPI]:
    """cartdb and catalog, that trust this issuer."""
    told: dict[str, Any] = {**SILENT, "oidc_issuer": issuer.issuer, "oidc_privileged_subjects": "*"}
    cartdb = CartdbSettings(database_url=cartdb_database, **told)
    catalog = CatalogSettings(database_url=catalog_database, **told)
    return (
        create_cartdb(cartdb, idp_transport=issuer.transport),
        create_catalog(catalog, provider_transport=issuer.transport),
    )


def shop(issuer: TestIssuer, database: str, *, cartdb: str, catalog: str, provider: str, **other: Any) -> FastAPI:
    """A controller over these neighbours."""
    return create_controller(
        ControllerSettings(
            database_url=database,
            oidc_issuer=issuer.issuer,
            oidc_privileged_subjects="*",
            oidc_internal_url=provider,
            oidc_client_secret=CONTROLLER[1],
            session_secret="a secret of the tests",
            cartdb_url=cartdb,
            catalog_url=catalog,
            payments_url="http://payments.test",
            payments_secret_key="sk_test",
            payments_publishable_key="pk_test",
            **SILENT | other,
        )
    )


async def stocked(cartdb: httpx.AsyncClient, catalog: httpx.AsyncClient, user: Mint, editor: Mint) -> None:
    """An apple on the shelf, and one in the user's cart."""
    goods = {**PRODUCT, "stock": 9}
    for http, call, mint in ((cartdb, CARTDB[1], user), (catalog, Call("PUT", "/products/apple", goods), editor)):
        answer = await http.request(call.method, call.path, json=call.json, headers=bearer(mint.token()))
        assert answer.is_success, answer.text


@pytest.fixture(scope="module")
async def house(make_database: MakeDatabase) -> AsyncIterator[House]:
    """The services in this process, over a provider that signs whatever it is told to."""
    issuer = TestIssuer()
    databases = [(await make_database(name)).app for name in ("cartdb", "catalog", "controller", "idp")]
    user = issuer.mint(audience=["controller", "cartdb"])
    editor, checkout = (issuer.mint(audience="catalog", scope=scope) for scope in ("catalog:write", "stock:checkout"))
    async with AsyncExitStack() as opened:
        enter = opened.enter_async_context
        neighbours = (*services(issuer, *databases[:2]), issuer.app())
        urls = [await enter(on_a_port(app)) for app in neighbours]
        whole = shop(issuer, databases[2], **dict(zip(("cartdb", "catalog", "provider"), urls, strict=True)))
        controller = await enter(serving(whole, base_url="http://localhost:8000"))
        # Once more in this process: a port costs time, and the matrix has thousands of calls.
        cartdb, catalog = [await enter(serving(app)) for app in services(issuer, *databases[:2])]
        await stocked(cartdb, catalog, user, editor)
        idp = await enter(running(databases[3], log_level="critical"))
        browser = await enter(idp.browser())
        [signing] = (await idp.state["provider"].ring.keys()).signing.keys
        own = Mint(*parts_of((await tokens_of(browser))["access_token"]), signing)
        doors = [
            Door(cartdb, issuer.mint(), CARTDB, CARTDB[0]),
            Door(catalog, editor, EDITOR, APPLE),
            Door(catalog, checkout, CHECKOUT, APPLE),
            Door(controller, user, SHOP, SHOP[0], guests=True),
            Door(controller, user, SECOND_NAMES, SECOND_NAMES[0]),
            Door(browser, own, USERINFO, USERINFO[0], forms=True),
        ]
        yield House(issuer, idp, dict(zip(DOORS, doors, strict=True)))


def bearer(token: str) -> dict[str, str]:
    """A token where it belongs."""
    return {"Authorization": f"Bearer {token}"}


def told(answer: httpx.Response) -> dict[str, Any]:
    """A refusal's body without its reason, which the second set of names repeats."""
    return {name: value for name, value in answer.json().items() if name not in ("detail", "message", "error")}


def expect_refused(answer: httpx.Response, challenge: str) -> None:
    """A 401 that is the same whatever was wrong, its one sentence apart."""
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge), answer.text
    assert told(answer) == {
        "type": "/docs/problems#unauthenticated",
        "title": "A valid credential is needed.",
        "status": 401,
    }
    assert "set-cookie" not in answer.headers


def expect_bad_token(answer: httpx.Response) -> None:
    expect_refused(answer, 'Bearer error="invalid_token"')
    beginning, _, reason = answer.json()["detail"].removesuffix(".").partition(": ")
    assert beginning.startswith("The access token is not good")
    assert reason in REASONS or beginning.endswith("not any more")


@pytest.mark.parametrize("door", DOORS)
async def test_a_good_token_opens_every_door_whatever_the_letters_of_its_scheme(house: House, door: str) -> None:
    there = house.doors[door]

    for scheme in ("Bearer", "bearer", "BEARER"):
        for call in there.calls:
            answer = await there.knock(Call(call.method, call.path), f"{scheme} {there.mint.token()}")
            # Without a body most are refused later on, as what they ask for.
            assert answer.status_code != 401, (call, answer.text)


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("door", DOORS)
async def test_a_token_with_one_defect_opens_no_door_and_changes_nothing(house: House, door: str, defect: str) -> None:
    there = house.doors[door]
    before = await there.state()

    bad = DEFECTS[defect](there.mint)

    for call in there.calls:
        expect_bad_token(await there.knock(call, f"Bearer {bad}"))
    expect_bad_token(await there.knock(there.calls[0], f"bearer {bad}"))
    if there.forms:
        expect_bad_token(await there.http.post(there.look.path, data={"access_token": bad}))
    assert await there.state() == before


@pytest.mark.parametrize("door", DOORS)
async def test_no_bit_of_a_token_may_be_turned(house: House, door: str) -> None:
    there = house.doors[door]
    before = await there.state()

    for token in there.mint.flipped():
        answer = await there.knock(there.calls[0], f"Bearer {token}")
        assert answer.status_code == 401, token
        assert answer.headers["www-authenticate"].startswith("Bearer"), token

    assert await there.state() == before


@pytest.mark.parametrize("place", MISPLACED)
@pytest.mark.parametrize("door", DOORS)
async def test_a_good_token_in_a_wrong_place_is_refused_and_never_a_guests(house: House, door: str, place: str) -> None:
    there = house.doors[door]
    before = await there.state()

    for call in there.calls:
        answer = await there.knock(call, *MISPLACED[place](there.mint.token()))
        assert answer.status_code == 401, call
        assert answer.headers["www-authenticate"].startswith("Bearer"), call
        assert "set-cookie" not in answer.headers
        assert told(answer)["type"] == "/docs/problems#unauthenticated"

    assert await there.state() == before


@pytest.mark.parametrize("door", DOORS)
async def test_a_token_in_the_address_is_no_credential_nor_one_in_a_form_that_may_hold_none(
    house: House, door: str
) -> None:
    there = house.doors[door]
    before, good = await there.state(), there.mint.token()

    for call in there.calls:
        answer = await there.knock(call, query=f"?access_token={good}")
        if there.guests and answer.status_code == 200:
            assert before["owner"]["id"] not in answer.text, call
        elif not there.guests:
            assert answer.status_code == 401, call
    form = await there.http.post(there.calls[-1].path, data={"access_token": good})
    twice = await there.http.post(there.calls[-1].path, data={"access_token": good}, headers=bearer(good))

    assert form.status_code == 200 if there.forms else form.status_code in (401, 405, 415, 422)
    assert twice.status_code == 400 or not there.forms
    assert await there.state() == before


async def test_a_hundred_unknown_keys_ask_the_provider_for_its_keys_once_at_most(house: House) -> None:
    for name in ("cartdb", "catalog, editing", "controller"):
        there = house.doors[name]
        house.issuer.asked.clear()

        bad = [there.mint.token(header={"kid": f"unknown-{number}"}) for number in range(100)]
        one_by_one = [await there.knock(there.look, f"Bearer {token}") for token in bad[:50]]
        at_once = await asyncio.gather(*(there.knock(there.calls[-1], f"Bearer {token}") for token in bad[50:]))

        assert {answer.status_code for answer in at_once} == {401}
        assert {answer.status_code for answer in one_by_one} <= {200, 401}  # Goods are shown to everybody.
        assert len(house.issuer.asked) <= 1, name


async def test_nobody_follows_an_address_that_a_token_names(house: House) -> None:
    for name in DOORS:
        for defect in ("jku", "jku and an unknown kid", "x5u"):
            there = house.doors[name]
            await there.knock(there.calls[0], f"Bearer {DEFECTS[defect](there.mint)}")

    assert [address for address in house.issuer.asked if not address.startswith(house.issuer.issuer)] == []


@pytest.mark.parametrize("defect", DEFECTS)
async def test_the_provider_calls_a_bad_token_inactive_and_nothing_more(house: House, defect: str) -> None:
    there = house.doors["idp"]

    answer = await there.http.post("/introspect", data={"token": DEFECTS[defect](there.mint)}, auth=CONTROLLER)

    assert (answer.status_code, answer.json()) == (200, {"active": False})


async def test_the_provider_calls_no_turned_bit_active(house: House) -> None:
    there = house.doors["idp"]
    good = await there.http.post("/introspect", data={"token": there.mint.token()}, auth=CONTROLLER)

    answers = [
        await there.http.post("/introspect", data={"token": token}, auth=CONTROLLER) for token in there.mint.flipped()
    ]

    assert good.json()["active"] is True
    assert [answer.json() for answer in answers] == [{"active": False}] * len(answers)


SERVICE_SCOPES = ["cart:guest", "cart:checkout", "cart:watch", "stock:checkout"]


@pytest.mark.parametrize("scope", SERVICE_SCOPES)
@pytest.mark.parametrize("door", ["controller", "controller, second names"])
async def test_a_services_token_is_nobody_in_the_shop(house: House, door: str, scope: str) -> None:
    there = house.doors[door]
    before = await there.state()

    for call in there.calls:
        # A provider may have one audience for everything: the scope must tell them apart.
        answer = await there.knock(call, f"Bearer {there.mint.token(scope=scope, sub='controller')}")
        assert (answer.status_code, told(answer)["type"]) == (403, "/docs/problems#forbidden"), call

    assert await there.state() == before


async def test_a_refresh_token_and_a_services_token_tell_no_user_at_the_provider(house: House) -> None:
    there = house.doors["idp"]
    async with house.idp.browser() as browser:
        tokens = await tokens_of(browser)

    for call in there.calls:
        expect_bad_token(await there.knock(call, f"Bearer {tokens['refresh_token']}"))
        expect_bad_token(await there.knock(call, f"Bearer {tokens['id_token']}"))
        for scope in SERVICE_SCOPES:
            own = (await service_token(there.http, scope)).json()["access_token"]
            answer = await there.knock(call, f"Bearer {own}")
            assert (answer.status_code, 'error="insufficient_scope"' in answer.headers["www-authenticate"]) == (
                403,
                True,
            )
