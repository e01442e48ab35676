"""A basket whose adds are told apart: every way in which cart and history can contradict what was told is named."""

from collections.abc import Sequence
from typing import cast

import pytest

from tests.fault.adders import ADDS_OF_ONE, Add, Basket, counted
from tests.fault.asking import Client

ONE, FOUR, PEAR = Add("apple", 0), Add("apple", 1), Add("pear", 0)
Told = tuple[Sequence[tuple[str, int]], Sequence[tuple[str, int]], int]
"""The cart's lines, the history's entries with the quantity after each, the cart's version."""


def wrongs(told: Told) -> list[str]:
    """Of a basket in which 1 apple is acknowledged, 4 apples are not, and 1 pear was never asked for."""
    lines, entries, version = told
    basket = Basket(cast(Client, None), "cart", sent={ONE, FOUR}, acknowledged={ONE})
    cart = {"items": [{"sku": sku, "quantity": quantity} for sku, quantity in lines], "version": version}
    made = [{"action": "create", "sku": None, "quantity": None}]
    added = [{"action": "add", "sku": sku, "quantity": quantity} for sku, quantity in entries]
    return basket.wrongs(cart, [*made, *added])


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(([("apple", 1)], [("apple", 1)], 1), id="what was not acknowledged did not happen"),
        pytest.param(([("apple", 5)], [("apple", 4), ("apple", 5)], 2), id="it did happen"),
    ],
)
def test_an_acknowledged_add_counts_once_and_another_at_most_once(told: Told) -> None:
    assert wrongs(told) == []


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (([], [], 0), f"{ONE} was acknowledged and is lost"),
        (([("apple", 4)], [("apple", 4)], 1), f"{ONE} was acknowledged and is lost"),
        (([("apple", 2)], [("apple", 1), ("apple", 2)], 2), f"{ONE} is counted 2 times"),
        (([("apple", 9)], [("apple", 1), ("apple", 5), ("apple", 9)], 3), f"{FOUR} is counted 2 times"),
        (([("apple", 1), ("pear", 1)], [("apple", 1), ("pear", 1)], 2), f"{PEAR} was never sent"),
        (([("apple", 17)], [("apple", 1), ("apple", 17)], 2), f"{Add('apple', 2)} was never sent"),
        (([("apple", 5)], [("apple", 1)], 2), f"{FOUR} is in the history 0 times, in the cart 1 times"),
        (([("apple", 1)], [("apple", 1), ("apple", 5)], 1), f"{FOUR} is in the history 1 times, in the cart 0 times"),
        (([("apple", 1)], [("apple", 1)], 2), "version 2 after 1 adds"),
    ],
)
def test_every_contradiction_is_told(told: Told, wrong: str) -> None:
    assert wrong in wrongs(told)


def test_the_adds_of_one_line_are_told_apart_and_fit_twice() -> None:
    adds = [Add("apple", number) for number in range(ADDS_OF_ONE)]
    together = sum(add.quantity for add in adds)

    assert counted({"apple": together}) == dict.fromkeys(adds, 1)
    assert counted({"apple": 2 * together}) == dict.fromkeys(adds, 2)
    assert 2 * together <= 999
