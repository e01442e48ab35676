"""Every route of every service, as the application itself has them, so that none can be forgotten."""

import importlib
import re
from dataclasses import dataclass
from functools import cache

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from services.local.openapi import settings_for
from services.local.settings import SERVICES

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


@dataclass(frozen=True, slots=True)
class Door:
    """A method and a path with its parameters' names."""

    service: str
    method: str
    template: str

    @property
    def changes(self) -> bool:
        """Whether its method may change something."""
        return self.method not in SAFE

    def path(self, names: dict[str, str]) -> str:
        """The path with these values; a `KeyError` for a parameter that nobody has thought of."""
        return PARAMETER.sub(lambda found: names[f"{self.service}.{found[1]}"], self.template)

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.template}"


def application(service: str, **other: str) -> FastAPI:
    """A service put together and not started, with some settings of the test's own."""
    app: FastAPI = importlib.import_module(f"services.{service}.app").create_app(settings_for(service, **other))
    return app


@cache
def doors(service: str) -> tuple[Door, ...]:
    """What a service answers at."""
    contexts = list(iter_route_contexts(application(service).routes))
    assert len(contexts) > 10, contexts
    found = {
        Door(service, method, str(context.path))
        for context in contexts
        for method in getattr(context, "methods", None) or ()
    }
    mounts = {
        Door(service, "GET", f"{context.path}/{{{str(context.path).strip('/').replace('/', '_')}}}")
        for context in contexts
        if not getattr(context, "methods", None)
    }
    return tuple(sorted(found | mounts, key=str))


def all_doors() -> list[Door]:
    """Of all services."""
    return [door for service in SERVICES for door in doors(service)]
