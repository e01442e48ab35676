"""What can be read of a running stack, or of a service's database: tables, metrics, logs."""

import re
import subprocess
from collections.abc import AsyncIterator, Mapping

import asyncpg
import httpx

from services.local.settings import REPOSITORY, SERVICES
from tests.leaks import Seen
from tests.stacks import ComposeStack, ForeignStack, RunningStack

MOST_ROWS = 20_000

# Each stands in clear for a reason. Nothing else may.
MUST_BE_KEPT: Mapping[str, Mapping[str, str]] = {
    "idp": {
        "signing_keys.private_jwk": "the provider signs tokens with it; its database is its own",
        "authorization_codes.nonce": "goes back to its client in the ID token, and opens nothing",
        "authorization_codes.code_challenge": "a hash of the verifier",
    },
    "payments": {
        "webhook_endpoints.secret": "payments signs deliveries with it, as Stripe does; its database is its own",
    },
}


ANSWERED_AGAIN = {
    "payments.idempotency_keys": re.compile(r"whsec_[\w-]+"),
}
"""A repeat of an endpoint's creation answers its secret again, as at Stripe, while the key is kept: 24 hours."""


async def tables_of(url: str, service: str) -> AsyncIterator[tuple[str, str]]:
    """Every table of a database as text, but for the columns that must be kept."""
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        for (table,) in names:
            kept = [name.removeprefix(f"{table}.") for name in MUST_BE_KEPT.get(service, {})]
            rows = await connection.fetch(
                f'SELECT (to_jsonb(t) - $1::text[])::text FROM "{table}" t LIMIT {MOST_ROWS}', kept
            )
            name = f"{service}.{table}"
            text = "\n".join(row[0] for row in rows)
            yield f"table {name}", ANSWERED_AGAIN[name].sub("", text) if name in ANSWERED_AGAIN else text
    finally:
        await connection.close()


async def look_into(stack: RunningStack, seen: Seen) -> None:
    """Search what a stack would show to somebody who can read it; not one that somebody else started."""
    if isinstance(stack, ForeignStack) and not isinstance(stack, ComposeStack):
        return
    for name, secret in stack.secrets.items():
        if name != "PAYMENTS_PUBLISHABLE_KEY":
            seen.note(name, secret)
    async with httpx.AsyncClient() as client:
        for service in SERVICES:
            async for table, text in tables_of(stack.database_url(service), service):
                seen.look(table, text)
            metrics = await client.get(f"{stack.addresses.inside(service)}/metrics")
            seen.look(f"metrics of {service}", metrics.raise_for_status().text)
    if isinstance(stack, ComposeStack):
        seen.look("docker compose logs", compose_logs())


def compose_logs() -> str:
    """What all containers have written."""
    told = subprocess.run(
        ["docker", "compose", "logs", "--no-color"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return told.stdout + told.stderr
