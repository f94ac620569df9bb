"""Real colour losses: what a relight took from two products comes back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.color.fix import Settings, fix_color
from prodgen_nodes.imaging.colorspace import (
    srgb_to_lab,
)
from scipy import ndimage
from skimage import color as skcolor

from tests.support.reference import RELIT

from .relit_pairs import relit_pair


def lightness(
    result: torch.Tensor, generated: torch.Tensor, original: torch.Tensor, mask: torch.Tensor
) -> tuple[float, float, float]:
    """Of the colourless parts (C* at most 12): their share, and correlation and mean difference of low-pass L*."""
    done, scene, photo = (srgb_to_lab(x[0]).numpy() for x in (result, generated, original))
    inside = ndimage.binary_erosion(mask[0].numpy() > 0.5, iterations=5)
    grey = inside & (np.hypot(photo[..., 1], photo[..., 2]) <= 12)
    soft = [ndimage.gaussian_filter(lab[..., 0], 12)[grey] for lab in (done, scene)]
    if grey.sum() < 0.02 * inside.sum():
        return 0.0, 1.0, 0.0
    return float(grey.sum() / inside.sum()), float(np.corrcoef(*soft)[0, 1]), float((soft[0] - soft[1]).mean())


def figures(
    result: torch.Tensor, generated: torch.Tensor, original: torch.Tensor, mask: torch.Tensor
) -> tuple[float, float, float]:
    """Hue error, correlation and mean difference of the low-pass lightness, on 8-bit pictures, mask eroded by 5."""
    pictures = [np.round(x[0].numpy().clip(0, 1) * 255) / 255 for x in (result, generated, original)]
    done, scene, photo = (skcolor.rgb2lab(picture) for picture in pictures)
    inside = ndimage.binary_erosion(mask[0].numpy() > 0.5, iterations=5)
    colourful = inside & (np.hypot(photo[..., 1], photo[..., 2]) > 12)
    angles = [np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) for lab in (done, photo)]
    hue = float(np.abs((angles[0] - angles[1] + 180) % 360 - 180)[colourful].mean())
    soft = [ndimage.gaussian_filter(lab[..., 0], 12)[inside] for lab in (done, scene)]
    return hue, float(np.corrcoef(*soft)[0, 1]), float((soft[0] - soft[1]).mean())


@pytest.mark.first(1)
@pytest.mark.parametrize("name", RELIT)
def test_colours_that_a_relight_lost_come_back(name: str) -> None:
    generated, original, mask = relit_pair(name)
    limits = {"relight_original": 3.0, "lab_histogram": 25.0, "lab_mkl": 20.0}
    for method, limit in limits.items():
        result, report = fix_color(generated, original, mask, None, Settings(method))  # type: ignore[arg-type]
        hue, correlation, difference = figures(result, generated, original, mask)
        assert hue <= limit, f"{method}: {hue:.1f}°"
        assert report[0]["fallback"] is False
        eight_bit = [(x * 255).round() for x in (result, generated)]
        assert torch.equal(eight_bit[0][mask == 0], eight_bit[1][mask == 0])
        if method == "relight_original":
            assert correlation >= 0.7 and abs(difference) <= 8, (correlation, difference)
            share, correlation, difference = lightness(result, generated, original, mask)
            assert correlation >= 0.7 and abs(difference) <= 8, (share, correlation, difference)
