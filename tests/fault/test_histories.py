"""The shoppers' memory: it accepts every order in which things may have happened, and no other."""

from tests.fault.histories import CartHistory, Edit, Line


def add(quantity: int) -> Edit:
    return Edit("tea", quantity, adds=True)


def put(quantity: int) -> Edit:
    return Edit("tea", quantity, adds=False)


def begun(*edits: Edit) -> Line:
    line = Line()
    for edit in edits:
        line.begin(edit)
    return line


def test_an_acknowledged_edit_must_be_there() -> None:
    edit = add(2)
    line = begun(edit)

    line.happened(edit)

    assert line.values == {2}
    assert not line.seen(0)


def test_a_refused_edit_must_not_be_there() -> None:
    edit = add(2)
    line = begun(edit)

    line.did_not(edit)

    assert line.values == {0}


def test_an_unanswered_edit_may_be_there_or_come_later() -> None:
    line = begun(add(2))

    assert line.seen(0)
    assert line.values == {0, 2}
    assert line.seen(2)
    assert line.values == {2}
    assert not line.seen(0)


def test_what_is_set_later_may_be_overtaken_by_an_unanswered_edit_once() -> None:
    unanswered, last = put(7), add(1)
    line = begun(unanswered, last)

    line.happened(last)

    assert line.values == {1, 7, 8}
    assert line.seen(7)
    assert line.values == {7}


def test_simultaneous_adds_all_count() -> None:
    edits = [add(1), add(2), add(3)]
    line = begun(*edits)

    for edit in reversed(edits):
        assert line.happened(edit)

    assert line.values == {6}


def test_an_edit_that_was_seen_cannot_be_refused() -> None:
    edit = add(2)
    line = begun(edit)
    line.seen(2)

    assert not line.did_not(edit)


def test_an_edit_acknowledged_after_the_purchase_must_be_in_the_order() -> None:
    before, after = CartHistory("before"), CartHistory("after")
    one, other = add(2), add(2)
    before.line("tea").begin(one)
    after.line("tea").begin(other)

    assert before.was_bought({"tea": 2}) == []
    assert after.was_bought({}) == []

    assert before.line("tea").happened(one)
    assert not after.line("tea").happened(other)


def test_an_order_with_other_lines_than_the_cart_is_found_out() -> None:
    cart = CartHistory("cart")
    edit = add(2)
    cart.line("tea").begin(edit)
    cart.line("tea").happened(edit)

    (wrong,) = cart.was_bought({"tea": 1})

    assert wrong == "cart cart holds 1 tea, which can only be [2]"


def test_a_line_that_nobody_put_in_is_found_out() -> None:
    assert CartHistory("cart").read({"tea": 1}) == ["cart cart holds 1 tea, which can only be [0]"]


def test_whether_a_guests_lines_have_come_is_asked_of_the_cart_that_is_read_and_changes_nothing() -> None:
    guest, bought, next_one = CartHistory("guest"), CartHistory("bought"), CartHistory("next")
    known = add(3)
    guest.line("tea").begin(known)
    guest.line("tea").happened(known)

    assert not bought.explains_with([guest], {})
    assert next_one.explains_with([guest], {"tea": 3})

    assert guest.read({"tea": 3}) == bought.read({}) == next_one.read({}) == []


def test_a_guests_lines_are_added_to_the_users() -> None:
    guest, user = CartHistory("guest"), CartHistory("user")
    known, unanswered, own = add(3), add(10), add(1)
    for cart, edit in ((guest, known), (guest, unanswered), (user, own)):
        cart.line("tea").begin(edit)
    guest.line("tea").happened(known)
    user.line("tea").happened(own)

    user.receive(guest)

    assert user.line("tea").values == {4, 14}
    assert not user.explains({"tea": 1})
    assert user.explains({"tea": 14})
