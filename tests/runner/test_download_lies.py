"""Hosts that send something else than the model, or no end of it, where no hash would tell."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from runner.models import download
from runner.models.download import DownloadError, WantedFile
from tests.runner.model_host import CONTENT, SHA256, ModelHost, downloader


def part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


@pytest.mark.parametrize("size", [None, 3_000_000])
@pytest.mark.parametrize("hashed", [False, True])
def test_a_host_that_calls_a_part_the_whole_is_not_believed(
    host: ModelHost, target: Path, size: int | None, hashed: bool
) -> None:
    """Half of a file was taken for the model, where its size is known and its hash is not."""
    host.version, host.drop_after = '"1"', [1_000_000]
    with pytest.raises(DownloadError):
        downloader(tries=1).fetch(WantedFile(host.url, target, size, None))
    held = part(target).read_bytes()
    host.content = held  # from now on it says that this was all
    try:
        downloader(tries=2).fetch(WantedFile(host.url, target, size, SHA256 if hashed else None))
    except DownloadError:
        assert not target.exists()
    else:
        pytest.fail(f"{len(held)} bytes were taken for the model")


INSTEAD = {
    "a web page": [b"\n <!DOCTYPE html><html>Log in</html>", b"\xef\xbb\xbf<HTML>", b"<?xml version='1.0'?><error/>"],
    "an answer in JSON": [b'{"error": "Access to this model is restricted."}'],
    "a pointer of Git LFS": [b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"],
    "no whole safetensors file": [b"weights", CONTENT[:-1], CONTENT + b"0", b"\xff" * 64, CONTENT[9:]],
}
"""What hosts send in place of a model, by what is said of it."""


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "text/plain", "application/json"])
@pytest.mark.parametrize(("said", "content"), [(said, one) for said, those in INSTEAD.items() for one in those])
def test_what_is_no_model_is_not_kept_where_no_hash_tells(
    host: ModelHost, target: Path, said: str, content: bytes, kind: str
) -> None:
    host.content, host.content_type = content, kind
    with pytest.raises(DownloadError, match=said):
        downloader().fetch(WantedFile(host.url, target, None, None))
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("kind", ["text/html", "TEXT/HTML; charset=utf-8", "Text/Html", "application/xhtml+xml"])
def test_a_page_is_known_however_its_kind_is_written(host: ModelHost, target: Path, kind: str) -> None:
    host.content_type = kind
    with pytest.raises(DownloadError, match="answers with a web page"):
        downloader().fetch(WantedFile(host.url, target, None, None))
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("beginning", [b"PK\x03\x04", b"\x80\x02", b"\x08\x07\x12", b"GGUF"])
@pytest.mark.parametrize("suffix", [".pth", ".bin", ".onnx", ".gguf"])
def test_weights_of_other_formats_are_kept(host: ModelHost, target: Path, beginning: bytes, suffix: str) -> None:
    host.content = beginning + bytes(1000)
    wanted = target.with_suffix(suffix)
    assert downloader().fetch(WantedFile(host.url, wanted, None, None)).verified_by == "nothing"
    assert wanted.read_bytes() == host.content


@pytest.mark.skipif(os.name != "posix", reason="NOT RUN: links and pipes are made as on POSIX")
@pytest.mark.parametrize("draft", [".part", ".part.version"])
@pytest.mark.parametrize("there", ["link", "dangling link", "pipe"])
def test_a_link_or_a_pipe_where_the_part_belongs_is_neither_followed_nor_waited_for(
    host: ModelHost, target: Path, tmp_path: Path, draft: str, there: str
) -> None:
    host.version = '"1"'
    target.parent.mkdir(parents=True)
    trap, theirs = target.with_name(target.name + draft), tmp_path / "theirs.txt"
    if there == "pipe":
        os.mkfifo(trap)
    else:
        trap.symlink_to(theirs)
    if there == "link":
        theirs.write_text("precious")
    downloader().fetch(WantedFile(host.url, target, None, None))
    assert target.read_bytes() == CONTENT and not target.is_symlink()
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    assert theirs.exists() == (there == "link") and (there != "link" or theirs.read_text() == "precious")


def test_a_file_without_an_end_leaves_room_on_the_disk(
    host: ModelHost, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LOOK_BYTES", 1 << 20)
    room = 2_000_000 + download.SPARE_BYTES

    usage = shutil.disk_usage(tmp_path)

    def left(folder: Path) -> object:
        return usage._replace(free=room - sum(path.stat().st_size for path in Path(folder).iterdir()))

    monkeypatch.setattr(shutil, "disk_usage", left)
    host.announce_length = False
    with pytest.raises(DownloadError, match=r"or more are needed, .* are free"):
        downloader().fetch(WantedFile(host.url, target, None, None))
    assert not target.exists() and part(target).stat().st_size < 2_000_000
