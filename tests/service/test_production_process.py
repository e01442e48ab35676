"""A service as a process in production: what its public port shows, and what a port of its own does."""

import os
import subprocess
import sys
import time

import httpx
import pytest

from services.local.ports import free_port
from services.local.settings import REPOSITORY
from tests.production import SETTINGS

pytestmark = pytest.mark.doors


def test_metrics_have_a_port_of_their_own() -> None:
    port, metrics_port = free_port(), free_port()
    told = {name.upper(): str(value) for name, value in SETTINGS["catalog"].items()} | {
        "METRICS_PORT": str(metrics_port)
    }
    command = (sys.executable, "-m", "services.chassis.serve", "catalog", str(port))

    with subprocess.Popen(command, env={**os.environ, **told}, cwd=REPOSITORY, stdout=subprocess.DEVNULL) as process:
        try:
            statuses = {
                path: _status(f"http://127.0.0.1:{port}{path}") for path in ("/health/live", "/metrics", "/docs")
            }
            metrics = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics")
        finally:
            process.kill()

    assert statuses == {"/health/live": 200, "/metrics": 404, "/docs": 404}
    assert 'http_requests_total{method="GET",route="/health/live",status="200"} 1.0' in metrics.text


def _status(url: str) -> int:
    deadline = time.monotonic() + 30
    while True:
        try:
            return httpx.get(url).status_code
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
