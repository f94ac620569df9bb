"""Foreground colours: what the product's own colour is in pixels it shares with the backdrop, and beyond its edge.

Source: T. Germer, T. Uelwer, S. Conrad, S. Harmeling, "Fast multi-level foreground estimation", ICPR 2020. Here coarse
levels run on the whole grid and fine ones only on the pixels around the edge, so that size hardly matters.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..transfer import decode_, encode_
from .pixels import PixelSet
from .pyramid import Pyramid, resized

_REGULARISER = 1e-5
"""Added to the weights: keeps what is flat in alpha solvable; pymatting's value."""
_ROWS = 128
"""Rows enlarged at a time: 12 MB of an 8000² photo."""
_NEIGHBOURS = ((0, -1), (0, 1), (-1, 0), (1, 0))
"""Up, down, left and right, as the method has it (Germer et al. 2020)."""


def _update(image: Tensor, alpha: Tensor, near: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """One Jacobi step: new front and back `[3,...]` for `image` `[3,...]`, `alpha` `[...]`; `near`: for the four
    neighbours their weights `[4,...]`, fronts and backs `[4,3,...]`."""
    weights, fronts, backs = near
    total = weights.sum(dim=0)
    rest = 1.0 - alpha
    a00, a11, a01 = alpha * alpha + total, rest * rest + total, alpha * rest
    b0 = alpha * image + (weights.unsqueeze(1) * fronts).sum(dim=0)
    b1 = rest * image + (weights.unsqueeze(1) * backs).sum(dim=0)
    inverse = 1.0 / (a00 * a11 - a01 * a01).clamp(min=1e-12)
    new_front = ((a11 * b0 - a01 * b1) * inverse).clamp(0.0, 1.0)
    new_back = ((a00 * b1 - a01 * b0) * inverse).clamp(0.0, 1.0)
    return new_front, new_back


def _shifted(x: Tensor) -> Tensor:
    """The four neighbours `[4,...]` of a `[...,H,W]` grid, borders repeated."""
    padded = F.pad(x.reshape(1, -1, *x.shape[-2:]), (1, 1, 1, 1), mode="replicate").reshape(
        *x.shape[:-2], x.shape[-2] + 2, x.shape[-1] + 2
    )
    return torch.stack((padded[..., 1:-1, :-2], padded[..., 1:-1, 2:], padded[..., :-2, 1:-1], padded[..., 2:, 1:-1]))


def _coarse(image: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Multi-level estimate on a whole small grid: `image` `[3,H,W]` linear, `alpha` `[H,W]`."""
    height, width = alpha.shape
    weight = alpha.sum().clamp(min=1e-6)
    front = ((image * alpha).flatten(1).sum(dim=1) / weight).view(3, 1, 1)
    back = ((image * (1 - alpha)).flatten(1).sum(dim=1) / (1 - alpha).sum().clamp(min=1e-6)).view(3, 1, 1)
    side = 1
    while True:
        side = min(2 * side, max(height, width))
        share = side / max(height, width)
        size = (min(height, max(1, round(height * share))), min(width, max(1, round(width * share))))
        picture = F.interpolate(image.unsqueeze(0), size=size, mode="area")[0]
        matte = F.interpolate(alpha[None, None], size=size, mode="area")[0, 0]
        front = F.interpolate(front.reshape(1, 3, *front.shape[-2:]), size=size, mode="nearest")[0]
        back = F.interpolate(back.reshape(1, 3, *back.shape[-2:]), size=size, mode="nearest")[0]
        weights = _REGULARISER + (_shifted(matte) - matte).abs()
        for _ in range(20 if side <= 32 else 6):
            front, back = _update(picture, matte, (weights, _shifted(front), _shifted(back)))
        if side >= max(height, width):
            return front, back


def _refine(
    image: Tensor, alpha: Tensor, band: PixelSet, ring: PixelSet, front: Tensor, back: Tensor, steps: int
) -> tuple[Tensor, Tensor]:
    """Estimates `[3,n]` at the band's pixels; the ring's other pixels keep their start values."""
    near = ring.find(band, ((0, 0), *_NEIGHBOURS))
    own, near = near[0].long(), torch.where(near[1:] < 0, near[:1], near[1:])
    picture, matte = image.index_select(1, own), alpha.index_select(0, own)
    weights = _REGULARISER + (alpha.index_select(0, near.reshape(-1)).view(4, -1) - matte).abs()

    def around(x: Tensor) -> Tensor:
        return x.index_select(1, near.reshape(-1)).view(3, 4, -1).transpose(0, 1)

    for _ in range(steps):
        new_front, new_back = _update(picture, matte, (weights, around(front), around(back)))
        front.index_copy_(1, own, new_front)
        back.index_copy_(1, own, new_back)
    return front.index_select(1, own), back.index_select(1, own)


def clean_foreground(picture: Tensor | Pyramid, alpha: Tensor) -> Tensor:
    """The product's colours `[H,W,3]` (sRGB): untouched where alpha is 1, clean at the edge, extended beyond.

    `picture` sRGB `[H,W,3]` or its pyramid, `alpha` `[H,W]`. Where alpha is 0 the colour is a smooth continuation of
    the product's edge, so that a later resampling never meets the old backdrop.
    """
    pyramid = picture if isinstance(picture, Pyramid) else Pyramid(picture)
    sizes, srgb = pyramid.sizes, pyramid.srgb
    mattes = [alpha]
    for size in sizes[-2::-1]:
        mattes.insert(0, resized(mattes[0], size))
    front, back = _coarse(pyramid.linear(sizes[0]), mattes[0])
    for size, matte in zip(sizes[1:-1], mattes[1:-1], strict=True):
        band = PixelSet.of((matte > 0) & (matte < 1))
        image = pyramid.linear(size)
        grown_front, grown_back = _level(image.reshape(3, -1), matte, band, front, back)
        front = F.interpolate(front.unsqueeze(0), size=size, mode="bilinear", align_corners=False)[0]
        back = F.interpolate(back.unsqueeze(0), size=size, mode="bilinear", align_corners=False)[0]
        front = torch.where(matte >= 1, image, front)
        back = torch.where(matte <= 0, image, back)
        front.reshape(3, -1)[:, band.index] = grown_front
        back.reshape(3, -1)[:, band.index] = grown_back
    band = PixelSet.of((alpha > 0) & (alpha < 1))
    if len(sizes) == 1:
        return _assemble(srgb, alpha, band, front.reshape(3, -1)[:, band.index].clone(), front)
    ring = band.grown()
    image = decode_(ring.colors(srgb))
    edge, _ = _on_ring(image, alpha.reshape(-1).index_select(0, ring.index), band, ring, front, back)
    del back, image, ring, mattes  # of half the photo's size; the result needs the room
    pyramid.forget()
    return _assemble(srgb, alpha, band, edge, front)


def _level(image: Tensor, matte: Tensor, band: PixelSet, front: Tensor, back: Tensor) -> tuple[Tensor, Tensor]:
    ring = band.grown()
    return _on_ring(
        image.index_select(1, ring.index), matte.reshape(-1).index_select(0, ring.index), band, ring, front, back
    )


def _on_ring(
    image: Tensor, matte: Tensor, band: PixelSet, ring: PixelSet, front: Tensor, back: Tensor
) -> tuple[Tensor, Tensor]:
    if len(band) == 0:
        return image.new_zeros((3, 0)), image.new_zeros((3, 0))
    start_front = torch.where(matte >= 1, image, ring.sampled(front))
    start_back = torch.where(matte <= 0, image, ring.sampled(back))
    return _refine(image, matte, band, ring, start_front, start_back, 6)


def _assemble(srgb: Tensor, alpha: Tensor, band: PixelSet, edge: Tensor, front: Tensor) -> Tensor:
    """The result `[H,W,3]` of its edge `[3,n]` in the `band` and of `front` `[3,h,w]`, overwritten, beyond it."""
    height, width = alpha.shape
    encoded = encode_(front).clamp_(max=1.0)
    out = torch.empty((height, width, 3), device=srgb.device)
    ratio = front.shape[1] / height
    for start in range(0, height, _ROWS):
        stop = min(start + _ROWS, height)
        # Sample the rows with coordinates of the whole picture, so strips join without a seam.
        grid_y = (torch.arange(start, stop, device=srgb.device) + 0.5) * ratio - 0.5
        grid_y = grid_y.clamp(0, front.shape[1] - 1)
        low = grid_y.long().clamp(max=max(0, front.shape[1] - 2))
        high = (low + 1).clamp(max=front.shape[1] - 1)
        part = (grid_y - low).view(1, -1, 1)
        rows = encoded[:, low] * (1 - part) + encoded[:, high] * part
        rows = F.interpolate(rows.unsqueeze(0), size=(stop - start, width), mode="bilinear", align_corners=False)[0]
        own = (alpha[start:stop] >= 1).unsqueeze(-1)
        out[start:stop] = torch.where(own, srgb[start:stop], rows.permute(1, 2, 0))
    out.reshape(-1, 3)[band.index] = encode_(edge.T.contiguous()).clamp_(max=1.0)
    return out
