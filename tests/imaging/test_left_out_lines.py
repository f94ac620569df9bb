"""A wheel whose spokes a network lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model
from scipy import ndimage
from torch import Tensor

SIDE = 420


def wheel(spokes: int) -> tuple[Tensor, Tensor]:
    """Alpha of a tyre with its hub, and the same with as many spokes of two and a half pixels."""
    y, x = (grid / 4.0 - SIDE / 2 for grid in np.mgrid[0 : 4 * SIDE, 0 : 4 * SIDE])
    away = np.hypot(x, y)
    bare = ((away > 125) & (away < 155)) | (away < 16)
    full = bare.copy()
    for angle in np.arange(spokes) * np.pi * 2 / max(1, spokes) + 0.1:
        along, aside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        full |= (np.abs(aside) < 1.25) & (along > 0) & (along < 130)
    shrunk = (mask.reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3)) for mask in (bare, full))
    bare_, full_ = (torch.from_numpy(mask.astype(np.float32)) for mask in shrunk)
    return bare_, full_


def confidence(spokes: int, shadow: bool = False) -> float:
    """How far a wheel is believed by whose network saw no spoke; with a `shadow` as broad as a hand behind it."""
    bare, full = wheel(spokes)
    rng = np.random.default_rng(3)
    light = np.full((SIDE, SIDE, 1), 0.75)
    if shadow:
        light[:, 120:150] *= 0.9
        light = ndimage.gaussian_filter(light, (0, 3, 0))
    behind = torch.from_numpy((light * np.array((0.98, 1.0, 1.02))).astype(np.float32))
    share = full.unsqueeze(-1)
    photo = torch.tensor((0.12, 0.12, 0.13)) * share + behind * (1 - share)
    photo = photo + torch.from_numpy(rng.normal(0, 0.004, photo.shape).astype(np.float32))
    mask = torch.nn.functional.interpolate(bare[None, None], 1024, mode="area")[0, 0]
    cut = from_model((photo.clamp(0, 1) * 255).round() / 255, mask)
    said = any("thin lines" in reason for reason in cut.report["reasons"])
    assert said == (cut.confidence == 0.74), cut.report
    return cut.confidence


def test_a_wheel_without_its_spokes_is_not_believed() -> None:
    assert confidence(16) < TRUSTED


@pytest.mark.parametrize("shadow", [False, True], ids=["a bare wall", "a soft shadow"])
def test_a_tyre_that_has_none_is_believed(shadow: bool) -> None:
    assert confidence(0, shadow) >= TRUSTED
