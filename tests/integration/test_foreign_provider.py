"""The shop with a provider that is not ours, a certified one, by settings alone; the built-in provider does not run."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.controller.signer import Signer, hash_of
from services.local.stack import Stack
from tests.integration.foreign_provider import (
    EDITOR,
    OPERATOR,
    SERVICES,
    SHOP,
    ForeignProvider,
    foreign_provider,
    plan_with,
    walk,
)
from tests.integration.shop_client import PATIENCE_SECONDS, Shop, Shopper, at_once, eventually, problem_type
from tests.stacks import plan_in

AT_ONCE = 6
SHORT = 2
SIGNED, OPAQUE = (pytest.mark.parametrize("shops", [kind], indirect=True) for kind in ("jwt", "opaque"))


class ForeignShop(Shop):
    """A shop whose shoppers sign in elsewhere."""

    stack: Stack

    def __init__(self, stack: Stack, provider: ForeignProvider) -> None:
        super().__init__(stack)
        self.stack = stack
        self.provider = provider

    def sign_in_as(self, shopper: Shopper, user: str) -> httpx.Response:
        """Sign in; the answer to the callback."""
        shopper.username = user
        start = shopper.http.get("/login")
        assert start.status_code == 303, start.text
        back = walk(shopper.http, start.headers["location"], user=user, until=f"{self.stack.url}/callback")
        answer = shopper.http.get(back)
        assert answer.status_code == 303, answer.text
        return answer

    def app(self, user: str, scope: str = "") -> Shopper:
        """Somebody else's app, with a token of the user's."""
        return self.with_token(self.provider.access_token(self.browser(), user, scope))

    def all_at_once(self, shopper: Shopper, path: str) -> list[httpx.Response]:
        """Many requests of one browser together, at both controllers."""
        cookie = {"Cookie": f"sid={shopper.cookie}"}
        both = [self.browser(self.stack.address_of(f"controller-{number}"), headers=cookie) for number in (1, 2)]
        return at_once([partial(controller.get, path) for controller in both for _ in range(AT_ONCE)])

    def counted(self, grant: str) -> int:
        return self.provider.counts().get(grant, 0)


@pytest.fixture(scope="module", params=["jwt", "opaque"])
def shops(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignShop]:
    """Everything but our own provider."""
    folder = tmp_path_factory.mktemp("foreign")
    plan = plan_in(
        folder,
        replicas={"controller": 2 if request.param == "jwt" else 1},
        services=SERVICES,
    )
    url = Stack(plan).url
    with foreign_provider(request.param, url) as provider:
        told = replace(plan, settings=plan_with(provider, plan))
        with Stack(told) as stack, ForeignShop(stack, provider) as shop:
            yield shop


@pytest.fixture
def shop(shops: ForeignShop) -> Iterator[ForeignShop]:
    """The same shop, with tokens that last."""
    shops.provider.set_life(900)
    yield shops
    shops.provider.set_life(900)


def somebody() -> str:
    return f"u-{uuid.uuid4().hex[:12]}"


async def with_expired_token(shop: ForeignShop, *, lines: int = 0) -> Shopper:
    """Somebody whose access token has run out, while those of a refresh will last."""
    shopper = shop.guest()
    if lines:
        shopper.add("apple", lines)
    shop.provider.set_life(SHORT)
    shop.sign_in_as(shopper, somebody())
    shop.provider.set_life(900)
    ended = "SELECT 1 FROM sessions WHERE id_hash = $1 AND tokens_end_at < now()"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await shop.rows("controller", ended, hash_of(shopper.cookie)):
        assert time.monotonic() < deadline, "the token does not end"
    return shopper


# --- a shopper


async def test_a_shopper_signs_in_elsewhere_buys_and_signs_out_there_too(shop: ForeignShop) -> None:
    # given: a guest with something in the cart
    shopper, user = shop.guest(), somebody()
    shopper.add("apple", 2)

    # when: they sign in, which moves the guest's lines, and go on as themselves
    shop.sign_in_as(shopper, user)
    shopper.add("banana")
    lines, session = shopper.lines(), shopper.read("/session")
    bought = shopper.check_out()

    # then: cartdb took their own token, and the order is theirs
    assert lines == {"apple": 2, "banana": 1}
    assert session["signed_in"] is True
    assert (bought.status_code, bought.json()["status"]) == (201, "paid")
    assert [order["order_id"] for order in shopper.read("/orders")["orders"]] == [bought.json()["order_id"]]

    # when: they sign out
    cookie = shopper.cookie
    out = shopper.http.post("/logout")

    # then: the session is over here, and the browser is led to the provider's end of session and home from there
    asked = urlsplit(out.headers["location"])
    home = f"{shop.stack.url}/shop/"
    assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"{shop.provider.issuer}/session/end"
    assert parse_qs(asked.query) == {"client_id": [SHOP[0]], "post_logout_redirect_uri": [home]}
    assert walk(shopper.http, out.headers["location"], until=home) == home
    # The other controller may remember a session for some seconds.
    replay = partial(shop.browser(headers={"Cookie": f"sid={cookie}"}).get, "/session")
    eventually(replay, lambda answer: answer.json()["signed_in"] is False)


async def test_an_access_token_is_renewed_while_its_shopper_goes_on(shop: ForeignShop) -> None:
    refreshed = shop.counted("refresh_token")
    shop.provider.set_life(2 * SHORT)
    shopper = shop.guest()
    shop.sign_in_as(shopper, somebody())

    # One renewal after the other, each with the refresh token that the last one brought, at either controller.
    eventually(
        lambda: shopper.http.get("/cart"),
        lambda cart: cart.status_code == 200 and shop.counted("refresh_token") >= refreshed + 2,
    )

    assert shopper.read("/session")["signed_in"] is True
    assert shop.counted("refresh_token refused") == 0


# --- programs with a token of the provider's


def test_an_app_with_a_users_token_has_that_users_cart(shop: ForeignShop) -> None:
    shopper, user = shop.guest(), somebody()
    shop.sign_in_as(shopper, user)
    shopper.add("apple")

    app = shop.app(user)
    app.add("banana", 2)

    assert app.lines() == shopper.lines() == {"apple": 1, "banana": 2}
    assert app.http.get("/api/cart/").status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"resource": "https://other.example/api"},
        {"resource": ""},
    ],
    ids=["of another resource", "of none"],
)
def test_a_token_that_is_not_for_the_shop_is_refused(shop: ForeignShop, form: dict[str, str]) -> None:
    told = shop.provider.token(EDITOR, grant_type="client_credentials", **form)
    token = told.get("access_token", "none.of.it")

    answer = shop.with_token(token).http.get("/cart")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_that_the_provider_does_not_know_is_refused(shop: ForeignShop) -> None:
    for token in ("opaque", "a" * 43, "a.b.c"):
        answer = shop.with_token(token).http.get("/cart")
        assert (answer.status_code, problem_type(answer)) == (401, "unauthenticated"), token


def test_a_provider_that_grants_what_is_asked_for_makes_nobody_an_operator_or_a_service(shop: ForeignShop) -> None:
    order = f"/orders/{uuid.uuid4()}/refunds"
    catalog, cartdb = (shop.stack.addresses.inside(name) for name in ("catalog", "cartdb"))
    product = {"title": "Not theirs to sell", "category": "Tests", "price": 100}
    guest = {"Cart-Owner": f"guest:{uuid.uuid4()}"}

    # Each has just the scope that it would take; only one of them is named in the shop's settings.
    shopper, operator = shop.app(somebody(), "operator"), shop.app(OPERATOR, "operator")
    editor, guests = shop.app(somebody(), "catalog:write"), shop.app(somebody(), "cart:guest")
    checkout = shop.app(somebody(), "cart:checkout")

    assert shopper.http.post(order, json={}).status_code == 403
    assert operator.http.post(order, json={}).status_code == 404
    assert editor.http.put(f"{catalog}/products/{somebody()}", json=product).status_code == 403
    assert guests.http.get(f"{cartdb}/carts/current", headers=guest).status_code == 403
    assert checkout.http.get(f"{cartdb}/unfinished").status_code == 403


def test_a_service_that_the_shop_names_edits_goods(shop: ForeignShop) -> None:
    token = shop.provider.token(EDITOR, grant_type="client_credentials", scope="catalog:write")["access_token"]
    sku = somebody()

    made = shop.with_token(token).http.put(
        f"{shop.stack.addresses.inside('catalog')}/products/{sku}",
        json={"title": "Tea from elsewhere", "category": "Tests", "price": 100, "stock": 1},
    )

    assert made.status_code == 201, made.text


@OPAQUE
def test_the_provider_is_asked_about_a_token_once_in_a_while_and_not_at_each_request(shop: ForeignShop) -> None:
    app = shop.app(somebody())
    asked = shop.counted("introspection")

    lines = [app.lines() for _ in range(20)]

    assert lines == [{}] * 20
    # By the controller and by cartdb; once more each, should half a minute end just here.
    assert 2 <= shop.counted("introspection") - asked <= 4


# --- an access token that has run out


@SIGNED
async def test_requests_at_once_over_two_controllers_refresh_once(shop: ForeignShop) -> None:
    shopper = await with_expired_token(shop, lines=2)
    before = shop.provider.counts()

    answers = shop.all_at_once(shopper, "/cart")

    assert [answer.status_code for answer in answers] == [200] * 2 * AT_ONCE
    assert {answer.json()["total_items"] for answer in answers} == {2}
    after = shop.provider.counts()
    assert after["refresh_token"] - before.get("refresh_token", 0) == 1
    assert "refresh_token refused" not in after


@SIGNED
async def test_a_refresh_whose_answer_is_lost_means_signing_in_again_with_the_cart_as_it_was(
    shop: ForeignShop,
) -> None:
    shopper = await with_expired_token(shop, lines=3)
    before = shop.counted("refresh_token")
    shop.provider.lose_next_refresh()

    answers = shop.all_at_once(shopper, "/session")

    assert [answer.status_code for answer in answers] == [200] * 2 * AT_ONCE
    assert {answer.json()["signed_in"] for answer in answers} == {False}
    assert shop.counted("refresh_token") - before == 1
    assert shop.counted("refresh_token refused") == 0
    user = shopper.username
    assert user is not None
    shop.sign_in_as(shopper, user)
    assert shopper.lines() == {"apple": 3}


@SIGNED
async def test_a_refresh_token_that_a_thief_has_used_ends_the_session_and_not_the_cart(shop: ForeignShop) -> None:
    shopper = await with_expired_token(shop, lines=4)
    [row] = await shop.rows("controller", "SELECT tokens FROM sessions WHERE id_hash = $1", hash_of(shopper.cookie))
    stolen = Signer(shop.stack.secrets["SESSION_SECRET"]).unseal(row["tokens"])["refresh_token"]
    thief = shop.provider.token(SHOP, grant_type="refresh_token", refresh_token=stolen)
    assert thief["status"] == 200

    found = shopper.read("/session")

    assert found["signed_in"] is False
    again = shop.provider.token(SHOP, grant_type="refresh_token", refresh_token=thief["refresh_token"])
    assert (again["status"], again["error"]) == (400, "invalid_grant")
    user = shopper.username
    assert user is not None
    shop.sign_in_as(shopper, user)
    assert shopper.lines() == {"apple": 4}
