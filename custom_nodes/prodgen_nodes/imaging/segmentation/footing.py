"""The line on which a product stands, read column by column from the floor upwards.

Under a product the floor's light fades ever faster and is darkest where the two touch. Above that line comes the
product: lighter, or as dark but no longer fading. So the shadow of a column ends at the first row, seen from below,
above which it gets no darker, or, where that row still has no colour but the floor's, where the product's own begins.

Where it gets lighter again above the darkest rows, the line is certain, and better than any matte: the colours there
are those of darkness, and say nothing of how much of a pixel is product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import gaussian_blur, running_max
from .backdrop import Backdrop
from .evidence import Evidence
from .foot_line import relocated
from .window import Window

_REACH, _BELOW = 0.035, 0.006
"""How far above and below the labels' lowest row the line is looked for, as fractions of the short side."""
_STILL, _DEEP = 0.05, 0.35
"""Shares of the floor's light: what a row must still lose to be fading, and what must be lost in all."""

_LIT, _TEXTURED = 0.1, 0.6
"""What a floor that lies in no shadow has lost of its light at most; and by how many pixels (1 sigma) the darkest rows
of a texture wander from column to column, which those of a shadow do not."""
_UMBRA = 0.013
"""The thickest stretch of full shadow between floor and product, as a fraction of the short side."""
_WIDE = 0.004
"""Half the width of columns, a fraction of the short side, in which a line must be found to be one: less is a detail of
the product. From half to half as much again edges of nine scenes differ by 0.0003 in the mean."""
_STRETCH, _HIGHER = 0.075, 1.5
"""Over how much to both sides of a column a line is compared, a fraction of the short side; pixels above it that are
another thing."""
_PLAIN, _COLOURED = 1.2, 2.5
"""Residues of what has no colour but the floor's, and of what surely has its own: at 3.75 the mean error at the edges
of nine scenes rises from 0.038 to 0.045."""
_OWN, _SURE, _PALE = 2.0, 3, 0.6
"""Residue of colour that no shadow on the floor has: held over so many rows upwards, not paler than what is above."""
_FAINT, _JUMP = 1.6, 0.9
"""A fainter colour is its own where it is dark and there at once: how much more of it than just below."""
_RISE = 4 / 255
"""How much lighter (sRGB) than the darkest row the product above it must become for the line to be certain."""
_GREY = 0.4
"""The share of the floor's lightness that the darkest row of a contact shadow has at most; a cast shadow has more."""
_BLACK, _MIXED, _SUNK = 0.05, 0.20, 1.25
"""A darkest row below `_BLACK` of the floor's light is shadow alone; from `_MIXED` on the line lies `_SUNK` lower."""
_GENTLE, _STEEP = 0.1, 0.2
"""The rise within two rows above the line, as a share of the floor's lightness."""
_APART, _FEW = 1.4, 0.25
"""How far from a known outline's own step a line is another one, in the outline's own pixels; and how many columns of a
stretch may say so."""
_WANDER, _ALONG = 0.9, 0.012
"""How much (1 sigma) a line may wander along an outline that does not, in the outline's own pixels; and over which
length, as a fraction of the short side."""
_OWN_STEP, _AT_ONCE, _NO_LIGHTER = 24 / 255, 2.0, 0.3
"""The least step (sRGB) from a dark product to its shadow; how much steeper it is than the shadow's own
fading; and how much lighter, in such steps, the product above may be."""
_FINE, _SEEN, _LEVEL = 1.6, 1.0, 1.5 / 255
"""The widest pixels of an outline that is drawn finely enough to stand where no line is seen: none is where the mean
lightness above and below it differs by less than so many standard deviations of the product's own, at least one and a
half 8-bit steps. Grained black leather before dark grey has .03 to .7 (three drawn bags), three rendered products from
1.7 on."""
_NEXT_STEP, _ALIKE, _COLOURS = 3.0, 0.08, 20000
"""By how many times a step that is the product's own edge is larger than what is no step; how far (sRGB) the row before
it is from the product's usual colour at most; and how many pixels stand for that."""
_ABOVE = 3.0
"""Pixels above a certain line that are product without asking."""
_MOSTLY = 0.6
"""The share of a stretch's columns that must show shadow without colour under a coloured product: it is proven then."""
_BITE, _GOES_ON, _COLUMNS = 3.0, 0.2, 4
"""How high, in the outline's own pixels, a stretch ends that ends at once; how little the picture changes there, as a
share of the step to the floor below, if the same thing goes on beyond; and how many columns to both sides are read."""


@dataclass(frozen=True)
class Footing:
    """Where a product stands: `shadow` and `standing` `[H,W]` bool, its pixels just below and just above the line;
    `line` `[W]`, the line's height in rows from the top (pixel edges); the columns where it is `certain` `[W]` bool;
    how `steep` `[W]` 0..1 the product's own edge rises above it; the `whole` picture's size (height, width); and the
    columns `[W]` bool where colour has `proven` the line, whoever contradicts it (see `steady`)."""

    shadow: Tensor
    standing: Tensor
    line: Tensor
    certain: Tensor
    steep: Tensor
    whole: tuple[int, int]
    proven: Tensor

    def across(self, window: Window) -> Footing:
        """The same line in the whole picture, of which it was found in a `window`."""

        def wide(columns: Tensor) -> Tensor:
            return F.pad(columns, (window.left, window.width - window.right))

        return Footing(
            window.whole(self.shadow),
            window.whole(self.standing),
            wide(self.line + window.top),
            wide(self.certain),
            wide(self.steep),
            self.whole,
            wide(self.proven),
        )

    def steady(self, srgb: Tensor, evidence: Evidence, solid: Tensor, grain: float, reach: int) -> Footing:
        """The line without the stretches that somebody who knows the product contradicts, who drew it `solid` `[H,W]`
        bool in pixels `grain` wide: where the line is farther from that outline than `reach`; where it wanders and the
        outline does not, for dark texture was read as shadow; where the picture `srgb` `[H,W,3]` steps up from a dark
        product to its lighter shadow there; and where it shows no line at all, if the outline is a fine one.

        What the `evidence` proves stays nevertheless: a floor without colour below the line, a coloured product above.
        """
        height, width = solid.shape
        rows = torch.arange(height, device=solid.device).unsqueeze(1)
        bottom = torch.where(solid, rows + 1, 0).amax(dim=0)
        standing = (bottom > 0) & (self.shadow.any(dim=0) | self.certain)
        off = self.line - bottom
        counted = standing & (off.abs() <= reach)
        stepping = standing & (off.abs() > _APART * grain) & _steps_up(srgb.mean(dim=-1), bottom, max(1, round(grain)))
        along = _ALONG * min(self.whole)
        wander = _wander(off, counted, along)
        all_, steps = gaussian_blur(torch.stack((standing, stepping)).float().view(1, 2, 1, width), along)[0, :, 0]
        here = standing & self._shows_colour_above(evidence, bottom)
        planes = torch.stack((here, here * self.line)).float().view(1, 2, 1, width)
        share, line = gaussian_blur(planes, along)[0, :, 0]
        proven = share > _MOSTLY
        # A column that noise has misled stands where its neighbours do.
        line = torch.where(proven & ~here, line / share.clamp(min=1e-3), self.line)
        kept = counted & (wander < _WANDER * grain) & (steps < _FEW * all_)
        if grain <= _FINE:
            kept &= self._separation(srgb.mean(dim=-1), counted, along) > _SEEN
        whole = ~bites(srgb, line, bottom, kept | proven, max(2, round(_BITE * grain)))
        kept, proven = kept & whole, proven & whole
        return replace(
            self,
            shadow=(self.shadow & (kept | proven)) | (proven & (rows >= line) & (rows < bottom)),
            standing=self.standing & (kept | proven),
            line=line,
            certain=self.certain & (kept | (proven & here)),
            proven=proven,
        )

    def _separation(self, luma: Tensor, counted: Tensor, along: float) -> Tensor:
        """How far the mean of `luma` `[H,W]` below the line is from that of the product above it, `[W]`, in standard
        deviations of the latter; in the `counted` columns within `along` pixels of each."""
        height, width = luma.shape
        line = self.line.round().long()

        def rows(first: int, last: int) -> Tensor:
            away = torch.arange(first, last, device=luma.device).unsqueeze(1)
            return luma.gather(0, (line + away).clamp(0, height - 1))

        above, below = rows(-10, -2), rows(0, 4)
        planes = torch.stack((torch.ones_like(line), above.mean(dim=0), above.square().mean(dim=0), below.mean(dim=0)))
        weight, mean, square, other = gaussian_blur((planes * counted).float().view(1, 4, 1, width), along)[0, :, 0]
        weight = weight.clamp(min=1e-3)
        spread = (square / weight - (mean / weight).square()).clamp(min=0).sqrt()
        apart: Tensor = (mean - other).abs() / weight / (spread + _LEVEL)
        return apart

    def _shows_colour_above(self, evidence: Evidence, bottom: Tensor) -> Tensor:
        """Boolean `[W]`: columns where all from the line down to the row `bottom` `[W]` is the floor in shadow, without
        a colour of its own, and what is just above the line has one."""
        size = min(self.whole)
        rows = torch.arange(evidence.residue.shape[0], device=bottom.device).unsqueeze(1)
        below = (rows >= self.line + 1) & (rows < bottom - 1)
        above = (rows < self.line - 1) & (rows >= self.line - max(3, round(_UMBRA * size)))
        floor = ((evidence.residue < _PLAIN) & (evidence.ratio < 1)) | ~below
        tint = (evidence.residue * above).sum(dim=0) / above.sum(dim=0).clamp(min=1)
        thick = bottom - self.line
        return floor.all(dim=0) & (thick > 0) & (thick < 2 * _UMBRA * size) & (tint > _COLOURED)

    def beside(self) -> Tensor:
        """The pixels beside the certain line, bool, at the size and in the window where it was found."""
        return self._beside(self.line, self.certain.float(), self.steep, self.shadow.shape[0], 1.0)[1]

    def coverage(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The share of each pixel above the line, `[h,w]`, and the pixels beside the certain line, bool.

        `picture` `[h,w,3]`: the photo at any size; at a larger one than the labels' the line is found again. Where the
        product's edge is steep it speaks for itself: only the shadow below it counts as beside the line.
        """
        height, width, _ = picture.shape
        both = torch.stack((self.line, self.certain.float(), self.steep)).unsqueeze(0)
        if width != both.shape[-1]:
            both = F.interpolate(both, size=width, mode="linear", align_corners=False)
        line, certain, steep = both[0]
        scale = height / self.whole[0]
        if scale > 1:
            line = relocated(picture, line * scale, certain > 0.999, scale) / scale
        above, beside = self._beside(line, certain, steep, height, scale)
        return above.clamp_(0.0, 1.0), beside

    def _beside(self, line: Tensor, certain: Tensor, steep: Tensor, height: int, scale: float) -> tuple[Tensor, Tensor]:
        """How far the pixels of `height` rows lie above the line, and which are beside it where it is certain."""
        above = line * scale - torch.arange(height, device=line.device).unsqueeze(1)
        below = max(4.0, _UMBRA * min(self.whole))
        nearest = torch.where(steep > 0.999, -1.0, _ABOVE) * scale
        return above, (above < nearest) & (above > -below * scale) & (certain > 0.999)


def _steps_up(luma: Tensor, bottom: Tensor, grain: int) -> Tensor:
    """Boolean `[W]`: columns of `luma` `[H,W]` that get lighter at once below the row `bottom` `[W]`, not gradually,
    and are no lighter above it either: a dark product's own edge, not the darkest row of its shadow."""
    last = luma.shape[0] - 1

    def at(row: int) -> Tensor:
        return luma.gather(0, (bottom + row).clamp(0, last).unsqueeze(0))[0]

    dark = at(-1 - grain)
    step, fading = at(1 + grain) - dark, at(3 + 3 * grain) - at(1 + grain)
    above = torch.stack([at(-1 - grain - away * grain) for away in range(2, 14, 2)]).mean(dim=0) - dark
    return (step > _OWN_STEP) & (step > _AT_ONCE * fading) & (above < _NO_LIGHTER * step)


def find_footing(srgb: Tensor, product: Tensor, backdrop: Backdrop, evidence: Evidence) -> Footing:
    """The line on which `product` `[H,W]` bool stands in the picture `srgb` `[H,W,3]`."""
    height = product.shape[0]
    size = backdrop.side
    reach, below = max(4, round(_REACH * size)), max(2, round(_BELOW * size))
    ahead = max(2, round(0.012 * size))
    luma = gaussian_blur(srgb.mean(dim=-1).unsqueeze(0), 0.6)[0]
    floor = backdrop.color.mean(dim=-1)
    rows = torch.arange(height, device=srgb.device).unsqueeze(1)
    lowest = torch.where(product, rows, -1).amax(dim=0)
    steps = torch.arange(below + reach + ahead, device=srgb.device).unsqueeze(1)
    at = (lowest + below - steps).clamp(0, height - 1)
    profile, lit = luma.gather(0, at), floor.gather(0, at)
    count = below + reach
    least = torch.stack([profile[shift : shift + count] for shift in range(ahead + 1)]).amin(dim=0)
    here, lit = profile[:count], lit[:count].clamp(min=1e-3)
    drop = (lit - here) / lit
    stands = (drop > _DEEP) & (here - least < _STILL * drop * lit + 2 * backdrop.noise)
    # A colour that the floor does not have is the product's, however its own light may go on fading. What the product
    # throws on its shadow is paler than the product above it.
    tinted = evidence.residue.gather(0, at)
    held = -running_max(-tinted, 0, _SURE, 0)
    sudden = (held > _FAINT) & (held + running_max(-tinted, _SURE + 1, 0, 0) > _JUMP)
    own = (held > _OWN)[:count] | (sudden[:count] & (drop > _DEEP))
    stands |= own & (held > _PALE * running_max(tinted, 0, 2 * ahead, 0))[:count]
    first = torch.where(stands.any(dim=0), stands.to(torch.uint8).argmax(dim=0), count)
    umbra = round(_UMBRA * size)
    first = first + _colourless(tinted, first, umbra)
    top, low, certain = _darkest(profile, first, umbra, ahead, backdrop.noise)
    light = low / lit.gather(0, top.clamp(max=count - 1).unsqueeze(0))[0]
    certain &= (first < count) & (lowest >= 0) & (light < _GREY)
    # A coloured product that ends at once before the lit floor: if what is dark above wanders, it is its texture.
    dark = (drop > _DEEP).to(torch.uint8).argmax(dim=0)
    lit_below = drop.gather(0, (dark - 2).clamp(min=0).unsqueeze(0))[0] < _LIT
    at_once = lit_below & (dark > 0) & own.gather(0, (dark + 1).clamp(max=count - 1).unsqueeze(0))[0]
    at_once &= _wander((top - dark).float(), at_once, _ALONG * size) > _TEXTURED
    certain &= ~at_once
    first = torch.where(at_once, dark, torch.where(certain, top, first))
    first = first - (~certain & (first > 0) & _ends_a_row_lower(srgb, product, lowest + below - first)).int()
    has_line = (first < count) & (lowest >= 0)
    line = torch.where(has_line, lowest + below - first, height)
    # A shadow's streak on the floor is darkest in its middle too, but nothing stands on it.
    certain &= product.gather(0, (line - 2 * ahead).clamp(0, height - 1).unsqueeze(0))[0]
    depth = (lowest - line).clamp(min=0)
    # What is found in a few columns alone is a detail of the product, not the line it stands on.
    wide = max(1, round(_WIDE * size))
    depth = running_max(-running_max(-depth.float(), wide, wide, 0), wide, wide, 0)
    # Black rows are shadow alone; the lighter the darkest row, the more of the product's own foot is in it.
    mixed = ((light - _BLACK) / (_MIXED - _BLACK)).clamp(0.0, 1.0)
    # None of it is, where the product's own edge rises steeply from the dark.
    rise = profile.gather(0, (top + 2).clamp(max=profile.shape[0] - 1).unsqueeze(0))[0] - low
    steep = ((rise / lit[0] - _GENTLE) / (_STEEP - _GENTLE)).clamp(0.0, 1.0)
    certain &= ~risen(line.float(), certain, max(1, round(_STRETCH * size)))
    edge, certain = _drawn(line + _SUNK * mixed * (1 - steep), certain, wide)
    certain &= product.gather(0, (edge.long() - 2 * ahead).clamp(0, height - 1).unsqueeze(0))[0]
    standing = product & certain & (rows < line) & (rows >= line - _ABOVE)
    return Footing(
        product & (rows > lowest - depth), standing, edge, certain, steep, backdrop.whole, torch.zeros_like(certain)
    )


def _ends_a_row_lower(srgb: Tensor, product: Tensor, row: Tensor) -> Tensor:
    """Boolean `[W]`: columns of the picture `srgb` `[H,W,3]` where the row below `row` `[W]` has the colour of most of
    the `product` `[H,W]` bool, is as the one at `row`, and only the next one is lighter: to a blurred eye the product's
    last row is half the floor's. A hard shadow ends the same way, but seldom has the product's colour."""
    own = srgb[product]
    if own.shape[0] == 0:
        return torch.zeros_like(row, dtype=torch.bool)
    usual = own[:: max(1, own.shape[0] // _COLOURS)].median(dim=0).values
    columns, last = torch.arange(row.shape[0], device=row.device), srgb.shape[0] - 1
    here, after, beyond = (srgb[(row + away).clamp(0, last), columns] for away in (0, 1, 2))
    alike = (after - usual).abs().amax(dim=-1) < _ALIKE
    step = (beyond - after).mean(dim=-1)
    return alike & (step > _NEXT_STEP * (after - here).mean(dim=-1).abs() + _LEVEL)


def bites(srgb: Tensor, line: Tensor, bottom: Tensor, cut: Tensor, high: int) -> Tensor:
    """Boolean `[W]`: the columns of stretches that are `cut` `[W]` bool off a product between the `line` `[W]` and its
    lowest row, `bottom` `[W]`, and end at once, `high` rows or more, where the picture `[H,W,3]` goes on as it was and
    nothing is cut off: a dark base with something coloured above it here and there."""
    out = torch.zeros_like(cut)
    columns = np.flatnonzero((cut & (bottom - line >= high)).cpu().numpy())
    if columns.size == 0:
        return out
    taken = cut.cpu().numpy()
    top, low = line.round().long().cpu().numpy(), bottom.cpu().numpy()
    for stretch in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
        few = len(stretch) < 2 * _COLUMNS
        for end, on in ((int(stretch[0]), -1), (int(stretch[-1]), 1)):
            inner, outer = end - on * min(_COLUMNS, len(stretch) - 1), end + on * _COLUMNS
            if not 0 < outer < len(taken) - 1:
                continue
            first, last = int(top[inner]), int(min(low[inner], top[outer] if taken[outer] else low[outer]))
            if last - first < high:
                continue
            # The first and the last row may be mixed of two things.
            rows = slice(first + 1, max(first + 2, last - 1))
            here, beyond = (srgb[rows, column - 1 : column + 2].mean(dim=(0, 1)) for column in (inner, outer))
            ground = srgb[low[inner] + 2 : low[inner] + 5, inner].mean(dim=0)
            if few or float((here - beyond).abs().amax()) < _GOES_ON * float((here - ground).abs().amax()):
                out[stretch[0] : stretch[-1] + 1] = True
    return out


def _darkest(profile: Tensor, first: Tensor, longest: int, ahead: int, noise: float) -> tuple[Tensor, Tensor, Tensor]:
    """The last of the darkest rows from `first` `[W]` on, upwards in `profile` `[n,W]`; how light it is; where it is
    certain, for the product above it is lighter."""
    last = profile.shape[0] - 1
    slack = max(noise, 1.0 / 255)
    low = profile.gather(0, first.clamp(max=last).unsqueeze(0))[0]
    top, going = first.clone(), torch.ones_like(first, dtype=torch.bool)
    for step in range(1, longest + 1):
        here = profile.gather(0, (first + step).clamp(max=last).unsqueeze(0))[0]
        going &= here <= low + slack
        low = torch.where(going, torch.minimum(low, here), low)
        top += going
    rise = torch.zeros_like(low)
    for step in range(1, ahead + 1):
        rise = torch.maximum(rise, profile.gather(0, (top + step).clamp(max=last).unsqueeze(0))[0] - low)
    return top, low, ~going & (rise > max(3 * noise, _RISE))


def _wander(off: Tensor, counted: Tensor, along: float) -> Tensor:
    """By how much (1 sigma) the heights `off` `[W]` of the `counted` columns differ within `along` pixels of each."""
    planes = torch.stack((counted, counted * off, counted * off * off)).float().view(1, 3, 1, -1)
    weight, mean, square = gaussian_blur(planes, along)[0, :, 0]
    weight = weight.clamp(min=1e-3)
    spread: Tensor = (square / weight - (mean / weight).square()).clamp(min=0).sqrt()
    return spread


def risen(line: Tensor, certain: Tensor, reach: int) -> Tensor:
    """Boolean `[W]`: columns where the `line` `[W]` runs higher than on both sides of them, over `reach`: a pale print
    on a product's foot looks like the floor."""
    columns = np.flatnonzero(certain.cpu().numpy())
    if columns.size == 0:
        return torch.zeros_like(certain)
    # Across a few columns that are not certain the line goes on; beyond its ends there is none.
    whole = np.interp(np.arange(len(line)), columns, line.cpu().numpy()[columns], left=math.nan, right=math.nan)
    here = torch.from_numpy(whole).to(line)
    sides = F.pad(here, (reach, reach), value=math.nan).unfold(0, reach, 1).median(dim=-1).values
    left, right = sides[: line.shape[0]], sides[reach + 1 :]
    return line < (left + right) / 2 - _HIGHER  # false beside an end, where one of them is nan


def _drawn(line: Tensor, certain: Tensor, wide: int) -> tuple[Tensor, Tensor]:
    """The `line` `[W]` without its jumps from pixel to pixel, and where it is still `certain`."""
    reach = 2 * wide + 1
    around = F.pad(line[None, None], (reach, reach), mode="replicate")[0, 0].unfold(0, 2 * reach + 1, 1)
    middle = around.median(dim=-1).values
    kept = certain & ((line - middle).abs() < 2.0)
    weight = kept.float()
    sums = gaussian_blur(torch.stack((weight * line, weight)).unsqueeze(2), 0.5 * reach)[:, :, 0]
    smooth = sums[0] / sums[1].clamp(min=1e-3)
    # Between columns that are certain, a few others cannot stand elsewhere.
    filled = ~running_max(~running_max(kept, wide, wide, 0), wide, wide, 0) | kept
    return torch.where(filled, smooth, line), filled


def _colourless(residue: Tensor, first: Tensor, longest: int) -> Tensor:
    """How many rows from `first` `[W]` on, upwards in `residue` `[n,W]`, are shadow that ends at a coloured product."""
    count = residue.shape[0]
    run, going = torch.zeros_like(first), torch.ones_like(first, dtype=torch.bool)
    ends = torch.zeros_like(going)
    for step in range(longest + 2):
        here = residue.gather(0, (first + step).clamp(max=count - 1).unsqueeze(0))[0]
        ends |= ~going & (step <= run + 2) & (here > _COLOURED)
        going &= here < _PLAIN
        run += going
        ends |= ~going & (step == run) & (here > _COLOURED)
    return torch.where(ends & (run <= longest), run, 0)
