"""All that the shop holds on a shopper, told; and the shopper forgotten.

An erasure has these steps, each of which agrees on repetition, so that a repeat finishes what a crash left:

    ask     cartdb, each owner     refused while an order or a refund has no outcome, or an adoption is under way
    erase   cartdb, each guest     the guests that a user was; each in one transaction
    erase   cartdb, the user       in one transaction
    end     sessions               every session of the user and the links to the guests, in one transaction

Whoever signs in as the user meanwhile either brings a guest that the last step finds, so that all is done once more, or
begins after it, with an empty account.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from services.contracts.account import AccountPage, AccountPart, EraseOwner
from services.contracts.carts import Purchase
from services.contracts.problems import Problem

from .authority import Authority
from .orders import order_of
from .reconcile import a_few_at_once

PARTS = {
    AccountPart.SHOPPER: "shopper",
    AccountPart.CARTS: "carts",
    AccountPart.HISTORY: "history",
    AccountPart.PURCHASES: "orders",
    AccountPart.RECEIPTS: "merges",
    AccountPart.KEYS: "idempotency_keys",
}


class Carts(Protocol):
    """cartdb, as far as it is about an owner as a whole."""

    async def account_page(self, who: Authority, part: AccountPart, *, after: str | None) -> AccountPage: ...
    async def erase_owner(self, who: Authority, command: EraseOwner) -> None: ...


class Token(Protocol):
    """What a session speaks to the provider with."""

    @property
    def refresh_token(self) -> str | None: ...


class Sessions(Protocol):
    """The controller's own table."""

    async def of_user(self, issuer: str, subject: str) -> list[dict[str, Any]]: ...
    async def every_guest_of(self, issuer: str, subject: str) -> set[str]: ...
    async def erase_user(self, issuer: str, subject: str, *, guests: set[str]) -> Iterable[Token] | None: ...
    async def end(self, session: Any, *, by: str) -> None: ...


class Identity(Protocol):
    """The provider."""

    async def revoke(self, refresh_token: str) -> None: ...


class Person(Protocol):
    """Whom it is about: a user has an identity, a guest has not."""

    @property
    def owner_id(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def authority(self) -> Authority: ...
    @property
    def identity(self) -> tuple[str, str] | None: ...


class Accounts:
    """What a shopper may ask about themselves as a whole."""

    def __init__(
        self, *, carts: Carts, sessions: Sessions, identity: Identity, guest: Callable[[str], Authority]
    ) -> None:
        self._carts = carts
        self._sessions = sessions
        self._identity = identity
        self._guest = guest

    async def export(self, who: Person, own_session: list[dict[str, Any]]) -> AsyncIterator[str]:
        """The whole as JSON text, piece by piece. Nothing is told before everybody has answered once.

        Args:
            own_session: what is told of a guest's one session.

        Raises:
            Problem: somebody does not answer.
        """
        owners = {who.owner_id: who.authority}
        if who.identity:
            owners |= {guest: self._guest(guest) for guest in sorted(await self._guests_of(who, who.identity))}
        sessions = await self._sessions.of_user(*who.identity) if who.identity else own_session
        await self._carts.account_page(who.authority, AccountPart.SHOPPER, after=None)
        head = {
            "exported_at": datetime.now(UTC).isoformat(),
            "owner": {"id": who.owner_id, "name": who.name, "guest": who.identity is None},
            "sessions": sessions,
        }
        yield json.dumps(head, ensure_ascii=False)[:-1] + ', "held": ['
        for number, (owner, authority) in enumerate(owners.items()):
            yield (", " if number else "") + json.dumps({"owner_id": owner})[:-1]
            for part, name in PARTS.items():
                yield f', "{name}": ['
                async for piece in self._pieces(authority, part):
                    yield piece
                yield "]"
            yield "}"
        yield "]}"

    async def _pieces(self, who: Authority, part: AccountPart) -> AsyncIterator[str]:
        comma, after = "", None
        while True:
            page = await self._carts.account_page(who, part, after=after)
            if page.records:
                told = map(_order, page.records) if part is AccountPart.PURCHASES else page.records
                yield comma + ", ".join(json.dumps(record, ensure_ascii=False) for record in told)
                comma = ", "
            if (after := page.next_after) is None:
                return

    async def erase_guest(self, who: Person, session: object) -> None:
        """Forget a guest, and end the session.

        Raises:
            Problem: it cannot be now, or somebody does not answer.
        """
        await self._carts.erase_owner(who.authority, EraseOwner())
        await self._sessions.end(session, by="erasure")

    async def erase_user(self, who: Person, identity: tuple[str, str]) -> int:
        """Forget a user and the guests that they were, and sign them out everywhere.

        How many of their sign-ins the provider has not heard the end of: nobody has their tokens any more.

        Raises:
            Problem: it cannot be now, or somebody does not answer; asked again, it goes on.
        """
        guests: set[str] = set()
        ended = None
        while ended is None:
            guests |= await self._guests_of(who, identity)
            for only_ask in (True, False):
                of_guest = EraseOwner(adopted_by=who.owner_id, only_ask=only_ask)
                for guest in sorted(guests):
                    await self._carts.erase_owner(self._guest(guest), of_guest)
                await self._carts.erase_owner(who.authority, EraseOwner(only_ask=only_ask))
            ended = await self._sessions.erase_user(*identity, guests=guests)
        tokens = [tokens.refresh_token for tokens in ended]
        told = await a_few_at_once(partial(self._is_revoked, token) for token in tokens if token)
        return len(told) - told.count(True)

    async def _guests_of(self, who: Person, identity: tuple[str, str]) -> set[str]:
        """Those that the sessions remember, and those of whom only a receipt tells, for they bought nothing."""
        guests, after = await self._sessions.every_guest_of(*identity), None
        while True:
            page = await self._carts.account_page(who.authority, AccountPart.RECEIPTS, after=after)
            guests |= {receipt["guest_owner"] for receipt in page.records}
            if (after := page.next_after) is None:
                return guests

    async def _is_revoked(self, refresh_token: str) -> bool:
        try:
            await self._identity.revoke(refresh_token)
        except Problem:
            return False
        return True


def _order(record: dict[str, Any]) -> dict[str, Any]:
    purchase = Purchase.model_validate(record)
    if purchase.snapshot is None:  # It was refused before there was anything to sell.
        return purchase.model_dump(mode="json", include={"checkout_id", "cart_id", "state", "reason", "created_at"})
    return {**order_of(purchase).model_dump(mode="json", exclude={"owner_id"}), "payment": purchase.intent_id}
