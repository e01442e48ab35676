"""The provider's endpoints for browsers: authorization, sign in, sign up, sign out."""

from typing import Any
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oidc.core.errors import LoginRequiredError
from fastapi import APIRouter
from prometheus_client import Counter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from services.chassis.app import refusals
from services.chassis.logs import get_logger
from services.contracts.problems import CrossSiteRequest, TooManyRequests, Unavailable

from .account import SignUp, could_be_username, username_of
from .api import form_body, form_of
from .authorization import Asked, Step
from .logout import leads_to, may_end
from .pages import KEPT_BY_NOBODY, REACHABLE_OPENER, WEB
from .protocol import Parameters, redirect_with
from .provider import Here, Provider
from .store import SESSION_SECONDS, AccountRow, Blocked, Entered
from .tokens import read_id_token

logger = get_logger(__name__)

SIGN_INS = Counter("idp_sign_ins_total", "Sign-ins, by how they ended.", ("outcome",))

SEE_OTHER = 303

LEADS: dict[int | str, dict[str, Any]] = {
    303: {"description": "Leads on: to the client, with an answer or a refusal, or to a page of the provider's."},
    400: {"description": "A page that says why there is nobody to lead to.", "content": {"text/html": {}}},
}

router = APIRouter(tags=["pages"], default_response_class=HTMLResponse, responses=LEADS)


class SignInForm(BaseModel):
    """What the sign-in page sends."""

    username: str
    password: str


class SignUpForm(SignInForm):
    """What the sign-up page sends."""

    email: str | None = None


def _in_query(*, needed: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> dict[str, Any]:
    named = [(name, True) for name in needed] + [(name, False) for name in optional]
    return {
        "parameters": [
            {"name": name, "in": "query", "required": required, "schema": {"type": "string"}}
            for name, required in named
        ]
    }


AUTHORIZATION = _in_query(
    needed=("response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method"),
    optional=("scope", "state", "nonce", "prompt", "max_age", "login_hint", "id_token_hint", "resource"),
)
LOGOUT = _in_query(optional=("id_token_hint", "client_id", "post_logout_redirect_uri", "state"))


def cookie_name(*, secure: bool) -> str:
    """The provider's own session cookie. Clients send no Secure cookie over http, so it has a name of its own there."""
    return "__Host-idp_sid" if secure else "idp_sid"


def _cookie(request: Request, provider: Provider) -> str | None:
    return request.cookies.get(cookie_name(secure=provider.secure))


def _see_other(location: str) -> RedirectResponse:
    # Never 307 nor 308: the client would be sent the password that was posted here.
    return RedirectResponse(location, SEE_OTHER, headers={**KEPT_BY_NOBODY, **REACHABLE_OPENER})


def _with_code(provider: Provider, asked: Asked, code: str) -> RedirectResponse:
    answer = [("code", code), ("state", asked.state), ("iss", provider.issuer)]
    return _see_other(redirect_with(asked.redirect_uri, answer))


def _demand_own_page(request: Request, provider: Provider) -> None:
    """Refuse a form that another site's page has sent. Programs send neither header and cannot be misled."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in ("same-origin", "none") if site else origin is not None and origin != provider.issuer
    if foreign:
        raise CrossSiteRequest("This form must be sent from the provider's own page.")


async def refuse(request: Request, error: Exception) -> Response:
    """Tell a refused authorization to the client, if its redirect URI is its own; else to the user alone."""
    assert isinstance(error, OAuth2Error)
    provider: Provider = request.state.provider
    if not error.redirect_uri:
        return provider.pages.refused(error.get_error_description() or "The request is malformed.")
    answer = [*dict(error.get_body()).items(), ("iss", provider.issuer)]
    return _see_other(redirect_with(error.redirect_uri, answer))


def _login_required(asked: Asked) -> LoginRequiredError:
    return LoginRequiredError(redirect_uri=asked.redirect_uri, state=asked.state)


async def _asked(request: Request, provider: Provider) -> Asked:
    return await provider.asked(Parameters(request.query_params.multi_items()))


@router.get(
    "/authorize",
    summary="Ask for a code (OpenID Connect Core, 3.1.2)",
    responses=refusals(Unavailable),
    openapi_extra=AUTHORIZATION,
)
async def authorize(request: Request, provider: Here) -> Response:
    """Redirects with `code`, `state` and `iss`, at once or after the user has signed in.

    `response_type=code`, a registered `redirect_uri` and a `code_challenge` by S256 are needed. `prompt` (`none`,
    `login`, `create`), `max_age`, `login_hint` and `id_token_hint` are heeded; unknown parameters are ignored.
    """
    asked = await _asked(request, provider)
    signed_in = await provider.store.signed_in(_cookie(request, provider))
    who, since = (signed_in.subject, signed_in.authenticated_at) if signed_in else (None, None)
    match asked.next_step(who, since, provider.clock()):
        case Step.REFUSE:
            raise _login_required(asked)
        case Step.SIGN_UP:
            return provider.pages.sign_up(asked)
        case Step.ANSWER if signed_in:
            return _with_code(provider, asked, await provider.store.issue_code(signed_in, asked))
        case _:
            return provider.pages.sign_in(asked)


@router.post("/authorize", summary="The same, asked by POST", status_code=SEE_OTHER, response_class=RedirectResponse)
async def authorize_by_post(request: Request) -> Response:
    """Leads to the same request by GET, since browsers keep the session cookie from a foreign site's POST."""
    parameters = await form_of(request)
    return _see_other(f"/authorize?{urlencode(parameters.pairs)}")


@router.get("/sign-in", summary="The sign-in page", responses=refusals(Unavailable), openapi_extra=AUTHORIZATION)
async def sign_in_page(request: Request, provider: Here) -> Response:
    """HTML. The address holds the authorization request that the sign-in is for; a wrong one is told on the page."""
    return provider.pages.sign_in(await _asked(request, provider))


@router.post(
    "/sign-in",
    summary="Sign in",
    responses=refusals(CrossSiteRequest, TooManyRequests, Unavailable),
    openapi_extra={**AUTHORIZATION, **form_body(SignInForm)},
)
async def sign_in(request: Request, provider: Here) -> Response:
    """A form with `username` and `password`, sent to the address of the page, which holds the authorization request."""
    _demand_own_page(request, provider)
    asked = await _asked(request, provider)
    form = await form_of(request)
    username = username_of(form.get("username"))
    proved = await _prove(provider, username, form.get("password"), address=_address(request))
    if isinstance(proved, AccountRow):
        return await _enter(request, provider, asked, proved, address=_address(request))
    if isinstance(proved, Blocked):
        return _blocked(provider, asked, proved, username)
    SIGN_INS.labels("refused").inc()
    return provider.pages.sign_in(asked, username=username, refused=True)


async def _prove(provider: Provider, username: str, password: str, *, address: str) -> AccountRow | Blocked | None:
    # What cannot be a username is counted as one, so that nobody fills the table with names of any length.
    username = username if could_be_username(username) else ""
    if blocked := await provider.store.blocked(username, address):
        return blocked
    account = await provider.store.account_named(username)
    if await provider.passwords.verify(password, account.password_hash if account else None):
        return account
    logger.warning("sign-in failed", account=str(account.account_id) if account else None)
    return await provider.store.record_failure(username, address)


def _blocked(provider: Provider, asked: Asked, blocked: Blocked, username: str) -> Response:
    SIGN_INS.labels("blocked").inc()
    return provider.pages.too_many_tries(asked, blocked, username=username)


async def _enter(
    request: Request, provider: Provider, asked: Asked, account: AccountRow, *, address: str | None = None
) -> Response:
    replaced = _cookie(request, provider)
    entered = await provider.store.enter(account, asked, replacing=replaced, address=address)
    if isinstance(entered, Blocked):
        return _blocked(provider, asked, entered, account.username)
    SIGN_INS.labels("signed_in").inc()
    logger.info("signed in", account=str(account.account_id), client=asked.client_id)
    # Not before the tries were counted: with a hint of somebody else, this answer would tell a right password.
    meant = asked.is_for(str(account.account_id))
    answer = _with_code(provider, asked, entered.code) if meant else await refuse(request, _login_required(asked))
    return _remembered(answer, provider, entered)


def _remembered(response: Response, provider: Provider, entered: Entered) -> Response:
    response.set_cookie(
        cookie_name(secure=provider.secure),
        entered.cookie,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="lax",
        secure=provider.secure,
    )
    return response


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


@router.get("/sign-up", summary="The sign-up page", responses=refusals(Unavailable), openapi_extra=AUTHORIZATION)
async def sign_up_page(request: Request, provider: Here) -> Response:
    """HTML. After it, the shopper is where a sign-in would have led."""
    return provider.pages.sign_up(await _asked(request, provider))


@router.post(
    "/sign-up",
    summary="Make an account and sign in",
    responses=refusals(CrossSiteRequest, Unavailable),
    openapi_extra={**AUTHORIZATION, **form_body(SignUpForm)},
)
async def sign_up(request: Request, provider: Here) -> Response:
    """A form with `username`, `password` and perhaps `email`, sent to the address of the page."""
    _demand_own_page(request, provider)
    asked = await _asked(request, provider)
    form = await form_of(request)
    wish = SignUp(username_of(form.get("username")), form.get("password"), form.get("email").strip() or None)
    if objections := wish.objections():
        return provider.pages.sign_up(asked, username=wish.username, email=wish.email or "", objections=objections)
    account = await provider.store.add_account(
        username=wish.username,
        name=wish.username,
        email=wish.email,
        password_hash=await provider.passwords.hash(wish.password),
    )
    if account is None:
        return provider.pages.sign_up(asked, username=wish.username, email=wish.email or "", taken=True)
    return await _enter(request, provider, asked, account)


@router.get(
    "/end_session",
    summary="Sign out (RP-initiated logout)",
    responses=refusals(Unavailable),
    openapi_extra=LOGOUT,
)
async def end_session(request: Request, provider: Here) -> Response:
    """With the `id_token_hint` of the signed-in user at once; otherwise the user is asked.

    Leads to `post_logout_redirect_uri` if that is registered for the client, to a page of the provider's otherwise.
    """
    return await _end_session(request, provider, Parameters(request.query_params.multi_items()))


@router.post("/end_session", summary="The same, by POST, and the user's yes", responses=refusals(CrossSiteRequest))
async def end_session_by_post(request: Request, provider: Here) -> Response:
    """Without `confirmed` it leads to the same request by GET, as at /authorize."""
    parameters = await form_of(request)
    if not parameters.get("confirmed"):
        return _see_other(f"/end_session?{urlencode(parameters.pairs)}")
    _demand_own_page(request, provider)
    return await _end_session(request, provider, parameters, confirmed=True)


async def _end_session(
    request: Request, provider: Provider, parameters: Parameters, *, confirmed: bool = False
) -> Response:
    cookie = _cookie(request, provider)
    hint = read_id_token(parameters.get("id_token_hint"), issuer=provider.issuer, keys=await provider.ring.keys())
    signed_in = await provider.store.signed_in(cookie)
    subject = signed_in.subject if signed_in else None
    if not confirmed and not may_end(subject, hint):
        there = leads_to(parameters.data, hint, clients=provider.clients, confirmed=True)
        return provider.pages.sign_out(parameters.data, leads_to=there)
    await provider.store.sign_out(cookie)
    there = leads_to(parameters.data, hint, clients=provider.clients, confirmed=confirmed)
    response = _see_other(there) if there else provider.pages.signed_out()
    response.delete_cookie(cookie_name(secure=provider.secure), secure=provider.secure, httponly=True, samesite="lax")
    return response


@router.get("/style.css", include_in_schema=False)
async def style() -> Response:
    return FileResponse(WEB / "style.css", media_type="text/css", headers={"Cache-Control": "public, max-age=300"})


@router.get("/mark.svg", include_in_schema=False)
async def mark() -> Response:
    return FileResponse(WEB / "mark.svg", media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=300"})
