"""The verdict on one picture: the product's own, another's, or one that could not be checked; with reasons in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..compositing import lay_over
from ..fidelity.judge import Fidelity, Limits, Settings, judge
from ..fidelity.whole import Whole, judge_whole
from ..placement import Placement
from ..tensors import Box, bounding_box
from .additions import Addition, additions
from .find import ENOUGH, Found, find_mirrored, find_product
from .light import Light, light_of
from .seen import Seen, reduced

SAME, CHANGED, NOT_FOUND = "the seller's product", "changed", "not found"
_NO_HALO = 100.0
"""A limit that nothing reaches: how cleanly somebody cut it out is not whose product it is."""
_PLAINLY = 0.1
_LOCALLY = 0.4
"""Structure by which the mirror image must fit better to be called one: of all of it (SSIM), or at its worst place."""
_LIMITS = Limits(max_delta_e00_mean=4.0, max_edge_halo=_NO_HALO, max_ghost=1.0, min_sharpness=0.0)
_FINE = Limits(
    max_delta_e00_mean=7.0, max_delta_e00_p95=16.0, max_hue_error_deg=12.0, min_ssim=0.62, max_edge_halo=_NO_HALO,
    max_ghost=1.0, min_sharpness=0.5,
)  # fmt: skip
"""What still passes in a small copy and as the picture is. Mean dE00 there: good pictures of nine products have up to
3.1 (a bottle in a small JPEG), pictures that lost their colours 6.3 and more. Woven fabric in a
JPEG of 600 pixels has dE00 4.2 and SSIM 0.71 as it is, and 1.7 and 0.95 in the small copy."""
_COARSE = 320
"""Pixels of the product's longer side in the small copy: a logo of a thirtieth of it has ten."""
_LEAST_SIDE = 64
"""Of that copy's longer side."""
_SOME = 0.3
"""Cover that counts for where the product is: a thin one reaches no more in a small picture."""
_FIGURES = ("delta_e00_mean", "delta_e00_p95", "ssim", "worst_similarity", "worst_delta_e00")


@dataclass(frozen=True)
class Checked:
    """`report` is one JSON object; `cover` `[H,W]`: where the product is in the picture (0 where it was not found);
    `fidelity`: its maps, None where it was not found; `added` `[H,W]`: what is there beyond it."""

    report: dict[str, Any]
    cover: Tensor
    fidelity: Fidelity | None
    added: Tensor


def check_picture(picture: Tensor, product: Tensor, mask: Tensor, photo: Tensor, seen: Seen) -> Checked:
    """Whether `picture` `[H,W,3]` shows the product of `photo` `[h,w,3]`, cut out as `product` `[h,w,3]` with `mask`
    `[h,w]` (1 = product); all sRGB.

    Light may differ, colour, shape and parts may not. Raises EmptyMaskError where the mask holds no product.
    """
    found = find_product(picture, product, mask, seen.things)
    if found is None or not found.is_there:
        return _not_found(picture, product, mask, photo, seen, found)
    wanted, cover = _laid(picture, product, mask, found.placement)
    whole = judge_whole(photo, mask)
    report, fine, reasons = _compared(picture, product, mask, found.placement, bounding_box(cover, _SOME))
    light = light_of(picture, wanted, cover)
    beyond, added = additions(picture, seen.alpha, cover)
    reasons = [*reasons, *light.reasons(), *whole.reasons()]
    notes = _notes(whole, light)
    for one in beyond:
        words = _added(one)
        (reasons if seen.is_plain else notes).append(words)
    if report["ssim"] < _LIMITS.min_ssim or report["worst_similarity"] < _LIMITS.min_local_similarity:
        mirror = _mirrored(picture, product, mask, cover, report)
        reasons = [mirror, *reasons] if mirror else reasons
    report |= {
        "passed": not reasons,
        "reasons": reasons,
        "verdict": CHANGED if reasons else SAME,
        "notes": notes,
        "light_ratio": light.ratio,
        "light_apart": light.apart,
        "added": [one.place for one in beyond],
        "whole": whole.whole,
        "whole_note": whole.note,
        "missing": [piece.place for piece in whole.missing],
        "bbox": _box(cover),
        **_place(found),
    }
    return Checked(report, cover, fine, added)


def _compared(
    picture: Tensor, product: Tensor, mask: Tensor, placement: Placement, box: Box
) -> tuple[dict[str, Any], Fidelity, list[str]]:
    """The report, the maps at full size, and the reasons, of the product that lies in the `box` of the picture.

    Twice: in a smaller copy, where what a JPEG or a small picture does to fabric is gone, with the limits of a pasted
    product; and as it is, for what was redrawn so finely or blurred that the small copy hides it, with wider ones.
    """
    fine = _judged(picture, product, mask, placement, _FINE)
    share = _COARSE / max(box.width, box.height)
    coarse = fine
    if share < 1:
        side = max(_LEAST_SIDE, round(share * max(picture.shape[:2])))
        wanted, cover = _laid(picture, product, mask, placement)
        # Both made smaller in the same way: two filters leave different textures of one fabric.
        smaller = torch.cat((reduced(picture, side), reduced(wanted, side)), dim=-1)
        plain = reduced(cover[..., None].expand(-1, -1, 3), side)[..., 0]
        coarse = _judged(smaller[..., :3], smaller[..., 3:], plain, None, _LIMITS)
    report, places = dict(coarse.report), coarse.report["reasons"]
    named = {line.partition(":")[0] for line in places if ":" in line}
    more = [line for line in fine.report["reasons"] if line.partition(":")[0] not in named and not places]
    if coarse is fine:
        more = []
    report["sharpness"], report["worst_sharpness"] = fine.report["sharpness"], fine.report["worst_sharpness"]
    report["fine"] = {name: fine.report[name] for name in _FIGURES}
    return report, fine, [*places, *more]


def _judged(picture: Tensor, product: Tensor, mask: Tensor, placement: Placement | None, limits: Limits) -> Fidelity:
    settings = Settings(limits, "relit", check_floating=False)
    (one,) = judge(picture[None], product[None], mask[None], placement, settings)
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


def _mirrored(picture: Tensor, product: Tensor, mask: Tensor, cover: Tensor, report: dict[str, Any]) -> str:
    """Says so where the mirror image fits plainly better where the product was found, at `cover` `[H,W]`; else ""."""
    found = find_mirrored(picture, product, mask, [cover])
    if found is None or not found.is_there:
        return ""
    box = bounding_box(cover, _SOME)
    other, _, _ = _compared(picture, product.flip(1), mask.flip(1), found.placement, box)
    plainly = other["ssim"] > report["ssim"] + _PLAINLY
    locally = other["ssim"] >= report["ssim"] and other["worst_similarity"] > report["worst_similarity"] + _LOCALLY
    return "all over: it is the product's mirror image" if plainly or locally else ""


def _added(one: Addition) -> str:
    return f"{one.place}: something is there beyond its outline that its photo does not have ({one.share:.1%} of it)"


def _notes(whole: Whole, light: Light) -> list[str]:
    notes = []
    if whole.whole is None:
        notes.append(f"whether its cut-out is whole is not known: {whole.note}")
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
