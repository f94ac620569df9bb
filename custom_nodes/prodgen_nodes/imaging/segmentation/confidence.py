"""How far a cut-out can be trusted, in a number and in words a seller understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from ..filters import dilate, erode, gaussian_blur, opened, square_max
from .backdrop import Backdrop
from .evidence import Evidence
from .footing import Footing
from .fusion import Fused
from .regions import Regions
from .roundness import Roundness
from .trimap import within_reach

AS_A_SET = "kept together as a set"
"""How the note ends that says so; who takes a set apart leaves it out."""
INSIDE_OUT = "what was kept lies all around something that was not: inside out, or a mask inverted"
"""The reason that is never overruled."""
KEPT_BY_ALL = "; parts 'all' keeps it"
"""What ends a reason or a note about something that was left out."""
TRUSTED = 0.75
"""From here on a result is believed; how often that is right: benchmarks/reliability.py."""
UNCONFIRMED = 0.74
"""The most where nothing confirms what is doubtful, as with a coarse network: delivered, and somebody should look."""
_BESIDE = 0.02
"""What lies within this fraction of the short side of the product lies beside it."""
_FLAT = 0.03
"""Of the product, one part of the backdrop's very colour inside it, which no look tells from an opening. Of 86 trusted
photographs a bracelet that lies there like a ring has it (.033), filled by mistake, and a bottle of clear glass."""
_BLOWN = 252.5 / 255
"""253 and more of 255: clipped, but for a JPEG's error."""
_CUT_OFF = 0.72
"""A product that the picture's edge cuts off can be cut out well, and still is not whole."""
_AROUND_IT, _INSIDE_OUT = 3, 0.5
"""The corners of a picture that what surrounds a product fills, and the factor for that: it is never delivered."""
_FINE = 512
"""A network with fewer pixels along the longer side fills a handle's opening."""
_WITNESS, _SAME, _EDGE = 0.5, 0.006, 2
"""The least confidence of a cut-out without any network that can confirm a coarse one's; the share of the product in
which the two may differ, areas no wider than twice the edge's pixels aside. Of 28 photographs that U²-Net-P alone was
certain of, eight were wrong and four frayed; this confirms one of those twelve."""
_PALE, _PALEST, _OFF, _EDGED = 0.8, 1.0, 5.0, 0.5
"""A pale part on pale ground: its light (`ratio`), its least difference from the backdrop in spreads, and the share of
its rim that is an edge; a soft shadow fades there."""
_EDGE_STEP, _EDGE_NOISES = 4 / 255, 5.0
"""The least step (sRGB) of such an edge, also in standard deviations of the noise."""
_BARE, _MOST_NOISE = 0.9, 12.0
"""The share of the bare backdrop whose steps say what is no outline; the most that noise (1 sigma) can make of a
step."""
_BLACK, _AROUND_BLACK = 40 / 255, 4
"""What is black (sRGB), for so many pixels around."""
_BLACK_STEP, _BLACK_RUN, _SAME_BLACK, _SAME_RUN = 20 / 255, 0.06, 12 / 255, 0.035
"""The difference of two blacks that can hardly be followed, the longest such stretch that is no doubt (share of the
product's size), and the same where they are next to one. A bottle's base on black: .09 and .04 to .06, lumpy; a mouse's
in deep shade .14, a ball's dark side .45 and .25; a football .053 both, a handbag none of the second."""
_AROUND = 3.0
"""Pixels (1 sigma) over which the colours on both sides of the outline are averaged."""


@dataclass
class Trust:
    """`confidence` 0..1 and the `reasons` that lower it; `notes`, worth knowing but no doubt; facts for the report."""

    confidence: float = 1.0
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    products: int = 0
    """How many things it seems to show, and how many openings: for the report."""
    holes: int = 0
    touches_frame: bool = False

    def doubt(self, factor: float, reason: str) -> None:
        """Multiply the confidence by `factor` and say why when that is a real doubt."""
        factor = min(1.0, max(0.0, factor))
        self.confidence *= factor
        if factor < 0.8:
            self.reasons.append(reason)

    def unconfirmed(self, reason: str) -> None:
        """Allow no more confidence than `UNCONFIRMED`, and say why where there was more."""
        if self.confidence > UNCONFIRMED:
            self.confidence = UNCONFIRMED
            self.reasons.append(reason)


def ramp(value: float, low: float, high: float) -> float:
    """0 at `low`, 1 at `high`, linear between (either order)."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def count_parts(product: Tensor) -> tuple[int, int]:
    """How many separate products and how many enclosed openings a boolean `[H,W]` mask shows.

    Parts below a twelfth of the largest are accessories or specks; parts within 2 % of the picture belong together.
    """
    size = min(product.shape)
    labels, count = ndimage.label(dilate(product, max(1, round(0.01 * size))).cpu().numpy())
    parts = 0
    if count:
        areas = np.bincount(labels[product.cpu().numpy()], minlength=count + 1)[1:]
        parts = int((areas > areas.max() / 12).sum())
    empty = Regions(~product)
    inner = (empty.area > 2e-4 * product.numel()) & ~empty.on_frame()
    return parts, int(inner.sum())


NOTHING_FOUND = "no product was found"
"""The doubt that leaves nothing to be taken, not even a guess."""


def judge_shape(product: Tensor, trust: Trust) -> None:
    """Doubts that the mask's shape alone raises: nothing, too much, several products, cut by the frame."""
    share = float(product.float().mean())
    if share < 2e-4:
        trust.doubt(0.0, NOTHING_FOUND)
        return
    trust.doubt(ramp(share, 0.0, 0.01), "the product is tiny in the picture: crop closer")
    trust.doubt(ramp(share, 0.97, 0.85), "hardly any backdrop is left around the product")
    trust.products, trust.holes = count_parts(product)
    if trust.products > 1:
        trust.notes.append(f"{trust.products} separate products, {AS_A_SET}")
    elif joined_products(product):
        trust.notes.append("it looks like two products that touch, kept together")
    height, width = product.shape
    frame = {
        "top": float(product[0].float().mean()),
        "bottom": float(product[-1].float().mean()),
        "left": float(product[:, 0].float().mean()),
        "right": float(product[:, -1].float().mean()),
    }
    cut = [side for side, part in frame.items() if part * (width if side in ("top", "bottom") else height) >= 2]
    if cut:
        trust.touches_frame = True
        worst = max(frame[side] for side in cut)
        trust.doubt(
            _CUT_OFF * (1.0 - 0.25 * worst), f"the product is cut off by the picture's {' and '.join(cut)} edge"
        )
    corners = sum(bool(product[row, column]) for row in (0, -1) for column in (0, -1))
    if len(cut) == len(frame) and corners >= _AROUND_IT:
        trust.doubt(_INSIDE_OUT, INSIDE_OUT)


def judge_backdrop(backdrop: Backdrop, trust: Trust) -> None:
    """Doubts about the backdrop: busy, patterned, not seen around the product."""
    trust.doubt(
        ramp(backdrop.frame_agreement, 0.55, 0.9), "the backdrop is not plain: objects or patterns reach the frame"
    )
    trust.doubt(ramp(backdrop.frame_spread * 255, 20, 6), "the backdrop is busy")


def _sides(srgb: Tensor, product: Tensor, rim: Tensor) -> Tensor:
    """The largest difference `[n]` of any channel between the product and what is beside it, around the `rim`'s pixels.

    Means over a few pixels are smooth: they are taken at half the size.
    """
    planes, solid = srgb.permute(2, 0, 1), product.float().unsqueeze(0)
    all_ = torch.cat((planes * solid, solid, planes, torch.ones_like(solid))).unsqueeze(0)
    sums = gaussian_blur(F.avg_pool2d(all_, 2, ceil_mode=True, count_include_pad=False), _AROUND / 2)[0]
    rows, columns = torch.nonzero(rim, as_tuple=True)
    here = sums.flatten(1).index_select(1, (rows // 2) * sums.shape[2] + columns // 2)
    inside, outside = here[:4], here[4:] - here[:4]
    inside, outside = (side[:3] / side[3:].clamp(min=1e-3) for side in (inside, outside))
    return (inside - outside).abs_().amax(dim=0)


def soft_outline(
    srgb: Tensor, product: Tensor, backdrop: Backdrop, evidence: Evidence, settled: Tensor
) -> tuple[float, float]:
    """How much of the outline of `product` `[H,W]` lies on no step of the picture `[H,W,3]`: `(share, longest)`.

    `share` is the part of the outline without a visible step, or with the same colour on both sides; `longest` is its
    longest faint stretch relative to the product's size. A cut through smooth colour is a guess: a shadow that was
    kept ends that way, and so does a white lid that merges with the wall. In `settled` `[H,W]`, beside a foot whose
    line is certain, it is none: two blacks meet there.
    """
    rim = product & ~erode(product, 1)
    if not bool(rim.any()):
        return 1.0, 1.0
    noise = max(backdrop.noise, 1 / 255)
    step = dilate(evidence.steps, 2)
    usual = _usual_step(step, product, backdrop)
    contrast = _sides(srgb, product, rim)
    open_ = ~settled[rim]
    without = ((step < max(5 * noise, 6 / 255, usual))[rim] & open_).float().mean()
    alike = ((contrast < max(4 * noise, 5 / 255)) & open_).float().mean()
    faint = rim & ~settled & (step < max(6 * noise, 10 / 255, usual))
    return max(float(without), float(alike)), _longest(faint) / max(1.0, float(product.sum()) ** 0.5)


def _usual_step(step: Tensor, product: Tensor, backdrop: Backdrop) -> float:
    """The step that the bare backdrop reaches almost everywhere, as far as that is its noise: no outline."""
    bare = step[backdrop.seen & ~dilate(product, 6)]
    if not bare.numel():
        return 0.0
    return min(_MOST_NOISE * backdrop.noise, float(torch.quantile(bare[:: max(1, bare.numel() // 100000)], _BARE)))


def joined_products(product: Tensor) -> bool:
    """Whether `product` `[H,W]` is two bodies of like size that only something thin holds together: a lace, an edge."""
    radius = max(2, round(0.02 * min(product.shape)))
    labels, count = ndimage.label(erode(product, radius).cpu().numpy())
    if count < 2:
        return False
    areas = np.sort(np.bincount(labels.ravel())[1:])
    return bool(areas[-2] > 0.35 * areas[-1])


def judge_outline(
    srgb: Tensor, likelihood: Tensor, backdrop: Backdrop, evidence: Evidence, footing: Footing | Roundness, trust: Trust
) -> None:
    """Doubts about the outline: where the product is as light as the backdrop, the line is a guess."""
    product = likelihood > 0.5
    share, longest = soft_outline(srgb, product, backdrop, evidence, footing.beside())
    clear = ramp(share, 0.18, 0.02) * (0.3 + 0.7 * ramp(longest, 0.35, 0.08))
    trust.doubt(clear, "parts of the outline have the backdrop's own colour, or a shadow was taken for product")
    # What differs from the backdrop beside the product, and was called shadow or reflection, may be product after all.
    around = dilate(product, max(2, round(0.02 * backdrop.side)))
    left_out = around & ~product & (evidence.difference > 6) & (evidence.ratio < 0.85)
    share = float(left_out.float().sum() / product.float().sum().clamp(min=1))
    unsure = float(((likelihood > 0.15) & (likelihood < 0.85) & around).float().sum() / product.float().sum())
    trust.doubt(ramp(max(unsure, 0.5 * share), 0.6, 0.15), "shadow and product could not be told apart everywhere")


def judge_model(mask: Tensor, fused: Fused, plain: float, trust: Trust) -> None:
    """Doubts about a segmenter's `mask` `[H,W]` that is at odds with the picture; `plain` 0..1: how far the backdrop
    model holds."""
    solid, product = mask > 0.5, fused.likelihood > 0.5
    size = max(1.0, float(product.float().sum()))
    half = fused.half_filled
    changed = float(((solid != product) & ~half).float().sum()) / max(size, float(solid.float().sum()))
    trust.doubt(ramp(changed, 0.4, 0.1), "the model's mask and the picture's own edges disagree")
    filled = float(half.float().sum()) / size
    trust.doubt(
        _unconfirmed(filled, 0.012, 0.004),
        "the model half filled an opening of the product that shows the bare backdrop: white on white there?",
    )
    near = within_reach(product, round(_BESIDE * min(product.shape)))
    ignored, faded = (plain * _touching(where, near) / size for where in (fused.ignored, fused.faded))
    thing = 0.55 + 0.45 * ramp(ignored, 0.16, 0.02)
    glow = _unconfirmed(faded, 0.16, 0.02)
    if thing <= glow:  # what is beside the product is one doubt, of either kind
        trust.doubt(thing, "something beside the product that is no plain backdrop was left out")
    else:
        trust.doubt(
            glow, "a coloured shadow, or a part out of focus without an outline, was left out beside the product"
        )
    missing = plain * float(fused.missing.float().sum()) / size
    trust.doubt(ramp(missing, 0.5, 0.06), "the model takes for product what looks like the backdrop")
    enclosed = plain * float(fused.enclosed.float().sum()) / size
    trust.doubt(
        ramp(enclosed, 0.5, 0.17), "much of the product's inside has the backdrop's very colour: an opening, filled?"
    )
    flat = plain * float(Regions(fused.enclosed).area.max(initial=0)) / size
    trust.doubt(
        _unconfirmed(flat, _FLAT, _FLAT / 2),
        "a part inside the product has the backdrop's very colour: is it printed, or an opening that was filled?",
    )


def _unconfirmed(share: float, most: float, none: float) -> float:
    """What a doubt leaves that refuses nothing: all of it up to the share `none`, the least from `most` on."""
    return UNCONFIRMED + (1 - UNCONFIRMED) * ramp(share, most, none)


def is_coarse(mask: Tensor) -> bool:
    """Whether a network's `mask` `[h,w]` has too few pixels to be believed alone: U²-Net-P's has 320."""
    return max(mask.shape) < _FINE


def judge_coarse(product: Tensor, unaided: Tensor, certain: float, trust: Trust) -> None:
    """Doubts about a coarse network's trusted `product` `[H,W]` bool that the backdrop alone does not confirm.

    `unaided` `[H,W]` bool: the product that is found without a network; `certain` 0..1: how far that is trusted.
    """
    both = float((product | unaided).float().sum())
    other = float(opened(product ^ unaided, _EDGE).float().sum())
    if certain < _WITNESS or other > _SAME * both:
        trust.unconfirmed("the installed model is coarse, and the backdrop alone does not confirm what it sees")


def judge_pale(product: Tensor, backdrop: Backdrop, evidence: Evidence, trust: Trust) -> None:
    """Doubts where something hardly darker than the backdrop, with an edge all around, hangs on the `product` `[H,W]`
    and was left out: a white strap on white. A shadow so faint has no edge."""
    apart = ~dilate(product, 2)
    pale = apart & (evidence.difference > _OFF) & (evidence.ratio > _PALE) & (evidence.ratio < _PALEST)
    regions = Regions(opened(pale, 2))
    if regions.count == 0:
        return
    edge = dilate(evidence.steps > max(_EDGE_STEP, _EDGE_NOISES * backdrop.noise), 1) & apart
    edged = regions.rim_mean(edge.float()) > _EDGED * regions.rim_mean(apart.float())
    left = regions.area[edged & regions.touched(dilate(product, 6)) & ~regions.on_frame()].sum()
    kept = 0.55 + 0.45 * ramp(float(left) / max(1.0, float(product.float().sum())), 0.1, 0.02)
    trust.doubt(kept, "a pale part with an edge of its own beside the product was left out")


def judge_busy(trust: Trust) -> None:
    """Doubts about a coarse network where no plain backdrop shows what it filled."""
    trust.doubt(UNCONFIRMED, "the backdrop is busy and the model coarse: openings of the product may be filled")


def _touching(where: Tensor, near: Tensor) -> float:
    """Pixels of the regions of `where` that reach into `near`."""
    regions = Regions(where)
    return float(regions.area[regions.touched(near)].sum()) if regions.count else 0.0


def judge_model_outline(
    srgb: Tensor,
    product: Tensor,
    backdrop: Backdrop,
    evidence: Evidence,
    settled: Tensor,
    trust: Trust,
    noise: float = 0.0,
) -> None:
    """Doubts about an outline that a model drew where the picture shows none: black on black, white on white."""
    share, longest = soft_outline(srgb, product, backdrop, evidence, settled)
    clear = ramp(share, 0.6, 0.08) * (0.5 + 0.5 * ramp(longest, 1.5, 0.25))
    trust.doubt(clear, "parts of the outline cannot be seen in the photo: product and backdrop have one colour there")
    judge_blown_out(srgb, product, backdrop, trust, noise)
    judge_blacked_out(srgb, product, trust)


def judge_blacked_out(srgb: Tensor, product: Tensor, trust: Trust) -> None:
    """Doubts where black meets black along the outline of the `product` `[H,W]` bool: the base of a bottle on black."""
    rim, size = product & ~erode(product, 1), max(1.0, float(product.float().sum())) ** 0.5
    black = rim & (square_max(srgb.amax(dim=-1), _AROUND_BLACK) < _BLACK)
    if trust.confidence <= UNCONFIRMED or float(black.float().sum()) <= _BLACK_RUN * size:
        return
    apart = torch.ones_like(srgb[..., 0])
    apart[black] = _sides(srgb, product, black)
    if all(_longest(apart < step) > run * size for step, run in ((_BLACK_STEP, _BLACK_RUN), (_SAME_BLACK, _SAME_RUN))):
        trust.unconfirmed("product and backdrop are both black along a part of the outline")


def _longest(rim: Tensor) -> float:
    """The longest stretch, in pixels, of the `rim` `[H,W]` bool."""
    # It is made three pixels wide, so that breaks of one pixel do not end a stretch.
    runs, count = ndimage.label(dilate(rim, 1).cpu().numpy(), np.ones((3, 3)))
    return float(np.bincount(runs.ravel())[1:].max()) / 3 if count else 0.0


def judge_parts(product: Tensor, close: Tensor, trust: Trust) -> None:
    """Doubts where something `close` `[H,W]` bool to the product was left out that may have belonged to it."""
    share = float(close.float().sum()) / max(1.0, float(product.float().sum()))
    trust.doubt(0.4 + 0.6 * ramp(share, 0.05, 0.01), f"something close to the product was left out{KEPT_BY_ALL}")


def note_left_out(extras: Sequence[str], trust: Trust) -> None:
    """A note where separate things beside the product, of these kinds, were left out."""
    if extras:
        counted = ", ".join(f"{kind} ({extras.count(kind)})" for kind in dict.fromkeys(extras))
        trust.notes.append(f"left out beside the product: {counted}{KEPT_BY_ALL}")


def without_advice(reasons: str) -> tuple[str, str, str]:
    """Reasons without what would help against them, and that in the words of the canvas and of the command line."""
    if KEPT_BY_ALL not in reasons:
        return reasons, "", ""
    bare = reasons.replace(KEPT_BY_ALL, "")
    return (
        bare,
        "; or parts 'all', which keeps what was left out",
        "; or --set parts=all, which keeps what was left out",
    )


def judge_blown_out(srgb: Tensor, product: Tensor, backdrop: Backdrop, trust: Trust, noise: float = 0.0) -> None:
    """Doubts where the sensor saw nothing but white on both sides: the outline is lost, whoever draws it.

    `noise`: 1 sigma of the noise that was averaged away; clipped at white, it has left white that much darker.
    """
    white = _BLOWN - noise
    blown = (srgb.amin(dim=-1) > white) & (backdrop.color.amin(dim=-1) > white)
    inner = erode(product, max(2, round(0.004 * backdrop.side)))
    regions = Regions(blown & product)
    lost = float(regions.area[regions.touched(product & ~inner)].sum()) if regions.count else 0.0
    share = lost / max(1.0, float(product.float().sum()))
    trust.doubt(ramp(share, 0.09, 0.01), "white parts of the product merge with a blown-out white backdrop")


def note_transparency(product: Tensor, evidence: Evidence, trust: Trust) -> None:
    """A note where much of the product shows the backdrop's colour, darker or lighter: glass, gauze."""
    inner = erode(product, 3)
    area = float(inner.float().sum())
    alike = inner & (evidence.residue < 5.0) & (evidence.ratio > 0.45) & (evidence.ratio < 1.15)
    alike &= evidence.difference > 3.5
    if area and float(alike.float().sum()) > 0.5 * area:
        trust.notes.append(
            "much of the product has the backdrop's own tint: if it is glass or gauze, it came out opaque"
        )
