"""Everything that can go wrong: a sentence, the next step, and nothing half-done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from installer import pythons
from installer.pythons import Interpreter
from tests.install.conftest import copy_project, install, start
from tests.support.comfy import REPO
from tests.support.speed import HANG_S

NOWHERE = {  # nothing listens on the discard port; no other source may help out
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_RETRIES": "1",
    "PIP_NO_CACHE_DIR": "1",
}


def _comfyui(folder: Path, version: str | None) -> Path:
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").write_text("")
    if version is not None:
        (folder / "comfyui_version.py").write_text(f'__version__ = "{version}"\n')
    return folder


@pytest.mark.parametrize("version", [None, "0.3.40", "0.29.9"])
def test_a_comfyui_that_is_too_old_is_told_which_version_is_needed(
    project: Path, tmp_path: Path, version: str | None
) -> None:
    comfyui = _comfyui(tmp_path / "Their ComfyUI", version)
    code, said = install(project, "--comfyui", str(comfyui))
    assert code == 1
    assert "needs 0.30.0 or newer" in said
    assert version is None or version in said
    assert not (project / ".venv").exists()
    assert not (comfyui / "custom_nodes").exists()


def test_it_needs_nothing_but_the_standard_library() -> None:
    command = [sys.executable, "-S", "-c", "import installer.main, installer.uninstall"]
    subprocess.run(command, cwd=REPO, check=True)


def test_a_folder_without_comfyui_is_a_usage_error(project: Path, tmp_path: Path) -> None:
    code, said = install(project, "--comfyui", str(tmp_path))
    assert code == 2
    assert "no main.py" in said


def test_a_comfyui_whose_python_is_not_found_asks_for_it(project: Path, tmp_path: Path) -> None:
    code, said = install(project, "--comfyui", str(_comfyui(tmp_path / "ComfyUI", "0.30.1")))
    assert code == 2
    assert "--python" in said
    code, said = install(project, "--comfyui", str(tmp_path / "ComfyUI"), "--python", str(tmp_path / "nothing"))
    assert code == 2
    assert "is no Python that works" in said


@pytest.mark.parametrize(
    "arguments",
    [["--python", "x"], ["--comfyui", "a", "--no-comfyui"], ["--with", "nonsense"], ["--source", "ftp"], ["--what"]],
)
def test_a_wrong_command_line_is_exit_2(project: Path, arguments: list[str]) -> None:
    code, said = install(project, *arguments)
    assert code == 2
    assert "usage:" in said


def test_extras_without_a_comfyui_of_ours_are_refused(project: Path) -> None:
    code, said = install(project, "--no-comfyui", "--with", "controlnet-aux")
    assert code == 2
    assert "--no-comfyui" in said


def test_without_a_network_it_says_so_and_goes_on_later(project: Path) -> None:
    code, said = install(project, "--no-comfyui", environment=NOWHERE)
    assert code == 1
    assert "package index cannot be reached" in said
    assert "HTTPS_PROXY" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("arguments", [[], ["--no-comfyui"], ["--dev"]])
def test_a_small_disk_is_noticed_before_anything_is_made(
    small_disk: Callable[[int], Path], arguments: list[str]
) -> None:
    project = copy_project(small_disk(60) / "project")
    code, said = install(project, *arguments)
    assert code == 1
    assert "not enough room" in said
    assert not (project / ".venv").exists()


def test_a_disk_that_fills_up_on_the_way_is_named(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(290)  # enough for the first look
    project = copy_project(disk / "project")
    filler = disk / "filler"

    def fill() -> None:
        try:
            with filler.open("wb") as file:
                while True:
                    file.write(bytes(1 << 20))
        except OSError:
            pass

    process = start(project, "--no-comfyui")
    while process.poll() is None and not (project / ".venv" / "pyvenv.cfg").exists():
        pass
    fill()
    said, _ = process.communicate(timeout=HANG_S)
    assert process.returncode == 1
    assert "disk is full" in said
    assert "Traceback" not in said


def test_a_python_without_venv_is_told_the_package(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ensurepip.py").write_text("raise ImportError('split off by the distribution')\n")
    code, said = install(project, "--no-comfyui", environment={"PYTHONPATH": str(broken), "PATH": str(broken)})
    assert code == 1
    assert f"python3.{sys.version_info[1]}-venv" in said


@pytest.mark.parametrize(
    ("version", "bits", "for_torch", "fits"),
    [
        ((3, 9, 18), 64, False, False),
        ((3, 10, 0), 64, True, True),
        ((3, 14, 2), 64, True, True),
        ((3, 15, 0), 64, True, False),
        ((3, 15, 0), 64, False, True),
        ((3, 12, 1), 32, True, False),
    ],
)
def test_which_pythons_fit(version: tuple[int, ...], bits: int, for_torch: bool, fits: bool) -> None:
    python = Interpreter("/usr/bin/python3", version, can_make_environments=True, bits=bits)
    assert (pythons.objection(python, for_torch=for_torch) == "") is fits
