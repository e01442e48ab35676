"""All that cartdb holds on one owner, told in pages, and its erasure."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import ConfigDict

from services.contracts.carts import OwnerId
from services.contracts.messages import Command, Reply


class AccountPart(StrEnum):
    """What cartdb holds on an owner, by kind."""

    SHOPPER = "shopper"
    CARTS = "carts"
    HISTORY = "history"
    PURCHASES = "purchases"
    RECEIPTS = "receipts"
    KEYS = "keys"


class AccountPage(Reply):
    """Rows of one kind in the order of their keys. Pass `next_after` on as `after` to get the next page."""

    records: list[dict[str, Any]]
    next_after: str | None = None


class EraseOwner(Command):
    """Forget an owner. `adopted_by` is the user whose guest the owner was, null for anybody else.

    `only_ask` changes nothing and refuses as the erasure would.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"only_ask": True}})

    adopted_by: OwnerId | None = None
    only_ask: bool = False


class SessionTold(Reply):
    """One session, without what would open it."""

    created_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    name: str | None


class AccountOwner(Reply):
    """Whom an export is about."""

    id: str
    name: str | None
    guest: bool


class Held(Reply):
    """What cartdb holds under one owner id: the shopper's own, or that of a guest they were."""

    owner_id: str
    shopper: list[dict[str, Any]]
    carts: list[dict[str, Any]]
    history: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    merges: list[dict[str, Any]]
    idempotency_keys: list[dict[str, Any]]


class AccountExport(Reply):
    """Everything the shop holds on a shopper."""

    exported_at: datetime
    owner: AccountOwner
    sessions: list[SessionTold]
    held: list[Held]


class Erased(Reply):
    """What was done, and who still has an account of the shopper's: the issuer that they sign in with."""

    erased: Literal[True] = True
    kept: str = "Orders and refunds stay for the books: goods, amounts and dates, without names and addresses."
    identity_provider: str | None
