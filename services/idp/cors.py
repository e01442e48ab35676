"""Which answers a page of another origin may read: metadata and tokens, never a page that asks for a password."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class CrossOrigin:
    """CORS on some paths only, for the origins of public web clients."""

    def __init__(self, app: ASGIApp, *, paths: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._origins = frozenset(origins)
        self._cors = CORSMiddleware(
            app,
            allow_origins=sorted(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Requested-With"],
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = scope["type"] == "http" and scope["path"] in self._paths and not self._is_strangers_preflight(scope)
        await (self._cors if shared else self._app)(scope, receive, send)

    def _is_strangers_preflight(self, scope: Scope) -> bool:
        # Starlette would refuse it, and yet name the methods and headers that are allowed.
        return scope["method"] == "OPTIONS" and Headers(scope=scope).get("origin") not in self._origins
