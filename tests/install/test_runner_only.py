"""The real installation of the runner: killed, repeated, repaired, removed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.pythons import environment_python
from tests.install.conftest import copy_project, install, needs_the_package_index, start
from tests.support.speed import HANG_S, within


def _wait_for(condition: Callable[[], object], process: subprocess.Popen[str], seconds: float = HANG_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _pip_is_at_work(project: Path) -> bool:
    log = project / ".comfyui" / "install.log"
    return log.is_file() and "Collecting" in log.read_text()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project installed with --no-comfyui, after two runs that were killed in the middle."""
    project = copy_project(tmp_path_factory.mktemp("install") / "a folder with spaces")

    first = start(project, "--no-comfyui")
    _wait_for((project / ".venv" / "pyvenv.cfg").exists, first)
    first.kill()
    first.communicate()

    second = start(project, "--no-comfyui")
    _wait_for(lambda: _pip_is_at_work(project) or second.poll() is not None, second)
    second.kill()
    second.communicate()

    code, said = install(project, "--no-comfyui")
    needs_the_package_index(code, said)
    assert code == 0, said
    return project


def _runner_version(project: Path) -> str:
    command = [
        str(environment_python(project / ".venv")),
        "-c",
        "import runner; print(runner.__version__, runner.__file__)",
    ]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=True).stdout


def test_killed_twice_it_finishes_the_third_time(installed: Path) -> None:
    assert str(installed / "runner") in _runner_version(installed)
    assert not list((installed / ".comfyui").glob("tmp*"))


def test_the_second_run_takes_seconds_and_says_so(installed: Path) -> None:
    begin = time.monotonic()
    code, said = install(installed, "--no-comfyui")
    assert code == 0
    assert "already installed" in said
    assert "-m runner submit packshot --image" in said.splitlines()[-1]
    assert within(10, begin)


def test_a_journal_that_is_damaged_costs_a_check_not_the_installation(installed: Path) -> None:
    (installed / ".comfyui" / "journal.json").write_text('{"steps": ')
    code, said = install(installed, "--no-comfyui")
    assert code == 0, said
    assert "0." in _runner_version(installed)


def test_a_deleted_package_is_put_back(installed: Path) -> None:
    python = str(environment_python(installed / ".venv"))
    subprocess.run([python, "-m", "pip", "uninstall", "--yes", "--quiet", "pyyaml"], check=True)
    code, said = install(installed, "--no-comfyui")
    assert code == 0, said
    subprocess.run([python, "-c", "import yaml"], check=True)


def test_it_asks_nothing_and_stops_at_ctrl_c(project: Path) -> None:
    process = start(project, "--no-comfyui")
    _wait_for((project / ".comfyui" / "journal.json").exists, process)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=HANG_S)
    assert process.returncode == 130
    assert "Run the same command again" in said


def test_two_at_once_do_not_get_in_each_others_way(installed: Path) -> None:
    both = [start(installed, "--no-comfyui") for _ in range(2)]
    said = [one.communicate(timeout=HANG_S)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said


def test_another_comfyui_takes_the_place_of_the_former(installed: Path, tmp_path: Path) -> None:
    trees = []
    for name in ("first", "second"):
        tree = tmp_path / name / "ComfyUI"
        (tree / "comfy").mkdir(parents=True)
        (tree / "comfyui_version.py").write_text('__version__ = "0.31.2"\n')
        (tree / "main.py").write_text("print('starts')\n")
        trees.append(tree)
    for tree in trees:
        code, said = install(installed, "--comfyui", str(tree.parent), "--python", sys.executable)
        assert code == 0, said
        assert str(tree) in said
    links = [tree / "custom_nodes" / "prodgen_nodes" for tree in trees]
    assert [link.exists() for link in links] == [False, True]
    code, said = install(installed, "--no-comfyui")
    assert code == 0, said
    shutil.rmtree(trees[1])
    code, said = install(installed)
    assert code == 2
    assert "--source package" in said
    assert install(installed, "--no-comfyui")[0] == 0


def test_a_comfyui_that_does_not_start_is_said_to(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "comfy").mkdir()
    (tmp_path / "comfyui_version.py").write_text('__version__ = "0.30.0"\n')
    (tmp_path / "main.py").write_text("import a_module_nobody_has\n")
    code, said = install(installed, "--comfyui", str(tmp_path), "--python", sys.executable)
    assert code == 1
    assert "a_module_nobody_has" in said
    assert "its requirements are installed" in said


def test_an_environment_that_is_not_ours_is_not_deleted(project: Path) -> None:
    precious = project / ".venv" / "precious.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    code, said = install(project, "--no-comfyui")
    assert code == 1
    assert "Move it away" in said
    assert precious.read_text() == "mine"


def test_uninstall_removes_what_was_made_and_only_that(installed: Path, tmp_path: Path) -> None:
    project = tmp_path / "moved"
    shutil.copytree(installed, project, symlinks=True)
    before = {path.relative_to(project) for path in project.rglob("*")}
    (project / "outputs").mkdir()
    (project / "outputs" / "mine.png").write_bytes(b"a picture")
    code, said = install(project, "--uninstall")
    assert code == 0, said
    assert not (project / ".venv").exists()
    assert not (project / ".comfyui").exists()
    assert (project / "outputs" / "mine.png").exists()
    left = {path.relative_to(project) for path in project.rglob("*") if "__pycache__" not in path.parts}
    fresh = {path for path in before if path.parts[0] not in (".venv", ".comfyui", "prodgen.egg-info")}
    assert {path for path in fresh if "__pycache__" not in path.parts} <= left
