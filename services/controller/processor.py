"""The payment processor, on Stripe's wire: forms out, intents in, and what each refusal means."""

from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

import httpx
from pydantic import ValidationError

from services.chassis.logs import get_logger
from services.chassis.outbound import Neighbour
from services.contracts.messages import Reply
from services.contracts.payments import (
    IntentStatus,
    PaymentIntent,
    StripeError,
    StripeFailure,
    StripeRefund,
    StripeRefundPage,
)
from services.contracts.problems import (
    NotSent,
    OutcomeUnknown,
    PaymentDeclined,
    PaymentMethodNotAccepted,
    RefundRefused,
    Refused,
    Undecided,
    Unprocessable,
)

logger = get_logger(__name__)

R = TypeVar("R", bound=Reply)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Payments:
    """A processor that speaks Stripe's wire format."""

    def __init__(self, neighbour: Neighbour, *, secret_key: str) -> None:
        self._payments = neighbour
        self._secret_key = secret_key

    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided:
        """The checkout's one intent: the same in every repeat.

        A processor keeps a broken server's 500 under its key for ever, so that a checkout could never be ended. The
        next key may open a second intent beside one that nobody was told of; nobody can confirm that one, and of those
        that are told `attach` picks one.
        """
        form = {
            "amount": str(amount),
            "currency": currency.lower(),
            "payment_method_types[]": "card",
            "metadata[checkout_id]": str(checkout_id),
        }
        created: PaymentIntent | Refused | Undecided = NotSent("payments", "no attempt was made")
        for key in create_keys(checkout_id):
            created = await self._post("create", "/v1/payment_intents", form, key=key)
            if not (isinstance(created, OutcomeUnknown) and created.replayed):
                break
        return created

    async def confirm(
        self, intent_id: str, *, payment_method: str, checkout_id: UUID
    ) -> PaymentIntent | Refused | Undecided:
        """Charge. A reply's status tells whether it succeeded."""
        form = {"payment_method": payment_method, "error_on_requires_action": "true"}
        path = f"/v1/payment_intents/{intent_id}/confirm"
        return await self._post("confirm", path, form, key=f"{checkout_id}:confirm")

    async def cancel(self, intent_id: str) -> PaymentIntent | Refused | Undecided:
        """Make sure that the intent can never be charged, or hear that it was.

        Without an idempotency key: a stored 500 would be replayed for ever, and cancelling twice is harmless.
        """
        return await self._post("cancel", f"/v1/payment_intents/{intent_id}/cancel", {}, key=None)

    async def find(self, intent_id: str) -> PaymentIntent | Refused | Undecided:
        """The intent as it is now."""
        answer = await self._payments.exchange(
            "find", "GET", f"/v1/payment_intents/{intent_id}", headers=self._headers(None)
        )
        return answer if not isinstance(answer, httpx.Response) else read_intent(answer)

    async def refunds_of(self, intent_id: str) -> list[StripeRefund] | Refused | Undecided:
        """Every refund of an intent, the newest first."""
        found: list[StripeRefund] = []
        while True:
            after = [("starting_after", found[-1].id)] if found else []
            page = await self._refunds_page([("payment_intent", intent_id), ("limit", "100"), *after])
            if not isinstance(page, StripeRefundPage):
                return page
            found += page.data
            if not page.has_more or not page.data:
                return found

    async def _refunds_page(self, query: list[tuple[str, str]]) -> StripeRefundPage | Undecided:
        answer = await self._payments.exchange(
            "list_refunds", "GET", "/v1/refunds", headers=self._headers(None), params=query
        )
        if not isinstance(answer, httpx.Response):
            return answer
        if not answer.is_success:
            logger.warning("unexpected answer to a list of refunds", status=answer.status_code)
            return OutcomeUnknown("payments", f"answered {answer.status_code} to a list of refunds")
        return _read(StripeRefundPage, answer)

    async def refund(
        self, intent_id: str, *, amount: int, reason: str | None, refund_id: UUID, checkout_id: UUID, attempt: int
    ) -> StripeRefund | Refused | Undecided:
        """Give money back: once, as long as the processor remembers the key. Each attempt has a key of its own."""
        form = {
            "payment_intent": intent_id,
            "amount": str(amount),
            **({"reason": reason} if reason else {}),
            "metadata[refund_id]": str(refund_id),
            "metadata[checkout_id]": str(checkout_id),
        }
        headers = {**FORM, **self._headers(refund_key(refund_id, attempt))}
        answer = await self._payments.exchange(
            "refund", "POST", "/v1/refunds", headers=headers, content=urlencode(form).encode()
        )
        return answer if not isinstance(answer, httpx.Response) else read_refund(answer)

    async def _post(
        self, call: str, path: str, form: dict[str, str], *, key: str | None
    ) -> PaymentIntent | Refused | Undecided:
        answer = await self._payments.exchange(
            call, "POST", path, headers={**FORM, **self._headers(key)}, content=urlencode(form).encode()
        )
        return answer if not isinstance(answer, httpx.Response) else read_intent(answer)

    def _headers(self, key: str | None) -> dict[str, str]:
        keyed = {"Idempotency-Key": key} if key else {}
        return {"Authorization": f"Bearer {self._secret_key}", "Stripe-Version": STRIPE_VERSION, **keyed}


KEYS_OF_A_CREATE = 5


def create_keys(checkout_id: UUID) -> list[str]:
    """The keys under which a checkout's intent may be created, each used once the one before is known to be broken."""
    return [f"{checkout_id}:create", *(f"{checkout_id}:create:{n}" for n in range(2, KEYS_OF_A_CREATE + 1))]


def refund_key(refund_id: UUID, attempt: int) -> str:
    """The key of a refund; another one only once the one before is known to be broken."""
    return f"{refund_id}:refund" if attempt == 1 else f"{refund_id}:refund:{attempt}"


# The last version in which an intent takes payment_method_types, which is what a checkout names.
STRIPE_VERSION = "2026-07-29.dahlia"
FINAL = frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED})
UNEXPECTED_STATE = "payment_intent_unexpected_state"
NOTHING_LEFT = frozenset({"charge_already_refunded", "charge_disputed", "charge_not_refundable"})


def read_intent(answer: httpx.Response) -> PaymentIntent | Refused | OutcomeUnknown:
    """What an answer on Stripe's wire means.

    A refusal because of the intent's state carries the intent; a final state is an answer, any other one tells nothing.
    """
    try:
        if answer.is_success:
            return PaymentIntent.model_validate_json(answer.content)
        error = StripeFailure.model_validate_json(answer.content).error
    except ValidationError:
        return OutcomeUnknown("payments", f"answered {answer.status_code} in another shape")
    if error.code == UNEXPECTED_STATE:
        intent = error.payment_intent
        final = intent is not None and intent.status in FINAL
        return intent if intent and final else OutcomeUnknown("payments", "the intent is on its way")
    return _refusal(answer.status_code, error)


def read_refund(answer: httpx.Response) -> StripeRefund | Refused | OutcomeUnknown:
    """What an answer to a refund means. A refusal is a no only where it says that the charge has not that much left."""
    if answer.is_success:
        return _read(StripeRefund, answer)
    failure = _read(StripeFailure, answer)
    if isinstance(failure, OutcomeUnknown):
        return failure
    error = failure.error
    if error.type == "invalid_request_error" and error.code in NOTHING_LEFT:
        return Refused(RefundRefused(error.message or None, reason=error.code))
    if error.type == "invalid_request_error" and error.param == "amount":
        return Refused(RefundRefused(error.message or None, reason="amount_not_left"))
    logger.warning("unexpected answer to a refund", status=answer.status_code, error=error.type, code=error.code)
    return OutcomeUnknown("payments", f"answered {answer.status_code} {error.type} {error.code}")


def _read(shape: type[R], answer: httpx.Response) -> R | OutcomeUnknown:
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError:
        return OutcomeUnknown("payments", f"answered {answer.status_code} in another shape")


def _refusal(status: int, error: StripeError) -> Refused | OutcomeUnknown:
    if error.type == "card_error" and status == httpx.codes.PAYMENT_REQUIRED:
        reason = error.decline_code or error.code or "card_declined"
        return Refused(PaymentDeclined(error.message or None, reason=reason))
    if error.type == "invalid_request_error" and error.param == "payment_method":
        return Refused(PaymentMethodNotAccepted(error.message or None))
    if error.type == "invalid_request_error" and error.param == "amount":
        return Refused(Unprocessable(f"The processor does not take this total: {error.message}"))
    return OutcomeUnknown("payments", f"answered {status} {error.type} {error.code}")
