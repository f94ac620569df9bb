"""cutout.v1 end to end: a transparent PNG at the photo's own resolution that shows no rim on any background."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from tests.support.comfy import ComfyServer
from tests.workflows import published, studio
from tests.workflows.published import Result

GRAPH = published.load("cutout.v1")


@pytest.fixture(scope="module")
def shot() -> studio.Shot:
    return studio.bag(720, 640)


@pytest.fixture(scope="module")
def result(comfy_server: ComfyServer, shot: studio.Shot) -> Result:
    return published.run(comfy_server, published.with_values(GRAPH, image=comfy_server.upload(shot.photo)))


def over(rgb: np.ndarray, alpha: np.ndarray, background: tuple[float, float, float]) -> np.ndarray:
    """Composited in linear light; sRGB 0..1."""
    light = studio.to_linear(rgb) * alpha[..., None] + studio.to_linear(np.array(background)) * (1 - alpha[..., None])
    return studio.to_srgb(light)


def test_it_is_a_transparent_png_of_the_photos_size_and_a_mask(result: Result, shot: studio.Shot) -> None:
    assert [name.endswith("mask.png") for name, _ in result.files] == [False, True]
    cut, mask = result.picture("_.png"), result.picture("mask.png")
    assert (cut.mode, cut.size) == ("RGBA", shot.photo.size)
    assert (mask.mode, mask.size) == ("L", shot.photo.size)
    assert (np.asarray(cut)[..., 3] == np.asarray(mask)).all()


def test_the_alpha_is_the_products_coverage(result: Result, shot: studio.Shot) -> None:
    alpha = result.pixels("mask.png") / 255
    band = ndimage.binary_dilation(shot.alpha > 0.02, iterations=4) & ~ndimage.binary_erosion(
        shot.alpha > 0.98, iterations=4
    )
    error = np.abs(alpha - shot.alpha)
    assert error.mean() <= 0.0018
    assert error[band].mean() <= 0.06
    assert ((alpha > 0.5) & (shot.alpha > 0.5)).sum() / ((alpha > 0.5) | (shot.alpha > 0.5)).sum() >= 0.985


@pytest.mark.parametrize(
    "background", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 1.0)], ids=["black", "white", "magenta"]
)
def test_no_rim_of_the_old_backdrop(result: Result, shot: studio.Shot, background: tuple[float, float, float]) -> None:
    rgba = result.pixels("_.png") / 255
    found = over(rgba[..., :3], rgba[..., 3], background)
    # Judged with the alpha that was found, so that this is about colour alone.
    ideal = over(shot.product, rgba[..., 3], background)
    edge = (rgba[..., 3] > 0.05) & (rgba[..., 3] < 0.95)
    assert edge.any()
    assert deltaE_ciede2000(rgb2lab(found), rgb2lab(ideal))[edge].mean() <= 3.0


def test_inside_the_pixels_are_the_photos_own(result: Result, shot: studio.Shot) -> None:
    inside = ndimage.binary_erosion(shot.alpha > 0.999, iterations=6)
    photo = np.asarray(shot.photo).astype(int)
    assert np.abs(result.pixels("_.png")[..., :3] - photo)[inside].max() <= 1


def test_nobody_sees_the_backdrop_in_the_transparent_part(result: Result) -> None:
    rgba = result.pixels("_.png")
    assert (rgba[rgba[..., 3] == 0] == 0).all()


def test_both_files_open_as_this_graph(result: Result) -> None:
    for ending in ("_.png", "mask.png"):
        graph = json.loads(result.picture(ending).info["prompt"])
        assert {node["class_type"] for node in graph.values()} == {node["class_type"] for node in GRAPH.values()}
