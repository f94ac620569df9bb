"""A photo whose backdrop is busy, on the command line: what is refused, what the advice leads to, what comes of it.

BiRefNet has made-up weights here (dark on a bright wall = product): wiring is proven, not trained quality.
"""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from runner.errors import EXIT_NODE_FAILED, EXIT_OK, EXIT_USAGE
from runner.workflow.load import load_workflow
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Run, command
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
    assert {"cutout", "cutout_confidence", "hint", "parts"} <= set(published.inputs_of(workflow.graph))
    assert "LoadBackgroundRemovalModel" not in {node["class_type"] for node in workflow.graph.values()}


@pytest.mark.parametrize(
    ("name", "plain"), [("packshot_birefnet.v1", "packshot.v3"), ("cutout_birefnet.v1", "cutout.v2")]
)
def test_with_birefnet_the_inputs_and_outputs_keep_their_names(name: str, plain: str) -> None:
    with_model, without = published.load(name), published.load(plain)
    assert list(published.inputs_of(with_model)) == list(published.inputs_of(without))
    assert list(published.outputs_of(with_model)) == list(published.outputs_of(without))


STEPS = ("a plain backdrop of another colour", "--set hint=FILE", "--set cutout_confidence=0")


TRACEBACK = r"Traceback|raised at|File \"|Error, "


def said(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def hint(shot: studio.Shot, tmp_path: Path) -> Path:
    """The product, painted white a little too broadly, on a copy of the photo of half its size."""
    mask = ndimage.binary_dilation(shot.alpha > 0.5, iterations=SIDE // 60)
    path = tmp_path / "hint.png"
    Image.fromarray(mask.astype(np.uint8) * 255).resize((SIDE // 2, SIDE // 2)).save(path)
    return path


def test_a_refusal_names_the_steps_and_the_guess_can_be_taken(desk: Desk, photo: Path) -> None:
    refused = desk.submit("packshot", "--image", photo, *CANVAS)
    assert refused.code == EXIT_NODE_FAILED
    for step in (*STEPS, "models download"):
        assert step in said(refused.err)
    assert refused.pictures == []

    taken = desk.submit("packshot", "--image", photo, *CANVAS, "--set", "cutout_confidence=0")
    assert taken.code == EXIT_OK, taken.err
    assert sorted(path.suffix for path in taken.pictures) == [".jpg", ".png"]


def test_a_refusal_is_one_clear_text_and_no_crash(desk: Desk, photo: Path, shot: studio.Shot) -> None:
    """On the command line, in a batch, which goes on with the other photos, and on its report page."""
    refused = desk.submit("cutout", "--image", photo)
    photos = desk.folder / "photos"
    photos.mkdir()
    shutil.copy2(photo, photos)
    shot.photo.save(photos / "plain.png")
    server, out = ("--server", desk.url), str(desk.folder / "shop")
    batch = command("batch", "cutout", "--images", str(photos), *server, "--out", out, folder=desk.folder / "shop")
    assert (refused.code, batch.code) == (EXIT_NODE_FAILED, EXIT_NODE_FAILED)
    assert any(path.name.startswith("plain") for path in batch.pictures)
    assert command("report", out, folder=desk.folder / "shop").code == EXIT_OK
    (page,) = [path for path in batch.files if path.suffix == ".html"]
    for text in (refused.err, batch.err, html.unescape(page.read_text(encoding="utf-8"))):
        assert "could not be cut out reliably" in said(text) and all(step in said(text) for step in STEPS)
        assert not re.search(TRACEBACK, text)
        assert "mask editor" not in text, "advice for the canvas, where there is none"


def test_a_hint_that_cannot_be_used_is_one_clear_text_too(desk: Desk, photo: Path, hint: Path) -> None:
    turned = hint.with_name("turned.png")
    with Image.open(hint) as opened:
        opened.crop((0, 0, SIDE // 2, SIDE // 4)).save(turned)
    for file, why in (
        (turned, f"hint is {SIDE // 2}×{SIDE // 4} pixels and the photo {SIDE}×{SIDE}"),
        (photo, "no mask"),
    ):
        refused = desk.submit("cutout", "--image", photo, "--set", f"hint={file}")
        assert refused.code == EXIT_NODE_FAILED and why in said(refused.err)
        assert not re.search(TRACEBACK, refused.err)


@pytest.mark.parametrize("name", ["packshot", "cutout"])
def test_a_painted_hint_answers_the_refusal(desk: Desk, photo: Path, hint: Path, shot: studio.Shot, name: str) -> None:
    size = CANVAS if name == "packshot" else ()
    run = desk.submit(name, "--image", photo, "--set", f"hint={hint}", *size)
    assert run.code == EXIT_OK, run.err
    if name == "cutout":
        with Image.open(next(path for path in run.pictures if not path.stem.endswith("_mask"))) as opened:
            found = np.asarray(opened)[..., 3] > 127
        assert (found & (shot.alpha > 0.5)).sum() / (found | (shot.alpha > 0.5)).sum() > 0.97


def test_the_separate_parts_can_be_chosen(desk: Desk, shot: studio.Shot, tmp_path: Path) -> None:
    pair = np.concatenate([np.asarray(shot.photo), np.asarray(shot.photo)[:, ::-1]], axis=1)
    path = tmp_path / "pair.png"
    Image.fromarray(pair).save(path)
    for parts, products in (("auto", 2), ("largest", 1)):
        run = desk.submit("cutout", "--image", path, "--set", f"parts={parts}", out=desk.folder / parts)
        assert run.code == EXIT_OK, run.err
        assert cut_out(run)["products"] == products
    wrong = desk.submit("cutout", "--image", path, "--set", "parts=biggest")
    assert wrong.code == EXIT_USAGE and "largest" in wrong.err


def test_birefnet_asked_of_a_workflow_without_it_names_the_one_that_has_it(desk: Desk, photo: Path) -> None:
    refused = desk.submit("cutout", "--image", photo, "--set", "cutout=birefnet")
    assert refused.code == EXIT_NODE_FAILED
    assert "cutout_birefnet" in refused.err


def test_a_model_asked_of_a_server_without_one_says_how_to_get_it(desk: Desk, photo: Path) -> None:
    refused = desk.submit("cutout", "--image", photo, "--set", "cutout=model")
    assert refused.code == EXIT_NODE_FAILED
    assert "models download" in said(refused.err)


@pytest.mark.parametrize("name", ["packshot_birefnet.v1", "cutout_birefnet.v1"])
def test_with_birefnet_a_plain_backdrop_can_do_without_it(
    desk: Desk, shot: studio.Shot, tmp_path: Path, name: str
) -> None:
    plain = tmp_path / "plain.png"
    shot.photo.save(plain)
    size = CANVAS if name.startswith("packshot") else ()
    workflow = on_smoke_birefnet(desk, name)
    run = desk.submit(workflow, "--image", plain, "--set", "cutout=plain_backdrop", *size)
    assert run.code == EXIT_OK, run.err
    assert cut_out(run)["method"] == "plain_backdrop"


def test_advice_of_a_workflow_that_has_birefnet_leads_back_to_it(desk: Desk, photo: Path) -> None:
    workflow = on_smoke_birefnet(desk, "cutout_birefnet.v1")
    refused = desk.submit(workflow, "--image", photo, "--set", "cutout=plain_backdrop")
    assert refused.code == EXIT_NODE_FAILED
    advice = said(refused.err)
    assert "--set cutout=auto" in advice and "models download" not in advice


@pytest.mark.slow
def test_birefnet_cuts_the_product_out_of_a_busy_backdrop(desk: Desk, photo: Path, shot: studio.Shot) -> None:
    run = desk.submit(on_smoke_birefnet(desk, "packshot_birefnet.v1"), "--image", photo, *CANVAS)
    assert run.code == EXIT_OK, run.err
    assert (cut_out(run)["method"], cut_out(run)["model"]) == ("model", "birefnet")
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
