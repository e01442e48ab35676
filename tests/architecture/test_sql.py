"""No SQL is put together from values: every one goes to the database beside the statement, as a parameter."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.modules import modules

# Upper case as every statement here is written; a sentence for people is not.
STATEMENT = re.compile(
    r"\b(SELECT\b.*\bFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|CREATE\s|ALTER\s|DROP\s|GRANT\s|REVOKE\s"
    r"|TRUNCATE\s|WHERE\s|VALUES\s*\(|SET\s+\w+\s*=|ORDER\s+BY|RETURNING\s|LIMIT\s)",
    re.DOTALL,
)
CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")


def put_together(tree: ast.Module) -> set[str]:
    """Where a text that reads like SQL takes in something that is not a constant of the program."""
    literals = set(_literals(tree))
    return {
        f"line {node.lineno}: {ast.unparse(part)}"
        for node, text, parts in _compositions(tree)
        if STATEMENT.search(text)
        for part in parts
        if not (isinstance(part, ast.Name) and CONSTANT.fullmatch(part.id) and part.id in literals)
    }


def _literals(tree: ast.Module) -> Iterator[str]:
    """Names that the module binds to a literal text, or imports."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        if isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


def _compositions(tree: ast.Module) -> Iterator[tuple[ast.expr, str, list[ast.expr]]]:
    """Every text made of parts: f-strings, %, +, format, join and replace."""
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in values)
                yield node, text, [part.value for part in values if isinstance(part, ast.FormattedValue)]
            case ast.BinOp(left=left, op=ast.Mod() | ast.Add(), right=right):
                texts = [part for part in (left, right) if _text_of(part) is not None]
                others = [part for part in (left, right) if part not in texts]
                yield node, " ".join(filter(None, map(_text_of, texts))), others
            case ast.Call(func=ast.Attribute(value=value, attr="format" | "join" | "replace" | "format_map")):
                yield node, _text_of(value) or "", [*node.args, *(keyword.value for keyword in node.keywords)]


def _text_of(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_no_statement_is_put_together_from_values() -> None:
    found = {module.name: put_together(module.tree) for module in modules()}

    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "source",
    [
        'store.execute(f"SELECT * FROM carts WHERE owner_id = {owner!r}")',
        'store.execute(f"SELECT * FROM {table()}")',
        "store.execute(\"SELECT * FROM carts WHERE owner_id = '%s'\" % owner)",
        'store.execute("DELETE FROM carts WHERE owner_id = " + owner)',
        'store.execute("INSERT INTO carts VALUES ({})".format(owner))',
        'store.execute("UPDATE carts SET name = {name}".format(name=name))',
        'store.execute(text(f"... ORDER BY {column}"))',
        'OWNER = read()\nstore.execute(f"SELECT 1 FROM carts WHERE owner_id = {OWNER}")',
        'store.execute(" LIMIT 1 UNION SELECT name FROM ".join(parts))',
    ],
)
def test_a_statement_that_is_put_together_would_be_found(source: str) -> None:
    assert put_together(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        'store.execute("SELECT * FROM carts WHERE owner_id = $1", owner)',
        'COLUMNS = "owner_id, cart_id"\nstore.execute(f"SELECT {COLUMNS} FROM carts WHERE owner_id = $1", owner)',
        'raise Forbidden(f"This needs the scope {scope}.")',
    ],
)
def test_constants_parameters_and_sentences_are_not_taken_for_it(source: str) -> None:
    assert put_together(ast.parse(source)) == set()
