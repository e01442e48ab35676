"""Papers of docs/ as pages of the shop's own address, so that a refusal's `type` leads somewhere."""

import itertools
from html import escape

from markdown_it import MarkdownIt
from starlette.responses import HTMLResponse

from services.chassis.headers import content_policy

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · python-cart</title>
<link rel="stylesheet" href="/docs/paper.css">
</head>
<body><main>
<p><a href="/">To the shop</a></p>
{text}</main></body>
</html>
"""

STYLE = """:root { color-scheme: light dark; }
body { margin: 0; font: 1rem/1.55 system-ui, sans-serif; }
code { overflow-wrap: anywhere; }
main { max-width: 46rem; margin: 1.5rem auto 4rem; padding: 0 20px; }
h1, h2 { overflow-wrap: anywhere; }
h2 { border-top: 1px solid #8885; margin-top: 2rem; padding-top: 1.25rem; }
h2:target { background: #fff3b0; color: #1c2420; }
code, pre { background: #8882; border-radius: 4px; }
code { padding: 0.1em 0.3em; }
pre { padding: 0.75rem 1rem; overflow-x: auto; }
pre code { background: none; padding: 0; }
a { color: inherit; }
"""


def paper(title: str, markdown: str) -> HTMLResponse:
    """A Markdown paper as a page; each heading is an anchor of its own words."""
    parser = MarkdownIt("commonmark", {"html": False})
    tokens = parser.parse(markdown)
    for opening, words in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", words.content)
    text = parser.renderer.render(tokens, parser.options, {})
    return HTMLResponse(
        _PAGE.format(title=escape(title), text=text),
        headers={"Content-Security-Policy": content_policy("style-src 'self'")},
    )
