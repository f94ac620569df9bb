"""A Python without our libraries: the whole program under one, and both ways out of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli.lacking import lacking
from tests.support.comfy import REPO


@pytest.mark.parametrize("line", ["packshot x.jpg", "models list", "packshot x.jpg --json"])
def test_every_command_says_how_it_gets_its_libraries(line: str) -> None:
    run = subprocess.run(
        [sys.executable, "-S", "-m", "runner", *line.split()], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2, run.stderr
    assert "lacks a library" in run.stderr
    assert f"-m runner {line}\n" in run.stderr
    assert "unexpected" not in run.stderr
    assert "Traceback" not in run.stderr


def test_the_python_that_has_them_is_named_where_there_is_one(tmp_path: Path) -> None:
    error = ModuleNotFoundError("No module named 'yaml'", name="yaml")
    (tmp_path / "install.py").touch()
    without = str(lacking(error, ["packshot", "my photo.jpg"], tmp_path))
    assert "install.py" in without
    assert "python -m runner packshot 'my photo.jpg'" in without.replace('"', "'").replace(".exe", "")
    for folder, name in (("bin", "python"), ("Scripts", "python.exe")):
        (tmp_path / ".venv" / folder).mkdir(parents=True)
        (tmp_path / ".venv" / folder / name).touch()
    there = str(lacking(error, ["config"], tmp_path))
    assert "install.py" not in there
    assert "-m runner config" in there


def test_what_is_no_library_is_a_fault() -> None:
    assert lacking(ModuleNotFoundError("No module named 'runner.x'", name="runner.x"), []) is None
    assert lacking(ValueError("other"), []) is None
