"""Sub-pixel, antialiased resampling of premultiplied pictures into a patch of a canvas, in float32.

Separable Lanczos-3 whose support widens with reduction (as in Pillow), evaluated as blocks of dense products so that
an 8000² picture needs neither a sparse library nor the whole weight matrix. Rotated placements go through grid_sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .colorspace import srgb_to_linear
from .errors import ParameterError
from .placement import Affine

_LOBES = 3
_BLOCK = 32


@dataclass(frozen=True)
class Patch:
    """A piece of canvas: `pixels` `[h,w,C]` with its top-left corner at column `left`, row `top`."""

    left: int
    top: int
    pixels: Tensor

    @property
    def rows(self) -> slice:
        return slice(self.top, self.top + self.pixels.shape[0])

    @property
    def columns(self) -> slice:
        return slice(self.left, self.left + self.pixels.shape[1])


def premultiply(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Linear-light premultiplied RGBA `[...,4]` of sRGB `[...,3]` and alpha `[...]`."""
    return torch.cat((srgb_to_linear(rgb) * alpha.unsqueeze(-1), alpha.unsqueeze(-1)), dim=-1)


def settle_alpha(rgba: Tensor) -> Tensor:
    """Undo a kernel's overshoot on premultiplied RGBA `[...,4]`: alpha into 0..1, colour kept where it exceeded 1."""
    alpha = rgba[..., 3:]
    color = rgba[..., :3] / alpha.clamp(min=1.0)
    visible = alpha > 0
    color = torch.where(visible, color.clamp(min=0.0), torch.zeros_like(color))
    return torch.cat((color, alpha.clamp(0.0, 1.0)), dim=-1)


def _resample_rows(x: Tensor, scale: float, offset: float, start: int, stop: int) -> Tensor:
    """Rows `start..stop` of the resampled `x` `[n, m]`; outside `x` there is nothing (zero), `X = scale·x + offset`."""
    count = x.shape[0]
    stretch = max(1.0, 1.0 / scale)
    reach = _LOBES * stretch
    out = x.new_zeros((stop - start, x.shape[1]))
    for block in range(start, stop, _BLOCK):
        end = min(block + _BLOCK, stop)
        centers = (torch.arange(block, end, dtype=torch.float64) + 0.5 - offset) / scale
        first = math.floor(float(centers[0]) - reach)
        last = math.ceil(float(centers[-1]) + reach)
        taps = torch.arange(first, last, dtype=torch.float64) + 0.5
        distance = (taps[None, :] - centers[:, None]) / stretch
        weights = torch.sinc(distance) * torch.sinc(distance / _LOBES) * (distance.abs() < _LOBES)
        weights = weights / weights.sum(dim=1, keepdim=True)
        inside = slice(max(first, 0), min(last, count))
        if inside.start >= inside.stop:
            continue
        part = weights[:, inside.start - first : inside.stop - first].to(x)
        out[block - start : end - start] = part @ x[inside]
    return out


def _covered(scale: float, offset: float, count: int, limit: int) -> tuple[int, int]:
    reach = _LOBES * max(1.0, scale)
    return max(0, math.floor(offset - reach)), min(limit, math.ceil(scale * count + offset + reach))


def place(source: Tensor, transform: Affine, canvas_width: int, canvas_height: int) -> Patch:
    """Resample one picture `[H,W,C]` onto its place on a canvas; only the covered patch is returned.

    Outside the source there is nothing (0 in every channel), so `source` should be premultiplied. At scale 1 and whole
    offsets the pixels come through exactly. An off-canvas placement gives an empty patch.
    """
    if not transform.is_separable:
        return _place_rotated(source, transform, canvas_width, canvas_height)
    if transform.a <= 0 or transform.d <= 0:
        raise ParameterError(f"a placement must scale by more than 0, not by {transform.a:g} × {transform.d:g}.")
    height, width, channels = source.shape
    top, bottom = _covered(transform.d, transform.ty, height, canvas_height)
    left, right = _covered(transform.a, transform.tx, width, canvas_width)
    if top >= bottom or left >= right:
        return Patch(0, 0, source.new_zeros((0, 0, channels)))
    rows = _resample_rows(source.reshape(height, width * channels), transform.d, transform.ty, top, bottom)
    turned = rows.reshape(bottom - top, width, channels).transpose(0, 1).reshape(width, -1)
    done = _resample_rows(turned, transform.a, transform.tx, left, right)
    pixels = done.reshape(right - left, bottom - top, channels).transpose(0, 1).contiguous()
    return Patch(left, top, pixels)


def _place_rotated(source: Tensor, transform: Affine, canvas_width: int, canvas_height: int) -> Patch:
    """General affine: area-reduce by the whole factor that the scale allows, then bicubic sampling."""
    determinant = transform.a * transform.d - transform.b * transform.c
    if determinant <= 0:
        raise ParameterError("a placement must not mirror or flatten the product.")
    factor = max(1, int(1 / math.sqrt(determinant)))
    height, width, channels = source.shape
    planes = source.permute(2, 0, 1).unsqueeze(0)
    planes = F.pad(planes, (0, -width % factor, 0, -height % factor))
    planes = F.avg_pool2d(planes, factor) if factor > 1 else planes
    corners = [transform.apply(x, y) for x in (0, width) for y in (0, height)]
    left = max(0, math.floor(min(x for x, _ in corners)) - 2)
    right = min(canvas_width, math.ceil(max(x for x, _ in corners)) + 2)
    top = max(0, math.floor(min(y for _, y in corners)) - 2)
    bottom = min(canvas_height, math.ceil(max(y for _, y in corners)) + 2)
    if top >= bottom or left >= right:
        return Patch(0, 0, source.new_zeros((0, 0, channels)))
    ys = torch.arange(top, bottom, device=source.device, dtype=torch.float32).add(0.5 - transform.ty)[:, None]
    xs = torch.arange(left, right, device=source.device, dtype=torch.float32).add(0.5 - transform.tx)[None, :]
    u = (transform.d * xs - transform.b * ys) / determinant
    v = (transform.a * ys - transform.c * xs) / determinant
    small_height, small_width = planes.shape[-2:]
    grid = torch.stack((2 * u / (factor * small_width) - 1, 2 * v / (factor * small_height) - 1), dim=-1)
    sampled = F.grid_sample(planes, grid.unsqueeze(0), mode="bicubic", padding_mode="zeros", align_corners=False)
    return Patch(left, top, sampled[0].permute(1, 2, 0).contiguous())
