"""A transparent picture where no transparency is taken: white under it, said so, never what lay unseen there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runner.errors import PhotoError
from runner.execution.attachments import attachment
from runner.photos.prepare import prepare_photo
from runner.photos.transparency import LAID_ON_WHITE
from runner.workflow.load import WORKFLOWS_DIR, available_workflows, load_workflow
from runner.workflow.schema import recorded_object_info
from tests.runner.picture_files import decoded, exif, gradient, save, worst
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, command, copying, node, pixels


def cut_out(under: int = 0) -> np.ndarray:
    """A product in the middle, half of a pixel along one side of it, and `under` beneath what is transparent."""
    pixels = np.dstack([gradient(), np.full(gradient().shape[:2], 255, np.uint8)])
    pixels[:10], pixels[:, :10] = (under, under, under, 0), (under, under, under, 0)
    pixels[10, 10:, 3] = 128
    return pixels


def on_white(pixels: np.ndarray) -> np.ndarray:
    alpha = pixels[..., 3:] / 255
    return np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


# -- made ready --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("under", [0, 200])
@pytest.mark.parametrize("turned", [1, 6])
def test_what_is_transparent_is_white(tmp_path: Path, under: int, turned: int) -> None:
    path = save(tmp_path / "bag.png", cut_out(under), exif=exif(turned))
    photo = prepare_photo(path, opaque=True)
    upright = cut_out(under) if turned == 1 else np.rot90(cut_out(under), -1)
    assert worst(decoded(photo.data), on_white(upright)) <= 1
    assert LAID_ON_WHITE in photo.notes and photo.told == [LAID_ON_WHITE]
    kept = prepare_photo(path)
    assert worst(decoded(kept.data), upright) == 0 and kept.told == []


def test_an_alpha_that_hides_nothing_is_sent_byte_for_byte(tmp_path: Path) -> None:
    path = save(tmp_path / "whole.png", np.dstack([gradient(), np.full((45, 67), 255, np.uint8)]))
    photo = prepare_photo(path, opaque=True)
    assert photo.unchanged and photo.data == path.read_bytes() and photo.told == []


@pytest.mark.parametrize("alpha", [0, 4])
def test_a_picture_of_nothing_is_refused(tmp_path: Path, alpha: int) -> None:
    path = save(tmp_path / "nothing.png", np.dstack([gradient(), np.full((45, 67), alpha, np.uint8)]))
    with pytest.raises(PhotoError, match="transparent everywhere"):
        prepare_photo(path, opaque=True)


# -- where transparency is taken, and where it is not ------------------------------------------------------------------


def masked() -> Graph:
    """The same, with the file's transparency put back."""
    graph = copying()
    graph["2"]["inputs"]["images"] = ["3", 0]
    return {**graph, "3": node("JoinImageWithAlpha", image=["1", 0], alpha=["1", 1])}


@pytest.mark.parametrize("by", ["--image", "--set"])
def test_the_picture_that_is_made_and_its_record(comfy_server: ComfyServer, tmp_path: Path, by: str) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    path = save(tmp_path / "bag.png", cut_out())
    run = desk.submit(copying(), by, str(path) if by == "--image" else f"image={path}")
    assert run.code == 0, run.err
    assert worst(pixels(run.pictures[0]), on_white(cut_out())) <= 1
    assert f"bag.png: {LAID_ON_WHITE}" in run.err
    (record,) = run.sidecars
    (photo,) = record["images" if by == "--image" else "uploads"]
    assert photo["notes"] == [LAID_ON_WHITE]


def test_a_batch_says_it_and_what_takes_transparency_gets_it(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    (tmp_path / "in").mkdir()
    for photo in ("bag.png", "box.png"):
        save(tmp_path / "in" / photo, cut_out())
    said = ["--images", str(tmp_path / "in"), "--server", desk.url]
    for name, graph in (("whole", copying()), ("masked", masked())):
        out = tmp_path / name
        run = command("batch", desk.workflow(graph, name), *said, "--out", str(out), folder=out)
        assert run.code == 0, run.err
        made, _ = [path for path in run.pictures if path.suffix == ".png"]
        assert run.err.count(LAID_ON_WHITE) == (name == "whole")  # once, not for each of ten thousand
        if name == "whole":
            assert worst(pixels(made), on_white(cut_out())) <= 1
        else:
            assert (pixels(made, "RGBA")[..., 3] == cut_out()[..., 3]).all()


def test_every_published_picture_keeps_its_transparency_or_is_laid_on_white() -> None:
    """By name, so that a workflow that is to take transparency is seen not to."""
    schema = recorded_object_info(WORKFLOWS_DIR)
    whole = set()
    for name in available_workflows():
        workflow = load_workflow(name)
        for spec in workflow.image_inputs(schema):
            found = attachment(workflow, spec.name, Path("a.png"), schema)
            assert found is not None
            if found.opaque:
                whole.add(f"{name} {spec.name}")
            else:
                assert json.dumps([spec.node_id, 1]) in json.dumps(workflow.graph), f"{name} {spec.name}"
    assert whole == {
        "check image",
        "creative_upscale image",
        "creative_upscale_sd15 image",
        "cutouts_sam3 image",
        "outpaint image",
        "relight_iclight_bg image_2",
        "style image",
        "upscale image",
        "vary image",
        "vary image_2",
    }
