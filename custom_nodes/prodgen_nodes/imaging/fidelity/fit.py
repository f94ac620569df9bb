"""What does not count before two pictures of a product are compared: a shift below two pixels, and other light.

The shift is found by Gauss-Newton steps on band-passed luma (Lucas, Kanade 1981; Baker, Matthews 2004), the light as
one curve per channel: a straight line between the logarithms of the linear values, so gain, gamma and a cast.
Both robustly (Tukey's weights), so that a place that was painted over does not pull them.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import gaussian_blur
from .pixels import luma

_SIDE = 900
"""Pixels of the longer side at which a shift is looked for: it is one of the whole picture."""
_FARTHEST, _NEAREST = 2.0, 0.04
"""Pixels: a larger shift is a fault of the picture, a smaller one is none."""
_ROUNDS = 4
"""Of Gauss and Newton's method: with two or six the figures of 16 drawn scenes change in the fourth digit."""
_TUKEY = 4.685
"""Standard deviations at which the biweight gives a pixel no say: 95 % efficient on normal noise, the textbook's
value."""
_SAMPLE = 1 << 15
"""Pixels that are looked at: two numbers are sought, 32 768 are enough."""
_DARKEST = 0.004
"""Linear value added before a logarithm: below it there is only noise."""
_GAIN, _GAMMA = 0.35, (0.8, 1.25)
"""Light changes up to this are light: the logarithm of a gain, and a gamma."""
_LANCZOS = 3
"""Lobes of the kernel that moves a picture, those of `resample`; with two SSIM differs by 0.0002."""


def displacement(picture: Tensor, expected: Tensor, inside: Tensor) -> tuple[float, float]:
    """How far sRGB `picture` lies from `expected` `[H,W,3]` in pixels (x, y), measured where `inside` `[H,W]` is true.

    (0, 0) where that is more than two pixels or cannot be told.
    """
    factor = max(1, round(max(inside.shape) / _SIDE))
    planes = torch.stack((luma(picture), luma(expected), inside.to(picture)))[None]
    if factor > 1:
        planes = F.avg_pool2d(planes, factor)
    bands = gaussian_blur(planes[:, :2], 1.0) - gaussian_blur(planes[:, :2], 5.0)
    (here, there), weight = bands[0], planes[0, 2] > 0.99
    total = torch.zeros(2, dtype=torch.float64)
    chosen = torch.nonzero(weight.flatten()).flatten()
    if chosen.numel() < 64:
        return 0.0, 0.0
    chosen = chosen[:: 1 + chosen.numel() // _SAMPLE]
    values = here.flatten()[chosen].double()
    around = _around(chosen, *here.shape)
    for _ in range(_ROUNDS):
        moved = shifted(there[None], float(total[0]), float(total[1]))[0]
        step = _step(values, moved.flatten()[around])
        total += step
        if not math.isfinite(float(total.sum())) or float(total.abs().max()) * factor > _FARTHEST:
            return 0.0, 0.0
        if float(step.abs().max()) < 0.01:
            break
    dx, dy = (float(value) * factor for value in total)
    return (0.0, 0.0) if max(abs(dx), abs(dy)) < _NEAREST else (dx, dy)


def _around(chosen: Tensor, height: int, width: int) -> Tensor:
    """Flat indices `[5,n]` of the `chosen` pixels and of those right, left, below and above; the frame is a torus."""
    row, column = torch.div(chosen, width, rounding_mode="floor"), chosen % width
    beside = [row * width + (column + step) % width for step in (1, -1)]
    return torch.stack((chosen, *beside, *((row + step) % height * width + column for step in (1, -1))))


def _step(values: Tensor, moved: Tensor) -> Tensor:
    """One robust least-squares step (x, y): `values` `[n]` of one picture against the other's `moved` `[5,n]`, each
    with its neighbours right, left, below and above."""
    there, right, left, below, above = moved
    there, x, y = (part.double() for part in (there, (right - left) / 2, (below - above) / 2))
    design = torch.stack((there, -x, -y), dim=1)
    weight = torch.ones_like(values)
    solution = torch.zeros(3, dtype=torch.float64, device=values.device)
    for _ in range(3):
        weighted = design * weight[:, None]
        system = weighted.T @ design + 1e-9 * torch.eye(3, dtype=torch.float64, device=values.device)
        solution = torch.linalg.solve(system, weighted.T @ values)
        weight = _tukey(values - design @ solution)
    gain = solution[0].clamp(min=0.2)
    return (solution[1:] / gain).cpu().clamp(-1.0, 1.0)


def _tukey(residual: Tensor) -> Tensor:
    """Weights `[n]`: 1 at 0, 0 from 4.7 standard deviations (by the median) on."""
    scale = 1.4826 * residual.abs().median().clamp(min=1e-4) * _TUKEY
    return (1 - (residual / scale).square()).clamp(min=0.0).square()


def shifted(planes: Tensor, dx: float, dy: float) -> Tensor:
    """`planes` `[C,H,W]` moved by (dx, dy) pixels, Lanczos-3, borders repeated."""
    for move, dim in ((dx, -1), (dy, -2)):
        if move != 0.0:
            planes = _moved(planes, move, dim)
    return planes


def _moved(planes: Tensor, move: float, dim: int) -> Tensor:
    whole = math.floor(move)
    taps = torch.arange(-_LANCZOS, _LANCZOS, dtype=torch.float64)
    at = taps + (move - whole)
    kernel = torch.sinc(at) * torch.sinc(at / _LANCZOS)
    kernel /= kernel.sum()
    reach, length = _LANCZOS + abs(whole) + 1, planes.shape[dim]
    pads = (reach, reach, 0, 0) if dim == -1 else (0, 0, reach, reach)
    padded = F.pad(planes[None], pads, mode="replicate")[0]
    out = torch.zeros_like(planes)
    for tap, weight in zip(taps.tolist(), kernel.tolist(), strict=True):
        out.add_(padded.narrow(dim, reach - whole + int(tap), length), alpha=weight)
    return out


def light_curve(picture: Tensor, expected: Tensor, inside: Tensor) -> Tensor:
    """Linear `expected` `[1,3,h,w]` in the light of linear `picture`: one gain and one gamma per channel."""
    chosen = torch.nonzero(inside.flatten()).flatten()
    chosen = chosen[:: 1 + chosen.numel() // _SAMPLE]
    if chosen.numel() < 16:
        return expected
    curved = []
    for channel in range(3):
        x = expected[0, channel].clamp(min=0.0).add_(_DARKEST).log_()
        y = picture[0, channel].flatten()[chosen].clamp_(min=0.0).add_(_DARKEST).log_()
        gain, gamma = _line(x.flatten()[chosen].double(), y.double())
        curved.append(x.mul_(gamma).add_(gain).exp_().sub_(_DARKEST).clamp_(0.0, 1.0))
    return torch.stack(curved).unsqueeze(0)


def _line(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Robust `y = gain + gamma·x`."""
    middle = x.median()
    centred = x - middle
    weight = torch.ones_like(x)
    gain, gamma = float((y - x).median()), 1.0
    for _ in range(4):
        weight = _tukey(y - middle - gain - gamma * centred)
        total = weight.sum().clamp(min=1e-9)
        mean_x, mean_y = (weight * centred).sum() / total, (weight * (y - middle)).sum() / total
        spread = (weight * (centred - mean_x).square()).sum() / total
        slope = (weight * (centred - mean_x) * (y - middle - mean_y)).sum() / total
        # A product of one brightness has no gamma: a prior of 1.
        gamma = min(_GAMMA[1], max(_GAMMA[0], float((slope + 0.01) / (spread + 0.01))))
        gain = float(mean_y - gamma * mean_x)
    gain = min(_GAIN, max(-_GAIN, gain))
    return gain + float(middle) * (1 - gamma), gamma
