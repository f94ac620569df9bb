"""`caption`: one caption a photo, names kept, by a real server; a page to edit them; what was there is kept."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.captions.dataset import Pair, problems
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


def test_problems_of_captions_are_told(tmp_path: Path) -> None:
    texts = {"a": "ohwx, bag, red", "b": "ohwx, bag, red", "c": "", "d": "ohwx " + "word " * 90, "e": "a bag"}
    pairs = []
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
        pairs.append(Pair(tmp_path / f"{name}.png", tmp_path / f"{name}.txt"))
    pairs.append(Pair(tmp_path / "f.png", tmp_path / "f.txt"))
    said = {photo.stem: " ".join(words) for photo, words in problems(pairs, "ohwx").items()}
    assert "same caption as 1 other" in said["a"] and "same" in said["b"]
    assert said["c"] == said["f"] == "has no caption"
    assert "75" in said["d"] and "does not name the tag" in said["e"]


def test_a_hostile_caption_is_text_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(HOSTILE, encoding="utf-8")
    write_review(tmp_path / "review.html", tmp_path, [Pair(tmp_path / "a.png", tmp_path / "a.txt")], {})
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
    assert apply_review(saved, folder, lambda _: None) == 1
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
    assert "has the same caption as 1 other" in run.err
