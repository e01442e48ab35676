"""One JSON line per event, or a readable one in a terminal; never a body, a cookie, a token or a query value."""

import logging
import sys
from contextvars import ContextVar

import structlog

request_id: ContextVar[str] = ContextVar("request_id", default="")
traceparent: ContextVar[str] = ContextVar("traceparent", default="")
owner: ContextVar[str] = ContextVar("owner", default="")
"""Whom the request speaks for, once that is known for sure: an owner id, or the account's id at the provider."""


def _add_whose_request(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    for name, known in (("request_id", request_id.get()), ("owner", owner.get())):
        if known:
            event.setdefault(name, known)
    return event


def _in_one_line(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """A terminal obeys what JSON escapes: a line feed would begin an event of somebody else's making."""
    for name, value in event.items():
        if name != "exception" and isinstance(value, str) and not value.isprintable():
            event[name] = value.encode("unicode_escape").decode("ascii")
    return event


def configure_logging(service: str, *, log_format: str, level: str) -> None:
    """Send everything, the libraries' records too, to standard output in one format."""

    def add_service(_: object, __: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        event.setdefault("service", service)
        return event

    wanted = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.types.Processor] = [
        add_service,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_whose_request,
    ]
    if log_format == "human":
        last: list[structlog.types.Processor] = [
            _in_one_line,
            structlog.dev.ConsoleRenderer(
                colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    else:
        # Local variables of a traceback would carry tokens, cookies and cards into the log.
        tracebacks = structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
        last = [tracebacks, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(wanted),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # What libraries say when they debug are codes, tokens and rows: LOG_LEVEL=debug is for our own words alone.
    root.setLevel(max(wanted, logging.INFO))
    logging.getLogger("services").setLevel(wanted)
    for noisy in ("uvicorn.access", "httpx", "httpcore", "aiohttp.access", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
