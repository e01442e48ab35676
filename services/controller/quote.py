"""What a checkout would sell and for how much, from the prices and the stock of this moment."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from uuid import UUID

from services.contracts.carts import Cart, Snapshot, SnapshotLine
from services.contracts.catalog import Item
from services.contracts.problems import (
    CartIsEmpty,
    CheckoutChanged,
    CurrencyNotAccepted,
    OutOfStock,
    PaymentMethodNotAccepted,
    PreconditionFailed,
    Unprocessable,
    ValidationFailed,
)

_METHOD = re.compile(r"pm_[A-Za-z0-9_]+")


def checkout_id_of(owner_id: str, key: str) -> UUID:
    """The id of a checkout, the same in every repeat of its request."""
    digest = bytearray(hashlib.sha256(f"checkout:{len(owner_id)}:{owner_id}{key}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


@dataclass(frozen=True, slots=True)
class Form:
    """What the shopper asks for. An address is kept as it was given."""

    payment_method: str
    email: str | None
    shipping_address: object | None
    billing_address: object | None
    currency: str | None
    expected_total: int | None
    path: str
    expected_version: int | None = None

    @property
    def fingerprint(self) -> str:
        """What makes two checkouts with one key the same request."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def check_form(form: Form, *, currency: str, guest: bool, aliases: dict[str, str]) -> str:
    """The payment method's token, once the shopper's own fields are all right.

    Raises:
        CurrencyNotAccepted, ValidationFailed, PaymentMethodNotAccepted: they are not.
    """
    if form.currency not in (None, currency):
        raise CurrencyNotAccepted(f"The shop takes {currency}.", accepted=[currency])
    if not form.shipping_address:
        raise _missing("shipping_address", "Where do the goods go?")
    if guest and form.email is None:
        raise _missing("email", "A guest's order needs an e-mail address.")
    method = aliases.get(form.payment_method, form.payment_method)
    if not _METHOD.fullmatch(method):
        raise PaymentMethodNotAccepted("payment_method must be a pm_… token from payments.", accepted=sorted(aliases))
    return method


def _missing(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(
        f"Wrong or missing: body.{field}.",
        errors=[{"field": f"body.{field}", "message": message, "type": "missing"}],
    )


def emptiness(cart: Cart) -> CartIsEmpty | None:
    """What is told before anything else is looked at, if there is nothing in the cart."""
    if cart.items:
        return None
    return CartIsEmpty(
        f"Cart is empty. Please add items first. Cart ID: {cart.cart_id}",
        cart_id=str(cart.cart_id),
        user_id=cart.owner_id,
    )


def quote(cart: Cart, items: Iterable[Item], form: Form) -> Snapshot:
    """What would be sold.

    Raises:
        PreconditionFailed: If-Match named another version.
        OutOfStock: some items are gone, or too few are left.
        CheckoutChanged: the total is not what the shopper was shown.
        Unprocessable: there is nothing to pay, which no processor takes.
    """
    if form.expected_version not in (None, cart.version):
        raise PreconditionFailed(cart_id=str(cart.cart_id), version=cart.version)
    by_sku = {item.sku: item for item in items if not item.variants_of}
    short = [
        {"sku": line.sku, "wanted": line.quantity, "available": by_sku[line.sku].stock if line.sku in by_sku else 0}
        for line in cart.items
        if line.sku not in by_sku or by_sku[line.sku].stock < line.quantity
    ]
    if short:
        raise OutOfStock(items=short, cart_id=str(cart.cart_id))
    if strange := {by_sku[line.sku].currency for line in cart.items} - {cart.currency}:
        raise CurrencyNotAccepted(
            f"The goods are priced in {', '.join(strange)}, and the cart is in {cart.currency}: begin a new cart.",
            accepted=sorted(strange),
        )
    lines = [
        SnapshotLine(
            sku=line.sku,
            product_id=by_sku[line.sku].product_id,
            variant_id=by_sku[line.sku].variant_id,
            title=by_sku[line.sku].title,
            variant=by_sku[line.sku].variant,
            quantity=line.quantity,
            unit_price=by_sku[line.sku].unit_price,
            line_total=by_sku[line.sku].unit_price * line.quantity,
        )
        for line in cart.items
    ]
    total = sum(line.line_total for line in lines)
    if form.expected_total not in (None, total):
        raise CheckoutChanged(cart_id=str(cart.cart_id), expected_total=form.expected_total, total=total)
    if total == 0:
        raise Unprocessable("The total is 0: there is nothing to pay.", cart_id=str(cart.cart_id))
    return Snapshot(
        lines=lines,
        amount=total,
        currency=cart.currency,
        shipping_address=form.shipping_address,
        billing_address=form.billing_address or form.shipping_address,
        email=form.email,
    )
