"""A material in another colour: what its own colour gives to a pixel is exchanged, what the light's does is kept.

Every pixel is a sum of two (Shafer 1985): the material's colour times shading, and the light's own colour, mirrored at
the surface. On a coloured material the two are told apart by their colours, pixel by pixel: the first is given the new
colour, the second stays as it was, and so a highlight keeps the light's hue. A grey material has but one colour; there
all light on it is scaled, less of it where it is dark: most of what is seen of black leather is gloss, and a light
material shows softer shades than that. The new colour is the one that most of the part then has, gloss included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..color.gamut import linear_into_gamut
from ..colorspace import (
    chroma,
    hex_color,
    linear_to_lab,
    linear_to_srgb,
    luminance,
    parse_hex,
    srgb_to_lab,
    srgb_to_linear,
)
from ..errors import EmptyMaskError, ParameterError
from ..product.palette import name_of
from ..tensors import check_color, check_mask, check_range, common_batch, item, same_size
from .materials import Material, materials_of, nearest, offered, where
from .rim import mend_rim
from .told import as_lab, sentences, warnings

_GREY, _COLOURED = 12.0, 20.0
"""C* of the material below which it counts as grey, and from which its gloss is told by its colour alone."""
_DARK, _LIGHT = 35.0, 55.0
"""L* of a grey material up to which its shading is softened, and from which it is kept."""
_SOFTENED = 0.45
"""The power of it there: rendered black leather beside the same in white and in tan has 0.4 and 0.5."""
_BRIGHT_FROM, _BRIGHT_TO = 0.3, 0.9
"""Shares of the part's luminances between which its own colour is looked for: shadows are noise, lights are gloss."""
_PUREST = 0.9
"""Share of those pixels that are less colourful than what the material is without any gloss."""
_SURE = 0.9
"""How much of a pixel must be the part to say what colour that has."""
_DARKEST = 1e-4
"""Linear light added before a ratio."""


@dataclass(frozen=True)
class Recolored:
    """`image` `[B,H,W,3]` sRGB; `part` `[B,H,W]`: what was recoloured; one report per picture."""

    image: Tensor
    part: Tensor
    reports: tuple[dict[str, Any], ...]


def recolor(
    product: Tensor,
    mask: Tensor,
    target: Tensor,
    part: Tensor | None = None,
    material: int = 1,
    strength: float = 1.0,
    part_color: Tensor | None = None,
) -> Recolored:
    """Give a part of products another colour.

    `product` `[B,H,W,C]` sRGB with `mask` `[B,H,W]` (1 = product); `target` linear RGB `[3]`; `part` `[B,H,W]`, 1 =
    recolour (soft values mix), or None: the material nearest to `part_color` (linear RGB `[3]`), or else the `material`
    by number, the largest is 1. `strength` 0..1 mixes old and new in linear light. Outside of the part every pixel
    keeps its bits. Raises ShapeError, EmptyMaskError, ParameterError.
    """
    rgb, mask = check_color(product, "product")[..., :3], check_mask(mask)
    check_range(strength, 0.0, 1.0, "strength")
    named = {"product": rgb, "mask": mask}
    if part is not None:
        named["part"] = part = check_mask(part, "part")
    same_size(**named)
    if tuple(target.shape) != (3,):
        raise ParameterError("the colour must be one: red, green, blue.")
    batch = common_batch(**named)
    images, parts, reports = [], [], []
    for index in range(batch):
        picture, cover = item(rgb, index), item(mask, index)
        found = materials_of(picture, cover)
        number = material if part_color is None else nearest(found, as_lab(part_color.to(picture)))
        if part is None:
            chosen, left = where(picture, cover, found, number)
        else:
            chosen, left = item(part, index) * (cover > 0.02), None
        if not bool((chosen > 0.5).any()):
            raise EmptyMaskError("part holds nothing of the product: paint what is to be recoloured in white.")
        image, report = _recolored(picture, chosen, target.to(picture), strength)
        if part is None and strength > 0:
            image = mend_rim(picture, image, chosen, cover)
        enclosed = 0.0 if left is None else float(left.sum() / cover.sum().clamp(min=1))
        images.append(image)
        parts.append(chosen)
        share = float(chosen.sum() / cover.sum().clamp(min=1))
        taken = None if part is not None else number
        before, after = (srgb_to_lab(picture.new_tensor(parse_hex(report[key]))) for key in ("before", "after"))
        told = report["told_by_color"]
        doubts = warnings(
            picture, cover, chosen, part is not None, before, after, target.to(picture), told, strength, enclosed
        )
        reports.append(
            report
            | {
                "material": taken,
                "materials": _listed(found),
                "of_product": share,
                "said": sentences(before, after, share, found, taken),
                "warnings": list(doubts),
            }
        )
    return Recolored(torch.stack(images), torch.stack(parts), tuple(reports))


def _listed(found: list[Material]) -> list[dict[str, Any]]:
    return [
        {"number": number, "color": one.color, "name": name_of(one.main.cpu()), "share": round(one.share, 4)}
        for number, one in enumerate(offered(found), 1)
    ]


def _recolored(picture: Tensor, part: Tensor, target: Tensor, strength: float) -> tuple[Tensor, dict[str, Any]]:
    """One picture `[H,W,3]` with `part` `[H,W]` in `target` `[3]`, and its report."""
    index = torch.nonzero(part.flatten() > 0).flatten()
    weight = part.flatten()[index]
    linear = srgb_to_linear(picture.reshape(-1, 3)[index])
    sure = linear[weight >= min(_SURE, float(weight.max()))]
    middle = sure.median(dim=0).values
    own = _own_color(sure)
    lab = linear_to_lab((own * luminance(middle))[None].clamp(0, 1))[0]
    coloured = min(1.0, max(0.0, (float(chroma(lab)) - _GREY) / (_COLOURED - _GREY)))
    new = torch.zeros_like(linear)
    if coloured > 0:
        new += coloured * _exchanged(linear, sure, own, target)
    if coloured < 1:
        new += (1 - coloured) * _scaled(linear, middle, target)
    shown = linear_into_gamut(new.T.contiguous()).T
    mixed = torch.lerp(linear, shown, (weight * strength).unsqueeze(1))
    image = picture.reshape(-1, 3).clone()
    image[index] = linear_to_srgb(mixed).clamp(0.0, 1.0)
    after = mixed[weight >= min(_SURE, float(weight.max()))].median(dim=0).values
    report = {
        "color": hex_color(linear_to_srgb(target)),
        "before": hex_color(linear_to_srgb(middle)),
        "after": hex_color(linear_to_srgb(after)),
        "share": float(part.sum() / part.numel()),
        "told_by_color": coloured,
        "strength": strength,
    }
    return image.view_as(picture), report


def _own_color(linear: Tensor) -> Tensor:
    """What the material of linear RGB `[n,3]` is without gloss `[3]`, at luminance 1: its most colourful pixels."""
    light = luminance(linear)
    low, high = (_quantile(light, share) for share in (_BRIGHT_FROM, _BRIGHT_TO))
    clear = linear[(light >= low) & (light <= high)]
    clear = clear if len(clear) else linear
    colourful = 1 - clear.amin(dim=1) / (clear.amax(dim=1) + _DARKEST)
    purest = clear[colourful >= _quantile(colourful, _PUREST)].mean(dim=0)
    return purest / luminance(purest).clamp(min=_DARKEST)


def _quantile(values: Tensor, share: float) -> Tensor:
    return values.kthvalue(min(values.numel(), 1 + int(share * values.numel()))).values


def _split(linear: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the material's colour and of white light pixels `[n,3]` are made of, each `[n,1]` and not below 0."""
    both = torch.stack((own, torch.ones_like(own)), dim=1)
    gloss = (linear @ torch.linalg.pinv(both).T)[:, 1:].clamp(min=0)
    gloss = torch.minimum(gloss, linear.amin(dim=1, keepdim=True))
    body = ((linear - gloss) @ own).unsqueeze(1) / (own @ own)
    return body.clamp(min=0), gloss


def _exchanged(linear: Tensor, sure: Tensor, own: Tensor, target: Tensor) -> Tensor:
    """Pixels `[n,3]` whose material has another colour, their gloss kept; `sure` ones say how much light there is."""
    body, gloss = _split(linear, own)
    seen, shine = (plane.median() for plane in _split(sure, own))
    wanted = ((target - shine) / seen.clamp(min=_DARKEST)).clamp(min=0)
    return body * wanted + torch.minimum(gloss, gloss * 0 + 1)


def _scaled(linear: Tensor, middle: Tensor, target: Tensor) -> Tensor:
    """Pixels `[n,3]` of a grey material in the light that falls on them, in another colour."""
    least = luminance(middle).clamp(min=_DARKEST)
    lightness = float(linear_to_lab(middle[None])[0, 0])
    kept = min(1.0, max(0.0, (lightness - _DARK) / (_LIGHT - _DARK)))
    power = _SOFTENED + (1 - _SOFTENED) * kept
    shading = ((luminance(linear) + _DARKEST) / (least + _DARKEST)) ** power
    # What is brighter than white can be on the old material is gloss, and adds the light's own colour.
    limit = (1.0 / luminance(target).clamp(min=0.05)).clamp(min=1.2)
    beyond = (shading - limit).clamp(min=0).unsqueeze(1)
    return shading.clamp(max=float(limit)).unsqueeze(1) * target + beyond * luminance(target)
