"""docs/operating.md lists every setting of every service, with its default, and nothing that is gone."""

import importlib
import json
import re
from typing import Any

from pydantic.fields import FieldInfo

from services.local.settings import REPOSITORY, SERVICES

PAGE = (REPOSITORY / "docs" / "operating.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", flags=re.MULTILINE)


def documented() -> dict[str, tuple[set[str], str]]:
    """Name → who reads it, and its default as written down."""
    section = PAGE.split("\n## Settings\n")[1].split("\n## ")[0]
    rows = ROW.findall(section)
    assert len(rows) == len({row[0] for row in rows}), "a setting has two rows"
    return {
        name: (set(SERVICES) if readers.strip() == "all" else set(readers.strip().split(", ")), default.strip())
        for name, readers, default, _ in rows
    }


def in_code() -> dict[str, tuple[set[str], set[str]]]:
    """Name → who reads it, and its default in each."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for service in SERVICES:
        fields: dict[str, FieldInfo] = importlib.import_module(f"services.{service}.settings").Settings.model_fields
        for name, field in fields.items():
            readers, defaults = found.setdefault(name.upper(), (set(), set()))
            readers.add(service)
            defaults.add("required" if field.is_required() else as_text(field.default))
    return found


def as_text(default: Any) -> str:
    """A default as an operator would write it."""
    if default in (None, ""):
        return "none"
    if isinstance(default, bool | dict):
        return f"`{json.dumps(default)}`"
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{default}`"


def test_every_setting_is_documented_with_its_readers_and_none_is_stale() -> None:
    assert {name: readers for name, (readers, _) in documented().items()} == {
        name: readers for name, (readers, _) in in_code().items()
    }


def test_every_default_is_the_one_in_the_code() -> None:
    told = documented()

    differing = {
        name: (told[name][1], defaults)
        for name, (_, defaults) in in_code().items()
        if not all(default in told[name][1] for default in defaults)
    }
    assert differing == {}


def test_every_variable_of_make_run_is_named() -> None:
    runner = (REPOSITORY / "services" / "local" / "run.py").read_text(encoding="utf-8")
    names = set(re.findall(r'number\("([A-Z_]+)"', runner)) | set(re.findall(r'environment\.get\("([A-Z_]+)"', runner))

    assert len(names) >= 5
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_every_metric_is_named() -> None:
    definition = re.compile(r'\b(?:Counter|Gauge|Histogram)\(\s*"([a-z_]+)"')
    names = {
        name
        for file in (REPOSITORY / "services").rglob("*.py")
        for name in definition.findall(file.read_text(encoding="utf-8"))
    }

    assert len(names) >= 8
    assert {name for name in names if f"| `{name}` |" not in PAGE} == set()
