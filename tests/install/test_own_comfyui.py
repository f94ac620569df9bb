"""Somebody's own ComfyUI: the nodes come in, the nodes go out, and nothing else in it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from installer import pack
from runner.local_server import process as server_process
from runner.local_server.process import Installation
from tests.install.conftest import copy_project, install, needs_the_package_index
from tests.support.comfy import copy_comfyui


def _snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        found[path.relative_to(folder).as_posix()] = (stat.st_size if path.is_file() else 0, stat.st_mtime_ns)
    folders = [name for name in found if (folder / name).is_dir()]
    for name in folders:  # a folder's own time changes with what is linked into it
        found[name] = (0, 0)
    return found


@pytest.fixture(scope="module")
def theirs(comfy_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ComfyUI that somebody uses: a model, another node, and files of its own."""
    comfyui = copy_comfyui(comfy_installation, tmp_path_factory.mktemp("theirs") / "ComfyUI")
    other = comfyui / "custom_nodes" / "another_pack"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text(
        "class Other:\n"
        "    INPUT_TYPES = classmethod(lambda cls: {'required': {}})\n"
        "    RETURN_TYPES, FUNCTION, CATEGORY = ('INT',), 'run', 'another'\n"
        "    def run(self): return (1,)\n"
        "NODE_CLASS_MAPPINGS = {'AnotherPacksNode': Other}\n"
    )
    (comfyui / "models" / "checkpoints").mkdir(parents=True, exist_ok=True)
    (comfyui / "models" / "checkpoints" / "mine.safetensors").write_bytes(b"weights")
    return comfyui


def test_nodes_come_in_and_go_out_and_nothing_else_changes(
    theirs: Path, comfy_installation: Installation, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project")
    before = _snapshot(theirs)
    arguments = ["--comfyui", str(theirs), "--python", str(comfy_installation.python)]
    code, said = install(project, *arguments)
    needs_the_package_index(code, said)
    assert code == 0, said
    link = f"custom_nodes/{pack.NAME}"
    after = _snapshot(theirs)
    assert set(after) - set(before) == {link}
    assert {name: after[name] for name in before} == before
    assert (theirs / link / "__init__.py").read_text() == (project / link / "__init__.py").read_text()

    found = server_process.installed_comfyui(project)
    assert found is not None
    assert (found.comfyui, found.python, found.managed) == (theirs, comfy_installation.python, False)

    code, said = install(project)  # it remembers whose ComfyUI is used
    assert code == 0, said
    assert "Using your ComfyUI" in said
    assert "already installed" in said

    log = tmp_path / "server.log"
    port = server_process.free_port()
    process = server_process.spawn(found, port, log, cpu=True, arguments=["--database-url", "sqlite:///:memory:"])
    try:
        url = f"http://127.0.0.1:{port}"
        server_process.wait_until_ready(url, process, log)
        assert "AnotherPacksNode" in requests.get(f"{url}/object_info", timeout=60).json()
        assert "IMPORT FAILED" not in log.read_text()
    finally:
        process.kill()
        process.wait()

    code, said = install(project, "--uninstall")
    assert code == 0, said
    assert not (theirs / link).exists()
    assert (theirs / "models" / "checkpoints" / "mine.safetensors").read_bytes() == b"weights"
    assert set(before) <= set(_snapshot(theirs))
    assert not (project / ".venv").exists()
