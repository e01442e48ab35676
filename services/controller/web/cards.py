"""The cards that the checkout page offers to try: tokens that payments knows, and what they do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CardToTry:
    """A test card by its token."""

    token: str
    name: str
    what_happens: str


TEST_CARDS = (
    CardToTry("pm_card_visa", "Visa ending in 4242", "is accepted"),
    CardToTry("pm_card_mastercard", "Mastercard ending in 4444", "is accepted"),
    CardToTry("pm_card_visa_chargeDeclined", "Visa ending in 0002", "is declined"),
    CardToTry("pm_card_visa_chargeDeclinedInsufficientFunds", "Visa ending in 9995", "has not enough money on it"),
    CardToTry("pm_card_chargeDeclinedExpiredCard", "Visa ending in 0069", "has expired"),
    CardToTry("pm_card_authenticationRequired", "Visa ending in 3155", "wants the bank to ask you first"),
)
