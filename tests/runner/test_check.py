"""`check`: a picture that shows the seller's product, and one that does not, by a real server; verdict, heat, table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.errors import EXIT_OK, EXIT_QUALITY, EXIT_USAGE
from runner.sightings.checks import found_in
from tests.imaging.sightings import Drawn, sight
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run, command

SIDE = 160
BAG, OTHER = Drawn("bag", 0, 2), Drawn("bag", 3, 2)


def save(product: Drawn, path: Path, side: int = SIDE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray((sight((product,), 50, SIDE).photo.numpy() * 255).round().astype(np.uint8))
    picture.resize((side, side), Image.Resampling.LANCZOS).save(path, quality=92)
    return path


def check(desk: Desk, *more: str | Path, out: str = "out") -> Run:
    given = ["check", "--server", desk.url, "--out", str(desk.folder / out), *map(str, more)]
    return command(*given, folder=desk.folder / out)


@pytest.fixture(scope="module")
def desk(comfy_server: ComfyServer, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = Desk(tmp_path_factory.mktemp("check"), comfy_server.url)
    save(BAG, made.folder / "bag.png")
    save(BAG, made.folder / "pictures" / "same.jpg", 190)
    save(OTHER, made.folder / "pictures" / "=other.jpg", 190)
    return made


def test_the_sellers_product_passes(desk: Desk) -> None:
    run = check(desk, desk.folder / "bag.png", desk.folder / "pictures" / "same.jpg")
    assert run.code == EXIT_OK, run.err
    assert "PASSED: same.jpg: it shows the seller's product" in run.err
    (heat,) = run.pictures
    assert heat.name == "same_check.png" and str(heat) in run.out
    report = found_in(run.sidecars[0]["reports"].values())
    assert report is not None and report.passed and report.report["ssim"] > 0.9


def test_another_colour_does_not_pass_and_a_folder_gets_a_table(desk: Desk) -> None:
    run = check(desk, desk.folder / "bag.png", desk.folder / "pictures", "--json", out="many")
    assert run.code == EXIT_QUALITY, run.err
    assert "1 of 2 passed" in run.err
    events = {event["picture"]: event for event in run.of("checked")}
    assert events["same.jpg"]["passed"] is True and events["=other.jpg"]["passed"] is False
    assert any("colour" in reason for reason in events["=other.jpg"]["reasons"])
    with (desk.folder / "many" / "check.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["picture"].lstrip("'"): row for row in csv.DictReader(stream)}
    assert (rows["same.jpg"]["passed"], rows["=other.jpg"]["passed"]) == ("yes", "no")
    assert (desk.folder / "many" / rows["same.jpg"]["heat"]).is_file()


def test_a_shops_rules_count_too(desk: Desk) -> None:
    run = check(desk, desk.folder / "bag.png", desk.folder / "pictures" / "same.jpg", "--channel", "amazon", out="shop")
    assert run.code == EXIT_QUALITY
    assert "Amazon" in run.err and "pixels: 190×190" in run.err


def test_nothing_to_check_is_said_before_a_server_is_asked(desk: Desk) -> None:
    run = check(desk, desk.folder / "bag.png")
    assert run.code == EXIT_USAGE and "nothing to check" in run.err
    assert check(desk, desk.folder / "none.png", desk.folder / "pictures" / "same.jpg").code == EXIT_USAGE


def test_a_report_that_does_not_say_that_it_passed_has_not() -> None:
    same = "the seller's product"
    for report in ({"verdict": same}, {"verdict": same, "passed": 1}, {"verdict": "changed", "passed": True}):
        found = found_in([report])
        assert found is not None and not found.passed
    assert found_in([{"verdict": "whatever", "passed": True}, "text", None]) is None
