"""The rules of a delivery on paper: its signature, and the tries of three days."""

import itertools
from datetime import timedelta

import pytest
import stripe

from services.payments.delivery import TRIED_FOR, merged, new_secret, pause_after, signature


def tries(chance: float) -> list[timedelta]:
    """When each try of an endpoint that never answers is made, from the event on."""
    moments = [timedelta()]
    while pause := pause_after(len(moments), age=moments[-1], chance=chance):
        moments.append(moments[-1] + pause)
    return moments


def test_the_tries_grow_from_a_second_to_eight_hours_and_end_after_three_days() -> None:
    moments = tries(0.5)

    pauses = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(moments)]
    assert pauses[:9] == [1, 3, 9, 27, 81, 243, 729, 2187, 6561]
    assert set(pauses[10:]) == {8 * 3600}
    assert TRIED_FOR - timedelta(hours=8) < moments[-1] <= TRIED_FOR
    assert len(moments) == 18


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_pause_is_spread_by_a_fifth_and_the_end_stays(chance: float) -> None:
    moments = tries(chance)

    assert moments[1] == timedelta(seconds=1 + (2 * chance - 1) / 5)
    assert TRIED_FOR - timedelta(hours=10) < moments[-1] <= TRIED_FOR


def test_stripes_own_library_takes_the_signature_and_no_other() -> None:
    secret, body = new_secret(), '{"id": "evt_1", "object": "event", "title": "Käse"}'
    header = signature(secret, body, at=1_900_000_000)

    # A tolerance of none: the moment is not what is tested here.
    verify = stripe.WebhookSignature.verify_header
    assert verify(body, header, secret, None)
    for wrong in ((body + " ", header, secret), (body, header, new_secret()), (body, header[:-1] + "g", secret)):
        with pytest.raises(stripe.SignatureVerificationError):
            verify(*wrong, None)


def test_no_two_secrets_are_alike() -> None:
    assert len({new_secret() for _ in range(100)}) == 100


def test_metadata_merges_and_an_empty_value_takes_away() -> None:
    kept = {"a": "1", "b": "2"}

    assert merged(kept, {"b": "", "c": "3"}) == {"a": "1", "c": "3"}
    assert merged(kept, {}) == {}
