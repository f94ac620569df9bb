"""`install.py --uninstall`: what the installer made goes, whatever is a person's own stays and is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from installer import comfyui as source
from installer import pack
from installer.journal import Journal
from tests.install.conftest import contents_of, copy_project, install, tree_of
from tests.support.people import as_a_person


def test_uninstall_leaves_what_a_person_put_into_comfyui(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    state = project / ".comfyui"
    state.mkdir()
    source.put_in_place(tree_of(tmp_path / "tree", "0.30.0"), state / "ComfyUI", state / "files.txt")
    pack.link(project / "custom_nodes" / "prodgen_nodes", state / "ComfyUI", relative=True)
    journal = Journal(state / "journal.json")
    journal.done("source", "x")
    model = state / "ComfyUI" / "models" / "checkpoints" / "mine.safetensors"
    model.write_bytes(b"weights")
    (state / "ComfyUI" / "comfy" / "__pycache__").mkdir()
    (state / "ComfyUI" / "comfy" / "__pycache__" / "model.pyc").write_bytes(b"x")
    code, said = install(project, "--uninstall")
    assert code == 0, said
    assert "mine.safetensors" in said
    assert contents_of(project / ".comfyui") == {"ComfyUI/models/checkpoints/mine.safetensors": b"weights"}
    assert (project / "custom_nodes" / "prodgen_nodes" / "__init__.py").is_file()
    code, said = install(project, "--uninstall")
    assert code == 0
    assert model.read_bytes() == b"weights"


MINE = {
    "ComfyUI/user/default/subgraphs/mine.json": b"a blueprint",
    "ComfyUI/user/default/comfy.settings.json": b"settings and key bindings",
    "ComfyUI/user/default/workflows/mine.json": b"a workflow",
    "ComfyUI/user/notes.txt": b"notes",
    "ComfyUI/blueprints/mine.json": b"another blueprint",
    "ComfyUI/input/example.png": b"put in place of the one that was there",
    "ComfyUI/comfy/mine.py": b"a module",
    "ComfyUI/comfy/model.py": b"patched by hand",
    "ComfyUI/custom_nodes/theirs/__init__.py": b"x = 1",
    "ComfyUI/extra_model_paths.yaml": b"paths",
    "notes/letter.txt": b"beside ComfyUI",
    "backup.zip": b"beside ComfyUI",
}


def _installed(project: Path) -> Path:
    """`.comfyui` of a project as the installer leaves it."""
    state = project / ".comfyui"
    state.mkdir()
    source.put_in_place(tree_of(project / "tree", "0.30.0"), state / "ComfyUI", state / "files.txt")
    pack.link(project / "custom_nodes" / "prodgen_nodes", state / "ComfyUI", relative=True)
    Journal(state / "journal.json").done("source", "x")
    return state


@pytest.mark.parametrize("old_list", [False, True])
def test_uninstall_leaves_whatever_is_a_persons_own_and_names_it(tmp_path: Path, old_list: bool) -> None:
    project = copy_project(tmp_path / "project")
    state = _installed(project)
    if old_list:  # before there was a sha256 for each file
        names = [line.split("  ")[1] for line in (state / "files.txt").read_text().splitlines()]
        (state / "files.txt").write_text("\n".join(names) + "\n")
        long_ago = time.time() - 1000
        for path in (state / "files.txt", *(state / "ComfyUI" / name for name in names)):
            os.utime(path, (long_ago, long_ago))
    for name in ("user/comfyui_8188.log", "user/comfyui.db", "temp/x.png"):  # the server's own
        (state / "ComfyUI" / name).parent.mkdir(parents=True, exist_ok=True)
        (state / "ComfyUI" / name).write_bytes(b"server")
    for name, content in MINE.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_bytes(content)
    for _ in range(2):
        code, said = install(project, "--uninstall")
        assert code == 0, said
        assert "Traceback" not in said
        assert contents_of(state) == MINE
        for name in MINE:
            assert name in said


def test_uninstall_takes_away_links_and_leaves_what_they_lead_to(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    state = _installed(project)
    environment, models = tmp_path / "elsewhere" / "venv", tmp_path / "elsewhere" / "models"
    environment.mkdir(parents=True)
    (environment / ".made_by_prodgen").write_text("made by install.py\n")
    (project / ".venv").symlink_to(environment)
    shutil.move(state / "ComfyUI" / "models", models)
    (models / "mine.safetensors").write_bytes(b"weights")
    (state / "ComfyUI" / "models").symlink_to(models)
    before = contents_of(tmp_path / "elsewhere")
    code, said = install(project, "--uninstall")
    assert code == 0, said
    assert "Traceback" not in said
    assert str(environment) in said
    assert not (project / ".venv").is_symlink()
    assert contents_of(tmp_path / "elsewhere") == before
    assert [path.name for path in (state / "ComfyUI").iterdir()] == ["models"]


@pytest.mark.skipif(os.name != "posix", reason="read-only folders are a matter of POSIX")
@pytest.mark.parametrize("place", ["ComfyUI", "ComfyUI/models/checkpoints", "ComfyUI/user", "tmp", "../.venv/lib"])
def test_uninstall_goes_on_past_what_may_not_be_removed_and_names_it(tmp_path: Path, place: str) -> None:
    """It stopped at the first read-only folder; run again, it goes on."""
    project = copy_project(tmp_path / "project")
    state = _installed(project)
    Journal(state / "journal.json").remember(environment={"ours": True})
    for name in ("../.venv/lib/a.py", "../.venv/.made_by_prodgen", "tmp/a", "ComfyUI/user/comfyui_8188.log"):
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text("made by install.py\n")
    for name, content in MINE.items():
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_bytes(content)
    (state / place).chmod(0o555)
    command = [*as_a_person(), sys.executable, "install.py", "--uninstall"]
    first = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    (state / place).chmod(0o755)
    assert first.returncode == 1, first.stdout
    assert "Traceback" not in first.stderr
    assert str((state / place).resolve()) in first.stdout
    left = contents_of(state)
    assert {name: left.get(name) for name in MINE} == MINE
    assert place == "ComfyUI" or "ComfyUI/main.py" not in left
    code, said = install(project, "--uninstall")
    assert code == 0, said
    assert contents_of(state) == MINE
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    "name", ["comfyui_notes.log", "comfyui-diary.logbook", "comfyui.dbase", "comfyui_8188.log/mine"]
)
def test_what_is_called_much_like_the_servers_log_stays(tmp_path: Path, name: str) -> None:
    comfyui = tmp_path / "ComfyUI"
    (comfyui / "user" / name).parent.mkdir(parents=True)
    (comfyui / "user" / name).write_text("mine")
    for made in (
        "comfyui_8189.log",
        "comfyui_8189.prev.log",
        "comfyui_8189.prev2.log",
        "comfyui.db",
        "comfyui.db.lock",
    ):
        (comfyui / "user" / made).write_text("the server's")
    assert source.remove(comfyui, tmp_path / "files.txt") == []
    assert contents_of(comfyui) == {f"user/{name}": b"mine"}


@pytest.mark.parametrize("own", ["an environment", "a file"])
def test_an_environment_of_a_persons_own_in_the_place_of_ours_stays(tmp_path: Path, own: str) -> None:
    """The journal still said that `.venv` had been made here."""
    project = copy_project(tmp_path / "project")
    state = _installed(project)
    Journal(state / "journal.json").remember(environment={"ours": True, "complete": True})
    if own == "a file":
        (project / ".venv").write_text("mine")
    else:
        (project / ".venv").mkdir()
        (project / ".venv" / "pyvenv.cfg").write_text("mine")
    code, said = install(project, "--uninstall")
    assert code == 0, said
    assert (project / ".venv").exists()
    assert "    .venv" in said
