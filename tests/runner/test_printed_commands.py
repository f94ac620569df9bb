"""Every command that is printed begins as this program was started, and every list can be had as JSON."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cli.parser import COMMANDS
from runner.cli.shops import rules, shops
from runner.errors import EXIT_OK, EXIT_USAGE
from runner.files.lettering import font_of, lines_of
from runner.words import shortened
from tests.support.comfy import REPO
from tests.support.runs import command

_NAMES = "|".join(COMMANDS)
_BARE = re.compile(rf"`(?:{_NAMES}) [a-z-]")
"""A command of several words, as it is to be typed; a name alone (`batch`) only says which one is meant."""
_WHOLE = re.compile(rf"(?:{_NAMES}) (?:-|[A-Z]{{2}}|(?:list|download|check)\b)")


def said(path: Path) -> Iterator[tuple[int, str, bool]]:
    """(line, text, whether it is an advice) of every text in a module that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {id(below): node for node in ast.walk(tree) for below in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            above = parents[id(node)]
            if isinstance(above, ast.JoinedStr):
                begins = above.values[0] is node
                above = parents[id(above)]
            else:
                begins = True
            if not isinstance(above, ast.Expr):
                yield node.lineno, node.value, begins and isinstance(above, ast.keyword) and above.arg == "advice"


def test_no_command_is_written_without_the_program() -> None:
    found, advices = [], 0
    for path in sorted((REPO / "runner").rglob("*.py")):
        for line, text, is_advice in said(path):
            advices += is_advice
            if _BARE.search(text) or (is_advice and _WHOLE.match(text)):
                found.append(f"{path.relative_to(REPO)}:{line}: {text[:80]}")
    assert advices > 100
    assert not found, "\n".join(["a hint to be pasted is made by spell() or in_help():", *found])


def test_the_shops_as_json(tmp_path: Path) -> None:
    every = command("channels", "--json", folder=tmp_path)
    assert every.code == EXIT_OK
    rows = [json.loads(line) for line in every.out.splitlines()]
    assert [row["shop"] for row in rows] == list(shops())
    assert next(row["asks"] for row in rows if row["shop"] == "amazon") == dict(rules()["amazon"])
    for typed in (["channels", "ebay", "amazon", "--json"], ["help", "ebay", "amazon", "--json"]):
        some = command(*typed, folder=tmp_path)
        assert [json.loads(line)["shop"] for line in some.out.splitlines()] == ["ebay", "amazon"], some.err
    for typed in (["help", "--json"], ["help", "packshot", "--json"], ["channels", "amzon", "--json"]):
        refused = command(*typed, folder=tmp_path)
        assert refused.code == EXIT_USAGE and "channels" in refused.err, refused.err


@pytest.mark.parametrize("most", [1, 2, 3])
def test_words_are_cut_between_words(most: int) -> None:
    font = font_of(13)
    text = "photos/grey.png: 0 - the product could not be cut out reliably (confidence 0.00, needed 0.50) " * 4
    lines = lines_of(text, font, 300, most)
    assert len(lines) == most
    assert all(font.getlength(line) <= 300 for line in lines)
    shown, end = lines[-1][:-2], lines[-1][-2:]
    assert end.startswith(" ") and end[1] in "…?"
    assert " ".join(text.split()).startswith(" ".join([*lines[:-1], shown]) + " ")
    assert lines_of("few words", font, 300, most) == ["few words"]
    long = lines_of("x" * 300, font, 300, most)
    assert len(long) == most and all(font.getlength(line) <= 300 for line in long)


def test_a_text_is_shortened_between_words() -> None:
    text = "the quick brown fox"
    for most in range(4, 30):
        cut = shortened(text, most)
        assert len(cut) <= most
        assert cut == text or (
            cut.endswith("…") and (cut[:-1].strip() == "the"[: most - 1] or text.startswith(cut[:-1]))
        )
    assert shortened("x" * 9, 4) == "xxx…"
