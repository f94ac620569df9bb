"""What is worked out by planes, in place and at once, against the same written plainly in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prodgen_nodes.imaging.color import relight, safety, statistics
from prodgen_nodes.imaging.color.fix import Method, Settings, fix_color
from prodgen_nodes.imaging.color.matching import measure
from prodgen_nodes.imaging.color.overview import overview
from prodgen_nodes.imaging.color_planes import planes
from prodgen_nodes.imaging.colorspace import (
    delta_e00,
    hue_difference,
    lab_to_linear,
    linear_to_lab,
    linear_to_srgb,
    srgb_to_linear,
)
from prodgen_nodes.imaging.compositing import lay_over
from prodgen_nodes.imaging.placement import Affine
from torch import Tensor

from .color_pairs import jar

TO_XYZ = np.array(((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227)))
TO_XYZ /= np.array((0.95047, 1.0, 1.08883))[:, None]


def decoded(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0) + 0.055) / 1.055) ** 2.4)


def encoded(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def lab_of(linear: np.ndarray) -> np.ndarray:
    xyz = linear @ TO_XYZ.T
    x, y, z = np.moveaxis(np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116), -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def linear_of(lab: np.ndarray) -> np.ndarray:
    y = (lab[..., 0] + 16) / 116
    f = np.stack((y + lab[..., 1] / 500, y, y - lab[..., 2] / 200), axis=-1)
    linear: np.ndarray = np.where(f > 0.008856 ** (1 / 3), f**3, (f - 16 / 116) / 7.787) @ np.linalg.inv(TO_XYZ).T
    return linear


def difference_of(first: np.ndarray, second: np.ndarray) -> float:
    """CIEDE2000 of two colours, step by step as Sharma, Wu and Dalal (2005) number them."""
    (l1, a1, b1), (l2, a2, b2) = first.tolist(), second.tolist()
    c7 = ((math.hypot(a1, b1) + math.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - math.sqrt(c7 / (c7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 if a or b else 0.0 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else h2 - h1
    turn += -360 if turn > 180 else 360 if turn < -180 else 0
    d_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    h = h1 + h2
    if c1 * c2 != 0:
        h = h / 2 if abs(h1 - h2) <= 180 else (h + 360) / 2 if h < 360 else (h - 360) / 2
    c = (c1 + c2) / 2
    cos = [math.cos(math.radians(x)) for x in (h - 30, 2 * h, 3 * h + 6, 4 * h - 63)]
    t = 1 - 0.17 * cos[0] + 0.24 * cos[1] + 0.32 * cos[2] - 0.20 * cos[3]
    rotation = 30 * math.exp(-(((h - 275) / 25) ** 2))
    r_t = -2 * math.sqrt(c**7 / (c**7 + 25**7)) * math.sin(math.radians(2 * rotation))
    l50 = ((l1 + l2) / 2 - 50) ** 2
    d_l = (l2 - l1) / (1 + 0.015 * l50 / math.sqrt(20 + l50))
    d_c, d_h = (c2 - c1) / (1 + 0.045 * c), d_h / (1 + 0.015 * c * t)
    return math.sqrt(max(0.0, d_l**2 + d_c**2 + d_h**2 + r_t * d_c * d_h))


def test_curves_and_cielab() -> None:
    line = torch.linspace(-0.1, 1.3, 30_001)
    np.testing.assert_allclose(srgb_to_linear(line), decoded(line.double().numpy()), atol=5e-7)
    np.testing.assert_allclose(linear_to_srgb(line), encoded(line.double().numpy()), atol=5e-7)
    ends = torch.tensor([0.0, 1.0] * 37)
    assert torch.equal(srgb_to_linear(ends), ends)
    assert torch.equal(linear_to_srgb(ends[::2]), ends[::2])
    linear = torch.rand(60, 70, 3, generator=torch.Generator().manual_seed(1)) ** 3
    for picture in (linear, linear.movedim(-1, 0).contiguous().movedim(0, -1), linear[:, ::2]):
        lab = lab_of(picture.double().numpy())
        np.testing.assert_allclose(linear_to_lab(picture), lab, atol=5e-4)
        np.testing.assert_allclose(lab_to_linear(torch.from_numpy(lab)), picture, atol=1e-6)


_COLOUR = st.tuples(st.floats(0, 100), st.floats(-110, 110), st.floats(-110, 110))
_SAME_OR_GREY = st.sampled_from([(0.0, 0.0, 0.0), (100.0, 0.0, 0.0), (50.0, 0.0, -1.0), (50.0, 30.0, 0.0)])


@given(st.lists(st.tuples(_COLOUR | _SAME_OR_GREY, _COLOUR | _SAME_OR_GREY), min_size=1, max_size=20))
@settings(max_examples=150, deadline=None)
def test_colour_difference(pairs: list[tuple[tuple[float, ...], tuple[float, ...]]]) -> None:
    first, second = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    expected = [difference_of(a, b) for a, b in zip(first.numpy(), second.numpy(), strict=True)]
    np.testing.assert_allclose(delta_e00(first, second), expected, atol=1e-6)


def test_colour_difference_of_one_colour_and_many() -> None:
    many = torch.rand(40, 30, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 100 - 20
    one = torch.tensor((50.0, 20.0, -30.0), dtype=torch.float64)
    for first, second in ((one, many), (many, one), (many[:, None], many[0])):
        a, b = torch.broadcast_tensors(first, second)  # type: ignore[no-untyped-call]  # torch leaves it so
        whole = delta_e00(a.contiguous(), b.contiguous())
        assert float((delta_e00(first, second) - whole).abs().max()) < 1e-6
    turned = (torch.rad2deg(torch.atan2(many[..., 2], many[..., 1]) - math.atan2(-30, 20)) + 540) % 360 - 180
    assert float((hue_difference(many, one) - turned.abs()).abs().max()) < 1e-3


@pytest.mark.parametrize("method", ["lab_mkl", "lab_reinhard"])
def test_linear_transfers(method: Method) -> None:
    """Every pixel of a picture in one piece, where the result is a colour that sRGB has."""
    pair = jar(side=200)
    fixed = fix_color(pair.generated, pair.original, pair.mask, None, Settings(method))[0][0].double().numpy()
    weight = pair.mask[0].double().numpy().ravel()
    source, target = (decoded(p[0].double().numpy()).reshape(-1, 3) for p in (pair.generated, pair.original))
    lab, wanted = lab_of(source), lab_of(target)
    mean, mean_to = (np.average(x, axis=0, weights=weight) for x in (lab, wanted))
    spread, spread_to = (np.cov(x.T, aweights=weight, ddof=0) for x in (lab, wanted))
    if method == "lab_reinhard":
        matrix = np.diag(np.sqrt(np.diag(spread_to) / np.diag(spread)))
    else:
        values, vectors = np.linalg.eigh(spread)
        root, inverse = (vectors * values**power @ vectors.T for power in (0.5, -0.5))
        inner, axes = np.linalg.eigh(root @ spread_to @ root)
        matrix = inverse @ (axes * np.sqrt(inner) @ axes.T) @ inverse
    moved = linear_of((lab - mean) @ matrix.T + mean_to)
    expected = encoded(source + (moved - source) * weight[:, None])
    shown = (moved.min(axis=1) > 0) & (moved.max(axis=1) < 1) & (weight > 0)
    assert shown.mean() > 0.2
    assert np.abs(expected - fixed.reshape(-1, 3))[shown].max() < 1e-4
    assert np.array_equal(
        fixed.reshape(-1, 3)[weight == 0], pair.generated[0].double().numpy().reshape(-1, 3)[weight == 0]
    )


def test_histograms_share_each_pixel_between_two_bins() -> None:
    pair = jar(side=200)
    found = measure(pair.original[0], pair.mask[0], None, with_histograms=True)
    lab = lab_of(decoded(pair.original[0].double().numpy()).reshape(-1, 3))
    weight = pair.mask[0].double().numpy().ravel()
    for channel in (1, 2):
        place = (lab[:, channel] + 128) * 2047 / 256
        lower = place.astype(int)
        plain = np.bincount(lower, weight * (1 - place + lower), 2048) + np.bincount(
            lower + 1, weight * (place - lower), 2048
        )
        histogram = found.histograms[channel - 1]
        curve = statistics._quantile_curve(torch.from_numpy(plain), histogram)
        held = (
            np.flatnonzero(plain.cumsum() > 1e-3 * plain.sum())[0],
            np.flatnonzero(plain.cumsum() > 0.999 * plain.sum())[0],
        )
        moved = curve.numpy() - np.linspace(-128, 128, 2048)
        assert np.abs(moved[held[0] : held[1]]).max() < 2e-3  # a* and b*: 2e-5 in sRGB


def test_relit_pixels() -> None:
    pair = jar(side=160)
    view = overview(pair.generated[0], pair.original[0], pair.mask[0], 160, 150)
    light = relight.prepare(view, 160, 160, tint_limit=2.0)
    light = type(light)(**{**vars(light), "knee": 30.0})
    linear = srgb_to_linear(pair.original[0])
    weights = pair.mask[0].clamp(min=1e-3)
    found = light.apply(planes(linear), slice(0, 160), weights.flatten())
    row, column = torch.nonzero(light.inner < 1.0, as_tuple=True)
    product, backdrop = (view.sample(side, row, column) for side in (light.foreground, light.backdrop))
    direction = backdrop - product
    share = ((linear[row, column] - product) * direction).sum(-1) / (direction**2).sum(-1).clamp(min=1e-4)
    share = torch.minimum(share.clamp(min=0), 1 - weights[row, column])  # what the mask leaves to a backdrop
    cleaned = (linear[row, column] - share[:, None] * direction).clamp(min=0)
    plain = linear.clone()
    plain[row, column] = torch.lerp(cleaned, linear[row, column], light.inner[row, column, None])
    plain = plain * light.ratio[..., None] * torch.tensor(light.tint)
    y = plain @ torch.tensor((0.212671, 0.715160, 0.072169))
    lightness = 116 * y.clamp(min=0.008856) ** (1 / 3) - 16
    bent = ((30 + 15 * (1 - torch.exp(-(lightness - 30).clamp(min=0) / 15)) + 16) / 116) ** 3
    plain = plain * torch.where(lightness > 30, bent / y.clamp(min=1e-6), torch.ones(()))[..., None]
    assert float((found - plain.reshape(-1, 3).T).abs().max()) < 1e-5


def test_correlations_of_several_parts_at_all_offsets() -> None:
    generator = torch.Generator().manual_seed(3)
    template, picture = torch.rand(2, 37, 29, generator=generator, dtype=torch.float64)
    weights = torch.rand(3, 37, 29, generator=generator, dtype=torch.float64)
    found = safety._correlations(template, picture, weights, 4)
    padded = torch.nn.functional.pad(picture[None, None], (4,) * 4, mode="replicate")[0, 0]

    def plain(weight: Tensor, down: int, right: int) -> float:
        part = padded[down : down + 37, right : right + 29]
        pair = torch.stack((template, part)).flatten(1).numpy()
        covariance = np.cov(pair, aweights=weight.flatten().numpy(), ddof=0)
        return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))

    for part, weight in zip(found, weights, strict=True):
        for down, right in ((0, 0), (4, 4), (8, 1), (3, 8)):
            assert abs(float(part[down, right]) - plain(weight, down, right)) < 1e-9
    alone = safety._correlations(template, picture, weights[1], 4)
    assert float((alone - found[1]).abs().max()) < 1e-12


@settings(max_examples=60, deadline=None)
@given(st.integers(-30, 50), st.integers(-30, 50), st.integers(0, 3))
def test_a_whole_shift_lays_the_very_pixels(right: int, down: int, seed: int) -> None:
    """Also where the product hangs over the frame; just beside a whole shift the kernels give the same to 1e-4."""
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.nn.functional.interpolate(torch.rand(1, 3, 5, 4, generator=generator), size=(41, 33), mode="bilinear")
    rgb = rgb[0].permute(1, 2, 0).contiguous()
    alpha = torch.nn.functional.interpolate(
        torch.rand(1, 1, 5, 4, generator=generator) * 3 - 1, size=(41, 33), mode="bilinear"
    )
    alpha = alpha[0, 0].clamp(0, 1)
    canvas = torch.full((48, 44, 3), 0.25)
    shifted, beside = canvas.clone(), canvas.clone()
    laid = lay_over(shifted, rgb, alpha, Affine.scale_translate(1.0, float(right), float(down)))
    near = lay_over(beside, rgb, alpha, Affine.scale_translate(1.0, right + 1e-6, float(down)))
    expected = torch.zeros(48, 44)
    top, left = max(0, down), max(0, right)
    part = alpha[max(0, -down) : max(0, 48 - down), max(0, -right) : max(0, 44 - right)]
    expected[top : top + part.shape[0], left : left + part.shape[1]] = part
    assert float((laid - torch.where(expected < 1 / 255, 0.0, expected)).abs().max()) < 1 / 4000
    assert float((laid - near).abs().max()) < 1 / 200  # a share below 1/255 may fall on either side
    assert float((shifted - beside).abs().max()) < 1 / 200
    whole = laid >= 1
    assert torch.equal(shifted[laid == 0], canvas[laid == 0])
    if bool(whole.any()):
        rows, columns = torch.nonzero(whole, as_tuple=True)
        assert torch.equal(shifted[rows, columns], rgb[rows - down, columns - right])
