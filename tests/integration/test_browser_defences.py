"""What a hostile page, a curious script or a thief of the browser meets: on every route, and none by name alone."""

import json
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from services.controller.signer import Signer, hash_of
from services.local.settings import SERVICES
from tests.every_route import Door, doors
from tests.integration.bodies import BODIES, SIGNED
from tests.integration.browser_world import (
    FOREIGN,
    PAGE,
    STRANGER,
    STRANGERS_HOST,
    Told,
    World,
    guest_with_a_row,
    replay,
)
from tests.integration.shop_client import Shop, Shopper, problem_type
from tests.operations import operations
from tests.stacks import RunningStack


@pytest.fixture(scope="module")
def world(stack: RunningStack) -> Iterator[World]:
    """One of everything."""
    with Shop(stack) as shop:
        yield World(shop)


@pytest.fixture(scope="module")
def answers(world: World) -> list[Told]:
    """Every route's answers to friends, strangers and the careless."""
    return [*world.looks(), *world.tries(), *world.mistakes()]


# --- check 8: headers

OPEN_TO_OPENERS = {
    **{("idp", page): "unsafe-none" for page in ("/authorize", "/sign-in", "/sign-up", "/end_session")},
    **{(service, "/docs"): "same-origin-allow-popups" for service in SERVICES},
    **{(service, "/docs/oauth2-redirect"): "unsafe-none" for service in SERVICES},
    ("controller", "/docs/{service}"): "same-origin-allow-popups",
}
"""Where a docs page's sign-in window and its opener must find each other."""


def policy_of(answer: httpx.Response) -> dict[str, str]:
    directives = [part.partition(" ") for part in answer.headers["content-security-policy"].split("; ")]
    assert len({name for name, _, _ in directives}) == len(directives)
    return {name: sources for name, _, sources in directives}


def wrong_in_policy(told: Told, world: World) -> set[str]:
    """What a policy allows and should not."""
    policy = policy_of(told.answer)
    closed = {"default-src", "object-src", "base-uri", "frame-ancestors"}
    wrong = {name for name in closed if policy.get(name) != "'none'"}
    leads_to = set(policy["form-action"].split()) - {"'none'", "'self'"}
    calls = set(policy.get("connect-src", "").split()) - {"'self'"}
    ours = {world.address(service) for service in ("controller", "idp", "payments")}
    wrong |= {f"form-action {place}" for place in leads_to - ours} | {f"connect-src {place}" for place in calls - ours}
    return wrong | {name for name, sources in policy.items() if "unsafe" in sources or "*" in sources}


def wrong_in_headers(told: Told, world: World) -> set[str]:
    headers = told.answer.headers
    opener = OPEN_TO_OPENERS.get((told.door.service, told.door.template), "same-origin")
    wanted = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "strict-transport-security": None,
        "server": None,
        "x-powered-by": None,
    }
    wrong = {name for name, value in wanted.items() if headers.get(name) != value}
    wrong |= set() if headers.get("cross-origin-opener-policy") in ("same-origin", opener) else {"opener"}
    wrong |= set() if "camera=()" in headers.get("permissions-policy", "") else {"permissions-policy"}
    return wrong | wrong_in_policy(told, world)


def test_every_answer_of_every_route_has_the_defensive_headers(answers: list[Told], world: World) -> None:
    preflights = [*world.preflights(STRANGER), *world.preflights(world.shop.stack.url)]

    wrong = {str(told): found for told in [*answers, *preflights] if (found := wrong_in_headers(told, world))}

    assert wrong == {}
    assert {told.answer.status_code for told in answers} >= {200, 303, 400, 401, 403, 404, 405, 413, 422}


class Inline(HTMLParser):
    """Collects what a page runs, and whom it asks for what."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.asked: list[str] = []
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in = tag
        self.inline += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        self.asked += [value or "" for name, value in attrs if name in ("src", "action", "href", "data-exchange")]

    def handle_data(self, data: str) -> None:
        if self._in == "script" and data.strip():
            self.inline.append(f"script: {data[:40]}")

    def handle_endtag(self, tag: str) -> None:
        self._in = ""


def test_no_page_holds_inline_script_or_style_or_asks_a_third_party(answers: list[Told], world: World) -> None:
    ours = {urlsplit(world.address(service)).netloc for service in ("controller", "idp", "payments")}
    pages = [told for told in answers if told.media == "text/html" and told.answer.text]
    wrong: dict[str, list[str]] = {}

    for told in pages:
        reader = Inline()
        reader.feed(told.answer.text)
        addresses = [urlsplit(address) for address in reader.asked]
        strangers = [at.geturl() for at in addresses if at.netloc not in {"", *ours} or at.scheme not in ("", "http")]
        if found := [*reader.inline, *strangers]:
            wrong[str(told)] = found

    assert wrong == {}
    assert len({(told.door.service, told.door.template) for told in pages}) > 25


# --- check 9: what is kept

MAY_BE_KEPT = {
    *(
        (service, path)
        for service in SERVICES
        for path in ("/docs/page.css", "/docs/init.js", "/docs/oauth2-redirect.js")
    ),
    *((service, "/docs/assets/{docs_assets}") for service in SERVICES),
    *(("controller", path) for path in ("/static/{static}", "/docs/paper.css", "/shop/pictures/{sku}.svg")),
    *(("idp", path) for path in ("/style.css", "/mark.svg", "/jwks", "/.well-known/openid-configuration")),
    *(("catalog", path) for path in ("/products", "/products/{sku}")),
}


def test_nothing_but_files_goods_and_public_keys_may_be_kept(answers: list[Told]) -> None:
    kept = [told for told in answers if told.answer.headers["cache-control"] != "no-store"]

    assert {(told.door.service, told.door.template) for told in kept} == MAY_BE_KEPT
    assert [str(told) for told in kept if not told.answer.is_success] == []


# --- check 10: other origins


def allowed(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", [STRANGER, "null", "http://localhost", "http://localhost:1"])
def test_no_route_allows_anything_to_a_foreign_origin(world: World, answers: list[Told], origin: str) -> None:
    asked = [*world.preflights(origin), *(told for told in answers if told.how != "as a page")]

    assert {str(told): found for told in asked if (found := allowed(told.answer))} == {}


def test_only_public_clients_pages_read_the_provider_and_only_the_shops_page_exchanges_cards(world: World) -> None:
    """The docs pages are public clients themselves; nobody may send a cookie along."""
    shop, stack = world.shop.stack.url, world.shop.stack.addresses
    docs = {"/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"}
    told = {origin: list(world.preflights(origin)) for origin in (shop, stack.public("idp"), stack.public("cartdb"))}

    opened = {
        origin: {(one.door.service, one.door.template) for one in asked if allowed(one.answer)}
        for origin, asked in told.items()
    }

    provider = {("idp", path) for path in docs}
    assert opened == {
        shop: provider | {("payments", "/v1/payment_methods")},
        stack.public("idp"): provider,
        stack.public("cartdb"): provider,
    }
    for one in (one for asked in told.values() for one in asked if allowed(one.answer)):
        assert one.answer.headers["access-control-allow-origin"] in told
        assert "access-control-allow-credentials" not in one.answer.headers
        assert "origin" in one.answer.headers["vary"].lower()


# --- check 7: changes that another site asks for

NO_COOKIE_OPENS = {
    **{door: 401 for door in doors("controller") if door.changes and door.template.startswith("/api/")},
    Door("controller", "POST", "/webhooks/payments"): 400,
    Door("controller", "POST", "/products/descriptions"): 200,
}
"""Bearer tokens alone, a signature alone, and a question that nobody has to be for."""
CHANGES = [door for door in doors("controller") if door.changes]


JSON_BODIES = {
    Door("controller", operation.method, operation.path): BODIES[name]
    for name, operation in operations("controller").items()
    if operation.body is not None and name not in SIGNED
}


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_route_of_the_shop_makes_a_change_for_another_sites_page(world: World, headers: dict[str, str]) -> None:
    customer = world.customer
    before = customer.read("/session"), customer.cart(), customer.read("/carts")
    got = {}

    for door in CHANGES:
        sent = {"json": JSON_BODIES[door]} if door in JSON_BODIES else {"data": {"key": "k"}}
        answer = world.ask(door, headers | {"Cookie": f"sid={customer.cookie}"}, **sent)
        if answer.status_code != 403 or problem_type(answer) != "cross_site_request":
            got[door] = answer.status_code

    assert got == NO_COOKIE_OPENS
    assert (customer.read("/session"), customer.cart(), customer.read("/carts")) == before
    assert len(CHANGES) > 30


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_a_json_route_takes_json_alone(world: World, media: str | None) -> None:
    """A form of another site can send the first three without asking."""
    customer, order = world.customer, f"/orders/{world.order['order_id']}"
    before = customer.read("/session"), customer.read(order)
    as_sent = {"Content-Type": media} if media else {}
    got = {}

    for door, body in JSON_BODIES.items():
        sent = [headers | as_sent for headers in world.credentials(door)]
        got[str(door)] = {world.ask(door, headers, content=json.dumps(body).encode()).status_code for headers in sent}

    taken = {door: statuses for door, statuses in got.items() if statuses - {403, 415, 422} or statuses == {403}}
    assert taken == {}
    assert (customer.read("/session"), customer.read(order)) == before


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/end_session"])
@pytest.mark.parametrize("headers", FOREIGN)
def test_no_form_of_the_provider_is_taken_from_another_sites_page(
    world: World, path: str, headers: dict[str, str]
) -> None:
    form = {"username": "mallory-by-force", "password": "correct horse battery", "confirmed": "yes"}
    sid = world.customer.http.cookies["idp_sid"]

    answer = world.shop.browser(world.shop.stack.idp_url).post(
        path, params=world.authorization, data=form, headers=headers | {"Cookie": f"idp_sid={sid}"}
    )

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_bearer_token_needs_no_proof_of_origin_for_no_page_can_send_one_unasked(world: World) -> None:
    """Decided so: the header is no cookie that travels by itself, and its preflight is never allowed."""
    program = world.shop.with_token(world.tokens["user"])

    answer = program.http.patch(
        f"/carts/{world.cart['cart_id']}",
        json={"name": None},
        headers={"Origin": STRANGER, "Sec-Fetch-Site": "cross-site"},
    )

    assert answer.status_code == 200
    assert allowed(answer) == set()


def test_the_cards_door_opens_for_no_cookie_and_for_no_page_but_the_shops(world: World) -> None:
    """Its credential, too, is a header; a page that may send it must be the shop's."""
    key = {"Authorization": f"Bearer {world.shop.stack.secrets['PAYMENTS_PUBLISHABLE_KEY']}"}
    door, form = Door("payments", "POST", "/v1/payment_methods"), {"type": "card", "card[number]": "4242424242424242"}
    form |= {"card[exp_month]": "12", "card[exp_year]": "2034", "card[cvc]": "123"}

    without = world.ask(door, {"Origin": world.shop.stack.url, "Cookie": f"sid={world.customer.cookie}"}, data=form)
    foreign = world.ask(door, key | {"Origin": STRANGER}, data=form)
    own = world.ask(door, key | {"Origin": world.shop.stack.url}, data=form)

    assert [without.status_code, foreign.status_code, own.status_code] == [401, 200, 200]
    assert allowed(foreign) == set()
    assert own.headers["access-control-allow-origin"] == world.shop.stack.url


# --- check 7: looking changes nothing

WRITTEN_UNASKED = {("controller", "adopted_guests"): "has_orders", ("payments", "webhook_deliveries"): "*"}
"""What the services' own rounds write, whoever looks: whether a guest bought something, and how a delivery goes."""


async def contents(shop: Shop) -> dict[tuple[str, str], set[str]]:
    """Every row of every table of every service."""
    found: dict[tuple[str, str], set[str]] = {}
    for service in SERVICES:
        tables = await shop.rows(service, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        left_out = {table: WRITTEN_UNASKED.get((service, table), "") for (table,) in tables}
        every = " UNION ALL ".join(
            f"SELECT '{table}', (to_jsonb(t) - '{column}')::text FROM {table} t"
            for table, column in left_out.items()
            if column != "*"
        )
        found |= {(service, table): set() for table in left_out}
        for table, row in await shop.rows(service, every):
            found[service, table].add(row)
    return found


async def when_quiet(shop: Shop) -> dict[tuple[str, str], set[str]]:
    """The tables once nothing is under way any more."""
    deadline = time.monotonic() + 30
    before, now = await contents(shop), await contents(shop)
    while before != now:
        assert time.monotonic() < deadline, "the shop does not come to rest"
        before, now = now, await contents(shop)
    return now


NOTHING_TO_SEE = {("controller", "/callback"), ("controller", "/merges/preview"), ("controller", "/shop/{_path:path}")}


async def looking(world: World) -> tuple[list[Told], dict[tuple[str, str], set[str]]]:
    """Everything that can be looked at, by everybody; the rows that are other ones afterwards."""
    guest = guest_with_a_row(world.shop)
    before = await when_quiet(world.shop)

    looked = list(world.looks())
    looks = [door for door in doors("controller") if door.method == "GET"]
    for headers in (PAGE | {"Cookie": f"sid={guest.cookie}"}, PAGE):
        looked.extend(Told(door, "by a guest", world.ask(door, headers)) for door in looks)

    after = await when_quiet(world.shop)
    assert sum(len(rows) for rows in before.values()) > 100
    return looked, {name: after[name] ^ before[name] for name in before if after[name] != before[name]}


async def test_looking_changes_nothing_in_any_table_of_any_service(world: World) -> None:
    """Not tried is a sign-in on its way. /callback with a code makes a session, /authorize with the provider's own
    cookie a code, /end_session with a good hint signs out, the first request after a sign-in moves the guest's cart.
    """
    looked, changed = await looking(world)
    for _ in range(3):
        if changed:  # What some round of a service's own did just then, it does not do again.
            looked, changed = await looking(World(world.shop))

    assert changed == {}
    seen = {(told.door.service, told.door.template) for told in looked if told.answer.status_code in (200, 303, 307)}
    assert {(told.door.service, told.door.template) for told in looked} - seen == NOTHING_TO_SEE


# --- check 43: who and where, by the request's own word


def test_no_answer_names_the_host_that_a_request_made_up(answers: list[Told], world: World) -> None:
    made_up = [told for told in answers if told.how == "under another name"]
    told_back = [str(told) for told in made_up if "stranger.example" in f"{told.answer.headers}{told.answer.text}"]
    pages = [told for told in made_up if told.door.template.startswith("/shop")]

    assert told_back == []
    for told in pages:
        assert told.answer.status_code == 307
        assert told.answer.headers["location"].startswith(f"{world.shop.stack.url}/shop")


@pytest.mark.parametrize(
    "host",
    [
        "stranger.example",
        "localhost@stranger.example",
        "stranger.example:80",
        "localhost.stranger.example",
        "[::1",
        "a b",
        "",
    ],
)
def test_a_page_asked_for_under_any_name_leads_to_the_public_one_or_is_it(world: World, host: str) -> None:
    answer = world.ask(Door("controller", "GET", "/shop/cart"), STRANGERS_HOST | PAGE | {"Host": host})

    assert answer.status_code in (200, 307, 400)
    assert "stranger" not in f"{answer.headers}{answer.text}"
    assert answer.headers.get("location", world.shop.stack.url).startswith(world.shop.stack.url)


# --- checks 1 to 3: the session's id


def test_an_id_of_before_during_and_after_a_sign_in_are_three_and_the_old_ones_open_nothing(world: World) -> None:
    shopper = guest_with_a_row(world.shop)
    guest = shopper.cookie
    cart = shopper.cart()
    world.shop.sign_up(shopper)
    during = shopper.cookie
    shopper.http.post("/logout")
    after = shopper.cookie

    assert len({guest, during, after}) == 3
    assert len({cookie.partition(".")[0] for cookie in (guest, during, after)}) == 3
    assert replay(world.shop, guest, f"/carts/{cart['cart_id']}").status_code == 409
    assert replay(world.shop, during, f"/carts/{cart['cart_id']}").status_code == 404
    assert replay(world.shop, during, "/session").json()["signed_in"] is False


async def test_no_table_of_the_controller_holds_a_live_cookie_or_a_token(world: World) -> None:
    cookies = [world.customer.cookie, guest_with_a_row(world.shop).cookie, world.shop.customer().cookie]
    tokens = [value for cookie in cookies for value in await secrets_of(world.shop, cookie)]

    dump = "\n".join(
        row for (service, _), rows in (await contents(world.shop)).items() if service == "controller" for row in rows
    )

    assert hash_of(cookies[0]).hex() in dump
    assert len(tokens) >= 4
    assert [cookie for cookie in cookies if cookie in dump or cookie.partition(".")[0] in dump] == []
    assert [token for token in tokens if token in dump] == []


@pytest.mark.parametrize("whose", ["a guest's", "a user's"])
async def test_signing_out_ends_the_row(world: World, whose: str) -> None:
    shopper = guest_with_a_row(world.shop) if whose == "a guest's" else world.shop.customer()
    cookie = shopper.cookie

    shopper.http.post("/logout")

    rows = await world.shop.rows(
        "controller",
        "SELECT tokens, ended_by FROM sessions WHERE id_hash = $1 AND ended_at IS NOT NULL",
        hash_of(cookie),
    )
    assert [tuple(row) for row in rows] == [(None, "logout")]


def test_signing_out_works_at_once_with_the_id_of_before_the_sign_in(world: World) -> None:
    shopper = guest_with_a_row(world.shop)
    old = shopper.cookie
    world.shop.sign_up(shopper)

    # when: a page of before the sign-in is still open, or the answer with the new id was lost
    answer = world.ask(Door("controller", "POST", "/logout"), {"Cookie": f"sid={old}"})

    assert answer.status_code == 303
    new = answer.cookies["sid"]
    assert new not in (old, shopper.cookie)
    assert replay(world.shop, new, "/session").json()["signed_in"] is False


# --- check 6: no token reaches the browser

JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?")


async def secrets_of(shop: Shop, cookie: str) -> list[str]:
    """What is sealed in a session's row, and the seal itself."""
    rows = await shop.rows("controller", "SELECT tokens FROM sessions WHERE id_hash = $1", hash_of(cookie))
    signer = Signer(shop.stack.secrets["SESSION_SECRET"])
    opened = [signer.unseal(row["tokens"]) for row in rows if row["tokens"]]
    tokens = [value for content in opened for name, value in content.items() if name.endswith("_token") and value]
    return [*tokens, *(bytes(row["tokens"]).decode() for row in rows if row["tokens"])]


class Witness:
    """A browser, and everything that it was ever told."""

    def __init__(self, shop: Shop, heard: list[str]) -> None:
        self.heard = heard
        self.shopper = Shopper(shop.browser(event_hooks={"response": [self._hear]}))

    def _hear(self, answer: httpx.Response) -> None:
        answer.read()
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
        self.heard.append(f"{answer.request.url}\n{headers}\n\n{answer.text}")

    def visits(self, *paths: str) -> None:
        for path in paths:
            for form in ({}, PAGE):
                assert self.shopper.http.get(path, headers=form).status_code < 400, path


async def a_customers_visit(shop: Shop, witness: Witness) -> tuple[str, list[str]]:
    """Guest, sign-up, cart, checkout, order, sign-out. The order, and what was sealed meanwhile."""
    shopper = witness.shopper
    witness.visits("/shop/", "/session")
    shopper.add("apple", 2)
    shop.sign_up(shopper)
    sealed = await secrets_of(shop, shopper.cookie)
    witness.visits("/shop/cart?signed_in=1", "/shop/checkout", "/session", "/carts")
    order = shopper.buy(shop.goods())
    witness.visits(f"/shop/orders/{order['order_id']}", f"/orders/{order['order_id']}", "/orders", "/shop/orders")
    shopper.http.get("/shop/nowhere", headers=PAGE)
    left = shopper.http.post("/logout")
    assert shopper.http.get(left.headers["location"]).status_code == 303
    return order["order_id"], sealed


async def an_operators_visit(shop: Shop, witness: Witness, order_id: str) -> list[str]:
    """Sign-in, refund, sign-out. What was sealed meanwhile."""
    operator = witness.shopper
    shop.sign_in(operator, "olga", password="olga-demo-password")
    sealed = await secrets_of(shop, operator.cookie)
    witness.visits(f"/shop/orders/{order_id}", f"/shop/orders/{order_id}/refunds?amount=1.00")
    given = operator.http.post(f"/orders/{order_id}/refunds", json={"amount": 100})
    assert given.status_code == 201, given.text
    operator.http.post("/logout")
    return sealed


async def test_no_token_reaches_the_browser_in_a_whole_visit(world: World) -> None:
    told: list[str] = []

    order_id, sealed = await a_customers_visit(world.shop, Witness(world.shop, told))
    sealed += await an_operators_visit(world.shop, Witness(world.shop, told), order_id)

    heard = [text for each in told for text in (each, unquote(each))]
    assert len(told) > 35
    assert len(sealed) >= 6
    assert [found[0][:20] for each in heard if (found := JWT.search(each))] == []
    assert [secret[:8] for secret in sealed if any(secret in each for each in heard)] == []
