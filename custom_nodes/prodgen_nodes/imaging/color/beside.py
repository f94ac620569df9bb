"""Where a generated product was painted larger, turned or beside its place, told by its silhouette alone.

It needs no texture in common with the original: what goes on beyond the outline in the colours from inside it is
compared with the product's own silhouette, shifted, zoomed and turned. Another product and a prop of the same colour
have another silhouette.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ..colorspace import delta_e00, linear_to_lab, srgb_to_linear
from ..filters import dilate, erode, gaussian_blur, masked_blur
from ..placement import Affine
from ..tensors import Box, bounding_box

_SIDE = 192
"""Pixels of the product's longer side at which it is looked at; its silhouettes are compared at half of that."""
_MARGIN, _WIDE = 0.6, (0.35, 0.25, 0.15, 0.1, 0.06)
"""Of the product's longer side: what is cut out around it, and how far from it the scene is taken to be free of it,
the widest that leaves any."""
_FREE = 0.02
"""Share of the cut-out that has to be scene."""
_SEEN, _NOISE = 6.0, 2.0
"""dE00 from which a pixel is no backdrop, and in multiples of what the backdrop varies by itself."""
_ITS_OWN = 0.6
"""A pixel belongs to the product when its dE00 from what is inside is less than this share of that from the scene."""
_SHADE, _TINT = (0.2, 1.0), 0.15
"""What a shadow leaves of the light, and how far its channels may differ in that."""
_TOUCHED = 0.2
"""Share of the outline beyond which the product goes on: 20 to 85 % in 96 of 112 pictures of eight products moved by 5
to 15 %, zoomed to 1.06 to 1.25 or turned by 4 and 8 degrees (most of 4 degrees: less); of 100 in place, in six."""
_GLIMPSED = 0.08
"""Share from which it is worth a closer look: one that was drawn out by 3 to 5 % goes on at its ends alone. Of 101
products in place 22 have as much."""
_FITS = 0.62
"""Overlap with a silhouette: .65 to 1 for three of those eight products but for headphones at 1.25 (.50) and a violin
turned (.57 to .68); .50 at most for the six but for a pan, .58 for 39 pasted before scenes that are not theirs."""
_BELOW = 0.8
"""What lies straight under the product to this share may be its reflection and is not taken for the product: .89 of the
one that was touched as much of 78 drawn ones does, .77 at most of a product elsewhere."""
_SAID = 0.27
"""Share of the outline from which it is told: two of those six products in place have .29 and .35."""
_MOST_OF_IT = 0.7
"""Share of it that is painted over at least where nothing of it is seen any more."""
_LIKELY = 5
"""So many of the poses that were tried are looked at more closely."""
_ZOOMS = tuple(math.exp(step / 100) for step in range(-24, 25, 6))
_TURNS = tuple(range(-9, 10, 3))
"""Zooms and degrees that are tried at first."""
_SHIFT, FARTHEST = 0.3, 0.3
"""Of the longer side: how far off it is looked for, and how far its corners may have moved: one zoomed to 1.25
about the middle of its base moves by .27; a pan in place whose silhouette fits its dark table by .76 would by .40."""


@dataclass(frozen=True)
class Beside:
    """What goes on beyond the outline: the share of it, how well the product's silhouette fits that, and where it is.

    `motion` maps a pixel of the product in place to where the generated one has it, and moves its corners by up to
    `distance` of its longer side. `share` is its area beside the product's, `below` the part of it straight under that.
    """

    touched: float
    fit: float
    motion: Affine
    distance: float
    share: float
    below: float

    @property
    def is_product(self) -> bool:
        return self.fit >= _FITS and self.distance <= FARTHEST and self.below < _BELOW

    def warning(self, painted: float = 0.0) -> str | None:
        """What to say where it stays, although so much (a share of the product's area) was `painted` over."""
        if self.touched < _SAID or painted > _MOST_OF_IT * self.share:
            return None
        return (
            f"something in the product's colours goes on beyond {self.touched:.0%} of its outline: does the generated "
            "product still show beside it? Generate the picture again, or around the placed product"
        )


def seen_beside(image: Tensor, mask: Tensor) -> Beside | None:
    """Where the product that `image` `[H,W,3]` (sRGB) shows lies, if it goes on beyond a good part of `mask` `[H,W]`.

    None where it does not. A few pixels along the outline count as nothing; where it goes on beyond less than a fifth,
    it is not looked for (a fit of 0).
    """
    box = bounding_box(mask, 0.02)
    size = max(box.width, box.height)
    margin = math.ceil(_MARGIN * size)
    height, width = mask.shape
    area = box.grown(margin, width, height)
    scale = max(1.0, size / _SIDE)
    shape = (max(4, round(area.height / scale)), max(4, round(area.width / scale)))
    window = slice(area.top, area.bottom), slice(area.left, area.right)
    # Of a large picture every few pixels do: nine of them at least are averaged to a small one.
    step = max(1, int(scale) // 3)
    linear = srgb_to_linear(_reduced(image[window][::step, ::step].movedim(-1, 0), shape).movedim(0, -1))
    cover = _reduced(mask[window][None, ::step, ::step], shape)[0]
    rest = _goes_on(linear, cover, min(size / scale, _SIDE))
    if rest is None:
        return None
    rim = dilate(cover > 0.5, 3) & ~dilate(cover > 0.5, 2)
    touched = float((rest & rim).sum() / rim.sum().clamp(min=1))
    if touched < _GLIMPSED:
        return None
    share = float(rest.sum() / cover.sum())
    if touched < _TOUCHED:
        return Beside(touched, 0.0, Affine.scale_translate(1.0, 0.0, 0.0), 0.0, share, 0.0)
    apart = rest & dilate(rest & ~dilate(cover > 0.02, 2), 3)  # a halo along the outline tells no pose
    if not bool(apart.any()):
        return None
    fit, motion = _fitted(rest.to(cover), apart.to(cover), cover)
    x, y = area.width / shape[1], area.height / shape[0]
    to_picture = Affine(x, 0.0, area.left, 0.0, y, area.top)
    motion = to_picture.after(motion).after(to_picture.inverted())
    under = torch.cummax(cover, dim=0).values > 0.5
    below = float((rest & under).sum() / rest.sum())
    return Beside(touched, fit, motion, math.hypot(*farthest_step(motion, box)) / size, share, below)


def farthest_step(motion: Affine, box: Box) -> tuple[float, float]:
    """How far (x, y) `motion` carries the corner of `box` that it carries farthest."""
    corners = [(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
    steps = [(motion.apply(x, y)[0] - x, motion.apply(x, y)[1] - y) for x, y in corners]
    return max(steps, key=lambda step: math.hypot(*step))


def _reduced(planes: Tensor, shape: tuple[int, int]) -> Tensor:
    return F.interpolate(planes[None], shape, mode="area")[0]


def _goes_on(linear: Tensor, cover: Tensor, size: float) -> Tensor | None:
    """Where outside `cover` `[h,w]` the product of `linear` `[h,w,3]` goes on; None where the scene cannot be seen."""
    inside = erode((cover > 0.98).to(cover), 1) > 0.5
    for wide in _WIDE:
        near = dilate(cover > 0.02, max(2, round(wide * size)))
        if float((~near).float().mean()) >= _FREE:
            break
    else:
        return None
    if not bool(inside.any()):
        return None
    scene = carried_on(linear, ~near, max(3, round(0.05 * size)))
    off, strange = strange_to(scene, linear, near, max(2, round(0.1 * size)))
    own = delta_e00(linear_to_lab(linear), linear_to_lab(carried_on(linear, inside, 2)))
    found = strange & (own < _ITS_OWN * off)
    beside = dilate(cover > 0.02, 2)
    found &= (cover < 0.98) & (dilate(erode(found.to(cover), 1) > 0.5, 2) | beside)
    return joined(found | beside & (cover > 0.02), cover > 0.5) & (cover < 0.98)


def strange_to(scene: Tensor, linear: Tensor, near: Tensor, room: int) -> tuple[Tensor, Tensor]:
    """dE00 of `linear` from the `scene` (`[h,w,3]`, linear) `[h,w]`, and where, `near` the product, it is neither that
    nor a shadow on it; what the scene varies by itself is measured up to `room` pixels around."""
    off = delta_e00(linear_to_lab(linear), linear_to_lab(scene))
    around = dilate(near, room) & ~near
    usual = float(torch.quantile(off[around][:100_000], 0.9)) if bool(around.any()) else 0.0
    return off, near & ~_is_shade(linear, scene) & (off > max(_SEEN, _NOISE * usual))


def joined(plane: Tensor, seed: Tensor) -> Tensor:
    """The connected regions of `plane` `[h,w]` that `seed` `[h,w]` lies in."""
    labels, _ = ndimage.label(plane.cpu().numpy(), np.ones((3, 3)))
    wanted = np.unique(labels[seed.cpu().numpy()])
    return torch.from_numpy(np.isin(labels, wanted[wanted > 0])).to(plane.device)


def carried_on(linear: Tensor, valid: Tensor, reach: int) -> Tensor:
    """Linear `[h,w,3]` carried on from where it is `valid` `[h,w]`; coarser only where nothing finer reaches."""
    planes, weight = linear.permute(2, 0, 1)[None], valid.to(linear)[None]
    filled = linear[valid].mean(dim=0)[:, None, None].expand_as(planes[0])[None]
    for sigma in (16.0 * reach, 4.0 * reach, 1.0 * reach):
        seen = gaussian_blur(weight, sigma)[:, None]
        filled = torch.lerp(filled, masked_blur(planes, weight, sigma, 1e-6), (seen / 0.02).clamp(0.0, 1.0))
    return filled[0].permute(1, 2, 0)


def _is_shade(linear: Tensor, scene: Tensor) -> Tensor:
    """Where `linear` is no more than a shadow on the `scene` (`[h,w,3]`, linear) `[h,w]`."""
    ratio = (linear + 0.01) / (scene + 0.01)
    even = ratio.mean(dim=-1)
    return ((ratio / even[..., None] - 1).abs().amax(dim=-1) < _TINT) & (even > _SHADE[0]) & (even < _SHADE[1])


def _fitted(rest: Tensor, apart: Tensor, cover: Tensor) -> tuple[float, Affine]:
    """How well the silhouette `cover` `[h,w]`, moved, covers the `rest` beside it, and that motion in pixels.

    It has to fit `apart` as well, the rest without what may be a halo.
    """
    half = (max(4, math.ceil(rest.shape[0] / 2)), max(4, math.ceil(rest.shape[1] / 2)))
    planes = torch.stack((rest, apart, cover))
    small = _reduced(planes, half)
    tried = [(zoom, float(turn)) for zoom in _ZOOMS for turn in _TURNS]
    likely = sorted(_overlaps(small, tried), key=_sum, reverse=True)[:_LIKELY]
    tried = [near for found in likely for near in _near(found.pose, 1.0)]
    pose = max(_overlaps(small, tried), key=_sum).pose
    best = max(_overlaps(planes, _near(pose, 0.25)), key=_sum)
    return best.of_rest, Affine.scale_translate(1.0, *best.shift).after(_motion(cover, *best.pose))


@dataclass(frozen=True)
class _Found:
    """Overlaps, and the pose (zoom, degrees) and the shift (x, y) at which they are reached."""

    of_rest: float
    of_apart: float
    pose: tuple[float, float]
    shift: tuple[int, int]


def _sum(found: _Found) -> float:
    return found.of_rest + found.of_apart


def _near(pose: tuple[float, float], step: float) -> list[tuple[float, float]]:
    """What lies about `pose` (zoom, degrees), in steps of 1.5 % and 0.75 degrees or of that share of them."""
    zoom, turn = pose
    return [
        (zoom * math.exp(0.015 * step * larger), turn + 0.75 * step * farther)
        for larger in (-2, -1, 0, 1, 2)
        for farther in (-2, -1, 0, 1, 2)
    ]


def _motion(cover: Tensor, zoom: float, turn: float) -> Affine:
    """Zoomed and turned (degrees) about the middle of `cover` `[h,w]`."""
    box = bounding_box(cover, 0.5)
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    c, s = zoom * math.cos(math.radians(turn)), zoom * math.sin(math.radians(turn))
    return Affine(c, -s, x - c * x + s * y, s, c, y - s * x - c * y)


def _overlaps(planes: Tensor, poses: list[tuple[float, float]]) -> list[_Found]:
    """The overlap of rest and apart with what of each posed cover shows beside cover (`planes` `[3,h,w]`), each at the
    shift where both are best."""
    cover = planes[2]
    height, width = cover.shape
    box = bounding_box(cover, 0.5)
    reach = max(1, round(_SHIFT * max(box.width, box.height)))
    size = (height + 2 * reach, width + 2 * reach)
    theta = []
    for pose in poses:
        back = _motion(cover, *pose).inverted()
        x, y = width / 2, height / 2  # affine_grid counts from -1 to 1
        a, b, c, d = back.a, back.b * height / width, back.c * width / height, back.d
        theta.append(
            [
                [a, b, (back.a * x + back.b * y + back.tx) / x - 1],
                [c, d, (back.c * x + back.d * y + back.ty) / y - 1],
            ]
        )
    grid = F.affine_grid(cover.new_tensor(theta), [len(poses), 1, height, width], align_corners=False)
    posed = F.grid_sample(cover.expand(len(poses), 1, -1, -1), grid, align_corners=False)[:, 0]
    kernels = torch.fft.rfft2(posed, s=size).conj()
    rest, apart, hidden = (
        _around_zero(torch.fft.irfft2(kernels * torch.fft.rfft2(plane, s=size), s=size), reach) for plane in planes
    )
    shown = posed.sum(dim=(-2, -1))[:, None, None] - hidden
    of_rest, of_apart = (
        (seen / (whole.sum() + shown - seen).clamp(min=1.0)).flatten(1)
        for seen, whole in ((rest, planes[0]), (apart, planes[1]))
    )
    at = (of_rest + of_apart).argmax(dim=1)
    return [
        _Found(
            float(of_rest[index, best]),
            float(of_apart[index, best]),
            pose,
            (int(best) % (2 * reach + 1) - reach, int(best) // (2 * reach + 1) - reach),
        )
        for index, (pose, best) in enumerate(zip(poses, at, strict=True))
    ]


def _around_zero(scores: Tensor, reach: int) -> Tensor:
    """The shifts from -reach to +reach of `scores` `[n,h,w]`, whose first is no shift."""
    rolled = torch.roll(scores, (reach, reach), dims=(-2, -1))
    return rolled[..., : 2 * reach + 1, : 2 * reach + 1]
