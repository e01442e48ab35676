"""What this service takes: the parameters of each call, read strictly, and how its OpenAPI text shows them."""

import json
import re
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from .delivery import EVERYTHING
from .event import EventType
from .form import Form, bracketed
from .payment import CURRENCIES, HIGHEST_AMOUNT, CaptureMethod
from .processor import CardDetails
from .refusals import InvalidRequest

_DIGITS = re.compile(r"-?[0-9]{1,18}")


def _whole_number(given: Any) -> Any:
    if isinstance(given, str) and not _DIGITS.fullmatch(given):
        raise PydanticCustomError("parameter_invalid_integer", "must be a whole number")
    return given


def _flag(given: Any) -> Any:
    if given not in ("true", "false"):
        raise PydanticCustomError("parameter_invalid", "must be true or false")
    return given == "true"


def _unset_if_empty(given: Any) -> Any:
    return None if given == "" else given


def _not_empty(given: Any) -> Any:
    if given == "":
        raise PydanticCustomError("parameter_invalid_empty", "must not be empty")
    return given


def _listed(given: Any) -> Any:
    if isinstance(given, dict) and list(given) == [str(place) for place in range(len(given))]:
        return list(given.values())
    return given


def _short(limit: int) -> AfterValidator:
    def check(given: str | None) -> str | None:
        if given is not None and len(given) > limit:
            raise PydanticCustomError("parameter_invalid_string_long", "is too long")
        return given

    return AfterValidator(check)


def _empty_group_if_empty(given: Any) -> Any:
    return {} if given == "" else given


def _checked_metadata(given: dict[str, str]) -> dict[str, str]:
    if len(given) > 50 or any(len(key) > 40 or len(value) > 500 for key, value in given.items()):
        raise PydanticCustomError(
            "parameter_invalid", "takes at most 50 keys of at most 40 characters, with values of at most 500"
        )
    return given


def _without_empty(given: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in given.items() if value}


def _checked_amount(given: int) -> int:
    if given < 1:
        raise PydanticCustomError("amount_too_small", "must be at least 1, in the currency's smallest unit")
    if given > HIGHEST_AMOUNT:
        raise PydanticCustomError("amount_too_large", "must have at most eight digits")
    return given


def _checked_currency(given: str) -> str:
    if given not in CURRENCIES:
        raise PydanticCustomError("parameter_invalid", "must be a three-letter ISO currency code in lower case")
    return given


def _checked_url(given: str) -> str:
    wrong = PydanticCustomError("url_invalid", "must be an http or https address without a user name or a fragment")
    try:
        parts = urlsplit(given)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not has_host or "@" in parts.netloc or "#" in given:
        raise wrong
    if not given.isascii() or not given.isprintable() or " " in given:
        raise wrong
    return given


def _only(*accepted: str) -> BeforeValidator:
    def check(given: Any) -> Any:
        if given not in accepted:
            raise PydanticCustomError(
                "parameter_invalid", f"must be {' or '.join(accepted)}; nothing else is supported"
            )
        return given

    return BeforeValidator(check)


# Which payment methods an intent takes is said differently from version to version, and both ways are in use.
ALLOWED_TYPES_SINCE = "2026-07-29"
TYPES_NOT_WRITABLE_SINCE = "2026-09-30"

MethodTypes = Annotated[list[Annotated[Literal["card"], _only("card")]], Field(min_length=1)]
WholeNumber = Annotated[int, BeforeValidator(_whole_number), BeforeValidator(_not_empty)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str | None, _short(5000), BeforeValidator(_unset_if_empty)]
MetadataChange = Annotated[dict[str, str], AfterValidator(_checked_metadata), BeforeValidator(_empty_group_if_empty)]
Metadata = Annotated[MetadataChange, AfterValidator(_without_empty)]
Secret = Annotated[SecretStr, BeforeValidator(_not_empty)]
ObjectId = Annotated[str, _short(255), BeforeValidator(_not_empty)]


class Parameters(BaseModel):
    """Refuses what it does not know, and never shows what it was given."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


P = TypeVar("P", bound=Parameters)


class CardParameters(Parameters):
    number: Secret
    exp_month: WholeNumber
    exp_year: WholeNumber
    cvc: Annotated[SecretStr | None, BeforeValidator(_unset_if_empty)] = None

    def details(self) -> CardDetails:
        """The card, as the processor looks at it."""
        cvc = self.cvc.get_secret_value() if self.cvc else None
        return CardDetails(self.number.get_secret_value(), self.exp_month, self.exp_year, cvc)


class AddressParameters(Parameters):
    line1: Text = None
    line2: Text = None
    city: Text = None
    state: Text = None
    postal_code: Text = None
    country: Text = None


class BillingParameters(Parameters):
    name: Text = None
    email: Text = None
    phone: Text = None
    address: AddressParameters = AddressParameters()


class CreatePaymentMethod(Parameters):
    type: Annotated[Literal["card"], _only("card")]
    card: CardParameters
    billing_details: BillingParameters = BillingParameters()
    metadata: Metadata = {}


class AutomaticMethods(Parameters):
    enabled: Flag
    allow_redirects: Annotated[Literal["always", "never"], _only("always", "never")] = "always"


class CreatePaymentIntent(Parameters):
    amount: Annotated[WholeNumber, AfterValidator(_checked_amount)]
    currency: Annotated[str, AfterValidator(_checked_currency), BeforeValidator(_not_empty)]
    payment_method: Annotated[ObjectId | None, BeforeValidator(_unset_if_empty)] = None
    payment_method_types: Annotated[MethodTypes | None, BeforeValidator(_listed)] = None
    allowed_payment_method_types: Annotated[MethodTypes | None, BeforeValidator(_listed)] = None
    automatic_payment_methods: AutomaticMethods | None = None
    capture_method: Annotated[CaptureMethod, _only(*CaptureMethod)] = CaptureMethod.AUTOMATIC
    confirmation_method: Annotated[Literal["automatic"], _only("automatic")] = "automatic"
    confirm: Flag = False
    error_on_requires_action: Flag | None = None
    description: Text = None
    receipt_email: Text = None
    metadata: Metadata = {}

    def expect_consistent(self, version: str) -> None:
        """Refuse parameters that exclude one another, or that this version of the API does not have.

        Raises:
            InvalidRequest: naming the one that does not fit.
        """
        if self.error_on_requires_action is not None and not self.confirm:
            raise InvalidRequest("error_on_requires_action needs confirm=true.", param="error_on_requires_action")
        if self.confirm and self.payment_method is None:
            raise InvalidRequest(
                "confirm=true needs a payment_method.", code="parameter_missing", param="payment_method"
            )
        self._expect_one_choice_of_types(version)

    def _expect_one_choice_of_types(self, version: str) -> None:
        if self.allowed_payment_method_types is not None and version < ALLOWED_TYPES_SINCE:
            name = "allowed_payment_method_types"
            raise InvalidRequest(f"Unknown parameter: {name}.", code="parameter_unknown", param=name)
        if self.payment_method_types is not None and version >= TYPES_NOT_WRITABLE_SINCE:
            raise InvalidRequest(
                "This version of the API takes allowed_payment_method_types instead.",
                code="payment_method_types_no_longer_supported",
                param="payment_method_types",
            )
        choices = (self.payment_method_types, self.allowed_payment_method_types, self.automatic_payment_methods)
        if sum(choice is not None for choice in choices) > 1:
            raise InvalidRequest(
                "payment_method_types, allowed_payment_method_types and automatic_payment_methods exclude one another."
            )

    @property
    def automatic_redirects(self) -> str | None:
        """The `allow_redirects` of automatic payment methods, if they are asked for."""
        automatic = self.automatic_payment_methods
        return automatic.allow_redirects if automatic and automatic.enabled else None


class ConfirmPaymentIntent(Parameters):
    payment_method: Annotated[ObjectId | None, BeforeValidator(_unset_if_empty)] = None
    error_on_requires_action: Flag = False


class CapturePaymentIntent(Parameters):
    amount_to_capture: Annotated[WholeNumber, AfterValidator(_checked_amount)] | None = None


CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


class CancelPaymentIntent(Parameters):
    cancellation_reason: Annotated[
        Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"] | None,
        _only(*CANCELLATION_REASONS),
    ] = None


REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


class CreateRefund(Parameters):
    payment_intent: ObjectId | None = None
    charge: ObjectId | None = None
    amount: Annotated[WholeNumber, AfterValidator(_checked_amount)] | None = None
    reason: Annotated[Literal["duplicate", "fraudulent", "requested_by_customer"] | None, _only(*REFUND_REASONS)] = None
    metadata: Metadata = {}

    def expect_consistent(self) -> None:
        """Refuse a refund of nothing named, or of two things.

        Raises:
            InvalidRequest: naming the parameter.
        """
        if self.payment_intent is None and self.charge is None:
            raise InvalidRequest(
                "Say what to refund: a payment_intent or a charge.", code="parameter_missing", param="payment_intent"
            )
        if self.payment_intent is not None and self.charge is not None:
            raise InvalidRequest("Give payment_intent or charge, not both.", param="charge")


Url = Annotated[str, AfterValidator(_checked_url), _short(2048), BeforeValidator(_not_empty)]
EventName = Annotated[str, _only(EVERYTHING, *EventType)]
EventNames = Annotated[list[EventName], Field(min_length=1), BeforeValidator(_listed)]


class CreateWebhookEndpoint(Parameters):
    url: Url
    enabled_events: EventNames
    description: Text = None
    metadata: Metadata = {}


class UpdateWebhookEndpoint(Parameters):
    url: Url | None = None
    enabled_events: EventNames | None = None
    description: Text = None
    metadata: MetadataChange | None = None
    disabled: Flag | None = None


class ListParameters(Parameters):
    """Pages, newest first."""

    limit: WholeNumber = 10
    starting_after: ObjectId | None = None
    ending_before: ObjectId | None = None

    def expect_consistent(self) -> None:
        """Refuse a page that cannot be.

        Raises:
            InvalidRequest: naming the parameter.
        """
        if not 1 <= self.limit <= 100:
            raise InvalidRequest("limit must be from 1 to 100.", param="limit")
        if self.starting_after and self.ending_before:
            raise InvalidRequest("Give starting_after or ending_before, not both.", param="ending_before")


class ListCharges(ListParameters):
    payment_intent: ObjectId | None = None


class ListRefunds(ListParameters):
    charge: ObjectId | None = None
    payment_intent: ObjectId | None = None


class ListEvents(ListParameters):
    type: Annotated[EventType | None, _only(*EventType)] = None
    types: Annotated[list[Annotated[EventType, _only(*EventType)]] | None, BeforeValidator(_listed)] = None
    delivery_success: Flag | None = None


class NoParameters(Parameters):
    """The call takes none."""


def read_parameters(model: type[P], form: Form) -> P:
    """The parameters of a call, checked.

    Raises:
        InvalidRequest: naming the first that is missing, unknown or wrong.
    """
    try:
        return model.model_validate(form.values)
    except ValidationError as failure:
        refusal = _refusal_of(failure.errors(include_url=False, include_context=False, include_input=False)[0])
    # Outside the handler: a validation error chained to the refusal would hold the input.
    raise refusal


def _refusal_of(error: ErrorDetails) -> InvalidRequest:
    name = bracketed(error["loc"])
    match error["type"]:
        case "missing":
            return InvalidRequest(f"Missing parameter: {name}.", code="parameter_missing", param=name)
        case "extra_forbidden":
            return InvalidRequest(f"Unknown parameter: {name}.", code="parameter_unknown", param=name)
        case "parameter_invalid":
            return InvalidRequest(f"Wrong parameter: {name} {error['msg']}.", param=name)
        case "parameter_invalid_integer" | "parameter_invalid_empty" | "parameter_invalid_string_long" as code:
            return InvalidRequest(f"Wrong parameter: {name} {error['msg']}.", code=code, param=name)
        case "amount_too_small" | "amount_too_large" as code:
            return InvalidRequest(f"Wrong parameter: {name} {error['msg']}.", code=code, param=name)
        case _:
            return InvalidRequest(f"Wrong parameter: {name} has the wrong shape.", param=name)


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The first outcome under a key is its only one: a repeat gets it again, with `Idempotent-Replayed`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def form_body(model: type[Parameters], *, example: str) -> dict[str, Any]:
    """The OpenAPI text of a form body with groups in brackets, and of the key that may come with it."""
    schema = _inlined(model.model_json_schema())
    groups = [name for name, part in schema.get("properties", {}).items() if "properties" in json.dumps(part)]
    encoding = {name: {"style": "deepObject", "explode": True} for name in groups}
    content = {"application/x-www-form-urlencoded": {"schema": schema, "encoding": encoding, "example": example}}
    body = {"required": bool(schema.get("required")), "content": content}
    return {"parameters": [_IDEMPOTENCY_KEY], "requestBody": body}


def query_of(model: type[Parameters]) -> dict[str, Any]:
    """The OpenAPI text of a query."""
    properties = _inlined(model.model_json_schema())["properties"]
    return {
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()
        ]
    }


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        match part:
            case {"$ref": str(reference), **rest}:
                return inline({**definitions[reference.rsplit("/", 1)[1]], **rest})
            case dict():
                return {name: inline(value) for name, value in part.items() if name != "default" or value is not None}
            case list():
                return [inline(value) for value in part]
        return part

    result: dict[str, Any] = inline(schema)
    return result
