"""The shop's sums: what was paid and refunded by the orders, against what was charged and given back."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from .invariants import Invariant, Violation
from .rows import DONE, PAID, Checkout, Unclaimed, money

MONEY = frozenset(
    {
        Invariant.PAID_IS_CHARGED,
        Invariant.CHARGE_IS_EXACT,
        Invariant.CHARGED_ONCE,
        Invariant.CHARGED_IS_PURCHASED,
        Invariant.REFUND_IS_GIVEN,
        Invariant.REFUND_IS_EXACT,
        Invariant.REFUNDED_ONCE,
        Invariant.REFUND_IS_KNOWN,
        Invariant.REFUNDS_ADD_UP,
    }
)
"""Each of them makes the sums differ: what they have named, the ledger does not name again."""


@dataclass(slots=True)
class Beside:
    """Money that went past the shop, of intents that name no checkout: minor units of one currency."""

    charges: int = 0
    charged: int = 0
    given: int = 0
    holds: int = 0
    held: int = 0

    def add(self, intent: Unclaimed) -> None:
        """Enter one intent."""
        if intent.held:
            self.holds += 1
            self.held += intent.held
        else:
            self.charges += intent.charges
            self.charged += intent.captured
            self.given += intent.refunded


@dataclass(slots=True)
class Ledger:
    """Sums over the paid purchases, by currency, in minor units: `paid` and `refunded` as cartdb has them, `charged`
    and `given` back as the processor has them.
    """

    paid: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refunded: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    charged: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    given: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, checkout: Checkout) -> None:
        """Enter one checkout, if it is paid; of its refunds those that are done."""
        paid = [purchase for purchase in checkout.before if purchase.state == PAID]
        done = [refund for purchase in paid for refund in purchase.refunds if refund.state == DONE]
        for purchase in paid:
            self.paid[(purchase.currency or "").lower()] += purchase.amount or 0
        for refund in done:
            self.refunded[refund.currency.lower()] += refund.amount or 0
        given_as = {refund.given_as for refund in done}
        for intent in checkout.intents if paid else ():
            self.charged[intent.currency] += intent.captured
            for given in intent.refunds:
                self.given[given.currency] += given.amount if given.id in given_as else 0

    def currencies(self) -> list[str]:
        """Those in which anything was paid or charged."""
        return sorted(self.paid.keys() | self.charged.keys())

    def violations(self) -> Iterator[Violation]:
        """Where the two sides differ."""
        for currency in self.currencies():
            paid, refunded, charged, given = self.sums(currency)
            if paid - refunded != charged - given:
                what = f"{self.in_words(currency)}: {money(charged - given - paid + refunded, currency)} too much"
                yield Violation(Invariant.LEDGER, what, f"all paid purchases in {currency.upper()}")

    def sums(self, currency: str) -> tuple[int, int, int, int]:
        """Paid, refunded, charged, given back."""
        paid, refunded, charged, given = (
            side.get(currency, 0) for side in (self.paid, self.refunded, self.charged, self.given)
        )
        return paid, refunded, charged, given

    def in_words(self, currency: str) -> str:
        """The same for a person."""
        paid, refunded, charged, given = (money(amount, currency) for amount in self.sums(currency))
        return f"{paid} paid less {refunded} refunded; {charged} charged less {given} given back"
