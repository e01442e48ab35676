"""How a page is put together: templates, headers, static files, and the page that tells a problem."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.chassis.app import new_id
from services.chassis.headers import content_policy
from services.contracts.money import Money
from services.contracts.problems import Problem, RequestInProgress, SessionRotated, Unavailable
from services.contracts.shop import ShopCart

from ..doorkeeper import Shopper
from ..settings import Settings
from . import wording
from .countries import COUNTRIES

HERE = Path(__file__).parent
STATIC = HERE / "static"
STATIC_PATH = "/static"
SIGNED_IN_MARK = "signed_in"
APART_MARK = "apart"


@dataclass(frozen=True, slots=True)
class Frame:
    """What the header of every page tells. Without a cart, it could not be read just now."""

    shopper: Shopper | None = None
    cart: ShopCart | None = None
    search: str = ""
    place: str = ""


def money(amount: int, currency: str) -> str:
    """An amount in minor units, for reading."""
    return str(Money(amount, currency))


def country(code: str | None) -> str:
    """A country's name; its code, if the shop does not know it."""
    return COUNTRIES.get(code or "", code or "")


@cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so that the file can be cached for good."""
    return f"{STATIC_PATH}/{name}?v={_digest(name)}"


def login_url(leading_to: str) -> str:
    """Where to sign in, and come back to a page that tells what happened to the guest's cart."""
    return f"/login?next={quote(f'{leading_to}?{SIGNED_IN_MARK}=1', safe='')}"


class Static(StaticFiles):
    """Static files; for ever where the address names the content, for five minutes otherwise."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        named = scope.get("query_string", b"").decode("latin-1") == f"v={_digest(path)}"
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if named else "public, max-age=300"
        return response


static_app = Static(directory=STATIC)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=asset, new_key=new_id, login_url=login_url)
    environment.filters.update(
        money=money,
        day=wording.day,
        moment=wording.moment,
        event=wording.event,
        merged=wording.merged,
        country=country,
        not_paid=wording.not_paid,
    )
    return environment


_templates = _environment()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def page_headers(settings: Settings) -> dict[str, str]:
    """The headers of a page. Signing out leads to the provider."""
    policy = content_policy(
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        f"connect-src 'self' {_origin(settings.payments_browser_url)}",
        form_action=f"'self' {_origin(settings.oidc_issuer)}",
    )
    return {"Content-Security-Policy": policy, "Cache-Control": "no-store"}


def page(request: Request, template: str, frame: Frame, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page in its frame."""
    settings: Settings = request.state.settings
    text = _templates.get_template(template).render(frame=frame, explorer=not settings.in_production, **context)
    return HTMLResponse(text, status, headers=page_headers(settings))


def _retry_after(problem: Problem) -> str | None:
    # The browser has its new cookie already; the next request brings it along.
    return "1" if isinstance(problem, SessionRotated) else problem.headers.get("Retry-After")


def render_problem_page(request: Request, problem: Problem) -> HTMLResponse:
    """A problem, for a person: what happened and what to do. A page that can be asked for again asks by itself."""
    safe = request.method in ("GET", "HEAD")
    response = page(
        request,
        "problem.html",
        Frame(),
        status=int(problem.status),
        told=wording.problem(problem),
        retry_after=_retry_after(problem) if safe else None,
        send_again=not safe and isinstance(problem, (Unavailable, RequestInProgress)),
        request_id=problem.members.get("request_id"),
        login=login_url("/shop/cart"),
    )
    response.headers.update({name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"})
    return response
