"""Every no is published: one heading in docs/problems.md for each type, which is that heading's address."""

import re
from collections import Counter
from typing import Any

import pytest

from services.contracts.problems import PROBLEMS, Problem
from services.local.settings import REPOSITORY

PAGE = (REPOSITORY / "docs" / "problems.md").read_text(encoding="utf-8")


def sections() -> dict[str, str]:
    """What the page says, by heading of a problem."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def kinds(root: type[Problem] = Problem) -> set[type[Problem]]:
    """Every problem that the contracts define, published or not."""
    return {kind for child in root.__subclasses__() for kind in {child, *kinds(child)}}


def test_every_problem_has_its_heading_and_no_heading_is_orphaned() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)

    assert sorted(headings) == sorted(PROBLEMS)


def test_every_section_names_the_status_and_the_title_and_says_what_to_do() -> None:
    told = sections()

    wrong = {
        slug
        for slug, problem in PROBLEMS.items()
        if f"**{int(problem.status)}**" not in told[slug]
        or problem.title not in " ".join(told[slug].split())
        or "What to do:" not in told[slug]
    }
    assert wrong == set()


def test_every_problem_of_the_contracts_has_a_slug_and_a_title_of_its_own() -> None:
    published = [kind for kind in kinds() if kind.__module__ == "services.contracts.problems"]

    slugs = Counter(kind.slug for kind in published)
    titles = Counter(kind.title for kind in published)
    assert [slug for slug, times in slugs.items() if times > 1 or not re.fullmatch(r"[a-z]+(_[a-z]+)*", slug)] == []
    assert [title for title, times in titles.items() if times > 1] == []
    assert set(slugs) == set(PROBLEMS)


def test_a_problem_is_a_failure_by_its_status() -> None:
    assert {slug for slug, problem in PROBLEMS.items() if not 400 <= problem.status < 600} == set()


@pytest.mark.parametrize(
    ("slug", "members", "said"),
    [
        ("quantity_limit_exceeded", {"limit": 999, "in_cart": 5}, "at most 999 of one item, and this one has 5"),
        ("line_limit_exceeded", {"limit": 200}, "at most 200 different items"),
        ("out_of_stock", {"items": []}, "Change the cart and check out again"),
    ],
)
def test_a_limit_that_was_met_is_named_with_the_way_out(slug: str, members: dict[str, Any], said: str) -> None:
    kind = PROBLEMS[slug]

    assert said in kind(**members).detail
    assert kind("Words of a neighbour's.", **members).detail == "Words of a neighbour's."


def test_a_problem_without_its_members_says_its_title() -> None:
    assert PROBLEMS["quantity_limit_exceeded"]().detail == PROBLEMS["quantity_limit_exceeded"].title
