"""What the papers point at is there: proving tests, files, headings, make targets."""

import re
from pathlib import Path

import pytest

from services.local.settings import REPOSITORY

PAPERS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
PROOF = re.compile(r"\[`(test_\w+)`\]\(([^)]+)\)")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def by_path(paper: Path) -> str:
    return str(paper.relative_to(REPOSITORY))


def sentences_of(file: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text(encoding="utf-8"), flags=re.MULTILINE))


def anchors_of(paper: Path) -> set[str]:
    """The addresses of a paper's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", paper.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_promise_of_the_readme_names_a_test() -> None:
    section = (REPOSITORY / "README.md").read_text(encoding="utf-8").split("## What is promised")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]

    assert len(rows) >= 10
    assert [row for row in rows if not PROOF.search(row)] == []


@pytest.mark.parametrize("paper", PAPERS, ids=by_path)
def test_a_test_that_a_paper_names_exists(paper: Path) -> None:
    named = PROOF.findall(paper.read_text(encoding="utf-8"))

    missing = [name for name, file in named if name not in sentences_of((paper.parent / file).resolve())]
    assert missing == []


@pytest.mark.parametrize("paper", PAPERS, ids=by_path)
def test_a_link_of_a_paper_leads_somewhere(paper: Path) -> None:
    broken = []
    for target in LINK.findall(paper.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (paper.parent / path).resolve() if path else paper
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("paper", PAPERS, ids=by_path)
def test_a_make_target_that_a_paper_names_exists(paper: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE))
    text = paper.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^|\$\()make (?:--silent )?([a-z-]+)", text, flags=re.MULTILINE))

    assert named - targets == set()
