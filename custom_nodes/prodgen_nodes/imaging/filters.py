"""Blurs on `[B,H,W]` or `[B,C,H,W]` float tensors, morphology on float or boolean tensors `[...,H,W]`."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

_DIRECT_SIGMA = 6.0
"""Up to this sigma a blur runs at full size; above, on a reduced picture: same result within 1 %, far less work."""

_CACHED = 1 << 17
"""Values of a few planes that stay in a core's cache while their shifts are summed."""


def smoothstep(t: Tensor) -> Tensor:
    """3t² - 2t³ of `t` limited to 0..1: from 0 to 1, flat at both ends."""
    t = t.clamp(0.0, 1.0)
    return t * t * (3 - 2 * t)


def length(vectors: Tensor, dim: int) -> Tensor:
    """Euclidean length along a `dim` of few entries: many times as quick there as a norm, which reduces by strides."""
    parts = vectors.unbind(dim)
    total = parts[0].square()
    for part in parts[1:]:
        total.addcmul_(part, part)
    return total.sqrt_()


def _as_bchw(x: Tensor) -> Tensor:
    return x.unsqueeze(1) if x.ndim == 3 else x


def _direct_blur(x: Tensor, sigma: float) -> Tensor:
    radius = max(1, math.ceil(3.0 * sigma))
    offsets = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    if x.device.type == "cpu":  # one-channel convolutions run on one core; sums of shifted planes use them all
        planes = x.reshape(-1, 1, *x.shape[2:])
        blurred, weights = torch.empty_like(planes), kernel[radius:].tolist()
        some = max(1, _CACHED // (x.shape[2] * x.shape[3]))
        for first in range(0, len(planes), some):
            part = planes[first : first + some]
            for dim, pad in ((-1, (radius, radius, 0, 0)), (-2, (0, 0, radius, radius))):
                part = _weighted_shifts(F.pad(part, pad, mode="replicate"), weights, dim, part.shape[dim])
            blurred[first : first + some] = part
        return blurred.view(x.shape)
    batch, channels, height, width = x.shape
    flat = x.reshape(batch * channels, 1, height, width)
    flat = F.conv2d(F.pad(flat, (radius, radius, 0, 0), mode="replicate"), kernel.view(1, 1, 1, -1))
    flat = F.conv2d(F.pad(flat, (0, 0, radius, radius), mode="replicate"), kernel.view(1, 1, -1, 1))
    return flat.reshape(batch, channels, height, width)


def _weighted_shifts(padded: Tensor, weights: list[float], dim: int, length: int) -> Tensor:
    """Convolution along `dim` with a symmetric kernel, given from its middle outwards."""
    middle = len(weights) - 1
    out = padded.narrow(dim, middle, length) * weights[0]
    for shift, weight in enumerate(weights[1:], start=1):
        out.add_(padded.narrow(dim, middle - shift, length), alpha=weight)
        out.add_(padded.narrow(dim, middle + shift, length), alpha=weight)
    return out


def area_reduced(planes: Tensor, factor: int) -> Tensor:
    """`planes` `[...,h,W]` averaged over squares of `factor`, fewer pixels at the ends: sums of every so many rows and
    columns, which take a sixth of a pooling's time."""
    if factor == 1:
        return planes
    for dim in (-2, -1):
        side = planes.shape[dim]
        counts = planes.new_zeros(-(-side // factor))
        every = [slice(None)] * planes.ndim
        every[dim] = slice(0, None, factor)
        sums = planes[tuple(every)].clone()
        counts += 1
        for first in range(1, min(factor, side)):
            every[dim] = slice(first, None, factor)
            part = planes[tuple(every)]
            counts[: part.shape[dim]] += 1
            sums.narrow(dim, 0, part.shape[dim]).add_(part)
        planes = sums.div_(counts.view(-1, *(1,) * (-1 - dim)))
    return planes


def gaussian_blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian low-pass of `x` (`[B,H,W]` or `[B,C,H,W]`), `sigma` in pixels, edges repeated; same shape and dtype."""
    if sigma <= 0:
        return x.clone()
    planes = _as_bchw(x)
    height, width = planes.shape[-2:]
    factor = max(1, int(sigma / (_DIRECT_SIGMA / 2)))
    if sigma <= _DIRECT_SIGMA or min(height, width) < 2 * factor:
        return _direct_blur(planes, sigma).reshape(x.shape)
    small_size = (math.ceil(height / factor), math.ceil(width / factor))
    small = F.interpolate(planes, size=small_size, mode="area")
    # Area reduction and bilinear enlargement blur a little themselves: a box and a tent, variances in small pixels.
    left = math.sqrt(max((sigma / factor) ** 2 - 1 / 12 - 1 / 6, 0.01))
    small = _direct_blur(small, left)
    return F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False).reshape(x.shape)


def masked_blur(x: Tensor, mask: Tensor, sigma: float, floor: float = 1e-4) -> Tensor:
    """Mask-normalised low-pass: the Gaussian mean of `x` over the mask's weight only.

    `x` `[B,C,H,W]`, `mask` `[B,H,W]` weights 0..1. Pixels far from any weight keep the plain blur of 0/`floor` = 0.
    """
    weight = mask.unsqueeze(1)
    total = gaussian_blur(torch.cat((x * weight, weight), dim=1), sigma)
    return total[:, :-1] / total[:, -1:].clamp(min=floor)


def running_max(x: Tensor, before: int, after: int, dim: int) -> Tensor:
    """Largest value over the window from `before` elements back to `after` ahead along `dim`; same shape.

    By doubling: a window of n costs about log2(n) element-wise maxima, on all cores, unlike one-channel pooling. A
    boolean `x` gives where any is true.
    """
    if x.dtype == torch.bool:
        return running_max(x.view(torch.uint8), before, after, dim).view(torch.bool)
    length = x.shape[dim]
    before, after = min(before, length - 1), min(after, length - 1)
    width = before + after + 1
    if width == 1:
        return x
    edge = list(x.shape)
    pads = []
    for count in (before, after):
        edge[dim] = count
        pads.append(x.new_full(edge, -math.inf if x.is_floating_point() else 0))
    window, reach = torch.cat((pads[0], x, pads[1]), dim=dim), 1
    while 2 * reach <= width:
        keep = window.shape[dim] - reach
        window = torch.maximum(window.narrow(dim, 0, keep), window.narrow(dim, reach, keep))
        reach *= 2
    rest = width - reach
    if rest:
        keep = window.shape[dim] - rest
        window = torch.maximum(window.narrow(dim, 0, keep), window.narrow(dim, rest, keep))
    return window


def square_max(x: Tensor, radius: int) -> Tensor:
    """Largest value over a square of `2·radius + 1` pixels; `x` `[...,H,W]`."""
    return running_max(running_max(x, radius, radius, -1), radius, radius, -2)


def _grow(planes: Tensor, radius: int) -> Tensor:
    # Cross and square steps in equal parts make an octagon, within 8 % of a disc; all the squares are one large one.
    for _ in range((radius + 1) // 2):
        planes = torch.maximum(running_max(planes, 1, 1, -2), running_max(planes, 1, 1, -1))
    return square_max(planes, radius // 2)


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Greyscale (or boolean) dilation of `[...,H,W]` by about a disc of `radius` whole pixels."""
    return _grow(mask, radius)


def erode(mask: Tensor, radius: int) -> Tensor:
    """Greyscale (or boolean) erosion of `[...,H,W]` by about a disc of `radius` whole pixels; the frame's edge does not
    erode."""
    return ~_grow(~mask, radius) if mask.dtype == torch.bool else -_grow(-mask, radius)


def touching(grown: Tensor, seed: Tensor) -> Tensor:
    """The connected parts (4-connected) of `grown` `[H,W]` that hold a pixel of `seed`; both bool."""
    labels, count = ndimage.label(grown.cpu().numpy())
    held = np.zeros(count + 1, dtype=np.bool_)
    held[labels[seed.cpu().numpy()]] = True
    held[0] = False
    return torch.from_numpy(held[labels]).to(grown.device)


def opened(mask: Tensor, radius: int) -> Tensor:
    """Erosion then dilation: what is thinner than `2·radius` goes."""
    return dilate(erode(mask, radius), radius)


def closed(mask: Tensor, radius: int) -> Tensor:
    """Dilation then erosion: gaps narrower than `2·radius` fill."""
    return erode(dilate(mask, radius), radius)
