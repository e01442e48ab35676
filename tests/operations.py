"""Every operation of every service, as its OpenAPI document has it, so that a new one cannot be forgotten."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from services.local.openapi import document

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Ask:
    """A request of an operation: what goes into its path and its body."""

    ids: Mapping[str, str] = field(default_factory=dict)
    json: dict[str, Any] | None = None
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """An operation as its OpenAPI document has it."""

    service: str
    name: str
    method: str
    path: str
    description: dict[str, Any]

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of its body, if it takes one."""
        content = self.description.get("requestBody", {}).get("content", {})
        return next((kind["schema"] for kind in content.values()), None)

    @property
    def guarded(self) -> bool:
        """Whether the document says that it needs a credential."""
        return bool(self.description.get("security"))

    @property
    def ids(self) -> list[str]:
        """The names in its path."""
        return [given["name"] for given in self.description.get("parameters", []) if given["in"] == "path"]

    async def send(self, http: httpx.AsyncClient, ask: Ask, headers: Headers) -> httpx.Response:
        """Make the request, with a form where the document wants one."""
        form = "application/x-www-form-urlencoded" in self.description.get("requestBody", {}).get("content", {})
        return await http.request(
            self.method,
            self.path.format(**ask.ids),
            headers=headers if isinstance(headers, Mapping) else list(headers),
            params=ask.query or None,
            data=ask.json if form else None,
            json=None if form else ask.json,
        )


@cache
def openapi(service: str) -> dict[str, Any]:
    """A service's document, made from its code."""
    made: dict[str, Any] = json.loads(document(service))
    return made


def operations(service: str) -> dict[str, Operation]:
    """Every operation of a service but its health, by name."""
    return {
        told["operationId"]: Operation(service, told["operationId"], method.upper(), path, told)
        for path, methods in openapi(service)["paths"].items()
        for method, told in methods.items()
        if not path.startswith("/health")
    }


def resolved(service: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference leads to."""
    if reference := schema.get("$ref"):
        found: dict[str, Any] = openapi(service)["components"]["schemas"][str(reference).rsplit("/", 1)[1]]
        return found
    return schema


# --- what is not the caller's to set

NOT_THEIRS: dict[str, Any] = {
    "owner_id": "guest:1",
    "owner": "guest:1",
    "user_id": "1",
    "status": "paid",
    "state": "paid",
    "price": 1,
    "unit_price": 1,
    "total": 1,
    "total_price": 1,
    "amount": 1,
    "amount_captured": 1,
    "discount": 100,
    "version": 1,
    "id": "1",
    "cart_id": "1",
    "order_id": "1",
    "is_admin": True,
    "role": "operator",
    "scope": "operator",
    "privileges": "operator",
    "created_at": "2000-01-01T00:00:00Z",
    "__proto__": {"is_admin": True},
}


def foreign_fields(operation: Operation) -> dict[str, Any]:
    """Those that the operation's body does not have."""
    schema = resolved(operation.service, operation.body or {})
    return {name: value for name, value in NOT_THEIRS.items() if name not in schema.get("properties", {})}


def with_body(service: str) -> list[str]:
    return [name for name, operation in operations(service).items() if operation.body is not None]
