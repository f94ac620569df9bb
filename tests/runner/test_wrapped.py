"""What people read on a terminal is broken between words; a pipe, a path and a command stay whole."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from runner.console import wrapped
from runner.invocation import spell
from tests.support.comfy import REPO

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
