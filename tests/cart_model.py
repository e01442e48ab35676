"""The rules of carts and merges on paper, without a database: what every change does, and how it is refused.

It is written from the contract, not from the services, and the state machines compare it with them step by step.
A refusal is its slug. Ids of carts that the service makes up are told to the model afterwards (`Owner.bind`).
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

Lines = dict[str, int]
OPEN, IN_CHECKOUT, PURCHASED, MOVING, MOVED, DELETED = (
    "open", "in_checkout", "purchased", "moving", "moved", "deleted",
)  # fmt: skip
WHY_NOT = {
    IN_CHECKOUT: "cart_in_checkout",
    PURCHASED: "cart_already_purchased",
    MOVING: "cart_is_being_adopted",
    MOVED: "cart_is_being_adopted",
    DELETED: "cart_not_found",
}
NOT_KEPT = frozenset({"cart_not_found", "precondition_failed"})
STRATEGIES: dict[str, Callable[[int, int], int]] = {
    "sum": lambda user, guest: user + guest,
    "max": max,
    "keep_user": lambda user, _: user,
    "keep_guest": lambda _, guest: guest,
}
_unbound = count(1)


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """The change is refused and nothing has changed."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


@dataclass(frozen=True)
class Limits:
    """How large carts grow, and how many an owner has open."""

    quantity: int
    lines: int
    carts: int


@dataclass
class Cart:
    """`merge` is the merge that takes it away, and to whom. `past` has the lines of every version."""

    cart_id: str
    name: str | None = None
    status: str = OPEN
    version: int = 0
    lines: Lines = field(default_factory=dict)
    merge: tuple[str, str] | None = None
    past: dict[int, Lines] = field(default_factory=lambda: {0: {}})

    def changed(self) -> None:
        self.version += 1
        self.past[self.version] = dict(self.lines)

    def demand_open(self) -> None:
        if self.status != OPEN:
            raise Refused(WHY_NOT[self.status])

    def reopen(self) -> None:
        self.status = MOVING if self.merge else OPEN
        self.changed()

    @property
    def seen(self) -> tuple[object, ...]:
        """What a reader sees of it."""
        return (self.status, self.version, self.name, self.lines)


@dataclass
class Purchase:
    """One checkout of one cart."""

    cart: Cart
    fingerprint: str
    state: str
    reason: str | None = None
    intent: str | None = None


Told = tuple[str, int, int, int, int, str]
"""A line of a receipt: the SKU, the guest's, the user's, what it is now, what was left out, why."""


@dataclass
class Merge:
    """What one adoption did to the cart that it went into, and what both sides held before."""

    cart: Cart
    version: int
    mine: Lines
    theirs: Lines
    receipt: list[Told]
    undone: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a change came to: a slug, or "ok" and the cart that the answer shows."""

    slug: str
    cart: Cart | None = None
    replayed: bool = False


@dataclass(frozen=True)
class Edit:
    """A change of lines; `cart_id` None is the current cart, `expected` the version that If-Match names."""

    action: str
    sku: str = ""
    quantity: int = 0
    cart_id: str | None = None
    expected: int | None = None


class Owner:
    """A guest or a user, with carts, kept keys, purchases and receipts."""

    def __init__(self, first_cart_id: str, limits: Limits) -> None:
        self.limits = limits
        self.carts = {first_cart_id: Cart(first_cart_id)}
        self.current = first_cart_id
        self.purchases: dict[str, Purchase] = {}
        self.merges: dict[str, Merge] = {}
        self._kept: dict[str, tuple[object, str, Cart | None]] = {}

    def bind(self, cart_ids: Iterable[str]) -> None:
        """Tell a new cart the id that the service gave it, if there is one of each."""
        new = [cart_id for cart_id in cart_ids if cart_id not in self.carts]
        nameless = [cart for cart in self.carts.values() if cart.cart_id.startswith("new ")]
        if len(new) == len(nameless) == 1:
            [cart] = nameless
            del self.carts[cart.cart_id]
            self.current = new[0] if self.current == cart.cart_id else self.current
            cart.cart_id = new[0]
            self.carts[cart.cart_id] = cart

    @property
    def seen(self) -> dict[str, tuple[object, ...]]:
        """Every cart as readers see it, and whether it is the current one."""
        return {cart_id: (*cart.seen, cart_id == self.current) for cart_id, cart in self.carts.items()}

    @property
    def unpurchased(self) -> list[Cart]:
        return [cart for cart in self.carts.values() if cart.status in {OPEN, IN_CHECKOUT}]

    @property
    def adopted(self) -> bool:
        return any(cart.merge for cart in self.carts.values())

    def find(self, cart_id: str | None) -> Cart:
        if (cart := self.carts.get(cart_id or self.current)) is None:
            raise Refused("cart_not_found")
        return cart

    def read(self, cart_id: str | None) -> Cart:
        """A cart in any state but deleted."""
        cart = self.find(cart_id)
        if cart.status == DELETED:
            raise Refused("cart_not_found")
        return cart

    def _new(self, name: str | None = None) -> Cart:
        cart = Cart(f"new {next(_unbound)}", name)
        self.carts[cart.cart_id] = cart
        return cart

    # --- changes with a key

    def keyed(self, key: str | None, same: object, change: Callable[[], Cart]) -> Outcome:
        """Make a change once for its key; `same` is what a repeat has in common with it."""
        if key is not None and key in self._kept:
            before, slug, cart = self._kept[key]
            return Outcome(slug, cart, slug == "ok") if before == same else Outcome("idempotency_key_reused")
        try:
            outcome = Outcome("ok", change())
        except Refused as refusal:
            outcome = Outcome(refusal.slug)
        if key is not None and outcome.slug not in NOT_KEPT:
            self._kept[key] = (same, outcome.slug, outcome.cart)
        return outcome

    def edit(self, edit: Edit) -> Cart:
        cart = self.find(edit.cart_id)
        cart.demand_open()
        if edit.expected not in {None, cart.version}:
            raise Refused("precondition_failed")
        before = dict(cart.lines)
        if edit.action == "clear":
            cart.lines.clear()
        else:
            self._set(cart, edit.sku, self._wanted(cart.lines.get(edit.sku, 0), edit))
        if cart.lines != before:
            cart.changed()
        return cart

    @staticmethod
    def _wanted(before: int, edit: Edit) -> int:
        match edit.action:
            case "add":
                return before + edit.quantity
            case "set":
                return edit.quantity
            case _:
                return 0

    def _set(self, cart: Cart, sku: str, quantity: int) -> None:
        if quantity > self.limits.quantity:
            raise Refused("quantity_limit_exceeded")
        if sku not in cart.lines and quantity and len(cart.lines) >= self.limits.lines:
            raise Refused("line_limit_exceeded")
        if quantity:
            cart.lines[sku] = quantity
        else:
            cart.lines.pop(sku, None)

    def create(self, name: str | None, *, activate: bool = True) -> Cart:
        if self.adopted:
            raise Refused("cart_is_being_adopted")
        if len(self.unpurchased) >= self.limits.carts:
            raise Refused("cart_limit_exceeded")
        cart = self._new(name)
        if activate:
            self.current = cart.cart_id
        return cart

    def rename(self, cart_id: str, name: str | None) -> Cart:
        cart = self.find(cart_id)
        cart.demand_open()
        if cart.name != name:
            cart.name = name
            cart.changed()
        return cart

    def activate(self, cart_id: str) -> Cart:
        cart = self.find(cart_id)
        cart.demand_open()
        self.current = cart_id
        return cart

    def delete(self, cart_id: str) -> Cart:
        cart = self.find(cart_id)
        if cart.status == DELETED:
            return cart
        cart.demand_open()
        cart.status = DELETED
        cart.changed()
        if self.current == cart_id:
            self.current = self._new().cart_id
        return cart

    # --- purchases

    def purchase(self, cart_id: str, checkout_id: str, *, version: int, fingerprint: str) -> Purchase:
        cart = self.find(cart_id)
        if known := self.purchases.get(checkout_id):
            return self._agree(known, fingerprint)
        reason = WHY_NOT.get(cart.status) if cart.status != DELETED else "checkout_changed"
        if reason is None and version != cart.version:
            reason = "checkout_changed"
        if reason is None:
            cart.status = IN_CHECKOUT
        made = Purchase(cart, fingerprint, "failed" if reason else "pending", reason)
        return self.purchases.setdefault(checkout_id, made)

    @staticmethod
    def _agree(known: Purchase, fingerprint: str) -> Purchase:
        if known.fingerprint != fingerprint:
            raise Refused("idempotency_key_reused")
        return known

    def _purchase(self, checkout_id: str) -> Purchase:
        if checkout_id not in self.purchases:
            raise Refused("order_not_found")
        return self.purchases[checkout_id]

    def attach(self, checkout_id: str, intent: str) -> Purchase:
        purchase = self._purchase(checkout_id)
        if purchase.intent not in {None, intent}:
            raise Refused("intent_mismatch")
        if purchase.intent is None and purchase.state == "failed":
            raise Refused("purchase_has_failed")
        purchase.intent = intent
        return purchase

    def settle(self, checkout_id: str, intent: str) -> Purchase:
        purchase = self._purchase(checkout_id)
        if purchase.state == "failed":
            raise Refused("purchase_has_failed")
        if purchase.intent != intent:
            raise Refused("intent_mismatch")
        if purchase.state == "pending":
            purchase.state = "paid"
            purchase.cart.status = PURCHASED
            if self.current == purchase.cart.cart_id:
                following = self._new()
                following.merge = purchase.cart.merge
                following.status = MOVED if following.merge else OPEN
                self.current = following.cart_id
        return purchase

    def unpurchase(self, checkout_id: str, intent: str | None, reason: str) -> Purchase:
        purchase = self._purchase(checkout_id)
        if purchase.state == "paid":
            raise Refused("purchase_is_settled")
        if purchase.state == "pending":
            if purchase.intent != intent:
                raise Refused("intent_mismatch")
            purchase.state, purchase.reason = "failed", reason
            purchase.cart.reopen()
        return purchase

    def void(self, checkout_id: str, cart_id: str, *, fingerprint: str, reason: str) -> Purchase:
        if known := self.purchases.get(checkout_id):
            return self._agree(known, fingerprint)
        cart = self.find(cart_id)
        if cart.status == OPEN:
            cart.reopen()
        return self.purchases.setdefault(checkout_id, Purchase(cart, fingerprint, "failed", reason))

    # --- adoption

    def freeze(self, merge_id: str, target: str) -> Lines:
        """Step 1: the guest's open carts change no more; what they hold together."""
        if any(cart.merge and cart.merge[1] != target for cart in self.carts.values()):
            raise Refused("cart_is_being_adopted")
        for cart in self.unpurchased:
            if cart.merge is None and cart.status == OPEN:
                cart.merge = (merge_id, target)
                cart.status = MOVING if cart.lines else MOVED
                cart.changed()
            elif cart.merge is None:
                cart.merge = (merge_of_straggler(merge_id, cart.cart_id), target)
        return self.frozen(merge_id)

    def frozen(self, merge_id: str) -> Lines:
        together: Lines = {}
        for cart in self.carts.values():
            if cart.merge and cart.merge[0] == merge_id:
                together = {sku: together.get(sku, 0) + cart.lines.get(sku, 0) for sku in together | cart.lines}
        return together

    def apply(self, merge_id: str, lines: Mapping[str, int], strategy: str) -> Merge:
        """Step 2: the lines are in the current cart, once for the merge id."""
        if merge_id in self.merges:
            return self.merges[merge_id]
        cart = self.find(None)
        cart.demand_open()
        mine = dict(cart.lines)
        told = [self._merge(cart, sku, quantity, strategy) for sku, quantity in lines.items()]
        told += [(sku, 0, had, had, 0, "untouched") for sku, had in mine.items() if sku not in lines]
        cart.changed()
        return self.merges.setdefault(merge_id, Merge(cart, cart.version, mine, dict(lines), told))

    def _merge(self, cart: Cart, sku: str, guest: int, strategy: str) -> Told:
        user = cart.lines.get(sku, 0)
        if not user and len(cart.lines) >= self.limits.lines:
            return (sku, guest, 0, 0, guest, "left_out_line_limit")
        whys = {"sum": "summed", "max": "kept_larger"}
        why = whys.get(strategy, strategy.replace("keep", "kept")) if user else "moved"
        wanted = STRATEGIES[strategy](user, guest) if user else guest
        most = max(user, self.limits.quantity)
        cart.lines[sku] = min(wanted, most)
        left_out = wanted - cart.lines[sku]
        return (sku, guest, user, cart.lines[sku], left_out, "capped_quantity_limit" if left_out else why)

    def undo(self, merge_id: str, cart_ids: Iterable[str]) -> Merge:
        """Both sides as they were, the guest's in new carts, which have as many of these ids as they need."""
        if (merge := self.merges.get(merge_id)) is None:
            raise Refused("merge_not_found")
        if merge.undone:
            return merge
        if merge.cart.status != OPEN or merge.cart.version != merge.version:
            raise Refused("merge_cannot_be_undone")
        theirs = list(merge.theirs.items())
        parts = [dict(theirs[at : at + self.limits.lines]) for at in range(0, len(theirs), self.limits.lines)]
        if len(self.unpurchased) + len(parts) > self.limits.carts:
            raise Refused("cart_limit_exceeded")
        merge.cart.lines, merge.undone = dict(merge.mine), True
        merge.cart.changed()
        for cart_id, lines in zip(cart_ids, parts, strict=False):
            cart = self.carts[cart_id] = Cart(cart_id, "From before signing in", lines=lines)
            cart.changed()
        return merge

    def close(self, merge_id: str) -> None:
        """Step 3: the guest's carts have moved."""
        for cart in self.carts.values():
            if cart.merge and cart.merge[0] == merge_id and cart.status == MOVING:
                cart.status = MOVED


def merge_of_straggler(merge_id: str, cart_id: str) -> str:
    """The merge of its own that a cart gets which is in checkout while the others freeze."""
    return str(UUID(hashlib.md5(f"{merge_id}{cart_id}".encode(), usedforsecurity=False).hexdigest()))
