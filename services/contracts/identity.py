"""Who somebody is, once a credential has been verified: owner ids, scopes, audiences."""

import hashlib
from enum import StrEnum
from uuid import UUID

GUEST_PREFIX = "guest:"
USER_PREFIX = "user:"
CART_OWNER_HEADER = "Cart-Owner"


class Scope(StrEnum):
    """What a token may do. A service token carries one scope."""

    CART_GUEST = "cart:guest"
    CART_CHECKOUT = "cart:checkout"
    CART_WATCH = "cart:watch"
    STOCK_CHECKOUT = "stock:checkout"
    CATALOG_WRITE = "catalog:write"
    OPERATOR = "operator"


# What no user is ever given.
SERVICE_RIGHTS = frozenset({Scope.CART_GUEST, Scope.CART_CHECKOUT, Scope.CART_WATCH, Scope.STOCK_CHECKOUT})


def owner_id_of(issuer: str, subject: str) -> str:
    """The owner id of a user, from (iss, sub) and never from an e-mail address.

    The length prefix keeps ('a', 'bc') and ('ab', 'c') apart.
    """
    digest = hashlib.sha256(f"{len(issuer)}:{issuer}{subject}".encode()).hexdigest()
    return f"{USER_PREFIX}{digest[:32]}"


def guest_owner_id(guest: UUID) -> str:
    """The owner id of a guest session."""
    return f"{GUEST_PREFIX}{guest}"


def is_guest(owner_id: str) -> bool:
    """Whether the owner is a guest session, as opposed to a signed-in user."""
    return owner_id.startswith(GUEST_PREFIX)


def first_cart_id(owner_id: str) -> UUID:
    """The id of an owner's first cart, known before the first change so that looking writes nothing."""
    return _derived(f"first-cart:{owner_id}")


def undone_cart_id(merge_id: UUID, number: int) -> UUID:
    """The id of a cart that gets the guest's lines back when a merge is undone, so that a repeat agrees."""
    return _derived(f"undone-merge:{merge_id}:{number}")


def _derived(text: str) -> UUID:
    digest = bytearray(hashlib.sha256(text.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80  # UUID version 8: made by a rule of the application's own
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))
