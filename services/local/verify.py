"""`make verify`: check the books of the stack of `make run`, which may run or be stopped.

Reads PORT_OFFSET and DATABASE_SERVER_URL as `make run` does, and the verifier's password from .env.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from services.verify.check import Databases
from services.verify.tell import COULD_NOT, main

from .postgres import EmbeddedPostgres, Server
from .processes import StartError
from .run import plan_from
from .settings import REPOSITORY, SERVICES, Addresses, Secrets, read_env
from .stack import AlreadyRunsError, Plan, drop_lock, take_lock

ROLE = "verifier"


def databases_of(server: Server, secrets: Mapping[str, str]) -> Databases:
    """The databases of a stack as the verifier reaches them."""

    def url(database: str) -> str:
        return server.url(database=database, user=ROLE, password=secrets["VERIFIER_PASSWORD"])

    return Databases(url("catalog"), url("cartdb"), url("payments"), url("controller"))


@contextmanager
def reachable(plan: Plan) -> Iterator[Server]:
    """The stack's PostgreSQL: as it runs, else started for as long as it is needed.

    Raises:
        StartError: there is none, or it does not start.
    """
    if plan.server_url:
        yield Server(plan.server_url)
        return
    port = Addresses(plan.port_offset).postgres_port
    postgres = EmbeddedPostgres(plan.folder / "postgres", port=port, databases=sorted(SERVICES), durable=plan.durable)
    if not (postgres.folder / "data").exists():
        raise StartError(_nothing_at(plan))
    try:
        lock = take_lock(plan.folder)
    except AlreadyRunsError:
        yield postgres.server
        return
    try:
        with postgres:
            yield postgres.server
    finally:
        drop_lock(lock)


def _nothing_at(plan: Plan) -> str:
    folder = plan.folder.relative_to(REPOSITORY) if plan.folder.is_relative_to(REPOSITORY) else plan.folder
    return (
        f"There is nothing to check yet at PORT_OFFSET={plan.port_offset}: no database in {folder}/. "
        "Start the shop with make run; one that was started with another offset is checked with "
        "make verify PORT_OFFSET=n."
    )


def _secrets_of(plan: Plan) -> Secrets:
    secrets = read_env(plan.env_file) if plan.env_file.exists() else {}
    if "VERIFIER_PASSWORD" not in secrets:
        raise StartError("The verifier has no password yet: start the shop once with make run.")
    return secrets


def run(arguments: Sequence[str]) -> int:
    """The exit code of the check."""
    try:
        plan = plan_from(os.environ)
        secrets = _secrets_of(plan)
        with reachable(plan) as server:
            currency = secrets.get("SHOP_CURRENCY") or os.environ.get("SHOP_CURRENCY") or "INR"
            return main(databases_of(server, secrets), arguments, currency=currency)
    except StartError as reason:
        print(reason, file=sys.stderr)
        return COULD_NOT


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
