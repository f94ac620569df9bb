"""What people read on a terminal is broken between words; a pipe, a path and a command stay whole."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from runner.console import wrapped
from runner.invocation import spell
from tests.support.comfy import REPO
from tests.support.runs import command

LONG = "the product was enlarged ×6.22, of a photo that is 218 pixels wide: " * 3


@pytest.mark.parametrize("width", [80, 60, 30])
def test_no_word_is_broken(width: int) -> None:
    for text in (LONG, f"  - {LONG}", f"warning: a.jpg\n  {LONG}"):
        lines = wrapped(text, width).split("\n")
        assert len(lines) > 2
        assert max(map(len, lines)) <= width
        assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert all(line.startswith("    ") for line in wrapped(f"  - {LONG}", width).split("\n")[1:])


def test_paths_and_commands_stay_whole() -> None:
    path = "/a-very/long-folder/" * 8 + "photo.jpg"
    assert path in wrapped(f"cannot be read: {path}", 40).split()
    line = f"  {spell('packshot', 'photo.jpg', '--set', 'channel=amazon', '--out', 'a-folder-somewhere')}"
    assert wrapped(line, 30) == line


@pytest.mark.parametrize("width", [80, 60])
def test_a_command_in_a_sentence_stays_whole_and_the_sentence_does_not(width: int) -> None:
    inputs = spell("inputs", "packshot")
    text = f"  Set cutout_confidence lower, as far as its edges are still right: `{inputs}` lists what else can be set."
    lines = wrapped(text, width).split("\n")
    assert max(map(len, lines)) <= width
    assert sum(f"`{inputs}`" in line for line in lines) == 1
    assert " ".join(" ".join(lines).split()) == text.strip()
    bare = wrapped(f"The newest one of all that are in this folder here, as you can see: {spell('report', 'a/b')}", 60)
    assert spell("report", "a/b") in bare.split("\n")[-1] and max(map(len, bare.split("\n"))) <= 60


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize("line", ["", "help completion"])
def test_help_fits_the_terminal_but_for_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int, line: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    run = command(*line.split(), folder=tmp_path)
    long = [text for text in (run.out + run.err).splitlines() if len(text) > columns and "runner" not in text]
    assert [text for text in long if "completion" not in text] == []


def run_at(columns: int) -> str:
    """A refusal, as a terminal of that width shows it."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns)}
    subprocess.run(
        [sys.executable, "-m", "runner", "packshot", "no " * 40 + "photo.jpg"], cwd=REPO, env=environment,
        stdout=subprocess.DEVNULL, stderr=theirs, check=False,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:  # a terminal that was closed
        pass
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


def test_a_terminal_gets_lines_of_its_width() -> None:
    lines = run_at(60).splitlines()
    assert len(lines) > 2
    assert max(len(line) for line in lines if "/" not in line) <= 60
