"""Colour spaces against published values and against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging import colorspace
from prodgen_nodes.imaging.errors import ParameterError
from skimage import color as skcolor

# Sharma, Wu, Dalal 2005, table 1: L1 a1 b1, L2 a2 b2, ΔE00.
SHARMA = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
PAIRS = [tuple(float(x) for x in line.split()) for line in SHARMA.strip().splitlines()]


@pytest.mark.parametrize("pair", PAIRS, ids=[str(i + 1) for i in range(len(PAIRS))])
def test_ciede2000_published_pairs(pair: tuple[float, ...]) -> None:
    first, second = torch.tensor(pair[:3], dtype=torch.float64), torch.tensor(pair[3:6], dtype=torch.float64)
    assert float(colorspace.delta_e00(first, second)) == pytest.approx(pair[6], abs=1e-4)


def random_srgb(count: int = 20_000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    colors = torch.rand(count, 3, generator=generator)
    colors[:1000] *= 0.02  # the linear toe of the curves
    return torch.cat((colors, torch.eye(3), torch.zeros(1, 3), torch.ones(1, 3)))


def test_lab_agrees_with_scikit_image() -> None:
    srgb = random_srgb()
    ours, theirs = colorspace.srgb_to_lab(srgb).numpy(), skcolor.rgb2lab(srgb.numpy())
    assert np.abs(ours - theirs).max() < 2e-3


def test_ciede2000_agrees_with_scikit_image_in_float32() -> None:
    first, second = colorspace.srgb_to_lab(random_srgb()), colorspace.srgb_to_lab(random_srgb().flip(0))
    ours = colorspace.delta_e00(first, second).numpy()
    assert np.abs(ours - skcolor.deltaE_ciede2000(first.numpy(), second.numpy())).max() < 5e-3
    assert float(colorspace.delta_e00(first, first).max()) == 0.0


def test_round_trips() -> None:
    srgb = random_srgb()
    assert float((colorspace.linear_to_srgb(colorspace.srgb_to_linear(srgb)) - srgb).abs().max()) < 2e-6
    assert float((colorspace.lab_to_srgb(colorspace.srgb_to_lab(srgb)) - srgb).abs().max()) < 2e-4
    double = srgb.double()
    assert float((colorspace.lab_to_srgb(colorspace.srgb_to_lab(double)) - double).abs().max()) < 2e-5


def test_grey_has_no_colour_and_luminance_is_y() -> None:
    grey = torch.linspace(0, 1, 256)[:, None].expand(-1, 3)
    lab = colorspace.srgb_to_lab(grey)
    assert float(colorspace.chroma(lab).max()) < 0.02
    assert float(lab[-1, 0]) == pytest.approx(100, abs=1e-3) and float(lab[0, 0]) == pytest.approx(0, abs=1e-3)
    linear = random_srgb()
    assert np.abs(colorspace.luminance(linear).numpy() - linear.numpy() @ [0.212671, 0.715160, 0.072169]).max() < 1e-6


def test_hue_difference_wraps_around() -> None:
    def at(degrees: float) -> torch.Tensor:
        angle = torch.deg2rad(torch.tensor(degrees))
        return torch.stack((torch.tensor(50.0), 30 * torch.cos(angle), 30 * torch.sin(angle)))

    assert float(colorspace.hue_difference(at(350), at(10))) == pytest.approx(20, abs=1e-3)
    assert float(colorspace.hue_difference(at(90), at(270))) == pytest.approx(180, abs=1e-3)


def test_hex_colours() -> None:
    assert colorspace.parse_hex("#ff8000") == pytest.approx((1.0, 128 / 255, 0.0))
    assert colorspace.parse_hex(" #fff ") == (1.0, 1.0, 1.0)
    with pytest.raises(ParameterError, match="#rrggbb"):
        colorspace.parse_hex("white")


def test_black_and_white_decode_exactly() -> None:
    ends = torch.tensor([0.0, 1.0])
    assert torch.equal(colorspace.srgb_to_linear(ends), ends)
    torch.testing.assert_close(colorspace.linear_to_srgb(ends), ends, rtol=0, atol=1e-6)
