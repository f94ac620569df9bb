"""Programs that an installation runs: one that hangs is ended, one that lost its parent is waited for."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from installer.children import Children
from installer.console import InstallError
from installer.main import arguments
from installer.project import Project
from installer.pythons import environment_python
from installer.steps import Installer
from runner.processes import process_identity
from tests.install.conftest import install, start
from tests.support.speed import HANG_S, slowness

SILENT = "import subprocess, sys, time; print('loading', flush=True)\n"
SILENT += "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(9999)'])\n"
SILENT += "print(child.pid, flush=True)\ntime.sleep(9999)"
SLOW = "import sys, time\nfor number in range(8): print(number, flush=True); time.sleep(float(sys.argv[1]))"


def test_one_that_falls_silent_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    ended = Children(tmp_path / "log").run([sys.executable, "-c", SILENT], silence=3 * min(5, slowness()))
    assert ended.silent and ended.code != 0
    said, child = ended.output.split()
    assert said == "loading"
    deadline = time.monotonic() + HANG_S
    while process_identity(int(child)) is not None:  # it is dead; who adopted it has to notice
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "loading" in (tmp_path / "log").read_text()


def test_one_that_is_slow_but_says_something_is_waited_for(tmp_path: Path) -> None:
    """It takes longer in all than it may be silent."""
    pace = min(5, slowness()) / 2
    ended = Children(tmp_path / "log").run([sys.executable, "-c", SLOW, str(pace)], silence=6 * pace)
    assert (ended.silent, ended.code, len(ended.output.split())) == (False, 0, 8)


def test_a_first_start_that_hangs_is_said_with_its_last_lines(tmp_path: Path) -> None:
    comfyui = tmp_path / "ComfyUI"
    comfyui.mkdir()
    (comfyui / "main.py").write_text("import time; print('waiting for a node pack', flush=True); time.sleep(9999)")
    project = Project(tmp_path)
    project.state.mkdir()
    project.open(None)
    installer = Installer(project, arguments(["--comfyui", str(comfyui)]), silence=3 * min(5, slowness()))
    with pytest.raises(InstallError, match="hangs while it starts") as stopped:
        installer.start_once(comfyui, Path(sys.executable))
    assert "waiting for a node pack" in stopped.value.message
    assert str(comfyui / "main.py") in stopped.value.advice


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize(
    ("stage", "keeps_journal"),
    [
        ("pyvenv.cfg", True),
        pytest.param("lib/python*/site-packages/pip", False, marks=pytest.mark.slow),
        pytest.param("pyvenv.cfg", False, marks=pytest.mark.slow),
        pytest.param("bin/python", True, marks=pytest.mark.slow),
        pytest.param("bin/python", False, marks=pytest.mark.slow),
        pytest.param("lib/python*/site-packages/pip", True, marks=pytest.mark.slow),
    ],
)
def test_an_environment_that_was_being_made_is_made_anew(project: Path, stage: str, keeps_journal: bool) -> None:
    """The program that makes it outlives its parent for some seconds: the next run must not work beside it."""
    nowhere = {"PIP_NO_INDEX": "1"}
    first = start(project, "--no-comfyui", environment=nowhere)
    while not list((project / ".venv").glob(stage)):
        assert first.poll() is None, first.communicate()[0]
    first.kill()
    if not keeps_journal:
        (project / ".comfyui" / "journal.json").unlink()
    code, said = install(project, "--no-comfyui", environment=nowhere)
    assert code == 1 and "package index" in said, said  # which is what comes after the environment
    assert "Environment in .venv" in said
    python = str(environment_python(project / ".venv"))
    assert subprocess.run([python, "-m", "pip", "--version"], check=False).returncode == 0
    code, said = install(project, "--no-comfyui", environment=nowhere)
    assert "Environment in .venv" not in said, "a finished one is kept"
