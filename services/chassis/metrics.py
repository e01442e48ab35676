"""Requests, errors and durations by route, in Prometheus' words. Every process serves its own at /metrics."""

from prometheus_client import REGISTRY, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has not typed it

HTTP_REQUESTS = Counter(
    "http_requests_total", "Requests answered, by route template and status.", ("method", "route", "status")
)
HTTP_DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from the request's first byte to the answer's last; of an event stream, to its first.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10),
)
OUTBOUND_CALLS = Counter(
    "outbound_calls_total", "Calls to neighbours, by how they ended.", ("neighbour", "call", "outcome")
)
OUTBOUND_DURATION = Histogram(
    "outbound_call_duration_seconds",
    "Time of calls to neighbours, retries included.",
    ("neighbour", "call"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10),
)


async def metrics_endpoint(_: Request) -> Response:
    """Everything this process counts, in the Prometheus text format."""
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
