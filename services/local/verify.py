"""`make verify`: check the books of the stack of `make run`, which may run or be stopped.

Reads PORT_OFFSET and DATABASE_SERVER_URL as `make run` does, and the verifier's password from .env.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from services.verify.check import Databases
from services.verify.tell import COULD_NOT, main

from .ports import is_free
from .postgres import EmbeddedPostgres, Server
from .processes import StartError
from .run import plan_from
from .settings import SERVICES, Addresses, Secrets, read_env
from .stack import Plan

ROLE = "verifier"


def databases_of(server: Server, secrets: Mapping[str, str]) -> Databases:
    """The databases of a stack as the verifier reaches them."""

    def url(database: str) -> str:
        return server.url(database=database, user=ROLE, password=secrets["VERIFIER_PASSWORD"])

    return Databases(url("catalog"), url("cartdb"), url("payments"), url("controller"))


def reachable(plan: Plan) -> AbstractContextManager[Server]:
    """The stack's PostgreSQL: as it runs, else started for as long as it is needed.

    Raises:
        StartError: there is none.
    """
    if plan.server_url:
        return nullcontext(Server(plan.server_url))
    postgres = EmbeddedPostgres(
        plan.folder / "postgres", port=Addresses(plan.port_offset).postgres_port, databases=sorted(SERVICES)
    )
    if not (postgres.folder / "data").exists():
        raise StartError("There is nothing to check yet: start the shop with make run.")
    if is_free(postgres.port):
        return _Started(postgres)
    return nullcontext(postgres.server)


class _Started(AbstractContextManager[Server]):
    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres

    def __enter__(self) -> Server:
        return self._postgres.start()

    def __exit__(self, *_: object) -> None:
        self._postgres.stop()


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
            return main(databases_of(server, secrets), arguments)
    except StartError as reason:
        print(reason, file=sys.stderr)
        return COULD_NOT


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
