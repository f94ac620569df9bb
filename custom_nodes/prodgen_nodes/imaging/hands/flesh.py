"""What the picture itself says of a found hand: fingers that no point explains, fingers without a seam between them,
and fingers that are not seen at all.

A pose model reports five fingers whatever is painted. So the hand's own colour is learned where its points lie; flesh
of that colour and of a finger's shape beside the five is a sixth one, two neighbours with neither background nor a
crease between them are grown together, and points that do not lie on flesh belong to a finger behind the product. Where
the surroundings have the hand's colour, too, nothing of that can be told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from ..colorspace import srgb_to_lab
from .anatomy import PALM, WRIST
from .scoring import HandScore, palm, point_weights, score_hand

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_UNIT = 144.0
"""Pixels that a hand's length has where its flesh is looked at."""
_LEAST = 64.0
"""A hand shorter than this many pixels shows neither seams nor spare fingers."""
_REACH = 0.75
"""How far around the points is looked, in hand lengths."""
_ALONG = (0.2, 0.4, 0.6, 0.8)
_FINGER, _SLACK = 0.052, 0.033
"""Half a finger's width, and how far points may be from its middle line."""
_THIN, _WIDE = 0.026, 0.075
"""Radii between which a strip of flesh may be a finger."""
_SPARE = 0.2
"""Least length of a strip that is no finger's."""
_ALIKE = 0.6
"""Where more of the surroundings than this has the hand's colour, it tells nothing."""
_CREASE = 2.5
"""Lightness by which the line between two fingers is darker than they are, at least."""
_BONES = tuple((1 + 4 * finger + bone, 2 + 4 * finger + bone) for finger in range(5) for bone in range(3))
_FAULT = 0.3
"""What a finger too many or two grown together leave of the score, however much of the hand is hidden."""
_PAIRS = ("index and middle finger", "middle and ring finger", "ring and little finger")


@dataclass(frozen=True)
class Flesh:
    """`visible` `[21]` 0..1: how far each point lies on flesh. `spare`: length of the longest strip of flesh that is no
    finger's, `seam` `[3]`: depth of the weakest crease (or contrast of the gap) between index and middle … ring and
    little finger, NaN where they do not lie side by side; both None where the hand is too small to tell."""

    visible: Tensor
    spare: float | None
    seam: tuple[float, float, float] | None
    detail: dict[str, Any]


def look_at(image: Tensor, points: Tensor, scores: Tensor) -> Flesh | None:
    """What is seen of one hand `points` `[21,2]` (pixels of `image` `[H,W,3]`, sRGB) found with `scores` `[21]`; None
    where the points are no hand."""
    weights = point_weights(points.double().unsqueeze(0), scores.unsqueeze(0))
    size = float(palm(points.double().unsqueeze(0), weights)[0])
    there = weights[0] > 0
    if int(there.sum()) < 8 or not size > 1:
        return None
    known = points.double()[there]
    low, high = known.amin(dim=0) - _REACH * size, known.amax(dim=0) + _REACH * size
    scale = _UNIT / size
    lab, corner = _window(image, low.tolist(), high.tolist(), scale)
    if lab is None:
        return None
    at = ((points.double().cpu() - torch.tensor(corner)) * scale).numpy()
    skin, visible, likeness = _skin(lab, at, there.cpu().numpy())
    fingers, palm_away = _explained(skin.shape, at)
    around = (fingers > 2 * (_FINGER + _SLACK)) & (palm_away > 0)
    if size < _LEAST or not around.any() or float(skin[around].mean()) > _ALIKE:
        return Flesh(torch.from_numpy(visible), None, None, {})
    spare, strip = _spare(skin, fingers, palm_away)
    return Flesh(
        torch.from_numpy(visible), spare, _seams(lab, likeness, at, visible), {"strip": strip, "corner": corner}
    )


def _window(image: Tensor, low: list[float], high: list[float], scale: float) -> tuple[Any, tuple[float, float]]:
    """Lab of the picture around the hand at `scale`, and the window's corner in its pixels."""
    height, width = image.shape[:2]
    x0, y0 = max(0, math.floor(low[0])), max(0, math.floor(low[1]))
    x1, y1 = min(width, math.ceil(high[0])), min(height, math.ceil(high[1]))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return None, (0.0, 0.0)
    part = image[y0:y1, x0:x1, :3].float().cpu().permute(2, 0, 1).unsqueeze(0)
    size = (max(8, round((y1 - y0) * scale)), max(8, round((x1 - x0) * scale)))
    seen = F.interpolate(part, size=size, mode="bilinear", antialias=True, align_corners=False)
    lab = srgb_to_lab(seen[0].permute(1, 2, 0).clamp(0, 1)).double().numpy()
    return lab, (float(x0), float(y0))


def _values(field: Floats, at: Floats) -> Floats:
    """`field` `[H,W]` at points `[n,2]`."""
    return np.asarray(ndimage.map_coordinates(field, (at[:, 1] - 0.5, at[:, 0] - 0.5), order=1, mode="nearest"))


def _skin(lab: Floats, at: Floats, there: Bools) -> tuple[Bools, Floats, Floats]:
    """Where the picture has the hand's colour, how far each point does `[21]`, and the likeness itself."""
    smooth = np.stack([ndimage.gaussian_filter(plane, 1.0) for plane in np.moveaxis(lab, -1, 0)], axis=-1)
    spots = [at[a] + (at[b] - at[a]) * t for a, b in _BONES if there[a] and there[b] for t in (0.0, 0.25, 0.5, 0.75)]
    plate = [i for i in PALM if there[i]]
    if len(plate) > 2:
        middle = at[plate].mean(axis=0)
        spots += [middle + (at[i] - middle) * t for i in plate for t in (0.3, 0.6, 0.85)]
    samples = np.stack([_values(smooth[..., c], np.array(spots)) for c in range(3)], axis=-1)
    # The densest half of the samples is flesh even where fingers are behind the product.
    center = np.median(samples, axis=0)
    weight = np.array((0.35, 1.0, 1.0))
    for _ in range(6):
        away = ((samples - center) * weight).__pow__(2).sum(axis=1)
        center = np.median(samples[away <= np.quantile(away, 0.6)], axis=0)
    near = samples[away <= np.quantile(away, 0.7)]
    spread = np.maximum(1.6 * near.std(axis=0), (9.0, 3.2, 3.2))
    distance = np.sqrt((((smooth - center) / spread) ** 2).sum(axis=-1))
    likeness = 1 / (1 + np.exp((distance - 2.9) / 0.35))
    visible = np.clip(ndimage.maximum_filter(likeness, 5)[_rows(at, likeness)] * there, 0.0, 1.0)
    return likeness > 0.5, visible, likeness


def _rows(at: Floats, field: Floats) -> tuple[Any, Any]:
    return (
        np.clip(at[:, 1].astype(int), 0, field.shape[0] - 1),
        np.clip(at[:, 0].astype(int), 0, field.shape[1] - 1),
    )


def _explained(shape: tuple[int, ...], at: Floats) -> tuple[Floats, Floats]:
    """Distance in hand lengths from the fingers' middle lines, and from palm and forearm (0 inside)."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5

    def to(first: Floats, second: Floats) -> Floats:
        d = second - first
        t = np.clip(((x - first[0]) * d[0] + (y - first[1]) * d[1]) / max(float(d @ d), 1e-9), 0, 1)
        return np.asarray(np.hypot(x - first[0] - t * d[0], y - first[1] - t * d[1]) / _UNIT)

    fingers = np.full(shape, np.inf)
    for f in range(5):
        chain = [at[1 + 4 * f + b] for b in range(4)]
        tip = chain[3] + (chain[3] - chain[2]) * 0.35
        for first, second in zip(chain, [*chain[1:], tip], strict=True):
            fingers = np.minimum(fingers, to(first, second))
    palm_away = np.full(shape, np.inf)
    for i in PALM[1:]:
        palm_away = np.minimum(palm_away, to(at[WRIST], at[i]))
    for first, second in pairwise(PALM[1:]):
        palm_away = np.minimum(palm_away, to(at[first], at[second]))
    arm = at[WRIST] - at[[5, 9, 13, 17]].mean(axis=0)
    forearm = to(at[WRIST], at[WRIST] + arm * 3)
    return fingers, np.minimum(palm_away - 0.09, forearm - 0.2)


def _spare(skin: Bools, fingers: Floats, palm_away: Floats) -> tuple[float, Bools]:
    """Length of the longest finger-like strip of flesh that neither a finger nor the palm explains."""
    rest = skin & (fingers > _FINGER + _SLACK) & (palm_away > 0)
    thin, wide = max(1, round(_THIN * _UNIT)), round(_WIDE * _UNIT)
    disc = _disc(thin)
    strips = ndimage.binary_opening(rest, disc) & ~ndimage.binary_dilation(
        ndimage.binary_erosion(skin, _disc(wide)), _disc(wide + 2)
    )
    labels, count = ndimage.label(strips)
    best, which = 0.0, np.zeros_like(skin)
    for number in range(1, count + 1):
        part = labels == number
        rows, columns = np.nonzero(part)
        if np.minimum(fingers, palm_away)[part].min() > 0.12 or _on_border(part):
            continue
        spots = np.stack((columns, rows), axis=1).astype(float)
        spots = spots - spots.mean(axis=0)
        _, _, axes = np.linalg.svd(spots, full_matrices=False)
        along = spots @ axes.T
        length, width = (float(np.ptp(along[:, i])) / _UNIT for i in (0, 1))
        area = float(part.sum()) / _UNIT**2
        if length < 1.5 * width and area / max(length, 1e-6) > 2 * _WIDE:
            continue
        if length > best:
            best, which = length, part
    return best, which


def _disc(radius: int) -> Bools:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x * x + y * y <= radius * radius + radius)


def _on_border(part: Bools) -> bool:
    return bool(part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any())


def _seams(lab: Floats, likeness: Floats, at: Floats, visible: Floats) -> tuple[float, float, float]:
    """For each pair of neighbours the median depth of what parts them, where they run side by side."""
    light = ndimage.gaussian_filter(lab[..., 0], 0.7)
    found = []
    for f in range(1, 4):
        a, b = at[1 + 4 * f : 5 + 4 * f], at[5 + 4 * f : 9 + 4 * f]
        if min(visible[2 + 4 * f : 5 + 4 * f].min(), visible[6 + 4 * f : 9 + 4 * f].min()) < 0.5:
            found.append(float("nan"))
            continue
        depths = []
        for bone in (1, 2):
            for t in (0.15, 0.4, 0.65, 0.9):
                first = a[bone] + (a[bone + 1] - a[bone]) * t
                # The nearest spot of the neighbour: straight across.
                spots = np.concatenate([np.linspace(b[i], b[i + 1], 12) for i in (1, 2)])
                second = spots[np.hypot(*(spots - first).T).argmin()]
                apart = float(np.hypot(*(second - first))) / _UNIT
                if not 0.045 < apart < 0.3:
                    continue
                line = first + (second - first) * np.linspace(0, 1, 25)[:, None]
                shade, flesh = _values(light, line), _values(likeness, line)
                inner = slice(5, 20)
                base = min(np.median(shade[:5]), np.median(shade[20:]))
                gap = 30.0 * float(np.clip(min(flesh[:4].max(), flesh[21:].max()) - flesh[inner].min(), 0, 1))
                depths.append(max(float(base - shade[inner].min()), gap))
        found.append(float(np.median(depths)) if len(depths) >= 4 else float("nan"))
    return found[0], found[1], found[2]


def score_hand_in(image: Tensor | None, points: Tensor, scores: Tensor) -> HandScore:
    """The score of one hand by its points and, with the picture `image` `[H,W,C]` they are in, by its flesh."""
    if image is None:
        return score_hand(points, scores)
    seen = look_at(image, points, scores)
    if seen is None:
        return score_hand(points, scores)
    result = score_hand(points, scores * seen.visible)
    if not result.found:
        # Of another colour than its own, or all behind the product: only the points tell.
        return score_hand(points, scores)
    reasons, factor = result.reasons, 1.0
    if seen.spare is not None and seen.spare > _SPARE:
        reasons, factor = (*reasons, "a finger too many"), factor * _FAULT
    for pair, depth in zip(_PAIRS, seen.seam or (), strict=False):
        if depth < _CREASE:
            reasons, factor = (*reasons, f"two fingers grown together ({pair})"), factor * _FAULT
    return replace(result, reasons=reasons, placed=result.placed * factor)
