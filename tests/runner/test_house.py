"""The runner's rooms stand on floors: every import goes down, and no function hides one that goes up.

What is private to a class is nobody else's: neither read from outside nor put in the place of a base's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.support.circles import no_circle
from tests.support.comfy import REPO

RUNNER = REPO / "runner"
FLOORS = (
    ("__main__",),
    ("cli",),
    ("studio", "agents"),
    ("desk",),
    ("report", "cutouts", "sightings", "captions", "training", "spin", "recolors"),
    ("batch", "best_of", "explore", "vary", "smoke"),
    ("gallery", "execution"),
    ("validation",),
    ("server", "canvas"),
    ("workflow",),
    ("models",),
    ("local_server",),
    ("photos", "http", "events"),
    ("files", "console"),
    ("data", "errors", "invocation", "log", "processes", "redaction", "suggest", "untrusted", "words"),
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
    no_circle(needs)


def test_no_circle_of_modules() -> None:
    """Within a room, too; what only the type checker imports does not count."""
    texts = {
        ".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__"): path
        for path in RUNNER.rglob("*.py")
    }
    needs: dict[str, set[str]] = {}
    for name, path in texts.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node not in typing and (node.module or "").startswith("runner"):
                module = node.module or ""
                for alias in node.names:
                    found = f"{module}.{alias.name}"
                    needs.setdefault(name, set()).add(found if found in texts else module)
    no_circle(needs)


def test_no_module_is_two() -> None:
    texts = {str(path.relative_to(REPO)): path.read_text(encoding="utf-8") for path in RUNNER.rglob("*.py")}
    assert [name for name, text in texts.items() if len(text.splitlines()) > 400] == []


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """(module, class) of all of the runner."""
    for path in sorted(RUNNER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield str(path.relative_to(REPO)), node


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def is_own(value: ast.expr) -> bool:
    """`self`, `cls`, what `cls(…)` makes, and `super()` (whose methods argparse documents)."""
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in ("cls", "super")
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


OFFERED = {"_replace", "_SubParsersAction", "_exit"}
"""Public, for all their names: a method of every named tuple, the only name for what argparse hands out, and how a
process ends without waiting for its threads."""


def test_nothing_private_is_read_from_outside() -> None:
    wrong = []
    for path in sorted(RUNNER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or not is_private(node.attr) or node.attr in OFFERED:
                continue
            if not is_own(node.value):
                wrong.append(f"{path.relative_to(REPO)}:{node.lineno}: {ast.unparse(node)}")
    assert not wrong, "\n".join(wrong)


def test_no_class_puts_its_own_in_the_place_of_a_private_method() -> None:
    methods = {
        node.name: {item.name for item in node.body if isinstance(item, ast.FunctionDef) and is_private(item.name)}
        for _, node in classes()
    }
    wrong = [
        f"{module}: {node.name} overrides {base.id}.{name}"
        for module, node in classes()
        for base in node.bases
        if isinstance(base, ast.Name)
        for name in methods[node.name] & methods.get(base.id, set())
    ]
    assert not wrong, "\n".join(wrong)
