"""The storefront without a network: where forms lead, what people type, templates that the content policy allows."""

import re
import uuid
from pathlib import Path

import pytest

from services.cartdb import purchase as rules
from services.contracts import problems
from services.controller.web import layout, wording
from services.controller.web.forms import CheckoutForm, Objections, minor_units, whole_number
from services.controller.web.pictures import drawn
from services.controller.web.routing import see_again
from services.payments.processor import Outcome

TEMPLATES = sorted((Path(layout.HERE) / "templates").glob("*.html"))
TYPED = {
    "ship_name": "Asha Rao",
    "ship_line1": "12 Lake Road",
    "ship_city": "Pune",
    "ship_postal_code": "411001",
    "ship_country": "IN",
}


def checkout_form(**typed: str) -> CheckoutForm:
    seen = {"key": "k", "cart_id": uuid.UUID(int=1), "cart_version": 4, "expected_total": 3900}
    return CheckoutForm.model_validate({"payment_method": "pm_card_visa", **TYPED, **seen, **typed})


@pytest.mark.parametrize(
    ("back", "location"),
    [
        ("/shop/", "/shop/?added=apple#apple"),
        ("/shop/?category=Fruit&added=lime", "/shop/?category=Fruit&added=apple#apple"),
        ("/shop/?anchor=a&path=b", "/shop/?anchor=a&path=b&added=apple#apple"),
        ("https://elsewhere.example/shop/", "/shop/cart"),
        ("//elsewhere.example/shop/", "/shop/cart"),
        ("/login?next=/shop/", "/shop/cart"),
        ("/shop/\r\nSet-Cookie: a=b", "/shop/cart"),
        ("javascript:alert(1)", "/shop/cart"),
        ("", "/shop/cart"),
    ],
)
def test_a_form_leads_back_to_its_page_and_never_out_of_the_shop(back: str, location: str) -> None:
    answer = see_again(back, anchor="apple", added="apple")

    assert answer.status_code == 303
    assert answer.headers["location"] == location


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", "٣", "1 000", "9" * 10])
def test_what_is_no_whole_number_is_objected_to(text: str) -> None:
    with pytest.raises(Objections, match="whole number"):
        whole_number(text)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("", "INR", None),
        (" 12.5 ", "INR", 1250),
        ("1,234.05", "INR", 123405),
        ("1,00,000.00", "INR", 10_000_000),
        ("12,34,567", "INR", 123_456_700),
        ("100,000.00", "INR", 10_000_000),
        ("1,234,567", "JPY", 1_234_567),
        (".5", "INR", 50),
        ("7", "INR", 700),
        ("700", "JPY", 700),
        ("1.234", "KWD", 1234),
    ],
)
def test_an_amount_is_read_in_major_units(text: str, currency: str, amount: int | None) -> None:
    assert minor_units(text, currency) == amount


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("-1", "INR"),
        ("1.234", "INR"),
        ("1.5", "JPY"),
        ("1e3", "INR"),
        (".", "INR"),
        ("9" * 10, "INR"),
        ("٣", "INR"),
        ("7,50", "INR"),
        ("1,2,345", "INR"),
        ("1.234,50", "INR"),
        ("1,234.5,0", "INR"),
        (",500", "INR"),
        ("1234,567", "INR"),
        ("1,23", "KWD"),
    ],
)
def test_what_is_no_amount_is_objected_to(text: str, currency: str) -> None:
    with pytest.raises(Objections):
        minor_units(text, currency)


def test_a_checkout_form_becomes_a_wish_with_what_the_shopper_saw() -> None:
    wish = checkout_form(email=" asha@example.com ").wish(guest=True)

    assert wish.email == "asha@example.com"
    assert wish.expected_total == 3900
    assert wish.expected_version == 4
    assert wish.billing_address is None
    assert isinstance(wish.shipping_address, dict)
    assert wish.shipping_address["line2"] is None


def test_a_second_address_counts_only_when_it_is_asked_for() -> None:
    assert checkout_form(bill_name="Ledger").wish(guest=False).billing_address is None

    with pytest.raises(Objections) as refused:
        checkout_form(bill_name="Ledger", billing_differs="yes").wish(guest=False)

    assert set(refused.value.by_field) == {"bill_line1", "bill_city", "bill_postal_code", "bill_country"}


def test_a_guest_is_asked_for_an_email_and_a_user_is_not() -> None:
    with pytest.raises(Objections) as refused:
        checkout_form().wish(guest=True)

    assert refused.value.by_field == {"email": "We need an e-mail address for the receipt."}
    assert checkout_form().wish(guest=False).email is None


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_script_or_a_style_of_its_own(template: Path) -> None:
    text = template.read_text()

    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text) == []
    assert re.findall(r"(?:src|href|action)=\"(?:https?:)?//", text) == []


def test_a_picture_draws_no_more_of_a_title_than_its_first_letter() -> None:
    svg = drawn("x", title='<script>"&', category="Unheard of")

    assert svg.count("<text") == 1
    assert ">S</text>" in svg


FROM_THE_CARD = [
    *(outcome.value for outcome in Outcome if outcome is not Outcome.APPROVED),
    "card_declined",
    "do_not_honor",
    "pickup_card",
    "payment_declined",
]
FROM_THE_SHOP = [
    "cancelled",
    "abandoned",
    "refused",
    *rules.REFUSALS,
    *(
        problem.slug
        for problem in (
            problems.OutOfStock,
            problems.HoldIsReleased,
            problems.HoldMismatch,
            problems.PreconditionFailed,
            problems.CartIsEmpty,
            problems.UnknownSku,
            problems.PaymentMethodNotAccepted,
            problems.CurrencyNotAccepted,
            problems.Unprocessable,
        )
    ),
]


@pytest.mark.parametrize("reason", FROM_THE_CARD)
def test_what_the_card_refused_is_said_of_the_card(reason: str) -> None:
    assert "card" in wording.not_paid(reason)


@pytest.mark.parametrize("reason", FROM_THE_SHOP)
def test_what_the_shop_refused_has_words_of_its_own_and_is_not_blamed_on_the_card(reason: str) -> None:
    said = wording.not_paid(reason)

    assert "declined" not in said
    assert "bank" not in said
    assert said != wording.not_paid("a_reason_of_tomorrow")


def test_no_cause_is_made_up_for_a_reason_without_words() -> None:
    assert wording.not_paid("a_reason_of_tomorrow") == wording.not_paid(None) == "This was not paid."
