"""Where a picture shows fingers, whatever was found: their middle lines, their tips, and what parts neighbours.

A pose model reports five fingers whatever is painted. The small network here sees no more than a part of a hand at a
time, so it cannot count and does not know how many there ought to be: it says of every place whether a finger runs
there. What it was trained on is said in `finger_lines.txt` beside its weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from ..crops import Crop, cut, square

SIDE = 160
"""Pixels of the square that the network sees."""
HAND = 84.0
"""Pixels that a hand's length has in it: a finger is 7 wide there, a crease 1."""
STRIDE = 2
"""Pixels of the square to one of its answer."""
WEIGHTS = Path(__file__).with_name("finger_lines.safetensors")
_MEAN, _SPREAD = 0.45, 0.25
"""Of the colours (sRGB) that it was trained on, so that what it sees is around 0 and as large as 1."""


@dataclass(frozen=True)
class FingerMaps:
    """What is seen around one hand, 0..1, `[h,w]` each: `line` a finger's middle line, `tip`, `seam` what parts two
    neighbours. `crop` leads from the picture's pixels to the square's, `unit` is the hand's length in map pixels."""

    line: Tensor
    tip: Tensor
    seam: Tensor
    crop: Crop
    unit: float

    def at(self, points: Tensor) -> Tensor:
        """Points of the picture `[...,2]` in pixels of the maps (edges at integers)."""
        move = self.crop.transform
        shift = points.new_tensor((move.tx, move.ty))
        return (points * move.a + shift) / STRIDE


@lru_cache(maxsize=4)
def stored(device: torch.device) -> dict[str, Tensor]:
    """The weights of the network and of what is made of its answers, by name."""
    return {name: value.float() for name, value in load_file(str(WEIGHTS), device=str(device)).items()}


def _answer(pictures: Tensor) -> Tensor:
    """`[N,3,S,S]` sRGB to probabilities `[N,3,S/2,S/2]`."""
    w = stored(pictures.device)

    def layer(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return F.relu(F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride=stride, padding=1))

    def point(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"])

    def doubled(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    a = layer(layer((pictures - _MEAN) / _SPREAD, "a.0", 2), "a.1")
    b = layer(layer(a, "b.0", 2), "b.1")
    c = layer(layer(layer(b, "c.0", 2), "c.1"), "c.2")
    e = layer(b + doubled(point(c, "d")), "e")
    return torch.sigmoid(point(layer(a + doubled(point(e, "f")), "g"), "h"))


def see_fingers(image: Tensor, points: Tensor, length: float) -> FingerMaps:
    """Look at the fingers around a hand's `points` `[n,2]` in `image` `[H,W,C]` sRGB; `length` of the hand in pixels.

    Seen four ways, mirrored both ways, and averaged: what one view makes up the others do not.
    """
    low, high = points.amin(dim=0), points.amax(dim=0)
    middle = ((low + high) / 2).tolist()
    height, width = image.shape[:2]
    crop = Crop(0, square((middle[0], middle[1]), SIDE * length / HAND, SIDE, width, height))
    seen = cut(image[..., :3].float(), crop, SIDE).movedim(-1, 0)
    turned = ((), (1,), (2,), (1, 2))
    answers = _answer(torch.stack([seen.flip(dims) if dims else seen for dims in turned]))
    maps = torch.stack([one.flip(dims) if dims else one for one, dims in zip(answers, turned, strict=True)]).mean(dim=0)
    return FingerMaps(maps[0], maps[1], maps[2], crop, length * crop.transform.a / STRIDE)
