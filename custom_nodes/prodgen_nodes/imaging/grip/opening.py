"""Open the zone in which a hand will hold the product: the picture fades to the canvas there, the mask ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..colorspace import linear_to_srgb, parse_hex, srgb_to_linear
from ..errors import ParameterError, ShapeError
from ..filters import smoothstep
from ..tensors import bounding_box, check_color, check_mask, common_batch, is_placeholder, item, same_size
from .zone import Grip, Patch, find_grip

_LARGEST_CM = 1000.0
"""Ten metres: what is more is a slip of the finger or another unit."""


@dataclass(frozen=True)
class OpenedZone:
    """`image` `[B,H,W,C]`, `mask` `[B,H,W]` what is left to keep, `zone` `[B,H,W]` what was opened, and per picture a
    report and the words for the prompt (empty where nothing was opened)."""

    image: Tensor
    mask: Tensor
    zone: Tensor
    words: tuple[str, ...]
    reports: tuple[dict[str, Any], ...]


def open_zone(
    image: Tensor,
    mask: Tensor,
    erased: Tensor | None = None,
    *,
    grip: str = "auto",
    longest_cm: float = 0.0,
    background: str = "#ffffff",
) -> OpenedZone:
    """Open a grip zone in each picture whose handle was not opened already.

    `image` `[B,H,W,C]` sRGB 0..1; `mask` `[B,H,W]`, 1 = product; `erased` `[B,*,*]` what Erase Handle took out, of any
    size: where it holds anything, the picture stays as it is. The picture fades to `background` towards the zone's
    middle, so that an edge map shows neither the outline there nor a line where the zone begins. Raises ShapeError,
    EmptyMaskError, ParameterError.
    """
    image, mask = check_color(image), check_mask(mask)
    if is_placeholder(mask, image.shape[1], image.shape[2]):
        raise ShapeError("mask is an empty placeholder, not a cut-out: connect the mask of the product.")
    same_size(image=image, mask=mask)
    if not 0 <= longest_cm <= _LARGEST_CM:
        raise ParameterError(f"longest_cm is {longest_cm:g}; it must be 0 (unknown) to {_LARGEST_CM:g}.")
    inputs = {"image": image, "mask": mask} | ({} if erased is None else {"erased": check_mask(erased, "erased")})
    batch = common_batch(**inputs)
    color = srgb_to_linear(image.new_tensor(parse_hex(background)))
    images, masks, zones, words, reports = [], [], [], [], []
    for index in range(batch):
        picture, alpha = item(image, index), item(mask, index)
        bounding_box(alpha)
        zone = torch.zeros_like(alpha)
        if erased is not None and bool((item(erased, index) > 0.5).any()):
            sentence, report = "", {"opened": False, "reason": "its handle is opened already"}
        else:
            gripped = find_grip(alpha, grip, longest_cm)
            zone, faded = _covers(gripped.patches, alpha)
            light = srgb_to_linear(picture[..., :3])
            mixed = linear_to_srgb(torch.lerp(light, color.expand_as(light), faded[..., None]))
            mixed = torch.where(faded[..., None] > 0, mixed, picture[..., :3])
            picture = torch.cat((mixed, picture[..., 3:]), dim=-1)
            sentence, report = gripped.words, _report(gripped, zone, alpha)
        images.append(picture)
        masks.append(alpha - zone)
        zones.append(zone)
        words.append(sentence)
        reports.append(report)
    return OpenedZone(torch.stack(images), torch.stack(masks), torch.stack(zones), tuple(words), tuple(reports))


def _covers(patches: tuple[Patch, ...], alpha: Tensor) -> tuple[Tensor, Tensor]:
    """What of `alpha` `[H,W]` lies in the zone, and how far the picture fades there, 0..1."""
    zone, faded = torch.zeros_like(alpha), torch.zeros_like(alpha)
    for patch in patches:
        box = patch.box
        area = (slice(max(0, box.top), box.bottom), slice(max(0, box.left), box.right))
        zone[area] = torch.maximum(zone[area], alpha[area])
        left, top, right, bottom = patch.fade
        rows = _ramp(zone[area].shape[0], top, bottom, alpha)[:, None]
        columns = _ramp(zone[area].shape[1], left, right, alpha)[None, :]
        faded[area] = torch.maximum(faded[area], rows * columns * (alpha[area] > 0))
    return zone, faded


def _ramp(count: int, start: float, end: float, like: Tensor) -> Tensor:
    """`[count]` rising smoothly from 0 over `start` pixels and falling to 0 over the last `end`."""
    at = torch.arange(count, device=like.device, dtype=like.dtype) + 0.5
    up = (at / start).clamp(0.0, 1.0) if start > 0 else torch.ones_like(at)
    down = ((count - at) / end).clamp(0.0, 1.0) if end > 0 else torch.ones_like(at)
    return smoothstep(torch.minimum(up, down))


def _report(gripped: Grip, zone: Tensor, alpha: Tensor) -> dict[str, Any]:
    boxes = [[p.box.left, p.box.top, p.box.right, p.box.bottom] for p in gripped.patches]
    return {
        "opened": True,
        "kind": gripped.kind,
        "words": gripped.words,
        "reason": gripped.reason,
        "share": float(zone.sum() / alpha.sum()),
        "boxes": boxes,
        "longest_cm": gripped.longest_cm,
        "size_basis": gripped.size_basis,
    }
