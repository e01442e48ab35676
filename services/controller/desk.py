"""What an operator may do with anybody's order: read it, and give its money back."""

from dataclasses import dataclass
from itertools import count
from typing import Protocol
from uuid import UUID

from services.contracts.carts import Purchase
from services.contracts.problems import NotSent, OrderNotFound, OutcomeUnknown, Refused, Unavailable, Undecided
from services.contracts.refunds import Refund, RefundRequest, RefundState
from services.contracts.shop import Order, RefundCommand, RefundReply

from .checkout import REPLAYED
from .orders import order_of, refund_of
from .refunds import GivenBack, NotGivenBack, Refunds, Underway, fingerprint_of, refund_id_of


class Carts(Protocol):
    """cartdb, under the checkout's authority."""

    async def anybodys(self, checkout_id: UUID) -> Purchase | Refused | Undecided: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A refund and its order; whether it is done, or still under way; whether the request is a repeat."""

    reply: RefundReply
    done: bool
    replayed: bool


class Desk:
    """Orders of every owner. Who is an operator is checked at the door."""

    def __init__(self, *, carts: Carts, refunds: Refunds) -> None:
        self._carts = carts
        self._refunds = refunds

    async def one(self, order_id: UUID) -> Order:
        """One order, in its present state, with whose it is.

        Raises:
            OrderNotFound: there is none of that id.
        """
        return _shown(await self._purchase(order_id))

    async def refund(self, operator: str, order_id: UUID, command: RefundCommand, *, key: str | None) -> Told:
        """Give a part of an order's money back, or what is left of it.

        Raises:
            Problem: it was refused, and nothing went back; or its outcome is not known.
        """
        purchase = await self._purchase(order_id)
        same = fingerprint_of(amount=command.amount, reason=command.reason, restock=command.restock)
        chosen = f"key:{len(operator)}:{operator}{key}" if key else _automatic_key(purchase, same)
        request = RefundRequest(
            refund_id=refund_id_of(order_id, chosen),
            fingerprint=same,
            amount=command.amount,
            currency=purchase.snapshot.currency if purchase.snapshot else "",
            reason=command.reason,
            restock=command.restock,
            actor=operator,
        )
        replayed = any(one.refund_id == request.refund_id for one in purchase.refunds)
        match await self._refunds.run(purchase.owner_id, order_id, request):
            case GivenBack(refund):
                return Told(_reply(purchase, refund), done=True, replayed=replayed)
            case Underway(refund):
                return Told(_reply(purchase, refund), done=False, replayed=replayed)
            case NotGivenBack(problem):
                problem.headers.update(REPLAYED if replayed else {})
                raise problem

    async def _purchase(self, order_id: UUID) -> Purchase:
        match await self._carts.anybodys(order_id):
            case Purchase(snapshot=None) | Refused(OrderNotFound()):
                raise OrderNotFound(order_id=str(order_id))
            case Purchase() as purchase:
                return purchase
            case Refused(problem):
                raise problem
            case NotSent(neighbour) | OutcomeUnknown(neighbour):
                raise Unavailable(service=neighbour)


def _automatic_key(purchase: Purchase, fingerprint: str) -> str:
    """An equal request is the same refund, however late it comes, and whoever sends it; after it failed, a new one.

    A second refund of the same amount is wanted more rarely than a double click happens: it takes a key. Only its own
    failures count: were it those of any refund, a repeat of one that was given would be new after another was refused.
    """
    failed = {refund.refund_id for refund in purchase.refunds if refund.state is RefundState.FAILED}
    keys = (f"auto:{number}:{fingerprint}" for number in count())
    return next(key for key in keys if refund_id_of(purchase.checkout_id, key) not in failed)


def _reply(purchase: Purchase, refund: Refund) -> RefundReply:
    others = [other for other in purchase.refunds if other.refund_id != refund.refund_id]
    now = purchase.model_copy(update={"refunds": [*others, refund]})
    return RefundReply(refund=refund_of(refund), order=_shown(now))


def _shown(purchase: Purchase) -> Order:
    return order_of(purchase).model_copy(update={"owner_id": purchase.owner_id})
