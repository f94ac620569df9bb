"""Whatever is in the folder of a batch (rows, a ledger's bytes, sidecars) and whatever a photo is called.

`report` and `--resume` go on or say why not, and nothing that was made is lost or overwritten.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runner.batch.entries import JobState
from runner.batch.ledger import Ledger
from runner.batch.store import LEDGER_FILE
from tests.support.hostile import HostileComfy
from tests.support.lied import in_parts
from tests.support.runs import Graph, command, copying, node
from tests.support.spaces import ANY_TEXT, SCALARS, any_json, as_json, corrupted, kept_to_the_contract, mutated
from tests.support.speed import within

COLOURED: Graph = {
    "1": node("EmptyImage", "input: seed = color", width=8, height=8, batch_size=1, color=5000),
    "2": node("SaveImage", "output: result", images=["1", 0], filename_prefix="coloured"),
}
SEEDS = 2


class Batch:
    """A folder with a finished batch of two jobs, put back before each case, and the commands that work on it."""

    def __init__(self, folder: Path, server: HostileComfy) -> None:
        self.folder, self.server, self.out = folder, server, folder / "out"
        self.workflow = folder / "w.json"
        self.workflow.write_text(json.dumps(COLOURED))
        self.table = folder / "jobs.jsonl"
        self.table.write_text('{"seeds": [1, 2]}')
        made = self.resume()
        assert made.code == 0, made.err
        with contextlib.closing(sqlite3.connect(self.out / LEDGER_FILE)) as db:
            db.execute("PRAGMA journal_mode=DELETE")
            db.row_factory = sqlite3.Row
            self.rows = [dict(row) for row in db.execute("SELECT * FROM jobs")]
        self.pictures = {path: path.read_bytes() for path in self.out.rglob("*.png")}
        self.sidecars = {path: json.loads(path.read_text()) for path in self.out.rglob("*.json")}
        assert len(self.pictures) == len(self.sidecars) == SEEDS
        self.ledger = (self.out / LEDGER_FILE).read_bytes()
        shutil.copytree(self.out, folder / "kept")

    def again(self) -> None:
        self.server.forget()
        shutil.rmtree(self.out)
        shutil.copytree(self.folder / "kept", self.out)

    def resume(self) -> Any:
        words = ["batch", str(self.workflow), "--jobs", str(self.table), "--out", str(self.out), "--resume"]
        return command(*words, "--server", self.server.url, "--timeout", "30", folder=self.out)

    def check(self) -> None:
        """Report, go on, report: codes of the contract, every picture as it was, and what is done is there."""
        kept_to_the_contract(command("report", str(self.out), folder=self.out), 0, 2)
        began = time.monotonic()
        run = self.resume()
        kept_to_the_contract(run, 0, 2, 4, 5, 6)
        assert within(120, began)
        for path, data in self.pictures.items():
            assert path.read_bytes() == data, f"{path.name} is another picture now"
        if run.code == 0:
            with contextlib.closing(Ledger(self.out)) as ledger:
                entries = ledger.entries()
            assert len(entries) >= SEEDS
            for entry in entries:
                assert (
                    entry.state == JobState.DONE
                    and entry.files
                    and all((self.out / name).is_file() for name in entry.files)
                )
            assert not list(self.out.rglob("*.part"))
        kept_to_the_contract(command("report", str(self.out), folder=self.out), 0, 2)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory, obliging: HostileComfy) -> Batch:
    return Batch(tmp_path_factory.mktemp("batch"), obliging)


# rows

COLUMNS = ("id", "key", "stem", "title", "grp", "category", "vals", "images", "seed", "state", "owner", "prompt_id",
           "replaces", "server", "exit_code", "error", "sidecar", "files", "warnings", "submitted_at", "ended_at",
           "metrics")  # fmt: skip
STATES = ["waiting", "claimed", "submitted", "running", "saving", "done", "failed"]
HELD = [{"seconds": 1.0, "delta_e00_mean": 2.0, "gpu": "x"}, ["a.png", "b.png"], {"image": "/in/a.png"}, {"seed": 1}]
CELLS = (
    SCALARS
    | st.sampled_from(STATES)
    | st.binary(max_size=4)
    | mutated(HELD, any_json(["seconds", "delta_e00_mean", "image"])).map(json.dumps)
)
CHANGES = st.lists(st.tuples(st.integers(0, SEEDS - 1), st.sampled_from(COLUMNS), CELLS), min_size=1, max_size=4)


def any_row(batch: Batch, changes: list[tuple[int, str, Any]], *, halfway: bool) -> None:
    """`halfway`: the pictures of the changed jobs are not noted as done."""
    batch.again()
    with contextlib.closing(sqlite3.connect(batch.out / LEDGER_FILE)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'jobs'")
        db.commit()
    with contextlib.closing(sqlite3.connect(batch.out / LEDGER_FILE)) as db:
        ids = [row["id"] for row in batch.rows]
        for number, column, value in changes:
            if halfway:
                db.execute("UPDATE jobs SET state = 'waiting', prompt_id = NULL WHERE id = ?", (ids[number],))
            # What SQLite itself refuses cannot be in a ledger: a number of 65 bits, half a surrogate, a key twice.
            with contextlib.suppress(sqlite3.Error, OverflowError, UnicodeEncodeError):
                db.execute(f"UPDATE jobs SET {column} = ? WHERE id = ?", (value, ids[number]))
        db.commit()
    batch.check()


@settings(max_examples=40)
@given(changes=CHANGES, halfway=st.booleans())
@example(changes=[(0, "prompt_id", "same"), (1, "prompt_id", "same")], halfway=True)
@example(changes=[(0, "files", "[]")], halfway=False)
def test_any_row(batch: Batch, changes: list[tuple[int, str, Any]], halfway: bool) -> None:
    any_row(batch, changes, halfway=halfway)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=2000)
@given(changes=CHANGES, halfway=st.booleans())
def test_any_row_thousands_of_times(batch: Batch, changes: list[tuple[int, str, Any]], halfway: bool) -> None:
    any_row(batch, changes, halfway=halfway)


# the ledger's bytes


def any_ledger(batch: Batch, data: st.DataObject) -> None:
    batch.again()
    (batch.out / LEDGER_FILE).write_bytes(data.draw(corrupted(st.just(batch.ledger)) | st.binary(max_size=200)))
    batch.check()


@settings(max_examples=40)
@given(st.data())
def test_any_bytes_as_a_ledger(batch: Batch, data: st.DataObject) -> None:
    any_ledger(batch, data)


@pytest.mark.parametrize("damaged", [b"TAB\x80E jobs", b"\xffABLE jobs", b"TABLE\0jobs", b"TABLE 'obs"])
def test_a_ledger_whose_damage_sqlite_quotes(batch: Batch, damaged: bytes) -> None:
    """What it says then need not be text."""
    batch.again()
    assert b"TABLE jobs" in batch.ledger
    (batch.out / LEDGER_FILE).write_bytes(batch.ledger.replace(b"TABLE jobs", damaged))
    batch.check()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=500)
@given(st.data())
def test_any_bytes_as_a_ledger_hundreds_of_times(batch: Batch, data: st.DataObject) -> None:
    any_ledger(batch, data)


# sidecars


def any_sidecar(batch: Batch, data: st.DataObject, *, alone: bool) -> None:
    """`alone`: the ledger is lost, and the sidecars are all that tells what is done."""
    batch.again()
    records = list(batch.sidecars.values())
    space = mutated(records, any_json(list(records[0]))).map(as_json)
    written = data.draw(space | corrupted(st.sampled_from([as_json(record) for record in records])))
    data.draw(st.sampled_from(list(batch.sidecars))).write_bytes(written)
    if alone:
        shutil.rmtree((batch.out / LEDGER_FILE).parent)
    batch.check()


@settings(max_examples=30)
@given(data=st.data(), alone=st.booleans())
def test_any_sidecar(batch: Batch, data: st.DataObject, alone: bool) -> None:
    any_sidecar(batch, data, alone=alone)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=1000)
@given(data=st.data(), alone=st.booleans())
def test_any_sidecar_a_thousand_times(batch: Batch, data: st.DataObject, alone: bool) -> None:
    any_sidecar(batch, data, alone=alone)


# file names

BYTES = st.binary(min_size=1, max_size=240) | ANY_TEXT.map(lambda name: name.encode("utf-8", "surrogatepass"))
TRAPS = st.sampled_from(
    [b"a", b"A", b"a.png", b"a.json", b"a_2", b"con", b"-rf", b"=1+1", b"%date:yy%", b"{seed}", b"a\n", b" a ", b"a.",
     b"a.json.part"]
)  # fmt: skip
NAMES = (BYTES | TRAPS).filter(
    lambda name: 0 < len(name) <= 240 and not {b"/"[0], 0} & set(name) and name not in (b".", b"..")
)
PHOTOS = st.lists(
    st.tuples(NAMES, NAMES | st.none(), st.sampled_from([b".png", b".PNG", b".jpg", b".jpg.png"])),
    min_size=1,
    max_size=3,
    unique_by=lambda photo: (photo[0].lower(), (photo[1] or b"").lower()),
)


def any_names(folder: Path, server: HostileComfy, names: list[tuple[bytes, bytes | None, bytes]]) -> None:
    """Every photo that is not hidden is made: by the batch that was asked for, on a server, with its picture saved."""
    server.forget()
    shutil.rmtree(folder / "photos", ignore_errors=True)
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "photos").mkdir()
    shown: set[Path] = set()
    for name, below, suffix in names:
        place = folder / "photos" / os.fsdecode(below or b"")
        with contextlib.suppress(OSError):  # too long, or a file where a folder should be: no such photo can be
            place.mkdir(exist_ok=True)
            photo = place / os.fsdecode(name + suffix)
            photo.write_bytes(server.picture)
            if not (name.startswith(b".") or (below or b"").startswith(b".")):
                shown.add(photo)
    workflow = folder / "w.json"
    workflow.write_text(json.dumps(copying()))
    words = ["batch", str(workflow), "--images", str(folder / "photos"), "--out", str(folder / "out")]
    run = command(*words, "--server", server.url, "--timeout", "60", "--json", folder=folder / "out")
    kept_to_the_contract(run, 0 if shown else 2)
    made = [path.suffix for path in (folder / "out").rglob("*") if path.is_file()]
    assert made.count(".png") == made.count(".json") == len(shown), made
    if shown:
        kept_to_the_contract(command("report", str(folder / "out"), folder=folder), 0)


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes there")
@settings(max_examples=20)
@given(names=PHOTOS)
def test_any_name_of_a_photo(
    tmp_path_factory: pytest.TempPathFactory, obliging: HostileComfy, names: list[tuple[bytes, bytes | None, bytes]]
) -> None:
    any_names(tmp_path_factory.mktemp("n"), obliging, names)


def test_a_folder_called_like_a_result_is_no_obstacle(tmp_path: Path, obliging: HostileComfy) -> None:
    """The job of `a.png/b.jpg` failed at every --resume: `a.png` was the picture made of `a.jpg`."""
    for number, folder in enumerate((b"a.png", b"a.json", b"A.PNG", b"a.json.part")):
        (tmp_path / str(number)).mkdir()
        any_names(tmp_path / str(number), obliging, [(b"a", None, b".jpg"), (b"b", folder, b".jpg")])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(os.name != "posix", reason="file names are bytes there")
@in_parts
@settings(max_examples=350)
@given(names=PHOTOS)
def test_any_name_of_a_photo_thousands_of_times(
    tmp_path_factory: pytest.TempPathFactory,
    obliging: HostileComfy,
    part: int,
    names: list[tuple[bytes, bytes | None, bytes]],
) -> None:
    any_names(tmp_path_factory.mktemp("n"), obliging, names)
