"""The dark line where a product rests: the crevice under its rounded edge, and under each foot.

Its darkness depends on the distance from the contact along the ground, so that it is as thin as the picture's
perspective makes it in front, and as wide as it is beside a foot or along a side that recedes.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..filters import smoothstep
from .contact import Array, Contact, Touch
from .round_foot import RoundFoot
from .supports import without_notches

REACH = 3.0
"""The crevice is exactly gone at so many times its size."""
_ROUNDED, _SHARP, _FOOT, _LEAST = 0.85, 0.03, 0.35, 0.004
"""Its size over the edge's rounding; at least this share of the product's; over a foot's width, and this share of the
product's more."""
_LEG_TO_HEEL = (0.12, 0.22)
"""Widths, over the product's size, from which and to which a foot is more and more a wall on the ground, a boot's heel:
beside that it is as dark as before it."""
_THIN_TO_WHEEL, _BESIDE, _BESIDE_DARK = (0.04, 0.07), (1.0, 3.0), (0.25, 1.0)
"""By a leg's width over the product's size: how far the dark line reaches beside it at most, over how far it does
before it, and how dark it is there, over how dark it is before it. Light comes in from all sides beside a thin leg,
where a line as dark as before it looks like a plate that it stands on; a wheel's belongs to its roundness."""
_PAST_END = 0.5
"""How far it reaches beside the ends of what is no foot: with 1 a bag's line went on as a wing past its corner."""
_CORNER_DARK = 0.5
"""At a corner the line is so dark, over how dark it is before an edge, of which a point of the ground sees half: a
corner hides a quarter of the room."""
_ROUND = 0.3
"""From this share of its width inwards a leg's dark line is as dark as it is in its middle."""
_CALM = 0.006, 0.06
"""The contact's outline is averaged over this share of the product's width, and this of its own at most."""
_POWER = 1.8
"""How steeply the dark line falls (1: an exponential, 2: a Gaussian), found on renders."""
_ALONG = 4
"""How steeply, by the share that the way to the contact goes aside, an edge hides less of what is under it."""
USUAL_UNDERCUT = 0.83
"""Where nothing of the product is known."""
_UNDERCUT = (0.58, USUAL_UNDERCUT, 0.95), (2.2, 1.0, 0.25)
"""How much larger or smaller it is, by how much darker the product itself gets towards its lower edge: an edge that
turns under shows it, a wall that stands on the ground does not. Measured on rendered products."""

_CORNER, _BEND = 0.06, 0.0015
"""The outline of a rounded corner takes at most so much of a contact's width at each end, and rises there by more than
this share of it (and a quarter of a pixel) above the straight line that the contact is next to it."""


def crevice_size(touch: Touch, span: float, softness: float, undercut: float = USUAL_UNDERCUT) -> float:
    """Ground pixels from the contact within which the dark line falls to about a third.

    `undercut`: the product's luminance just above its lower edge over that a little higher.
    """
    # An edge that looks sharp is rounded a little all the same; what looks very round is no edge.
    rounded = min(max(_ROUNDED * touch.rounding, _SHARP * span), 0.11 * span)
    rounded *= float(np.interp(undercut, _UNDERCUT[0], _UNDERCUT[1]))
    if touch.foot:
        rounded = min(0.05 * span, _FOOT * touch.width + _LEAST * span)
    return max(2.0, (0.7 + 0.6 * softness) * rounded)


def foot_sides(touch: Touch, span: float) -> tuple[float, float]:
    """How far the dark line reaches beside the contact's left and right end, over how far it does before it."""
    if not touch.foot:
        return _PAST_END, _PAST_END
    least = _LEAST * span
    most = float(np.interp(touch.width / span, _THIN_TO_WHEEL, _BESIDE))
    left, right = (min(most, (close + least) / (_FOOT * touch.width + least)) for close in touch.close)
    heel = float(np.interp(touch.width / span, _LEG_TO_HEEL, (0.0, 1.0)))
    return left + heel * max(0.0, 1.0 - left), right + heel * max(0.0, 1.0 - right)


def _without_sides(touch: Touch, contact: Contact, foreshortening: float) -> Touch:
    """The contact of a thin leg is as deep as it is wide: what its outline rises by beyond that at its ends is the side
    of a leg that leans, over bare ground."""
    if not touch.foot or touch.width >= _LEG_TO_HEEL[0] * contact.span:
        return touch
    stands = np.flatnonzero(touch.contour >= touch.contour.max() - foreshortening * touch.width - 1.0)
    first, last = touch.hangs
    return replace(touch, hangs=(max(first, int(stands[0])), max(last, touch.width - 1 - int(stands[-1]))))


def _without_corners(touch: Touch) -> tuple[Touch, int, int]:
    """The contact with its outline straight on where it rounds a corner at its left or right end, and how many columns
    that takes at each: there the product hangs over the ground, and what touches ends before."""
    if touch.foot:
        first, last = touch.hangs
        within = touch.contour[first : touch.width - last]
        return replace(touch, contour=np.pad(within, (first, last), mode="edge")), first, last
    most = math.floor(_CORNER * touch.width)
    if most < 3:
        return touch, 0, 0
    least = _BEND * touch.width + 0.25
    columns = np.arange(most)
    contour, counts = touch.contour.copy(), []
    for end in (contour, contour[::-1]):
        slope, start = _line_beside(end, most, least)
        # Beside a wavy edge the line would run out below all of it.
        straight = np.minimum(slope * columns + start, end[: 3 * most].max())
        bent = np.flatnonzero(straight - end[:most] > least)
        count = int(bent[-1]) + 1 if bent.size else 0
        end[:count] = straight[:count]
        counts.append(count)
    return replace(touch, contour=contour), counts[0], counts[1]


def _dark_ends(touch: Touch, contact: Contact, size: float) -> tuple[float, float]:
    """How dark the line is at the contact's ends, over how dark it is in its middle, and from how many columns inwards
    on it is as dark as there."""
    if not touch.foot:
        return _CORNER_DARK, min(size, _CORNER * touch.width)
    return float(np.interp(touch.width / contact.span, _THIN_TO_WHEEL, _BESIDE_DARK)), _ROUND * touch.width


def _line_beside(end: Array, most: int, least: float) -> Array:
    """Slope and start of the straight line that a contour goes on as beside its `end`, of which `most` columns may be a
    corner: that of a wide part, where that is straight to `least` pixels, or of a narrower one, as of a short side."""
    found = []
    for part in (slice(most, 3 * most), slice(most, 2 * most), slice(most // 2, 3 * most // 2)):
        columns = np.arange(part.start, part.stop)
        line = np.polyfit(columns, end[part], 1)
        found.append((math.sqrt(np.mean((end[part] - np.polyval(line, columns)) ** 2)), line))
        if found[-1][0] <= least:
            break
    return min(found, key=lambda one: one[0])[1]


def crevice(
    alpha: Tensor,
    contact: Contact,
    touch: Touch,
    size: float,
    ramp: float,
    foreshortening: float,
    lateral: tuple[float, float] = (1.0, 1.0),
    *,
    corners: bool = True,
) -> tuple[slice, slice, Tensor]:
    """Canvas rows and columns, and there the depth of the dark line, 0..1: 1 at the contact and behind the edge.

    `ramp`: rows of the product's soft edge, behind which the ground is as dark as at the contact. `lateral`: how far
    it reaches beside the contact's left and right end, over how far it does before it. `corners`: whether it ends in
    corners or in feet, and not where something round does.
    """
    height, width = alpha.shape
    reach = REACH * size
    rows = slice(
        max(0, math.floor(touch.highest - reach * foreshortening)),
        min(height, math.ceil(touch.lowest + reach * foreshortening) + 1),
    )
    columns = slice(max(0, math.floor(touch.left - reach)), min(width, math.ceil(touch.right + reach)))
    device = alpha.device
    touch, first, last = _without_corners(_without_sides(touch, contact, foreshortening))
    at: Array = np.arange(columns.start, columns.stop, dtype=np.float64) + 0.5
    blur = min(_CALM[0] * contact.box.width, _CALM[1] * touch.width)
    edge = touch.level(at, blur)
    # A sole stands on its lugs, not beside each of them.
    touch = replace(touch, contour=without_notches(touch.contour))
    line = touch.level(at, blur)
    own: Array = np.arange(touch.left, touch.right, dtype=np.float64) + 0.5
    calm = touch.level(own, blur=0.03 * contact.box.width)
    slope = np.interp(at, own, np.gradient(calm)) / foreshortening if own.size > 1 else np.zeros_like(at)
    # What comes nearer at its end does not go on from there, it ends.
    slope = np.where(((at < own[0]) & (slope < 0)) | ((at > own[-1]) & (slope > 0)), 0.0, slope)
    over, level, steep = (torch.from_numpy(values).to(device, torch.float32) for values in (edge, line, slope))
    x = torch.from_numpy(at).to(device, torch.float32)
    beside = torch.maximum((touch.left + first - x) / lateral[0], (x - touch.right + last) / lateral[1]).clamp(min=0.0)
    y = torch.arange(rows.start, rows.stop, device=device, dtype=torch.float32)[:, None] + 0.5
    # Distances on the ground, square to the contact. Beyond its ends: to the end itself or, where the contact turns
    # away from the camera, to the line that goes on turning. Each goes over into the next without a step: at the end's
    # column both are `ahead`, at its row both ways of turning are `beside * aside`.
    before = (y - level) / foreshortening
    straight = torch.rsqrt(1 + steep**2)
    aside = steep.abs() * straight
    # What shows above the contact lies behind it: beside a leg that leans, and through its soft sides. Only what shows
    # through the soft edge of the contact itself is no farther.
    behind = torch.where(over - y > ramp + 1.0, -before, -before * (1 - alpha[rows, columns])).clamp(min=0.0)
    ahead = before.clamp(min=0.0) * straight
    ends = torch.hypot(torch.where(before > 0, ahead, before), beside)
    turning = torch.where(before > 0, beside * aside + ahead, torch.hypot(before, beside * aside))
    away = torch.where(beside > 0, torch.lerp(ends, turning, aside**2), torch.where(before > 0, ahead, behind))
    # Seen from the front the ground shows nearly up to where a rounded edge touches it; seen along the edge, only from
    # where the roundness ends.
    away = away + aside**_ALONG * min(touch.rounding, size)
    above = torch.where(beside > 0, 0.0, (over - y).clamp(min=0.0))
    depth = _falling(away, size) * (1.6 - above / (ramp + 1.0)).clamp(0.0, 1.0)
    if corners:
        within = torch.minimum(x - touch.left - first, touch.right - last - x)
        dark, inwards = _dark_ends(touch, contact, size)
        depth = depth * torch.lerp(torch.full_like(x, dark), torch.ones_like(x), smoothstep(within / inwards))
    return rows, columns, depth


def round_crevice(alpha: Tensor, touch: Touch, foot: RoundFoot, size: float) -> tuple[slice, slice, Tensor]:
    """The same around a circle on the ground, the `foot` of what `alpha` `[H,W]` shows."""
    around = foot.radius + REACH * size
    rows, y = _part(foot.row, around * foot.foreshortening, alpha.shape[0], alpha)
    columns, x = _part(foot.column, around, alpha.shape[1], alpha)
    right = x - foot.column
    far = torch.hypot((y[:, None] - foot.row) / foot.foreshortening, right)
    hidden = (right.abs() / far.clamp(min=1.0)) ** _ALONG * min(touch.rounding, size)
    return rows, columns, _falling((far - foot.radius).clamp(min=0.0) + hidden, size)


def _part(middle: float, reach: float, count: int, like: Tensor) -> tuple[slice, Tensor]:
    """The rows or columns up to `reach` from the `middle`, and where their own middles are."""
    part = slice(max(0, math.floor(middle - reach)), max(0, min(count, math.ceil(middle + reach))))
    return part, torch.arange(part.start, part.stop, device=like.device, dtype=torch.float32) + 0.5


def _falling(away: Tensor, size: float) -> Tensor:
    """The line's depth so many pixels `away` from the contact on the ground: exactly 0 at its reach."""
    near = (away / (REACH * size)).clamp(max=1.0)
    return torch.exp(-((away / size) ** _POWER)) * (1 - near * near) ** 2
