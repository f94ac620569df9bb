"""What the relight workflows do after sampling, on real generated pictures that lost the product's colour.

IC-Light itself needs its trained weights. What takes the sampler's place here is drawn or rendered with the product's
colours lost, and IC-Light's real results where the reference pictures are: from the decoded picture on, every node is
the published workflow's own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy import ndimage
from skimage.color import rgb2lab

from examples.relit import after_sampling
from tests.support.comfy import ComfyServer
from tests.support.reference import RELIT, relit
from tests.workflows import published, smoke_runs
from tests.workflows.scene_graphs import inside, stages
from tests.workflows.smoke_runs import Look, Pixels

Shown = Callable[[str], tuple[Pixels, Pixels, Look]]


@pytest.fixture(scope="module")
def shown(comfy_server: ComfyServer) -> Shown:
    """Pair → (photo, generated picture, what became of them)."""

    @cache
    def of(pair: str) -> tuple[Pixels, Pixels, Look]:
        photo, generated = relit(pair).photo, relit(pair).generated
        graph = after_sampling(published.load("relight_iclight.v1"))
        names = {"image": comfy_server.upload(photo), "generated": comfy_server.upload(generated)}
        look = smoke_runs.run(comfy_server, graph, stages(graph), **names)
        return np.asarray(photo) / 255, np.asarray(generated) / 255, look

    return of


def hue_error(found: Pixels, wanted: Pixels, own: np.ndarray) -> float:
    """Mean absolute difference of hue angles in degrees where the wanted colour has a hue (C* > 12)."""
    first, second = rgb2lab(found)[own], rgb2lab(wanted)[own]
    strong = np.hypot(second[:, 1], second[:, 2]) > 12
    turned = np.degrees(np.arctan2(first[:, 2], first[:, 1]) - np.arctan2(second[:, 2], second[:, 1]))[strong]
    return float(np.abs((turned + 180) % 360 - 180).mean())


@pytest.mark.first(1)
@pytest.mark.parametrize("pair", RELIT)
def test_the_colours_are_the_sellers_in_the_scenes_light(pair: str, shown: Shown) -> None:
    photo, generated, look = shown(pair)
    own = inside(look.pictures["pasted_mask"], 5)
    assert own.sum() > 10_000
    lost, kept = hue_error(generated, photo, own), hue_error(look.pictures["picture"], photo, own)
    assert kept <= 4.0, f"hue error {kept:.1f}° (generated: {lost:.1f}°)"
    assert kept < lost
    assert look.report("ProdgenFidelity")["delta_e00_mean"] <= 3.0


@pytest.mark.first(1)
@pytest.mark.parametrize("pair", RELIT)
def test_nothing_floats_and_the_scene_is_untouched(pair: str, shown: Shown) -> None:
    _, generated, look = shown(pair)
    report = look.report("ProdgenFidelity")
    assert report["floating"] is not True, report
    touched = (look.pictures["pasted_mask"][..., 0] > 0) | (look.pictures["shadow"][..., 0] > 0)
    away = ~ndimage.binary_dilation(touched, iterations=2)
    assert away.mean() > 0.2
    assert np.abs(look.pictures["picture"] - generated)[away].max() <= 2 / 255
