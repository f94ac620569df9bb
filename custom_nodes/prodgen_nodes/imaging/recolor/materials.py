"""What a product is made of, as its colours tell: clusters in CIELAB, and where each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..colorspace import hex_color, lab_to_srgb, srgb_to_lab
from ..errors import EmptyMaskError, ParameterError
from ..filters import gaussian_blur, smoothstep

_SAMPLES = 20_000
"""Pixels that are clustered: a material of a hundredth of the product has 200 of them."""
_CLUSTERS, _ROUNDS = 8, 15
"""Of k-means, from the farthest points; what is alike is joined afterwards."""
_LIGHTNESS = 0.6
"""Weight of L*: light changes it most, but a dark trim of the body's hue is told by nothing else."""
_ALIKE = 18.0
"""Weighted distance up to which two clusters are one material in more or less light."""
_NEAR = 30.0
"""Weighted distance up to which a colour that somebody named stands for a material: names are rough, and light shifts
what is seen."""
_SIDE, _GAP = 700, 3
"""Pixels of the picture on which borders between clusters are looked at, and across which the step is taken."""
_SOFT, _BORDER = 4.0, 0.5
"""Weighted distance across a border below which nothing ends there (rendered jars 1.5 within the body; 6.5 and more
from one thing to another), and how long the border is at least, in sides of a square of the smaller one's area."""
_ENCLOSED = 0.02
"""Share of the product up to which what lies within another material is its reflection, and no piece of this one."""
_SAME, _AROUND = 4.0, 24
"""Weighted distance up to which a piece within another material has this one's very colour (a letter's counter: 0 to
2), and pixels around it in which the material is looked for."""
_STROKE = 1.5
"""How thick what encloses such a piece may be, in thicknesses of the piece: a letter's stroke is 0.5 to 1.2 of its
counter, and a plate that mirrors a strip of leather 2 and more."""
_MOST_PIECES = 400
"""Pieces that are looked at: more are noise."""
_GREY, _COLOURED = 6.0, 15.0
"""C* at L* 50: what is below the one is never one material with what is above the other. In the dark they look alike:
brown trim on black leather lies only 17 from it, and was recoloured with it."""
_LEAST = 0.01
"""Share of the product below which a cluster is a glint or a rivet, and is not offered."""
_SMOOTH = 1.2
"""Pixels (1 sigma) over which neighbours decide together: noise and grain fall to what is around them."""
_FROM, _TO = 0.35, 0.65
"""Of that decision: below the one a pixel keeps its bits, above the other it is the material's alone."""
_STEP = 1 << 18
"""Pixels that are compared with all clusters at a time."""


@dataclass(frozen=True)
class Material:
    """One material: CIELAB `colors` `[k,3]` of its clusters, and the `share` 0..1 of the product that it covers."""

    colors: Tensor
    share: float

    @property
    def main(self) -> Tensor:
        """CIELAB `[3]` of its largest cluster."""
        return self.colors[0]

    @property
    def color(self) -> str:
        """`#rrggbb` of its largest cluster."""
        return hex_color(lab_to_srgb(self.colors[:1])[0])


def materials_of(rgb: Tensor, mask: Tensor) -> list[Material]:
    """The materials of the product `rgb` `[H,W,3]` sRGB with `mask` `[H,W]`, largest first. Raises EmptyMaskError."""
    inside = torch.nonzero(mask.flatten() > 0.95).flatten()
    if inside.numel() == 0:
        inside = torch.nonzero(mask.flatten() > 0.5).flatten()
    if inside.numel() == 0:
        raise EmptyMaskError("mask holds no product: there is nothing to recolour.")
    chosen = inside[:: max(1, inside.numel() // _SAMPLES)]
    lab = srgb_to_lab(rgb.reshape(-1, 3)[chosen])
    centers = _clusters(_weighted(lab))
    owner = torch.cdist(_weighted(lab), centers).argmin(dim=1)
    groups = _joined(centers, torch.bincount(owner, minlength=len(centers)).to(lab))
    groups = _softly_joined(rgb, mask, centers, groups)
    found = []
    for group in groups:
        counts = torch.stack([(owner == number).float().mean() for number in group])
        order = counts.argsort(descending=True)
        colors = centers[group][order]
        colors = torch.cat((colors[:, :1] / _LIGHTNESS, colors[:, 1:]), dim=1)
        found.append(Material(colors, float(counts.sum())))
    found.sort(key=lambda one: -one.share)
    return found


def offered(materials: list[Material]) -> list[Material]:
    """Those that are large enough to be asked for."""
    return [one for one in materials if one.share >= _LEAST] or materials[:1]


def nearest(materials: list[Material], color: Tensor) -> int:
    """The number of the material that has CIELAB `color` `[3]`, or comes near it.

    Raises ParameterError where none does.
    """
    choices = offered(materials)
    away = [float(torch.cdist(_weighted(color[None]), _weighted(one.colors)).min()) for one in choices]
    number = min(range(len(choices)), key=away.__getitem__)
    if away[number] > _NEAR:
        asked = hex_color(lab_to_srgb(color[None])[0])
        raise ParameterError(f"no material of this product is {asked} or like it; it has {_named(choices)}.")
    return number + 1


def _named(choices: list[Material]) -> str:
    return ", ".join(f"{number}: {one.color} ({one.share:.0%})" for number, one in enumerate(choices, 1))


def where(rgb: Tensor, mask: Tensor, materials: list[Material], number: int) -> tuple[Tensor, Tensor]:
    """How much of each pixel `[H,W]` 0..1 is the material `number` (from 1, largest first); exactly 0 off the product.

    The second `[H,W]` bool: pieces of its very colour that another material encloses, which were not taken for it.

    Raises ParameterError for one that there is not.
    """
    choices = offered(materials)
    if not 1 <= number <= len(choices):
        raise ParameterError(f"material is {number}; this product has {len(choices)}: {_named(choices)}.")
    centers = torch.cat([_weighted(one.colors) for one in materials])
    owners = torch.cat([torch.full((len(one.colors),), n) for n, one in enumerate(materials)]).to(rgb.device)
    flat, owner_of = rgb.reshape(-1, 3), owners.new_full((mask.numel(),), -1)
    index = torch.nonzero(mask.flatten() > 0.02).flatten()
    for start in range(0, index.numel(), _STEP):
        part = index[start : start + _STEP]
        owner_of[part] = owners[torch.cdist(_weighted(srgb_to_lab(flat[part])), centers).argmin(dim=1)]
    there = (mask > 0.02).to(mask)
    chosen, left = _without_reflections(rgb, owner_of.view_as(mask), number - 1, len(choices))
    both = torch.stack((chosen.to(mask) * there, there))[None]
    blurred = gaussian_blur(both, _SMOOTH)[0]
    share = smoothstep(((blurred[0] / blurred[1].clamp(min=1e-4)) - _FROM) / (_TO - _FROM))
    return share * there, left


def _without_reflections(rgb: Tensor, owner: Tensor, number: int, materials: int) -> tuple[Tensor, Tensor]:
    """Where `owner` `[H,W]` is `number`, but for what lies wholly within another: gold mirrors the dark of leather.

    The counter of a letter that is printed on the material lies within the print, too: it has the material's very
    colour, and the strokes around it are thin. The second is what has that colour and was left.
    """
    owners = owner.cpu().numpy()
    mine = owners == number
    mirrored = np.zeros_like(mine)
    for other in range(materials):
        if other != number:
            mirrored |= ndimage.binary_fill_holes(owners == other) & mine
    pieces, count = ndimage.label(mirrored)
    kept = np.bincount(pieces.ravel()) >= _ENCLOSED * int((owners >= 0).sum())
    kept[0] = True  # what is no piece at all
    alike = np.zeros_like(kept)
    small = [piece for piece in range(1, count + 1) if not kept[piece]]
    if 0 < len(small) <= _MOST_PIECES:
        lab = _weighted(srgb_to_lab(rgb.reshape(-1, 3))).view_as(rgb).cpu().numpy()
        thick = np.maximum(ndimage.distance_transform_edt(mine), ndimage.distance_transform_edt(~mine))
        boxes = ndimage.find_objects(pieces)
        for piece in small:
            alike[piece], kept[piece] = _as_printed(
                lab, thick, mine, pieces == piece, mine & ~mirrored, boxes[piece - 1]
            )
    left = torch.from_numpy((alike & ~kept)[pieces]).to(owner.device)
    return torch.from_numpy(mine & kept[pieces]).to(owner.device), left


def _as_printed(
    lab: NDArray[np.float32],
    thick: NDArray[np.float64],
    mine: NDArray[np.bool_],
    piece: NDArray[np.bool_],
    free: NDArray[np.bool_],
    box: tuple[slice, ...],
) -> tuple[bool, bool]:
    """Whether a `piece` `[H,W]` has the very colour of what is `free` of the material around it, and whether strokes as
    those of print enclose it. `thick`: pixels from each pixel to where the material begins or ends."""
    sides = [max(_AROUND, one.stop - one.start) for one in box]
    near = tuple(slice(max(0, one.start - side), one.stop + side) for one, side in zip(box, sides, strict=True))
    around = lab[near][free[near]]
    if not len(around):
        return False, False
    away = np.linalg.norm(np.median(lab[near][piece[near]], axis=0) - np.median(around, axis=0))
    half = float(thick[piece].max())
    reach = 4 * round(half)
    close = tuple(slice(max(0, one.start - reach), one.stop + reach) for one in box)
    things, _ = ndimage.label(~mine[close], structure=np.ones((3, 3)))
    touched = np.unique(things[ndimage.binary_dilation(piece[close]) & ~mine[close]])
    stroke = float(thick[close][np.isin(things, touched[touched > 0])].max(initial=0.0))
    return bool(away <= _SAME), bool(away <= _SAME and stroke <= _STROKE * half)


def _weighted(lab: Tensor) -> Tensor:
    return torch.cat((lab[:, :1] * _LIGHTNESS, lab[:, 1:]), dim=1)


def _softly_joined(rgb: Tensor, mask: Tensor, centers: Tensor, groups: list[list[int]]) -> list[list[int]]:
    """`groups` where those that pass into each other without an edge are one: a round thing that mirrors the sky."""
    step = max(1, -(-max(mask.shape) // _SIDE))
    inside = mask[::step, ::step] > 0.95
    lab = _weighted(srgb_to_lab(rgb[::step, ::step].reshape(-1, 3)))
    lab = gaussian_blur(lab.T.reshape(1, 3, *inside.shape), 1.0)[0].movedim(0, -1)
    of_center = torch.zeros(len(centers), dtype=torch.long, device=lab.device)
    for number, group in enumerate(groups):
        of_center[group] = number
    owner = of_center[torch.cdist(lab.reshape(-1, 3), centers).argmin(dim=1)].view(inside.shape)
    area = torch.bincount(owner[inside], minlength=len(groups))
    steps: dict[tuple[int, int], list[Tensor]] = {}
    for turned in (False, True):
        there, own, seen = (plane.transpose(0, 1) if turned else plane for plane in (inside, owner, lab))
        (one, other), colors = (own[_GAP:], own[:-_GAP]), (seen[_GAP:], seen[:-_GAP])
        crossing = there[_GAP:] & there[:-_GAP] & (one != other)
        away = (colors[0][crossing] - colors[1][crossing]).norm(dim=-1)
        pairs = (torch.minimum(one, other) * len(groups) + torch.maximum(one, other))[crossing]
        for pair in torch.unique(pairs).tolist():
            steps.setdefault(divmod(pair, len(groups)), []).append(away[pairs == pair])
    parent = list(range(len(groups)))
    for (first, second), found in steps.items():
        across = torch.cat(found)
        border = across.numel() / (2 * _GAP)
        least = float(min(area[first], area[second])) ** 0.5
        if border >= _BORDER * least and float(across.median()) < _SOFT:
            parent = [parent[first] if one == parent[second] else one for one in parent]
    return [
        sorted(center for number, group in enumerate(groups) if parent[number] == root for center in group)
        for root in dict.fromkeys(parent)
    ]


def _strength(weighted: Tensor) -> Tensor:
    """How coloured weighted CIELAB `[n,3]` is, whatever the light: C* as it would be at L* 50."""
    lightness = weighted[:, 0] / _LIGHTNESS
    return torch.hypot(weighted[:, 1], weighted[:, 2]) * (50 + 16) / (lightness + 16).clamp(min=1)


def _clusters(points: Tensor) -> Tensor:
    centers = points.mean(dim=0, keepdim=True)
    while len(centers) < min(_CLUSTERS, len(points)):
        away = torch.cdist(points, centers).amin(dim=1)
        centers = torch.cat((centers, points[away.argsort()[int(0.995 * (len(points) - 1))]].unsqueeze(0)))
    for _ in range(_ROUNDS):
        owner = torch.cdist(points, centers).argmin(dim=1)
        sums = torch.zeros_like(centers).index_add_(0, owner, points)
        counts = torch.bincount(owner, minlength=len(centers)).to(points)
        centers = torch.where(counts.unsqueeze(1) > 0, sums / counts.clamp(min=1).unsqueeze(1), centers)
    return centers


def _joined(centers: Tensor, counts: Tensor) -> list[list[int]]:
    """Indices of centres by material: the two groups whose means are nearest are joined, as long as they are near."""
    groups = [[number] for number in range(len(centers))]
    while len(groups) > 1:
        weights = torch.stack([counts[group].sum().clamp(min=1e-6) for group in groups])
        sums = torch.stack([(centers[group] * counts[group].unsqueeze(1)).sum(dim=0) for group in groups])
        means = sums / weights.unsqueeze(1)
        apart = torch.cdist(means, means)
        strength = _strength(means)
        grey, coloured = strength < _GREY, strength > _COLOURED
        unlike = (grey[:, None] & coloured) | (coloured[:, None] & grey)
        apart = apart.masked_fill(unlike, float("inf")).fill_diagonal_(float("inf"))
        least = int(apart.argmin())
        first, second = sorted((least // len(groups), least % len(groups)))
        if float(apart[first, second]) >= _ALIKE:
            break
        groups[first] = sorted(groups[first] + groups.pop(second))
    return groups
