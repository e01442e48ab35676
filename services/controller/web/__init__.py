"""The storefront under /shop/: pages made on the server, whole without a script."""

from .layout import page_headers, render_problem_page, static_app
from .pages import router

__all__ = ["page_headers", "render_problem_page", "router", "static_app"]
