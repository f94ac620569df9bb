"""The networks that tell what is product: fetched by the installer's own step with the real runner, pip and npm."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer import cutouts
from installer.project import Project
from tests.install.conftest import copy_project
from tests.support.registries import write_sdist, write_wheel
from tests.support.speed import HANG_S, within

CONTENT = {"large": b"a network " * 5000, "small": b"another " * 900}


def _model(name: str, wheel: Path, **changes: Any) -> dict[str, Any]:
    content = CONTENT[name]
    package = {
        "kind": "pypi",
        "name": f"prodgen-test-{name}",
        "version": "1.0",
        "bytes": wheel.stat().st_size,
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "file": f"eyes/{name}.onnx",
    }
    model = {"id": name, "purpose": "p", "folder": "background_removal", "file": f"{name}.onnx", "licence": "MIT-0"}
    known = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "sha256_status": "published"}
    return {**model, **known, "url": None, "package": package, "install": True, **changes}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with an environment and an empty ComfyUI, whose manifest names two networks in wheels at hand."""
    root = copy_project(tmp_path / "a project")
    (root / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    wheels = tmp_path / "wheels"
    made = {
        name: write_wheel(wheels, f"prodgen-test-{name}", "1.0", {f"eyes/{name}.onnx": CONTENT[name]})
        for name in CONTENT
    }
    models = [_model(name, wheel) for name, wheel in made.items()]
    (root / "models_manifest.yaml").write_text(yaml.safe_dump({"models": models}), encoding="utf-8")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = Project(root)
    (project.comfyui / "models" / "background_removal").mkdir(parents=True)
    project.open(None)
    return project


def _files(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (project.comfyui / "models" / "background_removal").iterdir()}


def test_both_are_fetched_and_one_line_says_from_where(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert not cutouts.are_installed(project)
    assert cutouts.install(project)
    assert _files(project) == {f"{name}.onnx": content for name, content in CONTENT.items()}
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "licence" in line]
    assert line.count("licence: MIT-0") == 2 and "the pypi package prodgen-test-small 1.0" in line
    project.open(None)  # as the next run of install.py reads it
    assert cutouts.are_installed(project)


def test_a_file_that_is_gone_is_fetched_again_and_only_that(project: Project) -> None:
    cutouts.install(project)
    folder = project.comfyui / "models" / "background_removal"
    (folder / "small.onnx").unlink()
    kept = (folder / "large.onnx").stat()
    assert not cutouts.are_installed(project)
    assert cutouts.install(project)
    assert len(_files(project)) == 2
    assert (folder / "large.onnx").stat().st_mtime_ns == kept.st_mtime_ns


@pytest.mark.parametrize("reachable", [["small"], []])
def test_what_cannot_be_had_stops_nothing(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], reachable: list[str]
) -> None:
    for name in set(CONTENT) - set(reachable):
        next((tmp_path / "wheels").glob(f"prodgen_test_{name}*")).unlink()
    begin = time.monotonic()
    assert cutouts.install(project) == bool(reachable)
    said = capsys.readouterr().out
    assert sorted(_files(project)) == [f"{name}.onnx" for name in reachable]
    assert "large could not be had" in said
    assert "-m runner models download --default" in said.splitlines()[-1]
    assert not cutouts.are_installed(project), "the next run tries again"
    assert within(60, begin)


def test_a_manifest_that_cannot_be_read_stops_nothing(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (project.root / "models_manifest.yaml").write_text("models: [", encoding="utf-8")
    assert not cutouts.install(project)
    assert "could not be had" in capsys.readouterr().out


def test_a_better_list_is_fetched_from(project: Project) -> None:
    cutouts.install(project)
    path = project.root / "models_manifest.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# a new version\n", encoding="utf-8")
    assert not cutouts.are_installed(project)
    assert not cutouts.install(project), "all of it is there"
    assert cutouts.are_installed(project)


def test_uninstalling_removes_what_was_fetched_and_leaves_what_was_there(project: Project) -> None:
    folder = project.comfyui / "models" / "background_removal"
    (folder / "small.onnx").write_bytes(CONTENT["small"])
    (folder / "mine.onnx").write_bytes(b"mine")
    (folder / "large.onnx.fetch").mkdir()
    cutouts.install(project)
    cutouts.remove(project)
    assert _files(project) == {"small.onnx": CONTENT["small"], "mine.onnx": b"mine"}


@pytest.mark.first(1)
@pytest.mark.parametrize("before_hashes", [False, True])
def test_uninstalling_keeps_what_a_person_has_put_in_the_place_of_it(project: Project, before_hashes: bool) -> None:
    """Their own, better network under the same name was deleted."""
    cutouts.install(project)
    folder = project.comfyui / "models" / "background_removal"
    (folder / "small.onnx").write_bytes(b"my own")
    (folder / "large.onnx.lock").write_bytes(b"")
    if before_hashes:
        noted = project.journal.facts["cutouts"]
        project.journal.remember(cutouts=dict.fromkeys(noted, True))
    cutouts.remove(project)
    assert _files(project) == {"small.onnx": b"my own"}


@pytest.mark.first(1)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_interrupted_and_goes_on(project: Project, number: signal.Signals) -> None:
    program = f"""
import signal, sys
sys.path.insert(0, {str(project.root)!r})
from pathlib import Path
from installer import cutouts
from installer.main import _interrupt
from installer.project import Project
signal.signal(signal.SIGTERM, _interrupt)
project = Project(Path({str(project.root)!r}))
project.open(None)
try:
    cutouts.install(project)
except KeyboardInterrupt:
    sys.exit(130)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    folder = project.comfyui / "models" / "background_removal"
    while not list(folder.glob("*.fetch")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=HANG_S)
    assert process.returncode == 130
    deadline = time.monotonic() + HANG_S
    while list(folder.glob("*.fetch")):
        assert time.monotonic() < deadline, "the client is still at work"
        time.sleep(0.05)
    project.open(None)
    assert cutouts.install(project)
    assert len(_files(project)) == 2
    journal = json.loads((project.state / "journal.json").read_text())
    assert all(journal["facts"]["cutouts"].values())


def test_somebodys_own_comfyui_is_told_what_to_do(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    bare = project.root / "python-without-packages"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    (packages,) = bare.glob("lib/python*/site-packages")
    wanted = [line.split(">")[0] for line in (project.pack / "requirements.txt").read_text().split()]
    for name in ("", *wanted[:-1]):
        (packages / f"{name or 'none'}.py").touch()
        cutouts.explain(project, bare / "bin" / "python")
        said = capsys.readouterr().out
        assert f"{bare / 'bin' / 'python'} -m pip install -r" in said and "requirements.txt" in said
        assert "-m runner models download --default" in said
    (packages / f"{wanted[-1]}.py").touch()
    cutouts.explain(project, bare / "bin" / "python")
    assert "pip install" not in capsys.readouterr().out


@pytest.mark.first(1)
@pytest.mark.parametrize("reachable", [True, False])
def test_one_in_a_source_distribution_is_fetched_to_its_own_folder_or_stops_nothing(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str], reachable: bool
) -> None:
    path = project.root / "models_manifest.yaml"
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    source = write_sdist(tmp_path / "wheels", "prodgen-test-source", "1.0", {"outline.pt": b"outlines"})
    of_it = {"sdist": True, "name": "prodgen-test-source", "file": "prodgen-test-source-1.0/outline.pt"}
    hashed = {"bytes": source.stat().st_size, "sha256": hashlib.sha256(source.read_bytes()).hexdigest()}
    third = {
        "id": "outline",
        "folder": "sams",
        "file": "outline.pt",
        "package": {**listed[0]["package"], **of_it, **hashed},
    }
    third |= {"bytes": 8, "sha256": hashlib.sha256(b"outlines").hexdigest()}
    path.write_text(yaml.safe_dump({"models": [*listed, {**listed[0], **third}]}), encoding="utf-8")
    if not reachable:
        source.unlink()
    folder = project.comfyui / "models" / "sams"
    assert cutouts.install(project) and len(_files(project)) == 2
    assert not (source.parent / "ran").exists()
    said = [line for line in capsys.readouterr().out.splitlines() if "outline" in line and "downloading" not in line]
    assert len(said) == 1 and ("could not be had" in said[0]) == (not reachable), said
    assert cutouts.are_installed(project) == reachable
    assert [found.name for found in folder.glob("outline.pt")] == ["outline.pt"] * reachable
    (folder / "outline.pt.fetch").mkdir()
    (folder / "theirs.pth").write_bytes(b"theirs")
    cutouts.remove(project)
    assert [left.name for left in folder.iterdir()] == ["theirs.pth"]
