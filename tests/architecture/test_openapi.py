"""The API documents under review are what the code says."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from services.local.openapi import FOLDER, document
from services.local.settings import SERVICES

METHODS = {"get", "head", "post", "put", "patch", "delete", "options"}


def operations(service: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with a name for people: `GET /cart`."""
    paths = json.loads((FOLDER / f"{service}.json").read_text(encoding="utf-8"))["paths"]
    for path, methods in paths.items():
        for method in METHODS & methods.keys():
            yield f"{method.upper()} {path}", methods[method]


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_in_git_is_what_the_code_makes(service: str) -> None:
    kept = (FOLDER / f"{service}.json").read_text(encoding="utf-8")

    assert kept == document(service), "run: make openapi, and look at what has changed"


def test_there_is_a_document_for_each_service_and_no_other() -> None:
    assert sorted(file.stem for file in FOLDER.iterdir()) == sorted(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_it_does_and_what_to_know(service: str) -> None:
    silent = {name for name, operation in operations(service) if not operation.get("summary")}
    bare = {name for name, operation in operations(service) if not operation.get("description")}

    assert (silent, bare) == (set(), set())


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_name_of_its_own(service: str) -> None:
    names = Counter(operation["operationId"] for _, operation in operations(service))

    assert [name for name, times in names.items() if times > 1] == []
