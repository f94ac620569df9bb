"""A result that is too large to be decoded is looked at as far as that can be done, and what was not is said."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.errors import NodeFailedError
from runner.files.jpeg import is_whole_jpeg
from runner.files.verify import check_picture
from tests.support.hostile import HostileComfy
from tests.support.runs import Desk, flat


def jpeg(**how: Any) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((96, 96), 60).convert("RGB").save(stream, "JPEG", **how)
    return stream.getvalue()


KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "profile": {"icc_profile": bytes(200_000), "comment": b"\xff\xd9 is no end here"},
    "gray": {"optimize": True, "quality": 5},
}


def huge(data: bytes) -> bytes:
    """The same, which says of itself that it is 20 000 pixels high and wide."""
    at = next(data.index(bytes((0xFF, kind))) for kind in (0xC0, 0xC2) if bytes((0xFF, kind)) in data[:1000])
    return data[: at + 5] + struct.pack(">HH", 20_000, 20_000) + data[at + 9 :]


@pytest.mark.parametrize("how", KINDS.values(), ids=KINDS)
def test_a_jpeg_that_ends_early_is_not_whole(how: dict[str, Any]) -> None:
    data = jpeg(**how)
    assert is_whole_jpeg(memoryview(data))
    assert is_whole_jpeg(memoryview(data + b"trailing bytes, as cameras write them"))
    chance = random.Random(0)
    for end in [*(chance.randrange(len(data) - 1) for _ in range(200)), len(data) - 1, len(data) - 2, 0, 1, 2]:
        assert not is_whole_jpeg(memoryview(data[:end])), end


def test_a_jpeg_with_too_little_for_its_size_is_not_whole() -> None:
    assert not is_whole_jpeg(memoryview(huge(jpeg())))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xd9", b"\xff\xd8" + b"\xff\xda\x00\x02" * 9 + b"\xff\xd9"])
def test_what_is_no_picture_is_not_whole(data: bytes) -> None:
    assert not is_whole_jpeg(memoryview(data))


@pytest.fixture(scope="module")
def large() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (13_500, 13_500), (200, 30, 30)).save(stream, "JPEG", quality=30)
    return stream.getvalue()


def test_a_jpeg_beyond_what_is_decoded_is_checked_for_its_end(
    tmp_path: Path, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was saved unseen, whole or not."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000_000)
    path = tmp_path / "a.jpg"
    path.write_bytes(large)
    assert "larger than 178 megapixels" in check_picture(path, ".jpg", "The node")
    path.write_bytes(large[: len(large) // 2])
    with pytest.raises(NodeFailedError, match="parts of it are missing"):
        check_picture(path, ".jpg", "The node")


def test_another_kind_beyond_it_is_said_not_to_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "a.webp"
    Image.new("RGB", (64, 64), "red").save(path)
    assert "whether it is whole, or black, was not checked" in check_picture(path, ".webp", "The node")


def test_a_run_says_what_was_not_looked_at(
    liar: HostileComfy, tmp_path: Path, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000_000)
    liar.forget()
    desk = Desk(tmp_path, liar.url)
    liar.filename, liar.picture = "made.jpg", large
    run = desk.submit(flat(1))
    assert run.code == 0 and "warning: made.jpg: its picture is larger than 178 megapixels" in run.err
    liar.picture = large[:-2000]
    cut = desk.submit(flat(1))
    liar.forget()
    assert cut.code == 5 and "parts of it are missing" in cut.err
