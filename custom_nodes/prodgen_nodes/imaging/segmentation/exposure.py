"""A photo that was exposed too short, looked at in the light that it should have had.

Networks have learned from photos that somebody found good, and the evidence is weighed in steps of an 8-bit file: in
the dark both see less than is there. More light is a factor in linear light; what is solid or clear does not change by
it, so the matte is the photo's own, and the product's colours are put back.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..colorspace import hex_color, parse_hex
from ..transfer import decode_, encode_
from .cutout import Cutout

_BRIGHTEST, _SAMPLES = 0.995, 200_000
"""So much of a photo is no brighter than its white; read from about so many pixels."""
_DARK, _WHITE, _MOST = 0.5, 0.8, 6.0
"""White that is darker than this (linear light) is lifted to that, by at most this factor."""


def lift_of(srgb: Tensor) -> float:
    """The factor in linear light, 1 for most photos, that a photo `[H,W,3]` (sRGB) lacks."""
    stride = max(1, int((srgb.shape[0] * srgb.shape[1] / _SAMPLES) ** 0.5))
    few = srgb[::stride, ::stride].amax(dim=-1).flatten()
    white = float(decode_(torch.quantile(few, _BRIGHTEST).reshape(1).clone()))
    return 1.0 if white >= _DARK else min(_MOST, _WHITE / max(white, 1e-4))


def lit(srgb: Tensor, lift: float) -> Tensor:
    """sRGB `[...,3]` in `lift` times the light."""
    return srgb if lift == 1.0 else encode_(decode_(srgb.clone()).mul_(lift)).clamp_(max=1.0)


def unlit(cut: Cutout, srgb: Tensor, lift: float) -> Cutout:
    """The cut-out of a photo `[H,W,3]` that was `lit`, in the photo's own light."""
    if lift == 1.0:
        return cut
    # What more light made white everywhere keeps the colour it had.
    product = torch.where(lit(srgb, lift) < 1.0, lit(cut.product, 1 / lift), srgb)
    color = torch.tensor(parse_hex(cut.report["backdrop"]["color"]))
    backdrop = dict(cut.report["backdrop"], color=hex_color(lit(color, 1 / lift)))
    return replace(cut, product=product, report=dict(cut.report, backdrop=backdrop))
