"""Colour is only taken from a product that stands where its original does: moved, zoomed and others are found out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prodgen_nodes.imaging.color.fix import Settings, fix_color
from prodgen_nodes.imaging.colorspace import (
    delta_e00,
    linear_to_srgb,
    srgb_to_lab,
    srgb_to_linear,
)
from scipy import ndimage

from tests.imaging.grip_products import product
from tests.imaging.registration_scenes import clutter
from tests.support.reference import PRODUCTS, reference

from .color_pairs import Pair, jar, mirror, sphere


@pytest.mark.first(1)
@pytest.mark.parametrize("shift", [80, 100])
def test_a_product_shifted_too_far_is_pasted_not_relit(shift: int) -> None:
    pair = jar()
    moved = torch.roll(pair.generated, shift, dims=2)
    result, report = fix_color(moved, pair.original, pair.mask)
    assert report[0]["applied"] == "paste_original" and report[0]["fallback"] is True
    assert report[0]["reason"] and report[0]["way"].startswith("pasted")
    assert shift > 80 or "does the generated product still show" in report[0]["warning"]
    inside = pair.mask >= 1
    assert torch.allclose(result[inside], pair.original[inside], atol=1e-5)
    anyway, report = fix_color(moved, pair.original, pair.mask, None, Settings(if_unsafe="relight_anyway"))
    assert report[0]["applied"] == "relight_original" and not torch.allclose(anyway, result)


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_two_pixels_are_no_reason_to_fall_back(shift: int) -> None:
    pair = jar(side=512)
    _, report = fix_color(torch.roll(pair.generated, shift, dims=1), pair.original, pair.mask)
    assert report[0]["fallback"] is False, report[0]["reason"]


def test_a_zoomed_product_is_found() -> None:
    pair = jar(side=400)
    zoomed = torch.nn.functional.interpolate(pair.generated.movedim(-1, 1), size=(424, 424), mode="bilinear")
    zoomed = zoomed[:, :, 12:412, 12:412].movedim(1, -1)
    _, report = fix_color(zoomed, pair.original, pair.mask)
    assert report[0]["way"] == "moved_back_and_relit" and "zoomed" in report[0]["moved_because"]


def test_another_product_is_found() -> None:
    pair = jar(side=320)
    other, _ = sphere(320, (-0.4, -0.4), 0.3)
    _, report = fix_color(torch.roll(other, 60, dims=1), pair.original, pair.mask)
    assert report[0]["fallback"] is True and "outlines" in report[0]["reason"]


ANYWAY = Settings(if_unsafe="relight_anyway")
"""Says what it found and looks no further for the product."""


def in_a_busy_scene(name: str, seed: int, shift: float = 0.0, zoom: float = 1.0) -> Pair:
    """A product with its exact mask, faded and redrawn in a dark light, before clutter with lamps; moved by `shift`
    (share of its longer side) and `zoom` about its middle, or only within two pixels."""
    shot, rng = reference(name), np.random.default_rng(seed)
    photo, alpha = shot.photo[None].permute(0, 3, 1, 2), shot.alpha[None, None]
    scale = 640 / max(photo.shape[-2:])
    photo, alpha = (torch.nn.functional.interpolate(x, scale_factor=scale, mode="area") for x in (photo, alpha))
    height, width = alpha.shape[-2:]
    scene = clutter(width, height, rng) ** 2.2 * 0.15
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    for _ in range(5):
        away = np.hypot(x - rng.uniform(0, 1), y - rng.uniform(0, 1))
        scene += np.exp(-((away / rng.uniform(0.01, 0.05)) ** 2))[..., None] * rng.uniform(0.2, 0.9, 3)
    linear = srgb_to_linear(photo[0].permute(1, 2, 0)).numpy()
    faded = ndimage.gaussian_filter(0.3 * linear + 0.7 * linear.mean(axis=2, keepdims=True), (1.2, 1.2, 0))
    grain = ndimage.gaussian_filter(rng.normal(size=(height, width, 1)), (2.5, 2.5, 0))
    light = rng.uniform(0.1, 0.4) * np.exp(1.2 * (rng.uniform(-1, 1) * (x - 0.5) + rng.uniform(-1, 1) * (y - 0.5)))
    lit = torch.from_numpy(faded * (1 + 0.15 * grain / grain.std()) * light[..., None]).float()
    columns, rows = (torch.nonzero(alpha[0, 0].amax(dim=axis) > 0.5).flatten() for axis in (0, 1))
    side = float(max(columns[-1] - columns[0], rows[-1] - rows[0]))
    dx, dy = (shift * side * f for f in (0.8, -0.6)) if shift else rng.uniform(-2, 2, 2)
    middle = [float(line[0] + line[-1] + 1) / size - 1 for line, size in ((columns, width), (rows, height))]
    theta = torch.tensor([[1 / zoom, 0, 0], [0, 1 / zoom, 0]])
    for axis, (away, size) in enumerate(((dx, width), (dy, height))):
        theta[axis, 2] = middle[axis] - (middle[axis] + 2 * away / size) / zoom
    stack = torch.cat((lit.permute(2, 0, 1) * alpha[0], alpha[0]))[None]
    grid = torch.nn.functional.affine_grid(theta[None], list(stack.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(stack, grid, align_corners=False)[0].permute(1, 2, 0)
    generated = linear_to_srgb((moved[..., :3] + torch.from_numpy(scene).float() * (1 - moved[..., 3:])).clamp(0, 1))
    return Pair(photo.permute(0, 2, 3, 1), generated[None], generated[None], alpha[0])


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(1, 8), marks=pytest.mark.slow)], ids=["one", "more"])
@pytest.mark.parametrize("name", PRODUCTS)
def test_the_edges_of_a_busy_scene_are_no_reason_to_fall_back(name: str, seeds: range) -> None:
    for seed in seeds:
        pair = in_a_busy_scene(name, seed)
        _, report = fix_color(pair.generated, pair.original, pair.mask, None, ANYWAY)
        assert "shifted" not in (report[0]["reason"] or "") and "moved_because" not in report[0], (seed, report[0])


@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(2), marks=pytest.mark.slow)], ids=["one", "two"])
@pytest.mark.parametrize(
    ("shift", "zoom"),
    [
        (0.06, 1.0),
        (0.0, 0.91),
        pytest.param(0.09, 1.0, marks=pytest.mark.slow),
        pytest.param(0.0, 1.08, marks=pytest.mark.slow),
    ],
)
def test_a_product_that_moved_in_a_busy_scene_is_found_out(shift: float, zoom: float, seeds: range) -> None:
    cases = [(name, seed) for name in PRODUCTS for seed in seeds]
    found = 0
    for name, seed in cases:
        pair = in_a_busy_scene(name, seed, shift, zoom)
        (report,) = fix_color(pair.generated, pair.original, pair.mask, None, ANYWAY)[1]
        found += bool(report["reason"] or report.get("moved_because"))
    assert found >= 0.85 * len(cases), f"{found} of {len(cases)}"


@pytest.mark.parametrize("shift", [8, 16])
def test_where_the_place_is_known_nobody_asks_for_it(shift: int) -> None:
    pair = jar()
    moved = torch.roll(pair.generated, shift, dims=2)
    _, report = fix_color(moved, pair.original, pair.mask, None, Settings(in_place=True))
    assert report[0]["applied"] == "relight_original" and report[0]["reason"] is None
    mirrors = (mirror(400, 1), mirror(400, 2), sphere(400, (0.0, 0.0), 0.0)[1])
    _, report = fix_color(mirrors[1], mirrors[0], mirrors[2], None, Settings(in_place=True))
    assert report[0]["fallback"] is True and "surface" in report[0]["reason"]


def slats(turn: float) -> torch.Tensor:
    """0 to 1 `[1,500,500,1]`: stripes with hard edges."""
    y, x = np.mgrid[:500, :500] / 500 - 0.5
    bars = (np.sin(40 * (x * np.cos(turn) + y * np.sin(turn))) > 0).astype(np.float32)
    return torch.from_numpy(ndimage.gaussian_filter(bars, 2.0))[None, ..., None]


@pytest.mark.parametrize("turn", [0.3, 0.8])
@pytest.mark.parametrize(("kind", "color"), [("carton", (0.5, 0.4, 0.3)), ("packet", (0.6, 0.6, 0.58))])
def test_a_hard_shadow_across_a_product_in_its_place_is_light(
    kind: str, color: tuple[float, float, float], turn: float
) -> None:
    rgb, mask = product(kind, color, 3, 500).tensors
    shaded = linear_to_srgb(srgb_to_linear(rgb) * (1 - 0.8 * slats(turn)))
    result, (report,) = fix_color(shaded, rgb, mask, None, Settings(in_place=True))
    assert report["reason"] is None, report["reason"]
    inside = mask > 0.98
    truth, relit, pasted = (srgb_to_lab(picture[inside]) for picture in (shaded, result, rgb))
    assert delta_e00(relit, truth).mean() < 0.6 * delta_e00(pasted, truth).mean()


@pytest.mark.parametrize("paint", [(0.1, 0.02, 0.02), (0.02, 0.05, 0.3)])
def test_coloured_stripes_painted_on_a_product_are_no_shadow(paint: tuple[float, float, float]) -> None:
    rgb, mask = product("carton", (0.5, 0.4, 0.3), 3, 500).tensors
    painted = linear_to_srgb(torch.lerp(srgb_to_linear(rgb), torch.tensor(paint), slats(0.6)))
    _, (report,) = fix_color(painted, rgb, mask, None, Settings(in_place=True))
    assert report["fallback"] is True and "surface" in report["reason"]
