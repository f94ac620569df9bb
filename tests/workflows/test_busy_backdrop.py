"""A photo whose backdrop is busy, on the command line: what is refused, what the advice leads to, what comes of it.

BiRefNet has made-up weights here (dark on a bright wall = product): wiring is proven, not trained quality.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from runner.errors import EXIT_NODE_FAILED, EXIT_OK
from runner.workflow import load_workflow
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run
from tests.workflows import published, smoke_runs, studio

SIDE, TILE = 480, 40
BRIGHT = np.array([(1.0, 1.0, 0.72), (0.72, 1.0, 1.0), (1.0, 0.72, 1.0), (1.0, 1.0, 1.0)])
CANVAS = ("--set", "width=320", "--set", "height=320")


def busy_photo(shot: studio.Shot) -> Image.Image:
    """The product in front of tiles of four bright colours."""
    count = SIDE // TILE
    tiles = BRIGHT[np.random.default_rng(5).integers(0, len(BRIGHT), (count, count))]
    wall = studio.to_linear(tiles.repeat(TILE, axis=0).repeat(TILE, axis=1))
    alpha = shot.alpha[..., None]
    mixed = studio.to_srgb(wall * (1 - alpha) + studio.to_linear(shot.product) * alpha)
    return Image.fromarray(np.rint(mixed * 255).astype(np.uint8))


@pytest.fixture(scope="module")
def shot() -> studio.Shot:
    return studio.bag(SIDE, SIDE)


@pytest.fixture
def desk(smoke_server: ComfyServer, tmp_path: Path) -> Desk:
    return Desk(tmp_path, smoke_server.url)


@pytest.fixture
def photo(shot: studio.Shot, tmp_path: Path) -> Path:
    path = tmp_path / "busy.png"
    busy_photo(shot).save(path)
    return path


def on_smoke_birefnet(desk: Desk, name: str) -> str:
    return desk.workflow(smoke_runs.on_smoke_models(published.load(name)), name)


def cut_out(run: Run) -> dict[str, Any]:
    """The report of Segment Product, as it stands in the file beside the pictures."""
    (sidecar,) = run.sidecars
    return dict(sidecar["reports"]["input: cutout = method"])


@pytest.mark.parametrize("name", ["packshot", "cutout"])
def test_the_newest_version_needs_no_model_and_can_be_told_how_to_cut_out(name: str) -> None:
    workflow = load_workflow(name)
    assert {"cutout", "cutout_confidence"} <= set(published.inputs_of(workflow.graph))
    assert "LoadBackgroundRemovalModel" not in {node["class_type"] for node in workflow.graph.values()}


@pytest.mark.parametrize(
    ("name", "plain"), [("packshot_birefnet.v1", "packshot.v3"), ("cutout_birefnet.v1", "cutout.v2")]
)
def test_with_birefnet_the_inputs_and_outputs_keep_their_names(name: str, plain: str) -> None:
    with_model, without = published.load(name), published.load(plain)
    assert list(published.inputs_of(with_model)) == list(published.inputs_of(without))
    assert list(published.outputs_of(with_model)) == list(published.outputs_of(without))


def test_a_refusal_can_be_answered_on_the_command_line(desk: Desk, photo: Path) -> None:
    refused = desk.submit("packshot", "--image", photo, *CANVAS)
    assert refused.code == EXIT_NODE_FAILED
    said = " ".join(refused.err.split())
    for advice in (
        "packshot_birefnet or cutout_birefnet",
        "--set cutout_confidence=0",
        "'Load Background Removal Model'",
    ):
        assert advice in said
    assert refused.pictures == []

    taken = desk.submit("packshot", "--image", photo, *CANVAS, "--set", "cutout_confidence=0")
    assert taken.code == EXIT_OK, taken.err
    assert sorted(path.suffix for path in taken.pictures) == [".jpg", ".png"]


def test_birefnet_asked_of_a_workflow_without_it_names_the_one_that_has_it(desk: Desk, photo: Path) -> None:
    refused = desk.submit("cutout", "--image", photo, "--set", "cutout=birefnet")
    assert refused.code == EXIT_NODE_FAILED
    assert "cutout_birefnet" in refused.err


@pytest.mark.parametrize("name", ["packshot_birefnet.v1", "cutout_birefnet.v1"])
def test_a_plain_backdrop_is_cut_out_without_asking_birefnet(
    desk: Desk, shot: studio.Shot, tmp_path: Path, name: str
) -> None:
    plain = tmp_path / "plain.png"
    shot.photo.save(plain)
    size = CANVAS if name.startswith("packshot") else ()
    run = desk.submit(on_smoke_birefnet(desk, name), "--image", plain, *size)
    assert run.code == EXIT_OK, run.err
    assert cut_out(run)["method"] == "plain_backdrop"
    assert "the model was not needed" in cut_out(run)["why"]


def test_advice_of_a_workflow_that_has_birefnet_does_not_send_there(desk: Desk, photo: Path) -> None:
    workflow = on_smoke_birefnet(desk, "cutout_birefnet.v1")
    refused = desk.submit(workflow, "--image", photo, "--set", "cutout=plain_backdrop")
    assert refused.code == EXIT_NODE_FAILED
    said = refused.err.partition("What to try")[2]
    assert "a transparent PNG as the photo" in said and "--set cutout_confidence=0" in said
    assert "Load Background Removal Model" not in said and "packshot_birefnet" not in said


@pytest.mark.slow
def test_birefnet_cuts_the_product_out_of_a_busy_backdrop(desk: Desk, photo: Path, shot: studio.Shot) -> None:
    run = desk.submit(on_smoke_birefnet(desk, "packshot_birefnet.v1"), "--image", photo, *CANVAS)
    assert run.code == EXIT_OK, run.err
    assert cut_out(run)["method"] == "birefnet"
    with Image.open(next(path for path in run.pictures if path.suffix == ".png")) as opened:
        picture = np.asarray(opened.convert("RGB")).astype(int)
    assert (picture[:20] == 255).all() and (picture[:, :20] == 255).all(), "tiles of the backdrop are left"
    assert (picture[60:110, 140:180] == 255).all(), "tiles of the backdrop are left inside the handle"

    out = desk.folder / "cut"
    run = desk.submit(on_smoke_birefnet(desk, "cutout_birefnet.v1"), "--image", photo, out=out)
    assert run.code == EXIT_OK, run.err
    with Image.open(next(path for path in run.pictures if not path.stem.endswith("_mask"))) as opened:
        cut = np.asarray(opened) / 255
    assert np.abs(cut[..., 3] - shot.alpha).mean() < 0.005
    inside = ndimage.binary_erosion(shot.alpha > 0.99, iterations=8)
    assert deltaE_ciede2000(rgb2lab(cut[..., :3]), rgb2lab(shot.product))[inside].mean() < 0.5
