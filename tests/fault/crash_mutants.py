"""Controllers without one of their safeguards: each of them has to break something when somebody dies."""

from uuid import UUID, uuid4

from services.contracts.payments import PaymentIntent
from services.contracts.problems import Refused, Undecided
from services.controller.processor import Payments
from services.controller.reconcile import Reconcile
from tests.fault.crash_controller import Parts
from tests.fault.mutants import (
    ConfirmsBeforeHold,
    ReconcilesWithoutCancel,
    RefusesWithoutTombstone,
    SettlesBeforeCommit,
    UndoesWithoutCancel,
    UnmarksBeforeRelease,
    UnmarksOnTimeout,
)


class NeverReconciles(Reconcile):
    async def round(self, *, older_than: float) -> int | None:
        return 0


class FreshKeyPerTry(Payments):
    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided:
        form = {"amount": str(amount), "currency": currency.lower(), "metadata[checkout_id]": str(checkout_id)}
        return await self._post("create", "/v1/payment_intents", form, key=uuid4().hex)


MUTANTS: dict[str, Parts] = {
    "nobody reconciles": Parts(reconcile=NeverReconciles),
    "unmark on a time-out": Parts(checkout=UnmarksOnTimeout),
    "undo without cancel": Parts(checkout=UndoesWithoutCancel),
    "reconcile without cancel": Parts(reconcile=ReconcilesWithoutCancel),
    "confirm before hold": Parts(checkout=ConfirmsBeforeHold),
    "settle before commit": Parts(checkout=SettlesBeforeCommit),
    "unmark before release": Parts(checkout=UnmarksBeforeRelease),
    "a fresh intent key per try": Parts(payments=FreshKeyPerTry),
    "refusals of a quote without a tombstone": Parts(orders=RefusesWithoutTombstone),
}
