"""Bad photos of a batch: one never stops the rest, all are told at once, and none is left out unsaid."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.batch.order import BatchOrder
from runner.batch.photo_folder import found, photos
from runner.batch.setup import photographed
from runner.errors import EXIT_BUG, EXIT_OK, EXIT_USAGE, UsageError, worst_code
from tests.runner.test_batch import batch, folder_of_photos, results
from tests.support.comfy import ComfyServer
from tests.support.hostile import HostileComfy
from tests.support.runs import Desk, Graph, copying, inverting, node
from tests.support.spaces import kept_to_the_contract


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_circle(path: Path) -> None:
    path.symlink_to(path)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: None, "there is no"),
    "empty": (lambda path: path.touch(), "empty"),
    "cut off": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0 not really"), "cut off"),
    "a text": (lambda path: path.write_text("hello"), "not a picture"),
    "a folder": (lambda path: path.mkdir(), "folder"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "link to nothing"),
    "a circle of links": (a_circle, "cannot be read"),
    "a pipe": (a_pipe, "pipe"),
}


def masked() -> Graph:
    graph = inverting()
    graph["5"] = node("LoadImage", "input: mask = image", image="none.png")
    graph["4"] = node("ImageCompositeMasked", destination=["2", 0], source=["5", 0], x=0, y=0, resize_source=False)
    graph["3"]["inputs"]["images"] = ["4", 0]
    return graph


@pytest.mark.parametrize("kind", ["csv", "yaml", "jsonl"])
def test_bad_photos_of_a_table_are_told_at_once_and_the_others_made(
    comfy_server: ComfyServer, tmp_path: Path, kind: str
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    good = folder_of_photos(desk, "good 1.png", "good 2.png")
    names = ["good 1.png", *(f"bad {number}.png" for number in range(len(BAD))), "good 2.png"]
    for number, (make, _) in enumerate(BAD.values()):
        make(good / f"bad {number}.png")
    table = good / f"jobs.{kind}"
    rows = [{"image": name} for name in names]
    table.write_text(
        "\n".join(["image", *names])
        if kind == "csv"
        else json.dumps(rows)
        if kind == "yaml"
        else "\n".join(map(json.dumps, rows))
    )
    run = batch(desk, inverting(), "--jobs", table)
    assert run.code == EXIT_USAGE, run.err
    assert results(desk.out) == ["good 1.png", "good 2.png"]
    assert f"2 of {len(names)} jobs done, {len(BAD)} failed" in run.err
    said, _, later = run.err.partition("the rest is made:")
    assert "4 of" in said or "5 of" in said, said  # those that need not be opened to be known, before anything is sent
    for number, (_, expected) in enumerate(BAD.values()):
        told = next(line for line in later.splitlines() if f"bad {number}" in line and "failed: " in line)
        assert expected in later, told
    for number in range(len(BAD)):
        bad = good / f"bad {number}.png"
        shutil.rmtree(bad) if bad.is_dir() else bad.unlink(missing_ok=True)
        shutil.copy(good / "good 1.png", bad)
    again = batch(desk, inverting(), "--jobs", table, "--resume")
    assert again.code == EXIT_OK, again.err
    assert len(results(desk.out)) == len(names)


@pytest.mark.parametrize("what", ["nothing", "a link to nothing", "a circle of links", "a pipe", "empty"])
def test_what_is_called_like_a_photo_is_never_left_out_of_a_folder_unsaid(
    comfy_server: ComfyServer, tmp_path: Path, what: str
) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    folder = folder_of_photos(desk, "good.png", "deep/good.png")
    BAD[what][0](folder / "deep" / "bad.png")
    run = batch(desk, inverting(), "--images", folder)
    assert results(desk.out) == ["deep/good.png", "good.png"]
    assert run.code == (EXIT_OK if what == "nothing" else EXIT_USAGE), run.err
    assert ("1 failed" in run.err) == (what != "nothing")


def test_a_mask_that_is_nowhere_fails_its_own_job(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    folder = folder_of_photos(desk, "a.png", "b.png", "mask.png")
    table = folder / "jobs.csv"
    table.write_text("image,mask\na.png,mask.png\nb.png,gone.png\n")
    run = batch(desk, masked(), "--jobs", table)
    assert run.code == EXIT_USAGE, run.err
    assert results(desk.out) == ["a.png"]
    assert "gone.png" in run.err
    assert "1 of 2 jobs done, 1 failed" in run.err


def test_where_no_photo_is_there_nothing_starts(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9")
    table = tmp_path / "jobs.csv"
    table.write_text("image\na.png\nb.png\n")
    run = batch(desk, inverting(), "--jobs", table)
    assert run.code == EXIT_USAGE
    assert "a.png" in run.err and "b.png" in run.err and "nothing was submitted" in run.err
    assert not desk.out.exists()


BROKEN = {
    "csv": ("image,name\nphoto.png,a,b,c\ngone.png,x\nphoto.png,d,e\n", ["line 2", "line 4", "gone.png"]),
    "jsonl": (
        '{"image": "gone.png"}\n{no\n[1]\n{"image": ["photo.png"]}\n',
        ["line 2", "line 3", "line 4", "gone.png"],
    ),
    "yaml": (
        "- 7\n- {image: gone.png}\n- [1]\n- {image: photo.png, count: x}\n",
        ["job 1", "job 3", "job 4", "gone.png"],
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_every_malformed_line_is_told_at_once_and_nothing_is_submitted(tmp_path: Path, kind: str) -> None:
    desk = Desk(tmp_path, "http://127.0.0.1:9")
    desk.photo()
    text, expected = BROKEN[kind]
    table = tmp_path / f"jobs.{kind}"
    table.write_text(text)
    run = batch(desk, inverting(), "--jobs", table)
    assert run.code == EXIT_USAGE
    for part in expected:
        assert part in run.err
    assert not desk.out.exists()


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(["photo.png", "gone.png", "a\0b.png", "\ud800.png", "~nobody/x.png", "x" * 300]), min_size=1
    )
)
def test_whatever_photos_a_table_names_the_good_ones_are_made(
    obliging: HostileComfy, tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    """`photo.png` in them is made, once; names that no file can have are a mistake of the table."""
    obliging.forget()
    desk = Desk(tmp_path_factory.mktemp("names"), obliging.url)
    desk.photo()
    table = desk.folder / "jobs.jsonl"
    table.write_text("\n".join(json.dumps({"image": name}) for name in names))
    run = batch(desk, copying(), "--jobs", table, "--timeout", "60")
    kept_to_the_contract(run, EXIT_OK, EXIT_USAGE)
    malformed = any("\0" in name or "\ud800" in name for name in names)
    assert results(desk.out) == (["photo.png"] if "photo.png" in names and not malformed else [])
    assert (run.code == EXIT_OK) == (set(names) == {"photo.png"})


def test_the_worst_code_speaks_for_all() -> None:
    assert worst_code([]) == EXIT_OK
    assert worst_code([2, 5, 2]) == 5
    assert worst_code([5, 3]) == 3
    assert worst_code([7, 2]) == 2
    assert worst_code([4, 99]) == worst_code([5, None]) == EXIT_BUG


@pytest.mark.parametrize("takes_results", [False, True])
def test_what_was_made_here_is_asked_about_too_where_that_is_the_question(tmp_path: Path, takes_results: bool) -> None:
    """`check photo.jpg a_result.jpg b.jpg` left the result out; of `packshot *.jpg` it is no photo."""
    for name in ("a_result.jpg", "b.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "a_result.json").write_text(json.dumps({"files": [{"file": "a_result.jpg"}]}))
    named = [str(tmp_path / name) for name in ("a_result.jpg", "b.jpg")]
    left_out: list[str] = []
    taken = photographed(BatchOrder("check", tmp_path / "out", named, takes_results=takes_results), left_out)
    assert [path.name for path, _ in taken] == (["a_result.jpg", "b.jpg"] if takes_results else ["b.jpg"])
    said = "Left out: 1 picture made here before; one that is named by itself is taken (a_result.jpg)."
    assert left_out == ([] if takes_results else [said])


@pytest.mark.parametrize("where", ["photos", "photos/**/*.png", "photos/*/*.png"])
def test_a_link_to_a_folder_elsewhere_is_left_out_and_said(tmp_path: Path, where: str) -> None:
    for name in ("photos/in", "private/deep"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), "red").save(tmp_path / name / "one.png")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "secret.png")
    (tmp_path / "photos/again").symlink_to("in")  # inside: each picture once
    (tmp_path / "photos/up").symlink_to("..")
    (tmp_path / "photos/other").symlink_to(tmp_path / "private")
    kept, left_out = found(str(tmp_path / where), tmp_path / "out")
    assert {path.resolve() for path, _ in kept} == {tmp_path / "photos/in/one.png"}
    (line,) = [line for line in left_out.told() if "elsewhere" in line]
    assert "2 links" in line and "up" in line
    kept, _ = found(str(tmp_path / "photos/other"), tmp_path / "out")
    assert len(kept) == 1, "named by itself it is taken"


@pytest.mark.parametrize("where", ["photos", "photos/**/*.png", "photos/*.png"])
def test_a_link_to_a_file_elsewhere_is_left_out_and_said(tmp_path: Path, where: str) -> None:
    """It was followed, and sent to the server."""
    (tmp_path / "photos/in").mkdir(parents=True)
    for name in ("photos/own.png", "photos/in/one.png", "secret.png"):
        Image.new("RGB", (8, 8), "red").save(tmp_path / name)
    (tmp_path / "photos/inside.png").symlink_to("in/one.png")
    (tmp_path / "photos/leak.png").symlink_to("../secret.png")
    (tmp_path / "photos/further.png").symlink_to("leak.png")
    (tmp_path / "photos/.hidden.png").symlink_to("../secret.png")
    (tmp_path / "photos/notes.txt").symlink_to("../secret.png")
    kept, left_out = found(str(tmp_path / where), tmp_path / "out")
    names = {path.name for path, _ in kept}
    assert {"own.png", "inside.png"} <= names <= {"own.png", "inside.png", "one.png"}
    (line,) = [line for line in left_out.told() if "elsewhere" in line]
    assert "2 links to a file elsewhere" in line and "leak.png" in line and "further.png" in line, line
    kept, _ = found(str(tmp_path / "photos/leak.png"), tmp_path / "out")
    assert len(kept) == 1, "named by itself it is taken"
    named = [str(tmp_path / "photos/leak.png")]
    assert len(photographed(BatchOrder("w", tmp_path / "out", named), [])) == 1


def test_a_folder_of_links_elsewhere_alone_is_told_as_such(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "secret.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/leak.png").symlink_to("../secret.png")
    with pytest.raises(UsageError, match="only links in it that lead elsewhere"):
        photos(str(tmp_path / "photos"), tmp_path / "out")


def test_a_broken_exif_says_nothing_in_pillows_words(tmp_path: Path) -> None:
    photo = tmp_path / "photos" / "bag.jpg"
    photo.parent.mkdir()
    broken = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01\0"
    Image.new("RGB", (64, 64), "red").save(photo, exif=broken)
    words = [sys.executable, "-m", "runner", "packshot", str(photo.parent), "--dry-run", "--out", str(tmp_path / "o")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == EXIT_OK, done.stderr
    assert "Warning" not in done.stdout + done.stderr
