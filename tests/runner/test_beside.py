"""Files beside a batch's results: replaced whole, nobody else's touched, and a copy never lost."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.batch.beside import Beside
from runner.errors import UsageError
from tests.support.speed import HANG_S

FOLDERS = frozenset({"found", "unsure"})


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"a photo")
    return path


def test_what_was_sorted_elsewhere_moves_on(tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "out"
    with Beside(out, print, [photo]) as first:
        first.copy(photo, "found/a/photo.jpg")
        first.copy(photo, "found/other.jpg")
        first.moved_on(FOLDERS)
    with Beside(out, print, [photo]) as second:
        second.copy(photo, "unsure/a/photo.jpg")
        second.moved_on(FOLDERS)
    assert (out / "unsure" / "a" / "photo.jpg").read_bytes() == b"a photo"
    assert not (out / "found" / "a" / "photo.jpg").exists()
    assert (out / "found" / "other.jpg").is_file()  # nothing was said of it


def test_a_copy_outlives_its_photo(tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "out"
    with Beside(out, print, [photo]) as first:
        first.copy(photo, "found/photo.jpg")
    photo.unlink()
    told: list[str] = []
    with Beside(out, told.append) as again:
        assert again.copy(photo, "found/photo.jpg") == out / "found" / "photo.jpg" and not told
        assert again.copy(photo, "unsure/photo.jpg") is None and "could not be written" in told[0]
        again.moved_on(FOLDERS)
    assert again.missed == [out / "unsure" / "photo.jpg"]
    assert (out / "found" / "photo.jpg").read_bytes() == b"a photo"


def test_only_what_was_named_is_copied(tmp_path: Path, photo: Path) -> None:
    """What is to be copied is read from a ledger, which may be somebody's."""
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"a secret")
    told: list[str] = []
    with Beside(tmp_path / "out", told.append, [photo]) as beside:
        assert beside.copy(secret, "found/secret.jpg") is None
        assert beside.copy(photo, "found/photo.jpg") is not None
    assert "none of the pictures that were named" in told[0] and len(told) == 1
    assert [path.name for path in (tmp_path / "out" / "found").iterdir()] == ["photo.jpg"]


def test_somebody_elses_file_stays_and_ours_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "t.csv").write_text("mine")
    for content in (b"1", b"2"):
        with Beside(out, print) as beside:
            assert beside.write("t.csv", content) == out / "t_2.csv"
    assert (out / "t.csv").read_text() == "mine" and (out / "t_2.csv").read_bytes() == b"2"


def test_two_runners_that_end_together_leave_one_of_each(tmp_path: Path) -> None:
    waits = threading.Event()

    def second() -> None:
        with Beside(tmp_path, lambda _: waits.set()) as beside:
            beside.write("sheet.jpg", b"2")

    other = threading.Thread(target=second)
    with Beside(tmp_path, print) as beside:
        other.start()
        assert waits.wait(HANG_S)
        beside.write("sheet.jpg", b"1")
    other.join(HANG_S)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["sheet.jpg"]
    assert (tmp_path / "sheet.jpg").read_bytes() == b"2"
    assert [path.name for path in (tmp_path / ".prodgen").iterdir()] == ["beside.txt"]


# a folder of somebody else


def everything(folder: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "a").mkdir(parents=True)
    for name in ("photo.jpg", "a/photo.jpg", "t.csv"):
        (folder / name).write_bytes(b"MY OWN")
    return folder


LINKS = [
    ("found", "../home"), ("found", "../home/new"), ("found", "found"), ("found/a", "../../home/a"),
    ("found/photo.jpg", "../../home/photo.jpg"), ("found/a/photo.jpg", "../../../home/a/photo.jpg"),
    ("t.csv", "../home/t.csv"), ("t.csv", "../home/new.csv"), ("t.csv.part", "../home/t.csv"), ("t.csv", "t.csv"),
    ("t_2.csv", "../home/t.csv"),
]  # fmt: skip


@pytest.mark.parametrize("is_listed", [False, True])
@pytest.mark.parametrize("link", LINKS, ids="-".join)
def test_no_link_leads_out_of_the_folder(
    tmp_path: Path, home: Path, photo: Path, link: tuple[str, str], is_listed: bool
) -> None:
    out, before = tmp_path / "out", everything(home)
    (out / ".prodgen").mkdir(parents=True)
    if is_listed:
        made = ("found", "found/a", "found/photo.jpg", "found/a/photo.jpg", "t.csv", "t_2.csv", "t.csv.part")
        (out / ".prodgen" / "beside.txt").write_text("\n".join(made), encoding="utf-8")
    (out / link[0]).parent.mkdir(parents=True, exist_ok=True)
    (out / link[0]).symlink_to(link[1])
    os.utime(photo, (1, 1))
    os.utime(home / "photo.jpg", (1, 1))  # as large and as old: not one and the same for that
    told: list[str] = []
    wanted = ("found/photo.jpg", "found/a/photo.jpg", "t.csv")
    with Beside(out, told.append) as beside:
        places = [*(beside.copy(photo, name) for name in wanted[:2]), beside.write(wanted[2], b"ours")]
    assert all(place.is_file() and not place.is_symlink() for place in beside.written)
    assert beside.missed == [out / name for name, place in zip(wanted, places, strict=True) if place is None]
    with Beside(out, told.append) as again:
        for name in ("unsure/photo.jpg", "unsure/a/photo.jpg", "unsure/a"):
            again.copy(photo, name)
        again.moved_on(FOLDERS)
    assert everything(home) == before
    assert len(told) == len([*beside.missed, *again.missed])


@pytest.mark.parametrize("name", [".prodgen", ".prodgen/beside.txt", ".prodgen/beside.txt.lock"])
@pytest.mark.parametrize("target", ["t.csv", "new", "a"])
def test_a_list_that_a_link_leads_out_is_refused(tmp_path: Path, home: Path, name: str, target: str) -> None:
    out, before = tmp_path / "out", everything(home)
    (out / name).parent.mkdir(parents=True)
    (out / name).symlink_to(home / target)
    with pytest.raises(UsageError, match="link"), Beside(out, print):
        pass
    assert everything(home) == before


@pytest.mark.parametrize("name", ["out", ".prodgen", ".prodgen/beside.txt.lock"])
def test_a_folder_that_cannot_be_written_is_refused_in_words(tmp_path: Path, name: str) -> None:
    path = tmp_path / "out" if name == "out" else tmp_path / "out" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if name.endswith("lock") else path.write_text("a file")
    with pytest.raises(UsageError, match="cannot be written"), Beside(tmp_path / "out", print):
        pass


@pytest.mark.skipif(os.name != "posix", reason="pipes are a matter of POSIX")
def test_pipes_are_neither_waited_for_nor_copied(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".prodgen").mkdir(parents=True)
    for path in (out / ".prodgen" / "beside.txt", out / "a.jpg", tmp_path / "pipe.jpg"):
        os.mkfifo(path)
    told: list[str] = []
    with Beside(out, told.append) as beside:
        assert beside.copy(tmp_path / "pipe.jpg", "b.jpg") is None and "pipe" in told[0]
        assert beside.write("a.jpg", b"ours") == out / "a_2.jpg"


@pytest.mark.parametrize(
    "listed", ["found/../../photo2.jpg", "found/x", "found/\0", "found", "found//x", "/etc/x", "\\", "found/x\udcff"]
)
def test_a_list_that_somebody_changed_leads_nowhere_else(tmp_path: Path, photo: Path, listed: str) -> None:
    out = tmp_path / "out"
    outside = tmp_path / "photo2.jpg"
    outside.write_bytes(b"not ours")
    (out / ".prodgen").mkdir(parents=True)
    (out / ".prodgen" / "beside.txt").write_text(listed, encoding="utf-8", errors="surrogateescape")
    (out / "found" / "x").mkdir(parents=True)  # a folder where a file of ours is said to be
    with Beside(out, print) as beside:
        for name in ("unsure/x", "unsure/\0", "unsure/../../photo2.jpg"):
            beside.copy(photo, name)
        beside.moved_on(FOLDERS)
    assert outside.read_bytes() == b"not ours"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters() | st.sampled_from("./\\\n\0:\ud83d"), max_size=12))
def test_whatever_a_file_is_called_it_is_written_here_and_known_again(name: str) -> None:
    with tempfile.TemporaryDirectory() as made:
        out = Path(made) / "out"
        places = []
        for content in (b"1", b"2"):
            with Beside(out, print) as beside:
                places.append(beside.write(name, content))
        first, second = places
        assert first is not None and first == second
        assert first.read_bytes() == b"2" and first.resolve().is_relative_to(out.resolve())
        assert len([path for path in Path(made).rglob("*") if path.is_file()]) == 2  # it, and the list
