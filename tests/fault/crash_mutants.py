"""Controllers without one of their safeguards: each of them has to break something when somebody dies."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from services.contracts.payments import PaymentIntent, StripeRefund
from services.contracts.problems import Refused, Undecided
from services.controller.processor import Payments
from services.controller.reconcile import Reconcile
from tests.fault.crash_controller import Parts
from tests.fault.crash_ways import CalledOffTooLate, ChangedTotal, Declined, OutOfStock, Refunded, Way
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


class FreshRefundKeyPerTry(Payments):
    """With the look at what was given back already left out as well: either of the two is enough."""

    async def refunds_of(self, intent_id: str) -> list[StripeRefund] | Refused | Undecided:
        return []

    async def refund(
        self, intent_id: str, *, amount: int, reason: str | None, refund_id: UUID, checkout_id: UUID, attempt: int
    ) -> StripeRefund | Refused | Undecided:
        return await super().refund(
            intent_id, amount=amount, reason=reason, refund_id=uuid4(), checkout_id=checkout_id, attempt=attempt
        )


@dataclass(frozen=True)
class CrashMutant:
    """What is missing, and the ways on which it has to show."""

    parts: Parts
    ways: tuple[Way, ...]


# The one that leaves work behind for ever is the last: they share their databases.
MUTANTS: dict[str, CrashMutant] = {
    "unmark on a time-out": CrashMutant(Parts(checkout=UnmarksOnTimeout), (Way(),)),
    "undo without cancel": CrashMutant(Parts(checkout=UndoesWithoutCancel), (CalledOffTooLate(),)),
    "reconcile without cancel": CrashMutant(Parts(reconcile=ReconcilesWithoutCancel), (Way(),)),
    "confirm before hold": CrashMutant(Parts(checkout=ConfirmsBeforeHold), (OutOfStock(),)),
    "settle before commit": CrashMutant(Parts(checkout=SettlesBeforeCommit), (Way(),)),
    "unmark before release": CrashMutant(Parts(checkout=UnmarksBeforeRelease), (Declined(),)),
    "a fresh intent key per try": CrashMutant(Parts(payments=FreshKeyPerTry), (Way(),)),
    "refusals of a quote without a tombstone": CrashMutant(Parts(orders=RefusesWithoutTombstone), (ChangedTotal(),)),
    "a fresh refund key per try, and no look": CrashMutant(Parts(payments=FreshRefundKeyPerTry), (Refunded(),)),
    "nobody reconciles": CrashMutant(Parts(reconcile=NeverReconciles), (Way(),)),
}
