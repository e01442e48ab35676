"""`python -m services.chassis.serve NAME PORT`: run one service's app with the server settings that all share."""

import os
import sys

import uvicorn
from prometheus_client import start_http_server
from pydantic import ValidationError

from services.chassis.connection import LimitedProtocol
from services.chassis.faults import CUT
from services.chassis.open_files import allow_many_connections

OFF = frozenset({"", "0", "f", "false", "n", "no", "off"})


class CuttableProtocol(LimitedProtocol):
    """HTTP as always, and a way for the application to close the connection without an answer."""

    def on_message_begin(self) -> None:
        """Begin a request, and say how it could be cut."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT: {"now": self.transport.abort}}


def serve(service: str, port: int) -> None:
    """Run until told to stop. One process per port; more capacity is more replicas."""
    allow_many_connections()
    host = os.environ.get("HOST", "127.0.0.1")
    if metrics_port := os.environ.get("METRICS_PORT"):
        if not metrics_port.isdecimal():
            sys.exit(f"{service} cannot start: METRICS_PORT is no port")
        start_http_server(int(metrics_port), host)
    uvicorn.run(
        f"services.{service}.app:create_app",
        factory=True,
        host=host,
        port=port,
        loop="auto",
        ws="none",
        http=LimitedProtocol if os.environ.get("FAULT_SCRIPTS", "").lower() in OFF else CuttableProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        # Longer than a client keeps an idle connection (chassis/outbound.py).
        timeout_keep_alive=int(LimitedProtocol.limits.idle_seconds),
        limit_concurrency=LimitedProtocol.limits.connections,
        timeout_graceful_shutdown=5,
        proxy_headers=False,
        limit_max_requests=None,
    )


def in_one_line(wrong: ValidationError) -> str:
    """What is wrong with the settings, without their values: those may be secrets."""
    told = (
        (".".join(str(part) for part in error["loc"]).upper(), error["msg"].removeprefix("Value error, "))
        for error in wrong.errors(include_input=False, include_url=False)
    )
    return "; ".join(f"{name}: {message}" if name else message for name, message in told)


def main(service: str, port: int) -> None:
    """Serve, or end with the reason why the settings do not allow it."""
    try:
        serve(service, port)
    except ValidationError as wrong:
        sys.exit(f"{service} cannot start: {in_one_line(wrong)}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m services.chassis.serve NAME PORT")
    main(sys.argv[1], int(sys.argv[2]))
