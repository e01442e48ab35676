"""What every request needs at hand, and how the protocol's core is set to work on the rows that a request names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from .authorization import Asked
from .client import Client
from .pages import Pages
from .passwords import Passwords
from .protocol import Answer, Core, FormRequest, Parameters
from .store import Named, Papers, Store
from .tokens import KeyRing, Keys, named_by, read_access_token
from .tries_store import Tries


@dataclass(frozen=True, slots=True)
class Provider:
    """The opened provider."""

    issuer: str
    clients: dict[str, Client]
    store: Store
    tries: Tries
    ring: KeyRing
    passwords: Passwords
    pages: Pages
    clock: Callable[[], datetime]

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return self.issuer.startswith("https:")

    def core(self, keys: Keys, papers: Papers | None = None) -> Core:
        """The protocol for one request."""
        return Core(issuer=self.issuer, clients=self.clients, keys=keys, papers=papers or Papers(self.clock()))

    async def asked(self, parameters: Parameters) -> Asked:
        """The authorization request that the parameters make.

        Raises:
            OAuth2Error: they make none.
        """
        return self.core(await self.ring.keys()).authorization(parameters)

    async def token(self, request: FormRequest) -> Answer:
        """Answer a token request; what it used up and what it gave out is committed by then."""
        keys = await self.ring.keys()
        parameters: Parameters = request.payload
        named = Named(code=parameters.get("code"), refresh_token=parameters.get("refresh_token"))
        return await self.store.with_papers(named, lambda papers: self.core(keys, papers).token(request))

    async def about_token(self, endpoint: str, request: FormRequest) -> Answer:
        """Answer a revocation or an introspection of the presented token."""
        keys = await self.ring.keys()
        token: str = request.payload.get("token")
        named = named_by(token, read_access_token(token, issuer=self.issuer, keys=keys))
        return await self.store.with_papers(named, lambda papers: self.core(keys, papers).endpoint(endpoint, request))

    async def access(self, token: str) -> tuple[dict[str, Any] | None, Papers]:
        """An access token's claims and the rows behind it."""
        claims = read_access_token(token, issuer=self.issuer, keys=await self.ring.keys())
        return claims, await self.store.with_papers(named_by(token, claims), lambda papers: papers)


async def _provider(request: Request) -> Provider:
    provider: Provider = request.state.provider
    return provider


Here = Annotated[Provider, Depends(_provider)]
