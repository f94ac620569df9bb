"""A copy of the project to install, and the real install.py started the way a person starts it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.comfy import REPO
from tests.support.speed import HANG_S

NEEDED = (
    "install.py",
    "installer",
    "runner",
    "custom_nodes",
    "pyproject.toml",
    "models_manifest.yaml",
    "README.md",
    "LICENSE",
)


def copy_project(folder: Path) -> Path:
    """Everything install.py needs, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NEEDED:
        source = REPO / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def start(project: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """`python install.py ARGUMENTS`, running."""
    return subprocess.Popen(
        [sys.executable, "install.py", *arguments],
        cwd=project,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def install(project: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """`python install.py ARGUMENTS`: its exit code and everything it said."""
    process = start(project, *arguments, environment=environment)
    said, _ = process.communicate(timeout=HANG_S)
    return process.returncode, said


def needs_the_package_index(code: int, said: str) -> None:
    """Without a network these tests cannot run; where CI=true that is a failure."""
    if code != 0 and "package index cannot be reached" in said and os.environ.get("CI", "") not in ("1", "true"):
        pytest.skip("the package index cannot be reached (needs a connection)")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh copy of the project in which nothing is installed."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A real file system of so many megabytes."""
    mounted: list[Path] = []

    def make(megabytes: int) -> Path:
        place = tmp_path / f"disk{megabytes}"
        place.mkdir()
        mount = shutil.which("mount")
        options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
        if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode != 0:
            pytest.skip("a full disk: only root may mount a small file system (run as root, or in a container)")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=False)


def tree_of(folder: Path, version: str, count: int = 0) -> Path:
    files = {
        "main.py": version,
        "comfyui_version.py": f'__version__ = "{version}"\n',
        "models/checkpoints/put_checkpoints_here": "",
        "custom_nodes/websocket_image_save.py": version,
        "input/example.png": version,
        "comfy/model.py": version,
    }
    files.update({f"comfy/part{number % 40}/module{number}.py": version for number in range(count)})
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
