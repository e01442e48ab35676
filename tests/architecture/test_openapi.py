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


def texts_without_example(schemas: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """The fields for which an API page makes up letters of its own."""
    schema = schemas[body["schema"]["$ref"].rpartition("/")[2]] if "$ref" in body["schema"] else body["schema"]
    fields = {} if "example" in schema else schema.get("properties", {})
    return [name for name, field in fields.items() if is_text(field)]


def is_text(field: dict[str, Any]) -> bool:
    kinds = [field, *field.get("anyOf", []), field.get("items", {})]
    return any(kind.get("type") == "string" for kind in kinds)


def test_what_the_shops_api_page_offers_to_send_makes_sense() -> None:
    schemas = json.loads((FOLDER / "controller.json").read_text(encoding="utf-8"))["components"]["schemas"]
    bodies = {
        name: body
        for name, operation in operations("controller")
        if (body := operation.get("requestBody", {}).get("content", {}).get("application/json"))
    }

    made_up = {name: fields for name, body in bodies.items() if (fields := texts_without_example(schemas, body))}
    assert len(bodies) > 10
    assert made_up == {}


def test_what_a_history_can_be_asked_for_is_said() -> None:
    asked = dict(operations("controller"))["GET /carts/{cart_id}/history"]["parameters"]

    assert [one["name"] for one in asked if one["in"] == "query" and not one.get("description")] == []
