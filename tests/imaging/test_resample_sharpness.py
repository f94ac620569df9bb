"""Placing is as sharp as Lanczos is without its rings, and draws a slanted edge as straight."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import sharpness as measured

SIDE = 240
"""At two fifths of it some two thousand steep pixels are left."""


@pytest.mark.parametrize("scale", [0.4, 0.7, 1.4, 2.0])
def test_strokes_are_as_sharp_as_lanczos_within_the_range_of_the_source(scale: float) -> None:
    """Lines of a half to four pixels in many tones: 3 % at most, also where a ring may use all that is under the
    kernel."""
    rgb = measured.strokes(SIDE)
    free, own = measured.lanczos(rgb, scale), measured.ours(rgb, scale)
    steep = measured.steepest(free)
    for reach in (2, 3):
        assert measured.sharpness(own, measured.held(free, rgb, scale, reach), steep) > 0.97


@pytest.mark.parametrize("scale", [0.4, 0.7, 1.4, 2.0])
def test_slanted_edges_are_as_straight_and_as_steep(scale: float) -> None:
    """No stair steps: the middle of an edge strays from its line no farther than Lanczos' by a hundredth of a pixel."""
    found = []
    for degrees in (3.0, 22.5, 70.0):
        for tones in measured.TONES:
            rgb = measured.edge(degrees, *tones)
            free = measured.lanczos(rgb, scale)
            pictures = (measured.ours(rgb, scale), free, measured.held(free, rgb, scale, 2))
            own, plain, held = (measured.along_the_edge(one, scale, degrees, tones) for one in pictures)
            found.append((own[0] - plain[0], own[1] / held[1]))
    strays, widths = np.mean(found, axis=0)
    assert strays < 0.01
    assert widths < 1.03
