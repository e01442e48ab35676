"""Every no of the processor, in Stripe's words.

    StripeRefusal
    ├── InvalidRequest (400)      a parameter is missing, unknown or wrong
    │   ├── UnexpectedState       the intent is past that: carries it, so that the caller reads its status
    │   └── RefundRefused         that much is not left of the charge
    ├── KeyReused (400)           the Idempotency-Key was used with other parameters
    ├── InvalidApiKey (401)
    ├── CardRefused (402)         the card said no: carries the decline code, and the intent where there is one
    ├── SecretKeyNeeded (403)     a publishable key, where only the secret one may
    ├── NoSuchObject (404)
    ├── MethodNotTaken (405)
    ├── BodyTooBig (413)
    ├── KeyInUse (409)            the first request with this Idempotency-Key is still running
    ├── ObjectBusy (429)          another request holds the intent
    ├── RateLimited (429)         too many requests
    ├── ServerError (500)
    └── DatabaseAway (503)

What is raised rolls back and stores nothing under an Idempotency-Key; what must be stored is turned into an Answer.
"""

from http import HTTPStatus
from typing import Any, ClassVar, Self

from services.contracts.problems import (
    BodyTooLarge,
    MethodNotAllowed,
    NotFound,
    Problem,
    RequestInProgress,
    TooManyRequests,
    Unavailable,
)


class StripeRefusal(Problem):
    """One `error` object: `code`, `decline_code`, `param` and the objects that it concerns are its members."""

    kind: ClassVar[str] = "invalid_request_error"
    should_retry: ClassVar[bool] = False

    def document(self) -> dict[str, Any]:
        """The body, as Stripe writes it."""
        told = {name: value for name, value in self.members.items() if value is not None}
        return {"error": {"type": self.kind, "message": self.detail, **told}}

    def about(self, **objects: Any) -> Self:
        """The same refusal with the objects that it concerns embedded."""
        return type(self)(self.detail, headers=self.headers, **{**self.members, **objects})


class InvalidRequest(StripeRefusal):
    status = HTTPStatus.BAD_REQUEST
    title = "A parameter is missing, unknown or wrong."


class UnexpectedState(InvalidRequest):
    title = "The payment intent is in a state that does not allow this."

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers=headers, **{"code": "payment_intent_unexpected_state", **members})


class RefundRefused(InvalidRequest):
    title = "That much of the charge is not left to refund."


class KeyReused(StripeRefusal):
    kind = "idempotency_error"
    status = HTTPStatus.BAD_REQUEST
    title = "This Idempotency-Key was first used with another request. Use a new key, or repeat the first request."


class InvalidApiKey(StripeRefusal):
    status = HTTPStatus.UNAUTHORIZED
    title = "Give a valid API key: as a bearer token, or as the user name of HTTP Basic with no password."


class CardRefused(StripeRefusal):
    kind = "card_error"
    status = HTTPStatus.PAYMENT_REQUIRED
    title = "The card was refused."


class SecretKeyNeeded(StripeRefusal):
    status = HTTPStatus.FORBIDDEN
    title = "A publishable key creates payment methods only: this call needs the secret key."

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers=headers, **{"code": "secret_key_required", **members})


class NoSuchObject(StripeRefusal):
    status = HTTPStatus.NOT_FOUND
    title = "There is no such object."

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers=headers, **{"code": "resource_missing", "param": "id", **members})


class NoSuchAddress(StripeRefusal):
    status = HTTPStatus.NOT_FOUND
    title = "There is nothing at this address. Every object of this API lives below /v1."


class MethodNotTaken(StripeRefusal):
    status = HTTPStatus.METHOD_NOT_ALLOWED
    title = "This address does not take that method."


class BodyTooBig(StripeRefusal):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = "The request body is too large."


class KeyInUse(StripeRefusal):
    kind = "idempotency_error"
    status = HTTPStatus.CONFLICT
    title = "The first request with this Idempotency-Key is still running: ask again in a moment."
    should_retry = True

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers=headers, **{"code": "idempotency_key_in_use", **members})


class ObjectBusy(StripeRefusal):
    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Another request is working on this object: ask again in a moment."
    should_retry = True

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers=headers, **{"code": "lock_timeout", **members})


class RateLimited(StripeRefusal):
    status = HTTPStatus.TOO_MANY_REQUESTS
    title = "Too many requests: ask again later, and less often."

    def __init__(self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail, headers=headers, **{"code": "rate_limit", **members})


class ServerError(StripeRefusal):
    kind = "api_error"
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    title = "Something broke on our side. The request id finds it in the logs."


class DatabaseAway(StripeRefusal):
    kind = "api_error"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The processor's database does not answer at the moment: nothing happened, ask again."
    should_retry = True


_TOLD_AS: dict[type[Problem], type[StripeRefusal]] = {
    MethodNotAllowed: MethodNotTaken,
    NotFound: NoSuchAddress,
    BodyTooLarge: BodyTooBig,
    RequestInProgress: ObjectBusy,
    TooManyRequests: RateLimited,
    Unavailable: DatabaseAway,
}


def failure(status: HTTPStatus) -> StripeRefusal:
    """A failure of any status, as a fault script asks for it."""
    kind = ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else InvalidRequest
    made: StripeRefusal = type("Scripted", (kind,), {"status": status})("A fault script made this fail.")
    return made


def in_stripes_words(problem: Problem) -> StripeRefusal:
    """A refusal of the chassis, told as this service tells its own."""
    if isinstance(problem, StripeRefusal):
        return problem
    if told := _TOLD_AS.get(type(problem)):
        return told(headers=problem.headers)
    if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return InvalidRequest(problem.detail)
    return ServerError()
