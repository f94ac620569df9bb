"""How much 21 points look like a human hand: 0..1, with what is wrong in words. Geometry alone, no model.

The wrist, the thumb's root and the four knuckles lie nearly on a rigid plate. The affine map that carries the plate's
plan onto the points therefore holds the picture's scale: seen from anywhere, one direction of the plate is not
shortened, and the larger singular value is the hand's length in pixels. Against it every limit is one-sided: a bone
may look shorter than it is (it points at the camera), never longer; a joint may look less bent, never more. Results do
not change with scale, rotation, shift or mirroring, so left and right hands, palms and backs are alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ShapeError
from .anatomy import BONES, FINGERS, MOST_BENT, PALM, PALM_PLAN, POINTS, THUMB_METACARPAL
from .reach import reach_errors

_UNSEEN, _CLEAR = 0.1, 0.4
"""A detector's score up to which a point counts as missing, and from which it counts in full."""
_PALM_WEIGHT = (1.0, 0.3, 1.0, 1.0, 1.0, 1.0)
"""The thumb's root moves a little against the palm and is marked loosely."""
LEAST_SEEN = 0.4
"""With less of its points a hand was not found at all."""
_USUAL, _MOST_LONGER = 1.05, 1.35
"""Up to which length over the mean three fingers are of no account, and how much longer a hand may be than its palm."""
_TOUCH = 0.035
"""Two joints nearer than this, in hand lengths, are at one place: a finger is 0.08 wide."""
_EPS = 1e-9
"""Keeps a hand whose points coincide from a division by 0; far below a pixel."""


@dataclass(frozen=True)
class HandScore:
    """`score` 0..1 of what was seen (0 where no hand was found), `reasons` what speaks against it, `size` its length in
    the points' pixels, `seen` the share of points that were found, 0..1."""

    score: float
    reasons: tuple[str, ...]
    size: float
    seen: float
    placed: float = 1.0
    """What the hand's place and size on its body leave of it, 0..1."""
    left: tuple[tuple[str, float], ...] = ()
    """What each finding leaves of the score, which is their product; empty where the score is no such product."""

    @property
    def detected(self) -> bool:
        return self.seen >= LEAST_SEEN and self.size > 0

    @property
    def weight(self) -> float:
        """How much the score says, 0..1: little where fingers are hidden, as those of a gripping hand are."""
        return min(max((self.seen - 0.25) / 0.65, 0.0), 1.0)

    @property
    def allowed(self) -> float:
        """The score that a hand must be given credit for, 0..1: what is hidden is presumed right."""
        return self.placed * self.formed

    @property
    def formed(self) -> float:
        """What of `allowed` is the hand's own shape, wherever it is, 0..1."""
        return 1 - self.weight * (1 - self.score) if self.detected else 0.0

    @property
    def proven(self) -> float:
        """The score that a hand has shown, 0..1: what is hidden proves nothing."""
        return self.placed * self.weight * self.score


@dataclass(frozen=True)
class _Shape:
    """What is measured on `[N]` hands; lengths in hand lengths, `size` in pixels."""

    size: Tensor
    open: Tensor
    """Cosine of the palm's tilt: 1 = seen straight on, 0 = edge on."""
    plate: Tensor
    """Root mean square distance of the palm's points from any view of a palm."""
    order: Tensor
    """How far two neighbouring knuckles are on the wrong side of each other."""
    long: Tensor
    """`[N,5]` finger's length in the picture over the most it can have."""
    bone: Tensor
    """The same for the worst single bone."""
    bent: Tensor
    """`[N,4,2]` degrees by which the middle and end joint are at least bent beyond their limit (negative: within)."""
    backward: Tensor
    """`[N,4]` sine by which a finger's joint bends against its own other joint or against the other fingers."""
    crossing: Tensor
    """`[N]` 0..1: two outstretched neighbours cross in an open hand."""
    fused: Tensor
    """`[N]` 0..1: the tips of two neighbours meet although the fingers come from different places."""
    reach: Tensor
    """`[N,4]` distance of index … little finger from the nearest one that a hand can make."""


def _fade(value: Tensor, half: float, width: float) -> Tensor:
    """1 where `value` is small, 0.5 at `half`, towards 0 beyond; falls everywhere, so that worse is always less."""
    return torch.sigmoid((half - value) / width)


def palm(points: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Scale, openness, misfit, linear map `[N,2,2]` and origin `[N,2]` of the plate: least squares over affine maps of
    the plan."""
    at = points[:, list(PALM)]
    w = weights[:, list(PALM)] * points.new_tensor(_PALM_WEIGHT) + _EPS
    plan = points.new_tensor(PALM_PLAN)
    total = w.sum(dim=1, keepdim=True)
    plan_mean = (w.unsqueeze(-1) * plan).sum(dim=1, keepdim=True) / total.unsqueeze(-1)
    mean = (w.unsqueeze(-1) * at).sum(dim=1, keepdim=True) / total.unsqueeze(-1)
    plan, at = plan - plan_mean, at - mean
    weighted = plan * w.unsqueeze(-1)
    normal = plan.transpose(1, 2) @ weighted + 1e-6 * torch.eye(2, dtype=plan.dtype, device=plan.device)
    linear: Tensor = torch.linalg.solve(normal, weighted.transpose(1, 2) @ at)
    values = torch.linalg.svdvals(linear)
    size = values[:, 0].clamp(min=_EPS)
    away = ((at - plan @ linear).square().sum(dim=-1) * w).sum(dim=1) / total[:, 0]
    return size, values[:, 1] / size, away.sqrt() / size, linear, (mean - plan_mean @ linear)[:, 0]


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _backward(bones: Tensor, visible: Tensor) -> Tensor:
    """`[N,4]` of finger bones `[N,4,3,2]` over their true lengths: bends in the picture that contradict each other.

    The joints of one finger are hinges with one axis and the axes of neighbours are nearly parallel, so in any view
    all real bends turn the same way.
    """
    turn = torch.stack((_cross(bones[:, :, 0], bones[:, :, 1]), _cross(bones[:, :, 1], bones[:, :, 2])), dim=-1)
    turn = turn.clamp(-1.0, 1.0) * visible.unsqueeze(-1)
    own = torch.minimum(-turn.amin(dim=-1), turn.amax(dim=-1)).clamp(min=0.0)
    main = turn[..., 0]
    others = (main.sum(dim=1, keepdim=True) - main) / 3
    against = torch.where(main * others < 0, torch.minimum(main.abs(), 1.5 * others.abs()), torch.zeros_like(main))
    return torch.maximum(own, against)


def _crossing(chains: Tensor, visible: Tensor, stretched: Tensor) -> Tensor:
    """`[N]`: the strongest crossing of neighbours `[N,4,4,2]` (knuckle to tip), by how outstretched both are."""
    a, b = chains[:, :3], chains[:, 1:]
    p, r = a[:, :, :-1], a[:, :, 1:] - a[:, :, :-1]
    q, s = b[:, :, :-1], b[:, :, 1:] - b[:, :, :-1]
    p, r, q, s = p.unsqueeze(3), r.unsqueeze(3), q.unsqueeze(2), s.unsqueeze(2)
    cross = _cross(r, s)
    cross = torch.where(cross.abs() < _EPS, torch.full_like(cross, _EPS), cross)
    along, other = _cross(q - p, s) / cross, _cross(q - p, r) / cross
    hit = (along > 0) & (along < 1) & (other > 0) & (other < 1)
    both = torch.minimum(stretched[:, :3], stretched[:, 1:]) * torch.minimum(visible[:, :3], visible[:, 1:])
    return (hit.flatten(2).any(dim=-1) * both).amax(dim=1)


def _longer(points: Tensor, weights: Tensor, size: Tensor) -> Tensor:
    """`[N]` by how much a hand is longer than its palm says: a palm that closes around something, or leans from the
    camera, looks too short, and then at least three fingers look too long alike. One alone is no hand's."""
    chains = points[:, 5:].reshape(-1, 4, 4, 2)
    visible = weights[:, 5:].reshape(-1, 4, 4).amin(dim=-1)
    shown = (chains[:, :, 1:] - chains[:, :, :-1]).norm(dim=-1).sum(dim=-1) / size.unsqueeze(1)
    ratio = shown / points.new_tensor(BONES[1:]).sum(dim=-1) * visible
    longer: Tensor = (ratio.sort(dim=1).values[:, 1] / _USUAL).clamp(1.0, _MOST_LONGER)
    return longer


def _measure(points: Tensor, weights: Tensor) -> _Shape:
    size, openness, plate, linear, _ = palm(points, weights)
    size = size * _longer(points, weights, size)
    unit = points / size[:, None, None]
    chains = unit[:, 5:].reshape(-1, 4, 4, 2)
    visible = weights[:, 5:].reshape(-1, 4, 4).amin(dim=-1)
    lengths = points.new_tensor(BONES[1:])
    bones = chains[:, :, 1:] - chains[:, :, :-1]
    shown = bones.norm(dim=-1)
    ratio = shown / lengths
    thumb = (unit[:, 2:5] - unit[:, 1:4]).norm(dim=-1)
    thumb_lengths = points.new_tensor((THUMB_METACARPAL, *BONES[0]))
    thumb_known = weights[:, 1:5].amin(dim=-1)
    long = torch.cat(
        (
            (thumb.sum(dim=-1) / thumb_lengths.sum() * thumb_known).unsqueeze(1),
            shown.sum(dim=-1) / lengths.sum(dim=-1) * visible,
        ),
        dim=1,
    )
    bone = torch.cat(
        ((thumb / thumb_lengths).amax(dim=-1, keepdim=True) * thumb_known[:, None], ratio.amax(dim=-1) * visible), dim=1
    ).amax(dim=1)
    # The least bend in space: what of each bone is not seen may point the same way.
    scaled = bones / lengths.unsqueeze(-1)
    scaled = scaled / scaled.norm(dim=-1, keepdim=True).clamp(min=1.0)
    hidden = (1 - scaled.square().sum(dim=-1)).clamp(min=0.0).sqrt()
    cosine = (scaled[:, :, :-1] * scaled[:, :, 1:]).sum(dim=-1) + hidden[:, :, :-1] * hidden[:, :, 1:]
    bent = torch.rad2deg(torch.acos(cosine.clamp(-1.0, 1.0))) * visible.unsqueeze(-1) - points.new_tensor(MOST_BENT)
    knuckles, knuckles_known = chains[:, :, 0], weights[:, 5::4].amin(dim=1)
    across = knuckles[:, 3] - knuckles[:, 0]
    across = across / across.norm(dim=-1, keepdim=True).clamp(min=_EPS)
    steps = ((knuckles[:, 1:] - knuckles[:, :-1]) * across.unsqueeze(1)).sum(dim=-1)
    order = (-steps).amax(dim=1).clamp(min=0.0) * knuckles_known
    reach = (chains[:, :, 3] - chains[:, :, 0]).norm(dim=-1) / lengths.sum(dim=-1)
    stretched = (reach.clamp(max=1.0) - 0.3).clamp(min=0.0) / 0.7
    crossing = _crossing(chains, visible, stretched) * openness.clamp(max=1.0)
    apart = (chains[:, 1:] - chains[:, :-1]).norm(dim=-1)
    meets = torch.sigmoid((_TOUCH - apart[:, :, 1:]) / 0.008)
    # Tips alone at one place, or both end bones: each time the joints before them are apart.
    alone = meets[:, :, 2] * ((apart[:, :, 2] - apart[:, :, 3]) / 0.06).clamp(0.0, 1.0)
    bones_meet = meets[:, :, 2] * meets[:, :, 1] * ((apart[:, :, 1] - apart[:, :, 2]) / 0.06).clamp(0.0, 1.0)
    # Seen edge on, a hand's fingers lie over each other and their tips meet by themselves.
    side_by_side = (apart[:, :, 0] / 0.07).clamp(0.0, 1.0) * (openness.unsqueeze(1) / 0.25).clamp(0.0, 1.0)
    fused = (side_by_side * torch.maximum(alone, bones_meet) * torch.minimum(visible[:, 1:], visible[:, :3])).amax(
        dim=1
    )
    return _Shape(
        size,
        openness,
        plate,
        order,
        long,
        bone,
        bent,
        _backward(scaled, visible),
        crossing,
        fused,
        reach_errors(chains, linear, visible),
    )


_FUSED_COST = 0.75
"""What two fingers that run as one take from the score: a quarter is left, which no sensible limit passes."""


def _factors(shape: _Shape) -> dict[str, Tensor]:
    """What each finding leaves of the score, `[N]` each; 1 = nothing to say against it."""
    return {
        "plate": _fade(shape.plate, 0.055, 0.008) * _fade(shape.order, 0.08, 0.012),
        "long": _fade(shape.long, 1.42, 0.06).prod(dim=1) * _fade(shape.bone, 2.1, 0.13),
        "bent": _fade(shape.bent, 17.0, 6.0).prod(dim=2).prod(dim=1) * _fade(shape.backward, 0.6, 0.05).prod(dim=1),
        "reach": _fade(shape.reach, 0.08, 0.009).prod(dim=1),
        "crossing": _fade(shape.crossing, 0.65, 0.06),
        "fused": 1 - _FUSED_COST * shape.fused,
    }


def score_hands(points: Tensor, scores: Tensor) -> Tensor:
    """Scores `[N]` 0..1 of hands `[N,21,2]` (any unit) whose points were found with `scores` `[N,21]`."""
    points, weights = _checked(points, scores)
    seen = weights.mean(dim=1)
    factors = _factors(_measure(points, weights))
    total = torch.stack(tuple(factors.values())).prod(dim=0)
    # Points all at one place are nothing.
    there = (seen >= LEAST_SEEN) & (points.abs().amax(dim=(1, 2)) > _EPS)
    return torch.where(there, total, torch.zeros_like(total))


def score_hand(points: Tensor, scores: Tensor) -> HandScore:
    """The same for one hand `[21,2]`, `[21]`, with its size and the reasons in words."""
    points, weights = _checked(points.unsqueeze(0), scores.unsqueeze(0))
    seen = float(weights.mean())
    if seen < LEAST_SEEN or float(points.abs().max()) <= _EPS:
        return HandScore(0.0, ("the hand was not found clearly",), 0.0, seen)
    shape = _measure(points, weights)
    factors = {key: float(value) for key, value in _factors(shape).items()}
    total, found = math.prod(factors.values()), tuple(factors.items())
    return HandScore(total, _reasons(shape, factors), float(shape.size), seen, left=found)


def point_weights(points: Tensor, scores: Tensor) -> Tensor:
    """How much each point of hands `[N,21,2]` counts, 0..1, by the detector's scores `[N,21]`."""
    weights = ((scores.double() - _UNSEEN) / (_CLEAR - _UNSEEN)).clamp(0.0, 1.0)
    return torch.where(torch.isfinite(points).all(dim=-1) & torch.isfinite(scores), weights, torch.zeros_like(weights))


def _checked(points: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    if points.ndim != 3 or tuple(points.shape[1:]) != (POINTS, 2) or points.shape[:2] != scores.shape:
        raise ShapeError(
            f"hand points {tuple(points.shape)} and scores {tuple(scores.shape)} do not belong together; a hand is "
            f"{POINTS} points with one score each."
        )
    weights = point_weights(points, scores)
    finite = torch.isfinite(points).all(dim=-1)
    points = torch.where(finite.unsqueeze(-1), points.double(), torch.zeros_like(points, dtype=torch.float64))
    # Missing points lie anywhere; at the mean of the others they cannot disturb the arithmetic.
    total = weights.sum(dim=1, keepdim=True).clamp(min=_EPS).unsqueeze(-1)
    mean = (points * weights.unsqueeze(-1)).sum(dim=1, keepdim=True) / total
    return torch.where(weights.unsqueeze(-1) > 0, points - mean, torch.zeros_like(points)), weights


_SAID = 0.75
"""A finding that leaves less than this of the score is put into words."""


def _reasons(shape: _Shape, factors: dict[str, float]) -> tuple[str, ...]:
    reasons = []
    if factors["long"] < _SAID:
        finger = int(shape.long[0].argmax())
        reasons.append(f"a finger of impossible length ({FINGERS[finger]})")
    if factors["plate"] < _SAID:
        reasons.append("knuckles out of order, or a palm of an impossible shape")
    if factors["bent"] < _SAID:
        reasons.append("a finger joint bent the wrong way or too far")
    if factors["reach"] < _SAID:
        finger = 1 + int(shape.reach[0].argmax())
        reasons.append(f"a finger bent or placed as no hand can ({FINGERS[finger]})")
    if factors["crossing"] < _SAID:
        reasons.append("fingers that cross each other")
    if factors["fused"] < _SAID:
        reasons.append("two fingertips grown together")
    return tuple(reasons)
