"""Putting refined crops back: matched in colour, and only inside their masks.

What the refinement did not change keeps the picture's own pixels, detail that the crop could not hold included; outside
the masks every pixel keeps its bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..compositing import LEAST_COVER
from ..errors import ShapeError
from ..pasting import inward_feather
from ..placement import Affine
from ..resample import place
from ..tensors import bounding_box, check_color, check_number
from ..transfer import decode_, encode_
from .cut import AnyCrop, Crop, Crops, cut

_OUTLYING = 1.7
"""Times the median difference of the surroundings: what differs more was repainted and is no drift of colours. Lower,
and half of an honest drift is left out; at double the repainted parts pull the colours."""
_MOST_GAIN, _MOST_SHIFT = 0.15, 0.08
"""Limits of the colour correction, in sRGB values: more is another picture, not a drift."""
_UNCHANGED, _CHANGED = 0.5 / 255, 3 / 255
"""Half a step and three steps of 8 bits: below, rounding; above, a change that is seen."""
_BLOCK = 4
"""Side in crop pixels of the blocks that count as changed or not; crops are whole numbers of them."""
_STRIDE = 3
"""Of the surroundings, every third pixel in either direction is enough to measure a drift."""


MAX_FEATHER = 256.0
"""Pixels; more would reach into what is refined from all sides."""


@dataclass(frozen=True)
class Stitched:
    """Pictures `[B,H,W,C]`, what was changed `[B,H,W]` 0..1, and per crop its colour shift (None: it stayed out)."""

    image: Tensor
    mask: Tensor
    shifts: tuple[float | None, ...]


def stitch(
    image: Tensor,
    refined: Tensor | None,
    plan: Crops[AnyCrop],
    feather: float,
    mask_of: Callable[[int], Tensor],
    wanted: Callable[[int, Tensor, Tensor, Tensor], bool],
    cutter: str,
) -> Stitched:
    """Put the crops that are wanted back into the pictures that they were cut from.

    Args:
        image: `[B,H,W,C]`; refined: `[N,s,s,3]` sRGB 0..1, of any size s (None where the plan has no crops).
        feather: pixels of the picture over which a crop fades in, inward from its mask's edge.
        mask_of: the number of a crop -> where it counts, `[size,size]`.
        wanted: (number, original, refined, mask) of a crop, `size` pixels each -> whether it goes back.
        cutter: the node that made the crops, for messages.

    Raises ShapeError where numbers or sizes do not fit.
    """
    check_number(feather, "feather")
    image = check_color(image)
    _check_picture(image, plan, cutter)
    if not len(plan):
        return Stitched(image, image.new_zeros(image.shape[:3]), ())
    if refined is None:
        raise ShapeError(f"refined is missing: {len(plan)} crop(s) were cut out to be refined.")
    refined = check_color(refined, "refined", finite=False)  # such crops stay out
    _check_refined(refined, plan, cutter)
    result = image.clone(memory_format=torch.contiguous_format)
    changed = image.new_zeros(image.shape[:3])
    shifts: list[float | None] = []
    for index, crop in enumerate(plan.crops):
        source = image[crop.picture]
        original = cut(source[..., :3], crop, plan.size)
        fresh, mask = _at_size(refined[index, ..., :3], plan.size), mask_of(index)
        if not wanted(index, original, fresh, mask):
            shifts.append(None)
            continue
        fresh, shift = match_color(fresh, original, mask)
        shifts.append(shift)
        _lay(result[crop.picture], changed[crop.picture], source, original, fresh, mask, crop, feather)
    return Stitched(result, changed, tuple(shifts))


def _check_picture(image: Tensor, plan: Crops[AnyCrop], cutter: str) -> None:
    if (image.shape[2], image.shape[1], image.shape[0]) != (plan.width, plan.height, plan.pictures):
        raise ShapeError(
            f"image {tuple(image.shape)} is not what the crops were cut from ({plan.pictures} picture(s) of "
            f"{plan.width}×{plan.height} pixels): connect the picture that went into '{cutter}'."
        )


def _check_refined(refined: Tensor, plan: Crops[AnyCrop], cutter: str) -> None:
    if refined.shape[0] != len(plan) or refined.shape[1] != refined.shape[2]:
        raise ShapeError(
            f"refined {tuple(refined.shape)} does not belong to {len(plan)} square crop(s): refine the crops of "
            f"'{cutter}' in one batch and keep their order."
        )


def _at_size(picture: Tensor, size: int) -> Tensor:
    """`[s,s,3]` resampled to `size`, in linear light; the same pixels where it has that size."""
    if picture.shape[0] == size:
        return picture
    scale = size / picture.shape[0]
    padded = F.pad(picture.permute(2, 0, 1).unsqueeze(0), (8,) * 4, mode="replicate")
    linear = decode_(torch.nan_to_num(padded[0].permute(1, 2, 0)))
    moved = place(linear, Affine.scale_translate(scale, -8 * scale, -8 * scale), size, size)
    return encode_(moved.pixels.clamp_(0.0, 1.0))


def faded(mask: Tensor, crop: Crop, plan: Crops[AnyCrop]) -> Tensor:
    """A mask `[s,s]` that ends softly at those sides of its crop that are not the picture's border."""
    size = plan.size
    rim = max(2.0, size / 64)
    axis = torch.arange(size, dtype=torch.float32, device=mask.device) + 0.5
    left, top = crop.corner
    side = size / crop.transform.a
    ramps = []
    for low, limit in ((left, plan.width), (top, plan.height)):
        ramp = torch.ones_like(axis)
        if low > 0.5:
            ramp = ramp * ((axis - 1) / rim).clamp(0.0, 1.0)
        if low + side < limit - 0.5:
            ramp = ramp * ((size - 1 - axis) / rim).clamp(0.0, 1.0)
        ramps.append(ramp)
    return mask * ramps[0].unsqueeze(0) * ramps[1].unsqueeze(1)


def match_color(fresh: Tensor, original: Tensor, mask: Tensor) -> tuple[Tensor, float]:
    """`fresh` with its colour drift undone, and the largest shift of a channel, sRGB 0..1.

    A refinement leaves what surrounds its place as it was, but for a drift of its model: per channel, the gain and
    shift that carry the surroundings (mask 0) of `fresh` onto those of `original`, within limits.
    """
    few = (slice(None, None, _STRIDE), slice(None, None, _STRIDE))
    ring = mask[few] <= 0
    if int(ring.sum()) < 64:
        return fresh, 0.0
    # A drift is everywhere; what differs much more than most has been repainted and tells nothing.
    away = (fresh[few] - original[few]).abs().amax(dim=-1)
    ring &= away <= max(_OUTLYING * float(away[ring].median()), _CHANGED)
    now, was = fresh[few][ring], original[few][ring]
    mean_now, mean_was = now.mean(dim=0), was.mean(dim=0)
    spread = (now - mean_now).square().mean(dim=0)
    joint = ((now - mean_now) * (was - mean_was)).mean(dim=0)
    gain = torch.where(spread > 1e-4, joint / spread.clamp(min=1e-4), torch.ones_like(joint))
    gain = gain.clamp(1 - _MOST_GAIN, 1 + _MOST_GAIN)
    shift = (mean_was - mean_now).clamp(-_MOST_SHIFT, _MOST_SHIFT)
    moved = ((fresh - mean_now) * gain + mean_now + shift).clamp(0.0, 1.0)
    inside = mask[few] > 0
    largest = float((moved[few] - fresh[few])[inside].abs().mean(dim=0).max()) if bool(inside.any()) else 0.0
    return moved, largest


def _lay(
    target: Tensor,
    changed: Tensor,
    source: Tensor,
    original: Tensor,
    fresh: Tensor,
    mask: Tensor,
    crop: Crop,
    feather: float,
) -> None:
    """Mix one refined crop into `target` `[H,W,C]` and note it in `changed` `[H,W]`; both are the caller's own."""
    if not bool((mask > 0).any()):
        return
    # Only what the mask covers is worth the work, and the reach of the kernel that carries it back.
    reach = math.ceil(3 * max(1.0, crop.transform.a)) + 2
    box = bounding_box(mask, 0.0)
    rows, columns = _aligned(box.top, box.bottom, reach, mask), _aligned(box.left, box.right, reach, mask)
    original, fresh, mask = original[rows, columns], fresh[rows, columns], mask[rows, columns]
    back = Affine.scale_translate(1 / crop.transform.a, *crop.corner)
    back = back.after(Affine.scale_translate(1.0, float(columns.start), float(rows.start)))
    height, width = target.shape[:2]
    layers = original.new_empty((*mask.shape, 8))
    was = decode_(original.clone())
    layers[..., :3], layers[..., 3:6] = decode_(fresh.clone()).sub_(was), was
    layers[..., 6], layers[..., 7] = mask, _changed(original, fresh)
    patch = place(_framed(layers), _shifted(back), width, height)
    if not patch.pixels.numel():
        return
    delta, base = patch.pixels[..., :3], patch.pixels[..., 3:6]
    cover, own = patch.pixels[..., 6].clamp(0.0, 1.0), patch.pixels[..., 7:].clamp(0.0, 1.0)
    if feather > 0:
        cover = cover * inward_feather(cover, feather)
    cover = torch.where(cover < LEAST_COVER, torch.zeros_like(cover), cover)
    there = (patch.rows, patch.columns)
    picture = decode_(source[there][..., :3].clone())
    # Detail that a crop cannot hold stays with unchanged pixels and goes with changed ones.
    refined = base.sub_(picture).mul_(own).add_(picture).add_(delta)
    # Where no other crop was laid yet the picture is what lies below.
    below = decode_(target[there][..., :3].clone()) if bool((changed[there] > 0).any()) else picture
    mixed = encode_(refined.sub_(below).mul_(cover.unsqueeze(-1)).add_(below).clamp_(0.0, 1.0))
    target[there][..., :3] = torch.where(cover.unsqueeze(-1) > 0, mixed, target[there][..., :3])
    changed[there] = torch.maximum(changed[there], cover)


def _aligned(low: int, high: int, reach: int, mask: Tensor) -> slice:
    """`low..high` widened by `reach` to whole blocks within the crop."""
    return slice(max(0, low - reach) // _BLOCK * _BLOCK, min(mask.shape[0], -(-(high + reach) // _BLOCK) * _BLOCK))


def _changed(original: Tensor, fresh: Tensor) -> Tensor:
    """`[h,w]`: 0 where a refinement left its block and the neighbouring ones as they were, 1 where it did not."""
    difference = (fresh - original).abs().amax(dim=-1)[None, None]
    blocks = F.max_pool2d(F.max_pool2d(difference, _BLOCK), 3, stride=1, padding=1)
    moved = ((blocks - _UNCHANGED) / (_CHANGED - _UNCHANGED)).clamp(0.0, 1.0)
    return F.interpolate(moved, size=difference.shape[-2:], mode="bilinear", align_corners=False)[0, 0]


_FRAME = 8
"""Pixels: beyond the reach of the resampling kernel."""


def _framed(layers: Tensor) -> Tensor:
    """Layers `[s,s,C]` continued over a rim, so that resampling at the crop's border meets no black."""
    planes = layers.permute(2, 0, 1).unsqueeze(0)
    return F.pad(planes, (_FRAME,) * 4, mode="replicate")[0].permute(1, 2, 0)


def _shifted(back: Affine) -> Affine:
    return back.after(Affine.scale_translate(1.0, -float(_FRAME), -float(_FRAME)))
