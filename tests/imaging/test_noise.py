"""Noise: measured where nothing else is, averaged away before evidence is read, and no reason to believe a guess."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model
from prodgen_nodes.imaging.segmentation.noise import calmed, noise_of
from torch import Tensor

from .segmentation_products import errors, scene


def grainy(photo: Tensor, levels: float, seed: int = 1, coarse: int = 1) -> Tensor:
    """The photo as an 8-bit file with sensor noise of so many levels, clipped at black and white; `coarse`: the size of
    its grain in pixels."""
    height, width, _ = photo.shape
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn((1, 3, height // coarse + 1, width // coarse + 1), generator=generator)
    noise = noise.repeat_interleave(coarse, 2).repeat_interleave(coarse, 3)[0, :, :height, :width]
    return ((photo + levels / 255 * noise.permute(1, 2, 0)).clamp(0, 1) * 255).round() / 255


@given(level=st.floats(0.2, 0.8), sigma=st.floats(2.0, 12.0), seed=st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_noise_is_measured_and_most_of_it_goes(level: float, sigma: float, seed: int) -> None:
    noisy = grainy(torch.full((160, 200, 3), level), sigma, seed)
    assert 0.7 * sigma < 255 * noise_of(noisy) < 1.3 * sigma
    calm, noise = calmed(noisy)
    assert noise == noise_of(noisy) and noise_of(calm) < 0.4 * noise


def test_noise_that_a_reduction_made_coarser_is_seen() -> None:
    noisy = grainy(torch.full((600, 700, 3), 0.5), 6.0)
    smaller = F.interpolate(noisy.permute(2, 0, 1)[None], size=(500, 583), mode="area")[0].permute(1, 2, 0)
    assert 2.0 < 255 * noise_of(smaller) < 6.5


def test_texture_is_no_noise_and_a_clean_photo_stays_as_it_is() -> None:
    leaves = torch.rand((40, 50, 3), generator=torch.Generator().manual_seed(2))
    soft = F.interpolate(leaves.permute(2, 0, 1)[None], scale_factor=10, mode="bicubic")[0].permute(1, 2, 0).clamp(0, 1)
    for clean in (soft, scene("bag", 1, size=256).photo, torch.zeros((64, 64, 3)), torch.ones((7, 9, 3))):
        assert calmed(clean)[0] is clean


def test_edges_stay_where_they_are() -> None:
    step = torch.full((120, 120, 3), 0.3)
    step[:, 60:] = 0.6
    calm, _ = calmed(grainy(step, 6.0))
    profile = calm.mean(dim=(0, 2))
    assert abs(float(profile[57]) - 0.3) < 0.04 and abs(float(profile[62]) - 0.6) < 0.04


@pytest.mark.each_once
@pytest.mark.parametrize("kind", ["bag", "twin", "jar"])
@pytest.mark.parametrize("levels", [5.0, 10.0])
def test_a_noisy_photo_of_what_can_be_seen_is_right_and_trusted(kind: str, levels: float) -> None:
    """A good cut-out is not refused for the noise of its backdrop."""
    made = scene(kind, 3, size=512)
    cut = from_model(grainy(made.photo, levels), made.alpha)
    assert errors(cut.alpha, made.alpha)[2] >= 0.98, cut.report
    assert cut.confidence >= TRUSTED, cut.report


@given(
    levels=st.floats(0.0, 9.0), coarse=st.integers(1, 2), light=st.sampled_from([1.6, 0.015]), seed=st.integers(0, 9)
)
@settings(max_examples=10, deadline=None)
def test_noise_is_no_outline(levels: float, coarse: int, light: float, seed: int) -> None:
    """White before blown-out white, black in the dark: whatever a network drew there is a guess, with noise or not."""
    colour = (light, light, light)
    made = scene("jar", seed, size=320, backdrop=colour, product=colour, shadow=0.0, noise=0.3)
    cut = from_model(grainy(made.photo, levels, seed, coarse), made.alpha)
    assert cut.confidence < TRUSTED, cut.report
