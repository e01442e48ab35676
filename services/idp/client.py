"""Who may ask this provider for tokens, and where each may be sent back to.

The method names are those by which Authlib's core asks a client.
"""

import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from services.contracts.identity import Scope

from .scope import DEFAULT_SCOPE, IDENTITY_SCOPES, PRIVILEGES, words

# Compared as text: a parsed address would bring a parser's opinions into the comparison.
LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?/callback")
DOCS_REDIRECT = "/docs/oauth2-redirect"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. One without a secret is public."""

    client_id: str
    grants: frozenset[str]
    secret: str | None = field(default=None, repr=False)
    redirect_uris: frozenset[str] = frozenset()
    post_logout_redirect_uris: frozenset[str] = frozenset()
    service_scopes: frozenset[str] = frozenset()
    loopback: bool = False

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """No default: an authorization request names its redirect URI."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What this client may ever be given of what it asked for; None if that is nothing."""
        allowed = {*IDENTITY_SCOPES, *PRIVILEGES, *self.service_scopes}
        return " ".join(word for word in words(scope or DEFAULT_SCOPE) if word in allowed) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exactly a registered address; a native client's loopback address may have any port (RFC 8252)."""
        if self.loopback and LOOPBACK.fullmatch(redirect_uri):
            return True
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret is not None and hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether the client may identify itself like this; only those with a secret may introspect."""
        if self.secret is None:
            return method == "none" and endpoint != "introspection"
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grants

    def keeps_signed_in(self, scope: str) -> bool:
        """Whether it gets refresh tokens: a client with a secret always, a public one if it asks for offline access."""
        return self.check_grant_type("refresh_token") and (self.secret is not None or "offline_access" in words(scope))

    @property
    def client_metadata(self) -> dict[str, list[str]]:
        return {"post_logout_redirect_uris": sorted(self.post_logout_redirect_uris)}


def _beside(issuer: str) -> list[str]:
    """The other services of a developer's own machine, whose ports lie around the provider's."""
    parts = urlsplit(issuer)
    return [f"{parts.scheme}://{parts.hostname}:{parts.port + step}" for step in (-2, -1, 1)] if parts.port else []


def registered(
    *, issuer: str, public_url: str, controller_secret: str, catalog_secret: str, local_docs: bool
) -> dict[str, Client]:
    """The clients by id.

    Args:
        local_docs: whether the docs pages that services serve on a developer's own machine may sign in.
    """
    docs = [public_url, issuer, *(_beside(issuer) if local_docs else ())]
    clients = (
        Client(
            "controller",
            frozenset({"authorization_code", "refresh_token", "client_credentials"}),
            secret=controller_secret,
            redirect_uris=frozenset({f"{public_url}/callback"}),
            post_logout_redirect_uris=frozenset({f"{public_url}/", f"{public_url}/shop/"}),
            service_scopes=frozenset({Scope.CART_GUEST, Scope.CART_CHECKOUT, Scope.CART_WATCH, Scope.STOCK_CHECKOUT}),
        ),
        Client(
            "catalog-editor",
            frozenset({"client_credentials"}),
            secret=catalog_secret,
            service_scopes=frozenset({Scope.CATALOG_WRITE}),
        ),
        Client("cli", frozenset({"authorization_code", "refresh_token"}), loopback=True),
        Client(
            "docs",
            frozenset({"authorization_code"}),
            redirect_uris=frozenset(origin + DOCS_REDIRECT for origin in docs),
        ),
    )
    return {client.client_id: client for client in clients}


def web_origins(clients: dict[str, Client]) -> frozenset[str]:
    """The origins whose pages are public clients themselves, and so call the provider from a browser."""
    public = (uri for client in clients.values() if client.secret is None for uri in client.redirect_uris)
    return frozenset(f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, public))
