"""The edge of what stays in front: how much of each pixel is finger and how much is the product in the hand's shade."""

from __future__ import annotations

import torch
from torch import Tensor

from ..colorspace import linear_to_lab
from ..filters import dilate, erode, gaussian_blur, masked_blur

_ROUNDS = 2
"""The pieces are known to a few pixels at first; the second round starts from the edge that the first one found."""
_BODY, _APART = 2, 4
"""Pixels inside a piece's border where all is finger, and outside it where all is product."""
_SHADE = 0.01
"""Over this share of the product's length, and at least three pixels, the shade beside a finger is followed."""
_FLOOR = 0.01
"""Linear light added before a logarithm, as in `difference`."""
_MOST_SHADE = 0.4
"""Logarithm: beside a finger the shade leaves at least two thirds of the light; what is darker is taken for finger."""
_FINGER_SIGMA = 4.0
"""Pixels (1 sigma) over which the colour of a finger is taken: about half of one at the working size."""
_CLEAR = (8.0, 20.0)
"""Differences (CIELAB) of finger and product below which the colours say nothing of an edge, and above which all."""


def matte(pieces: Tensor, scene: Tensor, expected: Tensor, inside: Tensor, long_side: float) -> Tensor:
    """Coverage `[h,w]` of the fingers whose place `pieces` `[h,w]` (0 or 1) tells to a few pixels, antialiased.

    `scene` and `expected` `[3,h,w]` linear: the picture and the relit product, which fills `inside` `[h,w]`. A finger
    throws a shade on the product beside it that is not the finger: the product is shaded as it is seen there first.
    """
    if not bool(pieces.any()):
        return torch.zeros_like(pieces)
    product = inside.to(pieces)
    lab = _lab(scene)
    for _ in range(_ROUNDS):
        shaded = _lab(_in_shade(expected, scene, product * (1 - dilate(pieces[None], _APART)[0]), long_side))
        soft, finger, clear = _shares(pieces, lab, shaded)
        pieces = torch.where(inside, (soft > 0.5).to(pieces), pieces)
    # Beyond the product's own edge the finger goes on; the paste may reach a little further there.
    beyond = ~inside & (dilate(pieces[None], 4)[0] > 0.5)
    # CIELAB: a finger's own shading; beyond it what goes on there is another thing.
    same = ((lab - finger).square().sum(dim=-1).sqrt() < 18) & clear
    return torch.where(beyond & same, torch.ones_like(soft), soft).clamp(0.0, 1.0)


def _lab(linear: Tensor) -> Tensor:
    return linear_to_lab(gaussian_blur(linear[None], 0.8)[0].permute(1, 2, 0))


def _in_shade(expected: Tensor, scene: Tensor, ring: Tensor, long_side: float) -> Tensor:
    """`expected` in the shade that the product has where it is seen (`ring` `[h,w]` 1), as far as that reaches."""
    sigma = max(3.0, _SHADE * long_side)
    shade = torch.log((scene.clamp(min=0) + _FLOOR) / (expected.clamp(min=0) + _FLOOR)).clamp(-_MOST_SHADE, 0.0)
    seen = gaussian_blur(ring[None, None], sigma)[0, 0]
    local = masked_blur(shade[None], ring[None], sigma, 1e-6)[0] * (seen / (seen + 0.02))
    return (expected + _FLOOR) * torch.exp(local) - _FLOOR


def _shares(pieces: Tensor, lab: Tensor, product: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Coverage at each piece's border by how far the colour is from the product's to the finger's, the finger's
    colour `[h,w,3]`, and whether there is one near."""
    body = erode(pieces[None], _BODY)[0]
    weight = (body + 1e-4 * pieces)[None]
    finger = masked_blur(lab.permute(2, 0, 1)[None], weight, _FINGER_SIGMA, 1e-7)[0].permute(1, 2, 0)
    way = finger - product
    length = way.square().sum(dim=-1)
    share = (((lab - product) * way).sum(dim=-1) / length.clamp(min=1.0)).clamp(0.0, 1.0)
    plain = gaussian_blur(pieces[None], 0.8)[0]
    low, high = _CLEAR
    sure = ((length.sqrt() - low) / (high - low)).clamp(0.0, 1.0)
    edge = (dilate(pieces[None], 2)[0] > 0.5) & (body < 0.5)
    return torch.where(edge, torch.lerp(plain, share, sure), pieces), finger, length > 0
