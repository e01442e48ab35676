"""`python -m tests.upgrade.keep N`: write schema-N.sql, the five databases of today with a few rows in each.

It starts a stack of its own, lets demo.py fill it, and dumps each database as plain INSERTs that every supported
PostgreSQL reads. Signing keys, webhook secrets and what sessions seal are left out: a file that everybody may read
holds no secret.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from services.local.postgres import Server, binaries
from services.local.settings import REPOSITORY, SERVICES
from services.local.stack import Plan, Stack
from tests.stacks import free_offset

HERE = Path(__file__).resolve().parent
HEADING = "-- database: "
WITHOUT_ROWS = ("signing_keys", "authorization_codes", "refresh_tokens", "idempotency_keys")
SECRETS_AWAY = {
    "controller": "UPDATE sessions SET tokens = NULL",
    "payments": "UPDATE webhook_endpoints SET secret = 'taken out'",
}
# Settings of newer servers, and what only psql understands.
NOT_FOR_ALL = ("SET transaction_timeout", "\\restrict", "\\unrestrict")


def dump(stack: Stack, service: str) -> str:
    """One database as text."""
    command = [
        str(binaries() / "pg_dump"),
        "--inserts",
        "--no-owner",
        "--no-privileges",
        "--exclude-schema=verify",
        *(f"--exclude-table-data={table}" for table in WITHOUT_ROWS),
        stack.server.superuser_url.rsplit("/", 1)[0] + f"/{service}",
    ]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line for line in text.splitlines() if line and not line.startswith(("--", *NOT_FOR_ALL))]
    return "\n".join(lines)


def fill(stack: Stack) -> None:
    """A few shoppers, who leave carts, orders and refusals behind."""
    environment = {**os.environ, "PAYMENTS_SECRET_KEY": stack.secrets["PAYMENTS_SECRET_KEY"]}
    command = [sys.executable, str(REPOSITORY / "demo.py"), "--url", stack.url, "--seed", "1", "--shoppers", "3"]
    subprocess.run(command, env=environment, check=True)


def main() -> None:
    """Write the file."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit("usage: python -m tests.upgrade.keep N")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = Plan(folder, folder / ".env", port_offset=free_offset(), environment="test", durable=False)
        with Stack(plan) as stack:
            fill(stack)
            for database, statement in SECRETS_AWAY.items():
                server = Server(f"{stack.server.superuser_url.rsplit('/', 1)[0]}/{database}")
                server.psql("--command", statement)
            parts = [f"{HEADING}{service}\n{dump(stack, service)}\n" for service in SERVICES]
    (HERE / f"schema-{sys.argv[1]}.sql").write_text("\n".join(parts))


if __name__ == "__main__":
    main()
