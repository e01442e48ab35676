"""What a hold may become, on paper; and the other rules of the shelf."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.goods import (
    changes_of,
    cursor_after,
    etag_of,
    folded,
    is_sku,
    names,
    out_of_place,
    product_in,
    search_text,
    search_words,
    sku_before,
    still_as_seen,
    variant_in,
)
from services.catalog.stock import (
    GIVE_BACK,
    SELL,
    TAKE,
    HoldState,
    Movement,
    StoredHold,
    shortages,
    wanted,
)
from services.contracts.catalog import HoldLine, Product, ProductPatch, Shortage
from services.contracts.problems import (
    HoldIsCommitted,
    HoldIsReleased,
    HoldMismatch,
    OutOfStock,
    Problem,
    ProductHasChanged,
    ValidationFailed,
)

CHECKOUT = UUID("00000000-0000-4000-8000-000000000001")
LINES = {"apple": 2}
SHORT = (Shortage(sku="apple", wanted=2, available=1),)
EMPTY_CELLS = dict.fromkeys(
    ("sku", "variant_of", "title", "description", "category", "image", "price", "additional_price", "stock"), ""
)
APPLE = Product(
    product_id=1,
    sku="apple",
    title="Apple",
    description="",
    category="Fruit",
    image=None,
    price=100,
    currency="INR",
    stock=3,
    variants=[],
)


def hold(state: HoldState) -> StoredHold:
    refused = state is HoldState.REFUSED
    return StoredHold(CHECKOUT, state, {} if refused else LINES, SHORT if refused else ())


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (HoldState.HELD, "held"),
        (HoldState.COMMITTED, "committed"),
        (HoldState.RELEASED, HoldIsReleased),
        (HoldState.REFUSED, OutOfStock),
    ],
)
def test_a_hold_asked_for_again(state: HoldState, outcome: str | type[Problem]) -> None:
    if isinstance(outcome, str):
        assert hold(state).asked_with(LINES).state == outcome
    else:
        with pytest.raises(outcome):
            hold(state).asked_with(LINES)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (HoldState.HELD, SELL),
        (HoldState.COMMITTED, None),
        (HoldState.RELEASED, HoldIsReleased),
        (HoldState.REFUSED, OutOfStock),
    ],
)
def test_a_hold_committed(state: HoldState, outcome: Movement | type[Problem] | None) -> None:
    if isinstance(outcome, type):
        with pytest.raises(outcome):
            hold(state).to_commit()
    else:
        assert hold(state).to_commit() == outcome


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (HoldState.HELD, GIVE_BACK),
        (HoldState.COMMITTED, HoldIsCommitted),
        (HoldState.RELEASED, None),
        (HoldState.REFUSED, None),
    ],
)
def test_a_hold_released(state: HoldState, outcome: Movement | type[Problem] | None) -> None:
    if isinstance(outcome, type):
        with pytest.raises(outcome):
            hold(state).to_release()
    else:
        assert hold(state).to_release() == outcome


@pytest.mark.parametrize("state", [HoldState.HELD, HoldState.COMMITTED])
@pytest.mark.parametrize("others", [{"apple": 1}, {"banana": 2}, {"apple": 2, "banana": 1}])
def test_a_hold_asked_for_again_with_other_lines(state: HoldState, others: dict[str, int]) -> None:
    with pytest.raises(HoldMismatch):
        hold(state).asked_with(others)


def test_a_refused_hold_tells_what_was_short() -> None:
    with pytest.raises(OutOfStock) as refusal:
        hold(HoldState.REFUSED).told()

    assert refusal.value.members == {
        "checkout_id": str(CHECKOUT),
        "items": [{"sku": "apple", "wanted": 2, "available": 1}],
    }


@pytest.mark.parametrize("movement", [TAKE, SELL, GIVE_BACK])
def test_stock_moves_and_does_not_vanish(movement: Movement) -> None:
    assert movement.available + movement.held + movement.sold == 0


def test_taken_stock_given_back_is_where_it_was() -> None:
    assert (TAKE.available + GIVE_BACK.available, TAKE.held + GIVE_BACK.held) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("aBc.-09"), st.integers(1, 1000))))
def test_lines_are_summed_by_sku_in_order_of_bytes(lines: list[tuple[str, int]]) -> None:
    command = [HoldLine.model_construct(sku=sku, quantity=quantity) for sku, quantity in lines]

    total = wanted(command)

    assert list(total) == sorted({sku for sku, _ in lines}, key=str.encode)
    assert sum(total.values()) == sum(quantity for _, quantity in lines)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9)),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9)),
)
def test_nothing_is_short_exactly_when_the_shelf_can_fill_every_line(
    lines: dict[str, int], available: dict[str, int]
) -> None:
    short = shortages(lines, available)

    assert (not short) == all(available.get(sku, 0) >= quantity for sku, quantity in lines.items())
    assert all(line.available < line.wanted == lines[line.sku] for line in short)


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Café", "cafe"), ("CAFE\u0301", "cafe"), ("Straße", "strasse"), ("İstanbul", "istanbul"), ("½ kg", "1⁄2 kg")],
)
def test_case_and_accents_do_not_matter(text: str, plain: str) -> None:
    assert folded(text) == plain


def test_the_words_of_a_search_are_told_apart_by_spaces() -> None:
    assert search_words("  Red\tAPPLE  red 50% ") == ["red", "apple", "50%"]
    assert search_words("   ") == []


@given(st.text(), st.text(), st.text())
def test_each_word_of_a_product_finds_it(title: str, description: str, category: str) -> None:
    found_in = search_text("sku-1", title=title, description=description, category=category)

    for text in ("SKU-1", title, description, category):
        assert all(word in found_in for word in search_words(text))


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True))
def test_a_cursor_leads_back_to_its_sku(sku: str) -> None:
    assert sku_before(cursor_after(sku)) == sku


@given(st.text())
def test_any_other_cursor_is_refused_or_names_a_sku(cursor: str) -> None:
    try:
        sku = sku_before(cursor)
    except ValidationFailed:
        return
    assert is_sku(sku)


@pytest.mark.parametrize(
    ("header", "named"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("a", False), ("", False)],
)
def test_an_etag_is_named_weak_or_strong_or_by_a_star(header: str, named: bool) -> None:  # noqa: FBT001 - a table
    assert names(header, '"a"') is named


def test_an_edit_needs_the_product_as_it_was_seen() -> None:
    still_as_seen(APPLE, None)
    still_as_seen(None, None)
    still_as_seen(APPLE, etag_of(APPLE))

    for product, header in ((APPLE.model_copy(update={"stock": 2}), etag_of(APPLE)), (None, "*")):
        with pytest.raises(ProductHasChanged):
            still_as_seen(product, header)


def test_a_patch_names_its_changes_and_empties_the_image_only() -> None:
    assert changes_of(ProductPatch(price=0, image=None)) == {"price": 0, "image": None}

    with pytest.raises(ValidationFailed) as refusal:
        changes_of(ProductPatch(title=None, stock=None))
    assert refusal.value.detail == "Wrong or missing: body.title, body.stock."


def test_a_row_becomes_a_product_or_a_variant() -> None:
    row = {**EMPTY_CELLS, "sku": "apple", "title": "Apple", "category": "Fruit", "price": "100", "stock": "3"}
    product = product_in(row)
    variant = variant_in({**EMPTY_CELLS, "sku": "apple-s", "variant_of": "apple", "title": "S"})

    assert (product.price, product.stock, product.image, product.description) == (100, 3, None, "")
    assert (variant.title, variant.additional_price, variant.stock) == ("S", 0, 0)


def test_a_cell_that_says_nothing_about_its_row_is_out_of_place() -> None:
    assert out_of_place({**EMPTY_CELLS, "sku": "a", "price": "1", "additional_price": "1"}) == ["additional_price"]
    assert out_of_place({**EMPTY_CELLS, "sku": "a", "variant_of": "b", "price": "1", "image": "x"}) == [
        "image",
        "price",
    ]
