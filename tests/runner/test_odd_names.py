"""Names of photos that look like something else, in what is said of them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.batch.photo_folder import photos
from runner.errors import PhotoError, UsageError
from runner.models.store import ModelStore
from runner.photos.fetched import check_address
from runner.suggest import look_alike
from tests.support.runs import command

NOBODY = "http://127.0.0.1:9"
"""Where no server is."""


@pytest.mark.skipif(os.name != "posix", reason="NOT RUN: Windows has no such names")
def test_a_name_in_two_lines_is_one_line_of_the_listing(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("bag.png", "bag\n2 jobs would run with packshot.png", "bag\r\x1b[2Kdone.png"):
        Image.new("RGB", (320, 240), "white").save(photos / name)
    run = command("batch", "packshot", str(photos), "--dry-run", "--server", NOBODY, folder=tmp_path)
    listed = run.out.splitlines()
    assert len(listed) == 4 and all("  <- " in line for line in listed[:3]) and listed[3].startswith("3 jobs would"), (
        run.out
    )
    assert "\x1b" not in run.out and "\r" not in run.out


@pytest.mark.skipif(os.name != "posix", reason="NOT RUN: links need rights on Windows")
def test_no_name_is_suggested_for_itself(tmp_path: Path) -> None:
    for name in ("bag", "handbag", "shoulder_bag_front"):
        gone = tmp_path / f"{name}.jpg"
        gone.symlink_to("nowhere.jpg")
        assert gone.name not in look_alike(gone)
    (tmp_path / "handbag_.jpg").touch()
    assert "handbag_.jpg" in look_alike(tmp_path / "handbag.jpg")


@pytest.mark.parametrize("wrong", ["nope.png", "folder", "link.png"])
@pytest.mark.parametrize("pictures", [["bag.png"], ["bag.png", "more.png"]])
def test_a_photo_to_check_by_that_is_none_is_said_before_any_server(
    tmp_path: Path, wrong: str, pictures: list[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.png").symlink_to("nowhere.png")
    for name in ("bag.png", "more.png"):
        Image.new("RGB", (320, 240), "white").save(tmp_path / name)
    paths = [str(tmp_path / name) for name in pictures]
    run = command("check", str(tmp_path / wrong), *paths, "--server", NOBODY, folder=tmp_path)
    assert run.code == 2 and wrong in run.err and "ComfyUI" not in run.err, run


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("file:///home/me/my%20bag.jpg", "/home/me/my bag.jpg"),
        ("FILE://localhost/home/me/bag.jpg", "/home/me/bag.jpg"),
        ("file://[::1/bag.jpg", ""),
        ("file://", ""),
    ],
)
def test_a_file_as_file_managers_hand_it_over_is_said_as_it_is_typed(typed: str, named: str) -> None:
    with pytest.raises(PhotoError, match="a file of this computer") as caught:
        check_address(typed)
    assert caught.value.advice == (f"Name the file itself: {named}" if named else "Name the file itself.")


@pytest.mark.parametrize("word", ["", " "])
def test_a_word_of_nothing_is_no_folder(tmp_path: Path, word: str) -> None:
    run = command(word, "bag.jpg", folder=tmp_path)
    assert run.code == 2 and f"no workflow called {word!r}" in run.err and "is a folder" not in run.err, run.err


_BRACKETS = st.text("ab[]!-^ 1", min_size=1, max_size=6).map(str.strip).filter(bool)


@given(folder=_BRACKETS, name=_BRACKETS)
@example(folder="shoot [1]", name="a [x]")
@settings(max_examples=60)
def test_a_folder_is_called_as_it_is_and_no_pattern(folder: str, name: str) -> None:
    """Nothing was found in `shoot [1]/*.png`."""
    with tempfile.TemporaryDirectory() as place:
        photo = Path(place, folder, f"{name}.png")
        photo.parent.mkdir()
        Image.new("RGB", (32, 24), "red").save(photo)
        Image.new("RGB", (32, 24), "red").save(photo.with_name("other.jpg"))
        for where in (f"{photo.parent}/*.png", f"{photo.parent}/*.p[n]g", str(photo)):
            found = photos(where, photo.parent.parent / "out")
            assert [path for path, _ in found[0]] == [photo], where
        with pytest.raises(UsageError):
            photos(f"{photo.parent}/nothing.png", photo.parent.parent / "out")


@given(name=st.text("ab[]!-^ 1*?", min_size=1, max_size=6).map(str.strip).filter(bool))
def test_a_model_is_called_as_it_is_and_no_pattern(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        models = Path(place)
        (models / "loras" / "sub").mkdir(parents=True)
        store = ModelStore(models)
        for other in ("a", "b", "ab"):
            (models / "loras" / f"{other}.pt").touch()
        assert store.has(f"{name}.pt", "loras") == (name in ("a", "b", "ab"))
        (models / "loras" / "sub" / f"{name}.pt").touch()
        assert store.has(f"{name}.pt", "loras") and store.has(f"sub/{name}.pt")
