"""What a rough hint says is product: broad paint, thin parts of it, or strokes drawn over a product here and there.

A painted outline is sloppy, its inside is not. Inside broad paint all is product. A painted handle is too thin to have
such an inside: there its middle line is product, unless bare backdrop shows. Strokes that only cross a product mark
what they lie on; between and beside them a network decides, else the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..filters import closed, dilate, erode, opened, touching
from .confidence import Trust, ramp
from .regions import Regions

_SLOPPY, _SAME = 0.03, 0.5
"""How far off a painted outline may be, as a fraction of the short side; overlap (IoU) of a hint and a model that mean
the same thing."""
_MIDDLE = 0.75
"""The middle of a thin part: as far from its outline, as a share of the farthest nearby."""
_SEEN = 2
"""Pixels of a model's outline that are its own softness."""
_LONG = 2
"""A thin part is meant that is so many times as long as an outline may be off; shorter, it is sloppiness."""
_BROAD, _APART, _FILLED = 0.3, 0.1, 1.3
"""Strokes: no more of the paint than this share is broad, and closing gaps as wide as twice so much of the short side
makes so many times as much of it."""
_COVERED, _FAINT = 0.6, 0.1
"""The share of the strokes that a network takes for product to mean the same thing; its value where it sees nothing."""
_STROKES = 0.74
"""The most for strokes: delivered, and somebody should look whether all between them is there."""
_LOST, _LITTLE, _MUCH = (0.3, 0.7), 0.01, 0.2
"""The factor for much of the paint missing in a cut-out, and for little; and what shares of the paint these are."""


@dataclass(frozen=True)
class Stated:
    """`rough` `[h,w]`: what is product, 1, or not, 0, or for the picture to decide; `middle` bool: what was painted,
    without its sloppy outline; `scope` bool: beyond it nothing is product; `bare` bool: where plain backdrop shows;
    `strokes`: whether only strokes were drawn; `width`: how far off an outline may be."""

    rough: Tensor
    middle: Tensor
    scope: Tensor
    bare: Tensor
    strokes: bool
    width: int

    def held(self, likelihood: Tensor) -> Tensor:
        """The soft `likelihood` `[h,w]` of what hangs on something painted alone."""
        return torch.where(touching(likelihood > 0.5, self.middle), likelihood, likelihood.clamp(max=0.5))

    def judge(self, product: Tensor, trust: Trust) -> None:
        """Doubts about a `product` `[h,w]` bool in which something that was painted is missing. Broad paint over bare
        backdrop is an opening, and a stroke may cross one."""
        lost = self.middle & ~dilate(product, max(2, self.width // 2))
        share = float(lost.float().sum()) / max(1.0, float(self.middle.float().sum()))
        if self.strokes:
            trust.doubt(_STROKES, "the hint is thin strokes: fill the whole product to say exactly what it is")
            lost &= torch.tensor(share > 1 - _COVERED, device=lost.device)
        else:
            lost &= ~(self.bare & dilate(erode(lost, self.width), self.width + 1))
        labels, _ = ndimage.label(lost.cpu().numpy(), np.ones((3, 3)))
        boxes = [box for box in ndimage.find_objects(labels) if _extent(box) >= _LONG * self.width]
        if boxes:
            least, most = _LOST
            where = _place(max(boxes, key=_extent), product.shape)
            trust.doubt(
                least + (most - least) * ramp(share, _MUCH, _LITTLE),
                f"a part that was painted, {where}, is missing in the cut-out",
            )


def judge_painted(said: Stated | None, product: Tensor, trust: Trust) -> None:
    """Doubts about a `product` `[h,w]` bool that a hint, if there is one, raises."""
    if said is not None:
        said.judge(product, trust)


def sloppy_width(hint: Tensor) -> int:
    """How many pixels off the outline of a `hint` `[h,w]` may be."""
    return max(2, round(_SLOPPY * min(hint.shape)))


def stated(hint: Tensor, mask: Tensor | None, bare: Tensor) -> Stated:
    """What a rough `hint` `[h,w]` says is product, beside a model's `mask` `[h,w]` if there is one.

    Inside the hint all is product, far outside nothing; near its outline the model decides, where it means the same
    thing as the hint, else the picture's edges. `bare` `[h,w]` bool: where plain backdrop shows.
    """
    painted = hint > 0.5
    width = sloppy_width(hint)
    core, around = erode(painted, width), dilate(painted, width)
    thin = _thin(painted, core, width)
    line = _middle(painted, thin, width)
    solid = torch.zeros_like(painted) if mask is None else mask > 0.5
    # Where a model sees something of a thin part, that says better where it runs than sloppy paint.
    overlooked = thin & ~dilate(solid & thin, max(1, width // 2))
    # So it is where the part hangs on the rest: the core reaches into it there.
    overlooked |= dilate(overlooked, width + _SEEN) & painted & ~solid
    seeds = line & overlooked & ~bare
    if are_strokes(painted, core, width):
        rough, scope = _between_strokes(painted, core | line, mask)
        return Stated(torch.where(core | seeds, 1.0, rough), core | line, scope, bare, True, width)
    between = torch.full_like(hint, 0.5)
    if mask is not None:
        union = float((solid | painted).float().sum())
        if union and float((solid & painted).float().sum()) / union > _SAME:
            # Nor does it know where something ends that it saw nothing of.
            overlooked |= dilate(opened(core & ~solid, _SEEN), width + _SEEN)
            between = torch.where(overlooked, mask.clamp(min=0.5), mask)
    rough = torch.where(core | seeds, 1.0, torch.where(around, between, 0.0))
    return Stated(rough, core | line, hint >= 0.02, bare, False, width)


def are_strokes(painted: Tensor, core: Tensor, width: int) -> bool:
    """Whether what was `painted` `[h,w]` bool is thin nearly everywhere, and lies closely over something broader."""
    area = float(painted.float().sum())
    if not area or float((dilate(core, width) & painted).float().sum()) > _BROAD * area:
        return False
    return float(closed(painted, round(_APART * min(painted.shape))).float().sum()) > _FILLED * area


def _between_strokes(painted: Tensor, middle: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """What is product, and how far at most, where strokes were `painted` `[h,w]` bool: what a model sees under most of
    their `middle`, else what the picture shows around them."""
    apart = round(_APART * min(painted.shape))
    scope = dilate(closed(painted, apart), apart)
    rough = torch.where(scope, 0.5, 0.0)
    if mask is not None and bool((mask > 0.5)[middle].float().mean() > _COVERED):
        seen = touching((mask > _FAINT) | painted, middle)
        rough, scope = torch.where(seen, mask, 0.0), scope | seen
    return rough, scope


def _thin(painted: Tensor, core: Tensor, width: int) -> Tensor:
    """Boolean `[h,w]`: parts of what was `painted` that hold nothing of the `core`, and are no sloppiness: long, or all
    there is."""
    rest = Regions(painted & ~dilate(core, width + 1))
    if rest.count == 0:
        return painted & ~painted
    whole = Regions(painted)
    alone = whole.chosen(~whole.touched(core))
    long = np.array([_extent(box) >= _LONG * width for box in ndimage.find_objects(rest.labels)])
    return rest.chosen(long | rest.touched(alone))


def _middle(painted: Tensor, thin: Tensor, width: int) -> Tensor:
    """Boolean `[h,w]`: the middle of the `thin` parts of what was `painted`. At the picture's edge paint goes on."""
    if not bool(thin.any()):
        return thin
    wider: NDArray[np.bool_] = np.pad(painted.cpu().numpy(), width, mode="edge")
    inner = slice(width, -width)
    depth = ndimage.distance_transform_edt(wider)[inner, inner] * thin.cpu().numpy()
    deepest = ndimage.maximum_filter(depth, 2 * width + 1)
    return thin & torch.from_numpy(depth >= _MIDDLE * deepest).to(thin.device)


def _extent(box: tuple[slice, ...]) -> int:
    return max(int(side.stop) - int(side.start) for side in box)


def _place(box: tuple[slice, ...], size: tuple[int, ...]) -> str:
    """Where in a picture a `box` lies, in words."""
    down, across = ((side.start + side.stop) / 2 / length for side, length in zip(box, size, strict=True))
    words = [
        "above" if down < 1 / 3 else "below" if down > 2 / 3 else "",
        "on the left" if across < 1 / 3 else "on the right" if across > 2 / 3 else "",
    ]
    return " ".join(word for word in words if word) or "in the middle"
