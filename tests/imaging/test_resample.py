"""Resampling: exact where it can be, unbiased where it cannot, free of ringing in the alpha."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear
from prodgen_nodes.imaging.errors import ParameterError
from prodgen_nodes.imaging.placement import Affine
from prodgen_nodes.imaging.resample import Patch, place, placed_bands, premultiply


def soft_disc(size: int, radius: float, *, edge: float = 1.0) -> torch.Tensor:
    centers = torch.arange(size) + 0.5 - size / 2
    distance = torch.hypot(centers[:, None], centers[None, :])
    return ((radius - distance) / edge + 0.5).clamp(0, 1)


def on_canvas(patches: list[Patch], width: int, height: int, channels: int = 4) -> torch.Tensor:
    canvas = torch.zeros(height, width, channels)
    for patch in patches:
        canvas[patch.rows, patch.columns] = patch.pixels
    return canvas


def bands(rgb: torch.Tensor, alpha: torch.Tensor, transform: Affine, width: int, height: int) -> torch.Tensor:
    return on_canvas(list(placed_bands(rgb, alpha, transform, width, height)), width, height)


@given(st.integers(-9, 12), st.integers(-9, 12), st.integers(1, 9), st.integers(1, 11))
@settings(max_examples=40, deadline=None)
def test_whole_shifts_at_scale_1_are_exact(dx: int, dy: int, height: int, width: int) -> None:
    source = torch.rand(height, width, 4, generator=torch.Generator().manual_seed(height * 31 + width))
    canvas = on_canvas([place(source, Affine.scale_translate(1.0, float(dx), float(dy)), 12, 10)], 12, 10)
    expected = torch.zeros(10, 12, 4)
    for y, x in itertools.product(range(height), range(width)):
        if 0 <= y + dy < 10 and 0 <= x + dx < 12:
            expected[y + dy, x + dx] = source[y, x]
    assert torch.equal(canvas, expected)


@given(st.floats(0.06, 3.0), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_mass_and_centre_go_where_the_transform_says(scale: float, fx: float, fy: float) -> None:
    """The kernel neither adds nor moves light: a disc keeps its area times scale² and its centre of gravity."""
    alpha = soft_disc(80, 25.0, edge=4.0)
    transform = Affine.scale_translate(scale, 20 + fx, 20 + fy)
    side = int(80 * scale) + 45
    placed = bands(torch.full((80, 80, 3), 0.5), alpha, transform, side, side)[..., 3].double()
    assert float(placed.sum()) == pytest.approx(float(alpha.double().sum()) * scale**2, rel=0.02, abs=0.5)
    centers = torch.arange(side, dtype=torch.float64) + 0.5
    x = float((placed.sum(0) * centers).sum() / placed.sum())
    y = float((placed.sum(1) * centers).sum() / placed.sum())
    assert (x, y) == pytest.approx(transform.apply(40, 40), abs=0.03)


@pytest.mark.parametrize(("scale", "size"), [(0.5, 96), (0.31, 150), (0.1, 400), (1.7, 60)])
def test_agrees_with_pillow_lanczos(scale: float, size: int) -> None:
    """Same kernel as Pillow's, which works in float too: an independent implementation."""
    ramp = torch.linspace(0, 1, size)
    picture = 0.5 + 0.5 * torch.sin(9 * ramp[:, None] + 5 * ramp[None, :])
    target = round(size * scale)
    ours = place(picture.unsqueeze(-1), Affine(target / size, 0.0, 0.0, 0.0, target / size, 0.0), target, target)
    theirs = Image.fromarray(picture.numpy(), mode="F").resize((target, target), Image.Resampling.LANCZOS)
    inner = slice(4, -4)  # at the border Pillow renormalises; here there is nothing beyond the source
    assert np.abs(ours.pixels[..., 0].numpy() - np.asarray(theirs))[inner, inner].max() < 2e-5


def test_reduction_does_not_alias() -> None:
    """A one-pixel checkerboard reduced 7.3 times is its mean light, grey without moiré."""
    board = ((torch.arange(292)[:, None] + torch.arange(292)[None, :]) % 2).float()
    result = bands(
        board[..., None].expand(-1, -1, 3), torch.ones(292, 292), Affine.scale_translate(1 / 7.3, 0, 0), 40, 40
    )
    inner = result[3:-3, 3:-3, :3]
    assert float((inner - 0.5).abs().max()) < 0.01
    assert float(linear_to_srgb(inner).mean()) == pytest.approx(0.735, abs=0.01)


@given(st.floats(0.05, 3.0), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=30, deadline=None)
def test_alpha_stays_in_range_and_reaches_no_further_than_the_edge(scale: float, tx: float, ty: float) -> None:
    alpha = torch.zeros(64, 64)
    alpha[16:48, 12:52] = 1
    side = int(64 * scale) + 12
    result = bands(torch.full((64, 64, 3), 0.8), alpha, Affine.scale_translate(scale, 4 + tx, 4 + ty), side, side)
    placed = result[..., 3]
    assert float(result.min()) >= 0 and float(result.max()) <= 1
    centers = torch.arange(side) + 0.5
    reach = max(1.0, scale)
    for axis, low, high in ((1, 12, 52), (0, 16, 48)):
        offset = 4 + (tx if axis == 1 else ty)
        outside = (centers < low * scale + offset - reach) | (centers > high * scale + offset + reach)
        assert bool((placed.index_select(axis, torch.nonzero(outside).flatten()) == 0).all())
    x = (centers > 12 * scale + 4 + tx + reach + 0.5) & (centers < 52 * scale + 4 + tx - reach - 0.5)
    y = (centers > 16 * scale + 4 + ty + reach + 0.5) & (centers < 48 * scale + 4 + ty - reach - 0.5)
    assert bool((placed[y][:, x] == 1).all())


@given(st.floats(0.05, 2.5), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_one_colour_keeps_its_colour_to_the_last_edge_pixel(
    scale: float, red: float, green: float, blue: float
) -> None:
    """Whatever lies under the transparent part of the photo does not bleed in (magenta here)."""
    alpha = soft_disc(60, 20.0, edge=2.0)
    color = torch.tensor([red, green, blue])
    rgb = torch.where(alpha[..., None] > 0, color, torch.tensor([1.0, 0.0, 1.0]))
    result = bands(rgb, alpha, Affine.scale_translate(scale, 5.37, 4.81), 170, 170)
    seen = result[..., 3] > 1e-3
    straight = result[..., :3][seen] / result[..., 3:][seen]
    assert float((straight - srgb_to_linear(color)).abs().max()) < 2e-3


def test_bands_make_no_seam() -> None:
    """The same product some rows lower is cut into bands elsewhere, and comes out the same."""
    generator = torch.Generator().manual_seed(3)
    rgb, alpha = torch.rand(90, 40, 3, generator=generator), torch.ones(90, 40)
    here, lower = (bands(rgb, alpha, Affine.scale_translate(8.3, 3.4, 2.7 + by), 350, 900) for by in (0, 100))
    assert float((here[:800] - lower[100:]).abs().max()) < 1e-5


def level(value: int) -> float:
    return float(srgb_to_linear(torch.tensor(value / 255)))


def levels(linear: torch.Tensor) -> torch.Tensor:
    return linear_to_srgb(linear) * 255


TONES = st.integers(0, 255)


@given(
    scale=st.floats(0.3, 2.0),
    phase=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    tones=st.tuples(TONES, TONES),
    sides=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    angle=st.sampled_from([0.0, 0.05]),
)
@settings(max_examples=25, deadline=None)
def test_a_hard_edge_inside_the_product_gets_no_rings(
    scale: float, phase: tuple[float, float], tones: tuple[int, int], sides: tuple[int, int], angle: float
) -> None:
    """A rectangle or a line of one tone on another, both within the product: nothing beyond the two, both kept pure."""
    rgb = torch.full((60, 60, 3), tones[0] / 255)
    rgb[20 : 20 + sides[0], 20 : 20 + sides[1]] = tones[1] / 255
    side = int(60 * scale)
    turn = scale * math.sin(angle)
    transform = Affine(scale * math.cos(angle), -turn, phase[0], turn, scale * math.cos(angle), phase[1])
    result = bands(rgb, torch.ones(60, 60), transform, side, side)
    whole = result[..., 3] == 1
    shown = levels(result[..., :3])[whole]
    assert float(shown.min()) >= min(tones) - 2 and float(shown.max()) <= max(tones) + 2
    y, x = torch.meshgrid(torch.arange(side) + 0.5, torch.arange(side) + 0.5, indexing="ij")
    back = transform.inverted()
    u, v = (back.a * x + back.b * y + back.tx, back.c * x + back.d * y + back.ty)
    away = torch.maximum((u - 20 - sides[1] / 2).abs() - sides[1] / 2, (v - 20 - sides[0] / 2).abs() - sides[0] / 2)
    around = levels(result[..., :3])[whole & (away > 1.6 * max(1, 1 / scale) + 0.5)]
    assert float((around - tones[0]).abs().max()) <= 2


BEYOND = pytest.mark.xfail(strict=True, reason="a wave of three pixels is the same samples as hard lines: held to them")


@pytest.mark.parametrize("scale", [0.35, 0.6, 0.955, 1.0, 1.4, 2.0])
@pytest.mark.parametrize("cycles", [0.05, 0.1, 0.15, 0.2])
def test_fine_texture_stays_as_crisp_as_lanczos(scale: float, cycles: float) -> None:
    """A grating of so many cycles per pixel of the coarser grid keeps its contrast to 3 %, at every phase."""
    assert contrast_kept(scale, cycles) > 0.97


@pytest.mark.parametrize(("scale", "cycles"), [pytest.param(1.0, 0.3, marks=BEYOND), (0.5, 0.3), (0.955, 0.05)])
def test_the_finest_texture(scale: float, cycles: float) -> None:
    assert contrast_kept(scale, cycles) > 0.97


def contrast_kept(scale: float, cycles: float) -> float:
    """The contrast of a placed grating over that of plain Lanczos."""
    wave = 0.5 + 0.3 * torch.sin(2 * math.pi * cycles * min(1, scale) * torch.arange(300))
    rgb = linear_to_srgb(wave)[None, :, None].expand(8, -1, 3)
    kept = torch.zeros(2, dtype=torch.float64)
    for phase in (0.1, 0.35, 0.6, 0.85):
        transform = Affine(scale, 0, phase, 0, 1, 0)
        held = bands(rgb, torch.ones(8, 300), transform, int(300 * scale), 8)[3, 10:-10, 0]
        free = place(srgb_to_linear(rgb), transform, int(300 * scale), 8).pixels[3, 10:-10, 0]
        kept += torch.stack((held.double().var(), free.double().var()))
    return float(kept[0] / kept[1]) ** 0.5


@pytest.mark.parametrize("scale", [0.35, 0.6, 0.955, 1.0, 1.4, 2.0])
def test_an_edge_rises_as_steeply_as_lanczos(scale: float) -> None:
    """From 10 to 90 % of a step, sampled at a hundred phases: at most 3 % wider."""

    def rise(values: list[torch.Tensor], at: list[torch.Tensor]) -> float:
        order = torch.cat(at).argsort()
        profile = torch.cat(values)[order].numpy()
        places = torch.cat(at)[order].numpy()
        return float(np.interp(0.9, profile, places) - np.interp(0.1, profile, places))

    step = torch.zeros(8, 80, 3)
    step[:, 40:] = 1.0
    held, free, at = [], [], []
    for phase in np.linspace(0, 1, 100, endpoint=False):
        transform = Affine(scale, 0, float(phase), 0, 1, 0)
        side = int(80 * scale)
        near = torch.arange(side) + 0.5 - transform.apply(40, 0)[0]
        inner = near.abs() < 0.8 * max(1.0, scale)
        held.append(bands(step, torch.ones(8, 80), transform, side, 8)[3, :, 0][inner])
        free.append(place(step, transform, side, 8).pixels[3, :, 0][: inner.numel()][inner])
        at.append(near[inner])
    assert rise(held, at) <= 1.03 * rise(free, at)


@given(
    scale=st.floats(0.3, 2.0),
    phase=st.floats(0, 1),
    low=st.floats(0.2, 0.4),
    high=st.floats(0.6, 0.8),
    soft=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_an_outline_takes_no_colour_that_the_product_does_not_have(
    scale: float, phase: float, low: float, high: float, soft: bool
) -> None:
    """Stripes of two tones up to the outline: under partial coverage too every colour lies between them."""
    rgb = torch.full((50, 50, 3), low)
    rgb[:, ::3] = high
    rgb[::5] = high
    alpha = soft_disc(50, 18.0, edge=4.0 if soft else 0.01)
    result = bands(rgb, alpha, Affine.scale_translate(scale, 3 + phase, 4 - phase), 110, 110)
    seen = result[..., 3] > 1e-3
    straight = levels(result[..., :3][seen] / result[..., 3:][seen]) / 255
    assert float(straight.min()) > low - 2 / 255 and float(straight.max()) < high + 2 / 255


@pytest.mark.parametrize("shift", [(-500.0, 0.0), (0.0, 500.0), (3000.0, 3000.0)])
def test_off_the_canvas_nothing_is_placed(shift: tuple[float, float]) -> None:
    source = torch.ones(20, 20, 4)
    transform = Affine.scale_translate(2.0, *shift)
    assert place(source, transform, 60, 50).pixels.numel() == 0
    assert list(placed_bands(source[..., :3], source[..., 3], transform, 60, 50)) == []


def test_an_empty_mask_places_nothing() -> None:
    assert list(placed_bands(torch.rand(8, 8, 3), torch.zeros(8, 8), Affine.scale_translate(1, 0, 0), 8, 8)) == []


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_impossible_scales_are_refused(scale: float) -> None:
    transform = Affine.scale_translate(scale, 0.0, 0.0)
    with pytest.raises(ParameterError):
        place(torch.ones(4, 4, 4), transform, 8, 8)
    with pytest.raises(ParameterError):
        list(placed_bands(torch.ones(4, 4, 3), torch.ones(4, 4), transform, 8, 8))


def test_one_pixel_sources_work() -> None:
    result = bands(torch.full((1, 1, 3), 1.0), torch.ones(1, 1), Affine.scale_translate(6.0, 2.0, 2.0), 10, 10)
    assert float(result[4:6, 4:6, 3].min()) > 0.9


def test_a_quarter_turn_puts_pixels_where_the_transform_says() -> None:
    """Rotation takes another path: 90° about the origin, checked against torch.rot90."""
    alpha = soft_disc(33, 12.0)
    rgb = torch.rand(33, 33, 3, generator=torch.Generator().manual_seed(1))
    turned = bands(rgb, alpha, Affine(0.0, -1.0, 33.0, 1.0, 0.0, 0.0), 33, 33)
    expected = torch.rot90(premultiply(rgb, alpha), -1, (0, 1))
    assert float((turned - expected).abs().max()) < 1e-4


def test_a_small_rotation_keeps_area_and_centre() -> None:
    alpha, angle, scale = soft_disc(200, 60.0, edge=3.0), math.radians(11), 0.37
    transform = Affine(
        scale * math.cos(angle), -scale * math.sin(angle), 40.2, scale * math.sin(angle), scale * math.cos(angle), 9.6
    )
    placed = bands(torch.full((200, 200, 3), 0.4), alpha, transform, 140, 140)[..., 3]
    assert float(placed.sum()) == pytest.approx(float(alpha.sum()) * scale**2, rel=0.02)
    centers = torch.arange(140) + 0.5
    found = (
        float((placed.sum(0) * centers).sum() / placed.sum()),
        float((placed.sum(1) * centers).sum() / placed.sum()),
    )
    assert found == pytest.approx(transform.apply(100, 100), abs=0.1)


def test_a_mirror_is_refused() -> None:
    with pytest.raises(ParameterError, match="mirror"):
        place(torch.ones(4, 4, 4), Affine(-1.0, 0.1, 4.0, 0.1, 1.0, 0.0), 8, 8)


def test_inputs_are_not_changed() -> None:
    rgb, alpha = torch.rand(30, 20, 3), torch.rand(30, 20)
    before = rgb.clone(), alpha.clone()
    bands(rgb, alpha, Affine.scale_translate(0.6, 1.2, 2.2), 30, 30)
    assert torch.equal(rgb, before[0]) and torch.equal(alpha, before[1])
