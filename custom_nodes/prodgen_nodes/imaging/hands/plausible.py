"""The nearest hand that can be: 21 found points, however wrong, moved onto a human hand.

The palm becomes a rigid plate and every finger three hinged bones of human length within the joints' limits, chosen
from a table of all attitudes. A finger that no attitude explains, that lies on its neighbour or was hardly found is not
followed: it does what the fingers do that were understood, or holds a handle where none was. What comes out has five
fingers of its own, whatever went in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..errors import ShapeError
from ..tensors import check_number
from .anatomy import (
    BONES,
    FAN,
    GRIP_BEND,
    PALM_PLAN,
    POINTS,
    THUMB_AT_EASE,
    THUMB_BEND,
    THUMB_CURLS,
    THUMB_METACARPAL,
    THUMB_ROOT,
)
from .reach import attitudes, palm_poses
from .scoring import palm, point_weights, score_hands

_SPREAD_EASE, _BEND_EASE = 10.0, 35.0
"""Degrees away from the other fingers that cost as much as a point `_ERROR` away from where it was found."""
_ERROR = 0.04
"""Hand lengths, see above: at half the fingers stick to wrong points, at double they leave right ones."""
_UNEXPLAINED = 0.09
"""A finger whose points are this far (root mean square, hand lengths) from any attitude is not followed."""
_ON_NEIGHBOUR = 0.045
"""Hand lengths, under half of the breadth of a finger: nearer, one finger is drawn on another."""
_LEAST_OPEN = 0.2
"""A palm is drawn at least this open: edge on, five fingers are one line."""
_CALM = (0.03, 0.15, 1.0, 6.0)
"""How much the fingers' ease counts, one after another until the hand is plausible."""
_PLAUSIBLE = 0.8
"""Score of a redrawn hand from which no more ease is asked for; higher, more fingers leave their place for it."""


@dataclass(frozen=True)
class PlausibleHand:
    """`points` `[21,2]` where they were given; `moved`: root mean square way of the found ones in hand lengths;
    `followed`: how many of the five fingers do what was found."""

    points: Tensor
    moved: float
    followed: int
    size: float


@lru_cache(maxsize=1)
def _thumbs() -> tuple[Tensor, Tensor]:
    """`[K,4]` degrees and `[K,3,3]`: joints 2 to 4 of the thumb from its root, in the palm's frame (thumb at the
    left)."""
    limits = (*THUMB_ROOT, *THUMB_BEND)
    axes = [torch.linspace(low, high, n) for (low, high), n in zip(limits, (7, 6, 6, 7), strict=True)]
    degrees = torch.cartesian_prod(*axes)
    aside, out, *bends = torch.deg2rad(degrees).unbind(dim=1)
    along = torch.stack((-torch.sin(aside) * torch.cos(out), torch.cos(aside) * torch.cos(out), torch.sin(out)), dim=1)
    curl = along.new_tensor(THUMB_CURLS)
    curl = curl - along * (along @ curl).unsqueeze(1)
    curl = curl / curl.norm(dim=1, keepdim=True).clamp(min=1e-6)
    at = THUMB_METACARPAL * along
    angle, joints = torch.zeros_like(aside), [at]
    for length, bend in zip(BONES[0], bends, strict=True):
        angle = angle + bend
        at = at + length * (along * torch.cos(angle).unsqueeze(1) + curl * torch.sin(angle).unsqueeze(1))
        joints.append(at)
    return degrees, torch.stack(joints, dim=1)


def plausible_hand(points: Tensor, scores: Tensor) -> PlausibleHand:
    """The hand nearest to `points` `[21,2]` (any unit) that were found with `scores` `[21]`."""
    if tuple(points.shape) != (POINTS, 2) or tuple(scores.shape) != (POINTS,):
        raise ShapeError(
            f"hand points {tuple(points.shape)} and scores {tuple(scores.shape)} are not {POINTS} points with one "
            "score each."
        )
    weights = point_weights(points.double().unsqueeze(0), scores.unsqueeze(0))[0]
    there = weights > 0
    points = torch.where(there.unsqueeze(1), points.double(), torch.zeros_like(points, dtype=torch.float64))
    scale, _, _, linears, origins = palm(points.unsqueeze(0), weights.unsqueeze(0))
    size = float(scale)
    linear = _opened(linears[0] / size)
    plate = points.new_tensor(PALM_PLAN) @ linear + origins[0] / size
    unit = points / size
    out = _posed(unit, weights, plate, palm_poses(linear.unsqueeze(0))[0].to(unit.dtype))
    away = (out.points - unit).norm(dim=1)
    moved = float(((away.square() * weights).sum() / weights.sum().clamp(min=1e-9)).sqrt())
    return PlausibleHand(out.points * size, moved, out.followed, size)


def _opened(linear: Tensor) -> Tensor:
    """A palm's map `[2,2]` with its shorter direction at least `_LEAST_OPEN` of the longer one."""
    u, values, vh = torch.linalg.svd(linear)
    return torch.as_tensor(u @ torch.diag(values.clamp(min=_LEAST_OPEN)) @ vh)


def gripping_hand(at: tuple[float, float], size: float, arm: tuple[float, float] = (0.0, 1.0)) -> Tensor:
    """A hand `[21,2]` that holds what lies at `at`: `size` pixels long, its arm coming along `arm`, seen half from its
    back, knuckles towards the viewer."""
    for name, numbers in (("at", at), ("size", (size,)), ("arm", arm)):
        for number in numbers:
            check_number(number, name)
    along = torch.tensor(arm, dtype=torch.float64)
    along = along / along.norm().clamp(min=1e-9)
    across = torch.stack((along[1], -along[0]))
    linear = torch.stack((across * 0.75, along * 0.95))
    poses = torch.stack((linear[0], linear[1], across * 0.6)).unsqueeze(0)
    plate = torch.tensor(PALM_PLAN, dtype=torch.float64) @ linear
    hidden = torch.zeros(POINTS, dtype=torch.float64)
    points = _posed(torch.zeros((POINTS, 2), dtype=torch.float64), hidden, plate, poses).points * size
    middle = points[[6, 7, 10, 11, 14, 15, 18, 19]].mean(dim=0)
    return points - middle + torch.tensor(at, dtype=torch.float64)


@dataclass(frozen=True)
class _Posed:
    points: Tensor
    followed: int


def _posed(unit: Tensor, weights: Tensor, plate: Tensor, poses: Tensor) -> _Posed:
    """The points `[21,2]` of a hand on a plate `[6,2]`, unit the hand's length, palm in one of the poses `[P,3,2]`."""
    degrees, joints = attitudes(unit.device)
    degrees, joints = degrees.to(unit.dtype), joints.to(unit.dtype)
    thumb_degrees, thumb_joints = (table.to(unit.dtype) for table in _thumbs())
    visible = weights[5:].reshape(4, 4)[:, 1:]
    seen = unit[5:].reshape(4, 4, 2)[:, 1:] - plate[2:].unsqueeze(1)
    spots = torch.einsum("fkjc,pcd->pfkjd", joints, poses)
    errors = _misfit(spots, seen[:, None], visible[:, None])
    least = errors.amin(dim=2)
    pose = int((least.clamp(max=_UNEXPLAINED**2) * visible.mean(dim=1)).sum(dim=1).argmin())
    spots, errors, least = spots[pose], errors[pose], least[pose]
    trust = torch.where((least.sqrt() < _UNEXPLAINED) & (visible.amin(dim=1) > 0.3), 1.0, 0.0).to(unit.dtype)
    trust = trust * _own_place(unit[5:].reshape(4, 4, 2))
    bends = degrees[torch.arange(4), errors.argmin(dim=1)][:, 1:]
    grip = unit.new_tensor(GRIP_BEND)
    ease = (bends * trust[:, None]).sum(dim=0) / trust.sum() if bool(trust.any()) else grip
    thumb_known = weights[2:5]
    thumb_spots = torch.einsum("kjc,cd->kjd", thumb_joints, poses[pose])
    thumb_errors = _misfit(thumb_spots, unit[2:5] - plate[1], thumb_known)
    thumb_trust = float(thumb_errors.min().sqrt() < _UNEXPLAINED) * float(thumb_known.min() > 0.3)
    thumb_away = ((thumb_degrees - unit.new_tensor(THUMB_AT_EASE)) / _BEND_EASE).square().sum(dim=1)
    fan = unit.new_tensor(FAN)[:, None]

    def attitude(trusted: float, bend: Tensor, calm: float) -> Tensor:
        """The hand that is near the found fingers where they are `trusted` and near `bend` as far as `calm` says."""
        away = (degrees[..., 1:] - bend).div(_BEND_EASE).square().sum(dim=-1)
        away = away + (degrees[..., 0] - fan).div(_SPREAD_EASE).square()
        chosen = (trusted * trust[:, None] * errors / _ERROR**2 + calm * away).argmin(dim=1)
        thumb = (trusted * thumb_trust * thumb_errors / _ERROR**2 + calm * thumb_away).argmin()
        chains = torch.cat((plate[2:].unsqueeze(1), plate[2:].unsqueeze(1) + spots[torch.arange(4), chosen]), dim=1)
        return torch.cat((plate[:2], plate[1] + thumb_spots[thumb], chains.flatten(0, 1)))

    everything = torch.ones((1, POINTS), dtype=unit.dtype)
    best = -1.0, unit, 0
    for trusted, bend, calm in (*((1.0, ease, calm) for calm in _CALM), (0.0, grip, 1.0), (0.0, grip / 3, 1.0)):
        points = attitude(trusted, bend, calm)
        score = float(score_hands(points.unsqueeze(0), everything))
        if score > best[0]:
            best = score, points, round(trusted * (float(trust.sum()) + thumb_trust))
        if score >= _PLAUSIBLE:
            break
    return _Posed(best[1], best[2])


def _misfit(spots: Tensor, seen: Tensor, visible: Tensor) -> Tensor:
    """Mean square distance of joints `[…,3,2]` from where they were seen, weighed by how well they were."""
    return ((spots - seen).square().sum(dim=-1) * visible).sum(dim=-1) / visible.sum(dim=-1).clamp(min=1.0)


def _own_place(chains: Tensor) -> Tensor:
    """`[4]`: 0 for a finger whose end lies on its neighbour's although both start apart; of the two the later one."""
    meets = (chains[1:, 2:] - chains[:-1, 2:]).norm(dim=-1).amin(dim=1) < _ON_NEIGHBOUR
    apart = (chains[1:, 0] - chains[:-1, 0]).norm(dim=-1) > _ON_NEIGHBOUR
    return torch.cat((chains.new_ones(1), 1 - (meets & apart).to(chains.dtype)))
