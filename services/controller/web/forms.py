"""What shoppers type: read as text, checked by the contracts, given back with what is wrong beside the field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeVar
from uuid import UUID

import fastapi
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from services.chassis.app import new_id
from services.contracts.carts import Address, CartName, IdempotencyKey, MergeStrategy
from services.contracts.catalog import Sku
from services.contracts.money import minor_digits
from services.contracts.shop import CheckoutCommand, RefundCommand

from ..quote import Form

LONGEST = 1_000
Text = Annotated[str, Field(max_length=LONGEST)]

LONGEST_NUMBER = 9
GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+|[0-9]{1,2}(,[0-9]{2})*,[0-9]{3}")
SHIPPING, BILLING = "ship_", "bill_"


class Posted(BaseModel):
    """Every form carries the key under which it counts once."""

    key: IdempotencyKey


class AddForm(Posted):
    """Something to put into the cart, and the page to come back to."""

    sku: Sku
    quantity: Text = "1"
    back: Text = ""
    anchor: Text = ""


class LineForm(Posted):
    """How many of a line there should be."""

    cart_id: UUID
    quantity: Text = "1"


class CartForm(Posted):
    """Something to be done with a cart."""

    cart_id: UUID


class MergeForm(Posted):
    """How the guest's cart joins the user's."""

    strategy: MergeStrategy


class NameForm(Posted):
    """What a cart is to be called; nothing takes the name away."""

    name: Annotated[CartName | None, BeforeValidator(lambda text: text.strip() or None)] = None


class CheckoutForm(Posted):
    """The checkout page as it was sent. Which cart it showed, and the total, come along in hidden fields."""

    cart_id: UUID
    cart_version: Annotated[int, Field(ge=0)]
    expected_total: Annotated[int, Field(ge=0)]
    payment_method: Text = ""
    email: Text = ""
    ship_name: Text = ""
    ship_line1: Text = ""
    ship_line2: Text = ""
    ship_city: Text = ""
    ship_state: Text = ""
    ship_postal_code: Text = ""
    ship_country: Text = ""
    ship_phone: Text = ""
    billing_differs: Text = ""
    bill_name: Text = ""
    bill_line1: Text = ""
    bill_line2: Text = ""
    bill_city: Text = ""
    bill_state: Text = ""
    bill_postal_code: Text = ""
    bill_country: Text = ""
    bill_phone: Text = ""

    def typed(self) -> dict[str, str]:
        """What the shopper typed, to be shown again."""
        fields = self.model_dump(exclude={"key", "cart_id", "cart_version", "expected_total"})
        return {name: str(text) for name, text in fields.items()}

    def wish(self, *, guest: bool) -> Form:
        """The checkout that the form asks for, checked.

        Raises:
            Objections: fields are missing or wrong.
        """
        typed = self.typed()
        command, wrong = _checked(
            CheckoutCommand,
            {
                "payment_method": self.payment_method,
                "email": self.email.strip() or None,
                "expected_total": self.expected_total,
            },
        )
        shipping, wrong_shipping = _checked(Address, _address(typed, SHIPPING), prefix=SHIPPING)
        billing, wrong_billing = (
            _checked(Address, _address(typed, BILLING), prefix=BILLING) if self.billing_differs else (None, {})
        )
        if guest and not self.email.strip():
            wrong = {"email": "We need an e-mail address for the receipt.", **wrong}
        if objections := {**wrong, **wrong_shipping, **wrong_billing}:
            raise Objections(objections)
        assert command is not None
        return Form(
            payment_method=command.payment_method,
            email=command.email,
            shipping_address=shipping.model_dump() if shipping else None,
            billing_address=billing.model_dump() if billing else None,
            currency=None,
            expected_total=self.expected_total,
            path="/shop/checkout",
            expected_version=self.cart_version,
        )


class RefundWish(BaseModel):
    """What an operator types to give money back. No amount is everything left."""

    amount: Text = ""
    reason: Text = ""

    def command(self, currency: str) -> RefundCommand:
        """The refund that the form asks for, checked.

        Raises:
            Objections: a field is wrong.
        """
        typed = {"amount": minor_units(self.amount, currency), "reason": self.reason.strip() or None}
        command, wrong = _checked(RefundCommand, typed)
        if command is None:
            raise Objections(dict.fromkeys(wrong, "Type an amount above 0, and choose one of the reasons."))
        return command


class RefundForm(RefundWish, Posted):
    """The refund as it was shown and confirmed, which names its amount."""


class Objections(ValueError):  # noqa: N818 - a no is named by what it says
    """What is wrong with a form, by field."""

    def __init__(self, by_field: Mapping[str, str]) -> None:
        super().__init__(" ".join(by_field.values()))
        self.by_field = dict(by_field)


@dataclass(frozen=True, slots=True)
class CheckoutDraft:
    """What the checkout page starts with: nothing, or what was typed before.

    With `seen`, the same request is to be sent again under the same key, so it names the version and total seen then.
    """

    typed: Mapping[str, str] = field(default_factory=dict)
    objections: Mapping[str, str] = field(default_factory=dict)
    message: str | None = None
    key: str = field(default_factory=new_id)
    seen: CheckoutForm | None = None

    def __getitem__(self, name: str) -> str:
        return self.typed.get(name, "")


@dataclass(frozen=True, slots=True)
class RefundDraft:
    """What the refund form starts with: nothing, or what was typed before and what was wrong with it."""

    amount: str = ""
    reason: str = ""
    message: str | None = None
    key: str = field(default_factory=new_id)

    @classmethod
    def of(cls, form: RefundWish, message: str | None = None, *, key: str | None = None) -> "RefundDraft":
        """The same form again; under the same key only if the same request is to be sent again."""
        return cls(form.amount, form.reason, message, key or new_id())


def minor_units(text: str, currency: str) -> int | None:
    """An amount that a person typed in major units; None if nothing was typed.

    Raises:
        Objections: it is no amount of this currency.
    """
    typed, digits = text.strip(), minor_digits(currency)
    if not typed:
        return None
    whole, _, fraction = typed.partition(".")
    if "," in whole and GROUPED.fullmatch(whole):
        whole = whole.replace(",", "")
    if "," in typed and not whole.isdigit():
        raise Objections({"amount": "Type a point before the decimals, such as 120.50. Commas may part thousands."})
    if not (f"{whole}{fraction}".isascii() and f"{whole}{fraction}".isdigit() and len(whole) <= LONGEST_NUMBER):
        raise Objections({"amount": "Type an amount, such as 120.50, or nothing for all that is left."})
    if len(fraction) > digits:
        raise Objections({"amount": f"This currency has {digits} decimals."})
    return int(f"{whole}{fraction.ljust(digits, '0')}")


def whole_number(text: str, *, least: int = 0) -> int:
    """A number that a person typed.

    Raises:
        Objections: it is none, or too small.
    """
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER) or int(digits) < least:
        raise Objections({"quantity": f"Type a whole number from {least} on, please."})
    return int(digits)


Message = TypeVar("Message", bound=BaseModel)


def _checked(
    shape: type[Message], texts: Mapping[str, object], *, prefix: str = ""
) -> tuple[Message | None, dict[str, str]]:
    try:
        return shape.model_validate(texts), {}
    except ValidationError as error:
        wrong = {str(told["loc"][0]): told for told in error.errors()}
        return None, {f"{prefix}{name}": _in_words(name, told) for name, told in wrong.items()}


def _address(typed: Mapping[str, str], prefix: str) -> dict[str, object]:
    texts = {name: typed[f"{prefix}{name}"].strip() for name in Address.model_fields}
    return {name: text for name, text in texts.items() if text}


def _in_words(name: str, told: ErrorDetails) -> str:
    match name, told["type"]:
        case "payment_method", _:
            return "Choose how to pay."
        case "country", _:
            return "Choose a country."
        case "email", _:
            return "This does not look like an e-mail address."
        case _, "string_too_long":
            return f"At most {told['ctx']['max_length']} characters, please."
        case _:
            return "Please fill this in."


Adding = Annotated[AddForm, fastapi.Form()]
Setting = Annotated[LineForm, fastapi.Form()]
Doing = Annotated[CartForm, fastapi.Form()]
Naming = Annotated[NameForm, fastapi.Form()]
Choosing = Annotated[MergeForm, fastapi.Form()]
Agreeing = Annotated[Posted, fastapi.Form()]
Paying = Annotated[CheckoutForm, fastapi.Form()]
Refunding = Annotated[RefundForm, fastapi.Form()]
AboutToRefund = Annotated[RefundWish, fastapi.Query()]
Asking = Annotated[Posted, fastapi.Form()]
