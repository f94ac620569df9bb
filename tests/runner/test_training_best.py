"""How saves of a training are measured and ranked, without a server."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from runner.training import sheet
from runner.training.best import SCENES, STRENGTHS, Trial, best_strength, photos_of, ranked, write_table
from runner.training.flow import Saved
from runner.training.measure import Colours, Figure, backdrop_likeness, figure_of, product_likeness
from runner.training.pictures import Ready

Colour = tuple[int, int, int]
RED, BLUE = (170, 40, 40), (40, 60, 180)


def scene(body: Colour, backdrop: Colour, shape: str = "bag", at: tuple[int, int] = (60, 50)) -> Figure:
    """A drawn product on a backdrop."""
    picture, alpha = Image.new("RGB", (256, 256), backdrop), Image.new("L", (256, 256), 0)
    box = (*at, at[0] + 110, at[1] + 130)
    for image, fill in ((picture, body), (alpha, 255)):
        draw = ImageDraw.Draw(image)
        if shape == "bag":
            draw.rectangle((box[0], box[1] + 40, box[2], box[3]), fill=fill)
            draw.arc((box[0] + 25, box[1], box[2] - 25, box[1] + 80), 180, 360, fill=fill, width=8)
        else:
            draw.ellipse(box, fill=fill)
    return figure_of(picture, alpha)


PHOTOS = [scene(RED, (230, 230, 230)), scene(RED, (60, 90, 60), at=(90, 80)), scene(RED, (150, 120, 90))]


@settings(max_examples=20)
@given(at=st.tuples(st.integers(0, 140), st.integers(0, 120)), backdrop=st.tuples(*[st.integers(0, 255)] * 3))
def test_the_product_is_alike_wherever_it_stands(at: tuple[int, int], backdrop: Colour) -> None:
    assert product_likeness(scene(RED, backdrop, at=at), PHOTOS) > 0.85


def test_another_colour_and_another_shape_are_less_alike() -> None:
    same = product_likeness(scene(RED, (9, 9, 9)), PHOTOS)
    assert same > 0.85
    assert product_likeness(scene(BLUE, (9, 9, 9)), PHOTOS) < 0.7
    assert product_likeness(scene(RED, (9, 9, 9), "ball"), PHOTOS) < same - 0.05


def test_no_product_is_not_alike() -> None:
    empty = figure_of(Image.new("RGB", (64, 64), RED), Image.new("L", (64, 64), 0))
    assert product_likeness(empty, PHOTOS) == 0 and product_likeness(scene(RED, BLUE), []) == 0


def test_a_backdrop_of_the_photos_is_learnt_by_heart_and_a_new_one_is_not() -> None:
    learnt = backdrop_likeness(scene(RED, (60, 90, 60)), PHOTOS)
    fresh = backdrop_likeness(scene(RED, (60, 60, 200)), PHOTOS)
    assert learnt > 0.5 > 0.2 > fresh
    white = [scene(RED, (250, 250, 250)), scene(RED, (250, 250, 250), at=(20, 20))]
    assert backdrop_likeness(scene(RED, (250, 250, 250)), white) < 0.05, "photos on white make white no sign of it"


def trials(tmp_path: Path, scores: dict[int, tuple[float, float]]) -> list[Trial]:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 48), RED).save(picture)
    found = []
    for step, (product, backdrop) in scores.items():
        save = Saved(step, tmp_path / f"{step}.safetensors", f"bag_{step}.safetensors", picture, 0.1)
        for what in SCENES:
            found += [
                Trial(save, what, strength, picture if strength < 1 else None, product * strength, backdrop)
                for strength in STRENGTHS
            ]
    return found


def test_the_best_save_is_like_the_product_and_not_like_the_photos(tmp_path: Path) -> None:
    found = trials(tmp_path, {10: (0.4, 0.0), 20: (0.9, 0.1), 30: (0.95, 0.6)})
    order = [save.step for save, _ in ranked(found)]
    assert order == [20, 10, 30]
    assert best_strength(found, ranked(found)[0][0]) == 1.0
    equal = trials(tmp_path, {30: (0.5, 0.0), 10: (0.5, 0.0)})
    assert ranked(equal)[0][0].step == 10, "of equal ones the one that learnt less long"


def test_what_was_not_measured_does_not_count_and_is_told(tmp_path: Path) -> None:
    """0 would beat a real score below 0."""
    found = trials(tmp_path, {10: (0.0, 0.3), 20: (0.0, 0.2), 30: (0.0, 0.0)})
    failed = [replace(one, problem="out of memory") if one.save.step == 30 else one for one in found]
    failed[0] = replace(failed[0], picture=None, problem="no product")
    assert [save.step for save, _ in ranked(failed)] == [20, 10]
    assert ranked(failed)[1][1] == pytest.approx(-0.3), "the mean is of what was measured"
    assert ranked([replace(one, problem="none") for one in found]) == []
    write_table(failed, tmp_path)
    with (tmp_path / "best.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["not_measured"] for row in rows if row["step"] == "30"] == ["out of memory"] * 4
    assert {(row["step"], row["not_measured_of_save"]) for row in rows} == {("10", "1"), ("20", "0"), ("30", "4")}
    assert all((row["score"] == "") == bool(row["not_measured"]) for row in rows)
    with Image.open(tmp_path / "best.jpg") as grid:
        shown = np.asarray(grid.convert("RGB").crop((8, 2 * (192 + 32 + 8), 200, 3 * (192 + 32 + 8) - 32)))
    assert (np.abs(shown.astype(int) - RED).max(axis=-1) < 30).any(), "what was painted is not shown"


def test_the_table_has_every_picture_and_the_grid_a_row_a_save(tmp_path: Path) -> None:
    found = trials(tmp_path, {10: (0.4, 0.0), 20: (0.9, 0.1)})
    write_table(found, tmp_path)
    with (tmp_path / "best.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * len(SCENES) * len(STRENGTHS)
    assert float(rows[0]["score"]) == pytest.approx(0.4 * STRENGTHS[0])
    with Image.open(tmp_path / "best.jpg") as grid:
        assert grid.height > 2 * 192 and grid.width > 4 * 192


def test_photos_without_a_mask_are_not_compared() -> None:
    picture = Image.new("RGB", (64, 64), RED)
    two = [Ready("a", picture, None, ""), Ready("b", picture, Image.new("L", (64, 64), 255), "")]
    assert len(photos_of(two, Colours())) == 1


def test_somebody_s_own_table_and_sheet_stay(tmp_path: Path) -> None:
    for name in ("best.csv", "best.jpg"):
        (tmp_path / name).write_text("mine")
    for step in (1, 2):  # what was written here is written again
        sheet.write_table(tmp_path / "best.csv", ("step",), [{"step": step}])
        sheet.write_sheet(tmp_path / "best.jpg", [[(None, f"step {step}")]], 32, 16)
    assert {name: (tmp_path / name).read_text() for name in ("best.csv", "best.jpg")} == dict.fromkeys(
        ("best.csv", "best.jpg"), "mine"
    )
    assert sorted(path.name for path in tmp_path.glob("best*")) == ["best.csv", "best.jpg", "best_2.csv", "best_2.jpg"]
    assert "2" in (tmp_path / "best_2.csv").read_text().splitlines()[1]
