"""The zip of the studio's results is whole, whatever date its files have and whatever happens to them meanwhile."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from runner.files.reading import open_file
from runner.studio import archive
from runner.studio.archive import zipped


def opened(pieces: list[bytes]) -> zipfile.ZipFile:
    made = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert made.testzip() is None
    return made


@pytest.mark.parametrize(
    ("moment", "year"),
    [(0, 1980), (-1e9, 1980), (315_000_000, 1980), (1.7e9, 2023), (4_400_000_000, 2107), (9e9, 2107)],
)
def test_a_result_of_any_date_is_in_it(tmp_path: Path, moment: float, year: int) -> None:
    """One from before 1980, or after 2107, broke it off with a traceback."""
    files = [(name, tmp_path / name) for name in ("a.png", "old.png", "z.png")]
    for _, path in files:
        path.write_bytes(b"picture")
    os.utime(tmp_path / "old.png", (moment, moment))
    with opened(list(zipped(files))) as made:
        assert made.namelist() == ["a.png", "old.png", "z.png"]
        assert made.getinfo("old.png").date_time[0] == year


def test_a_result_that_is_deleted_meanwhile_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [(name, tmp_path / name) for name in ("a.png", "gone.png", "deleted.png", "z.png")]
    for _, path in files:
        path.write_bytes(b"picture")
    (tmp_path / "gone.png").unlink()
    real = open_file

    def open_and_delete(path: Path) -> object:
        stream = real(path)
        if path.name == "deleted.png":
            path.unlink()
        return stream

    monkeypatch.setattr(archive, "open_file", open_and_delete)
    with opened(list(zipped(files))) as made:
        assert [name for name in made.namelist() if name != "deleted.png"] == ["a.png", "z.png", archive.LACKING]
        assert "gone.png" in made.read(archive.LACKING).decode()


def test_a_result_that_cannot_be_read_to_its_end_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [(name, tmp_path / name) for name in ("a.png", "bad.png", "z.png")]
    for _, path in files:
        path.write_bytes(b"picture")
    real = open_file

    class Bad(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(archive, "open_file", lambda path: Bad() if path.name == "bad.png" else real(path))
    with opened(list(zipped(files))) as made:
        assert {"a.png", "z.png"} <= set(made.namelist())
        assert made.read("z.png") == b"picture"
        assert "bad.png: only its beginning" in made.read(archive.LACKING).decode()
