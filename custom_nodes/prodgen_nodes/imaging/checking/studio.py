"""The plain ground of a packshot: where there is one, what stands out from it and how it is lit can be told."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colorspace import delta_e00, lab_to_linear, luminance, srgb_to_lab, srgb_to_linear
from ..fidelity.outline import Ground, ground_of, reach_of
from ..fidelity.whole import unlike_any_shade
from ..filters import dilate
from ..tensors import bounding_box

_PLAIN = 3.0
"""dE00 that nine tenths of a plain ground stay within of its own smooth colours: 0 to 1 in a JPEG of a packshot, 2.3
with a cast shadow on grey."""
_OTHER, _NO_SHADE, _NOISES = 12.0, 8.0, 4.0
"""dE00 to the ground, and to it in any shade, from which something else stands on it; and in multiples of that."""
_BLACK = 0.42
"""L* + 16 over the ground's below which something is no shadow on it: a fourteenth of its light."""
_ENOUGH = 0.03
"""The least share of the picture that must be ground for it to be modelled."""
_SIDE = 512
"""Pixels of the longer side at which the ground is modelled: it is smooth."""


@dataclass(frozen=True)
class Studio:
    """A picture's plain ground, modelled at one `factor`-th of its size; `light`: its linear luminance."""

    ground: Ground
    factor: float
    light: float

    def at(self, where: Tensor) -> Tensor:
        """The ground's CIELAB `[n,3]` at the pixels of bool `where` `[H,W]`."""
        rows, columns = torch.nonzero(where, as_tuple=True)
        return self.ground.at(rows / self.factor, columns / self.factor)

    def foreign(self, picture: Tensor, where: Tensor) -> Tensor:
        """Bool `[H,W]`: which pixels of sRGB `picture` `[H,W,3]` in `where` `[H,W]` are not its ground in any shade."""
        rows, columns = torch.nonzero(where, as_tuple=True)
        base = self.at(where)
        lab = srgb_to_lab(picture[rows, columns])
        noise = _NOISES * self.ground.noise
        other = (delta_e00(lab, base) > max(_OTHER, noise)) & (unlike_any_shade(lab, base) > max(_NO_SHADE, noise))
        # What is nearly black is a shade of every ground, but no shadow is so dark.
        dark = (lab[:, 0] + 16) < _BLACK * (base[:, 0] + 16)
        found = torch.zeros_like(where)
        found[rows, columns] = other | dark
        return found


def studio_of(picture: Tensor, cover: Tensor, things: Tensor) -> Studio | None:
    """The ground of `picture` `[H,W,3]` around the product's `cover` `[H,W]`, without other `things` `[H,W]` (alpha);
    None where it is not plain."""
    factor = max(1.0, max(cover.shape) / _SIDE)
    size = (max(1, round(cover.shape[0] / factor)), max(1, round(cover.shape[1] / factor)))
    planes = torch.cat((srgb_to_linear(picture).permute(2, 0, 1), torch.maximum(cover, things)[None]))
    small = F.interpolate(planes[None], size=size, mode="area")[0]
    taken = small[3] > 0.02
    if not bool(taken.any()):
        return None
    reach = reach_of(bounding_box(small[3], 0.02))
    for away in (reach, reach // 3):
        far = ~dilate(taken, away)
        if float(far.float().mean()) >= _ENOUGH:
            break
    else:
        return None
    ground = ground_of(small[:3], far, reach)
    if ground.noise > _PLAIN:
        return None
    light = float(luminance(lab_to_linear(ground.lab.movedim(0, -1))).median())
    return Studio(ground, factor, light)
