"""`python -m services.chassis.serve NAME PORT`: run one service's app with the server settings that all share."""

import os
import sys

import uvicorn


def serve(service: str, port: int) -> None:
    """Run until told to stop. One process per port; more capacity is more replicas."""
    uvicorn.run(
        f"services.{service}.app:create_app",
        factory=True,
        host=os.environ.get("HOST", "127.0.0.1"),
        port=port,
        loop="auto",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        # Longer than a client keeps an idle connection (chassis/outbound.py).
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        proxy_headers=False,
        limit_max_requests=None,
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m services.chassis.serve NAME PORT")
    serve(sys.argv[1], int(sys.argv[2]))
