"""A controller without one of its safeguards, as a process: `python -m tests.fault.mutant_controller NAME PORT`.

The campaign's live stages must turn red on a stack of such controllers, or they would prove nothing.
"""

import sys
import uuid
from collections.abc import Callable

from services.chassis.serve import serve
from services.controller import app, orders
from services.local.stack import Stack
from tests.fault.mutants import UnmarksOnTimeout


def _unmark_on_time_out() -> None:
    app.Checkout = UnmarksOnTimeout  # type: ignore[misc]


def _fresh_id_per_try() -> None:
    orders.checkout_id_of = lambda owner_id, key: uuid.uuid4()


MUTANTS: dict[str, Callable[[], None]] = {
    "unmark-on-time-out": _unmark_on_time_out,
    "fresh-id-per-try": _fresh_id_per_try,
}


def stack_of(name: str) -> type[Stack]:
    """A stack whose controllers all lack that safeguard."""
    if name not in MUTANTS:
        raise KeyError(name)

    class StackOfMutants(Stack):
        def _commands(self, service: str) -> dict[str, tuple[str, ...]]:
            commands = super()._commands(service)
            return {called: self._mutated(command) for called, command in commands.items()}

        @staticmethod
        def _mutated(command: tuple[str, ...]) -> tuple[str, ...]:
            if command[:2] != ("services.chassis.serve", "controller"):
                return command
            return ("tests.fault.mutant_controller", name, command[2])

    return StackOfMutants


if __name__ == "__main__":
    MUTANTS[sys.argv[1]]()
    serve("controller", int(sys.argv[2]))
