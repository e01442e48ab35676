"""Tokens, keys and addresses of a provider that is not ours: what is taken, what refused, and what is never asked."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pydantic import ValidationError
from starlette.requests import Request

from services.chassis.auth import INTROSPECTED_SECONDS, Caller, Introspection, TokenVerifier
from services.chassis.openid import ClientSecret, OpenIdProvider
from services.chassis.settings import ProviderSettings
from services.contracts.problems import NotSent, Unauthenticated, Unavailable
from services.controller.provider import Identity, Tokens
from services.controller.session import Sessions
from services.controller.settings import Settings
from services.controller.signer import Signer
from services.controller.signin import SignIn

# What a test is given is made before the first test runs, which may be long before.
FAR_FROM_NOW = 4_102_444_800
ISSUER = "https://login.example"
AUDIENCE = "https://shop.example/api"
SHOP = ClientSecret("shop", "100% + /?&=~:")
KEY = RSAKey.generate_key(2048, {"kid": "theirs"})
ANSWER_SECONDS = 0.02


@dataclass
class Elsewhere:
    """A provider by what it publishes; it remembers who was asked for what."""

    document: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=lambda: [KEY.as_dict(private=False)])
    word: dict[str, Any] | httpx.Response | Exception = field(default_factory=dict)
    instead: dict[str, httpx.Response] = field(default_factory=dict)
    now: float = field(default_factory=time.time)
    asked: list[httpx.Request] = field(default_factory=list)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.url.path in self.instead:
            return self.instead[request.url.path]
        if request.url.path == "/.well-known/openid-configuration":
            usual = {
                "issuer": ISSUER,
                "jwks_uri": f"{ISSUER}/keys",
                "token_endpoint": f"{ISSUER}/token",
                "introspection_endpoint": f"{ISSUER}/introspect",
            }
            published = usual | self.document
            return httpx.Response(200, json={name: value for name, value in published.items() if value is not None})
        if request.url.path == "/keys":
            return httpx.Response(200, json={"keys": self.keys})
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "a", "token_type": "bearer", "expires_in": 60})
        await asyncio.sleep(ANSWER_SECONDS)
        if isinstance(self.word, Exception):
            raise self.word
        return self.word if isinstance(self.word, httpx.Response) else httpx.Response(200, json=self.word)

    def count(self, path: str) -> int:
        return sum(request.url.path == path for request in self.asked)

    @asynccontextmanager
    async def known(self, **options: Any) -> AsyncIterator[OpenIdProvider]:
        async with OpenIdProvider(ISSUER, transport=httpx.MockTransport(self._answer), **options) as provider:
            yield provider

    @asynccontextmanager
    async def verifier(self, *, introspects: bool = True, **options: Any) -> AsyncIterator[TokenVerifier]:
        async with self.known() as provider:
            yield TokenVerifier(
                provider,
                audience=AUDIENCE,
                introspection=Introspection(provider, SHOP) if introspects else None,
                clock=lambda: self.now,
                **options,
            )


def word(**claims: Any) -> dict[str, Any]:
    """What a provider says of a good token; None takes a claim away."""
    told = {
        "active": True,
        "iss": ISSUER,
        "sub": "asha",
        "aud": AUDIENCE,
        "client_id": "app",
        "token_type": "Bearer",
        "scope": "openid operator",
        "exp": FAR_FROM_NOW,
        **claims,
    }
    return {name: value for name, value in told.items() if value is not None}


def signed(key: RSAKey = KEY, **claims: Any) -> str:
    """A good signed token, but for these claims."""
    told = {name: value for name, value in word(**claims).items() if name not in ("active", "token_type")}
    return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": key.kid}, told, key)


def form_of(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode()))


# --- tokens that only the provider can read


async def test_simultaneous_requests_with_one_opaque_token_ask_the_provider_once() -> None:
    provider = Elsewhere(word=word())

    async with provider.verifier() as verifier:
        callers = await asyncio.gather(*(verifier.verify("opaque") for _ in range(50)))
        callers.append(await verifier.verify("opaque"))

    assert provider.count("/introspect") == 1
    assert form_of(provider.asked[-1]) == {"token": "opaque", "token_type_hint": "access_token"}
    assert {(caller.subject, caller.issuer, caller.client_id) for caller in callers} == {("asha", ISSUER, "app")}
    assert callers[0].scopes == {"openid", "operator"}


@pytest.mark.parametrize(
    ("life", "believed"),
    [(900, INTROSPECTED_SECONDS), (None, INTROSPECTED_SECONDS), (10, 10)],
    ids=["long", "untold", "short"],
)
async def test_a_providers_word_is_believed_for_half_a_minute_at_most_and_never_past_the_end(
    life: float | None, believed: float
) -> None:
    provider = Elsewhere(word=word(exp=None if life is None else time.time() + life))

    async with provider.verifier() as verifier:
        await verifier.verify("opaque")
        provider.now += believed - 1
        await verifier.verify("opaque")
        assert provider.count("/introspect") == 1

        provider.now += 2
        provider.word = {"active": False}
        with pytest.raises(Unauthenticated):
            await verifier.verify("opaque")

    assert provider.count("/introspect") == 2


@pytest.mark.parametrize(
    "told",
    [
        {"active": False},
        {},
        word(active="true"),
        word(active=None),
        word(iss="https://other.example"),
        word(aud="https://other.example/api"),
        word(aud=["a", "b"]),
        word(aud=[]),
        word(aud=None),
        word(aud=None, client_id="shop"),
        word(token_type="DPoP"),
        word(token_type="refresh"),
        word(exp=1),
        word(exp="tomorrow"),
        word(nbf=FAR_FROM_NOW),
        word(sub=""),
        word(sub=7),
        word(sub=None, client_id=None),
    ],
    ids=str,
)
async def test_an_opaque_token_is_refused_unless_all_that_is_told_of_it_is_right(told: dict[str, Any]) -> None:
    async with Elsewhere(word=told).verifier() as verifier:
        with pytest.raises(Unauthenticated):
            await verifier.verify("opaque")


@pytest.mark.parametrize(
    ("told", "subject"),
    [
        (word(iss=None), "asha"),
        (word(aud=["other", AUDIENCE]), "asha"),
        (word(token_type=None), "asha"),
        (word(sub=None), "app"),
    ],
    ids=["no issuer", "among others", "no type", "a client's own"],
)
async def test_what_a_provider_may_leave_out_may_be_missing(told: dict[str, Any], subject: str) -> None:
    async with Elsewhere(word=told).verifier() as verifier:
        assert (await verifier.verify("opaque")).subject == subject


@pytest.mark.parametrize(
    ("told", "document"),
    [
        (httpx.Response(500), {}),
        (httpx.Response(401, json={"error": "invalid_client"}), {}),
        (httpx.Response(302, headers={"location": "https://other.example/"}), {}),
        (httpx.Response(200, text="yes"), {}),
        (httpx.Response(200, json=["yes"]), {}),
        (httpx.ConnectError("nobody"), {}),
        (httpx.ReadTimeout("silence"), {}),
        (word(), {"introspection_endpoint": None}),
        (word(), {"introspection_endpoint": "https://other.example/introspect"}),
    ],
    ids=["500", "401", "302", "words", "list", "nobody", "silence", "no endpoint", "a foreign endpoint"],
)
async def test_who_cannot_be_asked_has_not_said_no(told: Any, document: dict[str, Any]) -> None:
    provider = Elsewhere(word=told, document=document)

    async with provider.verifier() as verifier:
        with pytest.raises(Unavailable):
            await verifier.verify("opaque")

    assert {request.url.host for request in provider.asked} == {"login.example"}


@pytest.mark.parametrize("token", ["opaque", "a.b", "a.b.c", "\N{SNOWMAN}", "." * 500])
async def test_nobody_is_asked_where_opaque_tokens_are_not_wanted(token: str) -> None:
    provider = Elsewhere(word=word())

    async with provider.verifier(introspects=False) as verifier:
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)

    assert provider.asked == []


async def test_a_signed_token_is_never_introspected() -> None:
    provider = Elsewhere(word=word())

    async with provider.verifier() as verifier:
        await verifier.verify(signed())
        with pytest.raises(Unauthenticated):
            await verifier.verify(signed(aud="other"))

    assert provider.count("/introspect") == 0


# --- claims as others write them


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "a b"}, {"a", "b"}),
        ({"scope": ["a", "b"]}, {"a", "b"}),
        ({"scope": None, "scp": "a b"}, {"a", "b"}),
        ({"scope": None, "scp": ["a", "b"]}, {"a", "b"}),
        ({"scope": "a", "scp": ["b"]}, {"a"}),
        ({"scope": ["a", 5, None, ["b"]]}, {"a"}),
        ({"scope": {"a": True}}, set()),
        ({"scope": 7}, set()),
        ({"scope": None}, set()),
        ({"scope": ""}, set()),
    ],
    ids=str,
)
async def test_scopes_are_read_as_text_or_list_under_either_name(claims: dict[str, Any], scopes: set[str]) -> None:
    async with Elsewhere(word=word(**claims)).verifier() as verifier:
        assert (await verifier.verify(signed(**claims))).scopes == scopes
        assert (await verifier.verify("opaque")).scopes == scopes


@pytest.mark.parametrize(
    ("claims", "client_id", "name"),
    [
        ({}, "app", None),
        ({"client_id": None, "azp": "native"}, "native", None),
        ({"client_id": "app", "azp": "native"}, "app", None),
        ({"client_id": None}, "", None),
        ({"preferred_username": "asha", "name": "Asha Rao"}, "app", "asha"),
        ({"name": "Asha Rao"}, "app", "Asha Rao"),
        ({"preferred_username": {"first": "Asha"}}, "app", None),
    ],
    ids=str,
)
async def test_client_and_name_may_be_told_in_several_ways_or_not_at_all(
    claims: dict[str, Any], client_id: str, name: str | None
) -> None:
    async with Elsewhere().verifier() as verifier:
        caller = await verifier.verify(signed(**claims))

    assert (caller.client_id, caller.name) == (client_id, name)


@pytest.mark.parametrize(
    ("privileged", "scopes"),
    [((), {"openid"}), (("bob",), {"openid"}), (("asha",), {"openid", "operator"}), (("*",), {"openid", "operator"})],
)
async def test_privileged_scopes_count_only_for_subjects_that_the_settings_name(
    privileged: tuple[str, ...], scopes: set[str]
) -> None:
    async with Elsewhere(word=word()).verifier(privileged=privileged) as verifier:
        for token in (signed(), "opaque"):
            assert (await verifier.verify(token)).scopes == scopes


# --- keys, and the addresses that are called


@pytest.mark.parametrize(
    ("jwks_uri", "host"),
    [
        (f"{ISSUER}/keys", "inside.example"),
        ("https://login.example:443/keys", "inside.example"),
        ("https://LOGIN.example/keys", "inside.example"),
        ("http://inside.example:8080/keys", "inside.example"),
        ("https://keys.example/keys", "keys.example"),
        ("http://keys.example/keys", None),
        ("https://keys.example:8443/keys", None),
        ("http://login.example/keys", None),
        ("https://login.example.evil.example/keys", None),
        ("https://login.example@evil.example/keys", None),
        ("http://169.254.169.254/keys", None),
        ("http://localhost/keys", None),
        ("file:///keys", None),
        ("//login.example/keys", None),
        ("/keys", None),
        ("", None),
        (None, None),
    ],
)
async def test_keys_are_fetched_from_the_issuers_origin_or_one_that_is_allowed(
    jwks_uri: str | None, host: str | None
) -> None:
    provider = Elsewhere(document={"jwks_uri": jwks_uri})

    async with provider.known(internal_url="http://inside.example:8080", origins=["https://keys.example"]) as known:
        if host is None:
            with pytest.raises(Unavailable):
                await known.keys_for("theirs")
        else:
            assert [key.kid for key in (await known.keys_for("theirs")).keys] == ["theirs"]

    discovery, *fetched = provider.asked
    assert discovery.url.host == "inside.example"
    assert [request.url.host for request in fetched] == ([] if host is None else [host])


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys"])
async def test_no_redirect_is_followed_for_discovery_or_keys(path: str) -> None:
    away = httpx.Response(302, headers={"location": f"{ISSUER}/elsewhere"})
    provider = Elsewhere(instead={path: away})

    async with provider.known() as known:
        with pytest.raises(Unavailable):
            await known.keys_for("theirs")

    assert provider.asked[-1].url.path == path


async def test_keys_of_other_kinds_and_uses_are_left_out_and_the_rest_serve() -> None:
    public = KEY.as_dict(private=False)
    other = ECKey.generate_key("P-256", {"kid": "elliptic"}).as_dict(private=False)
    odd: list[dict[str, Any]] = [
        {"kty": "OKP", "crv": "Ed448", "x": "AA", "kid": "new"},
        {"kty": "something", "kid": "newer"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric"},
        {**public, "kid": "sealing", "use": "enc"},
        {"kty": "RSA", "kid": "half"},
    ]
    provider = Elsewhere(keys=[*odd, public, other])

    async with provider.known() as known:
        keys = await known.keys_for("theirs")

    assert {key.kid for key in keys.keys} == {"theirs", "elliptic"}


async def test_many_tokens_with_unknown_keys_at_once_fetch_the_keys_once() -> None:
    provider = Elsewhere()
    forgers = [RSAKey.generate_key(2048, {"kid": f"forged-{number}"}) for number in range(3)]
    tokens = [signed(forgers[number % 3], sub=f"s{number}") for number in range(100)]

    async with provider.verifier(introspects=False) as verifier:
        answers: list[Caller | BaseException] = await asyncio.gather(
            *(verifier.verify(token) for token in tokens), return_exceptions=True
        )
        assert (await verifier.verify(signed())).subject == "asha"

    assert {type(answer) for answer in answers} == {Unauthenticated}
    assert provider.count("/keys") == 1


# --- the controller as a client


Call = Callable[[Identity], Awaitable[object]]
CALLS: dict[str, Call] = {
    "redeem": lambda identity: identity.redeem(code="c", verifier="v", redirect_uri="https://shop.example/callback"),
    "refresh": lambda identity: identity.refresh(Tokens("a", "r")),
    "service token": lambda identity: identity.service_token("cart:guest"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("resource", [{}, {"resource": AUDIENCE}, {"audience": AUDIENCE}], ids=str)
async def test_every_token_is_asked_for_with_the_resource_that_it_is_for(call: Call, resource: dict[str, str]) -> None:
    provider = Elsewhere()

    async with provider.known() as known:
        assert isinstance(await call(Identity(known, SHOP, resource=resource)), Tokens)

    form = form_of(provider.asked[-1])
    assert {name: form[name] for name in ("resource", "audience") if name in form} == resource
    assert "client_secret" not in form
    credentials = base64.b64decode(provider.asked[-1].headers["authorization"].removeprefix("Basic ")).decode()
    assert credentials == "shop:100%25%20%2B%20%2F%3F%26%3D~%3A"


async def test_more_parameters_of_a_sign_in_replace_none_of_its_own() -> None:
    provider = Elsewhere(document={"authorization_endpoint": f"{ISSUER}/authorize?policy=shoppers"})
    nobody: Any = None
    more = "prompt=consent&access_type=offline&state=known&client_id=another&redirect_uri=https://evil.example"
    settings = Settings.model_construct(
        public_url="http://shop.test", oidc_scope="openid", oidc_authorize_parameters=more
    )

    async with provider.known() as known:
        sign_in = SignIn(
            identity=Identity(known, SHOP, resource={"resource": AUDIENCE}),
            sessions=Sessions(nobody, Signer("sample secret")),
            doorkeeper=nobody,
            adoption=nobody,
            settings=settings,
        )
        request = Request({"type": "http", "headers": [], "state": {}})
        asked = httpx.URL(await sign_in.begin(request, target=None, choice=None))

    assert asked.copy_with(query=None) == f"{ISSUER}/authorize"
    assert len(asked.params) == len(asked.params.multi_items())
    assert asked.params["state"] != "known"
    wanted = {
        "policy": "shoppers",
        "prompt": "consent",
        "access_type": "offline",
        "client_id": "shop",
        "redirect_uri": "http://shop.test/callback",
        "resource": AUDIENCE,
    }
    assert {name: asked.params[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("methods", "in_form"),
    [
        (["client_secret_post"], True),
        (["client_secret_post", "private_key_jwt"], True),
        (["client_secret_basic", "client_secret_post"], False),
        (["private_key_jwt"], False),
        (None, False),
    ],
    ids=str,
)
async def test_the_secret_goes_where_the_provider_wants_it(methods: list[str] | None, *, in_form: bool) -> None:
    provider = Elsewhere(document={"token_endpoint_auth_methods_supported": methods})

    async with provider.known() as known:
        assert isinstance(await Identity(known, SHOP).service_token("cart:guest"), Tokens)

    request = provider.asked[-1]
    assert ("authorization" in request.headers) is not in_form
    assert (form_of(request).get("client_secret") == SHOP.secret) is in_form


@pytest.mark.parametrize("endpoint", [None, "https://other.example/token", "http://login.example/token"])
async def test_no_secret_goes_to_an_address_that_is_not_allowed(endpoint: str | None) -> None:
    provider = Elsewhere(document={"token_endpoint": endpoint})

    async with provider.known() as known:
        assert isinstance(await Identity(known, SHOP).service_token("cart:guest"), NotSent)

    assert [request.url.path for request in provider.asked] == ["/.well-known/openid-configuration"]


# --- settings


TOLD = {"database_url": "postgresql://", "oidc_issuer": ISSUER, "oidc_audience": AUDIENCE}


@pytest.mark.parametrize(
    "told",
    [
        {"oidc_introspection_client_id": "shop"},
        {"oidc_introspection_client_secret": "secret"},
        {"oidc_origins": "keys.example"},
        {"oidc_origins": "https://keys.example/path"},
        {"oidc_origins": "https://keys.example ftp://keys.example"},
        {"oidc_origins": "http://keys.example", "environment": "production"},
        {"oidc_issuer": "http://login.example", "environment": "production"},
    ],
    ids=str,
)
def test_settings_that_would_not_hold_are_refused_at_the_start(told: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ProviderSettings.model_validate(TOLD | told)


@pytest.mark.parametrize("types", ["JWT", "at+jwt, jwt"])
def test_where_types_do_not_tell_them_apart_an_id_token_has_another_audience_than_access_tokens(types: str) -> None:
    neighbours = dict.fromkeys(("catalog_url", "cartdb_url", "payments_url"), "http://neighbour.test")
    secrets = ("oidc_client_secret", "session_secret", "payments_secret_key", "payments_publishable_key")
    told = TOLD | neighbours | dict.fromkeys(secrets, "0123456789abcdef") | {"oidc_token_types": types}

    assert Settings.model_validate({**told, "oidc_client_id": "shop"}).oidc_token_types == types
    with pytest.raises(ValidationError, match="OIDC_AUDIENCE"):
        Settings.model_validate({**told, "oidc_client_id": AUDIENCE})


def test_nobody_is_privileged_unless_the_settings_say_who() -> None:
    assert ProviderSettings.model_validate(TOLD).oidc_privileged_subjects == ""
