"""`recolor`: one photo in several colours by a real server; what is called how, what is told, what is no colour."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from runner.cli.recolor import batch_order
from runner.cli.words import parse
from runner.errors import EXIT_OK, EXIT_USAGE, PhotoError, UsageError
from runner.recolors.colours import Colour, colour_of, distinct
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run, command

WIDE, HIGH = 240, 200
BODY, TRIM, GROUND = (168, 116, 63), (40, 60, 140), (236, 236, 238)
ON_BODY, ON_TRIM, ON_GROUND = (75, 120), (106, 120), (10, 10)


def bag(path: Path, *, cut_out: bool = False) -> Path:
    """A tan thing with a blue band, lit from the left, on a plain ground or cut out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = Image.new("L", (WIDE, HIGH))
    ImageDraw.Draw(shape).rounded_rectangle((70, 60, 170, 150), 18, 255)
    alpha = np.asarray(shape)
    y, x = np.mgrid[:HIGH, :WIDE]
    thing = np.where((abs(y - 106) < 7)[..., None], np.array(TRIM), np.array(BODY)) * (1.1 - 0.002 * x)[..., None]
    picture = np.where((alpha > 0)[..., None], thing, np.array(GROUND)).clip(0, 255).astype(np.uint8)
    Image.fromarray(np.dstack((picture, alpha)) if cut_out else picture).save(path)
    return path


def recolor(desk: Desk, *more: str | Path, out: str = "out") -> Run:
    words = ["recolor", "--server", desk.url, "--out", desk.folder / out, *more]
    return command(*map(str, words), folder=desk.folder / out)


def at(path: Path, *places: tuple[int, int]) -> np.ndarray:
    with Image.open(path) as image:
        return np.stack([np.asarray(image.convert("RGB"), dtype=int)[place] for place in places])


@pytest.fixture(scope="module")
def desk(comfy_server: ComfyServer, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = Desk(tmp_path_factory.mktemp("recolor"), comfy_server.url)
    bag(made.folder / "bag.png")
    Image.new("RGB", (40, 40), (50, 96, 70)).save(made.folder / "=leather.jpg", quality=95)
    return made


def test_one_photo_in_several_colours(desk: Desk) -> None:
    photo = desk.folder / "bag.png"
    run = recolor(desk, photo, "--to", "#7a1f2b", "--to", "Navy", "--to", desk.folder / "=leather.jpg")
    assert run.code == EXIT_OK, run.err
    made = {path.name for path in run.pictures}
    assert {
        f"bag_{label}_{kind}.png" for label in ("7a1f2b", "navy", "=leather") for kind in ("picture", "cutout")
    } <= made
    red = desk.folder / "out" / "bag_7a1f2b_picture.png"
    body, band, ground = at(red, ON_BODY, ON_TRIM, ON_GROUND)
    assert abs(body - (122, 31, 43)).max() < 14
    assert (band == at(photo, ON_TRIM)[0]).all() and (ground == at(photo, ON_GROUND)[0]).all()
    green = at(desk.folder / "out" / "bag_=leather_picture.png", ON_BODY)[0]
    assert green[1] > green[0] + 15 and green[1] > green[2] + 8
    assert "bag.png in #7a1f2b: The " in run.err and "% of the product, is now " in run.err
    assert "Left as it was: " in run.err
    titles = [record["listing"]["title"] for record in run.sidecars if record["inputs"].get("color") == "#000080"]
    assert len(titles) == 1 and ("Navy" in titles[0] or "lue" in titles[0]), "it is called by its new colour"
    with Image.open(desk.folder / "out" / "bag_navy_cutout.png") as cutout:
        assert cutout.mode == "RGBA" and cutout.getpixel((5, 5))[3] == 0
    with (desk.folder / "out" / "recolor.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["color"].lstrip("'"): row for row in csv.DictReader(stream)}
    assert set(rows) == {"#7a1f2b", "#000080", "=leather.jpg"}
    assert rows["#7a1f2b"]["picture"] == "bag_7a1f2b_picture.png" and rows["=leather.jpg"]["color"].startswith("'")


def test_another_colour_later_makes_that_one_alone_and_a_part_is_named_by_its_colour(desk: Desk) -> None:
    first = recolor(desk, desk.folder / "bag.png", "--to", "teal", "--part", "#283c8c", out="part")
    assert first.code == EXIT_OK, first.err
    body, band = at(desk.folder / "part" / "bag_teal_picture.png", ON_BODY, ON_TRIM)
    assert (body == at(desk.folder / "bag.png", ON_BODY)[0]).all() and abs(band - (0, 128, 128)).max() < 30
    words = ("--to", "teal", "--to", "olive", "--part", "#283c8c", "--json")
    second = recolor(desk, desk.folder / "bag.png", *words, out="part")
    assert second.code == EXIT_OK, second.err
    assert [event["color"] for event in second.of("recolored")] == ["#808000"]


def test_a_cut_out_comes_out_on_white_and_a_mask_says_the_part(desk: Desk) -> None:
    photo = bag(desk.folder / "cut.png", cut_out=True)
    mask = np.zeros((HIGH, WIDE), np.uint8)
    mask[:, :120] = 255
    Image.fromarray(mask).save(desk.folder / "left.png")
    run = recolor(desk, photo, "--to", "#101014", "--part", desk.folder / "left.png", out="cut")
    assert run.code == EXIT_OK, run.err
    left, right, ground = at(desk.folder / "cut" / "cut_101014_picture.png", (75, 90), (75, 150), ON_GROUND)
    assert left.max() < 45 and abs(right - at(photo, (75, 150))[0]).max() <= 1 and (ground == 255).all()
    assert "what was painted is not one colour" in run.err, "half of the blue band was recoloured, too"


@pytest.mark.parametrize(
    ("word", "label", "text"),
    [
        ("#7A1F2B", "7a1f2b", "#7a1f2b"),
        ("7a1f2b", "7a1f2b", "#7a1f2b"),
        ("#abc", "aabbcc", "#aabbcc"),
        ("Navy", "navy", "#000080"),
        ("rgb(1, 2, 3)", "010203", "#010203"),
        ("lab(40, 20.5,-10)", "lab_40_20.5_-10", "lab(40, 20.5,-10)"),
    ],
)
def test_how_a_colour_is_typed(word: str, label: str, text: str) -> None:
    assert colour_of(word, "--to") == Colour(label, text)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("navvy", "Did you mean 'navy'?"),
        ("lab(400,0,0)", "there is no such colour"),
        ("lab(1,2)", "Write CIELAB"),
        ("#11223344", "no colour to sell in"),
        ("rgb(300,0,0)", "300 is above 255"),
        ("rgb(300,0,256)", "300 and 256 are above 255"),
        ("", "this is no colour"),
        ("a\0b", "this is no colour"),
        ("none.jpg", "there is no such file, and it is no colour"),
        (".", "is a folder"),
    ],
)
def test_what_is_no_colour_is_said_before_a_server_is_asked(word: str, said: str) -> None:
    with pytest.raises((UsageError, PhotoError)) as refused:
        colour_of(word, "--to")
    assert said in f"{refused.value}"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("99", "no part of that number"),
        ("0", "no part of that number"),
        ("x.png", "no such file, and it is no colour or number"),
        ("navvy", "no mask, no colour and no number of a part. Did you mean 'navy'?"),
        ("#11223344", "transparent"),
    ],
)
def test_what_is_no_part_is_told_what_a_part_is(word: str, said: str) -> None:
    with pytest.raises((UsageError, PhotoError)) as refused:
        batch_order(parse(["recolor", "bag.png", "--to", "red", "--part", word]))
    assert said in f"{refused.value}" and "photo of the colour" not in f"{refused.value}"
    assert all(what in f"{refused.value}" for what in ("number", "colour", "mask"))


def test_what_would_be_called_alike_is_told_apart(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "navy.png")
    words: Sequence[str] = ("navy", "#000080", "navy", str(tmp_path / "navy.png"))
    assert [one.label for one in distinct([colour_of(word, "--to") for word in words])] == ["navy", "000080", "navy_2"]


def test_which_part_is_meant_and_that_a_colour_is_needed(tmp_path: Path) -> None:
    bag(tmp_path / "bag.png")
    parts = {"2": "material=2", "tan": "part_color=#d2b48c", str(tmp_path / "bag.png"): f"part={tmp_path / 'bag.png'}"}
    for word, value in parts.items():
        assert value in batch_order(parse(["recolor", "bag.png", "--to", "red", "--part", word])).set
    run = command("recolor", str(tmp_path / "bag.png"), folder=tmp_path)
    assert run.code == EXIT_USAGE and "no colour was named" in run.err
