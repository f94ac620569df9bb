"""One photo of a batch is refused: what helps is a command for this photo alone, which works as it was printed."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from runner.batch.alone import for_this_photo
from runner.batch.entries import Entry, JobState
from runner.batch.ledger import Ledger
from runner.batch.mended import mended
from runner.batch.order import BatchOrder
from runner.batch.plan import BatchJob
from runner.batch.setup import prepare
from runner.cli.alone import line_for
from runner.cli.words import parse
from runner.errors import EXIT_NODE_FAILED, EXIT_OK
from runner.invocation import spell
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run, command

ADVICE = (
    "What to try: a plain backdrop of another colour. Give a rough mask with the product in white: --set hint=FILE; or "
    "--set cutout=auto. To take the guess: --set cutout_confidence=0."
)


def busy(path: Path, seed: int) -> Path:
    """A product on a backdrop that nothing is certain of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(60, 200, (12, 12, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((192, 192), Image.Resampling.BICUBIC)
    ImageDraw.Draw(picture).ellipse((50, 60, 140, 150), fill=(150, 30, 40))
    picture.save(path)
    return path


def printed(run: Run, setting: str) -> list[list[str]]:
    """The commands that were printed with this setting, as a shell reads them, without the program."""
    begin = spell() + " "
    lines = [line.strip() for line in run.err.splitlines()]
    return [shlex.split(line[len(begin) :]) for line in lines if line.startswith(begin) and setting in line]


def entries(out: Path) -> dict[str, Entry]:
    ledger = Ledger(out)
    known = {entry.job.stem.as_posix(): entry for entry in ledger.entries()}
    ledger.close()
    return known


def test_what_is_printed_for_a_refused_photo_mends_it_in_its_place(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photos = tmp_path / "my photos"
    one, two = busy(photos / "shoes" / "a.png", 1), busy(photos / "b.png", 2)
    typed = ["cutout", str(photos), "--set", "cutout_confidence=1", "--out", str(desk.out), "--server", desk.url]
    first = command(*typed, folder=desk.out)
    assert first.code == EXIT_NODE_FAILED
    (with_mask,), (guess,) = printed(first, "hint="), printed(first, "cutout_confidence=0")  # said once, of the first
    assert "photo alone" in first.err
    named = Path(with_mask[2])
    assert named in (one, two) and Path(guess[2]) == named, "the photo's own path, not the folder's"
    other = two if named == one else one
    stem, rest = named.relative_to(photos).with_suffix("").as_posix(), other.relative_to(photos).with_suffix("")

    mask = Image.new("L", (192, 192))
    ImageDraw.Draw(mask).ellipse((50, 60, 140, 150), fill=255)
    mask.save(tmp_path / "mask.png")
    run = command(*(word.replace("hint=FILE", f"hint={tmp_path / 'mask.png'}") for word in with_mask), folder=desk.out)
    assert "cut out in another way now" in run.err
    made = entries(desk.out)
    assert set(made) == {stem, rest.as_posix()}, "no job more, and in its own folder"
    assert made[stem].job.images["hint"] == str(tmp_path / "mask.png")
    assert made[rest.as_posix()].state == JobState.FAILED and "hint" not in made[rest.as_posix()].job.images

    assert command(*guess, folder=desk.out).code == EXIT_NODE_FAILED, "the other one is still not cut out"
    assert entries(desk.out)[stem].state == JobState.DONE
    assert (desk.out / f"{stem}.png").is_file()
    again = command(*typed, "--json", folder=desk.out)
    assert not again.of("done") and len(again.of("failed")) == 1, "what was mended is done; the other is tried again"

    busy(named, 7)  # another photo under that name: what was said of the first does not hold for it
    assert "1 job is made again" in command(*typed, folder=desk.out).err
    last = entries(desk.out)[stem]
    assert last.state == JobState.FAILED
    assert last.job.values == {"cutout_confidence": "1"} and list(last.job.images) == ["image"]
    assert list((desk.out / ".prodgen" / "earlier").rglob(f"{named.stem}.png")), "what was made before is kept"


def test_the_guess_of_cutouts_is_taken_in_the_same_folder(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    one = busy(tmp_path / "photos" / "a.png", 3)
    typed = ["cutouts", str(one.parent), "--min-confidence", "1", "--out", str(desk.out), "--server", desk.url]
    first = command(*typed, folder=desk.out)
    assert first.code == EXIT_NODE_FAILED
    (guess,) = printed(first, "cutout_confidence=0")
    assert guess[:2] == ["cutouts", str(one)] and "--min-confidence" not in guess
    run = command(*guess, folder=desk.out)
    assert run.code == EXIT_OK, run.err
    assert len(entries(desk.out)) == 1
    again = command(*typed, folder=desk.out)
    assert again.code == EXIT_OK and "nothing to make" in again.err, again.err


def test_a_photo_that_failed_and_is_another_now_is_said_to_be(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photo = tmp_path / "photos" / "a.png"
    photo.parent.mkdir()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(photo)
    (tmp_path / "photos" / "b.png").write_bytes(b"no picture")
    typed = ["batch", "cutout", str(photo.parent), "--out", str(desk.out), "--server", desk.url]
    assert command(*typed, folder=desk.out).code == EXIT_NODE_FAILED
    same = command(*typed, folder=desk.out)
    assert "changed since" not in same.err and "2 failed jobs are tried again" in same.err
    busy(photo, 4)
    busy(photo.with_name("b.png"), 5)
    dry = command(*typed, "--dry-run", folder=desk.out)
    assert "2 jobs would be made again: a.png, b.png have changed since" in dry.err
    assert "2 jobs are made again: a.png, b.png have changed since" in command(*typed, folder=desk.out).err


def test_advice_becomes_commands_and_stays_what_it_is_elsewhere() -> None:
    job = BatchJob("", Path("a"), {}, {"image": "photos/a.jpg"})
    told = for_this_photo(ADVICE, job, lambda job, setting: f"prodgen {job.images['image']} --set {setting}")
    assert told.split("\n  ") == [
        "What to try: a plain backdrop of another colour.",
        "For this photo alone, give a rough mask with the product in white:",
        "  prodgen photos/a.jpg --set hint=FILE",
        "Or:",
        "  prodgen photos/a.jpg --set cutout=auto",
        "For this photo alone, to take the guess:",
        "  prodgen photos/a.jpg --set cutout_confidence=0",
    ]
    for advice in ("", "Try --set fill=0.8.", "a smaller --min-area."):
        assert for_this_photo(advice, job, lambda *_: "x") == advice
    assert for_this_photo(ADVICE, job, None) == ADVICE


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (
            ["packshot", "photos", "more", "--set", "channel=amazon,ebay", "--seed", "4", "--recipe", "b.yaml"],
            ["batch", "packshot", "--recipe", "b.yaml", "--set", "channel=ebay"],
        ),
        (
            ["batch", "packshot", "--images=photos", "--jobs", "t.csv", "--server=HOST:1", "--ray", "--dry-run"],
            ["batch", "packshot", "--server", "HOST:1", "--ray", "--set", "channel=ebay"],
        ),
        (
            ["recolor", "photos", "--to", "navy", "--to", "#7a1f2b", "--hint", "m.png", "--set", "hint=x.png"],
            ["recolor", "--to", "navy", "--to", "#7a1f2b"],
        ),
    ],
)
def test_the_line_for_one_photo_keeps_what_counts_for_it(
    typed: list[str], wanted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "more"):
        (tmp_path / name).mkdir()
    args = parse(typed)
    if args.command == "submit":
        from runner.cli.photo_words import as_batch

        (tmp_path / "b.yaml").write_text("fill: 0.8\n", encoding="utf-8")
        args = as_batch(args)
    photo = tmp_path / "photos" / "it is red.jpg"
    job = BatchJob("", Path("a"), {"channel": "ebay"}, {"image": str(photo)})
    line = line_for(args, Path("shop"), job, "hint=FILE")
    at = 2 if wanted[0] == "batch" else 1
    whole = [*wanted[:at], "photos/it is red.jpg", *wanted[at:], "--out", "shop", "--set", "hint=FILE"]
    assert shlex.split(line) == [*shlex.split(spell()), *whole]
    parse(whole)


def test_one_mask_for_many_photos_is_said(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "m.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)

    def notes(*photos: str) -> list[str]:
        order = BatchOrder(
            "packshot", tmp_path / "out", [str(tmp_path / name) for name in photos], set=[f"hint={tmp_path / 'm.png'}"]
        )
        return prepare(order).notes

    (said,) = notes("a.png", "b.png")
    assert "m.png says what is product in 2 photos" in said
    assert notes("a.png") == []


def test_which_jobs_are_the_same_in_another_cut_out(tmp_path: Path) -> None:
    def job(photo: str = "a", seed: int | None = None, **values: str) -> BatchJob:
        return BatchJob("", Path(photo), values, {"image": f"/{photo}.png"}, seed)

    ledger = Ledger(tmp_path)
    ledger.add([job(), job("b"), job("c", channel="amazon")])
    ledger.runners.beat()
    for _ in range(2):
        entry = ledger.claim()
        assert entry is not None
        if entry.title == "a.png":
            ledger.failed(entry.id, "no", 5)
        else:
            ledger.done(entry.id, "b.json", ["b.png"], (), {})
    known = ledger.entries()
    ledger.close()

    def found(*jobs: BatchJob, least: float | None = 0.5, once: bool = False) -> tuple[set[str], set[str]]:
        got = mended(jobs, known, (), least, once=once)
        titles = {entry.id: entry.title for entry in known}
        return {titles[one] for one in got.instead}, {titles[one] for one in got.answered}

    assert found(job(cutout_confidence="0")) == ({"a.png"}, set())
    assert found(job(cutout_confidence="0"), job()) == (set(), set()), "both are asked for"
    assert found(job(channel="amazon")) == (set(), set()), "something else is asked for"
    assert found(job("b", cutout_confidence="0")) == (set(), {"b.png"}), "it was sure enough before"
    assert found(job("b", cutout_confidence="0.9")) == (set(), set())
    assert found(job("b", cutout_confidence="0.9"), once=True) == ({"b.png"}, set())
    assert found(job("b", cutout_confidence="0"), least=None) == (set(), set())
    assert found(job("c", channel="amazon", hint="m.png")) == ({"c.png"}, set())
    assert found(job("c", channel="ebay", hint="m.png")) == (set(), set())
    assert found(job(seed=3, cutout_confidence="0")) == (set(), set())
