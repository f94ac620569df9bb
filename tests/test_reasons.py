"""What docstrings owe: every number with a name says beside it what it is, or why; what goes wrong is a sentence."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.comfy import PACK, REPO

ROOMS = (PACK, REPO / "runner")
_NAMED = re.compile(r"`(\w+)`")


def is_number(value: ast.expr | None) -> bool:
    """A number, several of them, or what is reckoned from one; None and truth values are none."""
    if isinstance(value, ast.Constant):
        return type(value.value) in (int, float)
    if isinstance(value, ast.UnaryOp):
        return is_number(value.operand)
    if isinstance(value, ast.BinOp):
        return is_number(value.left) or is_number(value.right)
    if isinstance(value, ast.Tuple | ast.List):
        return bool(value.elts) and all(is_number(one) for one in value.elts)
    return isinstance(value, ast.Dict) and bool(value.values) and all(is_number(one) for one in value.values)


def is_nothing(value: ast.expr) -> bool:
    """What a field begins with, or leaves everything as it is: no decision."""
    return all(one.value in (0, 1) for one in ast.walk(value) if isinstance(one, ast.Constant))


def is_told(body: list[ast.stmt], at: int) -> bool:
    """Whether a docstring follows, at once or after the lines of the same block."""
    for here, after in zip(body[at:], body[at + 1 :], strict=False):
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return True
        if not isinstance(after, ast.Assign | ast.AnnAssign) or after.lineno != (here.end_lineno or 0) + 1:
            return False
    return False


def silent(text: str) -> Iterator[str]:
    """`line: names = value` of each number of a module's and its classes' own that says nothing."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
    tree = ast.parse(text)
    owners: list[ast.Module | ast.ClassDef] = [tree, *(one for one in ast.walk(tree) if isinstance(one, ast.ClassDef))]
    for owner in owners:
        told = ast.get_docstring(owner) or ""
        words = set(re.findall(r"\w+", told) if isinstance(owner, ast.ClassDef) else _NAMED.findall(told))
        for at, line in enumerate(owner.body):
            if not isinstance(line, ast.Assign | ast.AnnAssign) or line.value is None or not is_number(line.value):
                continue
            if isinstance(owner, ast.ClassDef) and is_nothing(line.value):
                continue
            target = line.targets[0] if isinstance(line, ast.Assign) else line.target
            names = {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
            beside = comments & set(range(line.lineno - 1, (line.end_lineno or line.lineno) + 1))
            if not (beside or names <= words or is_told(owner.body, at)):
                yield f"{line.lineno}: {', '.join(sorted(names))} = {ast.unparse(line.value)}"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_number_says_why(room: Path) -> None:
    modules = {path: path.read_text(encoding="utf-8") for path in sorted(room.rglob("*.py"))}
    assert len(modules) > 100, "the modules were not read"
    wrong = [f"{path.relative_to(REPO)}:{line}" for path, text in modules.items() for line in silent(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("_A = 3\n", ["_A"]),
        ("_A = 3\n\n'''Of another.'''\n", []),
        ("_A = 3\n_B = 4\n'''Both.'''\n", []),
        ("_A = 3\n\n_B = 4\n'''The second.'''\n", ["_A"]),
        ("_A, _B = -3, 1 << 4\n", ["_A, _B"]),
        ("_A = {'x': 1.0}  # because\n", []),
        ("# Because.\n_A = 3\n", []),
        ("'''`_A` says how many.'''\n_A = 3\n", []),
        ("class A:\n    many: int = 3\n    none: int = 0\n", ["many"]),
        ("class A:\n    '''So `many`.'''\n    many: int = 3\n", []),
        ("_A = 'text'\n_B = True\n_C = None\n_D = f(3)\n", []),
    ],
)
def test_a_silent_number_is_found(text: str, names: list[str]) -> None:
    assert [line.split(": ", 1)[1].split(" = ")[0] for line in silent(text)] == names


def test_what_goes_wrong_is_said_in_a_sentence() -> None:
    """`Raises ShapeError where sizes do not fit.`, and no section of that name."""
    rooms = (*ROOMS, REPO / "installer")
    lines = [
        f"{path.relative_to(REPO)}:{number}"
        for room in rooms
        for path in sorted(room.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip() == "Raises:"
    ]
    assert not lines, "\n".join(lines)
