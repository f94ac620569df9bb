"""What a seller types who has read nothing: each hint is a line that works as it stands, with all that was typed.

The hints are written down before they were made, each behind the line that is answered with it.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from PIL import Image

from runner.batch.store import LEDGER_FILE
from runner.suggest import alike, distance
from tests.runner.report_folder import Job, batch_folder
from tests.support.runs import command

PACKSHOT = "packshot photo.jpg"
HINTS = {
    "channels amzn": ["channels amazon"],
    "shop Amazom": ["channels amazon"],
    "help AMAZN": ["help amazon"],
    "help photo.jpg": [PACKSHOT],
    "packshot photo.jpg -o x.png --dry-run": [f"{PACKSHOT} --name x --dry-run"],
    "packshot photo.jpg --out=shop/x.png": [f"{PACKSHOT} --out shop --name x"],
    "packshot photo.jpg --set channel=Amazon --dry": [f"{PACKSHOT} --set channel=Amazon --dry-run"],
    "photo.jpg --set channel=Amazon,eBay --dry": [f"{PACKSHOT} --channels amazon,ebay --dry-run"],
    "make a packshot of photo.jpg for etsy": [f"{PACKSHOT} --set channel=etsy"],
    "please cut out photo.jpg": ["cutout photo.jpg"],
    "etsy photo.jpg ebay": [f"{PACKSHOT} --channels etsy,ebay"],
    "photo.jpg --channel amazon": [f"{PACKSHOT} --set channel=amazon"],
    "photo.jpg amazon": [f"{PACKSHOT} --set channel=amazon"],
    "photo.jpg amazn --fill 0.8": [f"{PACKSHOT} --set channel=amazon --set fill=0.8"],
    "packshto photo.jpg ebay": [f"{PACKSHOT} --set channel=ebay"],
    "packshot photo.jpg amazon --dry-run": [f"{PACKSHOT} --set channel=amazon --dry-run"],
    "packshot my photo.jpg": [PACKSHOT],
    "packshot cutout photo.jpg": [PACKSHOT, "cutout photo.jpg"],
    "submit photo.jpg --set fill=0.8": [f"submit {PACKSHOT} --set fill=0.8"],
    "remove background photo.jpg": ["cutout photo.jpg"],
    "remove-bg photo.jpg": ["cutout photo.jpg"],
    "background photo.jpg": ["cutout photo.jpg"],
    "white background photo.jpg": [PACKSHOT],
    "resize photo.jpg 1000x1000": [f"{PACKSHOT} --set width=1000 --set height=1000"],
    "run packshot photo.jpg": [PACKSHOT],
    "packshot photo.jpg --size 2000x1600": [f"{PACKSHOT} --set width=2000 --set height=1600"],
    "packshot photo.jpg --margin 10%": [f"{PACKSHOT} --set fill=0.8"],
    "packshot photo.jpg --shop amazon": [f"{PACKSHOT} --set channel=amazon"],
    "packshot photo.jpg --format webp": [PACKSHOT],
    "amazon": ["help amazon"],
    "examples": ["help"],
    "download": ["models"],
}
ANSWERS = {
    "undo": "never changed",
    "uninstall": "install.py --uninstall",
    "update": "git pull",
    "quit": "ends by itself",
    "gui": "studio --open",
    "studio --open=no": "--open takes no value",
    "report": "Name the folder that was --out of a batch",
    "packshot photo.jpg --fill 80": "write 0.8 or 80%",
    "packshot photo.jpg --color red": "--set background=red",
}
NO_GUESS = ["frobnicate photo.jpg", "lifestyle", "untold", "explain", "help zzzz"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photo, and a server that is named and is not there."""
    Image.new("RGB", (48, 40), "white").save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMFYUI_URL", "http://127.0.0.1:9")
    return tmp_path


def hints(told: str) -> list[str]:
    """The command lines that can be pasted from what was told."""
    return [line.partition("-m runner ")[2].strip("` ") for line in told.splitlines() if "-m runner " in line]


@pytest.mark.parametrize("line", HINTS)
def test_a_hint_can_be_pasted_and_keeps_what_was_typed(place: Path, line: str) -> None:
    run = command(*line.split(), folder=place)
    assert run.code == 2
    assert hints(run.err) == HINTS[line], run.err
    assert line not in HINTS[line], "the command that just failed"
    for hint in HINTS[line]:
        pasted = command(*shlex.split(hint), folder=place)
        assert pasted.code == 0 or (pasted.code == 3 and "127.0.0.1:9" in pasted.err), pasted.err


@pytest.mark.parametrize("line", ANSWERS)
def test_a_sellers_first_word_is_answered(place: Path, line: str) -> None:
    run = command(*line.split(), folder=place)
    assert run.code == 2
    assert ANSWERS[line] in run.err


@pytest.mark.parametrize("line", ["channels amazon", "Shop amazon", "shops ebay amazon", "channel AMAZON"])
def test_a_shop_is_shown_by_its_name(place: Path, line: str) -> None:
    run = command(*line.split(), folder=place)
    assert run.code == 0, run.err
    assert "amazon, what it asks" in run.out
    assert ("ebay, what it asks" in run.out) is ("ebay" in line)


@pytest.mark.parametrize("line", NO_GUESS)
def test_what_is_like_nothing_is_no_guess(place: Path, line: str) -> None:
    run = command(*line.split(), folder=place)
    assert run.code == 2
    assert "Did you mean" not in run.err


@pytest.mark.parametrize("line", ["completion bash --json", "help --json"])
def test_json_that_there_is_not_is_refused(place: Path, line: str) -> None:
    assert command(*line.split(), folder=place).code == 2


def test_help_knows_what_can_be_set(place: Path) -> None:
    run = command("help", "shadow", folder=place)
    assert run.code == 0
    assert "packshot" in run.out and "contact shadow" in run.out


def test_a_value_behind_its_name_is_its_value(place: Path) -> None:
    run = command(
        *["packshot", "photo.jpg", "--set", "fill", "0.8", "--set", "channel", "amazon", "--dry-run"], folder=place
    )
    assert run.code == 3, run.err
    assert "fill=0.8" in run.out and "channel=amazon" in run.out


@pytest.mark.parametrize(
    ("typed", "known", "found"),
    [
        ("undo", "studio", False),
        ("quit", "submit", False),
        ("update", "upscale", False),
        ("examples", "explore", False),
        ("fill", "filter", False),
        ("make", "smoke", False),
        ("pakshot", "packshot", True),
        ("modles", "models", True),
        ("chanl", "channel", True),
        ("cutout_biref", "cutout_birefnet", True),
    ],
)
def test_alike_is_a_slip_and_no_anagram(typed: str, known: str, found: bool) -> None:
    assert (alike(typed, [known]) == [known]) is found
    assert (alike(typed.upper(), [known]) == [known]) is found


def test_a_swap_is_one_slip() -> None:
    assert distance("modles", "models") == 1
    assert distance("", "abc") == 3
    assert distance("abc", "abc") == 0


@pytest.mark.parametrize("photo", [["--image", "photo.jpg"], ["--image=photo.jpg"], ["photo.jpg"]])
def test_a_photo_of_submit_can_be_rehearsed_however_it_is_named(place: Path, photo: list[str]) -> None:
    run = command("submit", "packshot", *photo, "--dry-run", folder=place)
    assert "1 job would run with packshot" in run.out, run.err


def test_a_dry_run_tells_photos_of_one_name_apart_and_says_for_which_shops(place: Path) -> None:
    for name in ("jar.jpg", "jar.png", "Jar.webp"):
        Image.new("RGB", (48, 40), "white").save(place / name)
    line = ["packshot", "jar.jpg", "jar.png", "Jar.webp", "--channels", "amazon,ebay", "--dry-run"]
    run = command(*line, folder=place)
    assert [text.partition("  <- ")[0] for text in run.out.splitlines()[:3]] == ["jar", "jar_2", "Jar_3"], run.out
    assert "3 jobs would run with packshot" in run.out and "each for amazon, ebay" in run.out
    plan = command(*line, "--json", folder=place).of("plan")[0]
    assert plan["channels"] == ["amazon", "ebay"]


def test_a_report_of_nothing_named_is_of_the_newest_batch(place: Path) -> None:
    for age, name in enumerate(("old", "new")):
        batch_folder(place / "outputs" / name, [Job("photo.jpg")])
        os.utime(place / "outputs" / name / LEDGER_FILE, (1e9 + age, 1e9 + age))
    assert hints(command("report", folder=place).err) == ["report outputs/new"]
    assert command("report", "outputs/new", folder=place).code == 0


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_several_choices_for_one_photo_are_refused_with_what_takes_them(place: Path, more: list[str]) -> None:
    """A dry run says of it what the run says."""
    run = command("packshot", "photo.jpg", "--set", "channel=Amazon,eBay", *more, folder=place)
    assert run.code == 2 and "`batch` takes them: --set channel=amazon,ebay." in run.err, run.err
    unknown = command("packshot", "photo.jpg", "--set", "channel=Amazon,nowhere", *more, folder=place)
    assert unknown.code == 2 and "`batch`" not in unknown.err, unknown.err
