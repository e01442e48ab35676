"""The table of SECURITY.md: every check is in it once, with a test that exists or the reason why there is none."""

import re

from services.local.settings import REPOSITORY
from tests.architecture.test_readme import PROOF, sentences_of

CHECKS = 46
PAPER = (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")
NO_TEST = re.compile(r"no test: \S.{20,}")
ASVS = re.compile(r"V\d+\.\d+\.\d+|–")


def rows() -> list[list[str]]:
    """The cells of the table's rows: number, ASVS id, promise, tests."""
    return [re.split(r"\s*\|\s*", line.strip("| ")) for line in PAPER.splitlines() if re.match(r"\| \d+ \| [V–]", line)]


def test_every_check_has_its_row_in_order() -> None:
    assert [int(number) for number, *_ in rows()] == list(range(1, CHECKS + 1))


def test_a_row_says_what_holds_and_names_a_test_or_a_reason() -> None:
    speechless = [
        number
        for number, asvs, promise, shown in rows()
        if not (ASVS.fullmatch(asvs) and promise and (PROOF.search(shown) or NO_TEST.fullmatch(shown)))
    ]

    assert speechless == []


def test_every_test_of_the_table_exists() -> None:
    named = [found for *_, shown in rows() for found in PROOF.findall(shown)]

    assert len(named) > CHECKS
    assert [name for name, file in named if name not in sentences_of(REPOSITORY / file)] == []


def test_every_number_of_the_picture_is_explained_and_none_is_missing_in_it() -> None:
    picture = (REPOSITORY / "docs" / "security-data-flow.svg").read_text(encoding="utf-8")
    drawn = set(re.findall(r'class="number"[^>]*>(\d+)<', picture))
    explained = re.findall(r"^\| (\d+) \| [^V–]", PAPER, flags=re.MULTILINE)

    assert sorted(explained, key=int) == [str(number) for number in range(1, len(explained) + 1)]
    assert drawn == set(explained)
