"""A scene made here, then enlarged here: the runner says where the product is, and the real node searches nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.comfy import ComfyServer
from tests.support.runs import Run, command
from tests.workflows import studio

SMOKE = {
    "upscaler": "prodgen_smoke_upscaler_4x.pth",
    "3.bg_removal_name": "prodgen_smoke_birefnet.pth",
    "cutout": "plain_backdrop",
    "times": "1",
    "relight": "0",
}


@pytest.fixture(scope="module")
def made(smoke_server: ComfyServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a photo and the packshot made of it, at a place of its own."""
    folder = tmp_path_factory.mktemp("made")
    studio.bag(480, 480).photo.save(folder / "bag.png")
    values = ["--set", "width=600", "--set", "height=600", "--set", "fill=0.55"]
    run = command(
        *("submit", "packshot", "--image", str(folder / "bag.png"), *values, "--name", "shot"),
        *("--server", smoke_server.url, "--out", str(folder)),
        folder=folder,
    )
    assert run.code == 0, run.err
    assert (folder / "shot.png").is_file()
    return folder


def enlarged(server: ComfyServer, folder: Path, picture: Path, photo: Path, *more: str) -> Run:
    values = [part for name, value in SMOKE.items() for part in ("--set", f"{name}={value}")]
    run = command(
        *("submit", "upscale", "--image", str(picture), "--image", str(photo), *values, *more),
        *("--server", server.url, "--out", str(folder), "--json"),
        folder=folder,
    )
    assert run.code == 0, run.err
    return run


def register(record: dict[str, Any]) -> dict[str, Any]:
    report = record["reports"]["Register Product"]
    assert isinstance(report, dict)
    return report


@pytest.fixture(scope="module")
def told_and_searched(
    smoke_server: ComfyServer, made: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report of one that was told the place, and of one that was not."""
    folder = tmp_path_factory.mktemp("enlarged")
    pictures = made / "shot.png", made / "bag.png"
    told = enlarged(smoke_server, folder / "told", *pictures)
    searched = enlarged(smoke_server, folder / "searched", *pictures, "--set", "known=")
    return register(told.sidecars[0]), register(searched.sidecars[0])


def test_nothing_is_searched_where_the_record_says_it(
    told_and_searched: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    told, searched = told_and_searched
    assert (told["searched"], searched["searched"]) == (False, True)


def test_the_search_finds_the_place_too(told_and_searched: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for known, found in zip(*(report["placement"]["transforms"][0] for report in told_and_searched), strict=True):
        assert known == pytest.approx(found, abs=0.5)


def test_a_batch_is_told_as_well(smoke_server: ComfyServer, made: Path, tmp_path: Path) -> None:
    """The columns in any order: what counts is which input a picture goes to."""
    row = {"image_2": str(made / "bag.png"), "image": str(made / "shot.png"), **SMOKE}
    (tmp_path / "jobs.yaml").write_text(json.dumps([row]), encoding="utf-8")
    run = command(
        *("batch", "upscale", "--jobs", str(tmp_path / "jobs.yaml"), "--server", smoke_server.url),
        *("--out", str(tmp_path / "out")),
        folder=tmp_path,
    )
    assert run.code == 0, run.err
    (record,) = (json.loads(path.read_text(encoding="utf-8")) for path in sorted((tmp_path / "out").glob("*.json")))
    assert register(record)["searched"] is False


def test_a_scene_that_was_changed_since_is_searched(smoke_server: ComfyServer, made: Path, tmp_path: Path) -> None:
    with Image.open(made / "shot.png") as scene:
        scene.convert("RGB").save(tmp_path / "shot.png")
    (tmp_path / "shot.json").write_bytes((made / "shot.json").read_bytes())
    run = enlarged(smoke_server, tmp_path / "out", tmp_path / "shot.png", made / "bag.png")
    assert register(run.sidecars[0])["searched"] is True
