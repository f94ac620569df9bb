"""How sure a small network is that a hand has a finger too many, two grown together, or two thumbs.

A pose model reports five fingers whatever is painted. What this was trained on is said in `finger_count.txt` beside its
weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..stored import stored_weights
from .row_reader import RowReader, evened
from .unrolled import CHAINS, UPRIGHT, Views

WEIGHTS = Path(__file__).with_name("finger_count.safetensors")
READERS = ("row0", "row1")
"""Two networks read the row of fingers; what one makes up the other does not."""
_LAYERS = (("a", 2), ("b", 2), ("c", 1), ("d", 2), ("e", 1), ("f", 2))
"""Of the network that sees the whole hand, with their strides."""
_WIDTH = 2.5
"""Of a drawn bone in the upright view, pixels: half a finger there."""
_BONES = ((1, 2), (2, 3), (3, 4), *((chain[i], chain[i + 1]) for chain in CHAINS for i in range(3)))
_OF_THUMB = 3
"""So many of them, the first, are the thumb's: they are drawn by themselves, as there may be two of it."""


@dataclass(frozen=True)
class Count:
    """Log odds that fingers are `there` at all, of one `extra`, of two `fused`, of two thumbs; `extra_gap` the gap that
    speaks most for the second (0 before the index finger, 1 behind it … 4 behind the little one), `fused_pair` the pair
    (0 index and middle …) for the third."""

    there: float
    extra: float
    fused: float
    thumbs: float
    extra_gap: int
    fused_pair: int


@lru_cache(maxsize=4)
def _stored(device: torch.device) -> tuple[list[RowReader], dict[str, Tensor]]:
    """The two readers, and the weights of the network that sees the whole hand."""
    weights = stored_weights(WEIGHTS, device)
    readers = []
    for name in READERS:
        reader = RowReader().to(device)
        reader.load_state_dict({key.removeprefix(f"{name}."): w for key, w in weights.items() if key.startswith(name)})
        readers.append(reader.eval().requires_grad_(False))
    return readers, weights


def count(views: Views) -> Count:
    """Read both views, each also mirrored."""
    readers, w = _stored(views.row.device)
    rows, steps = torch.stack((views.row, views.row.flip(-1))), views.step.expand(2, -1)
    whole = torch.stack((views.whole, views.whole.flip(-1)))
    mirrored = torch.stack((UPRIGHT - views.points[:, 0], views.points[:, 1]), dim=-1)
    thumbs = _whole(w, whole, torch.stack((views.points, mirrored)))[:, 2].mean()
    answers = [reader(rows, steps) for reader in readers]
    extra = torch.stack([_of_both(one.extra) for one in answers]).mean(dim=0)
    fused = torch.stack([_of_both(one.fused) for one in answers]).mean(dim=0)
    there = torch.stack([one.there for one in answers]).mean()
    return Count(
        there=float(there),
        extra=float(extra.logsumexp(dim=0)),
        fused=float(fused.max()),
        thumbs=float(thumbs),
        extra_gap=int(extra.argmax()),
        fused_pair=int(fused.argmax()),
    )


def _of_both(answers: Tensor) -> Tensor:
    """For each gap, the mean of what was answered of the row and of its mirror image, `[2,n]` to `[n]`."""
    return (answers[0] + answers[1].flip(0)) / 2


def _whole(w: dict[str, Tensor], pictures: Tensor, points: Tensor) -> Tensor:
    """Log odds `[N,3]`, of which the last is used: of two thumbs."""
    x = torch.cat((evened(pictures), _drawn(points)), dim=1)
    for name, stride in _LAYERS:
        weight = w[f"whole.{name}.weight"]
        padding = (weight.shape[2] // 2, weight.shape[3] // 2)
        x = F.relu(F.conv2d(x, weight, w[f"whole.{name}.bias"], stride=stride, padding=padding))
    pooled = torch.cat((x.mean(dim=(2, 3)), x.amax(dim=(2, 3))), dim=1)
    inner = F.relu(F.linear(pooled, w["whole.h.weight"], w["whole.h.bias"]))
    return F.linear(inner, w["whole.i.weight"], w["whole.i.bias"])


def _drawn(points: Tensor) -> Tensor:
    """Bones of the thumb and of the fingers of hands `[N,21,2]`, drawn softly: `[N,2,112,112]`."""
    edge = torch.arange(UPRIGHT // 2, device=points.device) * 2.0 + 1
    spots = torch.stack(torch.meshgrid(edge, edge, indexing="xy"), dim=-1).view(1, 1, -1, 2)
    start = points[:, [first for first, _ in _BONES]].unsqueeze(2)
    step = points[:, [last for _, last in _BONES]].unsqueeze(2) - start
    share = (((spots - start) * step).sum(-1) / step.square().sum(-1).clamp(min=1e-6)).clamp(0, 1)
    lines = torch.exp(-((spots - start - share.unsqueeze(-1) * step).norm(dim=-1) / _WIDTH).square() / 2)
    both = torch.stack((lines[:, :_OF_THUMB].amax(dim=1), lines[:, _OF_THUMB:].amax(dim=1)), dim=1)
    side = UPRIGHT // 2
    return F.interpolate(both.view(-1, 2, side, side), scale_factor=2, mode="bilinear", align_corners=False)
