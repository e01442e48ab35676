"""What two carts make together: every strategy, every kind of pair, and a receipt that adds up."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cartdb.adoption import merge, undone_carts, why_no_undo
from services.cartdb.cart import Limits
from services.cartdb.purchase import LockedCart
from services.contracts.carts import CartStatus, Line, MergeStrategy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits(quantity=9, lines=4, open_carts=20, guest_idle_days=30, user_idle_days=90)
SUM, MAX, KEEP_USER, KEEP_GUEST = MergeStrategy

Quantities = dict[str, int]


def lines_of(quantities: Quantities) -> list[Line]:
    return [
        Line(sku=sku, product_id=1, variant_id=None, quantity=quantity, added_price=100, added_at=NOW)
        for sku, quantity in quantities.items()
    ]


def quantities_of(lines: list[Line]) -> Quantities:
    return {line.sku: line.quantity for line in lines}


def always(quantities: Quantities) -> dict[MergeStrategy, Quantities]:
    """What every strategy makes of a pair."""
    return dict.fromkeys(MergeStrategy, quantities)


# Pairs of carts (the user's, the guest's), and what each strategy makes of them.
PAIRS: dict[str, tuple[Quantities, Quantities, dict[MergeStrategy, Quantities]]] = {
    "both empty": ({}, {}, always({})),
    "the user's empty": ({}, {"fig": 2}, always({"fig": 2})),
    "the guest's empty": ({"fig": 2}, {}, always({"fig": 2})),
    "disjoint": ({"fig": 2}, {"nut": 3}, always({"fig": 2, "nut": 3})),
    "the same SKU": (
        {"fig": 2},
        {"fig": 3},
        {SUM: {"fig": 5}, MAX: {"fig": 3}, KEEP_USER: {"fig": 2}, KEEP_GUEST: {"fig": 3}},
    ),
    "the same SKU, the user has more": (
        {"fig": 3},
        {"fig": 2},
        {SUM: {"fig": 5}, MAX: {"fig": 3}, KEEP_USER: {"fig": 3}, KEEP_GUEST: {"fig": 2}},
    ),
    "overlapping": (
        {"fig": 2, "nut": 1},
        {"nut": 4, "plum": 1},
        {
            SUM: {"fig": 2, "nut": 5, "plum": 1},
            MAX: {"fig": 2, "nut": 4, "plum": 1},
            KEEP_USER: {"fig": 2, "nut": 1, "plum": 1},
            KEEP_GUEST: {"fig": 2, "nut": 4, "plum": 1},
        },
    ),
    "as much as one cart holds": (
        {"fig": 9},
        {"fig": 9},
        always({"fig": 9}),
    ),
    "more lines than one cart holds": (
        {"fig": 1, "nut": 1, "plum": 1},
        {"kiwi": 1, "lime": 1, "nut": 1},
        {
            SUM: {"fig": 1, "nut": 2, "plum": 1, "kiwi": 1},
            MAX: {"fig": 1, "nut": 1, "plum": 1, "kiwi": 1},
            KEEP_USER: {"fig": 1, "nut": 1, "plum": 1, "kiwi": 1},
            KEEP_GUEST: {"fig": 1, "nut": 1, "plum": 1, "kiwi": 1},
        },
    ),
}


@pytest.mark.parametrize("strategy", MergeStrategy)
@pytest.mark.parametrize("pair", PAIRS)
def test_every_strategy_makes_of_every_pair_of_carts_what_its_name_says(pair: str, strategy: MergeStrategy) -> None:
    user, guest, wanted = PAIRS[pair]

    merged = merge(lines_of(user), lines_of(guest), strategy, LIMITS)

    assert quantities_of(merged.lines) == wanted[strategy]


def test_a_limit_that_has_become_smaller_takes_nothing_from_the_user() -> None:
    merged = merge(lines_of({"fig": 12}), lines_of({"fig": 3}), SUM, LIMITS)

    assert quantities_of(merged.lines) == {"fig": 12}
    assert [(line.left_out, line.why) for line in merged.receipt] == [(3, "capped_quantity_limit")]


CARTS = st.dictionaries(st.sampled_from([f"sku-{number}" for number in range(8)]), st.integers(1, 12), max_size=8)


@given(user=CARTS, guest=CARTS, strategy=st.sampled_from(MergeStrategy))
def test_a_receipt_accounts_for_every_piece_of_both_carts(
    user: Quantities, guest: Quantities, strategy: MergeStrategy
) -> None:
    merged = merge(lines_of(user), lines_of(guest), strategy, LIMITS)
    receipt, after = merged.receipt, quantities_of(merged.lines)

    # then: every line of both carts is on it, once, with what each cart held before
    assert sorted(line.sku for line in receipt) == sorted({*user, *guest})
    assert {line.sku: line.guest_quantity for line in receipt if line.guest_quantity} == guest
    assert {line.sku: line.user_quantity for line in receipt if line.user_quantity} == user
    # and: what it says is what the cart holds, so that its sums are the difference of the carts
    assert {line.sku: line.quantity for line in receipt if line.quantity} == after
    assert sum(line.quantity - line.user_quantity for line in receipt) == sum(after.values()) - sum(user.values())
    # and: nothing is missing without a line that says why and how many
    for line in receipt:
        both = {
            SUM: line.user_quantity + line.guest_quantity,
            MAX: max(line.user_quantity, line.guest_quantity),
            KEEP_USER: line.user_quantity or line.guest_quantity,
            KEEP_GUEST: line.guest_quantity or line.user_quantity,
        }
        assert line.quantity + line.left_out == both[strategy], line
        assert (line.left_out > 0) == (line.why in {"capped_quantity_limit", "left_out_line_limit"}), line
    # and: no limit is passed that the user's cart had not passed before
    assert len(after) <= max(LIMITS.lines, len(user))
    assert all(quantity <= max(LIMITS.quantity, user.get(sku, 0)) for sku, quantity in after.items())


@given(guest=CARTS)
def test_an_undo_leaves_out_no_line_of_the_guest_and_names_the_same_carts_again(guest: Quantities) -> None:
    lines = lines_of(guest)

    carts = undone_carts(UUID(int=7), lines, LIMITS)

    assert [line for cart in carts.values() for line in cart] == lines
    assert all(1 <= len(cart) <= LIMITS.lines for cart in carts.values())
    assert carts == undone_carts(UUID(int=7), lines, LIMITS)
    assert not carts.keys() & undone_carts(UUID(int=8), lines, LIMITS).keys()


@pytest.mark.parametrize(
    ("status", "version", "reason"),
    [
        (CartStatus.OPEN, 5, None),
        (CartStatus.OPEN, 4, "cart_changed"),
        (CartStatus.OPEN, None, "lines_not_recorded"),
        (CartStatus.IN_CHECKOUT, 5, "cart_in_checkout"),
        (CartStatus.PURCHASED, 5, "cart_already_purchased"),
        (CartStatus.DELETED, 5, "cart_deleted"),
    ],
)
def test_a_merge_is_undone_while_the_cart_is_as_the_merge_left_it(
    status: CartStatus, version: int | None, reason: str | None
) -> None:
    assert why_no_undo(LockedCart(status, 5, {"fig": 1}), version) == reason
