"""What a shell offers at TAB: commands, workflows, inputs and their choices, as they are now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner.test_cli import HEAVY, imported_after
from tests.support.comfy import REPO
from tests.support.runs import command

pytest.importorskip("argcomplete", reason="NOT RUN: argcomplete is not installed (run `python install.py --dev`)")


def offered(line: str, folder: Path) -> set[str]:
    """As a shell asks: the line so far, and where the answer goes."""
    answer = folder / "answer"
    environment = {
        **os.environ, "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer), "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
    }  # fmt: skip
    start = [sys.executable, "-c", "from runner.__main__ import program; program()"]
    environment["PYTHONPATH"] = os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")])
    subprocess.run(start, cwd=folder, env=environment, check=False, capture_output=True, timeout=60)
    return {word.strip() for word in answer.read_text(encoding="utf-8").split("\n")} if answer.exists() else set()


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("prodgen pack", {"packshot", "packshot_birefnet"}),
        ("prodgen sta", {"status"}),
        ("prodgen models ", {"list", "check", "download", "smoke"}),
        ("prodgen inputs grip_q", {"grip_qwen"}),
        ("prodgen submit packshot --set chan", {"channel="}),
        ("prodgen packshot --set chan", {"channel="}),
        ("prodgen packshot --se", {"--set", "--seed", "--server"}),
        ("prodgen packshot ph", {"photo.jpg", "photos/"}),
        ("prodgen batch packshot --res", {"--resume"}),
        ("prodgen chan", {"channels", "channel"}),
        ("prodgen sho", {"shops", "shop"}),
        ("prodgen help am", {"amazon"}),
        ("prodgen help ser", {"serve", "servers"}),
        ("prodgen batch packshot --channels amazon,e", {"amazon,ebay"}),
        ("prodgen check --channel am", {"amazon"}),
    ],
)
def test_it_offers_what_there_is(tmp_path: Path, line: str, some: set[str]) -> None:
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "photos").mkdir()
    assert some <= {word.removesuffix(" ") for word in offered(line, tmp_path)}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell", "tcsh"])
def test_each_shell_gets_its_script(tmp_path: Path, shell: str) -> None:
    run = command("completion", shell, folder=tmp_path)
    assert run.code == 0, run.err
    assert "prodgen" in run.out
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=run.out, text=True, check=False).returncode == 0


def test_a_tab_is_answered_without_anything_heavy() -> None:
    loaded = imported_after("import runner.__main__")
    assert not loaded & {*HEAVY, "argcomplete", "platformdirs", "tomllib"}
