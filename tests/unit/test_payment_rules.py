"""The rules of the processor: cards, forms, an intent's life, keys. They need nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.payments import IntentStatus
from services.payments.form import Form, read_form
from services.payments.idempotency import Answer, Attempt, KeyKind, checked_key, fingerprint_of
from services.payments.payment import CANCELABLE, CONFIRMABLE, CURRENCIES, CaptureMethod, Charge, Confirmation, Intent
from services.payments.processor import (
    READY_MADE,
    TEST_CARDS,
    Approved,
    AuthenticationRequired,
    CardDetails,
    Declined,
    Outcome,
    Vault,
    Verdict,
    authorise,
    passes_luhn,
)
from services.payments.refusals import CardRefused, InvalidRequest, KeyReused, RefundRefused, UnexpectedState

NOW = datetime(2031, 5, 17, 12, tzinfo=UTC)
TODAY = date(2031, 5, 17)
VAULT = Vault("sample")
DECLINED = Declined("card_declined", "insufficient_funds", "No.")


def intent(**changed: Any) -> Intent:
    fresh = Intent(id="pi_1", amount=19900, currency="inr", status=IntentStatus.REQUIRES_PAYMENT_METHOD, created_at=NOW)
    return replace(fresh, **changed)


def confirmed(by: Intent, verdict: Verdict, *, error_on_requires_action: bool = False) -> Confirmation:
    return by.confirm("pm_1", verdict, charge_id="ch_1", now=NOW, error_on_requires_action=error_on_requires_action)


def card(number: str = "4242424242424242", month: int = 12, year: int = 2034, cvc: str | None = "123") -> CardDetails:
    return CardDetails(number, month, year, cvc)


# An intent's life


def test_an_approved_card_pays_the_whole_amount_with_one_charge() -> None:
    result = confirmed(intent(), Approved())

    assert result.error is None
    assert result.intent == intent(
        status=IntentStatus.SUCCEEDED, payment_method="pm_1", amount_received=19900, latest_charge="ch_1"
    )
    assert result.charge is not None
    assert (result.charge.amount, result.charge.currency, result.charge.succeeded) == (19900, "inr", True)


def test_a_declined_card_leaves_the_intent_open_for_another_card_and_says_why() -> None:
    result = confirmed(intent().with_method("pm_1"), DECLINED)

    assert result.intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert (result.intent.payment_method, result.intent.amount_received) == (None, 0)
    assert result.intent.last_error == result.error
    assert result.error is not None
    assert (result.error.code, result.error.decline_code) == ("card_declined", "insufficient_funds")
    assert result.charge is not None
    assert (result.charge.succeeded, result.charge.failure_code) == (False, "card_declined")


def test_a_card_that_wants_authentication_waits_or_fails_as_the_caller_asked() -> None:
    waiting = confirmed(intent(), AuthenticationRequired())
    failing = confirmed(intent(), AuthenticationRequired(), error_on_requires_action=True)

    assert (waiting.intent.status, waiting.error, waiting.charge) == (IntentStatus.REQUIRES_ACTION, None, None)
    assert failing.intent.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert failing.error is not None
    assert (failing.error.code, failing.charge) == ("authentication_required", None)


def test_a_second_card_after_a_decline_pays_and_the_error_is_gone() -> None:
    declined = confirmed(intent(), DECLINED).intent

    paid = declined.confirm("pm_2", Approved(), charge_id="ch_2", now=NOW).intent

    assert (paid.status, paid.last_error, paid.latest_charge) == (IntentStatus.SUCCEEDED, None, "ch_2")


@pytest.mark.parametrize("status", sorted(set(IntentStatus) - CONFIRMABLE))
@pytest.mark.parametrize("verdict", [Approved(), DECLINED, AuthenticationRequired()])
def test_an_intent_past_confirmation_refuses_whatever_the_card_says(status: IntentStatus, verdict: Verdict) -> None:
    with pytest.raises(UnexpectedState, match=status):
        confirmed(intent(status=status, payment_method="pm_1"), verdict)


def test_a_confirmation_without_any_payment_method_is_refused() -> None:
    with pytest.raises(UnexpectedState):
        intent().expect_confirmable(None)


@pytest.mark.parametrize("status", sorted(CANCELABLE))
def test_an_open_intent_can_be_canceled_with_a_reason(status: IntentStatus) -> None:
    canceled = intent(status=status).cancel(reason="abandoned", now=NOW)

    assert (canceled.status, canceled.canceled_at) == (IntentStatus.CANCELED, NOW)
    assert canceled.cancellation_reason == "abandoned"


@pytest.mark.parametrize("status", [IntentStatus.SUCCEEDED, IntentStatus.CANCELED, IntentStatus.PROCESSING])
def test_a_decided_intent_cannot_be_canceled(status: IntentStatus) -> None:
    with pytest.raises(UnexpectedState, match=status):
        intent(status=status).cancel(reason=None, now=NOW)


def test_a_manual_capture_holds_the_amount_and_takes_nothing_yet() -> None:
    result = confirmed(intent(capture_method=CaptureMethod.MANUAL), Approved())

    assert result.intent.status is IntentStatus.REQUIRES_CAPTURE
    assert (result.intent.amount_capturable, result.intent.amount_received) == (19900, 0)
    assert result.charge is not None
    assert (result.charge.succeeded, result.charge.uncaptured, result.charge.amount_captured) == (True, 19900, 0)


@pytest.mark.parametrize(("asked", "taken"), [(None, 19900), (19900, 19900), (1, 1)])
def test_a_capture_takes_what_is_asked_or_all_and_lets_the_rest_go(asked: int | None, taken: int) -> None:
    captured = intent(status=IntentStatus.REQUIRES_CAPTURE).capture(asked)

    assert captured.status is IntentStatus.SUCCEEDED
    assert (captured.amount_received, captured.amount_capturable) == (taken, 0)


def test_a_capture_above_what_is_held_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        intent(status=IntentStatus.REQUIRES_CAPTURE).capture(19901)

    assert refusal.value.members == {"code": "amount_too_large", "param": "amount_to_capture"}


@pytest.mark.parametrize("status", sorted(set(IntentStatus) - {IntentStatus.REQUIRES_CAPTURE}))
def test_only_what_is_held_can_be_captured(status: IntentStatus) -> None:
    with pytest.raises(UnexpectedState, match=status):
        intent(status=status).capture(None)


@given(
    method=st.sampled_from(CaptureMethod), steps=st.lists(st.sampled_from(["cancel", "capture", *Outcome]), max_size=8)
)
def test_no_order_of_steps_charges_twice_or_after_a_cancel(method: CaptureMethod, steps: list[str]) -> None:
    walked, successes, captured, canceled = intent(capture_method=method), 0, False, False
    for step in steps:
        try:
            if step == "cancel":
                walked, canceled = walked.cancel(reason=None, now=NOW), True
                continue
            if step == "capture":
                walked, captured = walked.capture(None), True
                continue
            result = confirmed(walked, authorise(Outcome(step)))
        except UnexpectedState:
            continue
        walked = result.intent
        successes += bool(result.charge and result.charge.succeeded)

    taken = captured if method is CaptureMethod.MANUAL else bool(successes)
    assert successes <= 1
    assert not (taken and canceled)
    assert (walked.status is IntentStatus.SUCCEEDED) == taken
    assert (walked.status is IntentStatus.CANCELED) == canceled
    assert walked.amount_received == 19900 * taken


# Refunds


def charge(**changed: Any) -> Charge:
    taken = Charge(
        id="ch_1",
        payment_intent="pi_1",
        payment_method="pm_1",
        amount=19900,
        currency="inr",
        succeeded=True,
        created_at=NOW,
    )
    return replace(taken, **changed)


@pytest.mark.parametrize("status", sorted(set(IntentStatus) - {IntentStatus.SUCCEEDED}))
def test_nothing_can_be_refunded_of_an_intent_that_did_not_succeed(status: IntentStatus) -> None:
    intent(status=IntentStatus.SUCCEEDED).expect_refundable()
    with pytest.raises(UnexpectedState, match=status):
        intent(status=status).expect_refundable()


def test_a_refund_without_an_amount_gives_back_all_that_is_left_of_the_captured() -> None:
    whole = charge(uncaptured=900).refund(None)
    rest = charge(amount_refunded=900).refund(None)

    assert (whole.amount_refunded, whole.refunded, whole.refundable) == (19000, True, 0)
    assert (rest.amount_refunded, rest.refunded, rest.refundable) == (19900, True, 0)


@pytest.mark.parametrize("nothing", [{"succeeded": False}, {"uncaptured": 19900}, {"amount_refunded": 19900}])
def test_a_charge_with_nothing_left_refuses_every_refund(nothing: dict[str, Any]) -> None:
    for amount in (None, 1):
        with pytest.raises(RefundRefused) as refusal:
            charge(**nothing).refund(amount)

        code = "charge_already_refunded" if "amount_refunded" in nothing else "charge_not_refundable"
        assert refusal.value.members == {"code": code}


@given(released=st.integers(0, 19900), amounts=st.lists(st.none() | st.integers(1, 19901), max_size=8))
def test_no_refunds_add_up_to_more_than_was_captured(released: int, amounts: list[int | None]) -> None:
    walked, given_back = charge(uncaptured=released), 0
    for amount in amounts:
        try:
            after = walked.refund(amount)
        except RefundRefused:
            assert not walked.refundable or (amount or 0) > walked.refundable
            continue
        given_back += amount or walked.refundable
        walked = after

    assert walked.amount_refunded == given_back <= walked.amount_captured == 19900 - released


def test_currencies_are_three_lower_case_letters() -> None:
    assert {"inr", "usd", "eur", "jpy", "kwd"} <= CURRENCIES
    assert all(len(code) == 3 and code.islower() for code in CURRENCIES)


# Cards


@pytest.mark.parametrize("number", sorted(TEST_CARDS))
def test_every_test_card_is_a_well_formed_number(number: str) -> None:
    assert passes_luhn(number)
    assert not passes_luhn(number[:-1] + str((int(number[-1]) + 1) % 10))


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        ("4242424242424242", Outcome.APPROVED),
        ("4000000000000002", Outcome.GENERIC_DECLINE),
        ("4000000000009995", Outcome.INSUFFICIENT_FUNDS),
        ("4000000000000069", Outcome.EXPIRED_CARD),
        ("4000000000000127", Outcome.INCORRECT_CVC),
        ("4000000000000119", Outcome.PROCESSING_ERROR),
        ("4000000000003220", Outcome.AUTHENTICATION_REQUIRED),
        ("4000002500003155", Outcome.AUTHENTICATION_REQUIRED),
    ],
)
def test_a_documented_card_behaves_as_documented(number: str, outcome: Outcome) -> None:
    assert VAULT.keep(card(number), today=TODAY).outcome is outcome


def test_a_wrong_security_code_cannot_be_wrong_when_none_is_given() -> None:
    assert VAULT.keep(card("4000000000000127", cvc=None), today=TODAY).outcome is Outcome.APPROVED


@pytest.mark.parametrize("typed", ["4242 4242 4242 4242", "4242-4242-4242-4242"])
def test_a_number_may_be_typed_in_groups(typed: str) -> None:
    assert VAULT.keep(card(typed), today=TODAY) == VAULT.keep(card(), today=TODAY)


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        (card("4242424242424241"), "incorrect_number", "card[number]"),
        (card("42424242"), "invalid_number", "card[number]"),
        (card("４２４２424242424242"), "invalid_number", "card[number]"),  # noqa: RUF100
        (card("4539578763621486"), "card_declined", "card[number]"),
        (card(month=0), "invalid_expiry_month", "card[exp_month]"),
        (card(month=13), "invalid_expiry_month", "card[exp_month]"),
        (card(month=4, year=2031), "invalid_expiry_month", "card[exp_month]"),
        (card(year=2030), "invalid_expiry_year", "card[exp_year]"),
        (card(year=30), "invalid_expiry_year", "card[exp_year]"),
        (card(year=2099), "invalid_expiry_year", "card[exp_year]"),
        (card(cvc="12"), "invalid_cvc", "card[cvc]"),
        (card(cvc="1234"), "invalid_cvc", "card[cvc]"),
        (card(cvc="12a"), "invalid_cvc", "card[cvc]"),
    ],
)
def test_a_card_that_cannot_be_is_refused_by_name_and_unnamed_by_value(
    wrong: CardDetails, code: str, param: str
) -> None:
    with pytest.raises(CardRefused) as refusal:
        VAULT.keep(wrong, today=TODAY)

    error = refusal.value.document()["error"]
    assert (error["type"], error["code"], error["param"]) == ("card_error", code, param)
    assert wrong.number not in str(error)


def test_the_month_of_expiry_is_still_good_and_a_short_year_is_understood() -> None:
    kept = VAULT.keep(card(month=5, year=31), today=TODAY)

    assert (kept.exp_month, kept.exp_year) == (5, 2031)


def test_american_express_has_four_digits_on_its_front() -> None:
    assert VAULT.keep(card("378282246310005", cvc="1234"), today=TODAY).brand == "amex"


def test_a_card_on_its_way_never_shows_itself() -> None:
    shown = f"{card()!r} {card()} {Form({'card': {'number': '4242424242424242'}})!r}"

    assert "4242" not in shown
    assert "123" not in shown


def test_a_fingerprint_tells_cards_apart_and_says_nothing_without_the_secret() -> None:
    visa = VAULT.keep(card(), today=TODAY)
    same = VAULT.keep(card(month=1, year=2040), today=TODAY)
    other = VAULT.keep(card("5555555555554444"), today=TODAY)
    elsewhere = Vault("another").keep(card(), today=TODAY)

    assert visa.fingerprint == same.fingerprint
    assert len({visa.fingerprint, other.fingerprint, elsewhere.fingerprint}) == 3


def test_every_ready_made_token_is_a_card_that_has_not_expired() -> None:
    for token in READY_MADE:
        made = VAULT.ready_made(token, today=TODAY)
        assert made is not None
        assert made.exp_year > TODAY.year
    assert VAULT.ready_made("pm_card_unknown", today=TODAY) is None


# Forms


def test_groups_and_lists_are_read() -> None:
    form = read_form(b"amount=1&card[number]=42&billing_details[address][city]=Pune&types[]=a&types[]=b&t[0]=c")

    assert form.values == {
        "amount": "1",
        "card": {"number": "42"},
        "billing_details": {"address": {"city": "Pune"}},
        "types": ["a", "b"],
        "t": {"0": "c"},
    }


def test_an_empty_body_has_no_parameters() -> None:
    assert read_form(b"").values == {}


@pytest.mark.parametrize(
    "encoded",
    [
        b"amount=1&amount=2",
        b"metadata[a]=1&metadata[a]=2",
        b"card=1&card[number]=2",
        b"card[number]=2&card=1",
        b"types[]=a&types=b",
        b"types=a&types[]=b",
        b"types[]=a&types[0]=b",
        b"a[][b]=1",
        b"a[b=1",
        b"a]b=1",
        b"[a]=1",
        b"=1",
        b"a[b][c][d][e][f]=1",
        b"amount",
        b"a=%00",
        b"a%00=1",
        b"a=%ff",
        b"a=\xff",
        b"&".join(b"f%d=1" % field for field in range(201)),
    ],
)
def test_a_form_that_could_be_misread_is_refused(encoded: bytes) -> None:
    with pytest.raises(InvalidRequest):
        read_form(encoded)


def test_a_card_number_in_the_place_of_a_name_is_not_repeated() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_form(b"4242424242424242=1&4242424242424242=1")

    assert "4242" not in str(refusal.value.document())


@given(
    values=st.dictionaries(st.text("abc_", min_size=1), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
)
def test_whatever_a_client_encodes_is_read_back(values: dict[str, str]) -> None:
    assert read_form(urlencode(values).encode()).values == values


# Keys


def test_the_same_request_has_the_same_fingerprint_whatever_the_order() -> None:
    first = fingerprint_of("sample", "/v1/x", {"a": "1", "b": {"c": "2", "d": "3"}})

    assert first == fingerprint_of("sample", "/v1/x", {"b": {"d": "3", "c": "2"}, "a": "1"})
    assert first != fingerprint_of("sample", "/v1/x", {"a": "1", "b": {"c": "2", "d": "4"}})
    assert first != fingerprint_of("sample", "/v1/y", {"a": "1", "b": {"c": "2", "d": "3"}})
    assert first != fingerprint_of("other", "/v1/x", {"a": "1", "b": {"c": "2", "d": "3"}})


def test_nothing_is_kept_of_a_security_code_not_even_in_a_fingerprint() -> None:
    prints = {
        fingerprint_of("sample", "/v1/x", {"card": {"number": "42", "cvc": code}}) for code in ("123", "456", "789")
    }

    assert prints == {fingerprint_of("sample", "/v1/x", {"card": {"number": "42"}})}


def test_a_key_replays_its_answer_to_the_same_request_only() -> None:
    attempt = Attempt(KeyKind.SECRET, "order-42", "f1")

    assert attempt.replay("f1", Answer(402, "{}")) == Answer(402, "{}", replayed=True)
    with pytest.raises(KeyReused):
        attempt.replay("f2", Answer(200, "{}"))


@pytest.mark.parametrize("key", ["", "k" * 256, "a\nb", "a\0b"])
def test_a_key_that_cannot_be_kept_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest):
        checked_key(key)


def test_the_longest_key_is_kept() -> None:
    assert checked_key("k" * 255) == "k" * 255
