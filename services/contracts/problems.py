"""Every published "no" of the five services, and the four ways in which a call to a neighbour can end.

    Problem                       rendered as application/problem+json by the chassis
    ├── BadRequest (400)          malformed beyond validation: an empty cart, a broken cookie flow
    ├── Unauthenticated (401)     no credential, or one that is not good
    ├── Forbidden (403)           a good credential that may not do this
    ├── PaymentDeclined (402)     the card said no
    ├── NotFound (404)            it does not exist, or it is somebody else's: the same answer
    ├── Conflict (409)            it exists, and its state forbids this now
    ├── PreconditionFailed (412)  If-Match named another version
    ├── Unprocessable (422)       understood and refused
    ├── TooManyRequests (429)
    └── Unavailable (503)         a neighbour is down; Retry-After says when to ask again

    a call to a neighbour         ends in exactly one of
    ├── a Reply                   it happened
    ├── Refused(problem)          it answered no: it did not happen
    ├── NotSent                   it never got there; safe to send again
    └── OutcomeUnknown            nobody can tell; never read as no

Each class name is a sentence, `slug` is its type (a heading in docs/problems.md).
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_PREFIX = "/docs/problems#"

PROBLEMS: dict[str, type["Problem"]] = {}


class Problem(Exception):  # noqa: N818 - a no is published under a name that is a sentence
    """A published refusal: status, type, title, what to do, and named members that help the caller."""

    slug: ClassVar[str] = ""
    status: ClassVar[int]
    title: ClassVar[str]
    # The detail where none is given, with members in braces; without those members, the title is.
    explained: ClassVar[str] = ""

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        self.detail = detail or self._explained(members) or self.title
        super().__init__(self.detail)
        self.headers = headers or {}
        self.members = members

    def _explained(self, members: dict[str, Any]) -> str:
        try:
            return self.explained.format_map(members)
        except KeyError:
            return ""

    def __init_subclass__(cls) -> None:
        if "slug" in cls.__dict__:
            PROBLEMS[cls.slug] = cls

    def document(self) -> dict[str, Any]:
        """The problem as RFC 9457 writes it."""
        return {
            "type": PROBLEM_TYPE_PREFIX + self.slug,
            "title": self.title,
            "status": int(self.status),
            "detail": self.detail,
            **self.members,
        }


def problem_of(document: dict[str, Any]) -> Problem | None:
    """Rebuild the problem that a neighbour published; None if its type is not in our table."""
    known = PROBLEMS.get(str(document.get("type", "")).removeprefix(PROBLEM_TYPE_PREFIX))
    if known is None:
        return None
    members = {name: value for name, value in document.items() if name not in ("type", "title", "status", "detail")}
    return known(document.get("detail"), **members)


class BadRequest(Problem):
    slug = "bad_request"
    status = HTTPStatus.BAD_REQUEST
    title = "The request makes no sense here."


class CartIsEmpty(BadRequest):
    slug = "cart_is_empty"
    title = "The cart is empty: add an item first."


class SignInFailed(BadRequest):
    slug = "sign_in_failed"
    title = "The sign-in could not be completed: start it again."


class WebhookSignatureRefused(BadRequest):
    slug = "webhook_signature_refused"
    title = "The webhook is not signed as it must be."


class Unauthenticated(Problem):
    slug = "unauthenticated"
    status = HTTPStatus.UNAUTHORIZED
    title = "A valid credential is needed."

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer", **(headers or {})}, **members)


class PaymentDeclined(Problem):
    slug = "payment_declined"
    status = HTTPStatus.PAYMENT_REQUIRED
    title = "The payment was declined; nothing was charged and the cart is open again."


class Forbidden(Problem):
    slug = "forbidden"
    status = HTTPStatus.FORBIDDEN
    title = "This credential may not do that."


class CrossSiteRequest(Forbidden):
    slug = "cross_site_request"
    title = "A change must be asked for from the shop's own pages."


class NotFound(Problem):
    slug = "not_found"
    status = HTTPStatus.NOT_FOUND
    title = "There is nothing at this address."


class CartNotFound(NotFound):
    slug = "cart_not_found"
    title = "Cart not found or doesn't belong to you"


class OrderNotFound(NotFound):
    slug = "order_not_found"
    title = "Order not found or doesn't belong to you"


class ProductNotFound(NotFound):
    slug = "product_not_found"
    title = "There is no such product."


class HoldNotFound(NotFound):
    slug = "hold_not_found"
    title = "No stock was ever held for this checkout."


class RefundNotFound(NotFound):
    slug = "refund_not_found"
    title = "There is no such refund of this order."


class MergeNotFound(NotFound):
    slug = "merge_not_found"
    title = "There is no such merge of yours."


class MethodNotAllowed(Problem):
    slug = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED
    title = "This address does not take that method."


class Conflict(Problem):
    slug = "conflict"
    status = HTTPStatus.CONFLICT
    title = "The present state does not allow this."


class CartInCheckout(Conflict):
    slug = "cart_in_checkout"
    title = "The cart is being checked out: it stands still until the outcome is known."


class CartAlreadyPurchased(Conflict):
    slug = "cart_already_purchased"
    title = "The cart has been purchased and cannot change any more."


class CartIsBeingAdopted(Conflict):
    slug = "cart_is_being_adopted"
    title = "The cart has moved to a signed-in shopper."


class MergeIsDecided(Conflict):
    slug = "merge_is_decided"
    title = "What becomes of the two carts is decided already."


class MergeCannotBeUndone(Conflict):
    slug = "merge_cannot_be_undone"
    title = "This merge cannot be undone any more."


class CheckoutChanged(Conflict):
    slug = "checkout_changed"
    title = "The total or the cart has changed since it was shown: look at it and confirm again."


class CheckoutRefused(Conflict):
    slug = "checkout_refused"
    title = "This checkout was refused earlier; its refusal is final for its key."


class CheckoutCannotBeCancelled(Conflict):
    slug = "checkout_cannot_be_cancelled"
    title = "The checkout has its outcome already."


class AccountHasUnfinishedOrders(Conflict):
    slug = "account_has_unfinished_orders"
    title = "An order or a refund has no outcome yet: erase the account once it has."


class PurchaseIsSettled(Conflict):
    slug = "purchase_is_settled"
    title = "The purchase is paid and cannot be unmarked."


class PurchaseHasFailed(Conflict):
    slug = "purchase_has_failed"
    title = "The purchase has failed for good."


class IntentMismatch(Conflict):
    slug = "intent_mismatch"
    title = "Another payment intent is attached to this purchase."


class OutOfStock(Conflict):
    slug = "out_of_stock"
    title = "There is not enough stock."
    explained = (
        "There is not enough stock: `items` names the goods and how many are left. Change the cart and check out again."
    )


class HoldIsReleased(Conflict):
    slug = "hold_is_released"
    title = "The stock of this checkout was released; a release is final."


class HoldIsCommitted(Conflict):
    slug = "hold_is_committed"
    title = "The stock of this checkout is sold."


class HoldMismatch(Conflict):
    slug = "hold_mismatch"
    title = "This checkout holds other goods."


class OrderNotPaid(Conflict):
    slug = "order_not_paid"
    title = "The order is not paid: there is nothing to give back."


class RefundRefused(Conflict):
    slug = "refund_refused"
    title = "The payment processor refused the refund: nothing was given back."


class RefundIsDone(Conflict):
    slug = "refund_is_done"
    title = "The refund is done and cannot fail any more."


class RefundHasFailed(Conflict):
    slug = "refund_has_failed"
    title = "The refund has failed for good."


class RefundMismatch(Conflict):
    slug = "refund_mismatch"
    title = "Another refund of the processor stands for this one."


class GoodsNotSold(Conflict):
    slug = "goods_not_sold"
    title = "This checkout has sold no goods that could be put back."


class RestockMismatch(Conflict):
    slug = "restock_mismatch"
    title = "This refund has put other goods back."


class SessionRotated(Conflict):
    slug = "session_rotated"
    title = "This session was signed in elsewhere in the same browser: send the new cookie."


class RequestInProgress(Conflict):
    slug = "request_in_progress"
    title = "A request with this Idempotency-Key is still running: ask again."

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "1", **(headers or {})}, **members)


class SkuExists(Conflict):
    slug = "sku_exists"
    title = "Another product or variant has this SKU."


class PreconditionFailed(Problem):
    slug = "precondition_failed"
    status = HTTPStatus.PRECONDITION_FAILED
    title = "The cart has changed since the version named in If-Match."


class ProductHasChanged(PreconditionFailed):
    slug = "product_has_changed"
    title = "The product has changed since the version named in If-Match."


class BodyTooLarge(Problem):
    slug = "body_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "The request body is too large."


class UnsupportedMediaType(Problem):
    slug = "unsupported_media_type"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    title = "The body must be JSON."


class Unprocessable(Problem):
    slug = "unprocessable"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "The request was understood and refused."


class ValidationFailed(Unprocessable):
    slug = "validation_failed"
    title = "Some fields are missing or wrong."


class UnknownSku(Unprocessable):
    slug = "unknown_sku"
    title = "There is no such item in the catalog."


class VariantRequired(Unprocessable):
    slug = "variant_required"
    title = "This product is sold by its variants: name one."


class QuantityLimitExceeded(Unprocessable):
    slug = "quantity_limit_exceeded"
    title = "The cart cannot hold that many of one item."
    explained = "A cart holds at most {limit} of one item, and this one has {in_cart} of it already."


class LineLimitExceeded(Unprocessable):
    slug = "line_limit_exceeded"
    title = "The cart cannot hold more different items."
    explained = "A cart holds at most {limit} different items: take one out, or begin another cart."


class CartLimitExceeded(Unprocessable):
    slug = "cart_limit_exceeded"
    title = "There are too many open carts: check one out or delete one."


class IdempotencyKeyReused(Unprocessable):
    slug = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request."


class RefundExceedsPayment(Unprocessable):
    slug = "refund_exceeds_payment"
    title = "That much of the payment is not left to give back."


class RestockExceedsSale(Unprocessable):
    slug = "restock_exceeds_sale"
    title = "That many were not sold, or they are back on the shelf already."


class CurrencyNotAccepted(Unprocessable):
    slug = "currency_not_accepted"
    title = "The shop does not take this currency."


class PaymentMethodNotAccepted(Unprocessable):
    slug = "payment_method_not_accepted"
    title = "This payment method is not known."


class TooManyRequests(Problem):
    slug = "too_many_requests"
    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many tries: wait a little."


class InternalError(Problem):
    slug = "internal_error"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "Something broke on our side. The request id finds it in the logs."


class Unavailable(Problem):
    slug = "unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "A service that this needs does not answer at the moment; nothing was lost, ask again."

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "2", **(headers or {})}, **members)


class TooManyStreams(Unavailable):
    slug = "too_many_streams"
    title = "As many event streams are open here as may be: read GET /cart meanwhile, and connect again later."

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers={"Retry-After": "10", **(headers or {})}, **members)


class SignInInterrupted(Problem):
    slug = "sign_in_interrupted"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Something that a sign-in needs does not answer at the moment: start the sign-in again."


class OutcomeNotKnown(Unavailable):
    slug = "outcome_not_known"
    title = "The service that decides this did not answer: send the same request with the same key again."


@dataclass(frozen=True, slots=True)
class Refused:
    """The neighbour answered no, in a way the caller expected: it did not happen."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request never reached the neighbour: it did not happen, and may be sent again."""

    neighbour: str
    why: str


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """The neighbour may or may not have done it. Only the neighbour itself can tell, later.

    `replayed` says that this answer stands for the request's idempotency key: asking again under it changes nothing.
    """

    neighbour: str
    why: str
    replayed: bool = False


Undecided = NotSent | OutcomeUnknown
"""The call brought no answer that can be relied on."""
