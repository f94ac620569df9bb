"""A folder that the user may not enter: wherever a path is taken, one into it ends in words and with 2."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.cli.parser import COMMANDS, Parser, load_command, local_path, out_folder
from tests.support.comfy import REPO
from tests.support.people import as_a_person

TAGGED = ["--tag", "ohwx-bag", "--class", "bag"]
LINES = {
    "submit": ["packshot", "pics/a.jpg"],
    "batch": ["packshot", "pics"],
    "cutouts": ["pics"],
    "filter": ["pics", "--reference", "pics/a.jpg"],
    "enhance": ["pics", "--reference", "pics/a.jpg"],
    "check": ["pics/a.jpg", "pics/b.jpg"],
    "recolor": ["pics/a.jpg", "--to", "navy"],
    "spin": ["pics/a.jpg", "pics/b.jpg"],
    "studio": ["--port", "0"],
    "mcp": [],
    "caption": ["pics", *TAGGED, "--rules"],
    "train": ["m", "--images", "pics", *TAGGED, "--check"],
    "report": ["pics"],
    "explore": ["a bag"],
    "vary": ["pics/a.jpg", "normal", "a bag"],
    "inputs": ["packshot"],
    "validate": ["packshot"],
    "status": [],
    "cancel": [],
    "smoke": ["packshot"],
    "config": [],
    "models": ["list"],
}
"""A line of each command that is right but for its server."""
TYPED = [
    ["packshot", "{closed}"],
    ["packshot", "{closed}/a.jpg"],
    ["packshot", "pics", "{closed}/a.jpg"],
    ["packshot", "{closed}/*.jpg"],
    ["{closed}/w.json", "pics/a.jpg"],
    ["{closed}/w.png", "pics/a.jpg"],
    ["{closed}/a.jpg"],
    ["validate", "{closed}/w.json"],
    ["inputs", "{closed}/w.json"],
    ["report", "{closed}/p"],
    ["report", "{closed}"],
    ["config", "{closed}/p"],
    ["vary", "{closed}/a.jpg", "normal", "x"],
    ["cutouts", "{closed}/p"],
    ["filter", "{closed}/p", "--reference", "pics/a.jpg"],
    ["models", "list", "--comfyui", "{closed}/p"],
    ["packshot", "x" * 300 + ".jpg"],
]
_RUN = """
import contextlib, io, json, sys
from runner.__main__ import main
for line in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = main(line)
        except SystemExit as left:
            code = left.code
    print(json.dumps([code, said.getvalue()]))
"""


def options() -> Iterator[tuple[str, str]]:
    """(command, option) for every option of every command that names a file or a folder."""
    for name in LINES:
        commands: Any = Parser(prog="").add_subparsers()
        parser: Any = load_command(name).add_parser(commands)
        for action in parser.optionals():
            is_path = action.type in (local_path, out_folder) or "DIR" in str(action.metavar)
            if is_path or action.dest in ("image", "reference", "to", "part"):
                yield name, action.option_strings[0]


def said(folder: Path, lines: list[list[str]], **environment: str) -> list[tuple[int, str]]:
    """What each line ends with, as somebody to whom a closed folder is closed."""
    run = subprocess.run(
        [*as_a_person(), sys.executable, "-c", _RUN],
        input=json.dumps(lines), cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(REPO), "COMFYUI_URL": "http://127.0.0.1:9", **environment},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return [(code, text) for code, text in map(json.loads, run.stdout.splitlines())]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "pics").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (48, 40), "white").save(tmp_path / "pics" / name)
    (tmp_path / "closed" / "p").mkdir(parents=True)
    (tmp_path / "closed").chmod(0)
    yield tmp_path
    (tmp_path / "closed").chmod(0o700)


def test_every_command_is_tried() -> None:
    without_paths = {"workflows", "serve", "logs", "completion", "help"}
    assert set(COMMANDS) - without_paths == set(LINES)


def test_a_path_into_a_closed_folder_ends_in_words(place: Path) -> None:
    asked = [[name, *LINES[name], option, "closed/p/x"] for name, option in options()]
    asked += [[word.replace("{closed}", "closed/p") for word in line] for line in TYPED]
    wrong = [
        (" ".join(line), code, text)
        for line, (code, text) in zip(asked, said(place, asked, PRODGEN_CONFIG="none"), strict=True)
        if code != 2 or "Traceback" in text or "unexpected" in text
    ]
    assert wrong == []


def test_ones_own_settings_there_are_not_passed_over(place: Path) -> None:
    lines = [["config"], ["status"], ["packshot", "pics/a.jpg"]]
    for code, text in said(place, lines, PRODGEN_CONFIG=str(place / "closed" / "prodgen.toml")):
        assert code == 2
        assert f"{place}/closed/prodgen.toml: Permission denied" in text
