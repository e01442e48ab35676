"""The modules under services/ and what they import, read from their source and never run."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.local.settings import REPOSITORY, SERVICES

ROOT = REPOSITORY / "services"
STANDARD_LIBRARY = sys.stdlib_module_names
FOLDERS = (*SERVICES, "contracts", "chassis", "local", "verify")


@dataclass(frozen=True)
class Module:
    """One source file. `name` is its dotted name below services: `controller.web.pages`."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def folder(self) -> str:
        return self.name.partition(".")[0]

    @property
    def own_name(self) -> str:
        """Its name within its service: `web.pages`, `store`."""
        return self.name.partition(".")[2]

    def imports(self) -> Iterator[str]:
        """Every imported module, with the dots of relative imports resolved: `services.contracts.money`, `httpx`."""
        package = ["services", *self.name.split(".")]
        if self.path.name != "__init__.py":
            package.pop()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                start = package[: len(package) - node.level + 1] if node.level else []
                yield from _imported(".".join([*start, node.module or ""]).strip("."), node)

    def libraries(self) -> set[str]:
        """The third parties among them, by top name."""
        tops = {name.partition(".")[0] for name in self.imports()}
        return {top for top in tops - {"services", "__future__"} if top not in STANDARD_LIBRARY}

    def relations(self) -> set[str]:
        """The modules of services/ among them, without `services.`."""
        return {name.removeprefix("services.") for name in self.imports() if name.startswith("services.")}


def _imported(source: str, node: ast.ImportFrom) -> Iterator[str]:
    """`from . import store` names a module, `from .store import Store` a member: only existing modules are told."""
    for alias in node.names:
        whole = f"{source}.{alias.name}"
        yield whole if source.startswith("services") and _is_module(whole) else source


def _is_module(name: str) -> bool:
    path = REPOSITORY.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@cache
def modules() -> tuple[Module, ...]:
    """All of them, migrations too."""
    found = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    return tuple(_read(path) for path in found)


def _read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


def modules_of(*folders: str) -> list[Module]:
    """Those of some folders."""
    return [module for module in modules() if module.folder in folders]
