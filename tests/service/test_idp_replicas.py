"""Two replicas of the provider on one database: what is good once is good once, and keys change under both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from services.idp.tokens import KEY_LIFE
from tests.conftest import MakeDatabase
from tests.service.idp import Idp, refresh, running, service_token, tokens_of, userinfo


@dataclass(frozen=True)
class Replicas:
    """Two providers, and a browser for each."""

    providers: list[Idp]
    browsers: list[httpx.AsyncClient]

    def advance(self, **by: float) -> None:
        for provider in self.providers:
            provider.clock.advance(**by)


@pytest.fixture
async def replicas(make_database: MakeDatabase) -> AsyncIterator[Replicas]:
    url = (await make_database("idp")).app
    async with AsyncExitStack() as opened:
        providers = [await opened.enter_async_context(running(url)) for _ in range(2)]
        yield Replicas(providers, [await opened.enter_async_context(one.browser()) for one in providers])


async def test_of_simultaneous_refreshes_at_two_replicas_one_succeeds_and_the_family_ends(replicas: Replicas) -> None:
    for _ in range(3):
        tokens = await tokens_of(replicas.browsers[0], prompt="login")

        answers = await asyncio.gather(*(refresh(replicas.browsers[n % 2], tokens["refresh_token"]) for n in range(10)))

        assert sorted(answer.status_code for answer in answers) == [200, *[400] * 9]
        given = next(answer.json() for answer in answers if answer.status_code == 200)
        for browser in replicas.browsers:
            assert (await refresh(browser, given["refresh_token"])).json()["error"] == "invalid_grant"
            assert (await userinfo(browser, given["access_token"])).status_code == 401


class Poller:
    """A resource server that reads the keys every ten minutes and never in between."""

    def __init__(self, browsers: list[httpx.AsyncClient]) -> None:
        self._browsers = browsers
        self._known = KeySet([])

    async def poll(self, turn: int) -> None:
        self._known = KeySet.import_key_set((await self._browsers[turn % 2].get("/jwks")).json())

    @property
    def known(self) -> set[str | None]:
        return {key.kid for key in self._known.keys}

    def accepts(self, token: str) -> bool:
        """Whether the signature is good by the keys of the last poll; an unknown `kid` raises."""
        return bool(jwt.decode(token, self._known, algorithms=["RS256"]).claims["sub"] == "controller")


async def test_keys_change_without_restart_and_no_client_that_polls_ever_meets_an_unknown_one(
    replicas: Replicas,
) -> None:
    poller = Poller(replicas.browsers)
    signed_by: list[str] = []
    alive: list[str] = []
    replicas.advance(seconds=KEY_LIFE.total_seconds() - 30 * 60)

    # Three hours around the change, in steps of five minutes; as the longest token does, each lives an hour.
    await poller.poll(0)
    for step in range(36):
        token = (await service_token(replicas.browsers[step % 2], "cart:guest")).json()["access_token"]
        alive = [*alive[-11:], token]
        signed_by.append(str(jws.extract_compact(token.encode()).headers()["kid"]))
        assert all(poller.accepts(one) for one in alive)
        if step % 2:
            await poller.poll(step // 2)
        replicas.advance(minutes=5)

    old, new = list(dict.fromkeys(signed_by))
    changed = signed_by.index(new)
    assert signed_by == [old] * changed + [new] * (36 - changed)
    assert poller.known == {new}
