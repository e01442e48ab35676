"""What the shop says in plain words: refusals, declines, what became of a line, what a checkout did."""

from dataclasses import dataclass
from datetime import datetime

from services.contracts import problems
from services.contracts.carts import ReceiptLine
from services.contracts.problems import Problem


@dataclass(frozen=True, slots=True)
class Told:
    """A heading, a sentence, and the way out."""

    title: str
    text: str
    link: str = "/shop/"
    link_text: str = "Back to the goods"


def day(at: datetime) -> str:
    """A date, for reading."""
    return f"{at.day} {at:%B %Y}"


def moment(at: datetime) -> str:
    """A date and a time, for reading."""
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


_CART = ("/shop/cart", "Go to the cart")
_ORDERS = ("/shop/orders", "Go to the orders")

_BY_PROBLEM: dict[type[Problem], Told] = {
    problems.OrderNotFound: Told("No such order", "There is no order of yours at this address.", *_ORDERS),
    problems.CartNotFound: Told("No such cart", "There is no cart of yours at this address.", *_CART),
    problems.ProductNotFound: Told("No such goods", "We do not sell this, or not any more."),
    problems.ValidationFailed: Told("Nothing here", "The address, or something on the page, makes no sense to us."),
    problems.NotFound: Told("Nothing here", "There is no page at this address."),
    problems.SessionRotated: Told(
        "You have just signed in",
        "This page will know in a moment. If it does not, the answer was lost: sign in again, and nothing is missing.",
        "/login",
        "Sign in again",
    ),
    problems.RequestInProgress: Told("Still at it", "We are still busy with what you sent a moment ago.", *_CART),
    problems.CartInCheckout: Told(
        "This cart is being paid for", "It cannot change until we know how that ends.", *_ORDERS
    ),
    problems.CartAlreadyPurchased: Told("This cart is bought", "It cannot change any more.", *_ORDERS),
    problems.CartIsBeingAdopted: Told("This cart has moved", "It is now in the cart of your account.", *_CART),
    problems.MergeNotFound: Told("No such carts", "There are no two carts of yours to put together.", *_CART),
    problems.MergeIsDecided: Told("That is decided", "Your two carts have become one already.", *_CART),
    problems.MergeCannotBeUndone: Told(
        "They cannot be told apart any more", "The cart has changed since your two carts became one.", *_CART
    ),
    problems.IdempotencyKeyReused: Told(
        "This page is out of date", "It was used once already. Open it afresh and try again.", *_CART
    ),
    problems.CartLimitExceeded: Told(
        "That is a lot of carts", "Check one out or delete one before you start another.", *_CART
    ),
    problems.CrossSiteRequest: Told(
        "Not from here", "The shop takes changes from its own pages only. Nothing was changed.", *_CART
    ),
    problems.SignInFailed: Told(
        "The sign-in did not work", "Please start it again. Your cart is as it was.", "/login", "Sign in again"
    ),
    problems.SignInInterrupted: Told(
        "We could not sign you in just now",
        "Wait a moment and start it again. Your cart is as it was.",
        "/login",
        "Sign in again",
    ),
    problems.TooManyRequests: Told("A little slower, please", "There were too many tries. Wait a moment."),
    problems.OutcomeNotKnown: Told(
        "We do not know yet", "We asked, and the answer has not come. Send it again: it counts once.", *_CART
    ),
    problems.Unavailable: Told(
        "One moment, please", "A part of the shop does not answer at the moment. Nothing is lost.", *_CART
    ),
    problems.InternalError: Told("That is our fault", "Something broke on our side. Nothing of yours is lost."),
    problems.Forbidden: Told("Not for you", "Your account may not do this. Nothing was changed."),
    problems.Unauthenticated: Told("Please sign in", "This page needs to know who you are.", "/login", "Sign in"),
}

_NO = "The card's bank said no."

_CARD_SAYS_NO = {
    "insufficient_funds": "There is not enough money on this card.",
    "expired_card": "This card has expired.",
    "incorrect_cvc": "The security code of this card is wrong.",
    "processing_error": "The card's bank could not be asked just now. Try again in a while.",
    "authentication_required": "The card's bank wants to hear from you first, and the shop cannot ask it yet.",
    "lost_card": _NO,
    "stolen_card": _NO,
    "pickup_card": _NO,
    "fraudulent": _NO,
    "do_not_honor": _NO,
    "call_issuer": _NO,
    "try_again_later": _NO,
    "generic_decline": "The card was declined.",
    "card_declined": "The card was declined.",
    problems.PaymentDeclined.slug: "The card was declined.",
}

_SHOP_SAYS_NO = {
    "cancelled": "It was called off before it was paid.",
    "abandoned": "The payment service could not be reached in time, or the payment was not completed. Try again.",
    "refused": "It was stopped before the payment.",
    problems.OutOfStock.slug: "Somebody was faster: there was not enough left of something in the cart.",
    problems.HoldIsReleased.slug: "The goods were no longer set aside when it was to be paid. Try again.",
    problems.HoldMismatch.slug: "The goods that were set aside were not those of the cart. Try again.",
    problems.CheckoutChanged.slug: "The cart or its total had changed since it was shown. Look at it and try again.",
    problems.PreconditionFailed.slug: "The cart had changed since it was shown. Look at it and try again.",
    problems.CartIsEmpty.slug: "There was nothing in the cart.",
    problems.CartInCheckout.slug: "The cart was being paid for already.",
    problems.CartAlreadyPurchased.slug: "The cart had been bought already.",
    problems.CartIsBeingAdopted.slug: "The cart had moved to the account that signed in.",
    problems.UnknownSku.slug: "Something in the cart is not sold any more.",
    problems.PaymentMethodNotAccepted.slug: "The payment service does not know this card. Choose another.",
    problems.CurrencyNotAccepted.slug: "The shop does not take this currency.",
    problems.Unprocessable.slug: "The payment service does not take this total.",
}

_NOT_PAID = "This was not paid."

_MERGED = {
    "moved": "moved into your cart",
    "summed": "added to those in your cart",
    "kept_larger": "the larger number was kept",
    "kept_user": "the number in your cart was kept",
    "kept_guest": "took the place of the number in your cart",
    "left_out_line_limit": "left out: your cart holds no more different items",
    "capped_quantity_limit": "as many as one cart may hold",
}

_EVENTS = {
    "cart_marked": "Order received",
    "payment_started": "Payment begun",
    "paid": "Payment received",
    "refused": "Not paid; the cart is open again",
    "refund_started": "Refund begun",
    "refunded": "Money on its way back",
    "refund_failed": "Refund refused; nothing went back",
}

REFUND_REASONS = {
    "requested_by_customer": "The customer asked for it",
    "duplicate": "Charged twice",
    "fraudulent": "Fraud",
}


def problem(refusal: Problem) -> Told:
    """The nearest thing that we have words for; the refusal's own otherwise."""
    for kind in type(refusal).__mro__:
        if kind in _BY_PROBLEM:
            return _BY_PROBLEM[kind]
    return Told("That did not work", refusal.detail, *_CART)


def not_paid(reason: str | None) -> str:
    """Why nothing was charged; no cause is made up for a reason that nobody has words for."""
    return _CARD_SAYS_NO.get(reason or "") or _SHOP_SAYS_NO.get(reason or "", _NOT_PAID)


def merged(line: ReceiptLine) -> str:
    """What became of a line of the guest's cart."""
    return _MERGED.get(line.why, line.why.replace("_", " "))


def event(name: str) -> str:
    """A step of a checkout."""
    return _EVENTS.get(name, name.replace("_", " ").capitalize())
