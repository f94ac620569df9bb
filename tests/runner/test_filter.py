"""`filter`: every picture sorted by whether it holds the product, by a real server; nothing sorted by a name alone."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.batch.store import LEDGER_FILE
from runner.errors import EXIT_NODE_FAILED, EXIT_OK, EXIT_QUALITY, EXIT_USAGE
from tests.imaging.sightings import Drawn, Sight, sight
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run, command

SIDE = 256
BAG, MUG, SHOE = Drawn("bag", 0, 2), Drawn("mug", 6), Drawn("shoe", 3)


def save(made: Sight, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((made.photo.numpy() * 255).round().astype(np.uint8)).save(path, quality=95)
    return path


def look(desk: Desk, *more: str | Path, images: str = "photos") -> Run:
    given = ["filter", "--images", str(desk.folder / images), "--server", desk.url, "--out", str(desk.out)]
    return command(*given, *map(str, more), folder=desk.out)


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["picture"]: row for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def desk(comfy_server: ComfyServer, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = Desk(tmp_path_factory.mktemp("filter"), comfy_server.url)
    save(sight((BAG,), 50, SIDE), made.folder / "bag.png")
    save(sight((MUG, BAG), 1, SIDE), made.folder / "photos" / "A" / "B" / "both.jpg")
    save(sight((MUG, SHOE), 2, SIDE), made.folder / "photos" / "A" / "neither.png")
    save(sight((SHOE,), 3, SIDE), made.folder / "none" / "shoe.png")
    return made


@pytest.fixture(scope="module")
def finished(desk: Desk) -> Desk:
    run = look(desk, "--reference", desk.folder / "bag.png", "--product", "hand bag")
    assert run.code == EXIT_OK, run.err
    assert "1 found, 0 unsure, 1 not found" in run.err
    assert "A/neither.png: not found: " in run.err
    assert "not passed" not in run.err and "the rules" not in run.err
    return desk


def test_each_picture_is_sorted_byte_for_byte(finished: Desk) -> None:
    photos = finished.folder / "photos"
    for verdict, place in (("found", "A/B/both.jpg"), ("not_found", "A/neither.png")):
        assert (finished.out / verdict / place).read_bytes() == (photos / place).read_bytes()
    assert not (finished.out / "unsure").exists()


def test_the_table_says_where_it_is(finished: Desk) -> None:
    table = rows(finished.out / "filter.csv")
    found, other = table["A/B/both.jpg"], table["A/neither.png"]
    assert (found["verdict"], found["label"], found["delivered"]) == ("found", "hand bag", "found/A/B/both.jpg")
    (mask,) = found["masks"].split("; ")
    solid = np.asarray(Image.open(finished.out / mask).convert("L")) > 127
    truth = sight((MUG, BAG), 1, SIDE).alphas[1] > 0.5
    assert (solid & truth).sum() / (solid | truth).sum() > 0.9
    left, top = int(found["left"]), int(found["top"])
    rows_, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    assert (left, top, int(found["width"])) == (columns[0], rows_[0], columns[-1] + 1 - columns[0])
    assert other["verdict"] == "not found" and not other["masks"] and float(other["score"]) < 0.25
    assert "likest" in other["why"] and "found from 0.5 on" in other["why"]


def test_the_same_command_keeps_what_is_sorted(finished: Desk) -> None:
    given = ("--reference", finished.folder / "bag.png", "--product", "hand bag")
    copy = finished.out / "found" / "A" / "B" / "both.jpg"
    copy.unlink()
    before = (finished.out / "not_found" / "A" / "neither.png").stat().st_mtime_ns
    assert look(finished, *given).code == EXIT_OK
    assert copy.is_file()
    assert (finished.out / "not_found" / "A" / "neither.png").stat().st_mtime_ns == before


def test_a_link_that_leads_out_is_refused_and_named(finished: Desk, tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home" / "A" / "B"
    shutil.copytree(finished.out, out)
    shutil.rmtree(out / "found")
    home.mkdir(parents=True)
    (home / "both.jpg").write_text("MY OWN", encoding="utf-8")
    (out / "found").symlink_to("../home")
    given = ["filter", "--images", str(finished.folder / "photos"), "--server", finished.url, "--out", str(out)]
    more = ["--reference", str(finished.folder / "bag.png"), "--product", "hand bag", "--resume"]
    run = command(*given, *more, folder=out)
    assert run.code == EXIT_USAGE and "found/A/B/both.jpg" in run.err and "link" in run.err
    assert (home / "both.jpg").read_text(encoding="utf-8") == "MY OWN"
    assert rows(out / "filter.csv")["A/B/both.jpg"]["delivered"] == ""


def test_another_bag_under_the_name_of_the_reference_leaves_no_old_verdict(finished: Desk) -> None:
    reference = finished.folder / "bag.png"
    before = reference.read_bytes()
    given = ("--reference", reference, "--product", "hand bag", "--resume", "--dry-run")
    try:
        save(sight((MUG,), 51, SIDE), reference)
        run = look(finished, *given)
    finally:
        reference.write_bytes(before)
    assert "2 jobs would be made again: bag.png has changed since" in run.err and "(done already)" not in run.out
    assert "2 jobs would run" in run.out
    assert look(finished, *given).out.count("(done already)") == 2, "the same bag, though its file is younger"


def test_a_ledger_that_names_any_file_has_it_copied_nowhere(finished: Desk, tmp_path: Path) -> None:
    """The folder may be somebody's: of what its ledger names only what this command names is copied."""
    out, secret = tmp_path / "out", tmp_path / "secret.jpg"
    shutil.copytree(finished.out, out)
    shutil.rmtree(out / "found")
    secret.write_bytes(b"a secret")
    with sqlite3.connect(out / LEDGER_FILE) as db:
        db.execute("UPDATE jobs SET images = ? WHERE stem LIKE '%both%'", (json.dumps({"image": str(secret)}),))
    given = ["filter", "--images", str(finished.folder / "photos"), "--server", finished.url, "--out", str(out)]
    more = ["--reference", str(finished.folder / "bag.png"), "--product", "hand bag", "--resume"]
    run = command(*given, *more, folder=out)
    assert run.code == EXIT_USAGE and "none of the pictures that were named" in run.err
    assert not any(path.read_bytes() == b"a secret" for path in out.rglob("*") if path.is_file())


def test_none_ends_with_7(desk: Desk) -> None:
    run = command(
        *("filter", "--images", str(desk.folder / "none"), "--server", desk.url, "--out", str(desk.folder / "o2")),
        *("--reference", str(desk.folder / "bag.png")),
        folder=desk.folder / "o2",
    )
    assert run.code == EXIT_QUALITY, run.err
    assert (desk.folder / "o2" / "not_found" / "shoe.png").is_file()


def test_a_name_alone_is_no_answer(desk: Desk, tmp_path: Path) -> None:
    """On the command line before anything is sent, and by the node itself."""
    run = look(desk, "--product", "hand bag")
    assert run.code == EXIT_USAGE and "--reference" in run.err and "SAM 3" in run.err
    photo = save(sight((SHOE,), 3, 128), tmp_path / "shoe.png")
    given = ("--image", photo, "--set", "product=hand bag")
    by_node = command(
        *("submit", "filter", "--server", desk.url, "--out", str(tmp_path / "out")), *map(str, given), folder=tmp_path
    )
    assert by_node.code == EXIT_NODE_FAILED and "a name alone" in by_node.err


@pytest.mark.parametrize(
    "wrong",
    [
        ["--reference", "no-such-photo.jpg"],
        ["--sam3"],
        ["--reference", "x.jpg", "--min-score", "2"],
        ["--reference", "x.jpg", "--preset", "strict"],
    ],
)
def test_what_cannot_be_asked_is_said(desk: Desk, wrong: list[str]) -> None:
    assert look(desk, *wrong).code == EXIT_USAGE
