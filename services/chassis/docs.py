"""The OpenAPI page of a service, from a package on this machine: it asks nothing of the internet."""

import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.chassis.headers import content_policy
from services.contracts.problems import PROBLEM_MEDIA_TYPE

# The public client, registered at the built-in provider, as which every docs page signs in.
CLIENT_ID = "docs"
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/ProblemReply"}
ASSETS = Path(str(files("fastapi_swagger"))) / "resources"
KEPT = {"Cache-Control": "public, max-age=300"}


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="stylesheet" href="/docs/page.css">
<link rel="icon" href="/docs/assets/favicon-32x32.png">
</head>
<body>
{links}
<main id="swagger-ui"></main>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/init.js" data-document="{document}" data-client="{client}" data-elsewhere="{elsewhere}"></script>
</body>
</html>
"""

_INIT = """"use strict";
const { document: url, client, elsewhere } = document.currentScript.dataset;
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url,
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: false,
    ...(elsewhere === "true" && { supportedSubmitMethods: [] }),
    oauth2RedirectUrl: new URL("/docs/oauth2-redirect", location.href).href,
    presets: [SwaggerUIBundle.presets.apis],
  });
  if (client) {
    window.ui.initOAuth({ clientId: client, usePkceWithAuthorizationCodeGrant: true, scopes: "openid profile" });
  }
});
"""

_STYLE = """body { margin: 0; font-family: system-ui, sans-serif; }
nav { background: #1f3d36; }
nav ul { display: flex; flex-wrap: wrap; gap: 1.25rem; list-style: none; margin: 0 auto; padding: 0.75rem 20px; }
nav ul { max-width: 1420px; }
nav a { color: #fff; }
"""

# Our own: hands the answer of the sign-in window to the page that opened it.
_REDIRECT_PAGE = (
    '<!doctype html><html lang="en"><title>Signing in</title><script src="/docs/oauth2-redirect.js"></script>'
)
_REDIRECT = """"use strict";
const flow = window.opener.swaggerUIRedirectOauth2;
const answer = Object.fromEntries(new URLSearchParams(location.search));
const refuse = (message) => flow.errCb({ authId: flow.auth.name, source: "auth", level: "error", message });
if (answer.state !== flow.state) {
  refuse("The answer belongs to another request.");
} else if (answer.code) {
  flow.auth.code = answer.code;
  flow.callback({ auth: flow.auth, redirectUrl: flow.redirectUrl });
} else {
  refuse(answer.error || "No code came back.");
}
window.close();
"""


def docs_page(
    *, title: str, document: str, issuer: str | None, links: tuple[str, ...] = (), elsewhere: bool = False
) -> HTMLResponse:
    """The page that shows one OpenAPI document, and signs in at the issuer.

    Args:
        elsewhere: the document is of a service at another address, so its operations cannot be tried from here.
    """
    client = CLIENT_ID if issuer else ""
    page = _PAGE.format(
        title=escape(title),
        document=escape(document),
        client=client,
        links=_navigation(links),
        elsewhere=str(elsewhere).lower(),
    )
    at = urlsplit(issuer or "")
    connect = f"{at.scheme}://{at.netloc}" if issuer else ""
    return HTMLResponse(
        page,
        headers={
            "Content-Security-Policy": content_policy(
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' data:",
                f"connect-src 'self' {connect}".strip(),
            ),
            # The sign-in window that this page opens must find its way back to it.
            "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
        },
    )


class Assets(StaticFiles):
    """Swagger UI's files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(KEPT)
        return response


def _navigation(links: tuple[str, ...]) -> str:
    places = "".join(f'<li><a href="/docs/{escape(name)}">{escape(name)}</a></li>' for name in links)
    return f'<nav aria-label="API documents"><ul>{places}</ul></nav>' if links else ""


def docs_routes(app: FastAPI, *, issuer: str | None, links: tuple[str, ...]) -> None:
    """Serve the page, its script and its assets under /docs."""

    async def page(_: Request) -> Response:
        return docs_page(title=app.title, document="/openapi.json", issuer=issuer, links=links)

    async def style(_: Request) -> Response:
        return Response(_STYLE, media_type="text/css", headers=KEPT)

    async def init(_: Request) -> Response:
        return Response(_INIT, media_type="text/javascript", headers=KEPT)

    async def redirect(_: Request) -> Response:
        return HTMLResponse(
            _REDIRECT_PAGE,
            headers={
                "Content-Security-Policy": content_policy("script-src 'self'"),
                # The window that opened this one must stay reachable.
                "Cross-Origin-Opener-Policy": "unsafe-none",
            },
        )

    async def redirect_script(_: Request) -> Response:
        return Response(_REDIRECT, media_type="text/javascript", headers=KEPT)

    app.add_route("/docs", page, include_in_schema=False)
    app.add_route("/docs/page.css", style, include_in_schema=False)
    app.add_route("/docs/init.js", init, include_in_schema=False)
    app.add_route("/docs/oauth2-redirect", redirect, include_in_schema=False)
    app.add_route("/docs/oauth2-redirect.js", redirect_script, include_in_schema=False)
    app.mount("/docs/assets", Assets(directory=ASSETS), name="docs-assets")


def document_of(app: FastAPI, *, bodies: Mapping[int | str, Any] | None = None) -> dict[str, Any]:
    """The OpenAPI document: FastAPI's, with problems under the media type that they are answered with.

    Args:
        bodies: the responses (`refusals`) of every operation that reads JSON, which FastAPI does not know of.
    """
    document = FastAPI.openapi(app)
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        responses = operation["responses"]
        if bodies and "application/json" in operation.get("requestBody", {}).get("content", {}):
            for status, refusal in bodies.items():
                _add_problems(responses, str(status), refusal)
        for response in responses.values():
            _under_their_media_type(response.get("content", {}))
    return document


def _add_problems(responses: dict[str, Any], status: str, refusal: Mapping[str, Any]) -> None:
    told = responses.setdefault(status, {"description": refusal["description"], "content": {}})
    if PROBLEM_MEDIA_TYPE in told["content"] or not told["content"]:
        problems = told["content"].setdefault(PROBLEM_MEDIA_TYPE, {"schema": PROBLEM_SCHEMA, "examples": {}})
        problems["examples"] |= refusal["content"][PROBLEM_MEDIA_TYPE]["examples"]


def _under_their_media_type(content: dict[str, Any]) -> None:
    for others in {"application/json", "text/event-stream"} & set(content):
        if PROBLEM_MEDIA_TYPE in content:
            content[PROBLEM_MEDIA_TYPE].update(content.pop(others))


def openapi_text(app: FastAPI) -> str:
    """The OpenAPI document as it is kept under review in docs/openapi."""
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
