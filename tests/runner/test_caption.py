"""`caption`: one caption a photo, names kept, by a real server; a page to edit them; what was there is kept."""

from __future__ import annotations

import contextlib
import csv
import html
import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.batch.beside import Beside
from runner.batch.ledger import Ledger
from runner.batch.plan import BatchJob
from runner.captions.collect import Wanted, collect, latest_about
from runner.captions.dataset import LARGEST, Pair, problems
from runner.captions.review import apply_review, write_review
from runner.errors import EXIT_OK, EXIT_USAGE, UsageError
from tests.imaging.sightings import Drawn, sight
from tests.runner.test_filter import save
from tests.runner.test_persona import FakeEndpoint, endpoint  # noqa: F401 - a fixture
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run, command

HOSTILE = '</textarea><script>alert(1)</script> "quoted" & <b>'


def caption(desk: Desk, *more: str | Path) -> Run:
    given = ["caption", "--images", str(desk.folder / "photos"), "--server", desk.url, "--out", str(desk.out)]
    return command(*given, *map(str, more), folder=desk.out)


@pytest.fixture
def desk(comfy_server: ComfyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.delenv("PRODGEN_LLM_URL", raising=False)
    made = Desk(tmp_path, comfy_server.url)
    save(sight((Drawn("bag", 0),), 1, 128), tmp_path / "photos" / "left" / "one.png")
    save(sight((Drawn("bag", 0),), 2, 128), tmp_path / "photos" / "two.jpg")
    save(sight((Drawn("bag", 0),), 3, 128), tmp_path / "photos" / "three.png")
    (tmp_path / "photos" / "three.txt").write_text("my own words", encoding="utf-8")
    yield made


def test_photos_are_captioned_beside_copies(desk: Desk) -> None:
    run = caption(desk, "--tag", "ohwx-bag", "--class", "handbag", "--review")
    assert run.code == EXIT_OK, run.err
    for place in ("left/one.png", "two.jpg", "three.png"):
        assert (desk.out / place).read_bytes() == (desk.folder / "photos" / place).read_bytes()
    first = (desk.out / "left" / "one.txt").read_text(encoding="utf-8")
    assert first.startswith("ohwx-bag, handbag, ") and "backdrop" in first and first.count("\n") == 1
    assert (desk.out / "three.txt").read_text(encoding="utf-8") == "my own words"
    assert "three.png does not name the tag" in run.err and "3 of 3 photos have a caption (1 kept)" in run.err
    with (desk.out / "captions.csv").open(encoding="utf-8", newline="") as stream:
        rows = {Path(row["photo"]).name: row for row in csv.DictReader(stream)}
    assert rows["one.png"]["source"] == "rules" and 5 < int(rows["one.png"]["tokens"]) < 75
    assert rows["three.png"]["source"] == "kept"
    # Looked over on the page, and what it saved written back.
    page = Path(run.out.strip().splitlines()[-1])
    text = page.read_text(encoding="utf-8")
    assert text.count("<textarea") == 3 and 'data-file="left/one.txt"' in text
    saved = desk.folder / "captions.json"
    saved.write_text(json.dumps({"prodgen_captions": {"left/one.txt": "ohwx-bag, handbag,\nedited"}}), encoding="utf-8")
    applied = command("caption", "--apply", str(saved), "--out", str(desk.out), folder=desk.out)
    assert applied.code == EXIT_OK and "1 captions changed" in applied.err
    assert (desk.out / "left" / "one.txt").read_text(encoding="utf-8") == "ohwx-bag, handbag, edited\n"
    # It stays edited, and nothing is made twice.
    again = caption(desk, "--tag", "ohwx-bag", "--class", "handbag", "--resume")
    assert again.code == EXIT_OK
    assert (desk.out / "left" / "one.txt").read_text(encoding="utf-8") == "ohwx-bag, handbag, edited\n"


def test_in_place_keeps_what_is_there_unless_again(desk: Desk) -> None:
    photos = desk.folder / "photos"
    run = caption(desk, "--tag", "bag", "--class", "handbag", "--in-place")
    assert run.code == EXIT_OK, run.err
    assert (photos / "two.txt").read_text(encoding="utf-8").startswith("bag, handbag, ")
    assert (photos / "three.txt").read_text(encoding="utf-8") == "my own words"
    assert not (desk.out / "two.jpg").exists()
    assert "'bag' is a word that models know" in run.err
    assert command(*_again(desk), folder=desk.out).code == EXIT_OK
    assert (photos / "three.txt").read_text(encoding="utf-8").startswith("ohwx-bag, handbag, ")


def test_in_place_one_folder_after_the_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --out: the second folder's captions went where the first one's batch was kept, under its tag."""
    monkeypatch.chdir(desk.folder)
    save(sight((Drawn("mug", 6),), 4, 128), desk.folder / "mugs" / "mug.png")
    for photos, tag in (("photos", "ohwx-bag"), ("mugs", "ohwx-mug")):
        given = ["caption", photos, "--tag", tag, "--class", "thing", "--in-place", "--server", desk.url]
        run = command(*given, folder=desk.folder)
        assert run.code == EXIT_OK, run.err
        assert "already" not in run.err
    assert (desk.folder / "photos" / "two.txt").read_text(encoding="utf-8").startswith("ohwx-bag, thing")
    mug = desk.folder / "mugs" / "mug.txt"
    assert mug.read_text(encoding="utf-8").startswith("ohwx-mug, thing")
    mug.write_text("mine", encoding="utf-8")
    run = command(*given, "--again", folder=desk.folder)
    assert run.code == EXIT_OK, run.err
    assert mug.read_text(encoding="utf-8").startswith("ohwx-mug, thing")


def _again(desk: Desk) -> list[str]:
    out = str(desk.folder / "second")
    given = ["caption", "--images", str(desk.folder / "photos"), "--server", desk.url, "--out", out, "--in-place"]
    return [*given, "--again", "--tag", "ohwx-bag", "--class", "handbag"]


def test_where_every_photo_has_a_caption_no_server_is_needed(tmp_path: Path) -> None:
    save(sight((Drawn("bag", 0),), 1, 64), tmp_path / "photos" / "one.png")
    (tmp_path / "photos" / "one.txt").write_text("ohwx, bag", encoding="utf-8")
    given = ["caption", "--images", str(tmp_path / "photos"), "--out", str(tmp_path / "out"), "--review"]
    run = command(*given, "--server", "http://127.0.0.1:9", folder=tmp_path)
    assert run.code == EXIT_OK, run.err
    assert (tmp_path / "out" / "one.txt").is_file() and (tmp_path / "out" / "review.html").is_file()


def test_notepads_mark_is_no_letter_and_what_is_no_text_is_said_of_its_photo(tmp_path: Path) -> None:
    for number, name in enumerate(("marked", "latin")):
        save(sight((Drawn("bag", 0),), number, 64), tmp_path / "photos" / f"{name}.png")
    (tmp_path / "photos" / "marked.txt").write_text("ohwx, bag, red", encoding="utf-8-sig")
    (tmp_path / "photos" / "latin.txt").write_text("ohwx, bag, grün", encoding="latin-1")
    given = ["caption", "--images", str(tmp_path / "photos"), "--out", str(tmp_path / "out"), "--tag", "ohwx"]
    run = command(*given, "--class", "bag", "--server", "http://127.0.0.1:9", folder=tmp_path)
    assert run.code == EXIT_USAGE, run.err
    assert "latin.png has a caption that was not read" in run.err and "no UTF-8 text" in run.err
    assert "marked.png" not in run.err
    assert (tmp_path / "out" / "marked.txt").read_bytes() == b"ohwx, bag, red\n"


def test_problems_of_captions_are_told(tmp_path: Path) -> None:
    texts = {"a": "ohwx, bag, red", "b": "ohwx, bag, red", "c": "", "d": "ohwx " + "word " * 90, "e": "a bag"}
    pairs = []
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
        pairs.append(Pair(tmp_path / f"{name}.png", tmp_path / f"{name}.txt"))
    pairs.append(Pair(tmp_path / "f.png", tmp_path / "f.txt"))
    said = {photo.stem: " ".join(words) for photo, words in problems(pairs, "ohwx").items()}
    assert "same caption as b.png" in said["a"] and "same caption as a.png" in said["b"]
    assert said["c"] == said["f"] == "has no caption"
    assert "75" in said["d"] and "does not name the tag" in said["e"]


@pytest.mark.parametrize("in_place", [False, True])
def test_what_is_applied_is_checked_and_listed_anew(tmp_path: Path, in_place: bool) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for name in ("a", "b", "c"):
        save(sight((Drawn("bag", 0),), 1, 64), photos / f"{name}.png")
        (photos / f"{name}.txt").write_text(f"ohwx-bag, bag, {name}", encoding="utf-8")
    where = ["--in-place"] if in_place else []
    made = ["caption", str(photos), "--tag", "ohwx-bag", "--out", str(out), *where, "--review"]
    assert command(*made, "--server", NOWHERE, folder=tmp_path).code == EXIT_OK
    page = (out / "review.html").read_text(encoding="utf-8")
    assert 'data-tag="ohwx-bag"' in page
    saved = tmp_path / "captions.json"
    words = {"prodgen_captions": {"a.txt": "", "b.txt": "only a bag"}, "tag": "ohwx-bag"}
    saved.write_text(json.dumps(words), encoding="utf-8")
    typed = html.unescape(page.partition('data-how="')[2].partition('"')[0]).replace("captions.json", str(saved))
    run = command("caption", *shlex.split(typed.partition(" caption ")[2]), folder=tmp_path)
    assert run.code == EXIT_OK, run.err
    assert "a.png has no caption" in run.err and "b.png does not name the tag ohwx-bag" in run.err
    assert "2 captions changed" in run.err
    with (out / "captions.csv").open(encoding="utf-8", newline="") as stream:
        rows = {Path(row["photo"]).name: row for row in csv.DictReader(stream)}
    assert rows["a.png"]["problems"] == "has no caption" and rows["b.png"]["caption"] == "only a bag"
    assert rows["c.png"]["caption"] == "ohwx-bag, bag, c" and len(rows) == 3
    assert "only a bag" in (out / "review.html").read_text(encoding="utf-8")
    assert not (out / "captions_2.csv").exists()
    assert latest_about(photos, [tmp_path / "none", out]) == (out if in_place else None)


@pytest.mark.parametrize("tag", ["x,bag", "ohwx bag", "", "x", "a|b", "a{b}"])
def test_a_tag_that_is_no_word_is_refused_before_anything_runs(tmp_path: Path, tag: str) -> None:
    save(sight((Drawn("bag", 0),), 1, 64), tmp_path / "one.png")
    given = ["caption", str(tmp_path), "--class", "handbag", "--out", str(tmp_path / "out"), "--dry-run"]
    run = command(*given, "--server", NOWHERE, "--tag", tag, folder=tmp_path)
    assert run.code == EXIT_USAGE and "--tag" in run.err and not (tmp_path / "out").exists()


def test_a_tag_that_is_a_common_word_is_told_before_anything_runs(tmp_path: Path) -> None:
    save(sight((Drawn("bag", 0),), 1, 64), tmp_path / "one.png")
    given = ["caption", str(tmp_path), "--class", "handbag", "--out", str(tmp_path / "out"), "--dry-run"]
    run = command(*given, "--server", NOWHERE, "--tag", "bag", folder=tmp_path)
    assert run.err.count("'bag' is a word that models know") == 1


def test_a_hostile_caption_is_text_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(HOSTILE, encoding="utf-8")
    with Beside(tmp_path, print) as beside:
        write_review(beside, tmp_path, [Pair(tmp_path / "a.png", tmp_path / "a.txt")], {})
    page = (tmp_path / "review.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page and page.count("</textarea>") == 1


@pytest.mark.parametrize(
    "name", ["../a.txt", "/etc/passwd", "a.png", "sub/../../a.txt", "nothing.txt", "a.txt\0", "C:\\a.txt", "link.txt"]
)
def test_a_saved_file_changes_captions_of_this_folder_only(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (tmp_path / "a.txt").write_text("outside", encoding="utf-8")
    for stem in ("a", "link"):
        (folder / f"{stem}.png").write_bytes(b"photo")
    (folder / "a.txt").write_text("before", encoding="utf-8")
    (folder / "link.txt").symlink_to(tmp_path / "a.txt")
    saved = tmp_path / "captions.json"
    saved.write_text(json.dumps({"prodgen_captions": {name: "changed", "a.txt": "after"}}), encoding="utf-8")
    assert apply_review(saved, folder, lambda _: None) == (1, 1)
    assert (folder / "a.txt").read_text(encoding="utf-8") == "after\n"
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "outside"
    assert (folder / "a.png").read_bytes() == b"photo"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"prodgen_captions": 3}', '{"prodgen_captions": {"x.txt": "y"}}'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    saved = tmp_path / "captions.json"
    saved.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        apply_review(saved, tmp_path, lambda _: None)


def test_what_is_missing_is_said(desk: Desk) -> None:
    assert caption(desk).code == EXIT_USAGE
    assert command("caption", "--tag", "x", folder=desk.out).code == EXIT_USAGE
    assert command("caption", "--apply", str(desk.folder / "none.json"), folder=desk.out).code == EXIT_USAGE


def test_a_language_model_of_ones_own_is_asked_once_a_photo(
    desk: Desk,
    endpoint: FakeEndpoint,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint.content = "The image shows a handbag hanging from a hook, soft light."
    monkeypatch.setenv("PRODGEN_LLM_URL", endpoint.url)
    run = caption(desk, "--tag", "ohwx-bag", "--class", "handbag")
    assert run.code == EXIT_OK, run.err
    for name in ("two", "left/one"):
        said = (desk.out / f"{name}.txt").read_text(encoding="utf-8")
        assert said == "ohwx-bag, handbag, hanging from a hook, soft light\n"
    assert len(endpoint.seen) == 2 and "fewer than 40 words" in str(endpoint.seen[0][2])
    assert "has the same caption as " in run.err


# a folder of photos, or of results, that comes from somebody


NOWHERE = "http://127.0.0.1:9"


def kept(folder: Path, *more: str) -> Run:
    """Captions of a folder where every photo has one: no server is asked."""
    given = ["caption", "--images", str(folder / "photos"), "--out", str(folder / "out"), "--server", NOWHERE, *more]
    return command(*given, "--review", folder=folder / "out")


@pytest.fixture
def received(tmp_path: Path) -> Path:
    save(sight((Drawn("bag", 0),), 1, 48), tmp_path / "photos" / "a.png")
    save(sight((Drawn("bag", 0),), 2, 48), tmp_path / "photos" / "sub" / "b.jpg")
    (tmp_path / "photos" / "sub" / "b.txt").write_text("ohwx, bag", encoding="utf-8")
    (tmp_path / "private").write_text("TOPSECRET", encoding="utf-8")
    return tmp_path


def sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(LARGEST + 1)


@pytest.mark.skipif(os.name != "posix", reason="pipes, devices and free links are a matter of POSIX")
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.symlink_to("../private"), "link"),
        (lambda path: path.symlink_to(path.parent.parent / "private"), "link"),
        (lambda path: path.symlink_to("/dev/zero"), "link"),
        (lambda path: path.symlink_to("../none"), "link"),
        (lambda path: path.symlink_to("../photos/../private"), "link"),
        (os.mkfifo, "pipe"),
        (sparse, "larger"),
        (Path.mkdir, "directory"),
    ],
    ids=["link", "absolute", "device", "to nothing", "roundabout", "pipe", "large", "folder"],
)
def test_only_a_small_file_of_the_photos_folder_is_a_caption(
    received: Path, make: Callable[[Path], Any], why: str, in_place: bool
) -> None:
    make(received / "photos" / "a.txt")
    run = kept(received, *(["--in-place"] if in_place else []))
    assert run.code == EXIT_USAGE and "Traceback" not in run.err
    assert "a.png has a caption that was not read" in run.err and why in run.err.lower()
    assert "1 of 2 photos have a caption" in run.err
    with (received / "out" / "captions.csv").open(encoding="utf-8", newline="") as stream:
        rows = {Path(row["photo"]).name: row for row in csv.DictReader(stream)}
    assert rows["a.png"]["caption"] == "" and why in rows["a.png"]["problems"].lower()
    assert rows["b.jpg"]["caption"] == "ohwx, bag" and rows["b.jpg"]["problems"] == ""
    written = [path for path in (received / "out").rglob("*") if path.is_file()]
    assert not any(b"TOPSECRET" in path.read_bytes() for path in written)
    assert (received / "out" / "a.txt").exists() is False
    assert (received / "private").read_text(encoding="utf-8") == "TOPSECRET"


def test_a_link_within_the_folder_and_a_large_enough_caption_are_captions(received: Path) -> None:
    folder = received / "photos" / "sub"
    save(sight((Drawn("bag", 0),), 3, 48), folder / "c.png")
    (folder / "c.txt").symlink_to("b.txt")
    (received / "photos" / "a.txt").write_bytes(b"ohwx, " + b"x" * (LARGEST - 6))
    run = kept(received)
    assert run.code == EXIT_OK, run.err
    assert (received / "out" / "sub" / "c.txt").read_text(encoding="utf-8") == "ohwx, bag"
    assert (received / "out" / "a.txt").stat().st_size == LARGEST


@pytest.mark.parametrize("is_listed", [False, True])
def test_captions_go_through_no_link_out_of_the_folder_of_results(received: Path, is_listed: bool) -> None:
    (received / "photos" / "a.txt").write_text("ohwx", encoding="utf-8")
    home, out = received / "home", received / "out"
    home.mkdir()
    for name in ("b.jpg", "b.txt"):
        (home / name).write_text("MY OWN", encoding="utf-8")
    (out / ".prodgen").mkdir(parents=True)
    (out / "sub").symlink_to("../home")
    if is_listed:
        (out / ".prodgen" / "beside.txt").write_text("sub/b.jpg\nsub/b.txt", encoding="utf-8")
    run = kept(received)
    assert run.code == EXIT_USAGE and "a link leads it out" in run.err and "sub/b.jpg" in run.err
    assert {path.name: path.read_text(encoding="utf-8") for path in home.iterdir()} == dict.fromkeys(
        ("b.jpg", "b.txt"), "MY OWN"
    )
    assert not any("MY OWN" in (out / name).read_text(encoding="utf-8") for name in ("captions.csv", "review.html"))
    assert (out / "a.txt").read_text(encoding="utf-8") == "ohwx"


def test_what_is_not_ours_is_not_replaced(received: Path) -> None:
    (received / "photos" / "a.txt").write_text("ohwx", encoding="utf-8")
    out = received / "out"
    out.mkdir()
    for name in ("review.html", "captions.csv", "captions.json", "a.txt", "a.png"):
        (out / name).write_text("MY OWN", encoding="utf-8")
    for _ in range(2):
        run = kept(received)
        assert run.code == EXIT_OK, run.err
        assert run.out.strip() == str(out / "review_2.html")
    for name in ("review.html", "captions.csv", "captions.json", "a.txt", "a.png"):
        assert (out / name).read_text(encoding="utf-8") == "MY OWN"
    names = {path.relative_to(out).as_posix() for path in out.rglob("*_*")}
    assert names == {"review_2.html", "captions_2.csv", "a_2.txt", "a_2.png"}


# what cannot be delivered, or is no caption


def blocked(caption: Path) -> None:
    """Nothing can be written there, whoever one is."""
    (caption.parent / f"{caption.name}.part" / "x").mkdir(parents=True)


def test_a_caption_that_cannot_be_put_beside_its_photo_is_not_one(tmp_path: Path) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    out.mkdir()
    photos.mkdir()
    jobs = [BatchJob("", Path(name), {}, {"image": str(photos / f"{name}.png")}) for name in "ab"]
    with contextlib.closing(Ledger(out)) as ledger:
        ledger.add(jobs)
        for name in "ab":
            (out / f"{name}.txt").write_text(f"ohwx, new {name}", encoding="utf-8")
            (photos / f"{name}.txt").write_text("stale", encoding="utf-8")
            entry = ledger.claim()
            assert entry is not None
            ledger.done(entry.id, f"{name}.json", [f"{name}.txt"], (), {})
        ledger.leave()
    blocked(photos / "a.txt")
    told: list[str] = []
    named = [photos / f"{name}.png" for name in "ab"]
    with Beside(out, told.append) as beside:
        pairs, faults, _ = collect(Wanted(out, in_place=True, again=True, tag="", photos=named), beside, told.append)
    assert [pair.text for pair in pairs] == [None, "ohwx, new b"]
    assert [bool(pair.fault) for pair in pairs] == [True, False]
    assert "could not be written" in " ".join(faults[photos / "a.png"]) and str(photos / "a.txt") in told[0]


def test_nothing_is_put_beside_a_photo_that_was_not_named(tmp_path: Path) -> None:
    """The ledger may be somebody's: it can name any file there is."""
    out, photos, home = tmp_path / "out", tmp_path / "photos", tmp_path / "home"
    for folder in (out, photos, home):
        folder.mkdir()
    named = [photos / "a.png"]
    with contextlib.closing(Ledger(out)) as ledger:
        ledger.add(
            [BatchJob("", Path(name), {}, {"image": str(file)}) for name, file in (("a", named[0]), ("b", home / "b"))]
        )
        for name in "ab":
            (out / f"{name}.txt").write_text(f"ohwx, {name}", encoding="utf-8")
            entry = ledger.claim()
            assert entry is not None
            ledger.done(entry.id, f"{name}.json", [f"{name}.txt"], (), {})
        ledger.leave()
    with Beside(out, print, named) as beside:
        pairs = collect(Wanted(out, in_place=True, again=True, tag="", photos=named), beside, print).pairs
    assert [pair.photo for pair in pairs] == named and (photos / "a.txt").is_file()
    assert not list(home.iterdir())


def test_a_caption_that_is_not_made_yet_is_read_through_no_link(tmp_path: Path) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    home.mkdir()
    (home / "a.txt").write_text("TOPSECRET", encoding="utf-8")
    with contextlib.closing(Ledger(out)) as ledger:
        ledger.add([BatchJob("", Path(name), {}, {"image": f"/p/{name}.png"}) for name in ("sub/a", "b")])
        ledger.leave()
    (out / "sub").symlink_to("../home")
    named = [Path("/p/sub/a.png"), Path("/p/b.png")]
    with Beside(out, print, named) as beside:
        captions = collect(Wanted(out, in_place=False, again=False, tag="", photos=named), beside, print)
        page = write_review(beside, out, captions.pairs, captions.faults)
    assert [pair.text for pair in captions.pairs] == [None, None]
    assert [bool(pair.fault) for pair in captions.pairs] == [True, False]
    for path in (captions.table, page):
        assert path is not None and "TOPSECRET" not in path.read_text(encoding="utf-8")


def test_what_could_not_be_put_beside_its_photo_is_named_and_put_there_later(desk: Desk) -> None:
    photos = desk.folder / "photos"
    blocked(photos / "two.txt")
    given = ("--tag", "ohwx-bag", "--class", "handbag", "--in-place")
    run = caption(desk, *given)
    assert run.code == EXIT_USAGE and f"{photos / 'two.txt'} could not be written" in run.err
    assert "2 of 3 photos have a caption" in run.err and "two.jpg has a caption that could not" in run.err
    shutil.rmtree(photos / "two.txt.part")
    again = caption(desk, *given, "--resume")
    assert again.code == EXIT_OK and "3 of 3 photos have a caption" in again.err
    assert (photos / "two.txt").read_text(encoding="utf-8").startswith("ohwx-bag, handbag, ")


def saved_by_the_page(folder: Path, captions: dict[str, object]) -> Run:
    saved = folder / "captions.json"
    saved.write_text(json.dumps({"prodgen_captions": captions}), encoding="utf-8")
    return command("caption", "--apply", str(saved), "--out", str(folder / "photos"), folder=folder)


@pytest.mark.parametrize("wrong", [["x"], None, 3, 1.5, True, {"x": "y"}])
def test_what_is_no_text_is_left_out_by_name_and_the_rest_is_applied(received: Path, wrong: object) -> None:
    caption = received / "photos" / "a.txt"
    caption.write_text("before", encoding="utf-8")
    run = saved_by_the_page(received, {"a.txt": wrong, "sub/b.txt": "after"})
    assert run.code == EXIT_USAGE and "'a.txt'" in run.err and "no text" in run.err and "1 captions changed" in run.err
    assert caption.read_text(encoding="utf-8") == "before"
    assert (received / "photos" / "sub" / "b.txt").read_text(encoding="utf-8") == "after\n"


@pytest.mark.parametrize("half", ["\ud83d", "\udc5c", "\udc5c\ud83d"])
def test_half_an_emoji_holds_no_caption_up(received: Path, half: str) -> None:
    run = saved_by_the_page(received, {"a.txt": f"bag {half}", "sub/b.txt": "after", f"{half}.txt": "x"})
    assert run.code == EXIT_USAGE and "Traceback" not in run.err and "2 captions changed" in run.err
    assert (received / "photos" / "a.txt").read_text(encoding="utf-8") == f"bag {chr(0xFFFD) * len(half)}\n"
    assert (received / "photos" / "sub" / "b.txt").read_text(encoding="utf-8") == "after\n"


def test_a_caption_that_cannot_be_written_back_is_named_and_the_rest_is_applied(received: Path) -> None:
    blocked(received / "photos" / "a.txt")
    run = saved_by_the_page(received, {"a.txt": "new", "sub/b.txt": "after"})
    assert run.code == EXIT_USAGE and "'a.txt' could not be written" in run.err and "1 captions changed" in run.err
    assert (received / "photos" / "sub" / "b.txt").read_text(encoding="utf-8") == "after\n"


@pytest.mark.parametrize("name", ["caption", "filter", "enhance", "cutouts"])
def test_a_folder_of_results_is_not_standard_output(received: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(received)
    for out in (["--out", "-"], ["--out=-"]):
        run = command(name, "photos", "--server", NOWHERE, *out, folder=received)
        assert run.code == EXIT_USAGE and "submit" in run.err and not (received / "-").exists()
