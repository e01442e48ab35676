"""A cart's rules that need no row: its limits, the cart before its first change, who may be served whose."""

from dataclasses import dataclass

from services.contracts.carts import Cart, CartStatus
from services.contracts.identity import first_cart_id, is_guest


@dataclass(frozen=True, slots=True)
class Limits:
    """How large carts may grow, how many an owner may have open, and how long they wait untouched."""

    quantity: int
    lines: int
    open_carts: int
    guest_idle_days: int
    user_idle_days: int

    def idle_days(self, owner_id: str) -> int:
        """After how many days without a change the owner's carts end."""
        return self.guest_idle_days if is_guest(owner_id) else self.user_idle_days


def untouched(owner_id: str, currency: str) -> Cart:
    """The cart of an owner who has not changed anything yet. Looking at it writes no row."""
    return Cart(
        cart_id=first_cart_id(owner_id),
        owner_id=owner_id,
        name=None,
        version=0,
        status=CartStatus.OPEN,
        currency=currency,
        items=[],
        expires_at=None,
        created_at=None,
        updated_at=None,
    )
