"""The provider's pages as people, password managers and screen readers find them."""

import re
from html.parser import HTMLParser

import httpx
import pytest

from services.idp.pages import WEB
from services.idp.passwords import MOST_WAITING
from tests.conftest import DatabaseUrls
from tests.service.idp import Idp, Pkce, action_of, redeem, redirected, request_for, running, sign_in, userinfo

pytestmark = pytest.mark.doors

READABLE = 4.5
VISIBLE = 3.0


class Page(HTMLParser):
    """The page's fields by name, labels by field, words by id, and the forms' hidden fields."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str | None]] = {}
        self.labelled: set[str | None] = set()
        self.ids: set[str | None] = set()
        self.forms: list[dict[str, str | None]] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if tag == "form":
            self.forms.append({})
        elif tag == "label":
            self.labelled.add(given.get("for"))
        elif tag == "input" and given.get("type") == "hidden":
            self.forms[-1][str(given["name"])] = given.get("value")
        elif tag == "input":
            self.fields[str(given["name"])] = given

    def focused(self) -> list[str]:
        return [name for name, field in self.fields.items() if "autofocus" in field]


async def sign_up_page(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get("/sign-up", params=request_for(Pkce()))


async def sign_in_page(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get("/sign-in", params=request_for(Pkce()))


async def test_every_field_has_a_label_and_tells_password_managers_what_it_is(browser: httpx.AsyncClient) -> None:
    entering, joining = Page(await sign_in_page(browser)), Page(await sign_up_page(browser))

    for page, password in ((entering, "current-password"), (joining, "new-password")):
        assert page.labelled == set(page.fields)
        assert page.fields["username"]["autocomplete"] == "username"
        assert page.fields["password"]["autocomplete"] == password
        assert page.fields["password"]["type"] == "password"
        assert page.focused() == ["username"]
    assert joining.fields["email"]["autocomplete"] == "email"


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"username": "al", "password": "short", "email": "nowhere"}, ["username", "password", "email"]),
        ({"username": "fresh-one", "password": "short"}, ["password"]),
        ({"username": "fresh-one", "password": "long enough", "email": "nowhere"}, ["email"]),
        ({"username": "alice", "password": "long enough"}, ["username"]),
    ],
)
async def test_what_is_wrong_stands_at_its_field_where_the_cursor_is_too(
    browser: httpx.AsyncClient, typed: dict[str, str], wrong: list[str]
) -> None:
    answer = await browser.post(action_of(await sign_up_page(browser)), data=typed)

    page = Page(answer)
    marked = {name: field["aria-describedby"] for name, field in page.fields.items() if "aria-invalid" in field}
    assert list(marked) == wrong
    assert set(marked.values()) <= page.ids
    assert page.focused() == wrong[:1]
    assert (page.fields["username"]["value"], page.fields["email"]["value"]) == (
        typed["username"],
        typed.get("email", ""),
    )
    assert "<title>Error: Create an account" in answer.text


async def test_a_wrong_password_is_told_to_whoever_hears_the_page_and_is_typed_again_alone(
    browser: httpx.AsyncClient,
) -> None:
    answer = await sign_in(browser, "alice", password="guessed", pkce=Pkce())

    page = Page(answer)
    assert page.fields["password"]["aria-describedby"] in page.ids
    assert 'role="alert"' in answer.text
    assert page.focused() == ["password"]
    assert page.fields["username"]["value"] == "alice"
    assert "value" not in page.fields["password"]
    assert "<title>Error: Sign in" in answer.text


async def test_a_demo_account_is_one_click_away(browser: httpx.AsyncClient) -> None:
    pkce = Pkce()
    opened = await browser.get("/authorize", params=request_for(pkce))

    (_, alice, *_) = Page(opened).forms
    back = await browser.post(action_of(opened), data={name: value or "" for name, value in alice.items()})

    tokens = (await redeem(browser, redirected(back)["code"], pkce)).json()
    assert (await userinfo(browser, tokens["access_token"])).json()["preferred_username"] == "alice"


async def test_without_demo_accounts_no_password_stands_on_the_page(idp_urls: DatabaseUrls) -> None:
    async with running(idp_urls.app, demo_accounts=False) as idp, idp.browser() as browser:
        page = await sign_in_page(browser)

    assert len(Page(page).forms) == 1
    assert "demo" not in page.text.lower()


@pytest.mark.parametrize(
    ("query", "title"),
    [({"client_id": "nobody"}, "This cannot go on"), ({"redirect_uri": "http://evil.test/"}, "This cannot go on")],
)
async def test_a_request_that_nobody_can_answer_is_a_page_with_a_way_out(
    browser: httpx.AsyncClient, query: dict[str, str], title: str
) -> None:
    answer = await browser.get("/authorize", params=request_for(Pkce(), **query))

    assert answer.status_code == 400
    assert f"<h1>{title}</h1>" in answer.text
    assert 'href="http://shop.test/"' in answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
async def test_where_too_many_sign_in_at_once_one_is_asked_to_come_again_and_does_not_wait(
    idp: Idp, browser: httpx.AsyncClient, path: str
) -> None:
    passwords = idp.state["provider"].passwords
    form = {"username": "in-a-hurry", "password": "correct horse"}

    passwords._waiting += MOST_WAITING
    crowded = await browser.post(path, params=request_for(Pkce()), data=form)
    passwords._waiting -= MOST_WAITING
    later = await browser.post(path, params=request_for(Pkce()), data=form)

    assert (crowded.status_code, int(crowded.headers["retry-after"]) > 0) == (503, True)
    assert "<h1>One moment, please</h1>" in crowded.text
    assert later.status_code == (303 if path == "/sign-up" else 400)


def luminance(colour: str) -> float:
    """How bright a colour is (WCAG 2.2, relative luminance)."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, brighter = sorted((luminance(one), luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_everything_on_the_pages_can_be_told_from_its_ground(scheme: int) -> None:
    rules = re.findall(r":root \{(.*?)\}", (WEB / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    colour = dict(re.findall(r"--([\w-]+): (#\w{6});", rules[scheme]))

    words = [("ink", "card"), ("ink", "ground"), ("quiet", "card"), ("quiet", "ground"), ("accent", "card")]
    words += [("accent", "ground"), ("accent-ink", "accent"), ("wrong", "card"), ("wrong", "wrong-ground")]
    assert [pair for pair in words if contrast(*(colour[name] for name in pair)) < READABLE] == []
    assert [name for name in ("line", "accent", "wrong") if contrast(colour[name], colour["card"]) < VISIBLE] == []
