"""Whether a product hangs by a cord, as its mask shows: a lamp from the ceiling, a wind chime, a bauble on its thread.

What hangs at rest hangs plumb: its cord is straight and upright, over the middle of what it carries. What stands has no
part that is so thin, long and upright right over its middle with nearly all of it below: the pole of a floor lamp or of
a microphone is thicker, an aerial is aside.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..tensors import Box

_THIN = 0.008
"""A cord is no wider than this share of the product's longer side. A lamp's cord has .003 to .007 of what hangs on it
with it, the pole of a floor lamp, of a microphone or of a cake stand .014 and more."""
_THINNEST = 1.6
"""Pixels that a cord may be wide in any case: a thinner one is blurred to as much."""
_LONG = 0.15
"""The share of the product's height that it is long, at least; a wick, a hook, an eyelet is shorter."""
_STRAIGHT = 0.004
"""How far its rows lie beside its middle line, as a share of the product's longer side, and half a pixel more."""
_PLUMB = 0.06
"""How far beside the middle of what it carries it may be, as a share of the product's width."""
_ABOVE = 0.25
"""What is above it, a ceiling rose or a ring, is no more than this share of what it carries."""
_CARRIES = 4
"""What it carries is at least so many times as wide as a cord may be: a stick, or a line, hangs on nothing."""
_GONE = 0.02
"""Coverage up to which a row shows nothing of a cord."""


def hangs_by_a_cord(alpha: Tensor, box: Box) -> bool:
    """Whether the product of a mask `[H,W]` (1 = product), in its `box`, hangs by an upright cord."""
    part = alpha[box.top : box.bottom, box.left : box.right]
    # Counted from the middle, so that squares keep their digits in single precision.
    at = torch.arange(box.width, device=alpha.device, dtype=alpha.dtype) + (0.5 - box.width / 2)
    covered = part.sum(dim=1).double().cpu().numpy()
    sums = np.maximum(covered, 1e-6)
    middle = (part @ at).double().cpu().numpy() / sums
    spread = (part @ at.square()).double().cpu().numpy() / sums - middle**2
    longest = max(box.width, box.height)
    wide = max(_THINNEST, _THIN * longest)
    # Of one strand the rows spread by as much as it is wide; of the two of a loop by far more.
    strand = (covered > _GONE) & (covered <= wide) & (spread <= wide**2)
    runs, _ = ndimage.label(strand)
    for rows in ndimage.find_objects(runs):
        first, last = rows[0].start, rows[0].stop
        above, below = covered[:first].sum(), covered[last:].sum()
        carries = covered[last:].max(initial=0.0) >= _CARRIES * wide
        if not carries or last - first < _LONG * box.height or above > _ABOVE * below:
            continue
        line = np.polyfit(np.arange(first, last), middle[first:last], 1)
        beside = np.abs(middle[first:last] - np.polyval(line, np.arange(first, last))).max()
        lean = abs(line[0]) * (last - first)
        carried = float((covered[last:] * middle[last:]).sum() / max(1e-6, below))
        limit = _STRAIGHT * longest + 0.5
        if beside <= limit and lean <= 2 * limit and abs(np.polyval(line, last) - carried) <= _PLUMB * box.width:
            return True
    return False
