"""The verdict on one picture: the product's own, another's, or one that could not be checked; with reasons in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..compositing import lay_over
from ..fidelity.findings import Finding
from ..fidelity.judge import Fidelity, Limits, Settings, judge
from ..fidelity.report import sentences
from ..fidelity.whole import Whole, judge_whole
from ..filters import gaussian_blur
from ..placement import Placement
from ..tensors import Box, bounding_box
from .additions import Addition, additions
from .find import ENOUGH, Found, find_mirrored, find_product
from .light import Light, light_of
from .lost import lost
from .reasons import all_told, in_the_dark, with_mirrored
from .seen import Seen, reduced
from .stretched import find_stretched
from .studio import Studio, studio_of
from .tinted import Tint, dimmed_by, in_tint, tint_of
from .witness import with_witness

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
_COLOURED = (
    "all over: it has another colour, and so has the ground around it, one that no white lamp gives: coloured light or "
    "paint on both; only a picture in white light tells"
)
_SOME = 0.3
"""Cover that counts for where the product is: a thin one reaches no more in a small picture."""
_SOFT = (0.003, 0.006, 0.009)
"""1 sigma of the blurs that are tried on the photo's product, of its longer side; less is told by its sharpness."""
_FIGURES = ("delta_e00_mean", "delta_e00_p95", "ssim", "worst_similarity", "worst_delta_e00")


@dataclass(frozen=True)
class Checked:
    """`report` is one JSON object; `cover` `[H,W]`: where the product is in the picture (0 where it was not found);
    `fidelity`: its maps, None where it was not found; `added` `[H,W]`: what is there beyond it."""

    report: dict[str, Any]
    cover: Tensor
    fidelity: Fidelity | None
    added: Tensor


def check_picture(
    picture: Tensor, product: Tensor, mask: Tensor, photo: Tensor, seen: Seen, witness: Tensor | None = None
) -> Checked:
    """Whether `picture` `[H,W,3]` shows the product of `photo` `[h,w,3]`, cut out as `product` `[h,w,3]` with `mask`
    `[h,w]` (1 = product); all sRGB. `witness` `[h,w]`: what is seen in the photo by who does not know that mask.

    Light may differ, colour, shape and parts may not. Raises EmptyMaskError where the mask holds no product.
    """
    found = find_product(picture, product, mask, seen.things)
    whole = judge_whole(photo, mask)
    if witness is not None:
        whole = with_witness(whole, photo, mask, witness)
    if found is None or not found.is_there:
        return _not_found(picture, product, mask, seen, found, whole)
    wanted, cover = _laid(picture, product, mask, found.placement)
    box = bounding_box(cover, _SOME)
    compared = _compared(picture, product, mask, found.placement, box)
    studio = studio_of(picture, cover, seen.alpha)
    light = light_of(picture, wanted, cover, studio is not None)
    tint = None if studio is None else _tint(compared.findings, studio, photo, mask)
    if tint is not None:
        lit = in_tint(product, tint)
        other = _compared(picture, lit, mask, found.placement, box)
        if any(_is_color(one) for one in other.findings):
            tint = None
        else:
            compared, product = other, lit
            wanted, _ = _laid(picture, product, mask, found.placement)
    shown = _laid(picture, photo, torch.ones_like(mask), found.placement)
    beyond, added = additions(picture, seen.alpha, cover, shown, studio)
    sure = seen.is_plain or studio is not None
    more = [Finding("colour", text) for text in light.reasons()]
    if tint is not None and not tint.is_lamp:
        more.append(Finding("colour", _COLOURED))
    more += [Finding("added", _added(one), one.box, one.place) for one in beyond if sure]
    share = light.ratio if tint is None else light.ratio / dimmed_by(tint)
    gone = [] if studio is None else lost(picture, wanted, cover, share, studio)
    if studio is None:
        compared = replace(compared, findings=in_the_dark(compared.findings, picture))
    findings = all_told(compared.findings, more, beyond, gone, box)
    findings = with_mirrored(findings, picture, wanted, compared.findings, box)
    report = compared.report
    if report["ssim"] < _LIMITS.min_ssim or report["worst_similarity"] < _LIMITS.min_local_similarity:
        findings = _otherwise(picture, product, mask, (wanted, cover), seen, compared, found) or findings
    findings = [*findings, *whole.findings()]
    notes = _notes(whole, light, tint) + [_added(one) for one in beyond if not sure]
    report |= {
        "passed": not findings,
        "reasons": sentences(findings),
        "findings": [one.as_report() for one in findings],
        "verdict": CHANGED if findings else SAME,
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
    return Checked(report, cover, compared.fine, added)


def _tint(found: tuple[Finding, ...], studio: Studio, photo: Tensor, mask: Tensor) -> Tint | None:
    """The cast of the picture's ground over the photo's, where that may explain what was `found`."""
    return tint_of(studio, photo, mask) if any(_is_color(one) for one in found) else None


def _is_color(one: Finding) -> bool:
    return one.kind in ("colour", "average") and one.box is None


@dataclass(frozen=True)
class _Compared:
    """The `report`, the maps at full size, and what is wrong, with boxes in the picture."""

    report: dict[str, Any]
    fine: Fidelity
    findings: tuple[Finding, ...]


def _compared(picture: Tensor, product: Tensor, mask: Tensor, placement: Placement, box: Box) -> _Compared:
    """The product that lies in the `box` of the picture.

    Twice: in a smaller copy, where what a JPEG or a small picture does to fabric is gone, with the limits of a pasted
    product; and as it is, for what was redrawn so finely or blurred that the small copy hides it, with wider ones.
    """
    fine = _judged(picture, product, mask, placement, _FINE)
    coarse, found = fine, fine.findings
    if max(box.width, box.height) > _COARSE:
        coarse, scale = _in_small(picture, *_laid(picture, product, mask, placement), box)
        found = tuple(_enlarged(one, scale) for one in coarse.findings) or fine.findings
    report = dict(coarse.report)
    report["sharpness"], report["worst_sharpness"] = fine.report["sharpness"], fine.report["worst_sharpness"]
    report["fine"] = {name: fine.report[name] for name in _FIGURES}
    return _Compared(report, fine, found)


def _in_small(picture: Tensor, wanted: Tensor, cover: Tensor, box: Box) -> tuple[Fidelity, float]:
    """`picture` against what is `wanted` `[H,W,3]` at `cover` `[H,W]`, in `box`, in a small copy; and how much smaller
    that is."""
    share = min(1.0, _COARSE / max(box.width, box.height))
    side = max(_LEAST_SIDE, round(share * max(picture.shape[:2])))
    # Both made smaller in the same way: two filters leave different textures of one fabric.
    smaller = torch.cat((reduced(picture, side), reduced(wanted, side)), dim=-1)
    plain = reduced(cover[..., None].expand(-1, -1, 3), side)[..., 0]
    done = _judged(smaller[..., :3], smaller[..., 3:].contiguous(), plain.contiguous(), None, _LIMITS)
    return done, picture.shape[0] / smaller.shape[0]


def _enlarged(one: Finding, scale: float) -> Finding:
    if one.box is None:
        return one
    sides = (round(scale * side) for side in (one.box.left, one.box.top, one.box.right, one.box.bottom))
    return replace(one, box=Box(*sides))


def _otherwise(
    picture: Tensor,
    product: Tensor,
    mask: Tensor,
    laid: tuple[Tensor, Tensor],
    seen: Seen,
    compared: _Compared,
    found: Found,
) -> list[Finding]:
    """Where the mirror image, a blurred or a stretched one fits plainly better where the product was `laid`: that alone
    is wrong with it."""
    if _mirrored(picture, product, mask, laid[1], compared.report):
        return [Finding("mirrored", "all over: it is the product's mirror image")]
    soft = _blurred(picture, *laid, compared)
    if soft:
        return soft
    drawn = find_stretched(picture, product, mask, seen.things, found)
    if drawn is None:
        return []
    _, there = _laid(picture, drawn.product, drawn.mask, drawn.found.placement)
    other = _compared(picture, drawn.product, drawn.mask, drawn.found.placement, bounding_box(there, _SOME))
    better = other.report["ssim"] > compared.report["ssim"] + _PLAINLY / 4
    locally = other.report["worst_similarity"] > compared.report["worst_similarity"] + _LOCALLY
    if not (better or (locally and other.report["ssim"] >= compared.report["ssim"])):
        return []
    return [_stretched(drawn.wider), *(one for one in other.findings if one.kind != "structure")]


def _blurred(picture: Tensor, wanted: Tensor, cover: Tensor, compared: _Compared) -> list[Finding]:
    """Where the photo's product, blurred, agrees with the picture: that it was, and what else is wrong."""
    box = bounding_box(cover, _SOME)
    side = max(box.width, box.height)
    for share in _SOFT:
        sigma = share * side
        soft = gaussian_blur(wanted.movedim(-1, 0)[None], sigma)[0].movedim(0, -1).contiguous()
        done, scale = _in_small(picture, soft, cover, box)
        if 1 - done.report["ssim"] > (1 - compared.report["ssim"]) / 2:
            continue
        if any(one.kind in ("structure", "changed", "missing") for one in done.findings):
            continue
        text = f"all over: its fine detail is gone, it was blurred (by about {sigma:.1f} px)"
        return [Finding("detail", text), *(_enlarged(one, scale) for one in done.findings if one.kind != "detail")]
    return []


def _stretched(wider: float) -> Finding:
    words = f"{wider - 1:.0%} wider" if wider > 1 else f"{1 / wider - 1:.0%} taller"
    return Finding("stretched", f"all over: it was stretched, it is {words} than in its photo")


def _judged(picture: Tensor, product: Tensor, mask: Tensor, placement: Placement | None, limits: Limits) -> Fidelity:
    settings = Settings(limits, "relit", check_floating=False)
    (one,) = judge(picture[None], product[None], mask[None], placement, settings)
    return one


def _laid(picture: Tensor, product: Tensor, mask: Tensor, placement: Placement) -> tuple[Tensor, Tensor]:
    """The picture with the photo's product laid over it `[H,W,3]`, and where that is `[H,W]`."""
    wanted = picture.clone(memory_format=torch.contiguous_format)
    cover = lay_over(wanted, product, mask, placement.transform(0))
    return wanted, cover


def _not_found(picture: Tensor, product: Tensor, mask: Tensor, seen: Seen, best: Found | None, whole: Whole) -> Checked:
    confidence = 0.0 if best is None else best.confidence
    agree = "" if best is None else f"; at the likeliest place {best.outline:.0%} of its outline agree"
    reason = Finding(
        "not found",
        f"the product was not found in the picture (confidence {confidence:.2f}, needed {ENOUGH:g}{agree}): another "
        "product, another side of it, or redrawn beyond recognition",
    )
    mirror = find_mirrored(picture, product, mask, seen.things)
    if mirror is not None and mirror.is_there:
        reason = Finding("mirrored", f"it is the product's mirror image (confidence {mirror.confidence:.2f})")
    elif (drawn := find_stretched(picture, product, mask, seen.things, best)) is not None:
        reason = _stretched(drawn.wider)
    findings = [reason, *whole.findings()]
    report = {
        "passed": False,
        "reasons": sentences(findings),
        "findings": [one.as_report() for one in findings],
        "verdict": NOT_FOUND,
        "notes": [],
        "confidence": confidence,
        "whole": whole.whole,
        "whole_note": whole.note,
        "bbox": None,
    }
    nothing = picture.new_zeros(picture.shape[:2])
    return Checked(report, nothing, None, nothing)


def _mirrored(picture: Tensor, product: Tensor, mask: Tensor, cover: Tensor, report: dict[str, Any]) -> bool:
    """Whether the mirror image fits plainly better where the product was found, at `cover` `[H,W]`."""
    found = find_mirrored(picture, product, mask, [cover])
    if found is None or not found.is_there:
        return False
    other = _compared(picture, product.flip(1), mask.flip(1), found.placement, bounding_box(cover, _SOME)).report
    plainly = other["ssim"] > report["ssim"] + _PLAINLY
    locally = other["ssim"] >= report["ssim"] and other["worst_similarity"] > report["worst_similarity"] + _LOCALLY
    return bool(plainly or locally)


def _added(one: Addition) -> str:
    return f"{one.place}: something is there beyond its outline that its photo does not have ({one.share:.1%} of it)"


def _notes(whole: Whole, light: Light, tint: Tint | None) -> list[str]:
    notes = []
    if whole.whole is None:
        notes.append(f"look whether its cut-out is whole, no comparison tells: {whole.note}")
    if not 0.8 <= light.ratio <= 1.25:
        notes.append(f"it is in other light: {light.ratio:.2f} times as bright as in its photo")
    if tint is not None and tint.is_lamp:
        notes.append(
            "it is in light of another colour, as the ground around it is; product and ground painted alike would look "
            "the same"
        )
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
