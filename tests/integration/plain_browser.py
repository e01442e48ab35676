"""A browser without scripts: it shows pages, follows links and sends forms as a person fills them in."""

import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx

REFRESH_AT_MOST_SECONDS = 0.5
EMPTY = frozenset({"input", "img", "meta", "link", "br", "hr", "path", "circle"})
UNSEEN = frozenset({"script", "style", "template", "title"})


@dataclass
class Form:
    """A form as it stands on the page: where it goes, and what it would send if nothing were typed."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Link:
    """A link and its words."""

    address: str
    words: str = ""


class Reader(HTMLParser):
    """Reads one page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.refresh: str | None = None
        self._words: list[str] = []
        self._open: list[str] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._chosen = False

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in EMPTY:
            self._open.append(tag)
        match tag:
            case "form":
                self._form = Form(given.get("action", ""), given.get("method", "get"))
                self.forms.append(self._form)
            case "a":
                self.links.append(Link(given.get("href", "")))
            case "meta" if given.get("http-equiv") == "refresh":
                self.refresh = given["content"]
            case "input" if "template" not in self._open:
                self._input(given)
            case "select":
                self._select, self._chosen = given["name"], False
            case "option" if self._form and self._select and not self._chosen and "disabled" not in given:
                if "selected" in given or self._select not in self._form.fields:
                    self._form.fields[self._select] = given["value"]
                self._chosen = "selected" in given

    def _input(self, given: dict[str, str]) -> None:
        ticked = given.get("type") not in ("checkbox", "radio") or "checked" in given
        if self._form and "name" in given and ticked:
            self._form.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag == "form":
            self._form = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if not UNSEEN.intersection(self._open):
            self._words.append(data)
        if "a" in self._open:
            self.links[-1].words += data


class PlainBrowser:
    """One person at one computer."""

    def __init__(self, home: str) -> None:
        self.home = home
        self._client = httpx.Client(follow_redirects=True, timeout=20.0, headers={"Accept": "text/html"})
        self._response = httpx.Response(204)
        self.page = Reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def address(self) -> httpx.URL:
        return self._response.url

    @property
    def text(self) -> str:
        return self.page.text

    @property
    def headers(self) -> httpx.Headers:
        return self._response.headers

    def open(self, address: str) -> None:
        """Type an address."""
        self._show(self._client.get(urljoin(self.home, address)))

    def click(self, words: str) -> None:
        """Follow the first link with these words."""
        link = next((link for link in self.page.links if words in link.words), None)
        assert link is not None, f"no link {words!r} on {self.address}: {self.text}"
        self.open(urljoin(str(self.address), link.address))

    def form(self, action: str, **holding: str) -> Form:
        """The form that leads to an address, and that holds these fields."""
        for form in self.page.forms:
            if form.action == action and holding.items() <= form.fields.items():
                return form
        raise AssertionError(f"no form to {action} with {holding} on {self.address}: {self.text}")

    def send(self, form: Form, **typed: str) -> None:
        """Fill the form in and press its button."""
        address = urljoin(str(self.address), form.action)
        fields = {**form.fields, **typed}
        if form.method == "post":
            self._show(self._client.post(address, data=fields))
        else:
            self._show(self._client.get(address, params=fields))

    def post(self, form: Form, *, headers: dict[str, str]) -> httpx.Response:
        """Send the form as another site's page would, and stay where we are."""
        return self._client.post(urljoin(self.home, form.action), data=form.fields, headers=headers)

    def leave_open(self, *, at_most_seconds: float = 30.0) -> None:
        """Leave the page alone for as long as it asks to be loaded again, as a browser does."""
        until = time.monotonic() + at_most_seconds
        while self.page.refresh is not None:
            assert time.monotonic() < until, f"{self.address} has still not come to an end: {self.text}"
            time.sleep(min(float(self.page.refresh), REFRESH_AT_MOST_SECONDS))
            self.open(str(self.address))

    def _show(self, response: httpx.Response) -> None:
        self._response = response
        self.page = Reader()
        self.page.feed(response.text)
