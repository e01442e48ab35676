"""cartdb could be spread over servers by owner: every statement names one, but for a few that only read."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.modules import Module, modules

# What is asked of all owners at once, and nothing else: reading, for reconcile, upkeep, an operator and event streams.
FAN_OUTS = {
    "adoption_store.unfinished_adoptions",
    "expiry_store.EXPIRED",
    "expiry_store.OWNERS_OF_OLD_KEYS",
    "purchase_store.find_anybodys",
    "purchase_store.pending_purchases_of",
    "purchase_store.unfinished_purchases",
    "refund_store.unfinished_refunds",
    "watch_store.CURRENT_VERSIONS",
}
CHANGE = re.compile(r"\b(INSERT INTO|UPDATE \w.* SET|DELETE FROM)\b", re.DOTALL)
STATEMENT = re.compile(rf"^\s*(WITH\b|SELECT\b.*\bFROM\b|{CHANGE.pattern})", re.DOTALL)
ONE_OWNER = re.compile(
    r"\bowner_id = (carts\.owner_id|\$1)|\(owner_id, |\b(edit_cart|cart_document|erase_owner)\(\s*\$1"
)


def stores() -> list[Module]:
    return [module for module in modules() if module.name.startswith("cartdb.") and ".migrations" not in module.name]


def statements(module: Module) -> Iterator[tuple[str, str]]:
    """Every statement of a module, by the function or the constant that it stands in."""
    for outer in ast.walk(module.tree):
        match outer:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name != "work":
                yield from ((f"{module.own_name}.{name}", text) for text in _texts(outer))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper():
                yield from ((f"{module.own_name}.{name}", text) for text in _texts(value))


def _texts(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.JoinedStr):
            yield "".join(str(it.value) if isinstance(it, ast.Constant) else "…" for it in part.values)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def of_all_owners() -> dict[str, str]:
    return {
        place: text
        for module in stores()
        for place, text in statements(module)
        if STATEMENT.match(text) and not ONE_OWNER.search(text)
    }


def test_every_statement_of_cartdb_names_its_owner_but_for_these() -> None:
    assert set(of_all_owners()) == FAN_OUTS


def test_what_names_no_owner_only_reads() -> None:
    assert {place for place, text in of_all_owners().items() if CHANGE.search(text)} == set()
