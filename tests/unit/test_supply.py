"""Known holes fail, and so does not knowing: `make audit` never takes silence for a clean bill."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.local import supply
from services.local.supply import CLEAN, HOLES, UNKNOWN, audit, bill_of_image, judge_node, judge_python

HOLE = {"id": "PYSEC-2026-1", "fix_versions": ["2.0"]}
GOOD: dict[str, Any] = {"name": "one", "version": "1.0", "vulns": []}
BAD: dict[str, Any] = {"name": "two", "version": "1.0", "vulns": [HOLE]}
SKIPPED: dict[str, Any] = {"name": "three", "skip_reason": "Dependency not found on PyPI and could not be audited"}
NO_HOLE = {"vulnerabilities": {}, "metadata": {"vulnerabilities": {"total": 0}, "dependencies": {"total": 2}}}
A_HOLE = NO_HOLE | {
    "vulnerabilities": {"stripe": {"severity": "high"}},
    "metadata": NO_HOLE["metadata"] | {"vulnerabilities": {"total": 1}},
}
NOBODY = {"message": "405 Method Not Allowed", "statusCode": 405}


@pytest.mark.parametrize(
    ("packages", "verdict", "said"),
    [
        ([GOOD], CLEAN, "1 packages, no known hole"),
        ([GOOD, BAD], HOLES, "two 1.0: PYSEC-2026-1, mended in 2.0"),
        ([BAD, SKIPPED], HOLES, "two 1.0: PYSEC-2026-1, mended in 2.0"),
        ([GOOD, SKIPPED], UNKNOWN, "1 of 2 packages could not be looked up (three, …)"),
        ([], UNKNOWN, "0 of 0 packages could not be looked up (, …)"),
    ],
)
def test_what_is_said_of_pythons_packages(packages: list[dict[str, Any]], verdict: int, said: str) -> None:
    assert judge_python(json.dumps({"dependencies": packages})) == (verdict, [said])


@pytest.mark.parametrize(
    ("report", "verdict", "said"),
    [
        (NO_HOLE, CLEAN, "2 packages, no known hole"),
        (A_HOLE, HOLES, "stripe: high"),
        (NOBODY, UNKNOWN, "the registry cannot be asked: 405 Method Not Allowed"),
    ],
)
def test_what_is_said_of_nodes_packages(report: dict[str, Any], verdict: int, said: str) -> None:
    assert judge_node(json.dumps(report)) == (verdict, [said])


@pytest.mark.parametrize("told", ["", "Traceback …\nConnectionError: no route", "[]", "null", '{"metadata": 1}'])
def test_no_answer_is_not_known(told: str) -> None:
    assert judge_python(told)[0] == UNKNOWN
    assert judge_node(told)[0] == UNKNOWN


@pytest.mark.parametrize(
    ("python", "node", "code"),
    [
        ([GOOD], NO_HOLE, CLEAN),
        ([GOOD], NOBODY, UNKNOWN),
        ([SKIPPED], A_HOLE, HOLES),
        ([BAD], NOBODY, HOLES),
        ([SKIPPED], NO_HOLE, UNKNOWN),
    ],
)
def test_one_hole_outweighs_what_is_not_known(
    python: list[dict[str, Any]], node: dict[str, Any], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(*command: str | Path, folder: Path = Path()) -> str:
        return json.dumps({"dependencies": python} if "pip_audit" in command else node)

    assert audit(ask=answer) == code
    assert ("NOT AUDITED" in capsys.readouterr().err) == (SKIPPED in python or node is NOBODY)


def test_a_bill_names_every_package_of_an_image() -> None:
    bill = bill_of_image("debian", ["apt 2.6.2 amd64", "adduser 3.134 all"])

    assert [component["purl"] for component in bill["components"]] == [
        "pkg:deb/debian/apt@2.6.2?arch=amd64",
        "pkg:deb/debian/adduser@3.134?arch=all",
    ]


def test_the_images_are_the_ones_that_the_recipes_name() -> None:
    assert supply.base_images() == ["postgres:15-bookworm", "python:3.11-slim-bookworm"]
