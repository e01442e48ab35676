"""The search through every order of deliveries: it ends, it reaches every ending, and it sees what is missing."""

import pytest

from tests.fault.deliveries import LACKS, ONE, RARE, search, search_twice_kept
from tests.fault.forks import Ask, Door, place_of
from tests.fault.search import Search
from tests.fault.small_shop import Shop


def test_no_order_of_deliveries_of_one_checkout_breaks_a_rule() -> None:
    found = search(ONE)

    assert (found.violation, found.complete) == (None, True)
    assert found.told == {"paid", "failed", "processing", "unknown", "called off"}


def test_each_order_by_itself_and_all_together_come_to_the_same() -> None:
    shop = Shop("two checkouts of one cart; declines", keys=("a", "b"), declines=True)

    together, each = Search(shop).prove(), Search(shop).find()

    assert (together.violation, each.violation) == (None, None)
    assert together.complete
    assert each.complete
    assert (together.states, together.places) == (each.states, each.places)


@pytest.mark.parametrize("name", LACKS)
def test_a_missing_safeguard_is_found_by_a_short_way(name: str) -> None:
    found = Search(LACKS[name].shop, LACKS[name].parts).find()

    assert found.violation is not None
    assert 1 < len(found.way) < 12


def test_what_random_schedules_hardly_ever_notice_is_among_them() -> None:
    assert set(RARE) <= set(LACKS)


def test_of_two_safeguards_for_one_thing_either_is_enough() -> None:
    found = search_twice_kept()

    assert (found.violation, found.complete) == (None, True)


def test_a_search_that_was_cut_short_says_so() -> None:
    assert not Search(ONE).prove(seconds=0).complete
    assert not Search(ONE).find(seconds=0).complete


async def _asks_twice(door: Door) -> None:
    first = await door.carry("cartdb", "find", _answer)
    forgotten = await door.carry("catalog", "items", _answer)
    await door.carry("cartdb", "purchase", _answer)
    del first, forgotten


async def _answer() -> str:
    return "yes"


def test_a_coroutine_stands_where_its_answers_lead_and_its_dead_variables_do_not_count() -> None:
    places = [place_of(_asks_twice, answers, None) for answers in ((), ("a",), ("a", "b"), ("a", "b", "c"))]

    calls = [place.ask.call if isinstance(place.ask, Ask) else None for place in places]
    assert calls == ["find", "items", "purchase", None]
    assert len({place.signature for place in places}) == 4
    assert place_of(_asks_twice, ("a",), None).signature == places[1].signature
