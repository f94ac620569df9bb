"""One style applied to a picture, with the product kept out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..colorspace import linear_to_srgb, srgb_to_linear
from ..tensors import check_choice, check_mask, check_range, common_batch, expand_batch, same_size, split_alpha
from . import operations
from .focus import assumed_depth, depth_of_field
from .looks import LOOKS, Look

_NO_DEPTH = "No depth is connected: the picture keeps its depth of field."
_ASSUMED = (
    "No depth is connected: what lies higher in the picture than the product's foot was taken to lie farther away, "
    "as on a floor or a table."
)


@dataclass(frozen=True)
class StyleSettings:
    """`strength` 0..1; `seed` of the grain; caps in L* and C* (0 = none), which do not depend on the strength."""

    style: str = "none"
    strength: float = 1.0
    seed: int = 0
    max_lightness: float = 0.0
    max_chroma: float = 0.0

    def look(self) -> Look:
        """The style's figures at this strength.

        Raises ParameterError where there is no such style, or a figure is out of range.
        """
        check_choice(self.style, LOOKS, "style")
        check_range(self.strength, 0.0, 1.0, "strength")
        check_range(self.max_lightness, 0.0, 100.0, "max_lightness")
        check_range(self.max_chroma, 0.0, 150.0, "max_chroma")
        full = LOOKS[self.style]
        figures = {name: value * self.strength for name, value in full.figures().items() if name != "grain_size"}
        return Look(full.words, full.avoid, grain_size=full.grain_size, **figures)


def apply_style(
    image: Tensor,
    product: Tensor | None,
    depth: Tensor | None,
    settings: StyleSettings,
) -> tuple[Tensor, dict[str, Any]]:
    """`image` `[B,H,W,C]` sRGB 0..1 in the style, as `[B,H,W,3]`; pixels that are wholly product keep their very bits.

    Args:
        product: `[B,H,W]`, 1 = product; None: the whole picture is scene.
        depth: `[B,h,w]` for depth of field; None: it is assumed from where the product stands, and the report says so.

    Returns:
        The picture (the same tensor where nothing was to be done), and the report.

    Raises ShapeError and ParameterError for what does not fit.
    """
    image, _ = split_alpha(image)
    look = settings.look()
    shapes = {"image": image}
    if product is not None:
        shapes["product"] = product = check_mask(product, "product")
    same_size(**shapes)
    if depth is not None:
        shapes["depth"] = depth = check_mask(depth, "depth")
    batch = common_batch(**shapes)
    notes = []
    if look.blur and depth is None:
        depth = None if product is None else assumed_depth(product)
        notes.append(_NO_DEPTH if depth is None else _ASSUMED)
    figures = look.figures()
    idle = ("grain_size",) if depth is not None else ("grain_size", "blur")
    applied = [name for name, value in figures.items() if value and name not in idle]
    if not applied and not (settings.max_lightness or settings.max_chroma):
        return image, {"style": settings.style, "strength": settings.strength, "applied": [], "notes": notes}
    image = expand_batch(image, batch)
    mask = None if product is None else expand_batch(product, batch)
    linear = operations.tame(srgb_to_linear(operations.by_planes(image)), settings.max_lightness, settings.max_chroma)
    if look.blur and depth is not None:
        radius = look.blur * max(image.shape[1:3])
        linear = depth_of_field(linear, expand_batch(depth, batch), mask, radius)
    linear = operations.glow(linear, look.halation, look.bloom)
    linear = operations.white_balance(linear, look.warmth)
    linear = operations.grade(linear, look.contrast, look.lift, look.split, look.saturation)
    linear = operations.vignette(linear, look.vignette)
    linear = operations.sharpen(linear, look.sharpen)
    linear = operations.grain(linear, look.grain, look.grain_size, settings.seed)
    result = linear_to_srgb(linear.clamp(0, 1))
    if mask is not None:
        edge = torch.nonzero((mask > 0) & (mask < 1), as_tuple=True)
        mixed = torch.lerp(linear[edge], srgb_to_linear(image[edge]), mask[edge].unsqueeze(-1))
        result[edge] = linear_to_srgb(mixed.clamp_(0, 1))
        # A share of 1 gives the image's very bits, one of 0 the result's.
        result = torch.lerp(result, image, (mask >= 1.0).to(result).unsqueeze(-1))
    result = result.contiguous()
    report = {
        "style": settings.style,
        "strength": settings.strength,
        "applied": applied,
        "figures": {name: figures[name] for name in applied},
        "product_protected": product is not None,
        "notes": notes,
    }
    return result, report
