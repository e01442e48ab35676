"""When the provider's keys are asked for again: for a key that is new at once, for one that is not there seldom."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest
from joserfc.jwk import RSAKey

from services.chassis.auth import TokenVerifier
from services.chassis.openid import KEYS_COOL_DOWN_SECONDS, OpenIdProvider
from services.contracts.problems import Unauthenticated, Unavailable
from services.controller.idtokens import IdTokens
from services.controller.provider import Tokens
from tests.tokens import TestIssuer

STRANGER = RSAKey.generate_key(2048, {"kid": "stranger", "use": "sig", "alg": "RS256"})


class Rotating(TestIssuer):
    """An issuer whose keys change, or get lost."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched = 0
        self.lost = False

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/jwks":
            self.fetched += 1
            if self.lost:
                return httpx.Response(200, json={"keys": []})
        return super()._answer(request)

    def rotate(self, kid: str) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})

    def signed(self) -> str:
        return self.token(header={"kid": str(self.key.kid)})

    def unknown(self, number: int) -> str:
        return self.token(header={"kid": f"unknown-{number}"}, key=STRANGER)


@pytest.fixture
def issuer() -> Rotating:
    return Rotating()


@pytest.fixture
async def verifier(issuer: Rotating) -> AsyncIterator[TokenVerifier]:
    async with OpenIdProvider(issuer.issuer, transport=issuer.transport) as provider:
        yield TokenVerifier(provider, audience="cartdb")


async def refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


@pytest.mark.parametrize("known_before", [True, False])
async def test_a_hundred_tokens_with_unknown_keys_fetch_the_keys_once(
    issuer: Rotating, verifier: TokenVerifier, *, known_before: bool
) -> None:
    if known_before:
        await verifier.verify(issuer.signed())
    before = issuer.fetched

    for number in range(100):
        await refused(verifier, issuer.unknown(number))

    assert issuer.fetched - before == 1
    assert (await verifier.verify(issuer.signed())).subject == "alice"
    assert issuer.fetched - before == 1


async def test_a_new_key_is_found_at_once_however_lately_the_keys_were_fetched(
    issuer: Rotating, verifier: TokenVerifier
) -> None:
    for number in range(3):
        issuer.rotate(f"generation-{number}")
        assert (await verifier.verify(issuer.signed())).subject == "alice"

    assert issuer.fetched == 3


async def test_after_a_search_in_vain_a_new_key_is_found_when_the_cool_down_is_over(
    issuer: Rotating, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refused(verifier, issuer.unknown(1))
    issuer.rotate("next")
    await refused(verifier, issuer.signed())

    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + KEYS_COOL_DOWN_SECONDS)

    assert (await verifier.verify(issuer.signed())).subject == "alice"
    assert issuer.fetched == 2


async def test_a_provider_that_has_lost_its_keys_for_a_moment_takes_nobody_elses_away(
    issuer: Rotating, verifier: TokenVerifier
) -> None:
    await verifier.verify(issuer.signed())
    issuer.lost = True

    with pytest.raises(Unavailable):
        await verifier.verify(issuer.unknown(1))

    assert (await verifier.verify(issuer.token(subject="bob"))).subject == "bob"


async def test_strangers_cannot_keep_a_new_key_from_those_who_sign_in(issuer: Rotating) -> None:
    async with OpenIdProvider(issuer.issuer, transport=issuer.transport) as provider:
        await refused(TokenVerifier(provider, audience="cartdb"), issuer.unknown(1))
        issuer.rotate("next")
        id_token = issuer.token(header={"kid": "next", "typ": "JWT"}, aud="controller", nonce="nonce")
        tokens = Tokens("access", id_token=id_token)

        claims = await IdTokens(provider, "controller").at_sign_in(tokens, nonce="nonce")

    assert claims.subject == "alice"
