"""Benchmarks run where the test tools are not installed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.comfy import REPO

TEST_TOOLS = {"pytest", "hypothesis", "selenium", "ray", "xdist", "mypy"}
OURS = {"benchmarks", "examples", "runner", "tests"}


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """(module, whether it is imported as soon as this one is) of every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_once = set(map(id, tree.body))
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            yield from ((alias.name, id(statement) in at_once) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            package = path.relative_to(REPO).with_suffix("").parts[: -statement.level] if statement.level else ()
            module = ".".join([*package, *([statement.module] if statement.module else [])])
            yield module, id(statement) in at_once
            yield from ((f"{module}.{alias.name}", id(statement) in at_once) for alias in statement.names)


@pytest.mark.parametrize("script", sorted((REPO / "benchmarks").glob("*.py")), ids=lambda script: script.stem)
def test_a_benchmark_needs_no_test_tools(script: Path) -> None:
    waiting, seen = [script], set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for module, at_once in imported(path):
            root, *_ = module.split(".")
            assert not (at_once and root in TEST_TOOLS), f"{path.relative_to(REPO)} imports {module}"
            file = REPO.joinpath(*module.split("."))
            found = [file.with_suffix(".py"), file / "__init__.py"] if root in OURS else []
            waiting += [each for each in found if each.is_file() and each not in seen]
    assert script.stem != "packshot" or REPO / "tests" / "support" / "comfy.py" in seen
