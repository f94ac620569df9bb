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
from .unrolled import CHAINS, COLUMNS, FIRST, LAST, ROWS, UPRIGHT, Views

WEIGHTS = Path(__file__).with_name("finger_count.safetensors")
_READERS = ("fan0", "fan1")
"""Two networks read the row of fingers; what one makes up the other does not."""
_LAYERS: tuple[tuple[str, int | tuple[int, int]], ...] = (("b", 2), ("c", 1), ("d", 2), ("e", 1))
_NEAR = 0.4
"""What is nearer than this to a place counts as what is seen there."""
_SPREAD = 0.05
"""Added to a view's spread before dividing by it: an even view stays even."""
_WIDTH = 2.5
"""Of a drawn bone in the upright view, pixels: half a finger there."""
_BONES = ((1, 2), (2, 3), (3, 4), *((chain[i], chain[i + 1]) for chain in CHAINS for i in range(3)))
_OF_THUMB = 3
"""So many of them, the first, are the thumb's: they are drawn by themselves, as there may be two of it."""


@dataclass(frozen=True)
class Count:
    """Log odds that fingers are `there` at all, of one `extra`, of two `fused`, of two thumbs; `extra_at` the place of
    the row (0 index … 3 little finger) that speaks most for the second, `fused_pair` the pair (0 index and middle …)
    for the third."""

    there: float
    extra: float
    fused: float
    thumbs: float
    extra_at: float
    fused_pair: int


@lru_cache(maxsize=4)
def _stored(device: torch.device) -> dict[str, Tensor]:
    return stored_weights(WEIGHTS, device)


def count(views: Views) -> Count:
    """Read both views, each also mirrored."""
    w = _stored(views.row.device)
    rows, steps = torch.stack((views.row, views.row.flip(-1))), views.step.expand(2, -1)
    whole = torch.stack((views.whole, views.whole.flip(-1)))
    mirrored = torch.stack((UPRIGHT - views.points[:, 0], views.points[:, 1]), dim=-1)
    upright = _whole(w, whole, torch.stack((views.points, mirrored))).mean(dim=0)
    seen = [_columns(w, reader, _row_input(rows, steps)) for reader in _READERS]
    row = torch.stack([_answer(w, reader, one) for reader, one in zip(_READERS, seen, strict=True)]).mean(dim=(0, 1))
    there = F.linear(torch.cat([_pooled(one) for one in seen], dim=1).mean(dim=0), w["there.weight"], w["there.bias"])
    pairs = _without(w, seen, torch.tensor((0.5, 1.5, 2.5)))[:, 1]
    spots = torch.linspace(-0.75, 3.75, 10)
    beside = _without(w, seen, spots)[:, 0]
    return Count(
        float(there),
        float(row[0] + upright[0]),
        float(row[1]),
        float(upright[2]),
        float(spots[int(beside.argmin())]),
        int(pairs.argmin()),
    )


def _layer(w: dict[str, Tensor], name: str, x: Tensor, stride: int | tuple[int, int]) -> Tensor:
    weight = w[f"{name}.weight"]
    padding = (weight.shape[2] // 2, weight.shape[3] // 2)
    return F.relu(F.conv2d(x, weight, w[f"{name}.bias"], stride=stride, padding=padding))


def _evened(x: Tensor) -> Tensor:
    return (x - x.mean(dim=(2, 3), keepdim=True)) / (x.std(dim=(1, 2, 3), keepdim=True) + _SPREAD)


def _row_input(rows: Tensor, steps: Tensor) -> Tensor:
    """`[N,7,48,144]`: colours, where the found fingers stand, the place, the row, and how far the fingers are apart."""
    places = torch.linspace(FIRST, LAST, COLUMNS, device=rows.device)
    plan = torch.stack((torch.cos(2 * torch.pi * places), (places - 1.5) / 2)).unsqueeze(1).expand(2, ROWS, COLUMNS)
    down = torch.linspace(-1, 1, ROWS, device=rows.device).view(1, ROWS, 1).expand(1, ROWS, COLUMNS)
    known = torch.cat((plan, down)).expand(rows.shape[0], -1, -1, -1)
    apart = (steps.clamp(max=0.4) * 6 - 1)[:, None, :, None].expand(-1, 1, ROWS, COLUMNS)
    return torch.cat((_evened(rows), known, apart), dim=1)


def _columns(w: dict[str, Tensor], reader: str, x: Tensor) -> Tensor:
    """What is seen along the row, `[N,64,18]`."""
    x = _layer(w, f"{reader}.a", x, (1, 2))
    for name, stride in _LAYERS:
        x = _layer(w, f"{reader}.{name}", x, stride)
    x = _layer(w, f"{reader}.f", x, (2, 1))
    x = torch.cat((x.mean(dim=2), x.amax(dim=2)), dim=1)
    return F.relu(F.conv1d(x, w[f"{reader}.g.weight"], w[f"{reader}.g.bias"], padding=1))


def _pooled(seen: Tensor) -> Tensor:
    return torch.cat((seen.mean(dim=2), seen.amax(dim=2)), dim=1)


def _answer(w: dict[str, Tensor], reader: str, seen: Tensor) -> Tensor:
    inner = F.relu(F.linear(_pooled(seen), w[f"{reader}.h.weight"], w[f"{reader}.h.bias"]))
    return F.linear(inner, w[f"{reader}.i.weight"], w[f"{reader}.i.bias"])


def _without(w: dict[str, Tensor], seen: list[Tensor], spots: Tensor) -> Tensor:
    """The answers `[n,2]` without what is seen near each of the places `spots` `[n]`."""
    columns = seen[0].shape[-1]
    step = (LAST - FIRST) / columns
    places = FIRST + step * (torch.arange(columns, device=seen[0].device) + 0.5)
    kept = ((places - spots.to(places).unsqueeze(1)).abs() > _NEAR).unsqueeze(1)
    answers = [_answer(w, reader, one[:1] * kept) for reader, one in zip(_READERS, seen, strict=True)]
    return torch.stack(answers).mean(dim=0)


def _whole(w: dict[str, Tensor], pictures: Tensor, points: Tensor) -> Tensor:
    """Log odds `[N,3]`: a finger too many, two grown together, two thumbs."""
    x = torch.cat((_evened(pictures), _drawn(points)), dim=1)
    for name, stride in (("a", 2), *_LAYERS, ("f", 2)):
        x = _layer(w, f"whole.{name}", x, stride)
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
