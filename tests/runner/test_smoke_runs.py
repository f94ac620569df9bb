"""`--smoke`: a workflow without its models runs on made-up weights, and name, face and record of the result say so."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from runner.files.smoke_mark import mark_picture
from tests.runner.test_batch import batch
from tests.runner.test_smoke_command import REAL, painting
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, Run, command, inverting
from tests.support.smoke import smoke_file, smoke_models

BAND = (214, 0, 122)


@pytest.fixture(scope="module")
def smoke_server(comfy_server: ComfyServer) -> Iterator[ComfyServer]:
    with smoke_models(comfy_server, "sd15") as server:
        yield server


@pytest.fixture
def desk(smoke_server: ComfyServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, smoke_server.url)


def small(checkpoint: str = REAL) -> Graph:
    graph = painting(checkpoint)
    graph["3"]["inputs"].update(width=128, height=128)
    graph["4"]["inputs"]["steps"] = 1
    return graph


def is_marked(picture: Path) -> bool:
    with Image.open(picture) as opened:
        pixels = np.asarray(opened.convert("RGB")).astype(int)
    near = np.abs(pixels - np.array(BAND)).max(axis=-1) < 40  # JPEG, too
    return bool(near[-1].mean() > 0.9 and near[: len(near) // 2].mean() < 0.1)


def assert_says_so(run: Run) -> None:
    assert run.code == 0, run.err
    (picture,) = [path for path in run.pictures if path.suffix == ".png"]
    (record,) = run.sidecars
    assert picture.stem.endswith("_smoke-weights") and is_marked(picture)
    assert record["smoke_weights"] == {REAL: smoke_file("sd15")}
    with Image.open(picture) as opened:
        assert "prompt" in opened.info, "it still opens on the canvas"
    assert record["files"][0]["bytes"] == picture.stat().st_size


def test_an_error_about_a_missing_model_says_how_to_try_without_it(desk: Desk) -> None:
    run = desk.submit(small())
    assert run.code == 4
    assert "models download" in run.err or "Put it into" in run.err or REAL in run.err
    assert "the same command with --smoke" in run.err and "models smoke" in run.err
    unknown = desk.submit(small("nobody_knows.safetensors"))
    assert unknown.code == 4 and "--smoke" not in unknown.err, "nothing stands in for it"


def test_submit_and_batch_say_so(desk: Desk) -> None:
    assert_says_so(desk.submit(small(), "--smoke"))
    table = desk.folder / "jobs.jsonl"
    table.write_text('{"name": "one"}\n')
    desk.out = desk.folder / "batch"
    assert_says_so(batch(desk, small(), "--jobs", table, "--smoke"))
    real = batch(desk, small(smoke_file("sd15")), "--jobs", table, "--resume")
    assert real.code == 2, "a batch of trials does not go on as a real one"


def test_explore_and_vary_say_so(desk: Desk) -> None:
    server = ("--server", desk.url, "--smoke", "--steps", "1", "--set", "prompt=a bag")
    out = desk.folder / "explored"
    arguments = ("--number", "1", "--size", "128x128", "--out", str(out), *server[:-2])
    explored = command("explore", "a bag", *arguments, folder=out)
    assert explored.code == 0, explored.err
    (picture,) = [path for path in explored.pictures if path.suffix == ".png"]
    assert picture.stem.endswith("_smoke-weights") and is_marked(picture)
    out = desk.folder / "varied"
    varied = command("vary", str(picture), "unfocus", "--out", str(out), *server[:-2], folder=out)
    assert varied.code == 0, varied.err
    pictures = [path for path in varied.pictures if path.suffix == ".png"]
    assert pictures and all(path.stem.endswith("_smoke-weights") and is_marked(path) for path in pictures)


def test_what_has_its_models_is_no_trial(desk: Desk) -> None:
    run = desk.submit(inverting(), "--image", desk.photo(size=(64, 64)), "--smoke")
    assert run.code == 0, run.err
    (picture,) = run.pictures
    assert picture.name == "photo_job.png" and not is_marked(picture)
    assert "smoke_weights" not in run.sidecars[0]


@given(
    st.sampled_from(["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK"]),
    st.integers(1, 90), st.integers(1, 90), st.sampled_from(["PNG", "JPEG", "WEBP"]),
)  # fmt: skip
def test_any_still_picture_is_marked_and_keeps_its_size(mode: str, width: int, height: int, kind: str) -> None:
    data = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "{}")
    picture = Image.new(mode, (width, height))
    try:
        picture.save(data, kind, pnginfo=info)
    except (OSError, ValueError):
        return  # a format without this mode
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.part"
        path.write_bytes(data.getvalue())
        assert mark_picture(path)
        with Image.open(path) as opened:
            opened.load()
            assert (opened.size, opened.format) == ((width, height), kind)
            assert kind != "PNG" or opened.info["prompt"] == "{}"
