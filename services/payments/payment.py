"""A payment intent's life: which step may follow which, and what each leaves behind.

requires_payment_method ──▶ requires_confirmation ──▶ succeeded
      ▲      │                    │    ▲                 (one charge, final)
      │      └────── confirm ─────┼──▶ processing           ▲
      └───── declined ────────────┤    (decided later)   capture
                                  ├──▶ requires_action      │
                                  └──▶ requires_capture ────┘
                                       (manual: money is held, not taken)
every state but succeeded and processing ── cancel ──▶ canceled         (nothing taken, final)
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from services.contracts.payments import IntentStatus

from .processor import Approved, AuthenticationRequired, CardOnFile, Declined, Pending, Verdict
from .refusals import InvalidRequest, RefundRefused, UnexpectedState

# Eight digits, as Stripe takes for most currencies.
HIGHEST_AMOUNT = 99_999_999

_CODES = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bhd bif bmd bnd bob
    brl bsd btn bwp bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd
    egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils
    inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lkr lrd lsl mad
    mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd
    omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd
    shp sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs
    vnd vuv wst xaf xcd xof xpf yer zar zmw
"""
CURRENCIES = frozenset(_CODES.split())

CONFIRMABLE = frozenset(
    {IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.REQUIRES_CONFIRMATION, IntentStatus.REQUIRES_ACTION}
)
CANCELABLE = CONFIRMABLE | {IntentStatus.REQUIRES_CAPTURE}


class CaptureMethod(StrEnum):
    """When an approved card's money is taken: at once, or when the caller says so."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """A token, and what is kept of the card behind it."""

    id: str
    card: CardOnFile
    billing_details: dict[str, object] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One try to take the money, whether it worked or not. `uncaptured` of it is only held, or was released."""

    id: str
    payment_intent: str
    payment_method: str
    amount: int
    currency: str
    succeeded: bool
    failure_code: str | None = None
    failure_message: str | None = None
    decline_code: str | None = None
    created_at: datetime
    uncaptured: int = 0
    amount_refunded: int = 0

    @property
    def amount_captured(self) -> int:
        """What was really taken."""
        return self.amount - self.uncaptured if self.succeeded else 0

    @property
    def refundable(self) -> int:
        """What of it is left to give back."""
        return self.amount_captured - self.amount_refunded

    @property
    def refunded(self) -> bool:
        """Whether all that was taken was given back."""
        return 0 < self.amount_captured == self.amount_refunded

    def refund(self, amount: int | None) -> "Charge":
        """The charge, with this much given back, else all that is left.

        Raises:
            RefundRefused: that much is not left.
        """
        if not self.refundable:
            code = "charge_already_refunded" if self.refunded else "charge_not_refundable"
            raise RefundRefused("Nothing of this charge is left to refund.", code=code)
        given_back = self.refundable if amount is None else amount
        if given_back > self.refundable:
            raise RefundRefused(f"Only {self.refundable} of this charge is left to refund.", param="amount")
        return replace(self, amount_refunded=self.amount_refunded + given_back)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that was given back, of one charge."""

    id: str
    charge: str
    payment_intent: str
    amount: int
    currency: str
    reason: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentError:
    """Why the last try did not work."""

    code: str
    decline_code: str | None
    message: str
    payment_method: str
    charge: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a confirmation came to: the intent after it, the charge if one was tried, the error if it failed."""

    intent: "Intent"
    charge: Charge | None = None
    error: PaymentError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An amount that somebody wants to be paid, once."""

    id: str
    amount: int
    currency: str
    status: IntentStatus
    created_at: datetime
    payment_method: str | None = None
    payment_method_types: tuple[str, ...] = ("card",)
    allowed_payment_method_types: tuple[str, ...] | None = None
    automatic_payment_methods: str | None = None
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    amount_received: int = 0
    latest_charge: str | None = None
    last_error: PaymentError | None = None
    description: str | None = None
    receipt_email: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    canceled_at: datetime | None = None
    cancellation_reason: str | None = None
    pending_until: datetime | None = None
    pending_decline: Declined | None = None

    @property
    def amount_capturable(self) -> int:
        """What is held and can be taken."""
        return self.amount if self.status is IntentStatus.REQUIRES_CAPTURE else 0

    def with_method(self, method: str) -> "Intent":
        """The intent, ready to be confirmed with this payment method."""
        return replace(self, payment_method=method, status=IntentStatus.REQUIRES_CONFIRMATION)

    def expect_confirmable(self, method: str | None) -> str:
        """The payment method that a confirmation would charge: the one given now, else the one given before.

        Raises:
            UnexpectedState: no confirmation may follow, or there is no payment method.
        """
        if self.status not in CONFIRMABLE:
            raise UnexpectedState(f"This payment intent is {self.status} and cannot be confirmed.")
        chosen = method or self.payment_method
        if chosen is None:
            raise UnexpectedState("This payment intent has no payment method: give one.")
        return chosen

    def confirm(
        self,
        method: str,
        verdict: Verdict,
        *,
        charge_id: str,
        now: datetime,
        error_on_requires_action: bool = False,
    ) -> Confirmation:
        """Let the card's verdict decide.

        Raises:
            UnexpectedState: no confirmation may follow.
        """
        self.expect_confirmable(method)
        charge = Charge(
            id=charge_id,
            payment_intent=self.id,
            payment_method=method,
            amount=self.amount,
            currency=self.currency,
            succeeded=True,
            created_at=now,
        )
        match verdict:
            case Approved() if self.capture_method is CaptureMethod.MANUAL:
                return Confirmation(intent=self._held(charge), charge=replace(charge, uncaptured=charge.amount))
            case Approved():
                return Confirmation(intent=self._succeeded(charge), charge=charge)
            case Declined():
                return self._declined(charge, verdict)
            case AuthenticationRequired() if error_on_requires_action:
                return self._failed(_unauthenticated(method))
            case AuthenticationRequired():
                return Confirmation(intent=self._waiting(method))
            case Pending():
                return Confirmation(intent=self._processing(method, verdict, now))

    def is_due(self, now: datetime) -> bool:
        """Whether a bank that took its time has decided by now."""
        return self.pending_until is not None and self.pending_until <= now

    def decide(self, *, charge_id: str, now: datetime) -> Confirmation:
        """Let the verdict of a bank that took its time be known.

        Raises:
            UnexpectedState: nothing is decided.
        """
        if not self.is_due(now) or self.payment_method is None:
            raise UnexpectedState(f"This payment intent is {self.status}: the bank has not decided.")
        verdict = self.pending_decline or Approved()
        asked = replace(self, status=IntentStatus.REQUIRES_CONFIRMATION, pending_until=None, pending_decline=None)
        return asked.confirm(self.payment_method, verdict, charge_id=charge_id, now=now)

    def _processing(self, method: str, verdict: Pending, now: datetime) -> "Intent":
        return replace(
            self,
            status=IntentStatus.PROCESSING,
            payment_method=method,
            last_error=None,
            pending_until=now + verdict.wait,
            pending_decline=verdict.verdict if isinstance(verdict.verdict, Declined) else None,
        )

    def _succeeded(self, charge: Charge) -> "Intent":
        return replace(
            self,
            status=IntentStatus.SUCCEEDED,
            payment_method=charge.payment_method,
            amount_received=charge.amount,
            latest_charge=charge.id,
            last_error=None,
        )

    def _held(self, charge: Charge) -> "Intent":
        return replace(self._succeeded(charge), status=IntentStatus.REQUIRES_CAPTURE, amount_received=0)

    def _waiting(self, method: str) -> "Intent":
        return replace(self, status=IntentStatus.REQUIRES_ACTION, payment_method=method, last_error=None)

    def _declined(self, charge: Charge, verdict: Declined) -> Confirmation:
        failed = replace(
            charge,
            succeeded=False,
            failure_code=verdict.code,
            failure_message=verdict.message,
            decline_code=verdict.decline_code,
        )
        error = PaymentError(
            code=verdict.code,
            decline_code=verdict.decline_code,
            message=verdict.message,
            payment_method=charge.payment_method,
            charge=charge.id,
        )
        return self._failed(error, failed)

    def _failed(self, error: PaymentError, charge: Charge | None = None) -> Confirmation:
        after = replace(
            self,
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            payment_method=None,
            latest_charge=charge.id if charge else self.latest_charge,
            last_error=error,
        )
        return Confirmation(intent=after, charge=charge, error=error)

    def capture(self, amount: int | None) -> "Intent":
        """The intent, with this much of what was held taken, else all of it. The rest is let go: there is one capture.

        Raises:
            UnexpectedState: nothing is held.
            InvalidRequest: it is more than what is held.
        """
        if self.status is not IntentStatus.REQUIRES_CAPTURE:
            raise UnexpectedState(f"This payment intent is {self.status} and cannot be captured.")
        taken = self.amount_capturable if amount is None else amount
        if taken > self.amount_capturable:
            raise InvalidRequest(
                f"Only {self.amount_capturable} can be captured.", code="amount_too_large", param="amount_to_capture"
            )
        return replace(self, status=IntentStatus.SUCCEEDED, amount_received=taken)

    def expect_refundable(self) -> None:
        """Refuse a refund of what was never taken.

        Raises:
            UnexpectedState: nothing was captured.
        """
        if self.status is not IntentStatus.SUCCEEDED:
            raise UnexpectedState(f"This payment intent is {self.status}: nothing was captured that could be refunded.")

    def cancel(self, *, reason: str | None, now: datetime) -> "Intent":
        """The intent, never to be charged; what was held is let go.

        Raises:
            UnexpectedState: it succeeded, or is canceled already.
        """
        if self.status not in CANCELABLE:
            raise UnexpectedState(f"This payment intent is {self.status} and cannot be canceled.")
        return replace(self, status=IntentStatus.CANCELED, canceled_at=now, cancellation_reason=reason)


def _unauthenticated(method: str) -> PaymentError:
    return PaymentError(
        code="authentication_required",
        decline_code="authentication_required",
        message="The card's issuer asks for authentication, which this payment does not offer.",
        payment_method=method,
        charge=None,
    )
