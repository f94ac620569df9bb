"""The table, the annotations and the sheets of cut-outs, whatever the records beside the results say."""

from __future__ import annotations

import contextlib
import csv
import json
import tempfile
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFont

from runner.batch.beside import Beside
from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.plan import BatchJob
from runner.batch.sidecars import place_of, source_of
from runner.cutouts.collect import COCO, INDEX, SHEET
from runner.cutouts.collect import collect as collect_beside
from runner.files.lettering import drawable, font_of
from tests.support.runs import command

OBJECT = {
    "number": 1,
    "label": "bag",
    "bbox": [1, 2, 5, 9],
    "area": 20,
    "file": "x_00001_01_bag.png",
    "segmentation": {},
}
PLAIN = {"objects": [OBJECT], "width": 10, "height": 12}


def finished(folder: Path, reports: Any, *, sidecar: str | None = None) -> None:
    """A batch of one picture that is done, with these reports; and one that is still to do."""
    (folder / "G/bag").mkdir(parents=True)
    record = json.dumps({"reports": reports}) if sidecar is None else sidecar
    (folder / "G/bag/objects.json").write_text(record, encoding="utf-8", errors="surrogatepass")
    Image.new("RGB", (40, 20)).save(folder / "G/bag/objects.jpg")
    jobs = [BatchJob("", Path(f"G/{name}/objects"), {}, {"image": f"/photos/{name}.png"}) for name in ("bag", "shoe")]
    with contextlib.closing(Ledger(folder)) as ledger:
        ledger.add(jobs)
        entry = ledger.claim()
        assert entry is not None
        ledger.done(entry.id, "G/bag/objects.json", ["G/bag/01_bag.png", "G/bag/objects.jpg"], (), {})
        ledger.leave()


def collect(folder: Path) -> list[Path]:
    with Beside(folder, print) as beside:
        return collect_beside(beside)


def told(folder: Path) -> tuple[list[dict[str, str]], dict[str, Any]]:
    with (folder / INDEX).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return rows, json.loads((folder / COCO).read_text(encoding="utf-8"))


def test_what_is_written(tmp_path: Path) -> None:
    cut = {"objects": [{"picture": 1}], "notes": ["it looks like two products that touch, kept together"]}
    finished(tmp_path, {"saved": PLAIN, "cut": cut})
    assert [path.name for path in collect(tmp_path)] == [INDEX, COCO, SHEET]
    (bag, shoe), coco = told(tmp_path)
    assert (bag["group"], bag["category"], bag["picture"], bag["file"]) == ("G", "", "G/bag.png", "G/bag/01_bag.png")
    assert (bag["left"], bag["top"], bag["width"], bag["height"], bag["share"]) == ("1", "2", "4", "7", "0.16667")
    assert "touch" in bag["picture_notes"] and bag["notes"] == ""
    assert (shoe["picture"], shoe["state"], shoe["number"]) == ("G/shoe.png", "waiting", "")
    assert [image["file_name"] for image in coco["images"]] == ["G/bag.png"]
    assert coco["annotations"][0]["bbox"] == [1, 2, 4, 7]
    for number in (2, 3):  # ours is replaced, somebody's own never
        (tmp_path / ".prodgen/beside.txt").unlink()
        assert {path.name for path in collect(tmp_path)} == {
            f"index_{number}.csv", f"coco_{number}.json", f"contact_sheet_{number}.jpg"
        }  # fmt: skip
    assert {path.name for path in collect(tmp_path)} == {"index_3.csv", "coco_3.json", "contact_sheet_3.jpg"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*OBJECT, *PLAIN, "score", "crop", "notes", "size", "counts"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)
WRONG = st.dictionaries(st.sampled_from([*OBJECT, "score", "crop", "notes"]), JSON).map(lambda more: {**OBJECT, **more})
REPORT = st.fixed_dictionaries({"objects": st.lists(WRONG, max_size=3) | JSON, "width": JSON, "height": JSON})


@settings(max_examples=30)
@given(st.dictionaries(st.text(max_size=4), REPORT | JSON, max_size=3) | JSON)
def test_whatever_the_records_say(reports: Any) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        finished(folder, reports)
        assert len(collect(folder)) == 3
        rows, coco = told(folder)
        assert rows[-1]["picture"] == "G/shoe.png"
        assert all(row["file"] in ("", "G/bag/01_bag.png") for row in rows)
        assert {one["category_id"] for one in coco["annotations"]} <= {one["id"] for one in coco["categories"]}
        assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+@" and cell]


def test_a_record_that_is_none(tmp_path: Path) -> None:
    for number, text in enumerate(["", "[", "[" * 100_000, '{"reports": 1}', "\ud800"]):
        folder = tmp_path / str(number)
        finished(folder, None, sidecar=text)
        assert len(collect(folder)) == 3


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "photos" / "a.png")
    out = tmp_path / "out"
    run = command("cutouts", "--images", str(tmp_path / "photos"), "--out", str(out), "--dry-run", folder=out)
    assert run.code == 0 and "a/objects" in run.out
    assert not out.exists()


def test_a_table_names_the_photo_that_there_is(tmp_path: Path) -> None:
    """Its results lie in a folder that every system allows; what is called so there is no photo."""
    photo = tmp_path / "photos" / 'red "ones"' / "Küche: 1.png"
    job = BatchJob("", Path("red _ones_", "Küche_ 1", "objects"), {}, {"image": str(photo)})
    entry = Entry(
        1, job.key, job, JobState.DONE, job.title, "p", (), None, None, None, None, (), (), 1.0, 2.0, {}
    )  # fmt: skip
    assert source_of(entry) == 'red "ones"/Küche: 1.png'
    assert place_of(entry) == "red _ones_/Küche: 1.png"
    of_a_table = replace(entry, job=replace(job, stem=Path("Summer", "bag", "Küche_ 1", "objects")))
    assert source_of(of_a_table) == "Summer/bag/Küche: 1.png"


def test_words_on_a_sheet_are_letters_and_no_boxes() -> None:
    for font in (font_of(13), ImageFont.load_default(13)):
        box = bytes(font.getmask("\uffff"))
        for word, plain in {"Küche": "Kuche", "Ku\u0308che": "Kuche", "鞋\U000f1234": "??", "…": "..."}.items():
            shown = drawable(word, font)
            assert all(bytes(font.getmask(letter)) != box for letter in shown), shown
            assert shown in (plain, unicodedata.normalize("NFC", word)) or set(shown) <= {"?", "鞋"}
