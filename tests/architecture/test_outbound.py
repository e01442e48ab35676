"""Two modules build clients, which follow no redirect and heed no proxy of the environment."""

import ast
from collections.abc import Iterator

from services.local.settings import SERVICES
from tests.architecture.modules import Module, modules_of

BUILDERS = {
    *(f"httpx.{name}" for name in ("Client", "AsyncClient", "get", "post", "put", "delete", "request", "stream")),
    *("aiohttp.ClientSession", "aiohttp.request", "urllib.request.urlopen", "socket.create_connection"),
    *("asyncio.open_connection", "requests.get", "requests.post", "requests.Session", "http.client.HTTPConnection"),
}
BUILT_IN = {"chassis.outbound": {"aiohttp.ClientSession", "httpx.AsyncClient"}, "payments.app": {"httpx.AsyncClient"}}


def built(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Every client that a module makes, with the call that does it."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in BUILDERS:
            yield name, node


def test_clients_are_built_in_two_places() -> None:
    found = {module.name: {name for name, _ in built(module)} for module in modules_of(*SERVICES, "chassis", "verify")}

    assert {module: names for module, names in found.items() if names} == BUILT_IN


def test_a_name_of_a_client_is_never_imported_by_itself() -> None:
    names = {builder.rpartition(".")[2] for builder in BUILDERS}
    taken = {
        (module.name, alias.name)
        for module in modules_of(*SERVICES, "chassis", "verify")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        and node.module in {"httpx", "aiohttp", "requests", "urllib.request", "socket"}
        for alias in node.names
    }

    assert {(module, name) for module, name in taken if name in names} == set()


def test_no_client_follows_redirects_or_heeds_the_environment() -> None:
    calls = [
        {word.arg: ast.unparse(word.value) for word in call.keywords}
        for module in modules_of(*BUILT_IN, "chassis", "payments")
        for name, call in built(module)
        if name == "httpx.AsyncClient"
    ]

    assert len(calls) == 2
    for told in calls:
        assert told["follow_redirects"] == "False"
        assert told["trust_env"] == "False"
