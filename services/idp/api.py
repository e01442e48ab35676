"""The provider's endpoints for programs: metadata, keys, tokens."""

from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from fastapi import APIRouter, Depends
from fastapi.security import OpenIdConnect
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.chassis.app import refusals
from services.chassis.auth import bearer_of
from services.contracts.problems import Forbidden, Unauthenticated, Unavailable

from .protocol import AccessToken, Answer, FormRequest, Parameters, answer_of
from .provider import Here, Provider
from .scope import IDENTITY_SCOPES, PRIVILEGES, SERVICE_AUDIENCE, words
from .tokens import ALGORITHM, claims_of

FORM = "application/x-www-form-urlencoded"
CROSS_ORIGIN_PATHS = ("/.well-known/openid-configuration", "/jwks", "/token", "/userinfo")


class TokenForm(BaseModel):
    """A token request. A confidential client authenticates by HTTP Basic or by `client_secret`."""

    grant_type: str = Field(examples=["authorization_code", "refresh_token", "client_credentials"])
    client_id: str | None = None
    client_secret: str | None = None
    code: str | None = Field(None, description="authorization_code: the code, good once, for 60 seconds")
    code_verifier: str | None = Field(None, description="authorization_code: PKCE, always needed")
    redirect_uri: str | None = Field(None, description="authorization_code: the same as in the request")
    refresh_token: str | None = Field(None, description="refresh_token: good once; the answer brings the next one")
    scope: str | None = Field(None, description="client_credentials: exactly one; refresh_token: fewer than before")
    resource: str | None = Field(None, description="the service that the token is for; must be one it is good for")


class TokenReply(BaseModel):
    """Tokens (RFC 6749, 5.1). `scope` is what was granted, which may be less than was asked."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | None = None
    id_token: str | None = None


class PresentedToken(BaseModel):
    """A token to be looked at or revoked."""

    token: str
    token_type_hint: str | None = None
    client_id: str | None = None
    client_secret: str | None = None


class BearerForm(BaseModel):
    """An access token in a form, for a client that cannot set a header."""

    access_token: str | None = None


class OAuthErrorReply(BaseModel):
    """A refusal (RFC 6749, 5.2)."""

    error: str
    error_description: str | None = None


class Introspected(BaseModel):
    """RFC 7662. An inactive token has no other member."""

    active: bool
    client_id: str | None = None
    token_type: str | None = None
    username: str | None = None
    scope: str | None = None
    sub: str | None = None
    aud: str | list[str] | None = None
    iss: str | None = None
    exp: int | None = None
    iat: int | None = None
    jti: str | None = None


class UserInfo(BaseModel):
    """Who the token's user is, as far as its scope goes."""

    sub: str
    preferred_username: str | None = None
    name: str | None = None
    email: str | None = None
    email_verified: bool | None = None


def form_body(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """How an endpoint's form body is told in the OpenAPI document; it is read by `form_of`."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": required, "content": {FORM: {"schema": schema}}}}


OAUTH_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": OAuthErrorReply, "description": "The request is refused."},
    401: {"model": OAuthErrorReply, "description": "The client did not authenticate."},
}


async def form_of(request: Request) -> Parameters:
    """The form that a request carries.

    Raises:
        InvalidRequestError: it carries none.
    """
    if not _carries_form(request):
        raise InvalidRequestError(f"The body must be {FORM}.")
    return Parameters.of_form(await request.body())


def _carries_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM


async def _form_request(request: Request) -> FormRequest:
    return FormRequest(await form_of(request), authorization=request.headers.get("authorization"))


def _json(answer: Answer) -> Response:
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-type"}
    return JSONResponse(answer.body, answer.status, headers=headers)


def metadata(issuer: str) -> dict[str, Any]:
    """What the provider says of itself (OpenID Connect Discovery, RFC 8414)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "end_session_endpoint": f"{issuer}/end_session",
        "scopes_supported": [
            *IDENTITY_SCOPES,
            *PRIVILEGES,
            *(name for name in SERVICE_AUDIENCE if name not in PRIVILEGES),
        ],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "select_account", "consent", "create"],
        "claims_supported": [
            *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "azp", "at_hash"),
            *("preferred_username", "name", "email", "email_verified"),
        ],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def router(bearer: OpenIdConnect) -> APIRouter:
    """The endpoints; `bearer` is how the OpenAPI document says that one needs a token."""
    routes = APIRouter(tags=["openid"])

    @routes.get("/.well-known/openid-configuration", summary="What this provider can do, and where")
    async def discovery(provider: Here) -> Response:
        """The metadata of OpenID Connect Discovery: the first thing that a relying party reads."""
        return JSONResponse(metadata(provider.issuer), headers={"Cache-Control": "public, max-age=300"})

    @routes.get("/jwks", summary="The public keys that tokens are signed with", responses=refusals(Unavailable))
    async def jwks(provider: Here) -> Response:
        """A JWK set. It names the next key before that key signs, and the last one until its tokens have ended."""
        keys = (await provider.ring.keys()).published
        public = {"keys": [key.as_dict(private=False) for key in keys]}
        return JSONResponse(public, headers={"Cache-Control": "public, max-age=60"})

    @routes.post(
        "/token",
        summary="Redeem a code or a refresh token, or get a service's own token",
        response_model=TokenReply,
        response_model_exclude_none=True,
        responses={**OAUTH_REFUSALS, **refusals(Unavailable)},
        openapi_extra=form_body(TokenForm),
    )
    async def token(request: Request, provider: Here) -> Response:
        """PKCE by S256 is needed for every code. A second use of a code or of a refresh token ends all its tokens."""
        try:
            return _json(await provider.token(await _form_request(request)))
        except OAuth2Error as error:
            return _json(answer_of(error))

    @routes.post(
        "/revoke",
        summary="Revoke a token (RFC 7009)",
        responses={**OAUTH_REFUSALS, **refusals(Unavailable)},
        openapi_extra=form_body(PresentedToken),
    )
    async def revoke(request: Request, provider: Here) -> Response:
        """A refresh token goes together with every token of its family. An unknown token is no error."""
        return await _about_token("revocation", request, provider)

    @routes.post(
        "/introspect",
        summary="What a token is worth (RFC 7662)",
        response_model=Introspected,
        responses={**OAUTH_REFUSALS, **refusals(Unavailable)},
        openapi_extra=form_body(PresentedToken),
    )
    async def introspect(request: Request, provider: Here) -> Response:
        """For confidential clients: of tokens that were given to them, or that are good for them."""
        return await _about_token("introspection", request, provider)

    about_user: dict[str, Any] = {
        "response_model": UserInfo,
        "responses": refusals(Unauthenticated, Forbidden, Unavailable),
        "dependencies": [Depends(bearer)],
    }

    @routes.get("/userinfo", summary="Who the token's user is", **about_user)
    async def userinfo(request: Request, provider: Here) -> Response:
        """The claims that the access token's scope covers; for users' tokens only."""
        return await _userinfo(bearer_of(request), provider)

    posted = {**about_user, "responses": {**about_user["responses"], 400: OAUTH_REFUSALS[400]}}

    @routes.post(
        "/userinfo",
        summary="The same, asked by POST",
        openapi_extra=form_body(BearerForm, required=False),
        **posted,
    )
    async def userinfo_by_post(request: Request, provider: Here) -> Response:
        """As GET; the token comes in the Authorization header or in the form, and not in both (RFC 6750, 2.2)."""
        try:
            return await _userinfo(await _posted_bearer(request), provider)
        except OAuth2Error as error:
            return _json(answer_of(error))

    return routes


async def _about_token(endpoint: str, request: Request, provider: Provider) -> Response:
    try:
        return _json(await provider.about_token(endpoint, await _form_request(request)))
    except OAuth2Error as error:
        return _json(answer_of(error))


async def _posted_bearer(request: Request) -> str | None:
    in_header = bearer_of(request)
    in_form = (await form_of(request)).get("access_token") if _carries_form(request) else ""
    if in_header and in_form:
        raise InvalidRequestError("The access token comes twice.")
    return in_header or in_form or None


async def _userinfo(token: str | None, provider: Provider) -> Response:
    if token is None:
        raise Unauthenticated
    claims, papers = await provider.access(token)
    if claims is None or AccessToken(claims, papers).is_revoked():
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise Unauthenticated("The access token is not good, or not any more.", headers=headers)
    if papers.account is None or "openid" not in words(claims["scope"]):
        headers = {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="openid"'}
        raise Forbidden("This needs a user's token with the scope openid.", headers=headers)
    return JSONResponse(claims_of(papers.account, claims["scope"]), headers={"Cache-Control": "no-store"})
