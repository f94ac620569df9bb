"""A product's soft shadow says nothing against its cut-out; a thing beside it, with an outline of its own, does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model
from prodgen_nodes.imaging.segmentation.cutout import Cutout
from scipy import ndimage

SIDE = 320
GREY, PINK = (0.82, 0.82, 0.82), (0.9, 0.62, 0.66)
DEEP, SHINE = (0.97, 0.97, 0.97), (0.2, 0.75, 0.9)
"""How much of each colour of light a shadow takes: next to all of it, or what a red product does not throw back."""


def beside(backdrop: tuple[float, float, float], taken: tuple[float, float, float], blur: float) -> Cutout:
    """The cut-out of a box that a network sees exactly, with a shadow to its right that ends within `blur` pixels."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    box = ((np.abs(x - 130) < 50) & (np.abs(y - 160) < 60)).astype(np.float32)
    shadow = ndimage.gaussian_filter(((x > 120) & (x < 215) & (np.abs(y - 175) < 38)).astype(np.float32), blur)
    light = np.asarray(backdrop) * (1 - shadow[..., None] * np.asarray(taken))
    photo = box[..., None] * np.asarray((0.1, 0.2, 0.5)) + (1 - box[..., None]) * light
    photo = np.clip(photo + rng.normal(0, 0.6 / 255, photo.shape), 0, 1)
    return from_model(torch.from_numpy(photo).float(), torch.from_numpy(box))


@pytest.mark.parametrize("backdrop", [GREY, PINK])
def test_a_deep_shadow_that_fades_is_no_thing_that_was_left_out(backdrop: tuple[float, float, float]) -> None:
    cut = beside(backdrop, DEEP, 14)
    assert cut.confidence >= TRUSTED, cut.report
    assert not any(extra["kind"] == "object" for extra in cut.report["extras"])


def test_a_coloured_shadow_is_a_doubt_and_no_more() -> None:
    cut = beside(GREY, SHINE, 14)
    assert 0.7 <= cut.confidence < TRUSTED, cut.report
    assert any("a coloured shadow" in reason for reason in cut.report["reasons"])


@pytest.mark.parametrize("taken", [DEEP, SHINE])
def test_what_ends_sharply_is_a_thing(taken: tuple[float, float, float]) -> None:
    cut = beside(GREY, taken, 0.7)
    assert cut.confidence < 0.65, cut.report
    assert any("something beside the product" in reason for reason in cut.report["reasons"])
