"""The runner's rooms stand on floors: every import goes down, and no function hides one that goes up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.support.comfy import REPO

RUNNER = REPO / "runner"
FLOORS = (
    ("__main__",),
    ("cli",),
    ("report",),
    ("batch", "best_of", "explore", "vary", "smoke"),
    ("gallery", "execution"),
    ("validation",),
    ("server", "canvas"),
    ("workflow",),
    ("models",),
    ("local_server",),
    ("photos", "http", "events"),
    ("files", "console"),
    ("data", "errors", "suggest", "untrusted"),
)
"""From the command line down to what everything stands on."""


def imports() -> Iterator[tuple[str, str, str]]:
    """(room, room it imports from, where), all of them: those of functions and of the type checker too."""
    for path in sorted(RUNNER.rglob("*.py")):
        room = path.relative_to(RUNNER).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            names = node.module.split(".")
            if names[0] != "runner":
                continue
            for found in [names[1]] if len(names) > 1 else [alias.name for alias in node.names]:
                if found not in (room, "__version__"):
                    yield room, found, f"{path.relative_to(REPO)}:{node.lineno}"


def test_every_room_has_its_floor() -> None:
    rooms = {path.stem for path in RUNNER.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__"} == {room for floor in FLOORS for room in floor}


def test_imports_go_down_only() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    wrong = [f"{where}: {room} imports {found}" for room, found, where in imports() if floor[room] > floor[found]]
    assert not wrong, "\n".join(wrong)


def test_no_circle() -> None:
    needs: dict[str, set[str]] = {}
    for room, found, _ in imports():
        needs.setdefault(room, set()).add(found)
    try:
        list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' → '.join(error.args[1])}")


def test_no_module_is_two() -> None:
    texts = {str(path.relative_to(REPO)): path.read_text(encoding="utf-8") for path in RUNNER.rglob("*.py")}
    assert [name for name, text in texts.items() if len(text.splitlines()) > 400] == []
