"""One picture in, its product's colours and matte out: the order of work, at two scales.

Labels are decided on a reduced picture (1024 px at most); the edge band is then solved again at every doubling up to
the photo's own size, so that the cost of a large photo is its outline and not its area.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import EmptyMaskError
from ..extent import product_box
from ..filters import dilate, erode
from .backdrop import BUSY, Backdrop, describe_backdrop
from .confidence import (
    TRUSTED,
    Trust,
    is_coarse,
    judge_backdrop,
    judge_blown_out,
    judge_busy,
    judge_coarse,
    judge_model_outline,
    judge_outline,
    judge_parts,
    judge_shape,
    note_left_out,
    note_transparency,
)
from .ends import smooth_ends
from .evidence import Evidence, weigh
from .faint import FaintOutline, find_faint
from .footing import Footing, find_footing
from .foreground import clean_foreground
from .frame import Inside, find_frame, product_fills
from .fringe import find_fringe
from .fusion import Fused, fuse, reach_of
from .hesitation import judge_seen
from .matting import closed_form_matte
from .openings import judge_before_plain, judge_matte
from .painted import Stated, judge_painted, stated
from .pale_edges import with_smooth_pale_edges
from .parts import Chosen, Extra, Parts, choose_parts, describe
from .pyramid import Pyramid, planar, resized, within
from .regions import Regions
from .roundness import Roundness, find_foot
from .survey import ANALYSIS_SIDE, Survey, backdrop_of
from .thin import spine
from .trimap import label

_CLEAR, _SOLID = 0.01, 0.99
"""Alpha that nobody sees: between 2 and 3 of 255 levels become none or all, so that files hold clean planes."""
_FRAMED = "a frame around the photo was cropped away"
_PAINTED = "the checkerboard is painted into the photo, it is no transparency; it was taken for the backdrop"
_BARE = 3.5
"""A difference (`Evidence.difference`) up to which a pixel shows the backdrop."""
_OPAQUE = 0.9
"""What a product's own alpha reaches somewhere, unless it is all see-through."""
_APART, _THING = 0.03, 0.1
"""Things beside the product are at least so far from it (of the short side), and at most so large (of the picture)."""
Progress = Callable[[int], None]
Look = Callable[[Tensor], Tensor]
"""A network: one picture `[1,H,W,3]` in, its mask `[h,w]` out, 1 = product."""


@dataclass(frozen=True)
class Cutout:
    """`product` `[H,W,3]` sRGB with clean edge colours, `alpha` `[H,W]`, `confidence` 0..1 and the `report`'s facts."""

    product: Tensor
    alpha: Tensor
    confidence: float
    report: dict[str, Any] = field(default_factory=dict)
    unclean: Pyramid | None = field(default=None, repr=False)
    """The photo, while the edge colours still are its own."""

    def finished(self) -> Cutout:
        """The same cut-out with clean edge colours."""
        if self.unclean is None:
            return self
        return replace(self, product=clean_foreground(self.unclean, self.alpha), unclean=None)

    def with_parts(self, parts: Tensor) -> Cutout:
        """The same cut-out with `parts` `[h,w]` (bool, of any size) of it opaque that were left out."""
        alpha = torch.maximum(self.alpha, resized(parts.float(), (self.alpha.shape[0], self.alpha.shape[1])))
        return replace(self, alpha=alpha, report=dict(self.report, coverage=float(alpha.mean())))

    def noted(self, note: str) -> Cutout:
        """The same cut-out with one more note in its report, unless that is empty."""
        return replace(self, report=dict(self.report, notes=[*self.report["notes"], note])) if note else self

    def believed(self, least: float, note: str) -> Cutout:
        """The same cut-out with no less confidence than `least`, and why, in its notes; its reasons stay."""
        noted, confidence = self.noted(note), max(self.confidence, least)
        return replace(noted, confidence=confidence, report=dict(noted.report, confidence=confidence))

    def doubted(self, most: float, reason: str) -> Cutout:
        """The same cut-out with no more confidence than `most`, and the reason for it unless that is empty."""
        confidence = min(self.confidence, most)
        reasons = [*self.report["reasons"], *([reason] if reason else [])]
        return replace(self, confidence=confidence, report=dict(self.report, confidence=confidence, reasons=reasons))


def _settled(alpha: Tensor) -> Tensor:
    """Alpha, overwritten, with what is solid or clear for the eye made exactly so."""
    return alpha.sub_(_CLEAR).div_(_SOLID - _CLEAR).clamp_(0.0, 1.0)


def refine_matte(
    pyramid: Pyramid,
    likelihood: Tensor,
    footing: Footing | Roundness | None = None,
    progress: Progress | None = None,
    faint: FaintOutline | None = None,
) -> Tensor:
    """The matte `[H,W]` of one full-size picture from labels `[h,w]` at the pyramid's middle size.

    Beside the line of the `footing` that is certain, the matte is the share of each pixel above it; where the outline
    is `faint`, it is a network's.
    """
    solid = likelihood > 0.5
    start, band = solid.float(), dilate(solid, 2) & ~erode(solid, 2)
    for level in [pyramid.middle, *pyramid.above()]:
        if level != pyramid.middle:
            start = resized(start, level)
            band = dilate((start > 0.02) & (start < 0.98), 1)
            start = torch.where(band, start, start.round())
        held, bare = spine(pyramid.picture(level), start), spine(pyramid.picture(level), 1.0 - start)
        start, band = torch.where(bare, 0.0, torch.where(held, 1.0, start)), band & ~held & ~bare
        if footing is not None:
            above, beside = footing.coverage(pyramid.picture(level))
            start, band = torch.where(beside, above, start), band & ~beside
        start = _settled(closed_form_matte(pyramid.picture(level), start, band))
        if faint is not None:
            start = faint.drawn(start)
        if progress:
            progress(1)
    return smooth_ends(start, footing) if isinstance(footing, Footing) else start


def _describe(alpha: Tensor, trust: Trust, report: dict[str, Any]) -> dict[str, Any]:
    try:
        box = product_box(alpha)
        report["bbox"] = [box.left, box.top, box.right, box.bottom]
    except EmptyMaskError:
        report["bbox"] = None
    report.update(
        confidence=trust.confidence,
        reasons=trust.reasons,
        notes=trust.notes,
        products=trust.products,
        holes=trust.holes,
        touches_frame=trust.touches_frame,
        coverage=float(alpha.mean()),
    )
    return report


def from_file_alpha(srgb: Tensor, alpha: Tensor) -> Cutout:
    """The cut-out a file already carries: its alpha as it is, its colours extended beyond the edge."""
    trust, most = Trust(), float(alpha.max())
    if most < _OPAQUE:
        trust.doubt(0.0, f"the file's own cut-out is see-through all over (at most {most:.0%} opaque)")
    else:
        judge_shape(resized(alpha, within(ANALYSIS_SIDE, *alpha.shape)) > 0.5, trust)
    visible = (alpha > 0.02).float()
    report: dict[str, Any] = {"method": "file_alpha", "why": "the file carries its own transparency"}
    return Cutout(
        clean_foreground(Pyramid(srgb, within(ANALYSIS_SIDE, *alpha.shape)), visible),
        alpha,
        trust.confidence,
        _describe(alpha, trust, report),
    )


def _framed(srgb: Tensor, small: Tensor, mask: Tensor | None = None) -> Inside | None:
    """What is inside a frame around the photo `[H,W,3]`, in its own pixels; None where it has none.

    `small` `[h,w,3]`: the photo at analysis size.
    """
    size = (small.shape[0], small.shape[1])
    box = find_frame(small)
    if box is None or (mask is not None and product_fills(resized(mask, size), box)):
        return None
    down, across = srgb.shape[0] / size[0], srgb.shape[1] / size[1]
    return Inside(
        math.ceil(box.top * down), int(box.bottom * down), math.ceil(box.left * across), int(box.right * across)
    )


def _inside(grid: Tensor, box: Inside, size: tuple[int, int]) -> Tensor:
    """The part of a `grid` `[h,w,...]` over a photo of `size` that lies inside the frame; at least one pixel."""
    rows, columns = grid.shape[0] / size[0], grid.shape[1] / size[1]
    top, left = round(box.top * rows), round(box.left * columns)
    return grid[top : max(top + 1, round(box.bottom * rows)), left : max(left + 1, round(box.right * columns))]


def _put_back(cut: Cutout, box: Inside, size: tuple[int, int]) -> Cutout:
    """The cut-out of what is inside a frame, at the size (height, width) of the whole photo."""
    around = (box.left, size[1] - box.right, box.top, size[0] - box.bottom)
    product = F.pad(cut.product.permute(2, 0, 1).unsqueeze(0), around, mode="replicate")[0].permute(1, 2, 0)
    report = dict(cut.noted(_FRAMED).report, frame=[box.left, box.top, box.right, box.bottom])
    report["coverage"] = cut.report["coverage"] * cut.alpha.numel() / (size[0] * size[1])
    if report["bbox"] is not None:
        left, top, right, bottom = report["bbox"]
        report["bbox"] = [left + box.left, top + box.top, right + box.left, bottom + box.top]
    for extra in report["extras"]:
        x0, y0, x1, y1 = extra["bbox"]
        extra["bbox"] = [x0 + box.left, y0 + box.top, x1 + box.left, y1 + box.top]
    return Cutout(product.contiguous(), F.pad(cut.alpha, around), cut.confidence, report)


def _left_out(extras: list[Extra], scale: float) -> list[dict[str, Any]]:
    return [{"kind": extra.kind, "bbox": [round(value * scale) for value in extra.box]} for extra in extras]


def from_plain_backdrop(
    srgb: Tensor, hint: Tensor | None = None, progress: Progress | None = None, parts: Parts = "auto"
) -> Cutout:
    """Cut a product `[H,W,3]` off a plain backdrop. `hint` `[H,W]`: rough mask, 1 = product; `parts`: which separate
    parts are product."""
    photo = Survey(srgb)
    size, small = photo.size, photo.small
    if photo.even is not None:
        return from_plain_backdrop(photo.even, hint, progress, parts).noted(_PAINTED)
    if (box := _framed(srgb, small)) is not None:
        whole = (srgb.shape[0], srgb.shape[1])
        part, rough = _inside(srgb, box, whole).contiguous(), None if hint is None else _inside(hint, box, whole)
        return _put_back(from_plain_backdrop(part, rough, progress, parts), box, whole)
    rough = None if hint is None else resized(hint, size)
    backdrop, window = backdrop_of(small, rough)
    # What lies outside the window is backdrop.
    part, near = planar(window.of(small)), backdrop.inside(window)
    evidence = weigh(part, near)
    bare = window.whole((evidence.difference >= _BARE).float()) < 0.5
    said = None if rough is None else stated(rough, None, bare)
    likelihood = label(part, near, evidence, None if said is None else window.of(said.scope))
    chosen = _chosen(window.whole(likelihood), said, parts)
    footing, likelihood = find_foot(part, window.of(chosen.likelihood), near, evidence)
    labels = window.whole(likelihood)
    if progress:
        progress(1)
    trust = Trust()
    judge_shape(labels > 0.5, trust)
    if trust.confidence > 0:
        judge_backdrop(backdrop, trust)
        judge_outline(part, likelihood, near, evidence, footing, trust)
        judge_painted(said, labels > 0.5, trust)
        judge_blown_out(part, likelihood > 0.5, near, trust)
        judge_parts(labels > 0.5, chosen.close, trust)
        note_left_out([extra.kind for extra in chosen.extras], trust)
        note_transparency(likelihood > 0.5, evidence, trust)
    alpha = refine_matte(photo.pyramid, labels, footing.across(window), progress)
    report: dict[str, Any] = {
        "method": "plain_backdrop",
        "why": "no model needed: the backdrop is modelled from the picture's own frame",
        "backdrop": describe_backdrop(backdrop),
        "extras": _left_out(chosen.extras, srgb.shape[0] / size[0]),
        "frame": None,
    }
    return Cutout(clean_foreground(photo.pyramid, alpha), alpha, trust.confidence, _describe(alpha, trust, report))


def _unaided(srgb: Tensor, backdrop: Backdrop, evidence: Evidence, parts: Parts) -> tuple[Tensor, float]:
    """The product `[h,w]` bool that the backdrop alone shows in a picture at analysis size, and how certain that is."""
    likelihood = choose_parts(label(srgb, backdrop, evidence, None), parts).likelihood
    trust = Trust()
    judge_outline(srgb, likelihood, backdrop, evidence, find_footing(srgb, likelihood > 0.5, backdrop, evidence), trust)
    return likelihood > 0.5, trust.confidence


def _stated(mask: Tensor | None, hint: Tensor | None, bare: Tensor) -> tuple[Stated | None, Tensor]:
    """What a hint says is product; and what it and a model's `mask` `[h,w]` say roughly: either alone, or both."""
    if hint is not None:
        said = stated(resized(hint, (bare.shape[0], bare.shape[1])), mask, bare)
        return said, said.rough
    if mask is None:
        raise ValueError("either a mask or a hint is needed")
    return None, mask


def _chosen(likelihood: Tensor, said: Stated | None, parts: Parts) -> Chosen:
    """The parts of a soft mask `[h,w]` that are product. What somebody painted is, be it small and far away."""
    if said is None:
        return choose_parts(likelihood, parts)
    return choose_parts(said.held(likelihood), "all" if parts == "auto" else parts)


def from_model(
    srgb: Tensor,
    mask: Tensor | None,
    hint: Tensor | None = None,
    progress: Progress | None = None,
    parts: Parts = "auto",
) -> Cutout:
    """Cut with a segmenter's `mask` (at its own resolution, 1 = product): the model says what, the picture where.

    `hint` `[H,W]`: a rough mask that decides alone what is product; with it, `mask` may be None.
    """
    return by_model(Survey(srgb), mask, hint, progress, parts).finished()


def by_model(
    photo: Survey,
    mask: Tensor | None,
    hint: Tensor | None = None,
    progress: Progress | None = None,
    parts: Parts = "auto",
) -> Cutout:
    """The same of a photo that was surveyed, its colours not `finished` yet: of two cut-outs one is needed."""
    srgb, size, pyramid = photo.srgb, photo.size, photo.pyramid
    if photo.even is not None:
        return from_model(photo.even, mask, hint, progress, parts).noted(_PAINTED)
    if mask is not None and (box := _framed(srgb, photo.small, mask)) is not None:
        whole = (srgb.shape[0], srgb.shape[1])
        part, rough = _inside(srgb, box, whole).contiguous(), None if hint is None else _inside(hint, box, whole)
        return _put_back(from_model(part, _inside(mask, box, whole), rough, progress, parts), box, whole)
    grain = 1.0 if mask is None else max(1.0, size[0] / mask.shape[0], size[1] / mask.shape[1])
    seen = None if mask is None else resized(torch.nan_to_num(mask).clamp(0.0, 1.0), size)
    (small, noise), (backdrop, evidence, plain) = photo.calm, photo.weighed
    is_plain, reach = plain > BUSY, reach_of(grain)
    said, rough = _stated(seen, hint, (evidence.difference < _BARE) & is_plain)
    fused = fuse(small, backdrop, evidence, rough, grain, is_plain)
    chosen = _chosen(fused.likelihood, said, parts)
    likelihood, extras = chosen.likelihood, chosen.extras
    fused = replace(fused, likelihood=likelihood)
    if progress:
        progress(1)
    product = likelihood > 0.5
    footing = find_footing(small, product, backdrop, evidence) if is_plain else None
    footing = footing and footing.steady(small, evidence, rough > 0.5, grain, reach)
    fringe = find_fringe(small, product, backdrop) if is_plain else None
    settled = torch.zeros_like(product) if footing is None else footing.beside()
    if fringe is not None:
        fused = replace(fused, ignored=fused.ignored & ~dilate(fringe.zone, 3))
    trust, coarse = Trust(), mask is not None and hint is None and is_coarse(mask)
    judge_shape(product, trust)
    if trust.confidence > 0:
        if mask is not None and hint is None:  # nobody hesitates where a person has painted
            judge_seen(rough, fused, reach, plain if is_plain else 0.0, trust)
            if coarse and not is_plain:
                judge_busy(trust)
        judge_parts(product, chosen.close, trust)
        note_left_out([extra.kind for extra in chosen.extras], trust)
        judge_painted(said, product, trust)
        judge_model_outline(small, product, backdrop, evidence, settled, trust, noise)
        if is_plain:
            judge_before_plain(product, backdrop, evidence, trust)
            extras += _ignored_things(fused)
            if coarse and grain > 1.0 and trust.confidence >= TRUSTED:
                judge_coarse(product, *_unaided(small, backdrop, evidence, parts), trust)
    drawn = settled if fringe is None else settled | fringe.zone
    alpha = refine_matte(
        pyramid, likelihood, footing, progress, find_faint(small, product, seen if hint is None else None, grain, drawn)
    )
    if is_plain:
        alpha = with_smooth_pale_edges(small, alpha, drawn)
    judge_matte(small, resized(alpha, size), backdrop.noise if is_plain else None, trust)
    if fringe is not None:
        alpha = fringe.drawn(srgb, alpha)
        trust.notes.append("hair or fur: its strands were drawn by their own colour")
    report: dict[str, Any] = {
        "method": "model",
        "why": "a background-removal model says what is product, the picture where it ends",
        "backdrop": dict(describe_backdrop(backdrop), plain=plain),
        "extras": _left_out(extras, srgb.shape[0] / size[0]),
        "frame": None,
        "noise": noise,
        "opened": fused.opened,
        "slivers_cleared": float(((rough > 0.5) & ~product).float().mean()),
    }
    return Cutout(srgb, alpha, trust.confidence, _describe(alpha, trust, report), pyramid)


def _ignored_things(fused: Fused) -> list[Extra]:
    """The things beside the product that the model took for none, and the picture for no backdrop."""
    regions = Regions(fused.ignored)
    if regions.count == 0:
        return []
    beside = regions.touched(dilate(fused.likelihood > 0.5, max(2, round(_APART * min(fused.ignored.shape)))))
    small = regions.area < _THING * fused.ignored.numel()
    return list(describe(regions.labels, ~beside & small & ~regions.on_frame(), tuple(fused.ignored.shape)))
