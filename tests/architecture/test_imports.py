"""Who may know whom: the law of services/__init__.py."""

import ast
from collections.abc import Callable, Iterable

import pytest

from services.local.settings import REPOSITORY, SERVICES
from tests.architecture.modules import Module, modules, modules_of

EDGES = frozenset({"app", "api", "store", "rows", "clients", "session", "settings", "web"})
"""Names of role, alone or after an underscore (`hold_store`). Every other module of a service is a rule file."""

MORE_EDGES = {
    "cartdb.upkeep": "writes rows unasked",
    "catalog.load": "a program: reads a file, writes rows, tells a terminal",
    "controller.adoption": "stands between the session's row and cartdb's client; the merge itself is cartdb's rule",
    "controller.doorkeeper": "the request's half of session: reads cookies and tokens, gives cookies",
    "controller.idtokens": "checks signatures with keys that it fetches",
    "controller.papers": "renders papers as pages",
    "controller.processor": "a client: the processor's",
    "controller.provider": "a client: the identity provider's",
    "controller.signin": "the callback's half of session: reads requests, gives cookies, checks signatures",
    "idp.alterations": "rewrites answers as they go over the wire",
    "idp.browser": "the routes of the pages",
    "idp.cors": "middleware",
    "idp.pages": "renders templates",
    "idp.protocol": "the hooks by which Authlib's core asks for rows",
    "idp.provider": "hands a request and its rows to that core",
    "idp.tokens": "signs with keys that the store holds",
    "idp.upkeep": "writes rows unasked",
    "idp.wrong_answers": "middleware",
    "payments.bad_days": "stands between the fault script and the bank, and on the way of the webhooks",
    "payments.envelope": "middleware",
    "payments.sender": "a client: of whoever wants to hear of events",
}

CLIENTS = frozenset(
    {"controller.clients", "controller.processor", "controller.provider", "payments.bad_days", "payments.sender"}
)

LIBRARIES_OF_RULES = {
    "controller.signer": {"cryptography": "how to seal is not ours to invent"},
    "idp.passwords": {"pwdlib": "what a good password hash is, is not ours to invent"},
    "payments.commands": {
        "pydantic": "Stripe's parameters cross this one service's wire only, and clients of any maker send them",
        "pydantic_core": "the errors of the same",
    },
    "payments.wire": {"pydantic": "Stripe's objects, likewise"},
}

SQL_ELSEWHERE = {
    "catalog.load": "fills the tables from a file",
    "controller.session": "the table of sessions is its own",
    "idp.upkeep": "knows how a statement can fail",
}

FRAMEWORKS = {"fastapi", "starlette", "uvicorn", "jinja2"}
SQL = {"sqlmodel", "sqlalchemy", "asyncpg", "alembic"}


def is_edge(module: Module) -> bool:
    return role_of(module) in EDGES or module.name in MORE_EDGES


def role_of(module: Module) -> str:
    """`store` of `hold_store`, `web` of `web.pages`."""
    return module.own_name.partition(".")[0].rpartition("_")[2]


def is_migration(module: Module) -> bool:
    return ".migrations" in module.name


def rule_files() -> list[Module]:
    return [
        module
        for module in modules_of(*SERVICES)
        if module.own_name and not is_edge(module) and not is_migration(module)
    ]


def breaks_of_a_rule_file(module: Module) -> set[str]:
    """What a rule file imports and may not."""
    rules = {rule.name for rule in rule_files() if rule.folder == module.folder}
    strangers = {name for name in module.relations() if name not in rules and not name.startswith("contracts")}
    return strangers | (module.libraries() - set(LIBRARIES_OF_RULES.get(module.name, {})))


def offenders(suspects: Iterable[Module], crime: Callable[[Module], set[str]]) -> dict[str, set[str]]:
    """Who breaks a law, and with what."""
    found = {module.name: crime(module) for module in suspects}
    assert found, "nobody was looked at"
    return {name: crimes for name, crimes in found.items() if crimes}


def folders_known_to(module: Module) -> set[str]:
    return {name.partition(".")[0] for name in module.relations()}


def test_a_rule_file_knows_the_standard_library_its_siblings_and_contracts() -> None:
    assert offenders(rule_files(), breaks_of_a_rule_file) == {}


@pytest.mark.parametrize("name", MORE_EDGES)
def test_an_edge_by_exception_exists_and_could_not_be_a_rule_file(name: str) -> None:
    (module,) = [module for module in modules() if module.name == name]

    assert breaks_of_a_rule_file(module) != set()


@pytest.mark.parametrize("name", LIBRARIES_OF_RULES)
def test_a_library_by_exception_is_in_use(name: str) -> None:
    (module,) = [module for module in rule_files() if module.name == name]

    assert module.libraries() == set(LIBRARIES_OF_RULES[name])


def test_no_service_imports_another() -> None:
    def strangers(module: Module) -> set[str]:
        return folders_known_to(module) - {module.folder, "contracts", "chassis"}

    assert offenders(modules_of(*SERVICES), strangers) == {}


def test_contracts_know_pydantic_and_themselves() -> None:
    def strangers(module: Module) -> set[str]:
        return (module.libraries() - {"pydantic"}) | (folders_known_to(module) - {"contracts"})

    assert offenders(modules_of("contracts"), strangers) == {}


def test_the_chassis_knows_no_service_and_of_contracts_only_problems_and_identity() -> None:
    def strangers(module: Module) -> set[str]:
        others = {name for name in module.relations() if name.partition(".")[0] != "chassis"}
        return others - {"contracts.problems", "contracts.identity"}

    assert offenders(modules_of("chassis"), strangers) == {}


def test_what_starts_a_local_stack_is_known_to_none_of_those_it_starts() -> None:
    def starter(module: Module) -> set[str]:
        return folders_known_to(module) & {"local"}

    assert offenders(modules_of(*SERVICES, "contracts", "chassis"), starter) == {}


def test_the_verifier_belongs_to_no_service_and_none_knows_it() -> None:
    def strangers(module: Module) -> set[str]:
        return folders_known_to(module) - {"verify", "contracts", "chassis"}

    def verifier(module: Module) -> set[str]:
        return folders_known_to(module) & {"verify"}

    assert offenders(modules_of("verify"), strangers) == {}
    assert offenders(modules_of(*SERVICES, "contracts", "chassis"), verifier) == {}


@pytest.mark.parametrize("name", ["verify.rows", "verify.invariants", "verify.ledger"])
def test_what_the_verifier_judges_by_touches_no_database(name: str) -> None:
    (module,) = [module for module in modules_of("verify") if module.name == name]
    judges = {"contracts.money", "verify.rows", "verify.invariants"}

    assert module.libraries() == set()
    assert module.relations() <= judges


def test_one_dot_means_mine() -> None:
    def absolute_to_own(module: Module) -> set[str]:
        named = {
            node.module or "" for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom) and not node.level
        }
        return {name for name in named if name.startswith(f"services.{module.folder}")}

    assert offenders([m for m in modules_of(*SERVICES) if not is_migration(m)], absolute_to_own) == {}


def test_sql_is_written_in_stores() -> None:
    def sql(module: Module) -> set[str]:
        return module.libraries() & SQL

    elsewhere = [m for m in modules_of(*SERVICES) if role_of(m) not in {"store", "rows"} and not is_migration(m)]

    assert offenders(elsewhere, sql).keys() == SQL_ELSEWHERE.keys()


def test_neighbours_are_called_by_clients() -> None:
    def calls(module: Module) -> set[str]:
        return (module.libraries() & {"httpx"}) | (module.relations() & {"chassis.outbound"})

    # An app opens what its clients use; the doorkeeper names a credential.
    excepted = CLIENTS | {"controller.doorkeeper"}
    others = [m for m in modules_of(*SERVICES) if m.name not in excepted and role_of(m) != "app"]

    assert offenders(others, calls) == {}


def test_stores_and_clients_know_no_web_framework() -> None:
    def frameworks(module: Module) -> set[str]:
        return module.libraries() & FRAMEWORKS

    edges = [m for m in modules_of(*SERVICES) if role_of(m) in {"store", "rows"} or m.name in CLIENTS]

    assert offenders(edges, frameworks) == {}


def test_pages_reach_neighbours_through_the_rules_only() -> None:
    def short_cuts(module: Module) -> set[str]:
        return (module.relations() & CLIENTS) | (module.libraries() & (SQL | {"httpx"}))

    assert offenders([m for m in modules_of("controller") if role_of(m) == "web"], short_cuts) == {}


def test_an_app_wires_and_holds_no_route() -> None:
    def routes(module: Module) -> set[str]:
        return {ast.unparse(node).splitlines()[0] for node in ast.walk(module.tree) if makes_a_route(node)}

    assert offenders([m for m in modules_of(*SERVICES) if m.own_name == "app"], routes) == {}


def makes_a_route(node: ast.AST) -> bool:
    """`@router.get(…)` above a function, or `app.add_route(…)`."""
    methods = {"get", "head", "post", "put", "patch", "delete", "options", "api_route", "route"}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        called = [decorator.func for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
        return any(isinstance(func, ast.Attribute) and func.attr in methods for func in called)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"add_api_route", "add_route"}
    return False


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_edge_files(service: str) -> None:
    present = {module.own_name for module in modules_of(service)}
    home_of_sql = "session" if service == "controller" else "store"

    assert present >= {"app", "api", "settings", home_of_sql}
    assert list((REPOSITORY / "services" / service / "migrations").glob("0001_*.py"))


def test_a_module_opens_with_a_sentence_that_says_what_it_owns() -> None:
    def silence(module: Module) -> set[str]:
        opening = (ast.get_docstring(module.tree) or "").partition("\n\n")[0].rstrip()
        return set() if opening.endswith((".", ":")) else {opening}

    assert offenders([module for module in modules() if module.tree.body], silence) == {}


def test_no_shape_on_the_wire_holds_a_float() -> None:
    def floats(module: Module) -> set[str]:
        return {f"line {n.lineno}" for n in ast.walk(module.tree) if isinstance(n, ast.Name) and n.id == "float"}

    assert offenders(modules_of("contracts"), floats) == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    nothing = {"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc", "impl"}

    assert offenders(modules(), lambda module: nothing & set(module.name.split("."))) == {}


def test_no_service_behaves_otherwise_because_it_is_tested() -> None:
    def branches(module: Module) -> set[str]:
        attributes = (node for node in ast.walk(module.tree) if isinstance(node, ast.Attribute))
        return {ast.unparse(node) for node in attributes if ast.unparse(node).endswith("Environment.TEST")}

    assert offenders(modules_of(*SERVICES, "contracts", "chassis"), branches) == {}
