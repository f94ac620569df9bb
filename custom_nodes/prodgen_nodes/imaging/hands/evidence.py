"""What the fingers that are seen say of the five that were found: one more, or two without anything between them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .fingers import FingerMaps

_CHAINS = ((5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
_THUMB = (1, 2, 3, 4)
_TIPS = (4, 8, 12, 16, 20)
_KNUCKLES = (0, 5, 9, 13, 17)
_SHARES = (0.1, 1.15, 16)
"""Fingers are looked at across from here to here of their length (1.15: beyond the tip), on so many lines."""
_BEYOND, _PLACES = 1.3, 112
"""So many fingers beyond the outer two, and so many places on each line: 20 from one finger to the next."""
_SAME_TIP, _OWN_TIP, _AT_HAND = 0.13, 0.045, 0.35
"""In hand lengths: how far a tip that is seen may be from the one that was found; nearer than the second it is surely
the same; farther than the third from the whole hand it is not its own."""
_BESIDE, _OTHER = 0.075, 0.11
"""In hand lengths: a line farther than this from the found fingers, and from those of other hands, is neither's."""
_STRANGE = 0.063
"""In hand lengths: what is nearer than this to the thumb or to another hand's fingers is not counted across."""
_LINE, _SEEN_TIP = 0.4, 0.15
"""From here a line, and a tip, counts as seen."""


@dataclass(frozen=True)
class Evidence:
    """`figures` `[45]`: what was counted across the fingers (`_counted`) and around the hand; `clear` 0..1: how surely
    lines are seen where the four fingers were found; `apart` `[3]` 0..1: how surely something parts each from the next;
    `tip`: how sure a tip is that is none of the five, 0..1, and `spare`, where it is (pixels of the maps)."""

    figures: Tensor
    clear: float
    apart: Tensor
    tip: float
    spare: tuple[float, float] | None


def gather(maps: FingerMaps, points: Tensor, others: list[Tensor]) -> Evidence:
    """Measure `maps` around a hand against its `points` `[21,2]` and those of `others` (pixels of the picture)."""
    hand = maps.at(points.float().to(maps.line.device))
    own = _fingers(hand)
    foreign = torch.cat([_fingers(maps.at(one.float().to(hand.device))) for one in others]) if others else own[:0]
    rails = _rails(hand)
    places = torch.linspace(-_BEYOND, 3 + _BEYOND, _PLACES, device=hand.device)
    low = places.floor().clamp(0, 2).long()
    share = (places - low).view(-1, 1, 1)
    spots = (rails[low] * (1 - share) + rails[low + 1] * share).transpose(0, 1)
    strange = torch.minimum(_away(spots, own[:1]), _away(spots, foreign)) / maps.unit
    not_theirs = (strange > _STRANGE).float()
    step = (spots[:, 1:] - spots[:, :-1]).norm(dim=-1) * (_PLACES - 1) / (3 + 2 * _BEYOND) / maps.unit
    # Rounded as in training: what differs by less is one level.
    line, tip, seam = (_sampled(field, spots).half().float() for field in (maps.line, maps.tip, maps.seam))
    seen = torch.stack([line[:12, (places - finger).abs() < 0.3].amax(dim=1).mean() for finger in range(4)])
    counted, held, apart = _counted(
        line * not_theirs, tip * not_theirs, seam, (step.clamp(max=0.5) * 4).half().float(), places
    )
    first, second, at = _spare_tip(maps, hand, own, foreign)
    free, whole = _lengths(maps, hand, own, foreign)
    figures = torch.cat((counted, torch.stack((first, second, free, whole, seen.amin(), seen.mean()))))
    return Evidence(figures, held, apart, float(first), at)


def _peaks(rows: Tensor) -> Tensor:
    """Where each of `[n,w]` lines has a peak: nothing higher within four places on both sides."""
    return rows == F.max_pool1d(rows.unsqueeze(1), 9, 1, 4)[:, 0]


def _counted(line: Tensor, tip: Tensor, seam: Tensor, step: Tensor, places: Tensor) -> tuple[Tensor, float, Tensor]:
    """What is counted across, `[39]`, how surely the four fingers are seen, and what parts them `[3]`.

    Of `[16,112]` each: peaks of the line (fingers) and of the seam (what parts them) on each of the middle lines, at
    several thresholds; tips; the least that parts two neighbours, and the surest line between two found fingers and
    beyond the outer two.
    """
    found: list[Tensor] = []
    tops = _peaks(line)
    for limit in (0.3, 0.5, 0.7):
        number = (tops & (line > limit)).sum(dim=-1).float()[2:14]
        most = number.sort(descending=True).values
        found += [number.mean(), most[2], most[5], most[9]]
        found += [(number >= 5).float().mean(), (number <= 3).float().mean()]
    tops = _peaks(seam)
    for limit in (0.25, 0.5):
        number = (tops & (seam > limit)).sum(dim=-1).float()[2:14]
        found += [number.mean(), number.sort(descending=True).values[2]]
        found += [(number >= 4).float().mean(), (number <= 2).float().mean()]
    top = F.max_pool2d(tip[None, None], (5, 9), 1, (2, 4))[0, 0] == tip
    found += [(top & (tip > limit)).sum().float() for limit in (0.3, 0.5)]
    middle, parts = line[2:12], seam[2:12]
    inner = [(places > pair + 0.15) & (places < pair + 0.85) for pair in range(3)]
    apart = torch.stack([parts[:, where].amax(dim=1).mean() for where in inner])
    dip = torch.stack([middle[:, where].amin(dim=1).mean() for where in inner])
    found += [apart.amin(), apart.mean(), dip.amax(), apart.amin() / (apart.amax() + 0.1)]
    held = torch.stack([middle[:, (places - finger).abs() < 0.3].amax(dim=1).mean() for finger in range(4)])
    found += [held.amin(), held.mean()]
    core = [(places > pair + 0.3) & (places < pair + 0.7) for pair in range(3)]
    found.append(torch.stack([middle[:, where].amax(dim=1).mean() for where in core]).amax())
    low, high = (middle[:, where].amax(dim=1).mean() for where in (places < -0.5, places > 3.5))
    found += [low, high, torch.maximum(low, high), F.pad(step, (0, 1), mode="replicate")[2:12].mean()]
    return torch.stack(found), float(held.mean()), apart


def _fingers(hand: Tensor) -> Tensor:
    """`[5,4,2]`: the thumb and the four fingers of a hand `[21,2]`."""
    return torch.stack([hand[list(chain)] for chain in (_THUMB, *_CHAINS)])


def _rails(hand: Tensor) -> Tensor:
    """`[4,n,2]`: places along index … little finger, by arc length, beyond the tip straight on."""
    first, last, count = _SHARES
    shares = torch.linspace(first, last, int(count), device=hand.device)
    out = []
    for chain in _CHAINS:
        joints = hand[list(chain)]
        steps = (joints[1:] - joints[:-1]).norm(dim=-1)
        far = torch.cat((steps.new_zeros(1), steps.cumsum(0)))
        wanted = far[-1] * shares
        bone = (torch.searchsorted(far, wanted, right=True) - 1).clamp(0, 2)
        share = ((wanted - far[bone]) / steps[bone].clamp(min=1e-6)).unsqueeze(-1)
        out.append(joints[bone] + (joints[bone + 1] - joints[bone]) * share)
    return torch.stack(out)


def _sampled(field: Tensor, spots: Tensor) -> Tensor:
    """`field` `[h,w]` at `spots` `[...,2]` (map pixels, edges at integers); 0 outside."""
    size = spots.new_tensor((field.shape[1], field.shape[0]))
    grid = (spots / size * 2 - 1).reshape(1, 1, -1, 2)
    values: Tensor = F.grid_sample(field[None, None], grid, align_corners=False)
    return values[0, 0, 0].reshape(spots.shape[:-1])


def _away(spots: Tensor, lines: Tensor) -> Tensor:
    """Distance of `spots` `[...,2]` from the nearest of polylines `[k,m,2]`; infinite without any."""
    if lines.shape[0] == 0:
        return spots.new_full(spots.shape[:-1], float("inf"))
    start, step = lines[:, :-1].reshape(-1, 2), (lines[:, 1:] - lines[:, :-1]).reshape(-1, 2)
    gap = spots.unsqueeze(-2) - start
    share = ((gap * step).sum(-1) / step.square().sum(-1).clamp(min=1e-9)).clamp(0, 1)
    nearest: Tensor = (gap - share.unsqueeze(-1) * step).norm(dim=-1).amin(dim=-1)
    return nearest


def _spare_tip(
    maps: FingerMaps, hand: Tensor, own: Tensor, foreign: Tensor
) -> tuple[Tensor, Tensor, tuple[float, float] | None]:
    """How sure the two surest tips are that are none of the hand's five, and where the first is (map pixels)."""
    pooled = F.max_pool2d(maps.tip[None, None], 7, 1, 3)[0, 0]
    rows, columns = torch.nonzero((maps.tip == pooled) & (maps.tip > _SEEN_TIP), as_tuple=True)
    spots = torch.stack((columns, rows), dim=1).to(hand) + 0.5
    power = F.pad(maps.tip[rows, columns], (0, 2))
    if spots.shape[0]:
        reach = (spots.unsqueeze(1) - hand[list(_TIPS)]).norm(dim=-1) / maps.unit
        cost = reach.clone()
        taken = torch.zeros(spots.shape[0] + 2, dtype=torch.bool, device=hand.device)
        for _ in _TIPS:
            at = int(cost.argmin())
            if float(cost.flatten()[at]) > _SAME_TIP:
                break
            spot, tip = divmod(at, len(_TIPS))
            taken[spot] = True
            cost[spot], cost[:, tip] = float("inf"), float("inf")
        plate = hand[list(_KNUCKLES)]
        near = torch.minimum(_away(spots, own), _away(spots, plate[None])) / maps.unit
        free = (near < _AT_HAND) & (_away(spots, foreign) / maps.unit > _OTHER) & (reach.amin(dim=1) > _OWN_TIP)
        power = torch.where(F.pad(free, (0, 2)) & ~taken, power, torch.zeros_like(power))
    best, order = power.sort(descending=True)
    at_spot = tuple(spots[order[0]].tolist()) if float(best[0]) > 0 else None
    return best[0], best[1], at_spot


def _lengths(maps: FingerMaps, hand: Tensor, own: Tensor, foreign: Tensor) -> tuple[Tensor, Tensor]:
    """Length of lines at the hand that are none of its fingers' (in widths × hand lengths), and of all of them."""
    height, width = maps.line.shape
    y, x = torch.meshgrid(
        torch.arange(height, device=hand.device) + 0.5, torch.arange(width, device=hand.device) + 0.5, indexing="ij"
    )
    grid = torch.stack((x, y), dim=-1)
    near = _away(grid, own) / maps.unit
    other = _away(grid, foreign) / maps.unit > _OTHER
    at_hand = torch.minimum(near, _away(grid, hand[[0, 1, 5, 9, 13, 17, 0]][None]) / maps.unit) < _AT_HAND
    seen = torch.where(maps.line > _LINE, maps.line, torch.zeros_like(maps.line))
    return (seen * ((near > _BESIDE) & other & at_hand)).sum() / maps.unit, (maps.line * other).sum() / maps.unit
