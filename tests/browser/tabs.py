"""A browser and its tabs as the tests use them: pages of the shop, each with a cart manager beside the page's own."""

import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import ConsoleMessage, Page, Request

from tests.integration.shop_client import NO_TLS, PATIENCE, Shopper

PATIENCE_SECONDS = 15.0
POLL_SECONDS = 0.02
# What Chromium itself writes about an answer that is no success, or none at all.
REFUSAL = "Failed to load resource: "

LISTEN = """async (options) => {
  const { CartManager } = await import("/static/cart-manager.js");
  window.told = [];
  window.manager = new CartManager(options);
  manager.subscribe((told) => window.told.push(told.type === "trouble" ? told.error.kind : told.type));
  await manager.getCart(true);
}"""
CALL = """async ([name, given]) => {
  try {
    return { value: await manager[name](...given) };
  } catch (error) {
    const { kind, status, outcomeKnown, cart } = error;
    if (kind === undefined) throw error;
    return { refused: { kind, status, outcomeKnown, cart } };
  }
}"""


def until(question: Callable[[], bool], within: float = PATIENCE_SECONDS) -> float:
    """Ask until it is so; the seconds that took."""
    begun = time.monotonic()
    while not question():
        assert time.monotonic() - begun < within, "it did not come to that"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - begun


class Tab:
    """One page of the shop."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url
        self.open("/shop/")

    def open(self, path: str) -> None:
        self.page.goto(self._url + path)

    def listen(self, **options: Any) -> "Tab":
        """Start a manager of the test's own in the page."""
        self.page.evaluate(LISTEN, options)
        return self

    def call(self, name: str, *given: Any) -> dict[str, Any]:
        """The `value` of a call of the manager, or what it was `refused` with."""
        answer: dict[str, Any] = self.page.evaluate(CALL, [name, list(given)])
        return answer

    def ask(self, name: str, *given: Any) -> dict[str, Any]:
        """The value of a call that succeeds."""
        answer = self.call(name, *given)
        assert "refused" not in answer, answer
        value: dict[str, Any] = answer["value"]
        return value

    def shown(self) -> dict[str, int]:
        """The lines of the cart that the manager has, without asking anybody."""
        cart = self.page.evaluate("() => { manager.cacheDuration = Infinity; return manager.getCart(); }")
        return lines(cart)

    def told(self) -> list[str]:
        """What the listener heard, by name."""
        told: list[str] = self.page.evaluate("() => window.told")
        return told

    def header(self) -> str:
        """The cart in the page's header, as it is read."""
        link = self.page.locator(".cart-link")
        return re.sub(r"\s+", " ", link.inner_text()).strip()


class Browser:
    """Tabs that share cookies, locks and channels. `opened` are its event streams, `streams` those still open."""

    def __init__(self, chromium: Chromium, url: str) -> None:
        self._url = url
        self.context = chromium.new_context(service_workers="block")
        self.context.set_default_timeout(PATIENCE_SECONDS * 1000)
        self.complaints: list[str] = []
        self.refusals: list[str] = []
        self._opened: list[Request] = []
        self._ended: list[Request] = []
        self._devices = ExitStack()
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("request", self._count)
        self.context.on("requestfailed", self._end)
        self.context.on("requestfinished", self._end)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            (self.refusals if message.text.startswith(REFUSAL) else self.complaints).append(message.text)

    def _count(self, request: Request) -> None:
        if request.url.endswith("/cart/events"):
            self._opened.append(request)

    def _end(self, request: Request) -> None:
        self._ended.append(request)

    def tab(self) -> Tab:
        return Tab(self.context.new_page(), self._url)

    def tabs(self, count: int) -> list[Tab]:
        """Tabs that listen."""
        return [self.tab().listen() for _ in range(count)]

    @property
    def opened(self) -> list[Request]:
        self.context.cookies()  # Lets what has happened be heard.
        return self._opened

    @property
    def streams(self) -> list[Request]:
        return [one for one in self.opened if one not in self._ended and not one.frame.page.is_closed()]

    def leader(self, tabs: list[Tab]) -> Tab:
        """The tab that holds the stream."""
        [stream] = self.streams
        return next(tab for tab in tabs if tab.page is stream.frame.page)

    def device(self) -> Shopper:
        """Somebody else with the same cookies: no tab hears of what they do but by the stream."""
        jar = {str(one["name"]): str(one["value"]) for one in self.context.cookies(self._url)}
        client = httpx.Client(base_url=self._url, cookies=jar, verify=NO_TLS, timeout=PATIENCE)
        return Shopper(self._devices.enter_context(client))

    def close(self) -> None:
        self._devices.close()
        self.context.close()


def lines(cart: dict[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in cart["items"]}
