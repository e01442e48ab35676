"""What every answer tells a browser: trust nothing, keep nothing. An answer that needs more says so itself."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOTHING = ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'")


def content_policy(*allowed: str, form_action: str = "'none'") -> str:
    """A Content-Security-Policy that allows what is named, and nothing else.

    Args:
        form_action: where forms lead; browsers apply it to the redirects that follow, too.
    """
    return "; ".join((*_NOTHING, f"form-action {form_action}", *allowed))


DEFAULTS = {
    "content-security-policy": content_policy(),
    "x-content-type-options": "nosniff",
    # Not no-referrer: under it a browser sends `Origin: null` with the forms of our own pages.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
HTTPS_ONLY = {"strict-transport-security": "max-age=31536000; includeSubDomains"}


class DefaultHeaders:
    """Adds to each answer the headers that it does not have, be it a crash's or a preflight's.

    Args:
        https: whether browsers come by https, whatever the last step on their way is.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https
        self._plain = _raw(DEFAULTS)
        self._secure = _raw({**DEFAULTS, **HTTPS_ONLY})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        defaults = self._secure if self._https or scope.get("scheme") == "https" else self._plain

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                named = {name for name, _ in given}
                message["headers"] = given + [header for header in defaults if header[0] not in named]
            await send(message)

        await self._app(scope, receive, with_headers)


def _raw(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
