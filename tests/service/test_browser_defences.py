"""What a service promises browsers over https, whom it believes, and what it answers when it breaks."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, cast

import httpx
import pytest
from cryptography.fernet import InvalidToken
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.chassis.headers import DEFAULTS
from services.controller.adoption import Adoption
from services.controller.app import create_app
from services.controller.doorkeeper import Doorkeeper
from services.controller.provider import Identity
from services.controller.session import MAX_AGE_SECONDS, Sessions
from services.controller.settings import Settings
from services.controller.signer import Signer
from services.controller.signin import FLOW_SECONDS, SignIn
from services.local.openapi import settings_for
from services.local.settings import SERVICES
from tests.conftest import MakeDatabase
from tests.every_route import application
from tests.production import settings_of
from tests.service.idp import Pkce, running, sign_in
from tests.serving import serving

pytestmark = pytest.mark.doors

HTTP = {"public_url": "http://shop.example", "oidc_issuer": "http://id.example"}
HTTPS = {"public_url": "https://shop.example", "oidc_issuer": "https://id.example"}
A_YEAR = "max-age=31536000; includeSubDomains"
PROXY, NEIGHBOUR, CLIENT, FORGED = "10.0.0.9", "10.0.0.8", "203.0.113.7", "198.51.100.66"


async def crash(_: Request) -> Response:
    raise ValueError("of the test's own")


class Crashing:
    """A middleware around everything that a service has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/crash-outside":
            raise ValueError("of the test's own")
        await self._app(scope, receive, send)


def breakable(service: str, **settings: str) -> FastAPI:
    """The service with a route and a middleware that break."""
    app = application(service, **settings)
    app.router.routes.insert(0, *_route("/crash", crash))
    app.add_middleware(Crashing)
    return app


def _route(path: str, endpoint: Any) -> list[Any]:
    lone = FastAPI(openapi_url=None)
    lone.add_route(path, endpoint)
    return lone.router.routes[-1:]


@asynccontextmanager
async def asking(app: FastAPI, *, peer: str = CLIENT) -> AsyncIterator[httpx.AsyncClient]:
    """A client at an address; the app is not started."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(peer, 50000))
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


# --- check 8: headers


@pytest.mark.parametrize("service", SERVICES)
async def test_an_inner_error_has_the_defensive_headers_too(service: str) -> None:
    async with asking(breakable(service)) as client:
        answers = [await client.get(path) for path in ("/crash", "/crash-outside")]

    for answer in answers:
        assert answer.status_code == 500
        assert {name: answer.headers.get(name) for name in DEFAULTS} == DEFAULTS
        assert "of the test's own" not in answer.text


@pytest.mark.parametrize(
    ("service", "settings", "promised"),
    [
        *((service, HTTP, None) for service in SERVICES),
        *((service, HTTPS, A_YEAR) for service in ("controller", "idp", "payments")),
        *((service, HTTPS, None) for service in ("catalog", "cartdb")),
    ],
)
async def test_an_answer_promises_https_where_browsers_come_by_https(
    service: str, settings: dict[str, str], promised: str | None
) -> None:
    async with asking(breakable(service, **settings)) as client:
        for path in ("/health/live", "/nowhere", "/crash", "/crash-outside", "/docs", "/docs/assets/swagger-ui.css"):
            answer = await client.get(path)
            assert answer.headers.get("strict-transport-security") == promised, path


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("peer", "promised"), [(PROXY, A_YEAR), (NEIGHBOUR, None)])
async def test_an_answer_promises_https_where_a_trusted_proxy_says_so(
    service: str, peer: str, promised: str | None
) -> None:
    async with asking(application(service, **HTTP, trusted_proxies=PROXY), peer=peer) as client:
        answer = await client.get("/health/live", headers={"X-Forwarded-Proto": "https"})

    assert answer.headers.get("strict-transport-security") == promised


# --- check 43: whose word is taken


async def told_back(request: Request) -> Response:
    assert request.client is not None
    return JSONResponse([request.client.host, request.url.scheme, request.url.hostname])


@pytest.mark.parametrize(
    ("trusted", "peer", "headers", "expected"),
    [
        ("", PROXY, [("X-Forwarded-For", FORGED), ("X-Forwarded-Proto", "https")], [PROXY, "http"]),
        ("", "127.0.0.1", [("X-Forwarded-For", FORGED)], ["127.0.0.1", "http"]),
        (PROXY, NEIGHBOUR, [("X-Forwarded-For", FORGED), ("X-Forwarded-Proto", "https")], [NEIGHBOUR, "http"]),
        (PROXY, PROXY, [], [PROXY, "http"]),
        (PROXY, PROXY, [("X-Forwarded-For", CLIENT), ("X-Forwarded-Proto", "https")], [CLIENT, "https"]),
        (PROXY, PROXY, [("X-Forwarded-Proto", "javascript")], [PROXY, "http"]),
        (PROXY, PROXY, [("X-Forwarded-For", f"{FORGED}, {CLIENT}")], [CLIENT, "http"]),
        (PROXY, PROXY, [("X-Forwarded-For", FORGED), ("X-Forwarded-For", CLIENT)], [CLIENT, "http"]),
        (f"{PROXY}, {NEIGHBOUR}", PROXY, [("X-Forwarded-For", f"{FORGED}, {CLIENT}, {NEIGHBOUR}")], [CLIENT, "http"]),
        ("10.0.0.0/24", PROXY, [("X-Forwarded-For", f"{CLIENT}, {NEIGHBOUR}")], [CLIENT, "http"]),
        (PROXY, PROXY, [("X-Forwarded-Host", "stranger.example"), ("Forwarded", f"for={FORGED}")], [PROXY, "http"]),
    ],
)
async def test_the_client_is_who_a_trusted_proxy_says_and_nobody_else(
    trusted: str, peer: str, headers: list[tuple[str, str]], expected: list[str]
) -> None:
    app = application("idp", trusted_proxies=trusted)
    app.router.routes.insert(0, *_route("/who", told_back))

    async with asking(app, peer=peer) as client:
        answer = await client.get("/who", headers=headers)

    assert answer.json() == [*expected, "service"]


@pytest.mark.parametrize("everybody", ["*", "0.0.0.0/0", "::/0", "10.0.0.9, 0.0.0.0/0", "proxy.example", "10.0.0.9/24"])
def test_nobody_can_trust_everybody_or_a_name(everybody: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        settings_for("idp", trusted_proxies=everybody)


async def test_behind_a_trusted_proxy_ten_wrong_passwords_of_one_shopper_keep_no_other_out(
    make_database: MakeDatabase,
) -> None:
    urls = await make_database("idp")
    async with (
        running(urls.app, trusted_proxies=PROXY) as idp,
        idp.browser(PROXY) as guesser,
        idp.browser(PROXY) as other,
    ):
        guesser.headers["X-Forwarded-For"], other.headers["X-Forwarded-For"] = FORGED, CLIENT
        for _ in range(10):
            assert (await sign_in(guesser, "bob", password="guessed", pkce=Pkce())).status_code == 400

        assert (await sign_in(guesser, "bob", pkce=Pkce())).status_code == 429
        assert (await sign_in(other, "bob", pkce=Pkce())).status_code == 303


@pytest.mark.parametrize("trusted", ["", PROXY])
async def test_nobody_gets_more_tries_by_naming_other_addresses(make_database: MakeDatabase, trusted: str) -> None:
    urls = await make_database("idp")
    async with running(urls.app, trusted_proxies=trusted) as idp, idp.browser(FORGED) as guesser:
        for attempt in range(10):
            guesser.headers["X-Forwarded-For"] = f"203.0.113.{attempt}"
            assert (await sign_in(guesser, "bob", password="guessed", pkce=Pkce())).status_code == 400

        guesser.headers["X-Forwarded-For"] = "203.0.113.99"
        assert (await sign_in(guesser, "bob", pkce=Pkce())).status_code == 429


# --- check 4: cookies


def attributes(header: str) -> tuple[str, set[str]]:
    name, *rest = header.split("; ")
    return name.partition("=")[0], set(rest)


@pytest.mark.parametrize(
    ("settings", "name", "secure"),
    [(HTTP, "sid", set[str]()), (HTTPS, "__Host-sid", {"Secure"})],
    ids=["http", "https"],
)
async def test_the_session_cookie_is_bound_to_the_host_by_https(
    make_database: MakeDatabase, settings: dict[str, str], name: str, secure: set[str]
) -> None:
    urls = await make_database("controller")
    told = cast(Settings, settings_for("controller", **settings, database_url=urls.app))

    async with serving(create_app(told), base_url=settings["public_url"]) as client:
        answer = await client.post("/logout")
        again = await client.post("/logout", headers={"Cookie": f"sid=chosen; __Host-sid=chosen; {name}=chosen"})

    expected = (name, {"Path=/", f"Max-Age={MAX_AGE_SECONDS}", "HttpOnly", "SameSite=Lax", *secure})
    assert [attributes(header) for header in answer.headers.get_list("set-cookie")] == [expected]
    assert [attributes(header) for header in again.headers.get_list("set-cookie")] == [expected]
    assert "chosen" not in again.headers["set-cookie"]


class KnownProvider:
    """Where to sign in."""

    issuer = "https://id.example"

    async def document(self) -> dict[str, str]:
        return {"authorization_endpoint": f"{self.issuer}/authorize"}


class KnownIdentity:
    client_id = "controller"
    provider = KnownProvider()
    resource: ClassVar[dict[str, str]] = {}


async def begun(settings: dict[str, str]) -> tuple[str, str]:
    """A sign-in that began: its cookie, and where it leads."""
    nobody: Any = None
    sign_in = SignIn(
        identity=cast(Identity, KnownIdentity()),
        sessions=Sessions(nobody, Signer("a secret of the test's own")),
        doorkeeper=cast(Doorkeeper, nobody),
        adoption=cast(Adoption, nobody),
        settings=Settings.model_construct(**settings),  # type: ignore[arg-type]  # texts only
    )
    request = Request({"type": "http", "headers": [], "state": {}})
    leads_to = await sign_in.begin(request, target="/shop/cart", choice=None)
    [header] = request.scope["state"]["set_cookies"].values()
    return str(header), leads_to


@pytest.mark.parametrize(
    ("settings", "name", "secure"),
    [(HTTP, "signin", set[str]()), (HTTPS, "__Host-signin", {"Secure"})],
    ids=["http", "https"],
)
async def test_the_cookie_of_a_sign_in_under_way_is_sealed_and_bound_to_the_host_by_https(
    settings: dict[str, str], name: str, secure: set[str]
) -> None:
    header, leads_to = await begun(settings)

    sealed = header.partition("; ")[0].partition("=")[2]
    flow = Signer("a secret of the test's own").unseal(sealed)
    assert attributes(header) == (name, {"Path=/", f"Max-Age={FLOW_SECONDS}", "HttpOnly", "SameSite=Lax", *secure})
    assert set(flow) >= {"state", "nonce", "verifier"}
    assert flow["verifier"] not in leads_to
    with pytest.raises(InvalidToken):
        Signer("another secret").unseal(sealed)


def test_a_shop_by_http_says_so_at_its_start(capsys: pytest.CaptureFixture[str]) -> None:
    create_app(cast(Settings, settings_for("controller", **HTTP, log_format="json", log_level="warning")))
    by_http = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    create_app(cast(Settings, settings_for("controller", **HTTPS, log_format="json", log_level="warning")))

    assert [line["event"] for line in by_http] == ["PUBLIC_URL is http: session cookies are not Secure"]
    assert capsys.readouterr().out == ""


def test_a_shop_by_http_does_not_start_in_production() -> None:
    with pytest.raises(ValidationError, match="https in production"):
        settings_of("controller", public_url="http://shop.example")
