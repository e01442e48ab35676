"""What wraps every answer: Stripe's error shape, its headers, and the browser's permission for one address."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.chassis.app import render_json
from services.contracts.problems import Problem

from .idempotency import Answer
from .refusals import in_stripes_words
from .wire import API_VERSION

OPEN_TO_BROWSERS = "/v1/payment_methods"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = {"Access-Control-Expose-Headers": "Request-Id, Idempotent-Replayed"}


def render(request: Request, problem: Problem) -> Response:
    """A problem as Stripe tells it; the health of the service as everywhere."""
    if request.url.path.startswith("/health"):
        return render_json(request, problem)
    refusal = in_stripes_words(problem)
    retry = {"Stripe-Should-Retry": "true" if refusal.should_retry else "false"}
    body = Answer.refusing(refusal).body
    return Response(body, refusal.status, {**retry, **refusal.headers}, media_type="application/json")


def sent(answer: Answer) -> Response:
    """A stored answer. Asking again under its key would only bring it again."""
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    if answer.status >= 400:
        headers["Stripe-Should-Retry"] = "false"
    return Response(answer.body, answer.status, headers, media_type="application/json")


def preflight() -> Response:
    """What a browser asks before it hands over a card. Which origin may, and what, is said by the envelope."""
    return Response(status_code=204)


class Envelope:
    """Puts Stripe's headers around whatever the service answers, refusals of its outermost edge included."""

    def __init__(self, app: ASGIApp, *, shop_origin: str) -> None:
        self._app = app
        self._shop_origin = shop_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._address(scope, MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, wrapped)

    def _address(self, scope: Scope, headers: MutableHeaders) -> None:
        asked = Headers(scope=scope)
        headers["Request-Id"] = f"req_{headers.get('x-request-id', '')}"
        headers["Stripe-Version"] = asked.get("stripe-version", API_VERSION)
        headers["Cache-Control"] = "no-store"
        if key := asked.get("idempotency-key"):
            headers["Idempotency-Key"] = key
        if scope["path"] == OPEN_TO_BROWSERS and scope["method"] in ("POST", "OPTIONS"):
            headers.add_vary_header("Origin")
            if asked.get("origin") == self._shop_origin:
                headers["Access-Control-Allow-Origin"] = self._shop_origin
                headers.update(_PREFLIGHT if scope["method"] == "OPTIONS" else _EXPOSED)
