"""The shop without payments, in this process and on real ports, with a provider that gives wrong answers by script."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import asyncpg
import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.cartdb.app import create_app as create_cartdb
from services.cartdb.settings import Settings as CartDbSettings
from services.catalog.app import create_app as create_catalog
from services.catalog.load import load, read
from services.catalog.settings import Settings as CatalogSettings
from services.chassis.settings import Environment
from services.contracts.carts import MergeStrategy
from services.controller.app import create_app as create_controller
from services.controller.settings import Settings as ControllerSettings
from services.idp.app import create_app as create_idp
from services.idp.settings import Settings as IdpSettings
from tests.conftest import DatabaseUrls, MakeDatabase
from tests.service.catalog_stand import HEADER
from tests.service.idp import CONTROLLER, EDITOR, ISSUER, SHOP, action_of
from tests.serving import on_a_port, until_ready

FAULTS = "/_test/faults"
PAGE = {"Accept": "text/html"}
SESSION_SECRET = "session-secret-of-these-tests"
GOODS = f"{HEADER}apple,,Apple,,fruit,,4000,,50\n"


class Overheard:
    """A provider, what it was asked for, and what its token endpoint gave away."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.given: list[str] = []
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        self.asked.append(scope.get("path", ""))

        async def heard(message: Message) -> None:
            body.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, heard if scope.get("path") == "/token" else send)
        self.given += _secrets_in(bytes(body))


def _secrets_in(body: bytes) -> list[str]:
    try:
        answer = json.loads(body)
    except ValueError:
        return []
    told = answer if isinstance(answer, dict) else {}
    return [told[name] for name in ("access_token", "refresh_token", "id_token") if told.get(name)]


class Log(logging.Handler):
    """What the services write, as an operator reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.getLogger().handlers[0].format(record))

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


class Elsewhere(httpx.AsyncBaseTransport):
    """The way to a name that no name server knows."""

    def __init__(self, address: str) -> None:
        self._address = httpx.URL(address)
        self._way = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # Another request, since the client files cookies under the address of its own.
        url = request.url.copy_with(host=self._address.host, port=self._address.port)
        there = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return await self._way.handle_async_request(there)

    async def aclose(self) -> None:
        await self._way.aclose()


@dataclass
class Browser:
    """A visitor of the shop who has signed in at the provider before."""

    http: httpx.AsyncClient

    async def back_from_provider(self) -> str:
        """Begin a sign-in, and answer the address at which the provider sends the browser back."""
        begun = await self.http.get(f"{SHOP}/login", params={"merge": MergeStrategy.KEEP_GUEST})
        assert begun.status_code == 303, begun.text
        return await self.answered(begun.headers["location"])

    async def answered(self, request: str, username: str = "alice") -> str:
        """Where the provider sends the browser after this authorization request."""
        answer = await self.http.get(request)
        if answer.status_code == 200:
            form = {"username": username, "password": f"{username}-demo-password"}
            answer = await self.http.post(ISSUER + action_of(answer), data=form)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def signed_up(self, username: str, *, email: str) -> str:
        """The callback of a visitor who makes an account."""
        begun = await self.http.get(f"{SHOP}/login")
        page = await self.http.get(begun.headers["location"] + "&prompt=create")
        form = {"username": username, "password": f"{username}-long-password", "email": email}
        answer = await self.http.post(ISSUER + action_of(page), data=form)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    async def sign_in(self) -> httpx.Response:
        """The answer to the callback, as a page."""
        return await self.http.get(await self.back_from_provider(), headers=PAGE)

    async def add_apples(self) -> None:
        added = await self.http.post(f"{SHOP}/cart/items", json={"sku": "apple", "quantity": 2})
        assert added.is_success, added.text

    async def session(self) -> dict[str, Any]:
        """Who the shop takes this browser for."""
        answer = await self.http.get(f"{SHOP}/session")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def apples(self) -> int:
        cart = (await self.http.get(f"{SHOP}/cart")).json()
        return sum(line["quantity"] for line in cart["items"])


@dataclass
class Shop:
    """The provider, the two stores, and as many controllers as a test starts."""

    idp: str
    catalog: str
    cartdb: str
    controller_urls: DatabaseUrls
    provider: Overheard
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    async def script(self, *rules: dict[str, Any]) -> None:
        """Have the provider follow these rules and no others."""
        async with httpx.AsyncClient(base_url=self.idp) as client:
            answer = await client.put(FAULTS, json={"rules": rules})
        assert answer.status_code == 200, answer.text

    async def hits(self) -> list[int]:
        async with httpx.AsyncClient(base_url=self.idp) as client:
            return [rule["hits"] for rule in (await client.get(FAULTS)).json()["rules"]]

    def asked(self, path: str) -> int:
        """How often the provider was asked for this so far."""
        return self.provider.asked.count(path)

    def controller_settings(self, **other: Any) -> dict[str, Any]:
        """What a controller of this shop is told."""
        return {
            "environment": Environment.TEST,
            "database_url": self.controller_urls.app,
            "public_url": SHOP,
            "session_secret": SESSION_SECRET,
            "catalog_url": self.catalog,
            "cartdb_url": self.cartdb,
            "oidc_issuer": ISSUER,
            "oidc_internal_url": self.idp,
            "oidc_client_secret": CONTROLLER[1],
            "payments_url": "http://127.0.0.1:9",
            "payments_secret_key": "sk_test_nobody",
            "payments_publishable_key": "pk_test_nobody",
            "database_pool_size": 2,
            **other,
        }

    @asynccontextmanager
    async def controller(self, **settings: Any) -> AsyncIterator[str]:
        """The address of a controller that has asked the provider for nothing yet but its own tokens."""
        async with on_a_port(create_controller(ControllerSettings(**self.controller_settings(**settings)))) as address:
            yield address

    @asynccontextmanager
    async def browser(self, controller: str) -> AsyncIterator[Browser]:
        """A browser whose user the provider knows."""
        mounts = {SHOP: Elsewhere(controller), ISSUER: Elsewhere(self.idp)}
        async with httpx.AsyncClient(mounts=mounts, timeout=20) as http:
            for cookie in self.cookies.jar:
                http.cookies.jar.set_cookie(cookie)
            yield Browser(http)

    async def kept(self) -> list[tuple[Any, ...]]:
        """The sessions that hold tokens."""
        connection = await asyncpg.connect(self.controller_urls.app)
        try:
            rows = await connection.fetch("SELECT issuer, subject, name FROM sessions WHERE tokens IS NOT NULL")
        finally:
            await connection.close()
        return [tuple(row) for row in rows]


@asynccontextmanager
async def standing(make_database: MakeDatabase) -> AsyncIterator[Shop]:
    """A shop with apples, whose provider takes scripts."""
    names = ("idp", "catalog", "cartdb", "controller")
    idp, catalog, cartdb, controller = [await make_database(name) for name in names]
    told: dict[str, Any] = {"environment": Environment.TEST, "oidc_issuer": ISSUER, "database_pool_size": 3}
    provider = Overheard(
        create_idp(
            IdpSettings(
                **told,
                database_url=idp.app,
                public_url=SHOP,
                oidc_client_secret=CONTROLLER[1],
                catalog_client_secret=EDITOR[1],
                demo_accounts=True,
                fault_scripts=True,
            )
        )
    )
    async with AsyncExitStack() as opened:
        idp_url = await opened.enter_async_context(on_a_port(provider))
        inside = {**told, "oidc_internal_url": idp_url, "oidc_privileged_subjects": "*"}
        apps = (
            create_catalog(CatalogSettings(**inside, database_url=catalog.app)),
            create_cartdb(CartDbSettings(**inside, database_url=cartdb.app)),
        )
        catalog_url, cartdb_url = [await opened.enter_async_context(on_a_port(app)) for app in apps]
        await load(read(GOODS.splitlines(keepends=True)), catalog.app, prune=False, set_stock=False)
        await until_ready(idp_url)
        shop = Shop(idp_url, catalog_url, cartdb_url, controller, provider)
        async with shop.controller() as address, shop.browser(address) as alice:
            await alice.back_from_provider()
            shop.cookies = httpx.Cookies()
            for cookie in alice.http.cookies.jar:
                if cookie.domain.startswith("idp."):
                    shop.cookies.jar.set_cookie(cookie)
        yield shop
