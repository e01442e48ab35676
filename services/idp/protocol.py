"""Authlib's OAuth and OpenID core with our rules: it decides on the rows of one request and does no I/O."""

import base64
import binascii
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.base import invalid_error_characters
from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Payload,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from services.chassis.app import new_id
from services.chassis.logs import get_logger

from .authorization import PROMPTS, Asked
from .client import Client
from .scope import SERVICE_AUDIENCE, SERVICE_ONLY, for_user, narrowed, user_audiences, words
from .store import CodeRow, FamilyRow, Papers, RefreshTokenRow, RevokedAccessTokenRow, hashed
from .tokens import ACCESS_SECONDS, AccessTokens, IdTokens, Keys, Subject, read_access_token, read_id_token

logger = get_logger(__name__)

REFRESH_LIFE = timedelta(days=30)
ACCESS_LIFE = timedelta(seconds=ACCESS_SECONDS)
SECRET_METHODS = ["client_secret_basic", "client_secret_post"]
ANY_METHOD = [*SECRET_METHODS, "none"]
MAY_REPEAT = frozenset({"resource"})
MOST_PARAMETERS = 60
GIVEN_BACK = "revoked"
# Authlib wants to see https here; whether the transport is secure is the deployment's to say, not the Host header's.
ANY_ADDRESS = "https://localhost"


class Parameters(OAuth2Payload):
    """The parameters of a request. One without a value counts as absent (RFC 6749, 3.1)."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = [(name, value) for name, value in pairs if value]
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in self.pairs:
            self._lists[name].append(value)
        self._check()
        self._values = {name: values[0] for name, values in self._lists.items()}

    def _check(self) -> None:
        for name, values in self._lists.items():
            if len(values) > 1 and name not in MAY_REPEAT:
                raise InvalidRequestError("A parameter is repeated.")
            if any("\0" in text for text in (name, *values)):
                raise InvalidRequestError("A parameter holds a null character.")
        # Authlib puts these into descriptions, and fails over characters that a description may not hold.
        for name in ("response_type", "grant_type"):
            if any(invalid_error_characters(value) for value in self._lists.get(name, ())):
                raise InvalidRequestError(f"The {name} is malformed.")

    @classmethod
    def of_form(cls, body: bytes) -> "Parameters":
        """Read an application/x-www-form-urlencoded body.

        Raises:
            InvalidRequestError: it is none.
        """
        try:
            text = body.decode("ascii")
            return cls(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS))
        except ValueError:
            raise InvalidRequestError("The body is not application/x-www-form-urlencoded.") from None

    @property
    def data(self) -> dict[str, str]:
        return self._values

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists

    def get(self, name: str) -> str:
        """The value, or nothing."""
        return self._values.get(name, "")


class FormRequest(OAuth2Request):
    """A request as Authlib reads it: parameters, and HTTP Basic if it can be decoded."""

    def __init__(self, parameters: Parameters, *, method: str = "POST", authorization: str | None = None) -> None:
        super().__init__(method, ANY_ADDRESS, headers=_basic(authorization))
        self.payload = parameters

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data


def _basic(authorization: str | None) -> dict[str, str]:
    kind, _, encoded = (authorization or "").partition(" ")
    if authorization is None or kind.lower() != "basic":
        return {}
    try:
        base64.b64decode(encoded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"Authorization": authorization}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the core answers: a JSON object, or a place to go."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def answer_of(error: OAuth2Error) -> Answer:
    """An error as the token endpoint tells it (RFC 6749, 5.2)."""
    status, body, headers = error()
    return Answer(status, body, dict(headers))


def redirect_with(redirect_uri: str, parameters: Iterable[tuple[str, str | None]]) -> str:
    """The redirect URI with those parameters that have a value."""
    uri: str = add_params_to_uri(redirect_uri, [(name, value) for name, value in parameters if value])
    return uri


class Core(AuthorizationServer):
    """The protocol of one request."""

    def __init__(self, *, issuer: str, clients: dict[str, Client], keys: Keys, papers: Papers) -> None:
        super().__init__()
        self.issuer = issuer
        self.clients = clients
        self.keys = keys
        self.papers = papers
        id_tokens = IdTokens(issuer, keys)
        self.register_token_generator("default", AccessTokens(issuer, keys))
        self.register_grant(CodeGrant, [S256(), id_tokens])
        self.register_grant(RefreshGrant, [id_tokens])
        self.register_grant(ServiceGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)

    def query_client(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    def create_oauth2_request(self, request: FormRequest) -> FormRequest:
        return request

    def handle_response(self, status: int, body: Any, headers: Iterable[tuple[str, str]]) -> Answer:
        return Answer(status, body or {}, dict(headers))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def save_token(self, token: dict[str, Any], request: FormRequest) -> None:
        if refresh_token := token.get("refresh_token"):
            row = RefreshTokenRow(
                token_hash=hashed(refresh_token), family_id=request.user.family_id, issued_at=self.papers.now
            )
            self.papers.added.append(row)

    def authenticate_client(self, request: FormRequest, methods: list[str], endpoint: str = "token") -> Client:
        """The client that the request comes from.

        Raises:
            OAuth2Error: it does not prove itself, or in two ways (RFC 6749, 2.3).
        """
        in_header, _ = extract_basic_authorization(request.headers)
        if in_header and ("client_secret" in request.form or request.form.get("client_id", in_header) != in_header):
            raise InvalidRequestError("The client must authenticate in one way only.")
        client: Client = super().authenticate_client(request, methods, endpoint)
        return client

    def token(self, request: FormRequest) -> Answer:
        """Answer a token request.

        Raises:
            OAuth2Error: it is malformed.
        """
        if not request.payload.grant_type:
            raise InvalidRequestError("Missing 'grant_type' in request.")
        answer: Answer = self.create_token_response(request)
        return answer

    def endpoint(self, name: str, request: FormRequest) -> Answer:
        """Answer a revocation or an introspection."""
        answer: Answer = self.create_endpoint_response(name, request)
        return answer

    def authorization(self, parameters: Parameters) -> Asked:
        """Check an authorization request.

        Raises:
            OAuth2Error: with a `redirect_uri` if the refusal may be told to the client; else it is for the user only.
        """
        request = FormRequest(parameters, method="GET")
        try:
            grant = self.get_authorization_grant(request)
            redirect_uri: str = grant.validate_authorization_request()
            return _asked(request, redirect_uri, subject=self._hinted(parameters, redirect_uri))
        except UnsupportedResponseTypeError as error:
            raise OAuth2Error(
                error="unsupported_response_type",
                description="Only response_type=code is answered.",
                redirect_uri=error.redirect_uri,
                state=parameters.state,
            ) from None
        except OAuth2Error as error:
            error.state = parameters.state
            raise

    def _hinted(self, parameters: Parameters, redirect_uri: str) -> str | None:
        hint = parameters.get("id_token_hint")
        if not hint:
            return None
        claims = read_id_token(hint, issuer=self.issuer, keys=self.keys)
        if claims is None:
            raise InvalidRequestError("The id_token_hint is no ID token of this provider.", redirect_uri=redirect_uri)
        return str(claims["sub"])


def _asked(request: FormRequest, redirect_uri: str, *, subject: str | None) -> Asked:
    parameters: Parameters = request.payload
    return Asked(
        client_id=request.client.client_id,
        redirect_uri=redirect_uri,
        scope=request.scope,
        code_challenge=parameters.get("code_challenge"),
        query=urlencode(parameters.pairs),
        state=parameters.state,
        nonce=parameters.data.get("nonce"),
        login_hint=parameters.get("login_hint"),
        prompts=frozenset(words(parameters.get("prompt"))),
        max_age=int(parameters.get("max_age")) if parameters.get("max_age") else None,
        resources=" ".join(parameters.datalist.get("resource", ())),
        subject=subject,
    )


def _audiences(parameters: Parameters, available: Iterable[str], *, granted: str = "") -> tuple[str, ...]:
    audiences = narrowed(available, granted=granted, asked=parameters.datalist.get("resource", ()))
    if audiences is None:
        raise OAuth2Error(error="invalid_target", description="The resource is not one that this scope is good for.")
    return audiences


class S256(CodeChallenge):
    """PKCE: for every client, and by S256 only."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        parameters: Parameters = grant.request.payload
        if not parameters.get("code_challenge") or parameters.get("code_challenge_method") != "S256":
            raise InvalidRequestError("A 'code_challenge' by 'code_challenge_method=S256' is needed.")
        super().validate_code_challenge(grant, redirect_uri)


@dataclass(frozen=True, slots=True)
class Code:
    """A code as Authlib asks it."""

    row: CodeRow
    code_challenge_method = "S256"

    @property
    def code_challenge(self) -> str:
        return self.row.code_challenge

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return self.row.scope

    def get_nonce(self) -> str | None:
        return self.row.nonce

    def get_auth_time(self) -> int:
        return int(self.row.authenticated_at.timestamp())

    def get_acr(self) -> None:
        """No context classes."""

    def get_amr(self) -> None:
        """No method references."""


class CodeGrant(AuthorizationCodeGrant):
    """A code is good for one redemption; a second one ends what the first was given."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY_METHOD

    @staticmethod
    def validate_authorization_redirect_uri(request: FormRequest, client: Client) -> str:
        redirect_uri: str | None = request.payload.redirect_uri
        if not redirect_uri or not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError("The redirect URI is not registered for this client.")
        return redirect_uri

    def validate_requested_scope(self) -> None:
        parameters: Parameters = self.request.payload
        if SERVICE_ONLY & set(words(parameters.scope)):
            raise InvalidScopeError("A service's scope is not given to users.")
        _audiences(parameters, user_audiences(parameters.scope))
        _check_prompts(parameters)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        papers: Papers = self.server.papers
        if papers.code is None or papers.code.client_id != client.client_id:
            return None
        if papers.family is not None:
            _revoke(papers.family, papers, because="code_reuse")
            return None
        return Code(papers.code) if papers.now < papers.code.expires_at else None

    def authenticate_user(self, authorization_code: Code) -> Subject:
        row = authorization_code.row
        audiences = _audiences(self.request.payload, user_audiences(row.scope), granted=row.resources)
        return Subject(self.server.papers.account, UUID(new_id()), row.authenticated_at, audiences)

    def generate_token(self, user: Subject, scope: str, **options: Any) -> dict[str, Any]:
        options["include_refresh_token"] = self.client.keeps_signed_in(scope)
        token: dict[str, Any] = super().generate_token(user=user, scope=scope, **options)
        return token

    def delete_authorization_code(self, authorization_code: Code) -> None:
        papers, row, subject = self.server.papers, authorization_code.row, self.request.user
        life = REFRESH_LIFE if self.client.keeps_signed_in(row.scope) else ACCESS_LIFE
        family = FamilyRow(
            family_id=subject.family_id,
            client_id=row.client_id,
            account_id=row.account_id,
            scope=row.scope,
            resources=row.resources,
            authenticated_at=row.authenticated_at,
            session_hash=row.session_hash,
            created_at=papers.now,
            ends_at=papers.now + life,
        )
        papers.added.append(family)
        row.redeemed_at, row.family_id = papers.now, family.family_id


def _check_prompts(parameters: Parameters) -> None:
    prompts = words(parameters.get("prompt"))
    if not PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError("The prompt is not one that is known.")
    if parameters.get("response_mode") not in ("", "query"):
        raise InvalidRequestError("Only response_mode=query is answered.")
    max_age = parameters.get("max_age")
    if max_age and not (max_age.isascii() and max_age.isdigit() and len(max_age) < 10):
        raise InvalidRequestError("The max_age is not a number of seconds.")
    for name in ("request", "request_uri"):
        if parameters.get(name):
            raise OAuth2Error(error=f"{name}_not_supported", description="Send the parameters themselves.")


def _revoke(family: FamilyRow, papers: Papers, *, because: str) -> None:
    note = logger.info if because == GIVEN_BACK else logger.warning
    note("tokens revoked", because=because, client=family.client_id, account=str(family.account_id))
    family.revoke(papers.now, because=because)


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as Authlib asks it."""

    row: RefreshTokenRow
    family: FamilyRow
    papers: Papers

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.family.client_id

    def get_scope(self) -> str:
        assert self.papers.account is not None
        return for_user(self.family.scope, self.papers.account.privileges.split())

    def is_expired(self) -> bool:
        return self.row.used_at is not None

    def is_revoked(self) -> bool:
        return not self.family.lives_at(self.papers.now)

    def revoke(self) -> None:
        _revoke(self.family, self.papers, because=GIVEN_BACK)

    def metadata(self) -> dict[str, Any]:
        return {
            "client_id": self.family.client_id,
            "token_type": "refresh_token",
            "scope": self.get_scope(),
            "sub": str(self.family.account_id),
            "exp": int(self.family.ends_at.timestamp()),
            "iat": int(self.row.issued_at.timestamp()),
        }


class RefreshGrant(RefreshTokenGrant):
    """Every refresh token is good once; a second use ends the whole family."""

    TOKEN_ENDPOINT_AUTH_METHODS = ANY_METHOD
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
        papers: Papers = self.server.papers
        if papers.refresh is None or papers.family is None:
            return None
        token = RefreshToken(papers.refresh, papers.family, papers)
        if not token.check_client(self.client) or token.is_revoked():
            return None
        if papers.refresh.used_at is not None:
            _revoke(papers.family, papers, because="refresh_token_reuse")
            return None
        return token

    def authenticate_user(self, refresh_token: RefreshToken) -> Subject:
        family, parameters = refresh_token.family, self.request.payload
        available = user_audiences(parameters.scope or refresh_token.get_scope())
        audiences = _audiences(parameters, available, granted=family.resources)
        return Subject(self.server.papers.account, family.family_id, family.authenticated_at, audiences)

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        refresh_token.row.used_at = self.server.papers.now


class ServiceGrant(ClientCredentialsGrant):
    """A token for a service itself carries one scope."""

    TOKEN_ENDPOINT_AUTH_METHODS = SECRET_METHODS

    def validate_requested_scope(self) -> None:
        parameters: Parameters = self.request.payload
        if parameters.scope not in self.client.service_scopes:
            raise InvalidScopeError("Ask for exactly one of the scopes that this client may have.")
        _audiences(parameters, {SERVICE_AUDIENCE[parameters.scope]})


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token as Authlib asks it; one that has expired is none."""

    claims: dict[str, Any]
    papers: Papers

    def check_client(self, client: Client) -> bool:
        return client.client_id == str(self.claims["client_id"])

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        """Revoked by itself, or with its family."""
        family = self.papers.family
        of_user = "." in str(self.claims["jti"])
        return self.papers.access_token_revoked or (of_user and (family is None or family.revoked_at is not None))

    def revoke(self) -> None:
        ends_at = self.papers.now + ACCESS_LIFE
        self.papers.revoke_access_token = RevokedAccessTokenRow(jti=self.claims["jti"], expires_at=ends_at)

    def metadata(self) -> dict[str, Any]:
        user = self.claims.get("preferred_username")
        return {**self.claims, "token_type": "Bearer", **({"username": user} if user else {})}


def _presented(server: Core, token: str) -> AccessToken | RefreshToken | None:
    papers = server.papers
    if papers.refresh is not None and papers.family is not None:
        return RefreshToken(papers.refresh, papers.family, papers)
    claims = read_access_token(token, issuer=server.issuer, keys=server.keys)
    return AccessToken(claims, papers) if claims else None


class Revocation(RevocationEndpoint):
    """RFC 7009: a refresh token goes with its family, an access token alone.

    A confidential client that gives its refresh token back has signed its user out: the sign-in behind it ends too.
    """

    CLIENT_AUTH_METHODS = ANY_METHOD

    def query_token(self, token_string: str, token_type_hint: str | None) -> AccessToken | RefreshToken | None:
        return _presented(self.server, token_string)

    def revoke_token(self, token: AccessToken | RefreshToken, request: FormRequest) -> None:
        token.revoke()
        if isinstance(token, RefreshToken) and request.client.secret is not None:
            self.server.papers.end_session = token.family.session_hash


class Introspection(IntrospectionEndpoint):
    """RFC 7662: for the client that a token was given to, and for the service that it is good for."""

    CLIENT_AUTH_METHODS = SECRET_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> AccessToken | RefreshToken | None:
        return _presented(self.server, token_string)

    def check_permission(self, token: AccessToken | RefreshToken, client: Client, request: FormRequest) -> bool:
        audiences = token.claims["aud"] if isinstance(token, AccessToken) else []
        return token.check_client(client) or client.client_id in audiences

    def introspect_token(self, token: AccessToken | RefreshToken) -> dict[str, Any]:
        return token.metadata()
