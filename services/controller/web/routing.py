"""What all routes of the storefront share: they live on one host name, and a change leads to a page again."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..settings import Settings

SEE_OTHER = 303
TEMPORARY = 307
CART = "/shop/cart"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class OnPublicHost(APIRoute):
    """A page asked for under another host name leads to the public one: cookies heed the name, though not the port."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def lead_home(request: Request) -> Response:
            public = urlsplit(cast(Settings, request.state.settings).public_url)
            if request.method != "GET" or request.url.hostname == public.hostname:
                return await handler(request)
            home = request.url.replace(scheme=public.scheme, netloc=public.netloc)
            return RedirectResponse(str(home), TEMPORARY)

        return lead_home


def see(path: str, *, anchor: str = "", query: Mapping[str, str] | None = None) -> RedirectResponse:
    """Lead to a page after a change, so that reloading it changes nothing."""
    told = f"?{urlencode(query)}" if query else ""
    return RedirectResponse(f"{path}{told}{f'#{quote(anchor)}' if anchor else ''}", SEE_OTHER)


def see_again(page: str, *, anchor: str, added: str) -> RedirectResponse:
    """Lead back to the page of the shop that a form stood on; to the cart, if it names none."""
    parts = urlsplit(page)
    if parts.scheme or parts.netloc or not parts.path.startswith("/shop/") or not page.isprintable():
        return see(CART)
    return see(parts.path, anchor=anchor, query={**dict(parse_qsl(parts.query)), "added": added})
