"""`cutouts`: every object of every picture, in place, by a real server; what stands beside them; nothing made twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.errors import EXIT_NODE_FAILED, EXIT_USAGE
from tests.imaging.object_scenes import Group, group
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run, command, inverting

SIDE = 256


def save(made: Group, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((made.scene.photo.numpy() * 255).round().astype(np.uint8)).save(path)
    return path


def arguments(desk: Desk, *more: str | Path) -> list[str]:
    given = ["cutouts", "--images", str(desk.folder / "photos"), "--server", desk.url, "--out", str(desk.out)]
    return [*given, *map(str, more)]


def cutouts(desk: Desk, *more: str | Path) -> Run:
    return command(*arguments(desk, *more), folder=desk.out)


def decoded(segmentation: dict[str, Any]) -> np.ndarray:
    """COCO's compressed RLE, read as its specification says."""
    counts: list[int] = []
    letters = iter(segmentation["counts"].encode("ascii"))
    for letter in letters:
        value, shift = 0, 0
        while True:
            bits = letter - 48
            value |= (bits & 0x1F) << shift
            shift += 5
            if not bits & 0x20:
                break
            letter = next(letters)  # noqa: PLW2901
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    height, width = segmentation["size"]
    flat = np.repeat(np.arange(len(counts)) % 2, counts)
    return flat.reshape(width, height).T.astype(bool)


@pytest.fixture(scope="module")
def groups() -> dict[str, Group]:
    return {"Bags/Small/a": group(1, 3, SIDE), "Bags/b": group(5, 2, SIDE), "c": group(0, 2, SIDE)}


@pytest.fixture(scope="module")
def finished(comfy_server: ComfyServer, tmp_path_factory: pytest.TempPathFactory, groups: dict[str, Group]) -> Desk:
    """A folder of three pictures, cut out, and one that is empty; the user's own table is in the folder."""
    desk = Desk(tmp_path_factory.mktemp("cutouts"), comfy_server.url)
    for name, made in groups.items():
        save(made, desk.folder / "photos" / f"{name}.png")
    blank = np.full((SIDE, SIDE, 3), 200, np.uint8)
    Image.fromarray(blank).save(desk.folder / "photos" / "=blank.png")
    desk.out.mkdir()
    (desk.out / "coco.json").write_text("mine")
    run = cutouts(desk, "--labels", "=thing", "--crop", "--min-confidence", "0")
    assert run.code == EXIT_NODE_FAILED, run.err  # the empty one
    return desk


def test_each_object_has_its_picture_where_it_stood(finished: Desk, groups: dict[str, Group]) -> None:
    for name, made in groups.items():
        files = sorted(path.name for path in (finished.out / name).iterdir())
        wanted = [f"{n + 1:02}_thing{end}.png" for n in range(len(made.alphas)) for end in ("", "_crop")]
        assert files == sorted([*wanted, "objects_sheet.jpg", "objects.json"])
        for number, truth in enumerate(made.alphas, 1):
            picture = Image.open(finished.out / name / f"{number:02}_thing.png")
            assert (picture.mode, picture.size) == ("RGBA", (SIDE, SIDE))
            alpha = np.asarray(picture)[..., 3] / 255
            both, either = (alpha > 0.5) & (truth > 0.5), (alpha > 0.5) | (truth > 0.5)
            assert both.sum() / either.sum() > 0.9, (name, number)
            crop = Image.open(finished.out / name / f"{number:02}_thing_crop.png")
            assert crop.getbbox() == (0, 0, *crop.size) and crop.size == _extent(picture)
            assert json.loads(picture.info["prompt"])  # it opens on the canvas


def _extent(picture: Image.Image) -> tuple[int, int]:
    left, top, right, bottom = picture.getchannel("A").getbbox() or (0, 0, 0, 0)
    return right - left, bottom - top


def test_the_table_names_every_object_and_what_failed(finished: Desk, groups: dict[str, Group]) -> None:
    with (finished.out / "index.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(made.alphas) for made in groups.values()) + 1
    deep = [row for row in rows if row["picture"] == "Bags/Small/a.png"]
    assert [(row["group"], row["category"], row["number"]) for row in deep] == [
        ("Bags", "Small", str(n)) for n in (1, 2, 3)
    ]
    assert not any(row["notes"] or "set" in row["picture_notes"] for row in rows)  # it was taken apart
    assert {row["label"] for row in rows} == {"'=thing", ""}  # a formula in no spreadsheet
    for row in rows:
        if row["file"]:
            assert (finished.out / row["file"]).is_file() and (finished.out / row["crop"]).is_file()
            assert 0 < float(row["score"]) <= 1 and 0 < float(row["share"]) < 1
    (failed,) = [row for row in rows if row["state"] == "failed"]
    assert failed["picture"] == "'=blank.png" and "no object" in failed["reason"].lower()


def test_the_annotations_are_the_pictures(finished: Desk, groups: dict[str, Group]) -> None:
    coco = json.loads((finished.out / "coco_2.json").read_text(encoding="utf-8"))
    assert {image["file_name"] for image in coco["images"]} == {f"{name}.png" for name in groups}
    assert [category["name"] for category in coco["categories"]] == ["=thing"]
    assert len({one["id"] for one in coco["annotations"]}) == sum(len(made.alphas) for made in groups.values())
    for one in coco["annotations"]:
        alpha = np.asarray(Image.open(finished.out / one["file"]))[..., 3]
        mask = decoded(one["segmentation"])
        assert (mask == (alpha > 127)).all()
        assert one["area"] == mask.sum()
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        x, y, width, height = one["bbox"]
        assert (x, y, x + width, y + height) == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def test_sheet_and_report_page_show_all_objects(finished: Desk) -> None:
    with Image.open(finished.out / "contact_sheet.jpg") as sheet:
        assert sheet.width > 1000 and sheet.height > 4 * 160
    run = command("report", str(finished.out), folder=finished.out)
    page = Path(run.out.strip()).read_text(encoding="utf-8")
    assert page.count('title="01_thing.png"') == 3 and page.count('title="objects_sheet.jpg"') == 3


def test_the_same_command_makes_only_what_is_gone(finished: Desk) -> None:
    lost, kept = finished.out / "c" / "01_thing.png", finished.out / "Bags" / "b" / "01_thing.png"
    lost.unlink()
    before = kept.stat().st_mtime_ns
    run = cutouts(finished, "--labels", "=thing", "--crop", "--min-confidence", "0")
    assert run.code == EXIT_NODE_FAILED and "made again" in run.err
    assert kept.stat().st_mtime_ns == before
    assert (finished.out / "coco.json").read_text() == "mine" and not (finished.out / "coco_3.json").exists()
    with (finished.out / "index.csv").open(encoding="utf-8", newline="") as stream:
        files = [row["file"] for row in csv.DictReader(stream) if row["file"]]
    assert len(files) == len(set(files)) == 7
    assert all((finished.out / name).is_file() for name in files)


def test_a_folder_of_another_batch_is_left_alone(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    (tmp_path / "photos").mkdir()
    desk.photo("photos/a.png")
    other = ["batch", desk.workflow(inverting()), "--images", str(tmp_path / "photos")]
    assert command(*other, "--server", desk.url, "--out", str(desk.out), folder=desk.out).code == 0
    before = sorted(desk.out.iterdir())
    for more in ([], ["--resume"]):
        run = cutouts(desk, *more)
        assert run.code == EXIT_USAGE
        assert sorted(desk.out.iterdir()) == before
