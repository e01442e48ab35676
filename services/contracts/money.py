"""Money: integer minor units beside an ISO 4217 currency, never a float."""

from dataclasses import dataclass
from decimal import Decimal

# Minor-unit digits by ISO 4217 where they are not 2.
_WITHOUT_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_WITH_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_DIGITS = {**dict.fromkeys(_WITHOUT_MINOR_UNIT.split(), 0), **dict.fromkeys(_WITH_THREE_DIGITS.split(), 3)}
_SYMBOLS = {"INR": "₹", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def minor_digits(currency: str) -> int:
    """How many decimals the currency's minor unit has: 2 for INR, 0 for JPY, 3 for KWD."""
    return _DIGITS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (paise, cents) of one currency."""

    amount: int
    currency: str

    @property
    def major(self) -> Decimal:
        """The exact amount in major units: 39900 paise are Decimal('399.00')."""
        return Decimal(self.amount).scaleb(-minor_digits(self.currency))

    def __str__(self) -> str:
        digits = minor_digits(self.currency)
        symbol = _SYMBOLS.get(self.currency)
        number = f"{self.major:,.{digits}f}"
        return f"{symbol}{number}" if symbol else f"{self.currency} {number}"
