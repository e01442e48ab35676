"""The controller's neighbours: one class each, speaking contracts. No decision is taken here."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import httpx
from pydantic import ValidationError

from services.chassis.auth import OpenIdProvider
from services.chassis.logs import get_logger
from services.chassis.outbound import Credential, Neighbour, SingleFlight, definite
from services.contracts.carts import (
    AddLine,
    ApplyMerge,
    Attach,
    Cart,
    CartList,
    CreateCart,
    Freeze,
    Frozen,
    History,
    Purchase,
    PurchaseList,
    PurchaseRequest,
    Receipt,
    RenameCart,
    SetLine,
    Settle,
    Unfinished,
    Unpurchase,
    Void,
)
from services.contracts.catalog import (
    CategoryList,
    DescriptionList,
    DescriptionQuery,
    Hold,
    HoldLine,
    HoldRequest,
    Item,
    ItemList,
    ItemQuery,
    Product,
    ProductPage,
)
from services.contracts.messages import Reply
from services.contracts.payments import IntentStatus, PaymentIntent, StripeError, StripeFailure
from services.contracts.problems import (
    CartAlreadyPurchased,
    CartInCheckout,
    CartIsBeingAdopted,
    CartLimitExceeded,
    CartNotFound,
    HoldIsCommitted,
    HoldIsReleased,
    HoldMismatch,
    HoldNotFound,
    IdempotencyKeyReused,
    IntentMismatch,
    LineLimitExceeded,
    MergeNotFound,
    NotSent,
    OrderNotFound,
    OutcomeUnknown,
    OutOfStock,
    PaymentDeclined,
    PaymentMethodNotAccepted,
    PreconditionFailed,
    Problem,
    ProductNotFound,
    PurchaseHasFailed,
    PurchaseIsSettled,
    QuantityLimitExceeded,
    Refused,
    RequestInProgress,
    Unauthenticated,
    Undecided,
    Unprocessable,
    ValidationFailed,
)

from .authority import Authority

logger = get_logger(__name__)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in brought."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False, default=None)
    id_token: str | None = field(repr=False, default=None)
    expires_in: float = 900.0

    def to_dict(self) -> dict[str, Any]:
        """What a session keeps: the ID token has done its work once it was checked."""
        return {**asdict(self), "id_token": None}


class TokenReply(Reply):
    """The token endpoint's answer."""

    access_token: str
    token_type: str
    expires_in: float = 900.0
    refresh_token: str | None = None
    id_token: str | None = None


class _SignInAgain(Enum):
    SIGN_IN_AGAIN = "sign in again"


class Identity:
    """The OpenID provider, as the controller's back channel uses it."""

    SIGN_IN_AGAIN: Final = _SignInAgain.SIGN_IN_AGAIN

    def __init__(self, provider: OpenIdProvider, *, client_id: str, client_secret: str) -> None:
        self.provider = provider
        self.client_id = client_id
        self._auth = httpx.BasicAuth(client_id, client_secret)

    async def redeem(self, *, code: str, verifier: str, redirect_uri: str) -> Tokens | Undecided | Refused:
        """Turn a code into tokens. Sent once: a code that was redeemed twice revokes what it gave."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        return await self._tokens("redeem", form)

    async def refresh(self, tokens: Tokens) -> Tokens | Undecided | _SignInAgain:
        """Renew an access token. Sent once: a refresh token that comes twice ends its whole family."""
        if tokens.refresh_token is None:
            return self.SIGN_IN_AGAIN
        answer = await self._tokens("refresh", {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token})
        match answer:
            case Tokens(refresh_token=None):
                return Tokens(answer.access_token, tokens.refresh_token, None, answer.expires_in)
            case Tokens() | NotSent():
                return answer
            case _:
                return self.SIGN_IN_AGAIN

    async def service_token(self, scope: str) -> Tokens | Undecided | Refused:
        """A token of the controller's own."""
        return await self._tokens("service_token", {"grant_type": "client_credentials", "scope": scope}, repeat=True)

    async def revoke(self, refresh_token: str) -> None:
        """Tell the provider that a sign-in is over. Whether it hears us changes nothing for the session."""
        document = await self.provider.document()
        if endpoint := document.get("revocation_endpoint"):
            await self._post("revoke", str(endpoint), {"token": refresh_token}, repeat=True)

    async def _tokens(self, call: str, form: dict[str, str], *, repeat: bool = False) -> Tokens | Undecided | Refused:
        try:
            document = await self.provider.document()
        except Problem as problem:
            return NotSent("idp", problem.detail)
        answer = await self._post(call, str(document["token_endpoint"]), form, repeat=repeat)
        if not isinstance(answer, httpx.Response):
            return answer
        if not answer.is_success:
            logger.warning("the provider refused", call=call, status=answer.status_code, error=_oauth_error(answer))
            return Refused(Unauthenticated("The identity provider refused."))
        try:
            reply = TokenReply.model_validate_json(answer.content)
        except ValidationError:
            return OutcomeUnknown("idp", "answered another shape")
        return Tokens(reply.access_token, reply.refresh_token, reply.id_token, reply.expires_in)

    async def _post(
        self, call: str, endpoint: str, form: dict[str, str], *, repeat: bool
    ) -> httpx.Response | Undecided:
        authorization = next(self._auth.auth_flow(httpx.Request("POST", endpoint))).headers["Authorization"]
        return await self.provider.neighbour.exchange(
            call,
            "POST",
            self.provider.internal(endpoint),
            headers={**FORM, "Authorization": authorization},
            content=urlencode(form).encode(),
            repeatable=repeat,
        )


def _oauth_error(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("error"))
    except (ValueError, AttributeError):
        return "unreadable"


class ServiceToken:
    """A credential of the controller's own with one scope, renewed at half of its life."""

    def __init__(self, identity: Identity, scope: str) -> None:
        self._identity = identity
        self._scope = scope
        self._value: str | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._why = NotSent("idp", "no token yet")
        self._renewal = SingleFlight()

    async def authorization(self) -> str | Undecided:
        """The Authorization header's value."""
        now = time.monotonic()
        if self._value is None or now >= self._renew_at:
            await self._renewal.run(self._renew)
        if self._value is None or time.monotonic() >= self._ends_at:
            return self._why
        return self._value

    def forget(self) -> None:
        """The neighbour refused it: get another."""
        self._value = None

    async def _renew(self) -> None:
        match await self._identity.service_token(self._scope):
            case Tokens(access_token=token, expires_in=life):
                now = time.monotonic()
                self._value = f"Bearer {token}"
                self._renew_at, self._ends_at = now + life / 2, now + life
            case NotSent() | OutcomeUnknown() as why:
                self._why = NotSent("idp", why.why)
            case Refused(problem):
                self._why = NotSent("idp", f"refused a service token: {problem.detail}")


EDIT_REFUSALS: tuple[type[Problem], ...] = (
    Unauthenticated,
    CartNotFound,
    CartInCheckout,
    CartAlreadyPurchased,
    CartIsBeingAdopted,
    CartLimitExceeded,
    PreconditionFailed,
    QuantityLimitExceeded,
    LineLimitExceeded,
    IdempotencyKeyReused,
    RequestInProgress,
)


class Nothing(Reply):
    """An answer without content."""


class Carts:
    """cartdb, under a shopper's authority or the checkout's."""

    def __init__(self, neighbour: Neighbour, checkout_token: Credential) -> None:
        self._cartdb = neighbour
        self._checkout = checkout_token

    def _for(self, owner: str) -> Authority:
        return Authority(self._checkout, owner)

    # --- a shopper's carts

    async def find(self, who: Authority, cart_id: UUID | None) -> Cart:
        """A cart; the current one without an id."""
        return definite(
            await self._cartdb.call(
                "find",
                "GET",
                f"/carts/{cart_id or 'current'}",
                Cart,
                refusals=(CartNotFound, Unauthenticated),
                credential=who.credential,
                headers=who.headers(),
            )
        )

    async def unpurchased(self, who: Authority) -> list[Cart]:
        """The carts that are not bought yet."""
        reply = await self._cartdb.call(
            "find_unpurchased",
            "GET",
            "/carts",
            CartList,
            refusals=(Unauthenticated,),
            credential=who.credential,
            headers=who.headers(),
        )
        return definite(reply).carts

    async def update(
        self,
        who: Authority,
        method: str,
        path: str,
        *,
        command: AddLine | SetLine | CreateCart | RenameCart | None = None,
        key: str | None,
        expected: int | None = None,
    ) -> Cart:
        """Change a cart. Without a key an unknown outcome is not sent again: an add would count twice."""
        return definite(
            await self._cartdb.call(
                "update",
                method,
                path,
                Cart,
                refusals=EDIT_REFUSALS,
                command=command,
                credential=who.credential,
                headers=who.headers(key=key, expected=expected),
                repeatable=key is not None or method != "POST",
            )
        )

    async def delete(self, who: Authority, cart_id: UUID, *, key: str | None) -> None:
        """Take a cart away."""
        definite(
            await self._cartdb.call(
                "delete",
                "DELETE",
                f"/carts/{cart_id}",
                Nothing,
                refusals=EDIT_REFUSALS,
                credential=who.credential,
                headers=who.headers(key=key),
            )
        )

    async def history(self, who: Authority, cart_id: UUID, *, at: str | None) -> History:
        """Who changed what when."""
        return definite(
            await self._cartdb.call(
                "history",
                "GET",
                f"/carts/{cart_id}/history",
                History,
                refusals=(CartNotFound, Unauthenticated),
                credential=who.credential,
                headers=who.headers(),
                params=[("at", at)] if at else None,
            )
        )

    async def purchases(self, who: Authority) -> list[Purchase]:
        """A shopper's purchases."""
        reply = await self._cartdb.call(
            "list_purchases",
            "GET",
            "/purchases",
            PurchaseList,
            refusals=(Unauthenticated,),
            credential=who.credential,
            headers=who.headers(),
        )
        return definite(reply).purchases

    async def purchase_of(self, who: Authority, checkout_id: UUID) -> Purchase | Refused | Undecided:
        """One of a shopper's purchases."""
        return await self._cartdb.call(
            "find_purchase",
            "GET",
            f"/purchases/{checkout_id}",
            Purchase,
            refusals=(OrderNotFound, Unauthenticated),
            credential=who.credential,
            headers=who.headers(),
        )

    async def receipt(self, who: Authority, merge_id: UUID) -> Receipt:
        """What an adoption did."""
        return definite(
            await self._cartdb.call(
                "receipt",
                "GET",
                f"/adoptions/{merge_id}",
                Receipt,
                refusals=(MergeNotFound, Unauthenticated),
                credential=who.credential,
                headers=who.headers(),
            )
        )

    # --- the checkout's steps

    async def purchase(self, owner: str, cart_id: UUID, request: PurchaseRequest) -> Purchase | Refused | Undecided:
        """Mark a cart purchased."""
        return await self._step(
            owner, "purchase", f"/carts/{cart_id}/purchase", request, CartNotFound, IdempotencyKeyReused
        )

    async def attach(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        """Write the intent down."""
        path = f"/purchases/{checkout_id}/attach"
        return await self._step(owner, "attach", path, Attach(intent_id=intent_id), IntentMismatch, PurchaseHasFailed)

    async def settle(self, owner: str, checkout_id: UUID, intent_id: str) -> Purchase | Refused | Undecided:
        """Pending becomes paid."""
        path = f"/purchases/{checkout_id}/settle"
        return await self._step(owner, "settle", path, Settle(intent_id=intent_id), IntentMismatch, PurchaseHasFailed)

    async def unpurchase(self, owner: str, checkout_id: UUID, reason: str) -> Purchase | Refused | Undecided:
        """Unmark."""
        path = f"/purchases/{checkout_id}/unpurchase"
        return await self._step(owner, "unpurchase", path, Unpurchase(reason=reason), PurchaseIsSettled)

    async def void(self, owner: str, checkout_id: UUID, command: Void) -> Purchase | Refused | Undecided:
        """A tombstone for a checkout that never came."""
        return await self._step(owner, "void", f"/purchases/{checkout_id}/void", command, IdempotencyKeyReused)

    async def unfinished(self, older_than: float) -> Unfinished | Refused | Undecided:
        """What some controller left."""
        return await self._cartdb.call(
            "unfinished",
            "GET",
            "/unfinished",
            Unfinished,
            credential=self._checkout,
            params=[("older_than", str(older_than))],
        )

    async def _step(
        self,
        owner: str,
        call: str,
        path: str,
        command: PurchaseRequest | Attach | Settle | Unpurchase | Void,
        *refusals: type[Problem],
    ) -> Purchase | Refused | Undecided:
        who = self._for(owner)
        return await self._cartdb.call(
            call,
            "POST",
            path,
            Purchase,
            refusals=refusals,
            command=command,
            credential=who.credential,
            headers=who.headers(),
        )

    # --- adoption, by the checkout's authority so that reconcile can carry it on

    async def freeze(self, guest: Authority, command: Freeze) -> Frozen | Refused | Undecided:
        """Step 1, at the guest's carts."""
        return await self._cartdb.call(
            "freeze",
            "POST",
            "/adoptions/freeze",
            Frozen,
            refusals=(CartIsBeingAdopted,),
            command=command,
            credential=guest.credential,
            headers=guest.headers(),
        )

    async def apply(self, owner: str, frozen: Frozen) -> Receipt | Refused | Undecided:
        """Step 2, at the user's cart."""
        who = self._for(owner)
        command = ApplyMerge(
            merge_id=frozen.merge_id,
            guest_owner=frozen.guest_owner,
            guest_cart_id=frozen.guest_cart_id,
            strategy=frozen.strategy,
            lines=frozen.lines,
        )
        return await self._cartdb.call(
            "apply",
            "POST",
            "/adoptions/apply",
            Receipt,
            refusals=(CartInCheckout,),
            command=command,
            credential=who.credential,
            headers=who.headers(),
        )

    async def close(self, frozen: Frozen) -> bool:
        """Step 3, at the guest's carts; whether it is done."""
        who = self._for(frozen.guest_owner)
        path = f"/adoptions/{frozen.merge_id}/close"
        answer = await self._cartdb.call(
            "close", "POST", path, Nothing, credential=who.credential, headers=who.headers()
        )
        return isinstance(answer, Nothing)


class Stock:
    """catalog's stock, held and given back by checkout id."""

    def __init__(self, neighbour: Neighbour, token: Credential) -> None:
        self._catalog = neighbour
        self._token = token

    async def hold(self, checkout_id: UUID, lines: Iterable[HoldLine]) -> Hold | Refused | Undecided:
        """Set goods aside, all or none."""
        command = HoldRequest(lines=list(lines))
        return await self._step(checkout_id, "hold", "", command, OutOfStock, HoldIsReleased, HoldMismatch)

    async def commit(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        """The goods are sold."""
        return await self._step(checkout_id, "commit", "/commit", None, HoldIsReleased, HoldNotFound)

    async def release(self, checkout_id: UUID) -> Hold | Refused | Undecided:
        """The goods go back on the shelf, and stay there whatever arrives late."""
        return await self._step(checkout_id, "release", "/release", None, HoldIsCommitted)

    async def _step(
        self, checkout_id: UUID, call: str, suffix: str, command: HoldRequest | None, *refusals: type[Problem]
    ) -> Hold | Refused | Undecided:
        return await self._catalog.call(
            call,
            "POST",
            f"/holds/{checkout_id}{suffix}",
            Hold,
            refusals=refusals,
            command=command,
            credential=self._token,
        )


class Catalog:
    """catalog's goods, as they are now."""

    def __init__(self, neighbour: Neighbour) -> None:
        self._catalog = neighbour

    async def items(self, *, skus: Iterable[str] = (), ids: Iterable[tuple[int, int | None]] = ()) -> list[Item]:
        """The sellable items by SKU and by product and variant."""
        query = ItemQuery(skus=list(skus), ids=list(ids))
        return definite(await self._catalog.call("items", "POST", "/items/query", ItemList, command=query)).items

    async def products(self, params: list[tuple[str, str]]) -> ProductPage:
        """A page of products."""
        return definite(
            await self._catalog.call(
                "products", "GET", "/products", ProductPage, refusals=(ValidationFailed,), params=params
            )
        )

    async def product(self, sku: str) -> Product:
        """One product.

        Raises:
            ProductNotFound: there is none of that SKU.
        """
        return definite(
            await self._catalog.call("product", "GET", f"/products/{sku}", Product, refusals=(ProductNotFound,))
        )

    async def categories(self) -> CategoryList:
        """The categories and how many products each has."""
        return definite(await self._catalog.call("categories", "GET", "/categories", CategoryList))

    async def descriptions(self, query: DescriptionQuery) -> DescriptionList:
        """Descriptions of zero or more SKUs."""
        return definite(
            await self._catalog.call("descriptions", "POST", "/products/descriptions", DescriptionList, command=query)
        )


class Payments:
    """A processor that speaks Stripe's wire format."""

    def __init__(self, neighbour: Neighbour, *, secret_key: str) -> None:
        self._payments = neighbour
        self._secret_key = secret_key

    async def create(self, *, amount: int, currency: str, checkout_id: UUID) -> PaymentIntent | Refused | Undecided:
        """The checkout's one intent: the same in every repeat."""
        form = {
            "amount": str(amount),
            "currency": currency.lower(),
            "payment_method_types[]": "card",
            "metadata[checkout_id]": str(checkout_id),
        }
        return await self._post("create", "/v1/payment_intents", form, key=f"{checkout_id}:create")

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


# The last version in which an intent takes payment_method_types, which is what a checkout names.
STRIPE_VERSION = "2026-07-29.dahlia"
FINAL = frozenset({IntentStatus.SUCCEEDED, IntentStatus.CANCELED})
UNEXPECTED_STATE = "payment_intent_unexpected_state"


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


def _refusal(status: int, error: StripeError) -> Refused | OutcomeUnknown:
    if error.type == "card_error" and status == httpx.codes.PAYMENT_REQUIRED:
        reason = error.decline_code or error.code or "card_declined"
        return Refused(PaymentDeclined(error.message or None, reason=reason))
    if error.type == "invalid_request_error" and error.param == "payment_method":
        return Refused(PaymentMethodNotAccepted(error.message or None))
    if error.type == "invalid_request_error" and error.param == "amount":
        return Refused(Unprocessable(f"The processor does not take this total: {error.message}"))
    return OutcomeUnknown("payments", f"answered {status} {error.type} {error.code}")
