"""All that cartdb holds on one owner, told in pages, and its erasure."""

from enum import StrEnum
from typing import Any

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
