"""Hair and fur before a plain backdrop: strands beyond the outline that no network at 1024 px draws.

Where the backdrop is known, a strand's share of a pixel can be read off: how far the pixel has gone from the backdrop's
colour towards the product's own. A shadow under the fringe darkens the backdrop, too, but smoothly; strands are fine.
Source of the projection: A. R. Smith, J. F. Blinn, "Blue screen matting", SIGGRAPH 1996, with both colours known.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..filters import closed, dilate, erode, gaussian_blur, masked_blur, opened
from ..transfer import decode_
from .backdrop import Backdrop
from .pyramid import linear_planes
from .regions import Regions

_LONGEST = 0.09
"""The longest strands, as a fraction of the short side."""
_FINE = 2.0
"""Pixels (1 sigma) above which nothing is a strand."""
_DETAIL = 5 / 255
"""sRGB: the least difference of a strand from its surroundings, five 8-bit steps."""
_DENSE, _WORTH = 0.12, 0.03
"""The share of a fringe that must be strands; and its least area, as a share of the product's."""
_FINE_SHARE, _ALL_FINE, _STRONG, _SOLID, _ALONG = 0.14, 0.35, 0.3, 0.88, 0.15
"""Of what is seen of the product in a fringe, the least share that is finer than four pixels, and the share that says
enough; how strong its strongest tenth is at least, and at most where less is fine, for hairs do not fill their pixels;
the least share of the outline it runs along."""
_EXPLAINED, _NEARBY = 0.5, 8.0
"""The least share of what differs from the backdrop nearby (1 sigma, pixels) that lies on the way to the product's
colour: the grain of a floor goes its own way."""
_SHADE = 4
"""Pixels over which a shadow under strands does not change."""


@dataclass(frozen=True)
class Fringe:
    """Where strands are, `zone` `[h,w]` bool; the colours `[h,w,3]` sRGB of the product beside it and of the backdrop;
    how much of what is smooth there is shadow, `shade` `[h,w]` 0..1."""

    zone: Tensor
    front: Tensor
    back: Tensor
    shade: Tensor

    def drawn(self, picture: Tensor, alpha: Tensor) -> Tensor:
        """`alpha` `[H,W]` of the photo `[H,W,3]` with the strands in it."""
        size = (alpha.shape[0], alpha.shape[1])
        rows, columns = (torch.nonzero(self.zone.any(dim=dim)).flatten() for dim in (1, 0))
        down, across = size[0] / self.zone.shape[0], size[1] / self.zone.shape[1]
        small = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        large = (
            slice(round(small[0].start * down), round(small[0].stop * down)),
            slice(round(small[1].start * across), round(small[1].stop * across)),
        )
        part = (large[0].stop - large[0].start, large[1].stop - large[1].start)

        def fitted(plane: Tensor) -> Tensor:
            planes = plane[small].permute(2, 0, 1) if plane.ndim == 3 else plane[small].float().unsqueeze(0)
            return F.interpolate(planes.unsqueeze(0), size=part, mode="bilinear", align_corners=False)[0]

        strands = _share(linear_planes(picture[large]), decode_(fitted(self.front)), decode_(fitted(self.back)))
        smooth = opened(strands, max(2, round(_SHADE * down)))
        strands = (strands - smooth * fitted(self.shade)[0]).clamp_(0.0, 1.0) * fitted(self.zone)[0]
        out = alpha.clone()
        out[large] = torch.maximum(alpha[large], strands)
        return out


def find_fringe(srgb: Tensor, product: Tensor, backdrop: Backdrop) -> Fringe | None:
    """The fringe around `product` `[h,w]` bool in the picture `[h,w,3]`; None where its outline is clean."""
    longest = max(4, round(_LONGEST * backdrop.side))
    off = (srgb - backdrop.color).abs().amax(dim=-1)
    fine = (off - gaussian_blur(off.unsqueeze(0), _FINE)[0]).abs()
    limit = max(_DETAIL, 4 * backdrop.noise, 2.5 * backdrop.usual)
    beyond = dilate(product, longest) & ~dilate(product, 2)
    strands = (fine > limit) & beyond
    zone = closed(strands, 3)
    regions = Regions(zone)
    if regions.count == 0:
        return None
    zone = regions.chosen(regions.touched(dilate(product, 5)) & (regions.area > 30) & ~regions.on_frame())
    if not _is_dense(zone, strands, product):
        return None
    core = erode(product, 3).float().unsqueeze(0)
    front = masked_blur(srgb.permute(2, 0, 1).unsqueeze(0), core, longest / 2)[0].permute(1, 2, 0)
    is_explained, share = explained(srgb, front, backdrop.color, zone)
    zone = zone & is_explained
    if not (_is_dense(zone, strands, product) and _is_hairy(share, zone, product)):
        return None
    zone = dilate(zone, 2) | (dilate(zone, 4) & dilate(product, 3))
    near = gaussian_blur(product.float().unsqueeze(0), longest / 3)[0]
    shade = (1.0 - 2.5 * near).clamp(0.0, 1.0)
    return Fringe(zone & ~erode(product, 2), front, backdrop.color, shade)


def _is_dense(zone: Tensor, strands: Tensor, product: Tensor) -> bool:
    """Whether a `zone` of `strands` `[h,w]` bool is worth it and full of them, close beside each other: an edge or a
    thread is one line."""
    area = float(zone.float().sum())
    if area < _WORTH * float(product.float().sum()) or float((strands & zone).float().sum()) < _DENSE * area:
        return False
    return float(erode(zone, 3).float().sum()) >= 0.25 * area


def explained(srgb: Tensor, front: Tensor, back: Tensor, zone: Tensor) -> tuple[Tensor, Tensor]:
    """Where what is seen in `zone` `[h,w]` is mixed of the product's colour and the backdrop's, bool `[h,w]`; and how
    far each pixel has gone from the latter to the former, 0..1 `[h,w]`."""
    seen, near, far = linear_planes(srgb), linear_planes(front), linear_planes(back)
    whole = (seen - far).square().sum(dim=0)
    span = (near - far).square().sum(dim=0)
    share = _share(seen, near, far)
    mixed, whole = gaussian_blur((torch.stack((share.square() * span, whole)) * zone).unsqueeze(0), _NEARBY)[0]
    return mixed > _EXPLAINED * whole, share


def _share(srgb: Tensor, front: Tensor, back: Tensor) -> Tensor:
    """How far each pixel has gone from `back` towards `front`, 0..1; all `[3,...]` linear light, overwritten."""
    towards = front.sub_(back)
    off = srgb.sub_(back)
    return ((off * towards).sum(dim=0) / towards.square().sum(dim=0).clamp(min=1e-4)).clamp_(0.0, 1.0)


def _is_hairy(strands: Tensor, zone: Tensor, product: Tensor) -> bool:
    """Whether what is seen in `zone` `[h,w]`, the product's share `strands` of it, is strands: fine, of the product's
    colour, along much of its outline."""
    outer = zone & ~dilate(product, 4)
    if not bool(outer.any()):
        return False
    seen, broad = strands[outer], opened(strands, 2)[outer]
    fine = 1.0 - float(broad.sum() / seen.sum().clamp(min=1e-6))
    strong = float(torch.quantile(seen[:: max(1, seen.numel() // 100000)], 0.9))
    rim = dilate(product, 1) & ~product
    along = float((dilate(zone, 3) & rim).float().sum() / rim.float().sum().clamp(min=1))
    hairs = fine > _ALL_FINE or (fine > _FINE_SHARE and strong < _SOLID)
    return hairs and strong > _STRONG and along > _ALONG
