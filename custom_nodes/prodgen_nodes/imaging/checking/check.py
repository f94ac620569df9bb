"""The verdict on one picture: the product's own, another's, or one that could not be checked; with reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..compositing import lay_over
from ..fidelity.judge import Fidelity, Limits, Settings, judge
from ..fidelity.whole import judge_whole
from ..placement import Placement
from ..tensors import bounding_box
from .additions import Addition, additions
from .find import ENOUGH, Found, find_mirrored, find_product
from .light import Light, light_of
from .seen import Seen

SAME, CHANGED, NOT_FOUND = "the seller's product", "changed", "not found"
_NO_HALO = 100.0
"""A limit that nothing reaches: how cleanly somebody cut it out is not whose product it is."""
_PLAINLY = 0.1
_LOCALLY = 0.4
"""Structure by which the mirror image must fit better to be called one: of all of it (SSIM), or at its worst place."""
_LIMITS = Limits(max_edge_halo=_NO_HALO, max_ghost=1.0)


@dataclass(frozen=True)
class Checked:
    """`report` is one JSON object; `cover` `[H,W]`: where the product is in the picture (0 where it was not found);
    `fidelity`: its maps, None where it was not found; `added` `[H,W]`: what is there beyond it."""

    report: dict[str, Any]
    cover: Tensor
    fidelity: Fidelity | None
    added: Tensor


def check_picture(
    picture: Tensor, product: Tensor, mask: Tensor, photo: Tensor, seen: Seen, limits: Limits | None = None
) -> Checked:
    """Whether `picture` `[H,W,3]` shows the product of `photo` `[h,w,3]`, cut out as `product` `[h,w,3]` with `mask`
    `[h,w]` (1 = product); all sRGB.

    Light may differ, colour, shape and parts may not. Raises EmptyMaskError where the mask holds no product.
    """
    found = find_product(picture, product, mask, seen.things)
    if found is None or not found.is_there:
        return _not_found(picture, product, mask, photo, seen, found)
    fidelity = _compared(picture, product, mask, photo, found.placement, limits)
    wanted, cover = _laid(picture, product, mask, found.placement)
    light = light_of(picture, wanted, cover)
    beyond, added = additions(picture, seen.alpha, cover)
    report = dict(fidelity.report)
    reasons = [*report["reasons"], *light.reasons()]
    notes = _notes(report, light)
    for one in beyond:
        words = _added(one)
        (reasons if seen.is_plain else notes).append(words)
    used = limits or _LIMITS
    if report["ssim"] < used.min_ssim or report["worst_similarity"] < used.min_local_similarity:
        mirror = _mirrored(picture, product, mask, photo, cover, report)
        reasons = [mirror, *reasons] if mirror else reasons
    report |= {
        "passed": not reasons,
        "reasons": reasons,
        "verdict": CHANGED if reasons else SAME,
        "notes": notes,
        "light_ratio": light.ratio,
        "light_apart": light.apart,
        "added": [one.place for one in beyond],
        "bbox": _box(cover),
        **_place(found),
    }
    return Checked(report, cover, fidelity, added)


def _compared(
    picture: Tensor, product: Tensor, mask: Tensor, photo: Tensor, placement: Placement, limits: Limits | None
) -> Fidelity:
    settings = Settings(limits or _LIMITS, "relit", check_floating=False)
    (one,) = judge(picture[None], product[None], mask[None], placement, settings, photo=photo[None])
    return one


def _laid(picture: Tensor, product: Tensor, mask: Tensor, placement: Placement) -> tuple[Tensor, Tensor]:
    """The picture with the photo's product laid over it `[H,W,3]`, and where that is `[H,W]`."""
    wanted = picture.clone(memory_format=torch.contiguous_format)
    cover = lay_over(wanted, product, mask, placement.transform(0))
    return wanted, cover


def _not_found(
    picture: Tensor, product: Tensor, mask: Tensor, photo: Tensor, seen: Seen, best: Found | None
) -> Checked:
    confidence = 0.0 if best is None else best.confidence
    mirror = find_mirrored(picture, product, mask, seen.things)
    agree = "" if best is None else f"; at the likeliest place {best.outline:.0%} of its outline agree"
    reason = (
        f"the product was not found in the picture (confidence {confidence:.2f}, needed {ENOUGH:g}{agree}): another "
        "product, another side of it, or redrawn beyond recognition"
    )
    if mirror is not None and mirror.is_there:
        reason = f"it is the product's mirror image (confidence {mirror.confidence:.2f})"
    whole = judge_whole(photo, mask)
    report = {
        "passed": False,
        "reasons": [reason, *whole.reasons()],
        "verdict": NOT_FOUND,
        "notes": [],
        "confidence": confidence,
        "whole": whole.whole,
        "whole_note": whole.note,
        "bbox": None,
    }
    nothing = picture.new_zeros(picture.shape[:2])
    return Checked(report, nothing, None, nothing)


def _mirrored(
    picture: Tensor, product: Tensor, mask: Tensor, photo: Tensor, cover: Tensor, report: dict[str, Any]
) -> str:
    """Says so where the mirror image fits plainly better where the product was found, at `cover` `[H,W]`; else ""."""
    found = find_mirrored(picture, product, mask, [cover])
    if found is None or not found.is_there:
        return ""
    other = _compared(picture, product.flip(1), mask.flip(1), photo.flip(1), found.placement, None).report
    plainly = other["ssim"] > report["ssim"] + _PLAINLY
    locally = other["ssim"] >= report["ssim"] and other["worst_similarity"] > report["worst_similarity"] + _LOCALLY
    return "all over: it is the product's mirror image" if plainly or locally else ""


def _added(one: Addition) -> str:
    return f"{one.place}: something is there beyond its outline that its photo does not have ({one.share:.1%} of it)"


def _notes(report: dict[str, Any], light: Light) -> list[str]:
    notes = []
    if report["whole"] is None:
        notes.append(f"whether its cut-out is whole is not known: {report['whole_note']}")
    if not 0.8 <= light.ratio <= 1.25:
        notes.append(f"it is in other light: {light.ratio:.2f} times as bright as in its photo")
    return notes


def _place(found: Found) -> dict[str, Any]:
    transform = found.placement.transform(0)
    return {
        "confidence": found.confidence,
        "scale": (transform.a * transform.d - transform.b * transform.c) ** 0.5,
        "outline_share": found.outline,
        "inside_share": found.inside,
    }


def _box(cover: Tensor) -> list[int]:
    box = bounding_box(cover, min(0.5, float(cover.max()) / 2))
    return [box.left, box.top, box.right, box.bottom]
