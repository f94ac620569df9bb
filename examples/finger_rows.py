"""Rows of fingers to learn from: a real hand's four fingers unrolled side by side, as they are or with a fault made.

What is edited is the row and not the photo, which takes a hundredth of the time; where a pose model would have found
the fingers in the edited photo is drawn by lot: off their middles, or four lines spread over five fingers. Harmless
edits leave the same traces as the faults do, so that a trace is not taken for a fault.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from prodgen_nodes.imaging.filters import smoothstep
from prodgen_nodes.imaging.hands.unrolled import ALONG, ROWS, SEEN, Grid
from torch import Tensor

KINDS = {"good": 0.2, "harmless": 0.2, "fused": 0.28, "six": 0.22, "in a gap": 0.1, "no hand": 0.08}
"""How often each is made: about as many rows with a fault as without."""
FILLS = ("bent", "bent", "averaged", "averaged", "filled", "filled", "flat")
"""How flesh between two fingers is made up, and how often of each seven."""
FIRST, LAST, TOP, BOTTOM = -2.0, 5.0, -0.1, 1.3
"""What of a hand is kept to draw rows from, a little more than a row shows: places across, finger lengths along."""
TALL, WIDE = 80, 224
"""Its pixels."""
FINGER = 0.09
"""Breadth of a finger in hand lengths."""
STRAIGHT = 0.3
"""In hand lengths: a finger whose tip is so far from its knuckle is outstretched."""
APART = 0.125
"""In hand lengths: fingers so far apart have room for another one between them."""
WEBBED, GROWN = (0.05, 0.28), (0.72, 1.2)
"""Finger lengths from the knuckle that two are joined for: as skin between fingers is, and as none is."""
HIDDEN = 0.35
"""A gap of which more is behind something is neither right nor wrong."""

KEPT = Grid((TOP, BOTTOM), TALL, (FIRST, LAST), WIDE)
across, along = KEPT.places(torch.device("cpu")), torch.linspace(TOP, BOTTOM, TALL)
places, depths = SEEN.places(torch.device("cpu")), torch.linspace(*ALONG, ROWS)
between = random.uniform


@dataclass
class Sample:
    """`row` `[3,48,216]`, `step` `[48]`; what is `extra` in each gap `[5]` and `fused` `[3]`, and how far either counts
    (0 or 1); `somewhere`: a finger too many is in one of the gaps, nobody can say in which; `there`: these are fingers.
    """

    row: Tensor = field(default_factory=lambda: torch.zeros(3, ROWS, len(places)))
    step: Tensor = field(default_factory=lambda: torch.zeros(ROWS))
    extra: Tensor = field(default_factory=lambda: torch.zeros(5))
    fused: Tensor = field(default_factory=lambda: torch.zeros(3))
    extra_counts: Tensor = field(default_factory=lambda: torch.ones(5))
    fused_counts: Tensor = field(default_factory=lambda: torch.ones(3))
    somewhere: Tensor = field(default_factory=lambda: torch.zeros(()))
    there: Tensor = field(default_factory=lambda: torch.ones(()))


def ramp(x: Tensor, first: float, last: float) -> Tensor:
    return smoothstep((x - first) / max(last - first, 1e-6))


def taken(row: Tensor, u: Tensor, v: Tensor | None = None) -> Tensor:
    """`row` `[3,80,224]` at places `u` and depths `v`, each `[h,w]`; `u` may be one line, the same at every depth."""
    if u.dim() == 1:
        u = u.expand(TALL, -1)
    if v is None:
        v = along[:, None].expand_as(u)
    grid = torch.stack(
        ((u - FIRST) / (LAST - FIRST) * 2 - 1, ((v - TOP) / (BOTTOM - TOP) * (TALL - 1) + 0.5) / TALL * 2 - 1), dim=-1
    )
    values: Tensor = F.grid_sample(row[None], grid[None], align_corners=False, padding_mode="border")
    return values[0]


def blurred_along(row: Tensor, rows: int) -> Tensor:
    return F.avg_pool2d(F.pad(row[None], (0, 0, rows // 2, rows // 2), mode="replicate"), (rows, 1), 1)[0]


def joined(row: Tensor, first: float, last: float, way: str, inner: float) -> Tensor:
    """What stands between two places without gap or crease: `inner` is how far from a finger's middle it is its own."""
    t = ((across - first) / (last - first)).clamp(0, 1)
    wide = last - first
    if way in ("bent", "averaged"):
        reach = 0.62 if way == "averaged" else between(0.5, 0.72)
        left, right = (taken(row, u) for u in (first + t * wide * inner / reach, last - (1 - t) * wide * inner / reach))
        if way == "averaged":
            share = torch.where(t < 1 - reach, 0.0, torch.where(t > reach, 1.0, 0.5))
        else:
            share = ((t - (1 - reach)) / (2 * reach - 1 + 1e-6)).clamp(0, 1) if reach > 0.505 else (t > 0.5).float()
        return left * (1 - share) + right * share
    edges = [taken(row, torch.full((TALL, 1), place)) for place in (first + inner * wide, last - inner * wide)]
    if way == "filled":
        left, right = (blurred_along(edge, random.choice((1, 3, 5, 9, 15))) for edge in edges)
        share = ramp(t, between(0, 0.3), between(0.7, 1))
        made = left * (1 - share) + right * share
        if random.random() < 0.7:
            skin = taken(row, random.choice((first, last)) + (t - 0.5) * between(0.15, 0.4))
            even = F.avg_pool2d(skin[None], 9, 1, 4, count_include_pad=False)[0]
            made = made + (skin - even) * between(0.5, 1)
        return made * (1 + between(-0.12, 0.15) * 4 * t * (1 - t)) if random.random() < 0.6 else made
    middles = [taken(row, torch.full((TALL, 1), place)) for place in (first, last)]
    color = torch.cat(middles, dim=2)[:, 12:62].mean(dim=(1, 2))
    made = color[:, None, None].expand(3, TALL, WIDE)
    if random.random() < 0.5:
        made = 0.4 * made + 0.6 * blurred_along((middles[0] + middles[1]) / 2, 31)
    coarse = random.choice((1, 2, 4))
    grain = F.interpolate(torch.randn(1, 1, TALL // coarse, WIDE // coarse), size=(TALL, WIDE), mode="bilinear")[0]
    return made + grain * between(0, 0.03) + between(-0.03, 0.03)


def reaching(start: float, end: float, soft: float, bow: float, first: float, last: float) -> Tensor:
    """How far an edit shows `[80,224]`: from the depth `start` to `end`, which is bowed between the two places."""
    t = ((across - first) / (last - first)).clamp(0, 1)
    ends = end + bow * 4 * t * (1 - t)
    return ramp(along, start, start + 0.1)[:, None] * (1 - ((along[:, None] - ends + soft) / (2 * soft)).clamp(0, 1))


def grown_together(row: Tensor, pair: int, end: float, own: float) -> Tensor:
    """The row with two neighbours joined down to the depth `end`; a finger is `own` places wide."""
    way = random.choice(FILLS)
    low, high = {"bent": (0.04, 0.36), "averaged": (0.06, 0.28)}.get(way, (0.12, 0.4))
    inner = min(between(low, high), 0.38 * own)
    first, last = float(pair), float(pair + 1)
    if way in ("bent", "averaged"):
        shown = ((across > first) & (across < last)).float()
    else:
        soft, left, right = between(0.02, 0.12), first + inner * 0.8, last - inner * 0.8
        shown = ramp(across, left - soft, left + soft) * (1 - ramp(across, right - soft, right + soft))
    shown = shown * reaching(between(-0.06, 0.14), end, between(0.015, 0.06), between(-0.06, 0.06), first, last)
    return row * (1 - shown) + joined(row, first, last, way, inner) * shown


def in_order(row: Tensor, order: list[int], widened: float, other: tuple[int, Tensor] | None = None) -> Tensor:
    """The row with the fingers `order` side by side; `other`: one of them is another hand's."""
    count = len(order)
    x = (across + 0.5 + widened) / (4 + 2 * widened) * count - 0.5
    number = x.round().clamp(0, count - 1)
    sources = torch.tensor([float(finger) for finger in order])
    made = taken(row, sources[number.long()] + x - number)
    if other is not None:
        here = (number == other[0]).float()
        made = made * (1 - here) + taken(other[1], 1.0 + x - number) * here
    beside = (number + torch.sign(x - number)).clamp(0, count - 1)
    share = (0.5 + (0.5 - (x - number).abs()) / (2 * between(0.02, 0.09))).clamp(0.5, 1)
    made = made * share + taken(row, sources[beside.long()] + x - beside) * (1 - share)
    sides = ramp(across, -0.6 - widened, -0.4 - widened) * (1 - ramp(across, 3.4 + widened, 3.6 + widened))
    shown = ramp(along, between(-0.08, 0.06), between(0.07, 0.2))[:, None] * sides
    return row * (1 - shown) + made * shown


def spots_of(count: int, widened: float) -> Tensor:
    """Where `in_order` puts the middles of so many fingers."""
    return -0.5 - widened + (torch.arange(count) + 0.5) / count * (4 + 2 * widened)


def put_between(row: Tensor, finger: int, at: float, half: float, scale: float) -> Tensor:
    """The row with a finger's copy, `half` a finger to each side and in another size, at a place that is free."""
    off, longer = across - at, between(0.95, 1.4)
    made = taken(row, (finger + off / scale).expand(TALL, -1), (along * longer)[:, None].expand(TALL, WIDE))
    soft = between(0.02, 0.08)
    shown = 1 - ramp(off.abs(), half - soft, half + soft)
    deep = ramp(along, between(-0.05, 0.08), between(0.1, 0.25)) * (1 - ramp(along, 1.12 / longer, 1.2 / longer))
    shown = shown * deep[:, None]
    return row * (1 - shown) + made * shown


def harmless(row: Tensor, own: float) -> tuple[Tensor, Tensor]:
    """The row edited, its fingers as many as before; and where they are now `[4]`."""
    spots, finger, lot = torch.arange(4.0), random.randrange(4), random.random()
    if lot < 0.2:  # one drawn broader in its middle
        least, radius = between(0.2, 0.7), between(0.25, 0.5) * own
        off = across - finger
        near = off.abs() < radius
        factor = torch.where(near, least + (1 - least) * off.abs() / radius, 1.0)
        shown = reaching(between(-0.06, 0.2), between(0.5, 1.2), 0.05, 0, finger - 0.5, finger + 0.5) * near
        return row * (1 - shown) + taken(row, finger + off * factor) * shown, spots
    if lot < 0.4:  # one painted over
        radius = between(0.12, 0.3) * own
        first, last = finger - radius, finger + radius
        made = joined(row, first, last, random.choice(("filled", "flat", "bent")), between(0.05, 0.3))
        shown = ramp(across, first, first + 0.1) * (1 - ramp(across, last - 0.1, last))
        shown = shown * reaching(between(-0.06, 0.2), between(0.5, 1.1), 0.05, 0, finger - 0.5, finger + 0.5)
        return row * (1 - shown) + made * shown, spots
    if lot < 0.55:
        return grown_together(row, random.randrange(3), between(*WEBBED), own), spots
    if lot < 0.85:  # one twice and another gone, or only moved
        order, widened = [0, 1, 2, 3], between(0, 0.15)
        if random.random() < 0.7:
            neighbor = finger + random.choice((-1, 1))
            order[finger] = min(max(neighbor, 0), 3) if random.random() < 0.7 else random.randrange(4)
        return in_order(row, order, widened), spots_of(4, widened)
    far, middle = between(-0.25, 0.25), between(0, 3)

    def bulge(x: Tensor) -> Tensor:
        return far * torch.exp(-(((x - middle) / 0.8) ** 2))

    return taken(row, across + bulge(across)), spots - bulge(spots)


def six(row: Tensor, other: Tensor, sample: Sample) -> tuple[Tensor, Tensor]:
    """The row with five fingers, and where four of them were found `[4]`."""
    twice = random.randrange(4)
    order = sorted([0, 1, 2, 3, twice])
    same = [number for number, finger in enumerate(order) if finger == twice]
    if random.random() < 0.3:
        number = random.randrange(5)
        order = [0, 1, 2, 3]
        order.insert(number, random.randrange(4))
        same = [number]
    widened = between(0, 0.35)
    tinted = other * (row.mean(dim=(1, 2), keepdim=True) / other.mean(dim=(1, 2), keepdim=True).clamp(min=0.02))
    row = in_order(row, order, widened, (same[0], tinted) if random.random() < 0.15 else None)
    five = spots_of(5, widened)
    lot = random.random()
    if 0.45 <= lot < 0.75:  # four lines spread over the five
        at = torch.arange(4) * 4 / 3 + torch.randn(4) * 0.15 + between(-0.2, 0.2)
        low = at.floor().clamp(0, 3).long()
        sample.somewhere, sample.extra_counts = torch.ones(()), torch.zeros(5)
        return row, five[low] + (five[low + 1] - five[low]) * (at - low)
    missed = random.choice(same) if random.random() < 0.7 else random.randrange(5)
    found = five[[number for number in range(5) if number != missed]]
    if lot < 0.45:
        sample.extra[missed] = 1
        return row, found
    # The lines beside the one that was missed lean to it.
    if missed > 0:
        found[missed - 1] += between(0, 0.55) * (five[missed] - five[missed - 1])
    if missed < 4:
        found[missed] -= between(0, 0.55) * (five[missed + 1] - five[missed])
    sample.somewhere = torch.ones(())
    sample.extra_counts = torch.tensor([float(abs(gap - missed) > 1) for gap in range(5)])
    return row, found


def pattern() -> Tensor:
    """Noise or waves `[3,80,224]`: what is no hand."""
    if random.random() < 0.5:
        made = torch.full((3, TALL, WIDE), 0.5)
        for coarse in random.sample((1, 2, 4, 8, 16), random.randint(1, 3)):
            noise = torch.randn(1, random.choice((1, 3)), max(2, TALL // coarse), max(2, WIDE // coarse))
            made = made + F.interpolate(noise, size=(TALL, WIDE), mode="bilinear")[0] * between(0.05, 0.3)
        return made.clamp(0, 1)
    y, x = torch.meshgrid(torch.arange(float(TALL)), torch.arange(float(WIDE)), indexing="ij")
    slant, pitch = torch.tensor(between(0, 3.14)), between(0.05, 1.2)
    waves = torch.sin((x * slant.cos() + y * slant.sin()) * pitch + between(0, 6) * torch.sin(y * between(0.01, 0.2)))
    return (0.5 + torch.rand(3, 1, 1) * 0.4 * (waves.sign() if random.random() < 0.3 else waves)).clamp(0, 1)


def photographed(row: Tensor) -> Tensor:
    """A row as another camera, light and size of the hand would give it."""
    height, width = row.shape[1:]
    length = between(100, 420)
    if length < 300:
        size = (max(20, int(height * length / 300 * 1.15)), max(60, int(width * length / 300)))
        small = F.interpolate(row[None], size=size, mode="area")
        row = F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)[0]
    if random.random() < 0.3:
        row = F.avg_pool2d(F.pad(row[None], (1, 1, 1, 1), mode="replicate"), 3, 1)[0]
    tint = 0.88 + 0.24 * torch.rand(3, 1, 1)
    row = row.clamp(0, 1) ** between(0.7, 1.5) * tint * between(0.6, 1.2) + between(-0.05, 0.05)
    if random.random() < 0.2:
        row = row.mean(dim=0, keepdim=True).expand(3, -1, -1)
    return (row + torch.randn_like(row) * between(0, 0.02)).clamp(0, 1)


def made(row: Tensor, step: Tensor, straight: list[bool], other: Tensor, around: Tensor, kind: str = "") -> Sample:
    """A sample of the hand `row` `[3,80,224]`, `step` `[80]`, whose fingers are `straight` or not; `other`: the row of
    another hand; `around`: a piece of a product's photo of the same size."""
    if random.random() < 0.5:
        row, straight = row.flip(2), straight[::-1]
    kind = kind or random.choices(list(KINDS), list(KINDS.values()))[0]
    sample, spots = Sample(), torch.arange(4.0)
    apart = float(step[20:60].mean())
    own = min(1.0, FINGER / max(apart, 0.05))
    alike = [pair for pair in range(3) if straight[pair] == straight[pair + 1]]
    if kind == "no hand":
        row = around if random.random() < 0.6 else pattern()
        sample.there = torch.zeros(())
    elif kind == "harmless":
        row, spots = harmless(row, own)
    elif kind == "fused" and alike:
        pair = random.choice(alike)
        row = grown_together(row, pair, between(*GROWN), own)
        sample.fused[pair] = 1
        toward = between(-0.22, 0.22)  # what is found of them may lie nearer together or farther apart
        spots[pair] += toward
        spots[pair + 1] -= toward * between(0.5, 1)
    elif kind == "six":
        row, spots = six(row, other, sample)
    elif kind == "in a gap" and any(straight):
        finger = random.choice([number for number in range(4) if straight[number]])
        scale = between(0.75, 1.05)
        if apart < APART or random.random() < 0.3:
            gap = random.choice((0, 4))
            at = -between(0.75, 1.05) if gap == 0 else 3 + between(0.75, 1.05)
        else:
            gap = random.randrange(1, 4)
            at = gap - 1 + between(0.42, 0.58)
        row = put_between(row, finger, at, min(0.5 * own * scale * between(1.0, 1.2), 0.5), scale)
        sample.extra[gap] = 1
    astray = 3.0 if kind in ("good", "harmless") and random.random() < 0.15 else 1.0
    lines = spots[:, None] + torch.randn(4, 1) * 0.08 * astray + torch.randn(4, 1) * 0.1 * astray * depths
    lines = lines + torch.randn(4, 1) * 0.05 * torch.sin(depths * 3)
    low = places.floor().clamp(0, 2).long()
    share = places - low

    def mixed(of: Tensor) -> Tensor:
        """What each finger has `[4]`, between them."""
        return of[low] * (1 - share) + of[low + 1] * share

    u = torch.stack([mixed(line) for line in lines.T])
    v = depths[:, None] * mixed(1 + torch.randn(4) * 0.04) + mixed(torch.randn(4) * 0.025)
    seen = taken(row, u, v)
    steps = F.interpolate(step[None, None], size=ROWS, mode="linear", align_corners=True)[0, 0]
    sample.step = steps * float(spots[3] - spots[0]) / 3
    if random.random() < 0.22:
        seen = _behind(seen, around, sample)
    sample.row = photographed(seen)
    return sample


def _behind(seen: Tensor, around: Tensor, sample: Sample) -> Tensor:
    """The row behind a piece of a product: at its tips, at its roots, or at one side."""
    height, width = seen.shape[1:]
    hidden, lot = torch.zeros(height, width), random.random()
    if lot < 0.35:
        hidden[int(height * between(0.6, 0.9)) :] = 1
    elif lot < 0.5:
        hidden[: int(height * between(0.1, 0.35))] = 1
    else:
        side = int(width * between(0.09, 0.3))
        hidden[:, :side] = 1
        if random.random() < 0.5:
            hidden = hidden.flip(1)
    for gap in range(5):
        inside = (places >= gap - 1.15) & (places <= gap + 0.15)
        if float(hidden[6:44, inside].mean()) > HIDDEN:
            sample.extra_counts[gap] = 0
            if 1 <= gap <= 3:
                sample.fused_counts[gap - 1] = 0
    return seen * (1 - hidden) + F.interpolate(around[None], size=(height, width))[0] * hidden
