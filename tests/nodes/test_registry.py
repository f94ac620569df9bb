"""What the Comfy Registry hands out: an archive that is whole, and that a bare ComfyUI loads from its own folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from PIL import Image

from runner.local_server.process import Installation
from tests.support.archive import pack_into, packed_files
from tests.support.comfy import PACK, REPO, ComfyServer, GraphError
from tests.support.onnx_files import write_onnx

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "prodgen"
"""The registry's installer unpacks into a folder called as the project, not as our checkout calls it."""
BLOCKER = """
import sys
sys.modules["onnxruntime"] = None  # an import of it fails as where it is not installed
NODE_CLASS_MAPPINGS = {}
"""


@pytest.fixture(scope="module")
def metadata() -> dict[str, object]:
    return dict(tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8")))


def test_the_archive_holds_what_the_pack_needs_and_nothing_else() -> None:
    files = packed_files()
    for needed in ("__init__.py", "pyproject.toml", "requirements.txt", "LICENSE", "README.md"):
        assert needed in files
    for folder in ("nodes/", "imaging/", "web/docs/", "example_workflows/", "locales/", "subgraphs/"):
        assert any(name.startswith(folder) for name in files), folder
    assert not [name for name in files if "__pycache__" in name or name.startswith(("workflows/", "comfy-test"))]
    assert (PACK / "LICENSE").read_bytes() == (REPO / "LICENSE").read_bytes()
    assert sum((PACK / name).stat().st_size for name in files) < 12e6


def test_the_metadata_says_who_can_use_it_and_leaves_the_publisher_to_whoever_publishes() -> None:
    body = tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))
    project, registry = body["project"], body["tool"]["comfy"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    assert project["name"] == NAME and project["requires-python"] == ">=3.10"
    assert project["license"] == {"file": "LICENSE"}
    assert registry["DisplayName"] == NAME, "the front end's extensions are called prodgen.…"
    assert registry["requires-comfyui"] == ">=0.30.0"
    assert "PublisherId" not in registry, "an id of ours would make everybody else's `comfy node publish` fail"


@pytest.mark.parametrize(("name", "size"), [("icon.png", (400, 400)), ("banner.jpg", (1260, 540))])
def test_icon_and_banner_have_the_sizes_that_the_registry_shows(name: str, size: tuple[int, int]) -> None:
    with Image.open(REPO / "docs" / name) as picture:
        assert picture.size == size
    assert f"docs/{name}" in (PACK / "pyproject.toml").read_text(encoding="utf-8"), "where to find it is said there"


def test_every_source_can_be_printed_on_a_windows_console() -> None:
    """The registry's linters, and people with Windows, read the sources in code page 1252."""
    unprintable = {
        f"{path.relative_to(PACK)}: {sign!r}"
        for path in sorted(PACK.rglob("*.py"))
        for sign in set(path.read_text(encoding="utf-8"))
        if sign.encode("cp1252", errors="ignore") == b""
    }
    assert unprintable == set(), "write it in words, or as \\N{…} where people read it"


@pytest.mark.slow
def test_comfy_cli_packs_the_same_files(tmp_path: Path) -> None:
    """`comfy node validate` finds nothing wrong, and `comfy node pack` makes the archive that is tested here."""
    comfy, git = shutil.which("comfy", path=str(Path(sys.executable).parent)) or shutil.which("comfy"), "git"
    if comfy is None or shutil.which(git) is None:
        pytest.skip("NOT RUN: comfy-cli is not installed (pip install comfy-cli)")
    copy = tmp_path / NAME
    shutil.copytree(PACK, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run([git, "-C", str(copy), *command], check=True)
    for command in ("validate", "pack"):
        done = subprocess.run(
            [comfy, "--skip-prompt", "--no-enable-telemetry", "node", command],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not re.search(r"warning|error", done.stdout + done.stderr, re.IGNORECASE), done.stdout
    with zipfile.ZipFile(copy / "node.zip") as archive:
        assert sorted(archive.namelist()) == packed_files()


@pytest.fixture
def bare(comfy_installation: Installation, tmp_path: Path) -> Iterator[Callable[..., ComfyServer]]:
    """A ComfyUI that has nothing but the unpacked archive; `without` names packages that it must do without."""
    started: list[ComfyServer] = []

    def start(*, with_onnxruntime: bool) -> ComfyServer:
        server = ComfyServer(comfy_installation, tmp_path / "base", link_pack=False)
        nodes = server.base_dir / "custom_nodes"
        with zipfile.ZipFile(pack_into(tmp_path / "node.zip")) as archive:
            archive.extractall(nodes / NAME)
        if not with_onnxruntime:
            (nodes / "blocker").mkdir()
            (nodes / "blocker" / "__init__.py").write_text("NODE_CLASS_MAPPINGS = {}\n", encoding="utf-8")
            (nodes / "blocker" / "prestartup_script.py").write_text(BLOCKER, encoding="utf-8")
        write_onnx(server.models_dir / "background_removal" / "isnet_tiny.onnx")
        server.arguments = ["--whitelist-custom-nodes", NAME, "blocker"]
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.kill()


def _load_and_remove(server: ComfyServer) -> None:
    name = server.upload(Image.new("RGB", (64, 64), "white"))
    server.run(
        {
            "1": {"class_type": "LoadImage", "inputs": {"image": name}},
            "2": {"class_type": "ProdgenLoadBackgroundRemoval", "inputs": {"model": "isnet_tiny.onnx"}},
            "3": {"class_type": "RemoveBackground", "inputs": {"image": ["1", 0], "bg_removal_model": ["2", 0]}},
            "4": {"class_type": "MaskToImage", "inputs": {"mask": ["3", 0]}},
            "5": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}},
        }
    )


def _assert_whole(server: ComfyServer) -> None:
    pages = {page.stem for page in (PACK / "web" / "docs").glob("*.md")}
    assert pages <= set(server.object_info()), "not every node is there"
    served = requests.get(f"{server.url}/extensions/{NAME}/docs/ProdgenFidelity.md", timeout=30)
    assert served.status_code == 200
    assert server.get("/i18n")["fr"]["nodeDefs"]["ProdgenFidelity"]
    assert NAME in server.get("/workflow_templates")


@pytest.mark.slow
def test_the_archive_loads_in_a_bare_comfyui(bare: Callable[..., ComfyServer]) -> None:
    pytest.importorskip("onnxruntime")
    server = bare(with_onnxruntime=True)
    _assert_whole(server)
    _load_and_remove(server)


@pytest.mark.slow
def test_the_archive_loads_without_onnxruntime_and_says_what_to_install(bare: Callable[..., ComfyServer]) -> None:
    server = bare(with_onnxruntime=False)
    _assert_whole(server)
    with pytest.raises(GraphError, match="pip install onnxruntime"):
        _load_and_remove(server)
