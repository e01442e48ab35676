"""What a card does: the documented test cards, and the tokens that stand for them.

A number lives in memory for one request. What is kept of a card is its brand, last four digits, expiry, how it will
behave and a keyed fingerprint; the security code is looked at and forgotten. Numbers that are not test cards are
refused, so that nobody's real card is ever at home here.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from .refusals import CardRefused


class Outcome(StrEnum):
    """How a card answers when it is charged."""

    APPROVED = "approved"
    GENERIC_DECLINE = "generic_decline"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    LOST_CARD = "lost_card"
    STOLEN_CARD = "stolen_card"
    EXPIRED_CARD = "expired_card"
    INCORRECT_CVC = "incorrect_cvc"
    PROCESSING_ERROR = "processing_error"
    AUTHENTICATION_REQUIRED = "authentication_required"


@dataclass(frozen=True, slots=True)
class Approved:
    """The money moved."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The card said no. `decline_code` is the issuer's reason, where it gave one beyond `code`."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class AuthenticationRequired:
    """The issuer wants to hear from the cardholder first."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The bank takes its time, and will say this afterwards."""

    wait: timedelta
    verdict: Approved | Declined


Verdict = Approved | Declined | AuthenticationRequired | Pending

_DECLINES = {
    Outcome.GENERIC_DECLINE: Declined("card_declined", "generic_decline", "The card was declined."),
    Outcome.INSUFFICIENT_FUNDS: Declined(
        "card_declined", "insufficient_funds", "The card was declined: not enough money on it."
    ),
    Outcome.LOST_CARD: Declined("card_declined", "lost_card", "The card was declined."),
    Outcome.STOLEN_CARD: Declined("card_declined", "stolen_card", "The card was declined."),
    Outcome.EXPIRED_CARD: Declined("expired_card", None, "The card has expired."),
    Outcome.INCORRECT_CVC: Declined("incorrect_cvc", None, "The card's security code is wrong."),
    Outcome.PROCESSING_ERROR: Declined(
        "processing_error", None, "The card could not be processed: try again in a while."
    ),
}


def authorise(outcome: Outcome) -> Verdict:
    """Ask the card."""
    match outcome:
        case Outcome.APPROVED:
            return Approved()
        case Outcome.AUTHENTICATION_REQUIRED:
            return AuthenticationRequired()
        case _:
            return _DECLINES[outcome]


def decline_of(decline_code: str) -> Declined:
    """The no for a decline code, whether or not a documented card gives it."""
    if decline_code in set(Outcome):
        known = _DECLINES.get(Outcome(decline_code))
        if known is not None:
            return known
    return Declined("card_declined", decline_code, "The card was declined.")


@dataclass(frozen=True, slots=True)
class DocumentedCard:
    """A documented number, which no issuer ever gave to anybody."""

    number: str
    brand: str
    outcome: Outcome = Outcome.APPROVED
    funding: str = "credit"
    country: str = "US"


_VISA = DocumentedCard("4242424242424242", "visa")
_DECLINED = DocumentedCard("4000000000000002", "visa", Outcome.GENERIC_DECLINE)
_INSUFFICIENT_FUNDS = DocumentedCard("4000000000009995", "visa", Outcome.INSUFFICIENT_FUNDS)
_LOST = DocumentedCard("4000000000009987", "visa", Outcome.LOST_CARD)
_STOLEN = DocumentedCard("4000000000009979", "visa", Outcome.STOLEN_CARD)
_EXPIRED = DocumentedCard("4000000000000069", "visa", Outcome.EXPIRED_CARD)
_INCORRECT_CVC = DocumentedCard("4000000000000127", "visa", Outcome.INCORRECT_CVC)
_PROCESSING_ERROR = DocumentedCard("4000000000000119", "visa", Outcome.PROCESSING_ERROR)
_SECURE = DocumentedCard("4000000000003220", "visa", Outcome.AUTHENTICATION_REQUIRED)
_SECURE_UNLESS_SET_UP = DocumentedCard("4000002500003155", "visa", Outcome.AUTHENTICATION_REQUIRED)
_VISA_DEBIT = DocumentedCard("4000056655665556", "visa", funding="debit")
_MASTERCARD = DocumentedCard("5555555555554444", "mastercard")
_MASTERCARD_DEBIT = DocumentedCard("5200828282828210", "mastercard", funding="debit")
_MASTERCARD_PREPAID = DocumentedCard("5105105105105100", "mastercard", funding="prepaid")
_AMEX = DocumentedCard("378282246310005", "amex")
_DISCOVER = DocumentedCard("6011111111111117", "discover")
_DINERS = DocumentedCard("3056930009020004", "diners")
_JCB = DocumentedCard("3566002020360505", "jcb")
_UNIONPAY = DocumentedCard("6200000000000005", "unionpay")

_CARDS = (
    *(_VISA, _DECLINED, _INSUFFICIENT_FUNDS, _LOST, _STOLEN, _EXPIRED, _INCORRECT_CVC, _PROCESSING_ERROR),
    *(_SECURE, _SECURE_UNLESS_SET_UP, _VISA_DEBIT, _MASTERCARD, _MASTERCARD_DEBIT, _MASTERCARD_PREPAID),
    *(_AMEX, _DISCOVER, _DINERS, _JCB, _UNIONPAY),
    DocumentedCard("4000003560000008", "visa", country="IN"),
    DocumentedCard("2223003122003222", "mastercard"),
    DocumentedCard("371449635398431", "amex"),
    DocumentedCard("6011000990139424", "discover"),
    DocumentedCard("36227206271667", "diners"),
)
TEST_CARDS = {card.number: card for card in _CARDS}

READY_MADE = {
    "pm_card_visa": _VISA,
    "pm_card_visa_debit": _VISA_DEBIT,
    "pm_card_mastercard": _MASTERCARD,
    "pm_card_mastercard_debit": _MASTERCARD_DEBIT,
    "pm_card_mastercard_prepaid": _MASTERCARD_PREPAID,
    "pm_card_amex": _AMEX,
    "pm_card_discover": _DISCOVER,
    "pm_card_diners": _DINERS,
    "pm_card_jcb": _JCB,
    "pm_card_unionpay": _UNIONPAY,
    "pm_card_visa_chargeDeclined": _DECLINED,
    "pm_card_chargeDeclined": _DECLINED,
    "pm_card_visa_chargeDeclinedInsufficientFunds": _INSUFFICIENT_FUNDS,
    "pm_card_chargeDeclinedInsufficientFunds": _INSUFFICIENT_FUNDS,
    "pm_card_visa_chargeDeclinedLostCard": _LOST,
    "pm_card_visa_chargeDeclinedStolenCard": _STOLEN,
    "pm_card_chargeDeclinedExpiredCard": _EXPIRED,
    "pm_card_chargeDeclinedIncorrectCvc": _INCORRECT_CVC,
    "pm_card_chargeDeclinedProcessingError": _PROCESSING_ERROR,
    "pm_card_threeDSecure2Required": _SECURE,
    "pm_card_authenticationRequired": _SECURE_UNLESS_SET_UP,
}


@dataclass(frozen=True, slots=True)
class CardDetails:
    """A card as somebody typed it."""

    number: str = field(repr=False)
    exp_month: int
    exp_year: int
    cvc: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOnFile:
    """What is kept of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    funding: str
    country: str
    outcome: Outcome
    fingerprint: str


class Vault:
    """Turns cards into what may be kept of them."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def keep(self, details: CardDetails, *, today: date) -> CardOnFile:
        """Look at a typed card once.

        Raises:
            CardRefused: the number, expiry or security code cannot be a card's, or it is not a test card.
        """
        card = _test_card(details.number)
        exp_year = _checked_expiry(details, today)
        _check_security_code(details.cvc, card)
        unasked = details.cvc is None and card.outcome is Outcome.INCORRECT_CVC
        return self._on_file(card, details.exp_month, exp_year, Outcome.APPROVED if unasked else card.outcome)

    def ready_made(self, token: str, *, today: date) -> CardOnFile | None:
        """The card that a documented token stands for."""
        card = READY_MADE.get(token)
        return self._on_file(card, 12, today.year + 3, card.outcome) if card else None

    def _on_file(self, card: DocumentedCard, exp_month: int, exp_year: int, outcome: Outcome) -> CardOnFile:
        return CardOnFile(
            brand=card.brand,
            last4=card.number[-4:],
            exp_month=exp_month,
            exp_year=exp_year,
            funding=card.funding,
            country=card.country,
            outcome=outcome,
            fingerprint=self._fingerprint(card.number),
        )

    def _fingerprint(self, number: str) -> str:
        # Keyed: an unkeyed hash of a card number is undone by trying all numbers.
        return hmac.new(self._secret, b"card:" + number.encode(), hashlib.sha256).hexdigest()[:24]


def _test_card(typed: str) -> DocumentedCard:
    number = typed.replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        raise CardRefused("This is not a card number.", code="invalid_number", param="card[number]")
    if not passes_luhn(number):
        raise CardRefused("The card number is wrong.", code="incorrect_number", param="card[number]")
    if number not in TEST_CARDS:
        raise CardRefused(
            "The card was declined: this processor takes the documented test cards only, never a real one.",
            code="card_declined",
            decline_code="test_mode_live_card",
            param="card[number]",
        )
    return TEST_CARDS[number]


def passes_luhn(number: str) -> bool:
    """Whether the last digit of a card number checks the others."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _checked_expiry(details: CardDetails, today: date) -> int:
    if not 1 <= details.exp_month <= 12:
        raise CardRefused("The card's expiry month is wrong.", code="invalid_expiry_month", param="card[exp_month]")
    year = details.exp_year + 2000 if 0 <= details.exp_year < 100 else details.exp_year
    if not today.year <= year <= today.year + 50:
        raise CardRefused("The card's expiry year is wrong.", code="invalid_expiry_year", param="card[exp_year]")
    if (year, details.exp_month) < (today.year, today.month):
        raise CardRefused("The card's expiry month has passed.", code="invalid_expiry_month", param="card[exp_month]")
    return year


def _check_security_code(cvc: str | None, card: DocumentedCard) -> None:
    if cvc is None:
        return
    lengths = (3, 4) if card.brand == "amex" else (3,)
    if not (cvc.isascii() and cvc.isdigit() and len(cvc) in lengths):
        raise CardRefused("The card's security code is wrong.", code="invalid_cvc", param="card[cvc]")
