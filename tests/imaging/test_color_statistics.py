"""What the statistics transfers measure, strip by strip, against the same figures of all pixels at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.color.fix import Method, Settings, fix_color
from prodgen_nodes.imaging.color.matching import measure
from prodgen_nodes.imaging.color_planes import (
    lab_of_roots,
    linear_of_roots,
    planes,
    roots_of_lab,
    roots_of_linear,
)
from prodgen_nodes.imaging.colorspace import linear_to_lab, srgb_to_lab
from prodgen_nodes.imaging.errors import NotFiniteError

from .color_pairs import jar

STATISTICS: list[Method] = ["lab_histogram", "lab_mkl", "lab_reinhard"]


def colours(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, 3, generator=torch.Generator().manual_seed(seed))


def test_planes_are_a_copy_and_agree_with_the_colour_space() -> None:
    linear = colours(40, 50) ** 2.2
    linear[0] *= 1e-3  # the toe
    flat = planes(linear)
    single = linear[:1, :1]
    assert planes(single).data_ptr() != single.data_ptr()
    roots = roots_of_linear(flat)
    expected = linear_to_lab(linear.reshape(-1, 3)).T
    assert float((lab_of_roots(roots) - expected).abs().max()) < 2e-4
    assert float((roots_of_lab(expected) - roots).abs().max()) < 1e-6
    assert float((linear_of_roots(roots) - flat).abs().max()) < 2e-6


@pytest.mark.parametrize("spread", [1.0, 0.01])
def test_strips_together_give_the_statistics_of_the_whole(spread: float) -> None:
    """Several strips of unlike colours and soft weights, also where hardly any colour is left."""
    picture = 0.5 + (colours(600, 400) - 0.5) * spread
    picture[:200] *= 0.6
    weights = (torch.rand(600, 400, generator=torch.Generator().manual_seed(1)) * 1.5 - 0.5).clamp(0, 1)
    weights[:, :30] = 0
    found = measure(picture, weights, None, with_histograms=True)
    lab, shares = srgb_to_lab(picture.double()).reshape(-1, 3).numpy(), weights.double().flatten().numpy()
    np.testing.assert_allclose(found.mean, np.average(lab, axis=0, weights=shares), atol=2e-4)
    expected = np.cov(lab.T, aweights=shares, ddof=0)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-4, atol=1e-4 * expected[1, 1])
    np.testing.assert_allclose(found.histograms.sum(dim=1), shares.sum(), rtol=1e-6)
    centres = torch.linspace(-128, 128, 2048, dtype=torch.float64)
    np.testing.assert_allclose((found.histograms @ centres) / shares.sum(), found.mean[1:], atol=1e-3)


@pytest.mark.parametrize("method", STATISTICS)
def test_what_is_no_number_is_refused_outside_the_mask_too(method: Method) -> None:
    pair = jar(side=160)
    broken = torch.where((pair.mask == 0)[..., None], torch.nan, pair.generated)
    with pytest.raises(NotFiniteError, match="image"):
        fix_color(broken, pair.original, pair.mask, None, Settings(method))


@pytest.mark.parametrize("method", STATISTICS)
@pytest.mark.parametrize("keep", [False, True])
def test_the_reported_mean_is_the_one_that_was_reached(method: Method, keep: bool) -> None:
    image, reference = colours(90, 110)[None] * 0.2 + 0.4, colours(70, 60, seed=1)[None] * 0.15 + 0.4
    result, report = fix_color(image, reference, settings=Settings(method, keep_lightness=keep))
    reached = srgb_to_lab(result).mean(dim=(0, 1, 2)).tolist()
    assert report[0]["mean_lab_after"] == pytest.approx(reached, abs=2e-2)
