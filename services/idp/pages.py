"""The provider's pages: sign in, sign up, sign out, and what went wrong. Plain HTML; no script."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.chassis.app import render_json
from services.chassis.headers import content_policy
from services.contracts.problems import Problem

from .account import DemoAccount
from .authorization import Asked
from .tries import Blocked

WEB = Path(__file__).parent / "web"
KEPT_BY_NOBODY = {"Cache-Control": "no-store"}
# A docs page signs in through a window that it opens and waits for; under the usual policy they lose each other.
REACHABLE_OPENER = {"Cross-Origin-Opener-Policy": "unsafe-none"}
TITLE = "This cannot go on"
TITLES = {429: "A little slower, please", 503: "One moment, please"}
PATHS = frozenset({"/authorize", "/sign-in", "/sign-up", "/end_session"})


def _form_targets(redirect_uri: str | None) -> str:
    """Where a form may lead: browsers apply `form-action` to the redirects that follow, too."""
    if redirect_uri is None:
        return "'self'"
    parts = urlsplit(redirect_uri)
    # The policy's grammar has no IPv6 addresses.
    return f"'self' {parts.scheme}:" if "[" in parts.netloc else f"'self' {parts.scheme}://{parts.netloc}"


class Pages:
    """Renders."""

    def __init__(self, *, shop: str, demo_accounts: tuple[DemoAccount, ...]) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(WEB),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(shop=shop, demo_accounts=demo_accounts)

    def _page(
        self,
        template: str,
        *,
        status: int = 200,
        redirect_uri: str | None = None,
        headers: Mapping[str, str] | None = None,
        **context: object,
    ) -> Response:
        policy = content_policy("style-src 'self'", "img-src 'self'", form_action=_form_targets(redirect_uri))
        return HTMLResponse(
            self._templates.get_template(template).render(context),
            status,
            headers={"Content-Security-Policy": policy, **KEPT_BY_NOBODY, **REACHABLE_OPENER, **(headers or {})},
        )

    def sign_in(self, asked: Asked, *, username: str = "", refused: bool = False) -> Response:
        """The sign-in form; refused = the last try was wrong."""
        return self._page(
            "sign_in.html",
            status=400 if refused else 200,
            redirect_uri=asked.redirect_uri,
            query=asked.query,
            username=username or asked.login_hint,
            message="The username or the password is wrong." if refused else None,
            wrong=refused,
        )

    def too_many_tries(self, asked: Asked, blocked: Blocked, *, username: str) -> Response:
        """The sign-in form, with the news that it will not be read for a while."""
        minutes = -(-blocked.seconds // 60)
        return self._page(
            "sign_in.html",
            status=429,
            headers={"Retry-After": str(blocked.seconds)},
            redirect_uri=asked.redirect_uri,
            query=asked.query,
            username=username,
            wrong=True,
            message=f"Too many wrong passwords. Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
        )

    def sign_up(
        self,
        asked: Asked,
        *,
        username: str = "",
        email: str = "",
        objections: Mapping[str, str] | None = None,
        taken: bool = False,
    ) -> Response:
        """The sign-up form, and what is wrong with what was typed."""
        told = {"username": "This username is taken."} if taken else dict(objections or {})
        return self._page(
            "sign_up.html",
            status=409 if taken else 400 if told else 200,
            redirect_uri=asked.redirect_uri,
            query=asked.query,
            username=username or asked.login_hint,
            email=email,
            objections=told,
            wrong=bool(told),
            first=next((field for field in ("username", "password", "email") if field in told), "username"),
        )

    def sign_out(self, parameters: Mapping[str, str], *, leads_to: str | None) -> Response:
        """The question whether to sign out; where it leads afterwards, a client has signed out already."""
        return self._page("sign_out.html", redirect_uri=leads_to, parameters=parameters, leads_to=leads_to)

    def signed_out(self) -> Response:
        """The news that it is done."""
        return self._page(
            "message.html",
            title="You are signed out",
            text="The next sign-in in this browser asks for a password."
            " Where you are signed in already you stay so until you sign out there.",
        )

    def refused(self, text: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> Response:
        """Something that cannot go on, and cannot be told to the client either."""
        return self._page(
            "message.html", status=status, headers=headers, title=TITLES.get(status, TITLE), text=text, wrong=True
        )

    def render(self, request: Request, problem: Problem) -> Response:
        """A problem as a page to who looks at pages, as JSON to everybody else."""
        if request.url.path not in PATHS:
            return render_json(request, problem)
        return self.refused(problem.detail, status=int(problem.status), headers=problem.headers)
