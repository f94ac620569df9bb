"""Relighting the original: its own colours and detail, under the light that the generated picture gave it.

Both pictures show the same product at the same place. Their low-pass luminances inside the mask tell how much light
each place gained or lost; the original is multiplied by that ratio in linear light. Colour and texture are the
original's, light and shadow the scene's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..color_planes import RGB_TO_XYZ
from ..colorspace import delta_e00, linear_to_lab, luminance
from ..filters import dilate, erode, masked_blur
from ..tensors import Box
from .overview import Overview
from .sampling import quantile, sampled

LOW, HIGH = 0.25, 3.5
"""Ratios between these are followed exactly; outside, the gap to them is halved in stops, not cut off: a cut-off would
flatten the scene's light wherever the generated product lost much of its lightness together with its colour."""
_BEYOND = 0.5
"""The power that halves it in stops. Less loses light that is real (a drawn jar in a quarter of its light: mean dE00
0.74, at 0.25 0.99, at 0.75 0.50), more follows what a model has only lost."""
_DUSK = 0.05
"""Median luminance of what surrounds the product below which a scene is darker than any room by day, and its product
with it: five products in 3 to 12 % of their light come out 0 to 6 L* too bright, 8 to 12 in a night without it."""
_HARD_LOW, _HARD_HIGH = 0.02, 8.0
"""The ends: a fiftieth of the light is black, eight times is white, on whatever lies there."""
_FLOOR = 1e-3
"""Luminance added on both sides of the ratio: in the blacks there is only noise to divide by."""
_PICTURE_SHARE, _PRODUCT_SHARE = 0.02, 0.03
"""The blur (1 sigma) of the ratio, of the picture's shorter and of the product's longer side, whichever is less: finer,
and the generated print would be burnt in; coarser, and the light would not follow the shape. Half or half as much again
of the first costs a drawn jar 0.01 of dE00."""
_MAX_PEAK = 95.0
"""L* of the 99th percentile up to which the generated picture's highlights are followed: above, little is left to
white. A jar in stronger light than its photo's: mean dE00 1.3, at 85 1.9, at 100 1.1."""
_KNEE = 15.0
"""L* below the peak from which highlights are bent: half of it bends later and harder (that jar: 1.1), half as much
again takes from the mid-tones (1.6)."""
_BAND = 2
"""Overview pixels to both sides of the outline that are mixtures, and so neither product nor scene."""


@dataclass(frozen=True)
class Relighting:
    """What turns the original's pixels into the relit ones.

    `ratio` is the full-size plane of light ratios `[H,W]` of the area `within` the pictures, `small_ratio` that of the
    whole view `[1,1,h,w]`. `knee` is None, or L* where highlights begin to bend so that
    they settle below `knee + 15`. `tint` is a linear RGB gain of luminance 1.
    """

    ratio: Tensor
    small_ratio: Tensor
    within: Box
    knee: float | None
    tint: tuple[float, float, float]
    inner: Tensor
    foreground: Tensor
    backdrop: Tensor
    view: Overview

    def apply(self, linear: Tensor, rows: slice, weights: Tensor) -> Tensor:
        """Relit linear RGB (may leave 0..1) of the original's rows `linear` `[3,n]`, which are changed in place.

        `weights` `[n]` are above 0 for those of these pixels that will be looked at.
        """
        self._remove_backdrop(linear, rows, weights)
        linear.mul_(self.ratio[rows].reshape(-1))
        if self.tint != (1.0, 1.0, 1.0):
            linear.mul_(linear.new_tensor(self.tint)[:, None])
        if self.knee is not None:
            brightness = torch.mv(linear.T, linear.new_tensor(RGB_TO_XYZ[1]))
            above = (brightness - ((self.knee + 16) / 116) ** 3 * (1 - 1e-5)).clamp_(min=0.0)
            if bool(above.amax() > 0):
                strong = torch.nonzero(above).flatten()
                brightness = brightness[strong]
                gain = _bend(brightness, self.knee).div_(brightness.clamp(min=1e-6))
                linear[:, strong] = linear.index_select(1, strong).mul_(gain)
        return linear

    def _remove_backdrop(self, linear: Tensor, rows: slice, weights: Tensor) -> None:
        """The outermost pixels hold some of the old backdrop; what points from the product's colour to it goes, up to
        what their `weights` leave to a backdrop: the product's own pale rim stays."""
        inner = self.inner[rows].reshape(-1)
        edge = torch.nonzero((1.0 - inner).mul_(weights)).flatten()
        if edge.numel() == 0:
            return
        width = self.inner.shape[1]
        row = torch.div(edge, width, rounding_mode="floor") + (rows.start + self.within.top)
        column = edge % width + self.within.left
        both = self.view.sample(torch.cat((self.foreground, self.backdrop), dim=1), row, column).T
        product, backdrop = both[:3], both[3:]
        pixels = linear.index_select(1, edge)
        direction = backdrop - product
        length = (direction**2).sum(dim=0).clamp_(min=1e-4)
        share = ((pixels - product) * direction).sum(dim=0).div_(length).clamp_(min=0.0)
        share = torch.minimum(share, 1 - weights[edge])
        cleaned = (pixels - share * direction).clamp_(min=0.0)
        linear[:, edge] = torch.lerp(cleaned, pixels, inner[edge])


def light_ratio(view: Overview) -> Tensor:
    """Small plane `[1,1,h,w]` of generated over original light, before any limit."""
    # Within two pixels of the outline a picture 2 px off shows backdrop; those count only where nothing else is near.
    weight = erode((view.mask > 0.5).to(view.mask), 2) + 1e-3 * view.mask
    sigma = max(1.5, min(_PICTURE_SHARE * view.picture_short_side, _PRODUCT_SHARE * view.product_long_side))
    both = masked_blur(torch.cat((view.generated_luminance, view.original_luminance), dim=1), weight, sigma, 1e-7)
    return (both[:, :1] + _FLOOR) / (both[:, 1:] + _FLOOR)


def limited(ratio: Tensor, lowest: float = LOW) -> Tensor:
    """`ratio` with what lies outside `lowest..HIGH` drawn halfway back (in stops), and hard ends far out."""
    low = lowest * (ratio.clamp(min=1e-9) / lowest) ** _BEYOND
    high = HIGH * (ratio / HIGH) ** _BEYOND
    return torch.where(ratio < lowest, low, torch.where(ratio > HIGH, high, ratio)).clamp(_HARD_LOW, _HARD_HIGH)


def _lowest(view: Overview, outside: Tensor) -> float:
    """The ratio down to which the light is followed exactly: less where the scene around the product is a night."""
    if not bool(outside.any()):
        return LOW
    level = quantile(view.generated_luminance[0][outside], 0.5)
    return max(_HARD_LOW, LOW * min(1.0, level / _DUSK))


def prepare(view: Overview, height: int, width: int, within: Box | None = None, tint_limit: float = 0.0) -> Relighting:
    """Measure the light of a picture pair of full size `height`×`width`, for the area `within` it (None: for all of
    it); see `Relighting`."""
    within = within or Box(0, 0, width, height)
    area = slice(within.top, within.bottom), slice(within.left, within.right)
    outside = dilate(view.mask, _BAND) < 0.02
    ratio = limited(light_ratio(view), _lowest(view, outside))
    inner = erode((view.mask > 0.98).to(view.mask), _BAND).unsqueeze(1)
    foreground = masked_blur(view.original, inner[:, 0] + 1e-4 * view.mask, 2.0, 1e-9)
    has_backdrop = bool(outside.any())
    backdrop = masked_blur(view.original, outside.to(view.mask) + 1e-9, 4.0, 1e-12) if has_backdrop else foreground
    return Relighting(
        ratio=view.enlarge(ratio, height, width)[area],
        small_ratio=ratio,
        within=within,
        knee=_knee(view, ratio),
        tint=_tint(view, outside, tint_limit),
        inner=view.enlarge(inner, height, width)[area],
        foreground=foreground,
        backdrop=backdrop,
        view=view,
    )


def _bend(brightness: Tensor, knee: float) -> Tensor:
    """Luminance whose L* above `knee` settles towards `knee + 15`."""
    lightness = 116 * brightness.clamp(min=0.008856) ** (1 / 3) - 16
    bent = knee + _KNEE * (1 - torch.exp(-(lightness - knee).clamp(min=0) / _KNEE))
    return torch.where(lightness > knee, ((bent + 16) / 116) ** 3, brightness)


def _peak(y: Tensor) -> float:
    """99th percentile of L* of luminances `[n]`."""
    return float(116 * max(quantile(y, 0.99), 0.008856) ** (1 / 3) - 16)


def _knee(view: Overview, ratio: Tensor) -> float | None:
    """Where highlights must bend so that the result is not brighter than its sources: the look of a harsh LUT."""
    index = sampled(view.mask > 0.5)
    if index.numel() == 0:
        return None
    original, generated, light = (
        plane.flatten()[index] for plane in (view.original_luminance, view.generated_luminance, ratio)
    )
    cap = max(_peak(original), min(_peak(generated), _MAX_PEAK))
    return cap - _KNEE if _peak(original * light) > cap else None


def _tint(view: Overview, outside: Tensor, limit: float) -> tuple[float, float, float]:
    """The scene's colour cast around the product as a gain of luminance 1, at most `limit` dE00 on a mid grey."""
    around = outside.unsqueeze(1).expand_as(view.generated)
    if limit <= 0 or not bool(around.any()):
        return 1.0, 1.0, 1.0
    mean = view.generated[around].view(3, -1).mean(dim=1).double()
    cast = mean.clamp(min=1e-4) / luminance(mean.float()).double().clamp(min=1e-4)
    grey = torch.full((3,), 0.18, dtype=torch.float64, device=mean.device)
    power, step = 1.0, 0.5
    for _ in range(20):
        gain = _normalised(cast**power)
        too_much = float(delta_e00(linear_to_lab(grey * gain), linear_to_lab(grey))) > limit
        if not too_much and power == 1.0:
            break
        power, step = power - step if too_much else power + step, step / 2
    red, green, blue = _normalised(cast**power).tolist()
    return red, green, blue


def _normalised(gain: Tensor) -> Tensor:
    return gain / luminance(gain)
