"""Files beside a batch's results: replaced whole, nobody else's touched, and a copy never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.batch.beside import Beside

FOLDERS = frozenset({"found", "unsure"})


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"a photo")
    return path


def test_what_was_sorted_elsewhere_moves_on(tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "out"
    first = Beside(out, print)
    first.copy(photo, "found/a/photo.jpg")
    first.copy(photo, "found/other.jpg")
    first.moved_on(FOLDERS)
    second = Beside(out, print)
    second.copy(photo, "unsure/a/photo.jpg")
    second.moved_on(FOLDERS)
    assert (out / "unsure" / "a" / "photo.jpg").read_bytes() == b"a photo"
    assert not (out / "found" / "a" / "photo.jpg").exists()
    assert (out / "found" / "other.jpg").is_file()  # nothing was said of it


def test_a_copy_outlives_its_photo(tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "out"
    told: list[str] = []
    Beside(out, told.append).copy(photo, "found/photo.jpg")
    photo.unlink()
    again = Beside(out, told.append)
    assert again.copy(photo, "found/photo.jpg") is None and "could not be written" in told[0]
    again.moved_on(FOLDERS)
    assert (out / "found" / "photo.jpg").read_bytes() == b"a photo"


def test_somebody_elses_file_stays_and_ours_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "t.csv").write_text("mine")
    assert Beside(out, print).write("t.csv", b"1") == out / "t_2.csv"
    assert Beside(out, print).write("t.csv", b"2") == out / "t_2.csv"
    assert (out / "t.csv").read_text() == "mine" and (out / "t_2.csv").read_bytes() == b"2"


def test_a_list_that_somebody_changed_leads_nowhere_else(tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "out"
    outside = tmp_path / "photo2.jpg"
    outside.write_bytes(b"not ours")
    Beside(out, print).write("t.csv", b"1")
    made = next(out.rglob("beside.txt"))
    made.write_text("found/../../photo2.jpg\nfound/x\n", encoding="utf-8")
    beside = Beside(out, print)
    beside.copy(photo, "unsure/x")
    beside.moved_on(FOLDERS)
    assert outside.read_bytes() == b"not ours"
