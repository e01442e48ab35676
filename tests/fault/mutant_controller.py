"""A controller without one of its safeguards, as a process: `python -m tests.fault.mutant_controller NAME PORT`.

The campaign's live stages must turn red on a stack of such controllers, or they would prove nothing.
"""

import sys
import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

from services.chassis.serve import serve
from services.contracts.carts import Cart
from services.controller import app, clients, orders
from services.controller.authority import Authority
from services.local.stack import Stack
from tests.fault.mutants import FailsARefundOnTimeout, UnmarksOnTimeout


def _replace(module: ModuleType, name: str, value: object) -> None:
    assert hasattr(module, name)
    setattr(module, name, value)


def _unmark_on_time_out() -> None:
    _replace(app, "Checkout", UnmarksOnTimeout)


def _fresh_id_per_try() -> None:
    def fresh(owner_id: str, key: str) -> uuid.UUID:
        return uuid.uuid4()

    _replace(orders, "checkout_id_of", fresh)


def _fail_a_refund_on_time_out() -> None:
    _replace(app, "Refunds", FailsARefundOnTimeout)


class ForgetsKeys(clients.Carts):
    """Sends every edit under a key of its own making, so that a shopper's repeat is another edit."""

    async def update(self, who: Authority, method: str, path: str, **asked: Any) -> Cart:
        """As the real one."""
        return await super().update(who, method, path, **{**asked, "key": str(uuid.uuid4())})


def _fresh_key_per_edit() -> None:
    _replace(app, "Carts", ForgetsKeys)


MUTANTS: dict[str, Callable[[], None]] = {
    "unmark-on-time-out": _unmark_on_time_out,
    "fresh-id-per-try": _fresh_id_per_try,
    "fresh-key-per-edit": _fresh_key_per_edit,
    "fail-a-refund-on-time-out": _fail_a_refund_on_time_out,
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
