"""A model of the plain backdrop of a product photo: what each pixel would show if the product were not there.

A backdrop is smooth, never constant: vignette, light fall-off, a horizon between wall and floor, soft shadows. It is
seen undisturbed along the picture's frame, so the first guess is the Coons patch of the four frame profiles (exact for
every sum of a row and a column function: gradients, vignettes, level horizons). The guess is then corrected by the
smoothed difference to the pixels that already agree with it, in a few rounds of growing trust.
Source of the patch: S. A. Coons, "Surfaces for computer-aided design of space forms", MIT 1967.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import hex_color
from ..filters import dilate, erode, gaussian_blur
from .regions import Regions, connected_to_frame
from .window import Window

BUSY = 0.5
"""How plain (0 to 1) a backdrop is that says nothing itself, at most."""
_FRAME = 0.012
"""Width of the frame strip that is read, as a fraction of the short side."""
_QUANTUM = 1.0 / 255
"""One step of an 8-bit file: no noise estimate goes below half of it."""


@dataclass(frozen=True)
class Backdrop:
    """`color` `[H,W,3]` sRGB; `spread` `[H,W]` and `noise` in sRGB units (1 sigma); `seen` `[H,W]` bool.

    `spread` is the backdrop's own local departure from the model (texture, noise), `noise` the pixel noise alone;
    `seen` marks pixels that show the undisturbed backdrop; `frame_agreement` 0..1 is the share of the picture's frame
    that does, `frame_spread` the frame's departure from a smooth surface in sRGB units; `usual` is the middle of all
    spreads; `whole` the size (height, width) of the picture, of which the planes may show a window only.
    """

    color: Tensor
    spread: Tensor
    noise: float
    seen: Tensor
    frame_agreement: float
    frame_spread: float
    usual: float
    whole: tuple[int, int]

    @property
    def side(self) -> int:
        """The whole picture's short side, the unit of lengths."""
        return min(self.whole)

    def inside(self, window: Window) -> Backdrop:
        """The same model, its planes cut to a window."""
        return replace(
            self, color=window.of(self.color), spread=window.of(self.spread), seen=window.of(self.seen).contiguous()
        )


def pixel_noise(srgb: Tensor) -> float:
    """Robust 1 sigma of pixel noise of `[H,W,3]`: the lower quartile of local Laplacian strength, so texture hardly
    counts.

    After Immerkær, "Fast noise variance estimation", 1996, with block medians in place of the mean.
    """
    height, width, _ = srgb.shape
    if min(height, width) < 16:
        return _QUANTUM
    # The Laplacian of both directions is the second difference of the second difference.
    rows = srgb[:-2] + srgb[2:] - 2 * srgb[1:-1]
    response = (rows[:, :-2] + rows[:, 2:] - 2 * rows[:, 1:-1]).abs_().amax(dim=-1)
    blocks = F.avg_pool2d(response.unsqueeze(0), 8).flatten() / 6.0
    return max(float(torch.quantile(blocks, 0.25)) * 1.25, 0.5 * _QUANTUM)


def _running_median(profile: Tensor, width: int) -> Tensor:
    """Median along the first axis of `[n,3]` over an odd `width`, ends repeated."""
    width = min(width | 1, 2 * ((profile.shape[0] - 1) // 2) + 1)
    if width < 3:
        return profile
    padded = F.pad(profile.T.unsqueeze(0), (width // 2, width // 2), mode="replicate")[0]
    return padded.unfold(1, width, 1).median(dim=-1).values.T


def _smooth(profile: Tensor, sigma: float) -> Tensor:
    return gaussian_blur(profile.T.reshape(1, 3, 1, -1), sigma).reshape(3, -1).T


def _pair(first: Tensor, second: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Two opposite frame profiles, smoothed; a sharp step survives only where both sides show it (a horizon)."""
    first, second = (_running_median(side, round(0.02 * size)) for side in (first, second))
    sigma = 0.03 * size
    low1, low2 = _smooth(first, sigma), _smooth(second, sigma)
    high1, high2 = first - low1, second - low2
    agree = torch.where(high1 * high2 > 0, torch.minimum(high1.abs(), high2.abs()) * high1.sign(), 0.0)
    return low1 + agree, low2 + agree


def frame_surface(srgb: Tensor) -> Tensor:
    """The Coons patch `[H,W,3]`, planar, of the picture's four frame strips."""
    height, width, _ = srgb.shape
    strip = max(1, min(round(_FRAME * min(height, width)) + 1, height, width))
    left, right = srgb[:, :strip].median(dim=1).values, srgb[:, -strip:].median(dim=1).values
    top, bottom = srgb[:strip].median(dim=0).values, srgb[-strip:].median(dim=0).values
    left, right = (side.T for side in _pair(left, right, height))
    top, bottom = (side.T for side in _pair(top, bottom, width))
    u = ((torch.arange(width, device=srgb.device) + 0.5) / width).view(1, 1, -1)
    v = ((torch.arange(height, device=srgb.device) + 0.5) / height).view(1, -1, 1)
    # Left and right less the line between the corners, so that one sum over the rows and one over the columns remain.
    c00, c01 = (left[:, 0] + top[:, 0]) / 2, (right[:, 0] + top[:, -1]) / 2
    c10, c11 = (left[:, -1] + bottom[:, 0]) / 2, (right[:, -1] + bottom[:, -1]) / 2
    left = left - torch.lerp(c00.view(3, 1), c10.view(3, 1), v.view(1, -1))
    right = right - torch.lerp(c01.view(3, 1), c11.view(3, 1), v.view(1, -1))
    surface = torch.lerp(top.unsqueeze(1), bottom.unsqueeze(1), v)
    return (surface + torch.lerp(left.unsqueeze(2), right.unsqueeze(2), u)).permute(1, 2, 0)


def fill_smoothly(values: Tensor, weight: Tensor) -> Tensor:
    """Extend `values` `[C,H,W]`, known where `weight` `[H,W]` > 0, over the whole grid: push-pull pyramid.

    Known pixels keep their weighted value, unknown ones take it from ever coarser averages (Gortler et al. 1996).
    """
    total = torch.cat((values * weight, weight.unsqueeze(0)), dim=0).unsqueeze(0)
    levels = [total]
    while min(levels[-1].shape[-2:]) > 1:
        levels.append(F.avg_pool2d(levels[-1], 2, ceil_mode=True, count_include_pad=False))
    coarse = levels[-1][:, :-1] / levels[-1][:, -1:].clamp(min=1e-6)
    for level in reversed(levels[:-1]):
        coarse = F.interpolate(coarse, size=level.shape[-2:], mode="bilinear", align_corners=False)
        weights = level[:, -1:]
        # 0.05: a pixel known to a twentieth already outweighs the guess from afar.
        trust = 0.05
        coarse = (level[:, :-1] + coarse * trust) / (weights + trust)
    return coarse[0]


def openings(candidate: Tensor, outside: Tensor, steps: Tensor, off: Tensor) -> Tensor:
    """Enclosed parts of `candidate` `[H,W]` that end in a hard edge all around: what is seen through a handle.

    A highlight on a white lid also looks like the backdrop, but fades into the lid; an opening is cut out sharply. A
    white sole on a white floor has another white: the tint of `off` `[H,W,3]`, pixel minus backdrop, tells.
    """
    regions = Regions(candidate & ~outside)
    if regions.count == 0:
        return torch.zeros_like(outside)
    mean = np.stack([regions.mean(off[..., channel]) for channel in range(3)], axis=1)
    tint = np.abs(mean - mean.mean(axis=1, keepdims=True)).max(axis=1)
    large = regions.area > 2e-4 * outside.numel()
    return regions.chosen((regions.rim_mean(steps) > 0.12) & large & (tint < 2.5 / 255))


def gradient(srgb: Tensor) -> Tensor:
    """Largest forward or backward step `[H,W]` of any channel of `[H,W,3]` to the four neighbours."""
    planes = srgb.permute(2, 0, 1)
    dx = (planes[:, :, 1:] - planes[:, :, :-1]).abs().amax(dim=0)
    dy = (planes[:, 1:] - planes[:, :-1]).abs().amax(dim=0)
    step = torch.maximum(F.pad(dx, (0, 1)), F.pad(dx, (1, 0)))
    return torch.maximum(step, torch.maximum(F.pad(dy, (0, 0, 0, 1)), F.pad(dy, (0, 0, 1, 0))))


class _Scene:
    """A picture `srgb` `[H,W,3]` and what every round of modelling reads from it: its frame's surface, steps, noise."""

    def __init__(self, srgb: Tensor) -> None:
        self.srgb = srgb
        self.noise = pixel_noise(srgb)
        self.surface = frame_surface(srgb)
        self.steps = gradient(srgb)

    def agreeing(self, color: Tensor, tolerance: float) -> Tensor:
        """Boolean `[H,W]`: calm pixels that show the modelled `color` `[H,W,3]` within `tolerance`, in its tint."""
        off = self.srgb - color
        # Light varies far more than its colour: a white sole on a bluish white floor differs in tint alone.
        tint = (off - off.mean(dim=-1, keepdim=True)).abs().amax(dim=-1)
        near = off.abs().amax(dim=-1) < max(tolerance, 6 * self.noise)
        calm = self.steps < max(0.03, 8 * self.noise)
        return near & calm & (tint < max(0.3 * tolerance, 5 * self.noise))


def _smoothed(values: Tensor, weight: Tensor, sigma: float, least: float) -> Tensor:
    """`values` `[C,H,W]` averaged where `weight` `[H,W]` counts, and continued smoothly where none does."""
    mean = gaussian_blur(torch.cat((values * weight, weight.unsqueeze(0))).unsqueeze(0), sigma)[0]
    share = mean[-1].clamp(min=1e-4)
    return fill_smoothly(mean[:-1] / share, (share > least).float() * share)


def _measured(scene: _Scene, color: Tensor, seen: Tensor, grid: tuple[int, int]) -> Backdrop:
    """The model with its spreads, which are smooth and so averaged on a `grid` of at most the picture's size."""
    color = color.clamp(0.0, 1.0)
    off = (scene.srgb - color).abs().amax(dim=-1)
    averages = F.interpolate(torch.stack((off.square() * seen, seen.float())).unsqueeze(0), size=grid, mode="area")[0]
    mean = averages[:1] / averages[1:].clamp(min=1e-4)
    spread = _smoothed(mean, averages[1], max(2.0, 0.03 * min(grid)), 0.05).clamp(min=0.0)
    spread = F.interpolate(spread.unsqueeze(0), size=seen.shape, mode="bilinear", align_corners=False)[0, 0]
    ring = torch.zeros_like(seen)
    strip = max(1, round(_FRAME * min(seen.shape)))
    ring[:strip] = ring[-strip:] = True
    ring[:, :strip] = ring[:, -strip:] = True
    frame_off = off[ring]
    spread = torch.sqrt(spread + scene.noise**2)
    return Backdrop(
        color=color,
        spread=spread,
        noise=scene.noise,
        seen=seen,
        frame_agreement=float(seen[ring].float().mean()),
        frame_spread=float(torch.quantile(frame_off[:: max(1, frame_off.numel() // 100000)], 0.9)),
        usual=float(spread[::2, ::2].median()),
        whole=(seen.shape[0], seen.shape[1]),
    )


class BackdropModel:
    """Models the backdrop of one picture `[H,W,3]` (sRGB 0..1), as often as it takes to learn what is product."""

    def __init__(self, srgb: Tensor) -> None:
        self._scene = _Scene(srgb)
        self._residual = (srgb - self._scene.surface).permute(2, 0, 1)

    def fit(self, exclude: Tensor | None = None, start: Backdrop | None = None) -> Backdrop:
        """The model without the pixels of `exclude` `[H,W]` bool, which never count; `start`: a model to go on from."""
        scene, size = self._scene, min(self._scene.srgb.shape[:2])
        color = scene.surface if start is None else start.color
        seen = torch.ones_like(scene.steps, dtype=torch.bool)
        for tolerance in (0.10, 0.06, 0.04) if start is None else (0.06, 0.04):
            seen = scene.agreeing(color, tolerance)
            if exclude is not None:
                seen &= ~exclude
            outside = connected_to_frame(seen)
            seen = outside | openings(seen, outside, scene.steps, scene.srgb - color)
            weight = erode(seen, max(1, round(0.004 * size))).float()
            if float(weight.sum()) < 0.01 * weight.numel():
                weight = seen.float()
            if float(weight.sum()) == 0:
                break
            added = _smoothed(self._residual, weight, max(1.0, 0.012 * size), 0.1)
            color = scene.surface + added.permute(1, 2, 0)
        return _measured(scene, color, seen, (scene.srgb.shape[0], scene.srgb.shape[1]))

    def enlarged(self, backdrop: Backdrop, srgb: Tensor) -> Backdrop:
        """A fitted model at the size of the same picture `srgb` `[H,W,3]` at a larger size.

        What was added to the frame's own surface is smooth and can be enlarged; the surface itself, which may hold a
        sharp horizon, and what shows the backdrop are found anew.
        """
        small = self._scene.srgb
        size, grid = (srgb.shape[0], srgb.shape[1]), (small.shape[0], small.shape[1])
        if size == grid:
            return backdrop
        large = _Scene(srgb)
        added = (backdrop.color - self._scene.surface).permute(2, 0, 1).unsqueeze(0)
        added = F.interpolate(added, size=size, mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
        color = large.surface + added
        around = F.interpolate(dilate(backdrop.seen, 2)[None, None].float(), size=size, mode="nearest")[0, 0] > 0.5
        return _measured(large, color, large.agreeing(color, 0.04) & around, grid)


def describe_backdrop(backdrop: Backdrop) -> dict[str, Any]:
    """Colour and kind of a backdrop for the report."""
    mean = backdrop.color.reshape(-1, 3)
    middle = mean.median(dim=0).values
    fall = float((mean.amax(dim=0) - mean.amin(dim=0)).max())
    busy = backdrop.frame_agreement < 0.75 or backdrop.frame_spread * 255 > 12
    kind = "busy" if busy else "even" if fall < 0.04 else "shaded"
    if kind != "busy" and float(middle.min()) > 0.985:
        kind = "blown out white"
    return {"color": hex_color(middle), "kind": kind, "noise": backdrop.noise, "spread": backdrop.frame_spread}
