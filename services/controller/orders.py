"""A shopper's checkouts: begun by a form, told as orders, ended by an outcome."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.contracts.carts import Cart, Purchase, PurchaseRequest, PurchaseState, Snapshot, Void
from services.contracts.identity import is_guest
from services.contracts.problems import (
    PROBLEMS,
    CartInCheckout,
    CheckoutCannotBeCancelled,
    CheckoutRefused,
    IdempotencyKeyReused,
    NotSent,
    OrderNotFound,
    OutcomeNotKnown,
    OutcomeUnknown,
    PreconditionFailed,
    Problem,
    Refused,
    Unavailable,
    Undecided,
)
from services.contracts.refunds import Refund, RefundState
from services.contracts.shop import Order, OrderRefund, OrderStatus, TimelineEvent
from services.contracts.shop import Orders as OrderPage

from .authority import Authority
from .checkout import Checkout, Failed, Outcome, Paid, Processing, decided
from .quote import Form, check_form, checkout_id_of, emptiness, quote
from .shopping import Goods


class Carts(Protocol):
    """cartdb, as far as orders need it."""

    async def find(self, who: Authority, cart_id: UUID | None) -> Cart: ...
    async def purchases(
        self, who: Authority, *, limit: int, before: datetime | None, states: Iterable[PurchaseState]
    ) -> list[Purchase]: ...
    async def purchase_of(self, who: Authority, checkout_id: UUID) -> Purchase | Refused | Undecided: ...
    async def void(self, owner: str, checkout_id: UUID, command: Void) -> Purchase | Refused | Undecided: ...


class Guests(Protocol):
    """Whom a user was before signing in, on whatever device."""

    async def guests_of(self, owner_id: str) -> list[Authority]: ...


class Buyer(Protocol):
    """Whose orders they are. A user who bought as a guest before signing in may still read those orders."""

    @property
    def owner_id(self) -> str: ...
    @property
    def authority(self) -> Authority: ...
    @property
    def earlier_guest(self) -> Authority | None: ...


NOT_NOW = (
    "It cannot be decided now: the bank has the charge, or a service does not answer. "
    "Ask for the order until it tells the outcome."
)


@dataclass(frozen=True, slots=True)
class Bought:
    """The money was taken; `replayed` if an earlier request with the same key or form had taken it already."""

    order: Order
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """The outcome is not known yet; the order tells it later."""

    order: Order


@dataclass(frozen=True, slots=True)
class Wish:
    """A checkout before anything came of it."""

    buyer: Buyer
    form: Form
    cart: Cart
    checkout_id: UUID


def _automatic_key(cart: Cart, form: Form) -> str:
    """A double click is one checkout; a try after a refusal finds the cart at another version and is a new one."""
    return f"auto:{cart.cart_id}:{cart.version}:{form.fingerprint}"


class Orders:
    """What a shopper may do about paying."""

    def __init__(
        self,
        *,
        carts: Carts,
        goods: Goods,
        checkout: Checkout,
        guests: Guests,
        currency: str,
        aliases: dict[str, str],
    ) -> None:
        self._carts = carts
        self._guests = guests
        self._goods = goods
        self._checkout = checkout
        self._currency = currency
        self._aliases = aliases

    async def check_out(self, buyer: Buyer, form: Form, *, cart_id: UUID | None, key: str | None) -> Bought | Pending:
        """Pay for a cart.

        Raises:
            Problem: it was refused, and nothing was charged; or its outcome is not known.
        """
        cart = await self._carts.find(buyer.authority, cart_id)
        wish = Wish(buyer, form, cart, checkout_id_of(buyer.owner_id, key or _automatic_key(cart, form)))
        if empty := emptiness(cart):
            if key is None:  # No late twin could pay: its id was made of a cart that had lines.
                raise empty
            return await self._refuse(wish, empty, method=None)
        method = check_form(form, currency=self._currency, guest=is_guest(buyer.owner_id), aliases=self._aliases)
        items = (await self._goods.items(skus=[line.sku for line in cart.items])).items
        try:
            snapshot = quote(cart, items, form)
        except Problem as problem:
            return await self._refuse(wish, problem, method=method)
        request = PurchaseRequest(
            checkout_id=wish.checkout_id, version=cart.version, fingerprint=form.fingerprint, snapshot=snapshot
        )
        return self._told(await self._checkout.run(buyer.owner_id, cart.cart_id, request, method))

    async def _refuse(self, wish: Wish, problem: Problem, *, method: str | None) -> Bought | Pending:
        """Tell a refusal, once it is sure that no late twin of the request can still pay.

        A purchase that is there already wins: it goes on, or its state is told.
        """
        match await self._tombstone(wish, problem):
            case Purchase(fingerprint=fingerprint) if fingerprint != wish.form.fingerprint:
                raise IdempotencyKeyReused(order_id=str(wish.checkout_id))
            case Purchase(state=PurchaseState.FAILED, snapshot=None) | Refused(OrderNotFound()):
                raise problem
            case Purchase(state=PurchaseState.PENDING) as purchase if method is not None:
                return self._told(await self._checkout.resume(purchase, method))
            case Purchase() as purchase:
                return self._told(decided(purchase))
            case Refused(refusal):
                raise refusal
            case NotSent(neighbour) | OutcomeUnknown(neighbour):
                raise OutcomeNotKnown(service=neighbour)

    async def _tombstone(self, wish: Wish, problem: Problem) -> Purchase | Refused | Undecided:
        expected = wish.form.expected_version
        past = expected is not None and expected < wish.cart.version
        if isinstance(problem, PreconditionFailed) and past:  # A past version refuses its late twin by itself.
            return await self._carts.purchase_of(wish.buyer.authority, wish.checkout_id)
        command = Void(cart_id=wish.cart.cart_id, fingerprint=wish.form.fingerprint, reason=problem.slug)
        return await self._carts.void(wish.buyer.owner_id, wish.checkout_id, command)

    def _told(self, outcome: Outcome) -> Bought | Pending:
        match outcome:
            case Paid(purchase, replayed):
                return Bought(order_of(purchase, paid=True), replayed)
            case Processing(purchase):
                return Pending(order_of(purchase))
            case Failed(problem):
                raise problem

    async def page(
        self,
        buyer: Buyer,
        *,
        limit: int = 50,
        before: datetime | None = None,
        status: OrderStatus | None = None,
    ) -> OrderPage:
        """The shopper's orders, the newest first, and the checkouts that came to nothing; or those of one status."""
        states = [state for state, told in _STATUS.items() if status in (None, told)]
        purchases: list[Purchase] = []
        for who in [buyer.authority, *await self._earlier_guests(buyer)]:
            purchases += await self._carts.purchases(who, limit=limit, before=before, states=states)
        purchases.sort(key=lambda purchase: purchase.created_at, reverse=True)
        orders = [order_of(purchase) for purchase in purchases[:limit]]
        more = len(purchases) >= limit
        return OrderPage(orders=orders, next_before=orders[-1].created_at if more else None)

    async def one(self, buyer: Buyer, order_id: UUID) -> Order:
        """One order, in its present state.

        Raises:
            OrderNotFound: the shopper has none of that id.
        """
        return order_of((await self._purchase(buyer, order_id))[0])

    async def cancel(self, buyer: Buyer, order_id: UUID) -> Order:
        """Call a checkout off that has no outcome yet.

        Raises:
            CheckoutCannotBeCancelled: it has one.
            CartInCheckout: nobody can tell yet; ask again.
        """
        purchase, _ = await self._purchase(buyer, order_id)
        if purchase.state is PurchaseState.PAID:
            raise CheckoutCannotBeCancelled(order_id=str(order_id))
        if purchase.state is PurchaseState.FAILED:
            return order_of(purchase)
        match await self._checkout.undo(purchase, CheckoutRefused(reason="cancelled")):
            case Failed():
                return order_of((await self._purchase(buyer, order_id))[0])
            case Paid():
                raise CheckoutCannotBeCancelled(order_id=str(order_id))
            case Processing():
                raise CartInCheckout(NOT_NOW, headers={"Retry-After": "2"}, order_id=str(order_id))

    async def _purchase(self, buyer: Buyer, order_id: UUID) -> tuple[Purchase, Snapshot]:
        if found := await self._purchase_under(buyer.authority, order_id):
            return found
        for guest in await self._earlier_guests(buyer):
            if found := await self._purchase_under(guest, order_id):
                return found
        raise OrderNotFound(order_id=str(order_id))

    async def _purchase_under(self, authority: Authority, order_id: UUID) -> tuple[Purchase, Snapshot] | None:
        match await self._carts.purchase_of(authority, order_id):
            case Purchase(snapshot=Snapshot() as snapshot) as purchase:
                return purchase, snapshot
            case Purchase() | Refused(OrderNotFound()):
                return None
            case Refused(problem):
                raise problem
            case NotSent(neighbour) | OutcomeUnknown(neighbour):
                raise Unavailable(service=neighbour)

    async def _earlier_guests(self, buyer: Buyer) -> list[Authority]:
        """This session's guest and those of the user's other sign-ins; a guest has none."""
        if is_guest(buyer.owner_id):
            return []
        adopted = await self._guests.guests_of(buyer.owner_id)
        here = buyer.earlier_guest
        if here is None or any(guest.owner == here.owner for guest in adopted):
            return adopted
        return [here, *adopted]


_STATUS: dict[PurchaseState, OrderStatus] = {
    PurchaseState.PENDING: "processing",
    PurchaseState.PAID: "paid",
    PurchaseState.FAILED: "refused",
}


def order_of(purchase: Purchase, *, paid: bool = False) -> Order:
    """A purchase as its shopper sees it. `paid`: the money is known to be taken, whatever the row says yet."""
    snapshot = purchase.snapshot
    assert snapshot is not None
    begun = [refund_of(refund) for refund in purchase.refunds if refund.failure not in PROBLEMS]
    return Order(
        order_id=purchase.checkout_id,
        cart_id=purchase.cart_id,
        status="paid" if paid else _STATUS[purchase.state],
        reason=purchase.reason,
        total=snapshot.amount,
        currency=snapshot.currency,
        items=snapshot.lines,
        email=snapshot.email,
        shipping_address=snapshot.shipping_address,
        billing_address=snapshot.billing_address,
        created_at=purchase.created_at,
        timeline=timeline(purchase, begun),
        refunds=begun,
        erased_at=purchase.erased_at,
        refunded_total=sum(refund.amount for refund in begun if refund.status is RefundState.DONE),
    )


def refund_of(refund: Refund) -> OrderRefund:
    """A refund as an order shows it."""
    return OrderRefund(
        refund_id=refund.refund_id,
        status=refund.state,
        amount=refund.amount or 0,
        currency=refund.currency,
        reason=refund.reason,
        restock=refund.restock,
        failure=refund.failure,
        created_at=refund.created_at,
        decided_at=refund.decided_at,
    )


def timeline(purchase: Purchase, refunds: Iterable[OrderRefund]) -> list[TimelineEvent]:
    """What the checkout and the refunds did, and when."""
    moments = [
        ("cart_marked", purchase.created_at),
        ("payment_started", purchase.attached_at),
        ("paid" if purchase.state is PurchaseState.PAID else "refused", purchase.decided_at),
    ]
    later = [moment for refund in refunds for moment in _moments(refund)]
    told = [TimelineEvent(event=event, at=at) for event, at in moments if at is not None]
    return told + sorted(later, key=lambda event: event.at)


def _moments(refund: OrderRefund) -> list[TimelineEvent]:
    begun = [TimelineEvent(event="refund_started", at=refund.created_at, amount=refund.amount)]
    if refund.decided_at is None:
        return begun
    done = refund.status is RefundState.DONE
    event = "refunded" if done else "refund_failed"
    return [*begun, TimelineEvent(event=event, at=refund.decided_at, amount=refund.amount)]
