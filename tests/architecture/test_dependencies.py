"""A dependency that is not async costs a hop to a thread and back, in every request."""

import ast

from tests.architecture.modules import ROOT


def _trees() -> list[ast.Module]:
    return [ast.parse(file.read_text()) for file in ROOT.rglob("*.py")]


def _dependencies(tree: ast.Module) -> set[str]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    named = (
        call.args[0]
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in ("Depends", "Security") and call.args
    )
    return {argument.id for argument in named if isinstance(argument, ast.Name)}


def _routes(tree: ast.Module) -> set[str]:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return {
        function.name
        for function in functions
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in ("get", "post", "put", "patch", "delete")
    }


def test_every_dependency_and_every_route_is_async() -> None:
    trees = _trees()
    wanted = set().union(*map(_dependencies, trees))
    sync = {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    assert len(wanted) > 20
    assert wanted & sync == set()
    assert set().union(*map(_routes, trees)) == set()
