"""Photos that are just named: one is a job, many are a batch that goes on when the same is typed again."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.cli.parser import Parser, build_parser
from runner.cli.words import parse
from runner.errors import UsageError
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, command, inverting


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comfy_server: ComfyServer) -> Desk:
    desk = Desk(tmp_path, comfy_server.url)
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    desk.photo("photos/a.png", seed=1)
    desk.photo("photos/b.png", seed=2)
    desk.photo("photos/deep/c.png", seed=3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMFYUI_URL", comfy_server.url)
    return desk


def test_a_folder_goes_on_when_the_same_is_typed_again(photos: Desk) -> None:
    graph = photos.workflow(inverting(), "bag")
    first = command(graph, "photos", folder=photos.folder / "outputs")
    assert first.code == 0, first.err
    out = photos.folder / "outputs" / "bag_photos"
    made = sorted(str(path.relative_to(out)) for path in out.rglob("*.png"))
    assert made == ["a.png", "b.png", "deep/c.png"]
    assert "the same command goes on where this one ends" in first.err
    photos.photo("photos/new.png", seed=4)
    second = command(graph, "photos", folder=photos.folder / "outputs")
    assert second.code == 0, second.err
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*.png")) == [*made[:2], "deep/c.png", "new.png"]


def test_several_photos_and_a_pattern_that_no_shell_has_filled_in(photos: Desk) -> None:
    graph = photos.workflow(inverting(), "bag")
    several = command(graph, "photos/a.png", "photos/deep/c.png", "--out", "some", folder=photos.folder)
    assert several.code == 0, several.err
    assert sorted(path.name for path in (photos.folder / "some").glob("*.png")) == ["a.png", "c.png"]
    pattern = command(graph, "photos/*.png", "--out", "more", folder=photos.folder)
    assert pattern.code == 0, pattern.err
    assert sorted(path.name for path in (photos.folder / "more").glob("*.png")) == ["a.png", "b.png"]


def test_two_photos_of_one_name_are_two_results(photos: Desk) -> None:
    photos.photo("photos/deep/a.png", seed=9)
    run = command(photos.workflow(inverting()), "photos/a.png", "photos/deep/a.png", "--out", "o", folder=photos.folder)
    assert run.code == 0, run.err
    assert len(list((photos.folder / "o").glob("*.png"))) == 2


def test_one_photo_is_one_job_as_ever(photos: Desk) -> None:
    run = command(photos.workflow(inverting()), "photos/a.png", "--name", "x", "--out", "o", folder=photos.folder / "o")
    assert run.code == 0, run.err
    assert [path.name for path in run.files] == ["x.json", "x.png"]


def test_other_settings_go_to_a_folder_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.cli.photo_words import as_batch, own_folder

    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    folders = [
        own_folder(as_batch(parse(["packshot", "photos", *more])))
        for more in ([], ["--set", "channel=amazon"], ["--prompt", "x" * 500], ["--prompt", "x" * 500 + "y"])
    ]
    assert folders[:2] == [Path("outputs/packshot_photos"), Path("outputs/packshot_photos_channel-amazon")]
    assert len({str(folder) for folder in folders}) == 4
    assert max(len(folder.name) for folder in folders) < 120


OPTIONS = [["--set", "channel=amazon"], ["--seed", "-3"], ["--count", "2"], ["--json"], ["--name=x"], ["--out", "o"]]


@given(st.permutations([*OPTIONS, ["a.jpg"], ["-"], ["b c.jpg"]]))
def test_options_may_stand_anywhere(order: list[list[str]]) -> None:
    """argparse takes the photos that stand together, and calls the others unrecognized."""
    words = [word for group in order for word in group]
    args = build_parser(["submit"]).parse_args(["submit", "packshot", *words])
    assert args.photos == [group[0] for group in order if not group[0].startswith("--")]
    assert (args.set, args.seed, args.count, args.json, args.name, args.out) == (
        ["channel=amazon"], -3, 2, True, "x", Path("o"),
    )  # fmt: skip


def test_an_option_without_its_value_takes_no_photo_for_it(tmp_path: Path) -> None:
    run = command("packshot", "photo.jpg", "--seed", folder=tmp_path)
    assert run.code == 2
    assert "--seed needs a value behind it" in run.err


@pytest.mark.parametrize(
    "words",
    [
        ["upscale", "scene.png", "photo.png"],
        ["submit", "upscale", "--image", "scene.png", "--image", "photo.png"],
        ["submit", "upscale", "--image=scene.png", "photo.png"],
    ],
)
def test_a_dry_run_takes_the_pictures_that_the_run_takes(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("scene.png", "photo.png"):
        Path(name).touch()
    args = parse([*words, "--dry-run"])
    assert (args.command, args.photos, args.set) == ("batch", ["scene.png"], ["image_2=photo.png"])
    one = parse(["submit", "packshot", "--image", "photo.png", "--dry-run"])
    assert (one.command, one.photos, one.set) == ("batch", ["photo.png"], [])
    each = parse(["packshot", "scene.png", "photo.png", "--dry-run"])
    assert (each.command, each.photos, each.set) == ("batch", ["scene.png", "photo.png"], [])


@example(["~0"])
@example(["~nobody/x.json", "a"])
@example(["packshot", "\0"])
@given(st.lists(st.text(min_size=1, max_size=8), max_size=5))
def test_whatever_is_typed_is_understood_or_refused(words: list[str]) -> None:
    try:
        args = parse(words)
    except (UsageError, SystemExit):
        return
    assert isinstance(args, argparse.Namespace)
    assert isinstance(build_parser([args.command]), Parser)
