"""A rough mask that somebody painted, read from whatever their program made of it; and brought to the photo's size."""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import EmptyMaskError, ParameterError, ShapeError
from .filters import dilate, square_max
from .segmentation.backdrop import gradient
from .segmentation.pyramid import resized, within

_PAINTED = 0.005
"""The least share of a picture that is an area somebody painted, or left clear around what they painted."""
_CUT_OUT, _LAYER = 0.3, 0.7
"""The share of a picture's edges that is opaque: below, it is a cut-out; above, a photo that was painted over."""
_ONE_COLOUR = 0.02
"""The standard deviation of the colours under what is clear, where nothing of a photo is left."""
_SIDE, _AN_EDGE, _NOISE = 512, 2.0, 2 / 255
"""Where it may be either: pixels of the longer side; how much steeper the picture is on a cut-out's outline than
elsewhere; and the least it is elsewhere (sRGB)."""
_BLACK, _WHITE = 0.15, 0.85
"""sRGB: darker is black, lighter white. A drawing in two colours keeps beyond these even with the rims that
JPEG leaves."""
_COLOURED = 0.25
"""Between the strongest and the weakest channel; black, grey and white have none."""
_NEITHER = 0.25
"""The share of a picture that may be neither black nor white; a mask only has soft edges."""


def painted_over(alpha: Tensor, srgb: Tensor) -> Tensor | None:
    """The area of a picture `[H,W,3]` that somebody painted over in ComfyUI's mask editor, `[H,W]`, if that is what
    its `alpha` `[H,W]` shows.

    Painting makes the picture transparent there, and leaves its colours. A cut-out is transparent around the product:
    along the picture's edges. Paint over a product that reaches them leaves the most of them opaque; where about half
    is, a cut-out ends where the picture shows an edge, paint wherever the brush went.
    """
    clear = alpha < 0.5
    if float(clear.float().mean()) <= _PAINTED:
        return None
    frame = torch.cat((clear[0], clear[-1], clear[:, 0], clear[:, -1]))
    opaque = 1.0 - float(frame.float().mean())
    if opaque == 1.0:
        return clear.float()
    if opaque < _CUT_OUT or float(srgb[clear].std(dim=0).amax()) < _ONE_COLOUR:
        return None
    return clear.float() if opaque > _LAYER or _on_edges(clear, srgb) < _AN_EDGE else None


def _on_edges(clear: Tensor, srgb: Tensor) -> float:
    """How much steeper a picture `[H,W,3]` is along the outline of what is `clear` `[H,W]` bool than elsewhere."""
    size = within(_SIDE, *clear.shape)
    small = torch.stack([resized(plane, size) for plane in srgb.permute(2, 0, 1)], dim=-1)
    steep = square_max(gradient(small), 2)
    there = resized(clear.float(), size) > 0.5
    outline = dilate(there, 1) & dilate(~there, 1)
    return float(steep[outline].median() / steep.median().clamp(min=_NOISE)) if bool(outline.any()) else 0.0


def read_hint(srgb: Tensor, alpha: Tensor | None, name: str = "the hint") -> tuple[Tensor, str]:
    """The mask `[H,W]`, 1 = product, that a picture `[H,W,3]` with or without `alpha` `[H,W]` stands for, and what of
    it was read.

    An area painted in the mask editor, else the opaque part of a picture that is transparent elsewhere, else what is
    white.

    Raises ParameterError where the picture is a photo or a painting in colours and no mask, EmptyMaskError where
    nothing in it marks a product.
    """
    if alpha is not None:
        painted = painted_over(alpha, srgb)
        if painted is not None:
            return painted, "the area painted in the mask editor"
        if float((alpha < 0.5).float().mean()) > _PAINTED:
            return _marked(alpha, name), "the opaque part"
    white = srgb.mean(dim=-1)
    neither = ((white > _BLACK) & (white < _WHITE)) | (srgb.amax(dim=-1) - srgb.amin(dim=-1) > _COLOURED)
    if float(neither.float().mean()) > _NEITHER:
        raise ParameterError(
            f"{name} is no mask: much of it is neither black nor white. Paint the product white and everything else "
            "black, or paint over the product on an empty (transparent) layer and save that alone as PNG."
        )
    return _marked(white, name), "what is white"


def _marked(mask: Tensor, name: str) -> Tensor:
    if not bool((mask > 0.5).any()):
        raise EmptyMaskError(
            f"{name} marks no product: nothing in it is white.", advice="paint the product white, roughly."
        )
    return mask


def fit_hint(hint: Tensor, height: int, width: int, name: str = "hint") -> Tensor:
    """A mask `[B,h,w]` painted on a smaller or larger copy of a photo, at the photo's size `[B,height,width]`.

    Raises ShapeError where the hint has other proportions: it is of another picture, a crop, or turned.
    """
    own_height, own_width = hint.shape[1], hint.shape[2]
    # The sides of a copy are whole pixels: one pixel of the smaller picture may be missing.
    off = abs(own_width * height - own_height * width)
    if off > max(own_width, own_height, width, height):
        raise ShapeError(
            f"the {name} is {own_width}×{own_height} pixels and the photo {width}×{height}: they have different "
            f"proportions. Paint the {name} on the photo itself, or on a smaller copy of the whole photo, neither "
            "cropped nor turned."
        )
    return torch.stack([resized(mask, (height, width)) for mask in hint])
