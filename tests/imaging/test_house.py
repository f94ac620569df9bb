"""The pack's rooms stand on floors, as the runner's do: nodes on shops and persona, all on imaging; no module in a
circle, none of two subjects."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.support.circles import no_circle
from tests.support.comfy import PACK

FLOORS = (
    ("nodes",),
    ("shops", "persona", "captions", "training", "background_removal", "segment_anything", "product_kind"),
    ("imaging", "weights_file"),
)
"""From what the canvas shows down to the maths."""

Module = tuple[str, ...]


def modules() -> dict[Module, str]:
    """Every module by its dotted name, a package by the name of its folder."""
    found = {path.relative_to(PACK).with_suffix("").parts: path for path in PACK.rglob("*.py")}
    return {
        (name[:-1] if name[-1] == "__init__" else name): path.read_text(encoding="utf-8")
        for name, path in found.items()
    }


def imports(texts: dict[Module, str]) -> Iterator[tuple[Module, Module]]:
    """(module, module of the pack it imports), those of functions and of the type checker too."""
    packages = {name[:-1] for name in texts if name}
    for name, text in texts.items():
        folder = name if name in packages else name[:-1]
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            source = folder[: len(folder) - node.level + 1] + tuple(
                (node.module or "").split(".") if node.module else ()
            )
            for alias in node.names:
                found = (*source, alias.name)
                yield name, found if found in texts else source


def test_every_room_has_its_floor() -> None:
    rooms = {path.name for path in PACK.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == {room for floor in FLOORS for room in floor}


def test_imports_go_down_only() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    arrows = [(name, found) for name, found in imports(modules()) if name and found]
    assert len(arrows) > 200, "the imports were not read"
    wrong = [
        f"{'.'.join(name)} imports {'.'.join(found)}"
        for name, found in arrows
        if name[0] != found[0] and floor[name[0]] >= floor[found[0]]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_circle() -> None:
    needs: dict[str, set[str]] = {}
    for name, found in imports(modules()):
        if name != found:
            needs.setdefault(".".join(name), set()).add(".".join(found))
    no_circle(needs)


def test_no_circle_of_rooms() -> None:
    """Within `imaging`: a folder, or a module that stands alone, is a room."""
    needs: dict[str, set[str]] = {}
    for name, found in imports(modules()):
        if name[:1] == found[:1] == ("imaging",) and len(name) > 1 and len(found) > 1 and name[1] != found[1]:
            needs.setdefault(name[1], set()).add(found[1])
    no_circle(needs)


def test_no_module_is_two() -> None:
    assert [".".join(name) for name, text in modules().items() if len(text.splitlines()) > 400] == []
