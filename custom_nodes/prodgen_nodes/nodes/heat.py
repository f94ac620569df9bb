"""A finished picture in grey with what differs laid over it in colour."""

from __future__ import annotations

import torch
from torch import Tensor

from ..imaging.fidelity.judge import Fidelity
from .common import TINT, thumbnails

_FULL_SCALE = 10.0
"""dE00 that is shown in full colour."""
_CHANGED = (1.0, 0.45, 0.0)
"""The orange of what fails locally."""
_ADDED = (0.0, 0.75, 1.0)
"""The blue of what is there beyond the product."""


def heat_map(image: Tensor, result: Fidelity | None, side: int = 512, added: Tensor | None = None) -> Tensor:
    """`[1,h,w,3]` of the first of `image` `[B,H,W,C]`, at most `side` long: dE00 in magenta (10 and more in full), in
    orange the places that fail, in blue where the picture has something that is `added` `[H,W]` to the product."""
    small = thumbnails(image[:1, ..., :3].float(), side).cpu()
    shown = (small.mean(dim=-1, keepdim=True).expand(-1, -1, -1, 3) * 0.8).clone()
    if added is not None and bool((added > 0.5).any()):
        plane = torch.nn.functional.adaptive_max_pool2d(added[None, None].float().cpu(), shown.shape[1:3])[0]
        shown = torch.lerp(shown, shown.new_tensor(_ADDED).expand_as(shown), 0.8 * plane.unsqueeze(-1))
    if result is None:
        return shown
    box, factor = result.box, small.shape[1] / image.shape[1]
    top, left = int(box.top * factor), int(box.left * factor)
    size = (max(1, round(box.height * factor)), max(1, round(box.width * factor)))
    for heat, full, color in ((result.map, _FULL_SCALE, TINT), (result.heat, 1.0, _CHANGED)):
        if heat is None:
            continue
        # The hottest pixel of each counts: a small fault must not fade in a small picture.
        plane = torch.nn.functional.adaptive_max_pool2d(heat[None, None].float().cpu(), size)[0, 0]
        plane = plane[: shown.shape[1] - top, : shown.shape[2] - left]
        weight = (plane / full).clamp(0.0, 1.0).square().unsqueeze(-1)
        area = (0, slice(top, top + plane.shape[0]), slice(left, left + plane.shape[1]))
        shown[area] = torch.lerp(shown[area], shown.new_tensor(color).expand_as(shown[area]), weight)
    return shown
